//! The command line's part about how a home is written, and Airflow's own words on where its folders are.

use super::Environment;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How the home is written.
#[derive(Clone, Debug, Args)]
pub struct DeliveryArguments {
    /// Order of the steps of a delivery
    #[arg(long, value_enum, default_value = "by-root", value_name = "ORDER")]
    pub order: OrderArgument,
    /// How a new tree takes the place of the one before
    #[arg(long, value_enum, default_value = "in-place", value_name = "MODE")]
    pub mode: ModeArgument,
    /// Percent of a root's files that may go in one delivery without being confirmed
    #[arg(long, default_value_t = 50, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub most_loss: u8,
    /// The revision that may empty a root or take most of its files
    #[arg(long, value_name = "REVISION")]
    pub confirm: Option<String>,
    /// What to do about delivered files that somebody else changed
    #[arg(long, value_enum, default_value = "repair", value_name = "WHAT")]
    pub drift: DriftArgument,
    /// Leave `plugins/.airflowignore` alone: Airflow's plugin loader then keeps old modules until a restart
    #[arg(long)]
    pub no_plugins_ignore: bool,
    /// The DAGs folder [default: as AIRFLOW__CORE__DAGS_FOLDER or airflow.cfg say, else `dags` in the home]
    #[arg(long, value_name = "PATH")]
    pub dags_folder: Option<PathBuf>,
    /// The plugins folder [default: as AIRFLOW__CORE__PLUGINS_FOLDER or airflow.cfg say, else `plugins` in the home]
    #[arg(long, value_name = "PATH")]
    pub plugins_folder: Option<PathBuf>,
}

/// `--order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderArgument {
    /// Operators, sensors, shared code, DAGs; deletions in reverse.
    ByRoot,
    /// New files of plugins and shared code, then as by root.
    AdditionsFirst,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArgument {
    /// File by file, in order.
    InPlace,
    /// All at one moment, as git-sync does: `dags` and `plugins` are links into a tree.
    Symlink,
}

/// `--drift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriftArgument {
    /// Put them back.
    Repair,
    /// Log them once, and leave them until the branch changes them.
    Report,
    /// Leave them, without a word.
    Ignore,
}

/// One of Airflow's folders as its own configuration names it (R97): the variable, then
/// `airflow.cfg`, whose text is given where there is such a file. `None` where neither says it, and
/// where it is said in a way that only Airflow itself can resolve.
pub fn airflow_folder(key: &str, environment: &Environment, config: Option<&str>, home: &str) -> Option<PathBuf> {
    let variable = format!("AIRFLOW__CORE__{}", key.to_uppercase());
    let text = match environment.get(&variable) {
        Some(text) => text.to_string(),
        None => in_core_section(config?, key)?,
    };
    let text = text.replace("{AIRFLOW_HOME}", home).replace("${AIRFLOW_HOME}", home).replace("$AIRFLOW_HOME", home);
    let path = PathBuf::from(text);
    path.is_absolute().then_some(path)
}

fn in_core_section(config: &str, key: &str) -> Option<String> {
    let mut in_core = false;
    let mut found = None;
    for line in config.lines() {
        let line = line.trim_end();
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_core = section == "core";
        } else if in_core
            && let Some((name, value)) = line.split_once(['=', ':'])
            && name.trim().eq_ignore_ascii_case(key)
        {
            found = Some(value.trim().to_string());
        }
    }
    found.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn airflows_own_configuration_names_its_folders() {
        let none = Environment::new([]);
        let config = "[core]\n# dags_folder = /no\ndags_folder = /srv/dags\nplugins_folder={AIRFLOW_HOME}/p\n[other]\ndags_folder=/x\n";
        let folder = |key, environment: &Environment| airflow_folder(key, environment, Some(config), "/h");
        assert_eq!(folder("dags_folder", &none), Some("/srv/dags".into()));
        assert_eq!(folder("plugins_folder", &none), Some("/h/p".into()));
        let variable = Environment::new([("AIRFLOW__CORE__DAGS_FOLDER".to_string(), "/v".to_string())]);
        assert_eq!(folder("dags_folder", &variable), Some("/v".into()));
        assert_eq!(airflow_folder("dags_folder", &none, None, "/h"), None);
        assert_eq!(airflow_folder("dags_folder", &none, Some("[core]\ndags_folder = dags\n"), "/h"), None);
    }
}
