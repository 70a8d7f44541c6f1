//! Readers beside deliveries: one that imports every DAG as Airflow's parser does, and one that
//! looks for the moments in which files of two revisions lie side by side.

use dagguard::content::{ContentPath, File, Layout, Order, Planner, Revision, Snapshot};
use dagguard::publish::{Home, Look, Options, PublishMode};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn snapshot(number: usize, files: &[(String, String)]) -> Snapshot {
    let revision = Revision::new(number.to_string());
    let mut snapshot = Snapshot::empty(revision.clone());
    for (path, text) in files {
        snapshot.insert(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
    }
    snapshot
}

/// A home in memory where there is such a place: deliveries are to follow each other quickly.
fn place() -> tempfile::TempDir {
    if Path::new("/dev/shm").is_dir() { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }.unwrap()
}

struct Publisher {
    home: Home,
    planner: Planner,
}

impl Publisher {
    fn new(path: &Path, mode: PublishMode, order: Order) -> Self {
        let home = Home::open(path, Options { mode, ..Options::default() }).unwrap();
        Self { home, planner: Planner { order, ..Planner::default() } }
    }

    fn deliver(&self, proposed: &Snapshot) {
        let observed = self.home.observe(proposed, Layout::Content, Look::Stamps).unwrap();
        let plan = self.planner.plan(&observed.manifest, proposed, Layout::Content).unwrap();
        self.home.publish(&observed, proposed, &plan, Layout::Content).unwrap();
    }
}

/// Imports all DAG files in a loop, each time as a fresh process of Airflow would: nothing of the
/// home is in memory. Says what went wrong, and how often it went round.
const IMPORTER: &str = r##"
import importlib, os, sys
home = sys.argv[1]
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(home, "plugins"), os.path.join(home, "dags")]
rounds = 0
while not os.path.exists(os.path.join(home, "stop")):
    for name in sorted(os.listdir(os.path.join(home, "dags"))):
        if not name.endswith(".py"):
            continue
        for module in [m for m, v in sys.modules.items() if str(getattr(v, "__file__", None) or getattr(v, "__path__", "")).find(home) >= 0]:
            del sys.modules[module]
        importlib.invalidate_caches()
        try:
            with open(os.path.join(home, "dags", name)) as file:
                text = file.read()
            if not text.endswith("# end of it\n"):
                raise ValueError("half a file: " + text[-40:])
            exec(compile(text, name, "exec"), {"__name__": "dag"})
        except Exception as error:
            print("FAULT", type(error).__name__, error, flush=True)
    rounds += 1
print("ROUNDS", rounds, flush=True)
"##;

/// The DAG's text ends in a mark; what is imported asserts that it is whole.
fn adding(number: usize) -> Vec<(String, String)> {
    let filler = "# filler\n".repeat(500);
    let module = |n: usize| format!("VALUE = {n}\n# filler\n# filler\nEND = VALUE\n");
    let mut files: Vec<(String, String)> = (0..=number).map(|n| (format!("shared/etl/m{n}.py"), module(n))).collect();
    files.push((
        "plugins/operators/op.py".to_string(),
        format!("from etl.m0 import END\n{filler}def run(value): return value\n"),
    ));
    let first = number.saturating_sub(3);
    files.extend((first..=number).map(|n| {
        let text = format!(
            "from operators.op import run\nfrom etl.m{n} import END\n{filler}assert run(END) == {n}\n# end of it\n"
        );
        (format!("dags/d{}.py", n % 4), text)
    }));
    files
}

