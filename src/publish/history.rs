//! What was delivered when, and what waited: for people, and for `dagguard status`.

use super::state::{Head, json};
use crate::content::Revision;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// More deliveries than this are forgotten, the oldest first.
const MOST_DELIVERIES: usize = 100;
/// More paths than this are not named, only counted.
const MOST_PATHS: usize = 50;

/// One delivery that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Its number in this home; 0 where the version that made it did not count.
    #[serde(default)]
    pub sequence: u64,
    /// What was delivered.
    pub revision: String,
    /// What was deployed before.
    pub from: String,
    /// When it was done.
    pub delivered_at: String,
    /// Files written.
    pub writes: usize,
    /// Files taken away.
    pub removals: usize,
    /// The first of the files, in the order of the steps: `+plugins/etl/dates.py`, `-dags/old.py`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What held it before, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Hold>,
}

/// A revision that is held back, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The branch's newest commit.
    pub revision: String,
    /// Since when something has been held; newer commits do not begin it anew.
    pub since: String,
    /// Why, each as the log says it.
    pub reasons: Vec<String>,
    /// Whether the reason is that the runs in flight were not seen.
    #[serde(default)]
    pub undecided: bool,
}

/// The history file.
#[derive(Serialize, Deserialize)]
pub(super) struct History {
    #[serde(flatten)]
    head: Head,
    pub(super) deliveries: Vec<Delivered>,
}

impl History {
    /// Reads the file; what cannot be read of it is forgotten, for nothing depends on it.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let deliveries = match serde_json::from_slice::<Self>(bytes) {
            Ok(history) => history.deliveries,
            // Format 1: a line each, the last one perhaps cut off.
            Err(_) => bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect(),
        };
        Self { head: Head::ours(), deliveries }
    }

    /// A delivery as the history keeps it.
    pub(super) fn as_kept(mut delivered: Delivered) -> Delivered {
        delivered.files.truncate(MOST_PATHS);
        delivered
    }

    /// Adds a delivery, or replaces the same one: after a kill the last step is done again.
    pub(super) fn add(&mut self, delivered: Delivered) {
        let delivered = Self::as_kept(delivered);
        self.deliveries.retain(|other| other.sequence == 0 || other.sequence != delivered.sequence);
        self.deliveries.push(delivered);
        let forgotten = self.deliveries.len().saturating_sub(MOST_DELIVERIES);
        self.deliveries.drain(..forgotten);
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}

/// The file of a hold.
#[derive(Serialize, Deserialize)]
pub(super) struct HoldFile {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    pub(super) hold: Hold,
}

impl HoldFile {
    pub(super) fn read(bytes: &[u8]) -> Option<Hold> {
        serde_json::from_slice::<Self>(bytes).ok().map(|file| file.hold)
    }

    pub(super) fn to_json(hold: Hold) -> Vec<u8> {
        json(&Self { head: Head::ours(), hold })
    }
}

impl Hold {
    pub(super) fn new(
        before: Option<Self>,
        revision: &Revision,
        reasons: &[String],
        undecided: bool,
        now: Timestamp,
    ) -> Self {
        let since = before.map_or_else(|| now.to_string(), |before| before.since);
        Self { revision: revision.to_string(), since, reasons: reasons.to_vec(), undecided }
    }
}
