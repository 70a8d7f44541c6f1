//! Values that pass between tasks: stored under one revision, read under another; choices of branches
//! and parameters.

use super::super::{Harm, Scene, of};
use super::{Claim, Fate};
use crate::dag::Shape;
use crate::dag::exchange::{Fit, What};
use crate::diff::{Counted, Data, Handover, Hurt, ParamRule, Reach};
use crate::facts::{Answer, Progress, StoredType, TaskInstance, TaskState, ValueKind};
use crate::ids::{MapIndex, TaskId};

/// What it does to the run beyond the graphs.
pub(super) fn claims(kind: &Data, scene: &Scene) -> Vec<Claim> {
    let reach = kind.handover().map_or(Reach::Unpinned, |handover| handover.reach);
    if reach != Reach::All && (reach == Reach::Pinned) != scene.pinned() {
        return Vec::new();
    }
    match kind {
        Data::ProducerRenamed { from, to, consumer } => {
            let stored = of(scene.run, from).any(|instance| instance.state == TaskState::Success);
            let reader = scene.proposed.and_then(|dag| dag.task(consumer));
            if stored && !reader.is_some_and(|task| task.upstream.contains(to)) {
                // Nothing but luck makes the one run before the other.
                let why = format!(
                    "pulls from `{to}`, and finds nothing unless that has run by then: the value is `{from}`'s"
                );
                return vec![Claim::of_task(consumer, Fate::Noted, why)];
            }
            let why = format!("pulls from `{to}`, and the run has the value of `{from}`");
            vec![Claim::other_value(consumer, why).unless_stored(to.clone())]
        }
        Data::BranchTargetMissing { branch, target, .. } => {
            vec![Claim::fails(branch, format!("can choose `{target}`, which the DAG does not have"))]
        }
        Data::ParamMissing { name, conf, readers } => {
            if scene.run.conf.get(name).is_some() {
                return Vec::new();
            }
            let missing = if *conf { "for which `dag_run.conf` has no default" } else { "which is gone" };
            let why = format!("reads the parameter `{name}`, {missing} and which the run was not given");
            readers.iter().map(|task_id| Claim::fails(task_id, why.clone())).collect()
        }
        // What the run was given stands before what the DAG gives.
        Data::ParamUnfit { name, .. } if scene.run.conf.get(name).is_some() => Vec::new(),
        Data::ParamUnfit { name, readers, hurt, .. } => {
            let why = format!("takes the parameter `{name}`: {}", hurt.why);
            let claim = if hurt.fails { Claim::fails } else { Claim::other_value };
            readers.iter().map(|task_id| claim(task_id, why.clone())).collect()
        }
        Data::ParamReadChanged { name, reader, before, after } => {
            let Some(value) = scene.run.conf.get(name) else { return Vec::new() };
            let given = Shape::of_json(value);
            if before.0.fits(&given).fails() || after.0.tests_truth() && is_empty(value) {
                return Vec::new();
            }
            let why = |why| format!("takes the parameter `{name}`, of which the run was given another value: {why}");
            match after.0.fits(&given) {
                Fit::Fails(fault, _) => vec![Claim::fails(reader, why(fault))],
                Fit::Alters(fault, _) => vec![Claim::other_value(reader, why(fault))],
                Fit::Fits | Fit::Open(_) | Fit::May(..) => Vec::new(),
            }
        }
        Data::ParamRenamed { from, to, reader } => {
            let given = |name: &String| scene.run.conf.get(name).is_some();
            if !given(from) || to.iter().any(given) {
                return Vec::new();
            }
            let why =
                format!("reads the parameter `{}`: the run was given `{from}`, which nothing reads", to.join("`, `"));
            vec![Claim::other_value(reader, why)]
        }
        Data::ParamTightened { name, before, after } => tightened(name, before.as_ref(), after, scene),
        Data::KeyUnrecorded { handover } if !lacks(handover, scene) => Vec::new(),
        // Where the type of what is stored speaks against it, that is certain, and another change.
        Data::PairChanged { handover } if matches!(shown(handover, scene), Stored::Hurts(_)) => Vec::new(),
        _ => kind.handover().map_or_else(Vec::new, |handover| handed_over(handover, scene)),
    }
}

