//! One branch of a remote into a local object store, newest commit only.

use super::bounds::Limits;
use super::connection::Attempt;
use super::objects::{Contents, Objects, Sizes};
use super::signature::Signers;
use super::tree::{self, Known, Later};
use super::{GitError, Login, Read, Source, bases, store};
use crate::content::{Layout, Outline, Revision, Snapshot};
use crate::secret::Secret;
use crate::switch::off;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// What a fetch may be told beside where from and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the credential for https comes from.
    pub login: Login,
    /// The ssh program with its arguments; the default never asks, trusts no host that it does not
    /// know, and gives up on a dead peer.
    pub ssh_command: Option<String>,
    /// The private key for ssh, and no other one.
    pub ssh_key: Option<PathBuf>,
    /// The hosts that ssh trusts, and no others.
    pub known_hosts: Option<PathBuf>,
    /// Certificates in PEM form that are trusted beside the system's, for a private authority.
    pub certificates: Option<Vec<u8>>,
    /// The proxy for https; its URL may hold a password. None of the environment is used.
    pub proxy: Option<Secret>,
    /// The longest that one whole fetch may take.
    pub time_limit: Duration,
    /// The longest that the server may be silent.
    pub silence_limit: Duration,
    /// What of a commit is content.
    pub layout: Layout,
    /// How much a fetch and a commit may be.
    pub limits: Limits,
    /// How many commits deep a history is read where one is asked for.
    pub deepest: u32,
    /// Whose signature the newest commit must carry; where this is none, no signature is looked at.
    pub signers: Option<Signers>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            login: Login::Address,
            ssh_command: None,
            ssh_key: None,
            known_hosts: None,
            certificates: None,
            proxy: None,
            time_limit: Duration::from_mins(3),
            silence_limit: Duration::from_secs(30),
            layout: Layout::Content,
            limits: Limits::default(),
            deepest: 1_000,
            signers: None,
        }
    }
}

/// The store is made anew after so many packs: nothing else would ever collect them.
const PACK_LIMIT: usize = 40;

/// A branch of a repository elsewhere, and the local store that caches its objects.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(super) source: Source,
    pub(super) branch: String,
    pub(super) store: PathBuf,
    pub(super) options: Options,
    running: Arc<AtomicBool>,
    remembered: Arc<Mutex<Remembered>>,
}

/// What need not be found out again at each poll.
#[derive(Debug, Default)]
struct Remembered {
    /// A newest commit that is more than is allowed, and in what way.
    refused: Option<(Revision, String)>,
    /// A deployed and a proposed commit with no way between them, as far as may be looked.
    apart: Option<(Revision, Revision)>,
    /// A deployed commit that the remote does not have any more.
    gone: Option<Revision>,
}

/// The branch as it was when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its newest commit.
    pub revision: Revision,
    /// How many objects were transferred; 0 where the commit was there already.
    pub objects: u32,
    /// Set where a tag of that name was taken because there is no such branch.
    pub is_tag: bool,
    /// How it goes on from the commit that was the newest before.
    pub ancestry: Ancestry,
}

/// How a branch's newest commit stands to the one that was fetched before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ancestry {
    /// There was none before, or it is the same one.
    Unasked,
    /// It is among its ancestors.
    Descends,
    /// It is not: the branch was rewritten or set back (a forced push).
    Rewritten,
    /// It was not reached within the commits that may be read.
    Unreached,
}

impl Remote {
    /// Names a branch (or, where there is no such branch, a tag) of `source`. The folder `store`
    /// is made when needed; only what is called `dagguard.*` in it is ever touched.
    pub fn new(source: Source, branch: &str, store: &Path, options: Options) -> Result<Self, GitError> {
        gix::refs::FullName::try_from(format!("refs/heads/{branch}")).map_err(|error| GitError::Unusable {
            what: "the branch",
            problem: error.to_string(),
            value: branch.to_string(),
        })?;
        let store = store.to_path_buf();
        let (running, remembered) = (Arc::default(), Arc::default());
        Ok(Self { source, branch: branch.to_string(), store, options, running, remembered })
    }

