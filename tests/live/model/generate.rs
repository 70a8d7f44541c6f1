//! A corpus of DAG files, the same for the same seed: each file composes fragments (where names come
//! from, how tasks are made and mapped, what stands around them, how they are related, what makes the
//! DAG), beginning with one that the file is about.

use super::fragments::{EVERYWHERE, Fragment, Kind, all, bit};
use super::judge::tree;
use dagguard::content::{ContentPath, File, Revision, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// One generated DAG file with all that it needs.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) path: String,
    /// All its files, its own among them.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What it is composed of: `kind/fragment`.
    pub(crate) fragments: Vec<String>,
    pub(crate) constructs: BTreeSet<&'static str>,
    pub(crate) forms: BTreeSet<&'static str>,
    /// Its structure depends on nothing outside the tree.
    pub(crate) decidable: bool,
    /// Airflow refuses it, or one of its DAGs.
    pub(crate) refused: bool,
    releases: u8,
}

impl Made {
    pub(crate) fn is_for(&self, version: &str) -> bool {
        self.releases & bit(version) != 0
    }
}

/// Every construct is in this many files, every mapped form in that many.
pub(crate) const FILES_OF_A_CONSTRUCT: usize = 20;
pub(crate) const FILES_OF_A_FORM: usize = 50;

/// How many files have each construct and each mapped form.
pub(crate) fn counts(corpus: &[Made]) -> (BTreeMap<&'static str, usize>, BTreeMap<&'static str, usize>) {
    let (mut constructs, mut forms) = (BTreeMap::new(), BTreeMap::new());
    for made in corpus {
        made.constructs.iter().for_each(|construct| *constructs.entry(*construct).or_default() += 1);
        made.forms.iter().for_each(|form| *forms.entry(*form).or_default() += 1);
    }
    (constructs, forms)
}

/// At least `files` files: each fragment in turn is what a file is about, and then those whose
/// constructs are not in enough files yet.
pub(crate) fn corpus(seed: u64, files: usize) -> Vec<Made> {
    let fragments = all();
    let mut rng = Rng(seed);
    let mut corpus: Vec<Made> = Vec::new();
    while corpus.len() < files {
        let focus = &fragments[corpus.len() % fragments.len()];
        let made = file(&fragments, focus, corpus.len(), &mut rng);
        corpus.push(made);
    }
    loop {
        let (constructs, forms) = counts(&corpus);
        let rare = |fragment: &&Fragment| {
            let (known, enough) = match fragment.kind {
                Kind::Mapping => (&forms, FILES_OF_A_FORM),
                _ => (&constructs, FILES_OF_A_CONSTRUCT),
            };
            fragment.constructs.iter().any(|name| known.get(name).is_none_or(|count| *count < enough))
        };
        let wanted: Vec<&Fragment> = fragments.iter().filter(rare).collect();
        if wanted.is_empty() {
            return corpus;
        }
        for focus in wanted {
            let made = file(&fragments, focus, corpus.len(), &mut rng);
            corpus.push(made);
        }
    }
}

/// The tree of these files.
pub(crate) fn tree_of<'m>(corpus: impl IntoIterator<Item = &'m Made>) -> Snapshot {
    let revision = Revision::new("generated");
    let mut snapshot = tree(&[]);
    for (path, bytes) in corpus.into_iter().flat_map(|made| &made.files) {
        let path = ContentPath::new(path.as_str()).expect("a path of the tree");
        snapshot.insert(path, File::regular(&revision, bytes.as_slice()));
    }
    snapshot
}

/// Steele, Lea and Flood's SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, and without, `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

const WORDS: [&str; 24] = [
    "orders", "users", "items", "stock", "prices", "events", "clicks", "visits", "stores", "regions", "payments",
    "refunds", "carts", "ratings", "leads", "calls", "mails", "quotes", "trips", "routes", "meters", "sensors",
    "alerts", "files",
];

/// A file in the making.
struct Draft<'f, 'r> {
    fragments: &'f [Fragment],
    rng: &'r mut Rng,
    number: String,
    releases: u8,
    top: Vec<String>,
    files: BTreeMap<String, String>,
    used: Vec<String>,
    constructs: BTreeSet<&'static str>,
    forms: BTreeSet<&'static str>,
    /// Flags of the fragments in use.
    flags: BTreeSet<&'static str>,
    parts: usize,
}

