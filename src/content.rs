//! What the branch holds, as values: a revision's files in memory, where each is delivered, and
//! the ordered steps from what is deployed to what is proposed.
//!
//! Invariants: nothing here reads a file or knows what Python or Airflow is. Maps are ordered,
//! so equal input gives equal output in equal order. Imports nothing but the tests' switch.

mod bytes;
mod kept;
mod layout;
mod outline;
mod path;
mod plan;
mod plugins;

pub use bytes::{Blobs, Bytes};
pub use kept::{Fingerprint, Kept, Written};
pub use layout::{Area, ImportOrder, Layout, Place, RootProblem, Roots};
pub use outline::{Outline, Outlined};
pub(crate) use path::numbered;
pub use path::{ContentPath, HomePath, PathProblem};
pub use plan::{Operation, Order, Plan, Planner, Refusal, Step, plan};
pub use plugins::PluginFolders;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

/// Names the state a file comes from: a full commit id in hex, or a word for a tree that is not
/// a commit (`working-tree`, `disk`, or a directory's name).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Revision(Arc<str>);

impl Revision {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a file's bytes: git's own blob id (SHA-1 over `blob <length>\0<bytes>`), so
/// that a file on disk and a blob in the object database compare without a second reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId([u8; 20]);

impl BlobId {
    /// Computes the id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("blob {}\0", bytes.len()));
        hash.update(bytes);
        Self(hash.finalize().into())
    }

    /// Takes an id that git computed.
    pub fn from_bytes(id: [u8; 20]) -> Self {
        Self(id)
    }

    /// The id as git stores it.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Reads 40 hex digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            b'A'..=b'F' => Some(digit - b'A' + 10),
            _ => None,
        };
        let digits: &[u8; 40] = text.as_bytes().try_into().ok()?;
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = (value(pair[0])? << 4) | value(pair[1])?;
        }
        Some(Self(id))
    }

    /// Its 40 hex digits.
    fn digits(&self) -> [u8; 40] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 40];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [byte >> 4, byte & 15].map(|value| DIGITS[usize::from(value)]);
        }
        digits
    }

    /// Calls back with the id in hex, for which nothing is allocated.
    pub fn with_hex<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        // Digits are ASCII.
        with(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|hex| f.write_str(hex))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of entry a file is; git knows no more than these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// An ordinary file.
    Regular,
    /// A file with the execute bit.
    Executable,
    /// A symbolic link; its bytes are the target as written.
    Link,
}

/// One file of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// The state this file comes from. Paths of one snapshot may differ: parts of a revision can
    /// be held back while the rest is delivered.
    pub revision: Revision,
    /// Identity of `bytes`.
    pub id: BlobId,
    /// Kind of entry.
    pub mode: Mode,
    /// The content; shared, so that snapshots are cheap to clone.
    pub bytes: Bytes,
}

impl File {
    /// An ordinary file with these bytes; the id is computed.
    pub fn regular(revision: &Revision, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { revision: revision.clone(), id: BlobId::of(&bytes), mode: Mode::Regular, bytes: bytes.into() }
    }
}

/// The content tree of a revision (or of what is deployed), whole and in memory, by its path in
/// the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    revision: Revision,
    /// Shared by copies until one of them is changed.
    files: Arc<BTreeMap<ContentPath, File>>,
    folders: Folders,
    refused: Vec<Refusal>,
    config: Option<(ContentPath, File)>,
    left_out: Vec<ContentPath>,
}

/// What a folder was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Git's id of the folder.
    pub tree: [u8; 20],
    /// Files and folders in it and below it.
    pub entries: usize,
    /// The files alone that are content.
    pub files: usize,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Folders by their paths. Snapshots are equal by what they hold, wherever it was read.
#[derive(Clone, Debug, Default)]
struct Folders(BTreeMap<String, Folder>);

impl PartialEq for Folders {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Folders {}

/// More files beside the content than this are not named.
const MOST_LEFT_OUT: usize = 50;

impl Snapshot {
    /// An empty tree of that name.
    pub fn empty(revision: Revision) -> Self {
        Self {
            revision,
            files: Arc::default(),
            folders: Folders::default(),
            refused: Vec::new(),
            config: None,
            left_out: Vec::new(),
        }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: ContentPath, file: File) {
        Arc::make_mut(&mut self.files).insert(path, file);
        self.folders = Folders::default();
    }

    /// Adds or replaces files; with less work than one by one, where they are all that there is.
    pub fn extend(&mut self, files: Vec<(ContentPath, File)>) {
        if self.files.is_empty() {
            self.files = Arc::new(files.into_iter().collect());
        } else {
            Arc::make_mut(&mut self.files).extend(files);
        }
        self.folders = Folders::default();
    }

