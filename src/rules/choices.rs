//! What a configuration says of rules: levels, locks and acceptances. Read and validated by
//! `config`; here is what it means.
//!
//! Invariants: the tree that is proposed never makes its own check weaker. A level that it lowers
//! counts when the deployed tree lowers it too; a lock is read from the deployed tree alone.

use super::{Acceptance, Level};
use crate::content::Location;
use std::collections::BTreeSet;

/// Rules that no tree may lower or accept for itself where nothing says otherwise.
pub const LOCKED: [&str; 3] = ["dag-id-removed", "self-disarm", "syntax-error"];

/// What one configuration says of rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// Levels of rules, everywhere or in some places.
    pub levels: Vec<LevelChoice>,
    /// `policy.lock`: rules that only the operator may lower or accept.
    pub lock: Option<BTreeSet<String>>,
    /// `[[accept]]`.
    pub accept: Vec<Acceptance>,
    /// What it says that is not taken, and why.
    pub refused: Vec<Refused>,
    /// Where it begins, if it is a file of the tree.
    pub at: Option<Location>,
}

/// The level of a rule, everywhere or in some places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelChoice {
    /// The rule.
    pub rule: String,
    /// Where this counts.
    pub scope: Scope,
    /// The highest level that it gives there; none: it is off.
    pub level: Option<Level>,
    /// Where it is written, if in a file of the tree.
    pub at: Option<Location>,
}

/// Where the level of a rule counts; the narrower wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere.
    All,
    /// For findings in files whose path fits the pattern: `*` within a folder, `**` across.
    Path(String),
    /// For findings about DAGs whose id fits the pattern.
    Dag(String),
}

/// A part of a configuration that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The key, or what stands for it.
    pub what: String,
    /// Why, lower case, without a full stop.
    pub why: String,
    /// Where it is written.
    pub at: Option<Location>,
}

impl Choices {
    /// The rules that the tree locks, or those that are locked where it says nothing.
    pub(super) fn locked(&self) -> BTreeSet<String> {
        self.lock.clone().unwrap_or_else(|| LOCKED.iter().map(ToString::to_string).collect())
    }

    /// What is said of a rule in a place: the narrowest that fits, and of those the last.
    pub(super) fn level(&self, rule: &str, path: Option<&str>, dag_id: Option<&str>) -> Option<&LevelChoice> {
        let fits = |choice: &&LevelChoice| {
            choice.rule == rule
                && match &choice.scope {
                    Scope::All => true,
                    Scope::Path(pattern) => path.is_some_and(|path| fits(pattern, path)),
                    Scope::Dag(pattern) => dag_id.is_some_and(|dag_id| fits(pattern, dag_id)),
                }
        };
        let narrow = |choice: &&LevelChoice| match choice.scope {
            Scope::All => 0,
            Scope::Path(_) => 1,
            Scope::Dag(_) => 2,
        };
        self.levels.iter().filter(fits).max_by_key(narrow)
    }
}

/// Whether a text fits a pattern: `*` is any text without `/`, `**` any text, `?` any character.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Row by row, as for any such language: which beginnings of the text the pattern so far fits.
    let mut open = vec![false; text.len() + 1];
    open[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let many = pattern[at] == '*';
        let deep = many && pattern.get(at + 1) == Some(&'*');
        let mut next = vec![false; text.len() + 1];
        for end in 0..=text.len() {
            let before = end.checked_sub(1);
            next[end] = if many {
                open[end] || before.is_some_and(|before| next[before] && (deep || text[before] != '/'))
            } else {
                before.is_some_and(|before| open[before] && (pattern[at] == '?' || pattern[at] == text[before]))
            };
        }
        at += if deep { 2 } else { 1 };
        // `**/x` is also `x` itself.
        if deep && pattern.get(at) == Some(&'/') {
            let slash: Vec<bool> =
                (0..=text.len()).map(|end| end > 0 && next[end - 1] && text[end - 1] == '/').collect();
            next = (0..=text.len()).map(|end| open[end] || slash[end]).collect();
            at += 1;
        }
        open = next;
    }
    open[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder_and_two_do_not() {
        let yes =
            [("dags/*.py", "dags/a.py"), ("dags/**", "dags/x/a.py"), ("**/a.py", "a.py"), ("**/a.py", "x/y/a.py")];
        let no = [("dags/*.py", "dags/x/a.py"), ("dags/**", "shared/a.py"), ("**/a.py", "x/ba.py"), ("etl", "etl_2")];
        for (pattern, text) in yes {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in no {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        assert!(fits("etl_?", "etl_2") && fits("*", "") && fits("a*b*c", "aXbYbZc") && !fits("", "a"));
    }

    #[test]
    fn the_narrowest_that_fits_counts_and_of_those_the_last() {
        let choice = |scope, level| LevelChoice { rule: "task-added".into(), scope, level, at: None };
        let choices = Choices {
            levels: vec![
                choice(Scope::Dag("etl_*".into()), Some(Level::Block)),
                choice(Scope::Path("dags/**".into()), None),
                choice(Scope::All, Some(Level::Info)),
                choice(Scope::All, Some(Level::Warn)),
            ],
            ..Choices::default()
        };
        let level = |path, dag_id| choices.level("task-added", path, dag_id).map(|choice| choice.level);
        assert_eq!(level(Some("dags/a.py"), Some("etl_1")), Some(Some(Level::Block)));
        assert_eq!(level(Some("dags/a.py"), Some("other")), Some(None));
        assert_eq!(level(Some("shared/a.py"), None), Some(Some(Level::Warn)));
        assert_eq!(choices.level("task-removed", None, None), None);
    }
}
