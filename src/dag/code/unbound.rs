//! Names of a function that may not be bound where they are read: each way through its text is followed.
//!
//! What is bound and read under the same test is taken to go together, and a loop over what is written out to
//! run at least once.

use super::Code;
use crate::content::{Location, Span};
use crate::dag::Task;
use crate::python::canonical;
use crate::python::names::{Names, children};
use crate::python::syntax::{Arg, Clause, Expr, ExprKind, Function, Name, Pattern, Stmt, StmtKind};
use crate::python::value::last_name;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The names that a function binds, and where it reads one that may not be bound.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Locals {
    /// The function, with its class.
    pub within: String,
    /// The names.
    pub bound: BTreeSet<String>,
    /// Those of them that are read where they may not be bound, and where first.
    pub unsure: BTreeMap<String, Location>,
}

impl Code {
    /// The names of the functions that an instance of a task can come to run.
    pub fn locals(&self, task: &Task) -> Vec<Rc<Locals>> {
        let mut all = Vec::new();
        self.each_reached(&self.entries(task), |function, seen| {
            let key = (function.file, function.def.span.start);
            let known = self.locals.borrow().get(&key).cloned();
            all.push(known.unwrap_or_else(|| {
                let at = |span| self.location(function.file, span);
                let (bound, unsure) = of_function(&function.def);
                let locals = Rc::new(Locals {
                    within: seen.name.clone(),
                    bound: bound.iter().map(ToString::to_string).collect(),
                    unsure: unsure.into_iter().map(|(name, span)| (name.to_string(), at(span))).collect(),
                });
                self.locals.borrow_mut().insert(key, locals.clone());
                locals
            }));
        });
        all
    }
}

/// The names that a function binds, and those of them that it reads where they may not be bound.
fn of_function(def: &Function) -> (BTreeSet<Name>, BTreeMap<Name, Span>) {
    let locals: BTreeSet<Name> = Names::of_function(def).bound.into_keys().collect();
    let bound: BTreeSet<Name> = def.parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let mut walk = Walk {
        locals: &locals,
        quiet: 0,
        tests: Vec::new(),
        under: BTreeMap::new(),
        loops: Vec::new(),
        met: BTreeSet::new(),
        unsure: BTreeMap::new(),
    };
    walk.body(&def.body, Some(bound));
    let unsure = walk.unsure;
    (locals, unsure)
}

/// What is bound at some place; none where nobody comes by.
type State = Option<BTreeSet<Name>>;

/// What is bound whichever way was taken.
fn join(one: State, other: State) -> State {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
        (one, other) => one.or(other),
    }
}

/// What is bound where a loop is over: who leaves it by `break` in the middle takes it to be left so.
fn found(end: State, left: &[State]) -> State {
    let sure = left.iter().cloned().reduce(join).flatten().unwrap_or_default();
    end.map(|end| end.union(&sure).cloned().collect())
}

/// A loop that is being walked through.
#[derive(Default)]
struct Loop {
    /// Where it is left by `break`.
    left: Vec<State>,
    /// Where it goes on by `continue`.
    again: Vec<State>,
}

struct Walk<'a> {
    locals: &'a BTreeSet<Name>,
    /// Places around the current one where nothing is said: what was raised before decides what is bound there.
    quiet: usize,
    /// The tests under which the current statement runs.
    tests: Vec<String>,
    /// The tests under which each name is bound somewhere.
    under: BTreeMap<Name, BTreeSet<String>>,
    loops: Vec<Loop>,
    /// Names that something before has bound, on whatever way.
    met: BTreeSet<Name>,
    unsure: BTreeMap<Name, Span>,
}

