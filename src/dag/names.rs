//! What a qualified name means to Airflow.
//!
//! A name is looked up after imports are resolved, so an alias or a re-export makes no
//! difference and a function that merely is called `task` is none.

use super::opaque;
use crate::ids::AirflowVersion;

/// The meaning of a name outside the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Dag,
    DagDecorator,
    TaskGroup,
    /// A group of another library, which may add tasks of its own.
    OtherGroup,
    GroupDecorator,
    /// `@task` or one of its kinds.
    TaskDecorator,
    Setup,
    Teardown,
    Chain,
    ChainLinear,
    CrossDownstream,
    Label,
    XComArg,
    AssetDecorator,
    CurrentContext,
    /// A class that makes a task.
    Operator,
    /// `SomeOperator.partial`.
    OperatorPartial,
    /// A library whose DAGs the text does not hold.
    Opaque,
    /// Nothing that makes structure.
    Inert,
    /// Not known.
    Other,
}

/// Packages whose functions are known to make no DAG structure.
const INERT: &str = " pendulum dateutil pytz yaml requests kubernetes pandas numpy jinja2 sqlalchemy boto3 botocore google azure \
pydantic dotenv toml ruamel croniter packaging certifi attr attrs tenacity rich click jsonschema docker \
psycopg2 pymongo redis slack_sdk snowflake simplejson orjson ujson markdown tests tests_common loguru structlog sentry_sdk \
httpx aiohttp paramiko weaviate pinecone cohere confluent_kafka kafka pymysql mysql MySQLdb cx_Oracle oracledb cryptography jwt \
babel humanize inflection slugify unidecode cachetools decouple environs dynaconf omegaconf marshmallow sqlparse sqlglot tabulate \
prometheus_client statsd opentelemetry ddtrace newrelic wrapt more_itertools toolz git github gitlab jira hvac pycountry holidays \
pyspark databricks tableauserverclient gspread hubspot simple_salesforce twilio sendgrid pysftp zoneinfo polars duckdb pyarrow sklearn matplotlib scipy torch tensorflow openai bs4 lxml six faker typing_extensions ";

impl Meaning {
    /// Its name for [`crate::switch`]; empty for what cannot be switched off.
    pub(super) const fn construct(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::CrossDownstream => "cross_downstream",
            Self::Label => "Label",
            Self::TaskGroup => "TaskGroup",
            Self::GroupDecorator => "task_group",
            _ => "",
        }
    }
}

/// What the qualified name means.
pub(super) fn meaning(path: &str) -> Meaning {
    let canonical = canonical(path);
    let path = canonical.as_ref();
    let Some((_, last)) = path.rsplit_once('.') else { return Meaning::Other };
    let airflow = path.starts_with("airflow.");
    if airflow {
        match last {
            "DAG" => return Meaning::Dag,
            "dag" => return Meaning::DagDecorator,
            "TaskGroup" => return Meaning::TaskGroup,
            "task_group" => return Meaning::GroupDecorator,
            "chain" => return Meaning::Chain,
            "chain_linear" => return Meaning::ChainLinear,
            "cross_downstream" => return Meaning::CrossDownstream,
            "Label" | "EdgeModifier" => return Meaning::Label,
            "XComArg" => return Meaning::XComArg,
            "setup" if is_decorator_module(path) => return Meaning::Setup,
            "teardown" if is_decorator_module(path) => return Meaning::Teardown,
            "asset" | "multi" if path.starts_with("airflow.sdk") => return Meaning::AssetDecorator,
            "get_current_context" => return Meaning::CurrentContext,
            _ => {}
        }
        if task_kind(path).is_some() {
            return Meaning::TaskDecorator;
        }
    }
    if last == "partial" && path.rsplit('.').nth(1).is_some_and(starts_upper) {
        return Meaning::OperatorPartial;
    }
    if opaque::find(path).is_some() {
        return Meaning::Opaque;
    }
    if last.ends_with("TaskGroup") && starts_upper(last) {
        return Meaning::OtherGroup;
    }
    if airflow {
        let operators = path.split('.').any(|part| matches!(part, "operators" | "sensors" | "transfers"));
        let base = matches!(last, "BaseOperator" | "BaseSensorOperator" | "BaseBranchOperator");
        if starts_upper(last) && (base || operators) && is_task_class(last) {
            return Meaning::Operator;
        }
        if provides_tasks(path, last) {
            return Meaning::Other;
        }
        return Meaning::Inert;
    }
    let top = path.split('.').next().unwrap_or(path);
    // `operator.irshift(a, b)` is `a >>= b`.
    if top == "operator" {
        return Meaning::Other;
    }
    if crate::python::interpret::is_standard(top) || INERT.contains(&format!(" {top} ")) || top == "builtins" {
        return Meaning::Inert;
    }
    Meaning::Other
}

