//! How a branch is reached and followed: every carrier of a credential, servers that do not end,
//! what becomes of a branch, and the history behind a verdict.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files, starts servers and programs, and may panic"
)]

use crate::check::ETL;
use crate::program::{Output, command, with};
use crate::remotes::{Https, Sshd, sshd_program};
use crate::repositories::{Scripted, Server, git, paths};
use dagguard::content::{File, Outline, Outlined, Revision, Snapshot};
use dagguard::git::{Ancestry, GitError, Limits, Login, Options, Remote, Signers, Source};
use dagguard::secret::{Secret, SecretSource};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: [(&str, &str); 2] = [("dags/etl.py", ETL), ("shared/dates/__init__.py", "x = 1\n")];

fn remote_of(source: &str, branch: &str, scripted: &Scripted, options: Options) -> Remote {
    Remote::new(Source::parse(source).unwrap(), branch, &scripted.root().join("store"), options).unwrap()
}

fn by_path(scripted: &Scripted, options: Options) -> Remote {
    remote_of(scripted.bare().to_str().unwrap(), "main", scripted, options)
}

/// The lines of the tree below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> String {
    let found = Command::new("grep").args(["-r", "-l", text]).arg(folder).output().unwrap();
    String::from_utf8(found.stdout).unwrap()
}

const SECRET: &str = "glpat-s3cret-t0ken";

/// Runs one pass of the program against an https remote that wants the secret, with these variables.
fn pass(scripted: &Scripted, https: &Https, url: &str, more: &[(&str, &str)]) -> Output {
    let home = scripted.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let authority = scripted.root().join("authority.pem");
    assert_eq!(fs::read(&authority).unwrap(), https.authority);
    let folder = scripted.root().join("clone");
    let mut variables = vec![
        ("AIRFLOW_HOME", home.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", url),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", folder.to_str().unwrap()),
        ("DAGGUARD_CA_BUNDLE", authority.to_str().unwrap()),
        ("DAGGUARD_LOG_FORMAT", "json"),
        ("DAGGUARD_NO_LIVE", "true"),
    ];
    variables.extend(more);
    with(scripted.root(), &["sync", "--once", "-vv"], &variables, "")
}

/// What it is called, the server, the URL, the variables, and whether it delivers.
type Case<'a> = (&'a str, &'a Https, &'a str, Vec<(&'a str, &'a str)>, bool);

#[test]
fn no_carrier_of_a_credential_shows_it_anywhere() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, Some(&format!("bot:{SECRET}")));
    let token_server = Https::start(&scripted, Some(&format!("oauth2:{SECRET}")));
    let secrets = scripted.root().join("secrets");
    fs::create_dir(&secrets).unwrap();
    let file = |name: &str, text: &str| {
        fs::write(secrets.join(name), text).unwrap();
        secrets.join(name).to_str().unwrap().to_string()
    };
    let (right, wrong) = (file("right", &format!("{SECRET}\n")), file("wrong", "glpat-wr0ng-t0ken\n"));
    let user = file("user", "bot\n");
    let helper = file("helper", &format!("cat > /dev/null; echo username=bot; echo password={SECRET}"));
    let complaining = file("complaining", &format!("echo {SECRET} >&2; echo {SECRET}; exit 1"));
    let helper = format!("sh {helper}");
    let complaining = format!("sh {complaining}");
    let in_the_url = https.url(&format!("bot:{SECRET}@"), "content.git");
    let plain = https.url("", "content.git");
    let token_url = token_server.url("", "content.git");
    let cases: [Case<'_>; 9] = [
        ("in the URL", &https, &in_the_url, vec![], true),
        ("token file", &token_server, &token_url, vec![("DAGGUARD_GIT_TOKEN_FILE", &right)], true),
        ("token", &token_server, &token_url, vec![("DAGGUARD_GIT_TOKEN", SECRET)], true),
        ("wrong token", &token_server, &token_url, vec![("DAGGUARD_GIT_TOKEN_FILE", &wrong)], false),
        (
            "user and password files",
            &https,
            &plain,
            vec![("DAGGUARD_GIT_USERNAME_FILE", &user), ("DAGGUARD_GIT_PASSWORD_FILE", &right)],
            true,
        ),
        ("password", &https, &plain, vec![("DAGGUARD_GIT_USERNAME", "bot"), ("DAGGUARD_GIT_PASSWORD", SECRET)], true),
        ("command", &https, &plain, vec![("DAGGUARD_GIT_CREDENTIAL_COMMAND", &helper)], true),
        ("failing command", &https, &plain, vec![("DAGGUARD_GIT_CREDENTIAL_COMMAND", &complaining)], false),
        ("none", &https, &plain, vec![], false),
    ];
    // Both servers wrote their own authority to one place; the last one's is on disk.
    for (what, server, url, variables, delivers) in cases {
        fs::write(scripted.root().join("authority.pem"), &server.authority).unwrap();
        for folder in ["home", "clone"] {
            fs::remove_dir_all(scripted.root().join(folder)).ok();
        }
        let output = pass(&scripted, server, url, &variables);
        assert_eq!(output.code == 0, delivers, "{what}: {}", output.stderr);
        for hidden in [SECRET, "glpat-wr0ng", "Ym90Om"] {
            assert!(!output.stderr.contains(hidden) && output.stdout.is_empty(), "{what}: {}", output.stderr);
            for folder in ["home", "clone"] {
                assert_eq!(holding(&scripted.root().join(folder), hidden), "", "{what}");
            }
        }
    }
    // Two carriers at once say nothing of it either.
    let output = pass(&scripted, &https, &in_the_url, &[("DAGGUARD_GIT_TOKEN", SECRET)]);
    assert!(output.code == 2 && !output.stderr.contains(SECRET), "{}", output.stderr);
}

