//! What belongs to a DAG or group: the ids of its members, and what it gives to them.

use super::refusal::{older, refuse};
use super::world::{Given, Name, Run, Thing, doubt_conditions};
use crate::python::value::{Args, At, Key, Stop, Value};
use crate::switch;
use std::rc::Rc;

/// The DAG that `dag=` or the context gives.
pub(super) fn dag_argument(run: &Run, args: &Args) -> Result<Option<usize>, String> {
    match args.keyword("dag").map(|arg| &arg.value) {
        None | Some(Value::None) => Ok(run.host.current_dag()),
        Some(value) => match run.host_of(value).map(|host| run.host.thing(host)) {
            Some(Thing::Dag(dag)) => Ok(Some(*dag)),
            _ => Err("the argument `dag` is not known".to_owned()),
        },
    }
}

/// The task that a value stands for, if it is one.
pub(super) fn task_of(run: &Run, value: &Value) -> Option<usize> {
    match run.host.thing(run.host_of(value)?) {
        Thing::Task(task) => Some(*task),
        _ => None,
    }
}

/// `name`, `name__1`, `name__2`, … as Airflow counts on. 2.x looks for the name as given, also for
/// a group within another, and 3.x for the id with its prefixes; both then count by the name as
/// given (2.11.2, 3.3.2).
pub(super) fn suffixed_group(run: &mut Run, dag: usize, parent: Option<usize>, local: &Rc<str>, at: At) -> Name {
    let full = match run.host.child(parent, Name::Exact(local.clone())) {
        Name::Exact(full) => full,
        _ => local.clone(),
    };
    let state = &run.host.dags[dag];
    let taken = |id: &Rc<str>| state.group_ids.contains(id) || state.ids.contains(id);
    let (by_name, by_id) = (taken(local), taken(&full));
    let collides = if run.host.major().is_some_and(|major| major >= 3) { by_id } else { by_name };
    let base = without_suffix(local);
    let of_groups = state.group_ids.iter().filter_map(|id| suffix_of(id, base)).max();
    let highest = of_groups.max(state.suffixes.get(base).copied());
    if run.host.version.is_none() && by_name != by_id {
        run.host.doubt(dag, at, "the suffix of a group within another depends on the release of Airflow");
    }
    match highest {
        _ if !collides => Name::Exact(local.clone()),
        Some(highest) => Name::Exact(format!("{base}__{}", highest + 1).into()),
        None => Name::Exact(format!("{local}__1").into()),
    }
}

/// A text without `__<number>` at its end.
pub(super) fn without_suffix(text: &str) -> &str {
    match text.rsplit_once("__") {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => text,
    }
}

fn suffix_of(id: &str, base: &str) -> Option<u64> {
    id.strip_prefix(base)?.strip_prefix("__")?.parse().ok()
}

/// The id of a TaskFlow or mapped task: Airflow appends `__N` when it is taken.
pub(super) fn unique(run: &Run, dag: Option<usize>, group: Option<usize>, name: Name) -> Name {
    let (Some(dag), Some(local)) = (dag, name.exact()) else { return name };
    let state = &run.host.dags[dag];
    if state.more_ids {
        let prefix = local.to_string();
        return Name::Pattern { prefix, suffix: String::new() };
    }
    let Name::Exact(full) = run.host.child(group, name.clone()) else { return name };
    if !state.ids.contains(&full) || switch::off("suffix") {
        return name;
    }
    let base = without_suffix(&full);
    let highest = state.suffixes.get(base).copied().unwrap_or(0);
    Name::Exact(format!("{}__{}", without_suffix(local), highest + 1).into())
}

/// Puts a task into its DAG.
pub(super) fn add_to_dag(run: &mut Run, dag: usize, task: usize, at: At) -> Result<(), Stop> {
    doubt_conditions(run, dag);
    settle(run, dag, task);
    let (of_dag, of_task) = (run.host.dags[dag].start, run.host.tasks[task].start);
    if older(run.host.version, 2, 7) && (of_dag, of_task) == (Given::No, Given::No) {
        refuse(run, "AirflowException", "neither the DAG nor the task has a `start_date`", at)?;
    }
    let state = &mut run.host.tasks[task];
    state.dag = Some(dag);
    match state.id.clone() {
        Name::Exact(id) => {
            if state.maybe {
                run.host.dags[dag].more_ids = true;
            } else {
                let state = &mut run.host.dags[dag];
                let of_group = state.group_ids.contains(&id);
                if of_group || !state.ids.insert(id.clone()) {
                    run.host.tasks[task].maybe = true;
                    refuse(run, "DuplicateTaskIdFound", format!("the task_id `{id}` is used twice"), at)?;
                }
                let state = &mut run.host.dags[dag];
                let base = without_suffix(&id);
                if let Some(number) = suffix_of(&id, base) {
                    let highest = state.suffixes.entry(base.into()).or_default();
                    *highest = number.max(*highest);
                }
                if of_group {
                    state.ids.insert(id);
                }
            }
        }
        _ => run.host.dags[dag].more_ids = true,
    }
    run.host.dags[dag].tasks.push(task);
    Ok(())
}

/// `default_args` of the DAG, of the groups around, and of the call itself.
pub(super) struct Defaults(Vec<Value>);

impl Defaults {
    /// Those of a DAG alone.
    pub(super) fn only(value: Option<Value>) -> Self {
        Self(value.into_iter().collect())
    }

    /// The last one that has a key wins.
    pub(super) fn of(run: &Run, dag: Option<usize>, group: Option<usize>, args: &Args) -> Self {
        if switch::off("default_args") {
            return Self(Vec::new());
        }
        let mut all = Vec::new();
        all.extend(dag.and_then(|dag| run.host.dags[dag].default_args.clone()));
        let mut groups = Vec::new();
        let mut at = group;
        while let Some(group) = at {
            groups.extend(run.host.groups[group].default_args.clone());
            at = run.host.groups[group].parent;
        }
        groups.reverse();
        all.extend(groups);
        all.extend(args.keyword("default_args").map(|arg| arg.value.clone()));
        Self(all)
    }

    /// Whether one of them has a key.
    pub(super) fn gives(&self, run: &Run, name: &str) -> Given {
        let clear = self.0.iter().all(|value| matches!(value, Value::None) || run.dict_of(value).is_some());
        match self.get(run, name) {
            Some(_) => Given::Yes,
            None if clear => Given::No,
            None => Given::Unclear,
        }
    }

    pub(super) fn get(&self, run: &Run, name: &str) -> Option<Value> {
        self.0.iter().rev().find_map(|value| {
            let (written, value) = run.dict_of(value)?.entry(&Key::Str(name.into()))?;
            written.as_str().is_some().then(|| value.clone())
        })
    }
}

/// Doubts a DAG that is given a task of which something is not followed.
fn settle(run: &mut Run, dag: usize, task: usize) {
    if let Some(unsettled) = run.host.tasks[task].unsettled.clone() {
        run.host.doubt(dag, unsettled.at, format!("`{}` of a task is set afterwards", unsettled.name));
    }
}
