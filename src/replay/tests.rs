//! What was measured on real servers, a run at a time: two DAGs, the states of a run when the change
//! came, and what becomes of the run on 2.6.2, 2.11.2 and 3.3.2. The names are those of the mechanisms
//! that the logs of those servers showed.

mod properties;
mod rules;
mod shape;

use super::*;
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::dag::{self, Dag, Id, Model};
use crate::diff::{self, Certainty, Change, FileChange, Identity, Kind, Mapped, MappingChange, Side};
use crate::facts::Answer;
use crate::ids::{DagId, RunId};
use Harm::{Breaks, None as Nothing, Soft};
use Outcome::{EarlySuccess, Failed, Lost, Repeated, SkippedWork, Stuck};
use std::sync::Arc;

const VERSIONS: [&str; 3] = ["2.6.2", "2.11.2", "3.3.2"];

const HEAD: &str = r#"
from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from airflow.operators.python import BranchPythonOperator
from airflow.utils.task_group import TaskGroup


def t(task_id, **kwargs):
    return BashOperator(task_id=task_id, bash_command=f"echo {kwargs.pop('does', task_id)}", **kwargs)


def m(task_id, items):
    return BashOperator.partial(task_id=task_id).expand(bash_command=items)


def b(task_id):
    return BranchPythonOperator(task_id=task_id, python_callable=lambda: "left")


with DAG("etl", schedule=None, start_date=datetime(2024, 1, 1)) as dag:
"#;

fn tree(body: &str) -> Snapshot {
    let revision = Revision::new("test");
    let body = body.trim().replace(" ; ", "\n    ");
    let mut snapshot = Snapshot::empty(revision.clone());
    let text = format!("{HEAD}    {body}\n");
    snapshot.insert(ContentPath::new("dags/etl.py").unwrap(), File::regular(&revision, text.into_bytes()));
    snapshot
}

fn model(tree: &Snapshot) -> Model {
    let model = dag::build(tree, Layout::Content, None);
    assert!(model.errors.is_empty(), "{:?}", model.errors);
    assert!(model.dags.iter().all(|dag| dag.complete()), "{:?}", model.dags[0].unknown);
    model
}

/// `gate running, work[2] none`
fn run(states: &str) -> Run {
    let instances = states.split(", ").filter(|text| !text.is_empty()).map(|text| {
        let (name, state) = text.split_once(' ').unwrap();
        let (task_id, index) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((task_id, index)) => (task_id, index.parse().unwrap()),
            None => (name, -1),
        };
        TaskInstance {
            task_id: TaskId::new(task_id),
            map_index: MapIndex(index),
            state: TaskState::of(Some(state)),
            try_number: None,
            operator: None,
            trigger: None,
            xcom_keys: Answer::NotChecked("not asked".into()),
        }
    });
    Run {
        run_id: RunId::new("r"),
        state: "running".into(),
        run_type: None,
        logical_date: None,
        start_date: None,
        bundle_version: None,
        conf: serde_json::Value::Null,
        task_instances: instances.collect(),
    }
}

fn change(kind: Kind) -> Change {
    Change {
        kind,
        dags: vec![Id::Exact(DagId::new("etl"))],
        certainty: Certainty::Certain,
        deployed: None,
        proposed: None,
    }
}

/// Two DAGs and the changes between them: those that the diff finds, and others that are said.
struct Case {
    deployed: Arc<Dag>,
    proposed: Arc<Dag>,
    changes: Vec<Change>,
}

impl Case {
    fn of(deployed: &str, proposed: &str) -> Self {
        let trees = [tree(deployed), tree(proposed)];
        let models = [model(&trees[0]), model(&trees[1])];
        let sides = [0, 1].map(|at| Side { snapshot: &trees[at], model: &models[at] });
        let changes = diff::changes(sides[0], sides[1], Layout::Content);
        Self { deployed: models[0].dags[0].clone(), proposed: models[1].dags[0].clone(), changes }
    }

