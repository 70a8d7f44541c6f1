//! The ordered steps from what is on disk to what is proposed.

mod links;

use super::{Area, BlobId, ContentPath, File, HomePath, Layout, Mode, PathProblem, Place, Revision, Snapshot};
use crate::switch::off;
use links::Links;
use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use unicode_normalization::UnicodeNormalization as _;

/// Why a tree is not delivered at all, whatever it says: found before the first write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A path that cannot be a path of the tree.
    #[error("the path {0}: `{1}`")]
    Path(PathProblem, String),
    /// A submodule: git stores only a commit id, there is no content to deliver.
    #[error("a submodule cannot be delivered: `{0}`")]
    Submodule(ContentPath),
    /// A Git LFS pointer: the content itself is not in the repository.
    #[error("a Git LFS pointer cannot be delivered, its content is not in the repository: `{0}`")]
    LfsPointer(ContentPath),
    /// A symbolic link whose target lies outside of what is delivered (R30).
    #[error("a symbolic link leads out of the tree: `{0}`")]
    EscapingLink(ContentPath),
    /// A symbolic link that leads to itself or to a folder that contains it; Airflow's walk over
    /// the DAGs folder ends with "recursive loop" there.
    #[error("a symbolic link leads to itself or to a folder around it: `{0}`")]
    LoopingLink(ContentPath),
    /// The tree is larger than is allowed, in this way: a branch is written by others.
    #[error("the tree is too large, {0}")]
    TooLarge(String),
    /// So many more entries that cannot be content, beside those that are named.
    #[error("entries that cannot be delivered, beside those named: {0}")]
    More(usize),
    /// Two files of the tree go to one destination (R7), or to two that differ only in case or
    /// in how a letter is composed, which a volume may not keep apart.
    #[error("two files go to `{dest}`: `{first}` and `{second}`")]
    Clash {
        /// Where both would go.
        dest: HomePath,
        /// The one that is delivered earlier.
        first: ContentPath,
        /// The other.
        second: ContentPath,
    },
    /// A folder that would be delivered into the place of another part: a shared one into
    /// `plugins/operators` or `plugins/sensors` (R7).
    #[error("a folder has the name of one with its own place in the home: `{0}`")]
    ReservedFolder(ContentPath),
    /// The tree holds none of the content folders; delivering it would delete everything.
    #[error("the tree holds none of the folders `{0}`")]
    NoContent(String),
    /// DAGs are deployed and the tree has no file below `dags`: a mistake more often than a wish.
    #[error("the tree holds no file below `dags`, files deployed there: `{0}`")]
    NoDags(usize),
    /// A folder would hold nothing any more: more often a wrong branch than a wish.
    #[error("`{0}` would lose all of its files, deployed there: `{1}`; if that is meant, confirm this revision")]
    Emptied(Area, usize),
    /// A folder would lose most of its files.
    #[error(
        "`{area}` would shrink from {deployed} to {proposed} files, more than {most} % less; \
         if that is meant, confirm this revision"
    )]
    Shrunk {
        /// The part of the content.
        area: Area,
        /// Files deployed there.
        deployed: usize,
        /// Files that would be left.
        proposed: usize,
        /// The share of files, in percent, that may go without being confirmed.
        most: u8,
    },
    /// Something that was never delivered stands where a folder must go (R7, R27).
    #[error("something that was not delivered from here is in the way: `{0}`")]
    InTheWay(HomePath),
    /// The volume would be full before all is written.
    #[error("the volume of `{folder}` has room for {free} more bytes, this delivery takes {needed}")]
    NoRoom {
        /// A folder on it, as it is named below `$AIRFLOW_HOME`.
        folder: String,
        /// Bytes that the delivery takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The volume would have no place for more names before all is written.
    #[error("the volume of `{folder}` takes {free} more files, this delivery makes {needed}")]
    NoInodes {
        /// A folder on it, as it is named below `$AIRFLOW_HOME`.
        folder: String,
        /// Files and folders that the delivery makes.
        needed: u64,
        /// How many more the volume takes.
        free: u64,
    },
}

/// What one step does to one path below `$AIRFLOW_HOME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Put the file there, in place of whatever the syncer delivered before.
    Write {
        /// Where the proposed snapshot has it.
        source: ContentPath,
        /// What it must be.
        id: BlobId,
        /// Kind of entry.
        mode: Mode,
    },
    /// Take the file away.
    Remove,
}

