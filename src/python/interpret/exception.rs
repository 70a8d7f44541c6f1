//! `raise`, `assert` and `try`.

use super::branch::Join;
use super::{Flow, Host, Interp};
use crate::python::syntax::{Expr, Handler, Stmt, StmtKind};
use crate::python::value::{At, Object, Raised, Stop, Unknown, Value};
use std::rc::Rc;

/// What an exception of Python's own derives from directly.
fn parent(name: &str) -> Option<&'static str> {
    Some(match name {
        "Exception" | "SystemExit" | "KeyboardInterrupt" | "GeneratorExit" => "BaseException",
        "ZeroDivisionError" | "OverflowError" | "FloatingPointError" => "ArithmeticError",
        "ModuleNotFoundError" => "ImportError",
        "IndexError" | "KeyError" => "LookupError",
        "UnboundLocalError" => "NameError",
        "BlockingIOError" | "ChildProcessError" | "ConnectionError" | "FileExistsError" | "FileNotFoundError"
        | "InterruptedError" | "IsADirectoryError" | "NotADirectoryError" | "PermissionError"
        | "ProcessLookupError" | "TimeoutError" => "OSError",
        "BrokenPipeError" | "ConnectionAbortedError" | "ConnectionRefusedError" | "ConnectionResetError" => {
            "ConnectionError"
        }
        "NotImplementedError" | "RecursionError" => "RuntimeError",
        "IndentationError" => "SyntaxError",
        "TabError" => "IndentationError",
        "UnicodeError" => "ValueError",
        "UnicodeDecodeError" | "UnicodeEncodeError" | "UnicodeTranslateError" => "UnicodeError",
        name if name.ends_with("Warning") && name != "Warning" => "Warning",
        "ArithmeticError" | "AssertionError" | "AttributeError" | "BufferError" | "EOFError" | "ImportError"
        | "LookupError" | "MemoryError" | "NameError" | "OSError" | "ReferenceError" | "RuntimeError"
        | "StopIteration" | "StopAsyncIteration" | "SyntaxError" | "SystemError" | "TypeError" | "ValueError"
        | "Warning" => "Exception",
        _ => return None,
    })
}

/// What is above an exception of Python's own, by name; none for another one.
pub(crate) fn bases_of_exception(name: &str) -> Option<Vec<&'static str>> {
    let own = name == "BaseException" || parent(name).is_some();
    own.then(|| std::iter::successors(parent(name), |name| parent(name)).collect())
}

/// The exception that a qualified name stands for, if it is one of Python's own.
fn own_exception(path: &str) -> Option<&str> {
    match path {
        "builtins.IOError" | "builtins.EnvironmentError" | "os.error" | "socket.error" | "select.error" => {
            Some("OSError")
        }
        "socket.timeout" | "asyncio.TimeoutError" | "concurrent.futures.TimeoutError" => Some("TimeoutError"),
        "builtins.BaseException" => Some("BaseException"),
        path => path.strip_prefix("builtins.").filter(|name| parent(name).is_some()),
    }
}

/// The module of an exception that this interpreter or its host raises.
pub(super) fn module(class: &str) -> &'static str {
    match class {
        class if super::builtin::is_builtin(class) => "builtins",
        "FrozenInstanceError" => "dataclasses",
        "JSONDecodeError" => "json",
        "TOMLDecodeError" => "tomllib",
        "NoSectionError"
        | "NoOptionError"
        | "DuplicateSectionError"
        | "DuplicateOptionError"
        | "ParsingError"
        | "MissingSectionHeaderError" => "configparser",
        "YAMLError" | "MarkedYAMLError" | "ScannerError" | "ParserError" | "ComposerError" | "ConstructorError" => {
            "yaml"
        }
        _ => "airflow.exceptions",
    }
}

/// Whether a qualified name is an exception of Python's own.
pub(super) fn is_exception(path: &str) -> bool {
    own_exception(path).is_some()
}

/// The classes that an exception is of, and whether there can be no others.
struct Lineage {
    classes: Vec<Value>,
    known: bool,
}

