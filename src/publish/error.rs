//! What can go wrong under the Airflow home.

use std::io;
use std::path::{Path, PathBuf};

/// Why nothing, or not all, was delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The home or a folder of it cannot be written at all.
    #[error("cannot be written, {reason}: `{}`", .path.display())]
    NotWritable {
        /// What was to be made.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Another process delivers into this home.
    #[error("another syncer has the lock{}: `{}`", holder(*.pid), .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Its holder, as it says itself.
        pid: Option<u32>,
    },
    /// A folder to deliver into is a symbolic link: what is written would land elsewhere (R94).
    #[error("a folder to deliver into is a symbolic link: `{}`", .path.display())]
    LinkedRoot {
        /// The link.
        path: PathBuf,
    },
    /// A newer version of this program has written the state; to go on would be to undo what it
    /// means by it.
    #[error("the state was written by a newer dagguard{}, format {format}: `{}`", named(.version), .path.display())]
    NewerState {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The version that wrote it; empty where it does not say.
        version: String,
    },
    /// A delivery in `symlink` mode cannot be made here.
    #[error("{why}: `{}`", .path.display())]
    NotLinkable {
        /// The folder.
        path: PathBuf,
        /// What speaks against it.
        why: &'static str,
    },
    /// Something that the syncer never delivered stands where a file must go (R7, R27).
    #[error("something that was not delivered from here is in the way: `{}`", .path.display())]
    InTheWay {
        /// What stands there.
        path: PathBuf,
    },
    /// The bytes are not those that their id promises.
    #[error("the content is damaged: `{path}`")]
    Damaged {
        /// The path in the repository.
        path: String,
    },
    /// A single file operation failed: a full disk, a read-only file, a broken device.
    #[error("{what} failed, {reason}: `{}`", .path.display())]
    Failed {
        /// `writing`, `reading`, …
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl PublishError {
    /// Whether the same call may succeed later without anybody doing something.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Damaged { .. } | Self::Locked { .. })
    }

    pub(super) fn not_writable(path: &Path, error: &io::Error) -> Self {
        Self::NotWritable { path: path.to_path_buf(), reason: error.to_string() }
    }

    /// For `map_err`: which operation on which path.
    pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Failed { what, path, reason: error.to_string() }
    }
}

fn named(version: &str) -> String {
    if version.is_empty() { String::new() } else { format!(" ({version})") }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
