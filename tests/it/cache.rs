//! A check says the same with whatever earlier ones have kept: after any change, of any other commit,
//! whole or damaged.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test makes files and repositories and may panic"
)]

use crate::repositories::Scripted;
use dagguard::cli::{Process, run};
use dagguard::config::Environment;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Numbers that are the same in each run of the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const TEAMS: [&str; 3] = ["dags/team_a", "dags/team_b", "dags"];
const TASKS: [&str; 5] = ["extract", "load", "check", "publish", "clean"];
const MODULES: [&str; 4] = ["settings", "names", "tables", "more"];

/// A DAG file in one of the forms that people use.
fn flow(number: usize, dice: &mut Dice) -> String {
    let (module, task, other) = (dice.of(&MODULES), dice.of(&TASKS), dice.of(&TASKS));
    let import = match dice.below(5) {
        0 => format!("from common.{module} import NAMES"),
        1 => format!("import common.{module}\nNAMES = common.{module}.NAMES"),
        2 => format!("try:\n    from common.{module}.deep import NAMES\nexcept ImportError:\n    NAMES = ['{task}']"),
        3 => format!("import {module}\nNAMES = {module}.NAMES"),
        _ => format!("NAMES = ['{task}', '{other}']"),
    };
    let body = match dice.below(4) {
        0 => "    last = None\n    for name in NAMES:\n        now = BashOperator(task_id=name, bash_command='run ' + name, pool='night')\n        if last: last >> now\n        last = now\n".to_owned(),
        1 => format!("    @task\n    def {task}(): return {{'rows': 1}}\n    @task\n    def use(rows): return rows['rows']\n    use({task}())\n"),
        2 => format!("    @task\n    def work(name): return name\n    work.expand(name=NAMES)\n    BashOperator(task_id='{other}', bash_command='{other}.sh')\n"),
        _ => format!("    TriggerDagRunOperator(task_id='{task}', trigger_dag_id='flow_{}')\n    ExternalTaskSensor(task_id='wait_{other}', external_dag_id='flow_{}', external_task_id='{other}')\n", dice.below(12), dice.below(12)),
    };
    let id = if dice.below(9) == 0 { dice.below(12) } else { number };
    format!(
        "from airflow import DAG\nfrom airflow.decorators import task\nfrom airflow.operators.bash import BashOperator\n\
         from airflow.operators.trigger_dagrun import TriggerDagRunOperator\n\
         from airflow.sensors.external_task import ExternalTaskSensor\n{import}\n\
         with DAG('flow_{id}', schedule=None) as dag:\n{body}"
    )
}

fn names(dice: &mut Dice) -> String {
    let mut names: Vec<&str> = (0..=dice.below(3)).map(|_| dice.of(&TASKS)).collect();
    names.dedup();
    match dice.below(6) {
        0 => "from .names import NAMES\n".to_owned(),
        1 => format!("NAMES = {names:?}\nNAMES.append(\n"),
        _ => format!("NAMES = {names:?}\n"),
    }
}

/// A change as people make them, and some that they should not make.
fn change(tree: &mut BTreeMap<String, String>, dice: &mut Dice) {
    let flows: Vec<String> = tree.keys().filter(|path| path.contains("flow_")).cloned().collect();
    let some = flows[dice.below(flows.len())].clone();
    let number = some.rsplit_once("flow_").unwrap().1.trim_end_matches(".py").parse().unwrap();
    match dice.below(12) {
        0..=2 => {
            let text = flow(number, dice);
            tree.insert(some, text);
        }
        3 => {
            let (from, to) = (dice.of(&TASKS), dice.of(&TASKS));
            let text = tree[&some].replace(from, to);
            tree.insert(some, text);
        }
        4 => {
            write!(tree.get_mut(&some).unwrap(), "\n# airflow {number}\n").unwrap();
        }
        5 | 6 => {
            let module = dice.of(&MODULES);
            let names = names(dice);
            tree.insert(format!("shared/common/{module}.py"), names);
        }
        7 => {
            // Hides a module, or is one that was looked for in vain.
            let place = dice.of(&[
                "dags/common/names.py",
                "dags/names.py",
                "plugins/operators/names.py",
                "shared/common/names/deep.py",
                "dags/settings/__init__.py",
            ]);
            let names = names(dice);
            tree.insert(place.to_owned(), names);
        }
        8 => {
            let lines = ["team_a\n", "team_.*/flow_1\n", "# nothing\n", "flow_2.py\n"];
            tree.insert("dags/.airflowignore".to_owned(), dice.of(&lines).to_owned());
        }
        9 if tree.len() > 8 => {
            let all: Vec<String> = tree.keys().cloned().collect();
            tree.remove(&all[dice.below(all.len())]);
        }
        10 => {
            let text = tree.remove(&some).unwrap();
            tree.insert(format!("{}/flow_{number}.py", dice.of(&TEAMS)), text);
        }
        _ => {
            tree.insert(format!("dags/{}.sh", dice.of(&TASKS)), format!("echo {}\n", dice.below(9)));
        }
    }
    if !tree.keys().any(|path| path.contains("flow_")) {
        tree.insert("dags/flow_0.py".to_owned(), flow(0, dice));
    }
}

