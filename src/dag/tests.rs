//! Tests of the model over small trees, through one helper.

mod control;
mod data;
mod discovery;
mod exchange;
mod generators;
mod imports;
mod instances;
mod joined;
mod late;
mod opaque;
mod options;
mod outside;
mod properties;
mod pydantic;
mod refusals;
mod search_path;
mod setups;
mod tampering;
mod unknown_calls;

use super::{Dag, Id, Model, Shape, Task, build};
use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::ids::AirflowVersion;
use std::fmt::Write as _;

/// The imports that every case begins with.
const HEAD: &str = "from airflow import DAG\nfrom airflow.decorators import dag, task, task_group, setup, teardown\n\
from airflow.operators.empty import EmptyOperator\nfrom airflow.utils.task_group import TaskGroup\n\
from airflow.models.baseoperator import chain\n";

fn model_of(files: &[(&str, &str)]) -> Model {
    model_at(Some("2.11.2"), files)
}

fn model_at(version: Option<&str>, files: &[(&str, &str)]) -> Model {
    model_for(files, version.and_then(AirflowVersion::parse))
}

fn model_for(files: &[(&str, &str)], airflow: Option<AirflowVersion>) -> Model {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    build(&snapshot, Layout::Content, airflow)
}

fn model(source: &str) -> Model {
    model_of(&[("dags/d.py", &format!("{HEAD}{source}"))])
}

