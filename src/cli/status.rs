//! `dagguard status --access`: what the credentials of each Airflow allow.

use super::{Exit, Failure, judge, runtime, stdout};
use crate::airflow::{self, Allowed, Limits, Permissions};
use crate::config::{Environment, StatusArguments, StatusFormat};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn run(arguments: &StatusArguments, environment: &Environment) -> Result<Exit, Failure> {
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
}
