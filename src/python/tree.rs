//! The delivered tree as Python's import system sees it: files by their path below
//! `$AIRFLOW_HOME`, and the folders in which a worker looks for modules.

use super::parse::{SyntaxError, parse};
use super::syntax::Module;
use crate::content::{ContentPath, HomePath, ImportOrder, Layout, Snapshot};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// A file of the tree.
pub(crate) struct SourceFile {
    pub(crate) path: ContentPath,
    pub(crate) home: HomePath,
    pub(crate) bytes: Arc<[u8]>,
}

/// What a dotted name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
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

type Parsed = Rc<Result<Module, SyntaxError>>;

/// The tree.
pub(crate) struct Tree {
    layout: Layout,
    order: ImportOrder,
    files: Vec<SourceFile>,
    by_home: BTreeMap<String, usize>,
    folders: BTreeSet<String>,
    parsed: RefCell<BTreeMap<usize, Parsed>>,
}

impl Tree {
    pub(crate) fn new(snapshot: &Snapshot, layout: Layout, order: ImportOrder) -> Self {
        let mut files = Vec::new();
        let mut by_home = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for (home, path) in layout.deliver(snapshot) {
            let Some(file) = snapshot.get(&path) else { continue };
            if file.mode == crate::content::Mode::Link {
                continue;
            }
            by_home.insert(home.to_string(), files.len());
            let mut parent = home.parent();
            while let Some(folder) = parent {
                folders.insert(folder.to_string());
                parent = folder.parent();
            }
            files.push(SourceFile { path, home, bytes: file.bytes.clone() });
        }
        Self { layout, order, files, by_home, folders, parsed: RefCell::new(BTreeMap::new()) }
    }

    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    pub(crate) fn file(&self, file: usize) -> &SourceFile {
        &self.files[file]
    }

    /// The syntax of a file; parsed once.
    pub(crate) fn syntax(&self, file: usize) -> Parsed {
        if let Some(parsed) = self.parsed.borrow().get(&file) {
            return parsed.clone();
        }
        let parsed = Rc::new(parse(&self.files[file].bytes));
        self.parsed.borrow_mut().insert(file, parsed.clone());
        parsed
    }

    /// The dotted name by which a file is imported.
    pub(crate) fn module_name(&self, file: usize) -> String {
        let home = &self.files[file].home;
        let roots = self.layout.import_roots(home, self.order);
        let rest =
            roots.iter().filter(|root| !root.is_empty()).find_map(|root| home.below(root)).unwrap_or(home.as_str());
        let rest = rest.strip_suffix(".py").unwrap_or(rest);
        rest.strip_suffix("/__init__").unwrap_or(rest).replace('/', ".")
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
        let package = self.by_home.get(&format!("{path}/__init__.py")).map(|file| (*file, true));
        package.or_else(|| self.by_home.get(&format!("{path}.py")).map(|file| (*file, false)))
    }

    /// The module that another release of Airflow would import by that name, where the release is
    /// not known.
    fn rival(&self, root: &str, name: &str, file: usize) -> Option<usize> {
        let base = root.strip_suffix("dags").filter(|_| self.order == ImportOrder::Either)?;
        let (rival, _) = self.regular(&format!("{base}plugins/{name}"))?;
        (self.files[rival].bytes != self.files[file].bytes).then_some(rival)
    }

    /// Looks a dotted name up as Python would for an import in `from`.
    pub(crate) fn locate(&self, dotted: &str, from: usize) -> Located {
        let parts: Vec<&str> = dotted.split('.').collect();
        // The folders that the name so far may stand for.
        let mut folders: Vec<String> = self.layout.import_roots(&self.files[from].home, self.order);
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
                if self.folders.contains(&path) {
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
