//! The protocol: stage everything, commit by writing the journal, apply in order, record.

use super::history::Delivered;
use super::observe::{DISK, mode_of, read};
use super::places::parent;
use super::record::{
    Delivery, Journal, JournalFile, JournalStep, Revisions, Stamp, Table, Targets, candidates, read_from, read_record,
};
use super::stage::{MANY, Staged, beside};
use super::state::{check, is_absent, look, read_if_there};
use super::{Home, Observed, PublishError, Record, Recorded, Recovery, STATE, ignored, read_history, read_hold};
use crate::content::{
    BlobId, ContentPath, File, Folder, HomePath, Layout, Mode, Plan, PluginFolders, Revision, Snapshot,
};
use crate::switch::off;
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// Airflow opens any file below the DAGs folder to see whether it is a zip archive, and takes
/// names beginning with a dot like all others. This pattern means "every name" to a regular
/// expression (any number of such characters, none included) and to a glob (our names do not begin
/// with a colon).
const IGNORE_ALL: &[u8] = b"[!:]*\n";

pub(super) const SECOND: i64 = 1_000_000_000;

/// What the steps leave to be done when all of them are done.
#[derive(Default)]
struct Applied {
    /// Folders, as if below the home, whose entries changed.
    touched: BTreeSet<String>,
    /// Modules by their folder, whose byte code is of no use any more.
    modules: BTreeMap<String, BTreeSet<String>>,
    /// Files in their place, by which they are known again.
    stamps: BTreeMap<String, Stamp>,
    /// Folders that were found or made.
    folders: BTreeSet<String>,
    /// Those of them that were made and hold nothing but what was put there since.
    made: BTreeSet<String>,
    /// The folder that was put last as a whole: its files have come with it, as they were staged.
    whole: Option<String>,
}

impl Home {
    pub(super) fn carry_out(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
        folders: PluginFolders,
    ) -> Result<(), PublishError> {
        if let Some(path) = self.guard(&self.view()).in_the_way(observed, proposed, plan, layout)?.into_iter().next() {
            return Err(PublishError::InTheWay { path: self.places.at(path.as_str()) });
        }
        if self.is_linked() {
            return self.carry_out_tree(observed, proposed, plan, layout, &folders);
        }
        let ignored = self.options.ignore_plugin_folders.then_some(folders.ignored);
        let Staged { steps, stamps, stages } = self.stage(proposed, plan).inspect_err(|_| self.clear_stages())?;
        let waited = read_hold(&self.places.at(&self.state))?;
        // Nobody but this waits for the disk: what is to be said of the files is put together meanwhile.
        let ((journal, bytes), synced) = beside(
            plan.writes() >= MANY,
            || {
                let delivery = Delivery {
                    sequence: observed.sequence + 1,
                    from: &observed.revision,
                    to: proposed.revision(),
                    roots: layout.roots(proposed),
                    targets: targets(observed, proposed, layout, &steps, &stamps),
                    ignored,
                    waited,
                };
                let journal = Journal::new(delivery, steps);
                let bytes = journal.to_json();
                (journal, bytes)
            },
            || self.sync_staged(&stages),
        );
        synced.inspect_err(|_| self.clear_stages())?;
        let base = observed.recorded();
        if plan.is_empty() {
            // Nothing to carry on with after a kill: the record alone changes.
            let mut applied = Applied::default();
            self.keep_ignored(&journal, &mut applied)?;
            self.sync_all(&applied)?;
            return self.record(&journal, base, proposed.folders(), &applied);
        }
        self.write_state(&self.state, "journal", &bytes).inspect_err(|_| {
            // Not committed, unless the rename was done and only its sync failed.
            if !self.places.at(&self.state).join("journal").exists() {
                self.clear_stages();
            }
        })?;
        self.apply(&journal, base, proposed.folders())
    }

