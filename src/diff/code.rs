//! Contracts between pieces of code that the deployed tree kept and the proposed one does not.
//!
//! A fault that the deployed code has as well is none of the change's.

use super::kind::Breach;
use super::{Certainty, Change, Code, Kind, Notice, Side};
use crate::content::Location;
use crate::dag::code::{self, Deferral, Fault, in_code};
use crate::dag::exchange::template::is_template;
use crate::dag::{Dag, Task};
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet};

/// A DAG as it is deployed and as it is proposed.
pub(super) type Pair<'a> = (&'a Dag, &'a Dag);

/// The contracts that no longer hold in these DAGs.
pub(super) fn changes(deployed: Side, proposed: Side, pairs: &[Pair]) -> Vec<Change> {
    if pairs.is_empty() {
        return Vec::new();
    }
    in_code(&[deployed.model, proposed.model], |code| {
        let [deployed, proposed] = code else { return Vec::new() };
        pairs.iter().flat_map(|pair| Compared { deployed, proposed, pair: *pair }.changes()).collect()
    })
}

struct Compared<'a> {
    deployed: &'a code::Code,
    proposed: &'a code::Code,
    pair: Pair<'a>,
}

/// What a fault turns on, and the tasks that have it.
#[derive(Default)]
struct Found {
    tasks: Vec<TaskId>,
    at_start: bool,
    at_resume: bool,
}

