//! Setups and teardowns.

use super::Declared;
use super::edges::{End, connect, relate};
use super::refusal::{older, refuse};
use super::world::{Output, Run, Thing};
use crate::python::interpret::HostRef;
use crate::python::value::{Args, At, Stop, Value};
use crate::switch;
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
        Thing::Output(output) => output.tasks,
        _ => BTreeSet::new(),
    };
    if older(run.host.version, 2, 7) {
        refuse(run, "AirflowException", "setups and teardowns are disabled before 2.7", at)?;
    }
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
                if let Some(Thing::Output(Output { tasks, .. })) =
                    run.host_of(&one).map(|host| run.host.thing(host).clone())
                {
                    for task in tasks {
                        run.host.tasks[task].setup = true;
                    }
                }
            }
            relate(run, &setups, &Value::Host(object), End::Down, at)?;
        }
    }
    Ok(Value::Host(object))
}

/// Why a DAG is refused for what follows its setups: tasks, other than teardowns, of another trigger
/// rule than `all_success` (2.11.2, 3.3.2).
pub(super) fn misfit(run: &Run, dag: usize) -> Option<(At, String)> {
    let setups = run.host.dags[dag].tasks.iter().filter(|task| run.host.tasks[**task].setup);
    let after = setups.flat_map(|task| &run.host.tasks[*task].down).map(|task| &run.host.tasks[*task]);
    let other = after.filter(|task| !task.teardown).find_map(|task| {
        let rule = task.trigger_rule.as_deref().filter(|rule| *rule != "all_success")?;
        Some((task.at, format!("ValueError: the task after a setup has the trigger rule `{rule}`, not `all_success`")))
    })?;
    Some(other)
}

/// The beginning of a `with` over a setup or a teardown.
pub(super) fn open_setup(run: &mut Run, task: usize, at: At) -> Result<(), Stop> {
    let state = &run.host.tasks[task];
    let (setup, teardown, dag) = (state.setup, state.teardown, state.dag);
    if !setup && !teardown {
        refuse(run, "AirflowException", "only setups and teardowns can stand in a `with`", at)?;
    }
    let Some(others) = counterparts(run, task, teardown) else {
        if let Some(dag) = dag {
            run.host.doubt(dag, at, "the setups of a teardown are not evaluated");
        }
        return Ok(());
    };
    let contexts = &mut run.host.contexts;
    if teardown {
        contexts.teardown.push(vec![task]);
        contexts.setup_of_teardown.push(others);
    } else {
        contexts.setup.push(vec![task]);
        contexts.teardown_of_setup.push(others);
    }
    contexts.active = true;
    Ok(())
}

/// The teardowns after a setup or the setups before a teardown: the nearest by any path. `None`
/// where the search would not end.
fn counterparts(run: &Run, task: usize, teardown: bool) -> Option<Vec<usize>> {
    let state = |task: usize| &run.host.tasks[task];
    let mut open = if teardown { state(task).up.clone() } else { state(task).down.clone() };
    let mut seen: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    loop {
        let found: Vec<usize> = open
            .iter()
            .copied()
            .filter(|task| if teardown { state(*task).setup } else { state(*task).teardown })
            .collect();
        let next: BTreeSet<usize> = open
            .iter()
            .flat_map(|one| state(*one).down.iter().chain(&state(*one).up))
            .copied()
            .filter(|one| *one != task)
            .collect();
        if !found.is_empty() || next.is_empty() {
            return Some(found);
        }
        if !seen.insert(open) {
            return None;
        }
        open = next;
    }
}

/// The end of a `with` over a setup or a teardown.
pub(super) fn close_setup(run: &mut Run, at: At) -> Result<(), Stop> {
    if switch::off("setup context") {
        return Ok(());
    }
    let (setup, teardown) = (run.host.contexts.setup.now.clone(), run.host.contexts.teardown.now.clone());
    if setup.iter().chain(&teardown).filter_map(|task| run.host.tasks[*task].dag).any(|dag| run.host.is_doubted(dag)) {
        // Which tasks are first and last inside may not be known.
        run.host.contexts.made.remove(&setup);
        run.host.contexts.made.remove(&teardown);
    }
    if !setup.is_empty()
        && let Some((first, work)) = inside(run, &setup)
    {
        let roots = free(run, &work, true).unwrap_or(vec![first]);
        join(run, &setup, &roots, at)?;
        let last = free(run, &work, false).unwrap_or(work.last().copied().into_iter().collect());
        let others = run.host.contexts.teardown_of_setup.now.clone();
        join(run, if teardown.is_empty() { &last } else { &teardown }, &others, at)?;
    }
    if !teardown.is_empty()
        && let Some((first, work)) = inside(run, &teardown)
    {
        let last = free(run, &work, false).unwrap_or(work.last().copied().into_iter().collect());
        join(run, &last, &teardown, at)?;
        let roots = free(run, &work, true).unwrap_or(vec![first]);
        let others = run.host.contexts.setup_of_teardown.now.clone();
        join(run, &others, if setup.is_empty() { &roots } else { &setup }, at)?;
    }
    let (ended, around) = run.host.contexts.setup.pop();
    join(run, &around, &ended, at)?;
    run.host.contexts.made.remove(&ended);
    let (ended, around) = run.host.contexts.teardown.pop();
    join(run, &ended, &around, at)?;
    run.host.contexts.made.remove(&ended);
    let (ended, around) = run.host.contexts.teardown_of_setup.pop();
    join(run, &ended, &around, at)?;
    let (ended, around) = run.host.contexts.setup_of_teardown.pop();
    join(run, &around, &ended, at)?;
    run.host.contexts.active = false;
    Ok(())
}

/// The tasks made inside that are neither setup nor teardown, with the first of them.
fn inside(run: &Run, around: &[usize]) -> Option<(usize, Vec<usize>)> {
    let made = run.host.contexts.made.get(around)?;
    let work: Vec<usize> = made
        .iter()
        .copied()
        .filter(|task| {
            let state = &run.host.tasks[*task];
            !state.setup && !state.teardown && state.mapped.is_none()
        })
        .collect();
    Some((work.first().copied()?, work))
}

/// Those that nothing comes before (or after), if there are any.
fn free(run: &Run, work: &[usize], up: bool) -> Option<Vec<usize>> {
    let state = |task: usize| &run.host.tasks[task];
    let found: Vec<usize> = work
        .iter()
        .copied()
        .filter(|task| if up { state(*task).up.is_empty() } else { state(*task).down.is_empty() })
        .collect();
    (!found.is_empty()).then_some(found)
}

fn join(run: &mut Run, ups: &[usize], downs: &[usize], at: At) -> Result<(), Stop> {
    let set = |tasks: &[usize]| tasks.iter().copied().collect();
    connect(run, &set(ups), &set(downs), Declared::Setup, at)
}
