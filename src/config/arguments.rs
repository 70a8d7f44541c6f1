//! The command line.

use super::delivery::DeliveryArguments;
use super::source::SourceArguments;
use crate::secret::Secret;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Delivers Airflow DAGs from a git branch and holds exactly the changes that would break runs in flight.
#[derive(Debug, Parser)]
#[command(name = "dagguard", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "Every flag can be set by a variable: `--airflow-url` by DAGGUARD_AIRFLOW_URL.\n\
    Credentials come from variables alone: DAGGUARD_AIRFLOW_USERNAME, DAGGUARD_AIRFLOW_PASSWORD, DAGGUARD_AIRFLOW_TOKEN,\n\
    each also as …_FILE, or DAGGUARD_AIRFLOW_CREDENTIAL_COMMAND; for git DAGGUARD_GIT_ in place of DAGGUARD_AIRFLOW_.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr (twice: everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only what a person must act upon.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colour the report.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: ColourChoice,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge a change against the runs in flight; changes nothing
    Check(CheckArguments),
    /// Poll the branch, judge, publish in order, hold what is unsafe
    Sync(SyncArguments),
    /// Say what `sync` would do now: files by step, findings, verdict; writes nothing
    Plan(Box<PlanArguments>),
    /// One pass of `sync`, as the reference script's `once`
    #[command(hide = true)]
    Once(SyncArguments),
    /// Git hooks
    Hook(HookArguments),
    /// Print the DAG model of a tree
    Model(ModelArguments),
    /// Print the JSON schema of an output, or of the configuration
    Schema {
        /// Which output
        #[arg(value_enum)]
        name: SchemaName,
    },
    /// Write what is in flight, as a file that `check --runs` reads
    Snapshot(SnapshotArguments),
    /// Say what is deployed and held in a home, or what the credentials of each Airflow allow
    Status(StatusArguments),
    /// Show a rule's page, or the list of rules
    Rule {
        /// The rule's id.
        id: Option<String>,
        /// The whole rule file: the form of one of your own
        #[arg(long, requires = "id")]
        whole: bool,
        /// A folder of rule files of your own, beside those of the program
        #[arg(long, value_name = "PATH")]
        rules_dir: Option<PathBuf>,
    },
}

