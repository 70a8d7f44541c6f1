//! Behaviour of the joint that check, sync and hook share: small trees and facts in, report out.
//! What a single rule says is tested by the examples of its own page.

mod bootstrap;
mod names;
mod order;
mod unseen;
mod untouched;
mod verdicts;
mod witnessed;

use super::*;
use crate::content::{File, Layout, Revision};
use crate::facts::TaskState;
use crate::facts::{Answer, DagFacts, Instance, Run, TaskInstance};
use crate::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};

/// The head of every DAG file here.
const HEAD: &str = "\
from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash import BashOperator

";

/// A DAG of bash tasks in a row.
fn dag(dag_id: &str, tasks: &[&str]) -> String {
    let made: Vec<String> = (0..)
        .zip(tasks)
        .map(|(at, task_id)| format!("BashOperator(task_id={task_id:?}, bash_command=\"run {at}\")"))
        .collect();
    let row = made.join(" >> ");
    format!("{HEAD}with DAG({dag_id:?}, schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    {row}\n")
}

/// A DAG with one task that is mapped over a literal list.
fn mapped(dag_id: &str, commands: &str) -> String {
    format!(
        "{HEAD}with DAG({dag_id:?}, schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         BashOperator.partial(task_id=\"work\").expand(bash_command={commands})\n"
    )
}

/// A DAG whose tasks are made from a Variable.
fn opaque(dag_id: &str, command: &str) -> String {
    format!(
        "{HEAD}with DAG({dag_id:?}, schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         for name in Variable.get(\"names\").split(\",\"):\n        \
         BashOperator(task_id=f\"load_{{name}}\", bash_command={command:?})\n"
    )
}

fn tree(name: &str, files: &[(&str, &str)]) -> Snapshot {
    let revision = Revision::new(name);
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(*path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    snapshot
}

fn instance(name: &str, version: &str) -> Instance {
    let mut instance = Instance::unavailable(InstanceName::new(name), "not reached");
    instance.version = AirflowVersion::parse(version);
    instance.others = Seen::Known(());
    instance
}

/// States by `task` or `task[index]`.
fn run(run_id: &str, states: &[(&str, &str)]) -> Run {
    let task_instance = |(key, state): &(&str, &str)| {
        let (task_id, index) = match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
            Some((task_id, index)) => (task_id, index.parse().unwrap()),
            None => (*key, -1),
        };
        TaskInstance {
            task_id: TaskId::new(task_id),
            map_index: MapIndex(index),
            state: TaskState::of(Some(state)),
            try_number: None,
            operator: None,
            trigger: None,
            xcom_keys: Answer::NotChecked("not asked".into()),
        }
    };
    Run {
        run_id: RunId::new(run_id),
        state: "running".into(),
        run_type: None,
        logical_date: None,
        start_date: None,
        bundle_version: None,
        conf: serde_json::Value::Null,
        task_instances: states.iter().map(task_instance).collect(),
    }
}

fn with_runs(mut instance: Instance, dag_id: &str, runs: Vec<Run>) -> Instance {
    instance.dags.insert(DagId::new(dag_id), Seen::Known(DagFacts { runs, ..DagFacts::default() }));
    instance
}

fn facts(instances: impl IntoIterator<Item = Instance>) -> Facts {
    Facts { taken_at: None, instances: instances.into_iter().collect() }
}

fn policy() -> Policy {
    Policy::check(Layout::Content)
}

fn sync_policy() -> Policy {
    Policy::sync(Layout::Content)
}

/// `rule level certainty` of each finding, in order.
fn said(report: &Report) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|finding| format!("{} {} {}", finding.rule, finding.level, finding.basis.word()))
        .collect()
}

