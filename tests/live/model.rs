//! The model against what Airflow's own DagBag builds.

mod judge;

use super::Case;

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    vec![("a_corrupted_model_is_told_from_a_right_one", Case::Installed(judge::a_corrupted_model_is_told))]
}
