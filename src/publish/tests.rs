//! Deliveries cut off at every single change, and what the file system shows afterwards.

mod drift;
mod state_files;
mod sweep;
mod trees;

use super::disk::{Disk, Effects, Room, Volume};
use super::*;

use crate::content::{BlobId, ContentPath, HomePath, Mode, Operation, plan};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// What happens at one of the changes that a delivery makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The process dies: that change is done by half and all later ones are not done.
    Killed,
    /// The change fails with this errno, and so does every later one until it is mended.
    Broken(i32),
    /// The change fails with this errno, once.
    Once(i32),
}

/// The disk, with a fault at the change of that number.
struct Faulty {
    left: Arc<AtomicUsize>,
    fault: Fault,
    volumes: bool,
    clock: Arc<AtomicI64>,
    /// What is free, where that is not the truth.
    room: Option<Room>,
    /// Whether staged files belong to another user, who alone may set their times.
    foreign: bool,
}

impl Faulty {
    fn new(left: usize, fault: Fault) -> Self {
        let left = Arc::new(AtomicUsize::new(left));
        Self { left, fault, volumes: false, clock: Arc::default(), room: None, foreign: false }
    }

    fn strikes(&self) -> bool {
        let next = |left: usize| match (left, self.fault) {
            (usize::MAX, _) => None,
            (0, Fault::Once(_)) => Some(usize::MAX),
            _ => Some(left.saturating_sub(1)),
        };
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) == Ok(0)
    }

    fn run<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if !self.strikes() {
            return change();
        }
        Err(match self.fault {
            Fault::Killed => io::Error::other("killed"),
            Fault::Broken(errno) | Fault::Once(errno) => io::Error::from_raw_os_error(errno),
        })
    }
}

