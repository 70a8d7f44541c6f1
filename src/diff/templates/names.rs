//! What a DAG gives to its templates beside their text: `user_defined_macros`, `user_defined_filters`, and
//! whether a value keeps its type (`render_template_as_native_obj`).

use super::super::kind::Breach;
use super::super::{Certainty, Change, Code, Kind};
use crate::content::Snapshot;
use crate::dag::exchange::template::{self, Called};
use crate::dag::options::{MORE, NOT_KNOWN};
use crate::dag::{Dag, Task};
use crate::ids::{AirflowVersion, TaskId};
use std::collections::BTreeSet;

/// Options that give names to templates, and whether these are filters.
const NAMING: [(&str, bool); 2] = [("user_defined_macros", false), ("user_defined_filters", true)];

const NATIVE: &str = "render_template_as_native_obj";

/// Templates that name what the DAG gave them and gives them no more, or that give values of other types.
pub(super) fn changes(
    (deployed, dag): (&Snapshot, &Dag),
    (proposed, other): (&Snapshot, &Dag),
    airflow: Option<AirflowVersion>,
) -> Vec<Change> {
    let gone: Vec<(BTreeSet<String>, bool)> =
        NAMING.into_iter().map(|(option, filters)| (gone(dag, other, option), filters)).collect();
    let native = native(dag, other);
    let both = other.tasks.iter().filter_map(|task| {
        let task_id = task.task_id.exact()?;
        Some((task_id, dag.task(task_id)?, task))
    });
    let mut changes = Vec::new();
    for (task_id, twin, task) in both {
        let files = super::texts(proposed, other, task);
        let mut missing = BTreeSet::new();
        for text in task.templates().chain(files.iter().map(AsRef::as_ref)) {
            if gone.iter().all(|(names, _)| names.is_empty()) {
                break;
            }
            let asked = template::names(text, airflow);
            for (names, filters) in &gone {
                missing.extend(names.intersection(if *filters { &asked.filters } else { &asked.names }).cloned());
            }
        }
        let of =
            |kind: fn(Breach) -> Code, why, certainty| change(dag, (twin, task), kind(breach(task_id, why)), certainty);
        changes.extend(missing.into_iter().map(|name| {
            let why =
                format!("UndefinedError: `{name}`, which a template of it names, is not given by the DAG any more");
            of(Code::TemplateFails, why, Certainty::Certain)
        }));
        changes.extend(
            spoilt((deployed, dag, twin), (proposed, other, task), airflow)
                .map(|why| of(Code::TemplateFails, why, Certainty::Certain)),
        );
        let of_twin = super::texts(deployed, dag, twin);
        let had = ill_called(dag, twin.templates().chain(of_twin.iter().map(AsRef::as_ref)));
        let has = ill_called(other, task.templates().chain(files.iter().map(AsRef::as_ref)));
        changes.extend(has.filter(|_| had.is_none()).map(|why| of(Code::TemplateFails, why, Certainty::Certain)));
        if let Some(native) = native
            && task.arguments.names().any(|name| gives_a_value(task, name))
        {
            let way = if native { "of its own type in place of a text" } else { "a text in place of its own type" };
            let certainty = Certainty::Possible("which type the value has is not in the text".to_owned());
            changes.push(of(Code::CallMisfit, format!("what a template of it gives is {way} (`{NATIVE}`)"), certainty));
        }
    }
    changes
}

fn breach(task_id: &TaskId, why: String) -> Breach {
    Breach {
        tasks: vec![task_id.clone()],
        within: task_id.to_string(),
        why,
        at_start: true,
        at_resume: false,
        pinned: false,
        goes_on: false,
    }
}

fn change(dag: &Dag, (twin, task): (&Task, &Task), kind: Code, certainty: Certainty) -> Change {
    Change {
        kind: Kind::Code(kind),
        dags: vec![dag.dag_id.clone()],
        certainty,
        deployed: Some(twin.at.clone()),
        proposed: Some(task.at.clone()),
    }
}

