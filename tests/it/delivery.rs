//! The sidecar's loop with a real branch, a real home and a scripted judge: what arrives where,
//! in which order, and what stays when something fails. Time is paused, so intervals pass at
//! once.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files, runs processes and may panic")]

use crate::repositories::{Scripted, write};
use dagguard::content::{Layout, Revision, Snapshot, plan};
use dagguard::git::{Options, Remote, Source, Upstream};
use dagguard::publish::{self, Home, Kind, Look, observe, read_record};
use dagguard::sync::{Bootstrap, Delivery, FirstDelivery, Judge, Judgement, Once, Outcome, Settings, run};
use notify::Watcher as _;
use notify::event::{EventKind, ModifyKind, RenameMode};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const FILES: [(&str, &str); 6] = [
    ("dags/a.py", "a = 1\n"),
    ("dags/same.py", "same = 1\n"),
    ("plugins/operators/o.py", "o = 1\n"),
    ("plugins/sensors/s.py", "s = 1\n"),
    ("shared/etl/dates.py", "d = 1\n"),
    ("README.md", "not content\n"),
];

/// A branch and a home.
struct Installation {
    branch: Scripted,
}

impl Installation {
    fn new() -> Self {
        Self { branch: Scripted::with(&FILES) }
    }

    fn home(&self) -> PathBuf {
        self.branch.root().join("home")
    }

    fn settings(&self) -> Settings {
        let source = Source::parse(self.branch.bare().to_str().unwrap()).unwrap();
        Settings {
            home: self.home(),
            upstream: Upstream::Branch(Box::new(
                Remote::new(source, "main", &self.branch.root().join("store"), Options::default()).unwrap(),
            )),
            interval: Duration::from_mins(5),
            once: None,
            bootstrap: Bootstrap::Deliver,
            layout: Layout::Content,
            delivery: Delivery::default(),
            warnings: Vec::new(),
        }
    }

    /// One pass with a judge that allows.
    fn once(&self) -> (Outcome, Vec<String>) {
        passes(Settings { once: Some(Once { strict: false }), ..self.settings() }, &Answers::allowing(), 1, |_| {})
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.home().join(path)).unwrap()
    }

    fn recorded(&self) -> String {
        read_record(&self.home()).unwrap().unwrap().revision.to_string()
    }

    /// Files of the delivered folders with what tells a rewrite: inode and time.
    fn stamps(&self) -> BTreeMap<String, (u64, i64, i64)> {
        let mut stamps = BTreeMap::new();
        walk(&self.home(), &mut |path, metadata| {
            if !path.contains(".dagguard") {
                stamps.insert(path.to_string(), (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
            }
        });
        stamps
    }
}

fn walk(root: &Path, each: &mut impl FnMut(&str, &fs::Metadata)) {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
            } else {
                each(path.strip_prefix(root).unwrap().to_str().unwrap(), &metadata);
            }
        }
    }
}

/// A judge that says what it is told, and counts.
struct Answers {
    says: Box<dyn Fn(usize) -> Judgement + Send + Sync>,
    asked: AtomicUsize,
    seen: Mutex<Vec<(String, String, FirstDelivery)>>,
}

impl Answers {
    fn new(says: impl Fn(usize) -> Judgement + Send + Sync + 'static) -> Self {
        Self { says: Box::new(says), asked: AtomicUsize::new(0), seen: Mutex::default() }
    }

    fn allowing() -> Self {
        Self::new(|_| Judgement::Allow { unjudged: false, notes: vec![] })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Judge for Answers {
    async fn judge(&self, deployed: &Snapshot, proposed: &Snapshot, first: FirstDelivery) -> Judgement {
        let seen = (deployed.revision().to_string(), proposed.revision().to_string(), first);
        self.seen.lock().unwrap().push(seen);
        (self.says)(self.asked.fetch_add(1, Ordering::SeqCst))
    }
}

/// The log of a run, line by line; after so many passes it asks the run to end.
#[derive(Clone)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    passes: usize,
    done: Arc<Notify>,
    between: Arc<Mutex<dyn FnMut(usize) + Send>>,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).trim().to_string();
        let over = line.contains("\"pass over\"");
        let mut lines = self.lines.lock().unwrap();
        lines.push(line);
        if over {
            let count = lines.iter().filter(|line| line.contains("\"pass over\"")).count();
            drop(lines);
            (self.between.lock().unwrap())(count);
            if count == self.passes {
                self.done.notify_one();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the loop for so many passes; `between` is called after each with its number from 1.
fn passes(
    settings: Settings,
    judge: &impl Judge,
    passes: usize,
    between: impl FnMut(usize) + Send + 'static,
) -> (Outcome, Vec<String>) {
    let done = Arc::new(Notify::new());
    let log = Log { lines: Arc::default(), passes, done: done.clone(), between: Arc::new(Mutex::new(between)) };
    let lines = log.lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || log.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(run(settings, judge, async move { done.notified().await }))
    });
    let lines = lines.lock().unwrap().clone();
    (outcome, lines)
}

fn outcomes(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| line.contains("\"pass over\""))
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["fields"]["outcome"].as_str().unwrap().to_string()
        })
        .collect()
}

