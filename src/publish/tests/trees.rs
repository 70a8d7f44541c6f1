//! Deliveries as whole trees behind a link.

use super::sweep::{Case, ERRNOS, cases};
use super::*;

const LINKED: Options = Options { ignore_plugin_folders: true, mode: PublishMode::Symlink };

fn open_linked(home: &Path, effects: Box<dyn Effects>) -> Result<Home, PublishError> {
    Home::open_with(Places::of(home), LINKED, effects)
}

fn immortal() -> Box<dyn Effects> {
    mortal(usize::MAX, false).0
}

/// Carries a delivery out with a fault at the change of that number. What was deployed before is
/// in a tree already, or in place.
fn strike(case: &Case, at: usize, fault: Fault, from_tree: bool) -> Result<Published, PublishError> {
    let place = format!("{}, {fault:?} at {at}, from a tree {from_tree}", case.name);
    let (_dir, home) = fresh();
    if !case.deployed.is_empty() {
        let opened = if from_tree { open_linked(&home, immortal()) } else { open_with(&home, immortal()) };
        deliver(&opened.unwrap(), &case.deployed()).unwrap();
    }
    let before = on_disk(&home);
    let (proposed, target) = (case.proposed(), wanted(&case.proposed()));

    let (effects, left) = faulty(usize::MAX, fault, false);
    let struck = open_linked(&home, effects).unwrap();
    left.store(at, Ordering::SeqCst);
    let result = deliver(&struck, &proposed);
    left.store(usize::MAX, Ordering::SeqCst);
    // Once behind the link a reader has met no tree but these two; only while folders become links
    // for the first time each of the two is changed by itself.
    let found = on_disk(&home);
    if from_tree || case.deployed.is_empty() {
        assert!(found == before || found == target, "{place}: {found:?}");
    }
    if let (Err(error), Fault::Broken(errno) | Fault::Once(errno)) = (&result, fault) {
        let words = io::Error::from_raw_os_error(errno).to_string();
        let told = error.to_string();
        assert!(told.contains(&words) || told.contains("cannot become a link"), "{place}: {error}");
    }
    let again = if fault == Fault::Killed {
        drop(struck);
        open_linked(&home, immortal()).unwrap()
    } else {
        struck
    };
    let observed = look_at(&again, &Snapshot::empty(Revision::new("nothing")));
    let ended = on_disk(&home);
    assert!(ended == before || ended == target, "{place}: {ended:?}");
    assert_eq!(observed.drift, [], "{place}");
    deliver(&again, &proposed).unwrap();
    assert_eq!(on_disk(&home), target, "{place}");
    assert!(look_at(&again, &proposed).is_at(&Revision::new("2222")), "{place}");
    let last = history(&home).unwrap().0.pop().unwrap();
    assert_eq!(last.revision, "2222", "{place}");
    assert!(fs::read_dir(home.join(".dagguard/trees")).unwrap().count() <= 4, "{place}: trees are collected");
    result
}

fn sweep(faults: &[Fault], every: usize) -> usize {
    let mut points = 0;
    for (number, case) in cases().iter().enumerate() {
        for from_tree in [true, false] {
            for (turn, &fault) in faults.iter().enumerate() {
                let mut at = (number + turn) % every;
                while strike(case, at, fault, from_tree).is_err() || at < every {
                    points += 1;
                    at += every;
                    assert!(at < 1000, "{}: no end", case.name);
                }
            }
        }
    }
    points
}

#[test]
fn a_tree_killed_or_broken_at_a_sample_of_all_changes_is_the_old_or_the_new_one() {
    let faults: Vec<Fault> = ERRNOS.into_iter().map(Fault::Once).chain([Fault::Killed]).collect();
    let points = sweep(&faults, 23);
    println!("{points} kills and faults with trees");
    assert!(points > 200, "{points}");
}

