//! Syntax that only later releases of Python 3 have.
//!
//! Each entry was compiled by CPython 3.7 to 3.13: `testdata/python/syntax`.

use super::kinds::Kind;
use super::nodes::{Field, Node};
use super::{Read, SyntaxError, span};

/// The first place that CPython 3.`minor` does not compile, although a later release does; none as
/// well for what no release compiles.
pub(crate) fn too_new(bytes: &[u8], minor: u32) -> Option<SyntaxError> {
    let read = Read::of(bytes).ok()?;
    let source = &read.source.text;
    // Where the texts end that the current node stands in, and their quotes.
    let mut texts: Vec<(usize, &str)> = Vec::new();
    for (at, (after, node)) in read.nodes.all().enumerate() {
        while texts.last().is_some_and(|(end, _)| *end <= at) {
            texts.pop();
        }
        let found = match (node.kind(), texts.last()) {
            (Kind::Interpolation, Some((_, quotes))) => interpolation(node, quotes, source),
            _ => since(node, source),
        };
        if let Some((since, what)) = found
            && since > minor
        {
            let message = format!("{what} needs Python 3.{since}, the target is 3.{minor}");
            return Some(SyntaxError { span: span(node), message });
        }
        if node.kind() == Kind::String {
            texts.push((after, quotes(source.get(node.byte_range()).unwrap_or_default())));
        }
    }
    None
}

/// The quotes that a literal begins with.
fn quotes(literal: &str) -> &str {
    let quoted = literal.trim_start_matches(char::is_alphabetic);
    let length = if quoted.starts_with("\"\"\"") || quoted.starts_with("'''") { 3 } else { 1 };
    quoted.get(..length).unwrap_or_default()
}

/// Since which 3.x there is what a node is written as, for what 3.7 does not have.
fn since(node: Node, source: &str) -> Option<(u32, &'static str)> {
    let has = |token: Kind| node.children().any(|child| child.kind() == token);
    Some(match node.kind() {
        Kind::NamedExpression => (8, "`:=`"),
        Kind::PositionalSeparator => (8, "a positional-only parameter"),
        Kind::ReturnStatement | Kind::Yield if bare_star(node) => (8, "`*` in a list without parentheses"),
        Kind::ForStatement if node.child_by_field(Field::Right).is_some_and(is_star_list) => {
            (9, "`*` in the list of a `for`")
        }
        Kind::FinallyClause if continues(node) => (8, "`continue` in `finally`"),
        Kind::String if is_template(node, source) => (14, "a t-string"),
        Kind::Set if node.children().any(|child| child.kind() == Kind::NamedExpression) => (9, "`:=` in a set"),
        Kind::Decorator if !node.parts().next().is_some_and(plain_decorator) => (9, "such a decorator"),
        Kind::WithClause if several_in_parentheses(node, source) => (9, "`with` in parentheses"),
        Kind::Subscript if node.children().any(|child| child.kind() == Kind::NamedExpression) => {
            (10, "`:=` as an index without parentheses")
        }
        Kind::MatchStatement => (10, "`match`"),
        Kind::ExceptClause if has(Kind::Star) => (11, "`except*`"),
        Kind::Subscript if node.children().any(|child| child.kind() == Kind::ListSplat) => (11, "`*` in an index"),
        Kind::TypedParameter if starred_type(node) => (11, "`*` in the annotation of `*args`"),
        Kind::TypeAliasStatement => (12, "`type`"),
        Kind::FunctionDefinition | Kind::ClassDefinition if has(Kind::TypeParameter) => (12, "a type parameter"),
        _ => return None,
    })
}

fn is_star_list(node: Node) -> bool {
    node.kind() == Kind::ExpressionList && node.children().any(|child| child.kind() == Kind::ListSplat)
}

/// `return *a, b` without parentheses.
fn bare_star(node: Node) -> bool {
    node.children().any(is_star_list)
}

/// A dotted name, called or not.
fn plain_decorator(node: Node) -> bool {
    match node.kind() {
        Kind::Identifier => true,
        Kind::Attribute => node.child_by_field(Field::Object).is_some_and(plain_name),
        Kind::Call => node.child_by_field(Field::Function).is_some_and(plain_name),
        _ => false,
    }
}

fn plain_name(node: Node) -> bool {
    let mut node = node;
    while node.kind() == Kind::Attribute {
        let Some(object) = node.child_by_field(Field::Object) else { return false };
        node = object;
    }
    node.kind() == Kind::Identifier
}

