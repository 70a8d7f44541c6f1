//! Which parts of the repository are content, and where each is delivered (R1–R7).

mod roots;

pub use roots::{RootProblem, Roots};

use super::{ContentPath, HomePath, PathProblem, Snapshot};
use crate::switch::off;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The parts of the content in the order in which they are delivered: a DAG must never be
/// visible before the code that it imports, so what is imported goes first. Deletions go in
/// reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// `plugins/operators`.
    Operators,
    /// `plugins/sensors`.
    Sensors,
    /// Each `shared/<x>`.
    Shared,
    /// `dags`.
    Dags,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operators => "operators",
            Self::Sensors => "sensors",
            Self::Shared => "shared",
            Self::Dags => "dags",
        })
    }
}

impl Area {
    /// The part to which a delivered file belongs, by where it lies.
    pub fn of(dest: &HomePath) -> Self {
        match dest.below("plugins") {
            None => Self::Dags,
            Some(rest) if rest.starts_with("operators/") => Self::Operators,
            Some(rest) if rest.starts_with("sensors/") => Self::Sensors,
            Some(_) => Self::Shared,
        }
    }
}

/// Where a file of the content goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of its step in a delivery: what has a lower one goes before, and leaves after.
    pub rank: usize,
    /// The step of the delivery that it belongs to.
    pub area: Area,
    /// Its path below `$AIRFLOW_HOME`.
    pub dest: HomePath,
}

/// Whether a module of the DAGs folder or one of the same name in the plugins folder is imported.
///
/// Seen in the sources of the releases: 2.6.2 puts the DAGs folder on `sys.path` before the plugins
/// folder, 2.11.2 and 3.3.2 after it. Both stand behind what is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportOrder {
    /// That of the DAGs folder.
    DagsFirst,
    /// That of the plugins folder.
    PluginsFirst,
    /// It is not known which release imports them.
    #[default]
    Either,
}

/// How a tree is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layout {
    /// The repository of the reference script: `plugins/operators`, `plugins/sensors`,
    /// `shared/<x>` and `dags`; nothing else is content.
    #[default]
    Content,
    /// A plain folder of DAG files: everything in it is a DAG file or a module beside one.
    Plain,
    /// A repository as people lay it out, to be looked at and not delivered: every file keeps its
    /// path, DAGs folders are found by their name, and modules as a worker would find them whose
    /// home is the repository (see [`Layout::import_roots`]).
    Repository,
    /// What the operator names; nothing is kept of it.
    #[serde(skip)]
    Roots(&'static Roots),
}

/// The folders of [`Layout::Content`] in a repository (R1).
const CONTENT: [&str; 4] = ["plugins/operators", "plugins/sensors", "shared", "dags"];

impl Layout {
    /// The layout of these roots. They stay for the life of the program, which reads its settings
    /// once: so a layout is a plain value as before.
    pub fn of_roots(roots: Roots) -> Self {
        Self::Roots(Box::leak(Box::new(roots)))
    }

