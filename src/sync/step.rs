//! What follows from what happened: the life of a pass as a pure function.

use super::{Bootstrap, FirstDelivery, Judgement, Once};
use crate::content::{ContentPath, HomePath, Refusal, Revision};
use crate::git::Ancestry;
use crate::publish::{Drift, Kind, Published, Recovery};
use crate::switch::off;
use std::collections::BTreeSet;
use std::time::Duration;

/// Failures in a row lengthen the wait up to this many intervals.
const LONGEST_WAIT: u32 = 4;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The program has started, or the wait is over.
    Due,
    /// The home is ours, and whole; with what was found of a delivery that did not end, and the
    /// revision that is there as it was recorded.
    Opened {
        /// A delivery that was cut off.
        recovered: Option<Recovery>,
        /// What is deployed, if the disk is as it was recorded.
        deployed: Option<Revision>,
    },
    /// The branch's newest commit is here.
    Fetched {
        /// The commit.
        revision: Revision,
        /// Whether it is a tag's, for want of such a branch.
        is_tag: bool,
        /// How it goes on from the one before.
        ancestry: Ancestry,
    },
    /// The branch's newest commit is one that is not taken, whatever it changes.
    Refused {
        /// The commit.
        revision: Revision,
        /// Why, in words.
        reason: String,
    },
    /// The newest commit was compared with what is on disk.
    Compared(Proposal),
    /// The judge has spoken.
    Judged(Judgement),
    /// The tree was delivered.
    Published(Published),
    /// What is deployed was put back while another commit is held; or why it could not be.
    Repaired(Result<Published, Failure>),
    /// Something failed that the world outside is to blame for.
    Failed(Failure),
    /// Something failed that this program is to blame for; the pass is over.
    Panicked,
    /// The program is asked to end. Never comes while a delivery is being carried out.
    Shutdown,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// How it is known what is deployed.
    pub kind: Kind,
    /// What is deployed.
    pub deployed: Revision,
    /// Where the disk is not as it was recorded, and that matters to somebody.
    pub drift: Vec<Drift>,
    /// Whether that is put back.
    pub repairs: bool,
    /// Whether the home is not kept as was chosen since the last delivery.
    pub unsettled: bool,
    /// What lies beside the content of the newest commit, if that was read.
    pub left_out: Vec<ContentPath>,
    /// How many files would be written and taken away; or why this tree cannot be delivered.
    pub steps: Result<(usize, usize), Vec<Refusal>>,
    /// Whether the tree's own configuration is another one, by which later changes are judged.
    pub policy: bool,
}

/// An error of an edge, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error's own words, without any secret.
    pub error: String,
    /// Whether it may pass by itself; otherwise a person must act.
    pub transient: bool,
    /// Whether going on makes no sense at all: the home is no place to deliver to.
    pub fatal: bool,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Take the home; answered by `Opened`.
    Open,
    /// Ask the branch; answered by `Fetched`.
    Fetch,
    /// Compare with the disk and plan; answered by `Compared`.
    Compare,
    /// Ask the judge; answered by `Judged`.
    Judge(FirstDelivery),
    /// Carry the plan out; answered by `Published`.
    Publish,
    /// Put back what is deployed; answered by `Repaired`.
    Repair,
    /// Note that a commit is held, for those who ask later; no answer.
    Hold {
        /// The commit.
        revision: Revision,
        /// Why.
        reasons: Vec<String>,
        /// Whether it is that nothing could be seen.
        undecided: bool,
    },
    /// Wait so long; answered by `Due`.
    Wait(Duration),
    /// Log a line.
    Say(Line),
    /// The program is done.
    End(Outcome),
}

/// What the program comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was asked to end.
    Stopped,
    /// One pass: the home holds the branch's newest commit.
    Complete,
    /// One pass: the newest commit is held, the home holds an older one, whole.
    Held,
    /// One pass: the newest commit was not reached for a reason that passes by itself, the home
    /// holds an older one, whole.
    Kept,
    /// The home holds no whole tree, or nobody but a person can help (wrong branch, source,
    /// credential).
    Incomplete,
}