/// Whether a function of a provider may make tasks. A class makes none unless its name says so, and
/// neither does a function beside notifiers, hooks, triggers and the like.
fn provides_tasks(path: &str, last: &str) -> bool {
    let of_class = path.rsplit('.').nth(1).is_some_and(starts_upper);
    let aside = |part: &str| {
        matches!(
            part,
            "notifications" | "notifiers" | "hooks" | "triggers" | "links" | "secrets" | "log" | "openlineage" | "fs"
        )
    };
    path.starts_with("airflow.providers.") && !starts_upper(last) && !of_class && !path.split('.').any(aside)
}

/// One name for what several modules re-export.
fn canonical(path: &str) -> std::borrow::Cow<'_, str> {
    match path.strip_prefix("airflow.providers.common.compat.sdk.") {
        Some(rest) => format!("airflow.sdk.{rest}").into(),
        None => path.into(),
    }
}

/// `task`, `task.branch`, … behind a module that holds Airflow's decorators: the kind, empty for
/// the plain one.
pub(super) fn task_kind(path: &str) -> Option<&str> {
    for module in
        ["airflow.decorators.", "airflow.sdk.", "airflow.sdk.definitions.decorators.", "airflow.decorators.base."]
    {
        let Some(rest) = path.strip_prefix(module) else { continue };
        if rest == "task" {
            return Some("");
        }
        if let Some(kind) = rest.strip_prefix("task.")
            && !kind.contains('.')
        {
            return Some(kind);
        }
        if let Some(kind) = rest.rsplit('.').next().and_then(|name| name.strip_suffix("_task"))
            && path.starts_with("airflow.decorators.")
        {
            return Some(if kind == "python" { "" } else { kind });
        }
    }
    None
}

/// The class that a decorator's tasks show as.
pub(super) fn decorated_operator(kind: &str) -> String {
    match kind {
        "" | "python" => "_PythonDecoratedOperator".to_owned(),
        "virtualenv" => "_PythonVirtualenvDecoratedOperator".to_owned(),
        "external_python" => "_PythonExternalDecoratedOperator".to_owned(),
        "branch" => "_BranchPythonDecoratedOperator".to_owned(),
        "branch_virtualenv" => "_BranchPythonVirtualenvDecoratedOperator".to_owned(),
        "branch_external_python" => "_BranchExternalPythonDecoratedOperator".to_owned(),
        "short_circuit" => "_ShortCircuitDecoratedOperator".to_owned(),
        "sensor" => "DecoratedSensorOperator".to_owned(),
        "pyspark" => "_PySparkDecoratedOperator".to_owned(),
        "llm" => "_LLMDecoratedOperator".to_owned(),
        other => {
            let mut name = String::from("_");
            for part in other.split('_') {
                let mut letters = part.chars();
                name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                name.push_str(letters.as_str());
            }
            name.push_str("DecoratedOperator");
            name
        }
    }
}

/// Modules of Airflow that 2.6.2, 2.11.2 and 3.3.2 have (measured), less `airflow.`.
const ALWAYS: &str = " api configuration decorators decorators.base example_dags exceptions hooks hooks.base hooks.filesystem \
hooks.subprocess lineage macros models notifications timetables triggers utils version models.abstractoperator models.baseoperator models.dag models.param \
models.taskmixin models.variable models.xcom_arg notifications.basenotifier operators operators.bash \
operators.branch operators.datetime operators.email operators.empty operators.latest_only operators.python \
operators.smooth operators.trigger_dagrun operators.weekday plugins_manager policies security sensors \
sensors.base sensors.bash sensors.date_time sensors.external_task sensors.filesystem sensors.python \
sensors.time_delta sensors.weekday settings stats timetables.interval timetables.trigger triggers.base \
triggers.temporal utils.dag_cycle_tester utils.dates utils.db utils.decorators utils.edgemodifier \
utils.email utils.file utils.helpers utils.log utils.session utils.setup_teardown utils.state \
utils.task_group utils.timezone utils.trigger_rule utils.types utils.weight_rule ";

/// Packages that Airflow 3 does not have, with what is below them.
const GONE: [&str; 5] =
    ["operators.dummy", "operators.bash_operator", "operators.python_operator", "operators.dummy_operator", "contrib"];

/// Those that 3.3.2 does not have and 2.11.2 has: with which release they went is not held.
const GONE_LATER: [&str; 14] = [
    "operators.subdag",
    "operators.sql",
    "sensors.external_task_sensor",
    "sensors.base_sensor_operator",
    "utils.weekday",
    "utils.module_loading",
    "datasets",
    "models.mappedoperator",
    "hooks.base_hook",
    "hooks.dbapi",
    "kubernetes",
    "compat",
    "lineage.entities",
    "www",
];