#[test]
fn a_rename_of_a_finished_task_blocks_and_names_the_run() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract_all", "load"]))]);
    let seen =
        with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("extract", "success"), ("load", "none")])]);
    let report = check(&deployed, &proposed, &facts([seen]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-renamed block certain".to_string()]));
    assert_eq!(report.findings[0].runs[0].run_id, RunId::new("r1"));
    assert_eq!(report.coverage.live, Live::Known);
    let outcomes = &report.predictions[0].outcomes;
    assert!(outcomes.contains(&crate::replay::Outcome::Repeated), "{outcomes:?}");
}

#[test]
fn of_several_runs_the_worst_one_counts_and_every_one_is_predicted() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract"]))]);
    let runs = |states: &[&[(&str, &str)]]| {
        let runs = states.iter().enumerate().map(|(at, states)| run(&format!("r{at}"), states)).collect();
        facts([with_runs(instance("default", "3.3.2"), "etl", runs)])
    };
    let lost_history: &[(&str, &str)] = &[("extract", "running"), ("load", "success")];
    let lost_work: &[(&str, &str)] = &[("extract", "success"), ("load", "none")];
    let untouched: &[(&str, &str)] = &[("extract", "running"), ("load", "removed")];

    let soft = check(&deployed, &proposed, &runs(&[untouched, lost_history]), &policy());
    assert_eq!((soft.verdict, said(&soft)), (Verdict::Block, vec!["task-id-removed block certain".to_string()]));
    let hard = check(&deployed, &proposed, &runs(&[untouched, lost_history, lost_work]), &policy());
    assert_eq!((hard.verdict, said(&hard)), (Verdict::Block, vec!["task-id-removed block certain".to_string()]));
    assert_eq!(hard.predictions.iter().map(|p| p.outcomes.len()).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(hard.findings[0].runs.len(), 2, "the run that nothing happens to is not shown as hit");
}

#[test]
fn of_two_airflows_the_one_with_a_run_decides() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract_all", "load"]))]);
    let idle = instance("idle", "3.3.2");
    let busy = with_runs(instance("busy", "2.6.2"), "etl", vec![run("r1", &[("extract", "running")])]);
    let report = check(&deployed, &proposed, &facts([idle.clone(), busy]), &policy());
    assert_eq!(report.verdict, Verdict::Block);
    assert_eq!(report.findings[0].runs[0].instance, InstanceName::new("busy"));
    let report = check(&deployed, &proposed, &facts([idle]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, vec!["task-id-renamed info certain".to_string()]));
}

#[test]
fn the_same_change_weighs_by_the_version_of_each_airflow() {
    let deployed = tree("d", &[("dags/etl.py", &mapped("etl", "['a', 'b', 'c']"))]);
    let proposed = tree("p", &[("dags/etl.py", &mapped("etl", "['a', 'b']"))]);
    let waiting = [("work[0]", "none"), ("work[1]", "none"), ("work[2]", "none")];
    let on = |version| {
        let seen = with_runs(instance("default", version), "etl", vec![run("r1", &waiting)]);
        let report = check(&deployed, &proposed, &facts([seen]), &policy());
        report.predictions[0].outcomes.contains(&crate::replay::Outcome::EarlySuccess)
    };
    assert!(on("2.6.2") && on("2.11.2") && on("3.3.2") && on("a version nobody knows"));
}

#[test]
fn a_pinned_run_keeps_its_dag_file_but_not_its_dag() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"])), ("dags/b.py", &dag("b", &["x"]))]);
    let renamed =
        tree("p", &[("dags/etl.py", &dag("etl", &["extract_all", "load"])), ("dags/b.py", &dag("b", &["x"]))]);
    let gone = tree("p", &[("dags/b.py", &dag("b", &["x"]))]);
    let pinned =
        Run { bundle_version: Some("5f3c1d0".into()), ..run("r1", &[("extract", "success"), ("load", "none")]) };
    let seen = facts([with_runs(instance("default", "3.3.2"), "etl", vec![pinned])]);
    let report = check(&deployed, &renamed, &seen, &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, vec!["task-id-renamed info certain".to_string()]));
    assert_eq!(report.predictions.len(), 1);
    let report = check(&deployed, &gone, &seen, &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["dag-id-removed block certain".to_string()]));
}

#[test]
fn what_the_text_does_not_hold_warns_in_a_check_and_holds_in_sync() {
    let deployed = tree("d", &[("dags/etl.py", &opaque("etl", "run"))]);
    let proposed = tree("p", &[("dags/etl.py", &opaque("etl", "run fast"))]);
    let seen = facts([with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("load_eu", "running")])])]);
    let report = check(&deployed, &proposed, &seen, &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, vec!["dag-not-analysable warn possible".to_string()]));
    assert_eq!(report.coverage.dags_exact, 0);
    let report = check(&deployed, &proposed, &seen, &sync_policy());
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Block, vec!["dag-not-analysable block possible".to_string()])
    );

    let idle = facts([instance("default", "2.11.2")]);
    let report = check(&deployed, &proposed, &idle, &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
    let commented =
        opaque("etl", "run").replace("        BashOperator", "        # One for each name.\n        BashOperator");
    let report = check(&deployed, &tree("p", &[("dags/etl.py", &commented)]), &seen, &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
}

#[test]
fn shared_code_that_an_opaque_dag_reaches_counts_as_its_own() {
    let user =
        opaque("etl", "run").replace("from airflow.models", "from limits.values import LIMIT\nfrom airflow.models");
    let with = |limit: &str| {
        let files =
            [("dags/etl.py", user.as_str()), ("shared/limits/__init__.py", ""), ("shared/limits/values.py", limit)];
        tree("t", &files)
    };
    let seen = facts([with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("load_eu", "running")])])]);
    let report = check(&with("LIMIT = 1\n"), &with("LIMIT = 2\n"), &seen, &sync_policy());
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Block, vec!["dag-not-analysable block possible".to_string()])
    );
    let report = check(&with("LIMIT = 1\n"), &with("# Rows at once.\nLIMIT = 1\n"), &seen, &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
}