    /// The case with these changes, and no others.
    fn with(mut self, kinds: Vec<Kind>) -> Self {
        self.changes = kinds.into_iter().map(change).collect();
        self
    }

    fn on(&self, run: &Run, version: Option<&str>) -> Vec<Effect> {
        let changes: Vec<&Change> = self.changes.iter().collect();
        Replay::of(&changes, Some(&self.deployed), Some(&self.proposed)).on(
            run,
            version.and_then(AirflowVersion::parse),
            None,
        )
    }

    fn outcomes(&self, states: &str, version: &str) -> (BTreeSet<Outcome>, Harm) {
        let effects = self.on(&run(states), Some(version));
        let outcomes = effects.iter().flat_map(|effect| effect.outcomes.clone()).collect();
        (outcomes, effects.iter().map(|effect| effect.harm).max().unwrap_or(Harm::None))
    }

    /// The outcomes on each of [`VERSIONS`].
    #[track_caller]
    fn ends(&self, states: &str, expected: [&[Outcome]; 3]) -> &Self {
        for (version, expected) in VERSIONS.iter().zip(expected) {
            let (found, _) = self.outcomes(states, version);
            let sentences: Vec<String> =
                self.on(&run(states), Some(version)).into_iter().map(|effect| effect.sentence).collect();
            assert_eq!(found, expected.iter().copied().collect(), "on {version}: {sentences:?}");
        }
        self
    }

    #[track_caller]
    fn harms(&self, states: &str, expected: [Harm; 3]) -> &Self {
        for (version, expected) in VERSIONS.iter().zip(expected) {
            assert_eq!(
                self.outcomes(states, version).1,
                expected,
                "on {version}: {:?}",
                self.on(&run(states), Some(version))
            );
        }
        self
    }

    fn sentence(&self, states: &str, version: &str) -> String {
        let effects = self.on(&run(states), Some(version));
        effects.into_iter().map(|effect| effect.sentence).collect::<Vec<_>>().join(" | ")
    }
}

fn renamed(from: &str, to: &str) -> Kind {
    Kind::Identity(Identity::TaskRenamed {
        from: from.into(),
        to: to.into(),
        known: diff::KnownBy::default(),
        alike: 100,
    })
}

/// Says that a change is about the mapping of that task, where only the graphs matter.
fn mapping_of(task_id: &str) -> Kind {
    let subject = Mapped::Task(task_id.into());
    Kind::Mapping(MappingChange::CountChanged { subject, before: 1, after: 1 })
}

const CHAIN: &str = r#"t("gate") >> t("work") >> t("final")"#;

#[test]
fn a_change_that_is_not_certain_does_not_stand_in_front_of_one_that_is() {
    let tasks = r#"t("wait") >> t("final")"#;
    let operator = Identity::OperatorChanged { task_id: "wait".into(), before: "A".into(), after: "B".into() };
    let breach = diff::Breach {
        tasks: vec!["wait".into()],
        within: "resume".into(),
        why: "AttributeError: it is gone".into(),
        at_start: false,
        at_resume: true,
        pinned: false,
        goes_on: false,
    };
    let gone = diff::Code::ResumeRefused { gone: true, breach };
    let mut case = Case::of(tasks, tasks).with(vec![Kind::Identity(operator), Kind::Code(gone)]);
    case.changes[0].certainty = Certainty::Possible("it may be the same".into());
    for version in VERSIONS {
        let effects = case.on(&run("wait deferred, final none"), Some(version));
        assert_eq!(effects[1].harm, Breaks, "on {version}: {effects:?}");
    }
}

