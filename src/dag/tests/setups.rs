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
