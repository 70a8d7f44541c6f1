//! From bytes to syntax: the only place that knows tree-sitter.
//!
//! Invariants: any bytes give a result, never a panic. Recursion is bounded by [`DEPTH`]; what
//! lies deeper is an error, as CPython's own parser has one.

mod expression;
mod kinds;
mod names;
mod nodes;
mod problems;
mod since;
mod statement;
mod text;

use super::syntax::Module;
use crate::content::Span;
use nodes::{Field, Node, Nodes};
pub(crate) use since::too_new;
use std::cell::RefCell;
use std::rc::Rc;
use tree_sitter::Parser;

/// How deep brackets and blocks may nest. CPython stops at 200 brackets and 100 blocks; one
/// nesting in the text is up to three in the tree.
pub(crate) const DEPTH: usize = 600;

/// The largest file that is read, in bytes; a DAG file of this size is data, not code.
const SIZE: usize = 16 << 20;

thread_local! {
    /// The grammar's parser, kept for the pools that it has filled: they are a part of the cost of a
    /// small file. A parse leaves nothing behind in it that the next one would see.
    static PARSER: RefCell<Option<Parser>> = RefCell::new(with_grammar());
    static RECENT: RefCell<Recent> = RefCell::default();
}

fn with_grammar() -> Option<Parser> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    Some(parser)
}

/// A place where the text is no Python.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Parses a file. With errors there is no syntax: Python would run none of it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Module, SyntaxError> {
    Read::of(bytes)?.module()
}

/// What one who asks for a file's syntax a second time soon after is given.
#[derive(Default)]
struct Recent {
    files: Vec<Parsed>,
    size: usize,
}

/// A file, and its syntax.
struct Parsed {
    path: Box<str>,
    bytes: Box<[u8]>,
    syntax: Rc<Result<Module, SyntaxError>>,
}

/// Parses a file, unless this thread has done so just now. Files of two paths share nothing: what is
/// defined in them is not the same, however alike it is.
pub(crate) fn recent(path: &str, bytes: &[u8]) -> Rc<Result<Module, SyntaxError>> {
    /// Bytes of source and files that are remembered at most: syntax is some twenty times as large.
    const MOST: (usize, usize) = (256 << 10, 32);
    let known = RECENT.with_borrow(|recent| {
        let mut known = recent.files.iter();
        known.find(|known| *known.path == *path && *known.bytes == *bytes).map(|known| known.syntax.clone())
    });
    known.unwrap_or_else(|| {
        let syntax = Rc::new(parse(bytes));
        RECENT.with_borrow_mut(|recent| {
            if recent.size + bytes.len() > MOST.0 || recent.files.len() >= MOST.1 {
                *recent = Recent::default();
            }
            if bytes.len() <= MOST.0 {
                recent.size += bytes.len();
                recent.files.push(Parsed { path: path.into(), bytes: bytes.into(), syntax: syntax.clone() });
            }
        });
        syntax
    })
}

/// Parses files, each as [`parse`] does. The grammar reads all of them before the first is lowered:
/// its tables are large, and whatever else is done between two files has the processor forget them.
pub(crate) fn parse_all<'b>(files: impl Iterator<Item = &'b [u8]>) -> Vec<Result<Module, SyntaxError>> {
    let read: Vec<_> = files.map(Read::of).collect();
    read.into_iter().map(|read| read?.module()).collect()
}

/// A file as the grammar has read it.
struct Read<'b> {
    source: text::Source<'b>,
    nodes: Nodes,
}

impl<'b> Read<'b> {
    fn of(bytes: &'b [u8]) -> Result<Self, SyntaxError> {
        let source = text::decode(bytes)?;
        if source.text.len() > SIZE {
            return Err(SyntaxError { span: Span::FILE, message: format!("larger than {SIZE} bytes") });
        }
        let nodes = grammar(&source.text)?;
        Ok(Self { source, nodes })
    }

    fn module(self) -> Result<Module, SyntaxError> {
        let text::Source { text: source, strays } = self.source;
        match module(&self.nodes, &source, &strays) {
            // The grammar takes a comment that stands left of its block for the end of that block
            // where a statement is not complete (behind a decorator); for Python it is a blank line.
            Err(error) => {
                let again = |source: String| module(&grammar(&source).ok()?, &source, &strays).ok();
                text::without_comment_lines(&source).and_then(again).ok_or(error)
            }
            lowered => lowered,
        }
    }
}

/// What the grammar makes of a text.
fn grammar(source: &str) -> Result<Nodes, SyntaxError> {
    let unusable = || SyntaxError { span: Span::FILE, message: "the grammar could not be used".to_owned() };
    let tree = PARSER.with_borrow_mut(|parser| parser.as_mut()?.parse(source.as_bytes(), None)).ok_or_else(unusable)?;
    Ok(Nodes::of(&tree, source))
}

fn module(nodes: &Nodes, source: &str, strays: &[Span]) -> Result<Module, SyntaxError> {
    problems::strays(nodes, source, strays)?;
    problems::check(nodes, source)?;
    let mut lower = Lower { source, depth: 0, error: None, functions: Vec::new() };
    let body = lower.block(nodes.root());
    match lower.error {
        Some(error) => Err(error),
        None => Ok(Module { body }),
    }
}

/// Turns the grammar's tree into [`super::syntax`].
struct Lower<'s> {
    source: &'s str,
    depth: usize,
    /// The first thing that Python would refuse.
    error: Option<SyntaxError>,
    /// For each function around the current place: whether a `yield` was seen.
    functions: Vec<bool>,
}

impl<'s> Lower<'s> {
    fn text(&self, node: Node) -> &'s str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    fn name(&self, node: Node) -> Rc<str> {
        names::shared(self.text(node))
    }

    fn refuse(&mut self, node: Node, message: &str) {
        if self.error.is_none() {
            self.error = Some(SyntaxError { span: span(node), message: message.to_owned() });
        }
    }

    /// Counts one level of nesting while `work` runs; `None` when it is too deep.
    fn deeper<T>(&mut self, node: Node, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= DEPTH {
            self.refuse(node, "too deeply nested");
            return None;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        Some(result)
    }

    /// Runs `work` for the inside of a function and says whether it yields.
    fn inside_function<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        self.functions.push(false);
        let result = work(self);
        (result, self.functions.pop().unwrap_or(false))
    }
}

/// The place of a node.
fn span(node: Node) -> Span {
    Span::new(node.start_byte(), node.end_byte(), node.line().saturating_add(1))
}

/// Named children without comments.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    node.parts().collect()
}

/// All children under a field, without comments.
fn fields(node: Node<'_>, field: Field) -> impl Iterator<Item = Node<'_>> {
    node.children_by_field(field).filter(|child| child.is_named() && !child.is_trivia())
}

/// The only one there is, if there are not several.
fn only<'n>(mut nodes: impl Iterator<Item = Node<'n>>) -> Option<Node<'n>> {
    nodes.next().filter(|_| nodes.next().is_none())
}
