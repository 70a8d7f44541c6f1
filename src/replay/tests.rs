//! What was measured on real servers, as a table: a change, the states at the moment of the
//! change, and what became of the run on 2.6.2, 2.11.2 and 3.3.2. The names are those of the
//! scenarios in the rule files' `evidence`.

use super::*;
use crate::content::ContentPath;
use crate::dag::{Id, Shape};
use crate::diff::{Certainty, Data, FileChange, Identity, KnownBy, Mapped, MappingChange};
use crate::facts::Answer;
use crate::ids::{DagId, GroupId, RunId};
use Harm::{Breaks, None as Nothing, Soft};

const VERSIONS: [&str; 3] = ["2.6.2", "2.11.2", "3.3.2"];

fn change(kind: Kind) -> Change {
    Change {
        kind,
        dags: vec![Id::Exact(DagId::new("dag"))],
        certainty: Certainty::Certain,
        deployed: None,
        proposed: None,
    }
}

fn run(states: &[(&str, i64, &str)]) -> Run {
    let instance = |(task_id, index, state): &(&str, i64, &str)| TaskInstance {
        task_id: TaskId::new(*task_id),
        map_index: MapIndex(*index),
        state: TaskState::of(Some(state)),
        try_number: None,
        operator: None,
        trigger: None,
        xcom_keys: Answer::NotChecked("not asked".into()),
    };
    Run {
        run_id: RunId::new("r"),
        state: "running".into(),
        run_type: None,
        logical_date: None,
        start_date: None,
        bundle_version: None,
        conf: serde_json::Value::Null,
        task_instances: states.iter().map(instance).collect(),
    }
}

fn scene(run: &Run, version: Option<AirflowVersion>) -> Scene<'_> {
    Scene { run, deployed: None, proposed: None, version, now: None }
}

/// The harm on each of [`VERSIONS`].
#[track_caller]
fn measured(kind: Kind, states: &[(&str, i64, &str)], expected: [Harm; 3]) {
    let (change, run) = (change(kind), run(states));
    let found = VERSIONS.map(|version| effect(&change, &scene(&run, AirflowVersion::parse(version))));
    assert_eq!(found.clone().map(|effect| effect.harm), expected, "{found:#?}");
    for effect in found {
        assert_eq!(
            effect.harm == Nothing,
            effect.hits.is_empty() && effect.outcomes.is_empty() && effect == Effect::none()
        );
        assert!(effect.harm <= worst(&change).harm, "a run does not fare worse than the worst: {effect:?}");
    }
    let unknown = effect(&change, &scene(&run, None));
    assert_eq!(Some(unknown.harm), expected.into_iter().max(), "an unknown version is taken as the worst");
    let pinned = Run { bundle_version: Some("5f3c1d0".into()), ..run };
    let reaches_pinned = matches!(
        change.kind,
        Kind::Identity(Identity::DagRemoved | Identity::DagRenamed { .. }) | Kind::File(FileChange::Broken { .. })
    );
    assert_eq!(effect(&change, &scene(&pinned, None)).harm, if reaches_pinned { Breaks } else { Nothing });
}

fn renamed_with(named_by: &[&str]) -> Kind {
    Kind::Identity(Identity::TaskRenamed {
        from: "work".into(),
        to: "work_v2".into(),
        known: KnownBy { tasks: named_by.iter().map(|id| TaskId::new(*id)).collect(), ..KnownBy::default() },
    })
}

fn removed_task() -> Kind {
    Kind::Identity(Identity::TaskRemoved { task_id: "work".into() })
}

fn counts(before: usize, after: usize) -> Kind {
    Kind::Mapping(MappingChange::CountChanged { subject: Mapped::Task("work".into()), before, after })
}

fn elements(before: &str, after: &str) -> Kind {
    let list = |text: &str| text.chars().map(String::from).collect();
    Kind::Mapping(MappingChange::ItemsChanged {
        subject: Mapped::Task("work".into()),
        before: list(before),
        after: list(after),
    })
}

fn xcom_type(consumer_changes: bool) -> Kind {
    Kind::Data(Data::TypeChanged {
        producer: "prepare".into(),
        consumer: "work".into(),
        before: Shape::Named("int".into()),
        after: Shape::Named("str".into()),
        consumer_changes,
    })
}

