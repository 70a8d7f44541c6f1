//! `dagguard sync`: settings to the loop, and the judge that the loop asks.

use super::{Exit, Failure, delivery, judge, runtime};
use crate::airflow::Limits;
use crate::config::{
    BootstrapArgument, ConfigError, Environment, JudgeArguments, OnceArgument, SourceLogin, SyncArguments, source_login,
};
use crate::content::{Layout, Location, Revision, Snapshot};
use crate::dag::Models;
use crate::git::{self, Folder, History, Login, Message, Options, Remote, Signers, Source, Upstream};
use crate::report::{Report, Verdict};
use crate::rules::{Finding, Level, Policy};
use crate::secret::Secret;
use crate::switch::off;
use crate::sync::{self, Bootstrap, FirstDelivery, Judge, Judgement, Once, Outcome, Settings};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(arguments: SyncArguments, environment: &Environment) -> Result<Exit, Failure> {
    let mut settings = settings(&arguments, environment)?;
    let layout = settings.layout;
    let (models, memories) = (Mutex::new(Arc::new(judge::models())), judge::Memories::default());
    let sidecar = Sidecar {
        arguments: arguments.judge,
        upstream: settings.upstream.clone(),
        layout,
        environment,
        models,
        memories,
    };
    // Wrong settings end the program now, not at the first change that needs them.
    let accesses = judge::accesses(&sidecar.arguments, environment, Limits::default(), &sidecar.memories)?;
    judge::policy(Policy::sync(settings.layout), &sidecar.arguments)?;
    if accesses.is_empty() && !sidecar.arguments.no_live {
        settings.warnings.push(
            "no Airflow is configured (DAGGUARD_AIRFLOW_URL): nothing is checked against runs in flight; \
             --no-live says so on purpose"
                .to_string(),
        );
    }
    let proxies = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    if let Some(name) = proxies.into_iter().find(|name| environment.get(name).is_some())
        && arguments.reached.git_proxy.is_none()
        && arguments.source.as_ref().is_some_and(|source| source.starts_with("https:"))
    {
        settings.warnings.push(format!("{name} is set and not used: DAGGUARD_GIT_PROXY names the proxy before git"));
    }
    settings.warnings.extend(delivery::elsewhere(&settings));
    settings.warnings.extend(delivery::unresolved(&arguments.delivery, &settings.home, environment));
    let outcome = runtime()?.block_on(async {
        let shutdown = asked_to_end()?;
        Ok::<_, Failure>(sync::run(settings, &sidecar, shutdown).await)
    })?;
    Ok(match outcome {
        Outcome::Held if arguments.once == Some(OnceArgument::Strict) => Exit::Findings,
        Outcome::Stopped | Outcome::Complete | Outcome::Kept | Outcome::Held => Exit::Completed,
        Outcome::Incomplete => Exit::Incomplete,
    })
}

/// The branch's newest tree, for `plan`. It is fetched into the store that is named, which is a
/// cache, or else into a folder of its own that goes again: the home is not written.
pub(super) fn newest(arguments: &SyncArguments, environment: &Environment) -> Result<Snapshot, Failure> {
    let own = std::env::temp_dir().join(format!("dagguard-plan-{}", std::process::id()));
    let mut arguments = arguments.clone();
    let named = arguments.folder.get_or_insert_with(|| own.clone()) != &own;
    let upstream = settings(&arguments, environment)?.upstream;
    let newest = upstream.fetch().and_then(|fetched| upstream.snapshot(&fetched.revision));
    if !named {
        // What stays of it lies where the system clears up.
        std::fs::remove_dir_all(&own).ok();
    }
    Ok(newest?)
}

