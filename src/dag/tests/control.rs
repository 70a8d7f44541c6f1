//! Control flow: generators, context managers, exceptions, classes that are made by hand.

use super::{model, model_of, show};

#[test]
fn a_context_manager_of_the_tree_wraps_its_body() {
    let source = "from contextlib import contextmanager\n@contextmanager\ndef group(name):\n    first = EmptyOperator(task_id='first')\n    with TaskGroup(name) as g:\n        yield g\n    first >> g\nwith DAG('d'):\n    with group('g') as g:\n        EmptyOperator(task_id='a')\n    EmptyOperator(task_id='out')\n";
    assert_eq!(show(&model(source)), "d\n  first\n  g.a <- first\n  out\n");
}

#[test]
fn a_generator_runs_between_the_turns_of_its_loop() {
    let source = "def groups():\n    for i in range(2):\n        with TaskGroup(f'g{i}') as g:\n            yield g\nwith DAG('d'):\n    for g in groups():\n        EmptyOperator(task_id='a')\n    lazy = (EmptyOperator(task_id=x) for x in 'pq')\n";
    assert_eq!(show(&model(source)), "d\n  g0.a\n  g1.a\n");
}

#[test]
fn the_order_of_a_set_is_not_known() {
    let source = "names = {'a', 'b', 'c'}\nwith DAG('one_each'):\n    for n in names: EmptyOperator(task_id=n)\nwith DAG('chained'):\n    chain(*[EmptyOperator(task_id=n) for n in names])\nwith DAG('sorted'):\n    chain(*[EmptyOperator(task_id=n) for n in sorted(names)])\n";
    let complete: Vec<_> = model(source).dags.iter().map(|dag| (super::id(&dag.dag_id), dag.complete())).collect();
    let expected = [("one_each", true), ("chained", false), ("sorted", true)];
    assert_eq!(complete, expected.map(|(id, complete)| (id.to_owned(), complete)));
}

#[test]
fn what_certainly_raises_is_an_import_error() {
    for (source, error) in [
        ("undefined\n", "NameError: name 'undefined' is not defined"),
        ("{'a': 1}['b']\n", "KeyError: \"b\""),
        ("a, b = 1, 2, 3\n", "ValueError: wrong number of values to unpack"),
        ("assert False\n", "AssertionError"),
        ("def f(a): pass\nf()\n", "TypeError: f() misses the argument `a`"),
    ] {
        let model = model_of(&[("dags/d.py", &format!("from airflow import DAG\nd = DAG('d')\n{source}"))]);
        assert!(model.dags.is_empty(), "{}", show(&model));
        assert_eq!(model.errors.iter().map(|found| found.message.as_str()).collect::<Vec<_>>(), [error]);
    }
}

#[test]
fn an_exception_is_caught_by_its_classes() {
    let source = "class Own(ValueError): pass\ndef f(k):\n    if k: raise Own('x')\n    return {}['a']\nwith DAG('d'):\n    for k in (0, 1):\n        try: f(k)\n        except LookupError: EmptyOperator(task_id='lookup')\n        except ValueError: EmptyOperator(task_id='value')\n        finally: EmptyOperator(task_id=f'end{k}')\n";
    assert_eq!(show(&model(source)), "d\n  lookup\n  end0\n  value\n  end1\n");
}

#[test]
fn what_makes_classes_otherwise_is_said() {
    for class in [
        "class Meta(type): pass\nclass Op(EmptyOperator, metaclass=Meta): pass\n",
        "class Base:\n    def __init_subclass__(cls): pass\nclass Op(Base): pass\n",
        "class Op(EmptyOperator):\n    def __new__(cls, **k): return EmptyOperator(task_id='x')\nOp(task_id='y')\n",
    ] {
        let model = model(&format!("d = DAG('d')\n{class}"));
        assert!(model.dags.iter().all(|dag| !dag.complete()), "{class}{}", show(&model));
    }
}
