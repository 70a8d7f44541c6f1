//! YAML as PyYAML's safe loader reads it (YAML 1.1), and as far as ruamel's (YAML 1.2) agrees.

use super::{Document, Fault, Kind, integer};
use crate::content::Span;
use jiff::civil::{Date, DateTime};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// More nodes than this are not read.
const NODES: usize = 1 << 19;

/// Deeper nesting than this is not read: Python itself gives up at about a thousand.
const DEPTH: usize = 200;

/// Whose rules decide what an unquoted scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PyYAML: YAML 1.1.
    PyYaml,
    /// ruamel.yaml, whose default is YAML 1.2: what the two versions read differently is opaque.
    Ruamel,
    /// Every scalar is a text (PyYAML's `BaseLoader`).
    Base,
}

/// An open collection.
struct Open {
    node: usize,
    /// The key that waits for its value, for a mapping.
    key: Option<usize>,
    mapping: bool,
    /// Set by a tag: what the whole is not.
    opaque: Option<&'static str>,
}

/// All documents of a text.
pub(crate) fn documents(text: &str, dialect: Dialect) -> Result<Vec<Document>, Fault> {
    let places = Places::of(text);
    let mut all = Vec::new();
    let mut document = Document::default();
    let mut anchors: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    // PyYAML takes tabs only within quotes and blocks of text, and in comments.
    let mut tabs: BTreeSet<usize> = text.match_indices('\t').map(|(at, _)| at).collect();
    tabs.retain(|at| !text[text[..*at].rfind('\n').map_or(0, |line| line + 1)..*at].contains('#'));
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return Err(Fault::Raises("YAMLError", error.to_string())),
        };
        let span = places.span(span.start.index(), span.end.index(), span.start.line());
        if document.nodes.len() > NODES || open.len() > DEPTH {
            return Err(Fault::Unclear("a data file too large to evaluate"));
        }
        let done = match event {
            Event::DocumentStart(_) => {
                document = Document::default();
                anchors.clear();
                None
            }
            Event::DocumentEnd => {
                flatten(&mut document)?;
                all.push(std::mem::take(&mut document));
                None
            }
            Event::Scalar(value, style, anchor, tag) => {
                if style != ScalarStyle::Plain {
                    tabs.retain(|at| !span.bytes().contains(at));
                }
                let kind = scalar(&value, style, tag.as_deref(), dialect);
                let node = document.add(kind, Some(span));
                anchors.insert(anchor, node);
                Some(node)
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                // A node that holds itself is legal, and of no use here.
                Some(node) if open.iter().any(|open| open.node == *node) => {
                    return Err(Fault::Unclear("a data file that refers to itself"));
                }
                Some(node) => Some(*node),
                None => return Err(Fault::Raises("ComposerError", "found undefined alias".to_owned())),
            },
            Event::SequenceStart(anchor, tag) => {
                begin(&mut document, &mut open, &mut anchors, anchor, tag.as_deref(), false, span);
                None
            }
            Event::MappingStart(anchor, tag) => {
                begin(&mut document, &mut open, &mut anchors, anchor, tag.as_deref(), true, span);
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|done| {
                if let Some(reason) = done.opaque {
                    document.nodes[done.node].kind = Kind::Opaque(reason);
                }
                done.node
            }),
            Event::Nothing | Event::StreamStart | Event::StreamEnd => None,
        };
        if let Some(node) = done {
            place(&mut document, open.last_mut(), node);
        }
    }
    if !tabs.is_empty() {
        return Err(Fault::Unclear("YAML with a tab that PyYAML may refuse"));
    }
    Ok(all)
}

fn begin(
    document: &mut Document,
    open: &mut Vec<Open>,
    anchors: &mut BTreeMap<usize, usize>,
    anchor: usize,
    tag: Option<&Tag>,
    mapping: bool,
    span: Span,
) {
    let node = document.add(if mapping { Kind::Map(Vec::new()) } else { Kind::List(Vec::new()) }, Some(span));
    anchors.insert(anchor, node);
    let plain = match core_tag(tag) {
        None => tag.is_none_or(|tag| tag.handle.is_empty() && tag.suffix == "!"),
        Some(name) => name == if mapping { "map" } else { "seq" },
    };
    open.push(Open { node, key: None, mapping, opaque: (!plain).then_some("a YAML value with a tag") });
}

/// Puts a finished node into the collection around it.
fn place(document: &mut Document, around: Option<&mut Open>, node: usize) {
    let Some(around) = around else {
        document.root = node;
        return;
    };
    match (&mut document.nodes[around.node].kind, around.mapping) {
        (Kind::Map(pairs), true) => match around.key.take() {
            Some(key) => pairs.push((key, node)),
            None => around.key = Some(node),
        },
        (Kind::List(items), _) => items.push(node),
        _ => {}
    }
}

