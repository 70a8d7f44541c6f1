//! The generated corpus against the DagBag of a release.
//!
//! `DAGGUARD_TEST_SEED=<number>` generates another corpus, `DAGGUARD_TEST_FILES=<number>` a larger
//! one; `DAGGUARD_TEST_CORPUS=<folder>` writes it there, with a line for each DAG.

use super::generate::{FILES_OF_A_CONSTRUCT, FILES_OF_A_FORM, Made, corpus, counts, tree_of};
use super::judge::model;
use crate::support::dagbag::{Facts, Judge};
use crate::support::install::Release;
use crate::support::verdict::{Class, Verdict, compare};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

pub(crate) const SEED: u64 = 3;
pub(crate) const FILES: usize = 2_430;

/// What the judge lets pass.
pub(crate) struct Pass {
    /// DAGs that may be wrong, missed or phantom.
    false_dags: usize,
    /// Of a thousand decidable DAGs: how many must be exact.
    exact: usize,
    /// Of a thousand tasks: how many may differ in an attribute.
    differing: usize,
}

/// What the model must reach.
pub(crate) const GOAL: Pass = Pass { false_dags: 0, exact: 990, differing: 5 };

/// A number that the environment may set.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

pub(crate) fn the_generated_corpus_is_what_airflow_builds(release: &'static Release) {
    let seed = number("DAGGUARD_TEST_SEED", SEED);
    let files = usize::try_from(number("DAGGUARD_TEST_FILES", FILES as u64)).expect("a number of files");
    judge(release, seed, files, &GOAL);
}

/// The long run: ten times as many files, of another seed for each release.
pub(crate) fn the_generated_corpus_of_other_seeds(release: &'static Release) {
    let seed = number("DAGGUARD_TEST_SEED", 1000 + release.version.bytes().map(u64::from).sum::<u64>());
    judge(release, seed, 10 * FILES, &GOAL);
}

fn judge(release: &'static Release, seed: u64, files: usize, pass: &Pass) {
    let corpus = corpus(seed, files);
    assert_counts(&corpus, seed);
    let corpus: Vec<Made> = corpus.into_iter().filter(|made| made.is_for(release.version)).collect();
    let tree = tree_of(&corpus);
    let facts = Judge::of(release).unwrap_or_else(|why| panic!("{}", why.0)).facts(&tree);
    let model = model(&tree, release);
    let all: Vec<&Made> = corpus.iter().collect();
    let outcome = Outcome::of(&all, &facts, &model);
    if let Ok(folder) = std::env::var("DAGGUARD_TEST_CORPUS") {
        let folder = Path::new(&folder);
        write(&corpus, &folder.join(release.version));
        let lines = folder.join(format!("{}.tsv", release.version));
        std::fs::write(lines, outcome.lines()).expect("a writable folder");
    }
    eprintln!("airflow-{}: seed {seed}, {}", release.version, outcome.summary());
    let faults = outcome.faults(pass);
    assert!(faults.is_empty(), "seed {seed}\n{}", faults.join("\n"));
}

/// Prints how many files have each construct, once a run, and asserts that there are enough.
fn assert_counts(corpus: &[Made], seed: u64) {
    static PRINTED: std::sync::Once = std::sync::Once::new();
    let (constructs, forms) = counts(corpus);
    PRINTED.call_once(|| {
        let undecidable = corpus.iter().filter(|made| !made.decidable).count();
        let refused = corpus.iter().filter(|made| made.refused).count();
        let total = corpus.len();
        let mut table = format!("seed {seed}: {total} files, {undecidable} undecidable, {refused} refused\n");
        for (title, counts) in [("constructs", &constructs), ("mapped forms", &forms)] {
            let _ = writeln!(table, "{title}:");
            for (name, count) in counts {
                let _ = writeln!(table, "{count:7}  {name}");
            }
        }
        eprintln!("{table}");
    });
    for (counts, enough) in [(&constructs, FILES_OF_A_CONSTRUCT), (&forms, FILES_OF_A_FORM)] {
        for (name, count) in counts {
            assert!(*count >= enough, "{name} is in {count} files only");
        }
    }
}

fn write(corpus: &[Made], folder: &Path) {
    for (path, bytes) in corpus.iter().flat_map(|made| &made.files) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(path, bytes).expect("a writable folder");
    }
}

