//! A scenario as it lies in a folder, with what a real Airflow once did with it.

use super::outcomes::outcomes;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One content change that meets one run in flight.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// With `before`, `after`, and sometimes `first`.
    pub(crate) folder: PathBuf,
    /// The keys of `scenario.toml`.
    about: Map<String, Value>,
    /// The row of the truth.
    row: Value,
    /// Whether its DAGs lie in a versioned bundle.
    pub(crate) pinned: bool,
}

impl Scenario {
    /// The scenario of a row, out of the folder of all scenarios.
    pub(crate) fn of(scenarios: &Path, row: &Value, pinned: bool) -> Self {
        let name = row["name"].as_str().expect("a row has a name").to_string();
        let folder = scenarios.join(&name);
        let text = std::fs::read_to_string(folder.join("scenario.toml")).expect("a scenario has a scenario.toml");
        // `key = JSON`, a line each.
        let about = text.lines().filter_map(|line| line.split_once(" = ")).map(|(key, value)| {
            let value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{name}: {key}: {error}"));
            (key.to_string(), value)
        });
        Self { about: about.collect(), folder, row: row.clone(), pinned, name }
    }

    /// One that lies in a folder already, and that nobody has recorded anything of.
    pub(crate) fn unrecorded(name: &str, folder: PathBuf) -> Self {
        let list = Value::from(vec![name]);
        let keys = ["dags", "dags_after", "trigger"].map(|key| (key.to_string(), list.clone()));
        let about = keys.into_iter().chain([("gate".to_string(), Value::from("gate"))]).collect();
        Self { name: name.to_string(), folder, about, row: Value::Null, pinned: false }
    }

    fn strings(&self, key: &str) -> Vec<&str> {
        self.about.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The DAGs before the change.
    pub(crate) fn dags(&self) -> Vec<&str> {
        self.strings("dags")
    }

    /// The DAGs that Airflow has after it; those with an import error are among them.
    pub(crate) fn dags_after(&self) -> Vec<&str> {
        self.strings("dags_after")
    }

    /// The DAGs of which a run is started.
    pub(crate) fn triggered(&self) -> Vec<&str> {
        self.strings("trigger")
    }

    /// What the run is given.
    pub(crate) fn conf(&self) -> Value {
        self.about.get("conf").cloned().unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// Whether the run is held where a task says that it is there.
    pub(crate) fn has_gate(&self) -> bool {
        self.about.get("gate").is_some_and(|gate| gate.as_str().is_some_and(|gate| !gate.is_empty()))
    }

    /// Whether the triggerer is started anew after the change.
    pub(crate) fn restarts_triggerer(&self) -> bool {
        self.about.get("restart_triggerer") == Some(&Value::Bool(true))
    }

    /// The run that meets the change. The same scenario in a versioned bundle has another one: both may be
    /// played on one server, which knows a run for ever.
    pub(crate) fn run_id(&self) -> String {
        format!("{}{}__change", self.name, if self.pinned { "__pinned" } else { "" })
    }

    /// When its run is said to be: no DAG has two runs of one time, and a twin in a bundle has the same DAG.
    pub(crate) fn logical_date(&self) -> &'static str {
        if self.pinned { "2025-01-03T00:00:00Z" } else { "2025-01-02T00:00:00Z" }
    }

    /// Whether the change leaves a file as it is; paths are below the folder of the DAGs.
    pub(crate) fn leaves(&self, file: &Path) -> bool {
        let text = |side: &str| std::fs::read(self.folder.join(side).join("dags").join(file)).ok();
        text("before").is_some_and(|before| text("after") == Some(before))
    }

    /// What an instance is called in a row: with its DAG where there are several.
    pub(crate) fn key(&self, dag_id: &str, task_id: &str, map_index: i64) -> String {
        let alone = self.triggered().len() == 1 && self.dags().first() == Some(&dag_id);
        let dag = if alone { String::new() } else { format!("{dag_id}:") };
        let index = if map_index < 0 { String::new() } else { format!("[{map_index}]") };
        format!("{dag}{task_id}{index}")
    }

    /// How a run was hurt: `hard`, `soft` or `none`.
    pub(crate) fn severity(&self) -> &str {
        self.row["severity"].as_str().unwrap_or_default()
    }

    /// The states of the instances when the change came.
    pub(crate) fn at_gate(&self) -> BTreeMap<String, String> {
        texts(&self.row["at_gate"])
    }

    /// What became of the runs, by DAG.
    pub(crate) fn run_states(&self) -> BTreeMap<String, String> {
        texts(&self.row["run_state"])
    }

    /// What became of the instances.
    pub(crate) fn instances(&self) -> BTreeMap<String, String> {
        texts(&self.row["tis"])
    }

    /// What became of each run in the words of the predictions, by DAG.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, BTreeSet<String>> {
        let of = outcomes(&self.row).into_iter();
        of.map(|(dag_id, outcomes)| (dag_id, outcomes.iter().map(|one| one.word().to_string()).collect())).collect()
    }

    /// What the last task left behind.
    pub(crate) fn finals(&self) -> Vec<Value> {
        self.row["final"].as_array().cloned().unwrap_or_default()
    }
}

fn texts(map: &Value) -> BTreeMap<String, String> {
    let rows = map.as_object().into_iter().flatten();
    rows.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
}

/// All scenarios of a folder (with `scenarios`, `truth` and lists) that a release has a green row of:
/// without races, without those that the yardstick cannot judge, and those in `but`.
pub(crate) fn recorded(folder: &Path, truth: &str, but: &BTreeSet<String>) -> Vec<Scenario> {
    let text = std::fs::read(folder.join("truth").join(format!("{truth}.json"))).unwrap_or_default();
    let Ok(file) = serde_json::from_slice::<Value>(&text) else { return Vec::new() };
    let left_out: BTreeSet<String> =
        ["races.txt", "unscored.txt"].iter().flat_map(|list| lines(&folder.join(list))).collect();
    let rows = file["scenarios"].as_array().expect("a truth has rows").iter();
    rows.filter(|row| row["control_ok"] == true && row["flaky"] != true)
        .filter(|row| row["name"].as_str().is_some_and(|name| !left_out.contains(name) && !but.contains(name)))
        .map(|row| Scenario::of(&folder.join("scenarios"), row, truth.ends_with("-git")))
        .collect()
}

/// The lines of a list that are no comment.
pub(crate) fn lines(list: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_string).collect()
}

/// All files below a folder.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}
