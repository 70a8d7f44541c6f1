//! Whole judgements of constructs that were run on real Airflows, or read in their sources: each named after
//! what went wrong.

use super::*;
use crate::replay::Outcome;

const FACTORY: &str = r#"
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator


def build(dag_id, names):
    with DAG(dag_id, schedule=None, start_date=datetime(2024, 1, 1)) as dag:
        gate = BashOperator(task_id="gate", bash_command="true")
        for name in names:
            gate >> BashOperator(task_id=f"load_{name}", bash_command=f"load {name}")
    return dag
"#;
const MADE: &str = "from lib.factory import build\n\ndag = build(\"etl\", [\"a\", \"b\"])\n";

/// The verdict, and what becomes of the only run.
fn judged(before: &Snapshot, after: &Snapshot, version: &str, run: Run) -> (Verdict, BTreeSet<Outcome>) {
    let taken_at = "2026-01-01T00:10:00Z".parse().ok();
    let facts = Facts { taken_at, ..facts([with_runs(instance("default", version), "etl", vec![run])]) };
    let report = check(before, after, &facts, &policy());
    let outcomes = report.predictions.iter().flat_map(|prediction| prediction.outcomes.clone()).collect();
    (report.verdict, outcomes)
}

fn open(states: &[(&str, &str)]) -> Run {
    Run { start_date: "2026-01-01T00:00:00Z".parse().ok(), ..run("r", states) }
}

#[test]
fn a_dag_file_that_never_says_airflow_is_one_where_it_is_deployed() {
    // factory_id_pattern_changed, factory_param_renamed_stale: without safe mode they are loaded.
    let states = [("gate", "running"), ("load_a", "none"), ("load_b", "none")];
    let deployed = [("dags/etl.py", MADE), ("shared/lib/factory.py", FACTORY)];
    let changed = FACTORY.replace("load_{name}", "fetch_{name}");
    let before = tree("before", &deployed);
    let after = tree("after", &[deployed[0], ("shared/lib/factory.py", &changed)]);
    assert_eq!(judged(&before, &after, "3.3.2", open(&states)).0, Verdict::Block);
    let renamed = FACTORY.replace("names", "sources");
    let keyword = MADE.replace("\"etl\", ", "dag_id=\"etl\", names=");
    let before = tree("before", &[("dags/etl.py", &keyword), deployed[1]]);
    let after = tree("after", &[("dags/etl.py", &keyword), ("shared/lib/factory.py", &renamed)]);
    assert_eq!(judged(&before, &after, "3.3.2", open(&states)).0, Verdict::Block);
    // The same where the run is pinned: its DAG file meets the plugins.
    let pinned = Run { bundle_version: Some("commit".into()), ..open(&states) };
    assert_eq!(judged(&before, &after, "3.3.2", pinned).0, Verdict::Block);
}

#[test]
fn a_dag_file_that_says_airflow_no_more_is_gone_in_safe_mode() {
    let before =
        tree("before", &[("dags/etl.py", &format!("# of airflow\n{MADE}")), ("shared/lib/factory.py", FACTORY)]);
    let after = tree("after", &[("dags/etl.py", MADE), ("shared/lib/factory.py", FACTORY)]);
    assert_eq!(judged(&before, &after, "2.11.2", open(&[("gate", "running")])).0, Verdict::Block);
    // And one that comes new is none.
    let before = tree("before", &[("dags/other.py", &dag("other", &["one"])), ("shared/lib/factory.py", FACTORY)]);
    let after = tree(
        "after",
        &[("dags/other.py", &dag("other", &["one"])), ("dags/etl.py", MADE), ("shared/lib/factory.py", FACTORY)],
    );
    assert_eq!(judged(&before, &after, "2.11.2", open(&[("gate", "running")])).0, Verdict::Allow);
}

