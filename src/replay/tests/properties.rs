//! What holds of every DAG and every run.

use super::*;
use proptest::prelude::*;
use std::fmt::Write;

const STATES: [&str; 14] = [
    "none",
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "success",
    "failed",
    "skipped",
    "upstream_failed",
    "removed",
    "never_heard_of",
];

/// A DAG of tasks `t0`, `t1`, …, each after some of those before it; every third may be mapped.
#[derive(Clone, Debug)]
struct Drawn {
    tasks: Vec<(u8, usize, bool)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    prop::collection::vec((any::<u8>(), 0_usize..4, any::<bool>()), 1..7).prop_map(|tasks| Drawn { tasks })
}

impl Drawn {
    fn body(&self, prefix: &str) -> String {
        let rules = ["all_success", "all_done", "none_failed", "one_success"];
        let mut text = String::new();
        for (at, (ups, rule, mapped)) in self.tasks.iter().enumerate() {
            if *mapped {
                let _ = write!(text, r#"x{at} = m("{prefix}{at}", ["a", "b"]) ; "#);
            } else {
                let rule = rules[*rule];
                let _ = write!(text, r#"x{at} = t("{prefix}{at}", does="{at}", trigger_rule="{rule}") ; "#);
            }
            for up in (0..at).filter(|up| ups >> up & 1 == 1) {
                let _ = write!(text, "x{up} >> x{at} ; ");
            }
        }
        text + "pass"
    }

    fn states(&self, prefix: &str, picks: &[usize]) -> Vec<String> {
        let mut states = Vec::new();
        for (at, (_, _, mapped)) in self.tasks.iter().enumerate() {
            let state = STATES[picks[at % picks.len()] % STATES.len()];
            if *mapped {
                states.push(format!("{prefix}{at}[0] {state}"));
                states.push(format!("{prefix}{at}[1] {}", STATES[picks[(at + 1) % picks.len()] % STATES.len()]));
            } else {
                states.push(format!("{prefix}{at} {state}"));
            }
        }
        states
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn equal_sides_give_nothing(drawn in drawn(), picks in prop::collection::vec(0_usize..14, 1..8)) {
        let body = drawn.body("t");
        let mut case = Case::of(&body, &body);
        prop_assert!(case.changes.is_empty());
        // A change that is about nothing of it.
        case = case.with(vec![mapping_of("t0")]);
        // What is `removed` and in the DAG comes back at any parse.
        let states: Vec<String> =
            drawn.states("t", &picks).into_iter().map(|text| text.replace(" removed", " success")).collect();
        for version in VERSIONS {
            prop_assert_eq!(case.outcomes(&states.join(", "), version), (BTreeSet::new(), Harm::None));
        }
    }

    #[test]
    fn the_order_of_instances_does_not_matter(
        drawn in drawn(), picks in prop::collection::vec(0_usize..14, 1..8), gone in 0_usize..7,
    ) {
        let mut fewer = drawn.clone();
        fewer.tasks.remove(gone % drawn.tasks.len());
        let case = Case::of(&drawn.body("t"), &fewer.body("t"));
        let mut states = drawn.states("t", &picks);
        for version in VERSIONS {
            let forward = case.outcomes(&states.join(", "), version);
            states.reverse();
            prop_assert_eq!(&forward, &case.outcomes(&states.join(", "), version));
        }
    }

    #[test]
    fn other_names_for_everything_change_nothing(
        drawn in drawn(), picks in prop::collection::vec(0_usize..14, 1..8), gone in 0_usize..7,
    ) {
        let without = |prefix: &str| {
            let mut fewer = drawn.clone();
            fewer.tasks.truncate(gone % drawn.tasks.len());
            fewer.body(prefix)
        };
        let of = |prefix: &str| {
            let case = Case::of(&drawn.body(prefix), &without(prefix));
            VERSIONS.map(|version| case.outcomes(&drawn.states(prefix, &picks).join(", "), version))
        };
        prop_assert_eq!(of("t"), of("some_other_name_"));
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test looks at the clock")]
fn a_run_of_100_000_instances_is_stepped_in_bounded_time() {
    let items: Vec<String> = (0..50_000).map(|at| format!("\"{at}\"")).collect();
    let mapped = |items: &[String]| {
        format!(r#"t("gate") >> m("one", [{0}]) >> m("two", [{0}]) >> t("final")"#, items.join(", "))
    };
    let case = Case::of(&mapped(&items), &mapped(&items[1..]));
    let mut run = run("gate running, final none");
    for task in ["one", "two"] {
        for at in 0..50_000 {
            let mut instance = run.task_instances[1].clone();
            (instance.task_id, instance.map_index) = (TaskId::new(task), MapIndex(at));
            run.task_instances.push(instance);
        }
    }
    for version in VERSIONS {
        let began = std::time::Instant::now();
        let effects = case.on(&run, Some(version));
        assert!(effects.iter().any(|effect| effect.harm == Breaks));
        // A minute would be a square; the machine may be busy.
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }
}
