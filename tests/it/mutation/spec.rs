//! A DAG as its author thinks of it, from which its text is written: what each task does stays
//! known, whatever the text is changed to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Where a task stands at the moment of the change, given that the gate is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Upstream of the gate: done.
    Before,
    /// The task that runs.
    Gate,
    /// Downstream of the gate: waiting.
    After,
}

/// What a task returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number,
    Text,
    Keys(Vec<&'static str>),
}

/// How a task uses the value that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// `x + 1`
    Number,
    /// `"id-" + x`
    Text,
    /// `x["a"]`
    Key(&'static str),
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Waits until the change is delivered.
    Gate,
    /// Leaves one mark.
    Plain,
    /// Leaves a mark and returns a value.
    Produce(Value),
    /// Takes the value of the task with that key.
    Consume(usize, Reads),
    /// Leaves a mark for each element; waits at the one at that index, if any.
    Mapped(Vec<String>, Option<usize>),
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// What it is known by here, whatever its id.
    pub(crate) key: usize,
    /// The last part of its id.
    pub(crate) name: String,
    pub(crate) group: Option<&'static str>,
    pub(crate) place: Place,
    pub(crate) work: Work,
    /// `trigger_rule`, if one is written.
    pub(crate) rule: Option<&'static str>,
}

impl Task {
    pub(crate) fn id(&self) -> String {
        match self.group {
            Some(group) => format!("{group}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// How the text is written, where there are several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way of writing that goes with each other")]
pub(crate) struct Style {
    /// Ids are the names of functions, where nothing speaks against it.
    pub(crate) function_names: bool,
    /// Plain tasks are made by `PythonOperator`.
    pub(crate) classic: bool,
    /// Edges by `set_downstream`.
    pub(crate) methods: bool,
    pub(crate) single_quotes: bool,
}

/// A DAG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) dag_id: String,
    /// In the order of the text.
    pub(crate) tasks: Vec<Task>,
    /// By keys.
    pub(crate) edges: BTreeSet<(usize, usize)>,
    pub(crate) style: Style,
}

impl Spec {
    pub(crate) fn task(&self, key: usize) -> &Task {
        self.tasks.iter().find(|task| task.key == key).expect("a spec holds its keys")
    }

    pub(crate) fn task_mut(&mut self, key: usize) -> &mut Task {
        self.tasks.iter_mut().find(|task| task.key == key).expect("a spec holds its keys")
    }

    /// The keys of tasks at that place.
    pub(crate) fn at(&self, place: Place) -> Vec<usize> {
        self.tasks.iter().filter(|task| task.place == place).map(|task| task.key).collect()
    }

    /// The tasks that take the value of that one.
    pub(crate) fn consumers(&self, key: usize) -> Vec<usize> {
        let takes = |task: &&Task| matches!(task.work, Work::Consume(from, _) if from == key);
        self.tasks.iter().filter(takes).map(|task| task.key).collect()
    }

    /// Direct upstream tasks, by edge or by value.
    pub(crate) fn upstream(&self, key: usize) -> BTreeSet<usize> {
        let mut up: BTreeSet<usize> = self.edges.iter().filter(|(_, down)| *down == key).map(|(up, _)| *up).collect();
        if let Work::Consume(from, _) = self.task(key).work {
            up.insert(from);
        }
        up
    }

    /// Whether the one is, directly or not, upstream of the other.
    pub(crate) fn leads(&self, from: usize, to: usize) -> bool {
        let mut open: Vec<usize> = self.upstream(to).into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(key) = open.pop() {
            if key == from {
                return true;
            }
            if seen.insert(key) {
                open.extend(self.upstream(key));
            }
        }
        false
    }

    /// Takes a task out, and leads its upstream to its downstream.
    pub(crate) fn drop_task(&mut self, key: usize) {
        let up = self.upstream(key);
        let down: Vec<usize> = self.edges.iter().filter(|(up, _)| *up == key).map(|(_, down)| *down).collect();
        self.edges.retain(|(a, b)| *a != key && *b != key);
        for from in up {
            self.edges.extend(down.iter().map(|to| (from, *to)));
        }
        self.tasks.retain(|task| task.key != key);
    }

    /// The state of each instance while the gate runs: `(id, map index, state)`.
    pub(crate) fn states(&self) -> Vec<(String, i64, &'static str)> {
        let mut states = Vec::new();
        for task in &self.tasks {
            let state = match task.place {
                Place::Before => "success",
                Place::Gate => "running",
                Place::After => "none",
            };
            match &task.work {
                Work::Mapped(items, gate) => {
                    for index in 0..items.len() {
                        let state = match gate {
                            Some(at) if index < *at => "success",
                            Some(at) if index > *at => "scheduled",
                            _ => state,
                        };
                        states.push((task.id(), i64::try_from(index).expect("lists are short"), state));
                    }
                }
                _ => states.push((task.id(), -1, state)),
            }
        }
        states
    }

