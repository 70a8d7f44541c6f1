//! What the program keeps between two of its runs, as bytes: where they lie is an edge's business.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Bytes that an earlier run of the program has kept, read by their place.
pub trait Kept: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// So many bytes from that place; none if they cannot be read, or are not so many.
    fn read(&self, from: u64, length: usize) -> Option<Vec<u8>>;

    /// How many bytes there are.
    fn length(&self) -> u64;
}

impl Kept for Vec<u8> {
    fn read(&self, from: u64, length: usize) -> Option<Vec<u8>> {
        let from = usize::try_from(from).ok()?;
        self.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
    }

    fn length(&self) -> u64 {
        self.len() as u64
    }
}

/// What an evaluation is to be kept as, in two parts that are replaced apart from each other: the
/// large one rarely, the small one by each run that has learnt something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The small part alone.
    Recent(Vec<u8>),
    /// The large part; the small one is in it, and goes.
    Whole(Vec<u8>),
}

/// What tells one build of the program from another: what one has kept, no other reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);
