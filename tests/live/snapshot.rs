//! What the REST edge says about a real server is what the server says itself.

mod interrupted;
mod large;

use super::Case;
use super::support::install::Release;
pub(super) use super::support::rest::VIEWER;
use super::support::server::{GATE, Server};
use dagguard::airflow::{
    Access, Allowed, BaseUrl, Check, CredentialCommand, Credentials, PasswordLogin, ask, permissions,
};
use dagguard::facts::{Answer, DagFacts, Details, Extra, Instance, Questions, Seen, StoredValue, ValueKind};
use dagguard::ids::{DagId, InstanceName, TaskId};
use dagguard::secret::{Secret, SecretSource};
use interrupted::{
    a_server_killed_in_the_middle_of_a_snapshot_is_undecided, what_lets_in_may_run_out_between_two_calls,
};
use large::nine_calls_show_250_runs_among_500_dags;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) fn cases(release: &Release) -> Vec<(&'static str, Case)> {
    let mut cases = vec![
        ("a_run_at_its_gate_is_seen_as_it_is", Case::Shared(a_run_at_its_gate_is_seen_as_it_is)),
        ("queued_runs_are_in_flight", Case::Shared(queued_runs_are_in_flight)),
        ("a_wrong_password_is_never_idle", Case::Shared(a_wrong_password_is_never_idle)),
        ("an_unknown_dag_has_no_runs", Case::Shared(an_unknown_dag_has_no_runs)),
        ("a_run_outlives_its_dag_file", Case::Shared(a_run_outlives_its_dag_file)),
        ("each_log_in_is_let_in", Case::Shared(each_log_in_is_let_in)),
        ("each_check_that_a_viewer_lacks_is_said", Case::Shared(each_check_that_a_viewer_lacks_is_said)),
        ("what_lets_in_may_run_out_between_two_calls", Case::Shared(what_lets_in_may_run_out_between_two_calls)),
        (
            "a_server_killed_in_the_middle_of_a_snapshot_is_undecided",
            Case::Alone(a_server_killed_in_the_middle_of_a_snapshot_is_undecided),
        ),
        ("nine_calls_show_250_runs_among_500_dags", Case::Alone(nine_calls_show_250_runs_among_500_dags)),
    ];
    // For Airflow 3 with a provider see `roles`.
    if release.has_roles() {
        let case = Case::Shared(credentials_limited_to_one_dag);
        cases.push(("credentials_limited_to_one_dag_prove_nothing_else", case));
    }
    cases
}

pub(super) fn access(server: &Server, password: &str) -> Access {
    let url = BaseUrl::parse(&server.url()).expect("a URL");
    Access::new(InstanceName::from("live"), url, login(VIEWER, password))
}

fn login(name: &str, password: &str) -> Credentials {
    login_as(name, password, PasswordLogin::Auto)
}

pub(super) fn login_as(name: &str, password: &str, login: PasswordLogin) -> Credentials {
    Credentials::Password { username: name.to_string(), password: Secret::new(password).into(), login }
}

pub(super) fn look(access: &Access, questions: &Questions) -> Instance {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(ask(access, questions))
}

pub(super) fn about(dags: &[&str]) -> Questions {
    Questions { dags: dags.iter().map(|dag| DagId::from(*dag)).collect(), ..Questions::default() }
}

pub(super) fn known<'a>(instance: &'a Instance, dag_id: &str) -> &'a DagFacts {
    match instance.dag(&DagId::from(dag_id)) {
        Seen::Known(facts) => facts,
        other => panic!("{dag_id}: {other:?}"),
    }
}

/// The states of a run's task instances as the edge has them.
pub(super) fn states(facts: &DagFacts, run_id: &str) -> BTreeMap<(String, i64), Option<String>> {
    let run = facts.runs.iter().find(|run| run.run_id.as_str() == run_id).unwrap_or_else(|| panic!("{facts:?}"));
    run.task_instances
        .iter()
        .map(|ti| ((ti.task_id.to_string(), ti.map_index.0), ti.state.word().map(str::to_string)))
        .collect()
}

