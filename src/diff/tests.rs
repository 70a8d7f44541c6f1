//! Two trees to a list of changes, in one line each.

mod shape;

use super::*;
use crate::content::{File, Layout, Revision};
use crate::dag;
use crate::ids::{GroupId, TaskId};

const HEAD: &str = "\
import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.utils.task_group import TaskGroup

";

/// A DAG file: what comes before the DAG, and what is in it.
fn file(before: &str, body: &str) -> String {
    let body = body.trim_matches('\n').replace('\n', "\n    ");
    format!("{HEAD}{before}\nwith DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    {body}\n")
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(*path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    snapshot
}

fn between(deployed: &[(&str, &str)], proposed: &[(&str, &str)]) -> Vec<String> {
    let (deployed, proposed) = (snapshot(deployed), snapshot(proposed));
    let models = [&deployed, &proposed].map(|tree| dag::build(tree, Layout::Content, None));
    let sides = (Side { snapshot: &deployed, model: &models[0] }, Side { snapshot: &proposed, model: &models[1] });
    let weighed = changes(sides.0, sides.1, Layout::Content).into_iter().filter(|change| !change.kind.is_notice());
    weighed.map(|change| line(&change)).collect()
}

fn line(change: &Change) -> String {
    let ids = |ids: &[TaskId]| ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", ");
    let what = match &change.kind {
        Kind::Identity(Identity::TaskRemoved { task_id }) => format!("{task_id} removed"),
        Kind::Identity(Identity::TaskRenamed { from, to, known, .. }) if *known == KnownBy::default() => {
            format!("{from} -> {to}")
        }
        Kind::Identity(Identity::TaskRenamed { from, to, known: KnownBy { tasks, elsewhere, branches }, .. }) => {
            format!("{from} -> {to}, known by {tasks:?} {elsewhere:?} {branches:?}")
        }
        Kind::Identity(Identity::GroupChanged { from, to, members, .. }) => {
            let name = |group: &Option<GroupId>| group.as_ref().map_or("root".to_owned(), ToString::to_string);
            let (from, to) = (name(from), name(to));
            let members: Vec<String> = members.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
            format!("group {from} -> {to}: {}", members.join(", "))
        }
        Kind::Mapping(MappingChange::CountChanged { subject, before, after }) => {
            format!("{} {before} -> {after}", subject.name())
        }
        Kind::Mapping(MappingChange::ItemsChanged { subject, .. }) => format!("{} items", subject.name()),
        Kind::Data(data) if data.handover().is_some() => {
            let Some(handover) = data.handover() else { return String::new() };
            let when = match (&handover.stored, &handover.coming) {
                (Some(_), Some(_)) => "at any time",
                (Some(_), None) => "once stored",
                _ => "once it starts",
            };
            format!("{} {} of {} for {} {when}", change.kind.word(), handover.key, handover.producer, handover.consumer)
        }
        Kind::Identity(Identity::DagRenamed { to }) => format!("dag -> {to}"),
        Kind::Identity(Identity::TaskAdded { task_id }) => format!("{task_id} added"),
        Kind::Identity(Identity::IdsShifted { counted, moved, fresh, ended }) => {
            let moved: Vec<String> = moved.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
            let kind = if *counted { "counted" } else { "given" };
            format!("{kind} ids: {}; new {}; ended {}", moved.join(", "), ids(fresh), ids(ended))
        }
        Kind::Graph(Graph::UpstreamAdded { task_id, upstream, .. }) => format!("{} before {task_id}", ids(upstream)),
        Kind::Graph(Graph::UpstreamRemoved { task_id, upstream, .. }) => {
            format!("{} not before {task_id}", ids(upstream))
        }
        Kind::Graph(Graph::DirectUpstreamChanged { task_id, before, after, .. }) => {
            format!("directly before {task_id}: {} -> {}", ids(before), ids(after))
        }
        Kind::Identity(Identity::OperatorChanged { task_id, before, after })
        | Kind::Graph(Graph::TriggerRuleChanged { task_id, before, after, .. }) => {
            format!("{task_id}: {before} -> {after}")
        }
        Kind::Graph(Graph::PhaseChanged { task_id, before, after }) => {
            format!("{task_id}: {} -> {}", before.word(), after.word())
        }
        Kind::Mapping(mapping) => {
            let kind = &change.kind;
            format!("{} {} {} -> {}", mapping.mapped().name(), kind.word(), kind.before(), kind.after())
        }
        other => other.word().to_string(),
    };
    match &change.certainty {
        Certainty::Certain => what,
        Certainty::Possible(_) => format!("perhaps {what}"),
    }
}

