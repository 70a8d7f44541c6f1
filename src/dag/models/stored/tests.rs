//! A model is the same with whatever an earlier run of the program has kept, whole or damaged.

use super::super::Models;
use super::super::tests::{PLACES, apply, tree_of};
use crate::content::{Fingerprint, Kept, Layout, Written};
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
}

impl Folder {
    fn models(&self, threads: usize, build: Fingerprint) -> Models {
        let kept = [&self.whole, &self.recent].map(|bytes| Arc::new(bytes.clone()) as Arc<dyn Kept>);
        Models::remembering(threads, &kept, build)
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
