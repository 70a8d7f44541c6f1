//! Which folders of a repository are content, as a configuration names them.

use super::choices::{get, parsed};
use super::{ConfigError, ConfigText};
use crate::content::{Layout, Roots, Snapshot};
use toml::de::{DeTable, DeValue};

/// What every `[[layout]]` may say.
const KEYS: [&str; 2] = ["from", "to"];

/// The layout of the operator's texts, the last that names one; none where none does.
pub fn layout(texts: &[ConfigText]) -> Result<Option<Layout>, ConfigError> {
    let mut found = None;
    for text in texts {
        let table = parsed(text)?;
        let Some(value) = get(table.get_ref(), "layout") else { continue };
        let wrong = |problem: String| ConfigError::Value(format!("`layout`, {problem}: `{}`", text.name));
        found = Some(roots(value.get_ref()).map_err(wrong)?);
    }
    Ok(found.map(Layout::of_roots))
}

/// The layout that a tree names for those who look at it, without being delivered by it.
pub fn tree_layout(snapshot: &Snapshot) -> Option<Layout> {
    let (path, file) = snapshot.config()?;
    let text = std::str::from_utf8(&file.bytes).ok()?;
    let table = DeTable::parse(text).ok()?;
    let top = table.get_ref();
    let value = if path.as_str().ends_with("pyproject.toml") {
        let tool = get(top, "tool")?.get_ref().as_table()?;
        get(get(tool, "dagguard")?.get_ref().as_table()?, "layout")?
    } else {
        get(top, "layout")?
    };
    // What is wrong with it is said where its other keys are read.
    roots(value.get_ref()).ok().map(Layout::of_roots)
}

/// The roots that the value names; or why it names none.
pub(super) fn roots(value: &DeValue) -> Result<Roots, String> {
    const FORM: &str = "each root is a table: `[[layout]]` with `from` and `to`";
    let items = value.as_array().ok_or(FORM)?;
    let mut pairs = Vec::new();
    for item in items {
        let table = item.get_ref().as_table().ok_or(FORM)?;
        if let Some((key, _)) = table.iter().find(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
            return Err(format!("there is no such key `{}`, there are `from` and `to`", key.get_ref()));
        }
        let text = |key: &str| get(table, key).map(|value| value.get_ref().as_str().map(str::to_string).ok_or(FORM));
        let from = text("from").unwrap_or(Err(FORM))?;
        let to = text("to").unwrap_or_else(|| Ok(from.clone()))?;
        pairs.push((from, to));
    }
    Roots::new(&pairs).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentPath, File, Revision};

    fn said(text: &str) -> Result<Option<Vec<&'static str>>, String> {
        let text = ConfigText { name: "op.toml".into(), text: text.into() };
        layout(&[text]).map(|layout| layout.map(Layout::folders)).map_err(|error| error.to_string())
    }

    #[test]
    fn roots_are_named_in_their_order() {
        let text = "[[layout]]\nfrom = \"libs/*\"\nto = \"plugins/*\"\n[[layout]]\nfrom = \"dags\"\n";
        assert_eq!(said(text), Ok(Some(vec!["libs", "dags"])));
        assert_eq!(said("[levels]\n"), Ok(None));
        for (text, words) in [
            ("layout = 3", "`layout`, each root is a table: `[[layout]]` with `from` and `to`: `op.toml`"),
            ("[[layout]]\nto = \"dags\"", "each root is a table"),
            ("[[layout]]\nfrom = 1", "each root is a table"),
            ("[[layout]]\nform = \"dags\"", "there is no such key `form`"),
            ("[[layout]]\nfrom = \"src\"", "`src` is neither `dags` nor `plugins` nor below them"),
            ("layout = []", "it names no folder"),
        ] {
            assert!(said(text).unwrap_err().contains(words), "{text}: {:?}", said(text));
        }
    }

    #[test]
    fn a_tree_names_its_own_to_those_who_look_at_it() {
        let named = |path: &str, text: &str| {
            let revision = Revision::new("r");
            let mut tree = Snapshot::empty(revision.clone());
            tree.configure(ContentPath::new(path).unwrap(), File::regular(&revision, text.as_bytes()));
            tree_layout(&tree).map(Layout::folders)
        };
        let own = "[[layout]]\nfrom = \"a\"\nto = \"dags\"\n";
        assert_eq!(named("dagguard.toml", own), Some(vec!["a"]));
        assert_eq!(named("pyproject.toml", &own.replace("layout", "tool.dagguard.layout")), Some(vec!["a"]));
        assert_eq!(named("dagguard.toml", "[levels]\n"), None);
        assert_eq!(named("dagguard.toml", "[[layout]]\nfrom = 1\n"), None);
    }
}
