//! Deliveries as whole trees behind a link, as git-sync makes them.
//!
//! `$AIRFLOW_HOME/dags` and `plugins` are links that never change, into `.dagguard/current`, and
//! that is a link to the tree of one revision. A delivery builds the next tree beside it, unchanged
//! files as hard links so that their times stay, and puts another link in the place of `current`:
//! one rename, by which both folders change at the same moment. What reads the tree before goes on
//! reading it: a later delivery takes it away, and not as long as one is hard on the heels of another.
//!
//! A tree is a small home of its own: its record lies in it and changes with it.

use super::apply::{entries, holds_files, ignore_missing};
use super::history::{Delivered, History};
use super::places::parent;
use super::record::Stamp;
use super::state::{look, read_if_there};
use super::{
    Home, Kind, Observed, Places, PublishError, ROOTS, Record, Recorded, Recovery, STATE, ignored, read_history,
    read_hold,
};
use crate::content::{BlobId, HomePath, Layout, Mode, Operation, Plan, PluginFolders, Snapshot};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The link to the tree that is deployed, and the folder of the trees.
const CURRENT: &str = ".dagguard/current";
const TREES: &str = ".dagguard/trees";
/// The folders that are links into it; code before the DAGs that import it.
const LINKED: [&str; 2] = ["plugins", "dags"];
/// What the history has to say of a tree, written into it before it is deployed.
const NOTE: &str = "delivered";
/// For so long what opened a folder of a tree may still be about to list it. An importer that was held up
/// between the two on a busy machine found a folder half taken away, and its modules missing.
const READ_FOR: SignedDuration = SignedDuration::from_mins(1);
/// No more trees than these are kept for that.
const MOST_READ: usize = 8;

impl Home {
    /// Where what is deployed is looked at: in the current tree, or in the home itself where there
    /// is none yet.
    pub(super) fn view(&self) -> Places {
        self.places.clone().viewed(self.options.mode)
    }

    /// Ends what was cut off behind the commit point.
    pub(super) fn recover_tree(&self) -> Result<Option<Recovery>, PublishError> {
        let was_cut_off = self.settle()?;
        let record = super::read_record(self.view())?.filter(|_| was_cut_off);
        Ok(record.map(|record| Recovery::Finished(record.revision)))
    }

    /// The way back from links to folders of the home itself: each folder of the tree changes
    /// places with its link, so that at every moment the same files are found under the same names,
    /// with the times that they have. Cut off, it is carried on here, or undone by
    /// [`Home::return_to_tree`].
    pub(super) fn leave_trees(&self) -> Result<(), PublishError> {
        let current = self.places.at(CURRENT);
        let linked: Vec<&str> = LINKED.into_iter().filter(|root| self.places.links_to_tree(root)).collect();
        if !linked.is_empty() {
            // It is said in the home before the tree goes that says it.
            if let Some(record) = super::record::read_from(&Places::of(&current), STATE)? {
                self.write_state(&self.state, "deployed", &record.to_bytes())?;
            }
            for root in linked {
                let path = self.places.at(root);
                self.effects
                    .exchange(&current.join(root), &path)
                    .map_err(|_| PublishError::NotLinkable { path, why: "the link cannot become a folder" })?;
            }
            self.sync(&self.places.at(""))?;
        }
        if look(&current)?.is_some() {
            ignore_missing(self.effects.remove_file(&current)).map_err(PublishError::failed("removing", &current))?;
            self.sync(&self.places.at(STATE))?;
        }
        let trees = self.places.at(TREES);
        if look(&trees)?.is_some() {
            let unchanged = self.unchanged()?;
            self.remove_tree(&trees)?;
            self.restamp(&unchanged)?;
        }
        Ok(())
    }

    /// Delivered files that are as they were recorded.
    fn unchanged(&self) -> Result<BTreeSet<HomePath>, PublishError> {
        let record = super::read_record(&self.places)?;
        let is_unchanged = |(dest, recorded): (HomePath, Recorded)| {
            let stamp = look(&self.places.at(dest.as_str())).ok()?.map(|metadata| Stamp::of(&metadata));
            (stamp == Some(recorded.stamp)).then_some(dest)
        };
        Ok(record.map(|record| record.files.into_iter().filter_map(is_unchanged).collect()).unwrap_or_default())
    }

