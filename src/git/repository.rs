//! The repository at hand, for `check` and the hook: local objects only, nothing is checked out.

use super::objects::{Objects, Sizes};
use super::tree::{self, Known, Later};
use super::{GitError, Limits, Read, bases};
use crate::content::{Layout, Refusal, Revision, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree that is within the limits: of any other a part alone was read.
fn within(revision: &Revision, read: Snapshot) -> Read {
    let too_large = read.refused().iter().find(|refusal| matches!(refusal, Refusal::TooLarge(_)));
    match too_large.map(ToString::to_string) {
        Some(problem) => Err(GitError::TooLarge { revision: revision.clone(), problem }),
        None => Ok(read),
    }
}

/// A local repository. Cheap to open; drop it when done.
pub struct Repository {
    pub(super) repo: gix::Repository,
    layout: Layout,
    objects: Arc<Objects>,
}

impl Repository {
    /// Opens the repository to which that folder belongs; works in a linked work tree and in a
    /// repository of another owner, as CI runners have it.
    pub fn discover(dir: &Path) -> Result<Self, GitError> {
        let none = || GitError::NoRepository { dir: dir.to_path_buf() };
        let (path, _) = gix::discover::upwards(dir).map_err(|_| none())?;
        let (git_dir, _) = path.into_repository_and_work_tree_directories();
        let repo = gix::open_opts(git_dir, gix::open::Options::isolated().open_path_as_is(true)).map_err(|_| none())?;
        let repo = bases::kept(repo);
        let objects = Arc::new(Objects::of(&repo));
        Ok(Self { repo, layout: Layout::Content, objects })
    }

    /// The same where other folders are content.
    #[must_use]
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// The same repository where other folders are content; a [`Repository::fault`] is one of both.
    #[must_use]
    pub fn laid_out(&self, layout: Layout) -> Self {
        Self { repo: self.repo.clone(), objects: Arc::clone(&self.objects), layout }
    }

    /// The commit that a revision expression names (`HEAD~2`, `origin/main`, a tag, an id).
    pub fn resolve(&self, revspec: &str) -> Result<Revision, GitError> {
        Ok(Revision::new(self.commit_id(revspec)?.to_string()))
    }

    fn commit_id(&self, revspec: &str) -> Result<gix::ObjectId, GitError> {
        let unknown = || GitError::UnknownRevision { revspec: revspec.to_string(), shallow: self.is_shallow() };
        let id = self.repo.rev_parse_single(revspec).map_err(|_| unknown())?;
        let commit = id.object().map_err(|_| unknown())?.peel_to_commit().map_err(|_| unknown())?;
        Ok(commit.id)
    }

    /// The best common ancestor of two revisions: where a branch left its target.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Revision, GitError> {
        let (a, b) = (self.commit_id(one)?, self.commit_id(other)?);
        match self.repo.merge_base(a, b) {
            Ok(Some(id)) => Ok(Revision::new(id.to_string())),
            Ok(None) | Err(_) => Err(GitError::NoMergeBase {
                one: one.to_string(),
                other: other.to_string(),
                shallow: self.is_shallow(),
            }),
        }
    }

    /// The folder that all work trees of the repository share.
    pub fn common_dir(&self) -> &Path {
        self.repo.common_dir()
    }

    /// Where git looks for a hook of that name here; git itself is asked, because `core.hooksPath`
    /// may be set anywhere in its configuration.
    pub fn hook_path(&self, name: &str) -> Result<PathBuf, GitError> {
        let git_dir = self.repo.git_dir();
        let failed = |reason: String| GitError::Folder { path: git_dir.join("hooks").join(name), reason };
        let output = std::process::Command::new("git")
            .args(["rev-parse", "--path-format=absolute", "--git-path"])
            .arg(format!("hooks/{name}"))
            .env("GIT_DIR", git_dir)
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let path = String::from_utf8_lossy(&output.stdout).trim_end().to_string();
        if output.status.success() && !path.is_empty() {
            return Ok(PathBuf::from(path));
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string()))
    }

    /// The content of a commit. One beyond the limits is an error: a part of it would be judged as
    /// if it were all.
    pub fn snapshot(&self, revision: &Revision) -> Read {
        within(revision, tree::snapshot(&self.repo, revision, self.layout, Limits::default(), None)?)
    }

    /// The same beside another tree, which shares what both have, with contents that are read once they
    /// are asked for: whoever has asked is to look afterwards whether there was a [`Repository::fault`].
    pub fn snapshot_to_ask(&self, revision: &Revision, beside: Option<&Snapshot>, sizes: &mut Sizes) -> Read {
        let later = Later { blobs: self.objects.clone(), sizes };
        within(
            revision,
            tree::read(&self.repo, revision, self.layout, Limits::default(), beside.map(Known::Read), Some(later))?,
        )
    }

    /// Why some content could not be read that was asked for, if any could not: then nothing counts
    /// that rests on it.
    pub fn fault(&self) -> Option<GitError> {
        self.objects.fault()
    }

    /// Whether the object of that full id is here.
    pub fn has(&self, hex: &str) -> bool {
        gix::ObjectId::from_hex(hex.as_bytes()).is_ok_and(|id| self.repo.has_object(id))
    }

    /// Whether only a part of the history is here.
    pub fn is_shallow(&self) -> bool {
        self.repo.is_shallow().unwrap_or(false)
    }

    /// What a push of a new branch is compared with: the nearest common ancestor with the
    /// remote's default branch, or `main` or `master`, as last fetched. None where the remote
    /// was never fetched, or is given by a URL.
    pub fn base_of_new_branch(&self, remote: &str, local: &Revision) -> Option<Revision> {
        ["HEAD", "main", "master"].iter().find_map(|branch| {
            let tracking = format!("refs/remotes/{remote}/{branch}");
            self.merge_base(&tracking, local.as_str()).ok()
        })
    }
}