#[test]
fn a_pinned_run_takes_what_the_plugins_put_at_an_index() {
    // map_lit_shared_const_sorted_mid with a versioned bundle
    let file = format!(
        "{HEAD}from lib.parts import ITEMS\n\nwith DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         BashOperator.partial(task_id=\"work\").expand(bash_command=ITEMS)\n"
    );
    let side = |items: &str| tree(items, &[("dags/etl.py", &file), ("shared/lib/parts.py", items)]);
    let three = side("ITEMS = [\"a\", \"b\", \"c\"]\n");
    let states = [("work[0]", "success"), ("work[1]", "running"), ("work[2]", "none")];
    let pinned = || Run { bundle_version: Some("commit".into()), ..open(&states) };
    let twice = BTreeSet::from([Outcome::Repeated, Outcome::SkippedWork]);
    let (verdict, outcomes) = judged(&three, &side("ITEMS = [\"c\", \"b\", \"a\"]\n"), "3.3.2", pinned());
    assert_eq!((verdict, outcomes), (Verdict::Block, twice));
    let (verdict, _) = judged(&three, &side("ITEMS = [\"a\", \"b\", \"c\", \"d\"]\n"), "3.3.2", pinned());
    assert_eq!(verdict, Verdict::Allow);
}

#[test]
fn an_operator_without_execute_fails_and_one_that_inherits_it_does_not() {
    // op_execute_removed
    let op = |base: &str, name: &str| {
        format!(
            "from airflow.models.baseoperator import BaseOperator\n\n\nclass Common(BaseOperator):\n    def execute(self, context):\n        return 1\n\n\nclass Load({base}):\n    def {name}(self, context):\n        return 2\n"
        )
    };
    let file = "from datetime import datetime\n\nfrom airflow import DAG\nfrom operators.load import Load\n\nwith DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    Load(task_id=\"load\")\n";
    let side = |text: &str| tree(text, &[("dags/etl.py", file), ("plugins/operators/load.py", text)]);
    for version in ["2.6.2", "2.11.2", "3.3.2"] {
        let base = (side(&op("BaseOperator", "execute")), side(&op("BaseOperator", "run_it")));
        assert_eq!(judged(&base.0, &base.1, version, open(&[("load", "none")])).0, Verdict::Block, "on {version}");
        let common = (side(&op("Common", "execute")), side(&op("Common", "run_it")));
        assert_eq!(judged(&common.0, &common.1, version, open(&[("load", "none")])).0, Verdict::Allow, "on {version}");
    }
    // A class that takes its `execute` from an assignment has one.
    let assigned = op("BaseOperator", "run_it") + "    execute = run_it\n";
    let before = side(&op("BaseOperator", "execute"));
    assert_eq!(judged(&before, &side(&assigned), "3.3.2", open(&[("load", "none")])).0, Verdict::Allow);
}