/// Whether a module of that name exists in that version (in some, where none is named); `None` if
/// that depends on what is installed.
pub(super) fn exists(module: &str, version: Option<AirflowVersion>) -> Option<bool> {
    if module.starts_with("airflow.providers") {
        return None;
    }
    if module.starts_with("airflow.sdk") {
        return Some(version.is_none_or(|version| version.major >= 3));
    }
    let rest = if module == "airflow" { return Some(true) } else { module.strip_prefix("airflow.")? };
    let of = |names: &str| names.contains(&format!(" {rest} "));
    let below = |all: &[&str]| {
        all.iter().any(|one| rest.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let Some(AirflowVersion { major, minor, .. }) = version else {
        return (of(ALWAYS) || below(&GONE) || below(&GONE_LATER)).then_some(true);
    };
    match (major, rest) {
        (2, _) if below(&["assets", "timetables.assets"]) => Some(false),
        (3.., _) if below(&["assets", "timetables.assets", "io"]) => Some(true),
        (2, _) if below(&["io", "timetables.datasets"]) => match minor {
            ..=6 => Some(false),
            11.. => Some(true),
            _ => None,
        },
        (3.., "timetables.datasets") => Some(false),
        (2, _) if below(&GONE) || below(&GONE_LATER) => Some(true),
        (3.., _) if below(&GONE) => Some(false),
        (3.., _) if below(&GONE_LATER) => (major > 3 || minor >= 3).then_some(false),
        _ => of(ALWAYS).then_some(true),
    }
}

/// Whether a module of Airflow has a name, for those in which the releases differ (measured on
/// 2.6.2, 2.11.2 and 3.3.2); any other name is taken to be there. `None` between two of them.
pub(super) fn offers(path: &str, version: Option<AirflowVersion>) -> Option<bool> {
    let Some(AirflowVersion { major, minor, .. }) = version else { return Some(true) };
    match path {
        "airflow.utils.helpers.chain"
        | "airflow.utils.helpers.cross_downstream"
        | "airflow.utils.dates.days_ago"
        | "airflow.utils.decorators.apply_defaults"
        | "airflow.utils.db.create_session"
        | "airflow.configuration.get"
            if major >= 3 =>
        {
            (major > 3 || minor >= 3).then_some(false)
        }
        "airflow.models.baseoperator.chain_linear"
        | "airflow.operators.python.BranchExternalPythonOperator"
        | "airflow.timetables.trigger.DeltaTriggerTimetable"
        | "airflow.datasets.DatasetAlias"
            if major == 2 && minor < 11 =>
        {
            (minor <= 6).then_some(false)
        }
        _ => Some(true),
    }
}

/// Whether a name is that of a container in which Airflow keeps structure: whoever changes it
/// changes the DAG.
pub(super) fn is_kept_by_airflow(name: &str) -> bool {
    matches!(
        name,
        "upstream_task_ids"
            | "downstream_task_ids"
            | "upstream_group_ids"
            | "downstream_group_ids"
            | "task_dict"
            | "children"
            | "used_group_ids"
            | "task_group_dict"
            | "edge_info"
    )
}

/// Whether replacing an attribute of something outside may change what tasks become: a method or a
/// property of a class of Airflow, or such a class itself.
pub(super) fn shapes_tasks(path: &str, name: &str) -> bool {
    /// Seen in the wild, and of no influence.
    const INERT: [&str; 6] =
        ["ui_color", "ui_fgcolor", "template_ext", "template_fields_renderers", "__doc__", "__module__"];
    let last = path.rsplit('.').next().unwrap_or(path);
    path.starts_with("airflow.") && (starts_upper(last) || starts_upper(name)) && !INERT.contains(&name)
}

/// A method that changes what it is called on.
pub(super) fn is_mutator(name: &str) -> bool {
    matches!(
        name,
        "add"
            | "append"
            | "clear"
            | "difference_update"
            | "discard"
            | "extend"
            | "insert"
            | "intersection_update"
            | "pop"
            | "popitem"
            | "remove"
            | "setdefault"
            | "symmetric_difference_update"
            | "update"
    )
}

fn is_decorator_module(path: &str) -> bool {
    path.starts_with("airflow.decorators.") || path.starts_with("airflow.sdk.")
}

/// Whether a class of an operator module makes tasks, by the naming that all of Airflow keeps.
fn is_task_class(name: &str) -> bool {
    ["Operator", "Sensor", "Async"].iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn starts_upper(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(char::is_uppercase)
}
