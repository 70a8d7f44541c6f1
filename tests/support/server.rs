//! One real Airflow: its components as processes of their own, on loopback, on SQLite.

use super::install::{Venv, output};
use super::processes;
use super::rest::{ADMIN, Rest, VIEWER};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The web server of Airflow 2 as it is by default, without the limit of five log-ins in 40 seconds
/// that would make cases wait for each other.
const WEB_SERVER: &str = "WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = None
AUTH_TYPE = 1
AUTH_RATE_LIMITED = False
RATELIMIT_ENABLED = False
";

/// With it Airflow 3 signs its tokens, and so can a test.
pub(crate) const JWT_SECRET: &str = "only for tests, and long enough for a signature of sixty-four bytes";

/// Changes when what [`make_template`] makes changes.
pub(crate) const TEMPLATE: &str = "template 1";

/// A running Airflow; it ends with this value.
pub(crate) struct Server {
    pub(crate) venv: Venv,
    home: PathBuf,
    port: u16,
    env: BTreeMap<String, String>,
    processes: BTreeMap<&'static str, Child>,
    /// The administrator's view.
    pub(crate) rest: Rest,
    /// How long it took until the API answered.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts all components in a home that does not exist yet, and waits until the API answers.
    /// `dags`, `plugins` and `gate` are there and empty.
    pub(crate) fn start(venv: &Venv, home: &Path) -> Result<Self, String> {
        let template = venv.template().join("airflow.db");
        let database = |home: &Path| fs::copy(&template, home.join("airflow.db")).map_err(|error| error.to_string());
        Self::start_with(venv, home, &BTreeMap::new(), |home, _| database(home).map(drop))
    }

    /// The same with other settings, by the names that they have in the environment, and a database
    /// that `prepare` makes, given the home and the whole environment.
    pub(crate) fn start_with(
        venv: &Venv,
        home: &Path,
        settings: &BTreeMap<String, String>,
        prepare: impl Fn(&Path, &BTreeMap<String, String>) -> Result<(), String>,
    ) -> Result<Self, String> {
        processes::end_all_on_interrupt();
        let begin = Instant::now();
        for folder in ["dags", "plugins", "gate", "logs"] {
            fs::create_dir_all(home.join(folder)).map_err(|error| error.to_string())?;
        }
        let home = home.canonicalize().map_err(|error| error.to_string())?;
        let passwords = venv.template().join("passwords.json");
        if passwords.exists() {
            fs::copy(passwords, home.join("passwords.json")).map_err(|error| error.to_string())?;
        }
        if venv.release.major() == 2 {
            fs::write(home.join("webserver_config.py"), WEB_SERVER).map_err(|error| error.to_string())?;
        }
        let port = free_port();
        let mut env = environment(venv, &home, port);
        env.insert("DAGGUARD_TEST_GATE".to_string(), home.join("gate").to_string_lossy().into_owned());
        env.extend(settings.clone());
        prepare(&home, &env)?;
        let rest = Rest::new(venv.release, &format!("http://127.0.0.1:{port}"));
        let processes = BTreeMap::new();
        let mut server = Self { venv: venv.clone(), home, port, env, processes, rest, started_in: Duration::ZERO };
        server.start_api()?;
        for component in if venv.release.major() == 2 { &["scheduler"][..] } else { &["scheduler", "dag-processor"] } {
            server.spawn(component)?;
        }
        server.wait_for_api()?;
        server.started_in = begin.elapsed();
        Ok(server)
    }

