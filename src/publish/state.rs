//! The state files' common head, by which versions of this program know each other's.

use super::PublishError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// The format that this version writes. It reads all earlier ones:
///
/// 1. record, journal and a history of lines;
/// 2. with who wrote it, a number for each delivery, inodes, the delivered folders, the plugin
///    folders to ignore; the history is one document;
/// 3. the journal of a delivery over an earlier one says what changes in the record, and names folders
///    that are staged as a whole; the record is a table behind a line of JSON.
pub(super) const FORMAT: u32 = 3;

/// The version of this program, for those that meet its files.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The names of all state files that carry a format.
pub(super) const FILES: [&str; 4] = ["deployed", "journal", "history", "hold"];

/// What every state file says of itself.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Head {
    pub(super) schema_version: u32,
    #[serde(default)]
    pub(super) written_by: String,
}

impl Head {
    pub(super) fn ours() -> Self {
        Self { schema_version: FORMAT, written_by: VERSION.to_string() }
    }
}

/// What a state file says of itself, if it says anything. Other documents may stand behind the first
/// (a history of format 1), or other bytes (a record).
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()
}

/// A document of a state file, which is made of maps with text keys and of plain values: nothing that
/// JSON could not say.
pub(super) fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("maps with text keys and plain values are JSON")
}

/// Fails where a newer version wrote the file: to touch anything would be to undo what it means.
pub(super) fn check(path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
    match head(bytes) {
        Some(head) if head.schema_version > FORMAT => Err(PublishError::NewerState {
            path: path.to_path_buf(),
            format: head.schema_version,
            version: head.written_by,
        }),
        _ => Ok(()),
    }
}

/// Fails where any state file below these folders was written by a newer version.
pub(super) fn check_all<'a>(states: impl Iterator<Item = &'a Path>) -> Result<(), PublishError> {
    for state in states {
        for name in FILES {
            let path = state.join(name);
            if let Some(bytes) = read_if_there(&path)? {
                check(&path, &bytes)?;
            }
        }
    }
    Ok(())
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(PublishError::failed("reading", path)(error)),
    }
}

/// Whether an error says that there is no such file, and not that it could not be looked for.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What is there, links not followed; `None` where nothing is.
pub(super) fn look(path: &Path) -> Result<Option<fs::Metadata>, PublishError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(PublishError::failed("reading", path)(error)),
    }
}
