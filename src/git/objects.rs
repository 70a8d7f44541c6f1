//! Contents of a local repository that are read when somebody asks for them, and what is known of those
//! that nobody has asked for.

use super::GitError;
use crate::content::{BlobId, Blobs, Kept};
use gix::objs::FindExt as _;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The contents of a revision that are read once they are asked for.
#[derive(Clone, Debug)]
pub struct Contents(pub(super) Arc<Objects>);

impl Contents {
    /// Why some content could not be read that was asked for, if any could not: then nothing counts
    /// that rests on it.
    pub fn fault(&self) -> Option<GitError> {
        self.0.fault()
    }
}

/// The contents of a repository.
pub(super) struct Objects {
    /// What every handle is a copy of, and the handles that nobody uses at the moment: each serves one
    /// thread at a time.
    repos: Mutex<(gix::Repository, Vec<Handle>)>,
    /// What could not be read, first of all.
    fault: Mutex<Option<GitError>>,
}

/// What reads one content after another.
struct Handle {
    repo: gix::Repository,
    /// Where they are unpacked: room is made for the largest of them, and not for each anew.
    room: Vec<u8>,
}

impl Objects {
    pub(super) fn of(repo: &gix::Repository) -> Self {
        Self { repos: Mutex::new((repo.clone(), Vec::new())), fault: Mutex::default() }
    }

    /// Looks into the repository, beside other threads that do so.
    fn with<T>(&self, look: impl FnOnce(&mut Handle) -> T) -> T {
        let repos = || self.repos.lock().unwrap_or_else(PoisonError::into_inner);
        let mut handle = {
            let (first, free) = &mut *repos();
            free.pop().unwrap_or_else(|| Handle { repo: first.clone(), room: Vec::new() })
        };
        let seen = look(&mut handle);
        repos().1.push(handle);
        seen
    }

    /// Why what was said of these contents does not count.
    pub(super) fn fault(&self) -> Option<GitError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Blobs for Objects {
    fn read(&self, id: BlobId) -> Vec<u8> {
        self.with(|Handle { repo, room }| match repo.objects.find_blob(&gix::ObjectId::from(*id.as_bytes()), room) {
            Ok(blob) => blob.data.to_vec(),
            Err(error) => {
                let (path, revision) = (repo.git_dir().to_path_buf(), id.to_string());
                let reason = super::error::words(&error);
                let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                fault.get_or_insert(GitError::Damaged { path, revision, reason });
                Vec::new()
            }
        })
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

/// With what the bytes begin.
const MAGIC: &[u8] = b"dagfiles";
/// An id and a size.
const RECORD: usize = 20 + 8;
/// A list that is longer is not read.
const LONGEST: u64 = 64 << 20;

/// Sizes of contents that are no pointers to content elsewhere: what has to be known of each file of
/// a tree, and does not change.
#[derive(Debug, Default)]
pub struct Sizes {
    known: HashMap<BlobId, u64>,
    learnt: BTreeMap<BlobId, u64>,
    /// How often something was known.
    used: usize,
}

impl Sizes {
    /// What an earlier run has kept, if it is sound.
    pub fn read(kept: &dyn Kept) -> Self {
        Self { known: read(kept).unwrap_or_default(), ..Self::default() }
    }

    pub(super) fn get(&mut self, id: BlobId) -> Option<u64> {
        let size = self.known.get(&id).or_else(|| self.learnt.get(&id)).copied();
        self.used += usize::from(size.is_some());
        size
    }

    /// Notes what need not be kept, as it is known from elsewhere.
    pub(super) fn know(&mut self, id: BlobId, size: u64) {
        self.known.insert(id, size);
    }

    pub(super) fn learn(&mut self, id: BlobId, size: u64) {
        self.learnt.insert(id, size);
    }

    /// What the next run is to find; none where that is there already.
    pub fn to_keep(&self) -> Option<Vec<u8>> {
        /// Sizes that are kept, beside some for each that was used.
        const SPARE: usize = 4_096;
        if self.learnt.is_empty() {
            return None;
        }
        // Of trees that are looked at no more nothing is kept for ever.
        let is_old = self.known.len() > SPARE + 8 * self.used;
        let known = self.known.iter().filter(|_| !is_old);
        let all: BTreeMap<_, _> = known.chain(&self.learnt).collect();
        let mut records = Vec::with_capacity(all.len() * RECORD);
        for (id, size) in all {
            records.extend(id.as_bytes());
            records.extend(size.to_le_bytes());
        }
        Some([MAGIC, BlobId::of(&records).as_bytes().as_slice(), &records].concat())
    }
}

fn read(kept: &dyn Kept) -> Option<HashMap<BlobId, u64>> {
    let length = Some(kept.length()).filter(|length| *length <= LONGEST)?;
    let bytes = kept.read(0, usize::try_from(length).ok()?)?;
    let (magic, rest) = bytes.split_at_checked(MAGIC.len())?;
    let (sum, records) = rest.split_at_checked(20)?;
    if magic != MAGIC || sum != BlobId::of(records).as_bytes() {
        return None;
    }
    let (records, []) = records.as_chunks::<RECORD>() else { return None };
    let record = |record: &[u8; RECORD]| {
        let (id, size) = record.split_at(20);
        Some((BlobId::from_bytes(id.try_into().ok()?), u64::from_le_bytes(size.try_into().ok()?)))
    };
    records.iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_kept_whole_or_not_at_all() {
        let ids = [b"a", b"b"].map(|text| BlobId::of(text));
        let mut sizes = Sizes::default();
        assert_eq!(sizes.to_keep(), None);
        sizes.learn(ids[0], 1);
        sizes.learn(ids[1], 1 << 40);
        let kept = sizes.to_keep().unwrap();
        let mut again = Sizes::read(&kept);
        assert_eq!(ids.map(|id| again.get(id)), [Some(1), Some(1 << 40)]);
        assert_eq!((again.get(BlobId::of(b"c")), again.to_keep()), (None, None));
        for at in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[at] ^= 1;
            assert!(Sizes::read(&damaged).known.is_empty(), "byte {at}");
            assert!(Sizes::read(&kept[..at].to_vec()).known.is_empty(), "cut at {at}");
        }
    }
}
