//! Trees of Python files written anew by `rewrite.py`, so that they mean what they meant, and what
//! `dagguard` says of that: nothing is known of any Airflow, so that each state of a run is assumed.

use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::facts::Facts;
use dagguard::rules::{Finding, Level, Policy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a tree is written anew, and whether functions have another body then: that is worth a word
/// to some, and never more.
pub(crate) const WAYS: [(&str, bool); 6] = [
    ("format", false),
    ("quotes", false),
    ("comments", false),
    ("imports", false),
    ("locals", true),
    ("helpers", true),
];

/// The tree below a folder.
pub(crate) fn tree(root: &Path) -> Snapshot {
    let revision = Revision::new(root.display().to_string());
    let mut snapshot = Snapshot::empty(revision.clone());
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            if let Ok(content) = ContentPath::new(name) {
                snapshot.insert(content, File::regular(&revision, fs::read(&path).unwrap()));
            }
        }
    }
    snapshot
}

/// Writes everything below a folder anew, and says how many files are not what they were.
pub(crate) fn rewrite(way: &str, from: &Path, to: &Path) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/rewrite.py");
    let output = Command::new("python3").arg(script).arg(way).arg(from).arg(to).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// What is said about trees that are written anew, one line each; `roots` are folders below `from`.
pub(crate) fn said(from: &Path, roots: &[PathBuf], least: usize) -> Vec<String> {
    let mut said = Vec::new();
    for (way, bodies) in WAYS {
        let to = tempfile::tempdir().unwrap();
        let changed = rewrite(way, from, to.path());
        assert!(changed >= least, "{way}: {changed} files");
        for root in roots {
            let proposed = to.path().join(root.strip_prefix(from).unwrap());
            said.extend(said_of(way, bodies, root, &proposed));
        }
    }
    said
}

fn said_of(way: &str, bodies: bool, root: &Path, proposed: &Path) -> Vec<String> {
    let (deployed, proposed) = (tree(root), tree(proposed));
    let report = dagguard::check(&deployed, &proposed, &Facts::default(), &Policy::check(Layout::of(&deployed)));
    // What a DAG is made by is other code then, and of one that is not wholly in the text that is said.
    let quiet = |finding: &&Finding| {
        bodies && (finding.level == Level::Info || finding.rule == "dag-not-analysable" && finding.level == Level::Warn)
    };
    let findings = report.findings.iter().filter(|finding| !quiet(finding));
    findings
        .map(|finding| format!("{way}: {}: {} {}: {}", root.display(), finding.rule, finding.level, finding.message))
        .collect()
}

/// The folders in a folder.
pub(crate) fn folders(of: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
