//! Pools, Variables and connections that a change names first, and those of them that an Airflow has
//! not. A pool that is not there is a fact. A Variable or a connection may come from a secrets
//! backend or the environment, which the API does not show: what rests on it is not certain.

use crate::content::{ContentPath, Location, Snapshot};
use crate::dag::code::{self, Ask, Asked, Code};
use crate::dag::{Dag, Id, Model, Task};
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
    let mut named: Vec<Need> = fresh.iter().copied().flat_map(of_arguments).collect();
    let asking: Vec<&Dag> =
        fresh.into_iter().filter(|dag| dag.reaches.iter().any(|path| may_ask(sides.proposed.0, path))).collect();
    if !asking.is_empty() {
        named.extend(code::in_code(&[sides.deployed.1, sides.proposed.1], |code| {
            let [deployed, proposed] = code else { return Vec::new() };
            unknown_to(deployed, sides.deployed, of_code(proposed, &asking))
        }));
    }
    let known: Vec<Need> = of_twins(sides.deployed.1, &named).into_iter().flat_map(of_arguments).collect();
    drop_known(&mut named, &known);
    let deployed = || sides.deployed.1.dags.iter().flat_map(|dag| of_arguments(dag));
    // Most changes name nothing, and then nobody needs to know what the whole tree names.
    let known: BTreeSet<(What, String)> =
        if named.is_empty() { BTreeSet::new() } else { deployed().map(|need| (need.what, need.name)).collect() };
    let mut needs: BTreeMap<(What, String, String), Need> = BTreeMap::new();
    for need in named.into_iter().filter(|need| !known.contains(&(need.what, need.name.clone()))) {
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

/// The deployed DAGs of the ids that have these needs: most of what a DAG names it has named before, and
/// then nobody needs to look at the others.
fn of_twins<'m>(deployed: &'m Model, needs: &[Need]) -> Vec<&'m Dag> {
    let ids: BTreeSet<&Id<DagId>> = needs.iter().map(|need| &need.dag).collect();
    let all = if ids.is_empty() { &[] } else { deployed.dags.as_slice() };
    all.iter().map(AsRef::as_ref).filter(|dag| ids.contains(&dag.dag_id)).collect()
}

fn drop_known(needs: &mut Vec<Need>, known: &[Need]) {
    let known: BTreeSet<(What, &str)> = known.iter().map(|need| (need.what, need.name.as_str())).collect();
    needs.retain(|need| !known.contains(&(need.what, need.name.as_str())));
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

/// Tasks whose instances take more slots of a pool than they did.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pool: String,
    takes: i64,
    dag: Id<DagId>,
    tasks: Vec<TaskId>,
    at: Location,
    was_at: Option<Location>,
}

impl Slots {
    /// The pool.
    pub(super) fn pool(&self) -> &str {
        &self.pool
    }

    /// The DAG.
    pub(super) fn dag(&self) -> &Id<DagId> {
        &self.dag
    }
}

/// Tasks that take several slots of a pool of which they took fewer, or none.
pub(super) fn more_slots(sides: &Sides) -> Vec<Slots> {
    let mut found: BTreeMap<(String, i64, String), Slots> = BTreeMap::new();
    for dag in super::fresh(sides.deployed.1, sides.proposed.1) {
        let was = sides.deployed.1.dags.iter().find(|was| was.dag_id.exact().is_some() && was.dag_id == dag.dag_id);
        for task in &dag.tasks {
            let Some((task_id, (pool, takes))) = task.task_id.exact().zip(slots(dag, task)) else { continue };
            let twin = was.and_then(|was| Some((was, was.task(task_id)?)));
            if takes < 2 || twin.and_then(|(was, twin)| slots(was, twin)).is_some_and(|(p, n)| p == pool && n >= takes)
            {
                continue;
            }
            let key = (pool.to_string(), takes, dag.dag_id.to_string());
            let entry = found.entry(key).or_insert_with(|| Slots {
                pool: pool.to_string(),
                takes,
                dag: dag.dag_id.clone(),
                tasks: Vec::new(),
                at: task.at.clone(),
                was_at: twin.map(|(_, twin)| twin.at.clone()),
            });
            entry.tasks.push(task_id.clone());
        }
    }
    found.into_values().take(MOST).collect()
}