impl Effects for Faulty {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|| Disk.create_dir(path))
    }
    fn create(&self, path: &Path, bytes: &[u8], executable: bool) -> io::Result<record::Stamp> {
        let here = self.left.load(Ordering::SeqCst) == 0;
        if here && !path.exists() && path.parent().is_some_and(Path::exists) {
            // Killed, or the disk full, in the middle of the write.
            fs::write(path, &bytes[..bytes.len() / 2])?;
        }
        self.run(|| Disk.create(path, bytes, executable))
    }
    fn create_link(&self, path: &Path, target: &[u8]) -> io::Result<()> {
        self.run(|| Disk.create_link(path, target))
    }
    fn touch(&self, path: &Path, modified: i64) -> io::Result<()> {
        if self.foreign && path.extension().is_none_or(|extension| extension != "again") {
            return Err(io::Error::from_raw_os_error(1));
        }
        self.run(|| Disk.touch(path, modified))
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|| Disk.link(from, to))
    }
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.run(|| Disk.exchange(one, other))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(self.volume(from).unwrap(), self.volume(to.parent().unwrap()).unwrap(), "{from:?} {to:?}");
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
    /// With volumes, `dags` and `plugins/operators` are mounts of their own.
    fn volume(&self, path: &Path) -> io::Result<Volume> {
        fs::symlink_metadata(path)?;
        let text = path.display().to_string();
        let inside =
            |folder: &str| text.contains(&format!("home/{folder}/")) || text.ends_with(&format!("home/{folder}"));
        let device = match self.volumes {
            true if inside("dags") => 1,
            true if inside("plugins/operators") => 2,
            _ => 0,
        };
        Ok(Volume { device, mount: 0 })
    }
    fn room(&self, path: &Path) -> io::Result<Room> {
        self.room.map_or_else(|| Disk.room(path), Ok)
    }
    fn now(&self) -> i64 {
        match self.clock.load(Ordering::SeqCst) {
            0 => Disk.now(),
            now => now,
        }
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

const FIRST: [(&str, &str); 7] = [
    ("dags/a.py", "a1"),
    ("dags/gone.py", "g1"),
    ("dags/same.py", "s1"),
    ("dags/folder/x.sql", "x1"),
    ("dags/file", "f1"),
    ("plugins/operators/o.py", "o1"),
    ("shared/old/u.py", "u1"),
];

fn first() -> Snapshot {
    snapshot("1111", &FIRST)
}

const SECOND: [(&str, &str); 9] = [
    ("dags/a.py", "a2"),
    ("dags/same.py", "s1"),
    ("dags/folder", "now a file"),
    ("dags/file/inside.py", "now a folder"),
    ("dags/link.py", "-> a.py"),
    ("dags/run.sh", "#!/bin/sh"),
    ("plugins/operators/o.py", "o2"),
    ("plugins/sensors/s.py", "s2"),
    ("shared/etl/dates.py", "d2"),
];

fn second() -> Snapshot {
    snapshot("2222", &SECOND)
}

fn wanted(snapshot: &Snapshot) -> Tree {
    let id = |source: &ContentPath| snapshot.get(source).map(|file| (file.id, file.mode)).unwrap();
    Layout::Content.deliver(snapshot).into_iter().map(|(dest, source)| (dest, id(&source))).collect()
}

/// What a reader sees below `dags` and in the folders of `plugins`, whatever is recorded.
fn on_disk(home: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(home, "dags", &mut tree);
    for entry in fs::read_dir(home.join("plugins")).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name != STATE && name != "foreign" && entry.file_type().unwrap().is_dir() {
            walk(home, &format!("plugins/{name}"), &mut tree);
        }
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

fn look_at(home: &Home, proposed: &Snapshot) -> Observed {
    home.observe(proposed, Layout::Content, Look::Stamps).unwrap()
}

fn deliver(home: &Home, proposed: &Snapshot) -> Result<Published, PublishError> {
    let observed = home.observe(proposed, Layout::Content, Look::Stamps)?;
    let plan = plan(&observed.manifest, proposed, Layout::Content).unwrap();
    home.publish(&observed, proposed, &plan, Layout::Content)
}

fn fresh() -> (tempfile::TempDir, std::path::PathBuf) {
    // In memory where there is such a place: the sweeps make some thousand homes.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let home = dir.path().join("home");
    (dir, home)
}

fn faulty(left: usize, fault: Fault, volumes: bool) -> (Box<dyn Effects>, Arc<AtomicUsize>) {
    let disk = Faulty { volumes, ..Faulty::new(left, fault) };
    let left = disk.left.clone();
    (Box::new(disk), left)
}

fn mortal(left: usize, volumes: bool) -> (Box<dyn Effects>, Arc<AtomicUsize>) {
    faulty(left, Fault::Killed, volumes)
}

fn open_with(home: &Path, effects: Box<dyn Effects>) -> Result<Home, PublishError> {
    Home::open_with(Places::of(home), Options::default(), effects)
}

fn open(home: &Path) -> Result<Home, PublishError> {
    open_with(home, Box::new(Disk))
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
        let open = open_with(&home, mortal(usize::MAX, false).0).unwrap();
        for (number, tree) in trees.iter().enumerate() {
            let files: Vec<_> = tree.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let proposed = snapshot(&number.to_string(), &files);
            deliver(&open, &proposed).unwrap();
            prop_assert_eq!(on_disk(&home), wanted(&proposed));
            prop_assert!(look_at(&open, &proposed).is_at(proposed.revision()));
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
            deliver(&open_with(&home, mortal(usize::MAX, false).0).unwrap(), &first()).unwrap();
            let (effects, left) = mortal(usize::MAX, false);
            let dying = open_with(&home, effects).unwrap();
            left.store(point, Ordering::SeqCst);
            deliver(&dying, &second()).ok();
            drop(dying);
            drop(open_with(&home, mortal(next, false).0));
            let again = open_with(&home, mortal(usize::MAX, false).0).unwrap();
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
    let home_of = open_with(&home, effects).unwrap();
    deliver(&home_of, &first()).unwrap();
    left.store(30, Ordering::SeqCst);
    let error = deliver(&home_of, &second()).unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(home.join(".dagguard/journal").exists());
    left.store(usize::MAX, Ordering::SeqCst);
    assert!(look_at(&home_of, &second()).is_at(&Revision::new("2222")));
}

/// A delivery of two new folders, cut off when it is to put the first of them.
fn cut_before_a_new_folder() -> (tempfile::TempDir, PathBuf, Snapshot) {
    let proposed = snapshot(
        "2222",
        &[
            ("dags/new/a.py", "a"),
            ("dags/new/b.py", "b"),
            ("dags/new/sub/c.py", "c"),
            ("dags/old.py", "o"),
            ("dags/other/d.py", "d"),
            ("dags/other/e.py", "e"),
        ],
    );
    for at in 10.. {
        let (dir, home) = fresh();
        deliver(&open(&home).unwrap(), &snapshot("1111", &[("dags/old.py", "o")])).unwrap();
        let (effects, left) = mortal(usize::MAX, false);
        let dying = open_with(&home, effects).unwrap();
        left.store(at, Ordering::SeqCst);
        assert!(deliver(&dying, &proposed).is_err() && !home.join("dags/new").exists(), "{at}");
        if home.join(".dagguard/journal").exists() {
            return (dir, home, proposed);
        }
    }
    unreachable!("a delivery ends")
}

#[test]
fn a_new_folder_comes_with_all_its_files_at_once() {
    let (_dir, home, proposed) = cut_before_a_new_folder();
    let staged = fs::metadata(home.join(".dagguard/stage/.0/a.py")).unwrap();
    let again = open(&home).unwrap();
    assert_eq!(again.recovered(), Some(&Recovery::Finished(Revision::new("2222"))));
    assert_eq!(on_disk(&home), wanted(&proposed));
    let put = fs::metadata(home.join("dags/new/a.py")).unwrap();
    assert_eq!((put.ino(), put.ctime_nsec()), (staged.ino(), staged.ctime_nsec()), "not one by one");
    assert!(look_at(&again, &proposed).is_at(&Revision::new("2222")));
    assert_eq!(fs::read_dir(home.join(".dagguard/stage")).unwrap().count(), 0);
    for folder in ["dags/new", "dags/new/sub"] {
        assert_eq!(fs::metadata(home.join(folder)).unwrap().mode() & 0o777, 0o775, "{folder}");
    }
}

#[test]
fn a_new_folder_that_others_have_made_meanwhile_keeps_what_they_put_there() {
    let (_dir, home, proposed) = cut_before_a_new_folder();
    fs::create_dir_all(home.join("dags/new/__pycache__")).unwrap();
    fs::write(home.join("dags/new/__pycache__/z.pyc"), "theirs").unwrap();
    let again = open(&home).unwrap();
    assert_eq!(again.recovered(), Some(&Recovery::Finished(Revision::new("2222"))));
    assert_eq!(on_disk(&home), wanted(&proposed));
    assert!(home.join("dags/new/__pycache__/z.pyc").exists());
    assert!(look_at(&again, &proposed).is_at(&Revision::new("2222")));
    assert_eq!(fs::read_dir(home.join(".dagguard/stage")).unwrap().count(), 0);
}

#[test]
fn a_new_folder_is_not_staged_whole_where_its_place_gives_other_rights() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    fs::set_permissions(home.join("dags"), fs::Permissions::from_mode(0o2775)).unwrap();
    deliver(&home_of, &snapshot("1111", &[("dags/new/a.py", "a"), ("dags/new/b.py", "b")])).unwrap();
    assert_eq!(fs::metadata(home.join("dags/new")).unwrap().mode() & 0o7777, 0o2775);
}

#[test]
fn what_was_staged_may_vanish() {
    let (_dir, home) = fresh();
    let (effects, left) = mortal(usize::MAX, false);
    let dying = open_with(&home, effects).unwrap();
    deliver(&dying, &first()).unwrap();
    left.store(30, Ordering::SeqCst);
    deliver(&dying, &second()).unwrap_err();
    drop(dying);
    fs::remove_dir_all(home.join(".dagguard/stage")).unwrap();
    let again = open(&home).unwrap();
    assert_eq!(again.recovered(), Some(&Recovery::Abandoned(Revision::new("2222"))));
    assert_eq!(look_at(&again, &second()).kind, Kind::Adopted);
    deliver(&again, &second()).unwrap();
    // Also what came and went in the delivery that nobody could finish is known to be ours.
    assert_eq!(on_disk(&home), wanted(&second()));
}

#[test]
fn unchanged_files_keep_their_times_and_changed_ones_move_by_a_second() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    let time = |path: &str| fs::metadata(home.join(path)).unwrap();
    let (same, changed) = (time("dags/same.py").mtime_nsec(), time("dags/a.py").mtime());
    deliver(&home_of, &second()).unwrap();
    assert_eq!(time("dags/same.py").mtime_nsec(), same);
    assert!(time("dags/a.py").mtime() > changed);
    assert_eq!(time("dags/a.py").permissions().mode() & 0o777, 0o664);
    assert_eq!(time("dags/run.sh").permissions().mode() & 0o777, 0o775);
    assert_eq!(time("plugins/etl").permissions().mode() & 0o777, 0o775);
    assert_eq!(fs::read_link(home.join("dags/link.py")).unwrap(), Path::new("a.py"));
    let (deliveries, _) = history(&home).unwrap();
    let said: Vec<_> = deliveries.iter().map(|one| (one.sequence, one.from.as_str(), one.revision.as_str())).collect();
    assert_eq!(said, [(1, "disk", "1111"), (2, "1111", "2222")]);
    assert_eq!(
        (deliveries[1].writes, deliveries[1].removals, deliveries[1].files[0].as_str()),
        (8, 4, "+plugins/operators/o.py")
    );
}

#[test]
fn drift_is_seen_by_content_and_repaired() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    assert_eq!(look_at(&home_of, &first()).drift, []);
    // Only touched: read once more, and found the same.
    Disk.touch(&home.join("dags/same.py"), 1_000_000_000).unwrap();
    assert_eq!(look_at(&home_of, &first()).drift, []);
    fs::write(home.join("dags/a.py"), "by hand").unwrap();
    fs::remove_file(home.join("dags/gone.py")).unwrap();
    fs::write(home.join("dags/stray.py"), "stray").unwrap();
    fs::create_dir_all(home.join("plugins/old/__pycache__")).unwrap();
    fs::write(home.join("plugins/old/__pycache__/u.cpython-312.pyc"), "cache").unwrap();
    let observed = look_at(&home_of, &first());
    let drift: Vec<_> = observed.drift.iter().map(|drift| format!("{} {:?}", drift.path, drift.kind)).collect();
    assert_eq!(drift, ["dags/a.py Changed", "dags/gone.py Missing", "dags/stray.py Stray"]);
    let deployed = deployed(&home, &observed, Layout::Content).unwrap();
    let revision = |path: &str| deployed.get(&ContentPath::new(path).unwrap()).unwrap().revision.to_string();
    assert_eq!((revision("dags/a.py"), revision("shared/old/u.py")), ("disk".into(), "1111".into()));
    deliver(&home_of, &first()).unwrap();
    assert_eq!(on_disk(&home), wanted(&first()));
    assert!(home.join("plugins/old/__pycache__/u.cpython-312.pyc").exists(), "a living module keeps its byte code");
}

