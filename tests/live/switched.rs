#![expect(clippy::print_stdout, reason = "a test's program: the model is its output")]

//! The model of a folder by a build with one construct switched off, as JSON:
//! `switched FOLDER AIRFLOW_VERSION CONSTRUCT`. The live tests build and run it.

use dagguard::content::Layout;
use dagguard::ids::AirflowVersion;
use dagguard::{dag, git, report, switch};
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, version, construct] = arguments.as_slice() else { panic!("FOLDER AIRFLOW_VERSION CONSTRUCT") };
    assert!(switch::switch_off(construct), "one construct for a process");
    let tree = git::working_tree(Path::new(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let model = dag::build(&tree, Layout::of(&tree), AirflowVersion::parse(version));
    println!("{}", report::model::model_json(&model));
}
