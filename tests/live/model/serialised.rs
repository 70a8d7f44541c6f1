//! What a running Airflow has stored of a DAG is what the model says of it.
//!
//! The table `serialized_dag` is what the scheduler and the API work from; it holds groups, edges
//! and mappings, which the REST API shows in part only.

use super::judge::model;
use crate::support::dagbag::{DagFacts, Facts, FileFacts, GroupFacts, OverFacts, TaskFacts};
use crate::support::install::output;
use crate::support::server::Server;
use crate::support::tricky::{TrickyCase, all};
use crate::support::verdict::{Class, compare};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The cases with the most structure that all releases build; each is one file.
const CASES: [&str; 10] = [
    "groups-decorated",
    "groups-edges-between",
    "groups-nested",
    "loops-batches",
    "mapping-a-list-of-outputs",
    "mapping-expand-kwargs",
    "mapping-in-a-group",
    "mapping-literal",
    "mapping-map-zip",
    "taskflow-calls-are-edges",
];

/// Prints the stored form of a DAG, the newest if there are several.
const READ: &str = r#"
import json, sqlite3, sys, zlib
db = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, timeout=60)
query = "SELECT data, data_compressed FROM serialized_dag WHERE dag_id = ? ORDER BY last_updated DESC"
text, compressed = db.execute(query, [sys.argv[2]]).fetchone()
print(text if compressed is None else zlib.decompress(compressed).decode())
"#;

pub(crate) fn what_is_stored_of_a_dag_is_what_the_model_says(server: &Server) {
    let cases: Vec<TrickyCase> = all().into_iter().filter(|case| CASES.contains(&case.name.as_str())).collect();
    assert_eq!(cases.len(), CASES.len());
    for case in &cases {
        for (path, file) in case.tree.files() {
            let name = path.below("dags").unwrap_or_else(|| panic!("{}: {path} is no DAG file", case.name));
            server.write_dag(name, &String::from_utf8_lossy(&file.bytes));
        }
    }
    let mut faults = Vec::new();
    for case in &cases {
        let model = model(&case.tree, server.venv.release);
        let dag = &model["dags"][0];
        let (dag_id, file) = (string(&dag["dag_id"]), string(&dag["file"]));
        server.rest.wait_for_dag(&dag_id);
        let stored = stored(server, &dag_id);
        let file_facts = FileFacts { errors: Vec::new(), dags: BTreeMap::from([(dag_id, facts(&stored["dag"]))]) };
        let version = server.venv.release.version.to_string();
        let facts = Facts { version, files: BTreeMap::from([(file, file_facts)]) };
        let verdicts = compare(&facts, &model);
        let exact = verdicts.iter().all(|verdict| verdict.class == Class::Exact && verdict.attributes.is_empty());
        if verdicts.len() != 1 || !exact {
            faults.push(format!("{}: {verdicts:#?}", case.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn stored(server: &Server, dag_id: &str) -> Value {
    let mut python = Command::new(server.venv.bin().join("python"));
    python.args(["-c", READ]).arg(server.home().join("airflow.db")).arg(dag_id);
    let text = output(&mut python, "the table serialized_dag").unwrap_or_else(|why| panic!("{dag_id}: {}", why.0));
    serde_json::from_slice(&text.stdout).unwrap_or_else(|error| panic!("{dag_id}: {error}"))
}

fn facts(dag: &Value) -> DagFacts {
    let dag = plain(dag);
    let mut facts = DagFacts::default();
    let mut groups_of = BTreeMap::new();
    let root = plain(dag.get("task_group").or_else(|| dag.get("_task_group")).expect("a root group"));
    group(root, None, &mut facts.groups, &mut groups_of);
    let mut upstream: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for task in dag["tasks"].as_array().expect("tasks").iter().map(plain) {
        let task_id = string(&task["task_id"]);
        let downstream: BTreeSet<String> = list(task.get("downstream_task_ids")).iter().map(string).collect();
        for down in &downstream {
            upstream.entry(down.clone()).or_default().insert(task_id.clone());
        }
        let nothing = Value::Null;
        let partial = task.get("partial_kwargs").map_or(&nothing, open);
        let mapped = task.get("_is_mapped") == Some(&Value::Bool(true));
        let rule = task.get("trigger_rule").or_else(|| partial.get("trigger_rule")).and_then(Value::as_str);
        let task_facts = TaskFacts {
            operator: string(task.get("_task_type").or_else(|| task.get("task_type")).unwrap_or(&nothing)),
            mapped: mapped.then(|| over(&task[task["_expand_input_attr"].as_str().expect("where it is mapped")])),
            downstream,
            group: groups_of.get(&task_id).cloned(),
            trigger_rule: rule.unwrap_or("all_success").to_string(),
            ..TaskFacts::default()
        };
        facts.tasks.insert(task_id, task_facts);
    }
    for (task_id, up) in upstream {
        facts.tasks.get_mut(&task_id).expect("a task that is downstream").upstream = up;
    }
    facts
}

fn group(
    this: &Map<String, Value>,
    parent: Option<&str>,
    groups: &mut BTreeMap<String, GroupFacts>,
    groups_of: &mut BTreeMap<String, String>,
) {
    for (id, child) in plain(&this["children"]) {
        let kind = string(&child[0]);
        if kind == "operator" {
            if let Some(parent) = parent {
                groups_of.insert(id.clone(), parent.to_string());
            }
            continue;
        }
        let inner = plain(&child[1]);
        let mapped = inner.get("is_mapped") == Some(&Value::Bool(true));
        let mapped = mapped.then(|| over(&inner["expand_input"]));
        groups.insert(id.clone(), GroupFacts { parent: parent.map(str::to_string), mapped });
        group(inner, Some(id), groups, groups_of);
    }
}

/// The mapping of a task or group.
fn over(input: &Value) -> Vec<OverFacts> {
    let one = |argument: &str, value: &Value| {
        let literal = value.get("__type") != Some(&Value::from("xcomref"));
        let value_open = open(value);
        let length = value_open.as_array().map(Vec::len).or_else(|| value_open.as_object().map(Map::len));
        let mut tasks = BTreeSet::new();
        sources(value, &mut tasks);
        let length = length.filter(|_| literal).map(|length| u64::try_from(length).expect("a length"));
        OverFacts { argument: argument.to_string(), length, tasks }
    };
    let mut all = if input["type"] == "list-of-dicts" {
        vec![one("expand_kwargs", &input["value"])]
    } else {
        plain(open(&input["value"])).iter().map(|(argument, value)| one(argument, value)).collect()
    };
    all.sort();
    all
}

/// The tasks whose outputs are in a value, however they are wrapped.
fn sources(value: &Value, tasks: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sources(item, tasks)),
        Value::Object(object) => {
            if let (Some(task_id), Some(_)) = (object.get("task_id").and_then(Value::as_str), object.get("key")) {
                tasks.insert(task_id.to_string());
            }
            object.values().for_each(|value| sources(value, tasks));
        }
        _ => {}
    }
}

/// Airflow wraps what is no plain JSON as `{"__type": …, "__var": …}`.
fn open(value: &Value) -> &Value {
    value.get("__var").unwrap_or(value)
}

fn plain(value: &Value) -> &Map<String, Value> {
    open(value).as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

fn list(value: Option<&Value>) -> &[Value] {
    value.map(open).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
