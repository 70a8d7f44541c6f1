//! The operators that Airflow itself brings: what they need and take, and which of that are
//! templates. Read from the signatures of 2.6.2, 2.11.2 and 3.3.2.

use super::base_argument;
use crate::ids::AirflowVersion;

/// One of Airflow's own operators.
#[derive(Debug)]
pub(in crate::dag) struct Class {
    pub(in crate::dag) name: &'static str,
    /// Arguments without which it is not made, besides `task_id`.
    pub(in crate::dag) required: &'static [&'static str],
    /// Arguments that are templates, in any release.
    templates: &'static [&'static str],
    /// Arguments that it takes in any release, besides those that every operator takes and those of
    /// `of`.
    own: &'static [&'static str],
    of: Family,
}

/// What a class derives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Base,
    Python,
    /// Functions that run in another interpreter.
    Interpreter,
    Sensor,
}

impl Family {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Base => &[],
            Self::Python => PYTHON,
            Self::Interpreter => INTERPRETER,
            Self::Sensor => SENSOR,
        }
    }
}

const PYTHON: &[&str] =
    &["python_callable", "op_args", "op_kwargs", "templates_dict", "templates_exts", "show_return_value_in_logs"];

const INTERPRETER: &[&str] = &[
    "python_callable",
    "op_args",
    "op_kwargs",
    "templates_dict",
    "templates_exts",
    "show_return_value_in_logs",
    "env_vars",
    "expect_airflow",
    "expect_pendulum",
    "index_urls",
    "index_urls_from_connection_ids",
    "inherit_env",
    "pip_install_options",
    "python",
    "python_version",
    "requirements",
    "serializer",
    "skip_on_exit_code",
    "string_args",
    "system_site_packages",
    "use_dill",
    "venv_cache_path",
];

const SENSOR: &[&str] = &[
    "poke_interval",
    "timeout",
    "soft_fail",
    "mode",
    "exponential_backoff",
    "max_wait",
    "silent_fail",
    "never_fail",
    // Of those that can be deferred.
    "deferrable",
    "start_from_trigger",
    "end_from_trigger",
    "trigger_kwargs",
    "poll_interval",
];

/// Arguments that operators took before 3.0 only (2.11.2 takes them, 3.3.2 does not).
const GONE: &[&str] = &[
    "provide_context",
    "skip_exit_code",
    "use_dill",
    "use_task_execution_day",
    "use_task_execution_date",
    "execution_date",
];

const CALLABLE: &[&str] = &["python_callable"];
const FUNCTION: &[&str] = &["templates_dict", "op_args", "op_kwargs"];

const fn class(
    name: &'static str,
    of: Family,
    required: &'static [&'static str],
    own: &'static [&'static str],
    templates: &'static [&'static str],
) -> Class {
    Class { name, required, templates, own, of }
}

