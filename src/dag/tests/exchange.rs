//! What functions exchange while they run, and whether values fit what is done with them.

use super::{model, model_of, only};
use crate::dag::exchange::{Exchange, Fit, Test, What};
use crate::dag::{Model, Shape};
use std::collections::BTreeMap;

fn exchange_of(model: &Model) -> Exchange {
    only(model).tasks[0].callable.clone().unwrap().exchange.clone()
}

/// What one decorated function exchanges; `body` is indented by eight.
fn of(parameters: &str, body: &str) -> Exchange {
    exchange_of(&model(&format!("with DAG('d'):\n    @task\n    def f({parameters}):\n        {body}\n    f(x=1)\n")))
}

fn named(name: &str) -> Shape {
    Shape::Named(name.to_owned().into())
}

fn dict(keys: &[(&str, Shape)]) -> Shape {
    Shape::Dict(Some(keys.iter().map(|(key, shape)| ((*key).to_owned(), shape.clone())).collect()))
}

/// How a body that is given `x` goes with a value.
fn fit(body: &str, value: &Shape) -> &'static str {
    match of("x", body).usage("x").cloned().unwrap_or_default().fits(value) {
        Fit::Fits => "fits",
        Fit::Open(_) => "open",
        Fit::May(..) => "may",
        Fit::Alters(..) => "alters",
        Fit::Fails(..) => "fails",
    }
}

#[test]
fn keys_indexes_and_calculations_are_asked_of_a_value() {
    let (int, text) = (named("int"), named("str"));
    let a = dict(&[("a", int.clone())]);
    assert_eq!(fit("print(x['a'] + 1)", &a), "fits");
    assert_eq!(fit("print(x['b'])", &a), "fails");
    assert_eq!(fit("print(x.get('b'))", &a), "fits");
    assert_eq!(fit("print(x['a'] + 1)", &dict(&[("a", text.clone())])), "fails");
    assert_eq!(fit("print(x * 2)", &text), "fails");
    assert_eq!(fit("print(x * 2)", &named("float")), "fits");
    assert_eq!(fit("print(f'{x} of {len(x)}')", &int), "fails");
    assert_eq!(fit("a, b = x", &Shape::Tuple(vec![int.clone(); 3])), "fails");
    assert_eq!(fit("a, *b = x", &Shape::Tuple(vec![int.clone(); 3])), "fits");
    assert_eq!(fit("for row in x: print(row['k'])", &Shape::list(dict(&[("k", int.clone())]))), "fits");
    assert_eq!(fit("for row in x: print(row['k'])", &Shape::list(dict(&[("n", int.clone())]))), "fails");
    assert_eq!(fit("x.append(1)", &dict(&[])), "fails");
    assert_eq!(fit("print(f'{x}')", &Shape::None), "alters");
    assert_eq!(fit("send(x)", &int), "open");
    assert_eq!(fit("print(x['a'])", &Shape::Union([a, int].into())), "may");
}

#[test]
fn a_list_that_is_written_out_has_so_many_elements() {
    let of = |count: usize| Shape::List(Box::new(named("int")), Some(count));
    assert_eq!(fit("a, b = x", &of(2)), "fits");
    assert_eq!(fit("a, b = x", &of(3)), "fails");
    assert_eq!(fit("a, b = x", &Shape::list(named("int"))), "fits");
    assert_eq!(fit("a, *b = x", &of(3)), "fits");
    assert_eq!(fit("print(x[2])", &of(2)), "fails");
    assert_eq!(fit("print(x[:5])", &of(2)), "fits");
    assert_eq!(fit("if len(x) > 2:\n            print(x[2])", &of(2)), "fits");
    assert_eq!(fit("for a, b in x: print(a)", &Shape::list(of(3))), "fails");
    let returns = |body: &str| {
        let model = model(&format!("with DAG('d'):\n    @task\n    def f():\n        {body}\n    f()\n"));
        only(&model).tasks[0].callable.clone().unwrap().returns.clone()
    };
    assert_eq!(returns("return [1, 2]"), of(2));
    assert_eq!(returns("rows = [1, 2]\n        return rows"), of(2));
    let any = Shape::list(named("int"));
    assert_eq!(returns("rows = [1]\n        more = rows\n        more.append(2)\n        return rows"), any);
    assert_eq!(returns("if now():\n            return [1, 2]\n        return [1]"), any);
    assert_eq!(returns("rows = [1, 2]\n        return rows[:1]"), any);
}

