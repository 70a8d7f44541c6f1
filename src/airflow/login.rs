//! How a conversation is let in, and how it is let in again when that has run out.
//!
//! | API | user and password | token | command |
//! | --- | --- | --- | --- |
//! | v1 | web session (`/login/`: form, CSRF token, cookie), else basic | bearer | its headers |
//! | v2 | `POST /auth/token`, bearer | bearer | its headers |
//!
//! Basic authentication makes the server hash the password at each call, ten times what a session
//! costs (measured on 2.11.2), so it comes second. On v2 it is a 401, with the simple auth manager as
//! with the provider FAB, which does not count log-ins at `/auth/token` either (measured on 3.3.2).
//!
//! Invariants: a log-in is repeated once for each time that it has run out, and not for ever; a
//! secret is in the headers of one request and nowhere else.

pub(super) mod command;
mod form;

pub use command::CredentialCommand;

use super::client::{Client, Payload};
use super::error::{Api, Error};
use super::wire::Token;
use crate::secret::{Secret, SecretSource};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use std::fmt;

/// Who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nobody: for a server that lets everybody in.
    None,
    /// User and password.
    Password {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretSource,
        /// What they are used for on Airflow 2; Airflow 3 always gives a token for them.
        login: PasswordLogin,
    },
    /// A token that the server takes as it is; a file is read again for each pass, and when the
    /// token has run out.
    Bearer(SecretSource),
    /// A command that prints what lets in: for Cloud Composer, Astro, MWAA and any single sign-on.
    Command(CredentialCommand),
}

impl Credentials {
    /// Who it is, as far as a log-in is needed; none if that cannot be read now.
    pub(super) fn person(&self) -> Option<(String, Secret)> {
        match self {
            Self::Password { username, password, .. } => Some((username.clone(), read(password).ok()?)),
            _ => None,
        }
    }
}

/// What user and password are used for on Airflow 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordLogin {
    /// A web session, and basic authentication where the server does not take that.
    #[default]
    Auto,
    /// Basic authentication alone.
    Basic,
    /// A web session alone.
    Session,
}

/// Log-ins in one conversation, whatever happens.
const MOST_LOGINS: u8 = 5;

/// What a request carries to be let in.
pub(super) enum Authority {
    Nothing,
    Basic { username: String, password: Secret },
    Headers(Vec<(HeaderName, HeaderValue)>),
}

/// How the conversation is let in now.
pub(super) struct Session {
    pub(super) authority: Authority,
    kind: Kind,
    /// A request was let in since the last log-in.
    proven: bool,
    /// Log-ins since a request was let in.
    in_vain: u8,
    logins: u8,
    /// A 403 came back after a new log-in: it is about permissions.
    forbids: bool,
}

impl fmt::Debug for Session {
    /// Nothing of what lets in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It cannot be renewed.
    Fixed,
    /// A web session where basic authentication may come instead.
    FormOrBasic,
    Form,
    Token,
    File,
    Command,
}

impl Session {
    fn new(authority: Authority, kind: Kind) -> Self {
        Self { authority, kind, proven: false, in_vain: 0, logins: 1, forbids: false }
    }

    /// Before anything is known of the server: what is given as it is.
    pub(super) async fn given(credentials: &Credentials) -> Result<Option<Self>, Error> {
        Ok(match credentials {
            Credentials::Bearer(source) => {
                let kind = if matches!(source, SecretSource::File(_)) { Kind::File } else { Kind::Fixed };
                Some(Self::new(bearer(&read(source)?)?, kind))
            }
            Credentials::Command(command) => Some(Self::new(Authority::Headers(command.run().await?), Kind::Command)),
            Credentials::None | Credentials::Password { .. } => None,
        })
    }

    /// Logs in to the API that was found.
    pub(super) async fn start(client: &mut Client<'_>) -> Result<Self, Error> {
        let credentials = client.credentials().clone();
        let Credentials::Password { username, password, login } = &credentials else {
            return Ok(match Self::given(&credentials).await? {
                Some(session) => session,
                None => Self::new(Authority::Nothing, if client.api == Api::V2 { Kind::Token } else { Kind::Fixed }),
            });
        };
        if client.api == Api::V2 {
            return Ok(Self::new(token(client, &credentials).await?, Kind::Token));
        }
        let password = read(password)?;
        let basic =
            || Self::new(Authority::Basic { username: username.clone(), password: password.clone() }, Kind::Fixed);
        match login {
            PasswordLogin::Basic => Ok(basic()),
            PasswordLogin::Session => Ok(Self::new(form::log_in(client, username, &password).await?, Kind::Form)),
            PasswordLogin::Auto if client.takes_no_session() => Ok(basic()),
            PasswordLogin::Auto => match form::log_in(client, username, &password).await {
                Ok(cookie) => Ok(Self::new(cookie, Kind::FormOrBasic)),
                // No form, or one that does not take them: a server of single sign-on may still
                // know users of its own, and its answer to basic authentication is the clearer one.
                Err(error) if error.is_an_answer() => Ok(basic()),
                Err(error) => Err(error),
            },
        }
    }