/// The tasks that it is about.
pub(super) fn about(kind: &Data) -> Vec<TaskId> {
    match kind {
        Data::ProducerRenamed { consumer, .. } => vec![consumer.clone()],
        Data::BranchTargetMissing { branch, .. } => vec![branch.clone()],
        Data::ParamMissing { readers, .. } | Data::ParamUnfit { readers, .. } => readers.clone(),
        Data::ParamReadChanged { reader, .. } | Data::ParamRenamed { reader, .. } => vec![reader.clone()],
        Data::ParamTightened { .. } => Vec::new(),
        _ => kind.handover().map(|handover| handover.consumer.clone()).into_iter().collect(),
    }
}

/// What it can do to a run in the worst state.
pub(super) fn worst(kind: &Data) -> (Harm, &'static str) {
    if kind.handover().is_some_and(|handover| handover.reach == Reach::Pinned) {
        return (Harm::None, "a run that is pinned to its commit would meet plugins that do not fit it");
    }
    match kind {
        Data::ReadChanged { .. } | Data::PairChanged { .. } | Data::KeyUnrecorded { .. } => {
            (Harm::None, "what a task of a run in flight has stored is not known")
        }
        Data::ParamReadChanged { .. } => (Harm::None, "what a run in flight was given is not known"),
        Data::ParamRenamed { .. } => {
            (Harm::Breaks, "a run in flight that was given the old name would go on with another value")
        }
        Data::TypeChanged { .. } => (Harm::Breaks, "a task of a run in flight would get a value of another type"),
        Data::KeysChanged { .. } => (Harm::Breaks, "a task of a run in flight would not find the key that it reads"),
        Data::LayoutChanged { .. } | Data::KeyChanged { .. } | Data::PushDisabled { .. } => {
            (Harm::Breaks, "a task of a run in flight would find nothing under the key that it reads")
        }
        Data::ProducerMissing { .. } => (Harm::Breaks, "a task of a run in flight would pull from a task that is gone"),
        Data::ProducerNotBefore { .. } => {
            (Harm::Breaks, "a task of a run in flight would pull what is not stored by then")
        }
        Data::ProducerRenamed { .. } => {
            (Harm::Breaks, "a task of a run in flight may pull by an id that has stored nothing yet")
        }
        Data::BranchTargetMissing { .. } => {
            (Harm::Breaks, "a branch of a run in flight would fail, or what it chose would be skipped")
        }
        Data::ParamMissing { .. } => {
            (Harm::Breaks, "a task of a run in flight would read a parameter that it was not given")
        }
        Data::ParamUnfit { .. } => (Harm::Breaks, "a task of a run in flight would get a parameter that it cannot use"),
        Data::ParamTightened { .. } => {
            (Harm::Breaks, "tasks of a run in flight whose value is not allowed any more would fail")
        }
    }
}

/// Whether a value is false in a test of Python's although its shape does not say so.
fn is_empty(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
    }
}

/// Every task of a run fails whose parameters are not allowed: Airflow checks them at each start.
fn tightened(name: &str, before: Option<&ParamRule>, after: &ParamRule, scene: &Scene) -> Vec<Claim> {
    // Airflow 2.6 refuses a DAG with a parameter without a default, whatever its schedule (2.6.2).
    let refuses = scene.version.is_some_and(|version| (version.major, version.minor) <= (2, 6));
    if refuses && after.default.is_none() && before.is_none_or(|before| before.default.is_some()) {
        let why = format!("the DAG does not load: its parameter `{name}` has no default");
        return vec![Claim::of_run(Fate::CannotLoad, why)];
    }
    let given = scene.run.conf.get(name);
    let refused = |rule: &ParamRule| match given {
        Some(value) => refusal(rule, value),
        None if rule.default.is_none() => Some("it has no default, and the run was not given one".to_owned()),
        None => None,
    };
    let Some(why) = refused(after) else { return Vec::new() };
    if before.is_some_and(|before| refused(before).is_some()) {
        return Vec::new();
    }
    let tasks = scene.proposed.into_iter().flat_map(|dag| &dag.tasks).filter_map(|task| task.task_id.exact());
    let why = format!("starts with the parameter `{name}`, which is refused: {why}");
    tasks.map(|task_id| Claim::fails(task_id, why.clone())).collect()
}

