//! Which delivered folders Airflow's plugin loader must go on executing, and which it should leave
//! to those who import them (R9).
//!
//! At its start a process executes every module below `plugins` to find plugin classes, and what
//! it executed stays in the memory of all processes that it forks. A folder without such a class
//! is better ignored by the loader: it stays importable, and each parse reads it anew.

use super::{HomePath, Layout, Plan, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// The class that all plugins descend from.
const PLUGIN: &str = "AirflowPlugin";

/// The folders below `plugins` that a tree delivers, by what the plugin loader must do with them.
///
/// Told by words of the text, not by its meaning, and in doubt a folder is loaded: what is ignored
/// by mistake would be a plugin lost, what is loaded by mistake is reported as needing a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginFolders {
    /// Folders without any plugin class: `operators`, `sensors`, `etl`, …
    pub ignored: BTreeSet<String>,
    /// Folders that name the plugin class, or derive from a class that does.
    pub loaded: BTreeSet<String>,
    /// Modules that are in the memory of long-running processes: those of loaded folders, and those
    /// that they import.
    pub resident: BTreeSet<HomePath>,
}

impl PluginFolders {
    /// Looks through all Python files that the tree would deliver below `plugins`.
    pub fn of(snapshot: &Snapshot, layout: Layout) -> Self {
        let mut folders = BTreeSet::new();
        let mut modules = BTreeMap::new();
        for (path, file) in snapshot.files() {
            let Some(place) = layout.place(path) else { continue };
            let Some((folder, _)) = place.dest.below("plugins").and_then(|rest| rest.split_once('/')) else { continue };
            folders.insert(folder.to_string());
            // What is not UTF-8, or could not be read, is a plugin for all that we can read of it.
            let is_whole = file.bytes.len() as u64 == file.bytes.size();
            let text = std::str::from_utf8(&file.bytes).ok().filter(|_| is_whole).unwrap_or(PLUGIN);
            if let Some((name, module)) = Module::of(&place.dest, text) {
                modules.insert(name, module);
            }
        }
        let loaded = loaded(&modules);
        let resident = resident(&modules, &loaded);
        let ignored = folders.into_iter().filter(|folder| !loaded.contains(folder)).collect();
        Self { ignored, loaded, resident }
    }

    /// The modules of a plan that processes which run already go on using as they were: those that
    /// the plugin loader has executed, all of them where it is not kept from it.
    pub fn stale(&self, plan: &Plan, kept: bool) -> Vec<HomePath> {
        let is_stale = |dest: &HomePath| {
            let inside = dest.below("plugins").is_some_and(|rest| rest.contains('/'));
            inside && dest.as_str().ends_with(".py") && (!kept || self.resident.contains(dest))
        };
        plan.steps.iter().map(|step| &step.dest).filter(|dest| is_stale(dest)).cloned().collect()
    }
}

/// A Python file below `plugins`.
struct Module<'a> {
    dest: HomePath,
    /// The package in which it stands, with dots between the parts.
    package: String,
    text: &'a str,
}

impl<'a> Module<'a> {
    /// The module by the name under which it is imported.
    fn of(dest: &HomePath, text: &'a str) -> Option<(String, Self)> {
        let name = dest.below("plugins")?.strip_suffix(".py")?.replace('/', ".");
        let (package, last) = name.rsplit_once('.')?;
        let (name, package) = if last == "__init__" { (package, package) } else { (name.as_str(), package) };
        Some((name.to_string(), Self { dest: dest.clone(), package: package.to_string(), text }))
    }

    fn folder(&self) -> &str {
        self.package.split('.').next().unwrap_or(&self.package)
    }
}

/// Folders with a plugin class: from that class on to all that derive from one that was found.
fn loaded(modules: &BTreeMap<String, Module>) -> BTreeSet<String> {
    let mut loaded: BTreeSet<String> = BTreeSet::new();
    let mut derived = BTreeMap::<&str, Vec<(&str, &str)>>::new();
    for module in modules.values() {
        if module.text.contains(PLUGIN) {
            loaded.insert(module.folder().to_string());
        }
        for (name, bases) in module.text.lines().filter_map(class) {
            words(bases).for_each(|base| derived.entry(base).or_default().push((name, module.folder())));
        }
    }
    let mut seen = BTreeSet::from([PLUGIN]);
    let mut open = vec![PLUGIN];
    while let Some(base) = open.pop() {
        for (name, folder) in derived.get(base).into_iter().flatten() {
            loaded.insert((*folder).to_string());
            if seen.insert(name) {
                open.push(name);
            }
        }
    }
    loaded
}

