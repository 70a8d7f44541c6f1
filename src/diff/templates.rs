//! Template files: texts beside a DAG file that an argument names (`bash_command="load.sh"`) and that Airflow
//! reads and renders when the task starts.

use super::kind::Breach;
use super::{Certainty, Change, Code, Kind, Side};
use crate::content::{ContentPath, Snapshot};
use crate::dag::exchange::template;
use crate::dag::options;
use crate::dag::{Dag, Task};
use std::borrow::Cow;
use std::cell::OnceCell;
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

/// Whether what an argument names is a file beside the DAG for certain: of an operator of Airflow's own, in a DAG
/// that names no other folders.
fn is_beside(dag: &Dag, task: &Task) -> bool {
    let known = dag.options.get(options::MORE).is_none() && !names_folders(dag);
    known && task.operator_path.as_deref().is_some_and(|path| path.starts_with("airflow."))
}

/// Whether a DAG names other folders in which its template files may lie.
fn names_folders(dag: &Dag) -> bool {
    dag.options.get("template_searchpath").is_some_and(|folders| folders != "None")
}

/// A command that ends like the name of a file, which Airflow then takes it for, whole (read in 2.6.2, 2.11.2 and
/// 3.3.2): `bash load.sh`. A blank behind it makes it a command.
fn taken_for_file(task: &Task) -> Option<String> {
    let text = task.arguments.get("bash_command")?.strip_prefix('"')?.strip_suffix('"')?;
    let is_bash = task.operator == "BashOperator" && text.contains(' ') && !text.contains(['\\', '{']);
    (is_bash && ends(&[".sh", ".bash"])(text)).then(|| text.to_owned())
}

/// Template files that the deployed tree has and the proposed one has not.
pub(super) fn changes((had, dag): (Side, &Dag), (has, other): (Side, &Dag)) -> Vec<Change> {
    let mut changes = Vec::new();
    let (deployed, proposed) = (had.snapshot, has.snapshot);
    // Files that a deployed task reads and the tree does not have lie elsewhere, and so may those that are new.
    let all_there = OnceCell::new();
    let all_there = || {
        *all_there.get_or_init(|| {
            dag.tasks.iter().flat_map(|task| named(dag, task)).all(|path| deployed.get(&path).is_some())
        })
    };
    for task in &other.tasks {
        let Some((task_id, twin)) = task.task_id.exact().and_then(|id| Some((id, dag.task(id)?))) else { continue };
        let (had, perhaps_had) = (named(dag, twin), perhaps_named(dag, twin));
        let doubt = Certainty::Possible("whether its operator reads a template there is not known".to_owned());
        let sure = named(other, task).into_iter().map(|path| (path, &had, Certainty::Certain));
        let perhaps = perhaps_named(other, task).into_iter().map(|path| (path, &perhaps_had, doubt.clone()));
        let missing = sure.chain(perhaps).filter(|(path, had, certainty)| {
            let there = had.iter().any(|path| deployed.get(path).is_some());
            // A file that is named now and was not: where else it may lie, the DAG would say, as it did.
            let beside = *certainty == Certainty::Certain && is_beside(other, task);
            let new = beside && !had.contains(path) && all_there();
            let left = beside && names_folders(dag);
            proposed.get(path).is_none() && (there || new || left)
        });
        let missing: Vec<_> = missing.map(|(path, _, certainty)| (path.to_string(), certainty)).collect();
        let taken = taken_for_file(task).filter(|text| taken_for_file(twin).as_ref() != Some(text));
        let taken = taken.filter(|_| is_beside(other, task)).map(|text| (text, Certainty::Certain));
        for (path, certainty) in missing.into_iter().chain(taken) {
            let breach = Breach {
                tasks: vec![task_id.clone()],
                within: path.clone(),
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
    changes.extend(names::changes((deployed, dag), (proposed, other), has.model.sources.airflow()));
    changes
}
