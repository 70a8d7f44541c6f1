//! One branch of a remote into a local object store, newest commit only.

use super::error::{io_kinds, words};
use super::{Credentials, GitError, Read, Source, tree};
use crate::content::Revision;
use gix::protocol::transport::client::blocking_io::{Transport, http};
use gix::remote::Direction;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// What a fetch may be told beside where from and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// A credential for https; one in the source's own address is used where this is none.
    pub credentials: Option<Credentials>,
    /// The ssh program with its arguments; the default never asks and gives up on a dead peer.
    pub ssh_command: Option<String>,
    /// Certificates in PEM form that are trusted beside the system's, for a private authority.
    pub certificates: Option<Vec<u8>>,
    /// The longest that one whole fetch may take.
    pub time_limit: Duration,
    /// The longest that the server may be silent.
    pub silence_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: None,
            ssh_command: None,
            certificates: None,
            time_limit: Duration::from_mins(3),
            silence_limit: Duration::from_secs(30),
        }
    }
}

/// Never asks for anything, and notices a peer that went away.
const SSH: &str = "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=2";

/// The ref that keeps the branch's newest commit in the store.
const PROPOSED: &str = "refs/dagguard/proposed";
/// The ref that keeps the deployed commit in the store, and lets the next fetch be a small one.
const DEPLOYED: &str = "refs/dagguard/deployed";

/// The store is made anew after so many packs: nothing else would ever collect them.
const PACK_LIMIT: usize = 40;

/// A branch of a repository elsewhere, and the local store that caches its objects.
#[derive(Clone, Debug)]
pub struct Remote {
    source: Source,
    branch: String,
    store: PathBuf,
    options: Options,
    running: Arc<AtomicBool>,
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
}

