//! The DAG model as a tree for people.

use crate::content::Location;
use crate::dag::{Dag, Few, Group, Mapping, Model, Task};
use crate::ids::{GroupId, TaskId};
use crate::report::clean;
use std::collections::BTreeMap;
use std::fmt::Write;

/// More upstream tasks than this are counted, not named.
const NAMED: usize = 8;

/// The whole model: each DAG with its groups and tasks, what is not known, what does not import.
pub fn model_text(model: &Model) -> String {
    let mut out = String::new();
    for dag in &model.dags {
        dag_text(dag, &mut out);
        out.push('\n');
    }
    for error in &model.errors {
        line(&mut out, &format!("{} does not import: {}", place(&error.at), clean(&error.message)));
    }
    let complete = model.dags.iter().filter(|dag| dag.complete()).count();
    let errors = match model.errors.len() {
        0 => String::new(),
        1 => "; 1 file does not import".to_owned(),
        more => format!("; {more} files do not import"),
    };
    line(&mut out, &format!("{}, {complete} fully known{errors}", counted(model.dags.len(), "DAG")));
    out
}

/// A place as people and terminals know it: `dags/etl.py:3`.
pub(crate) fn place(at: &Location) -> String {
    format!("{}:{}", clean(at.path.as_str()), at.span.line)
}

/// `1 task`, `2 tasks`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}

fn dag_text(dag: &Dag, out: &mut String) {
    let known = if dag.complete() { "" } else { ", not fully known" };
    let tasks = counted(dag.tasks.len(), "task");
    line(out, &format!("{}  {}  ({tasks}{known})", clean(&dag.dag_id.to_string()), place(&dag.at)));
    for unknown in &dag.unknown {
        line(out, &format!("?  {}: {}", place(&unknown.at), clean(&unknown.reason)));
    }
    let tree = Tree::of(dag);
    let mut rows = Vec::new();
    tree.rows(None, "", &mut rows);
    let width = |column: fn(&Row) -> &String| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0);
    let (names, kinds) = (width(|row| &row.name).min(60), width(|row| &row.kind).min(48));
    for row in &rows {
        line(out, &format!("{:<names$}  {:<kinds$}  {}", row.name, row.kind, row.upstream));
    }
}

/// One task or group as it is shown.
struct Row {
    name: String,
    kind: String,
    upstream: String,
}

enum Member<'a> {
    Task(&'a Task),
    Group(&'a Group),
}

/// The members of each group, in the order in which they, or what is in them, were made.
struct Tree<'a> {
    members: BTreeMap<Option<&'a GroupId>, Vec<Member<'a>>>,
}

impl<'a> Tree<'a> {
    fn of(dag: &'a Dag) -> Self {
        let parents: BTreeMap<&GroupId, Option<&GroupId>> =
            dag.groups.iter().filter_map(|group| Some((group.group_id.exact()?, group.parent.as_ref()))).collect();
        // A group stands where its first task does; one without tasks comes last.
        let mut first: BTreeMap<&GroupId, usize> = BTreeMap::new();
        for (index, task) in dag.tasks.iter().enumerate() {
            let mut next = task.group.as_ref();
            while let Some(group) = next {
                if first.contains_key(group) {
                    break;
                }
                first.insert(group, index);
                next = parents.get(group).copied().flatten();
            }
        }
        let mut placed: BTreeMap<Option<&GroupId>, Vec<(usize, Member)>> = BTreeMap::new();
        for group in &dag.groups {
            let index = group.group_id.exact().and_then(|id| first.get(id)).copied().unwrap_or(usize::MAX);
            placed.entry(group.parent.as_ref()).or_default().push((index, Member::Group(group)));
        }
        for (index, task) in dag.tasks.iter().enumerate() {
            placed.entry(task.group.as_ref()).or_default().push((index, Member::Task(task)));
        }
        let members = placed.into_iter().map(|(group, mut members)| {
            members.sort_by_key(|(index, _)| *index);
            (group, members.into_iter().map(|(_, member)| member).collect())
        });
        Self { members: members.collect() }
    }

    fn rows(&self, group: Option<&GroupId>, indent: &str, rows: &mut Vec<Row>) {
        let Some(members) = self.members.get(&group) else { return };
        for (index, member) in members.iter().enumerate() {
            let last = index + 1 == members.len();
            let name = |id: String| format!("{indent}{} {}", if last { "└──" } else { "├──" }, clean(&id));
            match member {
                Member::Task(task) => rows.push(Row {
                    name: name(task.task_id.to_string()),
                    kind: kind(task),
                    upstream: upstream(&task.upstream),
                }),
                Member::Group(group) => {
                    let mapped = group.mapped.as_ref().map(|mapping| format!(", {}", over(mapping)));
                    rows.push(Row {
                        name: name(group.group_id.to_string()),
                        kind: format!("group{}", mapped.unwrap_or_default()),
                        upstream: String::new(),
                    });
                    if let Some(id) = group.group_id.exact() {
                        let indent = format!("{indent}{}", if last { "    " } else { "│   " });
                        self.rows(Some(id), &indent, rows);
                    }
                }
            }
        }
    }
}

fn kind(task: &Task) -> String {
    let mut kind = clean(&task.operator);
    if let Some(mapping) = &task.mapped {
        let _ = write!(kind, ", {}", over(mapping));
    }
    if let Some(rule) = &task.trigger_rule {
        let _ = write!(kind, ", {}", clean(rule));
    }
    kind
}

/// What something is mapped over: `mapped over x (3)`, `mapped over x (output of extract)`.
pub(crate) fn over(mapping: &Mapping) -> String {
    let all: Vec<String> = mapping
        .over
        .iter()
        .map(|over| {
            let arg = if mapping.kwargs { "kwargs" } else { over.arg.as_str() };
            let what = match over.length {
                Some(length) => length.to_string(),
                None if over.tasks.is_empty() => "not known".to_owned(),
                None => {
                    let tasks: Vec<&str> = over.tasks.iter().map(TaskId::as_str).collect();
                    format!("output of {}", tasks.join(", "))
                }
            };
            clean(&format!("{arg} ({what})"))
        })
        .collect();
    if all.is_empty() { "mapped".to_owned() } else { format!("mapped over {}", all.join(" × ")) }
}

fn upstream(ids: &Few<TaskId>) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let mut named: Vec<String> = ids.iter().take(NAMED).map(|id| clean(id.as_str())).collect();
    if ids.len() > NAMED {
        named.push(format!("{} more", ids.len() - NAMED));
    }
    format!("<- {}", named.join(", "))
}