impl Compared<'_> {
    fn changes(&self) -> Vec<Change> {
        let both: Vec<(&TaskId, &Task, &Task)> = self
            .pair
            .1
            .tasks
            .iter()
            .filter_map(|task| {
                let task_id = task.task_id.exact()?;
                Some((task_id, self.pair.0.task(task_id)?, task))
            })
            .collect();
        let mut changes = self.faults(&both);
        changes.extend(self.deferrals(&both));
        changes.extend(self.template_fields(&both));
        changes.extend(self.callbacks(&both));
        changes.extend(both.iter().filter_map(|(task_id, a, b)| self.became_package(task_id, a, b)));
        changes.extend(super::body::changed((self.deployed, self.proposed), self.pair.0, &both));
        changes
    }

    fn change(&self, kind: Code, certainty: Certainty, deployed: Location, proposed: Location) -> Change {
        Change {
            kind: Kind::Code(kind),
            dags: vec![self.pair.0.dag_id.clone()],
            certainty,
            deployed: Some(deployed),
            proposed: Some(proposed),
        }
    }

    /// Calls that do not fit, and names that are not there.
    fn faults(&self, both: &[(&TaskId, &Task, &Task)]) -> Vec<Change> {
        let mut order: Vec<(Fault, Location)> = Vec::new();
        let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
        for (task_id, deployed, proposed) in both {
            let known: BTreeSet<_> = self.deployed.faults(deployed).iter().map(Fault::key).collect();
            let mut starts = self.proposed.faults(proposed);
            starts.extend(contract::broken(self.proposed, (self.pair.0, deployed), (self.pair.1, proposed)));
            starts.extend(self.unbound(deployed, proposed));
            let methods: BTreeSet<String> =
                self.deployed.deferrals(deployed).into_iter().filter_map(|deferral| deferral.method).collect();
            let resumes = methods.iter().flat_map(|method| {
                let known: BTreeSet<_> =
                    self.deployed.faults_of_method(deployed, method).iter().map(Fault::key).collect();
                let new = self.proposed.faults_of_method(proposed, method).into_iter();
                new.filter(move |fault| !known.contains(&fault.key()))
            });
            let starts = starts.into_iter().filter(|fault| !known.contains(&fault.key())).map(|fault| (fault, true));
            for (fault, at_start) in starts.chain(resumes.map(|fault| (fault, false))) {
                let of = found.entry(fault.key()).or_insert_with(|| {
                    order.push((fault, deployed.id_at.clone()));
                    Found::default()
                });
                of.at_start |= at_start;
                of.at_resume |= !at_start;
                if of.tasks.last() != Some(*task_id) {
                    of.tasks.push((*task_id).clone());
                }
            }
        }
        order
            .into_iter()
            .filter_map(|(fault, task_at)| {
                let of = found.remove(&fault.key())?;
                let was = fault.callee.as_deref().and_then(|path| self.deployed.defined_at(path)).unwrap_or(task_at);
                let certainty = doubtful(fault.doubt);
                let breach = Breach {
                    tasks: of.tasks,
                    within: fault.within,
                    why: fault.message,
                    at_start: of.at_start,
                    at_resume: of.at_resume,
                    pinned: false,
                    goes_on: fault.goes_on,
                };
                let kind = if fault.symbol { Code::SymbolGone(breach) } else { Code::CallMisfit(breach) };
                Some(self.change(kind, certainty, was, fault.at))
            })
            .collect()
    }

    /// Names that a function of the task bound on every way, and binds on some only.
    fn unbound(&self, deployed: &Task, proposed: &Task) -> Vec<Fault> {
        let after = self.proposed.locals(proposed);
        if after.iter().all(|locals| locals.unsure.is_empty()) {
            return Vec::new();
        }
        let before = self.deployed.locals(deployed);
        let was_sure = |within: &str, name: &String| {
            before.iter().any(|locals| {
                locals.within == within && locals.bound.contains(name) && !locals.unsure.contains_key(name)
            })
        };
        let faults = after.iter().flat_map(|locals| {
            let new = locals.unsure.iter().filter(|(name, _)| was_sure(&locals.within, name));
            new.map(|(name, at)| Fault {
                message: format!("UnboundLocalError: nothing binds `{name}` on some way to where it is read"),
                within: locals.within.clone(),
                callee: None,
                at: at.clone(),
                doubt: Some("only where the code takes that way"),
                symbol: false,
                goes_on: false,
            })
        });
        faults.collect()
    }

    /// Callbacks that fail when they are called, and did not.
    fn callbacks(&self, both: &[(&TaskId, &Task, &Task)]) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        let new = |before: &[(String, Fault)], after: Vec<(String, Fault)>| {
            let known: BTreeSet<_> = before.iter().map(|(option, fault)| (option.clone(), fault.key())).collect();
            let is_new = |(option, fault): &(String, Fault)| !known.contains(&(option.clone(), fault.key()));
            after.into_iter().filter(is_new).collect::<Vec<_>>()
        };
        let breach = |option: String, why: String, tasks: Vec<TaskId>| Breach {
            tasks,
            within: option,
            why,
            at_start: false,
            at_resume: false,
            pinned: false,
            goes_on: false,
        };
        let (dag, other) = self.pair;
        let of_dag = new(&self.deployed.callback_faults_of_dag(dag), self.proposed.callback_faults_of_dag(other));
        for (option, fault) in of_dag {
            let kind = Code::CallbackFails(breach(option, fault.message, Vec::new()));
            changes.push(self.change(kind, doubtful(fault.doubt), dag.at.clone(), fault.at));
        }
        for (task_id, a, b) in both {
            for (option, fault) in new(&self.deployed.callback_faults(a), self.proposed.callback_faults(b)) {
                let kind = Code::CallbackFails(breach(option, fault.message, vec![(*task_id).clone()]));
                merge(&mut changes, self.change(kind, doubtful(fault.doubt), a.at.clone(), fault.at), task_id);
            }
        }
        changes
    }

    /// What deferred instances have stored, held against the proposed code.
    fn deferrals(&self, both: &[(&TaskId, &Task, &Task)]) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for (task_id, deployed, proposed) in both {
            for deferral in self.deployed.deferrals(deployed) {
                let at = (deferral.at.clone(), proposed.id_at.clone());
                for kind in self.refused(task_id, deployed, proposed, &deferral) {
                    merge(&mut changes, self.change(kind, Certainty::Certain, at.0.clone(), at.1.clone()), task_id);
                }
                if let Some(trigger) = &deferral.trigger
                    && let Some(change) = self.added_trigger(task_id, (deployed, proposed), &trigger.path)
                {
                    merge(&mut changes, change, task_id);
                }
                if let Some(trigger) = &deferral.trigger
                    && let Some(change) = self.changed_trigger(task_id, (deployed, proposed), &trigger.path)
                {
                    merge(&mut changes, change, task_id);
                }
            }
        }
        changes
    }

    fn refused(&self, task_id: &TaskId, deployed: &Task, proposed: &Task, deferral: &Deferral) -> Vec<Code> {
        let breach = |why: String| Breach {
            tasks: vec![task_id.clone()],
            within: deferral.method.clone().unwrap_or_default(),
            why,
            at_start: false,
            at_resume: true,
            pinned: false,
            goes_on: false,
        };
        let mut kinds = Vec::new();
        if let Some(why) = self.proposed.refuses_resume(proposed, deferral)
            && self.deployed.refuses_resume(deployed, deferral).is_none()
        {
            let gone = !why.starts_with("TypeError");
            kinds.push(Code::ResumeRefused { gone, breach: breach(why) });
        }
        let Some(trigger) = &deferral.trigger else { return kinds };
        match self.proposed.refuses_trigger(trigger, proposed) {
            Some(why) if self.deployed.refuses_trigger(trigger, deployed).is_none() => {
                let gone = !why.starts_with("TypeError");
                kinds.push(Code::TriggerRefused { path: trigger.path.clone(), gone, breach: breach(why) });
            }
            _ => {}
        }
        kinds
    }

    /// A trigger that is new in the module of one with which the deployed task defers itself.
    fn added_trigger(&self, task_id: &TaskId, (a, b): (&Task, &Task), deployed: &str) -> Option<Change> {
        let module = |path: &str| path.rsplit_once('.').map(|(module, _)| module.to_owned());
        let deferral = self.proposed.deferrals(b).into_iter().find(|deferral| {
            let path = deferral.trigger.as_ref().map(|trigger| trigger.path.as_str());
            path.is_some_and(|path| module(path) == module(deployed) && self.deployed.lacks(path))
        })?;
        let path = deferral.trigger?.path;
        let kind = Code::TriggerAdded { path, tasks: vec![task_id.clone()] };
        Some(self.change(kind, Certainty::Certain, a.at.clone(), deferral.at))
    }

    /// A trigger whose code is another at the same path.
    fn changed_trigger(&self, task_id: &TaskId, (a, b): (&Task, &Task), path: &str) -> Option<Change> {
        let (deployed, deployed_at) = self.deployed.trigger_code(path, a)?;
        let (proposed, proposed_at) = self.proposed.trigger_code(path, b)?;
        let kind = Code::TriggerChanged { path: path.to_owned(), tasks: vec![task_id.clone()] };
        (deployed != proposed).then(|| self.change(kind, Certainty::Certain, deployed_at, proposed_at))
    }

    /// A trigger below a module that is a package now.
    fn became_package(&self, task_id: &TaskId, a: &Task, b: &Task) -> Option<Change> {
        let deferrals = self.proposed.deferrals(b);
        let (at, module, path) = deferrals.iter().find_map(|deferral| {
            let path = &deferral.trigger.as_ref()?.path;
            let (below, _) = path.rsplit_once('.')?;
            let above = below.match_indices('.').map(|(at, _)| &below[..at]);
            let is = |code: &code::Code, module: &str| code.is_package(module);
            let mut became = above
                .filter(|module| (is(self.deployed, module), is(self.proposed, module)) == (Some(false), Some(true)));
            Some((&deferral.at, became.next()?, path))
        })?;
        let kind =
            Notice::ModuleBecamePackage { module: module.to_owned(), loads: path.clone(), task_id: task_id.clone() };
        Some(Change {
            kind: Kind::Notice(kind),
            dags: vec![self.pair.0.dag_id.clone()],
            certainty: Certainty::Certain,
            deployed: Some(a.at.clone()),
            proposed: Some(at.clone()),
        })
    }

    /// Fields of operators that are not rendered any more although what they are given needs it.
    fn template_fields(&self, both: &[(&TaskId, &Task, &Task)]) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for (task_id, deployed, proposed) in both {
            let (Some(before), Some(after)) =
                (self.deployed.template_fields(deployed), self.proposed.template_fields(proposed))
            else {
                continue;
            };
            for field in before.difference(&after) {
                let given = proposed.arguments.get(field);
                let template = given.is_some_and(is_template);
                let output = deployed.takes.iter().any(|takes| takes.parameter.as_ref() == Some(field))
                    && given.is_some_and(|text| Some(text) == deployed.arguments.get(field));
                if template || output {
                    let kind = Code::TemplateFieldRemoved {
                        field: field.clone(),
                        tasks: vec![(*task_id).clone()],
                        pinned: false,
                    };
                    let change = self.change(kind, Certainty::Certain, deployed.id_at.clone(), proposed.id_at.clone());
                    merge(&mut changes, change, task_id);
                }
            }
        }
        changes
    }
}

fn doubtful(doubt: Option<&str>) -> Certainty {
    doubt.map_or(Certainty::Certain, |doubt| Certainty::Possible(doubt.to_owned()))
}

/// Adds a change, or the task to the same change of another task.
fn merge(changes: &mut Vec<Change>, change: Change, task_id: &TaskId) {
    let same = |known: &&mut Change| matches!((&known.kind, &change.kind), (Kind::Code(a), Kind::Code(b)) if a.is_of_another_task(b));
    match changes.iter_mut().find(same) {
        Some(Change { kind: Kind::Code(known), .. }) => known.add(task_id),
        _ => changes.push(change),
    }
}

mod contract;

#[cfg(test)]
mod tests;
