//! Parameters of runs: which there are, what they take, and which tasks read them.

use super::xcom::codes;
use super::{Certainty, Change, Data, Kind, ParamRule};
use crate::content::Location;
use crate::dag::exchange::{ParamRead, template};
use crate::dag::{Dag, Task};
use crate::ids::TaskId;
use crate::python::literal;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of a schema that can refuse a value.
const REFUSING: [&str; 12] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
];

/// Parameters that are gone although tasks read them, and those that take less than before.
pub(super) fn changes(dag: &Dag, other: &Dag) -> Vec<Change> {
    let mut changes = not_given(dag, other);
    let Some(after) = rules(other) else { return changes };
    let before = rules(dag);
    changes.extend(missing(dag, other, before.as_ref(), &after));
    let Some(before) = before else { return changes };
    for (name, rule) in &after {
        let was = before.get(name);
        let takes_all = rule.schema.is_empty() && rule.default.is_some();
        if was == Some(rule) || takes_all || was.is_some_and(|was| wider(was, rule)) {
            continue;
        }
        changes.push(change(
            dag,
            Data::ParamTightened { name: name.clone(), before: was.cloned(), after: rule.clone() },
            dag.params_at.clone(),
            other.params_at.clone(),
        ));
    }
    changes
}

fn change(dag: &Dag, data: Data, deployed: Option<Location>, proposed: Option<Location>) -> Change {
    Change {
        kind: Kind::Data(data),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: deployed.or_else(|| Some(dag.at.clone())),
        proposed,
    }
}

/// Whether the proposed rule takes all that the deployed one takes, for all that can be seen without
/// a value.
fn wider(before: &ParamRule, after: &ParamRule) -> bool {
    let default = before.default.is_none() || after.default.is_some();
    let allows = |key: &String, values: &Vec<String>| match before.schema.get(key) {
        None => false,
        Some(known) if matches!(key.as_str(), "type" | "enum") => known.iter().all(|value| values.contains(value)),
        Some(known) => known == values,
    };
    default && after.schema.iter().all(|(key, values)| allows(key, values))
}

/// Parameters that tasks read and that the proposed DAG does not have.
fn missing(
    dag: &Dag,
    other: &Dag,
    before: Option<&BTreeMap<String, ParamRule>>,
    after: &BTreeMap<String, ParamRule>,
) -> Vec<Change> {
    let mut readers: BTreeMap<String, Vec<(&Task, ParamRead)>> = BTreeMap::new();
    for task in &other.tasks {
        let own = own_params(other, task);
        for read in reads(other, task).into_iter().filter(|read| !read.conf) {
            let known = after.contains_key(&read.name) || own.as_ref().is_none_or(|own| own.contains(&read.name));
            if known || !read.required || !newly_missing(dag, task, before, &read.name) {
                continue;
            }
            let all = readers.entry(read.name.clone()).or_default();
            if !all.iter().any(|(reader, _)| std::ptr::eq(*reader, task)) {
                all.push((task, read));
            }
        }
    }
    readers
        .into_iter()
        .filter_map(|(name, readers)| {
            let proposed = readers.first().map(|(_, read)| read.at.clone());
            let ids: Vec<_> = readers.iter().filter_map(|(task, _)| task.task_id.exact().cloned()).collect();
            let data = Data::ParamMissing { name, conf: false, readers: ids };
            proposed.map(|at| change(dag, data, dag.params_at.clone(), Some(at)))
        })
        .collect()
}

/// What tasks need of what their run was given, and did not need before.
fn not_given(dag: &Dag, other: &Dag) -> Vec<Change> {
    let mut needed: BTreeMap<String, (Vec<TaskId>, Location)> = BTreeMap::new();
    for task in &other.tasks {
        let Some((id, was)) = task.task_id.exact().and_then(|id| Some((id, dag.task(id)?))) else { continue };
        let of_conf = |dag: &Dag, task: &Task| reads(dag, task).into_iter().filter(|read| read.conf && read.required);
        let known: BTreeSet<String> = of_conf(dag, was).map(|read| read.name).collect();
        for read in of_conf(other, task).filter(|read| !known.contains(&read.name)) {
            let (readers, _) = needed.entry(read.name).or_insert((Vec::new(), read.at));
            if readers.last() != Some(id) {
                readers.push(id.clone());
            }
        }
    }
    let all = needed.into_iter();
    all.map(|(name, (readers, at))| change(dag, Data::ParamMissing { name, conf: true, readers }, None, Some(at)))
        .collect()
}

/// Whether the deployed side had the parameter for that task, or did not read it there.
fn newly_missing(dag: &Dag, task: &Task, before: Option<&BTreeMap<String, ParamRule>>, name: &str) -> bool {
    let Some(before) = before else { return false };
    let Some(was) = task.task_id.exact().and_then(|id| dag.task(id)) else {
        // A task that is new, or has a new id, reads what its DAG may never have had.
        return before.contains_key(name);
    };
    let own = own_params(dag, was);
    before.contains_key(name)
        || own.is_none_or(|own| own.contains(name))
        || !reads(dag, was).iter().any(|read| read.name == name && read.required && !read.conf)
}

fn reads(dag: &Dag, task: &Task) -> Vec<ParamRead> {
    let given = gives_params(task);
    let in_code = codes(task).flat_map(|code| code.exchange.params.iter().filter(|read| read.conf || !given).cloned());
    let in_templates = task.templates().flat_map(|text| template::read(text, &task.at).params);
    let lenient = dag.takes_undefined();
    in_code.chain(in_templates.map(|read| ParamRead { required: read.required && !lenient, ..read })).collect()
}

/// Whether the call of the task gives its function a `params` of its own, which stands before that of the run.
fn gives_params(task: &Task) -> bool {
    let by_name = |text: &str| literal::keys(text).is_some_and(|keys| keys.iter().any(|key| key == "params"));
    task.arguments.get("params()").is_some() || task.arguments.get("op_kwargs").is_some_and(by_name)
}

/// The parameters that a task brings itself, with those that `default_args` give it; none if they are not known.
fn own_params(dag: &Dag, task: &Task) -> Option<BTreeSet<String>> {
    let of_dag = dag.options.get("default_args.params");
    let mut all = BTreeSet::new();
    for text in [task.arguments.get("params"), of_dag, dag.option(task, "params")].into_iter().flatten() {
        all.extend(if text == "None" { Vec::new() } else { literal::keys(text)? });
    }
    Some(all)
}

/// What each parameter of a DAG takes.
fn rules(dag: &Dag) -> Option<BTreeMap<String, ParamRule>> {
    let params = dag.params.as_ref()?;
    Some(params.names().zip(params.texts()).map(|(name, text)| (name.to_owned(), rule(text))).collect())
}

fn rule(text: &str) -> ParamRule {
    let plain =
        |text: &str| ParamRule { default: (text != "NOTSET").then(|| text.to_owned()), schema: BTreeMap::new() };
    let Some(call) = text.contains("Param(").then(|| literal::call(text)).flatten() else { return plain(text) };
    if call.name != "Param" && call.name != "DagParam" {
        return plain(text);
    }
    let named = call.named.get("default").map(|values| values.join(", "));
    let default = call.positional.first().cloned().or(named).filter(|text| text != "NOTSET");
    let schema = call.named.into_iter().filter(|(key, _)| REFUSING.contains(&key.as_str())).collect();
    ParamRule { default, schema }
}
