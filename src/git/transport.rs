//! The library's transports with a watch over them: nothing that a server sends lasts longer or is
//! more than is allowed, whether it trickles, floods, or means harm.

use super::bounds::{Excess, Limits, Sieve};
use gix::protocol::transport::client::blocking_io::http::{self, GetResponse, PostResponse};
use gix::protocol::transport::client::blocking_io::{
    ExtendedBufRead, HandleProgress, ReadlineBufRead, RequestWriter, SetServiceResponse, Transport,
};
use gix::protocol::transport::client::{self, MessageKind, TransportWithoutIO, WriteMode};
use gix::protocol::transport::{Protocol, Service, packetline};
use std::any::Any;
use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What one fetch may take, shared by all that reads for it.
#[derive(Clone)]
pub(super) struct Guard {
    deadline: Instant,
    limits: Limits,
    excess: Arc<Mutex<Option<Excess>>>,
}

impl Guard {
    /// Begins now.
    pub(super) fn new(time: Duration, limits: Limits) -> Self {
        Self { deadline: Instant::now() + time, limits, excess: Arc::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// What there was too much of, if that is what ended the fetch.
    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, excess: Excess) -> io::Error {
        *self.excess.lock().unwrap_or_else(PoisonError::into_inner) = Some(excess.clone());
        io::Error::other(excess)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_over() { Err(io::Error::new(io::ErrorKind::TimedOut, "the time is over")) } else { Ok(()) }
    }
}

/// The library's http client, each of whose reads looks at the clock: a read ends with the silence
/// limit at the latest, so that a server which trickles is left soon after the deadline.
pub(super) struct Guarded {
    inner: http::reqwest::Remote,
    guard: Guard,
}

impl Guarded {
    pub(super) fn new(guard: Guard) -> Self {
        Self { inner: http::reqwest::Remote::default(), guard }
    }

    fn timed<R>(&self, inner: R) -> Timed<R> {
        Timed { inner, guard: self.guard.clone(), received: 0, looked: 0 }
    }
}

impl http::Http for Guarded {
    type Headers = Timed<<http::reqwest::Remote as http::Http>::Headers>;
    type ResponseBody = Timed<<http::reqwest::Remote as http::Http>::ResponseBody>;
    type PostBody = <http::reqwest::Remote as http::Http>::PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let GetResponse { headers, body } = self.inner.get(url, base_url, headers)?;
        Ok(GetResponse { headers: self.timed(headers), body: self.timed(body) })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        kind: http::PostBodyDataKind,
    ) -> gix::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let PostResponse { post_body, headers, body } = self.inner.post(url, base_url, headers, kind)?;
        Ok(PostResponse { post_body, headers: self.timed(headers), body: self.timed(body) })
    }

    fn configure(&mut self, config: &dyn Any) -> gix::Result {
        self.inner.configure(config)
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.inner.redirected_base_url()
    }
}

/// A reader with an eye on the clock and on how much has come.
pub(super) struct Timed<R> {
    inner: R,
    guard: Guard,
    received: u64,
    /// Bytes at the front of the buffer that were counted already.
    looked: usize,
}

impl<R: BufRead> Read for Timed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(to)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Timed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.guard.check()?;
        let buffer = self.inner.fill_buf()?;
        self.received += buffer.len().saturating_sub(self.looked) as u64;
        self.looked = buffer.len();
        // A listing of refs is as bounded as a pack; framing adds less than a hundredth.
        if self.received > self.guard.limits.received.saturating_add(self.guard.limits.received / 100) {
            return Err(self.guard.refuse(Excess::received(self.guard.limits)));
        }
        Ok(buffer)
    }

    fn consume(&mut self, amount: usize) {
        self.looked = self.looked.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

/// A transport whose packs are looked through while they come in.
pub(super) struct Sifted {
    inner: Box<dyn Transport + Send>,
    guard: Guard,
}

impl Sifted {
    pub(super) fn new(inner: Box<dyn Transport + Send>, guard: Guard) -> Self {
        Self { inner, guard }
    }
}

impl TransportWithoutIO for Sifted {
    fn set_identity(&mut self, identity: gix::sec::identity::Account) -> Result<(), client::Error> {
        self.inner.set_identity(identity)
    }

    fn to_url(&self) -> Cow<'_, gix::bstr::BStr> {
        self.inner.to_url()
    }

    fn supported_protocol_versions(&self) -> &[Protocol] {
        self.inner.supported_protocol_versions()
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        self.inner.connection_persists_across_multiple_requests()
    }

    fn configure(&mut self, config: &dyn Any) -> gix::Result {
        self.inner.configure(config)
    }
}

impl Transport for Sifted {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        self.inner.handshake(service, extra_parameters)
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        let (writer, inner) = self.inner.request(write_mode, on_into_read, trace)?.into_parts();
        let reader = Sifting { inner, guard: self.guard.clone(), sieve: None, looked: 0 };
        Ok(RequestWriter::new_from_bufread(writer, Box::new(reader), write_mode, on_into_read, trace))
    }
}

/// An answer; from where the library asks for progress on, it is a pack.
struct Sifting<'a> {
    inner: Box<dyn ExtendedBufRead<'a> + Unpin + 'a>,
    guard: Guard,
    sieve: Option<Sieve>,
    /// Bytes at the front of the buffer that went through the sieve already.
    looked: usize,
}

impl Read for Sifting<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(to)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Sifting<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.guard.check()?;
        let buffer = self.inner.fill_buf()?;
        if let Some(sieve) = &mut self.sieve
            && let Some(unseen) = buffer.get(self.looked..)
        {
            sieve.feed(unseen).map_err(|excess| self.guard.refuse(excess))?;
            self.looked = buffer.len();
        }
        Ok(buffer)
    }

    fn consume(&mut self, amount: usize) {
        self.looked = self.looked.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

impl ReadlineBufRead for Sifting<'_> {
    fn readline(&mut self) -> Option<io::Result<gix::Result<packetline::PacketLineRef<'_>>>> {
        if let Err(error) = self.guard.check() {
            return Some(Err(error));
        }
        self.inner.readline()
    }

    fn readline_str(&mut self, line: &mut String) -> io::Result<usize> {
        self.guard.check()?;
        self.inner.readline_str(line)
    }
}

impl<'a> ExtendedBufRead<'a> for Sifting<'a> {
    fn set_progress_handler(&mut self, handler: Option<HandleProgress<'a>>) {
        self.sieve = handler.is_some().then(|| Sieve::new(self.guard.limits));
        self.inner.set_progress_handler(handler);
    }

    fn peek_data_line(&mut self) -> Option<io::Result<Result<&[u8], client::Error>>> {
        self.inner.peek_data_line()
    }

    fn reset(&mut self, version: Protocol) {
        self.inner.reset(version);
    }

    fn stopped_at(&self) -> Option<MessageKind> {
        self.inner.stopped_at()
    }
}