/// `with (a as x, b as y):`; before, what stands in parentheses is one value.
fn several_in_parentheses(clause: Node, source: &str) -> bool {
    let text = source.get(clause.byte_range()).unwrap_or_default();
    let mut depth = 0_usize;
    // Where the first bracket closes.
    let end = text.bytes().position(|byte| {
        depth += usize::from(matches!(byte, b'(' | b'[' | b'{'));
        depth = depth.saturating_sub(usize::from(matches!(byte, b')' | b']' | b'}')));
        depth == 0
    });
    let wrapped = text.starts_with('(') && end.is_some_and(|end| end + 1 == text.len());
    wrapped && inner(clause).any(|node| node.kind() == Kind::AsPattern)
}

/// Whether a loop around the `finally` goes on within it.
fn continues(clause: Node) -> bool {
    let mut open: Vec<Node> = clause.children().collect();
    while let Some(node) = open.pop() {
        match node.kind() {
            Kind::ContinueStatement => return true,
            Kind::ForStatement | Kind::WhileStatement | Kind::FunctionDefinition | Kind::ClassDefinition => {}
            _ => open.extend(node.children()),
        }
    }
    false
}

fn is_template(literal: Node, source: &str) -> bool {
    let text = source.get(literal.byte_range()).unwrap_or_default();
    text.chars().take_while(|c| c.is_alphabetic()).any(|c| matches!(c, 't' | 'T'))
}

/// `*args: *Ts`
fn starred_type(parameter: Node) -> bool {
    let starred = |node: Node| {
        matches!(node.kind(), Kind::SplatType | Kind::ListSplat)
            || node.children().any(|child| matches!(child.kind(), Kind::SplatType | Kind::ListSplat))
    };
    parameter.children_by_field(Field::Type).any(starred)
}

/// What stands in the braces of an f-string: until 3.11 it was a text within the text.
fn interpolation(node: Node, quotes: &str, source: &str) -> Option<(u32, &'static str)> {
    let text = |node: Node| source.get(node.byte_range()).unwrap_or_default();
    if inner(node).any(|child| child.kind() == Kind::String && self::quotes(text(child)) == quotes) {
        return Some((12, "the quotes of an f-string within it"));
    }
    if text(node).contains('\\') {
        return Some((12, "a backslash in the braces of an f-string"));
    }
    if inner(node).any(|child| child.kind() == Kind::Comment) {
        return Some((12, "a comment in the braces of an f-string"));
    }
    if quotes.len() == 1 && text(node).contains('\n') {
        return Some((12, "several lines in the braces of an f-string"));
    }
    node.children().any(|child| child.kind() == Kind::Equals).then_some((8, "`=` in the braces of an f-string"))
}

/// All nodes in a node.
fn inner(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let mut open: Vec<Node> = node.children().collect();
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(next.children());
        Some(next)
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the corpus is read from its folder")]
mod tests {
    use super::super::parse;
    use super::too_new;

    /// Each file with the first release that compiles it; none if no release up to 3.13 does.
    fn corpus() -> Vec<(String, Vec<u8>, Option<u32>)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/python/syntax");
        let list = std::fs::read_to_string(folder.join("accepted.list")).unwrap();
        let lines = list.lines().filter(|line| !line.starts_with('#'));
        let corpus: Vec<_> = lines
            .map(|line| {
                let (name, since) = line.split_once(' ').unwrap();
                let bytes = std::fs::read(folder.join(format!("{name}.txt"))).unwrap();
                (name.to_owned(), bytes, since.strip_prefix("3.").map(|minor| minor.parse().unwrap()))
            })
            .collect();
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, corpus.len() + 1, "a file is not in the list");
        corpus
    }

    #[test]
    fn a_file_is_refused_for_exactly_the_releases_that_do_not_compile_it() {
        /// The grammar does not read it yet: it is taken for an error in every release.
        const NOT_READ: &str = "type_parameter_default";
        assert!(parse(b"class Box[T = int]:\n    pass\n").is_err(), "now it is read");
        let mut wrong = Vec::new();
        for (name, bytes, since) in corpus().into_iter().filter(|(name, _, _)| name != NOT_READ) {
            for minor in 7..=13 {
                let refused = parse(&bytes).is_err() || too_new(&bytes, minor).is_some();
                let compiled = since.is_some_and(|since| since <= minor);
                if refused == compiled {
                    wrong.push(format!("{name} for 3.{minor}: refused {refused}, {:?}", parse(&bytes).err()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
