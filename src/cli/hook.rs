//! `dagguard hook pre-push` and `hook install`.
//!
//! Pushing the deployed branch delivers, so findings there refuse the push. Pushing any other
//! branch delivers nothing: its findings are shown, compared with where it left the deployed
//! branch, and the push goes on. Nothing here waits for long: a push must not hang.

use super::{Exit, Failure, judge, runtime, stdout};
use crate::airflow::Limits;
use crate::cache::Cache;
use crate::config::{CacheArguments, Environment, HookCommand, JudgeArguments};
use crate::content::{Layout, Revision, Snapshot};
use crate::git::{PrePush, Repository, Sizes, pre_push_lines};
use crate::report::full::{self, Colour};
use crate::report::{Report, Verdict};
use crate::rules::{Level, Policy};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// How long an Airflow may take to answer while somebody waits for a push.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(2),
    answer: Duration::from_secs(5),
    snapshot: Duration::from_secs(8),
    body: 64 << 20,
    pause: Duration::from_millis(250),
};

pub(super) fn run(
    command: HookCommand,
    environment: &Environment,
    directory: &Path,
    colour: Colour,
) -> Result<Exit, Failure> {
    match command {
        HookCommand::Install { branch } => install(directory, branch.as_deref()),
        HookCommand::PrePush { remote, branch, judge, cache, url: _ } => {
            let remote = remote.or_else(|| environment.get("PRE_COMMIT_REMOTE_NAME").map(str::to_string));
            let push = Push { remote: remote.unwrap_or_else(|| "origin".into()), branch, arguments: &judge, cache };
            push.run(&pushes(environment)?, environment, directory, colour)
        }
    }
}

/// What is pushed: git's lines on stdin, or what the pre-commit framework puts in variables.
fn pushes(environment: &Environment) -> Result<Vec<PrePush>, Failure> {
    if let Some(to) = environment.get("PRE_COMMIT_TO_REF") {
        let remote_ref = environment.get("PRE_COMMIT_REMOTE_BRANCH").unwrap_or_default();
        return Ok(vec![PrePush {
            local_ref: environment.get("PRE_COMMIT_LOCAL_BRANCH").unwrap_or_default().to_string(),
            local: Some(Revision::new(to)),
            remote_ref: remote_ref.to_string(),
            remote: environment.get("PRE_COMMIT_FROM_REF").map(Revision::new),
        }]);
    }
    let stdin = io::stdin();
    if io::IsTerminal::is_terminal(&stdin) {
        return Err(Failure::usage("git's pre-push lines are expected on stdin")
            .hint("install it as a hook: `dagguard hook install`"));
    }
    let mut input = String::new();
    stdin
        .lock()
        .read_to_string(&mut input)
        .map_err(|error| Failure::usage(format!("stdin cannot be read: {error}")))?;
    pre_push_lines(&input).map_err(|error| Failure::usage(error.to_string()))
}

struct Push<'a> {
    remote: String,
    branch: String,
    arguments: &'a JudgeArguments,
    cache: CacheArguments,
}

