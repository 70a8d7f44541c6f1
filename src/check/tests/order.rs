//! What must not matter: where lines stand, in which order files come, how often it is asked.

use super::*;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// Trees with several findings of different rules, and runs that make them real.
fn files(side: usize) -> Vec<(&'static str, String)> {
    let broken = dag("late", &["x"]).replace("with DAG(", "with DAG(((");
    let sides = [
        ("dags/a.py", [dag("a", &["one", "two"]), dag("a", &["one", "second"])]),
        ("dags/b.py", [mapped("b", "['x', 'y', 'z']"), mapped("b", "['y', 'x']")]),
        ("dags/c.py", [dag("c", &["one"]), dag("c_v2", &["one"])]),
        ("dags/d.py", [opaque("d", "run"), opaque("d", "run fast")]),
        ("dags/late.py", [dag("late", &["x"]), broken]),
    ];
    sides.into_iter().map(|(path, texts)| (path, texts[side].clone())).collect()
}

fn build(side: usize, order: &[usize]) -> Snapshot {
    let files = files(side);
    let ordered: Vec<(&str, &str)> = order.iter().map(|at| (files[*at].0, files[*at].1.as_str())).collect();
    tree("t", &ordered)
}

fn seen() -> Facts {
    let mut seen = instance("default", "2.11.2");
    for (dag_id, states) in [
        ("a", vec![("one", "success"), ("two", "none")]),
        ("b", vec![("work[0]", "success"), ("work[1]", "none"), ("work[2]", "none")]),
        ("c", vec![("one", "running")]),
        ("d", vec![("load_eu", "running")]),
        ("late", vec![("x", "running")]),
    ] {
        seen = with_runs(seen, dag_id, vec![run("r1", &states)]);
    }
    facts([seen])
}

const IN_ORDER: [usize; 5] = [0, 1, 2, 3, 4];

#[test]
fn findings_stand_in_the_order_of_the_proposed_files() {
    let report = check(&build(0, &IN_ORDER), &build(1, &IN_ORDER), &seen(), &policy());
    let places: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{} {}", finding.proposed.as_ref().unwrap().path, finding.rule))
        .collect();
    assert_eq!(
        places,
        [
            "dags/a.py task-id-renamed",
            "dags/b.py map-count-changed",
            "dags/b.py map-order-changed",
            "dags/c.py dag-id-renamed",
            "dags/d.py dag-not-analysable",
            "dags/late.py syntax-error",
        ]
    );
}

#[test]
fn fingerprints_do_not_change_when_lines_move() {
    let report = |prefix: &str| {
        let moved: Vec<(&str, String)> =
            files(1).into_iter().map(|(path, text)| (path, format!("{prefix}{text}"))).collect();
        let moved: Vec<(&str, &str)> = moved.iter().map(|(path, text)| (*path, text.as_str())).collect();
        check(&build(0, &IN_ORDER), &tree("t", &moved), &seen(), &policy())
    };
    let key = |report: &Report| -> Vec<(String, String)> {
        report.findings.iter().map(|finding| (finding.rule.clone(), finding.fingerprint.clone())).collect()
    };
    let line = |report: &Report| report.findings[0].proposed.as_ref().unwrap().span.line;
    let (here, below) = (report(""), report("# Several\n# lines of\n# comment.\n\n"));
    assert_ne!(line(&here), line(&below));
    assert_eq!(key(&here), key(&below));
    let distinct: BTreeSet<String> = key(&here).into_iter().map(|(_, fingerprint)| fingerprint).collect();
    assert_eq!(distinct.len(), here.findings.len(), "no two findings share a fingerprint");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_files_come_has_no_effect(
        deployed in Just(IN_ORDER.to_vec()).prop_shuffle(),
        proposed in Just(IN_ORDER.to_vec()).prop_shuffle(),
    ) {
        let usual = check(&build(0, &IN_ORDER), &build(1, &IN_ORDER), &seen(), &policy());
        let shuffled = check(&build(0, &deployed), &build(1, &proposed), &seen(), &policy());
        prop_assert_eq!(usual, shuffled);
    }

    /// A part of the change gives no finding about a file that is not in it.
    #[test]
    fn files_that_are_equal_on_both_sides_are_not_spoken_of(changed in subsequence(IN_ORDER.to_vec(), 0..=5)) {
        let deployed = build(0, &IN_ORDER);
        let mixed: Vec<(&str, String)> =
            IN_ORDER.iter().map(|at| files(usize::from(changed.contains(at)))[*at].clone()).collect();
        let mixed: Vec<(&str, &str)> = mixed.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let report = check(&deployed, &tree("t", &mixed), &seen(), &sync_policy());
        let named: BTreeSet<String> =
            report.findings.iter().map(|finding| finding.proposed.as_ref().unwrap().path.to_string()).collect();
        let expected: BTreeSet<String> = changed.iter().map(|at| files(0)[*at].0.to_string()).collect();
        prop_assert_eq!(named, expected);
    }
}