/// Why a rule refuses a value that a run was given, if it certainly does.
fn refusal(rule: &ParamRule, value: &serde_json::Value) -> Option<String> {
    let one = |key: &str| rule.schema.get(key).and_then(|values| values.first()).map(String::as_str);
    let number = |key: &str| one(key).and_then(|text| text.parse::<f64>().ok());
    if let Some(types) = rule.schema.get("type") {
        let is = |name: &str| match name.trim_matches('"') {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|value| value.fract() == 0.0),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        };
        if !types.iter().any(|name| is(name)) {
            return Some(format!("`{value}` is not of type {}", types.join(" or ")));
        }
    }
    let literal = match value {
        serde_json::Value::Bool(true) => "True".to_owned(),
        serde_json::Value::Bool(false) => "False".to_owned(),
        serde_json::Value::Null => "None".to_owned(),
        value => value.to_string(),
    };
    if let Some(values) = rule.schema.get("enum").or_else(|| rule.schema.get("const"))
        && !values.contains(&literal)
    {
        return Some(format!("`{value}` is none of {}", values.join(", ")));
    }
    if let Some(value) = value.as_f64() {
        let low = number("minimum").is_some_and(|least| value < least)
            || number("exclusiveMinimum").is_some_and(|least| value <= least);
        let high = number("maximum").is_some_and(|most| value > most)
            || number("exclusiveMaximum").is_some_and(|most| value >= most);
        if low || high {
            return Some(format!("`{value}` is out of bounds"));
        }
    }
    let length = value.as_str().map(|text| text.chars().count()).or_else(|| value.as_array().map(Vec::len))?;
    let bound = |key: &str| one(key).and_then(|text| text.parse::<usize>().ok());
    let (least, most) = if value.is_string() { ("minLength", "maxLength") } else { ("minItems", "maxItems") };
    (bound(least).is_some_and(|least| length < least) || bound(most).is_some_and(|most| length > most))
        .then(|| format!("`{value}` is too short or too long"))
}

/// The reader meets what the deployed producer has stored, or what the proposed one will store, by how
/// far that has come in the run.
fn handed_over(handover: &Handover, scene: &Scene) -> Vec<Claim> {
    let hurt = match shown(handover, scene) {
        Stored::Fits => None,
        Stored::Hurts(hurt) => Some(hurt),
        Stored::NotKnown => wrong(handover, scene).cloned(),
    };
    let here = |hurt: &Hurt| hurt.counted != Counted::OnTwo || scene.may_be_2();
    let Some(hurt) = hurt.filter(here) else { return Vec::new() };
    let (producer, consumer) = (&handover.producer, &handover.consumer);
    let claim = if hurt.fails {
        Claim::fails(consumer, format!("takes what `{producer}` stored: {}", hurt.why))
    } else {
        Claim::other_value(consumer, format!("takes what `{producer}` stored: {}", hurt.why))
    };
    vec![claim]
}

/// Whether the producer has ended in this run, and the keys that it has stored are known and are others.
fn lacks(handover: &Handover, scene: &Scene) -> bool {
    let instances: Vec<&TaskInstance> = of(scene.run, &handover.producer).collect();
    let [instance] = instances.as_slice() else { return false };
    let others = matches!(&instance.xcom_keys, Answer::Checked(keys) if !keys.contains(&handover.key));
    others && instance.map_index == MapIndex::NOT_MAPPED && instance.state == TaskState::Success
}

/// What the type of a stored value says of it.
enum Stored {
    /// It was not looked up, or the text says more.
    NotKnown,
    /// The reader can use a value of that type.
    Fits,
    /// It cannot.
    Hurts(Hurt),
}

/// What is wrong with the value by the type of what is stored.
fn shown(handover: &Handover, scene: &Scene) -> Stored {
    let Some(kind) = stored_kind(handover, scene) else { return Stored::NotKnown };
    if kinds(&handover.had).is_some_and(|kinds| kinds.contains(&kind)) {
        // It is what the text says, which says more than its type.
        return Stored::NotKnown;
    }
    let mut usage = (*handover.usage.0).clone();
    match kind {
        // Objects of classes show so too: dates, tuples, whatever a backend makes of them.
        ValueKind::Object => return Stored::NotKnown,
        ValueKind::String => usage.needs.retain(|need| matches!(need.what, What::Key(_) | What::Spread)),
        ValueKind::Null | ValueKind::Boolean | ValueKind::Number | ValueKind::Array => {}
    }
    match usage.fits(&of_json(kind)) {
        Fit::Fails(why, _) => Stored::Hurts(Hurt { why, fails: true, nothing: false, counted: Counted::No }),
        Fit::Alters(why, _) => Stored::Hurts(Hurt { why, fails: false, nothing: false, counted: Counted::No }),
        _ if kind == ValueKind::String => Stored::NotKnown,
        Fit::Fits | Fit::Open(_) | Fit::May(..) => Stored::Fits,
    }
}