impl Remote {
    /// Names a branch (or, where there is no such branch, a tag) of `source`. The folder `store`
    /// is made when needed; only the folder `dagguard.git` in it is ever touched.
    pub fn new(source: Source, branch: &str, store: &Path, options: Options) -> Result<Self, GitError> {
        gix::refs::FullName::try_from(format!("refs/heads/{branch}")).map_err(|error| GitError::Unusable {
            what: "the branch",
            problem: error.to_string(),
            value: branch.to_string(),
        })?;
        let running = Arc::default();
        Ok(Self { source, branch: branch.to_string(), store: store.to_path_buf(), options, running })
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
    /// Only refs are listed where the commit is there already. A store that is damaged, foreign
    /// or has grown is made anew beside the present one and takes its place when it is complete.
    pub fn fetch(&self) -> Result<Fetched, GitError> {
        self.within_limit(|remote, stop| {
            let git_dir = remote.git_dir();
            if packs(&git_dir) > PACK_LIMIT {
                return remote.fetch_aside(stop);
            }
            match remote.open(&git_dir) {
                Some(repo) => match remote.fetch_into(&repo, stop) {
                    Err(GitError::Damaged { .. }) => remote.fetch_aside(stop),
                    result => result,
                },
                None => remote.fetch_aside(stop),
            }
        })
    }

    /// The content of a commit that was fetched. Where its objects are damaged they are fetched
    /// once more, if it still is the branch's newest.
    pub fn snapshot(&self, revision: &Revision) -> Read {
        let read = || match self.open(&self.git_dir()) {
            Some(repo) => tree::snapshot(&repo, revision),
            None => Err(GitError::Damaged {
                path: self.git_dir(),
                revision: revision.to_string(),
                reason: "no object store".to_string(),
            }),
        };
        match read() {
            Err(error @ GitError::Damaged { .. }) => match self.within_limit(Self::fetch_aside) {
                Ok(fetched) if fetched.revision == *revision => read(),
                _ => Err(error),
            },
            result => result,
        }
    }

    /// Keeps the deployed commit in the store, as the base of later transfers. A commit that is
    /// not there is left alone: the store is a cache.
    pub fn keep(&self, revision: &Revision) -> Result<(), GitError> {
        let Some(repo) = self.open(&self.git_dir()) else { return Ok(()) };
        let Ok(id) = gix::ObjectId::from_hex(revision.as_str().as_bytes()) else { return Ok(()) };
        if !repo.has_object(id) {
            return Ok(());
        }
        repo.reference(DEPLOYED, id, gix::refs::transaction::PreviousValue::Any, "deployed")
            .map(drop)
            .map_err(|error| self.unwritable(words(&error)))
    }

    pub(super) fn git_dir(&self) -> PathBuf {
        self.store.join("dagguard.git")
    }

    /// Runs the work in a thread of its own and waits no longer than the limit. Blocking calls
    /// of the library end by the interrupt flag or when the socket gives up; until then a
    /// thread may be left behind, and no other one is started beside it.
    fn within_limit(
        &self,
        work: impl FnOnce(&Self, &AtomicBool) -> Result<Fetched, GitError> + Send + 'static,
    ) -> Result<Fetched, GitError> {
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
            let result = work(&remote, &flag);
            drop(running);
            // The receiver is gone when the limit has passed; nobody waits for the result then.
            let _ = send.send(result);
        });
        let result = receive.recv_timeout(self.options.time_limit);
        stop.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|reason| match reason {
            mpsc::RecvTimeoutError::Timeout => Err(over()),
            // The thread panicked: objects that the library did not expect.
            mpsc::RecvTimeoutError::Disconnected => Err(GitError::Damaged {
                path: self.git_dir(),
                revision: self.branch.clone(),
                reason: "the library failed on them".to_string(),
            }),
        })
    }

    fn fetch_aside(&self, stop: &AtomicBool) -> Result<Fetched, GitError> {
        let failed = |error: io::Error| self.unwritable(error.to_string());
        let aside = self.store.join("dagguard.git.new");
        let outdated = self.store.join("dagguard.git.old");
        fs::create_dir_all(&self.store).map_err(failed)?;
        for rest in [&aside, &outdated] {
            remove_any(rest).map_err(failed)?;
        }
        let kind = gix::create::Kind::Bare;
        let repo =
            gix::ThreadSafeRepository::init_opts(&aside, kind, gix::create::Options::default(), self.open_options())
                .map_err(|error| self.unwritable(words(&error)))?
                .to_thread_local();
        let fetched = self.fetch_into(&repo, stop)?;
        drop(repo);
        let git_dir = self.git_dir();
        match fs::rename(&git_dir, &outdated) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::rename(&aside, &git_dir).map_err(failed)?;
        remove_any(&outdated).map_err(failed)?;
        Ok(fetched)
    }

    pub(super) fn open(&self, git_dir: &Path) -> Option<gix::Repository> {
        self.open_options().open_path_as_is(true).open(git_dir).ok().map(|repo| repo.to_thread_local())
    }

    /// Where ssh's words go: the library recognises few of them and would print the others.
    fn ssh_says(&self) -> PathBuf {
        self.store.join("ssh-says")
    }

    fn open_options(&self) -> gix::open::Options {
        let says = self.ssh_says().display().to_string().replace('\'', r"'\''");
        let ssh = format!("{} 2>'{says}'", self.options.ssh_command.as_deref().unwrap_or(SSH));
        gix::open::Options::isolated().config_overrides([
            format!("core.sshCommand={ssh}"),
            // Writing a ref wants somebody to be named, though no reflog is kept.
            "user.name=dagguard".to_string(),
            "user.email=dagguard@localhost".to_string(),
            "core.logAllRefUpdates=false".to_string(),
        ])
    }

    fn fetch_into(&self, repo: &gix::Repository, stop: &AtomicBool) -> Result<Fetched, GitError> {
        if let Some(fetched) = self.receive(repo, "heads", stop)? {
            return Ok(fetched);
        }
        if let Some(fetched) = self.receive(repo, "tags", stop)? {
            return Ok(Fetched { is_tag: true, ..fetched });
        }
        let mut seen = self.branches(repo)?;
        let origin = self.source.to_string();
        if seen.is_empty() {
            return Err(GitError::Empty { origin });
        }
        let more = seen.len().saturating_sub(5);
        seen.truncate(5);
        Err(GitError::BranchMissing { origin, branch: self.branch.clone(), seen, more })
    }

    fn connect<'a, 'r>(
        &self,
        remote: &'a gix::Remote<'r>,
    ) -> Result<gix::remote::Connection<'a, 'static, 'r, Box<dyn Transport + Send>>, GitError> {
        let mut connection = remote.connect(Direction::Fetch).map_err(|error| self.failure(&error))?;
        let is_http = matches!(self.source.url().scheme, gix::url::Scheme::Https | gix::url::Scheme::Http);
        let credentials = self.options.credentials.as_ref().or(self.source.credentials()).cloned();
        if is_http {
            if let Some(credentials) = &credentials {
                // Given at once rather than after a refusal: one request less a poll, and some
                // servers call a private repository missing instead of asking who one is.
                connection
                    .transport_mut()
                    .set_identity(account(credentials))
                    .map_err(|error| self.failure(&gix::Error::from_error(error)))?;
            }
            connection.set_transport_options(Box::new(self.http_options()));
        }
        connection.set_credentials(move |action| match action {
            gix::credentials::helper::Action::Get(context) => {
                Ok(credentials.as_ref().filter(|_| is_http).map(|credentials| gix::credentials::protocol::Outcome {
                    identity: account(credentials),
                    next: context.into(),
                }))
            }
            _ => Ok(None),
        });
        Ok(connection)
    }

    /// The library ignores git's own http settings with this backend; all that matters is here.
    fn http_options(&self) -> http::Options {
        let certificates = self.options.certificates.clone();
        let silence = self.options.silence_limit;
        let configure = move |mut builder: reqwest::blocking::ClientBuilder| {
            builder = builder.timeout(silence).connect_timeout(silence);
            if let Some(pem) = &certificates {
                let trusted = reqwest::Certificate::from_pem_bundle(pem).map_err(gix::Error::from_error)?;
                builder = builder.tls_certs_merge(trusted);
            }
            Ok(builder)
        };
        let backend = http::reqwest::Options { configure_client: Some(Box::new(configure)), configure_request: None };
        http::Options {
            user_agent: Some(concat!("git/dagguard-", env!("CARGO_PKG_VERSION")).to_string()),
            backend: Some(Arc::new(Mutex::new(backend))),
            ..http::Options::default()
        }
    }

    fn remote<'r>(&self, repo: &'r gix::Repository, refspec: &str) -> Result<gix::Remote<'r>, GitError> {
        let tags = gix::remote::fetch::Tags::None;
        repo.remote_at_without_url_rewrite(self.source.url().clone())
            .and_then(|remote| remote.with_fetch_tags(tags).with_refspecs(Some(refspec), Direction::Fetch))
            .map_err(|error| self.failure(&error))
    }

    /// Brings `refs/<kind>/<branch>`; none where the remote has no such ref.
    fn receive(&self, repo: &gix::Repository, kind: &str, stop: &AtomicBool) -> Result<Option<Fetched>, GitError> {
        let name = format!("refs/{kind}/{}", self.branch);
        let remote = self.remote(repo, &format!("+{name}:{PROPOSED}"))?;
        let prepare = self
            .connect(&remote)?
            .prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())
            .map_err(|error| self.failure(&error))?;
        let Some((id, commit)) = prepare.ref_map().remote_refs.iter().find_map(|remote_ref| {
            let (found, id, peeled) = remote_ref.unpack();
            let id = id?.to_owned();
            (found == name.as_str()).then(|| (id, peeled.map_or(id, ToOwned::to_owned)))
        }) else {
            return Ok(None);
        };
        let mut fetched = Fetched { revision: Revision::new(commit.to_string()), objects: 0, is_tag: false };
        let kept = repo.try_find_reference(PROPOSED).ok().flatten().and_then(|kept| kept.try_id().map(gix::Id::detach));
        if kept == Some(id) && repo.has_object(commit) {
            return Ok(Some(fetched));
        }
        let outcome = prepare
            .with_shallow(gix::remote::fetch::Shallow::DepthAtRemote(NonZeroU32::MIN))
            .receive(gix::progress::Discard, stop)
            .map_err(|error| self.received_badly(repo, &error, stop))?;
        if let gix::remote::fetch::Status::Change { write_pack_bundle, .. } = outcome.status {
            fetched.objects = write_pack_bundle.index.num_objects;
        }
        Ok(Some(fetched))
    }

    fn branches(&self, repo: &gix::Repository) -> Result<Vec<String>, GitError> {
        let remote = self.remote(repo, "+refs/heads/*:refs/dagguard/seen/*")?;
        let (refs, _) = self
            .connect(&remote)?
            .ref_map(gix::progress::Discard, gix::remote::ref_map::Options::default())
            .map_err(|error| self.failure(&error))?;
        let name = |found: &gix::protocol::handshake::Ref| {
            found.unpack().0.to_string().strip_prefix("refs/heads/").map(str::to_string)
        };
        let mut names: Vec<String> = refs.remote_refs.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    fn received_badly(&self, repo: &gix::Repository, error: &gix::Error, stop: &AtomicBool) -> GitError {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kinds = io_kinds(error);
        let full = [PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
        if stop.load(Ordering::Relaxed) {
            let seconds = self.options.time_limit.as_secs();
            GitError::TimeLimit { origin: self.source.to_string(), seconds }
        } else if kinds.iter().any(|kind| full.contains(kind)) {
            self.unwritable(self.without_secrets(words(error)))
        } else if error.is_corrupted()
            || (error.is_not_found() && kinds.is_empty())
            // The lock of a process that was killed; this one has the store for itself.
            || kinds.contains(&io::ErrorKind::AlreadyExists)
        {
            GitError::Damaged {
                path: repo.git_dir().to_path_buf(),
                revision: self.branch.clone(),
                reason: self.without_secrets(words(error)),
            }
        } else {
            self.failure(error)
        }
    }

    /// Sorts what connecting and listing can answer. The library types refusals; whether a
    /// repository exists is only in the words of the server or of ssh.
    fn failure(&self, error: &gix::Error) -> GitError {
        let origin = self.source.to_string();
        let mut reason = self.without_secrets(words(error));
        if let Ok(said) = fs::read_to_string(self.ssh_says()) {
            fs::remove_file(self.ssh_says()).ok();
            let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
            if !lines.is_empty() {
                reason = lines.join("; ");
            }
        }
        let says = |texts: &[&str]| texts.iter().any(|text| reason.contains(text));
        let refused = error.is_unauthenticated()
            || error.is_permission_denied()
            || says(&["HTTP status 401", "HTTP status 403", "Permission denied", "Host key verification failed"]);
        let missing = says(&[
            "HTTP status 404",
            "does not appear to be a git repository",
            "not a valid git directory",
            "Could not verify that",
            "epository not found",
        ]);
        if missing {
            GitError::NotFound { origin, reason }
        } else if refused {
            GitError::Authentication { origin, reason }
        } else {
            GitError::Unreachable { origin, reason }
        }
    }

    fn unwritable(&self, reason: String) -> GitError {
        GitError::Store { path: self.store.clone(), reason }
    }

    /// The library was never given a secret as a part of a URL; this is for what it might add.
    fn without_secrets(&self, mut text: String) -> String {
        for credentials in [self.options.credentials.as_ref(), self.source.credentials()].into_iter().flatten() {
            for secret in [&credentials.password, &credentials.username] {
                // A word as short as `git` is no secret, and cutting it would only garble.
                if secret.expose().len() >= 6 {
                    text = text.replace(secret.expose(), "…");
                }
            }
        }
        text
    }
}

/// Says that a fetch is on its way, until it ends in whatever manner.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn account(credentials: &Credentials) -> gix::sec::identity::Account {
    gix::sec::identity::Account {
        username: credentials.username.expose().to_string(),
        password: credentials.password.expose().to_string(),
        oauth_refresh_token: None,
    }
}

fn packs(git_dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(git_dir.join("objects/pack")) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count()
}

/// Removes a folder, a file or a link; it is fine if there is none.
fn remove_any(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