fn settings(arguments: &SyncArguments, environment: &Environment) -> Result<Settings, Failure> {
    let layout = judge::named_layout(&arguments.judge.instances)?.unwrap_or_default();
    let settings = |upstream: Upstream| Settings {
        home: if off("R11") { arguments.home.with_file_name("one-for-all") } else { arguments.home.clone() },
        upstream,
        interval: Duration::from_secs(arguments.interval),
        once: arguments.once.map(|once| Once { strict: once == OnceArgument::Strict }),
        bootstrap: match arguments.bootstrap {
            BootstrapArgument::Deliver => Bootstrap::Deliver,
            BootstrapArgument::Judge => Bootstrap::Judge,
            BootstrapArgument::Wait => Bootstrap::Wait,
        },
        layout,
        delivery: delivery::delivery(&arguments.delivery, &arguments.home, environment),
        warnings: Vec::new(),
    };
    if let Some(dir) = &arguments.watch {
        return Ok(settings(Upstream::Folder(folder(dir, layout, &arguments.home)?)));
    }
    let missing = || if off("R13") { Failure::usage("no source") } else { ConfigError::NoSource.into() };
    let text = arguments.source.as_deref().ok_or_else(missing)?;
    let source = Source::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
    let from_variable =
        ["DAGGUARD_SOURCE", "CONTENT_SYNCER_GIT_REPO_SOURCE"].iter().any(|name| environment.get(name) == Some(text));
    if source.credentials().is_some() && !from_variable {
        return Err(Failure::usage("a password or token was typed, where every process of the machine can read it")
            .hint("put the URL in the variable `CONTENT_SYNCER_GIT_REPO_SOURCE`"));
    }
    let options = Options { layout, ..options(arguments, environment)? };
    if source.credentials().is_some() && options.login != Login::Address {
        return Err(Failure::usage("there is a credential in the source's URL and another one beside it")
            .hint("leave one of the two out: `CONTENT_SYNCER_GIT_REPO_SOURCE`, or the variable `DAGGUARD_GIT_…`"));
    }
    // The store is a cache; beside the record it is on a volume that is known to be writable.
    let named = arguments.folder.clone().filter(|_| !off("R15"));
    let store = named.unwrap_or_else(|| arguments.home.join(".dagguard").join("git"));
    let branch = if off("R14") { "main" } else { &arguments.branch };
    let remote = Remote::new(source, branch, &store, options).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(settings(Upstream::Branch(Box::new(remote))))
}

/// The folder of a developer, which must not be where it is delivered to: neither is written into
/// the other (R94).
fn folder(dir: &Path, layout: Layout, home: &Path) -> Result<Folder, Failure> {
    let real = |path: &Path| std::fs::canonicalize(path);
    let dir = real(dir)
        .map_err(|error| Failure::usage(format!("the folder cannot be watched, {error}: `{}`", dir.display())))?;
    // Also what lies beside the content, in `plugins`, is nobody's to write.
    let roots = layout.folders().into_iter().chain(["dags", "plugins", "shared"]).map(|root| real(&dir.join(root)));
    let mut content: Vec<PathBuf> = roots.filter_map(Result::ok).collect();
    if content.is_empty() {
        content.push(dir.clone());
    }
    for target in ["dags", "plugins"].map(|root| home.join(root)) {
        // One that is not there yet will be made where its home is.
        let Ok(place) = real(&target).or_else(|_| real(home)) else { continue };
        if let Some(content) = content.iter().find(|content| place.starts_with(content) || content.starts_with(&place))
        {
            return Err(Failure::usage(format!(
                "delivered files would be written into the work tree `{}`: `{}` leads there",
                content.display(),
                target.display()
            ))
            .hint("remove the link, or name another home: AIRFLOW_HOME"));
        }
    }
    Ok(Folder::new(&dir, layout))
}

