//! The most memory that a process takes, measured in a child that does nothing else.

use super::{build, corpus};
use dagguard::dag::Models;
use std::hint::black_box;
use std::process::{Command, ExitCode};

/// The argument by which this program knows that it is such a child.
pub(crate) const CHILD: &str = "--child";

/// Makes the tree, and with `model` its model, and prints the peak of its memory in KiB.
pub(crate) fn child(kind: &str) -> ExitCode {
    let tree = corpus::generated(10_000);
    if kind == "model" {
        let models = Models::new(2);
        build(&models, &tree.snapshot, tree.airflow);
        black_box(models);
    }
    match peak() {
        Some(kib) => {
            println!("{kib}");
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// The peak of this process's memory in KiB, as Linux tells it.
pub(crate) fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Runs such a child.
pub(crate) fn of_child(kind: &str) -> Option<usize> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).args([CHILD, kind]).output().ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
