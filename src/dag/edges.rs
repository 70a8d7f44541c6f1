//! Dependencies: `>>`, `<<`, `set_upstream`, `chain` and their kin.

mod label;

use super::Declared;
use super::member::add_to_dag;
use super::refusal;
use super::world::{Given, Run, Thing, doubt_conditions};
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
    Group(usize),
    /// Something that cannot be said to be a task.
    Unclear(String),
    /// Something that is no task for certain.
    Refused(String),
}

fn members(run: &Run, value: &Value) -> Vec<Member> {
    let Value::Object(object) = value else { return vec![member(run, value)] };
    let (Object::List(items) | Object::Tuple(items), None) = (run.object(*object), run.host_of(value)) else {
        return vec![member(run, value)];
    };
    match run.hazy(*object) {
        Some(why) => vec![Member::Unclear(format!("a list in a dependency is not known: {}", why.reason))],
        None => items.items.iter().map(|item| member(run, item)).collect(),
    }
}

fn member(run: &Run, value: &Value) -> Member {
    let refused = |what: &str| Member::Refused(format!("a dependency on {what}"));
    if let Some(host) = run.host_of(value) {
        return match run.host.thing(host) {
            Thing::Task(task) => Member::Tasks(BTreeSet::from([*task])),
            Thing::Output(output) => Member::Tasks(output.tasks.clone()),
            Thing::Group(group) => {
                let doubtful = run.host.groups[*group].dag.is_some_and(|dag| run.host.is_doubted(dag));
                if doubtful {
                    return Member::Unclear("the first and last tasks of a group are not known".to_owned());
                }
                Member::Group(*group)
            }
            Thing::Label { .. } => Member::Unclear("a label in a list of tasks".to_owned()),
            Thing::Dag(_) => refused("a DAG"),
            Thing::Decorated(_) | Thing::TaskDecorator { .. } => refused("a task function that is not called"),
            Thing::GroupFactory { .. } | Thing::GroupDecorator(_) => refused("a group function that is not called"),
            Thing::DagFactory { .. } | Thing::DagDecorator(_) => refused("a DAG function"),
            Thing::Partial { .. } => refused("a `partial` that is not expanded"),
            _ => Member::Unclear("a dependency on something that is no task".to_owned()),
        };
    }
    if let Some(what) = refusal::no_task(run, value) {
        return Member::Refused(format!("a dependency on {what}, which is no task"));
    }
    Member::Unclear(match value {
        Value::Unknown(unknown) => format!("a dependency on something that is not known: {}", unknown.reason),
        Value::OneOf(_) => "a dependency on one of several things".to_owned(),
        _ => "a dependency on something that is no task".to_owned(),
    })
}

/// The tasks at which a dependency holds; `driven` where it is set on this member.
fn ends(run: &mut Run, member: &Member, end: End, driven: bool, at: At) -> BTreeSet<usize> {
    match member {
        Member::Tasks(tasks) => tasks.clone(),
        Member::Group(group) if end == End::Down => roots(run, *group),
        Member::Group(group) => {
            let last = leaves(run, *group);
            if last.is_empty() && driven { behind_empty(run, *group, at) } else { last }
        }
        _ => BTreeSet::new(),
    }
}

