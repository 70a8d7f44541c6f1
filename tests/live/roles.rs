//! Airflow 3 with users and roles of the provider FAB. It is installed for its run alone and taken
//! away after it.

use super::Case;
use super::snapshot::{
    VIEWER, a_run_at_its_gate_is_seen_as_it_is, a_wrong_password_is_never_idle, about, access,
    an_unknown_dag_has_no_runs, credentials_limited_to_one_dag, each_check_that_a_viewer_lacks_is_said,
    each_log_in_is_let_in, known, login_as, look,
};
use super::support::server::{GATE, Server};
use dagguard::airflow::{Access, CredentialCommand, Credentials, PasswordLogin};
use dagguard::facts::{Questions, Seen};
use dagguard::ids::DagId;
use std::time::Duration;

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    let case = Case::Shared(roles_show_what_they_read_and_no_more);
    vec![("roles_of_the_fab_provider_show_what_they_read_and_no_more", case)]
}

/// One case for all: what comes first are those of every release.
fn roles_show_what_they_read_and_no_more(server: &Server) {
    a_run_at_its_gate_is_seen_as_it_is(server);
    a_wrong_password_is_never_idle(server);
    an_unknown_dag_has_no_runs(server);
    each_check_that_a_viewer_lacks_is_said(server);
    each_log_in_is_let_in(server);
    credentials_limited_to_one_dag(server);

    server.write_dag("kept.py", &standing("kept"));
    server.write_dag("foreign.py", &standing("foreign"));
    for dag_id in ["kept", "foreign"] {
        server.rest.wait_for_dag(dag_id);
        server.rest.trigger(dag_id, &format!("{dag_id}1"));
    }
    basic_authentication_is_undecided(server);
    what_a_role_lacks_is_never_idle(server);
    a_permission_taken_away_is_never_idle(server);
    server.open_gate("kept1");
    server.open_gate("foreign1");
}

/// A DAG whose runs stay in flight.
fn standing(dag_id: &str) -> String {
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
{GATE}
@dag(dag_id="{dag_id}", schedule=None, start_date=datetime(2025, 1, 1))
def pipeline():
    gate()

pipeline()
"#
    )
}

/// The provider does not take it below `/api/v2`; user and password become a token all the same.
fn basic_authentication_is_undecided(server: &Server) {
    let basic = "echo 'Authorization: Basic dmlld2VyOnZpZXdlcg=='";
    let argv = ["sh", "-c", basic].map(str::to_string).to_vec();
    let credentials = Credentials::Command(CredentialCommand { argv, limit: Duration::from_secs(20) });
    let instance = look(&Access { credentials, ..access(server, VIEWER) }, &about(&["kept"]));
    assert!(matches!(instance.dag(&DagId::from("kept")), Seen::Unavailable(_)), "{instance:?}");

    let credentials = login_as(VIEWER, VIEWER, PasswordLogin::Basic);
    let instance = look(&Access { credentials, ..access(server, VIEWER) }, &about(&["kept"]));
    assert_eq!(known(&instance, "kept").runs.len(), 1, "{instance:?}");
}

/// Roles that read a part: for what they read, the run is there; nothing else is without runs.
fn what_a_role_lacks_is_never_idle(server: &Server) {
    let roles: [(&str, &[&str], &[&str]); 6] = [
        ("one", &["DAG:kept", "DAG Runs", "Task Instances"], &["kept"]),
        ("all", &["DAGs", "DAG Runs", "Task Instances"], &["foreign", "kept"]),
        ("no_runs", &["DAGs"], &[]),
        ("no_runs_of_one", &["DAG:kept"], &[]),
        // Lists need the permission for the runs of all DAGs.
        ("runs_of_one", &["DAGs", "DAG Run:kept", "Task Instances"], &[]),
        ("no_dags", &["DAG Runs", "Task Instances"], &[]),
    ];
    for (name, may_read, visible) in roles {
        server.rest.make_role(name, name, may_read);
        let access = Access { credentials: login_as(name, name, PasswordLogin::Auto), ..access(server, name) };
        for all_dags in [false, true] {
            let questions = Questions { all_dags, ..about(&["foreign", "kept", "nobody_knows_it"]) };
            let instance = look(&access, &questions);
            for dag_id in ["foreign", "kept", "nobody_knows_it"] {
                let said = instance.dag(&DagId::from(dag_id));
                match said {
                    Seen::Known(facts) if visible.contains(&dag_id) => assert_eq!(facts.runs.len(), 1, "{name}"),
                    Seen::Known(facts) => assert!(name == "all" && facts.runs.is_empty(), "{name}: {instance:?}"),
                    _ => assert!(!visible.contains(&dag_id), "{name}: {dag_id}: {said:?}"),
                }
            }
            assert_eq!(all_dags && name == "all", instance.others == Seen::Known(()), "{name}: {instance:?}");
        }
        let instance = look(&access, &about(&["foreign"]));
        if name == "one" {
            assert_eq!(instance.dag(&DagId::from("foreign")), Seen::NotVisible, "{instance:?}");
        }
    }
}

/// The provider keeps a user's permissions for 30 s where a DAG is asked for by name, and reads them
/// anew for lists: in between the DAG is there by name, and no list has its runs.
fn a_permission_taken_away_is_never_idle(server: &Server) {
    let all = ["DAG:kept", "DAG:foreign", "DAG Runs", "Task Instances"];
    server.rest.make_role("Leaving", "leaving", &all);
    let access =
        Access { credentials: login_as("leaving", "leaving", PasswordLogin::Auto), ..access(server, "leaving") };
    assert_eq!(known(&look(&access, &about(&["foreign", "kept"])), "foreign").runs.len(), 1);
    server.rest.change_role("Leaving", &["DAG:kept", "DAG Runs", "Task Instances"]);
    for _ in 0..2 {
        let instance = look(&access, &about(&["foreign", "kept"]));
        assert_eq!(known(&instance, "kept").runs.len(), 1, "{instance:?}");
        assert_eq!(instance.dag(&DagId::from("foreign")), Seen::NotVisible, "{instance:?}");
    }
}
