//! Libraries whose DAGs the text does not hold.

use super::{model, show};

#[test]
fn a_dag_of_a_dbt_project_is_named_and_not_described() {
    insta::assert_snapshot!(show(&model("from cosmos import DbtDag, ProjectConfig\nd = DbtDag(project_config=ProjectConfig('x'), dag_id='dbt')\n")), @r"
    dbt (incomplete)
      ? 2: `cosmos` builds it from a dbt project, which is not described
    ");
}

#[test]
fn what_stands_around_a_group_of_a_dbt_project_is_described() {
    insta::assert_snapshot!(show(&model("from cosmos import DbtTaskGroup\nwith DAG('d'):\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    g = DbtTaskGroup(group_id='dbt')\n    a >> b\n    a >> g\n")), @r"
    d (incomplete)
      a
      b <- a
      ? 5: `cosmos` builds it from a dbt project, which is not described
      ? 7: the first and last tasks of a group are not known
    ");
}

#[test]
fn configuration_files_make_dags_of_unknown_ids() {
    for source in [
        "import dagfactory\nf = dagfactory.DagFactory('/x.yml')\nf.generate_dags(globals())\n",
        "from dagfactory import load_yaml_dags\nload_yaml_dags(globals_dict=globals())\n",
        "from gusty import create_dag\nd = create_dag('/x')\n",
    ] {
        let shown = show(&model(source));
        assert!(shown.starts_with("* (incomplete)"), "{shown}");
        assert!(shown.contains("which is not described"), "{shown}");
    }
    // A DAG beside them is whole.
    let beside = show(&model("from gusty import create_dags\ncreate_dags('/x', globals())\nd = DAG('d')\n"));
    assert!(beside.contains("d\n"), "{beside}");
}
