//! `dagguard plan`: what `sync` would do now, without doing it.

use super::{Exit, Failure, check, delivery, judge, runtime, write_out};
use crate::Comparison;
use crate::airflow::Limits;
use crate::config::{Environment, OutputFormat, PlanArguments};
use crate::content::{Layout, Operation, Plan, Refusal, Snapshot};
use crate::publish::{self, Kind, Look, Observed};
use crate::report::full::Colour;
use crate::report::{self, Report};
use crate::rules::Policy;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn run(
    arguments: &PlanArguments,
    environment: &Environment,
    directory: &Path,
    colour: Colour,
) -> Result<Exit, Failure> {
    let named = judge::named_layout(&arguments.sync.judge.instances)?;
    let proposed = match &arguments.proposed {
        Some(proposed) => check::tree(proposed, directory, named.unwrap_or_default())?,
        None => super::sync::newest(&arguments.sync, environment)?,
    };
    let usual = || judge::layout(&Snapshot::empty(proposed.revision().clone()), &proposed);
    let layout = named.unwrap_or_else(usual);
    let delivery = delivery::delivery(&arguments.sync.delivery, &arguments.sync.home, environment);
    let places = delivery.places(&arguments.sync.home);
    let mut observed = publish::observe(&places, &proposed, layout, Look::Stamps)?;
    let deployed = publish::deployed(&places, &observed, layout)?;
    if delivery.drift != crate::sync::OnDrift::Repair {
        observed = observed.without_drift();
    }
    let steps = delivery.planner.plan(&observed.manifest, &proposed, layout).and_then(|plan| {
        let refusals = publish::refusals(&places, &observed, &proposed, &plan, layout);
        match refusals {
            Ok(refusals) if !refusals.is_empty() => Err(refusals),
            _ => Ok(plan),
        }
    });
    let report = judged(arguments, environment, &deployed, &proposed, layout)?;
    let text = match arguments.reported.output_format {
        OutputFormat::Full => {
            let mut text = prose(&observed, &proposed, &steps).into_bytes();
            report::full::write(&report, colour, &mut text).map_err(|error| unrendered(&error))?;
            text
        }
        OutputFormat::Json => {
            let mut inner = Vec::new();
            report::json::write(&report, &mut inner).map_err(|error| unrendered(&error))?;
            let report: Value = serde_json::from_slice(&inner).map_err(|error| unrendered(&error))?;
            let document = document(&observed, &proposed, &steps, &report);
            let mut text = serde_json::to_string_pretty(&document).map_err(|error| unrendered(&error))?.into_bytes();
            text.push(b'\n');
            text
        }
    };
    write_out(&text, arguments.reported.output_file.as_deref())?;
    Ok(match (&steps, check::exit(&report, &arguments.reported)) {
        (Err(_), Exit::Completed) if !arguments.reported.exit_zero => Exit::Findings,
        (_, exit) => exit,
    })
}

fn unrendered(error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(format!("the plan cannot be rendered: {error}"))
}

fn judged(
    arguments: &PlanArguments,
    environment: &Environment,
    deployed: &Snapshot,
    proposed: &Snapshot,
    layout: Layout,
) -> Result<Report, Failure> {
    let policy = judge::policy(Policy::sync(layout), &arguments.sync.judge)?;
    let policy = judge::with_trees(policy, deployed, proposed, &[]);
    if let Some(path) = &arguments.runs {
        let facts = check::runs(path)?;
        return Ok(Comparison::new(&judge::models(), deployed, proposed, &policy).check(&facts));
    }
    let accesses = judge::accesses(&arguments.sync.judge, environment, Limits::default(), &judge::Memories::default())?;
    Ok(runtime()?.block_on(judge::judge(&judge::models(), deployed, proposed, &accesses, &policy)))
}

fn prose(observed: &Observed, proposed: &Snapshot, steps: &Result<Plan, Vec<Refusal>>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "deployed: {}\nproposed: {}", known_as(observed), proposed.revision());
    for drift in &observed.drift {
        let kind = format!("{:?}", drift.kind).to_lowercase();
        let _ = writeln!(text, "drift: {} {kind}", drift.path);
    }
    match steps {
        Err(refusals) => {
            for refusal in refusals {
                let _ = writeln!(text, "refused: {refusal}");
            }
        }
        Ok(plan) if plan.is_empty() => text.push_str("no file changes\n"),
        Ok(plan) => {
            let _ = writeln!(text, "{} files written, {} taken away, in this order:", plan.writes(), plan.removals());
            let mut area = None;
            for step in &plan.steps {
                if area != Some(step.area) {
                    area = Some(step.area);
                    let _ = writeln!(text, "  {}", step.area);
                }
                let sign = if step.operation == Operation::Remove { '-' } else { '+' };
                let _ = writeln!(text, "    {sign} {}", step.dest);
            }
        }
    }
    text.push('\n');
    text
}

fn known_as(observed: &Observed) -> String {
    match observed.kind {
        Kind::Empty => "nothing".to_string(),
        Kind::Adopted => "files that nobody recorded".to_string(),
        Kind::Recorded => observed.revision.to_string(),
    }
}

fn document(observed: &Observed, proposed: &Snapshot, steps: &Result<Plan, Vec<Refusal>>, report: &Value) -> Value {
    let step = |step: &crate::content::Step| {
        let operation = if step.operation == Operation::Remove { "remove" } else { "write" };
        json!({ "area": step.area.to_string(), "path": step.dest.as_str(), "operation": operation })
    };
    json!({
        "schema_version": 1,
        "deployed": if observed.kind == Kind::Recorded { Some(observed.revision.as_str()) } else { None },
        "proposed": proposed.revision().as_str(),
        "drift": observed.drift.iter().map(|drift| json!({
            "path": drift.path.as_str(), "kind": format!("{:?}", drift.kind).to_lowercase(),
        })).collect::<Vec<_>>(),
        "steps": steps.as_ref().map(|plan| plan.steps.iter().map(step).collect::<Vec<_>>()).unwrap_or_default(),
        "refused": steps.as_ref().err().map(|refusals| {
            refusals.iter().map(ToString::to_string).collect::<Vec<_>>()
        }).unwrap_or_default(),
        "report": report,
    })
}
