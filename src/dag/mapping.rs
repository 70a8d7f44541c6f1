//! What tasks and groups are mapped over.

use super::arguments::uses;
use super::output;
use super::refusal::refuse;
use super::world::{MappingState, OverState, Run};
use crate::python::value::{Args, At, Object, Stop, Value};

/// What `expand(…)` or `expand_kwargs(…)` maps over.
pub(super) fn mapping(run: &mut Run, args: &Args, kwargs: bool, at: At) -> Result<MappingState, Stop> {
    let mut over = Vec::new();
    if let Some((what, at)) = unmappable(args, kwargs, at) {
        refuse(run, "TypeError", format!("{what} is no list, dict or output to map over"), at)?;
    }
    let group = run.host.current_group();
    if group.is_some_and(|group| run.host.mapped_above(group)) {
        refuse(run, "NotImplementedError", "something is mapped within a mapped group", at)?;
    }
    if kwargs {
        if let Some(arg) = args.positional.first() {
            over.push(mapped_over(run, String::new(), &arg.value, arg.at));
        }
    } else {
        for (name, arg) in &args.keywords {
            over.push(mapped_over(run, name.to_string(), &arg.value, arg.at));
        }
    }
    Ok(MappingState { at, kwargs, over })
}

/// Refuses to map over outputs by a key of their own; groups do not mind in 2.6.2.
pub(super) fn check_keys(run: &mut Run, args: &Args) -> Result<(), Stop> {
    for arg in args.all() {
        output::check_mapped(run, &arg.value, 12, arg.at)?;
    }
    Ok(())
}

/// An argument that Airflow refuses to map over.
fn unmappable(args: &Args, kwargs: bool, at: At) -> Option<(&'static str, At)> {
    if args.unknown.is_some() {
        return None;
    }
    if !kwargs && !args.positional.is_empty() {
        return Some(("a positional argument", at));
    }
    if args.all().next().is_none() {
        return Some(("nothing", at));
    }
    args.all().find_map(|arg| match arg.value {
        Value::None => Some(("`None`", arg.at)),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(("a number", arg.at)),
        Value::Str(_) | Value::Bytes(_) => Some(("a text", arg.at)),
        _ => None,
    })
}

fn mapped_over(run: &Run, arg: String, value: &Value, at: At) -> OverState {
    let mut found = Vec::new();
    uses(run, value, 12, None, &mut found);
    let tasks = found.into_iter().flat_map(|found| found.tasks).collect();
    let mut state = OverState { arg, at, length: None, items: None, items_at: Vec::new(), tasks, source: None };
    if let Some(items) = run.items(value) {
        state.length = Some(items.len());
        state.items = Some(items.iter().map(|item| item_text(run, item)).collect());
        if let Value::Object(object) = value
            && let Object::List(sequence) | Object::Tuple(sequence) = run.object(*object)
            && sequence.at.len() == items.len()
        {
            state.items_at = sequence
                .at
                .iter()
                .zip(items)
                .map(|(at, item)| match item {
                    Value::Str(text) => text.at.unwrap_or(*at),
                    _ => *at,
                })
                .collect();
        }
    } else if let Some(pairs) = run.dict_pairs(value) {
        state.length = Some(pairs.len());
        state.items =
            Some(pairs.iter().map(|(key, value)| Some(format!("{}: {}", run.text(key), run.text(value)))).collect());
    } else if !state.tasks.is_empty() {
        state.source = Some(run.text(value).into());
    }
    state
}

fn item_text(run: &Run, item: &Value) -> Option<String> {
    match item {
        Value::Unknown(_) | Value::OneOf(_) => None,
        item if !run.hosts_in(item).is_empty() => None,
        // Two dicts are equal in whatever order they were written.
        item => Some(run.dict_pairs(item).map_or_else(
            || run.text(item),
            |pairs| {
                let mut pairs: Vec<String> =
                    pairs.iter().map(|(key, value)| format!("{}: {}", run.text(key), run.text(value))).collect();
                pairs.sort();
                format!("{{{}}}", pairs.join(", "))
            },
        )),
    }
}

/// A mapping over something that is neither a known list nor an output is not known.
pub(super) fn doubt_mapping(run: &mut Run, task: usize) {
    let state = &run.host.tasks[task];
    let (Some(dag), Some(mapping)) = (state.dag, state.mapped.clone()) else { return };
    doubt_over(run, dag, &mapping);
}

pub(super) fn doubt_over(run: &mut Run, dag: usize, mapping: &MappingState) {
    for over in &mapping.over {
        if over.length.is_none() && over.tasks.is_empty() {
            run.host.doubt(dag, over.at, "the list that is mapped over is not known");
        }
    }
    if mapping.over.is_empty() {
        run.host.doubt(dag, mapping.at, "what is mapped over is not known");
    }
}
