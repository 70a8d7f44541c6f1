//! Airflow as the interpreter meets it: calls, methods, attributes and operators of its objects.

mod dag;

use super::edges::End;
use super::member::{add_to_dag, task_of};
use super::refusal::refuse;
use super::world::{Decorated, Doubt, Output, Run, Thing, World};
use super::{
    arguments, asset, builder, context, edges, known, late, make, names, operator, output, outside, setup, taskflow,
};
use crate::python::interpret::{Host, HostRef, Interp, home_text};
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, Argument, At, Object, Ref, Stop, Unknown, Value};
use crate::switch;
use names::Meaning;

impl Host for World {
    fn exists(&self, module: &str) -> Option<bool> {
        names::exists(module, self.version)
    }

    fn offers(&self, path: &str) -> Option<bool> {
        names::offers(path, self.version)
    }

    fn differ(&self, one: &str, other: &str) -> bool {
        // A class may be found in several places, and under a former name.
        let name = |path| known::class(path).map(|_| known::class_name(path));
        name(one).zip(name(other)).is_some_and(|(one, other)| one != other)
    }

    fn constant(&self, path: &str) -> Option<Value> {
        let start = At::new(0, crate::content::Span::FILE);
        match path {
            "airflow.settings.AIRFLOW_HOME" | "airflow.configuration.AIRFLOW_HOME" => {
                return Some(home_text("", start));
            }
            "airflow.__version__" | "airflow.version.version" => {
                return self.version.map(|version| Value::str(version.to_string()));
            }
            // Where they are delivered.
            "airflow.settings.DAGS_FOLDER" => return Some(home_text("/dags", start)),
            "airflow.settings.PLUGINS_FOLDER" => return Some(home_text("/plugins", start)),
            _ => {}
        }
        let (class, member) = path.rsplit_once('.')?;
        let class = class.strip_prefix("airflow.")?.rsplit('.').next()?;
        matches!(class, "TriggerRule" | "WeightRule").then(|| Value::str(member.to_lowercase()))
    }

    fn is_a(&self, object: HostRef, class: &str) -> Option<bool> {
        if !class.starts_with("airflow.") {
            return None;
        }
        let kinds: &[&str] = match self.thing(object) {
            // A mapped one is no BaseOperator.
            Thing::Task(task) if self.tasks[*task].mapped.is_none() => {
                &["BaseOperator", "AbstractOperator", "DAGNode", "DependencyMixin", "TaskMixin"]
            }
            Thing::Group(_) => &["TaskGroup", "DAGNode", "DependencyMixin", "TaskMixin"],
            Thing::Output(_) => &["XComArg", "DependencyMixin", "TaskMixin"],
            Thing::Dag(_) => &["DAG"],
            _ => return None,
        };
        let name = class.rsplit('.').next().unwrap_or(class);
        match name {
            "BaseOperator" | "AbstractOperator" | "DAGNode" | "DependencyMixin" | "TaskMixin" | "TaskGroup" | "DAG"
            | "XComArg" => Some(kinds.contains(&name)),
            _ => None,
        }
    }