#[test]
fn somebody_elses_folder_is_not_taken_over() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    fs::create_dir_all(home.join("plugins/etl")).unwrap();
    fs::write(home.join("plugins/etl/theirs.py"), "x").unwrap();
    let error = deliver(&home_of, &second()).unwrap_err();
    assert_eq!(error, PublishError::InTheWay { path: home.join("plugins/etl") });
    assert_eq!(on_disk(&home).len(), wanted(&first()).len() + 1);
}

#[test]
fn a_lock_ends_with_its_holder_though_a_program_that_is_being_started_has_the_file_open() {
    let dir = tempfile::tempdir().unwrap();
    let lock = take_lock(&dir.path().join("lock")).unwrap();
    let inherited = lock.0.try_clone().unwrap();
    drop(lock);
    take_lock(&dir.path().join("lock")).unwrap();
    drop(inherited);
}

#[test]
fn one_syncer_at_a_time_and_no_links_for_roots() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    let Err(PublishError::Locked { pid, .. }) = open(&home) else { panic!("not locked") };
    assert_eq!(pid, Some(std::process::id()));
    drop(home_of);
    open(&home).unwrap();

    let (dir, home) = fresh();
    fs::create_dir_all(dir.path().join("source/dags")).unwrap();
    fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(dir.path().join("source/dags"), home.join("dags")).unwrap();
    let Err(error) = open(&home) else { panic!("wrote through a link") };
    assert_eq!(error, PublishError::LinkedRoot { path: home.join("dags") });

    // Root may write anywhere but below a file.
    let (dir, _) = fresh();
    fs::write(dir.path().join("file"), "").unwrap();
    let Err(error) = open(&dir.path().join("file/home")) else { panic!("wrote below a file") };
    assert!(matches!(error, PublishError::NotWritable { .. }), "{error}");
}

