//! A branch that means harm: each of these is refused by a bound before anything is written, and
//! what is deployed stays. The repositories are real ones, made cheaply.

#![expect(
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files, runs git and may panic"
)]

mod bomb;

use crate::check::ETL;
use crate::program::{Output, command};
use crate::repositories::{Scripted, git};
use dagguard::content::{Layout, plan};
use dagguard::git::{GitError, Limits, Options, Remote, Source};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the program may take at most while it refuses, in KiB; what it needs idle is a part of it.
const MOST_KIB: u64 = 300 * 1024;

fn branch() -> Scripted {
    Scripted::with(&[("dags/etl.py", ETL), ("shared/dates/__init__.py", "x = 1\n")])
}

fn remote(branch: &Scripted, limits: Limits) -> Remote {
    let options = Options { limits, ..Options::default() };
    let source = Source::parse(branch.bare().to_str().unwrap()).unwrap();
    Remote::new(source, "main", &branch.root().join("store"), options).unwrap()
}

/// Writes an object as it is, without git's own looking at it.
fn object(branch: &Scripted, kind: &str, bytes: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(["hash-object", "-w", "--literally", "--stdin", "-t", kind])
        .current_dir(branch.bare())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// A tree object of these entries (mode, name, id), in the order given.
fn tree(branch: &Scripted, entries: &[(&str, &[u8], &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} ").as_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend((0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()));
    }
    object(branch, "tree", &bytes)
}

/// Makes a tree the newest commit of the branch.
fn commit(branch: &Scripted, tree: &str) -> String {
    let id = git(&branch.bare(), &["commit-tree", "-p", "main", "-m", "harm", tree]);
    git(&branch.bare(), &["update-ref", "refs/heads/main", &id]);
    id
}

/// A tree whose folder `dags` is this tree.
fn dags(branch: &Scripted, below: &str) -> String {
    tree(branch, &[("40000", b"dags", below)])
}

/// Runs one pass, and watches how much memory it takes; the most, in KiB.
fn pass(branch: &Scripted, more: &[(&str, &str)]) -> (Output, u64) {
    let home = branch.root().join("home");
    fs::create_dir_all(&home).unwrap();
    let text = |path: PathBuf| path.to_str().unwrap().to_string();
    let (home, source, folder) = (text(home), text(branch.bare()), text(branch.root().join("clone")));
    let mut variables = vec![
        ("AIRFLOW_HOME", home.as_str()),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", source.as_str()),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", folder.as_str()),
        ("DAGGUARD_LOG_FORMAT", "json"),
    ];
    variables.extend(more);
    let mut command = command(branch.root(), &["sync", "--once", "--no-live"], &variables);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = |pipe: &mut Child| {
        let mut stderr = pipe.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        })
    };
    let stderr = said(&mut child);
    let mut most = 0;
    let code = loop {
        most = most.max(peak(child.id()).unwrap_or_default());
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (Output { code, stdout: String::new(), stderr: stderr.join().unwrap() }, most)
}

fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// All that lies in the delivered folders.
fn delivered(home: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![home.join("dags"), home.join("plugins")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                found.insert(path.clone(), fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// How much a folder takes on disk, in bytes as its files say.
fn size(folder: &Path) -> u64 {
    let mut sum = 0;
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                sum += metadata.len();
            }
        }
    }
    sum
}

