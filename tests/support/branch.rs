//! A branch to deliver from: a bare repository and the work tree that pushes to it, in a folder
//! that the caller chose.

use super::repositories::{git, write};
use std::path::{Path, PathBuf};

pub(crate) struct Branch {
    folder: PathBuf,
}

impl Branch {
    /// Makes both in a folder that does not exist yet.
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        git(folder, &["init", "-q", "--bare", "-b", "main", "content.git"]);
        git(folder, &["init", "-q", "-b", "main", "work"]);
        let branch = Self { folder: folder.to_path_buf() };
        git(&branch.work(), &["remote", "add", "origin", "../content.git"]);
        branch
    }

    /// What `CONTENT_SYNCER_GIT_REPO_SOURCE` is set to.
    pub(crate) fn source(&self) -> String {
        self.folder.join("content.git").to_string_lossy().into_owned()
    }

    fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// The text of a file as it is in the work tree.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.work().join(path)).unwrap()
    }

    /// Writes files, commits and pushes; the commit's id.
    pub(crate) fn push(&self, message: &str, files: &[(&str, &str)]) -> String {
        write(&self.work(), files);
        git(&self.work(), &["add", "-A"]);
        git(&self.work(), &["commit", "-q", "-m", message]);
        git(&self.work(), &["push", "-q", "origin", "HEAD:main"]);
        git(&self.work(), &["rev-parse", "HEAD"])
    }

    /// Takes files away, commits and pushes; the commit's id.
    pub(crate) fn remove(&self, message: &str, paths: &[&str]) -> String {
        for path in paths {
            git(&self.work(), &["rm", "-rq", path]);
        }
        self.push(message, &[])
    }
}