/// The changes between two bodies of one DAG.
#[track_caller]
fn check(deployed: (&str, &str), proposed: (&str, &str), expected: &[&str]) {
    let (deployed, proposed) = (file(deployed.0, deployed.1), file(proposed.0, proposed.1));
    let found = between(&[("dags/etl.py", &deployed)], &[("dags/etl.py", &proposed)]);
    assert_eq!(found, expected);
    assert_eq!(between(&[("dags/etl.py", &deployed)], &[("dags/etl.py", &deployed)]), Vec::<String>::new());
}

/// The changes between two bodies of bash tasks.
#[track_caller]
fn check_bodies(deployed: &str, proposed: &str, expected: &[&str]) {
    check(("", deployed), ("", proposed), expected);
}

fn bash(rows: &[(&str, &str)]) -> String {
    let made: Vec<String> =
        rows.iter().map(|(id, command)| format!("BashOperator(task_id={id:?}, bash_command={command:?})")).collect();
    made.join(" >> ")
}

#[test]
fn another_id_for_the_same_work_is_a_rename() {
    let deployed = bash(&[("extract", "extract.sh"), ("load", "load.sh --table orders")]);
    check_bodies(
        &deployed,
        &bash(&[("extract", "extract.sh"), ("store", "load.sh --table orders")]),
        &["load -> store"],
    );
    check_bodies(
        &deployed,
        &bash(&[("extract", "extract.sh"), ("load_orders", "load.sh --table orders --verbose")]),
        &["load -> load_orders"],
    );
}

#[test]
fn another_task_at_the_same_place_is_not_a_rename() {
    let deployed = bash(&[("extract", "extract.sh"), ("load", "load.sh --table orders")]);
    let proposed = bash(&[("extract", "extract.sh"), ("notify", "curl https://chat.example/hook")]);
    check_bodies(&deployed, &proposed, &["load removed", "notify added"]);
}

#[test]
fn a_task_for_another_thing_is_not_a_rename() {
    let deployed = bash(&[("load_eu", "load.sh --full --region eu"), ("load_asia", "load.sh --full --region asia")]);
    let proposed =
        bash(&[("load_eu", "load.sh --full --region eu"), ("load_africa", "load.sh --full --region africa")]);
    check_bodies(&deployed, &proposed, &["load_asia removed", "load_africa added"]);
}

#[test]
fn an_element_of_a_loop_is_removed_and_its_naming_is_renamed() {
    let make = "def make(name):\n    @task(task_id=f\"step_{name}\")\n    def step():\n        print(name)\n\n    return step()\n";
    let body = |names: &str| format!("for name in [{names}]:\n    make(name)");
    let deployed = (make, &*body("\"a\", \"b\", \"c\""));
    check(deployed, (make, &body("\"a\", \"b\", \"d\"")), &["step_c removed", "step_d added"]);
    check(
        deployed,
        (&make.replace("step_", "part_"), &body("\"a\", \"b\", \"c\"")),
        &["step_a -> part_a", "step_b -> part_b", "step_c -> part_c"],
    );
}

#[test]
fn twins_pair_in_their_order() {
    let deployed = bash(&[("a", "run"), ("b", "run"), ("c", "run")]);
    let proposed = bash(&[("a_v2", "run"), ("b_v2", "run"), ("c_v2", "run")]);
    check_bodies(&deployed, &proposed, &["a -> a_v2", "b -> b_v2", "c -> c_v2"]);
}

#[test]
fn another_operator_under_another_id_is_another_task() {
    let deployed = "BashOperator(task_id=\"load\", bash_command=\"load.sh\")";
    let proposed = "PythonOperator(task_id=\"store\", python_callable=print)";
    check_bodies(deployed, proposed, &["load removed", "store added"]);
}

#[test]
fn a_task_function_is_paired_by_its_code() {
    let body = "f = {}()\n";
    let deployed = "@task\ndef fetch():\n    return 7\n";
    let renamed = "@task\ndef fetch_all():\n    return 7\n";
    let another = "@task\ndef notify(to=\"ops\"):\n    print(to)\n    raise ValueError(to)\n";
    check(
        (deployed, &body.replace("{}", "fetch")),
        (renamed, &body.replace("{}", "fetch_all")),
        &["fetch -> fetch_all"],
    );
    check(
        (deployed, &body.replace("{}", "fetch")),
        (another, &body.replace("{}", "notify")),
        &["fetch removed", "notify added"],
    );
}

