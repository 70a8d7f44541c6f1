//! The protocol: stage everything, commit by writing the journal, apply in order, record.

use super::observe::{delivered_roots, mode_of, read};
use super::record::{Journal, JournalStep, Stamp, Target, read_if_there};
use super::{Home, Observed, PublishError, Record, Recorded, Recovery, STATE};
use crate::content::{BlobId, ContentPath, HomePath, Layout, Mode, Operation, Plan, Revision, Snapshot};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Airflow opens any file below the DAGs folder to see whether it is a zip archive, and takes
/// names beginning with a dot like all others. This pattern means "every name" to a regular
/// expression and "names beginning with a dot" to a glob; staged files have such names.
const IGNORE_ALL: &[u8] = b".*\n";

impl Home {
    pub(super) fn carry_out(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
    ) -> Result<(), PublishError> {
        self.refuse_foreign(observed, proposed, layout)?;
        let steps = self.stage(proposed, plan)?;
        let files = layout.deliver(proposed).into_iter().filter_map(|(dest, source)| {
            let file = proposed.get(&source)?;
            let target = Target {
                source: source.to_string(),
                revision: file.revision.to_string(),
                id: file.id.to_string(),
                mode: file.mode.into(),
            };
            Some((dest.to_string(), target))
        });
        let journal = Journal::new(observed.revision.as_str(), proposed.revision(), steps, files.collect());
        if plan.is_empty() {
            // Nothing to carry on with after a kill: the record alone changes.
            return self.record(&journal);
        }
        self.write_state("journal", &journal.to_json())?;
        self.apply(&journal)?;
        Ok(())
    }

