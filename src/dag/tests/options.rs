//! Arguments that are gathered in dicts, some of which are given only under a condition.

use super::{Model, model, model_of, only, show};

const ENV: &str = "import os\nenv = os.environ.get('ENV')\n";

fn under(source: &str) -> Model {
    model(&format!("{ENV}{source}"))
}

/// The DAG is complete, and is this.
macro_rules! exact {
    ($source:expr, @$expected:literal) => {
        insta::assert_snapshot!(show(&under($source)), @$expected);
    };
}

#[test]
fn an_option_of_a_task_that_may_be_missing_leaves_its_structure_known() {
    exact!("def make(i, **more):\n    kw = {'task_id': f't{i}'}\n    if env == 'prod':\n        kw['pool'] = 'big'\n        kw.update(priority_weight=3)\n    kw.update(more)\n    kw.setdefault('queue', 'q')\n    kw.pop('pool_slots', None)\n    return EmptyOperator(**kw)\nwith DAG('d'):\n    make(1, retries=2) >> make(2)\n", @r"
    d
      t1
      t2 <- t1
    ");
    exact!("base = {}\nif env == 'prod':\n    base['pool'] = 'p'\nelif env == 'dev':\n    base['queue'] = 'q'\nargs = dict({**base, 'retries': 1}, owner='me')\nargs['retries'] = 2\nwith DAG('d', **({'tags': ['p']} if env else {'catchup': False})):\n    EmptyOperator(task_id='a', **args) >> EmptyOperator(task_id='b', **(base if env == 'x' else {}))\n", @r"
    d
      a
      b <- a
    ");
}

#[test]
fn an_option_of_a_task_function_that_may_be_missing_leaves_its_structure_known() {
    exact!("with DAG('d'):\n    @task(**({'pool': 'x'} if env == 'prod' else {}))\n    def a(): ...\n    @task\n    def b(x): ...\n    b.override(task_id='c', **({'retries': 3} if env == 'prod' else {}))(a())\n", @r"
    d
      a
      c <- a
    ");
}

#[test]
fn an_operator_of_the_tree_is_given_what_may_be_missing() {
    exact!("class Own(EmptyOperator):\n    def __init__(self, name, extra=None, **kwargs):\n        if env:\n            kwargs['pool'] = name\n        super().__init__(**kwargs)\nwith DAG('d'):\n    Own(task_id='a', name='n') >> Own(task_id='b', name='m')\n", @r"
    d
      a
      b <- a
    ");
}

#[test]
fn what_decides_structure_stays_a_doubt_where_it_may_be_missing() {
    let doubted = [
        "kw = {'task_id': 'a'}\nif env:\n    kw['task_id'] = 'b'\nwith DAG('d'):\n    EmptyOperator(**kw)\n",
        "kw = {}\nif env:\n    kw['trigger_rule'] = 'all_done'\nwith DAG('d'):\n    EmptyOperator(task_id='a', **kw)\n",
        "def make(suffix='x', **kw):\n    return EmptyOperator(task_id='a' + suffix, **kw)\nkw = {}\nif env:\n    kw['suffix'] = 'y'\nwith DAG('d'):\n    make(**kw)\n",
        "with DAG('d'):\n    @task\n    def a(): ...\n    @task\n    def b(**given): ...\n    one = a()\n    kw = {}\n    if env:\n        kw['x'] = one\n    b(**kw)\n",
        "from airflow.operators.bash import BashOperator\nwith DAG('d'):\n    a = EmptyOperator(task_id='a')\n    kw = {'task_id': 'b', 'bash_command': 'x'}\n    if env:\n        kw['env'] = {'v': a.output}\n    BashOperator(**kw)\n",
        "kw = {'a': 1}\nif env:\n    kw['b'] = 2\nwith DAG('d'):\n    for name in kw:\n        EmptyOperator(task_id=name)\n",
        "kw = {'a': 1}\nif env:\n    kw['b'] = 2\nwith DAG('d'):\n    if 'b' in kw:\n        EmptyOperator(task_id='x')\n",
        "kw = {'a': 1}\nif env:\n    kw['b'] = 2\nwith DAG('d'):\n    EmptyOperator(task_id=f\"x{kw.get('b', 3)}\")\n",
        "kw = {}\nfor name in os.listdir('/x'):\n    kw[name] = 1\nwith DAG('d'):\n    EmptyOperator(task_id='a', **kw)\n",
    ];
    for source in doubted {
        let model = under(source);
        assert!(!only(&model).complete(), "{source}{}", show(&model));
    }
}

#[test]
fn operators_as_functions_make_dependencies() {
    exact!("import operator, functools\nwith DAG('d'):\n    ts = [EmptyOperator(task_id=f't{i}') for i in range(3)]\n    functools.reduce(operator.rshift, ts)\n    list(map(operator.lshift, ts[2:], ts[:1]))\n", @r"
    d
      t0
      t1 <- t0
      t2 <- t0, t1
    ");
    let model = under(
        "import operator\nwith DAG('d'):\n    a = EmptyOperator(task_id='a')\n    a = operator.irshift(a, EmptyOperator(task_id='b'))\n",
    );
    assert!(!only(&model).complete(), "{}", show(&model));
}

#[test]
fn attributes_of_functions_are_what_they_were_set_to() {
    exact!("def mark(f):\n    f.wanted = True\n    f.order = 2\n    return f\n@mark\ndef one(): ...\ndef two(): ...\n@mark\ndef three(): ...\nthree.order = 1\ndef count():\n    count.n += 1\n    return count.n\ncount.n = 0\nwith DAG('d'):\n    for f in sorted((f for f in (one, two, three) if getattr(f, 'wanted', False)), key=lambda f: f.order):\n        EmptyOperator(task_id=f'{f.__name__}_{count()}')\n    if not hasattr(two, 'wanted'):\n        EmptyOperator(task_id='two')\n", @r"
    d
      three_1
      one_2
      two
    ");
    let model = under(
        "def f(): ...\nif env:\n    f.skip = True\nwith DAG('d'):\n    if not getattr(f, 'skip', False):\n        EmptyOperator(task_id='a')\n",
    );
    assert!(!only(&model).complete(), "{}", show(&model));
}

#[test]
fn the_values_of_a_literal_type_are_known() {
    let types = "from typing import Literal\nEnv = Literal['dev', 'prod']\nAll = Literal[Env, 'test', 'dev']\n";
    let dag = "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\nfrom typing import get_args\nfrom names import All\nfor env in get_args(All):\n    with DAG(f'd_{env}') as dag:\n        EmptyOperator(task_id='a')\n    globals()[env] = dag\n";
    insta::assert_snapshot!(show(&model_of(&[("dags/d.py", dag), ("dags/names.py", types)])), @r"
    d_dev
      a
    d_prod
      a
    d_test
      a
    ");
}

#[test]
fn a_star_that_is_not_known_leaves_the_further_arguments_open() {
    let model = under(
        "def follow(first, *rest):\n    for other in rest:\n        first >> other\nwith DAG('d'):\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    follow(a, *([b] if env else []))\n",
    );
    assert!(!only(&model).complete(), "{}", show(&model));
}

#[test]
fn a_task_is_no_list_and_an_instance_of_airflows_classes() {
    exact!("from airflow.models import BaseOperator\nclass Line:\n    def __init__(self):\n        self.last = []\n    def __rshift__(self, other):\n        ops = other if isinstance(other, (list, tuple)) else [other]\n        for one in self.last:\n            one >> list(ops)\n        self.last = list(ops)\n        return self\nwith DAG('d') as dag:\n    with TaskGroup('g') as g:\n        c = EmptyOperator(task_id='c')\n    a, b = (EmptyOperator(task_id=x) for x in 'ab')\n    Line() >> a >> [b] >> g\n    for thing in (a, g, dag):\n        if isinstance(thing, BaseOperator):\n            EmptyOperator(task_id='o')\n        elif isinstance(thing, TaskGroup):\n            EmptyOperator(task_id='group')\n        elif not isinstance(thing, str):\n            EmptyOperator(task_id='dag')\n", @r"
    d
      g.c <- b
      a
      b <- a
      o
      group
      dag
    ");
}

#[test]
fn a_metaclass_that_keeps_one_instance_gives_it_again() {
    exact!("class Single(type):\n    _made = {}\n    def __call__(cls, *args, **kwargs):\n        if cls not in cls._made:\n            cls._made[cls] = super().__call__(*args, **kwargs)\n        return cls._made[cls]\nclass Config(metaclass=Single):\n    def __init__(self, names):\n        self.names = names\nclass Other(Config):\n    pass\nConfig(['a', 'b'])\nOther(['c'])\nwith DAG('d'):\n    for name in Config(['x']).names + Other([]).names:\n        EmptyOperator(task_id=name)\n", @r"
    d
      a
      b
      c
    ");
}

#[test]
fn rows_are_read_from_a_text_that_is_read_as_a_file() {
    exact!("import csv, io\nwith DAG('d'):\n    for row in csv.DictReader(io.StringIO('id,x\\na,1\\nb,2\\n')):\n        EmptyOperator(task_id=row['id'])\n", @r"
    d
      a
      b
    ");
}

#[test]
fn a_class_by_its_dotted_name_is_that_class() {
    let ops = "from airflow.models import BaseOperator\nclass Own(BaseOperator):\n    pass\n";
    let dag = "from pydoc import locate\nfrom airflow import DAG\nfrom airflow.utils.module_loading import import_string\nwith DAG('d'):\n    locate('ops.Own')(task_id='a') >> import_string('airflow.operators.empty.EmptyOperator')(task_id='b')\n";
    insta::assert_snapshot!(show(&model_of(&[("dags/d.py", dag), ("dags/ops.py", ops)])), @r"
    d
      a
      b <- a
    ");
}

#[test]
fn a_function_that_is_dispatched_by_class_is_not_taken_for_the_first() {
    let model = under(
        "from functools import singledispatch\n@singledispatch\ndef make(x):\n    return EmptyOperator(task_id=f'o_{x}')\n@make.register\ndef _(x: int):\n    return EmptyOperator(task_id=f'i_{x}')\nwith DAG('d'):\n    make(1)\n",
    );
    assert!(model.dags.iter().all(|dag| !dag.complete()), "{}", show(&model));
}

#[test]
fn a_dict_whose_methods_are_those_of_attributes_is_a_namespace() {
    exact!("class Bag(dict):\n    __getattr__ = dict.get\n    __setattr__ = dict.__setitem__\nb = Bag(id='d', steps=['a'])\nb.more = 'b'\nwith DAG(b.id):\n    for step in b.steps + [b.more, b['more'] * 2]:\n        EmptyOperator(task_id=step)\n    if b.missing is None:\n        EmptyOperator(task_id=f'n{len(b)}')\n", @r"
    d
      a
      b
      bb
      n3
    ");
}

#[test]
fn a_dict_that_gives_its_keys_as_attributes_does_so() {
    exact!("class Config(dict):\n    def __getattr__(self, name):\n        try:\n            value = self[name]\n        except KeyError:\n            raise AttributeError(name)\n        return Config(value) if isinstance(value, dict) else value\nc = Config({'dag': {'id': 'd', 'steps': ['a', 'b']}})\nwith DAG(c.dag.id):\n    for step in c.dag.steps:\n        EmptyOperator(task_id=step)\n    if getattr(c, 'more', None) is None:\n        EmptyOperator(task_id='c')\n", @r"
    d
      a
      b
      c
    ");
}

#[test]
fn a_descriptor_is_told_its_name_and_sets_what_it_gives() {
    exact!("class Lower:\n    def __set_name__(self, owner, name):\n        self.kept = '_' + name\n    def __get__(self, one, kind=None):\n        return getattr(one, self.kept, 'none')\n    def __set__(self, one, value):\n        setattr(one, self.kept, value.lower())\nclass Names:\n    a = Lower()\n    b = Lower()\n    def __init__(self, a):\n        self.a = a\nwith DAG('d'):\n    names = Names('XX')\n    EmptyOperator(task_id=names.a) >> EmptyOperator(task_id=names.b)\n", @r"
    d
      xx
      none <- xx
    ");
}

#[test]
fn a_method_of_airflows_class_that_is_given_tasks_is_a_doubt() {
    let model = under(
        "from airflow.models.baseoperator import BaseOperator\nwith DAG('d'):\n    BaseOperator.set_downstream(EmptyOperator(task_id='a'), EmptyOperator(task_id='b'))\n",
    );
    assert!(!only(&model).complete(), "{}", show(&model));
}

#[test]
fn the_tasks_of_a_dag_are_looked_through_when_it_is_built() {
    exact!("with DAG('d') as dag:\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    c = EmptyOperator(task_id='c')\n    [a, b] >> c\n    start = EmptyOperator(task_id='start')\n    end = EmptyOperator(task_id='end')\nfor task in dag.tasks:\n    if task.task_id in ('start', 'end'):\n        continue\n    if not task.upstream_list:\n        start >> task\n    if len(task.downstream_list) == 0:\n        task >> end\n", @r"
    d
      a <- start
      b <- start
      c <- a, b
      start
      end <- c
    ");
    exact!("with DAG('d') as dag:\n    EmptyOperator(task_id='a') >> [EmptyOperator(task_id='b'), EmptyOperator(task_id='c')]\ntail = dag.leaves\nfirst = EmptyOperator(task_id='first', dag=dag)\nlast = EmptyOperator(task_id='last', dag=dag)\nfirst >> [task for task in dag.roots if task.task_id not in ('first', 'last')]\ntail >> last\n", @r"
    d
      a <- first
      b <- a
      c <- a
      first
      last <- b, c
    ");
    exact!("made = []\nwith DAG('d') as dag:\n    with TaskGroup('g') as g:\n        made += [EmptyOperator(task_id='a'), EmptyOperator(task_id='b')]\n    made.append(g)\nnames = [thing.task_id if hasattr(thing, 'task_id') else thing.group_id for thing in made]\nEmptyOperator(task_id='-'.join(names), dag=dag)\n", @r"
    d
      g.a
      g.b
      g.a-g.b-g
    ");
}

#[test]
fn neighbours_of_a_task_have_no_order() {
    let model = under(
        "with DAG('d') as dag:\n    c = EmptyOperator(task_id='c')\n    [EmptyOperator(task_id='a'), EmptyOperator(task_id='b')] >> c\n    EmptyOperator(task_id='after_' + c.upstream_list[0].task_id)\n",
    );
    assert!(!only(&model).complete(), "{}", show(&model));
}
