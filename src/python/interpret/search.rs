//! `sys.path`: a list like any other, whose entries below the home folder lead to files of the
//! tree.

use super::{Host, Interp};
use crate::content::Span;
use crate::python::standard::path::PathText;
use crate::python::tree::Located;
use crate::python::value::{At, ModuleKey, Object, Unknown, Value};
use std::rc::Rc;
use std::sync::Arc;

/// Why an entry of `sys.path` is no folder of the tree.
const OWN: &str = "a folder that Python itself looks into";
/// The script's folder, the library (three of them) and what is installed.
const OWN_FOLDERS: usize = 5;
/// Why a folder above the home folder has no text.
const ABOVE: &str = "where the home folder lies";
/// What Airflow adds behind them.
const AIRFLOW_FOLDERS: [&str; 3] = ["dags", "config", "plugins"];

thread_local! {
    /// `sys.path` as Airflow leaves it to a DAG file.
    static FIRST: Vec<Value> = {
        let at = At::new(0, Span::FILE);
        let own = (0..OWN_FOLDERS).map(|number| {
            let mut unknown = Unknown::new(OWN, at, format!("sys.path of Python {number}"));
            // None of the tree's folders is one of these.
            unknown.affix = Some(("/".into(), format!("/<folder {number} of Python>").into()));
            unknown.value()
        });
        let added = AIRFLOW_FOLDERS.iter().map(|name| super::library::path::home_text(&format!("/{name}"), at));
        own.chain(added).collect()
    };
}

/// An entry of `sys.path` that the tree added.
#[derive(Debug)]
enum Entry {
    /// A folder below the home folder.
    Folder(String),
    /// Another folder, by its text, and those of the tree that it may be.
    Stranger(String, Vec<String>),
}

impl Entry {
    fn folder(&self) -> Option<&String> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Stranger(..) => None,
        }
    }
}

/// What was added to `sys.path`.
#[derive(Debug, Default)]
struct Added {
    /// Looked into before anything else.
    front: Vec<Entry>,
    /// Folders that are looked into after all others.
    back: Vec<String>,
    /// Whether they are there only under a condition that is not known.
    unsure: bool,
}

