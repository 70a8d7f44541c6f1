//! How the branch is reached and what it may cost: flags, and variables for what must not be typed.

use super::instances::{argv, source_table};
use super::{ConfigError, ConfigText, Environment};
use crate::secret::{Secret, SecretSource};
use clap::Args;
use serde::Deserialize;
use std::path::PathBuf;

/// The variables of the source that are no flags: a secret is never typed.
pub(super) const OF_SOURCE: [&str; 7] = [
    "DAGGUARD_GIT_USERNAME",
    "DAGGUARD_GIT_USERNAME_FILE",
    "DAGGUARD_GIT_PASSWORD",
    "DAGGUARD_GIT_PASSWORD_FILE",
    "DAGGUARD_GIT_TOKEN",
    "DAGGUARD_GIT_TOKEN_FILE",
    "DAGGUARD_GIT_CREDENTIAL_COMMAND",
];

/// How the branch is reached and what it may cost.
#[derive(Clone, Debug, Args)]
pub struct SourceArguments {
    /// A file of PEM certificates to trust for https
    #[arg(long, value_name = "PATH")]
    pub ca_bundle: Option<PathBuf>,
    /// HTTP proxy before the repository; a URL with a password goes in the variable
    #[arg(long, value_name = "URL", value_parser = super::arguments::secret, hide_default_value = true)]
    pub git_proxy: Option<Secret>,
    /// The ssh command for ssh sources, with its options
    #[arg(long, value_name = "COMMAND")]
    pub ssh_command: Option<String>,
    /// The private key for ssh sources, and no other one
    #[arg(long, value_name = "PATH")]
    pub ssh_key: Option<PathBuf>,
    /// The file of the hosts that ssh trusts, and no others
    #[arg(long, value_name = "PATH")]
    pub known_hosts: Option<PathBuf>,
    /// Seconds that a whole fetch may take
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..))]
    pub fetch_timeout: u64,
    /// Commits that are looked back at most for what is deployed and for what was accepted on the way
    #[arg(long, value_name = "COMMITS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub deepest_history: u32,
    /// Take only commits signed by an ssh key of this file, in the form of ssh-keygen's allowed signers
    #[arg(long, value_name = "PATH")]
    pub allowed_signers: Option<PathBuf>,
    /// Take only commits signed by a key of this gpg home
    #[arg(long, value_name = "PATH")]
    pub gpg_home: Option<PathBuf>,
    /// Files and folders that the content may have
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    pub max_files: usize,
    /// MiB that one file or other object of the repository may have
    #[arg(long, value_name = "MIB", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub max_object: u64,
    /// MiB that the content may have in all
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub max_content: u64,
    /// MiB that one fetch may receive; unpacked it may have four times as much
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub max_fetch: u64,
}

/// `[source]` of the operator's configuration: where the credential for git is, never what it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct SourceTable {
    username: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    credential_command: Option<Vec<String>>,
}

impl SourceTable {
    /// This one, with what only an earlier one says.
    pub(super) fn over(self, before: Self) -> Self {
        Self {
            username: self.username.or(before.username),
            password_file: self.password_file.or(before.password_file),
            token_file: self.token_file.or(before.token_file),
            credential_command: self.credential_command.or(before.credential_command),
        }
    }
}

/// Where the credential for https comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLogin {
    /// From the address, if it has one.
    Address,
    /// A token.
    Token(SecretSource),
    /// User and password.
    Password {
        /// The user's name.
        username: SecretSource,
        /// The password.
        password: SecretSource,
    },
    /// A program and its arguments.
    Command(Vec<String>),
}

