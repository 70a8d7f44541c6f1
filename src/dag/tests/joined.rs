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

#[test]
fn a_dict_keeps_what_no_branch_changes() {
    let shown = |source: &str| {
        show(&model(&format!(
            "import os\nenv = os.environ.get('ENV')\nconf = {{'name': 'd', 'tables': ['a', 'b']}}\n{source}"
        )))
    };
    let made = "with DAG(conf['name']):\n    for table in conf.get('tables'):\n        EmptyOperator(task_id=table)\n";
    assert_eq!(shown(&format!("if env:\n    conf['bucket'] = 'x'\n{made}")), "d\n  a\n  b\n");
    assert_eq!(
        shown(&format!("if env:\n    conf['bucket'] = 'x'\nelse:\n    conf['bucket'] = 'y'\n{made}")),
        "d\n  a\n  b\n"
    );
    assert_eq!(shown(&format!("if env:\n    conf['bucket'] = 'x'\nconf['tables'] = ['c']\n{made}")), "d\n  c\n");
    for unknown in [
        "if env:\n    conf['tables'] = ['c']\n",
        "if env:\n    del conf['tables']\n",
        "if env:\n    conf[env] = ['c']\n",
        "if env:\n    conf['bucket'] = 'x'\nif env:\n    conf.update(tables=['c'])\n",
        "for name in env:\n    conf['tables'] = conf['tables'] + [name]\n",
        "if env:\n    conf['tables'].append('c')\n",
        "if env:\n    conf['bucket'] = 'x'\nconf[env] = []\n",
    ] {
        let shown = shown(&format!("{unknown}{made}"));
        assert!(shown.contains("(incomplete)"), "{unknown}{shown}");
    }
    let keys = shown(
        "if env:\n    conf['bucket'] = 'x'\nwith DAG('d'):\n    for key in conf:\n        EmptyOperator(task_id=key)\n",
    );
    assert!(keys.contains("(incomplete)"), "{keys}");
}