fn count(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}

#[test]
fn the_first_pass_fills_an_empty_home_and_the_next_ones_do_nothing() {
    let installation = Installation::new();
    let head = installation.branch.git(&["rev-parse", "HEAD"]);
    let judge = Answers::allowing();
    let home = installation.home();
    let (recorder, events) = mpsc::channel();
    // The watcher works as long as it lives.
    let watching = Arc::new(Mutex::new(None));
    let keep = watching.clone();
    let (outcome, lines) = passes(installation.settings(), &judge, 4, move |pass| {
        if pass == 1 {
            let recorder = recorder.clone();
            let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                recorder.send(event.unwrap()).ok();
            })
            .unwrap();
            watcher.watch(&home, notify::RecursiveMode::Recursive).unwrap();
            *keep.lock().unwrap() = Some(watcher);
        }
    });
    assert_eq!(outcome, Outcome::Stopped);
    assert_eq!(outcomes(&lines), ["success", "noop", "noop", "noop"]);
    assert_eq!(count(&lines, &format!("Updating to revision {head}")), 1);
    assert_eq!(count(&lines, "syncer started"), 1);
    assert_eq!(installation.read("plugins/etl/dates.py"), "d = 1\n");
    assert!(!installation.home().join("README.md").exists() && !installation.home().join("plugins/shared").exists());
    assert_eq!(installation.recorded(), head);
    assert_eq!((judge.asked(), judge.seen.lock().unwrap()[0].2), (1, FirstDelivery::Yes));
    // R17: nothing was written in a pass without news.
    assert!(watching.lock().unwrap().take().is_some());
    let changes: Vec<_> = events.try_iter().filter(|event| !event.kind.is_access()).collect();
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn files_arrive_in_the_order_in_which_they_may_be_seen() {
    let installation = Installation::new();
    installation.branch.write(&[
        ("dags/old.py", "1\n"),
        ("shared/etl/old.py", "1\n"),
        ("plugins/sensors/old.py", "1\n"),
        ("plugins/operators/old.py", "1\n"),
    ]);
    installation.branch.push("more");
    installation.once();
    installation.branch.remove(&[
        "dags/old.py",
        "shared/etl/old.py",
        "plugins/sensors/old.py",
        "plugins/operators/old.py",
    ]);
    installation.branch.write(&[
        ("dags/0.py", "new\n"),
        ("dags/a.py", "a = 2\n"),
        ("plugins/operators/z.py", "new\n"),
        ("plugins/sensors/s.py", "s = 2\n"),
        ("shared/etl/dates.py", "d = 2\n"),
        ("shared/etl/zones.py", "new\n"),
    ]);
    installation.branch.push("changes everywhere");
    let before = installation.stamps();

    let home = installation.home();
    let (recorder, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        recorder.send(event.unwrap()).ok();
    })
    .unwrap();
    watcher.watch(&home, notify::RecursiveMode::Recursive).unwrap();
    assert_eq!(installation.once().0, Outcome::Complete);

    let mut order: Vec<String> = Vec::new();
    // The journal goes when all is done; its event ends the recording.
    let journal = home.join(".dagguard/journal");
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let event = events.recv_timeout(end - Instant::now()).unwrap();
        let sign = match event.kind {
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => '+',
            EventKind::Remove(_) => '-',
            EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_)) | EventKind::Access(_) => continue,
            _ => '!',
        };
        let path = event.paths.last().unwrap();
        if sign == '-' && *path == journal {
            break;
        }
        if !path.starts_with(home.join(".dagguard")) {
            order.push(format!("{sign}{}", path.strip_prefix(&home).unwrap().display()));
        }
    }
    assert_eq!(
        order,
        [
            "+plugins/operators/z.py",
            "+plugins/sensors/s.py",
            "+plugins/etl/dates.py",
            "+plugins/etl/zones.py",
            "+dags/0.py",
            "+dags/a.py",
            "-dags/old.py",
            "-plugins/etl/old.py",
            "-plugins/sensors/old.py",
            "-plugins/operators/old.py",
        ]
    );
    let after = installation.stamps();
    assert_eq!(after["dags/same.py"], before["dags/same.py"]);
    assert!(after["dags/a.py"].1 > before["dags/a.py"].1);
}

