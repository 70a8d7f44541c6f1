//! A file's content, at hand or read when somebody asks for it.

use super::BlobId;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};

/// Where contents lie that are not at hand.
pub trait Blobs: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The content of that id. Where it cannot be read, it is empty, and whoever owns this says so
    /// before anything counts that rests on it.
    fn read(&self, id: BlobId) -> Vec<u8>;
}

/// The bytes of a file; copies share them.
#[derive(Clone)]
pub struct Bytes(Held);

#[derive(Clone)]
enum Held {
    Here(Arc<[u8]>),
    There(Arc<There>),
}

struct There {
    id: BlobId,
    length: u64,
    blobs: Arc<dyn Blobs>,
    read: OnceLock<Vec<u8>>,
}

impl Bytes {
    /// Bytes that are read from there once they are asked for.
    pub fn of(id: BlobId, length: u64, blobs: Arc<dyn Blobs>) -> Self {
        Self(Held::There(Arc::new(There { id, length, blobs, read: OnceLock::new() })))
    }

    /// How many there are. Nobody has to read them for that.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Held::Here(bytes) => bytes.len() as u64,
            Held::There(there) => there.length,
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Here(bytes) => bytes,
            Held::There(there) => there.read.get_or_init(|| there.blobs.read(there.id)),
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Arc<[u8]>> for Bytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(Held::Here(bytes))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Held::Here(bytes.into()))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Held::Here(bytes.into()))
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Held::There(one), Held::There(other)) if one.id == other.id => true,
            (Held::Here(one), Held::Here(other)) => one == other,
            _ => **self == **other,
        }
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