/// The name and the bases of a class that begins on this line.
fn class(line: &str) -> Option<(&str, &str)> {
    line.trim_start().strip_prefix("class ")?.split_once('(').map(|(name, bases)| (name.trim(), bases))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The modules of those folders and all that they import, through any number of others.
fn resident(modules: &BTreeMap<String, Module>, loaded: &BTreeSet<String>) -> BTreeSet<HomePath> {
    let of_loaded = modules.iter().filter(|(_, module)| loaded.contains(module.folder()));
    let mut found: BTreeSet<&str> = of_loaded.map(|(name, _)| name.as_str()).collect();
    let mut open: Vec<&str> = found.iter().copied().collect();
    while let Some(module) = open.pop().and_then(|name| modules.get(name)) {
        for import in imports(module) {
            for name in import.modules(modules) {
                if found.insert(name) {
                    open.push(name);
                }
            }
        }
    }
    found.into_iter().filter_map(|name| modules.get(name)).map(|module| module.dest.clone()).collect()
}

/// What a line of a module imports.
#[derive(Debug, PartialEq, Eq)]
enum Import {
    /// A module, and with it the packages around it; or a name in one.
    Name(String),
    /// Some of a package that the line does not name.
    Some(String),
    /// What cannot be told from a line.
    Any,
}

impl Import {
    /// Those of these modules that it brings into memory.
    fn modules<'m>(&self, modules: &'m BTreeMap<String, Module>) -> Vec<&'m str> {
        let known = |name: &str| modules.get_key_value(name).map(|(name, _)| name.as_str());
        let around = |name: &str| {
            let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
            ends.filter_map(|end| known(&name[..end])).collect::<Vec<_>>()
        };
        match self {
            Self::Name(name) => around(name),
            Self::Some(package) => {
                let inside = format!("{package}.");
                let below = modules.range(inside.clone()..).take_while(|(name, _)| name.starts_with(&inside));
                around(package).into_iter().chain(below.map(|(name, _)| name.as_str())).collect()
            }
            Self::Any => modules.keys().map(String::as_str).collect(),
        }
    }
}

/// The imports of a module, wherever they stand in it.
fn imports(module: &Module) -> Vec<Import> {
    let mut found = Vec::new();
    for statement in module.text.lines().flat_map(|line| line.split(';')).map(str::trim) {
        if statement.starts_with('#') {
            continue;
        }
        if let Some(names) = statement.strip_prefix("import ") {
            found.extend(names.split(',').filter_map(first).map(|name| Import::Name(name.to_string())));
        } else if let Some((from, names)) = statement.strip_prefix("from ").and_then(|rest| rest.split_once("import")) {
            let Some(package) = absolute(from.trim(), &module.package) else { continue };
            if names.contains(['(', '*', '\\']) && !names.contains(')') {
                found.push(Import::Some(package));
                continue;
            }
            let names = names.split(',').map(|name| name.trim_matches(['(', ')', ' '])).filter_map(first);
            let before = found.len();
            found.extend(names.map(|name| Import::Name(format!("{package}.{name}"))));
            if found.len() == before {
                found.push(Import::Some(package));
            }
        } else if statement.contains("import_module") || statement.contains("__import__") {
            found.push(Import::Any);
        } else if words(statement).any(|word| word == "import") {
            // Behind a colon, or in a text: whatever is named may be meant.
            found.extend(words(statement).map(|word| Import::Some(word.to_string())));
        }
    }
    found
}

