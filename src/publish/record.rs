//! The files of the state folder: what is deployed, and what a delivery under way still has to do.

use super::{PublishError, STATE};
use crate::content::{BlobId, ContentPath, HomePath, Mode, Revision};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The version of both files; another one is as good as no file.
const SCHEMA_VERSION: u32 = 1;

/// What the syncer says is deployed. What is on disk wins where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The revision delivered last.
    pub revision: Revision,
    /// When that was.
    pub delivered_at: Timestamp,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Length in bytes.
    pub size: u64,
    /// Modification, in nanoseconds since 1970.
    pub modified: i64,
    /// Change of the inode, in nanoseconds since 1970: an edit that restores the modification
    /// time still shows here.
    pub changed: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Reads the record of a home without taking the home; none where nothing was delivered yet, or
/// where the record is not one of this version.
pub fn read_record(airflow_home: &Path) -> Result<Option<Record>, PublishError> {
    for state in states(airflow_home) {
        if let Some(text) = read_if_there(&state.join("deployed"))? {
            return Ok(serde_json::from_slice::<RecordFile>(&text).ok().and_then(RecordFile::into_record));
        }
    }
    Ok(None)
}

/// Where the state may lie: see `state_dir`.
pub(super) fn states(airflow_home: &Path) -> [PathBuf; 2] {
    [airflow_home.join(STATE), airflow_home.join("dags").join(STATE)]
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(PublishError::failed("reading", path)(error)),
    }
}

#[derive(Serialize, Deserialize)]
struct RecordFile {
    schema_version: u32,
    revision: String,
    delivered_at: String,
    files: BTreeMap<String, RecordedFile>,
}

#[derive(Serialize, Deserialize)]
struct RecordedFile {
    #[serde(flatten)]
    target: Target,
    #[serde(flatten)]
    stamp: Stamp,
}

/// What a file is or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) source: String,
    pub(super) revision: String,
    pub(super) id: String,
    pub(super) mode: Kind,
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

impl RecordFile {
    fn into_record(self) -> Option<Record> {
        if self.schema_version != SCHEMA_VERSION {
            return None;
        }
        let file = |(dest, RecordedFile { target, stamp }): (String, RecordedFile)| {
            let recorded = Recorded {
                source: ContentPath::new(target.source).ok()?,
                revision: Revision::new(target.revision),
                id: BlobId::from_hex(&target.id)?,
                mode: target.mode.into(),
                stamp,
            };
            Some((HomePath::new(dest).ok()?, recorded))
        };
        Some(Record {
            revision: Revision::new(self.revision),
            delivered_at: self.delivered_at.parse().ok()?,
            files: self.files.into_iter().map(file).collect::<Option<_>>()?,
        })
    }
}

impl Record {
    pub(super) fn to_json(&self) -> Vec<u8> {
        let file = |recorded: &Recorded| RecordedFile {
            target: Target {
                source: recorded.source.to_string(),
                revision: recorded.revision.to_string(),
                id: recorded.id.to_string(),
                mode: recorded.mode.into(),
            },
            stamp: recorded.stamp,
        };
        let record = RecordFile {
            schema_version: SCHEMA_VERSION,
            revision: self.revision.to_string(),
            delivered_at: self.delivered_at.to_string(),
            files: self.files.iter().map(|(dest, recorded)| (dest.to_string(), file(recorded))).collect(),
        };
        serde_json::to_vec(&record).expect("maps with text keys and plain values are JSON")
    }
}

/// A delivery after its commit point: all that is needed to carry it to its end.
#[derive(Serialize, Deserialize)]
pub(super) struct Journal {
    schema_version: u32,
    /// What is being delivered.
    pub(super) to: String,
    /// What was deployed before, for the history.
    pub(super) from: String,
    pub(super) steps: Vec<JournalStep>,
    /// The whole delivered tree when all is done.
    pub(super) files: BTreeMap<String, Target>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JournalStep {
    pub(super) dest: String,
    /// Where the staged file lies, below the home; none for a removal.
    pub(super) staged: Option<String>,
}

impl Journal {
    pub(super) fn new(from: &str, to: &Revision, steps: Vec<JournalStep>, files: BTreeMap<String, Target>) -> Self {
        Self { schema_version: SCHEMA_VERSION, to: to.to_string(), from: from.to_string(), steps, files }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys and plain values are JSON")
    }

    /// `None` for what this version did not write.
    pub(super) fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|journal| journal.schema_version == SCHEMA_VERSION)
    }
}
