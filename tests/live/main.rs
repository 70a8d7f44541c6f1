#![expect(clippy::disallowed_methods, clippy::print_stderr, reason = "tests on real servers")]

//! dagguard against real Airflow servers of every supported release.
//!
//! `cargo test --test live` installs each release once into the target directory, starts a
//! server, runs the cases and ends it. `cargo test --test live -- 3.3.2` takes one release,
//! `-- killed` one case. A release that cannot be installed here is left out with the reason,
//! and the whole fails, unless `DAGGUARD_TEST_LIVE=available` says that this is meant.

#[path = "../support/mod.rs"]
mod support;

mod anew;
mod delivery;
mod model;
mod roles;
mod smoke;
mod snapshot;
mod verdicts;

use libtest_mimic::{Arguments, Trial};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use support::install::{AIRFLOW_3_FAB, OTHERS, RELEASES, Release, Venv, install, root};
use support::server::Server;

/// The cases that take too long for every run, by name: `cargo test --test live -- --ignored`.
const LONG: &str = include_str!("long.txt");

/// What a case needs of its server.
enum Case {
    /// It shares the server with others: DAGs and runs carry the case's own names.
    Shared(fn(&Server)),
    /// It has the server for itself: it stops components, for instance.
    Alone(fn(&mut Server)),
    /// It needs the release, and no server: what its DagBag builds, for instance.
    Installed(fn(&'static Release)),
}

/// The cases of a release. A new group of cases is a module with such a list; what a `dagguard
/// sync` process needs is in `support::{branch, syncer}` and [`Server::variables`].
fn cases(release: &Release) -> Vec<(&'static str, Case)> {
    if release.fab {
        return roles::cases();
    }
    if !release.stays() {
        return smoke::cases();
    }
    [delivery::cases(), snapshot::cases(release), model::cases(release), anew::cases(release), verdicts::cases(release)]
        .into_iter()
        .flatten()
        .collect()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let matches_part =
        |part: &String, name: &str| if arguments.exact { name == part } else { name.contains(part.as_str()) };
    let chosen = |name: &str| {
        !arguments.skip.iter().any(|part| matches_part(part, name))
            && arguments.filter.as_ref().is_none_or(|part| matches_part(part, name))
    };
    let long = |name: &str| LONG.lines().any(|line| line == name);
    // As libtest has it: those that are named in the list run only where they are asked for.
    let runs = |name: &str, case: &str| {
        let asked = if long(case) { arguments.ignored || arguments.include_ignored } else { !arguments.ignored };
        chosen(name) && asked
    };
    let mut trials = Vec::new();
    let mut left_out = false;
    let known: BTreeSet<&str> = releases().flat_map(cases).map(|(name, _)| name).collect();
    for line in LONG.lines() {
        assert!(known.contains(line), "long.txt names a case that does not exist: {line}");
    }
    for release in releases() {
        let names: Vec<(String, bool, bool, Case)> = cases(release)
            .into_iter()
            .map(|(case, kind)| (format!("airflow-{}/{case}", release.name()), case, kind))
            .map(|(name, case, kind)| (name.clone(), runs(&name, case), long(case), kind))
            .collect();
        let wanted = names.iter().filter(|(_, runs, _, _)| *runs).count();
        // Listing the cases, or running those of another release, installs nothing.
        let shared = if arguments.list || wanted == 0 { None } else { prepare(release, wanted) };
        left_out |= !arguments.list && wanted > 0 && shared.is_none();
        for (name, runs, long, case) in names {
            let ignored = long || (runs && shared.is_none());
            let shared = shared.clone();
            trials.push(
                Trial::test(name, move || {
                    if let Some(shared) = &shared {
                        shared.run(&case);
                    }
                    Ok(())
                })
                .with_ignored_flag(ignored),
            );
        }
    }
    trials.extend(without_shared());
    let conclusion = libtest_mimic::run(&arguments, trials);
    let available_is_enough = std::env::var("DAGGUARD_TEST_LIVE").is_ok_and(|value| value == "available");
    if conclusion.has_failed() || (left_out && !available_is_enough) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn releases() -> impl Iterator<Item = &'static Release> {
    RELEASES.into_iter().chain(OTHERS).chain([&AIRFLOW_3_FAB])
}

/// Tests elsewhere that need the developers' shared folder and do not run where
/// `DAGGUARD_TEST_NO_SHARED` says that it is not there: counted here as ignored, because these are
/// the last tests of a run and their summary is its last line.
const NEED_SHARED: &[&str] = &[
    "airflow::tests::recorded::a_recorded_server_gives_its_runs_in_flight",
    "airflow::tests::recorded::a_recorded_server_tells_what_it_was_asked_on_demand",
    "airflow::tests::recorded::a_wrong_password_is_told_from_a_missing_permission_where_the_server_does",
    "airflow::tests::recorded::every_recorded_answer_is_what_its_status_says",
    "airflow::tests::recorded::request_bodies_are_those_of_the_release",
    "metamorphic::a_scenario_written_anew_gives_no_finding",
];

fn without_shared() -> Vec<Trial> {
    if std::env::var_os("DAGGUARD_TEST_NO_SHARED").is_none() {
        return Vec::new();
    }
    NEED_SHARED.iter().map(|name| Trial::test(*name, || Ok(())).with_ignored_flag(true)).collect()
}

fn prepare(release: &'static Release, cases: usize) -> Option<Arc<Shared>> {
    match install(release) {
        Ok(venv) => {
            if let Some(time) = venv.installed_in {
                eprintln!("Airflow {} installed in {:.1} s", release.name(), time.as_secs_f64());
            }
            Some(Arc::new(Shared { venv, server: RwLock::new(None), left: AtomicUsize::new(cases) }))
        }
        Err(reason) => {
            eprintln!("Airflow {} is left out: {}", release.name(), reason.0);
            None
        }
    }
}

/// One server for all cases of a release: started by the first, ended after the last.
struct Shared {
    venv: Venv,
    server: RwLock<Option<Server>>,
    left: AtomicUsize,
}

impl Shared {
    fn run(&self, case: &Case) {
        let begin = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| match case {
            Case::Installed(case) => case(self.venv.release),
            Case::Shared(case) => {
                self.start();
                let server = self.server.read().unwrap_or_else(PoisonError::into_inner);
                case(server.as_ref().expect("the server was started"));
            }
            Case::Alone(case) => {
                self.start();
                let mut server = self.server.write().unwrap_or_else(PoisonError::into_inner);
                case(server.as_mut().expect("the server was started"));
            }
        }));
        let version = self.venv.release.name();
        eprintln!("airflow-{version}: a case took {:.1} s", begin.elapsed().as_secs_f64());
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let server = self.server.write().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(server) = server {
                eprintln!("airflow-{version}: {} MiB at the end", server.memory());
                let home = server.home().to_path_buf();
                if result.is_err() {
                    eprintln!("{}", server.last_words());
                }
                drop(server);
                let _ = std::fs::remove_dir_all(home);
            }
            if !self.venv.release.stays() {
                let _ = std::fs::remove_dir_all(&self.venv.root);
            }
        }
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    }

    fn start(&self) {
        let mut server = self.server.write().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            let version = self.venv.release.name();
            let home = root().join(format!("home-{version}-{}", std::process::id()));
            let started = Server::start(&self.venv, &home).unwrap_or_else(|error| panic!("{error}"));
            eprintln!("airflow-{version}: started in {:.1} s", started.started_in.as_secs_f64());
            *server = Some(started);
        }
    }
}
