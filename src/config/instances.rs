//! The Airflow instances: `--airflow-url` with its variables (the instance `default`), and
//! `[instance.NAME]` of the operator's configuration with `DAGGUARD_INSTANCE_<NAME>_…`.
//!
//! A variable wins over the file. A secret is never in the file: the file names where it is.

use super::source::SourceTable;
use super::{ConfigError, Environment, InstanceArguments};
use crate::ids::InstanceName;
use crate::secret::{Secret, SecretSource};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The instance that `--airflow-url` names.
const DEFAULT: &str = "default";

/// One Airflow to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSettings {
    /// Its name in findings.
    pub name: InstanceName,
    /// The base URL of its web server, as typed.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// PEM certificates to trust beside those of the system.
    pub ca_bundle: Option<PathBuf>,
    /// The proxy to go through; its URL may hold a password.
    pub proxy: Option<Secret>,
    /// How long a connection may take.
    pub connect_timeout: Option<Duration>,
    /// How long an answer may take.
    pub answer_timeout: Option<Duration>,
    /// How long all that is asked of it may take.
    pub snapshot_timeout: Option<Duration>,
}

/// How to log in to an Airflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Without credentials.
    None,
    /// User name and password.
    Password {
        /// The user's name; no secret, but it may lie in a file beside the password.
        username: SecretSource,
        /// Where the password comes from.
        password: SecretSource,
        /// What they are used for on Airflow 2.
        kind: PasswordKind,
    },
    /// A bearer token.
    Token(SecretSource),
    /// A program and its arguments, which prints headers or a token.
    Command(Vec<String>),
}

/// What user and password are used for on Airflow 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordKind {
    /// A web session, else basic authentication.
    #[default]
    Auto,
    /// Basic authentication alone.
    Basic,
    /// A web session alone.
    Session,
}

/// A text of the operator's configuration, and what it is called in messages.
#[derive(Clone, Debug)]
pub struct ConfigText {
    /// The file, or the flag.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// The operator's configuration; what is ignored here is read by `choices`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Operator {
    instance: BTreeMap<String, Table>,
    layout: Ignored,
    source: SourceTable,
    levels: Ignored,
    paths: Ignored,
    dags: Ignored,
    policy: Ignored,
    accept: Ignored,
    rules: Ignored,
    backfill: Ignored,
    environment: Ignored,
}

/// What another part reads.
#[derive(Default)]
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// `[instance.NAME]`.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    url: Option<String>,
    username: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    credential_command: Option<Vec<String>>,
    login: Option<PasswordKind>,
    ca_bundle: Option<PathBuf>,
    proxy: Option<String>,
    connect_timeout: Option<f64>,
    answer_timeout: Option<f64>,
    snapshot_timeout: Option<f64>,
}

/// What a variable of an instance ends in, the longer first where one is the end of another.
const PARTS: [&str; 14] = [
    "URL",
    "USERNAME_FILE",
    "USERNAME",
    "PASSWORD_FILE",
    "PASSWORD",
    "TOKEN_FILE",
    "TOKEN",
    "CREDENTIAL_COMMAND",
    "LOGIN",
    "CA_BUNDLE",
    "PROXY",
    "CONNECT_TIMEOUT",
    "ANSWER_TIMEOUT",
    "SNAPSHOT_TIMEOUT",
];

const PREFIX: &str = "DAGGUARD_INSTANCE_";

/// The variables of the instance `default` that are no flags.
pub(super) const OF_DEFAULT: [&str; 11] = [
    "DAGGUARD_AIRFLOW_USERNAME",
    "DAGGUARD_AIRFLOW_USERNAME_FILE",
    "DAGGUARD_AIRFLOW_PASSWORD",
    "DAGGUARD_AIRFLOW_PASSWORD_FILE",
    "DAGGUARD_AIRFLOW_TOKEN",
    "DAGGUARD_AIRFLOW_TOKEN_FILE",
    "DAGGUARD_AIRFLOW_CREDENTIAL_COMMAND",
    "DAGGUARD_AIRFLOW_LOGIN",
    "DAGGUARD_AIRFLOW_CONNECT_TIMEOUT",
    "DAGGUARD_AIRFLOW_ANSWER_TIMEOUT",
    "DAGGUARD_AIRFLOW_SNAPSHOT_TIMEOUT",
];

