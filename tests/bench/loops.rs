//! What a DAG costs whose tasks come from a loop, in processes that do nothing else: in one that has
//! built models before, memory lies as those have left it, and the same work takes other times.

use super::{build, corpus};
use corpus::Shape;
use dagguard::dag::Models;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The argument by which this program knows that it is such a process.
pub(crate) const CHILD: &str = "--loop";

const SHAPES: [Shape; 4] = [Shape::Chained, Shape::Grouped, Shape::Mapped, Shape::ListOfTasks];

/// Tasks of a DAG, each time three times as many, and of one that costs as good as nothing.
const TASKS: [usize; 3] = [1_000, 3_000, 9_000];
const NONE: usize = 10;

/// Builds the model of such a DAG.
pub(crate) fn child(arguments: &[String]) -> ExitCode {
    let [shape, tasks] = arguments else { return ExitCode::FAILURE };
    let (Ok(shape), Ok(tasks)) = (shape.parse::<usize>(), tasks.parse()) else { return ExitCode::FAILURE };
    let Some(shape) = SHAPES.get(shape) else { return ExitCode::FAILURE };
    let tree = corpus::looped(*shape, tasks);
    build(&Models::new(1), &tree.snapshot, tree.airflow);
    ExitCode::SUCCESS
}

/// Two DAGs, the one of three times as many turns as the other, and what each costs.
pub(crate) struct Pair {
    pub(crate) what: String,
    pub(crate) small: Duration,
    pub(crate) large: Duration,
}

/// The pairs whose name is wanted. What a process costs by itself is taken off; of the turns the
/// middle counts.
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
            let alone = of_children(number, NONE)?;
            for (costs, tasks) in costs.iter_mut().zip(TASKS) {
                costs.push(of_children(number, tasks)?.saturating_sub(alone));
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

/// The processor time of such a process, as Linux counts it in ticks: of so many together that a tick
/// is little.
fn of_children(shape: usize, tasks: usize) -> Option<Duration> {
    /// Tasks of all of them, or as many processes.
    const TOGETHER: usize = 30_000;
    const MOST: usize = 20;
    let program = std::env::current_exe().ok()?;
    let times = (TOGETHER / tasks).min(MOST);
    let before = ended()?;
    for _ in 0..times {
        let arguments = [CHILD.to_owned(), shape.to_string(), tasks.to_string()];
        Command::new(&program).args(arguments).status().ok()?.success().then_some(())?;
    }
    Some(ended()?.saturating_sub(before) / u32::try_from(times).ok()?)
}

/// The processor time of the processes that this one has started and that have ended.
fn ended() -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let line = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut figures = line.rsplit_once(')')?.1.split_whitespace().skip(13);
    let (user, system): (u32, u32) = (figures.next()?.parse().ok()?, figures.next()?.parse().ok()?);
    Some(TICK * (user + system))
}
