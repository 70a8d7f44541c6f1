//! `dagguard status`: what is deployed and held in a home; with `--access`, what the credentials of
//! each Airflow allow.

use super::{Exit, Failure, judge, runtime, stdout};
use crate::airflow::{self, Allowed, Limits, Permissions};
use crate::config::{Environment, StatusArguments, StatusFormat};
use crate::publish::{self, Delivered, Hold, Record};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn run(arguments: &StatusArguments, environment: &Environment) -> Result<Exit, Failure> {
    if !arguments.access {
        return home(arguments);
    }
    let memories = judge::Memories::default();
    let accesses = judge::accesses_of(&arguments.instances, environment, Limits::default(), &memories)?;
    if accesses.is_empty() {
        return Err(Failure::no_instance());
    }
    let all = runtime()?.block_on(airflow::permissions_of_all(&accesses));
    let text = match arguments.output_format {
        StatusFormat::Text => all.iter().map(table).collect::<Vec<_>>().join("\n"),
        StatusFormat::Json => {
            serde_json::to_string_pretty(&document(&all)).map_err(|error| Failure::internal(error.to_string()))? + "\n"
        }
    };
    stdout(&text)?;
    let enough = all.iter().all(|instance| {
        instance
            .checks
            .as_ref()
            .is_ok_and(|checks| checks.iter().all(|(check, allowed)| !check.is_needed() || *allowed == Allowed::Yes))
    });
    Ok(if enough { Exit::Completed } else { Exit::Incomplete })
}

/// What the state files of a home say; what is on disk is not read.
struct Deployed {
    record: Option<Record>,
    hold: Option<Hold>,
    /// The newest last.
    deliveries: Vec<Delivered>,
}

fn home(arguments: &StatusArguments) -> Result<Exit, Failure> {
    let record = publish::read_record(&arguments.home)?;
    let (mut deliveries, hold) = publish::history(&arguments.home)?;
    deliveries.drain(..deliveries.len().saturating_sub(arguments.last));
    let deployed = Deployed { record, hold, deliveries };
    let text = match arguments.output_format {
        StatusFormat::Text => lines(&deployed, Timestamp::now()),
        StatusFormat::Json => {
            let document = json!({ "schema_version": 1, "home": state(&deployed), "instances": [] });
            serde_json::to_string_pretty(&document).map_err(|error| Failure::internal(error.to_string()))? + "\n"
        }
    };
    stdout(&text)?;
    Ok(if deployed.record.is_some() { Exit::Completed } else { Exit::Incomplete })
}

fn lines(deployed: &Deployed, now: Timestamp) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match &deployed.record {
        None => writeln!(text, "nothing is deployed"),
        Some(record) if record.is_partial() => {
            writeln!(text, "deployed: parts of several revisions, a delivery could not be finished")
        }
        Some(record) => {
            let at = record.delivered_at.to_string();
            writeln!(text, "deployed: {} since {at} ({} ago)", record.revision, age(&at, now))
        }
    };
    if let Some(hold) = &deployed.hold {
        let _ = writeln!(text, "held: {} since {} ({} ago)", hold.revision, hold.since, age(&hold.since, now));
        for reason in &hold.reasons {
            let _ = writeln!(text, "  {}", crate::report::clean(reason));
        }
    }
    if !deployed.deliveries.is_empty() {
        text.push_str("deliveries, the newest first:\n");
    }
    for one in deployed.deliveries.iter().rev() {
        let _ = writeln!(
            text,
            "  {} {} {} written, {} taken away",
            one.delivered_at, one.revision, one.writes, one.removals
        );
        if let Some(hold) = &one.waited {
            let _ = writeln!(text, "    waited since {} for {} reasons:", hold.since, hold.reasons.len());
            for reason in &hold.reasons {
                let _ = writeln!(text, "      {}", crate::report::clean(reason));
            }
        }
    }
    text
}

/// How long ago that was, to the minute, or to the second within the first one.
fn age(at: &str, now: Timestamp) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return "some time".to_string() };
    let Ok(seconds) = at.until((Unit::Second, now)).map(|span| span.get_seconds().max(0)) else {
        return "some time".to_string();
    };
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn state(deployed: &Deployed) -> Value {
    let hold = |hold: &Hold| json!({ "revision": hold.revision, "since": hold.since, "reasons": hold.reasons, "undecided": hold.undecided });
    let delivery = |one: &Delivered| {
        json!({ "sequence": one.sequence, "revision": one.revision, "from": one.from, "delivered_at": one.delivered_at,
            "writes": one.writes, "removals": one.removals, "files": one.files, "waited": one.waited.as_ref().map(hold) })
    };
    json!({
        "deployed": deployed.record.as_ref().filter(|record| !record.is_partial()).map(|record| json!({
            "revision": record.revision.as_str(), "delivered_at": record.delivered_at.to_string(),
            "files": record.files.len(),
        })),
        "held": deployed.hold.as_ref().map(hold),
        "deliveries": deployed.deliveries.iter().map(delivery).collect::<Vec<_>>(),
    })
}

