//! What code asks an Airflow for by name: Variables and connections.

use super::Code;
use super::callback::each_call;
use super::walk::{Walk, caught, is_about_environment};
use crate::content::{ContentPath, Location};
use crate::dag::Task;
use crate::dag::exchange::template;
use crate::python::names::{Names, children, dotted};
use crate::python::program::{ClassRef, FunctionRef, Target};
use crate::python::syntax::{Arg, Expr, ExprKind, Stmt, StmtKind};
use crate::python::value::last_name;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Something that code asks for by a name that the text holds, and that has no other answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// What it asks for.
    pub what: Asked,
    /// By which name.
    pub name: String,
    /// The call, or the parameter.
    pub at: Location,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// A Variable.
    Variable,
    /// A connection.
    Connection,
}

impl Code {
    /// What an instance of a task asks for when it runs.
    pub fn asks(&self, task: &Task) -> Vec<Ask> {
        let mut asks = BTreeSet::new();
        self.each_reached(&self.entries(task), |_, seen| asks.extend(seen.asks.iter().cloned()));
        asks.into_iter().collect()
    }

    /// Connections that the operator of a task, where that is a class of the tree, takes by default and
    /// the task does not name. Nothing is said of a task whose making call cannot be found by its id.
    pub fn default_connections(&self, task: &Task) -> Vec<Ask> {
        let class = self.operator(task);
        let init = class.as_ref().and_then(|class| self.program.method(class, "__init__"));
        let (Some(class), Some(init)) = (class, init) else { return Vec::new() };
        let parameters = init.def.parameters.iter().filter(|parameter| is_connection(&parameter.name));
        let wanted: Vec<(&str, &str)> = parameters
            .filter_map(|parameter| match &parameter.default.as_ref()?.kind {
                ExprKind::Str(name) if is_plain(name) => Some((&*parameter.name, &**name)),
                _ => None,
            })
            .collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let Some((at, given)) = self.made_by(task, &class) else { return Vec::new() };
        let free = |name: &str| !given.contains(name) && !self.is_named(&at, name);
        let asks = wanted.into_iter().filter(|(parameter, _)| free(parameter));
        asks.map(|(_, name)| Ask { what: Asked::Connection, name: name.to_owned(), at: at.clone() }).collect()
    }

    /// The call of its class that holds a task's id, and the names of what it is given.
    fn made_by(&self, task: &Task, class: &ClassRef) -> Option<(Location, BTreeSet<String>)> {
        let file = self.files.get(&task.id_at.path).copied()?;
        let syntax = self.program.tree().syntax(file);
        let module = syntax.as_ref().as_ref().ok()?;
        let mut found = None;
        each_call(&module.body, &mut |call, args| {
            let within = call.span.start <= task.id_at.span.start && task.id_at.span.end <= call.span.end;
            let ExprKind::Call(callee, _) = &call.kind else { return };
            let target = dotted(callee).map(|parts| self.program.dotted(file, &[], &parts));
            if !within || !matches!(target, Some(Target::Class(made)) if made.is(class)) {
                return;
            }
            let named: Option<BTreeSet<String>> = args
                .iter()
                .map(|arg| match arg {
                    Arg::Keyword(name, _) => Some(name.to_string()),
                    _ => None,
                })
                .collect();
            found = named.map(|named| (self.location(file, call.span), named));
        });
        found
    }