/// One write or removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The part of the content that this belongs to.
    pub area: Area,
    /// The path concerned.
    pub dest: HomePath,
    /// What is done there.
    pub operation: Operation,
}

/// Steps in the order in which they must be carried out: any prefix of them is a tree in which
/// no DAG is newer than the code that it imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Writes by area and path, then removals in reverse. Only where a file becomes a folder, or
    /// a folder a file, a removal stands directly before the write that needs its place.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether everything is in its place already.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many files are written.
    pub fn writes(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.operation, Operation::Write { .. })).count()
    }

    /// How many files are taken away.
    pub fn removals(&self) -> usize {
        self.steps.len() - self.writes()
    }
}

/// Plans the delivery of `proposed` over what is on disk (delivered files by destination).
///
/// Files that are already there with the same bytes and mode have no step, so that their
/// modification times stay (R28). All reasons against a delivery are returned, not only the first.
pub fn plan(
    on_disk: &BTreeMap<HomePath, (BlobId, Mode)>,
    proposed: &Snapshot,
    layout: Layout,
) -> Result<Plan, Vec<Refusal>> {
    Planner::default().plan(on_disk, proposed, layout)
}

/// In which order a delivery's steps are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Writes root by root as in [`Area`], then removals in reverse.
    #[default]
    ByRoot,
    /// New files of plugins and shared code, then all other writes root by root, then removals in
    /// reverse: no moment in which a changed operator lacks its new shared module.
    AdditionsFirst,
}

/// A root with fewer files than this may lose any share of them: a share of a handful says nothing.
const LEAST_FILES: usize = 10;

/// Plans deliveries, with what the operator has chosen. The default guards nothing but the DAGs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planner {
    /// The order of the steps.
    pub order: Order,
    /// The share of a root's files, in percent, that one delivery may take away, and with it
    /// whether an emptied root is refused; none: no guard.
    pub most_loss: Option<u8>,
    /// The revision that may do all that, by its id or the beginning of it (7 digits at least).
    pub confirmed: Option<String>,
}

impl Planner {
    /// See [`plan()`].
    pub fn plan(
        &self,
        on_disk: &BTreeMap<HomePath, (BlobId, Mode)>,
        proposed: &Snapshot,
        layout: Layout,
    ) -> Result<Plan, Vec<Refusal>> {
        let target = Target::of(proposed, layout)?;
        if !self.is_confirmed(proposed.revision()) {
            let losses = self.losses(on_disk, &target);
            if !losses.is_empty() {
                return Err(losses);
            }
        }
        Ok(steps(on_disk, &target, self.order, layout))
    }

    fn is_confirmed(&self, revision: &Revision) -> bool {
        self.confirmed.as_deref().is_some_and(|id| {
            id == revision.as_str() || (id.len() >= 7 && revision.as_str().starts_with(&id.to_ascii_lowercase()))
        })
    }

    fn losses(&self, on_disk: &BTreeMap<HomePath, (BlobId, Mode)>, target: &Target) -> Vec<Refusal> {
        let mut losses = Vec::new();
        let (mut deployed, mut proposed) = ([0; 4], [0; 4]);
        for dest in on_disk.keys() {
            deployed[Area::of(dest) as usize] += 1;
        }
        for file in &target.files {
            proposed[file.place.area as usize] += 1;
        }
        for area in [Area::Dags, Area::Operators, Area::Sensors, Area::Shared] {
            let (deployed, proposed): (usize, usize) = (deployed[area as usize], proposed[area as usize]);
            match self.most_loss {
                _ if deployed == 0 => {}
                _ if proposed == 0 && area == Area::Dags => losses.push(Refusal::NoDags(deployed)),
                // A shared folder is a root of its own, and goes when the branch drops it (R27).
                Some(_) if proposed == 0 && area != Area::Shared => losses.push(Refusal::Emptied(area, deployed)),
                Some(most) if deployed >= LEAST_FILES => {
                    let lost = deployed.saturating_sub(proposed);
                    if lost.saturating_mul(100) > deployed.saturating_mul(usize::from(most)) {
                        losses.push(Refusal::Shrunk { area, deployed, proposed, most });
                    }
                }
                _ => {}
            }
        }
        losses
    }
}

