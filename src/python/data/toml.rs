//! TOML as `tomllib` reads it.

use super::{Document, Fault, Kind, integer};
use crate::content::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The document of a text.
pub(crate) fn document(text: &str) -> Result<Document, Fault> {
    let table = DeTable::parse(text).map_err(|error| Fault::Raises("TOMLDecodeError", error.message().to_owned()))?;
    let lines = Lines::of(text);
    let mut document = Document::default();
    document.root = add_table(&mut document, table.get_ref(), &lines);
    Ok(document)
}

/// The parser keeps keys sorted; the text has them in the order that Python keeps.
fn add_table(document: &mut Document, table: &DeTable, lines: &Lines) -> usize {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut pairs = Vec::new();
    for (key, value) in entries {
        let name = document.add(Kind::Text(key.get_ref().to_string()), Some(lines.span(key.span())));
        pairs.push((name, add(document, value, lines)));
    }
    document.add(Kind::Map(pairs), None)
}

fn add(document: &mut Document, value: &Spanned<DeValue>, lines: &Lines) -> usize {
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Integer(number) => {
            integer(number.as_str(), number.radix()).map_or(Kind::Opaque("a number beyond 64 bits"), Kind::Int)
        }
        DeValue::Float(number) => {
            number.as_str().parse().map_or(Kind::Opaque("a number that is not evaluated"), Kind::Float)
        }
        DeValue::Boolean(value) => Kind::Bool(*value),
        DeValue::Datetime(moment) => moment_of(moment),
        DeValue::Array(items) => Kind::List(items.iter().map(|item| add(document, item, lines)).collect()),
        DeValue::Table(table) => return add_table(document, table, lines),
    };
    document.add(kind, Some(lines.span(value.span())))
}

fn moment_of(moment: &toml::value::Datetime) -> Kind {
    let text = moment.to_string();
    match (moment.date, moment.time, moment.offset) {
        (Some(_), None, None) => text.parse().map_or(Kind::Opaque("a date"), Kind::Date),
        (Some(_), Some(_), None) => text.parse().map_or(Kind::Opaque("a time"), Kind::DateTime),
        _ => Kind::Opaque("a time"),
    }
}

/// Where each line begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        let line = self.0.partition_point(|start| *start <= range.start);
        Span::new(range.start, range.end, u32::try_from(line).unwrap_or(u32::MAX))
    }
}
