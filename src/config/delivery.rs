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
/// `airflow.cfg`, whose text is given where there is such a file. `None` where neither says it; an
/// error, its own words, where it is said in a way that only Airflow itself can resolve.
pub fn airflow_folder(
    key: &str,
    environment: &Environment,
    config: Option<&str>,
    home: &str,
) -> Result<Option<PathBuf>, String> {
    let variable = format!("AIRFLOW__CORE__{}", key.to_uppercase());
    let said = match environment.get(&variable) {
        Some(text) => Some(text.to_string()),
        None => config.and_then(|config| in_core_section(config, key)),
    };
    let Some(said) = said.filter(|said| !said.is_empty()) else { return Ok(None) };
    let path = PathBuf::from(expanded(&said, environment, home));
    if path.is_absolute() && !path.as_os_str().to_string_lossy().contains('$') { Ok(Some(path)) } else { Err(said) }
}

/// Where Airflow's own configuration is.
pub fn airflow_config(environment: &Environment, home: &str) -> PathBuf {
    match environment.get("AIRFLOW_CONFIG") {
        Some(path) => PathBuf::from(expanded(path, environment, home)),
        None => PathBuf::from(home).join("airflow.cfg"),
    }
}

/// Variables and `~` in a path, as Airflow fills them in: again and again, until nothing is left.
fn expanded(text: &str, environment: &Environment, home: &str) -> String {
    const MOST_TURNS: usize = 8;
    let value = |name: &str| if name == "AIRFLOW_HOME" { Some(home) } else { environment.get(name) };
    // As the template of `airflow.cfg` has it; with a dollar before it is a variable.
    let mut text = text.replace("${AIRFLOW_HOME}", home).replace("{AIRFLOW_HOME}", home);
    for _ in 0..MOST_TURNS {
        let mut next = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once('$') {
            next.push_str(before);
            let braced = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let bare = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
            let (name, after) = braced.unwrap_or_else(|| behind.split_at(bare));
            match value(name) {
                Some(value) => next.push_str(value),
                None => next.extend(["$", &behind[..behind.len() - after.len()]]),
            }
            rest = after;
        }
        next.push_str(rest);
        if let Some(below) = next.strip_prefix('~').filter(|below| below.is_empty() || below.starts_with('/'))
            && let Some(own) = environment.get("HOME")
        {
            next = format!("{}{below}", own.trim_end_matches('/'));
        }
        if next == text {
            break;
        }
        text = next;
    }
    text
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
        assert_eq!(folder("dags_folder", &none), Ok(Some("/srv/dags".into())));
        assert_eq!(folder("plugins_folder", &none), Ok(Some("/h/p".into())));
        let variable = Environment::new([("AIRFLOW__CORE__DAGS_FOLDER".to_string(), "/v".to_string())]);
        assert_eq!(folder("dags_folder", &variable), Ok(Some("/v".into())));
        assert_eq!(airflow_folder("dags_folder", &none, None, "/h"), Ok(None));
        let relative = airflow_folder("dags_folder", &none, Some("[core]\ndags_folder = dags\n"), "/h");
        assert_eq!(relative, Err("dags".to_string()));
    }

    #[test]
    fn variables_in_a_folder_are_filled_in_as_airflow_does() {
        let named = [("HOME", "/root/"), ("BASE", "$ROOT/x"), ("ROOT", "/srv"), ("LOOP", "$LOOP/a")];
        let environment = Environment::new(named.map(|(name, value)| (name.to_string(), value.to_string())));
        for (text, path) in [
            ("${AIRFLOW_HOME}/dags", "/h/dags"),
            ("$AIRFLOW_HOME/dags", "/h/dags"),
            ("{AIRFLOW_HOME}/dags", "/h/dags"),
            ("$BASE/dags", "/srv/x/dags"),
            ("~/dags", "/root/dags"),
            ("~", "/root"),
            ("/a~/b", "/a~/b"),
        ] {
            assert_eq!(expanded(text, &environment, "/h"), path, "{text}");
        }
        assert!(expanded("$LOOP", &environment, "/h").starts_with("$LOOP/a"));
        let config = "[core]\ndags_folder = $NOWHERE/dags\n";
        assert_eq!(airflow_folder("dags_folder", &environment, Some(config), "/h"), Err("$NOWHERE/dags".to_string()));
        assert_eq!(airflow_config(&environment, "/h"), PathBuf::from("/h/airflow.cfg"));
        let elsewhere = Environment::new([("AIRFLOW_CONFIG".to_string(), "$AIRFLOW_HOME/etc/a.cfg".to_string())]);
        assert_eq!(airflow_config(&elsewhere, "/h"), PathBuf::from("/h/etc/a.cfg"));
    }
}