struct Delivered<'s> {
    source: &'s ContentPath,
    place: Place,
    file: &'s File,
}

impl Delivered<'_> {
    fn dest(&self) -> &HomePath {
        &self.place.dest
    }
}

/// The proposed tree as it will stand below `$AIRFLOW_HOME`.
struct Target<'s> {
    /// In the order of their destinations.
    files: Vec<Delivered<'s>>,
}

impl<'s> Target<'s> {
    fn of(proposed: &'s Snapshot, layout: Layout) -> Result<Self, Vec<Refusal>> {
        let mut refusals: Vec<Refusal> = proposed.refused().to_vec();
        let mut files = Self::files(proposed, layout);
        let places = files.iter().map(|file| (file.source, &file.place));
        let misplaced: BTreeSet<ContentPath> =
            layout.misplaced(places).into_iter().filter(|_| !off("R7")).cloned().collect();
        if !misplaced.is_empty() {
            files.retain(|file| !misplaced.contains(file.source));
        }
        // Files of one destination stay in the order of their paths.
        files.sort_by(|one, other| one.dest().cmp(other.dest()));
        for (first, second) in files.iter().zip(files.iter().skip(1)) {
            if first.dest() == second.dest() {
                let dest = first.dest().clone();
                refusals.push(Refusal::Clash { dest, first: first.source.clone(), second: second.source.clone() });
            }
        }
        // What is in the way of another is refused, and its place looked at once.
        files.dedup_by(|second, first| first.dest() == second.dest());
        let reserved: BTreeSet<ContentPath> = misplaced.iter().filter_map(|path| inner_folder(path, layout)).collect();
        refusals.extend(reserved.into_iter().map(Refusal::ReservedFolder));
        let target = Self { files };
        refusals.extend(case_clashes(&target));
        if !off("R30") {
            refusals.extend(Links::of(&target).refusals());
        }
        if target.files.is_empty() && refusals.is_empty() {
            refusals.push(Refusal::NoContent(layout.folders().join("`, `")));
        }
        if refusals.is_empty() { Ok(target) } else { Err(named(refusals)) }
    }

