//! The words and levels of the log lines. The log is the way to see when content arrived (R33):
//! messages are constant and fields vary, but for the one line that production searches for.

use super::step::Line;
use crate::publish::Recovery;
use crate::switch::off;
use tracing::{debug, error, info, warn};

/// Says one line.
pub(super) fn say(line: &Line, branch: &str) {
    if (off("R33") && matches!(line, Line::Updating(_)))
        || (off("R21") && *line == Line::Started)
        || (off("R32") && *line == Line::Stopping)
        || (off("R6") && matches!(line, Line::LeftOut(_)))
    {
        return;
    }
    match line {
        Line::Started => info!(version = env!("CARGO_PKG_VERSION"), branch, "syncer started"),
        Line::Recovered(Recovery::Finished(revision)) => {
            warn!(%revision, "finished a delivery that had been cut off");
        }
        Line::Recovered(Recovery::Abandoned(revision)) => {
            warn!(%revision, "a delivery that had been cut off cannot be finished, what is on disk counts as deployed");
        }
        Line::Recovered(Recovery::Reconciled(revision)) => {
            warn!(%revision, "the record was not the same on all volumes, the newest counts and is on all of them now");
        }
        Line::TagTaken => warn!(branch, "there is no such branch, following the tag of that name"),
        Line::Rewritten { revision, certain: true } => {
            warn!(%revision, branch, "the branch was rewritten, its newest commit does not descend from the one before");
        }
        Line::Rewritten { revision, certain: false } => {
            warn!(%revision, branch, "the branch may have been rewritten, the commit before was not reached in its history");
        }
        Line::Adopting { writes, removals } => {
            info!(writes, removals, "nothing is recorded, what is on disk counts as deployed");
        }
        Line::Drifted(drift) => {
            let kind = format!("{:?}", drift.kind).to_lowercase();
            warn!(path = %drift.path, area = %drift.area(), kind, "a delivered folder was changed by somebody else");
        }
        Line::Updating(revision) => info!(%revision, "Updating to revision {revision}"),
        Line::Repairing(files) => info!(files, "putting files back as they were delivered"),
        Line::Settling => info!("plugins/.airflowignore follows the settings from now on"),
        Line::NotRepaired(failure) => warn!(error = failure.error, "what is deployed could not be put back"),
        Line::LeftOut(path) => {
            info!(%path, "not delivered: the layout has no place for it; by default of plugins only operators and sensors, of shared only folders");
        }
        Line::NeedsRestart(path) => {
            warn!(%path, "Airflow's processes loaded this module when they started and use it until a restart");
        }
        Line::Held { revision, reason, undecided } => {
            warn!(%revision, reason, undecided, "holding a revision back");
        }
        Line::StillHeld(revision) => debug!(%revision, "still holding a revision back"),
        Line::DeliveredAnyway(reason) => warn!(reason, "first delivery into an empty home, made in spite of"),
        Line::Note(note) => info!(note, "note on the delivery"),
        Line::Failed { failure, attempt } if failure.transient => {
            warn!(error = failure.error, attempt, "pass failed, keeping what is deployed");
        }
        Line::Failed { failure, attempt } => {
            error!(error = failure.error, attempt, "pass failed, keeping what is deployed");
        }
        Line::Panicked(count) => error!(count, "pass ended by a fault of this program, keeping what is deployed"),
        Line::Stopping => info!("asked to end, what is deployed stays"),
        Line::PassOver { revision, deployed, outcome, elapsed } => {
            let text = |revision: &Option<crate::content::Revision>| {
                revision.as_ref().map_or_else(String::new, ToString::to_string)
            };
            info!(
                revision = text(revision),
                deployed = text(deployed),
                branch,
                outcome = outcome.word(),
                elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                "pass over"
            );
        }
    }
}
