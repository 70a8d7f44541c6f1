//! What is about to be delivered, written beside its place: from there a rename puts it.

use super::apply::{damaged, entries};
use super::places::parent;
use super::record::{JournalStep, Stamp, candidates};
use super::state::look;
use super::{Home, PublishError, STATE};
use crate::content::{BlobId, ContentPath, File, HomePath, Mode, Operation, Plan, Snapshot, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

/// Files from which on they are written by several threads: making a file takes the kernel as long as
/// reading it from a pack, and neither can be done in less.
pub(super) const MANY: usize = 128;
/// More threads than this only wait for the file system.
const MOST_THREADS: usize = 4;

/// The steps of a delivery with what is staged for them.
#[derive(Default)]
pub(super) struct Staged {
    pub(super) steps: Vec<JournalStep>,
    /// By what files are known again that keep their stamp: they come with their folder.
    pub(super) stamps: BTreeMap<String, Stamp>,
    /// What is to be waited for, see [`Home::sync_staged`].
    pub(super) stages: Stages,
}

/// The places in which something is staged, with the files that must be on disk before it counts.
#[derive(Default)]
pub(super) struct Stages {
    files: BTreeMap<String, Vec<PathBuf>>,
    /// Folders that are staged as a whole, and those in them, as if below the home.
    folders: BTreeSet<String>,
}

/// A file that is to be written into a stage.
struct Writing<'p> {
    path: PathBuf,
    source: &'p ContentPath,
    file: &'p File,
    /// Its place, if it keeps its stamp.
    keeps: Option<String>,
}

impl Home {
    /// Writes every new file beside its volume's place, under names that belong to the lock's
    /// holder: what a killed predecessor left there is removed first.
    ///
    /// A folder of which nothing is there yet is staged as it will be, and one rename puts it: of a
    /// first delivery a rename for each file would be a third.
    pub(super) fn stage(&self, proposed: &Snapshot, plan: &Plan) -> Result<Staged, PublishError> {
        let (mut steps, mut stages, mut writings) = (Vec::new(), Stages::default(), Vec::new());
        // Climbing to the top of a volume takes some system calls: once for each folder.
        let mut places = BTreeMap::<&str, String>::new();
        let mut folders = self.whole_folders(plan)?.into_iter().peekable();
        let mut inside: Option<(String, String)> = None;
        for (number, step) in plan.steps.iter().enumerate() {
            let mut journaled = JournalStep { dest: step.dest.to_string(), staged: None, whole: None };
            if let Operation::Write { source, id, mode } = &step.operation {
                let folder = parent(step.dest.as_str());
                let stage = places
                    .entry(folder)
                    .or_insert_with(|| self.places.state_for(folder, &*self.effects) + "/stage")
                    .clone();
                if !stages.files.contains_key(&stage) {
                    self.ensure_state(parent(&stage))?;
                    self.ensure_dir(&stage, &mut BTreeSet::new())?;
                    self.clear(&self.places.at(&stage))?;
                    stages.files.insert(stage.clone(), Vec::new());
                }
                if let Some((_, whole)) = folders.next_if(|(first, _)| *first == number)
                    && self.may_be_whole(&stage, &whole)?
                {
                    inside = Some((whole.clone(), format!("{stage}/.{number}")));
                    journaled.whole = Some(whole);
                }
                let rest = inside.as_ref().and_then(|(whole, at)| Some((step.dest.below(whole)?, at)));
                let name = match rest {
                    Some((rest, at)) => format!("{at}/{rest}"),
                    None => format!("{stage}/.{number}-{id}"),
                };
                if rest.is_some() {
                    self.stage_folders(&stage, parent(&name), &mut stages.folders)?;
                }
                let path = self.places.at(&name);
                let file = proposed.get(source).ok_or_else(|| damaged(source.as_str()))?;
                if (file.id, file.mode) != (*id, *mode) {
                    return Err(damaged(source.as_str()));
                }
                if *mode != Mode::Link {
                    stages.files.entry(stage).or_default().push(path.clone());
                }
                let keeps = rest.is_some().then(|| journaled.dest.clone());
                writings.push(Writing { path, source, file, keeps });
                journaled.staged = Some(name);
            }
            steps.push(journaled);
        }
        let stamps = self.write_all(&writings)?;
        Ok(Staged { steps, stamps, stages })
    }