impl Walk<'_> {
    fn body(&mut self, body: &[Stmt], mut state: State) -> State {
        for stmt in body {
            if state.is_none() {
                break;
            }
            state = self.stmt(stmt, state);
        }
        state
    }

    fn stmt(&mut self, stmt: &Stmt, mut state: State) -> State {
        match &stmt.kind {
            StmtKind::Assign { targets, value } => {
                self.expr(value, &mut state);
                for target in targets {
                    self.target(target, &mut state);
                }
            }
            StmtKind::Annotated { target, value: Some(value), .. } => {
                self.expr(value, &mut state);
                self.target(target, &mut state);
            }
            StmtKind::Augmented { target, value, .. } => {
                self.expr(target, &mut state);
                self.expr(value, &mut state);
            }
            StmtKind::Expr(value) => {
                self.expr(value, &mut state);
                let ends = |callee| matches!(last_name(callee), Some("exit" | "_exit" | "abort"));
                if matches!(&value.kind, ExprKind::Call(callee, _) if ends(callee)) {
                    return None;
                }
            }
            StmtKind::Return(value) | StmtKind::Raise(value) => {
                if let Some(value) = value {
                    self.expr(value, &mut state);
                }
                return None;
            }
            StmtKind::Break | StmtKind::Continue => {
                if let Some(around) = self.loops.last_mut() {
                    let ways = if matches!(stmt.kind, StmtKind::Break) { &mut around.left } else { &mut around.again };
                    ways.push(state);
                }
                return None;
            }
            StmtKind::Assert(parts) => {
                for part in parts {
                    self.expr(part, &mut state);
                }
                if matches!(parts.first().map(|test| &test.kind), Some(ExprKind::False)) {
                    return None;
                }
            }
            StmtKind::Function { def, .. } => self.bind(&def.name, &mut state),
            StmtKind::Class { def, .. } => self.bind(&def.name, &mut state),
            StmtKind::Import(names) => {
                for (name, alias) in names {
                    let first: Name = name.split('.').next().unwrap_or(name).into();
                    self.bind(alias.as_ref().unwrap_or(&first), &mut state);
                }
            }
            StmtKind::ImportFrom { names, .. } => {
                for (name, alias, _) in names {
                    self.bind(alias.as_ref().unwrap_or(name), &mut state);
                }
            }
            kind => return self.compound(kind, state),
        }
        state
    }

    fn compound(&mut self, stmt: &StmtKind, mut state: State) -> State {
        match stmt {
            StmtKind::If { arms, orelse } => self.choice(arms, orelse, state),
            StmtKind::For(repeated) => {
                self.expr(&repeated.iter, &mut state);
                let before = state.clone();
                self.target(&repeated.target, &mut state);
                let (end, left) = self.repeat(&repeated.body, state);
                let end = if runs(&repeated.iter) { end } else { join(before, end) };
                let end = self.body(&repeated.orelse, found(end, &left));
                left.into_iter().fold(end, join)
            }
            StmtKind::While { test, body, orelse } => {
                self.expr(test, &mut state);
                let forever = matches!(test.kind, ExprKind::True | ExprKind::Int(1));
                let (end, left) = self.repeat(body, state.clone());
                let end = if forever { None } else { self.body(orelse, found(join(state, end), &left)) };
                left.into_iter().fold(end, join)
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                let before = state.clone();
                let end = self.body(body, state);
                let mut after = self.body(orelse, end);
                for handler in handlers {
                    let mut state = before.clone();
                    self.quiet += 1;
                    if let Some(name) = &handler.name {
                        self.bind(name, &mut state);
                    }
                    after = join(after, self.body(&handler.body, state));
                    self.quiet -= 1;
                }
                self.quiet += 1;
                let ended = after.is_none();
                let end = self.body(finally, after.or(before));
                self.quiet -= 1;
                end.filter(|_| !ended)
            }
            StmtKind::With(with) => {
                let mut swallows = false;
                for (context, target) in &with.items {
                    self.expr(context, &mut state);
                    if let Some(target) = target {
                        self.target(target, &mut state);
                    }
                    swallows |=
                        matches!(&context.kind, ExprKind::Call(callee, _) if last_name(callee) == Some("suppress"));
                }
                let before = state.clone();
                let end = self.body(&with.body, state);
                if swallows { join(before, end) } else { end }
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject, &mut state);
                let mut after = None;
                let mut open = true;
                for case in cases {
                    let mut state = state.clone();
                    self.pattern(&case.pattern, &mut state);
                    if let Some(guard) = &case.guard {
                        self.expr(guard, &mut state);
                    }
                    after = join(after, self.body(&case.body, state));
                    let all = matches!(case.pattern, Pattern::Any | Pattern::Capture(_));
                    open &= !(all && case.guard.is_none());
                }
                if open { join(after, state) } else { after }
            }
            _ => state,
        }
    }

    fn choice(&mut self, arms: &[(Expr, Vec<Stmt>)], orelse: &[Stmt], mut state: State) -> State {
        let mut after = None;
        for (test, body) in arms {
            self.expr(test, &mut state);
            self.tests.push(canonical::expression(test));
            let end = self.body(body, state.clone());
            self.tests.pop();
            after = join(after, end);
            if matches!(test.kind, ExprKind::True) {
                return after;
            }
        }
        let end = self.body(orelse, state);
        join(after, end)
    }

    /// The body of a loop: what is bound where it has run, and where it is left by `break`.
    fn repeat(&mut self, body: &[Stmt], state: State) -> (State, Vec<State>) {
        self.loops.push(Loop::default());
        let end = self.body(body, state);
        let Loop { left, again } = self.loops.pop().unwrap_or_default();
        (again.into_iter().fold(end, join), left)
    }

    fn bind(&mut self, name: &Name, state: &mut State) {
        if let Some(bound) = state {
            bound.insert(name.clone());
        }
        self.met.insert(name.clone());
        if !self.tests.is_empty() {
            self.under.entry(name.clone()).or_default().extend(self.tests.iter().cloned());
        }
    }

    fn target(&mut self, target: &Expr, state: &mut State) {
        match &target.kind {
            ExprKind::Name(name) => self.bind(name, state),
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target(item, state)),
            ExprKind::Starred(inner) => self.target(inner, state),
            _ => children(target, &mut |child| self.expr(child, state)),
        }
    }

    fn pattern(&mut self, pattern: &Pattern, state: &mut State) {
        match pattern {
            Pattern::Capture(name) | Pattern::Star(Some(name)) => self.bind(name, state),
            Pattern::As(inner, name) => {
                self.pattern(inner, state);
                self.bind(name, state);
            }
            Pattern::Or(all) | Pattern::Sequence(all) => all.iter().for_each(|inner| self.pattern(inner, state)),
            Pattern::Mapping(pairs, rest) => {
                for (_, inner) in pairs {
                    self.pattern(inner, state);
                }
                if let Some(name) = rest {
                    self.bind(name, state);
                }
            }
            Pattern::Class(_, places, named) => {
                places.iter().chain(named.iter().map(|(_, inner)| inner)).for_each(|inner| self.pattern(inner, state));
            }
            Pattern::Any | Pattern::Value(_) | Pattern::Star(None) | Pattern::Other(_) => {}
        }
    }

    fn expr(&mut self, expr: &Expr, state: &mut State) {
        match &expr.kind {
            ExprKind::Name(name) => self.read(name, expr.span, state),
            ExprKind::Named(name, value) => {
                self.expr(value, state);
                self.bind(name, state);
            }
            // What it reads when it is called is bound by then, or is not: that is not followed.
            ExprKind::Lambda(_) => {}
            ExprKind::Comprehension(all) => {
                // Names of its own go with it.
                let mut inner = state.clone();
                for clause in &all.clauses {
                    match clause {
                        Clause::For(target, iter) => {
                            self.expr(iter, &mut inner);
                            self.target(target, &mut inner);
                        }
                        Clause::If(test) => self.expr(test, &mut inner),
                    }
                }
                self.expr(&all.element, &mut inner);
                all.value.iter().for_each(|value| self.expr(value, &mut inner));
            }
            ExprKind::Conditional { test, then, orelse } => {
                self.expr(test, state);
                self.tests.push(canonical::expression(test));
                self.expr(then, state);
                self.tests.pop();
                self.expr(orelse, state);
            }
            // What stands behind a test may be there to keep it from being read.
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let tests = self.tests.len();
                for part in parts {
                    self.expr(part, state);
                    self.tests.push(canonical::expression(part));
                }
                self.tests.truncate(tests);
            }
            ExprKind::Call(callee, args) => {
                self.expr(callee, state);
                for arg in args {
                    let (Arg::Positional(value) | Arg::Keyword(_, value) | Arg::Star(value) | Arg::DoubleStar(value)) =
                        arg;
                    self.expr(value, state);
                }
            }
            _ => children(expr, &mut |child| self.expr(child, state)),
        }
    }

    fn read(&mut self, name: &Name, span: Span, state: &State) {
        let is_bound = state.as_ref().is_none_or(|bound| bound.contains(name));
        let goes_together =
            self.under.get(name).is_some_and(|tests| self.tests.iter().any(|test| tests.contains(test)));
        let perhaps = self.locals.contains(name) && self.met.contains(name) && !is_bound;
        if perhaps && !goes_together && self.quiet == 0 {
            self.unsure.entry(name.clone()).or_insert(span);
        }
    }
}