/// Spells the merge keys (`<<`) out, as PyYAML does: what is merged comes first, and what the
/// mapping says itself wins.
fn flatten(document: &mut Document) -> Result<(), Fault> {
    let mut done = BTreeSet::new();
    let mut pairs = 0;
    // A mapping that is merged is written before the one that merges it, so that it is done then.
    for node in 0..document.nodes.len() {
        let Kind::Map(own) = document.nodes[node].kind.clone() else { continue };
        done.insert(node);
        let is_merge = |document: &Document, key: usize| document.nodes[key].kind == Kind::Opaque(MERGE);
        if !own.iter().any(|(key, _)| is_merge(document, *key)) {
            continue;
        }
        let mut merged: Vec<(usize, usize)> = Vec::new();
        let mut rest = Vec::new();
        for (key, value) in own {
            if !is_merge(document, key) {
                rest.push((key, value));
                continue;
            }
            let sources = match &document.nodes[value].kind {
                Kind::Map(_) => vec![value],
                Kind::List(items) => items.iter().rev().copied().collect(),
                Kind::Opaque(_) => return Err(Fault::Unclear("a YAML merge of something that is not held")),
                _ => return Err(not_mergeable()),
            };
            for source in sources {
                match &document.nodes[source].kind {
                    // An inline mapping behind `<<` comes later in the text; one with a merge of its own is rare.
                    Kind::Map(inner)
                        if done.contains(&source) || !inner.iter().any(|(key, _)| is_merge(document, *key)) =>
                    {
                        merged.extend(inner.iter().copied());
                    }
                    Kind::Map(_) => return Err(Fault::Unclear("a YAML merge within a merge")),
                    _ => return Err(not_mergeable()),
                }
            }
        }
        merged.extend(rest);
        pairs += merged.len();
        if pairs > NODES {
            return Err(Fault::Unclear("a data file too large to evaluate"));
        }
        document.nodes[node].kind = Kind::Map(merged);
    }
    Ok(())
}

fn not_mergeable() -> Fault {
    Fault::Raises("ConstructorError", "expected a mapping or list of mappings for merging".to_owned())
}

/// The kind of an unquoted `<<` until it is spelt out.
const MERGE: &str = "a YAML merge key";

/// The name behind `!!`.
fn core_tag(tag: Option<&Tag>) -> Option<&str> {
    let tag = tag?;
    tag.is_yaml_core_schema().then_some(tag.suffix.as_str())
}

fn scalar(value: &str, style: ScalarStyle, tag: Option<&Tag>, dialect: Dialect) -> Kind {
    let text = || Kind::Text(value.to_owned());
    if dialect == Dialect::Base {
        return text();
    }
    let Some(given) = tag else {
        return if style == ScalarStyle::Plain { resolve(value, dialect) } else { text() };
    };
    match core_tag(tag) {
        Some("str") => text(),
        // A tag asks for what the plain spelling gives; anything else is a matter of the reader.
        Some(name) => match (name, resolve(value, dialect)) {
            ("int", kind @ Kind::Int(_))
            | ("float", kind @ Kind::Float(_))
            | ("bool", kind @ Kind::Bool(_))
            | ("null", kind @ Kind::None) => kind,
            _ => Kind::Opaque("a YAML value with a tag"),
        },
        None if given.handle.is_empty() && given.suffix == "!" => text(),
        None => Kind::Opaque("a YAML value with a tag"),
    }
}

/// What a plain scalar is.
fn resolve(value: &str, dialect: Dialect) -> Kind {
    let old = resolve_old(value);
    if dialect == Dialect::PyYaml {
        return old;
    }
    let words = ["yes", "no", "on", "off", "y", "n"];
    let differs = words.iter().any(|word| word.eq_ignore_ascii_case(value))
        || value.contains([':', '_']) && matches!(old, Kind::Int(_) | Kind::Float(_) | Kind::Opaque(_))
        || matches!(old, Kind::Int(_) | Kind::Float(_))
            && value.trim_start_matches(['+', '-']).starts_with('0')
            && value.trim_start_matches(['+', '-']).len() > 1
            && !value.contains('.')
        || matches!(&old, Kind::Text(text)
            if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
                && text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit())
                && (text.contains(['e', 'E']) || text.starts_with("0o")));
    if differs { Kind::Opaque("a value that YAML 1.1 and 1.2 read differently") } else { old }
}