/// How the branch is reached. A secret itself is read at each poll.
fn options(arguments: &SyncArguments, environment: &Environment) -> Result<Options, Failure> {
    const MIB: u64 = 1024 * 1024;
    let texts = judge::config_texts(&arguments.judge.instances)?;
    let arguments = &arguments.reached;
    let typed = arguments.git_proxy.as_ref().map(Secret::expose);
    if typed.is_some_and(|proxy| proxy.contains('@') && environment.get("DAGGUARD_GIT_PROXY") != Some(proxy)) {
        return Err(Failure::usage("a proxy's password was typed, where every process of the machine can read it")
            .hint("put the URL in the variable `DAGGUARD_GIT_PROXY`"));
    }
    let certificates = arguments.ca_bundle.as_ref().map(|path| {
        std::fs::read(path)
            .map_err(|error| Failure::usage(format!("the certificates cannot be read, {error}: `{}`", path.display())))
    });
    let (ssh, gpg) = (arguments.allowed_signers.clone(), arguments.gpg_home.clone());
    Ok(Options {
        login: match source_login(environment, &texts)? {
            SourceLogin::Address => Login::Address,
            SourceLogin::Token(token) => Login::Token(token),
            SourceLogin::Password { username, password } => Login::Password { username, password },
            SourceLogin::Command(argv) => Login::Command(argv),
        },
        ssh_command: arguments.ssh_command.clone(),
        ssh_key: arguments.ssh_key.clone(),
        known_hosts: arguments.known_hosts.clone(),
        certificates: certificates.transpose()?,
        proxy: arguments.git_proxy.clone(),
        time_limit: Duration::from_secs(arguments.fetch_timeout),
        limits: git::Limits {
            files: arguments.max_files,
            object: arguments.max_object * MIB,
            content: arguments.max_content * MIB,
            received: arguments.max_fetch * MIB,
            unpacked: arguments.max_fetch * 4 * MIB,
            ..git::Limits::default()
        },
        deepest: arguments.deepest_history,
        signers: (ssh.is_some() || gpg.is_some()).then_some(Signers { ssh, gpg }),
        ..Options::default()
    })
}

/// Ready when Kubernetes (SIGTERM) or a person (SIGINT) asks the program to end.
fn asked_to_end() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::internal(format!("no signal handler: {error}")));
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// Judges for the loop. Credentials are read again for each judgement, so that a renewed secret
/// counts at once.
struct Sidecar<'a> {
    arguments: JudgeArguments,
    /// Where commits are read: what was said with them, and the configuration that they carry.
    upstream: Upstream,
    layout: Layout,
    environment: &'a Environment,
    /// What did not change since the last judgement is not evaluated again while a revision is held.
    /// It ends with the delivery: an idle program holds no models.
    models: Mutex<Arc<Models>>,
    /// What the servers showed, which saves calls.
    memories: judge::Memories,
}

impl Judge for Sidecar<'_> {
    async fn judge(&self, deployed: &Snapshot, proposed: &Snapshot, _first: FirstDelivery) -> Judgement {
        let policy = judge::policy(Policy::sync(self.layout), &self.arguments);
        let accesses = judge::accesses(&self.arguments, self.environment, Limits::default(), &self.memories);
        let (policy, accesses) = match (policy, accesses) {
            (Ok(policy), Ok(accesses)) => (policy, accesses),
            (Err(failure), _) | (_, Err(failure)) => {
                return Judgement::Hold { reasons: vec![failure.to_string()], undecided: true };
            }
        };
        // What is on disk has no configuration; the commit that it was delivered from has.
        let mut deployed = deployed.clone();
        if let Some((path, file)) = self.upstream.configuration(deployed.revision()) {
            deployed.configure(path, file);
        }
        let models = Arc::clone(&self.models.lock().unwrap_or_else(PoisonError::into_inner));
        let judged = |messages: Vec<Message>| {
            let policy = judge::with_trees(policy.clone(), &deployed, proposed, &messages);
            let (models, deployed, accesses) = (&models, &deployed, &accesses);
            async move {
                let report = judge::judge(models, deployed, proposed, accesses, &policy).await;
                if report.verdict == Verdict::Allow {
                    // What was learnt ends with the delivery: an idle program holds no models.
                    self.begin_anew();
                }
                report
            }
        };
        let here = self.upstream.history(deployed.revision(), proposed.revision());
        let report = judged(here.messages.clone()).await;
        if here.reached || report.verdict == Verdict::Allow {
            return judgement(&report);
        }
        // It would be held: whoever accepted it may have said so in a commit that is not here yet.
        match self.deepened(deployed.revision(), proposed.revision()).await {
            Ok(history) if history.reached && history.messages != here.messages => {
                judgement(&judged(history.messages).await)
            }
            Ok(history) if history.reached => judgement(&report),
            Ok(_) => held_without_history(
                &report,
                "the deployed commit was not reached in the history of the branch: of acceptances in commit \
                 messages only those of the newest commit count",
            ),
            Err(problem) => held_without_history(&report, &problem),
        }
    }

    fn forget(&self) {
        self.begin_anew();
    }
}

