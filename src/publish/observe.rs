//! What is deployed, read from the destination.

use super::ignored;
use super::places::Places;
use super::record::{Stamp, read_record};
use super::state::is_absent;
use super::{PublishError, ROOTS, Record, Recorded, STATE};
use crate::content::{Area, BlobId, ContentPath, File, HomePath, Layout, Mode, Revision, Snapshot};
use crate::switch::off;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// The revision of files that nobody recorded.
pub(super) const DISK: &str = "disk";

/// What is deployed, without the bytes: cheap enough for every pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Every file in the delivered folders, as it is on disk.
    pub manifest: BTreeMap<HomePath, (BlobId, Mode)>,
    /// How this is known.
    pub kind: Kind,
    /// Where disk and record differ, by path. Empty without a record.
    pub drift: Vec<Drift>,
    /// The revision recorded, or `disk`.
    pub revision: Revision,
    /// How many deliveries were recorded.
    pub sequence: u64,
    /// The folders that were looked at: those that belong to the syncer.
    pub roots: BTreeSet<String>,
    /// Whether the home is not kept as the operator has chosen it since: the next delivery mends
    /// that, and is made for it.
    pub unsettled: bool,
    /// The folders that the plugin loader is kept from, as they were recorded.
    pub(super) ignored: Option<BTreeSet<String>>,
    /// By what the files are known again that were not known by their record.
    stamps: BTreeMap<HomePath, Stamp>,
    /// The record with which the disk was compared; none where it tells of no whole revision.
    record: Option<Arc<Record>>,
}

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A file with the size, times and inode of its record is not read.
    Stamps,
    /// Every file is read.
    Content,
}

/// How it is known what is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is nothing, and no record of anything.
    Empty,
    /// By the record, compared with the disk.
    Recorded,
    /// There are files and no record: whoever delivered them, they count as deployed.
    Adopted,
}

/// A file that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// Which.
    pub path: HomePath,
    /// In what way.
    pub kind: DriftKind,
}

/// In what way a file is not as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftKind {
    /// It has gone.
    Missing,
    /// It has other bytes or another mode.
    Changed,
    /// It was never delivered and lies in a delivered folder (R27).
    Stray,
}

impl Observed {
    /// Whether that revision, whole, is what is on disk.
    pub fn is_at(&self, revision: &Revision) -> bool {
        let same = self.kind == Kind::Recorded && self.revision == *revision;
        same && !self.unsettled && (self.drift.is_empty() || off("R16"))
    }

