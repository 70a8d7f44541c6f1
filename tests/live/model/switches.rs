//! The judge judged: a build in which one construct is switched off must not pass.
//!
//! The variant is built once, with the feature `switch-off`, and run for each construct on files of
//! the corpus that have it and that the whole program has exactly right.

use super::corpus::{GOAL, Outcome};
use super::generate::{Made, corpus, tree_of};
use super::judge::model;
use crate::support::dagbag::{Facts, Judge};
use crate::support::install::{Release, output, root};
use dagguard::content::Layout;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is switched off, and the construct or mapped form of the files to judge it by.
const SWITCHES: [(&str, &str); 27] = [
    ("while", "while"),
    ("for", "for loop"),
    ("if", "conditions"),
    ("try", "try and except"),
    ("with", "with DAG"),
    ("match", "match"),
    ("class", "class inheritance"),
    ("augmented assignment", "augmented assignment"),
    ("comprehension", "comprehension"),
    ("f-string", "f-string format spec"),
    ("lambda", "lambda"),
    (".airflowignore", ".airflowignore"),
    ("conditional expression", "conditions"),
    ("walrus", "walrus"),
    ("chain", "chain"),
    ("cross_downstream", "cross_downstream"),
    ("Label", "label edges"),
    ("TaskGroup", "task group"),
    ("task_group", "task_group decorator"),
    ("set_upstream", "set_upstream and set_downstream"),
    ("suffix", "automatic suffixes"),
    ("expand_kwargs", "expand_kwargs of an output"),
    ("zip", "XComArg.zip"),
    ("group prefix", "task group"),
    ("default_args", "default_args"),
    ("setup context", "setup context"),
    ("star unpacking", "star unpacking"),
];

/// So many files, at least, show that a construct is missing.
const ENOUGH: usize = 4;
const AT_MOST: usize = 40;

pub(crate) fn a_build_without_a_construct_does_not_pass(release: &'static Release) {
    let program = build("switched");
    let corpus: Vec<Made> = corpus(super::corpus::SEED, super::corpus::FILES)
        .into_iter()
        .filter(|made| made.is_for(release.version))
        .collect();
    let tree = tree_of(&corpus);
    let facts = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0)).facts(&tree);
    let whole = model(&tree, release);
    let all: Vec<&Made> = corpus.iter().collect();
    let outcome = Outcome::of(&all, &facts, &whole);
    let right: BTreeSet<&str> = outcome.right();
    let mut passed = Vec::new();
    for (construct, of) in SWITCHES {
        let chosen: Vec<&Made> = corpus
            .iter()
            .filter(|made| right.contains(made.path.as_str()))
            .filter(|made| made.constructs.contains(of) || made.forms.contains(of))
            .take(AT_MOST)
            .collect();
        assert!(chosen.len() >= ENOUGH, "{of}: only {} files are exact", chosen.len());
        let (with, without) = (
            judged(&program, release, &facts, &chosen, "nothing"),
            judged(&program, release, &facts, &chosen, construct),
        );
        assert!(with.is_empty(), "the variant with everything switched on:\n{}", with.join("\n"));
        if without.is_empty() {
            passed.push(construct);
        }
        eprintln!("without `{construct}`: {} files judged, {} faults", chosen.len(), without.len());
    }
    assert!(passed.is_empty(), "the judge does not see that these are missing: {passed:?}");
}

/// What the judge says of these files with that construct off.
fn judged(program: &Path, release: &Release, facts: &Facts, chosen: &[&Made], construct: &str) -> Vec<String> {
    let folder = tempfile::tempdir_in(root()).expect("a writable target directory");
    let tree = tree_of(chosen.iter().copied());
    for (path, file) in tree.files() {
        let path = folder.path().join(path.as_str());
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(path, &file.bytes).expect("a writable folder");
    }
    let what = format!("the model without `{construct}`");
    let told = output(Command::new(program).arg(folder.path()).args([release.version, construct]), &what);
    let told = told.unwrap_or_else(|why| panic!("{}", why.0));
    let model = serde_json::from_slice(&told.stdout).expect("JSON");
    let delivered = Layout::of(&tree).deliver(&tree);
    let of_them = |path: &String| delivered.values().any(|file| file.as_str() == path);
    let files = facts.files.iter().filter(|(path, _)| of_them(path)).map(|(path, file)| (path.clone(), file.clone()));
    let facts = Facts { version: facts.version.clone(), files: files.collect() };
    Outcome::of(chosen, &facts, &model).faults(&GOAL)
}

/// Builds a program of the variant into the same target directory: only this crate is compiled again.
pub(crate) fn build(example: &str) -> PathBuf {
    let target = root().parent().expect("the target directory").to_path_buf();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    cargo.args(["build", "--quiet", "--locked", "--offline", "--example", example, "--features", "switch-off"]);
    cargo.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        cargo.arg("--release");
        "release"
    };
    output(&mut cargo, "the build with `switch-off`").unwrap_or_else(|why| panic!("{}", why.0));
    target.join(profile).join("examples").join(example)
}
