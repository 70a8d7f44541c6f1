//! What the code of a task relies on beyond signatures: what the functions that it calls give back, that
//! they come back at all, and that what it returns can be stored.

use super::super::branch;
use super::super::xcom::{codes, returned};
use crate::content::Location;
use crate::dag::code::{Code, Fault, Reads};
use crate::dag::exchange::{Asked, CONTEXT, ENVIRONMENT, What};
use crate::dag::{Callable, Choice, Dag, Mapping, Shape, Task};
use std::collections::BTreeSet;

mod given;

/// Exceptions by which code tells Airflow something else than that it failed: that it goes on later, or
/// that there is nothing to do.
const NO_FAILURE: [&str; 4] =
    ["TaskDeferred", "TaskDeferralError", "AirflowRescheduleException", "AirflowSkipException"];

/// What the deployed code of a task could rely on, and the proposed code cannot.
pub(super) fn broken(tree: &Code, (dag, deployed): (&Dag, &Task), (other, proposed): (&Dag, &Task)) -> Vec<Fault> {
    let before: Vec<&Callable> = codes(deployed).collect();
    let mut faults = Vec::new();
    for code in codes(proposed) {
        faults.extend(given_otherwise(tree, &before, code));
        faults.extend(not_there(&before, code, proposed));
        faults.extend(placed_otherwise(&before, code));
        faults.extend(raised(&before, code));
    }
    faults.extend(not_stored((dag, deployed), (other, proposed)));
    faults.extend(answers_no(deployed, proposed));
    faults.extend(chooses_no_task(deployed, proposed));
    faults.extend(gives_nothing_to_map((dag, deployed), (other, proposed)));
    faults.extend(given_by_place(deployed, proposed));
    faults.extend(given::unfit(deployed, proposed));
    faults.extend(given::no_text(deployed, proposed));
    faults.extend(chooses_apart((dag, deployed), (other, proposed)));
    faults
}

/// A key of the context that no run has, and a variable that the process has to have now.
fn not_there(before: &[&Callable], code: &Callable, task: &Task) -> Vec<Fault> {
    let knows = |asked: &Asked| {
        before
            .iter()
            .flat_map(|code| &code.exchange.asked)
            .any(|had| had.giver == asked.giver && had.what == asked.what)
    };
    let of_one = |asked: &Asked| {
        let What::Key(key) = &asked.what else { return None };
        // Who asks first whether it is there is ready for less.
        if asked.perhaps {
            return None;
        }
        let (message, doubt) = match asked.giver.as_str() {
            CONTEXT if !may_be_given(task, key) => {
                (format!("KeyError: `{key}` is no key of the context of a run"), None)
            }
            ENVIRONMENT => (
                format!("KeyError: the environment of the process has to have `{key}` now"),
                Some("whether the environment has it is not seen"),
            ),
            _ => return None,
        };
        (!knows(asked)).then(|| Fault { within: asked.within.clone(), doubt, ..fault(code, message, &asked.at) })
    };
    code.exchange.asked.iter().filter_map(of_one).collect()
}

/// Whether a task may give its function an argument of that name, which then stands among those of the context.
fn may_be_given(task: &Task, name: &str) -> bool {
    let own = |argument: &str| argument.trim_end_matches("()") == name;
    task.arguments.names().any(own)
        || task.arguments.get("op_kwargs").is_some_and(|text| !text.starts_with('{') || text.contains(name))
        || task.arguments.get("op_kwargs").is_none() && task.arguments.names().any(|argument| argument.starts_with('['))
        || task.mapped.is_some()
}

