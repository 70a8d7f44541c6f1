//! The carriers of an acceptance as people write them: comments and commit trailers.

use super::{Acceptance, Carrier, Subject};
use crate::content::{Location, Revision};

/// A `# dagguard: ignore[rule] reason` of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// Its line.
    pub(super) line: u32,
    /// The rules that it names; none where it names them in no way that is understood.
    pub(super) rules: Vec<String>,
    /// Why; empty where nothing is said.
    pub(super) reason: String,
    /// First and last line that it speaks of: its own, and the statement below where it stands
    /// alone.
    pub(super) covers: (u32, u32),
}

/// Decorators and comments between a comment and the line that it speaks of.
const MOST_BETWEEN: usize = 40;

/// The comments for this program in a file, whatever its language: where `#` begins one.
pub(super) fn comments(text: &str) -> Vec<Comment> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, column) in hashes(&lines) {
        let line = lines[index];
        let Some((rules, reason)) = directive(&line[column..]) else { continue };
        let alone = line[..column].trim().is_empty();
        let last = if alone { spoken_of(&lines, index) } else { index };
        let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
        found.push(Comment { line: number(index), rules, reason, covers: (number(index), number(last)) });
    }
    found
}

/// The last line that a comment above it speaks of: the next one that is neither a comment nor a
/// part of a decorator.
fn spoken_of(lines: &[&str], comment: usize) -> usize {
    let mut decorated = false;
    for (index, line) in lines.iter().enumerate().skip(comment + 1).take(MOST_BETWEEN) {
        let line = line.trim_start();
        let defines = ["def ", "async def ", "class "].iter().any(|word| line.starts_with(word));
        if line.starts_with('@') {
            decorated = true;
        } else if !line.starts_with('#') && (defines || !decorated) {
            return index;
        }
    }
    comment
}

/// Where comments begin: line and column of each `#` outside of texts.
fn hashes(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut quote: Option<&str> = None;
    for (index, line) in lines.iter().enumerate() {
        let mut at = 0;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let width = rest.chars().next().map_or(1, char::len_utf8);
            match quote {
                _ if rest.starts_with('\\') => at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                Some(end) if rest.starts_with(end) => {
                    at += end.len();
                    quote = None;
                }
                Some(_) => at += width,
                None if rest.starts_with('#') => {
                    found.push((index, at));
                    break;
                }
                None => {
                    quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote));
                    at += quote.map_or(width, str::len);
                }
            }
        }
        // A text in simple quotes ends with its line, whether closed or not.
        quote = quote.filter(|quote| quote.len() == 3);
    }
    found
}

/// What a comment says to this program; none where it does not speak to it.
fn directive(comment: &str) -> Option<(Vec<String>, String)> {
    let mut parts = comment.match_indices('#').map(|(at, _)| comment[at + 1..].trim_start());
    let word = parts.find_map(|part| part.strip_prefix("dagguard:"))?.trim_start();
    // Another comment behind it is not a part of the reason; the number of an issue is.
    let word = word.split(" # ").next().unwrap_or(word);
    let Some(rest) = word.strip_prefix("ignore") else {
        // Misspelt, or prose about this program.
        return word.contains('[').then(|| (Vec::new(), String::new()));
    };
    let Some((rules, reason)) = rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return Some((Vec::new(), String::new()));
    };
    let rules = rules.split(',').map(|rule| rule.trim().to_string()).filter(|rule| !rule.is_empty()).collect();
    Some((rules, reason_of(reason)))
}

/// A reason without what joins it to its line. What a message shows in its place is none.
fn reason_of(text: &str) -> String {
    let text = text.trim().trim_start_matches([':', '-', '—']).trim();
    if text.starts_with('<') && text.ends_with('>') { String::new() } else { text.to_string() }
}

