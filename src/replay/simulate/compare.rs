//! The two ends of a run held against each other: what the change did, to which instances, and which of
//! the changes it was.

use super::meaning::{Does, Meaning, Part, Work, fresh, pairs};
use super::side::{End, How, Instance, Row, Side};
use super::state::State;
use super::{Stage, step_off};
use crate::diff::Kind;
use crate::facts::TaskState;
use crate::ids::TaskId;
use crate::replay::Outcome;
use crate::replay::claim::{Fate, Whom, mapping, skew};
use std::collections::{BTreeMap, BTreeSet};

/// Something that happens under the change and not without it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) what: What,
    /// The instance: task and index.
    pub(super) task: TaskId,
    pub(super) index: i64,
    /// Its place among the run's instances, if it was there.
    pub(super) origin: Option<usize>,
    /// Another id, or an element.
    pub(super) other: Option<String>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// It becomes `removed`.
    Removed,
    /// It becomes `removed` while a worker is at it, which ends that.
    Killed,
    /// Its work is done a second time; `other` is the id that does it, or the element.
    Again,
    /// Another id takes its place.
    TakenOver,
    /// The work that it was due to do is never done; `other` is the element.
    NeverDone,
    /// It fails.
    Fails,
    /// It fails with what is before it.
    FailsBehind,
    /// It is skipped.
    Skipped,
    /// It never starts, or never ends.
    NeverEnds,
    /// It came true what a claim says; `other` is the claim's place.
    Claimed,
}

/// What the changes do to the run.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By the change that caused it.
    pub(super) by_change: BTreeMap<usize, (BTreeSet<Outcome>, BTreeSet<Event>)>,
    /// What no change explains.
    pub(super) unexplained: (BTreeSet<Outcome>, BTreeSet<Event>),
    /// How the run ends, if otherwise than without the change.
    pub(super) end: Option<End>,
}

impl Found {
    fn add(&mut self, cause: Option<usize>, outcome: Option<Outcome>, event: Event) {
        let (outcomes, events) = match cause {
            Some(change) => self.by_change.entry(change).or_default(),
            None => &mut self.unexplained,
        };
        outcomes.extend(outcome);
        events.insert(event);
    }

    /// All outcomes.
    pub(super) fn outcomes(&self) -> BTreeSet<Outcome> {
        let known = self.by_change.values().flat_map(|(outcomes, _)| outcomes);
        known.chain(&self.unexplained.0).copied().collect()
    }
}

/// How often a piece of work is begun and done.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    begun: usize,
    done: usize,
}

/// The work of both sides.
#[derive(Debug, Default)]
struct Ledger<'a> {
    control: BTreeMap<Work<'a>, Tally>,
    changed: BTreeMap<Work<'a>, Tally>,
    /// Instances that do all of a task's work, each.
    all: BTreeMap<&'a TaskId, Tally>,
    /// Who began a piece of work under the change.
    begun_by: BTreeMap<Work<'a>, (usize, usize)>,
    all_begun_by: BTreeMap<&'a TaskId, (usize, usize)>,
    /// The deployed instance of a piece of work.
    of: BTreeMap<Work<'a>, (&'a TaskId, i64)>,
}

struct Comparison<'a> {
    stage: &'a Stage<'a>,
    control: &'a Side<'a>,
    changed: &'a Side<'a>,
    meaning: Meaning<'a>,
    /// The change behind what is not as it would be with a task, where there is something.
    causes: Vec<Option<usize>>,
    found: Found,
}

/// Compares the two ends.
pub(super) fn compare<'a>(stage: &'a Stage<'a>, control: &'a Side<'a>, changed: &'a Side<'a>) -> Found {
    // A pinned run keeps its own DAG, and with it what its ids mean.
    let pinned = stage.scene.pinned();
    let (pairs, fresh) = if pinned { Default::default() } else { (pairs(stage.changes), fresh(stage.changes)) };
    let meaning = if pinned { Meaning::pinned(stage.changes) } else { Meaning::of(stage.changes, &pairs, &fresh) };
    let mut comparison = Comparison { stage, control, changed, meaning, causes: Vec::new(), found: Found::default() };
    comparison.causes = comparison.causes();
    comparison.instances();
    comparison.works();
    comparison.claims();
    comparison.ends();
    comparison.found
}

