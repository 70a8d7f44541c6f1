//! How a DAG came about, for people and as JSON.

use super::text::{counted, over, place};
use crate::content::Location;
use crate::dag::{Circumstance, Explanation, Given, Id, Mapping, Origin, Quote, Source};
use crate::ids::TaskId;
use crate::report::clean;
use serde_json::{Value, json};
use std::fmt::Write;

/// More dependencies of one task than this are counted, not shown.
const SHOWN: usize = 12;

/// Several explanations, one after the other.
pub fn explanation_text(explanations: &[Explanation]) -> String {
    let texts: Vec<String> = explanations.iter().map(one).collect();
    texts.join("\n")
}

fn one(explanation: &Explanation) -> String {
    let Explanation { dag, origin, tasks, groups, left_out, .. } = explanation;
    let mut out = String::new();
    let known = if dag.complete() { "fully known" } else { "not fully known" };
    let mut page = Page { out: &mut out, rows: Vec::new() };
    page.title(&format!("DAG {}, {known}", dag.dag_id));
    page.origin(origin, &dag.dag_id.to_string(), "DAG");
    let members = [counted(dag.tasks.len(), "task"), counted(groups.len(), "group")];
    page.row(0, "holds", &members[..if groups.is_empty() { 1 } else { 2 }].join(" and "), None);
    page.end();
    for (unknown, quote) in dag.unknown.iter().zip(&explanation.unknown) {
        page.title(&format!("? {}", unknown.reason));
        page.row(0, "at", &quote.text, Some(&unknown.at));
        page.row(0, "to know", advice(&unknown.reason), None);
        page.end();
    }
    for left in left_out {
        page.title(&format!("task {}, left out: whether it is made is not known", left.task_id));
        page.row(0, "made by", &left.made.text, Some(&left.made.at));
        page.end();
    }
    for (group, origin) in dag.groups.iter().zip(groups) {
        page.title(&format!("group {}", group.group_id));
        page.origin(origin, &group.group_id.to_string(), "group");
        page.mapping(group.mapped.as_ref(), origin);
        page.end();
    }
    for (task, origin) in dag.tasks.iter().zip(tasks) {
        page.title(&format!("task {} ({})", task.task_id, task.operator));
        page.origin(origin, &task.task_id.to_string(), "task");
        page.mapping(task.mapped.as_ref(), origin);
        page.edges(explanation, &task.task_id);
        page.end();
    }
    out
}

/// A page whose rows are lined up within each section.
struct Page<'o> {
    out: &'o mut String,
    rows: Vec<(String, String)>,
}

impl Page<'_> {
    fn title(&mut self, title: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{}", clean(title));
    }

    /// A row: its label (or none, to go on), what it says, and where that is written.
    fn row(&mut self, depth: usize, label: &str, text: &str, at: Option<&Location>) {
        let text = format!("  {label:<8} {:indent$}{}", "", clean(text), indent = depth * 2);
        self.rows.push((text, at.map(place).unwrap_or_default()));
    }

    /// A row whose value is written elsewhere.
    fn row_written(&mut self, depth: usize, label: &str, text: &str, at: &Location, written: Option<&Location>) {
        self.row(depth, label, text, Some(at));
        if let (Some(written), Some((_, place_of_row))) =
            (written.filter(|written| *written != at), self.rows.last_mut())
        {
            let _ = write!(place_of_row, ", written at {}", place(written));
        }
    }

    fn end(&mut self) {
        /// Rows beyond this width are not waited for.
        const WIDEST: usize = 84;
        let width = |text: &str| text.chars().count();
        let column = self.rows.iter().map(|(text, _)| width(text)).filter(|width| *width <= WIDEST).max().unwrap_or(0);
        for (text, place) in self.rows.drain(..) {
            let line = format!("{text:<column$}  {place}");
            let _ = writeln!(self.out, "{}", line.trim_end());
        }
    }

    fn origin(&mut self, origin: &Origin, id: &str, what: &str) {
        match &origin.id {
            Some(quote) => self.row(0, "id", &id_text(quote, origin, id), Some(&quote.at)),
            None if what == "DAG" && origin.made.text.is_empty() => {}
            None => self.row(0, "id", "not given", Some(&origin.made.at)),
        }
        for given in &origin.given {
            self.row_written(given.depth + 1, "", &given_text(given), &given.quote.at, given.written.as_ref());
        }
        if let Some(prefix) = &origin.prefix {
            self.row(1, "", &format!("in the group `{prefix}`, so with its id before it"), None);
        }
        if let Some(taken) = &origin.taken {
            let asked = origin.asked.as_deref().unwrap_or_default();
            self.row(1, "", &format!("`{asked}` was taken already, so with a number behind it"), Some(taken));
        }
        if !origin.made.text.is_empty() {
            self.row(0, "made by", &origin.made.text, Some(&origin.made.at));
        }
        for (index, around) in origin.around.iter().rev().enumerate() {
            let label = if index == 0 { "within" } else { "" };
            match around {
                Circumstance::Call { function, quote } => {
                    self.row(0, label, &format!("{}: a call of `{function}`", quote.text), Some(&quote.at));
                }
                Circumstance::Turn { turn, of, element, quote, written } => {
                    let text = format!("for {}: turn {turn} of {of}, {element}", quote.text);
                    self.row_written(0, label, &text, &quote.at, written.as_ref());
                }
                Circumstance::Condition { holds, quote } => {
                    let holds = if *holds { "is true" } else { "is false" };
                    self.row(0, label, &format!("if {}: {holds}", quote.text), Some(&quote.at));
                }
            }
        }
    }

    fn mapping(&mut self, mapping: Option<&Mapping>, origin: &Origin) {
        let Some(mapping) = mapping else { return };
        let over = over(mapping);
        self.row(0, "mapped", over.strip_prefix("mapped ").unwrap_or(&over), Some(&mapping.at));
        for (over, quote) in mapping.over.iter().zip(&origin.mapped) {
            let text = if over.arg.is_empty() { quote.text.clone() } else { format!("{}={}", over.arg, quote.text) };
            self.row(1, "", &text, Some(&quote.at));
        }
    }

    fn edges(&mut self, explanation: &Explanation, task_id: &Id<TaskId>) {
        let Some(task_id) = task_id.exact() else { return };
        let edges = explanation.dag.edges.iter().zip(&explanation.edges).filter(|(edge, _)| edge.down == *task_id);
        let edges: Vec<_> = edges.collect();
        for (index, (edge, quote)) in edges.iter().take(SHOWN).enumerate() {
            let label = if index == 0 { "after" } else { "" };
            let why = match edge.declared {
                crate::dag::Declared::Dependency => "",
                crate::dag::Declared::Argument => "its output in ",
                crate::dag::Declared::Setup => "within a setup or teardown: ",
            };
            self.row(0, label, &format!("{}: {why}{}", edge.up, quote.text), Some(&edge.at));
        }
        if edges.len() > SHOWN {
            self.row(0, "", &format!("{} more", edges.len() - SHOWN), None);
        }
    }
}

