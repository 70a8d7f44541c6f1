//! Whether code can do with a value of some shape what it does with it.

use super::express::is_moment;
use super::{Guard, Need, Step, Test, Use, What};
use crate::content::Location;
use crate::dag::Shape;

/// What comes of a value meeting code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All that is asked of it, it has.
    Fits,
    /// Nothing speaks against it, and not all of the code is followed: where it goes on.
    Open(Location),
    /// Perhaps not: with what is asked, and where.
    May(String, Location),
    /// It goes on, with what nobody meant: with what comes of it, and where.
    Alters(String, Location),
    /// Not: with what is asked, and where.
    Fails(String, Location),
}

impl Fit {
    /// Whether it is certain that the code fails.
    pub fn fails(&self) -> bool {
        matches!(self, Self::Fails(..))
    }

    /// Whether nothing speaks against it.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Fits | Self::Open(_))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Fits => 0,
            Self::Open(_) => 1,
            Self::May(..) => 2,
            Self::Alters(..) => 3,
            Self::Fails(..) => 4,
        }
    }
}

/// What one thing that is asked of a value finds.
enum Found {
    Yes,
    No(String),
    Odd(String),
    Perhaps(String),
    NotKnown,
}

impl Use {
    /// Whether a value of that shape can be used so.
    pub fn fits(&self, value: &Shape) -> Fit {
        let open = || self.open.clone().map_or(Fit::Fits, Fit::Open);
        let alternatives: Vec<&Shape> = match value {
            Shape::Union(all) => all.iter().collect(),
            one => vec![one],
        };
        let fits: Vec<Fit> = alternatives.iter().map(|shape| self.fits_one(shape)).collect();
        let worst = fits.iter().max_by_key(|fit| fit.rank()).cloned().unwrap_or_else(open);
        match worst {
            Fit::Fails(why, at) | Fit::Alters(why, at) if fits.iter().any(Fit::passes) => Fit::May(why, at),
            Fit::Fits => open(),
            worst => worst,
        }
    }

    fn fits_one(&self, value: &Shape) -> Fit {
        let mut result = Fit::Fits;
        for need in &self.needs {
            let fit = need.fits(value);
            if fit.rank() > result.rank() {
                result = fit;
            }
        }
        result
    }

    /// The parts of two values that go on to code that is not followed, each from both; the whole of
    /// them where a part cannot be told.
    pub fn open_in(&self, before: &Shape, after: &Shape) -> Vec<(Shape, Shape)> {
        if self.open_parts.is_empty() || self.open_parts.iter().any(|path| path.contains(&Step::Element)) {
            return vec![(before.clone(), after.clone())];
        }
        // Who asks by `get` is ready to find nothing.
        let there = |step: &Step| match step {
            Step::Get(key) => Step::Key(key.clone()),
            step => step.clone(),
        };
        let paths = self.open_parts.iter().map(|path| path.iter().map(there).collect::<Vec<_>>());
        paths.filter_map(|path| Some((part(before, &path)?, part(after, &path)?))).collect()
    }

    /// What nobody meant, where a value of the one type takes the place of the other and has all that is asked of it.
    pub fn misreads(&self, before: &Shape, after: &Shape) -> Option<String> {
        let is_text = |shape: &Shape| matches!(shape, Shape::Named(name) if name == "str");
        let letters = |need: &Need| {
            need.what == What::Iterate
                && need.guards.iter().all(|guard| guard.decide(after) == Some(guard.holds))
                && matches!(part(before, &need.path), Some(Shape::List(..) | Shape::Tuple(_)))
                && part(after, &need.path).is_some_and(|part| is_text(&part))
        };
        let found = self.needs.iter().any(letters);
        found.then(|| "a text is gone through letter by letter in place of a list".to_owned())
    }

    /// Whether anything is asked under a test of whether the value is true, which its shape does not tell.
    pub fn tests_truth(&self) -> bool {
        self.needs.iter().flat_map(|need| &need.guards).any(|guard| guard.test == Test::Truth)
    }

