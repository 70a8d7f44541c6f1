//! How an operator defers itself, and whether code can take up what other code has deferred.

use super::Code;
use super::walk::Walk;
use crate::content::Location;
use crate::dag::Task;
use crate::python::program::{Constructor, Given, Target, misfit};
use crate::python::syntax::{Arg, Expr, ExprKind, Name, Stmt, StmtKind};
use std::collections::BTreeSet;

/// A `self.defer(…)`, or a `raise TaskDeferred(…)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deferral {
    /// The method by which the instance goes on, if the text holds its name.
    pub method: Option<String>,
    /// The names that the method is called with beside the context: those of `kwargs`, and `event`;
    /// none if they are not known.
    pub arguments: Option<BTreeSet<String>>,
    /// The trigger, where it is a class of the tree.
    pub trigger: Option<TriggerUse>,
    /// The call.
    pub at: Location,
}

/// A trigger as Airflow stores it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriggerUse {
    /// The class path that `serialize()` gives.
    pub path: String,
    /// The names of the arguments that it gives; none if they are not known.
    pub arguments: Option<BTreeSet<String>>,
}

impl Code {
    /// Why an instance of the task that was deferred so cannot go on; none if it can, or if that
    /// cannot be said.
    pub fn refuses_resume(&self, task: &Task, deferral: &Deferral) -> Option<String> {
        let class = self.operator(task)?;
        let method = deferral.method.as_deref()?;
        let target = self.program.attribute(&Target::Instance(class.clone()), method, class.file);
        match target {
            Target::Missing(_, why) => Some(format!("AttributeError: {why}")),
            Target::Method(function, _) => {
                let arguments = deferral.arguments.as_ref()?;
                // `method(context, **kwargs)`, with the instance before it.
                let keywords = arguments.iter().map(|name| Name::from(name.as_str())).collect();
                let given = Given { positional: 2, keywords, ..Given::default() };
                let why = misfit(&function.def, &given)?;
                Some(format!("TypeError: `{}.{method}()` {why}", class.def.name))
            }
            _ => None,
        }
    }

    /// Why a triggerer that has started anew cannot build a stored trigger; none if it can, or if that
    /// cannot be said.
    pub fn refuses_trigger(&self, trigger: &TriggerUse, task: &Task) -> Option<String> {
        let from = self.files.get(&task.at.path).copied().or_else(|| self.files.values().next().copied())?;
        match self.program.qualified(&trigger.path, from) {
            Target::Missing(class, why) => {
                // `import_string` says the same of a module without the name as of no module.
                let class = if class == "AttributeError" { "ImportError" } else { class };
                Some(format!("{class}: {why}"))
            }
            Target::Class(class) => {
                let arguments = trigger.arguments.as_ref()?;
                let keywords: Vec<Name> = arguments.iter().map(|name| Name::from(name.as_str())).collect();
                let Constructor::Init(init) = self.program.constructor(&class) else { return None };
                let why = misfit(&init.def, &Given { positional: 1, keywords, ..Given::default() })?;
                Some(format!("TypeError: `{}.__init__()` {why}", class.def.name))
            }
            _ => None,
        }
    }

    /// The identity of the code of a trigger: of its class and the classes of the tree that it derives
    /// from.
    pub fn trigger_code(&self, path: &str, task: &Task) -> Option<(String, Location)> {
        let from = self.files.get(&task.at.path).copied()?;
        let Target::Class(class) = self.program.qualified(path, from) else { return None };
        let line = self.program.line(&class);
        let mut text = String::new();
        for class in &line.classes {
            for stmt in &class.def.body {
                // A class that moves says so in what it serializes to.
                if let StmtKind::Function { def, .. } = &stmt.kind
                    && &*def.name != "serialize"
                {
                    text.push_str(&def.name);
                    text.push_str(&crate::python::canonical::function(def));
                }
            }
        }
        let run = self.program.method(&class, "run")?;
        Some((text, self.location(run.file, run.def.span)))
    }
}

