//! A model whose tree differs from that of another one in what a few files hold: all that no change
//! reaches is taken from the other, and not looked at.
//!
//! Invariants: only where nothing can differ beside what the changed files decide; whatever else is
//! the case (a file comes or goes, a fault is known or new, ids clash, a file hides others) has the
//! model built as a whole, so that both ways give the same.

use super::super::discover::{self, Resolver, Words};
use super::super::{ANOTHER_OF_THE_ID, Dag, Model, Reaches, archive, code};
use super::{Build, Key, Memory, Used, import_order};
use crate::content::{BlobId, Bytes, ContentPath, Layout, Snapshot};
use crate::ids::{AirflowVersion, DagId};
use crate::python::tree::{Delivered, Trace};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Of the DAG files of a tree one of so many may have to be evaluated; beyond that it is less work
/// to remember all.
const MOST: usize = 4;
/// So many at least.
const FEW: usize = 64;

/// A model, and what tells which of its parts a change reaches.
#[derive(Debug)]
pub(super) struct Base {
    layout: Layout,
    airflow: Option<AirflowVersion>,
    pub(super) snapshot: Snapshot,
    tree: Arc<Delivered>,
    /// Of each file of the snapshot, its number in the tree.
    numbers: Vec<Option<usize>>,
    pub(super) model: Model,
    pub(super) asked: Asked,
    /// Whether an earlier run of the program has kept it.
    pub(super) is_kept: bool,
}

/// Which files the evaluations of a tree have asked for, by their numbers in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// Each DAG file, and its set of `sets`. A DAG file has asked for itself.
    pub(super) files: Vec<(u32, u32)>,
    pub(super) sets: Vec<Vec<u32>>,
}

impl Asked {
    /// Those of these DAG files.
    pub(super) fn of<'t>(tree: &Delivered, traces: impl Iterator<Item = (usize, &'t Trace)>) -> Self {
        let mut numbers: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let mut asked = Self::default();
        let number = |file: usize| u32::try_from(file).unwrap_or(u32::MAX);
        for (file, trace) in traces {
            let homes = trace.contents().filter_map(|home| tree.at_home(home.as_str()));
            let set: BTreeSet<u32> = homes.filter(|other| *other != file).map(number).collect();
            let set: Vec<u32> = set.into_iter().collect();
            let next = asked.sets.len();
            let set = *numbers.entry(set).or_insert_with_key(|set| {
                asked.sets.push(set.clone());
                number(next)
            });
            asked.files.push((number(file), set));
        }
        asked
    }

    /// The DAG files that are among these files or have asked for one of them.
    fn meeting(&self, changed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let is_changed = |file: &u32| usize::try_from(*file).is_ok_and(|file| changed.contains(&file));
        let meets: Vec<bool> = self.sets.iter().map(|set| set.iter().any(is_changed)).collect();
        let of_set = |set: u32| usize::try_from(set).ok().and_then(|set| meets.get(set)).copied().unwrap_or(true);
        let met = self.files.iter().filter(|(file, set)| is_changed(file) || of_set(*set));
        met.filter_map(|(file, _)| usize::try_from(*file).ok()).collect()
    }
}

/// A file whose content is another one.
struct Changed {
    file: usize,
    id: BlobId,
    bytes: Bytes,
}

impl Base {
    /// A model with what its evaluations asked; none where there is something in it that a change may
    /// decide from afar.
    pub(super) fn new(
        (snapshot, tree): (&Snapshot, Arc<Delivered>),
        (layout, airflow): (Layout, Option<AirflowVersion>),
        model: Model,
        asked: Asked,
    ) -> Option<Self> {
        let dags = || model.dags.iter().chain(&model.passed_over.dags);
        let clash = dags().flat_map(|dag| &dag.unknown).any(|unknown| unknown.reason.ends_with(ANOTHER_OF_THE_ID));
        if clash || !model.errors.is_empty() || !model.passed_over.errors.is_empty() {
            return None;
        }
        let numbers = tree.by_origin(snapshot.files().count());
        Some(Self { layout, airflow, snapshot: snapshot.clone(), tree, numbers, model, asked, is_kept: false })
    }

    /// How the tree was read.
    pub(super) fn read_as(&self) -> (Layout, Option<AirflowVersion>) {
        (self.layout, self.airflow)
    }

