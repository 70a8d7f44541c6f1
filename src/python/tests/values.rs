//! What the interpreter computes, against what CPython computes.

#![expect(clippy::disallowed_methods, reason = "reads a table of the tests and asks the Python at hand")]

use crate::content::{ContentPath, File, ImportOrder, Layout, Revision, Snapshot};
use crate::python::interpret::{Host, HostRef, Interp};
use crate::python::syntax::BinaryOp;
use crate::python::tree::{Delivered, Tree};
use crate::python::value::{Args, At, Ref, Stop, Value};
use std::sync::Arc;

/// The modules that the expressions use.
const PRELUDE: &str = "import base64, calendar, collections, copy, csv, datetime, fnmatch, functools, hashlib, \
itertools, json, math, operator, os, pathlib, re, string, textwrap, uuid\n";

/// A world in which nothing outside of Python has a meaning.
struct Nothing;

impl Host for Nothing {
    fn offers(&self, _: &str) -> Option<bool> {
        Some(true)
    }
    fn exists(&self, _: &str) -> Option<bool> {
        None
    }
    fn constant(&self, _: &str) -> Option<Value> {
        None
    }
    fn differ(&self, _: &str, _: &str) -> bool {
        false
    }
    fn is_a(&self, _: HostRef, _: &str) -> Option<bool> {
        None
    }
    fn has(&self, _: HostRef, _: &str) -> Option<bool> {
        None
    }
    fn call(_: &mut Interp<Self>, _: &str, _: &Args, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn call_object(_: &mut Interp<Self>, _: HostRef, _: &Args, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn method(_: &mut Interp<Self>, _: HostRef, _: &str, _: &Args, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn attribute(_: &mut Interp<Self>, _: HostRef, _: &str, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn set_attribute(_: &mut Interp<Self>, _: HostRef, _: &str, _: &Value, _: At) {}
    fn subscript(_: &mut Interp<Self>, _: HostRef, _: &Value, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn binary(_: &mut Interp<Self>, _: BinaryOp, _: &Value, _: &Value, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn enter(_: &mut Interp<Self>, _: HostRef, _: At) -> Result<Option<Value>, Stop> {
        Ok(None)
    }
    fn exit(_: &mut Interp<Self>, _: HostRef, _: At) -> Result<(), Stop> {
        Ok(())
    }
    fn construct(_: &mut Interp<Self>, _: Ref, _: &str, _: &Args, _: At) -> Result<(), Stop> {
        Ok(())
    }
    fn before_construct(_: &mut Interp<Self>, _: Ref, _: Ref, _: &mut Args, _: At) -> Result<(), Stop> {
        Ok(())
    }
    fn constructed(_: &mut Interp<Self>, _: Ref, _: At) -> Result<(), Stop> {
        Ok(())
    }
    fn class_method(_: &mut Interp<Self>, _: Ref, _: &str, _: &Args) -> Option<Value> {
        None
    }
    fn outside_call(_: &mut Interp<Self>, _: &Value, _: &Args, _: At) {}
    fn stands_alone(_: &mut Interp<Self>, _: &Value, _: At) {}
    fn touched(_: &mut Interp<Self>, _: &[HostRef], _: At) {}
    fn patched(_: &mut Interp<Self>, _: &str, _: &str, _: At) {}
    fn text(_: &Interp<Self>, _: HostRef) -> String {
        String::new()
    }
    fn iterate(_: &mut Interp<Self>, _: HostRef, _: At) -> Result<Option<Vec<Value>>, Stop> {
        Ok(None)
    }
}

/// What a module's names are worth; what is not known, and what an error leaves out, begins with a
/// question mark.
fn values_of(source: &str, names: &[String]) -> Vec<String> {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    snapshot.insert(ContentPath::new("dags/d.py").unwrap(), File::regular(&revision, source.as_bytes()));
    let delivered = Arc::new(Delivered::new(&snapshot, Layout::Content, ImportOrder::Either));
    crate::python::with_deep_stack(|| {
        let tree = Tree::new(delivered.clone());
        let mut run = Interp::new(&tree, Nothing);
        let stopped = |stop: Stop| match stop {
            Stop::Raise(raised) => format!("? {}: {}", raised.class, raised.message),
            Stop::Limit(reason, _) => format!("? {reason}"),
            Stop::Close(_) => "? a generator was left".to_owned(),
        };
        match run.run_file(0) {
            Ok(scope) => {
                let value = |name: &String| match run.names(scope).get(&**name) {
                    Some(Value::Str(text)) => text.text.to_string(),
                    Some(other) => format!("? {}", run.text(other)),
                    None => "? no value".to_owned(),
                };
                names.iter().map(value).collect()
            }
            Err(stop) => vec![stopped(stop); names.len()],
        }
    })
}

/// The `repr` of an expression; what is not known begins with a question mark.
fn value_of(expression: &str) -> String {
    values_of(&format!("{PRELUDE}value = repr(({expression}))\n"), &["value".to_owned()]).remove(0)
}

/// The table: expression, value, and whether it is to be known.
fn table() -> Vec<(String, String, bool)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/python/values.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let known = line.contains("  ->  ");
            let (expression, value) = line.split_once(if known { "  ->  " } else { "  ~>  " }).unwrap();
            (expression.to_owned(), value.to_owned(), known)
        })
        .collect();
    assert!(rows.len() > 250, "the table is not read");
    rows
}

#[test]
fn expressions_are_worth_what_cpython_says() {
    let mut faults = Vec::new();
    for (expression, expected, known) in table() {
        let found = value_of(&expression);
        if found.starts_with('?') == known || known && found != expected {
            faults.push(format!("{expression}\n    {expected}\n    {found}"));
        }
    }
    assert!(faults.is_empty(), "{} of the table:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_table_is_what_the_python_at_hand_says() {
    let mut program = PRELUDE.to_owned();
    let table = table();
    for (expression, ..) in &table {
        program.push_str("print(repr((");
        program.push_str(expression);
        program.push_str(")))\n");
    }
    let output = std::process::Command::new("python3").arg("-c").arg(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let faults: Vec<_> = said
        .lines()
        .zip(&table)
        .filter(|(said, row)| **said != row.1)
        .map(|(said, row)| format!("{}: {said}", row.0))
        .collect();
    assert!(faults.is_empty() && said.lines().count() == table.len(), "{}", faults.join("\n"));
}

/// A small program, and expressions at its end with what they are worth.
struct Program {
    about: String,
    code: String,
    /// `?` for what is to be left unknown.
    expressions: Vec<(String, String)>,
}

fn programs() -> Vec<Program> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/python/classes.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut programs = Vec::new();
    for block in text.split("\n# ").skip(1) {
        let (about, body) = block.split_once('\n').unwrap();
        let mut program = Program { about: about.to_owned(), code: String::new(), expressions: Vec::new() };
        let mut lines = body.lines();
        while let Some(line) = lines.next() {
            if let Some(expression) = line.strip_prefix(">>> ") {
                program.expressions.push((expression.to_owned(), lines.next().unwrap().to_owned()));
            } else {
                program.code.push_str(line);
                program.code.push('\n');
            }
        }
        assert!(!program.expressions.is_empty(), "{about} says nothing");
        programs.push(program);
    }
    assert!(programs.len() > 50, "the programs are not read");
    programs
}

#[test]
fn classes_behave_as_cpython_says() {
    let mut faults = Vec::new();
    for program in programs() {
        let mut source = program.code.clone();
        let mut names = Vec::new();
        for (index, (expression, _)) in program.expressions.iter().enumerate() {
            names.push(format!("value_{index}"));
            let name = names.last().cloned().unwrap_or_default();
            source += &[&*name, " = repr((", expression, "))\n"].concat();
        }
        for ((expression, expected), found) in program.expressions.iter().zip(values_of(&source, &names)) {
            let unknown = found.starts_with('?');
            if unknown != (expected == "?") || !unknown && found != *expected {
                faults.push(format!("{}: {expression}\n    {expected}\n    {found}", program.about));
            }
        }
    }
    assert!(faults.is_empty(), "{} of the programs:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_programs_are_what_the_python_at_hand_says() {
    let mut script = String::new();
    let programs = programs();
    for program in &programs {
        script.push_str(&program.code);
        for (expression, _) in &program.expressions {
            script.push_str("print(repr((");
            script.push_str(expression);
            script.push_str(")))\n");
        }
    }
    let output = std::process::Command::new("python3").arg("-c").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let all: Vec<_> = programs.iter().flat_map(|program| &program.expressions).collect();
    assert_eq!(said.lines().count(), all.len());
    let faults: Vec<_> = said
        .lines()
        .zip(all)
        .filter(|(said, (_, value))| value != "?" && said != value)
        .map(|(said, (expression, _))| format!("{expression}: {said}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
