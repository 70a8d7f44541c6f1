//! What Airflow's own DagBag builds from a content tree, as facts to compare a model with.
//!
//! [`Judge::facts`] delivers a tree into a home of its own, has `dagbag.py` load it with an
//! installed release, and reads what it tells. [`super::verdict::compare`] sets facts and model
//! side by side.

use super::install::{LeftOut, Release, Venv, install, root};
use dagguard::content::{BlobId, ContentPath, HomePath, Layout, Snapshot};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The program that an installed release runs.
const SCRIPT: &str = include_str!("dagbag.py");
/// How long one DAG file may take.
const SECONDS: &str = "20";

/// What Airflow builds from a tree: each file that it takes for a DAG file, by path in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The release that loaded it.
    pub(crate) version: String,
    pub(crate) files: BTreeMap<String, FileFacts>,
}

/// One DAG file. It may have both: what Airflow refuses is one DAG of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// The last line of each import error.
    pub(crate) errors: Vec<String>,
    pub(crate) dags: BTreeMap<String, DagFacts>,
}

/// One DAG.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DagFacts {
    pub(crate) tasks: BTreeMap<String, TaskFacts>,
    pub(crate) groups: BTreeMap<String, GroupFacts>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskFacts {
    pub(crate) operator: String,
    pub(crate) mapped: Option<Vec<OverFacts>>,
    pub(crate) upstream: BTreeSet<String>,
    pub(crate) downstream: BTreeSet<String>,
    pub(crate) group: Option<String>,
    pub(crate) trigger_rule: String,
    pub(crate) multiple_outputs: bool,
    pub(crate) setup: bool,
    pub(crate) teardown: bool,
}

/// One task group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupFacts {
    pub(crate) parent: Option<String>,
    pub(crate) mapped: Option<Vec<OverFacts>>,
}

/// One mapped argument (`expand_kwargs` for that form); sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OverFacts {
    pub(crate) argument: String,
    /// The length of a literal.
    pub(crate) length: Option<u64>,
    /// The tasks whose outputs are in it.
    pub(crate) tasks: BTreeSet<String>,
}

/// An installed release that says what it builds.
pub(crate) struct Judge {
    venv: Venv,
}

impl Judge {
    /// Installs the release, unless it is there.
    pub(crate) fn of(release: &'static Release) -> Result<Self, LeftOut> {
        Ok(Self { venv: install(release)? })
    }

    /// Loads a content tree (or a plain folder of DAG files) as it would lie on a worker. Facts of
    /// equal trees are kept below the target directory: loading them again says the same.
    pub(crate) fn facts(&self, tree: &Snapshot) -> Facts {
        self.facts_of_each(&[tree]).pop().expect("the facts of the one tree")
    }

    /// Loads several trees, each in a home and a process of its own; Airflow itself starts once.
    pub(crate) fn facts_of_each(&self, trees: &[&Snapshot]) -> Vec<Facts> {
        let version = self.venv.release.version;
        let told = self.kept_or_loaded(trees).unwrap_or_else(|why| panic!("Airflow {version}: {why}"));
        trees.iter().zip(told).map(|(tree, text)| parse(&text, version, Layout::of(tree))).collect()
    }

    fn kept_or_loaded(&self, trees: &[&Snapshot]) -> Result<Vec<String>, String> {
        let kept: Vec<PathBuf> = trees.iter().map(|tree| self.kept(tree)).collect();
        let folder = root().join("facts");
        let words = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(words)?;
        // Several cases ask for the facts of one tree: the first loads it, the others wait.
        let lock = File::create(folder.join(format!("{}.lock", self.venv.release.version))).map_err(words)?;
        lock.lock().map_err(words)?;
        let missing: Vec<usize> = (0..trees.len()).filter(|index| !kept[*index].exists()).collect();
        if !missing.is_empty() {
            let loaded = self.load(&missing.iter().map(|index| trees[*index]).collect::<Vec<_>>())?;
            for (index, text) in missing.into_iter().zip(loaded) {
                let part = kept[index].with_extension("part");
                fs::write(&part, &text).and_then(|()| fs::rename(&part, &kept[index])).map_err(words)?;
            }
        }
        kept.iter().map(|path| fs::read_to_string(path).map_err(words)).collect()
    }

    /// Where facts of that tree are kept: named by all that decides them.
    fn kept(&self, tree: &Snapshot) -> PathBuf {
        let mut all = format!("{:?}\n{SCRIPT}\n", self.venv.release);
        for (to, from) in Layout::of(tree).deliver(tree) {
            let id = tree.get(&from).map(|file| file.id.to_string());
            let _ = writeln!(all, "{} {id:?}", to.as_str());
        }
        root().join("facts").join(format!("{}-{}.jsonl", self.venv.release.version, BlobId::of(all.as_bytes())))
    }

