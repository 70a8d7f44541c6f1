//! Whole outputs of one small tree that has every shape.

use super::{explain, graph, model_json, text};
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::dag::{self, Id, Model};
use crate::ids::{DagId, TaskId};

fn model(files: &[(&str, &str)]) -> Model {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    dag::build(&snapshot, Layout::Content, None)
}

const ETL: &str = r#"import os
from airflow import DAG
from airflow.decorators import task
from airflow.operators.empty import EmptyOperator
from airflow.utils.task_group import TaskGroup

@task
def load(x, y): ...

with DAG("etl"):
    start = EmptyOperator(task_id="start")
    with TaskGroup("tables") as tables:
        for name in ["orders", "users"]:
            with TaskGroup(name):
                EmptyOperator(task_id="check")
    rows = load.override(task_id="rows")(1, 2)
    start >> tables >> load.partial(y=1).expand(x=[1, 2, 3])
    EmptyOperator(task_id="end", trigger_rule="all_done") << rows

with DAG("of_" + os.environ["STAGE"]):
    EmptyOperator(task_id="only")
"#;

fn tree() -> Model {
    model(&[("dags/broken.py", "from airflow import DAG\nDAG('x'\n"), ("dags/etl.py", ETL)])
}

#[test]
fn a_tree_for_people() {
    insta::assert_snapshot!(text::model_text(&tree()), @r#"
    etl  dags/etl.py:10  (6 tasks)
    ├── start                        EmptyOperator
    ├── tables                       group
    │   ├── tables.orders            group
    │   │   └── tables.orders.check  EmptyOperator                                <- start
    │   └── tables.users             group
    │       └── tables.users.check   EmptyOperator                                <- start
    ├── rows                         _PythonDecoratedOperator
    ├── load                         _PythonDecoratedOperator, mapped over x (3)  <- tables.orders.check, tables.users.check
    └── end                          EmptyOperator, all_done                      <- rows

    of_…  dags/etl.py:20  (1 task, not fully known)
    ?  dags/etl.py:20: the dag_id is not known: environment variable `STAGE` is not known
    └── only  EmptyOperator

    dags/broken.py:2 does not import: invalid syntax
    2 DAGs, 1 fully known; 1 file does not import
    "#);
}

#[test]
fn a_flow_chart() {
    insta::assert_snapshot!(graph::mermaid(&tree()), @r#"
    flowchart LR
      subgraph d0["etl"]
        d0t0["start"]
        d0t3["rows"]
        d0t4[["load"]]
        d0t5["end"]
        subgraph d0g0["tables"]
          subgraph d0g1["tables.orders"]
            d0t1["tables.orders.check"]
          end
          subgraph d0g2["tables.users"]
            d0t2["tables.users.check"]
          end
        end
      end
      d0t0 --> d0t1
      d0t0 --> d0t2
      d0t1 --> d0t4
      d0t2 --> d0t4
      d0t3 --> d0t5
      subgraph d1["of_… (not fully known)"]
        d1t0["only"]
      end
    "#);
}

#[test]
fn a_graph() {
    insta::assert_snapshot!(graph::dot(&tree()), @r#"
    digraph dags {
      rankdir=LR
      node [shape=box, style=rounded]
      subgraph cluster_d0 {
        label="etl"
        d0t0 [label="start"]
        d0t3 [label="rows"]
        d0t4 [label="load", peripheries=2]
        d0t5 [label="end"]
        subgraph cluster_d0g0 {
          label="tables"
          subgraph cluster_d0g1 {
            label="tables.orders"
            d0t1 [label="tables.orders.check"]
          }
          subgraph cluster_d0g2 {
            label="tables.users"
            d0t2 [label="tables.users.check"]
          }
        }
      }
      d0t0 -> d0t1
      d0t0 -> d0t2
      d0t1 -> d0t4
      d0t2 -> d0t4
      d0t3 -> d0t5
      subgraph cluster_d1 {
        label="of_… (not fully known)"
        d1t0 [label="only"]
      }
    }
    "#);
}

#[test]
fn json_of_one_dag() {
    let one = model(&[(
        "dags/one.py",
        "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\nwith DAG('one'):\n    a = EmptyOperator(task_id='a')\n    a >> EmptyOperator(task_id='b')\n",
    )]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&model_json(&one)).unwrap(), @r#"
    {
      "dags": [
        {
          "complete": true,
          "dag_id": "one",
          "edges": [
            {
              "declared": "dependency",
              "down": "b",
              "file": "dags/one.py",
              "line": 5,
              "up": "a"
            }
          ],
          "file": "dags/one.py",
          "groups": [],
          "id_file": "dags/one.py",
          "id_line": 3,
          "line": 3,
          "tasks": [
            {
              "downstream": [
                "b"
              ],
              "file": "dags/one.py",
              "group": null,
              "id_file": "dags/one.py",
              "id_line": 4,
              "line": 4,
              "mapped": null,
              "multiple_outputs": null,
              "operator": "EmptyOperator",
              "task_id": "a",
              "trigger_rule": null,
              "upstream": []
            },
            {
              "downstream": [],
              "file": "dags/one.py",
              "group": null,
              "id_file": "dags/one.py",
              "id_line": 5,
              "line": 5,
              "mapped": null,
              "multiple_outputs": null,
              "operator": "EmptyOperator",
              "task_id": "b",
              "trigger_rule": null,
              "upstream": [
                "a"
              ]
            }
          ],
          "unknown": []
        }
      ],
      "errors": [],
      "schema_version": 1
    }
    "#);
}

#[test]
fn any_id_is_legal() {
    let mut odd = model(&[(
        "dags/odd.py",
        "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\nwith DAG('odd'):\n    EmptyOperator(task_id='task') >> EmptyOperator(task_id='end')\n",
    )]);
    // Airflow itself has no such ids; what is printed must not rest on that.
    let dag = std::sync::Arc::make_mut(&mut odd.dags[0]);
    let task_id = TaskId::new("x\"]; y --> z\x1b[31m");
    dag.dag_id = Id::Exact(DagId::new("a\"b\\n<i>&lt;"));
    dag.tasks[0].task_id = Id::Exact(task_id.clone());
    dag.tasks[1].upstream = [task_id.clone()].into();
    dag.edges[0].up = task_id;
    insta::assert_snapshot!(text::model_text(&odd), @r#"
    a"b\n<i>&lt;  dags/odd.py:3  (2 tasks)
    ├── x"]; y --> z�[31m  EmptyOperator
    └── end                EmptyOperator  <- x"]; y --> z�[31m

    1 DAG, 1 fully known
    "#);
    insta::assert_snapshot!(graph::mermaid(&odd), @r#"
    flowchart LR
      subgraph d0["a#34;b#92;n#60;i#62;#38;lt#59;"]
        d0t0["x#34;#93;#59; y --#62; z#65533;#91;31m"]
        d0t1["end"]
      end
      d0t0 --> d0t1
    "#);
    insta::assert_snapshot!(graph::dot(&odd), @r#"
    digraph dags {
      rankdir=LR
      node [shape=box, style=rounded]
      subgraph cluster_d0 {
        label="a\"b\\n<i>&amp;lt;"
        d0t0 [label="x\"]; y --> z�[31m"]
        d0t1 [label="end"]
      }
      d0t0 -> d0t1
    }
    "#);
}

const FACTORY: &str = r#"import os
from airflow import DAG
from airflow.decorators import task, task_group
from acme.operators import BashOperator
from airflow.utils.task_group import TaskGroup
from etl.tables import TABLES as ALL, PREFIX

class Load(BashOperator):
    def __init__(self, table, **kwargs):
        self.table = table
        super().__init__(task_id=f"load_{self.table}", **kwargs)

@task
def extract(n): ...

def make(region, suffix="etl"):
    with DAG(f"{PREFIX}_{region}_{suffix}") as dag:
        rows = extract(extract(1))
        with TaskGroup("tables") as tables:
            for i, table in enumerate(ALL):
                if table == "items" and region != "eu":
                    continue
                Load(table, **{"bash_command": "load"}) >> BashOperator(task_id="check_%d" % i)
        extract.override(task_id="all").expand(n=[1, 2]) << tables
        if os.path.exists("/etc/audit"):
            BashOperator(task_id="audit")
        BashOperator(task_id="end-" + os.environ["STAGE"])
    return dag

for region in ["eu", "us"]:
    globals()[region] = make(region)
"#;

fn explained() -> [dag::Explanation; 1] {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    let tables = "PREFIX = \"x\"\nTABLES = [\n    \"orders\",\n    \"items\",\n]\n";
    for (path, text) in [("dags/f.py", FACTORY), ("shared/etl/tables.py", tables), ("shared/etl/__init__.py", "")] {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    let model = dag::build(&snapshot, Layout::Content, None);
    let us = model.dags.iter().find(|dag| dag.dag_id.may_be("x_us_etl")).unwrap();
    [dag::explain(&snapshot, Layout::Content, None, us)]
}

#[test]
fn how_a_dag_came_about() {
    insta::assert_snapshot!(explain::explanation_text(&explained()), @r#"
    DAG x_us_etl, not fully known
      id       f"{PREFIX}_{region}_{suffix}" = "x_us_etl"                  dags/f.py:17
                 PREFIX = "x", imported                                    dags/f.py:6, written at shared/etl/tables.py:1
                 region = "us", argument of `make`                         dags/f.py:31, written at dags/f.py:30
                   region = "us", turn 2 of 2: for region in ["eu", "us"]  dags/f.py:30
                 suffix = "etl", default in `make`                         dags/f.py:16
      made by  DAG(f"{PREFIX}_{region}_{suffix}")                          dags/f.py:17
      within   make(region): a call of `make`                              dags/f.py:31
               for region in ["eu", "us"]: turn 2 of 2, "us"               dags/f.py:30, written at dags/f.py:30
      holds    6 tasks and 1 group

    ? depends on a condition that is not known: the file `/etc/audit` is not in the tree
      at       os.path.exists("/etc/audit")                                    dags/f.py:25
      to know  a list or constant in the tree in place of the files of a host

    ? the task_id is not known: environment variable `STAGE` is not known
      at       os.environ["STAGE"]  dags/f.py:27
      to know  a constant in the tree in place of the variable of the environment, which differs from host to host

    task audit, left out: whether it is made is not known
      made by  BashOperator(task_id="audit")  dags/f.py:26

    group tables
      id       "tables"             dags/f.py:19
      made by  TaskGroup("tables")  dags/f.py:19

    task extract (_PythonDecoratedOperator)
      id       extract     dags/f.py:14
      made by  extract(1)  dags/f.py:18

    task extract__1 (_PythonDecoratedOperator)
      id       extract                                                    dags/f.py:14
                 `extract` was taken already, so with a number behind it  dags/f.py:18
      made by  extract(extract(1))                                        dags/f.py:18
      after    extract: its output in extract(1)                          dags/f.py:18

    task tables.load_orders (Load)
      id       f"load_{self.table}" = "load_orders"                                 dags/f.py:11
                 self.table = "orders", from table                                  dags/f.py:10, written at shared/etl/tables.py:3
                   table = "orders", argument of `__init__`                         dags/f.py:23, written at shared/etl/tables.py:3
                     table = "orders", turn 1 of 2: for i, table in enumerate(ALL)  dags/f.py:20, written at shared/etl/tables.py:3
                       ALL = ["orders", "items"], imported                          dags/f.py:6, written at shared/etl/tables.py:2
                 in the group `tables`, so with its id before it
      made by  super().__init__(task_id=f"load_{self.table}", **kwargs)             dags/f.py:11
      within   Load(table, **{"bash_command": "load"}): a call of `__init__`        dags/f.py:23
               if table == "items" and region != "eu": is false                     dags/f.py:21
               for i, table in enumerate(ALL): turn 1 of 2, (0, "orders")           dags/f.py:20, written at shared/etl/tables.py:3

    task tables.check_0 (BashOperator)
      id       "check_%d" % i = "check_0"                                  dags/f.py:23
                 i = 0, turn 1 of 2: for i, table in enumerate(ALL)        dags/f.py:20
                   ALL = ["orders", "items"], imported                     dags/f.py:6, written at shared/etl/tables.py:2
                 in the group `tables`, so with its id before it
      made by  BashOperator(task_id="check_%d" % i)                        dags/f.py:23
      within   if table == "items" and region != "eu": is false            dags/f.py:21
               for i, table in enumerate(ALL): turn 1 of 2, (0, "orders")  dags/f.py:20, written at shared/etl/tables.py:3
      after    tables.load_orders: Load(table, **{"bash_command": "load"}) >> BashOperator(task_id="check_…  dags/f.py:23

    task all (_PythonDecoratedOperator)
      id       "all"                                             dags/f.py:24
      made by  extract.override(task_id="all").expand(n=[1, 2])  dags/f.py:24
      mapped   over n (2)                                        dags/f.py:24
                 n=[1, 2]                                        dags/f.py:24
      after    tables.check_0: extract.override(task_id="all").expand(n=[1, 2]) << tables  dags/f.py:24

    task end-… (BashOperator)
      id       "end-" + os.environ["STAGE"], which gives end-…                   dags/f.py:27
                 os.environ["STAGE"]: environment variable `STAGE` is not known  dags/f.py:27
      made by  BashOperator(task_id="end-" + os.environ["STAGE"])                dags/f.py:27
    "#);
}

#[test]
fn how_a_task_came_about_as_json() {
    let json = explain::explanation_json(&explained());
    let load = &json["explanations"][0]["tasks"][2];
    let parts = serde_json::json!({ "id": load["id"], "given": load["given"][2], "within": load["within"] });
    insta::assert_snapshot!(serde_json::to_string_pretty(&parts).unwrap(), @r#"
    {
      "given": {
        "depth": 2,
        "file": "dags/f.py",
        "line": 20,
        "name": "table",
        "source": "element",
        "text": "i, table in enumerate(ALL)",
        "turn": 1,
        "turns": 2,
        "value": "\"orders\"",
        "written": {
          "file": "shared/etl/tables.py",
          "line": 3
        }
      },
      "id": {
        "file": "dags/f.py",
        "line": 11,
        "text": "f\"load_{self.table}\""
      },
      "within": [
        {
          "element": "(0, \"orders\")",
          "file": "dags/f.py",
          "kind": "turn",
          "line": 20,
          "text": "i, table in enumerate(ALL)",
          "turn": 1,
          "turns": 2,
          "written": {
            "file": "shared/etl/tables.py",
            "line": 3
          }
        },
        {
          "file": "dags/f.py",
          "holds": false,
          "kind": "condition",
          "line": 21,
          "text": "table == \"items\" and region != \"eu\""
        },
        {
          "file": "dags/f.py",
          "function": "__init__",
          "kind": "call",
          "line": 23,
          "text": "Load(table, **{\"bash_command\": \"load\"})"
        }
      ]
    }
    "#);
}

#[test]
fn a_file_that_may_hold_a_dag_is_explained_too() {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    let text = "import airflow, builder\ndag = builder.make_dag('x')\n";
    snapshot.insert(ContentPath::new("dags/f.py").unwrap(), File::regular(&revision, text.as_bytes()));
    let model = dag::build(&snapshot, Layout::Content, None);
    let explanations: Vec<_> =
        model.dags.iter().map(|dag| dag::explain(&snapshot, Layout::Content, None, dag)).collect();
    insta::assert_snapshot!(explain::explanation_text(&explanations), @r#"
    DAG …, not fully known
      holds    0 tasks

    ? `dag` may be a DAG: the result of `builder.make_dag` is not known
      at         dags/f.py:2
      to know  the code in the tree, or an operator called directly in place of a function that makes it
    "#);
}

#[test]
fn outputs_are_what_their_schemas_say() {
    use crate::report::schema::{Shape, tests::faults};
    let none: Vec<String> = Vec::new();
    assert_eq!(faults(Shape::Model, &model_json(&tree())), none);
    let explained = explained();
    assert_eq!(faults(Shape::Explanation, &explain::explanation_json(&explained)), none);
    let alone = Model { dags: vec![explained[0].dag.clone().into()], ..Model::default() };
    assert_eq!(faults(Shape::Model, &model_json(&alone)), none);
}
