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

/// The `repr` of an expression; what is not known begins with a question mark.
fn value_of(expression: &str) -> String {
    let revision = Revision::new("test");
    let mut snapshot = Snapshot::empty(revision.clone());
    let source = format!("{PRELUDE}value = repr(({expression}))\n");
    snapshot.insert(ContentPath::new("dags/d.py").unwrap(), File::regular(&revision, source.as_bytes()));
    let delivered = Arc::new(Delivered::new(&snapshot, Layout::Content, ImportOrder::Either));
    crate::python::with_deep_stack(|| {
        let tree = Tree::new(delivered.clone());
        let mut run = Interp::new(&tree, Nothing);
        match run.run_file(0) {
            Ok(scope) => match run.names(scope).get("value") {
                Some(Value::Str(text)) => text.text.to_string(),
                Some(other) => format!("? {}", run.text(other)),
                None => "? no value".to_owned(),
            },
            Err(Stop::Raise(raised)) => format!("? {}: {}", raised.class, raised.message),
            Err(Stop::Limit(reason, _)) => format!("? {reason}"),
            Err(Stop::Close(_)) => "? a generator was left".to_owned(),
        }
    })
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
