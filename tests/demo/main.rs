#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a demonstration: it starts real programs and tells what they do"
)]

//! `cargo demo`: a real Airflow, a real branch, and `dagguard sync` between them.
//!
//! One commit is delivered, one is held because of a run in flight, and is delivered by itself
//! once the run has passed the point. Everything lies below the target directory and ends with
//! the demo; `cargo demo -- --keep` stays up until Ctrl-C.

#[path = "../support/mod.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::branch::Branch;
use support::install::{AIRFLOW_3, install, is_installed, root};
use support::processes::{end_all_on_interrupt, note_folder};
use support::rest::ADMIN;
use support::server::Server;
use support::syncer::{Line, Syncer};

const RUN: &str = "demo-run";
const GATE: (&str, i64) = ("gate", -1);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument != "--keep") {
        println!("usage: cargo demo [-- --keep]");
        return ExitCode::from(2);
    }
    end_all_on_interrupt();
    let folder = root().join(format!("demo-{}", std::process::id()));
    note_folder(&folder);
    std::panic::set_hook(Box::new(|failure| {
        let words = failure.payload_as_str().unwrap_or("no reason given");
        println!("the demo failed: {words}");
    }));
    // A failure has said why by then; what was started has ended with its value.
    let result = catch_unwind(AssertUnwindSafe(|| story(&folder, !arguments.is_empty())));
    let _ = std::fs::remove_dir_all(&folder);
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Tells what happens, with the seconds since the beginning.
struct Teller(Instant);

impl Teller {
    fn say(&self, text: &str) {
        println!("[{:6.1} s] {text}", self.0.elapsed().as_secs_f64());
    }

    /// What `dagguard sync` itself warned of.
    fn quote(&self, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.level() == "WARN") {
            let text = line.field("reason").map_or_else(|| line.rest(), |reason| format!(": {reason}"));
            for part in format!("{}{text}", line.message()).lines() {
                println!("           | {part}");
            }
        }
    }
}

fn story(folder: &Path, keep: bool) -> bool {
    let teller = Teller(Instant::now());
    if !is_installed(&AIRFLOW_3) {
        teller.say("installing Airflow 3.3.2 below the target directory (once) ...");
    }
    let venv = match install(&AIRFLOW_3) {
        Ok(venv) => venv,
        Err(reason) => {
            teller.say(&reason.0);
            return false;
        }
    };
    teller.say("starting it ...");
    let server = Server::start(&venv, &folder.join("home")).unwrap_or_else(|error| panic!("{error}"));
    teller.say(&format!("Airflow 3.3.2 answers at {}", server.url()));

    let branch = Branch::new(&folder.join("git"));
    let etl = std::fs::read_to_string(demo_content().join("dags/etl.py")).unwrap();
    let first = branch.push("One pipeline", &[("dags/etl.py", &etl)]);
    let mut variables = server.variables();
    variables.extend([
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", branch.source()),
        ("CONTENT_SYNCER_GIT_REPO_BRANCH", "main".to_string()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", folder.join("clone").to_string_lossy().into_owned()),
        ("CONTENT_SYNCER_INTERVAL", "1".to_string()),
    ]);
    let mut syncer = Syncer::start(folder, &variables);
    let minute = Duration::from_mins(1);
    syncer.wait_for_pass(0, &first, "success", minute);
    teller.say(&format!("`dagguard sync` watches the branch and has delivered {}: dags/etl.py", short(&first)));

    server.rest.wait_for_dag("etl");
    server.rest.trigger("etl", RUN);
    server.rest.wait_for_task("etl", RUN, GATE, &["up_for_reschedule"]);
    teller.say("a run is in flight: `extract` has finished, `gate` waits, `transform` and `load` are still to come");

    let said = syncer.lines().len();
    let harmless = branch
        .push("Say what the pipeline is", &[("dags/etl.py", &etl.replace("The demo's pipeline", "Our pipeline"))]);
    teller.say(&format!("pushed {}: a changed docstring", short(&harmless)));
    syncer.wait_for_pass(said, &harmless, "success", minute);
    assert!(deployed(&server).contains("Our pipeline"));
    teller.say("  delivered: it changes nothing for the run");

    let said = syncer.lines().len();
    let renamed = branch.read("dags/etl.py").replace("load(", "load_warehouse(");
    let unsafe_now = branch.push("Rename load", &[("dags/etl.py", &renamed)]);
    teller.say(&format!("pushed {}: task `load` is now `load_warehouse`", short(&unsafe_now)));
    let lines = syncer.wait_for_pass(said, &unsafe_now, "blocked", minute);
    assert!(!deployed(&server).contains("load_warehouse"));
    teller.say("  held: the run would lose `load` for a task that it never had; dagguard says:");
    teller.quote(&lines);
    std::thread::sleep(Duration::from_secs(5));
    assert!(!deployed(&server).contains("load_warehouse"), "what is held stays held");

    let said = syncer.lines().len();
    server.open_gate(RUN);
    teller.say("opened the gate: the run goes on with the code that it began with");
    assert_eq!(server.rest.wait_for_end("etl", RUN), "success");
    let states = server.rest.task_instances("etl", RUN);
    let load = states.get(&("load".to_string(), -1)).cloned().flatten();
    assert_eq!(load.as_deref(), Some("success"), "{states:?}");
    teller.say("the run has ended: success, and `load` was a part of it");
    syncer.wait_for_pass(said, &unsafe_now, "success", minute);
    assert!(deployed(&server).contains("load_warehouse"));
    teller.say(&format!("  {} was delivered by itself", short(&unsafe_now)));

    if keep {
        let branch = branch.source();
        println!(
            "\nAirflow: {} (user {ADMIN}, password {ADMIN})\nbranch:  {branch}, main\nCtrl-C ends it.",
            server.url()
        );
        loop {
            std::thread::park();
        }
    }
    true
}

/// The DAG file as Airflow has it.
fn deployed(server: &Server) -> String {
    std::fs::read_to_string(server.home().join("dags/etl.py")).unwrap()
}

fn demo_content() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo")
}

fn short(revision: &str) -> &str {
    &revision[..8]
}
