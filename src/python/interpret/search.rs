//! `sys.path`: a list like any other, whose entries below the home folder lead to files of the
//! tree.

use super::{Host, Interp};
use crate::content::Span;
use crate::python::tree::Located;
use crate::python::value::{At, Object, Unknown, Value};
use std::sync::Arc;

/// Why an entry of `sys.path` is no folder of the tree.
const OWN: &str = "a folder that Python itself looks into";
/// The script's folder, the library (three of them) and what is installed.
const OWN_FOLDERS: usize = 5;
/// What Airflow adds behind them.
const AIRFLOW_FOLDERS: [&str; 3] = ["dags", "config", "plugins"];

/// Folders that were added to `sys.path`, below the home folder.
#[derive(Debug, Default)]
struct Added {
    /// Looked into before anything else.
    front: Vec<String>,
    /// Looked into after all others.
    back: Vec<String>,
    /// Whether they are there only under a condition that is not known.
    unsure: bool,
}

impl<H: Host> Interp<'_, H> {
    /// `sys.path` as Airflow leaves it to a DAG file.
    pub(super) fn first_search_path(&mut self) -> Value {
        let at = At { file: 0, span: Span::FILE };
        let own = (0..OWN_FOLDERS).map(|number| {
            let mut unknown = Unknown::new(OWN, at, format!("sys.path of Python {number}"));
            // None of the tree's folders is one of these.
            unknown.affix = Some(("/".into(), format!("/<folder {number} of Python>").into()));
            unknown.value()
        });
        let added = AIRFLOW_FOLDERS.iter().map(|name| super::library::path::home_text(&format!("/{name}"), at));
        let all = own.chain(added).collect();
        self.new_list(all)
    }

    /// What was added to `sys.path`; none if nothing was that lies in the tree.
    fn added_folders(&self) -> Option<Added> {
        let Some(Value::Object(object)) = &self.search_path else { return None };
        let Object::List(list) = self.object(*object) else { return None };
        let mut added = Added { unsure: self.hazy(*object).is_some(), ..Added::default() };
        let mut behind = false;
        for item in &list.items {
            match item {
                Value::Unknown(unknown) if &*unknown.reason == OWN => {
                    // `insert(1, …)` puts it behind the script's folder, which holds no modules.
                    behind |= !unknown.text.ends_with('0');
                    continue;
                }
                // Python passes over entries that are no texts.
                Value::Str(_) | Value::Unknown(_) => {}
                _ => continue,
            }
            let Some(folder) = self.path_of(item).and_then(|path| path.in_tree()) else { continue };
            if !behind {
                added.front.push(folder);
            } else if !AIRFLOW_FOLDERS.contains(&folder.as_str()) {
                added.back.push(folder);
            }
        }
        (!added.front.is_empty() || !added.back.is_empty()).then_some(added)
    }

    /// Looks a dotted name up as Python would, here and now.
    pub(super) fn locate(&self, dotted: &str) -> Located {
        let from = self.frames.last().map_or(0, |frame| frame.file);
        match self.added_folders() {
            None => self.tree.locate(dotted, from),
            Some(added) => self.tree.locate_in(dotted, &self.all_folders(added, from)),
        }
    }

    fn all_folders(&self, added: Added, from: usize) -> Arc<[String]> {
        let usual = self.tree.import_folders(from);
        added.front.into_iter().chain(usual.iter().cloned()).chain(added.back).collect()
    }

    /// Why a module that is found in the tree may be another one all the same: the folder it is
    /// found in is on `sys.path` under a condition, or Python may have loaded another one of that
    /// name before.
    pub(super) fn found_by_chance(&self, dotted: &str, at: At) -> Option<Value> {
        let added = self.added_folders()?;
        let from = self.frames.last().map_or(0, |frame| frame.file);
        let top = dotted.split('.').next().unwrap_or(dotted);
        let reason = if super::import::is_preferred(top) {
            let front: Arc<[String]> = added.front.into();
            if !matches!(self.tree.locate_in(top, &front), Located::File(_)) {
                return None;
            }
            format!("`{top}` lies in a folder of `sys.path`, and may have been imported from another before")
        } else {
            if !added.unsure || self.tree.locate(top, from) == self.locate(top) {
                return None;
            }
            format!("`{top}` lies in a folder that is on `sys.path` under a condition that is not known")
        };
        Some(Unknown::new(reason, at, dotted).value())
    }

    /// The dotted name under which a file was imported first.
    pub(super) fn module_name(&self, file: usize) -> String {
        self.imported_as.get(&file).cloned().unwrap_or_else(|| self.tree.module_name(file))
    }
}