#[test]
fn a_function_that_was_given_to_an_operator_and_is_decorated_under_another_id_is_a_rename() {
    let given = "def should_run():\n    print(7)\n    return 7\n";
    let decorated = "@task\ndef should_run():\n    print(7)\n    return 7\n";
    let another = "@task\ndef notify(to=\"ops\"):\n    print(to)\n    raise ValueError(to)\n";
    let operator = "c = PythonOperator(task_id=\"condition\", python_callable=should_run)";
    check((given, operator), (decorated, "c = should_run()"), &["condition -> should_run"]);
    check((given, operator), (another, "c = notify()"), &["condition removed", "notify added"]);
}

#[test]
fn who_still_names_the_deployed_id_is_part_of_a_rename() {
    let code = "def _one():\n    return 1\n\n\ndef _two(ti):\n    print(ti.xcom_pull(task_ids=\"one\"))\n";
    let body = |one: &str, template: &str| {
        format!(
            "a = PythonOperator(task_id=\"{one}\", python_callable=_one)\n\
             b = PythonOperator(task_id=\"two\", python_callable=_two)\n\
             c = BashOperator(task_id=\"three\", bash_command=\"{template}\")\n\
             a >> b >> c\n"
        )
    };
    let stale = "echo {{ ti.xcom_pull(task_ids='one') }}";
    let fresh = "echo {{ ti.xcom_pull(task_ids='one_v2') }}";
    check(
        (code, &body("one", stale)),
        (code, &body("one_v2", stale)),
        &[
            "one -> one_v2, known by [\"two\", \"three\"] [] []",
            "xcom-producer-missing return_value of one for three once it starts",
        ],
    );
    check(
        (code, &body("one", stale)),
        (code, &body("one_v2", fresh)),
        &["one -> one_v2, known by [\"two\"] [] []", "xcom-producer-renamed"],
    );
}

#[test]
fn a_branch_before_a_renamed_task_knows_it_by_its_deployed_id() {
    let code = |target: &str| format!("@task.branch\ndef choose():\n    return \"{target}\"\n");
    let body = |target: &str| format!("choose() >> BashOperator(task_id=\"{target}\", bash_command=\"run left\")");
    check(
        (&code("left"), &body("left")),
        (&code("left_v2"), &body("left_v2")),
        &["left -> left_v2, known by [] [] [\"choose\"]"],
    );
}

#[test]
fn a_sensor_of_another_dag_knows_a_renamed_task_by_its_deployed_id() {
    let waiting = |dag_id: &str| {
        let sensor =
            format!("ExternalTaskSensor(task_id=\"wait\", external_dag_id=\"{dag_id}\", external_task_id=\"load\")");
        file("from airflow.sensors.external_task import ExternalTaskSensor\n", &sensor)
            .replace("DAG(\"etl\"", "DAG(\"waiting\"")
    };
    let etl = |task_id: &str| file("", &format!("BashOperator(task_id=\"{task_id}\", bash_command=\"load.sh\")"));
    let rename = |waiting: &str| {
        between(
            &[("dags/e.py", &etl("load")), ("dags/w.py", waiting)],
            &[("dags/e.py", &etl("store")), ("dags/w.py", waiting)],
        )
    };
    assert_eq!(
        rename(&waiting("etl")),
        ["load -> store, known by [] [(\"waiting\", \"wait\")] []", "external-task-target-missing"]
    );
    assert_eq!(rename(&waiting("other")), ["load -> store"]);
}

#[test]
fn a_group_that_changes_is_one_change() {
    let group = |open: &str| {
        format!(
            "with {open}:\n    BashOperator(task_id=\"a\", bash_command=\"a.sh\")\n    BashOperator(task_id=\"b\", bash_command=\"b.sh\")\n"
        )
    };
    let deployed = group("TaskGroup(\"stage\")");
    check_bodies(
        &deployed,
        &group("TaskGroup(\"phase\")"),
        &["group stage -> phase: stage.a -> phase.a, stage.b -> phase.b"],
    );
    check_bodies(
        &deployed,
        &group("TaskGroup(\"stage\", prefix_group_id=False)"),
        &["group stage -> stage: stage.a -> a, stage.b -> b"],
    );
    check_bodies(&deployed, &group("TaskGroup(\"stage\", tooltip=\"two steps\")"), &[]);
}

