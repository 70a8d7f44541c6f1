//! Where a home's folders are, and on which volumes.

use super::disk::{Effects, Volume};
use super::{PublishMode, STATE};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An Airflow home with its DAGs and plugins folders, which `airflow.cfg` may put elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    home: PathBuf,
    dags: PathBuf,
    plugins: PathBuf,
}

impl Places {
    /// `dags` and `plugins` in the home itself.
    pub fn of(home: &Path) -> Self {
        Self { home: home.to_path_buf(), dags: home.join("dags"), plugins: home.join("plugins") }
    }

    /// The same with these folders in place of those of the home.
    #[must_use]
    pub fn with(mut self, dags: Option<&Path>, plugins: Option<&Path>) -> Self {
        if let Some(dags) = dags {
            self.dags = dags.to_path_buf();
        }
        if let Some(plugins) = plugins {
            self.plugins = plugins.to_path_buf();
        }
        self
    }

    /// Where what is deployed lies: in the tree of the home's link, in that mode and once there is
    /// one, or as long as there is one.
    #[must_use]
    pub fn viewed(self, mode: PublishMode) -> Self {
        let current = self.home.join(STATE).join("current");
        let linked = mode == PublishMode::Symlink || self.links_to_tree("dags") || self.links_to_tree("plugins");
        if linked && current.is_dir() { Self::of(&current) } else { self }
    }

    /// Whether that folder is the link into the deployed tree that `symlink` mode has made of it.
    pub(super) fn links_to_tree(&self, root: &str) -> bool {
        let current = Path::new(STATE).join("current").join(root);
        let ours = self.at(root) == self.home.join(root) && self.home.join(&current).is_dir();
        ours && std::fs::read_link(self.at(root)).is_ok_and(|target| target == current)
    }

    /// `$AIRFLOW_HOME`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Where something lies that is named as if all were below the home: `plugins/etl/dates.py`.
    pub fn at(&self, name: &str) -> PathBuf {
        let below = |folder: &Path, rest: &str| {
            let rest = rest.trim_start_matches('/');
            if rest.is_empty() { folder.to_path_buf() } else { folder.join(rest) }
        };
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        if let Some(rest) = name.strip_prefix("dags").filter(|rest| is_below(rest)) {
            below(&self.dags, rest)
        } else if let Some(rest) = name.strip_prefix("plugins").filter(|rest| is_below(rest)) {
            below(&self.plugins, rest)
        } else {
            below(&self.home, name)
        }
    }

    /// The state folder for files of that name: on their volume, as high up as the volume goes.
    ///
    /// A rename is atomic only within one mount, and what a volume holds should live and die with
    /// what is said of it: in the container's own file system it would be lost with every restart
    /// while the delivered files stay.
    pub(super) fn state_for(&self, name: &str, effects: &dyn Effects) -> String {
        let mut folder = name;
        while !folder.is_empty() && !self.at(folder).is_dir() {
            folder = parent(folder);
        }
        let volume = |folder: &str| effects.volume(&self.at(folder)).ok();
        let here = volume(folder);
        while !folder.is_empty() && volume(parent(folder)) == here {
            folder = parent(folder);
        }
        if folder.is_empty() { STATE.to_string() } else { format!("{folder}/{STATE}") }
    }

    /// The state folders of these delivered folders: that of the DAGs first, each once.
    pub(super) fn states<'a>(&self, roots: impl Iterator<Item = &'a str>, effects: &dyn Effects) -> Vec<String> {
        let mut states = vec![self.state_for("dags", effects)];
        for root in roots {
            let state = self.state_for(root, effects);
            if !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// The volumes of these folders, with one of the folders each.
    pub(super) fn volumes<'a>(
        &self,
        folders: impl Iterator<Item = &'a str>,
        effects: &dyn Effects,
    ) -> BTreeMap<Volume, String> {
        let mut volumes = BTreeMap::new();
        for folder in folders {
            let mut there = folder;
            while !there.is_empty() && !self.at(there).is_dir() {
                there = parent(there);
            }
            if let Ok(volume) = effects.volume(&self.at(there)) {
                volumes.entry(volume).or_insert_with(|| there.to_string());
            }
        }
        volumes
    }
}

impl From<&Path> for Places {
    fn from(home: &Path) -> Self {
        Self::of(home)
    }
}

impl From<&PathBuf> for Places {
    fn from(home: &PathBuf) -> Self {
        Self::of(home)
    }
}

impl From<&Self> for Places {
    fn from(places: &Self) -> Self {
        places.clone()
    }
}

/// The folder around a name; the home itself is the empty name.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_the_folders_are() {
        let places = Places::of(Path::new("/h"));
        assert_eq!(places.at("dags/a.py"), Path::new("/h/dags/a.py"));
        assert_eq!(places.at("dagsx"), Path::new("/h/dagsx"));
        assert_eq!((places.at(""), places.at(".dagguard")), ("/h".into(), "/h/.dagguard".into()));
        let places = places.with(Some(Path::new("/srv/d")), Some(Path::new("/srv/p")));
        assert_eq!((places.at("dags"), places.at("plugins/etl/x.py")), ("/srv/d".into(), "/srv/p/etl/x.py".into()));
    }
}
