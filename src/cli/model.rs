//! `dagguard model`.

use super::{Exit, Failure, write_out};
use crate::config::{self, ModelArguments, ModelFormat};
use crate::content::{Layout, Snapshot};
use crate::dag::{self, Model};
use crate::ids::DagId;
use crate::{git, report};
use std::path::Path;

pub(super) fn run(arguments: &ModelArguments, directory: &Path) -> Result<Exit, Failure> {
    let graph = matches!(arguments.output_format, Some(ModelFormat::Mermaid | ModelFormat::Dot));
    if graph && !arguments.explain.is_empty() {
        return Err(Failure::usage("`--explain` has the forms `text` and `json`"));
    }
    let airflow = config::version(arguments.airflow_version.as_deref())?;
    let tree = read(&directory.join(&arguments.root))?;
    let mut model = super::judge::models().build(&tree, Layout::Repository, airflow);
    choose(&mut model, &arguments.dag)?;
    let text = if arguments.explain.is_empty() {
        form(&model, arguments.output_format.unwrap_or(ModelFormat::Json))?
    } else {
        choose(&mut model, &arguments.explain)?;
        let explanations: Vec<_> =
            model.dags.iter().map(|dag| dag::explain(&tree, Layout::Repository, airflow, dag)).collect();
        match arguments.output_format {
            Some(ModelFormat::Json) => json(&report::model::explain::explanation_json(&explanations))?,
            _ => report::model::explain::explanation_text(&explanations),
        }
    };
    write_out(text.as_bytes(), arguments.output_file.as_deref()).map(|()| Exit::Completed)
}

fn read(root: &Path) -> Result<Snapshot, Failure> {
    git::repository_tree(root).map_err(|error| {
        let failure = Failure::from(error);
        if root.is_dir() {
            return failure;
        }
        failure.hint("ROOT is the folder of an Airflow repository (with `dags`, `plugins`, `shared`) or of DAG files")
    })
}

fn form(model: &Model, form: ModelFormat) -> Result<String, Failure> {
    Ok(match form {
        ModelFormat::Json => json(&report::model::model_json(model))?,
        ModelFormat::Text => report::model::text::model_text(model),
        ModelFormat::Mermaid => report::model::graph::mermaid(model),
        ModelFormat::Dot => report::model::graph::dot(model),
    })
}

fn json(value: &serde_json::Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Failure::internal(error.to_string()))
}

/// Leaves the DAGs of these ids in the model; all of them, if none is named. A DAG whose id is not
/// known stands for every id that it may have, unless another DAG has it for certain.
fn choose(model: &mut Model, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let mut chosen = vec![false; model.dags.len()];
    for name in names {
        let exact = |dag: &dag::Dag| dag.dag_id.exact().is_some_and(|id| id.as_str() == name);
        let certain = model.dags.iter().any(|dag| exact(dag));
        let mut found = false;
        for (dag, chosen) in model.dags.iter().zip(&mut chosen) {
            if if certain { exact(dag) } else { dag.dag_id.may_be(name) } {
                *chosen = true;
                found = true;
            }
        }
        if !found {
            return Err(no_such_dag(model, name));
        }
    }
    let mut chosen = chosen.into_iter();
    model.dags.retain(|_| chosen.next().unwrap_or(false));
    let dags = &model.dags;
    model.errors.retain(|error| dags.iter().any(|dag| dag.reaches.contains(&error.at.path)));
    Ok(())
}

fn no_such_dag(model: &Model, name: &str) -> Failure {
    let ids: Vec<&str> = model.dags.iter().filter_map(|dag| dag.dag_id.exact()).map(DagId::as_str).collect();
    let failure = Failure::incomplete(format!("the tree has no DAG of that id: `{}`", report::clean(name)));
    let near: Vec<String> =
        config::nearest_three(name, &ids).iter().map(|id| format!("`{}`", report::clean(id))).collect();
    let failure = match (near.is_empty(), ids.len()) {
        (false, _) => failure.hint(format!("the nearest: {}", near.join(", "))),
        (true, 0) => {
            failure.hint("no DAG is found in it; ROOT is a tree with a folder `dags`, or a folder of DAG files")
        }
        (true, count) => failure.hint(format!("`dagguard model ROOT --output-format text` shows its DAGs: {count}")),
    };
    match model.errors.first() {
        Some(error) => failure.hint(format!(
            "a file that does not import defines nothing: {}:{}: {}",
            report::clean(error.at.path.as_str()),
            error.at.span.line,
            report::clean(&error.message)
        )),
        None => failure,
    }
}
