//! Commit messages between two revisions, from a local repository or from what was fetched.

use super::connection::Attempt;
use super::{GitError, Remote, Repository, commit_id, tree};
use crate::content::{ContentPath, File, Revision};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// The message of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The commit.
    pub commit: Revision,
    /// Its message, whole.
    pub text: String,
}

/// What was said on the way from what is deployed to what is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The messages of the commits that the proposed one has and the deployed one has not, second
    /// parents of merges included, newest first. Where the deployed commit was not reached, or what is
    /// deployed is no commit, the proposed one's alone.
    pub messages: Vec<Message>,
    /// Whether these are all, and no others.
    pub reached: bool,
}

/// Commits that are read at most. A branch that long is no longer one change.
const MOST: usize = 5_000;

impl Repository {
    /// The messages of the commits that `proposed` has and `deployed` has not, second parents of
    /// merges included, newest first. Where only a part of the history is here, of that part.
    pub fn messages(&self, deployed: &Revision, proposed: &Revision) -> Vec<Message> {
        let repo = &self.repo;
        let Some(proposed) = commit_id(proposed) else { return Vec::new() };
        // A deployed tree that is no commit of this repository bounds nothing: then the proposed
        // commit speaks for itself alone.
        let deployed = commit_id(deployed).filter(|id| repo.has_object(*id));
        let most = if deployed.is_some() { MOST } else { 1 };
        let walk = repo.rev_walk([proposed]).with_hidden(deployed);
        let Ok(commits) = walk.all() else { return Vec::new() };
        // An object that is not here ends the history, as a shallow clone does.
        commits.map_while(Result::ok).take(most).filter_map(|info| message(repo, info.id)).collect()
    }
}

impl Remote {
    /// What was said on the way, as far as it is here already: nothing is asked of the remote.
    pub fn history(&self, deployed: &Revision, proposed: &Revision) -> History {
        let Some(repo) = self.open(&self.git_dir()) else { return History { messages: Vec::new(), reached: false } };
        Way::between(&repo, deployed, proposed).told(&repo, proposed)
    }

    /// The same with as much of the history as it takes to reach the deployed commit, at most
    /// [`Options::deepest`](super::Options) commits deep. What was once looked for in vain is not
    /// looked for again.
    pub fn deepened_history(&self, deployed: &Revision, proposed: &Revision) -> Result<History, GitError> {
        let here = self.history(deployed, proposed);
        if here.reached || self.known_apart(deployed, proposed) {
            return Ok(here);
        }
        let (from, to) = (deployed.clone(), proposed.clone());
        let history = self.within_limit(move |attempt| {
            let Some(repo) = attempt.remote().open(&attempt.remote().git_dir()) else { return Ok(here) };
            let way = attempt.deepened(&repo, &from, &to, Way::is_settled)?;
            Ok(way.told(&repo, &to))
        })?;
        if !history.reached {
            self.remember_apart(deployed, proposed);
        }
        Ok(history)
    }

    /// The program's own configuration that a commit carries; none also where the commit is not here.
    pub fn configuration(&self, revision: &Revision) -> Option<(ContentPath, File)> {
        tree::configuration_of(&self.open(&self.git_dir())?, revision, self.options.limits)
    }
}

impl Attempt<'_> {
    /// The way between two commits, with the history brought in three steps, as deep as it takes
    /// and as it may be.
    pub(super) fn deepened(
        &self,
        repo: &gix::Repository,
        deployed: &Revision,
        proposed: &Revision,
        enough: impl Fn(&Way) -> bool,
    ) -> Result<Way, GitError> {
        let mut way = Way::between(repo, deployed, proposed);
        let deepest = self.remote().options.deepest;
        for depth in [deepest.min(20), deepest.min(200), deepest] {
            if enough(&way) {
                break;
            }
            self.deepen(repo, proposed, depth)?;
            way = Way::between(repo, deployed, proposed);
        }
        Ok(way)
    }
}

/// The commits from a deployed to a proposed one, as far as a store with a part of the history shows.
#[derive(Debug)]
pub(super) struct Way {
    /// What the proposed commit has and the deployed one has not, newest first.
    commits: Vec<gix::ObjectId>,
    /// Whether the deployed commit is among the proposed one's ancestors.
    pub(super) found: bool,
    /// Whether all ancestors of these commits are here, so that what was not found is not there.
    pub(super) whole: bool,
    /// Whether the store ends nowhere among these commits, and nowhere among the ancestors of the
    /// deployed commit that are younger than the oldest of them: one that stood on both sides of such
    /// an end would be taken for new.
    closed: bool,
}