/// What the variables and the operator's texts say of the credential for git; a variable wins.
pub fn source_login(environment: &Environment, texts: &[ConfigText]) -> Result<SourceLogin, ConfigError> {
    let table = source_table(texts)?;
    let wrong = |text: String| Err(ConfigError::Value(text));
    let secret = |part: &str| {
        let (plain, file) = (format!("DAGGUARD_GIT_{part}"), format!("DAGGUARD_GIT_{part}_FILE"));
        match (environment.get(&plain), environment.get(&file)) {
            (Some(_), Some(_)) => Err(ConfigError::Value(format!("both are set: `{plain}` and `{file}`"))),
            (Some(value), None) => Ok(Some(SecretSource::Value(Secret::new(value)))),
            (None, path) => Ok(path.map(|path| SecretSource::File(PathBuf::from(path)))),
        }
    };
    let file = |path: Option<PathBuf>| path.map(SecretSource::File);
    let token = secret("TOKEN")?.or(file(table.token_file));
    let username = secret("USERNAME")?.or(table.username.map(|name| SecretSource::Value(Secret::new(name))));
    let password = secret("PASSWORD")?.or(file(table.password_file));
    let command = match environment.get("DAGGUARD_GIT_CREDENTIAL_COMMAND") {
        None => table.credential_command,
        Some(text) => match argv(text).filter(|argv| argv.first().is_some_and(|program| !program.is_empty())) {
            Some(argv) => Some(argv),
            None => {
                return wrong(
                    "a command is words, or a JSON list of texts: `DAGGUARD_GIT_CREDENTIAL_COMMAND`".to_string(),
                );
            }
        },
    };
    if command.as_ref().is_some_and(|argv| argv.first().is_none_or(String::is_empty)) {
        return wrong("the credential command for git names no program".to_string());
    }
    match (command, token, username, password) {
        (None, None, None, None) => Ok(SourceLogin::Address),
        (Some(argv), None, None, None) => Ok(SourceLogin::Command(argv)),
        (None, Some(token), None, None) => Ok(SourceLogin::Token(token)),
        (None, None, Some(username), Some(password)) => Ok(SourceLogin::Password { username, password }),
        (None, None, ..) => {
            wrong("user and password belong together: `DAGGUARD_GIT_USERNAME` and `DAGGUARD_GIT_PASSWORD`".to_string())
        }
        _ => wrong(
            "more than one credential for git is set: choose `DAGGUARD_GIT_TOKEN`, or `DAGGUARD_GIT_USERNAME` and \
             `DAGGUARD_GIT_PASSWORD`, or `DAGGUARD_GIT_CREDENTIAL_COMMAND`"
                .to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(variables: &[(&str, &str)]) -> Result<SourceLogin, String> {
        let variables = variables.iter().map(|(name, value)| (format!("DAGGUARD_GIT_{name}"), (*value).to_string()));
        source_login(&Environment::new(variables), &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_operators_file_names_where_a_credential_is_and_a_variable_wins() {
        let text = |text: &str| ConfigText { name: "dagguard.toml".to_string(), text: text.to_string() };
        let read = |environment: &[(&str, &str)], texts: &[&str]| {
            let variables = environment.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
            let texts: Vec<ConfigText> = texts.iter().map(|one| text(one)).collect();
            source_login(&Environment::new(variables), &texts).map_err(|error| error.to_string())
        };
        let file = |path: &str| SecretSource::File(PathBuf::from(path));
        let table = "[source]\ntoken-file = \"/a\"\n";
        assert_eq!(read(&[], &[table]), Ok(SourceLogin::Token(file("/a"))));
        assert_eq!(read(&[], &[table, "source.token-file = \"/b\""]), Ok(SourceLogin::Token(file("/b"))));
        assert_eq!(read(&[("DAGGUARD_GIT_TOKEN_FILE", "/c")], &[table]), Ok(SourceLogin::Token(file("/c"))));
        let user = "[source]\nusername = \"bot\"\npassword-file = \"/p\"\n";
        let password = file("/p");
        assert_eq!(read(&[], &[user]), Ok(SourceLogin::Password { username: Secret::new("bot").into(), password }));
        let error = read(&[], &["[source]\ntoken = \"s3cret\"\n"]).unwrap_err();
        assert!(error.contains("a secret does not belong in the file") && !error.contains("s3cret"), "{error}");
        assert!(read(&[], &["[source]\ncredential-command = []\n"]).unwrap_err().contains("names no program"));
    }

    #[test]
    fn one_carrier_is_taken_and_two_are_refused_without_showing_them() {
        let file = |path: &str| SecretSource::File(PathBuf::from(path));
        assert_eq!(login(&[]), Ok(SourceLogin::Address));
        assert_eq!(login(&[("TOKEN_FILE", "/t")]), Ok(SourceLogin::Token(file("/t"))));
        assert_eq!(
            login(&[("USERNAME", "bot"), ("PASSWORD_FILE", "/p")]),
            Ok(SourceLogin::Password { username: Secret::new("bot").into(), password: file("/p") })
        );
        let argv = ["helper", "get"].map(str::to_string).to_vec();
        assert_eq!(login(&[("CREDENTIAL_COMMAND", "helper get")]), Ok(SourceLogin::Command(argv)));
        for (variables, said) in [
            (&[("TOKEN", "s3cret"), ("TOKEN_FILE", "/t")][..], "both are set"),
            (&[("TOKEN", "s3cret"), ("PASSWORD", "s3cret"), ("USERNAME", "bot")], "more than one"),
            (&[("PASSWORD", "s3cret")], "belong together"),
            (&[("USERNAME", "bot")], "belong together"),
            (&[("CREDENTIAL_COMMAND", "[1]")], "a command is words"),
            (&[("CREDENTIAL_COMMAND", "a"), ("TOKEN", "s3cret")], "more than one"),
        ] {
            let error = login(variables).unwrap_err();
            assert!(error.contains(said) && !error.contains("s3cret"), "{error}");
        }
    }
}
