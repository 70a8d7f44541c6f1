//! States of instances in the simulation.

use crate::facts::TaskState;

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Not scheduled yet.
    None,
    /// `scheduled` or `queued`: the scheduler has decided, a worker has not begun.
    Due,
    /// A worker is at it; a state never heard of counts as this.
    Running,
    /// Waits for another try.
    Retry,
    /// A sensor between two looks.
    Reschedule,
    Deferred,
    /// It will never start: nobody gives it a slot.
    NeverStarts,
    /// It will never end.
    NeverEnds,
    Success,
    Failed,
    Skipped,
    UpstreamFailed,
    Removed,
}

impl State {
    pub(super) fn of(state: &TaskState) -> Self {
        match state {
            TaskState::NoStatus => Self::None,
            TaskState::Scheduled | TaskState::Queued => Self::Due,
            TaskState::Running | TaskState::Other(_) => Self::Running,
            TaskState::Restarting | TaskState::UpForRetry => Self::Retry,
            TaskState::UpForReschedule => Self::Reschedule,
            TaskState::Deferred => Self::Deferred,
            TaskState::Success => Self::Success,
            TaskState::Failed => Self::Failed,
            TaskState::Skipped => Self::Skipped,
            TaskState::UpstreamFailed => Self::UpstreamFailed,
            TaskState::Removed => Self::Removed,
        }
    }

    pub(super) fn is_finished(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped | Self::UpstreamFailed | Self::Removed)
    }

    pub(super) fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::UpstreamFailed)
    }
}