#[test]
fn a_credential_is_in_no_list_of_processes_while_it_is_used() {
    // One of its own: other tests look for theirs with a program that has it in its arguments.
    const SECRET: &str = "glpat-0nly-here";
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, Some(&format!("bot:{SECRET}")));
    let home = scripted.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let helper = scripted.root().join("helper");
    fs::write(&helper, format!("echo username=bot; echo password={SECRET}; sleep 3")).unwrap();
    let source = https.url("", "silent/content.git");
    let helper = format!("sh {}", helper.display());
    let variables = [
        ("AIRFLOW_HOME", home.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", source.as_str()),
        ("DAGGUARD_CA_BUNDLE", &scripted.root().join("authority.pem").display().to_string()),
        ("DAGGUARD_GIT_CREDENTIAL_COMMAND", &helper),
    ]
    .map(|(name, value)| (name, value.to_string()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let child = command(scripted.root(), &["sync", "--no-live"], &variables)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _child = Server { child };
    let begun = Instant::now();
    let mut seen = 0;
    while begun.elapsed() < Duration::from_secs(4) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            // The server of this test has it there.
            assert!(!line.contains(SECRET) || line.contains("git_https.py"), "{line}");
            seen += usize::from(line.contains("helper"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(seen > 0, "the helper was never seen");
}

#[test]
fn a_renewed_credential_counts_at_the_next_poll() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, Some(&format!("oauth2:{SECRET}")));
    let file = scripted.root().join("token");
    fs::write(&file, "glpat-outdated").unwrap();
    let login = Login::Token(SecretSource::File(file.clone()));
    let remote = remote_of(&https.url("", "content.git"), "main", &scripted, Options { login, ..https.options() });
    let error = remote.fetch().unwrap_err();
    assert!(matches!(error, GitError::Authentication { .. }), "{error:?}");
    fs::write(&file, SECRET).unwrap();
    remote.fetch().unwrap();
    https.take_requests();
    // A poll without news is one handshake and one listing, with the credential at once.
    remote.fetch().unwrap();
    let requests = https.take_requests();
    assert!(requests.len() == 2 && requests.iter().all(|line| line.ends_with("auth")), "{requests:?}");
    fs::remove_file(&file).unwrap();
    let error = remote.fetch().unwrap_err();
    assert!(matches!(error, GitError::Credential { .. }) && error.is_transient(), "{error:?}");
}

#[test]
fn a_credential_is_never_sent_unencrypted() {
    let scripted = Scripted::with(&FILES);
    let login = Login::Token(Secret::new(SECRET).into());
    let remote =
        remote_of("http://127.0.0.1:9/content.git", "main", &scripted, Options { login, ..Options::default() });
    let error = remote.fetch().unwrap_err();
    assert!(matches!(error, GitError::Unusable { .. }) && !format!("{error:?}").contains(SECRET), "{error:?}");
}

/// A proxy for one host that wants a password; returns its port.
fn proxy(expected: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || tunnel(stream, expected));
        }
    });
    port
}

