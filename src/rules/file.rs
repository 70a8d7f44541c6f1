//! A rule file: metadata, documentation and tests of one rule, nothing of it written twice.

use super::{Level, progress_word};
use crate::diff::Kind;
use crate::facts::Progress;
use std::collections::BTreeSet;

/// One rule, as its file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The file's name: kebab-case, names the fault.
    pub id: String,
    /// The release that brought it.
    pub since: String,
    /// How settled it is.
    pub status: Status,
    /// What it is about.
    pub category: Category,
    /// Airflow versions that it applies to, as ranges in words.
    pub airflow: Vec<String>,
    /// The highest level that it gives.
    pub level: Level,
    /// The highest level for a run that ends as it would: its `note` key, `warn` where it has none.
    pub note: Level,
    /// Words of the changes that it looks at ([`Kind::word`]).
    pub on: BTreeSet<String>,
    /// How far a task instance must have come for the change to be real for it.
    pub exposure: BTreeSet<Progress>,
    /// Whether a queued instance makes it real, whatever else does.
    pub queued: bool,
    /// Whether it holds without any run: what would not import is refused in any case.
    pub always: bool,
    /// Rules that say less about the same change.
    pub supersedes: Vec<String>,
    /// What changed; `{dag_id}`, `{task_id}`, `{before}`, `{after}` are filled in.
    pub message: String,
    /// The safe way, in one sentence.
    pub remedy: String,
    /// Where it was seen to break.
    pub evidence: Vec<Evidence>,
    /// The page: everything behind the front matter.
    pub page: String,
}

/// How settled a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// May still change its mind.
    Preview,
    /// Settled.
    Stable,
    /// Will go.
    Deprecated,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words are those of the rule files and say it")]
pub enum Category {
    Identity,
    Mapping,
    Data,
    Code,
    Graph,
    Environment,
    Schedule,
    Reference,
    File,
    Skew,
    Policy,
}

/// A scenario that showed the break on real servers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its name.
    pub scenario: String,
    /// The versions that it was run on.
    pub airflow: Vec<String>,
}

/// What is wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFileError {
    /// There is no TOML between two `+++` lines at the top.
    #[error("no front matter between two `+++` lines")]
    NoFrontMatter,
    /// The front matter is not what a rule has.
    #[error("the front matter: {0}")]
    FrontMatter(String),
    /// A word of a closed list that is not on it.
    #[error("`{key}` has an unknown word: `{word}`")]
    Word {
        /// The key.
        key: &'static str,
        /// The word.
        word: String,
    },
    /// A heading is missing or out of order.
    #[error("the heading is missing or out of order: `{0}`")]
    Heading(&'static str),
}

/// The headings of every rule page, in order.
pub(super) const HEADINGS: [&str; 6] = [
    "What it checks",
    "What breaks in Airflow",
    "When it becomes safe",
    "The compatible way",
    "What it cannot see",
    "Examples",
];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    id: String,
    since: String,
    status: Status,
    category: Category,
    airflow: Vec<String>,
    level: Level,
    #[serde(default = "warn")]
    note: Level,
    on: Vec<String>,
    exposure: Vec<String>,
    #[serde(default)]
    supersedes: Vec<String>,
    message: String,
    remedy: String,
    evidence: Vec<Evidence>,
}

fn warn() -> Level {
    Level::Warn
}

/// Reads a rule file.
pub fn parse(text: &str) -> Result<Rule, RuleFileError> {
    let rest = text.strip_prefix("+++\n").ok_or(RuleFileError::NoFrontMatter)?;
    let (front, page) = rest.split_once("\n+++\n").ok_or(RuleFileError::NoFrontMatter)?;
    let front: FrontMatter =
        toml::from_str(front).map_err(|error| RuleFileError::FrontMatter(error.message().to_string()))?;
    for word in &front.on {
        if !super::accept::WORDS.contains(&word.as_str()) && !Kind::words().any(|known| known == word) {
            return Err(RuleFileError::Word { key: "on", word: word.clone() });
        }
    }
    let mut exposure = BTreeSet::new();
    let (mut queued, mut always) = (false, false);
    for word in &front.exposure {
        match (word.as_str(), progress_word(word)) {
            (_, Some(progress)) => {
                exposure.insert(progress);
            }
            ("queued", _) => queued = true,
            ("always", _) => always = true,
            _ => return Err(RuleFileError::Word { key: "exposure", word: word.clone() }),
        }
    }
    headings(page)?;
    Ok(Rule {
        id: front.id,
        since: front.since,
        status: front.status,
        category: front.category,
        airflow: front.airflow,
        level: front.level,
        note: front.note,
        on: front.on.into_iter().collect(),
        exposure,
        queued,
        always,
        supersedes: front.supersedes,
        message: front.message,
        remedy: front.remedy,
        evidence: front.evidence,
        page: page.trim().to_string(),
    })
}

fn headings(page: &str) -> Result<(), RuleFileError> {
    let mut found = page.lines().filter_map(|line| line.strip_prefix("## "));
    for heading in HEADINGS {
        if found.next() != Some(heading) {
            return Err(RuleFileError::Heading(heading));
        }
    }
    Ok(())
}

/// Whether a rule file may look at changes of that word: it does not where the line that says so does
/// not hold it.
pub(super) fn may_look_at(text: &str, word: &str) -> bool {
    let line = text.lines().find_map(|line| line.strip_prefix("on = [")?.strip_suffix(']'));
    line.is_none_or(|words| words.split('"').any(|held| held == word))
}