/// How a pass ended; the word is the field `outcome` of its closing line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassOutcome {
    /// Something was delivered.
    Success,
    /// Delivered without having seen the runs in flight.
    Unjudged,
    /// The newest commit was deployed already.
    Noop,
    /// The newest commit is held or refused.
    Blocked,
    /// Something failed.
    Error,
}

impl PassOutcome {
    /// The word in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Unjudged => "unjudged",
            Self::Noop => "noop",
            Self::Blocked => "blocked",
            Self::Error => "error",
        }
    }
}

/// A line of the log; the driver knows its level and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The program starts.
    Started,
    /// A delivery that was cut off was found.
    Recovered(Recovery),
    /// There is no such branch, but a tag of that name.
    TagTaken,
    /// The newest commit does not descend from the one before: it was replaced by force, or, where
    /// that is not known for certain, the way between them is too long.
    Rewritten {
        /// The newest commit.
        revision: Revision,
        /// Whether its whole history was seen.
        certain: bool,
    },
    /// Nothing was recorded; what is on disk counts as deployed.
    Adopting {
        /// Files that differ and are replaced.
        writes: usize,
        /// Files that are not in the tree and go.
        removals: usize,
    },
    /// A file is not as it was delivered.
    Drifted(Drift),
    /// A delivery begins.
    Updating(Revision),
    /// Files are put back as they were delivered.
    Repairing(usize),
    /// The home is kept in another way from now on.
    Settling,
    /// What is deployed could not be put back.
    NotRepaired(Failure),
    /// A file or folder beside the content is not delivered (R6).
    LeftOut(ContentPath),
    /// A module that running processes of Airflow go on using as it was.
    NeedsRestart(HomePath),
    /// A commit is held, for this reason.
    Held {
        /// The commit.
        revision: Revision,
        /// The reason.
        reason: String,
        /// Whether it is that nothing could be seen.
        undecided: bool,
    },
    /// A commit is still held, for the same reasons.
    StillHeld(Revision),
    /// The first delivery is made in spite of this.
    DeliveredAnyway(String),
    /// What the judge wants to be known.
    Note(String),
    /// A pass failed; with the number of failures in a row.
    Failed {
        /// Why.
        failure: Failure,
        /// Failures in a row, this one included.
        attempt: u32,
    },
    /// A pass ended by a fault of this program; with how many ever did.
    Panicked(u64),
    /// The program was asked to end.
    Stopping,
    /// A pass is over.
    PassOver {
        /// The branch's newest commit, if it was reached.
        revision: Option<Revision>,
        /// What is deployed now.
        deployed: Option<Revision>,
        /// How it ended.
        outcome: PassOutcome,
        /// How long it took.
        elapsed: Duration,
    },
}

/// Where the loop stands. Small: what is big lives with the driver, and only during a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    interval: Duration,
    once: Option<Once>,
    bootstrap: Bootstrap,
    stage: Stage,
    /// When this pass began.
    pass_at: Duration,
    /// The newest commit, in this pass.
    revision: Option<Revision>,
    deployed: Option<Revision>,
    kind: Option<Kind>,
    unjudged: bool,
    /// Passes in a row that failed.
    failures: u32,
    /// Whether the last failure passes by itself.
    transient: bool,
    panics: u64,
    /// What was said of a hold, so that it is not said every pass.
    said: Option<(Revision, BTreeSet<String>)>,
    /// What was said of files beside the content.
    left_out: BTreeSet<ContentPath>,
    /// What was said of drift that stays.
    reported: BTreeSet<Drift>,
    /// Whether files are to be put back, or the home kept in another way, also where the newest commit is held.
    drifted: bool,
}

/// How far the loop has come since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has happened.
    New,
    /// The start was logged; the home is not open, or was given up after a fault.
    Started,
    /// The home is open and ours.
    Open,
}

