//! `repr`, `str` and `json.dumps`: values as Python writes them.

use super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::standard::spec::{bytes_repr, float_repr, text_repr};
use crate::python::value::{At, Object, Stop, Value};
use std::fmt::Write as _;

/// Deeper nesting is written by nobody.
const DEPTH: usize = 20;

impl<H: Host> Interp<'_, H> {
    /// `repr(value)`, if all of it is known.
    pub(super) fn repr(&mut self, value: &Value, at: At) -> Result<Option<String>, Stop> {
        self.repr_within(value, DEPTH, at)
    }

    fn repr_within(&mut self, value: &Value, depth: usize, at: At) -> Result<Option<String>, Stop> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
        self.step(at)?;
        Ok(match value {
            Value::None | Value::Bool(_) | Value::Int(_) => Some(self.text(value)),
            Value::Ellipsis => Some("Ellipsis".to_owned()),
            Value::Float(number) => Some(float_repr(*number)),
            Value::Str(text) => text_repr(&text.text),
            Value::Bytes(bytes) => Some(bytes_repr(bytes)),
            Value::Outside(path) => match path.strip_prefix("builtins.") {
                Some(name @ ("int" | "str" | "float" | "bool" | "list" | "dict" | "set" | "tuple" | "bytes")) => {
                    Some(format!("<class '{name}'>"))
                }
                _ => None,
            },
            Value::Object(object) => {
                if let Object::Dict(_) = self.object(*object)
                    && let Some(pairs) = self.dict_pairs(value)
                {
                    if let Object::Dict(dict) = self.object(*object)
                        && dict.default.is_some()
                    {
                        return Ok(None);
                    }
                    let mut parts = Vec::new();
                    for (key, value) in pairs {
                        let (Some(key), Some(value)) =
                            (self.repr_within(&key, depth, at)?, self.repr_within(&value, depth, at)?)
                        else {
                            return Ok(None);
                        };
                        parts.push(format!("{key}: {value}"));
                    }
                    return Ok(Some(format!("{{{}}}", parts.join(", "))));
                }
                if let Object::Standard(standard) = self.object(*object) {
                    return Ok(standard_repr(standard));
                }
                if let Some(method) = self.find_method(value, "__repr__") {
                    let text = self.call_with(&method, Vec::new(), at)?;
                    return Ok(text.as_str().map(ToString::to_string));
                }
                if let Object::Instance(_) = self.object(*object) {
                    return self.instance_repr(value, depth, at);
                }
                let Some(items) = self.items(value).map(<[Value]>::to_vec) else { return Ok(None) };
                let mut parts = Vec::new();
                for item in &items {
                    match self.repr_within(item, depth, at)? {
                        Some(text) => parts.push(text),
                        None => return Ok(None),
                    }
                }
                let inner = parts.join(", ");
                match self.object(*object) {
                    Object::List(_) => Some(format!("[{inner}]")),
                    Object::Tuple(_) if items.len() == 1 => Some(format!("({inner},)")),
                    Object::Tuple(_) => Some(format!("({inner})")),
                    // The order of a set's elements is its own.
                    Object::Set(_) if items.is_empty() => Some("set()".to_owned()),
                    Object::Set(_) if items.len() == 1 => Some(format!("{{{inner}}}")),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// `repr` of a member of an enumeration, a data class or a named tuple.
    fn instance_repr(&mut self, value: &Value, depth: usize, at: At) -> Result<Option<String>, Stop> {
        if let Some((name, inner)) = self.member_repr(value) {
            return Ok(self.repr_within(&inner, depth, at)?.map(|inner| format!("<{name}: {inner}>")));
        }
        let Some(class) = self.plain_class(value) else { return Ok(None) };
        let Value::Object(object) = value else { return Ok(None) };
        let known = self.is_named_tuple(class) || self.data_class(class).is_some();
        let Some(names) = self.fields_with(class, "repr", at).filter(|_| known && self.hazy(*object).is_none()) else {
            return Ok(None);
        };
        let (Object::Instance(instance), Object::Class(of)) = (self.object(*object).clone(), self.object(class)) else {
            return Ok(None);
        };
        let class = if self.is_named_tuple(class) { of.name.clone() } else { of.qualified.clone() };
        if class.contains('<') {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for name in names {
            let Some(inner) = instance.attributes.get(&name) else { return Ok(None) };
            let Some(inner) = self.repr_within(inner, depth, at)? else { return Ok(None) };
            parts.push(format!("{name}={inner}"));
        }
        Ok(Some(format!("{class}({})", parts.join(", "))))
    }

    /// `json.dumps(value)`, with its two separators and an indentation.
    pub(super) fn json(&self, value: &Value, style: &JsonStyle, level: usize) -> Option<String> {
        if level > DEPTH {
            return None;
        }
        Some(match value {
            Value::None => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) if value.is_finite() => float_repr(*value),
            Value::Str(text) => json_text(&text.text, style.ascii),
            Value::Object(object) => {
                if let Some(mut pairs) = self.dict_pairs(value) {
                    if style.sorted {
                        let mut known = true;
                        pairs.sort_by(|(a, _), (b, _)| {
                            self.order(a, b).unwrap_or_else(|| {
                                known = false;
                                std::cmp::Ordering::Equal
                            })
                        });
                        if !known {
                            return None;
                        }
                    }
                    let mut parts = Vec::new();
                    for (key, value) in pairs {
                        let key = match &key {
                            Value::Str(text) => json_text(&text.text, style.ascii),
                            Value::Int(value) => format!("\"{value}\""),
                            _ => return None,
                        };
                        parts.push(format!("{key}{}{}", style.colon, self.json(&value, style, level + 1)?));
                    }
                    return Some(style.wrap('{', '}', &parts, level));
                }
                if !matches!(self.object(*object), Object::List(_) | Object::Tuple(_)) {
                    return None;
                }
                let items = self.items(value)?;
                let parts: Option<Vec<String>> = items.iter().map(|item| self.json(item, style, level + 1)).collect();
                style.wrap('[', ']', &parts?, level)
            }
            _ => return None,
        })
    }
}

/// How `json.dumps` writes.
pub(super) struct JsonStyle {
    pub(super) comma: String,
    pub(super) colon: String,
    pub(super) indent: Option<String>,
    pub(super) sorted: bool,
    pub(super) ascii: bool,
}

impl JsonStyle {
    fn wrap(&self, open: char, close: char, parts: &[String], level: usize) -> String {
        match &self.indent {
            Some(indent) if !parts.is_empty() => {
                let (inner, outer) = (indent.repeat(level + 1), indent.repeat(level));
                format!("{open}\n{inner}{}\n{outer}{close}", parts.join(&format!("{}\n{inner}", self.comma)))
            }
            _ => format!("{open}{}{close}", parts.join(&self.comma)),
        }
    }
}

fn json_text(text: &str, ascii: bool) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || ascii && !(' '..='~').contains(&c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn standard_repr(standard: &Standard) -> Option<String> {
    use crate::python::standard::moment::Moment;
    match standard {
        Standard::Path(path) if !path.home() => Some(format!("PosixPath({})", text_repr(path.text())?)),
        Standard::Delta(delta) if !delta.pendulum => Some(delta.repr()),
        Standard::Moment(Moment::Date(date)) => Some(Moment::Date(*date).repr()),
        Standard::Moment(Moment::DateTime { local, zone: None, pendulum: false }) => {
            let mut fields = vec![
                i64::from(local.year()),
                local.month().into(),
                local.day().into(),
                local.hour().into(),
                local.minute().into(),
            ];
            let micros = i64::from(local.subsec_nanosecond() / 1000);
            if local.second() != 0 || micros != 0 {
                fields.push(local.second().into());
            }
            if micros != 0 {
                fields.push(micros);
            }
            let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
            Some(format!("datetime.datetime({})", fields.join(", ")))
        }
        _ => None,
    }
}
