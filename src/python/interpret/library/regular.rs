//! `re`, as far as the expression means the same to the engine used here.

use super::super::{BOUNDS, Host, Interp};
use crate::python::standard::{Expression, Found, Standard};
use crate::python::value::{Args, At, Dict, Key, Object, Stop, Value};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// The expression that a value is, with flags.
    fn expression(&self, value: &Value, flags: Option<&Value>) -> Option<Rc<Expression>> {
        if let Some(Standard::Pattern(pattern)) = self.standard(value) {
            return flags.is_none().then(|| pattern.clone());
        }
        let mut letters = String::new();
        if let Some(flags) = flags {
            match flags {
                Value::Int(0) => {}
                Value::Outside(path) => letters.push(match &**path {
                    "re.IGNORECASE" | "re.I" => 'i',
                    "re.MULTILINE" | "re.M" => 'm',
                    "re.DOTALL" | "re.S" => 's',
                    "re.ASCII" | "re.A" => 'a',
                    _ => return None,
                }),
                _ => return None,
            }
        }
        Expression::of(value.as_str()?, &letters).map(Rc::new)
    }

    /// A function of the module `re`.
    pub(super) fn call_regular(&mut self, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let flags_at = match name {
            "sub" | "subn" => 4,
            "split" => 3,
            "compile" => 1,
            _ => 2,
        };
        if name == "escape" {
            let text = args.value(0, "pattern").and_then(Value::as_str).map(|text| escaped(text));
            return Ok(text.map(|text| Self::text_value(text, at)));
        }
        let Some(pattern) = args.value(0, "pattern") else { return Ok(None) };
        let Some(pattern) = self.expression(pattern, args.value(flags_at, "flags")) else { return Ok(None) };
        if name == "compile" {
            return Ok(Some(self.new_object(Object::Standard(Standard::Pattern(pattern)))));
        }
        let mut rest = args.clone();
        if rest.positional.is_empty() {
            return Ok(None);
        }
        rest.positional.remove(0);
        rest.positional.truncate(flags_at - 1);
        rest.keywords.retain(|(name, _)| &**name != "flags");
        self.regular_method(&pattern, name, &rest, at)
    }

    /// A method of a compiled expression.
    pub(super) fn regular_method(
        &mut self,
        pattern: &Rc<Expression>,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let replacing = matches!(name, "sub" | "subn");
        let string = args.value(usize::from(replacing), "string").and_then(Value::as_str).cloned();
        let Some(text) = string.filter(|text| pattern.agrees_on(text)) else { return Ok(None) };
        self.work(text.len(), at)?;
        let count = match args.value(if replacing { 2 } else { 1 }, if replacing { "count" } else { "maxsplit" }) {
            None => 0,
            Some(count) => match count.as_int().and_then(|count| usize::try_from(count).ok()) {
                Some(count) if replacing || name == "split" => count,
                _ => return Ok(None),
            },
        };
        let Some(matches) = pattern.matches(&text, name, count) else { return Ok(None) };
        Ok(match name {
            "search" | "match" | "fullmatch" => Some(match matches.into_iter().next() {
                Some(found) => self.new_object(Object::Standard(Standard::Match(Rc::new(found)))),
                None => Value::None,
            }),
            "findall" => {
                let mut items = Vec::new();
                for found in matches {
                    let group = |index: usize| {
                        let text = found.groups.get(index).and_then(Option::as_ref).map_or("", |group| &group.0);
                        Self::text_value(text, at)
                    };
                    items.push(match found.groups.len() {
                        1 => group(0),
                        2 => group(1),
                        count => {
                            let groups = (1..count).map(group).collect();
                            self.new_tuple(groups)
                        }
                    });
                }
                Some(self.new_list(items))
            }
            "finditer" => {
                let items = matches.into_iter().map(|found| Standard::Match(Rc::new(found)));
                let items: Vec<Value> = items.map(|found| self.new_object(Object::Standard(found))).collect();
                Some(self.new_list(items))
            }
            "split" => {
                let mut items = Vec::new();
                let mut start = 0;
                for found in matches {
                    let Some((_, from, to)) = found.groups.first().and_then(Clone::clone) else { return Ok(None) };
                    items.push(Self::text_value(&text[start..from], at));
                    for group in &found.groups[1..] {
                        items.push(group.as_ref().map_or(Value::None, |group| Self::text_value(group.0.clone(), at)));
                    }
                    start = to;
                }
                items.push(Self::text_value(&text[start..], at));
                Some(self.new_list(items))
            }
            "sub" => {
                let Some(with) = args.value(0, "repl").cloned() else { return Ok(None) };
                self.substitute(&text, matches, &with, at)?
            }
            _ => None,
        })
    }

    fn substitute(&mut self, text: &str, matches: Vec<Found>, with: &Value, at: At) -> Result<Option<Value>, Stop> {
        let mut out = String::new();
        let mut start = 0;
        for found in matches {
            let Some((_, from, to)) = found.groups.first().and_then(Clone::clone) else { return Ok(None) };
            out.push_str(&text[start..from]);
            start = to;
            let made = match with {
                Value::Str(template) => found.expand(&template.text),
                function => {
                    let found = self.new_object(Object::Standard(Standard::Match(Rc::new(found))));
                    let made = self.call_with(function, vec![found], at)?;
                    made.as_str().map(ToString::to_string)
                }
            };
            let Some(made) = made else { return Ok(None) };
            out.push_str(&made);
            if out.len() > BOUNDS.size {
                return Err(self.limit("a text too long to evaluate", at));
            }
        }
        out.push_str(&text[start..]);
        Ok(Some(Self::text_value(out, at)))
    }

    pub(in super::super) fn match_group(&self, found: &Found, which: &Value, at: At) -> Option<Value> {
        let index = match which {
            Value::Str(name) => found.names.iter().find(|(other, _)| *other == name.text)?.1,
            value => usize::try_from(value.as_int()?).ok()?,
        };
        let group = found.groups.get(index)?;
        let _ = self;
        Some(group.as_ref().map_or(Value::None, |group| Self::text_value(group.0.clone(), at)))
    }

    pub(super) fn match_method(&mut self, found: &Rc<Found>, name: &str, args: &Args, at: At) -> Option<Value> {
        match name {
            "group" => match args.positional.as_slice() {
                [] => self.match_group(found, &Value::Int(0), at),
                [one] => self.match_group(found, &one.value, at),
                several => {
                    let groups: Option<Vec<Value>> =
                        several.iter().map(|arg| self.match_group(found, &arg.value, at)).collect();
                    groups.map(|groups| self.new_tuple(groups))
                }
            },
            "groups" | "groupdict" => {
                let default = args.value(0, "default").cloned().unwrap_or(Value::None);
                let text = |group: &Option<(Rc<str>, usize, usize)>| {
                    group.as_ref().map_or_else(|| default.clone(), |group| Self::text_value(group.0.clone(), at))
                };
                if name == "groups" {
                    let groups = found.groups[1..].iter().map(text).collect();
                    return Some(self.new_tuple(groups));
                }
                let mut dict = Dict::default();
                for (name, index) in &found.names {
                    let value = found.groups.get(*index).map_or(Value::None, text);
                    dict.insert(Key::Str(name.clone()), Value::str(name.clone()), value);
                }
                Some(self.new_object(Object::Dict(dict)))
            }
            _ => None,
        }
    }
}

/// `re.escape`.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
