//! The files of the state folder: what is deployed, and what a delivery under way still has to do.

mod table;

pub(super) use table::Table;

use super::history::Hold;
use super::places::Places;
use super::state::{FORMAT, VERSION, check, head, json, read_if_there};
use super::{PublishError, STATE};
use crate::content::{BlobId, ContentPath, Folder, HomePath, Layout, Mode, Revision};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What the syncer says is deployed. What is on disk wins where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How many deliveries there were in this home, this one included.
    pub sequence: u64,
    /// The revision delivered last.
    pub revision: Revision,
    /// When that was.
    pub delivered_at: Timestamp,
    /// The folders that belong to the syncer: `dags`, `plugins/operators`, `plugins/etl`, …
    pub roots: BTreeSet<String>,
    /// The folders below `plugins` that the plugin loader is kept from; none where it is not kept
    /// from any, by choice or because nobody said.
    pub ignored: Option<BTreeSet<String>>,
    /// What the folders of the repository were read from that the files come from; empty where that was
    /// not known.
    pub folders: BTreeMap<String, Folder>,
    /// Every delivered file.
    pub files: BTreeMap<HomePath, Recorded>,
}

/// One delivered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its path in the repository.
    pub source: ContentPath,
    /// Its revision; parts of a revision can be held back.
    pub revision: Revision,
    /// Identity of its bytes.
    pub id: BlobId,
    /// Kind of entry.
    pub mode: Mode,
    /// By which it is known again without being read.
    pub stamp: Stamp,
}

/// What the file system says of a file that has not been changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Length in bytes.
    pub size: u64,
    /// Modification, in nanoseconds since 1970.
    pub modified: i64,
    /// Change of the inode, in nanoseconds since 1970: an edit that restores the modification
    /// time still shows here.
    pub changed: i64,
    /// Number of the inode; 0 where the version that recorded it did not look.
    #[serde(default)]
    pub inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    pub(super) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec.cast_signed()),
            inode: stat.st_ino,
        }
    }
}

/// Reads the record of a home without taking the home; none where nothing was delivered yet. Where
/// the volumes disagree, what was written last counts.
///
/// Fails where a newer version wrote it.
pub fn read_record(airflow_home: impl Into<Places>) -> Result<Option<Record>, PublishError> {
    let places = airflow_home.into();
    let mut newest: Option<Record> = None;
    for state in candidates(&places) {
        if let Some(record) = read_from(&places, &state)?
            && newest.as_ref().is_none_or(|newest| newest.sequence < record.sequence)
        {
            newest = Some(record);
        }
    }
    Ok(newest)
}

/// The record in one state folder; what cannot be read as one is as good as none.
pub(super) fn read_from(places: &Places, state: &str) -> Result<Option<Record>, PublishError> {
    let path = places.at(state).join("deployed");
    let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
    check(&path, &bytes)?;
    let is_table = head(&bytes).is_some_and(|head| head.schema_version >= table::FIRST);
    Ok(if is_table { table::read(&bytes) } else { RecordFile::read(&bytes) })
}

/// Where state may lie: beside the DAGs folder, or at the top of any folder that is a volume of
/// its own. That of the DAGs comes first.
pub(super) fn candidates(places: &Places) -> Vec<String> {
    let mut folders: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(places.at("plugins")).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(name) = entry.file_name().to_str()
        {
            folders.insert(format!("plugins/{name}/{STATE}"));
        }
    }
    let linked = format!("{STATE}/current/{STATE}");
    let first = [format!("dags/{STATE}"), linked, STATE.to_string(), format!("plugins/{STATE}")];
    first.into_iter().chain(folders).filter(|state| places.at(state).is_dir()).collect()
}

/// The record of the formats before it was a table.
#[derive(Deserialize)]
struct RecordFile {
    #[serde(default)]
    sequence: u64,
    revision: String,
    delivered_at: String,
    #[serde(default)]
    roots: BTreeSet<String>,
    #[serde(default)]
    ignored: Option<BTreeSet<String>>,
    files: BTreeMap<String, RecordedFile>,
}

#[derive(Deserialize)]
struct RecordedFile {
    source: String,
    revision: String,
    id: String,
    mode: Kind,
    #[serde(flatten)]
    stamp: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Regular,
    Executable,
    Link,
}

impl From<Mode> for Kind {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Regular => Self::Regular,
            Mode::Executable => Self::Executable,
            Mode::Link => Self::Link,
        }
    }
}

impl From<Kind> for Mode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Regular => Self::Regular,
            Kind::Executable => Self::Executable,
            Kind::Link => Self::Link,
        }
    }
}

/// The revisions that files are of: mostly one, whose name is held once.
#[derive(Default)]
pub(super) struct Revisions(BTreeMap<String, Revision>);

impl Revisions {
    pub(super) fn named(&mut self, name: &str) -> Revision {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let revision = Revision::new(name);
        self.0.insert(name.to_string(), revision.clone());
        revision
    }
}

