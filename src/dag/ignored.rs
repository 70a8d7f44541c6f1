//! `.airflowignore`: which files and folders Airflow does not look at.
//!
//! 2.x reads the lines as regular expressions that are searched in the path below the DAGs
//! folder; 3.x reads them as git reads `.gitignore`. Both hold for the folder of the file and all
//! below it, and what hides a folder hides all in it.
//!
//! Invariant: a file is hidden only where that is certain; where it is not, that is a doubt.

use crate::ids::AirflowVersion;
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Whether Airflow looks at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Seen,
    Hidden,
    /// That is not known.
    Unclear(&'static str),
}

/// A line of an `.airflowignore` file.
#[derive(Debug)]
struct Line {
    regexp: Pattern,
    glob: Option<Glob>,
}

#[derive(Debug)]
enum Pattern {
    Regex(Regex),
    /// Airflow warns and goes on.
    Invalid,
    /// Python and we may not mean the same.
    Foreign,
}

#[derive(Debug)]
struct Glob {
    pattern: Regex,
    /// Whether a match hides; a line that begins with `!` shows again.
    hides: bool,
    /// Whether it looks at the path below the folder of its file, or at the last part only.
    anchored: bool,
    folders_only: bool,
}

/// The `.airflowignore` files of a tree, by their folder.
#[derive(Debug, Default)]
pub(super) struct Ignored(BTreeMap<String, Vec<Line>>);

impl Ignored {
    /// Adds a file; `folder` is its folder as a path that ends with `/`, or empty.
    pub(super) fn add(&mut self, folder: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(without_comment).filter(|line| !line.is_empty());
        self.0.insert(folder.to_owned(), lines.map(|line| Line { regexp: regexp(line), glob: glob(line) }).collect());
    }

    /// Whether Airflow looks at a file; `base` is the DAGs folder, `path` the file, both from the
    /// same root.
    pub(super) fn sight(&self, base: &str, path: &str, version: Option<AirflowVersion>) -> Sight {
        if self.0.is_empty() {
            return Sight::Seen;
        }
        let as_regexp = || self.walk(base, path, |lines, path, _| by_regexp(lines, base, path));
        let as_glob = || self.walk(base, path, by_glob);
        match version.map(|version| version.major) {
            Some(2) => as_regexp(),
            Some(_) => as_glob(),
            None => {
                let both = (as_regexp(), as_glob());
                if both.0 == both.1 {
                    return both.0;
                }
                Sight::Unclear("whether `.airflowignore` hides the file depends on the release of Airflow")
            }
        }
    }

    /// Asks for each folder on the way to the file, then for the file. A rule is given the folder
    /// of its file, its lines, and the path in question, which ends with `/` for a folder.
    fn walk(&self, base: &str, path: &str, rule: impl Fn(&[(&str, &[Line])], &str, bool) -> Sight) -> Sight {
        let Some(below) = path.strip_prefix(base) else { return Sight::Seen };
        let mut rules: Vec<(&str, &[Line])> = Vec::new();
        let mut unclear = Sight::Seen;
        let mut at = base.len();
        for part in below.split_inclusive('/') {
            if let Some((folder, lines)) = self.0.get_key_value(&path[..at]) {
                rules.push((folder, lines));
            }
            at += part.len();
            match rule(&rules, &path[..at], part.ends_with('/')) {
                Sight::Hidden => return if unclear == Sight::Seen { Sight::Hidden } else { unclear },
                Sight::Unclear(why) => unclear = Sight::Unclear(why),
                Sight::Seen => {}
            }
        }
        unclear
    }
}

fn without_comment(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before.trim_end())
}

fn by_regexp(rules: &[(&str, &[Line])], base: &str, path: &str) -> Sight {
    let below = path[base.len()..].trim_end_matches('/');
    let mut unclear = Sight::Seen;
    for line in rules.iter().flat_map(|(_, lines)| lines.iter()) {
        match &line.regexp {
            Pattern::Regex(regex) if regex.is_match(below) => return Sight::Hidden,
            Pattern::Foreign => unclear = Sight::Unclear("a line of `.airflowignore` is not understood"),
            Pattern::Regex(_) | Pattern::Invalid => {}
        }
    }
    unclear
}

