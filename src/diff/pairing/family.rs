//! Calls whose ids Airflow counts up (`f`, `f__1`, `f__2`): of one `@task` or `@task_group`
//! function. The number says how many calls came before, not which call it is, so the calls are paired
//! by what they do and what stands around them.

use super::links::Links;
use crate::dag::{Dag, Group};
use crate::ids::{GroupId, TaskId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A pair that is less alike than this is none.
const ALIKE: f64 = 0.35;

/// More pairs than this are not looked at one by one: calls then pair by equal work, in their order.
const MOST_PAIRS: usize = 40_000;

/// One call: a task, or a group with all that is in it.
struct Call {
    id: String,
    /// Its tasks by their ids within it, as numbers of [`Links`].
    tasks: BTreeMap<String, usize>,
}

/// The calls of one function in one place, on both sides, each in the order of the calls.
#[derive(Default)]
struct Family {
    deployed: Vec<Call>,
    proposed: Vec<Call>,
}

impl Family {
    fn ids<'a>(&self, links: &Links<'a>) -> Vec<&'a TaskId> {
        let deployed = self.deployed.iter().flat_map(|call| call.tasks.values()).map(|task| links.deployed[*task].id);
        let proposed = self.proposed.iter().flat_map(|call| call.tasks.values()).map(|task| links.proposed[*task].id);
        deployed.chain(proposed).collect()
    }
}

/// Ids that go on as other work, of one function's calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::diff) struct Shift {
    /// The deployed id of work, and its proposed id; only where they differ.
    pub(in crate::diff) moved: Vec<(TaskId, TaskId)>,
    /// Proposed ids whose work no deployed task did.
    pub(in crate::diff) fresh: Vec<TaskId>,
    /// Deployed ids whose work no proposed task does.
    pub(in crate::diff) ended: Vec<TaskId>,
}

/// Settles all calls of such families; gives the ids that shift.
pub(super) fn settle(links: &mut Links, dag: &Dag, other: &Dag) -> Vec<Shift> {
    let mut shifts = Vec::new();
    for groups in [true, false] {
        let families = families(links, dag, other, groups);
        let (moving, doubtful) = moving(links, &families);
        // Once more when all are settled: what stands around one family is often another one.
        let mut found: Vec<Shift> = Vec::new();
        for _ in 0..2 {
            found = moving.iter().map(|family| settle_one(links, family, groups, &doubtful)).collect();
        }
        shifts.extend(found.into_iter().filter(|shift| !shift.moved.is_empty()));
    }
    shifts
}

/// The families of which something may have shifted: with a numbered id, and an id on both sides.
fn families(links: &Links, dag: &Dag, other: &Dag, groups: bool) -> Vec<Family> {
    let mut all: BTreeMap<(String, String), Family> = BTreeMap::new();
    for (side, dag) in [(true, dag), (false, other)] {
        let calls = if groups { group_calls(links, dag, side) } else { task_calls(links, side) };
        for call in calls {
            let (prefix, label) = call.id.rsplit_once('.').unwrap_or(("", &call.id));
            let family = all.entry((prefix.to_owned(), base(label).to_owned())).or_default();
            if side { family.deployed.push(call) } else { family.proposed.push(call) }
        }
    }
    all.into_values()
        .filter(|family| {
            let numbered = |call: &Call| base(&call.id).len() < call.id.len();
            let known: BTreeSet<&str> = family.deployed.iter().map(|call| call.id.as_str()).collect();
            family.deployed.iter().chain(&family.proposed).any(numbered)
                && family.proposed.iter().any(|call| known.contains(call.id.as_str()))
        })
        .collect()
}

fn task_calls(links: &Links, deployed: bool) -> Vec<Call> {
    let works = if deployed { &links.deployed } else { &links.proposed };
    works
        .iter()
        .enumerate()
        .filter(|(at, _)| if deployed { !links.is_settled(*at) } else { !links.is_taken(*at) })
        .map(|(at, work)| Call { id: work.id.to_string(), tasks: BTreeMap::from([(String::new(), at)]) })
        .collect()
}