impl State {
    /// Before anything has happened.
    pub fn new(interval: Duration, once: Option<Once>, bootstrap: Bootstrap) -> Self {
        Self {
            interval,
            once,
            bootstrap,
            stage: Stage::New,
            pass_at: Duration::ZERO,
            revision: None,
            deployed: None,
            kind: None,
            unjudged: false,
            failures: 0,
            transient: false,
            panics: 0,
            said: None,
            left_out: BTreeSet::new(),
            reported: BTreeSet::new(),
            drifted: false,
        }
    }

    /// How many passes ended by a fault of this program.
    pub fn panics(&self) -> u64 {
        self.panics
    }
}

/// What follows from an event at that time (since any fixed moment).
pub fn step(mut state: State, event: Event, now: Duration) -> (State, Vec<Effect>) {
    let effects = match event {
        Event::Due => state.begin(now),
        Event::Opened { recovered, deployed } => {
            state.stage = Stage::Open;
            state.deployed = deployed;
            let recovered = recovered.map(|recovery| Effect::Say(Line::Recovered(recovery)));
            recovered.into_iter().chain([Effect::Fetch]).collect()
        }
        Event::Fetched { revision, is_tag, ancestry } => {
            state.revision = Some(revision.clone());
            let tag = is_tag.then_some(Effect::Say(Line::TagTaken));
            let rewritten = match ancestry {
                Ancestry::Unasked | Ancestry::Descends => None,
                Ancestry::Rewritten => Some(Line::Rewritten { revision, certain: true }),
                Ancestry::Unreached => Some(Line::Rewritten { revision, certain: false }),
            };
            tag.into_iter().chain(rewritten.map(Effect::Say)).chain([Effect::Compare]).collect()
        }
        Event::Refused { revision, reason } => {
            state.revision = Some(revision.clone());
            state.hold(&revision, vec![reason], false, now)
        }
        Event::Compared(proposal) => state.compared(proposal, now),
        Event::Judged(judgement) => state.judged(judgement, now),
        Event::Published(published) => {
            state.deployed = Some(published.revision);
            state.said = None;
            let outcome = if state.unjudged { PassOutcome::Unjudged } else { PassOutcome::Success };
            let mut effects = restarts(published.stale);
            effects.extend(state.close(outcome, now));
            effects
        }
        Event::Repaired(repaired) => {
            let mut effects = match repaired {
                Ok(published) => restarts(published.stale),
                Err(failure) => vec![Effect::Say(Line::NotRepaired(failure))],
            };
            effects.extend(state.close(PassOutcome::Blocked, now));
            effects
        }
        Event::Failed(failure) => state.failed(failure, now),
        Event::Panicked => {
            state.panics += 1;
            state.transient = false;
            // Whatever it held may be half done: start from what is on disk.
            state.stage = Stage::Started;
            state.failures += 1;
            let mut effects = vec![Effect::Say(Line::Panicked(state.panics))];
            effects.extend(state.close(PassOutcome::Error, now));
            effects
        }
        Event::Shutdown => vec![Effect::Say(Line::Stopping), Effect::End(Outcome::Stopped)],
    };
    (state, effects)
}

fn restarts(stale: Vec<HomePath>) -> Vec<Effect> {
    stale.into_iter().map(|path| Effect::Say(Line::NeedsRestart(path))).collect()
}

impl State {
    fn begin(&mut self, now: Duration) -> Vec<Effect> {
        self.pass_at = now;
        self.revision = None;
        self.kind = None;
        self.unjudged = false;
        self.drifted = false;
        match self.stage {
            Stage::New => {
                self.stage = Stage::Started;
                vec![Effect::Say(Line::Started), Effect::Open]
            }
            Stage::Started => vec![Effect::Open],
            Stage::Open => vec![Effect::Fetch],
        }
    }

