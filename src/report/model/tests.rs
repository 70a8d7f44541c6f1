//! Whole outputs of one small tree that has every shape.

use super::{graph, model_json, text};
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::dag::{self, Model};

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
    let odd = model(&[(
        "dags/odd.py",
        "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\nwith DAG('a\"b\\\\n<i>&lt;'):\n    EmptyOperator(task_id='x\"]; y --> z\\x1b[31m') >> EmptyOperator(task_id='end')\n",
    )]);
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
