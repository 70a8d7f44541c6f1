//! A commit's tree to a [`Snapshot`], straight from the object database.

use super::bounds::{Limits, mib};
use super::{CONFIGS, GitError, LARGEST_POINTER, Read, Sizes, commit_id, configures, is_lfs_pointer};
use crate::content::{
    BlobId, Blobs, Bytes, ContentPath, File, Folder, Layout, Mode, Outline, Outlined, PathProblem, Refusal, Revision,
    Snapshot,
};
use gix::objs::tree::EntryKind;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

/// Reads the content folders of a commit, or all of it where it has none of the usual ones; no further than
/// the limits, beyond which it cannot be delivered. What `known` has at the same path under the same
/// id is taken from there.
pub(super) fn snapshot(
    repo: &gix::Repository,
    revision: &Revision,
    layout: Layout,
    limits: Limits,
    known: Option<Known>,
) -> Read {
    read(repo, revision, layout, limits, known, None)
}

/// How contents are read later.
pub(super) struct Later<'a> {
    /// Where they lie.
    pub(super) blobs: Arc<dyn Blobs>,
    /// What is known of them.
    pub(super) sizes: &'a mut Sizes,
}

/// The same, with contents that are read once they are asked for, where that is told how.
pub(super) fn read(
    repo: &gix::Repository,
    revision: &Revision,
    layout: Layout,
    limits: Limits,
    known: Option<Known>,
    later: Option<Later>,
) -> Read {
    let damaged = |error: gix::Error| GitError::Damaged {
        path: repo.git_dir().to_path_buf(),
        revision: revision.to_string(),
        reason: super::error::words(&error),
    };
    let id = commit_id(revision)
        .ok_or_else(|| GitError::UnknownRevision { revspec: revision.to_string(), shallow: false })?;
    let snapshot = Snapshot::empty(revision.clone());
    let mut reader = Reader {
        repo,
        revision,
        layout,
        known,
        ahead: files_from(known, ""),
        later,
        snapshot,
        files: Vec::new(),
        folders: Vec::new(),
        limits,
        entries: 0,
        bytes: 0,
        sought: 0,
        refused_too: 0,
        is_over: false,
    };
    reader.read(id).map_err(damaged)?;
    if reader.refused_too > 0 {
        reader.snapshot.refuse(Refusal::More(reader.refused_too));
    }
    reader.snapshot.extend(reader.files);
    for (path, folder) in reader.folders {
        reader.snapshot.read_from(path, folder);
    }
    Ok(reader.snapshot)
}

/// Another tree, of which most is the same.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    /// One that was read before.
    Read(&'a Snapshot),
    /// One that was delivered.
    Delivered(&'a Outline<'a>),
}

impl<'a> Known<'a> {
    /// What the folders of it were read from. What was refused is not among the files.
    fn folders(self) -> Option<&'a BTreeMap<String, Folder>> {
        match self {
            Self::Read(tree) => Some(tree.folders()).filter(|_| tree.refused().is_empty()),
            Self::Delivered(tree) => tree.folders(),
        }
    }

    fn files_from(self, path: &str) -> Box<dyn Iterator<Item = (&'a ContentPath, Same<'a>)> + 'a> {
        match self {
            Self::Read(tree) => Box::new(tree.files_from(path).map(|(path, file)| (path, Same::Read(file)))),
            Self::Delivered(tree) => {
                Box::new(tree.files_from(path).iter().map(|(path, file)| (*path, Same::Delivered(*file))))
            }
        }
    }
}

/// A file of another tree.
#[derive(Clone, Copy)]
enum Same<'a> {
    Read(&'a File),
    Delivered(Outlined),
}

impl Same<'_> {
    fn key(self) -> (BlobId, Mode) {
        match self {
            Self::Read(file) => (file.id, file.mode),
            Self::Delivered(file) => (file.id, file.mode),
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::Read(file) => file.bytes.size(),
            Self::Delivered(file) => file.size,
        }
    }
}

