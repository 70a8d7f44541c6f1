//! Ids that shift, lists that are mapped over in another way, and the order of tasks.

use super::*;

const STEP: &str = "@task\ndef step(name):\n    print(name)\n";

#[test]
fn a_call_that_is_inserted_removed_or_moved_shifts_the_ids_that_airflow_counts() {
    let of = |deployed: &str, proposed: &str, expected: &[&str]| check((STEP, deployed), (STEP, proposed), expected);
    let ab = "step(\"a\")\nstep(\"b\")";
    of(
        ab,
        "step(\"z\")\nstep(\"a\")\nstep(\"b\")",
        &["counted ids: step -> step__1, step__1 -> step__2; new step; ended "],
    );
    of(ab, "step(\"b\")", &["counted ids: step__1 -> step; new ; ended step"]);
    of(ab, "step(\"b\")\nstep(\"a\")", &["counted ids: step -> step__1, step__1 -> step; new ; ended "]);
    of(ab, "step(\"a\")\nstep(\"b\")\nstep(\"c\")", &["step__2 added"]);
    of(ab, "step(\"a\")", &["step__1 removed"]);
    // An edited call is the same call.
    of(ab, "step(\"a\")\nstep(\"b2\")", &[]);
    of("step(\"a\")", "step(\"b\")", &[]);
}

#[test]
fn calls_without_arguments_are_told_apart_by_what_stands_around_them() {
    let wait = "@task\ndef wait():\n    print(1)\n";
    let end = |id: &str| format!("BashOperator(task_id=\"{id}\", bash_command=\"{id}\")");
    let before = format!("wait() >> {}\nwait() >> {}", end("x"), end("y"));
    let after = format!("wait() >> {}\n{before}", end("new"));
    check(
        (wait, &before),
        (wait, &after),
        &["counted ids: wait -> wait__1, wait__1 -> wait__2; new wait; ended ", "new added"],
    );
    let swapped = format!("wait() >> {}\nwait() >> {}", end("y"), end("x"));
    check((wait, &before), (wait, &swapped), &["counted ids: wait -> wait__1, wait__1 -> wait; new ; ended "]);
    // Twins that stand alike are the same in any order.
    check((wait, "wait()\nwait()"), (wait, "wait()\nwait()\nwait()"), &["wait__2 added"]);
}

#[test]
fn a_family_that_takes_the_outputs_of_another_one_shifts_with_it() {
    let both = "@task\ndef get(name):\n    return name\n\n@task\ndef put(x):\n    print(x)\n";
    check(
        (both, "put(get(\"a\"))\nput(get(\"b\"))"),
        (both, "put(get(\"z\"))\nput(get(\"a\"))\nput(get(\"b\"))"),
        &[
            "counted ids: get -> get__1, get__1 -> get__2; new get; ended ",
            "counted ids: put -> put__1, put__1 -> put__2; new put; ended ",
        ],
    );
}

#[test]
fn calls_of_a_group_function_shift_with_all_that_is_in_them() {
    let group = "from airflow.decorators import task_group\n\n@task\ndef step(name):\n    print(name)\n\n@task_group\ndef part(name):\n    step(name)\n";
    check(
        (group, "part(\"a\")\npart(\"b\")"),
        (group, "part(\"z\")\npart(\"a\")\npart(\"b\")"),
        &["counted ids: part.step -> part__1.step, part__1.step -> part__2.step; new part.step; ended "],
    );
    check(
        (group, "part(\"a\")\npart(\"b\")"),
        (group, "part(\"a\")\npart(\"b\")\npart(\"c\")"),
        &["part__2.step added"],
    );
}

#[test]
fn ids_that_change_places_and_ids_that_count_elements() {
    let two = |a: &str, b: &str| {
        format!("BashOperator(task_id=\"a\", bash_command=\"{a}\")\nBashOperator(task_id=\"b\", bash_command=\"{b}\")")
    };
    check_bodies(&two("x.sh", "y.sh"), &two("y.sh", "x.sh"), &["given ids: a -> b, b -> a; new ; ended "]);
    // One value that the other task had is no exchange.
    check_bodies(&two("10", "20"), &two("20", "40"), &[]);
    let index = |list: &str| {
        format!("for i, name in enumerate([{list}]):\n    BashOperator(task_id=f\"step_{{i}}\", bash_command=name)")
    };
    check_bodies(
        &index("\"a\", \"b\""),
        &index("\"z\", \"a\", \"b\""),
        &["given ids: step_0 -> step_1, step_1 -> step_2; new step_0; ended "],
    );
    check_bodies(&index("\"a\", \"b\""), &index("\"b\""), &["given ids: step_1 -> step_0; new ; ended step_0"]);
    check_bodies(&index("\"a\", \"b\""), &index("\"a\", \"b\", \"c\""), &["step_2 added"]);
}

