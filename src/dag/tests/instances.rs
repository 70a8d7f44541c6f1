//! Instances of classes of the tree that shape a DAG by their special methods.

use super::{model, show};

#[test]
fn an_empty_registry_with_a_length_is_false() {
    let shown = show(&model(
        "class Registry:\n    def __init__(self, *names):\n        self.names = names\n    def __len__(self):\n        return len(self.names)\n\
with DAG('d'):\n    if Registry():\n        EmptyOperator(task_id='never')\n    if not Registry('a') or Registry():\n        EmptyOperator(task_id='nor')\n    EmptyOperator(task_id='x' if Registry('a', 'b') else 'y')\n    EmptyOperator(task_id=f'n{len(Registry(1, 2, 3))}')\n",
    ));
    assert_eq!(shown, "d\n  x\n  n3\n");
}

#[test]
fn an_instance_that_derives_from_a_container_has_no_known_truth() {
    let shown = show(&model(
        "import collections\nclass Bag(collections.UserDict):\n    pass\nwith DAG('d'):\n    if Bag():\n        EmptyOperator(task_id='a')\n",
    ));
    assert!(shown.starts_with("d (incomplete)"), "{shown}");
}

#[test]
fn membership_and_order_are_what_the_class_says() {
    let shown = show(&model(
        "class Names:\n    def __init__(self, *names):\n        self.names = names\n    def __contains__(self, name):\n        return name.upper() in self.names\n\
class Turn:\n    def __init__(self, n):\n        self.n = n\n    def __lt__(self, other):\n        return self.n < other.n\n    def __eq__(self, other):\n        return NotImplemented if not isinstance(other, Turn) else self.n == other.n\n\
class Each:\n    def __iter__(self):\n        return iter(['p', 'q'])\n\
known = Names('A', 'C')\n\
with DAG('d'):\n    for name in ['a', 'b', 'c']:\n        if name in known:\n            EmptyOperator(task_id=name)\n        if name not in known:\n            EmptyOperator(task_id='not_' + name)\n    EmptyOperator(task_id='less' if Turn(1) < Turn(2) else 'more')\n    EmptyOperator(task_id='greater' if Turn(3) > Turn(2) else 'smaller')\n    EmptyOperator(task_id='same' if Turn(1) == Turn(1) else 'other')\n    EmptyOperator(task_id='differs' if Turn(1) != Turn(2) else 'equals')\n    EmptyOperator(task_id='in' if 'q' in Each() else 'out')\n",
    ));
    assert_eq!(shown, "d\n  a\n  not_b\n  c\n  less\n  greater\n  same\n  differs\n  in\n");
}

#[test]
fn members_of_an_enumeration_and_data_classes_are_compared() {
    let shown = show(&model(
        "from dataclasses import dataclass\nfrom enum import Enum\nclass Layer(str, Enum):\n    RAW = 'raw'\n    MART = 'mart'\nclass Kind(Enum):\n    ONE = 1\n    TWO = 2\n\
@dataclass\nclass Table:\n    name: str\n    kind: Kind = Kind.ONE\n\
with DAG('d'):\n    for kind in Kind:\n        if kind == Kind.ONE:\n            EmptyOperator(task_id=f'one_{kind.name}')\n        elif kind != 1:\n            EmptyOperator(task_id=f'other_{kind.name}')\n    EmptyOperator(task_id='text' if Layer.RAW == 'raw' else 'member')\n    EmptyOperator(task_id='in' if Layer.MART in ('raw', 'mart') else 'out')\n    EmptyOperator(task_id='same' if Table('a') == Table('a') else 'differs')\n    EmptyOperator(task_id='same2' if Table('a') == Table('a', Kind.TWO) else 'differs2')\n    if Kind.TWO in (Kind.ONE, Kind.TWO):\n        EmptyOperator(task_id='last')\n",
    ));
    assert_eq!(shown, "d\n  one_ONE\n  other_TWO\n  text\n  in\n  same\n  differs2\n  last\n");
}

#[test]
fn subclasses_are_those_that_derive_directly_in_order() {
    let shown = show(&model(
        "class Base:\n    def build(self):\n        with DAG(f'd_{type(self).__name__}') as made:\n            EmptyOperator(task_id='a')\n        return made\n\
class B(Base):\n    pass\nclass A(Base):\n    pass\nclass C(B):\n    pass\n\
for number, kind in enumerate(Base.__subclasses__()):\n    globals()[f'dag_{number}'] = kind().build()\n",
    ));
    assert_eq!(shown, "d_B\n  a\nd_A\n  a\n");
    let shown = show(&model(
        "import os\nclass Base:\n    name = 'x'\nif os.environ.get('MORE'):\n    class B(Base):\n        pass\n\
with DAG('d'):\n    for kind in Base.__subclasses__():\n        EmptyOperator(task_id=kind.name)\n",
    ));
    assert!(shown.starts_with("d (incomplete)"), "{shown}");
}

#[test]
fn a_module_that_may_be_none_has_the_attributes_of_the_module() {
    let shown = show(&model(
        "try:\n    from kubernetes.client import models as k8s\nexcept ImportError:\n    k8s = None\n\
with DAG('d'):\n    EmptyOperator(task_id='a', executor_config={'pod_override': k8s.V1Pod()})\n",
    ));
    assert_eq!(shown, "d\n  a\n");
}

#[test]
fn the_super_of_python_2_reaches_the_operator() {
    let shown = show(&model(
        "from airflow.models import BaseOperator\nclass Load(BaseOperator):\n    def __init__(self, table='', *args, **kwargs):\n        super(Load, self).__init__(*args, **kwargs)\n        self.table = table\n\
class Stage(Load):\n    def __init__(self, *args, **kwargs):\n        super(Stage, self).__init__(*args, **kwargs)\n\
class Named(DAG):\n    def __init__(self, name, **kwargs):\n        super(Named, self).__init__(dag_id='d_' + name, **kwargs)\n\
with Named('x'):\n    Load(task_id='a', table='t') >> Stage(task_id='b')\n",
    ));
    assert_eq!(shown, "d_x\n  a\n  b <- a\n");
}

