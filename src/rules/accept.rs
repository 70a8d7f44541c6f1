//! Acceptances and levels: what people have said about findings, applied to them.
//!
//! Invariants: an acceptance is of one change, by its fingerprint or by a comment that the change
//! itself brings; it always has a reason. A locked rule is accepted by the operator alone. Every
//! acceptance that has no effect is a finding, so that none is believed in vain.

mod carrier;

pub use carrier::{of_config, trailers};

use super::choices::{Choices, LevelChoice};
use super::{Basis, Finding, Level, Policy, Registry, Rule};
use crate::content::{ContentPath, Location, Revision, Snapshot, Span};
use carrier::{Comment, comments};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody's word that a finding may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Where it was said.
    pub carrier: Carrier,
    /// Of what.
    pub subject: Subject,
    /// Why; without a reason it has no effect.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<jiff::civil::Date>,
}

/// Where an acceptance was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A comment of the proposed tree.
    Comment(Location),
    /// The message of a commit between what is deployed and what is proposed.
    Trailer(Revision),
    /// `[[accept]]` of the proposed tree.
    Tree(Location),
    /// `[[accept]]` of the operator.
    Operator,
}

impl Carrier {
    /// For sentences.
    fn words(&self) -> String {
        match self {
            Self::Comment(at) => format!("a comment ({}:{})", at.path, at.span.line),
            Self::Trailer(commit) => format!("commit {}", commit.as_str().get(..12).unwrap_or(commit.as_str())),
            Self::Tree(at) => format!("`[[accept]]` ({}:{})", at.path, at.span.line),
            Self::Operator => "the operator's configuration".to_string(),
        }
    }

    fn place(&self) -> Option<&Location> {
        match self {
            Self::Comment(at) | Self::Tree(at) => Some(at),
            Self::Trailer(_) | Self::Operator => None,
        }
    }
}

/// What an acceptance is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The finding of that fingerprint.
    Fingerprint(String),
    /// Findings of that rule on the lines that a comment speaks of.
    Lines {
        /// The rule.
        rule: String,
        /// First and last line.
        covers: (u32, u32),
    },
}

/// That a finding was accepted, and by whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where it was said.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What can be wrong with an acceptance or a choice: the words that the pages about them select by.
pub(super) const WORDS: [&str; 7] = [
    "acceptance-not-needed",
    "config-refused",
    "expired-acceptance",
    "self-disarm",
    "suppression-without-reason",
    "unknown-rule",
    "unused-suppression",
];

/// Something that is to be said about an acceptance or a choice.
struct Remark {
    /// One of [`WORDS`].
    word: &'static str,
    level: Level,
    /// What it is about; a part of the fingerprint.
    subject: String,
    /// The rest of the sentence.
    text: String,
    at: Option<Location>,
}

/// Both trees, as far as acceptances are in them.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    /// The tree that is deployed.
    pub(crate) deployed: &'a Snapshot,
    /// The tree that is proposed.
    pub(crate) proposed: &'a Snapshot,
    /// Proposed files that the deployed tree has not, or not so.
    pub(crate) changed: &'a [&'a ContentPath],
    /// Whether nothing at all is proposed.
    pub(crate) equal: bool,
}

/// Applies levels and acceptances to what was found, and says which of them have no effect.
pub(crate) fn settle(findings: &mut Vec<Finding>, sides: Sides, policy: &Policy) {
    if sides.equal && findings.is_empty() {
        return;
    }
    let mut remarks = weakened(policy);
    remarks.extend(refused(policy));
    let registry = policy.registry();
    let anchor = anchor(sides);
    findings.extend(remarks.iter().filter_map(|remark| said(remark, anchor.as_ref(), policy)));
    let locked = locked(policy);
    findings.retain_mut(|finding| {
        finding.locked = locked.contains(&finding.rule);
        chosen(finding, registry, policy)
    });
    let (from_comments, mut remarks) = of_comments(findings, sides, policy);
    let all =
        policy.trailers.iter().chain(&policy.proposed.accept).chain(&policy.operator.accept).chain(&from_comments);
    let mut applied = BTreeSet::new();
    for acceptance in all {
        remarks.extend(apply(acceptance, findings, sides, policy, &mut applied));
    }
    for (index, by) in applied {
        if let Some(finding) = findings.get_mut(index) {
            finding.level = Level::Info;
            finding.accepted.get_or_insert(by);
        }
    }
    findings.extend(remarks.iter().filter_map(|remark| said(remark, anchor.as_ref(), policy)));
    super::sort(findings);
}