    fn compared(&mut self, proposal: Proposal, now: Duration) -> Vec<Effect> {
        let Some(revision) = self.revision.clone() else { return self.close(PassOutcome::Error, now) };
        self.kind = Some(proposal.kind);
        self.deployed = (proposal.kind != Kind::Empty).then(|| proposal.deployed.clone());
        let recorded = proposal.kind == Kind::Recorded;
        let keeps = proposal.drift.is_empty() || !proposal.repairs;
        self.drifted = recorded && (!keeps || proposal.unsettled);
        let drift: BTreeSet<Drift> = proposal.drift.into_iter().collect();
        let unsaid = drift.iter().filter(|drift| proposal.repairs || !self.reported.contains(*drift)).cloned();
        let mut effects: Vec<Effect> = unsaid.map(|drift| Effect::Say(Line::Drifted(drift))).collect();
        self.reported = drift;
        for path in proposal.left_out {
            if self.left_out.insert(path.clone()) {
                effects.push(Effect::Say(Line::LeftOut(path)));
            }
        }
        let (writes, removals) = match proposal.steps {
            Ok(steps) => steps,
            Err(refusals) => {
                let reasons = refusals.iter().map(ToString::to_string).collect();
                effects.extend(self.hold(&revision, reasons, false, now));
                return effects;
            }
        };
        let nothing_to_do = writes + removals == 0;
        let same = recorded && proposal.deployed == revision;
        if same && nothing_to_do && keeps && proposal.unsettled {
            effects.extend([Effect::Say(Line::Settling), Effect::Publish]);
            return effects;
        }
        if same && nothing_to_do && keeps && !off("R17") {
            effects.extend(self.close(PassOutcome::Noop, now));
            return effects;
        }
        if same {
            // What was delivered is put back: it was judged when it was delivered.
            effects.extend([Effect::Say(Line::Repairing(writes + removals)), Effect::Publish]);
            return effects;
        }
        if proposal.kind == Kind::Adopted {
            effects.push(Effect::Say(Line::Adopting { writes, removals }));
        }
        if nothing_to_do && !proposal.policy {
            effects.extend([Effect::Say(Line::Updating(revision)), Effect::Publish]);
            return effects;
        }
        let first = if proposal.kind == Kind::Empty { FirstDelivery::Yes } else { FirstDelivery::No };
        if off("R39") && proposal.kind == Kind::Recorded {
            effects.extend([Effect::Say(Line::Updating(revision)), Effect::Publish]);
            return effects;
        }
        effects.push(Effect::Judge(first));
        effects
    }

    fn judged(&mut self, judgement: Judgement, now: Duration) -> Vec<Effect> {
        let Some(revision) = self.revision.clone() else { return self.close(PassOutcome::Error, now) };
        let is_first = self.kind == Some(Kind::Empty);
        match judgement {
            Judgement::Allow { unjudged: true, notes } if is_first && self.bootstrap == Bootstrap::Wait => {
                let reason = "the runs in flight are not known".to_string();
                let reasons = if notes.is_empty() { vec![reason] } else { notes };
                self.hold(&revision, reasons, true, now)
            }
            Judgement::Allow { unjudged, notes } => {
                self.unjudged = unjudged;
                let mut effects: Vec<Effect> = notes.into_iter().map(|note| Effect::Say(Line::Note(note))).collect();
                effects.extend([Effect::Say(Line::Updating(revision)), Effect::Publish]);
                effects
            }
            Judgement::Hold { reasons, undecided } => {
                let anyway = is_first
                    && match self.bootstrap {
                        Bootstrap::Deliver => true,
                        Bootstrap::Judge => undecided,
                        Bootstrap::Wait => false,
                    };
                if !anyway {
                    return self.hold(&revision, reasons, undecided, now);
                }
                self.unjudged = true;
                let line = |reason| Effect::Say(Line::DeliveredAnyway(reason));
                let mut effects: Vec<Effect> = reasons.into_iter().map(line).collect();
                effects.extend([Effect::Say(Line::Updating(revision)), Effect::Publish]);
                effects
            }
        }
    }