/// The pool of a task and the slots that an instance takes of it; none where that is not in the text.
fn slots<'a>(dag: &'a Dag, task: &'a Task) -> Option<(&'a str, i64)> {
    let takes = dag.option(task, "pool_slots").map_or(Some(1), |text| text.parse().ok())?;
    let pool = dag.option(task, "pool").filter(|text| *text != "None").map_or(Some(DEFAULT_POOL), literal)?;
    Some((pool, takes))
}

/// Pools that are too small for those, where their sizes were shown.
pub(super) fn too_small(all: &[Slots], facts: &Facts) -> Vec<Change> {
    let mut changes = Vec::new();
    for need in all {
        let mut by_size: BTreeMap<i64, Vec<InstanceName>> = BTreeMap::new();
        for instance in &facts.instances {
            if let Some(slots) = instance.details.pool_slots.get(&need.pool)
                && (0..need.takes).contains(slots)
            {
                by_size.entry(*slots).or_default().push(instance.name.clone());
            }
        }
        changes.extend(by_size.into_iter().map(|(slots, on)| Change {
            kind: Kind::Environment(Environment::PoolTooSmall {
                name: need.pool.clone(),
                tasks: need.tasks.clone(),
                takes: need.takes,
                slots,
                on,
            }),
            dags: vec![need.dag.clone()],
            certainty: Certainty::Certain,
            deployed: need.was_at.clone(),
            proposed: Some(need.at.clone()),
        }));
    }
    changes
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
        }
        for (what, name) in task.templates().flat_map(code::in_templates) {
            let what = if what == Asked::Variable { What::Variable } else { What::Connection };
            needs.push(need(what, &name));
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

/// What the code of DAGs asks for, when their files are parsed and when their tasks run.
fn of_code(code: &Code, dags: &[&Dag]) -> Vec<Need> {
    let mut needs = Vec::new();
    for dag in dags {
        let need = |ask: Ask, tasks: Vec<TaskId>, at_parse| Need {
            what: match ask.what {
                Asked::Variable => What::Variable,
                Asked::Connection => What::Connection,
            },
            name: ask.name,
            dag: dag.dag_id.clone(),
            tasks,
            at_parse,
            at: ask.at,
        };
        let files = dag.reaches.iter().filter(|path| path.as_str().ends_with(".py"));
        needs.extend(files.flat_map(|path| code.asks_when_parsed(path)).map(|ask| need(ask, Vec::new(), true)));
        for task in &dag.tasks {
            let asks = code.asks(task).into_iter().chain(code.default_connections(task));
            let id = || task.task_id.exact().cloned().into_iter().collect();
            needs.extend(asks.map(|ask| need(ask, id(), false)));
        }
    }
    needs
}

/// Whether a file holds a word without which nothing is asked for in it.
fn may_ask(snapshot: &Snapshot, path: &ContentPath) -> bool {
    let Some(file) = snapshot.get(path).filter(|_| path.as_str().ends_with(".py")) else { return false };
    let text = String::from_utf8_lossy(&file.bytes);
    ["Variable", "conn_id", "get_connection", "Connection"].iter().any(|word| text.contains(word))
}

/// Of these needs those that nothing deployed has. Few names are new, so that only the DAGs are
/// looked at whose files hold one of them.
fn unknown_to(code: &Code, (deployed, model): (&Snapshot, &Model), mut needs: Vec<Need>) -> Vec<Need> {
    let known = of_code(code, &of_twins(model, &needs));
    drop_known(&mut needs, &known);
    if needs.is_empty() {
        return needs;
    }
    let names: BTreeSet<&str> = needs.iter().map(|need| need.name.as_str()).collect();
    let holds = |path: &ContentPath| {
        let Some(file) = deployed.get(path).filter(|_| path.as_str().ends_with(".py")) else { return false };
        let text = String::from_utf8_lossy(&file.bytes);
        names.iter().any(|name| text.contains(*name))
    };
    let held: BTreeSet<&ContentPath> = deployed.files().map(|(path, _)| path).filter(|path| holds(path)).collect();
    let near = model.dags.iter().map(AsRef::as_ref).filter(|dag| held.iter().any(|path| dag.reaches.contains(path)));
    let near: Vec<&Dag> = near.collect();
    drop_known(&mut needs, &of_code(code, &near));
    needs
}