    fn files(proposed: &'s Snapshot, layout: Layout) -> Vec<Delivered<'s>> {
        let delivered = |(source, file)| Some(Delivered { source, place: layout.place(source)?, file });
        proposed.files().filter_map(delivered).collect()
    }

    /// The files from that destination on.
    fn from(&self, dest: &str) -> &[Delivered<'s>] {
        &self.files[self.files.partition_point(|file| file.dest().as_str() < dest)..]
    }
}

/// Reasons of one kind that are named: each is a line of the log.
const MOST_NAMED: usize = 50;

/// The first of very many reasons say enough; what concerns the whole tree is always among them.
fn named(refusals: Vec<Refusal>) -> Vec<Refusal> {
    if refusals.len() <= 2 * MOST_NAMED {
        return refusals;
    }
    let (mut kept, mut more) = (Vec::new(), 0);
    for refusal in refusals {
        match refusal {
            Refusal::More(count) => more += count,
            Refusal::TooLarge(_) => kept.push(refusal),
            _ if kept.len() < MOST_NAMED => kept.push(refusal),
            _ => more += 1,
        }
    }
    kept.push(Refusal::More(more));
    kept
}

/// The folder directly below one of the layout's, in which a file lies.
fn inner_folder(path: &ContentPath, layout: Layout) -> Option<ContentPath> {
    let folders = layout.folders();
    let (folder, rest) = folders.iter().find_map(|folder| Some((folder, path.below(folder)?)))?;
    ContentPath::new(format!("{folder}/{}", rest.split('/').next()?)).ok()
}

/// Files, or folders of files, that a volume which folds case or composes letters would put into
/// one place.
fn case_clashes(target: &Target) -> Vec<Refusal> {
    // Of two paths that fold into one, one at least is not folded already: mostly none is.
    let is_folded =
        |file: &Delivered| file.dest().as_str().bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if target.files.iter().all(is_folded) {
        return Vec::new();
    }
    let mut seen = BTreeMap::<String, (&str, &ContentPath)>::new();
    let mut clashes = Vec::new();
    // The folder of the file before: it was looked at, with those around it.
    let mut inside = "";
    for file in &target.files {
        let dest = file.dest();
        let mut path = dest.as_str();
        while path != inside {
            let first = match seen.entry(folded(path)) {
                Entry::Occupied(known) if known.get().0 == path => break,
                Entry::Occupied(known) => known.get().1.clone(),
                Entry::Vacant(free) => {
                    free.insert((path, file.source));
                    let Some((folder, _)) = path.rsplit_once('/') else { break };
                    path = folder;
                    continue;
                }
            };
            let dest = HomePath::new(path).unwrap_or_else(|_| dest.clone());
            clashes.push(Refusal::Clash { dest, first, second: file.source.clone() });
            break;
        }
        inside = dest.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    }
    clashes
}

/// A path as a volume knows it that folds case and composes letters.
fn folded(path: &str) -> String {
    // Mostly; and what is composed of ASCII is composed.
    if path.is_ascii() { path.to_ascii_lowercase() } else { path.nfc().collect::<String>().to_lowercase() }
}

fn steps(on_disk: &BTreeMap<HomePath, (BlobId, Mode)>, target: &Target, order: Order, layout: Layout) -> Plan {
    let (mut gone, mut writes) = (BTreeSet::<HomePath>::new(), Vec::<&Delivered>::new());
    // Both are in the order of the paths: one walk along them says what differs.
    let mut there = on_disk.iter().peekable();
    for delivered in &target.files {
        let (dest, file) = (delivered.dest(), delivered.file);
        let here = loop {
            match there.next_if(|(path, _)| path.cmp_shared(dest) != Ordering::Greater) {
                Some((path, here)) if path.cmp_shared(dest) == Ordering::Equal => break Some(*here),
                Some((before, _)) => drop(gone.insert(before.clone())),
                None => break None,
            }
        };
        if off("R28") || here != Some((file.id, file.mode)) {
            writes.push(delivered);
        }
    }
    gone.extend(there.map(|(dest, _)| dest.clone()));
    // What needs no other file's place can only be missed, never be met too early.
    let adds = |file: &Delivered| {
        order == Order::AdditionsFirst
            && file.place.area != Area::Dags
            && !on_disk.contains_key(file.dest())
            && in_the_way(file.dest(), &gone).is_empty()
    };
    // Those of one rank stay in the order of their paths.
    writes.sort_by_cached_key(|file| (!adds(file), file.place.rank));

    let mut steps = Vec::new();
    let removal = |dest: &HomePath| Step { area: Area::of(dest), dest: dest.clone(), operation: Operation::Remove };
    for Delivered { source, place: Place { area, dest, .. }, file } in writes {
        for blocking in in_the_way(dest, &gone) {
            gone.remove(&blocking);
            steps.push(removal(&blocking));
        }
        let operation = Operation::Write { source: (*source).clone(), id: file.id, mode: file.mode };
        steps.push(Step { area: *area, dest: dest.clone(), operation });
    }
    if off("R18") {
        steps.reverse();
    }
    let mut removals: Vec<&HomePath> = gone.iter().filter(|_| !off("R27")).collect();
    removals.sort_by(|a, b| (layout.rank_of(b), b).cmp(&(layout.rank_of(a), a)));
    if off("R19") {
        removals.reverse();
    }
    steps.extend(removals.into_iter().map(removal));
    Plan { steps }
}

/// Files that must go before `dest` can be written: one that stands where a folder must be, or
/// all in a folder that stands where the file must be; last ones first.
fn in_the_way(dest: &HomePath, gone: &BTreeSet<HomePath>) -> Vec<HomePath> {
    let mut found = Vec::new();
    let mut above = dest.parent();
    while let Some(folder) = above {
        if gone.contains(&folder) {
            found.push(folder.clone());
        }
        above = folder.parent();
    }
    // Sorted, what lies below the folder stands together: of a whole tree that moves, each write
    // looks at its own place only.
    let inside = format!("{dest}/");
    let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
    let below = gone.range::<str, _>(from).take_while(|path| path.as_str().starts_with(&inside));
    let first = found.len();
    found.extend(below.cloned());
    found[first..].reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Revision;
    use proptest::prelude::*;

    type Disk = BTreeMap<HomePath, (BlobId, Mode)>;

    fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        let revision = Revision::new("r");
        let mut snapshot = Snapshot::empty(revision.clone());
        for (path, text) in files {
            let mut file = File::regular(&revision, text.as_bytes());
            if let Some(target) = text.strip_prefix("-> ") {
                file = File::regular(&revision, target.as_bytes());
                file.mode = Mode::Link;
            }
            snapshot.insert(ContentPath::new(path).unwrap(), file);
        }
        snapshot
    }

