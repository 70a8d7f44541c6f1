//! A commit's tree to a [`Snapshot`], straight from the object database.

use super::{CONFIGS, GitError, ROOTS, Read, configures, is_lfs_pointer};
use crate::content::{BlobId, ContentPath, File, Mode, PathProblem, Refusal, Revision, Snapshot};
use gix::objs::tree::EntryKind;

/// Reads the content folders of a commit, or all of it where it has none of them.
pub(super) fn snapshot(repo: &gix::Repository, revision: &Revision) -> Read {
    let damaged = |error: gix::Error| GitError::Damaged {
        path: repo.git_dir().to_path_buf(),
        revision: revision.to_string(),
        reason: super::error::words(&error),
    };
    let id = gix::ObjectId::from_hex(revision.as_str().as_bytes())
        .map_err(|_| GitError::UnknownRevision { revspec: revision.to_string(), shallow: false })?;
    let mut reader = Reader { repo, revision, snapshot: Snapshot::empty(revision.clone()) };
    reader.read(id).map_err(damaged)?;
    Ok(reader.snapshot)
}

/// The program's own configuration of a commit, if it carries one.
pub(super) fn configuration_of(repo: &gix::Repository, revision: &Revision) -> Option<(ContentPath, File)> {
    let id = gix::ObjectId::from_hex(revision.as_str().as_bytes()).ok()?;
    let root = repo.find_commit(id).ok()?.tree().ok()?;
    configuration(repo, revision, &root).ok().flatten()
}

fn configuration(
    repo: &gix::Repository,
    revision: &Revision,
    root: &gix::Tree,
) -> Result<Option<(ContentPath, File)>, gix::Error> {
    for name in CONFIGS {
        if let Some(entry) = root.lookup_entry([name])?
            && entry.mode().is_blob()
        {
            let bytes = repo.find_blob(entry.object_id())?.take_data();
            if configures(name, &bytes)
                && let Ok(path) = ContentPath::new(name)
            {
                return Ok(Some((path, File::regular(revision, bytes))));
            }
        }
    }
    Ok(None)
}

struct Reader<'a> {
    repo: &'a gix::Repository,
    revision: &'a Revision,
    snapshot: Snapshot,
}

impl Reader<'_> {
    fn read(&mut self, commit: gix::ObjectId) -> Result<(), gix::Error> {
        let root = self.repo.find_commit(commit)?.tree()?;
        let mut found = false;
        for folder in ROOTS {
            if let Some(entry) = root.lookup_entry(folder.split('/'))?
                && entry.mode().is_tree()
            {
                found = true;
                self.folder(entry.object_id(), folder)?;
            }
        }
        if let Some((path, file)) = configuration(self.repo, self.revision, &root)? {
            self.snapshot.configure(path, file);
        }
        if found { Ok(()) } else { self.folder(root.id, "") }
    }

    fn folder(&mut self, tree: gix::ObjectId, prefix: &str) -> Result<(), gix::Error> {
        let tree = self.repo.find_tree(tree)?;
        for entry in tree.iter() {
            let entry = entry?;
            let join = |name: &str| if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
            let Ok(name) = std::str::from_utf8(entry.filename()) else {
                let shown = join(&String::from_utf8_lossy(entry.filename()));
                self.snapshot.refuse(Refusal::Path(PathProblem::NotUtf8, shown));
                continue;
            };
            let text = join(name);
            let path = match ContentPath::new(&text) {
                Ok(path) => path,
                Err(problem) => {
                    self.snapshot.refuse(Refusal::Path(problem, text));
                    continue;
                }
            };
            let mode = match entry.kind() {
                EntryKind::Tree => {
                    self.folder(entry.object_id(), &text)?;
                    continue;
                }
                EntryKind::Commit => {
                    self.snapshot.refuse(Refusal::Submodule(path));
                    continue;
                }
                EntryKind::Blob => Mode::Regular,
                EntryKind::BlobExecutable => Mode::Executable,
                EntryKind::Link => Mode::Link,
            };
            self.file(path, mode, entry.object_id())?;
        }
        Ok(())
    }

    fn file(&mut self, path: ContentPath, mode: Mode, id: gix::ObjectId) -> Result<(), gix::Error> {
        let bytes = self.repo.find_blob(id)?.take_data();
        if mode != Mode::Link && is_lfs_pointer(&bytes) {
            self.snapshot.refuse(Refusal::LfsPointer(path));
            return Ok(());
        }
        let Ok(id) = <[u8; 20]>::try_from(id.as_slice()) else {
            return Err(gix::Error::from_error(std::io::Error::other("an object id that is not SHA-1")));
        };
        let file = File { revision: self.revision.clone(), id: BlobId::from_bytes(id), mode, bytes: bytes.into() };
        self.snapshot.insert(path, file);
        Ok(())
    }
}
