//! Which modules of Airflow, and which of their names, each release has. Measured by importing them
//! in 2.6.2, 2.11.2 and 3.3.2; what the releases between two of these have is not held.

use super::at_least;
use crate::ids::AirflowVersion;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// In which of the three releases something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// In all.
    Always,
    /// In 2.6.2 and 2.11.2.
    Two,
    /// In 2.6.2 only.
    Early,
    /// In 2.11.2 only.
    Between,
    /// In 2.11.2 and 3.3.2.
    Later,
    /// In 3.3.2 only.
    Three,
}

impl Held {
    /// Whether that version has it; `None` where the version lies between one that has and one that
    /// has not.
    fn by(self, version: AirflowVersion) -> Option<bool> {
        let [early, between, three] = match self {
            Self::Always => [true; 3],
            Self::Two => [true, true, false],
            Self::Early => [true, false, false],
            Self::Between => [false, true, false],
            Self::Later => [false, true, true],
            Self::Three => [false, false, true],
        };
        let (before, after) = if !at_least(version, 2, 7) {
            (early, early)
        } else if !at_least(version, 2, 11) {
            (early, between)
        } else if !at_least(version, 3, 0) {
            (between, between)
        } else if !at_least(version, 3, 3) {
            (between, three)
        } else {
            (three, three)
        };
        (before == after).then_some(after)
    }
}