/// What follows a group without tasks follows what the group follows, or what its parents end
/// with: so since 3.x, if the group is what the dependency is set on (`group >> task`).
fn behind_empty(run: &mut Run, empty: usize, at: At) -> BTreeSet<usize> {
    let dag = run.host.groups[empty].dag;
    if run.host.major() == Some(2) {
        return BTreeSet::new();
    }
    let mut open = Some(empty);
    let mut found = BTreeSet::new();
    while let Some(group) = open.filter(|_| found.is_empty()) {
        found = leaves(run, group);
        if found.is_empty() {
            found.clone_from(&run.host.groups[group].after);
        }
        open = run.host.groups[group].parent;
    }
    if found.is_empty()
        && let Some(dag) = dag
    {
        let tasks = run.host.dags[dag].tasks.clone();
        found = tasks.into_iter().filter(|task| run.host.tasks[*task].down.is_empty()).collect();
    }
    let measured = run.host.version.is_some_and(|version| version.minor >= 3);
    if !measured
        && !found.is_empty()
        && let Some(dag) = dag
    {
        run.host.doubt(dag, at, "what follows a group without tasks depends on the release of Airflow");
    }
    found
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
                if !tasks.contains(up) || !seen.insert((task, *up)) {
                    continue;
                }
                let state = &run.host.tasks[*up];
                // What work of the group follows is no end either.
                let followed = |down: &usize| *down != task && tasks.contains(down) && !run.host.tasks[*down].teardown;
                if state.teardown {
                    open.push(*up);
                } else if !state.setup && !state.down.iter().any(followed) {
                    found.insert(*up);
                }
            }
        }
    }
    found
}

/// The members of one side of a dependency; what is not known of them is doubted, and what is no
/// task refused.
fn known_members(run: &mut Run, value: &Value, others: &Value, at: At) -> Result<Vec<Member>, Stop> {
    let found = members(run, value);
    for member in &found {
        match member {
            Member::Unclear(reason) => {
                let mut hosts = run.hosts_in(value);
                hosts.extend(run.hosts_in(others));
                let mut dags = run.host.dags_of(&hosts);
                dags.extend(run.host.current_dag());
                for dag in dags {
                    run.host.doubt(dag, at, reason.clone());
                }
            }
            Member::Refused(reason) => refusal::refuse(run, "AttributeError", reason.clone(), at)?,
            Member::Tasks(_) | Member::Group(_) => {}
        }
    }
    Ok(found)
}