/// The expression of an id; what it gives, where that is not the same to read.
fn id_text(quote: &Quote, origin: &Origin, id: &str) -> String {
    let unquoted = quote.text.trim_matches(['"', '\'']);
    match &origin.asked {
        Some(asked) if asked == unquoted => quote.text.clone(),
        Some(asked) => format!("{} = \"{asked}\"", quote.text),
        None => format!("{}, which gives {id}", quote.text),
    }
}

fn given_text(given: &Given) -> String {
    let Given { name, value, quote, .. } = given;
    let same =
        quote.text == *value || quote.text == *name || quote.text.trim_matches(['"', '\'']) == value.trim_matches('"');
    match &given.source {
        Source::Assigned if same => format!("{name} = {value}"),
        Source::Assigned => format!("{name} = {value}, from {}", quote.text),
        Source::Element { turn, of } => format!("{name} = {value}, turn {turn} of {of}: for {}", quote.text),
        Source::Argument { function } if same => format!("{name} = {value}, argument of `{function}`"),
        Source::Argument { function } => format!("{name} = {value}, argument of `{function}`: {}", quote.text),
        Source::Default { function } => format!("{name} = {value}, default in `{function}`"),
        Source::Imported => format!("{name} = {value}, imported"),
        Source::NotKnown => format!("{name}: {value}"),
    }
}

/// What would make something known, by the reason why it is not.
fn advice(reason: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["environ", "getenv", "environment variable"]) {
        "a constant in the tree in place of the variable of the environment, which differs from host to host"
    } else if has(&["Variable", "Connection", "get_connection"]) {
        "a constant in the tree in place of what Airflow's database holds"
    } else if has(&[
        "listdir",
        "glob",
        "iterdir",
        "scandir",
        "walk",
        "exists",
        "isfile",
        "isdir",
        "the file `",
        "the folder `",
    ]) {
        "a list or constant in the tree in place of the files of a host"
    } else if has(&["open", "read_text", "load"]) && has(&["result of"]) {
        "a file of the tree that is found from `__file__`, or the content as Python"
    } else if has(&[".now`", ".today`", ".utcnow`", "random", "uuid"]) {
        "a value that is the same whenever the file is parsed"
    } else if has(&["too much", "too many", "too long", "too deeply"]) {
        "less work while the file is parsed: a bound of the evaluation was reached"
    } else if has(&["is not in the tree", "outside the tree", "may be a DAG", "may hold the DAG"]) {
        "the code in the tree, or an operator called directly in place of a function that makes it"
    } else if has(&["used twice", "same id"]) {
        "ids that are not used twice"
    } else if has(&["is not evaluated", "not held"]) {
        "a plainer way to write it: this form is not evaluated"
    } else {
        "a value that the text of the tree holds"
    }
}

