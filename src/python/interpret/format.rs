//! Texts made of parts: f-strings, `+`, `%`, `.format`.

use super::enumeration::MemberText;
use super::{BOUNDS, Host, Interp};
use crate::python::standard::Standard;
use crate::python::standard::spec::{self, Formatted};
use crate::python::standard::template::{self, Braces, Field, Percent};
use crate::python::syntax::FormatPart;
use crate::python::value::{At, Object, Stop, Unknown, Value, short};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(super) fn format_string(&mut self, parts: &[FormatPart], at: At) -> Result<Value, Stop> {
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                FormatPart::Text(text) => values.push(Value::str(text.clone())),
                FormatPart::Value { value, conversion, spec, debug } => {
                    if let Some(text) = debug {
                        values.push(Value::str(format!("{text}=")));
                    }
                    let value = self.eval(value)?;
                    let made = if spec.is_empty() { None } else { Some(self.format_string(spec, at)?) };
                    let spec = made.as_ref().map_or(Some(""), |made| made.as_str().map(|text| &**text));
                    let plain_debug = debug.is_some() && conversion.is_none() && spec == Some("");
                    let value = if *conversion == Some('s') { self.str_of(&value, at)? } else { value };
                    let repr = *conversion == Some('r') || plain_debug;
                    values.push(match spec.filter(|_| *conversion != Some('a')) {
                        Some(spec) => self.formatted(&value, spec, repr, at)?,
                        None => self.unknown_from(&[value], "format", at),
                    });
                }
            }
        }
        Ok(self.concat(&values, at))
    }

    /// `format(value, spec)`.
    pub(super) fn formatted(&mut self, value: &Value, spec: &str, repr: bool, at: At) -> Result<Value, Stop> {
        if let Value::OneOf(values) = value {
            let mut results = Vec::new();
            for value in values.clone().iter() {
                results.push(Some(self.formatted(value, spec, repr, at)?));
            }
            let why = self.why(value, at);
            return Ok(self.merge(&results, &why));
        }
        if repr {
            return Ok(match self.repr(value, at)? {
                Some(text) => match spec {
                    "" => Self::text_value(text, at),
                    spec => match spec::format(Formatted::Text(&text), spec) {
                        Some(text) => Self::text_value(text, at),
                        None => self.unknown_from(std::slice::from_ref(value), &format!("format {spec}"), at),
                    },
                },
                None => self.unknown_repr(value, at),
            });
        }
        if self.plain_class(value).is_some() {
            if let Some(text) = self.special(value, "__format__", vec![Value::str(spec)], at)? {
                return Ok(text);
            }
            match self.member_format(value, at) {
                Some(MemberText::Of(text)) => return self.formatted(&text, spec, false, at),
                Some(MemberText::Open) if self.find_method(value, "__str__").is_none() => {
                    return Ok(self.unknown_text(value, at));
                }
                _ => {}
            }
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
        // What has a text of its own is formatted as that.
        let texted = match value {
            Value::Object(object) if matches!(self.object(*object), Object::Instance(_)) => self.str_of(value, at)?,
            other => other.clone(),
        };
        let made = match &texted {
            Value::Int(number) => spec::format(Formatted::Int(*number), spec),
            Value::Bool(truth) => spec::format(Formatted::Int(i64::from(*truth)), spec).filter(|_| spec.ends_with('d')),
            Value::Float(number) => spec::format(Formatted::Float(*number), spec),
            Value::Str(text) => spec::format(Formatted::Text(&text.text), spec),
            _ => None,
        };
        Ok(match made {
            Some(text) => Self::text_value(text, at),
            None => self.unknown_from(std::slice::from_ref(value), &format!("format {spec}"), at),
        })
    }

    /// `str(value)`.
    pub(super) fn str_of(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        Ok(match value {
            Value::Str(_) => value.clone(),
            Value::None | Value::Bool(_) | Value::Int(_) => Self::text_value(self.text(value), at),
            Value::Bytes(bytes) => Self::text_value(spec::bytes_repr(bytes), at),
            Value::Float(number) => Self::text_value(spec::float_repr(*number), at),
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
                match self.member_str(value, at) {
                    Some(MemberText::Of(text)) => return Ok(text),
                    Some(MemberText::Open) => return Ok(self.unknown_text(value, at)),
                    None => {}
                }
                if let Some(held @ Value::Str(_)) = self.held(value) {
                    return Ok(held.clone());
                }
                match self.repr(value, at)? {
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

    /// The `repr` of something that is not known; a text stands in quotes.
    pub(super) fn unknown_repr(&self, value: &Value, at: At) -> Value {
        let mut unknown = Unknown::clone(&self.why(value, at));
        unknown.text = short(format!("repr({})", self.text(value)));
        unknown.affix = Some(("".into(), "".into()));
        unknown.home = false;
        unknown.value()
    }

    /// Texts one after the other.
    pub(super) fn concat(&mut self, values: &[Value], at: At) -> Value {
        /// More combinations than this say no more than a pattern.
        const COMBINATIONS: usize = 16;
        if let Some(text) = joined(values) {
            return Self::made_of(Self::text_value(text, at), values, at);
        }
        let mut results: Vec<Value> = vec![Self::text_value("", at)];
        for value in values {
            let value = &self.plain(value);
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
            return Self::made_of(results.pop().unwrap_or(Value::None), values, at);
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
        let plain = self.plain(value);
        let value = if matches!(plain, Value::Object(_)) { &plain } else { value };
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
        let mut may_have_more = false;
        for piece in template::percent(text) {
            let (key, spec, kind) = match piece {
                Percent::Text(text) => {
                    parts.push(Value::str(text));
                    continue;
                }
                Percent::Value { key, spec, kind } => (key, spec, kind),
            };
            // A width that is given as `*` takes an element too; a key takes none.
            may_have_more |= key.is_some() || spec.contains('*');
            let item = match key {
                Some(key) => self.subscript(value, &Value::str(key), at)?,
                None => match positional.next() {
                    Some(item) => item,
                    None => return self.raise("TypeError", "not enough arguments for format string", at),
                },
            };
            let text = self.percent_item(&item, kind, spec, at)?;
            parts.push(text);
        }
        if !may_have_more && (tuple || self.is_scalar(value)) && positional.next().is_some() {
            return self.raise("TypeError", "not all arguments converted during string formatting", at);
        }
        Ok(self.concat(&parts, at))
    }

    /// One conversion of `%`: its flags, width and precision are `spec`.
    fn percent_item(&mut self, item: &Value, kind: Option<char>, spec: &str, at: At) -> Result<Value, Stop> {
        let flags_end = spec.find(|c| !matches!(c, '-' | '+' | ' ' | '#' | '0')).unwrap_or(spec.len());
        let (flags, size) = spec.split_at(flags_end);
        let held = self.plain(item);
        let item = if matches!(kind, Some('s' | 'r')) { item } else { &held };
        let number = item.as_int();
        let Some(kind) = kind.filter(|_| !size.contains('*') && !flags.contains('#')) else {
            return Ok(self.unknown_from(std::slice::from_ref(item), "%", at));
        };
        let left = flags.contains('-');
        let sign = ["+", " "].into_iter().find(|sign| flags.contains(sign)).unwrap_or("");
        let zero = if flags.contains('0') && !left { "0" } else { "" };
        let align = |usual: &'static str| if left { "<" } else { usual };
        match kind {
            's' if spec.is_empty() => self.str_of(item, at),
            's' | 'r' => {
                let text = if kind == 's' { self.str_of(item, at)? } else { self.formatted(item, "", true, at)? };
                if size.is_empty() {
                    return Ok(text);
                }
                self.formatted(&text, &format!("{}{size}", align(">")), false, at)
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' if !size.contains('.') => {
                self.refuse_as_number(item, kind, at)?;
                let kind = if matches!(kind, 'i' | 'u') { 'd' } else { kind };
                let item = match (item, number) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "as Python truncates, within the range checked"
                    )]
                    (Value::Float(value), _) if kind == 'd' && value.abs() < 1e15 => Value::Int(value.trunc() as i64),
                    (_, Some(number)) => Value::Int(number),
                    _ => item.clone(),
                };
                if spec.is_empty() && kind == 'd' {
                    return self.str_of(&item, at);
                }
                self.formatted(&item, &format!("{}{sign}{zero}{size}{kind}", if left { "<" } else { "" }), false, at)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                self.refuse_as_number(item, kind, at)?;
                self.formatted(item, &format!("{}{sign}{zero}{size}{kind}", if left { "<" } else { "" }), false, at)
            }
            'c' if spec.is_empty() => self.formatted(item, if number.is_some() { "c" } else { "" }, false, at),
            _ => Ok(self.unknown_from(std::slice::from_ref(item), "%", at)),
        }
    }

    /// `text.format(…)`.
    pub(super) fn format_method(
        &mut self,
        text: &str,
        args: &crate::python::value::Args,
        at: At,
    ) -> Result<Value, Stop> {
        let mut parts = Vec::new();
        let mut next = 0;
        for piece in template::braces(text) {
            let Field { name, path, conversion, spec } = match piece {
                Braces::Text(text) => {
                    parts.push(Value::str(text));
                    continue;
                }
                Braces::Field(field) => field,
                Braces::Lone => return Ok(self.unknown_from(&[Value::str(text)], "format", at)),
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
                Some(value) => self.format_field(value, path, at)?,
                None => Unknown::new("a field of a format that is not evaluated", at, name).value(),
            };
            // A specification that holds a field itself is rare in `format`.
            if spec.contains('{') {
                return Ok(self.unknown_from(&[Value::str(text)], "format", at));
            }
            let text = self.formatted(&value, spec, conversion == Some("r"), at)?;
            parts.push(text);
        }
        Ok(self.concat(&parts, at))
    }

    /// The attributes and items behind the name of a field: `{table.name}`, `{row[0]}`.
    fn format_field(&mut self, value: Value, path: &str, at: At) -> Result<Value, Stop> {
        let (mut value, mut rest) = (value, path);
        while !rest.is_empty() {
            if let Some((item, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let index = item.parse().map_or_else(|_| Value::str(item), Value::Int);
                value = self.subscript(&value, &index, at)?;
                rest = after;
            } else {
                let name = rest.trim_start_matches('.');
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                if name.is_empty() {
                    return Ok(self.unknown_from(&[value], "format", at));
                }
                value = self.attribute(&value, &name.into(), at)?;
                rest = after;
            }
        }
        Ok(value)
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

/// Texts one after the other, where all of them are known; no more of it than is evaluated.
fn joined(values: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = values.iter().map(|value| value.as_str().map(|text| &**text)).collect();
    let texts = texts?;
    let size: usize = texts.iter().map(|text| text.len()).sum();
    (size <= BOUNDS.size).then(|| texts.concat())
}