#[test]
fn mapped_lists_are_compared_by_index() {
    let mapped = |list: &str| format!("BashOperator.partial(task_id=\"work\").expand(bash_command={list})");
    check_bodies(&mapped("[\"a\", \"b\"]"), &mapped("[\"a\", \"b\", \"c\"]"), &["work 2 -> 3"]);
    check_bodies(&mapped("[\"a\", \"b\"]"), &mapped("[\"b\", \"a\"]"), &["work items"]);
    check_bodies(&mapped("[\"a\", \"b\"]"), &mapped("[\"c\", \"a\", \"b\"]"), &["work 2 -> 3", "work items"]);
    check_bodies(&mapped("[\"a\", \"b\"]"), &mapped("list((\"a\", 'b'))"), &[]);
}

#[test]
fn an_element_that_is_not_known_is_compared_by_its_expression() {
    let mapped =
        |second: &str| format!("BashOperator.partial(task_id=\"work\").expand(bash_command=[\"a\", {second}])");
    check_bodies(&mapped("os.environ[\"B\"]"), &format!("{}\nprint( 1 )", mapped("os.environ[ 'B' ]")), &[]);
    check_bodies(&mapped("os.environ[\"B\"]"), &mapped("os.environ[\"C\"]"), &["perhaps work items"]);
    check_bodies(&mapped("\"b\""), &mapped("os.environ[\"B\"]"), &["perhaps work items"]);
}

#[test]
fn equal_elements_as_expand_kwargs_are_no_change() {
    let deployed = "BashOperator.partial(task_id=\"work\").expand(bash_command=[\"a\", \"b\"])";
    let kwargs = |second: &str| {
        format!(
            "BashOperator.partial(task_id=\"work\").expand_kwargs([{{\"bash_command\": \"a\"}}, {{\"bash_command\": \"{second}\"}}])"
        )
    };
    check_bodies(deployed, &kwargs("b"), &[]);
    check_bodies(&kwargs("b"), &kwargs("c"), &["work items"]);
}

#[test]
fn the_type_of_a_value_that_is_taken() {
    let code = |value: &str, use_of: &str| {
        format!("@task\ndef prepare():\n    return {value}\n\n\n@task\ndef work(x):\n    print({use_of})\n")
    };
    let body = "work(prepare())";
    let of = |deployed: (&str, &str), proposed: (&str, &str), expected: &[&str]| {
        check((&code(deployed.0, deployed.1), body), (&code(proposed.0, proposed.1), body), expected);
    };
    let returned = |word: &str, when: &str| format!("{word} return_value of prepare for work {when}");
    let (coming, stored) = ("once it starts", "once stored");
    of(("7", "x * 2"), ("8", "x * 2"), &[]);
    of(("7", "x * 2"), ("\"7\"", "x * 2"), &[&returned("xcom-type-changed", coming)]);
    of(("7", "x * 2"), ("7.5", "x * 2"), &[]);
    // What is only shown may be anything.
    of(("7", "x"), ("\"7\"", "x"), &[]);
    of(("7", "store(x)"), ("\"7\"", "store(x)"), &[&returned("xcom-type-changed", coming)]);
    of(("7", "x * 2"), ("{\"n\": 7}", "x[\"n\"]"), &[&returned("xcom-type-changed", stored)]);
    // A key that went hurts whoever reads it; who reads is known when it is written out.
    of(("{\"a\": 1, \"b\": 2}", "x[\"a\"]"), ("{\"b\": 2}", "x[\"a\"]"), &[&returned("xcom-keys-changed", coming)]);
    of(("{\"a\": 1, \"b\": 2}", "x[\"b\"]"), ("{\"b\": 2}", "x[\"b\"]"), &[]);
    of(("{\"a\": 1}", "x[\"a\"]"), ("{\"a\": 1, \"b\": 2}", "x[\"a\"]"), &[]);
    // A key that came is read by code that may meet a value without it.
    of(("{\"a\": 1}", "x[\"a\"]"), ("{\"a\": 1, \"b\": 2}", "x[\"b\"]"), &[&returned("xcom-keys-changed", stored)]);
}

