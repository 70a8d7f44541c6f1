//! Files of the proposed tree of which one hides another from imports.
//!
//! Python takes the first folder of its search path that has a module or a package of a name, and of a
//! package and a module side by side the package. Folders without an `__init__.py` hide nothing.

use super::{Certainty, Change, Kind, Notice, Side};
use crate::content::{ContentPath, Layout, Location, Snapshot, Span};
use std::collections::{BTreeMap, BTreeSet};

/// By the name by which it is imported: the files that answer to it.
type Answers = BTreeMap<String, BTreeSet<ContentPath>>;

/// The names to which two files answer that one answered to, where something imports one of them.
pub(super) fn hidden(deployed: Side, proposed: Side, layout: Layout) -> Vec<Change> {
    if !matches!(layout, Layout::Content | Layout::Roots(_)) || deployed.snapshot.is_empty() {
        return Vec::new();
    }
    let differing = deployed.snapshot.differing(proposed.snapshot);
    if !differing.iter().any(|file| file.here.is_none() && file.path.as_str().ends_with(".py")) {
        return Vec::new();
    }
    let after = answers(proposed.snapshot, layout);
    let doubled: Vec<_> = after.into_iter().filter(|(_, files)| files.len() > 1).collect();
    if doubled.is_empty() {
        return Vec::new();
    }
    let before = answers(deployed.snapshot, layout);
    let mut changes = Vec::new();
    for (module, files) in doubled {
        let known = before.get(&module).cloned().unwrap_or_default();
        let imported = |path: &ContentPath| proposed.model.imports.values().any(|to| to.contains(path));
        let Some(new) = files.iter().find(|file| !known.contains(*file)) else { continue };
        let Some(other) = files.iter().find(|file| *file != new) else { continue };
        if known.len() > 1 || !files.iter().any(imported) {
            continue;
        }
        let reaching = proposed.model.dags.iter().filter(|dag| files.iter().any(|file| dag.reaches.contains(file)));
        let dags: Vec<_> = reaching.map(|dag| dag.dag_id.clone()).collect();
        if dags.is_empty() {
            continue;
        }
        let place = |path: &ContentPath| Location { path: path.clone(), span: Span::FILE };
        changes.push(Change {
            kind: Kind::Notice(Notice::ModuleHidden { module, by: format!("`{new}` and `{other}`") }),
            dags,
            certainty: Certainty::Certain,
            deployed: deployed.snapshot.get(other).map(|_| place(other)),
            proposed: Some(place(new)),
        });
    }
    changes
}

fn answers(snapshot: &Snapshot, layout: Layout) -> Answers {
    let mut answers = Answers::new();
    for (path, _) in snapshot.files() {
        let Some(place) = layout.place(path) else { continue };
        let Some(below) = ["plugins", "dags"].into_iter().find_map(|root| place.dest.below(root)) else { continue };
        let Some(module) = below.strip_suffix(".py") else { continue };
        let module = module.strip_suffix("/__init__").unwrap_or(module);
        answers.entry(module.replace('/', ".")).or_default().insert(path.clone());
    }
    answers
}
