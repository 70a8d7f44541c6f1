#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "measures, and says what it measured"
)]

//! What the model of a tree and a snapshot of an Airflow cost, the model as ratios against a peer in
//! the same run.
//!
//! `cargo bench` prints all rows, `cargo bench -- loop generated` those whose name holds one of these
//! words (`snapshot`: what asking an Airflow costs; `source`: what following a branch does; `check`: a whole
//! judgement). `cargo bench -- --assert` measures less and fails
//! where a ratio is beyond its bound by a wide margin; times are printed and never judged. The two sides
//! of a ratio run in turns. Against the grammar and in loops processor time counts, elsewhere the least
//! time of each: a machine that is busy slows both. Memory is allocated as in the program itself.

mod check;
mod corpus;
#[path = "../support/http.rs"]
mod http;
mod loops;
mod memory;
mod rest;
mod source;

use check::Kept;
use corpus::Tree;
use dagguard::content::{Layout, Snapshot};
use dagguard::dag::Models;
use dagguard::ids::AirflowVersion;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The program's own.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, tree] = arguments.as_slice()
        && child == memory::CHILD
    {
        return memory::child(tree);
    }
    if let [child, rest @ ..] = arguments.as_slice()
        && child == loops::CHILD
    {
        return loops::child(rest);
    }
    if let [child, url] = arguments.as_slice()
        && child == rest::CHILD
    {
        return rest::child(url);
    }
    if let [child, rest @ ..] = arguments.as_slice()
        && child == source::CHILD
    {
        return source::child(rest);
    }
    if let [child, directory] = arguments.as_slice()
        && child == check::CHILD
    {
        return check::child(directory);
    }
    let asserts = arguments.iter().any(|argument| argument == "--assert");
    let words = arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut bench = Bench { asserts, words, failed: false };
    let trees = corpus::trees();
    for tree in &trees {
        bench.cold(tree);
    }
    bench.airflow(&trees);
    bench.warm();
    bench.loops();
    bench.memory();
    bench.check();
    bench.rest();
    bench.source();
    if bench.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Bench {
    asserts: bool,
    /// Only rows whose name holds one of them are measured; all, where there are none.
    words: Vec<String>,
    failed: bool,
}

impl Bench {
    /// Prints a row; with `--assert`, `allowed` is the bound with its margin for noise.
    fn row(&mut self, what: &str, ratio: f64, goal: &str, within: bool, times: &str) {
        let verdict = if within { "" } else { "  BEYOND" };
        println!("{what:<74} {ratio:>8.2}  goal {goal:<9} {times}{verdict}");
        if self.asserts && !within {
            self.failed = true;
        }
    }

