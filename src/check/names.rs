//! Pools, Variables and connections that a change names first, and those of them that an Airflow has
//! not. A pool that is not there is a fact. A Variable or a connection may come from a secrets
//! backend or the environment, which the API does not show: what rests on it is not certain.

use crate::content::{ContentPath, Location, Snapshot, Span};
use crate::dag::{Dag, Id, Model};
use crate::diff::{Certainty, Change, Environment, Kind};
use crate::facts::{Answer, Facts, Instance, Names};
use crate::ids::{DagId, InstanceName, TaskId};
use crate::rules::{Policy, WithoutAirflow};
use std::collections::{BTreeMap, BTreeSet};

/// Names of a kind that are looked up for one change.
const MOST: usize = 20;
/// It is there in every Airflow.
const DEFAULT_POOL: &str = "default_pool";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Pool,
    Variable,
    Connection,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Variable => "Variable",
            Self::Connection => "connection",
        }
    }

    fn answer(self, instance: &Instance) -> &Answer<BTreeSet<String>> {
        match self {
            Self::Pool => &instance.pools,
            Self::Variable => &instance.variables,
            Self::Connection => &instance.connections,
        }
    }
}

/// A name that a DAG needs.
#[derive(Clone, Debug)]
pub(super) struct Need {
    what: What,
    name: String,
    dag: Id<DagId>,
    tasks: Vec<TaskId>,
    at_parse: bool,
    at: Location,
}

/// The trees and their models.
pub(super) struct Sides<'a> {
    pub(super) deployed: (&'a Snapshot, &'a Model),
    pub(super) proposed: (&'a Snapshot, &'a Model),
}

/// What the proposed side names and the deployed one does not, as far as the text holds it.
pub(super) fn first_named(sides: &Sides) -> Vec<Need> {
    let fresh = super::fresh(sides.deployed.1, sides.proposed.1);
    let named: Vec<Need> = fresh.into_iter().flat_map(of_arguments).collect();
    let deployed = || sides.deployed.1.dags.iter().flat_map(|dag| of_arguments(dag));
    // Most changes name nothing, and then nobody needs to know what the whole tree names.
    let known: BTreeSet<(What, String)> =
        if named.is_empty() { BTreeSet::new() } else { deployed().map(|need| (need.what, need.name)).collect() };
    let mut needs: BTreeMap<(What, String, String), Need> = BTreeMap::new();
    let new = named.into_iter().filter(|need| !known.contains(&(need.what, need.name.clone())));
    for need in new.chain(of_code(sides)) {
        let key = (need.what, need.name.clone(), need.dag.to_string());
        let entry = needs.entry(key).or_insert_with(|| Need { tasks: Vec::new(), ..need.clone() });
        entry.at_parse |= need.at_parse;
        let more: Vec<TaskId> = need.tasks.into_iter().filter(|task_id| !entry.tasks.contains(task_id)).collect();
        entry.tasks.extend(more);
    }
    let mut names: BTreeMap<What, BTreeSet<String>> = BTreeMap::new();
    let within = |need: &Need| {
        let of_kind = names.entry(need.what).or_default();
        of_kind.contains(&need.name) || of_kind.len() < MOST && of_kind.insert(need.name.clone())
    };
    needs.into_values().filter(within).collect()
}

impl Need {
    /// The DAG that needs it.
    pub(super) fn dag(&self) -> &Id<DagId> {
        &self.dag
    }
}

/// The names of those needs.
pub(super) fn names(needs: &[Need]) -> Names {
    let of = |what| needs.iter().filter(|need| need.what == what).map(|need| need.name.clone()).collect();
    Names { pools: of(What::Pool), variables: of(What::Variable), connections: of(What::Connection) }
}

/// What is missing, as changes that a rule can weigh.
pub(super) fn changes(needs: &[Need], facts: &Facts, policy: &Policy) -> Vec<Change> {
    needs.iter().flat_map(|need| of_need(need, facts, policy)).collect()
}

