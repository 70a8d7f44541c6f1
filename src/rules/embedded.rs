//! The rule files that the program carries. One list makes the registry and the tests.

use super::file::{Rule, RuleFileError, may_look_at, parse};
use std::borrow::Cow;
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
    "acceptance-not-needed",
    "asset-outlet-gone",
    "backfill-storm",
    "baseline-older-than-deployed",
    "branch-target-missing",
    "call-signature-changed",
    "callback-fails",
    "callback-removed",
    "class-or-symbol-removed",
    "code-body-changed",
    "config-refused",
    "connection-missing",
    "dag-file-moved",
    "dag-id-removed",
    "dag-id-renamed",
    "dag-id-unstable",
    "dag-not-analysable",
    "dag-param-renamed",
    "dag-param-unfit",
    "dag-params-tightened",
    "dagrun-timeout-lowered",
    "deferrable-resume-method-missing",
    "deferrable-resume-signature-changed",
    "depends-on-past-enabled",
    "direct-upstream-changed",
    "duplicate-dag-id",
    "dynamic-start-date",
    "edge-removed",
    "end-date-moved",
    "execution-timeout-lowered",
    "expired-acceptance",
    "external-task-schedule-skew",
    "external-task-target-missing",
    "incomplete-live-data",
    "limit-of-zero",
    "map-count-changed",
    "map-kwargs-changed",
    "map-order-changed",
    "map-partial-changed",
    "map-source-changed",
    "map-transform-changed",
    "mapped-to-unmapped",
    "max-active-runs-lowered",
    "mid-sync-break",
    "module-became-package",
    "module-name-collision",
    "new-dag-unpaused",
    "pinned-run-plugin-skew",
    "pool-missing",
    "pool-too-small",
    "queue-pool-changed",
    "retries-lowered",
    "schedule-changed",
    "schedule-implicit",
    "self-disarm",
    "sensor-timeout-lowered",
    "setup-teardown-changed",
    "stored-xcom-unfit",
    "suppression-without-reason",
    "syntax-error",
    "task-added",
    "task-disconnected",
    "task-group-id-changed",
    "task-id-removed",
    "task-id-renamed",
    "task-id-restored",
    "task-id-unstable",
    "task-ids-swapped",
    "task-inserted-upstream",
    "task-operator-changed",
    "taskflow-auto-id-shifted",
    "template-fails",
    "template-field-removed",
    "trigger-args-changed",
    "trigger-dagrun-target-missing",
    "trigger-needs-restart",
    "trigger-not-loaded",
    "trigger-path-changed",
    "trigger-rule-changed",
    "unknown-rule",
    "unmapped-to-mapped",
    "unused-suppression",
    "upstream-added-to-started",
    "variable-missing",
    "xcom-key-changed",
    "xcom-keys-changed",
    "xcom-layout-changed",
    "xcom-pair-changed",
    "xcom-producer-missing",
    "xcom-producer-not-before",
    "xcom-producer-renamed",
    "xcom-push-disabled",
    "xcom-type-changed",
];

/// All rules that a policy judges by: those of the program, and those that an operator has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    rules: BTreeMap<Cow<'static, str>, Lazy>,
}

/// A rule that is parsed when somebody asks for it: most changes are looked at by a few.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lazy {
    text: Cow<'static, str>,
    rule: OnceLock<Option<Rule>>,
}

impl Lazy {
    /// None for a file of the program that does not parse, which the test that reads every file finds.
    fn rule(&self) -> Option<&Rule> {
        self.rule.get_or_init(|| parse(&self.text).ok()).as_ref()
    }
}

impl Registry {
    /// By id.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().filter_map(Lazy::rule)
    }

    /// The rule of that id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)?.rule()
    }

    /// The id that was probably meant.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        let all: Vec<&str> = self.rules.keys().map(AsRef::as_ref).collect();
        similar::get_close_matches(id, &all, 1, 0.7).first().copied()
    }

    /// These rules and those of an operator's files, each a name and a text. Every file must be read:
    /// a rule that is left out would be taken for one that finds nothing.
    pub fn and(&self, files: &[(String, String)]) -> Result<Self, RegistryError> {
        let mut rules = self.rules.clone();
        for (file, text) in files {
            let fault = |why: RegistryFault| RegistryError { file: file.clone(), why };
            let rule = parse(text).map_err(|error| fault(RegistryFault::Unreadable(error)))?;
            if file.strip_suffix(".md") != Some(rule.id.as_str()) {
                return Err(fault(RegistryFault::Name(rule.id)));
            }
            if rules.contains_key(rule.id.as_str()) {
                return Err(fault(RegistryFault::Taken(rule.id)));
            }
            rules.insert(rule.id.clone().into(), Lazy { text: text.clone().into(), rule: Some(rule).into() });
        }
        for (file, text) in files {
            let superseded = parse(text).map(|rule| rule.supersedes).unwrap_or_default();
            if let Some(id) = superseded.into_iter().find(|id| !rules.contains_key(id.as_str())) {
                let near = Self { rules }.nearest(&id).map(str::to_string);
                return Err(RegistryError { file: file.clone(), why: RegistryFault::Supersedes(id, near) });
            }
        }
        Ok(Self { rules })
    }

    /// The rules that look at a kind of change.
    pub fn on<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Rule> {
        let near = move |rule: &Lazy| rule.rule.get().is_some() || may_look_at(&rule.text, word);
        self.rules
            .values()
            .filter(move |rule| near(rule))
            .filter_map(Lazy::rule)
            .filter(move |rule| rule.on.contains(word))
    }
}

/// Why an operator's rule file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: `{file}`")]
pub struct RegistryError {
    /// The file's name.
    pub file: String,
    /// What is wrong with it.
    pub why: RegistryFault,
}

/// What is wrong with an operator's rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFault {
    /// It is no rule file.
    #[error("the rule file cannot be read, {0}")]
    Unreadable(RuleFileError),
    /// The file is not named after the rule.
    #[error("a rule file is named after its id, `{0}.md`")]
    Name(String),
    /// The program has a rule of that id.
    #[error("there is a rule of that id already, `{0}`")]
    Taken(String),
    /// It supersedes a rule that is not there.
    #[error("`supersedes` names no rule, `{0}`{hint}", hint = .1.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Supersedes(String, Option<String>),
}

/// The whole text of a rule file of the program.
pub fn source(id: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}

/// The rules of the program. A file that does not parse is no rule here and fails the test that reads
/// every file, so that no release has one.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    let lazy = |(id, text): &(&'static str, &'static str)| {
        (Cow::Borrowed(*id), Lazy { text: Cow::Borrowed(*text), rule: OnceLock::new() })
    };
    REGISTRY.get_or_init(|| Registry { rules: FILES.iter().map(lazy).collect() })
}
