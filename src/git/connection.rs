//! One attempt to reach the remote: the credential as it is at that moment, the library's
//! connection with all limits set, and what the answers mean.

use super::error::{io_kinds, words};
use super::fetch::Ancestry;
use super::store::{self, PROPOSED, named};
use super::transport::{Guard, Guarded, Sifted};
use super::{Credentials, Fetched, GitError, Remote, commit_id};
use crate::content::Revision;
use crate::switch::off;
use gix::protocol::transport::client::TransportWithoutIO as _;
use gix::protocol::transport::client::blocking_io::{Transport, connect, http};
use gix::remote::Direction;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Never asks for anything, trusts no host that it does not know, and notices a peer that went away.
const SSH: &str = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=20 -oServerAliveInterval=15 \
                   -oServerAliveCountMax=2";

/// A ref for the commits of a history that is being read.
const HISTORY: &str = "refs/dagguard/history";

/// One attempt, with what it may take.
pub(super) struct Attempt<'r> {
    remote: &'r Remote,
    credentials: Option<Credentials>,
    guard: Guard,
    stop: &'r AtomicBool,
}

impl<'r> Attempt<'r> {
    /// Reads the credential and starts the clock.
    pub(super) fn begin(remote: &'r Remote, stop: &'r AtomicBool) -> Result<Self, GitError> {
        let guard = Guard::new(remote.options.time_limit, remote.options.limits);
        let is_http = matches!(remote.source.url().scheme, gix::url::Scheme::Https | gix::url::Scheme::Http);
        let credentials = if is_http { remote.options.login.read(&remote.source)? } else { None };
        if credentials.is_some() && remote.source.url().scheme == gix::url::Scheme::Http {
            return Err(GitError::Unusable {
                what: "the source",
                problem: "a credential would be sent unencrypted".to_string(),
                value: remote.source.to_string(),
            });
        }
        Ok(Self { remote, credentials, guard, stop })
    }

    pub(super) fn remote(&self) -> &Remote {
        self.remote
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.guard.is_over()
    }

    /// Fetches into an empty store, which takes the place of the present one; what that still has of
    /// the deployed commit goes along.
    pub(super) fn fetch_aside(&self) -> Result<Fetched, GitError> {
        let fresh = store::aside(self.remote)?;
        let fetched = self.fetch_into(&fresh)?;
        if let Some(present) = self.remote.open(&self.remote.git_dir())
            && let Some(deployed) = named(&present, store::DEPLOYED)
        {
            // What is damaged cannot be kept; the remote is asked for it when it is needed.
            store::copy(self.remote, &present, &fresh, &[(store::DEPLOYED, Some(deployed))]).ok();
        }
        drop(fresh);
        store::exchange(self.remote)?;
        Ok(fetched)
    }

    pub(super) fn fetch_into(&self, repo: &gix::Repository) -> Result<Fetched, GitError> {
        if let Some(fetched) = self.receive(repo, "heads")? {
            return Ok(fetched);
        }
        if let Some(fetched) = self.receive(repo, "tags")? {
            return Ok(Fetched { is_tag: true, ..fetched });
        }
        let mut seen = self.branches(repo)?;
        let origin = self.remote.source.to_string();
        if seen.is_empty() {
            return Err(GitError::Empty { origin });
        }
        let last = [store::DEPLOYED, PROPOSED].map(|name| named(repo, name));
        let renamed = seen.iter().find(|(_, id)| last.contains(&Some(*id))).map(|(name, _)| name.clone());
        let more = seen.len().saturating_sub(5);
        seen.truncate(5);
        let seen = seen.into_iter().map(|(name, _)| name).collect();
        Err(GitError::BranchMissing { origin, branch: self.remote.branch.clone(), seen, more, renamed })
    }

