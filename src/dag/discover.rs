//! Which files Airflow loads as DAG files, and which modules of the tree they import.

use super::Reaches;
use super::ignored::{Ignored, Sight};
use crate::content::ContentPath;
use crate::ids::AirflowVersion;
use crate::python::syntax::{Module, Stmt, StmtKind};
use crate::python::tree::{Delivered, Located};
use crate::switch;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Direct imports between files of the tree. Files that say the same share the set.
pub(super) type Imports = BTreeMap<usize, Arc<BTreeSet<usize>>>;

/// A file that Airflow loads DAGs from.
pub(super) struct Found {
    pub(super) file: usize,
    /// Why that is not certain, where it is not.
    pub(super) doubt: Option<&'static str>,
}

/// The files under the DAGs folder that Airflow's safe mode takes for DAG files, in the order of
/// their paths; `holds` says of a file what [`words`] says.
pub(super) fn dag_files(
    tree: &Delivered,
    airflow: Option<AirflowVersion>,
    mut holds: impl FnMut(usize) -> Words,
) -> Vec<Found> {
    seen(tree, airflow, |file| tree.files()[file].home.as_str().ends_with(".py") && is_seen(holds(file), airflow))
}

/// Whether safe mode takes a file of these words for a DAG file.
pub(super) fn is_seen(words: Words, airflow: Option<AirflowVersion>) -> bool {
    match words {
        Words::Dag => true,
        // Before 3.0 a file that speaks of assets only is none.
        Words::Asset => airflow.is_none_or(|version| version.major >= 3),
        Words::DagAlone | Words::None => false,
    }
}

/// The files under the DAGs folder that safe mode passes over although they speak of DAGs: an Airflow
/// without safe mode loads them too.
pub(super) fn passed_over(
    tree: &Delivered,
    airflow: Option<AirflowVersion>,
    mut holds: impl FnMut(usize) -> Words,
) -> Vec<Found> {
    seen(tree, airflow, |file| tree.files()[file].home.as_str().ends_with(".py") && holds(file) == Words::DagAlone)
}

/// The zip archives under the DAGs folder that may hold DAG files, in the order of their paths;
/// `holds_modules` says so of a file.
pub(super) fn archives(
    tree: &Delivered,
    airflow: Option<AirflowVersion>,
    mut holds_modules: impl FnMut(usize) -> bool,
) -> Vec<Found> {
    seen(tree, airflow, |file| !tree.files()[file].home.as_str().ends_with(".py") && holds_modules(file))
}

fn seen(tree: &Delivered, airflow: Option<AirflowVersion>, mut wanted: impl FnMut(usize) -> bool) -> Vec<Found> {
    let mut ignored = Ignored::default();
    for (index, file) in tree.files().iter().enumerate() {
        if file.home.file_name() == IGNORE_FILE && tree.below_dags(index).is_some() {
            let folder = file.home.as_str().strip_suffix(IGNORE_FILE).unwrap_or_default();
            ignored.add(folder, tree.bytes(index));
        }
    }
    let mut files = Vec::new();
    for (index, file) in tree.files().iter().enumerate() {
        let Some(rest) = tree.below_dags(index) else { continue };
        let home = file.home.as_str();
        if file.home.file_name() == IGNORE_FILE || !wanted(index) {
            continue;
        }
        match ignored.sight(&home[..home.len() - rest.len()], home, airflow) {
            Sight::Seen => files.push(Found { file: index, doubt: None }),
            Sight::Hidden if switch::off(".airflowignore") => files.push(Found { file: index, doubt: None }),
            Sight::Unclear(why) => files.push(Found { file: index, doubt: Some(why) }),
            Sight::Hidden => {}
        }
    }
    files.sort_by(|a, b| tree.files()[a.file].path.cmp(&tree.files()[b.file].path));
    files
}

pub(super) const IGNORE_FILE: &str = ".airflowignore";

/// What safe mode finds in a text, in whatever case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Words {
    /// `airflow` and `dag`.
    Dag,
    /// `airflow` and `asset`, which 3.x looks for too.
    Asset,
    /// `dag`, and not `airflow`.
    DagAlone,
    None,
}

/// What safe mode finds in a file.
pub(super) fn words(bytes: &[u8]) -> Words {
    if !holds_word(bytes, b"airflow") {
        if holds_word(bytes, b"dag") { Words::DagAlone } else { Words::None }
    } else if holds_word(bytes, b"dag") {
        Words::Dag
    } else if holds_word(bytes, b"asset") {
        Words::Asset
    } else {
        Words::None
    }
}