/// The acceptances in a commit's message: lines `Dagguard-Accept: <fingerprint> <reason>`. They count
/// wherever they stand, for a squashed merge puts the trailers of its commits into its text.
pub fn trailers(commit: &Revision, message: &str) -> Vec<Acceptance> {
    const KEY: &str = "dagguard-accept:";
    let mut found: Vec<Acceptance> = Vec::new();
    let mut goes_on = false;
    for line in message.lines() {
        if line.get(..KEY.len()).is_some_and(|key| key.eq_ignore_ascii_case(KEY)) {
            let words = line[KEY.len()..].trim();
            let (fingerprint, reason) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
            found.push(Acceptance {
                carrier: Carrier::Trailer(commit.clone()),
                subject: Subject::Fingerprint(fingerprint.to_ascii_lowercase()),
                reason: reason_of(reason),
                until: None,
            });
            goes_on = true;
        } else if goes_on && line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            // Git folds a long trailer.
            if let Some(last) = found.last_mut() {
                last.reason = format!("{} {}", last.reason, line.trim()).trim().to_string();
            }
        } else {
            goes_on = false;
        }
    }
    found
}

/// An acceptance of the configuration.
pub fn of_config(
    at: Option<Location>,
    fingerprint: &str,
    reason: &str,
    until: Option<jiff::civil::Date>,
) -> Acceptance {
    let carrier = at.map_or(Carrier::Operator, Carrier::Tree);
    let subject = Subject::Fingerprint(fingerprint.trim().to_ascii_lowercase());
    Acceptance { carrier, subject, reason: reason_of(reason), until }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        comments(text)
            .iter()
            .map(|c| format!("{}: {} {:?} {}-{}", c.line, c.rules.join("+"), c.reason, c.covers.0, c.covers.1))
            .collect()
    }

    #[test]
    fn a_comment_speaks_of_its_line_or_of_the_statement_below() {
        let text = "\
x = 1  # dagguard: ignore[task-id-removed] nobody waits for #12 # 2
# dagguard: ignore[task-id-renamed, task-added] why
# another
@task(
    retries=3,
)
def load():
    pass
#dagguard:ignore[x]
y = 2
";
        assert_eq!(
            said(text),
            [
                "1: task-id-removed \"nobody waits for #12\" 1-1",
                "2: task-id-renamed+task-added \"why\" 2-7",
                "9: x \"\" 9-10"
            ]
        );
    }

    #[test]
    fn texts_are_no_comments_and_other_comments_are_not_for_us() {
        let text = "\
'''
# dagguard: ignore[a] in a text
''' + \"# dagguard: ignore[b] too\"
path = 'it\\'s # dagguard: ignore[c] in one'  # dagguard: see the README
z = 1  # noqa: E501  # dagguard: ignore[d] behind another
q = 1  # dagguard: ignroe[e] misspelt
r = 1  # dagguard: ignore this
";
        assert_eq!(said(text), ["5: d \"behind another\" 5-5", "6:  \"\" 6-6", "7:  \"\" 7-7"]);
    }

    #[test]
    fn what_a_message_shows_in_place_of_a_reason_is_none() {
        assert_eq!(said("# dagguard: ignore[a] <reason>"), ["1: a \"\" 1-1"]);
        let of = |text: &str| trailers(&Revision::new("c"), text).pop().map(|a| a.reason);
        assert_eq!(of("Dagguard-Accept: 0123456789abcdef <reason>"), Some(String::new()));
    }

    #[test]
    fn a_trailer_counts_wherever_it_stands_and_may_be_folded() {
        let message = "Merge\n\n* one\n\nDagguard-Accept: 0123456789ABCDEF the table\n  was truncated\nSigned-off-by: A\n> \
                       Dagguard-Accept: quoted no\ndagguard-accept: 1";
        let found: Vec<_> = trailers(&Revision::new("c"), message)
            .into_iter()
            .map(|acceptance| (acceptance.subject, acceptance.reason))
            .collect();
        let fingerprint = |text: &str| Subject::Fingerprint(text.to_string());
        assert_eq!(
            found,
            [(fingerprint("0123456789abcdef"), "the table was truncated".into()), (fingerprint("1"), String::new())]
        );
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in [
            "",
            "#",
            "\\",
            "é\\é#",
            "'\\",
            "# dagguard:",
            "# dagguard: ignore[",
            "\"\"\"",
            "@",
            "# dagguard: ignore[]x",
        ] {
            comments(text);
        }
    }
}