#[test]
fn renames() {
    // id_finished_plain, id_finished_pull_updated, id_finished_taskflow
    measured(renamed_with(&[]), &[("work", -1, "success"), ("gate", -1, "running")], [Breaks; 3]);
    // id_running_rename_xcom
    measured(renamed_with(&[]), &[("work", -1, "running")], [Breaks; 3]);
    // defer_task_renamed: the deferred task starts again under the new id
    measured(renamed_with(&[]), &[("work", -1, "deferred")], [Breaks; 3]);
    // id_pending_explicit, id_pending_func_rename, id_override_pending; 2.11.2 won the race twice,
    // and on 3.3.2 the row alone was lost: an identity that changes under a run waits all the same
    measured(renamed_with(&[]), &[("gate", -1, "running"), ("work", -1, "none")], [Breaks; 3]);
    // id_pending_pull_stale
    let states = [("gate", -1, "running"), ("work", -1, "none"), ("final", -1, "none")];
    measured(renamed_with(&["final"]), &states, [Breaks; 3]);
    // A reader that is done has read.
    let states = [("gate", -1, "running"), ("work", -1, "none"), ("final", -1, "success")];
    measured(renamed_with(&["final"]), &states, [Breaks; 3]);
    // Nothing of it is in the run, or it had gone before.
    measured(renamed_with(&[]), &[("gate", -1, "running")], [Nothing; 3]);
    measured(renamed_with(&[]), &[("work", -1, "removed")], [Nothing; 3]);
}

#[test]
fn what_a_choice_another_dag_or_a_reader_remembers_makes_a_pending_rename_worse() {
    let on_3 = |known: KnownBy, states: &[(&str, i64, &str)]| {
        let kind = Kind::Identity(Identity::TaskRenamed { from: "work".into(), to: "work_v2".into(), known });
        let effect = effect(&change(kind), &scene(&run(states), AirflowVersion::parse("3.3.2")));
        effect.outcomes.into_iter().collect::<Vec<_>>()
    };
    let branch = || KnownBy { branches: vec!["choose".into()], ..KnownBy::default() };
    // branch_both_renamed_done
    let made = [("choose", -1, "success"), ("work", -1, "none")];
    assert_eq!(on_3(branch(), &made), [Outcome::Lost, Outcome::SkippedWork]);
    // A choice that is still to be made is made by the proposed code.
    assert_eq!(on_3(branch(), &[("choose", -1, "none"), ("work", -1, "none")]), [Outcome::Lost]);
    // ext_sensor_target_renamed
    let sensor = KnownBy { elsewhere: vec![("waiting".into(), "wait".into())], ..KnownBy::default() };
    assert_eq!(on_3(sensor, &[("work", -1, "none")]), [Outcome::Stuck, Outcome::Lost]);
    // id_pending_pull_stale; a reader that is done has read
    let reader = || KnownBy { tasks: vec!["final".into()], ..KnownBy::default() };
    assert_eq!(on_3(reader(), &[("work", -1, "none"), ("final", -1, "none")]), [Outcome::Failed, Outcome::Lost]);
    assert_eq!(on_3(reader(), &[("work", -1, "none"), ("final", -1, "success")]), [Outcome::Lost]);
}

#[test]
fn groups() {
    let group = || {
        Kind::Identity(Identity::GroupChanged {
            from: GroupId::new("stage"),
            to: Some(GroupId::new("phase")),
            members: vec![("stage.a".into(), "phase.a".into()), ("stage.b".into(), "phase.b".into())],
            known: KnownBy::default(),
        })
    };
    // group_rename_finished
    measured(group(), &[("stage.a", -1, "success"), ("stage.b", -1, "none")], [Breaks; 3]);
    // group_rename_pending
    measured(group(), &[("stage.a", -1, "none"), ("stage.b", -1, "none")], [Breaks; 3]);
    measured(group(), &[("gate", -1, "running")], [Nothing; 3]);
}

#[test]
fn removals() {
    // remove_pending, shared_loop_shrink
    measured(removed_task(), &[("gate", -1, "running"), ("work", -1, "none")], [Breaks; 3]);
    measured(removed_task(), &[("work", -1, "up_for_retry")], [Breaks; 3]);
    // remove_finished
    measured(removed_task(), &[("work", -1, "success")], [Soft; 3]);
    measured(removed_task(), &[("gate", -1, "running")], [Nothing; 3]);
    measured(removed_task(), &[("work", -1, "removed")], [Nothing; 3]);
}

#[test]
fn dags_and_files() {
    // file_deleted, dagid_changed, dag_syntax_error; with a versioned bundle too
    let states = [("gate", -1, "running"), ("work", -1, "none")];
    measured(Kind::Identity(Identity::DagRemoved), &states, [Breaks; 3]);
    measured(Kind::Identity(Identity::DagRenamed { to: "dag_v2".into() }), &states, [Breaks; 3]);
    let path = || ContentPath::new("dags/x.py").unwrap();
    measured(Kind::File(FileChange::Broken { path: path(), message: "invalid syntax".into() }), &states, [Breaks; 3]);
    // file_moved: nothing was queued
    let moved =
        || Kind::Identity(Identity::DagFileMoved { from: path(), to: ContentPath::new("dags/sub/x.py").unwrap() });
    measured(moved(), &states, [Nothing; 3]);
    measured(moved(), &[("work", -1, "queued")], [Soft; 3]);
}

