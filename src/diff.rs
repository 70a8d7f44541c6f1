//! Two models to a list of [`Change`]s: typed facts with a place on both sides.
//!
//! Invariants: nothing here judges. What happened to one thing is one change (a rename is not a
//! removal and an addition), and a change that the text does not prove says so in its
//! [`Certainty`]. Equal sides give no change, nor does anything that leaves the
//! syntax tree equal and does not touch what the DAG is built from beside it.

mod arrival;
mod assets;
mod body;
mod branch;
mod cause;
mod code;
mod data;
mod graph;
mod identity;
mod kind;
mod mapping;
mod modules;
mod pairing;
mod params;
mod plan;
mod reference;
mod settings;
mod since;
mod skew;
mod templates;
mod unstable;
mod xcom;

pub use kind::{
    Breach, Code, Counted, Data, Environment, FileChange, Graph, Handover, Hurt, Identity, Kind, KnownBy, Mapped,
    MappingChange, Meets, Mixture, Notice, ParamRule, Reach, Reference, Settings, Skew, Usage,
};
pub use plan::{MOST, Plan};
pub use settings::schedule_text;
pub use since::too_new;
pub use skew::{Mixed, mixed, skewed};

use crate::content::{ContentPath, Differing, Layout, Location, Snapshot};
use crate::dag::{Dag, FileError, Id, Model, Unknown};
use crate::ids::DagId;
use crate::python;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// One difference between what is deployed and what is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub kind: Kind,
    /// The deployed DAGs that it belongs to; more than one where they share the code.
    pub dags: Vec<Id<DagId>>,
    /// Whether the text proves it.
    pub certainty: Certainty,
    /// Where the deployed side stands.
    pub deployed: Option<Location>,
    /// Where the proposed side stands; none for something that is gone.
    pub proposed: Option<Location>,
}

/// Whether the text proves a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Both sides are known.
    Certain,
    /// It depends on something that the text does not hold; with what that is.
    Possible(String),
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The tree.
    pub snapshot: &'a Snapshot,
    /// Its model.
    pub model: &'a Model,
}

/// All changes from `deployed` to `proposed`, in the order of the deployed model.
pub fn changes(deployed: Side, proposed: Side, layout: Layout) -> Vec<Change> {
    let data = data::changed(deployed.snapshot, proposed.snapshot, layout);
    let differing = differing(deployed, proposed);
    let broken = broken_files(deployed, proposed);
    let alike = Alike::new(deployed, proposed);
    let mut changes: Vec<Change> = Vec::new();
    let pairs = pairing::dags(deployed.model, proposed.model);
    let mut changed: Vec<code::Pair> = Vec::new();
    for (dag, pair) in deployed.model.dags.iter().zip(pairs) {
        let reads_changed_data = || data::may_read(deployed.snapshot, dag, &data) || templates::any(dag, &data);
        let same = !dag.reaches.meets(&differing) || alike.source(dag);
        // What both models share is as it was.
        let shared = matches!(pair, pairing::DagPair::Same(other) if std::ptr::eq(other, dag.as_ref()));
        if same && (shared || is_exposed(proposed.model, dag)) && !reads_changed_data() {
            continue;
        }
        if dag.reaches.iter().any(|path| broken.contains_key(path)) {
            // What the DAG would be is not known while it does not import; that is the finding.
            continue;
        }
        match pair {
            pairing::DagPair::Same(other) => {
                changed.push((dag, other));
                changes.extend(moved_file(dag, other));
                changes.extend(within((deployed, dag), (proposed, other)));
            }
            pairing::DagPair::Renamed(other, to) => {
                let (at, other_at) = identity::id_places(
                    (deployed.snapshot, &dag.id_at, &dag.id_parts),
                    (proposed.snapshot, &other.id_at, &other.id_parts),
                );
                changes.push(Change {
                    kind: Kind::Identity(Identity::DagRenamed { to }),
                    dags: vec![dag.dag_id.clone()],
                    certainty: Certainty::Certain,
                    deployed: Some(at),
                    proposed: Some(other_at),
                });
            }
            pairing::DagPair::Gone => changes.push(gone(&alike, dag)),
            pairing::DagPair::Unknown(unknown) => {
                changes.push(not_known(dag, dag.unknown.first().unwrap_or(unknown), Some(unknown.at.clone())));
            }
        }
    }
    changes.extend(reference::changes(deployed, proposed));
    changes.extend(xcom::changes_of_others(deployed, proposed, &changed));
    changes.extend(identity::duplicates(deployed, proposed));
    changes.extend(code::changes(deployed, proposed, &changed));
    xcom::keep_pairs(&mut changes);
    changes.extend(broken.into_values());
    changes.extend(arrival::changes(deployed, proposed, &changes));
    changes.extend(unstable::changes(deployed, proposed));
    changes.extend(modules::hidden(deployed, proposed, layout));
    changes
}

