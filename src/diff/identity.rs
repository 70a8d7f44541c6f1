//! What became of ids: the changes that the pairs of a DAG's tasks are.

use super::pairing::{Shift, TaskPairs, label};
use super::{Certainty, Change, Identity, Kind, KnownBy, Side};
use crate::content::{ContentPath, Location, Snapshot};
use crate::dag::{ANOTHER_OF_THE_ID, Dag, Group, Id, Task};
use crate::ids::{DagId, GroupId, TaskId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A deployed group and where its members went; none for the root.
type GroupChange = (Option<GroupId>, Option<GroupId>);

/// The changes of the ids of a DAG that both sides have.
pub(super) fn changes(
    pairs: &TaskPairs,
    (deployed, dag): (Side, &Dag),
    (proposed, other): (Side, &Dag),
) -> Vec<Change> {
    let sides = ((deployed, dag), (proposed, other));
    let mut changes = renames(pairs, sides);
    let counted = pairs.counted.iter().map(|shift| (shift, true));
    for (shift, counted) in counted.chain(pairs.given.iter().map(|shift| (shift, false))) {
        changes.extend(shifted(shift, counted, dag, other));
    }
    changes.extend(removed(pairs, dag, other));
    changes.extend(added(pairs, dag, other));
    changes.extend(operators(pairs, dag, other));
    changes
}

/// Tasks that keep their id and are of another operator.
fn operators(pairs: &TaskPairs, dag: &Dag, other: &Dag) -> Vec<Change> {
    let after = by_id(other);
    let moved = pairs.moved_ids();
    let both = dag.tasks.iter().filter_map(|task| {
        let id = task.task_id.exact().filter(|id| !moved.contains(id))?;
        Some((id, task, *after.get(id)?))
    });
    let differs = |a: &Task, b: &Task| a.operator != b.operator && !(runs_python(a) && runs_python(b));
    both.filter(|(_, a, b)| differs(a, b) || a.choice != b.choice)
        .map(|(id, a, b)| {
            let (before, after) = shown_operators(a, b);
            // A class of the tree may be the same one under another name. Whether it knows how to go on with
            // what the other one deferred is a contract of the code, and found there.
            let of_the_tree = |task: &Task| !task.methods.is_empty();
            let is_renamed = of_the_tree(a) && of_the_tree(b) || is_respelt(&a.operator, &b.operator);
            let certainty = if is_renamed && a.choice == b.choice {
                Certainty::Possible(format!("`{}` may do what `{}` did under another name", b.operator, a.operator))
            } else {
                Certainty::Certain
            };
            Change {
                kind: Kind::Identity(Identity::OperatorChanged { task_id: id.clone(), before, after }),
                dags: vec![dag.dag_id.clone()],
                certainty,
                deployed: Some(a.at.clone()),
                proposed: Some(b.at.clone()),
            }
        })
        .collect()
}

/// Whether two classes have one name in two spellings, as providers rename theirs: `EKSPodOperator` and
/// `EksPodOperator`, or without its vendor, `AWSAthenaOperator` and `AthenaOperator`.
fn is_respelt(before: &str, after: &str) -> bool {
    const VENDORS: [&str; 4] = ["aws", "amazon", "google", "azure"];
    let plain = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let bare = VENDORS.iter().find_map(|vendor| lower.strip_prefix(vendor)).map(str::to_owned);
        bare.unwrap_or(lower)
    };
    plain(before) == plain(after)
}

/// Whether a task calls a function in the worker itself; a decorator and an operator do that alike.
fn runs_python(task: &Task) -> bool {
    task.work() == "PythonOperator"
}

/// The operators as people write them; of a class of the tree that keeps its name, what it is beside.
fn shown_operators(before: &Task, after: &Task) -> (String, String) {
    let (was, is) = (shown_operator(before), shown_operator(after));
    if was != is {
        return (was, is);
    }
    let told = |task: &Task| task.choice.map_or_else(|| "no branch".into(), |choice| choice.word().to_owned());
    (format!("{was} ({})", told(before)), format!("{is} ({})", told(after)))
}

