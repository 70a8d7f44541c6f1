//! Where the code of a task begins.

use super::{Code, Fault};
use crate::content::{Location, Span};
use crate::dag::Task;
use crate::dag::known;
use crate::python::names::{Names, bodies, children, dotted};
use crate::python::parse::parse;
use crate::python::program::{Around, ClassRef, Constructor, FunctionRef, Given, Target, is_wraps, misfit};
use crate::python::syntax::{Arg, Expr, ExprKind, Function, Name, ParameterKind, Stmt, StmtKind};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Methods of an operator that Airflow itself calls when an instance runs.
const CALLED: [&str; 5] = ["execute", "poke", "pre_execute", "post_execute", "choose_branch"];

/// Operators that give their callable those of `op_kwargs` and of the context for which it has a
/// parameter (`KeywordParameters.determine`, alike in 2.6.2, 2.11.2 and 3.3.2).
const CALL_A_FUNCTION: [&str; 8] = [
    "PythonOperator",
    "BranchPythonOperator",
    "ShortCircuitOperator",
    "PythonSensor",
    "PythonVirtualenvOperator",
    "BranchPythonVirtualenvOperator",
    "ExternalPythonOperator",
    "BranchExternalPythonOperator",
];

/// A function or lambda of a file, as it is called: without what its decorators make of it.
#[derive(Clone)]
pub(super) struct Indexed {
    function: FunctionRef,
    /// Whether it says that it wraps another one (`functools.wraps`).
    wraps: bool,
}

impl Code {
    /// The functions of the tree that an instance of a task starts with.
    pub(super) fn entries(&self, task: &Task) -> Vec<(FunctionRef, Option<ClassRef>)> {
        let mut entries = Vec::new();
        if let Some(function) = task.callable.as_ref().and_then(|callable| self.function_at(&callable.at)) {
            entries.push((function, None));
        }
        if let Some(class) = self.operator(task) {
            let methods = CALLED.iter().filter_map(|name| self.program.method(&class, name));
            entries.extend(methods.map(|method| (method, Some(class.clone()))));
        }
        entries
    }

    /// The class of the tree that a task is an instance of.
    pub(super) fn operator(&self, task: &Task) -> Option<ClassRef> {
        let path = task.operator_path.as_deref()?;
        if path.starts_with("airflow.") {
            return None;
        }
        let from = self.files.get(&task.at.path).copied()?;
        match self.program.qualified(path, from) {
            Target::Class(class) => Some(class),
            _ => None,
        }
    }

    /// The function or method of that qualified name.
    pub(super) fn definition(&self, path: &str) -> Option<(FunctionRef, Option<ClassRef>)> {
        let from = *self.files.values().next()?;
        match self.program.qualified(path, from) {
            Target::Function(function) => Some((function, None)),
            Target::Class(class) => {
                let method = ["__init__", "execute"].iter().find_map(|name| self.program.method(&class, name))?;
                Some((method, Some(class)))
            }
            _ => {
                let (class, method) = path.rsplit_once('.')?;
                let Target::Class(class) = self.program.qualified(class, from) else { return None };
                Some((self.program.method(&class, method)?, Some(class)))
            }
        }
    }

    /// The function whose `def`, or the `lambda` that, stands there.
    pub(super) fn function_at(&self, at: &Location) -> Option<FunctionRef> {
        self.indexed_at(at).map(|indexed| indexed.function)
    }

    fn indexed_at(&self, at: &Location) -> Option<Indexed> {
        let file = self.files.get(&at.path).copied()?;
        let known = self.functions.borrow().contains_key(&file);
        if !known {
            let mut found = BTreeMap::new();
            if let Ok(module) = self.program.tree().syntax(file).as_ref() {
                functions(&module.body, file, &Rc::from([]), &mut found);
            }
            self.functions.borrow_mut().insert(file, found);
        }
        self.functions.borrow().get(&file)?.get(&at.span.start).cloned()
    }