#[test]
fn a_record_that_is_none_counts_as_none() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    let path = home.join(".dagguard/deployed");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let observed = look_at(&home_of, &first());
    assert_eq!((observed.kind, observed.manifest), (Kind::Adopted, wanted(&first())));
}

#[test]
fn an_edit_that_restores_size_and_time_shows_and_is_read_in_any_case_now_and_then() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    let path = home.join("dags/a.py");
    let before = fs::metadata(&path).unwrap();
    fs::write(&path, "XX").unwrap();
    Disk.touch(&path, before.mtime() * 1_000_000_000 + before.mtime_nsec()).unwrap();
    assert_eq!(look_at(&home_of, &first()).drift.len(), 1, "the inode's change time tells");
    // A record that knows the stamp of the edited file, as a broken clock may make it.
    let mut record = read_record(&home).unwrap().unwrap();
    record.files.get_mut("dags/a.py").unwrap().stamp = record::Stamp::of(&fs::metadata(&path).unwrap());
    fs::write(home.join(".dagguard/deployed"), record.to_bytes()).unwrap();
    assert_eq!(look_at(&home_of, &first()).drift, []);
    assert_eq!(home_of.observe(&first(), Layout::Content, Look::Content).unwrap().drift.len(), 1);
}

#[test]
fn a_clock_set_back_still_makes_changed_files_newer() {
    let (_dir, home) = fresh();
    let clock = Arc::new(AtomicI64::new(0));
    let effects = Faulty { clock: clock.clone(), ..Faulty::new(usize::MAX, Fault::Killed) };
    let home_of = open_with(&home, Box::new(effects)).unwrap();
    deliver(&home_of, &first()).unwrap();
    let time = || fs::metadata(home.join("dags/a.py")).unwrap().mtime();
    let before = time();
    // Ten years ago.
    clock.store(Disk.now() - 315_360_000 * 1_000_000_000, Ordering::SeqCst);
    deliver(&home_of, &second()).unwrap();
    assert_eq!(time(), before + 1, "Python's byte code is told by whole seconds");
    deliver(&home_of, &first()).unwrap();
    assert_eq!(time(), before + 2);
    assert!(look_at(&home_of, &first()).is_at(&Revision::new("1111")));
}