/// Everything that is to be said of a corpus.
pub(crate) struct Outcome<'c> {
    facts: &'c Facts,
    model: &'c Value,
    /// With the file that each belongs to.
    verdicts: Vec<(&'c Made, Verdict)>,
    /// Files that Airflow takes otherwise than the generator means.
    misjudged: Vec<String>,
}

impl<'c> Outcome<'c> {
    pub(crate) fn of(corpus: &[&'c Made], facts: &'c Facts, model: &'c Value) -> Self {
        let owners: BTreeMap<&str, &Made> =
            corpus.iter().flat_map(|made| made.files.keys().map(|path| (path.as_str(), *made))).collect();
        let verdicts = compare(facts, model)
            .into_iter()
            .map(|verdict| (*owners.get(verdict.file.as_str()).expect("a file of the corpus"), verdict))
            .collect();
        let mut misjudged = Vec::new();
        for made in corpus {
            let built = facts.files.get(&made.path);
            let errors = built.map_or(&[][..], |built| &built.errors);
            if made.refused == errors.is_empty() || !made.refused && built.is_none_or(|built| built.dags.is_empty()) {
                misjudged.push(format!("{}: {:?}\n{}", made.path, errors, made.fragments.join(" ")));
            }
        }
        Self { facts, model, verdicts, misjudged }
    }

    /// Paths of the decidable files of which every DAG is exact.
    pub(crate) fn right(&self) -> BTreeSet<&'c str> {
        let mut right: BTreeSet<&str> = BTreeSet::new();
        right.extend(
            self.verdicts
                .iter()
                .filter(|(made, _)| made.decidable && !made.refused)
                .map(|(made, _)| made.path.as_str()),
        );
        let exact = |verdict: &Verdict| verdict.class == Class::Exact && verdict.attributes.is_empty();
        for (made, _) in self.verdicts.iter().filter(|(_, verdict)| !exact(verdict)) {
            right.remove(made.path.as_str());
        }
        right
    }

