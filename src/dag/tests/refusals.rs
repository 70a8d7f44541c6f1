//! What Airflow refuses: checked against the DagBags of 2.6.2, 2.11.2 and 3.3.2.

use super::{HEAD, model_at, show};

/// The model of a DAG file as each of the releases has it, with what the release says.
fn in_releases(source: &str) -> [String; 3] {
    ["2.6.2", "2.11.2", "3.3.2"]
        .map(|version| show(&model_at(Some(version), &[("dags/d.py", &format!("{HEAD}{source}"))])))
}

/// A body in a DAG that has what every release wants.
fn body(lines: &str) -> String {
    let lines = lines.replace('\n', "\n    ");
    format!("from datetime import datetime\nwith DAG('d', start_date=datetime(2024, 1, 1)) as d:\n    {lines}\n")
}

fn refused_everywhere(source: &str) {
    for shown in in_releases(source) {
        assert!(shown.starts_with("error "), "{source}\n{shown}");
    }
}

fn accepted_everywhere(source: &str) {
    for shown in in_releases(source) {
        assert!(!shown.contains("error ") && !shown.contains("(incomplete)"), "{source}\n{shown}");
    }
}

#[test]
fn ids_are_checked() {
    for lines in [
        "EmptyOperator(task_id='a b')",
        "EmptyOperator(task_id='')",
        "EmptyOperator(task_id='a' * 251)",
        "EmptyOperator(task_id='a')\nEmptyOperator(task_id='a')",
        "EmptyOperator(task_id='a')\nTaskGroup('a')",
        "TaskGroup('a')\nEmptyOperator(task_id='a')",
        "TaskGroup('a.b')",
        "a = EmptyOperator(task_id='a')\nd.add_task(a)",
    ] {
        refused_everywhere(&body(lines));
    }
    refused_everywhere("DAG('a b')\n");
    refused_everywhere("DAG(None)\n");
    accepted_everywhere(&body("EmptyOperator(task_id='ä.b-c_9')"));
}

#[test]
fn arguments_are_checked() {
    for lines in [
        "EmptyOperator()",
        "EmptyOperator('a')",
        "EmptyOperator(task_id='a', nonsense=1)",
        "EmptyOperator(task_id='a', trigger_rule='nope')",
        "EmptyOperator(task_id='a', pool_slots=0)",
        "EmptyOperator(task_id='a', retries='x')",
        "from airflow.operators.bash import BashOperator\nBashOperator(task_id='a')",
        "from airflow.operators.python import PythonOperator\nPythonOperator(task_id='a', python_callable='x')",
    ] {
        refused_everywhere(&body(lines));
    }
    refused_everywhere("DAG('d', nonsense=1)\n");
    accepted_everywhere(&body("EmptyOperator(task_id='a', retries='3', trigger_rule='all_done')"));
}

#[test]
fn releases_differ_in_what_they_take() {
    let refusing = |source: &str| in_releases(source).map(|shown| shown.starts_with("error "));
    assert_eq!(refusing("with DAG('d'):\n    EmptyOperator(task_id='a')\n"), [true, false, false]);
    assert_eq!(refusing("DAG('d', schedule_interval='@daily')\n"), [false, false, true]);
    assert_eq!(refusing("DAG('d', dag_display_name='x')\n"), [true, false, false]);
    assert_eq!(refusing(&body("EmptyOperator(task_id='a', trigger_rule='dummy')")), [false, false, true]);
    assert_eq!(refusing(&body("EmptyOperator(task_id='a').as_setup()")), [true, false, false]);
    assert_eq!(refusing("@dag\ndef d():\n    pass\nd()\n"), [true, true, false]);
    let nested = "with TaskGroup('g'):\n    for i in range(2):\n        with TaskGroup('h', add_suffix_on_collision=True):\n            EmptyOperator(task_id='a')";
    assert_eq!(refusing(&body(nested)), [true, true, false]);
    let context = "@task\ndef f(ti): pass\nf()";
    assert_eq!(refusing(&body(context)), [true, false, false]);
}

#[test]
fn dependencies_are_checked() {
    for lines in [
        "a = EmptyOperator(task_id='a')\na >> None",
        "a = EmptyOperator(task_id='a')\na >> 'b'",
        "a = EmptyOperator(task_id='a')\na >> d",
        "a = EmptyOperator(task_id='a')\na >> [[a]]",
        "a = EmptyOperator(task_id='a')\n[a] >> [a]",
        "@task\ndef f(): pass\na = EmptyOperator(task_id='a')\na >> f",
        "a = EmptyOperator(task_id='a')\na >> a",
        "a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\na >> b >> a",
        "a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\nchain([a], [a, b])",
    ] {
        refused_everywhere(&body(lines));
    }
    refused_everywhere("a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\na >> b\n");
    accepted_everywhere(&body(
        "a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\na >> [] >> b\na >> (b,)",
    ));
}