    /// Whether the file that makes a task has that text: then `default_args` may give the argument.
    fn is_named(&self, at: &Location, name: &str) -> bool {
        let Some(file) = self.files.get(&at.path) else { return true };
        let text = String::from_utf8_lossy(self.program.tree().bytes(*file));
        ["\"", "'"].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}")))
    }

    /// What a file asks for when it is parsed: outside of functions, and in those that are called there.
    pub fn asks_when_parsed(&self, path: &ContentPath) -> Vec<Ask> {
        let Some(file) = self.files.get(path).copied() else { return Vec::new() };
        // Shared code is asked for by every DAG that reaches it.
        if let Some(known) = self.parsed.borrow().get(&file) {
            return known.clone();
        }
        let asks = self.asked_by_parse(file);
        self.parsed.borrow_mut().insert(file, asks.clone());
        asks
    }

    fn asked_by_parse(&self, file: usize) -> Vec<Ask> {
        let syntax = self.program.tree().syntax(file);
        let Ok(module) = syntax.as_ref() else { return Vec::new() };
        let mut parsed = Parsed { code: self, file, scopes: Vec::new(), asks: BTreeSet::new(), calls: Vec::new() };
        parsed.body(&module.body);
        let mut asks = parsed.asks;
        let entries: Vec<_> = parsed.calls.into_iter().map(|function| (function, None)).collect();
        self.each_reached(&entries, |_, seen| asks.extend(seen.asks.iter().cloned()));
        asks.into_iter().collect()
    }

    /// What a call asks for, where it does.
    fn asked(&self, callee: &Expr, args: &[Arg], lookup: &dyn Fn(&Expr) -> Target, file: usize) -> Vec<Ask> {
        let target = lookup(callee);
        if matches!(target, Target::Function(_) | Target::Class(_) | Target::Missing(..)) {
            return Vec::new();
        }
        let at = |expr: &Expr| self.location(file, expr.span);
        let text = |expr: &Expr| match &expr.kind {
            ExprKind::Str(text) => Some(text.to_string()),
            ExprKind::Name(_) | ExprKind::Attribute(..) => match lookup(expr) {
                Target::Text(text) => Some(text.to_string()),
                _ => None,
            },
            _ => None,
        };
        let ask =
            |what, expr: &Expr| Some(Ask { what, name: text(expr).filter(|name| is_plain(name))?, at: at(callee) });
        let mut asks = Vec::new();
        match (called(callee, &target), &target) {
            (Some(Asked::Variable), _) => {
                let fallback = args.len() > 1 && !args.iter().skip(1).all(is_form);
                let key = args.iter().find_map(|arg| match arg {
                    Arg::Positional(value) => Some(value),
                    Arg::Keyword(name, value) if &**name == "key" => Some(value),
                    _ => None,
                });
                asks.extend(key.filter(|_| !fallback).and_then(|key| ask(Asked::Variable, key)));
            }
            (Some(Asked::Connection), _) => {
                let id = args.iter().find_map(|arg| match arg {
                    Arg::Positional(value) => Some(value),
                    Arg::Keyword(name, value) if is_connection(name) => Some(value),
                    _ => None,
                });
                asks.extend(id.and_then(|id| ask(Asked::Connection, id)));
            }
            // A hook, or an operator that is made while another one runs.
            (None, Target::Outside(_)) => asks.extend(args.iter().filter_map(|arg| match arg {
                Arg::Keyword(name, value) if is_connection(name) => ask(Asked::Connection, value),
                _ => None,
            })),
            (None, _) => {}
        }
        asks
    }
}

/// Whether a call reads a Variable or a connection, by where the name comes from; `Variable.get` and
/// `get_connection` of what cannot be followed are taken for Airflow's.
fn called(callee: &Expr, target: &Target) -> Option<Asked> {
    let of_airflow = |ends: &[&str]| match target {
        Target::Outside(path) => path.starts_with("airflow.") && ends.iter().any(|end| path.ends_with(end)),
        Target::Unknown => {
            let parts = dotted(callee).unwrap_or_default().join(".");
            ends.iter().any(|end| format!(".{parts}").ends_with(end))
        }
        _ => false,
    };
    if of_airflow(&[".Variable.get"]) {
        return Some(Asked::Variable);
    }
    let of_hook = matches!(target, Target::Unknown | Target::Outside(_)) && last_name(callee) == Some("get_connection");
    let is_method = matches!(callee.kind, ExprKind::Attribute(..));
    (of_hook && is_method || of_airflow(&[".Connection.get", ".Connection.get_connection_from_secrets"]))
        .then_some(Asked::Connection)
}

/// An argument that says how the value is read, and gives none.
fn is_form(arg: &Arg) -> bool {
    matches!(arg, Arg::Keyword(name, _) if &**name == "deserialize_json")
}

fn is_connection(parameter: &str) -> bool {
    parameter == "conn_id" || parameter.ends_with("_conn_id")
}

/// Whether a text is a name, and no template or list of names.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '\n', ','])
}

/// Exceptions by which Airflow says that there is none, with what is above them.
const MISSING: [&str; 5] = ["KeyError", "LookupError", "AirflowNotFoundException", "AirflowException", "Exception"];

/// What the templates in an argument, given in canonical text, ask for: `{{ var.value.key }}`,
/// `{{ var.json.key.member }}`, `{{ var.value.get("key") }}`, `{{ conn.id.host }}`.
pub fn in_templates(canonical: &str) -> Vec<(Asked, String)> {
    let mut asks = Vec::new();
    template::each_expression(canonical, &mut |expr| of_template(expr, &mut asks));
    asks
}

