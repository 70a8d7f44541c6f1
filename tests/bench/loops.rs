//! What a DAG costs whose tasks come from a loop, in processes that do nothing else: in one that has
//! built models before, memory lies as those have left it, and the same work takes other times.

use super::{build, corpus, processor};
use corpus::Shape;
use dagguard::dag::Models;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The argument by which this program knows that it is such a process.
pub(crate) const CHILD: &str = "--loop";

const SHAPES: [Shape; 4] = [Shape::Chained, Shape::Grouped, Shape::Mapped, Shape::ListOfTasks];

/// Tasks of a DAG, each time three times as many.
const TASKS: [usize; 3] = [1_000, 3_000, 9_000];

/// Builds the model of such a DAG, and prints the nanoseconds of processor time that it took.
pub(crate) fn child(arguments: &[String]) -> ExitCode {
    let [shape, tasks] = arguments else { return ExitCode::FAILURE };
    let (Ok(shape), Ok(tasks)) = (shape.parse::<usize>(), tasks.parse()) else { return ExitCode::FAILURE };
    let Some(shape) = SHAPES.get(shape) else { return ExitCode::FAILURE };
    let tree = corpus::looped(*shape, tasks);
    let start = processor();
    build(&Models::new(1), &tree.snapshot, tree.airflow);
    println!("{}", processor().saturating_sub(start).as_nanos());
    ExitCode::SUCCESS
}

/// Two DAGs, the one of three times as many turns as the other, and what each costs.
pub(crate) struct Pair {
    pub(crate) what: String,
    pub(crate) small: Duration,
    pub(crate) large: Duration,
}

/// The pairs whose name is wanted; of the turns the middle counts.
pub(crate) fn pairs(turns: usize, wanted: impl Fn(&str) -> bool) -> Option<Vec<Pair>> {
    let mut found = Vec::new();
    for (number, shape) in SHAPES.into_iter().enumerate() {
        let names = TASKS.map(|tasks| corpus::looped(shape, tasks).name);
        let what = |at: usize| format!("loop: {} / {}", names[at + 1], names[at]);
        if !(0..names.len() - 1).any(|at| wanted(&what(at))) {
            continue;
        }
        let mut costs: [Vec<Duration>; TASKS.len()] = Default::default();
        for _ in 0..turns {
            for (costs, tasks) in costs.iter_mut().zip(TASKS) {
                costs.push(of_child(number, tasks)?);
            }
        }
        let [small, middle, large] = costs.map(|mut costs| {
            costs.sort();
            costs[turns / 2]
        });
        for (at, (small, large)) in [(small, middle), (middle, large)].into_iter().enumerate() {
            let what = what(at);
            if wanted(&what) {
                found.push(Pair { what, small, large });
            }
        }
    }
    Some(found)
}

/// What such a process says that it took.
fn of_child(shape: usize, tasks: usize) -> Option<Duration> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).args([CHILD.to_owned(), shape.to_string(), tasks.to_string()]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok().map(Duration::from_nanos)
}