#[test]
fn a_broken_file_is_one_change_for_all_dags_that_reach_it() {
    let user = |dag_id: &str| {
        file("from names.all import NAMES\n", "for name in NAMES:\n    BashOperator(task_id=name, bash_command=name)")
            .replace("etl", dag_id)
    };
    let (one, two) = (user("one"), user("two"));
    let with = |names: &'static str| {
        vec![
            ("dags/one.py", one.as_str()),
            ("dags/two.py", two.as_str()),
            ("shared/names/__init__.py", ""),
            ("shared/names/all.py", names),
        ]
    };
    assert_eq!(between(&with("NAMES = [\"a\"]\n"), &with("NAMES = [\"a\"\n")), ["file-broken"]);
    assert_eq!(between(&with("NAMES = [\"a\"\n"), &with("NAMES = [\"a\"\n")), Vec::<String>::new());
    assert_eq!(between(&with("NAMES = [\"a\"\n"), &with("NAMES = [\"a\"]\n")), Vec::<String>::new());
}

#[test]
fn a_dag_that_goes_on_under_another_id_or_in_another_file() {
    let text = file("", "BashOperator(task_id=\"a\", bash_command=\"a.sh\")");
    let renamed = text.replace("DAG(\"etl\"", "DAG(\"etl_v2\"");
    assert_eq!(between(&[("dags/x.py", &text)], &[("dags/x.py", &renamed)]), ["dag -> etl_v2"]);
    assert_eq!(between(&[("dags/x.py", &text)], &[("dags/sub/x.py", &text)]), ["dag-file-moved"]);
    assert_eq!(between(&[("dags/x.py", &text)], &[("dags/y.txt", "")]), ["dag-removed"]);
    let both = [("dags/x.py", text.as_str()), ("dags/x2.py", renamed.as_str())];
    assert_eq!(between(&[("dags/x.py", &text)], &both), Vec::<String>::new());
}

#[test]
fn a_dag_that_airflowignore_now_hides_is_gone_although_its_code_is_equal() {
    let text = file("", "BashOperator(task_id=\"load\", bash_command=\"true\")");
    let dags = [("dags/old/etl.py", text.as_str())];
    let ignoring = [("dags/.airflowignore", "old\n"), ("dags/old/etl.py", text.as_str())];
    assert_eq!(between(&dags, &ignoring), ["dag-removed"]);
    assert_eq!(between(&ignoring, &ignoring), Vec::<String>::new());
}

#[test]
fn a_data_file_that_may_make_tasks_is_part_of_a_dag_that_is_not_known() {
    let before = "import yaml\nNAMES = yaml.safe_load(open(os.path.dirname(__file__) + \"/names.yaml\"))";
    let text = file(before, "for name in NAMES:\n    BashOperator(task_id=name, bash_command=\"true\")");
    let tree = |names| [("dags/etl.py", text.as_str()), ("dags/names.yaml", names)];
    // One that the text itself reads makes exactly these tasks.
    assert_eq!(between(&tree("[a, b]\n"), &tree("[a, c]\n")), ["b removed", "c added"]);
    assert_eq!(between(&tree("[a, b]\n"), &tree("[a, b]\n")), Vec::<String>::new());
    // A library reads it.
    let text = file(
        "from tables import names",
        "for name in names(\"names.yaml\"):\n    BashOperator(task_id=name, bash_command=\"true\")",
    );
    let tree = |names| [("dags/etl.py", text.as_str()), ("dags/names.yaml", names)];
    assert_eq!(between(&tree("[a, b]\n"), &tree("[a, c]\n")), ["perhaps dag-not-known"]);
    let known = file("", "BashOperator(task_id=\"load\", bash_command=\"true\")");
    let tree = |query| [("dags/etl.py", known.as_str()), ("dags/query.sql", query)];
    assert_eq!(between(&tree("select 1\n"), &tree("select 2\n")), Vec::<String>::new());
}

#[test]
fn a_function_that_is_renamed_and_edited_a_little_at_once_is_a_rename() {
    let function = |name: &str, print: &str| {
        format!(
            "@task\ndef {name}():\n    rows = fetch(\"orders\")\n    rows = clean(rows)\n    \
             print({print})\n    return store(rows)\n\n@task\ndef last(x):\n    print(x)\n"
        )
    };
    let (deployed, edited) = (function("extract", "len(rows)"), function("extract_orders", "\"rows\", len(rows)"));
    check((&deployed, "last(extract())"), (&edited, "last(extract_orders())"), &["extract -> extract_orders"]);
    // Another function in its place is another task.
    let other = "@task\ndef report():\n    for user in users():\n        mail(user, subject=\"done\")\n\n@task\ndef last(x):\n    print(x)\n";
    check(
        (&deployed, "last(extract())"),
        (other, "last(report())"),
        &["extract removed", "report added", "report before last"],
    );
}