    /// The DAG file.
    pub(crate) fn text(&self) -> String {
        let mut out = String::from("from datetime import datetime\n\nfrom airflow import DAG\n");
        if self.style.classic {
            out.push_str("from airflow.operators.python import PythonOperator\n");
        }
        out.push_str("from airflow.decorators import task\n");
        if self.tasks.iter().any(|task| task.group.is_some()) {
            out.push_str("from airflow.utils.task_group import TaskGroup\n");
        }
        out.push_str("from oraclelib import record, wait_gate\n");
        for task in &self.tasks {
            self.function(task, &mut out);
        }
        let _ = write!(
            out,
            "\n\nwith DAG(\"{}\", schedule=None, start_date=datetime(2024, 1, 1), catchup=False) as dag:\n",
            self.dag_id
        );
        let groups: BTreeSet<&str> = self.tasks.iter().filter_map(|task| task.group).collect();
        for group in groups {
            let _ = writeln!(out, "    {group} = TaskGroup(\"{group}\")");
        }
        let mut done = BTreeSet::new();
        for task in &self.tasks {
            self.make(task, &mut done, &mut out);
        }
        for (up, down) in &self.edges {
            let _ = if self.style.methods {
                writeln!(out, "    t{up}.set_downstream(t{down})")
            } else {
                writeln!(out, "    t{up} >> t{down}")
            };
        }
        if self.style.single_quotes { out.replace('"', "'") } else { out }
    }

    fn is_classic(&self, task: &Task) -> bool {
        self.style.classic && task.work == Work::Plain
    }

    /// The name of the task's function: its id, where the id comes from it.
    fn function_name(&self, task: &Task) -> String {
        if self.style.function_names && !self.is_classic(task) { task.name.clone() } else { format!("do_{}", task.key) }
    }

    fn function(&self, task: &Task, out: &mut String) {
        let mut options = Vec::new();
        if !self.style.function_names {
            options.push(format!("task_id=\"{}\"", task.name));
        }
        if let Some(rule) = task.rule {
            options.push(format!("trigger_rule=\"{rule}\""));
        }
        if matches!(task.work, Work::Mapped(_, Some(_))) {
            options.push("max_active_tis_per_dagrun=1".to_string());
        }
        out.push_str("\n\n");
        if !self.is_classic(task) {
            let _ = match options.as_slice() {
                [] => writeln!(out, "@task"),
                options => writeln!(out, "@task({})", options.join(", ")),
            };
        }
        let parameter = if matches!(task.work, Work::Consume(..) | Work::Mapped(..)) { "x" } else { "" };
        let _ = writeln!(out, "def {}({parameter}):", self.function_name(task));
        let key = task.key;
        let _ = match &task.work {
            Work::Gate => writeln!(out, "    wait_gate()"),
            Work::Plain => writeln!(out, "    record(\"work {key}\", {key})"),
            Work::Produce(value) => {
                let value = match value {
                    Value::Number => "7".to_string(),
                    Value::Text => "\"seven\"".to_string(),
                    Value::Keys(keys) => {
                        let all: Vec<String> = keys.iter().map(|key| format!("\"{key}\": 7")).collect();
                        format!("{{{}}}", all.join(", "))
                    }
                };
                writeln!(out, "    record(\"work {key}\", {key})\n    return {value}")
            }
            Work::Consume(_, reads) => {
                let used = match reads {
                    Reads::Number => "x + 1".to_string(),
                    Reads::Text => "\"id-\" + x".to_string(),
                    Reads::Key(key) => format!("x[\"{key}\"]"),
                };
                writeln!(out, "    value = {used}\n    record(\"work {key}\", {key})\n    return value")
            }
            Work::Mapped(items, gate) => {
                if let Some(item) = gate.and_then(|at| items.get(at)) {
                    let _ = writeln!(out, "    if x == \"{item}\":\n        wait_gate()");
                }
                writeln!(out, "    record(\"work {key} \" + x, {key})")
            }
        };
    }

    fn make(&self, task: &Task, done: &mut BTreeSet<usize>, out: &mut String) {
        if !done.insert(task.key) {
            return;
        }
        if let Work::Consume(from, _) = task.work {
            self.make(self.task(from), done, out);
        }
        let function = self.function_name(task);
        let call = match &task.work {
            Work::Consume(from, _) => format!("{function}(t{from})"),
            Work::Mapped(items, _) => {
                let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
                format!("{function}.expand(x=[{}])", items.join(", "))
            }
            _ if self.is_classic(task) => {
                let rule = task.rule.map(|rule| format!(", trigger_rule=\"{rule}\"")).unwrap_or_default();
                format!("PythonOperator(task_id=\"{}\", python_callable={function}{rule})", task.name)
            }
            _ => format!("{function}()"),
        };
        let _ = match task.group {
            Some(group) => writeln!(out, "    with {group}:\n        t{} = {call}", task.key),
            None => writeln!(out, "    t{} = {call}", task.key),
        };
    }
}
