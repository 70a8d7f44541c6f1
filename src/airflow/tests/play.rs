//! A server in this process that answers as a test tells it, on a port of its own.

use super::super::{Access, BaseUrl, Credentials, Limits, PasswordLogin};
use super::http::{Request, listen};
use crate::ids::InstanceName;
use crate::secret::Secret;
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as the server sees it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) authorization: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) body: Value,
}

/// What the server does with it.
pub(super) enum Reply {
    Json(u16, Value),
    Html(u16),
    /// With headers of its own.
    With(u16, &'static [(&'static str, &'static str)], String),
    /// Says that the body is this long, and sends it for as long as it is read.
    Endless {
        announced: bool,
    },
    /// Says that the body is longer than it is, and hangs up.
    Truncated(Value),
    /// Redirects there.
    To(String),
    /// Never answers.
    Never,
}

/// The server; it ends with the test's process.
pub(super) struct Play {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Play {
    pub(super) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        Self { url: listen(move |request, stream| serve(request, stream, &log, &answer)), asked }
    }

    /// Access with a password and short limits.
    pub(super) fn access(&self) -> Access {
        access(&self.url)
    }

    /// Everything that was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test thread panics with it").clone()
    }

    /// How often this was asked so far.
    pub(super) fn count(&self, path_end: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path.ends_with(path_end)).count()
    }
}

pub(super) fn access(url: &str) -> Access {
    let access =
        Access::new(InstanceName::from("test"), BaseUrl::parse(url).expect("a URL"), password(PasswordLogin::Basic));
    Access {
        limits: Limits { answer: Duration::from_secs(2), pause: Duration::from_millis(1), ..access.limits },
        ..access
    }
}

pub(super) fn password(login: PasswordLogin) -> Credentials {
    Credentials::Password { username: "viewer".to_string(), password: Secret::new("hunter2").into(), login }
}

fn serve(
    request: &Request,
    stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked, usize) -> Reply,
) -> Option<()> {
    // A form is shown as its text.
    let text = || Value::String(String::from_utf8_lossy(&request.body).into_owned());
    let asked = Asked {
        method: request.method.clone(),
        path: request.path().to_string(),
        query: request.query().to_string(),
        authorization: request.header("authorization").map(str::to_string),
        cookie: request.header("cookie").map(str::to_string),
        body: serde_json::from_slice(&request.body).unwrap_or_else(|_| text()),
    };
    let before = {
        let mut log = log.lock().ok()?;
        let before = log.iter().filter(|other| other.path == asked.path).count();
        log.push(asked.clone());
        before
    };
    match answer(&asked, before) {
        Reply::Json(status, body) => reply(stream, status, "application/json", body.to_string().as_bytes(), 0),
        Reply::With(status, headers, body) => {
            let mut stream = stream;
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len()).ok()?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n").ok()?;
            }
            write!(stream, "\r\n{body}").ok()
        }
        Reply::Endless { announced } => {
            let mut stream = stream;
            let length = if announced { "Content-Length: 524288000\r\n" } else { "" };
            write!(stream, "HTTP/1.1 200 X\r\n{length}Connection: close\r\n\r\n").ok()?;
            let part = vec![b' '; 1 << 20];
            (0..500).try_for_each(|_| stream.write_all(&part)).ok()
        }
        Reply::Html(status) => reply(stream, status, "text/html", b"<!DOCTYPE html><p>hello</p>", 0),
        Reply::Truncated(body) => reply(stream, 200, "application/json", body.to_string().as_bytes(), 1000),
        Reply::To(url) => {
            let mut stream = stream;
            write!(stream, "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .ok()
        }
        Reply::Never => {
            std::thread::sleep(Duration::from_mins(1));
            drop(stream);
            None
        }
    }
}

fn reply(mut stream: TcpStream, status: u16, content_type: &str, body: &[u8], missing: usize) -> Option<()> {
    let length = body.len() + missing;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    stream.write_all(body).ok()
}