/// The type of what the one instance of the producer has stored in this run.
fn stored_kind(handover: &Handover, scene: &Scene) -> Option<ValueKind> {
    if handover.dag_id.is_some() {
        return None;
    }
    // What is still to be stored, or is stored anew, shows by no type.
    let is_done = |instance: &TaskInstance| matches!(instance.state, TaskState::Success | TaskState::Removed);
    let instances: Vec<&TaskInstance> = of(scene.run, &handover.producer).collect();
    let [instance] = instances.as_slice() else { return None };
    let known = scene
        .types
        .iter()
        .find(|stored| stored.value.task_id == handover.producer && stored.value.key == handover.key)?;
    let Answer::Checked(types) = &known.types else { return None };
    let of_it = |stored: &&StoredType| stored.run_id == scene.run.run_id && stored.map_index == instance.map_index;
    types.iter().find(of_it).filter(|_| is_done(instance)).map(|stored| stored.kind)
}

/// What a value that is stored as JSON is in Python when it is read.
fn of_json(kind: ValueKind) -> Shape {
    let named = |name: &str| Shape::Named(name.to_owned().into());
    match kind {
        ValueKind::Null => Shape::None,
        ValueKind::Boolean => named("bool"),
        ValueKind::Number => Shape::Union(["int", "float"].into_iter().map(named).collect()),
        ValueKind::String => named("str"),
        ValueKind::Array => Shape::list(Shape::Any),
        ValueKind::Object => Shape::Dict(None),
    }
}

/// How a value of that shape shows as JSON; none where that is not known.
fn kinds(shape: &Shape) -> Option<Vec<ValueKind>> {
    Some(match shape {
        Shape::Any => return None,
        Shape::None => vec![ValueKind::Null],
        Shape::Named(name) => match name.as_ref() {
            "bool" => vec![ValueKind::Boolean],
            "int" | "float" => vec![ValueKind::Number],
            "str" => vec![ValueKind::String],
            // Dates, paths and whatever else a backend makes of them.
            _ => return Some(ALL_KINDS.to_vec()),
        },
        Shape::Dict(_) | Shape::Record(..) => vec![ValueKind::Object],
        Shape::List(..) | Shape::Tuple(_) => vec![ValueKind::Array],
        Shape::Union(all) => return all.iter().try_fold(Vec::new(), |known, one| Some([known, kinds(one)?].concat())),
    })
}

const ALL_KINDS: [ValueKind; 6] =
    [ValueKind::Null, ValueKind::Boolean, ValueKind::Number, ValueKind::String, ValueKind::Array, ValueKind::Object];

/// What is wrong with the value for the reader in this run.
fn wrong<'a>(handover: &'a Handover, scene: &Scene) -> Option<&'a Hurt> {
    // What another DAG has stored is stored; what it would store comes no more.
    if handover.dag_id.is_some() {
        return handover.coming.as_ref();
    }
    let instances: Vec<&TaskInstance> = of(scene.run, &handover.producer).collect();
    if instances.is_empty() {
        return handover.coming.as_ref();
    }
    let stored = |instance: &TaskInstance| match &instance.xcom_keys {
        Answer::Checked(keys) => keys.contains(&handover.key),
        Answer::NotChecked(_) => false,
    };
    let of_one = |instance: &TaskInstance| match instance.state {
        // A failed or skipped producer stores nothing, with or without the change.
        TaskState::Failed | TaskState::Skipped | TaskState::UpstreamFailed => None,
        TaskState::Success | TaskState::Removed => {
            handover.stored.as_ref().filter(|hurt| !(hurt.nothing && stored(instance)))
        }
        // What runs has loaded the deployed code.
        TaskState::Running | TaskState::Other(_) => handover.stored.as_ref(),
        _ => handover.coming.as_ref(),
    };
    // How many there are is not settled while one may still be made.
    let settled =
        |instance: &&TaskInstance| matches!(instance.state.progress(), Progress::Finished | Progress::Removed);
    let of_all = if instances.iter().all(settled) { &handover.stored } else { &handover.coming };
    let of_all = of_all.as_ref().filter(|hurt| hurt.counted != Counted::No);
    instances.into_iter().find_map(|one| of_one(one).filter(|hurt| hurt.counted == Counted::No)).or(of_all)
}
