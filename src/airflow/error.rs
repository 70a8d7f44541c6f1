//! What can go wrong between this program and Airflow's REST API, and which setting to look at.

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
    /// No connection could be made: refused, no such name, no route, TLS.
    #[error("no connection to Airflow ({}): `{url}`", root_cause(source))]
    Unreachable {
        /// The address asked.
        url: String,
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
        /// 5xx or 429.
        status: u16,
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
            Self::Unreachable { .. } => "look at server and port of --airflow-url, and whether the web server runs",
            Self::TooSlow { .. } | Self::Trouble { .. } => "look at the load and the log of Airflow's web server",
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
            Self::Client { .. }
            | Self::BrokenOff { .. }
            | Self::TooLarge { .. }
            | Self::Missing { .. }
            | Self::Rejected { .. }
            | Self::Unreadable { .. }
            | Self::Incomplete { .. } => return None,
        })
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
