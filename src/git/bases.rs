//! What deltas are made of, kept while a tree is read: the files of a tree are mostly deltas of each
//! other, and without this each would be unpacked from the beginning of its chain on.

use gix::objs::Kind;
use gix::odb::pack::cache::DecodeEntry;
use std::collections::BTreeMap;

/// Bytes that are kept at most; beyond them it begins anew.
const MOST: usize = 16 << 20;
/// What is larger is not kept: it would put out very many others.
const LARGEST: usize = 1 << 20;

/// Unpacked objects by their place in a pack.
#[derive(Default)]
struct Bases {
    kept: BTreeMap<(u32, u64), Base>,
    bytes: usize,
}

struct Base {
    kind: Kind,
    compressed_size: usize,
    data: Box<[u8]>,
}

impl DecodeEntry for Bases {
    fn put(&mut self, pack_id: u32, offset: u64, data: &[u8], kind: Kind, compressed_size: usize) {
        if data.len() > LARGEST {
            return;
        }
        if self.bytes + data.len() > MOST {
            *self = Self::default();
        }
        self.bytes += data.len();
        let before = self.kept.insert((pack_id, offset), Base { kind, compressed_size, data: data.into() });
        self.bytes -= before.map_or(0, |before| before.data.len());
    }

    fn get(&mut self, pack_id: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let base = self.kept.get(&(pack_id, offset))?;
        out.clear();
        out.extend_from_slice(&base.data);
        Some((base.kind, base.compressed_size))
    }
}

/// Lets a repository keep them, as long as this handle of it lives.
pub(super) fn kept(mut repo: gix::Repository) -> gix::Repository {
    repo.objects.set_pack_cache(|| Box::<Bases>::default());
    repo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_never_too_much_of_it() {
        let mut bases = Bases::default();
        let mut out = vec![1];
        assert_eq!(bases.get(0, 7, &mut out), None);
        bases.put(0, 7, b"abc", Kind::Blob, 2);
        bases.put(0, 7, b"abcd", Kind::Tree, 3);
        assert_eq!((bases.get(0, 7, &mut out), out.as_slice()), (Some((Kind::Tree, 3)), &b"abcd"[..]));
        assert_eq!((bases.get(1, 7, &mut out), bases.bytes), (None, 4));
        bases.put(0, 8, &vec![0; LARGEST + 1], Kind::Blob, 2);
        assert_eq!(bases.get(0, 8, &mut out), None);
        for offset in 100..200 {
            bases.put(0, offset, &vec![0; LARGEST], Kind::Blob, 2);
            assert!(bases.bytes <= MOST);
            assert!(bases.get(0, offset, &mut out).is_some());
        }
        assert_eq!(bases.bytes, bases.kept.values().map(|base| base.data.len()).sum::<usize>());
    }
}
