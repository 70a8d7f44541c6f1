//! Attributes and methods of a DAG.

use crate::dag::edges::End;
use crate::dag::member::{add_to_dag, task_of};
use crate::dag::world::{Run, Thing, name_doubt, name_of};
use crate::dag::{context, edges, taskflow};
use crate::python::value::{Args, Argument, At, Stop, Unknown, Value};
use std::rc::Rc;

pub(super) fn dag_attribute(run: &mut Run, dag: usize, name: &str) -> Option<Value> {
    let at = run.host.dags[dag].at;
    match name {
        "dag_id" => Some(run.host.dags[dag].id.value(at)),
        "tasks" | "task_ids" => {
            if !run.host.dags[dag].doubts.is_empty() {
                return Some(Unknown::new("the tasks of a DAG that is not known", at, "tasks").value());
            }
            let tasks = run.host.dags[dag].tasks.clone();
            let items = tasks
                .into_iter()
                .map(|task| match name {
                    "tasks" => run.host.add(Thing::Task(task)),
                    _ => run.host.tasks[task].id.value(at),
                })
                .collect();
            Some(run.new_list(items))
        }
        "roots" | "leaves" => {
            if !run.host.dags[dag].doubts.is_empty() {
                return Some(Unknown::new("the tasks of a DAG that is not known", at, "tasks").value());
            }
            let end = |task: &usize| {
                let state = &run.host.tasks[*task];
                if name == "roots" { state.up.is_empty() } else { state.down.is_empty() }
            };
            let ends: Vec<usize> = run.host.dags[dag].tasks.iter().copied().filter(end).collect();
            let items = ends.into_iter().map(|task| run.host.add(Thing::Task(task))).collect();
            Some(run.new_list(items))
        }
        "default_args" => run.host.dags[dag].default_args.clone(),
        "doc_md" | "schedule_interval" | "schedule" | "start_date" | "params" | "tags" | "catchup" | "description" => {
            Some(Unknown::new(format!("the attribute `{name}` of a DAG is not held"), at, name).value())
        }
        _ => None,
    }
}

pub(super) fn dag_method(run: &mut Run, dag: usize, name: &str, args: &Args, at: At) -> Result<Value, Stop> {
    let first = args.positional.first().map(|arg| arg.value.clone());
    match (name, first) {
        ("add_task", Some(value)) => {
            match task_of(run, &value) {
                // To be added twice is a duplicate.
                Some(task) if run.host.tasks[task].dag.is_none_or(|of| of == dag) => add_to_dag(run, dag, task, at)?,
                Some(task) => {
                    let other = run.host.tasks[task].dag;
                    for dag in other.into_iter().chain([dag]) {
                        run.host.doubt(dag, at, "a task is added to two DAGs");
                    }
                }
                None => run.host.doubt(dag, at, "a task is added that is not known"),
            }
            Ok(Value::None)
        }
        ("add_tasks", Some(value)) => {
            match run.items(&value).map(<[Value]>::to_vec) {
                Some(items) => {
                    for item in items {
                        dag_method(run, dag, "add_task", &Args::positional([item], at), at)?;
                    }
                }
                None => run.host.doubt(dag, at, "tasks are added that are not known"),
            }
            Ok(Value::None)
        }
        ("get_task", Some(value)) => {
            let wanted = name_of(run, &value);
            let found = run.host.dags[dag].tasks.iter().copied().find(|task| run.host.tasks[*task].id == wanted);
            Ok(match found {
                Some(task) if wanted.exact().is_some() => run.host.add(Thing::Task(task)),
                _ => {
                    let mut unknown = Unknown::new(name_doubt(&value, "a task"), at, "task");
                    unknown.hosts = run.hosts_in(&value);
                    unknown.value()
                }
            })
        }
        ("param", Some(Value::Str(name))) => {
            let default = args.value(1, "default").map(|value| run.text(value));
            Ok(context::dag_param(run, Some(dag), &name.text, default, at))
        }
        ("has_task", Some(value)) => {
            let state = &run.host.dags[dag];
            let known = state.doubts.is_empty() && !state.more_ids;
            match name_of(run, &value).exact().filter(|_| known) {
                Some(wanted) => Ok(Value::Bool(state.ids.contains(wanted))),
                None => Ok(Unknown::new(name_doubt(&value, "a task"), at, "dag.has_task").value()),
            }
        }
        ("set_dependency", Some(up)) => {
            let down = args.value(1, "downstream_task_id").cloned().unwrap_or(Value::None);
            let up = dag_method(run, dag, "get_task", &Args::positional([up], at), at)?;
            let down = dag_method(run, dag, "get_task", &Args::positional([down], at), at)?;
            edges::relate(run, &up, &down, End::Up, at)?;
            Ok(Value::None)
        }
        ("task", _) => {
            // `@dag.task` gives the DAG along.
            let argument = Argument { value: run.host.add(Thing::Dag(dag)), at };
            let mut args = args.clone();
            args.set_keyword("dag", argument);
            let path: Rc<str> = "airflow.decorators.task".into();
            taskflow::task_decorator(run, &path, &args, at)
        }
        _ => Ok(Unknown::new(format!("`DAG.{name}` is not evaluated"), at, format!("dag.{name}")).value()),
    }
}