#[test]
fn another_user_of_the_group_ends_what_one_has_begun() {
    let (_dir, home) = fresh();
    let (effects, left) = mortal(usize::MAX, false);
    let dying = open_with(&home, effects).unwrap();
    deliver(&dying, &first()).unwrap();
    left.store(32, Ordering::SeqCst);
    deliver(&dying, &second()).unwrap_err();
    drop(dying);
    // Only the owner of a file may set its time.
    let other = Faulty { foreign: true, ..Faulty::new(usize::MAX, Fault::Killed) };
    let again = open_with(&home, Box::new(other)).unwrap();
    assert_eq!(again.recovered(), Some(&Recovery::Finished(Revision::new("2222"))));
    assert_eq!(on_disk(&home), wanted(&second()));
    assert_eq!(fs::metadata(home.join("dags/run.sh")).unwrap().permissions().mode() & 0o777, 0o775);
    let lock = fs::metadata(home.join(".dagguard/lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o664, "the next user opens it too");
}

#[test]
fn a_volume_that_would_be_full_is_noticed_before_anything_is_written() {
    let refusals = |room: Room| {
        let (_dir, home) = fresh();
        let home_of =
            open_with(&home, Box::new(Faulty { room: Some(room), ..Faulty::new(usize::MAX, Fault::Killed) })).unwrap();
        let (observed, proposed) = (look_at(&home_of, &first()), first());
        let plan = plan(&observed.manifest, &proposed, Layout::Content).unwrap();
        let refusals = home_of.refusals(&observed, &proposed, &plan, Layout::Content).unwrap();
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let room = Room { block: 4096, bytes: 1 << 30, files: Some(1000) };
    assert_eq!(refusals(room), Vec::<String>::new());
    let full = refusals(Room { bytes: 40_000, ..room });
    assert!(
        full[0].starts_with("the volume of `dags` has room for 40000 more bytes, this delivery takes "),
        "{full:?}"
    );
    assert!(refusals(Room { files: Some(5), ..room })[0].starts_with("the volume of `dags` takes 5 more files"));
    assert_eq!(refusals(Room { files: None, ..room }), Vec::<String>::new());
}

#[test]
fn byte_code_goes_with_its_source_and_does_not_keep_a_folder() {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    let caches = [
        "dags/__pycache__/gone.cpython-312.pyc",
        "dags/__pycache__/a.cpython-312.opt-1.pyc",
        "dags/__pycache__/same.cpython-312.pyc",
        "plugins/old/__pycache__/u.cpython-310.pyc",
        "plugins/operators/__pycache__/o.v2.cpython-310.pyc",
    ];
    for cache in caches {
        fs::create_dir_all(home.join(cache).parent().unwrap()).unwrap();
        fs::write(home.join(cache), "byte code").unwrap();
    }
    deliver(&home_of, &second()).unwrap();
    let left: Vec<&str> = caches.into_iter().filter(|cache| home.join(cache).exists()).collect();
    assert_eq!(left, ["dags/__pycache__/same.cpython-312.pyc"], "that of changed and removed modules is gone");
    assert!(!home.join("plugins/old").exists(), "a folder with nothing but byte code goes");
    assert!(look_at(&home_of, &second()).is_at(&Revision::new("2222")), "byte code is no drift");
}
