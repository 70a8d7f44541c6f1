//! Which words stand in some texts, as a few bits: a word that is not among them is certainly in none.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Bytes of the bits: with some hundred words one of fifty that are not there seems to be.
const SIZE: usize = 256;

/// The words of some texts. A word is a run of letters, digits, `_`, `.` and `-`, as long as it goes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Words(Box<[u8; SIZE]>);

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') || !byte.is_ascii()
}

/// Two places among the bits.
fn bits(word: &[u8]) -> [(usize, u8); 2] {
    let sum = xxhash_rust::xxh3::xxh3_64(word);
    [sum, sum >> 32].map(|part| {
        let bit = usize::try_from(part & 0x7ff).unwrap_or_default();
        (bit / 8 % SIZE, 1 << (bit % 8))
    })
}

impl Words {
    /// None yet.
    pub(super) fn none() -> Self {
        Self(Box::new([0; SIZE]))
    }

    /// Adds those of a text.
    pub(super) fn add(&mut self, text: &[u8]) {
        for word in text.split(|byte| !is_part(*byte)).filter(|word| !word.is_empty()) {
            for (byte, bit) in bits(word) {
                self.0[byte] |= bit;
            }
        }
    }

    /// Whether one of the texts may hold that between two characters that are no part of a word, or at an
    /// end; what is no word may stand in any text.
    pub(super) fn may_hold(&self, word: &[u8]) -> bool {
        let is_word = !word.is_empty() && word.iter().all(|byte| is_part(*byte));
        !is_word || bits(word).iter().all(|(byte, bit)| self.0[*byte] & bit != 0)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_slice())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{SIZE} bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Words, E> {
                let bytes: [u8; SIZE] = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Words(Box::new(bytes)))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_there_is_never_missed() {
        let text = r#"{"a": 'team__load.x-1', \"b\": ["ä"], 'two words', "cut"#.as_bytes();
        let mut words = Words::none();
        words.add(text);
        for there in ["a", "team__load.x-1", "b", "ä", "two words", "two", "cut", ""] {
            assert!(words.may_hold(there.as_bytes()), "{there}");
        }
        let missing = (0..1_000).filter(|number| !words.may_hold(format!("other_{number}").as_bytes())).count();
        assert!(missing > 980, "{missing}");
        let kept = postcard::to_allocvec(&words).unwrap();
        assert_eq!(postcard::from_bytes::<Words>(&kept), Ok(words));
    }
}
