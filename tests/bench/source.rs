//! What following a branch costs, beside the git command line in the same run: a poll without news, a
//! delivery of ten files, the first delivery, and the memory of the idle program.

use super::{Bench, corpus};
use dagguard::content::{Layout, Plan, Revision, Snapshot, plan};
use dagguard::git::{Options, Remote, Source};
use dagguard::publish::{self, Home, Kind, Look};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The argument by which this program knows that it is to poll.
pub(crate) const CHILD: &str = "--polls";

/// Files in the branch.
const FILES: usize = 10_000;

/// Polls a branch so often and prints the anonymous memory, in KiB, after a tenth of it and at the end:
/// the url, a file of certificates, the store, the home, the number, and for how many seconds it rests
/// before it looks. What a loop without rest has freed of late is not yet given back: between 100 and
/// 1,000 polls over https that was anything from 8.7 to 10.8 MiB, with 0.2 MiB in use throughout.
pub(crate) fn child(arguments: &[String]) -> ExitCode {
    let [url, certificates, store, home, times, rest] = arguments else { return ExitCode::FAILURE };
    let certificates = std::fs::read(certificates).ok();
    let (Ok(times), Ok(rest)) = (times.parse::<usize>(), rest.parse()) else { return ExitCode::FAILURE };
    let remote = remote(url, Path::new(store), certificates);
    let Ok(home) = Home::open(Path::new(home), publish::Options::default()) else { return ExitCode::FAILURE };
    for done in 1..=times {
        if let Err(error) = poll(&remote, &home) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        if done == times / 10 || done == times {
            std::thread::sleep(Duration::from_secs(rest));
            println!("{}", anonymous("self").unwrap_or_default());
        }
    }
    ExitCode::SUCCESS
}

/// What a pass without news does.
fn poll(remote: &Remote, home: &Home) -> Result<(), String> {
    let fetched = remote.fetch().map_err(|error| error.to_string())?;
    let nothing = Snapshot::empty(Revision::new("nothing"));
    let observed = home.observe(&nothing, Layout::Content, Look::Stamps).map_err(|error| error.to_string())?;
    if observed.is_at(&fetched.revision) { Ok(()) } else { Err("the branch has news".to_owned()) }
}

/// Fetch to recorded; the judging is apart. How many files were written or taken away.
fn deliver(remote: &Remote, home: &Home) -> usize {
    let fetched = remote.fetch().expect("the branch is there");
    let nothing = Snapshot::empty(Revision::new("nothing"));
    let mut observed = home.observe(&nothing, Layout::Content, Look::Stamps).expect("the home is ours");
    let (proposed, contents) = remote.snapshot_to_ask(&fetched.revision, &observed.outline()).expect("it was fetched");
    if observed.kind != Kind::Recorded {
        observed = home.observe(&proposed, Layout::Content, Look::Stamps).expect("the home is ours");
    }
    let steps: Plan = plan(&observed.manifest, &proposed, Layout::Content).expect("nothing is refused");
    let published = home.publish(&observed, &proposed, &steps, Layout::Content).expect("the disk has room");
    assert!(contents.fault().is_none());
    remote.keep(&fetched.revision).expect("the store is ours");
    published.writes + published.removals
}

fn remote(url: &str, store: &Path, certificates: Option<Vec<u8>>) -> Remote {
    let source = Source::parse(url).expect("an address");
    Remote::new(source, "main", store, Options { certificates, ..Options::default() }).expect("a branch")
}

/// Anonymous memory of a process in KiB, as Linux tells it.
fn anonymous(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Processor time of this process and of its children that ended, as Linux tells it.
fn processor() -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let line = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let figures = line.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = figures.split_whitespace().skip(11).take(4).filter_map(|figure| figure.parse::<u32>().ok());
    TICK * ticks.sum::<u32>()
}

/// Processor time and time of something.
fn cost(work: impl FnOnce()) -> (Duration, Duration) {
    let (begun, before) = (Instant::now(), processor());
    work();
    (processor().saturating_sub(before), begun.elapsed())
}