    fn connect<'a, 'g>(
        &self,
        remote: &'a gix::Remote<'g>,
    ) -> Result<gix::remote::Connection<'a, 'static, 'g, Sifted>, GitError> {
        let failed = |error: &gix::Error| self.failure(error);
        let (url, version) = remote.sanitized_url_and_version(Direction::Fetch).map_err(|error| failed(&error))?;
        let is_http = matches!(url.scheme, gix::url::Scheme::Https | gix::url::Scheme::Http);
        let inner: Box<dyn Transport + Send> = if is_http {
            Box::new(http::connect_http(Guarded::new(self.guard.clone()), url, version, false))
        } else {
            let ssh = remote.repo().ssh_connect_options().map_err(|error| failed(&error))?;
            connect::connect(url, connect::Options { version, ssh, trace: false }).map_err(|error| failed(&error))?
        };
        let mut transport = Sifted::new(inner, self.guard.clone());
        if let Some(credentials) = &self.credentials {
            // Given at once rather than after a refusal: one request less a poll, and some servers
            // call a private repository missing instead of asking who one is.
            transport.set_identity(account(credentials)).map_err(|error| failed(&gix::Error::from_error(error)))?;
        }
        let mut connection = remote.to_connection_with_transport(transport);
        if is_http {
            connection.set_transport_options(Box::new(self.http_options()));
        }
        let credentials = self.credentials.clone();
        connection.set_credentials(move |action| match action {
            gix::credentials::helper::Action::Get(context) => Ok(credentials.as_ref().map(|credentials| {
                gix::credentials::protocol::Outcome { identity: account(credentials), next: context.into() }
            })),
            _ => Ok(None),
        });
        Ok(connection)
    }

    /// The library ignores git's own http settings with this backend; all that matters is here.
    fn http_options(&self) -> http::Options {
        let options = &self.remote.options;
        let (certificates, silence) = (options.certificates.clone(), options.silence_limit);
        let proxy = options.proxy.clone();
        let configure = move |mut builder: reqwest::blocking::ClientBuilder| {
            builder = builder.timeout(silence).connect_timeout(silence);
            builder = match &proxy {
                // The library's error would show the URL, and with it a password.
                Some(proxy) => builder.proxy(
                    reqwest::Proxy::all(proxy.expose())
                        .map_err(|_| gix::Error::from_error(io::Error::other("the proxy is no URL")))?,
                ),
                None => builder.no_proxy(),
            };
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

    fn specified<'g>(&self, repo: &'g gix::Repository, refspec: &str) -> Result<gix::Remote<'g>, GitError> {
        let tags = gix::remote::fetch::Tags::None;
        repo.remote_at_without_url_rewrite(self.remote.source.url().clone())
            .and_then(|remote| remote.with_fetch_tags(tags).with_refspecs(Some(refspec), Direction::Fetch))
            .map_err(|error| self.failure(&error))
    }

    /// Brings `refs/<kind>/<branch>`; none where the remote has no such ref.
    fn receive(&self, repo: &gix::Repository, kind: &str) -> Result<Option<Fetched>, GitError> {
        let name = format!("refs/{kind}/{}", self.remote.branch);
        let remote = self.specified(repo, &format!("+{name}:{PROPOSED}"))?;
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
        let revision = Revision::new(commit.to_string());
        if let Some(refusal) = self.remote.known_refusal(&revision) {
            return Err(refusal);
        }
        let mut fetched = Fetched { revision, objects: 0, is_tag: false, ancestry: Ancestry::Unasked };
        let kept = named(repo, PROPOSED);
        if kept != Some(id) || !repo.has_object(commit) {
            let outcome = prepare
                .with_shallow(gix::remote::fetch::Shallow::DepthAtRemote(NonZeroU32::MIN))
                .receive(gix::progress::Discard, self.stop)
                .map_err(|error| self.received_badly(repo, &error, Some(&fetched.revision)))?;
            if let gix::remote::fetch::Status::Change { write_pack_bundle, .. } = outcome.status {
                fetched.objects = write_pack_bundle.index.num_objects;
            }
            let before = kept.and_then(|kept| repo.find_object(kept).ok()?.peel_to_commit().ok());
            if let Some(before) = before.map(|before| before.id).filter(|before| *before != commit) {
                fetched.ancestry = self.ancestry(repo, before, commit);
            }
        }
        if let Some(signers) = &self.remote.options.signers {
            signers.verify(repo, id, commit)?;
        }
        Ok(Some(fetched))
    }

    /// How the newest commit stands to the one before it. Mostly that is its parent; where it is
    /// not, the history is read as deep as it may be.
    fn ancestry(&self, repo: &gix::Repository, before: gix::ObjectId, newest: gix::ObjectId) -> Ancestry {
        if off("R23") {
            return Ancestry::Unasked;
        }
        let (before, newest) = (Revision::new(before.to_string()), Revision::new(newest.to_string()));
        match self.deepened(repo, &before, &newest, |way| way.found || way.whole) {
            Ok(way) if way.found => Ancestry::Descends,
            Ok(way) if way.whole => Ancestry::Rewritten,
            // The commit itself is here: that its ancestors are not is no reason to fail.
            Ok(_) | Err(_) => Ancestry::Unreached,
        }
    }

    /// Brings one commit by its id, that many commits deep.
    pub(super) fn bring(
        &self,
        repo: &gix::Repository,
        id: gix::ObjectId,
        name: &str,
        depth: u32,
    ) -> Result<(), GitError> {
        let remote = self.specified(repo, &format!("+{id}:{name}"))?;
        let prepare = self
            .connect(&remote)?
            .prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())
            .map_err(|error| self.failure(&error))?;
        let depth = NonZeroU32::new(depth).unwrap_or(NonZeroU32::MIN);
        prepare
            .with_shallow(gix::remote::fetch::Shallow::DepthAtRemote(depth))
            .receive(gix::progress::Discard, self.stop)
            .map(drop)
            .map_err(|error| self.received_badly(repo, &error, None))
    }

    /// Brings the history of a commit that is here, that many commits deep.
    pub(super) fn deepen(&self, repo: &gix::Repository, revision: &Revision, depth: u32) -> Result<(), GitError> {
        match commit_id(revision) {
            Some(id) => self.bring(repo, id, HISTORY, depth),
            None => Ok(()),
        }
    }

    /// The branches of the remote with their newest commits, by name.
    fn branches(&self, repo: &gix::Repository) -> Result<Vec<(String, gix::ObjectId)>, GitError> {
        let remote = self.specified(repo, "+refs/heads/*:refs/dagguard/seen/*")?;
        let (refs, _) = self
            .connect(&remote)?
            .ref_map(gix::progress::Discard, gix::remote::ref_map::Options::default())
            .map_err(|error| self.failure(&error))?;
        let name = |found: &gix::protocol::handshake::Ref| {
            let (name, id, _) = found.unpack();
            Some((name.to_string().strip_prefix("refs/heads/")?.to_string(), id?.to_owned()))
        };
        let mut names: Vec<(String, gix::ObjectId)> = refs.remote_refs.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    fn received_badly(&self, repo: &gix::Repository, error: &gix::Error, newest: Option<&Revision>) -> GitError {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kinds = io_kinds(error);
        let full = [PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
        if let Some(excess) = self.guard.excess() {
            let problem = excess.to_string();
            if let Some(revision) = newest {
                self.remote.remember_refusal(revision, &problem);
            }
            let revision = newest.cloned().unwrap_or_else(|| Revision::new(self.remote.branch.as_str()));
            return GitError::TooLarge { revision, problem };
        }
        if self.is_over() {
            let seconds = self.remote.options.time_limit.as_secs();
            GitError::TimeLimit { origin: self.remote.source.to_string(), seconds }
        } else if kinds.iter().any(|kind| full.contains(kind)) {
            self.remote.unwritable(self.without_secrets(words(error)))
        } else if error.is_corrupted()
            || (error.is_not_found() && kinds.is_empty())
            // The lock of a process that was killed; this one has the store for itself.
            || kinds.contains(&io::ErrorKind::AlreadyExists)
        {
            GitError::Damaged {
                path: repo.git_dir().to_path_buf(),
                revision: self.remote.branch.clone(),
                reason: self.without_secrets(words(error)),
            }
        } else {
            self.failure(error)
        }
    }

    /// Sorts what connecting and listing can answer. The library types refusals; whether a
    /// repository exists is only in the words of the server or of ssh.
    fn failure(&self, error: &gix::Error) -> GitError {
        let origin = self.remote.source.to_string();
        if self.is_over() {
            return GitError::TimeLimit { origin, seconds: self.remote.options.time_limit.as_secs() };
        }
        let mut reason = self.without_secrets(words(error));
        if let Some(said) = store::beginning(&self.remote.ssh_says()) {
            fs::remove_file(self.remote.ssh_says()).ok();
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

    /// The library was never given a secret as a part of a URL; this is for what it might add.
    fn without_secrets(&self, mut text: String) -> String {
        let credentials = [self.credentials.as_ref(), self.remote.source.credentials()];
        let parts = credentials.into_iter().flatten().flat_map(|given| [&given.password, &given.username]);
        for secret in parts.chain(&self.remote.options.proxy) {
            // A word as short as `git` is no secret, and cutting it would only garble.
            if secret.expose().len() >= 6 {
                text = text.replace(secret.expose(), "…");
            }
        }
        text
    }
}

fn account(credentials: &Credentials) -> gix::sec::identity::Account {
    gix::sec::identity::Account {
        username: credentials.username.expose().to_string(),
        password: credentials.password.expose().to_string(),
        oauth_refresh_token: None,
    }
}

impl Remote {
    /// Where ssh's words go: the library recognises few of them and would print the others.
    fn ssh_says(&self) -> PathBuf {
        self.store.join("dagguard.ssh-says")
    }

    /// Where the number of the shell is that runs ssh.
    fn ssh_process(&self) -> PathBuf {
        self.store.join("dagguard.ssh-process")
    }

    /// The ssh command as a shell reads it.
    fn ssh(&self) -> String {
        let mut ssh = self.options.ssh_command.clone().unwrap_or_else(|| SSH.to_string());
        if let Some(key) = &self.options.ssh_key {
            ssh = format!("{ssh} -oIdentitiesOnly=yes -i {}", quoted(key));
        }
        if let Some(hosts) = &self.options.known_hosts {
            // Within its own quotes, as ssh itself splits the value at blanks.
            let hosts = quoted(Path::new(&format!("-oUserKnownHostsFile=\"{}\"", hosts.display())));
            ssh = format!("{ssh} {hosts} -oGlobalKnownHostsFile=/dev/null -oStrictHostKeyChecking=yes");
        }
        format!("echo $$ >{}; {ssh} 2>{}", quoted(&self.ssh_process()), quoted(&self.ssh_says()))
    }

    pub(super) fn open_options(&self) -> gix::open::Options {
        let limits = &self.options.limits;
        gix::open::Options::isolated().config_overrides([
            format!("core.sshCommand={}", self.ssh()),
            "ssh.variant=ssh".to_string(),
            // Writing a ref wants somebody to be named, though no reflog is kept.
            "user.name=dagguard".to_string(),
            "user.email=dagguard@localhost".to_string(),
            "core.logAllRefUpdates=false".to_string(),
            // No object is unpacked that is larger, whatever it says of itself.
            format!("gitoxide.objects.allocLimit={}", limits.object.max(4096)),
        ])
    }

    /// Ends an ssh that does not end: its peer may still trickle, which nothing else would stop.
    pub(super) fn end_ssh(&self) {
        let text = store::beginning(&self.ssh_process());
        let shell = text.and_then(|text| text.trim().parse::<i32>().ok());
        if let Some(shell) = shell {
            end(shell, 3);
            fs::remove_file(self.ssh_process()).ok();
        }
    }
}

/// Ends a process and what it started, if it is one of ours.
fn end(process: i32, deep: u32) {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    if deep > 0 {
        children.split_whitespace().filter_map(|child| child.parse().ok()).for_each(|child| end(child, deep - 1));
    }
    if let Some(process) = rustix::process::Pid::from_raw(process) {
        rustix::process::kill_process(process, rustix::process::Signal::KILL).ok();
    }
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
