//! How a task decides which of what comes after it runs.

use super::known;
use super::world::Run;
use crate::python::value::{Object, Ref, Value};
use serde::{Deserialize, Serialize};

/// The ways that Airflow's own operators have to skip what comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// It names those that go on (`BranchPythonOperator`, `@task.branch`, whatever has a `choose_branch`).
    Branch,
    /// All go on in the newest run, and none in an older one (`LatestOnlyOperator`).
    LatestOnly,
    /// All go on, or none (`ShortCircuitOperator`, `@task.short_circuit`).
    ShortCircuit,
}

impl Choice {
    /// That of an operator of which no more is known than its name, by Airflow's own names for such operators.
    pub fn named(operator: &str) -> Option<Self> {
        let kinds = [("ShortCircuit", Self::ShortCircuit), ("LatestOnly", Self::LatestOnly), ("Branch", Self::Branch)];
        kinds.into_iter().find(|(word, _)| operator.contains(word)).map(|(_, kind)| kind)
    }

    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Branch => "a branch",
            Self::LatestOnly => "for the newest run only",
            Self::ShortCircuit => "a short circuit",
        }
    }

    /// Whether the run keeps the ids of those that go on: what was not directly behind the task when it chose is then
    /// skipped. A short circuit keeps those that do not.
    pub fn keeps_what_goes_on(self) -> bool {
        matches!(self, Self::Branch | Self::LatestOnly)
    }

    /// That of a class of the tree: by what it derives from, and by its own name only where that is not known.
    pub(super) fn of_class(run: &Run, class: Ref) -> Option<Self> {
        let Object::Class(object) = run.object(class) else { return None };
        let bases = run.outside_bases(class);
        let by_base = bases.iter().find_map(|path| Self::named(known::class_name(path)));
        let by_method =
            || matches!(run.find_in_class(class, "choose_branch", None), Some((Ok(_), _))).then_some(Self::Branch);
        let is_known = |path: &str| path.starts_with("builtins.") || known::class(path).is_some();
        let is_open =
            |entry: &Value| entry.outside_path().map_or(!matches!(entry, Value::Object(_)), |path| !is_known(path));
        let by_name = || object.order.iter().any(is_open).then(|| Self::named(&object.name)).flatten();
        by_base.or_else(by_method).or_else(by_name)
    }
}
