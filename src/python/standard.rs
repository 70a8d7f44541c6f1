//! Objects of Python's own library whose content is held: paths, moments, open files.
//!
//! Invariants: pure values. What depends on the machine (where the home folder lies, what time it
//! is) is no part of them.

pub(crate) mod moment;
pub(crate) mod path;

use crate::python::data::ini::Section;
use moment::{Delta, Moment};
use path::PathText;
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
            Self::Section(sections, name) => format!("section {name} of {sections:?}"),
        }
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
            (Self::File(_) | Self::Entry(_), _) => None,
            (a, b) => (std::mem::discriminant(a) != std::mem::discriminant(b)).then_some(false),
        }
    }

    /// `<`, `>`; none if that is not known or not defined.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => a.order(b),
            (Self::Moment(a), Self::Moment(b)) => a.order(b),
            (Self::Delta(a), Self::Delta(b)) => Some(a.micros.cmp(&b.micros)),
            _ => None,
        }
    }
}
