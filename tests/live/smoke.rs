//! Releases between those that every case runs on: found, logged in to, and seen as they are. Each is
//! installed for its run alone and taken away after it.

use super::Case;
use super::snapshot::{VIEWER, about, access, known, login_as, look, states};
use super::support::server::Server;
use dagguard::airflow::{Access, PasswordLogin};
use dagguard::facts::{Describe, Questions, Seen};
use dagguard::ids::DagId;

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    vec![("mapped_and_deferred_tasks_of_another_release_are_seen", Case::Shared(mapped_and_deferred_tasks_are_seen))]
}

/// A run that stays in flight by its deferred task; written for the oldest release, too.
fn text(server: &Server) -> String {
    let version = server.venv.release.version;
    let sensor = match server.venv.release.major() {
        2 => "airflow.sensors.date_time",
        _ => "airflow.providers.standard.sensors.date_time",
    };
    let schedule = if version.starts_with("2.3") { "schedule_interval" } else { "schedule" };
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
from {sensor} import DateTimeSensorAsync

@task
def work(x):
    return [x]

@dag(dag_id="smoke", {schedule}=None, start_date=datetime(2025, 1, 1))
def smoke():
    DateTimeSensorAsync(task_id="defer", target_time="2099-01-01T00:00:00+00:00")
    work.expand(x=[1, 2])

in_the_module = smoke()
"#
    )
}

fn mapped_and_deferred_tasks_are_seen(server: &Server) {
    server.write_dag("smoke.py", &text(server));
    server.rest.wait_for_dag("smoke");
    server.rest.trigger("smoke", "smoke1");
    server.rest.wait_for_task("smoke", "smoke1", ("work", 0), &["success"]);
    server.rest.wait_for_task("smoke", "smoke1", ("work", 1), &["success"]);
    server.rest.wait_for_task("smoke", "smoke1", ("defer", -1), &["deferred"]);

    let kinds = match server.venv.release.major() {
        2 => vec![PasswordLogin::Auto, PasswordLogin::Basic, PasswordLogin::Session],
        _ => vec![PasswordLogin::Auto],
    };
    for kind in kinds {
        let access = Access { credentials: login_as(VIEWER, VIEWER, kind), ..access(server, VIEWER) };
        let everything = Questions { all_dags: true, describe: Describe::Cheaply, ..Questions::default() };
        for questions in [about(&["smoke", "nobody_knows_it"]), everything] {
            let instance = look(&access, &questions);
            let version = instance.version.map(|version| version.to_string());
            assert_eq!(version.as_deref(), Some(server.venv.release.version), "{instance:?}");
            let facts = known(&instance, "smoke");
            assert_eq!(states(facts, "smoke1"), server.rest.task_instances("smoke", "smoke1"), "{kind:?}");
            let deferred = facts.runs[0].task_instances.iter().find(|task| task.task_id.as_str() == "defer");
            let trigger = deferred.and_then(|task| task.trigger.as_deref());
            // 2.3 says of a deferred task that it is, and not for what.
            let says_trigger = !server.venv.release.version.starts_with("2.3");
            assert_eq!(trigger.is_some_and(|path| path.ends_with("DateTimeTrigger")), says_trigger, "{instance:?}");
            let unknown = instance.dag(&DagId::from("nobody_knows_it"));
            assert!(matches!(unknown, Seen::Known(dag) if dag.runs.is_empty()), "{kind:?}: {instance:?}");
        }
        let cost = access.memory.cost();
        assert!(cost.calls <= 18, "{kind:?}: {cost:?}");
    }
    // A wrong password is not an idle Airflow.
    let instance = look(&access(server, "wrong"), &about(&["smoke"]));
    assert!(matches!(instance.dag(&DagId::from("smoke")), Seen::Unavailable(_)), "{instance:?}");
}
