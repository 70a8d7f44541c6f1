//! Values that are written out in the call that makes a task, held against what its function does with them.

use super::fault;
use crate::dag::code::Fault;
use crate::dag::exchange::Fit;
use crate::dag::{Callable, Shape, Task};
use crate::python::literal;
use crate::python::syntax::{Expr, ExprKind};
use std::collections::BTreeMap;

/// Values that the function of a task cannot use as it does, where it could use what it was given.
pub(super) fn unfit(deployed: &Task, proposed: &Task) -> Vec<Fault> {
    let (Some(was), Some(now)) = (deployed.callable.as_deref(), proposed.callable.as_deref()) else {
        return Vec::new();
    };
    let (before, after) = (given(deployed, was), given(proposed, now));
    let fails = |code: &Callable, name: &str, shape: &Shape| match code.exchange.usage(name)?.fits(shape) {
        Fit::Fails(why, at) => Some((why, at)),
        _ => None,
    };
    let of_one = |(name, shape): (&String, &Shape)| {
        let (why, at) = fails(now, name, shape)?;
        let known = before.get(name).is_some_and(|shape| fails(was, name, shape).is_some());
        (!known).then(|| fault(now, format!("`{name}` of `{}()` is given another value: {why}", now.name), &at))
    };
    after.iter().filter_map(of_one).collect()
}

/// Variables of a command that are no texts, which the operating system refuses (measured on 2.6.2, 2.11.2 and 3.3.2).
pub(super) fn no_text(deployed: &Task, proposed: &Task) -> Option<Fault> {
    let refused = |task: &Task| {
        let is_bash = matches!(task.operator.as_str(), "BashOperator" | "_BashDecoratedOperator");
        let env = task.arguments.get("env").filter(|_| is_bash)?;
        literal::expression(env, |expr| {
            let ExprKind::Dict(pairs) = &expr.kind else { return None };
            pairs.iter().find_map(|(key, value)| match key.as_ref().map(|key| &key.kind) {
                Some(ExprKind::Str(name)) if is_no_text(value) => Some(name.to_string()),
                _ => None,
            })
        })
    };
    let name = refused(proposed).filter(|_| refused(deployed).is_none())?;
    Some(Fault {
        message: format!("TypeError: `{name}` in `env` is no text"),
        within: proposed.task_id.exact()?.to_string(),
        callee: None,
        at: proposed.at.clone(),
        doubt: None,
        symbol: false,
        goes_on: false,
    })
}

fn is_no_text(value: &Expr) -> bool {
    use ExprKind::{Dict, False, Float, Int, List, None, True, Tuple};
    matches!(value.kind, Int(_) | Float(_) | True | False | None | List(_) | Tuple(_) | Dict(_))
}

/// What a task gives its function by name and by place, as far as it is written out.
fn given(task: &Task, code: &Callable) -> BTreeMap<String, Shape> {
    let mut given = BTreeMap::new();
    let text = |name: &str| task.arguments.get(name);
    for (name, _) in &code.parameters {
        // A list that the task is mapped over is given element by element.
        let mapped = task.mapped.as_ref();
        if mapped.is_some_and(|mapping| mapping.over.iter().any(|over| over.arg == *name)) {
            continue;
        }
        if let Some(shape) =
            text(&format!("{name}()")).and_then(|text| literal::expression(text, |expr| Some(Shape::of_literal(expr))))
        {
            given.insert(name.clone(), shape);
        }
    }
    let by_name = text("op_kwargs").and_then(|text| literal::expression(text, |expr| Some(Shape::of_literal(expr))));
    if let Some(Shape::Dict(Some(keys))) = by_name {
        given.extend(keys);
    }
    let by_place = text("op_args").and_then(|text| {
        literal::expression(text, |expr| match &expr.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                Some(items.iter().map(Shape::of_literal).collect::<Vec<_>>())
            }
            _ => None,
        })
    });
    let places = code.parameters.iter().map(|(name, _)| name.clone());
    given.extend(places.zip(by_place.unwrap_or_default()));
    given
}
