//! Which checks the credentials of an instance allow, asked without reading anything that is not
//! needed for the answer: no value, no rows where one can be spared.

use super::Access;
use super::client::Client;
use super::error::{Api, Error};
use super::snapshot::NO_SUCH_DAG;
use crate::ids::{AirflowVersion, InstanceName};
use serde_json::{Value, json};

/// Something that is looked up on an Airflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// DAGs, and whether they exist.
    Dags,
    /// That all DAGs are readable: else what is not listed is not known.
    AllDags,
    /// Runs in flight.
    Runs,
    /// Their task instances.
    TaskInstances,
    /// Keys and types of stored XComs.
    XComs,
    /// Import errors.
    ImportErrors,
    /// That a pool exists.
    Pools,
    /// That a Variable exists.
    Variables,
    /// That a connection exists.
    Connections,
    /// Datasets (Airflow 2) or assets with the DAGs that wait for them.
    Assets,
}

impl Check {
    const ALL: [Self; 10] = [
        Self::Dags,
        Self::AllDags,
        Self::Runs,
        Self::TaskInstances,
        Self::XComs,
        Self::ImportErrors,
        Self::Pools,
        Self::Variables,
        Self::Connections,
        Self::Assets,
    ];

    /// Whether a verdict rests on it.
    pub fn is_needed(self) -> bool {
        matches!(self, Self::Dags | Self::Runs | Self::TaskInstances)
    }

    /// Its name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dags => "DAGs",
            Self::AllDags => "all DAGs",
            Self::Runs => "runs in flight",
            Self::TaskInstances => "task instances",
            Self::XComs => "stored XComs",
            Self::ImportErrors => "import errors",
            Self::Pools => "names of pools",
            Self::Variables => "names of Variables",
            Self::Connections => "names of connections",
            Self::Assets => "datasets and assets",
        }
    }

    /// What a role must hold for it (measured with made-to-measure roles).
    pub fn permission(self) -> &'static str {
        match self {
            Self::Dags => "`can_read` on DAGs (role Viewer)",
            Self::AllDags => "`can_read` on DAGs in place of single DAGs (role Viewer)",
            Self::Runs => "`can_read` on DAG Runs (role Viewer)",
            Self::TaskInstances => "`can_read` on Task Instances (role Viewer)",
            Self::XComs => "`can_read` on XComs (role Viewer)",
            Self::ImportErrors => "`can_read` on ImportError (role Viewer)",
            Self::Pools => "`can_read` on Pools (role Viewer from 2.7 on, before it Op)",
            Self::Variables => "`can_read` on Variables (role Op)",
            Self::Connections => "`can_read` on Connections (role Op)",
            Self::Assets => "`can_read` on Datasets or Assets (role Viewer)",
        }
    }
}

/// Whether the credentials allow a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// The answer says neither; with the reason.
    NotKnown(String),
}

/// What the credentials of one instance allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Its name in the configuration.
    pub name: InstanceName,
    /// Its version, if it said so.
    pub version: Option<AirflowVersion>,
    /// Each check with its answer; or why the instance gave none.
    pub checks: Result<Vec<(Check, Allowed)>, String>,
}

/// Asks one instance.
pub async fn permissions(access: &Access) -> Permissions {
    let mut version = None;
    let limit = access.limits.snapshot;
    let checks = match tokio::time::timeout(limit, ask(access, &mut version)).await {
        Ok(checks) => checks,
        Err(_) => Err(Error::TooSlow { url: access.url.to_string(), limit }),
    };
    Permissions { name: access.name.clone(), version, checks: checks.map_err(|error| error.reason()) }
}

/// Asks all instances, one after the other: a person waits for a few lines.
pub async fn permissions_of_all(accesses: &[Access]) -> Vec<Permissions> {
    let mut all = Vec::with_capacity(accesses.len());
    for access in accesses {
        all.push(permissions(access).await);
    }
    all
}

async fn ask(access: &Access, version: &mut Option<AirflowVersion>) -> Result<Vec<(Check, Allowed)>, Error> {
    let mut client = Client::connect(access).await?;
    *version = client.version;
    let mut answers = Vec::new();
    for check in Check::ALL {
        let allowed = match one(&mut client, check).await {
            // The answer that something is not there is given to those who may know.
            Ok(_) | Err(Error::Missing { .. }) => Allowed::Yes,
            Err(Error::Forbidden { .. }) => Allowed::No,
            // Nobody is let in: a list of refusals would say less.
            Err(error @ Error::Refused { .. }) if answers.is_empty() => return Err(error),
            Err(error) if error.is_an_answer() => Allowed::NotKnown(error.to_string()),
            Err(error) => return Err(error),
        };
        answers.push((check, allowed));
    }
    Ok(answers)
}

/// The smallest question that needs the permission. Variables and connections are asked for by a
/// name that nobody has: a list would hold their values (v1 shows even secret ones).
async fn one(client: &mut Client<'_>, check: Check) -> Result<Value, Error> {
    const LEAST: [(&str, &str); 1] = [("limit", "1")];
    let assets = if client.api == Api::V1 { "datasets" } else { "assets" };
    match check {
        Check::Dags => client.get(&["dags"], &LEAST).await,
        Check::AllDags => client.get(&["dags", NO_SUCH_DAG], &[]).await,
        Check::Runs => {
            let body = json!({ "states": ["running"], "page_limit": 1, "page_offset": 0 });
            client.post(&["dags", "~", "dagRuns", "list"], &body).await
        }
        Check::TaskInstances => {
            // 2.6.2 gives all rows whatever the limit, so it is asked about a DAG without any.
            let body = json!({ "dag_ids": [NO_SUCH_DAG], "page_limit": 1, "page_offset": 0 });
            client.post(&["dags", "~", "dagRuns", "~", "taskInstances", "list"], &body).await
        }
        Check::XComs => client.get(&["dags", "~", "dagRuns", "~", "taskInstances", "~", "xcomEntries"], &LEAST).await,
        Check::ImportErrors => client.get(&["importErrors"], &LEAST).await,
        Check::Pools => client.get(&["pools", NO_SUCH_DAG], &[]).await,
        Check::Variables => client.get(&["variables", NO_SUCH_DAG], &[]).await,
        Check::Connections => client.get(&["connections", NO_SUCH_DAG], &[]).await,
        Check::Assets => client.get(&[assets], &LEAST).await,
    }
}
