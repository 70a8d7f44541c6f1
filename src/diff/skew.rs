//! What goes wrong where deployed DAGs meet proposed plugins, and on neither side alone.

use super::kind::{Meets, Mixture, Reach};
use super::{Change, Code, FileChange, Identity, Kind, MappingChange, Side, Skew};
use crate::content::{Area, ContentPath, Differing, File, Layout, Snapshot};
use crate::dag::Model;

/// A tree that is neither side: deployed DAGs with plugins that are proposed, all or some.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// The tree.
    pub snapshot: Snapshot,
    /// Whether a run that is pinned to a commit sees it for as long as it runs.
    pub pinned: bool,
    /// What a delivery has written last when it is on disk, if it ever is.
    pub after: Option<Area>,
}

/// The mixtures that a delivery of `proposed` over `deployed` gives rise to.
///
/// Writes go operators, sensors, shared, dags, and what is removed is removed after all of them: what
/// lies on disk in between has the deployed modules still. A pinned run sees the plugins as they are
/// in the end, `marked` where modules were taken away. What is equal to one of the sides is left out.
pub fn mixed(deployed: &Snapshot, proposed: &Snapshot, marked: &Snapshot, layout: Layout) -> Vec<Mixed> {
    let changed = changed(deployed, proposed, layout);
    let writes = |area: Area| changed.iter().any(|change| change.area == area && change.file.is_some());
    let removes_plugins = changed.iter().any(|change| change.area != Area::Dags && change.file.is_none());
    let dags = changed.iter().any(|change| change.area == Area::Dags);
    let mut written: Vec<Area> =
        [Area::Operators, Area::Sensors, Area::Shared].into_iter().filter(|area| writes(*area)).collect();
    // In the order of the delivery, which a layout may name.
    written.sort_by_key(|area| changed.iter().filter(|change| change.area == *area).map(|change| change.rank).min());
    if written.is_empty() && !removes_plugins || written.len() < 2 && !dags {
        return Vec::new();
    }
    let mut mixtures: Vec<Mixed> = Vec::new();
    let mut on_disk = deployed.clone();
    for (at, area) in written.iter().enumerate() {
        for change in changed.iter().filter(|change| change.area == *area) {
            if let Some(file) = change.file {
                on_disk.insert(change.path.clone(), file.clone());
            }
        }
        if at + 1 < written.len() || writes(Area::Dags) {
            mixtures.push(Mixed { snapshot: on_disk.clone(), pinned: false, after: Some(*area) });
        }
    }
    if dags {
        let last = mixtures.last_mut().filter(|last| last.after == written.last().copied() && !removes_plugins);
        if let Some(last) = last {
            last.pinned = true;
        } else {
            let snapshot = with_plugins(deployed, marked, layout);
            mixtures.push(Mixed { snapshot, pinned: true, after: None });
        }
    }
    mixtures
}

/// The DAGs of one tree with the plugins of another.
fn with_plugins(dags: &Snapshot, plugins: &Snapshot, layout: Layout) -> Snapshot {
    let mut snapshot = Snapshot::empty(plugins.revision().clone());
    for (tree, of_dags) in [(dags, true), (plugins, false)] {
        for (path, file) in tree.files() {
            if in_area(path, layout).is_some_and(|area| (area == Area::Dags) == of_dags) {
                snapshot.insert(path.clone(), file.clone());
            }
        }
    }
    snapshot
}

/// A file that is another on the proposed side, or gone there.
struct Changed<'a> {
    path: &'a ContentPath,
    area: Area,
    rank: usize,
    file: Option<&'a File>,
}

/// Only what differs is looked at closely: that is little of a large tree.
fn changed<'a>(deployed: &'a Snapshot, proposed: &'a Snapshot, layout: Layout) -> Vec<Changed<'a>> {
    let placed = |file: Differing<'a>| {
        let place = layout.place(file.path)?;
        Some(Changed { path: file.path, area: place.area, rank: place.rank, file: file.there })
    };
    deployed.differing(proposed).into_iter().filter_map(placed).collect()
}

fn in_area(path: &ContentPath, layout: Layout) -> Option<Area> {
    layout.place(path).map(|place| place.area)
}