#[test]
fn what_is_asked_by_get_may_be_nothing() {
    let gone = dict(&[("z", named("int"))]);
    let with = dict(&[("k", named("int")), ("z", named("int"))]);
    for body in
        ["print(x.get('k') + 1)", "print(x.get('k', None) + 1)", "for i in x.get('k'): pass", "a, b = x.get('k')"]
    {
        assert_eq!(fit(body, &gone), "fails", "{body}");
    }
    for body in [
        "print(x.get('k'))",
        "print(f\"{x.get('k')}\")",
        "print(x.get('k', 0) + 1)",
        "print((x.get('k') or 0) + 1)",
        "k = x.get('z') or x.get('k')\n        print(k + 1)",
        "if x.get('k'):\n            print(x.get('k') + 1)",
        "if x.get('k') == 1:\n            print(x.get('k') + 1)",
        "if x.get('k') not in (1, 2):\n            return\n        print(x.get('k') + 1)",
        "k = x.get('k')\n        if k is None:\n            k = 0\n        print(k + 1)",
        "if 'k' in x:\n            print(x.get('k') + 1)",
        "if isinstance(x.get('k'), int):\n            print(x.get('k') + 1)",
        "if (k := x.get('k')):\n            print(k + 1)",
    ] {
        assert_eq!((fit(body, &gone), fit(body, &with)), ("fits", "fits"), "{body}");
    }
    assert_eq!(fit("if any([x.get('k')]):\n            print(x.get('k') + 1)", &gone), "may");
}

#[test]
fn a_text_that_is_formatted_asks_for_its_keys() {
    let k = dict(&[("k", named("int"))]);
    for (body, other) in [
        ("print('%(k)s' % x)", "print('%(j)s' % x)"),
        ("print('{k}'.format(**x))", "print('{j}'.format(**x))"),
        ("print('{j}'.format(j=1, **x))", "print('{k} {j}'.format(**x))"),
        ("print('{k}'.format_map(x))", "print('{j}'.format_map(x))"),
        ("print('{0[k]}'.format(x))", "print('{0[j]}'.format(x))"),
        ("print('{y[k]}'.format(y=x))", "print('{y[j]}'.format(y=x))"),
    ] {
        assert_ne!(fit(body, &k), "fails", "{body}");
        assert_eq!(fit(other, &k), "fails", "{other}");
    }
}

#[test]
fn an_object_may_have_more_than_its_fields() {
    let row = |field: &str| Shape::Record("Row".into(), BTreeMap::from([(field.to_owned(), named("int"))]));
    assert_eq!(fit("print(x.n + 1)", &row("n")), "fits");
    assert_eq!(fit("print(x.n + 1)", &row("m")), "may");
}

#[test]
fn only_the_parts_that_go_on_unseen_are_compared() {
    let (before, after) = (dict(&[("a", named("int")), ("b", named("int"))]), dict(&[("a", named("int"))]));
    let open = |body: &str| of("x", body).usage("x").unwrap().open_in(&before, &after);
    assert_eq!(open("send(x['a'])"), [(named("int"), named("int"))]);
    assert_eq!(open("send(x)"), [(before.clone(), after.clone())]);
    assert_eq!(open("send([row for row in x])"), [(before.clone(), after.clone())]);
}

#[test]
fn a_test_of_literals_decides_which_way_is_taken() {
    let returns = |body: &str| {
        let model = model(&format!("with DAG('d'):\n    @task\n    def f():\n        {body}\n    f()\n"));
        only(&model).tasks[0].callable.clone().unwrap().returns.clone()
    };
    assert_eq!(returns("if 7 > 5:\n            return 'a'\n        return 1"), named("str"));
    assert_eq!(returns("if False:\n            return 'a'\n        return 1"), named("int"));
}

#[test]
fn a_name_that_is_bound_again_is_the_part() {
    let n = dict(&[("n", named("int"))]);
    assert_eq!(fit("x = x['n']\n        print(x + 1)", &n), "fits");
    assert_eq!(fit("y = x\n        x = 3\n        print(x + 1, y['m'])", &n), "fails");
    assert_eq!(fit("x, y = x['n'], x\n        print(x + 1)", &n), "open");
}

#[test]
fn a_test_of_the_type_guards_what_is_asked() {
    let n = dict(&[("n", named("int"))]);
    let both = "print((x['n'] if isinstance(x, dict) else x) + 1)";
    assert_eq!((fit(both, &n), fit(both, &named("int"))), ("fits", "fits"));
    let both = "if isinstance(x, dict):\n            x = x['n']\n        print(x + 1)";
    assert_eq!((fit(both, &n), fit(both, &named("int"))), ("fits", "fits"));
    let early = "if not isinstance(x, dict):\n            return x + 1\n        print(x['n'])";
    assert_eq!((fit(early, &n), fit(early, &named("int"))), ("fits", "fits"));
    let has = "print(x['m'] if 'm' in x else x['n'])";
    assert_eq!(fit(has, &n), "fits");
    let caught = "try:\n            print(x['m'])\n        except KeyError:\n            print('none')";
    assert_eq!(fit(caught, &n), "fits");
    let raised = "try:\n            print(x['m'])\n        except KeyError:\n            raise";
    assert_eq!(fit(raised, &n), "fails");
    let none = "if x is None:\n            return\n        print(x + 1)";
    assert_eq!((fit(none, &Shape::None), fit(none, &named("str"))), ("fits", "fails"));
}

