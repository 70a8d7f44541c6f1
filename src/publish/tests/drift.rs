//! Files that others made, changed or took away, as a comparison of disk and record finds them.

use super::*;

use rustix::fs::{CWD, mkfifoat};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What differs after others have been at the delivered files of [`first`].
fn drift_after(others: impl FnOnce(&Path)) -> Vec<String> {
    let (_dir, home) = fresh();
    let home_of = open(&home).unwrap();
    deliver(&home_of, &first()).unwrap();
    others(&home);
    look_at(&home_of, &first()).drift.iter().map(|drift| format!("{} {:?}", drift.path, drift.kind)).collect()
}

#[test]
fn a_stray_file_is_seen_where_as_many_files_are_as_were_delivered() {
    let renamed = drift_after(|home| fs::rename(home.join("dags/a.py"), home.join("dags/b.py")).unwrap());
    assert_eq!(renamed, ["dags/a.py Missing", "dags/b.py Stray"]);
    let exchanged = drift_after(|home| {
        fs::rename(home.join("dags/a.py"), home.join("dags/x.py")).unwrap();
        fs::rename(home.join("dags/same.py"), home.join("dags/a.py")).unwrap();
        fs::rename(home.join("dags/x.py"), home.join("dags/same.py")).unwrap();
    });
    assert_eq!(exchanged, ["dags/a.py Changed", "dags/same.py Changed"]);
    let linked = drift_after(|home| {
        fs::remove_file(home.join("dags/a.py")).unwrap();
        fs::hard_link(home.join("dags/same.py"), home.join("dags/b.py")).unwrap();
    });
    assert_eq!(linked, ["dags/a.py Missing", "dags/b.py Stray"], "a second name of a delivered file");
}

#[test]
fn a_folder_in_the_place_of_a_file_is_looked_into_and_one_without_names_is_empty() {
    let folder = drift_after(|home| {
        fs::remove_file(home.join("dags/a.py")).unwrap();
        fs::create_dir(home.join("dags/a.py")).unwrap();
        fs::write(home.join("dags/a.py/inside.py"), "x").unwrap();
    });
    assert_eq!(folder, ["dags/a.py Missing", "dags/a.py/inside.py Stray"]);
    let file = drift_after(|home| {
        fs::remove_dir_all(home.join("dags/folder")).unwrap();
        fs::write(home.join("dags/folder"), "x").unwrap();
    });
    assert_eq!(file[0], "dags/folder Stray");
    assert!(
        file.len() > 1 && file[1..].iter().all(|line| line.starts_with("dags/folder/") && line.ends_with("Missing"))
    );
    let gone = drift_after(|home| fs::remove_dir_all(home.join("plugins/operators")).unwrap());
    assert!(!gone.is_empty() && gone.iter().all(|line| line.ends_with("Missing")), "{gone:?}");
}

#[test]
fn what_is_no_content_counts_neither_as_delivered_nor_as_stray() {
    let none = drift_after(|home| {
        fs::create_dir_all(home.join("dags/__pycache__")).unwrap();
        fs::write(home.join("dags/__pycache__/a.pyc"), "x").unwrap();
        fs::write(home.join("dags/bad\nname.py"), "x").unwrap();
        fs::write(home.join("dags").join(OsStr::from_bytes(b"\xff.py")), "x").unwrap();
        mkfifoat(CWD, home.join("dags/pipe.py"), rustix::fs::Mode::RUSR).unwrap();
    });
    assert_eq!(none, Vec::<String>::new());
    let in_its_place = drift_after(|home| {
        fs::remove_file(home.join("dags/a.py")).unwrap();
        mkfifoat(CWD, home.join("dags/a.py"), rustix::fs::Mode::RUSR).unwrap();
    });
    assert_eq!(in_its_place, ["dags/a.py Missing"]);
}
