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
        ("del undefined\n", "NameError: name 'undefined' is not defined"),
        ("x = 1\ndef f():\n    global x\n    del x\nf()\nx\n", "NameError: name 'x' is not defined"),
        ("dict(**{'a': 1}, **{'a': 2})\n", "TypeError: got multiple values for keyword argument 'a'"),
        ("'%d' % 'a'\n", "TypeError: %d format: a real number is required, not str"),
        ("'%s' % (1, 2)\n", "TypeError: not all arguments converted during string formatting"),
        ("'a' % 'b'\n", "TypeError: not all arguments converted during string formatting"),
        ("assert False\n", "AssertionError"),
        ("def f(a): pass\nf()\n", "TypeError: f() misses the argument `a`"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("None.x\n", "AttributeError: 'NoneType' object has no attribute 'x'"),
        ("'a' + 1\n", "TypeError: unsupported operand type(s) for +: 'str' and 'int'"),
        ("'abc'.nope\n", "AttributeError: 'str' object has no attribute 'nope'"),
        ("class A: x = 1\nA().nope\n", "AttributeError: 'A' object has no attribute 'nope'"),
        ("len(5)\n", "TypeError: object of type 'int' has no len()"),
        ("'abc'()\n", "TypeError: 'str' object is not callable"),
        ("[1][3]\n", "IndexError: index out of range"),
        ("None[0]\n", "TypeError: 'NoneType' object is not subscriptable"),
        ("1 < 'a'\n", "TypeError: no order between 'int' and 'str'"),
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
        "class Op(EmptyOperator):\n    def __new__(cls, **k): return EmptyOperator(task_id='x')\nOp(task_id='y')\n",
    ] {
        let model = model(&format!("d = DAG('d')\n{class}"));
        assert!(model.dags.iter().all(|dag| !dag.complete()), "{class}{}", show(&model));
    }
}

#[test]
fn what_may_have_an_attribute_is_not_refused() {
    for source in [
        "import somewhere\nclass A(somewhere.B): pass\nA().x\n",
        "import somewhere\nclass A: pass\na = A()\nsomewhere.fill(a)\na.x\n",
        "class A:\n    def __init__(self, **k): self.__dict__.update(k)\nA(x=1).x\n",
        "class A:\n    def __getattr__(self, name): return name\nA().x\n",
        "class A:\n    def __init__(self): object.__setattr__(self, 'x', 1)\nA().x\n",
        "import somewhere\nclass A(metaclass=somewhere.M): pass\nA().x\n",
    ] {
        let model = model(&format!("d = DAG('d')\n{source}"));
        assert!(model.errors.is_empty() && model.dags.len() == 1, "{source}{}", show(&model));
    }
}

#[test]
fn what_certainly_raises_is_caught() {
    let source = "with DAG('d'):\n    for work in (lambda: 'a' + 1, lambda: None.x, lambda: 1 / 0, lambda: [][0]):\n        try: work()\n        except TypeError: EmptyOperator(task_id='type')\n        except AttributeError: EmptyOperator(task_id='attribute')\n        except ArithmeticError: EmptyOperator(task_id='zero')\n        except LookupError: EmptyOperator(task_id='index')\n";
    assert_eq!(show(&model(source)), "d\n  type\n  attribute\n  zero\n  index\n");
}

#[test]
fn a_loop_whose_break_is_not_known_ends_and_leaves_its_names_open() {
    let source = "import os\nn = 0\nwhile True:\n    n += 1\n    if os.getenv('X') == str(n): break\nfor m in (1, 2, 3):\n    if os.getenv('Y'): break\n    last = m\nwith DAG('made'):\n    while True:\n        EmptyOperator(task_id='a')\n        if os.getenv('X'): break\nwith DAG('n'):\n    EmptyOperator(task_id=f't{n}')\nwith DAG('m'):\n    EmptyOperator(task_id=f't{last}')\nwith DAG('free'):\n    EmptyOperator(task_id='a')\n";
    let complete: Vec<_> = model(source).dags.iter().map(|dag| (super::id(&dag.dag_id), dag.complete())).collect();
    let expected = [("made", false), ("n", false), ("m", false), ("free", true)];
    assert_eq!(complete, expected.map(|(id, complete)| (id.to_owned(), complete)));
}

#[test]
fn what_every_python_agrees_on_is_known() {
    let source = "import sys\nfrom sys import version_info as v\nwith DAG('all'):\n    if sys.version_info >= (3, 8): EmptyOperator(task_id='a')\n    if v[0] == 3 and v.major > 2: EmptyOperator(task_id='b')\n    if sys.version_info[:2] < (3, 7): EmptyOperator(task_id='c')\n    if (3, 6) > v or v.minor < 8: EmptyOperator(task_id='d')\nwith DAG('some'):\n    if sys.version_info >= (3, 11): EmptyOperator(task_id='a')\nwith DAG('two'):\n    if v[:2] > (3, 8): EmptyOperator(task_id='a')\n";
    let model = model(source);
    let complete: Vec<_> = model.dags.iter().map(|dag| (super::id(&dag.dag_id), dag.complete())).collect();
    assert_eq!(
        complete,
        [("all", true), ("some", false), ("two", false)].map(|(id, complete)| (id.to_owned(), complete))
    );
    assert!(show(&model).starts_with("all\n  a\n  b\n"), "{}", show(&model));
}