#[test]
fn what_a_factory_captures_tells_its_tasks_apart() {
    let make = "def make(index, name):\n    @task(task_id=f\"step_{index}\")\n    def step():\n        print(name)\n\n    return step()\n";
    let body = |list: &str| format!("for i, name in enumerate([{list}]):\n    make(i, name)");
    check(
        (make, &body("\"a\", \"b\"")),
        (make, &body("\"z\", \"a\", \"b\"")),
        &["given ids: step_0 -> step_1, step_1 -> step_2; new step_0; ended "],
    );
}

#[test]
fn order_is_compared_by_every_path() {
    let of = |order: &str| {
        let made: Vec<String> = ["a", "b", "c"]
            .iter()
            .map(|id| format!("{id} = BashOperator(task_id=\"{id}\", bash_command=\"{id}.sh\")"))
            .collect();
        format!("{}\n{order}", made.join("\n"))
    };
    check_bodies(&of("a >> b >> c"), &of("a >> [b, c]"), &["b not before c"]);
    check_bodies(&of("a >> [b, c]"), &of("a >> b >> c"), &["b before c"]);
    check_bodies(&of("a >> b >> c"), &of("a >> b >> c\na >> c"), &[]);
    check_bodies(&of("a >> b >> c"), &of("b >> a >> c"), &["b before a", "a not before b"]);
    check_bodies(&of("a >> b >> c"), &of("c.set_upstream(b)\nb << a"), &[]);
    check_bodies(&of("a >> b\nc"), &of("a\nb\nc"), &["a not before b", "task-disconnected", "task-disconnected"]);
}

#[test]
fn a_task_that_comes_or_goes_breaks_no_order_that_goes_through_it() {
    let of = |ids: &[&str]| {
        let made: Vec<String> =
            ids.iter().map(|id| format!("BashOperator(task_id=\"{id}\", bash_command=\"{id}.sh\")")).collect();
        made.join(" >> ")
    };
    check_bodies(&of(&["a", "b", "c"]), &of(&["a", "c"]), &["b removed"]);
    check_bodies(&of(&["a", "c"]), &of(&["a", "b", "c"]), &["b added", "b before c"]);
    check_bodies(
        &of(&["a", "b", "c"]),
        &format!("{}\n{}", of(&["a"]), of(&["c"])),
        &["b removed", "a not before c", "task-disconnected", "task-disconnected"],
    );
    check_bodies(&of(&["a", "b", "c"]), &bash(&[("a", "a.sh"), ("b_v2", "b.sh"), ("c", "c.sh")]), &["b -> b_v2"]);
}

#[test]
fn trigger_rules_setups_and_teardowns() {
    let one = |rule: &str| format!("BashOperator(task_id=\"a\", bash_command=\"a.sh\"{rule})");
    check_bodies(&one(""), &one(", trigger_rule=\"all_done\""), &["a: all_success -> all_done"]);
    check_bodies(&one(""), &one(", trigger_rule=\"all_success\""), &[]);
    let two = |end: &str| {
        format!(
            "a = BashOperator(task_id=\"a\", bash_command=\"a\")\nb = BashOperator(task_id=\"b\", bash_command=\"b\")\n{end}"
        )
    };
    check_bodies(&two("a >> b.as_teardown()"), &two("a >> b"), &["b: teardown -> task"]);
}

