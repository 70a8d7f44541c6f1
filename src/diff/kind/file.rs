//! Files that do not import, or that Airflow does not take for a DAG file any more.

use crate::content::ContentPath;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// A file that imported does not import any more, or a new one does not.
    Broken {
        /// The file.
        path: ContentPath,
        /// What Python would say.
        message: String,
    },
}

impl FileChange {
    pub(super) const WORDS: &[&str] = &["file-broken"];

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "file-broken",
        }
    }

    pub(super) fn before(&self) -> String {
        match self {
            Self::Broken { path, .. } => path.to_string(),
        }
    }

    pub(super) fn after(&self) -> String {
        match self {
            Self::Broken { message, .. } => message.clone(),
        }
    }
}
