//! From settings to a judgement: what check, sync and hook do alike.

use super::Failure;
use crate::Comparison;
use crate::airflow::{self, Access, BaseUrl, CredentialCommand, Credentials, Limits, Memory, PasswordLogin, Transport};
use crate::cache::{self, Cache};
use crate::config::{
    self, CacheArguments, ConfigText, Environment, InstanceArguments, InstanceSettings, JudgeArguments, Login,
    PasswordKind, SkewArgument,
};
use crate::content::{Layout, Snapshot};
use crate::dag::Models;
use crate::facts::{Facts, Questions};
use crate::git::{Message, Repository, Sizes};
use crate::ids::InstanceName;
use crate::report::Report;
use crate::rules::{self, OnUnreachable, Policy, Registry, registry};
use crate::secret::{Secret, SecretSource};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Applies the flags and the operator's configuration to a policy.
pub(super) fn policy(base: Policy, arguments: &JudgeArguments) -> Result<Policy, Failure> {
    let texts = config_texts(&arguments.instances)?;
    let dir = arguments.rules_dir.clone().map_or_else(|| config::rules_dir(&texts), |dir| Ok(Some(dir)))?;
    let rules = dir.map(|dir| rules_of(&dir)).transpose()?.map(Arc::new);
    let registry = rules.as_deref().unwrap_or_else(|| registry());
    arguments.check_rule_names(registry)?;
    Ok(Policy {
        operator: config::operator(&texts, registry)?,
        rules: rules.clone(),
        most_past_runs: config::most_past_runs(&texts)?.unwrap_or(base.most_past_runs),
        secrets_backend: config::secrets_backend(&texts)?.unwrap_or(base.secrets_backend),
        now: Some(jiff::Timestamp::now()),
        airflow: arguments.version()?.or(base.airflow),
        on_unreachable: arguments.on_unreachable.map_or(base.on_unreachable, OnUnreachable::from),
        strict: arguments.strict || base.strict,
        target_python: arguments.target_python.or(base.target_python),
        skew_blocks: arguments.skew == SkewArgument::Block,
        select: arguments.select.iter().cloned().collect(),
        ignore: arguments.ignore.iter().cloned().collect(),
        ..base
    })
}

/// The same for the release that the instances of a snapshot run, where they all run one and no other is named.
pub(super) fn for_version_of(policy: Policy, facts: &Facts) -> Policy {
    let mut versions = facts.instances.iter().map(|instance| instance.version);
    let first = versions.next().flatten().filter(|first| versions.all(|version| version == Some(*first)));
    Policy { airflow: policy.airflow.or(first), ..policy }
}

/// The same with what both trees and the commits between them say of rules.
pub(super) fn with_trees(mut policy: Policy, deployed: &Snapshot, proposed: &Snapshot, messages: &[Message]) -> Policy {
    policy.deployed = config::tree(deployed, policy.registry());
    policy.proposed = config::tree(proposed, policy.registry());
    policy.trailers = messages.iter().flat_map(|message| rules::trailers(&message.commit, &message.text)).collect();
    policy
}

/// The rules of the program and those of the files `*.md` in a folder.
pub(super) fn rules_of(dir: &Path) -> Result<Registry, Failure> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Failure::usage(format!("rules cannot be read, {error}: `{}`", path.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let path = entry.map_err(|error| unreadable(dir, error))?.path();
        if path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("README.md") {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
        }
    }
    files.sort();
    registry().and(&files).map_err(|error| {
        Failure::usage(error.to_string())
            .hint("a rule file has the form of the program's own, which `dagguard rule ID --whole` shows")
    })
}

/// The layout that two trees share: a content tree, if either has a content folder.
pub(super) fn layout(deployed: &Snapshot, proposed: &Snapshot) -> Layout {
    match (Layout::of(deployed), Layout::of(proposed)) {
        (Layout::Plain, Layout::Plain) => Layout::Plain,
        _ => Layout::Content,
    }
}

/// What the servers of earlier passes showed, by the names of the instances.
#[derive(Default)]
pub(super) struct Memories(Mutex<BTreeMap<InstanceName, Memory>>);

impl Memories {
    fn of(&self, name: &InstanceName) -> Memory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone()
    }
}

