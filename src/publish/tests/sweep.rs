//! The same deliveries, killed or broken at every change that they make on disk.

use super::*;

/// A home's tree before, and what is delivered into it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) deployed: Vec<(&'static str, &'static str)>,
    pub(super) proposed: Vec<(&'static str, &'static str)>,
}

const BASE: [(&str, &str); 7] = [
    ("dags/a.py", "a1"),
    ("dags/b.py", "b1"),
    ("dags/team/c.py", "c1"),
    ("plugins/operators/o.py", "o1"),
    ("plugins/sensors/s.py", "s1"),
    ("shared/etl/d.py", "d1"),
    ("shared/etl/sub/e.py", "e1"),
];

const PLUGIN: &str = "class P(AirflowPlugin): pass";

/// The base with these files put, and those with an empty text taken away.
fn but(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut files: BTreeMap<&str, &str> = BASE.into_iter().collect();
    for (path, text) in changes {
        if text.is_empty() {
            files.remove(path);
        } else {
            files.insert(path, text);
        }
    }
    files.into_iter().collect()
}

fn case(
    name: &'static str,
    deployed: &[(&'static str, &'static str)],
    proposed: &[(&'static str, &'static str)],
) -> Case {
    Case { name, deployed: but(deployed), proposed: but(proposed) }
}

