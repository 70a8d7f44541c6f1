//! What happens between two calls of a snapshot: the server goes, what lets in runs out.

use super::large::{database, python, through};
use super::{VIEWER, about, access, known, look};
use crate::support::relay::Relay;
use crate::support::server::{GATE, Server};
use dagguard::airflow::{Access, CredentialCommand, Credentials};
use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::facts::{Facts, Instance, Seen};
use dagguard::ids::DagId;
use dagguard::report::Verdict;
use dagguard::rules::{OnUnreachable, Policy};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

fn text(dag_id: &str, task_id: &str) -> String {
    format!(
        r#"
from datetime import datetime
from airflow.decorators import dag, task
{GATE}
@task(task_id="{task_id}")
def last():
    pass

@dag(dag_id="{dag_id}", schedule=None, start_date=datetime(2025, 1, 1))
def pipeline():
    gate() >> last()

pipeline()
"#
    )
}

/// Starts a run that stays at its gate.
fn stand(server: &Server, dag_id: &str, run_id: &str) {
    server.write_dag(&format!("{dag_id}.py"), &text(dag_id, "last"));
    server.rest.wait_for_dag(dag_id);
    server.rest.trigger(dag_id, run_id);
    server.rest.wait_for_task(dag_id, run_id, ("gate", -1), &["up_for_reschedule", "running"]);
}

/// What is decided about a rename of the task that waits, with what an instance said.
fn verdict(dag_id: &str, instance: Instance, on_unreachable: OnUnreachable) -> Verdict {
    let tree = |name: &str, task_id: &str| {
        let revision = Revision::new(name);
        let file = File::regular(&revision, text(dag_id, task_id).into_bytes());
        let mut tree = Snapshot::empty(revision);
        tree.insert(ContentPath::new(format!("dags/{dag_id}.py")).expect("a path of the content"), file);
        tree
    };
    let policy = Policy { on_unreachable, ..Policy::sync(Layout::Content) };
    let facts = Facts { taken_at: None, instances: vec![instance] };
    dagguard::check(&tree("deployed", "last"), &tree("proposed", "the_last"), &facts, &policy).verdict
}

pub(super) fn a_server_killed_in_the_middle_of_a_snapshot_is_undecided(server: &mut Server) {
    stand(server, "killed", "killed1");
    let (reached, at_list) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (reached, wait) = (Mutex::new(reached), Mutex::new(wait));
    let first = AtomicBool::new(true);
    let relay = Relay::start(&server.url(), move |path| {
        if path.ends_with("taskInstances/list") && first.swap(false, Ordering::SeqCst) {
            reached.lock().expect("no panic holds it").send(()).expect("the test waits");
            let _ = wait.lock().expect("no panic holds it").recv();
        }
    });
    let access = through(&relay, access(server, VIEWER));
    let instance = std::thread::scope(|scope| {
        let asked = scope.spawn(|| look(&access, &about(&["killed"])));
        at_list.recv_timeout(Duration::from_mins(1)).expect("the task instances are asked for");
        server.kill_api();
        go_on.send(()).expect("the relay waits");
        asked.join().expect("asking never fails")
    });
    assert!(matches!(instance.dag(&DagId::from("killed")), Seen::Unavailable(_)), "{instance:?}");
    for policy in [OnUnreachable::Block, OnUnreachable::Fail] {
        assert_eq!(verdict("killed", instance.clone(), policy), Verdict::Undecided, "{instance:?}");
    }
    // While it is down, too; and once it is back the run is seen as it is.
    let down = look(&access, &about(&["killed"]));
    assert_eq!(verdict("killed", down, OnUnreachable::Block), Verdict::Undecided);
    server.start_api().expect("it started before");
    server.wait_for_api().unwrap_or_else(|error| panic!("{error}"));
    // A server that has just started on a busy machine may need longer for its first list than dagguard waits.
    let deadline = Instant::now() + Duration::from_mins(3);
    let mut instance = look(&access, &about(&["killed"]));
    while matches!(instance.dag(&DagId::from("killed")), Seen::Unavailable(_)) && Instant::now() < deadline {
        instance = look(&access, &about(&["killed"]));
    }
    assert_eq!(known(&instance, "killed").runs.len(), 1);
    assert_eq!(verdict("killed", instance, OnUnreachable::Block), Verdict::Block);
    server.open_gate("killed1");
}

/// The database of web sessions is emptied, as an administrator or a clean-up does it.
const END_SESSIONS: &str = r#"
import sqlite3, sys
con = sqlite3.connect(sys.argv[1], timeout=120)
with con:
    con.execute("delete from session")
"#;

/// The token again, over in this many seconds; the server grants ten more (`jwt_leeway`).
const SHORT: &str = r#"
import jwt, sys, time
token, secret, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
header = jwt.get_unverified_header(token)
claims = jwt.decode(token, options={"verify_signature": False})
claims["exp"] = int(time.time()) + seconds
extra = {name: value for name, value in header.items() if name not in ("alg", "typ")}
print(jwt.encode(claims, secret, algorithm=header["alg"], headers=extra))
"#;

pub(super) fn what_lets_in_may_run_out_between_two_calls(server: &Server) {
    const LEEWAY: i64 = 10;
    /// For the calls before it runs out, on a busy machine.
    const LIFE: i64 = 8;
    stand(server, "outlasted", "outlasted1");
    let access = access(server, VIEWER);
    let v1 = server.venv.release.major() == 2;
    let (script, arguments) = (END_SESSIONS.to_string(), database(server));
    let interpreter = server.venv.bin().join("python");
    let first = AtomicBool::new(true);
    let relay = Relay::start(&server.url(), move |path| {
        if path.ends_with("taskInstances/list") && first.swap(false, Ordering::SeqCst) {
            if v1 {
                let status = std::process::Command::new(&interpreter).args(["-c", &script, &arguments]).status();
                assert!(status.is_ok_and(|status| status.success()), "the sessions could not be ended");
            } else {
                std::thread::sleep(Duration::from_secs(u64::try_from(LIFE).expect("seconds") + 2));
            }
        }
    });
    let mut access = through(&relay, access);
    if !v1 {
        let good = server.rest.bearer();
        let short = python(server, SHORT, &[&good, crate::support::server::JWT_SECRET, &(LIFE - LEEWAY).to_string()]);
        let flag = server.home().join("outlasted");
        let script = format!("test -e '{0}' && echo {good} || {{ touch '{0}'; echo {short}; }}", flag.display());
        let argv = ["sh", "-c", &script].map(str::to_string).to_vec();
        let credentials = Credentials::Command(CredentialCommand { argv, limit: Duration::from_secs(20) });
        access = Access { credentials, ..access };
    }
    let instance = look(&access, &about(&["outlasted"]));
    let passed = relay.passed();
    let of = |end: &str| -> Vec<u16> {
        passed.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, status)| *status).collect()
    };
    // It let in, then it did not, then another did.
    assert_eq!(of("dagRuns/list")[0], 200, "{passed:?}");
    let lists = of("taskInstances/list");
    assert!(matches!(lists[0], 401 | 403) && lists[1] == 200, "{passed:?}");
    assert_eq!(known(&instance, "outlasted").runs.len(), 1, "{instance:?}");
    assert_eq!(known(&instance, "outlasted").runs[0].task_instances.len(), 2);
    server.open_gate("outlasted1");
}