fn document(all: &[Permissions]) -> Value {
    json!({ "schema_version": 1, "instances": all.iter().map(object).collect::<Vec<_>>() })
}

fn table(instance: &Permissions) -> String {
    let version = instance.version.map_or_else(|| "version not known".to_string(), |version| version.to_string());
    let mut text = format!("{} (Airflow {version})\n", instance.name);
    let checks = match &instance.checks {
        Ok(checks) => checks,
        Err(reason) => {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  not reached: {reason}");
            return text;
        }
    };
    for (check, allowed) in checks {
        let need = if check.is_needed() { "needed" } else { "optional" };
        let answer = match allowed {
            Allowed::Yes => "yes".to_string(),
            Allowed::No => format!("no: needs {}", check.permission()),
            Allowed::NotKnown(reason) => format!("not known: {reason}"),
        };
        let _ = writeln!(text, "  {:<32} {need:<9} {answer}", check.word());
    }
    text
}

fn object(instance: &Permissions) -> Value {
    let checks = instance.checks.as_ref().map(|checks| {
        let all = checks.iter().map(|(check, allowed)| {
            let (word, reason) = match allowed {
                Allowed::Yes => ("yes", None),
                Allowed::No => ("no", None),
                Allowed::NotKnown(reason) => ("not-known", Some(reason)),
            };
            json!({ "check": check.word(), "needed": check.is_needed(), "allowed": word, "reason": reason,
                "permission": check.permission() })
        });
        all.collect::<Vec<_>>()
    });
    json!({
        "name": instance.name.as_str(),
        "airflow_version": instance.version.map(|version| version.to_string()),
        "unavailable": instance.checks.as_ref().err(),
        "checks": checks.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::airflow::Check;
    use crate::ids::{AirflowVersion, InstanceName};
    use crate::report::schema::{Shape, tests::faults};

    #[test]
    fn the_document_is_what_its_schema_says() {
        let checks = vec![
            (Check::Dags, Allowed::Yes),
            (Check::Pools, Allowed::No),
            (Check::Assets, Allowed::NotKnown("status 500".to_string())),
        ];
        let reached = Permissions {
            name: InstanceName::from("prod"),
            version: AirflowVersion::parse("3.3.2"),
            checks: Ok(checks),
        };
        let away =
            Permissions { name: InstanceName::from("next"), version: None, checks: Err("no connection".to_string()) };
        let document = document(&[reached, away]);
        assert_eq!(faults(Shape::Status, &document), Vec::<String>::new());
        assert_eq!(document["instances"][1]["unavailable"], "no connection");
    }

    #[test]
    fn a_homes_state_is_told_with_what_is_held_and_since_when() {
        let hold = Hold {
            revision: "b".repeat(40),
            since: "2026-01-01T00:00:00Z".to_string(),
            reasons: vec!["block[task-id-removed]".to_string()],
            undecided: false,
        };
        let delivered = Delivered {
            sequence: 1,
            revision: "a".repeat(40),
            from: "disk".to_string(),
            delivered_at: "2025-12-31T00:00:00Z".to_string(),
            writes: 2,
            removals: 1,
            files: vec!["+dags/a.py".to_string()],
            waited: Some(hold.clone()),
        };
        let deployed = Deployed { record: None, hold: Some(hold), deliveries: vec![delivered] };
        let document = json!({ "schema_version": 1, "home": state(&deployed), "instances": [] });
        assert_eq!(faults(Shape::Status, &document), Vec::<String>::new());
        let now: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        let text = lines(&deployed, now);
        assert!(text.contains(&format!("held: {} since 2026-01-01T00:00:00Z (1 d 3 h ago)", "b".repeat(40))), "{text}");
        assert!(text.contains("2 written, 1 taken away") && text.contains("block[task-id-removed]"), "{text}");
        assert_eq!(age("2026-01-02T02:59:30Z", now), "30 s");
    }
}
