//! What the functions are that an instance of a task comes to run.

use super::Code;
use crate::content::Location;
use crate::dag::Task;
use crate::python::canonical;
use crate::python::program::FunctionRef;
use std::rc::Rc;

/// A function that an instance of a task can come to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    /// Its name, with that of its class.
    pub name: String,
    /// Its `def`.
    pub at: Location,
    /// What it does: equal exactly where the code is. Names that it gives itself, comments, docstrings
    /// and annotations are not in it.
    pub code: String,
}

impl Code {
    /// The functions of the tree that an instance of a task can come to run, as far as names lead there.
    pub fn bodies(&self, task: &Task) -> Vec<Rc<Body>> {
        let mut bodies = Vec::new();
        self.each_reached(&self.entries(task), |function, seen| bodies.push(self.body(function, &seen.name)));
        bodies
    }

    fn body(&self, function: &FunctionRef, name: &str) -> Rc<Body> {
        let key = (function.file, function.def.span.start);
        if let Some(known) = self.bodies.borrow().get(&key) {
            return known.clone();
        }
        let at = self.location(function.file, function.def.span);
        let body = Rc::new(Body { name: name.to_owned(), at, code: canonical::function(&function.def) });
        self.bodies.borrow_mut().insert(key, body.clone());
        body
    }
}