fn of_need(need: &Need, facts: &Facts, policy: &Policy) -> Vec<Change> {
    let (mut missing, mut unseen): (Vec<InstanceName>, Vec<InstanceName>) = (Vec::new(), Vec::new());
    for instance in &facts.instances {
        match need.what.answer(instance) {
            Answer::Checked(found) if found.contains(&need.name) => {}
            Answer::Checked(_) => missing.push(instance.name.clone()),
            Answer::NotChecked(_) => unseen.push(instance.name.clone()),
        }
    }
    let change = |kind, certainty| Change {
        kind: Kind::Environment(kind),
        dags: vec![need.dag.clone()],
        certainty,
        deployed: None,
        proposed: Some(need.at.clone()),
    };
    let (name, tasks) = (need.name.clone(), need.tasks.clone());
    let elsewhere = || Certainty::Possible("a secrets backend or the environment may supply it".to_string());
    match need.what {
        What::Pool => {
            let mut changes = Vec::new();
            if !missing.is_empty() {
                let kind =
                    Environment::PoolMissing { name: name.clone(), tasks: tasks.clone(), on: missing, shown: true };
                changes.push(change(kind, Certainty::Certain));
            }
            let assumed = facts.instances.is_empty() && policy.without_airflow == WithoutAirflow::Assume;
            if assumed || !unseen.is_empty() {
                let kind = Environment::PoolMissing { name, tasks, on: unseen, shown: false };
                changes.push(change(kind, Certainty::Possible("the pool was not looked up".to_string())));
            }
            changes
        }
        _ if missing.is_empty() || policy.secrets_backend => Vec::new(),
        What::Variable => {
            let kind = Environment::VariableMissing { name, tasks, on: missing, at_parse: need.at_parse };
            vec![change(kind, elsewhere())]
        }
        What::Connection => {
            vec![change(Environment::ConnectionMissing { name, tasks, on: missing }, elsewhere())]
        }
    }
}

/// What is to be known of the rest: what was not looked up, and what a secrets backend supplies.
pub(super) fn notes(needs: &[Need], facts: &Facts, policy: &Policy) -> Vec<String> {
    let mut notes = Vec::new();
    let mut said = BTreeSet::new();
    for need in needs.iter().filter(|need| need.what != What::Pool) {
        let (kind, name) = (need.what.word(), &need.name);
        if !said.insert((need.what, name)) {
            continue;
        }
        for instance in &facts.instances {
            match need.what.answer(instance) {
                Answer::Checked(found) if !found.contains(name) && policy.secrets_backend => notes.push(format!(
                    "{kind} `{name}`, which the change names first, does not exist on `{}`, unless a secrets backend \
                     or the environment supplies it",
                    instance.name
                )),
                Answer::NotChecked(reason) => notes.push(format!(
                    "{kind} `{name}`, which the change names first, was not looked up on `{}`: {reason}",
                    instance.name
                )),
                Answer::Checked(_) => {}
            }
        }
    }
    notes
}

