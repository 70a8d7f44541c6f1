//! Changes and runs in, findings out: the embedded rule files select, weigh and word them.
//!
//! Invariants: a rule never walks syntax and never compares models itself. Every finding has a
//! file and a line. A level is `certainty × exposure`, the same table for all rules; a rule file
//! can only say how far its level may go and which instances make it real.

mod accept;
mod choices;
mod embedded;
mod exposure;
mod file;

pub use accept::{Acceptance, Accepted, Carrier, Subject, of_config, trailers};
pub(crate) use accept::{Sides, settle};
pub use choices::{Choices, LOCKED, LevelChoice, Refused, Scope};
pub use embedded::{Registry, RegistryError, RegistryFault, registry, source};
pub use file::{Category, Evidence, Rule, RuleFileError, Status, parse};

use crate::content::{Layout, Location};
use crate::dag::{Id, Model};
use crate::diff::{Certainty, Change, Kind, Skew};
use crate::facts::{Facts, Progress, TaskState};
use crate::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use crate::replay::{self, Effect, Harm, Outcome};
use crate::switch;
use exposure::Exposure;
use sha1::{Digest, Sha1};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; holds nothing.
    Info,
    /// The text does not hold enough to decide, or something soft is lost.
    Warn,
    /// Definite: the change must wait.
    Block,
}

impl Level {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// On what a finding rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The text proves the change and the runs were seen.
    Certain,
    /// The text does not prove the change.
    Possible,
    /// The runs were not seen; every state of a run is assumed.
    Assumed,
}

impl Basis {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Possible => "possible",
            Self::Assumed => "assumed",
        }
    }
}

/// What to do where runs cannot be seen although an Airflow is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnreachable {
    /// Anything with a finding waits (the sidecar).
    Block,
    /// The findings are shown, marked assumed (hook and CI).
    Static,
    /// Nothing is decided.
    Fail,
}

/// What it means that no Airflow is configured: a choice, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutAirflow {
    /// Report what would be unsafe if runs existed (`check`, hook).
    Assume,
    /// Deliver as if nothing were in flight (`sync`).
    Idle,
}

/// How findings are weighed; validated by `config`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How the trees are laid out.
    pub layout: Layout,
    /// The Airflow whose modules the DAGs can import; none: those of any supported version.
    pub airflow: Option<AirflowVersion>,
    /// What to do about instances that give no answer.
    pub on_unreachable: OnUnreachable,
    /// What it means that there is no instance.
    pub without_airflow: WithoutAirflow,
    /// Whether what the text does not prove blocks too, when it hits a run in flight.
    pub strict: bool,
    /// The 3.x of the Python that runs the DAGs; none: whatever some release compiles is taken.
    pub target_python: Option<u32>,
    /// Whether a fault of the moment between two steps of a delivery blocks.
    pub skew_blocks: bool,
    /// Rules that are looked at; all, if empty.
    pub select: BTreeSet<String>,
    /// Rules that are not looked at.
    pub ignore: BTreeSet<String>,
    /// The rules, where the operator has some of its own; else those of the program.
    pub rules: Option<Arc<Registry>>,
    /// What the operator's configuration says of rules.
    pub operator: Choices,
    /// What that of the deployed tree says.
    pub deployed: Choices,
    /// What that of the proposed tree says.
    pub proposed: Choices,
    /// Acceptances in the messages of the commits from the one to the other.
    pub trailers: Vec<Acceptance>,
    /// Runs for the past that a change may have created at once.
    pub most_past_runs: usize,
    /// Whether Variables and connections may come from where the API does not show them.
    pub secrets_backend: bool,
    /// When this is judged, by which an acceptance ends; none: no acceptance has ended.
    pub now: Option<jiff::Timestamp>,
}

