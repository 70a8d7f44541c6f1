//! Setups and teardowns.

use super::Declared;
use super::edges::{connect, relate};
use super::world::{Run, Thing};
use crate::python::interpret::HostRef;
use crate::python::value::{Args, At, Stop, Value};
use std::collections::BTreeSet;

pub(super) fn as_setup_teardown(
    run: &mut Run,
    object: HostRef,
    setup: bool,
    args: &Args,
    at: At,
) -> Result<Value, Stop> {
    let tasks = match run.host.thing(object).clone() {
        Thing::Task(task) => BTreeSet::from([task]),
        Thing::Output { tasks, .. } => tasks,
        _ => BTreeSet::new(),
    };
    for task in &tasks {
        if setup {
            run.host.tasks[*task].setup = true;
            continue;
        }
        run.host.tasks[*task].teardown = true;
        run.host.tasks[*task].trigger_rule = Some("all_done_setup_success".to_owned());
        if let Some(setups) = args.keyword("setups").map(|arg| arg.value.clone()) {
            let all = match run.items(&setups) {
                Some(items) => items.to_vec(),
                None => vec![setups.clone()],
            };
            for one in all {
                if let Some(host) = run.host_of(&one)
                    && let Thing::Task(task) = *run.host.thing(host)
                {
                    run.host.tasks[task].setup = true;
                }
                if let Some(Thing::Output { tasks, .. }) = run.host_of(&one).map(|host| run.host.thing(host).clone()) {
                    for task in tasks {
                        run.host.tasks[task].setup = true;
                    }
                }
            }
            relate(run, &setups, &Value::Host(object), at)?;
        }
    }
    Ok(Value::Host(object))
}

/// The end of a `with` over a setup or a teardown: what was made inside comes between them.
pub(super) fn close_setup(run: &mut Run, at: At) -> Result<(), Stop> {
    let Some((around, made)) = run.host.setup_stack.pop() else { return Ok(()) };
    let dag = around.iter().find_map(|task| run.host.tasks[*task].dag);
    let (Some(context), 1, true) = (around.first().copied(), around.len(), run.host.setup_stack.is_empty()) else {
        if let Some(dag) = dag {
            run.host.doubt(dag, at, "setups and teardowns within one another are not evaluated");
        }
        return Ok(());
    };
    let state = &run.host.tasks[context];
    let (setup, teardown) = (state.setup, state.teardown);
    let related = if teardown { state.up.clone() } else { state.down.clone() };
    let others: BTreeSet<usize> = related
        .iter()
        .copied()
        .filter(|task| if teardown { run.host.tasks[*task].setup } else { run.host.tasks[*task].teardown })
        .collect();
    if let Some(dag) = dag
        && (!setup && !teardown || others.is_empty() && !related.is_empty())
    {
        run.host.doubt(dag, at, "the setups of a teardown are not evaluated");
        return Ok(());
    }
    let work: Vec<usize> = made
        .into_iter()
        .filter(|task| {
            let state = &run.host.tasks[*task];
            !state.setup && !state.teardown && state.mapped.is_none()
        })
        .collect();
    let free = |run: &Run, up: bool| -> BTreeSet<usize> {
        let state = |task: usize| &run.host.tasks[task];
        work.iter()
            .copied()
            .filter(|task| if up { state(*task).up.is_empty() } else { state(*task).down.is_empty() })
            .collect()
    };
    let (Some(first), Some(last)) = (work.first().copied(), work.last().copied()) else { return Ok(()) };
    let or = |tasks: BTreeSet<usize>, one: usize| if tasks.is_empty() { BTreeSet::from([one]) } else { tasks };
    let context = BTreeSet::from([context]);
    if teardown {
        let leaves = or(free(run, false), last);
        connect(run, &leaves, &context, Declared::Setup, at)?;
        let roots = or(free(run, true), first);
        connect(run, &others, &roots, Declared::Setup, at)
    } else {
        let roots = or(free(run, true), first);
        connect(run, &context, &roots, Declared::Setup, at)?;
        let leaves = or(free(run, false), last);
        connect(run, &leaves, &others, Declared::Setup, at)
    }
}
