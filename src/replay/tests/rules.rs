//! Trigger rules, each with what is upstream of it.

use super::*;

/// Two tasks before one of that rule; what becomes of it without any change is the control, so the
/// change here is the rule.
fn with(rule: &str, ups: &str, version: &str) -> BTreeSet<Outcome> {
    let body = |rule: &str| format!(r#"[t("a"), t("b1")] >> t("end", trigger_rule="{rule}")"#);
    let case = Case::of(&body("all_done"), &body(rule)).with(vec![mapping_of("end")]);
    case.outcomes(&format!("{ups}, end none"), version).0
}

#[test]
fn each_rule_starts_or_ends_what_waits_for_it() {
    let runs: BTreeSet<Outcome> = BTreeSet::new();
    let skips = BTreeSet::from([SkippedWork, EarlySuccess]);
    let fails = BTreeSet::from([Failed, SkippedWork]);
    for (rule, ups, expected) in [
        ("all_success", "a success, b1 success", &runs),
        ("all_success", "a success, b1 skipped", &skips),
        ("all_success", "a success, b1 failed", &fails),
        ("all_failed", "a failed, b1 upstream_failed", &runs),
        ("all_failed", "a failed, b1 success", &skips),
        ("all_done", "a failed, b1 skipped", &runs),
        ("always", "a failed, b1 skipped", &runs),
        ("one_success", "a success, b1 failed", &runs),
        ("one_success", "a skipped, b1 skipped", &skips),
        ("one_success", "a failed, b1 skipped", &fails),
        ("one_failed", "a failed, b1 success", &runs),
        ("one_failed", "a skipped, b1 success", &skips),
        ("one_done", "a success, b1 skipped", &runs),
        ("one_done", "a skipped, b1 skipped", &skips),
        ("none_failed", "a success, b1 skipped", &runs),
        ("none_failed", "a failed, b1 skipped", &fails),
        ("none_failed_min_one_success", "a success, b1 skipped", &runs),
        ("none_failed_min_one_success", "a skipped, b1 skipped", &skips),
        ("none_failed_min_one_success", "a failed, b1 success", &fails),
        ("none_skipped", "a failed, b1 success", &runs),
        ("none_skipped", "a skipped, b1 success", &skips),
        ("all_skipped", "a skipped, b1 skipped", &runs),
        ("all_skipped", "a skipped, b1 success", &skips),
    ] {
        for version in VERSIONS {
            assert_eq!(with(rule, ups, version), *expected, "{rule} after {ups} on {version}");
        }
    }
}
