//! Regular expressions of Python, where the engine used here reads them in the same way.

use fancy_regex::{Regex, RegexBuilder};
use std::rc::Rc;

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) source: Rc<str>,
    regex: Regex,
    /// The same, from the beginning to the end.
    whole: Regex,
    /// Whether what it takes of letters outside ASCII may differ.
    classes: bool,
    /// Whether it looks at the end of the text, which a line break there shifts.
    ends: bool,
}

/// A match.
#[derive(Debug)]
pub(crate) struct Found {
    /// The text of each group, and where it begins and ends in bytes; the whole first.
    pub(crate) groups: Vec<Option<(Rc<str>, usize, usize)>>,
    pub(crate) names: Vec<(Rc<str>, usize)>,
}

impl Expression {
    /// Compiles an expression; none if it may mean something else in Python.
    pub(crate) fn of(source: &str, flags: &str) -> Option<Self> {
        let (classes, ends) = scan(source)?;
        let insensitive = flags.contains('i');
        let build = |source: String| {
            let mut builder = RegexBuilder::new(&source);
            builder.case_insensitive(insensitive).multi_line(flags.contains('m'));
            builder.dot_matches_new_line(flags.contains('s')).backtrack_limit(100_000);
            builder.build().ok()
        };
        let whole = build(format!("^(?:{source})$")).filter(|_| !flags.contains('m'));
        let regex = build(source.to_owned())?;
        let whole = whole.or_else(|| build(source.to_owned()))?;
        // Of several lines, each one's end counts: a line break at the end of the text shifts nothing.
        let ends = ends && !flags.contains('m');
        Some(Self { source: format!("{source}/{flags}").into(), regex, whole, classes: classes || insensitive, ends })
    }

    /// Whether both engines read the text alike.
    pub(crate) fn agrees_on(&self, text: &str) -> bool {
        let plain = text.is_ascii() && !text.contains(['\x1c', '\x1d', '\x1e', '\x1f', '\x0b']);
        let differs = self.classes && !plain || self.ends && text.ends_with('\n') || text.contains('\r');
        !differs
    }

    /// The matches that a method looks at, in order; none if the engine gives up.
    pub(crate) fn matches(&self, text: &str, method: &str, count: usize) -> Option<Vec<Found>> {
        let regex = if method == "fullmatch" { &self.whole } else { &self.regex };
        if method == "fullmatch" && self.source.ends_with("/m") {
            return None;
        }
        let single = matches!(method, "search" | "match" | "fullmatch");
        let limit = if single {
            1
        } else if count == 0 {
            usize::MAX
        } else {
            count
        };
        let names: Vec<(Rc<str>, usize)> =
            regex.capture_names().enumerate().filter_map(|(index, name)| Some((name?.into(), index))).collect();
        let mut all = Vec::new();
        for captures in regex.captures_iter(text) {
            let captures = captures.ok()?;
            let groups: Vec<_> = (0..regex.captures_len())
                .map(|index| captures.get(index).map(|group| (group.as_str().into(), group.start(), group.end())))
                .collect();
            let start = groups.first().and_then(Option::as_ref).map_or(0, |group| group.1);
            if method == "match" && start > 0 {
                // A later start says nothing of whether one at the beginning was tried first: it was.
                break;
            }
            // An empty match right behind another one: Python takes it since 3.7, as here it may not be.
            all.push(Found { groups, names: names.clone() });
            if all.len() >= limit {
                break;
            }
        }
        let empty = all.iter().any(|found| found.groups[0].as_ref().is_some_and(|group| group.1 == group.2));
        let touching = all.windows(2).any(|pair| {
            let end = pair[0].groups[0].as_ref().map(|group| group.2);
            let start = pair[1].groups[0].as_ref().map(|group| group.1);
            end == start
        });
        // Where an expression can be empty, the two step on differently behind a match that is not.
        let can_be_empty = !single && matches!(self.whole.is_match(""), Ok(true));
        (!(can_be_empty && (empty || touching))).then_some(all)
    }
}

impl Found {
    /// A replacement with its references; none for an escape that is not held.
    pub(crate) fn expand(&self, template: &str) -> Option<String> {
        let mut out = String::new();
        let mut letters = template.chars().peekable();
        let group = |index: usize| self.groups.get(index).map(|group| group.as_ref().map_or("", |group| &*group.0));
        while let Some(c) = letters.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match letters.next()? {
                'g' => {
                    letters.next_if_eq(&'<')?;
                    let mut name = String::new();
                    loop {
                        match letters.next()? {
                            '>' => break,
                            c => name.push(c),
                        }
                    }
                    let index = match name.parse() {
                        Ok(index) => index,
                        Err(_) => self.names.iter().find(|(other, _)| **other == *name)?.1,
                    };
                    out.push_str(group(index)?);
                }
                digit @ '1'..='9' => {
                    if letters.peek().is_some_and(char::is_ascii_digit) {
                        return None;
                    }
                    out.push_str(group(usize::try_from(digit.to_digit(10)?).ok()?)?);
                }
                '\\' => out.push('\\'),
                'n' => out.push('\n'),
                't' => out.push('\t'),
                _ => return None,
            }
        }
        Some(out)
    }
}

/// Looks through an expression for what the engines read differently: none if there is any, else
/// whether it has classes that depend on the alphabet, and whether it looks at the end.
fn scan(source: &str) -> Option<(bool, bool)> {
    let (mut classes, mut ends, mut in_class) = (false, false, false);
    let letters: Vec<char> = source.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let next = letters.get(at + 1).copied();
        match letters[at] {
            '\\' => {
                match next? {
                    'd' | 'D' | 'w' | 'W' | 's' | 'S' => classes = true,
                    'b' | 'B' if !in_class => classes = true,
                    'n' | 't' | 'r' => {}
                    'A' | '1'..='9' if !in_class => {}
                    c if !c.is_ascii_alphanumeric() && c.is_ascii() => {}
                    _ => return None,
                }
                at += 2;
                continue;
            }
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                if next == Some('^') {
                    at += 1;
                    classes = true;
                }
                if letters.get(at + 1) == Some(&']') {
                    return None;
                }
            }
            ']' if in_class => in_class = false,
            '&' | '~' | '-' | '|' if in_class && next == Some(letters[at]) => return None,
            _ if in_class => {}
            '$' => ends = true,
            '(' if next == Some('?') => match (letters.get(at + 2)?, letters.get(at + 3)) {
                (':' | '=' | '!', _) | ('P', Some('<')) | ('<', Some('=' | '!')) => {}
                _ => return None,
            },
            // `{,3}` is no repetition in one of them; possessive repetitions came with 3.11.
            '{' if !next.is_some_and(|c| c.is_ascii_digit()) => return None,
            '*' | '+' | '?' | '}' if next == Some('+') => return None,
            _ => {}
        }
        at += 1;
    }
    Some((classes, ends))
}
