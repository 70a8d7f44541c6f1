//! Tasks that get their DAG after they were made.

use super::{model, show};

#[test]
fn what_is_set_before_the_dag_holds() {
    let model = model(
        "d = DAG('d')\ng = TaskGroup('g', dag=d)\na, b, c = (EmptyOperator(task_id=i) for i in 'abc')\n\
a.task_id = g.child_id('first_' + a.task_id)\na.task_group = g\ng.add(a)\na.dag = d\nb.task_id = 'b2'\nd.add_task(b)\nTaskGroup('h', dag=d, parent_group=g).add(c)\nc.dag = d\na >> c\ng >> b\n",
    );
    assert_eq!(show(&model), "d\n  g.first_a\n  b2 <- c\n  c <- g.first_a\n");
    let groups: Vec<_> = model.dags[0].tasks.iter().map(|task| task.group.as_ref().map(ToString::to_string)).collect();
    assert_eq!(groups, [Some("g".to_owned()), None, Some("g.h".to_owned())]);
}

#[test]
fn what_does_not_hold_as_written_is_doubted() {
    for change in [
        "a.task_group = g",
        "a.task_group = g\nh.add(a)",
        "a.task_id = os.environ['X']",
        "if os.environ['X']: a.task_id = 'x'",
        "if os.environ['X']: g.add(a)",
        "a.template_fields = ()",
        "g.add(h)",
    ] {
        let model = model(&format!(
            "import os\nd = DAG('d')\ng, h = TaskGroup('g', dag=d), TaskGroup('h', dag=d)\na = EmptyOperator(task_id='a')\n{change}\na.dag = d\n"
        ));
        assert!(model.dags.iter().all(|dag| !dag.complete()), "{change}\n{}", show(&model));
    }
}

#[test]
fn a_dag_is_asked_whether_it_has_a_task() {
    let shown = show(&model(
        "import os\nwith DAG('d') as d:\n    for name in ['a', 'b', 'a']:\n        if not d.has_task(name):\n            EmptyOperator(task_id=name)\nwith DAG('e') as e:\n    if not e.has_task(os.environ['X']):\n        EmptyOperator(task_id='a')\n",
    ));
    assert!(shown.starts_with("d\n  a\n  b\ne (incomplete)\n"), "{shown}");
}