fn tunnel(mut client: TcpStream, expected: &str) -> Option<()> {
    let mut lines = BufReader::new(client.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    if !headers
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("proxy-authorization") && line.ends_with(expected))
    {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").ok()?;
        return None;
    }
    let mut server = TcpStream::connect(first.split(' ').nth(1)?).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to).ok());
    std::io::copy(&mut server, &mut client).ok().map(drop)
}

#[test]
fn https_goes_through_a_proxy_whose_password_never_shows() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, None);
    // bot:pr0xy-s3cret in base64.
    let port = proxy("Ym90OnByMHh5LXMzY3JldA==");
    let through = |login: &str| Options {
        proxy: Some(Secret::new(format!("http://{login}@127.0.0.1:{port}"))),
        silence_limit: Duration::from_secs(5),
        ..https.options()
    };
    let url = https.url("", "content.git");
    let remote = remote_of(&url, "main", &scripted, through("bot:pr0xy-s3cret"));
    assert_eq!(paths(&remote.snapshot(&remote.fetch().unwrap().revision).unwrap()).len(), 2);
    let remote = remote_of(&url, "main", &scripted, through("bot:wr0ng-s3cret"));
    let error = remote.fetch().unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {remote:?}").contains("s3cret"), "{error:?}");
    // Where none is set, none of the environment is used: the tests before ran without.
    let nobody = Options { proxy: Some(Secret::new("http://127.0.0.1:9")), ..https.options() };
    assert!(remote_of(&url, "main", &scripted, nobody).fetch().is_err());
}

#[test]
fn a_server_that_trickles_ends_with_the_time_limit_and_leaves_nothing_behind() {
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, None);
    let limits =
        Options { time_limit: Duration::from_secs(1), silence_limit: Duration::from_secs(1), ..https.options() };
    let remote = remote_of(&https.url("", "trickle/content.git"), "main", &scripted, limits);
    for _ in 0..2 {
        let begun = Instant::now();
        let error = remote.fetch().unwrap_err();
        assert!(matches!(error, GitError::TimeLimit { .. }), "{error:?}");
        // Not at once, which would mean that the last one is still there.
        assert!(
            (Duration::from_millis(900)..Duration::from_secs(5)).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        std::thread::sleep(Duration::from_millis(1500));
    }
}

