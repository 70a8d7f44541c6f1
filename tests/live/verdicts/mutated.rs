//! A sample of the random changes of `tests/it/mutation.rs` on a real Airflow: what whoever made the
//! change says of it, what the program says and foretells, and what becomes of the run must agree.

#[allow(dead_code, unused_imports, reason = "its tests are those of another test program")]
#[path = "../../it/mutation.rs"]
mod mutation;

use super::outcomes::outcomes;
use super::scenario::Scenario;
use super::stage::{Played, Stage};
use crate::support::install::{RELEASES, Release, root};
use mutation::change::Expected;
use mutation::spec::{Spec, Work};
use mutation::{Case, cases};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Of each release.
const COUNT: usize = 20;
/// `DAGGUARD_TEST_SEED=<number>` takes other ones.
const SEED: u64 = 60;
/// Among so many cases of the seed each kind of change is found on each release.
const POOL: usize = 3_000;

/// How a run was hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// It ends as it would have, with all its instances.
    None,
    /// Its record lacks instances whose work was done.
    Record,
    /// It fails, hangs, or does work twice or never.
    Run,
}

pub(crate) fn random_changes_do_what_is_said_of_them(release: &'static Release) {
    let chosen = chosen(release);
    assert_eq!(chosen.len(), COUNT);
    let folder = tempfile::tempdir_in(root()).expect("a writable target directory");
    let scenarios: Vec<Scenario> = chosen.iter().map(|case| written(case, folder.path())).collect();
    let mut stage = Stage::start(release, "mutated");
    let played = stage.play(&scenarios, true);
    stage.end();
    let (mut faults, mut either_way, mut agreed) = (Vec::new(), Vec::new(), 0);
    for case in &chosen {
        let played = &played[&case.deployed.dag_id];
        let kind = format!("{}: {}", case.mutation.family, case.mutation.what);
        let harm = harm(&case.deployed, played);
        let dag_id = &case.deployed.dag_id;
        let (foretold, became) = (played.foretold(dag_id), became(&case.deployed, played));
        let race = played.foretold_of_a_race(dag_id);
        eprintln!(
            "{kind}: {harm:?}, exit {:?}, {:?} expected; foretold {foretold:?}, in a race {race:?}, became {became:?}",
            played.exit,
            case.expected()
        );
        let whole: BTreeSet<String> = foretold.union(&race).cloned().collect();
        let came_true = became == foretold || !race.is_empty() && became.is_subset(&whole) || shows_nothing(case);
        let foretold =
            (!came_true).then(|| format!("{foretold:?} was foretold, in a race {race:?}; it became {became:?}"));
        match fault(case, played, harm).or(foretold) {
            Some(fault) => faults.push(format!("{kind}: {fault}\n{}\n{:?}", case.difference(), played)),
            None if harm != Harm::Run && played.exit == Some(1) => either_way.push(format!("{kind} ({harm:?})")),
            None => agreed += 1,
        }
    }
    eprintln!(
        "Airflow {}: {agreed} of {COUNT} random changes agree; the record alone was hurt, or a race was won, by {either_way:?}",
        release.version
    );
    assert!(faults.is_empty(), "Airflow {}:\n{}", release.version, faults.join("\n\n"));
}

/// One of each kind of change, in turn over the releases.
fn chosen(release: &Release) -> Vec<Case> {
    let seed = std::env::var("DAGGUARD_TEST_SEED").map_or(SEED, |text| text.parse().expect("a number"));
    let mut kinds: BTreeMap<(&str, &str), Vec<Case>> = BTreeMap::new();
    for case in cases(seed, POOL) {
        if case.airflow == (release.version, false) {
            kinds.entry((case.mutation.family, case.mutation.what)).or_default().push(case);
        }
    }
    let place = RELEASES.iter().position(|of| *of == release).unwrap_or_default();
    let mut kinds: Vec<Vec<Case>> = kinds.into_values().collect();
    assert!(kinds.len() >= COUNT, "{} kinds of change", kinds.len());
    let first = place * COUNT % kinds.len();
    kinds.rotate_left(first);
    kinds.truncate(COUNT);
    let first = kinds.into_iter().map(|cases| cases.into_iter().next().expect("no kind is empty"));
    first
        .enumerate()
        .map(|(number, mut case)| {
            // Several changes are made to one DAG.
            let dag_id = format!("mutated_{number}");
            case.deployed.dag_id.clone_from(&dag_id);
            case.mutation.proposed.dag_id = dag_id;
            case
        })
        .collect()
}