    /// The record with which the disk was compared, if there is one of a whole revision.
    pub(super) fn recorded(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// By what a file is known again, of which the record says this.
    pub(super) fn stamp(&self, dest: &HomePath, recorded: Option<&Recorded>) -> Option<Stamp> {
        self.stamps.get(dest).copied().or_else(|| recorded.map(|recorded| recorded.stamp))
    }

    /// The sizes of delivered files that are as they were recorded, by what they hold. Links are left out:
    /// a target may look like what a file must not hold.
    pub fn sizes(&self) -> impl Iterator<Item = (BlobId, u64)> {
        let drifted: BTreeSet<&HomePath> = self.drift.iter().map(|drift| &drift.path).collect();
        let recorded = self.record.iter().flat_map(|record| &record.files);
        let known = recorded.filter(move |(dest, file)| file.mode != Mode::Link && !drifted.contains(dest));
        known.map(|(_, file)| (file.id, file.stamp.size))
    }

    /// The same as if nobody had changed anything since the last delivery: what others did is then
    /// in no plan, unless the branch itself changes the file.
    #[must_use]
    pub fn without_drift(mut self) -> Self {
        for drift in std::mem::take(&mut self.drift) {
            self.stamps.remove(&drift.path);
            if let Some(recorded) = self.record.as_ref().and_then(|record| record.files.get(&drift.path)) {
                self.manifest.insert(drift.path, (recorded.id, recorded.mode));
            } else {
                self.manifest.remove(&drift.path);
            }
        }
        self
    }
}

/// Compares disk and record of a home; changes nothing and takes no lock.
///
/// The delivered folders are `dags`, `plugins/operators`, `plugins/sensors`, and `plugins/<x>`
/// for the recorded shared folders, or without a record for those of the proposed tree.
pub fn observe(
    airflow_home: impl Into<Places>,
    proposed: &Snapshot,
    layout: Layout,
    look: Look,
) -> Result<Observed, PublishError> {
    let places = airflow_home.into();
    refuse_linked_roots(&places)?;
    let record = read_record(&places)?;
    let proposed = layout.roots(proposed);
    let roots = match &record {
        Some(record) if record.is_partial() => record.roots.union(&proposed).cloned().collect(),
        Some(record) => record.roots.clone(),
        None => proposed,
    };
    let record = record.map(Arc::new);
    let known = record.iter().flat_map(|record| &record.files).collect();
    let mut walk = Walk { places: &places, known, look, found: Vec::new(), others: BTreeMap::new() };
    walk.found = vec![false; walk.known.len()];
    for root in &roots {
        refuse_link(&places.at(root))?;
        walk.folder(root)?;
    }
    let Walk { found, others, .. } = walk;
    let mut observed = compared(&found, &others, record.as_ref(), roots);
    if let Some(folders) = &observed.ignored
        && !is_ignored(&places, folders)?
        && let Ok(path) = HomePath::new(ignored::FILE)
    {
        observed.drift.push(Drift { path, kind: DriftKind::Changed });
    }
    Ok(observed)
}

/// Whether the plugin loader is kept from exactly these folders. A file that is no text is left to
/// whoever wrote it.
fn is_ignored(places: &Places, folders: &BTreeSet<String>) -> Result<bool, PublishError> {
    let path = places.at(ignored::FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(folders.is_empty()),
        Err(error) => return Err(PublishError::failed("reading", &path)(error)),
    };
    Ok(String::from_utf8(bytes).is_ok_and(|present| ignored::text(&present, folders).unwrap_or_default() == present))
}

/// The deployed tree with its bytes, as the repository would have it.
pub fn deployed(
    airflow_home: impl Into<Places>,
    observed: &Observed,
    layout: Layout,
) -> Result<Snapshot, PublishError> {
    let places = airflow_home.into();
    let mut snapshot = Snapshot::empty(observed.revision.clone());
    for (dest, (id, mode)) in &observed.manifest {
        let leads_there = |source: &ContentPath| layout.place(source).is_some_and(|place| place.dest == *dest);
        let recorded = observed.recorded().and_then(|record| record.files.get(dest));
        let source = recorded.map(|recorded| recorded.source.clone()).filter(leads_there);
        let usual = || layout.source_of(dest).ok().flatten().filter(leads_there);
        let Some(source) = source.or_else(usual) else { continue };
        let path = places.at(dest.as_str());
        let bytes = read(&path, *mode).map_err(PublishError::failed("reading", &path))?;
        let same = recorded.filter(|recorded| (recorded.id, recorded.mode) == (*id, *mode));
        let revision = same.map_or_else(|| Revision::new(DISK), |recorded| recorded.revision.clone());
        snapshot.insert(source, File { revision, id: *id, mode: *mode, bytes: bytes.into() });
    }
    Ok(snapshot)
}

fn refuse_linked_roots(places: &Places) -> Result<(), PublishError> {
    ROOTS.iter().try_for_each(|root| refuse_link(&places.at(root)))
}

/// Fails where a folder to deliver into is a link that `symlink` mode has not made.
pub(super) fn refuse_foreign_links(places: &Places) -> Result<(), PublishError> {
    let foreign = ROOTS.iter().filter(|root| !places.links_to_tree(root));
    foreign.map(|root| places.at(root)).try_for_each(|path| refuse_link(&path))
}

fn refuse_link(path: &Path) -> Result<(), PublishError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(PublishError::LinkedRoot { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}

/// A file that is not known again by its stamp.
struct Found {
    id: BlobId,
    mode: Mode,
    stamp: Stamp,
}

struct Walk<'a> {
    places: &'a Places,
    /// The recorded files, in the order of their paths.
    known: Vec<(&'a HomePath, &'a Recorded)>,
    look: Look,
    /// Which of them are there as they were recorded.
    found: Vec<bool>,
    /// All other files that are there.
    others: BTreeMap<HomePath, Found>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &str) -> Result<(), PublishError> {
        let dir = self.places.at(folder);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(PublishError::failed("reading", &dir)(error)),
        };
        let mut text = format!("{folder}/");
        let inside = self.inside(&text);
        for entry in entries {
            let entry = entry.map_err(PublishError::failed("reading", &dir))?;
            let name = entry.file_name();
            if name == "__pycache__" || name == STATE {
                continue;
            }
            // What has no name in text cannot have been delivered, and Airflow cannot load it.
            let Some(name) = name.to_str() else { continue };
            text.truncate(folder.len() + 1);
            text.push_str(name);
            if text == ignored::FILE {
                continue;
            }
            let at = self.known[inside.clone()].binary_search_by(|(dest, _)| dest.as_str().cmp(&text)).ok();
            let at = at.map(|at| inside.start + at);
            // Of the entry, links not followed: the folder need not be found anew for each.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(PublishError::failed("reading", &entry.path())(error)),
            };
            if metadata.is_dir() {
                if HomePath::new(&text).is_ok() {
                    self.folder(&text)?;
                }
            } else if let Some(mode) = mode_of(&metadata) {
                self.file(&text, at, &entry, (mode, Stamp::of(&metadata)))?;
            }
        }
        Ok(())
    }

    /// Where the recorded files of a folder stand.
    fn inside(&self, folder: &str) -> Range<usize> {
        let start = self.known.partition_point(|(dest, _)| dest.as_str() < folder);
        let length = self.known[start..].partition_point(|(dest, _)| dest.as_str().starts_with(folder));
        start..start + length
    }

    fn file(
        &mut self,
        name: &str,
        at: Option<usize>,
        entry: &fs::DirEntry,
        (mode, stamp): (Mode, Stamp),
    ) -> Result<(), PublishError> {
        if let Some(at) = at.filter(|_| self.look == Look::Stamps)
            && (self.known[at].1.stamp, self.known[at].1.mode) == (stamp, mode)
        {
            self.found[at] = true;
            return Ok(());
        }
        let Ok(dest) = HomePath::new(name) else { return Ok(()) };
        let id = match read(&entry.path(), mode) {
            Ok(bytes) => BlobId::of(&bytes),
            // Taken away since it was listed.
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(PublishError::failed("reading", &entry.path())(error)),
        };
        self.others.insert(dest, Found { id, mode, stamp });
        Ok(())
    }
}

