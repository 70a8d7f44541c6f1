//! Objects of Python's own library whose content is held: paths, moments, open files.
//!
//! Invariants: pure values. What depends on the machine (where the home folder lies, what time it
//! is) is no part of them.

pub(crate) mod moment;
pub(crate) mod path;
pub(crate) mod regular;
pub(crate) mod spec;
pub(crate) mod template;

use crate::python::data::ini::Section;
use moment::{Delta, Moment};
use path::PathText;
pub(crate) use regular::{Expression, Found};
use std::cmp::Ordering;
use std::rc::Rc;

/// An object of the library.
#[derive(Clone, Debug)]
pub(crate) enum Standard {
    /// `pathlib.Path`.
    Path(PathText),
    /// An open file of the tree.
    File(OpenFile),
    /// `os.DirEntry`.
    Entry(PathText),
    Moment(Moment),
    Delta(Delta),
    /// `configparser.ConfigParser`, with what it has read.
    Config(Rc<Vec<Section>>),
    /// One of its sections.
    Section(Rc<Vec<Section>>, Rc<str>),
    /// `re.compile(…)`.
    Pattern(Rc<Expression>),
    /// What a pattern found.
    Match(Rc<Found>),
    /// `hashlib.md5(…)` and the like: the name and what it has been given.
    Digest(Rc<str>, Rc<[u8]>),
    Uuid([u8; 16]),
    /// `string.Template(…)`.
    Template(Rc<str>),
    /// `operator.itemgetter(…)` and the like: the name and what it was made with.
    Getter(Rc<str>, Box<crate::python::value::Args>),
    /// `packaging.version.Version(…)`.
    Version(Rc<super::interpret::Release>),
}

/// An open file.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    /// Its number in the tree.
    pub(crate) file: usize,
    pub(crate) binary: bool,
    pub(crate) text: Rc<str>,
    /// How much of the text has been read.
    pub(crate) read: usize,
}

impl Standard {
    /// Canonical text: equal text is an equal value.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Path(path) => format!("Path({path:?})"),
            Self::Entry(path) => format!("DirEntry({path:?})"),
            Self::File(open) => format!("file {} {} {}", open.file, open.binary, open.read),
            Self::Moment(moment) => moment.repr(),
            Self::Delta(delta) => delta.repr(),
            Self::Config(sections) => format!("config {sections:?}"),
            Self::Pattern(pattern) => format!("re.compile({:?})", pattern.source),
            Self::Match(found) => format!("match {:?}", found.groups),
            Self::Digest(name, bytes) => format!("{name} {bytes:?}"),
            Self::Uuid(bytes) => uuid_text(bytes),
            Self::Template(text) => format!("Template({text:?})"),
            Self::Getter(name, args) => format!("{name} {:?}", args.positional),
            Self::Version(release) => format!("version {}", release.text()),
            Self::Section(sections, name) => format!("section {name} of {sections:?}"),
        }
    }

    /// `isinstance(…)` of a class of the library; none if that is not held.
    pub(crate) fn is_a(&self, class: &str) -> Option<bool> {
        let own: &[&str] = match self {
            Self::Path(_) => &["pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.PathLike"],
            Self::Moment(Moment::Date(_)) => &["datetime.date"],
            Self::Moment(Moment::DateTime { .. }) => &["datetime.datetime", "datetime.date"],
            Self::Moment(Moment::Time(_)) => &["datetime.time"],
            Self::Delta(_) => &["datetime.timedelta"],
            _ => return None,
        };
        let known = ["builtins.", "datetime.", "pathlib."].iter().any(|room| class.starts_with(room));
        (known || own.contains(&class)).then(|| own.contains(&class) || class == "builtins.object")
    }

    /// `bool(…)`.
    pub(crate) fn truth(&self) -> bool {
        !matches!(self, Self::Delta(delta) if delta.micros == 0)
    }

    /// `==`; none if that is not known.
    pub(crate) fn equal(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => match (a.home(), b.home()) {
                (x, y) if x == y => Some(a == b),
                // One lies below the home folder, and who knows where that is.
                _ => None,
            },
            (Self::Moment(a), Self::Moment(b)) => a.order(b).map(Ordering::is_eq).or_else(|| a.unlike(b)),
            (Self::Delta(a), Self::Delta(b)) => Some(a.micros == b.micros),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a == b),
            (Self::Version(a), Self::Version(b)) => Some(a.order(b).is_eq()),
            (
                Self::File(_)
                | Self::Entry(_)
                | Self::Pattern(_)
                | Self::Match(_)
                | Self::Getter(..)
                | Self::Template(_),
                _,
            ) => None,
            (a, b) => (std::mem::discriminant(a) != std::mem::discriminant(b)).then_some(false),
        }
    }

    /// `<`, `>`; none if that is not known or not defined.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => a.order(b),
            (Self::Moment(a), Self::Moment(b)) => a.order(b),
            (Self::Delta(a), Self::Delta(b)) => Some(a.micros.cmp(&b.micros)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Version(a), Self::Version(b)) => Some(a.order(b)),
            _ => None,
        }
    }
}

/// A UUID in its usual form.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}
