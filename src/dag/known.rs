//! What the releases of Airflow take: arguments of DAGs and operators, trigger rules, template
//! fields of its own operators. Read from the signatures of 2.6.2, 2.11.2 and 3.3.2.
//!
//! Invariant: a release between two of these is taken to accept whatever either does, so that
//! nothing is refused that some release would take.

mod operators;

use crate::ids::AirflowVersion;
pub(super) use operators::{Class, decorator_refuses, find as class, is_template};

/// Since when and until when a name is accepted; `(2, 0)` and `(9, 0)` mean always.
type Span = ((u32, u32), (u32, u32));

const ALWAYS: Span = ((2, 0), (9, 0));
/// Gone in 3.0.
const TWO: Span = ((2, 0), (3, 0));
/// Not in 2.6, and in all after that.
const AFTER_2_6: Span = ((2, 7), (9, 0));
/// New in some 3.x.
const THREE: Span = ((3, 0), (9, 0));

fn within(span: Span, version: Option<AirflowVersion>) -> bool {
    version.is_none_or(|version| {
        let version = (version.major, version.minor);
        span.0 <= version && version < span.1
    })
}

fn accepted(table: &[(Span, &[&str])], name: &str, version: Option<AirflowVersion>) -> bool {
    // What comes after the newest release that was read is not known here.
    version.is_some_and(|version| (version.major, version.minor) > (3, 3))
        || table.iter().any(|(span, names)| within(*span, version) && names.contains(&name))
}

const DAG: &[(Span, &[&str])] = &[
    (
        ALWAYS,
        &[
            "dag_id",
            "description",
            "schedule",
            "start_date",
            "end_date",
            "template_searchpath",
            "template_undefined",
            "user_defined_macros",
            "user_defined_filters",
            "default_args",
            "max_active_tasks",
            "max_active_runs",
            "dagrun_timeout",
            "sla_miss_callback",
            "catchup",
            "on_success_callback",
            "on_failure_callback",
            "doc_md",
            "params",
            "access_control",
            "is_paused_upon_creation",
            "jinja_environment_kwargs",
            "render_template_as_native_obj",
            "tags",
            "owner_links",
            "auto_register",
        ],
    ),
    (TWO, &["schedule_interval", "timetable", "full_filepath", "concurrency", "default_view", "orientation"]),
    (((2, 7), (3, 0)), &["fail_stop"]),
    (AFTER_2_6, &["max_consecutive_failed_dag_runs", "dag_display_name"]),
    (
        THREE,
        &[
            "deadline",
            "fail_fast",
            "allowed_run_types",
            "task_group",
            "disable_bundle_versioning",
            "rerun_with_latest_version",
        ],
    ),
];

/// Whether `DAG(…)` takes an argument of that name.
pub(super) fn dag_argument(name: &str, version: Option<AirflowVersion>) -> bool {
    accepted(DAG, name, version)
}

const BASE: &[(Span, &[&str])] = &[
    (
        ALWAYS,
        &[
            "task_id",
            "owner",
            "email",
            "email_on_retry",
            "email_on_failure",
            "retries",
            "retry_delay",
            "retry_exponential_backoff",
            "max_retry_delay",
            "start_date",
            "end_date",
            "depends_on_past",
            "ignore_first_depends_on_past",
            "wait_for_past_depends_before_skipping",
            "wait_for_downstream",
            "dag",
            "params",
            "default_args",
            "priority_weight",
            "weight_rule",
            "queue",
            "pool",
            "pool_slots",
            "sla",
            "execution_timeout",
            "on_execute_callback",
            "on_failure_callback",
            "on_success_callback",
            "on_retry_callback",
            "pre_execute",
            "post_execute",
            "trigger_rule",
            "resources",
            "run_as_user",
            "max_active_tis_per_dag",
            "max_active_tis_per_dagrun",
            "executor_config",
            "do_xcom_push",
            "inlets",
            "outlets",
            "task_group",
            "doc",
            "doc_md",
            "doc_json",
            "doc_yaml",
            "doc_rst",
        ],
    ),
    (TWO, &["task_concurrency"]),
    (
        AFTER_2_6,
        &[
            "on_skipped_callback",
            "map_index_template",
            "executor",
            "multiple_outputs",
            "task_display_name",
            "logger_name",
            "allow_nested_operators",
        ],
    ),
    (THREE, &["retry_policy", "render_template_as_native_obj"]),
];

