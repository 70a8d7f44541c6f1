//! Whole judgements, case by case: `testdata/check/verdicts.txt`.

use super::*;
use std::collections::BTreeSet;

const TEXT: &str = include_str!("../../../testdata/check/verdicts.txt");

/// The releases that a case is judged for, where it does not say otherwise.
const RELEASES: [&str; 3] = ["2.6.2", "2.11.2", "3.3.2"];

struct Case<'t> {
    title: &'t str,
    deployed: Snapshot,
    proposed: Snapshot,
    run: Run,
    /// By release: the verdict, and the rules that ask for attention.
    expected: Vec<(&'t str, &'t str)>,
}

/// What stands before the first case and is no comment: the head of every file below `dags`.
fn head() -> String {
    let before = TEXT.split_once("\n=== ").unwrap().0;
    before.split_inclusive('\n').filter(|line| !line.starts_with('#')).chain(["\n"]).collect()
}

fn case<'t>(block: &'t str, head: &str) -> Case<'t> {
    let (title, rest) = block.split_once('\n').unwrap();
    let empty = |name: &str| Snapshot::empty(Revision::new(name));
    let mut case = Case {
        title,
        deployed: empty("deployed"),
        proposed: empty("proposed"),
        run: Run { start_date: "2026-01-01T00:00:00Z".parse().ok(), run_type: Some("manual".into()), ..run("r", &[]) },
        expected: Vec::new(),
    };
    for part in rest.split("--- ").skip(1) {
        let (place, body) = part.split_once('\n').unwrap();
        let (side, path) = place.split_once(' ').unwrap();
        let code = body.lines().filter(|line| !line.starts_with("@@@ ") && !line.starts_with(">>> "));
        let mut source = if path.starts_with("dags/") { head.to_owned() } else { String::new() };
        source.extend(code.map(|line| format!("{line}\n")));
        for (name, tree) in [("deployed", &mut case.deployed), ("proposed", &mut case.proposed)] {
            if side == name || side == "both" {
                let file = File::regular(&Revision::new(name), source.as_bytes());
                tree.insert(ContentPath::new(path).unwrap(), file);
            }
        }
    }
    for line in rest.lines() {
        if let Some(states) = line.strip_prefix("@@@ ") {
            add(&mut case.run, states);
        } else if let Some(expected) = line.strip_prefix(">>> ") {
            match expected.split_once(": ") {
                Some((releases, expected)) => case.expected.extend(releases.split(' ').map(|one| (one, expected))),
                None => case.expected.extend(RELEASES.map(|release| (release, expected))),
            }
        }
    }
    case
}

/// `task=state+key,key …`; `run_type=scheduled`, `conf={"x":1}` and `bundle_version=…` are of the run itself.
fn add(run: &mut Run, states: &str) {
    for (key, state) in states.split(' ').map(|one| one.split_once('=').unwrap()) {
        match key {
            "run_type" => run.run_type = Some(state.into()),
            "conf" => run.conf = serde_json::from_str(state).unwrap(),
            "bundle_version" => run.bundle_version = Some(state.into()),
            _ => {
                let (state, keys) = state.split_once('+').unwrap_or((state, "return_value"));
                let mut of = super::run("r", &[(key, state)]).task_instances.remove(0);
                let keys = keys.split(',').filter(|_| state == "success").map(Into::into);
                of.xcom_keys = Answer::Checked(keys.collect());
                run.task_instances.push(of);
            }
        }
    }
}

fn judged(case: &Case, release: &str) -> String {
    let seen = with_runs(instance("default", release), "d", vec![case.run.clone()]);
    let facts = Facts { taken_at: "2026-01-01T00:10:00Z".parse().ok(), ..facts([seen]) };
    // As the program does: a model is that of the release that answers.
    let policy = Policy { airflow: AirflowVersion::parse(release), ..policy() };
    let report = check(&case.deployed, &case.proposed, &facts, &policy);
    let loud = report.findings.iter().filter(|finding| finding.level != Level::Info);
    let rules: BTreeSet<String> = loud.map(|finding| finding.rule.clone()).collect();
    std::iter::once(report.verdict.word().to_owned()).chain(rules).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_change_is_judged_as_real_airflows_take_it() {
    let head = head();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for block in TEXT.split("\n=== ").skip(1) {
        let case = case(block, &head);
        cases += 1;
        assert!(!case.expected.is_empty(), "{}", case.title);
        for (release, expected) in &case.expected {
            let said = judged(&case, release);
            if said != *expected {
                wrong.push(format!("{} on {release}: expected `{expected}`, said `{said}`", case.title));
            }
        }
    }
    assert!(cases > 100, "the cases were not read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