fn holds_word(bytes: &[u8], word: &[u8]) -> bool {
    let Some((first, rest)) = word.split_first() else { return true };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte.eq_ignore_ascii_case(first)) {
        left = &left[at + 1..];
        if left.get(..rest.len()).is_some_and(|next| next.eq_ignore_ascii_case(rest)) {
            return true;
        }
    }
    false
}

/// A shared set of files.
pub(super) type Paths = Arc<BTreeSet<ContentPath>>;

/// What files reach by imports. Files that import the same share it.
pub(super) struct Closures<'t> {
    tree: &'t Delivered,
    imports: &'t Imports,
    /// By direct imports.
    known: BTreeMap<&'t BTreeSet<usize>, (BTreeSet<usize>, Paths)>,
    /// By the address of a set of direct imports: the set like it that is among the `known`.
    shared: BTreeMap<*const BTreeSet<usize>, &'t BTreeSet<usize>>,
}

impl<'t> Closures<'t> {
    pub(super) fn new(tree: &'t Delivered, imports: &'t Imports) -> Self {
        Self { tree, imports, known: BTreeMap::new(), shared: BTreeMap::new() }
    }

    /// Everything that a file reaches: the files that its imports lead to, and the same as
    /// paths. Of sets that are equal to a `former` one, that one is given.
    pub(super) fn of(&mut self, file: usize, former: &BTreeSet<Paths>) -> (&BTreeSet<usize>, Reaches) {
        static NONE: BTreeSet<usize> = BTreeSet::new();
        let direct = self.imports.get(&file).map_or(&NONE, AsRef::as_ref);
        let (tree, imports) = (self.tree, self.imports);
        let direct = *self.shared.entry(std::ptr::from_ref(direct)).or_insert(direct);
        let (files, paths) = self.known.entry(direct).or_insert_with(|| {
            let files = closure(direct, imports);
            let paths: BTreeSet<ContentPath> = files.iter().map(|file| tree.files()[*file].path.clone()).collect();
            let paths = former.get(&paths).cloned().unwrap_or_else(|| Arc::new(paths));
            (files, paths)
        });
        (files, Reaches { file: self.tree.files()[file].path.clone(), imports: paths.clone(), data: Arc::default() })
    }

    /// The sets given so far.
    pub(super) fn sets(self) -> BTreeSet<Paths> {
        self.known.into_values().map(|(_, paths)| paths).collect()
    }
}

/// Files and everything that they reach by imports.
fn closure(files: &BTreeSet<usize>, imports: &Imports) -> BTreeSet<usize> {
    let mut reached = files.clone();
    let mut open: Vec<usize> = files.iter().copied().collect();
    while let Some(file) = open.pop() {
        for to in imports.get(&file).iter().flat_map(|to| to.iter()) {
            if reached.insert(*to) {
                open.push(*to);
            }
        }
    }
    reached
}

/// The import statements of a file, in order, each once. Files that say the same share them, where
/// that was seen.
pub(super) type Statements = Arc<[Arc<Import>]>;

/// An import statement as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Import {
    Module(Box<str>),
    From { level: usize, module: Box<str>, names: Vec<Box<str>> },
}

/// The import statements of a module, also those inside functions.
pub(super) fn statements(module: &Module) -> BTreeSet<Import> {
    let mut found = BTreeSet::new();
    of_block(&module.body, &mut found);
    found
}

/// Resolves import statements to files of the tree.
pub(super) struct Resolver<'t, 's> {
    tree: &'t Delivered,
    /// By search path and name.
    known: BTreeMap<(usize, String), Vec<usize>>,
    /// Of statements that mean the same in every file of a search path: many files have them alike.
    alike: BTreeMap<(usize, &'s Import), Vec<usize>>,
    /// Of all statements of a file, by their address, where they mean the same in every file.
    shared: BTreeMap<(usize, *const Arc<Import>), Arc<BTreeSet<usize>>>,
}

impl<'t, 's> Resolver<'t, 's> {
    pub(super) fn new(tree: &'t Delivered) -> Self {
        Self { tree, known: BTreeMap::new(), alike: BTreeMap::new(), shared: BTreeMap::new() }
    }