fn shown_operator(task: &Task) -> String {
    match (task.operator.strip_prefix('_'), &task.operator_path) {
        (Some(_), Some(path)) if path.starts_with("airflow.") => {
            let decorator = path.rsplit("decorators.").next().unwrap_or(path);
            format!("@{}", decorator.trim_start_matches("sdk."))
        }
        _ => task.operator.clone(),
    }
}

/// Ids that two files of the proposed tree define, and did not before.
pub(super) fn duplicates(deployed: Side, proposed: Side) -> Vec<Change> {
    let mut ids: Vec<&DagId> = proposed.model.dags.iter().filter_map(|dag| dag.dag_id.exact()).collect();
    ids.sort();
    if ids.windows(2).all(|pair| pair[0] != pair[1]) {
        return Vec::new();
    }
    let by_id = |side: Side<'_>| {
        let mut by_id: BTreeMap<DagId, Vec<(ContentPath, Location, bool)>> = BTreeMap::new();
        for dag in &side.model.dags {
            if let Some(id) = dag.dag_id.exact() {
                let files = by_id.entry(id.clone()).or_default();
                // A DAG that one file imports from the other is one and the same.
                if files.iter().all(|(file, at, _)| *file != dag.file && *at != dag.at) {
                    let certain = dag.unknown.iter().all(|unknown| unknown.reason.ends_with(ANOTHER_OF_THE_ID));
                    files.push((dag.file.clone(), dag.at.clone(), certain));
                }
            }
        }
        by_id
    };
    let mut changes = Vec::new();
    let before = by_id(deployed);
    for (dag_id, files) in by_id(proposed).into_iter().filter(|(_, files)| files.len() > 1) {
        let known = before.get(&dag_id).map(Vec::as_slice).unwrap_or_default();
        let was = |file: &ContentPath| known.iter().any(|(other, _, _)| other == file);
        let Some((second, at, complete)) = files.iter().find(|(file, _, _)| !was(file)) else { continue };
        let Some((first, _, _)) = files.iter().find(|(file, _, _)| file != second) else { continue };
        let certainty = if *complete {
            Certainty::Certain
        } else {
            Certainty::Possible(format!("what `{second}` defines is not wholly known"))
        };
        changes.push(Change {
            kind: Kind::Identity(Identity::DagDuplicated { first: first.clone(), second: second.clone() }),
            dags: vec![Id::Exact(dag_id.clone())],
            certainty,
            deployed: known.first().map(|(_, at, _)| at.clone()),
            proposed: Some(at.clone()),
        });
    }
    changes
}

fn renames(pairs: &TaskPairs, ((deployed, dag), (proposed, other)): ((Side, &Dag), (Side, &Dag))) -> Vec<Change> {
    let mut by_group: BTreeMap<GroupChange, Vec<(TaskId, TaskId)>> = BTreeMap::new();
    let mut changes = Vec::new();
    let (before, after) = (by_id(dag), by_id(other));
    let mentions = Mentions::of(pairs, proposed, other);
    let places = |ids: &(TaskId, TaskId)| Some((*before.get(&ids.0)?, *after.get(&ids.1)?));
    for pair in &pairs.renamed {
        let ids = (pair.from.clone(), pair.to.clone());
        let Some((a, b)) = places(&ids) else { continue };
        if let Some(groups) = outermost_changed_group(dag, other, a, b) {
            by_group.entry(groups).or_default().push(ids);
        }
    }
    // One task that goes into a group is a task of another id.
    by_group.retain(|(from, _), members| from.is_some() || members.len() > 1);
    let in_groups: BTreeSet<&TaskId> = by_group.values().flatten().map(|(from, _)| from).collect();
    for pair in pairs.renamed.iter().filter(|pair| !in_groups.contains(&pair.from)) {
        let ids = (pair.from.clone(), pair.to.clone());
        let Some((a, b)) = places(&ids) else { continue };
        let known = mentions.known_by(&before, std::slice::from_ref(&ids));
        let (at, other_at) =
            id_places((deployed.snapshot, &a.id_at, &a.id_parts), (proposed.snapshot, &b.id_at, &b.id_parts));
        let (from, to) = ids;
        changes.push(Change {
            kind: Kind::Identity(Identity::TaskRenamed { from, to, known, alike: pair.alike }),
            dags: vec![dag.dag_id.clone()],
            certainty: Certainty::Certain,
            deployed: Some(at),
            proposed: Some(other_at),
        });
    }
    drop(in_groups);
    for ((from, to), members) in by_group {
        let at = |dag: &Dag, id: &Option<GroupId>| {
            id.as_ref().and_then(|id| group(dag, id)).map(|group| group.id_at.clone())
        };
        let first = members.first().and_then(|(from, _)| before.get(from)).map(|task| task.id_at.clone());
        changes.push(Change {
            deployed: at(dag, &from).or(first),
            proposed: at(other, &to).or_else(|| Some(other.at.clone())),
            certainty: Certainty::Certain,
            kind: Kind::Identity(Identity::GroupChanged {
                from,
                to,
                known: mentions.known_by(&before, &members),
                members,
            }),
            dags: vec![dag.dag_id.clone()],
        });
    }
    changes
}