#[test]
fn an_ssh_that_trickles_is_ended_with_all_that_it_started() {
    let scripted = Scripted::with(&FILES);
    let marks = scripted.root().join("marks");
    let script = scripted.root().join("trickle.sh");
    fs::write(&script, format!("echo $$ >> {}\nwhile :; do printf 0; sleep 0.2; done\n", marks.display())).unwrap();
    let options = Options {
        ssh_command: Some(format!("sh {}", script.display())),
        time_limit: Duration::from_secs(1),
        ..Options::default()
    };
    let remote = remote_of("ssh://git@127.0.0.1/content.git", "main", &scripted, options);
    let error = remote.fetch().unwrap_err();
    assert!(matches!(error, GitError::TimeLimit { .. }), "{error:?}");
    let end = Instant::now() + Duration::from_secs(5);
    let marks = fs::read_to_string(marks).unwrap();
    let alive = |process: &str| {
        let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.contains("trickle.sh")
    };
    while marks.lines().any(alive) {
        assert!(Instant::now() < end, "still there: {marks}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn ssh_takes_the_key_and_trusts_the_hosts_that_are_named_and_no_others() {
    let Some(program) = sshd_program() else { return };
    let scripted = Scripted::with(&FILES);
    let sshd = Sshd::start(&scripted, program);
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let url = format!("ssh://{}@127.0.0.1:{}{}", user.trim(), sshd.port, scripted.bare().display());
    let options = |key: &str, hosts: &str| Options {
        ssh_key: Some(sshd.dir.join(key)),
        known_hosts: Some(sshd.dir.join(hosts)),
        ..Options::default()
    };
    // A path with a blank, as volumes have them.
    fs::copy(sshd.dir.join("known"), sshd.dir.join("known hosts")).unwrap();
    for hosts in ["known", "known hosts"] {
        remote_of(&url, "main", &scripted, options("user", hosts)).fetch().unwrap();
    }
    fs::write(sshd.dir.join("none"), "").unwrap();
    for (key, hosts) in [("user", "none"), ("host", "known")] {
        let error = remote_of(&url, "main", &scripted, options(key, hosts)).fetch().unwrap_err();
        assert!(matches!(error, GitError::Authentication { .. }), "{key} {hosts}: {error:?}");
    }
}

/// Pushes a commit of one changed file.
fn change(scripted: &Scripted, text: &str) -> String {
    scripted.write(&[("dags/other.py", &format!("x = \"{text}\"\n"))]);
    scripted.push(text)
}

#[test]
fn a_branch_that_goes_on_and_one_that_was_rewritten_are_told_apart() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted, Options::default());
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Unasked);
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Unasked);
    change(&scripted, "one");
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Descends);
    for text in ["two", "three", "four"] {
        change(&scripted, text);
    }
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Descends, "several at once");
    scripted.git(&["checkout", "-q", "-b", "topic", "HEAD~2"]);
    scripted.write(&[("dags/topic.py", "t = 1\n")]);
    scripted.git(&["add", "-A"]);
    scripted.git(&["commit", "-qm", "topic"]);
    scripted.git(&["checkout", "-q", "main"]);
    scripted.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    scripted.git(&["push", "-q", "origin", "HEAD:main"]);
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Descends, "a merge");
    scripted.git(&["reset", "-q", "--hard", "HEAD~3"]);
    change(&scripted, "other");
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Rewritten);
    scripted.git(&["reset", "-q", "--hard", "HEAD~1"]);
    scripted.git(&["push", "-qf", "origin", "HEAD:main"]);
    assert_eq!(remote.fetch().unwrap().ancestry, Ancestry::Rewritten, "set back");
    let short = Options { deepest: 3, ..Options::default() };
    for n in 0..6 {
        change(&scripted, &n.to_string());
    }
    assert_eq!(by_path(&scripted, short).fetch().unwrap().ancestry, Ancestry::Unreached);
}

/// Runs one pass on a home of its own, with these variables.
fn once(scripted: &Scripted, more: &[(&str, &str)]) -> Output {
    let home = scripted.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let (source, folder) = (scripted.bare(), scripted.root().join("clone"));
    let mut variables = vec![
        ("AIRFLOW_HOME", home.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", source.to_str().unwrap()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", folder.to_str().unwrap()),
        ("DAGGUARD_LOG_FORMAT", "json"),
    ];
    variables.extend(more);
    with(scripted.root(), &["sync", "--once"], &variables, "")
}

#[test]
fn whatever_becomes_of_the_branch_is_said_in_the_log() {
    let scripted = Scripted::with(&FILES);
    assert_eq!(once(&scripted, &[]).code, 0);
    let deployed = || fs::read_dir(scripted.root().join("home/dags")).unwrap().count();
    let said = |output: &Output, words: &str| {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
        assert!(deployed() > 0);
    };

    change(&scripted, "one");
    once(&scripted, &[]);
    scripted.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    scripted.git(&["push", "-qf", "origin", "HEAD:main"]);
    let output = once(&scripted, &[]);
    said(&output, "the branch was rewritten");
    assert_eq!(output.code, 0, "{}", output.stderr);

    scripted.git(&["push", "-q", "origin", "HEAD:refs/heads/trunk", ":main"]);
    let output = once(&scripted, &[]);
    said(&output, "the branch does not exist");
    said(&output, "is the newest of `trunk`, perhaps it was renamed");
    assert_eq!(output.code, 3);

    scripted.git(&["tag", "main"]);
    scripted.git(&["push", "-q", "origin", "refs/tags/main"]);
    said(&once(&scripted, &[]), "following the tag of that name");

    scripted.git(&["push", "-q", "origin", ":refs/tags/main", ":refs/heads/trunk"]);
    said(&once(&scripted, &[]), "the repository is empty");
}

