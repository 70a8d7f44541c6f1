//! Expressions of the grammar to expressions of [`crate::python::syntax`].

use super::kinds::Kind;
use super::nodes::{Field, Node};
use super::text::{self, Prefix};
use super::{Lower, children, fields, names, only, span};
use crate::python::syntax::{
    Arg, BinaryOp, Clause, CompareOp, Comprehension, ComprehensionKind, Expr, ExprKind, FormatPart, Function,
    Parameter, ParameterKind, Stmt, StmtKind, UnaryOp,
};
use std::rc::Rc;

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node) -> Expr {
        // Brackets mean nothing once the tree is there.
        let mut inner = node;
        while inner.kind() == Kind::ParenthesizedExpression {
            match inner.parts().next() {
                Some(child) => inner = child,
                None => break,
            }
        }
        let kind = self.deeper(node, |lower| lower.expr_kind(inner)).unwrap_or(ExprKind::Ellipsis);
        Expr { kind: star_outside(kind, span(inner)), span: span(inner) }
    }

    fn boxed(&mut self, node: Option<Node>) -> Box<Expr> {
        Box::new(self.or_ellipsis(node))
    }

    fn or_ellipsis(&mut self, node: Option<Node>) -> Expr {
        match node {
            Some(node) => self.expr(node),
            None => Expr { kind: ExprKind::Ellipsis, span: crate::content::Span::FILE },
        }
    }

    #[expect(clippy::unnecessary_box_returns, reason = "most of the syntax holds it in a box")]
    fn field(&mut self, node: Node, field: Field) -> Box<Expr> {
        self.boxed(node.child_by_field(field))
    }

    fn list(&mut self, node: Node) -> Vec<Expr> {
        let mut items = Vec::with_capacity(node.parts().count());
        items.extend(node.parts().map(|child| self.expr(child)));
        items
    }

    fn expr_kind(&mut self, node: Node) -> ExprKind {
        match node.kind() {
            Kind::None => ExprKind::None,
            Kind::True => ExprKind::True,
            Kind::False => ExprKind::False,
            Kind::Ellipsis => ExprKind::Ellipsis,
            Kind::Identifier => ExprKind::Name(self.name(node)),
            Kind::Integer => {
                text::integer(self.text(node)).map_or_else(|| ExprKind::Number(self.name(node)), ExprKind::Int)
            }
            Kind::Float => {
                let digits = self.text(node).replace('_', "");
                digits.parse().map_or_else(|_| ExprKind::Number(self.name(node)), ExprKind::Float)
            }
            Kind::String | Kind::ConcatenatedString => self.string(node),
            Kind::Attribute => {
                let name = node.child_by_field(Field::Attribute).map_or_else(|| "".into(), |name| self.name(name));
                ExprKind::Attribute(self.field(node, Field::Object), name)
            }
            Kind::Subscript => self.subscript(node),
            Kind::Slice => self.slice(node),
            Kind::Call => self.call(node),
            Kind::UnaryOperator => self.unary(node),
            Kind::NotOperator => ExprKind::Unary(UnaryOp::Not, self.field(node, Field::Argument)),
            Kind::BinaryOperator => self.binary(node),
            Kind::BooleanOperator => self.boolean(node),
            Kind::ComparisonOperator => self.comparison(node),
            Kind::ConditionalExpression => {
                let parts = children(node);
                ExprKind::Conditional {
                    then: self.boxed(parts.first().copied()),
                    test: self.boxed(parts.get(1).copied()),
                    orelse: self.boxed(parts.get(2).copied()),
                }
            }
            Kind::Lambda => self.lambda(node),
            Kind::List | Kind::ListPattern => ExprKind::List(self.list(node)),
            Kind::Tuple | Kind::ExpressionList | Kind::PatternList | Kind::TuplePattern => {
                ExprKind::Tuple(self.list(node))
            }
            Kind::Set => ExprKind::Set(self.list(node)),
            Kind::Dictionary => ExprKind::Dict(self.pairs(node)),
            Kind::ListSplat | Kind::ListSplatPattern | Kind::ParenthesizedListSplat => {
                ExprKind::Starred(self.boxed(node.parts().next()))
            }
            Kind::ListComprehension => self.comprehension(node, ComprehensionKind::List),
            Kind::SetComprehension => self.comprehension(node, ComprehensionKind::Set),
            Kind::DictionaryComprehension => self.comprehension(node, ComprehensionKind::Dict),
            Kind::GeneratorExpression => self.comprehension(node, ComprehensionKind::Generator),
            Kind::NamedExpression => {
                let name = node.child_by_field(Field::Name).map_or_else(|| "".into(), |name| self.name(name));
                ExprKind::Named(name, self.field(node, Field::Value))
            }
            Kind::Await => ExprKind::Await(self.boxed(node.parts().next())),
            Kind::Yield => {
                if let Some(yields) = self.functions.last_mut() {
                    *yields = true;
                }
                let value = node.parts().next().map(|child| Box::new(self.expr(child)));
                match value {
                    Some(value) if node.children().nth(1).is_some_and(|word| word.kind() == Kind::From) => {
                        ExprKind::YieldFrom(value)
                    }
                    value => ExprKind::Yield(value),
                }
            }
            Kind::GenericType => {
                // `dict[str, int]` in an annotation is a subscript like any other.
                let parts = children(node);
                let object = self.boxed(parts.first().copied());
                let mut items = parts.get(1).map_or_else(Vec::new, |parameter| self.list(*parameter));
                let index = match items.len() {
                    1 => items.remove(0),
                    _ => Expr { kind: ExprKind::Tuple(items), span: span(node) },
                };
                ExprKind::Subscript(object, Box::new(index))
            }
            Kind::UnionType => {
                let parts = self.list(node);
                let mut parts = parts.into_iter();
                let first = parts.next().unwrap_or(Expr { kind: ExprKind::Ellipsis, span: span(node) });
                ExprKind::Binary(Box::new(first), parts.map(|part| (BinaryOp::Or, part)).collect())
            }
            Kind::MemberType => {
                let parts = children(node);
                let name = parts.get(1).map_or_else(|| "".into(), |name| self.name(*name));
                ExprKind::Attribute(self.boxed(parts.first().copied()), name)
            }
            Kind::Type | Kind::AsPatternTarget => match node.parts().next() {
                Some(child) => self.expr(child).kind,
                None => ExprKind::Other(self.name(node)),
            },
            _ => ExprKind::Other(self.name(node)),
        }
    }

    fn subscript(&mut self, node: Node) -> ExprKind {
        let index = if let Some(index) = only(fields(node, Field::Subscript)) {
            // `x[1,]` is a tuple of one.
            let end = self.source.get(index.end_byte()..node.end_byte()).unwrap_or_default();
            let single = self.expr(index);
            if end.trim_start().starts_with(',') {
                Expr { span: single.span, kind: ExprKind::Tuple(vec![single]) }
            } else {
                single
            }
        } else {
            let items = fields(node, Field::Subscript).map(|index| self.expr(index)).collect();
            Expr { span: span(node), kind: ExprKind::Tuple(items) }
        };
        ExprKind::Subscript(self.field(node, Field::Value), Box::new(index))
    }

    fn slice(&mut self, node: Node) -> ExprKind {
        let mut parts = [None, None, None];
        let mut at = 0;
        for child in node.children() {
            if child.kind() == Kind::Colon {
                at += 1;
            } else if child.is_named()
                && let Some(part) = parts.get_mut(at)
            {
                *part = Some(Box::new(self.expr(child)));
            }
        }
        ExprKind::Slice(parts)
    }

    fn call(&mut self, node: Node) -> ExprKind {
        let function = self.field(node, Field::Function);
        let Some(arguments) = node.child_by_field(Field::Arguments) else {
            return ExprKind::Call(function, [].into());
        };
        if arguments.kind() == Kind::GeneratorExpression {
            return ExprKind::Call(function, [Arg::Positional(self.expr(arguments))].into());
        }
        ExprKind::Call(function, self.arguments(arguments).into())
    }

    pub(super) fn arguments(&mut self, node: Node) -> Vec<Arg> {
        let mut keyword = false;
        let mut result = Vec::with_capacity(node.parts().count());
        for child in node.parts() {
            let arg = match child.kind() {
                Kind::KeywordArgument => {
                    keyword = true;
                    let name = child.child_by_field(Field::Name).map_or_else(|| "".into(), |name| self.name(name));
                    Arg::Keyword(name, self.field_expr(child, Field::Value))
                }
                Kind::ListSplat => Arg::Star(self.or_ellipsis(child.parts().next())),
                Kind::DictionarySplat => {
                    keyword = true;
                    Arg::DoubleStar(self.or_ellipsis(child.parts().next()))
                }
                _ => {
                    if keyword {
                        self.refuse(child, "positional argument follows keyword argument");
                    }
                    Arg::Positional(self.expr(child))
                }
            };
            result.push(arg);
        }
        result
    }

    fn unary(&mut self, node: Node) -> ExprKind {
        let op = match node.child_by_field(Field::Operator).map(Node::word) {
            Some("-") => UnaryOp::Minus,
            Some("~") => UnaryOp::Invert,
            _ => UnaryOp::Plus,
        };
        ExprKind::Unary(op, self.field(node, Field::Argument))
    }

    /// One node for a whole left-leaning chain, whatever its operators.
    fn binary(&mut self, node: Node) -> ExprKind {
        let mut rest = Vec::new();
        let mut at = node;
        while at.kind() == Kind::BinaryOperator {
            let op = at.child_by_field(Field::Operator).map_or("+", |op| op.word());
            rest.push((binary_op(op), self.field_expr(at, Field::Right)));
            match at.child_by_field(Field::Left) {
                Some(left) => at = left,
                None => break,
            }
        }
        rest.reverse();
        ExprKind::Binary(self.boxed(Some(at)), rest.into())
    }

    fn boolean(&mut self, node: Node) -> ExprKind {
        let and = is_and(node);
        let mut parts = Vec::new();
        let mut at = node;
        loop {
            parts.push(self.field_expr(at, Field::Right));
            match at.child_by_field(Field::Left) {
                Some(left) if left.kind() == Kind::BooleanOperator && is_and(left) == and => at = left,
                left => {
                    parts.push(self.or_ellipsis(left));
                    break;
                }
            }
        }
        parts.reverse();
        if and { ExprKind::And(parts) } else { ExprKind::Or(parts) }
    }

    fn comparison(&mut self, node: Node) -> ExprKind {
        let mut operands = Vec::new();
        let mut operators = Vec::new();
        for child in node.children().filter(|child| !child.is_trivia()) {
            if child.is_named() && !matches!(child.kind(), Kind::IsNot | Kind::NotIn) {
                operands.push(self.expr(child));
            } else {
                operators.push(compare_op(self.text(child)));
            }
        }
        let mut operands = operands.into_iter();
        let first = operands.next().unwrap_or(Expr { kind: ExprKind::Ellipsis, span: span(node) });
        ExprKind::Compare(Box::new(first), operators.into_iter().zip(operands).collect())
    }

    fn lambda(&mut self, node: Node) -> ExprKind {
        let parameters = node.child_by_field(Field::Parameters).map_or_else(Vec::new, |node| self.parameters(node));
        let (body, generator) = self.inside_function(|lower| lower.field(node, Field::Body));
        let at = body.span;
        ExprKind::Lambda(Rc::new(Function {
            name: "<lambda>".into(),
            parameters,
            returns: None,
            body: vec![Stmt { kind: StmtKind::Return(Some(*body)), span: at }],
            is_async: false,
            generator,
            span: span(node),
            name_span: span(node),
        }))
    }

    pub(super) fn parameters(&mut self, node: Node) -> Vec<Parameter> {
        let mut result: Vec<Parameter> = Vec::with_capacity(node.parts().count());
        let mut keyword_only = false;
        for child in node.parts() {
            let (pattern, annotation, default) = match child.kind() {
                Kind::DefaultParameter => (child.child_by_field(Field::Name), None, child.child_by_field(Field::Value)),
                Kind::TypedDefaultParameter => (
                    child.child_by_field(Field::Name),
                    child.child_by_field(Field::Type),
                    child.child_by_field(Field::Value),
                ),
                Kind::TypedParameter => (child.parts().next(), child.child_by_field(Field::Type), None),
                Kind::KeywordSeparator => {
                    keyword_only = true;
                    continue;
                }
                Kind::PositionalSeparator => {
                    for before in &mut result {
                        before.kind = ParameterKind::PositionalOnly;
                    }
                    continue;
                }
                _ => (Some(child), None, None),
            };
            let Some(pattern) = pattern else { continue };
            let (kind, name) = match pattern.kind() {
                Kind::ListSplatPattern => {
                    keyword_only = true;
                    (ParameterKind::Star, pattern.parts().next())
                }
                Kind::DictionarySplatPattern => (ParameterKind::DoubleStar, pattern.parts().next()),
                _ if keyword_only => (ParameterKind::KeywordOnly, Some(pattern)),
                _ => (ParameterKind::Plain, Some(pattern)),
            };
            if kind == ParameterKind::Plain && default.is_none() && result.iter().any(|p| p.default.is_some()) {
                self.refuse(child, "parameter without a default follows parameter with a default");
            }
            let name = name.map_or_else(|| "".into(), |name| self.name(name));
            let annotation = annotation.map(|node| self.expr(node));
            let default = default.map(|node| self.expr(node));
            result.push(Parameter { name, kind, default, annotation });
        }
        result
    }

    fn pairs(&mut self, node: Node) -> Vec<(Option<Expr>, Expr)> {
        node.parts()
            .map(|child| match child.kind() {
                Kind::Pair => (Some(self.field_expr(child, Field::Key)), self.field_expr(child, Field::Value)),
                _ => (None, self.or_ellipsis(child.parts().next())),
            })
            .collect()
    }

    fn comprehension(&mut self, node: Node, kind: ComprehensionKind) -> ExprKind {
        let (element, value) = match node.child_by_field(Field::Body) {
            Some(pair) if pair.kind() == Kind::Pair => {
                (self.field_expr(pair, Field::Key), Some(self.field_expr(pair, Field::Value)))
            }
            body => (self.or_ellipsis(body), None),
        };
        let mut clauses = Vec::new();
        for child in node.parts() {
            match child.kind() {
                Kind::ForInClause => {
                    let rights = || fields(child, Field::Right);
                    let iter = if let Some(one) = only(rights()) {
                        self.expr(one)
                    } else {
                        let items = rights().map(|right| self.expr(right)).collect();
                        Expr { kind: ExprKind::Tuple(items), span: span(child) }
                    };
                    clauses.push(Clause::For(self.field_expr(child, Field::Left), iter));
                }
                Kind::IfClause => clauses.push(Clause::If(self.or_ellipsis(child.parts().next()))),
                _ => {}
            }
        }
        ExprKind::Comprehension(Rc::new(Comprehension { kind, element, value, clauses }))
    }

    fn string(&mut self, node: Node) -> ExprKind {
        if let Some(text) = node.plain(self.source) {
            return ExprKind::Str(names::shared(text));
        }
        let pieces = if node.kind() == Kind::String { vec![node] } else { children(node) };
        let mut parts: Vec<FormatPart> = Vec::new();
        let mut is_bytes = false;
        for piece in pieces {
            if let Some(text) = piece.plain(self.source) {
                push_text(&mut parts, text);
                continue;
            }
            let start = children(piece).first().map_or("", |start| self.text(*start));
            let prefix = Prefix::read(start);
            is_bytes |= prefix.bytes;
            for child in piece.parts() {
                match child.kind() {
                    Kind::StringContent => {
                        let text = self.content(child, prefix);
                        push_text(&mut parts, &text);
                    }
                    Kind::Interpolation => self.interpolation(child, &mut parts),
                    _ => {}
                }
            }
        }
        match parts.as_slice() {
            [] if is_bytes => ExprKind::Bytes(Rc::new([])),
            [] => ExprKind::Str("".into()),
            [FormatPart::Text(text)] if is_bytes => {
                ExprKind::Bytes(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect())
            }
            [FormatPart::Text(text)] => ExprKind::Str(text.clone()),
            _ => ExprKind::Format(parts),
        }
    }

    fn content(&mut self, node: Node, prefix: Prefix) -> String {
        let text = self.text(node);
        let text = if prefix.raw { text.replace("\r\n", "\n") } else { text::unescape(text, prefix.bytes) };
        if prefix.format { text.replace("{{", "{").replace("}}", "}") } else { text }
    }

    fn interpolation(&mut self, node: Node, parts: &mut Vec<FormatPart>) {
        let conversion = node
            .child_by_field(Field::TypeConversion)
            .and_then(|node| self.text(node).trim_start_matches('!').chars().next());
        let mut spec = Vec::new();
        if let Some(node) = node.child_by_field(Field::FormatSpecifier) {
            let text = self.text(node);
            let inner = children(node);
            if inner.is_empty() {
                push_text(&mut spec, text.strip_prefix(':').unwrap_or(text));
            } else {
                // Text between nested expressions has no node of its own.
                let mut at = node.start_byte() + 1;
                for child in inner {
                    push_text(&mut spec, self.source.get(at..child.start_byte()).unwrap_or_default());
                    self.interpolation(child, &mut spec);
                    at = child.end_byte();
                }
                push_text(&mut spec, self.source.get(at..node.end_byte()).unwrap_or_default());
            }
        }
        let Some(expression) = node.child_by_field(Field::Expression) else { return };
        let value = self.expr(expression);
        let debug = node.children().any(|child| child.kind() == Kind::Equals).then(|| self.name(expression));
        parts.push(FormatPart::Value { value, conversion, spec, debug });
    }
}

