//! `dagguard model`.

use super::{Exit, Failure, stdout};
use crate::config::{ConfigError, ModelArguments, ModelFormat};
use crate::content::Layout;
use crate::ids::AirflowVersion;
use crate::rules::Policy;
use crate::{dag, git, report};
use std::path::Path;

pub(super) fn run(arguments: &ModelArguments, directory: &Path) -> Result<Exit, Failure> {
    let airflow = match &arguments.airflow_version {
        None => Policy::DEFAULT_AIRFLOW,
        Some(text) => AirflowVersion::parse(text).ok_or_else(|| {
            ConfigError::Value(format!("`--airflow-version` takes a version like `2.11.2`: `{text}`"))
        })?,
    };
    let tree = git::working_tree(&directory.join(&arguments.root))?;
    let model = dag::build(&tree, Layout::of(&tree), airflow);
    match arguments.output_format {
        ModelFormat::Json => {
            let text = serde_json::to_string_pretty(&report::model::model_json(&model))
                .map_err(|error| Failure::internal(error.to_string()))?;
            stdout(&format!("{text}\n"))?;
        }
    }
    Ok(Exit::Completed)
}
