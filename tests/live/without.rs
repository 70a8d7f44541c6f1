#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test's program: it reads records, and its table is its output"
)]

//! What turns red in a build with a single rule, kind of change, vocabulary of claims or step of the replay
//! switched off: each on the examples of the rules' pages and on the recorded scenarios of this repository,
//! judged in this process. One line each: the construct and what turned red, or nothing.
//!
//! `without PART PARTS` takes one of so many parts of the constructs. The live tests build and run it.

#[allow(dead_code, unused_imports, reason = "its tests are those of another test program")]
#[path = "../it/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "what a page expects is not asked for")]
#[path = "../../src/rules/tests/page.rs"]
mod page;
#[path = "without/rows.rs"]
mod rows;
#[allow(dead_code, reason = "only the scenarios of this repository are asked for")]
#[path = "../it/shared.rs"]
mod shared;

use dagguard::content::Layout;
use dagguard::rules::Policy;
use dagguard::switch;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is judged, and what was asked for while everything was on.
struct Test {
    name: String,
    asked: BTreeSet<String>,
    /// Whether it turns red now.
    is_red: Box<dyn Fn() -> bool>,
}

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [part, parts] = arguments.as_slice() else { panic!("PART PARTS") };
    let tests: Vec<Test> = pages().into_iter().chain(rows()).collect();
    let mut constructs: BTreeMap<String, Vec<&Test>> = BTreeMap::new();
    for rule in dagguard::rules::registry().all() {
        constructs.insert(format!("rule {}", rule.id), Vec::new());
    }
    for word in dagguard::diff::Kind::words() {
        constructs.insert(format!("change {word}"), Vec::new());
    }
    for test in &tests {
        for construct in &test.asked {
            constructs.entry(construct.clone()).or_default().push(test);
        }
    }
    eprintln!("{} tests, {} constructs", tests.len(), constructs.len());
    for (_, (construct, tests)) in constructs.iter().enumerate().filter(|(at, _)| at % parts == *part) {
        switch::switch_off(construct);
        let red = tests.iter().find(|test| (test.is_red)());
        println!("{construct}\t{}", red.map_or("", |test| test.name.as_str()));
    }
}

fn pages() -> Vec<Test> {
    let test = |example: page::Example| {
        let name = format!("rules/{}.md, {}", example.rule, example.title);
        switch::asked();
        let before = said(&example);
        let asked = switch::asked();
        Test { name, asked, is_red: Box::new(move || said(&example) != before) }
    };
    page::all_examples().into_iter().map(test).collect()
}

/// What is said of an example: rule, level and place of each finding, its message and what it does to each run, and
/// the verdict.
fn said(example: &page::Example) -> BTreeSet<String> {
    let report = example.check(&Policy::check(Layout::Content));
    let findings = report.findings.iter().map(|finding| {
        let place = finding.proposed.as_ref().or(finding.deployed.as_ref());
        let place = place.map(|at| format!("{}:{}", at.path, at.span.line)).unwrap_or_default();
        let effects: Vec<&str> = finding.runs.iter().map(|run| run.effect.as_str()).collect();
        format!("{} {} {place} {} {effects:?}", finding.rule, finding.level, finding.message)
    });
    findings.chain([format!("{:?}", report.verdict)]).collect()
}

/// Rows that agree with the record while everything is on.
fn rows() -> Vec<Test> {
    let test = |row: rows::Row| {
        let name = row.name();
        switch::asked();
        let agrees = row.agrees();
        let asked = switch::asked();
        // One that does not agree says nothing of what is missing.
        let is_red = move || {
            let now = row.agrees();
            agrees.0 && !now.0 || agrees.1 && !now.1
        };
        Test { name, asked, is_red: Box::new(is_red) }
    };
    rows::rows().into_iter().map(test).collect()
}