    /// What this use asks beside what another one asks: nothing, where the code did not change.
    pub fn asks_more_than(&self, other: &Self) -> bool {
        let asked = |usage: &Self| -> Vec<_> {
            usage.needs.iter().map(|need| (need.path.clone(), need.what.clone(), need.guards.clone())).collect()
        };
        let before = asked(other);
        asked(self).iter().any(|need| !before.contains(need)) || self.open.is_some() && other.open.is_none()
    }
}

impl Need {
    fn fits(&self, value: &Shape) -> Fit {
        let mut sure = true;
        for guard in &self.guards {
            // Who asks how many there are is ready for fewer or more.
            let counted = matches!(self.what, What::Index(_) | What::Unpack(..)) && guard.path == self.path;
            if counted && guard.test == Test::Length {
                return Fit::Fits;
            }
            match guard.decide(value) {
                Some(holds) if holds == guard.holds => {}
                Some(_) => return Fit::Fits,
                None => sure = false,
            }
        }
        let Some(part) = part(value, &self.path) else { return Fit::Fits };
        let (mut yes, mut no, mut odd) = (false, None, None);
        let alternatives: Vec<&Shape> = match &part {
            Shape::Union(all) => all.iter().collect(),
            one => vec![one],
        };
        for shape in alternatives {
            match self.what.of(shape) {
                Found::Yes | Found::NotKnown => yes = true,
                Found::No(why) => no = Some(why),
                Found::Odd(why) => odd = Some(why),
                Found::Perhaps(why) => {
                    sure = false;
                    no = Some(why);
                }
            }
        }
        match (no, odd) {
            (Some(why), _) if sure && !yes => Fit::Fails(why, self.at.clone()),
            (None, Some(why)) if sure && !yes => Fit::Alters(why, self.at.clone()),
            (Some(why), _) | (None, Some(why)) => Fit::May(why, self.at.clone()),
            (None, None) => Fit::Fits,
        }
    }
}

impl Guard {
    /// Whether the test holds for a value of that shape; none if that is not known.
    fn decide(&self, value: &Shape) -> Option<bool> {
        let part = part(value, &self.path)?;
        match (&self.test, &part) {
            (Test::Other | Test::Length, _) | (_, Shape::Any | Shape::Union(_)) => None,
            (Test::IsNone, shape) => Some(*shape == Shape::None),
            (Test::Truth, Shape::None) => Some(false),
            (Test::Truth, Shape::Dict(Some(keys))) => Some(!keys.is_empty()),
            (Test::Truth, Shape::Tuple(parts)) => Some(!parts.is_empty()),
            // Taken as what it mostly is: the tests are there for what is nothing.
            (Test::Truth, _) => Some(true),
            (Test::Has(key), Shape::Dict(Some(keys))) => Some(keys.contains_key(key)),
            (Test::Has(_), _) => None,
            (Test::Is(names), shape) => is_one_of(shape, names),
        }
    }
}

fn is_one_of(shape: &Shape, names: &std::collections::BTreeSet<String>) -> Option<bool> {
    let any = |own: &[&str]| Some(own.iter().any(|name| names.contains(*name)));
    match shape {
        Shape::None => any(&["NoneType"]),
        Shape::Dict(_) => any(&["dict", "Mapping", "MutableMapping", "Dict", "Container", "Iterable", "Collection"]),
        Shape::List(..) => any(&["list", "List", "Sequence", "Iterable", "Collection", "Container"]),
        Shape::Tuple(_) => any(&["tuple", "Tuple", "Sequence", "Iterable", "Collection", "Container"]),
        Shape::Record(name, _) => Some(names.contains(name)),
        Shape::Named(name) => match &**name {
            "int" => any(&["int", "Number", "Integral", "Real"]),
            "bool" => any(&["bool", "int", "Number", "Integral"]),
            "float" => any(&["float", "Number", "Real"]),
            "str" => any(&["str", "Sequence", "Iterable", "Collection"]),
            "bytes" => any(&["bytes", "Sequence", "Iterable"]),
            _ if names.contains(&**name) => Some(true),
            _ => None,
        },
        Shape::Any | Shape::Union(_) => None,
    }
}