impl Policy {
    /// The policy of `check`.
    pub fn check(layout: Layout) -> Self {
        Self {
            layout,
            airflow: None,
            on_unreachable: OnUnreachable::Static,
            without_airflow: WithoutAirflow::Assume,
            strict: false,
            target_python: None,
            skew_blocks: false,
            select: BTreeSet::new(),
            ignore: BTreeSet::new(),
            rules: None,
            operator: Choices::default(),
            deployed: Choices::default(),
            proposed: Choices::default(),
            trailers: Vec::new(),
            most_past_runs: 20,
            secrets_backend: false,
            now: None,
        }
    }

    /// The rules by which this policy judges.
    pub fn registry(&self) -> &Registry {
        self.rules.as_deref().unwrap_or_else(|| registry())
    }

    /// The policy of `sync`: what cannot be seen or proved waits.
    pub fn sync(layout: Layout) -> Self {
        Self {
            on_unreachable: OnUnreachable::Block,
            without_airflow: WithoutAirflow::Idle,
            strict: true,
            ..Self::check(layout)
        }
    }

    fn looks_at(&self, rule: &Rule) -> bool {
        (self.select.is_empty() || self.select.contains(&rule.id))
            && !self.ignore.contains(&rule.id)
            && !switch::part_off("rule", &rule.id)
    }
}

/// A judged change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// How much it weighs.
    pub level: Level,
    /// On what it rests.
    pub basis: Basis,
    /// The DAG, as far as its id is known.
    pub dag_id: Option<String>,
    /// The task or group, where it is about one.
    pub task_id: Option<String>,
    /// What changed, in one sentence.
    pub message: String,
    /// The safe way.
    pub remedy: String,
    /// 16 hex digits over rule, DAG, subject and values: stays the same when text moves.
    pub fingerprint: String,
    /// Where the deployed side stands.
    pub deployed: Option<Location>,
    /// Where the proposed side stands.
    pub proposed: Option<Location>,
    /// The runs in flight that it hits.
    pub runs: Vec<RunHit>,
    /// By whose word it may be; its level is info then.
    pub accepted: Option<Accepted>,
    /// Whether only the operator can accept it.
    pub locked: bool,
    /// Whether it is no more than worth knowing, so that no verdict rests on it.
    pub notice: bool,
}

impl Finding {
    /// Whether a verdict can rest on it: it is about the change, and nobody has accepted it.
    pub(crate) fn is_open(&self) -> bool {
        let open = self.accepted.is_none() && !self.notice;
        open && (self.level == Level::Block || !accept::WORDS.contains(&self.rule.as_str()))
    }
}

/// A run in flight that a finding hits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunHit {
    /// Where it runs.
    pub instance: InstanceName,
    /// Its DAG.
    pub dag_id: DagId,
    /// Its id.
    pub run_id: RunId,
    /// What Airflow will do, in one sentence.
    pub effect: String,
    /// The instances that it happens to.
    pub task_instances: Vec<(TaskId, MapIndex, TaskState)>,
}

/// What becomes of a run in flight of an affected DAG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Where it runs.
    pub instance: InstanceName,
    /// Its DAG.
    pub dag_id: DagId,
    /// Its id.
    pub run_id: RunId,
    /// Empty: nothing happens to it for certain.
    pub outcomes: BTreeSet<Outcome>,
    /// What may become of it as well: where Airflow leaves it to a race, or a change is not certain.
    pub race: BTreeSet<Outcome>,
    /// On what this rests.
    pub basis: Basis,
    /// The instances that something happens to.
    pub task_instances: BTreeSet<(TaskId, MapIndex)>,
}

/// What is judged: the changes, and the two models that they lie between.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// All changes.
    pub changes: &'a [Change],
    /// What is deployed.
    pub deployed: &'a Model,
    /// What is proposed.
    pub proposed: &'a Model,
}

/// By path and line.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
}

/// The findings on a case, by path and line, and what becomes of each run in flight that its
/// changes touch.
pub fn judge(case: Case, facts: &Facts, policy: &Policy) -> (Vec<Finding>, Vec<Prediction>) {
    let exposures = exposure::of(case, facts, policy);
    let mut findings = Vec::new();
    for (change, exposure) in case.changes.iter().zip(&exposures) {
        for rule in policy.registry().on(change.kind.word()).filter(|rule| policy.looks_at(rule)) {
            findings.extend(weigh(rule, change, exposure, policy));
        }
    }
    drop_superseded(&mut findings, policy.registry());
    drop_side_notes(&mut findings, policy.registry());
    sort(&mut findings);
    (findings, exposure::predictions(case.changes, &exposures))
}