/// Makes every task of `ups` an upstream of every task of `downs`; `on` tells which side the
/// dependency is set on (the left one of `a >> b`, unless that is a list).
pub(super) fn relate(run: &mut Run, ups: &Value, downs: &Value, on: End, at: At) -> Result<(), Stop> {
    if let Some(label) = label::of(run, downs) {
        known_members(run, ups, downs, at)?;
        return label::put(run, label, ups, End::Up, at);
    }
    if let Some(label) = label::of(run, ups) {
        known_members(run, downs, ups, at)?;
        return label::put(run, label, downs, End::Down, at);
    }
    let up = known_members(run, ups, downs, at)?;
    let down = known_members(run, downs, ups, at)?;
    for a in &up {
        let first = ends(run, a, End::Up, on == End::Up, at);
        for b in &down {
            let last = ends(run, b, End::Down, false, at);
            if let Member::Group(group) = b {
                run.host.groups[*group].after.extend(&first);
            }
            connect(run, &first, &last, Declared::Dependency, at)?;
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
    if ups.is_empty() || downs.is_empty() {
        return Ok(());
    }
    match shared(run, ups, downs) {
        Some(dag) => doubt_conditions(run, dag),
        None => bring_together(run, ups, downs, at)?,
    }
    if !run.is_certain() {
        return Ok(());
    }
    for up in ups {
        for down in downs {
            let state = &mut run.host.tasks[*up];
            // What is declared again was there before.
            if state.down.insert(*down) {
                state.declared.push((*down, declared, at));
                run.host.tasks[*down].up.insert(*up);
            }
        }
    }
    Ok(())
}

/// The DAG that all of these tasks are in beyond doubt: nearly always.
fn shared(run: &Run, ups: &BTreeSet<usize>, downs: &BTreeSet<usize>) -> Option<usize> {
    let dag = run.host.tasks[*ups.first()?].dag?;
    let is_there = |task: &usize| {
        let state = &run.host.tasks[*task];
        state.dag == Some(dag) && state.home != Given::Unclear
    };
    ups.iter().chain(downs).all(is_there).then_some(dag)
}

/// Tasks without a DAG join that of what they are related to; Airflow refuses several DAGs, and none.
fn bring_together(run: &mut Run, ups: &BTreeSet<usize>, downs: &BTreeSet<usize>, at: At) -> Result<(), Stop> {
    let all: Vec<usize> = ups.iter().chain(downs).copied().collect();
    let dags: BTreeSet<usize> = all.iter().filter_map(|task| run.host.tasks[*task].dag).collect();
    let astray = all.iter().any(|task| run.host.tasks[*task].home == Given::Unclear);
    // DAGs of one id may be equal to Airflow, which compares their fields; that there are two is a
    // doubt of its own.
    let ids: BTreeSet<Option<&str>> = dags.iter().map(|dag| run.host.dags[*dag].id.exact().map(|id| &**id)).collect();
    let one_id = ids.len() == 1 && !ids.contains(&None);
    if dags.len() > 1 && !one_id && !astray {
        refusal::refuse(run, "AirflowException", "a dependency between tasks of more than one DAG", at)?;
    }
    if dags.is_empty() && !astray {
        refusal::refuse(run, "AirflowException", "a dependency between tasks that have no DAG yet", at)?;
    }
    if let Some(dag) = dags.first().copied() {
        for task in &all {
            if run.host.tasks[*task].dag.is_none() {
                add_to_dag(run, dag, *task, at)?;
            }
        }
        doubt_conditions(run, dag);
    }
    Ok(())
}

/// `chain(…)`.
pub(super) fn chain(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    doubt_unknown(run, args, at);
    for pair in args.positional.windows(2) {
        let at = both(&pair[0], &pair[1], at);
        let pair = [&pair[0].value, &pair[1].value];
        let lists = pair.map(|value| is_list(run, value));
        let on = if lists[0] { End::Down } else { End::Up };
        if lists == [true, true] {
            let (Some(a), Some(b)) =
                (run.items(pair[0]).map(<[Value]>::to_vec), run.items(pair[1]).map(<[Value]>::to_vec))
            else {
                relate(run, pair[0], pair[1], on, at)?;
                continue;
            };
            if a.len() != b.len() {
                let message = format!("chain: lists of different length ({} and {})", a.len(), b.len());
                return refusal::refuse(run, "AirflowException", message, at);
            }
            for (a, b) in a.iter().zip(&b) {
                relate(run, a, b, End::Up, at)?;
            }
        } else {
            relate(run, pair[0], pair[1], on, at)?;
        }
    }
    Ok(())
}

/// The part of a `chain` that declares one of its dependencies: from one argument to the next.
fn both(first: &Argument, second: &Argument, call: At) -> At {
    let (start, end) = (first.at.span, second.at.span);
    let within = first.at.file() == call.file() && second.at.file() == call.file() && start.start < end.end;
    if within { At { span: Span { end: end.end, ..start }, ..call } } else { call }
}

/// `chain_linear(…)`: every task of a list with every task of the next.
pub(super) fn chain_linear(run: &mut Run, args: &Args, at: At) -> Result<(), Stop> {
    doubt_unknown(run, args, at);
    let links: Vec<&Argument> =
        args.positional.iter().filter(|arg| !run.items(&arg.value).is_some_and(<[Value]>::is_empty)).collect();
    if links.len() < 2 && args.unknown.is_none() {
        return refusal::refuse(run, "ValueError", "chain_linear: no dependencies were set", at);
    }
    for pair in links.windows(2) {
        relate(run, &pair[0].value, &pair[1].value, End::Down, both(pair[0], pair[1], at))?;
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

/// Both sides of `>>` are lists, which Python itself refuses.
pub(super) fn lists(run: &Run, left: &Value, right: &Value) -> bool {
    is_list(run, left) && is_list(run, right)
}

fn is_list(run: &Run, value: &Value) -> bool {
    match value {
        Value::Object(object) => matches!(run.object(*object), Object::List(_) | Object::Tuple(_)),
        _ => false,
    }
}