/// Rules that no carrier of the tree may touch.
fn locked(policy: &Policy) -> BTreeSet<String> {
    let mut locked = policy.deployed.locked();
    locked.extend(policy.operator.lock.iter().flatten().cloned());
    locked
}

/// Gives a finding the level that was chosen for its rule and place; false where the rule is off.
fn chosen(finding: &mut Finding, registry: &Registry, policy: &Policy) -> bool {
    let Some(rule) = registry.get(&finding.rule) else { return true };
    let place = finding.proposed.as_ref().or(finding.deployed.as_ref()).map(|at| at.path.as_str().to_string());
    let level = |choices: &Choices| -> Option<Option<Level>> {
        choices.level(&finding.rule, place.as_deref(), finding.dag_id.as_deref()).map(|choice| choice.level)
    };
    let own = Some(rule.level);
    let level = level(&policy.operator).unwrap_or_else(|| {
        let (deployed, proposed) = (level(&policy.deployed).unwrap_or(own), level(&policy.proposed).unwrap_or(own));
        // What a tree makes weaker counts from the next delivery on, what it makes stricter at once.
        let tree = deployed.max(proposed);
        if finding.locked { tree.max(own) } else { tree }
    });
    let Some(level) = level else { return false };
    if level < finding.level || finding.level == rule.level {
        finding.level = level;
    }
    true
}

/// Applies one acceptance; says what is wrong with it, if something is.
fn apply(
    acceptance: &Acceptance,
    findings: &[Finding],
    sides: Sides,
    policy: &Policy,
    applied: &mut BTreeSet<(usize, Accepted)>,
) -> Option<Remark> {
    let carrier = acceptance.carrier.words();
    let (subject, hits) = match &acceptance.subject {
        Subject::Fingerprint(fingerprint) => {
            let same = |finding: &&(usize, &Finding)| finding.1.fingerprint == *fingerprint;
            (fingerprint.clone(), findings.iter().enumerate().filter(|pair| same(&pair)).collect::<Vec<_>>())
        }
        Subject::Lines { rule, covers } => (rule.clone(), {
            let on = |finding: &Finding| on_lines(finding, acceptance.carrier.place(), *covers, sides);
            findings.iter().enumerate().filter(|(_, finding)| finding.rule == *rule && on(finding)).collect()
        }),
    };
    let remark = |word, level, text: String| {
        let at = acceptance.carrier.place().cloned();
        Some(Remark { word, level, subject: subject.clone(), text, at })
    };
    if acceptance.reason.is_empty() {
        return remark(
            "suppression-without-reason",
            Level::Warn,
            format!("{carrier} gives no reason and has no effect"),
        );
    }
    let today = policy.now.map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).date());
    if let (Some(until), Some(today)) = (acceptance.until, today)
        && until < today
    {
        let level = if hits.is_empty() { Level::Info } else { Level::Warn };
        return remark("expired-acceptance", level, format!("{carrier} accepted it until {until}"));
    }
    if hits.is_empty() {
        let form = subject.len() == 16 && subject.bytes().all(|byte| byte.is_ascii_hexdigit());
        let why = match &acceptance.subject {
            Subject::Fingerprint(_) if !form => "a fingerprint has 16 hex digits, as the message shows them",
            _ => "this change has no such finding",
        };
        return remark("unused-suppression", Level::Info, format!("{carrier} accepts nothing: {why}"));
    }
    if acceptance.carrier != Carrier::Operator && hits.iter().any(|(_, finding)| finding.locked) {
        let text = format!("{carrier} has no effect: the rule is locked, only the operator's configuration accepts it");
        return remark("unused-suppression", Level::Warn, text);
    }
    let idle = |finding: &Finding| finding.level == Level::Info && finding.basis != Basis::Assumed;
    let needless = hits.iter().all(|(_, finding)| idle(finding));
    let by = || Accepted { by: carrier.clone(), reason: acceptance.reason.clone() };
    applied.extend(hits.iter().map(|(index, _)| (*index, by())));
    if needless {
        remark("acceptance-not-needed", Level::Info, format!("{carrier} accepts what hits no run now"))
    } else {
        None
    }
}

/// Whether a comment on those lines of a proposed file speaks of the finding: of its line there, of
/// its deployed line as far as that is still there, or from the place of code that is gone.
fn on_lines(finding: &Finding, comment: Option<&Location>, covers: (u32, u32), sides: Sides) -> bool {
    let Some(comment) = comment else { return false };
    let covered = |line: u32| covers.0 <= line && line <= covers.1;
    if finding.proposed.as_ref().is_some_and(|at| at.path == comment.path && covered(at.span.line)) {
        return true;
    }
    let Some(at) = finding.deployed.as_ref().filter(|at| at.path == comment.path) else { return false };
    let text = |snapshot: &Snapshot| -> Option<String> {
        snapshot.get(&at.path).map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
    };
    let (Some(deployed), Some(proposed)) = (text(sides.deployed), text(sides.proposed)) else { return false };
    let (first, last) = counterpart(&deployed, &proposed, at.span.line);
    (first..=last).any(covered)
}