#[test]
fn the_release_of_airflow_decides_where_it_is_given() {
    let source = "from datetime import datetime\nfrom airflow import DAG, __version__\nimport airflow\nfrom airflow.operators.empty import EmptyOperator\nfrom packaging.version import Version, parse\nwith DAG('d', start_date=datetime(2024, 1, 1)):\n    if Version(airflow.__version__) >= Version('2.10.0'): EmptyOperator(task_id='a')\n    if tuple(int(x) for x in __version__.split('.')[:2]) >= (2, 7): EmptyOperator(task_id='b')\n    if __version__.startswith('2.'): EmptyOperator(task_id='c')\n    if parse(__version__).major == 3: EmptyOperator(task_id='d')\n";
    for (version, tasks) in [("2.6.2", "d\n  c\n"), ("2.11.2", "d\n  a\n  b\n  c\n"), ("3.3.2", "d\n  a\n  b\n  d\n")] {
        let model = super::model_for(&[("dags/d.py", source)], crate::ids::AirflowVersion::parse(version));
        assert_eq!(show(&model), tasks, "{version}");
        assert!(model.dags[0].complete(), "{version}");
    }
    assert!(!super::model_for(&[("dags/d.py", source)], None).dags[0].complete());
}

#[test]
fn what_a_release_does_not_have_is_not_imported() {
    let source = "from datetime import datetime\nfrom airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\nfound = []\ntry:\n    from airflow.utils.helpers import chain\n    found.append('chain')\nexcept ImportError: pass\ntry:\n    import airflow.datasets\n    found.append('datasets')\nexcept ImportError: pass\ntry:\n    import airflow.io\n    found.append('io')\nexcept ImportError: pass\nwith DAG('d', start_date=datetime(2024, 1, 1)):\n    for name in found: EmptyOperator(task_id=name)\n";
    for (version, tasks) in
        [("2.6.2", "d\n  chain\n  datasets\n"), ("2.11.2", "d\n  chain\n  datasets\n  io\n"), ("3.3.2", "d\n  io\n")]
    {
        let model = super::model_for(&[("dags/d.py", source)], crate::ids::AirflowVersion::parse(version));
        assert_eq!(show(&model), tasks, "{version}");
        assert!(model.dags[0].complete(), "{version}");
    }
}

#[test]
fn slices_are_set_and_items_deleted() {
    let source = "a = ['a', 'x', 'y', 'b']\na[1:3] = ['c']\nb = ['d', 'x', 'e', 'y']\ndel b[1], b[-1]\nc = list('ghijk')\nc[::2] = 'lmn'\ndel c[1:2], c[:0], c[::3]\nd = {'o': 1, 'x': 2}\ndel d['x']\nwith DAG('d'):\n    for n in [*a, *b, *c, *d]:\n        EmptyOperator(task_id=n)\n";
    assert_eq!(show(&model(source)), "d\n  a\n  c\n  b\n  d\n  e\n  m\n  j\n  o\n");
}

#[test]
fn what_is_made_by_a_call_of_its_names_is_followed() {
    let source = "from types import SimpleNamespace\nMade = type('Made', (EmptyOperator,), {'ui_color': '#fff'})\nv = SimpleNamespace(first='a', rest=['b'])\nv.last = 'c'\ndef names():\n    x, y = 'p', 'q'\n    return '{x}_{y}'.format(**locals())\nwith DAG('d'):\n    for n in [v.first, *v.rest, v.last, names()]:\n        Made(task_id=n)\n";
    let model = model(source);
    assert_eq!(show(&model), "d\n  a\n  b\n  c\n  p_q\n");
}

#[test]
fn a_function_that_may_have_returned_does_not_end_the_file_by_its_last_raise() {
    let shown = super::show(&super::model(
        "import os\ndef find(name):\n    if os.path.exists('/etc/' + name):\n        return '/etc/' + name\n    raise ValueError(name)\n\
with DAG('d'):\n    EmptyOperator(task_id='a', doc_md=find('x'))\nwith DAG('e'):\n    EmptyOperator(task_id='b')\n",
    ));
    assert_eq!(shown, "d\n  a\ne\n  b\n");
    // Where the exception would be caught, what follows depends on it.
    let shown = super::show(&super::model(
        "import os\ndef find(name):\n    if os.path.exists('/etc/' + name):\n        return 'a'\n    raise ValueError(name)\n\
try:\n    name = find('x')\nexcept ValueError:\n    name = 'b'\nwith DAG('d'):\n    EmptyOperator(task_id=name)\n",
    ));
    assert!(shown.starts_with("d (incomplete)"), "{shown}");
}
