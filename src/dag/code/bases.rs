//! What instances of Airflow's base classes have: attributes of 2.6.2, 2.11.2 and 3.3.2 together,
//! listed by `dir()` on an instance of each.

/// Whether an instance of that class of Airflow's has an attribute in some release; `None` for a
/// class that is not one of those listed here.
pub(super) fn has_attribute(class: &str, name: &str) -> Option<bool> {
    let airflow = class.strip_prefix("airflow.")?;
    let in_list = |list: &str| !name.contains(' ') && list.contains(&format!(" {name} "));
    Some(match airflow.rsplit('.').next()? {
        "BaseOperator" => in_list(OPERATOR),
        "BaseSensorOperator" => in_list(OPERATOR) || in_list(SENSOR),
        "BaseTrigger" => in_list(TRIGGER),
        "BaseHook" => in_list(HOOK),
        _ => return None,
    })
}

/// Of a `BaseOperator`.
const OPERATOR: &str = " HIDE_ATTRS_FROM_UI _BaseOperator__from_mapped _BaseOperator__init_kwargs _BaseOperator__instantiated \
_BaseOperator__serialized_fields _abc_impl _base_operator_shallow_copy_attrs _cached_logger \
_can_skip_downstream _comps _convert__dag _convert_is_setup _convert_is_teardown _convert_max_retry_delay \
_convert_resources _convert_retries _convert_retry_delay _convert_timedelta _create_logger_name _dag \
_do_render_template_fields _get_log _is_mapped _is_protocol _is_sensor _is_setup _is_teardown \
_iter_all_mapped_downstreams _iter_references _iter_templated_fields _lock_for_execution _log \
_log_config_logger_name _logger_name _needs_expansion _on_failure_fail_dagrun _post_execute_hook \
_pre_execute_hook _render _render_nested_template_fields _render_object_storage_path _set_context \
_set_relatives _set_xcomargs_dependencies _set_xcomargs_dependency _should_render_native _task_display_name \
_task_display_property_value _topological_upstream_ids _validate_start_from_trigger_kwargs add_inlets \
add_outlets allow_nested_operators as_setup as_teardown clear dag dag_id default_args defer depends_on_past \
deps deserialization_allowed_class_fields do_xcom_push doc doc_json doc_md doc_rst doc_yaml downstream_list \
downstream_task_ids dry_run email email_on_failure email_on_retry end_date execute execution_timeout \
executor executor_config expand_mapped_task expand_start_from_trigger expand_start_trigger_args extra_links \
get_closest_mapped_task_group get_dag get_direct_relative_ids get_direct_relatives get_extra_links \
get_flat_relative_ids get_flat_relatives get_inlet_defs get_mapped_ti_count get_needs_expansion \
get_outlet_defs get_parse_time_mapped_ti_count get_serialized_fields get_task_instances get_template_env \
get_upstreams_follow_setups get_upstreams_only_setups get_upstreams_only_setups_and_teardowns \
global_operator_extra_link_dict has_dag has_on_execute_callback has_on_failure_callback \
has_on_retry_callback has_on_skipped_callback has_on_success_callback has_retry_policy \
ignore_first_depends_on_past inherits_from_empty_operator inherits_from_skipmixin inlets is_async is_mapped \
is_setup is_teardown iter_mapped_dependants iter_mapped_task_groups label leaves log logger logger_name \
map_index_template max_active_tis_per_dag max_active_tis_per_dagrun max_retry_delay multiple_outputs node_id \
on_execute_callback on_failure_callback on_failure_fail_dagrun on_kill on_retry_callback on_skipped_callback \
on_success_callback operator_class operator_extra_link_dict operator_extra_links operator_name outlets \
output overwrite_rtif_after_execution owner params partial pool pool_slots post_execute pre_execute \
prepare_for_execution prepare_template priority_weight priority_weight_total queue render_template \
render_template_as_native_obj render_template_fields resolve_template_files resources resume_execution \
retries retry_delay retry_exponential_backoff retry_policy returns_dag_result roots run run_as_user \
serialize_for_task_group set_downstream set_upstream set_xcomargs_dependencies shallow_copy_attrs sla \
start_date start_from_trigger start_trigger_args subdag supports_lineage task_concurrency task_display_name \
task_group task_id task_type template_ext template_fields template_fields_renderers trigger_rule ui_color \
ui_fgcolor unmap update_relative upstream_list upstream_task_ids wait_for_downstream \
wait_for_past_depends_before_skipping weight_rule xcom_pull xcom_push ";

/// Of a `BaseSensorOperator` beyond that.
const SENSOR: &str = " _coerce_max_wait _coerce_poke_interval _coerce_timeout _get_next_poke_interval _set_state_to_skipped _skip \
_skip_all_except _validate_input_values exponential_backoff max_wait mode never_fail poke poke_interval \
reschedule silent_fail skip skip_all_except soft_fail timeout valid_modes ";

/// Of a `BaseTrigger`.
const TRIGGER: &str = " _abc_impl _create_logger_name _do_render_template_fields _get_log _iter_templated_fields _log \
_log_config_logger_name _logger_name _render _render_nested_template_fields _render_object_storage_path \
_set_context _should_render_native _task_instance cleanup get_template_env log logger on_kill \
prepare_template render_template render_template_fields repr resolve_template_files run serialize \
supports_triggerer_queue task task_id task_instance template_ext template_fields trigger_id ";

/// Of a `BaseHook`.
const HOOK: &str = " _create_logger_name _get_log _log _log_config_logger_name _logger_name _set_context aget_connection \
aget_hook get_conn get_connection get_connection_form_widgets get_connections get_hook \
get_ui_field_behaviour log logger ";
