//! The tests judged: with any single rule, kind of change, vocabulary of claims or step of the replay
//! switched off, at least one of them turns red.
//!
//! The variant is built with the feature `switch-off`; its program (`tests/live/without.rs`) judges the
//! examples of the rules' pages and the recorded scenarios anew with each of them off.

use crate::model::switches::build;
use crate::support::install::{Release, output};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// How many processes share the constructs.
const PARTS: usize = 2;

/// What no test misses yet, each with the reason. Whatever a test misses leaves the list.
const NOT_MISSED: [(&str, &str); 12] = [
    ("change live-data-incomplete", "said beside the changes; the rule of that name is missed"),
    (
        "step what is not known to be gone is kept",
        "a task that leaves the known part of a DAG is named as possibly removed, so nothing is left to keep",
    ),
    ("subjects code", "what code changes do is claimed, and the claims are missed"),
    ("subjects data", "what changes of data do is claimed, and the claims are missed"),
    ("subjects environment", "what an environment lacks is claimed, and the claims are missed"),
    ("subjects file", "there are none"),
    ("subjects not known", "there are none"),
    ("subjects notice", "a notice does nothing to a run"),
    ("subjects reference", "what changes of references do is claimed, and the claims are missed"),
    ("subjects settings", "what changes of settings do is claimed, and the claims are missed"),
    ("subjects skew", "what a mixture does is claimed, and the claims are missed"),
    ("worst file", "a file that is broken blocks whatever runs, and says so of the file"),
];

pub(crate) fn a_build_without_a_rule_or_a_step_turns_a_test_red(_: &'static Release) {
    let program = build("without");
    let parts = std::thread::scope(|scope| {
        let run = |part: usize| {
            let mut command = Command::new(&program);
            command.args([part.to_string(), PARTS.to_string()]);
            let told = output(&mut command, "judging without").unwrap_or_else(|why| panic!("{}", why.0));
            String::from_utf8_lossy(&told.stdout).into_owned()
        };
        let threads: Vec<_> = (0..PARTS).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<String>>()
    });
    let table: BTreeMap<&str, &str> =
        parts.iter().flat_map(|part| part.lines()).filter_map(|line| line.split_once('\t')).collect();
    for (construct, red) in &table {
        eprintln!("without {construct}: {}", if red.is_empty() { "nothing turns red" } else { red });
    }
    let steps = steps();
    assert!(steps.len() > 20, "the steps were not found: {steps:?}");
    let never: Vec<&String> = steps.iter().filter(|step| !table.contains_key(step.as_str())).collect();
    assert!(never.is_empty(), "no test comes by {never:?}");
    let passed: BTreeSet<&str> =
        table.iter().filter(|(_, red)| red.is_empty()).map(|(construct, _)| *construct).collect();
    let listed: BTreeSet<&str> = NOT_MISSED.iter().map(|(construct, _)| *construct).collect();
    assert_eq!(passed, listed, "what turns no test red, and the list of it");
}

/// Every step of the replay that can be switched off, as its sources name it.
fn steps() -> BTreeSet<String> {
    let mut steps = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/replay")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("the sources are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let named = text.split("step_off(\"").skip(1).filter_map(|rest| rest.split('"').next());
            steps.extend(named.map(|step| format!("step {step}")));
        }
    }
    steps
}
