//! The record as it is written from format 3 on: a line of JSON that says what it is, then the files
//! one by one in fewest bytes, then a sum over all of it. It is read and written whole at each
//! delivery, and of ten thousand files that took longer as JSON than the delivery itself.
//!
//! A version that knows no such file reads the line and lets it alone.

use super::super::state::{Head, json};
use super::{Record, Recorded, Revisions, Stamp};
use crate::content::{BlobId, ContentPath, Folder, HomePath, Mode, Revision};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The first format that is written so.
pub(super) const FIRST: u32 = 3;
/// Bytes of the sum at the end.
const SUM: usize = 20;
/// Bytes of a file before its paths, for a guess at the length of the whole.
const FIXED: usize = 64;

/// The line at the beginning.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    head: Head,
    sequence: u64,
    revision: String,
    delivered_at: String,
    roots: BTreeSet<String>,
    ignored: Option<BTreeSet<String>>,
    /// Revisions of files that are not of that of the record.
    revisions: Vec<String>,
    files: u32,
    /// What folders of the repository were read from, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    folders: BTreeMap<String, Row>,
}

/// Git's id of a folder in hex, its entries, files and bytes.
type Row = (String, usize, usize, u64);

/// A record on its way to its file.
pub(in super::super) struct Table<'r> {
    revision: &'r Revision,
    /// Numbers of the revisions of files that are of another one.
    others: BTreeMap<Revision, u32>,
    files: u32,
    bytes: Vec<u8>,
}

impl<'r> Table<'r> {
    /// Begins a record of that revision, with a guess at how many files it will have.
    pub(in super::super) fn new(revision: &'r Revision, files: usize) -> Self {
        Self { revision, others: BTreeMap::new(), files: 0, bytes: Vec::with_capacity(files * (FIXED + 64)) }
    }

    /// Adds a file that is of that revision. The files come in the order of their paths.
    pub(in super::super) fn add(&mut self, dest: &HomePath, recorded: &Recorded, revision: &Revision) {
        let Recorded { source, revision: _, id, mode, stamp } = recorded;
        let next = u32::try_from(self.others.len()).unwrap_or(u32::MAX).saturating_add(1);
        let revision = if revision == self.revision { 0 } else { *self.others.entry(revision.clone()).or_insert(next) };
        self.files = self.files.saturating_add(1);
        let bytes = &mut self.bytes;
        bytes.push(match mode {
            Mode::Regular => 0,
            Mode::Executable => 1,
            Mode::Link => 2,
        });
        bytes.extend_from_slice(&revision.to_le_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&stamp.size.to_le_bytes());
        bytes.extend_from_slice(&stamp.modified.to_le_bytes());
        bytes.extend_from_slice(&stamp.changed.to_le_bytes());
        bytes.extend_from_slice(&stamp.inode.to_le_bytes());
        let source = source.as_str();
        for text in [dest.as_str(), if source == dest.as_str() { "" } else { source }] {
            // A path is no longer than a file system takes it.
            bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// The file's bytes; what the record says of files is not looked at.
    pub(in super::super) fn to_bytes(&self, of: &Record) -> Vec<u8> {
        let mut others: Vec<_> = self.others.iter().map(|(revision, number)| (*number, revision.to_string())).collect();
        others.sort_unstable();
        let line = Line {
            head: Head::ours(),
            sequence: of.sequence,
            revision: self.revision.to_string(),
            delivered_at: of.delivered_at.to_string(),
            roots: of.roots.clone(),
            ignored: of.ignored.clone(),
            revisions: others.into_iter().map(|(_, revision)| revision).collect(),
            files: self.files,
            folders: of.folders.iter().map(|(path, folder)| (path.clone(), row(folder))).collect(),
        };
        let mut line = json(&line);
        line.push(b'\n');
        let mut bytes = Vec::with_capacity(line.len() + self.bytes.len() + SUM);
        bytes.extend_from_slice(&line);
        bytes.extend_from_slice(&self.bytes);
        bytes.extend_from_slice(&sum(&bytes));
        bytes
    }
}

impl Record {
    pub(in super::super) fn to_bytes(&self) -> Vec<u8> {
        let mut table = Table::new(&self.revision, self.files.len());
        self.files.iter().for_each(|(dest, recorded)| table.add(dest, recorded, &recorded.revision));
        table.to_bytes(self)
    }
}

/// The record, if it is whole.
pub(super) fn read(bytes: &[u8]) -> Option<Record> {
    let (all, own) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if sum(all) != own {
        return None;
    }
    let line = all.split(|byte| *byte == b'\n').next()?;
    let mut rest = all.get(line.len() + 1..)?;
    let line: Line = serde_json::from_slice(line).ok()?;
    let mut known = Revisions::default();
    let named: Vec<Revision> =
        [line.revision].iter().chain(&line.revisions).map(|revision| known.named(revision)).collect();
    let mut files = Vec::with_capacity(rest.len() / FIXED);
    for _ in 0..line.files {
        let mode = match part::<1>(&mut rest)?[0] {
            0 => Mode::Regular,
            1 => Mode::Executable,
            2 => Mode::Link,
            _ => return None,
        };
        let revision = named.get(usize::try_from(u32::from_le_bytes(part(&mut rest)?)).ok()?)?.clone();
        let id = BlobId::from_bytes(part(&mut rest)?);
        let stamp = Stamp {
            size: u64::from_le_bytes(part(&mut rest)?),
            modified: i64::from_le_bytes(part(&mut rest)?),
            changed: i64::from_le_bytes(part(&mut rest)?),
            inode: u64::from_le_bytes(part(&mut rest)?),
        };
        let (dest, source) = (text(&mut rest)?, text(&mut rest)?);
        let (dest, source) = if source.is_empty() {
            let source = ContentPath::new(dest).ok()?;
            (source.as_home(), source)
        } else {
            (HomePath::new(dest).ok()?, ContentPath::new(source).ok()?)
        };
        files.push((dest, Recorded { source, revision, id, mode, stamp }));
    }
    let [revision, ..] = named.as_slice() else { return None };
    Some(Record {
        sequence: line.sequence,
        revision: revision.clone(),
        delivered_at: line.delivered_at.parse().ok()?,
        roots: line.roots.into_iter().filter(|root| HomePath::new(root).is_ok()).collect(),
        ignored: line.ignored,
        folders: line.folders.into_iter().filter_map(|(path, row)| Some((path, folder(row)?))).collect(),
        files: files.into_iter().collect(),
    })
    .filter(|_| rest.is_empty())
}

fn row(folder: &Folder) -> Row {
    (BlobId::from_bytes(folder.tree).to_string(), folder.entries, folder.files, folder.bytes)
}

fn folder((tree, entries, files, bytes): Row) -> Option<Folder> {
    Some(Folder { tree: *BlobId::from_hex(&tree)?.as_bytes(), entries, files, bytes })
}

/// The next bytes of a table.
fn part<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*part)
}

fn text<'t>(rest: &mut &'t [u8]) -> Option<&'t str> {
    let length = u16::from_le_bytes(part(rest)?);
    let (text, behind) = rest.split_at_checked(usize::from(length))?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}

fn sum(bytes: &[u8]) -> [u8; SUM] {
    *BlobId::of(bytes).as_bytes()
}
