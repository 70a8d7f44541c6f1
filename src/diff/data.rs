//! Files of the tree that are not Python and that a DAG may be built from: a list of tables in
//! YAML, a schedule in JSON.

use crate::content::{ContentPath, Differing, Layout, Snapshot};
use crate::dag::Dag;
use std::collections::BTreeSet;

/// Words of code that reads files or lists folders while it is parsed.
const READERS: [&str; 8] =
    ["open(", ".read_text(", ".read_bytes(", "glob(", "listdir(", "iterdir(", "scandir(", "os.walk("];

/// Kinds of file that libraries build DAGs from without a word of reading in the tree itself
/// (`DagFactory("tables.yml")`); others are mostly templates, which are read when a task runs.
const CONFIGURATION: [&str; 10] =
    [".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".csv", ".xml", ".properties", ".env"];

/// Delivered files that are not Python and are not the same on both sides.
pub(super) fn changed(deployed: &Snapshot, proposed: &Snapshot, layout: Layout) -> BTreeSet<ContentPath> {
    let files = deployed.differing(proposed).into_iter().filter(Differing::in_content).map(|file| file.path);
    files.filter(|path| !path.as_str().ends_with(".py") && layout.place(path).is_some()).cloned().collect()
}

/// Whether what is not known about the DAG may come from one of these files: its code names the
/// file, its kind or its folder, and reads files or leaves that to a library. (Of a DAG that is
/// known, nothing comes from them.)
pub(super) fn may_read(snapshot: &Snapshot, dag: &Dag, changed: &BTreeSet<ContentPath>) -> bool {
    if dag.complete() || changed.is_empty() {
        return false;
    }
    let texts: Vec<_> = dag
        .reaches
        .iter()
        .filter_map(|path| snapshot.get(path))
        .map(|file| String::from_utf8_lossy(&file.bytes))
        .collect();
    let any = |word: &str| texts.iter().any(|text| text.contains(word));
    let reads = READERS.into_iter().any(any);
    let configures = |path: &ContentPath| CONFIGURATION.iter().any(|kind| path.as_str().ends_with(kind));
    changed.iter().filter(|path| reads || configures(path)).any(|path| names(path).iter().any(|name| any(name)))
}

/// The words by which code can come to a file.
fn names(path: &ContentPath) -> Vec<String> {
    let name = path.file_name();
    let kind = name.rsplit_once('.').map(|(_, kind)| format!(".{kind}"));
    // A folder at the top (`dags`) is in every DAG file.
    let folder =
        path.parts().rev().skip(1).zip(path.parts().rev().skip(2)).map(|(folder, _)| folder.to_string()).next();
    [Some(name.to_string()), kind, folder].into_iter().flatten().collect()
}
