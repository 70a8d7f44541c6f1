//! Modules that a change takes out of the tree altogether.
//!
//! A name that no tree holds is taken for an installed package. One that the deployed tree holds
//! is none: what still imports it does not import any more.

use crate::content::{ContentPath, File, HomePath, Layout, Snapshot};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The folders from which Airflow imports.
const SEARCHED: [&str; 2] = ["plugins", "dags"];

/// The proposed tree as its model is to see it: an empty package stands where a top-level module
/// or package was and nothing of that name is left.
pub(super) fn marked<'a>(deployed: &Snapshot, proposed: &'a Snapshot, layout: Layout) -> Cow<'a, Snapshot> {
    if deployed.differing(proposed).iter().all(|file| file.there.is_some()) {
        // Where no file goes, no module does.
        return Cow::Borrowed(proposed);
    }
    let left = modules(proposed, layout);
    let left: BTreeSet<&str> = left.iter().map(|(_, name)| name.as_str()).collect();
    let mut marked = Cow::Borrowed(proposed);
    for (folder, name) in modules(deployed, layout) {
        if left.contains(name.as_str()) {
            continue;
        }
        if let Some(path) = marker(folder, &name, layout) {
            marked.to_mut().insert(path, File::regular(proposed.revision(), Vec::new()));
        }
    }
    marked
}

/// The top-level modules and packages of a tree, with the folder that each is found in.
fn modules(snapshot: &Snapshot, layout: Layout) -> BTreeSet<(&'static str, String)> {
    let places = snapshot.files().filter_map(|(path, _)| layout.place(path));
    places.filter_map(|place| module(&place.dest)).collect()
}

fn module(dest: &HomePath) -> Option<(&'static str, String)> {
    SEARCHED.into_iter().find_map(|folder| {
        let module = dest.below(folder)?.strip_suffix(".py")?;
        Some((folder, module.split('/').next()?.to_string()))
    })
}

fn marker(folder: &str, name: &str, layout: Layout) -> Option<ContentPath> {
    let dest = HomePath::new(format!("{folder}/{name}/__init__.py")).ok()?;
    layout.source_of(&dest).ok().flatten()
}
