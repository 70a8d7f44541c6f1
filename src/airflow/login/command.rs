//! The credential command: what another program prints lets in. It covers every log-in that this
//! program does not know: Google's and Amazon's tokens, Astro's, a single sign-on.

use crate::airflow::error::Error;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use std::fmt;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Headers are short; what is longer is no credential.
const LONGEST_OUTPUT: u64 = 64 << 10;

/// Headers that are the connection's own.
const NOT_TO_BE_SET: [&str; 6] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "accept"];

/// A program with its arguments, started without a shell for each pass and whenever its
/// credentials have run out.
///
/// It prints header lines (`Name: value`), or one line that is a bearer token. Nothing that it
/// prints is shown or logged, its stderr included.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may take.
    pub limit: Duration,
}

impl fmt::Debug for CredentialCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments may hold a secret.
        write!(f, "CredentialCommand({})", self.program())
    }
}

impl CredentialCommand {
    fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    pub(super) async fn run(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
        let fault = |problem: String| Error::Credential { what: self.program().to_string(), problem };
        let output = tokio::time::timeout(self.limit, self.output())
            .await
            .map_err(|_| fault(format!("it gave nothing within {} s", self.limit.as_secs_f32())))?
            .map_err(fault)?;
        headers(&output).map_err(|problem| fault(problem.to_string()))
    }

    async fn output(&self) -> Result<Vec<u8>, String> {
        let (program, arguments) = self.argv.split_first().ok_or("no program is named")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("it cannot be started, {error}"))?;
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = stdout.take(LONGEST_OUTPUT + 1);
            stdout.read_to_end(&mut output).await.map_err(|error| error.to_string())?;
        }
        if output.len() as u64 > LONGEST_OUTPUT {
            return Err(format!("it prints more than {LONGEST_OUTPUT} bytes"));
        }
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() { Ok(output) } else { Err(format!("it failed, {status}")) }
    }
}

/// Reads what the command printed; what is wrong is said without repeating any of it.
fn headers(output: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, &'static str> {
    let text = std::str::from_utf8(output).map_err(|_| "it prints what is not UTF-8")?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => Err("it prints nothing"),
        [token] if !is_header(token) => {
            if token.contains(char::is_whitespace) {
                return Err("it prints neither `Name: value` nor a token");
            }
            Ok(vec![(AUTHORIZATION, sensitive(&format!("Bearer {token}"))?)])
        }
        lines => lines.iter().map(|line| header(line)).collect(),
    }
}

fn is_header(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, value)| {
        let known = [COOKIE, AUTHORIZATION].iter().any(|known| name.eq_ignore_ascii_case(known.as_str()));
        (known || value.starts_with(' ')) && HeaderName::from_bytes(name.as_bytes()).is_ok()
    })
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = line.split_once(':').filter(|_| is_header(line)).ok_or("a line of it is not `Name: value`")?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a line of it is not `Name: value`")?;
    if NOT_TO_BE_SET.contains(&name.as_str()) {
        return Err("it prints a header that belongs to the connection");
    }
    Ok((name, sensitive(value.trim())?))
}

fn sensitive(value: &str) -> Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_str(value).map_err(|_| "it prints control characters")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(output: &str) -> Result<Vec<String>, &'static str> {
        let shown = |(name, value): (HeaderName, HeaderValue)| format!("{name}: {}", value.to_str().unwrap_or("?"));
        headers(output.as_bytes()).map(|all| all.into_iter().map(shown).collect())
    }

    #[test]
    fn header_lines_a_cookie_or_a_token() {
        for (output, headers) in [
            ("ya29.a0-_Abc\n", &["authorization: Bearer ya29.a0-_Abc"][..]),
            ("a:b\n", &["authorization: Bearer a:b"]),
            ("Authorization: Bearer x\n", &["authorization: Bearer x"]),
            ("Cookie:session=a; other=b\n", &["cookie: session=a; other=b"]),
            ("\nProxy-Authorization: Bearer p\r\nX-Key: k: l\n\n", &["proxy-authorization: Bearer p", "x-key: k: l"]),
        ] {
            assert_eq!(shown(output).expect(output), headers, "{output}");
        }
    }

    #[test]
    fn what_is_no_credential_is_refused_without_being_repeated() {
        for (output, words) in [
            ("", "nothing"),
            ("\n \n", "nothing"),
            ("please log in first", "neither"),
            ("Host: elsewhere", "belongs to the connection"),
            ("one\ntwo", "not `Name: value`"),
            ("X-Key: a\u{1}b", "control"),
        ] {
            let problem = shown(output).expect_err(output);
            assert!(problem.contains(words), "{output}: {problem}");
        }
        assert!(headers(b"\xff\xfe").is_err());
    }

    fn run(argv: &[&str], limit: Duration) -> Result<usize, String> {
        let command = CredentialCommand { argv: argv.iter().map(ToString::to_string).collect(), limit };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(command.run()).map(|headers| headers.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_is_bounded_and_says_what_went_wrong_and_nothing_else() {
        let second = Duration::from_secs(5);
        assert_eq!(run(&["printf", "Cookie: a=b"], second), Ok(1));
        // No shell: the text is one argument.
        assert_eq!(run(&["printf", "%s", "$(hunter2);"], second), Ok(1));
        for (argv, limit, words) in [
            (&["sh", "-c", "echo hunter2 >&2; exit 3"][..], second, "exit status: 3"),
            (&["/no/such/program", "hunter2"], second, "cannot be started"),
            (&["sh", "-c", "yes hunter2"], second, "more than 65536 bytes"),
            (&["sleep", "60"], Duration::from_millis(200), "within 0.2 s"),
            (&[], second, "no program"),
        ] {
            let error = run(argv, limit).expect_err("a fault");
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
    }
}