    /// Whether what a task gives its callable when it runs does not fit: what Airflow binds when it
    /// loads the file is not looked at here.
    pub(super) fn argument_faults(&self, task: &Task) -> Vec<Fault> {
        let Some(callable) = &task.callable else { return Vec::new() };
        let Some(Indexed { function, wraps }) = self.indexed_at(&callable.at) else { return Vec::new() };
        let Some(mut given) = given(task, &function, wraps) else { return Vec::new() };
        if task.mapped.is_none() && !is_decorated(task) {
            let Some(before) = self.given_before(task, &function) else { return Vec::new() };
            given.positional += before.positional;
            let open = |name: &Name| !before.keywords.contains(name);
            given.keywords.retain(open);
            given.keywords.extend(before.keywords.iter().cloned());
        }
        for parameter in &function.def.parameters {
            let of_run =
                !known::no_context_key(&parameter.name, self.airflow) && !given.keywords.contains(&parameter.name);
            if of_run && parameter.kind.takes_name() {
                given.keywords.push(parameter.name.clone());
            }
        }
        let Some(why) = misfit(&function.def, &given) else { return Vec::new() };
        let name = &function.def.name;
        vec![Fault {
            message: format!("TypeError: `{name}()` {why}"),
            within: name.to_string(),
            callee: Some(self.program.path_of(function.file, name)),
            at: task.id_at.clone(),
            doubt: None,
            symbol: false,
            goes_on: false,
        }]
    }
}

impl Code {
    /// Whether a mapped operator of the tree lacks an argument that its own `__init__` needs: instances
    /// are made when they run. Names that the DAG's `default_args` may give are taken for given.
    pub(super) fn mapped_operator_fault(&self, task: &Task) -> Option<Fault> {
        let mapped = task.mapped.as_ref().filter(|mapped| !mapped.kwargs)?;
        let class = self.operator(task)?;
        let Constructor::Init(init) = self.program.constructor(&class) else { return None };
        let given = |name: &str| {
            name == "task_id" || task.arguments.get(name).is_some() || mapped.over.iter().any(|over| over.arg == name)
        };
        let missing = init.def.parameters.iter().skip(1).find(|parameter| {
            parameter.kind == ParameterKind::KeywordOnly && parameter.default.is_none() && !given(&parameter.name)
        })?;
        let file = self.files.get(&task.at.path).copied()?;
        if String::from_utf8_lossy(self.program.tree().bytes(file)).contains("default_args") {
            return None;
        }
        let (class, name) = (&class.def.name, &missing.name);
        Some(Fault {
            message: format!("AirflowException: `{class}` is missing the keyword argument `{name}`"),
            within: format!("{class}.__init__"),
            callee: Some(self.program.path_of(init.file, class)),
            at: task.id_at.clone(),
            doubt: None,
            symbol: false,
            goes_on: false,
        })
    }
}

impl Code {
    /// Whether the task's class, and what it derives from in the tree, leaves to Airflow's base class what that
    /// does not do: `execute`, and `poke` of a sensor.
    pub(super) fn nothing_to_execute(&self, task: &Task) -> Option<Fault> {
        let class = self.operator(task)?;
        let line = self.program.line(&class);
        let [base] = line.outside.as_slice() else { return None };
        let base = base.strip_prefix("airflow.")?.rsplit('.').next()?;
        let name = match base {
            "BaseOperator" => "execute",
            "BaseSensorOperator" => "poke",
            _ => return None,
        };
        let has = |name: &str| self.program.find(&class, name).is_some();
        if line.open || has(name) || has("execute") {
            return None;
        }
        let class_name = &class.def.name;
        Some(Fault {
            message: format!("NotImplementedError: `{class_name}` has no `{name}()`"),
            within: class_name.to_string(),
            callee: None,
            at: task.id_at.clone(),
            doubt: None,
            symbol: true,
            goes_on: false,
        })
    }

    /// Whether a method of the task's class does not take what Airflow calls it with: `execute(context=…)`,
    /// `poke(…)` and `choose_branch(…)` (read in 2.6.2, 2.11.2 and 3.3.2).
    pub(super) fn called_otherwise(&self, task: &Task) -> Option<Fault> {
        let class = self.operator(task)?;
        let by_name = Given { positional: 1, keywords: vec![Name::from("context")], ..Given::default() };
        let by_place = Given { positional: 2, ..Given::default() };
        [("execute", by_name), ("poke", by_place.clone()), ("choose_branch", by_place)].into_iter().find_map(
            |(name, given)| {
                let method = self.program.method(&class, name).filter(|method| method.decorators.is_empty())?;
                let why = misfit(&method.def, &given)?;
                let within = format!("{}.{name}", class.def.name);
                Some(Fault {
                    message: format!("TypeError: `{within}()` {why}"),
                    within,
                    callee: None,
                    at: task.id_at.clone(),
                    doubt: None,
                    symbol: false,
                    goes_on: false,
                })
            },
        )
    }

