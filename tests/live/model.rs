//! The model against what Airflow's own DagBag builds.

mod corpus;
mod fragments;
mod generate;
mod judge;

use super::Case;

pub(crate) fn cases() -> Vec<(&'static str, Case)> {
    vec![
        ("a_corrupted_model_is_told_from_a_right_one", Case::Installed(judge::a_corrupted_model_is_told)),
        (
            "the_generated_corpus_is_what_airflow_builds",
            Case::Installed(corpus::the_generated_corpus_is_what_airflow_builds),
        ),
        (
            "the_generated_corpus_of_other_seeds_is_what_airflow_builds",
            Case::Installed(corpus::the_generated_corpus_of_other_seeds),
        ),
    ]
}