    /// The address, without any credential.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The branch.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// Asks for the branch's newest commit and brings it, without its history, into the store.
    ///
    /// Only refs are listed where the commit is there already. A store that has grown is packed
    /// anew beside the present one, one that is damaged or foreign is fetched anew; the new one
    /// takes its place when it is complete, and the deployed commit stays as long as it is anywhere.
    pub fn fetch(&self) -> Result<Fetched, GitError> {
        self.within_limit(|attempt| {
            let remote = attempt.remote();
            store::put_back(&remote.store);
            store::sweep(&remote.git_dir());
            if store::packs(&remote.git_dir()) > PACK_LIMIT
                && let Some(repo) = remote.open(&remote.git_dir())
            {
                // Not a reason to fail: the store works as it is, and damage shows below.
                store::pack_anew(remote, &repo).ok();
            }
            match remote.open(&remote.git_dir()).filter(|_| !off("R20")) {
                Some(repo) => match attempt.fetch_into(&repo) {
                    Err(GitError::Damaged { .. }) => attempt.fetch_aside(),
                    result => result,
                },
                None => attempt.fetch_aside(),
            }
        })
    }

    /// The content of a commit that was fetched. Where its objects are damaged they are fetched
    /// once more, if it still is the branch's newest.
    pub fn snapshot(&self, revision: &Revision) -> Read {
        let read = || match self.open(&self.git_dir()) {
            Some(repo) => tree::snapshot(&repo, revision, self.options.layout, self.options.limits, None),
            None => Err(GitError::Damaged {
                path: self.git_dir(),
                revision: revision.to_string(),
                reason: "no object store".to_string(),
            }),
        };
        let anew = |attempt: &Attempt<'_>| attempt.fetch_aside();
        match read() {
            Err(error @ GitError::Damaged { .. }) => match self.within_limit(anew) {
                Ok(fetched) if fetched.revision == *revision => read(),
                _ => Err(error),
            },
            result => result,
        }
    }

    /// The same beside what is deployed, with contents that are read once they are asked for, where their
    /// sizes are known, and where to look afterwards for what could not be read. That is mended by
    /// [`Remote::snapshot`].
    pub fn snapshot_to_ask(&self, revision: &Revision, deployed: &Outline) -> Result<(Snapshot, Contents), GitError> {
        let repo = self.open(&self.git_dir()).ok_or_else(|| GitError::Damaged {
            path: self.git_dir(),
            revision: revision.to_string(),
            reason: "no object store".to_string(),
        })?;
        let objects = Arc::new(Objects::of(&repo));
        let later = Later { blobs: objects.clone(), sizes: &mut Sizes::default() };
        let (layout, limits) = (self.options.layout, self.options.limits);
        let snapshot = tree::read(&repo, revision, layout, limits, Some(Known::Delivered(deployed)), Some(later))?;
        Ok((snapshot, Contents(objects)))
    }

    /// Keeps the deployed commit in the store, as the base of later transfers. A commit that is
    /// not there is left alone: the store is a cache.
    pub fn keep(&self, revision: &Revision) -> Result<(), GitError> {
        let Some(repo) = self.open(&self.git_dir()) else { return Ok(()) };
        match commit_id(revision) {
            Some(id) if repo.has_object(id) => store::name(self, &repo, store::DEPLOYED, id),
            _ => Ok(()),
        }
    }