    /// `$AIRFLOW_HOME`, with `dags` and `plugins`.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// The URL without the API's part.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the environment of a `dagguard` process needs to ask this server, as a Viewer, and to
    /// deliver into its home.
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("AIRFLOW_HOME", self.home.to_string_lossy().into_owned()),
            ("DAGGUARD_AIRFLOW_URL", self.url()),
            ("DAGGUARD_AIRFLOW_USERNAME", VIEWER.to_string()),
            ("DAGGUARD_AIRFLOW_PASSWORD", VIEWER.to_string()),
        ])
    }

    /// Puts a DAG file there, at once.
    pub(crate) fn write_dag(&self, name: &str, text: &str) {
        let part = self.home.join(format!("{name}.part"));
        fs::write(&part, text).expect("a writable home");
        // A delivery of another case may have taken the folder away.
        fs::create_dir_all(self.home.join("dags")).expect("a writable home");
        fs::rename(&part, self.home.join("dags").join(name)).expect("a writable home");
    }

    /// Opens the gate of a run (see [`GATE`]).
    pub(crate) fn open_gate(&self, run_id: &str) {
        fs::write(self.home.join("gate").join(run_id), "").expect("a writable home");
    }

    /// Ends the web or API server alone.
    pub(crate) fn kill_api(&mut self) {
        let api = self.api();
        if let Some(mut child) = self.processes.remove(api) {
            processes::end(&mut child, &self.home);
        }
        // The web server's pid file would keep the next one from starting.
        let _ = fs::remove_file(self.home.join("airflow-webserver.pid"));
    }

    /// Starts the web or API server, on the same port.
    pub(crate) fn start_api(&mut self) -> Result<(), String> {
        self.spawn(self.api())
    }

    /// Ends the process that parses DAG files and starts it anew: it loads the plugins as they are now.
    pub(crate) fn restart_parser(&mut self) -> Result<(), String> {
        let parser = if self.venv.release.major() == 2 { "scheduler" } else { "dag-processor" };
        if let Some(mut child) = self.processes.remove(parser) {
            processes::end(&mut child, &self.home);
        }
        let _ = fs::remove_file(self.home.join(format!("airflow-{parser}.pid")));
        self.spawn(parser)
    }

    /// Waits until the API answers; the last lines of its log if it does not.
    pub(crate) fn wait_for_api(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_mins(5);
        while !self.rest.is_up() {
            let dead: Vec<&str> = self
                .processes
                .iter_mut()
                .filter_map(|(name, child)| matches!(child.try_wait(), Ok(Some(_))).then_some(*name))
                .collect();
            if !dead.is_empty() || Instant::now() > end {
                return Err(format!(
                    "Airflow {} did not start (ended: {dead:?})\n{}",
                    self.venv.release.version,
                    self.last_words()
                ));
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    }

    /// The end of every component's log.
    pub(crate) fn last_words(&self) -> String {
        let mut text = String::new();
        for name in self.processes.keys() {
            let log = fs::read(self.home.join(format!("{name}.log"))).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let lines: Vec<&str> = log.lines().collect();
            let _ = write!(text, "--- {name}\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"));
        }
        text
    }

    /// Memory of all its processes, in MiB.
    pub(crate) fn memory(&self) -> u64 {
        self.processes.values().map(|child| processes::memory_of(child.id())).sum()
    }

    /// Ends everything, at once.
    pub(crate) fn stop(&mut self) {
        for (_, mut child) in std::mem::take(&mut self.processes) {
            processes::end(&mut child, &self.home);
        }
        processes::end_strays(&self.home);
    }

    /// Ends a component alone, at once.
    pub(crate) fn kill(&mut self, component: &'static str) {
        if let Some(mut child) = self.processes.remove(component) {
            processes::end(&mut child, &self.home);
        }
    }

    fn api(&self) -> &'static str {
        if self.venv.release.major() == 2 { "webserver" } else { "api-server" }
    }

    /// Starts another component.
    pub(crate) fn spawn(&mut self, component: &'static str) -> Result<(), String> {
        let log = File::options().create(true).append(true).open(self.home.join(format!("{component}.log")));
        let log = log.map_err(|error| error.to_string())?;
        let child = airflow(&self.venv, &self.home, &self.env)
            .arg(component)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|error| error.to_string())?;
        processes::note(&child, &self.home);
        self.processes.insert(component, child);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes the database of a new home once: it takes longer than the start of a server.
pub(crate) fn make_template(venv: &Venv) -> Result<(), String> {
    let home = venv.template();
    fs::create_dir_all(home.join("dags")).map_err(|error| error.to_string())?;
    if venv.release.major() == 3 {
        let passwords = serde_json::json!({ ADMIN: ADMIN, VIEWER: VIEWER });
        fs::write(home.join("passwords.json"), passwords.to_string()).map_err(|error| error.to_string())?;
    }
    make_database(venv, &home, &environment(venv, &home, 1))
}

/// Makes the tables and the users.
pub(crate) fn make_database(venv: &Venv, home: &Path, env: &BTreeMap<String, String>) -> Result<(), String> {
    let run = |args: &[&str]| {
        let what = format!("airflow {}", args[..args.len().min(2)].join(" "));
        output(airflow(venv, home, env).args(args), &what).map(drop).map_err(|left_out| left_out.0)
    };
    let is_before_2_7 = ["2.3.", "2.6."].iter().any(|begin| venv.release.version.starts_with(begin));
    run(&["db", if is_before_2_7 { "init" } else { "migrate" }])?;
    if !venv.release.has_roles() {
        return Ok(());
    }
    // The roles other than Admin come with the permissions.
    run(&["sync-perm"])?;
    for (user, role) in [(ADMIN, "Admin"), (VIEWER, "Viewer")] {
        let mail = format!("{user}@example.org");
        run(&["users", "create", "-u", user, "-p", user, "-f", user, "-l", user, "-r", role, "-e", &mail])?;
    }
    Ok(())
}

fn airflow(venv: &Venv, home: &Path, env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(venv.bin().join("airflow"));
    command.current_dir(home);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AIRFLOW") || name.starts_with("PYTHON")) {
            command.env_remove(name);
        }
    }
    command.envs(env);
    command
}

