//! The grammar's tree as a row of plain nodes: walked once, then read as often as one likes.
//!
//! Invariants: the nodes stand in the order of their text, each before what lies in it, so that a
//! node's children follow it and each child's `after` is its next sibling. A literal text that is
//! plain has no children, nor has a dotted name: they are looked at as a whole. Brackets, commas and
//! the like are left out where the grammar could read the file: what they say is in the tree.

use super::kinds::Kind;
use super::problems;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;
use tree_sitter::{Language, Node as GrammarNode, Tree, TreeCursor};

/// One node.
#[derive(Clone, Copy)]
struct Row {
    start: u32,
    end: u32,
    /// The line of its first byte, from 0.
    line: u32,
    /// The first node that does not lie in it.
    after: u32,
    kind: u16,
    field: u16,
    nature: Nature,
    broken: Broken,
}

/// What all nodes of a kind have in common: asked of every node, so that it is not read off the
/// kind's name each time.
#[derive(Clone, Copy)]
struct Nature {
    kind: Kind,
    named: bool,
    role: Role,
    suspect: bool,
    /// Whether one of its children may be asked for by a field.
    fields: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    /// Python does not see it.
    Trivia,
    /// It counts as a nesting of brackets.
    Bracket,
    /// A literal text.
    Text,
    /// Nothing in it is asked for but a comment.
    Whole,
    /// There is nothing in it, or nothing that is asked for.
    Leaf,
    /// Nobody asks for it.
    Mark,
}

impl Nature {
    fn of(kind: Kind, named: bool) -> Self {
        Self {
            kind,
            named,
            role: match kind {
                Kind::Comment | Kind::LineContinuation => Role::Trivia,
                Kind::String => Role::Text,
                // Of two words, there may be a comment between them.
                Kind::Identifier | Kind::DottedName | Kind::NotIn | Kind::IsNot => Role::Whole,
                Kind::Open
                | Kind::Close
                | Kind::OpenSquare
                | Kind::CloseSquare
                | Kind::OpenCurly
                | Kind::CloseCurly
                | Kind::Comma
                | Kind::Dot
                | Kind::Arrow
                    if !named =>
                {
                    Role::Mark
                }
                Kind::Integer
                | Kind::Float
                | Kind::True
                | Kind::False
                | Kind::None
                | Kind::Ellipsis
                | Kind::StringStart
                | Kind::StringEnd => Role::Leaf,
                _ if !named => Role::Leaf,
                kind if problems::is_bracket(kind) => Role::Bracket,
                _ => Role::Plain,
            },
            suspect: problems::is_suspect(kind),
            fields: !matches!(
                kind,
                Kind::Module
                    | Kind::Block
                    | Kind::ExpressionStatement
                    | Kind::ArgumentList
                    | Kind::List
                    | Kind::Tuple
                    | Kind::Dictionary
                    | Kind::Parameters
                    | Kind::String
                    | Kind::ConcatenatedString
                    | Kind::ReturnStatement
                    | Kind::ParenthesizedExpression
                    | Kind::ComparisonOperator
                    | Kind::Decorator
                    | Kind::Type
            ),
        }
    }

    /// Of text that fits nowhere; the grammar has no number for it.
    const ERROR: Self = Self { kind: Kind::Other, named: true, role: Role::Plain, suspect: false, fields: true };
}

/// What the grammar could not read as it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    No,
    /// Text that fits nowhere.
    Error,
    /// Something that the grammar put there itself.
    Missing,
}

thread_local! {
    /// The room of the rows of files that are done, for the next ones.
    static ROOMS: RefCell<Vec<Vec<Row>>> = const { RefCell::new(Vec::new()) };
}

/// Files that are open at once, as a rule.
const ROOMS_KEPT: usize = 64;
/// More rows than this are given back: few files are so large.
const ROOM_KEPT: usize = 1 << 12;

/// A node whose children are being walked.
struct Around {
    row: usize,
    /// Whether they have fields: asking for one costs as much as all the rest.
    fields: bool,
    /// Those that are still to come. To learn of a cursor that there is none costs more than to find one.
    left: u32,
}

impl Around {
    /// Moves on to the next one, if there is one.
    fn goes_on(&mut self, cursor: &mut TreeCursor) -> bool {
        let more = self.left > 0 && cursor.goto_next_sibling();
        self.left = self.left.saturating_sub(1);
        more
    }
}

/// All nodes of a file.
pub(super) struct Nodes {
    rows: Vec<Row>,
    /// The numbers of those that [`Node::is_suspect`] tells: few.
    suspects: Vec<u32>,
    names: &'static Names,
    /// The deepest nesting there is, of whatever.
    depth: usize,
}