/// Modules, less `airflow.`.
const MODULES: &[(Held, &str)] = &[
    (
        Held::Always,
        " api api.common api.common.airflow_health api.common.delete_dag api.common.mark_tasks api.common.trigger_dag \
configuration decorators decorators.base example_dags exceptions executors executors.base_executor \
executors.executor_constants executors.executor_loader executors.local_executor hooks hooks.base \
hooks.filesystem hooks.subprocess lineage macros models models.abstractoperator models.base \
models.baseoperator models.connection models.crypto models.dag models.dagbag models.dagcode models.dagrun \
models.dagwarning models.errors models.expandinput models.log models.operator models.param models.pool \
models.renderedtifields models.serialized_dag models.skipmixin models.taskinstance models.taskinstancekey \
models.tasklog models.taskmap models.taskmixin models.taskreschedule models.trigger models.variable \
models.xcom models.xcom_arg notifications notifications.basenotifier operators operators.bash \
operators.branch operators.datetime operators.email operators.empty operators.generic_transfer \
operators.latest_only operators.python operators.smooth operators.trigger_dagrun operators.weekday \
plugins_manager secrets secrets.base_secrets secrets.environment_variables secrets.local_filesystem \
secrets.metastore security security.kerberos security.permissions security.utils sensors sensors.base \
sensors.bash sensors.date_time sensors.external_task sensors.filesystem sensors.python sensors.time_delta \
sensors.time_sensor sensors.weekday settings stats timetables timetables._cron timetables.base \
timetables.events timetables.interval timetables.simple timetables.trigger triggers triggers.base \
triggers.external_task triggers.file triggers.temporal triggers.testing utils utils.code_utils utils.context \
utils.dag_cycle_tester utils.dag_edges utils.dates utils.db utils.decorators utils.deprecation_tools \
utils.docs utils.dot_renderer utils.edgemodifier utils.email utils.entry_points utils.event_scheduler \
utils.file utils.hashlib_wrapper utils.helpers utils.json utils.log utils.log.logging_mixin utils.net \
utils.operator_helpers utils.operator_resources utils.platform utils.process_utils utils.retries \
utils.scheduler_health utils.session utils.setup_teardown utils.sqlalchemy utils.state utils.strings \
utils.task_group utils.timeout utils.timezone utils.trigger_rule utils.types utils.weight_rule utils.xcom \
utils.yaml version ",
    ),
    (
        Held::Two,
        " api.common.experimental api.common.experimental.delete_dag api.common.experimental.get_code \
api.common.experimental.get_dag_run_state api.common.experimental.get_dag_runs \
api.common.experimental.get_lineage api.common.experimental.get_task \
api.common.experimental.get_task_instance api.common.experimental.mark_tasks api.common.experimental.pool \
api.common.experimental.trigger_dag executors.debug_executor executors.sequential_executor hooks.S3_hook \
hooks.base_hook hooks.dbapi hooks.dbapi_hook hooks.docker_hook hooks.druid_hook hooks.hive_hooks \
hooks.http_hook hooks.jdbc_hook hooks.mssql_hook hooks.mysql_hook hooks.oracle_hook hooks.pig_hook \
hooks.postgres_hook hooks.presto_hook hooks.samba_hook hooks.slack_hook hooks.sqlite_hook hooks.webhdfs_hook \
hooks.zendesk_hook lineage.backend lineage.entities models.dagparam models.dagpickle models.dataset \
models.mappedoperator models.slamiss models.taskfail operators.bash_operator operators.branch_operator \
operators.check_operator operators.dagrun_operator operators.docker_operator operators.druid_check_operator \
operators.dummy operators.dummy_operator operators.email_operator operators.gcs_to_s3 \
operators.google_api_to_s3_transfer operators.hive_operator operators.hive_stats_operator \
operators.hive_to_druid operators.hive_to_mysql operators.hive_to_samba_operator operators.http_operator \
operators.jdbc_operator operators.latest_only_operator operators.mssql_operator operators.mssql_to_hive \
operators.mysql_operator operators.mysql_to_hive operators.oracle_operator operators.papermill_operator \
operators.pig_operator operators.postgres_operator operators.presto_check_operator operators.presto_to_mysql \
operators.python_operator operators.redshift_to_s3_operator operators.s3_file_transform_operator \
operators.s3_to_hive_operator operators.s3_to_redshift_operator operators.slack_operator operators.sql \
operators.sql_branch_operator operators.sqlite_operator operators.subdag operators.subdag_operator \
sensors.base_sensor_operator sensors.date_time_sensor sensors.external_task_sensor \
sensors.hive_partition_sensor sensors.http_sensor sensors.metastore_partition_sensor \
sensors.named_hive_partition_sensor sensors.s3_key_sensor sensors.sql sensors.sql_sensor \
sensors.time_delta_sensor sensors.web_hdfs_sensor sentry template template.templater templates \
utils.airflow_flask_app utils.compression utils.configuration utils.dag_parsing_context utils.jwt_signer \
utils.mixins utils.module_loading utils.python_virtualenv utils.weekday ",
    ),
    (Held::Early, " hooks.hdfs_hook sensors.hdfs_sensor utils.cli_app_builder "),
    (
        Held::Later,
        " executors.executor_utils hooks.package_index lineage.hook models.baseoperatorlink models.taskinstancehistory \
secrets.cache timetables._delta utils.providers_configuration_loader ",
    ),
    (
        Held::Between,
        " timetables.datasets utils.empty_set utils.pydantic utils.sensor_helper utils.singleton \
utils.task_instance_session utils.template utils.warnings ",
    ),
    (
        Held::Three,
        " models.asset models.asset_state_store models.backfill models.callback models.connection_test \
models.dag_favorite models.dag_version models.dagbundle models.deadline models.deadline_alert models.hitl \
models.hitl_history models.referencemixin models.revoked_token models.task_state_store models.team \
timetables.assets triggers.callback triggers.shared_stream utils.dag_version_inflation_checker \
utils.memray_utils utils.span_status utils.thread_safe_dict ",
    ),
];

/// Packages, with what is below them.
const PACKAGES: &[(&str, Held)] = &[
    ("assets", Held::Three),
    ("compat", Held::Two),
    ("contrib", Held::Two),
    ("datasets", Held::Two),
    ("io", Held::Later),
    ("kubernetes", Held::Two),
    ("sdk", Held::Three),
    ("www", Held::Two),
];