fn by_id(dag: &Dag) -> BTreeMap<&TaskId, &Task> {
    dag.tasks.iter().filter_map(|task| Some((task.task_id.exact()?, task))).collect()
}

/// Ids that mean other work, with the first of them to be seen on each side.
fn shifted(shift: &Shift, counted: bool, dag: &Dag, other: &Dag) -> Option<Change> {
    let (from, to) = shift.moved.first()?;
    Some(Change {
        kind: Kind::Identity(Identity::IdsShifted {
            counted,
            moved: shift.moved.clone(),
            fresh: shift.fresh.clone(),
            ended: shift.ended.clone(),
        }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: dag.task(from).map(|task| task.at.clone()),
        proposed: other.task(to).map(|task| task.at.clone()),
    })
}

/// Tasks whose ids and work are new.
fn added(pairs: &TaskPairs, dag: &Dag, other: &Dag) -> Vec<Change> {
    let after = by_id(other);
    let added = pairs.added.iter().filter_map(|id| Some((id, *after.get(id)?)));
    added
        .map(|(id, task)| Change {
            kind: Kind::Identity(Identity::TaskAdded { task_id: id.clone() }),
            dags: vec![dag.dag_id.clone()],
            // Where the deployed DAG is not wholly known, the task may be in it.
            certainty: goes(dag, id),
            deployed: Some(dag.at.clone()),
            proposed: Some(task.id_at.clone()),
        })
        .collect()
}

/// Whether the pair differs by its group's prefix alone; then the deployed group and where it
/// went. Of nested groups the outermost one that differs is the change.
fn outermost_changed_group(dag: &Dag, other: &Dag, a: &Task, b: &Task) -> Option<GroupChange> {
    let (from, to) = (a.task_id.exact()?, b.task_id.exact()?);
    if label(from) != label(to) {
        return None;
    }
    let (chain_a, chain_b) = (chain(dag, a), chain(other, b));
    let id = |group: Option<&&Group>| group.and_then(|group| group.group_id.exact().cloned());
    let Some(innermost) = chain_a.last() else { return Some((None, Some(id(chain_b.first())?))) };
    let differs = chain_a.iter().enumerate().find(|(at, group)| {
        !chain_b.get(*at).is_some_and(|peer| peer.group_id == group.group_id && peer.prefixes == group.prefixes)
    });
    match differs {
        Some((at, group)) => Some((Some(group.group_id.exact()?.clone()), id(chain_b.get(at).or(chain_b.last())))),
        // The same groups around it, and more inside of them.
        None => Some((Some(innermost.group_id.exact()?.clone()), id(chain_b.last()))),
    }
}

/// The groups around a task, outermost first.
fn chain<'a>(dag: &'a Dag, task: &Task) -> Vec<&'a Group> {
    let mut chain = Vec::new();
    let mut next = task.group.as_ref();
    while let Some(found) = next.and_then(|id| group(dag, id)) {
        if chain.len() > dag.groups.len() {
            break;
        }
        chain.push(found);
        next = found.parent.as_ref();
    }
    chain.reverse();
    chain
}