    /// Notes what a folder was read from, as whoever reads it knows that: the same holds the same.
    pub fn read_from(&mut self, folder: String, source: Folder) {
        self.folders.0.insert(folder, source);
    }

    /// What all folders were read from, by their paths; none after a file was added or replaced.
    pub fn folders(&self) -> &BTreeMap<String, Folder> {
        &self.folders.0
    }

    /// The files from that path on, in path order.
    pub fn files_from<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a ContentPath, &'a File)> + use<'a> {
        self.files.range::<str, _>((Bound::Included(path), Bound::Unbounded))
    }

    /// Notes an entry that cannot be content (a submodule, a name that is not UTF-8, …); a
    /// delivery of this snapshot is refused for it, a model is built without it.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.refused.push(refusal);
    }

    /// Notes the program's own configuration that the tree carries. It is no content: it is never
    /// delivered, and a tree that has nothing else is empty.
    pub fn configure(&mut self, path: ContentPath, file: File) {
        self.config = Some((path, file));
    }

    /// Notes a file beside the content that people may take for content: directly in `plugins` or
    /// `shared`, or in a folder of `plugins` that has no place in a home (R6).
    pub fn leave_out(&mut self, path: ContentPath) {
        if self.left_out.len() < MOST_LEFT_OUT {
            self.left_out.push(path);
        }
    }

    /// Files and folders beside the content that are not delivered.
    pub fn left_out(&self) -> &[ContentPath] {
        &self.left_out
    }

    /// The program's own configuration that the tree carries.
    pub fn config(&self) -> Option<(&ContentPath, &File)> {
        self.config.as_ref().map(|(path, file)| (path, file))
    }

    /// The revision that the whole is named after; single files may come from another.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The file at that path.
    pub fn get(&self, path: &ContentPath) -> Option<&File> {
        self.files.get(path)
    }

    /// All files in path order.
    pub fn files(&self) -> impl Iterator<Item = (&ContentPath, &File)> {
        self.files.iter()
    }

    /// The files that are not the same in another tree, in path order: content or mode differ, or one of
    /// the trees has no such file.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<Differing<'a>> {
        if Arc::ptr_eq(&self.files, &other.files) {
            return Vec::new();
        }
        let (mut own, mut others) = (self.files().peekable(), other.files().peekable());
        let mut found = Vec::new();
        loop {
            let (path, here, there) = match (own.peek(), others.peek()) {
                (None, None) => return found,
                (Some((path, here)), None) => (*path, Some(*here), None),
                (None, Some((path, there))) => (*path, None, Some(*there)),
                (Some((path, here)), Some((other, there))) => match path.cmp_shared(other) {
                    Ordering::Less => (*path, Some(*here), None),
                    Ordering::Greater => (*other, None, Some(*there)),
                    Ordering::Equal => (*path, Some(*here), Some(*there)),
                },
            };
            own.next_if(|_| here.is_some());
            others.next_if(|_| there.is_some());
            let key = |file: &File| (file.id, file.mode);
            if here.map(key) != there.map(key) {
                found.push(Differing { path, here, there });
            }
        }
    }

    /// Entries that cannot be content.
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }

    /// Whether there is no file at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A file that is not the same in two trees.
#[derive(Clone, Copy, Debug)]
pub struct Differing<'a> {
    /// Its path.
    pub path: &'a ContentPath,
    /// As the first tree has it.
    pub here: Option<&'a File>,
    /// As the other one has it.
    pub there: Option<&'a File>,
}

impl Differing<'_> {
    /// Whether it has another content, and not another mode alone; content that comes or goes counts.
    pub fn in_content(&self) -> bool {
        self.here.map(|file| file.id) != self.there.map(|file| file.id)
    }
}

/// A range of a file's text. Offsets count bytes from 0, lines count from 1. Small, because every
/// expression and every value of an evaluation has one; what lies beyond 4 GiB has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// First byte after it.
    pub end: u32,
    /// Line of the first byte.
    pub line: u32,
}

impl Span {
    /// The beginning of a file: where a finding about the whole file points.
    pub const FILE: Self = Self { start: 0, end: 0, line: 1 };

    /// The range from a byte up to another one, on that line.
    pub fn new(start: usize, end: usize, line: u32) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: offset(start), end: offset(end), line }
    }

    /// The bytes meant.
    pub fn bytes(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place that a person can open: findings, reasons and explanations all end in one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path in the repository.
    pub path: ContentPath,
    /// The text meant.
    pub span: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_id_is_gits_own() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(BlobId::of(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        let id = BlobId::of(b"");
        assert_eq!(BlobId::from_hex(&id.to_string()), Some(id));
        assert_eq!(BlobId::from_hex("zz"), None);
    }
}
