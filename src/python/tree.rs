//! The delivered tree as Python's import system sees it: files by their path below
//! `$AIRFLOW_HOME`, and the folders in which a worker looks for modules.
//!
//! Invariants: [`Delivered`] is plain data that several threads share. Whoever evaluates asks a
//! [`Tree`], and whatever a tree is asked is in the [`Trace`]: no answer leaves it unrecorded.

mod trace;

pub(crate) use trace::{Answered, Answers, Trace};

use super::parse::{SyntaxError, parse_all, recent};
use super::syntax::Module;
use crate::content::{BlobId, Bytes, ContentPath, HomePath, ImportOrder, Layout, Mode, Snapshot};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use trace::{Answering, Question};

/// Source bytes whose syntax one who evaluates keeps at most; syntax is some twenty times as large.
const KEPT: usize = 2 << 20;

/// A file of the tree.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: ContentPath,
    pub(crate) home: HomePath,
    /// Identity of `bytes`.
    pub(crate) id: BlobId,
    bytes: Bytes,
    /// Which of the tree's search paths its imports take.
    roots: usize,
    /// Its number among the files of the snapshot.
    origin: usize,
}

impl SourceFile {
    /// Whether it is Python.
    pub(crate) fn is_python(&self) -> bool {
        self.home.as_str().ends_with(".py")
    }
}

/// What a dotted name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// A module, or a package's `__init__.py`.
    File(usize),
    /// A folder without `__init__.py`.
    Namespace,
    /// The first part is in the tree, the rest is not: the number of parts found, and whether
    /// nothing outside the tree can have the rest.
    Missing(usize, bool),
    /// A module of the DAGs folder, and another one of the plugins folder; which of them is imported
    /// depends on the release of Airflow.
    Either(usize, usize),
    /// Not in the tree at all.
    Outside,
}

/// A file's syntax, or where it has none.
pub(crate) type Parsed = Rc<Result<Module, SyntaxError>>;

/// What is delivered, by where it is delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    layout: Layout,
    order: ImportOrder,
    /// In the order of their homes, by which they are found.
    files: Vec<SourceFile>,
    /// Search paths of imports: the folders in which modules are looked for, in order.
    roots: Vec<Arc<[String]>>,
}

impl Delivered {
    /// The tree of a snapshot; links are no files that can be read here.
    pub(crate) fn new(snapshot: &Snapshot, layout: Layout, order: ImportOrder) -> Self {
        let mut files = Vec::new();
        for (origin, (path, file)) in snapshot.files().enumerate() {
            let Some(place) = layout.place(path) else { continue };
            let is_link = file.mode == Mode::Link;
            let (path, home, bytes) = (path.clone(), place.dest, file.bytes.clone());
            files.push((is_link, SourceFile { path, home, id: file.id, bytes, roots: 0, origin }));
        }
        files.sort_by(|(_, one), (_, other)| one.home.cmp(&other.home));
        // Of two that go to one place the last one lies there.
        files.dedup_by(|next, last| {
            let same = next.1.home == last.1.home;
            if same {
                std::mem::swap(next, last);
            }
            same
        });
        let files = files.into_iter().filter(|(is_link, _)| !is_link).map(|(_, file)| file).collect();
        let mut delivered = Self { layout, order, files, roots: Vec::new() };
        delivered.find_roots();
        delivered
    }

    fn find_roots(&mut self) {
        if let Some(first) = self.files.first().filter(|_| self.layout != Layout::Repository) {
            // They are the same for all files.
            self.roots.push(self.layout.import_roots(&first.home, self.order).into());
            return;
        }
        let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for file in &mut self.files {
            let roots = self.layout.import_roots(&file.home, self.order);
            let next = known.len();
            file.roots = *known.entry(roots).or_insert(next);
            if file.roots == next {
                self.roots.push(self.layout.import_roots(&file.home, self.order).into());
            }
        }
    }

    /// All files, in the order of their homes.
    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// A file's content.
    pub(crate) fn bytes(&self, file: usize) -> &[u8] {
        &self.files[file].bytes
    }

    /// The same tree with other contents of some files.
    pub(crate) fn with_contents(&self, others: &[(usize, BlobId, Bytes)]) -> Self {
        let Self { layout, order, files, roots } = self;
        let mut files = files.clone();
        for (file, id, bytes) in others {
            (files[*file].id, files[*file].bytes) = (*id, bytes.clone());
        }
        Self { layout: *layout, order: *order, files, roots: roots.clone() }
    }