#[test]
fn the_deployed_commit_outlives_repacking_and_comes_back_into_an_empty_store() {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted, Options::default());
    let deployed = remote.fetch().unwrap().revision;
    remote.keep(&deployed).unwrap();
    let store = scripted.root().join("store/dagguard.git");
    let packs = || fs::read_dir(store.join("objects/pack")).unwrap().count() / 2;
    let mut most = 0;
    for n in 0..45 {
        change(&scripted, &n.to_string());
        remote.fetch().unwrap();
        most = most.max(packs());
    }
    assert!((30..=45).contains(&most) && packs() < 15, "{most} {}", packs());
    assert_eq!(paths(&remote.snapshot(&deployed).unwrap()).len(), 2);
    git(&store, &["fsck", "--connectivity-only"]);

    fs::remove_dir_all(&store).unwrap();
    remote.fetch().unwrap();
    assert!(remote.recall(&deployed).unwrap());
    assert_eq!(paths(&remote.snapshot(&deployed).unwrap()).len(), 2);
    assert!(!remote.recall(&Revision::new("disk")).unwrap());
    let nowhere = Revision::new("1".repeat(40));
    assert!(!remote.recall(&nowhere).unwrap());
    assert!(!remote.recall(&nowhere).unwrap(), "it is not asked for again");

    // What a fetch that was killed left behind goes; what may be another one's work stays.
    let [left, young] = ["left.tmp", "young.tmp"].map(|name| store.join("objects/pack").join(name));
    fs::write(&young, "").unwrap();
    let hours_ago = std::time::SystemTime::now() - Duration::from_hours(2);
    fs::File::create(&left).unwrap().set_modified(hours_ago).unwrap();
    remote.fetch().unwrap();
    assert!(!left.exists() && young.exists());

    // Cut off between the two renames of an exchange.
    fs::rename(&store, scripted.root().join("store/dagguard.git.old")).unwrap();
    remote.fetch().unwrap();
    assert_eq!(paths(&remote.snapshot(&deployed).unwrap()).len(), 2);
}

/// Every run is assumed, for nobody listens there.
const UNSEEN: (&str, &str) = ("DAGGUARD_AIRFLOW_URL", "http://127.0.0.1:9");

/// A rename on a branch of its own, merged into main together with other work; the trailer that
/// accepts it stands in the middle of that branch.
fn merged(scripted: &Scripted, trailer: &str) -> String {
    scripted.git(&["checkout", "-q", "-b", "topic"]);
    scripted.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_all\""))]);
    scripted.git(&["commit", "-qam", &format!("rename\n\n{trailer}")]);
    for n in 0..3 {
        scripted.write(&[("shared/dates/__init__.py", &format!("x = {n}\n"))]);
        scripted.git(&["commit", "-qam", "more"]);
    }
    scripted.git(&["checkout", "-q", "main"]);
    change(scripted, "meanwhile");
    scripted.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    scripted.git(&["push", "-qf", "origin", "HEAD:main"]);
    scripted.git(&["rev-parse", "HEAD"])
}

fn fingerprint(output: &Output) -> String {
    let line = output.stderr.split("Dagguard-Accept: ").nth(1).unwrap_or_else(|| panic!("{}", output.stderr));
    line.split_whitespace().next().unwrap().to_string()
}

#[test]
fn a_trailer_inside_a_merged_branch_gives_ci_and_the_sidecar_the_same_verdict() {
    let accept = {
        let scripted = Scripted::with(&FILES);
        once(&scripted, &[]);
        merged(&scripted, "nothing");
        let output = once(&scripted, &[UNSEEN]);
        assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
        fingerprint(&output)
    };
    for (trailer, code, outcome) in [
        (format!("Dagguard-Accept: {accept} the table is empty"), 0, "unjudged"),
        (format!("Dagguard-Accept: {} the table is empty", "0".repeat(16)), 1, "blocked"),
    ] {
        let scripted = Scripted::with(&FILES);
        assert_eq!(once(&scripted, &[]).code, 0);
        let deployed = scripted.git(&["rev-parse", "HEAD"]);
        merged(&scripted, &trailer);
        let output = once(&scripted, &[UNSEEN]);
        assert!(output.stderr.contains(&format!("\"outcome\":\"{outcome}\"")), "{trailer}: {}", output.stderr);
        let ci = with(&scripted.work(), &["check", "HEAD", "--against", &deployed], &[UNSEEN], "");
        assert_eq!(ci.code, code, "{trailer}: {}{}", ci.stdout, ci.stderr);
    }
}

