//! A model is the same with whatever an earlier run of the program has kept, whole or damaged.

use super::super::Models;
use super::super::tests::{PLACES, apply, tree_of};
use crate::content::{ContentPath, File, Fingerprint, Kept, Layout, Revision, Snapshot, Written};
use crate::dag::build;
use crate::ids::AirflowVersion;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const BUILD: Fingerprint = Fingerprint([7; 16]);

/// Both parts of what is kept, as an edge has them.
#[derive(Clone, Default)]
struct Folder {
    whole: Vec<u8>,
    recent: Vec<u8>,
    model: Vec<u8>,
}

impl Folder {
    fn models(&self, threads: usize, build: Fingerprint) -> Models {
        let kept = [&self.whole, &self.recent, &self.model].map(|bytes| Arc::new(bytes.clone()) as Arc<dyn Kept>);
        Models::remembering(threads, &kept, build)
    }

    fn keep(&mut self, models: &Models) {
        if let Some(model) = models.model_to_keep() {
            self.model = model;
        }
        self.write(models.to_keep());
    }

    fn write(&mut self, written: Option<Written>) {
        match written {
            Some(Written::Recent(bytes)) => self.recent = bytes,
            Some(Written::Whole(bytes)) => (self.whole, self.recent) = (bytes, Vec::new()),
            None => {}
        }
    }
}

fn airflow(turn: usize) -> Option<AirflowVersion> {
    [AirflowVersion::parse("2.6.2"), AirflowVersion::parse("3.3.2"), None][turn / 2 % 3]
}

fn started(start: &[usize]) -> BTreeMap<usize, String> {
    let mut tree = BTreeMap::new();
    start.iter().enumerate().for_each(|(place, variant)| apply(&mut tree, (place, *variant, place)));
    tree
}