impl Walk<'_> {
    /// Notes what a call defers, if it does.
    pub(super) fn defer(&mut self, callee: &Expr, args: &[Arg], span: crate::content::Span) {
        let name = match &callee.kind {
            ExprKind::Attribute(object, name) if &**name == "defer" && self.is_self(object) => "defer",
            _ => crate::python::value::last_name(callee).unwrap_or_default(),
        };
        if !matches!(name, "defer" | "TaskDeferred") {
            return;
        }
        let keyword = |wanted: &str| {
            args.iter().find_map(|arg| match arg {
                Arg::Keyword(name, value) if &**name == wanted => Some(value),
                _ => None,
            })
        };
        if name == "defer" && !matches!(callee.kind, ExprKind::Attribute(..)) {
            return;
        }
        let method = keyword("method_name").and_then(|value| self.text(value));
        let arguments = match keyword("kwargs").map(|value| &value.kind) {
            None | Some(ExprKind::None) => Some(BTreeSet::new()),
            Some(ExprKind::Dict(pairs)) => keys(pairs),
            Some(_) => None,
        };
        let arguments = arguments.map(|mut names| {
            names.insert("event".to_owned());
            names
        });
        if let Some(method) = &method
            && let Some(class) = self.class.clone()
            && let Some(found) = self.code.program.method(&class, method)
        {
            self.seen.calls.push((found, Some(class)));
        }
        let trigger = keyword("trigger").and_then(|trigger| self.trigger(trigger));
        let at = self.code.location(self.function.file, span);
        self.seen.deferrals.push(Deferral { method, arguments, trigger, at });
    }

    /// The trigger that an expression makes.
    fn trigger(&self, expr: &Expr) -> Option<TriggerUse> {
        let Target::Instance(class) = self.target(expr) else { return None };
        let own = || self.code.program.path_of(class.file, &class.def.name);
        let serialize = self.code.program.method(&class, "serialize");
        let Some(serialize) = serialize else { return Some(TriggerUse { path: own(), arguments: None }) };
        let (path, arguments) = stored(&serialize.def.body)?;
        let path = match &path.kind {
            ExprKind::Str(text) => text.to_string(),
            // By `__module__` and the name of the class, in one of the ways to write that.
            _ if names_itself(path) => own(),
            _ => return None,
        };
        let arguments = arguments.and_then(|arguments| match &arguments.kind {
            ExprKind::Dict(pairs) => keys(pairs),
            ExprKind::Call(callee, args) if crate::python::value::last_name(callee) == Some("dict") => args
                .iter()
                .map(|arg| match arg {
                    Arg::Keyword(name, _) => Some(name.to_string()),
                    _ => None,
                })
                .collect(),
            _ => None,
        });
        Some(TriggerUse { path, arguments })
    }

    /// A text that the source holds: a literal, a constant, the `__name__` of a method.
    fn text(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Str(text) => Some(text.to_string()),
            ExprKind::Attribute(object, name) if &**name == "__name__" => {
                crate::python::value::last_name(object).map(str::to_owned)
            }
            ExprKind::Name(_) | ExprKind::Attribute(..) => match self.target(expr) {
                Target::Text(text) => Some(text.to_string()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The two parts of what `serialize()` returns, where it has one `return`.
fn stored(body: &[Stmt]) -> Option<(&Expr, Option<&Expr>)> {
    let mut found = None;
    for stmt in body {
        match &stmt.kind {
            StmtKind::Return(Some(Expr { kind: ExprKind::Tuple(parts), .. })) if found.is_none() => {
                found = Some((parts.first()?, parts.get(1)));
            }
            StmtKind::Expr(_) | StmtKind::Assign { .. } | StmtKind::Annotated { .. } => {}
            _ => return None,
        }
    }
    found
}

fn names_itself(expr: &Expr) -> bool {
    let mut found = false;
    let mut look = |expr: &Expr| {
        found |= match &expr.kind {
            ExprKind::Attribute(_, name) => matches!(&**name, "__module__" | "__qualname__" | "__class__"),
            ExprKind::Name(name) => matches!(&**name, "__name__" | "__module__" | "__class__"),
            _ => false,
        };
    };
    visit(expr, &mut look);
    found
}

fn visit(expr: &Expr, look: &mut dyn FnMut(&Expr)) {
    look(expr);
    crate::python::names::children(expr, &mut |child| visit(child, look));
}

fn keys(pairs: &[(Option<Expr>, Expr)]) -> Option<BTreeSet<String>> {
    pairs
        .iter()
        .map(|(key, _)| match key.as_ref().map(|key| &key.kind) {
            Some(ExprKind::Str(text)) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}
