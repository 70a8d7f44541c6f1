//! Texts with places for values, split as Python splits them: `"%(key)s" % …`, `"{key}".format(…)`.

/// A piece of a text that `%` formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Percent<'t> {
    /// It stands as it is; of `%%`, the second sign.
    Text(&'t str),
    /// A value goes there.
    Value {
        /// `%(key)s`.
        key: Option<&'t str>,
        /// Flags, width and precision.
        spec: &'t str,
        /// The letter at its end; none where the text ends before it.
        kind: Option<char>,
    },
}

/// The pieces of a text that `%` formats.
pub(crate) fn percent(text: &str) -> Vec<Percent<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        pieces.push(Percent::Text(before));
        let named = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        let (key, after) = named.map_or((None, after), |(key, after)| (Some(key), after));
        let end = after.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(after.len());
        let (spec, behind) = after.split_at(end);
        let mut letters = behind.chars();
        let kind = letters.next();
        rest = letters.as_str();
        pieces.push(match kind {
            Some('%') => Percent::Text(&behind[..1]),
            kind => Percent::Value { key, spec, kind },
        });
    }
    pieces.push(Percent::Text(rest));
    pieces
}

/// A piece of a text that `format` fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Braces<'t> {
    /// It stands as it is; of `{{` and `}}`, one of them.
    Text(&'t str),
    Field(Field<'t>),
    /// A brace without its other one: `format` raises.
    Lone,
}

/// A field: `{name.path[0]!r:spec}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'t> {
    /// A name, the number of a place, or nothing: the next place.
    pub(crate) name: &'t str,
    /// The attributes and items behind it.
    pub(crate) path: &'t str,
    /// `r`, `s` or `a`.
    pub(crate) conversion: Option<&'t str>,
    /// It may hold fields itself.
    pub(crate) spec: &'t str,
}

impl<'t> Field<'t> {
    fn of(text: &'t str) -> Self {
        let (value, spec) = text.split_once(':').unwrap_or((text, ""));
        let (value, conversion) =
            value.split_once('!').map_or((value, None), |(value, conversion)| (value, Some(conversion)));
        let (name, path) = value.split_at(value.find(['.', '[']).unwrap_or(value.len()));
        Self { name, path, conversion, spec }
    }

    /// The text that is read as a key of it: `{name[key]}`.
    pub(crate) fn key(&self) -> Option<&'t str> {
        let (key, _) = self.path.strip_prefix('[')?.split_once(']')?;
        key.parse::<usize>().is_err().then_some(key)
    }
}

/// The pieces of a text that `format` fills.
pub(crate) fn braces(text: &str) -> Vec<Braces<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        pieces.push(Braces::Text(before));
        let (brace, inside) = after.split_at(1);
        if let Some(behind) = inside.strip_prefix(brace) {
            pieces.push(Braces::Text(brace));
            rest = behind;
            continue;
        }
        let Some(end) = closing(inside).filter(|_| brace == "{") else {
            pieces.push(Braces::Lone);
            return pieces;
        };
        pieces.push(Braces::Field(Field::of(&inside[..end])));
        rest = &inside[end + 1..];
    }
    pieces.push(Braces::Text(rest));
    pieces
}

/// Where the brace that is open at the start of a text is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The fields of a text that `format` fills, in order, with those in their specifications.
pub(crate) fn fields(text: &str) -> Vec<Field<'_>> {
    /// Python goes no deeper.
    const DEPTH: usize = 2;
    fn collect<'t>(text: &'t str, depth: usize, fields: &mut Vec<Field<'t>>) {
        for piece in braces(text) {
            let Braces::Field(field) = piece else { continue };
            fields.push(field);
            if depth < DEPTH {
                collect(field.spec, depth + 1, fields);
            }
        }
    }
    let mut fields = Vec::new();
    collect(text, 1, &mut fields);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_texts_that_percent_formats() {
        let pieces = percent("%(a)s and %% and %d and %(b)5.2f %(open");
        let values: Vec<_> = pieces
            .into_iter()
            .filter_map(|piece| match piece {
                Percent::Value { key, spec, kind } => Some((key, spec, kind)),
                Percent::Text(_) => None,
            })
            .collect();
        let expected =
            [(Some("a"), "", Some('s')), (None, "", Some('d')), (Some("b"), "5.2", Some('f')), (None, "(", Some('o'))];
        assert_eq!(values, expected);
    }

    #[test]
    fn fields_of_texts_that_format_fills() {
        let named = |text| fields(text).iter().map(|field| (field.name, field.key())).collect::<Vec<_>>();
        assert_eq!(
            named("{{no}} {a} {b:>{width}} {c.d!r} {e[k]} {0[k]} {f[1]} {} {open"),
            [
                ("a", None),
                ("b", None),
                ("width", None),
                ("c", None),
                ("e", Some("k")),
                ("0", Some("k")),
                ("f", None),
                ("", None)
            ]
        );
        let Some(field) = fields("{c.d!r:>8}").pop() else { panic!("no field") };
        assert_eq!((field.path, field.conversion, field.spec), (".d", Some("r"), ">8"));
    }

    #[test]
    fn lone_braces_end_a_text() {
        for text in ["a {", "a } b", "{a:{b}", "ä {ü"] {
            assert_eq!(braces(text).last(), Some(&Braces::Lone), "{text}");
        }
        assert_eq!(braces("}}{{"), ["", "}", "", "{", ""].map(Braces::Text));
    }
}