/// The names that an option of the DAG gave, and gives no more for certain.
fn gone(dag: &Dag, other: &Dag, option: &str) -> BTreeSet<String> {
    match (given(dag, option), given(other, option)) {
        (Some(before), Some(after)) => before.difference(&after).cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// Arguments of Airflow's own operators that are rendered.
const RENDERED: [&str; 7] = ["bash_command", "env", "op_args", "op_kwargs", "templates_dict", "sql", "hql"];

/// What a template asks for that there is not, or why it cannot be read, where the deployed one was well.
fn spoilt(
    (deployed, dag, twin): (&Snapshot, &Dag, &Task),
    (proposed, other, task): (&Snapshot, &Dag, &Task),
    airflow: Option<AirflowVersion>,
) -> Option<String> {
    let of_airflow = |task: &Task| task.operator_path.as_deref().is_some_and(|path| path.starts_with("airflow."));
    if !of_airflow(task) || !of_airflow(twin) || other.takes_undefined() {
        return None;
    }
    let text = |task: &Task, name| task.arguments.get(name).unwrap_or_default().to_owned();
    let changed = RENDERED.into_iter().map(|name| (text(twin, name), text(task, name))).filter(|(a, b)| a != b);
    for (before, after) in changed {
        if let (None, Some(why)) = (template::unreadable(&before), template::unreadable(&after)) {
            return Some(format!("TemplateSyntaxError: {why} in a template of it"));
        }
        let (had, asked) = (template::names(&before, airflow), template::names(&after, airflow));
        let (macros, filters) = (given(other, "user_defined_macros")?, given(other, "user_defined_filters")?);
        let new = |asked: &BTreeSet<String>, had: &BTreeSet<String>, given: &BTreeSet<String>| {
            asked.iter().find(|name| !had.contains(*name) && !given.contains(*name)).cloned()
        };
        let found = new(&asked.names, &had.names, &macros).or_else(|| new(&asked.filters, &had.filters, &filters));
        // What a release took away is there for nobody.
        let elsewhere = |name: &String| {
            let in_no_release = template::names(&after, None);
            let unknown = in_no_release.names.contains(name) || in_no_release.filters.contains(name);
            unknown && is_asked_elsewhere(deployed, name) || gives_otherwise(proposed, other)
        };
        if let Some(name) = found.filter(|name| given(dag, NAMING[0].0).is_some() && !elsewhere(name)) {
            return Some(format!(
                "UndefinedError: `{name}`, which a template of it names, is nothing that Airflow gives"
            ));
        }
    }
    None
}

/// Whether templates of the deployed tree name it already: whoever gives it to those (a policy of the
/// installation, for one) may give it to all.
fn is_asked_elsewhere(deployed: &Snapshot, name: &str) -> bool {
    let ways = ["{{ ", "{{", "{{- ", "| ", "|"].map(|before| format!("{before}{name}"));
    let mut files = deployed.files().map(|(_, file)| String::from_utf8_lossy(&file.bytes));
    files.any(|text| ways.iter().any(|way| text.contains(way.as_str())))
}

/// Whether the file of the DAG may give names to templates in another way than by its options.
fn gives_otherwise(proposed: &Snapshot, dag: &Dag) -> bool {
    let text = proposed.get(&dag.file).map(|file| String::from_utf8_lossy(&file.bytes));
    let words = [".user_defined_", "jinja_environment_kwargs", "get_template_env"];
    text.is_none_or(|text| words.iter().any(|word| text.contains(word)))
}

/// The names that an option of the DAG gives to templates; none where that is not known.
fn given(dag: &Dag, option: &str) -> Option<BTreeSet<String>> {
    let given = dag.options.get(option).unwrap_or_default();
    let known = dag.options.get(MORE).is_none() && given != NOT_KNOWN;
    let name = |given: &str| given.split('/').next().unwrap_or_default().to_owned();
    known.then(|| given.split_whitespace().map(name).collect())
}

/// A call of what the DAG gives to templates that it does not take, in one of these texts.
fn ill_called<'t>(dag: &Dag, texts: impl Iterator<Item = &'t str>) -> Option<String> {
    if NAMING.iter().all(|(option, _)| dag.options.get(option).is_none_or(|given| !given.contains('/'))) {
        return None;
    }
    let refused = |called: Called| {
        let option = NAMING.iter().find(|(_, filters)| *filters == called.filter)?.0;
        let mut all = dag.options.get(option)?.split_whitespace().map(|given| given.split('/').collect::<Vec<_>>());
        let [_, least, most] = *all.find(|parts| parts.first() == Some(&called.name.as_str()))? else { return None };
        let too_few = least.parse().is_ok_and(|least: usize| called.given < least);
        let too_many = most.parse().is_ok_and(|most: usize| called.given > most);
        let (name, given) = (&called.name, called.given);
        (too_few || too_many)
            .then(|| format!("TypeError: `{name}()` of the DAG does not take {given} arguments by place"))
    };
    texts.flat_map(template::called).find_map(refused)
}

/// Whether values keep their types now, where that changed.
fn native(dag: &Dag, other: &Dag) -> Option<bool> {
    let is = |dag: &Dag| match dag.options.get(NATIVE) {
        None | Some("False" | "None") if dag.options.get(MORE).is_none() => Some(false),
        Some("True") => Some(true),
        _ => None,
    };
    let (before, after) = (is(dag)?, is(other)?);
    (before != after).then_some(after)
}

/// Whether an argument that code of the tree is given holds a text that is one expression and nothing else. What
/// is a text either way is left out.
fn gives_a_value(task: &Task, name: &str) -> bool {
    let to_code = matches!(name, "op_args" | "op_kwargs" | "templates_dict") && task.callable.is_some()
        || name.ends_with("()")
        || !task.methods.is_empty();
    let is_value = |text: &str| {
        let inside = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
        inside.is_some_and(|inside| !inside.contains("}}") && !matches!(inside, "ds" | "ts" | "run_id"))
    };
    to_code && task.arguments.get(name).is_some_and(|text| text.split('"').any(is_value))
}
