//! The guarded sync end to end: a real branch, the real program, a real Airflow.

use super::Case;
use super::support::branch::Branch;
use super::support::server::{GATE, Server};
use super::support::syncer::{Line, Syncer};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    vec![
        ("a_rename_waits_for_the_run_that_it_would_hurt", Case::Alone(a_rename_waits_for_the_run)),
        ("an_api_that_is_down_is_not_an_idle_airflow", Case::Alone(an_api_that_is_down_is_not_idle)),
        ("a_change_of_shared_code_is_seen_without_a_restart", Case::Alone(shared_code_is_fresh)),
    ]
}

/// Seconds between two polls of the syncers here.
const INTERVAL: u64 = 2;
/// A first delivery is made whatever is found, and runs of other cases may be in flight.
const FIRST: &str = "success|unjudged";
/// For a pass; the machine may be busy with three servers.
const LIMIT: Duration = Duration::from_mins(1);

fn content(dag_id: &str) -> String {
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
from pipeline.steps import shout
{GATE}
@task
def extract():
    return "rows"

@task
def load(rows):
    print(shout(rows))

@dag(dag_id="{dag_id}", schedule=None, start_date=datetime(2025, 1, 1))
def pipeline():
    rows = extract()
    opened = gate()
    rows >> opened
    opened >> load(rows)

pipeline()
"#
    )
}

const SHARED: &str = "def shout(text):\n    return text.upper()\n";

/// An empty home to deliver into, the branch, and what `dagguard` needs to be told.
struct Stage {
    branch: Branch,
    folder: PathBuf,
    variables: BTreeMap<&'static str, String>,
}

impl Stage {
    fn new(server: &Server, name: &str) -> Self {
        for root in ["dags", "plugins", ".dagguard"] {
            let _ = fs::remove_dir_all(server.home().join(root));
        }
        let folder = server.home().join(format!("stage-{name}"));
        let branch = Branch::new(&folder);
        let mut variables = server.variables();
        variables.insert("CONTENT_SYNCER_GIT_REPO_SOURCE", branch.source());
        variables.insert("CONTENT_SYNCER_GIT_REPO_FOLDER", folder.join("store").to_string_lossy().into_owned());
        variables.insert("CONTENT_SYNCER_INTERVAL", INTERVAL.to_string());
        Self { branch, folder, variables }
    }

    fn sync(&self) -> Syncer {
        Syncer::start(&self.folder, &self.variables)
    }
}

fn deployed(server: &Server, path: &str) -> String {
    fs::read_to_string(server.home().join(path)).unwrap_or_default()
}

/// Pushes the file with a comment more, and waits until that is delivered; its text.
fn comment_is_delivered(stage: &Stage, server: &Server, syncer: &mut Syncer, (file, text): (&str, &str)) -> String {
    let seen = syncer.lines().len();
    let commented = format!("# A word about the pipeline.\n{text}");
    let harmless = stage.branch.push("a comment", &[(file, &commented)]);
    syncer.wait_for_pass(seen, &harmless, "success", LIMIT);
    assert_eq!(deployed(server, file), commented);
    commented
}

/// Pushes the file with `load` under another name, and waits until that is held; its revision,
/// its text and what the syncer said.
fn rename_is_held(stage: &Stage, syncer: &mut Syncer, (file, text): (&str, &str)) -> (String, String, Vec<Line>) {
    let seen = syncer.lines().len();
    let renamed_text = text.replace("def load(", "def load_all(").replace(">> load(", ">> load_all(");
    let renamed = stage.branch.push("a rename", &[(file, &renamed_text)]);
    let held = syncer.wait_for_pass(seen, &renamed, "blocked", LIMIT);
    (renamed, renamed_text, held)
}

/// The reason of the hold that this pass logged.
fn reason(lines: &[Line]) -> String {
    let reasons: Vec<String> = lines.iter().filter_map(|line| line.field("reason")).collect();
    reasons.join("\n")
}

fn a_rename_waits_for_the_run(server: &mut Server) {
    let stage = Stage::new(server, "rename");
    let (dag_id, file) = ("guarded", "dags/guarded.py");
    let text = content(dag_id);
    let first = stage.branch.push("first", &[(file, &text), ("shared/pipeline/steps.py", SHARED)]);
    let mut syncer = stage.sync();
    let first_pass = syncer.wait_for_pass(0, &first, FIRST, LIMIT);
    assert!(first_pass.iter().any(|line| line.message() == format!("Updating to revision {first}")), "{first_pass:?}");
    server.rest.wait_for_dag(dag_id);
    server.rest.trigger(dag_id, "r1");
    server.rest.wait_for_task(dag_id, "r1", ("gate", -1), &["up_for_reschedule"]);

    // Harmless while the run stands at its gate: delivered.
    let commented = comment_is_delivered(&stage, server, &mut syncer, (file, &text));

    // A task that has not run gets another name: held, with the rule and the run.
    let (renamed, renamed_text, held) = rename_is_held(&stage, &mut syncer, (file, &commented));
    let said = reason(&held);
    assert!(said.contains("task-id-renamed") && said.contains("r1") && said.contains("load_all"), "{said}");
    assert_eq!(deployed(server, file), commented);

    // The run ends as it began, and the rename follows by itself within one poll.
    server.open_gate("r1");
    assert_eq!(server.rest.wait_for_end(dag_id, "r1"), "success");
    let (ended, heard) = (Instant::now(), syncer.lines().len());
    let states = server.rest.task_instances(dag_id, "r1");
    assert_eq!(states.get(&("load".to_string(), -1)), Some(&Some("success".to_string())), "{states:?}");
    assert_eq!(states.len(), 3, "{states:?}");
    syncer.wait_for_pass(0, &renamed, "success", LIMIT);
    // One pass may have looked just before the end; the next one delivers.
    let lines = syncer.lines();
    let blocked = lines[heard..].iter().filter(|line| line.field("outcome").as_deref() == Some("blocked")).count();
    assert!(blocked <= 1, "{blocked} passes held it after the run had ended");
    eprintln!("released {:.1} s after the run had ended, polling every {INTERVAL} s", ended.elapsed().as_secs_f64());
    assert_eq!(deployed(server, file), renamed_text);
}