impl Command {
    /// `check` and the hook refuse an unknown `DAGGUARD_*` variable; others warn of it.
    pub(super) fn is_strict_about_variables(&self) -> bool {
        matches!(self, Self::Check(_) | Self::Hook(_))
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which Airflow instances there are.
#[derive(Clone, Debug, Default, Args)]
pub struct InstanceArguments {
    /// Base URL of the Airflow web server whose runs in flight count
    #[arg(long, value_name = "URL")]
    pub airflow_url: Option<String>,
    /// PEM certificates to trust for it, beside those of the system
    #[arg(long, value_name = "PATH")]
    pub airflow_ca_bundle: Option<PathBuf>,
    /// HTTP proxy before it; a URL with a password goes in the variable
    #[arg(long, value_name = "URL", value_parser = secret, hide_default_value = true)]
    pub airflow_proxy: Option<Secret>,
    /// The operator's configuration: a TOML file, or KEY=VALUE; several instances are [instance.NAME]
    #[arg(long, value_name = "PATH|KEY=VALUE")]
    pub config: Vec<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// What check, sync and hook share.
#[derive(Clone, Debug, Args)]
pub struct JudgeArguments {
    /// Which Airflow instances there are.
    #[command(flatten)]
    pub instances: InstanceArguments,
    /// Airflow version to model where no server says its own
    #[arg(long, value_name = "VERSION")]
    pub airflow_version: Option<String>,
    /// Python that runs the DAGs (`3.10`); without it, what some release compiles is taken
    #[arg(long, value_name = "VERSION", value_parser = python)]
    pub target_python: Option<u32>,
    /// What a fault means that only the moment between two steps of a delivery has
    #[arg(long, value_enum, default_value = "note", value_name = "MEANING")]
    pub skew: SkewArgument,
    /// Do not ask any Airflow
    #[arg(long)]
    pub no_live: bool,
    /// What an unreachable Airflow means (`sync`: block, else static)
    #[arg(long, value_enum, value_name = "MEANING")]
    pub on_unreachable: Option<OnUnreachableArgument>,
    /// Block what the text cannot prove too, when it hits a run in flight
    #[arg(long)]
    pub strict: bool,
    /// Only these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// A folder of rule files of your own, beside those of the program
    #[arg(long, value_name = "PATH")]
    pub rules_dir: Option<PathBuf>,
}

/// The minor number of a Python 3.
fn python(text: &str) -> Result<u32, String> {
    let minor = text.strip_prefix("3.").map(|rest| rest.split('.').next().unwrap_or(rest));
    minor.and_then(|minor| minor.parse().ok()).ok_or_else(|| "a version of Python 3, like `3.10`, is wanted".to_owned())
}

/// What a fault means that lasts for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SkewArgument {
    /// It is noted; it is a warning where a task is about to start.
    Note,
    /// It blocks while runs are in flight.
    Block,
}

/// See `OnUnreachable` of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnUnreachableArgument {
    /// Hold whatever has a finding.
    Block,
    /// Show findings, marked assumed.
    Static,
    /// Decide nothing: exit 3.
    Fail,
}

/// How a report leaves.
#[derive(Clone, Debug, Args)]
pub struct Reported {
    /// Form of the report
    #[arg(long, value_enum, default_value = "full", value_name = "FORMAT")]
    pub output_format: OutputFormat,
    /// Write the report to a file in place of stdout
    #[arg(short, long, value_name = "PATH")]
    pub output_file: Option<PathBuf>,
    /// Exit 1 for findings of this level and above
    #[arg(long, value_enum, default_value = "block", value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// Exit 0 whatever the findings
    #[arg(long)]
    pub exit_zero: bool,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Full,
    /// For programs.
    Json,
}

/// Levels of `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only what must wait.
    Block,
    /// Also what may have to.
    Warn,
    /// Everything.
    Info,
}

/// `dagguard check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// A directory, a git revision, `merge-base:REV`, `git:REV` or `dir:PATH`
    #[arg(default_value = "dir:.", value_name = "PROPOSED")]
    pub proposed: String,
    /// What is deployed: as PROPOSED
    #[arg(long, value_name = "DEPLOYED")]
    pub against: String,
    /// Runs in flight from a snapshot file in place of a server
    #[arg(long, value_name = "FILE")]
    pub runs: Option<PathBuf>,
    /// What the runs are judged by.
    #[command(flatten)]
    pub judge: JudgeArguments,
    /// What is kept for the next check.
    #[command(flatten)]
    pub cache: CacheArguments,
    /// How the report leaves.
    #[command(flatten)]
    pub reported: Reported,
}

/// What a check keeps for the next one.
#[derive(Clone, Debug, Default, Args)]
pub struct CacheArguments {
    /// Read everything anew, and keep nothing for the next time
    #[arg(long)]
    pub no_cache: bool,
    /// Where to keep what is known of files that did not change [default: `dagguard` in the repository's git directory]
    #[arg(long, value_name = "PATH", conflicts_with = "no_cache")]
    pub cache_dir: Option<PathBuf>,
}