    /// The folders of a repository that are content, none inside another; empty where all of it is.
    pub fn folders(self) -> Vec<&'static str> {
        match self {
            Self::Content => CONTENT.to_vec(),
            Self::Plain | Self::Repository => Vec::new(),
            Self::Roots(roots) => roots.folders(),
        }
    }

    /// Whether an entry of the repository is content, or a folder that holds some.
    pub fn takes(self, path: &ContentPath, is_folder: bool) -> bool {
        match self {
            Self::Plain | Self::Repository => true,
            Self::Content if is_folder => {
                CONTENT.iter().any(|root| path.as_str() == *root || path.below(root).is_some())
            }
            Self::Roots(roots) if is_folder => roots.has_part_in(path.as_str()),
            Self::Content | Self::Roots(_) => self.place(path).is_some(),
        }
    }

    /// The folders below the home that belong to the syncer, given what it delivers.
    pub fn owned<'p>(self, files: impl Iterator<Item = &'p HomePath>) -> BTreeSet<String> {
        if let Self::Roots(roots) = self {
            return roots.owned(files).into_iter().collect();
        }
        let shared = files.filter_map(|path| {
            let (folder, _) = path.below("plugins")?.split_once('/')?;
            Some(format!("plugins/{folder}"))
        });
        ["dags", "plugins/operators", "plugins/sensors"].into_iter().map(str::to_string).chain(shared).collect()
    }

    /// The folders below the home that belong to the syncer when that tree is delivered.
    pub fn roots(self, snapshot: &Snapshot) -> BTreeSet<String> {
        let mut places = Vec::new();
        if self != Self::Content {
            places.extend(snapshot.files().filter_map(|(path, _)| self.place(path).map(|place| place.dest)));
            return self.owned(places.iter());
        }
        // Of a shared folder the first file that is delivered says enough, and it stands beside the others.
        let mut from = "shared/".to_string();
        while let Some((path, folder)) =
            snapshot.files_from(&from).next().and_then(|(path, _)| Some((path, path.below("shared")?)))
        {
            from = match (self.place(path), folder.split_once('/')) {
                (Some(place), Some((folder, _))) => {
                    places.push(place.dest);
                    // What comes behind `/`.
                    format!("shared/{folder}0")
                }
                _ => format!("{path}\0"),
            };
        }
        self.owned(places.iter())
    }

    /// Files that would lie in the place of another part than their own: a shared folder called
    /// `operators`, or one that two roots would make (R7).
    pub fn misplaced<'p>(
        self,
        files: impl Iterator<Item = (&'p ContentPath, &'p Place)> + Clone,
    ) -> Vec<&'p ContentPath> {
        let Self::Roots(roots) = self else {
            // What keeps its path lies in its own place.
            let shared = files.filter(|(_, place)| place.area == Area::Shared);
            let wrong = shared.filter(|(_, place)| self.rank_of(&place.dest) != place.rank);
            return wrong.map(|(path, _)| path).collect();
        };
        let mut owners = BTreeMap::new();
        for (_, place) in files.clone() {
            if let Some(folder) = roots.folder_of(place.rank, &place.dest) {
                owners.entry(folder).or_insert(place.rank);
            }
        }
        let is_wrong = |place: &Place| {
            let mut above = place.dest.parent();
            let owner = std::iter::from_fn(|| {
                let here = above.take()?;
                above = here.parent();
                Some(here)
            })
            .find_map(|folder| owners.get(folder.as_str()));
            !roots.is_of(place.rank, &place.dest) || owner.is_some_and(|owner| *owner != place.rank)
        };
        files.filter(|(_, place)| is_wrong(place)).map(|(path, _)| path).collect()
    }

    /// The number of the step to which a delivered file belongs, by where it lies; what no root
    /// takes any more leaves as a DAG does, before all code.
    pub fn rank_of(self, dest: &HomePath) -> usize {
        match self {
            Self::Roots(roots) => roots.of(dest).unwrap_or(usize::MAX),
            Self::Plain | Self::Repository => Area::Dags as usize,
            Self::Content => Area::of(dest) as usize,
        }
    }

    /// [`Layout::Content`] if the tree has one of the content folders, else [`Layout::Plain`].
    pub fn of(snapshot: &Snapshot) -> Self {
        let content = snapshot.files().any(|(path, _)| Self::Content.place(path).is_some());
        if content { Self::Content } else { Self::Plain }
    }

    /// Where a file is delivered; `None` if it is not content.
    ///
    /// Byte code is never content (R29), nor are files directly in `shared/` (R5), nor is a
    /// folder `.dagguard`, where the syncer keeps its own state.
    pub fn place(self, path: &ContentPath) -> Option<Place> {
        // Mostly neither stands anywhere in it, which is found out in fewer steps.
        let may_be_none = ["__pycache__", ".dagguard"].iter().any(|name| path.as_str().contains(name));
        if may_be_none && path.parts().any(|part| matches!(part, "__pycache__" | ".dagguard")) {
            return None;
        }
        if path.as_str().ends_with(".pyc") {
            return None;
        }
        if off("R10") && !path.as_str().ends_with(".py") {
            return None;
        }
        let under = |folder: &str, rest: &str| HomePath::new(format!("{folder}/{rest}")).ok();
        let (area, dest) = match self {
            Self::Roots(roots) => {
                let (rank, dest) = roots.place(path)?;
                // That file is the syncer's to write, and has lines of others.
                let dest = HomePath::new(dest).ok().filter(|dest| dest.as_str() != "plugins/.airflowignore")?;
                return Some(Place { rank, area: Area::of(&dest), dest });
            }
            Self::Plain => (Area::Dags, under("dags", path.as_str())?),
            Self::Repository => (Area::Dags, path.as_home()),
            Self::Content => {
                if path.below("plugins/operators").is_some() && !off("R3") {
                    (Area::Operators, path.as_home())
                } else if path.below("plugins/sensors").is_some() && !off("R4") {
                    (Area::Sensors, path.as_home())
                } else if let Some(rest) = path.below("shared") {
                    let folder = if off("R5") { "plugins/shared" } else { "plugins" };
                    (Area::Shared, rest.contains('/').then(|| under(folder, rest))??)
                } else if path.below("dags").is_some_and(|rest| !off("R2") || !rest.contains('/')) {
                    (Area::Dags, path.as_home())
                } else if off("R1") {
                    (Area::Dags, under("dags", path.as_str())?)
                } else {
                    return None;
                }
            }
        };
        Some(Place { rank: area as usize, area, dest })
    }

    /// The path in the repository of a file found below `$AIRFLOW_HOME`: the inverse of
    /// [`Layout::place`], by which what is on disk is read as a content tree.
    pub fn source_of(self, dest: &HomePath) -> Result<Option<ContentPath>, PathProblem> {
        if let Self::Roots(roots) = self {
            return roots.source_of(dest).map(ContentPath::new).transpose();
        }
        let source = if let Some(rest) = dest.below("dags") {
            match self {
                Self::Plain => rest.to_string(),
                Self::Content | Self::Repository | Self::Roots(_) => dest.to_string(),
            }
        } else if self == Self::Repository {
            dest.to_string()
        } else if self == Self::Plain {
            return Ok(None);
        } else if dest.below("plugins/operators").is_some() || dest.below("plugins/sensors").is_some() {
            dest.to_string()
        } else if let Some(rest) = dest.below("plugins").filter(|rest| rest.contains('/')) {
            format!("shared/{rest}")
        } else {
            return Ok(None);
        };
        ContentPath::new(source).map(Some)
    }

    /// The path of a delivered file below the DAGs folder that it lies in; `None` if it lies in none.
    ///
    /// In a repository that is the outermost folder called `dags`; what lies in no such folder, nor
    /// among plugins or shared code, counts as lying in a DAGs folder that is the repository itself.
    pub fn below_dags(self, dest: &HomePath) -> Option<&str> {
        if self != Self::Repository {
            return dest.below("dags");
        }
        match special(dest.as_str()) {
            None => Some(dest.as_str()),
            Some((_, "dags", rest)) => Some(rest),
            Some(_) => None,
        }
    }

    /// The folders, below `$AIRFLOW_HOME`, in which a worker looks for the modules that a file
    /// imports, in order; the home itself comes last, as workers are commonly started there.
    pub fn import_roots(self, dest: &HomePath, order: ImportOrder) -> Vec<String> {
        let [first, second] = match order {
            ImportOrder::PluginsFirst => ["plugins", "dags"],
            ImportOrder::DagsFirst | ImportOrder::Either => ["dags", "plugins"],
        };
        if self != Self::Repository {
            return [first, if off("R8") { first } else { second }, ""].map(str::to_owned).to_vec();
        }
        let around = |base: &str| [first, second, "shared", ""].map(|name| join(base, name));
        let mut roots = Vec::new();
        if let Some((base, _, _)) = special(dest.as_str())
            && !base.is_empty()
        {
            roots.extend(around(base));
        }
        roots.extend(around(""));
        roots
    }

    /// The tree as Airflow will see it below its home: what is content, by destination.
    pub fn deliver(self, snapshot: &Snapshot) -> BTreeMap<HomePath, ContentPath> {
        snapshot.files().filter_map(|(path, _)| self.place(path).map(|place| (place.dest, path.clone()))).collect()
    }
}