#[test]
fn a_constant_that_moves_to_shared_code_is_no_change() {
    let body = |import: &str, constant: &str| {
        format!(
            "{import}{HEAD}{constant}with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
             for name in NAMES:\n        BashOperator(task_id=name, bash_command=name)\n"
        )
    };
    let deployed = tree("d", &[("dags/etl.py", &body("", "NAMES = [\"a\", \"b\"]\n"))]);
    let proposed = tree(
        "p",
        &[
            ("dags/etl.py", &body("from names.all import NAMES\n", "")),
            ("shared/names/__init__.py", ""),
            ("shared/names/all.py", "NAMES = [\"a\", \"b\"]\n"),
        ],
    );
    let seen =
        facts([with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("a", "success"), ("b", "none")])])]);
    let report = check(&deployed, &proposed, &seen, &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
    assert_eq!(report.coverage.dags_exact, 1);
}

#[test]
fn a_new_dag_hurts_nothing_and_asks_nothing() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["a"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["a"])), ("dags/more.py", &dag("more", &["a"]))]);
    assert!(questions(&deployed, &proposed, &policy()).is_empty());
    let report = check(&deployed, &proposed, &facts([]), &sync_policy());
    assert_eq!((report.verdict, report.findings.len(), report.holds.len()), (Verdict::Allow, 0, 0));
}

#[test]
fn only_dags_that_the_change_touches_are_asked_for() {
    let deployed = tree("d", &[("dags/a.py", &dag("a", &["x"])), ("dags/b.py", &dag("b", &["x"]))]);
    let proposed = tree("p", &[("dags/a.py", &dag("a", &["y"])), ("dags/b.py", &dag("b", &["x"]))]);
    let asked = questions(&deployed, &proposed, &policy());
    assert_eq!((asked.dags, asked.all_dags), (BTreeSet::from([DagId::new("a")]), false));
}

#[test]
fn what_waits_is_the_content_that_changed_and_nothing_else() {
    let (etl, other) = (dag("etl", &["extract", "load"]), dag("other", &["x"]));
    let renamed = dag("etl", &["extract_all", "load"]);
    let deployed = tree(
        "d",
        &[
            ("README.md", "one"),
            ("dags/etl.py", &etl),
            ("dags/gone.txt", "x"),
            ("dags/other.py", &other),
            ("shared/loose.py", ""),
        ],
    );
    let proposed = tree(
        "p",
        &[
            ("README.md", "two"),
            ("dags/etl.py", &renamed),
            ("dags/other.py", &other),
            ("plugins/operators/new.py", "LIMIT = 1\n"),
            ("shared/loose.py", "LIMIT = 1\n"),
        ],
    );
    let seen = facts([with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("extract", "success")])])]);
    let report = check(&deployed, &proposed, &seen, &policy());
    let paths: Vec<&str> = report.holds[0].paths.iter().map(ContentPath::as_str).collect();
    assert_eq!(paths, ["dags/etl.py", "dags/gone.txt", "plugins/operators/new.py"]);
    assert_eq!(report.holds[0].because, [report.findings[0].fingerprint.clone()]);
}

#[test]
fn rules_that_are_ignored_or_not_selected_say_nothing() {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract_all", "load"]))]);
    let seen = facts([with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("extract", "success")])])]);
    let with = |change: &dyn Fn(&mut Policy)| {
        let mut policy = policy();
        change(&mut policy);
        said(&check(&deployed, &proposed, &seen, &policy)).len()
    };
    assert_eq!(with(&|_| {}), 1);
    assert_eq!(with(&|policy| policy.ignore = BTreeSet::from(["task-id-renamed".to_string()])), 0);
    assert_eq!(with(&|policy| policy.select = BTreeSet::from(["task-id-removed".to_string()])), 0);
    assert_eq!(with(&|policy| policy.select = BTreeSet::from(["task-id-renamed".to_string()])), 1);
}

#[test]
fn a_run_of_a_dag_whose_id_is_known_is_not_one_of_a_dag_whose_id_is_not() {
    let by_environment = |command: &str| {
        dag("etl", &[command]).replace("DAG(\"etl\"", "DAG(os.environ[\"NAME\"]").replacen("from", "import os\nfrom", 1)
    };
    let known = dag("known", &["load"]);
    let trees = |command| [("dags/by_environment.py", by_environment(command)), ("dags/known.py", known.clone())];
    let [deployed, proposed] = ["one", "two"].map(|command| {
        let files = trees(command);
        tree(command, &files.each_ref().map(|(path, text)| (*path, text.as_str())))
    });
    let of =
        |dag_id| facts([with_runs(instance("default", "2.11.2"), dag_id, vec![run("r1", &[("load", "running")])])]);
    assert_eq!(check(&deployed, &proposed, &of("known"), &sync_policy()).verdict, Verdict::Allow);
    assert_eq!(check(&deployed, &proposed, &of("by-environment"), &sync_policy()).verdict, Verdict::Block);
}