fn by_glob(rules: &[(&str, &[Line])], path: &str, is_folder: bool) -> Sight {
    let mut hidden = false;
    for (folder, lines) in rules {
        for glob in lines.iter().filter_map(|line| line.glob.as_ref()) {
            let below = path.strip_prefix(folder).unwrap_or(path);
            let last = match below.trim_end_matches('/').rfind('/') {
                Some(slash) if !glob.anchored => &below[slash + 1..],
                _ => below,
            };
            if (is_folder || !glob.folders_only) && glob.pattern.is_match(last) {
                hidden = glob.hides;
            }
        }
    }
    if hidden { Sight::Hidden } else { Sight::Seen }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(1 << 18).build().ok()
}

/// Reads a line as Python reads a regular expression.
fn regexp(line: &str) -> Pattern {
    let chars: Vec<char> = line.chars().collect();
    let mut class = false;
    let mut repeated = true;
    let mut index = 0;
    while index < chars.len() {
        let (c, next) = (chars[index], chars.get(index + 1).copied());
        match c {
            '\\' if next.is_some_and(|next| next.is_alphanumeric() && !"dDwWsSbB".contains(next)) => {
                return Pattern::Foreign;
            }
            '\\' => index += 1,
            '[' if class => return Pattern::Foreign,
            '&' | '-' | '~' if class && next == Some(c) => return Pattern::Foreign,
            '[' => class = true,
            ']' => class = false,
            '{' if !class => return Pattern::Foreign,
            '(' if !class && next == Some('?') => return Pattern::Foreign,
            '+' if !class && repeated && index > 0 && "*+?".contains(chars[index - 1]) => return Pattern::Foreign,
            // Nothing to repeat, or a repeat of a repeat.
            '*' | '+' if !class && repeated => return Pattern::Invalid,
            '?' if !class && repeated && (index == 0 || !"*+?".contains(chars[index - 1])) => return Pattern::Invalid,
            _ => {}
        }
        repeated = !class && c != '\\' && "*+?(|".contains(c);
        index += 1;
    }
    compile(line).map_or(Pattern::Invalid, Pattern::Regex)
}

/// Reads a line as git reads one of `.gitignore`.
fn glob(line: &str) -> Option<Glob> {
    let line = line.trim_end();
    let (hides, rest) = line.strip_prefix('!').map_or((true, line), |rest| (false, rest));
    let inner = rest.trim_end_matches('/');
    if inner.is_empty() {
        return None;
    }
    let folders_only = inner.len() < rest.len();
    let anchored = inner.contains('/');
    let mut parts: Vec<&str> = inner.split('/').collect();
    if parts[0].is_empty() {
        parts.remove(0);
    } else if parts.len() == 1 {
        parts.insert(0, "**");
    }
    parts.dedup_by(|a, b| *a == "**" && *b == "**");
    let mut regex = String::from("^");
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        match *part {
            "**" if index == last => regex.push_str(if index == 0 { "" } else { "/" }),
            "**" if index == 0 => regex.push_str("(?:.+/)?"),
            "**" => regex.push_str("(?:/.+)?"),
            part => {
                if index > 0 && !(index == 1 && parts[0] == "**") {
                    regex.push('/');
                }
                regex.push_str(&part_of_glob(part));
                if index == last {
                    regex.push_str(if folders_only { "/" } else { "(?:/|$)" });
                }
            }
        }
    }
    Some(Glob { pattern: compile(&regex)?, hides, anchored, folders_only })
}

/// One part of a path pattern as a regular expression.
fn part_of_glob(part: &str) -> String {
    if part == "*" {
        return "[^/]+".to_owned();
    }
    let mut regex = String::new();
    let mut chars = part.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' if chars.clone().skip(1).any(|c| c == ']') => {
                regex.push('[');
                if chars.peek().is_some_and(|c| matches!(c, '!' | '^')) {
                    chars.next();
                    regex.push('^');
                }
                let mut first = true;
                for c in chars.by_ref() {
                    if c == ']' && !first {
                        break;
                    }
                    first = false;
                    if c == '-' {
                        regex.push('-');
                    } else {
                        regex.push_str(&regex::escape(&c.to_string()));
                    }
                }
                regex.push(']');
            }
            '\\' => regex.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex
}