    /// The files of that tree that have other contents; none where the trees differ in more.
    fn changed(&self, snapshot: &Snapshot) -> Option<Vec<Changed>> {
        let mut changed = Vec::new();
        let mut files = self.snapshot.files().zip(&self.numbers);
        for (path, file) in snapshot.files() {
            let ((own, was), number) = files.next()?;
            if own.cmp_shared(path).is_ne() || was.mode != file.mode {
                return None;
            }
            if was.id == file.id {
                continue;
            }
            match number {
                Some(number) => changed.push(Changed { file: *number, id: file.id, bytes: file.bytes.clone() }),
                // What lies nowhere in a home is nothing to Airflow; links and what another file hides
                // are left to those who look at all.
                None if self.layout.place(path).is_none() => {}
                None => return None,
            }
        }
        files.next().is_none().then_some(changed)
    }

    /// The model of a tree, where it differs from this one in a few contents.
    pub(super) fn beside(
        &self,
        snapshot: &Snapshot,
        (layout, airflow): (Layout, Option<AirflowVersion>),
        threads: usize,
        memory: &mut Memory,
    ) -> Option<Model> {
        if (layout, airflow) != (self.layout, self.airflow) {
            return None;
        }
        let changed = self.changed(snapshot)?;
        if changed.iter().any(|changed| self.decides_more(changed)) {
            return None;
        }
        let files: BTreeSet<usize> = changed.iter().map(|changed| changed.file).collect();
        let met = self.asked.meeting(&files);
        if met.len() > FEW.max(self.asked.files.len() / MOST) {
            return None;
        }
        for changed in changed.iter().filter(|changed| !self.tree.files()[changed.file].is_python()) {
            // Otherwise the next one who looks at all would look into it again.
            memory.archives.entry(changed.id).or_insert_with(|| Used::learnt(false, memory.builds));
        }
        let others: Vec<_> = changed.into_iter().map(|changed| (changed.file, changed.id, changed.bytes)).collect();
        let tree = Arc::new(self.tree.with_contents(&others));
        let mut build = Build { tree: tree.clone(), layout, airflow, threads, memory };
        build.evaluate_new(&met.iter().copied().collect::<Vec<_>>());
        let python: Vec<usize> = files.into_iter().filter(|file| tree.files()[*file].is_python()).collect();
        build.learn_facts(&python);
        self.joined(&tree, &met, &python, memory)
    }

    /// Whether a content decides more than what the DAG files are that ask for it.
    fn decides_more(&self, changed: &Changed) -> bool {
        let file = &self.tree.files()[changed.file];
        let contents = [self.tree.bytes(changed.file), &*changed.bytes];
        if !file.is_python() {
            return file.home.file_name() == discover::IGNORE_FILE || contents.into_iter().any(archive::holds_modules);
        }
        let [before, after] = contents.map(discover::words);
        let is_seen = |words: Words| discover::is_seen(words, self.airflow);
        let alike = (is_seen(before), before == Words::DagAlone) == (is_seen(after), after == Words::DagAlone);
        let decides_itself = !alike && self.tree.below_dags(changed.file).is_some();
        decides_itself || self.tree.may_have_a_rival(changed.file)
    }

