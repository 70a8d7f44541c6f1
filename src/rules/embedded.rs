//! The rule files that the program carries. One list makes the registry and the tests.

use super::file::{Rule, by_id, parse};
use std::collections::BTreeMap;
use std::sync::OnceLock;

macro_rules! rule_files {
    ($($id:literal),+ $(,)?) => {
        /// Name and text of every embedded rule file.
        pub(super) const FILES: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("../../rules/", $id, ".md")))),+];
    };
}

rule_files![
    "dag-file-moved",
    "dag-id-removed",
    "dag-id-renamed",
    "dag-not-analysable",
    "map-count-changed",
    "map-order-changed",
    "syntax-error",
    "task-group-id-changed",
    "task-id-removed",
    "task-id-renamed",
    "xcom-type-changed",
];

/// All rules of this program.
#[derive(Debug)]
pub struct Registry {
    rules: BTreeMap<String, Rule>,
}

impl Registry {
    /// By id.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// The rule of that id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// The rules that look at a kind of change.
    pub fn on<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.values().filter(move |rule| rule.on.contains(word))
    }
}

/// The rules, parsed once. A file that does not parse is left out here and fails the test that
/// reads every file, so that no release has one.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry { rules: by_id(FILES.iter().filter_map(|(_, text)| parse(text).ok()).collect()) })
}
