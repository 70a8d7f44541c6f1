//! Every rule file is read, and every example of every rule is judged by all rules.
//!
//! An example is a heading `### …` below `## Examples` with fenced files:
//!
//! - `py deployed=PATH`, `py proposed=PATH`, `py both=PATH`: the trees;
//! - `toml runs`: the runs in flight (`airflow`, `live`, and `[[run]]` with `dag_id`, `tasks`);
//!   none means that the Airflow has none.
//!
//! The expectation stands on the line that the finding points at, on either side:
//! `# expect: RULE LEVEL` (several separated by `;`). Whatever is not expected must not be said.

mod page;

use super::embedded::FILES;
use super::file::may_look_at;
use super::*;
use crate::check;
use crate::report::{self, Report, full::Colour};
use page::{Example, all_examples, examples, of_trees, tree};
use std::collections::{BTreeMap, BTreeSet};

fn said(report: &Report, expected: &[(String, String, String, u32)]) -> Vec<(String, String, String, u32)> {
    let mut said: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let places: Vec<_> = [&finding.deployed, &finding.proposed].into_iter().flatten().collect();
            let level = finding.level.to_string();
            let at = |location: &&&Location| {
                expected.iter().any(|(rule, _, path, line)| {
                    *rule == finding.rule && *path == location.path.to_string() && *line == location.span.line
                })
            };
            let place = places.iter().find(at).or(places.last()).expect("a finding has a place");
            (finding.rule.clone(), level, place.path.to_string(), place.span.line)
        })
        .collect();
    said.sort();
    said.dedup();
    said
}

#[test]
fn every_rule_file_parses_and_is_named_after_its_id() {
    for (id, text) in FILES {
        let rule = parse(text).unwrap_or_else(|error| panic!("rules/{id}.md: {error}"));
        assert_eq!(rule.id, *id);
        assert!(registry().get(id).is_some());
    }
}

#[test]
fn a_rule_that_nobody_has_asked_for_looks_at_what_its_file_says() {
    let rules: Vec<_> = FILES.iter().map(|(_, text)| parse(text).unwrap()).collect();
    let words: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.on).collect();
    for word in words {
        let looking: Vec<_> = rules.iter().filter(|rule| rule.on.contains(word)).collect();
        assert!(registry().clone().on(word).eq(looking), "{word}");
    }
    let near: Vec<_> = FILES.iter().filter(|(_, text)| may_look_at(text, "task-renamed")).map(|(id, _)| *id).collect();
    assert!(near.contains(&"task-id-renamed") && near.len() < 5, "{near:?}");
    assert!(may_look_at("on=['other']", "task-renamed"), "what is written in another way is parsed");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the list is compared with the directory")]
fn the_list_of_rules_is_the_directory() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".md").to_string())
        .collect();
    files.sort();
    assert_eq!(files, FILES.iter().map(|(id, _)| (*id).to_string()).collect::<Vec<_>>());
}

#[test]
fn every_rule_has_examples_that_fire_and_near_misses_that_do_not() {
    for (id, text) in FILES {
        let examples = examples(id, text);
        let least = if registry().get(id).is_some_and(|rule| rule.level == Level::Info) { "" } else { "info" };
        let fires =
            |example: &&Example| example.expected().iter().any(|(rule, level, _, _)| rule == id && level != least);
        let (fire, stay_silent): (Vec<_>, Vec<_>) = examples.iter().partition(fires);
        assert!(fire.len() >= 2, "rules/{id}.md: {} examples fire", fire.len());
        assert!(stay_silent.len() >= 2, "rules/{id}.md: {} near misses", stay_silent.len());
    }
}

#[test]
fn every_example_gives_what_it_expects_and_nothing_else() {
    let mut wrong = Vec::new();
    for example in all_examples() {
        let report = example.check(&Policy::check(Layout::Content));
        let expected = example.expected();
        let said = said(&report, &expected);
        if said != expected {
            let mut text = Vec::new();
            report::full::write(&report, Colour::Off, &mut text).unwrap();
            wrong.push(format!(
                "rules/{}.md, {}:\n  expected {expected:?}\n  said     {said:?}\n{}",
                example.rule,
                example.title,
                String::from_utf8_lossy(&text)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn equal_sides_give_nothing() {
    for example in all_examples() {
        for side in [&example.deployed, &example.proposed] {
            let tree = tree("same", side);
            let policy = of_trees(&Policy::sync(Layout::Content), &tree, &tree);
            let report = check(&tree, &tree, &example.facts(), &policy);
            assert!(report.findings.is_empty(), "{}: {}: {:?}", example.rule, example.title, report.findings);
            assert_eq!(report.verdict, report::Verdict::Allow);
        }
    }
}

#[test]
fn comments_blank_lines_and_quotes_give_nothing() {
    for example in all_examples() {
        let reformatted: BTreeMap<String, String> = example
            .deployed
            .iter()
            .map(|(path, text)| {
                let lines: Vec<&str> = text.lines().map(|line| line.split("  #").next().unwrap()).collect();
                let text = lines.join("  # why\n\n");
                (path.clone(), if text.contains('\'') { text } else { text.replace('"', "'") })
            })
            .collect();
        if example.deployed.values().any(|text| text.contains("\"\"\"") || text.contains('\\')) {
            continue;
        }
        let (deployed, proposed) = (tree("deployed", &example.deployed), tree("proposed", &reformatted));
        let policy = of_trees(&Policy::sync(Layout::Content), &deployed, &proposed);
        let report = check(&deployed, &proposed, &example.facts(), &policy);
        assert!(report.findings.is_empty(), "{}: {}: {:?}", example.rule, example.title, report.findings);
    }
}

#[test]
fn every_finding_renders_and_has_a_place() {
    for example in all_examples() {
        let report = example.check(&Policy::check(Layout::Content));
        for finding in &report.findings {
            assert!(finding.deployed.is_some() || finding.proposed.is_some(), "{finding:?}");
            assert_eq!(finding.fingerprint.len(), 16);
            assert!(!finding.message.contains('{') || finding.message.contains("dict"), "{}", finding.message);
        }
        let mut text = Vec::new();
        report::full::write(&report, Colour::On, &mut text).unwrap();
        let json = report::json::value(&report);
        assert_eq!(json["findings"].as_array().unwrap().len(), report.findings.len());
        let faults = crate::report::schema::tests::faults(crate::report::schema::Shape::Report, &json);
        assert_eq!(faults, Vec::<String>::new());
    }
}

#[test]
fn a_rule_file_with_an_unknown_key_word_or_heading_is_refused() {
    let (_, text) = FILES[0];
    let with = |from: &str, to: &str| parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
    assert!(with("since =", "sicne =").contains("sicne"));
    assert!(with("on = [\"", "on = [\"gone-").contains("gone-"));
    assert!(with("## What it checks", "## What it does").contains("What it checks"));
    assert!(parse("no front matter").is_err());
}