#[test]
fn a_list_that_grows_in_front_can_lose_its_last_element_beside_a_task_that_ends() {
    // map_lit_pending_insert_front, map_axis_added_pending: on 2.6.2 the last element was never done.
    let of = |expand: &str| {
        let body = format!(
            "with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
             BashOperator(task_id=\"gate\", bash_command=\"true\") >> BashOperator.partial(task_id=\"work\").expand({expand})\n"
        );
        tree(expand, &[("dags/etl.py", &format!("{HEAD}{body}"))])
    };
    let before = of("bash_command=[\"a\", \"b\"]");
    let states = [("gate", "running"), ("work[0]", "none"), ("work[1]", "none")];
    let cases = [
        ("bash_command=[\"z\", \"a\", \"b\"]", Verdict::Block),
        ("bash_command=[\"a\", \"b\"], env=[{\"X\": \"1\"}, {\"X\": \"2\"}]", Verdict::Block),
        ("bash_command=[\"a\", \"b\", \"c\"]", Verdict::Allow),
    ];
    for (after, verdict) in cases {
        let after = of(after);
        assert_eq!(judged(&before, &after, "2.6.2", open(&states)).0, verdict);
        assert_eq!(judged(&before, &after, "3.3.2", open(&states)).0, Verdict::Allow);
        // No task is about to end that knows the former list.
        let waits = [("gate", "scheduled"), ("work[0]", "none"), ("work[1]", "none")];
        assert_eq!(judged(&before, &after, "2.6.2", open(&waits)).0, Verdict::Allow);
    }
}

#[test]
fn a_method_that_airflow_calls_must_take_what_it_is_called_with() {
    // `execute(context=…)` by name, `poke(context)` by place: read in 2.6.2, 2.11.2 and 3.3.2.
    let op = |name: &str, method: &str, parameters: &str| {
        format!(
            "from airflow.models.baseoperator import BaseOperator\nfrom airflow.sensors.base import BaseSensorOperator\n\n\n\
             class Load({name}):\n    def {method}({parameters}):\n        return True\n"
        )
    };
    let file = "from datetime import datetime\n\nfrom airflow import DAG\nfrom operators.load import Load\n\nwith DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    Load(task_id=\"load\")\n";
    let side = |text: &str| tree(text, &[("dags/etl.py", file), ("plugins/operators/load.py", text)]);
    let cases = [
        (("BaseOperator", "execute"), "self, ctx", Verdict::Block),
        (("BaseOperator", "execute"), "self, context, more=None", Verdict::Allow),
        (("BaseOperator", "execute"), "self, **context", Verdict::Allow),
        (("BaseSensorOperator", "poke"), "self", Verdict::Block),
        (("BaseSensorOperator", "poke"), "self, ctx", Verdict::Allow),
    ];
    for ((base, method), parameters, verdict) in cases {
        let before = side(&op(base, method, "self, context"));
        let after = side(&op(base, method, parameters));
        for version in ["2.6.2", "2.11.2", "3.3.2"] {
            let (found, _) = judged(&before, &after, version, open(&[("load", "none")]));
            assert_eq!(found, verdict, "`{method}({parameters})` on {version}");
        }
    }
}

#[test]
fn a_template_file_is_part_of_its_task() {
    let file = format!(
        "{HEAD}with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         BashOperator(task_id=\"make\", bash_command=\"date\") >> BashOperator(task_id=\"use\", bash_command=\"sql/use.sh\")\n"
    );
    let side = |text: &str| tree(text, &[("dags/etl.py", &file), ("dags/sql/use.sh", text)]);
    let pulls = "echo {{ ti.xcom_pull(task_ids='make') }}\n";
    let states = [("make", "success"), ("use", "none")];
    let verdict = |after: &Snapshot| judged(&side(pulls), after, "2.11.2", open(&states)).0;
    assert_eq!(verdict(&side(&format!("# why\n{pulls}"))), Verdict::Allow);
    assert_eq!(verdict(&side("echo {{ ti.xcom_pull(task_ids='made') }}\n")), Verdict::Block);
    assert_eq!(verdict(&tree("gone", &[("dags/etl.py", &file)])), Verdict::Block);
    // What has run has been rendered.
    let done = [("make", "success"), ("use", "running")];
    assert_eq!(judged(&side(pulls), &tree("gone", &[("dags/etl.py", &file)]), "2.11.2", open(&done)).0, Verdict::Allow);
}

#[test]
fn a_reader_of_more_values_than_a_mapped_task_has_stored_fails() {
    let side = |count: usize, reads: &str| {
        let items = ["'a'", "'b'", "'c'"][..count].join(", ");
        let body = format!(
            "from airflow.decorators import task\n\n\n@task\ndef work(x):\n    return x\n\n\n@task\ndef gate():\n    pass\n\n\n\
             @task\ndef last(rows, ti=None):\n    {reads}\n\n\n\
             with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
             rows = work.expand(x=[{items}])\n    rows >> gate() >> last(rows)\n"
        );
        tree(&format!("{count} {reads}"), &[("dags/etl.py", &format!("{HEAD}{body}"))])
    };
    let done = [("work[0]", "success"), ("work[1]", "success"), ("gate", "running"), ("last", "none")];
    let verdict = |(before, after): (&str, &str), states: &[(&str, &str)], version: &str| {
        judged(&side(2, before), &side(3, after), version, open(states)).0
    };
    let (two, three) = ("a, b = rows", "a, b, c = rows");
    let (low, high) =
        ("ti.xcom_pull('work', map_indexes=[0, 1])", "a, b, c = ti.xcom_pull('work', map_indexes=[0, 1, 2])");
    let beyond = ("print(rows[0])", "print(rows[2])");
    // xcom_pull_map_index_beyond: 2.x leaves the index out, 3.x gives `None` for it.
    for (version, on_two) in [("2.6.2", Verdict::Block), ("2.11.2", Verdict::Block), ("3.3.2", Verdict::Allow)] {
        assert_eq!(verdict((two, three), &done, version), Verdict::Block, "{version}");
        assert_eq!(verdict(beyond, &done, version), Verdict::Block, "{version}");
        assert_eq!(verdict((low, high), &done, version), on_two, "{version}");
        // Whoever does not count is not hurt by more.
        assert_eq!(verdict(("print(rows)", "print(list(rows))"), &done, version), Verdict::Allow, "{version}");
        // There will be three.
        let waits = [("work[0]", "none"), ("work[1]", "none"), ("gate", "none"), ("last", "none")];
        assert_eq!(verdict((two, three), &waits, "3.3.2"), Verdict::Allow, "{version}");
    }
}

#[test]
fn a_task_that_becomes_empty_before_it_has_run_does_nothing() {
    let of = |task: &str| {
        let body = format!("with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    {task}\n");
        tree(task, &[("dags/etl.py", &format!("{HEAD}from airflow.operators.empty import EmptyOperator\n\n{body}"))])
    };
    let before = of("BashOperator(task_id=\"work\", bash_command=\"date\")");
    let after = of("EmptyOperator(task_id=\"work\")");
    assert_eq!(judged(&before, &after, "3.3.2", open(&[("work", "none")])).0, Verdict::Block);
    assert_eq!(judged(&before, &after, "3.3.2", open(&[("work", "success")])).0, Verdict::Allow);
}

#[test]
fn a_pinned_run_does_other_work_where_shared_code_gives_its_ids_away() {
    // shared_loop_index_ids_insert on a versioned bundle: step_1 was the work of `b`.
    let dag = format!(
        "{HEAD}from lib.parts import ITEMS\n\nwith DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         for number, item in enumerate(ITEMS):\n        \
         BashOperator(task_id=f\"step_{{number}}\", bash_command=f\"load {{item}}\")\n"
    );
    let side =
        |items: &str| tree(items, &[("dags/etl.py", &dag), ("shared/lib/parts.py", &format!("ITEMS = [{items}]\n"))]);
    let (before, after) = (side("'a', 'b', 'c'"), side("'new', 'a', 'b', 'c'"));
    let pinned = |states: &[(&str, &str)]| Run { bundle_version: Some("commit".into()), ..open(states) };
    let half = [("step_0", "success"), ("step_1", "running"), ("step_2", "none")];
    let (verdict, outcomes) = judged(&before, &after, "3.3.2", pinned(&half));
    assert_eq!(verdict, Verdict::Block);
    assert_eq!(outcomes, [Outcome::Repeated, Outcome::SkippedWork].into());
    let done = [("step_0", "success"), ("step_1", "success"), ("step_2", "running")];
    assert_eq!(judged(&before, &after, "3.3.2", pinned(&done)), (Verdict::Allow, BTreeSet::new()));
}

#[test]
fn a_pinned_run_takes_what_an_operator_of_the_proposed_plugins_returns() {
    // op_result_type_changed_pending on a versioned bundle: the plugin is not pinned.
    let operator = |value: &str| {
        format!(
            "from airflow.models import BaseOperator\n\n\nclass Make(BaseOperator):\n    \
             def execute(self, context):\n        return {value}\n"
        )
    };
    let dag = |read: &str| {
        format!(
            "{HEAD}from airflow.decorators import task\nfrom operators.make import Make\n\n\n\
             @task\ndef show(value):\n    print({read})\n\n\n\
             with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
             gate = BashOperator(task_id=\"gate\", bash_command=\"date\")\n    \
             make = Make(task_id=\"make\")\n    gate >> make\n    show(make.output)\n"
        )
    };
    let side = |value: &str, read: &str| {
        let (operator, dag) = (operator(value), dag(read));
        tree(&format!("{value} {read}"), &[("plugins/operators/make.py", &operator), ("dags/etl.py", &dag)])
    };
    let before = side("7", "value + 1");
    let verdict = |after: &Snapshot, version: Option<&str>, made: &str| {
        let states = [("gate", "running"), ("make", made), ("show", "none")];
        let run = Run { bundle_version: version.map(Into::into), ..open(&states) };
        judged(&before, after, "3.3.2", run).0
    };
    let (alone, both) = (side("{'n': 7}", "value + 1"), side("{'n': 7}", "value['n'] + 1"));
    // The plugin alone: whoever reads the new value, pinned or not.
    assert_eq!(verdict(&alone, Some("commit"), "none"), Verdict::Block);
    assert_eq!(verdict(&alone, None, "none"), Verdict::Block);
    assert_eq!(verdict(&alone, Some("commit"), "success"), Verdict::Allow);
    // Both sides together: a pinned run has the former reader still.
    assert_eq!(verdict(&both, Some("commit"), "none"), Verdict::Block);
    assert_eq!(verdict(&both, None, "none"), Verdict::Allow);
    // And a reader alone does not reach it.
    let reader = side("7", "value['n']");
    assert_eq!(verdict(&reader, Some("commit"), "none"), Verdict::Allow);
    assert_eq!(verdict(&reader, None, "none"), Verdict::Block);
}

#[test]
fn a_sensor_finds_its_target_in_a_run_that_is_pinned() {
    // ext_sensor_target_renamed on a versioned bundle: both runs keep the DAGs of their commit.
    let source = |id: &str| {
        format!(
            "{HEAD}with DAG(\"source\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
             BashOperator(task_id=\"{id}\", bash_command=\"date\")\n"
        )
    };
    let waits = format!(
        "{HEAD}from airflow.sensors.external_task import ExternalTaskSensor\n\n\
         with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         ExternalTaskSensor(task_id=\"wait\", external_dag_id=\"source\", external_task_id=\"ready\", mode=\"reschedule\")\n"
    );
    let side = |id: &str| tree(id, &[("dags/etl.py", &waits), ("dags/source.py", &source(id))]);
    let (before, after) = (side("ready"), side("ready_v2"));
    let verdict = |after: &Snapshot, target: Run| {
        let waiting = Run { bundle_version: Some("commit".into()), ..open(&[("wait", "up_for_reschedule")]) };
        let seen = with_runs(instance("default", "3.3.2"), "etl", vec![waiting]);
        check(&before, after, &facts([with_runs(seen, "source", vec![target])]), &policy()).verdict
    };
    let target = |version: Option<&str>| Run { bundle_version: version.map(Into::into), ..open(&[("ready", "none")]) };
    assert_eq!(verdict(&after, target(Some("commit"))), Verdict::Allow);
    assert_eq!(verdict(&after, target(None)), Verdict::Block);
    let another = Run { logical_date: "2026-01-02T00:00:00Z".parse().ok(), ..target(Some("commit")) };
    assert_eq!(verdict(&after, another), Verdict::Block);
    // Nothing moves the run of a DAG that is gone.
    let gone = tree("gone", &[("dags/etl.py", &waits)]);
    assert_eq!(verdict(&gone, target(Some("commit"))), Verdict::Block);
}

#[test]
fn a_pull_that_looks_at_earlier_runs_finds_what_this_run_stores_first() {
    const BEHIND: &str = "first() >> last()";
    let file = |returned: &str, asked: &str, edge: &str| {
        let text = format!(
            "from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.decorators import task\n\n\n\
             @task\ndef first():\n    return {{\"{returned}\": 1}}\n\n\n\
             @task\ndef last(ti=None):\n    return ti.xcom_pull(task_ids=\"first\", include_prior_dates=True)[\"{asked}\"]\n\n\n\
             with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    {edge}\n"
        );
        tree("side", &[("dags/etl.py", &text)])
    };
    let pending = [("first", "none"), ("last", "none")];
    let stored = [("first", "success"), ("last", "none")];
    let judge =
        |before: &Snapshot, after: &Snapshot, states: &[(&str, &str)]| judged(before, after, "2.11.2", open(states)).0;
    let deployed = file("a", "a", BEHIND);
    assert_eq!(judge(&deployed, &file("b", "a", BEHIND), &pending), Verdict::Block);
    assert_eq!(judge(&deployed, &file("a", "b", BEHIND), &stored), Verdict::Block);
    assert_eq!(judge(&deployed, &file("b", "b", BEHIND), &pending), Verdict::Allow);
    // What does not run behind it reads what an earlier run stored.
    let apart = "first()\n    last()";
    assert_eq!(judge(&file("a", "a", apart), &file("b", "a", apart), &pending), Verdict::Allow);
}