/// How each Airflow is reached that a judgement asks; secret files are looked at now.
pub(super) fn accesses(
    arguments: &JudgeArguments,
    environment: &Environment,
    limits: Limits,
    memories: &Memories,
) -> Result<Vec<Access>, Failure> {
    if arguments.no_live {
        return Ok(Vec::new());
    }
    accesses_of(&arguments.instances, environment, limits, memories)
}

/// How each configured Airflow is reached.
pub(super) fn accesses_of(
    arguments: &InstanceArguments,
    environment: &Environment,
    limits: Limits,
    memories: &Memories,
) -> Result<Vec<Access>, Failure> {
    let typed = arguments.airflow_proxy.as_ref().map(Secret::expose);
    if typed.is_some_and(|proxy| proxy.contains('@') && environment.get("DAGGUARD_AIRFLOW_PROXY") != Some(proxy)) {
        return Err(Failure::usage("a proxy's password was typed, where every process of the machine can read it")
            .hint("put the URL in the variable `DAGGUARD_AIRFLOW_PROXY`"));
    }
    let texts = config_texts(arguments)?;
    let instances = config::instances(arguments, environment, &texts)?;
    instances.into_iter().map(|settings| access(settings, limits, memories)).collect()
}

/// The layout that two trees name for those who look at them. One that comes, goes or changes from the one
/// to the other is a question to the operator, for it is he who delivers by it: a tree read by the other's
/// layout may have nothing that could be missed.
pub(super) fn own_layout(deployed: &Snapshot, proposed: &Snapshot) -> Result<Option<Layout>, Failure> {
    let [before, after] = [deployed, proposed].map(config::tree_layout);
    if before == after {
        return Ok(after);
    }
    Err(Failure::usage("the layout is another one in the proposed tree")
        .hint("name the one by which it is delivered: --config FILE with its `[[layout]]`"))
}

/// The layout that the operator names, if he does.
pub(super) fn named_layout(arguments: &InstanceArguments) -> Result<Option<Layout>, Failure> {
    Ok(config::layout(&config_texts(arguments)?)?)
}

pub(super) fn config_texts(arguments: &InstanceArguments) -> Result<Vec<ConfigText>, Failure> {
    arguments.config.iter().map(|named| config_text(named)).collect()
}

/// A file of the operator, or a setting typed as it would stand in one.
fn config_text(named: &str) -> Result<ConfigText, Failure> {
    let path = Path::new(named);
    if named.contains('=') && !path.exists() {
        return Ok(ConfigText { name: "--config".to_string(), text: named.to_string() });
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the configuration cannot be read, {error}: `{named}`")))?;
    Ok(ConfigText { name: named.to_string(), text })
}

fn access(settings: InstanceSettings, limits: Limits, memories: &Memories) -> Result<Access, Failure> {
    let limits = Limits {
        connect: settings.connect_timeout.unwrap_or(limits.connect),
        answer: settings.answer_timeout.unwrap_or(limits.answer),
        snapshot: settings.snapshot_timeout.unwrap_or(limits.snapshot),
        ..limits
    };
    let credentials = match settings.login {
        Login::None => Credentials::None,
        Login::Password { username, password, kind } => Credentials::Password {
            username: secret(&username)?.expose().to_string(),
            password: readable(password)?,
            login: match kind {
                PasswordKind::Auto => PasswordLogin::Auto,
                PasswordKind::Basic => PasswordLogin::Basic,
                PasswordKind::Session => PasswordLogin::Session,
            },
        },
        Login::Token(token) => Credentials::Bearer(readable(token)?),
        Login::Command(argv) => Credentials::Command(CredentialCommand { argv, limit: limits.answer }),
    };
    let certificates = settings.ca_bundle.map(|path| {
        std::fs::read(&path)
            .map_err(|error| Failure::usage(format!("certificates cannot be read, {error}: `{}`", path.display())))
    });
    let memory = memories.of(&settings.name);
    Ok(Access {
        name: settings.name,
        url: BaseUrl::parse(&settings.url)?,
        credentials,
        transport: Transport { certificates: certificates.transpose()?, proxy: settings.proxy },
        limits,
        memory,
    })
}

/// The source, if it can be read now: a path that is wrong ends the program at its start.
fn readable(source: SecretSource) -> Result<SecretSource, Failure> {
    secret(&source)?;
    Ok(source)
}

fn secret(source: &SecretSource) -> Result<Secret, Failure> {
    match source {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(error) => {
                Err(Failure::usage(format!("a credential file cannot be read, {error}: `{}`", path.display())))
            }
        },
    }
}

