//! Errors of the edges to words, hints and exit codes.

use super::Exit;
use crate::airflow;
use crate::config::ConfigError;
use crate::git::GitError;
use crate::publish::PublishError;
use std::fmt;

/// Why the program could not do what it was asked, for a person.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code: never 0 and never 1.
    pub(super) exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(super) fn incomplete(message: impl Into<String>) -> Self {
        Self::new(Exit::Incomplete, message)
    }

    /// A command about Airflow, and none is configured.
    pub(super) fn no_instance() -> Self {
        Self::usage("no Airflow is configured").hint(
            "set `DAGGUARD_AIRFLOW_URL` and its credentials, or `[instance.NAME]` in a file that `--config` names",
        )
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "dagguard: error: {}", self.message)?;
        self.hints.iter().try_for_each(|hint| writeln!(f, "  hint: {hint}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Usage(usage) => {
                // clap has its own form: the message, the usage and where help is.
                let text = usage.to_string();
                Self::usage(text.trim().trim_start_matches("error: "))
            }
            ConfigError::NoCommand(help) => Self::usage(format!("{error}\n\n{}", help.trim_end())),
            ConfigError::UnknownVariable { nearest, .. } => {
                let failure = Self::usage(error.to_string());
                match nearest {
                    Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
                    None => {
                        failure.hint("unset it, or see `dagguard help` for the flags, each of which has a variable")
                    }
                }
            }
            ConfigError::Value(_) => Self::usage(error.to_string()),
            ConfigError::NoSource => Self::new(Exit::NoSource, error.to_string()).hint(
                "a private repository over https takes a token: https://<user>:<token>@<host>/<group>/<repository>.git",
            ),
        }
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let failure = Self::incomplete(error.to_string());
        match error {
            GitError::UnknownRevision { shallow: true, .. } | GitError::NoMergeBase { shallow: true, .. } => {
                failure.hint("fetch the history: `git fetch --unshallow`; in GitLab CI set `GIT_DEPTH: 0` for the job")
            }
            GitError::UnknownRevision { .. } => failure
                .hint("a revision as git knows it (a branch, a tag, an id, `origin/main`), or an existing directory"),
            GitError::NoRepository { .. } => {
                failure.hint("run it inside of the repository, or name directories: `dir:PATH`")
            }
            GitError::Authentication { .. } => {
                failure.hint("check the token or key: it needs to read this repository (`read_repository` on GitLab)")
            }
            _ => failure,
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let failure = Self::incomplete(error.to_string());
        match error {
            PublishError::NewerState { .. } => {
                failure.hint("use that version or a newer one for this home, or remove the state folder to begin anew")
            }
            PublishError::LinkedRoot { .. } => {
                failure.hint("what is written there would land where the link leads; name another home: AIRFLOW_HOME")
            }
            _ => failure,
        }
    }
}

impl From<airflow::Error> for Failure {
    fn from(error: airflow::Error) -> Self {
        let failure = Self::usage(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