/// Where one rule says more about the same thing than another, the other is silent.
fn drop_superseded(findings: &mut Vec<Finding>, registry: &Registry) {
    let said: BTreeSet<(Option<String>, Option<String>, String)> = findings
        .iter()
        .flat_map(|finding| {
            let rule = registry.get(&finding.rule);
            let less = rule.map(|rule| rule.supersedes.as_slice()).unwrap_or_default();
            less.iter().map(|id| (finding.dag_id.clone(), finding.task_id.clone(), id.clone()))
        })
        .collect();
    findings.retain(|finding| !said.contains(&(finding.dag_id.clone(), finding.task_id.clone(), finding.rule.clone())));
}

/// That code is other code is worth a word only where nothing else is to be said of its DAG.
fn drop_side_notes(findings: &mut Vec<Finding>, registry: &Registry) {
    let is_note = |finding: &Finding| {
        finding.notice && registry.get(&finding.rule).is_some_and(|rule| rule.on.contains("body-changed"))
    };
    let said: BTreeSet<Option<String>> =
        findings.iter().filter(|finding| !is_note(finding)).map(|finding| finding.dag_id.clone()).collect();
    findings.retain(|finding| !is_note(finding) || !said.contains(&finding.dag_id));
}

fn sort_key(finding: &Finding) -> (Option<&Location>, &str, Option<&str>, &str) {
    let place = finding.proposed.as_ref().or(finding.deployed.as_ref());
    (place, &finding.rule, finding.task_id.as_deref(), &finding.fingerprint)
}

fn basis(change: &Change) -> Basis {
    match change.certainty {
        Certainty::Certain => Basis::Certain,
        Certainty::Possible(_) => Basis::Possible,
    }
}

/// The table of levels: certainty × exposure.
fn weigh(rule: &Rule, change: &Change, exposure: &Exposure, policy: &Policy) -> Option<Finding> {
    let certain = basis(change) == Basis::Certain;
    let of_harm = |harm| match harm {
        Harm::Breaks if certain || policy.strict => Some(rule.level),
        Harm::Breaks => Some(rule.level.min(Level::Warn)),
        Harm::Soft => Some(rule.level.min(rule.note)),
        Harm::None => None,
    };
    let hits: Vec<_> = exposure.seen.iter().filter(|hit| rule_sees(rule, &hit.effect)).collect();
    let seen_level = hits.iter().filter_map(|hit| of_harm(hit.effect.harm)).max();
    let unseen_level = (!exposure.unseen.is_empty()).then(|| {
        // Assumed runs are in every state, so the worst that the change can do counts.
        if certain { of_harm(replay::worst(change).harm) } else { Some(rule.level.min(Level::Warn)) }
    });
    let idle_level = if rule.always {
        let sure = !change.dags.is_empty() && (certain || policy.strict);
        Some(if sure { rule.level } else { rule.level.min(Level::Warn) })
    } else {
        // Without a pinned run it says nothing to anybody.
        let pinned_alone = change.kind.is_for_pinned_alone();
        (certain && !pinned_alone).then_some(Level::Info)
    };
    let level = seen_level.max(unseen_level.flatten()).max(idle_level)?;
    let between = matches!(change.kind, Kind::Skew(Skew::Between { .. })) && certain;
    let in_flight = !exposure.seen.is_empty() || !exposure.unseen.is_empty();
    let level = if between && policy.skew_blocks && in_flight { rule.level } else { level };
    let basis = if rule.always || seen_level == Some(level) || exposure.unseen.is_empty() {
        basis(change)
    } else {
        Basis::Assumed
    };
    let mut runs: Vec<RunHit> = hits
        .iter()
        .filter(|hit| hit.effect.harm > Harm::None)
        .map(|hit| RunHit {
            instance: hit.instance.name.clone(),
            dag_id: hit.dag_id.clone(),
            run_id: hit.run.run_id.clone(),
            effect: match (&change.certainty, &change.kind) {
                (Certainty::Possible(_), kind) if !matches!(kind, Kind::DagNotKnown { .. }) => {
                    format!("if so, {}", hit.effect.sentence)
                }
                _ => hit.effect.sentence.clone(),
            },
            task_instances: hit.effect.hits.clone(),
        })
        .collect();
    runs.sort();
    if runs.is_empty() && change.kind.needs_an_instance() {
        return None;
    }
    let words = Words::of(change);
    let mut message = words.fill(&rule.message);
    if let Certainty::Possible(why) = &change.certainty
        && !message.contains(why.as_str())
    {
        message = format!("{message}; not certain: {why}");
    }
    if runs.is_empty() && exposure.unseen.is_empty() && !rule.always {
        message = format!("{message}; safe now: 0 of {} active runs touch it", exposure.seen.len());
    }
    if basis == Basis::Assumed {
        let worst = replay::worst(change).sentence;
        let reason = exposure.unseen.first().map_or("", String::as_str);
        message = format!("{message}; {worst} (assumed: {reason})");
    }
    Some(Finding {
        rule: rule.id.clone(),
        level,
        basis,
        dag_id: words.dag_id.clone(),
        task_id: words.task_id.clone(),
        remedy: words.fill(&rule.remedy),
        fingerprint: fingerprint(rule, change, &words),
        message,
        deployed: change.deployed.clone(),
        proposed: change.proposed.clone(),
        runs,
        accepted: None,
        locked: false,
        notice: change.kind.is_notice(),
    })
}