/// What is asked of a value that other code gives, which had it and has it no more.
fn given_otherwise(tree: &Code, before: &[&Callable], code: &Callable) -> Vec<Fault> {
    let known = |asked: &Asked, found: bool| {
        before.iter().flat_map(|code| &code.exchange.asked).any(|had| {
            let same = had.within == asked.within || had.giver == asked.giver;
            same && had.what == asked.what && had.why.is_none() == found
        })
    };
    let of_one = |asked: &Asked| {
        if [CONTEXT, ENVIRONMENT].contains(&asked.giver.as_str()) {
            return None;
        }
        let certain = asked.never || asked.loaded.is_some();
        let why = asked.why.as_ref().filter(|_| (certain || known(asked, true)) && !known(asked, false))?;
        let fate = asked.loaded.as_ref().map_or(Reads::Only, |loaded| tree.reads(&loaded.0));
        let handed = fate == Reads::HandsOn && asked.loaded.as_ref().is_some_and(|loaded| loaded.1);
        if fate == Reads::Changes {
            return None;
        }
        let message = match asked.what {
            _ if asked.giver.is_empty() => why.clone(),
            What::Work => format!("`{}` does not run where it is called: {why}", asked.giver),
            _ => format!("`{}` gives another value: {why}", asked.giver),
        };
        Some(Fault {
            message,
            within: asked.within.clone(),
            callee: None,
            at: asked.at.clone(),
            doubt: match (asked.perhaps, handed) {
                (true, _) => Some("only under a condition"),
                (false, true) => Some("it is handed on to code that may change it"),
                (false, false) => None,
            },
            symbol: false,
            goes_on: false,
        })
    };
    code.exchange.asked.iter().filter_map(of_one).collect()
}

/// A call by place whose function takes the same parameters in another order.
fn placed_otherwise(before: &[&Callable], code: &Callable) -> Vec<Fault> {
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    let of_one = |asked: &Asked| {
        let What::Places(names, given) = &asked.what else { return None };
        let was = before.iter().flat_map(|code| &code.exchange.asked).find_map(|had| match &had.what {
            What::Places(was, same) if had.giver == asked.giver && had.within == asked.within && same == given => {
                (was != names && sorted(was) == sorted(names)).then_some(was)
            }
            _ => None,
        })?;
        Some(Fault {
            message: format!(
                "`{}` takes ({}) by place as {} in place of {}",
                asked.giver,
                given,
                names.join(", "),
                was.join(", ")
            ),
            within: asked.within.clone(),
            callee: None,
            at: asked.at.clone(),
            doubt: None,
            symbol: false,
            goes_on: true,
        })
    };
    code.exchange.asked.iter().filter_map(of_one).collect()
}

/// What a task itself gives its function by place, where the parameters of that change places.
fn given_by_place(deployed: &Task, proposed: &Task) -> Option<Fault> {
    let (was, now) = (deployed.callable.as_deref()?, proposed.callable.as_deref()?);
    let names = |code: &Callable| code.parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (before, after) = (names(was), names(now));
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    if before == after || before.len() != after.len() || sorted(&before) != sorted(&after) {
        return None;
    }
    let op_args = |task: &Task| task.arguments.get("op_args").map(str::to_owned);
    let listed = op_args(deployed).filter(|text| text.contains(',') && op_args(proposed).as_ref() == Some(text));
    // A `@task` shows what each parameter is given; by place, each has now what another one had.
    let given = |task: &Task, name: &str| task.arguments.get(&format!("{name}()")).map(str::to_owned);
    let moved = || {
        let mut pairs = before.iter().zip(&after);
        pairs.all(|(a, b)| given(deployed, a) == given(proposed, b))
            && before.iter().any(|name| given(deployed, name) != given(proposed, name))
    };
    if listed.is_none() && !moved() {
        return None;
    }
    let (after, before) = (after.join(", "), before.join(", "));
    let message = format!("`{}()` takes what it is given by place as {after} in place of {before}", now.name);
    Some(Fault { goes_on: true, ..fault(now, message, &now.at) })
}

/// An exception that ends the code whatever happens, and did not.
fn raised(before: &[&Callable], code: &Callable) -> Option<Fault> {
    let (name, at) = code.exchange.raises.as_deref()?;
    let was = before.iter().find(|was| was.name == code.name || before.len() == 1)?;
    if was.exchange.raises.is_some() || NO_FAILURE.contains(&name.as_str()) {
        return None;
    }
    Some(fault(code, format!("`{name}` is raised whatever happens"), at))
}