/// Packages of which `MODULES` has all that is directly in them.
const WHOLE: [&str; 3] = ["operators", "sensors", "hooks"];

/// Modules that are there in 2.x only and hold what Airflow itself brings; the others of that kind
/// hand on what a provider has, if that is installed.
const OWN: &str = " contrib.hooks.fs_hook contrib.sensors.bash_sensor contrib.sensors.file_sensor \
contrib.sensors.python_sensor contrib.sensors.weekday_sensor hooks.base_hook hooks.dbapi hooks.dbapi_hook \
operators.bash_operator operators.branch_operator operators.dagrun_operator operators.dummy \
operators.dummy_operator operators.email_operator operators.latest_only_operator operators.python_operator \
operators.subdag operators.subdag_operator sensors.base_sensor_operator sensors.date_time_sensor \
sensors.external_task_sensor sensors.time_delta_sensor ";

/// Modules of which no 3.x has anything, though 3.0 to 3.2 were not measured.
const GONE: [&str; 5] =
    ["operators.dummy", "operators.bash_operator", "operators.python_operator", "operators.dummy_operator", "contrib"];

fn below(rest: &str, package: &str) -> bool {
    rest.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The lists of this file, to be looked up: every import asks.
struct Lists {
    modules: HashMap<&'static str, Held>,
    own: HashSet<&'static str>,
    /// By module and name.
    names: HashMap<(&'static str, &'static str), Held>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let (mut modules, mut names) = (HashMap::new(), HashMap::new());
    for (held, listed) in MODULES {
        for module in listed.split_whitespace() {
            modules.entry(module).or_insert(*held);
        }
    }
    for (module, held, listed) in NAMES {
        for name in listed.split_whitespace() {
            names.entry((*module, name)).or_insert(*held);
        }
    }
    Lists { modules, own: OWN.split_whitespace().collect(), names }
});

/// In which releases there is a module; `None` if that is not held.
fn held(rest: &str) -> Option<Held> {
    LISTS
        .modules
        .get(rest)
        .copied()
        .or_else(|| PACKAGES.iter().find(|(package, _)| below(rest, package)).map(|(_, held)| *held))
}

/// Whether a module of that name exists in that version (in some, where none is named); `None` if
/// that depends on what is installed, or is not held.
pub(in crate::dag) fn exists(module: &str, version: Option<AirflowVersion>) -> Option<bool> {
    if module.starts_with("airflow.providers") {
        return None;
    }
    let rest = if module == "airflow" { return Some(true) } else { module.strip_prefix("airflow.")? };
    let Some(held) = held(rest) else {
        // What the three do not have no other has between them: a package that keeps no place for
        // the operators of plugins since 2.0.
        let nowhere = WHOLE.iter().any(|package| below(rest, package));
        let measured = version.is_none_or(|version| at_least(version, 2, 6) && !at_least(version, 3, 4));
        return (nowhere && measured).then_some(false);
    };
    let Some(version) = version else { return Some(true) };
    if at_least(version, 3, 0) {
        if GONE.iter().any(|package| below(rest, package)) {
            return Some(false);
        }
        if matches!(held, Held::Three | Held::Later) && PACKAGES.iter().any(|(package, _)| below(rest, package)) {
            return Some(true);
        }
    }
    held.by(version)
}

/// Names that never were in a package of Airflow 2, and were in that of Airflow 1.
const OF_ONE: [&str; 2] = ["executors.GetDefaultExecutor", "executors.get_default_executor"];

