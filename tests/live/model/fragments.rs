//! The fragments that generated files are composed of, as they are written in `fragments/*.txt`.
//!
//! A file holds fragments of one kind. A fragment begins with a line
//! `@ NAME FLAGS… : CONSTRUCT, CONSTRUCT`, and has sections behind `--- SECTION` lines:
//!
//! - `file PATH`: another file of the tree;
//! - `top`: at module level, before the DAG;
//! - `expr`: the expression that gives names (without any section line, the whole fragment);
//! - `body`: inside the DAG;
//! - `main`: what makes the DAG, or the rest of a whole file.
//!
//! Placeholders: `$a` to `$d` are words, `$n` a number from 2 to 4, `$p` begins ids and `$v` names
//! that no other fragment of the file has, `$f` is the file's number, `$id` its DAG id. `$names`,
//! `$out`, `$x`, `$y`, `$BLOCK` and `$BODY` stand for what a fragment is composed with.
//!
//! Flags: `undecidable` (the structure depends on something outside the tree), `refused` (Airflow
//! refuses it), `releases=2.6,2.11,3.3` (where it means something, if not everywhere), `repeats`
//! (its block stands several times), `once` (its block must stand once), `outermost` (nothing stands
//! around it), `rules` (gives trigger rules to all tasks) and `setup` (must not get any), `crlf` and
//! `latin1` (how the file is written).

/// What a fragment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Head,
    Names,
    Tasks,
    Mapping,
    Relate,
    Wrap,
    Dag,
    Refuse,
    Whole,
}

const SOURCES: [(Kind, &str); 9] = [
    (Kind::Head, include_str!("fragments/heads.txt")),
    (Kind::Names, include_str!("fragments/names.txt")),
    (Kind::Tasks, include_str!("fragments/tasks.txt")),
    (Kind::Mapping, include_str!("fragments/mapping.txt")),
    (Kind::Relate, include_str!("fragments/relate.txt")),
    (Kind::Wrap, include_str!("fragments/wrap.txt")),
    (Kind::Dag, include_str!("fragments/dags.txt")),
    (Kind::Refuse, include_str!("fragments/refuse.txt")),
    (Kind::Whole, include_str!("fragments/whole.txt")),
];

/// The supported releases as bits, in the order of the list of releases.
pub(super) const EVERYWHERE: u8 = 0b111;
const RELEASES: [&str; 3] = ["2.6", "2.11", "3.3"];

const FLAGS: [&str; 9] = ["undecidable", "refused", "repeats", "once", "outermost", "rules", "setup", "crlf", "latin1"];

/// One fragment.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) constructs: Vec<&'static str>,
    pub(super) releases: u8,
    pub(super) flags: Vec<&'static str>,
    /// Header and text.
    pub(super) sections: Vec<(&'static str, String)>,
}

impl Fragment {
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The text of a section, empty without one.
    pub(super) fn section(&self, name: &str) -> &str {
        self.sections.iter().find(|(header, _)| *header == name).map_or("", |(_, text)| text)
    }

    /// Paths and texts of the other files that it needs.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.sections.iter().filter_map(|(header, text)| Some((header.strip_prefix("file ")?, text.as_str())))
    }
}

/// All fragments, in the order in which they are written.
pub(super) fn all() -> Vec<Fragment> {
    SOURCES.into_iter().flat_map(|(kind, source)| parse(kind, source)).collect()
}

fn parse(kind: Kind, source: &'static str) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for line in source.lines() {
        if let Some(header) = line.strip_prefix("@ ") {
            fragments.push(fragment(kind, header));
        } else if let Some(fragment) = fragments.last_mut() {
            if let Some(section) = line.strip_prefix("--- ") {
                fragment.sections.push((section, String::new()));
            } else {
                if fragment.sections.is_empty() {
                    fragment.sections.push(("expr", String::new()));
                }
                let (_, text) = fragment.sections.last_mut().expect("a section");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for fragment in &mut fragments {
        for (_, text) in &mut fragment.sections {
            text.truncate(text.trim_end().len());
        }
    }
    fragments
}

fn fragment(kind: Kind, header: &'static str) -> Fragment {
    let (left, right) = header.split_once(" : ").unwrap_or_else(|| panic!("constructs are missing: {header}"));
    let mut words = left.split_whitespace();
    let name = words.next().unwrap_or_default();
    let (mut releases, mut flags) = (EVERYWHERE, Vec::new());
    for flag in words {
        match flag.strip_prefix("releases=") {
            Some(list) => releases = list.split(',').map(bit).sum(),
            None if FLAGS.contains(&flag) => flags.push(flag),
            None => panic!("an unknown flag: {header}"),
        }
    }
    if kind == Kind::Refuse {
        flags.push("refused");
    }
    let constructs = right.split(", ").map(str::trim).collect();
    Fragment { kind, name, constructs, releases, flags, sections: Vec::new() }
}

/// The bit of a release by its first two numbers.
pub(super) fn bit(version: &str) -> u8 {
    let place = RELEASES.iter().position(|known| version == *known || version.starts_with(&format!("{known}.")));
    1 << place.unwrap_or_else(|| panic!("not a supported release: {version}"))
}