impl RecordFile {
    fn read(bytes: &[u8]) -> Option<Record> {
        let Self { sequence, revision, delivered_at, roots, ignored, files } = serde_json::from_slice(bytes).ok()?;
        let mut revisions = Revisions::default();
        let file = |(dest, file): (String, RecordedFile)| {
            let recorded = Recorded {
                source: ContentPath::new(file.source).ok()?,
                revision: revisions.named(&file.revision),
                id: BlobId::from_hex(&file.id)?,
                mode: file.mode.into(),
                stamp: file.stamp,
            };
            Some((HomePath::new(dest).ok()?, recorded))
        };
        let files: BTreeMap<HomePath, Recorded> = files.into_iter().map(file).collect::<Option<_>>()?;
        let mut roots: BTreeSet<String> = roots.into_iter().filter(|root| HomePath::new(root).is_ok()).collect();
        if roots.is_empty() {
            // Format 1 knows one layout only.
            roots = Layout::Content.owned(files.keys());
        }
        let (revision, delivered_at) = (Revision::new(revision), delivered_at.parse().ok()?);
        Some(Record { sequence, revision, delivered_at, roots, ignored, folders: BTreeMap::new(), files })
    }
}

/// A delivery after its commit point: all that is needed to carry it to its end.
#[derive(Serialize, Deserialize)]
pub(super) struct Journal {
    schema_version: u32,
    #[serde(default)]
    written_by: String,
    /// The number of this delivery.
    #[serde(default)]
    pub(super) sequence: u64,
    /// What is being delivered.
    pub(super) to: String,
    /// What was deployed before, for the history.
    pub(super) from: String,
    pub(super) steps: Vec<JournalStep>,
    /// The number of the record that this changes; none where `files` is the whole delivered tree when
    /// all is done.
    #[serde(default)]
    pub(super) base: Option<u64>,
    /// The files that will be other ones than in that record; all others are of the new revision too.
    pub(super) files: BTreeMap<String, JournalFile>,
    /// The files of that record that are no more.
    #[serde(default)]
    pub(super) gone: BTreeSet<String>,
    /// The folders that the plugin loader is kept from; none where our part of the file is to go.
    #[serde(default)]
    pub(super) ignored: Option<BTreeSet<String>>,
    /// The folders that belong to the syncer from now on; empty where the version that wrote this
    /// knew one layout only.
    #[serde(default)]
    pub(super) roots: BTreeSet<String>,
    /// What held this before.
    #[serde(default)]
    pub(super) waited: Option<Hold>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JournalStep {
    pub(super) dest: String,
    /// Where the staged file lies, as if below the home; none for a removal.
    pub(super) staged: Option<String>,
    /// With the first file of a folder that is staged as a whole, that folder's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<String>,
}

/// What a file will be.
#[derive(Serialize, Deserialize)]
pub(super) struct JournalFile {
    pub(super) source: String,
    pub(super) revision: String,
    pub(super) id: String,
    pub(super) mode: Kind,
    /// By which a file that has no step is known; what was seen before counts, so that an edit
    /// in the meantime shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stamp: Option<Stamp>,
}

/// What will be in every place when all is done: see [`Journal`].
pub(super) struct Targets {
    pub(super) base: Option<u64>,
    pub(super) files: BTreeMap<String, JournalFile>,
    pub(super) gone: BTreeSet<String>,
}

/// All that a delivery is, but for its steps.
pub(super) struct Delivery<'a> {
    pub(super) sequence: u64,
    pub(super) from: &'a Revision,
    pub(super) to: &'a Revision,
    pub(super) targets: Targets,
    pub(super) ignored: Option<BTreeSet<String>>,
    pub(super) roots: BTreeSet<String>,
    pub(super) waited: Option<Hold>,
}

impl Journal {
    pub(super) fn new(delivery: Delivery<'_>, steps: Vec<JournalStep>) -> Self {
        Self {
            schema_version: FORMAT,
            written_by: VERSION.to_string(),
            sequence: delivery.sequence,
            to: delivery.to.to_string(),
            from: delivery.from.to_string(),
            steps,
            base: delivery.targets.base,
            files: delivery.targets.files,
            gone: delivery.targets.gone,
            ignored: delivery.ignored,
            roots: delivery.roots,
            waited: delivery.waited,
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        json(self)
    }

    /// The folders that belong to the syncer when all is done.
    pub(super) fn owned(&self) -> BTreeSet<String> {
        let roots: BTreeSet<String> = self.roots.iter().filter(|root| HomePath::new(root).is_ok()).cloned().collect();
        if !roots.is_empty() {
            return roots;
        }
        let files: Vec<HomePath> = self.files.keys().filter_map(|dest| HomePath::new(dest).ok()).collect();
        Layout::Content.owned(files.iter())
    }

    /// Whether what it says of unchanged files is in that record: the one before, or its own.
    pub(super) fn rests_on(&self, record: &Record) -> bool {
        let is = |sequence: u64, revision: &str| record.sequence == sequence && record.revision.as_str() == revision;
        !record.is_partial() && (self.base.is_some_and(|base| is(base, &self.from)) || is(self.sequence, &self.to))
    }

    /// `None` for what no version wrote.
    pub(super) fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|journal| journal.schema_version <= FORMAT)
    }
}