impl<H: Host> Interp<'_, H> {
    /// `sys.path` as Airflow leaves it to a DAG file.
    pub(super) fn first_search_path(&mut self) -> Value {
        let all = FIRST.with(Clone::clone);
        self.new_list(all)
    }

    /// Whether `sys.path` certainly is as Airflow left it: nearly always, and asked by every import.
    fn is_first_search_path(&self) -> bool {
        let same = |one: &Value, other: &Value| match (one, other) {
            (Value::Unknown(one), Value::Unknown(other)) => Rc::ptr_eq(one, other),
            _ => false,
        };
        let items = self.search_path.as_ref().and_then(|path| self.items(path)).unwrap_or_default();
        FIRST.with(|first| items.len() == first.len() && items.iter().zip(first).all(|(item, first)| same(item, first)))
    }

    /// What was added to `sys.path`; none if nothing was that matters to the tree's modules.
    fn added_folders(&self) -> Option<Added> {
        if self.is_first_search_path() {
            return None;
        }
        let mut added = Added::default();
        match self.search_path.as_ref()? {
            Value::Object(object) => {
                let Object::List(list) = self.object(*object) else { return None };
                added.unsure = self.hazy(*object).is_some();
                self.sort_entries(&list.items, &mut added);
            }
            value => added.front.extend(self.stranger(value)),
        }
        (!added.front.is_empty() || !added.back.is_empty()).then_some(added)
    }

    fn sort_entries(&self, items: &[Value], added: &mut Added) {
        let mut behind = false;
        for item in items {
            match item {
                Value::Unknown(unknown) if &*unknown.reason == OWN => {
                    // `insert(1, …)` puts it behind the script's folder, which holds no modules.
                    behind |= !unknown.text.ends_with('0');
                    continue;
                }
                // Python passes over entries that are no texts.
                Value::Str(_) | Value::Unknown(_) | Value::OneOf(_) => {}
                _ => continue,
            }
            let path = self.path_of(item);
            // As Airflow writes them, where they usually stand: asked of every import.
            let is_usual = |path: &PathText| {
                path.home() && path.text().strip_prefix('/').is_some_and(|name| AIRFLOW_FOLDERS.contains(&name))
            };
            if behind && path.as_ref().is_some_and(is_usual) {
                continue;
            }
            match path.and_then(|path| path.in_tree()) {
                Some(folder) if !behind => added.front.push(Entry::Folder(folder)),
                Some(folder) if !AIRFLOW_FOLDERS.contains(&folder.as_str()) => added.back.push(folder),
                None if !behind => added.front.extend(self.stranger(item)),
                _ => {}
            }
        }
    }

    /// An entry of `sys.path` that is not known to lie below the home folder; none if it certainly
    /// holds no module of the name of one in the tree, or is taken not to.
    ///
    /// The rule, for a folder that is looked into before the tree's:
    ///
    /// - A path below a home folder by its usual name (`/opt/airflow/…`), or with `dags` or
    ///   `plugins` in it, and a path from the folder that the worker was started in, are that
    ///   folder of the tree, or nothing that the tree knows of: what the tree does not hold is
    ///   not there, as for a path that is made of `__file__`. A folder *above* the home folder,
    ///   and one of installed packages, holds none of the tree's names either.
    /// - Any other path (`/opt/libs`, a variable of the environment or of Airflow, one of several)
    ///   may hold a module of any name.
    ///
    /// All three releases (2.6.2, 2.11.2, 3.3.2) leave `sys.path` as a DAG file changed it, and a
    /// folder that is put in front of theirs wins there.
    fn stranger(&self, value: &Value) -> Option<Entry> {
        let shown = || value.as_str().map_or_else(|| self.text(value), ToString::to_string);
        let text = match value {
            Value::Str(text) => text.text.to_string(),
            Value::OneOf(values) => {
                let all: Vec<Option<Entry>> = values.iter().map(|value| self.stranger_or_folder(value)).collect();
                let mut folders = Vec::new();
                for entry in all.into_iter().flatten() {
                    match entry {
                        Entry::Folder(folder) => folders.push(folder),
                        Entry::Stranger(_, some) if !some.is_empty() => folders.extend(some),
                        entry @ Entry::Stranger(..) => return Some(entry),
                    }
                }
                return (!folders.is_empty()).then(|| Entry::Stranger(shown(), folders));
            }
            Value::Unknown(unknown) => {
                // Above the home folder, or of it alone.
                if &*unknown.reason == ABOVE || unknown.home {
                    return None;
                }
                let end = unknown.affix.as_ref().and_then(|(_, end)| end.find('/').map(|slash| &end[slash..]));
                match end.filter(|end| below_airflow(end).is_some()) {
                    Some(end) => end.to_owned(),
                    None if is_around_home(&unknown.text) => return None,
                    None => return Some(Entry::Stranger(shown(), Vec::new())),
                }
            }
            _ => return Some(Entry::Stranger(shown(), Vec::new())),
        };
        match below_airflow(&text) {
            Some(parts) => {
                let folders: Vec<String> =
                    parts.into_iter().filter(|folder| self.tree.listing(folder).is_some()).collect();
                (!folders.is_empty()).then(|| Entry::Stranger(shown(), folders))
            }
            None => Some(Entry::Stranger(shown(), Vec::new())),
        }
    }

    fn stranger_or_folder(&self, value: &Value) -> Option<Entry> {
        match self.path_of(value).and_then(|path| path.in_tree()) {
            Some(folder) => Some(Entry::Folder(folder)),
            None => self.stranger(value),
        }
    }

    /// Looks a dotted name up as Python would, here and now.
    pub(super) fn locate(&self, dotted: &str) -> Located {
        let from = self.frames.last().map_or(0, |frame| frame.file);
        match self.added_folders() {
            None => self.tree.locate(dotted, from),
            Some(added) => self.tree.locate_in(dotted, &self.all_folders(&added, from)),
        }
    }

    fn all_folders(&self, added: &Added, from: usize) -> Arc<[String]> {
        let usual = self.tree.import_folders(from);
        added.front.iter().filter_map(Entry::folder).chain(usual).chain(&added.back).cloned().collect()
    }

    /// Why a module that is found in the tree may be another one all the same: the folder it is
    /// found in is on `sys.path` under a condition, another folder comes before it, or Python may
    /// have loaded another one of that name before.
    pub(super) fn found_by_chance(&self, dotted: &str, at: At) -> Option<Value> {
        let added = self.added_folders()?;
        let from = self.frames.last().map_or(0, |frame| frame.file);
        let top = dotted.split('.').next().unwrap_or(dotted);
        let reason = if super::import::is_preferred(top) {
            let front: Arc<[String]> = added.front.iter().filter_map(Entry::folder).cloned().collect();
            if !matches!(self.tree.locate_in(top, &front), Located::File(_)) {
                return None;
            }
            format!("`{top}` lies in a folder of `sys.path`, and may have been imported from another before")
        } else if added.unsure && self.tree.locate(top, from) != self.locate(top) {
            format!("`{top}` lies in a folder that is on `sys.path` under a condition that is not known")
        } else {
            let folder = self.shadowing(&added, top)?;
            let folder: String = folder.chars().take(80).collect();
            format!("`{top}` may be found in `{folder}`, which comes first on `sys.path`")
        };
        Some(Unknown::new(reason, at, dotted).value())
    }

    /// A folder in front of the one in which the tree has a module that may have another of that name.
    fn shadowing<'a>(&self, added: &'a Added, top: &str) -> Option<&'a str> {
        if added.front.iter().all(|entry| entry.folder().is_some()) {
            return None;
        }
        let found = self.locate(top);
        let loaded = match found {
            Located::File(file) => self.modules.contains_key(&ModuleKey::File(file)),
            Located::Namespace => self.modules.contains_key(&ModuleKey::Namespace(top.into())),
            _ => return None,
        };
        // What has been imported is not looked for again.
        if loaded {
            return None;
        }
        let held = |folder: &String| self.tree.locate_in(top, &[folder.clone()].into());
        for entry in &added.front {
            match entry {
                Entry::Folder(folder) if held(folder) == found => return None,
                Entry::Folder(_) => {}
                Entry::Stranger(text, folders) => {
                    let same = |folder| matches!(held(folder), Located::Outside) || held(folder) == found;
                    if folders.is_empty() || !folders.iter().all(same) {
                        return Some(text);
                    }
                }
            }
        }
        None
    }

    /// The dotted name under which a file was imported first.
    pub(super) fn module_name(&self, file: usize) -> String {
        self.imported_as.get(&file).cloned().unwrap_or_else(|| self.tree.module_name(file))
    }
}

