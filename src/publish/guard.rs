//! What is looked at before the first write: what stands in the way, and whether there is room.

use super::apply::entries;
use super::disk::{Disk, Effects};
use super::state::look;
use super::{Home, Observed, Places, PublishError, STATE, ignored};
use crate::content::{HomePath, Layout, Operation, Plan, Refusal, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What a file takes beside its bytes in record and journal, in bytes: its path twice, and numbers.
const PER_FILE: u64 = 512;

/// Why this plan is not to be begun, as things stand on disk; takes no lock.
pub fn refusals(
    airflow_home: impl Into<Places>,
    observed: &Observed,
    proposed: &Snapshot,
    plan: &Plan,
    layout: Layout,
) -> Result<Vec<Refusal>, PublishError> {
    Guard { places: &airflow_home.into(), effects: &Disk }.refusals(observed, proposed, plan, layout)
}

impl Home {
    /// Why this plan is not to be begun, as things stand on disk.
    pub fn refusals(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
    ) -> Result<Vec<Refusal>, PublishError> {
        self.guard(&self.view()).refusals(observed, proposed, plan, layout)
    }

    pub(super) fn guard<'a>(&'a self, places: &'a Places) -> Guard<'a> {
        Guard { places, effects: &*self.effects }
    }
}

/// What is looked at, and how.
pub(super) struct Guard<'a> {
    places: &'a Places,
    effects: &'a dyn Effects,
}

impl Guard<'_> {
    fn refusals(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
    ) -> Result<Vec<Refusal>, PublishError> {
        let mut refusals: Vec<Refusal> =
            self.in_the_way(observed, proposed, plan, layout)?.into_iter().map(Refusal::InTheWay).collect();
        if !plan.is_empty() {
            refusals.extend(self.no_room(proposed, plan));
        }
        Ok(refusals)
    }

    /// Folders that a first file would take over from somebody else: once delivered into, the
    /// folder would count as the syncer's, and what lies there as stray.
    pub(super) fn in_the_way(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
    ) -> Result<Vec<HomePath>, PublishError> {
        let places = self.places;
        let mut found = Vec::new();
        // Inside the delivered folders only what was deliberately left out of the plan can stand
        // in the way: drift that is to stay.
        let removed: BTreeSet<&str> = plan
            .steps
            .iter()
            .filter(|step| step.operation == Operation::Remove)
            .map(|step| step.dest.as_str())
            .collect();
        // Each folder around a file, and whether it is there: in one that is not nothing stands.
        let mut seen = BTreeMap::<HomePath, bool>::new();
        for step in plan.steps.iter().filter(|step| step.operation != Operation::Remove) {
            let around = step.dest.parent();
            let mut above = around.clone();
            while let Some(folder) = above.filter(|folder| !seen.contains_key(folder)) {
                let there = look(&places.at(folder.as_str()))?;
                if there.as_ref().is_some_and(|metadata| !metadata.is_dir()) && !removed.contains(folder.as_str()) {
                    found.push(folder.clone());
                }
                above = folder.parent();
                seen.insert(folder, there.is_some());
            }
            let is_there = around.is_none_or(|folder| seen.get(&folder).is_none_or(|there| *there));
            if is_there
                && let Some(metadata) = look(&places.at(step.dest.as_str()))?
                && metadata.is_dir()
                && holds_others(places, step.dest.as_str(), &removed)
            {
                found.push(step.dest.clone());
            }
        }
        for root in layout.roots(proposed).difference(&observed.roots) {
            let known = || observed.manifest.keys().map(HomePath::as_str).collect();
            if let Some(metadata) = look(&places.at(root))?
                && (!metadata.is_dir() || holds_others(places, root, &known()))
            {
                found.extend(HomePath::new(root));
            }
        }
        Ok(found)
    }

    /// Volumes that would be full before all is written. The journal is a promise to get to the
    /// end: it is not given where the end cannot be paid for.
    fn no_room(&self, proposed: &Snapshot, plan: &Plan) -> Vec<Refusal> {
        let recorded = u64::try_from(proposed.files().count() + plan.steps.len()).unwrap_or(u64::MAX);
        let state = recorded.saturating_mul(PER_FILE);
        // Where each volume's files go, and the state files: journal, record and its copy on its way.
        let mut wanted = BTreeMap::<&str, Vec<u64>>::new();
        let mut folders = BTreeSet::from(["dags"]);
        for step in &plan.steps {
            if let Operation::Write { source, .. } = &step.operation {
                let size = proposed.get(source).map_or(0, |file| file.bytes.len());
                let folder = super::places::parent(step.dest.as_str());
                wanted.entry(folder).or_default().push(u64::try_from(size).unwrap_or(u64::MAX));
                folders.insert(folder);
            }
        }
        wanted.entry("dags").or_default().extend([state, state, state]);
        let mut refusals = Vec::new();
        for (volume, folder) in self.places.volumes(folders.iter().copied(), self.effects) {
            let Ok(room) = self.effects.room(&self.places.at(&folder)) else { continue };
            let here = wanted
                .iter()
                .filter(|(folder, _)| self.places.volumes([**folder].into_iter(), self.effects).contains_key(&volume));
            let (mut bytes, mut files) = (0_u64, 0_u64);
            for (_, sizes) in here {
                // A folder of its own, at worst.
                bytes = bytes.saturating_add(room.block);
                files = files.saturating_add(1);
                for size in sizes {
                    bytes = bytes.saturating_add(size.div_ceil(room.block).saturating_mul(room.block));
                    files = files.saturating_add(1);
                }
            }
            let folder = if folder.is_empty() { ".".to_string() } else { folder };
            if bytes > room.bytes {
                refusals.push(Refusal::NoRoom { folder, needed: bytes, free: room.bytes });
            } else if let Some(free) = room.files.filter(|free| files > *free) {
                refusals.push(Refusal::NoInodes { folder, needed: files, free });
            }
        }
        refusals
    }
}

/// Whether a folder holds a file that no removal takes away, byte code aside.
fn holds_others(places: &Places, folder: &str, removed: &BTreeSet<&str>) -> bool {
    entries(&places.at(folder)).into_iter().any(|path| {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return true };
        let name_of = format!("{folder}/{name}");
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                !matches!(name, "__pycache__" | STATE) && holds_others(places, &name_of, removed)
            }
            Ok(_) => name_of != ignored::FILE && !removed.contains(name_of.as_str()),
            Err(_) => false,
        }
    })
}
