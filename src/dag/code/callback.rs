//! Functions that Airflow calls when an instance or a run has ended: whether they still can be.

use super::{Code, Fault};
use crate::content::Location;
use crate::dag::{Dag, Task};
use crate::python::names::{bodies, children, dotted};
use crate::python::program::{FunctionRef, Given, Target, keeps_signature, misfit};
use crate::python::syntax::{Arg, Expr, ExprKind, Module, Stmt, StmtKind};

/// How the name of every such option ends.
const CALLBACK: &[u8] = b"_callback";

/// A function that was given as a callback.
struct Callback {
    /// `on_failure_callback`, …
    option: String,
    function: FunctionRef,
    /// What `functools.partial` gives it beforehand.
    before: Given,
    at: Location,
}

impl Code {
    /// What certainly fails when Airflow calls the callbacks that a task itself is given, with the
    /// option that each stands in.
    pub fn callback_faults(&self, task: &Task) -> Vec<(String, Fault)> {
        let mut given = self.given_at(&task.at);
        if let Some(callable) = &task.callable {
            given.extend(self.given_to_decorator(&callable.at));
        }
        self.faults_of(given)
    }

    /// The same of those that a DAG is given, for itself or for its tasks (`default_args`).
    pub fn callback_faults_of_dag(&self, dag: &Dag) -> Vec<(String, Fault)> {
        self.faults_of(self.given_at(&dag.at))
    }

    fn faults_of(&self, given: Vec<Callback>) -> Vec<(String, Fault)> {
        let mut faults = Vec::new();
        for callback in given {
            let Callback { option, function, before, at } = callback;
            // With the context; of a missed SLA with five things.
            let positional = if option == "sla_miss_callback" { 5 } else { 1 };
            let why = misfit(&function.def, &before.behind(positional));
            if let Some(why) = why.filter(|_| keeps_signature(&function.decorators)) {
                let name = &function.def.name;
                let fault = Fault {
                    message: format!("TypeError: `{name}()` {why}"),
                    within: name.to_string(),
                    callee: Some(self.program.path_of(function.file, name)),
                    at,
                    doubt: None,
                    symbol: false,
                    goes_on: false,
                };
                faults.push((option, fault));
                continue;
            }
            let (_, inside) = self.reached(&[(function, None)]);
            faults.extend(inside.into_iter().map(|fault| (option.clone(), fault)));
        }
        faults
    }

    /// The callbacks among the arguments of the call that stands there.
    fn given_at(&self, at: &Location) -> Vec<Callback> {
        let mut found = Vec::new();
        self.in_module(at, |code, file, module| {
            each_call(&module.body, &mut |call, args| {
                if call.span == at.span {
                    code.among(args, file, module, &mut found);
                }
            });
        });
        found
    }

    /// The callbacks among the arguments of the decorators of the function that stands there.
    fn given_to_decorator(&self, at: &Location) -> Vec<Callback> {
        let mut found = Vec::new();
        self.in_module(at, |code, file, module| {
            each_function(&module.body, &mut |stmt| {
                let StmtKind::Function { def, decorators } = &stmt.kind else { return };
                for decorator in decorators.iter().filter(|_| def.span.start == at.span.start) {
                    if let ExprKind::Call(_, args) = &decorator.kind {
                        code.among(args, file, module, &mut found);
                    }
                }
            });
        });
        found
    }

    fn in_module(&self, at: &Location, look: impl FnOnce(&Self, usize, &Module)) {
        let Some(file) = self.files.get(&at.path).copied() else { return };
        // Few files give any, and each task asks.
        if !self.program.tree().bytes(file).windows(CALLBACK.len()).any(|word| word == CALLBACK) {
            return;
        }
        if let Ok(module) = self.program.tree().syntax(file).as_ref() {
            look(self, file, module);
        }
    }

    fn among(&self, args: &[Arg], file: usize, module: &Module, found: &mut Vec<Callback>) {
        for arg in args {
            let Arg::Keyword(name, value) = arg else { continue };
            if name.ends_with("_callback") {
                self.functions_in(name, value, file, found);
            } else if &**name == "default_args" {
                let pairs = match &value.kind {
                    ExprKind::Name(name) => assigned(module, name),
                    _ => Some(value),
                };
                let Some(ExprKind::Dict(pairs)) = pairs.map(|value| &value.kind) else { continue };
                for (key, value) in pairs {
                    if let Some(ExprKind::Str(name)) = key.as_ref().map(|key| &key.kind)
                        && name.ends_with("_callback")
                    {
                        self.functions_in(name, value, file, found);
                    }
                }
            }
        }
    }

    fn functions_in(&self, option: &str, value: &Expr, file: usize, found: &mut Vec<Callback>) {
        if let ExprKind::List(items) | ExprKind::Tuple(items) = &value.kind {
            for item in items {
                self.functions_in(option, item, file, found);
            }
            return;
        }
        let target = |expr: &Expr| dotted(expr).map(|parts| self.program.dotted(file, &[], &parts));
        let (given, before) = match &value.kind {
            ExprKind::Call(callee, args) => match (target(callee), args.split_first()) {
                (Some(Target::Outside(path)), Some((Arg::Positional(of), rest))) if &*path == "functools.partial" => {
                    (of, Given::of(rest))
                }
                _ => return,
            },
            _ => (value, Given::default()),
        };
        if let Some(Target::Function(function)) = target(given) {
            let at = self.location(file, value.span);
            found.push(Callback { option: option.to_owned(), function, before, at });
        }
    }
}

/// What a module binds a name to at its top, where it does so once.
fn assigned<'m>(module: &'m Module, name: &str) -> Option<&'m Expr> {
    let is_it = |target: &Expr| matches!(&target.kind, ExprKind::Name(own) if &**own == name);
    let mut values = module.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Assign { targets, value } if targets.iter().any(is_it) => Some(value),
        StmtKind::Annotated { target, value: Some(value), .. } if is_it(target) => Some(value),
        _ => None,
    });
    values.next().filter(|_| values.next().is_none())
}

fn each_function(body: &[Stmt], visit: &mut dyn FnMut(&Stmt)) {
    for stmt in body {
        if matches!(stmt.kind, StmtKind::Function { .. }) {
            visit(stmt);
        }
        bodies(&stmt.kind, &mut |body| each_function(body, visit));
    }
}

/// Every call in the statements, the decorators of functions among them.
pub(super) fn each_call(body: &[Stmt], visit: &mut dyn FnMut(&Expr, &[Arg])) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Expr(value)
            | StmtKind::Return(Some(value))
            | StmtKind::Assign { value, .. }
            | StmtKind::Annotated { value: Some(value), .. } => in_expr(value, visit),
            StmtKind::With(with) => with.items.iter().for_each(|(context, _)| in_expr(context, visit)),
            StmtKind::Function { decorators, .. } => decorators.iter().for_each(|expr| in_expr(expr, visit)),
            _ => {}
        }
        bodies(&stmt.kind, &mut |body| each_call(body, visit));
    }
}

fn in_expr(expr: &Expr, visit: &mut dyn FnMut(&Expr, &[Arg])) {
    if let ExprKind::Call(_, args) = &expr.kind {
        visit(expr, args);
    }
    children(expr, &mut |child| in_expr(child, visit));
}