    /// Ends a delivery whose journal is there. It is fine if there is none.
    pub(super) fn recover(&self) -> Result<Option<Recovery>, PublishError> {
        let path = self.state.join("journal");
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let Some(journal) = Journal::from_json(&bytes) else {
            self.abandon()?;
            return Ok(Some(Recovery::Abandoned(Revision::new("unknown"))));
        };
        let to = Revision::new(journal.to.as_str());
        match self.apply(&journal) {
            Ok(()) => Ok(Some(Recovery::Finished(to))),
            // What was staged has gone, by other hands than ours.
            Err(PublishError::Damaged { .. }) => {
                self.abandon()?;
                Ok(Some(Recovery::Abandoned(to)))
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets what was recorded: what is on disk is what is deployed. The journal goes last, so
    /// that a kill in between leads here again.
    fn abandon(&self) -> Result<(), PublishError> {
        for name in ["deployed", "journal"] {
            let path = self.state.join(name);
            ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path))?;
        }
        self.sync(&self.state)
    }

    /// Refuses to take over a shared folder's place from somebody else: once delivered into, the
    /// folder would count as the syncer's, and what lies there as stray.
    fn refuse_foreign(&self, observed: &Observed, proposed: &Snapshot, layout: Layout) -> Result<(), PublishError> {
        let deployed = delivered_roots(observed.manifest.keys());
        for root in delivered_roots(layout.deliver(proposed).keys()).difference(&deployed) {
            let path = self.root.join(root);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if !metadata.is_dir() || holds_files(&path) => {
                    return Err(PublishError::InTheWay { path });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes every new file beside its volume's place, under names that belong to the lock's
    /// holder: what a killed predecessor left there is removed first.
    fn stage(&self, proposed: &Snapshot, plan: &Plan) -> Result<Vec<JournalStep>, PublishError> {
        let mut stages = BTreeMap::<PathBuf, Vec<PathBuf>>::new();
        let mut steps = Vec::new();
        for (number, step) in plan.steps.iter().enumerate() {
            let mut journaled = JournalStep { dest: step.dest.to_string(), staged: None };
            if let Operation::Write { source, id, mode } = &step.operation {
                let stage = self.stage_for(&step.dest);
                if !stages.contains_key(&stage) {
                    self.clear_stage(&stage)?;
                }
                let path = stage.join(format!(".{number}-{id}"));
                let files = stages.entry(stage).or_default();
                if *mode != Mode::Link {
                    files.push(path.clone());
                }
                let damaged = || PublishError::Damaged { path: source.to_string() };
                let file = proposed.get(source).ok_or_else(damaged)?;
                if file.id != *id || BlobId::of(&file.bytes) != *id {
                    return Err(damaged());
                }
                match mode {
                    Mode::Link => self.effects.create_link(&path, &file.bytes),
                    Mode::Regular => self.effects.create(&path, &file.bytes, false),
                    Mode::Executable => self.effects.create(&path, &file.bytes, true),
                }
                .map_err(PublishError::failed("writing", &path))?;
                let below_home = path.strip_prefix(&self.root).unwrap_or(&path);
                journaled.staged = Some(below_home.to_string_lossy().into_owned());
            }
            steps.push(journaled);
        }
        for (stage, files) in &stages {
            self.effects.sync_files(files).map_err(PublishError::failed("syncing", stage))?;
            self.sync(stage)?;
        }
        Ok(steps)
    }

    /// Where files for that place are staged: a rename is atomic only within one volume.
    fn stage_for(&self, dest: &HomePath) -> PathBuf {
        let device = |path: &Path| self.effects.device(path).ok();
        let mut folder = self.root.join(dest.as_str());
        while !folder.is_dir() && folder.pop() {}
        let volume = device(&folder);
        if volume.is_none() || volume == device(&self.state) {
            return self.state.join("stage");
        }
        while folder != self.root
            && folder.parent().is_some_and(|parent| device(parent) == volume && parent.starts_with(&self.root))
        {
            folder.pop();
        }
        folder.join(STATE).join("stage")
    }

    fn clear_stage(&self, stage: &Path) -> Result<(), PublishError> {
        if let Some(state) = stage.parent() {
            self.ensure_dir(state)?;
            let ignore = state.join(".airflowignore");
            if state.starts_with(self.root.join("dags")) && !ignore.exists() {
                self.effects.create(&ignore, IGNORE_ALL, false).map_err(PublishError::failed("writing", &ignore))?;
            }
        }
        self.ensure_dir(stage)?;
        for entry in fs::read_dir(stage).map_err(PublishError::failed("reading", stage))? {
            let path = entry.map_err(PublishError::failed("reading", stage))?.path();
            self.effects.remove_file(&path).map_err(PublishError::failed("removing", &path))?;
        }
        Ok(())
    }

    /// Carries out what the journal says, from wherever it stands: every step is done, or is
    /// found done. The order is the same each time.
    fn apply(&self, journal: &Journal) -> Result<(), PublishError> {
        let mut touched = BTreeSet::new();
        let mut modules = BTreeMap::<PathBuf, BTreeSet<String>>::new();
        for step in &journal.steps {
            let Ok(dest) = HomePath::new(&step.dest) else { return Err(damaged(&step.dest)) };
            match &step.staged {
                Some(staged) => self.put(&dest, &self.root.join(staged), journal.files.get(&step.dest))?,
                None => self.take_away(&dest)?,
            }
            let Some(folder) = self.root.join(dest.as_str()).parent().map(Path::to_path_buf) else { continue };
            if let Some(module) = dest.file_name().strip_suffix(".py") {
                modules.entry(folder.clone()).or_default().insert(module.to_string());
            }
            touched.insert(folder);
        }
        for (folder, modules) in &modules {
            self.remove_byte_code(folder, modules);
        }
        for step in journal.steps.iter().filter(|step| step.staged.is_none()) {
            if let Ok(dest) = HomePath::new(&step.dest) {
                self.remove_empty_folders(&dest);
            }
        }
        touched.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| self.sync(folder))?;
        self.record(journal)?;
        let path = self.state.join("journal");
        ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path))?;
        self.sync(&self.state)
    }

    fn put(&self, dest: &HomePath, staged: &Path, target: Option<&Target>) -> Result<(), PublishError> {
        let path = self.root.join(dest.as_str());
        if fs::symlink_metadata(staged).is_err() {
            let target = target.ok_or_else(|| damaged(dest.as_str()))?;
            return if is_there(&path, target) { Ok(()) } else { Err(damaged(dest.as_str())) };
        }
        self.ensure_parents(dest)?;
        // Airflow parses a file whose time is later than its last parse, and Python trusts byte
        // code of the same second and size: the time is now, and never that of before.
        let mut modified = self.effects.now();
        if let Ok(metadata) = fs::symlink_metadata(&path) {
            if metadata.is_dir() {
                self.remove_hollow(&path);
            } else {
                modified = modified.max(Stamp::of(&metadata).modified.saturating_add(1_000_000_000));
            }
        }
        self.effects.touch(staged, modified).map_err(PublishError::failed("touching", staged))?;
        self.effects.rename(staged, &path).map_err(PublishError::failed("replacing", &path))
    }

    fn take_away(&self, dest: &HomePath) -> Result<(), PublishError> {
        let path = self.root.join(dest.as_str());
        match fs::symlink_metadata(&path) {
            // A later step of this journal has put a folder there already.
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path)),
            Err(_) => Ok(()),
        }
    }

    fn record(&self, journal: &Journal) -> Result<(), PublishError> {
        let mut files = BTreeMap::new();
        for (dest, target) in &journal.files {
            let path = self.root.join(dest);
            let metadata = fs::symlink_metadata(&path).map_err(PublishError::failed("reading", &path))?;
            let parsed =
                HomePath::new(dest).ok().zip(ContentPath::new(&target.source).ok()).zip(BlobId::from_hex(&target.id));
            let Some(((dest, source), id)) = parsed else { return Err(damaged(dest)) };
            let recorded = Recorded {
                source,
                revision: Revision::new(target.revision.as_str()),
                id,
                mode: target.mode.into(),
                stamp: Stamp::of(&metadata),
            };
            files.insert(dest, recorded);
        }
        let delivered_at = Timestamp::from_nanosecond(self.effects.now().into()).unwrap_or_default();
        let record = Record { revision: Revision::new(journal.to.as_str()), delivered_at, files };
        self.write_state("deployed", &record.to_json())?;
        let removals = journal.steps.iter().filter(|step| step.staged.is_none()).count();
        let line = serde_json::json!({
            "delivered_at": delivered_at.to_string(), "revision": journal.to, "from": journal.from,
            "writes": journal.steps.len() - removals, "removals": removals,
        });
        let history = self.state.join("history");
        self.effects.append(&history, &format!("{line}\n")).map_err(PublishError::failed("writing", &history))
    }

    /// Replaces a file of the state folder: seen whole, or not at all, even after a power cut.
    fn write_state(&self, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let (path, new) = (self.state.join(name), self.state.join(format!("{name}.new")));
        ignore_missing(self.effects.remove_file(&new)).map_err(PublishError::failed("removing", &new))?;
        self.effects
            .create(&new, bytes, false)
            .and_then(|()| self.effects.sync_files(std::slice::from_ref(&new)))
            .map_err(PublishError::failed("writing", &new))?;
        self.effects.rename(&new, &path).map_err(PublishError::failed("replacing", &path))?;
        self.sync(&self.state)
    }

    fn sync(&self, folder: &Path) -> Result<(), PublishError> {
        self.effects.sync_dir(folder).map_err(PublishError::failed("syncing", folder))
    }

    fn ensure_dir(&self, path: &Path) -> Result<(), PublishError> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        self.effects.create_dir(path).map_err(PublishError::failed("making", path))
    }

    fn ensure_parents(&self, dest: &HomePath) -> Result<(), PublishError> {
        let Some(parent) = dest.parent() else { return Ok(()) };
        self.ensure_parents(&parent)?;
        self.ensure_dir(&self.root.join(parent.as_str()))
    }

    /// Byte code of replaced or removed modules of a folder. Python would not take it (its time
    /// differs), so a cache that another user owns may stay.
    fn remove_byte_code(&self, folder: &Path, modules: &BTreeSet<String>) {
        for path in entries(&folder.join("__pycache__")) {
            // `<module>.cpython-312.opt-1.pyc`, where the module's name may itself have dots.
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.match_indices('.').any(|(dot, _)| modules.contains(&name[..dot])) {
                self.effects.remove_file(&path).ok();
            }
        }
    }

    /// Folders that a removal left empty, byte code aside; never one that Airflow must find.
    fn remove_empty_folders(&self, dest: &HomePath) {
        let mut folder = dest.parent();
        while let Some(here) = folder {
            let kept = matches!(here.as_str(), "dags" | "plugins" | "plugins/operators" | "plugins/sensors");
            let path = self.root.join(here.as_str());
            let is_dir = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            if kept || (is_dir && holds_files(&path)) {
                break;
            }
            if is_dir {
                self.remove_hollow(&path);
            }
            folder = here.parent();
        }
    }

    /// Removes a folder with nothing in it but folders and byte code.
    fn remove_hollow(&self, folder: &Path) {
        if holds_files(folder) {
            return;
        }
        for path in entries(folder) {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.remove_cache(&path),
                _ => {}
            }
        }
        self.effects.remove_dir(folder).ok();
    }

    fn remove_cache(&self, folder: &Path) {
        for path in entries(folder) {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.remove_cache(&path),
                Ok(_) => drop(self.effects.remove_file(&path)),
                Err(_) => {}
            }
        }
        self.effects.remove_dir(folder).ok();
    }
}

/// Whether there is anything in a folder but folders and byte code.
fn holds_files(folder: &Path) -> bool {
    entries(folder).into_iter().any(|path| {
        let is_cache = path.file_name().is_some_and(|name| name == "__pycache__");
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => !is_cache && holds_files(&path),
            Ok(_) => true,
            Err(_) => false,
        }
    })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn is_there(path: &Path, target: &Target) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let mode = Mode::from(target.mode);
    mode_of(&metadata) == Some(mode) && read(path, mode).is_ok_and(|bytes| BlobId::of(&bytes).to_string() == target.id)
}

fn damaged(path: &str) -> PublishError {
    PublishError::Damaged { path: path.to_string() }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