/// A part of a value; none if there is no such part, or what it is is not known.
fn part(value: &Shape, path: &[Step]) -> Option<Shape> {
    let mut at = value.clone();
    for step in path {
        at = match (step, at) {
            (Step::Key(key), Shape::Dict(Some(keys))) => keys.get(key)?.clone(),
            (Step::Get(key), Shape::Dict(Some(keys))) => keys.get(key).cloned().unwrap_or(Shape::None),
            (Step::Index(index), Shape::Tuple(parts)) => parts.get(*index)?.clone(),
            (Step::Index(_) | Step::Element, Shape::List(inner, _)) => *inner,
            (Step::Element, Shape::Dict(Some(_))) => Shape::Named("str".into()),
            (Step::Attribute(name), Shape::Record(_, fields)) => fields.get(name)?.clone(),
            (_, Shape::Any) => return Some(Shape::Any),
            _ => return None,
        };
    }
    Some(at)
}

impl What {
    /// Whether a value of that shape has what is asked, and why not; none if that is not known.
    pub(super) fn finds(&self, value: &Shape) -> Option<Result<(), String>> {
        match self.of(value) {
            Found::Yes => Some(Ok(())),
            Found::No(why) => Some(Err(why)),
            Found::Odd(_) | Found::Perhaps(_) | Found::NotKnown => None,
        }
    }

    fn of(&self, value: &Shape) -> Found {
        let no = |why: String| Found::No(why);
        let shown = value.shown();
        match (self, value) {
            (_, Shape::Any | Shape::Union(_)) => Found::NotKnown,
            (what, Shape::Named(name)) if is_special(name) => what.of_special(name),
            (Self::Dumped, shape) => match undumped(shape) {
                Some(what) => no(format!("{what} is given to `json.dumps()`")),
                None => Found::Yes,
            },
            (Self::Next, shape) if is_plain(shape) => no(format!("`next()` is asked of {shown}")),
            (Self::Attribute(name), Shape::Named(own)) if own == "date" && OF_TIME.contains(&name.as_str()) => {
                no(format!("`.{name}` is asked of {shown}"))
            }
            (Self::Json, Shape::Named(name)) if name == "str" || name == "bytes" => Found::Yes,
            (Self::Json, shape) if is_plain(shape) => no(format!("{shown} is read as JSON")),
            (Self::Whole, Shape::Named(name)) if name == "int" || name == "bool" => Found::Yes,
            (Self::Whole, shape) if is_plain(shape) => no(format!("{shown} is taken for a whole number")),
            (Self::Key(key), Shape::Dict(Some(keys))) => {
                if keys.contains_key(key) {
                    Found::Yes
                } else {
                    no(format!("key `{key}` is read, and there is none"))
                }
            }
            (Self::Key(key), shape) if !matches!(shape, Shape::Dict(_)) && is_plain(shape) => {
                no(format!("key `{key}` is read of {shown}"))
            }
            (Self::Index(at), Shape::Tuple(parts)) => {
                if *at < parts.len() {
                    Found::Yes
                } else {
                    no(format!("element {at} is read of {} elements", parts.len()))
                }
            }
            (Self::Index(at), Shape::List(_, Some(length))) if at >= length => {
                no(format!("element {at} is read of {length} elements"))
            }
            (Self::Index(_), Shape::List(..)) => Found::Yes,
            (Self::Index(_), Shape::Named(name)) if name == "str" || name == "bytes" => Found::Yes,
            (Self::Index(at), shape) if is_plain(shape) => no(format!("element {at} is read of {shown}")),
            (Self::Unpack(count, starred), Shape::Tuple(parts)) => unpack(*count, *starred, parts.len()),
            (Self::Unpack(count, starred), Shape::List(_, Some(length))) => unpack(*count, *starred, *length),
            (Self::Unpack(count, starred), Shape::Dict(Some(keys))) => unpack(*count, *starred, keys.len()),
            (Self::Iterate | Self::Contain | Self::Length | Self::Unpack(..), shape) if is_scalar(shape) => {
                no(format!("{shown} is iterated, unpacked or measured"))
            }
            (Self::Within(names), Shape::Dict(Some(keys))) => match keys.keys().find(|key| !names.contains(*key)) {
                Some(key) => no(format!("`{key}` is given, which nothing takes")),
                None => Found::Yes,
            },
            (Self::Mapped, shape) if is_scalar(shape) => no(format!("{shown} cannot be mapped over")),
            (Self::Json | Self::Whole | Self::Within(_) | Self::Places(..), _) => Found::NotKnown,
            (Self::Spread, shape) if is_plain(shape) && !matches!(shape, Shape::Dict(_)) => {
                no(format!("{shown} is passed on by `**`"))
            }
            (Self::Attribute(name), Shape::Record(_, fields)) => {
                // A class can have more than its fields.
                if fields.contains_key(name) {
                    Found::Yes
                } else {
                    Found::Perhaps(format!("`.{name}` is asked of {shown}"))
                }
            }
            (Self::Attribute(name), shape) if is_plain(shape) => {
                if has_method(shape, name) {
                    Found::Yes
                } else {
                    no(format!("`.{name}` is asked of {shown}"))
                }
            }
            (Self::Number, Shape::None | Shape::Dict(_) | Shape::List(..) | Shape::Tuple(_)) => {
                no(format!("{shown} is read as a number"))
            }
            (Self::Calculate(other), shape) => calculate(shape, other),
            (Self::Text, Shape::None) => Found::Odd("nothing is put into a text".to_owned()),
            _ => Found::Yes,
        }
    }
}

