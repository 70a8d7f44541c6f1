//! The joint that check, sync and hook share: two pure functions from trees and facts to a
//! report.

mod baseline;
mod bootstrap;
mod gone;
mod names;
mod restored;
mod skew;
mod storm;

use crate::content::{ContentPath, Location, Snapshot};
use crate::dag::{self, Id, Model, Models};
use crate::diff::{self, Change, Kind, Notice, Side};
use crate::facts::{Facts, Questions, Seen, StoredValue};
use crate::ids::{AirflowVersion, DagId};
use crate::report::{Coverage, Hold, Lines, Live, Report, Verdict};
use crate::rules::{self, Basis, Case, Finding, Level, OnUnreachable, Policy, Sides};
use crate::switch;
use std::collections::BTreeSet;

/// Which DAGs, instances and commits must be looked up before the change can be judged.
pub fn questions(deployed: &Snapshot, proposed: &Snapshot, policy: &Policy) -> Questions {
    Comparison::new(&Models::new(1), deployed, proposed, policy).questions()
}

/// Judges the change from `deployed` to `proposed` for the runs in flight that `facts` holds.
pub fn check(deployed: &Snapshot, proposed: &Snapshot, facts: &Facts, policy: &Policy) -> Report {
    Comparison::new(&Models::new(1), deployed, proposed, policy).check(facts)
}

/// Both models and their changes, built once for [`questions`] and [`check`] alike.
#[derive(Debug)]
pub struct Comparison<'a> {
    deployed: &'a Snapshot,
    proposed: &'a Snapshot,
    policy: &'a Policy,
    /// Model of the deployed tree.
    before: Model,
    /// Model of the proposed tree.
    after: Model,
    changes: Vec<Change>,
    /// What the change names first.
    needs: Vec<names::Need>,
    /// Tasks that take more slots of a pool.
    slots: Vec<names::Slots>,
}

impl<'a> Comparison<'a> {
    /// Models both trees and compares them. What both have alike is evaluated once.
    pub fn new(models: &Models, deployed: &'a Snapshot, proposed: &'a Snapshot, policy: &'a Policy) -> Self {
        let marked = gone::marked(deployed, proposed, policy.layout);
        let [before, after] = models.build_both([deployed, &marked], policy.layout, policy.airflow);
        let safe_mode = !before.passes_over_dags();
        let (before, after) =
            if safe_mode { (before, after) } else { (before.without_safe_mode(), after.without_safe_mode()) };
        let sides = (Side { snapshot: deployed, model: &before }, Side { snapshot: proposed, model: &after });
        let mut changes = diff::changes(sides.0, sides.1, policy.layout);
        diff::too_new(sides.0, sides.1, policy.layout, target_python(policy), &mut changes);
        skew::add(models, (sides, &marked), safe_mode, policy, &mut changes);
        // All names of a first delivery are new, and say nothing.
        let named = names::Sides { deployed: (deployed, &before), proposed: (proposed, &after) };
        let first = deployed.is_empty();
        let needs = if first { Vec::new() } else { names::first_named(&named) };
        let slots = if first { Vec::new() } else { names::more_slots(&named) };
        Self { deployed, proposed, policy, before, after, changes, needs, slots }
    }

    /// See [`questions`].
    pub fn questions(&self) -> Questions {
        // Nothing is deployed: whatever is in flight may miss its DAG in the proposed tree.
        let mut questions = Questions { all_dags: self.deployed.is_empty(), ..Questions::default() };
        let weighed = self.changes.iter().filter(|change| !change.kind.is_notice());
        let of_changes = weighed.flat_map(|change| &change.dags);
        for dag_id in
            of_changes.chain(self.needs.iter().map(names::Need::dag)).chain(self.slots.iter().map(names::Slots::dag))
        {
            match dag_id {
                Id::Exact(dag_id) => {
                    questions.dags.insert(dag_id.clone());
                }
                Id::OneOf(ids) => questions.dags.extend(ids.iter().cloned()),
                Id::Pattern { .. } => questions.all_dags = true,
            }
        }
        questions.values = self.changes.iter().flat_map(stored_values).collect();
        questions.names = names::names(&self.needs);
        questions.names.pools.extend(self.slots.iter().map(|slots| slots.pool().to_string()));
        questions
    }