/// Whether a module of Airflow has a name, as far as that is held; any other name is taken to be
/// there. `None` where that depends on what is installed, or the release is one between two others.
pub(in crate::dag) fn offers(path: &str, version: Option<AirflowVersion>) -> Option<bool> {
    let Some((module, name)) = path.strip_prefix("airflow.").map(|rest| rest.rsplit_once('.').unwrap_or(("", rest)))
    else {
        return Some(true);
    };
    let rest = path.strip_prefix("airflow.").unwrap_or(path);
    if OF_ONE.contains(&rest) {
        return version.is_none_or(|version| at_least(version, 2, 6)).then_some(false);
    }
    if WHOLE.contains(&module) {
        return exists(path, version);
    }
    // Both of these hand on what a provider has.
    let old = WHOLE.iter().any(|package| below(module, package)) && held(module) == Some(Held::Two);
    if (old || below(module, "contrib") || module == "operators.generic_transfer") && !LISTS.own.contains(module) {
        return None;
    }
    let Some(version) = version else { return Some(true) };
    match LISTS.names.get(&(module, name)).copied().or_else(|| held(rest)) {
        Some(held) => held.by(version),
        None => Some(true),
    }
}

/// By module: names that one release has and another has not. Only what is Airflow's own, and only
/// in modules that every one of them has.
const NAMES: &[(&str, Held, &str)] = &[
    (
        "configuration",
        Held::Two,
        " FERNET_KEY WEBSERVER_CONFIG as_dict get getboolean getfloat getint getsection has_option remove_option set ",
    ),
    (
        "decorators",
        Held::Two,
        " ProvidersManager TaskDecorator TaskDecoratorCollection branch_task external_python_task python_task \
sensor_task setup_task short_circuit_task teardown_task virtualenv_task ",
    ),
    (
        "decorators.base",
        Held::Two,
        " BaseOperator DEFAULT_RETRIES DEFAULT_RETRY_DELAY DagContext Dataset DictOfListsExpandInput \
EXPAND_INPUT_EMPTY ExpandableFactory FParams FReturn KNOWN_CONTEXT_KEYS ListOfDictsExpandInput \
MappedOperator NOTSET OperatorSubclass Pool Task TaskGroupContext XComArg coerce_resources coerce_timedelta \
ensure_xcomarg_return_value get_merged_defaults is_mappable parse_retries prevent_duplicates \
remove_task_decorator warnings ",
    ),
    (
        "exceptions",
        Held::Two,
        " AirflowDagInconsistent AirflowWebServerTimeout BackfillUnfinished DagConcurrencyLimitReached DagFileExists \
NoAvailablePoolSlot TaskConcurrencyLimitReached UnmappableOperator UnmappableXComLengthPushed \
UnmappableXComTypePushed XComForMappingNotPushed ",
    ),
    ("hooks.base", Held::Two, " DiscoverableHook LoggingMixin "),
    ("hooks.filesystem", Held::Two, " BaseHook "),
    ("hooks.subprocess", Held::Two, " BaseHook PIPE STDOUT SubprocessResult "),
    (
        "lineage",
        Held::Two,
        " AUTO LineageBackend PIPELINE_INLETS PIPELINE_OUTLETS apply_lineage conf get_backend prepare_lineage ",
    ),
    ("models", Held::Two, " DagPickle ImportError SlaMiss TaskFail "),
    (
        "models.abstractoperator",
        Held::Two,
        " AirflowException Context DAGNode DEFAULT_POOL_SLOTS DEFAULT_PRIORITY_WEIGHT DEFAULT_RETRIES \
DEFAULT_RETRY_DELAY DEFAULT_TRIGGER_RULE DEFAULT_WEIGHT_RULE MAX_RETRY_DELAY MappedTaskGroup \
NotFullyPopulated NotMapped State TaskInstanceState Templater TriggerRule WeightRule conf redact \
with_row_locks ",
    ),
    (
        "models.baseoperator",
        Held::Two,
        " AbstractOperator AirflowException BaseOperatorLink BaseOperatorMeta Context DEFAULT_OWNER DEFAULT_POOL_SLOTS \
DEFAULT_PRIORITY_WEIGHT DEFAULT_QUEUE DEFAULT_RETRIES DEFAULT_RETRY_DELAY DEFAULT_TASK_EXECUTION_TIMEOUT \
DEFAULT_TRIGGER_RULE DEFAULT_WEIGHT_RULE DagAttributeTypes DependencyMixin NEW_SESSION NOTSET \
NotInRetryPeriodDep NotPreviouslySkippedDep OperatorPartial ParamsDict Pool PrevDagrunDep Resources \
SetupTeardownContext TaskDeferred TaskInstance TriggerRule TriggerRuleDep XCOM_RETURN_KEY apply_lineage \
clear_task_instances coerce_resources coerce_timedelta conf fixup_decorator_warning_stack \
get_merged_defaults parse_retries partial prepare_lineage provide_session validate_key \
validate_mapping_kwargs warnings ",
    ),
    ("models.connection", Held::Two, " ensure_secrets_loaded parse_netloc_to_hostname "),
    (
        "models.dag",
        Held::Two,
        " AbstractOperator AirflowDagInconsistent ArgNotSet Context ContinuousTimetable DEFAULT_SCHEDULE_INTERVAL \
DEFAULT_VIEW_PRESETS DagCode DagContext DagParam DagPickle DagRunInfo DatasetTriggeredTimetable \
DuplicateTaskIdFound EdgeInfoType Interval LocalFilesystemBackend LoggingMixin NOTSET ORIENTATION_PRESETS \
ParamsDict State Stats TaskInstance TaskInstanceKey TaskInstanceState TaskNotFound TimeRestriction \
at_most_one check_cycle clear_task_instances create_timetable exactly_one fixup_decorator_warning_stack \
get_dataset_triggered_next_run_info internal_api_call run_job tuple_in_condition utils_date_range \
validate_key ",
    ),
    (
        "models.dagbag",
        Held::Two,
        " AirflowClusterPolicyError AirflowClusterPolicyViolation AirflowDagCycleException \
AirflowDagDuplicatedIdException LoggingMixin MAX_DB_RETRIES NEW_SESSION NOTSET Stats check_cycle \
correct_maybe_zipped get_docs_url list_py_file_paths might_contain_dag provide_session run_with_db_retries \
timeout ",
    ),
    ("models.dagrun", Held::Two, " NotFullyPopulated Stats tuple_in_condition "),
    (
        "models.expandinput",
        Held::Two,
        " DictOfListsExpandInput EXPAND_INPUT_EMPTY ListOfDictsExpandInput MappedArgument NEW_SESSION ResolveMixin \
get_map_type_key is_mappable provide_session ",
    ),
    ("models.operator", Held::Two, " MappedOperator "),
    (
        "models.param",
        Held::Two,
        " AirflowException ArgNotSet DagParam NOTSET ParamValidationError ResolveMixin process_params ",
    ),
    (
        "models.skipmixin",
        Held::Two,
        " AirflowException LoggingMixin NEW_SESSION TaskInstance XCOM_SKIPMIXIN_FOLLOWED XCOM_SKIPMIXIN_KEY \
XCOM_SKIPMIXIN_SKIPPED provide_session ",
    ),
    (
        "models.taskinstance",
        Held::Two,
        " AirflowException AirflowFailException AirflowRescheduleException AirflowSensorTimeout AirflowSkipException \
AirflowTaskTimeout ConnectionAccessor Context DagBag DagRunNotFound Dataset MappedTaskGroup \
SandboxedEnvironment Sentry SimpleTaskInstance Stats TaskDeferralError TaskDeferred TaskFail TaskReturnCode \
UnmappableXComLengthPushed UnmappableXComTypePushed VariableAccessor XCom XComForMappingNotPushed \
context_merge context_to_airflow_vars dataset_manager integrate_macros_plugins process_params \
render_template_to_string send_email set_current_context timeout tuple_in_condition with_row_locks ",
    ),
    ("models.taskmixin", Held::Two, " AirflowException TaskMixin "),
    ("models.trigger", Held::Two, " internal_api_call "),
    ("models.variable", Held::Two, " internal_api_call "),
    ("models.xcom", Held::Two, " LoggingMixin MAX_XCOM_SIZE conf exactly_one internal_api_call resolve_xcom_backend "),
    (
        "models.xcom_arg",
        Held::Two,
        " AbstractOperator AirflowException ArgNotSet DependencyMixin MapXComArg MappedOperator NEW_SESSION NOTSET \
PlainXComArg ResolveMixin SetupTeardownContext State XCOM_RETURN_KEY XComNotFound ZipXComArg \
deserialize_xcom_arg provide_session serialize_xcom_arg ",
    ),
    ("notifications.basenotifier", Held::Two, " Templater context_merge "),
    (
        "operators.bash",
        Held::Two,
        " AirflowException AirflowSkipException BaseOperator SubprocessHook context_to_airflow_vars warnings ",
    ),
    ("operators.branch", Held::Two, " BaseOperator SkipMixin "),
    ("operators.datetime", Held::Two, " AirflowException BaseBranchOperator target_times_as_dates warnings "),
    ("operators.email", Held::Two, " BaseOperator send_email "),
    ("operators.empty", Held::Two, " BaseOperator "),
    ("operators.generic_transfer", Held::Two, " BaseHook BaseOperator "),
    ("operators.latest_only", Held::Two, " BaseBranchOperator "),
    (
        "operators.python",
        Held::Two,
        " AirflowConfigException AirflowException AirflowSkipException BaseOperator KeywordParameters SkipMixin \
context_copy_partial context_merge execute_in_subprocess prepare_virtualenv task warnings \
write_python_script ",
    ),
    ("operators.smooth", Held::Two, " BaseOperator "),
    (
        "operators.trigger_dagrun",
        Held::Two,
        " AirflowException BaseOperator BaseOperatorLink DagBag DagModel DagNotFound DagRun DagRunAlreadyExists \
DagRunType DagStateTrigger TriggerDagRunLink XCOM_RUN_ID XCom build_airflow_url_with_query provide_session \
trigger_dag ",
    ),
    ("operators.weekday", Held::Two, " BaseBranchOperator WeekDay warnings "),
    (
        "sensors.base",
        Held::Two,
        " AirflowException AirflowFailException AirflowRescheduleException AirflowSensorTimeout AirflowSkipException \
AirflowTaskTimeout BaseOperator ExecutorLoader ReadyToRescheduleDep SkipMixin TaskReschedule apply_defaults \
conf ",
    ),
    ("sensors.bash", Held::Two, " AirflowFailException BaseSensorOperator PIPE STDOUT "),
    ("sensors.date_time", Held::Two, " BaseSensorOperator DateTimeTrigger "),
    (
        "sensors.external_task",
        Held::Two,
        " AirflowException AirflowSkipException BaseOperatorLink BaseSensorOperator DagBag DagModel EmptyOperator \
ExternalTaskSensorLink NEW_SESSION State TaskInstance build_airflow_url_with_query correct_maybe_zipped \
provide_session warnings ",
    ),
    ("sensors.filesystem", Held::Two, " BaseSensorOperator FSHook "),
    ("sensors.python", Held::Two, " BaseSensorOperator PokeReturnValue context_merge determine_kwargs "),
    ("sensors.time_delta", Held::Two, " BaseSensorOperator DateTimeTrigger "),
    ("sensors.time_sensor", Held::Two, " BaseSensorOperator DateTimeTrigger "),
    ("sensors.weekday", Held::Two, " BaseSensorOperator WeekDay warnings "),
    (
        "settings",
        Held::Two,
        " AIRFLOW_MOVED_TABLE_PREFIX DEFAULT_ENGINE_ARGS KILOBYTE LOGGING_CLASS_PATH LOGGING_LEVEL LOG_FORMAT MEGABYTE \
MIN_SERIALIZED_DAG_FETCH_INTERVAL MIN_SERIALIZED_DAG_UPDATE_INTERVAL STATE_COLORS State WEBSERVER_CONFIG \
configure_policy_plugin_manager get_session_lifetime_config validate_session ",
    ),
    ("stats", Held::Two, " NoStatsLogger conf "),
    ("timetables.simple", Held::Two, " DatasetTriggeredTimetable "),
    (
        "triggers.external_task",
        Held::Two,
        " BaseTrigger DagRun NEW_SESSION TaskInstance TaskStateTrigger TriggerEvent provide_session ",
    ),
    ("triggers.file", Held::Two, " BaseTrigger TriggerEvent "),
    ("triggers.temporal", Held::Two, " BaseTrigger TriggerEvent "),
    (
        "utils.context",
        Held::Two,
        " AirflowContextDeprecationWarning context_update_for_unmapped lazy_mapping_from_context ",
    ),
    (
        "utils.dag_cycle_tester",
        Held::Two,
        " AirflowDagCycleException CYCLE_DONE CYCLE_IN_PROGRESS CYCLE_NEW test_cycle ",
    ),
    (
        "utils.dates",
        Held::Two,
        " date_range days_ago infer_time_unit parse_execution_date round_time scale_time_units ",
    ),
    (
        "utils.db",
        Held::Two,
        " bootstrap_dagbag check_bad_references check_conn_id_duplicates check_conn_type_null check_run_id_null \
check_table_for_duplicates check_username_duplicates create_session ",
    ),
    ("utils.decorators", Held::Two, " apply_defaults "),
    ("utils.edgemodifier", Held::Two, " DAGNode DependencyMixin EdgeModifier TaskGroup "),
    ("utils.email", Held::Two, " AirflowConfigException "),
    ("utils.file", Held::Two, " TemporaryDirectory mkdirs "),
    (
        "utils.helpers",
        Held::Two,
        " NOTSET alchemy_to_dict as_tuple build_airflow_url_with_query chain cross_downstream import_string \
reduce_in_chunks render_log_filename validate_group_key ",
    ),
    (
        "utils.json",
        Held::Two,
        " AirflowJsonEncoder AirflowJsonProvider CLASSNAME DATA SCHEMA_ID WebEncoder convert_to_utc deserialize \
is_naive serialize ",
    ),
    (
        "utils.operator_helpers",
        Held::Two,
        " AIRFLOW_VAR_NAME_FORMAT_MAPPING Context DEFAULT_FORMAT_PREFIX ENV_VAR_FORMAT_PREFIX context_to_airflow_vars \
lazy_mapping_from_context ",
    ),
    ("utils.sqlalchemy", Held::Two, " Interval tuple_in_condition tuple_not_in_condition "),
    (
        "utils.task_group",
        Held::Two,
        " AirflowDagCycleException AirflowException DAGNode DagAttributeTypes DuplicateTaskIdFound MappedTaskGroup \
TaskAlreadyInTaskGroup TaskGroupContext task_group_to_dict validate_group_key ",
    ),
    ("utils.timeout", Held::Two, " AirflowTaskTimeout LoggingMixin TimeoutPosix TimeoutWindows "),
    ("utils.timezone", Held::Two, " is_localized is_naive make_aware td_format utc_epoch "),
    ("utils.types", Held::Two, " EdgeInfoType "),
    ("utils.xcom", Held::Two, " MAX_XCOM_SIZE "),
    ("decorators", Held::Between, " bash_task branch_external_python_task branch_virtualenv_task run_if skip_if "),
    ("exceptions", Held::Between, " FailStopDagInvalidTriggerRule TriggerRule "),
    (
        "models.baseoperator",
        Held::Between,
        " AttributeRemoved BASEOPERATOR_ARGS_EXPECTED_TYPES DEFAULT_EXECUTOR EdgeModifier ExecutionCallableRunner \
ExecutorSafeguard FailStopDagInvalidTriggerRule MappedTaskUpstreamDep PriorityWeightStrategy \
TaskDeferralError context_get_outlet_events redact validate_and_load_priority_weight_strategy \
validate_instance_args ",
    ),
    (
        "models.dag",
        Held::Between,
        " BaseDataset BaseOperator CronTriggerTimetable DAG_ARGS_EXPECTED_TYPES Dataset DatasetAlias DatasetAliasModel \
DatasetAll DatasetDagRunQueue DatasetModel ExecutorLoader FAB_VERSION FailStopDagInvalidTriggerRule \
LogTemplate ParamValidationError RUN_ID_REGEX TaskDeferred TriggerRule UnknownExecutorException \
dataset_manager lock_rows validate_instance_args ",
    ),
    ("models.xcom_arg", Held::Between, " ConcatXComArg TaskInstance TriggerRule exists_query internal_api_call "),
    ("operators.bash", Held::Between, " ArgNotSet SubprocessResult working_directory "),
    (
        "operators.python",
        Held::Between,
        " BranchMixIn DeserializingResultError ExecutionCallableRunner Variable context_get_outlet_events \
get_unique_dag_module_name is_venv_installed ",
    ),
    ("utils.helpers", Held::Between, " validate_instance_args "),
    (
        "exceptions",
        Held::Later,
        " AirflowClusterPolicySkipDag AirflowInternalRuntimeError AirflowTaskTerminated DeserializingResultError \
UnknownExecutorException ",
    ),
    ("macros", Held::Later, " ds_format_locale "),
    ("models", Held::Later, " DagWarning "),
    ("models.baseoperator", Held::Later, " chain_linear "),
    ("operators.branch", Held::Later, " BranchMixIn "),
    ("operators.python", Held::Later, " BranchExternalPythonOperator BranchPythonVirtualenvOperator "),
    (
        "settings",
        Held::Later,
        " AirflowInternalRuntimeError SkipDBTestsSession local_timezone parse_timezone \
prepare_syspath_for_config_and_plugins run_providers_custom_runtime_checks ",
    ),
    ("timetables.interval", Held::Later, " DeltaMixin coerce_datetime utcnow "),
    ("timetables.trigger", Held::Later, " DeltaMixin DeltaTriggerTimetable coerce_datetime utcnow "),
    (
        "triggers.base",
        Held::Later,
        " BaseTaskEndEvent StartTriggerArgs TaskFailedEvent TaskInstanceState TaskSkippedEvent TaskSuccessEvent ",
    ),
    ("utils.context", Held::Later, " OutletEventAccessors "),
    ("utils.state", Held::Later, " JobState "),
    ("utils.timezone", Held::Later, " from_timestamp "),
    ("utils.weight_rule", Held::Later, " DB_SAFE_MAXIMUM DB_SAFE_MINIMUM db_safe_priority "),
    ("", Held::Three, " Asset DeprecatedImportWarning "),
    (
        "exceptions",
        Held::Three,
        " AirflowClearRunningTaskException AirflowUnsupportedFileTypeException DagNotPartitionedError \
DagRunTypeNotAllowed DeserializationError InvalidPartitionKeyError NodeNotFound NotMapped VariableNotUnique ",
    ),
    ("models", Held::Three, " BaseXCom Callback Deadline DeadlineAlert HITLDetail Job Team "),
    ("timetables.base", Held::Three, " PartitionMapperInfo SerializedAssetBase compute_rollup_fingerprint qualname "),
    (
        "timetables.trigger",
        Held::Three,
        " CronPartitionTimetable InvalidPartitionKeyError MultipleCronTriggerTimetable get_random_string make_aware \
parse_timezone ",
    ),
    ("triggers.base", Held::Three, " BaseEventTrigger Templater trigger_event_discriminator "),
    ("utils.state", Held::Three, " CallbackState IntermediateTIState TerminalTIState "),
    ("utils.types", Held::Three, " DagRunTriggeredByType "),
];