#[test]
fn mapped_lists_that_change_their_length() {
    let pending = [("work", 0, "none"), ("work", 1, "none"), ("work", 2, "none")];
    let half = [("work", 0, "success"), ("work", 1, "running"), ("work", 2, "none")];
    let done = [("work", 0, "success"), ("work", 1, "success"), ("work", 2, "success")];
    // map_lit_pending_shrink, map_mid_shrink_done, map_mid_shrink_pending
    measured(counts(3, 2), &pending, [Breaks; 3]);
    measured(counts(3, 2), &half, [Breaks; 3]);
    // map_done_shrink
    measured(counts(3, 2), &done, [Breaks, Breaks, Soft]);
    // map_lit_pending_grow, map_mid_grow_end, map_done_grow: whole, but the new element is not
    // sure to run
    measured(counts(3, 4), &pending, [Soft; 3]);
    measured(counts(3, 4), &half, [Soft; 3]);
    measured(counts(3, 4), &done, [Soft; 3]);
    measured(counts(3, 4), &[("gate", -1, "running")], [Nothing; 3]);
}

#[test]
fn sentences_name_the_instances_with_their_indexes() {
    let states = [("work", 0, "success"), ("work", 2, "running"), ("work", 3, "none")];
    let sentence = |kind, states: &[(&str, i64, &str)]| effect(&change(kind), &scene(&run(states), None)).sentence;
    assert_eq!(
        sentence(counts(4, 2), &states),
        "`work`[2, 3] (not started, running) becomes `removed` and its element is never done"
    );
    assert_eq!(
        sentence(removed_task(), &[("work", -1, "queued")]),
        "`work` (queued) becomes `removed` and its work is never done; the run can turn `success` without it"
    );
    let many: Vec<_> = (0..5).map(|index| ("work", index, "none")).collect();
    assert!(sentence(removed_task(), &many).starts_with("`work`[0, 1, 2, …] (5 not started) becomes"));
}

#[test]
fn mapped_lists_that_change_their_elements() {
    let pending = [("work", 0, "none"), ("work", 1, "none"), ("work", 2, "none")];
    let half = [("work", 0, "success"), ("work", 1, "running"), ("work", 2, "none")];
    let done = [("work", 0, "success"), ("work", 1, "success"), ("work", 2, "success")];
    // map_mid_reorder, map_mid_insert_front, map_mid_edit_pending
    measured(elements("abc", "cba"), &half, [Breaks; 3]);
    measured(elements("abc", "zabc"), &half, [Breaks; 3]);
    measured(elements("abc", "abC"), &half, [Breaks; 3]);
    // map_mid_swap_done, map_lit_pending_reorder, map_done_reorder
    measured(elements("abc", "bac"), &half, [Nothing; 3]);
    measured(elements("abc", "cab"), &pending, [Nothing; 3]);
    measured(elements("abc", "cba"), &done, [Nothing; 3]);
    // What starts again takes the new element of its index.
    measured(
        elements("abc", "bac"),
        &[("work", 0, "up_for_retry"), ("work", 1, "success"), ("work", 2, "success")],
        [Breaks; 3],
    );
}

#[test]
fn values_that_change_their_type() {
    // xcom_type_pending, xcom_dict_key_removed_pending
    measured(xcom_type(false), &[("prepare", -1, "none"), ("work", -1, "none")], [Breaks; 3]);
    // xcom_type_done
    measured(xcom_type(false), &[("prepare", -1, "success"), ("work", -1, "none")], [Nothing; 3]);
    // xcom_type_consumer_changed
    measured(xcom_type(true), &[("prepare", -1, "success"), ("work", -1, "none")], [Breaks; 3]);
    measured(xcom_type(true), &[("prepare", -1, "none"), ("work", -1, "none")], [Nothing; 3]);
    measured(xcom_type(false), &[("prepare", -1, "none"), ("work", -1, "success")], [Nothing; 3]);
}

#[test]
fn a_state_that_nobody_knows_counts_as_in_flight() {
    measured(removed_task(), &[("work", -1, "awaiting_input")], [Breaks; 3]);
    measured(renamed_with(&[]), &[("work", -1, "shutdown")], [Breaks; 3]);
}

#[test]
fn an_element_that_waits_for_another_try_and_is_edited_is_never_done() {
    let edited = || elements("ab", "cb");
    measured(edited(), &[("work", 0, "up_for_retry"), ("work", 1, "success")], [Breaks; 3]);
    measured(edited(), &[("work", 0, "success"), ("work", 1, "up_for_retry")], [Nothing; 3]);
}