    /// See [`check`].
    pub fn check(&self, facts: &Facts) -> Report {
        let from_facts = if self.deployed.is_empty() {
            bootstrap::changes(self.proposed, &self.after, facts)
        } else {
            let mut more = names::changes(&self.needs, facts, self.policy);
            more.extend(names::too_small(&self.slots, facts));
            more.extend(storm::changes(&self.before, &self.after, facts, self.policy));
            more.extend(baseline::behind((self.deployed, &self.before), &self.after, facts));
            more
        };
        let told = self.changes.iter().filter(|change| !is_of_another_release(change, facts, self.policy));
        let known = told.map(|change| restored::seen(change, facts));
        let is_on = |change: &Change| !switch::part_off("change", change.kind.word());
        let changes: Vec<Change> = known.chain(from_facts).filter(is_on).collect();
        let case = Case { changes: &changes, deployed: &self.before, proposed: &self.after };
        let (mut findings, predictions) = rules::judge(case, facts, self.policy);
        let unavailable = self.unavailable(facts);
        findings.extend(self.not_seen(&unavailable, &findings, facts));
        let differing = self.deployed.differing(self.proposed).into_iter();
        let changed = differing.filter(|file| file.there.is_some() && file.in_content());
        let changed: Vec<&ContentPath> = changed.map(|file| file.path).collect();
        let config = |snapshot: &Snapshot| snapshot.config().map(|(_, file)| file.id);
        let equal = changed.is_empty()
            && self.deployed.files().count() == self.proposed.files().count()
            && config(self.deployed) == config(self.proposed);
        let sides = Sides { deployed: self.deployed, proposed: self.proposed, changed: &changed, equal };
        rules::settle(&mut findings, sides, self.policy);
        let verdict = self.verdict(&findings, &unavailable);
        let live = if !unavailable.is_empty() {
            Live::Unavailable
        } else if facts.instances.is_empty() {
            Live::Assumed
        } else {
            Live::Known
        };
        Report {
            verdict,
            deployed: self.deployed.revision().clone(),
            proposed: self.proposed.revision().clone(),
            holds: self.holds(verdict, &findings),
            coverage: self.coverage(predictions.len(), live),
            lines: self.lines(&findings),
            findings,
            predictions,
            unavailable,
            notes: names::notes(&self.needs, facts, self.policy),
        }
    }

    /// Reasons why instances did not answer what was asked; empty when nothing had to be asked.
    fn unavailable(&self, facts: &Facts) -> Vec<String> {
        let questions = self.questions();
        let mut reasons = BTreeSet::new();
        for instance in &facts.instances {
            for dag_id in &questions.dags {
                match instance.dag(dag_id) {
                    Seen::Known(_) => {}
                    Seen::NotVisible => {
                        reasons.insert(format!("`{dag_id}` is not visible on `{}`", instance.name));
                    }
                    Seen::Unavailable(reason) => {
                        reasons.insert(format!("`{}`: {reason}", instance.name));
                    }
                }
            }
            if questions.all_dags && instance.others != Seen::Known(()) {
                reasons.insert(format!("not every DAG of `{}` is visible", instance.name));
            }
        }
        reasons.into_iter().collect()
    }

    /// That something could not be seen, where no finding says so by being assumed, or decides without it.
    fn not_seen(&self, reasons: &[String], findings: &[Finding], facts: &Facts) -> Vec<Finding> {
        let assumed = |finding: &Finding| finding.basis == Basis::Assumed && finding.level > Level::Info;
        let said = findings.iter().any(|finding| assumed(finding) || finding.level == Level::Block);
        let asked = self.changes.iter().find(|change| !change.kind.is_notice() && !change.dags.is_empty());
        let Some(asked) = asked.filter(|_| !said && !reasons.is_empty()) else { return Vec::new() };
        let kind = Kind::Notice(Notice::NotSeen { reasons: reasons.to_vec() });
        let changes = [Change { kind, certainty: diff::Certainty::Certain, ..asked.clone() }];
        let case = Case { changes: &changes, deployed: &self.before, proposed: &self.after };
        rules::judge(case, facts, self.policy).0
    }

    fn verdict(&self, findings: &[Finding], unavailable: &[String]) -> Verdict {
        let blocks = |finding: &&Finding| finding.level == Level::Block;
        if findings.iter().filter(blocks).any(|finding| finding.basis != Basis::Assumed) {
            return Verdict::Block;
        }
        if !unavailable.is_empty() {
            match self.policy.on_unreachable {
                OnUnreachable::Fail => return Verdict::Undecided,
                // A change without any finding, although every state of a run was assumed, hurts
                // nothing; with one, nobody knows.
                OnUnreachable::Block if findings.iter().any(Finding::is_open) => return Verdict::Undecided,
                OnUnreachable::Block | OnUnreachable::Static => {}
            }
        }
        if findings.iter().any(|finding| finding.level == Level::Block) { Verdict::Block } else { Verdict::Allow }
    }