impl<'a> Comparison<'a> {
    /// The first change about a task, those of that kind before others.
    fn about(&self, id: &TaskId, prefers: impl Fn(&Kind) -> bool) -> Option<usize> {
        let all = self.stage.counted.about.get(id)?;
        let preferred = all.iter().find(|at| prefers(&self.stage.changes[**at].kind));
        preferred.or(all.first()).copied()
    }

    /// The change that alone made an instance what it is.
    fn direct(&self, row: usize, instance: &Instance) -> Option<usize> {
        let id = &self.changed.rows[row].id;
        let identity = |kind: &Kind| matches!(kind, Kind::Identity(_));
        let mapping = |kind: &Kind| matches!(kind, Kind::Mapping(_));
        match instance.how {
            How::Claimed(claim) => Some(self.stage.claims[claim].change),
            How::Gone | How::Created | How::Restored | How::FollowOn | How::Window => self.about(id, identity),
            How::OverCount | How::NowMapped | How::PlainIndex | How::NoLength => self.about(id, mapping),
            How::NotCounted => self.about(id, mapping).or_else(|| self.upstream(row)),
            How::NotChosen => self.about(id, identity).or_else(|| self.about_edges(row)),
            How::TooEarly => self.about_edges(row).or_else(|| self.about(id, identity)),
            How::CannotLoad => self.stage.of_run(Fate::CannotLoad).map(|claim| self.stage.claims[claim].change),
            How::AsBefore | How::Rule => None,
        }
    }

    /// A change of a task's own edges or rule.
    fn about_edges(&self, row: usize) -> Option<usize> {
        let all = self.stage.counted.about.get(&self.changed.rows[row].id)?;
        all.iter().find(|at| matches!(self.stage.changes[**at].kind, Kind::Graph(_))).copied()
    }

    /// A change about what is, or was, directly upstream.
    fn upstream(&self, row: usize) -> Option<usize> {
        let id = &self.changed.rows[row].id;
        let any = |_: &Kind| true;
        let deployed = self.stage.deployed.find(id).map(|at| &self.stage.deployed.nodes[at]);
        let was = deployed.into_iter().flat_map(|node| &node.up).map(|up| &self.stage.deployed.nodes[*up].id);
        let now = self.changed.graph.nodes.get(row).into_iter().flat_map(|node| &node.up);
        let now = now.map(|up| &self.changed.graph.nodes[*up].id);
        now.chain(was).find_map(|id| self.about(id, any))
    }

    /// For each task the change behind what is not as it would be: its own, else that of what is upstream.
    fn causes(&self) -> Vec<Option<usize>> {
        let mut causes = vec![None; self.changed.rows.len()];
        let mut order: Vec<usize> = (0..causes.len()).collect();
        order.sort_by_key(|row| self.changed.graph.nodes.get(*row).map_or(0, |node| node.rank));
        for row in order {
            let mut instances = self.changed.rows[row].instances.iter();
            let own = instances.find_map(|instance| self.direct(row, instance));
            let ups = || self.changed.graph.nodes.get(row).into_iter().flat_map(|node| &node.up);
            causes[row] = own
                .or_else(|| ups().find_map(|up| causes[*up]))
                .or_else(|| self.about_edges(row))
                .or_else(|| self.upstream(row));
        }
        causes
    }

    fn cause(&self, row: usize, at: usize) -> Option<usize> {
        let own = self.direct(row, &self.changed.rows[row].instances[at]);
        own.or_else(|| self.about_edges(row)).or(self.causes[row])
    }

    fn event(&self, what: What, row: usize, at: usize) -> Event {
        let instance = &self.changed.rows[row].instances[at];
        let task = self.changed.rows[row].id.clone();
        Event { what, task, index: instance.index, origin: instance.origin, other: None }
    }

    /// How the instance would have ended without the change.
    fn counterpart(&self, row: usize, index: i64) -> Option<&Instance> {
        let id = &self.changed.rows[row].id;
        let origin = self.meaning.origin(id)?;
        let row = self.control.row(origin)?;
        self.control.find(row, index).map(|at| &self.control.rows[row].instances[at])
    }

