//! The syntax corpus, compiled by every CPython that is found: the table that the program is held
//! against says what they say.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test starts interpreters and may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints the release, then each file that compiles.
const COMPILE: &str = r#"
import os, sys, warnings
warnings.simplefilter("ignore")
print(sys.version_info[0], sys.version_info[1])
for name in sorted(os.listdir(sys.argv[1])):
    if name.endswith(".txt"):
        try:
            with open(os.path.join(sys.argv[1], name)) as source:
                compile(source.read(), name, "exec")
            print(name[:-4])
        except SyntaxError:
            pass
"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/python/syntax")
}

/// Each file with the first minor release that compiles it; none: no release up to 3.13.
fn table() -> BTreeMap<String, Option<u32>> {
    let list = std::fs::read_to_string(folder().join("accepted.list")).unwrap();
    let lines = list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, since)| (name.to_owned(), since.strip_prefix("3.").map(|minor| minor.parse().unwrap()))).collect()
}

/// Interpreters by what they are called: on the path, of pyenv, of the releases of Airflow.
fn interpreters() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = (7..=16).map(|minor| PathBuf::from(format!("python3.{minor}"))).collect();
    let program = std::env::current_exe().unwrap();
    let mut folders = vec![program.ancestors().nth(3).unwrap().join("airflow")];
    folders.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions")));
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path().join("bin/python")));
    }
    found
}

#[test]
fn the_table_of_syntax_is_what_every_python_says() {
    let table = table();
    let mut seen = BTreeMap::new();
    for python in interpreters() {
        let Ok(output) = Command::new(&python).args(["-c", COMPILE]).arg(folder()).output() else { continue };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = said.lines();
        let Some(("3", minor)) = lines.next().and_then(|line| line.split_once(' ')) else { continue };
        let minor: u32 = minor.parse().unwrap();
        if !(7..=13).contains(&minor) {
            continue;
        }
        let compiled: Vec<&str> = lines.collect();
        for (name, since) in &table {
            let expected = since.is_some_and(|since| since <= minor);
            assert_eq!(compiled.contains(&name.as_str()), expected, "{name} in {}", python.display());
        }
        seen.insert(minor, python);
    }
    assert!(!seen.is_empty(), "no CPython was found");
}
