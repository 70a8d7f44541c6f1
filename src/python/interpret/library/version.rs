//! Versions: of packages as `packaging` compares them, and of Python, of which only some are known
//! to be possible.

use super::super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::syntax::CompareOp;
use crate::python::value::{Args, At, Value};
use std::cmp::Ordering;
use std::rc::Rc;

/// `sys.version_info`.
const PYTHON: &str = "sys.version_info";
/// `sys.version_info[:2]`.
const PYTHON_TWO: &str = "sys.version_info[:2]";
/// `sys.version_info.minor`.
const PYTHON_MINOR: &str = "sys.version_info.minor";

/// The second parts of the Pythons that a supported Airflow runs on.
const MINORS: std::ops::RangeInclusive<i64> = 8..=14;

/// A version by PEP 440, of the usual kinds: numbers, and one suffix at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// As written, less a `v` before it.
    text: Rc<str>,
    numbers: Vec<i64>,
    /// `dev` is -4, `a` -3, `b` -2, `rc` -1, nothing 0, `post` 1; with its number.
    stage: (i64, i64),
}

impl Release {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text).to_ascii_lowercase();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end);
        let numbers: Vec<i64> =
            numbers.trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let kinds = [("dev", -4), ("a", -3), ("b", -2), ("rc", -1), ("post", 1)];
        let stage = match kinds.iter().find_map(|(name, rank)| Some((*rank, suffix.strip_prefix(name)?))) {
            _ if suffix.is_empty() => (0, 0),
            Some((rank, "")) => (rank, 0),
            Some((rank, number)) => (rank, number.parse().ok()?),
            None => return None,
        };
        Some(Self { text: text.into(), numbers, stage })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let length = self.numbers.len().max(other.numbers.len());
        let padded = |release: &Self| {
            let mut numbers = release.numbers.clone();
            numbers.resize(length, 0);
            numbers
        };
        padded(self).cmp(&padded(other)).then(self.stage.cmp(&other.stage))
    }
}

impl<H: Host> Interp<'_, H> {
    /// `packaging.version.Version(…)` and its kin.
    pub(super) fn call_version(&mut self, path: &str, args: &Args) -> Option<Value> {
        if !matches!(path, "packaging.version.Version" | "packaging.version.parse" | "pkg_resources.parse_version") {
            return None;
        }
        let release = Release::parse(args.value(0, "version")?.as_str()?)?;
        Some(self.new_object(super::super::Object::Standard(Standard::Version(Rc::new(release)))))
    }

    /// An attribute of a version.
    pub(super) fn version_attribute(&mut self, release: &Release, name: &str, at: At) -> Option<Value> {
        let part = |index: usize| Some(Value::Int(release.numbers.get(index).copied().unwrap_or(0)));
        let joined = || release.numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        match name {
            "major" => part(0),
            "minor" => part(1),
            "micro" => part(2),
            "release" => Some(self.new_tuple(release.numbers.iter().map(|number| Value::Int(*number)).collect())),
            "base_version" => Some(Self::text_value(joined(), at)),
            "is_prerelease" => Some(Value::Bool(release.stage.0 < 0)),
            "is_postrelease" => Some(Value::Bool(release.stage.0 == 1)),
            "is_devrelease" => Some(Value::Bool(release.stage.0 == -4)),
            _ => None,
        }
    }

    /// A part of `sys.version_info`, as far as all Pythons agree; what stands for it where they do
    /// not.
    pub(in super::super) fn python_part(value: &Value, name: &str) -> Option<Value> {
        if &**value.outside_path()? != PYTHON {
            return None;
        }
        Some(match name {
            "major" | "0" => Value::Int(3),
            "minor" | "1" => Value::outside(PYTHON_MINOR),
            "[:2]" => Value::outside(PYTHON_TWO),
            _ => return None,
        })
    }

    /// A comparison with the version of Python, where all that are possible agree.
    pub(in super::super) fn compare_python(&self, op: CompareOp, left: &Value, right: &Value) -> Option<bool> {
        let (path, other, op) = match (left, right) {
            (Value::Outside(path), other) => (path, other, op),
            (other, Value::Outside(path)) => (path, other, mirrored(op)?),
            _ => return None,
        };
        let other: Vec<i64> = match &**path {
            PYTHON | PYTHON_TWO => self.items(other)?.iter().map(Value::as_int).collect::<Option<_>>()?,
            PYTHON_MINOR => vec![other.as_int()?],
            _ => return None,
        };
        let mut answers = MINORS.flat_map(|minor| match &**path {
            PYTHON_MINOR => vec![vec![minor]],
            PYTHON_TWO => vec![vec![3, minor]],
            // Two more parts follow, one of them a text.
            _ => [0, 1, 2, 100].map(|micro| vec![3, minor, micro, i64::MAX]).to_vec(),
        });
        let answer = |own: Vec<i64>| -> Option<bool> {
            let order = own.cmp(&other);
            Some(match op {
                CompareOp::Eq => order.is_eq(),
                CompareOp::NotEq => order.is_ne(),
                CompareOp::Less => order.is_lt(),
                CompareOp::LessEq => order.is_le(),
                CompareOp::Greater => order.is_gt(),
                CompareOp::GreaterEq => order.is_ge(),
                _ => return None,
            })
        };
        let first = answer(answers.next()?)?;
        answers.all(|own| answer(own) == Some(first)).then_some(first)
    }
}

/// The operator with its sides exchanged.
fn mirrored(op: CompareOp) -> Option<CompareOp> {
    Some(match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessEq => CompareOp::GreaterEq,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterEq => CompareOp::LessEq,
        CompareOp::Eq | CompareOp::NotEq => op,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn versions_have_the_order_of_pep_440() {
        let order = ["2.0.dev1", "2.0a1", "2.0b1", "2.0rc1", "2.0", "2.0.post1", "2.0.1", "2.9.3", "2.10", "3"];
        let releases: Vec<_> = order.iter().map(|text| Release::parse(text).unwrap()).collect();
        assert!(releases.windows(2).all(|pair| pair[0].order(&pair[1]).is_lt()));
        let [a, b] = ["2", "v2.0.0"].map(|text| Release::parse(text).unwrap());
        assert!(a.order(&b).is_eq());
        assert_eq!(["", "x", "2.x", "1+local", "1.0a1.dev2"].map(|text| Release::parse(text).is_some()), [false; 5]);
    }
}