#[test]
fn an_operator_that_is_made_by_a_way_that_is_not_followed_is_a_doubt() {
    let shown = show(&model(
        "from airflow.models import BaseOperator\nimport acme\nclass Load(BaseOperator):\n    def __init__(self, **kwargs):\n        acme.initialise(self, kwargs)\n\
with DAG('d'):\n    Load(task_id='a')\n",
    ));
    assert!(shown.starts_with("d (incomplete)"), "{shown}");
}

#[test]
fn what_a_value_of_python_does_not_have_is_the_default() {
    let shown = show(&model(
        "settings = {'default_args': 1}\nwith DAG('d', default_args=getattr(settings, 'default_args', {'owner': 'a'})):\n    EmptyOperator(task_id=getattr(settings, 'name', 'a'))\n    if not hasattr('text', 'items') and not hasattr([], 'read'):\n        EmptyOperator(task_id='b')\n",
    ));
    assert_eq!(shown, "d\n  a\n  b\n");
}

#[test]
fn an_init_that_is_called_by_its_class_reaches_the_operator() {
    let shown = show(&model(
        "from airflow.operators.bash import BashOperator\nclass Run(BashOperator):\n    def __init__(self, who, *args, **kwargs):\n        BashOperator.__init__(self, *args, bash_command=who, **kwargs)\n\
class Sub(Run):\n    def __init__(self, *args, **kwargs):\n        Run.__init__(self, *args, **kwargs)\n\
class Named(DAG):\n    def __init__(self, name, **kwargs):\n        DAG.__init__(self, 'd_' + name, **kwargs)\n\
with Named('x', default_args={'who': 'me'}):\n    Run(task_id='a') >> Sub(task_id='b')\n",
    ));
    assert_eq!(shown, "d_x\n  a\n  b <- a\n");
}

#[test]
fn apply_defaults_changes_nothing() {
    let shown = show(&model(
        "from airflow.models import BaseOperator\nfrom airflow.utils.decorators import apply_defaults\nclass Load(BaseOperator):\n    @apply_defaults\n    def __init__(self, conn, table='', *args, **kwargs):\n        super(Load, self).__init__(*args, **kwargs)\n\
with DAG('d', default_args={'conn': 'c'}):\n    Load(task_id='a') >> Load(task_id='b', table='t')\n",
    ));
    assert_eq!(shown, "d\n  a\n  b <- a\n");
}

/// `__dict__` is the attributes themselves: what is changed there is read from the instance.
#[test]
fn what_is_put_in_the_dict_of_an_instance_is_its_attribute() {
    let source = "import os\nclass Conf:\n    name = 'class'\n    def __init__(self, **k): self.__dict__.update(k)\n    def own(self): return self.name\nclass AttrDict(dict):\n    name = 'class'\n    def __init__(self, **k):\n        super().__init__(**k)\n        self.__dict__ = self\nclass Shared:\n    all = {'x': 's'}\n    def __init__(self): self.__dict__ = self.all\nc = Conf(name='a', other='b')\nc.other = 'c'\nvars(c)['third'] = 'd'\none, two = Shared(), Shared()\none.y = 'shared'\nbare = Conf()\ndel c.__dict__['other']\nwith DAG('d'):\n    EmptyOperator(task_id=c.name)\n    EmptyOperator(task_id='o_' + c.own())\n    EmptyOperator(task_id=str(hasattr(c, 'other')))\n    EmptyOperator(task_id=c.third)\n    EmptyOperator(task_id=bare.name)\n    EmptyOperator(task_id=AttrDict(name='attr').name)\n    EmptyOperator(task_id=one.x + two.y)\nwith DAG('unknown'):\n    EmptyOperator(task_id=Conf(**os.environ).name)\nsome = Conf(name='n')\nif os.getenv('X'): some.__dict__['name'] = 'm'\nwith DAG('either'):\n    EmptyOperator(task_id=some.name)\nwith DAG('method'):\n    EmptyOperator(task_id='x' + str(callable(Conf(**os.environ).own)))\n";
    insta::assert_snapshot!(show(&model(source)), @r"
    d
      a
      o_a
      False
      d
      class
      attr
      sshared
    unknown (incomplete)
      *
      ? 30: the task_id is not known: `update` is not evaluated
    either (incomplete)
      m|n
      ? 34: the task_id is one of several
    method
      xTrue
    ");
}

#[test]
fn what_is_not_compared_of_a_data_class_makes_no_difference_in_a_set() {
    let source = "from dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass Table:\n    name: str\n    options: dict = field(default_factory=dict, compare=False)\nwith DAG('d'):\n    for table in {Table('a'), Table('a', {'x': 1})}:\n        EmptyOperator(task_id=table.name)\n    EmptyOperator(task_id=f'{len(dict.fromkeys([Table(n) for n in (\"a\", \"b\", \"a\")]))}')\n";
    assert_eq!(show(&model(source)), "d\n  a\n  2\n");
}

#[test]
fn what_a_sensor_answers_is_not_taken_apart() {
    let source = "with DAG('d'):\n    @task.sensor\n    def wait() -> dict: ...\n    @task.branch\n    def choose() -> dict: ...\n    wait() >> choose()\n";
    let model = model(source);
    let outputs: Vec<_> = model.dags[0].tasks.iter().map(|task| task.multiple_outputs).collect();
    assert_eq!(outputs, [None, Some(true)], "{}", show(&model));
}
