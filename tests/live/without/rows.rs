//! The scenarios of this repository, each with what a real Airflow did.

use crate::oracle::recorded::outcomes;
use crate::oracle::{judge, names, truths};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A scenario on a release.
pub(crate) struct Row {
    scenario: PathBuf,
    recorded: Value,
    version: String,
    pinned: bool,
}

impl Row {
    /// Its name, with the version.
    pub(crate) fn name(&self) -> String {
        let pinned = if self.pinned { ", pinned" } else { "" };
        format!("{} on {}{pinned}", self.recorded["name"].as_str().unwrap_or_default(), self.version)
    }

    /// Whether the verdict, and every prediction, agree with the record.
    pub(crate) fn agrees(&self) -> (bool, bool) {
        let judged = judge(&self.scenario, &self.recorded, &self.version, self.pinned);
        let breaks = self.recorded["severity"] != "none";
        let of = |dag_id: &String| judged.outcomes.get(dag_id).cloned().unwrap_or_default();
        let foretold = outcomes(&self.recorded).iter().all(|(dag_id, recorded)| of(dag_id) == *recorded);
        (judged.blocks == breaks, foretold)
    }
}

/// The rows of the oldest and the newest release, and those of pinned runs.
pub(crate) fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/oracle");
    let left_out: BTreeSet<String> =
        ["races.txt", "unscored.txt"].iter().flat_map(|list| names(&folder.join(list))).collect();
    let mut all = Vec::new();
    for truth in truths(&folder).into_iter().filter(|truth| !truth.ends_with("2.11.2.json")) {
        let file: Value = serde_json::from_slice(&fs::read(&truth).expect("it was listed")).expect("a truth is JSON");
        let pinned = truth.to_string_lossy().ends_with("-git.json");
        let version = file["airflow"].as_str().expect("a truth names its release").to_string();
        for recorded in file["scenarios"].as_array().expect("a truth has rows") {
            let name = recorded["name"].as_str().expect("a row has a name");
            if recorded["control_ok"] == true && !left_out.contains(name) {
                let scenario = folder.join("scenarios").join(name);
                all.push(Row { scenario, recorded: recorded.clone(), version: version.clone(), pinned });
            }
        }
    }
    all
}