/// YAML 1.1's implicit types, as PyYAML's resolver has them.
fn resolve_old(value: &str) -> Kind {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::None,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Kind::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Kind::Bool(false),
        "<<" => return Kind::Opaque(MERGE),
        "=" => return Kind::Opaque("a YAML default value"),
        ".nan" | ".NaN" | ".NAN" => return Kind::Float(f64::NAN),
        _ => {}
    }
    let Some(first) = value.chars().next() else { return Kind::None };
    if (first.is_ascii_digit() || matches!(first, '+' | '-' | '.'))
        && let Some(kind) = whole(value).or_else(|| fraction(value)).or_else(|| moment(value))
    {
        return kind;
    }
    Kind::Text(value.to_owned())
}

/// An integer: binary, octal with a leading zero, decimal, hexadecimal, or to the base of sixty.
fn whole(value: &str) -> Option<Kind> {
    const BIG: Kind = Kind::Opaque("a number beyond 64 bits");
    let negative = value.starts_with('-');
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let all =
        |text: &str, allowed: &dyn Fn(char) -> bool| !text.is_empty() && text.chars().all(|c| c == '_' || allowed(c));
    let made = |text: &str, base: u32| {
        if !text.chars().any(|c| c != '_') {
            return Kind::Opaque("a number without digits");
        }
        integer(text, base).map_or(BIG, |value| Kind::Int(if negative { -value } else { value }))
    };
    if let Some(rest) = digits.strip_prefix("0b") {
        return all(rest, &|c| matches!(c, '0' | '1')).then(|| made(rest, 2));
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return all(rest, &|c| c.is_ascii_hexdigit()).then(|| made(rest, 16));
    }
    if digits == "0" {
        return Some(Kind::Int(0));
    }
    if let Some(rest) = digits.strip_prefix('0') {
        return all(rest, &|c| c.is_digit(8)).then(|| made(rest, 8));
    }
    if !digits.starts_with(|c: char| matches!(c, '1'..='9')) {
        return None;
    }
    let mut parts = digits.split(':');
    let head = parts.next().unwrap_or_default();
    if !all(head, &|c| c.is_ascii_digit()) {
        return None;
    }
    let mut total = integer(head, 10);
    for part in parts {
        let short = part.len() == 1 || part.len() == 2 && matches!(part.as_bytes()[0], b'0'..=b'5');
        if !short || !part.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        total = total.and_then(|total| total.checked_mul(60)?.checked_add(integer(part, 10)?));
    }
    Some(total.map_or(BIG, |value| Kind::Int(if negative { -value } else { value })))
}

/// A float: it needs a dot, and an exponent needs a sign.
fn fraction(value: &str) -> Option<Kind> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(Kind::Float(if value.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    let (before, after) = digits.split_once('.')?;
    let number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '_');
    if before.contains(':') {
        return (before.split(':').all(number) && number(after))
            .then_some(Kind::Opaque("a number to the base of sixty"));
    }
    let (after, exponent) = match after.find(['e', 'E']) {
        Some(position) => (&after[..position], Some(&after[position + 1..])),
        None => (after, None),
    };
    let signed = |text: &str| {
        text.strip_prefix(['+', '-']).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
    };
    let begins = if before.is_empty() {
        // `[-+]?` is no part of this form.
        digits.len() == value.len() && after.starts_with(|c: char| c.is_ascii_digit())
    } else {
        before.starts_with(|c: char| c.is_ascii_digit())
    };
    if !begins || !number(before) || !number(after) || !exponent.is_none_or(signed) {
        return None;
    }
    let plain: String = value.chars().filter(|c| *c != '_').collect();
    Some(plain.parse().map_or(Kind::Opaque("a number that is not evaluated"), Kind::Float))
}