fn evaluated_now(models: &Models) -> usize {
    let memory = models.memory.lock().unwrap();
    memory.evaluations.values().flatten().filter(|known| known.origin == super::Origin::Learnt).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_model_is_the_same_whatever_was_kept(
        start in proptest::collection::vec(0..32_usize, PLACES.len()),
        edits in proptest::collection::vec((0..PLACES.len(), 0..32_usize, 0..PLACES.len()), 1..10),
        threads in 1..3_usize,
    ) {
        let mut folder = Folder::default();
        let mut tree = started(&start);
        for (turn, edit) in edits.iter().enumerate() {
            // As a check does: two trees, by a program that has just been started.
            let models = folder.models(threads, BUILD);
            let layout = if turn % 5 == 4 { Layout::Plain } else { Layout::Content };
            for edited in [false, true] {
                if edited {
                    apply(&mut tree, *edit);
                }
                let snapshot = tree_of(&tree);
                let (kept, fresh) = (models.build(&snapshot, layout, airflow(turn)), build(&snapshot, layout, airflow(turn)));
                prop_assert_eq!(&kept, &fresh);
            }
            prop_assert!(!models.lost());
            folder.write(models.to_keep());
            // Once more: everything is there.
            let again = folder.models(threads, BUILD);
            let snapshot = tree_of(&tree);
            prop_assert_eq!(again.build(&snapshot, layout, airflow(turn)), build(&snapshot, layout, airflow(turn)));
            prop_assert_eq!((evaluated_now(&again), again.to_keep()), (0, None));
        }
    }

    #[test]
    fn a_model_beside_one_that_was_kept_is_the_same(
        start in proptest::collection::vec(0..32_usize, PLACES.len()),
        edits in proptest::collection::vec((0..PLACES.len(), 0..32_usize, 0..PLACES.len()), 1..10),
        threads in 1..3_usize,
    ) {
        let mut folder = Folder::default();
        let deployed = tree_of(&started(&start));
        for (turn, edit) in edits.iter().enumerate() {
            let mut tree = started(&start);
            apply(&mut tree, *edit);
            let proposed = tree_of(&tree);
            let airflow = airflow(turn / 4);
            let fresh = [&deployed, &proposed].map(|tree| build(tree, Layout::Content, airflow));
            let models = folder.models(threads, BUILD);
            prop_assert_eq!(&models.build_both([&deployed, &proposed], Layout::Content, airflow), &fresh);
            // A third one, as of a moment between the two.
            prop_assert_eq!(&models.build(&proposed, Layout::Content, airflow), &fresh[1]);
            prop_assert!(!models.lost());
            folder.keep(&models);
        }
    }

    #[test]
    fn damage_of_a_model_is_seen(
        places in proptest::collection::vec((any::<proptest::sample::Index>(), 1..=255_u8), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let (tree, folder) = kept_alone();
        let mut damaged = folder.model.clone();
        for (place, change) in places {
            let at = place.index(damaged.len());
            damaged[at] ^= change;
        }
        if let Some(cut) = cut {
            damaged.truncate(cut.index(damaged.len()));
        }
        let models = Folder { model: damaged, ..Folder::default() }.models(1, BUILD);
        let [model, _] = models.build_both([&tree, &tree], Layout::Content, None);
        let equal = model == build(&tree, Layout::Content, None);
        prop_assert!(models.lost() || equal);
        prop_assert!(!(models.lost() && models.model_to_keep().is_some()), "what is damaged is not kept on");
    }

    #[test]
    fn damage_is_seen(
        start in proptest::collection::vec(0..7_usize, PLACES.len()),
        places in proptest::collection::vec((any::<proptest::sample::Index>(), 1..=255_u8), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let tree = started(&start);
        let snapshot = tree_of(&tree);
        let mut folder = Folder::default();
        let models = folder.models(1, BUILD);
        let whole = models.build(&snapshot, Layout::Content, airflow(0));
        folder.write(models.to_keep());
        prop_assert!(!folder.whole.is_empty());
        for (place, change) in places {
            let at = place.index(folder.whole.len());
            folder.whole[at] ^= change;
        }
        if let Some(cut) = cut {
            folder.whole.truncate(cut.index(folder.whole.len()));
        }
        let models = folder.models(1, BUILD);
        let damaged = models.build(&snapshot, Layout::Content, airflow(0));
        // To compare them is to look into them.
        let equal = damaged == whole;
        prop_assert!(models.lost() || equal);
        let written = models.to_keep();
        prop_assert!(!(models.lost() && written.is_some()), "what is damaged is not kept on");
    }
}

/// A tree, and what is kept of it, its model alone.
fn kept_alone() -> (Snapshot, Folder) {
    let make = "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n\
        def make(name, tasks):\n    with DAG(name, start_date=0) as dag:\n        for task in tasks:\n            EmptyOperator(task_id=task)\n    return dag\n";
    let files = [
        ("shared/flow/__init__.py", make),
        ("shared/names/__init__.py", "NAMES = ['a', 'b']\n"),
        ("dags/one.py", "# airflow dag\nfrom flow import make\nfrom names import NAMES\none = make('one', NAMES)\n"),
        ("dags/two.py", "# airflow dag\nfrom flow import make\ntwo = make('two', ['x'])\n"),
        (
            "dags/three.py",
            "# airflow dag\nimport os\nfrom flow import make\nwith open(os.path.join(os.path.dirname(__file__), 'three.txt')) as f:\n    three = make('three', [f.read()])\n",
        ),
        ("dags/three.txt", "y"),
        ("dags/.airflowignore", ""),
    ];
    let tree = of_files(&files);
    let mut folder = Folder::default();
    let models = folder.models(1, BUILD);
    let model = models.build(&tree, Layout::Content, None);
    assert_eq!((model.dags.len(), model.errors.len()), (3, 0));
    folder.model = models.model_to_keep().unwrap();
    (tree, folder)
}

fn of_files(files: &[(&str, &str)]) -> Snapshot {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    snapshot
}

#[test]
fn beside_a_model_that_was_kept_only_what_a_change_reaches_is_looked_at() {
    let (deployed, folder) = kept_alone();
    for (path, text, evaluated, shared) in [
        ("shared/names/__init__.py", "NAMES = ['a', 'c']\n", 1, 2),
        ("shared/names/__init__.py", "from flow import make\nNAMES = ['a']\n", 1, 2),
        ("dags/three.txt", "z", 1, 2),
        ("shared/flow/__init__.py", "from names import NAMES\ndef make(name, tasks): return NAMES\n", 3, 0),
        ("dags/two.py", "# airflow dag\nfrom flow import make\ntwo = make('one', ['x'])\n", 1, 2),
        ("dags/two.py", "# no word of them\n", 0, 0),
    ] {
        let mut proposed = deployed.clone();
        proposed.insert(ContentPath::new(path).unwrap(), File::regular(&Revision::new("test"), text.as_bytes()));
        let models = folder.models(1, BUILD);
        let built = models.build_both([&deployed, &proposed], Layout::Content, None);
        assert_eq!(built, [&deployed, &proposed].map(|tree| build(tree, Layout::Content, None)), "{path}");
        // Where a file is a DAG file no more, all is looked at.
        let is_beside = models.memory.lock().unwrap().read.is_none();
        assert_eq!(is_beside, evaluated > 0, "{path}");
        if is_beside {
            assert_eq!(
                (evaluated_now(&models), models.to_keep(), models.model_to_keep()),
                (evaluated, None, None),
                "{path}"
            );
            let same = built[0].dags.iter().zip(&built[1].dags).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
            assert_eq!(same, shared, "{path}");
        }
    }
}

#[test]
fn a_model_that_was_kept_tells_for_which_release_it_was_built() {
    let (tree, mut folder) = kept_alone();
    let models = folder.models(1, BUILD);
    assert_eq!(models.last_release(), None, "it was built for whatever release");
    for release in ["2.6.2", "3.3.2"].map(AirflowVersion::parse) {
        // As a live check does that does not know the release before it has asked.
        for airflow in [models.last_release(), release] {
            models.build_both([&tree, &tree], Layout::Content, airflow);
        }
        assert_eq!((models.last_release(), models.anew().last_release()), (release, release));
        folder.keep(&models);
        let next = folder.models(1, BUILD);
        assert_eq!(next.last_release(), release);
        next.build_both([&tree, &tree], Layout::Content, release);
        assert_eq!((evaluated_now(&next), next.model_to_keep()), (0, None));
    }
    assert_eq!(folder.models(1, Fingerprint([8; 16])).last_release(), None, "of another build");
    folder.model.truncate(30);
    assert_eq!(folder.models(1, BUILD).last_release(), None, "cut short");
}

#[test]
fn another_build_reads_nothing() {
    let snapshot = tree_of(&started(&[0; PLACES.len()]));
    let mut folder = Folder::default();
    let models = folder.models(1, BUILD);
    let model = models.build(&snapshot, Layout::Content, None);
    let all = evaluated_now(&models);
    assert!(all > 2);
    folder.write(models.to_keep());
    for (build, learnt) in [(BUILD, 0), (Fingerprint([8; 16]), all)] {
        let models = folder.models(1, build);
        assert_eq!(models.build(&snapshot, Layout::Content, None), model);
        assert_eq!(evaluated_now(&models), learnt);
    }
}

#[test]
fn what_is_kept_does_not_grow_for_ever() {
    let mut folder = Folder::default();
    let mut sizes = Vec::new();
    for turn in 0..130 {
        let mut tree = started(&[0; PLACES.len()]);
        tree.insert(0, format!("# airflow dag {turn}\nfrom flow import *\nmake('one', ['a{turn}'])\n"));
        let models = folder.models(1, BUILD);
        models.build(&tree_of(&tree), Layout::Content, None);
        folder.write(models.to_keep());
        sizes.push(folder.whole.len() + folder.recent.len());
    }
    let (early, late) = (sizes[80..105].iter().max().unwrap(), sizes[105..].iter().max().unwrap());
    assert!(*late <= early + early / 10, "{early} bytes, then {late}");
}
