//! Which task of the proposed side is which task of the deployed side, as far as that is settled.

use super::work::Work;
use crate::content::Location;
use crate::dag::Few;
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet};

/// Both sides, with what is settled between them. A task that is on both sides under one id is itself
/// unless something else is settled.
pub(super) struct Links<'a> {
    pub(super) deployed: Vec<Work<'a>>,
    pub(super) proposed: Vec<Work<'a>>,
    by_deployed_id: BTreeMap<&'a TaskId, usize>,
    by_proposed_id: BTreeMap<&'a TaskId, usize>,
    /// From deployed to proposed; none for work that ends.
    settled: BTreeMap<usize, Option<usize>>,
    /// Proposed tasks that are settled: the work of a deployed one, or new.
    taken: BTreeSet<usize>,
    /// Calls that made deployed tasks of which one at least is on both sides.
    calls_that_stay: BTreeSet<&'a Location>,
}

impl<'a> Links<'a> {
    pub(super) fn new(deployed: Vec<Work<'a>>, proposed: Vec<Work<'a>>) -> Self {
        let index = |works: &[Work<'a>]| -> BTreeMap<&'a TaskId, usize> {
            works.iter().enumerate().map(|(at, work)| (work.id, at)).collect()
        };
        let (by_deployed_id, by_proposed_id) = (index(&deployed), index(&proposed));
        let stay = |work: &&Work| by_proposed_id.contains_key(work.id);
        let calls_that_stay = deployed.iter().filter(stay).map(|work| &work.task.at).collect();
        let (settled, taken) = (BTreeMap::new(), BTreeSet::new());
        Self { deployed, proposed, by_deployed_id, by_proposed_id, settled, taken, calls_that_stay }
    }

    pub(super) fn deployed_at(&self, id: &TaskId) -> Option<usize> {
        self.by_deployed_id.get(id).copied()
    }

    pub(super) fn proposed_at(&self, id: &TaskId) -> Option<usize> {
        self.by_proposed_id.get(id).copied()
    }

    /// Settles that the work of a deployed task goes on as a proposed one.
    pub(super) fn settle(&mut self, from: usize, to: usize) {
        self.settled.insert(from, Some(to));
        self.taken.insert(to);
    }

    /// Settles that the work of a deployed task is not on the proposed side.
    pub(super) fn end(&mut self, from: usize) {
        self.settled.insert(from, None);
    }

    /// Settles that the work of a proposed task is new.
    pub(super) fn begin(&mut self, to: usize) {
        self.taken.insert(to);
    }

    /// Takes back what was settled of these.
    pub(super) fn reopen(&mut self, from: impl Iterator<Item = usize>, to: impl Iterator<Item = usize>) {
        for from in from {
            self.settled.remove(&from);
        }
        for to in to {
            self.taken.remove(&to);
        }
    }

    pub(super) fn is_settled(&self, from: usize) -> bool {
        self.settled.contains_key(&from)
    }

    pub(super) fn is_taken(&self, to: usize) -> bool {
        self.taken.contains(&to)
    }

    /// Whether a deployed task's id is not there any more, and its work under no other.
    pub(super) fn is_gone(&self, from: usize) -> bool {
        !self.is_settled(from) && self.proposed_at(self.deployed[from].id).is_none()
    }

    /// Whether a proposed task's id is new, and its work was under no other.
    pub(super) fn is_fresh(&self, to: usize) -> bool {
        !self.is_taken(to) && self.deployed_at(self.proposed[to].id).is_none()
    }

    /// Whether a deployed task is one of several that one call makes (a loop, a factory) and others of
    /// them stay: then an element went from what the loop runs over, and the code that its tasks share
    /// says nothing about which new one would be the same work.
    pub(super) fn is_element_of_what_stays(&self, from: usize) -> bool {
        self.calls_that_stay.contains(&self.deployed[from].task.at)
    }

    /// Where the work of a deployed task is on the proposed side, as far as that is known.
    pub(super) fn target(&self, from: usize) -> Option<usize> {
        match self.settled.get(&from) {
            Some(to) => *to,
            None => self.proposed_at(self.deployed[from].id).filter(|to| !self.taken.contains(to)),
        }
    }

    /// The proposed id of what has this id on the deployed side.
    pub(super) fn through(&self, id: &TaskId) -> Option<&'a TaskId> {
        Some(self.proposed[self.target(self.deployed_at(id)?)?].id)
    }

    /// How much of what stands around two tasks is the same, of 1. Of neighbours that are `doubtful`
    /// and not settled yet, nothing is said.
    pub(super) fn around(&self, from: usize, to: usize, doubtful: &BTreeSet<&TaskId>) -> f64 {
        let (a, b) = (self.deployed[from].task, self.proposed[to].task);
        let said_before = |id: &&TaskId| {
            !doubtful.contains(*id) || self.deployed_at(id).is_none_or(|at| self.settled.contains_key(&at))
        };
        let said_after =
            |id: &&TaskId| !doubtful.contains(*id) || self.proposed_at(id).is_none_or(|at| self.taken.contains(&at));
        let side = |before: &Few<TaskId>, after: &Few<TaskId>| {
            let before: BTreeSet<&TaskId> =
                before.iter().filter(said_before).map(|id| self.through(id).unwrap_or(id)).collect();
            let after: BTreeSet<&TaskId> = after.iter().filter(said_after).collect();
            super::share(before.intersection(&after).count(), before.union(&after).count())
        };
        f64::midpoint(side(&a.upstream, &b.upstream), side(&a.downstream, &b.downstream))
    }
}