/// The files that are not the same on both sides, or import others than they did: a DAG that reaches
/// none of them has the same source.
fn differing(deployed: Side, proposed: Side) -> BTreeSet<ContentPath> {
    let files = deployed.snapshot.differing(proposed.snapshot).into_iter().filter(Differing::in_content);
    let (before, after) = (&deployed.model.imports, &proposed.model.imports);
    if std::sync::Arc::ptr_eq(before, after) {
        return files.map(|file| file.path).cloned().collect();
    }
    let imports = before.iter().filter(|(path, to)| after.get(*path) != Some(*to)).map(|(path, _)| path);
    let importing = after.keys().filter(|path| !before.contains_key(*path));
    files.map(|file| file.path).chain(imports).chain(importing).cloned().collect()
}

/// Which code both sides have alike. A file is compared once, however many DAGs are built from it.
struct Alike<'a> {
    deployed: Side<'a>,
    proposed: Side<'a>,
    files: RefCell<BTreeMap<ContentPath, bool>>,
    names: OnceLock<BTreeSet<&'a str>>,
}

impl<'a> Alike<'a> {
    fn new(deployed: Side<'a>, proposed: Side<'a>) -> Self {
        Self { deployed, proposed, files: RefCell::default(), names: OnceLock::new() }
    }

    /// Whether everything that the DAG is built from has the same syntax on both sides.
    ///
    /// Then it is the same DAG, known or not: Airflow would build it from equal code. (What it reads
    /// outside of the tree may have changed, but not by this delivery.)
    fn source(&self, dag: &Dag) -> bool {
        let imports = |side: &Side<'a>| &side.model.imports;
        let (before, after) = (imports(&self.deployed), imports(&self.proposed));
        dag.reaches.iter().all(|path| before.get(path) == after.get(path))
            && dag.reaches.iter().all(|path| self.file(path))
    }

    fn file(&self, path: &ContentPath) -> bool {
        match (self.deployed.snapshot.get(path), self.proposed.snapshot.get(path)) {
            (Some(a), Some(b)) if a.id == b.id => true,
            (Some(a), Some(b)) if path.as_str().ends_with(".py") => {
                let known = self.files.borrow().get(path).copied();
                known.unwrap_or_else(|| {
                    let names = self.names();
                    let same = python::same_code(path.as_str(), [&*a.bytes, &*b.bytes], |name| !names.contains(name));
                    self.files.borrow_mut().insert(path.clone(), same);
                    same
                })
            }
            (Some(_), Some(_)) => false,
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    /// Modules of the tree may depend on the order in which they are imported (one registers what another
    /// takes), so whatever a file or folder of either tree is called counts as one.
    fn names(&self) -> &BTreeSet<&'a str> {
        self.names.get_or_init(|| {
            let mut names = BTreeSet::new();
            let mut last = None;
            for (path, _) in [self.deployed, self.proposed].into_iter().flat_map(|side| side.snapshot.files()) {
                let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
                names.extend([name, name.strip_suffix(".py").unwrap_or(name)]);
                // Files of a folder stand in a row.
                if last.replace(folder) != Some(folder) {
                    names.extend(folder.split('/').flat_map(|part| [part, part.strip_suffix(".py").unwrap_or(part)]));
                }
            }
            names
        })
    }
}

/// Whether Airflow still takes the DAG from that file, and from no other data. Equal code does not
/// suffice: the file can be ignored now, or without the words (perhaps in a comment) by which
/// Airflow knows a DAG file; and a folder that it lists can hold a file more.
fn is_exposed(model: &Model, dag: &Dag) -> bool {
    model.of_file(&dag.file).iter().any(|other| other.dag_id == dag.dag_id && other.reaches == dag.reaches)
}

fn moved_file(dag: &Dag, other: &Dag) -> Option<Change> {
    (dag.file != other.file).then(|| Change {
        kind: Kind::Identity(Identity::DagFileMoved { from: dag.file.clone(), to: other.file.clone() }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: Some(dag.at.clone()),
        proposed: Some(other.at.clone()),
    })
}

/// What changed in a DAG that both sides have.
fn within((deployed, dag): (Side, &Dag), (proposed, other): (Side, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(unknown) = other.unknown.first().or(dag.unknown.first()) {
        changes.push(not_known(dag, unknown, Some(other.at.clone())));
    }
    let pairs = pairing::tasks((deployed.snapshot, dag), (proposed.snapshot, other));
    changes.extend(identity::changes(&pairs, (deployed, dag), (proposed, other)));
    changes.extend(graph::changes(&pairs, dag, (proposed.snapshot, other)));
    changes.extend(mapping::changes(&pairs, (deployed.snapshot, dag), (proposed.snapshot, other)));
    changes.extend(xcom::changes((deployed, dag), (proposed, other)));
    changes.extend(templates::changes((deployed, dag), (proposed, other)));
    changes.extend(branch::changes(dag, other, proposed.model.sources.airflow()));
    changes.extend(params::changes((deployed, dag), (proposed, other)));
    changes.extend(settings::changes(dag, other));
    changes.extend(assets::changes(dag, (proposed, other)));
    changes
}

fn gone(alike: &Alike, dag: &Dag) -> Change {
    let Alike { deployed, proposed, .. } = *alike;
    // A DAG whose id the proposed text does not hold, in the same file, may be this one.
    let certainty = proposed
        .model
        .dags
        .iter()
        .filter(|other| other.dag_id.exact().is_none() && other.file == dag.file)
        .find_map(|other| other.unknown.first())
        .map_or(Certainty::Certain, |unknown| Certainty::Possible(reason(unknown)));
    // Where equal code makes no DAG any more, it is not looked at.
    let hidden = alike.source(dag).then(|| cause::hidden_by(deployed, proposed, &dag.file)).flatten();
    Change {
        kind: Kind::Identity(Identity::DagRemoved { hidden_by: hidden.as_ref().map(|at| at.path.clone()) }),
        dags: vec![dag.dag_id.clone()],
        certainty,
        deployed: Some(dag.at.clone()),
        proposed: hidden,
    }
}

fn not_known(dag: &Dag, unknown: &Unknown, proposed: Option<Location>) -> Change {
    Change {
        kind: Kind::DagNotKnown { reason: unknown.reason.clone() },
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Possible(reason(unknown)),
        deployed: Some(dag.at.clone()),
        proposed,
    }
}

/// The text of an expression or function without what formatting changes: no white space, and
/// all quotes are alike.
fn source(snapshot: &Snapshot, at: &Location) -> String {
    text(snapshot, at).chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect()
}

/// The text of an expression or function as it is written.
fn text<'a>(snapshot: &'a Snapshot, at: &Location) -> Cow<'a, str> {
    let bytes = snapshot.get(&at.path).and_then(|file| file.bytes.get(at.span.bytes())).unwrap_or_default();
    String::from_utf8_lossy(bytes)
}

/// What stands between two quotes, of whatever kind.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['"', '\'']).skip(1).map(|part| part.trim_end_matches('\\'))
}