/// The dotted name at the beginning.
fn first(text: &str) -> Option<&str> {
    text.split_whitespace().next().filter(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// The package that `from` names, seen from a module of that package.
fn absolute(from: &str, package: &str) -> Option<String> {
    let name = from.trim_start_matches('.');
    let dots = from.len() - name.len();
    if dots == 0 {
        return first(name).map(str::to_string);
    }
    let parts: Vec<&str> = package.split('.').collect();
    let around = parts.get(..(parts.len() + 1).checked_sub(dots)?)?.join(".");
    match (around.as_str(), name.trim()) {
        (around, "") => Some(around.to_string()),
        ("", name) => Some(name.to_string()),
        (around, name) => Some(format!("{around}.{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentPath, File, Revision, plan};

    fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        let revision = Revision::new("r");
        let mut snapshot = Snapshot::empty(revision.clone());
        for (path, text) in files {
            snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
        }
        snapshot
    }

    #[test]
    fn folders_with_a_plugin_class_are_loaded_and_all_others_ignored() {
        let tree = snapshot(&[
            ("dags/d.py", "from airflow.plugins_manager import AirflowPlugin"),
            ("plugins/operators/o.py", "from etl.dates import today\n"),
            ("plugins/sensors/s.sql", "AirflowPlugin"),
            ("shared/etl/dates.py", "def today(): pass\n"),
            (
                "shared/ui/views.py",
                "from airflow.plugins_manager import AirflowPlugin\nclass Base(AirflowPlugin): pass\n",
            ),
            (
                "shared/team/mine.py",
                "from ui.views import Base\nimport helpers.text\nclass Mine(Base):\n    name = 'x'\n",
            ),
            ("shared/helpers/text.py", "x = 1\n"),
        ]);
        let folders = PluginFolders::of(&tree, Layout::Content);
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(folders.loaded, set(&["team", "ui"]));
        assert_eq!(folders.ignored, set(&["etl", "helpers", "operators", "sensors"]));
        let resident: Vec<&str> = folders.resident.iter().map(HomePath::as_str).collect();
        assert_eq!(resident, ["plugins/helpers/text.py", "plugins/team/mine.py", "plugins/ui/views.py"]);
        let plan = plan(&BTreeMap::new(), &tree, Layout::Content).unwrap();
        let stale = |kept| folders.stale(&plan, kept).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(stale(true), ["plugins/helpers/text.py", "plugins/team/mine.py", "plugins/ui/views.py"]);
        assert_eq!(stale(false).len(), 5);
    }

    #[test]
    fn of_a_folder_only_what_a_loaded_module_imports_stays_in_memory() {
        let plugin = |imports: &str| format!("{imports}\nfrom airflow.plugins_manager import AirflowPlugin\n");
        let resident = |imports: &str| {
            let text = plugin(imports);
            let tree = snapshot(&[
                ("shared/ui/__init__.py", ""),
                ("shared/ui/deep/views.py", &text),
                ("shared/etl/__init__.py", ""),
                ("shared/etl/dates.py", "from .times import now\n"),
                ("shared/etl/times.py", "now = 1\n"),
                ("shared/etl/tables.py", "names = []\n"),
                ("plugins/operators/copy.py", "import etl.tables\n"),
            ]);
            let folders = PluginFolders::of(&tree, Layout::Content);
            let below =
                |path: &HomePath| path.below("plugins").filter(|rest| !rest.starts_with("ui/")).map(str::to_string);
            folders.resident.iter().filter_map(below).collect::<Vec<_>>().join(" ")
        };
        let times = "etl/__init__.py etl/dates.py etl/times.py";
        for (imports, expected) in [
            ("import json", ""),
            ("import etl", "etl/__init__.py"),
            ("import os, etl.tables as t", "etl/__init__.py etl/tables.py"),
            ("from etl import tables", "etl/__init__.py etl/tables.py"),
            ("from etl import (tables)", "etl/__init__.py etl/tables.py"),
            ("from etl.dates import today", times),
            ("from ...etl.dates import today", times),
            ("def f():\n    import etl.dates", times),
            ("from operators.copy import Copy", "etl/__init__.py etl/tables.py operators/copy.py"),
            // What a line does not tell.
            ("from etl import (\n    tables,\n)", "etl/__init__.py etl/dates.py etl/tables.py etl/times.py"),
            ("from etl import *", "etl/__init__.py etl/dates.py etl/tables.py etl/times.py"),
            ("if True: import etl.tables", "etl/__init__.py etl/dates.py etl/tables.py etl/times.py"),
            (
                "importlib.import_module(name)",
                "etl/__init__.py etl/dates.py etl/tables.py etl/times.py operators/copy.py",
            ),
        ] {
            assert_eq!(resident(imports), expected, "{imports}");
        }
    }
}