    fn disk(files: &[(&str, &str)]) -> Disk {
        let regular = |text: &str| (BlobId::of(text.as_bytes()), Mode::Regular);
        files.iter().map(|(path, text)| (HomePath::new(path).unwrap(), regular(text))).collect()
    }

    fn words(plan: &Plan) -> Vec<String> {
        let sign = |step: &Step| if step.operation == Operation::Remove { '-' } else { '+' };
        plan.steps.iter().map(|step| format!("{}{}", sign(step), step.dest)).collect()
    }

    fn refusals(files: &[(&str, &str)]) -> Vec<String> {
        match plan(&Disk::new(), &snapshot(files), Layout::Content) {
            Ok(plan) => vec![format!("not refused: {plan:?}")],
            Err(refusals) => refusals.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn code_goes_before_dags_and_leaves_after_them() {
        let deployed = disk(&[
            ("dags/a.py", "1"),
            ("dags/gone.py", "1"),
            ("dags/same.py", "1"),
            ("plugins/etl/gone.py", "1"),
            ("plugins/operators/gone.py", "1"),
        ]);
        let proposed = snapshot(&[
            ("dags/a.py", "2"),
            ("dags/same.py", "1"),
            ("shared/etl/dates.py", "1"),
            ("plugins/sensors/s.py", "1"),
            ("plugins/operators/z.py", "1"),
            ("plugins/operators/b.py", "1"),
        ]);
        let plan = plan(&deployed, &proposed, Layout::Content).unwrap();
        assert_eq!(
            words(&plan),
            [
                "+plugins/operators/b.py",
                "+plugins/operators/z.py",
                "+plugins/sensors/s.py",
                "+plugins/etl/dates.py",
                "+dags/a.py",
                "-dags/gone.py",
                "-plugins/etl/gone.py",
                "-plugins/operators/gone.py",
            ]
        );
        assert_eq!((plan.writes(), plan.removals()), (5, 3));
    }

    #[test]
    fn a_file_that_becomes_a_folder_makes_room_first() {
        let deployed = disk(&[("dags/x", "1"), ("dags/y/1.sql", "1"), ("dags/y/2.sql", "1")]);
        let proposed = snapshot(&[("dags/x/a.py", "1"), ("dags/x/b.py", "1"), ("dags/y", "1")]);
        let plan = plan(&deployed, &proposed, Layout::Content).unwrap();
        assert_eq!(
            words(&plan),
            ["-dags/x", "+dags/x/a.py", "+dags/x/b.py", "-dags/y/2.sql", "-dags/y/1.sql", "+dags/y"]
        );
    }

    #[test]
    fn additions_first_puts_new_code_before_whatever_changes() {
        let deployed = disk(&[
            ("dags/a.py", "1"),
            ("plugins/operators/o.py", "1"),
            ("plugins/etl/gone.py", "1"),
            ("plugins/etl/x", "1"),
        ]);
        let proposed = snapshot(&[
            ("dags/a.py", "2"),
            ("dags/0.py", "1"),
            ("plugins/operators/o.py", "2"),
            ("shared/etl/new.py", "1"),
            ("shared/etl/x/y.py", "1"),
            ("plugins/sensors/s.py", "1"),
        ]);
        let planner = Planner { order: Order::AdditionsFirst, ..Planner::default() };
        let plan = planner.plan(&deployed, &proposed, Layout::Content).unwrap();
        assert_eq!(
            words(&plan),
            [
                "+plugins/sensors/s.py",
                "+plugins/etl/new.py",
                "+plugins/operators/o.py",
                "-plugins/etl/x",
                "+plugins/etl/x/y.py",
                "+dags/0.py",
                "+dags/a.py",
                "-plugins/etl/gone.py",
            ]
        );
    }

    #[test]
    fn a_root_that_loses_most_of_its_files_is_refused_unless_confirmed() {
        let names: Vec<String> = (0..10).map(|n| format!("dags/{n}.py")).collect();
        let files = |count: usize| -> Vec<(&str, &str)> {
            names[..count].iter().map(|name| (name.as_str(), "1")).chain([("plugins/operators/o.py", "1")]).collect()
        };
        let deployed = disk(&files(10));
        let planner = Planner { most_loss: Some(50), ..Planner::default() };
        let said = |planner: &Planner, files: &[(&str, &str)]| match planner.plan(
            &deployed,
            &snapshot(files),
            Layout::Content,
        ) {
            Ok(plan) => format!("{} removals", plan.removals()),
            Err(refusals) => refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(said(&planner, &files(5)), "5 removals");
        assert!(said(&planner, &files(4)).starts_with("`dags` would shrink from 10 to 4 files, more than 50 % less;"));
        let without_operators: Vec<(&str, &str)> = files(10)[..10].to_vec();
        assert!(said(&planner, &without_operators).starts_with("`operators` would lose all of its files"));
        // Moved files are not lost, and who confirms this very revision means it.
        let moved: Vec<String> = (0..10).map(|n| format!("dags/moved/{n}.py")).collect();
        let moved: Vec<(&str, &str)> =
            moved.iter().map(|name| (name.as_str(), "1")).chain([("plugins/operators/o.py", "1")]).collect();
        assert_eq!(said(&planner, &moved), "10 removals");
        let confirmed = |id: &str| Planner { confirmed: Some(id.to_string()), ..planner.clone() };
        assert_eq!(said(&confirmed("r"), &files(1)), "9 removals");
        assert!(said(&confirmed("another"), &files(1)).contains("would shrink"));
        assert_eq!(said(&Planner::default(), &files(1)), "9 removals");
    }

    #[test]
    fn names_that_collide_are_refused() {
        assert_eq!(
            refusals(&[("dags/d.py", ""), ("shared/operators/o.py", ""), ("plugins/operators/o.py", "")]),
            ["a folder has the name of one with its own place in the home: `shared/operators`"]
        );
        assert_eq!(
            refusals(&[("dags/Etl/d.py", ""), ("dags/etl/e.py", "")]),
            ["two files go to `dags/etl`: `dags/Etl/d.py` and `dags/etl/e.py`"]
        );
        let composed = refusals(&[("dags/b\u{fc}ro.py", ""), ("dags/bu\u{308}ro.py", "")]);
        assert_eq!(composed.len(), 1, "{composed:?}");
        assert!(composed[0].starts_with("two files go to `dags/b"), "{composed:?}");
    }

    #[test]
    fn links_stay_inside() {
        let dag = ("dags/d.py", "");
        for (path, target) in [
            ("dags/l", "-> d.py"),
            ("dags/sub/l", "-> ../d.py"),
            ("plugins/operators/l", "-> ../../dags/d.py"),
            ("shared/etl/l", "-> ../../dags"),
        ] {
            let plan = plan(&Disk::new(), &snapshot(&[dag, (path, target)]), Layout::Content);
            assert_eq!(plan.map(|plan| plan.steps.len()), Ok(2), "{path} {target}");
        }
        for (path, target) in [
            ("dags/l", "-> /etc/passwd"),
            ("dags/l", "-> ../../secret"),
            ("dags/l", "-> ../airflow.cfg"),
            ("dags/l", "-> ../plugins"),
            ("dags/l", "-> .."),
            ("shared/etl/l", "-> ../../shared/etl/x"),
        ] {
            let expected = format!("a symbolic link leads out of the tree: `{path}`");
            assert_eq!(refusals(&[dag, (path, target)]), [expected], "{target}");
        }
        let loops = "a symbolic link leads to itself or to a folder around it";
        assert_eq!(refusals(&[dag, ("dags/sub/l", "-> ..")]), [format!("{loops}: `dags/sub/l`")]);
        assert_eq!(refusals(&[dag, ("dags/l", "-> l")]), [format!("{loops}: `dags/l`")]);
        // A detour: lexically `dags/deep/x`, in truth two folders above `dags`.
        assert_eq!(
            refusals(&[
                dag,
                ("dags/deep/er/l", "-> ../../../plugins/etl/f"),
                ("shared/etl/f/g", ""),
                ("dags/m", "-> deep/er/l/../../../x")
            ]),
            ["a symbolic link leads out of the tree: `dags/m`"]
        );
    }

    #[test]
    fn of_very_many_reasons_the_first_are_named_and_the_others_counted() {
        let names: Vec<String> = (0..1_000).map(|n| format!("dags/l{n:03}")).collect();
        let links: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "-> /etc/passwd")).collect();
        let said = refusals(&links);
        assert_eq!(said.len(), MOST_NAMED + 1);
        assert_eq!(said[MOST_NAMED], "entries that cannot be delivered, beside those named: 950");
    }

    #[test]
    fn a_tree_without_content_deletes_nothing() {
        assert_eq!(refusals(&[("README.md", "")]).len(), 1);
        let deployed = disk(&[("dags/d.py", "1")]);
        let proposed = snapshot(&[("plugins/operators/o.py", "1")]);
        assert_eq!(plan(&deployed, &proposed, Layout::Content), Err(vec![Refusal::NoDags(1)]));
    }

    fn apply(disk: &mut Disk, step: &Step) {
        match &step.operation {
            Operation::Write { id, mode, .. } => disk.insert(step.dest.clone(), (*id, *mode)),
            Operation::Remove => disk.remove(&step.dest),
        };
    }

    fn path() -> impl Strategy<Value = String> {
        let root = prop::sample::select(vec!["dags", "plugins/operators", "plugins/sensors", "shared/etl", "shared/q"]);
        (root, prop::collection::vec(prop::sample::select(vec!["a", "b", "c.py"]), 1..4))
            .prop_map(|(root, parts)| format!("{root}/{}", parts.join("/")))
    }

    /// A set of paths that a file system can hold, each with one of three contents.
    fn tree() -> impl Strategy<Value = Vec<(String, u8)>> {
        prop::collection::btree_map(path(), 0..3_u8, 0..12).prop_map(|tree| {
            let keys: Vec<String> = tree.keys().cloned().collect();
            let folder = |path: &String| keys.iter().any(|other| other.starts_with(&format!("{path}/")));
            tree.into_iter().filter(|(path, _)| !folder(path)).collect()
        })
    }

    proptest! {
        #[test]
        fn every_prefix_is_sane_and_the_whole_is_the_proposed_tree(a in tree(), mut b in tree()) {
            b.push(("dags/always.py".into(), 0));
            let texts = |tree: &[(String, u8)]| -> Vec<(String, String)> {
                tree.iter().map(|(path, n)| (path.clone(), n.to_string())).collect()
            };
            let (a, b) = (texts(&a), texts(&b));
            let borrowed = |tree: &[(String, String)]| -> Snapshot {
                snapshot(&tree.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect::<Vec<_>>())
            };
            let mut disk = Disk::new();
            for (path, file) in borrowed(&a).files() {
                disk.insert(Layout::Content.place(path).unwrap().dest, (file.id, file.mode));
            }
            let proposed = borrowed(&b);
            let plan = super::plan(&disk, &proposed, Layout::Content).unwrap();

            let wanted: Disk = proposed.files()
                .map(|(path, file)| (Layout::Content.place(path).unwrap().dest, (file.id, file.mode)))
                .collect();
            let deployed = disk.clone();
            for step in &plan.steps {
                apply(&mut disk, step);
                // A file system can hold it: nothing is a file and a folder at once.
                for (path, next) in disk.keys().zip(disk.keys().skip(1)) {
                    prop_assert!(next.below(path.as_str()).is_none(), "{path} {next}");
                }
                // No DAG is newer than the code beside it, and no code leaves before its DAGs are new.
                let dag_is_new = disk.iter().any(|(path, file)| {
                    Area::of(path) == Area::Dags && deployed.get(path) != Some(file)
                });
                let code_is_new = wanted.iter().all(|(path, file)| {
                    Area::of(path) == Area::Dags || disk.get(path) == Some(file)
                });
                prop_assert!(!dag_is_new || code_is_new);
            }
            prop_assert_eq!(&disk, &wanted);
            prop_assert!(super::plan(&disk, &proposed, Layout::Content).unwrap().is_empty());
        }
    }
}