/// `dagguard sync`.
#[derive(Clone, Debug, Args)]
pub struct SyncArguments {
    /// Where Airflow looks for `dags` and `plugins` [variable: AIRFLOW_HOME]
    #[arg(long, value_name = "PATH", default_value = "/opt/airflow")]
    pub home: PathBuf,
    /// The git repository; a URL with a password goes in the variable [variable: CONTENT_SYNCER_GIT_REPO_SOURCE]
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// The branch [variable: CONTENT_SYNCER_GIT_REPO_BRANCH]
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub branch: String,
    /// Where fetched objects are kept [variable: CONTENT_SYNCER_GIT_REPO_FOLDER]
    #[arg(long, value_name = "PATH")]
    pub folder: Option<PathBuf>,
    /// Seconds between two polls [variable: CONTENT_SYNCER_INTERVAL]
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub interval: u64,
    /// One pass; `strict`: exit 1 when something is held
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "lenient")]
    pub once: Option<OnceArgument>,
    /// What a first delivery into an empty home does with findings
    #[arg(long, value_enum, default_value = "deliver", value_name = "WHAT")]
    pub bootstrap: BootstrapArgument,
    /// How the home is written.
    #[command(flatten)]
    pub delivery: DeliveryArguments,
    /// How the branch is reached and what it may cost.
    #[command(flatten)]
    pub reached: SourceArguments,
    /// Deliver this folder in place of a branch, at once when a file in it is saved: for a developer's machine
    #[arg(long, value_name = "DIR", conflicts_with = "source")]
    pub watch: Option<PathBuf>,
    /// Form of the log: text on a terminal, else json
    #[arg(long, value_enum, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
    /// What the runs are judged by.
    #[command(flatten)]
    pub judge: JudgeArguments,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `--once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnceArgument {
    /// A hold is exit 0: what is deployed is whole.
    Lenient,
    /// A hold is exit 1.
    Strict,
}

/// `--bootstrap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BootstrapArgument {
    /// Deliver all the same, and say so.
    Deliver,
    /// Hold.
    Judge,
    /// Wait for the Airflow to answer, then judge.
    Wait,
}

/// `dagguard plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArguments {
    /// What would be delivered: as PROPOSED of `check` [default: the branch's newest commit]
    #[arg(value_name = "PROPOSED")]
    pub proposed: Option<String>,
    /// Runs in flight from a snapshot file in place of a server
    #[arg(long, value_name = "FILE")]
    pub runs: Option<PathBuf>,
    /// What `sync` is told.
    #[command(flatten)]
    pub sync: SyncArguments,
    /// How the plan leaves.
    #[command(flatten)]
    pub reported: Reported,
}

/// `dagguard hook`.
#[derive(Clone, Debug, Args)]
pub struct HookArguments {
    /// Which hook.
    #[command(subcommand)]
    pub command: HookCommand,
}

/// The hooks.
#[derive(Clone, Debug, Subcommand)]
pub enum HookCommand {
    /// Judge what a push would deploy; reads git's lines from stdin
    PrePush {
        /// The remote's name, as git passes it
        remote: Option<String>,
        /// The remote's URL, as git passes it
        url: Option<String>,
        /// The branch that is deployed
        #[arg(long, default_value = "main", value_name = "NAME")]
        branch: String,
        /// What the runs are judged by.
        #[command(flatten)]
        judge: Box<JudgeArguments>,
        /// What is kept for the next push.
        #[command(flatten)]
        cache: CacheArguments,
    },
    /// Install the pre-push hook in this repository
    Install {
        /// The branch that is deployed, where it is not `main`
        #[arg(long, value_name = "NAME")]
        branch: Option<String>,
    },
}

/// `dagguard model`.
#[derive(Clone, Debug, Args)]
pub struct ModelArguments {
    /// A content tree, a plain folder of DAG files, or a repository that holds them
    pub root: PathBuf,
    /// Form of the model [default: json; of --explain: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output_format: Option<ModelFormat>,
    /// Say how this DAG's ids, tasks and dependencies came about, and what is not known of it; repeat it for several
    #[arg(long, value_name = "DAG_ID", conflicts_with = "dag")]
    pub explain: Vec<String>,
    /// Write to a file in place of stdout
    #[arg(short, long, value_name = "PATH")]
    pub output_file: Option<PathBuf>,
    /// Only this DAG; repeat it for several
    #[arg(long, value_name = "DAG_ID")]
    pub dag: Vec<String>,
    /// Airflow version to model
    #[arg(long, value_name = "VERSION")]
    pub airflow_version: Option<String>,
}

