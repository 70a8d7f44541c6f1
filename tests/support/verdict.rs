//! Facts and model side by side: which DAGs the model has right, and what it says that is not so.
//!
//! The model is taken as its users read it, as `dagguard model` writes it.

use super::dagbag::{DagFacts, Facts, OverFacts, over, strings};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How a model stands to a DAG that Airflow builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Complete, and all ids, edges, groups and mapped flags are Airflow's.
    Exact,
    /// Not complete, with a reason, and nothing that it lists is false.
    Declared,
    /// Something that it says is not so.
    Wrong,
    /// Airflow builds it, and nothing is said about it.
    Missed,
    /// Said to be complete, and Airflow does not build it from that file.
    Phantom,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Declared => "declared",
            Self::Wrong => "wrong",
            Self::Missed => "missed",
            Self::Phantom => "phantom",
        })
    }
}

/// What is to be said about one DAG.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Path in the tree.
    pub(crate) file: String,
    pub(crate) dag_id: String,
    pub(crate) class: Class,
    /// What differs, or the reasons that the model gives for not knowing.
    pub(crate) why: Vec<String>,
    /// Tasks that Airflow builds.
    pub(crate) tasks: usize,
    /// Of an exact DAG: where `operator`, `trigger_rule`, `multiple_outputs` or `mapped.over` of a
    /// task or group differ.
    pub(crate) attributes: Vec<String>,
}

/// Every DAG of the facts once, and every phantom; by file, then by id.
pub(crate) fn compare(facts: &Facts, model: &Value) -> Vec<Verdict> {
    let mut by_file: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for dag in list(&model["dags"]) {
        by_file.entry(text(&dag["file"])).or_default().push(dag);
    }
    let errors: BTreeMap<&str, &str> =
        list(&model["errors"]).iter().map(|error| (text(&error["file"]), text(&error["message"]))).collect();
    let mut verdicts = Vec::new();
    for (file, said) in &by_file {
        let built = facts.files.get(*file);
        for dag in said.iter().filter(|dag| dag["complete"] == true) {
            let dag_id = text(&dag["dag_id"]);
            if built.is_none_or(|built| !built.dags.contains_key(dag_id)) {
                let why = match built {
                    None => vec!["Airflow does not take the file for a DAG file".to_string()],
                    Some(built) if !built.errors.is_empty() => built.errors.clone(),
                    Some(_) => vec!["the file does not expose it".to_string()],
                };
                verdicts.push(verdict(file, dag_id, Class::Phantom, why, 0));
            }
        }
    }
    for (file, built) in &facts.files {
        let said = by_file.get(file.as_str()).map_or(&[][..], Vec::as_slice);
        for (dag_id, dag) in &built.dags {
            verdicts.push(judge(file, dag_id, dag, said, errors.get(file.as_str()).copied()));
        }
    }
    verdicts.sort_by(|a, b| (&a.file, &a.dag_id).cmp(&(&b.file, &b.dag_id)));
    verdicts
}

fn verdict(file: &str, dag_id: &str, class: Class, why: Vec<String>, tasks: usize) -> Verdict {
    Verdict { file: file.to_string(), dag_id: dag_id.to_string(), class, why, tasks, attributes: Vec::new() }
}

fn judge(file: &str, dag_id: &str, built: &DagFacts, said: &[&Value], error: Option<&str>) -> Verdict {
    let mut best: Option<Verdict> = None;
    let mut take = |class: Class, why: Vec<String>| {
        if best.as_ref().is_none_or(|best| class < best.class) {
            best = Some(verdict(file, dag_id, class, why, built.tasks.len()));
        }
    };
    for dag in said.iter().filter(|dag| may_be(dag, dag_id)) {
        if dag["complete"] == true {
            let why = differences(built, dag);
            take(if why.is_empty() { Class::Exact } else { Class::Wrong }, why);
        } else {
            let reasons: Vec<String> =
                list(&dag["unknown"]).iter().map(|one| text(&one["reason"]).to_string()).collect();
            let lies = false_claims(built, dag);
            match (lies.is_empty(), reasons.is_empty()) {
                (true, false) => take(Class::Declared, reasons),
                (true, true) => take(Class::Wrong, vec!["incomplete without a reason".to_string()]),
                (false, _) => take(Class::Wrong, lies.into_iter().map(|lie| format!("incomplete: {lie}")).collect()),
            }
        }
    }
    if let (None, Some(error)) = (&best, error) {
        return verdict(file, dag_id, Class::Wrong, vec![format!("called a broken file: {error}")], built.tasks.len());
    }
    let mut best = best.unwrap_or_else(|| verdict(file, dag_id, Class::Missed, Vec::new(), built.tasks.len()));
    if best.class == Class::Exact {
        let dag = said.iter().find(|dag| dag["complete"] == true && text(&dag["dag_id"]) == dag_id);
        best.attributes = dag.map(|dag| attributes(built, dag)).unwrap_or_default();
    }
    best
}

/// Whether an entry speaks of that DAG, as far as it knows the id.
fn may_be(dag: &Value, dag_id: &str) -> bool {
    if let Some(id) = dag["dag_id"].as_str() {
        return id == dag_id;
    }
    if let Some(ids) = dag["one_of"].as_array() {
        return ids.iter().any(|id| id == dag_id);
    }
    let (prefix, suffix) = (text(&dag["pattern"]["prefix"]), text(&dag["pattern"]["suffix"]));
    dag_id.len() >= prefix.len() + suffix.len() && dag_id.starts_with(prefix) && dag_id.ends_with(suffix)
}

