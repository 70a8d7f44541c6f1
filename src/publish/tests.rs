//! Deliveries cut off at every single change, and what the file system shows afterwards.

use super::disk::{Disk, Effects};
use super::*;
use crate::content::{BlobId, ContentPath, HomePath, Mode, Operation, plan};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does so many changes, then "dies": that one is done by half and all later ones fail.
struct Mortal {
    left: Arc<AtomicUsize>,
    volumes: bool,
}

impl Mortal {
    fn dies(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }

    fn run(&self, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.dies() { Err(io::Error::other("killed")) } else { change() }
    }
}

impl Effects for Mortal {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|| Disk.create_dir(path))
    }
    fn create(&self, path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
        if self.left.load(Ordering::SeqCst) == 0 && !path.exists() && path.parent().is_some_and(Path::exists) {
            // Killed in the middle of the write.
            fs::write(path, &bytes[..bytes.len() / 2])?;
        }
        self.run(|| Disk.create(path, bytes, executable))
    }
    fn create_link(&self, path: &Path, target: &[u8]) -> io::Result<()> {
        self.run(|| Disk.create_link(path, target))
    }
    fn touch(&self, path: &Path, modified: i64) -> io::Result<()> {
        self.run(|| Disk.touch(path, modified))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(self.device(from).unwrap(), self.device(to.parent().unwrap()).unwrap(), "{from:?} {to:?}");
        self.run(|| Disk.rename(from, to))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.run(|| Disk.remove_file(path))
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|| Disk.remove_dir(path))
    }
    fn sync_files(&self, files: &[PathBuf]) -> io::Result<()> {
        // A kill, unlike a power cut, loses nothing that was written: waiting is only counted.
        self.run(|| files.iter().try_for_each(|file| fs::symlink_metadata(file).map(drop)))
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|| fs::read_dir(path).map(drop))
    }
    fn append(&self, path: &Path, line: &str) -> io::Result<()> {
        self.run(|| Disk.append(path, line))
    }
    /// With volumes, `dags` and `plugins/operators` are mounts of their own.
    fn device(&self, path: &Path) -> io::Result<u64> {
        fs::symlink_metadata(path)?;
        let text = path.display().to_string();
        let inside =
            |folder: &str| text.contains(&format!("home/{folder}/")) || text.ends_with(&format!("home/{folder}"));
        Ok(match self.volumes {
            true if inside("dags") => 1,
            true if inside("plugins/operators") => 2,
            _ => 0,
        })
    }
    fn now(&self) -> i64 {
        Disk.now()
    }
}

type Tree = BTreeMap<HomePath, (BlobId, Mode)>;

fn snapshot(revision: &str, files: &[(&str, &str)]) -> Snapshot {
    let revision = Revision::new(revision);
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        let link = text.strip_prefix("-> ");
        let mut file = crate::content::File::regular(&revision, link.unwrap_or(text).as_bytes());
        if link.is_some() {
            file.mode = Mode::Link;
        } else if text.starts_with("#!") {
            file.mode = Mode::Executable;
        }
        snapshot.insert(ContentPath::new(path).unwrap(), file);
    }
    snapshot
}

fn first() -> Snapshot {
    snapshot(
        "1111",
        &[
            ("dags/a.py", "a1"),
            ("dags/gone.py", "g1"),
            ("dags/same.py", "s1"),
            ("dags/folder/x.sql", "x1"),
            ("dags/file", "f1"),
            ("plugins/operators/o.py", "o1"),
            ("shared/old/u.py", "u1"),
        ],
    )
}

fn second() -> Snapshot {
    snapshot(
        "2222",
        &[
            ("dags/a.py", "a2"),
            ("dags/same.py", "s1"),
            ("dags/folder", "now a file"),
            ("dags/file/inside.py", "now a folder"),
            ("dags/link.py", "-> a.py"),
            ("dags/run.sh", "#!/bin/sh"),
            ("plugins/operators/o.py", "o2"),
            ("plugins/sensors/s.py", "s2"),
            ("shared/etl/dates.py", "d2"),
        ],
    )
}

