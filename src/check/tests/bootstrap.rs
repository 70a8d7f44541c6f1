//! Nothing is deployed and runs are in flight: the proposed tree is held against them alone.

use super::*;

fn empty() -> Snapshot {
    Snapshot::empty(Revision::new("empty"))
}

fn in_flight(dag_id: &str, states: &[(&str, &str)]) -> Facts {
    facts([with_runs(instance("default", "2.11.2"), dag_id, vec![run("r1", states)])])
}

#[test]
fn everything_in_flight_is_asked_for() {
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract"]))]);
    assert!(questions(&empty(), &proposed, &policy()).all_dags);
}

#[test]
fn a_tree_that_has_all_that_is_in_flight_is_allowed() {
    let proposed =
        tree("p", &[("dags/etl.py", &dag("etl", &["extract", "load"])), ("dags/m.py", &mapped("m", "['a', 'b']"))]);
    let mut seen =
        with_runs(instance("default", "2.11.2"), "etl", vec![run("r1", &[("extract", "success"), ("load", "none")])]);
    seen = with_runs(seen, "m", vec![run("r1", &[("work[0]", "success"), ("work[1]", "queued")])]);
    let report = check(&empty(), &proposed, &facts([seen]), &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
}

#[test]
fn a_dag_in_flight_that_the_tree_lacks_is_found() {
    let proposed = tree("p", &[("dags/other.py", &dag("other", &["x"]))]);
    let report = check(&empty(), &proposed, &in_flight("etl", &[("extract", "running")]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["dag-id-removed block certain".to_string()]));
    assert_eq!(report.findings[0].proposed.as_ref().unwrap().path.as_str(), "dags/other.py");
    assert_eq!(report.holds.len(), 1);
}

#[test]
fn a_task_in_flight_that_the_tree_lacks_is_found_if_it_is_unfinished() {
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract"]))]);
    let report =
        check(&empty(), &proposed, &in_flight("etl", &[("extract", "success"), ("load", "queued")]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-removed block certain".to_string()]));
    let report = check(&empty(), &proposed, &in_flight("etl", &[("extract", "none"), ("load", "success")]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
}

#[test]
fn a_task_that_an_incomplete_dag_may_still_have_is_possible_only() {
    let proposed = tree("p", &[("dags/etl.py", &opaque("etl", "run"))]);
    let seen = in_flight("etl", &[("load_eu", "running")]);
    let report = check(&empty(), &proposed, &seen, &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, vec!["task-id-removed warn possible".to_string()]));
}

#[test]
fn an_index_beyond_the_list_is_found() {
    let proposed = tree("p", &[("dags/m.py", &mapped("m", "['a', 'b']"))]);
    let beyond = [("work[0]", "success"), ("work[1]", "success"), ("work[2]", "none")];
    let report = check(&empty(), &proposed, &in_flight("m", &beyond), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["map-count-changed block certain".to_string()]));
    let within = [("work[0]", "success"), ("work[1]", "none")];
    let report = check(&empty(), &proposed, &in_flight("m", &within), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, Vec::<String>::new()));
}

#[test]
fn two_instances_that_miss_the_same_dag_give_one_finding_with_both_runs() {
    let proposed = tree("p", &[("dags/other.py", &dag("other", &["x"]))]);
    let on = |name| with_runs(instance(name, "2.11.2"), "etl", vec![run("r1", &[("extract", "running")])]);
    let report = check(&empty(), &proposed, &facts([on("one"), on("two")]), &policy());
    assert_eq!(said(&report), ["dag-id-removed block certain"]);
    assert_eq!(report.findings[0].runs.len(), 2);
}

#[test]
fn a_tree_without_any_dag_still_gives_the_finding_a_place() {
    let proposed = tree("p", &[("dags/notes.txt", "nothing yet")]);
    let report = check(&empty(), &proposed, &in_flight("etl", &[("extract", "running")]), &policy());
    assert_eq!(said(&report), ["dag-id-removed block certain"]);
    assert_eq!(report.findings[0].proposed.as_ref().unwrap().path.as_str(), "dags/notes.txt");
}