    /// Instances that end in another state than they would have.
    fn instances(&mut self) {
        for row in 0..self.changed.rows.len() {
            for at in 0..self.changed.rows[row].instances.len() {
                let instance = &self.changed.rows[row].instances[at];
                let without = self.counterpart(row, instance.index).map(|instance| instance.state);
                let same = self.itself(row, at);
                let (outcome, what) = match instance.state {
                    State::Removed if instance.was == State::Removed || instance.origin.is_none() => continue,
                    State::Removed => {
                        let history = matches!(same, Some(State::Success | State::Failed));
                        let running = matches!(instance.was, State::Running);
                        (history.then_some(Outcome::Lost), if running { What::Killed } else { What::Removed })
                    }
                    state if same == Some(state) || without == Some(state) => continue,
                    State::Failed => (Some(Outcome::Failed), What::Fails),
                    State::UpstreamFailed => (Some(Outcome::Failed), What::FailsBehind),
                    State::Skipped if without.is_some_and(|state| state != State::Success) => continue,
                    State::Skipped if without.is_none() => continue,
                    State::Skipped => (None, What::Skipped),
                    State::NeverStarts | State::NeverEnds => (Some(Outcome::Stuck), What::NeverEnds),
                    State::Success => continue,
                    _ if without == Some(State::Success) => (None, What::NeverEnds),
                    _ => continue,
                };
                let event = self.event(what, row, at);
                let cause = self.left_open(row, at).or_else(|| self.cause(row, at));
                self.found.add(cause, outcome, event);
            }
        }
    }

    /// The change that failed the run as a whole, of an instance that this left where it was.
    fn left_open(&self, row: usize, at: usize) -> Option<usize> {
        let state = self.changed.rows[row].instances[at].state;
        let open = !state.is_finished() && !matches!(state, State::NeverStarts | State::NeverEnds);
        let run = self.stage.of_run(Fate::Fails).filter(|_| open && self.changed.end == End::Failed)?;
        Some(self.stage.claims[run].change)
    }

    /// How the instance of that very id and index would have ended without the change.
    fn itself(&self, row: usize, at: usize) -> Option<State> {
        let instance = &self.changed.rows[row].instances[at];
        let row = self.control.row(&self.changed.rows[row].id)?;
        let at = self.control.find(row, instance.index)?;
        Some(self.control.rows[row].instances[at].state)
    }