    /// Records these files as they are: each has lost another name, which changes its inode.
    fn restamp(&self, files: &BTreeSet<HomePath>) -> Result<(), PublishError> {
        let Some(mut record) = super::read_record(&self.places)? else { return Ok(()) };
        for (dest, recorded) in record.files.iter_mut().filter(|(dest, _)| files.contains(*dest)) {
            if let Some(metadata) = look(&self.places.at(dest.as_str()))? {
                recorded.stamp = Stamp::of(&metadata);
            }
        }
        self.write_state(&self.state, "deployed", &record.to_bytes())
    }

    /// Puts a folder back into its tree that was taken out of it when [`Home::leave_trees`] was cut
    /// off.
    pub(super) fn return_to_tree(&self) -> Result<(), PublishError> {
        let current = self.places.at(CURRENT);
        for root in LINKED {
            let (inside, path) = (current.join(root), self.places.at(root));
            if look(&inside)?.is_some_and(|metadata| metadata.is_symlink())
                && look(&path)?.is_some_and(|metadata| metadata.is_dir())
            {
                self.effects.exchange(&inside, &path).map_err(PublishError::failed("replacing", &path))?;
            }
        }
        Ok(())
    }

    /// Links an empty home to an empty tree, so that the first delivery too is made at one moment,
    /// and Airflow finds its folders before.
    pub(super) fn begin_trees(&self) -> Result<(), PublishError> {
        let used =
            |root: &str| look(&self.places.at(root)).map(|there| there.is_some() && holds_files(&self.places.at(root)));
        if self.places.at(CURRENT).is_dir() || used("dags")? || used("plugins")? {
            return Ok(());
        }
        let name = format!("{TREES}/0-empty");
        self.remove_tree(&self.places.at(&name))?;
        self.make_first_folders(&name)?;
        self.flip(&name)?;
        self.settle().map(drop)
    }

    fn make_first_folders(&self, name: &str) -> Result<(), PublishError> {
        let tree = Places::of(&self.places.at(name));
        let folders = ["", STATE].into_iter().chain(ROOTS).map(|folder| tree.at(folder));
        for folder in std::iter::once(self.places.at(TREES)).chain(folders) {
            if !folder.is_dir() {
                self.effects.create_dir(&folder).map_err(PublishError::failed("making", &folder))?;
            }
        }
        Ok(())
    }

    /// The commit point: from here on that tree is what is deployed.
    fn flip(&self, name: &str) -> Result<(), PublishError> {
        let (current, new) = (self.places.at(CURRENT), self.places.at(".dagguard/current.new"));
        let target = name.strip_prefix(".dagguard/").unwrap_or(name);
        ignore_missing(self.effects.remove_file(&new))
            .and_then(|()| self.effects.create_link(&new, target.as_bytes()))
            .map_err(PublishError::failed("writing", &new))?;
        self.effects.rename(&new, &current).map_err(PublishError::failed("replacing", &current))?;
        self.sync(&self.places.at(STATE))
    }

    pub(super) fn carry_out_tree(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
        folders: &PluginFolders,
    ) -> Result<(), PublishError> {
        let view = self.view();
        self.refuse_foreign_plugins(observed)?;
        self.collect_trees(observed)?;
        let sequence = observed.sequence + 1;
        let short: String = proposed.revision().as_str().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let name = format!("{TREES}/{sequence}-{short}");
        let built = self.build(&name, &view, observed, proposed, layout, folders);
        let record = match built {
            Ok(files) => Record {
                sequence,
                revision: proposed.revision().clone(),
                delivered_at: self.now(),
                roots: layout.owned(files.keys()),
                ignored: self.options.ignore_plugin_folders.then(|| folders.ignored.clone()),
                folders: proposed.folders().clone(),
                files,
            },
            Err(error) => {
                // A full disk is given its room back.
                self.remove_tree(&self.places.at(&name)).ok();
                return Err(error);
            }
        };
        let sign = |operation: &Operation| if *operation == Operation::Remove { '-' } else { '+' };
        let note = Delivered {
            sequence,
            revision: proposed.revision().to_string(),
            from: observed.revision.to_string(),
            delivered_at: record.delivered_at.to_string(),
            writes: plan.writes(),
            removals: plan.removals(),
            files: plan.steps.iter().map(|step| format!("{}{}", sign(&step.operation), step.dest)).collect(),
            waited: read_hold(&self.places.at(&self.state))?,
        };
        let state = format!("{name}/{STATE}");
        let note = serde_json::to_vec(&note).expect("plain values are JSON");
        self.write_state(&state, NOTE, &note)?;
        self.write_state(&state, "deployed", &record.to_bytes())?;
        self.sync(&self.places.at(&name))?;
        self.sync(&self.places.at(TREES))?;
        self.flip(&name)?;
        self.settle().map(drop)
    }

