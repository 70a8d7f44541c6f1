//! Python's syntax as values: what the grammar gives, without its punctuation.
//!
//! Invariants: nesting is bounded by the parser ([`super::parse::DEPTH`]), so code that walks
//! these values may recurse. A left-leaning chain of operators is one node, however long.

use crate::content::Span;
use std::rc::Rc;

/// A name as it is written.
pub(crate) type Name = Rc<str>;

/// A parsed file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) body: Vec<Stmt>,
}

/// One statement.
#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

/// What a statement is.
#[derive(Debug)]
pub(crate) enum StmtKind {
    Expr(Expr),
    Assign { targets: Vec<Expr>, value: Expr },
    Annotated { target: Box<Expr>, annotation: Box<Expr>, value: Option<Expr> },
    Augmented { target: Box<Expr>, op: BinaryOp, value: Expr },
    Return(Option<Expr>),
    Raise(Option<Expr>),
    If { arms: Vec<(Expr, Vec<Stmt>)>, orelse: Vec<Stmt> },
    For(Rc<For>),
    While { test: Box<Expr>, body: Vec<Stmt>, orelse: Vec<Stmt> },
    Try { body: Vec<Stmt>, handlers: Box<[Handler]>, orelse: Vec<Stmt>, finally: Box<[Stmt]> },
    With(Rc<With>),
    Function { def: Rc<Function>, decorators: Vec<Expr> },
    Class { def: Rc<Class>, decorators: Vec<Expr> },
    Import(Vec<(Name, Option<Name>)>),
    ImportFrom { level: usize, module: Name, names: Vec<(Name, Option<Name>, Span)>, star: bool },
    Global(Vec<Name>),
    Nonlocal(Vec<Name>),
    Pass,
    Break,
    Continue,
    Delete(Vec<Expr>),
    Assert(Vec<Expr>),
    Match { subject: Expr, cases: Vec<Case> },
    TypeAlias(Expr, Expr),
}

/// A `for` statement.
#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Expr,
    pub(crate) iter: Expr,
    pub(crate) body: Vec<Stmt>,
    pub(crate) orelse: Vec<Stmt>,
}

/// A `with` statement: each context with what `as` binds.
#[derive(Debug)]
pub(crate) struct With {
    pub(crate) items: Vec<(Expr, Option<Expr>)>,
    pub(crate) body: Vec<Stmt>,
}

impl StmtKind {
    /// Its name for [`crate::switch`]; empty for what cannot be switched off.
    pub(crate) const fn construct(&self) -> &'static str {
        match self {
            Self::While { .. } => "while",
            Self::For { .. } => "for",
            Self::If { .. } => "if",
            Self::Try { .. } => "try",
            Self::With { .. } => "with",
            Self::Match { .. } => "match",
            Self::Class { .. } => "class",
            Self::Augmented { .. } => "augmented assignment",
            _ => "",
        }
    }
}

impl ExprKind {
    /// Its name for [`crate::switch`]; empty for what cannot be switched off.
    pub(crate) const fn construct(&self) -> &'static str {
        match self {
            Self::Comprehension { .. } => "comprehension",
            Self::Format(_) => "f-string",
            Self::Lambda(_) => "lambda",
            Self::Conditional { .. } => "conditional expression",
            Self::Named(..) => "walrus",
            _ => "",
        }
    }
}

/// An `except` clause.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) kind: Option<Expr>,
    pub(crate) name: Option<Name>,
    pub(crate) body: Vec<Stmt>,
}

/// A `case` clause.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) pattern: Pattern,
    pub(crate) guard: Option<Expr>,
    pub(crate) body: Vec<Stmt>,
}

/// What a `case` matches.
#[derive(Debug)]
pub(crate) enum Pattern {
    Any,
    Capture(Name),
    Value(Expr),
    Or(Vec<Pattern>),
    Sequence(Vec<Pattern>),
    As(Box<Pattern>, Name),
    /// `*name` or `*_` within a sequence.
    Star(Option<Name>),
    /// Keys with their patterns; the name that `**` binds.
    Mapping(Vec<(Expr, Pattern)>, Option<Name>),
    /// A class with the patterns of its positions and of its attributes.
    Class(Expr, Vec<Pattern>, Vec<(Name, Pattern)>),
    /// A form that is not read; kept as written for comparison.
    Other(String),
}

