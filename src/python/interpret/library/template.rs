//! `string.Template`: texts in which names stand for values.

use super::super::{Host, Interp};
use crate::python::value::{Args, At, Object, Stop, Value};

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    /// A name, and how it is written.
    Name(&'a str, &'a str),
    /// A `$` that begins nothing.
    Stray,
}

impl<H: Host> Interp<'_, H> {
    /// `substitute` and `safe_substitute` of a template; none for what is not known.
    pub(super) fn template_method(
        &mut self,
        template: &str,
        method: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let strict = match method {
            "substitute" => true,
            "safe_substitute" => false,
            _ => return Ok(None),
        };
        let pairs = match args.positional.as_slice() {
            [] => Vec::new(),
            [mapping] => match &mapping.value {
                // What makes up the items it lacks, or is a class of the tree, is not looked into.
                Value::Object(object) if matches!(self.object(*object), Object::Dict(dict) if dict.default.is_none()) => {
                    match self.dict_pairs(&mapping.value) {
                        Some(pairs) => pairs,
                        None => return Ok(None),
                    }
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let mut text = String::new();
        for piece in pieces(template) {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Stray if strict => return self.raise("ValueError", "Invalid placeholder in string", at),
                Piece::Stray => text.push('$'),
                Piece::Name(name, written) => {
                    let given = args.keyword(name).map(|arg| arg.value.clone()).or_else(|| {
                        let found = pairs.iter().find(|(key, _)| key.as_str().is_some_and(|key| **key == *name));
                        found.map(|(_, value)| value.clone())
                    });
                    match given {
                        Some(value) => match self.str_of(&value, at)? {
                            Value::Str(part) => text.push_str(&part.text),
                            _ => return Ok(None),
                        },
                        // A key that is no plain text may be equal to the name.
                        None if pairs.iter().any(|(key, _)| key.as_str().is_none()) => return Ok(None),
                        None if strict => return self.raise("KeyError", name.to_owned(), at),
                        None => text.push_str(written),
                    }
                }
            }
        }
        self.work(text.len(), at)?;
        Ok(Some(Self::text_value(text, at)))
    }
}

/// The pieces of a template, as the pattern of `string.Template` finds them: a name is of letters,
/// digits and underscores of ASCII.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find('$') {
        let (before, from) = rest.split_at(start);
        let after = &from[1..];
        found.push(Piece::Text(before));
        if let Some(next) = after.strip_prefix('$') {
            found.push(Piece::Text("$"));
            rest = next;
            continue;
        }
        let braced = after.strip_prefix('{');
        let name = name_of(braced.unwrap_or(after));
        let closed = braced.is_none() || after.get(name.len() + 1..).is_some_and(|end| end.starts_with('}'));
        if name.is_empty() || !closed {
            found.push(Piece::Stray);
            rest = after;
            continue;
        }
        let length = 1 + name.len() + if braced.is_some() { 2 } else { 0 };
        let (written, next) = from.split_at(length);
        found.push(Piece::Name(name, written));
        rest = next;
    }
    found.push(Piece::Text(rest));
    found
}

/// The name that a text begins with; empty if it begins with none.
fn name_of(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}
