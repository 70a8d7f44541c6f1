//! `@asset`: a DAG of one task.

use super::arguments;
use super::context::{enter, leave};
use super::make::{self, Making};
use super::taskflow::function_name;
use super::world::{Run, Thing};
use crate::python::value::{Args, Argument, At, Stop, Value};

/// `@asset(schedule=…)` over a function: a DAG of one task, both named after it.
pub(super) fn asset(run: &mut Run, args: &Args, function: &Value, multi: bool, at: At) -> Result<Value, Stop> {
    let name = args.keyword("name").cloned().filter(|_| !multi);
    let name = match name {
        Some(name) => name,
        None => match function_name(run, function) {
            Some((name, at)) => Argument { value: Run::text_value(name, at), at },
            None => return Ok(run.host.add(Thing::Opaque("asset".into()))),
        },
    };
    let mut dag_args = Args { keywords: vec![("dag_id".into(), name.clone())], ..Args::default() };
    if let Some(dag_id) = args.keyword("dag_id") {
        dag_args.set_keyword("dag_id", dag_id.clone());
    }
    let dag = make::dag(run, &dag_args, at)?;
    let Value::Host(host) = dag else { return Ok(dag) };
    enter(run, host, at)?;
    let callable = arguments::function(run, function);
    let task_name =
        function_name(run, function).map_or(name, |(name, at)| Argument { value: Run::text_value(name, at), at });
    let making = Making {
        operator: "_AssetMainOperator".to_owned(),
        path: Some("airflow.sdk.asset".to_owned()),
        args: Args { keywords: vec![("task_id".into(), task_name)], ..Args::default() }.into(),
        mapped: None,
        callable,
        class: None,
        multiple_outputs: None,
        suffix: false,
        at,
    };
    make::task(run, making)?;
    leave(run, host, at)?;
    Ok(run.host.add(Thing::Opaque("asset".into())))
}
