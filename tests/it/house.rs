//! The house's rules as a test: which room may import which, who may use which library, and
//! how long a file may be.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads the sources and may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import; a room that is missing here fails the test.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Core: values in, values out.
    ("ids", &[]),
    ("secret", &[]),
    ("switch", &[]),
    ("content", &["switch"]),
    ("python", &["content", "switch"]),
    ("dag", &["python", "content", "ids", "switch"]),
    ("facts", &["content", "ids"]),
    ("diff", &["dag", "python", "content", "ids"]),
    ("replay", &["diff", "dag", "facts", "content", "ids", "switch"]),
    ("rules", &["diff", "replay", "dag", "facts", "content", "ids", "switch"]),
    ("report", &["rules", "diff", "dag", "facts", "content", "ids"]),
    ("check", &["report", "rules", "diff", "dag", "facts", "content", "ids", "switch"]),
    ("config", &["rules", "content", "ids", "secret"]),
    // Edges: each talks to one outside thing.
    ("git", &["content", "secret", "switch"]),
    ("airflow", &["facts", "ids", "secret"]),
    ("publish", &["content", "switch"]),
    ("cache", &["content"]),
    // Reserved: rooms that later issues furnish, so that their doors are where they should be.
    ("decision", &["rules", "content", "ids"]),
    ("record", &["decision"]),
    ("quality", &["report"]),
    ("forge", &["report"]),
    ("server", &[]),
    // Shell.
    ("sync", &["git", "publish", "report", "rules", "facts", "content", "ids", "secret", "switch"]),
    (
        "cli",
        &[
            "sync",
            "git",
            "airflow",
            "publish",
            "check",
            "cache",
            "report",
            "rules",
            "dag",
            "facts",
            "config",
            "content",
            "ids",
            "secret",
            "switch",
            "Comparison",
        ],
    ),
];

/// Libraries that have one home each.
const ONE_HOME: &[(&str, &[&str])] = &[
    ("gix", &["git"]),
    ("tree_sitter", &["python"]),
    ("tree_sitter_python", &["python"]),
    // What Python's library computes.
    ("saphyr_parser", &["python"]),
    ("fancy_regex", &["python"]),
    ("regex", &["dag"]),
    // What models remember is written and read.
    ("postcard", &["dag"]),
    ("xxhash_rust", &["dag"]),
    ("md5", &["python"]),
    // A dict of Python keeps the order of its keys.
    ("indexmap", &["python"]),
    // And by what a tree is known of which the model is kept.
    ("sha2", &["python", "dag"]),
    // gix takes its http client from the caller.
    ("reqwest", &["airflow", "git"]),
    ("notify", &["sync", "publish"]),
    ("clap", &["config"]),
    // git ends an ssh that does not end.
    ("rustix", &["publish", "git"]),
    ("tokio", &["airflow", "sync", "cli"]),
];

/// Files beyond this length are two rooms.
const LONGEST_FILE: usize = 1_100;

#[test]
fn rooms_import_only_what_the_table_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_IMPORT.iter().map(|(room, imports)| (*room, imports.iter().copied().collect())).collect();
    let mut faults = Vec::new();
    for (room, path, text) in sources() {
        let Some(allowed) = allowed.get(room.as_str()) else {
            faults.push(format!("{}: the room `{room}` is not in the table", path.display()));
            continue;
        };
        for import in crate_imports(&text) {
            let in_tests = path.to_string_lossy().contains("test");
            if import != room && !allowed.contains(import.as_str()) && !in_tests {
                faults.push(format!("{}: `{room}` may not import `{import}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Rooms whose own parts import one way only.
const NO_CIRCLES: &[&str] = &["dag"];

#[test]
fn parts_of_a_room_import_one_way() {
    for room in NO_CIRCLES {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, path, text) in sources().into_iter().filter(|(of, _, _)| of == room) {
            let Some(part) = path.iter().nth(1) else { continue };
            let part = part.to_string_lossy().trim_end_matches(".rs").to_owned();
            // Below a part, `super` is the part itself.
            let from = if path.iter().count() > 2 { format!("crate::{room}::") } else { "super::".to_owned() };
            let text = text.replace(&from, "crate::");
            imports.entry(part).or_default().extend(crate_imports(&text));
        }
        imports.remove("tests");
        assert!(imports.len() > 5, "the parts of `{room}` were not found");
        // Whoever imports nobody that is left goes; what cannot go stands in a circle.
        while let Some(free) = imports.iter().find_map(|(part, to)| {
            let open = to.iter().any(|to| to != part && imports.contains_key(to));
            (!open).then(|| part.clone())
        }) {
            imports.remove(&free);
        }
        assert!(imports.is_empty(), "`{room}` has parts that import each other: {:?}", imports.keys());
    }
}

#[test]
fn each_library_has_one_home() {
    let mut faults = Vec::new();
    for (room, path, text) in sources() {
        for (library, homes) in ONE_HOME {
            let used = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
                line.contains(&format!("use {library}::"))
                    || line.contains(&format!(" {library}::"))
                    || line.contains(&format!("({library}::"))
                    || line.starts_with(&format!("{library}::"))
            });
            if used && !homes.contains(&room.as_str()) {
                faults.push(format!("{}: `{library}` belongs to {homes:?}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_two_rooms() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(_, path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_top_level_is_as_it_was_fixed() {
    let fixed =
        ["Cargo.toml", "Cargo.lock", "src", "rules", "testdata", "tests", "docker", "README.md", "LICENSE", "target"];
    let extra: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !fixed.contains(&name.as_str()))
        .collect();
    assert!(extra.is_empty(), "{extra:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file with its room; `lib.rs` and `main.rs` are the doors.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(root().join("src")).unwrap();
                let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
                let room = first.trim_end_matches(".rs").to_string();
                if !matches!(room.as_str(), "lib" | "main") {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push((room, below.to_path_buf(), text));
                }
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The rooms named by `crate::…` outside of comments.
fn crate_imports(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let names = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
            let several = rest.starts_with('{');
            let mut depth = 0;
            let list = names.split(|c: char| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                several && c == ',' && depth == 0
            });
            for name in list.take(if several { usize::MAX } else { 1 }) {
                let word: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !word.is_empty() && word != "self" {
                    rooms.insert(word);
                }
            }
        }
    }
    rooms
}

#[test]
fn tests_that_need_the_shared_folder_are_counted() {
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let recorded = text(&root().join("src/airflow/tests/recorded.rs")).matches("= fixtures() else").count();
    let mut own: Vec<_> = fs::read_dir(root().join("tests/it")).unwrap().map(|entry| entry.unwrap().path()).collect();
    own.retain(|path| path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("house.rs"));
    let own: usize = own.iter().map(|path| text(path).matches("= shared() else").count()).sum();
    let live = text(&root().join("tests/live/main.rs"));
    let named = live.split_once("NEED_SHARED: &[&str] = &[").unwrap().1.split_once("];").unwrap().0;
    let (airflow, rest) = (named.matches("\"airflow::tests::recorded::").count(), named.matches("    \"").count());
    assert_eq!((airflow, rest), (recorded, recorded + own), "NEED_SHARED in tests/live/main.rs");
}
