//! Random structural changes to random DAGs with a run in flight: a change that hurts the run is
//! found, and one that does not is let through. Whoever makes the change knows what it does; the
//! program's own replay is never asked. A sample runs on a real Airflow (`tests/live/verdicts/mutated.rs`).

#[path = "mutation/change.rs"]
pub(crate) mod change;
#[path = "mutation/spec.rs"]
pub(crate) mod spec;

use change::{CHANGES, Expected, Mutation, mutate};
use dagguard::content::{ContentPath, File, Layout, Revision, Snapshot};
use dagguard::facts::{Answer, DagFacts, Facts, Instance, Run, Seen, TaskInstance, TaskState};
use dagguard::ids::{AirflowVersion, DagId, InstanceName, MapIndex, RunId, TaskId};
use dagguard::report::Verdict;
use dagguard::rules::Policy;
use spec::{Place, Reads, Spec, Style, Task, Value, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Changes in all, and of each family that is named in the order of the changes.
const CASES: usize = 10_000;
const CASES_OF_A_FAMILY: usize = 300;
const SEED: u64 = 5;

/// Airflow versions, and whether the run is pinned to a version of its bundle.
const AIRFLOWS: [(&str, bool); 4] = [("2.6.2", false), ("2.11.2", false), ("3.3.2", false), ("3.3.2", true)];

/// Steele, Lea and Flood's SplitMix64.
pub(crate) struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, and without, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

const WORDS: [&str; 16] = [
    "orders", "users", "stock", "prices", "events", "clicks", "visits", "stores", "refunds", "carts", "ratings",
    "leads", "quotes", "trips", "routes", "meters",
];
const VERBS: [&str; 8] = ["load", "clean", "merge", "export", "check", "count", "send", "rank"];

/// A name that says something.
pub(crate) fn draw(rng: &mut Rng) -> String {
    format!("{}_{}", VERBS[rng.below(VERBS.len())], WORDS[rng.below(WORDS.len())])
}

/// A DAG with tasks before, at and after its gate.
fn spec(number: usize, rng: &mut Rng) -> Spec {
    let style = Style {
        function_names: rng.percent(40),
        classic: rng.percent(30),
        methods: rng.percent(20),
        single_quotes: rng.percent(20),
    };
    let mut spec = Spec { dag_id: format!("mutation_{number}"), tasks: Vec::new(), edges: BTreeSet::new(), style };
    let mut names = BTreeSet::new();
    let mut add = |spec: &mut Spec, rng: &mut Rng, place: Place, work: Work| {
        let mut name = draw(rng);
        while !names.insert(name.clone()) {
            name = format!("{name}_too");
        }
        let key = spec.tasks.len();
        let group = (place != Place::Gate && rng.percent(15)).then_some("marts");
        spec.tasks.push(Task { key, name, group, place, work, rule: None });
        key
    };
    let half_way = rng.percent(35);
    let before = 1 + rng.below(3);
    for _ in 0..before {
        let work = done(rng);
        add(&mut spec, rng, Place::Before, work);
    }
    let gate = if half_way { Work::Mapped(items(rng, 3), Some(1 + rng.below(2))) } else { Work::Gate };
    let gate = add(&mut spec, rng, Place::Gate, gate);
    for _ in 0..=rng.below(3) {
        let producers: Vec<usize> =
            spec.tasks.iter().filter(|task| matches!(task.work, Work::Produce(_))).map(|task| task.key).collect();
        let work = if !producers.is_empty() && rng.percent(60) {
            let from = producers[rng.below(producers.len())];
            Work::Consume(from, reads(&spec, from, rng))
        } else {
            done(rng)
        };
        add(&mut spec, rng, Place::After, work);
    }
    let last = add(&mut spec, rng, Place::After, Work::Plain);
    for key in spec.at(Place::Before) {
        spec.edges.insert((key, gate));
    }
    let after = spec.at(Place::After);
    for (at, key) in after.iter().enumerate() {
        let earlier = &after[..at];
        if earlier.is_empty() || rng.percent(60) {
            spec.edges.insert((gate, *key));
        }
        for up in earlier {
            if rng.percent(40) || *key == last {
                spec.edges.insert((*up, *key));
            }
        }
        if !spec.leads(gate, *key) {
            spec.edges.insert((gate, *key));
        }
    }
    spec
}

fn items(rng: &mut Rng, least: usize) -> Vec<String> {
    let count = least + rng.below(3);
    (0..count).map(|at| format!("{}{at}", WORDS[rng.below(WORDS.len())])).collect()
}

fn done(rng: &mut Rng) -> Work {
    match rng.below(10) {
        0..=3 => Work::Plain,
        4..=5 => Work::Mapped(items(rng, 2), None),
        6 => Work::Produce(Value::Number),
        7 => Work::Produce(Value::Text),
        _ => Work::Produce(Value::Keys(vec!["id", "name", "size"])),
    }
}

fn reads(spec: &Spec, from: usize, rng: &mut Rng) -> Reads {
    match &spec.task(from).work {
        Work::Produce(Value::Text) => Reads::Text,
        Work::Produce(Value::Keys(keys)) => Reads::Key(keys[rng.below(keys.len())]),
        _ => Reads::Number,
    }
}

fn tree(name: &str, spec: &Spec) -> Snapshot {
    let revision = Revision::new(name);
    let mut snapshot = Snapshot::empty(revision.clone());
    let path = ContentPath::new("dags/changed.py").expect("it is a path");
    snapshot.insert(path, File::regular(&revision, spec.text().into_bytes()));
    snapshot
}

/// The run while its gate runs.
fn facts(spec: &Spec, (version, pinned): (&str, bool)) -> Facts {
    let instances = spec.states().into_iter().map(|(task_id, index, state)| TaskInstance {
        task_id: TaskId::new(task_id),
        map_index: MapIndex(index),
        state: TaskState::of(Some(state)),
        try_number: Some(1),
        operator: None,
        trigger: None,
        xcom_keys: Answer::NotChecked("not asked".into()),
    });
    let run = Run {
        run_id: RunId::new("r1"),
        state: "running".into(),
        run_type: Some("manual".into()),
        logical_date: None,
        start_date: None,
        bundle_version: pinned.then(|| "5f3c1d0".to_string()),
        conf: serde_json::Value::Null,
        task_instances: instances.collect(),
    };
    let mut instance = Instance::unavailable(InstanceName::new("default"), "not asked");
    instance.version = AirflowVersion::parse(version);
    instance.others = Seen::Known(());
    instance
        .dags
        .insert(DagId::new(spec.dag_id.as_str()), Seen::Known(DagFacts { runs: vec![run], ..DagFacts::default() }));
    Facts { taken_at: None, instances: vec![instance] }
}

/// One change on one Airflow.
pub(crate) struct Case {
    pub(crate) deployed: Spec,
    pub(crate) mutation: Mutation,
    /// The version, and whether the run is pinned.
    pub(crate) airflow: (&'static str, bool),
}

impl Case {
    pub(crate) fn expected(&self) -> Expected {
        match self.airflow {
            // The run keeps the DAG file that it started from.
            (_, true) => Expected::Allow,
            (version, _) if version.starts_with('2') => self.mutation.two,
            _ => self.mutation.three,
        }
    }

    /// The change as text.
    pub(crate) fn difference(&self) -> String {
        let (before, after) = (self.deployed.text(), self.mutation.proposed.text());
        similar::TextDiff::from_lines(&before, &after).unified_diff().to_string()
    }

    /// What is wrong with what is said, if anything is.
    fn fault(&self) -> Option<String> {
        let (deployed, proposed) = (tree("deployed", &self.deployed), tree("proposed", &self.mutation.proposed));
        let facts = facts(&self.deployed, self.airflow);
        let report = dagguard::check(&deployed, &proposed, &facts, &Policy::check(Layout::Content));
        let right = match self.expected() {
            Expected::Allow => report.verdict == Verdict::Allow,
            Expected::Block => report.verdict == Verdict::Block,
            Expected::Either => true,
        };
        (!right).then(|| {
            let said: Vec<String> = report
                .findings
                .iter()
                .map(|finding| format!("{} {}: {}", finding.rule, finding.level, finding.message))
                .collect();
            format!("{:?} expected, said: {said:?}", self.expected())
        })
    }
}

/// The same cases for the same seed.
pub(crate) fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut rng = Rng(seed);
    let mut cases = Vec::new();
    let mut number = 0;
    while cases.len() < count {
        let deployed = spec(number, &mut rng);
        number += 1;
        for change in CHANGES {
            let Some(mutation) = mutate(&deployed, *change, &mut rng) else { continue };
            if mutation.proposed.text() == deployed.text() {
                continue;
            }
            let airflow = AIRFLOWS[rng.below(AIRFLOWS.len())];
            cases.push(Case { deployed: deployed.clone(), mutation, airflow });
        }
    }
    cases.truncate(count);
    cases
}

#[test]
fn random_dags_import_and_are_wholly_known() {
    let mut rng = Rng(SEED);
    for number in 0..200 {
        let spec = spec(number, &mut rng);
        let model = dagguard::dag::build(&tree("deployed", &spec), Layout::Content, None);
        assert!(model.errors.is_empty(), "{:?}\n{}", model.errors, spec.text());
        let [dag] = model.dags.as_slice() else { panic!("one DAG:\n{}", spec.text()) };
        assert!(dag.complete(), "{:?}\n{}", dag.unknown, spec.text());
        let known: BTreeSet<String> = dag.tasks.iter().map(|task| task.task_id.to_string()).collect();
        assert_eq!(known, spec.tasks.iter().map(Task::id).collect(), "{}", spec.text());
    }
}

#[test]
fn ten_thousand_random_changes_are_judged_as_whoever_made_them_knows() {
    let cases = cases(SEED, CASES);
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &cases {
        *families.entry(case.mutation.family).or_default() += 1;
    }
    for (family, count) in &families {
        assert!(*count >= CASES_OF_A_FAMILY, "{family}: {count} cases");
    }
    let halves: Vec<&[Case]> = cases.chunks(cases.len().div_ceil(2)).collect();
    let faults: Vec<(&Case, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .into_iter()
            .map(|half| {
                scope.spawn(move || half.iter().filter_map(|case| Some((case, case.fault()?))).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no case panics")).collect()
    });
    let mut kinds: BTreeMap<String, Vec<&(&Case, String)>> = BTreeMap::new();
    for fault in &faults {
        let (case, _) = fault;
        let (version, pinned) = case.airflow;
        let kind = format!(
            "{}: {} on {version}{}",
            case.mutation.family,
            case.mutation.what,
            if pinned { ", pinned" } else { "" }
        );
        kinds.entry(kind).or_default().push(fault);
    }
    let mut shown = String::new();
    for (kind, faults) in &kinds {
        let (case, fault) = faults[0];
        let _ = writeln!(shown, "\n== {kind}: {} times; {fault}", faults.len());
        if kinds.len() <= 12 {
            shown.push_str(&case.difference());
            let _ = writeln!(shown, "{:?}", case.deployed.states());
        }
    }
    println!("{} changes of {families:?}", cases.len());
    assert!(faults.is_empty(), "{} of {} changes are judged wrongly:{shown}", faults.len(), cases.len());
}
