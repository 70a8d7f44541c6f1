//! Trigger rules: `TriggerRuleDep` of 2.6.2, 2.11.2 and 3.3.2.

use super::Family;
use super::state::State;

/// A trigger rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    AllSuccess,
    AllFailed,
    AllDone,
    OneSuccess,
    OneFailed,
    OneDone,
    NoneFailed,
    NoneFailedMinOneSuccess,
    NoneSkipped,
    AllSkipped,
    Always,
    AllDoneSetupSuccess,
    AllDoneMinOneSuccess,
}

impl Rule {
    /// The rule of that name; one that is not known waits as `all_success` does.
    pub(super) fn of(name: Option<&str>) -> Self {
        match name.unwrap_or("all_success") {
            "all_failed" => Self::AllFailed,
            "all_done" => Self::AllDone,
            "one_success" => Self::OneSuccess,
            "one_failed" => Self::OneFailed,
            "one_done" => Self::OneDone,
            "none_failed" => Self::NoneFailed,
            "none_failed_min_one_success" | "none_failed_or_skipped" => Self::NoneFailedMinOneSuccess,
            "none_skipped" => Self::NoneSkipped,
            "all_skipped" => Self::AllSkipped,
            "always" | "dummy" => Self::Always,
            "all_done_setup_success" => Self::AllDoneSetupSuccess,
            "all_done_min_one_success" => Self::AllDoneMinOneSuccess,
            _ => Self::AllSuccess,
        }
    }
}

/// The upstream instances of an instance, by state.
#[expect(clippy::struct_field_names, reason = "the words are the states'")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Upstream {
    /// How many there are, finished or not.
    pub(super) all: usize,
    pub(super) success: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) upstream_failed: usize,
    pub(super) removed: usize,
}

impl Upstream {
    pub(super) fn add(&mut self, state: State, sign: bool) {
        let count = match state {
            State::Success => &mut self.success,
            State::Skipped => &mut self.skipped,
            State::Failed => &mut self.failed,
            State::UpstreamFailed => &mut self.upstream_failed,
            State::Removed => &mut self.removed,
            _ => return,
        };
        *count = if sign { *count + 1 } else { count.saturating_sub(1) };
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.all += other.all;
        self.success += other.success;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.upstream_failed += other.upstream_failed;
        self.removed += other.removed;
    }

    pub(super) fn done(&self) -> usize {
        self.success + self.skipped + self.failed + self.upstream_failed + self.removed
    }
}

/// What the scheduler does with an instance that has not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Wait,
    Start,
    /// It ends without having run.
    End(State),
}

/// Applies the rule of an instance that has upstream tasks.
pub(super) fn decide(rule: Rule, up: &Upstream, index: i64, family: Family) -> Decision {
    if let Some(state) = ends(rule, up, index, family) {
        return Decision::End(state);
    }
    if starts(rule, up, index, family) { Decision::Start } else { Decision::Wait }
}

/// The state that an instance gets although it did not run (`flag_upstream_failed`).
#[expect(clippy::match_same_arms, reason = "one arm a condition, rule by rule")]
fn ends(rule: Rule, up: &Upstream, index: i64, family: Family) -> Option<State> {
    let Upstream { all, success, skipped, failed, upstream_failed, removed } = *up;
    let bad = failed > 0 || upstream_failed > 0;
    let done = up.done() >= all;
    match rule {
        Rule::AllSuccess if bad => Some(State::UpstreamFailed),
        Rule::AllSuccess if skipped > 0 => Some(State::Skipped),
        Rule::AllSuccess if removed > 0 && success > 0 && index >= 0 => {
            usize::try_from(index).is_ok_and(|index| index >= success).then_some(State::Removed)
        }
        Rule::AllFailed if success > 0 || skipped > 0 => Some(State::Skipped),
        Rule::OneSuccess if done && up.done() == skipped => Some(State::Skipped),
        Rule::OneSuccess if done && success == 0 => Some(State::UpstreamFailed),
        Rule::OneFailed if done && !bad => Some(State::Skipped),
        Rule::OneDone if done && failed == 0 && success == 0 => Some(State::Skipped),
        Rule::NoneFailed | Rule::NoneFailedMinOneSuccess if bad => Some(State::UpstreamFailed),
        Rule::NoneFailedMinOneSuccess if skipped == all => Some(State::Skipped),
        Rule::NoneFailedMinOneSuccess if family.is_3() && done && success == 0 => Some(State::UpstreamFailed),
        Rule::NoneSkipped if skipped > 0 => Some(State::Skipped),
        Rule::AllSkipped if success > 0 || failed > 0 || upstream_failed > 0 && family.has_setups() => {
            Some(State::Skipped)
        }
        Rule::AllDoneMinOneSuccess if skipped > 0 => Some(State::Skipped),
        Rule::AllDoneMinOneSuccess if done && success == 0 => Some(State::UpstreamFailed),
        _ => None,
    }
}

#[expect(clippy::match_same_arms, reason = "one arm a rule")]
fn starts(rule: Rule, up: &Upstream, index: i64, family: Family) -> bool {
    let Upstream { all, success, skipped, failed, upstream_failed, removed } = *up;
    // On 2.x only the instances of a mapped task pass over what was removed before them: any other task
    // behind it waits, which ends as a deadlock. 3.x passes over it for all.
    let gone = if index >= 0 || family.is_3() { removed } else { 0 };
    let done = up.done() >= all;
    match rule {
        Rule::Always => true,
        Rule::AllSuccess => all <= success + gone,
        Rule::AllFailed => all <= failed + upstream_failed + gone,
        Rule::AllDone => done,
        Rule::OneSuccess => success > 0,
        Rule::OneFailed => failed > 0 || upstream_failed > 0,
        Rule::OneDone => success + failed > 0,
        Rule::NoneFailed => all <= success + skipped + gone,
        Rule::NoneFailedMinOneSuccess => all <= success + skipped + gone && (success > 0 || !family.is_3()),
        Rule::NoneSkipped => done && skipped == 0,
        Rule::AllSkipped => all <= skipped,
        // Which of its upstream tasks are setups is not looked at: one that fails fails its run anyway.
        Rule::AllDoneSetupSuccess => done,
        Rule::AllDoneMinOneSuccess => {
            skipped == 0 && success > 0 && all <= success + failed + upstream_failed + removed
        }
    }
}
