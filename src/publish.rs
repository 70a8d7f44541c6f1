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
mod guard;
mod history;
mod ignored;
mod observe;
mod places;
mod record;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod tree;

pub use error::PublishError;
pub use guard::refusals;
pub use history::{Delivered, Hold};
pub use observe::{Drift, DriftKind, Kind, Look, Observed, deployed, observe};
pub use places::Places;
pub use record::{Record, Recorded, read_record};

use crate::content::{HomePath, Layout, Plan, PluginFolders, Revision, Snapshot};
use disk::{Disk, Effects};
use history::{History, HoldFile};
use state::{check, read_if_there};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Folders that Airflow must find when it starts: an entry of `sys.path` that is missing then is
/// taken for unimportable for good.
const ROOTS: [&str; 4] = ["dags", "plugins", "plugins/operators", "plugins/sensors"];

/// Name of the folder that holds the state; never content, wherever it lies.
const STATE: &str = ".dagguard";

/// What the operator chooses about a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the plugin loader is kept from folders without a plugin class (R9).
    pub ignore_plugin_folders: bool,
    /// How a new tree takes the place of the one before.
    pub mode: PublishMode,
}

impl Default for Options {
    fn default() -> Self {
        Self { ignore_plugin_folders: true, mode: PublishMode::default() }
    }
}

/// How a new tree takes the place of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishMode {
    /// File by file, in the plan's order; works with any mount, and beside files of others.
    #[default]
    InPlace,
    /// All at one moment: `dags` and `plugins` are links into a tree of their own, as git-sync
    /// makes it. Needs both folders whole, on the home's own volume.
    Symlink,
}

/// An Airflow home, held by this process alone as long as the value lives.
pub struct Home {
    places: Places,
    /// The state folder, as if below the home. On the volume of the DAGs folder, so that it lives
    /// and dies with it.
    state: String,
    effects: Box<dyn Effects>,
    options: Options,
    recovered: Option<Recovery>,
    /// The records, when they were last found to agree.
    reconciled: Mutex<BTreeMap<String, Option<record::Stamp>>>,
    /// Held for as long as this lives.
    _lock: Lock,
}

/// What was found of a delivery that did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It had passed its commit point and was carried to its end.
    Finished(Revision),
    /// It had passed its commit point, and what was left to write is gone; what is on disk counts
    /// as deployed without a revision, and the next delivery replaces it like any other.
    Abandoned(Revision),
    /// The record was missing on one of the volumes, or another one, as after a volume was wiped
    /// or restored; that of this revision was the newest and is on all of them now.
    Reconciled(Revision),
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
    /// Modules that Airflow's running processes go on using as they were, until a restart.
    pub stale: Vec<HomePath>,
}

impl Home {
    /// Takes the home for this process, makes the folders that Airflow must find, and ends a
    /// delivery that was cut off.
    ///
    /// Fails where the home cannot be written, where another process has it, where a newer version
    /// has written its state, and where `dags` or `plugins` is a link of others: writing through it
    /// would write into somebody's work tree (R94).
    pub fn open(airflow_home: impl Into<Places>, options: Options) -> Result<Self, PublishError> {
        Self::open_with(airflow_home.into(), options, Box::new(Disk))
    }

    fn open_with(places: Places, options: Options, effects: Box<dyn Effects>) -> Result<Self, PublishError> {
        let states: Vec<PathBuf> = record::candidates(&places).iter().map(|state| places.at(state)).collect();
        state::check_all(states.iter().map(PathBuf::as_path))?;
        for folder in [places.home().to_path_buf(), places.at("dags"), places.at("plugins")] {
            let above = if folder == places.home() { Some(folder.as_path()) } else { folder.parent() };
            if let Some(above) = above {
                std::fs::create_dir_all(above).map_err(|error| PublishError::not_writable(above, &error))?;
            }
        }
        let linked = options.mode == PublishMode::Symlink;
        if linked {
            refuse_unlinkable(&places, &*effects)?;
        } else {
            observe::refuse_foreign_links(&places)?;
        }
        // A tree has all of them.
        for root in ROOTS.iter().filter(|_| !linked) {
            let folder = places.at(root);
            if !folder.is_dir() {
                effects.create_dir(&folder).map_err(|error| PublishError::not_writable(&folder, &error))?;
            }
        }
        let state = if linked { STATE.to_string() } else { places.state_for("dags", &*effects) };
        let folder = places.at(&state);
        if !folder.is_dir() {
            effects.create_dir(&folder).map_err(|error| PublishError::not_writable(&folder, &error))?;
        }
        let lock = take_lock(&folder.join("lock"))?;
        let mut home =
            Self { places, state, effects, options, recovered: None, reconciled: Mutex::default(), _lock: lock };
        if linked {
            home.return_to_tree()?;
        } else {
            home.leave_trees()?;
        }
        home.recovered = home.recover()?;
        if linked {
            home.begin_trees()?;
        }
        home.clear_stages();
        Ok(home)
    }