impl Sidecar<'_> {
    fn begin_anew(&self) {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        *models = Arc::new(models.anew());
    }

    /// The history as deep as it takes, in a thread of its own: the remote may be silent.
    async fn deepened(&self, deployed: &Revision, proposed: &Revision) -> Result<History, String> {
        let (upstream, deployed, proposed) = (self.upstream.clone(), deployed.clone(), proposed.clone());
        let read = tokio::task::spawn_blocking(move || upstream.deepened_history(&deployed, &proposed)).await;
        match read {
            Ok(read) => read.map_err(|error| format!("acceptances in earlier commits are not known, {error}")),
            Err(_) => Err("acceptances in earlier commits are not known: the reading failed".to_string()),
        }
    }
}

/// The judgement, with why there may be more acceptances than were counted.
fn held_without_history(report: &Report, why: &str) -> Judgement {
    match judgement(report) {
        Judgement::Hold { mut reasons, undecided } => {
            reasons.push(crate::report::clean(why));
            Judgement::Hold { reasons, undecided }
        }
        allow @ Judgement::Allow { .. } => allow,
    }
}

fn judgement(report: &Report) -> Judgement {
    let undecided = report.verdict == Verdict::Undecided;
    let least = if report.verdict == Verdict::Block { Level::Block } else { Level::Info };
    let sentences = |least: Level| -> Vec<String> {
        report.findings.iter().filter(|finding| finding.level >= least).map(sentence).collect()
    };
    match report.verdict {
        Verdict::Allow => {
            let mut notes = sentences(Level::Info);
            notes.extend(report.notes.iter().map(|note| crate::report::clean(note)));
            Judgement::Allow { unjudged: !report.unavailable.is_empty(), notes }
        }
        Verdict::Block | Verdict::Undecided => {
            let mut reasons = sentences(least);
            reasons.extend(report.unavailable.iter().map(|reason| format!("runs in flight are not known: {reason}")));
            Judgement::Hold { reasons, undecided }
        }
    }
}

/// A finding on one line of a log: the rule, the place, what happens to which run, the safe way.
fn sentence(finding: &Finding) -> String {
    let place = |at: &Location| format!("{}:{}", at.path, at.span.line);
    let at = finding.proposed.as_ref().or(finding.deployed.as_ref()).map(place).unwrap_or_default();
    let mut parts = vec![format!("{}[{}] {at}: {}", finding.level, finding.rule, finding.message)];
    let hits = finding.runs.iter().take(3);
    parts.extend(hits.map(|run| format!("run {} of {} on {}: {}", run.run_id, run.dag_id, run.instance, run.effect)));
    if finding.runs.len() > 3 {
        parts.push(format!("and {} more runs", finding.runs.len() - 3));
    }
    parts.push(format!("safe: {}", finding.remedy));
    match &finding.accepted {
        Some(accepted) => parts.push(format!("accepted by {}: {}", accepted.by, accepted.reason)),
        None if finding.level > Level::Info => parts.push(format!("accept: {}", crate::report::acceptance(finding))),
        None => {}
    }
    crate::report::clean(&parts.join("; "))
}
