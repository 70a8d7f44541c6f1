//! The git edge against real repositories: by path, over https and over ssh.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files, starts servers and may panic")]

use crate::repositories::{Scripted, Server, git, paths, text};
use dagguard::content::{BlobId, Refusal, Revision};
use dagguard::git::{GitError, Login, Options, Remote, Repository, Source};
use dagguard::secret::Secret;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FILES: [(&str, &str); 5] = [
    ("dags/a.py", "a = 1\n"),
    ("dags/sub/query.sql", "select 1\n"),
    ("plugins/operators/o.py", "o = 1\n"),
    ("shared/etl/dates.py", "d = 1\n"),
    ("docs/readme.md", "not content\n"),
];

fn remote(source: &str, store: &Path, options: Options) -> Remote {
    Remote::new(Source::parse(source).unwrap(), "main", store, options).unwrap()
}

fn by_path(scripted: &Scripted) -> Remote {
    remote(scripted.bare().to_str().unwrap(), &scripted.root().join("store"), Options::default())
}

#[test]
fn a_branch_is_fetched_without_history_and_read_without_checkout() {
    let scripted = Scripted::with(&FILES);
    scripted.write(&[("dags/a.py", "a = 2\n")]);
    let head = scripted.push("second");
    let remote = by_path(&scripted);

    let fetched = remote.fetch().unwrap();
    assert_eq!(fetched.revision.as_str(), head);
    assert!(fetched.objects > 0);
    let snapshot = remote.snapshot(&fetched.revision).unwrap();
    assert_eq!(paths(&snapshot), ["dags/a.py", "dags/sub/query.sql", "plugins/operators/o.py", "shared/etl/dates.py"]);
    assert_eq!(text(&snapshot, "dags/a.py"), "a = 2\n");
    // Bytes and ids are git's own.
    let listed = scripted.git(&["ls-tree", "-r", "HEAD", "dags", "plugins/operators", "plugins/sensors", "shared"]);
    let read: Vec<_> =
        snapshot.files().map(|(path, file)| format!("100644 blob {}\t{path}", BlobId::of(&file.bytes))).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), read);
    assert!(snapshot.files().all(|(_, file)| file.id == BlobId::of(&file.bytes)));
    let store = scripted.root().join("store/dagguard.git");
    assert_eq!(git(&store, &["rev-list", "--count", "refs/dagguard/proposed"]), "1");
}

#[test]
fn a_second_fetch_transfers_only_what_is_new() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted);
    let first = remote.fetch().unwrap();
    remote.keep(&first.revision).unwrap();
    assert_eq!(remote.fetch().unwrap().objects, 0);

    scripted.write(&[("dags/sub/new.py", "n = 1\n")]);
    let head = scripted.push("second");
    let second = remote.fetch().unwrap();
    assert_eq!(second.revision.as_str(), head);
    // A commit, three trees, a file; and what a thin pack is completed with.
    assert!((1..=8).contains(&second.objects), "{second:?}");
    assert_eq!(text(&remote.snapshot(&second.revision).unwrap(), "dags/sub/new.py"), "n = 1\n");
    // The deployed one can still be read.
    assert_eq!(paths(&remote.snapshot(&first.revision).unwrap()).len(), 4);
    let store = scripted.root().join("store/dagguard.git");
    git(&store, &["fsck", "--connectivity-only"]);
}

#[test]
fn a_store_that_has_grown_is_made_anew() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted);
    let packs = || fs::read_dir(scripted.root().join("store/dagguard.git/objects/pack")).unwrap().count() / 2;
    let mut most = 0;
    for n in 0..50 {
        scripted.write(&[("dags/a.py", &format!("a = {n}\n"))]);
        let head = scripted.push("next");
        assert_eq!(remote.fetch().unwrap().revision.as_str(), head);
        most = most.max(packs());
    }
    assert!((30..=45).contains(&most), "{most}");
    assert!(packs() < 15, "{}", packs());
    assert_eq!(text(&remote.snapshot(&remote.fetch().unwrap().revision).unwrap(), "dags/a.py"), "a = 49\n");
}

#[test]
fn rewritten_history_is_followed() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted);
    scripted.write(&[("dags/b.py", "b\n")]);
    scripted.push("second");
    remote.fetch().unwrap();
    scripted.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let back = scripted.push("other second");
    let fetched = remote.fetch().unwrap();
    assert_eq!(fetched.revision.as_str(), back);
    assert_eq!(paths(&remote.snapshot(&fetched.revision).unwrap()).len(), 4);
}

