//! What can go wrong with git, sorted by who can act.

use crate::content::Revision;
use std::path::PathBuf;

/// Why git gave no revision or no files. Reasons are the library's words on one line, with every
/// secret cut out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The source is no URL or path that git knows, or the branch no possible branch name.
    #[error("{what} cannot be used, {problem}: `{value}`")]
    Unusable {
        /// `the source`, `the branch`, …
        what: &'static str,
        /// What is the matter with it.
        problem: String,
        /// The value, without any credential.
        value: String,
    },
    /// The remote has branches, this one is not among them: renamed, deleted or misspelled.
    #[error("the branch does not exist at `{origin}`, which has {}{}: `{branch}`", listed(.seen, *.more), was_renamed(.renamed.as_deref()))]
    BranchMissing {
        /// The repository asked.
        origin: String,
        /// The branch asked for.
        branch: String,
        /// Up to five branches that exist.
        seen: Vec<String>,
        /// How many more there are.
        more: usize,
        /// A branch whose newest commit is the deployed one, or the last that was fetched.
        renamed: Option<String>,
    },
    /// The newest commit is more than one fetch may be, or one of its objects is.
    #[error("{problem}: `{revision}`")]
    TooLarge {
        /// The commit; the branch, where it is not known.
        revision: Revision,
        /// Which limit was met.
        problem: String,
    },
    /// A signature is wanted, and the newest commit has none that counts.
    #[error("{problem}: `{revision}`")]
    Signature {
        /// The commit.
        revision: Revision,
        /// What is the matter with it.
        problem: String,
    },
    /// The credential itself cannot be had: a file, a command.
    #[error("the credential for git cannot be had, {problem}: `{what}`")]
    Credential {
        /// The file, or the program.
        what: String,
        /// What is the matter with it; never a part of what was read.
        problem: String,
    },
    /// The remote has no branch at all.
    #[error("the repository is empty: `{origin}`")]
    Empty {
        /// The repository asked.
        origin: String,
    },
    /// There is no repository at that place, or these credentials may not know of it.
    #[error("no repository there, {reason}: `{origin}`")]
    NotFound {
        /// The place asked.
        origin: String,
        /// The library's or the server's words.
        reason: String,
    },
    /// Credentials are missing, wrong or not enough.
    #[error("access was refused, {reason}: `{origin}`")]
    Authentication {
        /// The repository asked.
        origin: String,
        /// The library's or the server's words.
        reason: String,
    },
    /// No connection, a broken connection, or a server in trouble.
    #[error("the repository was not reached, {reason}: `{origin}`")]
    Unreachable {
        /// The repository asked.
        origin: String,
        /// The library's words.
        reason: String,
    },
    /// The whole fetch took longer than allowed.
    #[error("the fetch did not end within {seconds} seconds: `{origin}`")]
    TimeLimit {
        /// The repository asked.
        origin: String,
        /// The limit.
        seconds: u64,
    },
    /// The local object store cannot be made or written.
    #[error("the object store cannot be written, {reason}: `{}`", .path.display())]
    Store {
        /// The store's folder.
        path: PathBuf,
        /// The library's words.
        reason: String,
    },
    /// Objects that should be in a repository are not, or cannot be read.
    #[error("objects of {revision} cannot be read, {reason}: `{}`", .path.display())]
    Damaged {
        /// The repository's folder.
        path: PathBuf,
        /// What was being read.
        revision: String,
        /// The library's words.
        reason: String,
    },
    /// No repository at or above that folder.
    #[error("no git repository at or above the folder: `{}`", .dir.display())]
    NoRepository {
        /// Where the search began.
        dir: PathBuf,
    },
    /// The repository at hand has no such revision.
    #[error("no such revision here{}: `{revspec}`", shallow_note(*.shallow))]
    UnknownRevision {
        /// As it was given.
        revspec: String,
        /// Whether the clone has only a part of the history, which is the usual cause in CI.
        shallow: bool,
    },
    /// Two revisions have no common ancestor here.
    #[error("no common ancestor here{}: `{one}` and `{other}`", shallow_note(*.shallow))]
    NoMergeBase {
        /// One revision as it was given.
        one: String,
        /// The other.
        other: String,
        /// Whether the clone has only a part of the history, which is the usual cause in CI.
        shallow: bool,
    },
    /// A folder that was to be read as a work tree could not be.
    #[error("cannot be read, {reason}: `{}`", .path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Not a line as git gives it to a pre-push hook.
    #[error("not a line of git's pre-push input: `{line}`")]
    PrePush {
        /// The line.
        line: String,
    },
}

impl GitError {
    /// Whether the same call may succeed later without anybody doing something.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimeLimit { .. } | Self::Damaged { .. } | Self::Credential { .. }
        )
    }

    /// The newest commit, where it is that which is refused: the remote and the way to it are fine.
    pub fn refused(&self) -> Option<&Revision> {
        match self {
            Self::TooLarge { revision, .. } | Self::Signature { revision, .. } => Some(revision),
            _ => None,
        }
    }
}

fn was_renamed(branch: Option<&str>) -> String {
    branch.map_or_else(String::new, |name| {
        format!("; the commit that was fetched last is the newest of `{name}`, perhaps it was renamed")
    })
}

fn listed(seen: &[String], more: usize) -> String {
    let names = seen.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

fn shallow_note(shallow: bool) -> &'static str {
    if shallow { " (the clone is shallow)" } else { "" }
}

/// The library's error and its causes on one line, most general first, without repetition.
pub(super) fn words(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(cause);
        while let Some(error) = next {
            let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
                parts.push(text);
            }
            next = error.source();
        }
    }
    parts.join(": ")
}

/// The kinds of input/output errors among an error's causes.
pub(super) fn io_kinds(error: &gix::Error) -> Vec<std::io::ErrorKind> {
    let mut kinds = Vec::new();
    for cause in error.iter_errors() {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(cause);
        while let Some(error) = next {
            kinds.extend(error.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
            next = error.source();
        }
    }
    kinds
}