    /// Brings the deployed commit back into a store that has lost it, for what it says of the rules
    /// by which its successor is judged. Answers whether it is there; a tree that is no commit, and
    /// one that the remote does not have any more, is not.
    pub fn recall(&self, deployed: &Revision) -> Result<bool, GitError> {
        let Some(id) = commit_id(deployed) else { return Ok(false) };
        if self.open(&self.git_dir()).is_some_and(|repo| repo.has_object(id)) {
            return Ok(true);
        }
        if self.remembered(|remembered| remembered.gone.as_ref() == Some(deployed)) {
            return Ok(false);
        }
        let found = self.within_limit(move |attempt| {
            let Some(repo) = attempt.remote().open(&attempt.remote().git_dir()) else { return Ok(false) };
            match attempt.bring(&repo, id, store::DEPLOYED, 1) {
                Ok(()) => Ok(repo.has_object(id)),
                // The server says that it has no such commit, or that nobody may ask for it.
                Err(GitError::Unreachable { .. } | GitError::Damaged { .. }) if !attempt.is_over() => Ok(false),
                Err(error) => Err(error),
            }
        })?;
        if !found {
            tracing::warn!(%deployed, "the remote does not have the deployed commit any more, what it says of the rules is not known");
            self.remembered(|remembered| remembered.gone = Some(deployed.clone()));
        }
        Ok(found)
    }

    pub(super) fn git_dir(&self) -> PathBuf {
        self.store.join("dagguard.git")
    }

    pub(super) fn open(&self, git_dir: &Path) -> Option<gix::Repository> {
        self.open_options().open_path_as_is(true).open(git_dir).ok().map(|repo| bases::kept(repo.to_thread_local()))
    }

    pub(super) fn unwritable(&self, reason: String) -> GitError {
        GitError::Store { path: self.store.clone(), reason }
    }

    fn remembered<T>(&self, with: impl FnOnce(&mut Remembered) -> T) -> T {
        with(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known to be wrong with a newest commit, so that it is not received at each poll.
    pub(super) fn known_refusal(&self, revision: &Revision) -> Option<GitError> {
        let refused = self.remembered(|remembered| remembered.refused.clone());
        let (of, problem) = refused.filter(|(of, _)| of == revision)?;
        Some(GitError::TooLarge { revision: of, problem })
    }

    pub(super) fn remember_refusal(&self, revision: &Revision, problem: &str) {
        self.remembered(|remembered| remembered.refused = Some((revision.clone(), problem.to_string())));
    }

    pub(super) fn known_apart(&self, deployed: &Revision, proposed: &Revision) -> bool {
        self.remembered(|remembered| {
            remembered.apart.as_ref().is_some_and(|(one, other)| (one, other) == (deployed, proposed))
        })
    }

    pub(super) fn remember_apart(&self, deployed: &Revision, proposed: &Revision) {
        self.remembered(|remembered| remembered.apart = Some((deployed.clone(), proposed.clone())));
    }

    /// Runs the work in a thread of its own and waits no longer than the limit. Blocking calls of
    /// the library end by the interrupt flag, by the clock that its transports look at, or when the
    /// socket gives up; until then a thread may be left behind, and no other one is started
    /// beside it.
    pub(super) fn within_limit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Attempt) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let over =
            || GitError::TimeLimit { origin: self.source.to_string(), seconds: self.options.time_limit.as_secs() };
        if self.running.swap(true, Ordering::AcqRel) {
            return Err(over());
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (send, receive) = mpsc::channel();
        let (remote, flag) = (self.clone(), stop.clone());
        std::thread::spawn(move || {
            let running = Running(remote.running.clone());
            let result = Attempt::begin(&remote, &flag).and_then(|attempt| work(&attempt));
            drop(running);
            // The receiver is gone when the limit has passed; nobody waits for the result then.
            let _ = send.send(result);
        });
        let result = receive.recv_timeout(self.options.time_limit);
        stop.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|reason| match reason {
            mpsc::RecvTimeoutError::Timeout => {
                self.end_ssh();
                Err(over())
            }
            // The thread panicked: objects that the library did not expect.
            mpsc::RecvTimeoutError::Disconnected => Err(GitError::Damaged {
                path: self.git_dir(),
                revision: self.branch.clone(),
                reason: "the library failed on them".to_string(),
            }),
        })
    }
}

/// The id of a commit, as a revision names it in full.
pub(super) fn commit_id(revision: &Revision) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(revision.as_str().as_bytes()).ok()
}

/// Says that a fetch is on its way, until it ends in whatever manner.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