/// The groups that prefix their members, with all tasks whose ids begin so.
fn group_calls(links: &Links, dag: &Dag, deployed: bool) -> Vec<Call> {
    let numbered: BTreeSet<&str> = dag
        .groups
        .iter()
        .filter(|group| group.prefixes)
        .filter_map(|group: &Group| group.group_id.exact())
        .map(GroupId::as_str)
        .collect();
    let works = if deployed { &links.deployed } else { &links.proposed };
    let mut calls: BTreeMap<&str, Call> = BTreeMap::new();
    for (at, work) in works.iter().enumerate() {
        let id = work.id.as_str();
        for (dot, _) in id.match_indices('.') {
            if let Some(group) = numbered.get(&id[..dot]) {
                let call =
                    calls.entry(group).or_insert_with(|| Call { id: (*group).to_owned(), tasks: BTreeMap::new() });
                call.tasks.insert(id[dot + 1..].to_owned(), at);
            }
        }
    }
    let order = |id: &str| dag.groups.iter().position(|group| group.group_id.may_be(id));
    let mut calls: Vec<Call> = calls.into_values().collect();
    if calls.len() > 1 {
        let places: BTreeMap<String, Option<usize>> =
            calls.iter().map(|call| (call.id.clone(), order(&call.id))).collect();
        calls.sort_by_key(|call| places.get(&call.id).copied());
    }
    calls
}

/// A label without `__<number>` at its end.
fn base(label: &str) -> &str {
    match label.rsplit_once("__") {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => label,
    }
}

fn settle_one(links: &mut Links, family: &Family, groups: bool, doubtful: &BTreeSet<&TaskId>) -> Shift {
    let tasks = |calls: &[Call]| -> Vec<usize> { calls.iter().flat_map(|call| call.tasks.values().copied()).collect() };
    links.reopen(tasks(&family.deployed).into_iter(), tasks(&family.proposed).into_iter());
    let pairs = pairs(links, family, doubtful);
    let mut shift = Shift::default();
    let mut targets: BTreeSet<usize> = BTreeSet::new();
    for (from, call) in family.deployed.iter().enumerate() {
        let to = pairs.get(&from).map(|to| &family.proposed[*to]);
        targets.extend(pairs.get(&from));
        if groups && to.is_some_and(|to| to.id == call.id) {
            // What is in a group that stays is looked at on its own.
            continue;
        }
        for (label, task) in &call.tasks {
            let id = links.deployed[*task].id;
            if let Some(target) = to.and_then(|to| to.tasks.get(label)) {
                links.settle(*task, *target);
                if id != links.proposed[*target].id {
                    shift.moved.push((id.clone(), links.proposed[*target].id.clone()));
                }
            } else if links.proposed_at(id).is_some() {
                links.end(*task);
                shift.ended.push(id.clone());
            }
            // An id that is gone may have gone elsewhere, out of this family.
        }
    }
    for (_, call) in family.proposed.iter().enumerate().filter(|(at, _)| !targets.contains(at)) {
        for task in call.tasks.values() {
            let id = links.proposed[*task].id;
            if links.deployed_at(id).is_some() {
                links.begin(*task);
                shift.fresh.push(id.clone());
            }
        }
    }
    shift
}

/// The families of which calls may have shifted, with all their ids: those that are not at rest, and those
/// that stand beside one of them.
fn moving<'f, 'a>(links: &Links<'a>, families: &'f [Family]) -> (Vec<&'f Family>, BTreeSet<&'a TaskId>) {
    let (mut resting, mut moving): (Vec<&Family>, Vec<&Family>) =
        families.iter().partition(|family| is_at_rest(links, family));
    let mut doubtful: BTreeSet<&TaskId> = moving.iter().flat_map(|family| family.ids(links)).collect();
    // Each round moves one family at least.
    loop {
        let beside = |family: &Family| {
            let deployed = family.deployed.iter().flat_map(|call| call.tasks.values());
            deployed
                .map(|task| links.deployed[*task].task)
                .any(|task| task.upstream.iter().chain(&task.downstream).any(|id| doubtful.contains(id)))
        };
        let (more, rest): (Vec<&Family>, Vec<&Family>) = resting.into_iter().partition(|family| beside(family));
        resting = rest;
        if more.is_empty() {
            return (moving, doubtful);
        }
        doubtful.extend(more.iter().flat_map(|family| family.ids(links)));
        moving.extend(more);
    }
}