/// A date, or a date with a time.
fn moment(value: &str) -> Option<Kind> {
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let mut parts = value.splitn(3, '-');
    let (year, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || !all_digits(year) || !matches!(month.len(), 1 | 2) || !all_digits(month) {
        return None;
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    if !matches!(day.len(), 1 | 2) {
        return None;
    }
    let date = || Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    if time.is_empty() {
        if month.len() != 2 || day.len() != 2 {
            return None;
        }
        return Some(date().map_or(Kind::Opaque("a date that does not exist"), Kind::Date));
    }
    let time =
        time.strip_prefix(['T', 't']).or_else(|| time.strip_prefix([' ', '\t']))?.trim_start_matches([' ', '\t']);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let fields: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = fields.as_slice() else { return None };
    if !matches!(hour.len(), 1 | 2) || minute.len() != 2 || !all_digits(hour) || !all_digits(minute) {
        return None;
    }
    if second.len() != 2 || !all_digits(second) || !all_digits(fraction) {
        // A zone: what becomes of it depends on PyYAML's release.
        let zone = second.get(2..).is_some_and(|rest| rest.trim_start().starts_with(['Z', '+', '-']))
            || fraction.contains(['Z', '+', '-']);
        return zone.then_some(Kind::Opaque("a time with a zone"));
    }
    let made = || {
        let nanoseconds = format!("{fraction:0<9}").get(..6)?.parse::<i32>().ok()? * 1000;
        let time = jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, nanoseconds);
        Some(DateTime::from_parts(date()?, time.ok()?))
    };
    Some(made().map_or(Kind::Opaque("a time that does not exist"), Kind::DateTime))
}

/// From the parser's places, which count characters, to bytes.
struct Places {
    /// The byte of each character; empty if they are the same.
    bytes: Vec<usize>,
    length: usize,
}

impl Places {
    fn of(text: &str) -> Self {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self { bytes, length: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        if self.bytes.is_empty() { index.min(self.length) } else { *self.bytes.get(index).unwrap_or(&self.length) }
    }

    fn span(&self, start: usize, end: usize, line: usize) -> Span {
        Span::new(self.byte(start), self.byte(end), u32::try_from(line).unwrap_or(u32::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Kind};
    use super::{Dialect, documents};
    use std::fmt::Write as _;

    fn show(document: &Document, node: usize, out: &mut String) {
        match &document.nodes[node].kind {
            Kind::List(items) => {
                out.push('[');
                for item in items {
                    show(document, *item, out);
                    out.push(' ');
                }
                out.push(']');
            }
            Kind::Map(pairs) => {
                out.push('{');
                for (key, value) in pairs {
                    show(document, *key, out);
                    out.push('=');
                    show(document, *value, out);
                    out.push(' ');
                }
                out.push('}');
            }
            kind => {
                let _ = write!(out, "{kind:?}");
            }
        }
    }

    /// What the first document of a text holds.
    fn check(text: &str, dialect: Dialect, expected: &str) {
        let found = match documents(text, dialect) {
            Ok(all) => all.first().map_or_else(String::new, |document| {
                let mut out = String::new();
                show(document, document.root, &mut out);
                out
            }),
            Err(fault) => format!("{fault:?}").chars().take(30).collect(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn plain_scalars_are_those_of_yaml_1_1() {
        for (text, expected) in [
            ("yes", "Bool(true)"),
            ("Off", "Bool(false)"),
            ("y", "Text(\"y\")"),
            ("012", "Int(10)"),
            ("08", "Text(\"08\")"),
            ("0o7", "Text(\"0o7\")"),
            ("1_000", "Int(1000)"),
            ("1:30", "Int(90)"),
            ("1e3", "Text(\"1e3\")"),
            ("1.0e+3", "Float(1000.0)"),
            (".5", "Float(0.5)"),
            ("-.inf", "Float(-inf)"),
            ("2024-01-02", "Date(2024-01-02)"),
            ("2024-1-2", "Text(\"2024-1-2\")"),
            ("'yes'", "Text(\"yes\")"),
            ("!!str 1", "Text(\"1\")"),
            ("~", "None"),
        ] {
            check(text, Dialect::PyYaml, expected);
        }
        check("no", Dialect::Base, "Text(\"no\")");
        check("no", Dialect::Ruamel, "Opaque(\"a value that YAML 1.1 and 1.2 read differently\")");
        check("7", Dialect::Ruamel, "Int(7)");
    }

    #[test]
    fn what_is_merged_comes_first_and_yields() {
        check(
            "- &a {k: 1, l: 2}\n- {l: 3, <<: *a, m: 4}\n",
            Dialect::PyYaml,
            "[{Text(\"k\")=Int(1) Text(\"l\")=Int(2) } {Text(\"k\")=Int(1) Text(\"l\")=Int(2) Text(\"l\")=Int(3) Text(\"m\")=Int(4) } ]",
        );
    }

    #[test]
    fn a_tab_is_left_to_pyyaml() {
        check("\ta: 1", Dialect::PyYaml, "Unclear(\"YAML with a tab that ");
        check("a:\t1", Dialect::PyYaml, "Raises(\"YAMLError\", \"':' must ");
        check("a: 1 # x\ty", Dialect::PyYaml, "{Text(\"a\")=Int(1) }");
        check("\"x\ty\"", Dialect::PyYaml, "Text(\"x\\ty\")");
        check("a: |\n  x\ty\n", Dialect::PyYaml, "{Text(\"a\")=Text(\"x\\ty\\n\") }");
    }

    #[test]
    fn aliases_upon_aliases_cost_their_text() {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..60 {
            let _ = writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1);
        }
        let all = documents(&text, Dialect::PyYaml).unwrap();
        assert!(all[0].nodes.len() < 300);
    }
}
