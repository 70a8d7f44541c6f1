//! What is deployed, read from the destination.

use super::ignored;
use super::places::Places;
use super::record::{Stamp, read_record};
use super::state::is_absent;
use super::{PublishError, ROOTS, Record, Recorded, STATE};
use crate::content::{Area, BlobId, ContentPath, File, HomePath, Layout, Mode, Outline, Outlined, Revision, Snapshot};
use crate::switch::off;
use rustix::fs::{AtFlags, CWD, FileType, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
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

    /// The delivered files that are as they were recorded, as the repository has them.
    pub fn outline(&self) -> Outline<'_> {
        let Some(record) = self.recorded() else { return Outline::default() };
        let drifted: BTreeSet<&HomePath> = self.drift.iter().map(|drift| &drift.path).collect();
        let known = record.files.iter().filter(|(dest, _)| drifted.is_empty() || !drifted.contains(dest));
        let outlined = |dest: &HomePath, file: &Recorded| {
            let stamp = self.stamps.get(dest).unwrap_or(&file.stamp);
            Outlined { id: file.id, mode: file.mode, size: stamp.size }
        };
        Outline::new(known.map(|(dest, file)| (&file.source, outlined(dest, file))), &record.folders)
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
    let known: Vec<(&HomePath, &Recorded)> = record.iter().flat_map(|record| &record.files).collect();
    let (found, others, open) = (vec![false; known.len()], BTreeMap::new(), Vec::new());
    let mut walk = Walk { places: &places, known, look, found, others, open };
    for root in &roots {
        refuse_link(&places.at(root))?;
        walk.root(root)?;
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
    /// Folders that were seen and not looked into.
    open: Vec<String>,
}

/// Bytes into which the kernel writes the names in a folder: some hundreds of them at a time.
const NAMES: usize = 32 * 1024;

impl Walk<'_> {
    fn root(&mut self, root: &str) -> Result<(), PublishError> {
        let mut names = Vec::with_capacity(NAMES);
        self.open.push(root.to_string());
        while let Some(folder) = self.open.pop() {
            let dir = self.places.at(&folder);
            match self.folder(&dir, folder + "/", &mut names) {
                // Taken away since it was listed, or never there.
                Err(error) if is_absent(&error.0) => {}
                Err(Unread(error, path)) => {
                    let path = path.map_or_else(|| dir.clone(), |name| dir.join(name));
                    return Err(PublishError::failed("reading", &path)(error));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Looks at the files of a folder by their names in it: a path from the top on would be followed
    /// anew for each. Those that were recorded are asked for one by one, in the order of the record; only
    /// where there are others besides does any name in the folder have to be looked up in it.
    fn folder(&mut self, path: &Path, folder: String, names: &mut Vec<u8>) -> Result<(), Unread> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, rustix::fs::Mode::empty())?;
        let inside = self.inside(&folder);
        let listed = self.list(&dir, &folder, names)?;
        let recorded = self.recorded(&dir, &folder, inside.clone())?;
        if listed == Some(recorded) {
            return Ok(());
        }
        rustix::fs::seek(&dir, SeekFrom::Start(0))?;
        self.unrecorded(&dir, folder, inside, names)
    }

    /// Notes the folders in a folder, and counts the files that may be content; none where the file
    /// system does not tell one from the other.
    fn list(&mut self, dir: &OwnedFd, folder: &str, names: &mut Vec<u8>) -> Result<Option<usize>, Unread> {
        let mut files = Some(0);
        let mut entries = RawDir::new(dir, names.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(name) = content_name(folder, entry.file_name()) else { continue };
            match entry.file_type() {
                FileType::Directory => self.note_folder(folder, name),
                FileType::RegularFile | FileType::Symlink => files = files.map(|files| files + 1),
                FileType::Unknown => files = None,
                _ => {}
            }
        }
        Ok(files)
    }

    fn note_folder(&mut self, folder: &str, name: &str) {
        let path = format!("{folder}{name}");
        if HomePath::new(&path).is_ok() {
            self.open.push(path);
        }
    }

    /// Looks at the files that were recorded directly in a folder. Answers how many are there.
    fn recorded(&mut self, dir: &OwnedFd, folder: &str, inside: Range<usize>) -> Result<usize, Unread> {
        let (mut at, mut there) = (inside.start, 0);
        while at < inside.end {
            let (dest, recorded) = self.known[at];
            let name = &dest.as_str()[folder.len()..];
            if let Some(end) = name.find('/') {
                let inner = &dest.as_str()[..=folder.len() + end];
                at += self.known[at..inside.end].partition_point(|(dest, _)| dest.as_str().starts_with(inner));
                continue;
            }
            let number = at;
            at += 1;
            if !is_content(folder, name) {
                continue;
            }
            // Links are not followed.
            let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(Unread(error.into(), Some(name.to_string()))),
            };
            let Some(mode) = mode_of_bits(stat.st_mode) else { continue };
            there += 1;
            let stamp = Stamp::of_stat(&stat);
            if self.look == Look::Stamps && (recorded.stamp, recorded.mode) == (stamp, mode) {
                self.found[number] = true;
            } else {
                self.read(dest, mode, stamp)?;
            }
        }
        Ok(there)
    }

    /// Looks at the files in a folder that were not recorded.
    fn unrecorded(
        &mut self,
        dir: &OwnedFd,
        folder: String,
        inside: Range<usize>,
        names: &mut Vec<u8>,
    ) -> Result<(), Unread> {
        let mut text = folder;
        let length = text.len();
        let mut entries = RawDir::new(dir, names.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(name) = content_name(&text[..length], entry.file_name()) else { continue };
            text.truncate(length);
            text.push_str(name);
            let is_recorded = || self.known[inside.clone()].binary_search_by(|(dest, _)| dest.as_str().cmp(&text));
            match entry.file_type() {
                FileType::Directory => continue,
                FileType::Unknown => {}
                _ if is_recorded().is_ok() => continue,
                _ => {}
            }
            let stat = match rustix::fs::statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Taken away since it was listed.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(Unread(error.into(), Some(name.to_string()))),
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                self.note_folder(&text[..length], name);
            } else if let Some(mode) = mode_of_bits(stat.st_mode)
                && is_recorded().is_err()
                && let Ok(dest) = HomePath::new(&text)
            {
                self.read(&dest, mode, Stamp::of_stat(&stat))?;
            }
        }
        Ok(())
    }

    /// Reads a file that is not known again by its stamp.
    fn read(&mut self, dest: &HomePath, mode: Mode, stamp: Stamp) -> Result<(), Unread> {
        match read(&self.places.at(dest.as_str()), mode) {
            Ok(bytes) => {
                self.others.insert(dest.clone(), Found { id: BlobId::of(&bytes), mode, stamp });
                Ok(())
            }
            // Taken away since it was listed.
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(Unread(error, Some(dest.file_name().to_string()))),
        }
    }

    /// Where the recorded files of a folder stand.
    fn inside(&self, folder: &str) -> Range<usize> {
        let start = self.known.partition_point(|(dest, _)| dest.as_str() < folder);
        let length = self.known[start..].partition_point(|(dest, _)| dest.as_str().starts_with(folder));
        start..start + length
    }
}

