//! The tricky cases with small changes made at random: a program like those that people write by
//! mistake. Whatever Airflow then builds, the model says it, or says where it does not know.
//!
//! `DAGGUARD_TEST_SEED=<number>` makes other changes.

use super::corpus::number;
use super::judge::model;
use crate::support::dagbag::Judge;
use crate::support::install::{Release, install};
use crate::support::tricky::{NOT_ASKED, TrickyCase, all};
use crate::support::verdict::{Class, compare};
use dagguard::content::{ContentPath, File, Revision, Snapshot};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const SCRIPT: &str = include_str!("mutants.py");
const SEED: u64 = 1;
/// Mutants of a DAG file.
const COUNT: u64 = 4;
/// Of a hundred files that Airflow cannot import: how many may be given DAGs that are complete. The
/// model takes it that what may be fine is, and Python refuses more than it knows of.
const UNSEEN: usize = 12;

struct Mutant {
    name: String,
    tree: Snapshot,
}

pub(crate) fn a_changed_tricky_case_is_what_airflow_builds(release: &'static Release) {
    let judge = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0));
    let mutants = mutants(release, number("DAGGUARD_TEST_SEED", SEED));
    assert!(mutants.len() > 500, "{} mutants only", mutants.len());
    let facts = judge.facts_of_each(&mutants.iter().map(|mutant| &mutant.tree).collect::<Vec<_>>());
    let (mut faults, mut classes, mut broken) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (mutant, facts) in mutants.iter().zip(&facts) {
        let errors: Vec<&String> = facts.files.values().flat_map(|file| &file.errors).collect();
        let verdicts = compare(facts, &model(&mutant.tree, release));
        if !errors.is_empty() {
            broken.push(verdicts.iter().any(|verdict| verdict.class == Class::Phantom));
        }
        for verdict in verdicts {
            let unseen = verdict.class == Class::Phantom && !errors.is_empty();
            *classes
                .entry(if unseen { "not seen to fail".to_owned() } else { verdict.class.to_string() })
                .or_insert(0) += 1;
            if matches!(verdict.class, Class::Wrong | Class::Missed | Class::Phantom) && !unseen {
                faults.push(format!("{}: {verdict:?}\n{}", mutant.name, source(mutant, &verdict.file)));
            }
        }
    }
    let unseen = broken.iter().filter(|unseen| **unseen).count();
    eprintln!(
        "airflow-{}: {} mutants, {classes:?}; of {} that do not import {unseen} were not seen to fail",
        release.version,
        mutants.len(),
        broken.len()
    );
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
    assert!(unseen * 100 <= broken.len() * UNSEEN, "{unseen} of {} were not seen to fail", broken.len());
}

fn source(mutant: &Mutant, path: &str) -> String {
    let file = ContentPath::new(path).ok().and_then(|path| mutant.tree.get(&path));
    file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
}

/// Each mutant in a tree of its own, with the other files of its case.
fn mutants(release: &'static Release, seed: u64) -> Vec<Mutant> {
    let cases = all();
    let asked = cases.iter().filter(|case| !case.airflow(release.version).starts_with(NOT_ASKED));
    let files: Vec<(&TrickyCase, ContentPath)> = asked.flat_map(|case| dag_files(case)).collect();
    let texts = texts(release, seed, &files);
    let revision = Revision::new("mutant");
    let mut mutants = Vec::new();
    for ((case, path), texts) in files.iter().zip(texts) {
        for (number, text) in texts.iter().enumerate() {
            let mut tree = case.tree.clone();
            tree.insert(path.clone(), File::regular(&revision, text.as_bytes()));
            mutants.push(Mutant { name: format!("{} {} {number}", case.name, path.as_str()), tree });
        }
    }
    mutants
}

fn dag_files(case: &TrickyCase) -> Vec<(&TrickyCase, ContentPath)> {
    let is_text = |path: &ContentPath| {
        let text = case.tree.get(path).and_then(|file| std::str::from_utf8(&file.bytes).ok());
        text.is_some_and(|text| text.contains("airflow") && !text.contains('\0'))
    };
    let of_dags = |path: &ContentPath| path.as_str().starts_with("dags/") && path.as_str().ends_with(".py");
    let paths = case.tree.files().map(|(path, _)| path.clone());
    paths.filter(|path| of_dags(path) && is_text(path)).map(|path| (case, path)).collect()
}

/// The changed texts of each file, from the Python of the release.
fn texts(release: &'static Release, seed: u64, files: &[(&TrickyCase, ContentPath)]) -> Vec<Vec<String>> {
    let venv = install(release).unwrap_or_else(|why| panic!("{}", why.0));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("mutants.py");
    std::fs::write(&script, SCRIPT).expect("a writable folder");
    let paths: Vec<PathBuf> = (0..files.len()).map(|number| folder.path().join(format!("{number}.txt"))).collect();
    for (path, (case, file)) in paths.iter().zip(files) {
        let file = case.tree.get(file).expect("a file of the case");
        std::fs::write(path, &*file.bytes).expect("a writable folder");
    }
    let mut python = Command::new(venv.bin().join("python"));
    python.arg(&script).args([seed.to_string(), COUNT.to_string()]).args(&paths).current_dir(folder.path());
    let output = python.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a list of texts for each file")
}
