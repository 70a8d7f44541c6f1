//! Models of one tree after another: what did not change is not evaluated again.
//!
//! Invariants: a remembered evaluation counts only while the new tree answers every question that
//! the evaluation asked as its tree did, so a model is the same with or without a memory. The
//! number of threads has no influence on the result either.

use super::collect::{self, Evaluation};
use super::discover::{self, Closures, Found, Imports, Paths, Resolver, Statements, Words};
use super::{ANOTHER_OF_THE_ID, Dag, FileError, Model, PassedOver, archive};
use crate::content::{BlobId, Fingerprint, HomePath, ImportOrder, Kept, Layout, Location, Snapshot, Written};
use crate::ids::{AirflowVersion, DagId};
use crate::python;
use crate::python::parse::SyntaxError;
use crate::python::syntax::Module;
use crate::python::tree::{Answers, Delivered, SourceFile, Trace, Tree};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Builds models, and remembers what it learnt from the last ones.
#[derive(Debug, Default)]
pub struct Models {
    threads: usize,
    memory: Mutex<Memory>,
    /// What is kept between two runs of the program, if anything is.
    kept: Option<stored::Stored>,
}

impl Models {
    /// Remembers nothing yet; evaluates on so many threads.
    pub fn new(threads: usize) -> Self {
        Self { threads, memory: Mutex::default(), kept: None }
    }

    /// The same, with what an earlier run of the same build of the program has kept: what is not sound
    /// of it is not taken, and [`Models::to_keep`] gives what the next run is to find.
    pub fn remembering(threads: usize, kept: &[Arc<dyn Kept>], build: Fingerprint) -> Self {
        let memory = Memory { is_kept: true, ..Memory::default() };
        Self { threads, memory: Mutex::new(memory), kept: Some(stored::Stored::of(kept, build)) }
    }

    /// The same with nothing remembered but [`Models::last_release`].
    #[must_use]
    pub fn anew(&self) -> Self {
        let memory = Memory { last_release: self.last_release(), ..Memory::default() };
        Self { threads: self.threads, memory: Mutex::new(memory), kept: None }
    }

    /// The release of Airflow for which models were built last, here or by the run that kept one: most
    /// likely that of the next ones.
    pub fn last_release(&self) -> Option<AirflowVersion> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.last_release.or_else(|| self.kept.as_ref()?.release())
    }

    /// Runs work that builds models and looks into their code, on one thread that has the stack for it:
    /// what one of them has parsed is there for the next.
    pub fn together<T: Send>(&self, work: impl Fn(&Self) -> T + Sync) -> T {
        python::with_deep_stack(|| work(self))
    }

    /// What the next run of the program is to find; none where that is there already.
    pub fn to_keep(&self) -> Option<Written> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.kept.as_ref()?;
        python::with_deep_stack(|| kept.to_keep(&memory))
    }

    /// The same of the model of the first tree.
    pub fn model_to_keep(&self) -> Option<Vec<u8>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, base) = (self.kept.as_ref()?, memory.base.as_ref()?);
        python::with_deep_stack(|| kept.model_to_keep(base))
    }

    /// Whether something that was kept could not be read when it was needed. Then nothing counts
    /// that was said of these models, and they are to be built again without what is kept.
    pub fn lost(&self) -> bool {
        self.kept.as_ref().is_some_and(stored::Stored::lost)
    }

    /// Builds the model of a tree as that version of Airflow would; without one, whatever module
    /// some supported version has is taken to be there.
    ///
    /// Never fails: what is broken is in [`Model::errors`], what is not known in [`super::Dag::unknown`].
    pub fn build(&self, snapshot: &Snapshot, layout: Layout, airflow: Option<AirflowVersion>) -> Model {
        // A build that ended in a panic has stored nothing half-way: see `Memory::keep`.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let beside = self.beside(snapshot, (layout, airflow), &mut memory);
        beside.unwrap_or_else(|| self.whole(snapshot, (layout, airflow), &mut memory))
    }

    /// The models of two trees. What the second one has in common with the first is shared.
    pub fn build_both(&self, trees: [&Snapshot; 2], layout: Layout, airflow: Option<AirflowVersion>) -> [Model; 2] {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.last_release = airflow;
        let known = self.beside(trees[0], (layout, airflow), &mut memory);
        if let Some(first) = known.or_else(|| self.kept_model(trees[0], (layout, airflow), &mut memory)) {
            if let Some(second) = self.beside(trees[1], (layout, airflow), &mut memory) {
                return [first, second];
            }
            // What is remembered is shared with what is remembered alone.
            memory.base = None;
        }
        drop(memory);
        trees.map(|tree| self.build(tree, layout, airflow))
    }

    /// The model of that tree, as it was kept.
    fn kept_model(
        &self,
        snapshot: &Snapshot,
        read_as: (Layout, Option<AirflowVersion>),
        memory: &mut Memory,
    ) -> Option<Model> {
        let base = self.kept.as_ref()?.model(snapshot, read_as)?;
        Some(memory.base.insert(base).model.clone())
    }

    /// The model of a tree that is nearly that of the base.
    fn beside(
        &self,
        snapshot: &Snapshot,
        read_as: (Layout, Option<AirflowVersion>),
        memory: &mut Memory,
    ) -> Option<Model> {
        let base = memory.base.take()?;
        memory.builds += 1;
        let model = base.beside(snapshot, read_as, self.threads, memory);
        memory.base = Some(base);
        model
    }

    /// The model of a tree, all of which is looked at.
    fn whole(&self, snapshot: &Snapshot, read_as: (Layout, Option<AirflowVersion>), memory: &mut Memory) -> Model {
        let (layout, airflow) = read_as;
        if let Some(kept) = &self.kept {
            kept.read(memory);
        }
        memory.builds += 1;
        let tree = base::tree_of(snapshot, layout, airflow);
        let is_base = memory.is_kept && memory.base.as_ref().is_none_or(|base| base.read_as() != read_as);
        let mut build = Build { tree: tree.clone(), layout, airflow, threads: self.threads, memory };
        let (model, asked) = build.model(is_base);
        if let Some(asked) = asked {
            memory.base = base::Base::new((snapshot, tree), read_as, model.clone(), asked);
        }
        model
    }
}