/// Whether an instance that the rule looks at is among those hit (a run that is hit as a whole
/// has none).
fn rule_sees(rule: &Rule, effect: &Effect) -> bool {
    effect.hits.is_empty()
        || effect.hits.iter().any(|(_, _, state)| {
            rule.exposure.contains(&state.progress()) || (*state == TaskState::Queued && rule.queued)
        })
}

/// What a finding is known by: the rule, what it is about and the values, never text or a place. An
/// acceptance is of this change and no other, so that values count that a message leaves out.
fn fingerprint(rule: &Rule, change: &Change, words: &Words) -> String {
    let mut hash = Sha1::new();
    let after = Some(&words.after).filter(|_| !change.kind.passes());
    for part in [Some(&rule.id), words.dag_id.as_ref(), words.task_id.as_ref(), Some(&words.before), after] {
        hash.update(part.map_or("", String::as_str));
        hash.update([0]);
    }
    for part in change.kind.left_out() {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// What a rule's message can name.
struct Words {
    dag_id: Option<String>,
    task_id: Option<String>,
    before: String,
    after: String,
}

impl Words {
    fn of(change: &Change) -> Self {
        let dag_id = match change.dags.as_slice() {
            [] => None,
            [one] => Some(shown(one)),
            [first, ..] => Some(shown(first)),
        };
        Self { dag_id, task_id: change.kind.subject(), before: change.kind.before(), after: change.kind.after() }
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("{dag_id}", self.dag_id.as_deref().unwrap_or("?"))
            .replace("{task_id}", self.task_id.as_deref().unwrap_or("?"))
            .replace("{before}", &self.before)
            .replace("{after}", &self.after)
    }
}

fn shown(dag_id: &Id<DagId>) -> String {
    match dag_id {
        Id::Exact(id) => id.to_string(),
        Id::OneOf(ids) => ids.iter().map(DagId::as_str).collect::<Vec<_>>().join(" or "),
        Id::Pattern { prefix, suffix } => format!("{prefix}…{suffix}"),
    }
}

/// The progress classes that a rule file's `exposure` can name.
pub(crate) fn progress_word(word: &str) -> Option<Progress> {
    Some(match word {
        "not-started" => Progress::NotStarted,
        "in-progress" => Progress::InProgress,
        "finished" => Progress::Finished,
        "removed" => Progress::Removed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
