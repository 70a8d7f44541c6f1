//! What was found, as one effect for each change: harm, outcomes and a sentence.

use super::Stage;
use super::compare::{Event, Found, What};
use super::side::{End, Side};
use crate::diff::Kind;
use crate::facts::{TaskInstance, TaskState};
use crate::ids::{MapIndex, TaskId};
use crate::replay::claim::{Fate, Whom};
use crate::replay::{Effect, Harm, Outcome, several, these};
use std::collections::{BTreeMap, BTreeSet};

/// One effect for each change, in their order.
pub(super) fn effects(stage: &Stage, changed: &Side, found: &Found, lost: Option<&Found>) -> Vec<Effect> {
    let known = found.outcomes();
    // What no change explains must not pass in silence: it is laid to the change that can most likely
    // have caused it. Where the others do not count, it is theirs.
    let rest = (!stage.counted.certain_only).then(|| rest(stage));
    (0..stage.changes.len())
        .map(|change| {
            let of = |found: &Found| {
                let (mut outcomes, mut events) = found.by_change.get(&change).cloned().unwrap_or_default();
                if Some(change) == rest {
                    outcomes.extend(&found.unexplained.0);
                    events.extend(found.unexplained.1.iter().cloned());
                }
                (outcomes, events)
            };
            let (outcomes, events) = of(found);
            let mut race = BTreeSet::new();
            if let Some(lost) = lost {
                race = of(lost).0;
                race.retain(|outcome| !known.contains(outcome));
            }
            effect(stage, changed, found, &Of { outcomes, events, race })
        })
        .collect()
}

/// The change to which the unexplained is laid.
fn rest(stage: &Stage) -> usize {
    let shapes = |kind: &Kind| matches!(kind, Kind::Identity(_) | Kind::Mapping(_) | Kind::Graph(_));
    let unknown = |kind: &Kind| matches!(kind, Kind::DagNotKnown { .. });
    let first = |of: &dyn Fn(&Kind) -> bool| stage.changes.iter().position(|change| of(&change.kind));
    first(&unknown).or_else(|| first(&shapes)).unwrap_or(0)
}

/// What was found of one change.
struct Of {
    outcomes: BTreeSet<Outcome>,
    events: BTreeSet<Event>,
    race: BTreeSet<Outcome>,
}

fn effect(stage: &Stage, changed: &Side, found: &Found, of: &Of) -> Effect {
    let fates: Vec<Fate> = of.events.iter().filter_map(|event| Some(stage.claims[claim(event)?].claim.fate)).collect();
    let breaks = |fate: &Fate| {
        matches!(
            fate,
            Fate::OtherValue
                | Fate::OtherWork
                | Fate::Skipped
                | Fate::WorkAgain
                | Fate::HurtsElsewhere
                | Fate::NotKnown
        )
    };
    let harm = if !of.outcomes.is_empty() || !of.race.is_empty() || fates.iter().any(breaks) {
        Harm::Breaks
    } else if fates.is_empty() {
        Harm::None
    } else {
        Harm::Soft
    };
    if harm == Harm::None {
        return Effect::none();
    }
    let mut parts = Sentence { stage, events: &of.events, parts: Vec::new() };
    parts.all(of, changed, found);
    let mut hits: BTreeSet<usize> = of.events.iter().filter_map(|event| event.origin).collect();
    if fates.iter().any(|fate| matches!(fate, Fate::NotKnown | Fate::CannotLoad)) {
        let open = stage.scene.run.task_instances.iter().enumerate();
        hits.extend(open.filter(|(_, instance)| super::super::unfinished(instance)).map(|(at, _)| at));
    }
    let run = &stage.scene.run.task_instances;
    let hits = hits.into_iter().map(|at| {
        let hit = &run[at];
        (hit.task_id.clone(), hit.map_index, hit.state.clone())
    });
    let made = of.events.iter().filter(|event| event.origin.is_none() && event.what != What::Claimed);
    let made = made.map(|event| (event.task.clone(), MapIndex(event.index), TaskState::NoStatus));
    let hits = hits.chain(made).collect();
    Effect { harm, outcomes: of.outcomes.clone(), race: of.race.clone(), sentence: parts.parts.join("; "), hits }
}

fn claim(event: &Event) -> Option<usize> {
    if event.what != What::Claimed {
        return None;
    }
    event.other.as_ref()?.parse().ok()
}

struct Sentence<'a> {
    stage: &'a Stage<'a>,
    events: &'a BTreeSet<Event>,
    parts: Vec<String>,
}

impl<'a> Sentence<'a> {
    fn all(&mut self, of: &Of, changed: &Side, found: &Found) {
        self.of_run();
        self.removed();
        self.elements();
        self.again();
        self.claimed();
        self.rest();
        self.end(of, changed, found);
        if !of.race.is_empty() {
            self.race(of);
        }
        if self.parts.is_empty() {
            self.parts.push("what becomes of it is not what it would be".to_string());
        }
    }

