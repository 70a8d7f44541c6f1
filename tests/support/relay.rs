//! A relay before a real server: it counts what goes through, and lets a test act between two calls.

use super::http::{Request, listen};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

/// What went through: the path of a request, and the status of its answer; 0 for none.
pub(crate) type Passed = (String, u16);

/// The relay; it ends with the test's process.
pub(crate) struct Relay {
    url: String,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Relay {
    /// `before` gets the path of each request before it goes on.
    pub(crate) fn start(server: &str, before: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let passed = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&passed);
        let server = server.trim_start_matches("http://").to_string();
        Self { url: listen(move |request, client| relay(request, client, &server, &log, &before)), passed }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What went through since this was asked last.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        std::mem::take(&mut self.passed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One request on each connection: `Connection: close` is put in the place of what the client says.
fn relay(
    request: &Request,
    mut client: TcpStream,
    server: &str,
    log: &Mutex<Vec<Passed>>,
    before: &dyn Fn(&str),
) -> Option<()> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("connection")) {
        head.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    head.push_str("Connection: close\r\n\r\n");
    let path = request.path().to_string();
    before(&path);
    let Some((status, line, mut answer)) = pass(server, head.as_bytes(), &request.body) else {
        log.lock().ok()?.push((path, 0));
        return None;
    };
    // Before the client has it: it may be done with the answer at once, and look here.
    log.lock().ok()?.push((path, status));
    client.write_all(line.as_bytes()).ok()?;
    std::io::copy(&mut answer, &mut client).ok()?;
    Some(())
}

/// Sends a request on: the status, the line that holds it, and the rest of the answer.
fn pass(server: &str, request: &[u8], body: &[u8]) -> Option<(u16, String, BufReader<TcpStream>)> {
    let mut server = TcpStream::connect(server).ok()?;
    server.write_all(request).ok()?;
    server.write_all(body).ok()?;
    let mut answer = BufReader::new(server);
    let mut line = String::new();
    answer.read_line(&mut line).ok()?;
    let status = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, line, answer))
}