/// The name of an entry that may be content. What has no name in text cannot have been delivered, and
/// Airflow cannot load it.
fn content_name<'n>(folder: &str, name: &'n CStr) -> Option<&'n str> {
    name.to_str().ok().filter(|name| is_content(folder, name))
}

/// Whether an entry of a folder may be content, by its name; the folder ends with `/`.
fn is_content(folder: &str, name: &str) -> bool {
    let is_ours = || ignored::FILE.strip_prefix(folder) == Some(name);
    !matches!(name, "." | ".." | "__pycache__") && name != STATE && !is_ours()
}

/// Why a folder could not be read, or what is in it of that name.
struct Unread(io::Error, Option<String>);

impl From<Errno> for Unread {
    fn from(error: Errno) -> Self {
        Self(error.into(), None)
    }
}

/// `None` for what is no file: sockets, pipes, devices.
pub(super) fn mode_of(metadata: &fs::Metadata) -> Option<Mode> {
    mode_of_bits(metadata.permissions().mode())
}

fn mode_of_bits(bits: u32) -> Option<Mode> {
    match FileType::from_raw_mode(bits) {
        FileType::Symlink => Some(Mode::Link),
        FileType::RegularFile if bits & 0o100 == 0 => Some(Mode::Regular),
        FileType::RegularFile => Some(Mode::Executable),
        _ => None,
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
