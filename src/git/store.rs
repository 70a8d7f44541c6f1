//! The folder that caches fetched objects: opened, packed anew, put in place of the last one.

use super::error::words;
use super::{GitError, Remote};
use gix::objs::Kind;
use gix::refs::transaction::PreviousValue;
use gix::zlib::{Compression, stream::deflate};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufReader, Read as _, Seek as _, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The ref that keeps the branch's newest commit in the store.
pub(super) const PROPOSED: &str = "refs/dagguard/proposed";
/// The ref that keeps the deployed commit in the store, and lets the next fetch be a small one.
pub(super) const DEPLOYED: &str = "refs/dagguard/deployed";

/// How many packs there are.
pub(super) fn packs(git_dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(git_dir.join("objects/pack")) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count()
}

/// Removes what a fetch that was killed has left among the packs. Another process may be at work in
/// the same folder, against advice: what is young is let alone.
pub(super) fn sweep(git_dir: &Path) {
    const OLD: Duration = Duration::from_hours(1);
    let Ok(entries) = fs::read_dir(git_dir.join("objects/pack")) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|kind| ["pack", "idx", "rev"].iter().any(|known| kind == *known));
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old = modified.and_then(|then| then.elapsed().ok()).is_some_and(|age| age > OLD);
        if !is_ours && is_old {
            // It is only room on a disk.
            fs::remove_file(path).ok();
        }
    }
}

/// Undoes the first half of an exchange that was cut off between its two renames.
pub(super) fn put_back(store: &Path) {
    let git_dir = store.join("dagguard.git");
    if fs::symlink_metadata(&git_dir).is_err() {
        // Where there is nothing to put back, there is nothing to do.
        fs::rename(store.join("dagguard.git.old"), &git_dir).ok();
    }
}

/// Points a ref of our own at an object.
pub(super) fn name(remote: &Remote, repo: &gix::Repository, name: &str, id: gix::ObjectId) -> Result<(), GitError> {
    repo.reference(name, id, PreviousValue::Any, "kept").map(drop).map_err(|error| remote.unwritable(words(&error)))
}

/// What a ref of our own points at.
pub(super) fn named(repo: &gix::Repository, name: &str) -> Option<gix::ObjectId> {
    repo.try_find_reference(name).ok().flatten()?.try_id().map(gix::Id::detach)
}

/// An empty store beside the present one.
pub(super) fn aside(remote: &Remote) -> Result<gix::Repository, GitError> {
    let failed = |error: io::Error| remote.unwritable(error.to_string());
    let aside = remote.store.join("dagguard.git.new");
    fs::create_dir_all(&remote.store).map_err(failed)?;
    for rest in [&aside, &remote.store.join("dagguard.git.old")] {
        remove_any(rest).map_err(failed)?;
    }
    let options = gix::create::Options::default();
    gix::ThreadSafeRepository::init_opts(&aside, gix::create::Kind::Bare, options, remote.open_options())
        .map(|repo| repo.to_thread_local())
        .map_err(|error| remote.unwritable(words(&error)))
}

/// Puts the store that was made beside the present one in its place.
pub(super) fn exchange(remote: &Remote) -> Result<(), GitError> {
    let failed = |error: io::Error| remote.unwritable(error.to_string());
    let (git_dir, outdated) = (remote.git_dir(), remote.store.join("dagguard.git.old"));
    match fs::rename(&git_dir, &outdated) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::rename(remote.store.join("dagguard.git.new"), &git_dir).map_err(failed)?;
    remove_any(&outdated).map_err(failed)
}

/// Makes one pack of what the present store is kept for, the newest and the deployed commit with
/// their trees, and lets the rest go. Nothing is asked of the remote, and one object at a time is
/// in memory.
pub(super) fn pack_anew(remote: &Remote, repo: &gix::Repository) -> Result<(), GitError> {
    let fresh = aside(remote)?;
    let refs = [PROPOSED, DEPLOYED].map(|name| (name, named(repo, name)));
    copy(remote, repo, &fresh, &refs)?;
    drop(fresh);
    exchange(remote)
}

