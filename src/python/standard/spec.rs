//! Numbers and texts as Python prints them: `repr`, and the format mini-language.

use std::fmt::Write as _;

/// Wider results are no names.
const WIDEST: usize = 4096;

/// A value that the mini-language formats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Formatted<'v> {
    Int(i64),
    Float(f64),
    Text(&'v str),
}

/// A parsed specification.
#[derive(Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse(spec: &str) -> Option<Spec> {
    let letters: Vec<char> = spec.chars().collect();
    let mut parsed = Spec::default();
    let mut rest = letters.as_slice();
    match rest {
        [fill, align @ ('<' | '>' | '^' | '='), tail @ ..] => {
            (parsed.fill, parsed.align, rest) = (Some(*fill), Some(*align), tail);
        }
        [align @ ('<' | '>' | '^' | '='), tail @ ..] => (parsed.align, rest) = (Some(*align), tail),
        _ => {}
    }
    if let [sign @ ('+' | '-' | ' '), tail @ ..] = rest {
        (parsed.sign, rest) = (Some(*sign), tail);
    }
    if let ['#', tail @ ..] = rest {
        (parsed.alternate, rest) = (true, tail);
    }
    if let ['0', tail @ ..] = rest {
        (parsed.zero, rest) = (true, tail);
    }
    let number = |rest: &mut &[char]| -> Option<Option<usize>> {
        let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
        *rest = &rest[digits.len()..];
        if digits.is_empty() { Some(None) } else { digits.parse().ok().filter(|n| *n <= WIDEST).map(Some) }
    };
    parsed.width = number(&mut rest)?.unwrap_or(0);
    if let [group @ (',' | '_'), tail @ ..] = rest {
        (parsed.group, rest) = (Some(*group), tail);
    }
    if let ['.', tail @ ..] = rest {
        rest = tail;
        parsed.precision = Some(number(&mut rest)?.filter(|digits| *digits <= 60)?);
    }
    match rest {
        [] => Some(parsed),
        [kind] => Some(Spec { kind: Some(*kind), ..parsed }),
        _ => None,
    }
}

/// `format(value, spec)`; none for a specification that is not held, or that Python refuses.
pub(crate) fn format(value: Formatted, spec: &str) -> Option<String> {
    let spec = parse(spec)?;
    match value {
        Formatted::Text(text) => {
            let plain = spec.sign.is_none() && !spec.alternate && spec.group.is_none();
            if !plain || !matches!(spec.kind, None | Some('s')) || spec.align == Some('=') {
                return None;
            }
            // A zero before the width fills, at the end, in Python 3.10 and later.
            let text: String = text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
            Some(padded("", &text, &spec, '<'))
        }
        Formatted::Int(value) => match spec.kind {
            None | Some('d' | 'x' | 'X' | 'o' | 'b' | 'c') if spec.precision.is_none() => integer(value, &spec),
            #[expect(clippy::cast_precision_loss, reason = "as Python converts")]
            Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => float(value as f64, &spec),
            _ => None,
        },
        Formatted::Float(value) => float(value, &spec),
    }
}

fn integer(value: i64, spec: &Spec) -> Option<String> {
    let magnitude = value.unsigned_abs();
    let (prefix, digits) = match spec.kind {
        Some('x') => ("0x", format!("{magnitude:x}")),
        Some('X') => ("0X", format!("{magnitude:X}")),
        Some('o') => ("0o", format!("{magnitude:o}")),
        Some('b') => ("0b", format!("{magnitude:b}")),
        Some('c') => {
            let letter = u32::try_from(value).ok().and_then(char::from_u32)?;
            return spec.sign.is_none().then(|| padded("", &letter.to_string(), spec, '<'));
        }
        _ => ("", magnitude.to_string()),
    };
    let every = if prefix.is_empty() { 3 } else { 4 };
    if spec.group == Some(',') && every == 4 {
        return None;
    }
    let head = format!("{}{}", sign(value < 0, spec), if spec.alternate { prefix } else { "" });
    numeric(&head, &digits, "", every, spec)
}

