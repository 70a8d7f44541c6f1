//! DAGs of others, written anew: a real Airflow builds the same of them, and no word is said of it.
//!
//! The sample is what each release brings as examples. The long case takes all DAGs of the truth
//! corpora: the developers' shared folder lays their sources out by name and version, once; with
//! `DAGGUARD_TEST_CORPORA=<folder>` they lie there already.

use super::Case;
use super::support::anew::{WAYS, folders, rewrite, said, tree};
use super::support::dagbag::Judge;
use super::support::install::{AIRFLOW_3, Release, Venv, install, output, root};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn cases(release: &Release) -> Vec<(&'static str, Case)> {
    let mut cases = vec![(
        "an_example_written_anew_is_built_alike_and_gives_no_finding",
        Case::Installed(an_example_written_anew_is_built_alike_and_gives_no_finding),
    )];
    // The corpora are of many releases, and are asked for once.
    if *release == AIRFLOW_3 {
        cases.push((
            "every_dag_of_the_corpora_written_anew_gives_no_finding",
            Case::Installed(every_dag_of_the_corpora_written_anew_gives_no_finding),
        ));
    }
    cases
}

fn an_example_written_anew_is_built_alike_and_gives_no_finding(release: &'static Release) {
    let venv = install(release).unwrap_or_else(|why| panic!("{}", why.0));
    let folder = tempfile::tempdir_in(root()).expect("a writable target directory");
    let from = folder.path().join("as-it-was");
    let roots = examples(&venv, &from);
    let findings = said(&from, &roots, 20);
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));

    let judge = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0));
    for (way, _) in WAYS {
        rewrite(way, &from, &folder.path().join(way));
    }
    for root in &roots {
        let name = root.file_name().expect("a folder has a name");
        let mut trees = vec![tree(root)];
        trees.extend(WAYS.iter().map(|(way, _)| tree(&folder.path().join(way).join(name))));
        let facts = judge.facts_of_each(&trees.iter().collect::<Vec<_>>());
        let dags: usize = facts[0].files.values().map(|file| file.dags.len()).sum();
        eprintln!("airflow-{}: {}: {dags} DAGs", release.version, name.display());
        for ((way, _), built) in WAYS.iter().zip(&facts[1..]) {
            assert_eq!(built.files, facts[0].files, "Airflow builds something else of {way}");
        }
    }
}

/// The folders with examples that the installation has, copied.
fn examples(venv: &Venv, to: &Path) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders(&venv.root.join("lib"))
        .into_iter()
        .map(|python| python.join("site-packages/airflow"))
        .filter(|airflow| airflow.is_dir())
        .collect();
    let mut copies = Vec::new();
    while let Some(folder) = open.pop() {
        if folder.file_name().is_some_and(|name| name == "example_dags") {
            let copy = to.join(format!("examples-{}", copies.len()));
            copied(&folder, &copy);
            copies.push(copy);
        } else if folder.file_name().is_some_and(|name| name != "node_modules") {
            open.extend(folders(&folder));
        }
    }
    assert!(!copies.is_empty(), "Airflow {} brings no examples", venv.release.version);
    copies
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable target directory");
    for entry in fs::read_dir(from).expect("a folder of an installation").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            if entry.file_name() != "__pycache__" {
                copied(&path, &target);
            }
        } else {
            fs::copy(&path, &target).expect("a writable target directory");
        }
    }
}

fn every_dag_of_the_corpora_written_anew_gives_no_finding(_: &'static Release) {
    let corpora = std::env::var_os("DAGGUARD_TEST_CORPORA").map_or_else(laid_out, PathBuf::from);
    let findings = said(&corpora, &folders(&corpora), 200);
    assert!(findings.is_empty(), "{} findings\n{}", findings.len(), findings.join("\n"));
}

/// The sources of the corpora, by the shared folder's own program.
fn laid_out() -> PathBuf {
    let corpora = root().join("corpora");
    if !corpora.is_dir() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/truth/layout_open.py");
        assert!(script.is_file(), "nothing at `{}`: set DAGGUARD_TEST_CORPORA", script.display());
        let part = root().join("corpora-part");
        let _ = fs::remove_dir_all(&part);
        let pip = format!("{} -m pip", root().join("tools/bin/python").display());
        let mut command = Command::new("python3");
        command.arg(script).arg("--out").arg(&part).arg("--pip").arg(pip);
        output(&mut command, "laying the corpora out").unwrap_or_else(|why| panic!("{}", why.0));
        fs::rename(&part, &corpora).expect("a writable target directory");
    }
    corpora
}