/// A DAG with a mapped task that has run, a deferred task, a gate, and a mapped task behind it.
fn standing(server: &Server) -> String {
    let sensor = if server.venv.release.major() == 2 {
        "airflow.sensors.date_time"
    } else {
        "airflow.providers.standard.sensors.date_time"
    };
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
from {sensor} import DateTimeSensorAsync
{GATE}
@task
def work(x):
    return [x]

@task
def after(x):
    return x

@dag(dag_id="standing", schedule=None, start_date=datetime(2025, 1, 1))
def standing():
    DateTimeSensorAsync(task_id="defer", target_time="2099-01-01T00:00:00+00:00")
    done = work.expand(x=[1, 2])
    opened = gate()
    done >> opened
    late = work.override(task_id="late_source")(x=3)
    opened >> late
    after.expand(x=late)

standing()
"#
    )
}

pub(super) fn a_run_at_its_gate_is_seen_as_it_is(server: &Server) {
    server.write_dag("standing.py", &standing(server));
    server.rest.wait_for_dag("standing");
    server.rest.trigger("standing", "stand1");
    let at_gate = ["up_for_reschedule", "running", "scheduled", "queued"];
    server.rest.wait_for_task("standing", "stand1", ("work", 1), &["success"]);
    server.rest.wait_for_task("standing", "stand1", ("defer", -1), &["deferred"]);
    server.rest.wait_for_task("standing", "stand1", ("gate", -1), &["up_for_reschedule"]);

    let access = access(server, VIEWER);
    let instance = look(&access, &about(&["standing"]));
    let facts = known(&instance, "standing");
    let mut seen = states(facts, "stand1");
    let mut said = server.rest.task_instances("standing", "stand1");
    // The gate comes and goes; all else stands still.
    let gate = seen.remove(&("gate".to_string(), -1)).flatten().expect("the gate has a state");
    said.remove(&("gate".to_string(), -1));
    assert!(at_gate.contains(&gate.as_str()), "{gate}");
    assert_eq!(seen, said);
    let keys: Vec<(&str, i64)> = seen.keys().map(|(task, index)| (task.as_str(), *index)).collect();
    assert_eq!(keys, [("after", -1), ("defer", -1), ("late_source", -1), ("work", 0), ("work", 1)]);
    let run = &facts.runs[0];
    let deferred = run.task_instances.iter().find(|ti| ti.task_id.as_str() == "defer").expect("listed above");
    assert!(deferred.trigger.as_deref().is_some_and(|path| path.ends_with("DateTimeTrigger")), "{deferred:?}");
    assert_eq!(deferred.operator.as_deref(), Some("DateTimeSensorAsync"));
    assert_eq!((run.state.as_str(), run.run_type.as_deref()), ("running", Some("manual")));
    assert_eq!(facts.is_paused, Some(false));
    assert!(facts.fileloc.as_deref().is_some_and(|file| file.ends_with("standing.py")), "{facts:?}");
    assert_eq!(instance.version.map(|version| version.to_string()).as_deref(), Some(server.venv.release.version));

    on_demand(server, &access);

    // Asking about everything sees it too, and shows that there is nothing else.
    let all = look(&access, &Questions { all_dags: true, ..Questions::default() });
    assert_eq!(all.others, Seen::Known(()), "a Viewer reads all DAGs");
    assert_eq!(states(known(&all, "standing"), "stand1").len(), 6);
    // Pausing a DAG does not end its runs.
    server.rest.set_paused("standing", true);
    let paused = look(&access, &about(&["standing"]));
    assert_eq!((known(&paused, "standing").is_paused, known(&paused, "standing").runs.len()), (Some(true), 1));
}