fn group<'a>(dag: &'a Dag, id: &GroupId) -> Option<&'a Group> {
    dag.groups.iter().find(|group| group.group_id.exact() == Some(id))
}

/// The places that made two ids differ: of ids that the same expression made of several texts
/// (`f"load_{table}"`), the text that is not the same on both sides.
pub(super) fn id_places(
    (deployed, a, a_parts): (&Snapshot, &Location, &[Location]),
    (proposed, b, b_parts): (&Snapshot, &Location, &[Location]),
) -> (Location, Location) {
    let differs = |a, b| super::source(deployed, a) != super::source(proposed, b);
    let alike = !differs(a, b) && a_parts.len() == b_parts.len();
    match a_parts.iter().zip(b_parts).find(|(a, b)| alike && differs(a, b)) {
        Some((a, b)) => (a.clone(), b.clone()),
        None => (a.clone(), b.clone()),
    }
}

/// Tasks whose ids one expression makes.
struct Beside<'a> {
    /// How many of them each text is a part of.
    parts: BTreeMap<&'a Location, usize>,
    /// The first of them that stays, on the proposed side.
    stays: Option<&'a Task>,
}

/// Those tasks by that expression.
fn beside<'a>(dag: &'a Dag, after: &BTreeMap<&TaskId, &'a Task>) -> BTreeMap<&'a Location, Beside<'a>> {
    let mut beside: BTreeMap<&Location, Beside> = BTreeMap::new();
    for task in &dag.tasks {
        let found = beside.entry(&task.id_at).or_insert_with(|| Beside { parts: BTreeMap::new(), stays: None });
        for part in &task.id_parts {
            *found.parts.entry(part).or_default() += 1;
        }
        if found.stays.is_none() {
            found.stays = task.task_id.exact().and_then(|id| after.get(id)).copied();
        }
    }
    beside
}

/// The place that decided the id of a task that is gone, and where the proposed side has its like:
/// of ids that one expression makes of several texts, the text that is this one's own, and that of
/// a task beside it that stays.
fn gone_places(task: &Task, other: &Dag, beside: &BTreeMap<&Location, Beside>) -> (Location, Location) {
    let all = beside.get(&task.id_at);
    let own = all.and_then(|all| task.id_parts.iter().position(|part| all.parts.get(part) == Some(&1)));
    let place = |task: &Task| own.and_then(|own| task.id_parts.get(own)).unwrap_or(&task.id_at).clone();
    match all.and_then(|all| all.stays) {
        Some(stays) => (place(task), place(stays)),
        None => (task.id_at.clone(), other.at.clone()),
    }
}

/// Which proposed tasks hold deployed ids as strings of their own, in code or arguments: an
/// `xcom_pull`, a template, a sensor. What else the string may mean does not matter, since the question is
/// only whether the id can be given up without a trace.
struct Mentions {
    /// By deployed id: tasks of the DAG itself.
    own: BTreeMap<TaskId, Vec<TaskId>>,
    /// By deployed id: tasks of other DAGs that hold this DAG's id too.
    foreign: BTreeMap<TaskId, Vec<(DagId, TaskId)>>,
}

