//! The model against what Airflow's own DagBag builds.

mod corpus;
mod fragments;
mod generate;
mod judge;
mod mutants;
mod serialised;
pub(crate) mod switches;
mod tricky;

use super::Case;
use super::support::install::{AIRFLOW_2_11, Release};

/// The cases of a release.
pub(crate) fn cases(release: &Release) -> Vec<(&'static str, Case)> {
    let mut cases = vec![
        (
            "a_changed_tricky_case_is_what_airflow_builds",
            Case::Installed(mutants::a_changed_tricky_case_is_what_airflow_builds),
        ),
        ("a_corrupted_model_is_told_from_a_right_one", Case::Installed(judge::a_corrupted_model_is_told)),
        (
            "the_generated_corpus_is_what_airflow_builds",
            Case::Installed(corpus::the_generated_corpus_is_what_airflow_builds),
        ),
        (
            "the_generated_corpus_of_other_seeds_is_what_airflow_builds",
            Case::Installed(corpus::the_generated_corpus_of_other_seeds),
        ),
        ("the_tricky_cases_are_what_airflow_builds", Case::Installed(tricky::the_tricky_cases_are_what_airflow_builds)),
        (
            "what_is_stored_of_a_dag_is_what_the_model_says",
            Case::Shared(serialised::what_is_stored_of_a_dag_is_what_the_model_says),
        ),
    ];
    // What proves the judge proves it with one release.
    if *release == AIRFLOW_2_11 {
        let case = Case::Installed(switches::a_build_without_a_construct_does_not_pass);
        cases.push(("a_build_without_a_construct_does_not_pass", case));
    }
    cases
}
