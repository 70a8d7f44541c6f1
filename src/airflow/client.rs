//! One HTTP conversation with one instance: the API's version, login, limits, and what a status
//! means.
//!
//! Invariants: no redirect is followed, no body is read beyond its limit, no proxy stands before
//! this machine's own ports, and an answer counts only if its body is what the API gives.

use super::error::{Api, Error};
use super::wire::{Problem, Token, Version};
use super::{Access, Credentials};
use crate::ids::AirflowVersion;
use crate::secret::Secret;
use reqwest::{Method, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A conversation; made by [`Client::connect`].
pub(super) struct Client<'a> {
    access: &'a Access,
    http: reqwest::Client,
    /// Which API answers.
    pub(super) api: Api,
    /// The version that the server says it has; none if the text is no version.
    pub(super) version: Option<AirflowVersion>,
    token: Option<Secret>,
    logged_in_again: bool,
}

/// A whole answer whose body has not been understood yet.
struct Raw {
    url: String,
    status: u16,
    body: Vec<u8>,
}

impl<'a> Client<'a> {
    /// Finds out which API is there, without credentials where none are needed.
    pub(super) async fn connect(access: &'a Access) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("dagguard/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(access.limits.connect)
            .timeout(access.limits.answer);
        if access.url.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| Error::Client { source })?;
        let token = match &access.credentials {
            Credentials::Bearer(token) => Some(token.clone()),
            Credentials::Password { .. } | Credentials::None => None,
        };
        let mut client = Self { access, http, api: Api::V2, version: None, token, logged_in_again: false };
        client.detect().await?;
        Ok(client)
    }

    /// `/api/v2/version`, then `/api/v1/version`: Airflow 2 answers the first with a 404 page,
    /// Airflow 3 the second.
    async fn detect(&mut self) -> Result<(), Error> {
        let mut statuses = Vec::new();
        for (api, name) in [(Api::V2, "v2"), (Api::V1, "v1")] {
            self.api = api;
            let raw = self.send(&Method::GET, self.access.url.join(["api", name, "version"]), None).await?;
            match serde_json::from_slice::<Version>(&raw.body) {
                Ok(answer) if raw.status == 200 => {
                    self.version = AirflowVersion::parse(&answer.version);
                    return Ok(());
                }
                _ => statuses.push(raw.status),
            }
        }
        // One of the two is a 404 on every Airflow, so the other one tells what is wrong.
        let status = statuses.iter().copied().find(|status| *status != 404).unwrap_or(404);
        let url = self.access.url.to_string();
        Err(match status {
            401 | 403 => Error::Refused { url, status, api: self.api },
            300..=399 => Error::Redirected { url, status },
            429 | 500..=599 => Error::Trouble { url, status },
            _ => Error::NotAirflow { url, status },
        })
    }

    /// Whether the server is older than this release; one that does not name its release is not.
    pub(super) fn is_older_than(&self, major: u32, minor: u32) -> bool {
        self.version.is_some_and(|version| (version.major, version.minor) < (major, minor))
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
        self.ask(&Method::GET, url, None).await
    }

    /// Asks with POST below `/api/vN`; no such call of this program changes anything.
    pub(super) async fn post<T: DeserializeOwned>(&mut self, parts: &[&str], body: &Value) -> Result<T, Error> {
        self.ask(&Method::POST, self.url(parts), Some(body)).await
    }

    fn url(&self, parts: &[&str]) -> Url {
        let version = match self.api {
            Api::V1 => "v1",
            Api::V2 => "v2",
        };
        self.access.url.join(["api", version].into_iter().chain(parts.iter().copied()))
    }

    async fn ask<T: DeserializeOwned>(&mut self, method: &Method, url: Url, body: Option<&Value>) -> Result<T, Error> {
        if self.api == Api::V2
            && self.token.is_none()
            && matches!(self.access.credentials, Credentials::Password { .. })
        {
            self.log_in().await?;
        }
        let mut raw = self.send(method, url.clone(), body).await?;
        if self.api == Api::V2 && raw.wants_login() && !self.logged_in_again && self.can_log_in() {
            self.logged_in_again = true;
            self.log_in().await?;
            raw = self.send(method, url, body).await?;
        }
        raw.read(self.api)
    }

    /// A token that was given cannot be renewed; without credentials a server that lets everybody
    /// in still wants a token, and gives one.
    fn can_log_in(&self) -> bool {
        !matches!(self.access.credentials, Credentials::Bearer(_))
    }

    async fn log_in(&mut self) -> Result<(), Error> {
        let url = self.access.url.join(["auth", "token"]);
        self.token = None;
        let raw = match &self.access.credentials {
            Credentials::Password { username, password } => {
                let body = serde_json::json!({ "username": username, "password": password.expose() });
                self.send(&Method::POST, url, Some(&body)).await?
            }
            Credentials::None | Credentials::Bearer(_) => self.send(&Method::GET, url, None).await?,
        };
        match serde_json::from_slice::<Token>(&raw.body) {
            Ok(token) if matches!(raw.status, 200 | 201) => {
                self.token = Some(Secret::new(token.access_token));
                Ok(())
            }
            _ => Err(match raw.error(self.api) {
                Error::Forbidden { url, api } => Error::Refused { url, status: 403, api },
                error => error,
            }),
        }
    }

    async fn send(&self, method: &Method, url: Url, body: Option<&Value>) -> Result<Raw, Error> {
        let shown = shown(&url);
        let mut request = self.http.request(method.clone(), url).header("Accept", "application/json");
        if let Some(body) = body {
            request = request.json(body);
        }
        request = match (&self.token, &self.access.credentials) {
            (Some(token), _) => request.bearer_auth(token.expose()),
            // Each such call makes the server hash the password (about 0.5 s, measured on 2.11.2),
            // and the version needs none, so it is sent only where it is wanted.
            (None, Credentials::Password { username, password })
                if self.api == Api::V1 && !shown.ends_with("/version") =>
            {
                request.basic_auth(username, Some(password.expose()))
            }
            (None, _) => request,
        };
        let wrong = |source: reqwest::Error| {
            let (url, source) = (shown.clone(), source.without_url());
            match &source {
                // A connection that takes too long is both; the reason is then the server's absence.
                error if error.is_connect() => Error::Unreachable { url, source },
                error if error.is_timeout() => Error::TooSlow { url, limit: self.access.limits.answer },
                _ => Error::BrokenOff { url, source },
            }
        };
        let mut response = request.send().await.map_err(wrong)?;
        let status = response.status().as_u16();
        let limit = self.access.limits.body;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(wrong)? {
            if body.len() + chunk.len() > limit {
                return Err(Error::TooLarge { url: shown, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Raw { url: shown, status, body })
    }
}

impl Raw {
    /// An expired or foreign token is a 401, or a 403 of these words (3.3.2); any other 403 is a
    /// missing permission, which a new token does not help.
    fn wants_login(&self) -> bool {
        self.status == 401 || (self.status == 403 && self.detail().contains("JWT"))
    }

    /// The body, if the status is good and the body is what was asked for.
    fn read<T: DeserializeOwned>(self, api: Api) -> Result<T, Error> {
        if !matches!(self.status, 200..=299) {
            return Err(self.error(api));
        }
        serde_json::from_slice(&self.body).map_err(|error| Error::Unreadable {
            problem: match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'<') => "HTML instead of JSON".to_string(),
                _ => error.to_string(),
            },
            url: self.url,
        })
    }

    /// What a status that is not good means.
    fn error(self, api: Api) -> Error {
        let is_json = serde_json::from_slice::<Value>(&self.body).is_ok();
        let detail = self.detail();
        let Self { url, status, .. } = self;
        match status {
            401 => Error::Refused { url, status, api },
            403 if detail.contains("JWT") => Error::Refused { url, status, api },
            403 => Error::Forbidden { url, api },
            404 if is_json => Error::Missing { url },
            404 => Error::NotAirflow { url, status },
            300..=399 => Error::Redirected { url, status },
            429 | 500..=599 => Error::Trouble { url, status },
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
    Raw { url: "recorded".to_string(), status, body: body.to_vec() }.read(api)
}