/// Which folder comes first on `sys.path`; the releases between the two were not looked at.
pub(super) fn import_order(airflow: Option<AirflowVersion>) -> ImportOrder {
    match airflow.map(|version| (version.major, version.minor)) {
        Some((0..=1, _) | (2, 0..=6)) => ImportOrder::DagsFirst,
        Some((2, 11..) | (3.., _)) => ImportOrder::PluginsFirst,
        _ => ImportOrder::Either,
    }
}

/// What a file says for itself, wherever it lies.
#[derive(Debug)]
struct Facts {
    /// Whether safe mode takes it for a DAG file.
    words: Words,
    imports: Result<Statements, SyntaxError>,
}

impl Facts {
    fn of(bytes: &[u8], syntax: &Result<Module, SyntaxError>) -> Self {
        let statements = |module| discover::statements(module).into_iter().map(Arc::new).collect();
        let imports = syntax.as_ref().map(statements).map_err(Clone::clone);
        Self { words: discover::words(bytes), imports }
    }
}

/// What an evaluation depends on beside the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    home: HomePath,
    layout: Layout,
    airflow: Option<AirflowVersion>,
}

/// With the number of the build that used it last.
#[derive(Debug)]
struct Used<T> {
    what: T,
    last: u64,
    origin: Origin,
}

impl<T> Used<T> {
    fn learnt(what: T, last: u64) -> Self {
        Self { what, last, origin: Origin::Learnt }
    }
}

/// Where something is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// This run of the program.
    Learnt,
    /// The small part of what is kept.
    Recent,
    /// The large part, which was written so often since it was used last.
    Whole(u32),
}

#[derive(Debug, Default)]
struct Memory {
    builds: u64,
    is_kept: bool,
    last_release: Option<AirflowVersion>,
    facts: BTreeMap<BlobId, Used<Arc<Facts>>>,
    /// Of one file there are as many as trees differ: the deployed one and the proposed one.
    evaluations: BTreeMap<Key, Vec<Used<(Trace, Evaluation)>>>,
    /// Whether contents that are no Python are archives that may hold DAG files.
    archives: BTreeMap<BlobId, Used<bool>>,
    closures: BTreeSet<Paths>,
    /// What was read of what an earlier run has kept, once it was.
    read: Option<Read>,
    /// The first tree, where others differ from it in a few contents.
    base: Option<base::Base>,
}

/// What an earlier run has kept.
#[derive(Clone, Copy, Debug)]
struct Read {
    /// Whether the large part was there.
    whole: bool,
}