/// The files of a tree that was read before, from that path on.
type Ahead<'a> = Peekable<Box<dyn Iterator<Item = (&'a ContentPath, Same<'a>)> + 'a>>;

fn files_from<'a>(known: Option<Known<'a>>, path: &str) -> Ahead<'a> {
    let files: Box<dyn Iterator<Item = _>> = match known {
        Some(known) => known.files_from(path),
        None => Box::new(std::iter::empty()),
    };
    files.peekable()
}

/// The program's own configuration of a commit, if it carries one.
pub(super) fn configuration_of(
    repo: &gix::Repository,
    revision: &Revision,
    limits: Limits,
) -> Option<(ContentPath, File)> {
    let root = repo.find_commit(commit_id(revision)?).ok()?.tree().ok()?;
    configuration(repo, revision, &root, limits).ok().flatten()
}

fn configuration(
    repo: &gix::Repository,
    revision: &Revision,
    root: &gix::Tree,
    limits: Limits,
) -> Result<Option<(ContentPath, File)>, gix::Error> {
    for name in CONFIGS {
        if let Some(entry) = root.lookup_entry([name])?
            && entry.mode().is_blob()
            && repo.find_header(entry.object_id())?.size() <= limits.object
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

/// Contents from which on it pays to know where else they are: as many files were moved, or all are new.
const MANY: usize = 64;

/// Reasons against a tree that are named: each is a line of the log.
const MOST_REFUSED: usize = 50;

/// A path as it can stand in a line of a log.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

struct Reader<'a> {
    repo: &'a gix::Repository,
    revision: &'a Revision,
    layout: Layout,
    known: Option<Known<'a>>,
    /// The files of `known` that were not come to, of a folder whose files are read in the same order.
    ahead: Ahead<'a>,
    later: Option<Later<'a>>,
    /// Without its files.
    snapshot: Snapshot,
    /// What goes into it.
    files: Vec<(ContentPath, File)>,
    folders: Vec<(String, Folder)>,
    limits: Limits,
    /// Files, links and folders so far.
    entries: usize,
    /// Bytes of all files so far.
    bytes: u64,
    /// Contents whose sizes were looked for.
    sought: usize,
    /// Entries that cannot be content, beyond those that are named.
    refused_too: usize,
    /// Set once a limit was met: nothing more is read.
    is_over: bool,
}

impl Reader<'_> {
    fn read(&mut self, commit: gix::ObjectId) -> Result<(), gix::Error> {
        let root = self.repo.find_commit(commit)?.tree()?;
        let mut found = false;
        for folder in self.layout.folders() {
            self.ahead = files_from(self.known, folder);
            if folder.is_empty() {
                found = true;
                self.folder(root.id, "", 0)?;
            } else if let Some(entry) = root.lookup_entry(folder.split('/'))?
                && entry.mode().is_tree()
            {
                found = true;
                self.folder(entry.object_id(), folder, 1)?;
            }
        }
        if let Some((path, file)) = configuration(self.repo, self.revision, &root, self.limits)? {
            self.snapshot.configure(path, file);
        }
        match self.layout {
            Layout::Content if !found => {
                self.ahead = files_from(self.known, "");
                self.folder(root.id, "", 0)
            }
            Layout::Content => ["plugins", "shared"].into_iter().try_for_each(|folder| self.left_out(&root, folder)),
            Layout::Plain | Layout::Repository => self.folder(root.id, "", 0),
            // The operator has said what is content.
            Layout::Roots(_) => self.left_out(&root, "plugins"),
        }
    }

    /// Notes what lies beside the content of a folder, by the names of its entries alone.
    fn left_out(&mut self, root: &gix::Tree, folder: &str) -> Result<(), gix::Error> {
        let Some(entry) = root.lookup_entry([folder])?.filter(|entry| entry.mode().is_tree()) else { return Ok(()) };
        let tree = self.repo.find_tree(entry.object_id())?;
        for entry in tree.iter() {
            let entry = entry?;
            let name = String::from_utf8_lossy(entry.filename()).into_owned();
            let dull = name == "__pycache__" || name == ".airflowignore" || name == ".gitkeep";
            if !dull
                && let Ok(path) = ContentPath::new(format!("{folder}/{name}"))
                && !self.layout.takes(&path, entry.mode().is_tree())
            {
                self.snapshot.leave_out(path);
            }
        }
        Ok(())
    }

    /// Refuses the whole tree; the reading ends.
    fn too_large(&mut self, problem: String) {
        self.is_over = true;
        self.snapshot.refuse(Refusal::TooLarge(problem));
    }

    /// Notes what cannot be content; where there is very much of it, the first say enough.
    fn refuse(&mut self, refusal: Refusal) {
        if self.snapshot.refused().len() < MOST_REFUSED {
            self.snapshot.refuse(refusal);
        } else {
            self.refused_too += 1;
        }
    }

    fn folder(&mut self, tree: gix::ObjectId, prefix: &str, depth: usize) -> Result<(), gix::Error> {
        if depth > self.limits.depth {
            self.too_large(format!("folders lie in one another more than {} deep", self.limits.depth));
            return Ok(());
        }
        if self.is_known(tree, prefix) {
            return Ok(());
        }
        let before = (self.entries, self.files.len(), self.bytes);
        self.entries_of(tree, prefix, depth)?;
        if let Ok(tree) = <[u8; 20]>::try_from(tree.as_slice()) {
            let (entries, files) = (self.entries - before.0, self.files.len() - before.1);
            let folder = Folder { tree, entries, files, bytes: self.bytes - before.2 };
            self.folders.push((prefix.to_owned(), folder));
        }
        Ok(())
    }

    /// Takes a folder from the tree that was read before, where that has the same one there.
    fn is_known(&mut self, tree: gix::ObjectId, prefix: &str) -> bool {
        let Some(known) = self.known.and_then(Known::folders) else { return false };
        let same = known.get(prefix).filter(|folder| folder.tree.as_slice() == tree.as_slice());
        let Some(folder) = same.copied() else { return false };
        let (entries, bytes) = (self.entries + folder.entries, self.bytes.saturating_add(folder.bytes));
        if entries > self.limits.files || bytes > self.limits.content {
            return false;
        }
        let first = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        while self.ahead.next_if(|(path, _)| path.as_str() < first.as_str()).is_some() {}
        let before = self.files.len();
        let mut fits = true;
        while let Some((path, file)) = self.ahead.next_if(|(path, _)| path.as_str().starts_with(&first)) {
            fits &= file.size() <= self.limits.object;
            if let Some(file) = self.taken(file) {
                self.files.push((path.clone(), file));
            }
        }
        let is_whole = fits && self.files.len() - before == folder.files;
        if is_whole {
            (self.entries, self.bytes) = (entries, bytes);
            let inside = known.range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded));
            let inside = inside.take_while(|(path, _)| path.starts_with(&first)).filter(|(path, _)| *path != prefix);
            self.folders.extend(inside.map(|(path, folder)| (path.clone(), *folder)));
            self.folders.push((prefix.to_owned(), folder));
        } else {
            // It was no tree as it was read, or others have changed files in it since.
            self.files.truncate(before);
            self.ahead = files_from(self.known, &first);
        }
        is_whole
    }

    /// A file as this tree has it too; none where its content would be needed and is not there.
    fn taken(&self, file: Same<'_>) -> Option<File> {
        let revision = self.revision.clone();
        match (file, &self.later) {
            (Same::Read(file), _) => Some(File { revision, ..file.clone() }),
            (Same::Delivered(Outlined { id, mode, size }), Some(later)) => {
                Some(File { revision, id, mode, bytes: Bytes::of(id, size, later.blobs.clone()) })
            }
            (Same::Delivered(_), None) => None,
        }
    }

    fn entries_of(&mut self, tree: gix::ObjectId, prefix: &str, depth: usize) -> Result<(), gix::Error> {
        let tree = self.repo.find_tree(tree)?;
        let mut text = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let inside = text.len();
        for entry in tree.iter() {
            let entry = entry?;
            self.entries += 1;
            if self.entries > self.limits.files && !self.is_over {
                self.too_large(format!("there are more than {} files and folders", self.limits.files));
            }
            if self.is_over {
                return Ok(());
            }
            text.truncate(inside);
            let Ok(name) = std::str::from_utf8(entry.filename()) else {
                text.push_str(&String::from_utf8_lossy(entry.filename()));
                self.refuse(Refusal::Path(PathProblem::NotUtf8, shown(&text)));
                continue;
            };
            text.push_str(name);
            let path = match ContentPath::new(&text) {
                Ok(path) => path,
                Err(problem) => {
                    self.refuse(Refusal::Path(problem, shown(&text)));
                    continue;
                }
            };
            let mode = match entry.kind() {
                EntryKind::Tree => {
                    self.folder(entry.object_id(), &text, depth + 1)?;
                    continue;
                }
                EntryKind::Commit => {
                    self.refuse(Refusal::Submodule(path));
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

    /// The size of a content that this tree has in another place than the one beside it.
    fn size_known(&mut self, blob: BlobId) -> Option<u64> {
        let later = self.later.as_mut()?;
        self.sought += 1;
        if self.sought == MANY
            && let Some(Known::Delivered(tree)) = self.known
        {
            tree.sizes().for_each(|(id, size)| later.sizes.know(id, size));
        }
        later.sizes.get(blob)
    }

    fn file(&mut self, path: ContentPath, mode: Mode, id: gix::ObjectId) -> Result<(), gix::Error> {
        let Ok(blob) = <[u8; 20]>::try_from(id.as_slice()).map(BlobId::from_bytes) else {
            return Err(gix::Error::from_error(std::io::Error::other("an object id that is not SHA-1")));
        };
        while self.ahead.next_if(|(known, _)| **known < path).is_some() {}
        let known = self.ahead.next_if(|(known, _)| **known == path).map(|(_, file)| file);
        let known = known.filter(|file| file.key() == (blob, mode));
        let size_known = if known.is_some() { None } else { self.size_known(blob) };
        // The size stands before the content, which is unpacked only if it fits.
        let size = match (known, size_known) {
            (Some(file), _) => file.size(),
            (None, Some(size)) => size,
            (None, None) => self.repo.find_header(id)?.size(),
        };
        self.bytes = self.bytes.saturating_add(size);
        if size > self.limits.object {
            self.too_large(format!("a file has {}, more than {}, `{path}`", mib(size), mib(self.limits.object)));
            return Ok(());
        }
        if self.bytes > self.limits.content {
            self.too_large(format!("the files together have more than {}", mib(self.limits.content)));
            return Ok(());
        }
        if let Some(file) = known.and_then(|file| self.taken(file)) {
            self.files.push((path, file));
            return Ok(());
        }
        let bytes = match &mut self.later {
            // What is large is no pointer to content elsewhere, and of the rest it is known.
            Some(later) if size_known.is_some() || size > LARGEST_POINTER => {
                if size_known.is_none() {
                    later.sizes.learn(blob, size);
                }
                Bytes::of(blob, size, later.blobs.clone())
            }
            later => {
                let bytes = self.repo.find_blob(id)?.take_data();
                if is_lfs_pointer(&bytes) {
                    if mode != Mode::Link {
                        self.refuse(Refusal::LfsPointer(path));
                        return Ok(());
                    }
                } else if let Some(later) = later {
                    later.sizes.learn(blob, size);
                }
                bytes.into()
            }
        };
        let file = File { revision: self.revision.clone(), id: blob, mode, bytes };
        self.files.push((path, file));
        Ok(())
    }
}