/// What is asked for beside the runs, of the run that stands at its gate.
fn on_demand(server: &Server, access: &Access) {
    let extras = [Extra::Tasks, Extra::Durations, Extra::ImportErrors, Extra::Assets];
    let work =
        StoredValue { dag_id: DagId::from("standing"), task_id: TaskId::from("work"), key: "return_value".to_string() };
    let questions = Questions { extras: extras.into(), values: [work].into(), ..about(&["standing"]) };
    let instance = look(access, &questions);
    let Details { tasks, durations, values, import_errors, assets, pool_slots: _ } = &instance.details;
    let Answer::Checked(tasks) = &tasks[0].answer else { panic!("{tasks:?}") };
    let mapped: Vec<(&str, bool)> = tasks.iter().map(|task| (task.task_id.as_str(), task.is_mapped)).collect();
    assert_eq!(mapped, [("after", true), ("defer", false), ("gate", false), ("late_source", false), ("work", true)]);
    assert!(tasks.iter().any(|task| task.operator == "DateTimeSensorAsync" && task.module.is_some()));
    assert_eq!(durations[0].answer, Answer::Checked(Vec::new()), "no run of it has ended");
    assert!(matches!(import_errors, Some(Answer::Checked(_))), "{import_errors:?}");
    assert!(matches!(assets, Some(Answer::Checked(_))), "{assets:?}");
    assert!(known(&instance, "standing").last_parsed.is_some());
    match &values[0].types {
        Answer::Checked(types) => {
            let kinds: Vec<(i64, ValueKind)> = types.iter().map(|one| (one.map_index.0, one.kind)).collect();
            assert_eq!(kinds, [(0, ValueKind::Array), (1, ValueKind::Array)]);
        }
        Answer::NotChecked(reason) => {
            assert!(server.venv.release.version.starts_with("2.6") && reason.contains("this release"), "{reason}");
        }
    }
}

fn queued_runs_are_in_flight(server: &Server) {
    server.write_dag(
        "narrow.py",
        &format!(
            r#"
from datetime import datetime
from airflow.decorators import dag, task
{GATE}
@dag(dag_id="narrow", schedule=None, start_date=datetime(2025, 1, 1), max_active_runs=1)
def narrow():
    gate()

narrow()
"#
        ),
    );
    server.rest.wait_for_dag("narrow");
    server.rest.trigger("narrow", "first");
    server.rest.wait_for_task("narrow", "first", ("gate", -1), &["up_for_reschedule"]);
    server.rest.trigger("narrow", "second");
    let instance = look(&access(server, VIEWER), &about(&["narrow"]));
    let runs: Vec<(&str, &str, usize)> = known(&instance, "narrow")
        .runs
        .iter()
        .map(|run| (run.run_id.as_str(), run.state.as_str(), run.task_instances.len()))
        .collect();
    // A queued run has its task instances already.
    assert_eq!(runs, [("first", "running", 1), ("second", "queued", 1)]);
    server.open_gate("first");
    server.open_gate("second");
    assert_eq!(server.rest.wait_for_end("narrow", "second"), "success");
    let instance = look(&access(server, VIEWER), &about(&["narrow"]));
    assert!(known(&instance, "narrow").runs.is_empty(), "what has ended is not in flight");
}

