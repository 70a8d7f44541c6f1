//! Pools, Variables and connections that a change names first.

use super::*;
use std::collections::BTreeSet;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A DAG of one task with these further arguments.
fn with_arguments(arguments: &str) -> String {
    format!(
        "{HEAD}from airflow.providers.ssh.operators.ssh import SSHOperator\n\n\
         with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         SSHOperator(task_id=\"load\", {arguments})\n"
    )
}

fn trees(before: &str, after: &str) -> (Snapshot, Snapshot) {
    let tree_of = |name, arguments| tree(name, &[("dags/etl.py", &with_arguments(arguments))]);
    (tree_of("d", before), tree_of("p", after))
}

#[test]
fn only_what_the_change_names_first_is_asked() {
    let before = r#"command="run {{ var.value.old }}", pool="old", ssh_conn_id="both""#;
    let after = r#"command="run {{ var.value.new }} {{ var.json.deep.member }} {{ var.value.get('k', 1) }}",
        pool="new", ssh_conn_id="both", remote_conn_id="remote""#;
    let (deployed, proposed) = trees(before, after);
    let names = questions(&deployed, &proposed, &policy()).names;
    assert_eq!(names.pools, set(&["new"]));
    assert_eq!(names.variables, set(&["deep", "new"]));
    assert_eq!(names.connections, set(&["remote"]));
    assert!(questions(&deployed, &deployed, &policy()).names.is_empty());
    // A first delivery names everything first.
    assert!(questions(&tree("d", &[]), &proposed, &policy()).names.is_empty());
}

#[test]
fn what_is_no_plain_text_names_nothing() {
    for arguments in [r#"command="x", pool="{{ var.value.pool }}_x""#, r#"command="x", pool="default_pool""#] {
        let (deployed, proposed) = trees(r#"command="x""#, arguments);
        assert!(questions(&deployed, &proposed, &policy()).names.pools.is_empty(), "{arguments}");
    }
}

#[test]
fn what_does_not_exist_is_found_and_what_could_not_be_looked_up_is_said() {
    let (deployed, proposed) = trees(r#"command="x""#, r#"command="x", pool="etl", ssh_conn_id="ssh""#);
    let mut there = instance("prod", "3.3.2");
    there.pools = Answer::Checked(set(&["etl"]));
    there.connections = Answer::Checked(set(&["ssh"]));
    let mut missing = with_runs(instance("next", "2.11.2"), "etl", vec![run("r1", &[("load", "none")])]);
    missing.pools = Answer::Checked(set(&[]));
    missing.connections = Answer::Checked(set(&[]));
    let mut not_checked = instance("third", "3.3.2");
    not_checked.pools = Answer::NotChecked("these credentials may not read pools".into());
    not_checked.connections = Answer::NotChecked("these credentials may not read connections".into());
    let all = facts([there.clone(), missing, not_checked]);
    let report = check(&deployed, &proposed, &all, &policy());
    let about = |rule: &str| report.findings.iter().find(|finding| finding.rule == rule).unwrap();
    assert_eq!(about("pool-missing").level, Level::Block);
    assert!(about("pool-missing").message.contains("does not exist on `next`"), "{}", about("pool-missing").message);
    assert_eq!((about("connection-missing").level, about("connection-missing").basis), (Level::Warn, Basis::Possible));
    assert_eq!(
        report.notes,
        ["connection `ssh`, which the change names first, was not looked up on `third`: these credentials may not \
             read connections"]
    );
    let report = check(&deployed, &proposed, &facts([there]), &sync_policy());
    assert!(report.findings.iter().all(|finding| finding.level == Level::Info), "{:?}", said(&report));
    assert!(report.notes.is_empty());
    // Where a secrets backend may have it, nothing rests on what the API shows.
    let backend = Policy { secrets_backend: true, ..policy() };
    let report = check(&deployed, &proposed, &all, &backend);
    assert!(report.findings.iter().all(|finding| finding.rule != "connection-missing"), "{:?}", said(&report));
    assert_eq!(report.notes.len(), 2);
}
