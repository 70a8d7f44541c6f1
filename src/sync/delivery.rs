//! What the operator has chosen about deliveries, and what follows from it for a comparison.

use super::Settings;
use crate::content::Planner;
use crate::publish::{self, Places};
use std::path::{Path, PathBuf};

/// How deliveries are made, and what is done about files that others changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Order of the steps, and guards.
    pub planner: Planner,
    /// How the home is kept.
    pub options: publish::Options,
    /// What drift leads to.
    pub drift: OnDrift,
    /// The DAGs folder, where it is not `dags` in the home.
    pub dags_folder: Option<PathBuf>,
    /// The plugins folder, where it is not `plugins` in the home.
    pub plugins_folder: Option<PathBuf>,
}

/// What is done about files in the delivered folders that are not as they were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// They are put back, each pass.
    #[default]
    Repair,
    /// They are logged once, and stay until the branch itself changes them.
    Report,
    /// They stay, without a word.
    Ignore,
}

impl Delivery {
    /// Where the folders of that home are, to be looked at without taking it.
    pub fn places(&self, home: &Path) -> Places {
        self.home(home).viewed(self.options.mode)
    }

    fn home(&self, home: &Path) -> Places {
        Places::of(home).with(self.dags_folder.as_deref(), self.plugins_folder.as_deref())
    }
}

impl Settings {
    /// Where the home's folders are.
    pub(super) fn places(&self) -> Places {
        self.delivery.home(&self.home)
    }
}