/// A branch of many files and a server for it over https.
struct Origin {
    dir: tempfile::TempDir,
    server: Option<(Child, String)>,
    requests: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    turn: usize,
}

impl Origin {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let requests = std::sync::Arc::default();
        let mut origin = Self { dir, server: None, requests, turn: 0 };
        git(&origin.path(""), &["init", "-q", "--bare", "-b", "main", "content.git"]);
        git(&origin.path(""), &["init", "-q", "-b", "main", "work"]);
        git(&origin.path("work"), &["remote", "add", "origin", "../content.git"]);
        for (path, file) in corpus::generated(FILES).snapshot.files() {
            let to = origin.path("work").join(path.as_str());
            std::fs::create_dir_all(to.parent().expect("below the work tree")).expect("a folder");
            std::fs::write(to, &file.bytes).expect("a file");
        }
        origin.push();
        origin.server = origin.serve();
        origin
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bare(&self) -> String {
        self.path("content.git").display().to_string()
    }

    fn push(&self) {
        git(&self.path("work"), &["add", "-A"]);
        git(&self.path("work"), &["commit", "-qm", "change"]);
        git(&self.path("work"), &["push", "-q", "origin", "HEAD:main"]);
    }

    /// Pushes a commit that changes ten DAGs.
    fn change(&mut self) {
        self.turn += 1;
        for number in 0..10 {
            let number = number * 700 + self.turn % 700;
            let path = self.path("work").join(format!("dags/team_{}/flow_{number:04}.py", number % 20));
            let mut text = std::fs::read_to_string(&path).expect("a DAG");
            text.extend(["\nTURN = ", &self.turn.to_string(), "\n"]);
            std::fs::write(path, text).expect("a DAG");
        }
        self.push();
    }

