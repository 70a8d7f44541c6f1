//! git: a branch of a remote to a [`Snapshot`], a local repository for `check` and the hook, and
//! git's pre-push lines.
//!
//! What a branch may cost is bounded before it is paid: while a pack comes in and while a tree is
//! read, for both are written by others.
//!
//! Invariants: the only user of gix. Knows nothing of DAGs; files come out with git's own bytes
//! and ids. The host's git configuration and environment have no influence on a fetch. A
//! credential is cut off a URL where the URL enters and never shows in an error.

#![expect(clippy::disallowed_methods, reason = "this edge reads repositories and work trees")]

mod bases;
mod bounds;
mod connection;
mod error;
mod fetch;
mod history;
mod login;
mod objects;
mod pre_push;
mod repository;
mod signature;
mod source;
mod store;
mod transport;
mod tree;
mod upstream;
mod working_tree;

pub use bounds::Limits;
pub use error::GitError;
pub use fetch::{Ancestry, Fetched, Options, Remote};
pub use history::{History, Message};
pub use login::Login;
pub use objects::{Contents, Sizes};
pub use pre_push::{PrePush, pre_push_lines};
pub use repository::Repository;
pub use signature::Signers;
pub use source::{Credentials, Source};
pub use upstream::{Folder, Upstream};
pub use working_tree::{repository_tree, working_tree, working_tree_of};

use crate::content::Snapshot;
use fetch::commit_id;

/// A Git LFS pointer file is no larger, by the format's specification.
const LARGEST_POINTER: u64 = 1023;

/// The beginning of a Git LFS pointer file, by the format's specification; a pointer is small.
fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() as u64 <= LARGEST_POINTER && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// Where a tree carries the program's own configuration, the first that is there: a file of its own,
/// or a table of the project's.
const CONFIGS: [&str; 2] = ["dagguard.toml", "pyproject.toml"];

/// Whether the file has something to say to this program: one of its own always has.
fn configures(name: &str, bytes: &[u8]) -> bool {
    name == CONFIGS[0] || String::from_utf8_lossy(bytes).contains("tool.dagguard")
}

/// What every reader here returns: files and, beside them, what cannot be content.
type Read = Result<Snapshot, GitError>;