/// `None` for what is no file: sockets, pipes, devices.
pub(super) fn mode_of(metadata: &fs::Metadata) -> Option<Mode> {
    if metadata.is_symlink() {
        Some(Mode::Link)
    } else if !metadata.is_file() {
        None
    } else if metadata.permissions().mode() & 0o100 == 0 {
        Some(Mode::Regular)
    } else {
        Some(Mode::Executable)
    }
}

pub(super) fn read(path: &Path, mode: Mode) -> io::Result<Vec<u8>> {
    match mode {
        Mode::Link => fs::read_link(path).map(|target| target.as_os_str().as_bytes().to_vec()),
        Mode::Regular | Mode::Executable => fs::read(path),
    }
}

fn compared(
    found: &[bool],
    others: &BTreeMap<HomePath, Found>,
    record: Option<&Arc<Record>>,
    roots: BTreeSet<String>,
) -> Observed {
    let files = || record.into_iter().flat_map(|record| &record.files);
    let as_recorded =
        files().zip(found).filter(|(_, found)| **found).map(|((dest, file), _)| (dest, (file.id, file.mode)));
    let mut manifest: BTreeMap<HomePath, (BlobId, Mode)> =
        as_recorded.map(|(dest, file)| (dest.clone(), file)).collect();
    manifest.extend(others.iter().map(|(dest, found)| (dest.clone(), (found.id, found.mode))));
    let whole = record.filter(|record| !record.is_partial());
    let mut drift = Vec::new();
    if let Some(record) = whole {
        let missing = files().zip(found).filter(|((dest, _), found)| !**found && !others.contains_key(*dest));
        drift.extend(missing.map(|((dest, _), _)| Drift { path: dest.clone(), kind: DriftKind::Missing }));
        for (dest, found) in others {
            let kind = match record.files.get(dest) {
                Some(recorded) if (recorded.id, recorded.mode) == (found.id, found.mode) => continue,
                Some(_) => DriftKind::Changed,
                None => DriftKind::Stray,
            };
            drift.push(Drift { path: dest.clone(), kind });
        }
        drift.sort_by(|a, b| a.path.cmp(&b.path));
    }
    Observed {
        kind: match whole {
            Some(_) => Kind::Recorded,
            None if manifest.is_empty() => Kind::Empty,
            None => Kind::Adopted,
        },
        manifest,
        drift,
        revision: record.map_or_else(|| Revision::new(DISK), |record| record.revision.clone()),
        sequence: record.map_or(0, |record| record.sequence),
        roots,
        unsettled: false,
        ignored: record.and_then(|record| record.ignored.clone()),
        stamps: others.iter().map(|(dest, found)| (dest.clone(), found.stamp)).collect(),
        record: whole.cloned(),
    }
}

impl Record {
    /// Whether it only says which folders belong to the syncer: a delivery was cut off and could
    /// not be finished, and what is on disk is of no one revision.
    pub fn is_partial(&self) -> bool {
        self.revision.as_str() == DISK
    }
}

impl Drift {
    /// The part of the content in which the file lies.
    pub fn area(&self) -> Area {
        Area::of(&self.path)
    }
}
