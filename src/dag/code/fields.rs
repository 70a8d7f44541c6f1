//! The fields of an operator that Airflow renders.

use super::{Code, Fault};
use crate::dag::Task;
use crate::python::program::Target;
use crate::python::syntax::{Class, Expr, ExprKind, StmtKind};
use std::collections::BTreeSet;

impl Code {
    /// `template_fields` of a task's operator, where that is a class of the tree and lists them.
    pub fn template_fields(&self, task: &Task) -> Option<BTreeSet<String>> {
        let class = self.operator(task)?;
        let line = self.program.line(&class);
        line.classes.iter().find_map(|class| listed(&class.def)).and_then(texts)
    }
}

impl Code {
    /// Fields that are listed, and that an instance does not have: rendering reads them before anything
    /// runs.
    pub(super) fn template_faults(&self, task: &Task) -> Vec<Fault> {
        let (Some(class), Some(fields)) = (self.operator(task), self.template_fields(task)) else { return Vec::new() };
        let path = self.program.path_of(class.file, &class.def.name);
        let missing = fields.iter().filter_map(|field| {
            match self.program.attribute(&Target::Instance(class.clone()), field, class.file) {
                Target::Missing(kind, why) => Some(Fault {
                    message: format!("{kind}: {why}, which is a template field"),
                    within: format!("{}.template_fields", class.def.name),
                    callee: Some(path.clone()),
                    at: task.id_at.clone(),
                    doubt: None,
                    symbol: true,
                    goes_on: false,
                }),
                _ => None,
            }
        });
        missing.collect()
    }
}

/// What a class itself says of its fields.
fn listed(class: &Class) -> Option<&Expr> {
    let is_it = |target: &Expr| matches!(&target.kind, ExprKind::Name(name) if &**name == "template_fields");
    class.body.iter().rev().find_map(|stmt| match &stmt.kind {
        StmtKind::Assign { targets, value } if targets.iter().any(is_it) => Some(value),
        StmtKind::Annotated { target, value: Some(value), .. } if is_it(target) => Some(value),
        _ => None,
    })
}

fn texts(expr: &Expr) -> Option<BTreeSet<String>> {
    let (ExprKind::Tuple(items) | ExprKind::List(items)) = &expr.kind else { return None };
    items
        .iter()
        .map(|item| match &item.kind {
            ExprKind::Str(text) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}