#[test]
fn a_circle_leaves_the_other_dags_of_its_file() {
    let source = "with DAG('ok', start_date=1):\n    EmptyOperator(task_id='x')\nwith DAG('d', start_date=1):\n    a = EmptyOperator(task_id='a')\n    a >> a\n";
    for shown in in_releases(source) {
        assert_eq!(shown, "ok\n  x\nerror dags/d.py:9: AirflowDagCycleException: the task `a` comes after itself\n");
    }
}

#[test]
fn calls_of_task_functions_are_bound() {
    let function = "@task\ndef f(x, y=1): return x\n";
    for call in [
        "f()",
        "f(1, z=2)",
        "f(1, 2, 3)",
        "f.expand(z=[1])",
        "f.expand(x=3)",
        "f.expand(x='abc')",
        "f.expand()",
        "for i in f(1): pass",
        "a, b = f(1)",
        "f(1)[0]",
    ] {
        refused_everywhere(&body(&format!("{function}{call}")));
    }
    for call in ["f(1)", "f(x=1)", "f(f(1), y=f(2)['k'])", "f.partial(y=2).expand(x=[1])", "f.expand(x=f(1), y=[2])"] {
        accepted_everywhere(&body(&format!("{function}{call}")));
    }
    refused_everywhere("class C:\n    @task\n    def m(self): pass\nDAG('d')\n");
    refused_everywhere(&body("@task\ndef f(x): pass\n@task_group\ndef g(x):\n    f.expand(x=[1])\ng.expand(x=[2])"));
}

#[test]
fn outputs_are_not_what_they_hold() {
    let functions = "@task(multiple_outputs=True)\ndef f(): return {'rows': [1]}\n@task\ndef g(x, y=1): return x\n";
    for call in [
        "g.expand(x=f()['rows'])",
        "g.partial(y=2).expand(x=[f()['rows']])",
        "g.expand_kwargs([{'x': f()['rows']}])",
        "g.expand(x=f().zip(f()['rows']))",
        "g.expand(x=EmptyOperator(task_id='e').output['k'])",
        "f()['rows'].map(lambda x: x)",
        "f().filter(lambda x: x)",
        "f().map(lambda x: x)['a']",
        "f().map(g)",
        "f().nope",
        "f().upstream_list",
        "f() + 'a'",
    ] {
        refused_everywhere(&body(&format!("{functions}{call}")));
    }
    for call in [
        "g.partial(y=f()['rows']).expand(x=[1])",
        "g.expand(x=f()['return_value'])",
        "g.expand(x=f().map(lambda x: x))",
        "EmptyOperator(task_id=f().operator.task_id + '_x')",
        "'%s' % f()",
    ] {
        accepted_everywhere(&body(&format!("{functions}{call}")));
    }
    let refusing = |source: &str| in_releases(source).map(|shown| shown.starts_with("error "));
    let group = "@task_group\ndef tg(x):\n    g(x)\ntg.expand(x=f()['rows'])";
    assert_eq!(refusing(&body(&format!("{functions}{group}"))), [false, true, true]);
    assert_eq!(refusing(&body(&format!("{functions}g.expand(x=f().concat(f()))"))), [true, false, false]);
}

#[test]
fn arguments_of_task_functions_and_their_parts_are_checked() {
    let functions = "@task\ndef f(x=1): return x\n";
    for call in [
        "f.override(multiple_outputs=True)()",
        "f.override(nonsense=True)()",
        "f.override('q')()",
        "f.partial(nonsense=1).expand(x=[1])",
        "a = f()\na >> (EmptyOperator(task_id=n) for n in 'ab')",
        "f.override(execution_timeout=60)()",
        "task(op_args=[1])(f)()",
    ] {
        refused_everywhere(&body(&format!("{functions}{call}")));
    }
    accepted_everywhere(&body(&format!("{functions}f.override(retries=2, task_id='q', templates_dict={{}})()")));
    accepted_everywhere(&body("@task\ndef f(x, ti=None, ds=None): return x\nf.partial(x=1)\nf(1)"));
    refused_everywhere(&body("@task\ndef f(x, ti=None): return x\nf.partial(ti=1).expand(x=[1])"));
    let refusing = |source: &str| in_releases(source).map(|shown| shown.starts_with("error "));
    assert_eq!(refusing(&body("@task\ndef f(ds='2024'): pass\nf()")), [false, true, true]);
    assert_eq!(refusing(&body("@task\ndef f(next_ds): pass\nf()")), [true, false, true]);
    assert_eq!(refusing(&body("@task\ndef f(x, ds='2024'): pass\nf.expand(x=[1])")), [false, false, false]);
}