/// A first pass delivers; then the branch means harm: the next one says so, holds, and neither the
/// home nor the memory nor the disk is the worse for it.
fn refused(branch: &Scripted, harm: impl FnOnce(&Scripted), words: &str, more: &[(&str, &str)]) {
    let (output, _) = pass(branch, &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let before = delivered(&branch.root().join("home"));
    assert!(!before.is_empty());
    harm(branch);
    for again in ["first", "again"] {
        let (output, most) = pass(branch, more);
        assert!(output.stderr.contains(words), "{again}, {words}: {}", output.stderr);
        assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
        assert_eq!(output.code, 0, "what is deployed is whole: {}", output.stderr);
        assert_eq!(delivered(&branch.root().join("home")), before, "{words}");
        assert!(most < MOST_KIB, "{words}: {most} KiB");
        let disk = size(&branch.root().join("clone"));
        assert!(disk < 250 << 20, "{words}: {disk} bytes on disk");
    }
}

/// A blob of zeros, which takes little in a pack.
fn zeros(branch: &Scripted, mebibytes: u64) -> String {
    let file = branch.root().join("zeros");
    fs::File::create(&file).unwrap().set_len(mebibytes << 20).unwrap();
    git(&branch.bare(), &["-c", "core.bigFileThreshold=1m", "hash-object", "-w", file.to_str().unwrap()])
}

#[test]
fn a_blob_beyond_the_limit_is_refused_by_its_header() {
    let harm = |branch: &Scripted| {
        let blob = zeros(branch, 120);
        let below = tree(branch, &[("100644", b"data.bin", &blob)]);
        commit(branch, &dags(branch, &below));
    };
    refused(&branch(), harm, "an object of the commit has 120 MiB, more than 100 MiB", &[]);
}

#[test]
#[ignore = "git itself takes a minute to make it"]
fn a_blob_of_five_gigabytes_is_refused_by_its_header() {
    let harm = |branch: &Scripted| {
        let blob = zeros(branch, 5 * 1024);
        let below = tree(branch, &[("100644", b"data.bin", &blob)]);
        commit(branch, &dags(branch, &below));
    };
    refused(&branch(), harm, "an object of the commit has 5120 MiB", &[]);
}

#[test]
fn a_pack_that_unpacks_to_too_much_is_refused_while_it_comes_in() {
    let branch = branch();
    let harm = |branch: &Scripted| {
        let mut entries = Vec::new();
        for n in 0..60_u8 {
            let mut bytes = vec![0; 1 << 20];
            bytes[0] = n;
            entries.push((format!("{n:02}.bin"), object(branch, "blob", &bytes)));
        }
        let entries: Vec<_> = entries.iter().map(|(name, id)| ("100644", name.as_bytes(), id.as_str())).collect();
        commit(branch, &dags(branch, &tree(branch, &entries)));
    };
    // Sixty MiB of four times ten.
    refused(&branch, harm, "the fetch unpacks to more than 40 MiB", &[("DAGGUARD_MAX_FETCH", "10")]);
}

#[test]
#[ignore = "git itself takes minutes to make it"]
fn a_pack_that_unpacks_to_twelve_gigabytes_is_refused_while_it_comes_in() {
    let harm = |branch: &Scripted| {
        let mut entries = Vec::new();
        for n in 0..130_u8 {
            let file = branch.root().join("zeros");
            let mut file_ = fs::File::create(&file).unwrap();
            file_.write_all(&[n]).unwrap();
            file_.set_len(95 << 20).unwrap();
            entries.push((format!("{n:03}.bin"), git(&branch.bare(), &["hash-object", "-w", file.to_str().unwrap()])));
        }
        let entries: Vec<_> = entries.iter().map(|(name, id)| ("100644", name.as_bytes(), id.as_str())).collect();
        commit(branch, &dags(branch, &tree(branch, &entries)));
    };
    refused(&branch(), harm, "the fetch unpacks to more than 8192 MiB", &[]);
}

#[test]
fn a_million_files_are_refused_without_reading_them() {
    let harm = |branch: &Scripted| {
        let blob = object(branch, "blob", b"x = 1\n");
        let names: Vec<String> = (0..1000).map(|n| format!("f{n:03}.py")).collect();
        let files: Vec<_> = names.iter().map(|name| ("100644", name.as_bytes(), blob.as_str())).collect();
        let folder = tree(branch, &files);
        let folders: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), folder.as_str())).collect();
        commit(branch, &dags(branch, &tree(branch, &folders)));
    };
    refused(&branch(), harm, "there are more than 100000 files and folders", &[]);
}

#[test]
fn a_tree_of_ten_thousand_folders_in_one_another_is_refused() {
    let harm = |branch: &Scripted| {
        git(&branch.bare(), &["config", "core.maxTreeDepth", "20000"]);
        let blob = object(branch, "blob", b"x = 1\n");
        let mut child = Command::new("git")
            .args(["mktree", "--batch"])
            .current_dir(branch.bare())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut ask, mut answers) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut make = |line: &str| {
            writeln!(ask, "{line}\n").unwrap();
            answers.next().unwrap().unwrap()
        };
        let mut below = make(&format!("100644 blob {blob}\tf.py"));
        for _ in 0..10_000 {
            below = make(&format!("040000 tree {below}\td"));
        }
        drop(ask);
        child.wait().unwrap();
        commit(branch, &dags(branch, &below));
    };
    refused(&branch(), harm, "folders lie in one another more than 100 deep", &[]);
}

