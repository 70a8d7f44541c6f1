//! Which files Airflow loads as DAG files, and which modules of the tree they import.

use crate::content::Snapshot;
use crate::python::syntax::{Stmt, StmtKind};
use crate::python::tree::{Located, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Direct imports between files of the tree.
pub(super) type Imports = BTreeMap<usize, BTreeSet<usize>>;

/// The files under the DAGs folder that Airflow's safe mode takes for DAG files.
pub(super) fn dag_files(tree: &Tree, snapshot: &Snapshot) -> Vec<usize> {
    let ignored = Ignored::read(tree);
    let _ = snapshot;
    let mut files = Vec::new();
    for (index, file) in tree.files().iter().enumerate() {
        let Some(rest) = tree.below_dags(index) else { continue };
        if rest.ends_with(".py") && !ignored.matches(file.home.as_str()) && might_hold_dags(&file.bytes) {
            files.push(index);
        }
    }
    files.sort_by(|a, b| tree.file(*a).path.cmp(&tree.file(*b).path));
    files
}

/// Safe mode: the text holds both `dag` and `airflow`, in whatever case.
fn might_hold_dags(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    has(b"dag") && has(b"airflow")
}

/// `.airflowignore` files: each line a pattern for paths at and below its folder.
struct Ignored(Vec<(String, Vec<String>)>);

impl Ignored {
    fn read(tree: &Tree) -> Self {
        let mut all = Vec::new();
        for (index, file) in tree.files().iter().enumerate() {
            if file.home.file_name() != ".airflowignore" || tree.below_dags(index).is_none() {
                continue;
            }
            let folder = file.home.as_str().strip_suffix(".airflowignore").unwrap_or_default().to_owned();
            let text = String::from_utf8_lossy(&file.bytes);
            let lines = text
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect();
            all.push((folder, lines));
        }
        Self(all)
    }

    /// Only patterns that mean the same in both syntaxes (a plain name or path) are honoured:
    /// ignoring a DAG that Airflow loads would be worse than listing one that it ignores.
    fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|(folder, lines)| {
            let Some(rest) = path.strip_prefix(folder.as_str()) else { return false };
            lines.iter().any(|line| {
                let pattern = line.trim_matches('/');
                let plain = pattern.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'));
                plain
                    && (rest == pattern
                        || rest.split('/').any(|part| part == pattern)
                        || rest.starts_with(&format!("{pattern}/")))
            })
        })
    }
}

/// Everything that a file reaches by imports, itself included.
pub(super) fn closure(file: usize, imports: &Imports) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([file]);
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for to in imports.get(&file).into_iter().flatten() {
            if reached.insert(*to) {
                open.push(*to);
            }
        }
    }
    reached
}

/// The imports of every module of the tree, also those inside functions.
pub(super) fn imports(tree: &Tree) -> Imports {
    let mut imports = Imports::new();
    for (index, file) in tree.files().iter().enumerate() {
        if !file.home.as_str().ends_with(".py") {
            continue;
        }
        let syntax = tree.syntax(index);
        let Ok(module) = syntax.as_ref() else { continue };
        let mut to = BTreeSet::new();
        of_block(tree, index, &module.body, &mut to);
        to.remove(&index);
        imports.insert(index, to);
    }
    imports
}

fn add(tree: &Tree, from: usize, dotted: &str, to: &mut BTreeSet<usize>) {
    let parts: Vec<&str> = dotted.split('.').collect();
    if crate::python::interpret::is_standard(parts[0]) {
        return;
    }
    for end in 1..=parts.len() {
        match tree.locate(&parts[..end].join("."), from) {
            Located::File(file) => {
                to.insert(file);
            }
            Located::Either(one, other) => to.extend([one, other]),
            Located::Namespace | Located::Missing(..) | Located::Outside => {}
        }
    }
}

fn of_block(tree: &Tree, file: usize, body: &[Stmt], to: &mut BTreeSet<usize>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Import(names) => names.iter().for_each(|(name, _)| add(tree, file, name, to)),
            StmtKind::ImportFrom { level, module, names, .. } => {
                let base = absolute(tree, file, *level, module);
                if let Some(base) = base {
                    add(tree, file, &base, to);
                    for (name, _, _) in names {
                        add(tree, file, &format!("{base}.{name}"), to);
                    }
                }
            }
            StmtKind::If { arms, orelse } => {
                for (_, body) in arms {
                    of_block(tree, file, body, to);
                }
                of_block(tree, file, orelse, to);
            }
            StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                of_block(tree, file, body, to);
                of_block(tree, file, orelse, to);
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                of_block(tree, file, body, to);
                for handler in handlers {
                    of_block(tree, file, &handler.body, to);
                }
                of_block(tree, file, orelse, to);
                of_block(tree, file, finally, to);
            }
            StmtKind::With { body, .. } => of_block(tree, file, body, to),
            StmtKind::Function { def, .. } => of_block(tree, file, &def.body, to),
            StmtKind::Class { def, .. } => of_block(tree, file, &def.body, to),
            StmtKind::Match { cases, .. } => cases.iter().for_each(|case| of_block(tree, file, &case.body, to)),
            _ => {}
        }
    }
}

fn absolute(tree: &Tree, file: usize, level: usize, module: &str) -> Option<String> {
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