    fn ignored(&self, folders: &PluginFolders) -> BTreeSet<String> {
        if self.options.ignore_plugin_folders { folders.ignored.clone() } else { BTreeSet::new() }
    }

    /// Everything of the next tree but its record.
    fn build(
        &self,
        name: &str,
        view: &Places,
        observed: &Observed,
        proposed: &Snapshot,
        layout: Layout,
        folders: &PluginFolders,
    ) -> Result<BTreeMap<HomePath, Recorded>, PublishError> {
        let tree = Places::of(&self.places.at(name));
        self.make_first_folders(name)?;
        let mut made: BTreeSet<String> = ROOTS.iter().map(ToString::to_string).collect();
        let mut written = Vec::new();
        let targets = layout.deliver(proposed);
        for (dest, source) in &targets {
            self.make_parents(&tree, dest.as_str(), &mut made)?;
            let file = proposed.get(source).ok_or_else(|| damaged(source.as_str()))?;
            let path = tree.at(dest.as_str());
            let before = view.at(dest.as_str());
            let same = observed.manifest.get(dest) == Some(&(file.id, file.mode));
            if same && file.mode != Mode::Link && self.effects.link(&before, &path).is_ok() {
                continue;
            }
            if BlobId::of(&file.bytes) != file.id {
                return Err(damaged(source.as_str()));
            }
            let failed = || PublishError::failed("writing", &path);
            if file.mode == Mode::Link {
                self.effects.create_link(&path, &file.bytes).map_err(failed())?;
                continue;
            }
            self.effects.create(&path, &file.bytes, file.mode == Mode::Executable).map_err(failed())?;
            let old = look(&before)?.map(|metadata| Stamp::of(&metadata).modified);
            let modified = match old {
                // The file system makes no hard link of it: at least its time stays.
                Some(old) if same => old,
                Some(old) => self.effects.now().max(old.saturating_add(super::apply::SECOND)),
                None => self.effects.now(),
            };
            self.effects.touch(&path, modified).map_err(PublishError::failed("touching", &path))?;
            written.push(path);
        }
        let present = read_if_there(&view.at(ignored::FILE))?.unwrap_or_default();
        let ignored = self.ignored(folders);
        let bytes = match String::from_utf8(present) {
            Ok(present) => ignored::text(&present, &ignored).unwrap_or_default().into_bytes(),
            Err(present) => present.into_bytes(),
        };
        if !bytes.is_empty() {
            let path = tree.at(ignored::FILE);
            self.effects.create(&path, &bytes, false).map_err(PublishError::failed("writing", &path))?;
            written.push(path);
        }
        self.effects.sync_files(&written).map_err(PublishError::failed("syncing", &tree.at("")))?;
        for folder in &made {
            self.sync(&tree.at(folder))?;
        }
        let mut files = BTreeMap::new();
        for (dest, source) in targets {
            let file = proposed.get(&source).ok_or_else(|| damaged(source.as_str()))?;
            let stamp = look(&tree.at(dest.as_str()))?.map(|metadata| Stamp::of(&metadata)).unwrap_or_default();
            let (revision, id, mode) = (file.revision.clone(), file.id, file.mode);
            files.insert(dest, Recorded { source, revision, id, mode, stamp });
        }
        Ok(files)
    }

    fn make_parents(&self, tree: &Places, name: &str, made: &mut BTreeSet<String>) -> Result<(), PublishError> {
        let folder = parent(name);
        if folder.is_empty() || made.contains(folder) {
            return Ok(());
        }
        self.make_parents(tree, folder, made)?;
        let path = tree.at(folder);
        self.effects.create_dir(&path).map_err(PublishError::failed("making", &path))?;
        made.insert(folder.to_string());
        Ok(())
    }

