//! Which work an instance does: the same id can mean other work on the other side, and other ids the
//! same.

use super::side::Side;
use crate::diff::{Change, Kind, MappingChange};
use crate::ids::TaskId;
use crate::replay::claim::{identity, mapping, skew};
use std::collections::{BTreeMap, BTreeSet};

/// A piece of deployed work: a task, or one element of a mapped one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Work<'a> {
    pub(super) task: &'a TaskId,
    pub(super) part: Part<'a>,
}

/// Which part of a task's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part<'a> {
    /// That of the instance with that index.
    At(i64),
    /// That element, in canonical text.
    Element(&'a str),
}

/// What proposed instances do, in terms of deployed work.
#[derive(Debug, Default)]
pub(super) struct Meaning<'a> {
    /// The deployed task of each proposed one that has another id.
    from: BTreeMap<&'a TaskId, &'a TaskId>,
    /// Ids that mean other work now: their deployed work goes on under other ids, or not at all.
    moved: BTreeSet<&'a TaskId>,
    /// The elements of each index, where they changed.
    elements: BTreeMap<&'a TaskId, (&'a [String], &'a [String])>,
}

impl<'a> Meaning<'a> {
    /// What a pinned run's ids and indexes mean: it keeps its own DAG, but not the plugins.
    pub(super) fn pinned(changes: &'a [&'a Change]) -> Self {
        let mut meaning = Self::default();
        for change in changes {
            if let Kind::Skew(kind) = &change.kind
                && let Some((tasks, before, after)) = skew::elements(kind)
            {
                meaning.elements.extend(tasks.iter().map(|task_id| (task_id, (before, after))));
            }
            if let Kind::Skew(kind) = &change.kind
                && let Some((moved, fresh)) = skew::meaning(kind)
            {
                meaning.from.extend(moved.iter().map(|(from, to)| (to, from)));
                meaning.moved.extend(moved.iter().map(|(from, _)| from).chain(fresh));
            }
        }
        meaning
    }

    /// `pairs` are those of [`pairs`] on the same changes, and `fresh` those of [`fresh`].
    pub(super) fn of(changes: &'a [&'a Change], pairs: &'a [(TaskId, TaskId)], fresh: &'a [TaskId]) -> Self {
        let mut meaning = Self::default();
        for (from, to) in pairs {
            meaning.from.insert(to, from);
            meaning.moved.insert(from);
        }
        meaning.moved.extend(fresh);
        for change in changes {
            if let Kind::Mapping(kind) = &change.kind
                && let Some((tasks, before, after)) = mapping::elements(kind)
            {
                for task_id in tasks {
                    meaning.elements.insert(task_id, (before, after));
                }
            }
        }
        // With other arguments no element is what it was; which is which is then not known by its text.
        for change in changes {
            if let Kind::Mapping(kind @ MappingChange::ArgumentsChanged { .. }) = &change.kind {
                for task_id in kind.mapped().tasks() {
                    meaning.elements.remove(task_id);
                }
            }
        }
        meaning
    }

    /// The deployed task whose work a proposed one does; none for one that is new.
    pub(super) fn origin(&self, proposed: &'a TaskId) -> Option<&'a TaskId> {
        match self.from.get(proposed) {
            Some(from) => Some(from),
            None if self.moved.contains(proposed) => None,
            None => Some(proposed),
        }
    }

    /// The work of a deployed instance.
    pub(super) fn deployed(&self, task: &'a TaskId, index: i64) -> Work<'a> {
        let element = self.elements.get(task).and_then(|(before, _)| before.get(usize::try_from(index).ok()?));
        Work { task, part: element.map_or(Part::At(index), |text| Part::Element(text)) }
    }

    /// The work of a proposed instance.
    pub(super) fn proposed(&self, task: &'a TaskId, index: i64, mapped: bool, control: &Side) -> Does<'a> {
        let Some(origin) = self.origin(task) else { return Does::New };
        let Some(row) = control.row(origin) else { return Does::New };
        let has = |index| control.find(row, index).is_some();
        if index < 0 || !mapped {
            return if has(-1) && index < 0 { self.one(origin, -1) } else { Does::All(origin) };
        }
        let position = usize::try_from(index).ok();
        let elements = self.elements.get(origin).or_else(|| self.elements.get(task));
        if let Some((_, after)) = elements
            && let Some(text) = position.and_then(|at| after.get(at))
        {
            return Does::One(Work { task: origin, part: Part::Element(text) });
        }
        if has(index) {
            return self.one(origin, index);
        }
        // What was one instance is now several: the first of them stands for it.
        if index == 0 && has(-1) { self.one(origin, -1) } else { Does::New }
    }

    fn one(&self, task: &'a TaskId, index: i64) -> Does<'a> {
        Does::One(self.deployed(task, index))
    }
}

/// What a proposed instance does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Does<'a> {
    /// A piece of deployed work, or an element that was not there.
    One(Work<'a>),
    /// All of a task's work.
    All(&'a TaskId),
    /// Work that the deployed side does not have.
    New,
}

/// The pairs of ids, deployed and proposed, that the changes say to be one task.
pub(super) fn pairs(changes: &[&Change]) -> Vec<(TaskId, TaskId)> {
    let of = |change: &&Change| match &change.kind {
        Kind::Identity(kind) => identity::goes_on(kind),
        _ => Vec::new(),
    };
    changes.iter().flat_map(of).collect()
}

/// The ids whose work is new.
pub(super) fn fresh(changes: &[&Change]) -> Vec<TaskId> {
    let of = |change: &&Change| match &change.kind {
        Kind::Identity(kind) => identity::fresh(kind),
        _ => Vec::new(),
    };
    changes.iter().flat_map(of).collect()
}
