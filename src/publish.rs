//! Carries out a plan under `$AIRFLOW_HOME`, records what is deployed, repairs a broken pass.
//!
//! Invariants: knows nothing of git, rules or Airflow's API. State comes from the destination:
//! what is deployed is what is on disk, and the record beside it only saves reading. Before the
//! journal is written nothing under the delivered folders changes; from then on only forward,
//! in the plan's order, so that after any number of kills the steps done are a prefix of one
//! list. A file is replaced by one rename, never written in place. Nothing that the syncer did
//! not deliver is touched outside of the folders that it delivers, and no owner is changed.

#![expect(clippy::disallowed_methods, reason = "this edge reads and writes the Airflow home")]

mod apply;
mod disk;
mod error;
mod observe;
mod record;
#[cfg(test)]
mod tests;

pub use error::PublishError;
pub use observe::{Drift, DriftKind, Kind, Observed, deployed, observe};
pub use record::{Record, Recorded, read_record};

use crate::content::{Layout, Plan, Revision, Snapshot};
use disk::{Disk, Effects};
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Folders that Airflow must find when it starts: an entry of `sys.path` that is missing then is
/// taken for unimportable for good.
const ROOTS: [&str; 4] = ["dags", "plugins", "plugins/operators", "plugins/sensors"];

/// Name of the folder that holds the state; never content, wherever it lies.
const STATE: &str = ".dagguard";

/// An Airflow home, held by this process alone as long as the value lives.
pub struct Home {
    root: PathBuf,
    /// On the volume of the DAGs folder, so that it lives and dies with it.
    state: PathBuf,
    effects: Box<dyn Effects>,
    recovered: Option<Recovery>,
    /// The lock is bound to the open file.
    _lock: File,
}

/// What was found of a delivery that did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It had passed its commit point and was carried to its end.
    Finished(Revision),
    /// It had passed its commit point, and what was left to write is gone; what is on disk counts
    /// as deployed without a revision, and the next delivery replaces it like any other.
    Abandoned(Revision),
}

/// What a delivery did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What is deployed now.
    pub revision: Revision,
    /// Files written.
    pub writes: usize,
    /// Files taken away.
    pub removals: usize,
}

impl Home {
    /// Takes the home for this process, makes the folders that Airflow must find, and ends a
    /// delivery that was cut off.
    ///
    /// Fails where the home cannot be written, where another process has it, and where `dags` or
    /// `plugins` is a link: writing through it would write into somebody's work tree (R94).
    pub fn open(airflow_home: &Path) -> Result<Self, PublishError> {
        Self::open_with(airflow_home, Box::new(Disk))
    }

    fn open_with(airflow_home: &Path, effects: Box<dyn Effects>) -> Result<Self, PublishError> {
        std::fs::create_dir_all(airflow_home).map_err(|error| PublishError::not_writable(airflow_home, &error))?;
        observe::refuse_linked_roots(airflow_home)?;
        for root in ROOTS {
            let folder = airflow_home.join(root);
            if !folder.is_dir() {
                effects.create_dir(&folder).map_err(|error| PublishError::not_writable(&folder, &error))?;
            }
        }
        let state = state_dir(airflow_home, &*effects);
        if !state.is_dir() {
            effects.create_dir(&state).map_err(|error| PublishError::not_writable(&state, &error))?;
        }
        let lock = take_lock(&state.join("lock"))?;
        let root = airflow_home.to_path_buf();
        let mut home = Self { root, state, effects, recovered: None, _lock: lock };
        home.recovered = home.recover()?;
        Ok(home)
    }

    /// What [`Home::open`] found of a delivery that did not end.
    pub fn recovered(&self) -> Option<&Recovery> {
        self.recovered.as_ref()
    }

    /// The home's path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Ends a delivery that failed after its commit point, then compares disk and record; see
    /// [`observe()`].
    pub fn observe(&self, proposed: &Snapshot, layout: Layout) -> Result<Observed, PublishError> {
        self.recover()?;
        observe(&self.root, proposed, layout)
    }

    /// Carries the plan out and records the proposed tree as deployed.
    ///
    /// An error before the commit point leaves everything as it was; after it, the next
    /// [`Home::observe`] or [`Home::open`] carries on where this ended.
    pub fn publish(
        &self,
        observed: &Observed,
        proposed: &Snapshot,
        plan: &Plan,
        layout: Layout,
    ) -> Result<Published, PublishError> {
        self.carry_out(observed, proposed, plan, layout)?;
        Ok(Published { revision: proposed.revision().clone(), writes: plan.writes(), removals: plan.removals() })
    }
}

/// The folder of the state: beside the DAGs folder, or inside it where that is a volume of its
/// own. In the container's own file system it would be lost with every restart while the
/// delivered files stay.
fn state_dir(airflow_home: &Path, effects: &dyn Effects) -> PathBuf {
    let dags = airflow_home.join("dags");
    let same = match (effects.device(airflow_home), effects.device(&dags)) {
        (Ok(home), Ok(dags)) => home == dags,
        _ => true,
    };
    if same { airflow_home.join(STATE) } else { dags.join(STATE) }
}

fn take_lock(path: &Path) -> Result<File, PublishError> {
    let failed = |error: &std::io::Error| PublishError::not_writable(path, error);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| failed(&error))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            lock.read_to_string(&mut holder).ok();
            return Err(PublishError::Locked { path: path.to_path_buf(), pid: holder.trim().parse().ok() });
        }
        Err(error) => return Err(failed(&error.into())),
    }
    // Who holds the lock is said for people; a lock is valid without it.
    let pid = format!("{}\n", std::process::id());
    lock.set_len(0).and_then(|()| lock.write_all_at(pid.as_bytes(), 0)).map_err(|error| failed(&error))?;
    Ok(lock)
}