    fn wanted(&self, what: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| what.contains(word.as_str()))
    }

    fn turns(&self) -> usize {
        if self.asserts { 5 } else { 15 }
    }

    /// The whole model against parsing the same files with the grammar alone, and on two threads.
    fn cold(&mut self, tree: &Tree) {
        if !self.wanted(&format!("cold: {}", tree.name)) {
            return;
        }
        let known = corpus::tasks(tree);
        let (one, two) = (cold(tree, 1), cold(tree, 2));
        let parse = || parse_alone(&tree.snapshot);
        let against_parse = processor_pairs(self.turns(), &one, parse);
        let name = format!("cold: {} ({} files, {} KiB, {known} tasks)", tree.name, tree.files(), tree.bytes() >> 10);
        self.row(
            &format!("{name} / tree-sitter"),
            against_parse.ratio,
            "<= 2.0",
            against_parse.ratio <= 2.5,
            &against_parse.times(),
        );
        // A small tree is done before a second thread is worth its start, and one core has no two.
        if tree.files() >= 500 && std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2) {
            let threads = pairs(self.turns(), &one, &two);
            let times = threads.times();
            self.row("cold: one thread / two threads", threads.ratio, ">= 1.7", true, &times);
        }
    }

    /// Airflow's own DagBag on the same folders, in the processor time that it takes for the files
    /// once Airflow itself is imported.
    fn airflow(&mut self, trees: &[Tree]) {
        for tree in trees {
            let Some(dagbag) = &tree.dagbag else { continue };
            let what = format!("DagBag of {} / cold", tree.name);
            if !self.wanted(&what) {
                continue;
            }
            let Some(theirs) = dagbag.seconds() else {
                println!("{}: the DagBag could not be measured", tree.name);
                continue;
            };
            let Some(ours) = (0..self.turns()).map(|_| time(&cold(tree, 1))).min() else { continue };
            let ratio = theirs / ours.as_secs_f64();
            let times = format!("{theirs:.2} s / {ours:.2?}");
            self.row(&what, ratio, ">= 100", ratio >= 5.0, &times);
        }
    }

    /// A model after one file changed, against a cold one of the same tree: the share of the files
    /// that reach it.
    fn warm(&mut self) {
        let tree = corpus::generated(1_000);
        let cases = [
            ("nothing", None, 0.0),
            ("a leaf", Some(corpus::LEAF), 0.001),
            ("a module that 10 % reach", Some(corpus::TENTH), 0.1),
            ("a module that all reach", Some(corpus::ALL), 1.0),
        ];
        for (what, path, share) in cases {
            let what = format!("warm: {what} changed / cold");
            if !self.wanted(&what) {
                continue;
            }
            let models = Models::new(1);
            build(&models, &tree.snapshot, tree.airflow);
            let (mut warm, mut cold) = (Duration::MAX, Duration::MAX);
            for turn in 0..self.turns() {
                let now =
                    path.map_or_else(|| tree.snapshot.clone(), |path| corpus::touched(&tree.snapshot, path, turn));
                warm = warm.min(time(&|| build(&models, &now, tree.airflow)));
                cold = cold.min(time(&|| build(&Models::new(1), &now, tree.airflow)));
            }
            let ratio = warm.as_secs_f64() / cold.as_secs_f64();
            let goal = share + 0.05;
            let times = format!("{warm:.2?} / {cold:.2?}");
            let within = ratio <= goal * 1.3 + 0.1;
            self.row(&what, ratio, &format!("<= {goal:.2}"), within, &times);
        }
    }

    /// DAGs whose tasks come from a loop: three times the turns cost three times as much.
    fn loops(&mut self) {
        let turns = if self.asserts { 9 } else { 21 };
        let Some(pairs) = loops::pairs(turns, |what| self.wanted(what)) else {
            println!("loop: not measured on this system");
            return;
        };
        for pair in pairs {
            let ratio = pair.large.as_secs_f64() / pair.small.as_secs_f64();
            let times = format!("{:.2?} / {:.2?}", pair.large, pair.small);
            self.row(&pair.what, ratio, "<= 3.0", ratio <= 4.0, &times);
        }
    }

    /// A check of one changed file among 1,000, as a process.
    fn check(&mut self) {
        type Reaches<'r> = &'r dyn Fn(&str) -> bool;
        /// 150 MB.
        const MOST: usize = 150_000_000 / 1024;
        let leaf = |path: &str| path == corpus::LEAF;
        let tenth = |path: &str| path == corpus::TENTH || corpus::is_of_tenth(path);
        // With nothing kept both trees are modelled whole, whatever the change reaches: far from the goal.
        let cases: [(_, _, _, Reaches, [f64; 2]); 2] = [
            ("a DAG file", corpus::LEAF, ["skip", "idle_#"], &leaf, [450.0, 30.0]),
            ("a module that 10 % reach", corpus::TENTH, ["\"events\"", "\"visits_#\""], &tenth, [27.0, 9.0]),
        ];
        for (what, path, change, reaches, [without, with]) in cases {
            let name = format!("check: {what} of 1,000, 200 runs");
            if !self.wanted(&name) {
                continue;
            }
            let Some(case) = check::Case::new(path, change, reaches) else {
                self.failed |= self.asserts;
                println!("{name}: not measured without git");
                continue;
            };
            assert_ne!(case.findings(), Some(0), "{what} gives no finding");
            for (kept, allowed, how) in [(Kept::Deployed, with, ""), (Kept::Nothing, without, ", nothing kept")] {
                let Some(cost) = case.cost(kept, self.turns()) else {
                    self.failed |= self.asserts;
                    println!("{name}{how}: a check or git did not end as it should");
                    continue;
                };
                let times = format!("{:.2?} / ({:.2?} + {:.2?})", cost.check, cost.git, cost.parse);
                let what = format!("{name}{how} / git and parsing");
                self.row(&what, cost.ratio(), "<= 3.0", cost.ratio() <= allowed, &times);
            }
            if let Some(kib) = case.peak() {
                let mb = kib as f64 * 1024.0 / 1e6;
                self.row(&format!("{name}: peak, MB"), mb, "<= 150", kib <= MOST, "");
            }
        }
    }

    /// What a snapshot of a whole Airflow costs the client.
    fn rest(&mut self) {
        /// 60 MB.
        const MOST: usize = 60_000_000 / 1024;
        for release in ["2.6.2", "2.11.2", "3.3.2"] {
            if !self.wanted(&format!("snapshot of {release}")) {
                continue;
            }
            let costs = [4_000, 40_000].map(|rows| (rows, rest::cost(release, rows)));
            for (rows, cost) in &costs {
                let Some(cost) = cost else {
                    println!("snapshot of Airflow {release}: not measured on this system");
                    continue;
                };
                println!(
                    "snapshot of Airflow {release}, {rows} task instances: {} calls, {} KiB, {:.1} ms of processor time, peak {:.1} MiB, {:.1} MiB with its file",
                    cost.calls,
                    cost.bytes >> 10,
                    cost.microseconds as f64 / 1e3,
                    cost.kib as f64 / 1024.0,
                    cost.kib_written as f64 / 1024.0,
                );
            }
            let [(_, Some(small)), (_, Some(large))] = costs else { continue };
            let calls = small.calls as f64;
            self.row(&format!("snapshot of {release}: calls, 4,000"), calls, "<= 9", small.calls <= 9, "");
            let ratio = large.microseconds as f64 / small.microseconds.max(1) as f64;
            self.row(&format!("snapshot of {release}: time, 40,000 / 4,000"), ratio, "<= 10", ratio <= 15.0, "");
            let mb = large.kib_written as f64 * 1024.0 / 1e6;
            self.row(&format!("snapshot of {release}: MB, 40,000"), mb, "<= 60", large.kib_written <= MOST, "");
        }
    }

    /// The most memory that a process with 10,000 files takes, the files themselves included.
    fn memory(&mut self) {
        if !self.wanted("memory") {
            return;
        }
        for kind in ["content", "model"] {
            match memory::of_child(kind) {
                Some(kib) if kind == "model" => {
                    let mib = kib as f64 / 1024.0;
                    // It hardly varies (191.9 to 192.4), so that the goal itself has margin enough.
                    self.row("memory: model of 10,000 files, MiB", mib, "<= 200", mib <= 200.0, "");
                }
                Some(kib) => println!("memory: content of 10,000 files alone, MiB {:>17}", kib >> 10),
                None => println!("memory: not measured on this system"),
            }
        }
    }
}

