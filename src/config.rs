//! What was typed and what the variables say, to validated settings.
//!
//! Invariants: the environment comes in as a map and secrets leave as [`Secret`](crate::secret::Secret); nothing here
//! reads a file, connects, or prints. Every flag has a variable `DAGGUARD_<FLAG>`; what was typed
//! wins over a variable, a variable over the default.

mod arguments;
mod choices;
mod delivery;
mod instances;
mod layout;
mod source;
mod variables;

pub use arguments::{
    Also, Arguments, BootstrapArgument, CacheArguments, CheckArguments, ColourChoice, Command, FailOn, HookArguments,
    HookCommand, InstanceArguments, JudgeArguments, LogFormat, ModelArguments, ModelFormat, OnUnreachableArgument,
    OnceArgument, OutputFormat, PlanArguments, Reported, SchemaName, SkewArgument, SnapshotArguments, StatusArguments,
    StatusFormat, Stored, SyncArguments,
};
pub use choices::{most_past_runs, operator, rules_dir, secrets_backend, tree};
pub use delivery::{DeliveryArguments, DriftArgument, ModeArgument, OrderArgument, airflow_config, airflow_folder};
pub use instances::{ConfigText, InstanceSettings, Login, PasswordKind, instances};
pub use layout::{layout, tree_layout};
pub use source::{SourceArguments, SourceLogin, source_login};
pub use variables::{Environment, nearest_three};

use crate::ids::AirflowVersion;
use crate::rules::{OnUnreachable, Registry};
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// What is wrong with arguments, variables or settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// clap's own words: also `--help` and `--version`, which are no errors.
    #[error("{0}")]
    Usage(#[from] clap::Error),
    /// Nothing was asked for; with clap's help.
    #[error("a command is needed")]
    NoCommand(String),
    /// A variable that looks like one of ours and is none.
    #[error("unknown variable: `{name}`")]
    UnknownVariable {
        /// As it is set.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A value that does not fit; the message names the valid form and never a secret.
    #[error("{0}")]
    Value(String),
    /// `sync` has no source.
    #[error("the git source is missing: set `CONTENT_SYNCER_GIT_REPO_SOURCE`")]
    NoSource,
}

/// Reads what was typed and what the variables say.
///
/// Returns the arguments and warnings (of unknown variables, where those are no errors).
pub fn read(args: Vec<OsString>, environment: &Environment) -> Result<(Arguments, Vec<String>), ConfigError> {
    let command = variables::with_defaults(Arguments::command(), environment);
    let known = variables::known(&command);
    let matches = command.try_get_matches_from(args).map_err(|error| match error.kind() {
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => ConfigError::NoCommand(error.to_string()),
        _ => ConfigError::Usage(error),
    })?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    let mut warnings = Vec::new();
    for (name, nearest) in environment.unknown(&known) {
        if arguments.command.is_strict_about_variables() {
            return Err(ConfigError::UnknownVariable { name, nearest });
        }
        let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        warnings.push(format!("unknown variable, ignored: `{name}`{hint}"));
    }
    Ok((arguments, warnings))
}

/// An Airflow version as it was named on the command line.
pub fn version(text: Option<&str>) -> Result<Option<AirflowVersion>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    AirflowVersion::parse(text)
        .map(Some)
        .ok_or_else(|| ConfigError::Value(format!("`--airflow-version` takes a version like `2.11.2`: `{text}`")))
}

impl JudgeArguments {
    /// The version that was named.
    pub fn version(&self) -> Result<Option<AirflowVersion>, ConfigError> {
        version(self.airflow_version.as_deref())
    }

    /// The rules named by `--select` and `--ignore`, which must exist.
    pub fn check_rule_names(&self, registry: &Registry) -> Result<(), ConfigError> {
        for (flag, names) in [("--select", &self.select), ("--ignore", &self.ignore)] {
            for name in names {
                if registry.get(name).is_none() {
                    let hint =
                        registry.nearest(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    return Err(ConfigError::Value(format!("`{flag}` names no rule: `{name}`{hint}")));
                }
            }
        }
        Ok(())
    }
}

impl From<OnUnreachableArgument> for OnUnreachable {
    fn from(argument: OnUnreachableArgument) -> Self {
        match argument {
            OnUnreachableArgument::Block => Self::Block,
            OnUnreachableArgument::Static => Self::Static,
            OnUnreachableArgument::Fail => Self::Fail,
        }
    }
}

#[cfg(test)]
mod tests;