fn file(fragments: &[Fragment], focus: &Fragment, number: usize, rng: &mut Rng) -> Made {
    // Most files mean the same to all releases; the rest may use what some of them lack.
    let wanted = match rng.below(20) {
        0..=13 => EVERYWHERE,
        14..=16 => bit("2.11") | bit("3.3"),
        17 | 18 => bit("3.3"),
        _ => bit("2.6") | bit("2.11"),
    };
    let releases = if wanted & focus.releases == 0 { focus.releases } else { wanted & focus.releases };
    let mut draft = Draft {
        fragments,
        rng,
        number: format!("{number:05}"),
        releases,
        top: Vec::new(),
        files: BTreeMap::new(),
        used: Vec::new(),
        constructs: BTreeSet::new(),
        forms: BTreeSet::new(),
        flags: focus.flags.iter().copied().collect(),
        parts: 0,
    };
    let text = draft.compose(focus);
    draft.finish(&text)
}

impl<'f> Draft<'f, '_> {
    fn compose(&mut self, focus: &'f Fragment) -> String {
        let head = self.choose(Kind::Head, focus, |_| true);
        self.add(head, &[]);
        if focus.kind == Kind::Whole {
            let main = self.add(focus, &[("main", "")]);
            return self.with_top(&main);
        }
        let chains = if matches!(focus.kind, Kind::Relate) { 2 } else { 1 + self.rng.below(3) };
        let mut body = Vec::new();
        let mut before: Option<String> = None;
        for chain in 0..chains {
            let about = if chain == 0 { Some(focus) } else { None };
            let (lines, out) = self.chain(about, focus);
            body.extend(lines);
            if let Some(before) = before {
                let relate = self.choose(Kind::Relate, focus, |_| true);
                body.extend(lines_of(&self.add(relate, &[("x", &before), ("y", &out)])));
            }
            before = Some(out);
        }
        if focus.kind == Kind::Mapping || self.rng.percent(85) {
            let (lines, _) = self.mapped(focus);
            body.extend(lines);
        }
        if focus.kind == Kind::Refuse {
            body.extend(lines_of(&self.add(focus, &[])));
        }
        let dag = self.choose(Kind::Dag, focus, |_| true);
        let main = self.add(dag, &[("BODY", &body.join("\n"))]);
        self.with_top(&main)
    }

    /// The fragment that the file is about if it is of that kind, else one by chance.
    fn choose(&mut self, kind: Kind, focus: &'f Fragment, fits: impl Fn(&Fragment) -> bool) -> &'f Fragment {
        if focus.kind == kind && fits(focus) && !self.used.contains(&label(focus)) {
            return focus;
        }
        let releases = self.releases;
        let fragments = self.fragments;
        // A setup must keep its own trigger rule.
        let (setup, rules) = (self.flags.contains("setup"), self.flags.contains("rules"));
        let all: Vec<&Fragment> = fragments
            .iter()
            .filter(|one| one.kind == kind && one.releases & releases == releases)
            .filter(|one| !(setup && one.has("rules") || rules && one.has("setup")))
            .filter(|one| !one.has("undecidable") && !one.has("refused") && fits(one))
            .collect();
        all[self.rng.below(all.len())]
    }

    /// Names, the tasks made of them, and what stands around those.
    fn chain(&mut self, about: Option<&'f Fragment>, focus: &'f Fragment) -> (Vec<String>, String) {
        let about = about.unwrap_or(focus);
        let out = self.variable("out");
        let names = self.names(about);
        let tasks = self.choose(Kind::Tasks, about, |_| true);
        let text = self.add(tasks, &[("names", &names), ("out", &out)]);
        let mut lines = lines_of(&text);
        let wraps = if about.kind == Kind::Wrap && !self.used.contains(&label(about)) {
            1 + self.rng.below(2)
        } else {
            self.rng.below(5) / 2
        };
        let mut repeated = false;
        for _ in 0..wraps {
            // What stands several times must get ids by its group each time.
            let wrap = self.choose(Kind::Wrap, about, |one| !(repeated && one.has("repeats")));
            if wrap.has("repeats") && lines.iter().any(|line| line.contains("prefix_group_id=False")) {
                continue;
            }
            repeated |= wrap.has("repeats");
            let last = wrap.has("outermost");
            lines = lines_of(&self.add(wrap, &[("BLOCK", &lines.join("\n")), ("out", &out)]));
            if last {
                break;
            }
        }
        (lines, out)
    }

    fn mapped(&mut self, focus: &'f Fragment) -> (Vec<String>, String) {
        let out = self.variable("mapped");
        let names = self.names(focus);
        let mapping = self.choose(Kind::Mapping, focus, |_| true);
        let lines = lines_of(&self.add(mapping, &[("names", &names), ("out", &out)]));
        (lines, out)
    }

    /// An expression that gives names; in place, or behind a constant.
    fn names(&mut self, focus: &'f Fragment) -> String {
        let names = self.choose(Kind::Names, focus, |_| true);
        let expression = self.add(names, &[]);
        // An assignment may not stand in what a comprehension runs over.
        if expression.contains(":=") || self.rng.percent(50) {
            let name = self.variable("names");
            self.top.push(format!("{name} = {expression}"));
            return name;
        }
        format!("({expression})")
    }

    fn variable(&mut self, what: &str) -> String {
        self.parts += 1;
        format!("{what}_{}", self.parts)
    }

    /// Fills a fragment: what belongs to the top and into other files is put there, the rest is
    /// given back.
    fn add(&mut self, fragment: &Fragment, with: &[(&str, &str)]) -> String {
        self.parts += 1;
        self.used.push(label(fragment));
        self.flags.extend(&fragment.flags);
        match fragment.kind {
            Kind::Mapping => self.forms.extend(&fragment.constructs),
            _ => self.constructs.extend(&fragment.constructs),
        }
        let values = self.values();
        let fill = |text: &str| fill(text, &values, with);
        for (path, text) in fragment.files() {
            self.files.insert(fill(path), fill(text) + "\n");
        }
        let top = fragment.section("top");
        if !top.is_empty() {
            self.top.push(fill(top));
        }
        let section = ["main", "body", "expr"].into_iter().find(|name| !fragment.section(name).is_empty());
        section.map(|name| fill(fragment.section(name))).unwrap_or_default()
    }

    /// Values of the placeholders for one fragment.
    fn values(&mut self) -> Vec<(&'static str, String)> {
        let mut words: Vec<&str> = WORDS.to_vec();
        let mut word = || words.remove(self.rng.below(words.len())).to_string();
        let (a, b, c, d) = (word(), word(), word(), word());
        vec![
            ("id", format!("gen_{}", self.number)),
            ("a", a),
            ("b", b),
            ("c", c),
            ("d", d),
            ("n", (2 + self.rng.below(3)).to_string()),
            ("p", format!("t{}", self.parts)),
            ("v", format!("v{}", self.parts)),
            ("f", self.number.clone()),
        ]
    }

    fn with_top(&self, main: &str) -> String {
        let top = self.top.join("\n");
        // It must be the first statement.
        let future = "from __future__ import annotations";
        let first = if top.contains(future) { format!("{future}\n") } else { String::new() };
        format!("{first}{}\n\n{main}\n", top.replace(future, "").trim_start_matches('\n'))
    }

    fn finish(self, text: &str) -> Made {
        let path = format!("dags/gen_{}.py", self.number);
        let mut files: BTreeMap<String, Vec<u8>> =
            self.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        let text = if self.flags.contains("crlf") { text.replace('\n', "\r\n") } else { text.to_string() };
        let bytes = if self.flags.contains("latin1") {
            let text = format!("# -*- coding: latin-1 -*-\n{text}");
            text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
        } else {
            text.into_bytes()
        };
        files.insert(path.clone(), bytes);
        Made {
            path,
            files,
            fragments: self.used,
            constructs: self.constructs,
            forms: self.forms,
            decidable: !self.flags.contains("undecidable"),
            refused: self.flags.contains("refused"),
            releases: self.releases,
        }
    }
}

fn label(fragment: &Fragment) -> String {
    format!("{:?}/{}", fragment.kind, fragment.name)
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_string).collect()
}

/// Replaces the placeholders; a block takes the indentation of its line.
fn fill(text: &str, values: &[(&'static str, String)], with: &[(&str, &str)]) -> String {
    let mut filled = Vec::new();
    for line in text.lines() {
        let block =
            with.iter().find(|(name, _)| line.trim() == format!("${name}") && name.chars().all(char::is_uppercase));
        match block {
            Some((_, block)) => {
                let indent = &line[..line.len() - line.trim_start().len()];
                filled.extend(block.lines().map(|line| format!("{indent}{line}")));
            }
            None => filled.push(fill_line(line, values, with)),
        }
    }
    filled.join("\n")
}

fn fill_line(line: &str, values: &[(&'static str, String)], with: &[(&str, &str)]) -> String {
    let mut filled = line.to_string();
    for (name, value) in with.iter().filter(|(name, _)| !name.chars().all(char::is_uppercase)) {
        filled = filled.replace(&format!("${name}"), value);
    }
    for (name, value) in values {
        filled = filled.replace(&format!("${name}"), value);
    }
    filled
}