/// Adds to the changes what holds of mixtures alone, and notes of the others whether a pinned run
/// meets them too.
pub fn skewed(
    deployed: Side,
    proposed: Side,
    mixtures: &[(&Mixed, &Model)],
    layout: Layout,
    changes: &mut Vec<Change>,
) {
    let changed = changed(deployed.snapshot, proposed.snapshot, layout);
    if changed.iter().all(|change| change.area == Area::Dags) {
        return;
    }
    if changed.iter().all(|change| change.area != Area::Dags) {
        // The proposed tree is what a pinned run sees.
        let more: Vec<Change> = changes.iter().filter_map(|change| lost(change, &Where::Pinned)).collect();
        for change in changes.iter_mut() {
            match &mut change.kind {
                Kind::Code(code) => code.reaches_pinned(),
                Kind::Data(data) => {
                    data.reaches(Reach::All);
                }
                _ => {}
            }
        }
        changes.extend(more);
    }
    for (mixed, model) in mixtures {
        let side = Side { snapshot: &mixed.snapshot, model };
        for change in super::changes(deployed, side, layout) {
            let known = changes.iter_mut().find(|known| says_the_same(known, &change));
            if let Some(known) = known {
                match &mut known.kind {
                    Kind::Code(code) if mixed.pinned => code.reaches_pinned(),
                    Kind::Data(data) if mixed.pinned => {
                        data.reaches(Reach::All);
                    }
                    _ => {}
                }
                continue;
            }
            if mixed.pinned {
                changes.extend(passed(&change));
            }
            let places = mixed.pinned.then_some(Where::Pinned).into_iter().chain(mixed.after.map(Where::Between));
            for place in places {
                let skew = mixture(&change, &place).or_else(|| lost(&change, &place));
                let Some(mut skew) = skew else { continue };
                // The DAGs folder of the mixture is the deployed one; what is proposed has other lines.
                skew.proposed = skew.proposed.filter(|at| in_area(&at.path, layout) != Some(Area::Dags));
                if !changes.iter().any(|known| known.kind == skew.kind && known.dags == skew.dags) {
                    changes.push(skew);
                }
            }
        }
    }
}

/// Where a mixture is met.
enum Where {
    Pinned,
    Between(Area),
}

fn says_the_same(known: &Change, change: &Change) -> bool {
    known.dags == change.dags
        && match (&known.kind, &change.kind) {
            (Kind::Code(a), Kind::Code(b)) => {
                let pinned = |code: &Code| {
                    let mut code = code.clone();
                    code.reaches_pinned();
                    code
                };
                pinned(a) == pinned(b)
            }
            (Kind::Data(a), Kind::Data(b)) => {
                let mut all = [a.clone(), b.clone()];
                all.iter_mut().all(|data| data.reaches(Reach::All)) && all[0] == all[1]
            }
            (Kind::File(FileChange::Broken { path: a, .. }), Kind::File(FileChange::Broken { path: b, .. })) => a == b,
            _ => false,
        }
}

/// A value that the proposed plugins store and the deployed DAG file cannot use, or the other way round.
fn passed(change: &Change) -> Option<Change> {
    let mut change = change.clone();
    let Kind::Data(data) = &mut change.kind else { return None };
    data.reaches(Reach::Pinned).then_some(change)
}

/// What a change between the deployed tree and a mixture does in that mixture.
fn mixture(change: &Change, place: &Where) -> Option<Change> {
    let mixture = match &change.kind {
        Kind::File(FileChange::Broken { path, message }) if !change.dags.is_empty() => {
            Mixture { within: path.to_string(), why: message.clone(), meets: Meets::All }
        }
        Kind::Code(code) => {
            let breach = code.breach()?;
            Mixture {
                within: breach.within.clone(),
                why: breach.why.clone(),
                meets: Meets::Tasks {
                    tasks: breach.tasks.clone(),
                    at_start: breach.at_start,
                    at_resume: breach.at_resume,
                },
            }
        }
        _ => return None,
    };
    Some(of(change, mixture, place))
}

/// Tasks that the DAG of a mixture does not have any more: for a pinned run they are there, and cannot
/// be loaded.
fn lost(change: &Change, place: &Where) -> Option<Change> {
    let Where::Pinned = place else { return None };
    let tasks = match &change.kind {
        Kind::Identity(Identity::TaskRemoved { task_id }) => vec![task_id.clone()],
        Kind::Identity(Identity::TaskRenamed { from, .. }) => vec![from.clone()],
        Kind::Identity(Identity::GroupChanged { members, .. }) => {
            members.iter().map(|(from, _)| from.clone()).collect()
        }
        Kind::Mapping(MappingChange::ItemsChanged { subject, before, after }) if !after.is_empty() => {
            let why = "the DAG file of the run's commit makes another list with the proposed plugins".to_owned();
            let within = subject.name().to_string();
            // A worker finds the element of an index that is beyond the list by the rest of a division.
            let after = (0..before.len()).map(|index| after[index % after.len()].clone()).collect();
            let meets = Meets::Elements { tasks: subject.tasks().to_vec(), before: before.clone(), after };
            return Some(of(change, Mixture { within, why, meets }, place));
        }
        Kind::Identity(Identity::IdsShifted { moved, fresh, .. }) => {
            let why = "the DAG file of the run's commit gives ids to other work with the proposed plugins".to_owned();
            let within = moved.iter().map(|(from, _)| from).chain(fresh).min().map(ToString::to_string);
            let meets = Meets::Meaning { moved: moved.clone(), fresh: fresh.clone() };
            return Some(of(change, Mixture { within: within.unwrap_or_default(), why, meets }, place));
        }
        _ => return None,
    };
    let why = "the DAG file of the run's commit does not make the task with the proposed plugins".to_owned();
    let within = tasks.first().map(ToString::to_string).unwrap_or_default();
    Some(of(change, Mixture { within, why, meets: Meets::Missing(tasks) }, place))
}

fn of(change: &Change, mixture: Mixture, place: &Where) -> Change {
    let skew = match place {
        Where::Pinned => Skew::Pinned(mixture),
        Where::Between(after) => Skew::Between { after: *after, mixture },
    };
    Change { kind: Kind::Skew(skew), ..change.clone() }
}
