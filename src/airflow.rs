#![expect(clippy::disallowed_methods, reason = "an edge: it reads the clock, and files that hold credentials")]

//! Runs in flight over Airflow's stable REST API: v1 (Airflow 2) and v2 (Airflow 3).
//!
//! Invariants: asking never fails; whatever goes wrong is in the answer, as a reason, and an
//! instance that cannot be read is *unavailable*, never idle. Nothing is ever changed on the
//! server. No secret reaches a URL, a log or a reason. Knows nothing of files in the content,
//! rules or models.
//!
//! What cannot be seen from here: `next_method` of a deferred task (not in the API), runs whose
//! state is neither running nor queued, and anything that begins after the last call.

mod access;
mod client;
mod details;
mod error;
mod existing;
mod file;
mod login;
mod rows;
mod snapshot;
mod url;
mod wire;

#[cfg(test)]
mod tests;

pub use access::{Allowed, Check, Permissions, permissions, permissions_of_all};
pub use error::{Api, Error};
pub use file::{RunsFileError, Values, read_runs, write_runs};
pub use login::{CredentialCommand, Credentials, PasswordLogin};
pub use url::BaseUrl;

use crate::facts::{Facts, Instance, Questions};
use crate::ids::{AirflowVersion, InstanceName};
use crate::secret::Secret;
use client::Client;
use existing::Existing;
use jiff::Timestamp;
use login::Session;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How one instance is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Its name in the configuration.
    pub name: InstanceName,
    /// Its web server (Airflow 2) or API server (Airflow 3).
    pub url: BaseUrl,
    /// Who asks. The role Viewer is enough, or `can_read` on DAGs, DAG Runs and Task Instances.
    pub credentials: Credentials,
    /// The way there.
    pub transport: Transport,
    /// How long it may take.
    pub limits: Limits,
    /// What earlier conversations showed of the server: it saves calls, and decides nothing.
    pub memory: Memory,
}

impl Access {
    /// Access over the usual way with the usual limits.
    pub fn new(name: InstanceName, url: BaseUrl, credentials: Credentials) -> Self {
        let (transport, limits, memory) = (Transport::default(), Limits::default(), Memory::default());
        Self { name, url, credentials, transport, limits, memory }
    }
}

/// The way to an instance.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// Certificates (PEM) that are trusted beside those of the system.
    pub certificates: Option<Vec<u8>>,
    /// A proxy's URL, which may hold a password; without it, what the environment says
    /// (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: Option<Secret>,
}

/// What conversations with one server showed; its clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    api: Option<Api>,
    takes_no_session: bool,
    session: Option<Kept>,
    cost: Cost,
}

/// How a conversation was let in.
#[derive(Debug)]
struct Kept {
    api: Api,
    /// As whom.
    person: Option<(String, Secret)>,
    session: Session,
}

/// What was asked and answered, log-ins and repetitions included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests that were sent.
    pub calls: usize,
    /// Bytes of the answers' bodies.
    pub bytes: usize,
}

impl Memory {
    /// What all conversations cost so far.
    pub fn cost(&self) -> Cost {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cost
    }

    /// How the last conversation of the same person with the same API was let in, for the next one:
    /// Airflow 2 allows five log-ins in 40 seconds to all who ask from one place.
    fn take_session(&self, api: Api, person: Option<&(String, Secret)>) -> Option<Session> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).session.take();
        kept.filter(|kept| kept.api == api && kept.person.as_ref() == person).map(|kept| kept.session)
    }

    fn keep_session(&self, api: Api, person: Option<(String, Secret)>, session: Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).session = Some(Kept { api, person, session });
    }

    fn spent(&self, calls: usize, bytes: usize) {
        let cost = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).cost;
        cost.calls += calls;
        cost.bytes += bytes;
    }

    fn api(&self) -> Option<Api> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).api
    }

    fn found(&self, api: Api) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).api = Some(api);
    }

    fn takes_no_session(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).takes_no_session
    }

    fn refused_session(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).takes_no_session = true;
    }
}

/// How long an instance may take, and how much it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For one answer, to its last byte.
    pub answer: Duration,
    /// For all that is asked of one instance.
    pub snapshot: Duration,
    /// For one answer, in bytes.
    pub body: usize,
    /// Before a server in trouble is asked again; doubled each time.
    pub pause: Duration,
}

impl Default for Limits {
    /// 4,000 task instances were 4.5 MB and about 3 s of a server's time (measured), several
    /// times that on a busy one; the whole of 500 DAGs and 200 runs took 9 calls.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            snapshot: Duration::from_mins(2),
            body: 64 << 20,
            pause: Duration::from_millis(250),
        }
    }
}

/// Asks one instance; never fails: whatever goes wrong is in the answer.
///
/// A DAG asked for is `Known` if the credentials were shown to read it (or to read all DAGs and
/// the server does not know this one), and then its runs in flight are all there. `others` is
/// `Known` only if all DAGs were asked for and the credentials were shown to read them all.
/// Pools, Variables and connections are asked for by name, and only those that are named; what
/// cannot be answered of them is "not checked". So it is with everything in [`Instance::details`].
pub async fn ask(access: &Access, questions: &Questions) -> Instance {
    let mut version = None;
    let limit = access.limits.snapshot;
    let too_slow = || Error::TooSlow { url: access.url.to_string(), limit };
    let answer = match tokio::time::timeout(limit, read(access, questions, &mut version)).await {
        Ok(answer) => answer,
        Err(_) => Err(too_slow()),
    };
    let mut instance = match answer {
        Ok((mut client, found)) => {
            // What a verdict can do without must not cost it what is known by now.
            let names = Existing::ask(&mut client, &questions.names);
            let names = tokio::time::timeout(limit, names).await;
            let names = names.unwrap_or_else(|_| Existing::not_checked(&too_slow().reason()));
            let mut dags = found.dags;
            let mut details = details::not_checked(questions, &dags, &too_slow().reason());
            let asked = details::ask(&mut client, &mut dags, &mut details);
            if tokio::time::timeout(limit, asked).await.is_err() {
                tracing::debug!(url = access.url.to_string(), "not all that was wanted was answered in time");
            }
            details.pool_slots = names.slots;
            client.log_cost();
            client.keep_session();
            Instance {
                name: access.name.clone(),
                version: None,
                dags,
                others: found.others,
                pools: names.pools,
                variables: names.variables,
                connections: names.connections,
                details,
            }
        }
        Err(error) => Instance::unavailable(access.name.clone(), error.reason()),
    };
    instance.version = version;
    instance
}

/// Asks all instances at the same time; the answers are in the order of `accesses`.
pub async fn ask_all(accesses: &[Access], questions: &Questions) -> Facts {
    let taken_at = Some(Timestamp::now());
    let asked: Vec<_> = accesses
        .iter()
        .map(|access| {
            let (access, questions) = (access.clone(), questions.clone());
            (access.name.clone(), tokio::spawn(async move { ask(&access, &questions).await }))
        })
        .collect();
    let mut instances = Vec::with_capacity(asked.len());
    for (name, answer) in asked {
        let failed = |_| Instance::unavailable(name, "internal error while it was asked");
        instances.push(answer.await.unwrap_or_else(failed));
    }
    Facts { taken_at, instances }
}

async fn read<'a>(
    access: &'a Access,
    questions: &Questions,
    version: &mut Option<AirflowVersion>,
) -> Result<(Client<'a>, snapshot::Found), Error> {
    let mut client = Client::connect(access).await?;
    *version = client.version;
    let found = snapshot::read(&mut client, questions).await?;
    Ok((client, found))
}