fn nothing_is_missing_during(deliveries: usize, mode: PublishMode) {
    let place = place();
    let home = place.path().join("home");
    let publisher = Publisher::new(&home, mode, Order::ByRoot);
    publisher.deliver(&snapshot(0, &adding(0)));
    let importer =
        Command::new("python3").args(["-c", IMPORTER, home.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    for number in 1..=deliveries {
        publisher.deliver(&snapshot(number, &adding(number)));
    }
    // It goes round at least once behind the last one.
    std::thread::sleep(Duration::from_millis(200));
    fs::write(home.join("stop"), "").unwrap();
    let output = importer.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let faults: Vec<&str> = said.lines().filter(|line| line.starts_with("FAULT")).collect();
    assert!(faults.is_empty(), "{mode:?}: {} faults: {:?}", faults.len(), &faults[..faults.len().min(5)]);
    let rounds: usize = said.lines().find_map(|line| line.strip_prefix("ROUNDS ")).unwrap().parse().unwrap();
    println!("{mode:?}: {rounds} rounds of imports during {deliveries} deliveries, nothing was missing");
    assert!(rounds > 5, "{rounds}");
}

#[test]
fn an_importer_beside_five_hundred_deliveries_misses_nothing_that_is_only_added() {
    nothing_is_missing_during(500, PublishMode::InPlace);
}

#[test]
fn an_importer_beside_trees_misses_nothing_either() {
    nothing_is_missing_during(100, PublishMode::Symlink);
}

/// A commit in which two files must change together.
#[derive(Clone, Copy, Debug)]
enum Together {
    /// An operator needs a shared module that is new.
    OperatorAndShared,
    /// A DAG calls its operator in another way.
    OperatorAndDag,
}

impl Together {
    fn files(self, number: usize) -> Vec<(String, String)> {
        let shared = |n: usize| (format!("shared/etl/h{n}.py"), format!("{n}\n"));
        let dag = ("dags/d.py".to_string(), format!("{number}\n"));
        let operator = ("plugins/operators/op.py".to_string(), format!("{number}\n"));
        match self {
            // The DAG stays as it is.
            Self::OperatorAndShared => vec![shared(number), operator, ("dags/d.py".to_string(), "0\n".to_string())],
            Self::OperatorAndDag => vec![operator, dag],
        }
    }

    /// Whether a process that begins to load now meets files that do not fit.
    fn is_torn(self, root: &Path) -> bool {
        let number = |path: &str| fs::read_to_string(root.join(path)).map(|text| text.trim().to_string());
        let Ok(operator) = number("plugins/operators/op.py") else { return false };
        match self {
            Self::OperatorAndShared => {
                // The one before is there until the operator that needs it has gone.
                let there = root.join(format!("plugins/etl/h{operator}.py")).exists();
                !there && number("plugins/operators/op.py").is_ok_and(|again| again == operator)
            }
            Self::OperatorAndDag => {
                number("dags/d.py").is_ok_and(|dag| dag != operator)
                    && number("plugins/operators/op.py").is_ok_and(|again| again == operator)
            }
        }
    }
}

/// How long files that do not fit lay side by side, delivery by delivery, and how many deliveries there
/// were: more than these where some are to be seen and a busy machine did not let us look in time.
fn windows(
    together: Together,
    mode: PublishMode,
    order: Order,
    deliveries: usize,
    some: bool,
) -> (Vec<Duration>, usize) {
    /// After so many times as many there are none.
    const PATIENCE: usize = 30;
    let place = place();
    let home = place.path().join("home");
    let publisher = Publisher::new(&home, mode, order);
    publisher.deliver(&snapshot(0, &together.files(0)));
    let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let looking = {
        let (stop, seen, home) = (stop.clone(), seen.clone(), home.clone());
        std::thread::spawn(move || {
            let mut found = Vec::new();
            let mut since: Option<Instant> = None;
            while !stop.load(Ordering::Relaxed) {
                // A process resolves the link once, and then reads one tree.
                let tree = fs::canonicalize(home.join("dags")).ok().and_then(|dags| dags.parent().map(PathBuf::from));
                // Deliveries follow each other here in milliseconds, and the one after the next one takes
                // a tree away: what is read of a tree that is not the current one any more does not count.
                let is_current =
                    |tree: &Path| fs::canonicalize(home.join("dags")).is_ok_and(|dags| dags.parent() == Some(tree));
                let torn = tree.is_some_and(|tree| together.is_torn(&tree) && is_current(&tree));
                match (torn, since) {
                    (true, None) => since = Some(Instant::now()),
                    (false, Some(begun)) => {
                        found.push(begun.elapsed());
                        seen.store(true, Ordering::Relaxed);
                        since = None;
                    }
                    _ => {}
                }
            }
            found
        })
    };
    let mut number = 0;
    while number < deliveries || (some && !seen.load(Ordering::Relaxed) && number < PATIENCE * deliveries) {
        number += 1;
        publisher.deliver(&snapshot(number, &together.files(number)));
    }
    stop.store(true, Ordering::Relaxed);
    (looking.join().unwrap(), number)
}

#[test]
fn the_moment_in_which_two_files_do_not_fit_is_short_by_root_and_none_behind_a_link() {
    const DELIVERIES: usize = 100;
    for together in [Together::OperatorAndShared, Together::OperatorAndDag] {
        for (mode, order) in [
            (PublishMode::InPlace, Order::ByRoot),
            (PublishMode::InPlace, Order::AdditionsFirst),
            (PublishMode::Symlink, Order::ByRoot),
        ] {
            let none = match (together, mode, order) {
                (_, PublishMode::Symlink, _) | (Together::OperatorAndShared, _, Order::AdditionsFirst) => true,
                // What the other two cannot hide: otherwise this test would see nothing at all.
                _ => false,
            };
            let (mut found, deliveries) = windows(together, mode, order, DELIVERIES, !none);
            found.sort();
            let (p50, max) = (found.get(found.len() / 2), found.last());
            println!(
                "{together:?}, {mode:?}, {order:?}: {} of {deliveries} seen, p50 {p50:?}, max {max:?}",
                found.len()
            );
            assert_eq!(found.is_empty(), none, "{together:?}, {mode:?}, {order:?}: {found:?}");
        }
    }
}