/// The outermost folder of a path that has a meaning for Airflow or for the delivery: what comes
/// before it, its name, and what comes behind.
fn special(path: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(end) = path[from..].find('/').map(|at| from + at) {
        let name = &path[from..end];
        if matches!(name, "dags" | "plugins" | "shared") {
            return Some((path[..from].trim_end_matches('/'), name, &path[end + 1..]));
        }
        from = end + 1;
    }
    None
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Option<(Area, String)> {
        Layout::Content.place(&ContentPath::new(path).unwrap()).map(|place| (place.area, place.dest.to_string()))
    }

    #[test]
    fn content_goes_to_the_places_of_the_reference_script() {
        assert_eq!(place("plugins/operators/a.py"), Some((Area::Operators, "plugins/operators/a.py".into())));
        assert_eq!(place("plugins/sensors/s/b.py"), Some((Area::Sensors, "plugins/sensors/s/b.py".into())));
        assert_eq!(place("shared/etl/dates.py"), Some((Area::Shared, "plugins/etl/dates.py".into())));
        assert_eq!(place("dags/team/d.py"), Some((Area::Dags, "dags/team/d.py".into())));
        for nothing in [
            "shared/loose.py",
            "plugins/listener.py",
            "README.md",
            "dags/__pycache__/d.pyc",
            "dags/.dagguard/deployed",
            "dags",
        ] {
            assert_eq!(place(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_repository_keeps_its_paths_and_has_its_dags_folders_by_name() {
        let home = |path: &str| HomePath::new(path).unwrap();
        let below = |path: &str| Layout::Repository.below_dags(&home(path)).map(str::to_owned);
        assert_eq!(below("dags/team/d.py").as_deref(), Some("team/d.py"));
        assert_eq!(below("airflow/dags/dags/d.py").as_deref(), Some("dags/d.py"));
        assert_eq!(below("jobs/d.py").as_deref(), Some("jobs/d.py"));
        assert_eq!(below("plugins/dags/d.py"), None);
        assert_eq!(below("shared/x/d.py"), None);
        let roots = Layout::Repository.import_roots(&home("airflow/dags/d.py"), ImportOrder::Either);
        assert_eq!(
            roots,
            ["airflow/dags", "airflow/plugins", "airflow/shared", "airflow", "dags", "plugins", "shared", ""]
        );
        let path = ContentPath::new("include/x.py").unwrap();
        let dest = Layout::Repository.place(&path).unwrap().dest;
        assert_eq!(Layout::Repository.source_of(&dest), Ok(Some(path)));
    }

    #[test]
    fn modules_are_looked_for_in_dags_and_plugins_and_then_in_the_home() {
        let dest = HomePath::new("dags/d.py").unwrap();
        let roots = |order| Layout::Content.import_roots(&dest, order);
        assert_eq!(roots(ImportOrder::DagsFirst), ["dags", "plugins", ""]);
        assert_eq!(roots(ImportOrder::PluginsFirst), ["plugins", "dags", ""]);
    }

    fn roots(pairs: &[(&str, &str)]) -> Result<Roots, RootProblem> {
        let pairs: Vec<_> = pairs.iter().map(|(from, to)| ((*from).to_string(), (*to).to_string())).collect();
        Roots::new(&pairs)
    }

    #[test]
    fn the_operator_names_folders_their_places_and_their_order() {
        let named = [
            ("libs/*", "plugins/*"),
            ("airflow/plugins", "plugins"),
            ("airflow/dags/vendor", "plugins/vendor"),
            ("airflow/dags", "dags"),
        ];
        let layout = Layout::of_roots(roots(&named).unwrap());
        assert_eq!(layout.folders(), ["libs", "airflow/plugins", "airflow/dags"]);
        let place = |path: &str| layout.place(&ContentPath::new(path).unwrap());
        for (path, rank, dest) in [
            ("libs/etl/dates.py", 0, "plugins/etl/dates.py"),
            ("airflow/plugins/listener.py", 1, "plugins/listener.py"),
            ("airflow/dags/vendor/v.py", 2, "plugins/vendor/v.py"),
            ("airflow/dags/team/d.py", 3, "dags/team/d.py"),
        ] {
            let found = place(path).unwrap();
            assert_eq!((found.rank, found.dest.as_str()), (rank, dest));
            assert_eq!(
                (layout.rank_of(&found.dest), layout.source_of(&found.dest).unwrap().unwrap().as_str()),
                (rank, path)
            );
            let path = ContentPath::new(path).unwrap();
            assert_eq!(layout.misplaced([(&path, &found)].into_iter()), Vec::<&ContentPath>::new());
        }
        for nothing in
            ["libs/loose.py", "dags/d.py", "airflow/plugins/.airflowignore", "airflow/dags/x.pyc", "README.md"]
        {
            assert_eq!(place(nothing), None, "{nothing}");
        }
        let home = |path: &str| HomePath::new(path).unwrap();
        let files = [home("plugins/etl/dates.py"), home("plugins/vendor/v.py"), home("dags/a.py")];
        let owned: Vec<String> = layout.owned(files.iter()).into_iter().collect();
        assert_eq!(owned, ["dags", "plugins", "plugins/etl", "plugins/vendor"]);
        let takes = |path: &str, is_folder| layout.takes(&ContentPath::new(path).unwrap(), is_folder);
        assert!(
            takes("airflow", true) && takes("libs/etl", true) && !takes("docs", true) && !takes("libs/x.py", false)
        );
        let whole = Layout::of_roots(roots(&[(".", "dags/team")]).unwrap());
        assert_eq!(whole.place(&ContentPath::new("a/d.py").unwrap()).unwrap().dest, home("dags/team/a/d.py"));
        assert_eq!(whole.source_of(&home("dags/team/a/d.py")).unwrap().unwrap().as_str(), "a/d.py");
    }

    #[test]
    fn a_folder_that_two_roots_would_make_is_misplaced() {
        let named = [("libs/*", "plugins/*"), ("plugins", "plugins"), ("vendor", "plugins/vendor"), ("dags", "dags")];
        let layout = Layout::of_roots(roots(&named).unwrap());
        let paths = ["libs/etl/a.py", "plugins/etl/b.py", "plugins/o.py", "plugins/ops/o.py", "plugins/vendor/v.py"];
        let paths = paths.map(|path| ContentPath::new(path).unwrap());
        let placed: Vec<_> = paths.iter().map(|path| (path, layout.place(path).unwrap())).collect();
        let misplaced = layout.misplaced(placed.iter().map(|(path, place)| (*path, place)));
        let misplaced: Vec<&str> = misplaced.into_iter().map(ContentPath::as_str).collect();
        assert_eq!(misplaced, ["plugins/etl/b.py", "plugins/vendor/v.py"]);
    }

    #[test]
    fn what_is_no_layout_is_said() {
        for (pairs, words) in [
            (&[][..], "it names no folder"),
            (&[("dags", "elsewhere")], "`elsewhere` is neither `dags` nor `plugins` nor below them"),
            (&[("dags", "dags/.dagguard")], "neither `dags` nor"),
            (&[("../dags", "dags")], "`../dags` is no folder of a repository"),
            (&[("/dags", "dags")], "is no folder of a repository"),
            (&[("libs/*", "plugins")], "both end with `/*`, or none does"),
            (&[("dags", "dags"), ("libs/*", "plugins/*")], "`libs/*` comes behind a root that goes to `dags`"),
            (&[("a", "dags"), ("b", "dags")], "two roots have `dags`"),
            (&[("a", "dags"), ("a", "plugins/a")], "two roots have `a`"),
        ] {
            let said = roots(pairs).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn source_is_the_inverse_of_place() {
        for path in ["plugins/operators/a.py", "plugins/sensors/b.py", "shared/etl/dates.py", "dags/team/d.sql"] {
            let path = ContentPath::new(path).unwrap();
            let dest = Layout::Content.place(&path).unwrap().dest;
            assert_eq!(Layout::Content.source_of(&dest), Ok(Some(path)));
        }
    }
}