    /// Writes files, and says by what those are known again that keep their stamp.
    fn write_all(&self, writings: &[Writing<'_>]) -> Result<BTreeMap<String, Stamp>, PublishError> {
        let write = |part: &[Writing<'_>]| part.iter().filter_map(|one| self.write(one).transpose()).collect();
        if writings.len() < MANY {
            return write(writings);
        }
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        // Each has its own part of the tree: in one folder they would wait for each other.
        let parts = writings.chunks(writings.len().div_ceil(threads));
        let written: Vec<Result<BTreeMap<_, _>, _>> = thread::scope(|scope| {
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| write(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|fault| resume_unwind(fault))).collect()
        });
        let mut stamps = BTreeMap::new();
        for part in written {
            stamps.append(&mut part?);
        }
        Ok(stamps)
    }

    fn write(&self, writing: &Writing<'_>) -> Result<Option<(String, Stamp)>, PublishError> {
        let Writing { path, source, file, keeps } = writing;
        if BlobId::of(&file.bytes) != file.id {
            return Err(damaged(source.as_str()));
        }
        let failed = || PublishError::failed("writing", path);
        let stamp = match file.mode {
            Mode::Link => {
                self.effects.create_link(path, &file.bytes).map_err(failed())?;
                look(path)?.map(|metadata| Stamp::of(&metadata))
            }
            Mode::Regular | Mode::Executable => {
                let executable = file.mode == Mode::Executable;
                Some(self.effects.create(path, &file.bytes, executable).map_err(failed())?)
            }
        };
        Ok(keeps.clone().zip(stamp))
    }

    /// Waits until all that is staged is on disk.
    pub(super) fn sync_staged(&self, stages: &Stages) -> Result<(), PublishError> {
        for (stage, files) in &stages.files {
            let folder = self.places.at(stage);
            self.effects.sync_files(files).map_err(PublishError::failed("syncing", &folder))?;
        }
        // Those within others come before them.
        stages.folders.iter().rev().try_for_each(|folder| self.sync(&self.places.at(folder)))?;
        stages.files.keys().try_for_each(|stage| self.sync(&self.places.at(stage)))
    }

    /// The folders that come whole, each with the number of its first step: nothing is there in its
    /// place, and its files, more than one, stand together in the plan.
    fn whole_folders(&self, plan: &Plan) -> Result<Vec<(usize, String)>, PublishError> {
        let mut tops = BTreeMap::<String, Option<String>>::new();
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (number, step) in plan.steps.iter().enumerate() {
            if let Some((_, end, whole)) = runs.last_mut()
                && *end == number
                && step.dest.below(whole).is_some()
            {
                *end = number + 1;
                if step.operation == Operation::Remove {
                    // It stands for a folder that has gone by other hands.
                    return Ok(Vec::new());
                }
            } else if let Some(top) = self.not_there(step, &mut tops)? {
                runs.push((number, number + 1, top));
            }
        }
        let mut seen = BTreeMap::<&str, usize>::new();
        for (_, _, whole) in &runs {
            *seen.entry(whole).or_default() += 1;
        }
        let is_whole = |(first, end, whole): &(usize, usize, String)| end - first > 1 && seen[whole.as_str()] == 1;
        Ok(runs.iter().filter(|run| is_whole(run)).map(|(first, _, whole)| (*first, whole.clone())).collect())
    }

    /// The topmost folder around a file that is not there.
    fn not_there(
        &self,
        step: &Step,
        known: &mut BTreeMap<String, Option<String>>,
    ) -> Result<Option<String>, PublishError> {
        let folder = parent(step.dest.as_str());
        if let Some(top) = known.get(folder) {
            return Ok(top.clone());
        }
        let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
        let mut top = None;
        for end in ends {
            if look(&self.places.at(&folder[..end]))?.is_none() {
                top = Some(folder[..end].to_string());
                break;
            }
        }
        known.insert(folder.to_string(), top.clone());
        Ok(top)
    }

    /// Whether a folder made in the stage is as one made in its place would be. In the folders of
    /// Airflow nothing is staged under a name that may be read as a module's.
    fn may_be_whole(&self, stage: &str, whole: &str) -> Result<bool, PublishError> {
        let mut around = parent(whole);
        while look(&self.places.at(around))?.is_none() && !around.is_empty() {
            around = parent(around);
        }
        let (stage_at, around) = (self.places.at(stage), self.places.at(around));
        let (Some(one), Some(other)) = (look(&stage_at)?, look(&around)?) else { return Ok(false) };
        let bits = |metadata: &std::fs::Metadata| (metadata.gid(), metadata.mode() & 0o2000, metadata.dev());
        Ok(parent(stage) == STATE
            && HomePath::new(whole).is_ok()
            && bits(&one) == bits(&other)
            && !has_rules(&stage_at)
            && !has_rules(&around))
    }

    /// Makes the staged folders around a file.
    fn stage_folders(&self, stage: &str, folder: &str, made: &mut BTreeSet<String>) -> Result<(), PublishError> {
        if folder == stage || made.contains(folder) {
            return Ok(());
        }
        self.stage_folders(stage, parent(folder), made)?;
        self.ensure_dir(folder, &mut BTreeSet::new())?;
        made.insert(folder.to_string());
        Ok(())
    }

    /// Removes whatever is staged, on all volumes. What cannot be removed stays: it is in nobody's
    /// way, and the next delivery tries again.
    pub(super) fn clear_stages(&self) {
        for state in candidates(&self.places) {
            self.clear(&self.places.at(&state).join("stage")).ok();
        }
    }

    fn clear(&self, stage: &Path) -> Result<(), PublishError> {
        for path in entries(stage) {
            if look(&path)?.is_some_and(|metadata| metadata.is_dir()) {
                self.clear(&path)?;
                self.effects.remove_dir(&path).map_err(PublishError::failed("removing", &path))?;
            } else {
                self.effects.remove_file(&path).map_err(PublishError::failed("removing", &path))?;
            }
        }
        Ok(())
    }
}

/// Does both, at the same time where that pays.
pub(super) fn beside<A, B: Send>(pays: bool, one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    if !pays {
        let other = other();
        return (one(), other);
    }
    thread::scope(|scope| {
        let other = scope.spawn(other);
        (one(), other.join().unwrap_or_else(|fault| resume_unwind(fault)))
    })
}

/// Whether what is made in a folder takes rules of access from it.
fn has_rules(folder: &Path) -> bool {
    let mut none: [u8; 0] = [];
    rustix::fs::getxattr(folder, "system.posix_acl_default", &mut none).is_ok()
}
