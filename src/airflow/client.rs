//! One HTTP conversation with one instance: the API's version, limits, repetitions, and what a
//! status means.
//!
//! Invariants: no redirect is followed, no body is read beyond its limit, no proxy of the
//! environment stands before this machine's own ports, an answer counts only if its body is what
//! the API gives, and credentials go to the instance's own address alone.

use super::error::{Api, Error};
use super::login::{Authority, Remedy, Session};
use super::rows::{Envelope, Feed, Rows};
use super::wire::{Problem, Version};
use super::{Access, Cost, Credentials};
use crate::ids::AirflowVersion;
use crate::secret::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Method, Proxy, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How often a request is sent again to a server that is in trouble.
const REPETITIONS: u32 = 3;

/// A conversation; made by [`Client::connect`].
pub(super) struct Client<'a> {
    access: &'a Access,
    http: reqwest::Client,
    /// Which API answers.
    pub(super) api: Api,
    /// The version that the server says it has; none if the text is no version.
    pub(super) version: Option<AirflowVersion>,
    session: Option<Session>,
    /// What it cost so far.
    cost: Cost,
}

/// What a request carries.
pub(super) enum Payload<'a> {
    None,
    Json(&'a Value),
    /// An encoded form with a password in it.
    Form(&'a Secret),
}

/// A whole answer whose body has not been understood yet.
pub(super) struct Raw {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl<'a> Client<'a> {
    /// Finds out which API is there, without credentials where none are needed.
    pub(super) async fn connect(access: &'a Access) -> Result<Self, Error> {
        let http = http(access)?;
        let session = Session::given(&access.credentials).await?;
        let cost = Cost::default();
        let mut client = Self { access, http, api: Api::V2, version: None, session, cost };
        client.detect().await?;
        if client.session.is_none() {
            client.session = access.memory.take_session(client.api, access.credentials.person().as_ref());
        }
        Ok(client)
    }

    /// Keeps how this conversation was let in for the next one, where that lasts.
    pub(super) fn keep_session(&mut self) {
        if let Some(session) = self.session.take().and_then(Session::lasting) {
            self.access.memory.keep_session(self.api, self.access.credentials.person(), session);
        }
    }

    /// `/api/v2/version`, then `/api/v1/version`: Airflow 2 answers the first with a 404 page,
    /// Airflow 3 the second. The one that answered last time is asked first.
    async fn detect(&mut self) -> Result<(), Error> {
        let mut order = [(Api::V2, "v2"), (Api::V1, "v1")];
        if self.access.memory.api() == Some(Api::V1) {
            order.reverse();
        }
        let mut statuses = Vec::new();
        for (api, name) in order {
            self.api = api;
            let url = self.access.url.join(["api", name, "version"]);
            let given = self.session.take();
            let authority = given.as_ref().map_or(&Authority::Nothing, |session| &session.authority);
            let raw = self.exchange(&Method::GET, url, &Payload::None, authority).await;
            self.session = given;
            let raw = raw?;
            match serde_json::from_slice::<Version>(&raw.body) {
                Ok(answer) if raw.status == 200 => {
                    self.version = AirflowVersion::parse(&answer.version);
                    self.access.memory.found(api);
                    return Ok(());
                }
                _ => statuses.push(raw),
            }
        }
        // One of the two is a 404 on every Airflow, so the other one tells what is wrong.
        let raw = statuses.iter().position(|raw| raw.status != 404).unwrap_or(0);
        let raw = statuses.swap_remove(raw);
        let url = self.access.url.to_string();
        Err(match raw.status {
            status @ (401 | 403) => Error::Refused { url, status, api: self.api },
            status @ 300..=399 => Error::Redirected { url, status },
            429 | 500..=599 => Raw { url, ..raw }.error(self.api),
            status => Error::NotAirflow { url, status },
        })
    }

    /// Whether the server is older than this release; one that does not name its release is not.
    pub(super) fn is_older_than(&self, major: u32, minor: u32) -> bool {
        self.version.is_some_and(|version| (version.major, version.minor) < (major, minor))
    }

    pub(super) fn credentials(&self) -> &'a Credentials {
        &self.access.credentials
    }

    /// The base URL, for messages.
    pub(super) fn base(&self) -> String {
        self.access.url.to_string()
    }

    /// The address of something that is not a part of the API.
    pub(super) fn below_base(&self, parts: &[&str]) -> Url {
        self.access.url.join(parts.iter().copied())
    }

    /// Whether this server was seen to refuse web sessions for its API.
    pub(super) fn takes_no_session(&self) -> bool {
        self.access.memory.takes_no_session()
    }

    /// Asks with GET below `/api/vN`.
    pub(super) async fn get<T: DeserializeOwned>(
        &mut self,
        parts: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let mut url = self.url(parts);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(&Method::GET, url, None, None).await
    }

    /// Asks with POST below `/api/vN`; no such call of this program changes anything.
    pub(super) async fn post<T: DeserializeOwned>(&mut self, parts: &[&str], body: &Value) -> Result<T, Error> {
        self.ask(&Method::POST, self.url(parts), Some(body), None).await
    }

    /// Asks with GET for a list, as [`Self::post_list`] does.
    pub(super) async fn get_list<F>(
        &mut self,
        parts: &[&str],
        query: &[(&str, &str)],
        list: &str,
        each: F,
    ) -> Result<(usize, usize), Error>
    where
        F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send,
    {
        let mut url = self.url(parts);
        url.query_pairs_mut().extend_pairs(query);
        self.list(&Method::GET, url, None, list, each).await
    }

    /// Asks with POST for a list and gives each of its objects to `each`, as they come; the answer
    /// is the count of them and `total_entries`. Those given before an error count for nothing.
    pub(super) async fn post_list<F>(
        &mut self,
        parts: &[&str],
        body: &Value,
        list: &str,
        each: F,
    ) -> Result<(usize, usize), Error>
    where
        F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send,
    {
        self.list(&Method::POST, self.url(parts), Some(body), list, each).await
    }

    async fn list<F>(
        &mut self,
        method: &Method,
        url: Url,
        body: Option<&Value>,
        list: &str,
        each: F,
    ) -> Result<(usize, usize), Error>
    where
        F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send,
    {
        let address = shown(&url);
        let mut rows = Rows::new(list, each);
        let envelope: Envelope = self.ask(method, url, body, Some(&mut rows)).await?;
        if envelope.length(list) == Some(rows.count) {
            return Ok((rows.count, envelope.total_entries));
        }
        Err(Error::Unreadable { url: address, problem: format!("`{list}` is no list of objects") })
    }

    /// Requests that were sent so far, log-ins among them.
    pub(super) fn calls(&self) -> usize {
        self.cost.calls
    }

    /// Says what the conversation cost, in the log for those who ask for it.
    pub(super) fn log_cost(&self) {
        let Cost { calls, bytes } = self.cost;
        tracing::debug!(url = self.base(), calls, bytes, "Airflow was asked");
    }

    fn url(&self, parts: &[&str]) -> Url {
        let version = match self.api {
            Api::V1 => "v1",
            Api::V2 => "v2",
        };
        self.access.url.join(["api", version].into_iter().chain(parts.iter().copied()))
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: &Method,
        url: Url,
        body: Option<&Value>,
        mut rows: Option<&mut dyn Feed>,
    ) -> Result<T, Error> {
        let payload = body.map_or(Payload::None, Payload::Json);
        loop {
            let mut session = match self.session.take() {
                Some(session) => session,
                None => Session::start(self).await?,
            };
            let feed = rows.as_mut().map(|rows| &mut **rows as &mut dyn Feed);
            let raw = self.exchange_rows(method, url.clone(), &payload, &session.authority, feed).await;
            let (raw, again) = match raw {
                Ok(raw) => {
                    let again = self.answer_to_refusal(&mut session, &raw).await;
                    (Ok(raw), again)
                }
                Err(error) => (Err(error), Ok(false)),
            };
            self.session = Some(session);
            if !again? {
                return raw?.read(self.api);
            }
        }
    }

    /// Whether the request is to be sent again, with other credentials or with renewed ones.
    async fn answer_to_refusal(&mut self, session: &mut Session, raw: &Raw) -> Result<bool, Error> {
        match session.remedy(self.api, raw.status, raw.is_about_token()) {
            None => {
                // Any other answer of the API was given to somebody who is let in.
                if matches!(raw.status, 200..=299 | 404) {
                    session.prove();
                }
                Ok(false)
            }
            Some(Remedy::Basic) => {
                self.access.memory.refused_session();
                session.fall_back(&self.access.credentials)?;
                Ok(true)
            }
            Some(Remedy::LogInAgain) => session.renew(self).await,
        }
    }

    /// Sends and reads a whole answer; a server in trouble is asked again, with growing pauses.
    pub(super) async fn exchange(
        &mut self,
        method: &Method,
        url: Url,
        payload: &Payload<'_>,
        authority: &Authority,
    ) -> Result<Raw, Error> {
        self.exchange_rows(method, url, payload, authority, None).await
    }

    /// The same; a good answer goes through `rows`, and its body is what they leave.
    async fn exchange_rows(
        &mut self,
        method: &Method,
        url: Url,
        payload: &Payload<'_>,
        authority: &Authority,
        mut rows: Option<&mut dyn Feed>,
    ) -> Result<Raw, Error> {
        let mut pause = self.access.limits.pause;
        let mut repetitions = 0;
        loop {
            let feed = rows.as_mut().map(|rows| &mut **rows as &mut dyn Feed);
            let raw = self.send(method, url.clone(), payload, authority, feed).await?;
            if raw.status == 429 && matches!(payload, Payload::Form(_)) {
                // Log-ins are counted by the minute: asking again would only be one more.
                return Ok(raw);
            }
            let Some(wait) = raw.worth_asking_again(pause, self.access.limits.answer) else { return Ok(raw) };
            if repetitions == REPETITIONS {
                return Ok(raw);
            }
            repetitions += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(url = raw.url, status = raw.status, wait_ms, "Airflow is in trouble, asking again");
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
    }

    async fn send(
        &mut self,
        method: &Method,
        url: Url,
        payload: &Payload<'_>,
        authority: &Authority,
        rows: Option<&mut dyn Feed>,
    ) -> Result<Raw, Error> {
        let shown = shown(&url);
        let mut request = self.http.request(method.clone(), url.clone()).header("Accept", "application/json");
        request = match payload {
            Payload::None => request,
            Payload::Json(body) => request.json(body),
            Payload::Form(body) => request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                // Airflow's form wants to know over https where it was shown.
                .header("Referer", url.as_str())
                .body(body.expose().to_string()),
        };
        request = match authority {
            Authority::Nothing => request,
            Authority::Basic { username, password } => request.basic_auth(username, Some(password.expose())),
            Authority::Headers(headers) => {
                headers.iter().fold(request, |request, (name, value)| request.header(name, value))
            }
        };
        let access = self.access;
        let wrong = |source: reqwest::Error| Error::of_transport(access, shown.clone(), source.without_url());
        self.cost.calls += 1;
        access.memory.spent(1, 0);
        let mut response = request.send().await.map_err(wrong)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let limit = access.limits.body;
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > limit {
            return Err(Error::TooLarge { url: shown, limit });
        }
        // Words about an error are no rows.
        let mut rows = rows.filter(|_| matches!(status, 200..=299));
        let mut body = Vec::new();
        let mut length = 0;
        while let Some(chunk) = response.chunk().await.map_err(wrong)? {
            length += chunk.len();
            if length > limit {
                return Err(Error::TooLarge { url: shown, limit });
            }
            self.cost.bytes += chunk.len();
            access.memory.spent(0, chunk.len());
            match &mut rows {
                Some(rows) => {
                    rows.feed(&chunk).map_err(|problem| Error::Unreadable { url: shown.clone(), problem })?;
                }
                None => body.extend_from_slice(&chunk),
            }
        }
        if let Some(rows) = rows {
            body = rows.envelope();
        }
        Ok(Raw { url: shown, status, headers, body })
    }
}

/// The client of an instance: its certificates, its proxy, its limits.
fn http(access: &Access) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("dagguard/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(access.limits.connect)
        .timeout(access.limits.answer);
    if let Some(pem) = &access.transport.certificates {
        let certificates = Certificate::from_pem_bundle(pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| Error::Setting { what: "--airflow-ca-bundle", problem: "it holds no PEM certificate" })?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(proxy) = &access.transport.proxy {
        // What is wrong with it is not repeated: it may hold a password.
        let proxy = Proxy::all(proxy.expose()).map_err(|_| Error::Setting {
            what: "--airflow-proxy",
            problem: "it is not a URL like http://proxy:3128",
        })?;
        builder = builder.proxy(proxy);
    } else if access.url.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|source| Error::Client { source })
}

impl Raw {
    /// A token that has run out or is foreign is a 403 of these words (3.3.2); any other 403 is a
    /// missing permission, which a new token does not help.
    fn is_about_token(&self) -> bool {
        self.detail().contains("JWT")
    }

    /// The pause before it is worth asking again: for a server in trouble (Airflow's own 500 for a
    /// locked SQLite among it), and for one that wants to be asked less often, if it names a time
    /// that fits the limit.
    fn worth_asking_again(&self, pause: Duration, longest: Duration) -> Option<Duration> {
        match self.status {
            429 | 503 => {
                let wanted = self.wanted_pause().map_or(pause, |wanted| wanted.max(pause));
                (wanted <= longest).then_some(wanted)
            }
            500 | 502 | 504 => Some(pause),
            _ => None,
        }
    }

    /// `Retry-After`, in seconds.
    fn wanted_pause(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The body, if the status is good and the body is what was asked for.
    pub(super) fn read<T: DeserializeOwned>(self, api: Api) -> Result<T, Error> {
        if !matches!(self.status, 200..=299) {
            return Err(self.error(api));
        }
        serde_json::from_slice(&self.body).map_err(|error| Error::Unreadable {
            problem: match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'<') => "HTML instead of JSON".to_string(),
                None => "it is empty".to_string(),
                _ => error.to_string(),
            },
            url: self.url,
        })
    }

    /// What a status that is not good means.
    pub(super) fn error(self, api: Api) -> Error {
        let is_json = serde_json::from_slice::<Value>(&self.body).is_ok();
        let detail = self.detail();
        let wanted = self.wanted_pause();
        let Self { url, status, .. } = self;
        match status {
            401 => Error::Refused { url, status, api },
            403 if detail.contains("JWT") => Error::Refused { url, status, api },
            403 => Error::Forbidden { url, api },
            404 if is_json => Error::Missing { url },
            404 => Error::NotAirflow { url, status },
            300..=399 => Error::Redirected { url, status },
            429 => Error::Throttled { url, wanted },
            500..=599 => Error::Trouble { url, status },
            200..=299 => Error::Unreadable { url, problem: "not the answer that was asked for".to_string() },
            _ => Error::Rejected { url, status, detail },
        }
    }

    /// The server's words about an error: short, one line, without control characters. A
    /// complaint of v2 repeats what was sent (`input`), a password among it, so that is left out.
    fn detail(&self) -> String {
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = match problem.detail {
            Value::String(text) => text,
            Value::Array(complaints) => {
                let words = complaints.iter().map(|complaint| format!("{} {}", complaint["loc"], complaint["msg"]));
                words.collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        };
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    }
}

/// The address without its query, for messages.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// Classifies a recorded answer as the client would.
#[cfg(test)]
pub(super) fn read_recorded<T: DeserializeOwned>(api: Api, status: u16, body: &[u8]) -> Result<T, Error> {
    let headers = HeaderMap::new();
    Raw { url: "recorded".to_string(), status, headers, body: body.to_vec() }.read(api)
}

/// Classifies a recorded list as the client would, its objects in chunks as from a network.
#[cfg(test)]
pub(super) fn read_recorded_list<F>(api: Api, status: u16, list: &str, body: &[u8], each: F) -> Result<(), Error>
where
    F: FnMut(&[u8]) -> Result<(), serde_json::Error> + Send,
{
    if !matches!(status, 200..=299) {
        return read_recorded::<Envelope>(api, status, body).map(drop);
    }
    let mut rows = Rows::new(list, each);
    for chunk in body.chunks(1_000) {
        rows.feed(chunk).map_err(|problem| Error::Unreadable { url: "recorded".to_string(), problem })?;
    }
    let envelope = rows.envelope();
    let envelope: Envelope = read_recorded(api, status, &envelope)?;
    assert_eq!(envelope.length(list), Some(rows.count));
    Ok(())
}
