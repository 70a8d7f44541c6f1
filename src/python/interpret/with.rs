//! `with`, and the context managers of `contextlib`.

use super::lazy::Turn;
use super::{Flow, Host, Interp};
use crate::python::syntax::With;
use crate::python::value::{Args, At, Lazy, Manager, Object, Raised, Ref, Stop, Unknown, Value, short};
use std::cell::RefCell;
use std::rc::Rc;

impl<'t, H: Host> Interp<'t, H> {
    /// Runs a `with` from its item of that number on.
    pub(super) fn with_statement(&mut self, with: &Rc<With>, index: usize) -> Result<Flow, Stop> {
        let Some((context, _)) = with.items.get(index) else { return self.block(&with.body) };
        let at = self.at(context.span);
        let value = self.eval(context)?;
        if let Value::Object(object) = &value
            && let Object::Manager(Manager::Generator(generator)) = self.object(*object).clone()
        {
            return self.with_generator(with, index, &generator, at);
        }
        let entered = self.enter_context(&value, at)?;
        if let Some((_, Some(target))) = with.items.get(index) {
            self.assign(target, entered)?;
        }
        let result = self.with_statement(with, index + 1);
        self.exit_context(&value, result, at)
    }

    /// `__enter__`; gives what `as` binds.
    pub(super) fn enter_context(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        if let Some(method) = self.find_method(value, "__enter__") {
            return self.call_with(&method, Vec::new(), at);
        }
        if let Some(host) = self.host_of(value) {
            return Ok(H::enter(self, host, at)?.unwrap_or_else(|| value.clone()));
        }
        // A path, a file and what `os.scandir` gives are their own context.
        if self.standard(value).is_some() || self.unordered_items(value).is_some() || self.items(value).is_some() {
            return Ok(value.clone());
        }
        if let Value::Object(object) = value
            && let Object::Manager(manager) = self.object(*object)
        {
            return match manager {
                Manager::Null(inner) | Manager::Closing(inner) => Ok(inner.clone()),
                Manager::Suppress(_) => {
                    // What the body leaves undone if it raises is not known.
                    self.guards.push(None);
                    Ok(Value::None)
                }
                Manager::Stack(_) => Ok(value.clone()),
                Manager::Generator(_) => {
                    Err(self.limit("a context that is entered by hand and is a generator is not followed", at))
                }
            };
        }
        if let Value::Unknown(unknown) = value
            && unknown.root.as_deref().is_some_and(|root| root.starts_with("unittest.mock.patch"))
        {
            return Err(self.limit("names that are replaced for a while are not followed", at));
        }
        Ok(match value {
            Value::Unknown(unknown) => {
                let text = format!("with {}", unknown.text);
                Unknown { text: short(text), ..Unknown::clone(unknown) }.value()
            }
            other => self.unknown_from(std::slice::from_ref(other), "with", at),
        })
    }

    /// `__exit__` after a body that ended so; an exception may end here.
    pub(super) fn exit_context(&mut self, value: &Value, result: Result<Flow, Stop>, at: At) -> Result<Flow, Stop> {
        if matches!(result, Err(Stop::Limit(..))) {
            return result;
        }
        if let Some(method) = self.find_method(value, "__exit__") {
            let raised = match &result {
                Err(Stop::Raise(raised)) => Some(raised.clone()),
                _ => None,
            };
            let args = match &raised {
                Some(raised) => {
                    let exception = raised
                        .value
                        .clone()
                        .unwrap_or_else(|| Unknown::new("an exception", raised.at, "exception").value());
                    vec![raised.kind.clone(), exception, Unknown::new("a traceback", at, "traceback").value()]
                }
                None => vec![Value::None, Value::None, Value::None],
            };
            let answer = self.call_with(&method, args, at)?;
            return match raised.map(|raised| (self.truth(&answer, at), raised)) {
                Some((Ok(true), _)) => Ok(Flow::Next),
                Some((Err(_), raised)) => {
                    Err(Stop::Raise(Rc::new(Raised { certain: false, ..Raised::clone(&raised) })))
                }
                _ => result,
            };
        }
        if let Some(host) = self.host_of(value) {
            H::exit(self, host, at)?;
            return result;
        }
        let Value::Object(object) = value else {
            // What a context of the outside makes of an exception is not known.
            return match result {
                Err(Stop::Raise(raised)) => {
                    Err(Stop::Raise(Rc::new(Raised { certain: false, ..Raised::clone(&raised) })))
                }
                other => other,
            };
        };
        match self.object(*object).clone() {
            Object::Manager(Manager::Closing(inner)) => {
                let close = self.attribute(&inner, &"close".into(), at)?;
                self.call_with(&close, Vec::new(), at)?;
                result
            }
            Object::Manager(Manager::Suppress(kinds)) => {
                self.guards.pop();
                match result {
                    Err(Stop::Raise(raised)) => {
                        let answers: Vec<_> = kinds.iter().map(|kind| self.catches(kind, &raised)).collect();
                        if answers.contains(&Some(true)) {
                            Ok(Flow::Next)
                        } else if answers.contains(&None) {
                            Err(Stop::Raise(Rc::new(Raised { certain: false, ..Raised::clone(&raised) })))
                        } else {
                            Err(Stop::Raise(raised))
                        }
                    }
                    other => other,
                }
            }
            Object::Manager(Manager::Stack(entered)) => {
                let mut result = result;
                for context in entered.into_iter().rev() {
                    result = match self.object_of_callback(&context) {
                        Some((function, args)) => {
                            self.call(&function, args, at)?;
                            result
                        }
                        None => self.exit_context(&context, result, at),
                    };
                }
                result
            }
            _ => result,
        }
    }