/// Whether every operator takes an argument of that name. No such argument is a template field.
pub(super) fn base_argument(name: &str, version: Option<AirflowVersion>) -> bool {
    accepted(BASE, name, version)
}

/// Whether a base argument can be given to `partial(…)` only: 2.x does not map over those.
pub(super) fn never_mapped(name: &str, version: Option<AirflowVersion>) -> bool {
    let free =
        ["pre_execute", "post_execute", "do_xcom_push", "multiple_outputs", "email_on_retry", "email_on_failure"];
    version.is_some_and(|version| version.major == 2) && base_argument(name, version) && !free.contains(&name)
}

const TRIGGER_RULES: &[(Span, &[&str])] = &[
    (
        ALWAYS,
        &[
            "all_success",
            "all_failed",
            "all_done",
            "one_success",
            "one_failed",
            "one_done",
            "none_failed",
            "none_skipped",
            "always",
            "none_failed_min_one_success",
            "all_skipped",
        ],
    ),
    (TWO, &["none_failed_or_skipped", "dummy"]),
    (AFTER_2_6, &["all_done_setup_success"]),
    (THREE, &["all_done_min_one_success"]),
];

/// Whether a trigger rule of that name exists.
pub(super) fn trigger_rule(name: &str, version: Option<AirflowVersion>) -> bool {
    accepted(TRIGGER_RULES, name, version)
}

/// Classes that releases before 3 offer under a former name too. What is made is an instance of the
/// class as it is called today.
const RENAMED: &[(&str, &str)] = &[
    ("operators.check_operator.CheckOperator", "SQLCheckOperator"),
    ("operators.check_operator.IntervalCheckOperator", "SQLIntervalCheckOperator"),
    ("operators.check_operator.ThresholdCheckOperator", "SQLThresholdCheckOperator"),
    ("operators.check_operator.ValueCheckOperator", "SQLValueCheckOperator"),
    ("operators.dummy.DummyOperator", "EmptyOperator"),
    ("operators.dummy_operator.DummyOperator", "EmptyOperator"),
    ("operators.google_api_to_s3_transfer.GoogleApiToS3Transfer", "GoogleApiToS3Operator"),
    ("operators.hive_to_druid.HiveToDruidTransfer", "HiveToDruidOperator"),
    ("operators.hive_to_mysql.HiveToMySqlTransfer", "HiveToMySqlOperator"),
    ("operators.mssql_to_hive.MsSqlToHiveTransfer", "MsSqlToHiveOperator"),
    ("operators.mysql_to_hive.MySqlToHiveTransfer", "MySqlToHiveOperator"),
    ("operators.presto_check_operator.PrestoCheckOperator", "SQLCheckOperator"),
    ("operators.presto_check_operator.PrestoIntervalCheckOperator", "SQLIntervalCheckOperator"),
    ("operators.presto_check_operator.PrestoValueCheckOperator", "SQLValueCheckOperator"),
    ("operators.presto_to_mysql.PrestoToMySqlTransfer", "PrestoToMySqlOperator"),
    ("operators.redshift_to_s3_operator.RedshiftToS3Transfer", "RedshiftToS3Operator"),
    ("operators.s3_to_hive_operator.S3ToHiveTransfer", "S3ToHiveOperator"),
    ("operators.s3_to_redshift_operator.S3ToRedshiftTransfer", "S3ToRedshiftOperator"),
    ("operators.sql_branch_operator.BranchSqlOperator", "BranchSQLOperator"),
];

/// The name of the class behind a qualified name.
pub(super) fn class_name(path: &str) -> &str {
    let renamed = path.strip_prefix("airflow.").and_then(|path| RENAMED.iter().find(|(former, _)| *former == path));
    renamed.map_or_else(|| path.rsplit('.').next().unwrap_or(path), |(_, name)| name)
}

