//! Runs that cannot be seen: no Airflow configured, one that does not answer, one that does not
//! show a DAG. Silence is never idleness.

use super::*;

fn rename() -> (Snapshot, Snapshot) {
    let deployed = tree("d", &[("dags/etl.py", &dag("etl", &["extract", "load"]))]);
    let proposed = tree("p", &[("dags/etl.py", &dag("etl", &["extract_all", "load"]))]);
    (deployed, proposed)
}

fn comment_only() -> (Snapshot, Snapshot) {
    let text = dag("etl", &["extract", "load"]);
    let deployed = tree("d", &[("dags/etl.py", &text)]);
    let proposed = tree("p", &[("dags/etl.py", &format!("# Loads the orders.\n{text}"))]);
    (deployed, proposed)
}

fn broken() -> (Snapshot, Snapshot) {
    let text = dag("etl", &["extract", "load"]);
    let deployed = tree("d", &[("dags/etl.py", &text)]);
    let proposed = tree("p", &[("dags/etl.py", &text.replace("with DAG(", "with DAG((("))]);
    (deployed, proposed)
}

fn unreachable() -> Facts {
    facts([Instance::unavailable(InstanceName::new("default"), "connection refused")])
}

fn on(unreachable: OnUnreachable) -> Policy {
    Policy { on_unreachable: unreachable, ..policy() }
}

#[test]
fn without_an_airflow_a_check_assumes_runs_in_every_state() {
    let (deployed, proposed) = rename();
    let report = check(&deployed, &proposed, &facts([]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-renamed block assumed".to_string()]));
    assert_eq!(report.coverage.live, Live::Assumed);
    assert!(report.findings[0].message.contains("no Airflow is configured"), "{}", report.findings[0].message);
    let (deployed, proposed) = comment_only();
    assert_eq!(check(&deployed, &proposed, &facts([]), &policy()).findings, []);
}

#[test]
fn without_an_airflow_sync_delivers_but_refuses_what_does_not_import() {
    let (deployed, proposed) = rename();
    let report = check(&deployed, &proposed, &facts([]), &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Allow, vec!["task-id-renamed info certain".to_string()]));
    assert_eq!(report.holds, []);
    let (deployed, proposed) = broken();
    let report = check(&deployed, &proposed, &facts([]), &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["syntax-error block certain".to_string()]));
    assert_eq!(report.holds.len(), 1);
}

#[test]
fn an_airflow_that_does_not_answer_under_block_holds_what_has_a_finding() {
    let (deployed, proposed) = rename();
    let report = check(&deployed, &proposed, &unreachable(), &on(OnUnreachable::Block));
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Undecided, vec!["task-id-renamed block assumed".to_string()])
    );
    assert_eq!(report.holds.len(), 1);
    assert_eq!(report.holds[0].because.len(), 1);
    assert_eq!(report.coverage.live, Live::Unavailable);
    assert_eq!(report.unavailable, ["`default`: connection refused"]);
}

#[test]
fn an_airflow_that_does_not_answer_under_static_shows_the_findings_as_assumed() {
    let (deployed, proposed) = rename();
    let report = check(&deployed, &proposed, &unreachable(), &on(OnUnreachable::Static));
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-renamed block assumed".to_string()]));
}

#[test]
fn an_airflow_that_does_not_answer_under_fail_decides_nothing() {
    let (deployed, proposed) = rename();
    let report = check(&deployed, &proposed, &unreachable(), &on(OnUnreachable::Fail));
    assert_eq!(report.verdict, Verdict::Undecided);
    assert_eq!(report.holds.len(), 1);
}

#[test]
fn a_comment_needs_no_airflow_under_any_policy() {
    let (deployed, proposed) = comment_only();
    for unreachable_policy in [OnUnreachable::Block, OnUnreachable::Static, OnUnreachable::Fail] {
        let policy = on(unreachable_policy);
        assert!(questions(&deployed, &proposed, &policy).is_empty());
        let report = check(&deployed, &proposed, &unreachable(), &policy);
        assert_eq!((report.verdict, report.findings.len(), report.holds.len()), (Verdict::Allow, 0, 0));
    }
}

#[test]
fn what_does_not_import_blocks_although_nothing_could_be_seen() {
    let (deployed, proposed) = broken();
    for unreachable_policy in [OnUnreachable::Block, OnUnreachable::Static, OnUnreachable::Fail] {
        let report = check(&deployed, &proposed, &unreachable(), &on(unreachable_policy));
        assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["syntax-error block certain".to_string()]));
    }
}

#[test]
fn a_soft_loss_that_nobody_could_see_waits_in_the_sidecar_only() {
    let deployed = tree("d", &[("dags/etl.py", &mapped("etl", "['a', 'b']"))]);
    let proposed = tree("p", &[("dags/etl.py", &mapped("etl", "['a', 'b', 'c']"))]);
    let held = check(&deployed, &proposed, &unreachable(), &sync_policy());
    assert_eq!((held.verdict, said(&held)), (Verdict::Undecided, vec!["map-count-changed warn assumed".to_string()]));
    let shown = check(&deployed, &proposed, &unreachable(), &policy());
    assert_eq!((shown.verdict, said(&shown)), (Verdict::Allow, vec!["map-count-changed warn assumed".to_string()]));
}

#[test]
fn a_dag_that_the_credentials_may_not_read_is_not_idle() {
    let (deployed, proposed) = rename();
    let mut hidden = instance("default", "2.11.2");
    hidden.dags.insert(DagId::new("etl"), Seen::NotVisible);
    let report = check(&deployed, &proposed, &facts([hidden.clone()]), &policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-renamed block assumed".to_string()]));
    assert!(report.unavailable[0].contains("not visible"), "{:?}", report.unavailable);
    let report = check(&deployed, &proposed, &facts([hidden]), &sync_policy());
    assert_eq!(report.verdict, Verdict::Undecided);
}

#[test]
fn an_instance_that_shows_a_hit_blocks_although_another_is_silent() {
    let (deployed, proposed) = rename();
    let busy = with_runs(instance("busy", "2.11.2"), "etl", vec![run("r1", &[("extract", "success")])]);
    let silent = Instance::unavailable(InstanceName::new("silent"), "timed out");
    let report = check(&deployed, &proposed, &facts([busy, silent]), &sync_policy());
    assert_eq!((report.verdict, said(&report)), (Verdict::Block, vec!["task-id-renamed block certain".to_string()]));
    let idle = instance("idle", "2.11.2");
    let silent = Instance::unavailable(InstanceName::new("silent"), "timed out");
    let report = check(&deployed, &proposed, &facts([idle, silent]), &sync_policy());
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Undecided, vec!["task-id-renamed block assumed".to_string()])
    );
}
