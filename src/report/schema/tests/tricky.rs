//! What is printed of every tricky case fits the schemas: the models, how each DAG came about, and
//! what a change of its tasks' ids would mean.

#![expect(clippy::disallowed_methods, reason = "a test reads the cases")]

use super::super::Shape;
use super::faults;
use crate::content::{File, Layout, Snapshot};
use crate::dag;
use crate::facts::Facts;
use crate::report::json;
use crate::report::model::{explain::explanation_json, model_json};
use crate::rules::Policy;
use serde_json::Value;
use std::path::Path;

fn trees() -> Vec<(String, Snapshot)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/model");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut trees: Vec<(String, Snapshot)> = entries
        .filter(|path| path.is_dir())
        .map(|path| (path.display().to_string(), crate::git::working_tree(&path).unwrap()))
        .collect();
    trees.sort_by(|a, b| a.0.cmp(&b.0));
    trees
}

/// The tree with other task ids, where they are written as texts.
fn renamed(tree: &Snapshot) -> Snapshot {
    let mut other = tree.clone();
    for (path, file) in tree.files() {
        if let Ok(text) = std::str::from_utf8(&file.bytes) {
            let text = text.replace("task_id=\"", "task_id=\"other_").replace("    def ", "    def other_");
            other.insert(path.clone(), File::regular(tree.revision(), text.as_bytes()));
        }
    }
    other
}

fn count(value: &Value, pointer: &str) -> usize {
    value.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
}

#[test]
fn what_is_printed_of_every_tricky_case_fits_the_schemas() {
    let mut all = Vec::new();
    let (mut dags, mut explained, mut findings) = (0, 0, 0);
    for (name, tree) in trees() {
        let model = dag::build(&tree, Layout::of(&tree), None);
        let explanations: Vec<_> =
            model.dags.iter().map(|dag| dag::explain(&tree, Layout::of(&tree), None, dag)).collect();
        let report = crate::check(&tree, &renamed(&tree), &Facts::default(), &Policy::check(Layout::of(&tree)));
        let printed = [
            (Shape::Model, model_json(&model)),
            (Shape::Explanation, explanation_json(&explanations)),
            (Shape::Report, json::value(&report)),
        ];
        dags += count(&printed[0].1, "/dags");
        explained += explanations.len();
        findings += count(&printed[2].1, "/findings");
        for (shape, document) in printed {
            all.extend(faults(shape, &document).into_iter().map(|fault| format!("{name}: {shape:?}: {fault}")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(dags > 150 && explained > 150 && findings > 100, "{dags} {explained} {findings}");
}