    /// For the next conversation, if it was let in by a log-in: what is given as it is, is read again.
    pub(super) fn lasting(self) -> Option<Self> {
        let by_log_in = matches!(self.kind, Kind::Form | Kind::FormOrBasic | Kind::Token);
        (by_log_in && self.proven).then_some(Self { in_vain: 0, logins: 1, forbids: false, ..self })
    }

    /// A request was let in.
    pub(super) fn prove(&mut self) {
        self.proven = true;
        self.in_vain = 0;
    }

    /// What a refusal asks for; `None` if it is the last word.
    pub(super) fn remedy(&mut self, api: Api, status: u16, about_token: bool) -> Option<Remedy> {
        // A 400 is what a web server says that wants its CSRF token at each request.
        if self.kind == Kind::FormOrBasic && !self.proven && matches!(status, 400 | 401 | 403) {
            return Some(Remedy::Basic);
        }
        if !matches!(status, 401 | 403) {
            return None;
        }
        // Airflow 2 may answer 403 to a session that has run out: anybody is a legal user there.
        let cookie_may_be_over =
            api == Api::V1 && matches!(self.kind, Kind::Form | Kind::FormOrBasic | Kind::Command) && self.proven;
        let has_run_out = status == 401 || about_token || (cookie_may_be_over && !self.forbids);
        if !has_run_out {
            return None;
        }
        if self.in_vain > 0 || self.logins >= MOST_LOGINS || self.kind == Kind::Fixed {
            self.forbids |= status == 403;
            return None;
        }
        Some(Remedy::LogInAgain)
    }

    /// Logs in again; `false` where that brings nothing new.
    pub(super) async fn renew(&mut self, client: &mut Client<'_>) -> Result<bool, Error> {
        self.in_vain += 1;
        self.logins += 1;
        tracing::debug!(url = client.base(), logins = self.logins, "log-in has run out, logging in again");
        let credentials = client.credentials().clone();
        let authority = match (&credentials, self.kind) {
            (Credentials::Bearer(source @ SecretSource::File(_)), _) => {
                let renewed = bearer(&read(source)?)?;
                if same(&renewed, &self.authority) {
                    return Ok(false);
                }
                renewed
            }
            (Credentials::Command(command), _) => Authority::Headers(command.run().await?),
            (_, Kind::Token) => token(client, &credentials).await?,
            (Credentials::Password { username, password, .. }, Kind::Form | Kind::FormOrBasic) => {
                match form::log_in(client, username, &read(password)?).await {
                    Err(Error::Throttled { .. }) if self.kind == Kind::FormOrBasic => {
                        self.fall_back(&credentials)?;
                        return Ok(true);
                    }
                    cookie => cookie?,
                }
            }
            _ => return Ok(false),
        };
        self.authority = authority;
        Ok(true)
    }

    /// Goes over to basic authentication: the server does not take its own sessions for the API.
    pub(super) fn fall_back(&mut self, credentials: &Credentials) -> Result<(), Error> {
        if let Credentials::Password { username, password, .. } = credentials {
            self.authority = Authority::Basic { username: username.clone(), password: read(password)? };
            self.kind = Kind::Fixed;
        }
        Ok(())
    }
}

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    LogInAgain,
    Basic,
}

/// `POST /auth/token` with user and password; without credentials `GET`, which a server that lets
/// everybody in answers with a token, too.
async fn token(client: &mut Client<'_>, credentials: &Credentials) -> Result<Authority, Error> {
    let url = client.below_base(&["auth", "token"]);
    let raw = match credentials {
        Credentials::Password { username, password, .. } => {
            let body = serde_json::json!({ "username": username, "password": read(password)?.expose() });
            client.exchange(&Method::POST, url, &Payload::Json(&body), &Authority::Nothing).await?
        }
        _ => client.exchange(&Method::GET, url, &Payload::None, &Authority::Nothing).await?,
    };
    match serde_json::from_slice::<Token>(&raw.body) {
        Ok(token) if matches!(raw.status, 200 | 201) => bearer(&Secret::new(token.access_token)),
        _ => Err(match raw.error(client.api) {
            Error::Forbidden { url, api } => Error::Refused { url, status: 403, api },
            error => error,
        }),
    }
}

fn bearer(token: &Secret) -> Result<Authority, Error> {
    header(AUTHORIZATION, &format!("Bearer {}", token.expose()))
}

fn cookie(cookies: &str) -> Result<Authority, Error> {
    header(COOKIE, cookies)
}

fn header(name: HeaderName, value: &str) -> Result<Authority, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| Error::Credential {
        what: name.to_string(),
        problem: "it holds line breaks or other control characters".to_string(),
    })?;
    value.set_sensitive(true);
    Ok(Authority::Headers(vec![(name, value)]))
}

fn same(one: &Authority, other: &Authority) -> bool {
    matches!((one, other), (Authority::Headers(one), Authority::Headers(other)) if one == other)
}

/// The secret as it is now.
fn read(source: &SecretSource) -> Result<Secret, Error> {
    match source {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            // What a file that is no text holds is not said: it may be a secret all the same.
            Err(error) => Err(Error::Credential { what: path.display().to_string(), problem: error.to_string() }),
        },
    }
}
