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
fn what_does_not_exist_is_noted_and_decides_nothing() {
    let (deployed, proposed) = trees(r#"command="x""#, r#"command="x", pool="etl", ssh_conn_id="ssh""#);
    let mut there = instance("prod", "3.3.2");
    there.pools = Answer::Checked(set(&["etl"]));
    there.connections = Answer::Checked(set(&["ssh"]));
    let mut missing = instance("next", "3.3.2");
    missing.pools = Answer::Checked(set(&[]));
    missing.connections = Answer::Checked(set(&[]));
    let mut not_checked = instance("third", "3.3.2");
    not_checked.pools = Answer::NotChecked("these credentials may not read pools".into());
    let report = check(&deployed, &proposed, &facts([there, missing, not_checked]), &sync_policy());
    assert_eq!(
        report.notes,
        [
            "pool `etl`, which the change names first, does not exist on `next`",
            "connection `ssh`, which the change names first, does not exist on `next`, unless a secrets backend or the \
             environment supplies it",
        ]
    );
    let without = check(&deployed, &proposed, &facts([instance("prod", "3.3.2")]), &sync_policy());
    assert_eq!((report.verdict, said(&report)), (without.verdict, said(&without)));
    assert!(without.notes.is_empty());
}