#[test]
fn a_missing_branch_names_those_that_exist() {
    let scripted = Scripted::with(&FILES);
    for name in ["a", "b", "c", "d", "e", "feature/x"] {
        scripted.git(&["push", "-q", "origin", &format!("HEAD:refs/heads/{name}")]);
    }
    let source = Source::parse(scripted.bare().to_str().unwrap()).unwrap();
    let store = scripted.root().join("store");
    let gone = Remote::new(source.clone(), "production", &store, Options::default()).unwrap();
    let error = gone.fetch().unwrap_err();
    let GitError::BranchMissing { seen, more, .. } = &error else { panic!("{error:?}") };
    assert_eq!((seen.join(" "), *more), ("a b c d e".to_string(), 2));
    assert!(!error.is_transient());
    assert_eq!(
        error.to_string().split_once("which has").unwrap().1,
        " `a`, `b`, `c`, `d`, `e` and 2 more: `production`"
    );

    scripted.git(&["tag", "-am", "release", "v1"]);
    scripted.git(&["push", "-q", "origin", "v1"]);
    let tag = Remote::new(source.clone(), "v1", &store, Options::default()).unwrap();
    let fetched = tag.fetch().unwrap();
    assert!(fetched.is_tag);
    assert_eq!(fetched.revision.as_str(), scripted.git(&["rev-parse", "HEAD"]));
    assert_eq!(tag.fetch().unwrap().objects, 0);

    let wrong = Remote::new(source, "a b:refs/heads/x", &store, Options::default());
    assert!(matches!(wrong, Err(GitError::Unusable { .. })));
}

#[test]
fn an_empty_repository_and_a_wrong_path_are_told_apart() {
    let scripted = Scripted::new();
    let error = by_path(&scripted).fetch().unwrap_err();
    assert!(matches!(error, GitError::Empty { .. }), "{error:?}");
    let error = remote("/nowhere/content.git", &scripted.root().join("s"), Options::default()).fetch().unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
}

#[test]
fn a_damaged_or_foreign_store_is_made_anew() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted);
    let head = remote.fetch().unwrap().revision;
    let store = scripted.root().join("store");
    let git_dir = store.join("dagguard.git");

    for entry in fs::read_dir(git_dir.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(path, "garbage").unwrap();
    }
    assert_eq!(paths(&remote.snapshot(&head).unwrap()).len(), 4);

    fs::remove_dir_all(git_dir.join("objects")).unwrap();
    assert_eq!(remote.fetch().unwrap().revision, head);
    assert_eq!(paths(&remote.snapshot(&head).unwrap()).len(), 4);

    // Locks of a process that was killed in the middle.
    for lock in ["refs/dagguard/proposed.lock", "shallow.lock", "packed-refs.lock"] {
        fs::write(git_dir.join(lock), "").unwrap();
        scripted.write(&[("dags/a.py", lock)]);
        let head = scripted.push(lock);
        assert_eq!(remote.fetch().unwrap().revision.as_str(), head, "{lock}");
        assert_eq!(text(&remote.snapshot(&Revision::new(head)).unwrap(), "dags/a.py"), lock);
    }
    let head = remote.fetch().unwrap().revision;

    fs::remove_dir_all(&git_dir).unwrap();
    fs::write(&git_dir, "a file").unwrap();
    fs::write(store.join("somebody's.txt"), "keep me").unwrap();
    assert_eq!(remote.fetch().unwrap().revision, head);
    assert_eq!(fs::read_to_string(store.join("somebody's.txt")).unwrap(), "keep me");

    // Root may write anywhere but below a file.
    fs::write(scripted.root().join("file"), "").unwrap();
    let blocked = scripted.root().join("file/store");
    let error = remote_at(&scripted, &blocked).fetch().unwrap_err();
    assert!(matches!(error, GitError::Store { .. }), "{error:?}");
}

fn remote_at(scripted: &Scripted, store: &Path) -> Remote {
    remote(scripted.bare().to_str().unwrap(), store, Options::default())
}