impl Lineage {
    fn add(&mut self, path: &str) {
        let mut name = own_exception(path);
        if name.is_none() {
            self.classes.push(Value::outside(path));
            // Measured: these derive from what is named here and nothing else.
            name = Some("Exception");
            match path {
                "airflow.exceptions.AirflowException" => {}
                "airflow.exceptions.DuplicateTaskIdFound"
                | "airflow.exceptions.AirflowSkipException"
                | "airflow.exceptions.AirflowFailException" => {
                    self.classes.push(Value::outside("airflow.exceptions.AirflowException"));
                }
                "json.JSONDecodeError" | "tomllib.TOMLDecodeError" => {
                    self.classes.push(Value::outside(path.replace("json.", "json.decoder.")));
                    name = Some("ValueError");
                }
                "dataclasses.FrozenInstanceError" => name = Some("AttributeError"),
                path if path.starts_with("yaml.") => {
                    self.classes.push(Value::outside("yaml.MarkedYAMLError"));
                    self.classes.push(Value::outside("yaml.YAMLError"));
                }
                path if path.starts_with("configparser.") => {
                    self.classes.push(Value::outside("configparser.Error"));
                }
                _ => self.known = false,
            }
        }
        while let Some(own) = name {
            self.classes.push(Value::outside(format!("builtins.{own}")));
            name = parent(own);
        }
    }
}