/// One expression.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum ExprKind {
    None,
    True,
    False,
    Ellipsis,
    Int(i64),
    Float(f64),
    /// A number that neither fits: complex or huge, as written.
    Number(Name),
    Str(Name),
    Bytes(Rc<[u8]>),
    Format(Vec<FormatPart>),
    Name(Name),
    Attribute(Box<Expr>, Name),
    Subscript(Box<Expr>, Box<Expr>),
    Slice([Option<Box<Expr>>; 3]),
    Call(Box<Expr>, Box<[Arg]>),
    Unary(UnaryOp, Box<Expr>),
    Binary(Box<Expr>, Box<[(BinaryOp, Expr)]>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Box<Expr>, Box<[(CompareOp, Expr)]>),
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        orelse: Box<Expr>,
    },
    Lambda(Rc<Function>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    /// Without a key: `**value`.
    Dict(Vec<(Option<Expr>, Expr)>),
    Starred(Box<Expr>),
    Comprehension(Rc<Comprehension>),
    Named(Name, Box<Expr>),
    Await(Box<Expr>),
    Yield(Option<Box<Expr>>),
    YieldFrom(Box<Expr>),
    /// Something that is not read; as written.
    Other(Name),
}

/// A piece of an f-string.
#[derive(Debug)]
pub(crate) enum FormatPart {
    Text(Name),
    Value { value: Expr, conversion: Option<char>, spec: Vec<FormatPart>, debug: Option<Name> },
}

/// An argument of a call.
#[derive(Debug)]
pub(crate) enum Arg {
    Positional(Expr),
    Keyword(Name, Expr),
    Star(Expr),
    DoubleStar(Expr),
}

/// A comprehension, or a generator expression.
#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) kind: ComprehensionKind,
    pub(crate) element: Expr,
    /// For a dict.
    pub(crate) value: Option<Expr>,
    pub(crate) clauses: Vec<Clause>,
}

/// What a comprehension builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// A clause of a comprehension.
#[derive(Debug)]
pub(crate) enum Clause {
    For(Expr, Expr),
    If(Expr),
}

/// An operator before one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Plus,
    Minus,
    Invert,
    Not,
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
    And,
    Or,
    Xor,
    LeftShift,
    RightShift,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    In,
    NotIn,
    Is,
    IsNot,
}

/// A `def` or a `lambda`.
#[derive(Debug)]
pub(crate) struct Function {
    /// Empty for a lambda.
    pub(crate) name: Name,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Option<Expr>,
    /// A lambda's body is one `return`.
    pub(crate) body: Vec<Stmt>,
    pub(crate) is_async: bool,
    /// Has a `yield` of its own.
    pub(crate) generator: bool,
    /// The `def` line.
    pub(crate) span: Span,
    /// The name after `def`.
    pub(crate) name_span: Span,
}

/// A parameter of a function.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) kind: ParameterKind,
    pub(crate) default: Option<Expr>,
    pub(crate) annotation: Option<Expr>,
}

/// How a parameter takes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// One before `/`.
    PositionalOnly,
    Plain,
    KeywordOnly,
    Star,
    DoubleStar,
}

impl ParameterKind {
    /// Whether it is filled by the place of an argument.
    pub(crate) fn takes_place(self) -> bool {
        matches!(self, Self::PositionalOnly | Self::Plain)
    }

    /// Whether it is filled by the name of an argument.
    pub(crate) fn takes_name(self) -> bool {
        matches!(self, Self::Plain | Self::KeywordOnly)
    }
}

/// A `class`.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Arg>,
    pub(crate) body: Vec<Stmt>,
}

/// The docstring that opens a body, if there is one.
pub(crate) fn without_docstring(body: &[Stmt]) -> &[Stmt] {
    match body {
        [Stmt { kind: StmtKind::Expr(Expr { kind: ExprKind::Str(_), .. }), .. }, rest @ ..] => rest,
        _ => body,
    }
}