pub(super) fn cases() -> Vec<Case> {
    let first = Case { name: "a first delivery", deployed: vec![], proposed: but(&[]) };
    let all_but_one = Case { name: "all goes but a DAG", deployed: but(&[]), proposed: vec![("dags/a.py", "a1")] };
    vec![
        first,
        all_but_one,
        case("a new DAG", &[], &[("dags/n.py", "n1")]),
        case(
            "new files everywhere",
            &[],
            &[
                ("dags/n.py", "n1"),
                ("plugins/operators/n.py", "n1"),
                ("plugins/sensors/n.py", "n1"),
                ("shared/new/n.py", "n1"),
            ],
        ),
        case(
            "new folders of several files",
            &[],
            &[
                ("dags/fresh/a.py", "a1"),
                ("dags/fresh/b.py", "-> a.py"),
                ("dags/fresh/sub/c.py", "c1"),
                ("dags/team/sub/d.py", "d1"),
                ("dags/team/sub/e.py", "e1"),
                ("shared/new/n.py", "n1"),
                ("shared/new/o.py", "o1"),
            ],
        ),
        case("a changed DAG", &[], &[("dags/a.py", "a2")]),
        case(
            "changes everywhere",
            &[],
            &[
                ("dags/a.py", "a2"),
                ("plugins/operators/o.py", "o2"),
                ("plugins/sensors/s.py", "s2"),
                ("shared/etl/d.py", "d2"),
            ],
        ),
        case("a DAG goes", &[], &[("dags/b.py", "")]),
        case("a folder of DAGs goes", &[], &[("dags/team/c.py", "")]),
        case("a shared folder goes", &[], &[("shared/etl/d.py", ""), ("shared/etl/sub/e.py", "")]),
        case("a DAG moves", &[], &[("dags/b.py", ""), ("dags/team/b.py", "b1")]),
        case("code moves between roots", &[], &[("shared/etl/d.py", ""), ("plugins/operators/d.py", "d1")]),
        case(
            "a shared folder gets another name",
            &[],
            &[
                ("shared/etl/d.py", ""),
                ("shared/etl/sub/e.py", ""),
                ("shared/load/d.py", "d1"),
                ("shared/load/sub/e.py", "e1"),
                ("dags/a.py", "import load"),
            ],
        ),
        case("a file becomes a folder", &[("dags/x", "x1")], &[("dags/x/y.py", "y1"), ("dags/x/z.py", "z1")]),
        case("a folder becomes a file", &[("dags/x/y.py", "y1"), ("dags/x/z/w.py", "w1")], &[("dags/x", "x1")]),
        case(
            "a file and a folder change places",
            &[("dags/x", "x1"), ("dags/y/z.py", "z1")],
            &[("dags/x/z.py", "z2"), ("dags/y", "y1")],
        ),
        case(
            "a shared module becomes a package",
            &[("shared/etl/m.py", "m1")],
            &[("shared/etl/m/__init__.py", "m2"), ("dags/a.py", "a2")],
        ),
        case("a file becomes a link", &[], &[("dags/b.py", "-> a.py")]),
        case("a link becomes a file", &[("dags/l.py", "-> a.py")], &[("dags/l.py", "l1")]),
        case("a link leads elsewhere", &[("dags/l.py", "-> a.py")], &[("dags/l.py", "-> b.py")]),
        case("a folder becomes a link", &[("dags/x/y.py", "y1")], &[("dags/x", "-> team")]),
        case("a file may be executed", &[("dags/r.sh", "echo")], &[("dags/r.sh", "#!echo")]),
        case("a deep path comes", &[], &[("shared/etl/1/2/3/4.py", "deep"), ("dags/1/2/3.sql", "deep")]),
        case("a deep path goes", &[("shared/etl/1/2/3/4.py", "deep"), ("dags/1/2/3.sql", "deep")], &[]),
        case("two files change places", &[], &[("dags/a.py", "b1"), ("dags/b.py", "a1")]),
        case("an archive of DAGs", &[], &[("dags/z.zip", "PK\u{5}\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]),
        case("a folder becomes a plugin", &[], &[("shared/etl/p.py", PLUGIN)]),
        case("a plugin goes", &[("shared/etl/p.py", PLUGIN)], &[]),
        Case { name: "some of everything", deployed: FIRST.to_vec(), proposed: SECOND.to_vec() },
    ]
}

impl Case {
    pub(super) fn deployed(&self) -> Snapshot {
        snapshot("1111", &self.deployed)
    }

    pub(super) fn proposed(&self) -> Snapshot {
        snapshot("2222", &self.proposed)
    }

    /// A home with the deployed tree, byte code, and files of others.
    fn home(&self, home: &Path, volumes: bool) {
        let opened = open_with(home, mortal(usize::MAX, volumes).0).unwrap();
        if !self.deployed.is_empty() {
            deliver(&opened, &self.deployed()).unwrap();
        }
        for (path, text) in FOREIGN {
            fs::create_dir_all(home.join(path).parent().unwrap()).unwrap();
            let present = fs::read_to_string(home.join(path)).unwrap_or_default();
            fs::write(home.join(path), format!("{text}{present}")).unwrap();
        }
    }
}

const FOREIGN: [(&str, &str); 4] = [
    ("plugins/listener.py", "foreign"),
    ("plugins/foreign/x.py", "foreign"),
    ("airflow.cfg", "foreign"),
    ("plugins/.airflowignore", "theirs\n"),
];

fn foreign_is_untouched(home: &Path) {
    for (path, text) in FOREIGN {
        assert!(fs::read_to_string(home.join(path)).unwrap().starts_with(text), "{path}");
    }
}

/// The trees that a delivery may be met in, one after another.
fn prefixes(before: &Tree, proposed: &Snapshot) -> Vec<Tree> {
    let mut prefixes = vec![before.clone()];
    for step in &plan(before, proposed, Layout::Content).unwrap().steps {
        let mut next = prefixes.last().unwrap().clone();
        match &step.operation {
            Operation::Write { id, mode, .. } => next.insert(step.dest.clone(), (*id, *mode)),
            Operation::Remove => next.remove(&step.dest),
        };
        prefixes.push(next);
    }
    prefixes
}

/// No file of ours ends in `.py` below a state folder, and each state file is whole.
fn state_is_sane(home: &Path) {
    for state in [".dagguard", "dags/.dagguard", "plugins/.dagguard", "plugins/operators/.dagguard"] {
        for folder in [home.join(state), home.join(state).join("stage")] {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = entry.file_name().into_string().unwrap();
                assert!(!name.ends_with(".py"), "{name}");
                if name == "deployed" {
                    assert!(record::read_from(&home.into(), state).unwrap().is_some(), "{name} is not whole");
                } else if state::FILES.contains(&name.as_str()) {
                    let bytes = fs::read(entry.path()).unwrap();
                    assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(), "{name} is not whole");
                }
            }
        }
    }
}

/// Carries the delivery out with a fault at the change of that number; what came of it.
fn strike(case: &Case, at: usize, fault: Fault, volumes: bool) -> Result<Published, PublishError> {
    let place = format!("{}, {fault:?} at {at}, volumes {volumes}", case.name);
    let (_dir, home) = fresh();
    case.home(&home, volumes);
    let before = on_disk(&home);
    let proposed = case.proposed();
    let target = wanted(&proposed);

    let (effects, left) = faulty(usize::MAX, fault, volumes);
    let struck = open_with(&home, effects).unwrap();
    left.store(at, Ordering::SeqCst);
    let result = deliver(&struck, &proposed);
    let mended = left.swap(usize::MAX, Ordering::SeqCst);

    // What is on disk is a prefix of the plan, whole file by whole file.
    let found = on_disk(&home);
    assert!(prefixes(&before, &proposed).contains(&found), "{place}: not a prefix: {found:?}");
    foreign_is_untouched(&home);
    state_is_sane(&home);
    if let (Err(error), Fault::Broken(errno) | Fault::Once(errno)) = (&result, fault) {
        let words = io::Error::from_raw_os_error(errno).to_string();
        assert!(error.to_string().contains(&words), "{place}: {error}");
        assert!(mended != usize::MAX || matches!(fault, Fault::Once(_)), "{place}");
    }

    // Going on, or a restart alone without any network, ends in exactly one of the two revisions.
    let again = if fault == Fault::Killed {
        drop(struck);
        open_with(&home, mortal(usize::MAX, volumes).0).unwrap()
    } else {
        struck
    };
    let nothing = Snapshot::empty(Revision::new("nothing"));
    let observed = again.observe(&nothing, Layout::Content, Look::Content).unwrap();
    assert!(!matches!(again.recovered(), Some(Recovery::Abandoned(_))), "{place}");
    let ended = on_disk(&home);
    assert!(ended == before || ended == target, "{place}: {ended:?}");
    if result.is_ok() {
        assert_eq!(ended, target, "{place}");
    }
    if observed.kind == Kind::Recorded {
        assert_eq!(observed.drift, [], "{place}");
        // Two revisions may have the same files: one of the names is right.
        let revision = observed.revision.as_str();
        assert!(wanted(&if revision == "2222" { case.proposed() } else { case.deployed() }) == ended, "{place}");
    } else {
        assert!(observed.kind == Kind::Empty && case.deployed.is_empty(), "{place}");
    }

    // And the next pass delivers.
    deliver(&again, &proposed).unwrap();
    assert_eq!(on_disk(&home), target, "{place}");
    assert!(look_at(&again, &proposed).is_at(&Revision::new("2222")), "{place}");
    foreign_is_untouched(&home);
    let ignored = fs::read_to_string(home.join("plugins/.airflowignore")).unwrap();
    let kept = PluginFolders::of(&proposed, Layout::Content).ignored;
    assert_eq!(ignored, ignored::text("theirs\n", &kept).unwrap(), "{place}");
    let stage = home.join(again.state.as_str()).join("stage");
    assert_eq!(fs::read_dir(stage).map_or(0, Iterator::count), 0, "{place}: nothing stays staged");
    result
}

/// Every change of every case, one fault after another; returns how many points there were.
fn sweep(faults: &[Fault], volumes: &[bool], every: usize) -> usize {
    let mut points = 0;
    for (number, case) in cases().iter().enumerate() {
        for &volumes in volumes {
            for (turn, &fault) in faults.iter().enumerate() {
                // A sample begins elsewhere in each case, so that all kinds of changes are met.
                let mut at = (number + turn) % every;
                while strike(case, at, fault, volumes).is_err() || at < every {
                    points += 1;
                    at += every;
                    assert!(at < 1000, "{}: no end", case.name);
                }
            }
        }
    }
    points
}

#[test]
fn twenty_deliveries_and_more_with_changes_of_each_kind() {
    assert!(cases().len() >= 20);
}

/// Files in new folders and changed ones, more than one thread writes.
fn many() -> Case {
    let text = |text: String| -> &'static str { text.leak() };
    let files = |folder: &str, turn: usize, number: usize| {
        let path = text(format!("dags/{folder}_{}/f{number}.py", number % 3));
        (path, text(format!("{number} of {turn}")))
    };
    let changed = |turn| (0..stage::MANY / 2).map(move |number| files("same", turn, number));
    let new = (0..stage::MANY).map(|number| files("new", 2, number));
    let deployed: Vec<_> = changed(1).collect();
    case("many files", &deployed, &changed(2).chain(new).collect::<Vec<_>>())
}

#[test]
fn files_that_several_threads_write_are_of_one_revision_after_a_kill_or_a_fault() {
    let case = many();
    for fault in [Fault::Killed, Fault::Broken(28)] {
        let struck = (3..1000).step_by(19).take_while(|at| strike(&case, *at, fault, false).is_err()).count();
        println!("{fault:?}: {struck} points");
        assert!(struck >= 10, "{fault:?}: {struck}");
    }
}

/// `ENOSPC`, `EIO`, `EACCES`, `EROFS`.
pub(super) const ERRNOS: [i32; 4] = [28, 5, 13, 30];

#[test]
fn killed_at_a_sample_of_all_changes_one_revision_is_left() {
    let points = sweep(&[Fault::Killed], &[false, true], 7);
    println!("{points} kills");
    assert!(points > 200, "{points}");
}

#[test]
#[ignore = "takes minutes: every change of every delivery"]
fn killed_at_every_change_one_revision_is_left() {
    let points = sweep(&[Fault::Killed], &[false, true], 1);
    println!("{points} kills");
    assert!(points > 1500, "{points}");
}

#[test]
fn broken_at_a_sample_of_all_changes_one_revision_is_left_and_the_fault_is_told() {
    let faults: Vec<Fault> = ERRNOS.into_iter().flat_map(|errno| [Fault::Broken(errno), Fault::Once(errno)]).collect();
    let points = sweep(&faults, &[false], 29);
    println!("{points} faults");
    assert!(points > 200, "{points}");
}

#[test]
#[ignore = "takes minutes: every fault at every change of every delivery"]
fn broken_at_every_change_one_revision_is_left_and_the_fault_is_told() {
    let faults: Vec<Fault> = ERRNOS.into_iter().flat_map(|errno| [Fault::Broken(errno), Fault::Once(errno)]).collect();
    let points = sweep(&faults, &[false, true], 1);
    println!("{points} faults");
    assert!(points > 5000, "{points}");
}