impl Nodes {
    pub(super) fn of(tree: &Tree, source: &str) -> Self {
        // A node in three bytes is more than most sources have.
        let names = &*NAMES;
        let mut rows = ROOMS.with_borrow_mut(Vec::pop).unwrap_or_default();
        rows.clear();
        rows.reserve(source.len() / 3 + 1);
        let broken = tree.root_node().has_error();
        let mut cursor = tree.walk();
        let mut around: Vec<Around> = Vec::with_capacity(32);
        let mut depth = 0;
        let mut suspects = Vec::new();
        loop {
            let node = cursor.node();
            let kind = node.kind_id();
            let nature = names.nature(kind);
            // Where the grammar failed all is looked at.
            let mark = nature.role == Role::Mark && !broken;
            if !mark {
                let fields = around.last().is_some_and(|around| around.fields);
                let field = if fields { cursor.field_id().map_or(0, std::num::NonZero::get) } else { 0 };
                let row = Row::of(nature, node, kind, field, broken);
                if row.is_suspect() {
                    suspects.push(offset(rows.len()));
                }
                rows.push(row);
            }
            let whole = match nature.role {
                // What is in a plain literal is its text.
                Role::Text => !broken && rows.last().is_some_and(|row| is_plain(row.text(source))),
                Role::Whole => !broken && rows.last().is_some_and(|row| !row.text(source).contains('#')),
                Role::Mark | Role::Leaf => !broken,
                _ => false,
            };
            let children = if whole { 0 } else { node.child_count() };
            if children > 0 && cursor.goto_first_child() {
                around.push(Around { row: rows.len() - 1, fields: nature.fields, left: children - 1 });
                depth = depth.max(around.len());
                continue;
            }
            while !around.last_mut().is_some_and(|around| around.goes_on(&mut cursor)) {
                if !cursor.goto_parent() {
                    return Self { rows, suspects, names, depth };
                }
                if let Some(around) = around.pop() {
                    rows[around.row].after = offset(rows.len());
                }
            }
        }
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node { nodes: self, at: 0 }
    }

    /// How deep the deepest node lies, at least.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The nodes that [`Node::is_suspect`] tells, in the order of the text.
    pub(super) fn suspects(&self) -> impl Iterator<Item = Node<'_>> {
        self.suspects.iter().map(|at| Node { nodes: self, at: *at as usize })
    }

    /// Every node, in the order of the text, with the first one that does not lie in it.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, Node<'_>)> {
        self.rows.iter().enumerate().map(|(at, row)| (row.after as usize, Node { nodes: self, at }))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        ROOMS.with_borrow_mut(|rooms| {
            if rows.capacity() <= ROOM_KEPT && rooms.len() < ROOMS_KEPT {
                rooms.push(rows);
            }
        });
    }
}

impl Row {
    fn of(nature: Nature, node: GrammarNode, kind: u16, field: u16, broken: bool) -> Self {
        Self {
            start: offset(node.start_byte()),
            end: offset(node.end_byte()),
            line: offset(node.start_position().row),
            // Right for a leaf; whoever has children is told when they are known.
            after: 0,
            kind,
            field,
            nature,
            broken: match broken {
                true if node.is_missing() => Broken::Missing,
                true if node.is_error() => Broken::Error,
                _ => Broken::No,
            },
        }
    }

    fn is_suspect(&self) -> bool {
        self.nature.suspect || self.broken != Broken::No
    }

    fn text<'s>(&self, source: &'s str) -> &'s str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Whether a literal has no prefix, no escape and nothing in it: most of them.
fn is_plain(literal: &str) -> bool {
    literal.starts_with(['"', '\'']) && !literal.bytes().any(|byte| matches!(byte, b'\\' | b'\r'))
}

/// Sources are smaller than [`super::SIZE`].
fn offset(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The grammar's names.
struct Names {
    /// By number.
    kinds: Vec<&'static str>,
    /// By number.
    natures: Vec<Nature>,
    /// The numbers of [`Field`]s, by variant; of a field that the grammar lacks, one that no node has.
    fields: [u16; Field::NAMES.len()],
}

impl Names {
    fn nature(&self, kind: u16) -> Nature {
        self.natures.get(usize::from(kind)).copied().unwrap_or(Nature::ERROR)
    }
}

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| tree_sitter_python::LANGUAGE.into());

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let kinds = 0..u16::try_from(LANGUAGE.node_kind_count()).unwrap_or(u16::MAX);
    let field = |name: &str| LANGUAGE.field_id_for_name(name).map_or(u16::MAX, std::num::NonZero::get);
    let name = |kind| LANGUAGE.node_kind_for_id(kind).unwrap_or_default();
    let natures =
        kinds.clone().map(|kind| Nature::of(Kind::of(name(kind)), LANGUAGE.node_kind_is_named(kind))).collect();
    Names { kinds: kinds.map(name).collect(), natures, fields: Field::NAMES.map(field) }
});

