//! What is deployed, read from the destination.

use super::record::{Stamp, read_record};
use super::{PublishError, ROOTS, Record, STATE};
use crate::content::{Area, BlobId, File, HomePath, Layout, Mode, Revision, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The revision of files that nobody recorded.
const DISK: &str = "disk";

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
    revisions: BTreeMap<HomePath, Revision>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which.
    pub path: HomePath,
    /// In what way.
    pub kind: DriftKind,
}

/// In what way a file is not as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        self.kind == Kind::Recorded && self.drift.is_empty() && self.revision == *revision
    }
}

/// Compares disk and record of a home; changes nothing and takes no lock.
///
/// The delivered folders are `dags`, `plugins/operators`, `plugins/sensors`, and `plugins/<x>`
/// for the recorded shared folders, or without a record for those of the proposed tree. A file
/// with the size and times of its record is not read.
pub fn observe(airflow_home: &Path, proposed: &Snapshot, layout: Layout) -> Result<Observed, PublishError> {
    refuse_linked_roots(airflow_home)?;
    let record = read_record(airflow_home)?;
    let roots = match &record {
        Some(record) => delivered_roots(record.files.keys()),
        None => delivered_roots(layout.deliver(proposed).keys()),
    };
    let mut walk = Walk { home: airflow_home, record: record.as_ref(), found: BTreeMap::new() };
    for root in &roots {
        refuse_link(&airflow_home.join(root))?;
        walk.folder(root)?;
    }
    Ok(compared(walk.found, record.as_ref()))
}

/// The deployed tree with its bytes, as the repository would have it.
pub fn deployed(airflow_home: &Path, observed: &Observed, layout: Layout) -> Result<Snapshot, PublishError> {
    let mut snapshot = Snapshot::empty(observed.revision.clone());
    for (dest, (id, mode)) in &observed.manifest {
        let Ok(Some(source)) = layout.source_of(dest) else { continue };
        if layout.place(&source).is_none_or(|place| place.dest != *dest) {
            continue;
        }
        let path = airflow_home.join(dest.as_str());
        let bytes = read(&path, *mode).map_err(PublishError::failed("reading", &path))?;
        let revision = observed.revisions.get(dest).unwrap_or(&observed.revision).clone();
        snapshot.insert(source, File { revision, id: *id, mode: *mode, bytes: bytes.into() });
    }
    Ok(snapshot)
}

pub(super) fn refuse_linked_roots(airflow_home: &Path) -> Result<(), PublishError> {
    ROOTS.iter().try_for_each(|root| refuse_link(&airflow_home.join(root)))
}

fn refuse_link(path: &Path) -> Result<(), PublishError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(PublishError::LinkedRoot { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}

/// The folders that belong to the syncer, given what it delivers.
pub(super) fn delivered_roots<'a>(files: impl Iterator<Item = &'a HomePath>) -> BTreeSet<String> {
    let shared = files.filter_map(|path| {
        let (folder, _) = path.below("plugins")?.split_once('/')?;
        Some(format!("plugins/{folder}"))
    });
    ["dags", "plugins/operators", "plugins/sensors"].into_iter().map(str::to_string).chain(shared).collect()
}

struct Found {
    id: BlobId,
    mode: Mode,
}

struct Walk<'a> {
    home: &'a Path,
    record: Option<&'a Record>,
    found: BTreeMap<HomePath, Found>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &str) -> Result<(), PublishError> {
        let dir = self.home.join(folder);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
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
            let path = entry.path();
            let metadata = match fs::symlink_metadata(&path) {
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
        let known = recorded.filter(|recorded| recorded.stamp == Stamp::of(metadata) && recorded.mode == mode);
        let id = match known {
            Some(recorded) => recorded.id,
            None => BlobId::of(&read(path, mode).map_err(PublishError::failed("reading", path))?),
        };
        self.found.insert(dest, Found { id, mode });
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

fn compared(found: BTreeMap<HomePath, Found>, record: Option<&Record>) -> Observed {
    let mut drift = Vec::new();
    let mut revisions = BTreeMap::new();
    let disk = Revision::new(DISK);
    if let Some(record) = record {
        for (dest, recorded) in &record.files {
            let kind = match found.get(dest) {
                None => DriftKind::Missing,
                Some(found) if found.id == recorded.id && found.mode == recorded.mode => {
                    revisions.insert(dest.clone(), recorded.revision.clone());
                    continue;
                }
                Some(_) => DriftKind::Changed,
            };
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
    let kind = match record {
        Some(_) => Kind::Recorded,
        None if found.is_empty() => Kind::Empty,
        None => Kind::Adopted,
    };
    Observed {
        manifest: found.into_iter().map(|(dest, found)| (dest, (found.id, found.mode))).collect(),
        kind,
        drift,
        revision: record.map_or(disk, |record| record.revision.clone()),
        revisions,
    }
}

impl Drift {
    /// The part of the content in which the file lies.
    pub fn area(&self) -> Area {
        if self.path.below("dags").is_some() {
            Area::Dags
        } else if self.path.below("plugins/operators").is_some() {
            Area::Operators
        } else if self.path.below("plugins/sensors").is_some() {
            Area::Sensors
        } else {
            Area::Shared
        }
    }
}