#[test]
fn what_cannot_be_content_is_refused_and_the_rest_is_read() {
    let scripted = Scripted::with(&FILES);
    scripted.write(&[
        ("dags/data.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
        ("dags/link.py", "-> a.py"),
        ("dags/back\\slash.py", ""),
    ]);
    scripted.git(&["add", "-A"]);
    let id = scripted.git(&["rev-parse", "HEAD"]);
    scripted.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},dags/module")]);
    scripted.git(&["commit", "-qm", "odd"]);
    scripted.git(&["push", "-q", "origin", "HEAD:main"]);
    let remote = by_path(&scripted);
    let snapshot = remote.snapshot(&remote.fetch().unwrap().revision).unwrap();
    assert_eq!(text(&snapshot, "dags/link.py"), "a.py");
    let kinds: Vec<_> = snapshot
        .refused()
        .iter()
        .map(|refusal| match refusal {
            Refusal::LfsPointer(path) => format!("lfs {path}"),
            Refusal::Submodule(path) => format!("submodule {path}"),
            other => format!("other {other}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "other the path holds a null byte or a backslash: `dags/back\\slash.py`",
            "lfs dags/data.csv",
            "submodule dags/module"
        ]
    );
}

#[test]
fn a_local_repository_answers_check_and_hook() {
    let scripted = Scripted::with(&FILES);
    let first = scripted.git(&["rev-parse", "HEAD"]);
    scripted.git(&["fetch", "-q", "origin"]);
    scripted.git(&["checkout", "-qb", "topic"]);
    scripted.write(&[("dags/a.py", "a = 3\n")]);
    scripted.git(&["commit", "-qam", "Change\n\nDagguard-Accept: 00 because"]);
    let repository = Repository::discover(&scripted.work().join("dags")).unwrap();
    let head = repository.resolve("HEAD").unwrap();
    assert_eq!(repository.resolve("main").unwrap().as_str(), first);
    assert_eq!(repository.merge_base("topic", "main").unwrap().as_str(), first);
    assert_eq!(repository.base_of_new_branch("origin", &head), Some(Revision::new(first.clone())));
    assert_eq!(repository.base_of_new_branch("https://elsewhere/x.git", &head), None);
    assert!(repository.has(&first) && !repository.has(&"0".repeat(40)));
    assert_eq!(text(&repository.snapshot(&head).unwrap(), "dags/a.py"), "a = 3\n");
    assert!(matches!(repository.resolve("nope"), Err(GitError::UnknownRevision { shallow: false, .. })));
    assert!(matches!(Repository::discover(Path::new("/")), Err(GitError::NoRepository { .. })));
}

/// A real https remote: `git http-backend` behind TLS with an authority of its own.
pub(crate) struct Https {
    server: Server,
    pub(crate) port: u16,
    pub(crate) authority: Vec<u8>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Https {
    pub(crate) fn start(scripted: &Scripted, login: Option<&str>) -> Self {
        let file = |name: &str| scripted.root().join(name).display().to_string();
        let openssl = |arguments: &str| {
            let made = Command::new("openssl").args(arguments.split(' ')).output().unwrap();
            assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        };
        let (authority, certificate, key) = (file("authority.pem"), file("certificate.pem"), file("key.pem"));
        let new = "req -x509 -newkey rsa:2048 -nodes -days 2";
        openssl(&format!("{new} -subj /CN=authority -keyout {} -out {authority}", file("authority.key")));
        openssl(&format!(
            "{new} -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
             -CA {authority} -CAkey {} -keyout {key} -out {certificate}",
            file("authority.key")
        ));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/git_https.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(scripted.root()).arg(&certificate).arg(&key).args(login);
        let mut server = Server::start(&mut command);
        let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| seen.lock().unwrap().push(line)));
        Self { server, port, authority: fs::read(authority).unwrap(), requests }
    }

    pub(crate) fn options(&self) -> Options {
        Options { certificates: Some(self.authority.clone()), ..Options::default() }
    }

    pub(crate) fn url(&self, login: &str, path: &str) -> String {
        format!("https://{login}localhost:{}/{path}", self.port)
    }

    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

#[test]
fn https_with_a_private_authority() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, None);
    let store = scripted.root().join("store");
    let trusting = remote(&https.url("", "content.git"), &store, https.options());
    let fetched = trusting.fetch().unwrap();
    assert_eq!(paths(&trusting.snapshot(&fetched.revision).unwrap()).len(), 4);
    https.take_requests();
    assert_eq!(trusting.fetch().unwrap().objects, 0);
    assert_eq!(https.take_requests().len(), 2, "a poll is a handshake and a listing");

    scripted.write(&[("dags/new.py", "n\n")]);
    let head = scripted.push("second");
    assert_eq!(trusting.fetch().unwrap().revision.as_str(), head);

    let suspicious = remote(&https.url("", "content.git"), &store, Options::default());
    let error = suspicious.fetch().unwrap_err();
    assert!(matches!(&error, GitError::Unreachable { reason, .. } if reason.contains("certificate")), "{error:?}");

    let error = remote(&https.url("", "nowhere.git"), &store, https.options()).fetch().unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    let error = remote(&https.url("", "broken/content.git"), &store, https.options()).fetch().unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert!(error.is_transient());
    drop(https.server);
    let error = trusting.fetch().unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
}

