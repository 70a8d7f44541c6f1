//! Pools, Variables and connections that a change names first. What does not exist where the change
//! is to run is noted; no verdict rests on it, for a secrets backend or the environment may supply
//! what the API does not show.

use crate::dag::Model;
use crate::facts::{Answer, Facts, Names};
use std::collections::BTreeSet;

/// Names of a kind that are looked up for one change.
const MOST: usize = 20;
/// It is there in every Airflow.
const DEFAULT_POOL: &str = "default_pool";

/// What `after` names and `before` does not, as far as the text holds it.
pub(super) fn first_named(before: &Model, after: &Model) -> Names {
    let (before, after) = (named(before), named(after));
    let new = |after: BTreeSet<String>, before: &BTreeSet<String>| {
        after.into_iter().filter(|name| !before.contains(name)).take(MOST).collect()
    };
    Names {
        pools: new(after.pools, &before.pools),
        variables: new(after.variables, &before.variables),
        connections: new(after.connections, &before.connections),
    }
}

/// Those of the names that an instance was shown not to have, one sentence each.
pub(super) fn missing(names: &Names, facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    for instance in &facts.instances {
        let kinds = [
            ("pool", &names.pools, &instance.pools, ""),
            ("Variable", &names.variables, &instance.variables, ELSEWHERE),
            ("connection", &names.connections, &instance.connections, ELSEWHERE),
        ];
        for (kind, names, answer, unless) in kinds {
            let Answer::Checked(found) = answer else { continue };
            for name in names.iter().filter(|name| !found.contains(*name)) {
                notes.push(format!(
                    "{kind} `{name}`, which the change names first, does not exist on `{}`{unless}",
                    instance.name
                ));
            }
        }
    }
    notes
}

const ELSEWHERE: &str = ", unless a secrets backend or the environment supplies it";

/// All names in the arguments of tasks.
fn named(model: &Model) -> Names {
    let mut names = Names::default();
    for task in model.dags.iter().flat_map(|dag| &dag.tasks) {
        for (argument, text) in task.arguments.names().zip(task.arguments.texts()) {
            if let Some(literal) = literal(text) {
                if argument == "pool" && literal != DEFAULT_POOL {
                    names.pools.insert(literal.to_string());
                } else if argument == "conn_id" || argument.ends_with("_conn_id") {
                    names.connections.insert(literal.to_string());
                }
            }
            names.variables.extend(variables(text));
        }
    }
    names
}

/// The text between the quotes, where the argument is a text without escapes and templates.
fn literal(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let plain = !inner.is_empty() && !inner.contains(['"', '\\', '{', '\n']);
    plain.then_some(inner)
}

/// Keys in templates: `{{ var.value.key }}`, `{{ var.json.key.member }}`. `var.value.get` asks for a
/// name in its brackets and may have a default.
fn variables(text: &str) -> impl Iterator<Item = String> {
    let keys = ["var.value.", "var.json."].into_iter().flat_map(|begin| {
        text.split(begin).skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
    });
    keys.filter(|key| !key.is_empty() && *key != "get").map(str::to_string)
}