#[test]
fn mapped_and_plain() {
    let work = "@task\ndef get():\n    return [1]\n\n@task\ndef get_more():\n    return [1, 2]\n\n@task\ndef work(x, y=0):\n    print(x, y)\n\ndef double(x):\n    return x * 2\n\ndef half(x):\n    return x / 2\n";
    let of = |deployed: &str, proposed: &str, expected: &[&str]| check((work, deployed), (work, proposed), expected);
    of("work([1])", "work.expand(x=[1])", &["work made-mapped  -> "]);
    of("work.expand(x=[1])", "work([1])", &["work made-plain  -> "]);
    of(
        "x = get()\nwork.expand(x=x)",
        "x = get()\nx >> work.expand(x=[1, 2])",
        &["work map-source-changed the output of `get` -> a list of 2"],
    );
    of(
        "a = get()\nb = get_more()\n[a, b] >> work.expand(x=a)",
        "a = get()\nb = get_more()\n[a, b] >> work.expand(x=b)",
        &["work map-source-changed the output of `get` -> the output of `get_more`"],
    );
    of("work.expand(x=get().map(double))", "work.expand(x=get().map(half))", &["work map-transform-changed x -> "]);
    of(
        "work.expand(x=get().zip(get_more()))",
        "work.expand(x=get_more().zip(get()))",
        &["work map-transform-changed x -> "],
    );
    of("work.partial(y=1).expand(x=[1])", "work.partial(y=2).expand(x=[1])", &["work map-partial-changed y -> "]);
    of("work.expand(x=get())", "work.expand(x=get(), y=[1, 2])", &["work map-arguments-changed x -> x, y"]);
    of("work.expand(x=get())", "values = get()\nwork.expand(x=values)", &[]);
    of(
        "work.expand(x=[1, 2])",
        "work.expand(x=[1, 2], y=[0, 1])",
        &["work map-arguments-changed x -> x, y", "work 2 -> 4"],
    );
    of(
        "work.expand_kwargs([{\"x\": 1}])",
        "work.expand_kwargs([{\"x\": 1, \"y\": 2}])",
        &["work map-arguments-changed expand_kwargs -> expand_kwargs"],
    );
}

#[test]
fn a_renamed_parameter_or_producer_leaves_each_index_its_element() {
    let work = |name: &str| format!("@task\ndef work({name}):\n    print({name})\n");
    check(
        (&work("x"), "work.expand(x=[1, 2])"),
        (&work("item"), "work.expand(item=[1, 2])"),
        &["work map-arguments-changed x -> item"],
    );
    let both = |name: &str| format!("@task\ndef {name}():\n    return [1, 2]\n\n{}", work("x"));
    check((&both("get"), "work.expand(x=get())"), (&both("fetch"), "work.expand(x=fetch())"), &["get -> fetch"]);
}

#[test]
fn a_value_that_all_instances_share_may_move_between_partial_and_a_list_of_one() {
    let both = "@task\ndef put(x, y):\n    print(x, y)\n";
    let of = |deployed: &str, proposed: &str| {
        between(&[("dags/d.py", &file(both, deployed))], &[("dags/d.py", &file(both, proposed))])
    };
    let (mapped, shared) = ("put.expand(x=[1, 2], y=[5])", "put.partial(y=5).expand(x=[1, 2])");
    assert_eq!(of(mapped, shared), Vec::<String>::new());
    assert_eq!(of(shared, mapped), Vec::<String>::new());
    assert_ne!(of(mapped, "put.partial(y=6).expand(x=[1, 2])"), Vec::<String>::new());
    assert_ne!(of("put.expand(x=[1, 2], y=[5, 6])", shared), Vec::<String>::new());
}

#[test]
fn a_group_that_is_mapped_or_not_is_one_change_for_all_in_it() {
    let group = "from airflow.decorators import task_group\n\n@task\ndef one(x):\n    return x\n\n@task_group\ndef part(x):\n    one(x) >> BashOperator(task_id=\"two\", bash_command=\"two\")\n";
    check((group, "part(1)"), (group, "part.expand(x=[1, 2])"), &["part made-mapped  -> "]);
    check((group, "part.expand(x=[1, 2])"), (group, "part(1)"), &["part made-plain  -> "]);
    check((group, "part.expand(x=[1, 2])"), (group, "part.expand(x=[2, 1])"), &["part items"]);
}

#[test]
fn a_class_of_the_tree_that_may_be_the_same_one_under_another_name() {
    let class = |name: &str, method: &str| {
        format!(
            "from airflow.models import BaseOperator\n\nclass {name}(BaseOperator):\n    def execute(self, context):\n        \
             self.defer(trigger=None, method_name=\"{method}\")\n\n    def {method}(self, context, event):\n        return event\n"
        )
    };
    let tree = |name: &str, method: &str| {
        (
            file(&format!("from operators.waiting import {name}\n"), &format!("{name}(task_id=\"a\")")),
            class(name, method),
        )
    };
    let between = |deployed: &(String, String), proposed: &(String, String)| {
        between(
            &[("dags/etl.py", &deployed.0), ("plugins/operators/waiting.py", &deployed.1)],
            &[("dags/etl.py", &proposed.0), ("plugins/operators/waiting.py", &proposed.1)],
        )
    };
    let wait = tree("WaitOperator", "resume");
    assert_eq!(between(&wait, &tree("PauseOperator", "resume")), ["perhaps a: WaitOperator -> PauseOperator"]);
    assert_eq!(
        between(&wait, &tree("PauseOperator", "go_on")),
        ["perhaps a: WaitOperator -> PauseOperator", "resume-method-gone"]
    );
}

