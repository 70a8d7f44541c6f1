//! Commit messages between two revisions, from a local repository or from what was fetched.

use super::{Remote, Repository, tree};
use crate::content::{ContentPath, File, Revision};

/// The message of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The commit.
    pub commit: Revision,
    /// Its message, whole.
    pub text: String,
}

/// Commits that are read at most. A branch that long is no longer one change.
const MOST: usize = 5_000;

impl Repository {
    /// The messages of the commits that `proposed` has and `deployed` has not, second parents of
    /// merges included, newest first. Where only a part of the history is here, of that part.
    pub fn messages(&self, deployed: &Revision, proposed: &Revision) -> Vec<Message> {
        messages(&self.repo, deployed, proposed)
    }
}

impl Remote {
    /// The same from what was fetched: at least the proposed commit's own message.
    pub fn messages(&self, deployed: &Revision, proposed: &Revision) -> Vec<Message> {
        self.open(&self.git_dir()).map(|repo| messages(&repo, deployed, proposed)).unwrap_or_default()
    }

    /// The program's own configuration that a commit carries; none also where the commit is not here.
    pub fn configuration(&self, revision: &Revision) -> Option<(ContentPath, File)> {
        tree::configuration_of(&self.open(&self.git_dir())?, revision)
    }
}

fn messages(repo: &gix::Repository, deployed: &Revision, proposed: &Revision) -> Vec<Message> {
    let id = |revision: &Revision| gix::ObjectId::from_hex(revision.as_str().as_bytes()).ok();
    let Some(proposed) = id(proposed) else { return Vec::new() };
    // A deployed tree that is no commit of this repository bounds nothing: then the proposed commit
    // speaks for itself alone.
    let deployed = id(deployed).filter(|id| repo.has_object(*id));
    let most = if deployed.is_some() { MOST } else { 1 };
    let walk = repo.rev_walk([proposed]).with_hidden(deployed);
    let Ok(commits) = walk.all() else { return Vec::new() };
    commits
        // An object that is not here ends the history, as a shallow clone does.
        .map_while(Result::ok)
        .take(most)
        .filter_map(|info| {
            let commit = info.object().ok()?;
            let text = commit.message_raw().ok()?.to_string();
            Some(Message { commit: Revision::new(commit.id.to_string()), text })
        })
        .collect()
}