fn wanted(snapshot: &Snapshot) -> Tree {
    let id = |source: &ContentPath| snapshot.get(source).map(|file| (file.id, file.mode)).unwrap();
    Layout::Content.deliver(snapshot).into_iter().map(|(dest, source)| (dest, id(&source))).collect()
}

/// What a reader sees in the folders of these tests, whatever is recorded.
fn on_disk(home: &Path) -> Tree {
    let mut tree = Tree::new();
    for root in ["dags", "plugins/operators", "plugins/sensors", "plugins/etl", "plugins/old"] {
        walk(home, root, &mut tree);
    }
    tree
}

fn walk(home: &Path, folder: &str, tree: &mut Tree) {
    let Ok(entries) = fs::read_dir(home.join(folder)) else { return };
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "__pycache__" || name == STATE {
            continue;
        }
        let path = format!("{folder}/{name}");
        let metadata = fs::symlink_metadata(home.join(&path)).unwrap();
        if metadata.is_dir() {
            walk(home, &path, tree);
        } else {
            let mode = observe::mode_of(&metadata).unwrap();
            let bytes = observe::read(&home.join(&path), mode).unwrap();
            tree.insert(HomePath::new(path).unwrap(), (BlobId::of(&bytes), mode));
        }
    }
}

fn deliver(home: &Home, proposed: &Snapshot) -> Result<Published, PublishError> {
    let observed = home.observe(proposed, Layout::Content)?;
    let plan = plan(&observed.manifest, proposed, Layout::Content).unwrap();
    home.publish(&observed, proposed, &plan, Layout::Content)
}

fn fresh() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    (dir, home)
}

fn mortal(left: usize, volumes: bool) -> (Box<dyn Effects>, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(left));
    (Box::new(Mortal { left: left.clone(), volumes }), left)
}

