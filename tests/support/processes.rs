//! Ends what was started, and everything that it started in turn.
//!
//! Airflow's tasks leave the process group of their scheduler, so a group is not enough: the
//! children are looked up (on Linux) before their parent goes.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, Once, PoisonError};

/// What runs now, for the one who interrupts: leaders of process groups, and the folder in which
/// all of a server's processes work.
static RUNNING: Mutex<BTreeSet<(u32, PathBuf)>> = Mutex::new(BTreeSet::new());

static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Notes a started process that leads its own group.
pub(crate) fn note(child: &Child, home: &Path) {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert((child.id(), home.to_path_buf()));
}

/// Notes a folder that goes when the demo or a test is interrupted.
pub(crate) fn note_folder(folder: &Path) {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_path_buf());
}

/// Ends a process, its group and all its descendants, at once.
pub(crate) fn end(child: &mut Child, home: &Path) {
    end_tree(child.id());
    let _ = child.wait();
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&(child.id(), home.to_path_buf()));
}

/// Ends the processes that work in that folder: what a dead parent left behind.
pub(crate) fn end_strays(home: &Path) {
    for pid in pids() {
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
        if pid != std::process::id() && cwd.is_ok_and(|cwd| cwd.starts_with(home)) {
            kill(pid);
        }
    }
}

fn end_tree(root: u32) {
    // Parents first: a child that is ended first would be started again.
    let mut tree = vec![root];
    let all = parents();
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    if let Some(pid) = pid(root) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    for pid in tree {
        kill(pid);
    }
}

fn kill(raw: u32) {
    if let Some(pid) = pid(raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn pid(raw: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(raw).ok()?)
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent …`; the name may hold anything, brackets too.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    pids().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// Memory that the process and its descendants hold, in MiB (proportional share).
pub(crate) fn memory_of(root: u32) -> u64 {
    let all = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    let share = |pid: &u32| {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
    };
    tree.iter().filter_map(share).sum::<u64>() / 1024
}

/// On Ctrl-C or SIGTERM: ends everything that was noted, then this process.
#[expect(clippy::exit, reason = "the test's own main is not in control when a signal comes")]
pub(crate) fn end_all_on_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler");
                let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            });
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (leader, _) in &running {
                end_tree(*leader);
            }
            let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for folder in running.iter().map(|(_, home)| home).chain(&folders) {
                end_strays(folder);
                let _ = std::fs::remove_dir_all(folder);
            }
            eprintln!("interrupted: everything that was started has been ended");
            std::process::exit(130);
        });
    });
}
