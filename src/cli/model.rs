//! `dagguard model`.

use super::{Exit, Failure, stdout};
use crate::config::{self, ModelArguments, ModelFormat};
use crate::content::Layout;
use crate::{dag, git, report};
use std::path::Path;

pub(super) fn run(arguments: &ModelArguments, directory: &Path) -> Result<Exit, Failure> {
    let airflow = config::version(arguments.airflow_version.as_deref())?;
    let tree = git::repository_tree(&directory.join(&arguments.root))?;
    let model = dag::build(&tree, Layout::Repository, airflow);
    match arguments.output_format {
        ModelFormat::Json => {
            let text = serde_json::to_string_pretty(&report::model::model_json(&model))
                .map_err(|error| Failure::internal(error.to_string()))?;
            stdout(&format!("{text}\n"))?;
        }
    }
    Ok(Exit::Completed)
}