    /// Today the whole revision waits: all paths that it changes.
    fn holds(&self, verdict: Verdict, findings: &[Finding]) -> Vec<Hold> {
        if verdict == Verdict::Allow {
            return Vec::new();
        }
        let least = if verdict == Verdict::Block { Level::Block } else { Level::Info };
        let because = findings
            .iter()
            .filter(|finding| finding.level >= least && finding.is_open())
            .map(|finding| finding.fingerprint.clone())
            .collect();
        vec![Hold { paths: self.changed_paths(), because }]
    }

    fn changed_paths(&self) -> Vec<ContentPath> {
        let all = self.deployed.differing(self.proposed).into_iter().map(|file| file.path);
        all.filter(|path| self.policy.layout.place(path).is_some()).cloned().collect()
    }

    fn coverage(&self, runs_seen: usize, live: Live) -> Coverage {
        let opaque = |dag: &&std::sync::Arc<dag::Dag>| !dag.complete() && dag.tasks.is_empty();
        let dags = &self.after.dags;
        let dags_exact = dags.iter().filter(|dag| dag.complete()).count();
        let dags_opaque = dags.iter().filter(opaque).count();
        Coverage { dags_exact, dags_partial: dags.len() - dags_exact - dags_opaque, dags_opaque, runs_seen, live }
    }

    fn lines(&self, findings: &[Finding]) -> Lines {
        let collect = |snapshot: &Snapshot, at: Vec<&Location>| {
            at.into_iter().filter_map(|at| Some((at.clone(), source_line(snapshot, at)?))).collect()
        };
        Lines {
            deployed: collect(self.deployed, findings.iter().filter_map(|f| f.deployed.as_ref()).collect()),
            proposed: collect(self.proposed, findings.iter().filter_map(|f| f.proposed.as_ref()).collect()),
        }
    }
}

/// The Python that runs the DAGs: as configured, else the newest that the release of Airflow takes
/// (read in the metadata of 2.6.2, 2.11.2 and 3.3.2).
fn target_python(policy: &Policy) -> Option<u32> {
    let newest = |version: AirflowVersion| match (version.major, version.minor) {
        (2, ..=6) => Some(11),
        (2, _) => Some(12),
        (3, ..=3) => Some(14),
        _ => None,
    };
    policy.target_python.or_else(|| newest(policy.airflow?))
}

/// The proposed DAGs that are not, as a whole, those of the deployed model: what did not change is
/// evaluated once and shared.
fn fresh<'m>(before: &Model, after: &'m Model) -> Vec<&'m dag::Dag> {
    let shared: BTreeSet<*const dag::Dag> = before.dags.iter().map(std::sync::Arc::as_ptr).collect();
    let fresh = after.dags.iter().filter(|dag| !shared.contains(&std::sync::Arc::as_ptr(dag)));
    fresh.map(AsRef::as_ref).collect()
}

/// Whether a change says something of Airflow 2 alone, where all that is known is an Airflow 3.
fn is_of_another_release(change: &Change, facts: &Facts, policy: &Policy) -> bool {
    let is_3 = |version: Option<AirflowVersion>| version.is_some_and(|version| version.major >= 3);
    let all = match facts.instances.as_slice() {
        [] => is_3(policy.airflow),
        instances => instances.iter().all(|instance| is_3(instance.version.or(policy.airflow))),
    };
    all && matches!(change.kind, Kind::Notice(Notice::ScheduleImplicit { .. }))
}

/// The stored values that a change of what passes between tasks turns on.
fn stored_values(change: &Change) -> Vec<StoredValue> {
    let Kind::Data(data) = &change.kind else { return Vec::new() };
    let Some(handover) = data.handover() else { return Vec::new() };
    let known = change.dags.iter().filter_map(|dag_id| dag_id.exact());
    let stored = |dag_id: &DagId| StoredValue {
        dag_id: dag_id.clone(),
        task_id: handover.producer.clone(),
        key: handover.key.clone(),
    };
    known.map(stored).collect()
}

/// The line of source that a place points at, cut where it is very long.
fn source_line(snapshot: &Snapshot, at: &Location) -> Option<String> {
    let config = || snapshot.config().filter(|(path, _)| **path == at.path).map(|(_, file)| file);
    let text = String::from_utf8_lossy(&snapshot.get(&at.path).or_else(config)?.bytes).into_owned();
    let line = text.lines().nth(usize::try_from(at.span.line).ok()?.checked_sub(1)?)?;
    Some(line.chars().take(200).collect::<String>().trim_end().to_string())
}

#[cfg(test)]
mod tests;