    /// Ends a delivery whose journal is there, or else sees to it that all volumes have the same
    /// record. It is fine if there is nothing to do.
    pub(super) fn recover(&self) -> Result<Option<Recovery>, PublishError> {
        if off("R25") {
            return Ok(None);
        }
        if self.is_linked() && self.places.at(&self.state).join("current").exists() {
            return self.recover_tree();
        }
        let path = self.places.at(&self.state).join("journal");
        let Some(bytes) = read_if_there(&path)? else { return self.reconcile() };
        check(&path, &bytes)?;
        let Some(journal) = Journal::from_json(&bytes) else {
            self.abandon(None)?;
            return Ok(Some(Recovery::Abandoned(Revision::new("unknown"))));
        };
        let to = Revision::new(journal.to.as_str());
        let record = read_record(&self.places)?.filter(|record| journal.rests_on(record));
        if journal.base.is_some() && record.is_none() {
            // What it says of unchanged files has gone. It is carried to its end all the same.
            match self.put_all(&journal) {
                Ok(_) | Err(PublishError::Damaged { .. }) => self.abandon(Some(&journal))?,
                Err(error) => return Err(error),
            }
            return Ok(Some(Recovery::Abandoned(to)));
        }
        // The next delivery reads the whole tree.
        match self.apply(&journal, record.as_ref(), &BTreeMap::new()) {
            Ok(()) => Ok(Some(Recovery::Finished(to))),
            // What was staged has gone, by other hands than ours.
            Err(PublishError::Damaged { .. }) => {
                self.abandon(Some(&journal))?;
                Ok(Some(Recovery::Abandoned(to)))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the newest record wherever there is another one or none.
    fn reconcile(&self) -> Result<Option<Recovery>, PublishError> {
        let seen = self.records_seen()?;
        if *self.reconciled.lock().unwrap_or_else(PoisonError::into_inner) == seen {
            return Ok(None);
        }
        let Some(newest) = read_record(&self.places)? else { return Ok(None) };
        let mut differing = Vec::new();
        for state in self.states(newest.roots.iter().map(String::as_str)) {
            if read_from(&self.places, &state)?.as_ref() != Some(&newest) {
                differing.push(state);
            }
        }
        for state in &differing {
            self.ensure_state(state)?;
            self.write_state(state, "deployed", &newest.to_bytes())?;
        }
        *self.reconciled.lock().unwrap_or_else(PoisonError::into_inner) = self.records_seen()?;
        Ok((!differing.is_empty()).then_some(Recovery::Reconciled(newest.revision)))
    }

    /// By what the records on all volumes are known again: a pass without news reads none of them
    /// for this.
    fn records_seen(&self) -> Result<BTreeMap<String, Option<Stamp>>, PublishError> {
        let stamp = |state: String| {
            let metadata = look(&self.places.at(&state).join("deployed"))?;
            Ok((state, metadata.map(|metadata| Stamp::of(&metadata))))
        };
        candidates(&self.places).into_iter().map(stamp).collect()
    }

    /// Forgets which revision is deployed, and remembers which folders are ours: what is on disk is
    /// what is deployed. The journal goes last, so that a kill in between leads here again.
    fn abandon(&self, journal: Option<&Journal>) -> Result<(), PublishError> {
        let before = read_record(&self.places)?;
        let mut roots = journal.map_or_else(|| Layout::Content.owned(std::iter::empty()), Journal::owned);
        roots.extend(before.iter().flat_map(|record| record.roots.clone()));
        let record = Record {
            sequence: before.as_ref().map_or(0, |record| record.sequence) + 1,
            revision: Revision::new(DISK),
            delivered_at: self.now(),
            roots,
            ignored: before.and_then(|record| record.ignored),
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        self.write_record(&record, &record.to_bytes())?;
        self.end_journal()
    }

    fn end_journal(&self) -> Result<(), PublishError> {
        let state = self.places.at(&self.state);
        let path = state.join("journal");
        ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path))?;
        self.sync(&state)
    }

    /// Makes a state folder, with its note to Airflow's walk.
    pub(super) fn ensure_state(&self, state: &str) -> Result<(), PublishError> {
        let mut made = BTreeSet::new();
        self.ensure_dir(state, &mut made)?;
        let folder = self.places.at(state);
        if state != STATE {
            let path = folder.join(".airflowignore");
            if read_if_there(&path)?.as_deref() != Some(IGNORE_ALL) {
                ignore_missing(self.effects.remove_file(&path))
                    .and_then(|()| self.effects.create(&path, IGNORE_ALL, false))
                    .map_err(PublishError::failed("writing", &path))?;
            }
        }
        Ok(())
    }

    /// Carries out what the journal says and records it, over the record that it changes.
    fn apply(
        &self,
        journal: &Journal,
        base: Option<&Record>,
        folders: &BTreeMap<String, Folder>,
    ) -> Result<(), PublishError> {
        let applied = self.put_all(journal)?;
        self.record(journal, base, folders, &applied)?;
        self.end_journal()
    }

    /// Carries out the steps, from wherever they stand: every one is done, or is found done. The
    /// order is the same each time.
    fn put_all(&self, journal: &Journal) -> Result<Applied, PublishError> {
        let mut applied = Applied::default();
        // Before the folders themselves: a process that starts now must not load them.
        self.keep_ignored(journal, &mut applied)?;
        for step in &journal.steps {
            let Ok(dest) = HomePath::new(&step.dest) else { return Err(damaged(&step.dest)) };
            if let Some(whole) = &step.whole
                && self.put_whole(whole, step, &mut applied)?
            {
                applied.whole = Some(whole.clone());
            }
            if applied.whole.as_ref().is_some_and(|whole| dest.below(whole).is_some()) {
                // Nothing of it was there before.
                continue;
            }
            match &step.staged {
                Some(staged) => {
                    let target = journal.files.get(&step.dest);
                    self.put(&dest, staged, target, &mut applied)?;
                }
                None => self.take_away(&dest)?,
            }
            let folder = parent(&step.dest).to_string();
            if let Some(module) = dest.file_name().strip_suffix(".py") {
                applied.modules.entry(folder.clone()).or_default().insert(module.to_string());
            }
            applied.touched.insert(folder);
        }
        for (folder, modules) in &applied.modules {
            self.remove_byte_code(&self.places.at(folder), modules);
        }
        for step in journal.steps.iter().filter(|step| step.staged.is_none()) {
            if let Ok(dest) = HomePath::new(&step.dest) {
                self.remove_empty_folders(&dest, &mut applied.touched);
            }
        }
        self.sync_all(&applied)?;
        Ok(applied)
    }

    fn sync_all(&self, applied: &Applied) -> Result<(), PublishError> {
        let folders = applied.touched.iter().map(|folder| self.places.at(folder));
        folders.filter(|folder| folder.is_dir()).try_for_each(|folder| self.sync(&folder))
    }

    /// Puts our part of `plugins/.airflowignore` as it must be; a file that is no text, or no file
    /// at all, is left to whoever made it.
    fn keep_ignored(&self, journal: &Journal, applied: &mut Applied) -> Result<(), PublishError> {
        let none = BTreeSet::new();
        let folders = match &journal.ignored {
            _ if off("R9") => return Ok(()),
            Some(folders) => folders,
            // What an earlier delivery wrote there goes.
            None if !self.options.ignore_plugin_folders => &none,
            // A journal of format 1 says nothing of it.
            None => return Ok(()),
        };
        let path = self.places.at(ignored::FILE);
        if look(&path)?.is_some_and(|metadata| !metadata.is_file()) {
            return Ok(());
        }
        let Ok(present) = String::from_utf8(read_if_there(&path)?.unwrap_or_default()) else { return Ok(()) };
        let text = ignored::text(&present, folders);
        if text.as_deref().unwrap_or_default() == present {
            return Ok(());
        }
        applied.touched.insert("plugins".to_string());
        let Some(text) = text else {
            return ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path));
        };
        let state = self.places.state_for("plugins", &*self.effects);
        self.ensure_state(&state)?;
        let new = self.places.at(&state).join("airflowignore.new");
        ignore_missing(self.effects.remove_file(&new))
            .and_then(|()| self.effects.create(&new, text.as_bytes(), false))
            .and_then(|_| self.effects.sync_files(std::slice::from_ref(&new)))
            .map_err(PublishError::failed("writing", &new))?;
        self.effects.rename(&new, &path).map_err(PublishError::failed("replacing", &path))
    }