fn float(value: f64, spec: &Spec) -> Option<String> {
    let head = sign(value.is_sign_negative() && !value.is_nan(), spec);
    let magnitude = value.abs();
    if spec.alternate {
        return None;
    }
    if !value.is_finite() {
        let text = if value.is_nan() { "nan" } else { "inf" };
        return (!spec.zero && spec.kind.is_none()).then(|| padded(&head, text, spec, '>'));
    }
    let precision = spec.precision.unwrap_or(6);
    let text = match spec.kind {
        None if spec.precision.is_none() => float_repr(magnitude),
        None => {
            let text = general(magnitude, precision.max(1), true)?;
            if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
        }
        Some('f' | 'F') => format!("{magnitude:.precision$}"),
        Some('e') => exponent(magnitude, precision),
        Some('E') => exponent(magnitude, precision).to_uppercase(),
        Some('g') => general(magnitude, precision.max(1), false)?,
        Some('G') => general(magnitude, precision.max(1), false)?.to_uppercase(),
        Some('%') => format!("{:.precision$}%", magnitude * 100.0),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    numeric(&head, whole, rest, 3, spec)
}

fn sign(negative: bool, spec: &Spec) -> String {
    match (negative, spec.sign) {
        (true, _) => "-".to_owned(),
        (false, Some('+')) => "+".to_owned(),
        (false, Some(' ')) => " ".to_owned(),
        _ => String::new(),
    }
}

/// Digits with their grouping and padding.
fn numeric(head: &str, whole: &str, rest: &str, every: usize, spec: &Spec) -> Option<String> {
    let grouped = |digits: &str| match spec.group {
        None => digits.to_owned(),
        Some(mark) => {
            let mut out = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(every) {
                    out.push(mark);
                }
                out.push(digit);
            }
            out
        }
    };
    // The zero is the fill, and stands behind the sign, unless something else is asked for.
    let fills = spec.fill.map_or(spec.zero, |fill| fill == '0');
    let zero_filled = fills && spec.align.map_or(spec.zero, |align| align == '=');
    if zero_filled {
        if spec.group.is_some() {
            return None;
        }
        let missing = spec.width.saturating_sub(head.len() + whole.len() + rest.len());
        return Some(format!("{head}{}{whole}{rest}", "0".repeat(missing)));
    }
    Some(padded(head, &format!("{}{rest}", grouped(whole)), spec, '>'))
}

fn padded(head: &str, body: &str, spec: &Spec, usual: char) -> String {
    let missing = spec.width.saturating_sub(head.len() + body.chars().count());
    let fill = spec.fill.unwrap_or(if spec.zero { '0' } else { ' ' });
    let pad = |count: usize| fill.to_string().repeat(count);
    match spec.align.unwrap_or(usual) {
        '<' => format!("{head}{body}{}", pad(missing)),
        '^' => format!("{}{head}{body}{}", pad(missing / 2), pad(missing - missing / 2)),
        '=' => format!("{head}{}{body}", pad(missing)),
        _ => format!("{}{head}{body}", pad(missing)),
    }
}

/// `%e`: an exponent of at least two digits.
fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// `%g`: as many significant digits, no zeros at the end. With `point`, as `format(x, ".3")`:
/// the exponent begins one digit earlier.
fn general(value: f64, precision: usize, point: bool) -> Option<String> {
    let rounded = format!("{value:.*e}", precision - 1);
    let (_, power) = rounded.split_once('e')?;
    let power: i32 = power.parse().ok()?;
    let limit = i32::try_from(precision).ok()? - i32::from(point);
    let cut = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    if (-4..limit).contains(&power) {
        let places = usize::try_from(i32::try_from(precision).ok()? - 1 - power).ok()?;
        return Some(cut(&format!("{value:.places$}")));
    }
    let text = exponent(value, precision - 1);
    let (digits, rest) = text.split_once('e')?;
    Some(format!("{}e{rest}", cut(digits)))
}

/// `repr` of a float: the shortest text that reads back as the same.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    if value != 0.0 && !(-4..16).contains(&power) {
        return format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs());
    }
    let plain = format!("{value}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

/// `repr` of a text; none if it holds a letter of which it is not known whether Python prints it.
pub(crate) fn text_repr(text: &str) -> Option<String> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if u32::from(c) < 0xa1 || c == '\u{ad}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) < 0x250 || c.is_alphanumeric() => out.push(c),
            _ => return None,
        }
    }
    out.push(quote);
    Some(out)
}

/// `repr` of bytes.
pub(crate) fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(*byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
    out
}
