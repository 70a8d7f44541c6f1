//! Dependencies: `>>`, `<<`, `set_upstream`, `chain` and their kin.

mod label;

use super::Declared;
use super::member::add_to_dag;
use super::world::{Run, Thing, doubt_conditions};
use crate::content::Span;
use crate::python::interpret::HostRef;
use crate::python::value::{Args, Argument, At, Object, Stop, Value};
use std::collections::BTreeSet;

/// Which end of a dependency something stands at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its last tasks matter.
    Up,
    /// Its first tasks matter.
    Down,
}

/// One member of a dependency.
enum Member {
    Tasks(BTreeSet<usize>),
    /// Something that cannot be said to be a task.
    Unclear(String),
}

fn members(run: &mut Run, value: &Value, end: End, found: &mut Vec<Member>, depth: usize) {
    if let Some(host) = run.host_of(value) {
        found.push(member(run, host, end));
        return;
    }
    if let Value::Object(object) = value
        && matches!(run.object(*object), Object::List(_) | Object::Tuple(_) | Object::Set(_))
        && depth > 0
    {
        if let Some(why) = run.hazy(*object) {
            found.push(Member::Unclear(format!("a list in a dependency is not known: {}", why.reason)));
        }
        let items = match run.object(*object) {
            Object::List(items) | Object::Tuple(items) => items.items.clone(),
            Object::Set(items) => items.clone(),
            _ => Vec::new(),
        };
        if run.hazy(*object).is_none() {
            for item in items {
                members(run, &item, end, found, depth - 1);
            }
        }
        return;
    }
    found.push(Member::Unclear(match value {
        Value::Unknown(unknown) => format!("a dependency on something that is not known: {}", unknown.reason),
        Value::OneOf(_) => "a dependency on one of several things".to_owned(),
        _ => "a dependency on something that is no task".to_owned(),
    }));
}

fn member(run: &mut Run, host: HostRef, end: End) -> Member {
    match run.host.thing(host).clone() {
        Thing::Task(task) => Member::Tasks(BTreeSet::from([task])),
        Thing::Output { tasks, .. } => Member::Tasks(tasks),
        Thing::Group(group) => {
            let doubtful = run.host.groups[group].dag.is_some_and(|dag| !run.host.dags[dag].doubts.is_empty());
            if doubtful {
                return Member::Unclear("the first and last tasks of a group are not known".to_owned());
            }
            Member::Tasks(ends_of_group(run, group, end))
        }
        Thing::Dag(_) => Member::Unclear("a dependency on a DAG".to_owned()),
        _ => Member::Unclear("a dependency on something that is no task".to_owned()),
    }
}

/// All tasks of a group, also of the groups within.
pub(super) fn group_tasks(run: &Run, group: usize) -> BTreeSet<usize> {
    let mut tasks = BTreeSet::new();
    let mut open = vec![group];
    while let Some(group) = open.pop() {
        tasks.extend(run.host.groups[group].tasks.iter().copied());
        open.extend(run.host.groups[group].groups.iter().copied());
    }
    tasks
}

/// The last or the first tasks of a group.
pub(super) fn ends_of_group(run: &Run, group: usize, end: End) -> BTreeSet<usize> {
    if end == End::Up { leaves(run, group) } else { roots(run, group) }
}

fn roots(run: &Run, group: usize) -> BTreeSet<usize> {
    let tasks = group_tasks(run, group);
    tasks.iter().copied().filter(|task| run.host.tasks[*task].up.is_disjoint(&tasks)).collect()
}

fn leaves(run: &Run, group: usize) -> BTreeSet<usize> {
    let tasks = group_tasks(run, group);
    let mut found = BTreeSet::new();
    let last = tasks.iter().copied().filter(|task| run.host.tasks[*task].down.is_disjoint(&tasks));
    for task in last {
        if !run.host.tasks[task].teardown {
            found.insert(task);
            continue;
        }
        // A teardown is no end of its group: what it follows is.
        let mut open = vec![task];
        let mut seen = BTreeSet::new();
        while let Some(task) = open.pop() {
            for up in &run.host.tasks[task].up {
                if !tasks.contains(up) || !seen.insert(*up) {
                    continue;
                }
                let state = &run.host.tasks[*up];
                if state.teardown {
                    open.push(*up);
                } else if !(run.host.tasks[task].teardown && state.setup) {
                    found.insert(*up);
                }
            }
        }
    }
    found
}

