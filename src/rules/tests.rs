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

use super::embedded::FILES;
use super::*;
use crate::check;
use crate::config;
use crate::content::{ContentPath, File, Revision, Snapshot};
use crate::facts::{
    Answer, DagFacts, Instance, Run, Seen, StoredType, StoredTypes, StoredValue, TaskInstance, ValueKind,
};
use crate::report::{self, Report, full::Colour};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Example {
    rule: &'static str,
    title: String,
    deployed: BTreeMap<String, String>,
    proposed: BTreeMap<String, String>,
    runs: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    #[serde(default = "latest_2")]
    airflow: String,
    #[serde(default = "known")]
    live: String,
    /// How many slots pools have.
    #[serde(default)]
    pool_slots: BTreeMap<String, i64>,
    /// What exists, of what was asked for; none: it was not looked up.
    pools: Option<BTreeSet<String>>,
    variables: Option<BTreeSet<String>>,
    connections: Option<BTreeSet<String>>,
    /// DAGs that are paused.
    #[serde(default)]
    paused: BTreeSet<String>,
    #[serde(default)]
    run: Vec<RunOf>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RunOf {
    dag_id: String,
    #[serde(default)]
    bundle_version: Option<String>,
    /// What it was given.
    #[serde(default)]
    conf: serde_json::Value,
    /// How long ago it started, in seconds.
    #[serde(default)]
    age: Option<i64>,
    /// State by `task` or `task[index]`.
    tasks: BTreeMap<String, String>,
    /// Type of what a task has stored as its result, as JSON calls it.
    #[serde(default)]
    stored: BTreeMap<String, ValueKind>,
}

/// When the runs of an example were looked at: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn latest_2() -> String {
    "2.11.2".into()
}

fn known() -> String {
    "known".into()
}