/// What comes of a task whose question has no answer: Airflow takes that for a no (read in 2.6.2, 2.11.2 and 3.3.2).
fn unanswered(task: &Task) -> Option<(Callable, &'static str, bool)> {
    const WAITS: &str = "which is never true: the sensor waits until its time is up";
    const SKIPS: &str = "so what comes behind is skipped";
    let method = |name: &str| task.methods.iter().find(|method| method.name == name);
    let given = |does: bool| task.callable.as_ref().filter(|_| does);
    let of = |code: &Callable, what, goes_on| Some((code.clone(), what, goes_on));
    // Whoever has an `execute` of its own may wait in another way.
    if let Some(code) =
        given(task.operator.contains("Sensor")).or_else(|| method("poke").filter(|_| method("execute").is_none()))
    {
        return of(code, WAITS, false);
    }
    let asked = matches!(task.choice, Some(Choice::ShortCircuit | Choice::Branch));
    let chooses = given(asked).or_else(|| method("choose_branch"));
    chooses.filter(|_| !task.downstream.is_empty()).and_then(|code| of(code, SKIPS, true))
}

/// A sensor, a short circuit or a branch whose code gives nothing any more, or nothing but a no.
fn answers_no(deployed: &Task, proposed: &Task) -> Option<Fault> {
    let ((was, ..), (now, what, goes_on)) = (unanswered(deployed)?, unanswered(proposed)?);
    let says_no = |code: &Callable| code.exchange.denies && !code.exchange.may_raise;
    (says_no(&now) && !says_no(&was)).then(|| {
        let gives = if now.returns == Shape::None { "gives nothing" } else { "gives nothing but what is false" };
        let message = format!("`{}()` {gives}, {what}", now.name);
        Fault { goes_on, ..fault(&now, message, &now.returns_at) }
    })
}

/// A branch whose code gives something that names no task: Airflow takes a text, several texts or nothing (read in
/// 2.6.2, 2.11.2 and 3.3.2).
fn chooses_no_task(deployed: &Task, proposed: &Task) -> Option<Fault> {
    fn is_none(shape: &Shape) -> bool {
        match shape {
            Shape::Named(name) => matches!(&**name, "int" | "float" | "bool"),
            Shape::List(inner, count) => *count != Some(0) && is_none(inner),
            Shape::Tuple(parts) => parts.iter().any(is_none),
            Shape::Union(all) => all.iter().all(is_none),
            Shape::Any | Shape::None | Shape::Dict(_) | Shape::Record(..) => false,
        }
    }
    let code = |task: &Task| {
        let choice = task.methods.iter().find(|method| method.name == "choose_branch");
        task.callable.as_ref().filter(|_| task.choice == Some(Choice::Branch)).or(choice).cloned()
    };
    let (was, now) = (code(deployed), code(proposed)?);
    (is_none(&now.returns) && !was.is_some_and(|was| is_none(&was.returns))).then(|| {
        let message = format!("AirflowException: `{}()` gives {}, which names no task", now.name, now.returns.shown());
        fault(&now, message, &now.returns_at)
    })
}

/// A branch that names a task behind which nothing of what is directly behind it comes.
fn chooses_apart((dag, deployed): (&Dag, &Task), (other, proposed): (&Dag, &Task)) -> Option<Fault> {
    let (target, at) = branch::apart((dag, deployed), (other, proposed))?;
    let task_id = proposed.task_id.exact()?;
    let message =
        format!("it chooses `{target}`, which is not directly behind `{task_id}`, so what is there is skipped");
    Some(Fault {
        message,
        within: task_id.to_string(),
        callee: None,
        at,
        doubt: (!other.complete()).then_some("the edges of the DAG are not wholly known"),
        symbol: false,
        goes_on: true,
    })
}

