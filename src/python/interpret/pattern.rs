//! `match`.

use super::branch::Join;
use super::{Flow, Host, Interp};
use crate::python::syntax::{Case, Expr, Name, Pattern};
use crate::python::value::{At, Dict, Object, Stop, Unknown, Value};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    pub(super) fn match_statement(&mut self, subject: &Expr, cases: &[Case], at: At) -> Result<Flow, Stop> {
        let subject = self.eval(subject)?;
        self.match_cases(&subject, cases, at)
    }

    fn match_cases(&mut self, subject: &Value, cases: &[Case], at: At) -> Result<Flow, Stop> {
        let Some((case, rest)) = cases.split_first() else { return Ok(Flow::Next) };
        let mut matched = self.matches(&case.pattern, subject, at)?;
        if let (Ok(true), Some(guard)) = (&matched, &case.guard) {
            let value = self.eval(guard)?;
            matched = self.truth(&value, self.at(guard.span));
        }
        match matched {
            Ok(true) => self.block(&case.body),
            Ok(false) => self.match_cases(subject, rest, at),
            Err(why) => {
                let mut outcomes = Vec::new();
                outcomes.extend(self.branch(&why, |interp| interp.block(&case.body))?);
                outcomes.extend(self.branch(&why, |interp| interp.match_cases(subject, rest, at))?);
                if outcomes.is_empty() {
                    return self.raise("Exception", "every case raises", why.at);
                }
                Ok(self.join(outcomes, false, Join::OneOf, &why))
            }
        }
    }

    /// Whether a pattern matches; binds its names.
    fn matches(&mut self, pattern: &Pattern, subject: &Value, at: At) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        Ok(match pattern {
            Pattern::Any => Ok(true),
            Pattern::Capture(name) => {
                self.set_name(name, subject.clone());
                Ok(true)
            }
            Pattern::As(inner, name) => {
                let matched = self.matches(inner, subject, at)?;
                self.set_name(name, subject.clone());
                matched
            }
            Pattern::Value(value) => {
                let value = self.eval(value)?;
                let equal = self.compare(crate::python::syntax::CompareOp::Eq, subject, &value, at)?;
                self.truth(&equal, at)
            }
            Pattern::Or(parts) => {
                let mut unknown = None;
                for part in parts {
                    match self.matches(part, subject, at)? {
                        Ok(true) => return Ok(Ok(true)),
                        Ok(false) => {}
                        Err(why) => unknown = Some(why),
                    }
                }
                unknown.map_or(Ok(false), Err)
            }
            Pattern::Star(name) => {
                if let Some(name) = name {
                    self.set_name(name, subject.clone());
                }
                Ok(true)
            }
            Pattern::Sequence(parts) => return self.matches_sequence(parts, subject, at),
            Pattern::Mapping(pairs, rest) => return self.matches_mapping(pairs, rest.as_ref(), subject, at),
            Pattern::Class(class, positional, keywords) => {
                return self.matches_class(class, positional, keywords, subject, at);
            }
            Pattern::Other(text) => {
                self.open_names = true;
                Err(Rc::new(Unknown::new("a pattern that cannot be decided", at, &**text)))
            }
        })
    }

    fn matches_sequence(
        &mut self,
        parts: &[Pattern],
        subject: &Value,
        at: At,
    ) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        let Some(items) = self.items(subject).map(<[Value]>::to_vec) else {
            // Texts, numbers and mappings are no sequences to a pattern.
            return match subject {
                Value::Unknown(_) | Value::OneOf(_) | Value::Outside(_) => self.undecided(parts, subject, at),
                Value::Object(object) if self.hazy(*object).is_some() => self.undecided(parts, subject, at),
                _ => Ok(Ok(false)),
            };
        };
        if let Value::Object(object) = subject
            && matches!(self.object(*object), Object::Set(_))
        {
            return Ok(Ok(false));
        }
        let star = parts.iter().position(|part| matches!(part, Pattern::Star(_)));
        let after = star.map_or(0, |star| parts.len() - star - 1);
        let fits = match star {
            None => items.len() == parts.len(),
            Some(star) => items.len() >= star + after,
        };
        if !fits {
            return Ok(Ok(false));
        }
        let mut values = items;
        if let Some(star) = star {
            let tail = values.split_off(values.len() - after);
            let middle = values.split_off(star);
            values.push(self.new_list(middle));
            values.extend(tail);
        }
        for (part, value) in parts.iter().zip(&values) {
            match self.matches(part, value, at)? {
                Ok(true) => {}
                other => return Ok(other),
            }
        }
        Ok(Ok(true))
    }

    fn matches_mapping(
        &mut self,
        pairs: &[(Expr, Pattern)],
        rest: Option<&Name>,
        subject: &Value,
        at: At,
    ) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        let Some(mut left) = self.dict_pairs(subject) else {
            let parts: Vec<&Pattern> = pairs.iter().map(|(_, pattern)| pattern).collect();
            if let Some(rest) = rest {
                let why = self.why(subject, at);
                self.set_name(rest, Value::Unknown(why));
            }
            return match subject {
                Value::Unknown(_) | Value::OneOf(_) | Value::Outside(_) => self.undecided(parts, subject, at),
                Value::Object(object) if self.hazy(*object).is_some() => self.undecided(parts, subject, at),
                _ => Ok(Ok(false)),
            };
        };
        for (key, pattern) in pairs {
            let key = self.eval(key)?;
            let Some(wanted) = self.key(&key) else { return self.undecided([pattern], subject, at) };
            let Some(position) = left.iter().position(|(key, _)| self.key(key).as_ref() == Some(&wanted)) else {
                return Ok(Ok(false));
            };
            let (_, value) = left.remove(position);
            match self.matches(pattern, &value, at)? {
                Ok(true) => {}
                other => return Ok(other),
            }
        }
        if let Some(rest) = rest {
            let mut dict = Dict::default();
            for (written, value) in left {
                if let Some(key) = self.key(&written) {
                    dict.insert(key, written, value);
                }
            }
            let value = self.new_object(Object::Dict(dict));
            self.set_name(rest, value);
        }
        Ok(Ok(true))
    }

    fn matches_class(
        &mut self,
        class: &Expr,
        positional: &[Pattern],
        keywords: &[(Name, Pattern)],
        subject: &Value,
        at: At,
    ) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        let class = self.eval(class)?;
        let all = || positional.iter().chain(keywords.iter().map(|(_, pattern)| pattern));
        match self.is_instance(subject, &class) {
            Some(true) => {}
            Some(false) => return Ok(Ok(false)),
            None => return self.undecided(all(), subject, at),
        }
        // `str(x)` and the like match the value itself.
        let itself = class.outside_path().is_some_and(|path| {
            matches!(
                &**path,
                "builtins.str"
                    | "builtins.int"
                    | "builtins.float"
                    | "builtins.bool"
                    | "builtins.bytes"
                    | "builtins.list"
                    | "builtins.tuple"
                    | "builtins.dict"
                    | "builtins.set"
                    | "builtins.frozenset"
            )
        });
        let names = match positional {
            [] => Vec::new(),
            [only] if itself => {
                match self.matches(only, subject, at)? {
                    Ok(true) => {}
                    other => return Ok(other),
                }
                Vec::new()
            }
            _ => match self.match_arguments(&class) {
                Some(names) if names.len() >= positional.len() => names,
                _ => return self.undecided(all(), subject, at),
            },
        };
        let named = names.into_iter().zip(positional);
        let named: Vec<(Name, &Pattern)> =
            named.chain(keywords.iter().map(|(name, part)| (name.clone(), part))).collect();
        for (name, pattern) in named {
            let value = self.attribute(subject, &name, at)?;
            match self.matches(pattern, &value, at)? {
                Ok(true) => {}
                other => return Ok(other),
            }
        }
        Ok(Ok(true))
    }

    /// The attributes that a class's positional patterns stand for.
    fn match_arguments(&self, class: &Value) -> Option<Vec<Name>> {
        let Value::Object(object) = class else { return None };
        if let Some((Ok(names), _)) = self.find_in_class(*object, "__match_args__", None) {
            return self.items(&names)?.iter().map(|name| name.as_str().cloned()).collect();
        }
        self.field_names(*object)
    }

    /// A pattern that is not decided binds its names to something not known.
    fn undecided<'p>(
        &mut self,
        parts: impl IntoIterator<Item = &'p Pattern>,
        subject: &Value,
        at: At,
    ) -> Result<Result<bool, Rc<Unknown>>, Stop> {
        let why = self.why(subject, at);
        let unknown = Value::Unknown(why.clone());
        for part in parts {
            match part {
                Pattern::Any | Pattern::Value(_) | Pattern::Star(None) => {}
                Pattern::Capture(name) | Pattern::Star(Some(name)) => self.set_name(name, unknown.clone()),
                other => {
                    self.matches(other, &unknown, at)?.ok();
                }
            }
        }
        Ok(Err(why))
    }
}