    fn serve(&self) -> Option<(Child, String)> {
        let file = |name: &str| self.path(name).display().to_string();
        let openssl = |more: &[&str]| {
            let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
            let made = Command::new("openssl").args(new).args(more).output();
            made.is_ok_and(|made| made.status.success())
        };
        // An authority and what it vouches for: one that is both is not taken.
        let (authority, own) = (file("ca.pem"), file("ca.key"));
        let made = openssl(&["-subj", "/CN=authority", "-keyout", &own, "-out", &authority])
            && openssl(&[
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-CA",
                &authority,
                "-CAkey",
                &own,
                "-keyout",
                &file("key.pem"),
                "-out",
                &file("server.pem"),
            ]);
        if !made {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/git_https.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(self.path(""))
            .args([file("server.pem"), file("key.pem")])
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stdout.take()?).lines();
        let port = lines.next()?.ok()?;
        let requests = self.requests.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|_| {
                requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        });
        Some((child, format!("https://localhost:{port}/content.git")))
    }

    fn asked(&self) -> usize {
        std::thread::sleep(Duration::from_millis(100));
        self.requests.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.server {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

fn git(dir: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // The authority that a command line names counts only where the environment names none.
        .env_remove("GIT_SSL_CAINFO")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
        .output()
        .expect("git is there");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Bench {
    /// A branch of 10,000 files, followed by this program and by git.
    pub(crate) fn source(&mut self) {
        let rows = ["poll", "ten files", "first delivery", "idle"];
        if !rows.iter().any(|row| self.wanted(&format!("source: {row}"))) {
            return;
        }
        let mut origin = Origin::new();
        self.first(&origin);
        self.ten(&mut origin);
        self.polls(&origin);
        self.idle(&mut origin);
    }

    fn first(&mut self, origin: &Origin) {
        if !self.wanted("source: first delivery") {
            return;
        }
        let (mut ours, mut theirs) = ((Duration::MAX, Duration::MAX), (Duration::MAX, Duration::MAX));
        let url = format!("file://{}", origin.bare());
        for turn in 0..if self.asserts { 2 } else { 4 } {
            let (store, home, clone) = (format!("s{turn}"), format!("h{turn}"), format!("c{turn}"));
            let remote = remote(&url, &origin.path(&store), None);
            let home_ = Home::open(origin.path(&home).as_path(), publish::Options::default()).expect("a home");
            // Neither waits until the files of the other are on disk.
            rustix::fs::sync();
            let mine = cost(|| assert!(deliver(&remote, &home_) >= FILES));
            rustix::fs::sync();
            let peer = cost(|| git(&origin.path(""), &["clone", "-q", "--depth", "1", &url, &clone]));
            ours = (ours.0.min(mine.0), ours.1.min(mine.1));
            theirs = (theirs.0.min(peer.0), theirs.1.min(peer.1));
            drop(home_);
        }
        let ratio = ours.1.as_secs_f64() / theirs.1.as_secs_f64();
        let times = format!("{:.2?} / {:.2?}, processor {:.2?} / {:.2?}", ours.1, theirs.1, ours.0, theirs.0);
        // It is the disk that is measured here: how it takes what is written beside other work differs by far.
        self.row("source: first delivery / git clone --depth 1", ratio, "<= 1.0", ratio <= 4.0, &times);
    }

    fn ten(&mut self, origin: &mut Origin) {
        if !self.wanted("source: ten files") {
            return;
        }
        let url = format!("file://{}", origin.bare());
        let remote = remote(&url, &origin.path("store"), None);
        let home = Home::open(origin.path("home").as_path(), publish::Options::default()).expect("a home");
        deliver(&remote, &home);
        git(&origin.path(""), &["clone", "-q", "--depth", "1", &url, "clone"]);
        let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
        let (mut our_time, mut their_time) = (Duration::MAX, Duration::MAX);
        let turns = if self.asserts { 5 } else { 20 };
        let mut touched = 0;
        for _ in 0..turns {
            let before = times(&origin.path("home/dags"));
            origin.change();
            let mine = cost(|| assert_eq!(deliver(&remote, &home), 10));
            let peer = cost(|| {
                git(&origin.path("clone"), &["fetch", "-q", "--depth", "1"]);
                git(&origin.path("clone"), &["reset", "-q", "--hard", "origin/main"]);
            });
            let after = times(&origin.path("home/dags"));
            touched = touched.max(after.iter().filter(|(path, time)| before.get(*path) != Some(*time)).count());
            (ours, theirs) = (ours + mine.0, theirs + peer.0);
            (our_time, their_time) = (our_time.min(mine.1), their_time.min(peer.1));
        }
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64().max(1e-3);
        let shown =
            format!("processor {:.1?} / {:.1?}, time {our_time:.1?} / {their_time:.1?}", ours / turns, theirs / turns);
        self.row("source: ten files / git fetch + reset", ratio, "<= 0.33", ratio <= 1.0, &shown);
        self.row("source: ten files, files touched", touched as f64, "= 10", touched == 10, "");
    }

    fn polls(&mut self, origin: &Origin) {
        let Some((_, https)) = &origin.server else {
            self.failed |= self.asserts;
            return println!("source: https was not measured, it needs openssl");
        };
        let certificates = std::fs::read(origin.path("ca.pem")).expect("it was made");
        for (kind, url, certificates) in
            [("file", format!("file://{}", origin.bare()), None), ("https", https.clone(), Some(certificates))]
        {
            let what = format!("source: poll over {kind}");
            if !self.wanted(&what) {
                continue;
            }
            let remote = remote(&url, &origin.path(&format!("poll-{kind}")), certificates);
            let home = Home::open(origin.path(&format!("poll-home-{kind}")).as_path(), publish::Options::default())
                .expect("a home");
            deliver(&remote, &home);
            origin.asked();
            let turns = if self.asserts { 40 } else { 200 };
            let authority = format!("http.sslCAInfo={}", origin.path("ca.pem").display());
            let list = || git(&origin.path(""), &["-c", &authority, "ls-remote", "-q", &url, "refs/heads/main"]);
            let fetch = || drop(remote.fetch().expect("it is there"));
            fetch();
            list();
            origin.asked();
            fetch();
            let our_requests = origin.asked();
            list();
            let their_requests = origin.asked();
            let ours = cost(|| (0..turns).for_each(|_| fetch()));
            let theirs = cost(|| (0..turns).for_each(|_| list()));
            let ratio = ours.0.as_secs_f64() / theirs.0.as_secs_f64().max(1e-3);
            let observed = cost(|| (0..turns).for_each(|_| poll(&remote, &home).expect("there is no news")));
            let shown = format!(
                "processor {:.2?} / {:.2?} (with the comparison of the disk {:.2?}), requests {our_requests} / {their_requests}",
                ours.0 / turns,
                theirs.0 / turns,
                observed.0 / turns
            );
            let within = ratio <= 1.5 && our_requests <= their_requests;
            self.row(&format!("{what} / git ls-remote"), ratio, "<= 1.0", within, &shown);
        }
    }

    /// Memory that only this program's data takes: 60 s after a delivery that was judged, and after
    /// a thousand polls.
    fn idle(&mut self, origin: &mut Origin) {
        let Some(https) = origin.server.as_ref().map(|(_, url)| url.clone()) else {
            self.failed |= self.asserts;
            return println!("source: idle was not measured, it needs openssl");
        };
        let (file, ca) = (format!("file://{}", origin.bare()), origin.path("ca.pem").display().to_string());
        // Between two passes: what one takes is given back within some twenty-five seconds of its end.
        let wait = Duration::from_secs(if self.asserts { 30 } else { 75 });
        for (kind, url, most) in [("file", &file, 15.0), ("https", &https, 20.0)] {
            let what = format!("source: idle over {kind}");
            if !self.wanted(&what) {
                continue;
            }
            let (home, store) = (origin.path(&format!("idle-{kind}")), origin.path(&format!("idle-store-{kind}")));
            let mut program = Command::new(env!("CARGO_BIN_EXE_dagguard"))
                .args(["sync", "--no-live"])
                .envs([("AIRFLOW_HOME", &home), ("CONTENT_SYNCER_GIT_REPO_FOLDER", &store)])
                .envs([("CONTENT_SYNCER_GIT_REPO_SOURCE", url.as_str()), ("DAGGUARD_CA_BUNDLE", &ca)])
                .envs([("CONTENT_SYNCER_INTERVAL", "30"), ("DAGGUARD_LOG_FORMAT", "json")])
                .stderr(Stdio::piped())
                .spawn()
                .expect("it was built");
            let lines = BufReader::new(program.stderr.take().expect("piped above")).lines();
            let (send, said) = std::sync::mpsc::channel();
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(send.send(line))));
            let delivered = || {
                while let Ok(line) = said.recv_timeout(Duration::from_mins(5)) {
                    if line.contains("\"outcome\":\"success\"") || line.contains("\"outcome\":\"unjudged\"") {
                        return true;
                    }
                }
                false
            };
            let first = delivered();
            origin.change();
            let second = delivered();
            std::thread::sleep(wait);
            let kib = anonymous(&program.id().to_string());
            program.kill().ok();
            program.wait().ok();
            let Some(kib) = kib.filter(|_| first && second) else {
                println!("{what}: the program did not deliver");
                self.failed = true;
                continue;
            };
            let mib = kib as f64 / 1024.0;
            let shown = format!("{} s after a judged delivery of ten of 10,000 files", wait.as_secs());
            self.row(&format!("{what}, anonymous MiB"), mib, &format!("<= {most}"), mib <= most * 1.5, &shown);
            let times = if self.asserts { "200" } else { "1000" };
            let output = Command::new(std::env::current_exe().expect("this program"))
                .args([CHILD, url, &ca, &store.display().to_string(), &home.display().to_string(), times])
                .arg(wait.as_secs().to_string())
                .output()
                .expect("this program");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let figures: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
            let [early, late] = figures.as_slice() else {
                println!("{what}: {}", String::from_utf8_lossy(&output.stderr));
                self.failed = true;
                continue;
            };
            let ratio = late / early;
            let shown = format!("{:.1} / {:.1} MiB", late / 1024.0, early / 1024.0);
            self.row(&format!("{what}, after {times} polls / after a tenth"), ratio, "<= 1.05", ratio <= 1.15, &shown);
        }
    }
}

/// When each file below a folder was changed.
fn times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let metadata = entry.metadata().expect("a file");
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                found.insert(entry.path(), metadata.modified().expect("a time"));
            }
        }
    }
    found
}
