//! Libraries whose DAGs the text does not hold, from a list that is part of the program.

use serde::Deserialize;
use std::sync::LazyLock;

/// What a call of such a library makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Makes {
    Dag,
    Group,
    Dags,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    builder: Vec<Builder>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Builder {
    pub(super) package: String,
    /// What it builds from.
    pub(super) from: String,
    #[serde(default)]
    dag: Vec<String>,
    #[serde(default)]
    group: Vec<String>,
    #[serde(default)]
    dags: Vec<String>,
}

static BUILDERS: LazyLock<Vec<Builder>> = LazyLock::new(|| {
    let list: List =
        toml::from_str(include_str!("opaque.toml")).expect("the list is part of the program, and a test reads it");
    list.builder
});

/// The library of the list that a qualified name is of, and what a call of it makes.
pub(super) fn find(path: &str) -> Option<(&'static Builder, Makes)> {
    let package = path.split('.').next()?;
    let name = path.rsplit('.').next()?;
    let builder = BUILDERS.iter().find(|builder| builder.package == package)?;
    let has = |names: &[String]| names.iter().any(|known| known == name);
    let makes = if has(&builder.dag) {
        Makes::Dag
    } else if has(&builder.group) {
        Makes::Group
    } else if has(&builder.dags) {
        Makes::Dags
    } else {
        return None;
    };
    Some((builder, makes))
}