fn cut_off_everywhere(volumes: bool) {
    let open = |home: &Path| Home::open_with(home, mortal(usize::MAX, volumes).0).unwrap();
    let mut cuts = 0;
    for point in 0.. {
        let (_dir, home) = fresh();
        deliver(&open(&home), &first()).unwrap();
        fs::create_dir_all(home.join("dags/__pycache__")).unwrap();
        fs::write(home.join("dags/__pycache__/gone.cpython-312.pyc"), "stale").unwrap();
        fs::write(home.join("plugins/listener.py"), "foreign").unwrap();
        let before = on_disk(&home);
        let steps = plan(&before, &second(), Layout::Content).unwrap().steps;

        let (effects, left) = mortal(usize::MAX, volumes);
        let dying = Home::open_with(&home, effects).unwrap();
        left.store(point, Ordering::SeqCst);
        let result = deliver(&dying, &second());
        drop(dying);

        // What is on disk at the kill is a prefix of the plan.
        let mut prefixes = vec![before.clone()];
        for step in &steps {
            let mut next = prefixes.last().unwrap().clone();
            match &step.operation {
                Operation::Write { id, mode, .. } => next.insert(step.dest.clone(), (*id, *mode)),
                Operation::Remove => next.remove(&step.dest),
            };
            prefixes.push(next);
        }
        let killed = on_disk(&home);
        assert!(prefixes.contains(&killed), "not a prefix after {point} changes: {killed:?}");

        // A restart alone, without any network, ends in exactly one of the two revisions.
        let again = open(&home);
        let restarted = on_disk(&home);
        assert!(restarted == before || restarted == wanted(&second()), "{point}: {restarted:?}");
        assert!(!matches!(again.recovered(), Some(Recovery::Abandoned(_))), "{point}");
        let observed = again.observe(&second(), Layout::Content).unwrap();
        assert_eq!(observed.drift, [], "{point}");
        let revision = if restarted == before { "1111" } else { "2222" };
        assert_eq!(observed.revision.as_str(), revision, "{point}");

        // And the next pass delivers.
        deliver(&again, &second()).unwrap();
        assert_eq!(on_disk(&home), wanted(&second()), "{point}");
        assert!(again.observe(&second(), Layout::Content).unwrap().is_at(&Revision::new("2222")));
        assert_eq!(fs::read_to_string(home.join("plugins/listener.py")).unwrap(), "foreign");
        assert!(!home.join("plugins/old").exists(), "an empty shared folder goes");
        assert!(!home.join("dags/__pycache__/gone.cpython-312.pyc").exists());
        if result.is_ok() {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 40, "{cuts}");
}

#[test]
fn killed_after_any_change_a_restart_ends_in_one_revision() {
    cut_off_everywhere(false);
}

#[test]
fn killed_with_folders_on_volumes_of_their_own() {
    cut_off_everywhere(true);
}

#[test]
fn a_first_delivery_killed_anywhere_is_whole_or_has_not_begun() {
    for point in 0.. {
        let (_dir, home) = fresh();
        let (effects, left) = mortal(usize::MAX, false);
        let dying = Home::open_with(&home, effects).unwrap();
        left.store(point, Ordering::SeqCst);
        let result = deliver(&dying, &second());
        drop(dying);
        let again = Home::open(&home).unwrap();
        let tree = on_disk(&home);
        let kind = again.observe(&second(), Layout::Content).unwrap().kind;
        let whole = tree == wanted(&second()) && kind == Kind::Recorded;
        assert!(whole || (tree.is_empty() && kind == Kind::Empty), "{point}: {kind:?} {tree:?}");
        if result.is_ok() {
            assert!(point > 30, "{point}");
            return;
        }
    }
}

/// Any sequence of trees: files that come, change, go, become folders and back.
fn sequence() -> impl Strategy<Value = Vec<Vec<(String, String)>>> {
    let root = prop::sample::select(vec!["dags", "plugins/operators", "plugins/sensors", "shared/etl", "shared/old"]);
    let path = (root, prop::collection::vec(prop::sample::select(vec!["a", "b", "c.py"]), 1..4))
        .prop_map(|(root, parts)| format!("{root}/{}", parts.join("/")));
    let text = prop::sample::select(vec!["1", "2", "#!3", "-> always.py"]).prop_map(str::to_string);
    let tree = prop::collection::btree_map(path, text, 0..10).prop_map(|tree| {
        let keys: Vec<String> = tree.keys().cloned().collect();
        let folder = |path: &String| keys.iter().any(|other| other.starts_with(&format!("{path}/")));
        let keep = |path: &String, text: &String| {
            // A link only where its target is: beside the file that is always there.
            !folder(path) && (!text.starts_with("->") || path.matches('/').count() == 1 && path.starts_with("dags/"))
        };
        let mut tree: Vec<_> = tree.into_iter().filter(|(path, text)| keep(path, text)).collect();
        tree.push(("dags/always.py".to_string(), "always".to_string()));
        tree
    });
    prop::collection::vec(tree, 2..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_sequence_of_trees_ends_as_the_last_one(trees in sequence()) {
        let (_dir, home) = fresh();
        let open = Home::open_with(&home, mortal(usize::MAX, false).0).unwrap();
        for (number, tree) in trees.iter().enumerate() {
            let files: Vec<_> = tree.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let proposed = snapshot(&number.to_string(), &files);
            deliver(&open, &proposed).unwrap();
            prop_assert_eq!(on_disk(&home), wanted(&proposed));
            prop_assert!(open.observe(&proposed, Layout::Content).unwrap().is_at(proposed.revision()));
            let again = plan(&wanted(&proposed), &proposed, Layout::Content).unwrap();
            prop_assert!(again.is_empty());
        }
        prop_assert!(!home.join(".dagguard/journal").exists());
    }
}

#[test]
fn killed_twice_it_still_ends_in_one_revision() {
    for point in (5..60).step_by(3) {
        for next in [0, 2, 5, 9] {
            let (_dir, home) = fresh();
            deliver(&Home::open_with(&home, mortal(usize::MAX, false).0).unwrap(), &first()).unwrap();
            let (effects, left) = mortal(usize::MAX, false);
            let dying = Home::open_with(&home, effects).unwrap();
            left.store(point, Ordering::SeqCst);
            deliver(&dying, &second()).ok();
            drop(dying);
            drop(Home::open_with(&home, mortal(next, false).0));
            let again = Home::open_with(&home, mortal(usize::MAX, false).0).unwrap();
            let tree = on_disk(&home);
            assert!(tree == wanted(&first()) || tree == wanted(&second()), "{point} {next}: {tree:?}");
            deliver(&again, &second()).unwrap();
            assert_eq!(on_disk(&home), wanted(&second()));
        }
    }
}

#[test]
fn a_failure_after_the_commit_point_is_ended_by_the_next_pass() {
    let (_dir, home) = fresh();
    let (effects, left) = mortal(usize::MAX, false);
    let home_of = Home::open_with(&home, effects).unwrap();
    deliver(&home_of, &first()).unwrap();
    left.store(30, Ordering::SeqCst);
    let error = deliver(&home_of, &second()).unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(home.join(".dagguard/journal").exists());
    left.store(usize::MAX, Ordering::SeqCst);
    assert!(home_of.observe(&second(), Layout::Content).unwrap().is_at(&Revision::new("2222")));
}

#[test]
fn what_was_staged_may_vanish() {
    let (_dir, home) = fresh();
    let (effects, left) = mortal(usize::MAX, false);
    let dying = Home::open_with(&home, effects).unwrap();
    deliver(&dying, &first()).unwrap();
    left.store(30, Ordering::SeqCst);
    deliver(&dying, &second()).unwrap_err();
    drop(dying);
    fs::remove_dir_all(home.join(".dagguard/stage")).unwrap();
    let again = Home::open(&home).unwrap();
    assert_eq!(again.recovered(), Some(&Recovery::Abandoned(Revision::new("2222"))));
    assert_eq!(again.observe(&second(), Layout::Content).unwrap().kind, Kind::Adopted);
    deliver(&again, &second()).unwrap();
    assert_eq!(on_disk(&home), wanted(&second()).into_iter().chain([old_shared()]).collect());
}

/// Without a record nobody knows any more that `plugins/old` was delivered.
fn old_shared() -> (HomePath, (BlobId, Mode)) {
    (HomePath::new("plugins/old/u.py").unwrap(), (BlobId::of(b"u1"), Mode::Regular))
}

#[test]
fn unchanged_files_keep_their_times_and_changed_ones_move_by_a_second() {
    let (_dir, home) = fresh();
    let open = Home::open(&home).unwrap();
    deliver(&open, &first()).unwrap();
    let time = |path: &str| fs::metadata(home.join(path)).unwrap();
    let (same, changed) = (time("dags/same.py").mtime_nsec(), time("dags/a.py").mtime());
    deliver(&open, &second()).unwrap();
    assert_eq!(time("dags/same.py").mtime_nsec(), same);
    assert!(time("dags/a.py").mtime() > changed);
    assert_eq!(time("dags/a.py").permissions().mode() & 0o777, 0o664);
    assert_eq!(time("dags/run.sh").permissions().mode() & 0o777, 0o775);
    assert_eq!(time("plugins/etl").permissions().mode() & 0o777, 0o775);
    assert_eq!(fs::read_link(home.join("dags/link.py")).unwrap(), Path::new("a.py"));
    let history = fs::read_to_string(home.join(".dagguard/history")).unwrap();
    assert_eq!(history.lines().count(), 2);
    assert!(history.contains(r#""from":"disk""#) && history.contains(r#""from":"1111""#), "{history}");
}

#[test]
fn drift_is_seen_by_content_and_repaired() {
    let (_dir, home) = fresh();
    let open = Home::open(&home).unwrap();
    deliver(&open, &first()).unwrap();
    assert_eq!(open.observe(&first(), Layout::Content).unwrap().drift, []);
    // Only touched: read once more, and found the same.
    Disk.touch(&home.join("dags/same.py"), 1_000_000_000).unwrap();
    assert_eq!(open.observe(&first(), Layout::Content).unwrap().drift, []);
    fs::write(home.join("dags/a.py"), "by hand").unwrap();
    fs::remove_file(home.join("dags/gone.py")).unwrap();
    fs::write(home.join("dags/stray.py"), "stray").unwrap();
    fs::create_dir_all(home.join("plugins/old/__pycache__")).unwrap();
    fs::write(home.join("plugins/old/__pycache__/u.cpython-312.pyc"), "cache").unwrap();
    let observed = open.observe(&first(), Layout::Content).unwrap();
    let drift: Vec<_> = observed.drift.iter().map(|drift| format!("{} {:?}", drift.path, drift.kind)).collect();
    assert_eq!(drift, ["dags/a.py Changed", "dags/gone.py Missing", "dags/stray.py Stray"]);
    let deployed = deployed(&home, &observed, Layout::Content).unwrap();
    let revision = |path: &str| deployed.get(&ContentPath::new(path).unwrap()).unwrap().revision.to_string();
    assert_eq!((revision("dags/a.py"), revision("shared/old/u.py")), ("disk".into(), "1111".into()));
    deliver(&open, &first()).unwrap();
    assert_eq!(on_disk(&home), wanted(&first()));
    assert!(home.join("plugins/old/__pycache__/u.cpython-312.pyc").exists(), "a living module keeps its byte code");
}

#[test]
fn somebody_elses_folder_is_not_taken_over() {
    let (_dir, home) = fresh();
    let open = Home::open(&home).unwrap();
    deliver(&open, &first()).unwrap();
    fs::create_dir_all(home.join("plugins/etl")).unwrap();
    fs::write(home.join("plugins/etl/theirs.py"), "x").unwrap();
    let error = deliver(&open, &second()).unwrap_err();
    assert_eq!(error, PublishError::InTheWay { path: home.join("plugins/etl") });
    assert_eq!(on_disk(&home).len(), wanted(&first()).len() + 1);
}

#[test]
fn one_syncer_at_a_time_and_no_links_for_roots() {
    let (_dir, home) = fresh();
    let open = Home::open(&home).unwrap();
    let Err(PublishError::Locked { pid, .. }) = Home::open(&home) else { panic!("not locked") };
    assert_eq!(pid, Some(std::process::id()));
    drop(open);
    Home::open(&home).unwrap();

    let (dir, home) = fresh();
    fs::create_dir_all(dir.path().join("source/dags")).unwrap();
    fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(dir.path().join("source/dags"), home.join("dags")).unwrap();
    let Err(error) = Home::open(&home) else { panic!("wrote through a link") };
    assert_eq!(error, PublishError::LinkedRoot { path: home.join("dags") });

    // Root may write anywhere but below a file.
    let (dir, _) = fresh();
    fs::write(dir.path().join("file"), "").unwrap();
    let Err(error) = Home::open(&dir.path().join("file/home")) else { panic!("wrote below a file") };
    assert!(matches!(error, PublishError::NotWritable { .. }), "{error}");
}

#[test]
fn a_record_of_another_version_counts_as_none() {
    let (_dir, home) = fresh();
    let open = Home::open(&home).unwrap();
    deliver(&open, &first()).unwrap();
    let path = home.join(".dagguard/deployed");
    let text = fs::read_to_string(&path).unwrap();
    for broken in [text.replace("\"schema_version\":1", "\"schema_version\":99"), text[..text.len() / 2].to_string()] {
        fs::write(&path, broken).unwrap();
        let observed = open.observe(&first(), Layout::Content).unwrap();
        assert_eq!((observed.kind, observed.manifest), (Kind::Adopted, wanted(&first())));
    }
}
