//! What formatting a text asks of what is put into it: `"%(key)s" % …`, `"{key}".format(…)`.

/// The keys that `text % mapping` reads.
pub(super) fn percent_keys(text: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('%') {
            rest = escaped;
        } else if let Some((key, behind)) = rest.strip_prefix('(').and_then(|named| named.split_once(')')) {
            keys.push(key);
            rest = behind;
        }
    }
    keys
}

/// The names that `text.format(…)` reads, in order, each with the key that is read of it: `{name[key]}`.
pub(super) fn format_fields(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(end) = rest.find(['}', ':', '!']) else { break };
        let field = &rest[..end];
        let name = field.split(['.', '[']).next().unwrap_or(field);
        let key = field[name.len()..].strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(key, _)| key);
        fields.push((name, key.filter(|key| key.parse::<usize>().is_err())));
        rest = &rest[end..];
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_texts_that_are_formatted() {
        assert_eq!(percent_keys("%(a)s and %% and %d and %(b)5.2f %(open"), ["a", "b"]);
        assert_eq!(
            format_fields("{{no}} {a} {b:>{width}} {c.d!r} {e[k]} {0[k]} {f[1]} {} {open"),
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
    }
}
