//! What can go wrong between this program and Airflow's REST API, and which setting to look at.

use super::Access;
use std::time::Duration;
use thiserror::Error;

/// Why an instance could not be asked. URLs in it hold no secret: [`super::BaseUrl`] refuses them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The text given as URL is none that this program could use.
    #[error("URL of the Airflow API cannot be used, {problem}: `{url}`")]
    Url {
        /// The text, without what could be a secret.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The HTTP client could not be made (no usable root certificates, for instance).
    #[error("HTTP client could not be made ({})", root_cause(source))]
    Client {
        /// What it said.
        source: reqwest::Error,
    },
    /// A setting of an instance cannot be used. Its value is not repeated: it may hold a secret.
    #[error("setting cannot be used, {problem}: `{what}`")]
    Setting {
        /// The flag; the setting of an instance has the same name.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The credentials themselves could not be had: a file, a command.
    #[error("credentials cannot be had, {problem}: `{what}`")]
    Credential {
        /// The file or the program; never an argument.
        what: String,
        /// What is wrong, in words that hold nothing of the secret.
        problem: String,
    },
    /// The log-in page is not Airflow's form for user and password.
    #[error("no log-in form for user and password (status {status}): `{url}`")]
    NoForm {
        /// The page asked.
        url: String,
        /// Its status.
        status: u16,
    },
    /// The server's certificate is not one that is trusted.
    #[error("certificate of Airflow is not trusted ({}): `{url}`", root_cause(source))]
    Certificate {
        /// The address asked.
        url: String,
        /// What the client said.
        source: reqwest::Error,
    },
    /// No connection could be made: refused, no such name, no route, TLS.
    #[error("no connection to Airflow ({}): `{url}`", root_cause(source))]
    Unreachable {
        /// The address asked.
        url: String,
        /// Whether it was asked through a proxy that was set for it.
        proxied: bool,
        /// What the client said.
        source: reqwest::Error,
    },
    /// The connection broke before the answer was whole.
    #[error("answer of Airflow broke off ({}): `{url}`", root_cause(source))]
    BrokenOff {
        /// The address asked.
        url: String,
        /// What the client said.
        source: reqwest::Error,
    },
    /// No answer within the time limit.
    #[error("no answer from Airflow within {} s: `{url}`", limit.as_secs_f32())]
    TooSlow {
        /// The address asked.
        url: String,
        /// The limit that was exceeded.
        limit: Duration,
    },
    /// The answer is larger than the limit.
    #[error("answer of Airflow is longer than {limit} bytes: `{url}`")]
    TooLarge {
        /// The address asked.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Neither version of the API answers there.
    #[error("no Airflow API answers (status {status}): `{url}`")]
    NotAirflow {
        /// The base URL.
        url: String,
        /// Status of the last answer.
        status: u16,
    },
    /// A redirect, which is never followed: it could carry the credentials to another host.
    #[error("Airflow answers with a redirect (status {status}): `{url}`")]
    Redirected {
        /// The address asked.
        url: String,
        /// 3xx.
        status: u16,
    },
    /// User name, password or token were not accepted. On API v1 of newer releases this is a 403,
    /// which a missing permission gives too.
    #[error("Airflow refuses the credentials (status {status}): `{url}`")]
    Refused {
        /// The address asked.
        url: String,
        /// 401 or 403.
        status: u16,
        /// Which API.
        api: Api,
    },
    /// The credentials are fine, but may not read this.
    #[error("Airflow does not let these credentials read (status 403): `{url}`")]
    Forbidden {
        /// The address asked.
        url: String,
        /// Which API.
        api: Api,
    },
    /// What was asked for is not there.
    #[error("not there (status 404): `{url}`")]
    Missing {
        /// The address asked.
        url: String,
    },
    /// The server understood the request and will not have it: the two disagree on the API.
    #[error("Airflow rejects the request (status {status}, {detail}): `{url}`")]
    Rejected {
        /// The address asked.
        url: String,
        /// 4xx.
        status: u16,
        /// The server's words, shortened.
        detail: String,
    },
    /// The server, or a proxy before it, is in trouble.
    #[error("Airflow is in trouble (status {status}): `{url}`")]
    Trouble {
        /// The address asked.
        url: String,
        /// 5xx.
        status: u16,
    },
    /// The server, or a proxy before it, wants to be asked less often.
    #[error("Airflow is asked too often (status 429{}): `{url}`", after(*wanted))]
    Throttled {
        /// The address asked.
        url: String,
        /// `Retry-After`, if it says so.
        wanted: Option<Duration>,
    },
    /// The answer is not what the API gives: HTML, cut JSON, a field missing.
    #[error("answer of Airflow cannot be read ({problem}): `{url}`")]
    Unreadable {
        /// The address asked.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The answer does not hold as many rows as it says there are.
    #[error("answer of Airflow is incomplete ({rows} of {total} rows): `{url}`")]
    Incomplete {
        /// The address asked.
        url: String,
        /// Rows in the answer.
        rows: usize,
        /// `total_entries`.
        total: usize,
    },
}

/// The two versions of the stable REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `/api/v1`: Airflow 2.
    V1,
    /// `/api/v2`: Airflow 3.
    V2,
}

impl Error {
    /// The setting to look at first, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Url { .. } => "the form is `http://host:port/prefix`; credentials have variables of their own",
            Self::Setting { .. } => "the setting of an instance has the same name without `airflow-`",
            Self::Credential { .. } => {
                "look at the file or the command that gives the credentials; a command is started without a shell"
            }
            Self::NoForm { .. } => {
                "with single sign-on set DAGGUARD_AIRFLOW_CREDENTIAL_COMMAND, or DAGGUARD_AIRFLOW_LOGIN=basic"
            }
            Self::Certificate { .. } => "give the authority's certificate with --airflow-ca-bundle",
            Self::Unreachable { proxied: true, .. } => "look at --airflow-proxy, and server and port of --airflow-url",
            Self::Unreachable { .. } => "look at server and port of --airflow-url, and whether the web server runs",
            Self::TooSlow { .. } | Self::Trouble { .. } => "look at the load and the log of Airflow's web server",
            Self::Throttled { .. } => "look at the limits of the proxy before Airflow's web server",
            Self::BrokenOff { .. } | Self::TooLarge { .. } | Self::Unreadable { .. } => {
                "look at what answers at --airflow-url: a proxy may stand before the API, or cut its answers"
            }
            Self::NotAirflow { .. } => "look at the path of --airflow-url: it is the UI's address without `/home`",
            Self::Redirected { .. } => "give --airflow-url the address that the redirect leads to (https, path prefix)",
            Self::Refused { api: Api::V1, status: 401, .. } => {
                "look at DAGGUARD_AIRFLOW_USERNAME and DAGGUARD_AIRFLOW_PASSWORD, \
                 and whether `[api] auth_backends` of the server has `airflow.api.auth.backend.basic_auth`"
            }
            Self::Refused { api: Api::V1, .. } | Self::Forbidden { api: Api::V1, .. } => {
                "look at DAGGUARD_AIRFLOW_USERNAME and DAGGUARD_AIRFLOW_PASSWORD, whether `[api] auth_backends` of the \
                 server has `airflow.api.auth.backend.basic_auth`, and whether the user has the role Viewer"
            }
            Self::Refused { api: Api::V2, .. } => {
                "look at DAGGUARD_AIRFLOW_USERNAME and DAGGUARD_AIRFLOW_PASSWORD, or DAGGUARD_AIRFLOW_TOKEN"
            }
            Self::Forbidden { api: Api::V2, .. } => {
                "give the user the role Viewer, or `can_read` on DAGs, DAG Runs and Task Instances"
            }
            Self::Client { .. } | Self::Missing { .. } | Self::Rejected { .. } | Self::Incomplete { .. } => {
                return None;
            }
        })
    }

    /// What the HTTP client could not do; `source` comes without its URL.
    pub(super) fn of_transport(access: &Access, url: String, source: reqwest::Error) -> Self {
        // A connection that takes too long is both; the reason is then the server's absence.
        if source.is_connect() {
            let proxied = access.transport.proxy.is_some();
            return if root_cause(&source).contains("certificate") {
                Self::Certificate { url, source }
            } else {
                Self::Unreachable { url, proxied, source }
            };
        }
        if source.is_timeout() {
            return Self::TooSlow { url, limit: access.limits.answer };
        }
        Self::BrokenOff { url, source }
    }

    /// Whether the server gave an answer, if not the one that was wanted.
    pub(super) fn is_an_answer(&self) -> bool {
        matches!(
            self,
            Self::NoForm { .. }
                | Self::Refused { .. }
                | Self::Forbidden { .. }
                | Self::Redirected { .. }
                | Self::NotAirflow { .. }
                | Self::Missing { .. }
                | Self::Rejected { .. }
                | Self::Trouble { .. }
                | Self::Throttled { .. }
                | Self::TooLarge { .. }
        )
    }

    /// Message and hint as one line: what the facts carry as a reason.
    pub(super) fn reason(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }
}

/// The innermost cause: `reqwest` and `hyper` wrap it in words that say nothing.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn after(wanted: Option<Duration>) -> String {
    wanted.map_or_else(String::new, |wanted| format!(", again after {} s", wanted.as_secs()))
}
