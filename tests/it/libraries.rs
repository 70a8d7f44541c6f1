//! Every Python file of a standard library and of an installed Airflow goes through, as a DAG file
//! and as a module: no panic, and an end within a bound.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads the libraries and may panic")]

use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::dag;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What one file may cost in a build without optimisation on a machine that is busy.
const BOUND: Duration = Duration::from_mins(1);

/// The standard library of the Python at hand, and the Airflow that the live tests install.
fn files() -> Vec<PathBuf> {
    let ask = ["-c", "import sysconfig; print(sysconfig.get_paths()['stdlib'])"];
    let answer = Command::new("python3").args(ask).output().expect("python3 is there, as for other tests");
    let mut open = vec![PathBuf::from(String::from_utf8(answer.stdout).unwrap().trim())];
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap();
    for version in ["2.6.2", "2.11.2", "3.3.2"] {
        let Ok(pythons) = std::fs::read_dir(target.join("airflow").join(version).join("lib")) else { continue };
        open.extend(pythons.flatten().map(|python| python.path().join("site-packages/airflow")));
    }
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The file as a DAG file, and as a module that a DAG file imports; what went wrong, if anything.
fn goes_through(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).unwrap();
    let revision = Revision::new("library");
    let mut tree = Snapshot::empty(revision.clone());
    let mut add =
        |at: &str, bytes: Vec<u8>| tree.insert(ContentPath::new(at).unwrap(), File::regular(&revision, bytes));
    // A coding line counts in the first two lines only: the words go to the end.
    add("dags/as_dag_file.py", [bytes.as_slice(), b"\n# airflow dag\n"].concat());
    add("shared/library/as_module.py", bytes);
    add("dags/uses.py", b"# airflow dag\nimport library.as_module\n".to_vec());
    let start = Instant::now();
    let model = std::panic::catch_unwind(|| dag::build(&tree, Layout::Content, None));
    let took = start.elapsed();
    match model {
        Err(_) => Some(format!("{}: panics", path.display())),
        Ok(_) if took >= BOUND => Some(format!("{}: takes {took:?}", path.display())),
        Ok(model) if model.imports.len() + model.errors.len() < 2 => Some(format!("{}: is not read", path.display())),
        Ok(_) => None,
    }
}

fn all_go_through<'p>(files: impl Iterator<Item = &'p PathBuf>) {
    let faults: Vec<String> = files.filter_map(|path| goes_through(path)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_sample_of_the_libraries_goes_through() {
    let files = files();
    assert!(files.len() > 200, "the standard library was not found: {}", files.len());
    all_go_through(files.iter().skip(3).step_by(20));
}

#[test]
#[ignore = "takes minutes: every file of the libraries"]
fn all_of_the_libraries_goes_through() {
    all_go_through(files().iter());
}