impl Push<'_> {
    fn run(
        &self,
        pushes: &[PrePush],
        environment: &Environment,
        directory: &Path,
        colour: Colour,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Completed;
        let mut repository = None;
        for push in pushes {
            let Some(local) = &push.local else { continue };
            let repository = match &repository {
                Some(open) => open,
                None => repository.insert(Repository::discover(directory)?),
            };
            let deploys = push.remote_ref == format!("refs/heads/{}", self.branch);
            let Some(base) = self.base(repository, push, local, deploys) else {
                note(&format!("`{}`: nothing to compare with, not judged", push.remote_ref))?;
                continue;
            };
            let cache = judge::cache(&self.cache, directory, Some(repository));
            let report = self.judge((repository, cache.as_ref()), &base, local, environment)?;
            if !report.findings.is_empty() || report.verdict != Verdict::Allow {
                let mut text = Vec::new();
                full::write(&report, colour, &mut text).map_err(|error| Failure::internal(error.to_string()))?;
                stdout(&String::from_utf8_lossy(&text))?;
            }
            let refused = match report.verdict {
                Verdict::Undecided => Exit::Incomplete,
                _ if report.worst() == Some(Level::Block) => Exit::Findings,
                _ => continue,
            };
            if deploys {
                exit = refused;
            } else {
                note(&format!(
                    "`{}` is not the deployed branch `{}`: pushed all the same",
                    push.remote_ref, self.branch
                ))?;
            }
        }
        Ok(exit)
    }

    /// What the push would replace: for the deployed branch what the remote has, for any other
    /// where it left the deployed branch.
    fn base(&self, repository: &Repository, push: &PrePush, local: &Revision, deploys: bool) -> Option<Revision> {
        let tracking = format!("refs/remotes/{}/{}", self.remote, self.branch);
        if deploys {
            let known = push.remote.as_ref().filter(|remote| repository.has(remote.as_str())).cloned();
            return known.or_else(|| repository.resolve(&tracking).ok());
        }
        let left = repository.merge_base(&tracking, local.as_str()).ok();
        left.or_else(|| repository.base_of_new_branch(&self.remote, local))
    }

    fn judge(
        &self,
        (repository, cache): (&Repository, Option<&Cache>),
        base: &Revision,
        local: &Revision,
        environment: &Environment,
    ) -> Result<Report, Failure> {
        let mut sizes = cache.map(|cache| Sizes::read(cache.sizes().as_ref())).unwrap_or_default();
        let mut trees = |layout: Layout| -> Result<(Snapshot, Snapshot), Failure> {
            let repository = repository.laid_out(layout);
            let deployed = repository.snapshot_to_ask(base, None, &mut sizes)?;
            let proposed = repository.snapshot_to_ask(local, Some(&deployed), &mut sizes)?;
            Ok((deployed, proposed))
        };
        let named = judge::named_layout(&self.arguments.instances)?;
        let (mut deployed, mut proposed) = trees(named.unwrap_or_default())?;
        let layout = match named {
            Some(layout) => layout,
            None => match judge::own_layout(&deployed, &proposed)? {
                Some(layout) => {
                    (deployed, proposed) = trees(layout)?;
                    layout
                }
                None => judge::layout(&deployed, &proposed),
            },
        };
        let policy = judge::policy(Policy::check(layout), self.arguments)?;
        let messages = repository.messages(base, local);
        let policy = judge::with_trees(policy, &deployed, &proposed, &messages);
        let accesses = judge::accesses(self.arguments, environment, LIMITS, &judge::Memories::default())?;
        let runtime = runtime()?;
        let judged = judge::with_kept(cache, |models| {
            Ok(runtime.block_on(judge::judge(models, &deployed, &proposed, &accesses, &policy)))
        });
        let (report, models) = judged?;
        if let Some(fault) = repository.fault() {
            return Err(fault.into());
        }
        judge::keep(cache, &models, &sizes);
        Ok(report)
    }
}

fn note(text: &str) -> Result<(), Failure> {
    writeln!(io::stderr().lock(), "dagguard: {text}").map_err(|error| Failure::internal(error.to_string()))
}

/// The line by which a hook of ours is known.
const MARK: &str = "# installed by `dagguard hook install`";

fn install(directory: &Path, branch: Option<&str>) -> Result<Exit, Failure> {
    let path = Repository::discover(directory)?.hook_path("pre-push")?;
    let branch = branch.map(|branch| format!(" --branch '{}'", branch.replace('\'', ""))).unwrap_or_default();
    let text = format!("#!/bin/sh\n{MARK}\nexec dagguard hook pre-push{branch} \"$@\"\n");
    match std::fs::read_to_string(&path) {
        Ok(present) if present == text => {
            return stdout(&format!("already installed: {}\n", path.display())).map(|()| Exit::Completed);
        }
        Ok(present) if !present.contains(MARK) => {
            return Err(Failure::usage(format!("there is another pre-push hook: `{}`", path.display()))
                .hint("add this line to it: dagguard hook pre-push \"$@\""));
        }
        _ => {}
    }
    write_executable(&path, &text)
        .map_err(|error| Failure::incomplete(format!("the hook cannot be written, {error}: `{}`", path.display())))?;
    stdout(&format!("installed: {}\n", path.display())).map(|()| Exit::Completed)
}

fn write_executable(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}