/// Copies the commits of these refs with all that belongs to their trees, and the refs.
pub(super) fn copy(
    remote: &Remote,
    from: &gix::Repository,
    to: &gix::Repository,
    refs: &[(&str, Option<gix::ObjectId>)],
) -> Result<(), GitError> {
    let failed = |reason: String| remote.unwritable(reason);
    let damaged = |error: gix::Error| GitError::Damaged {
        path: from.git_dir().to_path_buf(),
        revision: remote.branch.clone(),
        reason: words(&error),
    };
    let mut closure =
        Closure { repo: from, most: remote.options.limits.objects, found: BTreeSet::new(), cut: Vec::new() };
    for (_, id) in refs {
        id.map(|id| closure.add(id)).transpose().map_err(damaged)?;
    }
    if closure.found.is_empty() {
        return Ok(());
    }
    let path = to.git_dir().join("objects/pack/dagguard.tmp");
    let written = write_pack(from, &closure.found, &path).map_err(|error| failed(error.to_string()))?;
    index(to, written).map_err(|error| failed(words(&error)))?;
    remove_any(&path).map_err(|error| failed(error.to_string()))?;
    let mut shallow: Vec<String> = closure.cut.iter().map(|id| format!("{id}\n")).collect();
    if let Ok(Some(already)) = to.shallow_commits() {
        shallow.extend(already.iter().map(|id| format!("{id}\n")));
    }
    shallow.sort();
    shallow.dedup();
    fs::write(to.git_dir().join("shallow"), shallow.concat()).map_err(|error| failed(error.to_string()))?;
    for (ref_name, id) in refs {
        if let Some(id) = id {
            name(remote, to, ref_name, *id)?;
        }
    }
    Ok(())
}

/// All objects that some commits need, without their history.
struct Closure<'a> {
    repo: &'a gix::Repository,
    most: u64,
    found: BTreeSet<gix::ObjectId>,
    /// The commits whose parents are left behind.
    cut: Vec<gix::ObjectId>,
}

impl Closure<'_> {
    fn add(&mut self, id: gix::ObjectId) -> Result<(), gix::Error> {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if !self.found.insert(id) {
                continue;
            }
            if self.found.len() as u64 > self.most {
                return Err(gix::Error::from_error(io::Error::other("more objects than are allowed")));
            }
            // A blob need not be looked into, but it must be there.
            match self.repo.find_header(id)?.kind() {
                Kind::Blob => {}
                Kind::Tag => open.push(self.repo.find_tag(id)?.target_id()?.detach()),
                Kind::Commit => {
                    self.cut.push(id);
                    open.push(self.repo.find_commit(id)?.tree_id()?.detach());
                }
                Kind::Tree => {
                    for entry in self.repo.find_tree(id)?.iter() {
                        let entry = entry?;
                        if !entry.mode().is_commit() {
                            open.push(entry.object_id());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Writes objects as one pack without deltas, and gives the file back at its beginning.
fn write_pack(repo: &gix::Repository, objects: &BTreeSet<gix::ObjectId>, path: &Path) -> io::Result<fs::File> {
    let file = fs::File::options().create_new(true).read(true).write(true).open(path)?;
    let mut out = Hashed { inner: io::BufWriter::new(file), hash: gix::hash::hasher(gix::hash::Kind::Sha1) };
    let count = u32::try_from(objects.len()).map_err(io::Error::other)?;
    out.write_all(b"PACK\0\0\0\x02")?;
    out.write_all(&count.to_be_bytes())?;
    for id in objects {
        let object = repo.find_object(*id).map_err(|error| io::Error::other(words(&error)))?;
        out.write_all(&object_header(object.kind, object.data.len()))?;
        let mut packed = deflate::Write::new(&mut out, Compression::BEST_SPEED);
        packed.write_all(&object.data)?;
        packed.flush()?;
    }
    let hash = out.hash.try_finalize().map_err(|error| io::Error::other(words(&error)))?;
    let mut inner = out.inner;
    inner.write_all(hash.as_slice())?;
    let mut file = inner.into_inner()?;
    file.rewind()?;
    Ok(file)
}

/// A writer that hashes what goes through it.
struct Hashed<W> {
    inner: W,
    hash: gix::hash::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The kind and size before an object in a pack: three bits and four of the size, then seven a byte.
fn object_header(kind: Kind, size: usize) -> Vec<u8> {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |size: usize, bits: u32| u8::try_from(size & ((1 << bits) - 1)).unwrap_or(0);
    let mut bytes = vec![(kind << 4) | low(size, 4)];
    let mut rest = size >> 4;
    while rest > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 128;
        }
        bytes.push(low(rest, 7));
        rest >>= 7;
    }
    bytes
}

fn index(to: &gix::Repository, pack: fs::File) -> Result<(), gix::Error> {
    let folder = to.git_dir().join("objects/pack");
    let outcome = gix::odb::pack::Bundle::write_to_directory(
        &mut BufReader::new(pack),
        Some(&folder),
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
        None::<gix::OdbHandle>,
        gix::hash::Kind::Sha1,
        gix::odb::pack::bundle::write::Options { thread_limit: Some(1), ..Default::default() },
    )?;
    if let Some(keep) = outcome.keep_path {
        fs::remove_file(keep).map_err(gix::Error::from_error)?;
    }
    Ok(())
}

/// Removes a folder, a file or a link; it is fine if there is none.
pub(super) fn remove_any(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The first bytes of a file that another program wrote, if it can be read.
pub(super) fn beginning(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(4096).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