    /// Puts a folder with all that is staged in it, if it is staged still and nothing is in its place;
    /// otherwise its files are put one by one.
    fn put_whole(&self, whole: &str, step: &JournalStep, applied: &mut Applied) -> Result<bool, PublishError> {
        let Some(inside) = step.dest.strip_prefix(whole) else { return Ok(false) };
        let Some(staged) = step.staged.as_ref().and_then(|staged| staged.strip_suffix(inside)) else {
            return Ok(false);
        };
        let Ok(dest) = HomePath::new(whole) else { return Ok(false) };
        let (staged, path) = (self.places.at(staged), self.places.at(whole));
        if look(&path)?.is_some() || !look(&staged)?.is_some_and(|metadata| metadata.is_dir()) {
            return Ok(false);
        }
        self.ensure_parents(&dest, applied)?;
        match self.effects.rename(&staged, &path) {
            // Not every file system can, and others may have made the folder just now.
            Err(error) if matches!(error.kind(), ErrorKind::CrossesDevices | ErrorKind::DirectoryNotEmpty) => Ok(false),
            result => {
                applied.touched.insert(parent(whole).to_string());
                result.map(|()| true).map_err(PublishError::failed("replacing", &path))
            }
        }
    }

    fn put(
        &self,
        dest: &HomePath,
        staged: &str,
        target: Option<&JournalFile>,
        applied: &mut Applied,
    ) -> Result<(), PublishError> {
        let path = self.places.at(dest.as_str());
        let staged = self.places.at(staged);
        if look(&staged)?.is_none() {
            // Done already, by the process before us.
            let target = target.ok_or_else(|| damaged(dest.as_str()))?;
            let stamp = is_there(&path, target)?.ok_or_else(|| damaged(dest.as_str()))?;
            applied.stamps.insert(dest.to_string(), stamp);
            return Ok(());
        }
        self.ensure_parents(dest, applied)?;
        // Airflow parses a file whose time is later than its last parse, and Python trusts byte
        // code of the same second and size: the time is now, and never that of before.
        let mut modified = self.effects.now();
        let before = if applied.made.contains(parent(dest.as_str())) { None } else { look(&path)? };
        if let Some(metadata) = before {
            if metadata.is_dir() {
                self.make_room(&path)?;
                applied.folders.clear();
                applied.made.clear();
            } else {
                modified = modified.max(Stamp::of(&metadata).modified.saturating_add(SECOND));
            }
        }
        self.touch(&staged, modified)?;
        self.effects.rename(&staged, &path).map_err(PublishError::failed("replacing", &path))?;
        if let Some(metadata) = look(&path)? {
            applied.stamps.insert(dest.to_string(), Stamp::of(&metadata));
        }
        Ok(())
    }

