//! Texts made of parts: f-strings, `+`, `%`, `.format`.

use super::{BOUNDS, Host, Interp};
use crate::python::standard::Standard;
use crate::python::syntax::FormatPart;
use crate::python::value::{At, Object, Stop, Text, Unknown, Value, short};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(super) fn format_string(&mut self, parts: &[FormatPart], at: At) -> Result<Value, Stop> {
        let mut values = Vec::new();
        for part in parts {
            match part {
                FormatPart::Text(text) => values.push(Value::str(text.clone())),
                FormatPart::Value { value, conversion, spec, debug } => {
                    if let Some(text) = debug {
                        values.push(Value::str(format!("{text}=")));
                    }
                    let value = self.eval(value)?;
                    let spec = self.format_string(spec, at)?;
                    let spec = spec.as_str().cloned();
                    let repr = matches!(conversion, Some('r' | 'a')) || debug.is_some();
                    values.push(match spec {
                        Some(spec) => self.formatted(&value, &spec, repr, at)?,
                        None => self.unknown_from(&[value], "format", at),
                    });
                }
            }
        }
        Ok(self.concat(&values, at))
    }

    /// `format(value, spec)`.
    fn formatted(&mut self, value: &Value, spec: &str, repr: bool, at: At) -> Result<Value, Stop> {
        if let Value::OneOf(values) = value {
            let mut results = Vec::new();
            for value in values.clone().iter() {
                results.push(Some(self.formatted(value, spec, repr, at)?));
            }
            let why = self.why(value, at);
            return Ok(self.merge(&results, &why));
        }
        if repr {
            return Ok(match value {
                Value::Str(text) if !text.text.contains(['\'', '\\', '\n']) => {
                    Self::text_value(format!("'{}'", text.text), at)
                }
                Value::Str(_) => self.unknown_from(std::slice::from_ref(value), "repr", at),
                _ => self.str_of(value, at)?,
            });
        }
        if spec.is_empty() {
            return self.str_of(value, at);
        }
        if let Some(Standard::Moment(moment)) = self.standard(value)
            && spec.contains('%')
            && let Some(text) = moment.strftime(spec)
        {
            return Ok(Self::text_value(text, at));
        }
        Ok(match apply_spec(value, spec) {
            Some(text) => Self::text_value(text, at),
            None => self.unknown_from(std::slice::from_ref(value), &format!("format {spec}"), at),
        })
    }

    /// `str(value)`.
    pub(super) fn str_of(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        Ok(match value {
            Value::Str(_) => value.clone(),
            Value::None | Value::Bool(_) | Value::Int(_) => Self::text_value(self.text(value), at),
            Value::Float(number) => Self::text_value(float_text(*number), at),
            Value::Unknown(_) | Value::Outside(_) => {
                let mut unknown = Unknown::clone(&self.why(value, at));
                unknown.affix.get_or_insert_with(|| ("".into(), "".into()));
                unknown.value()
            }
            Value::Object(reference) => {
                if let Some(method) = self.find_method(value, "__str__") {
                    return self.call_with(&method, Vec::new(), at);
                }
                if let Object::Standard(standard) = self.object(*reference).clone() {
                    return Ok(Self::standard_str(&standard, at).unwrap_or_else(|| self.unknown_text(value, at)));
                }
                if let Object::Instance(instance) = self.object(*reference).clone()
                    && let Some(member) = instance.attributes.get("_value_")
                    && self
                        .outside_bases(instance.class)
                        .iter()
                        .any(|base| &**base == "enum.StrEnum" || &**base == "enum.IntEnum")
                {
                    return Ok(member.clone());
                }
                match self.simple_repr(value, 4) {
                    Some(text) => Self::text_value(text, at),
                    None => self.unknown_text(value, at),
                }
            }
            _ => self.unknown_text(value, at),
        })
    }

    fn unknown_text(&self, value: &Value, at: At) -> Value {
        let mut unknown = Unknown::new("the text of a value is not known", at, format!("str({})", self.text(value)));
        unknown.affix = Some(("".into(), "".into()));
        // The text of an object is no use of it.
        unknown.value()
    }

    /// Python's own text of lists and dicts of simple values.
    fn simple_repr(&self, value: &Value, depth: usize) -> Option<String> {
        if depth == 0 {
            return None;
        }
        match value {
            Value::None | Value::Bool(_) | Value::Int(_) => Some(self.text(value)),
            Value::Float(number) => Some(float_text(*number)),
            Value::Str(text) if !text.text.contains(['\'', '\\', '\n']) => Some(format!("'{}'", text.text)),
            Value::Object(object) => {
                if let Some(pairs) = self.dict_pairs(value) {
                    let pairs: Option<Vec<String>> = pairs
                        .iter()
                        .map(|(key, value)| {
                            Some(format!(
                                "{}: {}",
                                self.simple_repr(key, depth - 1)?,
                                self.simple_repr(value, depth - 1)?
                            ))
                        })
                        .collect();
                    return Some(format!("{{{}}}", pairs?.join(", ")));
                }
                let items: Option<Vec<String>> =
                    self.items(value)?.iter().map(|item| self.simple_repr(item, depth - 1)).collect();
                let items = items?;
                match self.object(*object) {
                    Object::List(_) => Some(format!("[{}]", items.join(", "))),
                    Object::Tuple(_) if items.len() == 1 => Some(format!("({},)", items[0])),
                    Object::Tuple(_) => Some(format!("({})", items.join(", "))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Texts one after the other.
    pub(super) fn concat(&mut self, values: &[Value], at: At) -> Value {
        /// More combinations than this say no more than a pattern.
        const COMBINATIONS: usize = 16;
        let mut results: Vec<Value> = vec![Value::Str(Text { text: "".into(), at: Some(at) })];
        for value in values {
            let alternatives = match value {
                Value::OneOf(values) if values.len() * results.len() <= COMBINATIONS => values.to_vec(),
                Value::OneOf(_) => vec![self.unknown_text(value, at)],
                one => vec![one.clone()],
            };
            results = results
                .iter()
                .flat_map(|result| {
                    alternatives.iter().map(|value| self.concat_two(result, value, at)).collect::<Vec<_>>()
                })
                .collect();
        }
        if results.len() == 1 {
            return results.pop().unwrap_or(Value::None);
        }
        let why = values.iter().find(|value| matches!(value, Value::OneOf(_))).map(|value| self.why(value, at));
        let results: Vec<_> = results.into_iter().map(Some).collect();
        let why = why.unwrap_or_else(|| Rc::new(Unknown::new("one of several texts", at, "text")));
        self.merge(&results, &why)
    }

    fn concat_two(&self, a: &Value, b: &Value, at: At) -> Value {
        if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
            if a.len() + b.len() > BOUNDS.size {
                return Unknown::new("a text too long to evaluate", at, "text").value();
            }
            return Self::text_value(format!("{a}{b}"), at);
        }
        if let (Value::Unknown(home), Value::Str(rest)) = (a, b)
            && let Some(below) = home.below_home()
            && below.len() + rest.text.len() <= BOUNDS.size
        {
            return super::library::path::home_text(&format!("{below}{}", rest.text), at);
        }
        if let (Value::Str(before), Value::Unknown(home)) = (a, b)
            && before.text.is_empty()
            && home.below_home().is_some()
        {
            return b.clone();
        }
        let inner = a.unknown().or_else(|| b.unknown()).unwrap_or_else(|| self.why(b, at));
        let prefix = match a {
            Value::Str(text) => match affix(b) {
                Some((prefix, _)) => format!("{}{prefix}", text.text).into(),
                None => text.text.clone(),
            },
            _ => affix(a).map_or_else(|| "".into(), |(prefix, _)| prefix),
        };
        let suffix = match b {
            Value::Str(text) => match affix(a) {
                Some((_, suffix)) => format!("{suffix}{}", text.text).into(),
                None => text.text.clone(),
            },
            _ => affix(b).map_or_else(|| "".into(), |(_, suffix)| suffix),
        };
        let mut unknown = Unknown::clone(&inner);
        unknown.text = short(format!("{} + {}", self.text(a), self.text(b)));
        unknown.affix = Some((prefix, suffix));
        unknown.home = false;
        unknown.hosts.clear();
        unknown.value()
    }

    /// `text % value`.
    pub(super) fn percent(&mut self, text: &str, value: &Value, at: At) -> Result<Value, Stop> {
        let tuple = match value {
            Value::Object(object) => matches!(self.object(*object), Object::Tuple(_)),
            _ => false,
        };
        let mut positional = match (tuple, self.items(value)) {
            (true, Some(items)) => items.to_vec(),
            _ => vec![value.clone()],
        }
        .into_iter();
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            parts.push(Value::str(before));
            let (name, after) = match after.strip_prefix('(').and_then(|after| after.split_once(')')) {
                Some((name, after)) => (Some(name), after),
                None => (None, after),
            };
            let end = after.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(after.len());
            let (spec, after) = after.split_at(end);
            let mut letters = after.chars();
            let kind = letters.next();
            rest = letters.as_str();
            if kind == Some('%') {
                parts.push(Value::str("%"));
                continue;
            }
            let item = match name {
                Some(name) => self.subscript(value, &Value::str(name), at)?,
                None => match positional.next() {
                    Some(item) => item,
                    None => return self.raise("TypeError", "not enough arguments for format string", at),
                },
            };
            let text = match (kind, spec) {
                (Some('s' | 'd' | 'i'), "") => self.str_of(&item, at)?,
                (Some('d' | 'i'), spec) => self.formatted(&item, &format!("{spec}d"), false, at)?,
                (Some('s'), spec) => self.formatted(&item, &format!(">{spec}").replace(">-", "<"), false, at)?,
                _ => self.unknown_from(&[item], "%", at),
            };
            parts.push(text);
        }
        parts.push(Value::str(rest));
        Ok(self.concat(&parts, at))
    }

    /// `text.format(…)`.
    pub(super) fn format_method(
        &mut self,
        text: &str,
        args: &crate::python::value::Args,
        at: At,
    ) -> Result<Value, Stop> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut next = 0;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(open);
            parts.push(Value::str(before));
            let brace = &after[..1];
            let after = &after[1..];
            if let Some(after) = after.strip_prefix(brace) {
                parts.push(Value::str(brace));
                rest = after;
                continue;
            }
            let Some((field, after)) = after.split_once('}').filter(|_| brace == "{") else {
                return Ok(self.unknown_from(&[Value::str(text)], "format", at));
            };
            rest = after;
            let (name, spec) = field.split_once(':').unwrap_or((field, ""));
            let (name, repr) = match name.split_once('!') {
                Some((name, conversion)) => (name, conversion == "r"),
                None => (name, false),
            };
            let value = if name.is_empty() {
                next += 1;
                args.positional.get(next - 1).map(|arg| arg.value.clone())
            } else if let Ok(index) = name.parse::<usize>() {
                args.positional.get(index).map(|arg| arg.value.clone())
            } else {
                args.keyword(name).map(|arg| arg.value.clone())
            };
            let value = match value {
                Some(value) => value,
                None => Unknown::new("a field of a format that is not evaluated", at, name).value(),
            };
            let text = self.formatted(&value, spec, repr, at)?;
            parts.push(text);
        }
        parts.push(Value::str(rest));
        Ok(self.concat(&parts, at))
    }
}