/// Several explanations as JSON.
pub fn explanation_json(explanations: &[Explanation]) -> Value {
    let all: Vec<Value> = explanations.iter().map(explanation).collect();
    json!({ "schema_version": 1, "explanations": all })
}

fn explanation(explanation: &Explanation) -> Value {
    let dag = &explanation.dag;
    let unknown = dag.unknown.iter().enumerate().map(|(index, unknown)| {
        let text = explanation.unknown.get(index).map_or("", |quote| quote.text.as_str());
        let at = &unknown.at;
        json!({
            "reason": unknown.reason, "to_know": advice(&unknown.reason),
            "text": text, "file": at.path.as_str(), "line": at.span.line,
        })
    });
    let edges = dag.edges.iter().zip(&explanation.edges).map(|(edge, quote)| {
        let mut entry = quoted(quote);
        entry["up"] = edge.up.as_str().into();
        entry["down"] = edge.down.as_str().into();
        entry["declared"] = super::declared(edge.declared).into();
        entry
    });
    let groups = dag.groups.iter().zip(&explanation.groups).map(|(group, origin)| {
        let mut entry = origin_json(origin);
        entry["group_id"] = group.group_id.exact().map_or(Value::Null, |id| id.as_str().into());
        entry
    });
    let tasks = dag.tasks.iter().zip(&explanation.tasks).map(|(task, origin)| {
        let mut entry = origin_json(origin);
        entry["task_id"] = task.task_id.exact().map_or(Value::Null, |id| id.as_str().into());
        entry
    });
    let left_out = explanation.left_out.iter().map(|left| {
        let mut entry = quoted(&left.made);
        entry["task_id"] = left.task_id.exact().map_or(Value::Null, |id| id.as_str().into());
        entry
    });
    let mut entry = origin_json(&explanation.origin);
    entry["dag_id"] = dag.dag_id.exact().map_or(Value::Null, |id| id.as_str().into());
    entry["complete"] = dag.complete().into();
    entry["unknown"] = unknown.collect();
    entry["groups"] = groups.collect();
    entry["tasks"] = tasks.collect();
    entry["edges"] = edges.collect();
    entry["left_out"] = left_out.collect();
    entry
}

fn quoted(quote: &Quote) -> Value {
    json!({ "text": quote.text, "file": quote.at.path.as_str(), "line": quote.at.span.line })
}

fn located(at: Option<&Location>) -> Value {
    at.map_or(Value::Null, |at| json!({ "file": at.path.as_str(), "line": at.span.line }))
}

fn origin_json(origin: &Origin) -> Value {
    let given: Vec<Value> = origin
        .given
        .iter()
        .map(|given| {
            let mut entry = quoted(&given.quote);
            entry["name"] = given.name.as_str().into();
            entry["value"] = given.value.as_str().into();
            entry["written"] = located(given.written.as_ref());
            entry["depth"] = given.depth.into();
            let (source, function) = match &given.source {
                Source::Assigned => ("assigned", None),
                Source::Element { turn, of } => {
                    (entry["turn"], entry["turns"]) = ((*turn).into(), (*of).into());
                    ("element", None)
                }
                Source::Argument { function } => ("argument", Some(function)),
                Source::Default { function } => ("default", Some(function)),
                Source::Imported => ("imported", None),
                Source::NotKnown => ("not-known", None),
            };
            entry["source"] = source.into();
            if let Some(function) = function {
                entry["function"] = function.as_str().into();
            }
            entry
        })
        .collect();
    let around: Vec<Value> = origin.around.iter().map(circumstance).collect();
    json!({
        "made_by": quoted(&origin.made),
        "id": origin.id.as_ref().map_or(Value::Null, quoted),
        "asked": origin.asked,
        "prefix": origin.prefix.as_ref().map(crate::ids::GroupId::as_str),
        "taken": located(origin.taken.as_ref()),
        "mapped": origin.mapped.iter().map(quoted).collect::<Vec<_>>(),
        "given": given,
        "within": around,
    })
}

fn circumstance(around: &Circumstance) -> Value {
    match around {
        Circumstance::Call { function, quote } => {
            let mut entry = quoted(quote);
            (entry["kind"], entry["function"]) = ("call".into(), function.as_str().into());
            entry
        }
        Circumstance::Turn { turn, of, element, quote, written } => {
            let mut entry = quoted(quote);
            entry["kind"] = "turn".into();
            (entry["turn"], entry["turns"]) = ((*turn).into(), (*of).into());
            (entry["element"], entry["written"]) = (element.as_str().into(), located(written.as_ref()));
            entry
        }
        Circumstance::Condition { holds, quote } => {
            let mut entry = quoted(quote);
            (entry["kind"], entry["holds"]) = ("condition".into(), (*holds).into());
            entry
        }
    }
}