    /// What an expression of a module leads to: a dotted name, or a member of an instance that is made there.
    fn named(&self, file: usize, expr: &Expr) -> Target {
        if let Some(parts) = dotted(expr) {
            return self.program.dotted(file, &[], &parts);
        }
        let ExprKind::Attribute(object, name) = &expr.kind else { return Target::Unknown };
        let ExprKind::Call(callee, _) = &object.kind else { return Target::Unknown };
        match dotted(callee).map(|parts| self.program.dotted(file, &[], &parts)) {
            Some(Target::Class(class)) => self.program.attribute(&Target::Instance(class), name, file),
            _ => Target::Unknown,
        }
    }

    /// What the `python_callable` of a task gives the function by `functools.partial`: nothing where it is that
    /// function itself; none where it is something else that is made of it.
    fn given_before(&self, task: &Task, function: &FunctionRef) -> Option<Given> {
        let file = self.files.get(&task.at.path).copied()?;
        let syntax = self.program.tree().syntax(file);
        let Ok(module) = syntax.as_ref() else { return None };
        let same = |target: &FunctionRef| target.def.span == function.def.span && target.file == function.file;
        // A method of an instance is given that first.
        let own = |given: &Expr| match self.named(file, given) {
            Target::Function(target) if same(&target) => Some(Given::default()),
            Target::Method(target, _) if same(&target) => Some(Given::default().behind(1)),
            _ => None,
        };
        let it = |given: &Expr| match &given.kind {
            ExprKind::Lambda(def) => (def.span == function.def.span && file == function.file).then(Given::default),
            _ => own(given),
        };
        let partly = |given: &Expr| {
            let ExprKind::Call(callee, args) = &given.kind else { return None };
            let made = dotted(callee).map(|parts| self.program.dotted(file, &[], &parts));
            let is_partial = matches!(made, Some(Target::Outside(path)) if &*path == "functools.partial");
            let Some((Arg::Positional(of), rest)) = args.split_first().filter(|_| is_partial) else { return None };
            let before = it(of)?;
            Some(Given::of(rest).behind(before.positional)).filter(|given| !given.star && !given.double_star)
        };
        let mut found = None;
        calls(&module.body, &mut |span, args| {
            if span == task.at.span {
                found = args.iter().find_map(|arg| match arg {
                    Arg::Keyword(name, value) if &**name == "python_callable" => it(value).or_else(|| partly(value)),
                    _ => None,
                });
            }
        });
        found
    }
}

/// Every call below these statements.
fn calls(body: &[Stmt], visit: &mut dyn FnMut(Span, &[Arg])) {
    for stmt in body {
        own_exprs(&stmt.kind, &mut |expr| of_expr(expr, visit));
        bodies(&stmt.kind, &mut |body| calls(body, visit));
    }
}

fn of_expr(expr: &Expr, visit: &mut dyn FnMut(Span, &[Arg])) {
    if let ExprKind::Call(_, args) = &expr.kind {
        visit(expr.span, args);
    }
    children(expr, &mut |child| of_expr(child, visit));
}

/// The expressions of a statement itself in which an operator may be made.
fn own_exprs(stmt: &StmtKind, visit: &mut dyn FnMut(&Expr)) {
    match stmt {
        StmtKind::Expr(value)
        | StmtKind::Return(Some(value))
        | StmtKind::Assign { value, .. }
        | StmtKind::Annotated { value: Some(value), .. } => visit(value),
        StmtKind::With(with) => with.items.iter().for_each(|(context, _)| visit(context)),
        _ => {}
    }
}

