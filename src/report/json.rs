//! `--output-format json`: the shape that product contracts rest on. It may gain fields.

use super::Report;
use crate::content::Location;
use crate::facts::TaskState;
use crate::ids::{MapIndex, TaskId};
use crate::rules::{Finding, Level, Prediction};
use serde_json::{Value, json};
use std::io;

/// Writes the report as one JSON document.
pub fn write(report: &Report, to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &value(report))?;
    writeln!(to)
}

/// The report as a JSON value.
pub fn value(report: &Report) -> Value {
    json!({
        "schema_version": 1,
        "verdict": report.verdict.word(),
        "deployed": report.deployed.as_str(),
        "proposed": report.proposed.as_str(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "holds": report.holds.iter().map(|hold| json!({
            "paths": hold.paths.iter().map(super::ContentPath::as_str).collect::<Vec<_>>(),
            "because": hold.because,
        })).collect::<Vec<_>>(),
        "predictions": report.predictions.iter().map(prediction).collect::<Vec<_>>(),
        "coverage": {
            "dags_exact": report.coverage.dags_exact,
            "dags_partial": report.coverage.dags_partial,
            "dags_opaque": report.coverage.dags_opaque,
            "runs_seen": report.coverage.runs_seen,
            "live": report.coverage.live.word(),
        },
        "unavailable": report.unavailable,
        "notes": report.notes,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "level": finding.level.word(),
        "certainty": finding.basis.word(),
        "dag_id": finding.dag_id,
        "task_id": finding.task_id,
        "message": finding.message,
        "remedy": finding.remedy,
        "fingerprint": finding.fingerprint,
        "accept": accept(finding),
        "accepted": finding.accepted.as_ref().map(|accepted| json!({"by": accepted.by, "reason": accepted.reason})),
        "deployed": finding.deployed.as_ref().map(place),
        "proposed": finding.proposed.as_ref().map(place),
        "runs": finding.runs.iter().map(|run| json!({
            "instance": run.instance.as_str(),
            "dag_id": run.dag_id.as_str(),
            "run_id": run.run_id.as_str(),
            "effect": run.effect,
            "task_instances": run.task_instances.iter().map(instance).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

/// The lines that accept it, one a carrier; null where there is nothing to accept.
fn accept(finding: &Finding) -> Option<Value> {
    (finding.level > Level::Info).then(|| {
        let ways = super::accept::Ways::of(finding);
        json!({"trailer": ways.trailer, "comment": ways.comment, "config": ways.config})
    })
}

fn place(at: &Location) -> Value {
    json!({"path": at.path.as_str(), "line": at.span.line})
}

fn instance((task_id, map_index, state): &(TaskId, MapIndex, TaskState)) -> Value {
    json!({"task_id": task_id.as_str(), "map_index": map_index.0, "state": state.word()})
}

fn prediction(prediction: &Prediction) -> Value {
    json!({
        "instance": prediction.instance.as_str(),
        "dag_id": prediction.dag_id.as_str(),
        "run_id": prediction.run_id.as_str(),
        "outcome": prediction.outcomes.iter().map(|outcome| outcome.word()).collect::<Vec<_>>(),
        "race": prediction.race.iter().map(|outcome| outcome.word()).collect::<Vec<_>>(),
        "certainty": prediction.basis.word(),
        "task_instances": prediction.task_instances.iter()
            .map(|(task_id, index)| json!({"task_id": task_id.as_str(), "map_index": index.0})).collect::<Vec<_>>(),
    })
}