impl What {
    /// What is found in a set, in a generator, and in a function.
    fn of_special(&self, name: &str) -> Found {
        let article = if name.starts_with('i') { "an" } else { "a" };
        let no = |what: &str| Found::No(format!("{what} of {article} {name}"));
        match self {
            Self::Key(key) => no(&format!("key `{key}` is read")),
            Self::Index(at) => no(&format!("element {at} is read")),
            Self::Spread | Self::Number | Self::Whole | Self::Json => no("a value is made"),
            Self::Mapped => no("the instances are made"),
            Self::Length if matches!(name, "set" | "dict view") => Found::Yes,
            Self::Length => no("the length is asked"),
            Self::Iterate | Self::Contain | Self::Unpack(..) if matches!(name, "function" | "coroutine") => {
                no("the elements are asked")
            }
            Self::Attribute(attribute) if name == "coroutine" && !is_of_coroutine(attribute) => {
                no(&format!("`.{attribute}` is asked"))
            }
            Self::Work if matches!(name, "generator" | "coroutine") => {
                Found::No(format!("it gives a {name}, and nothing runs that"))
            }
            Self::Dumped => no("JSON is made"),
            Self::Next if matches!(name, "generator" | "iterator") => Found::Yes,
            Self::Next => no("the next element is asked"),
            Self::Iterate | Self::Contain | Self::Work => Found::Yes,
            Self::Calculate(_) if name == "function" => no("something is calculated"),
            Self::Calculate(other) if is_number(other) || *other == Shape::Named("str".into()) => {
                no("something is calculated")
            }
            Self::Unpack(..)
            | Self::Attribute(_)
            | Self::Calculate(_)
            | Self::Text
            | Self::Within(_)
            | Self::Places(..) => Found::NotKnown,
        }
    }
}

/// What a `datetime` has, and a `date` has not.
const OF_TIME: [&str; 11] = [
    "hour",
    "minute",
    "second",
    "microsecond",
    "tzinfo",
    "timestamp",
    "astimezone",
    "time",
    "date",
    "utcoffset",
    "tzname",
];

/// Whether few things can be done with a value of that type.
fn is_special(name: &str) -> bool {
    matches!(name, "set" | "generator" | "function" | "coroutine" | "iterator" | "dict view")
}

fn is_of_coroutine(attribute: &str) -> bool {
    matches!(attribute, "send" | "throw" | "close") || attribute.starts_with("cr_") || attribute.starts_with("__")
}

/// What of a value JSON has no form for.
fn undumped(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Named(name) if name == "bytes" || is_special(name) || is_moment(name) => {
            Some(format!("a value of type {name}"))
        }
        Shape::List(inner, _) => undumped(inner),
        Shape::Tuple(parts) => parts.iter().find_map(undumped),
        Shape::Dict(Some(keys)) => keys.values().find_map(undumped),
        _ => None,
    }
}