/// The proposed lines in the place of a deployed line; none (first behind last) where nothing is.
fn counterpart(deployed: &str, proposed: &str, line: u32) -> (u32, u32) {
    // A comment behind a line does not make it another line.
    let bare = |line: &str| line.split("# dagguard:").next().unwrap_or(line).trim_end().to_string();
    let lines = |text: &str| text.lines().map(bare).collect::<Vec<String>>();
    let (deployed, proposed) = (lines(deployed), lines(proposed));
    let wanted = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, &deployed, &proposed);
    for op in ops {
        let (old, new) = (op.old_range(), op.new_range());
        if !old.contains(&wanted) {
            continue;
        }
        if op.tag() == similar::DiffTag::Equal {
            let at = number(new.start + (wanted - old.start));
            return (at, at);
        }
        return (number(new.start), u32::try_from(new.end).unwrap_or(u32::MAX));
    }
    (1, 0)
}

/// The comments of the proposed tree as acceptances, and what is wrong with some of them. Only files
/// are read that a finding names or that the change touches: elsewhere nothing is to be accepted.
fn of_comments(findings: &[Finding], sides: Sides, policy: &Policy) -> (Vec<Acceptance>, Vec<Remark>) {
    let places = findings.iter().flat_map(|finding| [&finding.proposed, &finding.deployed]).flatten();
    let paths: BTreeSet<&ContentPath> = places.map(|at| &at.path).chain(sides.changed.iter().copied()).collect();
    let (mut acceptances, mut remarks) = (Vec::new(), Vec::new());
    for path in paths {
        let Some(file) = sides.proposed.get(path) else { continue };
        let deployed = sides.deployed.get(path);
        let mut known = deployed.map(|file| counted(&comments_of(&file.bytes))).unwrap_or_default();
        for comment in comments_of(&file.bytes) {
            let at = Location { path: path.clone(), span: Span { line: comment.line, ..Span::FILE } };
            let key = (comment.rules.clone(), comment.reason.clone());
            if let Some(left) = known.get_mut(&key).filter(|left| **left > 0) {
                *left -= 1;
                remarks.extend(deployed_already(&comment, &at, findings, sides));
                continue;
            }
            let (known_rules, unknown) = sorted(&comment, &at, policy);
            remarks.extend(unknown);
            acceptances.extend(known_rules.into_iter().map(|rule| Acceptance {
                carrier: Carrier::Comment(at.clone()),
                subject: Subject::Lines { rule, covers: comment.covers },
                reason: comment.reason.clone(),
                until: None,
            }));
        }
    }
    (acceptances, remarks)
}

fn comments_of(bytes: &[u8]) -> Vec<Comment> {
    // Nearly no file has one, and the scan for comments is dearer than this.
    let text = String::from_utf8_lossy(bytes);
    if text.contains("dagguard:") { comments(&text) } else { Vec::new() }
}

fn counted(comments: &[Comment]) -> BTreeMap<(Vec<String>, String), usize> {
    let mut counted = BTreeMap::new();
    for comment in comments {
        *counted.entry((comment.rules.clone(), comment.reason.clone())).or_default() += 1;
    }
    counted
}