#[test]
fn functions_of_the_tree_are_followed() {
    let files = |body: &str| {
        let dag = format!(
            "from airflow import DAG\nfrom airflow.decorators import task\nfrom lib.shared import size, pull\nwith DAG('d'):\n    @task\n    def f(x, **context):\n        {body}\n    f(x=1)\n"
        );
        let shared = "def size(row, factor=2):\n    return row['size'] * factor\n\ndef pull(context, key='n'):\n    return context['ti'].xcom_pull(task_ids='one', key=key)\n";
        exchange_of(&model_of(&[("dags/d.py", &dag), ("shared/lib/shared.py", shared), ("shared/lib/__init__.py", "")]))
    };
    let usage = files("print(size(x))").usage("x").unwrap().clone();
    assert!(usage.fits(&dict(&[("length", named("int"))])).fails());
    assert_eq!(usage.fits(&dict(&[("size", named("int"))])), Fit::Fits);
    let pulls = files("print(pull(context)['k'])").pulls;
    assert_eq!((pulls[0].task_ids.clone(), pulls[0].key.as_deref()), (Some(vec!["one".to_owned()]), Some("n")));
    assert_eq!(pulls[0].usage.needs[0].what, What::Key("k".into()));
}

#[test]
fn pulls_pushes_params_and_choices_are_found() {
    let found = of(
        "x, ti, params, **kwargs",
        "ti.xcom_push(key='size', value=7)\n        a, b = kwargs['ti'].xcom_pull(task_ids=['one', 'two'])\n        print(params['n'], params.get('m'), a, b)\n        target = 'left' if x else 'right'\n        return target",
    );
    assert_eq!(
        found.pushes.iter().map(|push| (push.key.as_str(), &push.shape)).collect::<Vec<_>>(),
        [("size", &named("int"))]
    );
    assert!(found.pulls[0].many);
    assert_eq!(
        found.params.iter().map(|read| (read.name.as_str(), read.required)).collect::<Vec<_>>(),
        [("n", true), ("m", false)]
    );
    assert_eq!(found.choices.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["left", "right"]);
}

#[test]
fn a_task_instance_that_is_reached_in_another_way_of_each_release_pushes() {
    let pushes = |body: &str| {
        let found = of("x", body);
        (found.pushes.iter().map(|push| push.key.clone()).collect::<Vec<_>>(), found.pushes_more.is_some())
    };
    let both = "if x:\n            from airflow.sdk import get_current_context\n        else:\n            from airflow.operators.python import get_current_context\n        ti = get_current_context()['ti']\n        ti.xcom_push(key='a', value=1)";
    assert_eq!(pushes(both), (vec!["a".to_owned()], false));
    let tried = "try:\n            from airflow.sdk import get_current_context\n        except ImportError:\n            from airflow.operators.python import get_current_context\n        get_current_context()['ti'].xcom_push(key='a', value=1)";
    assert_eq!(pushes(tried), (vec!["a".to_owned()], false));
    assert_eq!(pushes("x.instance().xcom_push(key='a', value=1)"), (vec!["a".to_owned()], false));
    assert_eq!(pushes("x.instance().xcom_push(x, 1)"), (vec![], true));
    assert_eq!(pushes("x.push(key='a', value=1)"), (vec![], false));
}

#[test]
fn classes_of_the_tree_have_the_shape_of_their_fields() {
    let returns = |source: &str| {
        let head = "from dataclasses import dataclass\nfrom typing import TypedDict\n@dataclass\nclass Row:\n    n: int\nclass Totals(TypedDict):\n    a: int\n    b: str\n";
        let model = model(&format!("{head}with DAG('d'):\n    @task\n    {source}\n    f()\n"));
        only(&model).tasks[0].callable.clone().unwrap().returns.clone()
    };
    let fields = BTreeMap::from([("n".to_owned(), named("int"))]);
    assert_eq!(returns("def f(): return Row(1)"), Shape::Record("Row".into(), fields));
    let totals = dict(&[("a", named("int")), ("b", named("str"))]);
    assert_eq!(returns("def f() -> Totals: return load()"), totals);
    assert_eq!(returns("def f(): return Totals(a=1, b='')"), totals);
    let built = "def f():\n        d = {'a': 1}\n        d['b'] = 'x'\n        return d";
    assert_eq!(returns(built), totals);
    let open = "def f():\n        d = {'a': 1}\n        fill(d)\n        return d";
    assert_eq!(returns(open), Shape::Dict(None));
}

#[test]
fn what_is_not_read_of_a_test_decides_nothing() {
    let guards = of("x", "if callable(x):\n            print(x['n'])").usage("x").unwrap().needs[0].guards.clone();
    assert_eq!(guards[0].test, Test::Other);
    assert_eq!(fit("if callable(x):\n            print(x['n'])", &named("int")), "may");
}