    /// Sets the time of a staged file. Only its owner may, and after a restart we may be another
    /// user of the same group: then the file is written once more.
    fn touch(&self, staged: &Path, modified: i64) -> Result<(), PublishError> {
        let failed = || PublishError::failed("touching", staged);
        let error = match self.effects.touch(staged, modified) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
            result => return result.map_err(failed()),
        };
        let mode = look(staged)?.as_ref().and_then(mode_of);
        let Some(mode @ (Mode::Regular | Mode::Executable)) = mode else {
            // Nobody looks at the time of a link.
            return if mode == Some(Mode::Link) { Ok(()) } else { Err(failed()(error)) };
        };
        let bytes = read(staged, mode).map_err(failed())?;
        let again = staged.with_extension("again");
        ignore_missing(self.effects.remove_file(&again))
            .and_then(|()| self.effects.create(&again, &bytes, mode == Mode::Executable))
            .and_then(|_| self.effects.sync_files(std::slice::from_ref(&again)))
            .and_then(|()| self.effects.touch(&again, modified))
            .and_then(|()| self.effects.rename(&again, staged))
            .map_err(failed())
    }

    fn take_away(&self, dest: &HomePath) -> Result<(), PublishError> {
        let path = self.places.at(dest.as_str());
        match look(&path)? {
            // A later step of this journal has put a folder there already.
            Some(metadata) if metadata.is_dir() => Ok(()),
            Some(_) => ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path)),
            None => Ok(()),
        }
    }

    /// Records what is deployed, and what the folders were read from of which it was made, if that is known.
    fn record(
        &self,
        journal: &Journal,
        base: Option<&Record>,
        folders: &BTreeMap<String, Folder>,
        applied: &Applied,
    ) -> Result<(), PublishError> {
        let to = Revision::new(journal.to.as_str());
        let base = base.filter(|_| journal.base.is_some());
        let mut revisions = Revisions::default();
        let mut files = BTreeMap::new();
        for (dest, file) in &journal.files {
            let parsed =
                HomePath::new(dest).ok().zip(ContentPath::new(&file.source).ok()).zip(BlobId::from_hex(&file.id));
            let Some(((path, source), id)) = parsed else { return Err(damaged(dest)) };
            let stamp = match applied.stamps.get(dest).copied().or(file.stamp) {
                Some(stamp) => stamp,
                // Format 1 says nothing of files that have no step.
                None => is_there(&self.places.at(dest), file)?.unwrap_or_default(),
            };
            let revision = revisions.named(&file.revision);
            files.insert(path, Recorded { source, revision, id, mode: file.mode.into(), stamp });
        }
        let delivered_at = self.now();
        let record = Record {
            sequence: journal.sequence,
            revision: to,
            delivered_at,
            roots: journal.owned(),
            ignored: journal.ignored.clone(),
            folders: folders.clone(),
            files,
        };
        // The others are as they were, and of the new revision too.
        let unchanged = base.into_iter().flat_map(|record| &record.files);
        let mut unchanged = unchanged.filter(|(dest, _)| !journal.gone.contains(dest.as_str())).peekable();
        let known = base.map_or(0, |base| base.files.len()) + record.files.len();
        let mut table = Table::new(&record.revision, known);
        for (dest, recorded) in &record.files {
            while let Some((before, recorded)) = unchanged.next_if(|(path, _)| *path < dest) {
                table.add(before, recorded, &record.revision);
            }
            unchanged.next_if(|(path, _)| *path == dest);
            table.add(dest, recorded, &recorded.revision);
        }
        unchanged.for_each(|(dest, recorded)| table.add(dest, recorded, &record.revision));
        self.write_record(&record, &table.to_bytes(&record))?;
        let sign = |step: &JournalStep| if step.staged.is_some() { '+' } else { '-' };
        let removals = journal.steps.iter().filter(|step| step.staged.is_none()).count();
        let mut history = read_history(&self.places.at(&self.state))?;
        history.add(Delivered {
            sequence: journal.sequence,
            revision: journal.to.clone(),
            from: journal.from.clone(),
            delivered_at: delivered_at.to_string(),
            writes: journal.steps.len() - removals,
            removals,
            files: journal.steps.iter().map(|step| format!("{}{}", sign(step), step.dest)).collect(),
            waited: journal.waited.clone(),
        });
        self.write_state(&self.state, "history", &history.to_json())?;
        self.end_hold()
    }

    /// What was held is delivered.
    pub(super) fn end_hold(&self) -> Result<(), PublishError> {
        let hold = self.places.at(&self.state).join("hold");
        if look(&hold)?.is_some() {
            ignore_missing(self.effects.remove_file(&hold)).map_err(PublishError::failed("removing", &hold))?;
        }
        Ok(())
    }

    /// The record, on every volume that has a part of what it tells of.
    fn write_record(&self, record: &Record, bytes: &[u8]) -> Result<(), PublishError> {
        for state in self.states(record.roots.iter().map(String::as_str)) {
            self.ensure_state(&state)?;
            self.write_state(&state, "deployed", bytes)?;
        }
        // They agree: the next pass need not read them to find that out.
        *self.reconciled.lock().unwrap_or_else(PoisonError::into_inner) = self.records_seen()?;
        Ok(())
    }

    fn states<'a>(&self, roots: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.places.states(roots, &*self.effects)
    }

    /// Replaces a file of the state folder: seen whole, or not at all, even after a power cut.
    pub(super) fn write_state(&self, state: &str, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let folder = self.places.at(state);
        let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
        ignore_missing(self.effects.remove_file(&new)).map_err(PublishError::failed("removing", &new))?;
        self.effects
            .create(&new, bytes, false)
            .and_then(|_| self.effects.sync_files(std::slice::from_ref(&new)))
            .map_err(PublishError::failed("writing", &new))?;
        self.effects.rename(&new, &path).map_err(PublishError::failed("replacing", &path))?;
        self.sync(&folder)
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.effects.now().into()).unwrap_or_default()
    }

    pub(super) fn sync(&self, folder: &Path) -> Result<(), PublishError> {
        self.effects.sync_dir(folder).map_err(PublishError::failed("syncing", folder))
    }

    /// Makes a folder that is not there, and says whether it did.
    pub(super) fn ensure_dir(&self, name: &str, touched: &mut BTreeSet<String>) -> Result<bool, PublishError> {
        let path = self.places.at(name);
        if look(&path)?.is_some_and(|metadata| metadata.is_dir()) {
            return Ok(false);
        }
        touched.insert(parent(name).to_string());
        self.effects.create_dir(&path).map_err(PublishError::failed("making", &path))?;
        Ok(true)
    }

    /// Makes the folders around a file. Each is looked for once: of a thousand files in one folder it
    /// need not be asked a thousand times.
    fn ensure_parents(&self, dest: &HomePath, applied: &mut Applied) -> Result<(), PublishError> {
        let Some(parent) = dest.parent() else { return Ok(()) };
        if applied.folders.contains(parent.as_str()) {
            return Ok(());
        }
        self.ensure_parents(&parent, applied)?;
        if self.ensure_dir(parent.as_str(), &mut applied.touched)? {
            applied.made.insert(parent.to_string());
        }
        applied.folders.insert(parent.to_string());
        Ok(())
    }

    /// Byte code of replaced or removed modules of a folder. Python would not take it (its time
    /// differs), so a cache that another user owns may stay.
    fn remove_byte_code(&self, folder: &Path, modules: &BTreeSet<String>) {
        if off("R29") {
            return;
        }
        for path in entries(&folder.join("__pycache__")) {
            // `<module>.cpython-312.opt-1.pyc`, where the module's name may itself have dots.
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.match_indices('.').any(|(dot, _)| modules.contains(&name[..dot])) {
                self.effects.remove_file(&path).ok();
            }
        }
    }

    /// Folders that a removal left empty, byte code aside; never one that Airflow must find.
    fn remove_empty_folders(&self, dest: &HomePath, touched: &mut BTreeSet<String>) {
        let mut folder = dest.parent();
        while let Some(here) = folder {
            let kept = matches!(here.as_str(), "dags" | "plugins" | "plugins/operators" | "plugins/sensors");
            let path = self.places.at(here.as_str());
            let is_dir = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            if kept || (is_dir && holds_files(&path)) {
                break;
            }
            if is_dir {
                self.make_room(&path).ok();
                touched.insert(parent(here.as_str()).to_string());
            }
            folder = here.parent();
        }
    }

    /// Removes a folder in whose place a file is to come.
    fn make_room(&self, folder: &Path) -> Result<(), PublishError> {
        if holds_files(folder) {
            return Err(PublishError::InTheWay { path: folder.to_path_buf() });
        }
        self.remove_cache(folder)
    }

    /// Removes a folder with all the folders and byte code in it.
    fn remove_cache(&self, folder: &Path) -> Result<(), PublishError> {
        for path in entries(folder) {
            match look(&path)? {
                Some(metadata) if metadata.is_dir() => self.remove_cache(&path)?,
                Some(_) => {
                    ignore_missing(self.effects.remove_file(&path)).map_err(PublishError::failed("removing", &path))?;
                }
                None => {}
            }
        }
        ignore_missing(self.effects.remove_dir(folder)).map_err(PublishError::failed("removing", folder))
    }
}