pub(super) fn a_wrong_password_is_never_idle(server: &Server) {
    for questions in [about(&["standing"]), Questions { all_dags: true, ..Questions::default() }] {
        let instance = look(&access(server, "wrong"), &questions);
        match instance.dag(&DagId::from("standing")) {
            Seen::Unavailable(reason) => assert!(reason.contains("DAGGUARD_AIRFLOW_PASSWORD"), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert!(!matches!(instance.others, Seen::Known(())));
    }
}

/// Nobody is known to the server by these credentials alone, so an answer means that they let in.
pub(super) fn each_log_in_is_let_in(server: &Server) {
    let password =
        |login| Credentials::Password { username: VIEWER.to_string(), password: Secret::new(VIEWER).into(), login };
    let command = |script: String| {
        let argv = ["sh", "-c", &script].map(str::to_string).to_vec();
        Credentials::Command(CredentialCommand { argv, limit: Duration::from_secs(20) })
    };
    let mut all = vec![("password", password(PasswordLogin::Auto))];
    if server.venv.release.major() == 2 {
        all.push(("basic", password(PasswordLogin::Basic)));
        all.push(("session", password(PasswordLogin::Session)));
        let basic = "echo 'Authorization: Basic dmlld2VyOnZpZXdlcg=='".to_string();
        all.push(("command", command(basic)));
    } else {
        let token = server.rest.bearer();
        let file = server.home().join("token");
        std::fs::write(&file, format!("{token}\n")).expect("a writable home");
        all.push(("token", Credentials::Bearer(Secret::new(token.clone()).into())));
        all.push(("token in a file", Credentials::Bearer(SecretSource::File(file))));
        all.push(("command", command(format!("echo {token}"))));
        // The first token is no good any more: the command is asked for another.
        let flag = server.home().join("renewed");
        let renewed =
            format!("test -e '{0}' && echo {token} || {{ touch '{0}'; echo expired.to.ken; }}", flag.display());
        all.push(("command, renewed", command(renewed)));
    }
    for (name, credentials) in all {
        let access = Access { credentials, ..access(server, VIEWER) };
        let instance = look(&access, &about(&["nobody_knows_it"]));
        assert!(matches!(instance.dag(&DagId::from("nobody_knows_it")), Seen::Known(_)), "{name}: {instance:?}");
    }
}

pub(super) fn each_check_that_a_viewer_lacks_is_said(server: &Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let said = runtime.block_on(permissions(&access(server, VIEWER)));
    let checks = said.checks.clone().expect("it was reached");
    for (check, allowed) in &checks {
        let expected = match check {
            Check::Variables | Check::Connections => Allowed::No,
            // Airflow 2.6 does not show pools to a Viewer.
            Check::Pools if server.venv.release.version.starts_with("2.6") => Allowed::No,
            _ => Allowed::Yes,
        };
        assert_eq!(*allowed, expected, "{check:?}: {said:?}");
    }
}

pub(super) fn an_unknown_dag_has_no_runs(server: &Server) {
    let instance = look(&access(server, VIEWER), &about(&["nobody_knows_it"]));
    assert_eq!(known(&instance, "nobody_knows_it"), &DagFacts::default());
}

/// The proof of visibility rests on this: who may read single DAGs gets 403 for all others, those
/// that do not exist among them.
pub(super) fn credentials_limited_to_one_dag(server: &Server) {
    server.rest.make_role("Team", "team", &["DAG Runs", "Task Instances"]);
    for (dag_id, access) in [("team", r#", access_control={"Team": {"can_read"}}"#), ("private", "")] {
        let text = format!(
            r#"
from datetime import datetime
from airflow.decorators import dag, task
{GATE}
@dag(dag_id="{dag_id}", schedule=None, start_date=datetime(2025, 1, 1){access})
def pipeline():
    gate()

pipeline()
"#
        );
        server.write_dag(&format!("{dag_id}.py"), &text);
    }
    for dag_id in ["team", "private"] {
        server.rest.wait_for_dag(dag_id);
        server.rest.trigger(dag_id, &format!("{dag_id}1"));
    }
    let mut access = access(server, "team");
    access.credentials = login("team", "team");
    let dags = ["nobody_knows_it", "private", "team"];
    for questions in [about(&dags), Questions { all_dags: true, ..about(&dags) }] {
        let instance = look(&access, &questions);
        assert_eq!(known(&instance, "team").runs.len(), 1, "{instance:?}");
        assert_eq!(instance.dag(&DagId::from("private")), Seen::NotVisible, "{instance:?}");
        assert_eq!(instance.dag(&DagId::from("nobody_knows_it")), Seen::NotVisible, "{instance:?}");
        assert!(!matches!(instance.others, Seen::Known(())), "{instance:?}");
    }
    // Runs that wait for ever would take the executor's time from other cases.
    server.open_gate("team1");
    server.open_gate("private1");
}

fn a_run_outlives_its_dag_file(server: &Server) {
    server.write_dag(
        "orphan.py",
        &format!(
            r#"
from datetime import datetime
from airflow.decorators import dag, task
{GATE}
@dag(dag_id="orphan", schedule=None, start_date=datetime(2025, 1, 1))
def orphan():
    gate()

orphan()
"#
        ),
    );
    server.rest.wait_for_dag("orphan");
    server.rest.trigger("orphan", "left");
    server.rest.wait_for_task("orphan", "left", ("gate", -1), &["up_for_reschedule"]);
    std::fs::remove_file(server.home().join("dags/orphan.py")).expect("the file written above");
    server.rest.wait_until_stale("orphan");
    let access = access(server, VIEWER);
    for questions in [about(&["orphan"]), Questions { all_dags: true, ..Questions::default() }] {
        let instance = look(&access, &questions);
        assert_eq!(states(known(&instance, "orphan"), "left").len(), 1);
    }
}