    /// For each of so many files of the snapshot, which file of the tree it is, if it is one.
    pub(crate) fn by_origin(&self, files: usize) -> Vec<Option<usize>> {
        let mut all = vec![None; files];
        for (number, file) in self.files.iter().enumerate() {
            all[file.origin] = Some(number);
        }
        all
    }

    /// Whether what a name leads to may depend on what a file holds: there are two of the name, and
    /// which of them is imported makes no difference only while they are the same.
    pub(crate) fn may_have_a_rival(&self, file: usize) -> bool {
        let home = self.files[file].home.as_str();
        let other = |base: &str, folder: &str, rest: &str| {
            let stem = rest.strip_suffix(".py").map(|rest| rest.trim_end_matches("/__init__"));
            stem.is_some_and(|stem| self.regular(&format!("{base}{folder}{stem}")).is_some())
        };
        self.order == ImportOrder::Either
            && [("dags/", "plugins/"), ("plugins/", "dags/")].into_iter().any(|(own, others)| {
                let mut below = home.match_indices(own).map(|(at, _)| (&home[..at], &home[at + own.len()..]));
                below.any(|(base, rest)| (base.is_empty() || base.ends_with('/')) && other(base, others, rest))
            })
    }

    pub(crate) fn at_home(&self, home: &str) -> Option<usize> {
        self.files.binary_search_by(|file| file.home.as_str().cmp(home)).ok()
    }

    /// The file that has that path in the repository.
    pub(crate) fn at_path(&self, path: &ContentPath) -> Option<usize> {
        let file = self.at_home(self.layout.place(path)?.dest.as_str())?;
        (self.files[file].path == *path).then_some(file)
    }

    /// The files in a folder and in those below it: they stand in a row.
    fn below(&self, folder: &str) -> &[SourceFile] {
        let folder = format!("{folder}/");
        let start = self.files.partition_point(|file| *file.home.as_str() < *folder);
        let length = self.files[start..].partition_point(|file| file.home.as_str().starts_with(&folder));
        &self.files[start..start + length]
    }

    /// Whether that is a folder with some file in it or below it.
    fn is_folder(&self, folder: &str) -> bool {
        !self.below(folder).is_empty()
    }

    /// The names directly in a folder, in order; none where no file lies below it.
    fn names_in(&self, folder: &str) -> Option<BTreeSet<&str>> {
        let behind = folder.len() + 1;
        let below = self.below(folder);
        (!below.is_empty()).then(|| {
            let names = below.iter().map(|file| {
                let rest = &file.home.as_str()[behind..];
                rest.split_once('/').map_or(rest, |(name, _)| name)
            });
            names.collect()
        })
    }

    /// The dotted name by which a file is imported.
    pub(crate) fn module_name(&self, file: usize) -> String {
        self.module_path(file).replace('/', ".")
    }

    /// Whether that is the name.
    fn is_module_name(&self, file: usize, dotted: &str) -> bool {
        let dots = self.module_path(file).bytes().map(|byte| if byte == b'/' { b'.' } else { byte });
        dots.eq(dotted.bytes())
    }

    /// The same with slashes.
    fn module_path(&self, file: usize) -> &str {
        let home = &self.files[file].home;
        let roots = &self.roots[self.files[file].roots];
        let rest =
            roots.iter().filter(|root| !root.is_empty()).find_map(|root| home.below(root)).unwrap_or(home.as_str());
        let rest = rest.strip_suffix(".py").unwrap_or(rest);
        rest.strip_suffix("/__init__").unwrap_or(rest)
    }

    /// Whether a file is a package's `__init__.py`.
    pub(crate) fn is_package(&self, file: usize) -> bool {
        self.files[file].home.file_name() == "__init__.py"
    }

    /// The path of a file below the DAGs folder that it lies in.
    pub(crate) fn below_dags(&self, file: usize) -> Option<&str> {
        self.layout.below_dags(&self.files[file].home)
    }

    /// The module at a path without its suffix, and whether it is a package.
    fn regular(&self, path: &str) -> Option<(usize, bool)> {
        let package = self.at_home(&format!("{path}/__init__.py")).map(|file| (file, true));
        package.or_else(|| self.at_home(&format!("{path}.py")).map(|file| (file, false)))
    }

