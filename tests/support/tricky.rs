//! The tricky cases of `testdata/model`: small content trees, what Airflow builds from each, and
//! what the model says. Both are texts of one form, so that a person can read and compare them.

use dagguard::content::{Layout, Snapshot};
use dagguard::dag::{Dag, Id, Mapping, Model};
use dagguard::git::working_tree;
use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

/// The releases that every case is about.
pub(crate) const VERSIONS: [&str; 3] = ["2.6.2", "2.11.2", "3.3.2"];

/// How a text begins where Airflow is not asked, because what it builds is not the same twice or
/// rests on the worker's Python; with the reason. What is known to be built may follow.
pub(crate) const NOT_ASKED: &str = "not asked: ";

/// One case.
pub(crate) struct TrickyCase {
    pub(crate) name: String,
    pub(crate) tree: Snapshot,
    folder: PathBuf,
}

/// `testdata/model`.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/model")
}

/// All cases, by name.
pub(crate) fn all() -> Vec<TrickyCase> {
    let mut cases: Vec<TrickyCase> = fs::read_dir(folder())
        .expect("testdata/model")
        .map(|entry| entry.expect("an entry of testdata/model").path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let name = folder.file_name().expect("a folder's name").to_string_lossy().into_owned();
            let tree = working_tree(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
            TrickyCase { name, tree, folder }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl TrickyCase {
    /// What that release builds: `airflow.txt`, or the file for it where releases differ.
    pub(crate) fn airflow(&self, version: &str) -> String {
        self.text("airflow", version).unwrap_or_else(|| panic!("{}: what does {version} build?", self.name))
    }

    /// What the model says for that release: `dagguard.txt`, or the file for it; without one, what
    /// Airflow builds.
    pub(crate) fn dagguard(&self, version: &str) -> String {
        self.text("dagguard", version).unwrap_or_else(|| {
            let text = self.airflow(version);
            match text.split_once('\n') {
                Some((first, rest)) if first.starts_with(NOT_ASKED) => rest.to_owned(),
                _ => text,
            }
        })
    }

    fn text(&self, stem: &str, version: &str) -> Option<String> {
        let major = version.split('.').next().unwrap_or(version);
        [format!("{stem}-{version}.txt"), format!("{stem}-{major}.txt"), format!("{stem}.txt")]
            .iter()
            .find_map(|name| fs::read_to_string(self.folder.join(name)).ok())
    }

    /// Texts beside the trees; none may be there for nothing.
    pub(crate) fn texts(&self) -> BTreeSet<String> {
        let names = fs::read_dir(&self.folder).expect("a case").map(|entry| entry.expect("an entry").file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".txt")).collect()
    }

    /// The model for that release, or for none in particular.
    pub(crate) fn model(&self, version: Option<&str>) -> Model {
        let version = version.map(|version| dagguard::ids::AirflowVersion::parse(version).expect("a version"));
        dagguard::dag::build(&self.tree, Layout::of(&self.tree), version)
    }
}

/// What is mapped over: the argument, the length of a literal, the tasks whose outputs are in it.
pub(crate) type Over = (String, Option<usize>, Vec<String>);

/// A text of one DAG or one error, under the file that it belongs to.
pub(crate) type Blocks = Vec<(String, String)>;

/// Blocks in one text, by file; DAGs before errors, DAGs by id.
pub(crate) fn text(mut blocks: Blocks) -> String {
    blocks.sort();
    if blocks.is_empty() {
        return "nothing\n".to_owned();
    }
    blocks.into_iter().map(|(_, block)| block).collect()
}

/// What the model says.
pub(crate) fn said(model: &Model) -> Blocks {
    let dags = model.dags.iter().map(|dag| (dag.file.to_string(), block(dag)));
    let errors = model.errors.iter().map(|error| {
        let file = error.at.path.to_string();
        let text = format!("error in {file}: line {}: {}\n", error.at.span.line, error.message);
        (file, text)
    });
    dags.chain(errors).collect()
}

fn block(dag: &Dag) -> String {
    let mut groups: Vec<String> = Vec::new();
    for group in &dag.groups {
        groups.push(group_line(&id(&group.group_id), group.parent.as_ref(), over(group.mapped.as_ref())));
    }
    let mut tasks: Vec<String> = Vec::new();
    for task in &dag.tasks {
        let facts = TaskLine {
            task_id: &id(&task.task_id),
            operator: &task.operator,
            group: task.group.as_ref().map(ToString::to_string),
            over: over(task.mapped.as_ref()),
            trigger_rule: task.trigger_rule.as_deref().unwrap_or("all_success"),
            multiple_outputs: task.multiple_outputs == Some(true),
            upstream: task.upstream.iter().map(ToString::to_string).collect(),
        };
        tasks.push(facts.to_string());
    }
    let mut text = dag_text(&id(&dag.dag_id), dag.file.as_str(), groups, tasks);
    for unknown in &dag.unknown {
        let file = if unknown.at.path == dag.file { String::new() } else { format!("{} ", unknown.at.path) };
        let _ = writeln!(text, "  not known, {file}line {}: {}", unknown.at.span.line, unknown.reason);
    }
    text
}

fn id<T: Display>(id: &Id<T>) -> String {
    match id {
        Id::Exact(id) => id.to_string(),
        Id::OneOf(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"),
        Id::Pattern { prefix, suffix } => format!("{prefix}*{suffix}"),
    }
}

fn over(mapping: Option<&Mapping>) -> Option<Vec<Over>> {
    let mapping = mapping?;
    let over = mapping.over.iter().map(|over| {
        let argument = if mapping.kwargs { "expand_kwargs".to_owned() } else { over.arg.clone() };
        (argument, over.length, over.tasks.iter().map(ToString::to_string).collect())
    });
    Some(over.collect())
}

/// A DAG as text.
pub(crate) fn dag_text(dag_id: &str, file: &str, mut groups: Vec<String>, mut tasks: Vec<String>) -> String {
    groups.sort();
    tasks.sort();
    let mut text = format!("dag {dag_id} in {file}\n");
    for line in groups.into_iter().chain(tasks) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// A group as text.
pub(crate) fn group_line(group_id: &str, parent: Option<&impl Display>, over: Option<Vec<Over>>) -> String {
    let parent = parent.map(|parent| format!(", in {parent}")).unwrap_or_default();
    format!("group {group_id}{parent}{}", mapped(over))
}

/// What is told of a task.
pub(crate) struct TaskLine<'a> {
    pub(crate) task_id: &'a str,
    pub(crate) operator: &'a str,
    pub(crate) group: Option<String>,
    pub(crate) over: Option<Vec<Over>>,
    pub(crate) trigger_rule: &'a str,
    pub(crate) multiple_outputs: bool,
    pub(crate) upstream: Vec<String>,
}

impl Display for TaskLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "task {}: {}", self.task_id, self.operator)?;
        if let Some(group) = &self.group {
            write!(f, ", in {group}")?;
        }
        f.write_str(&mapped(self.over.clone()))?;
        if self.trigger_rule != "all_success" {
            write!(f, ", {}", self.trigger_rule)?;
        }
        if self.multiple_outputs {
            f.write_str(", multiple outputs")?;
        }
        if !self.upstream.is_empty() {
            write!(f, ", after {}", self.upstream.join(" and "))?;
        }
        Ok(())
    }
}

fn mapped(over: Option<Vec<Over>>) -> String {
    let Some(mut over) = over else { return String::new() };
    over.sort();
    let parts = over.into_iter().map(|(argument, length, tasks)| {
        let length = length.map(|length| format!(" of {length}")).unwrap_or_default();
        let tasks = if tasks.is_empty() { String::new() } else { format!(" from {}", tasks.join(" and ")) };
        format!("{argument}{length}{tasks}")
    });
    format!(", mapped over {}", parts.collect::<Vec<_>>().join(" × "))
}

/// Keeps what was said beside what was expected, for whoever writes a case: below the target
/// directory, in files named as they would be in the case.
pub(crate) fn keep(case: &str, stem: &str, version: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model").join(case);
    fs::create_dir_all(&folder).expect("a writable target directory");
    fs::write(folder.join(format!("{stem}-{version}.txt")), text).expect("a writable target directory");
}