impl Memory {
    /// Forgets what the last builds did not use. A judgement takes two, and two more where a server tells
    /// its release. What is kept between two runs is forgotten when it is written.
    fn forget(&mut self) {
        const BUILDS: u64 = 4;
        if self.is_kept {
            return;
        }
        let oldest = self.builds.saturating_sub(BUILDS);
        self.facts.retain(|_, facts| facts.last > oldest);
        self.archives.retain(|_, archive| archive.last > oldest);
        self.evaluations.retain(|_, evaluations| {
            evaluations.retain(|evaluation| evaluation.last > oldest);
            !evaluations.is_empty()
        });
    }
}

/// One model being built.
struct Build<'m> {
    tree: Arc<Delivered>,
    layout: Layout,
    airflow: Option<AirflowVersion>,
    threads: usize,
    memory: &'m mut Memory,
}

impl Build<'_> {
    /// The model; with what its evaluations have asked for, where that is wanted and all of it is certain.
    fn model(&mut self, wanted: bool) -> (Model, Option<base::Asked>) {
        let tree = self.tree.clone();
        let known = self.known_facts();
        let words = |file: usize| {
            let known = known[file].as_ref();
            known.map_or_else(|| discover::words(tree.bytes(file)), |facts| facts.words)
        };
        let mut found = discover::dag_files(&tree, self.airflow, words);
        let seen = found.len();
        found.extend(discover::passed_over(&tree, self.airflow, words));
        let files: Vec<usize> = found.iter().map(|found| found.file).collect();
        self.evaluate_new(&files);
        let facts = self.facts(known);
        let imports = imports(&tree, &facts);
        let mut model = Model { sources: super::code::Sources::new(tree.clone(), self.airflow), ..Model::default() };
        let mut errors = BTreeSet::new();
        let mut imported = BTreeSet::new();
        let former = std::mem::take(&mut self.memory.closures);
        let mut closures = Closures::new(&tree, &imports);
        let mut passed_over = PassedOver::default();
        let wanted = wanted && found.iter().all(|found| found.doubt.is_none());
        let asked = wanted.then(|| self.asked(&files));
        for (at, Found { file, doubt }) in found.into_iter().enumerate() {
            let (reached, reaches) = closures.of(file, &former);
            if at < seen {
                imported.insert(file);
                imported.extend(reached.iter().copied());
            }
            let key = self.key(file);
            let evaluations = self.memory.evaluations.get_mut(&key).into_iter().flatten();
            // Whatever is valid was marked as used just now.
            let Some(Used { what: (_, evaluation), .. }) = evaluations.max_by_key(|known| known.last) else { continue };
            let reaches = super::Reaches { data: evaluation.data.clone(), ..reaches };
            for dag in &mut evaluation.dags {
                if dag.reaches != reaches {
                    Arc::make_mut(dag).reaches = reaches.clone();
                }
                let mut dag = dag.clone();
                if let Some(reason) = doubt {
                    Arc::make_mut(&mut dag).unknown.push(collect::of_file(&tree, file, reason));
                }
                if at < seen { &mut model.dags } else { &mut passed_over.dags }.push(dag);
            }
            if at < seen {
                errors.extend(evaluation.errors.iter().cloned());
            } else {
                passed_over.errors.extend(evaluation.errors.iter().cloned());
            }
        }
        for archive in self.archives() {
            let reason = "a zip archive is not looked into";
            model.dags.push(Arc::new(collect::anonymous(&tree, archive.file, reason)));
        }
        model.dags.sort_by(|a, b| a.file.cmp(&b.file));
        doubt_rivals(&mut model.dags);
        model.passed_over = passed_over;
        // What nothing imports does no harm, but Airflow itself loads every module of its plugins folder.
        for (file, source) in tree.files().iter().enumerate() {
            if !(imported.contains(&file) || source.home.below("plugins").is_some()) {
                continue;
            }
            if let Some(Err(error)) = facts[file].as_ref().map(|facts| &facts.imports) {
                let at = Location { path: source.path.clone(), span: error.span };
                errors.insert(FileError { at, message: error.message.clone() });
            }
        }
        model.errors = errors.into_iter().collect();
        let path = |file: &usize| tree.files()[*file].path.clone();
        let mut sets: BTreeMap<*const BTreeSet<usize>, Paths> = BTreeMap::new();
        let mut set = |to: &Arc<BTreeSet<usize>>| {
            let paths = || Arc::new(to.iter().map(path).collect());
            sets.entry(Arc::as_ptr(to)).or_insert_with(paths).clone()
        };
        model.imports = Arc::new(imports.iter().map(|(file, to)| (path(file), set(to))).collect());
        self.memory.closures = closures.sets();
        self.memory.forget();
        (model, asked)
    }

    /// What the evaluations of DAG files have asked for.
    fn asked(&self, files: &[usize]) -> base::Asked {
        let trace = |file: &usize| {
            let known = self.memory.evaluations.get(&self.key(*file)).into_iter().flatten();
            Some((*file, &known.max_by_key(|known| known.last)?.what.0))
        };
        base::Asked::of(&self.tree, files.iter().filter_map(trace))
    }

    fn key(&self, file: usize) -> Key {
        Key { home: self.tree.files()[file].home.clone(), layout: self.layout, airflow: self.airflow }
    }

    /// Evaluates the DAG files of which no evaluation is known that is valid for this tree.
    fn evaluate_new(&mut self, files: &[usize]) {
        let tree = self.tree.clone();
        let answers = Answers::new(&tree);
        let mut left = Vec::new();
        for file in files {
            let key = self.key(*file);
            let known = self.memory.evaluations.get_mut(&key).into_iter().flatten();
            match known.into_iter().find(|known| answers.agree(&known.what.0)) {
                Some(known) => known.last = self.memory.builds,
                None => left.push(*file),
            }
        }
        let (airflow, is_kept) = (self.airflow, self.memory.is_kept);
        let learnt = self.share_out(&left, |tree, delivered, file| {
            let (evaluation, trace) = tree.traced(|| collect::evaluate(tree, file, airflow));
            if is_kept {
                // What a function says is what its file holds, which the evaluation asked for.
                let text = |at: &Location| delivered.bytes(delivered.at_path(&at.path)?).get(at.span.bytes());
                evaluation.dags.iter().for_each(|dag| dag.inside.look_up_words(text));
            }
            let facts = Facts::of(delivered.bytes(file), &tree.syntax(file));
            // Few import a DAG file; its own evaluation is over.
            tree.forget(file);
            (facts, Some((trace, evaluation)))
        });
        self.keep(learnt);
    }

    /// The facts of those Python files that are known already.
    fn known_facts(&mut self) -> Vec<Option<Arc<Facts>>> {
        let last = self.memory.builds;
        let known = |file: &SourceFile| {
            let facts = self.memory.facts.get_mut(&file.id).filter(|_| file.is_python())?;
            facts.last = last;
            Some(facts.what.clone())
        };
        self.tree.files().iter().map(known).collect()
    }

    /// The archives that may hold DAG files.
    fn archives(&mut self) -> Vec<Found> {
        let (tree, last, archives) = (&self.tree, self.memory.builds, &mut self.memory.archives);
        discover::archives(tree, self.airflow, |file| {
            let holds = || Used::learnt(archive::holds_modules(tree.bytes(file)), last);
            let known = archives.entry(tree.files()[file].id).or_insert_with(holds);
            known.last = last;
            known.what
        })
    }

    /// The facts of every Python file; what nobody has needed so far is parsed for them.
    fn facts(&mut self, mut known: Vec<Option<Arc<Facts>>>) -> Vec<Option<Arc<Facts>>> {
        let tree = self.tree.clone();
        let python = |file: &usize| tree.files()[*file].is_python();
        let missing: Vec<usize> = (0..known.len()).filter(|file| known[*file].is_none()).filter(python).collect();
        self.learn_facts(&missing);
        for file in missing {
            if let Some(facts) = self.memory.facts.get_mut(&tree.files()[file].id) {
                facts.last = self.memory.builds;
                known[file] = Some(facts.what.clone());
            }
        }
        known
    }

    /// Parses those of these files that nobody has needed so far.
    fn learn_facts(&mut self, files: &[usize]) {
        let mut ids = BTreeSet::new();
        let unknown = |file: &usize| {
            let id = self.tree.files()[*file].id;
            !self.memory.facts.contains_key(&id) && ids.insert(id)
        };
        let left: Vec<usize> = files.iter().copied().filter(unknown).collect();
        let learnt = self.share_out(&left, |tree, delivered, file| {
            let facts = Facts::of(delivered.bytes(file), &tree.syntax(file));
            tree.forget(file);
            (facts, None)
        });
        self.keep(learnt);
    }

    /// Has the threads work on files, each on the next few that are left.
    fn share_out(&self, files: &[usize], work: impl Fn(&Tree, &Delivered, usize) -> Work + Sync) -> Vec<Learnt> {
        /// Fewer files are done before another thread has started.
        const WORTH_A_THREAD: usize = 8;
        /// Files that one thread takes at once, at least and at most: as many as there are to be parsed
        /// in a row, and several times for each thread.
        const TAKEN: [usize; 2] = [16, 64];
        if files.is_empty() {
            return Vec::new();
        }
        let next = AtomicUsize::new(0);
        let threads = self.threads.min(files.len() / WORTH_A_THREAD);
        let at_once = (files.len() / (4 * threads.max(1))).clamp(TAKEN[0], TAKEN[1]);
        let shares = python::on_deep_stacks(threads, || {
            let tree = Tree::new(self.tree.clone());
            let mut learnt = Vec::new();
            while let Some(left) =
                files.get(next.fetch_add(at_once, Ordering::Relaxed)..).filter(|left| !left.is_empty())
            {
                let taken = &left[..left.len().min(at_once)];
                tree.parse_ahead(taken);
                for file in taken {
                    let (facts, evaluation) = work(&tree, &self.tree, *file);
                    learnt.push(Learnt { file: *file, facts, evaluation });
                }
            }
            // Modules that the files import are parsed; nobody needs to do so for their facts.
            for (file, syntax) in tree.parsed() {
                let facts = Facts::of(self.tree.bytes(file), &syntax);
                learnt.push(Learnt { file, facts, evaluation: None });
            }
            learnt
        });
        shares.into_iter().flatten().collect()
    }

    /// Remembers what was learnt in this build.
    fn keep(&mut self, learnt: Vec<Learnt>) {
        let last = self.memory.builds;
        for Learnt { file, facts, evaluation } in learnt {
            let id = self.tree.files()[file].id;
            self.memory.facts.entry(id).or_insert_with(|| Used::learnt(Arc::new(facts), last));
            if let Some(what) = evaluation {
                let key = self.key(file);
                // Mostly there is one.
                let of_key = self.memory.evaluations.entry(key).or_insert_with(|| Vec::with_capacity(1));
                of_key.push(Used::learnt(what, last));
            }
        }
    }
}

