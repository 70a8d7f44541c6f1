//! Methods of `str` and `bytes`.

use super::super::{BOUNDS, Host, Interp};
use crate::python::value::{Args, At, Dict, Object, Stop, Value};
use std::rc::Rc;

/// Wider texts are no names.
const WIDEST: i64 = 4096;

/// What `str.split()` and `str.strip()` take for space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn text_method(&mut self, text: &str, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let arg = |index: usize| args.positional.get(index).and_then(|arg| arg.value.as_str().cloned());
        let made = |text: String| Some(Self::text_value(text, at));
        if let Some(value) = predicate(text, name) {
            return Ok(value.filter(|_| args.positional.is_empty()).map(Value::Bool));
        }
        Ok(match (name, args.positional.len()) {
            ("format", _) => Some(self.format_method(text, args, at)?),
            ("format_map", 1) => {
                let Some(pairs) = self.dict_pairs(&args.positional[0].value) else { return Ok(None) };
                let mut named = Args::default();
                for (key, value) in pairs {
                    if let Some(name) = key.as_str() {
                        named.set_keyword(name, crate::python::value::Argument { value, at });
                    }
                }
                Some(self.format_method(text, &named, at)?)
            }
            ("lower", 0) => made(text.to_lowercase()),
            ("casefold", 0) if text.is_ascii() => made(text.to_lowercase()),
            ("upper", 0) => made(text.to_uppercase()),
            ("swapcase", 0) if text.is_ascii() => made(
                text.chars()
                    .map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
                    .collect(),
            ),
            ("capitalize", 0) => {
                let mut letters = text.chars();
                made(letters.next().map_or_else(String::new, |first| {
                    first.to_uppercase().collect::<String>() + &letters.as_str().to_lowercase()
                }))
            }
            ("title", 0) => made(title(text)),
            ("strip" | "lstrip" | "rstrip", 0..=1) => {
                let letters = arg(0);
                if args.positional.first().is_some_and(|arg| !matches!(arg.value, Value::None)) && letters.is_none() {
                    return Ok(None);
                }
                let cut = |c: char| letters.as_ref().map_or_else(|| is_space(c), |letters| letters.contains(c));
                made(
                    match name {
                        "lstrip" => text.trim_start_matches(cut),
                        "rstrip" => text.trim_end_matches(cut),
                        _ => text.trim_matches(cut),
                    }
                    .to_owned(),
                )
            }
            ("removeprefix", 1) => arg(0).and_then(|part| made(text.strip_prefix(&*part).unwrap_or(text).to_owned())),
            ("removesuffix", 1) => arg(0).and_then(|part| made(text.strip_suffix(&*part).unwrap_or(text).to_owned())),
            ("replace", 2..=3) => return self.replace(text, args, at),
            ("startswith" | "endswith", 1) => self.begins_or_ends(text, name, &args.positional[0].value),
            ("split" | "rsplit", _) => return self.split(text, name, args, at),
            ("splitlines", _) => return Ok(self.split_lines(text, args, at)),
            ("partition" | "rpartition", 1) => match arg(0) {
                Some(part) if part.is_empty() => return self.raise("ValueError", "empty separator", at),
                Some(part) => Some(self.partition(text, &part, name == "rpartition", at)),
                None => None,
            },
            ("join", 1) => return self.join_texts(text, &args.positional[0].value.clone(), at),
            ("zfill", 1) => width(args).and_then(|width| {
                let (sign, digits) = match text.strip_prefix(['+', '-']) {
                    Some(digits) => text.split_at(text.len() - digits.len()),
                    None => ("", text),
                };
                made(format!("{sign}{}{digits}", "0".repeat(width.saturating_sub(text.chars().count()))))
            }),
            ("center" | "ljust" | "rjust", 1..=2) => width(args).and_then(|width| {
                let fill = if args.positional.len() > 1 { arg(1)? } else { " ".into() };
                made(justified(text, name, width, &fill))
            }),
            ("find" | "rfind" | "index" | "rindex" | "count", 1..=3) => return self.find_text(text, name, args, at),
            ("expandtabs", 0) if !text.contains('\t') => made(text.to_owned()),
            ("translate", 1) => self.translate(text, &args.positional[0].value).and_then(made),
            ("encode", _) => {
                let encoding = args.value(0, "encoding").map_or_else(|| Some("utf-8".into()), |v| v.as_str().cloned());
                match encoding.as_deref() {
                    Some("utf-8" | "utf8" | "UTF-8") => Some(Value::Bytes(text.as_bytes().into())),
                    Some("ascii") if text.is_ascii() => Some(Value::Bytes(text.as_bytes().into())),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    pub(super) fn bytes_method(bytes: &Rc<[u8]>, name: &str, args: &Args, at: At) -> Option<Value> {
        use std::fmt::Write as _;
        match name {
            "decode" => {
                let encoding =
                    args.value(0, "encoding").map_or_else(|| Some("utf-8".into()), |v| v.as_str().cloned())?;
                let plain = match &*encoding.to_lowercase() {
                    "utf-8" | "utf8" => true,
                    "ascii" => bytes.is_ascii(),
                    _ => false,
                };
                std::str::from_utf8(bytes).ok().filter(|_| plain).map(|text| Self::text_value(text, at))
            }
            "hex" if args.positional.is_empty() => {
                let mut text = String::new();
                for byte in bytes.iter() {
                    let _ = write!(text, "{byte:02x}");
                }
                Some(Self::text_value(text, at))
            }
            _ => None,
        }
    }

    fn begins_or_ends(&self, text: &str, name: &str, given: &Value) -> Option<Value> {
        let parts: Vec<Rc<str>> = match given.as_str() {
            Some(part) => vec![part.clone()],
            None => self.items(given)?.iter().map(|item| item.as_str().cloned()).collect::<Option<_>>()?,
        };
        let found = parts
            .iter()
            .any(|part| if name == "startswith" { text.starts_with(&**part) } else { text.ends_with(&**part) });
        Some(Value::Bool(found))
    }

    fn replace(&mut self, text: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let (Some(from), Some(to)) = (args.positional[0].value.as_str(), args.positional[1].value.as_str()) else {
            return Ok(None);
        };
        let count = match args.value(2, "count") {
            None => usize::MAX,
            Some(count) => match count.as_int() {
                Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
                None => return Ok(None),
            },
        };
        if from.is_empty() && count != usize::MAX {
            return Ok(None);
        }
        let times = if from.is_empty() { text.len() + 1 } else { text.matches(&**from).count() };
        if times.saturating_mul(to.len()) > BOUNDS.size {
            return Err(self.limit("a text too long to evaluate", at));
        }
        let replaced = if count == usize::MAX { text.replace(&**from, to) } else { text.replacen(&**from, to, count) };
        Ok(Some(Self::text_value(replaced, at)))
    }

    fn split(&mut self, text: &str, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let limit = match args.value(1, "maxsplit").map(Value::as_int) {
            Some(None) => return Ok(None),
            Some(Some(limit)) => usize::try_from(limit).ok(),
            None => None,
        };
        let right = name == "rsplit";
        let mut parts: Vec<String> = match args.value(0, "sep") {
            None | Some(Value::None) => words(text, limit, right),
            Some(Value::Str(separator)) if separator.text.is_empty() => {
                return self.raise("ValueError", "empty separator", at);
            }
            Some(Value::Str(separator)) => match (limit, right) {
                (None, false) => text.split(&*separator.text).map(str::to_owned).collect(),
                (None, true) => text.rsplit(&*separator.text).map(str::to_owned).collect(),
                (Some(limit), false) => {
                    text.splitn(limit.saturating_add(1), &*separator.text).map(str::to_owned).collect()
                }
                (Some(limit), true) => {
                    text.rsplitn(limit.saturating_add(1), &*separator.text).map(str::to_owned).collect()
                }
            },
            _ => return Ok(None),
        };
        if right {
            parts.reverse();
        }
        let items = parts.into_iter().map(|part| Self::text_value(part, at)).collect();
        Ok(Some(self.new_list(items)))
    }

    fn split_lines(&mut self, text: &str, args: &Args, at: At) -> Option<Value> {
        // Python also breaks at separators that texts hardly hold.
        if text.contains(['\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}']) {
            return None;
        }
        let keep = match args.value(0, "keepends") {
            None => false,
            Some(Value::Bool(keep)) => *keep,
            Some(_) => return None,
        };
        let mut lines = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            let mark = if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
            lines.push(Self::text_value(if keep { &rest[..end + mark] } else { line }, at));
            rest = &after[mark..];
        }
        Some(self.new_list(lines))
    }

    fn partition(&mut self, text: &str, part: &str, right: bool, at: At) -> Value {
        let found = if right { text.rsplit_once(part) } else { text.split_once(part) };
        let [a, b, c] = match (found, right) {
            (Some((a, c)), _) => [a, part, c],
            (None, false) => [text, "", ""],
            (None, true) => ["", "", text],
        };
        self.new_tuple([a, b, c].map(|text| Self::text_value(text, at)).to_vec())
    }

    fn find_text(&mut self, text: &str, name: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(part) = args.positional[0].value.as_str() else { return Ok(None) };
        let letters: Vec<(usize, char)> = text.char_indices().collect();
        let length = i64::try_from(letters.len()).unwrap_or(i64::MAX);
        let bound = |index: usize, default: i64| match args.positional.get(index).map(|arg| &arg.value) {
            None | Some(Value::None) => Some(default),
            Some(value) => value.as_int().map(|n| if n < 0 { (n + length).max(0) } else { n }),
        };
        let (Some(start), Some(end)) = (bound(1, 0), bound(2, length)) else { return Ok(None) };
        let byte = |index: i64| {
            usize::try_from(index).ok().and_then(|index| letters.get(index)).map_or(text.len(), |(byte, _)| *byte)
        };
        let found = if start > length || start > end {
            None
        } else {
            let (from, to) = (byte(start), byte(end.min(length)));
            let within = &text[from..to.max(from)];
            if name == "count" {
                let count = if part.is_empty() { within.chars().count() + 1 } else { within.matches(&**part).count() };
                return Ok(Some(Value::Int(i64::try_from(count).unwrap_or(i64::MAX))));
            }
            let position = if name.starts_with('r') { within.rfind(&**part) } else { within.find(&**part) };
            position.map(|position| text[..from + position].chars().count())
        };
        Ok(Some(Value::Int(match (found, name) {
            (Some(position), _) => i64::try_from(position).unwrap_or(i64::MAX),
            (None, "count") => 0,
            (None, "find" | "rfind") => -1,
            (None, _) => return self.raise("ValueError", "substring not found", at),
        })))
    }

    /// `str.maketrans`.
    pub(in super::super) fn make_translation(&mut self, args: &Args) -> Option<Value> {
        let texts: Option<Vec<Rc<str>>> = args.positional.iter().map(|arg| arg.value.as_str().cloned()).collect();
        let mut dict = Dict::default();
        let mut put = |from: char, to: Value| {
            let code = i64::from(u32::from(from));
            dict.insert(super::Key::Int(code), Value::Int(code), to);
        };
        match texts.as_deref() {
            Some([from, to, rest @ ..]) if from.chars().count() == to.chars().count() && rest.len() <= 1 => {
                for (from, to) in from.chars().zip(to.chars()) {
                    put(from, Value::str(to.to_string()));
                }
                for gone in rest.iter().flat_map(|gone| gone.chars()) {
                    put(gone, Value::None);
                }
            }
            _ => {
                for (key, value) in self.dict_pairs(&args.positional.first()?.value)? {
                    let code = match &key {
                        Value::Int(code) => u32::try_from(*code).ok().and_then(char::from_u32)?,
                        Value::Str(text) if text.text.chars().count() == 1 => text.text.chars().next()?,
                        _ => return None,
                    };
                    put(code, value);
                }
            }
        }
        Some(self.new_object(Object::Dict(dict)))
    }

    fn translate(&self, text: &str, table: &Value) -> Option<String> {
        let Value::Object(object) = table else { return None };
        let Object::Dict(dict) = self.object(*object) else { return None };
        if self.hazy(*object).is_some() {
            return None;
        }
        let mut out = String::new();
        for letter in text.chars() {
            match dict.get(&super::Key::Int(i64::from(u32::from(letter)))) {
                None => out.push(letter),
                Some(Value::None) => {}
                Some(Value::Str(to)) => out.push_str(&to.text),
                Some(Value::Int(code)) => out.push(u32::try_from(*code).ok().and_then(char::from_u32)?),
                Some(_) => return None,
            }
        }
        Some(out)
    }
}

fn width(args: &Args) -> Option<usize> {
    let width = args.positional.first()?.value.as_int().filter(|width| *width < WIDEST)?;
    Some(usize::try_from(width).unwrap_or(0))
}

/// The words of a text, at most so many splits from one end.
fn words(text: &str, limit: Option<usize>, right: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = if right { text.trim_end_matches(is_space) } else { text.trim_start_matches(is_space) };
    while !rest.is_empty() {
        if limit.is_some_and(|limit| parts.len() >= limit) {
            // Python keeps the space at the far end of what is left.
            parts.push(rest.to_owned());
            break;
        }
        let cut = if right { rest.rfind(is_space) } else { rest.find(is_space) };
        match cut {
            Some(at) if right => {
                let space = rest[at..].chars().next().map_or(1, char::len_utf8);
                parts.push(rest[at + space..].to_owned());
                rest = rest[..at].trim_end_matches(is_space);
            }
            Some(at) => {
                parts.push(rest[..at].to_owned());
                rest = rest[at..].trim_start_matches(is_space);
            }
            None => {
                parts.push(rest.to_owned());
                break;
            }
        }
    }
    parts
}

fn justified(text: &str, how: &str, width: usize, fill: &str) -> String {
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    let pad = |count: usize| fill.repeat(count);
    match how {
        "ljust" => format!("{text}{}", pad(missing)),
        "rjust" => format!("{}{text}", pad(missing)),
        _ => {
            // As CPython: the odd one goes left where the width is odd.
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", pad(left), pad(missing - left))
        }
    }
}

/// `isdigit` and its kin: none for other names, `Some(None)` where the letters are not ASCII.
#[expect(clippy::option_option, reason = "whether the method is one of these, and whether its result is known")]
fn predicate(text: &str, name: &str) -> Option<Option<bool>> {
    let all = |allowed: fn(char) -> bool| !text.is_empty() && text.chars().all(allowed);
    let cased = text.chars().any(char::is_alphabetic);
    let value = match name {
        "isdigit" | "isdecimal" | "isnumeric" => all(|c| c.is_ascii_digit()),
        "isalpha" => all(|c| c.is_ascii_alphabetic()),
        "isalnum" => all(|c| c.is_ascii_alphanumeric()),
        "isspace" => all(is_space),
        "isascii" => return Some(Some(text.is_ascii())),
        "isupper" => cased && !text.chars().any(char::is_lowercase),
        "islower" => cased && !text.chars().any(char::is_uppercase),
        "istitle" => cased && title(text) == text,
        "isidentifier" => {
            all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => return None,
    };
    Some(text.is_ascii().then_some(value))
}

fn title(text: &str) -> String {
    let mut result = String::new();
    let mut inside = false;
    for c in text.chars() {
        if inside {
            result.extend(c.to_lowercase());
        } else {
            result.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    result
}
