//! What must hold for whole DAG files and for any damage done to them.

use super::{model, model_of, show};
use crate::dag::{Id, Model};
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::fmt::Write as _;

/// DAG files of several styles; `local` stands for a name that nobody outside the file knows.
const SOURCES: [&str; 4] = [
    "import os\nimport json\nfrom datetime import datetime\nfrom airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n\
NAMES = ['a', 'b', 'c']\nwith DAG('plain', start_date=datetime(2024, 1, 1)) as flow:\n    local = None\n    for item in NAMES:\n        now = EmptyOperator(task_id=f'{item}_task')\n        if local:\n            local >> now\n        local = now\n",
    "import os\nimport json\nfrom airflow.decorators import dag, task\n\
@dag(dag_id='taskflow')\ndef build():\n    @task\n    def give():\n        return [1, 2]\n    @task\n    def take(x):\n        return x\n    local = give()\n    take.expand(x=local)\n    take.override(task_id='more').expand(x=[1, 2, 3])\nmade = build()\n",
    "import os\nimport json\nfrom airflow import DAG\nfrom airflow.utils.task_group import TaskGroup\nfrom airflow.operators.bash import BashOperator\n\
def make(name):\n    with DAG(f'group_{name}') as flow:\n        local = BashOperator(task_id='first', bash_command='true')\n        with TaskGroup('g') as group:\n            steps = [BashOperator(task_id='s%d' % i, bash_command='echo') for i in range(3)]\n            steps[0] >> steps[1:]\n        local >> group\n    return flow\nfor name in ('x', 'y'):\n    globals()[name] = make(name)\n",
    "import os\nimport json\nfrom airflow import DAG\nfrom airflow.operators.python import PythonOperator\nfrom airflow.models import BaseOperator\n\
class Own(BaseOperator):\n    def __init__(self, part, **kwargs):\n        super().__init__(task_id='own_' + part, **kwargs)\n        self.part = part\ndef work(**context):\n    print(context)\nlocal = DAG('classes')\none = Own('one', dag=local)\ntwo = PythonOperator(task_id='two', python_callable=work, dag=local)\none.set_downstream(two)\n",
];

fn file(source: &str) -> Model {
    model_of(&[("dags/d.py", source)])
}

/// All that does not depend on where things are written or on the names of locals.
fn structure(model: &Model) -> String {
    let mut out = String::new();
    for dag in &model.dags {
        let _ = writeln!(out, "{:?} {}", dag.dag_id, dag.complete());
        for task in &dag.tasks {
            let over = task.mapped.as_ref().map(|mapping| {
                mapping.over.iter().map(|over| (&over.arg, over.length, &over.tasks)).collect::<Vec<_>>()
            });
            let _ = writeln!(
                out,
                "{:?} {} {:?} {:?} {:?} {:?} {over:?}",
                task.task_id, task.operator, task.upstream, task.downstream, task.group, task.trigger_rule
            );
        }
        for group in &dag.groups {
            let _ = writeln!(out, "{:?} {:?} {}", group.group_id, group.parent, group.prefixes);
        }
    }
    out
}

/// DAGs that are known and have something to lose.
fn known(model: &Model) -> usize {
    model.dags.iter().filter(|dag| dag.complete() && dag.tasks.len() >= 2 && matches!(dag.dag_id, Id::Exact(_))).count()
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

/// The source with its lines, in a form that means the same.
fn reformatted(source: &str, comment: &str, every: usize, returns: bool) -> String {
    let mut out = String::new();
    for (number, line) in source.lines().enumerate() {
        if number % every == 0 {
            let _ = writeln!(out, "\n   # {comment}");
        }
        let _ = writeln!(out, "{}  # {comment}", line.replace("    ", "\t"));
    }
    if returns { out.replace('\n', "\r\n") } else { out }
}

#[test]
fn form_names_and_order_of_imports_leave_the_model_equal() {
    let seen = Cell::new(0);
    let strategy = (0..SOURCES.len(), "[a-z ]{0,12}", 1..4_usize, proptest::bool::ANY, "[a-z]{3,8}");
    runner(64)
        .run(&strategy, |(source, comment, every, returns, name)| {
            let source = SOURCES[source];
            let plain = file(source);
            seen.set(seen.get() + known(&plain));
            let wanted = structure(&plain);
            let other = |text: &str| structure(&file(text));
            proptest::prop_assert_eq!(&wanted, &structure(&file(source)), "twice");
            proptest::prop_assert_eq!(&wanted, &other(&reformatted(source, &comment, every, returns)), "form");
            proptest::prop_assert_eq!(&wanted, &other(&source.replace("local", &format!("{name}_local"))), "names");
            let mut lines: Vec<&str> = source.lines().collect();
            let imports = lines.iter().take_while(|line| line.contains("import ")).count();
            lines[..imports].rotate_left(every);
            lines[..imports].reverse();
            proptest::prop_assert_eq!(&wanted, &other(&(lines.join("\n") + "\n")), "imports");
            // A file that nobody imports, before or behind.
            let beside = if returns { "dags/a.py" } else { "dags/z.py" };
            let both = model_of(&[(beside, "# airflow dag\nx = 1\n"), ("dags/d.py", source)]);
            proptest::prop_assert_eq!(&wanted, &structure(&both), "order");
            Ok(())
        })
        .unwrap();
    assert!(seen.get() >= 64, "only {} DAGs were known", seen.get());
}

#[test]
fn any_damage_gives_a_model_and_the_same_one_twice() {
    let seen = Cell::new(0);
    let edits = proptest::collection::vec(
        (0..2_000_usize, 0..40_usize, proptest::collection::vec(proptest::num::u8::ANY, 0..6)),
        0..4,
    );
    runner(160)
        .run(&(0..SOURCES.len(), edits), |(source, edits)| {
            let mut bytes = SOURCES[source].as_bytes().to_vec();
            for (at, length, with) in edits {
                let at = at % (bytes.len() + 1);
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, with);
            }
            let revision = crate::content::Revision::new("test");
            let mut snapshot = crate::content::Snapshot::empty(revision.clone());
            let path = crate::content::ContentPath::new("dags/d.py").unwrap();
            snapshot.insert(path, crate::content::File::regular(&revision, bytes));
            let build = || super::build(&snapshot, crate::content::Layout::Content, None);
            let first = build();
            seen.set(seen.get() + known(&first));
            proptest::prop_assert_eq!(first, build());
            Ok(())
        })
        .unwrap();
    assert!(seen.get() >= 20, "only {} DAGs were known", seen.get());
}

#[test]
fn what_is_too_much_ends_with_a_reason() {
    for source in [
        "while True: pass\n",
        "for i in range(100000): pass\n",
        "t = 'x'\nfor i in range(64): t = f'{t}{t}'\nEmptyOperator(task_id=t, dag=d)\n",
        "def f(n): return f(n + 1)\nf(0)\n",
        "n = [0] * 999999999\n",
    ] {
        let model = model(&format!("d = DAG('d')\n{source}"));
        assert!(model.errors.is_empty() && model.dags.iter().all(|dag| !dag.complete()), "{source}{}", show(&model));
    }
}