/// How a text begins and ends: the whole on both sides if it is known.
pub(super) fn affix(value: &Value) -> Option<(Rc<str>, Rc<str>)> {
    match value {
        Value::Str(text) => Some((text.text.clone(), text.text.clone())),
        Value::Unknown(unknown) => Some(unknown.affix.clone().unwrap_or_else(|| ("".into(), "".into()))),
        _ => None,
    }
}

/// A float as Python prints it, for the usual range.
fn float_text(number: f64) -> String {
    let text = format!("{number:?}");
    if number.abs() >= 1e16 || number != 0.0 && number.abs() < 1e-4 { format!("{number:e}") } else { text }
}

/// The common part of the format mini-language: fill, alignment, zero, width, precision, type.
fn apply_spec(value: &Value, spec: &str) -> Option<String> {
    let mut letters: Vec<char> = spec.chars().collect();
    let kind = letters.last().copied().filter(char::is_ascii_alphabetic);
    if kind.is_some() {
        letters.pop();
    }
    let mut rest: &[char] = &letters;
    let (mut fill, mut align) = (' ', None);
    match rest {
        [f, a @ ('<' | '>' | '^'), tail @ ..] => (fill, align, rest) = (*f, Some(*a), tail),
        [a @ ('<' | '>' | '^'), tail @ ..] => (align, rest) = (Some(*a), tail),
        _ => {}
    }
    if let ['0', tail @ ..] = rest
        && align.is_none()
    {
        (fill, align, rest) = ('0', Some('>'), tail);
    }
    let text: String = rest.iter().collect();
    let (width, precision) = match text.split_once('.') {
        Some((width, precision)) => (width.to_owned(), Some(precision.parse::<usize>().ok()?)),
        None => (text, None),
    };
    let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
    if width > 4096 || precision.is_some_and(|precision| precision > 100) {
        return None;
    }
    let (body, right) = match (kind, value) {
        (None | Some('d'), value) if value.as_int().is_some() && !matches!(value, Value::Bool(_)) => {
            (value.as_int()?.to_string(), true)
        }
        (Some('x'), Value::Int(value)) if *value >= 0 => (format!("{value:x}"), true),
        #[expect(clippy::cast_precision_loss, reason = "as Python formats")]
        (Some('f'), value) => match value {
            Value::Float(value) => (format!("{value:.*}", precision.unwrap_or(6)), true),
            Value::Int(value) => (format!("{:.*}", precision.unwrap_or(6), *value as f64), true),
            _ => return None,
        },
        (None | Some('s'), Value::Str(text)) => match precision {
            Some(precision) => (text.text.chars().take(precision).collect(), false),
            None => (text.text.to_string(), false),
        },
        _ => return None,
    };
    if body.starts_with('-') && fill == '0' {
        return None;
    }
    let missing = width.saturating_sub(body.chars().count());
    let pad = |count: usize| fill.to_string().repeat(count);
    Some(match align {
        Some('<') => format!("{body}{}", pad(missing)),
        Some('^') => format!("{}{body}{}", pad(missing / 2), pad(missing - missing / 2)),
        Some(_) => format!("{}{body}", pad(missing)),
        None if right => format!("{}{body}", pad(missing)),
        None => format!("{body}{}", pad(missing)),
    })
}
