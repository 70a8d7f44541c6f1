//! The DAG model as a graph: Mermaid for Markdown pages, DOT for Graphviz.
//!
//! Invariant: nodes have names of our own and every id is a label, escaped for the language, so
//! that any id is legal in either.

use crate::dag::{Dag, Group, Model, Task};
use crate::ids::{GroupId, TaskId};
use crate::report::clean;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The languages.
#[derive(Clone, Copy)]
enum Language {
    Mermaid,
    Dot,
}

/// The model as a Mermaid flow chart.
pub fn mermaid(model: &Model) -> String {
    let mut out = String::from("flowchart LR\n");
    model.dags.iter().enumerate().for_each(|(index, dag)| Graph::new(Language::Mermaid, dag, index).write(&mut out));
    out
}

/// The model in Graphviz' language.
pub fn dot(model: &Model) -> String {
    let mut out = String::from("digraph dags {\n  rankdir=LR\n  node [shape=box, style=rounded]\n");
    model.dags.iter().enumerate().for_each(|(index, dag)| Graph::new(Language::Dot, dag, index).write(&mut out));
    out.push_str("}\n");
    out
}

struct Graph<'a> {
    language: Language,
    dag: &'a Dag,
    /// The DAG's number; every name in its graph begins with it.
    number: usize,
    /// Tasks by the group around them, with their numbers.
    tasks: BTreeMap<Option<&'a GroupId>, Vec<(usize, &'a Task)>>,
    groups: BTreeMap<Option<&'a GroupId>, Vec<(usize, &'a Group)>>,
}

impl<'a> Graph<'a> {
    fn new(language: Language, dag: &'a Dag, number: usize) -> Self {
        let mut tasks: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, task) in dag.tasks.iter().enumerate() {
            tasks.entry(task.group.as_ref()).or_default().push((index, task));
        }
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, group) in dag.groups.iter().enumerate() {
            groups.entry(group.parent.as_ref()).or_default().push((index, group));
        }
        Self { language, dag, number, tasks, groups }
    }

    fn write(&self, out: &mut String) {
        let known = if self.dag.complete() { "" } else { " (not fully known)" };
        let title = format!("{}{known}", self.dag.dag_id);
        self.open(&format!("d{}", self.number), &title, 1, out);
        self.members(None, 2, out);
        if self.dag.tasks.is_empty() {
            // Neither language draws a box around nothing.
            self.node(&format!("d{}none", self.number), "no tasks known", false, 2, out);
        }
        self.close(1, out);
        let names: BTreeMap<&TaskId, usize> = (self.dag.tasks.iter().enumerate())
            .filter_map(|(index, task)| Some((task.task_id.exact()?, index)))
            .collect();
        for edge in &self.dag.edges {
            if let (Some(up), Some(down)) = (names.get(&edge.up), names.get(&edge.down)) {
                let arrow = match self.language {
                    Language::Mermaid => "-->",
                    Language::Dot => "->",
                };
                line(out, 1, &format!("{} {arrow} {}", self.task_name(*up), self.task_name(*down)));
            }
        }
    }

    fn task_name(&self, task: usize) -> String {
        format!("d{}t{task}", self.number)
    }

    fn members(&self, group: Option<&GroupId>, depth: usize, out: &mut String) {
        for (index, task) in self.tasks.get(&group).into_iter().flatten() {
            self.node(&self.task_name(*index), &task.task_id.to_string(), task.mapped.is_some(), depth, out);
        }
        for (index, group) in self.groups.get(&group).into_iter().flatten() {
            let name = format!("d{}g{index}", self.number);
            self.open(&name, &group.group_id.to_string(), depth, out);
            let members = group.group_id.exact();
            match members.filter(|id| self.tasks.contains_key(&Some(*id)) || self.groups.contains_key(&Some(*id))) {
                Some(id) => self.members(Some(id), depth + 1, out),
                None => self.node(&format!("{name}none"), "no tasks known", false, depth + 1, out),
            }
            self.close(depth, out);
        }
    }

    fn open(&self, name: &str, label: &str, depth: usize, out: &mut String) {
        match self.language {
            Language::Mermaid => line(out, depth, &format!("subgraph {name}[\"{}\"]", mermaid_label(label))),
            Language::Dot => {
                line(out, depth, &format!("subgraph cluster_{name} {{"));
                line(out, depth + 1, &format!("label=\"{}\"", dot_label(label)));
            }
        }
    }

    fn close(&self, depth: usize, out: &mut String) {
        line(
            out,
            depth,
            match self.language {
                Language::Mermaid => "end",
                Language::Dot => "}",
            },
        );
    }

    /// A task; a mapped one looks like several.
    fn node(&self, name: &str, label: &str, mapped: bool, depth: usize, out: &mut String) {
        let text = match (self.language, mapped) {
            (Language::Mermaid, false) => format!("{name}[\"{}\"]", mermaid_label(label)),
            (Language::Mermaid, true) => format!("{name}[[\"{}\"]]", mermaid_label(label)),
            (Language::Dot, false) => format!("{name} [label=\"{}\"]", dot_label(label)),
            (Language::Dot, true) => format!("{name} [label=\"{}\", peripheries=2]", dot_label(label)),
        };
        line(out, depth, &text);
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}

/// A text within the quotes of a Mermaid label, where `#…;` is a character by its name or number
/// and a page's own HTML and Markdown would otherwise be read.
fn mermaid_label(text: &str) -> String {
    let mut label = String::new();
    for c in clean(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | ',' | ':' | '/' | '(' | ')' | '|' | '…') {
            label.push(c);
        } else {
            let _ = write!(label, "#{};", u32::from(c));
        }
    }
    if label.trim().is_empty() { "#32;".to_owned() } else { label }
}

/// A text within the quotes of a DOT label, where a backslash begins a layout command and `&…;`
/// is a character by its name.
fn dot_label(text: &str) -> String {
    let mut label = String::new();
    for c in clean(text).chars() {
        match c {
            '"' => label.push_str("\\\""),
            '\\' => label.push_str("\\\\"),
            '&' => label.push_str("&amp;"),
            c => label.push(c),
        }
    }
    label
}