#[test]
fn a_wiped_home_is_filled_again_without_a_new_commit() {
    let installation = Installation::new();
    installation.once();
    // Seed defect 1: the clone survives, the content does not.
    fs::remove_dir_all(installation.home()).unwrap();
    let (outcome, lines) = installation.once();
    assert_eq!((outcome, outcomes(&lines)), (Outcome::Complete, vec!["success".to_string()]));
    assert_eq!(installation.read("dags/a.py"), "a = 1\n");
    // The same with a part of it gone, and a new store.
    fs::remove_dir_all(installation.home().join("dags")).unwrap();
    fs::remove_dir_all(installation.branch.root().join("store")).unwrap();
    let (_, lines) = installation.once();
    assert_eq!(count(&lines, "a delivered folder was changed by somebody else"), 2);
    assert_eq!(count(&lines, "Updating to revision"), 0);
    assert_eq!(installation.read("dags/a.py"), "a = 1\n");
}

#[test]
fn what_another_syncer_delivered_is_adopted_without_a_rewrite() {
    let installation = Installation::new();
    let home = installation.home();
    // The layout of the reference script.
    write(
        &home,
        &[
            ("dags/a.py", "a = 1\n"),
            ("dags/same.py", "same = 1\n"),
            ("dags/left_behind.py", "old\n"),
            ("plugins/operators/o.py", "o = 0\n"),
            ("plugins/sensors/s.py", "s = 1\n"),
            ("plugins/etl/dates.py", "d = 1\n"),
            ("plugins/etl/__pycache__/dates.cpython-310.pyc", "cache"),
            ("plugins/theirs/keep.py", "foreign\n"),
            ("plugins/listener.py", "foreign\n"),
            ("airflow.cfg", "foreign\n"),
        ],
    );
    let before = installation.stamps();
    let (outcome, lines) = installation.once();
    assert_eq!(outcome, Outcome::Complete);
    assert_eq!(count(&lines, "nothing is recorded, what is on disk counts as deployed"), 1);
    let after = installation.stamps();
    for same in ["dags/a.py", "dags/same.py", "plugins/sensors/s.py", "plugins/etl/dates.py", "plugins/theirs/keep.py"]
    {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(installation.read("plugins/operators/o.py"), "o = 1\n");
    assert!(!home.join("dags/left_behind.py").exists());
    assert_eq!((installation.read("plugins/listener.py"), installation.read("airflow.cfg")).0, "foreign\n");
    assert!(home.join("plugins/etl/__pycache__/dates.cpython-310.pyc").exists());

    fs::remove_dir_all(home.join(".dagguard")).unwrap();
    let judge = Answers::allowing();
    let (_, lines) = passes(installation.settings(), &judge, 2, |_| {});
    assert_eq!(outcomes(&lines), ["success", "noop"]);
    assert_eq!(installation.stamps(), after);
    assert_eq!(judge.asked(), 0, "the same files need no judgement");
}

#[test]
fn a_hold_keeps_what_is_deployed_and_releases_by_itself() {
    let installation = Installation::new();
    let head = installation.branch.git(&["rev-parse", "HEAD"]);
    installation.once();
    installation.branch.write(&[("dags/a.py", "a = 2\n")]);
    let newer = installation.branch.push("unsafe while a run is in flight");
    let judge = Answers::new(|asked| match asked {
        0..3 => Judgement::Hold { reasons: vec!["task-id-removed: a".into()], undecided: false },
        _ => Judgement::Allow { unjudged: false, notes: vec!["safe now".into()] },
    });
    let watched = installation.home().join("dags/a.py");
    let (_, lines) = passes(installation.settings(), &judge, 5, move |pass| {
        let expected = if pass < 4 { "a = 1\n" } else { "a = 2\n" };
        assert_eq!(fs::read_to_string(&watched).unwrap(), expected, "{pass}");
    });
    assert_eq!(outcomes(&lines), ["blocked", "blocked", "blocked", "success", "noop"]);
    assert_eq!(count(&lines, "\"holding a revision back\""), 1);
    assert_eq!(count(&lines, "task-id-removed: a"), 1);
    assert_eq!(judge.seen.lock().unwrap()[0], (head, newer, FirstDelivery::No));
}

#[test]
fn one_pass_with_a_hold_keeps_the_older_tree() {
    let installation = Installation::new();
    installation.once();
    installation.branch.write(&[("dags/a.py", "a = 2\n")]);
    installation.branch.push("held");
    let hold = || Answers::new(|_| Judgement::Hold { reasons: vec!["x".into()], undecided: true });
    let once = Settings { once: Some(Once { strict: false }), ..installation.settings() };
    assert_eq!(passes(once.clone(), &hold(), 1, |_| {}).0, Outcome::Held);
    assert_eq!(installation.read("dags/a.py"), "a = 1\n");

    let elsewhere = installation.branch.root().join("other-home");
    let first = |bootstrap| Settings { home: elsewhere.clone(), bootstrap, ..once.clone() };
    assert_eq!(passes(first(Bootstrap::Wait), &hold(), 1, |_| {}).0, Outcome::Incomplete);
    assert!(!elsewhere.join("dags/a.py").exists() && elsewhere.join("dags").is_dir());
    let (outcome, lines) = passes(first(Bootstrap::Judge), &hold(), 1, |_| {});
    assert_eq!((outcome, outcomes(&lines)), (Outcome::Complete, vec!["unjudged".to_string()]));
}

#[test]
fn a_branch_moved_back_is_judged_and_delivered_like_any_change() {
    let installation = Installation::new();
    let first = installation.branch.git(&["rev-parse", "HEAD"]);
    installation.branch.write(&[("dags/b.py", "b\n")]);
    installation.branch.push("second");
    installation.once();
    installation.branch.git(&["push", "-qf", "origin", &format!("{first}:main")]);
    let judge = Answers::allowing();
    let (_, lines) = passes(installation.settings(), &judge, 1, |_| {});
    assert_eq!((outcomes(&lines), judge.asked()), (vec!["success".to_string()], 1));
    assert_eq!(installation.recorded(), first);
    assert!(!installation.home().join("dags/b.py").exists());
}

#[test]
fn trouble_with_the_branch_takes_nothing_away() {
    let installation = Installation::new();
    installation.once();
    let before = installation.stamps();
    let bare = installation.branch.bare();
    let head = installation.branch.git(&["rev-parse", "HEAD"]);
    let git = {
        let work = installation.branch.work();
        move |arguments: &[&str]| crate::repositories::git(&work, arguments)
    };
    let (_, lines) = passes(installation.settings(), &Answers::allowing(), 6, move |pass| match pass {
        // Unreachable, then without the branch, then empty, then without DAGs, then fine again.
        1 => fs::rename(&bare, bare.with_extension("away")).unwrap(),
        2 => {
            fs::rename(bare.with_extension("away"), &bare).unwrap();
            git(&["push", "-q", "origin", "HEAD:other"]);
            git(&["push", "-q", "origin", ":main"]);
        }
        3 => {
            git(&["push", "-q", "origin", ":other"]);
        }
        4 => {
            git(&["rm", "-rq", "dags"]);
            git(&["commit", "-qm", "no dags"]);
            git(&["push", "-q", "origin", "HEAD:main"]);
        }
        5 => {
            git(&["push", "-qf", "origin", &format!("{head}:main")]);
        }
        _ => {}
    });
    assert_eq!(outcomes(&lines), ["noop", "error", "error", "error", "blocked", "noop"]);
    for (text, times) in [
        ("no repository there", 1),
        ("the branch does not exist at", 1),
        ("the repository is empty", 1),
        ("the tree holds no file below `dags`", 1),
    ] {
        assert_eq!(count(&lines, text), times, "{text}: {lines:#?}");
    }
    assert_eq!(installation.stamps(), before);
}

#[test]
fn strays_go_and_foreign_files_stay() {
    let installation = Installation::new();
    installation.once();
    let home = installation.home();
    write(
        &home,
        &[
            ("dags/stray.py", "stray\n"),
            ("plugins/etl/stray.py", "stray\n"),
            ("plugins/theirs/x.py", "foreign\n"),
            ("plugins/webhook.py", "foreign\n"),
            ("dags/__pycache__/a.cpython-310.pyc", "cache"),
        ],
    );
    let (_, lines) = installation.once();
    assert_eq!(count(&lines, "a delivered folder was changed by somebody else"), 2);
    assert!(!home.join("dags/stray.py").exists() && !home.join("plugins/etl/stray.py").exists());
    assert!(home.join("plugins/theirs/x.py").exists() && home.join("plugins/webhook.py").exists());
    assert!(home.join("dags/__pycache__/a.cpython-310.pyc").exists());

    installation.branch.remove(&["shared/etl"]);
    installation.branch.push("a shared folder goes");
    installation.once();
    assert!(!home.join("plugins/etl").exists() && home.join("plugins/theirs/x.py").exists());
}

#[test]
fn a_judge_that_panics_costs_one_pass() {
    let installation = Installation::new();
    installation.once();
    installation.branch.write(&[("dags/a.py", "a = 2\n")]);
    installation.branch.push("second");
    let judge = Answers::new(|asked| {
        assert!(asked > 0, "a fault of this program");
        Judgement::Allow { unjudged: false, notes: vec![] }
    });
    let (_, lines) = passes(installation.settings(), &judge, 3, |_| {});
    assert_eq!(outcomes(&lines), ["error", "success", "noop"]);
    assert_eq!(count(&lines, "pass ended by a fault of this program"), 1);
    assert_eq!(installation.read("dags/a.py"), "a = 2\n");
}

/// A judge that finds every pack of the store spoilt at its first time, and reads a file that did not change.
struct Reader {
    packs: PathBuf,
    read: Mutex<Vec<String>>,
    forgot: AtomicUsize,
}

impl Judge for Reader {
    async fn judge(&self, _: &Snapshot, proposed: &Snapshot, _: FirstDelivery) -> Judgement {
        if self.read.lock().unwrap().is_empty() {
            for path in fs::read_dir(&self.packs).unwrap().map(|entry| entry.unwrap().path()) {
                if path.extension().is_some_and(|kind| kind == "pack") {
                    let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
                    // In its place: the program has it open.
                    fs::File::options().write(true).open(&path).unwrap().write_all(&vec![255; length]).unwrap();
                }
            }
        }
        let operator = proposed.files().find(|(path, _)| path.as_str() == "plugins/operators/o.py").unwrap().1;
        self.read.lock().unwrap().push(String::from_utf8(operator.bytes.to_vec()).unwrap());
        Judgement::Allow { unjudged: false, notes: vec![] }
    }

    fn forget(&self) {
        self.forgot.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_could_not_be_read_is_fetched_again_and_judged_anew_by_a_judge_that_has_forgotten_it() {
    let installation = Installation::new();
    installation.once();
    installation.branch.write(&[("dags/a.py", "a = 2\n")]);
    installation.branch.push("second");
    let packs = installation.branch.root().join("store/dagguard.git/objects/pack");
    let judge = Reader { packs, read: Mutex::default(), forgot: AtomicUsize::new(0) };
    let (_, lines) = passes(installation.settings(), &judge, 2, |_| {});
    assert_eq!(outcomes(&lines), ["success", "noop"], "{lines:?}");
    assert_eq!(
        (judge.read.into_inner().unwrap(), judge.forgot.into_inner()),
        (vec![String::new(), "o = 1\n".into()], 1)
    );
    assert_eq!(installation.read("dags/a.py"), "a = 2\n");
}

#[test]
fn a_home_that_cannot_be_written_ends_the_program() {
    let installation = Installation::new();
    // Root may write anywhere but below a file.
    fs::write(installation.branch.root().join("file"), "").unwrap();
    let settings = Settings { home: installation.branch.root().join("file/home"), ..installation.settings() };
    let (outcome, lines) = passes(settings, &Answers::allowing(), 9, |_| {});
    assert_eq!((outcome, outcomes(&lines)), (Outcome::Incomplete, vec!["error".to_string()]));
    assert_eq!(count(&lines, "cannot be written"), 1);
}

#[test]
fn a_reader_sees_only_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("home");
    let home = Home::open(&path, publish::Options::default()).unwrap();
    let tree = |number: usize| {
        let revision = Revision::new(format!("{number}"));
        let mut snapshot = Snapshot::empty(revision.clone());
        let text = format!("{number}\n").repeat(50_000);
        let file = dagguard::content::File::regular(&revision, text.into_bytes());
        snapshot.insert(dagguard::content::ContentPath::new("dags/big.py").unwrap(), file);
        snapshot
    };
    let deliver = |number| {
        let proposed = tree(number);
        let observed = home.observe(&proposed, Layout::Content, Look::Stamps).unwrap();
        let steps = plan(&observed.manifest, &proposed, Layout::Content).unwrap();
        home.publish(&observed, &proposed, &steps, Layout::Content).unwrap();
    };
    deliver(0);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (stop, file) = (stop.clone(), path.join("dags/big.py"));
        std::thread::spawn(move || {
            let mut reads = 0;
            while !stop.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&file).unwrap();
                let first = text.lines().next().unwrap().to_string();
                assert!(text.lines().count() == 50_000 && text.lines().all(|line| line == first), "torn at {first}");
                reads += 1;
            }
            reads
        })
    };
    (1..=100).for_each(deliver);
    stop.store(true, Ordering::Relaxed);
    assert!(reader.join().unwrap() > 10);
    assert_eq!(observe(&path, &tree(100), Layout::Content, Look::Stamps).unwrap().kind, Kind::Recorded);
}

