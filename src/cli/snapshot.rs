//! `dagguard snapshot`: what is in flight, as a file.

use super::{Exit, Failure, judge, runtime, write_out};
use crate::airflow::{self, Limits, Values};
use crate::config::{Also, Environment, SnapshotArguments, Stored};
use crate::facts::{Describe, Extra, Facts, Names, Questions, Seen, StoredValue};
use crate::ids::{DagId, TaskId};
use std::io::{self, Write};

pub(super) fn run(arguments: &SnapshotArguments, environment: &Environment) -> Result<Exit, Failure> {
    let memories = judge::Memories::default();
    let accesses = judge::accesses_of(&arguments.instances, environment, Limits::default(), &memories)?;
    if accesses.is_empty() {
        return Err(Failure::no_instance());
    }
    let questions = Questions {
        dags: arguments.dag.iter().map(|dag| DagId::from(dag.as_str())).collect(),
        all_dags: arguments.dag.is_empty(),
        describe: if arguments.describe { Describe::All } else { Describe::Cheaply },
        names: Names {
            pools: arguments.pool.iter().cloned().collect(),
            variables: arguments.variable.iter().cloned().collect(),
            connections: arguments.connection.iter().cloned().collect(),
        },
        extras: arguments.also.iter().copied().map(extra).collect(),
        values: arguments.xcom.iter().map(stored).collect(),
        ..Questions::default()
    };
    let facts = runtime()?.block_on(airflow::ask_all(&accesses, &questions));
    let values = if arguments.values { Values::With } else { Values::Without };
    let text = airflow::write_runs(&facts, values).map_err(|error| Failure::internal(error.to_string()))?;
    write_out(text.as_bytes(), arguments.output_file.as_deref())?;
    let unseen = unseen(&facts, &questions);
    for reason in &unseen {
        // Nobody may be reading stderr any more; the exit code and the file still say it.
        let _ = writeln!(io::stderr().lock(), "dagguard: {reason}");
    }
    Ok(if unseen.is_empty() { Exit::Completed } else { Exit::Incomplete })
}

fn extra(also: Also) -> Extra {
    match also {
        Also::Tasks => Extra::Tasks,
        Also::Durations => Extra::Durations,
        Also::ImportErrors => Extra::ImportErrors,
        Also::Assets => Extra::Assets,
    }
}

fn stored(typed: &Stored) -> StoredValue {
    StoredValue {
        dag_id: DagId::from(typed.dag_id.as_str()),
        task_id: TaskId::from(typed.task_id.as_str()),
        key: typed.key.clone(),
    }
}

/// What was asked for and not seen; the file holds it too.
fn unseen(facts: &Facts, questions: &Questions) -> Vec<String> {
    let mut reasons = Vec::new();
    for instance in &facts.instances {
        let name = &instance.name;
        if questions.all_dags {
            match &instance.others {
                Seen::Known(()) => {}
                Seen::NotVisible => reasons.push(format!("`{name}`: these credentials do not read all DAGs")),
                Seen::Unavailable(reason) => reasons.push(format!("`{name}`: {reason}")),
            }
        }
        for dag_id in &questions.dags {
            match instance.dag(dag_id) {
                Seen::Known(_) => {}
                Seen::NotVisible => {
                    reasons.push(format!(
                        "`{name}`: these credentials do not read the DAG `{}`",
                        crate::report::clean(dag_id.as_str())
                    ));
                }
                Seen::Unavailable(reason) => reasons.push(format!("`{name}`: {reason}")),
            }
        }
    }
    reasons.dedup();
    reasons
}