/// The arguments that a task's callable is called with when it runs; none where that is not known, or
/// is settled when Airflow loads the file.
fn given(task: &Task, function: &FunctionRef, wraps: bool) -> Option<Given> {
    let own = |name: &Name| {
        let single = |kind| !matches!(kind, ParameterKind::Star | ParameterKind::DoubleStar);
        function.def.parameters.iter().any(|parameter| parameter.name == *name && single(parameter.kind))
    };
    if task.operator_path.as_deref().is_some_and(|path| path.starts_with("airflow."))
        && CALL_A_FUNCTION.contains(&task.operator.as_str())
        && task.mapped.is_none()
    {
        let positional = match task.arguments.get("op_args") {
            None => 0,
            Some(text) => match literal(text)?.kind {
                ExprKind::List(items) | ExprKind::Tuple(items) => items.len(),
                _ => return None,
            },
        };
        let keywords = match task.arguments.get("op_kwargs") {
            None => Vec::new(),
            Some(text) => keys(text)?,
        };
        // Those without a parameter are left out of the call.
        let keywords = keywords.into_iter().filter(own).collect();
        return Some(Given { positional, keywords, ..Given::default() });
    }
    if !is_decorated(task) {
        return None;
    }
    if task.mapped.is_none() {
        // What was bound when the file was loaded are the parameters of what is wrapped: what wraps it is called.
        let names: Vec<&str> = task.arguments.names().filter_map(|name| name.strip_suffix("()")).collect();
        let (places, keywords): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.starts_with('['));
        let keywords = keywords.into_iter().map(Name::from).collect();
        return wraps.then(|| Given { positional: places.len(), keywords, ..Given::default() });
    }
    // A mapped `@task` is bound when an instance of it runs.
    let mapped = task.mapped.as_ref().filter(|mapped| !mapped.kwargs)?;
    let partial = task.arguments.names().filter_map(|name| name.strip_suffix("()"));
    let over = mapped.over.iter().map(|over| over.arg.as_str());
    let keywords: BTreeSet<Name> = partial.chain(over).map(Name::from).collect();
    let named = keywords.iter().all(|name| !name.starts_with('['));
    named.then(|| Given { keywords: keywords.into_iter().collect(), ..Given::default() })
}

/// Whether it is a function under `@task`.
fn is_decorated(task: &Task) -> bool {
    task.operator == "_PythonDecoratedOperator"
}

/// The expression in the canonical text of an argument, where that is wholly known.
fn literal(text: &str) -> Option<Expr> {
    let mut module = parse(text.as_bytes()).ok()?;
    match module.body.pop()?.kind {
        StmtKind::Expr(expr) if module.body.is_empty() => Some(expr),
        _ => None,
    }
}

fn keys(text: &str) -> Option<Vec<Name>> {
    let ExprKind::Dict(pairs) = literal(text)?.kind else { return None };
    pairs
        .into_iter()
        .map(|(key, _)| match key?.kind {
            ExprKind::Str(key) => Some(key),
            _ => None,
        })
        .collect()
}

/// Every function below these statements, by where its `def` or `lambda` begins.
fn functions(body: &[Stmt], file: usize, around: &Around, found: &mut BTreeMap<u32, Indexed>) {
    for stmt in body {
        own_exprs(&stmt.kind, &mut |expr| lambdas(expr, file, around, found));
        if let StmtKind::Function { def, decorators, .. } = &stmt.kind {
            function(def, decorators.iter().any(is_wraps), (file, around), found);
        } else {
            bodies(&stmt.kind, &mut |body| functions(body, file, around, found));
        }
    }
}

fn lambdas(expr: &Expr, file: usize, around: &Around, found: &mut BTreeMap<u32, Indexed>) {
    match &expr.kind {
        ExprKind::Lambda(def) => function(def, false, (file, around), found),
        _ => children(expr, &mut |child| lambdas(child, file, around, found)),
    }
}

fn function(def: &Rc<Function>, wraps: bool, (file, around): (usize, &Around), found: &mut BTreeMap<u32, Indexed>) {
    let function = FunctionRef { file, def: def.clone(), decorators: Rc::from([]), around: around.clone() };
    found.insert(def.span.start, Indexed { function, wraps });
    let inner: Around = around.iter().cloned().chain([Rc::new(Names::of_function(def))]).collect();
    functions(&def.body, file, &inner, found);
}
