//! A folder on disk, as it would look once committed.

use super::{CONFIGS, GitError, Read, configures, is_lfs_pointer};
use crate::content::{BlobId, ContentPath, File, Layout, Mode, PathProblem, Refusal, Revision, Snapshot};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Reads a folder: the content folders if it has one of them, else all of it but folders whose
/// name begins with a dot. Links are kept as links and not followed; byte code is left out. The
/// revision is called `working-tree`.
pub fn working_tree(dir: &Path) -> Read {
    working_tree_of(dir, Layout::Content)
}

/// The same where other folders are content; of what the operator has named nothing else is read.
pub fn working_tree_of(dir: &Path, layout: Layout) -> Read {
    let revision = Revision::new("working-tree");
    let mut reader = Reader { snapshot: Snapshot::empty(revision.clone()), revision };
    let mut found = false;
    let at_root = fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?;
    drop(at_root);
    for root in layout.folders() {
        let folder = dir.join(root);
        if fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir()) {
            found = true;
            reader.folder(&folder, root, root.is_empty())?;
        }
    }
    if !found && !matches!(layout, Layout::Roots(_)) {
        reader.folder(dir, "", true)?;
    }
    reader.configuration(dir)?;
    Ok(reader.snapshot)
}

/// Reads all of a folder, whatever it holds, but what is hidden or installed (`.venv`,
/// `site-packages`, `node_modules`): a repository to be looked at.
pub fn repository_tree(dir: &Path) -> Read {
    let revision = Revision::new("working-tree");
    let mut reader = Reader { snapshot: Snapshot::empty(revision.clone()), revision };
    reader.folder(dir, "", true)?;
    Ok(reader.snapshot)
}

fn unreadable(path: &Path, error: &io::Error) -> GitError {
    GitError::Folder { path: path.to_path_buf(), reason: error.to_string() }
}

/// How far up a configuration is looked for.
const DEEPEST: usize = 64;

struct Reader {
    snapshot: Snapshot,
    revision: Revision,
}

impl Reader {
    /// The configuration of the folder itself, or of one above it in the same repository; what lies
    /// outside of a repository is nobody's content.
    fn configuration(&mut self, dir: &Path) -> Result<(), GitError> {
        let dir = fs::canonicalize(dir).map_err(|error| unreadable(dir, &error))?;
        let above: Vec<&Path> = dir.ancestors().take(DEEPEST).collect();
        let root = above.iter().position(|folder| folder.join(".git").exists()).unwrap_or(0);
        for folder in above.iter().take(root + 1) {
            for name in CONFIGS {
                let bytes = match fs::read(folder.join(name)) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(unreadable(&folder.join(name), &error)),
                };
                if configures(name, &bytes)
                    && let Ok(path) = ContentPath::new(name)
                {
                    self.snapshot.configure(path, File::regular(&self.revision, bytes));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn folder(&mut self, dir: &Path, prefix: &str, skip_hidden: bool) -> Result<(), GitError> {
        let entries = fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(dir, &error))?;
            let name = entry.file_name();
            let here = entry.path();
            let join = |name: &str| if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
            let Some(name) = name.to_str() else {
                let shown = join(&name.to_string_lossy());
                self.snapshot.refuse(Refusal::Path(PathProblem::NotUtf8, shown));
                continue;
            };
            let text = join(name);
            let metadata = match fs::symlink_metadata(&here) {
                Ok(metadata) => metadata,
                // An editor's temporary file may vanish between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&here, &error)),
            };
            let hidden = name.starts_with('.') || matches!(name, "node_modules" | "site-packages");
            if name == ".git" || name == "__pycache__" || (skip_hidden && metadata.is_dir() && hidden) {
                continue;
            }
            let path = match ContentPath::new(&text) {
                Ok(path) => path,
                Err(problem) => {
                    self.snapshot.refuse(Refusal::Path(problem, text));
                    continue;
                }
            };
            if metadata.is_dir() {
                if here.join(".git").exists() {
                    self.snapshot.refuse(Refusal::Submodule(path));
                } else {
                    self.folder(&here, &text, skip_hidden)?;
                }
            } else {
                self.file(path, &here, &metadata)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: ContentPath, here: &Path, metadata: &fs::Metadata) -> Result<(), GitError> {
        let (mode, bytes) = if metadata.is_symlink() {
            let target = fs::read_link(here).map_err(|error| unreadable(here, &error))?;
            (Mode::Link, target.as_os_str().as_bytes().to_vec())
        } else if metadata.is_file() {
            let mode = if metadata.permissions().mode() & 0o100 == 0 { Mode::Regular } else { Mode::Executable };
            (mode, fs::read(here).map_err(|error| unreadable(here, &error))?)
        } else {
            // A socket or a pipe: git would not commit it either.
            return Ok(());
        };
        if mode != Mode::Link && is_lfs_pointer(&bytes) {
            self.snapshot.refuse(Refusal::LfsPointer(path));
            return Ok(());
        }
        let file = File { revision: self.revision.clone(), id: BlobId::of(&bytes), mode, bytes: bytes.into() };
        self.snapshot.insert(path, file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_content_is_read_as_content_only() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("dags/a.py", "a"),
            ("dags/.airflowignore", "x"),
            ("dags/__pycache__/a.cpython-312.pyc", "no"),
            ("plugins/operators/o.py", "o"),
            ("plugins/listener.py", "not content"),
            ("node_modules/big.py", "no"),
            ("dags/big.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ] {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        std::os::unix::fs::symlink("a.py", dir.path().join("dags/l.py")).unwrap();
        let snapshot = working_tree(dir.path()).unwrap();
        let paths: Vec<_> = snapshot.files().map(|(path, file)| format!("{path} {:?}", file.mode)).collect();
        assert_eq!(
            paths,
            ["dags/.airflowignore Regular", "dags/a.py Regular", "dags/l.py Link", "plugins/operators/o.py Regular"]
        );
        assert_eq!(snapshot.refused(), [Refusal::LfsPointer(ContentPath::new("dags/big.csv").unwrap())]);
        let whole = repository_tree(dir.path()).unwrap();
        let paths: Vec<_> = whole.files().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            ["dags/.airflowignore", "dags/a.py", "dags/l.py", "plugins/listener.py", "plugins/operators/o.py"]
        );
    }

    #[test]
    fn a_plain_folder_is_read_whole_but_for_hidden_folders() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a.py", "sub/b.py", ".venv/lib/c.py", ".airflowignore"] {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let snapshot = working_tree(dir.path()).unwrap();
        let paths: Vec<_> = snapshot.files().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, [".airflowignore", "a.py", "sub/b.py"]);
        assert!(matches!(working_tree(&dir.path().join("none")), Err(GitError::Folder { .. })));
    }
}