fn build(models: &Models, snapshot: &Snapshot, airflow: Option<AirflowVersion>) {
    black_box(models.build(snapshot, Layout::Content, airflow));
}

fn cold(tree: &Tree, threads: usize) -> impl Fn() + '_ {
    move || build(&Models::new(threads), &tree.snapshot, tree.airflow)
}

/// Parses the Python files of a tree with the grammar and nothing else.
fn parse_alone(snapshot: &Snapshot) {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).expect("the grammar fits the library");
    for (path, file) in snapshot.files() {
        if path.as_str().ends_with(".py") {
            black_box(parser.parse(&file.bytes, None));
        }
    }
}

struct Pairs {
    ratio: f64,
    ours: Duration,
    theirs: Duration,
}

impl Pairs {
    fn times(&self) -> String {
        format!("{:.2?} / {:.2?}", self.ours, self.theirs)
    }
}

/// Both in turns; of each the least time counts, which a machine that is busy disturbs least.
fn pairs(turns: usize, ours: impl Fn(), theirs: impl Fn()) -> Pairs {
    ours();
    theirs();
    let (mut best, mut peer) = (Duration::MAX, Duration::MAX);
    for _ in 0..turns {
        best = best.min(time(&ours));
        peer = peer.min(time(&theirs));
    }
    Pairs { ratio: best.as_secs_f64() / peer.as_secs_f64(), ours: best, theirs: peer }
}

fn time(work: &impl Fn()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Processor time of this process so far, that of its ended threads included: what others do on the
/// machine is not in it.
fn processor() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let parts = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    parts.0.and_then(|seconds| Ok(Duration::new(seconds, parts.1?))).expect("such a clock does not run backwards")
}

/// Both in turns, and the processor time of each: the ratio is the median of the turns', and in a
/// turn each is repeated for so long that what comes between is little.
fn processor_pairs(turns: usize, ours: impl Fn(), theirs: impl Fn()) -> Pairs {
    let (our_times, their_times) = (repeats(&ours), repeats(&theirs));
    let mut ratios = Vec::new();
    let (mut our_time, mut their_time) = (Duration::ZERO, Duration::ZERO);
    let mut done = 0_u32;
    while (done as usize) < turns || our_time.min(their_time) < Duration::from_secs(1) {
        let mine = repeated(our_times, &ours);
        let peer = repeated(their_times, &theirs);
        ratios.push(mine.as_secs_f64() / peer.as_secs_f64());
        our_time += mine * our_times;
        their_time += peer * their_times;
        done += 1;
    }
    ratios.sort_by(f64::total_cmp);
    Pairs {
        ratio: ratios[ratios.len() / 2],
        ours: our_time / (done * our_times),
        theirs: their_time / (done * their_times),
    }
}

/// How often something is to be done for a measurement.
fn repeats(work: &impl Fn()) -> u32 {
    const MEASURED: Duration = Duration::from_millis(300);
    work();
    let once = time(work).max(Duration::from_micros(100));
    u32::try_from(MEASURED.as_nanos().div_ceil(once.as_nanos())).unwrap_or(1)
}

/// The processor time of something that is done so often, each.
fn repeated(times: u32, work: &impl Fn()) -> Duration {
    let start = processor();
    for _ in 0..times {
        work();
    }
    (processor().saturating_sub(start) / times).max(Duration::from_nanos(1))
}
