//! Whose hand a commit comes from: a signature is looked at by git's own helpers, `gpg` and
//! `ssh-keygen`, which must be installed where one is wanted.

use super::GitError;
use crate::content::Revision;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Whose signature counts. With both given, either is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    /// A file of ssh keys, in the form of `allowed_signers` of ssh-keygen.
    pub ssh: Option<PathBuf>,
    /// A home of gpg; every key in it counts.
    pub gpg: Option<PathBuf>,
}

/// The name under which a signature is handed over, in the store.
const SIGNATURE: &str = "dagguard.signature";

impl Signers {
    /// Looks for a good signature on the commit, or on the annotated tag by which it was named.
    pub(super) fn verify(
        &self,
        repo: &gix::Repository,
        named: gix::ObjectId,
        commit: gix::ObjectId,
    ) -> Result<(), GitError> {
        let refuse = |problem: String| GitError::Signature { revision: Revision::new(commit.to_string()), problem };
        let mut signed = Vec::new();
        if named != commit
            && let Ok(tag) = repo.find_object(named)
        {
            signed.extend(of_tag(&tag.data));
        }
        let object = repo.find_object(commit).map_err(|error| refuse(super::error::words(&error)))?;
        signed.extend(of_commit(&object.data));
        if signed.is_empty() {
            return Err(refuse("a signature is wanted, and the commit has none".to_string()));
        }
        let mut problems = Vec::new();
        for signed in &signed {
            let judged = if signed.signature.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
                self.ssh.as_ref().ok_or_else(foreign("an ssh key")).and_then(|file| ssh(file, signed, repo.git_dir()))
            } else {
                self.gpg.as_ref().ok_or_else(foreign("OpenPGP")).and_then(|home| gpg(home, signed, repo.git_dir()))
            };
            match judged {
                Ok(()) => return Ok(()),
                Err(problem) => problems.push(problem),
            }
        }
        Err(refuse(problems.join("; ")))
    }
}

fn foreign(kind: &'static str) -> impl Fn() -> String {
    move || format!("the signature is by {kind}, and no keys of that kind are set")
}

/// What was signed, and the signature.
#[derive(Debug, PartialEq, Eq)]
struct Signed {
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A commit without its header `gpgsig`, whose lines are indented by a blank.
fn of_commit(data: &[u8]) -> Option<Signed> {
    let (mut payload, mut signature) = (Vec::new(), Vec::new());
    let mut rest = data;
    let mut within = false;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, next) = rest.split_at(end);
        if line == b"\n" {
            // The message is signed as it is, whatever it looks like.
            payload.extend_from_slice(rest);
            break;
        }
        if let Some(first) = line.strip_prefix(b"gpgsig ") {
            if !signature.is_empty() {
                return None;
            }
            within = true;
            signature.extend_from_slice(first);
        } else if within && line.starts_with(b" ") {
            signature.extend_from_slice(&line[1..]);
        } else {
            within = false;
            payload.extend_from_slice(line);
        }
        rest = next;
    }
    (!signature.is_empty()).then_some(Signed { payload, signature })
}