    fn count(&self, class: Class) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| verdict.class == class).count()
    }

    /// Of the DAGs whose structure the tree decides: those that are exact, and all.
    fn decidable(&self) -> (usize, usize) {
        let decidable =
            self.verdicts.iter().filter(|(made, verdict)| made.decidable && verdict.class != Class::Phantom);
        let exact = decidable.clone().filter(|(_, verdict)| verdict.class == Class::Exact);
        (exact.count(), decidable.count())
    }

    /// Of the tasks and mapped groups of exact DAGs: those with differing attributes, and all.
    fn attributes(&self) -> (usize, usize) {
        let exact = || self.verdicts.iter().filter(|(_, verdict)| verdict.class == Class::Exact);
        (exact().map(|(_, verdict)| verdict.attributes.len()).sum(), exact().map(|(_, verdict)| verdict.tasks).sum())
    }

    pub(crate) fn summary(&self) -> String {
        let (exact, decidable) = self.decidable();
        let (differing, tasks) = self.attributes();
        format!(
            "{} DAG files, {} DAGs: {} exact, {} declared, {} wrong, {} missed, {} phantom; \
             of {decidable} decidable {exact} exact; attributes of {differing} of {tasks} tasks differ",
            self.facts.files.len(),
            self.verdicts.len(),
            self.count(Class::Exact),
            self.count(Class::Declared),
            self.count(Class::Wrong),
            self.count(Class::Missed),
            self.count(Class::Phantom),
        )
    }

    /// A line for each DAG and each file that is not what the generator means.
    fn lines(&self) -> String {
        let mut text = String::new();
        for (made, verdict) in &self.verdicts {
            let decidable = if made.decidable { "decidable" } else { "undecidable" };
            let why: Vec<&str> = verdict.why.iter().chain(&verdict.attributes).map(String::as_str).collect();
            let parts = [
                verdict.class.to_string(),
                decidable.to_string(),
                verdict.file.clone(),
                verdict.dag_id.clone(),
                why.join(" | "),
                made.fragments.join(" "),
            ];
            let _ = writeln!(text, "{}", parts.join("\t").replace('\n', " "));
        }
        for line in &self.misjudged {
            let _ = writeln!(text, "misjudged\t{}", line.replace('\n', "\t"));
        }
        text
    }

    /// Why the judge does not let it pass; empty if it does.
    pub(crate) fn faults(&self, pass: &Pass) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.misjudged.is_empty() {
            let first = self.misjudged.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
            faults.push(format!("{} files are not what the generator means:\n{first}", self.misjudged.len()));
        }
        let false_classes = [Class::Wrong, Class::Missed, Class::Phantom];
        let false_dags: usize = false_classes.iter().map(|class| self.count(*class)).sum();
        if false_dags > pass.false_dags {
            faults.push(format!("{false_dags} DAGs are wrong, missed or phantom, at most {} may be", pass.false_dags));
            faults.extend(
                false_classes.iter().filter(|class| self.count(**class) > 0).map(|class| self.show(*class, |_| true)),
            );
        }
        let (exact, decidable) = self.decidable();
        if exact * 1000 < decidable * pass.exact {
            let shown = self.show(Class::Declared, |made| made.decidable);
            faults.push(format!(
                "{exact} of {decidable} decidable DAGs are exact, {} of 1000 must be\n{shown}",
                pass.exact
            ));
        }
        let (differing, tasks) = self.attributes();
        if differing * 1000 > tasks * pass.differing {
            let lines = self.verdicts.iter().flat_map(|(_, verdict)| {
                verdict.attributes.iter().map(move |line| format!("{}: {line}", verdict.file))
            });
            let lines: Vec<String> = lines.take(40).collect();
            faults.push(format!("attributes of {differing} of {tasks} tasks differ:\n{}", lines.join("\n")));
        }
        faults
    }

    /// All of a class in a line each, and the one of the shortest file whole.
    fn show(&self, class: Class, which: impl Fn(&Made) -> bool) -> String {
        let mut all: Vec<&(&Made, Verdict)> =
            self.verdicts.iter().filter(|(made, verdict)| verdict.class == class && which(made)).collect();
        all.sort_by_key(|(made, _)| made.files.values().map(Vec::len).sum::<usize>());
        let mut text = format!("{} {class}:\n", all.len());
        for (made, verdict) in all.iter().take(60) {
            let why = verdict.why.first().map_or("nothing is said", String::as_str);
            let _ = writeln!(text, "{} {}: {why} [{}]", verdict.file, verdict.dag_id, made.fragments.join(" "));
        }
        if let Some((made, verdict)) = all.first() {
            let _ = writeln!(text, "\n{}\n{}", verdict.why.join("\n"), self.whole(made, verdict));
        }
        text
    }

    /// A file, what Airflow builds of it, and what the model says.
    fn whole(&self, made: &Made, verdict: &Verdict) -> String {
        let mut text = String::new();
        for (path, bytes) in &made.files {
            let _ = writeln!(text, "--- {path}\n{}", String::from_utf8_lossy(bytes));
        }
        let built = self.facts.files.get(&verdict.file);
        let _ = writeln!(text, "--- Airflow {} builds {}", self.facts.version, verdict.dag_id);
        match built.and_then(|built| built.dags.get(&verdict.dag_id)) {
            None => drop(writeln!(text, "nothing: {:?}", built.map(|built| &built.errors))),
            Some(dag) => {
                for (id, task) in &dag.tasks {
                    let mapped = task.mapped.as_ref().map(|over| format!(" mapped {over:?}")).unwrap_or_default();
                    let _ = writeln!(text, "{id}{mapped} <- {:?}", task.upstream);
                }
                let _ = writeln!(text, "groups: {:?}", dag.groups.keys().collect::<Vec<_>>());
            }
        }
        text.push_str("--- the model\n");
        let dags = self.model["dags"].as_array().map_or(&[][..], Vec::as_slice);
        for dag in dags.iter().filter(|dag| dag["file"] == verdict.file.as_str()) {
            let _ = writeln!(text, "{} complete: {}", dag["dag_id"], dag["complete"]);
            for task in dag["tasks"].as_array().into_iter().flatten() {
                let mapped =
                    if task["mapped"].is_null() { String::new() } else { format!(" mapped {}", task["mapped"]) };
                let _ = writeln!(text, "{}{mapped} <- {}", task["task_id"], task["upstream"]);
            }
            for unknown in dag["unknown"].as_array().into_iter().flatten() {
                let _ = writeln!(text, "? {}: {}", unknown["line"], unknown["reason"]);
            }
        }
        for error in self.model["errors"].as_array().into_iter().flatten() {
            if error["file"] == verdict.file.as_str() {
                let _ = writeln!(text, "error {}: {}", error["line"], error["message"]);
            }
        }
        text
    }
}