fn of_template(expr: &Expr, asks: &mut Vec<(Asked, String)>) {
    if let ExprKind::Call(callee, args) = &expr.kind
        && let Some(parts) = dotted(callee)
    {
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let what = match parts.as_slice() {
            ["var", "value" | "json", "get"] => Some(Asked::Variable),
            ["conn", "get"] => Some(Asked::Connection),
            _ => None,
        };
        if let Some(what) = what {
            // A second argument is what there is instead.
            if let [Arg::Positional(Expr { kind: ExprKind::Str(name), .. })] = &**args {
                asks.push((what, name.to_string()));
            }
            return;
        }
    }
    let parts = dotted(expr).unwrap_or_default();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts.as_slice() {
        ["var", "value" | "json", key, ..] => asks.push((Asked::Variable, (*key).to_owned())),
        ["conn", id, ..] => asks.push((Asked::Connection, (*id).to_owned())),
        _ => children(expr, &mut |child| of_template(child, asks)),
    }
}

impl Walk<'_> {
    /// Notes what a call asks for, unless somebody is there for the case that it does not exist.
    pub(super) fn ask(&mut self, callee: &Expr, args: &[Arg]) {
        if self.guards.iter().any(|guard| MISSING.contains(&guard.as_str())) || self.doubt.is_some() {
            return;
        }
        let asks = self.code.asked(callee, args, &|expr| self.target(expr), self.function.file);
        self.seen.asks.extend(asks);
    }
}

/// Whether a condition is that of `if __name__ == "__main__"`.
fn is_of_main(test: &Expr) -> bool {
    let mut found = matches!(&test.kind, ExprKind::Name(name) if &**name == "__name__");
    children(test, &mut |child| found |= is_of_main(child));
    found
}

/// What runs when a file is parsed.
struct Parsed<'c> {
    code: &'c Code,
    file: usize,
    scopes: Vec<Rc<Names>>,
    asks: BTreeSet<Ask>,
    calls: Vec<FunctionRef>,
}

impl Parsed<'_> {
    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(&stmt.kind);
        }
    }

    fn stmt(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::Function { def, decorators } => {
                // What these decorate is run by the call that makes the DAG.
                let now = decorators.iter().any(|decorator| {
                    let callee = if let ExprKind::Call(callee, _) = &decorator.kind { callee } else { decorator };
                    matches!(last_name(callee), Some("dag" | "task_group"))
                });
                if now {
                    self.scopes.push(Rc::new(Names::of_function(def)));
                    self.body(&def.body);
                    self.scopes.pop();
                }
            }
            StmtKind::Class { def, .. } => self.body(&def.body),
            StmtKind::Try { body, handlers, orelse, finally } => {
                let mut guards = Vec::new();
                for handler in handlers {
                    caught(handler.kind.as_ref(), &mut guards);
                }
                if !guards.iter().any(|guard| MISSING.contains(&guard.as_str())) {
                    self.body(body);
                }
                self.body(orelse);
                self.body(finally);
            }
            StmtKind::Expr(value)
            | StmtKind::Return(Some(value))
            | StmtKind::Assign { value, .. }
            | StmtKind::Augmented { value, .. }
            | StmtKind::Annotated { value: Some(value), .. } => self.expr(value),
            StmtKind::If { arms, orelse } => {
                // What is only there for another release, or where the file is run by itself.
                if arms.iter().any(|(test, _)| is_about_environment(test) || is_of_main(test)) {
                    return;
                }
                for (test, body) in arms {
                    self.expr(test);
                    self.body(body);
                }
                self.body(orelse);
            }
            StmtKind::For(repeated) => {
                self.expr(&repeated.iter);
                self.body(&repeated.body);
            }
            StmtKind::With(with) => {
                with.items.iter().for_each(|(context, _)| self.expr(context));
                self.body(&with.body);
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            // It is run later, if at all.
            ExprKind::Lambda(_) => return,
            ExprKind::Conditional { test, .. } => return self.expr(test),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                if let Some(first) = parts.first() {
                    self.expr(first);
                }
                return;
            }
            ExprKind::Call(callee, args) => {
                let target = self.target(callee);
                self.asks.extend(self.code.asked(callee, args, &|expr| self.target(expr), self.file));
                if let Target::Function(function) = target {
                    let run_later =
                        |name: &str| name.rsplit('.').next().is_some_and(|last| last != "dag" && last != "task_group");
                    if !function.decorators.iter().any(|decorator| run_later(decorator)) {
                        self.calls.push(function);
                    }
                }
            }
            _ => {}
        }
        children(expr, &mut |child| self.expr(child));
    }

    fn target(&self, expr: &Expr) -> Target {
        match dotted(expr) {
            Some(parts) => self.code.program.dotted(self.file, &self.scopes, &parts),
            None => Target::Unknown,
        }
    }
}