#[test]
fn a_command_that_gets_another_flag_with_its_new_id_is_a_rename() {
    let deployed = bash(&[("a", "a.sh orders"), ("b", "b.sh"), ("c", "c.sh")]);
    let proposed = bash(&[("fetch", "a.sh orders --verbose"), ("b", "b.sh"), ("c", "c.sh")]);
    check_bodies(&deployed, &proposed, &["a -> fetch"]);
}

#[test]
fn the_order_in_which_mapped_arguments_are_named_is_no_value() {
    let function = "@task\ndef work(x, y):\n    print(x, y)\n";
    check((function, "work.expand(x=[1, 2], y=[3])"), (function, "work.expand(y=[3], x=[1, 2])"), &[]);
    check(
        (function, "work.expand(x=[1, 2], y=[3, 4])"),
        (function, "work.expand(y=[3, 4], x=[1, 2])"),
        &["work items"],
    );
}

#[test]
fn a_consumer_that_asks_for_the_type_may_take_either() {
    let functions = |returns: &str, x: &str| {
        format!("@task\ndef prepare():\n    return {returns}\n\n@task\ndef work(x):\n    print({x})\n")
    };
    let both = "x[\"n\"] if isinstance(x, dict) else x";
    let body = "work(prepare())";
    let changed = "xcom-type-changed return_value of prepare for work once it starts";
    check((&functions("7", "x + 1"), body), (&functions("{\"n\": 7}", "x + 1"), body), &[changed]);
    check((&functions("7", both), body), (&functions("{\"n\": 7}", both), body), &[]);
}

/// The texts at both places of the only change.
#[track_caller]
fn places(deployed: &[(&str, &str)], proposed: &[(&str, &str)]) -> (String, String) {
    let (deployed, proposed) = (snapshot(deployed), snapshot(proposed));
    let models = [&deployed, &proposed].map(|tree| dag::build(tree, Layout::Content, None));
    let sides = (Side { snapshot: &deployed, model: &models[0] }, Side { snapshot: &proposed, model: &models[1] });
    let mut changes = changes(sides.0, sides.1, Layout::Content);
    changes.retain(|change| !change.kind.is_notice());
    assert_eq!(changes.len(), 1, "{changes:?}");
    let shown = |tree, at: &Option<Location>| {
        let at = at.as_ref().unwrap();
        format!("{}:{} {}", at.path, at.span.line, text(tree, at))
    };
    (shown(&deployed, &changes[0].deployed), shown(&proposed, &changes[0].proposed))
}

#[test]
fn a_change_of_a_loops_list_is_shown_at_the_element() {
    let dag = file(
        "from lists.tables import PREFIX, TABLES\n",
        "for table in TABLES:\n    BashOperator(task_id=f\"{PREFIX}_{table.lower()}\", bash_command=\"load\")",
    );
    let tree = |tables: &'static str| {
        [("dags/etl.py", dag.as_str()), ("shared/lists/tables.py", tables), ("shared/lists/__init__.py", "")]
    };
    let deployed = tree("PREFIX = 'load'\nTABLES = [\n    'A',\n    'B',\n]\n");
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(
        places(&deployed, &tree("PREFIX = 'load'\nTABLES = [\n    'A',\n]\n")),
        pair("shared/lists/tables.py:4 'B'", "shared/lists/tables.py:3 'A'"),
    );
    let deployed = tree("PREFIX = 'load'\nTABLES = [\n    'ORDERS',\n]\n");
    assert_eq!(
        places(&deployed, &tree("PREFIX = 'load'\nTABLES = [\n    'ORDER',\n]\n")),
        pair("shared/lists/tables.py:3 'ORDERS'", "shared/lists/tables.py:3 'ORDER'"),
    );
    assert_eq!(
        places(&deployed, &tree("PREFIX = 'loads'\nTABLES = [\n    'ORDERS',\n]\n")),
        pair("shared/lists/tables.py:1 'load'", "shared/lists/tables.py:1 'loads'"),
    );
}