/// The rules that a comment names, and what is to be said of names that are none.
fn sorted(comment: &Comment, at: &Location, policy: &Policy) -> (Vec<String>, Vec<Remark>) {
    let registry = policy.registry();
    let remark = |subject: String, text: String| Remark {
        word: "unknown-rule",
        level: Level::Warn,
        subject,
        text,
        at: Some(at.clone()),
    };
    if comment.rules.is_empty() {
        let text = "a comment names no rule and has no effect: write `# dagguard: ignore[rule] reason`".to_string();
        return (Vec::new(), vec![remark(String::new(), text)]);
    }
    let (known, unknown): (Vec<_>, Vec<_>) =
        comment.rules.iter().cloned().partition(|rule| registry.get(rule).is_some());
    let unknown = unknown.into_iter().map(|name| {
        let hint = registry.nearest(&name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        remark(name.clone(), format!("a comment names a rule that is not there: `{name}`{hint}"))
    });
    (known, unknown.collect())
}

/// A comment that is deployed speaks of an earlier change. Where it stands beside a finding it is
/// taken for what accepts that one, and does not.
fn deployed_already(comment: &Comment, at: &Location, findings: &[Finding], sides: Sides) -> Option<Remark> {
    let open = |finding: &&Finding| {
        finding.level > Level::Info
            && comment.rules.contains(&finding.rule)
            && on_lines(finding, Some(at), comment.covers, sides)
    };
    let finding = findings.iter().find(open)?;
    Some(Remark {
        word: "unused-suppression",
        level: Level::Warn,
        subject: finding.rule.clone(),
        text: "a comment that is deployed already accepted an earlier change and not this one; give it a reason for this one"
            .to_string(),
        at: Some(at.clone()),
    })
}

/// What the proposed tree makes weaker of its own check.
fn weakened(policy: &Policy) -> Vec<Remark> {
    let (deployed, proposed) = (&policy.deployed, &policy.proposed);
    let at = proposed.at.clone();
    let mut remarks = Vec::new();
    let unlocked: Vec<String> = deployed.locked().difference(&proposed.locked()).cloned().collect();
    if !unlocked.is_empty() {
        remarks.push(Remark {
            word: "self-disarm",
            level: Level::Block,
            subject: unlocked.join(", "),
            text: format!("`policy.lock` loses `{}`", unlocked.join("`, `")),
            at,
        });
    }
    let locked = locked(policy);
    let lowers = |choice: &&LevelChoice| {
        let own = policy.registry().get(&choice.rule).map(|rule| rule.level);
        own.is_some_and(|own| choice.level < Some(own))
            && !deployed
                .levels
                .iter()
                .any(|known| (&known.rule, &known.scope, known.level) == (&choice.rule, &choice.scope, choice.level))
    };
    for choice in proposed.levels.iter().filter(lowers) {
        let level = choice.level.map_or("off", Level::word);
        let (weight, then) = if locked.contains(&choice.rule) {
            (Level::Warn, "which has no effect: the rule is locked")
        } else {
            (Level::Info, "which counts from the next delivery on")
        };
        remarks.push(Remark {
            word: "self-disarm",
            level: weight,
            subject: format!("{}={level}", choice.rule),
            text: format!("the level of `{}` becomes {level}, {then}", choice.rule),
            at: choice.at.clone(),
        });
    }
    remarks
}

/// What the proposed tree's configuration says that is not taken.
fn refused(policy: &Policy) -> Vec<Remark> {
    let remark = |refused: &super::choices::Refused| Remark {
        word: "config-refused",
        level: Level::Warn,
        subject: refused.what.clone(),
        text: format!("`{}` is not taken: {}", refused.what, refused.why),
        at: refused.at.clone(),
    };
    // What is deployed already was said when it was proposed.
    let new = |refused: &&super::choices::Refused| {
        !policy.deployed.refused.iter().any(|known| (&known.what, &known.why) == (&refused.what, &refused.why))
    };
    policy.proposed.refused.iter().filter(new).map(remark).collect()
}

/// A place for what has none of its own (a commit's message, the operator's file).
fn anchor(sides: Sides) -> Option<Location> {
    let first = || sides.proposed.files().next().map(|(path, _)| path);
    let path = sides.changed.first().copied().or_else(first);
    let path = path.or_else(|| sides.proposed.config().map(|(path, _)| path));
    path.map(|path| Location { path: path.clone(), span: Span::FILE })
}

/// A remark in the words of the page about it.
fn said(remark: &Remark, anchor: Option<&Location>, policy: &Policy) -> Option<Finding> {
    let rule = policy.registry().on(remark.word).find(|rule| policy.looks_at(rule))?;
    let fill = |text: &str| text.replace("{before}", &remark.subject).replace("{after}", &remark.text);
    let mut finding = Finding {
        rule: rule.id.clone(),
        level: remark.level.min(rule.level),
        basis: Basis::Certain,
        dag_id: None,
        task_id: None,
        message: fill(&rule.message),
        remedy: fill(&rule.remedy),
        fingerprint: fingerprint(rule, remark),
        deployed: None,
        proposed: remark.at.clone().or_else(|| anchor.cloned()),
        runs: Vec::new(),
        accepted: None,
        locked: false,
        notice: false,
    };
    chosen(&mut finding, policy.registry(), policy).then_some(finding)
}

fn fingerprint(rule: &Rule, remark: &Remark) -> String {
    let mut hash = Sha1::new();
    for part in [&rule.id, remark.word, &remark.subject] {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

impl PartialOrd for Accepted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Accepted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.by, &self.reason).cmp(&(&other.by, &other.reason))
    }
}
