//! The text of a file and of its literals: encodings, escapes, numbers.

use super::SyntaxError;
use crate::content::Span;
use std::borrow::Cow;

/// The text of a file.
pub(super) struct Source<'b> {
    pub(super) text: Cow<'b, str>,
    /// Bytes that are no UTF-8, with a `?` in the place of each. In a comment Python never looks.
    pub(super) strays: Vec<Span>,
}

/// Reads a file as Python does: UTF-8 unless a coding line says otherwise.
pub(super) fn decode(bytes: &[u8]) -> Result<Source<'_>, SyntaxError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Looking for it is quicker than looking where it is.
    if bytes.contains(&0)
        && let Some(at) = bytes.iter().position(|byte| *byte == 0)
    {
        return Err(SyntaxError {
            span: at_byte(bytes, at),
            message: "source code cannot contain null bytes".to_owned(),
        });
    }
    let mut strays = Vec::new();
    let text = match coding(bytes) {
        Some(name)
            if matches!(
                name.as_str(),
                "latin-1" | "iso-8859-1" | "iso-8859-15" | "latin1" | "cp1252" | "windows-1252"
            ) =>
        {
            Cow::Owned(bytes.iter().copied().map(char::from).collect())
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(with_strays(bytes, &mut strays)),
        },
    };
    let text = if text.contains('\r') { Cow::Owned(lone_returns_to_newlines(&text)) } else { text };
    Ok(Source { text, strays })
}

/// The text with a `?` for each byte that is no UTF-8; offsets stay as they are.
fn with_strays(bytes: &[u8], strays: &mut Vec<Span>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut line = 1_u32;
    for chunk in bytes.utf8_chunks() {
        let lines = chunk.valid().bytes().filter(|byte| *byte == b'\n').count();
        line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            strays.push(Span::new(text.len(), text.len() + 1, line));
            text.push('?');
        }
    }
    text
}

/// CR alone ends a line for Python, but not for the grammar. Offsets stay as they are.
fn lone_returns_to_newlines(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        result.push(if c == '\r' && rest.peek() != Some(&'\n') { '\n' } else { c });
    }
    result
}

fn at_byte(bytes: &[u8], at: usize) -> Span {
    let line = bytes[..at].iter().fold(1_u32, |line, byte| line.saturating_add(u32::from(*byte == b'\n')));
    Span::new(at, at + 1, line)
}

/// The encoding that one of the first two lines declares.
fn coding(bytes: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').take(2).find_map(|line| {
        let line = line.trim_ascii();
        let comment = line.strip_prefix(b"#")?;
        let text = String::from_utf8_lossy(comment);
        let after = text.split_once("coding")?.1;
        let after = after.strip_prefix([':', '='])?.trim_start();
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('_', "-"))
    })
}

/// The text with blanks for each comment that has a line for itself, if there is one; offsets stay
/// as they are.
pub(super) fn without_comment_lines(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut result = bytes.to_vec();
    let mut at = 0;
    let mut blank = true;
    let mut changed = false;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b'#' => {
                let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
                if blank {
                    result[at..at + length].fill(b' ');
                    changed = true;
                }
                length
            }
            b'"' | b'\'' => string_length(rest),
            b'\n' => {
                blank = true;
                at += 1;
                continue;
            }
            _ => 1,
        };
        blank &= matches!(byte, b' ' | b'\t' | b'\x0c' | b'\r');
    }
    if changed { String::from_utf8(result).ok() } else { None }
}

/// How far a string literal reaches from its opening quote on; to the end of its line, where it is
/// not closed there and has to be.
fn string_length(text: &[u8]) -> usize {
    let quote = &text[..1];
    let triple = text.len() >= 3 && text[1..3] == [quote[0]; 2];
    let close = if triple { &text[..3] } else { quote };
    let mut at = close.len();
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if !triple => return at,
            _ if text[at..].starts_with(close) => return at + close.len(),
            _ => at += 1,
        }
    }
    text.len()
}

/// What stands before the opening quote of a string literal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prefix {
    pub(super) raw: bool,
    pub(super) bytes: bool,
    pub(super) format: bool,
}

impl Prefix {
    pub(super) fn read(start: &str) -> Self {
        let letters = start.trim_end_matches(['"', '\'']);
        let has = |letter: char| letters.chars().any(|c| c.eq_ignore_ascii_case(&letter));
        Self { raw: has('r'), bytes: has('b'), format: has('f') || has('t') }
    }
}

/// Resolves escapes, as in a string literal that is not raw.
pub(super) fn unescape(text: &str, bytes: bool) -> String {
    let text = text.replace("\r\n", "\n");
    if !text.contains('\\') {
        return text;
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        let Some(kind) = rest.next() else {
            result.push('\\');
            break;
        };
        let simple = match kind {
            '\n' => continue,
            '\\' | '\'' | '"' => Some(kind),
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => None,
        };
        if let Some(simple) = simple {
            result.push(simple);
            continue;
        }
        let digits = match kind {
            'x' => 2,
            'u' if !bytes => 4,
            'U' if !bytes => 8,
            '0'..='7' => {
                let mut number = kind.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = rest.peek().and_then(|c| c.to_digit(8)) else { break };
                    number = number * 8 + digit;
                    rest.next();
                }
                result.push(char::from_u32(number).unwrap_or('\u{fffd}'));
                continue;
            }
            _ => {
                result.push('\\');
                result.push(kind);
                continue;
            }
        };
        let mut number = 0_u32;
        for _ in 0..digits {
            let Some(digit) = rest.peek().and_then(|c| c.to_digit(16)) else { break };
            number = number.wrapping_mul(16).wrapping_add(digit);
            rest.next();
        }
        result.push(char::from_u32(number).unwrap_or('\u{fffd}'));
    }
    result
}

/// Reads an integer literal; `None` for what does not fit.
pub(super) fn integer(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let text = text.replace('_', "").to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok();
        }
    }
    text.parse().ok()
}
