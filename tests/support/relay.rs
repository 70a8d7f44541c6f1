//! A relay before a real server: it counts what goes through, and lets a test act between two calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let passed = Arc::new(Mutex::new(Vec::new()));
        let (log, before) = (Arc::clone(&passed), Arc::new(before));
        let server = server.trim_start_matches("http://").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, before, server) = (Arc::clone(&log), Arc::clone(&before), server.clone());
                std::thread::spawn(move || relay(stream, &server, &log, &*before));
            }
        });
        Self { url, passed }
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
fn relay(client: TcpStream, server: &str, log: &Mutex<Vec<Passed>>, before: &dyn Fn(&str)) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let path = request.split_whitespace().nth(1)?.split('?').next()?.to_string();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        if !name.eq_ignore_ascii_case("connection") {
            request.push_str(&header);
        }
    }
    request.push_str("Connection: close\r\n\r\n");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    before(&path);
    let Some((status, line, mut answer)) = pass(server, request.as_bytes(), &body) else {
        log.lock().ok()?.push((path, 0));
        return None;
    };
    // Before the client has it: it may be done with the answer at once, and look here.
    log.lock().ok()?.push((path, status));
    let mut client = client;
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