    /// After the commit point: the links that Airflow follows, the history, the hold. Says whether
    /// anything was left to do.
    fn settle(&self) -> Result<bool, PublishError> {
        let mut done = false;
        for root in LINKED {
            let path = self.places.at(root);
            let target = format!("{CURRENT}/{root}");
            match look(&path)? {
                Some(metadata) if metadata.is_symlink() => {
                    if fs::read_link(&path).ok().as_deref() != Some(Path::new(&target)) {
                        return Err(PublishError::LinkedRoot { path });
                    }
                }
                Some(_) => {
                    // What was delivered in place makes room at once, and then goes.
                    let old = self.places.at(&format!("{STATE}/{root}.replaced"));
                    self.remove_tree(&old)?;
                    self.effects.create_link(&old, target.as_bytes()).map_err(PublishError::failed("writing", &old))?;
                    self.effects
                        .exchange(&old, &path)
                        .map_err(|_| PublishError::NotLinkable { path, why: "the folder cannot become a link" })?;
                    self.remove_tree(&old)?;
                    done = true;
                }
                None => {
                    self.effects
                        .create_link(&path, target.as_bytes())
                        .map_err(PublishError::failed("writing", &path))?;
                    done = true;
                }
            }
        }
        if done {
            self.sync(&self.places.at(""))?;
        }
        let note = read_if_there(&self.places.at(CURRENT).join(STATE).join(NOTE))?;
        if let Some(delivered) = note.and_then(|bytes| serde_json::from_slice::<Delivered>(&bytes).ok()) {
            let delivered = History::as_kept(delivered);
            let mut history = read_history(&self.places.at(&self.state))?;
            if !history.deliveries.contains(&delivered) {
                history.add(delivered);
                self.write_state(&self.state, "history", &history.to_json())?;
                self.end_hold()?;
                done = true;
            }
        }
        // The record of deliveries in place, if there were any: from now on the tree's own counts.
        let before = self.places.at(&self.state).join("deployed");
        if look(&before)?.is_some() {
            ignore_missing(self.effects.remove_file(&before)).map_err(PublishError::failed("removing", &before))?;
        }
        Ok(done)
    }

    /// Removes all trees but the current one, and but the last ones before it if that is too young for
    /// everything to have turned to it.
    fn collect_trees(&self, observed: &Observed) -> Result<(), PublishError> {
        let current = self.places.at(STATE).join(fs::read_link(self.places.at(CURRENT)).unwrap_or_default());
        let note = read_if_there(&current.join(STATE).join(NOTE))?;
        let since = note
            .and_then(|bytes| serde_json::from_slice::<Delivered>(&bytes).ok())
            .and_then(|note| note.delivered_at.parse::<Timestamp>().ok())
            .map(|delivered_at| self.now().duration_since(delivered_at));
        // A clock that was set back says nothing.
        let is_young = since.is_some_and(|since| !since.is_negative() && since < READ_FOR);
        let number = |tree: &Path| tree.file_name()?.to_str()?.split_once('-')?.0.parse::<u64>().ok();
        let (mut before, others): (Vec<PathBuf>, Vec<PathBuf>) = entries(&self.places.at(TREES))
            .into_iter()
            .filter(|tree| *tree != current)
            .partition(|tree| number(tree).is_some_and(|number| number < observed.sequence));
        before.sort_by_key(|tree| std::cmp::Reverse(number(tree)));
        let kept = if is_young { MOST_READ } else { 0 };
        others.iter().chain(before.iter().skip(kept)).try_for_each(|tree| self.remove_tree(tree))
    }

    fn remove_tree(&self, path: &Path) -> Result<(), PublishError> {
        let failed = PublishError::failed("removing", path);
        match look(path)? {
            None => Ok(()),
            Some(metadata) if metadata.is_dir() => {
                for entry in entries(path) {
                    self.remove_tree(&entry)?;
                }
                ignore_missing(self.effects.remove_dir(path)).map_err(failed)
            }
            Some(_) => ignore_missing(self.effects.remove_file(path)).map_err(failed),
        }
    }

    /// Whole folders become links: files of others would be gone from Airflow's sight.
    fn refuse_foreign_plugins(&self, observed: &Observed) -> Result<(), PublishError> {
        for root in LINKED {
            let path = self.places.at(root);
            if observed.roots.contains(root) || look(&path)?.is_none_or(|metadata| metadata.is_symlink()) {
                continue;
            }
            let is_foreign = |entry: &PathBuf| {
                let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let ours = observed.roots.contains(&format!("{root}/{name}"))
                    && (observed.kind != Kind::Empty || matches!(name, "operators" | "sensors"));
                !ours && !matches!(name, ".airflowignore" | "__pycache__" | STATE)
            };
            if let Some(path) = entries(&path).into_iter().find(is_foreign) {
                return Err(PublishError::NotLinkable {
                    path,
                    why: "something that was not delivered from here lies in a folder that is to become a link",
                });
            }
        }
        Ok(())
    }
}

fn damaged(path: &str) -> PublishError {
    PublishError::Damaged { path: path.to_string() }
}
