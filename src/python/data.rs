//! Data files as Python's readers see them: YAML, JSON, TOML, CSV, INI.
//!
//! Invariants: pure, bounded by the size of the text (an alias refers to its node and copies
//! nothing), and never a panic. What a reader would make differently in some release is
//! [`Kind::Opaque`], not a guess.

pub(crate) mod csv;
pub(crate) mod ini;
pub(crate) mod json;
pub(crate) mod toml;
pub(crate) mod yaml;

use crate::content::Span;

/// A document: nodes that refer to each other by number, so that aliases share.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: usize,
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Where it is written, if the reader tells.
    pub(crate) span: Option<Span>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Date(jiff::civil::Date),
    /// Without a zone.
    DateTime(jiff::civil::DateTime),
    List(Vec<usize>),
    /// In insertion order; of equal keys the last wins.
    Map(Vec<(usize, usize)>),
    /// Something that is not held, and what.
    Opaque(&'static str),
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Python raises this class, with such a message.
    Raises(&'static str, String),
    /// What Python does is not known.
    Unclear(&'static str),
}

impl Document {
    fn add(&mut self, kind: Kind, span: Option<Span>) -> usize {
        self.nodes.push(Node { kind, span });
        self.nodes.len() - 1
    }
}

/// An integer in Python's spelling; none beyond 64 bits.
fn integer(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i64::from_str_radix(&digits, base).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::{csv, ini, json, toml, yaml};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-\\[\\]{}:,&*!|>'\"%@`#?<= \\t\\n0-9a-cé.~_+]{0,60}") {
            let _ = yaml::documents(&text, yaml::Dialect::PyYaml);
            let _ = yaml::documents(&text, yaml::Dialect::Ruamel);
            let _ = json::document(&text);
            let _ = toml::document(&text);
            let _ = csv::rows(&text, csv::Style::default());
            let _ = ini::sections(&text);
        }
    }
}