fn examples(rule: &'static str, text: &str) -> Vec<Example> {
    let page = text.split_once("\n## Examples\n").map(|(_, examples)| examples).unwrap_or_default();
    let mut examples: Vec<Example> = Vec::new();
    let mut fence: Option<(String, String)> = None;
    for line in page.lines() {
        match &mut fence {
            None => {
                if let Some(title) = line.strip_prefix("### ") {
                    examples.push(Example { rule, title: title.into(), ..Example::default() });
                } else if let Some(info) = line.strip_prefix("```") {
                    fence = Some((info.to_string(), String::new()));
                }
            }
            Some(_) if line == "```" => {
                let (info, body) = fence.take().unwrap();
                let example = examples.last_mut().unwrap_or_else(|| panic!("{rule}: a fence before the first `###`"));
                example.take(&info, body);
            }
            Some((_, body)) => {
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "{rule}: a fence is not closed");
    examples
}

impl Example {
    fn take(&mut self, info: &str, body: String) {
        if info == "toml runs" {
            self.runs = Some(body);
            return;
        }
        let (side, path) = info.split_once(' ').and_then(|(_, rest)| rest.split_once('=')).unwrap_or_else(|| {
            panic!("{}: a fence needs `deployed=`, `proposed=` or `both=`: {info}", self.rule);
        });
        if matches!(side, "deployed" | "both") {
            self.deployed.insert(path.into(), body.clone());
        }
        if matches!(side, "proposed" | "both") {
            self.proposed.insert(path.into(), body);
        }
    }

    /// `(rule, level, path, line)` of every expectation, with the side it stands on.
    fn expected(&self) -> Vec<(String, String, String, u32)> {
        let mut expected = Vec::new();
        for files in [&self.deployed, &self.proposed] {
            for (path, text) in files {
                for (at, line) in (1..).zip(text.lines()) {
                    let Some((_, words)) = line.split_once("# expect: ") else { continue };
                    for words in words.split(';') {
                        let (rule, level) = words.trim().split_once(' ').expect("`# expect: RULE LEVEL`");
                        expected.push((rule.to_string(), level.trim().to_string(), path.clone(), at));
                    }
                }
            }
        }
        expected.sort();
        expected.dedup();
        expected
    }

    fn facts(&self) -> Facts {
        let text = self.runs.clone().unwrap_or_default();
        let runs: Runs = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {}: {error}", self.rule, self.title));
        let name = InstanceName::new("default");
        let mut instance = Instance::unavailable(name, "connection refused");
        instance.version = AirflowVersion::parse(&runs.airflow);
        match runs.live.as_str() {
            "known" => instance.others = Seen::Known(()),
            "unavailable" => {}
            other => panic!("{}: `live` is known or unavailable: {other}", self.rule),
        }
        let names = [
            (&mut instance.pools, runs.pools),
            (&mut instance.variables, runs.variables),
            (&mut instance.connections, runs.connections),
        ];
        for (answer, names) in names {
            *answer = names.map_or(Answer::NotChecked("not asked".into()), Answer::Checked);
        }
        instance.details.pool_slots = runs.pool_slots;
        for dag_id in runs.paused {
            let facts = DagFacts { is_paused: Some(true), ..DagFacts::default() };
            instance.dags.insert(DagId::new(dag_id), Seen::Known(facts));
        }
        for (number, run) in runs.run.into_iter().enumerate() {
            instance.details.values.extend(run.stored.iter().map(|(task_id, kind)| StoredTypes {
                value: StoredValue {
                    dag_id: DagId::new(run.dag_id.as_str()),
                    task_id: TaskId::new(task_id.as_str()),
                    key: "return_value".into(),
                },
                types: Answer::Checked(vec![StoredType {
                    run_id: RunId::new(format!("r{}", number + 1)),
                    map_index: MapIndex(-1),
                    kind: *kind,
                }]),
            }));
            let dag = instance.dags.entry(DagId::new(run.dag_id.as_str())).or_insert(Seen::Known(DagFacts::default()));
            let Seen::Known(dag) = dag else { unreachable!() };
            dag.runs.push(Run {
                run_id: RunId::new(format!("r{}", number + 1)),
                state: "running".into(),
                run_type: None,
                logical_date: None,
                start_date: run.age.map(|age| Timestamp::from_second(NOW - age).unwrap()),
                bundle_version: run.bundle_version,
                conf: run.conf,
                task_instances: run.tasks.iter().map(|(key, state)| task_instance(key, state)).collect(),
            });
        }
        Facts { taken_at: Timestamp::from_second(NOW).ok(), instances: vec![instance] }
    }

    fn check(&self, policy: &Policy) -> Report {
        let (deployed, proposed) = (tree("deployed", &self.deployed), tree("proposed", &self.proposed));
        check(&deployed, &proposed, &self.facts(), &of_trees(policy, &deployed, &proposed))
    }
}

fn task_instance(key: &str, state: &str) -> TaskInstance {
    let (task_id, index) = match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
        Some((task_id, index)) => (task_id, index.parse().expect("a map index")),
        None => (key, -1),
    };
    TaskInstance {
        task_id: TaskId::new(task_id),
        map_index: MapIndex(index),
        state: TaskState::of(Some(state)),
        try_number: None,
        operator: None,
        trigger: None,
        xcom_keys: Answer::NotChecked("not recorded".into()),
    }
}

/// The policy with what both trees say of it, on a day on which examples stay what they are.
fn of_trees(policy: &Policy, deployed: &Snapshot, proposed: &Snapshot) -> Policy {
    Policy {
        deployed: config::tree(deployed, registry()),
        proposed: config::tree(proposed, registry()),
        now: Timestamp::from_second(NOW).ok(),
        ..policy.clone()
    }
}

fn tree(name: &str, files: &BTreeMap<String, String>) -> Snapshot {
    let revision = Revision::new(name);
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        let (path, file) = (ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
        match path.as_str() {
            "dagguard.toml" | "pyproject.toml" => snapshot.configure(path, file),
            _ => snapshot.insert(path, file),
        }
    }
    snapshot
}

fn all_examples() -> Vec<Example> {
    FILES.iter().flat_map(|(id, text)| examples(id, text)).collect()
}

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
