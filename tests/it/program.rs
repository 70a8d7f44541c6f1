//! The program as a person or a runner starts it: arguments and variables in, stdout, stderr and
//! exit code out.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test starts the program and may panic")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What came out.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Everything that a person sees, for snapshots.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.stdout.clone();
        if !self.stderr.is_empty() {
            shown = format!("{shown}--- stderr\n{}", self.stderr);
        }
        format!("{shown}--- exit {}\n", self.code)
    }
}

/// Runs `dagguard` in a folder with nothing of the host's in its environment.
pub(crate) fn dagguard(dir: &Path, args: &[&str]) -> Output {
    with(dir, args, &[], "")
}

/// The same with variables and standard input.
pub(crate) fn with(dir: &Path, args: &[&str], variables: &[(&str, &str)], stdin: &str) -> Output {
    let mut child = command(dir, args, variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The program, not yet started.
pub(crate) fn command(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dagguard"));
    command.args(args).current_dir(dir).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    // A build whose requirements can be switched off hands that on.
    if let Some(off) = std::env::var_os("DAGGUARD_TEST_SWITCH") {
        command.env("DAGGUARD_TEST_SWITCH", off);
    }
    command.envs(variables.iter().copied());
    command
}
