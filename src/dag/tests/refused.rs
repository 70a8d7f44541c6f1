//! What evaluates and is refused by Airflow is not complete.

use super::{model, only};

fn refusal(body: &str) -> Option<String> {
    let model = model(&format!("with DAG('d') as d:\n{body}"));
    only(&model).unknown.first().map(|unknown| unknown.reason.clone())
}

#[test]
fn a_circle_of_dependencies_is_refused() {
    let three = "    a, b, c = [EmptyOperator(task_id=n) for n in 'abc']\n    a >> b >> c";
    assert_eq!(refusal(&format!("{three}\n")), None);
    let circle = Some("Airflow refuses it: dependencies form a circle".to_owned());
    assert_eq!(refusal(&format!("{three} >> a\n")), circle);
}

#[test]
fn an_id_of_a_task_and_of_a_group_is_refused() {
    let both = Some("Airflow refuses `a` as the id of a task and of a group".to_owned());
    let body = "    EmptyOperator(task_id='a')\n    with TaskGroup('a'):\n        EmptyOperator(task_id='b')\n";
    assert_eq!(refusal(body), both);
}