/// `dagguard snapshot`.
#[derive(Clone, Debug, Args)]
pub struct SnapshotArguments {
    /// Only this DAG; repeat it for several
    #[arg(long, value_name = "DAG_ID")]
    pub dag: Vec<String>,
    /// Look whether this pool exists; repeat it for several
    #[arg(long, value_name = "NAME")]
    pub pool: Vec<String>,
    /// Look whether this Variable exists; its value is not read
    #[arg(long, value_name = "KEY")]
    pub variable: Vec<String>,
    /// Look whether this connection exists; nothing of it is read
    #[arg(long, value_name = "CONN_ID")]
    pub connection: Vec<String>,
    /// Look up more, which a verdict can do without; repeat it for several. Tasks and durations are
    /// those of the DAGs named, or of all with runs in flight
    #[arg(long, value_enum, value_name = "WHAT")]
    pub also: Vec<Also>,
    /// Look up the type of a stored XCom, DAG_ID/TASK_ID or DAG_ID/TASK_ID/KEY; the value is not kept
    #[arg(long, value_name = "XCOM", value_parser = stored)]
    pub xcom: Vec<Stored>,
    /// Describe every DAG (file, pause, next run), however many calls that takes
    #[arg(long)]
    pub describe: bool,
    /// Also write the `conf` of each run, which may hold what others should not see
    #[arg(long)]
    pub values: bool,
    /// Write the snapshot to a file in place of stdout
    #[arg(short, long, value_name = "PATH")]
    pub output_file: Option<PathBuf>,
    /// Which Airflow instances there are.
    #[command(flatten)]
    pub instances: InstanceArguments,
}

/// What `dagguard snapshot` can look up beside the runs in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Also {
    /// The tasks of each DAG as Airflow has them now.
    Tasks,
    /// How long earlier runs took.
    Durations,
    /// Files that could not be loaded.
    ImportErrors,
    /// Datasets or assets, with who updates them and who waits for them.
    Assets,
}

/// A stored XCom, by the names that a person types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The DAG of the producer.
    pub dag_id: String,
    /// The task that stored it.
    pub task_id: String,
    /// Its key.
    pub key: String,
}

fn stored(text: &str) -> Result<Stored, String> {
    let mut parts = text.splitn(3, '/').map(str::to_string);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(dag_id), Some(task_id), key) if !dag_id.is_empty() && !task_id.is_empty() => {
            Ok(Stored { dag_id, task_id, key: key.unwrap_or_else(|| "return_value".to_string()) })
        }
        _ => Err("it is not like etl/extract or etl/extract/return_value".to_string()),
    }
}

/// `dagguard status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArguments {
    /// Which checks the credentials allow, and what each missing one needs
    #[arg(long)]
    pub access: bool,
    /// The Airflow home whose deliveries are told [variable: AIRFLOW_HOME]
    #[arg(long, value_name = "PATH", default_value = "/opt/airflow")]
    pub home: PathBuf,
    /// So many of the last deliveries
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub last: usize,
    /// Form of the answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output_format: StatusFormat,
    /// Which Airflow instances there are.
    #[command(flatten)]
    pub instances: InstanceArguments,
}

/// Forms of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Outputs that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// `dagguard check --output-format json`.
    Report,
    /// `dagguard model`.
    Model,
    /// `dagguard model --explain --output-format json`.
    Explanation,
    /// `dagguard snapshot`, and `check --runs`.
    Snapshot,
    /// `dagguard status --output-format json`.
    Status,
    /// The file that `--config` names.
    Config,
    /// The tree's own `dagguard.toml`.
    TreeConfig,
}

/// Forms of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelFormat {
    /// For programs.
    Json,
    /// A tree for people.
    Text,
    /// A flow chart for Markdown pages.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
}
