//! What is deployed, read from the destination.

use super::ignored;
use super::places::Places;
use super::record::{Stamp, read_record};
use super::state::is_absent;
use super::{PublishError, ROOTS, Record, STATE};
use crate::content::{Area, BlobId, ContentPath, File, HomePath, Layout, Mode, Revision, Snapshot};
use crate::switch::off;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
    pub(super) stamps: BTreeMap<HomePath, Stamp>,
    /// What drifted files were recorded as.
    recorded: BTreeMap<HomePath, (BlobId, Mode, Stamp)>,
    revisions: BTreeMap<HomePath, Revision>,
    /// Where each recorded file lies in the repository.
    sources: BTreeMap<HomePath, ContentPath>,
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

    /// The same as if nobody had changed anything since the last delivery: what others did is then
    /// in no plan, unless the branch itself changes the file.
    #[must_use]
    pub fn without_drift(mut self) -> Self {
        for drift in std::mem::take(&mut self.drift) {
            if let Some((id, mode, stamp)) = self.recorded.get(&drift.path) {
                self.manifest.insert(drift.path.clone(), (*id, *mode));
                self.stamps.insert(drift.path, *stamp);
            } else {
                self.manifest.remove(&drift.path);
                self.stamps.remove(&drift.path);
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
    let proposed = layout.owned(layout.deliver(proposed).keys());
    let roots = match &record {
        Some(record) if record.is_partial() => record.roots.union(&proposed).cloned().collect(),
        Some(record) => record.roots.clone(),
        None => proposed,
    };
    let mut walk = Walk { places: &places, record: record.as_ref(), look, found: BTreeMap::new() };
    for root in &roots {
        refuse_link(&places.at(root))?;
        walk.folder(root)?;
    }
    let mut observed = compared(walk.found, record.as_ref(), roots);
    if let Some(folders) = record.as_ref().and_then(|record| record.ignored.as_ref())
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
        let recorded = observed.sources.get(dest).filter(|source| leads_there(source)).cloned();
        let usual = || layout.source_of(dest).ok().flatten().filter(leads_there);
        let Some(source) = recorded.or_else(usual) else { continue };
        let path = places.at(dest.as_str());
        let bytes = read(&path, *mode).map_err(PublishError::failed("reading", &path))?;
        let revision = observed.revisions.get(dest).unwrap_or(&observed.revision).clone();
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

struct Found {
    id: BlobId,
    mode: Mode,
    stamp: Stamp,
}

struct Walk<'a> {
    places: &'a Places,
    record: Option<&'a Record>,
    look: Look,
    found: BTreeMap<HomePath, Found>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &str) -> Result<(), PublishError> {
        let dir = self.places.at(folder);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(PublishError::failed("reading", &dir)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(PublishError::failed("reading", &dir))?;
            let name = entry.file_name();
            if name == "__pycache__" || name == STATE {
                continue;
            }
            // What has no name in text cannot have been delivered, and Airflow cannot load it.
            let Some(dest) = name.to_str().and_then(|name| HomePath::new(format!("{folder}/{name}")).ok()) else {
                continue;
            };
            if dest.as_str() == ignored::FILE {
                continue;
            }
            let path = entry.path();
            // Of the entry, links not followed: the folder need not be found anew for each.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(PublishError::failed("reading", &path)(error)),
            };
            if metadata.is_dir() {
                self.folder(dest.as_str())?;
            } else if let Some(mode) = mode_of(&metadata) {
                self.file(dest, &path, mode, &metadata)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, dest: HomePath, path: &Path, mode: Mode, metadata: &fs::Metadata) -> Result<(), PublishError> {
        let recorded = self.record.and_then(|record| record.files.get(&dest));
        let stamp = Stamp::of(metadata);
        let known =
            recorded.filter(|recorded| self.look == Look::Stamps && recorded.stamp == stamp && recorded.mode == mode);
        let id = match known {
            Some(recorded) => recorded.id,
            None => match read(path, mode) {
                Ok(bytes) => BlobId::of(&bytes),
                // Taken away since it was listed.
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(PublishError::failed("reading", path)(error)),
            },
        };
        self.found.insert(dest, Found { id, mode, stamp });
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

fn compared(found: BTreeMap<HomePath, Found>, record: Option<&Record>, roots: BTreeSet<String>) -> Observed {
    let mut drift = Vec::new();
    let mut revisions = BTreeMap::new();
    let mut undisturbed = BTreeMap::new();
    let disk = Revision::new(DISK);
    let whole = record.filter(|record| !record.is_partial());
    if let Some(record) = whole {
        for (dest, recorded) in &record.files {
            let kind = match found.get(dest) {
                None => DriftKind::Missing,
                Some(found) if found.id == recorded.id && found.mode == recorded.mode => {
                    revisions.insert(dest.clone(), recorded.revision.clone());
                    continue;
                }
                Some(_) => DriftKind::Changed,
            };
            undisturbed.insert(dest.clone(), (recorded.id, recorded.mode, recorded.stamp));
            drift.push(Drift { path: dest.clone(), kind });
        }
        for dest in found.keys().filter(|dest| !record.files.contains_key(*dest)) {
            drift.push(Drift { path: dest.clone(), kind: DriftKind::Stray });
        }
        drift.sort_by(|a, b| a.path.cmp(&b.path));
    }
    for dest in found.keys() {
        revisions.entry(dest.clone()).or_insert_with(|| disk.clone());
    }
    let kind = match whole {
        Some(_) => Kind::Recorded,
        None if found.is_empty() => Kind::Empty,
        None => Kind::Adopted,
    };
    Observed {
        stamps: found.iter().map(|(dest, found)| (dest.clone(), found.stamp)).collect(),
        manifest: found.into_iter().map(|(dest, found)| (dest, (found.id, found.mode))).collect(),
        kind,
        drift,
        revision: record.map_or(disk, |record| record.revision.clone()),
        sequence: record.map_or(0, |record| record.sequence),
        roots,
        unsettled: false,
        ignored: record.and_then(|record| record.ignored.clone()),
        recorded: undisturbed,
        revisions,
        sources: whole.map(super::record::Record::sources).unwrap_or_default(),
    }
}

impl Record {
    fn sources(&self) -> BTreeMap<HomePath, ContentPath> {
        self.files.iter().map(|(dest, recorded)| (dest.clone(), recorded.source.clone())).collect()
    }

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
