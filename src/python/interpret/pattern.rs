//! `match`.

use super::branch::Join;
use super::{Flow, Host, Interp};
use crate::python::syntax::{Case, Expr, Pattern};
use crate::python::value::{At, Stop, Unknown, Value};
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
            Pattern::Sequence(parts) => match self.items(subject).map(<[Value]>::to_vec) {
                Some(items) if items.len() != parts.len() => Ok(false),
                Some(items) => {
                    for (part, item) in parts.iter().zip(&items) {
                        match self.matches(part, item, at)? {
                            Ok(true) => {}
                            other => return Ok(other),
                        }
                    }
                    Ok(true)
                }
                None => Err(Rc::new(Unknown::new("a pattern that cannot be decided", at, "pattern"))),
            },
            Pattern::Other(text) => Err(Rc::new(Unknown::new("a pattern that cannot be decided", at, &**text))),
        })
    }
}