/// Whether a loop over it runs at least once, by what is written there.
fn runs(iter: &Expr) -> bool {
    match &iter.kind {
        ExprKind::List(items) | ExprKind::Tuple(items) => !items.is_empty(),
        ExprKind::Call(callee, args) => match (last_name(callee), &**args) {
            (Some("range"), [Arg::Positional(Expr { kind: ExprKind::Int(count), .. })]) => *count > 0,
            (Some("range"), [_, _, ..]) => true,
            (Some("enumerate" | "count"), [Arg::Positional(inner), ..]) => runs(inner),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::parse::parse;

    fn unsure(body: &str) -> Vec<String> {
        let text = format!("def f(n, items):\n    {}\n", body.replace('\n', "\n    "));
        let module = parse(text.as_bytes()).unwrap();
        let [Stmt { kind: StmtKind::Function { def, .. }, .. }] = module.body.as_slice() else { panic!("{text}") };
        of_function(def).1.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn names_that_are_bound_on_one_way_only() {
        for body in [
            "if n:\n    x = 1\nreturn x",
            "if n:\n    x = 1\nelif items:\n    x = 2\nreturn x",
            "for x in items:\n    print(x)\nreturn x",
            "try:\n    x = n()\nexcept OSError:\n    print(n)\nreturn x",
            "while n:\n    x = 1\nreturn x",
            "match n:\n    case 1:\n        x = 1\nreturn x",
            "with suppress(OSError):\n    x = n()\nreturn x",
        ] {
            assert_eq!(unsure(body), ["x"], "{body}");
        }
    }

    #[test]
    fn names_that_are_bound_on_every_way() {
        for body in [
            "if n:\n    x = 1\nelse:\n    x = 2\nreturn x",
            "if n:\n    x = 1\nelse:\n    raise ValueError\nreturn x",
            "if n:\n    x = 1\nprint(n)\nif n:\n    return x",
            "x = 0\nfor x in items:\n    print(x)\nreturn x",
            "for i in range(3):\n    x = i\nreturn x",
            "while True:\n    x = n()\n    if x:\n        break\nreturn x",
            "try:\n    x = n()\nexcept OSError:\n    raise\nreturn x",
            "try:\n    x = n()\nexcept OSError:\n    x = 1\nfinally:\n    print(x)\nreturn x",
            "for i in items:\n    if i:\n        x = i\n        break\nelse:\n    return 0\nreturn x",
            "match n:\n    case 1:\n        x = 1\n    case _:\n        x = 2\nreturn x",
            "for i in range(3):\n    try:\n        x = n()\n        break\n    except OSError:\n        pass\nreturn x",
            "with open(n) as x:\n    y = x.read()\nreturn y",
            "return [x for x in items]",
            "if (x := n):\n    return x",
            "global x\nif n:\n    x = 1\nreturn x",
            "y = n and (x := items) and x\nreturn lambda: z",
            "print(x)\nx = 1",
        ] {
            assert_eq!(unsure(body), Vec::<String>::new(), "{body}");
        }
    }
}
