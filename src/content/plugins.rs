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
    /// Folders whose modules are in the memory of long-running processes: those loaded, and those
    /// that they import.
    pub resident: BTreeSet<String>,
}

impl PluginFolders {
    /// Looks through all Python files that the tree would deliver below `plugins`.
    pub fn of(snapshot: &Snapshot, layout: Layout) -> Self {
        let mut folders = BTreeMap::<String, Vec<&str>>::new();
        for (path, file) in snapshot.files() {
            let Some(place) = layout.place(path) else { continue };
            let Some((folder, _)) = place.dest.below("plugins").and_then(|rest| rest.split_once('/')) else { continue };
            let texts = folders.entry(folder.to_string()).or_default();
            if path.as_str().ends_with(".py") {
                // What is not UTF-8 is a plugin for all that we can read of it.
                texts.push(std::str::from_utf8(&file.bytes).unwrap_or(PLUGIN));
            }
        }
        let loaded = loaded(&folders);
        let resident = imported(&folders, loaded.clone());
        let ignored = folders.into_keys().filter(|folder| !loaded.contains(folder)).collect();
        Self { ignored, loaded, resident }
    }

    /// The modules of a plan that processes which run already go on using as they were: those that
    /// the plugin loader has executed, all of them where it is not kept from it.
    pub fn stale(&self, plan: &Plan, kept: bool) -> Vec<HomePath> {
        let is_stale = |dest: &HomePath| {
            let folder = dest.below("plugins").and_then(|rest| rest.split_once('/')).map(|(folder, _)| folder);
            dest.as_str().ends_with(".py") && folder.is_some_and(|folder| !kept || self.resident.contains(folder))
        };
        plan.steps.iter().map(|step| &step.dest).filter(|dest| is_stale(dest)).cloned().collect()
    }
}

/// Folders with a plugin class: each round finds those that derive from a class of the last one.
fn loaded(folders: &BTreeMap<String, Vec<&str>>) -> BTreeSet<String> {
    let mut classes = BTreeSet::from([PLUGIN.to_string()]);
    let mut loaded: BTreeSet<String> = folders
        .iter()
        .filter(|(_, texts)| texts.iter().any(|text| text.contains(PLUGIN)))
        .map(|(f, _)| f.clone())
        .collect();
    for _ in 0..=folders.len() {
        let before = (loaded.len(), classes.len());
        for (folder, texts) in folders {
            for (name, bases) in texts.iter().flat_map(|text| text.lines()).filter_map(class) {
                if words(bases).any(|word| classes.contains(word)) {
                    loaded.insert(folder.clone());
                    classes.insert(name.to_string());
                }
            }
        }
        if before == (loaded.len(), classes.len()) {
            break;
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

/// Those folders and all that they import, through any number of others.
fn imported(folders: &BTreeMap<String, Vec<&str>>, mut found: BTreeSet<String>) -> BTreeSet<String> {
    let mut open: Vec<String> = found.iter().cloned().collect();
    while let Some(folder) = open.pop() {
        let lines = folders.get(&folder).into_iter().flatten().flat_map(|text| text.lines());
        for line in lines.map(str::trim_start).filter(|line| line.starts_with("import ") || line.starts_with("from ")) {
            for word in words(line) {
                if folders.contains_key(word) && found.insert(word.to_string()) {
                    open.push(word.to_string());
                }
            }
        }
    }
    found
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
        assert_eq!(folders.resident, set(&["helpers", "team", "ui"]));
        let plan = plan(&BTreeMap::new(), &tree, Layout::Content).unwrap();
        let stale = |kept| folders.stale(&plan, kept).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(stale(true), ["plugins/helpers/text.py", "plugins/team/mine.py", "plugins/ui/views.py"]);
        assert_eq!(stale(false).len(), 5);
    }
}