fn unpack(count: usize, starred: bool, length: usize) -> Found {
    if length == count || starred && length >= count {
        Found::Yes
    } else {
        Found::No(format!("{count} elements are unpacked of {length}"))
    }
}

/// Whether all that can be done with a value of that shape is known.
fn is_plain(shape: &Shape) -> bool {
    match shape {
        Shape::Named(name) => matches!(&**name, "int" | "float" | "bool" | "str" | "bytes"),
        Shape::None | Shape::Dict(_) | Shape::List(..) | Shape::Tuple(_) => true,
        Shape::Record(..) | Shape::Any | Shape::Union(_) => false,
    }
}

fn is_number(shape: &Shape) -> bool {
    matches!(shape, Shape::Named(name) if matches!(&**name, "int" | "float" | "bool"))
}

fn is_scalar(shape: &Shape) -> bool {
    *shape == Shape::None || is_number(shape)
}

/// Calculations with numbers are for numbers: that `"7" * 2` is `"77"` is no result that was meant.
fn calculate(value: &Shape, other: &Shape) -> Found {
    let no = || Found::No(format!("{} is calculated with", value.shown()));
    match (value, other) {
        (Shape::None | Shape::Dict(_), _) => no(),
        (value, other) if is_number(other) && is_plain(value) => {
            if is_number(value) {
                Found::Yes
            } else {
                no()
            }
        }
        (value, Shape::Named(name)) if name == "str" && is_plain(value) => {
            if matches!(value, Shape::Named(own) if own == "str") { Found::Yes } else { no() }
        }
        (value, Shape::List(..)) if is_plain(value) => {
            if matches!(value, Shape::List(..)) {
                Found::Yes
            } else {
                no()
            }
        }
        _ => Found::Yes,
    }
}

fn has_method(shape: &Shape, name: &str) -> bool {
    const ALL: &[&str] =
        &["items", "keys", "values", "get", "pop", "popitem", "update", "setdefault", "copy", "clear", "fromkeys"];
    const LIST: &[&str] =
        &["append", "extend", "insert", "remove", "pop", "clear", "index", "count", "sort", "reverse", "copy"];
    const INT: &[&str] = &[
        "bit_length",
        "to_bytes",
        "from_bytes",
        "real",
        "imag",
        "numerator",
        "denominator",
        "conjugate",
        "as_integer_ratio",
        "is_integer",
        "bit_count",
        "hex",
        "fromhex",
    ];
    const STR: &str = " capitalize casefold center count encode endswith expandtabs find format format_map index \
                       isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace \
                       istitle isupper join ljust lower lstrip maketrans partition removeprefix removesuffix replace \
                       rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title \
                       translate upper zfill ";
    if name.starts_with("__") {
        return true;
    }
    match shape {
        Shape::Dict(_) => ALL.contains(&name),
        Shape::List(..) => LIST.contains(&name),
        Shape::Tuple(_) => matches!(name, "index" | "count"),
        Shape::Named(own) if own == "str" => STR.contains(&format!(" {name} ")),
        Shape::Named(own) if own == "bytes" => {
            !ALL.contains(&name) && !LIST.contains(&name) || matches!(name, "index" | "count")
        }
        Shape::Named(_) => INT.contains(&name),
        _ => false,
    }
}

impl Shape {
    /// In Python's words, for a sentence.
    pub fn shown(&self) -> String {
        match self {
            Self::Any => "a value that is not known".to_owned(),
            Self::None => "`None`".to_owned(),
            Self::Named(name) => format!("`{name}`"),
            Self::Record(name, _) => format!("`{name}`"),
            Self::Dict(_) => "a dict".to_owned(),
            Self::List(..) => "a list".to_owned(),
            Self::Tuple(parts) => format!("a tuple of {}", parts.len()),
            Self::Union(parts) => parts.iter().map(Self::shown).collect::<Vec<_>>().join(" or "),
        }
    }
}