    fn hold(&mut self, revision: &Revision, reasons: Vec<String>, undecided: bool, now: Duration) -> Vec<Effect> {
        let says = Some((revision.clone(), reasons.iter().cloned().collect()));
        let mut effects = Vec::new();
        if self.said == says {
            effects.push(Effect::Say(Line::StillHeld(revision.clone())));
        } else {
            effects.push(Effect::Hold { revision: revision.clone(), reasons: reasons.clone(), undecided });
            let line = |reason| Effect::Say(Line::Held { revision: revision.clone(), reason, undecided });
            effects.extend(reasons.into_iter().map(line));
            self.said = says;
        }
        if self.drifted {
            effects.push(Effect::Repair);
            return effects;
        }
        effects.extend(self.close(PassOutcome::Blocked, now));
        effects
    }

    fn failed(&mut self, failure: Failure, now: Duration) -> Vec<Effect> {
        self.failures += 1;
        self.transient = failure.transient;
        let fatal = failure.fatal || off("R24");
        let mut effects = vec![Effect::Say(Line::Failed { failure, attempt: self.failures })];
        effects.extend(self.close(PassOutcome::Error, now));
        if fatal && self.once.is_none() {
            effects.pop();
            effects.push(Effect::End(Outcome::Incomplete));
        }
        effects
    }

    /// Ends the pass: says so, then waits for the next one or ends the program.
    fn close(&mut self, outcome: PassOutcome, now: Duration) -> Vec<Effect> {
        if outcome != PassOutcome::Error {
            self.failures = 0;
        }
        let elapsed = now.saturating_sub(self.pass_at);
        let line =
            Line::PassOver { revision: self.revision.clone(), deployed: self.deployed.clone(), outcome, elapsed };
        let next = match self.once {
            None => Effect::Wait(self.wait(elapsed)),
            Some(_) => Effect::End(match outcome {
                PassOutcome::Success | PassOutcome::Unjudged | PassOutcome::Noop => Outcome::Complete,
                PassOutcome::Blocked if self.deployed.is_some() => Outcome::Held,
                PassOutcome::Error if self.deployed.is_some() && self.transient => Outcome::Kept,
                PassOutcome::Blocked | PassOutcome::Error if off("R31") => Outcome::Complete,
                PassOutcome::Blocked | PassOutcome::Error => Outcome::Incomplete,
            }),
        };
        vec![Effect::Say(line), next]
    }