#[test]
fn a_trailer_that_was_delivered_already_accepts_nothing_more() {
    says_what_is_new_alone(60);
}

#[test]
fn commits_of_one_second_are_told_apart_by_their_ancestors() {
    // As a rebase makes them: no order of time says which side of a history's end one stands on.
    says_what_is_new_alone(0);
}

/// A topic branch is merged, delivered, goes on and is merged again: the way between says its new words
/// alone, though its old ones are ancestors of what is deployed by another way than the shortest.
fn says_what_is_new_alone(seconds_between: u64) {
    let scripted = Scripted::with(&FILES);
    let remote = by_path(&scripted, Options::default());
    let mut now = 1_700_000_000;
    let mut at = |arguments: &[&str]| {
        now += seconds_between;
        scripted.git_at(now, arguments);
    };
    at(&["commit", "-q", "--amend", "-m", "first"]);
    at(&["checkout", "-q", "-b", "topic"]);
    at(&["commit", "-q", "--allow-empty", "-m", "old words"]);
    at(&["checkout", "-q", "main"]);
    for n in 0..25 {
        at(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
    }
    at(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    at(&["push", "-qf", "origin", "HEAD:main"]);
    let deployed = remote.fetch().unwrap().revision;
    remote.keep(&deployed).unwrap();
    at(&["checkout", "-q", "topic"]);
    at(&["commit", "-q", "--allow-empty", "-m", "new words"]);
    at(&["checkout", "-q", "main"]);
    at(&["merge", "-q", "--no-ff", "-m", "merge again", "topic"]);
    at(&["push", "-qf", "origin", "HEAD:main"]);
    let proposed = remote.fetch().unwrap().revision;
    let history = remote.deepened_history(&deployed, &proposed).unwrap();
    let mut texts: Vec<&str> = history.messages.iter().map(|message| message.text.trim()).collect();
    texts.sort_unstable();
    assert!(history.reached, "{texts:?}");
    assert_eq!(texts, ["merge again", "new words"]);
}

#[test]
fn where_the_deployed_commit_is_out_of_reach_only_the_newest_speaks_and_that_is_said() {
    let scripted = Scripted::with(&FILES);
    assert_eq!(once(&scripted, &[]).code, 0);
    merged(&scripted, "nothing");
    let accept = fingerprint(&once(&scripted, &[UNSEEN]));
    scripted.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\nDagguard-Accept: {accept} empty")]);
    for n in 0..5 {
        change(&scripted, &n.to_string());
    }
    let short = ("DAGGUARD_DEEPEST_HISTORY", "3");
    let output = once(&scripted, &[UNSEEN, short]);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    assert!(output.stderr.contains("the deployed commit was not reached"), "{}", output.stderr);
    scripted.git(&["commit", "-q", "--allow-empty", "-m", &format!("again\n\nDagguard-Accept: {accept} empty")]);
    scripted.git(&["push", "-qf", "origin", "HEAD:main"]);
    let output = once(&scripted, &[UNSEEN, short]);
    assert!(output.stderr.contains("\"outcome\":\"unjudged\""), "the newest speaks: {}", output.stderr);
}

/// Signs a commit with this key and pushes it.
fn signed(scripted: &Scripted, text: &str, settings: &[&str]) -> String {
    scripted.write(&[("dags/other.py", &format!("x = \"{text}\"\n"))]);
    scripted.git(&["add", "-A"]);
    let mut arguments: Vec<&str> = settings.iter().flat_map(|setting| ["-c", *setting]).collect();
    arguments.extend(["commit", "-q", "-S", "-m", text]);
    scripted.git(&arguments);
    scripted.git(&["push", "-qf", "origin", "HEAD:main"]);
    scripted.git(&["rev-parse", "HEAD"])
}

#[test]
fn only_commits_signed_by_an_allowed_ssh_key_are_taken_where_that_is_wanted() {
    let scripted = Scripted::with(&FILES);
    let key = |name: &str| {
        let path = scripted.root().join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        path
    };
    let (ours, theirs) = (key("ours"), key("theirs"));
    let allowed = scripted.root().join("allowed");
    let public = fs::read_to_string(ours.with_extension("pub")).unwrap();
    fs::write(&allowed, format!("dev@example.com {public}")).unwrap();
    let signers = Signers { ssh: Some(allowed), gpg: None };
    let remote = by_path(&scripted, Options { signers: Some(signers), ..Options::default() });
    let refused = |words: &str| {
        let error = remote.fetch().unwrap_err();
        assert!(matches!(error, GitError::Signature { .. }) && error.to_string().contains(words), "{error}");
        assert!(error.refused().is_some());
    };
    refused("the commit has none");
    let by = |key: &Path| ["gpg.format=ssh".to_string(), format!("user.signingkey={}", key.display())];
    let ours = by(&ours);
    let head = signed(&scripted, "ours", &[&ours[0], &ours[1]]);
    assert_eq!(remote.fetch().unwrap().revision.as_str(), head);
    assert_eq!(remote.fetch().unwrap().revision.as_str(), head);
    let theirs = by(&theirs);
    signed(&scripted, "theirs", &[&theirs[0], &theirs[1]]);
    refused("not among the allowed ones");
    // Somebody else's words under a good signature.
    let good = scripted.git(&["cat-file", "commit", &head]);
    let forged = good.replace("\n\nours", "\n\nforged");
    fs::write(scripted.root().join("forged"), format!("{forged}\n")).unwrap();
    let path = scripted.root().join("forged");
    let id = git(&scripted.bare(), &["hash-object", "-w", "-t", "commit", path.to_str().unwrap()]);
    git(&scripted.bare(), &["update-ref", "refs/heads/main", &id]);
    refused("does not fit the commit");

    // The pass is a hold: what is deployed is whole.
    let allowed = scripted.root().join("allowed");
    let output = once(&scripted, &[("DAGGUARD_ALLOWED_SIGNERS", allowed.to_str().unwrap())]);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    assert_eq!(output.code, 3, "there is nothing deployed: {}", output.stderr);
}

#[test]
fn only_commits_signed_by_a_key_of_the_gpg_home_are_taken_where_that_is_wanted() {
    if Command::new("gpg").arg("--version").output().is_err() {
        let lenient = std::env::var("DAGGUARD_TEST_LIVE").is_ok_and(|value| value == "available");
        assert!(lenient, "this test needs the package gnupg");
        writeln!(std::io::stderr(), "not run: signatures by gpg, which need the package gnupg").ok();
        return;
    }
    let scripted = Scripted::with(&FILES);
    // The socket of its agent has little room for a path.
    let short = tempfile::Builder::new().prefix("g").tempdir_in("/tmp").unwrap();
    let home = |name: &str| {
        let home = short.path().join(name);
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        home
    };
    let (ours, empty) = (home("a"), home("b"));
    let made = Command::new("gpg")
        .arg("--homedir")
        .arg(&ours)
        .args(["--batch", "--passphrase", "", "--quick-generate-key", "dev@example.com", "ed25519", "sign"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let wrapper = scripted.root().join("gpg.sh");
    fs::write(&wrapper, format!("#!/bin/sh\nexec gpg --homedir {} \"$@\"\n", ours.display())).unwrap();
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = format!("gpg.program={}", wrapper.display());
    let head = signed(&scripted, "ours", &[&program, "user.signingkey=dev@example.com"]);
    let with = |home: &Path| {
        let signers = Signers { ssh: None, gpg: Some(home.to_path_buf()) };
        by_path(&scripted, Options { signers: Some(signers), ..Options::default() })
    };
    assert_eq!(with(&ours).fetch().unwrap().revision.as_str(), head);
    let error = with(&empty).fetch().unwrap_err();
    assert!(error.to_string().contains("not among the allowed ones"), "{error}");
    change(&scripted, "unsigned");
    let error = with(&ours).fetch().unwrap_err();
    assert!(error.to_string().contains("the commit has none"), "{error}");
    for home in [&ours, &empty] {
        Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).status().ok();
    }
}

#[test]
fn a_missing_helper_for_signatures_is_named() {
    let scripted = Scripted::with(&FILES);
    signed_by_hand(&scripted);
    let home = scripted.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let bin = scripted.root().join("bin");
    fs::create_dir(&bin).unwrap();
    // git serves the branch; gpg and ssh-keygen are not there.
    for program in ["git", "git-upload-pack", "sh"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        if !found.trim().is_empty() {
            std::os::unix::fs::symlink(found.trim(), bin.join(program)).unwrap();
        }
    }
    let output = once(&scripted, &[("PATH", bin.to_str().unwrap()), ("DAGGUARD_GPG_HOME", home.to_str().unwrap())]);
    assert!(output.stderr.contains("`gpg`, which looks at it, is not installed"), "{}", output.stderr);
}

/// A commit that says it is signed.
fn signed_by_hand(scripted: &Scripted) {
    let commit = scripted.git(&["cat-file", "commit", "HEAD"]);
    let (head, message) = commit.split_once("\n\n").unwrap();
    let text =
        format!("{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n\n{message}\n");
    let path = scripted.root().join("signed");
    fs::write(&path, text).unwrap();
    let id = git(&scripted.bare(), &["hash-object", "-w", "-t", "commit", path.to_str().unwrap()]);
    git(&scripted.bare(), &["update-ref", "refs/heads/main", &id]);
}

#[test]
fn a_login_is_read_by_the_program_as_git_would() {
    // The question that a helper of git gets.
    let scripted = Scripted::with(&FILES);
    let https = Https::start(&scripted, Some(&format!("bot:{SECRET}")));
    let asked = scripted.root().join("asked");
    let helper = scripted.root().join("helper");
    fs::write(&helper, format!("cat > {}; echo username=bot; echo password={SECRET}", asked.display())).unwrap();
    let login = Login::Command(vec!["sh".to_string(), helper.display().to_string(), "get".to_string()]);
    let remote = remote_of(&https.url("", "content.git"), "main", &scripted, Options { login, ..https.options() });
    remote.fetch().unwrap();
    let mut text = String::new();
    fs::File::open(asked).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, format!("protocol=https\nhost=localhost:{}\npath=content.git\n\n", https.port));
}

#[test]
fn a_folder_that_is_as_it_was_delivered_is_taken_from_the_record_and_only_whole() {
    let files = [
        ("dags/a/1.py", "x = 1\n"),
        ("dags/a/2.py", "x = 2\n"),
        ("dags/a/in/4.py", "x = 4\n"),
        ("dags/b/3.py", "x = 3\n"),
    ];
    let scripted = Scripted::with(&files);
    let remote = by_path(&scripted, Options::default());
    let delivered = remote.snapshot(&remote.fetch().unwrap().revision).unwrap();
    scripted.write(&[("dags/b/3.py", "x = 33\n")]);
    scripted.push("second");
    let revision = remote.fetch().unwrap().revision;
    let trees = |tree: &Snapshot| -> Vec<_> {
        tree.folders().iter().map(|(path, folder)| (path.clone(), folder.tree, folder.entries, folder.files)).collect()
    };
    // Sizes that tell where a file was taken from.
    let outlined = |file: &File| Outlined { id: file.id, mode: file.mode, size: 1000 + file.bytes.size() };
    let sizes = |known: &Outline| -> Vec<u64> {
        let (proposed, _) = remote.snapshot_to_ask(&revision, known).unwrap();
        assert!(proposed.files().all(|(_, file)| file.revision == revision));
        assert_eq!(trees(&proposed), trees(&remote.snapshot(&revision).unwrap()));
        proposed.files().map(|(_, file)| file.bytes.size()).collect()
    };
    let known = || delivered.files().map(|(path, file)| (path, outlined(file)));
    assert_eq!(sizes(&Outline::new(known(), delivered.folders())), [1006, 1006, 1006, 7]);
    // Without one of its files it is read, with what is known of the others.
    assert_eq!(sizes(&Outline::new(known().skip(1), delivered.folders())), [6, 1006, 1006, 7]);
    let none = BTreeMap::new();
    assert_eq!(sizes(&Outline::new(known().take(1), &none)), [1006, 6, 6, 7]);
    assert_eq!(sizes(&Outline::default()), [6, 6, 6, 7]);
    // What is larger than is allowed by now is refused, wherever it is known from.
    let limits = Limits { object: 500, ..Limits::default() };
    let remote =
        remote_of(scripted.bare().to_str().unwrap(), "main", &scripted, Options { limits, ..Options::default() });
    let (proposed, _) = remote.snapshot_to_ask(&revision, &Outline::new(known(), delivered.folders())).unwrap();
    assert_eq!(proposed.refused().len(), 1);
}