    fn instance(&self, event: &Event) -> Option<&'a TaskInstance> {
        self.stage.scene.run.task_instances.get(event.origin?)
    }

    /// The events of a kind, those of instances that were there.
    fn of(&self, what: &[What]) -> Vec<&'a Event> {
        self.events.iter().filter(|event| what.contains(&event.what)).collect()
    }

    /// `` `load`[0, 2] (running, queued) ``; tasks that came later by their ids alone.
    fn named(&self, events: &[&'a Event]) -> String {
        let mut there: Vec<&TaskInstance> = events.iter().filter_map(|event| self.instance(event)).collect();
        there.dedup_by(|a, b| std::ptr::eq(*a, *b));
        if there.is_empty() { ids(events.iter().map(|event| event.task.as_str())) } else { these(&there) }
    }

    fn count(&self, events: &[&'a Event]) -> bool {
        let mut there: Vec<&TaskInstance> = events.iter().filter_map(|event| self.instance(event)).collect();
        there.dedup_by(|a, b| std::ptr::eq(*a, *b));
        several(&there)
    }

    /// What is said of the run as a whole.
    fn of_run(&mut self) {
        for event in self.events {
            if let Some(at) = claim(event) {
                let claim = &self.stage.claims[at].claim;
                if claim.whom == Whom::Run {
                    self.parts.push(claim.why.clone());
                }
            }
        }
    }

    /// Instances that become `removed`: those whose work another id does again, those whose place another
    /// id takes, and those whose work is left.
    fn removed(&mut self) {
        let removed = self.of(&[What::Removed, What::Killed]);
        let key = |event: &Event| (event.task.clone(), event.index);
        let find = |what: What| -> BTreeMap<(TaskId, i64), &'a Event> {
            self.events.iter().filter(|event| event.what == what).map(|event| (key(event), event)).collect()
        };
        let (again, over, never) = (find(What::Again), find(What::TakenOver), find(What::NeverDone));
        let (mut twice, mut taken, mut left, mut history) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut does_again, mut takes_over) = (Vec::new(), Vec::new());
        for event in removed {
            let at = key(event);
            if let Some(by) = again.get(&at) {
                twice.push(event);
                does_again.extend(by.other.as_deref());
            } else if never.contains_key(&at) {
                left.push(event);
            } else if let Some(by) = over.get(&at) {
                taken.push(event);
                takes_over.extend(by.other.as_deref());
            } else {
                history.push(event);
            }
        }
        if !twice.is_empty() {
            let (become_, do_) = if self.count(&twice) { ("become", "do their") } else { ("becomes", "does its") };
            let by = ids(does_again.into_iter());
            self.parts.push(format!("{} {become_} `removed` and {by} {do_} work a second time", self.named(&twice)));
        }
        if !taken.is_empty() {
            let (become_, take) = if self.count(&taken) { ("become", "take their") } else { ("becomes", "takes its") };
            let by = ids(takes_over.into_iter());
            self.parts.push(format!("{} {become_} `removed` and {by} {take} place", self.named(&taken)));
        }
        if !left.is_empty() {
            let (become_, its) = if self.count(&left) { ("become", "their") } else { ("becomes", "its") };
            let what = if left.iter().all(|event| event.index >= 0) { "element is" } else { "work is" };
            self.parts.push(format!("{} {become_} `removed` and {its} {what} never done", self.named(&left)));
        }
        if !history.is_empty() {
            let (become_, its) = if self.count(&history) { ("become", "their") } else { ("becomes", "its") };
            let what = if history.iter().all(|event| event.index >= 0) {
                "result is gone from the run"
            } else {
                "logs and retries are gone from the run"
            };
            self.parts.push(format!("{} {become_} `removed`: {its} {what}", self.named(&history)));
        }
    }

    /// Elements that are done twice, or never, by instances that stay.
    fn elements(&mut self) {
        let removed: BTreeSet<(&TaskId, i64)> =
            self.of(&[What::Removed, What::Killed]).iter().map(|event| (&event.task, event.index)).collect();
        let stays = |event: &&Event| !removed.contains(&(&event.task, event.index));
        for (what, word) in [(What::Again, "done twice"), (What::NeverDone, "never done")] {
            let events = self.of(&[what]).into_iter();
            let elements: BTreeSet<&str> = events.filter(stays).filter_map(|event| event.other.as_deref()).collect();
            let is_id = |text: &&str| self.stage.proposed.find(&TaskId::new(*text)).is_some();
            let elements: Vec<&str> =
                elements.into_iter().filter(|text| what == What::NeverDone || !is_id(text)).collect();
            if !elements.is_empty() {
                let subject = ids(elements.iter().copied());
                let is = if elements.len() > 1 { "are" } else { "is" };
                self.parts.push(format!("{subject} {is} {word}"));
            }
        }
    }

    /// Work that is done again, or not at all, by an id that stays and means something else now.
    fn again(&mut self) {
        let removed: BTreeSet<(&TaskId, i64)> =
            self.of(&[What::Removed, What::Killed]).iter().map(|event| (&event.task, event.index)).collect();
        let stays = |event: &&Event| !removed.contains(&(&event.task, event.index));
        let by_id = |event: &&&Event| {
            event.other.as_ref().is_some_and(|text| self.stage.proposed.find(&TaskId::new(text.as_str())).is_some())
        };
        let again: Vec<&Event> =
            self.of(&[What::Again]).into_iter().filter(stays).filter(|event| by_id(&event)).collect();
        if !again.is_empty() {
            let by = ids(again.iter().filter_map(|event| event.other.as_deref()));
            self.parts.push(format!("{by} does the work of {} a second time", self.named(&again)));
        }
        let claimed: BTreeSet<(&TaskId, i64)> =
            self.of(&[What::Claimed]).iter().map(|event| (&event.task, event.index)).collect();
        let quiet = self.of(&[What::Fails, What::FailsBehind, What::Skipped, What::NeverEnds]);
        let told: BTreeSet<(&TaskId, i64)> = quiet.iter().map(|event| (&event.task, event.index)).collect();
        let never: Vec<&Event> = self
            .of(&[What::NeverDone])
            .into_iter()
            .filter(|event| event.other.is_none() && stays(event))
            .filter(|event| {
                !claimed.contains(&(&event.task, event.index)) && !told.contains(&(&event.task, event.index))
            })
            .collect();
        if !never.is_empty() {
            self.parts.push(format!("the work of {} is never done", self.named(&never)));
        }
    }

    /// Claims about instances.
    fn claimed(&mut self) {
        let mut by_claim: BTreeMap<usize, Vec<&'a Event>> = BTreeMap::new();
        for event in self.events {
            if let Some(at) = claim(event)
                && self.stage.claims[at].claim.whom != Whom::Run
            {
                by_claim.entry(at).or_default().push(event);
            }
        }
        for (at, events) in by_claim {
            let claim = &self.stage.claims[at].claim;
            let then = match claim.fate {
                Fate::Fails | Fate::CannotLoad => " and fails",
                Fate::NeverStarts => " and never starts",
                Fate::NeverEnds => " and never ends",
                _ => "",
            };
            self.parts.push(format!("{} {}{then}", self.named(&events), claim.why));
        }
    }

    /// What comes of all that, behind it.
    fn rest(&mut self) {
        let claimed: BTreeSet<(&TaskId, i64)> =
            self.of(&[What::Claimed]).iter().map(|event| (&event.task, event.index)).collect();
        let told = |event: &&Event| !claimed.contains(&(&event.task, event.index));
        for (what, one, several) in [
            (What::Fails, "fails", "fail"),
            (What::FailsBehind, "ends as `upstream_failed`", "end as `upstream_failed`"),
            (What::Skipped, "is skipped", "are skipped"),
            (What::NeverEnds, "does not end", "do not end"),
        ] {
            let events: Vec<&Event> = self.of(&[what]).into_iter().filter(told).collect();
            if !events.is_empty() {
                let words = if events.len() > 1 { several } else { one };
                self.parts.push(format!("{} {words}", self.named(&events)));
            }
        }
    }

    fn end(&mut self, of: &Of, changed: &Side, found: &Found) {
        let word = match found.end {
            Some(End::Deadlock) if of.outcomes.contains(&Outcome::Failed) => "Airflow fails the run (task deadlock)",
            Some(End::Failed) if of.outcomes.contains(&Outcome::Failed) => "the run fails",
            Some(End::Stuck) if of.outcomes.contains(&Outcome::Stuck) => "the run stays `running`",
            _ if of.outcomes.contains(&Outcome::EarlySuccess) && changed.end == End::Success => {
                "the run turns `success` without it"
            }
            _ => return,
        };
        self.parts.push(word.to_string());
    }

    fn race(&mut self, of: &Of) {
        let words: Vec<&str> = of
            .race
            .iter()
            .map(|outcome| match outcome {
                Outcome::Failed => "fail",
                Outcome::Stuck => "hang",
                Outcome::Lost => "lose instances",
                Outcome::Repeated => "do work twice",
                Outcome::SkippedWork => "leave work undone",
                Outcome::EarlySuccess => "turn `success` early",
            })
            .collect();
        let why = if self.stage.family.is_3() {
            "a worker may start it before the scheduler has read the file again"
        } else {
            "a task that ends meanwhile may schedule by the graph that it had loaded"
        };
        self.parts.push(format!("{why}: then the run can {}", words.join(" and ")));
    }
}

/// The first ids, quoted.
fn ids<'t>(all: impl Iterator<Item = &'t str>) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in all.map(|name| format!("`{name}`")) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}
