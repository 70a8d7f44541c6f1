//! Conditions that are not known: every branch is run from the same state, then what differs is
//! merged.

use super::{Cell, Flow, Host, Interp, Journal, Ref, Stop, Unknown, Value};
use crate::python::syntax::Name;
use crate::python::value::{Dict, Object, ScopeRef, short};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What one branch changed.
pub(super) struct Outcome {
    flow: Flow,
    names: BTreeMap<(ScopeRef, Name), Option<Value>>,
    cells: BTreeMap<Ref, Cell>,
}

/// How values that differ between branches are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// One of the branches was taken.
    OneOf,
    /// A branch was taken any number of times.
    Repeated,
}

impl<H: Host> Interp<'_, H> {
    /// Runs `work` as something that may happen, and takes it back. `None` if it raised.
    pub(super) fn branch(
        &mut self,
        why: &Rc<Unknown>,
        work: impl FnOnce(&mut Self) -> Result<Flow, Stop>,
    ) -> Result<Option<Outcome>, Stop> {
        self.open_journal();
        let (conditions, rest) = (self.maybe.len(), self.rest.len());
        self.maybe.push(why.clone());
        let result = work(self);
        self.maybe.truncate(conditions);
        self.rest.truncate(rest);
        let (flow, stop) = match result {
            Ok(flow) => (flow, None),
            Err(stop) => (Flow::Next, Some(stop)),
        };
        let outcome = self.undo_journal(flow);
        match stop {
            None => Ok(Some(outcome)),
            Some(Stop::Raise(_)) => {
                self.may_raise(why.at);
                Ok(None)
            }
            Some(Stop::Close(_)) => Err(self.limit("a generator is left under a condition that is not known", why.at)),
            Some(limit) => Err(limit),
        }
    }

    /// From here on, what changes is noted.
    pub(super) fn open_journal(&mut self) {
        let (heap, scopes) = (self.heap.len(), self.scopes.len());
        self.journals.push(Journal { heap, scopes, ..Journal::default() });
    }

    /// What has changed since [`Self::open_journal`] stays.
    pub(super) fn keep_journal(&mut self) {
        let Some(journal) = self.journals.pop() else { return };
        let Some(outer) = self.journals.last_mut() else { return };
        for ((scope, name), old) in journal.names {
            if scope.0 < outer.scopes {
                outer.names.entry((scope, name)).or_insert(old);
            }
        }
        for (object, old) in journal.cells {
            if object.0 < outer.heap {
                outer.cells.entry(object).or_insert(old);
            }
        }
    }

    /// Takes back what has changed since [`Self::open_journal`].
    pub(super) fn undo_journal(&mut self, flow: Flow) -> Outcome {
        let journal = self.journals.pop().unwrap_or_default();
        let mut names = BTreeMap::new();
        for ((scope, name), old) in journal.names {
            let table = &mut self.scopes[scope.0].names;
            let new = match old {
                Some(old) => table.insert(name.clone(), old),
                None => table.remove(&name),
            };
            names.insert((scope, name), new);
        }
        let mut cells = BTreeMap::new();
        for (object, old) in journal.cells {
            cells.insert(object, std::mem::replace(&mut self.heap[object.0], old));
        }
        Outcome { flow, names, cells }
    }

    /// Joins the branches that did not raise. With `stay`, nothing at all may have happened too.
    pub(super) fn join(&mut self, outcomes: Vec<Outcome>, stay: bool, join: Join, why: &Rc<Unknown>) -> Flow {
        let names: BTreeSet<_> = outcomes.iter().flat_map(|outcome| outcome.names.keys().cloned()).collect();
        for key in names {
            let current = self.scopes[key.0.0].names.get(&key.1).cloned();
            let mut values: Vec<Option<Value>> = outcomes
                .iter()
                .map(|outcome| outcome.names.get(&key).cloned().unwrap_or_else(|| current.clone()))
                .collect();
            if stay {
                values.push(current);
            }
            let merged = if join == Join::Repeated && !self.all_same(&values) {
                let mut unknown = Unknown { affix: None, ..Unknown::clone(why) };
                unknown.text = short(format!("{}@{}", key.1, why.text));
                unknown.value()
            } else {
                self.merge(&values, why)
            };
            self.set_in(key.0, &key.1, merged);
        }
        let cells: BTreeSet<Ref> = outcomes.iter().flat_map(|outcome| outcome.cells.keys().copied()).collect();
        for object in cells {
            let alone = outcomes.len() == 1 && !stay;
            let cell = outcomes.iter().find_map(|outcome| outcome.cells.get(&object)).cloned();
            let Some(cell) = cell else { continue };
            self.remember_cell(object);
            let old = std::mem::replace(&mut self.heap[object.0], cell);
            // Instances and classes keep their attributes apart: only those that differ are unknown.
            if !alone
                && !self.join_attributes(object, &old, &outcomes, stay, why)
                && (join == Join::Repeated || !self.join_entries(object, &old, &outcomes, stay, why))
            {
                self.heap[object.0].make_hazy(why.clone());
            }
        }
        self.join_flows(outcomes, stay, why)
    }

    fn join_attributes(
        &mut self,
        object: Ref,
        old: &Cell,
        outcomes: &[Outcome],
        stay: bool,
        why: &Rc<Unknown>,
    ) -> bool {
        let named = |object: &Object| match object {
            Object::Instance(instance) => Some(instance.attributes.clone()),
            Object::Class(class) => Some(class.names.clone()),
            Object::Function(function) => Some(function.attributes.clone()),
            _ => None,
        };
        let Some(before) = named(&old.object) else { return false };
        let dict = |cell: &Cell| match &cell.object {
            Object::Instance(instance) => instance.dict,
            _ => None,
        };
        if outcomes.iter().filter_map(|outcome| outcome.cells.get(&object)).any(|cell| dict(cell) != dict(old)) {
            // Which dict holds its attributes is not known.
            let unknown = self.unknown_dict(why.clone());
            if let Object::Instance(instance) = &mut self.heap[object.0].object {
                instance.dict = Some(unknown);
            }
        }
        let mut versions: Vec<_> = outcomes
            .iter()
            .map(|outcome| outcome.cells.get(&object).and_then(|cell| named(&cell.object)))
            .map(|version| version.unwrap_or_else(|| before.clone()))
            .collect();
        if stay {
            versions.push(before);
        }
        let names: BTreeSet<Name> = versions.iter().flat_map(|version| version.keys().cloned()).collect();
        for name in names {
            let values: Vec<_> = versions.iter().map(|version| version.get(&name).cloned()).collect();
            let merged = self.merge(&values, why);
            match &mut self.heap[object.0].object {
                Object::Instance(instance) => instance.attributes.insert(name, merged),
                Object::Class(class) => class.names.insert(name, merged),
                Object::Function(function) => function.attributes.insert(name, merged),
                _ => None,
            };
        }
        true
    }

    /// Joins a dict: what has the same keys whichever branch was taken is known but for values; else
    /// the keys that are there in any case stay.
    fn join_entries(&mut self, object: Ref, old: &Cell, outcomes: &[Outcome], stay: bool, why: &Rc<Unknown>) -> bool {
        let changed = outcomes.iter().map(|outcome| outcome.cells.get(&object).unwrap_or(old));
        let mut versions = Vec::new();
        let mut clear = true;
        for cell in changed.chain(stay.then_some(old)) {
            let Object::Dict(dict) = &cell.object else { return false };
            let mut dict = dict.clone();
            match &cell.hazy {
                None => dict.renew(),
                Some(_) => clear = false,
            }
            versions.push(dict);
        }
        let Some(mut joined) = versions.first().cloned() else { return false };
        clear &= versions.iter().all(|version| version.same_keys(&joined));
        joined.unsettle();
        for key in versions[0].settled_keys() {
            if versions.iter().all(|version| version.is_settled(&key)) {
                let values: Vec<_> = versions.iter().map(|version| version.get(&key).cloned()).collect();
                let merged = self.merge(&values, why);
                joined.settle(&key, merged);
            }
        }
        if !clear && versions.iter().all(Dict::is_closed) {
            let settled = joined.settled_keys();
            joined.close_with(&settled);
            for (key, written, _) in versions.iter().flat_map(Dict::written).collect::<Vec<_>>() {
                if !joined.is_settled(&key) {
                    let values: Vec<_> =
                        versions.iter().filter_map(|version| version.get(&key)).cloned().map(Some).collect();
                    let merged = self.merge(&values, why);
                    joined.insert_maybe(&key, written, merged);
                }
            }
        }
        self.heap[object.0].object = Object::Dict(joined);
        self.heap[object.0].hazy = (!clear).then(|| why.clone());
        true
    }

    fn join_flows(&mut self, outcomes: Vec<Outcome>, stay: bool, why: &Rc<Unknown>) -> Flow {
        let mut flows: Vec<Flow> = outcomes.into_iter().map(|outcome| outcome.flow).collect();
        if stay {
            flows.push(Flow::Next);
        }
        if flows.len() == 1 {
            return flows.pop().unwrap_or(Flow::Next);
        }
        if flows.iter().all(|flow| matches!(flow, Flow::Next)) {
            return Flow::Next;
        }
        if flows.iter().all(|flow| matches!(flow, Flow::Return(_))) {
            let values: Vec<_> =
                flows.into_iter().map(|flow| if let Flow::Return(value) = flow { Some(value) } else { None }).collect();
            return Flow::Return(self.merge(&values, why));
        }
        for same in [Flow::Continue, Flow::Break] {
            if flows.iter().all(|flow| std::mem::discriminant(flow) == std::mem::discriminant(&same)) {
                return same;
            }
        }
        // From here on everything depends on the condition.
        self.maybe.push(why.clone());
        self.rest.push(why.clone());
        if let Some(frame) = self.frames.last_mut() {
            frame.returns.extend(flows.into_iter().filter_map(|flow| match flow {
                Flow::Return(value) => Some(value),
                _ => None,
            }));
        }
        Flow::Next
    }

    fn all_same(&self, values: &[Option<Value>]) -> bool {
        values.windows(2).all(|pair| match (&pair[0], &pair[1]) {
            (Some(a), Some(b)) => self.same(a, b),
            (None, None) => true,
            _ => false,
        })
    }

    /// The one value, if all are the same; else that it is one of them.
    pub(super) fn merge(&mut self, values: &[Option<Value>], why: &Rc<Unknown>) -> Value {
        /// More alternatives than this say no more than "not known".
        const ALTERNATIVES: usize = 8;
        let mut distinct: Vec<Value> = Vec::new();
        let missing = values.iter().any(Option::is_none);
        for value in values.iter().flatten() {
            let parts = match value {
                Value::OneOf(several) => &several[..],
                one => std::slice::from_ref(one),
            };
            for value in parts {
                if !distinct.iter().any(|other| self.same(other, value)) {
                    distinct.push(value.clone());
                }
            }
        }
        let unknown = |value: &Value| matches!(value, Value::Unknown(_));
        match distinct.as_slice() {
            // A name that only one branch sets is used where that branch was taken.
            [one] if !missing || !matches!(one, Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::None) => {
                one.clone()
            }
            several if !missing && several.len() <= ALTERNATIVES && !several.iter().any(unknown) => {
                Value::OneOf(distinct.into())
            }
            _ => {
                let mut unknown = Unknown { affix: None, ..Unknown::clone(why) };
                let texts: Vec<_> = distinct.iter().map(|value| self.text(value)).collect();
                unknown.text = short(format!("one of ({})", texts.join(", ")));
                unknown.value()
            }
        }
    }
}
