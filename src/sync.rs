//! The loop of the sidecar: poll the branch, judge, publish in order, hold what is unsafe.
//!
//! `step` says what follows from what happened; it is pure, and time is an argument of it. The
//! driver does what it says and reports back. Invariants: a pass starts from what is on disk; a
//! failure never takes away what is deployed; a hold is judged anew each pass, newest against
//! deployed, and so releases by itself. Nothing here parses arguments, prints, or judges:
//! whoever calls hands a [`Judge`] over.

mod delivery;
mod driver;
mod lines;
mod step;
mod watch;

pub use delivery::{Delivery, OnDrift};
pub use driver::run;
pub use step::{Effect, Event, Failure, Line, Outcome, PassOutcome, Proposal, State, step};

use crate::content::{Layout, Snapshot};
use crate::git::Upstream;
use std::path::PathBuf;
use std::time::Duration;

/// All that the loop needs to be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `$AIRFLOW_HOME`.
    pub home: PathBuf,
    /// The branch and the local store, or a folder that is watched.
    pub upstream: Upstream,
    /// Time from the beginning of one pass to the next (R12).
    pub interval: Duration,
    /// One pass only, as an init container wants it.
    pub once: Option<Once>,
    /// What a finding means while the home is empty.
    pub bootstrap: Bootstrap,
    /// How the branch is laid out.
    pub layout: Layout,
    /// How deliveries are made.
    pub delivery: Delivery,
    /// What is worth a warning at each start, said behind the line that names the version (R21).
    pub warnings: Vec<String>,
}

/// How to end after one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// Whether a home that holds an older tree is a failure.
    pub strict: bool,
}

/// What becomes of a first delivery into an empty home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bootstrap {
    /// It is made whatever is found: no code at all breaks every run in flight.
    #[default]
    Deliver,
    /// A finding holds it; where the runs cannot be seen it is made all the same.
    Judge,
    /// It waits until a judgement with everything known allows it.
    Wait,
}

/// Whether a judged delivery replaces something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstDelivery {
    /// The home is empty: only runs in flight can be compared with the proposed tree.
    Yes,
    /// Something is deployed.
    No,
}

/// The pass's question to the rest of the house: may this tree take the place of that one?
pub trait Judge: Sync {
    /// Judges the whole change. Called once a pass, and only where files would change.
    fn judge(
        &self,
        deployed: &Snapshot,
        proposed: &Snapshot,
        first: FirstDelivery,
    ) -> impl Future<Output = Judgement> + Send;

    /// Forgets what was learnt of contents: some could not be read, and were judged as if they were empty.
    fn forget(&self) {}
}

/// What the judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Deliver it.
    Allow {
        /// Set where the runs in flight were not seen.
        unjudged: bool,
        /// Each is logged as it is.
        notes: Vec<String>,
    },
    /// Keep what is deployed.
    Hold {
        /// Each is logged once, until the revision or the set of reasons changes.
        reasons: Vec<String>,
        /// Set where the reason is that the runs in flight were not seen.
        undecided: bool,
    },
}
