//! A tree as it is known from a record of it: what each file is, without the bytes.

use super::{BlobId, ContentPath, Folder, Mode};
use std::collections::BTreeMap;

/// What one file of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlined {
    /// Identity of its bytes.
    pub id: BlobId,
    /// Kind of entry.
    pub mode: Mode,
    /// Length in bytes.
    pub size: u64,
}

/// What was delivered, as the repository has it: of the next revision most is the same.
///
/// Nothing in it was refused, and no file is a pointer to content elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Outline<'o> {
    /// In the order of their paths.
    files: Vec<(&'o ContentPath, Outlined)>,
    folders: Option<&'o BTreeMap<String, Folder>>,
}

impl<'o> Outline<'o> {
    /// The outline of these files, and what is known of the folders from which they were read. A folder of
    /// which not all files are there is read anew.
    pub fn new(
        files: impl Iterator<Item = (&'o ContentPath, Outlined)>,
        folders: &'o BTreeMap<String, Folder>,
    ) -> Self {
        let mut files: Vec<_> = files.collect();
        files.sort_by_key(|(path, _)| *path);
        Self { files, folders: Some(folders) }
    }

    /// The files from that path on, in path order.
    pub fn files_from(&self, path: &str) -> &[(&'o ContentPath, Outlined)] {
        &self.files[self.files.partition_point(|(file, _)| file.as_str() < path)..]
    }

    /// What folders were read from, by their paths.
    pub fn folders(&self) -> Option<&'o BTreeMap<String, Folder>> {
        self.folders
    }

    /// The sizes of the files by what they hold. Links are left out: a target may look like what a file
    /// must not hold.
    pub fn sizes(&self) -> impl Iterator<Item = (BlobId, u64)> {
        self.files.iter().filter(|(_, file)| file.mode != Mode::Link).map(|(_, file)| (file.id, file.size))
    }
}
