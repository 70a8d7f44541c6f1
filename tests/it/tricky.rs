//! The tricky cases without an Airflow: the model says what each case expects of it, and what it
//! calls complete is what Airflow builds. That the latter is so is the live tests' part.

#![expect(clippy::disallowed_methods, reason = "a test reads cases")]

#[path = "../support/tricky.rs"]
mod cases;

use cases::{TrickyCase, VERSIONS, all, folder, keep, said, text};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Texts of the same thing in two places hide that they differ one day.
#[test]
fn every_text_of_a_case_is_of_use() {
    let mut faults = Vec::new();
    for case in all() {
        for stem in ["airflow", "dagguard"] {
            let names: BTreeSet<String> = case.texts().into_iter().filter(|name| name.starts_with(stem)).collect();
            let read = |version: &str| {
                if stem == "airflow" { case.airflow(version) } else { case.dagguard(version) }
            };
            let different: BTreeSet<String> = VERSIONS.iter().map(|version| read(version)).collect();
            if names.len() > different.len() {
                faults.push(format!("{}: {names:?} hold {} different texts", case.name, different.len()));
            }
        }
        if VERSIONS.iter().all(|version| case.dagguard(version) == case.airflow(version))
            && case.texts().iter().any(|name| name.starts_with("dagguard"))
        {
            faults.push(format!("{}: it says what Airflow builds, and needs no text for that", case.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_model_says_of_every_tricky_case_what_is_expected() {
    let mut faults = Vec::new();
    for case in all() {
        for version in VERSIONS {
            let now = text(said(&case.model(Some(version))));
            keep(&case.name, "dagguard", version, &now);
            let expected = case.dagguard(version);
            if now != expected {
                faults.push(format!("{} on {version}:\n{now}--- expected\n{expected}", case.name));
            }
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

/// The promise, on the expectations themselves, so that no case can be settled by writing down
/// what the model happens to say.
#[test]
fn what_is_expected_of_the_model_is_true() {
    let mut faults = Vec::new();
    for case in all() {
        for version in VERSIONS {
            if let Some(fault) = broken_promise(&case.airflow(version), &case.dagguard(version)) {
                faults.push(format!("{} on {version}: {fault}", case.name));
            }
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

/// Blocks of a text: each begins at the margin.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => {
                block.push('\n');
                block.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
}

/// File of a block, from `dag ID in FILE` or `error in FILE: …`.
fn file(block: &str) -> &str {
    let first = block.lines().next().unwrap_or_default();
    let (_, rest) = first.split_once(" in ").unwrap_or_default();
    rest.split(": ").next().unwrap_or(rest)
}

fn broken_promise(airflow: &str, dagguard: &str) -> Option<String> {
    let (built, said) = (blocks(airflow), blocks(dagguard));
    let declared = |block: &String| block.contains("\n  not known, ");
    for block in &said {
        let error = format!("error in {}: ", file(block));
        if block.starts_with("dag ") && !declared(block) && !built.contains(block) {
            return Some(format!("said to be complete, and not what Airflow builds: {block}"));
        }
        // A module that is not a DAG file breaks those that import it.
        let of_dag_file = file(block).starts_with("dags/");
        if block.starts_with("error ") && of_dag_file && !built.iter().any(|built| built.starts_with(&error)) {
            return Some(format!("said to be broken, and Airflow loads it: {block}"));
        }
    }
    for block in built.iter().filter(|block| block.starts_with("dag ")) {
        let (head, _) = block.split_once('\n').unwrap_or((block, ""));
        let spoken_of = said.iter().any(|said| {
            file(said) == file(block)
                && (said.lines().next() == Some(head) || (declared(said) && said.contains(['*', '|'])))
        });
        if !spoken_of {
            return Some(format!("not spoken of: {head}"));
        }
    }
    None
}

/// What a row of the page says in its last column.
fn verdict(case: &TrickyCase) -> String {
    let kinds: BTreeSet<&str> = VERSIONS
        .iter()
        .flat_map(|version| {
            let text = case.dagguard(version);
            let kinds: Vec<&str> = blocks(&text)
                .iter()
                .filter_map(|block| match block {
                    block if block.starts_with("error ") => Some("error"),
                    block if block.contains("\n  not known, ") => Some("declared"),
                    block if block.starts_with("dag ") => Some("exact"),
                    _ => None,
                })
                .collect();
            kinds
        })
        .collect();
    if kinds.is_empty() {
        return "nothing".to_owned();
    }
    ["exact", "declared", "error"].into_iter().filter(|kind| kinds.contains(kind)).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_lists_every_case_and_what_is_said_of_it() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| [")) {
        let (name, _) = line.trim_start_matches("| [").split_once("](").unwrap();
        let said = line.trim_end_matches(" |").rsplit("| ").next().unwrap().to_owned();
        assert!(rows.insert(name.to_owned(), said).is_none(), "{name} is listed twice");
    }
    let cases: BTreeMap<String, String> = all().iter().map(|case| (case.name.clone(), verdict(case))).collect();
    assert_eq!(rows, cases);
    assert!(cases.len() >= 80, "{}", cases.len());
}
