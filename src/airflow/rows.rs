//! The objects of a list answer, one by one as their bytes come.
//!
//! 4,000 task instances are 4.5 MB on the wire (nearly all of it rendered fields) and a tenth of
//! that as facts, so no body of a list is held as a whole.
//!
//! Invariants: one pass; no more is held than one object and the envelope, which is all else, with
//! a `0` in the place of each object. Envelope and objects are read as JSON each, so what is none is
//! refused wherever it was cut into chunks.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// What takes the body of an answer in the chunks in which it comes.
pub(super) trait Feed: Send {
    /// Takes a chunk; the words say what is wrong with it.
    fn feed(&mut self, chunk: &[u8]) -> Result<(), String>;

    /// What is left of the body when all has come.
    fn envelope(&mut self) -> Vec<u8>;
}

/// Gives each object of the list of this name, which the answer's own object holds, to `each`.
pub(super) struct Rows<'a, F> {
    list: &'a str,
    each: F,
    /// Objects that were given.
    pub(super) count: usize,
    envelope: Vec<u8>,
    /// The last string of the answer's own object, as it stands in the envelope.
    key: std::ops::Range<usize>,
    /// Whether the list is open.
    in_list: bool,
    place: Place,
    /// The begin of an object whose end has not come.
    object: Vec<u8>,
    in_object: bool,
}

/// Where in JSON a byte stands.
#[derive(Default)]
struct Place {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Place {
    /// Goes past a byte.
    fn pass(&mut self, byte: u8) {
        match (self.in_string, byte) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (_, b'"') => self.in_string = !self.in_string,
            (false, b'{' | b'[') => self.depth += 1,
            (false, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

impl<'a, F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send> Rows<'a, F> {
    pub(super) fn new(list: &'a str, each: F) -> Self {
        Self {
            list,
            each,
            count: 0,
            envelope: Vec::new(),
            key: 0..0,
            in_list: false,
            place: Place::default(),
            object: Vec::new(),
            in_object: false,
        }
    }

    /// Goes past a byte of the envelope; whether it begins an object of the list.
    fn begins_object(&mut self, byte: u8) -> bool {
        let (depth, in_string) = (self.place.depth, self.place.in_string);
        if !in_string && byte == b'{' && self.in_list && depth == 2 {
            self.envelope.push(b'0');
            return true;
        }
        self.place.pass(byte);
        self.envelope.push(byte);
        let now = self.envelope.len();
        match (in_string, self.place.in_string) {
            (false, true) if depth == 1 => self.key = now..now,
            (true, false) if depth == 1 => self.key.end = now - 1,
            (false, false) if byte == b'[' && depth == 1 => {
                self.in_list = self.envelope.get(self.key.clone()) == Some(self.list.as_bytes());
            }
            _ if self.place.depth < 2 => self.in_list = false,
            _ => {}
        }
        false
    }

    fn give(&mut self, last: &[u8]) -> Result<(), String> {
        let given = if self.object.is_empty() {
            (self.each)(last)
        } else {
            self.object.extend_from_slice(last);
            (self.each)(&self.object)
        };
        self.object.clear();
        self.in_object = false;
        self.count += 1;
        given.map_err(|error| format!("number {} of `{}`: {error}", self.count, self.list))
    }
}

impl<F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send> Feed for Rows<'_, F> {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), String> {
        let mut begin = 0;
        for (at, byte) in chunk.iter().enumerate() {
            if !self.in_object {
                if !self.begins_object(*byte) {
                    continue;
                }
                self.in_object = true;
                begin = at;
            }
            self.place.pass(*byte);
            if self.place.depth == 2 && !self.place.in_string {
                self.give(&chunk[begin..=at])?;
            }
        }
        if self.in_object {
            self.object.extend_from_slice(&chunk[begin..]);
        }
        Ok(())
    }

    fn envelope(&mut self) -> Vec<u8> {
        // An object whose end never came leaves its list open.
        std::mem::take(&mut self.envelope)
    }
}

/// A list answer without its objects.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) total_entries: usize,
    #[serde(flatten, deserialize_with = "lengths")]
    lengths: BTreeMap<String, usize>,
}

impl Envelope {
    /// How many elements the list of this name has; none if there is no such list.
    pub(super) fn length(&self, list: &str) -> Option<usize> {
        self.lengths.get(list).copied()
    }
}

fn lengths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Member {
        List(Vec<IgnoredAny>),
        Other(IgnoredAny),
    }
    let members = BTreeMap::<String, Member>::deserialize(deserializer)?;
    let lists = members.into_iter().filter_map(|(name, member)| match member {
        Member::List(elements) => Some((name, elements.len())),
        Member::Other(IgnoredAny) => None,
    });
    Ok(lists.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The objects and the envelope, of a body that comes in chunks of this length.
    fn split(body: &[u8], chunk: usize) -> Result<(Vec<Value>, Vec<u8>), String> {
        let mut found = Vec::new();
        let mut rows = Rows::new("rows", |row: &[u8]| serde_json::from_slice(row).map(|row| found.push(row)));
        for chunk in body.chunks(chunk) {
            rows.feed(chunk)?;
        }
        let envelope = rows.envelope();
        Ok((found, envelope))
    }

    #[test]
    fn objects_come_one_by_one_and_the_rest_is_the_envelope() {
        let body = r#" {"a": {"rows": [{"x": 1}]}, "key": "rows", "other": [{"y": 2}],
            "rows": [{"t": "}]\"{\\", "l": [{}, [1]]} , {}], "total_entries": 2}"#;
        for chunk in 1..body.len() {
            let (found, envelope) = split(body.as_bytes(), chunk).expect("JSON");
            assert_eq!(found, [json!({ "t": "}]\"{\\", "l": [{}, [1]] }), json!({})]);
            let rest: Value = serde_json::from_slice(&envelope).expect("JSON");
            assert_eq!(rest["rows"], json!([0, 0]));
            assert_eq!(rest["a"], json!({ "rows": [{ "x": 1 }] }), "only the answer's own list");
            let envelope: Envelope = serde_json::from_slice(&envelope).expect("an envelope");
            assert_eq!((envelope.total_entries, envelope.length("rows"), envelope.length("none")), (2, Some(2), None));
        }
    }

