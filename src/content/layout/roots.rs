//! Content by the operator's word: which folders of a repository are delivered, where to, and in
//! which order.

use super::super::{ContentPath, HomePath};

/// Folders of a repository, in the order in which they are delivered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Roots(Vec<Root>);

/// One folder, or each folder in it, and its place below `$AIRFLOW_HOME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Root {
    /// In the repository; empty for all of it.
    from: String,
    /// Below the home.
    to: String,
    /// Whether only what lies in a folder of `from` is content, as with `shared/<x>`.
    each: bool,
}

/// Why a list of folders is no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootProblem {
    /// No folder at all.
    #[error("it names no folder")]
    None,
    /// A folder of the repository that cannot be one.
    #[error("`{0}` is no folder of a repository")]
    From(String),
    /// A place outside of what Airflow reads.
    #[error("`{0}` is neither `dags` nor `plugins` nor below them")]
    To(String),
    /// One of the two ends with `/*` and the other does not.
    #[error("`{0}` and `{1}`: both end with `/*`, or none does")]
    Each(String, String),
    /// Two folders would go to one place, or one would go to two.
    #[error("two roots have `{0}`")]
    Twice(String),
    /// DAGs would be visible before code that they import.
    #[error("`{0}` comes behind a root that goes to `dags`: code is delivered before the DAGs that import it")]
    Order(String),
}

impl Roots {
    /// A layout of these folders and their places: `airflow/dags` to `dags`, `libs/*` to
    /// `plugins/*`, where `/*` means each folder in it and no file directly there; `.` is the whole
    /// repository.
    pub fn new(pairs: &[(String, String)]) -> Result<Self, RootProblem> {
        let mut roots: Vec<Root> = Vec::new();
        for (from, to) in pairs {
            let root = Root::new(from, to)?;
            let twice = |other: &Root| other.from == root.from || (other.to == root.to && other.each == root.each);
            if roots.iter().any(twice) {
                return Err(RootProblem::Twice(if roots.iter().any(|other| other.from == root.from) {
                    from.clone()
                } else {
                    to.clone()
                }));
            }
            if root.is_code() && roots.iter().any(|other| !other.is_code()) {
                return Err(RootProblem::Order(from.clone()));
            }
            roots.push(root);
        }
        if roots.is_empty() { Err(RootProblem::None) } else { Ok(Self(roots)) }
    }

    /// The number of the root that takes a file of the repository, and where it goes: the innermost
    /// folder that is named decides.
    pub(super) fn place(&self, path: &ContentPath) -> Option<(usize, String)> {
        let inside = self.0.iter().enumerate().filter_map(|(at, root)| Some((at, root, root.rest(path.as_str())?)));
        let (at, root, rest) = inside.max_by_key(|(_, root, _)| root.from.len())?;
        (!root.each || rest.contains('/')).then(|| (at, format!("{}/{rest}", root.to)))
    }

    /// The number of the root whose place a delivered file lies in.
    pub(super) fn of(&self, dest: &HomePath) -> Option<usize> {
        self.found(dest).map(|(at, _)| at)
    }

    /// Whether a file of that root may lie there: not in the place that another root has inside of
    /// its own.
    pub(super) fn is_of(&self, at: usize, dest: &HomePath) -> bool {
        let inner =
            self.0.iter().filter(|root| dest.below(&root.to).is_some_and(|rest| !root.each || rest.contains('/')));
        let deepest = inner.map(|root| root.to.len()).max();
        self.0.get(at).is_some_and(|root| Some(root.to.len()) == deepest)
    }

    /// The folder below the home that belongs to a root of each alone: `plugins/etl` of `plugins/*`.
    pub(super) fn folder_of(&self, at: usize, dest: &HomePath) -> Option<String> {
        let root = self.0.get(at).filter(|root| root.each)?;
        let (folder, _) = dest.below(&root.to)?.split_once('/')?;
        Some(format!("{}/{folder}", root.to))
    }

    /// The inverse of [`Roots::place`], where two roots do not share a place.
    pub(super) fn source_of(&self, dest: &HomePath) -> Option<String> {
        let (at, rest) = self.found(dest)?;
        let from = &self.0.get(at)?.from;
        Some(if from.is_empty() { rest.to_string() } else { format!("{from}/{rest}") })
    }

    /// The innermost place that a delivered file lies in: first one of each, then one that is whole.
    fn found<'d>(&self, dest: &'d HomePath) -> Option<(usize, &'d str)> {
        let below = |(at, root): (usize, &Root)| {
            let rest = dest.below(&root.to).filter(|rest| !root.each || rest.contains('/'))?;
            Some((at, rest, (root.to.len(), root.each)))
        };
        self.0.iter().enumerate().filter_map(below).max_by_key(|(_, _, inner)| *inner).map(|(at, rest, _)| (at, rest))
    }

    /// The folders of the repository that must be read, none inside another.
    pub(super) fn folders(&self) -> Vec<&str> {
        let outer = |root: &&Root| {
            !self.0.iter().any(|other| other.from != root.from && root.rest_of_folder(&other.from).is_some())
        };
        self.0.iter().filter(outer).map(|root| root.from.as_str()).collect()
    }

    /// Whether a folder of the repository, or anything in it, is content.
    pub(super) fn has_part_in(&self, folder: &str) -> bool {
        let inside = |root: &Root| root.from.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.0.iter().any(|root| root.from == folder || root.rest(folder).is_some() || inside(root))
    }

    /// The folders below the home that belong to the syncer, given what it delivers.
    pub(super) fn owned<'p>(&self, files: impl Iterator<Item = &'p HomePath>) -> Vec<String> {
        let mut owned: Vec<String> = self.0.iter().filter(|root| !root.each).map(|root| root.to.clone()).collect();
        for dest in files {
            if let Some((at, rest)) = self.found(dest)
                && let Some(root) = self.0.get(at).filter(|root| root.each)
                && let Some((folder, _)) = rest.split_once('/')
            {
                owned.push(format!("{}/{folder}", root.to));
            }
        }
        owned
    }
}

impl Root {
    fn new(from: &str, to: &str) -> Result<Self, RootProblem> {
        let (bare_from, bare_to) = (from.strip_suffix("/*"), to.strip_suffix("/*"));
        if bare_from.is_some() != bare_to.is_some() {
            return Err(RootProblem::Each(from.to_string(), to.to_string()));
        }
        let each = bare_from.is_some();
        let source = bare_from.unwrap_or(from).trim_end_matches('/');
        let source = if source == "." { "" } else { source };
        if (source.is_empty() && from != ".") || (!source.is_empty() && ContentPath::new(source).is_err()) {
            return Err(RootProblem::From(from.to_string()));
        }
        let place = bare_to.unwrap_or(to).trim_end_matches('/');
        let known = place.split('/').next().is_some_and(|first| matches!(first, "dags" | "plugins"));
        let ours = place.split('/').any(|part| matches!(part, ".dagguard" | "__pycache__"));
        if !known || ours || HomePath::new(place).is_err() {
            return Err(RootProblem::To(to.to_string()));
        }
        Ok(Self { from: source.to_string(), to: place.to_string(), each })
    }

    fn is_code(&self) -> bool {
        self.to.split('/').next() == Some("plugins")
    }

    /// What of a path lies behind this root's folder.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.from.is_empty() { Some(path) } else { path.strip_prefix(&self.from)?.strip_prefix('/') }
    }

    /// The same of this root's own folder, seen from another folder.
    fn rest_of_folder(&self, other: &str) -> Option<&str> {
        if other.is_empty() { Some(&self.from) } else { self.from.strip_prefix(other)?.strip_prefix('/') }
    }
}