    /// What `ExitStack.callback` was given, if it is that.
    fn object_of_callback(&self, value: &Value) -> Option<(Value, Args)> {
        match value {
            Value::Object(object) => match self.object(*object) {
                Object::Partial { function, args } => Some((function.clone(), (**args).clone())),
                _ => None,
            },
            _ => None,
        }
    }

    /// A method of an `ExitStack`.
    pub(super) fn stack_method(&mut self, stack: Ref, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(first) = args.positional.first().map(|arg| arg.value.clone()) else { return Ok(None) };
        let (kept, answer) = match name {
            "enter_context" => {
                let entered = self.enter_context(&first, at)?;
                (first, entered)
            }
            "callback" => {
                let mut rest = args.clone();
                rest.positional.remove(0);
                (self.new_object(Object::Partial { function: first.clone(), args: Box::new(rest) }), first)
            }
            "push" => (first.clone(), first),
            _ => return Err(self.limit("a method of an exit stack is not followed", at)),
        };
        if let Object::Manager(Manager::Stack(entered)) = self.change(stack) {
            entered.push(kept);
        }
        Ok(Some(answer))
    }

    /// A `with` over the generator of a `@contextmanager` function: its body runs, and at its
    /// `yield` the body of the `with`. An exception there is raised at the `yield`.
    fn with_generator(&mut self, with: &Rc<With>, index: usize, generator: &Value, at: At) -> Result<Flow, Stop> {
        let flow: Rc<RefCell<Option<Flow>>> = Rc::default();
        let entered: Rc<RefCell<bool>> = Rc::default();
        let pushed: Rc<RefCell<Pushed>> = Rc::default();
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        let (ended, began, inner, left) = (flow.clone(), entered.clone(), with.clone(), pushed.clone());
        let turn: Turn<'t, H> = Rc::new(move |run, item| {
            if began.replace(true) && run.maybe.len() == conditions {
                return run.raise("RuntimeError", "generator didn't stop", at);
            }
            let (before, rest_before) = (run.maybe.len(), run.rest.len());
            if let Some((_, Some(target))) = inner.items.get(index) {
                run.assign(target, item)?;
            }
            let flow = run.with_statement(&inner, index + 1)?;
            if before > conditions && !matches!(flow, Flow::Next) {
                return Err(run.limit("a context that yields under a condition that is not known is left", at));
            }
            *ended.borrow_mut() = Some(flow);
            left.borrow_mut().note(run, before, rest_before);
            Ok(())
        });
        let result = self.each(generator, at, &turn)?;
        let _ = rest;
        self.push_again(&pushed.borrow());
        let entered = *entered.borrow();
        match (result, flow.take()) {
            (Err((why, _)), _) => Err(self.limit(&why.reason, at)),
            (Ok(_), Some(flow)) => Ok(flow),
            // The generator took the exception of the body.
            (Ok(_), None) if entered => Ok(Flow::Next),
            (Ok(_), None) => self.raise("RuntimeError", "generator didn't yield", at),
        }
    }

    /// Conditions that a turn left behind (a `return` that may have happened) hold on after the
    /// generator has ended.
    pub(super) fn push_again(&mut self, pushed: &Pushed) {
        if self.frames.last().is_some_and(|frame| !frame.returns.is_empty()) {
            self.maybe.extend(pushed.maybe.iter().cloned());
            self.rest.extend(pushed.rest.iter().cloned());
        }
    }

    pub(super) fn manager(&mut self, path: &str, args: &Args) -> Option<Value> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        let manager = match (path, first) {
            ("contextlib.nullcontext", first) => Manager::Null(first.unwrap_or(Value::None)),
            ("contextlib.closing", Some(value)) => Manager::Closing(value),
            ("contextlib.suppress", _) => {
                Manager::Suppress(args.positional.iter().map(|arg| arg.value.clone()).collect())
            }
            ("contextlib.ExitStack", None) => Manager::Stack(Vec::new()),
            _ => return None,
        };
        Some(self.new_object(Object::Manager(manager)))
    }

    /// A call of a `@contextmanager` function.
    pub(super) fn call_context(&mut self, function: &Value, args: Args, at: At) -> Result<Value, Stop> {
        let generator = self.call(function, args, at)?;
        let lazy = match &generator {
            Value::Object(object) => matches!(self.object(*object), Object::Lazy(Lazy::Call { .. })),
            _ => false,
        };
        Ok(if lazy { self.new_object(Object::Manager(Manager::Generator(generator))) } else { generator })
    }
}

/// Conditions that turns of a loop left behind.
#[derive(Default)]
pub(super) struct Pushed {
    maybe: Vec<Rc<Unknown>>,
    rest: Vec<Rc<Unknown>>,
}

impl Pushed {
    /// Notes what was pushed since there were so many.
    pub(super) fn note<H: Host>(&mut self, run: &Interp<'_, H>, maybe: usize, rest: usize) {
        self.maybe.extend(run.maybe.iter().skip(maybe).cloned());
        self.rest.extend(run.rest.iter().skip(rest).cloned());
    }
}