/// What working on a file gives.
type Work = (Facts, Option<(Trace, Evaluation)>);

/// The same, with the file.
struct Learnt {
    file: usize,
    facts: Facts,
    evaluation: Option<(Trace, Evaluation)>,
}

/// Of DAGs of one id in several files Airflow takes one, then another: a `DagBag` the first that it
/// comes to, the scheduler the one that it parsed last.
pub(super) fn doubt_rivals(dags: &mut [Arc<Dag>]) {
    let ids = dags.iter().enumerate().filter_map(|(index, dag)| Some((dag.dag_id.exact()?, index)));
    let mut by_id: Vec<(&DagId, usize)> = ids.collect();
    by_id.sort();
    let several = by_id.chunk_by(|one, other| one.0 == other.0).filter(|rivals| rivals.len() > 1);
    let all: Vec<Vec<usize>> = several.map(|rivals| rivals.iter().map(|(_, index)| *index).collect()).collect();
    for rivals in all {
        for index in &rivals {
            let own = &dags[*index];
            // A DAG that one file imports from the other is one and the same.
            let rival = |other: &&Arc<Dag>| other.file != own.file && other.at != own.at;
            let Some(other) = rivals.iter().map(|rival| &dags[*rival]).find(rival) else { continue };
            let other = &other.file;
            let reason = format!("`{other}` {ANOTHER_OF_THE_ID}");
            let at = dags[*index].at.clone();
            if own.unknown.iter().any(|known| known.reason == reason) {
                continue;
            }
            Arc::make_mut(&mut dags[*index]).unknown.push(super::Unknown { at, reason });
        }
    }
}

/// The imports of every module of the tree that parses.
fn imports(tree: &Delivered, facts: &[Option<Arc<Facts>>]) -> Imports {
    let mut resolver = Resolver::new(tree);
    let known =
        facts.iter().enumerate().filter_map(|(file, facts)| Some((file, facts.as_ref()?.imports.as_ref().ok()?)));
    known.map(|(file, statements)| (file, resolver.resolve(file, statements))).collect()
}

mod base;
mod stored;
#[cfg(test)]
mod tests;
