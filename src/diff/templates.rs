//! Template files: texts beside a DAG file that an argument names (`bash_command="load.sh"`) and that Airflow
//! reads and renders when the task starts.

use super::kind::Breach;
use super::{Certainty, Change, Code, Kind};
use crate::content::{ContentPath, Snapshot};
use crate::dag::exchange::template;
use crate::dag::{Dag, Task};
use std::borrow::Cow;
use std::collections::BTreeSet;

mod names;

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

/// The folder of a DAG file.
fn folder(dag: &Dag) -> &str {
    dag.file.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The file that an argument names, in the folder of the DAG file: whether it is there or not.
fn file(dag: &Dag, task: &Task, argument: &str, is_one: impl Fn(&str) -> bool) -> Option<ContentPath> {
    let text = task.arguments.get(argument)?.strip_prefix('"')?.strip_suffix('"')?;
    let named = is_one(text) && template::is_file_name(text);
    named.then(|| ContentPath::new(format!("{}/{text}", folder(dag))).ok())?
}

fn ends<'a>(ends: &'a [&str]) -> impl Fn(&str) -> bool + 'a {
    |text| ends.iter().any(|end| text.ends_with(end))
}

/// The template files that a task's arguments name.
fn named(dag: &Dag, task: &Task) -> Vec<ContentPath> {
    FILES.iter().filter_map(|(argument, of)| file(dag, task, argument, ends(of))).collect()
}

/// The files that a task's other arguments name, which may be templates as well.
fn perhaps_named(dag: &Dag, task: &Task) -> Vec<ContentPath> {
    let other =
        |name: &&str| !FILES.iter().any(|(known, of)| known == name && file(dag, task, known, ends(of)).is_some());
    task.arguments.names().filter(other).filter_map(|name| file(dag, task, name, |_| true)).collect()
}

/// The texts of the template files of a task.
pub(super) fn texts<'s>(snapshot: &'s Snapshot, dag: &Dag, task: &Task) -> Vec<Cow<'s, str>> {
    let files = named(dag, task).into_iter().filter_map(|path| snapshot.get(&path));
    files.map(|file| String::from_utf8_lossy(&file.bytes)).collect()
}

/// Whether one of these files is a template of the DAG.
pub(super) fn any(dag: &Dag, changed: &BTreeSet<ContentPath>) -> bool {
    let names_some = || FILES.iter().any(|(argument, _)| dag.gives(argument));
    let quotes_some = || {
        let below = |path: &ContentPath| {
            path.as_str().strip_prefix(folder(dag)).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
        };
        changed.iter().filter_map(below).any(|text| dag.may_quote(&text))
    };
    let all = |task: &Task| [named(dag, task), perhaps_named(dag, task)].concat();
    !changed.is_empty()
        && (names_some() || quotes_some())
        && dag.tasks.iter().any(|task| all(task).iter().any(|path| changed.contains(path)))
}

/// Template files that the deployed tree has and the proposed one has not.
pub(super) fn changes((deployed, dag): (&Snapshot, &Dag), (proposed, other): (&Snapshot, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    for task in &other.tasks {
        let Some((task_id, twin)) = task.task_id.exact().and_then(|id| Some((id, dag.task(id)?))) else { continue };
        let (had, perhaps_had) = (named(dag, twin), perhaps_named(dag, twin));
        let doubt = Certainty::Possible("whether its operator reads a template there is not known".to_owned());
        let sure = named(other, task).into_iter().map(|path| (path, &had, Certainty::Certain));
        let perhaps = perhaps_named(other, task).into_iter().map(|path| (path, &perhaps_had, doubt.clone()));
        for (path, had, certainty) in sure.chain(perhaps) {
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
                kind: Kind::Code(Code::TemplateFails(breach)),
                dags: vec![dag.dag_id.clone()],
                certainty,
                deployed: Some(twin.at.clone()),
                proposed: Some(task.at.clone()),
            });
        }
    }
    changes.extend(names::changes((deployed, dag), (proposed, other)));
    changes
}