fn an_api_that_is_down_is_not_idle(server: &mut Server) {
    let stage = Stage::new(server, "down");
    let (dag_id, file) = ("unwatched", "dags/unwatched.py");
    let text = content(dag_id);
    let first = stage.branch.push("first", &[(file, &text), ("shared/pipeline/steps.py", SHARED)]);
    let mut syncer = stage.sync();
    syncer.wait_for_pass(0, &first, FIRST, LIMIT);
    server.kill_api();

    // Nobody needs to be asked about a comment.
    let commented = comment_is_delivered(&stage, server, &mut syncer, (file, &text));

    let (renamed, renamed_text, held) = rename_is_held(&stage, &mut syncer, (file, &commented));
    assert!(reason(&held).contains("not known"), "{}", reason(&held));
    assert_eq!(deployed(server, file), commented);

    // A pod that starts now gets its content all the same, and the log says that nobody looked.
    let home = stage.folder.join("fresh");
    let output = once(&stage, &home);
    assert_eq!(output.0, 0, "{}", output.1);
    assert!(output.1.contains("\"outcome\":\"unjudged\""), "{}", output.1);
    assert_eq!(fs::read_to_string(home.join(file)).unwrap_or_default(), renamed_text);
    assert_eq!(fs::read_to_string(home.join("plugins/pipeline/steps.py")).unwrap_or_default(), SHARED);

    // Back again, and nothing in flight: the rename is delivered.
    let seen = syncer.lines().len();
    server.start_api().and_then(|()| server.wait_for_api()).unwrap_or_else(|error| panic!("{error}"));
    syncer.wait_for_pass(seen, &renamed, "success", LIMIT);
    assert_eq!(deployed(server, file), renamed_text);
}

/// A DAG whose one task is named by its own text and by a value of shared code.
fn named(dag_id: &str, text: &str) -> String {
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
from {dag_id}_values.value import VALUE

@dag(dag_id="{dag_id}", schedule=None, start_date=datetime(2025, 1, 1))
def pipeline():
    @task(task_id="{text}_" + VALUE)
    def only():
        return VALUE

    only()

pipeline()
"#
    )
}

/// Shared code and DAG change in one commit (R9): with our part of `plugins/.airflowignore` the
/// long-running parser sees both, without it the new text with the old value, until a restart.
fn shared_code_is_fresh(server: &mut Server) {
    for (dag_id, keeps) in [("kept_fresh", true), ("left_stale", false)] {
        let mut stage = Stage::new(server, dag_id);
        if !keeps {
            stage.variables.insert("DAGGUARD_NO_PLUGINS_IGNORE", "1".to_string());
        }
        let (file, shared) = (format!("dags/{dag_id}.py"), format!("shared/{dag_id}_values/value.py"));
        // The loader knows what it finds by the stem of its file: only what that imports in turn stays under
        // the name by which a DAG asks for it.
        let operator = format!("plugins/operators/{dag_id}_operator.py");
        let importing = format!("from {dag_id}_values.value import VALUE\n");
        let first = stage
            .branch
            .push("first", &[(&file, &named(dag_id, "one")), (&shared, "VALUE = 'one'\n"), (&operator, &importing)]);
        let mut syncer = stage.sync();
        syncer.wait_for_pass(0, &first, FIRST, LIMIT);
        assert_eq!(server.home().join("plugins/.airflowignore").exists(), keeps);
        server.restart_parser().unwrap_or_else(|error| panic!("{error}"));
        server.rest.wait_for_dag(dag_id);
        server.rest.wait_for_tasks(dag_id, &["one_one"]);
        let seen = syncer.lines().len();
        let second = stage.branch.push("second", &[(&file, &named(dag_id, "two")), (&shared, "VALUE = 'two'\n")]);
        let pass = syncer.wait_for_pass(seen, &second, "success", LIMIT);
        let stale: Vec<String> = pass
            .iter()
            .filter(|line| line.message().contains("until a restart"))
            .filter_map(|line| line.field("path"))
            .collect();
        let delivered = Instant::now();
        if keeps {
            assert_eq!(stale, Vec::<String>::new());
            server.rest.wait_for_tasks(dag_id, &["two_two"]);
        } else {
            assert_eq!(stale, [format!("plugins/{dag_id}_values/value.py")]);
            server.rest.wait_for_tasks(dag_id, &["two_one"]);
            server.restart_parser().unwrap_or_else(|error| panic!("{error}"));
            server.rest.wait_for_tasks(dag_id, &["two_two"]);
        }
        eprintln!("{dag_id}: as expected {:.1} s after the delivery", delivered.elapsed().as_secs_f64());
    }
}

/// `dagguard once` into another home: exit code and log.
fn once(stage: &Stage, home: &Path) -> (i32, String) {
    fs::create_dir_all(home).expect("a writable stage");
    let output = Command::new(env!("CARGO_BIN_EXE_dagguard"))
        .arg("once")
        .envs(&stage.variables)
        .env("AIRFLOW_HOME", home)
        .env("CONTENT_SYNCER_GIT_REPO_FOLDER", home.join("store"))
        .env("DAGGUARD_LOG_FORMAT", "json")
        .output()
        .expect("the program was built for this test");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}