    #[test]
    fn what_is_no_json_is_refused_wherever_it_is() {
        for body in [
            r#"{"rows": [{"a": 1} {"a": 2}], "total_entries": 2}"#,
            r#"{"rows": [{"a": 1},], "total_entries": 1}"#,
            r#"{"rows": [{"a": }], "total_entries": 1}"#,
            r#"{"rows": [{"a": 1}], "total_entries": 1"#,
            r#"{"rows": [{"a": 1"#,
            r#"{"rows": [{"a": 1}]], "total_entries": 1}"#,
            r#"{"rows": [{"a": 1]], "total_entries": 1}"#,
            r#"{"rows": [{"a": 1}], "rows": [], "total_entries": 1} x"#,
            "<html>",
            "",
        ] {
            let read = split(body.as_bytes(), 3)
                .and_then(|(_, rest)| serde_json::from_slice::<Envelope>(&rest).map_err(|error| error.to_string()));
            assert!(read.is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_body_in_any_chunks_is_the_body_as_a_whole(
            texts in proptest::collection::vec("[a\"\\\\\u{e9}{}\\[\\],:\n]{0,9}", 0..6),
            chunk in 1_usize..40,
        ) {
            let rows: Vec<Value> = texts.iter().map(|text| json!({ "t": text, text: [{ "u": text }] })).collect();
            let body = json!({ "rows": rows, "total_entries": texts.len() }).to_string();
            let (found, _) = split(body.as_bytes(), chunk).expect("JSON");
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..80), chunk in 1_usize..9) {
            let _ = split(&body, chunk);
        }
    }
}