fn reason(unknown: &Unknown) -> String {
    format!("{} ({}:{})", unknown.reason, unknown.at.path, unknown.at.span.line)
}

/// Files that do not import in the proposed tree and did in the deployed one (or are new), with
/// the deployed DAGs that are built from them.
fn broken_files(deployed: Side, proposed: Side) -> BTreeMap<ContentPath, Change> {
    let mut broken = BTreeMap::new();
    for error in &proposed.model.errors {
        if broken.contains_key(&error.at.path) || was_broken(deployed, proposed, error) {
            continue;
        }
        let path = &error.at.path;
        let (at, message) =
            cause::left_by_a_merge(proposed, error).unwrap_or_else(|| (error.at.clone(), error.message.clone()));
        let dags: Vec<_> = deployed.model.dags.iter().filter(|dag| reaches(dag, path, proposed.model)).collect();
        broken.insert(
            path.clone(),
            Change {
                kind: Kind::File(FileChange::Broken { path: path.clone(), message }),
                dags: dags.iter().map(|dag| dag.dag_id.clone()).collect(),
                certainty: Certainty::Certain,
                deployed: deployed.snapshot.get(path).and(dags.first()).map(|dag| dag.at.clone()),
                proposed: Some(at),
            },
        );
    }
    broken
}

fn was_broken(deployed: Side, proposed: Side, error: &FileError) -> bool {
    let path = &error.at.path;
    let unchanged = match (deployed.snapshot.get(path), proposed.snapshot.get(path)) {
        (Some(a), Some(b)) => a.id == b.id,
        _ => false,
    };
    let before = deployed.model.errors.iter().find(|known| known.at.path == *path);
    before.is_some_and(|known| unchanged || known.message == error.message)
}

/// Whether the DAG is built from that file on either side.
fn reaches(dag: &Dag, path: &ContentPath, proposed: &Model) -> bool {
    if dag.file == *path || dag.reaches.contains(path) {
        return true;
    }
    // The broken file may be one that the DAG's file only now imports.
    let mut seen = BTreeSet::from([&dag.file]);
    let mut open = vec![&dag.file];
    while let Some(file) = open.pop() {
        for import in proposed.imports.get(file).into_iter().flat_map(|to| to.iter()) {
            if import == path {
                return true;
            }
            if seen.insert(import) {
                open.push(import);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