/// Builds models on two threads where the machine has them: more would starve the Airflow beside.
pub(super) fn models() -> Models {
    Models::new(threads())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(2)
}

/// Where a check keeps what it has learnt, if it does: in the folder that is named, else in the
/// repository to which the working directory belongs.
pub(super) fn cache(arguments: &CacheArguments, directory: &Path, repository: Option<&Repository>) -> Option<Cache> {
    // A build for tests can switch parts of the program off, and would read what it kept with them.
    if arguments.no_cache || cfg!(feature = "switch-off") {
        return None;
    }
    match &arguments.cache_dir {
        Some(folder) => Some(Cache::at(&directory.join(folder))),
        None => Some(Cache::of_repository(repository?.common_dir())),
    }
}

/// Judges with models that find what an earlier run has kept. Where that is damaged, which shows only
/// when it is needed, all is judged once more without it.
pub(super) fn with_kept(
    cache: Option<&Cache>,
    judge: impl Fn(&Models) -> Result<Report, Failure>,
) -> Result<(Report, Models), Failure> {
    if let Some(cache) = cache {
        let models = Models::remembering(threads(), &cache.kept(), cache::build());
        let report = judge(&models);
        if !models.lost() {
            return report.map(|report| (report, models));
        }
        tracing::debug!("what an earlier run has kept is damaged");
    }
    // Nothing is known, and all of it is kept.
    let models = if cache.is_some() { Models::remembering(threads(), &[], cache::build()) } else { models() };
    judge(&models).map(|report| (report, models))
}

/// Keeps what was learnt for the next run.
pub(super) fn keep(cache: Option<&Cache>, models: &Models, sizes: &Sizes) {
    let Some(cache) = cache else { return };
    if let Some(written) = models.to_keep() {
        cache.keep(&written);
    }
    if let Some(bytes) = models.model_to_keep() {
        cache.keep_model(&bytes);
    }
    if let Some(bytes) = sizes.to_keep() {
        cache.keep_sizes(&bytes);
    }
}

/// Asks what must be known and judges, by the release of those who were asked unless another is named.
pub(super) async fn judge(
    models: &Models,
    deployed: &Snapshot,
    proposed: &Snapshot,
    accesses: &[Access],
    policy: &Policy,
) -> Report {
    let unnamed = policy.airflow.is_none() && !deployed.differing(proposed).is_empty();
    // They are asked; that of the last judgement only saves to read the trees twice.
    let likely = models.last_release().filter(|_| unnamed && !accesses.is_empty());
    let guessed = Policy { airflow: policy.airflow.or(likely), ..policy.clone() };
    let comparison = Comparison::new(models, deployed, proposed, &guessed);
    let questions = comparison.questions();
    let facts = answers(accesses, &questions, unnamed).await;
    let known = for_version_of(policy.clone(), &facts);
    if known.airflow == guessed.airflow {
        return comparison.check(&facts);
    }
    // They say which release they run: by its modules and arguments the trees are read now.
    let comparison = Comparison::new(models, deployed, proposed, &known);
    let more = comparison.questions();
    let facts = if more == questions { facts } else { answers(accesses, &more, false).await };
    comparison.check(&facts)
}

/// What all instances say. Where nothing needs to be asked of them it is at most their release: what was
/// not asked is not unknown either.
async fn answers(accesses: &[Access], questions: &Questions, release: bool) -> Facts {
    if !questions.is_empty() || !questions.names.is_empty() {
        return airflow::ask_all(accesses, questions).await;
    }
    let mut facts = Facts { taken_at: None, instances: accesses.iter().map(not_asked).collect() };
    if release {
        let answered = airflow::ask_all(accesses, questions).await;
        for (instance, answered) in facts.instances.iter_mut().zip(answered.instances) {
            instance.version = answered.version;
        }
    }
    facts
}

/// An instance of which no DAG is touched.
fn not_asked(access: &Access) -> crate::facts::Instance {
    let mut instance = crate::facts::Instance::unavailable(access.name.clone(), "not asked");
    instance.others = crate::facts::Seen::Unavailable("not asked: the change touches no DAG".to_string());
    instance
}