#[test]
#[ignore = "takes minutes: every change of every delivery"]
fn a_tree_killed_or_broken_at_every_change_is_the_old_or_the_new_one() {
    let broken = ERRNOS.into_iter().flat_map(|errno| [Fault::Broken(errno), Fault::Once(errno)]);
    let points = sweep(&broken.chain([Fault::Killed]).collect::<Vec<_>>(), 1);
    println!("{points} kills and faults with trees");
    assert!(points > 2000, "{points}");
}

#[test]
fn both_folders_change_at_one_moment_and_unchanged_files_keep_their_times() {
    let (_dir, home) = fresh();
    let opened = open_linked(&home, Box::new(Disk)).unwrap();
    deliver(&opened, &first()).unwrap();
    assert_eq!(fs::read_link(home.join("dags")).unwrap(), Path::new(".dagguard/current/dags"));
    let stat = |path: &str| fs::metadata(home.join(path)).unwrap();
    let (same, changed) = (stat("dags/same.py"), stat("dags/a.py"));
    let old = fs::canonicalize(home.join("dags")).unwrap();
    deliver(&opened, &second()).unwrap();
    assert_eq!(on_disk(&home), wanted(&second()));
    let kept = stat("dags/same.py");
    assert_eq!((kept.ino(), kept.mtime(), kept.mtime_nsec()), (same.ino(), same.mtime(), same.mtime_nsec()));
    assert!(stat("dags/a.py").mtime() > changed.mtime());
    // Who opened the tree before still reads it whole.
    assert_eq!(fs::read_to_string(old.join("a.py")).unwrap(), "a1");
    assert_eq!(fs::read_to_string(old.join("gone.py")).unwrap(), "g1");
    // Links that are ours are taken again, and what was edited is seen.
    drop(opened);
    let again = open_linked(&home, Box::new(Disk)).unwrap();
    assert!(look_at(&again, &second()).is_at(&Revision::new("2222")));
    fs::write(home.join("dags/a.py"), "by hand").unwrap();
    assert_eq!(look_at(&again, &second()).drift.len(), 1);
    deliver(&again, &second()).unwrap();
    assert_eq!(on_disk(&home), wanted(&second()));
    assert_eq!(read_record(&home).unwrap().unwrap().revision.as_str(), "2222");
    let history = history(&home).unwrap().0;
    assert_eq!(history.iter().map(|one| one.sequence).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_way_back_from_links_to_folders_changes_no_file_and_may_be_cut_off_anywhere() {
    // The same inodes and times, whatever else is done.
    let stamps = |home: &Path| -> BTreeMap<HomePath, (u64, i64, i64)> {
        let of = |path: &HomePath| fs::symlink_metadata(home.join(path.as_str())).unwrap();
        let stamp = |metadata: fs::Metadata| (metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        on_disk(home).into_keys().map(|path| (path.clone(), stamp(of(&path)))).collect()
    };
    let mut at = 0;
    loop {
        let (_dir, home) = fresh();
        let opened = open_linked(&home, immortal()).unwrap();
        deliver(&opened, &first()).unwrap();
        deliver(&opened, &second()).unwrap();
        drop(opened);
        let before = stamps(&home);
        let cut_off = open_with(&home, mortal(at, false).0).is_err();
        assert_eq!(stamps(&home), before, "killed at {at}");
        // Whichever mode comes next, it goes on with what is there.
        let linked = at % 2 == 1;
        let next = if linked && cut_off { open_linked(&home, immortal()) } else { open_with(&home, immortal()) };
        let next = next.unwrap();
        let observed = look_at(&next, &second());
        assert!(observed.is_at(&Revision::new("2222")), "killed at {at}: {:?} {:?}", observed.kind, observed.drift);
        assert_eq!(stamps(&home), before, "killed at {at}");
        deliver(&next, &first()).unwrap();
        assert_eq!(on_disk(&home), wanted(&first()), "killed at {at}");
        assert_eq!(history(&home).unwrap().0.len(), 3, "killed at {at}");
        if !cut_off {
            break;
        }
        at += 1;
        assert!(at < 500, "no end");
    }
    assert!(at > 20, "{at}");

    let (_dir, home) = fresh();
    let opened = open_linked(&home, immortal()).unwrap();
    deliver(&opened, &first()).unwrap();
    deliver(&opened, &second()).unwrap();
    drop(opened);
    let opened = open(&home).unwrap();
    assert!(fs::symlink_metadata(home.join("dags")).unwrap().is_dir());
    assert!(!home.join(".dagguard/trees").exists() && !home.join(".dagguard/current").exists());
    // Known again without being read, though each has lost a name.
    let record = read_record(&home).unwrap().unwrap();
    let stamp = |path: &HomePath| record::Stamp::of(&fs::symlink_metadata(home.join(path.as_str())).unwrap());
    assert!(record.files.iter().all(|(path, file)| stamp(path) == file.stamp));
    drop(opened);
    // A link of others is not taken for ours.
    fs::remove_dir_all(home.join("dags")).unwrap();
    std::os::unix::fs::symlink(".dagguard/current/dags", home.join("dags")).unwrap();
    assert!(matches!(open(&home), Err(PublishError::LinkedRoot { .. })));
}

#[test]
fn what_was_delivered_in_place_becomes_a_tree_and_files_of_others_prevent_it() {
    let (_dir, home) = fresh();
    deliver(&open(&home).unwrap(), &first()).unwrap();
    fs::write(home.join("plugins/listener.py"), "foreign").unwrap();
    let opened = open_linked(&home, Box::new(Disk)).unwrap();
    let error = deliver(&opened, &second()).unwrap_err();
    assert!(matches!(&error, PublishError::NotLinkable { path, .. } if path.ends_with("listener.py")), "{error}");
    assert_eq!((on_disk(&home), home.join("plugins/listener.py").exists()), (wanted(&first()), true));
    fs::remove_file(home.join("plugins/listener.py")).unwrap();
    let inode = fs::metadata(home.join("dags/same.py")).unwrap().ino();
    deliver(&opened, &second()).unwrap();
    assert_eq!(on_disk(&home), wanted(&second()));
    assert_eq!(fs::metadata(home.join("dags/same.py")).unwrap().ino(), inode);
    assert_eq!(look_at(&opened, &second()).sequence, 2);
}

#[test]
fn one_leftover_link_does_not_wedge_it() {
    // git-sync stays wedged for ever on a temporary link that a killed process left.
    let (_dir, home) = fresh();
    let opened = open_linked(&home, Box::new(Disk)).unwrap();
    deliver(&opened, &first()).unwrap();
    for leftover in ["current.new", "dags.replaced", "plugins.replaced"] {
        std::os::unix::fs::symlink("nowhere", home.join(".dagguard").join(leftover)).unwrap();
    }
    fs::create_dir_all(home.join(".dagguard/trees/2-2222/dags/half")).unwrap();
    deliver(&opened, &second()).unwrap();
    assert_eq!(on_disk(&home), wanted(&second()));
}

#[test]
fn trees_that_may_still_be_read_stay_and_never_many_of_them() {
    let (_dir, home) = fresh();
    let clock = Arc::new(AtomicI64::new(0));
    let effects = Faulty { clock: clock.clone(), ..Faulty::new(usize::MAX, Fault::Killed) };
    let opened = open_linked(&home, Box::new(effects)).unwrap();
    let trees = || fs::read_dir(home.join(".dagguard/trees")).unwrap().count();
    let one = |number: i64| snapshot(&format!("{number:04}"), &[("dags/a.py", &number.to_string())]);
    let start = Disk.now();
    // The clock, and how many trees there are then; the first delivery finds the empty tree that it replaces.
    for (number, (seconds, left)) in (1..).zip([(0, 2), (10, 3), (20, 4), (79, 5), (140, 2), (50, 2), (60, 3)]) {
        clock.store(start + seconds * 1_000_000_000, Ordering::SeqCst);
        deliver(&opened, &one(number)).unwrap();
        assert_eq!(trees(), left, "at {seconds} s");
    }
    for number in 8..30 {
        deliver(&opened, &one(number)).unwrap();
    }
    assert_eq!(trees(), 10);
}
