//! Who this program is to the forge. Every carrier is read again at each poll, so that a renewed
//! secret counts at once and nothing of it lives longer than a fetch.

use super::{Credentials, GitError, Source};
use crate::secret::{Secret, SecretSource};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Where the credential for https comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// From the source's own address, if it has one.
    #[default]
    Address,
    /// A forge's token.
    Token(SecretSource),
    /// User and password.
    Password {
        /// The user's name; no secret, but it may lie in a file beside the password.
        username: SecretSource,
        /// Where the password comes from.
        password: SecretSource,
    },
    /// A program and its arguments. It gets git's own question on its standard input, as a
    /// credential helper does, and prints `username=` and `password=` lines or a token alone.
    Command(Vec<String>),
}

/// The longest that a credential command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// More than any secret, or the answer that holds one.
const LONGEST: u64 = 64 * 1024;

impl Login {
    /// Reads the credential as it is now; none where the remote is to be asked as nobody.
    pub(super) fn read(&self, source: &Source) -> Result<Option<Credentials>, GitError> {
        Ok(Some(match self {
            Self::Address => return Ok(source.credentials().cloned()),
            Self::Token(token) => Credentials::token(secret(token)?),
            Self::Password { username, password } => {
                Credentials { username: secret(username)?, password: secret(password)? }
            }
            Self::Command(argv) => answer(argv, source)?,
        }))
    }
}

fn unavailable(what: &str, problem: impl Into<String>) -> GitError {
    GitError::Credential { what: what.to_string(), problem: problem.into() }
}

/// The value, without the line break at its end.
fn secret(source: &SecretSource) -> Result<Secret, GitError> {
    match source {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => {
            let shown = path.display().to_string();
            let text = read(path).map_err(|error| unavailable(&shown, error.to_string()))?;
            usable(text.trim_end_matches(['\r', '\n']), &shown)
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// A header could not carry the rest, and would show it in an error.
fn usable(text: &str, what: &str) -> Result<Secret, GitError> {
    if text.is_empty() {
        return Err(unavailable(what, "it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(unavailable(what, "it holds more than one line"));
    }
    Ok(Secret::new(text))
}

fn answer(argv: &[String], source: &Source) -> Result<Credentials, GitError> {
    let [program, arguments @ ..] = argv else { return Err(unavailable("the credential command", "it is empty")) };
    let failed = |problem: String| unavailable(program, problem);
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it complains of may hold what it should keep to itself.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not ask need not read it.
        let _ = input.write_all(source.question().as_bytes());
    }
    let text = output(&mut child).map_err(&failed)?;
    let text = std::str::from_utf8(&text).map_err(|_| failed("its answer is not UTF-8".to_string()))?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match (field("username"), field("password")) {
        (username, Some(password)) => Ok(Credentials {
            username: usable(username.unwrap_or("oauth2"), program)?,
            password: usable(password.trim_end_matches('\r'), program)?,
        }),
        _ => Ok(Credentials::token(usable(text.trim_end_matches(['\r', '\n']), program)?)),
    }
}

/// All that it prints, if it ends well and in time.
fn output(child: &mut Child) -> Result<Vec<u8>, String> {
    let Some(stdout) = child.stdout.take() else { return Err("it has no output".to_string()) };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.take(LONGEST).read_to_end(&mut text).map(|_| text);
        // Nobody waits any more when the time is over.
        let _ = send.send(read);
    });
    let read = receive.recv_timeout(COMMAND_LIMIT);
    if read.is_err() {
        child.kill().ok();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match read {
        Err(_) => Err(format!("it did not end within {} seconds", COMMAND_LIMIT.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) if !status.success() => Err(format!("it ended with {status}")),
        Ok(Ok(text)) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Login {
        Login::Command(["sh", "-c", script].map(String::from).to_vec())
    }

    fn ask(login: &Login) -> Result<(String, String), String> {
        let source = Source::parse("https://git.example.com/team/content.git").unwrap();
        let read = login.read(&source).map_err(|error| format!("{error} {error:?}"))?;
        let read = read.unwrap();
        Ok((read.username.expose().to_string(), read.password.expose().to_string()))
    }

    #[test]
    fn a_command_answers_like_a_credential_helper_or_with_a_token() {
        let given = |user: &str, password: &str| Ok((user.to_string(), password.to_string()));
        assert_eq!(ask(&shell("echo glpat-1")), given("oauth2", "glpat-1"));
        assert_eq!(ask(&shell("echo username=bot; echo password=s3cret; echo quit=1")), given("bot", "s3cret"));
        // What git asks a helper.
        let asked = shell("cat > /dev/null; echo password=p");
        assert_eq!(ask(&asked), given("oauth2", "p"));
        assert_eq!(
            ask(&shell("read a; read b; read c; echo username=$a; echo password=\"$b $c\"")),
            given("protocol=https", "host=git.example.com path=team/content.git")
        );
    }

    #[test]
    fn what_cannot_be_had_is_said_without_showing_anything() {
        for (script, problem) in [
            ("echo s3cret; exit 3", "exit status: 3"),
            ("true", "empty"),
            ("echo s3cret; echo more", "more than one line"),
            ("printf 's3cret\\377'", "not UTF-8"),
        ] {
            let said = ask(&shell(script)).unwrap_err();
            assert!(said.contains(problem) && !said.contains("s3cret"), "{script}: {said}");
        }
        assert!(ask(&Login::Command(vec!["/nowhere/helper".to_string()])).unwrap_err().contains("No such file"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let login = Login::Token(SecretSource::File(path.clone()));
        assert!(ask(&login).unwrap_err().contains("token"));
        for (text, problem) in [("", "empty"), ("a\nb", "more than one line")] {
            fs::write(&path, text).unwrap();
            assert!(ask(&login).unwrap_err().contains(problem));
        }
        fs::write(&path, "glpat-2\r\n").unwrap();
        assert_eq!(ask(&login).unwrap().1, "glpat-2");
        fs::write(&path, "glpat-3\n").unwrap();
        assert_eq!(ask(&login).unwrap().1, "glpat-3", "it is read again");
    }
}
