//! Labels of dependencies, contexts that are opened by hand, and lists that are unpacked alone.

use super::{model, show};

#[test]
fn a_label_between_groups_takes_the_group_for_the_task() {
    let source = "from airflow.utils.edgemodifier import Label\nwith DAG('d'):\n    with TaskGroup('g'):\n        a = EmptyOperator(task_id='a')\n        b = EmptyOperator(task_id='b')\n    c = EmptyOperator(task_id='c')\n    a >> Label('on') >> c\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      g.a
      g.b
      c <- g.a, g.b
    ");
}

#[test]
fn a_label_within_a_group_joins_tasks() {
    let source = "from airflow.utils.edgemodifier import Label\nwith DAG('d'):\n    with TaskGroup('g'):\n        a = EmptyOperator(task_id='a')\n        b = EmptyOperator(task_id='b')\n        c = EmptyOperator(task_id='c')\n        a >> Label('on') >> [b, c]\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      g.a
      g.b <- g.a
      g.c <- g.a
    ");
}

#[test]
fn a_context_may_be_opened_by_hand() {
    let source = "class Scope:\n    def __init__(self, name):\n        self.group = TaskGroup(name)\n    def __enter__(self):\n        self.group.__enter__()\n        return self\n    def __exit__(self, *error):\n        return self.group.__exit__(*error)\nwith DAG('d'):\n    with Scope('g'):\n        EmptyOperator(task_id='a')\n    EmptyOperator(task_id='b')\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      g.a
      b
    ");
}

#[test]
fn a_call_that_is_unpacked_alone_gives_its_elements() {
    let source = "def ids(): return ['a', 'b']\nclass Of:\n    names = ['c']\ntable = {'k': ['d']}\nwith DAG('d'):\n    for name in [*ids()] + [*Of.names] + [*table['k']] + [*range(0)]:\n        EmptyOperator(task_id=name)\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      a
      b
      c
      d
    ");
}

#[test]
fn a_condition_of_a_task_is_not_the_task() {
    let source = "with DAG('d'):\n    @task.skip_if(lambda context: True)\n    @task\n    def f(): pass\n    f()\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      f
    ");
}