/// A tag, whose signature is the end of its message.
fn of_tag(data: &[u8]) -> Option<Signed> {
    let starts =
        [&b"-----BEGIN PGP SIGNATURE-----"[..], b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP MESSAGE-----"];
    let mut found = None;
    let mut at = 0;
    while at < data.len() {
        if starts.iter().any(|start| data[at..].starts_with(start)) {
            found = Some(at);
        }
        at = data[at..].iter().position(|byte| *byte == b'\n').map_or(data.len(), |line| at + line + 1);
    }
    found.map(|at| Signed { payload: data[..at].to_vec(), signature: data[at..].to_vec() })
}

fn ssh(allowed: &Path, signed: &Signed, scratch: &Path) -> Result<(), String> {
    let keys = |part: &str, more: &[&str]| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", part, "-f"]).arg(allowed).args(["-n", "git"]).args(more);
        command
    };
    with_signature(signed, scratch, |file| {
        // `find-principals` takes no namespace.
        let mut find = Command::new("ssh-keygen");
        find.args(["-Y", "find-principals", "-f"]).arg(allowed).arg("-s").arg(file);
        let found = run(find, "ssh-keygen", &[])?;
        let principal = String::from_utf8_lossy(&found.stdout).lines().next().unwrap_or_default().to_string();
        if !found.status.success() || principal.is_empty() {
            return Err("the key that signed it is not among the allowed ones".to_string());
        }
        let mut verify = keys("verify", &["-I", &principal]);
        verify.arg("-s").arg(file);
        if run(verify, "ssh-keygen", &signed.payload)?.status.success() {
            Ok(())
        } else {
            Err(format!("the signature of `{principal}` does not fit the commit"))
        }
    })
}

fn gpg(home: &Path, signed: &Signed, scratch: &Path) -> Result<(), String> {
    with_signature(signed, scratch, |file| {
        let mut verify = Command::new("gpg");
        verify
            .arg("--homedir")
            .arg(home)
            .args(["--batch", "--no-tty", "--status-fd", "1", "--verify"])
            .arg(file)
            .arg("-");
        let output = run(verify, "gpg", &signed.payload)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let says = |word: &str| said.lines().any(|line| line.starts_with(&format!("[GNUPG:] {word} ")));
        if output.status.success() && says("GOODSIG") && says("VALIDSIG") {
            return Ok(());
        }
        Err(if says("NO_PUBKEY") {
            "the key that signed it is not among the allowed ones".to_string()
        } else if says("EXPKEYSIG") || says("REVKEYSIG") || says("EXPSIG") {
            "the signature or its key is expired or revoked".to_string()
        } else {
            "the signature does not fit the commit".to_string()
        })
    })
}

/// Runs with the signature in a file of the store, which both helpers want.
fn with_signature(
    signed: &Signed,
    scratch: &Path,
    run: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let file = scratch.join(SIGNATURE);
    fs::write(&file, &signed.signature).map_err(|error| format!("the signature cannot be looked at, {error}"))?;
    let result = run(&file);
    // It is no secret, and the next one takes its place.
    fs::remove_file(&file).ok();
    result
}

fn run(mut command: Command, program: &str, input: &[u8]) -> Result<Output, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("a signature is wanted, and `{program}`, which looks at it, is not installed")
        }
        _ => format!("`{program}` failed, {error}"),
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env("LC_ALL", "C")
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that has seen enough may close its input early; its verdict counts.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_cut_out_of_a_commit_and_off_a_tag() {
        let commit = b"tree 1\nauthor A\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAA\n -----END SSH SIGNATURE-----\nmergetag x\n\nmessage\ngpgsig no\n";
        let signed = of_commit(commit).unwrap();
        assert_eq!(signed.payload, b"tree 1\nauthor A\nmergetag x\n\nmessage\ngpgsig no\n");
        assert_eq!(signed.signature, b"-----BEGIN SSH SIGNATURE-----\nAAA\n-----END SSH SIGNATURE-----\n");
        assert_eq!(of_commit(b"tree 1\n\ngpgsig no\n"), None);
        assert_eq!(of_commit(b"gpgsig a\nx y\ngpgsig b\n\n"), None, "two signatures are none");
        let tag = of_tag(b"object 1\n\nv1\n-----BEGIN PGP SIGNATURE-----\nAAA\n").unwrap();
        assert_eq!((tag.payload.as_slice(), tag.signature.len()), (&b"object 1\n\nv1\n"[..], 34));
        assert_eq!(of_tag(b"object 1\n\nv1\n"), None);
        for data in [&b""[..], b"\n", b"gpgsig", b"gpgsig \n"] {
            of_commit(data);
            of_tag(data);
        }
    }
}
