//! Statements of the grammar to statements of [`crate::python::syntax`].

use super::expression::binary_op;
use super::kinds::Kind;
use super::nodes::{Field, Node};
use super::{Lower, children, fields, only, span};
use crate::python::syntax::{Case, Class, Expr, ExprKind, For, Function, Handler, Name, Pattern, Stmt, StmtKind, With};
use std::rc::Rc;

impl Lower<'_> {
    /// The statements below a module, a block, or anything else that holds statements.
    pub(super) fn block(&mut self, node: Node) -> Vec<Stmt> {
        let mut body = Vec::with_capacity(node.parts().count());
        for child in node.parts() {
            if let Some(Some(kind)) = self.deeper(child, |lower| lower.statement(child)) {
                body.push(Stmt { kind, span: span(child) });
            }
        }
        body
    }

    fn body(&mut self, node: Node, field: Field) -> Vec<Stmt> {
        node.child_by_field(field).map_or_else(Vec::new, |block| self.block(block))
    }

    pub(super) fn field_expr(&mut self, node: Node, field: Field) -> Expr {
        match node.child_by_field(field) {
            Some(child) => self.expr(child),
            None => Expr { kind: ExprKind::Ellipsis, span: span(node) },
        }
    }

    fn statement(&mut self, node: Node) -> Option<StmtKind> {
        Some(match node.kind() {
            Kind::ExpressionStatement => self.expression_statement(node),
            Kind::ReturnStatement => {
                if self.functions.is_empty() {
                    self.refuse(node, "`return` outside function");
                }
                StmtKind::Return(node.parts().next().map(|child| self.expr(child)))
            }
            Kind::RaiseStatement => StmtKind::Raise(node.parts().next().map(|child| self.expr(child))),
            Kind::PassStatement | Kind::FutureImportStatement => StmtKind::Pass,
            Kind::BreakStatement => StmtKind::Break,
            Kind::ContinueStatement => StmtKind::Continue,
            Kind::AssertStatement => StmtKind::Assert(node.parts().map(|child| self.expr(child)).collect()),
            Kind::DeleteStatement => StmtKind::Delete(self.targets(node)),
            Kind::GlobalStatement => StmtKind::Global(self.names(node)),
            Kind::NonlocalStatement => StmtKind::Nonlocal(self.names(node)),
            Kind::ImportStatement => {
                StmtKind::Import(self.imported(node).into_iter().map(|(name, alias, _)| (name, alias)).collect())
            }
            Kind::ImportFromStatement => self.import_from(node),
            Kind::IfStatement => self.if_statement(node),
            Kind::ForStatement => StmtKind::For(Rc::new(For {
                target: self.field_expr(node, Field::Left),
                iter: self.field_expr(node, Field::Right),
                body: self.body(node, Field::Body),
                orelse: self.orelse(node),
            })),
            Kind::WhileStatement => StmtKind::While {
                test: Box::new(self.field_expr(node, Field::Condition)),
                body: self.body(node, Field::Body),
                orelse: self.orelse(node),
            },
            Kind::TryStatement => self.try_statement(node),
            Kind::WithStatement => self.with_statement(node),
            Kind::FunctionDefinition => StmtKind::Function { def: self.function(node), decorators: Vec::new() },
            Kind::ClassDefinition => StmtKind::Class { def: self.class(node), decorators: Vec::new() },
            Kind::DecoratedDefinition => return self.decorated(node),
            Kind::MatchStatement => self.match_statement(node),
            Kind::TypeAliasStatement => {
                StmtKind::TypeAlias(self.field_expr(node, Field::Left), self.field_expr(node, Field::Right))
            }
            // `print >> x, y` is an expression in Python 3; other children are no statements.
            Kind::PrintStatement => StmtKind::Expr(Expr { kind: ExprKind::Other(self.name(node)), span: span(node) }),
            _ => return None,
        })
    }

    fn targets(&mut self, node: Node) -> Vec<Expr> {
        match children(node).as_slice() {
            [list] if list.kind() == Kind::ExpressionList => list.parts().map(|child| self.expr(child)).collect(),
            all => all.iter().map(|child| self.expr(*child)).collect(),
        }
    }

    fn names(&mut self, node: Node) -> Vec<Name> {
        node.parts().map(|child| self.name(child)).collect()
    }

    fn expression_statement(&mut self, node: Node) -> StmtKind {
        let Some(only) = only(node.parts()) else {
            // `a, b` as a statement.
            let items = node.parts().map(|child| self.expr(child)).collect();
            return StmtKind::Expr(Expr { kind: ExprKind::Tuple(items), span: span(node) });
        };
        match only.kind() {
            Kind::Assignment => return self.assignment(only),
            Kind::AugmentedAssignment => {
                let op = only.child_by_field(Field::Operator).map_or("+=", |op| op.word());
                return StmtKind::Augmented {
                    target: Box::new(self.field_expr(only, Field::Left)),
                    op: binary_op(op),
                    value: self.field_expr(only, Field::Right),
                };
            }
            _ => {}
        }
        let value = self.expr(only);
        let end = self.source.get(only.end_byte()..node.end_byte()).unwrap_or_default();
        if end.trim_start().starts_with(',') {
            return StmtKind::Expr(Expr { span: value.span, kind: ExprKind::Tuple(vec![value]) });
        }
        StmtKind::Expr(value)
    }

    fn assignment(&mut self, node: Node) -> StmtKind {
        if let Some(annotation) = node.child_by_field(Field::Type) {
            return StmtKind::Annotated {
                target: Box::new(self.field_expr(node, Field::Left)),
                annotation: Box::new(self.expr(annotation)),
                value: node.child_by_field(Field::Right).map(|right| self.expr(right)),
            };
        }
        let mut targets = vec![self.field_expr(node, Field::Left)];
        let mut right = node.child_by_field(Field::Right);
        while let Some(inner) = right.filter(|right| right.kind() == Kind::Assignment) {
            targets.push(self.field_expr(inner, Field::Left));
            right = inner.child_by_field(Field::Right);
        }
        let value = match right {
            Some(right) => self.expr(right),
            None => Expr { kind: ExprKind::Ellipsis, span: span(node) },
        };
        for target in &targets {
            if !assignable(target) {
                self.refuse(node, "cannot assign to this expression");
            }
        }
        StmtKind::Assign { targets, value }
    }

    fn imported(&mut self, node: Node) -> Vec<(Name, Option<Name>, crate::content::Span)> {
        fields(node, Field::Name)
            .map(|child| match child.kind() {
                Kind::AliasedImport => {
                    let name = child.child_by_field(Field::Name).map_or("", |name| self.text(name));
                    let alias = child.child_by_field(Field::Alias).map(|alias| self.name(alias));
                    (dotted(name), alias, span(child))
                }
                _ => (dotted(self.text(child)), None, span(child)),
            })
            .collect()
    }

    fn import_from(&mut self, node: Node) -> StmtKind {
        let written = node.child_by_field(Field::ModuleName).map_or("", |module| self.text(module));
        let written = dotted(written);
        let module = written.trim_start_matches('.');
        let star = node.parts().any(|child| child.kind() == Kind::WildcardImport);
        StmtKind::ImportFrom {
            level: written.len() - module.len(),
            module: module.into(),
            names: self.imported(node),
            star,
        }
    }

    fn if_statement(&mut self, node: Node) -> StmtKind {
        let mut arms = vec![(self.field_expr(node, Field::Condition), self.body(node, Field::Consequence))];
        let mut orelse = Vec::new();
        for alternative in fields(node, Field::Alternative) {
            if alternative.kind() == Kind::ElifClause {
                arms.push((self.field_expr(alternative, Field::Condition), self.body(alternative, Field::Consequence)));
            } else {
                orelse = self.body(alternative, Field::Body);
            }
        }
        StmtKind::If { arms, orelse }
    }

    fn orelse(&mut self, node: Node) -> Vec<Stmt> {
        node.child_by_field(Field::Alternative).map_or_else(Vec::new, |clause| self.body(clause, Field::Body))
    }

    fn try_statement(&mut self, node: Node) -> StmtKind {
        let body = self.body(node, Field::Body);
        let (mut handlers, mut orelse, mut finally) = (Vec::new(), Vec::new(), Vec::new());
        for child in node.parts() {
            match child.kind() {
                Kind::ExceptClause => handlers.push(self.handler(child)),
                Kind::ElseClause => orelse = self.body(child, Field::Body),
                Kind::FinallyClause => {
                    let block = child.parts().find(|child| child.kind() == Kind::Block);
                    finally = block.map_or_else(Vec::new, |block| self.block(block));
                }
                _ => {}
            }
        }
        StmtKind::Try { body, handlers: handlers.into(), orelse, finally: finally.into() }
    }

    fn handler(&mut self, node: Node) -> Handler {
        let parts = children(node);
        let body = parts.iter().find(|child| child.kind() == Kind::Block).copied();
        let value = parts.first().filter(|child| child.kind() != Kind::Block).copied();
        let alias = node.child_by_field(Field::Alias);
        let (value, alias) = match value {
            Some(value) if value.kind() == Kind::AsPattern => (value.parts().next(), children(value).get(1).copied()),
            _ => (value, alias),
        };
        Handler {
            kind: value.map(|value| self.expr(value)),
            name: alias.map(|alias| self.name(alias)),
            body: body.map_or_else(Vec::new, |body| self.block(body)),
        }
    }

    fn with_statement(&mut self, node: Node) -> StmtKind {
        let mut items = Vec::new();
        let clause = node.parts().find(|child| child.kind() == Kind::WithClause);
        for item in clause.map_or_else(Vec::new, children) {
            let Some(value) = item.child_by_field(Field::Value) else { continue };
            // `with (a as b, c as d):` may be read as one tuple of patterns.
            let group = if value.kind() == Kind::Tuple { children(value) } else { vec![value] };
            let grouped = group.iter().any(|value| value.kind() == Kind::AsPattern);
            for value in if grouped { group } else { vec![value] } {
                let parts = children(value);
                match value.kind() {
                    Kind::AsPattern => {
                        let Some(context) = parts.first() else { continue };
                        let context = self.expr(*context);
                        let alias = value.child_by_field(Field::Alias).map(|alias| self.expr(alias));
                        items.push((context, alias));
                    }
                    _ => items.push((self.expr(value), None)),
                }
            }
        }
        StmtKind::With(Rc::new(With { items, body: self.body(node, Field::Body) }))
    }

    fn function(&mut self, node: Node) -> Rc<Function> {
        let name = node.child_by_field(Field::Name);
        let parameters = node.child_by_field(Field::Parameters).map_or_else(Vec::new, |node| self.parameters(node));
        let returns = node.child_by_field(Field::ReturnType).map(|node| self.expr(node));
        let (body, generator) = self.inside_function(|lower| lower.body(node, Field::Body));
        Rc::new(Function {
            name: name.map_or_else(|| "".into(), |name| self.name(name)),
            parameters,
            returns,
            body,
            is_async: node.children().next().is_some_and(|child| child.kind() == Kind::Async),
            generator,
            span: span(node),
            name_span: name.map_or_else(|| span(node), span),
        })
    }

    fn class(&mut self, node: Node) -> Rc<Class> {
        let arguments = node.child_by_field(Field::Superclasses).map_or_else(Vec::new, |node| self.arguments(node));
        let functions = std::mem::take(&mut self.functions);
        let body = self.body(node, Field::Body);
        self.functions = functions;
        let name = node.child_by_field(Field::Name).map_or_else(|| "".into(), |name| self.name(name));
        Rc::new(Class { name, arguments, body })
    }

    fn decorated(&mut self, node: Node) -> Option<StmtKind> {
        let decorators = node
            .parts()
            .filter(|child| child.kind() == Kind::Decorator)
            .filter_map(|decorator| decorator.parts().next().map(|child| self.expr(child)))
            .collect();
        let definition = node.child_by_field(Field::Definition)?;
        Some(match definition.kind() {
            Kind::FunctionDefinition => StmtKind::Function { def: self.function(definition), decorators },
            _ => StmtKind::Class { def: self.class(definition), decorators },
        })
    }

    fn match_statement(&mut self, node: Node) -> StmtKind {
        let subjects = || fields(node, Field::Subject);
        let subject = match only(subjects()) {
            Some(one) => self.expr(one),
            None => Expr { kind: ExprKind::Tuple(subjects().map(|one| self.expr(one)).collect()), span: span(node) },
        };
        let clauses = node.child_by_field(Field::Body).map_or_else(Vec::new, children);
        let cases =
            clauses.into_iter().filter(|clause| clause.kind() == Kind::CaseClause).map(|clause| self.case(clause));
        StmtKind::Match { subject, cases: cases.collect() }
    }

    fn case(&mut self, node: Node) -> Case {
        let patterns: Vec<Node> = node.parts().filter(|child| child.kind() == Kind::CasePattern).collect();
        let pattern = match patterns.as_slice() {
            [one] => self.pattern(*one),
            many => Pattern::Sequence(many.iter().map(|one| self.pattern(*one)).collect()),
        };
        let guard = node.child_by_field(Field::Guard).and_then(|guard| guard.parts().next());
        Case { pattern, guard: guard.map(|guard| self.expr(guard)), body: self.body(node, Field::Consequence) }
    }

    fn pattern(&mut self, node: Node) -> Pattern {
        self.deeper(node, |lower| lower.pattern_kind(node)).unwrap_or(Pattern::Any)
    }

    fn pattern_kind(&mut self, node: Node) -> Pattern {
        let parts = children(node);
        match node.kind() {
            Kind::CasePattern => match parts.first() {
                Some(inner) => self.pattern(*inner),
                None if self.text(node).trim() == "_" => Pattern::Any,
                None => Pattern::Other(self.text(node).to_owned()),
            },
            Kind::UnionPattern => Pattern::Or(parts.into_iter().map(|part| self.pattern(part)).collect()),
            Kind::AsPattern => match parts.as_slice() {
                [inner, name] => Pattern::As(Box::new(self.pattern(*inner)), self.name(*name)),
                _ => Pattern::Other(self.text(node).to_owned()),
            },
            // `(x)` is `x`.
            Kind::TuplePattern
                if parts.len() == 1 && !self.text(node).trim_end_matches([')', ' ', '\n']).ends_with(',') =>
            {
                self.pattern(parts[0])
            }
            Kind::ListPattern | Kind::TuplePattern => {
                Pattern::Sequence(parts.into_iter().map(|part| self.pattern(part)).collect())
            }
            Kind::SplatPattern => {
                Pattern::Star(parts.first().map(|name| self.name(*name)).filter(|name| &**name != "_"))
            }
            Kind::DictPattern => self.mapping_pattern(node),
            Kind::ClassPattern => self.class_pattern(&parts),
            Kind::DottedName if !self.text(node).contains('.') => {
                if self.text(node) == "_" {
                    Pattern::Any
                } else {
                    Pattern::Capture(self.name(node))
                }
            }
            Kind::DottedName => {
                let mut names = self.text(node).split('.').map(str::trim);
                let at = span(node);
                let first = Expr { kind: ExprKind::Name(names.next().unwrap_or_default().into()), span: at };
                Pattern::Value(names.fold(first, |object, name| Expr {
                    kind: ExprKind::Attribute(Box::new(object), name.into()),
                    span: at,
                }))
            }
            Kind::String
            | Kind::ConcatenatedString
            | Kind::Integer
            | Kind::Float
            | Kind::True
            | Kind::False
            | Kind::None => Pattern::Value(self.expr(node)),
            _ => Pattern::Other(self.text(node).to_owned()),
        }
    }

    /// `{"key": pattern, **rest}`.
    fn mapping_pattern(&mut self, node: Node) -> Pattern {
        let (mut pairs, mut rest, mut key) = (Vec::new(), None, None);
        for child in node.parts() {
            match (child.kind(), key.take()) {
                (Kind::SplatPattern, _) => rest = children(child).first().map(|name| self.name(*name)),
                (Kind::CasePattern, Some(key)) => {
                    let pattern = self.pattern(child);
                    pairs.push((key, pattern));
                }
                _ => key = Some(self.pattern_key(child)),
            }
        }
        Pattern::Mapping(pairs, rest)
    }

    fn pattern_key(&mut self, node: Node) -> Expr {
        match self.pattern(node) {
            Pattern::Value(value) => value,
            _ => self.expr(node),
        }
    }

    /// `Class(pattern, attribute=pattern)`.
    fn class_pattern(&mut self, parts: &[Node]) -> Pattern {
        let Some((class, arguments)) = parts.split_first() else { return Pattern::Other(String::new()) };
        let mut names = self.text(*class).split('.').map(str::trim);
        let at = span(*class);
        let first = Expr { kind: ExprKind::Name(names.next().unwrap_or_default().into()), span: at };
        let class = names
            .fold(first, |object, name| Expr { kind: ExprKind::Attribute(Box::new(object), name.into()), span: at });
        let (mut positional, mut keywords) = (Vec::new(), Vec::new());
        for argument in arguments {
            let inner = children(*argument);
            match inner.first().filter(|inner| inner.kind() == Kind::KeywordPattern).map(|inner| children(*inner)) {
                Some(pair) => {
                    if let [name, pattern] = pair.as_slice() {
                        keywords.push((self.name(*name), self.pattern(*pattern)));
                    }
                }
                None => positional.push(self.pattern(*argument)),
            }
        }
        Pattern::Class(class, positional, keywords)
    }
}

fn assignable(target: &Expr) -> bool {
    match &target.kind {
        ExprKind::Name(_) | ExprKind::Attribute(..) | ExprKind::Subscript(..) | ExprKind::Other(_) => true,
        ExprKind::Starred(inner) => assignable(inner),
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().all(assignable),
        _ => false,
    }
}

/// A dotted name without the blanks that Python allows in it.
fn dotted(text: &str) -> Name {
    if !text.contains(char::is_whitespace) {
        return super::names::shared(text);
    }
    text.split_whitespace().collect::<String>().into()
}