/// The instance of `DAGGUARD_INSTANCE_<INSTANCE>_<PART>`.
pub(super) fn instance_of(variable: &str) -> Option<&str> {
    let rest = variable.strip_prefix(PREFIX)?;
    PARTS.iter().find_map(|part| {
        rest.strip_suffix(part).and_then(|rest| rest.strip_suffix('_')).filter(|name| !name.is_empty())
    })
}

/// All instances, in the order of their names.
pub fn instances(
    arguments: &InstanceArguments,
    environment: &Environment,
    texts: &[ConfigText],
) -> Result<Vec<InstanceSettings>, ConfigError> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for text in texts {
        for (name, table) in read(text)?.instance {
            check_name(&name, &text.name)?;
            tables.insert(name, table);
        }
    }
    for variable in environment.names() {
        let Some(part) = instance_of(variable) else { continue };
        if !tables.keys().any(|name| in_variables(name) == part) {
            tables.insert(part.to_lowercase().replace('_', "-"), Table::default());
        }
    }
    if arguments.airflow_url.is_some() {
        tables.entry(DEFAULT.to_string()).or_default();
    }
    let mut settings = Vec::new();
    for (name, table) in &tables {
        if let Some(other) = tables.keys().find(|other| *other != name && in_variables(other) == in_variables(name)) {
            return Err(ConfigError::Value(format!("two instances share their variables: `{name}` and `{other}`")));
        }
        let mut table = table.clone();
        let mut prefix = format!("{PREFIX}{}_", in_variables(name));
        if name == DEFAULT && arguments.airflow_url.is_some() {
            prefix = "DAGGUARD_AIRFLOW_".to_string();
            table.url.clone_from(&arguments.airflow_url);
            table.ca_bundle = arguments.airflow_ca_bundle.clone().or(table.ca_bundle);
            table.proxy = arguments.airflow_proxy.as_ref().map(|proxy| proxy.expose().to_string()).or(table.proxy);
        }
        settings.push(Named { name, prefix: &prefix, environment }.settings(table)?);
    }
    Ok(settings)
}

fn read(text: &ConfigText) -> Result<Operator, ConfigError> {
    toml::from_str(&text.text).map_err(|error| {
        // toml shows the line, which may hold what should not be there: a password.
        let line = error.span().map(|span| text.text[..span.start.min(text.text.len())].matches('\n').count() + 1);
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let secret =
            ["`password`", "`token`"].iter().any(|key| error.message().contains(&format!("unknown field {key}")));
        let hint = if secret {
            "; a secret does not belong in the file: name a file of its own (`password-file`, `token-file`)"
        } else {
            ""
        };
        let message = error.message().lines().next().unwrap_or_default();
        ConfigError::Value(format!("configuration cannot be read, {message}{hint}: `{}{line}`", text.name))
    })
}

/// `[source]` of the operator's texts, each key as the last one says it.
pub(super) fn source_table(texts: &[ConfigText]) -> Result<SourceTable, ConfigError> {
    texts.iter().try_fold(SourceTable::default(), |before, text| Ok(read(text)?.source.over(before)))
}

fn check_name(name: &str, file: &str) -> Result<(), ConfigError> {
    let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if good {
        return Ok(());
    }
    Err(ConfigError::Value(format!("the name of an instance has letters, digits, `-` and `_`: `{name}` in `{file}`")))
}

fn in_variables(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// One instance with the variables that are its own.
struct Named<'a> {
    name: &'a str,
    prefix: &'a str,
    environment: &'a Environment,
}

