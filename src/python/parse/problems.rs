//! What Python refuses although the grammar reads it, and what the grammar could not read.

use super::kinds::Kind;
use super::nodes::{Broken, Field, Node, Nodes};
use super::{SyntaxError, span};
use crate::content::Span;

/// The first byte outside of a comment that is no UTF-8, if there is one.
pub(super) fn strays(nodes: &Nodes, source: &str, strays: &[Span]) -> Result<(), SyntaxError> {
    if strays.is_empty() {
        return Ok(());
    }
    let mut comments = nodes.all().map(|(_, node)| node).filter(|node| node.kind() == Kind::Comment).peekable();
    // Where no `?` stands, a line of comment was taken out.
    for stray in strays.iter().filter(|stray| source.as_bytes().get(stray.bytes().start) == Some(&b'?')) {
        while comments.next_if(|comment| comment.end_byte() <= stray.bytes().start).is_some() {}
        if comments.peek().is_none_or(|comment| stray.bytes().start < comment.start_byte()) {
            return Err(SyntaxError { span: *stray, message: "not UTF-8, and no encoding declared".to_owned() });
        }
    }
    Ok(())
}

/// The first place that is no Python 3, if there is one.
pub(super) fn check(nodes: &Nodes, source: &str) -> Result<(), SyntaxError> {
    /// CPython's own bound.
    const BRACKETS: usize = 200;
    if nodes.depth() < BRACKETS {
        // Brackets do not nest deeper than everything does.
        let found = nodes.suspects().find_map(|node| Some((span(node), problem(node, source)?)));
        return found.map_or(Ok(()), |(span, message)| Err(SyntaxError { span, message }));
    }
    // Where the brackets around the current node end.
    let mut brackets: Vec<usize> = Vec::new();
    for (at, (after, node)) in nodes.all().enumerate() {
        while brackets.last().is_some_and(|end| *end <= at) {
            brackets.pop();
        }
        if node.is_bracket() {
            brackets.push(after);
            if brackets.len() > BRACKETS {
                return Err(SyntaxError { span: span(node), message: "too many nested parentheses".to_owned() });
            }
        }
        if node.is_suspect()
            && let Some(message) = problem(node, source)
        {
            return Err(SyntaxError { span: span(node), message });
        }
    }
    Ok(())
}

/// Whether CPython counts nodes of this kind as nested brackets.
pub(super) fn is_bracket(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ParenthesizedExpression
            | Kind::Tuple
            | Kind::List
            | Kind::Set
            | Kind::Dictionary
            | Kind::ArgumentList
            | Kind::Subscript
            | Kind::GeneratorExpression
            | Kind::ListComprehension
            | Kind::SetComprehension
            | Kind::DictionaryComprehension
    )
}

/// Whether [`problem`] has something to say of nodes of this kind that the grammar could read.
pub(super) fn is_suspect(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PrintStatement
            | Kind::ExecStatement
            | Kind::LessGreater
            | Kind::RaiseStatement
            | Kind::ExceptClause
            | Kind::Integer
            | Kind::Module
            | Kind::Block
    )
}

fn problem(node: Node, source: &str) -> Option<String> {
    match node.broken() {
        Broken::No => {}
        Broken::Missing => return Some(format!("invalid syntax: expected `{}`", node.word())),
        Broken::Error => return Some("invalid syntax".to_owned()),
    }
    let text = || source.get(node.byte_range()).unwrap_or_default();
    let message = match node.kind() {
        Kind::PrintStatement => {
            let chevron = node.named_children().next().is_some_and(|child| child.kind() == Kind::Chevron);
            (!chevron).then_some("missing parentheses in call to `print`")
        }
        Kind::ExecStatement => Some("missing parentheses in call to `exec`"),
        Kind::LessGreater => Some("invalid syntax: `<>`"),
        Kind::RaiseStatement => {
            let list = node.named_children().next().is_some_and(|child| child.kind() == Kind::ExpressionList);
            list.then_some("invalid syntax: `raise` takes one expression")
        }
        Kind::ExceptClause => several_exceptions(node).then_some("multiple exception types must be parenthesized"),
        Kind::Integer => {
            let digits = text();
            let octal = digits.len() > 1
                && digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.bytes().any(|byte| byte != b'0');
            (octal || digits.ends_with(['l', 'L']))
                .then_some("leading zeros in decimal integer literals are not permitted")
        }
        Kind::Module | Kind::Block => return uneven(node, source),
        _ => None,
    };
    message.map(str::to_owned)
}

fn several_exceptions(node: Node) -> bool {
    node.children_by_field(Field::Value).filter(|value| value.is_named()).count() > 1
}

/// Whether the statements of a block begin at different columns: the grammar's scanner takes
/// an unmatched dedent for the end of some block.
fn uneven(block: Node, source: &str) -> Option<String> {
    let mut first = if block.kind() == Kind::Module { Some("") } else { None };
    for statement in block.named_children() {
        if statement.kind() == Kind::Comment || block.kind() == Kind::Block && statement.kind() == Kind::CaseClause {
            continue;
        }
        let start = statement.start_byte();
        if first.is_some_and(|first| begins_behind(first, &source[..start])) {
            continue;
        }
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &source[line_start..start];
        if !before.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')) {
            continue;
        }
        let before = before.trim_start_matches('\x0c');
        match first {
            None => first = Some(before),
            Some(first) if before.len() != first.len() && continued(source, line_start) => {}
            Some(first) if before != first => return Some("unindent does not match, or unexpected indent".to_owned()),
            Some(_) => {}
        }
    }
    None
}

/// Whether the last line of a text is that and nothing else: true of nearly every statement of a block.
fn begins_behind(indent: &str, text: &str) -> bool {
    text.strip_suffix(indent).is_some_and(|lines| lines.ends_with('\n'))
}

/// Whether the line before ends in a backslash.
fn continued(source: &str, line_start: usize) -> bool {
    source[..line_start].trim_end_matches(['\n', '\r', ' ']).ends_with('\\')
}
