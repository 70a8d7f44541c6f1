//! The tricky cases: that what they call Airflow's is Airflow's.

use super::judge::model;
use crate::support::dagbag::{DagFacts, Facts, Judge, OverFacts};
use crate::support::install::Release;
use crate::support::tricky::{Blocks, NOT_ASKED, Over, TaskLine, all, dag_text, group_line, keep, text};
use crate::support::verdict::{Class, compare};

/// What the release builds, as the cases write it down.
fn built(facts: &Facts) -> Blocks {
    let mut blocks = Blocks::new();
    for (file, facts) in &facts.files {
        for (dag_id, dag) in &facts.dags {
            blocks.push((file.clone(), block(dag_id, file, dag)));
        }
        for error in &facts.errors {
            blocks.push((file.clone(), format!("error in {file}: {}\n", class_of(error))));
        }
    }
    blocks
}

/// The exception's class; its words differ between releases.
fn class_of(error: &str) -> &str {
    let path = error.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.')).next();
    path.unwrap_or(error).rsplit('.').next().unwrap_or(error)
}

fn block(dag_id: &str, file: &str, dag: &DagFacts) -> String {
    let groups =
        dag.groups.iter().map(|(id, group)| group_line(id, group.parent.as_ref(), over(group.mapped.as_ref())));
    let tasks = dag.tasks.iter().map(|(id, task)| {
        let line = TaskLine {
            task_id: id,
            operator: &task.operator,
            group: task.group.clone(),
            over: over(task.mapped.as_ref()),
            trigger_rule: &task.trigger_rule,
            multiple_outputs: task.multiple_outputs,
            upstream: task.upstream.iter().cloned().collect(),
        };
        line.to_string()
    });
    dag_text(dag_id, file, groups.collect(), tasks.collect())
}

fn over(mapped: Option<&Vec<OverFacts>>) -> Option<Vec<Over>> {
    let over = mapped?.iter().map(|over| {
        let length = over.length.map(|length| usize::try_from(length).expect("a length"));
        (over.argument.clone(), length, over.tasks.iter().cloned().collect())
    });
    Some(over.collect())
}

pub(crate) fn the_tricky_cases_are_what_airflow_builds(release: &'static Release) {
    let judge = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0));
    let cases = all();
    let asked: Vec<_> = cases.iter().filter(|case| !case.airflow(release.version).starts_with(NOT_ASKED)).collect();
    let facts = judge.facts_of_each(&asked.iter().map(|case| &case.tree).collect::<Vec<_>>());
    let (mut faults, mut exact) = (Vec::new(), 0);
    for (case, facts) in asked.iter().zip(&facts) {
        let now = text(built(facts));
        keep(&case.name, "airflow", release.version, &now);
        let expected = case.airflow(release.version);
        if now != expected {
            faults.push(format!("{}:\n{now}--- expected\n{expected}", case.name));
        }
        for verdict in compare(facts, &model(&case.tree, release)) {
            match verdict.class {
                Class::Exact if verdict.attributes.is_empty() => exact += 1,
                Class::Declared => {}
                _ => faults.push(format!("{}: {verdict:?}", case.name)),
            }
        }
    }
    eprintln!("{}: {} of {} cases asked, {exact} DAGs exact", release.version, asked.len(), cases.len());
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}