#[test]
fn arguments_of_operators_of_airflow_itself_are_checked() {
    const IMPORTS: &str = "from airflow.operators.bash import BashOperator\nfrom airflow.operators.python import PythonOperator\n\
from airflow.operators.trigger_dagrun import TriggerDagRunOperator\nfrom airflow.sensors.filesystem import FileSensor\n\
from airflow.sensors.python import PythonSensor\nfrom airflow.sensors.external_task import ExternalTaskSensor\n";
    let within = |lines: &str| body(&format!("{IMPORTS}{lines}"));
    for lines in [
        "BashOperator(task_id='a', bash_command='x', nonsense=1)",
        "BashOperator.partial(task_id='a', nonsense=1).expand(bash_command=['x'])",
        "PythonOperator(task_id='a', python_callable=print, nonsense=1)",
        "TriggerDagRunOperator(task_id='a', trigger_dag_id='x', nonsense=1)",
        "FileSensor(task_id='a')",
        "PythonSensor(task_id='a')",
        "ExternalTaskSensor(task_id='a', external_dag_id='x', mode='nonsense')",
        "EmptyOperator(task_id='a', trigger_rule=None)",
        "EmptyOperator(task_id='a', execution_timeout='1h')",
        "EmptyOperator(task_id='a', retry_delay='x')",
        "EmptyOperator(task_id='a', weight_rule='down')",
        "TaskGroup('g', nonsense=1)",
    ] {
        refused_everywhere(&within(lines));
    }
    for lines in [
        "BashOperator(task_id='a', bash_command='x', env={}, append_env=True, cwd='/', retry_delay=300)",
        "FileSensor(task_id='a', filepath='x', poke_interval=3, mode='reschedule', deferrable=False)",
        "ExternalTaskSensor(task_id='a', external_dag_id='x', external_task_id='y', execution_delta=None)",
        "EmptyOperator(task_id='a', weight_rule='upstream', priority_weight=3)",
    ] {
        accepted_everywhere(&within(lines));
    }
    let refusing = |source: &str| in_releases(source).map(|shown| shown.starts_with("error "));
    let context = "PythonOperator(task_id='a', python_callable=print, provide_context=True)";
    assert_eq!(refusing(&within(context)), [false, false, true]);
    let date = "TriggerDagRunOperator(task_id='a', trigger_dag_id='x', execution_date='{{ ds }}')";
    assert_eq!(refusing(&within(date)), [false, false, true]);
    assert_eq!(refusing(&within("TaskGroup('g', group_display_name='x')")), [true, true, false]);
}

#[test]
fn schedules_and_dates_are_checked() {
    let of = |arguments: &str| {
        format!(
            "from datetime import datetime\nS = datetime(2024, 1, 1)\nwith DAG('d', {arguments}):\n    EmptyOperator(task_id='a')\n"
        )
    };
    for schedule in ["61 * * * *", "0 0 32 * *", "@nonsense", "* * * *", "*/0 * * * *"] {
        let source = of(&format!("start_date=S, schedule='{schedule}'"));
        for shown in in_releases(&source) {
            assert!(shown.starts_with("error ") && shown.contains("AirflowTimetableInvalid"), "{schedule}: {shown}");
        }
    }
    for schedule in
        ["0 0 * * MON-FRI", "0 0 L * *", "0 0 * * 1#2", "0 0 1 * * *", "*/15 5-7,9 * * 0", " 0  0 * * * ", "@once"]
    {
        accepted_everywhere(&of(&format!("start_date=S, schedule='{schedule}'")));
    }
    for arguments in ["start_date=S, schedule=3", "start_date='2024-01-01'", "start_date=S, end_date='2024-01-01'"] {
        refused_everywhere(&of(arguments));
    }
    assert_eq!(
        in_releases(&of("'text', None, start_date=S")).map(|shown| shown.starts_with("error ")),
        [false, false, true]
    );
}

#[test]
fn what_is_caught_is_no_error() {
    let source = body("try:\n    EmptyOperator(task_id='a b')\nexcept Exception:\n    EmptyOperator(task_id='c')");
    accepted_everywhere(&source);
}

#[test]
fn what_a_condition_hides_is_a_doubt() {
    let source = body("import os\nif os.getenv('X'):\n    EmptyOperator(task_id='a b')");
    for shown in in_releases(&source) {
        assert!(shown.starts_with("d (incomplete)"), "{shown}");
    }
}

#[test]
fn a_provider_may_give_a_task_function_arguments_of_its_own() {
    accepted_everywhere(&body("@task.pyspark\ndef f(spark): return 1\nf()"));
    refused_everywhere(&body("@task.branch\ndef f(spark): return 1\nf()"));
}

