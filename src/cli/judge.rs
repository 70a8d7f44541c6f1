//! From settings to a judgement: what check, sync and hook do alike.

use super::Failure;
use crate::Comparison;
use crate::airflow::{self, Access, BaseUrl, Credentials, Limits};
use crate::config::{Environment, InstanceSettings, JudgeArguments, Login, SecretSource};
use crate::content::{Layout, Snapshot};
use crate::dag::Models;
use crate::facts::Facts;
use crate::report::Report;
use crate::rules::{OnUnreachable, Policy};
use crate::secret::Secret;
use std::num::NonZero;

/// Applies the flags to a policy.
#[expect(clippy::needless_pass_by_value, reason = "a base is made to be changed")]
pub(super) fn policy(base: Policy, arguments: &JudgeArguments) -> Result<Policy, Failure> {
    arguments.check_rule_names()?;
    Ok(Policy {
        airflow: arguments.version()?.or(base.airflow),
        on_unreachable: arguments.on_unreachable.map_or(base.on_unreachable, OnUnreachable::from),
        strict: arguments.strict || base.strict,
        select: arguments.select.iter().cloned().collect(),
        ignore: arguments.ignore.iter().cloned().collect(),
        ..base
    })
}

/// The layout that two trees share: a content tree, if either has a content folder.
pub(super) fn layout(deployed: &Snapshot, proposed: &Snapshot) -> Layout {
    match (Layout::of(deployed), Layout::of(proposed)) {
        (Layout::Plain, Layout::Plain) => Layout::Plain,
        _ => Layout::Content,
    }
}

/// How each configured Airflow is reached; secret files are read now.
pub(super) fn accesses(
    arguments: &JudgeArguments,
    environment: &Environment,
    limits: Limits,
) -> Result<Vec<Access>, Failure> {
    arguments.instances(environment)?.into_iter().map(|instance| access(instance, limits)).collect()
}

fn access(settings: InstanceSettings, limits: Limits) -> Result<Access, Failure> {
    let credentials = match settings.login {
        Login::None => Credentials::None,
        Login::Password { username, password } => Credentials::Password { username, password: secret(password)? },
        Login::Token(token) => Credentials::Bearer(secret(token)?),
    };
    Ok(Access { name: settings.name, url: BaseUrl::parse(&settings.url)?, credentials, limits })
}

fn secret(source: SecretSource) -> Result<Secret, Failure> {
    match source {
        SecretSource::Value(secret) => Ok(secret),
        SecretSource::File(path) => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(error) => {
                Err(Failure::usage(format!("a credential file cannot be read, {error}: `{}`", path.display())))
            }
        },
    }
}

/// Builds models on two threads where the machine has them: more would starve the Airflow beside.
pub(super) fn models() -> Models {
    Models::new(std::thread::available_parallelism().map_or(1, NonZero::get).min(2))
}

/// Asks what must be known and judges.
pub(super) async fn judge(
    models: &Models,
    deployed: &Snapshot,
    proposed: &Snapshot,
    accesses: &[Access],
    policy: &Policy,
) -> Report {
    let comparison = Comparison::new(models, deployed, proposed, policy);
    let questions = comparison.questions();
    if questions.is_empty() {
        // Nothing to ask: what was not asked is not unknown either.
        let nobody_was_asked = accesses.iter().map(not_asked).collect();
        return comparison.check(&Facts { taken_at: None, instances: nobody_was_asked });
    }
    let facts = airflow::ask_all(accesses, &questions).await;
    comparison.check(&facts)
}

/// An instance of which no DAG is touched.
fn not_asked(access: &Access) -> crate::facts::Instance {
    let mut instance = crate::facts::Instance::unavailable(access.name.clone(), "not asked");
    instance.others = crate::facts::Seen::Unavailable("not asked: the change touches no DAG".to_string());
    instance
}
