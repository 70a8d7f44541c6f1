//! Histories of any kind end in the tree that git itself would check out.

use super::tree;
use crate::repositories::Scripted;
use dagguard::content::{Layout, Planner};
use dagguard::git;
use dagguard::publish::{Home, Look, Options, PublishMode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A tree that a branch may have: text by path, `-> target` a link, `#!` a file to execute.
type Files = BTreeMap<String, String>;

fn files() -> impl Strategy<Value = Files> {
    let root = prop::sample::select(vec![
        "dags",
        "plugins/operators",
        "plugins/sensors",
        "shared/etl",
        "shared/load",
        "docs",
        "plugins/other",
    ]);
    let parts = prop::collection::vec(prop::sample::select(vec!["a", "b", "c.py", "ü.sql", "__pycache__"]), 1..4);
    let path = (root, parts).prop_map(|(root, parts)| format!("{root}/{}", parts.join("/")));
    let text = prop::sample::select(vec!["1\n", "2\n", "", "#!3\n", "-> always.py"]).prop_map(str::to_string);
    prop::collection::btree_map(path, text, 0..10).prop_map(|tree| {
        let names: Vec<String> = tree.keys().cloned().collect();
        let is_folder = |path: &String| names.iter().any(|other| other.starts_with(&format!("{path}/")));
        // A link only where its target is: beside the file that is always there.
        let fits = |path: &String, text: &String| {
            !is_folder(path)
                && (!text.starts_with("->") || (path.starts_with("dags/") && path.matches('/').count() == 1))
        };
        let mut tree: Files = tree.into_iter().filter(|(path, text)| fits(path, text)).collect();
        tree.insert("dags/always.py".to_string(), "always\n".to_string());
        tree
    })
}

/// What `git checkout` puts into a folder, mapped as R1 to R7 say it, by a few lines of its own.
fn checked_out(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_string();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                // Not git's own folder, in which it clears up whenever it likes to.
                if name != ".git" {
                    open.push(path);
                }
                continue;
            }
            let dest = match name.split('/').collect::<Vec<_>>()[..] {
                [.., "__pycache__"] => continue,
                ref parts if parts.contains(&"__pycache__") => continue,
                ["dags", ..] | ["plugins", "operators" | "sensors", _, ..] => name,
                ["shared", _, _, ..] => name.replacen("shared/", "plugins/", 1),
                _ => continue,
            };
            let text = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.insert(dest, text);
        }
    }
    found
}

/// So many histories of a few commits each, delivered commit by commit in both modes, as the
/// reader and the publisher of the program do it; returns how many commits there were.
fn histories(count: u32) -> u32 {
    let branch = Scripted::new();
    let work = branch.work();
    let source = git::Source::parse(work.to_str().unwrap()).unwrap();
    let remote = git::Remote::new(source, "main", &branch.root().join("store"), git::Options::default()).unwrap();
    let mut commits = 0;
    let mut runner = TestRunner::new(Config { cases: count, failure_persistence: None, ..Config::default() });
    let root =
        if Path::new("/dev/shm").is_dir() { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }.unwrap();
    let number = std::cell::Cell::new(0);
    let made = std::cell::Cell::new(0);
    runner
        .run(&(prop::collection::vec(files(), 2..5), any::<bool>()), |(trees, linked)| {
            number.set(number.get() + 1);
            let home = root.path().join(format!("home{}", number.get()));
            let mode = if linked { PublishMode::Symlink } else { PublishMode::InPlace };
            let opened = Home::open(&home, Options { mode, ..Options::default() }).unwrap();
            for files in trees {
                for entry in fs::read_dir(&work).unwrap().flatten().filter(|entry| entry.file_name() != ".git") {
                    if entry.file_type().unwrap().is_dir() {
                        fs::remove_dir_all(entry.path()).unwrap();
                    } else {
                        fs::remove_file(entry.path()).unwrap();
                    }
                }
                let texts: Vec<(&str, &str)> =
                    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
                branch.write(&texts);
                branch.git(&["add", "-A", "-f"]);
                branch.git(&["commit", "-q", "--allow-empty", "-m", "next"]);
                made.set(made.get() + 1);
                let revision = remote.fetch().unwrap().revision;
                let whole = remote.snapshot(&revision).unwrap();
                let observed = opened.observe(&whole, Layout::Content, Look::Stamps).unwrap();
                // With folders of the record in place of those that are the same.
                let (proposed, contents) = remote.snapshot_to_ask(&revision, &observed.outline()).unwrap();
                prop_assert_eq!(&proposed, &whole);
                prop_assert_eq!((proposed.folders(), contents.fault()), (whole.folders(), None));
                let plan = Planner::default().plan(&observed.manifest, &proposed, Layout::Content).unwrap();
                opened.publish(&observed, &proposed, &plan, Layout::Content).unwrap();
                prop_assert_eq!(tree(&home), checked_out(&work));
            }
            drop(opened);
            fs::remove_dir_all(&home).unwrap();
            Ok(())
        })
        .unwrap();
    commits += made.get();
    commits
}

#[test]
fn a_sample_of_histories_ends_as_git_checks_them_out() {
    let commits = histories(25);
    assert!(commits >= 50, "{commits}");
}

#[test]
#[ignore = "takes minutes: a thousand histories"]
fn a_thousand_histories_end_as_git_checks_them_out() {
    let commits = histories(1000);
    println!("{commits} commits");
    assert!(commits >= 2000, "{commits}");
}