/// The structure that a model gives a task.
#[derive(PartialEq, Eq)]
struct Said {
    mapped: bool,
    group: Option<String>,
    upstream: BTreeSet<String>,
    downstream: BTreeSet<String>,
}

fn said_tasks(dag: &Value) -> Vec<(Option<String>, Said)> {
    let tasks = list(&dag["tasks"]).iter().map(|task| {
        let said = Said {
            mapped: !task["mapped"].is_null(),
            group: task["group"].as_str().map(str::to_string),
            upstream: strings(&task["upstream"]),
            downstream: strings(&task["downstream"]),
        };
        (task["task_id"].as_str().map(str::to_string), said)
    });
    tasks.collect()
}

/// What a complete model has otherwise than Airflow.
fn differences(built: &DagFacts, dag: &Value) -> Vec<String> {
    let mut why = Vec::new();
    let mut seen = BTreeSet::new();
    for (id, said) in said_tasks(dag) {
        let Some(id) = id else {
            why.push("a task without an id".to_string());
            continue;
        };
        if !seen.insert(id.clone()) {
            why.push(format!("task {id} is listed twice"));
        }
        let Some(task) = built.tasks.get(&id) else {
            why.push(format!("task {id} does not exist"));
            continue;
        };
        if task.mapped.is_some() != said.mapped {
            why.push(format!("task {id} is {}mapped", if said.mapped { "not " } else { "" }));
        }
        if task.group != said.group {
            why.push(format!("task {id} is in group {:?}, not {:?}", task.group, said.group));
        }
        why.extend(edges("upstream", &id, &task.upstream, &said.upstream));
        why.extend(edges("downstream", &id, &task.downstream, &said.downstream));
    }
    why.extend(built.tasks.keys().filter(|id| !seen.contains(*id)).map(|id| format!("task {id} is missing")));
    let groups: BTreeMap<&str, &Value> =
        list(&dag["groups"]).iter().map(|group| (text(&group["group_id"]), group)).collect();
    why.extend(
        groups.keys().filter(|id| !built.groups.contains_key(**id)).map(|id| format!("group {id} does not exist")),
    );
    for (id, group) in &built.groups {
        match groups.get(id.as_str()) {
            None => why.push(format!("group {id} is missing")),
            Some(said) if said["parent"].as_str() != group.parent.as_deref() => {
                why.push(format!("group {id} is in {:?}, not {}", group.parent, said["parent"]));
            }
            Some(said) if said["mapped"].is_null() != group.mapped.is_none() => {
                why.push(format!("whether group {id} is mapped"));
            }
            Some(_) => {}
        }
    }
    why
}

fn edges(direction: &str, id: &str, built: &BTreeSet<String>, said: &BTreeSet<String>) -> Vec<String> {
    let missing = built.difference(said).map(|other| format!("{direction} of {id}: {other} is missing"));
    let invented = said.difference(built).map(|other| format!("{direction} of {id}: {other} is invented"));
    missing.chain(invented).collect()
}

/// What an incomplete model lists that is not so.
fn false_claims(built: &DagFacts, dag: &Value) -> Vec<String> {
    let mut lies = Vec::new();
    for (id, said) in said_tasks(dag) {
        let Some(id) = id else { continue };
        let Some(task) = built.tasks.get(&id) else {
            lies.push(format!("task {id} does not exist"));
            continue;
        };
        if task.mapped.is_some() != said.mapped {
            lies.push(format!("whether task {id} is mapped"));
        }
        if said.group.is_some() && said.group != task.group {
            lies.push(format!("task {id} is in group {:?}, not {:?}", task.group, said.group));
        }
        for up in said.upstream.difference(&task.upstream) {
            lies.push(format!("upstream of {id}: {up} is invented"));
        }
        for down in said.downstream.difference(&task.downstream) {
            lies.push(format!("downstream of {id}: {down} is invented"));
        }
    }
    lies
}

/// Where attributes of an exact DAG's tasks and groups differ: one line a task or group.
fn attributes(built: &DagFacts, dag: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for task in list(&dag["tasks"]) {
        let id = text(&task["task_id"]);
        let Some(facts) = built.tasks.get(id) else { continue };
        let mut differ = Vec::new();
        if task["operator"] != facts.operator.as_str() {
            differ.push(format!("operator {} is {}", task["operator"], facts.operator));
        }
        let rule = task["trigger_rule"].as_str().unwrap_or("all_success").to_lowercase();
        if rule != facts.trigger_rule {
            differ.push(format!("trigger_rule {rule} is {}", facts.trigger_rule));
        }
        if task["multiple_outputs"].as_bool().unwrap_or(false) != facts.multiple_outputs {
            differ.push(format!("multiple_outputs {} is {}", task["multiple_outputs"], facts.multiple_outputs));
        }
        differ.extend(over_differs(facts.mapped.as_ref(), &task["mapped"]));
        if !differ.is_empty() {
            lines.push(format!("task {id}: {}", differ.join("; ")));
        }
    }
    for group in list(&dag["groups"]) {
        let id = text(&group["group_id"]);
        let facts = built.groups.get(id).and_then(|group| group.mapped.as_ref());
        lines.extend(over_differs(facts, &group["mapped"]).map(|differs| format!("group {id}: {differs}")));
    }
    lines
}

fn over_differs(built: Option<&Vec<OverFacts>>, said: &Value) -> Option<String> {
    let said = over(said);
    (said.as_ref() != built).then(|| format!("mapped over {said:?} is {built:?}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