#[test]
fn https_with_a_token_that_never_shows() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, Some("oauth2:glpat-s3cret-token"));
    let store = scripted.root().join("store");

    let in_the_url = remote(&https.url("oauth2:glpat-s3cret-token@", "content.git"), &store, https.options());
    in_the_url.fetch().unwrap();
    assert_eq!(https.take_requests().iter().filter(|line| line.ends_with("anonymous")).count(), 0);

    let login = Login::Token(Secret::new("glpat-s3cret-token").into());
    let given = remote(&https.url("", "content.git"), &store, Options { login, ..https.options() });
    given.fetch().unwrap();

    let none = remote(&https.url("", "content.git"), &store, https.options());
    let wrong = remote(&https.url("oauth2:glpat-wr0ng-token@", "content.git"), &store, https.options());
    for remote in [none, wrong] {
        let error = remote.fetch().unwrap_err();
        assert!(matches!(error, GitError::Authentication { .. }), "{error:?}");
        assert!(!format!("{error} {error:?} {remote:?}").contains("glpat"), "{error:?} {remote:?}");
    }
    assert!(!format!("{in_the_url:?} {given:?}").contains("glpat"));
    // Nothing in the store holds it either.
    let found = Command::new("grep").args(["-r", "glpat"]).arg(&store).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn a_silent_server_ends_with_the_time_limit() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, None);
    let store = scripted.root().join("store");
    let options = Options { silence_limit: Duration::from_secs(1), ..https.options() };
    let begun = Instant::now();
    let error = remote(&https.url("", "silent/content.git"), &store, options).fetch().unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    let options = Options { time_limit: Duration::from_millis(300), ..https.options() };
    let error = remote(&https.url("", "silent/content.git"), &store, options).fetch().unwrap_err();
    assert!(matches!(error, GitError::TimeLimit { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// A real OpenSSH server on loopback, for this user only.
pub(crate) struct Sshd {
    _server: Server,
    pub(crate) port: u16,
    pub(crate) dir: PathBuf,
}

/// The path of sshd; a test without it fails and says what to install, unless only what is
/// available was asked for.
pub(crate) fn sshd_program() -> Option<&'static str> {
    let found = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
    let lenient = std::env::var("DAGGUARD_TEST_LIVE").is_ok_and(|value| value == "available");
    assert!(found.is_some() || lenient, "this test needs the package openssh-server");
    if found.is_none() {
        // Past the runner, which keeps what a test that passes prints.
        writeln!(std::io::stderr(), "not run: the ssh remote, which needs the package openssh-server").ok();
    }
    found
}

impl Sshd {
    pub(crate) fn start(scripted: &Scripted, program: &str) -> Self {
        let dir = scripted.root().join("ssh");
        fs::create_dir(&dir).unwrap();
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.join(name))
                .status()
                .unwrap();
            assert!(made.success());
        }
        fs::copy(dir.join("user.pub"), dir.join("authorized")).unwrap();
        // OpenSSH wants this folder when it runs as root, whoever installed it.
        fs::create_dir_all("/run/sshd").ok();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n\
             KbdInteractiveAuthentication no\n",
            dir.display()
        );
        fs::write(dir.join("config"), config).unwrap();
        let mut command = Command::new(program);
        command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stderr(fs::File::create(dir.join("log")).unwrap());
        let server = Server::start(&mut command);
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{}", fs::read_to_string(dir.join("log")).unwrap());
            std::thread::yield_now();
        }
        let host = fs::read_to_string(dir.join("host.pub")).unwrap();
        fs::write(dir.join("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        Self { _server: server, port, dir }
    }

    fn options(&self, key: &str, known: &str) -> Options {
        let dir = self.dir.display();
        let command = format!(
            "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -i {dir}/{key} -o UserKnownHostsFile={dir}/{known}"
        );
        Options { ssh_command: Some(command), ..Options::default() }
    }
}

#[test]
fn ssh_with_a_key_and_a_known_host() {
    let Some(program) = sshd_program() else { return };
    let scripted = Scripted::with(&FILES);
    let sshd = Sshd::start(&scripted, program);
    let store = scripted.root().join("store");
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let url = |path: &Path| format!("ssh://{}@127.0.0.1:{}{}", user.trim(), sshd.port, path.display());
    let content = url(&scripted.bare());

    let trusted = remote(&content, &store, sshd.options("user", "known"));
    let fetched = trusted.fetch().unwrap();
    assert_eq!(paths(&trusted.snapshot(&fetched.revision).unwrap()).len(), 4);
    scripted.write(&[("dags/new.py", "n\n")]);
    let head = scripted.push("second");
    assert_eq!(trusted.fetch().unwrap().revision.as_str(), head);

    let stranger = remote(&content, &store, sshd.options("user", "nobody-known"));
    let error = stranger.fetch().unwrap_err();
    assert!(matches!(error, GitError::Authentication { .. }), "{error:?}");
    let keyless = remote(&content, &store, sshd.options("host", "known"));
    let error = keyless.fetch().unwrap_err();
    assert!(matches!(error, GitError::Authentication { .. }), "{error:?}");
    let misplaced = remote(&url(Path::new("/nowhere.git")), &store, sshd.options("user", "known"));
    let error = misplaced.fetch().unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
}
