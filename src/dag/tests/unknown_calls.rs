//! Calls of which it is not known what of the tree they run: the DAGs that they may change are
//! never complete. Each was seen to make a task that the model did not have.

use super::{model, only, show};

/// What each case begins with: two ways to make a task, and a DAG.
const TWO: &str = "import os\ndef one():\n    return EmptyOperator(task_id='one', dag=dag)\n\
def two():\n    return EmptyOperator(task_id='two', dag=dag)\n\
dag = DAG('d')\nEmptyOperator(task_id='first', dag=dag)\n";

fn doubted(calls: &[&str]) {
    for call in calls {
        let model = model(&format!("{TWO}{call}\n"));
        let dag = model.dags.iter().find(|dag| dag.dag_id.exact().is_some_and(|id| id.as_str() == "d"));
        assert!(dag.is_some_and(|dag| !dag.complete()), "{call}\n{}", show(&model));
    }
}

#[test]
fn an_element_of_a_table_by_an_unknown_index_is_called() {
    doubted(&[
        "{'a': one, 'b': two}[os.environ['K']]()",
        "{'a': one, 'b': two}.get(os.environ['K'], one)()",
        "[one, two][int(os.environ['K'])]()",
        "{'a': [one], 'b': [two]}[os.environ['K']][0]()",
        "[one, two].pop(int(os.environ['K']))()",
        "globals()['o' + os.environ['K']]()",
        "(one if os.environ.get('K') else two)()",
        "[(EmptyOperator, {}), (EmptyOperator, {})][int(os.environ['K'])][0](task_id='x', dag=dag)",
    ]);
}

#[test]
fn a_function_that_is_given_to_something_outside_is_called() {
    doubted(&[
        "import random\nrandom.choice([one, two])()",
        "import functools\nfunctools.reduce(lambda a, b: one(), os.environ['K'].split(','), None)",
        "import wrapt\n@wrapt.decorator\ndef f():\n    one()\nf()",
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(one)",
        "max([one, two], key=lambda f: os.environ['K'])()",
    ]);
}

#[test]
fn a_function_over_unknown_elements_is_called() {
    doubted(&[
        "list(map(lambda name: EmptyOperator(task_id=name, dag=dag), os.environ['K'].split(',')))",
        "names = ['a']\nif 'K' in os.environ:\n    names.append('b')\n\
list(map(lambda name: EmptyOperator(task_id=name, dag=dag), names))",
        "for name in filter(lambda name: one(), os.environ['K'].split(',')):\n    pass",
        "[f for f in map(lambda name: one(), os.listdir('/'))]",
    ]);
}

#[test]
fn what_is_taken_from_an_unknown_place_is_gone() {
    for taken in ["names.pop(int(os.environ['K']))", "names.pop(os.environ['K'], None)"] {
        let start = if taken.contains("None") { "dict(a=1, b=2)" } else { "['a', 'b']" };
        let source = format!(
            "import os\nnames = {start}\n{taken}\nwith DAG('d'):\n    for name in names:\n        EmptyOperator(task_id=name)\n"
        );
        let model = model(&source);
        assert!(!only(&model).complete(), "{source}\n{}", show(&model));
    }
}

#[test]
fn the_environment_is_not_known_in_any_way() {
    for asked in ["'K' in os.environ", "len(os.environ) > 3", "list(os.environ)", "[k for k in os.environ if k == 'K']"]
    {
        let source = format!("import os\nwith DAG('d'):\n    if {asked}:\n        EmptyOperator(task_id='a')\n");
        let model = model(&source);
        assert!(!only(&model).complete(), "{source}\n{}", show(&model));
    }
}

#[test]
fn a_decorator_that_only_runs_the_function_again_is_followed() {
    let shown = show(&model(
        "from tenacity import retry, stop_after_attempt\n\
@retry(stop=stop_after_attempt(3))\ndef make():\n    return EmptyOperator(task_id='a')\n\
with DAG('d'):\n    make() >> EmptyOperator(task_id='b')\n",
    ));
    assert_eq!(shown, "d\n  a\n  b <- a\n");
}

#[test]
fn a_decorator_that_wraps_by_functools_is_followed() {
    let shown = show(&model(
        "import functools\ndef named(prefix):\n    def decorate(function):\n        @functools.wraps(function)\n        def inner(name):\n            return function(prefix + name)\n        return inner\n    return decorate\n\
@named('x_')\ndef make(name):\n    return EmptyOperator(task_id=name)\n\
with DAG('d'):\n    make('a')\n",
    ));
    assert_eq!(shown, "d\n  x_a\n");
}

#[test]
fn a_cached_function_makes_a_task_once() {
    let shown = show(&model(
        "from functools import cache, lru_cache\n\
@lru_cache(maxsize=None)\ndef once(name, *, group='x'):\n    return EmptyOperator(task_id=f'{group}_{name}')\n\
class Tasks:\n    @cache\n    def get(self, name):\n        return EmptyOperator(task_id=name)\n\
with DAG('d'):\n    tasks = Tasks()\n    once('a') >> [once('b'), once('a', group='y')]\n    once('b') >> tasks.get('c')\n    tasks.get('c') >> tasks.get('e')\n    once.cache_clear()\n",
    ));
    assert_eq!(shown, "d\n  x_a\n  x_b <- x_a\n  y_a <- x_a\n  c <- x_b\n  e <- c\n");
}

#[test]
fn a_cached_function_that_may_have_been_called_before_leaves_the_dag_incomplete() {
    let source = "import os\nfrom functools import lru_cache\n@lru_cache\ndef once(name):\n    return EmptyOperator(task_id='t_' + name)\n\
with DAG('d'):\n    once('a')\n    once(os.environ['K'])\n";
    let model = model(source);
    assert!(!only(&model).complete(), "{}", show(&model));
}