/// One commit of an odd entry in `dags`, and why it cannot be delivered.
fn reasons(mode: &str, name: &[u8], content: &[u8]) -> String {
    let branch = branch();
    let (plain, odd) = (object(&branch, "blob", b"x = 1\n"), object(&branch, "blob", content));
    let below = tree(&branch, &[("100644", b"a.py", &plain), (mode, name, &odd)]);
    commit(&branch, &dags(&branch, &below));
    let remote = remote(&branch, Limits::default());
    let snapshot = remote.snapshot(&remote.fetch().unwrap().revision).unwrap();
    let refusals = plan(&BTreeMap::new(), &snapshot, Layout::Content).unwrap_err();
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn names_and_links_that_lead_astray_are_refused_by_name() {
    let long = [b'x'; 300];
    for (mode, name, content, words) in [
        ("100644", &b"a\nb.py"[..], &b"x = 1\n"[..], "holds a control character"),
        ("100644", b"..", b"x = 1\n", "has a part `.` or `..`"),
        ("100644", b".git", b"x = 1\n", "has a part `.git`"),
        ("100644", b"..\\up.py", b"x = 1\n", "null byte or a backslash"),
        ("100644", b"b\xff.py", b"x = 1\n", "is not UTF-8"),
        ("100644", &long, b"x = 1\n", "is too long"),
        ("120000", b"root", b"/", "leads out of the tree"),
        ("120000", b"proc", b"/proc", "leads out of the tree"),
        ("120000", b"state", b"../.dagguard", "leads out of the tree"),
        ("120000", b"up", b"../../../etc/passwd", "leads out of the tree"),
        ("120000", b"self", b".", "leads to itself"),
        ("120000", b"nothing", b"", "leads out of the tree"),
        ("160000", b"module", b"x = 1\n", "a submodule cannot be delivered"),
        (
            "100644",
            b"big.csv",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "Git LFS pointer",
        ),
    ] {
        let said = reasons(mode, name, content);
        assert!(said.contains(words), "{name:?}: {said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn names_that_only_composition_or_case_tells_apart_are_refused() {
    for (one, other) in [("caf\u{e9}.py", "cafe\u{301}.py"), ("Etl.py", "etl.py")] {
        let branch = branch();
        let blob = object(&branch, "blob", b"x = 1\n");
        let mut names = [one.as_bytes(), other.as_bytes()];
        names.sort_unstable();
        let entries: Vec<_> = names.iter().map(|name| ("100644", *name, blob.as_str())).collect();
        commit(&branch, &dags(&branch, &tree(&branch, &entries)));
        let remote = remote(&branch, Limits::default());
        let snapshot = remote.snapshot(&remote.fetch().unwrap().revision).unwrap();
        let refusals = plan(&BTreeMap::new(), &snapshot, Layout::Content).unwrap_err();
        assert!(refusals.iter().any(|refusal| refusal.to_string().starts_with("two files go to")), "{refusals:?}");
    }
}

#[test]
fn very_many_odd_names_are_said_with_a_few_lines() {
    let harm = |branch: &Scripted| {
        let blob = object(branch, "blob", b"x = 1\n");
        let names: Vec<String> = (0..5_000).map(|n| format!("a\n{n:04}.py")).collect();
        let entries: Vec<_> = names.iter().map(|name| ("100644", name.as_bytes(), blob.as_str())).collect();
        commit(branch, &dags(branch, &tree(branch, &entries)));
    };
    let branch = branch();
    refused(&branch, harm, "entries that cannot be delivered, beside those named: 4950", &[]);
    let (output, _) = pass(&branch, &[]);
    assert!(output.stderr.lines().count() < 70, "{}", output.stderr.lines().count());
}

#[test]
fn a_refused_commit_is_not_received_at_each_poll_and_the_next_one_is_taken() {
    let branch = branch();
    let remote = remote(&branch, Limits { object: 4096, ..Limits::default() });
    remote.fetch().unwrap();
    branch.write(&[("dags/big.py", &"# comment\n".repeat(1000))]);
    let harmful = branch.push("big");
    let begun = Instant::now();
    for _ in 0..2 {
        let error = remote.fetch().unwrap_err();
        assert!(matches!(error, GitError::TooLarge { .. }) && !error.is_transient(), "{error:?}");
        assert_eq!(error.refused().unwrap().as_str(), harmful);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    branch.write(&[("dags/big.py", "# short\n")]);
    let good = branch.push("short");
    let fetched = remote.fetch().unwrap();
    assert_eq!(fetched.revision.as_str(), good);
    assert_eq!(remote.snapshot(&fetched.revision).unwrap().refused(), []);
}

#[test]
fn a_configuration_in_the_tree_sets_no_url_no_command_and_no_credential() {
    let branch = branch();
    let (output, _) = pass(&branch, &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let stolen = branch.root().join("stolen");
    branch.write(&[
        (
            "dagguard.toml",
            &format!(
                "source = \"https://thief.example.com/c.git\"\nssh-command = \"touch {0}\"\n\
                 credential-command = [\"touch\", \"{0}\"]\nlive.on-unreachable = \"static\"\n\
                 [instance.default]\nurl = \"http://127.0.0.1:9\"\ncredential-command = [\"touch\", \"{0}\"]\n",
                stolen.display()
            ),
        ),
        ("dags/etl.py", &format!("# changed\n{ETL}")),
    ]);
    let head = branch.push("steal");
    let (output, _) = pass(&branch, &[]);
    assert!(!stolen.exists());
    assert!(output.stderr.contains("only the operator's configuration may set it"), "{}", output.stderr);
    assert!(!output.stderr.contains("127.0.0.1:9") && !output.stderr.contains("thief"), "{}", output.stderr);
    // It is said, and what is good of the commit is delivered.
    assert!(output.stderr.contains(&format!("Updating to revision {head}")), "{}", output.stderr);
}