/// The folders below the home folder that a path may be, by its text: what follows the home
/// folder's usual names, and what begins with a folder that Airflow itself looks into. None if the
/// path says nothing of that kind.
fn below_airflow(text: &str) -> Option<Vec<String>> {
    /// Where the images of Airflow, of Astronomer, of Composer and a plain installation have it.
    const HOMES: [&[&str]; 4] =
        [&["opt", "airflow"], &["usr", "local", "airflow"], &["home", "airflow", "gcs"], &["root", "airflow"]];
    /// What is installed holds no module of the tree.
    const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let mut folders = Vec::new();
    let home = HOMES.iter().find(|home| text.starts_with('/') && parts.starts_with(home));
    let first = home.map_or(usize::from(text.starts_with('/')) * parts.len(), |home| home.len());
    if home.is_some() || !text.starts_with('/') {
        folders.push(parts[first..].join("/"));
    }
    for (index, part) in parts.iter().enumerate() {
        if AIRFLOW_FOLDERS.contains(part) {
            folders.push(parts[index..].join("/"));
        }
    }
    let known = !folders.is_empty() || parts.iter().any(|part| INSTALLED.contains(part));
    known.then(|| folders.into_iter().filter(|folder| !folder.is_empty()).collect())
}

/// Whether a path is made of the folder that the process was started in, commonly the home folder,
/// or of one above that.
fn is_around_home(text: &str) -> bool {
    const PARTS: [&str; 5] = [
        "os.getcwd(",
        "Path.cwd(",
        "os.path.abspath(\".",
        "dirname($AIRFLOW_HOME, )",
        "Path(PathText { home: true, text: \"\" }).parent",
    ];
    PARTS.iter().any(|part| text.contains(part))
}
