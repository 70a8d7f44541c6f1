//! Generators that are left between two values and gone on with.

use super::{model, show};

fn tasks(source: &str) -> String {
    let shown = show(&model(source));
    shown.lines().map(|line| line.split(" <-").next().unwrap_or(line).trim()).collect::<Vec<_>>().join(" ")
}

#[test]
fn next_goes_on_where_the_generator_stands() {
    let made = tasks(
        "def walk():\n    n = 0\n    while True:\n        n += 1\n        if n % 2:\n            yield f'odd{n}'\n        else:\n            yield f'even{n}'\n\
ids = walk()\nwith DAG('d'):\n    EmptyOperator(task_id=next(ids))\n    EmptyOperator(task_id=next(ids))\n    for name in ids:\n        EmptyOperator(task_id=name)\n        if name == 'even4':\n            break\n    EmptyOperator(task_id=next(ids))\n",
    );
    assert_eq!(made, "d odd1 even2 odd3 even4 odd5");
}

#[test]
fn tasks_are_made_when_they_are_asked_for() {
    let made = tasks(
        "def chain_of(names):\n    for name in names:\n        yield EmptyOperator(task_id=name)\n\
def both():\n    yield from chain_of(['a', 'b'])\n    yield from chain_of('cd')\n\
with DAG('d'):\n    made = both()\n    first, second = next(made), next(made)\n    first >> second\n    next(made)\n",
    );
    assert_eq!(made, "d a b c");
}

#[test]
fn zip_and_islice_take_no_more_than_they_give() {
    let made = tasks(
        "from itertools import count, cycle, islice, takewhile\n\
def make():\n    for n in count():\n        yield EmptyOperator(task_id=f't{n}')\n\
with DAG('d'):\n    rows = make()\n    list(islice(rows, 2))\n    for kind, _ in zip('xy', rows):\n        pass\n    EmptyOperator(task_id=next(n for n in cycle(['p', 'q']) if n == 'q'))\n    for n in takewhile(lambda n: n < 12, count(10)):\n        EmptyOperator(task_id=f'n{n}')\n",
    );
    assert_eq!(made, "d t0 t1 t2 t3 q n10 n11");
}

#[test]
fn what_is_not_known_leaves_the_dag_incomplete() {
    for walked in [
        "next(EmptyOperator(task_id=n) for n in os.environ['K'].split(','))",
        "next(EmptyOperator(task_id=n) for n in 'ab' if n in os.environ)",
        "next((EmptyOperator(task_id=n + m) for n in 'ab' for m in os.environ['K']), None)",
        "next((n for n in 'ab' if n in os.environ and EmptyOperator(task_id=n)), None)",
        "EmptyOperator(task_id=next(n for n in 'ab' if n in os.environ))",
        "next((n for n in [EmptyOperator(task_id=m) for m in 'ab'] if n.task_id in os.environ), None) >> EmptyOperator(task_id='c')",
        "next(map(lambda n: EmptyOperator(task_id=n), os.environ['K'].split(',')))",
        "list(zip([1, 2], (EmptyOperator(task_id=n) for n in os.environ['K'].split(','))))",
    ] {
        let model = model(&format!("import os\nwith DAG('d'):\n    {walked}\n"));
        assert!(model.dags.iter().all(|dag| !dag.complete()), "{walked}\n{}", show(&model));
    }
}

#[test]
fn a_next_value_that_is_not_known_stops_nothing() {
    let model = model(
        "import inspect, os\nname = next(n for n in 'ab' if n in os.environ)\n\
frame = next(f.filename for f in inspect.stack() if any(part in f.filename for part in ['dag', 'test']))\n\
with DAG('d'):\n    EmptyOperator(task_id='t', doc=name) >> EmptyOperator(task_id='u', doc=frame)\n\
with DAG(f'{name}_{frame}'):\n    EmptyOperator(task_id='v')\n",
    );
    let known: Vec<_> = model.dags.iter().filter(|dag| dag.complete()).collect();
    assert_eq!(known.len(), 1, "{}", show(&model));
    assert_eq!(known[0].tasks.len(), 2, "{}", show(&model));
    assert_eq!(model.dags.len(), 2, "{}", show(&model));
}