    /// What [`Home::open`] found of a delivery that did not end.
    pub fn recovered(&self) -> Option<&Recovery> {
        self.recovered.as_ref()
    }

    /// Where the home's folders are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Ends a delivery that failed after its commit point, then compares disk and record; see
    /// [`observe()`].
    pub fn observe(&self, proposed: &Snapshot, layout: Layout, look: Look) -> Result<Observed, PublishError> {
        self.recover()?;
        let mut observed = observe(self.view(), proposed, layout, look)?;
        observed.unsettled =
            observed.kind == Kind::Recorded && observed.ignored.is_some() != self.options.ignore_plugin_folders;
        Ok(observed)
    }

    fn is_linked(&self) -> bool {
        self.options.mode == PublishMode::Symlink
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
        let folders = self.plugin_folders(observed, proposed, plan, layout);
        let stale = match observed.kind {
            // Nothing of it can be in the memory of any process.
            Kind::Empty => Vec::new(),
            Kind::Recorded | Kind::Adopted => folders.stale(plan, self.options.ignore_plugin_folders),
        };
        self.carry_out(observed, proposed, plan, layout, folders)?;
        Ok(Published { revision: proposed.revision().clone(), writes: plan.writes(), removals: plan.removals(), stale })
    }

    /// What the plugin loader must do with each folder: as it was recorded, where nothing below
    /// `plugins` changes, for all of it would have to be read to find out.
    fn plugin_folders(&self, observed: &Observed, proposed: &Snapshot, plan: &Plan, layout: Layout) -> PluginFolders {
        match &observed.ignored {
            Some(ignored)
                if observed.kind == Kind::Recorded
                    && plan.steps.iter().all(|step| step.dest.below("plugins").is_none()) =>
            {
                PluginFolders { ignored: ignored.clone(), ..PluginFolders::default() }
            }
            _ if !self.options.ignore_plugin_folders => PluginFolders::default(),
            _ => PluginFolders::of(proposed, layout),
        }
    }

    /// Notes that a revision is held back and why, for `status` and the history. The time since
    /// when something is held is that of the first hold after a delivery.
    pub fn hold(&self, revision: &Revision, reasons: &[String], undecided: bool) -> Result<(), PublishError> {
        let before = read_hold(&self.places.at(&self.state))?;
        let hold = Hold::new(before.clone(), revision, reasons, undecided, self.now());
        if before.as_ref() == Some(&hold) {
            return Ok(());
        }
        self.write_state(&self.state, "hold", &HoldFile::to_json(hold))
    }
}

/// Fails where `dags` and `plugins` cannot be links: elsewhere, or mounts of their own.
fn refuse_unlinkable(places: &Places, effects: &dyn Effects) -> Result<(), PublishError> {
    for root in ["dags", "plugins"] {
        let path = places.at(root);
        let why = if path != places.home().join(root) {
            "in `symlink` mode the folder must lie in the home itself"
        } else if path.is_dir() && effects.volume(&path).ok() != effects.volume(places.home()).ok() {
            "in `symlink` mode the folder must not be a mount of its own"
        } else {
            continue;
        };
        return Err(PublishError::NotLinkable { path, why });
    }
    Ok(())
}

/// What was delivered into a home, the oldest first, and what is held back now; takes no lock.
pub fn history(airflow_home: impl Into<Places>) -> Result<(Vec<Delivered>, Option<Hold>), PublishError> {
    let places = airflow_home.into();
    let states: Vec<PathBuf> = record::candidates(&places).iter().map(|state| places.at(state)).collect();
    let mut deliveries = Vec::new();
    let mut hold = None;
    for state in states {
        if deliveries.is_empty() {
            deliveries = read_history(&state)?.deliveries;
        }
        hold = hold.or(read_hold(&state)?);
    }
    Ok((deliveries, hold))
}

fn read_history(state: &Path) -> Result<History, PublishError> {
    let path = state.join("history");
    let bytes = read_if_there(&path)?.unwrap_or_default();
    check(&path, &bytes)?;
    Ok(History::read(&bytes))
}

fn read_hold(state: &Path) -> Result<Option<Hold>, PublishError> {
    let path = state.join("hold");
    let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
    check(&path, &bytes)?;
    Ok(HoldFile::read(&bytes))
}

/// The right to write into a home, bound to the open lock file.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing would not be enough at once: a program that another thread is just starting has the file
    /// open too until it runs.
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}

fn take_lock(path: &Path) -> Result<Lock, PublishError> {
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
    // Who holds the lock is said for people; a lock is valid without it, also on a full disk. The
    // next one may run as another user of the group.
    let pid = format!("{}\n", std::process::id());
    lock.set_len(0).and_then(|()| lock.write_all_at(pid.as_bytes(), 0)).ok();
    lock.set_permissions(std::fs::Permissions::from_mode(0o664)).ok();
    Ok(Lock(lock))
}
