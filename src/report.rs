//! A [`Report`] onto a given writer, one output format a file.
//!
//! Invariants: nothing here opens a file, prints, or decides; text that comes from a branch is
//! cleaned before it reaches a terminal.

mod accept;
pub mod full;
pub mod json;
pub mod model;
pub mod schema;

use crate::content::{ContentPath, Location, Revision};
use crate::rules::{Finding, Level, Prediction};
use std::collections::BTreeMap;

/// What may be done with the proposed revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It hurts nothing that is in flight.
    Allow,
    /// It hurts something, or would.
    Block,
    /// What is in flight could not be seen and the policy does not allow to assume.
    Undecided,
}

impl Verdict {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Undecided => "undecided",
        }
    }
}

/// How the runs in flight were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// Every question was answered.
    Known,
    /// No Airflow is configured, or nothing had to be asked of it.
    Assumed,
    /// An Airflow is configured and did not answer every question.
    Unavailable,
}

impl Live {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Assumed => "assumed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Of what the verdict speaks: never "no findings" without "of what".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Proposed DAGs whose structure is wholly known.
    pub dags_exact: usize,
    /// Proposed DAGs of which a part is not known.
    pub dags_partial: usize,
    /// Proposed DAGs of which nothing is known but that they are there.
    pub dags_opaque: usize,
    /// Runs in flight that were looked at.
    pub runs_seen: usize,
    /// How they were known.
    pub live: Live,
}

/// Paths that wait, and for which findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Paths in the repository.
    pub paths: Vec<ContentPath>,
    /// Fingerprints of the findings.
    pub because: Vec<String>,
}

/// The judgement of one change, as check, sync and hook share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What may be done.
    pub verdict: Verdict,
    /// What is deployed.
    pub deployed: Revision,
    /// What is proposed.
    pub proposed: Revision,
    /// In the order of the proposed files.
    pub findings: Vec<Finding>,
    /// What waits.
    pub holds: Vec<Hold>,
    /// One entry for every run in flight of an affected DAG.
    pub predictions: Vec<Prediction>,
    /// Of what this speaks.
    pub coverage: Coverage,
    /// Why the verdict is undecided, or rests on assumptions; one reason an instance.
    pub unavailable: Vec<String>,
    /// What does not exist where the change is to run, though it names it; no verdict rests on these.
    pub notes: Vec<String>,
    /// The source line of each place that a finding names, by side.
    pub lines: Lines,
}

/// Source lines for the two-sided snippet: those that findings point at, no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Of the deployed tree.
    pub deployed: BTreeMap<Location, String>,
    /// Of the proposed tree.
    pub proposed: BTreeMap<Location, String>,
}

impl Report {
    /// The highest level among the findings.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    /// How many findings have that level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// How a finding is accepted, in one line: what to paste, and where.
pub fn acceptance(finding: &Finding) -> String {
    accept::Ways::of(finding).sentence()
}

/// Text from a branch, made safe for a terminal: control characters become visible.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => '\u{fffd}',
            c => c,
        })
        .collect()
}