const CLASSES: &[Class] = &[
    class("BaseOperator", Family::Base, &[], &[], &[]),
    class("EmptyOperator", Family::Base, &[], &[], &[]),
    class("DummyOperator", Family::Base, &[], &[], &[]),
    class("LatestOnlyOperator", Family::Base, &[], &[], &[]),
    class("BaseBranchOperator", Family::Base, &[], &[], &[]),
    class("BaseSensorOperator", Family::Sensor, &[], &[], &[]),
    class(
        "BashOperator",
        Family::Base,
        &["bash_command"],
        &["bash_command", "env", "append_env", "output_encoding", "output_processor", "skip_on_exit_code", "cwd"],
        &["bash_command", "env", "cwd"],
    ),
    class("PythonOperator", Family::Python, CALLABLE, &[], FUNCTION),
    class("BranchPythonOperator", Family::Python, CALLABLE, &[], FUNCTION),
    class("ShortCircuitOperator", Family::Python, CALLABLE, &["ignore_downstream_trigger_rules"], FUNCTION),
    class(
        "PythonVirtualenvOperator",
        Family::Interpreter,
        CALLABLE,
        &[],
        &["templates_dict", "op_args", "op_kwargs", "requirements", "index_urls", "venv_cache_path"],
    ),
    class(
        "ExternalPythonOperator",
        Family::Interpreter,
        CALLABLE,
        &[],
        &["templates_dict", "op_args", "op_kwargs", "python"],
    ),
    class(
        "TriggerDagRunOperator",
        Family::Base,
        &["trigger_dag_id"],
        &[
            "trigger_dag_id",
            "trigger_run_id",
            "conf",
            "logical_date",
            "run_after",
            "reset_dag_run",
            "wait_for_completion",
            "poke_interval",
            "allowed_states",
            "failed_states",
            "skip_when_already_exists",
            "fail_when_dag_is_paused",
            "deferrable",
            "note",
            "openlineage_inject_parent_info",
        ],
        &[
            "trigger_dag_id",
            "trigger_run_id",
            "execution_date",
            "logical_date",
            "conf",
            "wait_for_completion",
            "skip_when_already_exists",
        ],
    ),
    class(
        "BranchDateTimeOperator",
        Family::Base,
        &["follow_task_ids_if_true", "follow_task_ids_if_false", "target_lower", "target_upper"],
        &[
            "follow_task_ids_if_true",
            "follow_task_ids_if_false",
            "target_lower",
            "target_upper",
            "use_task_logical_date",
        ],
        &[],
    ),
    class(
        "BranchDayOfWeekOperator",
        Family::Base,
        &["follow_task_ids_if_true", "follow_task_ids_if_false", "week_day"],
        &["follow_task_ids_if_true", "follow_task_ids_if_false", "week_day", "use_task_logical_date"],
        &[],
    ),
    class(
        "BashSensor",
        Family::Sensor,
        &["bash_command"],
        &["bash_command", "env", "output_encoding", "retry_exit_code"],
        &["bash_command", "env"],
    ),
    class("DateTimeSensor", Family::Sensor, &["target_time"], &["target_time"], &["target_time"]),
    class("DateTimeSensorAsync", Family::Sensor, &["target_time"], &["target_time"], &["target_time"]),
    class("TimeDeltaSensor", Family::Sensor, &["delta"], &["delta"], &["delta"]),
    class("TimeDeltaSensorAsync", Family::Sensor, &["delta"], &["delta"], &["delta"]),
    class("TimeSensor", Family::Sensor, &["target_time"], &["target_time"], &[]),
    class("TimeSensorAsync", Family::Sensor, &["target_time"], &["target_time"], &[]),
    class("DayOfWeekSensor", Family::Sensor, &["week_day"], &["week_day", "use_task_logical_date"], &[]),
    class(
        "FileSensor",
        Family::Sensor,
        &["filepath"],
        &["filepath", "fs_conn_id", "recursive"],
        &["filepath", "fs_conn_id"],
    ),
    class(
        "PythonSensor",
        Family::Sensor,
        CALLABLE,
        &["python_callable", "op_args", "op_kwargs", "templates_dict"],
        FUNCTION,
    ),
    class(
        "ExternalTaskSensor",
        Family::Sensor,
        &["external_dag_id"],
        &[
            "external_dag_id",
            "external_task_id",
            "external_task_ids",
            "external_task_group_id",
            "allowed_states",
            "skipped_states",
            "failed_states",
            "execution_delta",
            "execution_date_fn",
            "check_existence",
        ],
        &["external_dag_id", "external_task_id", "external_task_ids", "external_task_group_id"],
    ),
];

/// The operator of Airflow itself that a qualified name stands for, if it is one that is listed.
pub(in crate::dag) fn find(path: &str) -> Option<&'static Class> {
    let (module, name) = path.rsplit_once('.')?;
    let own = [
        "airflow.operators",
        "airflow.sensors",
        "airflow.models",
        "airflow.sdk",
        "airflow.providers.standard.operators",
        "airflow.providers.standard.sensors",
    ];
    if !own.iter().any(|own| module == *own || module.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'))) {
        return None;
    }
    CLASSES.iter().find(|class| class.name == name)
}

impl Class {
    /// Whether it certainly takes no argument of that name.
    pub(in crate::dag) fn refuses(&self, name: &str, version: Option<AirflowVersion>) -> bool {
        let gone = version.is_some_and(|version| (version.major, version.minor) >= (3, 3));
        let known = self.own.contains(&name) || self.of.arguments().contains(&name);
        let former = GONE.contains(&name) && self.of != Family::Sensor || name.starts_with("use_task_execution");
        !base_argument(name, version) && if former { gone } else { !known }
    }

    /// Whether it waits for something.
    pub(in crate::dag) fn is_sensor(&self) -> bool {
        self.of == Family::Sensor
    }
}

/// Whether a plain `@task` certainly takes no argument of that name.
pub(in crate::dag) fn decorator_refuses(name: &str, version: Option<AirflowVersion>) -> bool {
    /// Of the decorator itself, in any release.
    const ITS: &[&str] = &["multiple_outputs", "python_callable", "returns_dag_result", "task_id"];
    let gone = version.is_some_and(|version| (version.major, version.minor) >= (3, 3));
    let given = matches!(name, "op_args" | "op_kwargs");
    let taken = PYTHON.contains(&name) || ITS.contains(&name) || base_argument(name, version);
    given || !taken && (gone || !GONE.contains(&name))
}

/// Whether an output in that argument of an operator of Airflow itself makes a dependency; none
/// where its fields are not listed.
pub(in crate::dag) fn is_template(class: &Class, argument: &str, version: Option<AirflowVersion>) -> bool {
    // `cwd` became a template after 2.6.
    let since = argument == "cwd" && version.is_some_and(|version| (version.major, version.minor) <= (2, 6));
    class.templates.contains(&argument) && !since
}