/// A commit as the walk needs it.
#[derive(Debug)]
struct Known {
    parents: Vec<gix::ObjectId>,
    seconds: i64,
    /// Some of its parents are not here.
    is_cut: bool,
}

impl Way {
    /// Whether the commits are those that a whole repository would give.
    pub(super) fn is_exact(&self) -> bool {
        self.found && self.closed
    }

    /// Whether more of the history would change nothing: the commits are exact, or the deployed one is
    /// known not to be among the ancestors.
    fn is_settled(&self) -> bool {
        self.is_exact() || (self.whole && !self.found)
    }

    fn between(repo: &gix::Repository, deployed: &Revision, proposed: &Revision) -> Self {
        let none = Self { commits: Vec::new(), found: false, whole: false, closed: false };
        let Some(newest) = commit_id(proposed) else { return none };
        let Some(base) = commit_id(deployed) else {
            // A tree that is no commit bounds nothing: the proposed commit speaks for itself alone.
            return Self { commits: vec![newest], found: true, closed: true, ..none };
        };
        let (behind, _) = reachable(repo, base, &BTreeMap::new());
        let (ahead, order) = reachable(repo, newest, &behind);
        let found = newest == base || ahead.values().any(|known| known.parents.contains(&base));
        let whole = ahead.len() < MOST && ahead.values().all(|known| !known.is_cut);
        let oldest = ahead.values().map(|known| known.seconds).min();
        let hidden = behind.len() < MOST
            && behind.values().filter(|known| known.is_cut).all(|cut| oldest.is_none_or(|oldest| cut.seconds < oldest));
        Self { commits: order, found, whole, closed: whole && hidden }
    }

    fn told(&self, repo: &gix::Repository, proposed: &Revision) -> History {
        let reached = self.is_exact();
        let messages = if reached {
            self.commits.iter().filter_map(|id| message(repo, *id)).collect()
        } else {
            commit_id(proposed).and_then(|id| message(repo, id)).into_iter().collect()
        };
        History { messages, reached }
    }
}

/// A commit and its ancestors without those hidden, and the same in order, newest first. Which
/// ancestors are here says the store itself: commits of several fetches may lie end to end.
fn reachable(
    repo: &gix::Repository,
    from: gix::ObjectId,
    hidden: &BTreeMap<gix::ObjectId, Known>,
) -> (BTreeMap<gix::ObjectId, Known>, Vec<gix::ObjectId>) {
    let (mut found, mut order) = (BTreeMap::new(), Vec::new());
    let mut seen = BTreeSet::from([from]);
    let mut open = BinaryHeap::new();
    let mut waiting = BTreeMap::new();
    let mut next = vec![from];
    loop {
        for id in next.drain(..).filter(|id| !hidden.contains_key(id)) {
            if let Some(known) = known(repo, id) {
                open.push((known.seconds, id));
                waiting.insert(id, known);
            }
        }
        let Some((_, id)) = open.pop() else { break };
        let Some(mut known) = waiting.remove(&id) else { continue };
        for parent in &known.parents {
            if hidden.contains_key(parent) || repo.has_object(*parent) {
                next.extend(seen.insert(*parent).then_some(*parent));
            } else {
                known.is_cut = true;
            }
        }
        order.push(id);
        found.insert(id, known);
        if found.len() >= MOST {
            break;
        }
    }
    (found, order)
}

fn known(repo: &gix::Repository, id: gix::ObjectId) -> Option<Known> {
    let commit = repo.find_commit(id).ok()?;
    let parents: Vec<gix::ObjectId> = commit.parent_ids().map(gix::Id::detach).collect();
    let seconds = commit.time().map(|time| time.seconds).unwrap_or_default();
    Some(Known { parents, seconds, is_cut: false })
}

fn message(repo: &gix::Repository, id: gix::ObjectId) -> Option<Message> {
    let commit = repo.find_commit(id).ok()?;
    let text = commit.message_raw().ok()?.to_string();
    Some(Message { commit: Revision::new(id.to_string()), text })
}
