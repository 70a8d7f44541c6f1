//! What is made by code outside the tree.

use super::{model, model_of, show};

#[test]
fn a_group_of_a_provider_that_adds_tasks_is_no_plain_with() {
    let model = model(
        "from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup\n\
with DAG('d'):\n    with DatabricksWorkflowTaskGroup(group_id='flow', databricks_conn_id='c') as flow:\n        EmptyOperator(task_id='a')\n    flow >> EmptyOperator(task_id='z')\n",
    );
    let shown = show(&model);
    assert!(shown.contains("flow.a"), "{shown}");
    assert!(shown.contains("may make tasks"), "{shown}");
}

#[test]
fn a_notifier_of_a_provider_makes_no_tasks() {
    let shown = show(&model(
        "from airflow.providers.slack.notifications.slack import send_slack_notification\n\
with DAG('d'):\n    EmptyOperator(task_id='a', on_failure_callback=[send_slack_notification(text='x')])\n",
    ));
    assert_eq!(shown, "d\n  a\n");
}

#[test]
fn a_function_of_a_provider_may_make_tasks() {
    let shown = show(&model(
        "from airflow.providers.google.cloud.utils.dataform import make_initialization_workspace_flow\n\
with DAG('d'):\n    EmptyOperator(task_id='a')\n    make_initialization_workspace_flow(project_id='p')\n",
    ));
    assert!(shown.contains("may make tasks"), "{shown}");
}

#[test]
fn what_comes_after_the_end_of_evaluation_may_be_a_dag() {
    let model = model_of(&[(
        "dags/d.py",
        "from airflow import DAG\nimport thing\nwith DAG('first'):\n    pass\n\
while True:\n    thing.turn()\nwith DAG('second'):\n    pass\n",
    )]);
    assert!(model.dags.iter().all(|dag| !dag.unknown.is_empty()), "{}", show(&model));
    assert!(model.dags.iter().any(|dag| dag.dag_id.exact().is_none()), "{}", show(&model));
}

#[test]
fn a_call_of_something_of_the_tree_that_is_not_followed_may_make_dags() {
    let model = model(
        "class Base:\n    pass\nclass One(Base):\n    def build(self):\n        with DAG('one') as d:\n            pass\n        return d\n\
made = type('Made', (One,), {'__slots__': ()})\nglobals()['x'] = made().build()\n",
    );
    assert!(model.dags.iter().any(|dag| dag.dag_id.exact().is_none()), "{}", show(&model));
}

#[test]
fn the_docstring_of_a_file_is_known() {
    let shown = show(&model("with DAG('d'):\n    EmptyOperator(task_id='x' if __doc__ is None else 'y')\n"));
    assert_eq!(shown, "d\n  x\n");
    let model = model_of(&[(
        "dags/d.py",
        "\"\"\"first line\nrest\"\"\"\nfrom airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n\
with DAG('d'):\n    EmptyOperator(task_id=__doc__.split('\\n')[0].replace(' ', '_'))\n",
    )]);
    assert!(show(&model).contains("first_line"), "{}", show(&model));
}