    fn ledger(&self) -> Ledger<'a> {
        let mut ledger = Ledger::default();
        let (control, changed) = (self.control, self.changed);
        // What the run has no instance of is not work that was begun for it.
        let known = |row: &&Row| row.instances.iter().any(|instance| instance.origin.is_some());
        for row in control.rows.iter().filter(known) {
            for instance in &row.instances {
                let work = self.meaning.deployed(&row.id, instance.index);
                let tally = ledger.control.entry(work.clone()).or_default();
                let (begun, done) = self.at_gate(instance);
                tally.begun += begun + usize::from(instance.started);
                tally.done += usize::from(instance.done);
                let before = ledger.changed.entry(work.clone()).or_default();
                before.begun += begun;
                before.done += done;
                ledger.of.entry(work).or_insert((&row.id, instance.index));
            }
        }
        let other_work: BTreeSet<(usize, usize)> = changed
            .met
            .iter()
            .filter(|(claim, ..)| self.stage.claims[*claim].claim.fate == Fate::OtherWork)
            .map(|(_, row, at)| (*row, *at))
            .collect();
        for (at_row, row) in changed.rows.iter().enumerate() {
            for (at, instance) in row.instances.iter().enumerate() {
                let done = usize::from(instance.done && !other_work.contains(&(at_row, at)));
                if !instance.started {
                    // It ended, or resumed, as what it was.
                    if instance.origin.is_some() && instance.was != State::Success {
                        ledger.changed.entry(self.meaning.deployed(&row.id, instance.index)).or_default().done += done;
                    }
                    continue;
                }
                let mapped = changed.graph.nodes.get(at_row).is_some_and(|_| changed.graph.is_mapped(at_row));
                match self.meaning.proposed(&row.id, instance.index, mapped, control) {
                    Does::One(work) => {
                        let tally = ledger.changed.entry(work.clone()).or_default();
                        tally.begun += 1;
                        tally.done += done;
                        ledger.begun_by.insert(work, (at_row, at));
                    }
                    Does::All(task) => {
                        let tally = ledger.all.entry(task).or_default();
                        tally.begun += 1;
                        tally.done += done;
                        ledger.all_begun_by.insert(task, (at_row, at));
                    }
                    Does::New => {}
                }
            }
        }
        ledger
    }

    /// Whether an instance's work was begun, and done, when the change came. A sensor only looks: to look
    /// again repeats nothing. What waits for another try begins again either way.
    fn at_gate(&self, instance: &Instance) -> (usize, usize) {
        let Some(origin) = instance.origin else { return (0, 0) };
        let known = &self.stage.scene.run.task_instances[origin];
        let sensor = || {
            let operator = known
                .operator
                .as_deref()
                .or_else(|| Some(self.stage.scene.deployed?.task(&known.task_id)?.operator.as_str()));
            operator.is_some_and(|operator| operator.to_ascii_lowercase().contains("sensor"))
        };
        match known.state {
            TaskState::Success => (1, 1),
            TaskState::Failed => (1, 0),
            TaskState::Running | TaskState::Deferred | TaskState::Other(_) if !sensor() => (1, 0),
            _ => (0, 0),
        }
    }

    /// Work that is done more often than it would be, or not at all.
    fn works(&mut self) {
        let ledger = self.ledger();
        let short = self.ends_short();
        for (work, control) in &ledger.control {
            let one = ledger.changed.get(work).copied().unwrap_or_default();
            let all = ledger.all.get(work.task).copied().unwrap_or_default();
            let (begun, done) = (one.begun + all.begun, one.done + all.done);
            let by = ledger.begun_by.get(work).or_else(|| ledger.all_begun_by.get(work.task)).copied();
            let element = match work.part {
                Part::Element(text) => Some(text.to_string()),
                Part::At(_) => None,
            };
            let Some((task, index)) = ledger.of.get(work).copied() else { continue };
            if begun > control.begun.max(1)
                && control.begun > 0
                && !step_off("work that is done again")
                && let Some((row, at)) = by
            {
                let what = if element.is_none() && self.changed.rows[row].id == *task { None } else { element.clone() };
                let other = what.or_else(|| Some(self.changed.rows[row].id.to_string()));
                let event = Event { other, ..self.deployed_event(What::Again, task, index) };
                self.found.add(self.cause_again(row, at, work), Some(Outcome::Repeated), event);
            } else if let Some((row, at)) = by
                && self.changed.rows[row].id != *task
                && done >= control.done
            {
                let other = Some(self.changed.rows[row].id.to_string());
                let event = Event { other, ..self.deployed_event(What::TakenOver, task, index) };
                self.found.add(self.cause(row, at), None, event);
            }
            if done < control.done && !step_off("work that is never done") {
                let cause = self.cause_never(work, index);
                let event = Event { other: element, ..self.deployed_event(What::NeverDone, task, index) };
                self.found.add(cause, Some(Outcome::SkippedWork), event);
                if short && !step_off("success too early") {
                    let event = self.deployed_event(What::NeverDone, task, index);
                    self.found.add(cause, Some(Outcome::EarlySuccess), event);
                }
            }
        }
    }

    fn deployed_event(&self, what: What, task: &TaskId, index: i64) -> Event {
        let row = self.control.row(task);
        let at = row.and_then(|row| Some((row, self.control.find(row, index)?)));
        let origin = at.and_then(|(row, at)| self.control.rows[row].instances[at].origin);
        Event { what, task: task.clone(), index, origin, other: None }
    }

    /// The change that gave the work to another id or index: of elements, before any other.
    fn meant(&self, id: &TaskId, work: &Work) -> Option<usize> {
        let of_elements = |kind: &Kind| match kind {
            Kind::Mapping(kind) => mapping::elements(kind).is_some(),
            Kind::Skew(kind) => skew::elements(kind).is_some(),
            _ => false,
        };
        let means = |kind: &Kind| matches!(kind, Kind::Identity(_) | Kind::Mapping(_));
        match work.part {
            Part::Element(_) => self.about(id, of_elements),
            Part::At(_) => self.about(id, |kind| means(kind) || is_skew_of_meaning(kind)),
        }
    }

    fn cause_again(&self, row: usize, at: usize, work: &Work) -> Option<usize> {
        let own = self.direct(row, &self.changed.rows[row].instances[at]);
        let meant = || self.meant(&self.changed.rows[row].id, work).or_else(|| self.meant(work.task, work));
        match work.part {
            Part::Element(_) => meant().or(own),
            Part::At(_) => own.or_else(meant),
        }
    }

    fn cause_never(&self, work: &Work, index: i64) -> Option<usize> {
        let row = self.changed.row(work.task);
        let at = row.and_then(|row| Some((row, self.changed.find(row, index)?)));
        let own = at.and_then(|(row, at)| self.direct(row, &self.changed.rows[row].instances[at]));
        let claimed = at.and_then(|(row, at)| {
            let met = self.changed.met.iter().find(|(_, met, place)| (*met, *place) == (row, at));
            met.map(|(claim, ..)| self.stage.claims[*claim].change)
        });
        own.or(claimed)
            .or_else(|| at.and_then(|(row, at)| self.left_open(row, at)))
            .or_else(|| row.and_then(|row| self.about_edges(row)))
            .or_else(|| self.meant(work.task, work))
            .or_else(|| row.and_then(|row| self.causes[row]))
            .or_else(|| self.of_end())
    }

    /// Whether the run is `success` although an instance that was open, and would have succeeded, does not
    /// end so: it was not waited for.
    fn ends_short(&self) -> bool {
        let rows = 0..self.changed.rows.len();
        let short = |row: usize| {
            let instances = self.changed.rows[row].instances.iter().enumerate();
            let open = instances.filter(|(_, instance)| instance.origin.is_some() && !instance.was.is_finished());
            let mut short = open.filter(|(_, instance)| instance.state != State::Success);
            short.any(|(at, _)| self.itself(row, at) == Some(State::Success))
        };
        self.changed.end == End::Success && rows.into_iter().any(short)
    }

    /// Claims that came true.
    fn claims(&mut self) {
        let of_run = |fate| matches!(fate, Fate::Noted | Fate::HurtsElsewhere | Fate::NotKnown | Fate::CannotLoad);
        for (at, given) in self.stage.claims.iter().enumerate() {
            if given.claim.whom == Whom::Run && of_run(given.claim.fate) {
                self.found.add(Some(given.change), None, told_of_run(at));
            }
        }
        for (claim, row, at) in &self.changed.met {
            let given = &self.stage.claims[*claim];
            if given.claim.whom == Whom::Run {
                self.found.add(Some(given.change), None, told_of_run(*claim));
                continue;
            }
            let outcome = match given.claim.fate {
                Fate::WorkAgain => Some(Outcome::Repeated),
                // It runs, and what was due is not what is done.
                Fate::OtherValue => Some(Outcome::SkippedWork),
                _ => None,
            };
            let event = Event { other: Some(claim.to_string()), ..self.event(What::Claimed, *row, *at) };
            self.found.add(Some(given.change), outcome, event);
        }
    }

    /// The change to which the end of the run is due: of what is open at the end, or has failed.
    fn of_end(&self) -> Option<usize> {
        let run = [Fate::CannotLoad, Fate::Fails].into_iter().find_map(|fate| self.stage.of_run(fate));
        let rows = self.changed.rows.iter().enumerate();
        let mut open = rows.filter(|(_, row)| {
            row.instances.iter().any(|instance| !instance.state.is_finished() || instance.state.is_bad())
        });
        run.map(|claim| self.stage.claims[claim].change).or_else(|| open.find_map(|(row, _)| self.causes[row]))
    }

    fn ends(&mut self) {
        let (control, changed) = (self.control.end, self.changed.end);
        let failed = |end| matches!(end, End::Failed | End::Deadlock);
        if control == changed || failed(control) && failed(changed) {
            return;
        }
        let outcome = match changed {
            End::Failed | End::Deadlock => Outcome::Failed,
            End::Stuck => Outcome::Stuck,
            End::Success => return,
        };
        let cause = self.of_end();
        let (outcomes, _) = match cause {
            Some(change) => self.found.by_change.entry(change).or_default(),
            None => &mut self.found.unexplained,
        };
        outcomes.insert(outcome);
        self.found.end = Some(changed);
    }
}

fn is_skew_of_meaning(kind: &Kind) -> bool {
    matches!(kind, Kind::Skew(kind) if skew::meaning(kind).is_some())
}

/// A claim about the run as a whole.
fn told_of_run(claim: usize) -> Event {
    Event { what: What::Claimed, task: TaskId::new(""), index: -1, origin: None, other: Some(claim.to_string()) }
}