impl<H: Host> Interp<'_, H> {
    fn lineage(&self, kind: &Value) -> Lineage {
        let mut lineage = Lineage { classes: Vec::new(), known: true };
        match kind {
            Value::Outside(path) => lineage.add(path),
            Value::Object(object) => match self.object(*object) {
                Object::Class(class) => {
                    for entry in &class.order {
                        match entry {
                            Value::Outside(path) => lineage.add(path),
                            other => lineage.classes.push(other.clone()),
                        }
                    }
                }
                _ => lineage.known = false,
            },
            _ => {
                lineage.add("builtins.Exception");
                lineage.known = false;
            }
        }
        lineage
    }

    /// Whether `except kind` takes an exception; `None` if that is not known.
    pub(super) fn catches(&self, kind: &Value, raised: &Raised) -> Option<bool> {
        if let Some(kinds) = self.items(kind) {
            let mut all = Some(false);
            for kind in kinds {
                match self.catches(kind, raised) {
                    Some(true) => return Some(true),
                    None => all = None,
                    Some(false) => {}
                }
            }
            return all;
        }
        let lineage = self.lineage(&raised.kind);
        match kind {
            Value::Outside(path) => {
                let wanted = own_exception(path).map_or_else(|| path.to_string(), |own| format!("builtins.{own}"));
                let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
                let same = |other: &Value| match other {
                    Value::Outside(other) => {
                        **other == *wanted
                            // Airflow's exceptions are re-exported from several modules.
                            || other.starts_with("airflow.") && wanted.starts_with("airflow.") && last(other) == last(&wanted)
                    }
                    _ => false,
                };
                if lineage.classes.iter().any(same) {
                    return Some(true);
                }
                lineage.known.then_some(false)
            }
            Value::Object(object) => match self.object(*object) {
                Object::Class(_) => {
                    let own = lineage.classes.iter().any(|other| matches!(other, Value::Object(one) if one == object));
                    (own || lineage.known).then_some(own)
                }
                _ => None,
            },
            Value::OneOf(values) => {
                let mut answers = values.iter().map(|value| self.catches(value, raised));
                let first = answers.next()??;
                answers.all(|answer| answer == Some(first)).then_some(first)
            }
            _ => None,
        }
    }

    pub(super) fn raised(&mut self, value: Option<&Expr>, at: At) -> Result<Stop, Stop> {
        let Some(value) = value else {
            return match self.handling.last() {
                Some(raised) => Ok(Stop::Raise(raised.clone())),
                None => self.raise("RuntimeError", "no active exception to reraise", at),
            };
        };
        let mut value = self.eval(value)?;
        if let Value::Object(object) = &value
            && let Object::Class(_) = self.object(*object)
        {
            value = self.call_with(&value, Vec::new(), at)?;
        }
        let kind = match &value {
            Value::Outside(_) => value.clone(),
            Value::Unknown(unknown) => match &unknown.root {
                Some(root) => Value::Outside(root.clone()),
                None => value.clone(),
            },
            Value::Object(object) => match self.object(*object) {
                Object::Instance(instance) => Value::Object(instance.class),
                _ => Value::outside("builtins.TypeError"),
            },
            _ => Value::outside("builtins.TypeError"),
        };
        let class = match &kind {
            Value::Outside(path) => path.rsplit('.').next().unwrap_or(path).into(),
            Value::Object(object) => match self.object(*object) {
                Object::Class(class) => class.name.clone(),
                _ => "Exception".into(),
            },
            _ => "Exception".into(),
        };
        let message = match &value {
            Value::Outside(_) => String::new(),
            other => self.text(other),
        };
        let value = matches!(value, Value::Object(_)).then_some(value);
        Ok(Stop::Raise(Rc::new(Raised { class, kind, value, message, at, certain: self.is_certain() })))
    }

    pub(super) fn assert(&mut self, parts: &[Expr], at: At) -> Result<(), Stop> {
        let Some(test) = parts.first() else { return Ok(()) };
        let value = self.eval(test)?;
        let value = self.condition(&value, at)?;
        match self.truth(&value, at) {
            Ok(true) => {}
            Ok(false) => return self.raise("AssertionError", "", at),
            Err(_) => self.may_raise(at),
        }
        Ok(())
    }

    pub(super) fn try_statement(
        &mut self,
        body: &[Stmt],
        handlers: &[Handler],
        orelse: &[Stmt],
        finally: &[Stmt],
    ) -> Result<Flow, Stop> {
        let result = self.try_body(body, handlers, orelse);
        if matches!(result, Err(Stop::Limit(..))) {
            return result;
        }
        match self.block(finally)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn try_body(&mut self, body: &[Stmt], handlers: &[Handler], orelse: &[Stmt]) -> Result<Flow, Stop> {
        if !handlers.iter().any(|handler| !ends_in_raise(&handler.body)) {
            return match self.block(body) {
                Ok(Flow::Next) => self.block(orelse),
                Err(Stop::Raise(raised)) => self.handle(handlers, raised),
                other => other,
            };
        }
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        self.guards.push(None);
        self.open_journal();
        let mut result = self.block(body);
        let why = self.guards.pop().flatten();
        if let (Some(why), Ok(Flow::Next)) = (&why, &result) {
            self.maybe.push(why.clone());
            result = self.block(orelse);
            self.maybe.truncate(conditions);
            self.rest.truncate(rest);
        }
        match (result, why) {
            (Ok(flow), None) => {
                self.keep_journal();
                match flow {
                    Flow::Next => self.block(orelse),
                    flow => Ok(flow),
                }
            }
            // Either the body ran to its end, or one of the handlers ran instead.
            (Ok(flow), Some(why)) => {
                let mut outcomes = vec![self.undo_journal(flow)];
                for handler in handlers {
                    outcomes.extend(self.branch(&why, |run| {
                        run.bind_exception(handler, None, why.at);
                        run.block(&handler.body)
                    })?);
                }
                Ok(self.join(outcomes, false, Join::OneOf, &why))
            }
            (Err(stop), _) => {
                self.keep_journal();
                match stop {
                    Stop::Raise(raised) => self.handle(handlers, raised),
                    other => Err(other),
                }
            }
        }
    }

    /// What the handlers make of an exception.
    fn handle(&mut self, handlers: &[Handler], raised: Rc<Raised>) -> Result<Flow, Stop> {
        let Some((handler, rest)) = handlers.split_first() else { return Err(Stop::Raise(raised)) };
        let caught = match &handler.kind {
            None => Some(true),
            Some(kind) => {
                let kind = self.eval(kind)?;
                self.catches(&kind, &raised)
            }
        };
        match caught {
            Some(true) => self.run_handler(handler, &raised),
            Some(false) => self.handle(rest, raised),
            None => {
                let why = Rc::new(Unknown::new("whether this exception is caught is not known", raised.at, "caught"));
                let mut outcomes = Vec::new();
                outcomes.extend(self.branch(&why, |run| run.run_handler(handler, &raised))?);
                outcomes.extend(self.branch(&why, |run| run.handle(rest, raised.clone()))?);
                if outcomes.is_empty() {
                    return Err(Stop::Raise(raised));
                }
                Ok(self.join(outcomes, false, Join::OneOf, &why))
            }
        }
    }

    fn run_handler(&mut self, handler: &Handler, raised: &Rc<Raised>) -> Result<Flow, Stop> {
        self.bind_exception(handler, Some(raised), raised.at);
        self.handling.push(raised.clone());
        let result = self.block(&handler.body);
        self.handling.pop();
        result
    }

    fn bind_exception(&mut self, handler: &Handler, raised: Option<&Raised>, at: At) {
        if let Some(name) = &handler.name {
            let value = match raised.and_then(|raised| raised.value.clone()) {
                Some(value) => value,
                None => Unknown::new("an exception", at, "exception").value(),
            };
            self.set_name(name, value);
        }
    }
}

fn ends_in_raise(body: &[Stmt]) -> bool {
    matches!(body.last().map(|stmt| &stmt.kind), Some(StmtKind::Raise(_)))
}