/// Kinds of `@task` that Airflow itself brings and from which release on; what a provider brings
/// depends on what is installed.
const KINDS: &[(&str, (u32, u32))] = &[
    ("bash", (2, 9)),
    ("run_if", (2, 10)),
    ("skip_if", (2, 10)),
    ("branch_external_python", (2, 7)),
    ("branch_virtualenv", (2, 8)),
    ("stub", (3, 0)),
];

/// Whether Airflow itself brings `@task.<kind>`. One of a provider may give the function arguments
/// of its own, as `@task.pyspark` does.
pub(super) fn is_own_kind(kind: &str) -> bool {
    matches!(kind, "" | "python" | "virtualenv" | "external_python" | "branch" | "short_circuit" | "sensor")
        || KINDS.iter().any(|(name, _)| *name == kind)
}

/// Whether `@task.<kind>` is certainly not there.
pub(super) fn kind_is_missing(kind: &str, version: Option<AirflowVersion>) -> bool {
    let Some(version) = version else { return false };
    KINDS.iter().any(|(name, since)| *name == kind && (version.major, version.minor) < *since)
}

/// Names that Airflow gives to a task's function from the context of its run. From 2.7 on they
/// need no value in the call.
const CONTEXT: &str = " asset_state_store conf conn dag dag_run data_interval_end data_interval_start ds ds_nodash \
exception execution_date expanded_ti_count inlet_events inlets logical_date macros map_index_template next_ds \
next_ds_nodash next_execution_date outlet_events outlets params partition_date partition_key \
prev_data_interval_end_success prev_data_interval_start_success prev_ds prev_ds_nodash prev_end_date_success \
prev_execution_date prev_execution_date_success prev_start_date_success reason run_id task task_instance \
task_instance_key_str task_reschedule_count task_state_store templates_dict test_mode ti tomorrow_ds \
tomorrow_ds_nodash triggering_asset_events triggering_dataset_events try_number ts ts_nodash ts_nodash_with_tz var \
yesterday_ds yesterday_ds_nodash ";

/// Whether a parameter of that name is given its value in a run.
pub(super) fn context_key(name: &str) -> bool {
    !name.contains(' ') && CONTEXT.contains(&format!(" {name} "))
}

/// Names of the context that 3.0 took away.
const OF_TWO: &str = " conf execution_date next_ds next_ds_nodash next_execution_date prev_ds prev_ds_nodash \
prev_execution_date prev_execution_date_success tomorrow_ds tomorrow_ds_nodash triggering_dataset_events yesterday_ds \
yesterday_ds_nodash ";

/// Whether the context of a run certainly lacks a key, in that version or in every one that is known.
pub(super) fn no_context_key(name: &str, version: Option<AirflowVersion>) -> bool {
    let gone = version.is_some_and(|version| version.major == 3 && OF_TWO.contains(&format!(" {name} ")));
    !name.contains(' ') && (gone || !context_key(name))
}

/// Whether a parameter of that name is given its value in a run by both 2.11.2 and 3.3.2.
pub(super) fn lasting_context_key(name: &str) -> bool {
    /// What only one of them knows.
    const PASSING: &str = " asset_state_store conf execution_date next_ds next_ds_nodash next_execution_date partition_date \
partition_key prev_ds prev_ds_nodash prev_execution_date prev_execution_date_success task_reschedule_count \
task_state_store tomorrow_ds tomorrow_ds_nodash triggering_asset_events triggering_dataset_events yesterday_ds \
yesterday_ds_nodash ";
    context_key(name) && !PASSING.contains(&format!(" {name} "))
}

/// Whether `TaskGroup(…)` takes an argument of that name.
pub(super) fn group_argument(name: &str, version: Option<AirflowVersion>) -> bool {
    const GROUP: &[(Span, &[&str])] = &[
        (
            ALWAYS,
            &[
                "group_id",
                "prefix_group_id",
                "parent_group",
                "dag",
                "default_args",
                "tooltip",
                "ui_color",
                "ui_fgcolor",
                "add_suffix_on_collision",
            ],
        ),
        (THREE, &["group_display_name", "doc_md"]),
    ];
    accepted(GROUP, name, version)
}