/// A run in flight of each DAG that there may be.
fn runs(dice: &mut Dice) -> String {
    let states = ["\"running\"", "\"success\"", "null", "\"deferred\"", "\"up_for_retry\""];
    let runs: Vec<String> = (0..12)
        .map(|dag| {
            let instances: Vec<String> = TASKS
                .iter()
                .chain(&["work", "use", "wait_load"])
                .map(|task| format!(r#"{{"task_id": "{task}", "map_index": -1, "state": {}}}"#, dice.of(&states)))
                .collect();
            let instances = instances.join(",");
            format!(r#"{{"dag_id": "flow_{dag}", "run_id": "r", "state": "running", "task_instances": [{instances}]}}"#)
        })
        .collect();
    format!(
        r#"{{"schema_version": 1, "taken_at": "2026-01-01T00:00:00Z", "instances": [{{"name": "default", "airflow_version": "2.11.2", "runs": [{}]}}]}}"#,
        runs.join(",")
    )
}

/// The report of a check as it is written, with its exit code.
fn check(directory: &Path, arguments: &[&str]) -> (String, String) {
    let beside = |name: &str| directory.parent().unwrap().join(name);
    let (report, runs) = (beside("report.json"), beside("runs.json"));
    let fixed = ["dagguard", "check", "--output-format", "json", "--runs"];
    let files = [runs.to_str().unwrap(), "--output-file", report.to_str().unwrap()];
    let args = fixed.iter().chain(&files).chain(arguments).map(Into::into).collect();
    fs::remove_file(&report).ok();
    let exit = run(Process { args, environment: Environment::new([]), directory: directory.to_path_buf() });
    (fs::read_to_string(&report).unwrap_or_default(), format!("{exit:?}"))
}

fn kept(work: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(work.join(".git/dagguard")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Changes some bytes of what is kept, or cuts it off.
fn damage(file: &Path, dice: &mut Dice) {
    let mut bytes = fs::read(file).unwrap();
    if bytes.is_empty() {
        return;
    }
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
    }
    if dice.below(3) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_report_is_the_same_whatever_was_kept() {
    let mut dice = Dice(42);
    let scripted = Scripted::new();
    let work = scripted.work();
    let mut tree = BTreeMap::new();
    for number in 0..10 {
        tree.insert(format!("{}/flow_{number}.py", dice.of(&TEAMS)), flow(number, &mut dice));
    }
    tree.insert("shared/common/__init__.py".to_owned(), String::new());
    for module in MODULES {
        tree.insert(format!("shared/common/{module}.py"), names(&mut dice));
    }
    fs::write(work.parent().unwrap().join("runs.json"), runs(&mut dice)).unwrap();
    let (mut found, mut commits) = (0, 0);
    for turn in 0..28 {
        for _ in 0..=dice.below(2) {
            change(&mut tree, &mut dice);
        }
        for folder in ["dags", "shared", "plugins"] {
            fs::remove_dir_all(work.join(folder)).ok();
        }
        let files: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        scripted.write(&files);
        // Every third change is one that nobody has committed yet.
        let proposed = if turn % 3 == 2 { "dir:." } else { "HEAD" };
        if proposed == "HEAD" {
            scripted.git(&["add", "-A"]);
            scripted.git(&["commit", "-q", "--allow-empty", "-m", "changed"]);
            commits += 1;
        }
        if commits < 2 {
            continue;
        }
        let back = 1 + dice.below(commits.min(5) - 1);
        let against = format!("HEAD~{back}");
        let mut arguments = vec![proposed, "--against", &against];
        arguments.extend(["--airflow-version", "3.3.2"].iter().filter(|_| turn % 7 == 3));
        arguments.extend(["--strict"].iter().filter(|_| turn % 5 == 4));
        let without = [arguments.as_slice(), &["--no-cache"]].concat();
        let expected = check(&work, &without);
        assert!(expected.0.contains("\"verdict\""), "turn {turn}: {expected:?}");
        assert_eq!(check(&work, &arguments), expected, "turn {turn}: {arguments:?}");
        if turn % 4 == 1 {
            assert_eq!(check(&work, &arguments), expected, "turn {turn} once more: {arguments:?}");
        }
        if turn % 4 == 3 {
            let files = kept(&work);
            assert!(files.len() >= 2, "something is kept: {files:?}");
            damage(&files[dice.below(files.len())], &mut dice);
            assert_eq!(check(&work, &arguments), expected, "turn {turn} with damage: {arguments:?}");
        }
        found += usize::from(expected.0.contains("\"fingerprint\""));
    }
    assert!(found > 10, "{found} reports with findings");
}

#[test]
fn nothing_is_kept_where_that_is_not_wanted_or_cannot_be() {
    let flow = flow(1, &mut Dice(1));
    let scripted = Scripted::with(&[("dags/flow_1.py", &flow)]);
    fs::write(scripted.root().join("runs.json"), runs(&mut Dice(2))).unwrap();
    let work = scripted.work();
    let arguments = ["HEAD", "--against", "HEAD"];
    let expected = check(&work, &[arguments.as_slice(), &["--no-cache"]].concat());
    assert!(kept(&work).is_empty());
    // A file stands where the folder would be made.
    fs::write(work.join(".git/dagguard"), "").unwrap();
    assert_eq!(check(&work, &arguments), expected);
    fs::remove_file(work.join(".git/dagguard")).unwrap();
    let elsewhere = scripted.root().join("elsewhere");
    assert_eq!(check(&work, &[arguments.as_slice(), &["--cache-dir", elsewhere.to_str().unwrap()]].concat()), expected);
    assert!(kept(&work).is_empty() && elsewhere.is_dir());
    assert_eq!(check(&work, &arguments), expected);
    assert!(!kept(&work).is_empty());
}