impl Named<'_> {
    fn settings(&self, table: Table) -> Result<InstanceSettings, ConfigError> {
        let text = |part: &str, in_file: Option<String>| self.get(part).map(str::to_string).or(in_file);
        // The URL of `default` was typed, or is its variable's already.
        let url = if self.prefix.starts_with(PREFIX) { text("URL", table.url.clone()) } else { table.url.clone() };
        let url = url.ok_or_else(|| {
            ConfigError::Value(format!("an instance has no `url`: `{}`; or set `{}URL`", self.name, self.prefix))
        })?;
        let login = self.login(&table)?;
        Ok(InstanceSettings {
            name: InstanceName::new(self.name),
            url,
            login,
            ca_bundle: self.get("CA_BUNDLE").map(PathBuf::from).or(table.ca_bundle),
            proxy: text("PROXY", table.proxy).map(Secret::new),
            connect_timeout: self.seconds("CONNECT_TIMEOUT", table.connect_timeout)?,
            answer_timeout: self.seconds("ANSWER_TIMEOUT", table.answer_timeout)?,
            snapshot_timeout: self.seconds("SNAPSHOT_TIMEOUT", table.snapshot_timeout)?,
        })
    }

    fn variable(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    fn get(&self, part: &str) -> Option<&str> {
        self.environment.get(&self.variable(part))
    }

    fn login(&self, table: &Table) -> Result<Login, ConfigError> {
        let in_file = |path: &Option<PathBuf>| path.clone().map(SecretSource::File);
        let token = self.secret("TOKEN")?.or(in_file(&table.token_file));
        let password = self.secret("PASSWORD")?.or(in_file(&table.password_file));
        let in_table = table.username.clone().map(|name| SecretSource::Value(Secret::new(name)));
        let username = self.secret("USERNAME")?.or(in_table);
        let command = match self.get("CREDENTIAL_COMMAND") {
            Some(text) => Some(argv(text).ok_or_else(|| {
                let variable = self.variable("CREDENTIAL_COMMAND");
                ConfigError::Value(format!("a command is words, or a JSON list of texts: `{variable}`"))
            })?),
            None => table.credential_command.clone(),
        };
        if command.as_ref().is_some_and(|argv| argv.first().is_none_or(String::is_empty)) {
            return Err(ConfigError::Value(format!(
                "the credential command names no program: instance `{}`",
                self.name
            )));
        }
        let kind = self.kind(table)?;
        let names = |parts: &[&str]| {
            parts.iter().map(|part| format!("`{}`", self.variable(part))).collect::<Vec<_>>().join(" and ")
        };
        let given = [command.is_some(), token.is_some(), username.is_some() || password.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(ConfigError::Value(format!(
                "more than one log-in is set for `{}`, a token, a password or a command: choose {}, or {}, or {}",
                self.name,
                names(&["TOKEN"]),
                names(&["USERNAME", "PASSWORD"]),
                names(&["CREDENTIAL_COMMAND"])
            )));
        }
        match (command, token, username, password) {
            (Some(argv), ..) => Ok(Login::Command(argv)),
            (_, Some(token), ..) => Ok(Login::Token(token)),
            (_, _, Some(username), Some(password)) => Ok(Login::Password { username, password, kind }),
            (_, _, None, None) => Ok(Login::None),
            (_, _, Some(_), None) => Err(ConfigError::Value(format!(
                "{} is set without {} (or …_FILE)",
                names(&["USERNAME"]),
                names(&["PASSWORD"])
            ))),
            (_, _, None, Some(_)) => {
                Err(ConfigError::Value(format!("{} is set without {}", names(&["PASSWORD"]), names(&["USERNAME"]))))
            }
        }
    }

    fn kind(&self, table: &Table) -> Result<PasswordKind, ConfigError> {
        match self.get("LOGIN") {
            None => Ok(table.login.unwrap_or_default()),
            Some("auto") => Ok(PasswordKind::Auto),
            Some("basic") => Ok(PasswordKind::Basic),
            Some("session") => Ok(PasswordKind::Session),
            Some(other) => {
                let variable = self.variable("LOGIN");
                Err(ConfigError::Value(format!("`{variable}` is auto, basic or session: `{other}`")))
            }
        }
    }

    fn secret(&self, part: &str) -> Result<Option<SecretSource>, ConfigError> {
        let file = format!("{part}_FILE");
        match (self.get(part), self.get(&file)) {
            (Some(_), Some(_)) => Err(ConfigError::Value(format!(
                "both are set: `{}` and `{}`",
                self.variable(part),
                self.variable(&file)
            ))),
            (Some(value), None) => Ok(Some(SecretSource::Value(Secret::new(value)))),
            (None, Some(path)) => Ok(Some(SecretSource::File(PathBuf::from(path)))),
            (None, None) => Ok(None),
        }
    }

    fn seconds(&self, part: &str, in_file: Option<f64>) -> Result<Option<Duration>, ConfigError> {
        let wrong = || ConfigError::Value(format!("`{}` is a number of seconds above 0", self.variable(part)));
        let seconds = match self.get(part) {
            Some(text) => Some(text.trim().parse().map_err(|_| wrong())?),
            None => in_file,
        };
        let day = 24.0 * 60.0 * 60.0;
        match seconds {
            None => Ok(None),
            Some(seconds) if seconds > 0.0 && seconds <= day => Ok(Some(Duration::from_secs_f64(seconds))),
            Some(_) => Err(wrong()),
        }
    }
}

/// A command of a variable: a JSON list of texts, or words. No shell reads it, so there are no
/// quotes and no expansions.
pub(super) fn argv(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split_whitespace().map(str::to_string).collect())
}

#[cfg(test)]
mod tests;
