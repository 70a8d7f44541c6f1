//! Files whose syntax is too new for the Python that runs them.

use super::{Certainty, Change, FileChange, Kind, Side, reaches};
use crate::content::{Area, ContentPath, Layout, Location, Snapshot};
use crate::python;

/// Adds the files of the proposed tree that the target Python (3.`minor`) does not compile; those that
/// it did not compile before are none of the change's.
pub fn too_new(deployed: Side, proposed: Side, layout: Layout, minor: Option<u32>, changes: &mut Vec<Change>) {
    let Some(minor) = minor else { return };
    let fault = |snapshot: &Snapshot, path: &ContentPath| python::too_new(&snapshot.get(path)?.bytes, minor);
    for file in deployed.snapshot.differing(proposed.snapshot) {
        let path = file.path;
        if file.there.is_none() || !file.in_content() || !path.as_str().ends_with(".py") {
            continue;
        }
        let Some(place) = layout.place(path) else { continue };
        let known = changes.iter().any(|change| match &change.kind {
            Kind::File(FileChange::Broken { path: broken, .. }) => broken == path,
            _ => false,
        });
        if known {
            continue;
        }
        let Some((span, message)) = fault(proposed.snapshot, path) else { continue };
        let dags: Vec<_> = deployed.model.dags.iter().filter(|dag| reaches(dag, path, proposed.model)).collect();
        let loaded = proposed.model.dags.iter().any(|dag| dag.reaches.contains(path));
        let is_loaded = loaded || !dags.is_empty() || place.area != Area::Dags;
        if !is_loaded || fault(deployed.snapshot, path).is_some() {
            continue;
        }
        changes.push(Change {
            kind: Kind::File(FileChange::Broken { path: path.clone(), message }),
            dags: dags.iter().map(|dag| dag.dag_id.clone()).collect(),
            certainty: Certainty::Certain,
            deployed: deployed.snapshot.get(path).and(dags.first()).map(|dag| dag.at.clone()),
            proposed: Some(Location { path: path.clone(), span }),
        });
    }
}
