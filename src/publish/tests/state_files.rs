//! State files of other versions, and of several volumes.

use super::*;

/// A home that a version of that format left in the middle of a delivery, from `testdata/state`.
fn sample(format: &str) -> (tempfile::TempDir, PathBuf) {
    let (dir, home) = fresh();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/state").join(format);
    copy(&from, &home);
    (dir, home)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The formats of which there are samples.
const SAMPLES: [&str; 3] = ["1", "2", "3"];

fn wanted_of_sample(format: &str) -> Vec<(String, String)> {
    // A file that does not change has been in them since a journal says nothing of it.
    let same = (format == "3").then_some(("dags/same.py", "s = 1"));
    [("dags/a.py", "a = 2"), ("dags/b.py", "b = 1")]
        .into_iter()
        .chain(same)
        .chain([("plugins/etl/d.py", "d = 2")])
        // A folder that is staged whole has more than one file.
        .chain((format == "3").then_some(("plugins/etl/e.py", "e = 1")))
        .chain([("plugins/operators/o.py", "o = 2")])
        .map(|(path, text)| (path.to_string(), text.to_string()))
        .collect()
}

fn texts(home: &Path) -> Vec<(String, String)> {
    let text = |path: &HomePath| fs::read_to_string(home.join(path.as_str())).unwrap().trim().to_string();
    on_disk(home).keys().map(|path| (path.to_string(), text(path))).collect()
}

#[test]
fn a_delivery_that_an_earlier_version_began_is_ended() {
    for format in SAMPLES {
        let (_dir, home) = sample(format);
        let before = read_record(&home).unwrap().unwrap();
        assert_eq!(before.revision.as_str(), "1111111111111111111111111111111111111111", "{format}");
        let again = open(&home).unwrap();
        let to = Revision::new("2222222222222222222222222222222222222222");
        assert_eq!(again.recovered(), Some(&Recovery::Finished(to.clone())), "{format}");
        assert_eq!(texts(&home), wanted_of_sample(format), "{format}");
        let observed = again.observe(&Snapshot::empty(to.clone()), Layout::Content, Look::Content).unwrap();
        assert_eq!((&observed.revision, observed.drift.len()), (&to, 0), "{format}: {:?}", observed.drift);
        // The first format says nothing of `plugins/.airflowignore`: that is made up for.
        assert_eq!((observed.unsettled, observed.is_at(&to)), (format == "1", format != "1"));
        assert_eq!(observed.sequence, before.sequence + u64::from(format != "1"), "{format}");
        let (deliveries, _) = history(&home).unwrap();
        let revisions: Vec<&str> = deliveries.iter().map(|delivered| &delivered.revision[..4]).collect();
        assert_eq!(revisions, ["1111", "2222"], "{format}");
        for name in ["deployed", "history"] {
            let bytes = fs::read(home.join(".dagguard").join(name)).unwrap();
            let ours = format!("{{\"schema_version\":{},", state::FORMAT);
            assert!(bytes.starts_with(ours.as_bytes()), "{format}: {name} is of our own format now");
        }
        assert!(!home.join("dags/gone.py").exists() && !home.join(".dagguard/journal").exists());
        // Its own next delivery counts on.
        deliver(&again, &second()).unwrap();
        assert_eq!(on_disk(&home), wanted(&second()), "{format}");
    }
}

#[test]
fn a_sample_is_ended_also_when_that_is_cut_off() {
    for format in SAMPLES {
        let mut points = 0;
        for at in 0.. {
            let (_dir, home) = sample(format);
            let cut = open_with(&home, mortal(at, false).0);
            let ended = cut.is_ok();
            drop(cut);
            open(&home).unwrap();
            assert_eq!(texts(&home), wanted_of_sample(format), "{format}: {at}");
            if ended {
                break;
            }
            points += 1;
        }
        assert!(points > 15, "{format}: {points}");
    }
}

#[test]
fn a_delivery_whose_record_has_gone_is_carried_to_its_end_and_counts_as_no_revision() {
    for text in [None, Some("{"), Some(include_str!("../../../testdata/state/2/.dagguard/deployed"))] {
        let (_dir, home) = sample("3");
        let record = home.join(".dagguard/deployed");
        match text {
            None => fs::remove_file(&record).unwrap(),
            // That of another delivery with the same number.
            Some(text) => fs::write(&record, text.replace("\"1111", "\"3333")).unwrap(),
        }
        let again = open(&home).unwrap();
        let to = Revision::new("2222222222222222222222222222222222222222");
        assert_eq!(again.recovered(), Some(&Recovery::Abandoned(to)));
        assert_eq!(texts(&home), wanted_of_sample("3"));
        assert!(read_record(&home).unwrap().unwrap().is_partial() && !home.join(".dagguard/journal").exists());
        deliver(&again, &second()).unwrap();
        assert_eq!(on_disk(&home), wanted(&second()));
    }
}

#[test]
fn what_a_newer_version_wrote_is_not_touched_and_its_version_is_told() {
    for name in state::FILES {
        let (_dir, home) = sample("3");
        let path = home.join(".dagguard").join(name);
        let newer = r#"{"schema_version":99,"written_by":"7.8.9","what":["no one","knows"]}"#;
        fs::write(&path, newer).unwrap();
        let listing = |home: &Path| {
            let mut found = Vec::new();
            let mut open = vec![home.to_path_buf()];
            while let Some(folder) = open.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    let metadata = fs::symlink_metadata(&path).unwrap();
                    found.push((path.clone(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
                    if metadata.is_dir() {
                        open.push(path);
                    }
                }
            }
            found.sort();
            found
        };
        let before = listing(&home);
        let Err(error) = open(&home) else { panic!("{name} was taken") };
        let expected = PublishError::NewerState { path: path.clone(), format: 99, version: "7.8.9".into() };
        assert_eq!(error, expected, "{name}");
        assert!(error.to_string().contains("newer dagguard (7.8.9), format 99"), "{error}");
        assert!(!error.is_transient());
        assert_eq!(listing(&home), before, "{name}");
        if name == "deployed" {
            assert_eq!(read_record(&home), Err(expected));
        }
    }
}

/// Writes the sample of this version's format anew: `cargo test --lib -- --ignored writes_the_sample`.
#[test]
#[ignore = "writes into the source tree, when a new format is made"]
fn writes_the_sample_of_this_format() {
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/state").join(state::FORMAT.to_string());
    let revision = |digit: &str| digit.repeat(40);
    let before = [
        ("dags/a.py", "a = 1\n"),
        ("dags/gone.py", "g = 1\n"),
        ("dags/same.py", "s = 1\n"),
        ("plugins/operators/o.py", "o = 1\n"),
    ];
    let after = [
        ("dags/a.py", "a = 2\n"),
        ("dags/b.py", "b = 1\n"),
        ("dags/same.py", "s = 1\n"),
        ("plugins/operators/o.py", "o = 2\n"),
        ("shared/etl/d.py", "d = 2\n"),
        ("shared/etl/e.py", "e = 1\n"),
    ];
    // Cut off when one of the files is in its place.
    for at in 10.. {
        let (_dir, home) = fresh();
        let (effects, left) = mortal(usize::MAX, false);
        let opened = open_with(&home, effects).unwrap();
        deliver(&opened, &snapshot(&revision("1"), &before)).unwrap();
        left.store(at, Ordering::SeqCst);
        deliver(&opened, &snapshot(&revision("2"), &after)).unwrap_err();
        if fs::read_to_string(home.join("plugins/operators/o.py")).unwrap() == "o = 2\n" {
            fs::remove_dir_all(&to).ok();
            copy(&home, &to);
            return fs::remove_file(to.join(".dagguard/lock")).unwrap();
        }
    }
}

#[test]
fn the_record_has_a_copy_on_each_volume_and_the_newest_counts() {
    let reopen = |home: &Path| open_with(home, mortal(usize::MAX, true).0).unwrap();
    let nothing = Snapshot::empty(Revision::new("nothing"));
    let (_dir, home) = fresh();
    let opened = reopen(&home);
    deliver(&opened, &first()).unwrap();
    drop(opened);
    let records =
        [".dagguard", "dags/.dagguard", "plugins/operators/.dagguard"].map(|state| home.join(state).join("deployed"));
    let older = records.each_ref().map(|path| fs::read(path).unwrap());
    assert!(older.iter().all(|record| *record == older[0]));
    deliver(&reopen(&home), &second()).unwrap();
    for (lost, path) in records.iter().enumerate() {
        // One is lost, then an older one comes back, as from a backup.
        for text in [None, Some(&older[lost])] {
            match text {
                None => fs::remove_file(path).unwrap(),
                Some(text) => fs::write(path, text).unwrap(),
            }
            let again = reopen(&home);
            assert_eq!(again.recovered(), Some(&Recovery::Reconciled(Revision::new("2222"))), "{}", path.display());
            assert!(again.observe(&nothing, Layout::Content, Look::Stamps).unwrap().is_at(&Revision::new("2222")));
            assert_eq!(fs::read(path).unwrap(), fs::read(&records[(lost + 1) % 3]).unwrap());
        }
    }
    // A volume wiped alone: what is left says what was there, and the next pass puts it back.
    for volume in ["dags", "plugins/operators"] {
        fs::remove_dir_all(home.join(volume)).unwrap();
        let again = reopen(&home);
        let observed = again.observe(&nothing, Layout::Content, Look::Stamps).unwrap();
        assert_eq!((observed.kind, observed.revision.as_str()), (Kind::Recorded, "2222"), "{volume}");
        assert!(!observed.drift.is_empty() && observed.drift.iter().all(|drift| drift.kind == DriftKind::Missing));
        deliver(&again, &second()).unwrap();
        assert_eq!(on_disk(&home), wanted(&second()), "{volume}");
    }
}
