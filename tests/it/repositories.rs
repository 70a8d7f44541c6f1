//! Scripted git repositories in temporary folders, made by the git program itself, on which the
//! host's configuration has no influence.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files, runs git and may panic")]

use dagguard::content::{ContentPath, Snapshot};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A work tree with a bare repository beside it that it pushes to.
pub(crate) struct Scripted {
    dir: tempfile::TempDir,
}

impl Scripted {
    /// An empty bare repository and its clone, on branch `main`.
    pub(crate) fn new() -> Self {
        let scripted = Self { dir: tempfile::tempdir().unwrap() };
        git(scripted.dir.path(), &["init", "-q", "--bare", "-b", "main", "content.git"]);
        git(&scripted.bare(), &["config", "receive.denyDeleteCurrent", "ignore"]);
        git(scripted.dir.path(), &["init", "-q", "-b", "main", "work"]);
        git(&scripted.work(), &["remote", "add", "origin", "../content.git"]);
        scripted
    }

    /// The same with one commit of these files pushed.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let scripted = Self::new();
        scripted.write(files);
        scripted.push("first");
        scripted
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("content.git")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Writes files into the work tree; a text `-> target` makes a link.
    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        write(&self.work(), files);
    }

    pub(crate) fn remove(&self, paths: &[&str]) {
        for path in paths {
            self.git(&["rm", "-rq", path]);
        }
    }

    /// Commits everything and pushes it to `main`, by force; returns the commit's id.
    pub(crate) fn push(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["push", "-qf", "origin", "HEAD:main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.work(), arguments)
    }

    /// The same at a time of its own, in seconds since 1970.
    pub(crate) fn git_at(&self, seconds: u64, arguments: &[&str]) -> String {
        let time = format!("{seconds} +0000");
        said(program(&self.work(), arguments).envs([("GIT_AUTHOR_DATE", &time), ("GIT_COMMITTER_DATE", &time)]))
    }
}

/// Writes files below a folder; a text `-> target` makes a link.
pub(crate) fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if let Some(target) = text.strip_prefix("-> ") {
            std::os::unix::fs::symlink(target, file).unwrap();
        } else {
            fs::write(file, text).unwrap();
        }
    }
}

/// Runs git there and returns what it says.
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    said(&mut program(dir, arguments))
}

fn program(dir: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new("git");
    program
        // What git clears up beside a test locks its branch for moments.
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args(arguments)
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.com")]);
    program
}

fn said(program: &mut Command) -> String {
    let output = program.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// A snapshot's paths.
pub(crate) fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files().map(|(path, _)| path.as_str()).collect()
}

/// The text of one file of a snapshot.
pub(crate) fn text(snapshot: &Snapshot, path: &str) -> String {
    let file = snapshot.get(&ContentPath::new(path).unwrap()).unwrap();
    String::from_utf8(file.bytes.to_vec()).unwrap()
}

/// A process that ends with the value.
pub(crate) struct Server {
    pub(crate) child: Child,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        Self { child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