fn is_and(node: Node) -> bool {
    node.child_by_field(Field::Operator).is_some_and(|op| op.kind() == Kind::And)
}

fn push_text(parts: &mut Vec<FormatPart>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(FormatPart::Text(last)) = parts.last_mut() {
        *last = format!("{last}{text}").into();
    } else {
        parts.push(FormatPart::Text(text.into()));
    }
}

pub(super) fn binary_op(text: &str) -> BinaryOp {
    match text.trim_end_matches('=') {
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "//" => BinaryOp::FloorDiv,
        "%" => BinaryOp::Mod,
        "**" => BinaryOp::Pow,
        "@" => BinaryOp::MatMul,
        "&" => BinaryOp::And,
        "|" => BinaryOp::Or,
        "^" => BinaryOp::Xor,
        "<<" => BinaryOp::LeftShift,
        ">>" => BinaryOp::RightShift,
        _ => BinaryOp::Add,
    }
}

fn compare_op(text: &str) -> CompareOp {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["!="] => CompareOp::NotEq,
        ["<"] => CompareOp::Less,
        ["<="] => CompareOp::LessEq,
        [">"] => CompareOp::Greater,
        [">="] => CompareOp::GreaterEq,
        ["in"] => CompareOp::In,
        ["not", "in"] => CompareOp::NotIn,
        ["is"] => CompareOp::Is,
        ["is", "not"] => CompareOp::IsNot,
        _ => CompareOp::Eq,
    }
}

/// `[*f()]` alone in brackets is read by the grammar as a call of `*f`; so are `[*a.b]`, `[*a[0]]`.
/// Python unpacks what the whole of it gives.
fn star_outside(mut kind: ExprKind, span: crate::content::Span) -> ExprKind {
    let (ExprKind::Call(of, _) | ExprKind::Attribute(of, _) | ExprKind::Subscript(of, _)) = &mut kind else {
        return kind;
    };
    if !matches!(of.kind, ExprKind::Starred(_)) {
        return kind;
    }
    if let ExprKind::Starred(inner) = std::mem::replace(&mut of.kind, ExprKind::Ellipsis) {
        *of = inner;
    }
    ExprKind::Starred(Box::new(Expr { kind, span }))
}
