//! `dagguard sync`: settings to the loop, and the judge that the loop asks.

use super::{Exit, Failure, judge, runtime};
use crate::airflow::Limits;
use crate::config::{BootstrapArgument, ConfigError, Environment, JudgeArguments, OnceArgument, SyncArguments};
use crate::content::{Layout, Location, Snapshot};
use crate::dag::Models;
use crate::git::{Options, Remote, Source};
use crate::report::{Report, Verdict};
use crate::rules::{Finding, Level, Policy};
use crate::sync::{self, Bootstrap, FirstDelivery, Judge, Judgement, Once, Outcome, Settings};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(arguments: SyncArguments, environment: &Environment) -> Result<Exit, Failure> {
    let mut settings = settings(&arguments, environment)?;
    let (models, memories) = (judge::models(), judge::Memories::default());
    let sidecar =
        Sidecar { arguments: arguments.judge, remote: settings.remote.clone(), environment, models, memories };
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

fn settings(arguments: &SyncArguments, environment: &Environment) -> Result<Settings, Failure> {
    let text = arguments.source.as_deref().ok_or(ConfigError::NoSource)?;
    let source = Source::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
    let from_variable =
        ["DAGGUARD_SOURCE", "CONTENT_SYNCER_GIT_REPO_SOURCE"].iter().any(|name| environment.get(name) == Some(text));
    if source.credentials().is_some() && !from_variable {
        return Err(Failure::usage("a password or token was typed, where every process of the machine can read it")
            .hint("put the URL in the variable `CONTENT_SYNCER_GIT_REPO_SOURCE`"));
    }
    let certificates = match &arguments.ca_bundle {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Failure::usage(format!("the certificates cannot be read, {error}: `{}`", path.display()))
        })?),
    };
    let options = Options { certificates, ssh_command: arguments.ssh_command.clone(), ..Options::default() };
    // The store is a cache; beside the record it is on a volume that is known to be writable.
    let store = arguments.folder.clone().unwrap_or_else(|| arguments.home.join(".dagguard").join("git"));
    let remote =
        Remote::new(source, &arguments.branch, &store, options).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Settings {
        home: arguments.home.clone(),
        remote,
        interval: Duration::from_secs(arguments.interval),
        once: arguments.once.map(|once| Once { strict: once == OnceArgument::Strict }),
        bootstrap: match arguments.bootstrap {
            BootstrapArgument::Deliver => Bootstrap::Deliver,
            BootstrapArgument::Judge => Bootstrap::Judge,
            BootstrapArgument::Wait => Bootstrap::Wait,
        },
        layout: Layout::Content,
        warnings: Vec::new(),
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
    remote: Remote,
    environment: &'a Environment,
    /// What did not change since the last judgement is not evaluated again.
    models: Models,
    /// What the servers showed, which saves calls.
    memories: judge::Memories,
}

impl Judge for Sidecar<'_> {
    async fn judge(&self, deployed: &Snapshot, proposed: &Snapshot, _first: FirstDelivery) -> Judgement {
        let policy = judge::policy(Policy::sync(Layout::Content), &self.arguments);
        let accesses = judge::accesses(&self.arguments, self.environment, Limits::default(), &self.memories);
        let (policy, accesses) = match (policy, accesses) {
            (Ok(policy), Ok(accesses)) => (policy, accesses),
            (Err(failure), _) | (_, Err(failure)) => {
                return Judgement::Hold { reasons: vec![failure.to_string()], undecided: true };
            }
        };
        // What is on disk has no configuration; the commit that it was delivered from has.
        let mut deployed = deployed.clone();
        if let Some((path, file)) = self.remote.configuration(deployed.revision()) {
            deployed.configure(path, file);
        }
        let messages = self.remote.messages(deployed.revision(), proposed.revision());
        let policy = judge::with_trees(policy, &deployed, proposed, &messages);
        let report = judge::judge(&self.models, &deployed, proposed, &accesses, &policy).await;
        judgement(&report)
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
