//! An Airflow of the size that was measured: 250 runs in flight with 4,000 task instances, among 500
//! DAGs. They are written into its database: no scheduler would make them in seconds.

use super::{VIEWER, about, access, known, look};
use crate::support::relay::{Passed, Relay};
use crate::support::server::Server;
use dagguard::airflow::{Access, BaseUrl};
use dagguard::facts::{Describe, Instance, Questions, Seen};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

const RUNS: usize = 250;
const TASKS: usize = 16;
const DAGS: usize = 500;

/// A DAG whose runs the scheduler leaves alone, because it is paused.
const CROWD: &str = r#"
from datetime import datetime
from airflow.decorators import dag, task

@task
def step():
    pass

@dag(dag_id="crowd", schedule=None, start_date=datetime(2025, 1, 1), is_paused_upon_creation=True)
def crowd():
    for number in range(16):
        step.override(task_id=f"step_{number}")()

crowd()
"#;

/// Makes copies of the run `crowd0` and of the DAG, or takes all of them away.
const SEED: &str = r#"
import datetime, sqlite3, sys, uuid
path, runs, dags = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
con = sqlite3.connect(path, timeout=120)
con.row_factory = sqlite3.Row

def rows(table, **where):
    where = " and ".join(f"{name} = '{value}'" for name, value in where.items())
    return [dict(row) for row in con.execute(f"select * from {table} where {where}")]

def insert(table, rows):
    names = list(rows[0])
    places = ", ".join("?" for _ in names)
    con.executemany(f"insert into {table} ({', '.join(names)}) values ({places})", [list(row.values()) for row in rows])

if runs:
    [run], tasks, [dag] = rows("dag_run", run_id="crowd0"), rows("task_instance", run_id="crowd0"), rows("dag", dag_id="crowd")
    states = ["success", None, "up_for_retry", "skipped"]
    new_runs, new_tasks = [], []
    for number in range(1, runs):
        copy = {**run, "run_id": f"crowd{number}", "state": "running" if number % 2 else "queued"}
        del copy["id"]
        for date in ("execution_date", "logical_date"):
            if copy.get(date):
                moved = datetime.datetime.fromisoformat(copy[date]) + datetime.timedelta(minutes=number)
                copy[date] = moved.strftime("%Y-%m-%d %H:%M:%S.%f")
        new_runs.append(copy)
        for place, task in enumerate(sorted(tasks, key=lambda task: task["task_id"])):
            copy = {**task, "run_id": f"crowd{number}", "state": states[place % 4]}
            if "id" in copy:
                copy["id"] = uuid.uuid4().hex if len(task["id"]) == 32 else str(uuid.uuid4())
            new_tasks.append(copy)
    with con:
        insert("dag_run", new_runs)
        insert("task_instance", new_tasks)
        insert("dag", [{**dag, "dag_id": f"crowd_copy_{number}"} for number in range(dags)])
else:
    with con:
        con.execute("delete from task_instance where dag_id = 'crowd'")
        con.execute("delete from dag_run where dag_id = 'crowd'")
        con.execute("delete from dag where dag_id like 'crowd_copy_%'")
"#;

/// Runs a script with the Python of the release.
pub(super) fn python(server: &Server, script: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(server.venv.bin().join("python"));
    let output = command.args(["-c", script]).args(arguments).output().expect("the release's own Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// The server's database.
pub(super) fn database(server: &Server) -> String {
    server.home().join("airflow.db").display().to_string()
}

/// The same access, through a relay.
pub(super) fn through(relay: &Relay, access: Access) -> Access {
    Access { url: BaseUrl::parse(relay.url()).expect("a URL"), ..access }
}

/// Nanoseconds that this thread was on a processor, as Linux tells them.
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|time| time.parse().ok()).unwrap_or(0)
}

/// A whole snapshot by new credentials that did not have to be repeated: runs of other cases begin
/// and end, and then the list of runs moves while it is read.
fn undisturbed(server: &Server, relay: &Relay) -> (Access, Instance, Vec<Passed>) {
    const ATTEMPTS: usize = 12;
    let everything = Questions { all_dags: true, describe: Describe::Cheaply, ..Questions::default() };
    for _ in 0..ATTEMPTS {
        relay.passed();
        let access = through(relay, access(server, VIEWER));
        let (begin, processor) = (Instant::now(), on_processor());
        let instance = look(&access, &everything);
        let (wall, processor) = (begin.elapsed(), on_processor() - processor);
        let (cost, passed) = (access.memory.cost(), relay.passed());
        assert_eq!(passed.len(), cost.calls, "{passed:?}");
        if passed.iter().filter(|(path, _)| path.contains("dagRuns/list")).count() > 2 {
            continue;
        }
        assert_eq!(instance.others, Seen::Known(()), "{passed:?}");
        eprintln!(
            "airflow-{}: a whole snapshot: {} calls, {} KiB, {:.1} ms of processor time, {:.1} s",
            server.venv.release.version,
            cost.calls,
            cost.bytes >> 10,
            f64::from(u32::try_from(processor / 1_000).unwrap_or(u32::MAX)) / 1e3,
            wall.as_secs_f32()
        );
        return (access, instance, passed);
    }
    panic!("the list of runs moved in each of {ATTEMPTS} snapshots");
}

pub(super) fn nine_calls_show_250_runs_among_500_dags(server: &mut Server) {
    server.write_dag("crowd.py", CROWD);
    server.rest.wait_for_dag("crowd");
    server.rest.trigger("crowd", "crowd0");
    let before = server.rest.get("/dags?limit=1").expect("a list of DAGs")["total_entries"].as_u64().unwrap_or(0);
    let dags = DAGS - usize::try_from(before).expect("few DAGs");
    python(server, SEED, &[&database(server), &RUNS.to_string(), &dags.to_string()]);

    let relay = Relay::start(&server.url(), |_| {});
    let (access, instance, passed) = undisturbed(server, &relay);
    assert!(passed.len() <= 9, "{passed:?}");
    let crowd = known(&instance, "crowd");
    assert_eq!(crowd.runs.len(), RUNS);
    let mut states: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let of_copies = crowd.runs.iter().filter(|run| run.run_id.as_str() != "crowd0");
    for task in of_copies.flat_map(|run| &run.task_instances) {
        *states.entry(task.state.word()).or_default() += 1;
    }
    let quarter = (RUNS - 1) * TASKS / 4;
    let all = [None, Some("skipped"), Some("success"), Some("up_for_retry")];
    assert_eq!(states, all.into_iter().map(|state| (state, quarter)).collect());
    assert_eq!(crowd.runs.iter().map(|run| run.task_instances.len()).sum::<usize>(), RUNS * TASKS);

    // One affected DAG: four calls and one, and one more for each further part of its runs; the log-in
    // and the version of the other API come once.
    let few = look(&access, &about(&["crowd_copy_1"]));
    assert_eq!(known(&few, "crowd_copy_1").runs.len(), 0);
    let passed = relay.passed();
    let log_in = passed.iter().filter(|(path, _)| path.contains("/login/") || path == "/auth/token").count();
    // Without runs there are no task instances to ask for.
    assert_eq!(passed.len() - log_in, 4, "{passed:?}");
    python(server, SEED, &[&database(server), "0", "0"]);
}