    /// The rest of the interval; after a second failure in a row twice as long, and so on.
    fn wait(&self, elapsed: Duration) -> Duration {
        let longer = 1_u32.checked_shl(self.failures.saturating_sub(1)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let longer = if off("R12") { longer + 1 } else { longer };
        (self.interval * longer).saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    fn revision(text: &str) -> Revision {
        Revision::new(text)
    }

    fn fetched(text: &str) -> Event {
        Event::Fetched { revision: revision(text), is_tag: false, ancestry: Ancestry::Unasked }
    }

    fn compared(kind: Kind, deployed: &str, writes: usize) -> Event {
        Event::Compared(Proposal {
            kind,
            deployed: revision(deployed),
            drift: vec![],
            repairs: true,
            unsettled: false,
            left_out: vec![],
            steps: Ok((writes, 0)),
            policy: false,
        })
    }

    fn published(text: &str) -> Event {
        Event::Published(Published { revision: revision(text), writes: 1, removals: 0, stale: vec![] })
    }

    fn opened(deployed: Option<&str>) -> Event {
        Event::Opened { recovered: None, deployed: deployed.map(revision) }
    }

    fn hold(reason: &str) -> Event {
        Event::Judged(Judgement::Hold { reasons: vec![reason.into()], undecided: false })
    }

    fn failure(transient: bool, fatal: bool) -> Event {
        Event::Failed(Failure { error: "x".into(), transient, fatal })
    }

    fn allow() -> Event {
        Event::Judged(Judgement::Allow { unjudged: false, notes: vec![] })
    }

    struct Loop {
        state: State,
        now: Duration,
    }

    impl Loop {
        fn new(once: Option<Once>, bootstrap: Bootstrap) -> Self {
            Self { state: State::new(INTERVAL, once, bootstrap), now: Duration::ZERO }
        }

        /// Feeds events one second apart and returns what the last one led to, in short.
        fn feed(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<String> {
            let mut last = Vec::new();
            for event in events {
                let (state, effects) = step(self.state.clone(), event, self.now);
                self.state = state;
                self.now += Duration::from_secs(1);
                last = effects;
            }
            last.iter().map(short).collect()
        }
    }

    fn short(effect: &Effect) -> String {
        match effect {
            Effect::Say(Line::PassOver { outcome, .. }) => outcome.word().to_string(),
            Effect::Say(Line::Held { reason, .. }) => format!("held: {reason}"),
            Effect::Say(Line::Updating(revision)) => format!("updating {revision}"),
            Effect::Hold { .. } => "noted".to_string(),
            Effect::Say(line) => format!("{line:?}").split([' ', '(']).next().unwrap().to_string(),
            Effect::Wait(time) => format!("wait {}", time.as_secs()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_new_commit_is_judged_delivered_and_then_nothing_is_done() {
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        assert_eq!(sync.feed([Event::Due]), ["Started", "Open"]);
        assert_eq!(sync.feed([opened(Some("a"))]), ["Fetch"]);
        assert_eq!(sync.feed([fetched("b")]), ["Compare"]);
        assert_eq!(sync.feed([compared(Kind::Recorded, "a", 1)]), ["Judge(No)"]);
        assert_eq!(sync.feed([allow()]), ["updating b", "Publish"]);
        assert_eq!(sync.feed([published("b")]), ["success", "wait 295"]);
        assert_eq!(sync.feed([Event::Due]), ["Fetch"]);
        assert_eq!(sync.feed([fetched("b"), compared(Kind::Recorded, "b", 0)]), ["noop", "wait 298"]);
    }

    #[test]
    fn passes_begin_one_interval_apart() {
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(Some("a"))]);
        let mut begun = vec![];
        for _ in 0..12 {
            begun.push(sync.state.pass_at.as_secs());
            let (state, effects) = step(sync.state, fetched("a"), sync.now);
            assert_eq!(effects, [Effect::Compare]);
            sync.now += Duration::from_secs(7);
            let (state, effects) = step(state, compared(Kind::Recorded, "a", 0), sync.now);
            let Some(Effect::Wait(time)) = effects.last() else { panic!("{effects:?}") };
            sync.now += *time;
            sync.state = step(state, Event::Due, sync.now).0;
        }
        // The first pass also opened the home; each later one begins on the mark.
        assert_eq!(begun, (0..12).map(|n| n * 300).collect::<Vec<_>>());
    }

    #[test]
    fn a_hold_is_said_once_and_releases_by_itself() {
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        let pass =
            |revision: &str, verdict: Event| [Event::Due, fetched(revision), compared(Kind::Recorded, "a", 1), verdict];
        sync.feed([Event::Due, opened(Some("a"))]);
        assert_eq!(sync.feed(pass("b", hold("x"))), ["noted", "held: x", "blocked", "wait 297"]);
        assert_eq!(sync.feed(pass("b", hold("x"))), ["StillHeld", "blocked", "wait 297"]);
        assert_eq!(sync.feed(pass("b", hold("y"))), ["noted", "held: y", "blocked", "wait 297"]);
        assert_eq!(sync.feed(pass("c", hold("y"))), ["noted", "held: y", "blocked", "wait 297"]);
        assert_eq!(sync.feed(pass("c", allow())), ["updating c", "Publish"]);
        sync.feed([published("c")]);
        assert_eq!(sync.feed(pass("d", hold("y"))), ["noted", "held: y", "blocked", "wait 297"]);
    }

    #[test]
    fn a_commit_that_is_not_taken_is_a_hold_and_a_rewritten_branch_is_said() {
        let refused = |text: &str| Event::Refused { revision: revision(text), reason: "too large".into() };
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(Some("a"))]);
        assert_eq!(sync.feed([refused("b")]), ["noted", "held: too large", "blocked", "wait 298"]);
        assert_eq!(sync.feed([Event::Due, refused("b")]), ["StillHeld", "blocked", "wait 299"]);
        for ancestry in [Ancestry::Rewritten, Ancestry::Unreached] {
            let rewritten = Event::Fetched { revision: revision("c"), is_tag: false, ancestry };
            assert_eq!(sync.feed([Event::Due, rewritten]), ["Rewritten", "Compare"]);
        }
        let once = |deployed: Option<&str>| {
            let mut sync = Loop::new(Some(Once { strict: false }), Bootstrap::Deliver);
            sync.feed([Event::Due, opened(deployed), refused("b")]).pop()
        };
        assert_eq!(once(Some("a")).as_deref(), Some("End(Held)"));
        assert_eq!(once(None).as_deref(), Some("End(Incomplete)"));
    }

    #[test]
    fn an_empty_home_is_filled_as_it_was_asked() {
        let unseen = || Event::Judged(Judgement::Hold { reasons: vec!["unseen".into()], undecided: true });
        let unjudged = || Event::Judged(Judgement::Allow { unjudged: true, notes: vec![] });
        let first = |bootstrap, verdict: Event| {
            let mut sync = Loop::new(Some(Once { strict: false }), bootstrap);
            sync.feed([Event::Due, opened(None), fetched("a"), compared(Kind::Empty, "disk", 5), verdict])
        };
        for verdict in [hold("x"), unseen()] {
            assert_eq!(first(Bootstrap::Deliver, verdict), ["DeliveredAnyway", "updating a", "Publish"]);
        }
        assert_eq!(first(Bootstrap::Judge, unseen()), ["DeliveredAnyway", "updating a", "Publish"]);
        assert_eq!(first(Bootstrap::Judge, hold("x")), ["noted", "held: x", "blocked", "End(Incomplete)"]);
        assert_eq!(first(Bootstrap::Wait, unseen()), ["noted", "held: unseen", "blocked", "End(Incomplete)"]);
        assert_eq!(first(Bootstrap::Wait, allow()), ["updating a", "Publish"]);
        assert_eq!(first(Bootstrap::Wait, unjudged())[2..], ["blocked", "End(Incomplete)"]);
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(None), fetched("a"), compared(Kind::Empty, "disk", 5), unjudged()]);
        assert_eq!(sync.feed([published("a")])[0], "unjudged");
    }