    fn has(&self, object: HostRef, name: &str) -> Option<bool> {
        let of_tasks =
            matches!(name, "task_id" | "upstream_list" | "downstream_list" | "set_upstream" | "set_downstream");
        match self.thing(object) {
            Thing::Task(_) => (of_tasks || matches!(name, "dag" | "dag_id" | "output")).then_some(true),
            Thing::Group(_) => match name {
                "group_id" | "children" | "set_upstream" | "set_downstream" => Some(true),
                "task_id" => Some(false),
                _ => None,
            },
            Thing::Dag(_) => match name {
                "dag_id" | "tasks" | "task_dict" => Some(true),
                "task_id" | "group_id" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn call(run: &mut Interp<Self>, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        if matches!(path, "airflow.configuration.conf.get" | "airflow.configuration.get") {
            return Ok(folder_option(args, at));
        }
        // Airflow 2 keeps the decorator of Airflow 1 as one that changes nothing.
        if path == "airflow.utils.decorators.apply_defaults"
            && let Some(function) = args.value(0, "func")
        {
            return Ok(Some(function.clone()));
        }
        let meaning = names::meaning(path);
        if switch::off(meaning.construct()) {
            return Ok(Some(Value::None));
        }
        let args = &*arguments::settled(run, path, args);
        Ok(Some(match meaning {
            Meaning::Dag => make::dag(run, args, at)?,
            Meaning::DagDecorator => context::dag_decorator(run, args, at)?,
            Meaning::TaskGroup => make::group(run, args, false, at)?,
            Meaning::OtherGroup => make::other_group(run, path, args, at)?,
            Meaning::GroupDecorator => context::group_decorator(run, args),
            Meaning::TaskDecorator => taskflow::task_decorator(run, path, args, at)?,
            Meaning::Setup => taskflow::setup_teardown(run, true, args, at)?,
            Meaning::Teardown => taskflow::setup_teardown(run, false, args, at)?,
            Meaning::Chain => {
                edges::chain(run, args, at)?;
                Value::None
            }
            Meaning::ChainLinear => {
                edges::chain_linear(run, args, at)?;
                Value::None
            }
            Meaning::CrossDownstream => {
                let ups = args.value(0, "from_tasks").cloned().unwrap_or(Value::None);
                let downs = args.value(1, "to_tasks").cloned().unwrap_or(Value::None);
                edges::relate(run, &ups, &downs, End::Up, at)?;
                Value::None
            }
            Meaning::Label => run.host.add(Thing::Label { up: Vec::new(), down: Vec::new() }),
            Meaning::XComArg => xcom_arg(run, args),
            Meaning::AssetDecorator => {
                run.host.add(Thing::AssetDecorator { args: args.clone(), multi: path.ends_with(".multi") })
            }
            Meaning::OperatorPartial => {
                let class = path.strip_suffix(".partial").unwrap_or(path);
                run.host.add(Thing::Partial { class: Value::outside(class), args: args.clone() })
            }
            Meaning::Opaque => return builder::call(run, path, args, at),
            Meaning::Operator => operator::operator(run, path, args, at)?,
            Meaning::Other if is_task_call(path, args, run) => operator::operator(run, path, args, at)?,
            Meaning::Inert if path.starts_with("airflow.") && is_task_call(path, args, run) => {
                operator::operator(run, path, args, at)?
            }
            Meaning::CurrentContext | Meaning::Inert | Meaning::Other => return Ok(None),
        }))
    }

    fn call_object(run: &mut Interp<Self>, object: HostRef, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        Ok(match run.host.thing(object).clone() {
            Thing::TaskDecorator { path, args: decorator } => match args.positional.first() {
                Some(function) => Some(taskflow::decorate_task(run, &path, &function.value.clone(), decorator, at)?),
                None => None,
            },
            Thing::Opaque(text) if &*text == context::BARE_DAG => {
                refuse(run, "TypeError", "`@dag` without parentheses is called before 3.0", at)?;
                None
            }
            Thing::Decorated(decorated) => Some(taskflow::call_decorated(run, &decorated, args, at)?),
            Thing::DagDecorator(decorator) => args
                .positional
                .first()
                .map(|function| run.host.add(Thing::DagFactory { function: function.value.clone(), args: decorator })),
            Thing::DagFactory { function, args: decorator } => {
                Some(context::call_dag(run, &function, &decorator, args, at)?)
            }
            Thing::GroupDecorator(decorator) => args.positional.first().map(|function| {
                let function = function.value.clone();
                run.host.add(Thing::GroupFactory { function, args: decorator, partial: Args::default() })
            }),
            Thing::GroupFactory { function, args: decorator, partial } => {
                Some(context::call_group(run, (&function, &decorator, &partial), args, None, at)?)
            }
            Thing::AssetDecorator { args: decorator, multi } => match args.positional.first() {
                Some(function) => Some(asset::asset(run, &decorator, &function.value.clone(), multi, at)?),
                None => None,
            },
            _ => None,
        })
    }

    fn method(run: &mut Interp<Self>, object: HostRef, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let receiver = Value::Host(object);
        if switch::off(name) {
            return Ok(Some(receiver));
        }
        let first = args.positional.first().map(|arg| arg.value.clone());
        let other = first.clone().or_else(|| args.keywords.first().map(|(_, arg)| arg.value.clone()));
        match name {
            "set_upstream" | "set_downstream" => {
                let other = other.unwrap_or(Value::None);
                if name == "set_upstream" {
                    edges::relate(run, &other, &receiver, End::Down, at)?;
                } else {
                    edges::relate(run, &receiver, &other, End::Up, at)?;
                }
                return Ok(Some(Value::None));
            }
            "as_setup" | "as_teardown" => {
                return setup::as_setup_teardown(run, object, name == "as_setup", args, at).map(Some);
            }
            // What `with` calls may be called by hand.
            "__enter__" if context::is_context(run, object) => {
                let bound = context::enter(run, object, at)?;
                return Ok(Some(bound.unwrap_or(receiver)));
            }
            "__exit__" if context::is_context(run, object) => {
                context::leave(run, object, at)?;
                return Ok(Some(Value::None));
            }
            _ => {}
        }
        let value = match (run.host.thing(object).clone(), name) {
            (Thing::Decorated(decorated), _) => decorated_method(run, decorated, name, args, at)?,
            (Thing::GroupFactory { function, args: decorator, partial }, _) => match name {
                "expand" => Some(context::call_group(run, (&function, &decorator, &partial), args, Some(false), at)?),
                "expand_kwargs" => {
                    Some(context::call_group(run, (&function, &decorator, &partial), args, Some(true), at)?)
                }
                "partial" => {
                    Some(run.host.add(Thing::GroupFactory { function, args: decorator, partial: args.clone() }))
                }
                "override" => {
                    let args = overridden(&decorator, args);
                    Some(run.host.add(Thing::GroupFactory { function, args, partial }))
                }
                _ => None,
            },
            (Thing::DagFactory { function, args: decorator }, "override") => {
                let args = overridden(&decorator, args);
                Some(run.host.add(Thing::DagFactory { function, args }))
            }
            (Thing::Partial { class, args: partial }, "expand" | "expand_kwargs") => {
                Some(operator::expand_operator(run, &class, &partial, args, name == "expand_kwargs", at)?)
            }
            (Thing::Output(output), _) => output::method(run, &output, name, args, at)?,
            (Thing::Dag(dag), _) => return dag::dag_method(run, dag, name, args, at).map(Some),
            (Thing::Group(group), "add") => Some(late::add(run, object, group, args, at)),
            (Thing::Group(group), "child_id") => late::child_id(run, group, args, at),
            _ => None,
        };
        Ok(Some(match value {
            Some(value) => value,
            None => run.unknown_from(&[receiver], name, at),
        }))
    }

    fn attribute(run: &mut Interp<Self>, object: HostRef, name: &str, at: At) -> Result<Option<Value>, Stop> {
        output::check_attribute(run, object, name, at)?;
        Ok(read_attribute(run, object, name, at))
    }

    fn set_attribute(run: &mut Interp<Self>, object: HostRef, name: &str, value: &Value, at: At) {
        if names::is_kept_by_airflow(name) {
            run.host.doubt_touched(&[object], at);
        }
        match (run.host.thing(object).clone(), name) {
            (Thing::Dag(dag), "dag_id" | "default_args" | "task_dict" | "auto_register") => {
                run.host.doubt(dag, at, format!("`{name}` of the DAG is set afterwards"));
            }
            (Thing::Task(task), "dag") => match run.host_of(value).map(|host| run.host.thing(host).clone()) {
                Some(Thing::Dag(dag)) if run.host.tasks[task].dag.is_none() => {
                    // What fails here fails as a duplicate, which the DAG then says itself.
                    let _ = add_to_dag(run, dag, task, at);
                }
                _ => late::set(run, task, name, value, at),
            },
            (Thing::Task(task), "task_id" | "_task_id" | "task_group" | "template_fields") => {
                late::set(run, task, name, value, at);
            }
            (Thing::Task(task), "trigger_rule") => {
                run.host.tasks[task].trigger_rule = value.as_str().map(ToString::to_string);
            }
            (Thing::Task(task), "is_setup" | "is_teardown") => match run.truth(value, at) {
                Ok(truth) if name == "is_setup" => run.host.tasks[task].setup = truth,
                Ok(truth) => run.host.tasks[task].teardown = truth,
                Err(_) => late::set(run, task, name, value, at),
            },
            (Thing::Task(task), name) if !run.hosts_in(value).is_empty() && known_class(run, task) => {
                // A template field that is set afterwards is looked at again.
                let args =
                    Args { keywords: vec![(name.into(), Argument { value: value.clone(), at })], ..Args::default() };
                if arguments::depend(run, task, &args).is_err() {
                    late::set(run, task, name, value, at);
                }
            }
            (Thing::Group(group), "group_id" | "_group_id" | "prefix_group_id") => {
                if let Some(dag) = run.host.groups[group].dag {
                    run.host.doubt(dag, at, format!("`{name}` of a group is set afterwards"));
                }
            }
            _ => {}
        }
    }

    fn subscript(run: &mut Interp<Self>, object: HostRef, key: &Value, at: At) -> Result<Option<Value>, Stop> {
        Ok(match run.host.thing(object).clone() {
            Thing::Output(output) => Some(output::item(run, &output, key, at)?),
            _ => None,
        })
    }

    fn binary(
        run: &mut Interp<Self>,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if !matches!(op, BinaryOp::LeftShift | BinaryOp::RightShift) {
            output::check_operator(run, op, left, right, at)?;
            return Ok(None);
        }
        let mut hosts = run.hosts_in(left);
        hosts.extend(run.hosts_in(right));
        let about_tasks = hosts.iter().any(|host| {
            matches!(run.host.thing(*host), Thing::Task(_) | Thing::Group(_) | Thing::Output(_) | Thing::Label { .. })
        });
        if !about_tasks {
            if run.host.current_dag().is_some() && (left.unknown().is_some() || right.unknown().is_some()) {
                edges::relate(run, left, right, End::Up, at)?;
            }
            return Ok(None);
        }
        if edges::lists(run, left, right) {
            refuse(run, "TypeError", "unsupported operand types for `>>`: list and list", at)?;
        }
        // `[a, b] >> group` is asked of the group.
        let list = run.items(left).is_some();
        if op == BinaryOp::RightShift {
            edges::relate(run, left, right, if list { End::Down } else { End::Up }, at)?;
        } else {
            edges::relate(run, right, left, if list { End::Up } else { End::Down }, at)?;
        }
        // `[a, b] >> c` gives `c`, `a >> [b, c]` the list.
        Ok(Some(right.clone()))
    }

    fn enter(run: &mut Interp<Self>, object: HostRef, at: At) -> Result<Option<Value>, Stop> {
        context::enter(run, object, at)
    }

    fn exit(run: &mut Interp<Self>, object: HostRef, at: At) -> Result<(), Stop> {
        context::leave(run, object, at)
    }

    fn construct(run: &mut Interp<Self>, instance: Ref, base: &str, args: &Args, at: At) -> Result<(), Stop> {
        operator::construct(run, instance, base, &arguments::settled(run, base, args), at)
    }

    fn before_construct(run: &mut Interp<Self>, class: Ref, init: Ref, args: &mut Args, at: At) -> Result<(), Stop> {
        operator::apply_defaults(run, class, init, args, at)
    }

    fn constructed(run: &mut Interp<Self>, instance: Ref, at: At) -> Result<(), Stop> {
        operator::constructed(run, instance, at)
    }

    fn class_method(run: &mut Interp<Self>, class: Ref, name: &str, args: &Args) -> Option<Value> {
        (name == "partial").then(|| run.host.add(Thing::Partial { class: Value::Object(class), args: args.clone() }))
    }

    fn outside_call(run: &mut Interp<Self>, callee: &Value, args: &Args, at: At) {
        outside::outside_call(run, callee, args, at);
    }

    fn touched(run: &mut Interp<Self>, objects: &[HostRef], at: At) {
        run.host.doubt_touched(objects, at);
    }

    fn patched(run: &mut Interp<Self>, path: &str, name: &str, at: At) {
        if names::shapes_tasks(path, name) {
            let reason = format!("`{name}` of `{path}` is replaced").into();
            run.host.patches.insert(Doubt { at, reason });
        }
    }

    fn stands_alone(run: &mut Interp<Self>, value: &Value, at: At) {
        let Value::Unknown(unknown) = value else { return };
        let Some(dag) = run.host.current_dag() else { return };
        let meaning = unknown.root.as_deref().map_or(Meaning::Inert, names::meaning);
        if meaning == Meaning::Other {
            let reason = format!("a call of something outside the tree may make tasks: {}", unknown.reason);
            run.host.doubt(dag, at, reason);
        }
    }

    fn text(run: &Interp<Self>, object: HostRef) -> String {
        match run.host.thing(object) {
            Thing::Dag(dag) => format!("dag({:?})", run.host.dags[*dag].id),
            Thing::Task(task) => format!("task({})", run.host.tasks[*task].id.exact().map_or("?", |id| id)),
            Thing::Group(group) => format!("group({})", run.host.groups[*group].id.exact().map_or("?", |id| id)),
            Thing::Output(Output { text, .. }) | Thing::Opaque(text) => text.to_string(),
            Thing::Decorated(decorated) => format!("task function {}", run.text(&decorated.function)),
            Thing::DagFactory { .. } => "dag function".to_owned(),
            Thing::GroupFactory { .. } => "group function".to_owned(),
            _ => "airflow object".to_owned(),
        }
    }

    fn iterate(run: &mut Interp<Self>, object: HostRef, at: At) -> Result<Option<Vec<Value>>, Stop> {
        Ok(match run.host.thing(object).clone() {
            Thing::Group(group) => {
                let Some(dag) = run.host.groups[group].dag else { return Ok(None) };
                if run.host.is_doubted(dag) {
                    return Ok(None);
                }
                let tasks = edges::group_tasks(run, group);
                Some(tasks.into_iter().map(|task| run.host.add(Thing::Task(task))).collect())
            }
            Thing::Output(_) => {
                refuse(run, "TypeError", "the output of a task cannot be iterated while the DAG is built", at)?;
                None
            }
            _ => None,
        })
    }
}

/// What an attribute that is no method holds, where that is held.
fn read_attribute(run: &mut Run, object: HostRef, name: &str, at: At) -> Option<Value> {
    if names::is_kept_by_airflow(name) {
        let mut unknown = Unknown::new(format!("what Airflow keeps in `{name}` is not held"), at, name);
        unknown.hosts = vec![object];
        return Some(unknown.value());
    }
    match run.host.thing(object).clone() {
        Thing::Dag(dag) => dag::dag_attribute(run, dag, name),
        Thing::Task(task) => match name {
            "output" => Some(output::of(run, task, "return_value")),
            "task_id" => Some(run.host.tasks[task].id.value(at)),
            "dag" => run.host.tasks[task].dag.map(|dag| run.host.add(Thing::Dag(dag))),
            "dag_id" => run.host.tasks[task].dag.map(|dag| run.host.dags[dag].id.value(at)),
            "operator" => Some(Value::Host(object)),
            // Airflow makes these lists of sets: their order is that of no text.
            "upstream_list" | "downstream_list" => {
                let state = &run.host.tasks[task];
                let beside = if name == "upstream_list" { &state.up } else { &state.down };
                if state.dag.is_none_or(|dag| run.host.is_doubted(dag)) {
                    return None;
                }
                let items = beside.clone().into_iter().map(|task| run.host.add(Thing::Task(task))).collect();
                Some(run.new_unordered(items, at))
            }
            "trigger_rule" | "retries" | "owner" | "pool" | "start_date" | "bash_command" | "sql" | "params" => {
                Some(Unknown::new(format!("the attribute `{name}` of a task is not held"), at, name).value())
            }
            _ => None,
        },
        Thing::Output(Output { tasks, .. }) => match name {
            "operator" => tasks.first().map(|task| run.host.add(Thing::Task(*task))),
            "task_id" => tasks.first().map(|task| run.host.tasks[*task].id.value(at)),
            _ => None,
        },
        Thing::Group(group) => match name {
            "group_id" => Some(run.host.groups[group].id.value(at)),
            "children" | "used_group_ids" => Some(Unknown::new("members of a group", at, name).value()),
            _ => None,
        },
        Thing::Decorated(decorated) => match name {
            "function" | "__wrapped__" => Some(decorated.function),
            "__name__" => {
                let function = arguments::function(run, &decorated.function)?;
                let Object::Function(function) = run.object(function) else { return None };
                Some(Value::str(function.name().clone()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn known_class(run: &Run, task: usize) -> bool {
    run.host.tasks[task].operator_path.as_deref().is_some_and(|path| known::class(path).is_some())
}

/// A call of a class outside the tree that must make a task: it is given a `task_id`.
fn is_task_call(path: &str, args: &Args, run: &Run) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    names::starts_upper(last)
        && args.keyword("task_id").is_some()
        && (run.host.current_dag().is_some()
            || args.keyword("dag").is_some()
            || last.ends_with("Operator")
            || last.ends_with("Sensor"))
}

fn overridden(first: &Args, second: &Args) -> Args {
    let mut args = first.clone();
    for (name, argument) in &second.keywords {
        args.set_keyword(name, argument.clone());
    }
    args.open_like(second);
    args
}

fn decorated_method(
    run: &mut Run,
    decorated: Decorated,
    name: &str,
    args: &Args,
    at: At,
) -> Result<Option<Value>, Stop> {
    Ok(match name {
        "override" => {
            if !args.positional.is_empty() {
                refuse(run, "TypeError", "override() takes keyword arguments only", at)?;
            }
            if args.keyword("multiple_outputs").is_some() {
                refuse(run, "TypeError", "got multiple values for keyword argument `multiple_outputs`", at)?;
            }
            let args = overridden(&decorated.args, args);
            Some(run.host.add(Thing::Decorated(Decorated { args, ..decorated })))
        }
        "partial" => {
            taskflow::check_partial(run, &decorated, args, at)?;
            Some(run.host.add(Thing::Decorated(Decorated { partial: Some(args.clone()), ..decorated })))
        }
        "expand" => Some(taskflow::expand_decorated(run, &decorated, args, false, at)?),
        "expand_kwargs" => Some(taskflow::expand_decorated(run, &decorated, args, true, at)?),
        _ => None,
    })
}

/// An option of Airflow's configuration that says where the tree is delivered.
fn folder_option(args: &Args, at: At) -> Option<Value> {
    let word = |index: usize, name: &str| args.value(index, name).and_then(Value::as_str).cloned();
    match (&*word(0, "section")?, &*word(1, "key")?) {
        ("core", "dags_folder") => Some(home_text("/dags", at)),
        ("core", "plugins_folder") => Some(home_text("/plugins", at)),
        _ => None,
    }
}

fn xcom_arg(run: &mut Run, args: &Args) -> Value {
    let task = args.value(0, "operator").and_then(|value| task_of(run, value));
    let key = args.value(1, "key").and_then(Value::as_str).cloned().unwrap_or_else(|| "return_value".into());
    match task {
        Some(task) => output::of(run, task, &key),
        None => run.host.add(Thing::Opaque("output".into())),
    }
}