    /// This model with what was evaluated for another tree.
    fn joined(
        &self,
        tree: &Arc<Delivered>,
        met: &BTreeSet<usize>,
        python: &[usize],
        memory: &mut Memory,
    ) -> Option<Model> {
        let imports = self.imports(tree, python, memory)?;
        let changed: BTreeSet<&ContentPath> = python.iter().map(|file| &tree.files()[*file].path).collect();
        let of_met: BTreeSet<&ContentPath> = met.iter().map(|file| &tree.files()[*file].path).collect();
        let others = !Arc::ptr_eq(&imports, &self.model.imports);
        let mut reached = Reached { imports: &imports, known: BTreeMap::new() };
        let is_met = |dag: &Dag| of_met.contains(&dag.file);
        let mut kept = |dags: &[Arc<Dag>]| {
            let mut kept = Vec::with_capacity(dags.len() + 1);
            for dag in dags.iter().filter(|dag| !is_met(dag)) {
                let mut dag = dag.clone();
                if others && changed.iter().any(|path| dag.reaches.contains(path)) {
                    let imports = reached.from(&dag.file)?;
                    if dag.reaches.imports != imports {
                        Arc::make_mut(&mut dag).reaches.imports = imports;
                    }
                }
                kept.push(dag);
            }
            Some(kept)
        };
        let (mut dags, mut passed_over) = (kept(&self.model.dags)?, kept(&self.model.passed_over.dags)?);
        for file in met {
            let source = &tree.files()[*file];
            let key = Key { home: source.home.clone(), layout: self.layout, airflow: self.airflow };
            // It was marked as used just now.
            let known = memory.evaluations.get_mut(&key)?.iter_mut().max_by_key(|known| known.last)?;
            let evaluation = &mut known.what.1;
            if !evaluation.errors.is_empty() {
                return None;
            }
            let path = source.path.clone();
            let reaches = Reaches { imports: reached.from(&path)?, file: path, data: evaluation.data.clone() };
            let is_seen = discover::is_seen(memory.facts.get(&source.id)?.what.words, self.airflow);
            for dag in &mut evaluation.dags {
                if dag.reaches != reaches {
                    Arc::make_mut(dag).reaches = reaches.clone();
                }
                if is_seen { &mut dags } else { &mut passed_over }.push(dag.clone());
            }
        }
        dags.sort_by(|a, b| a.file.cmp(&b.file));
        passed_over.sort_by(|a, b| a.file.cmp(&b.file));
        let new: BTreeSet<&DagId> =
            dags.iter().filter(|dag| is_met(dag)).filter_map(|dag| dag.dag_id.exact()).collect();
        let named = dags.iter().filter(|dag| dag.dag_id.exact().is_some_and(|id| new.contains(id))).count();
        // Nobody else clashed before.
        if named > new.len() {
            super::doubt_rivals(&mut dags);
        }
        let passed_over = super::super::PassedOver { dags: passed_over, errors: BTreeSet::new() };
        Some(Model {
            dags,
            errors: Vec::new(),
            imports,
            passed_over,
            sources: code::Sources::new(tree.clone(), self.read_as().1),
        })
    }

    /// What the modules of the tree import; the same map where that is what they did.
    fn imports(
        &self,
        tree: &Delivered,
        python: &[usize],
        memory: &Memory,
    ) -> Option<Arc<BTreeMap<ContentPath, Arc<BTreeSet<ContentPath>>>>> {
        let mut imports = self.model.imports.clone();
        for file in python {
            let source = &tree.files()[*file];
            let statements = memory.facts.get(&source.id)?.what.imports.as_ref().ok()?;
            let to = Resolver::new(tree).resolve(*file, statements);
            let to: BTreeSet<ContentPath> = to.iter().map(|file| tree.files()[*file].path.clone()).collect();
            if imports.get(&source.path).is_none_or(|known| **known != to) {
                Arc::make_mut(&mut imports).insert(source.path.clone(), Arc::new(to));
            }
        }
        Some(imports)
    }
}

/// What files reach by imports.
struct Reached<'i> {
    imports: &'i BTreeMap<ContentPath, Arc<BTreeSet<ContentPath>>>,
    known: BTreeMap<&'i BTreeSet<ContentPath>, Arc<BTreeSet<ContentPath>>>,
}

impl<'i> Reached<'i> {
    /// Everything that a file reaches; none where something of that has a fault.
    fn from(&mut self, file: &ContentPath) -> Option<Arc<BTreeSet<ContentPath>>> {
        let direct: &'i BTreeSet<ContentPath> = self.imports.get(file)?;
        if let Some(known) = self.known.get(direct) {
            return Some(known.clone());
        }
        let mut reached = direct.clone();
        let mut open: Vec<&ContentPath> = direct.iter().collect();
        while let Some(path) = open.pop() {
            for to in self.imports.get(path)?.iter() {
                if reached.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        let reached = Arc::new(reached);
        self.known.insert(direct, reached.clone());
        Some(reached)
    }
}

/// The tree of a snapshot, as a model of it has it.
pub(super) fn tree_of(snapshot: &Snapshot, layout: Layout, airflow: Option<AirflowVersion>) -> Arc<Delivered> {
    Arc::new(Delivered::new(snapshot, layout, import_order(airflow)))
}
