//! Where the loop gets its content from: a branch of a remote, or a developer's own folder.

use super::{Ancestry, Contents, Fetched, GitError, History, Read, Remote, working_tree_of};
use crate::content::{BlobId, ContentPath, File, Layout, Outline, Revision, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A branch, or a folder that is read as if it were committed.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// A branch of a repository elsewhere.
    Branch(Box<Remote>),
    /// A developer's work tree.
    Folder(Folder),
}

/// A work tree whose state at a moment counts as a revision, named by what it holds.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
    layout: Layout,
    /// What was read last, until it is asked for.
    read: Arc<Mutex<Option<Snapshot>>>,
}

impl Folder {
    /// A folder that is there, and what of it is content.
    pub fn new(dir: &Path, layout: Layout) -> Self {
        Self { dir: dir.to_path_buf(), layout, read: Arc::default() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    fn fetch(&self) -> Result<Fetched, GitError> {
        let tree = working_tree_of(&self.dir, self.layout)?;
        let revision = revision_of(&tree);
        let mut named = Snapshot::empty(revision.clone());
        for (path, file) in tree.files() {
            named.insert(path.clone(), File { revision: revision.clone(), ..file.clone() });
        }
        tree.refused().iter().cloned().for_each(|refusal| named.refuse(refusal));
        if let Some((path, file)) = tree.config() {
            named.configure(path.clone(), file.clone());
        }
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(named);
        Ok(Fetched { revision, objects: 0, is_tag: false, ancestry: Ancestry::Unasked })
    }

    fn snapshot(&self, revision: &Revision) -> Read {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).take();
        read.filter(|tree| tree.revision() == revision).ok_or_else(|| GitError::Folder {
            path: self.dir.clone(),
            reason: "it changed while it was read".to_string(),
        })
    }
}

/// A name for what a tree holds: the same files give the same one.
fn revision_of(tree: &Snapshot) -> Revision {
    let files = tree.files().chain(tree.config()).map(|(path, file)| format!("{path}\n{:?} {}\n", file.mode, file.id));
    let text: String = files.chain(tree.refused().iter().map(|refusal| format!("{refusal}\n"))).collect();
    Revision::new(format!("working-tree-{}", &BlobId::of(text.as_bytes()).to_string()[..12]))
}

impl Upstream {
    /// What to call it in a log.
    pub fn branch(&self) -> &str {
        match self {
            Self::Branch(remote) => remote.branch(),
            Self::Folder(_) => "working tree",
        }
    }

    /// See [`Remote::fetch`].
    pub fn fetch(&self) -> Result<Fetched, GitError> {
        match self {
            Self::Branch(remote) => remote.fetch(),
            Self::Folder(folder) => folder.fetch(),
        }
    }

    /// See [`Remote::snapshot`].
    pub fn snapshot(&self, revision: &Revision) -> Read {
        match self {
            Self::Branch(remote) => remote.snapshot(revision),
            Self::Folder(folder) => folder.snapshot(revision),
        }
    }

    /// See [`Remote::snapshot_to_ask`]; what is damaged is mended at once, and a folder is read whole.
    pub fn snapshot_to_ask(
        &self,
        revision: &Revision,
        deployed: &Outline,
    ) -> Result<(Snapshot, Option<Contents>), GitError> {
        match self {
            Self::Branch(remote) => match remote.snapshot_to_ask(revision, deployed) {
                Ok((snapshot, contents)) => Ok((snapshot, Some(contents))),
                Err(GitError::Damaged { .. }) => Ok((remote.snapshot(revision)?, None)),
                Err(error) => Err(error),
            },
            Self::Folder(folder) => Ok((folder.snapshot(revision)?, None)),
        }
    }

    /// See [`Remote::keep`].
    pub fn keep(&self, revision: &Revision) -> Result<(), GitError> {
        match self {
            Self::Branch(remote) => remote.keep(revision),
            Self::Folder(_) => Ok(()),
        }
    }

    /// See [`Remote::recall`].
    pub fn recall(&self, deployed: &Revision) -> Result<bool, GitError> {
        match self {
            Self::Branch(remote) => remote.recall(deployed),
            Self::Folder(_) => Ok(false),
        }
    }

    /// See [`Remote::configuration`].
    pub fn configuration(&self, revision: &Revision) -> Option<(ContentPath, File)> {
        match self {
            Self::Branch(remote) => remote.configuration(revision),
            Self::Folder(_) => None,
        }
    }

    /// See [`Remote::history`]; with a folder nothing was said.
    pub fn history(&self, deployed: &Revision, proposed: &Revision) -> History {
        match self {
            Self::Branch(remote) => remote.history(deployed, proposed),
            Self::Folder(_) => History { messages: Vec::new(), reached: true },
        }
    }

    /// See [`Remote::deepened_history`].
    pub fn deepened_history(&self, deployed: &Revision, proposed: &Revision) -> Result<History, GitError> {
        match self {
            Self::Branch(remote) => remote.deepened_history(deployed, proposed),
            Self::Folder(_) => Ok(self.history(deployed, proposed)),
        }
    }
}
