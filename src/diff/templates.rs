//! Template files: texts beside a DAG file that an argument names (`bash_command="load.sh"`) and that Airflow
//! reads and renders when the task starts.

use super::kind::Breach;
use super::{Certainty, Change, Code, Kind};
use crate::content::{ContentPath, Snapshot};
use crate::dag::{Dag, Task};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Arguments of Airflow's and the providers' operators, and the ends of names by which their `template_ext`
/// know a file.
const FILES: [(&str, &[&str]); 6] = [
    ("bash_command", &[".sh", ".bash"]),
    ("sql", &[".sql", ".hql"]),
    ("hql", &[".hql", ".sql"]),
    ("query", &[".sql"]),
    ("html_content", &[".html"]),
    ("command", &[".sh", ".bash"]),
];

/// The files that a task's arguments name, in the folder of its DAG file: whether they are there or not.
fn named(dag: &Dag, task: &Task) -> Vec<ContentPath> {
    let folder = dag.file.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let found = FILES.iter().filter_map(|(argument, ends)| {
        let text = task.arguments.get(argument)?.strip_prefix('"')?.strip_suffix('"')?;
        let plain = ends.iter().any(|end| text.ends_with(end))
            && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '{' | '}'));
        plain.then(|| ContentPath::new(format!("{folder}/{text}")).ok())?
    });
    found.collect()
}

/// The texts of the template files of a task.
pub(super) fn texts<'s>(snapshot: &'s Snapshot, dag: &Dag, task: &Task) -> Vec<Cow<'s, str>> {
    let files = named(dag, task).into_iter().filter_map(|path| snapshot.get(&path));
    files.map(|file| String::from_utf8_lossy(&file.bytes)).collect()
}

/// Whether one of these files is a template of the DAG.
pub(super) fn any(dag: &Dag, changed: &BTreeSet<ContentPath>) -> bool {
    let names_some = || FILES.iter().any(|(argument, _)| dag.gives(argument));
    !changed.is_empty()
        && names_some()
        && dag.tasks.iter().any(|task| named(dag, task).iter().any(|path| changed.contains(path)))
}

/// Template files that the deployed tree has and the proposed one has not.
pub(super) fn changes((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    for task in &other.tasks {
        let Some((task_id, twin)) = task.task_id.exact().and_then(|id| Some((id, dag.task(id)?))) else { continue };
        let had = named(dag, twin);
        for path in named(other, task) {
            let there = had.iter().any(|path| deployed.get(path).is_some());
            if proposed.get(&path).is_some() || !there {
                continue;
            }
            let breach = Breach {
                tasks: vec![task_id.clone()],
                within: path.to_string(),
                why: format!("TemplateNotFound: `{path}` is not there"),
                at_start: true,
                at_resume: false,
                pinned: false,
                goes_on: false,
            };
            changes.push(Change {
                kind: Kind::Code(Code::SymbolGone(breach)),
                dags: vec![dag.dag_id.clone()],
                certainty: Certainty::Certain,
                deployed: Some(twin.at.clone()),
                proposed: Some(task.at.clone()),
            });
        }
    }
    changes
}