    /// The files that these statements of a file import.
    pub(super) fn resolve(&mut self, file: usize, statements: &'s [Arc<Import>]) -> Arc<BTreeSet<usize>> {
        let own = statements.iter().any(|statement| matches!(**statement, Import::From { level: 1.., .. }));
        // Whoever has no statement imports nothing, at whatever address.
        let key = (self.tree.search_path(file), statements.as_ptr());
        let known = self.shared.get(&key).filter(|_| !own && !statements.is_empty()).cloned();
        let to = known.unwrap_or_else(|| {
            let to = Arc::new(self.each(file, statements));
            self.shared.insert(key, to.clone());
            to
        });
        if to.contains(&file) { Arc::new(to.iter().copied().filter(|other| *other != file).collect()) } else { to }
    }

    fn each(&mut self, file: usize, statements: &'s [Arc<Import>]) -> BTreeSet<usize> {
        let mut to = BTreeSet::new();
        for statement in statements.iter().map(AsRef::as_ref) {
            if matches!(statement, Import::From { level: 1.., .. }) {
                to.extend(self.named(file, statement));
                continue;
            }
            let key = (self.tree.search_path(file), statement);
            if let Some(files) = self.alike.get(&key) {
                to.extend(files);
                continue;
            }
            let files = self.named(file, statement);
            to.extend(&files);
            self.alike.insert(key, files);
        }
        to
    }

    /// The files that a statement of a file names.
    fn named(&mut self, file: usize, statement: &Import) -> Vec<usize> {
        let mut to = Vec::new();
        match statement {
            Import::Module(name) => self.add(file, name.to_string(), &mut to),
            Import::From { level, module, names } => {
                let Some(base) = absolute(self.tree, file, *level, module) else { return to };
                for name in names {
                    self.add(file, format!("{base}.{name}"), &mut to);
                }
                self.add(file, base, &mut to);
            }
        }
        to
    }

    /// A module and the packages above it, as an import in `from` finds them.
    fn add(&mut self, from: usize, dotted: String, to: &mut Vec<usize>) {
        let key = (self.tree.search_path(from), dotted);
        if let Some(files) = self.known.get(&key) {
            to.extend(files);
            return;
        }
        let dotted = &key.1;
        let mut files = Vec::new();
        let ends = dotted.match_indices('.').map(|(at, _)| at).chain([dotted.len()]);
        if !crate::python::interpret::is_standard(dotted.split('.').next().unwrap_or_default()) {
            for end in ends {
                match self.tree.locate(&dotted[..end], from) {
                    Located::File(file) => files.push(file),
                    Located::Either(one, other) => files.extend([one, other]),
                    Located::Namespace | Located::Missing(..) | Located::Outside => {}
                }
            }
        }
        to.extend(&files);
        self.known.insert(key, files);
    }
}

fn of_block(body: &[Stmt], to: &mut BTreeSet<Import>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Import(names) => to.extend(names.iter().map(|(name, _)| Import::Module((&**name).into()))),
            StmtKind::ImportFrom { level, module, names, .. } => {
                let names = names.iter().map(|(name, _, _)| (&**name).into()).collect();
                to.insert(Import::From { level: *level, module: (&**module).into(), names });
            }
            StmtKind::If { arms, orelse } => {
                for (_, body) in arms {
                    of_block(body, to);
                }
                of_block(orelse, to);
            }
            StmtKind::For(repeated) => {
                of_block(&repeated.body, to);
                of_block(&repeated.orelse, to);
            }
            StmtKind::While { body, orelse, .. } => {
                of_block(body, to);
                of_block(orelse, to);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                of_block(body, to);
                for handler in handlers {
                    of_block(&handler.body, to);
                }
                of_block(orelse, to);
                of_block(finally, to);
            }
            StmtKind::With(with) => of_block(&with.body, to),
            StmtKind::Function { def, .. } => of_block(&def.body, to),
            StmtKind::Class { def, .. } => of_block(&def.body, to),
            StmtKind::Match { cases, .. } => cases.iter().for_each(|case| of_block(&case.body, to)),
            _ => {}
        }
    }
}

fn absolute(tree: &Delivered, file: usize, level: usize, module: &str) -> Option<String> {
    if level == 0 {
        return Some(module.to_owned());
    }
    let name = tree.module_name(file);
    let mut parts: Vec<&str> = name.split('.').collect();
    let up = if tree.is_package(file) { level - 1 } else { level };
    parts.truncate(parts.len().checked_sub(up)?);
    if !module.is_empty() {
        parts.push(module);
    }
    Some(parts.join(".")).filter(|dotted| !dotted.is_empty())
}