#[test]
fn classes_of_airflow_are_told_apart() {
    let source = body(
        "from airflow.operators.bash import BashOperator\nfor name in ('short', 'quite_long'):\n    kind = BashOperator if len(name) > 6 else EmptyOperator\n    more = {'bash_command': 'echo'} if kind is BashOperator else {}\n    kind(task_id=name, **more)",
    );
    accepted_everywhere(&source);
}

/// Of a changed tricky case: the decorator of a function that is never called.
#[test]
fn a_decorator_of_a_dag_that_is_never_made_is_refused_for_its_names_only() {
    let with =
        |argument: &str| format!("{}\n@dag({argument})\ndef never(): pass\n", body("EmptyOperator(task_id='a')"));
    accepted_everywhere(&with("schedule=True, start_date=d.start_date"));
    let refused = in_releases(&with("start_day=d.start_date")).map(|shown| shown.starts_with("error "));
    assert_eq!(refused, [true, true, false]);
}

#[test]
fn only_functions_with_annotations_become_tasks() {
    let partial = "import functools\ndef f(x): pass\n";
    for made in
        ["task(functools.partial(f, 1))()", "task(task_id='p')(functools.partial(f, 1))()", "task('x')", "task(5)"]
    {
        refused_everywhere(&body(&format!("{partial}{made}")));
    }
    for shown in in_releases(&body("class C:\n    def m(self): pass\ntask(C().m)()")) {
        assert!(shown.starts_with("d (incomplete)"), "{shown}");
    }
}

#[test]
fn a_text_in_the_place_of_the_function_of_a_group_is_passed_over() {
    let source = body("@task_group('other')\ndef g():\n    EmptyOperator(task_id='a')\ng()");
    for shown in in_releases(&source) {
        assert_eq!(shown, "d\n  g.a\n");
    }
}

#[test]
fn types_of_arguments_are_checked_by_the_releases_that_check_them() {
    let refusing = |source: &str| in_releases(source).map(|shown| shown.starts_with("error "));
    let dag = |argument: &str| {
        format!("from datetime import datetime, timedelta\nDAG('d', start_date=datetime(2024, 1, 1), {argument})\n")
    };
    for argument in
        ["default_args=[1]", "params='x'", "tags=['x' * 101]", "tags=[1]", "schedule=['x']", "schedule=False"]
    {
        assert_eq!(refusing(&dag(argument)), [true; 3], "{argument}");
    }
    for argument in ["max_active_runs='3'", "dagrun_timeout=5", "description=5"] {
        assert_eq!(refusing(&dag(argument)), [false, true, true], "{argument}");
    }
    for argument in ["catchup='False'", "tags=('a',)", "is_paused_upon_creation='x'"] {
        assert_eq!(refusing(&dag(argument)), [false, true, false], "{argument}");
    }
    for argument in ["tags=['x' * 100]", "dagrun_timeout=timedelta(1)", "params=None", "max_active_runs=True"] {
        assert_eq!(refusing(&dag(argument)), [false; 3], "{argument}");
    }
    let task = |argument: &str| body(&format!("EmptyOperator(task_id='a', {argument})"));
    for argument in ["priority_weight=1.5", "pool_slots='2'", "params=['x']", "default_args='x'"] {
        assert_eq!(refusing(&task(argument)), [true; 3], "{argument}");
    }
    for argument in ["queue=5", "depends_on_past=1", "email=5", "doc_md=5", "run_as_user=5"] {
        assert_eq!(refusing(&task(argument)), [false, true, true], "{argument}");
    }
    assert_eq!(refusing(&task("start_date='2024-01-01'")), [false, false, true]);
    assert_eq!(refusing(&task("email={'a'}")), [false, false, true]);
    assert_eq!(refusing(&body("TaskGroup('g', dag=None)")), [false, false, true]);
    assert_eq!(refusing(&body("TaskGroup('g', tooltip=5)")), [false, true, true]);
}

#[test]
fn what_an_operator_of_the_tree_is_mapped_with_is_checked() {
    let class = "from airflow.models.baseoperator import BaseOperator\nclass Own(BaseOperator):\n    \
                 def __init__(self, *, size=1, **kwargs):\n        super().__init__(**kwargs)\n";
    for lines in ["Own.partial(task_id='a', nope=1).expand(size=[1])", "Own.partial(task_id='a').expand(nope=[1])"] {
        refused_everywhere(&format!("{class}{}", body(lines)));
    }
    accepted_everywhere(&format!("{class}{}", body("Own.partial(task_id='a', retries=1).expand(size=[1])")));
}