impl Mentions {
    fn of(pairs: &TaskPairs, proposed: Side, other: &Dag) -> Self {
        let wanted: BTreeMap<&str, &TaskId> =
            pairs.renamed.iter().map(|pair| (pair.from.as_str(), &pair.from)).collect();
        let mut mentions = Self { own: BTreeMap::new(), foreign: BTreeMap::new() };
        if wanted.is_empty() {
            return mentions;
        }
        let strings = |task: &Task, found: &mut BTreeSet<String>| {
            if let Some(callable) = &task.callable {
                found.extend(super::quoted(&super::text(proposed.snapshot, &callable.at)).map(str::to_owned));
            }
            task.arguments.texts().for_each(|text| found.extend(super::quoted(text).map(str::to_owned)));
        };
        for task in &other.tasks {
            let mut found = BTreeSet::new();
            strings(task, &mut found);
            if let Some(task_id) = task.task_id.exact() {
                for id in found.iter().filter_map(|found| wanted.get(found.as_str())) {
                    mentions.own.entry((*id).clone()).or_default().push(task_id.clone());
                }
            }
        }
        let Some(own_id) = other.dag_id.exact() else { return mentions };
        let names_it = |foreign: &&Arc<Dag>| foreign.dag_id != other.dag_id && foreign.may_quote(own_id.as_str());
        for foreign in proposed.model.dags.iter().filter(names_it) {
            let Some(dag_id) = foreign.dag_id.exact() else { continue };
            for task in &foreign.tasks {
                let mut found = BTreeSet::new();
                strings(task, &mut found);
                if let Some(task_id) = task.task_id.exact().filter(|_| found.contains(own_id.as_str())) {
                    for id in found.iter().filter_map(|found| wanted.get(found.as_str())) {
                        let at = (dag_id.clone(), task_id.clone());
                        mentions.foreign.entry((*id).clone()).or_default().push(at);
                    }
                }
            }
        }
        mentions
    }

    /// What knows the deployed ids of these pairs; `before` are the deployed tasks.
    fn known_by(&self, before: &BTreeMap<&TaskId, &Task>, pairs: &[(TaskId, TaskId)]) -> KnownBy {
        let ids = || pairs.iter().map(|(from, _)| from);
        let mut tasks: Vec<TaskId> = ids().filter_map(|id| self.own.get(id)).flatten().cloned().collect();
        let mut elsewhere: Vec<_> = ids().filter_map(|id| self.foreign.get(id)).flatten().cloned().collect();
        if pairs.len() > 1 {
            tasks.sort();
            tasks.dedup();
            elsewhere.sort();
            elsewhere.dedup();
        }
        let branches = ids()
            .filter_map(|id| before.get(id))
            .flat_map(|task| task.upstream.iter().filter(|id| before.get(id).is_some_and(|task| task.is_branch())))
            .cloned()
            .collect();
        KnownBy { tasks, elsewhere, branches }
    }
}

/// Whether it is certain that the id goes: where the proposed DAG is not wholly known, the task may
/// still be there.
fn goes(other: &Dag, id: &TaskId) -> Certainty {
    match other.unknown.first() {
        Some(unknown) if may_define(other, id) => Certainty::Possible(super::reason(unknown)),
        _ => Certainty::Certain,
    }
}

/// Tasks whose ids are not there any more.
fn removed(pairs: &TaskPairs, dag: &Dag, other: &Dag) -> Vec<Change> {
    if pairs.gone.is_empty() {
        return Vec::new();
    }
    let (before, after) = (by_id(dag), by_id(other));
    let beside = beside(dag, &after);
    let gone = pairs.gone.iter().filter_map(|id| Some((id, *before.get(id)?)));
    gone.map(|(id, task)| {
        let (at, other_at) = gone_places(task, other, &beside);
        Change {
            kind: Kind::Identity(Identity::TaskRemoved { task_id: id.clone() }),
            dags: vec![dag.dag_id.clone()],
            certainty: goes(other, id),
            deployed: Some(at),
            proposed: Some(other_at),
        }
    })
    .collect()
}

/// Whether a DAG that is not complete may hold a task of that id. A listed task of unknown id
/// must fit; a reason that names no task may hide any.
fn may_define(dag: &Dag, id: &TaskId) -> bool {
    let open: Vec<_> = dag.tasks.iter().filter(|task| task.task_id.exact().is_none()).collect();
    open.is_empty()
        || dag.unknown.len() > open.len()
        || open.iter().any(|task| match &task.task_id {
            Id::Exact(exact) => exact == id,
            Id::OneOf(ids) => ids.contains(id),
            Id::Pattern { prefix, suffix } => {
                id.as_str().len() >= prefix.len() + suffix.len()
                    && id.as_str().starts_with(prefix.as_str())
                    && id.as_str().ends_with(suffix.as_str())
            }
        })
}