/// A result that is empty whatever happens, over which a task is mapped: Airflow skips a task without instances
/// (read in 2.6.2, 2.11.2 and 3.3.2).
fn gives_nothing_to_map((dag, deployed): (&Dag, &Task), (other, proposed): (&Dag, &Task)) -> Option<Fault> {
    let is_empty = |code: &Callable| match &code.returns {
        Shape::List(_, Some(0)) => true,
        Shape::Dict(Some(keys)) => keys.is_empty(),
        _ => false,
    };
    let (was, now) = (returned(dag, deployed)?, returned(other, proposed)?);
    if !is_empty(now) || is_empty(was) || now.exchange.may_raise {
        return None;
    }
    let output = format!("output({}, return_value)", proposed.task_id.exact()?);
    let over = |mapping: &Mapping| mapping.over.iter().any(|over| over.source.as_deref() == Some(output.as_str()));
    let tasks = other.tasks.iter().filter(|task| task.mapped.as_ref().is_some_and(over));
    let groups = other.groups.iter().filter(|group| group.mapped.as_ref().is_some_and(over));
    let ids = tasks.filter_map(|task| Some(task.task_id.exact()?.to_string()));
    let mapped = ids.chain(groups.filter_map(|group| Some(group.group_id.exact()?.to_string()))).next()?;
    let message = format!("`{}()` gives nothing to map `{mapped}` over, so that is skipped", now.name);
    Some(Fault { goes_on: true, ..fault(now, message, &now.returns_at) })
}

/// A result that cannot be stored, where the deployed one could.
fn not_stored((dag, deployed): (&Dag, &Task), (other, proposed): (&Dag, &Task)) -> Option<Fault> {
    let refused = |dag: &Dag, task: &Task| {
        let code = returned(dag, task)?;
        let why = match &code.returns {
            shape if task.multiple_outputs == Some(true) && is_no_dict(shape) => {
                format!("{} is returned, and `multiple_outputs` asks for a dict", shape.shown())
            }
            shape => match (unstorable(shape), code.exchange.unstored.as_deref()) {
                (Some(what), _) => format!("{what} is returned, which cannot be stored"),
                (None, Some((what, _))) => format!("{what} is stored as an XCom, which cannot be written"),
                (None, None) => return None,
            },
        };
        Some((code.clone(), why))
    };
    let (code, why) = refused(other, proposed)?;
    // Where another task stores the like, the installation has a way to do so.
    if refused(dag, deployed).is_some() || dag.tasks.iter().any(|task| refused(dag, task).is_some()) {
        return None;
    }
    Some(fault(&code, format!("TypeError: {why}"), &code.returns_at))
}

fn fault(code: &Callable, message: String, at: &Location) -> Fault {
    Fault {
        message,
        within: code.name.clone(),
        callee: None,
        at: at.clone(),
        doubt: None,
        symbol: false,
        goes_on: false,
    }
}

/// Whether a value is certainly no dict; that there is none, Airflow 2.11 and 3 let pass.
fn is_no_dict(shape: &Shape) -> bool {
    match shape {
        Shape::Named(name) => matches!(&**name, "int" | "float" | "bool" | "str" | "bytes" | "set" | "generator"),
        Shape::List(..) | Shape::Tuple(_) => true,
        Shape::Union(all) => all.iter().all(is_no_dict),
        Shape::Any | Shape::None | Shape::Dict(_) | Shape::Record(..) => false,
    }
}

/// What of a value no release can write into its database.
fn unstorable(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Named(name) => match &**name {
            "generator" => Some("a generator"),
            "function" => Some("a function"),
            "coroutine" => Some("a coroutine"),
            "dict view" => Some("a view of a dict"),
            _ => None,
        },
        Shape::List(inner, _) => unstorable(inner),
        Shape::Tuple(parts) => parts.iter().find_map(unstorable),
        Shape::Dict(Some(keys)) => keys.values().find_map(unstorable),
        _ => None,
    }
}
