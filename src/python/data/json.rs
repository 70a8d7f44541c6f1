//! JSON as Python's `json` reads it.

use super::{Document, Fault, Kind};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The document of a text.
pub(crate) fn document(text: &str) -> Result<Document, Fault> {
    let mut document = Document::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_any(Read(&mut document)).and_then(|root| reader.end().map(|()| root));
    match read {
        Ok(root) => {
            document.root = root;
            Ok(document)
        }
        // Python takes `NaN`, halves of surrogate pairs, and deeper nesting.
        Err(_) if ["NaN", "Infinity", "\\ud", "\\uD"].iter().any(|word| text.contains(word)) => {
            Err(Fault::Unclear("JSON that only Python reads"))
        }
        Err(error) if error.to_string().contains("recursion limit") || error.to_string().contains("out of range") => {
            Err(Fault::Unclear("JSON that is nested too deeply to evaluate"))
        }
        Err(error) => Err(Fault::Raises("JSONDecodeError", error.to_string())),
    }
}

/// Adds what it reads to a document.
struct Read<'d>(&'d mut Document);

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = usize;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<usize, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read<'_> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Ok(self.0.add(Kind::None, None))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<usize, E> {
        Ok(self.0.add(Kind::Bool(value), None))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<usize, E> {
        Ok(self.0.add(Kind::Int(value), None))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<usize, E> {
        let kind = i64::try_from(value).map_or(Kind::Opaque("a number beyond 64 bits"), Kind::Int);
        Ok(self.0.add(kind, None))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<usize, E> {
        // An integer that is too long arrives as a float.
        // So does `-0`, which is an integer.
        let whole = value.fract() == 0.0 && value.abs() >= 9e18 || value == 0.0 && value.is_sign_negative();
        Ok(self.0.add(if whole { Kind::Opaque("a number beyond 64 bits") } else { Kind::Float(value) }, None))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<usize, E> {
        Ok(self.0.add(Kind::Text(value.to_owned()), None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Read(&mut *self.0))? {
            all.push(item);
        }
        Ok(self.0.add(Kind::List(all), None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<usize, A::Error> {
        let mut all = Vec::new();
        while let Some(key) = pairs.next_key_seed(Read(&mut *self.0))? {
            let value = pairs.next_value_seed(Read(&mut *self.0))?;
            all.push((key, value));
        }
        Ok(self.0.add(Kind::Map(all), None))
    }
}
