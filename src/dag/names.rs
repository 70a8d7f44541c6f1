//! What a qualified name means to Airflow.
//!
//! A name is looked up after imports are resolved, so an alias or a re-export makes no
//! difference and a function that merely is called `task` is none.

mod presence;

use super::opaque;
use crate::ids::AirflowVersion;
pub(super) use presence::{exists, offers};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

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

/// [`INERT`], to be looked up.
static INERT_PACKAGES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| INERT.split_whitespace().collect());

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

thread_local! {
    /// What was asked for before: every call asks, and a tree knows few names.
    static KNOWN: RefCell<HashMap<Box<str>, Meaning>> = RefCell::default();
}

/// What the qualified name means.
pub(super) fn meaning(path: &str) -> Meaning {
    /// Names that are remembered at most.
    const MOST: usize = 1 << 12;
    KNOWN.with_borrow_mut(|known| {
        if let Some(meaning) = known.get(path) {
            return *meaning;
        }
        if known.len() >= MOST {
            known.clear();
        }
        *known.entry(path.into()).or_insert_with(|| find_meaning(path))
    })
}

fn find_meaning(path: &str) -> Meaning {
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
            // `BaseOperator.set_downstream(a, b)`
            "set_upstream" | "set_downstream" | "__rshift__" | "__lshift__" => return Meaning::Other,
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
    let top = path.split('.').next().unwrap_or(path);
    // `google.cloud.batch_v1.TaskGroup` is a message of a client, and none of Airflow's groups.
    let known = INERT_PACKAGES.contains(top);
    if last.ends_with("TaskGroup") && starts_upper(last) && !known {
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
    // `operator.irshift(a, b)` is `a >>= b`.
    if top == "operator" {
        return Meaning::Other;
    }
    if crate::python::interpret::is_standard(top) || known || top == "builtins" {
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
    // What Airflow 2.0 had it as, and 2.11 still has.
    if path == "airflow.operators.python.task" {
        return Some("");
    }
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
        "sql" => "_SQLDecoratedOperator".to_owned(),
        "stub" => "_StubOperator".to_owned(),
        "sftp_sensor" => "_DecoratedSFTPSensor".to_owned(),
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

/// The operator that does the same work as a decorator's tasks: a function may be given to the one or wear the other.
pub(super) fn undecorated(operator: &str) -> &str {
    match operator {
        "_PythonDecoratedOperator" => "PythonOperator",
        "_PythonVirtualenvDecoratedOperator" => "PythonVirtualenvOperator",
        "_PythonExternalDecoratedOperator" => "ExternalPythonOperator",
        "_BranchPythonDecoratedOperator" => "BranchPythonOperator",
        "_BranchPythonVirtualenvDecoratedOperator" => "BranchPythonVirtualenvOperator",
        "_BranchExternalPythonDecoratedOperator" => "BranchExternalPythonOperator",
        "_ShortCircuitDecoratedOperator" => "ShortCircuitOperator",
        "DecoratedSensorOperator" => "PythonSensor",
        other => other,
    }
}

/// Whether a version is that release, or a later one.
pub(super) fn at_least(version: AirflowVersion, major: u32, minor: u32) -> bool {
    (version.major, version.minor) >= (major, minor)
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

#[cfg(test)]
mod tests {
    use super::{Meaning, decorated_operator, meaning, task_kind};

    #[test]
    fn a_message_of_a_client_library_is_no_task_group() {
        assert!(meaning("google.cloud.batch_v1.TaskGroup") == Meaning::Inert);
        assert!(meaning("cosmos.DbtTaskGroup") != Meaning::Inert);
        let of_databricks = "airflow.providers.databricks.operators.databricks_workflow.DatabricksWorkflowTaskGroup";
        assert!(meaning(of_databricks) == Meaning::OtherGroup);
    }

    #[test]
    fn the_decorator_of_the_operators_module_makes_tasks_as_that_of_the_decorators_does() {
        assert!(meaning("airflow.operators.python.task") == Meaning::TaskDecorator);
        assert_eq!(task_kind("airflow.operators.python.task"), task_kind("airflow.decorators.task"));
        assert!(meaning("airflow.operators.python.BranchPythonOperator") == Meaning::Operator);
    }

    #[test]
    fn decorators_of_providers_show_as_the_classes_that_these_have() {
        // As the providers that Airflow 3.3.2 takes define them.
        let classes = [
            ("bash", "_BashDecoratedOperator"),
            ("analytics", "_AnalyticsDecoratedOperator"),
            ("kubernetes", "_KubernetesDecoratedOperator"),
            ("kubernetes_cmd", "_KubernetesCmdDecoratedOperator"),
            ("pyspark", "_PySparkDecoratedOperator"),
            ("sensor", "DecoratedSensorOperator"),
            ("sftp_sensor", "_DecoratedSFTPSensor"),
            ("snowpark", "_SnowparkDecoratedOperator"),
            ("sql", "_SQLDecoratedOperator"),
            ("stub", "_StubOperator"),
        ];
        for (kind, class) in classes {
            assert_eq!(decorated_operator(kind), class, "@task.{kind}");
        }
    }
}
