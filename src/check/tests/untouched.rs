//! What a change does to a DAG whose own code is as it was: what it imports goes, what it reads
//! is edited, Airflow does not look at its file any more.

use super::*;

/// What is said of a run of `etl` that waits for `load`.
fn judged(deployed: &[(&str, &str)], proposed: &[(&str, &str)]) -> (Verdict, Vec<String>) {
    let seen = with_runs(
        instance("default", "2.11.2"),
        "etl",
        vec![run("r1", &[("extract", "running"), ("load", "none"), ("load_eu", "none")])],
    );
    let report = check(&tree("d", deployed), &tree("p", proposed), &facts([seen]), &policy());
    (report.verdict, said(&report))
}

fn blocks(rule: &str) -> (Verdict, Vec<String>) {
    (Verdict::Block, vec![format!("{rule} block certain")])
}

#[test]
fn a_package_that_goes_as_a_whole_breaks_who_still_imports_it() {
    let etl = format!("from areas.names import LIMIT\n{}", dag("etl", &["extract", "load"]));
    let deployed = [("dags/etl.py", etl.as_str()), ("shared/areas/names.py", "LIMIT = 1\n")];
    assert_eq!(judged(&deployed, &[("dags/etl.py", &etl)]), blocks("syntax-error"));
    let renamed = [("dags/etl.py", etl.as_str()), ("shared/regions/names.py", "LIMIT = 1\n")];
    assert_eq!(judged(&deployed, &renamed), blocks("syntax-error"));
    // The same module under another root is still found.
    let moved = [("dags/etl.py", etl.as_str()), ("dags/areas/names.py", "LIMIT = 1\n")];
    assert_eq!(judged(&deployed, &moved), (Verdict::Allow, vec![]));
}

#[test]
fn a_module_beside_the_dag_that_goes_breaks_who_still_imports_it() {
    let etl = format!("from limits import LIMIT\n{}", dag("etl", &["extract", "load"]));
    let deployed = [("dags/etl.py", etl.as_str()), ("dags/limits.py", "LIMIT = 1\n")];
    assert_eq!(judged(&deployed, &[("dags/etl.py", &etl)]), blocks("syntax-error"));
    // Nobody imports it any more, or only where its absence is provided for.
    let without = dag("etl", &["extract", "load"]);
    assert_eq!(judged(&deployed, &[("dags/etl.py", &without)]), (Verdict::Allow, vec![]));
    let provided = format!("try:\n    import limits.a\nexcept ImportError:\n    pass\n{without}");
    let deployed = [("dags/etl.py", provided.as_str()), ("dags/limits/a.py", "LIMIT = 1\n")];
    assert_eq!(judged(&deployed, &[("dags/etl.py", &provided)]), (Verdict::Allow, vec![]));
}

#[test]
fn a_dag_file_that_is_ignored_from_now_on_takes_its_dag_away() {
    let etl = dag("etl", &["extract", "load"]);
    let deployed = [("dags/etl.py", etl.as_str())];
    let proposed = [("dags/.airflowignore", "etl.py\n"), ("dags/etl.py", &etl)];
    assert_eq!(judged(&deployed, &proposed), blocks("dag-id-removed"));
}

#[test]
fn a_comment_that_made_the_file_a_dag_file_takes_its_dag_away() {
    let factory = format!(
        "{HEAD}def build():\n    with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as made:\n        \
         BashOperator(task_id=\"load\", bash_command=\"load.sh\")\n    return made\n"
    );
    let deployed = [
        ("dags/etl.py", "# an airflow dag\nfrom areas.build import build\n\nflow = build()\n"),
        ("shared/areas/build.py", &factory),
    ];
    let proposed =
        [("dags/etl.py", "from areas.build import build\n\nflow = build()\n"), ("shared/areas/build.py", &factory)];
    assert_eq!(judged(&deployed, &proposed), blocks("dag-id-removed"));
}

#[test]
fn a_list_that_is_read_from_a_file_of_the_tree_is_code_of_the_dag() {
    let etl = format!(
        "import yaml\nfrom pathlib import Path\n{HEAD}\
         with DAG(\"etl\", schedule=None, start_date=datetime(2024, 1, 1)) as dag:\n    \
         for region in yaml.safe_load((Path(__file__).parent / \"regions.yml\").read_text()):\n        \
         BashOperator(task_id=f\"load_{{region}}\", bash_command=\"load.sh\")\n"
    );
    let deployed =
        [("dags/etl.py", etl.as_str()), ("dags/regions.yml", "[eu, us]\n"), ("dags/query.sql", "select 1\n")];
    let shorter = [("dags/etl.py", etl.as_str()), ("dags/regions.yml", "[us]\n"), ("dags/query.sql", "select 1\n")];
    assert_eq!(judged(&deployed, &shorter), blocks("task-id-removed"));
    // A file that the code does not come to is none of its business.
    let query = [("dags/etl.py", etl.as_str()), ("dags/regions.yml", "[eu, us]\n"), ("dags/query.sql", "select 2\n")];
    assert_eq!(judged(&deployed, &query), (Verdict::Allow, vec![]));
}