/// All names in the options and arguments of the tasks of a DAG.
fn of_arguments(dag: &Dag) -> impl Iterator<Item = Need> {
    dag.tasks.iter().flat_map(move |task| {
        let need = |what, name: &str| Need {
            what,
            name: name.to_string(),
            dag: dag.dag_id.clone(),
            tasks: task.task_id.exact().cloned().into_iter().collect(),
            at_parse: false,
            at: task.at.clone(),
        };
        let mut needs = Vec::new();
        if let Some(pool) = dag.option(task, "pool").and_then(literal).filter(|pool| *pool != DEFAULT_POOL) {
            needs.push(need(What::Pool, pool));
        }
        for (argument, text) in task.arguments.names().zip(task.arguments.texts()) {
            if let Some(name) = literal(text).filter(|_| argument == "conn_id" || argument.ends_with("_conn_id")) {
                needs.push(need(What::Connection, name));
            }
            needs.extend(variables(text).map(|name| need(What::Variable, &name)));
        }
        needs
    })
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

/// Calls that ask an Airflow for something by a name, and have no other answer than that.
const CALLS: [(&str, What); 3] = [
    ("Variable.get(", What::Variable),
    ("BaseHook.get_connection(", What::Connection),
    ("get_connection(", What::Connection),
];

/// What the code of changed files asks for and no deployed file did.
fn of_code(sides: &Sides) -> Vec<Need> {
    let (deployed, _) = sides.deployed;
    let (proposed, model) = sides.proposed;
    let differs = |path: &ContentPath, id| deployed.get(path).is_none_or(|file| file.id != id);
    let mut needs = Vec::new();
    for (path, file) in proposed.files().filter(|(path, file)| path.as_str().ends_with(".py") && differs(path, file.id))
    {
        let Ok(text) = std::str::from_utf8(&file.bytes) else { continue };
        let calls = calls(text);
        if calls.is_empty() {
            continue;
        }
        let dags: Vec<&Dag> = model.dags.iter().map(AsRef::as_ref).filter(|dag| dag.reaches.contains(path)).collect();
        for call in calls.into_iter().filter(|call| !is_asked_for(deployed, call)) {
            let at = Location { path: path.clone(), span: Span { line: call.line, ..Span::FILE } };
            for dag in &dags {
                let of_function = dag.tasks.iter().filter(|task| {
                    let name = call.function.as_deref();
                    task.callable.as_ref().is_some_and(|c| c.at.path == *path && Some(c.name.as_str()) == name)
                });
                let tasks: Vec<TaskId> = of_function.filter_map(|task| task.task_id.exact().cloned()).collect();
                if tasks.is_empty() && call.function.is_some() {
                    continue;
                }
                needs.push(Need {
                    what: call.what,
                    name: call.name.clone(),
                    dag: dag.dag_id.clone(),
                    tasks,
                    at_parse: call.function.is_none(),
                    at: at.clone(),
                });
            }
        }
    }
    needs
}

/// Whether a deployed file asks for the same.
fn is_asked_for(deployed: &Snapshot, call: &Call) -> bool {
    deployed.files().filter(|(path, _)| path.as_str().ends_with(".py")).any(|(_, file)| {
        let text = String::from_utf8_lossy(&file.bytes);
        text.contains(&call.name)
            && calls(&text).iter().any(|known| (known.what, &known.name) == (call.what, &call.name))
    })
}

/// A call that asks for a name.
struct Call {
    what: What,
    name: String,
    line: u32,
    /// The function around it; none where it is run when the file is parsed.
    function: Option<String>,
}

/// The calls of a file that ask for a literal name and have no default.
fn calls(text: &str) -> Vec<Call> {
    let mut found: Vec<Call> = Vec::new();
    // Functions around the line at hand: how far each is indented, and its name if it is run later.
    let mut around: Vec<(usize, Option<&str>)> = Vec::new();
    let mut decorated_parse = false;
    let mut offset = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let start = offset;
        offset += line.len();
        let code = line.trim_start();
        if code.trim().is_empty() || code.starts_with('#') {
            continue;
        }
        let indent = line.len() - code.len();
        while around.last().is_some_and(|(outer, _)| indent <= *outer) {
            around.pop();
        }
        if code.starts_with('@') {
            // What these decorate is run by the call that makes the DAG.
            decorated_parse |= ["@dag", "@task_group"].iter().any(|name| code.starts_with(name));
            continue;
        }
        let define = code.strip_prefix("async ").unwrap_or(code).strip_prefix("def ");
        if let Some(define) = define {
            let name = define.split('(').next().unwrap_or_default().trim();
            around.push((indent, (!decorated_parse).then_some(name)));
            decorated_parse = false;
        }
        for (call, what) in CALLS {
            let Some(at) = line.find(call) else { continue };
            let comment = line[..at].contains('#');
            let function = around.iter().rev().find_map(|(_, name)| *name).map(str::to_string);
            if let Some(name) = asked(&text[start + at + call.len()..]).filter(|_| !comment)
                && !found.iter().any(|known| known.line == number && known.name == name)
            {
                found.push(Call { what, name, line: number, function });
            }
        }
    }
    found
}

/// The literal name behind an open bracket, where nothing else could be the answer.
fn asked(rest: &str) -> Option<String> {
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("key=").unwrap_or(rest);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, behind) = rest[1..].split_once(quote)?;
    let arguments = behind.split(')').next().unwrap_or_default();
    let plain = !name.is_empty() && !name.contains(['{', '\\', '\n']);
    let only = arguments.trim().is_empty() || arguments.trim_start().starts_with(", deserialize_json");
    (plain && only && !arguments.contains("default")).then(|| name.to_string())
}