/// A node of a file.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    nodes: &'t Nodes,
    at: usize,
}

impl<'t> Node<'t> {
    fn row(self) -> &'t Row {
        &self.nodes.rows[self.at]
    }

    pub(super) fn kind(self) -> Kind {
        self.row().nature.kind
    }

    /// The grammar's name for its kind; of a word of Python's, the word.
    pub(super) fn word(self) -> &'static str {
        self.nodes.names.kinds.get(usize::from(self.row().kind)).copied().unwrap_or("ERROR")
    }

    pub(super) fn is_named(self) -> bool {
        self.row().nature.named
    }

    /// Whether Python does not see it.
    pub(super) fn is_trivia(self) -> bool {
        self.row().nature.role == Role::Trivia
    }

    /// What is between the quotes of a literal that was taken as a whole.
    pub(super) fn plain(self, source: &str) -> Option<&str> {
        let row = self.row();
        if row.nature.role != Role::Text || row.after as usize > self.at {
            return None;
        }
        let literal = row.text(source);
        let quotes = if literal.starts_with("\"\"\"") || literal.starts_with("'''") { 3 } else { 1 };
        is_plain(literal).then(|| literal.get(quotes..literal.len() - quotes)).flatten()
    }

    /// Whether it counts as a nesting of brackets.
    pub(super) fn is_bracket(self) -> bool {
        self.row().nature.role == Role::Bracket
    }

    /// Whether Python may refuse it although the grammar reads it, or the grammar could not read it.
    pub(super) fn is_suspect(self) -> bool {
        self.row().is_suspect()
    }

    pub(super) fn broken(self) -> Broken {
        self.row().broken
    }

    pub(super) fn start_byte(self) -> usize {
        self.row().start as usize
    }

    pub(super) fn end_byte(self) -> usize {
        self.row().end as usize
    }

    pub(super) fn byte_range(self) -> Range<usize> {
        self.start_byte()..self.end_byte()
    }

    /// The line of its first byte, from 0.
    pub(super) fn line(self) -> u32 {
        self.row().line
    }

    /// What lies directly in it.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let after = self.row().after as usize;
        let mut next = self.at + 1;
        std::iter::from_fn(move || {
            (next < after).then(|| {
                let child = Node { nodes: self.nodes, at: next };
                next = (child.row().after as usize).max(next + 1);
                child
            })
        })
    }

    /// The same without punctuation.
    pub(super) fn named_children(self) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(|child| child.is_named())
    }

    /// The same without what Python does not see.
    pub(super) fn parts(self) -> impl Iterator<Item = Node<'t>> {
        self.named_children().filter(|child| !child.is_trivia())
    }

    /// The children under a field.
    pub(super) fn children_by_field(self, field: Field) -> impl Iterator<Item = Node<'t>> {
        let number = self.nodes.names.fields[field as usize];
        self.children().filter(move |child| child.row().field == number)
    }

    /// The first child under a field.
    pub(super) fn child_by_field(self, field: Field) -> Option<Node<'t>> {
        self.children_by_field(field).next()
    }
}

/// The grammar's fields, as far as they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Alias,
    Alternative,
    Argument,
    Arguments,
    Attribute,
    Body,
    Condition,
    Consequence,
    Definition,
    Expression,
    FormatSpecifier,
    Function,
    Guard,
    Key,
    Left,
    ModuleName,
    Name,
    Object,
    Operator,
    Parameters,
    ReturnType,
    Right,
    Subject,
    Subscript,
    Superclasses,
    Type,
    TypeConversion,
    Value,
}

impl Field {
    /// Their names in the grammar, in the order of the variants.
    const NAMES: [&'static str; 28] = [
        "alias",
        "alternative",
        "argument",
        "arguments",
        "attribute",
        "body",
        "condition",
        "consequence",
        "definition",
        "expression",
        "format_specifier",
        "function",
        "guard",
        "key",
        "left",
        "module_name",
        "name",
        "object",
        "operator",
        "parameters",
        "return_type",
        "right",
        "subject",
        "subscript",
        "superclasses",
        "type",
        "type_conversion",
        "value",
    ];
}

#[cfg(test)]
mod tests {
    use super::{Field, NAMES};

    #[test]
    fn the_grammar_has_every_field_that_is_asked_for() {
        assert_eq!(Field::Value as usize + 1, Field::NAMES.len());
        for (name, number) in Field::NAMES.iter().zip(NAMES.fields) {
            assert_ne!(number, u16::MAX, "{name}");
        }
    }
}