/// The program itself, without an Airflow.
fn as_process(installation: &Installation, once: bool) -> Command {
    let root = installation.branch.root();
    let (home, source, store) = (root.join("home"), root.join("content.git"), root.join("store"));
    let variables = [
        ("AIRFLOW_HOME", home.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", source.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", store.to_str().unwrap()),
        ("CONTENT_SYNCER_INTERVAL", "1"),
        ("DAGGUARD_NO_LIVE", "1"),
    ];
    let mut command = crate::program::command(root, if once { &["once"] } else { &["sync"] }, &variables);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, mut true_now: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !true_now() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited for {what}");
        std::hint::spin_loop();
    }
}

#[test]
fn asked_to_end_the_process_says_so_and_leaves_what_is_deployed() {
    let installation = Installation::new();
    let child = as_process(&installation, false).spawn().unwrap();
    let deployed = installation.home().join(".dagguard/deployed");
    wait_until("the first delivery", || deployed.exists());
    signal(child.id(), "-TERM");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("asked to end, what is deployed stays"), "{said}");
    assert_eq!(installation.read("dags/a.py"), "a = 1\n");
}

#[test]
fn a_process_killed_while_it_delivers_leaves_one_revision_after_a_restart() {
    const FILES: usize = 1500;
    let installation = Installation::new();
    let home = installation.home();
    let name = |n: usize| format!("dags/many/{n:04}.py");
    let fill = |text: &str| {
        let files: Vec<_> = (0..FILES).map(|n| (name(n), format!("{text} {n}\n"))).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        installation.branch.write(&files);
    };
    fill("# first");
    let mut deployed = installation.branch.push("first");
    assert!(as_process(&installation, true).output().unwrap().status.success());

    let text = |n: usize| fs::read_to_string(home.join(name(n))).unwrap_or_default();
    let state = home.join(".dagguard");
    let staged = || fs::read_dir(state.join("stage")).map_or(0, Iterator::count);
    for (round, point) in ["staging", "committed", "a third", "two thirds", "last file"].iter().enumerate() {
        let mark = format!("# round{round}");
        fill(&mark);
        let proposed = installation.branch.push(&mark);
        let mut child = as_process(&installation, true).stderr(Stdio::null()).spawn().unwrap();
        wait_until(point, || match round {
            0 => staged() > 200,
            1 => state.join("journal").exists(),
            2 => text(FILES / 3).starts_with(&mark),
            3 => text(FILES / 3 * 2).starts_with(&mark),
            _ => text(FILES - 1).starts_with(&mark),
        });
        signal(child.id(), "-KILL");
        child.wait().unwrap();
        let updated = (0..FILES).filter(|n| text(*n).starts_with(&mark)).count();
        // What was done is the beginning of the list.
        assert!((0..updated).all(|n| text(n).starts_with(&mark)), "{point}");

        // A restart without the network.
        let bare = installation.branch.bare();
        fs::rename(&bare, bare.with_extension("away")).unwrap();
        let restarted = as_process(&installation, true).output().unwrap();
        let said = String::from_utf8_lossy(&restarted.stderr);
        assert!(said.contains("no repository there"), "{said}");
        fs::rename(bare.with_extension("away"), &bare).unwrap();
        let now = installation.recorded();
        assert!(now == deployed || now == proposed, "{point}");
        let updated = (0..FILES).filter(|n| text(*n).starts_with(&mark)).count();
        assert_eq!(updated, if now == proposed { FILES } else { 0 }, "{point}");
        assert_eq!(round > 0, now == proposed, "{point}: only before the commit point the older one stays");

        assert!(as_process(&installation, true).output().unwrap().status.success());
        assert_eq!(installation.recorded(), proposed);
        assert_eq!(text(FILES - 1), format!("{mark} {}\n", FILES - 1));
        deployed = proposed;
    }
}
