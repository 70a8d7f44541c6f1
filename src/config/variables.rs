//! Variables: ours for every flag, and the five of the reference script.

use super::{instances, source};
use clap::{Arg, ArgAction, Command};
use std::collections::{BTreeMap, BTreeSet};

/// The variables of the process, as `main` read them.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets; names are not.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The reference script's variables, by the flag that they set.
const REFERENCE_SCRIPT: [(&str, &str); 5] = [
    ("home", "AIRFLOW_HOME"),
    ("source", "CONTENT_SYNCER_GIT_REPO_SOURCE"),
    ("branch", "CONTENT_SYNCER_GIT_REPO_BRANCH"),
    ("folder", "CONTENT_SYNCER_GIT_REPO_FOLDER"),
    ("interval", "CONTENT_SYNCER_INTERVAL"),
];

impl Environment {
    /// Takes the variables; empty values count as not set.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// `DAGGUARD_*` variables that nothing reads, with the nearest known name.
    ///
    /// Those that Kubernetes makes for a Service named `dagguard` are not ours, and
    /// `DAGGUARD_TEST_*` belongs to the tests.
    pub(super) fn unknown(&self, known: &BTreeSet<String>) -> Vec<(String, Option<String>)> {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        self.0
            .keys()
            .filter(|name| name.starts_with("DAGGUARD_") && !name.starts_with("DAGGUARD_TEST_"))
            .filter(|name| !known.contains(*name) && instances::instance_of(name).is_none() && !is_of_kubernetes(name))
            .map(|name| (name.clone(), nearest(name, &names)))
            .collect()
    }
}

fn is_of_kubernetes(name: &str) -> bool {
    let port = name.split("_PORT").nth(1);
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || port.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
}

/// The name that was probably meant.
pub(super) fn nearest(name: &str, all: &[&str]) -> Option<String> {
    similar::get_close_matches(name, all, 1, 0.7).first().map(|near| (*near).to_string())
}

/// Up to three names that were probably meant, the likeliest first.
pub fn nearest_three(name: &str, all: &[&str]) -> Vec<String> {
    similar::get_close_matches(name, all, 3, 0.5).into_iter().map(ToString::to_string).collect()
}

/// The variable of a flag.
fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !matches!(*long, "help" | "version"))?;
    Some(format!("DAGGUARD_{}", long.to_uppercase().replace('-', "_")))
}

/// All variables that the command and its subcommands read.
pub(super) fn known(command: &Command) -> BTreeSet<String> {
    let outside_of_flags = instances::OF_DEFAULT.iter().chain(&source::OF_SOURCE);
    let mut names: BTreeSet<String> = outside_of_flags.map(ToString::to_string).collect();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        names.extend(command.get_arguments().filter_map(variable));
        open.extend(command.get_subcommands());
    }
    names
}

/// The command with what the variables say as defaults.
pub(super) fn with_defaults(command: Command, environment: &Environment) -> Command {
    let name = command.get_name().to_string();
    let is_sync = matches!(name.as_str(), "sync" | "once" | "plan" | "status");
    let command = command.mut_args(|arg| {
        let ours = variable(&arg).and_then(|name| environment.get(&name));
        let theirs = REFERENCE_SCRIPT
            .iter()
            .find(|(flag, _)| is_sync && arg.get_long() == Some(flag))
            .and_then(|(_, name)| environment.get(name));
        match ours.or(theirs) {
            Some(value) if matches!(arg.get_action(), ArgAction::SetTrue) => {
                let on = matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on");
                arg.default_value(if on { "true" } else { "false" })
            }
            // A default of a required argument would be ignored.
            Some(value) => arg.default_value(value.to_string()).required(false),
            None => arg,
        }
    });
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| with_defaults(sub, environment)))
}