    /// The module that another release of Airflow would import by that name, where the release is
    /// not known.
    fn rival(&self, root: &str, name: &str, file: usize) -> Option<usize> {
        let base = root.strip_suffix("dags").filter(|_| self.order == ImportOrder::Either)?;
        let (rival, _) = self.regular(&format!("{base}plugins/{name}"))?;
        (self.files[rival].id != self.files[file].id).then_some(rival)
    }

    /// Which of the tree's search paths the imports of a file take.
    pub(crate) fn search_path(&self, file: usize) -> usize {
        self.files[file].roots
    }

    /// Looks a dotted name up as Python would for an import in `from`.
    pub(crate) fn locate(&self, dotted: &str, from: usize) -> Located {
        self.locate_below(dotted, &self.roots[self.files[from].roots])
    }

    fn locate_below(&self, dotted: &str, roots: &[String]) -> Located {
        let parts: Vec<&str> = dotted.split('.').collect();
        // The folders that the name so far may stand for.
        let mut folders: Vec<String> = roots.to_vec();
        let mut closed = false;
        for (index, part) in parts.iter().enumerate() {
            let mut namespaces = Vec::new();
            let mut found = None;
            for folder in &folders {
                let path = join(folder, part);
                if let Some((file, package)) = self.regular(&path) {
                    if index == 0
                        && let Some(rival) = self.rival(folder, part, file)
                    {
                        return Located::Either(file, rival);
                    }
                    found = Some((file, package.then_some(path)));
                    break;
                }
                if self.is_folder(&path) {
                    namespaces.push(path);
                }
            }
            let last = index + 1 == parts.len();
            match found {
                Some((file, _)) if last => return Located::File(file),
                Some((_, Some(folder))) => {
                    closed = true;
                    folders = vec![folder];
                }
                Some((_, None)) => return Located::Missing(index + 1, true),
                None if namespaces.is_empty() => {
                    return if index == 0 { Located::Outside } else { Located::Missing(index, closed) };
                }
                None if last => return Located::Namespace,
                None => {
                    // A folder of the delivered plugins is nobody else's.
                    closed = namespaces.iter().any(|folder| folder.starts_with("plugins/"));
                    folders = namespaces;
                }
            }
        }
        Located::Outside
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The tree for one who evaluates: syntax is parsed once and kept, questions are recorded.
pub(crate) struct Tree {
    delivered: Arc<Delivered>,
    parsed: RefCell<BTreeMap<usize, Parsed>>,
    /// Source bytes behind `parsed`.
    kept: Cell<usize>,
    /// By search path, then name.
    located: RefCell<BTreeMap<usize, BTreeMap<Arc<str>, Located>>>,
    asked: RefCell<BTreeSet<Question>>,
    answering: RefCell<Answering>,
}

impl Tree {
    /// A tree over what is delivered.
    pub(crate) fn new(delivered: Arc<Delivered>) -> Self {
        Self {
            delivered,
            parsed: RefCell::default(),
            kept: Cell::new(0),
            located: RefCell::default(),
            asked: RefCell::default(),
            answering: RefCell::default(),
        }
    }

    /// Runs `work` and gives, with its result, all that it asked of this tree.
    pub(crate) fn traced<T>(&self, work: impl FnOnce() -> T) -> (T, Trace) {
        self.asked.borrow_mut().clear();
        let result = work();
        let asked = self.asked.take();
        (result, self.answering.borrow_mut().trace(asked, &self.delivered))
    }

    fn note(&self, question: Question) {
        self.asked.borrow_mut().insert(question);
    }

    /// The path in the repository of a file.
    pub(crate) fn path(&self, file: usize) -> &ContentPath {
        &self.delivered.files[file].path
    }

    /// Where a file is delivered.
    pub(crate) fn home(&self, file: usize) -> &HomePath {
        &self.delivered.files[file].home
    }

    /// The syntax of a file; parsed once.
    pub(crate) fn syntax(&self, file: usize) -> Parsed {
        self.note(Question::Content(self.home(file).clone()));
        if let Some(parsed) = self.parsed.borrow().get(&file) {
            return parsed.clone();
        }
        let parsed = recent(self.path(file).as_str(), self.delivered.bytes(file));
        self.keep(file, parsed.clone());
        parsed
    }

    /// Parses files whose syntax is asked for soon: together they take less time than one by one.
    /// Nobody is given an answer, so that nothing is recorded.
    pub(crate) fn parse_ahead(&self, files: &[usize]) {
        /// Source bytes that are read at once at most: what the grammar makes of them is large.
        const AHEAD: usize = 96 << 10;
        if files.len() < 2 {
            return;
        }
        let mut left = AHEAD;
        let mut wanted = |file: &&usize| {
            let size = self.delivered.bytes(**file).len();
            let fits = size <= left && !self.parsed.borrow().contains_key(*file);
            left -= if fits { size } else { 0 };
            fits
        };
        let files: Vec<usize> = files.iter().filter(|file| wanted(file)).copied().collect();
        let parsed = parse_all(files.iter().map(|file| self.delivered.bytes(*file)));
        for (file, parsed) in files.into_iter().zip(parsed) {
            self.keep(file, Rc::new(parsed));
        }
    }

    fn keep(&self, file: usize, syntax: Parsed) {
        let mut parsed = self.parsed.borrow_mut();
        if self.kept.get() > KEPT {
            parsed.clear();
            self.kept.set(0);
        }
        self.kept.set(self.kept.get() + self.delivered.bytes(file).len());
        parsed.insert(file, syntax);
    }

    /// The files whose syntax is kept, with it.
    pub(crate) fn parsed(&self) -> Vec<(usize, Parsed)> {
        self.parsed.borrow().iter().map(|(file, parsed)| (*file, parsed.clone())).collect()
    }

    /// Forgets the syntax of a file that nobody is likely to ask for again.
    pub(crate) fn forget(&self, file: usize) {
        if self.parsed.borrow_mut().remove(&file).is_some() {
            self.kept.set(self.kept.get().saturating_sub(self.delivered.bytes(file).len()));
        }
    }

    /// The file at a path below `$AIRFLOW_HOME`, if it is in the tree. Its content is taken to
    /// decide something.
    pub(crate) fn find(&self, home: &str) -> Option<usize> {
        // What is no such path is in no tree.
        let home = HomePath::new(home).ok()?;
        let file = self.delivered.at_home(home.as_str());
        self.note(Question::Content(home));
        file
    }

    /// The content of a file that was found.
    pub(crate) fn bytes(&self, file: usize) -> &[u8] {
        self.delivered.bytes(file)
    }

    /// The names directly in a folder below `$AIRFLOW_HOME`, in order, and whether each is a
    /// folder; none if no file of the tree lies below it.
    pub(crate) fn listing(&self, folder: &str) -> Option<Vec<(String, bool)>> {
        let folder = HomePath::new(folder).ok()?;
        let names = self.delivered.names_in(folder.as_str()).map(|names| {
            let is_folder = |name: &str| self.delivered.is_folder(&join(folder.as_str(), name));
            names.into_iter().map(|name| (name.to_owned(), is_folder(name))).collect()
        });
        self.note(Question::Folder(folder));
        names
    }

    /// The dotted name by which a file is imported.
    pub(crate) fn module_name(&self, file: usize) -> String {
        self.delivered.module_name(file)
    }

    /// Whether that is the name.
    pub(crate) fn is_module_name(&self, file: usize, dotted: &str) -> bool {
        self.delivered.is_module_name(file, dotted)
    }

    /// Whether a file is a package's `__init__.py`.
    pub(crate) fn is_package(&self, file: usize) -> bool {
        self.delivered.is_package(file)
    }

    /// The folders in which a worker looks for what a file imports, in order.
    pub(crate) fn import_folders(&self, from: usize) -> &[String] {
        &self.delivered.roots[self.delivered.files[from].roots]
    }

    /// Looks a dotted name up as Python would in these folders.
    pub(crate) fn locate_in(&self, dotted: &str, folders: &Arc<[String]>) -> Located {
        self.note(Question::Name(dotted.into(), folders.clone()));
        self.delivered.locate_below(dotted, folders)
    }

    /// Looks a dotted name up as Python would for an import in `from`.
    pub(crate) fn locate(&self, dotted: &str, from: usize) -> Located {
        let roots = self.delivered.files[from].roots;
        let ask = |name: Arc<str>| Question::Name(name, self.delivered.roots[roots].clone());
        let mut all = self.located.borrow_mut();
        let known = all.entry(roots).or_default();
        if let Some((name, located)) = known.get_key_value(dotted) {
            self.note(ask(name.clone()));
            return *located;
        }
        let located = self.delivered.locate(dotted, from);
        let name: Arc<str> = dotted.into();
        self.note(ask(name.clone()));
        known.insert(name, located);
        located
    }
}