/// The settings: loopback, short intervals, no examples, nothing paused.
fn environment(venv: &Venv, home: &Path, port: u16) -> BTreeMap<String, String> {
    let path = |part: &str| home.join(part).to_string_lossy().into_owned();
    let port = port.to_string();
    let url = format!("http://127.0.0.1:{port}");
    let mut settings = vec![
        ("CORE__DAGS_FOLDER", path("dags")),
        ("CORE__PLUGINS_FOLDER", path("plugins")),
        ("CORE__LOAD_EXAMPLES", "False".to_string()),
        ("CORE__DAGS_ARE_PAUSED_AT_CREATION", "False".to_string()),
        ("CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0".to_string()),
        ("CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL", "1".to_string()),
        ("DATABASE__SQL_ALCHEMY_CONN", format!("sqlite:///{}", path("airflow.db"))),
        ("DATABASE__LOAD_DEFAULT_CONNECTIONS", "False".to_string()),
        ("LOGGING__BASE_LOG_FOLDER", path("logs")),
        ("LOGGING__WORKER_LOG_SERVER_PORT", free_port().to_string()),
        ("SCHEDULER__SCHEDULER_HEARTBEAT_SEC", "1".to_string()),
        ("SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME", "0.5".to_string()),
        ("SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT", free_port().to_string()),
        ("SCHEDULER__CATCHUP_BY_DEFAULT", "False".to_string()),
        // On a busy machine a late heartbeat would make the scheduler fail tasks that run.
        ("SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD", "3600".to_string()),
        ("SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "3600".to_string()),
        ("SCHEDULER__PARSING_CLEANUP_INTERVAL", "5".to_string()),
        ("USAGE_DATA_COLLECTION__ENABLED", "False".to_string()),
    ];
    if venv.release.major() == 2 {
        settings.extend([
            ("CORE__EXECUTOR", "SequentialExecutor".to_string()),
            ("SCHEDULER__MIN_FILE_PROCESS_INTERVAL", "60".to_string()),
            ("SCHEDULER__DAG_DIR_LIST_INTERVAL", "2".to_string()),
            ("SCHEDULER__FILE_PARSING_SORT_MODE", "modified_time".to_string()),
            ("SCHEDULER__PARSING_PROCESSES", "1".to_string()),
            ("SCHEDULER__STALE_DAG_THRESHOLD", "8".to_string()),
            ("API__AUTH_BACKENDS", "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session".to_string()),
            ("WEBSERVER__WEB_SERVER_HOST", "127.0.0.1".to_string()),
            ("WEBSERVER__WEB_SERVER_PORT", port),
            ("WEBSERVER__WORKERS", "1".to_string()),
            ("WEBSERVER__SECRET_KEY", "test".to_string()),
        ]);
    } else {
        settings.extend([
            ("CORE__EXECUTOR", "LocalExecutor".to_string()),
            ("CORE__PARALLELISM", "4".to_string()),
            ("CORE__EXECUTION_API_SERVER_URL", format!("{url}/execution/")),
            ("CORE__SIMPLE_AUTH_MANAGER_USERS", format!("{ADMIN}:admin,{VIEWER}:viewer")),
            ("CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", path("passwords.json")),
            ("DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "60".to_string()),
            ("DAG_PROCESSOR__REFRESH_INTERVAL", "2".to_string()),
            ("DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL", "1".to_string()),
            ("DAG_PROCESSOR__FILE_PARSING_SORT_MODE", "modified_time".to_string()),
            ("DAG_PROCESSOR__PARSING_PROCESSES", "1".to_string()),
            ("DAG_PROCESSOR__STALE_DAG_THRESHOLD", "8".to_string()),
            ("API__HOST", "127.0.0.1".to_string()),
            ("API__PORT", port),
            ("API__WORKERS", "1".to_string()),
            ("API__BASE_URL", url),
            ("API__SECRET_KEY", "test".to_string()),
            ("API_AUTH__JWT_SECRET", JWT_SECRET.to_string()),
        ]);
    }
    if venv.release.fab {
        let manager = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager";
        settings.push(("CORE__AUTH_MANAGER", manager.to_string()));
    }
    let mut env: BTreeMap<String, String> =
        settings.into_iter().map(|(name, value)| (format!("AIRFLOW__{name}"), value)).collect();
    let search = std::env::var_os("PATH").unwrap_or_default();
    let search = std::env::join_paths(std::iter::once(venv.bin()).chain(std::env::split_paths(&search)));
    env.insert("PATH".to_string(), search.unwrap_or_default().to_string_lossy().into_owned());
    env.insert("AIRFLOW_HOME".to_string(), home.to_string_lossy().into_owned());
    env.insert("PYTHONWARNINGS".to_string(), "ignore".to_string());
    env.insert("NO_PROXY".to_string(), "*".to_string());
    env
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A task at which a run waits without holding a slot, until [`Server::open_gate`]: a sensor
/// that looks for a file and goes away in between. For DAG files of tests, after `from
/// airflow.decorators import dag, task`. Its retries are for Airflow's own race: an event that overtakes
/// the executor's report of the last reschedule fails the try (measured on all three releases).
pub(crate) const GATE: &str = r#"
@task.sensor(poke_interval=4, timeout=3600, mode="reschedule", retries=5, retry_delay=1)
def gate(run_id=None):
    import os
    return os.path.exists(os.path.join(os.environ["DAGGUARD_TEST_GATE"], run_id))
"#;