/// The members of one side of a dependency; what is not known of them is doubted.
fn known_members(run: &mut Run, value: &Value, end: End, others: &Value, at: At) -> Vec<Member> {
    let mut found = Vec::new();
    members(run, value, end, &mut found, 4);
    let mut hosts = run.hosts_in(value);
    hosts.extend(run.hosts_in(others));
    let mut dags = run.host.dags_of(&hosts);
    for member in &found {
        let reason = match member {
            Member::Unclear(reason) => {
                dags.extend(run.host.current_dag());
                reason.clone()
            }
            // A group without tasks hands the dependency on; that is not followed.
            Member::Tasks(tasks) if tasks.is_empty() => "a dependency on a group without tasks".to_owned(),
            Member::Tasks(_) => continue,
        };
        for dag in &dags {
            run.host.doubt(*dag, at, reason.clone());
        }
    }
    found
}

/// Makes every task of `ups` an upstream of every task of `downs`.
pub(super) fn relate(run: &mut Run, ups: &Value, downs: &Value, at: At) -> Result<(), Stop> {
    if let Some(label) = label::of(run, downs) {
        known_members(run, ups, End::Up, downs, at);
        return label::put(run, label, ups, End::Up, at);
    }
    if let Some(label) = label::of(run, ups) {
        known_members(run, downs, End::Down, ups, at);
        return label::put(run, label, downs, End::Down, at);
    }
    let up = known_members(run, ups, End::Up, downs, at);
    let down = known_members(run, downs, End::Down, ups, at);
    for a in &up {
        for b in &down {
            if let (Member::Tasks(a), Member::Tasks(b)) = (a, b) {
                connect(run, a, b, Declared::Dependency, at)?;
            }
        }
    }
    Ok(())
}

/// Edges between tasks; `at` is what declares them.
pub(super) fn connect(
    run: &mut Run,
    ups: &BTreeSet<usize>,
    downs: &BTreeSet<usize>,
    declared: Declared,
    at: At,
) -> Result<(), Stop> {
    let all: Vec<usize> = ups.iter().chain(downs).copied().collect();
    let dag = all.iter().find_map(|task| run.host.tasks[*task].dag);
    if let Some(dag) = dag {
        // A task without a DAG joins that of what it is related to.
        for task in &all {
            if run.host.tasks[*task].dag.is_none() {
                add_to_dag(run, dag, *task, at)?;
            }
        }
        doubt_conditions(run, dag);
    }
    if !run.is_certain() {
        return Ok(());
    }
    for up in ups {
        for down in downs {
            if up != down {
                run.host.tasks[*up].down.insert(*down);
                run.host.tasks[*down].up.insert(*up);
                // What is declared again was there before.
                run.host.edges.entry((*up, *down)).or_insert((declared, at));
            }
        }
    }
    Ok(())
}

/// `chain(…)`.
pub(super) fn chain(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    doubt_unknown(run, args, at);
    for pair in args.positional.windows(2) {
        let at = both(&pair[0], &pair[1], at);
        let pair = [&pair[0].value, &pair[1].value];
        if pair.map(|value| is_list(run, value)) == [true, true] {
            let (Some(a), Some(b)) =
                (run.items(pair[0]).map(<[Value]>::to_vec), run.items(pair[1]).map(<[Value]>::to_vec))
            else {
                relate(run, pair[0], pair[1], at)?;
                continue;
            };
            if a.len() != b.len() {
                return run.raise("AirflowException", "chain: lists of different length", at);
            }
            for (a, b) in a.iter().zip(&b) {
                relate(run, a, b, at)?;
            }
        } else {
            relate(run, pair[0], pair[1], at)?;
        }
    }
    Ok(())
}

/// The part of a `chain` that declares one of its dependencies: from one argument to the next.
fn both(first: &Argument, second: &Argument, call: At) -> At {
    let (start, end) = (first.at.span, second.at.span);
    let within = first.at.file == call.file && second.at.file == call.file && start.start < end.end;
    if within { At { span: Span { end: end.end, ..start }, ..call } } else { call }
}

/// `chain_linear(…)`: every task of a list with every task of the next.
pub(super) fn chain_linear(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    doubt_unknown(run, args, at);
    let links: Vec<&Argument> =
        args.positional.iter().filter(|arg| !run.items(&arg.value).is_some_and(<[Value]>::is_empty)).collect();
    for pair in links.windows(2) {
        relate(run, &pair[0].value, &pair[1].value, both(pair[0], pair[1], at))?;
    }
    Ok(())
}

fn doubt_unknown(run: &mut Run, args: &Args, at: At) {
    if let Some(why) = &args.unknown {
        let hosts: Vec<HostRef> = args.all().flat_map(|arg| run.hosts_in(&arg.value)).collect();
        let mut dags = run.host.dags_of(&hosts);
        dags.extend(run.host.current_dag());
        for dag in dags {
            run.host.doubt(dag, at, format!("tasks of a chain are not known: {}", why.reason));
        }
    }
}

fn is_list(run: &Run, value: &Value) -> bool {
    match value {
        Value::Object(object) => matches!(run.object(*object), Object::List(_) | Object::Tuple(_)),
        _ => false,
    }
}