#[test]
fn another_operator_under_the_same_id() {
    let bash = "BashOperator(task_id=\"a\", bash_command=\"a.sh\")";
    check_bodies(bash, "PythonOperator(task_id=\"a\", python_callable=print)", &["a: BashOperator -> PythonOperator"]);
    let code = "def a():\n    print(1)\n";
    let decorated = "@task\ndef a():\n    print(1)\n";
    check((code, "PythonOperator(task_id=\"a\", python_callable=a)"), (decorated, "a()"), &[]);
}

#[test]
fn code_that_is_written_in_another_way_and_means_the_same_is_no_change() {
    let work = "@task\ndef one():\n    return [1, 2]\n\n@task\ndef two(x):\n    print(x)\n";
    let same = |deployed: (&str, &str), proposed: (&str, &str)| check(deployed, proposed, &[]);
    same((work, "two.expand(x=[1, 2])"), (work, "two.expand(x=(1, 2))"));
    same((work, "two.expand(x=[1, 2])"), (work, "two.expand(x=[i for i in (1, 2)])"));
    same((work, "two.expand(x=[1, 2])"), (&format!("{work}\nITEMS = [1, 2]\n"), "two.expand(x=ITEMS)"));
    let tasks = "a = BashOperator(task_id=\"a\", bash_command=\"a\")\nb = BashOperator(task_id=\"b\", bash_command=\"b\")\nc = BashOperator(task_id=\"c\", bash_command=\"c\")\n";
    let other = "c = BashOperator(bash_command=\"c\", task_id=\"c\")\nx = BashOperator(task_id=\"b\", bash_command=\"b\")\na = BashOperator(task_id=\"a\", bash_command=\"a\")\n";
    let chain = "from airflow.models.baseoperator import chain\n";
    same(("", &format!("{tasks}a >> b >> c")), (chain, &format!("{other}chain(a, x, c)")));
    let make = "def make(name):\n    return BashOperator(task_id=name, bash_command=name)\n";
    same(("", &format!("{tasks}a >> b >> c")), (make, "a, b, c = [make(name) for name in \"abc\"]\na >> b >> c"));
}

#[test]
fn an_id_that_two_files_define() {
    let text = file("", "BashOperator(task_id=\"a\", bash_command=\"a.sh\")");
    let both = [("dags/x.py", text.as_str()), ("dags/y.py", text.as_str())];
    assert_eq!(between(&[("dags/x.py", &text)], &both), ["dag-duplicated"]);
    assert_eq!(between(&both, &both), Vec::<String>::new());
    let only = [("dags/x.py", text.as_str())];
    assert!(!between(&both, &only).contains(&"dag-duplicated".to_string()));
}

#[test]
fn three_thousand_tasks_are_paired_without_comparing_all_with_all() {
    let body = |prefix: &str, n: usize, command: &str| {
        format!(
            "for i in range({n}):\n    BashOperator(task_id=f\"{prefix}_{{i}}\", bash_command=f\"{command} {{i}}\")"
        )
    };
    let (deployed, proposed) = (file("", &body("a", 3000, "run")), file("", &body("b", 3000, "run")));
    let found = between(&[("dags/etl.py", &deployed)], &[("dags/etl.py", &proposed)]);
    assert_eq!(found.iter().filter(|line| line.contains(" -> ")).count(), 3000);
    let proposed = file("", &body("b", 3000, "walk"));
    between(&[("dags/etl.py", &deployed)], &[("dags/etl.py", &proposed)]);
    let proposed = file(STEP, "for i in range(3000):\n    step(i + 1)");
    let deployed = file(STEP, "for i in range(3000):\n    step(i)");
    let found = between(&[("dags/etl.py", &deployed)], &[("dags/etl.py", &proposed)]);
    assert_eq!(found.len(), 1, "{:?}", &found[..found.len().min(5)]);
}