/// Whether every id that both sides have is the same call, as far as can be seen at once: equal work
/// between equal neighbours.
fn is_at_rest(links: &Links, family: &Family) -> bool {
    family.deployed.iter().flat_map(|call| call.tasks.values()).all(|task| {
        let a = &links.deployed[*task];
        links.proposed_at(a.id).is_none_or(|to| {
            let b = &links.proposed[to];
            a.key == b.key && a.task.upstream == b.task.upstream && a.task.downstream == b.task.downstream
        })
    })
}

/// Which call of the deployed side is which of the proposed side, by their numbers in the family.
fn pairs(links: &Links, family: &Family, doubtful: &BTreeSet<&TaskId>) -> BTreeMap<usize, usize> {
    if family.deployed.len().saturating_mul(family.proposed.len()) > MOST_PAIRS {
        return by_work_in_order(links, family);
    }
    let mut pairs = BTreeMap::new();
    let mut open_from: BTreeSet<usize> = (0..family.deployed.len()).collect();
    let mut open_to: BTreeSet<usize> = (0..family.proposed.len()).collect();
    let mut scores: Vec<(f64, bool, usize, usize)> = Vec::new();
    for from in &open_from {
        for to in &open_to {
            let (a, b) = (&family.deployed[*from], &family.proposed[*to]);
            let score = alike(links, a, b, doubtful);
            if score >= ALIKE {
                scores.push((score, a.id == b.id, *from, *to));
            }
        }
    }
    // The best first; of equals one that keeps its id, then the earliest.
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then((a.2, a.3).cmp(&(b.2, b.3))));
    for (_, _, from, to) in scores {
        if open_from.contains(&from) && open_to.remove(&to) {
            open_from.remove(&from);
            pairs.insert(from, to);
        }
    }
    // What is like no other call is taken for itself, edited.
    for from in open_from {
        let id = &family.deployed[from].id;
        if let Some(to) = open_to.iter().copied().find(|to| family.proposed[*to].id == *id) {
            open_to.remove(&to);
            pairs.insert(from, to);
        }
    }
    pairs
}

fn by_work_in_order(links: &Links, family: &Family) -> BTreeMap<usize, usize> {
    let key = |works: &[super::work::Work], call: &Call| -> Vec<u64> {
        call.tasks.values().map(|task| works[*task].key).collect()
    };
    let mut waiting: BTreeMap<Vec<u64>, VecDeque<usize>> = BTreeMap::new();
    for (at, call) in family.proposed.iter().enumerate() {
        waiting.entry(key(&links.proposed, call)).or_default().push_back(at);
    }
    let calls = family.deployed.iter().enumerate();
    calls.filter_map(|(from, call)| Some((from, waiting.get_mut(&key(&links.deployed, call))?.pop_front()?))).collect()
}

/// How alike two calls are in what they do and what stands around them, of 1.
fn alike(links: &Links, a: &Call, b: &Call, doubtful: &BTreeSet<&TaskId>) -> f64 {
    let labels: BTreeSet<&String> = a.tasks.keys().chain(b.tasks.keys()).collect();
    let (mut work, mut around, mut both) = (0.0, 0.0, 0);
    for label in &labels {
        let (Some(from), Some(to)) = (a.tasks.get(*label), b.tasks.get(*label)) else { continue };
        both += 1;
        if links.deployed[*from].key == links.proposed[*to].key {
            work += 1.0;
        }
        around += links.around(*from, *to, doubtful);
    }
    if both == 0 {
        return 0.0;
    }
    0.6 * work / super::float(labels.len()) + 0.4 * around / super::float(both)
}