    #[test]
    fn what_is_the_same_is_adopted_and_what_was_delivered_is_put_back_without_a_judge() {
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(None), fetched("a")]);
        assert_eq!(sync.feed([compared(Kind::Adopted, "disk", 0)]), ["Adopting", "updating a", "Publish"]);
        sync.feed([published("a"), Event::Due, fetched("a")]);
        let drift =
            Drift { path: crate::content::HomePath::new("dags/x.py").unwrap(), kind: crate::publish::DriftKind::Stray };
        let drifted = Proposal {
            kind: Kind::Recorded,
            deployed: revision("a"),
            drift: vec![drift],
            repairs: true,
            unsettled: false,
            left_out: vec![],
            steps: Ok((0, 1)),
            policy: false,
        };
        assert_eq!(sync.feed([Event::Compared(drifted)]), ["Drifted", "Repairing", "Publish"]);
    }

    #[test]
    fn what_others_changed_is_put_back_also_while_a_commit_is_held_or_said_once() {
        let drift = Drift { path: HomePath::new("dags/x.py").unwrap(), kind: crate::publish::DriftKind::Changed };
        let drifted = |repairs, deployed: &str| {
            Event::Compared(Proposal {
                kind: Kind::Recorded,
                deployed: revision(deployed),
                drift: vec![drift.clone()],
                repairs,
                unsettled: false,
                left_out: vec![],
                steps: Ok((usize::from(repairs || deployed != "b"), 0)),
                policy: false,
            })
        };
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(Some("a"))]);
        assert_eq!(sync.feed([fetched("b"), drifted(true, "a"), hold("x")]), ["noted", "held: x", "Repair"]);
        let repaired = Published { revision: revision("a"), writes: 1, removals: 0, stale: vec![] };
        assert_eq!(sync.feed([Event::Repaired(Ok(repaired))]), ["blocked", "wait 295"]);
        let lost = Failure { error: "x".into(), transient: true, fatal: false };
        sync.feed([Event::Due, fetched("b"), drifted(true, "a"), hold("x")]);
        assert_eq!(sync.feed([Event::Repaired(Err(lost))]), ["NotRepaired", "blocked", "wait 296"]);
        sync.feed([Event::Due, fetched("b")]);
        assert_eq!(sync.feed([drifted(false, "b")])[..1], ["noop"], "what was said is not said again");
        sync.feed([Event::Due, fetched("b"), compared(Kind::Recorded, "b", 0), Event::Due, fetched("b")]);
        assert_eq!(sync.feed([drifted(false, "b")])[..2], ["Drifted", "noop"], "but after it was mended");
        let stale = vec![HomePath::new("plugins/ui/views.py").unwrap()];
        let published = Published { revision: revision("c"), writes: 1, removals: 0, stale };
        assert_eq!(sync.feed([Event::Published(published)])[..2], ["NeedsRestart", "success"]);
    }

    #[test]
    fn a_tree_that_cannot_be_delivered_is_held() {
        let mut sync = Loop::new(Some(Once { strict: false }), Bootstrap::Deliver);
        let refused = Proposal {
            kind: Kind::Recorded,
            deployed: revision("a"),
            drift: vec![],
            repairs: true,
            unsettled: false,
            left_out: vec![],
            steps: Err(vec![Refusal::NoContent("dags".into())]),
            policy: false,
        };
        let said = sync.feed([Event::Due, opened(Some("a")), fetched("b"), Event::Compared(refused)]);
        assert!(said[1].starts_with("held: the tree holds none of the folders"), "{said:?}");
        assert_eq!(said[2..], ["blocked", "End(Held)"]);
    }

    #[test]
    fn failures_lengthen_the_wait_and_never_end_the_loop() {
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        sync.feed([Event::Due, opened(Some("a"))]);
        let mut waits = vec![];
        for _ in 0..5 {
            waits.push(sync.feed([failure(true, false)]).pop().unwrap());
            sync.feed([Event::Due]);
        }
        assert_eq!(waits, ["wait 298", "wait 599", "wait 1199", "wait 1199", "wait 1199"]);
        assert_eq!(sync.feed([fetched("a"), compared(Kind::Recorded, "a", 0)]), ["noop", "wait 298"]);
        assert_eq!(sync.feed([Event::Due, failure(true, false)]), ["Failed", "error", "wait 299"]);
        assert_eq!(sync.feed([Event::Due, Event::Panicked]), ["Panicked", "error", "wait 599"]);
        assert_eq!(sync.feed([Event::Due]), ["Open"], "after a panic the pass starts from the disk");
        assert_eq!(sync.state.panics(), 1);
        assert_eq!(sync.feed([failure(false, true)]), ["Failed", "error", "End(Incomplete)"]);
    }

    #[test]
    fn one_pass_says_what_the_home_holds() {
        let end = |deployed, events: Vec<Event>| {
            let mut sync = Loop::new(Some(Once { strict: true }), Bootstrap::Deliver);
            sync.feed([Event::Due, opened(deployed)].into_iter().chain(events)).pop().unwrap()
        };
        let recorded = |writes| compared(Kind::Recorded, "a", writes);
        assert_eq!(end(Some("a"), vec![fetched("a"), recorded(0)]), "End(Complete)");
        assert_eq!(end(Some("a"), vec![fetched("b"), recorded(1), hold("x")]), "End(Held)");
        assert_eq!(end(Some("a"), vec![fetched("b"), recorded(1), allow(), published("b")]), "End(Complete)");
        assert_eq!(end(Some("a"), vec![failure(true, false)]), "End(Kept)");
        assert_eq!(end(None, vec![failure(true, false)]), "End(Incomplete)");
        let mut sync = Loop::new(None, Bootstrap::Deliver);
        assert_eq!(sync.feed([Event::Due, Event::Shutdown]), ["Stopping", "End(Stopped)"]);
    }
}
