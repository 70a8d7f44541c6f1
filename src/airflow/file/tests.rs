use super::*;
use crate::facts::{Asset, ImportError, LiveTask, OfDag, StoredType, StoredTypes, StoredValue, ValueKind};
use crate::report::schema::{Shape, tests::faults};
use proptest::prelude::*;

#[test]
fn identities_and_states_are_enough() {
    let facts = read_runs(
        br#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r", "state": "running",
            "task_instances": [{"task_id": "g.t", "map_index": 3, "state": null}]}]}]}"#,
    )
    .expect("the least there can be");
    let instance = &facts.instances[0];
    assert_eq!(instance.name.as_str(), "default");
    let Seen::Known(dag) = instance.dag(&DagId::from("d")) else { panic!("{instance:?}") };
    assert_eq!(dag.runs[0].task_instances[0].map_index, MapIndex(3));
    assert_eq!(dag.runs[0].task_instances[0].state, TaskState::NoStatus);
    assert!(matches!(dag.runs[0].task_instances[0].xcom_keys, Answer::NotChecked(_)));
    assert!(matches!(instance.pools, Answer::NotChecked(_)));
    assert_eq!(instance.dag(&DagId::from("another")), Seen::Known(&DagFacts::default()));
}

#[test]
fn the_whole_shape_is_read() {
    let facts = read_runs(
        br#"{"schema_version": 1, "taken_at": "2026-01-01T00:00:00Z", "instances": [
            {"name": "prod", "airflow_version": "2.11.2", "live": "known", "unreadable": ["secret"],
             "facts": {"pools": ["default_pool"]},
             "dags": [{"dag_id": "d", "is_paused": true, "fileloc": "dags/x.py"}, {"dag_id": "secret"}],
             "runs": [{"dag_id": "d", "run_id": "done", "state": "success"},
                      {"dag_id": "d", "run_id": "r", "state": "odd", "run_type": "manual", "logical_date": null,
                       "conf": {"a": 1}, "bundle_version": "abc", "new_member": 1,
                       "task_instances": [{"task_id": "t", "map_index": -1, "state": "deferred", "try_number": 2,
                         "operator": "X", "trigger": "a.B", "xcom_keys": ["k"]}]}]}]}"#,
    )
    .expect("the shape of the contract");
    assert_eq!(facts.taken_at.map(|time| time.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
    let instance = &facts.instances[0];
    assert_eq!(instance.version.map(|version| version.to_string()).as_deref(), Some("2.11.2"));
    assert_eq!(instance.dag(&DagId::from("secret")), Seen::NotVisible);
    assert_eq!(instance.pools, Answer::Checked(BTreeSet::from(["default_pool".to_string()])));
    let Seen::Known(dag) = instance.dag(&DagId::from("d")) else { panic!("{instance:?}") };
    assert_eq!((dag.is_paused, dag.fileloc.as_deref()), (Some(true), Some("dags/x.py")));
    assert_eq!(dag.runs.len(), 1, "a finished run is not in flight, one of an unknown state is");
    assert_eq!(dag.runs[0].task_instances[0].trigger.as_deref(), Some("a.B"));
}

#[test]
fn what_was_not_seen_is_not_idle() {
    for (live, words) in [("partial", "partial"), ("unavailable", "unavailable")] {
        let text = format!(
            r#"{{"instances": [{{"live": "{live}", "runs": [{{"dag_id": "d", "run_id": "r", "state": "queued"}}]}}]}}"#
        );
        let facts = read_runs(text.as_bytes()).expect(live);
        let Seen::Unavailable(reason) = facts.instances[0].dag(&DagId::from("other")) else { panic!("{facts:?}") };
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn what_cannot_be_used_says_why() {
    for (text, words) in [
        (r#"{"schema_version": 2, "whatever": []}"#, "not known (known: 1): `2`"),
        ("{", "line 1"),
        (r#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r"}]}]}"#, "missing field `state`"),
        (
            r#"{"instances": [{"runs": [{"dag_id": "d", "run_id": "r", "state": "running",
            "task_instances": [{"task_id": "t", "map_index": 0}]}]}]}"#,
            "missing field `state`",
        ),
        (r#"{"taken_at": "yesterday", "instances": []}"#, "in `taken_at`"),
        (r#"{"instances": [{"live": "perhaps"}]}"#, "perhaps"),
    ] {
        let error = read_runs(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

fn reason() -> impl Strategy<Value = String> {
    prop_oneof![Just("not asked".to_string()), Just("status 403: `http://a`".to_string()), Just(String::new())]
}

fn instant() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of(
        (0_i64..4_000_000_000, 0_i32..1_000_000_000).prop_filter_map("a time", |(s, ns)| Timestamp::new(s, ns).ok()),
    )
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", Just("gr\u{fc}n \"x\"\n".to_string()), Just(String::new())]
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(word(), 0..3)
}

fn answer() -> impl Strategy<Value = Answer<BTreeSet<String>>> {
    prop_oneof![names().prop_map(Answer::Checked), reason().prop_map(|reason| Answer::NotChecked(reason.into()))]
}

fn state() -> impl Strategy<Value = TaskState> {
    let words =
        [None, Some("running"), Some("success"), Some("deferred"), Some("removed"), Some("awaiting_input"), Some("")];
    proptest::sample::select(words.to_vec()).prop_map(TaskState::of)
}

fn task_instance() -> impl Strategy<Value = TaskInstance> {
    let text = || proptest::option::of(word());
    let keys = prop_oneof![names().prop_map(Answer::Checked), Just(Answer::NotChecked("not asked".into()))];
    (word(), -1_i64..3, state(), proptest::option::of(0_i64..9), text(), text(), keys).prop_map(
        |(task_id, index, state, try_number, operator, trigger, xcom_keys)| TaskInstance {
            task_id: TaskId::new(task_id),
            map_index: MapIndex(index),
            state,
            try_number,
            operator: operator.map(Into::into),
            trigger: trigger.map(Into::into),
            xcom_keys,
        },
    )
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let text = || proptest::option::of(word());
    let conf = prop_oneof![Just(Value::Null), Just(serde_json::json!({ "a": [1, null, "x"] }))];
    let run = (
        word(),
        prop_oneof![Just("running".to_string()), Just("queued".to_string()), Just("odd".to_string())],
        text(),
        instant(),
        instant(),
        text(),
        conf,
        proptest::collection::vec(task_instance(), 0..3),
    )
        .prop_map(|(run_id, state, run_type, logical_date, start_date, bundle_version, conf, task_instances)| Run {
            run_id: RunId::new(run_id),
            state,
            run_type,
            logical_date,
            start_date,
            bundle_version,
            conf,
            task_instances,
        });
    proptest::collection::vec(run, 0..3).prop_map(|runs| {
        let by_id: BTreeMap<RunId, Run> = runs.into_iter().map(|run| (run.run_id.clone(), run)).collect();
        by_id.into_values().collect()
    })
}

fn seen_dag() -> impl Strategy<Value = Seen<DagFacts>> {
    let facts = (proptest::option::of(any::<bool>()), proptest::option::of(word()), instant(), instant(), runs())
        .prop_map(|(is_paused, fileloc, next_run_after, last_parsed, runs)| {
            Seen::Known(DagFacts { is_paused, fileloc, next_run_after, last_parsed, runs })
        });
    prop_oneof![3 => facts, 1 => Just(Seen::NotVisible), 1 => reason().prop_map(Seen::Unavailable)]
}

/// An answer of either kind.
fn either<T: Clone + std::fmt::Debug>(checked: impl Strategy<Value = T>) -> impl Strategy<Value = Answer<T>> {
    prop_oneof![checked.prop_map(Answer::Checked), reason().prop_map(|reason| Answer::NotChecked(reason.into()))]
}

fn of_dags<T: Clone + std::fmt::Debug>(checked: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<OfDag<T>>> {
    let of_dag = (word(), either(checked)).prop_map(|(dag_id, answer)| OfDag { dag_id: DagId::new(dag_id), answer });
    proptest::collection::vec(of_dag, 0..3)
}

fn details() -> impl Strategy<Value = Details> {
    use proptest::collection::{btree_set, vec};
    use proptest::option::of;
    let task = (word(), word(), of(word()), any::<bool>()).prop_map(|(task_id, operator, module, is_mapped)| {
        LiveTask { task_id: TaskId::new(task_id), operator, module, is_mapped }
    });
    let kinds = [ValueKind::Null, ValueKind::Boolean, ValueKind::Number];
    let kinds = [&kinds[..], &[ValueKind::String, ValueKind::Array, ValueKind::Object]].concat();
    let stored = (word(), -1_i64..3, proptest::sample::select(kinds)).prop_map(|(run_id, index, kind)| StoredType {
        run_id: RunId::new(run_id),
        map_index: MapIndex(index),
        kind,
    });
    let values = (word(), word(), word(), either(vec(stored, 0..3))).prop_map(|(dag_id, task_id, key, types)| {
        let value = StoredValue { dag_id: DagId::new(dag_id), task_id: TaskId::new(task_id), key };
        StoredTypes { value, types }
    });
    let error = (word(), of(word()), of(word()), instant()).prop_map(|(file, bundle, exception, at)| ImportError {
        file,
        bundle,
        exception,
        at,
    });
    let producer = (word(), word()).prop_map(|(dag_id, task_id)| (DagId::new(dag_id), TaskId::new(task_id)));
    let asset = (word(), btree_set(producer, 0..3), btree_set(word().prop_map(DagId::new), 0..3))
        .prop_map(|(uri, producers, consumers)| Asset { uri, producers, consumers });
    let (tasks, durations) = (of_dags(vec(task, 0..3)), of_dags(vec(0_u64..1_000_000, 0..3)));
    let pool_slots = proptest::collection::btree_map(word(), -1_i64..200, 0..3);
    let rest = (of(either(vec(error, 0..3))), of(either(vec(asset, 0..3))), pool_slots);
    (tasks, durations, vec(values, 0..3), rest).prop_map(
        |(tasks, durations, values, (import_errors, assets, pool_slots))| Details {
            tasks,
            durations,
            values,
            import_errors,
            assets,
            pool_slots,
        },
    )
}

fn instance() -> impl Strategy<Value = Instance> {
    let version = proptest::option::of((2_u32..4, 0_u32..12, 0_u32..4))
        .prop_map(|version| version.map(|(major, minor, patch)| AirflowVersion { major, minor, patch }));
    let others = prop_oneof![Just(Seen::Known(())), Just(Seen::NotVisible), reason().prop_map(Seen::Unavailable)];
    let dags = proptest::collection::btree_map(word().prop_map(DagId::new), seen_dag(), 0..4);
    (word(), version, dags, others, answer(), answer(), answer(), details()).prop_map(
        |(name, version, dags, others, pools, variables, connections, details)| Instance {
            name: InstanceName::new(name),
            version,
            dags,
            others,
            pools,
            variables,
            connections,
            details,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_seen_and_what_was_not_survives_the_file(
        taken_at in instant(),
        instances in proptest::collection::vec(instance(), 0..3),
    ) {
        let facts = Facts { taken_at, instances };
        let written = write_runs(&facts, Values::With).expect("facts are JSON");
        let read = read_runs(written.as_bytes()).expect("what was just written");
        prop_assert_eq!(&read, &facts);
        prop_assert_eq!(write_runs(&read, Values::With).expect("facts are JSON"), written.clone());
        let json: Value = serde_json::from_str(&written).expect("JSON");
        prop_assert_eq!(faults(Shape::Snapshot, &json), Vec::<String>::new());
        // Without values nothing is lost but these.
        let bare = write_runs(&facts, Values::Without).expect("facts are JSON");
        let mut without = facts;
        for dag in without.instances.iter_mut().flat_map(|instance| instance.dags.values_mut()) {
            if let Seen::Known(dag) = dag {
                dag.runs.iter_mut().for_each(|run| run.conf = Value::Null);
            }
        }
        prop_assert_eq!(read_runs(bare.as_bytes()).expect("what was just written"), without);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read_runs(&bytes);
    }
}
