//! Changes of what Airflow keeps, by hand: what they do is not followed, and never ignored.

use super::{model, show};

fn shown(source: &str) -> String {
    show(&model(source))
}

#[test]
fn a_change_of_what_airflow_keeps_about_a_task_is_not_ignored() {
    for change in [
        "a.downstream_task_ids.clear()",
        "a.downstream_task_ids |= {'c'}",
        "d.task_dict.pop('b')",
        "del d.task_dict['b']",
        "d.task_dict['c'] = b",
        "del a.downstream_task_ids",
    ] {
        let source = format!(
            "with DAG('d') as d:\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    a >> b\n    {change}\n"
        );
        assert!(shown(&source).contains("is changed by hand"), "{change}: {}", shown(&source));
    }
}

#[test]
fn reading_what_airflow_keeps_is_no_change() {
    let source = "with DAG('d') as d:\n    a = EmptyOperator(task_id='a')\nprint(d.task_dict, a.upstream_task_ids)\nd.tags.append('x')\n";
    assert_eq!(shown(source), "d\n  a\n");
}

#[test]
fn a_patched_class_of_airflow_makes_every_dag_of_the_file_doubtful() {
    let source = "def init(self, **kw):\n    pass\nEmptyOperator.__init__ = init\nwith DAG('d'):\n    EmptyOperator(task_id='a')\n";
    assert!(
        shown(source).contains("`__init__` of `airflow.operators.empty.EmptyOperator` is replaced"),
        "{}",
        shown(source)
    );
    let colour = "EmptyOperator.ui_color = '#fff'\nwith DAG('d'):\n    EmptyOperator(task_id='a')\n";
    assert_eq!(shown(colour), "d\n  a\n");
}

#[test]
fn a_copy_of_a_dag_is_another_dag_of_the_file() {
    let source = "import copy\nwith DAG('d') as d:\n    EmptyOperator(task_id='a')\ne = copy.copy(d)\n";
    assert!(shown(source).contains("a copy of a DAG or task is not followed"), "{}", shown(source));
}

#[test]
fn a_patch_of_a_class_that_has_two_homes_is_said() {
    let source = "try:\n    from airflow.providers.standard.operators.empty import EmptyOperator as E\nexcept ImportError:\n    from airflow.operators.empty import EmptyOperator as E\ndef patched(self, *a, **k): pass\nE.__init__ = patched\nwith DAG('d'):\n    E(task_id='a')\n";
    assert!(model(source).dags.iter().all(|dag| !dag.complete()));
}