    fn load(&self, trees: &[&Snapshot]) -> Result<Vec<String>, String> {
        /// Trees may be loaded by several threads at the same time.
        static HOMES: AtomicUsize = AtomicUsize::new(0);
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let around = root().join(format!("dagbag-{}-{}-{number}", self.venv.release.version, std::process::id()));
        let homes: Vec<PathBuf> = (0..trees.len()).map(|index| around.join(index.to_string())).collect();
        let told = trees
            .iter()
            .zip(&homes)
            .try_for_each(|(tree, home)| deliver(tree, &Layout::of(tree).deliver(tree), home))
            .map_err(|error| format!("{}: {error}", around.display()))
            .and_then(|()| self.run(&around, &homes))
            .and_then(|()| {
                let read = |home: &PathBuf| {
                    fs::read_to_string(home.join("facts.jsonl")).map_err(|error| format!("{}: {error}", home.display()))
                };
                homes.iter().map(read).collect()
            });
        let _ = fs::remove_dir_all(&around);
        told
    }

    fn run(&self, around: &Path, homes: &[PathBuf]) -> Result<(), String> {
        let path = |part: &str| around.join(part);
        let _ = fs::copy(self.venv.template().join("airflow.db"), path("airflow.db"));
        fs::write(path("dagbag.py"), SCRIPT).map_err(|error| error.to_string())?;
        let output = Command::new(self.venv.bin().join("python"))
            .arg(path("dagbag.py"))
            .arg(SECONDS)
            .args(homes)
            .current_dir(around)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", around)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AIRFLOW_HOME", around)
            .env("AIRFLOW__CORE__DAGS_FOLDER", path("dags"))
            .env("AIRFLOW__CORE__PLUGINS_FOLDER", path("plugins"))
            .env("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
            .env("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
            .env("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", format!("sqlite:///{}", path("airflow.db").display()))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let last: Vec<&str> = words.lines().rev().take(5).collect();
            return Err(last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        Ok(())
    }
}

/// Writes the tree as it is delivered.
fn deliver(tree: &Snapshot, delivered: &BTreeMap<HomePath, ContentPath>, home: &Path) -> std::io::Result<()> {
    for folder in ["dags", "plugins", "config"] {
        fs::create_dir_all(home.join(folder))?;
    }
    for (to, from) in delivered {
        let Some(file) = tree.get(from) else { continue };
        let path = home.join(to.as_str());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &file.bytes)?;
    }
    Ok(())
}

fn parse(text: &str, version: &str, layout: Layout) -> Facts {
    let mut facts = Facts { version: version.to_string(), files: BTreeMap::new() };
    for (number, line) in text.lines().enumerate() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if number == 0 {
            assert_eq!(value["airflow"], version, "the release that was asked for");
            continue;
        }
        let home = HomePath::new(string(&value["file"])).expect("a path below the home");
        let path = layout.source_of(&home).expect("a path").expect("a delivered file").to_string();
        let dags = array(&value["dags"]).iter().map(|dag| (string(&dag["dag_id"]), dag_facts(dag))).collect();
        let errors = array(&value["errors"]).iter().map(string).collect();
        facts.files.insert(path, FileFacts { errors, dags });
    }
    facts
}

fn dag_facts(dag: &Value) -> DagFacts {
    let tasks = array(&dag["tasks"]).iter().map(|task| {
        let facts = TaskFacts {
            operator: string(&task["operator"]),
            mapped: over(&task["mapped"]),
            upstream: strings(&task["upstream"]),
            downstream: strings(&task["downstream"]),
            group: task["group"].as_str().map(str::to_string),
            trigger_rule: string(&task["trigger_rule"]),
            multiple_outputs: task["multiple_outputs"] == true,
            setup: task["setup"] == true,
            teardown: task["teardown"] == true,
        };
        (string(&task["task_id"]), facts)
    });
    let groups = array(&dag["groups"]).iter().map(|group| {
        let facts = GroupFacts { parent: group["parent"].as_str().map(str::to_string), mapped: over(&group["mapped"]) };
        (string(&group["group_id"]), facts)
    });
    DagFacts { tasks: tasks.collect(), groups: groups.collect() }
}

/// `mapped` of a task or group, as `dagbag.py` and as `dagguard model` write it.
pub(crate) fn over(mapped: &Value) -> Option<Vec<OverFacts>> {
    let over = mapped.get("over")?;
    let mut all: Vec<OverFacts> = array(over)
        .iter()
        .map(|one| OverFacts {
            argument: string(&one["arg"]),
            length: one["length"].as_u64(),
            tasks: strings(&one["tasks"]),
        })
        .collect();
    all.sort();
    Some(all)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// A list of ids as a set.
pub(crate) fn strings(value: &Value) -> BTreeSet<String> {
    array(value).iter().map(string).collect()
}