#[test]
fn a_task_that_goes_is_laid_to_the_change_that_is_certain_whatever_their_order() {
    let operator = Identity::OperatorChanged { task_id: "work".into(), before: "A".into(), after: "B".into() };
    let removed = Identity::TaskRemoved { task_id: "work".into() };
    let kinds = [Kind::Identity(operator), Kind::Identity(removed)];
    for order in [[0, 1], [1, 0]] {
        let kinds = order.map(|at| kinds[at].clone()).to_vec();
        let mut case = Case::of(CHAIN, r#"t("gate") >> t("final")"#).with(kinds);
        case.changes[order[0]].certainty = Certainty::Possible("it may be the same".into());
        for version in VERSIONS {
            let effects = case.on(&run("gate running, work success, final none"), Some(version));
            assert_eq!(effects[order[1]].outcomes, [Lost].into(), "on {version}: {effects:?}");
        }
    }
}

#[test]
fn what_a_run_that_is_over_its_limit_leaves_open_is_not_laid_to_a_task_that_goes() {
    let removed = Identity::TaskRemoved { task_id: "work".into() };
    let limit = diff::Settings::DagrunTimeoutLowered { before: None, after: None };
    let kinds = vec![Kind::Identity(removed), Kind::Settings(limit)];
    let mut case = Case::of(CHAIN, r#"t("gate") >> t("final")"#).with(kinds);
    case.changes[1].certainty = Certainty::Possible("the limit is not known".into());
    let start_date = jiff::Timestamp::from_second(1_700_000_000).ok();
    let run = Run { start_date, ..run("gate none, work success, final none") };
    for version in VERSIONS {
        let effects = case.on(&run, Some(version));
        assert_eq!(effects[0].outcomes, [Lost].into(), "on {version}: {effects:?}");
        assert!(!effects[0].sentence.contains("final"), "on {version}: {effects:?}");
        assert!(effects[1].sentence.contains("final"), "on {version}: {effects:?}");
    }
}

#[test]
fn a_rename_of_a_finished_task_runs_it_again() {
    // id_finished_plain
    let chain = r#"t("prepare") >> t("gate") >> t("work")"#;
    let other = chain.replace(r#"t("prepare")"#, r#"t("prepare_v2", does="prepare")"#);
    Case::of(chain, &other)
        .with(vec![renamed("prepare", "prepare_v2")])
        .ends("prepare success, gate running, work none", [&[Lost, Repeated]; 3]);
}

#[test]
fn a_rename_of_a_waiting_task_puts_another_in_its_place() {
    // id_pending_explicit, id_pending_func_rename, group_prefix_flip_pending: soft where no race is lost
    let case = Case::of(CHAIN, &CHAIN.replace(r#"t("work")"#, r#"t("work_v2", does="work")"#))
        .with(vec![renamed("work", "work_v2")]);
    case.ends("gate running, work none, final none", [&[Lost]; 3]);
    // On 2.x the task that ends schedules by the graph that it had loaded.
    for (version, race) in [("2.6.2", &[Failed, SkippedWork][..]), ("2.11.2", &[]), ("3.3.2", &[])] {
        let effect = &case.on(&run("gate running, work none, final none"), Some(version))[0];
        assert_eq!(effect.race, race.iter().copied().collect(), "{version}: {}", effect.sentence);
    }
    // Nothing runs that could.
    let effect = &case.on(&run("gate success, work none, final none"), Some("2.6.2"))[0];
    assert_eq!(effect.race, BTreeSet::new());
}

#[test]
fn a_rename_of_the_running_task_ends_it_and_starts_the_other() {
    // id_running_rename_xcom
    let case = Case::of(CHAIN, &CHAIN.replace(r#"t("gate")"#, r#"t("gate_v2", does="gate")"#))
        .with(vec![renamed("gate", "gate_v2")]);
    case.ends("gate running, work none, final none", [&[Lost, Repeated]; 3]);
    // What waits for another try would begin again anyway.
    case.ends("gate up_for_retry, work none, final none", [&[Lost]; 3]);
}

#[test]
fn two_tasks_that_swap_their_ids_do_one_work_twice_and_one_never() {
    // id_swap_finished_pending
    let swapped = r#"t("work", does="prepare") >> t("gate") >> t("prepare", does="work")"#;
    let case = Case::of(r#"t("prepare") >> t("gate") >> t("work")"#, swapped)
        .with(vec![renamed("prepare", "work"), renamed("work", "prepare")]);
    case.ends("prepare success, gate running, work none", [&[Repeated, SkippedWork]; 3]);
}

#[test]
fn ids_that_shift_do_one_work_twice() {
    // id_autosuffix_insert, shared_loop_index_ids_insert
    let case = Case::of(
        r#"t("s0") >> t("s1") >> t("s2")"#,
        r#"t("s0", does="new") >> t("s1", does="s0") >> t("s2", does="s1") >> t("s3", does="s2")"#,
    )
    .with(vec![renamed("s0", "s1"), renamed("s1", "s2"), renamed("s2", "s3")]);
    case.ends("s0 success, s1 running, s2 none", [&[Repeated]; 3]);
}

#[test]
fn a_waiting_task_that_is_removed_is_never_done_and_the_run_is_green() {
    // remove_pending, shared_loop_shrink
    let case = Case::of(CHAIN, r#"t("gate") >> t("final")"#);
    case.ends("gate running, work none, final none", [&[Lost, SkippedWork, EarlySuccess]; 3]);
    case.ends("gate success, work up_for_retry, final none", [&[Lost, SkippedWork, EarlySuccess]; 3]);
    // remove_finished: a loss of history
    case.ends("gate success, work success, final none", [&[Lost]; 3]);
    case.ends("gate running", [&[]; 3]);
    case.ends("gate running, work removed, final none", [&[]; 3]);
    assert_eq!(
        case.sentence("gate running, work queued, final none", "3.3.2"),
        "`work` (queued) becomes `removed` and its work is never done; the run turns `success` without it; a worker may \
         start it before the scheduler has read the file again: then the run can fail"
    );
}

#[test]
fn a_removed_task_that_comes_back_runs_again() {
    let case = Case::of(r#"t("gate") >> t("final")"#, CHAIN);
    case.ends("gate running, work removed, final none", [&[]; 3]);
}

#[test]
fn a_shorter_literal_list_removes_instances_which_on_2_fails_the_run() {
    // map_done_shrink, map_lit_pending_shrink, map_mid_shrink_pending
    let mapped = r#"t("gate") >> m("work", ["a", "b", "c"]) >> t("final")"#;
    let case = Case::of(mapped, &mapped.replace(r#", "c""#, ""));
    let done = "gate running, work[0] success, work[1] success, work[2] success, final none";
    case.ends(done, [&[Failed, Lost, SkippedWork], &[Failed, Lost, SkippedWork], &[Lost]]);
    let lost: [&[Outcome]; 3] =
        [&[Failed, Lost, SkippedWork], &[Failed, Lost, SkippedWork], &[Lost, SkippedWork, EarlySuccess]];
    case.ends("gate running, work[0] none, work[1] none, work[2] none, final none", lost);
    case.ends("gate success, work[0] success, work[1] running, work[2] scheduled, final none", lost);
}

#[test]
fn a_longer_literal_list_leaves_the_run_whole_and_may_not_run_the_new_element() {
    // map_lit_pending_grow, map_mid_grow_end, map_done_grow
    let mapped = r#"t("gate") >> m("work", ["a", "b"]) >> t("final")"#;
    let case = Case::of(mapped, &mapped.replace(r#""b""#, r#""b", "c""#));
    for states in ["none", "success"] {
        let states = format!("gate running, work[0] {states}, work[1] {states}, final none");
        case.ends(&states, [&[]; 3]).harms(&states, [Soft; 3]);
    }
    case.harms("gate running, final none", [Nothing; 3]);
}

#[test]
fn half_way_the_index_is_the_identity() {
    let mapped = |items: &str| format!(r#"m("work", {items}) >> t("final")"#);
    let half = "work[0] success, work[1] running, work[2] scheduled, final none";
    let waiting = "work[0] none, work[1] none, work[2] none, final none";
    let of = |items: &str| Case::of(&mapped(r#"["a", "b", "c"]"#), &mapped(items));
    // map_mid_insert_front, map_mid_reorder, map_mid_edit_pending, map_mid_swap_done
    of(r#"["z", "a", "b", "c"]"#).ends(half, [&[Repeated, SkippedWork]; 3]);
    of(r#"["c", "b", "a"]"#).ends(half, [&[Repeated, SkippedWork]; 3]);
    of(r#"["a", "b", "C"]"#).ends(half, [&[SkippedWork]; 3]);
    of(r#"["b", "a", "c"]"#).ends(half, [&[]; 3]);
    // map_lit_pending_reorder, map_done_reorder
    of(r#"["c", "a", "b"]"#).ends(waiting, [&[]; 3]);
    of(r#"["c", "a", "b"]"#).ends(&waiting.replace("none", "success"), [&[]; 3]);
    assert_eq!(
        of(r#"["c", "b", "a"]"#).sentence(half, "2.11.2"),
        "`bash_command=\"a\"` is done twice; `bash_command=\"c\"` is never done"
    );
}

#[test]
fn a_mapped_task_that_becomes_one_plain_task() {
    // map_to_unmapped_pending, map_mid_to_unmapped
    let case =
        Case::of(r#"t("gate") >> m("work", ["a", "b", "c"]) >> t("final")"#, r#"t("gate") >> t("work") >> t("final")"#)
            .with(vec![mapping_of("work")]);
    let failed: &[Outcome] = &[Failed, SkippedWork];
    case.ends("gate running, work[0] none, work[1] none, work[2] none, final none", [failed, failed, &[Repeated]]);
    let green: &[Outcome] = &[Failed, SkippedWork, EarlySuccess];
    case.ends(
        "gate success, work[0] success, work[1] running, work[2] scheduled, final none",
        [green, green, &[Repeated]],
    );
}

#[test]
fn a_plain_task_that_becomes_a_mapped_one() {
    // unmapped_to_map_pending
    let case =
        Case::of(r#"t("gate") >> t("work") >> t("final")"#, r#"t("gate") >> m("work", ["a", "b", "c"]) >> t("final")"#)
            .with(vec![mapping_of("work")]);
    let lost: &[Outcome] = &[Failed, Lost, SkippedWork];
    case.ends("gate running, work none, final none", [lost, lost, &[Lost, SkippedWork, EarlySuccess]]);
    // unmapped_to_map_running: a worker is ended where it is
    case.ends("gate success, work running, final none", [lost, lost, &[Lost, SkippedWork, EarlySuccess]]);
    case.ends("gate success, work success, final none", [lost, lost, &[Lost]]);
}

#[test]
fn a_branch_that_has_run_chose_by_ids() {
    // branch_both_renamed_done
    let branch = r#"c = b("choose") ; le = t("left") ; c >> [le, t("right")] >> t("final") ; c >> t("gate") >> le"#;
    let other = branch.replace(r#"t("left")"#, r#"t("left_v2", does="left")"#);
    let case = Case::of(branch, &other).with(vec![renamed("left", "left_v2")]);
    let states = "choose success, gate running, left none, right skipped, final none";
    case.ends(states, [&[Lost, SkippedWork, EarlySuccess]; 3]);
    // A choice that is still to be made is made by the proposed code.
    case.ends("choose none, gate none, left none, right none, final none", [&[Lost]; 3]);
}

#[test]
fn a_trigger_rule_applies_at_once_to_what_waits() {
    // trigger_rule_all_failed
    let rule = r#"t("gate") >> t("one") >> t("two", trigger_rule="all_failed") >> t("final")"#;
    let case = Case::of(r#"t("gate") >> t("one") >> t("two") >> t("final")"#, rule).with(vec![mapping_of("two")]);
    case.ends("gate running, one none, two none, final none", [&[SkippedWork, EarlySuccess]; 3]);
    case.ends("gate running, one success, two success, final none", [&[]; 3]);
}

#[test]
fn on_2_a_task_that_ends_starts_others_by_the_edges_that_it_knew() {
    // edge_added_pending, edge_reversed_pending: nothing for sure, and a race on 2.x
    let apart = r#"a = t("one") ; b2 = t("two") ; t("gate") >> [a, b2] >> t("final")"#;
    let case = Case::of(apart, &format!("{apart} ; a >> b2")).with(vec![mapping_of("two")]);
    let states = "gate running, one none, two none, final none";
    case.ends(states, [&[]; 3]).harms(states, [Breaks, Breaks, Nothing]);
    // Whoever started it, started it with all that it needs.
    case.harms("gate success, one running, two none, final none", [Nothing; 3]);
    // edge_removed_pending
    Case::of(&format!("{apart} ; a >> b2"), apart).with(vec![mapping_of("two")]).harms(states, [Nothing; 3]);
}

#[test]
fn a_new_task_is_run_and_on_2_may_be_taken_for_gone() {
    // append_task, insert_upstream_pending, shared_loop_grow
    let case = Case::of(CHAIN, r#"t("gate") >> t("work") >> t("extra") >> t("final")"#).with(vec![mapping_of("extra")]);
    let states = "gate running, work none, final none";
    case.ends(states, [&[]; 3]).harms(states, [Breaks, Nothing, Nothing]);
    let appended =
        Case::of(CHAIN, r#"t("gate") >> t("work") >> t("final") >> t("extra")"#).with(vec![mapping_of("extra")]);
    appended.harms(states, [Nothing; 3]);
}

#[test]
fn a_dag_that_cannot_be_loaded_leaves_the_run_where_it_is() {
    // dag_syntax_error, file_deleted, dagid_changed
    let path = ContentPath::new("dags/etl.py").unwrap();
    let broken = Kind::File(FileChange::Broken { path, message: "invalid syntax".into() });
    for kind in [
        broken,
        Kind::Identity(Identity::DagRemoved { hidden_by: None }),
        Kind::Identity(Identity::DagRenamed { to: "v2".into() }),
    ] {
        let case = Case::of(CHAIN, CHAIN).with(vec![kind]);
        let failed: &[Outcome] = &[Failed, Stuck, SkippedWork];
        case.ends("gate running, work none, final none", [failed, failed, &[Stuck, SkippedWork]]);
    }
}

#[test]
fn a_file_that_moved_is_noted_where_something_is_queued() {
    let path = |text: &str| ContentPath::new(text).unwrap();
    let moved = || Kind::Identity(Identity::DagFileMoved { from: path("dags/x.py"), to: path("dags/sub/x.py") });
    let case = Case::of(CHAIN, CHAIN).with(vec![moved()]);
    case.harms("gate running, work none, final none", [Nothing; 3]);
    case.harms("gate success, work queued, final none", [Soft; 3]);
}

#[test]
fn a_pinned_run_keeps_its_dag() {
    let case = Case::of(CHAIN, r#"t("gate") >> t("final")"#);
    let mut run = run("gate running, work none, final none");
    run.bundle_version = Some("abc".into());
    assert_eq!(case.on(&run, Some("3.3.2"))[0], Effect::none());
}

#[test]
fn a_state_that_nobody_knows_counts_as_in_flight() {
    let case = Case::of(CHAIN, r#"t("gate") >> t("final")"#);
    case.harms("gate success, work awaiting_input, final none", [Breaks; 3]);
}

#[test]
fn an_unknown_version_is_the_worst_of_all() {
    let mapped = r#"t("gate") >> m("work", ["a", "b", "c"]) >> t("final")"#;
    let case = Case::of(mapped, &mapped.replace(r#", "c""#, ""));
    let done = run("gate running, work[0] success, work[1] success, work[2] success, final none");
    assert_eq!(case.on(&done, None)[0].outcomes, BTreeSet::from([Failed, Lost, SkippedWork]));
}

#[test]
fn instances_that_neither_side_has_and_indexes_beyond_any_list_are_no_work_of_the_change() {
    let mapped = r#"t("gate") >> m("work", ["a", "b"])"#;
    let case = Case::of(mapped, &mapped.replace(r#"t("gate")"#, r#"t("gate2", does="gate")"#));
    let states = "stranger running, gate success, work[0] success, work[7] none, work[9223372036854775807] none";
    case.ends(states, [&[Lost, Repeated]; 3]);
}