fn id<T: std::fmt::Display>(id: &Id<T>) -> String {
    match id {
        Id::Exact(id) => id.to_string(),
        Id::OneOf(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"),
        Id::Pattern { prefix, suffix } => format!("{prefix}*{suffix}"),
    }
}

fn task_line(task: &Task) -> String {
    let mut line = format!("  {}", id(&task.task_id));
    if let Some(mapping) = &task.mapped {
        let over: Vec<_> = mapping
            .over
            .iter()
            .map(|over| match over.length {
                Some(length) => format!("{}={length}", over.arg),
                None => format!("{}={:?}", over.arg, over.tasks),
            })
            .collect();
        let _ = write!(line, " mapped({})", over.join(", "));
    }
    if let Some(rule) = &task.trigger_rule {
        let _ = write!(line, " {rule}");
    }
    if !task.upstream.is_empty() {
        let ups: Vec<_> = task.upstream.iter().map(ToString::to_string).collect();
        let _ = write!(line, " <- {}", ups.join(", "));
    }
    line
}

fn show(model: &Model) -> String {
    let mut out = String::new();
    for dag in &model.dags {
        let _ = writeln!(out, "{}{}", id(&dag.dag_id), if dag.complete() { "" } else { " (incomplete)" });
        for task in &dag.tasks {
            let _ = writeln!(out, "{}", task_line(task));
        }
        for unknown in &dag.unknown {
            // Lines as in the case, without the common head.
            let _ = writeln!(out, "  ? {}: {}", unknown.at.span.line.saturating_sub(5), unknown.reason);
        }
    }
    for error in &model.errors {
        let _ = writeln!(out, "error {}:{}: {}", error.at.path, error.at.span.line, error.message);
    }
    out
}

/// The model of one DAG file behind [`HEAD`], as text.
macro_rules! check {
    ($source:expr, @$expected:literal) => {
        insta::assert_snapshot!(show(&model($source)), @$expected);
    };
}

fn only(model: &Model) -> &Dag {
    assert_eq!(model.dags.len(), 1, "{}", show(model));
    &model.dags[0]
}

#[test]
fn everyday_forms() {
    check!("with DAG('d') as d:\n    a = EmptyOperator(task_id='a')\n    a >> [EmptyOperator(task_id='b'), EmptyOperator(task_id='c')]\n", @r"
    d
      a
      b <- a
      c <- a
    ");
    check!("d = DAG(dag_id='d')\na = EmptyOperator(task_id='a', dag=d)\nb = EmptyOperator(task_id='b', dag=d)\nb.set_upstream(a)\n", @r"
    d
      a
      b <- a
    ");
    check!("@dag()\ndef d():\n    @task\n    def f(): return 1\n    @task.branch\n    def g(x): return 'f'\n    g(f())\nd()\n", @r"
    d
      f
      g <- f
    ");
}

#[test]
fn groups_prefix_and_relate() {
    check!("with DAG('d'):\n    s = EmptyOperator(task_id='s')\n    with TaskGroup('g') as g:\n        a = EmptyOperator(task_id='a')\n        b = EmptyOperator(task_id='b')\n        a >> b\n    with TaskGroup('p', prefix_group_id=False):\n        c = EmptyOperator(task_id='c')\n    s >> g >> c\n", @r"
    d
      s
      g.a <- s
      g.b <- g.a
      c <- g.b
    ");
    check!("with DAG('d'):\n    @task_group\n    def g(n):\n        @task\n        def f(x): return x\n        return f(n)\n    g(g(1))\n", @r"
    d
      g.f
      g__1.f <- g.f
    ");
}

#[test]
fn mapping_over_literals_and_outputs() {
    check!("with DAG('d'):\n    @task\n    def n(): return [1]\n    @task\n    def f(x, y=1): return x\n    f.partial(y=2).expand(x=n())\n    f.expand(x=[1, 2, 3])\n    f.expand_kwargs([{'x': 1}])\n", @r#"
    d
      n
      f mapped(x={"n"}) <- n
      f__1 mapped(x=3)
      f__2 mapped(=1)
    "#);
    let model = model("with DAG('d'):\n    @task\n    def f(x): return x\n    f.expand(x=['a', 2])\n");
    let mapping = only(&model).tasks[0].mapped.as_ref().unwrap();
    assert_eq!(mapping.over[0].items, Some(vec![Some("\"a\"".to_owned()), Some("2".to_owned())]));
    assert_eq!(mapping.over[0].items_at.len(), 2);
    assert_eq!(mapping.count(), Some(2));
}

#[test]
fn suffixes_count_as_airflow_counts() {
    check!("with DAG('d'):\n    @task\n    def f(x=1): return x\n    for i in range(3):\n        f(i)\n    f.override(task_id='f__7')()\n    f()\n", @r"
    d
      f
      f__1
      f__2
      f__7
      f__8
    ");
}

#[test]
fn loops_factories_and_names() {
    check!("NAMES = ['a', 'b']\ndef make(name):\n    with DAG(f'd_{name}') as d:\n        for i, x in enumerate(NAMES):\n            EmptyOperator(task_id='%s_%d' % (x, i))\n    return d\nfor name in NAMES:\n    globals()[name] = make(name)\n", @r"
    d_a
      a_0
      b_1
    d_b
      a_0
      b_1
    ");
}

#[test]
fn what_is_not_known_is_said() {
    check!("import os\nwith DAG('d'):\n    if os.getenv('X'):\n        EmptyOperator(task_id='a')\n    EmptyOperator(task_id='b')\n", @r"
    d (incomplete)
      b
      ? 3: depends on a condition that is not known: environment variable `X` is not known
    ");
    check!("from airflow.models import Variable\nwith DAG('d', schedule=Variable.get('s')):\n    EmptyOperator(task_id='a', retries=Variable.get('r'))\n", @r"
    d
      a
    ");
    check!("from airflow.models import Variable\nwith DAG('d'):\n    for x in Variable.get('l'):\n        EmptyOperator(task_id=f'a_{x}_z')\n", @r"
    d (incomplete)
      ? 3: depends on a condition that is not known: the result of `airflow.models.Variable.get` is not known
      ? 4: the task_id is not known: the result of `airflow.models.Variable.get` is not known
    ");
    check!("import os\nwith DAG('d'):\n    EmptyOperator(task_id='a_' + os.environ['X'])\n", @r"
    d (incomplete)
      a_*
      ? 3: the task_id is not known: environment variable `X` is not known
    ");
    check!("from acme import add_tasks\nwith DAG('d') as d:\n    add_tasks(d)\n", @r"
    d (incomplete)
      ? 3: `acme.add_tasks` is not in the tree and may change the DAG that it is given
      ? 3: `acme.add_tasks` is not in the tree and may make tasks
      ? 3: a call of something outside the tree may make tasks: the result of `acme.add_tasks` is not known
    ");
    check!("from acme import Thing\nwith DAG('d'):\n    t = Thing(task_id='t', config=Thing(1))\n    t >> EmptyOperator(task_id='e')\n", @r"
    d
      t
      e <- t
    ");
    check!("while True:\n    pass\nd = DAG('d')\n", @r"
    * (incomplete)
      ? 1: too many turns of a loop
    ");
}

#[test]
fn both_branches_of_an_unknown_condition() {
    check!("import os\nx = 'a' if os.getenv('E') else 'b'\nwith DAG('d'):\n    EmptyOperator(task_id=x)\n", @r"
    d (incomplete)
      a|b
      ? 4: the task_id is one of several
    ");
    check!("import os\nif os.getenv('E'):\n    s = '@daily'\nelse:\n    s = None\nwith DAG('d', schedule=s):\n    EmptyOperator(task_id='a')\n", @r"
    d
      a
    ");
}

#[test]
fn modules_of_the_tree_are_run() {
    let model = model_of(&[
        (
            "dags/d.py",
            "from airflow import DAG\nfrom operators.mine import Mine\nfrom lib.names import *\nwith DAG(NAME):\n    a = Mine(name='x')\n    Mine(value=a.output, task_id='y')\n    Mine(other=a.output, task_id='z')\n",
        ),
        (
            "plugins/operators/mine.py",
            "from airflow.models import BaseOperator\nclass Mine(BaseOperator):\n    template_fields = ('value',)\n    def __init__(self, name=None, value=None, other=None, **kwargs):\n        kwargs.setdefault('task_id', f'mine_{name}')\n        super().__init__(**kwargs)\n        self.value = value\n        self.other = other\n",
        ),
        ("shared/lib/__init__.py", ""),
        ("shared/lib/names.py", "NAME = 'named'\n"),
    ]);
    insta::assert_snapshot!(show(&model), @r"
    named
      mine_x
      y <- mine_x
      z
    ");
    let reaches: Vec<_> = only(&model).reaches.iter().map(ContentPath::as_str).collect();
    assert_eq!(reaches, ["dags/d.py", "plugins/operators/mine.py", "shared/lib/__init__.py", "shared/lib/names.py"]);
}

#[test]
fn imports_that_fail_are_errors() {
    let plugin = ("plugins/operators/a.py", "X = 1\n");
    let error =
        |source: &str| show(&model_of(&[("dags/d.py", &format!("# dag\nfrom airflow import DAG\n{source}")), plugin]));
    insta::assert_snapshot!(error("from operators.b import X\n"), @r"
    error dags/d.py:3: no module named `operators.b`
    ");
    insta::assert_snapshot!(error("from operators.a import Y\n"), @r"
    error dags/d.py:3: cannot import name `Y` from `operators.a`
    ");
    insta::assert_snapshot!(error("try:\n    from operators.b import X\nexcept ImportError:\n    X = 2\nd = DAG(f'd{X}')\n"), @r"
    d2
    ");
    insta::assert_snapshot!(error("import acme\nd = DAG('d')\n"), @r"
    d
    ");
}

#[test]
fn callables_have_shapes_and_code() {
    let shape = |source: &str| {
        let model = model(&format!("with DAG('d'):\n    @task\n    {source}\n    f()\n"));
        let callable = only(&model).tasks[0].callable.clone().unwrap();
        (callable.returns.clone(), callable.code)
    };
    let named = |name: &str| Shape::Named(name.to_owned().into());
    assert_eq!(shape("def f(): return 1").0, named("int"));
    assert_eq!(shape("def f() -> str: return g()").0, named("str"));
    assert_eq!(shape("def f() -> str: return 1").0, named("int"));
    assert_eq!(shape("def f(): pass").0, Shape::None);
    assert_eq!(shape("def f(): return {'a': 1}").0, Shape::Dict(Some([("a".to_owned(), named("int"))].into())));
    assert_eq!(
        shape("def f():\n        if x: return 1\n        return 'a'").0,
        Shape::Union([named("int"), named("str")].into())
    );
    assert_eq!(shape("def f(): return 1 # a").1, shape("def f() -> int:\n        '''doc'''\n        return (1)").1);
    assert_ne!(shape("def f(): return 1").1, shape("def f(): return 2").1);
}

#[test]
fn moving_a_constant_leaves_the_arguments_equal() {
    let arguments = |source: &str| only(&model(source)).tasks[0].arguments.clone();
    let body = "with DAG('d'):\n    EmptyOperator(task_id='a', pool=";
    assert_eq!(arguments(&format!("{body}'p')\n")), arguments(&format!("P = 'p'\n{body}P)\n")));
    assert_ne!(arguments(&format!("{body}'p')\n")), arguments(&format!("{body}'q')\n")));
}

#[test]
fn work_is_bounded() {
    let deep = format!("x = {}1{}\nd = DAG('d')\n", "(".repeat(5_000), ")".repeat(5_000));
    let nested = "x = []\nfor i in range(100000):\n    x = [x]\nd = DAG('d')\n";
    let exponential = "x = 'a'\nfor i in range(100):\n    x = x + x\nd = DAG('d' + x)\n";
    let recursion = "def f(n): return f(n + 1)\nd = DAG('d' + f(0))\n";
    let many = "with DAG('d'):\n    for i in range(100000):\n        EmptyOperator(task_id=f't{i}')\n";
    for source in [&deep, nested, exponential, recursion, many] {
        let source = source.to_owned();
        let model =
            std::thread::Builder::new().stack_size(2 << 20).spawn(move || model(&source)).unwrap().join().unwrap();
        assert!(model.dags.iter().all(|dag| !dag.complete()), "{}", show(&model));
        assert!(!model.dags.is_empty() || !model.errors.is_empty());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 60, ..proptest::prelude::ProptestConfig::default() })]

    #[test]
    fn any_lines_end(lines in proptest::collection::vec(proptest::sample::select(vec![
        "d = DAG('d')", "with DAG('e') as e:", "    a = EmptyOperator(task_id='a')", "    a >> a", "x = [1, *y]", "y = x + x",
        "def f(n):", "    return f(n - 1) if n else DAG(n)", "f(3)", "for i in range(5):", "    x = i", "import os", "if os.getenv('x'):",
        "    y = {**x}", "z = f'{x}{y!r:>3}'", "class A(x):", "    b = 1", "A().b", "try:", "    q()", "except Q as e:", "    pass",
        "while x:", "    x = x[1:]", "@task", "def g(): pass", "g.expand(x=z)", "del x", "x.y = z", "x['a'] = 1", "lambda: x",
    ]), 0..25)) {
        let source = lines.join("\n");
        let first = model(&source);
        proptest::prop_assert_eq!(&first, &model(&source));
    }

    #[test]
    fn formatting_and_names_leave_the_model_equal(count in 1..5_usize, comment in "[a-z ]{0,10}") {
        let plain = format!("v = {count}\nwith DAG('d'):\n    for i in range(v):\n        EmptyOperator(task_id=f't{{i}}') >> EmptyOperator(task_id=f'u{{i}}')\n");
        let written = format!("number = {count}  # {comment}\n\nwith DAG(\n    \"d\",\n):\n  # {comment}\n  for item in range(number):\n    EmptyOperator(task_id=f\"t{{item}}\",) >> (EmptyOperator(\n      task_id='u' + str(item)))\n");
        proptest::prop_assert_eq!(show(&model(&plain)), show(&model(&written)));
        proptest::prop_assert!(only(&model(&plain)).complete());
    }
}

#[test]
fn each_dependency_says_what_declared_it_and_where() {
    let head = HEAD.len();
    let source = "with DAG('d'):\n    a, b, c, e = [EmptyOperator(task_id=i) for i in 'abce']\n    a >> b >> c\n    chain(b, [c, e])\n    @task\n    def f(x): ...\n    f(f.override(task_id='g')({'k': [f.override(task_id='h')(1)]}))\n    with setup(f).override(task_id='s')(1) >> teardown(f).override(task_id='t')(1) as w:\n        f.override(task_id='w')(2)\n";
    let model = model(source);
    let edges: Vec<String> = only(&model)
        .edges
        .iter()
        .map(|edge| {
            let span = edge.at.span;
            let text = &source[span.bytes().start - head..span.bytes().end - head];
            format!("{} -> {} {:?} {}: {text}", edge.up, edge.down, edge.declared, span.line - 5)
        })
        .collect();
    insta::assert_snapshot!(edges.join("\n"), @r#"
    a -> b Dependency 3: a >> b
    b -> c Dependency 3: b >> c
    b -> e Dependency 4: b, [c, e]
    h -> g Argument 7: {'k': [f.override(task_id='h')(1)]}
    g -> f Argument 7: f.override(task_id='g')({'k': [f.override(task_id='h')(1)]})
    s -> t Dependency 8: setup(f).override(task_id='s')(1) >> teardown(f).override(task_id='t')(1)
    s -> w Setup 8: setup(f).override(task_id='s')(1) >> teardown(f).override(task_id='t')(1)
    w -> t Setup 8: setup(f).override(task_id='s')(1) >> teardown(f).override(task_id='t')(1)
    "#);
}