/// Whether there is anything in a folder but folders and byte code.
pub(super) fn holds_files(folder: &Path) -> bool {
    entries(folder).into_iter().any(|path| {
        let is_cache = path.file_name().is_some_and(|name| name == "__pycache__");
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => !is_cache && holds_files(&path),
            Ok(_) => true,
            Err(_) => false,
        }
    })
}

pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The stamp of a file that is in its place already, with the bytes that it must have.
fn is_there(path: &Path, target: &JournalFile) -> Result<Option<Stamp>, PublishError> {
    let Some(metadata) = look(path)? else { return Ok(None) };
    let mode = Mode::from(target.mode);
    if mode_of(&metadata) != Some(mode) {
        return Ok(None);
    }
    match read(path, mode) {
        Ok(bytes) => Ok((BlobId::of(&bytes).to_string() == target.id).then(|| Stamp::of(&metadata))),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(PublishError::failed("reading", path)(error)),
    }
}

/// What will be in every place when all is done: as it differs from the record, where there is one.
fn targets(
    observed: &Observed,
    proposed: &Snapshot,
    layout: Layout,
    steps: &[JournalStep],
    stamps: &BTreeMap<String, Stamp>,
) -> Targets {
    let written: BTreeSet<&str> =
        steps.iter().filter(|step| step.staged.is_some()).map(|step| step.dest.as_str()).collect();
    let base = observed.recorded();
    let place = |(source, file)| Some((layout.place(source)?.dest, (source, file)));
    let mut delivered: Vec<(HomePath, (&ContentPath, &File))> = proposed.files().filter_map(place).collect();
    delivered.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut files, mut gone) = (BTreeMap::new(), BTreeSet::new());
    // All are in the order of the paths: one walk along them says what differs.
    let mut recorded = base.into_iter().flat_map(|record| &record.files).peekable();
    let mut stamps = stamps.iter().map(|(path, stamp)| (path.as_str(), *stamp)).peekable();
    let mut written = written.into_iter().map(|path| (path, ())).peekable();
    for (dest, (source, file)) in &delivered {
        let recorded = loop {
            match recorded.next_if(|(path, _)| path.cmp_shared(dest) != Ordering::Greater) {
                Some((path, recorded)) if path.cmp_shared(dest) == Ordering::Equal => break Some(recorded),
                Some((before, _)) => drop(gone.insert(before.to_string())),
                None => break None,
            }
        };
        let stamp = match (met(&mut stamps, dest), met(&mut written, dest)) {
            (Some(staged), _) => Some(staged),
            (None, Some(())) => None,
            (None, None) => observed.stamp(dest, recorded),
        };
        let is_same = |recorded: &Recorded| {
            (recorded.id, recorded.mode, Some(recorded.stamp)) == (file.id, file.mode, stamp)
                && recorded.source.cmp_shared(source) == Ordering::Equal
                && file.revision == *proposed.revision()
        };
        if recorded.is_some_and(is_same) {
            continue;
        }
        let target = JournalFile {
            source: source.to_string(),
            revision: file.revision.to_string(),
            id: file.id.to_string(),
            mode: file.mode.into(),
            stamp,
        };
        files.insert(dest.to_string(), target);
    }
    gone.extend(recorded.map(|(dest, _)| dest.to_string()));
    Targets { base: base.map(|record| record.sequence), files, gone }
}

/// What stands at a path, on a walk along all of them.
fn met<'p, T>(walk: &mut Peekable<impl Iterator<Item = (&'p str, T)>>, path: &HomePath) -> Option<T> {
    while walk.next_if(|(before, _)| *before < path.as_str()).is_some() {}
    walk.next_if(|(here, _)| *here == path.as_str()).map(|(_, found)| found)
}

pub(super) fn damaged(path: &str) -> PublishError {
    PublishError::Damaged { path: path.to_string() }
}

pub(super) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
