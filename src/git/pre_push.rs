//! What git tells a pre-push hook.

use super::GitError;
use crate::content::Revision;

/// One ref that a push is about to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrePush {
    /// The ref pushed, as it was named here; `(delete)` for a deletion.
    pub local_ref: String,
    /// The commit pushed; none for a deletion.
    pub local: Option<Revision>,
    /// The ref at the remote.
    pub remote_ref: String,
    /// What the remote has there now; none for a new branch.
    pub remote: Option<Revision>,
}

/// Reads git's lines `<local ref> <local id> <remote ref> <remote id>`, one a ref. No line at all
/// means that there is nothing to push.
pub fn pre_push_lines(input: &str) -> Result<Vec<PrePush>, GitError> {
    input.lines().filter(|line| !line.trim().is_empty()).map(one).collect()
}

fn one(line: &str) -> Result<PrePush, GitError> {
    // The local ref may be any expression (`HEAD~1`, even `HEAD@{1 day ago}`): read from the end.
    let parts: Vec<&str> = line.rsplitn(4, ' ').collect();
    let [remote_id, remote_ref, local_id, local_ref] = parts[..] else {
        return Err(GitError::PrePush { line: line.to_string() });
    };
    let id = |text: &str| {
        let hex = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex {
            return Err(GitError::PrePush { line: line.to_string() });
        }
        Ok((!text.bytes().all(|byte| byte == b'0')).then(|| Revision::new(text)))
    };
    Ok(PrePush {
        local_ref: local_ref.to_string(),
        local: id(local_id)?,
        remote_ref: remote_ref.to_string(),
        remote: id(remote_id)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_new_branches_and_deletions_are_told_apart() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let input = format!(
            "refs/heads/main {a} refs/heads/main {b}\nHEAD@{{1 day ago}} {a} refs/heads/new {zero}\n\
             (delete) {zero} refs/heads/gone {b}\n"
        );
        let pushes = pre_push_lines(&input).unwrap();
        let ids = |push: &PrePush| (push.local.is_some(), push.remote.is_some());
        assert_eq!(pushes.iter().map(ids).collect::<Vec<_>>(), [(true, true), (true, false), (false, true)]);
        assert_eq!(pushes[1].local_ref, "HEAD@{1 day ago}");
        assert_eq!(pre_push_lines("").unwrap(), []);
        assert!(pre_push_lines("refs/heads/main abc refs/heads/main def").is_err());
        assert!(pre_push_lines("one two").is_err());
    }
}
