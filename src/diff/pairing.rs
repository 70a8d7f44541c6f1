//! Which DAG and which task of the proposed model is the one of the deployed model.
//!
//! An id that both sides have is the same thing, unless equal work shows under another id: then ids
//! have shifted. The rest is paired by what it does: a rename shows as an equal operator, callable,
//! arguments and neighbours under another id.

mod alike;
mod family;
mod links;
mod moved;
mod work;

pub(super) use family::Shift;
pub(super) use work::with_ids;

use crate::content::Snapshot;
use crate::dag::{Dag, Model, Unknown};
use crate::ids::{DagId, TaskId};
use links::Links;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What became of a deployed DAG.
pub(super) enum DagPair<'a> {
    /// The proposed model has its id.
    Same(&'a Dag),
    /// A DAG of the same work has another id.
    Renamed(&'a Dag, DagId),
    /// Nothing of it is left.
    Gone,
    /// Its id is not in the text.
    Unknown(&'a Unknown),
}

/// How alike two things must be to be one under another id; of 1.
const ALIKE: f64 = 0.6;

/// For each deployed DAG what became of it.
pub(super) fn dags<'a>(deployed: &'a Model, proposed: &'a Model) -> Vec<DagPair<'a>> {
    let mut known: HashMap<&DagId, Vec<&Dag>> = HashMap::with_capacity(proposed.dags.len());
    for dag in &proposed.dags {
        if let Some(id) = dag.dag_id.exact() {
            known.entry(id).or_default().push(dag);
        }
    }
    let before: HashSet<&DagId> = deployed.dags.iter().filter_map(|dag| dag.dag_id.exact()).collect();
    let mut fresh: Vec<(&Dag, BTreeSet<&TaskId>)> = proposed
        .dags
        .iter()
        .map(AsRef::as_ref)
        .filter(|dag| dag.dag_id.exact().is_some_and(|id| !before.contains(id)))
        .map(|dag| (dag, ids(dag)))
        .collect();
    deployed
        .dags
        .iter()
        .map(|dag| {
            let Some(id) = dag.dag_id.exact() else { return of_unknown_id(dag) };
            if let Some(same) = known.get(id).and_then(|same| of_one_id(deployed, dag, same)) {
                return DagPair::Same(same);
            }
            let own = ids(dag);
            let best = (0..fresh.len())
                .map(|at| (likeness((dag, &own), (fresh[at].0, &fresh[at].1)), at))
                .filter(|(likeness, _)| *likeness >= ALIKE)
                .max_by(|(a, i), (b, j)| a.total_cmp(b).then(j.cmp(i)));
            match best {
                Some((_, at)) => {
                    let (other, _) = fresh.remove(at);
                    match other.dag_id.exact() {
                        Some(to) => DagPair::Renamed(other, to.clone()),
                        None => DagPair::Gone,
                    }
                }
                None => DagPair::Gone,
            }
        })
        .collect()
}

/// Of several DAGs of one id, the one that takes the place of that one: the first of a file stays the
/// first of that file. In another file it is the last that is left.
fn of_one_id<'a>(deployed: &Model, dag: &Dag, same: &[&'a Dag]) -> Option<&'a Dag> {
    if let &[only] = same {
        return Some(only);
    }
    let before = deployed.of_file(&dag.file).iter().take_while(|twin| !std::ptr::eq(twin.as_ref(), dag));
    let ordinal = before.filter(|twin| twin.dag_id == dag.dag_id).count();
    same.iter().filter(|twin| twin.file == dag.file).nth(ordinal).or(same.last()).copied()
}

fn of_unknown_id(dag: &Dag) -> DagPair<'_> {
    match dag.unknown.first() {
        Some(unknown) => DagPair::Unknown(unknown),
        // The model promises a reason for every id that is not exact.
        None => DagPair::Gone,
    }
}

fn ids(dag: &Dag) -> BTreeSet<&TaskId> {
    dag.tasks.iter().filter_map(|task| task.task_id.exact()).collect()
}

/// How much of the two DAGs is the same: their task ids, and whether they stand in one file.
fn likeness((dag, a): (&Dag, &BTreeSet<&TaskId>), (other, b): (&Dag, &BTreeSet<&TaskId>)) -> f64 {
    let shared = share(a.intersection(b).count(), a.union(b).count());
    let place = if dag.file == other.file { 1.0 } else { 0.0 };
    0.75 * shared + 0.25 * place
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { float(part) / float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tasks and arguments are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

/// A task that goes on under another id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Renamed {
    pub(super) from: TaskId,
    pub(super) to: TaskId,
    /// How alike the two are, of 100.
    pub(super) alike: u8,
}

/// What became of the tasks of a DAG that both sides have.
pub(super) struct TaskPairs {
    pub(super) renamed: Vec<Renamed>,
    /// Ids of both sides that mean other work than they did, with what went along: those that Airflow
    /// counts up by itself.
    pub(super) counted: Vec<Shift>,
    /// The same of ids that the text gives.
    pub(super) given: Vec<Shift>,
    pub(super) gone: Vec<TaskId>,
    pub(super) added: Vec<TaskId>,
    /// Where the work of each deployed task is on the proposed side, where that is under another id.
    through: BTreeMap<TaskId, TaskId>,
}

impl TaskPairs {
    /// The deployed id of each proposed id that takes over the work of another.
    pub(super) fn origins(&self) -> BTreeMap<&TaskId, &TaskId> {
        self.through.iter().map(|(from, to)| (to, from)).collect()
    }

    /// The proposed id of what has this id on the deployed side.
    pub(super) fn through<'a>(&'a self, id: &'a TaskId) -> &'a TaskId {
        self.through.get(id).unwrap_or(id)
    }

    /// Ids of both sides that mean other work on one than on the other.
    pub(super) fn moved_ids(&self) -> BTreeSet<&TaskId> {
        let shifts = self.counted.iter().chain(&self.given);
        shifts
            .flat_map(|shift| {
                let moved = shift.moved.iter().flat_map(|(from, to)| [from, to]);
                moved.chain(&shift.fresh).chain(&shift.ended)
            })
            .collect()
    }
}

/// Pairs the tasks of a DAG.
pub(super) fn tasks((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> TaskPairs {
    let mut links = Links::new(work::of(dag), work::of(other));
    let counted = family::settle(&mut links, dag, other);
    let (equal, given) = moved::settle(&mut links);
    let like = alike::settle(&mut links, deployed, proposed);
    let id = |links: &Links, from: usize, to: usize| (links.deployed[from].id.clone(), links.proposed[to].id.clone());
    let all = equal.into_iter().map(|(from, to)| (from, to, 100)).chain(like);
    let mut renamed: Vec<Renamed> = all
        .map(|(from, to, alike)| {
            let (from, to) = id(&links, from, to);
            Renamed { from, to, alike }
        })
        .collect();
    renamed.sort();
    let moved = counted.iter().chain(&given).flat_map(|shift| shift.moved.iter().cloned());
    let through = moved.chain(renamed.iter().map(|pair| (pair.from.clone(), pair.to.clone()))).collect();
    let gone = (0..links.deployed.len()).filter(|at| links.is_gone(*at)).map(|at| links.deployed[at].id.clone());
    let added = (0..links.proposed.len()).filter(|at| links.is_fresh(*at)).map(|at| links.proposed[at].id.clone());
    TaskPairs { renamed, gone: gone.collect(), added: added.collect(), counted, given, through }
}

/// The id without the prefixes of its groups.
pub(super) fn label(id: &TaskId) -> &str {
    id.as_str().rsplit('.').next().unwrap_or(id.as_str())
}
