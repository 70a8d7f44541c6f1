//! Changes of what Airflow keeps, by hand: what they do is not followed, and never ignored.

use super::{HEAD, model, model_of, show};

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

/// The model of a DAG file beside a module whose function gives its own constant.
fn beside_a_module(source: &str) -> String {
    let source = format!("{HEAD}import given\n{source}");
    show(&model_of(&[("dags/given.py", "NAME = 'own'\ndef name():\n    return NAME\n"), ("dags/d.py", &source)]))
}

#[test]
fn a_module_that_is_loaded_again_is_as_it_was() {
    let source = "import importlib\ngiven.NAME = 'set'\nwith DAG('d'):\n    EmptyOperator(task_id=given.name())\n    \
importlib.reload(given)\n    EmptyOperator(task_id=given.name())\n";
    assert_eq!(beside_a_module(source), "d\n  set\n  own\n");
}

#[test]
fn names_that_are_replaced_for_a_while_are_not_followed() {
    for patched in ["mock.patch('given.NAME', 'other')", "mock.patch.object(given, 'name', return_value='other')"] {
        let source = format!(
            "from unittest import mock\nwith {patched}:\n    with DAG('d'):\n        EmptyOperator(task_id=given.name())\n"
        );
        assert!(beside_a_module(&source).contains("(incomplete)"), "{patched}");
    }
}

#[test]
fn what_is_set_on_builtins_is_a_name_everywhere() {
    let source = "import builtins\nbuiltins.EXTRA = 'x'\nwith DAG('d'):\n    EmptyOperator(task_id=EXTRA)\n";
    assert!(beside_a_module(source).starts_with("d (incomplete)"));
}

#[test]
fn a_function_that_is_chosen_by_class_is_not_the_first_of_them() {
    let source = "import functools\n@functools.singledispatch\ndef f(x):\n    return 'any'\n@f.register\ndef _(x: int):\n    \
return 'int'\nwith DAG('d'):\n    EmptyOperator(task_id=f(1))\n    EmptyOperator(task_id=f('x'))\n";
    assert!(beside_a_module(source).starts_with("d (incomplete)"));
}

#[test]
fn attributes_that_are_read_by_a_function_of_the_class_are_not_its_own() {
    let source = "class A:\n    name = 'a'\n    def __getattribute__(self, name):\n        return name + '_x'\nwith DAG('d'):\n    \
EmptyOperator(task_id=A().name)\n";
    assert!(beside_a_module(source).contains("(incomplete)"));
}
