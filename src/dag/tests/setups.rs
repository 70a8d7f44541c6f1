//! Setups and teardowns, as 2.11.2 and 3.3.2 relate them.

use super::{model, show};

#[test]
fn setups_nest() {
    let source = "with DAG('d'):\n    @setup\n    def s1(): pass\n    @setup\n    def s2(): pass\n    @teardown\n    def t1(): pass\n    @teardown\n    def t2(): pass\n    with s1() >> t1():\n        EmptyOperator(task_id='w1')\n        with s2() >> t2():\n            EmptyOperator(task_id='w2')\n        EmptyOperator(task_id='w3')\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      s1
      t1 all_done_setup_success <- s1, t2, w1
      w1 <- s1
      s2 <- s1
      t2 all_done_setup_success <- s2, w2
      w2 <- s2
      w3
    ");
}

#[test]
fn a_setup_alone_comes_before_what_is_made_in_it() {
    let source = "with DAG('d'):\n    with EmptyOperator(task_id='s').as_setup():\n        EmptyOperator(task_id='a') >> EmptyOperator(task_id='b')\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      s
      a <- s
      b <- a
    ");
}

#[test]
fn what_is_first_in_a_setup_is_not_said_where_something_inside_is_not_known() {
    let source = "import os\nwith DAG('d'):\n    with EmptyOperator(task_id='s').as_setup():\n        made = [EmptyOperator(task_id=name) for name in os.environ['X'].split()]\n        made[0] >> EmptyOperator(task_id='b')\n";
    assert!(show(&model(source)).contains("\n  b\n"), "{}", show(&model(source)));
}

/// Two DAGs of one id are equal to Airflow if their fields are.
#[test]
fn a_dependency_between_dags_of_one_id_is_not_refused() {
    let source =
        "with DAG('d'):\n    a = EmptyOperator(task_id='a')\nwith DAG('d'):\n    a >> EmptyOperator(task_id='b')\n";
    let model = model(source);
    assert!(model.errors.is_empty() && model.dags.iter().all(|dag| !dag.complete()), "{}", show(&model));
}

/// Of a DAG in a chain of groups, where work of the outer group follows the inner one.
#[test]
fn what_a_teardown_follows_is_no_end_of_a_group_if_work_follows_it() {
    let source = "with DAG('d'):\n    with TaskGroup('g') as g:\n        with TaskGroup('h') as h:\n            s = EmptyOperator(task_id='s').as_setup()\n            w = EmptyOperator(task_id='w')\n            s >> w >> EmptyOperator(task_id='t').as_teardown(setups=s)\n        h >> EmptyOperator(task_id='after')\n    g >> EmptyOperator(task_id='end')\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      g.h.s
      g.h.w <- g.h.s
      g.h.t all_done_setup_success <- g.h.s, g.h.w
      g.after <- g.h.w
      end <- g.after
    ");
}

#[test]
fn a_setup_is_followed_by_tasks_that_want_success() {
    let lines = |rest: &str| {
        format!(
            "with DAG('d'):\n    s = EmptyOperator(task_id='s').as_setup()\n    w = EmptyOperator(task_id='w', trigger_rule='all_done')\n    {rest}\n"
        )
    };
    let refused =
        "error dags/d.py:8: ValueError: the task after a setup has the trigger rule `all_done`, not `all_success`\n";
    for rest in ["s >> w", "s >> w.as_setup()", "s >> w >> EmptyOperator(task_id='t').as_teardown(setups=s)"] {
        assert_eq!(show(&model(&lines(rest))), refused);
    }
    for rest in ["s >> w.as_teardown()", "s >> EmptyOperator(task_id='v') >> w"] {
        assert!(!show(&model(&lines(rest))).contains("error"));
    }
}