fn written(case: &Case, folder: &Path) -> Scenario {
    let name = case.deployed.dag_id.clone();
    let folder = folder.join(&name);
    for (side, spec) in [("before", &case.deployed), ("after", &case.mutation.proposed)] {
        let dags = folder.join(side).join("dags");
        fs::create_dir_all(&dags).expect("a writable target directory");
        fs::write(dags.join(format!("{name}.py")), spec.text()).expect("a writable target directory");
    }
    Scenario::unrecorded(&name, folder)
}

/// What an undisturbed run leaves behind, each as often.
fn effects(spec: &Spec) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for task in &spec.tasks {
        let label = format!("work {}", task.key);
        match &task.work {
            Work::Gate => {}
            Work::Mapped(items, _) => {
                for item in items {
                    *effects.entry(format!("{label} {item}")).or_default() += 1;
                }
            }
            Work::Plain | Work::Produce(_) | Work::Consume(..) => *effects.entry(label).or_default() += 1,
        }
    }
    effects
}

/// What became of the run, in words of the predictions: read off a row as those of the record are.
fn became(deployed: &Spec, played: &Played) -> BTreeSet<String> {
    let mut at_gate: BTreeMap<String, &str> = BTreeMap::new();
    for (task_id, index, state) in deployed.states() {
        at_gate.insert(if index < 0 { task_id } else { format!("{task_id}[{index}]") }, state);
    }
    let lost = |finished: bool| -> BTreeMap<&str, &str> {
        let end = |key: &str| played.instances.get(key).map_or("absent", String::as_str);
        let mine = at_gate.iter().filter(|(_, state)| (**state == "success") == finished);
        mine.map(|(key, _)| (key.as_str(), end(key))).filter(|(_, end)| *end != "success").collect()
    };
    let often = |label: &str| played.records.iter().filter(|(done, _)| done == label).count();
    let effects = effects(deployed);
    let of = |holds: fn(usize, usize) -> bool| -> Vec<&str> {
        effects.iter().filter(|(label, count)| holds(often(label), **count)).map(|(label, _)| label.as_str()).collect()
    };
    let row = json!({ "name": deployed.dag_id, "run_state": played.run_states, "tis": played.instances,
        "at_gate": at_gate, "lost_finished": lost(true), "lost_pending": lost(false), "why": [],
        "effects_missing": of(|done, due| done < due), "effects_repeated": of(|done, due| done > due) });
    let outcomes = outcomes(&row).into_values().flatten();
    outcomes.map(|outcome| outcome.word().to_string()).collect()
}

/// Whether the function becomes another one with the change, so that no mark says whether it did the work of the
/// former one, or how often.
fn shows_nothing(case: &Case) -> bool {
    case.mutation.family == "kind"
}

fn harm(deployed: &Spec, played: &Played) -> Harm {
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, _) in &played.records {
        *done.entry(label).or_default() += 1;
    }
    let effects = effects(deployed);
    let as_often = effects.iter().all(|(label, often)| done.get(label.as_str()) == Some(often));
    let succeeded = !played.run_states.is_empty() && played.run_states.values().all(|state| state == "success");
    let keys: BTreeSet<String> = deployed
        .states()
        .into_iter()
        .map(|(task_id, index, _)| if index < 0 { task_id } else { format!("{task_id}[{index}]") })
        .collect();
    let kept = keys.iter().all(|key| played.instances.get(key).is_some_and(|state| state == "success"));
    match (succeeded && as_often, kept) {
        (false, _) => Harm::Run,
        (true, false) => Harm::Record,
        (true, true) => Harm::None,
    }
}

/// What is wrong with what is said of the change, if anything is.
fn fault(case: &Case, played: &Played, harm: Harm) -> Option<String> {
    if let Some(why) = &played.not_reached {
        return Some(format!("the state where the change comes was not reached: {why}"));
    }
    // On 2.x alone: a task that ends beside the change starts what it knew, or comes too late.
    let races = case.airflow.0.starts_with('2') && case.mutation.two != case.mutation.three;
    // A person may see it either way where it is deliberate or hurts the record alone; what breaks is never
    // let through.
    let right = match (harm, played.exit) {
        (Harm::Run, Some(1)) | (Harm::Record, Some(0 | 1)) | (Harm::None, Some(0)) => true,
        (Harm::None, Some(1)) => races || case.expected() == Expected::Either,
        _ => false,
    };
    if !right {
        return Some(format!("the run was hurt: {harm:?}; the check ended with {:?}", played.exit));
    }
    match (case.expected(), harm) {
        (Expected::Block, Harm::None | Harm::Record) if !races => {
            Some(format!("it should have hurt the run: {harm:?}"))
        }
        (Expected::Allow, Harm::Run) => Some("it should not have hurt the run".to_string()),
        _ => None,
    }
}
