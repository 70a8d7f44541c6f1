//! What a configuration says of rules: the tree's own file, and the same keys of the operator's.
//!
//! Invariants: what the tree says is never an error of the program, for the branch is written by
//! others: what cannot be taken is left out and said. What the operator says must be right.

use super::{ConfigError, ConfigText, variables};
use crate::content::{ContentPath, Location, Snapshot, Span};
use crate::rules::{Choices, Level, LevelChoice, Refused, Registry, Scope, of_config};
use std::collections::BTreeSet;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys that a tree may set.
const OF_TREE: [&str; 6] = ["accept", "dags", "layout", "levels", "paths", "policy"];
/// The keys that the operator alone may set.
const OF_OPERATOR: [&str; 5] = ["backfill", "environment", "instance", "rules", "source"];
const OF_ACCEPT: [&str; 3] = ["fingerprint", "reason", "until"];

/// What the tree's own configuration says of rules; nothing where it has none.
pub fn tree(snapshot: &Snapshot, registry: &Registry) -> Choices {
    let Some((path, file)) = snapshot.config() else { return Choices::default() };
    let at = |span: Span| Location { path: path.clone(), span };
    let whole = Some(at(Span::FILE));
    let refused = |why: String| Choices {
        refused: vec![Refused { what: path.to_string(), why, at: whole.clone() }],
        at: whole.clone(),
        ..Choices::default()
    };
    let Ok(text) = std::str::from_utf8(&file.bytes) else { return refused("it is no UTF-8".to_string()) };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => return refused(first_line(error.message())),
    };
    let mut reader = Reader { text, path: Some(path), registry, choices: Choices { at: whole, ..Choices::default() } };
    let project = path.as_str().ends_with("pyproject.toml");
    if project {
        let tool = get(table.get_ref(), "tool").and_then(|tool| tool.get_ref().as_table());
        if let Some(ours) = tool.and_then(|tool| get(tool, "dagguard")).and_then(|ours| ours.get_ref().as_table()) {
            reader.top(ours);
        }
    } else {
        reader.top(table.get_ref());
    }
    reader.choices
}

/// What the operator's texts say beside the instances, together; the rules that they name are those
/// of the program and those that they bring.
pub fn operator(texts: &[ConfigText], registry: &Registry) -> Result<Choices, ConfigError> {
    let mut all = Choices::default();
    for text in texts {
        let table = parsed(text)?;
        let mut reader = Reader { text: &text.text, path: None, registry, choices: Choices::default() };
        reader.top(table.get_ref());
        let Choices { levels, lock, accept, refused, .. } = reader.choices;
        if let Some(refused) = refused.first() {
            return Err(ConfigError::Value(format!("`{}`, {}: `{}`", refused.what, refused.why, text.name)));
        }
        all.levels.extend(levels);
        all.accept.extend(accept);
        if let Some(lock) = lock {
            all.lock.get_or_insert_default().extend(lock);
        }
    }
    Ok(all)
}

/// `rules.dir` of the operator's texts, the last that says it.
pub fn rules_dir(texts: &[ConfigText]) -> Result<Option<PathBuf>, ConfigError> {
    one(texts, "rules", "dir", "the path of a folder", |value| value.as_str().map(PathBuf::from))
}

/// `backfill.most-runs` of the operator's texts.
pub fn most_past_runs(texts: &[ConfigText]) -> Result<Option<usize>, ConfigError> {
    let number = |value: &DeValue| value.as_integer().and_then(|number| number.as_str().parse().ok());
    one(texts, "backfill", "most-runs", "a number of runs", number)
}

/// `environment.secrets-backend` of the operator's texts.
pub fn secrets_backend(texts: &[ConfigText]) -> Result<Option<bool>, ConfigError> {
    let truth = |value: &DeValue| match value {
        DeValue::Boolean(on) => Some(*on),
        _ => None,
    };
    one(texts, "environment", "secrets-backend", "true or false", truth)
}

/// The one key of a table, in the last text that says it.
fn one<T>(
    texts: &[ConfigText],
    table: &str,
    key: &str,
    form: &str,
    read: impl Fn(&DeValue) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let mut found = None;
    for text in texts {
        let parsed = parsed(text)?;
        let Some(given) = get(parsed.get_ref(), table) else { continue };
        let wrong = || ConfigError::Value(format!("`{table}` has the one key `{key}`, {form}: `{}`", text.name));
        for (name, value) in given.get_ref().as_table().ok_or_else(wrong)? {
            let value = read(value.get_ref()).filter(|_| name.get_ref() == key);
            found = Some(value.ok_or_else(wrong)?);
        }
    }
    Ok(found)
}

pub(super) fn parsed(text: &ConfigText) -> Result<Spanned<DeTable<'_>>, ConfigError> {
    DeTable::parse(&text.text).map_err(|error| {
        let message = first_line(error.message());
        ConfigError::Value(format!("configuration cannot be read, {message}: `{}`", text.name))
    })
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_string()
}

pub(super) fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

struct Reader<'a> {
    text: &'a str,
    /// The tree's file; none for the operator's.
    path: Option<&'a ContentPath>,
    registry: &'a Registry,
    choices: Choices,
}

impl Reader<'_> {
    fn at(&self, start: usize) -> Option<Location> {
        let before = self.text.get(..start).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let span = Span { line: u32::try_from(line).unwrap_or(u32::MAX), ..Span::FILE };
        self.path.map(|path| Location { path: path.clone(), span })
    }

    fn refuse(&mut self, what: impl Into<String>, start: usize, why: impl Into<String>) {
        let at = self.at(start);
        self.choices.refused.push(Refused { what: what.into(), why: why.into(), at });
    }

    fn top(&mut self, table: &DeTable) {
        for (key, value) in table {
            let (name, start) = (key.get_ref().as_ref(), key.span().start);
            match name {
                "levels" => self.levels("levels", &Scope::All, value),
                "paths" => self.scoped(name, value, Scope::Path),
                "dags" => self.scoped(name, value, Scope::Dag),
                "policy" => self.policy(value),
                "accept" => self.accepts(value),
                "layout" => {
                    if let Err(problem) = super::layout::roots(value.get_ref()) {
                        self.refuse(name, start, problem);
                    }
                }
                _ if OF_OPERATOR.contains(&name) && self.path.is_none() => {}
                _ if OF_OPERATOR.contains(&name) || name == "live" => {
                    self.refuse(name, start, "only the operator's configuration may set it");
                }
                _ if self.path.is_none() => self.unknown(name, start, &[&OF_TREE[..], &OF_OPERATOR[..]].concat()),
                _ => self.unknown(name, start, &OF_TREE),
            }
        }
    }

    fn unknown(&mut self, name: &str, start: usize, all: &[&str]) {
        let hint = match variables::nearest(name, all) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => format!("; there are `{}`", all.join("`, `")),
        };
        self.refuse(name, start, format!("there is no such key{hint}"));
    }

    fn scoped(&mut self, name: &str, value: &Spanned<DeValue>, scope: impl Fn(String) -> Scope) {
        let Some(table) = value.get_ref().as_table() else {
            return self.refuse(name, value.span().start, "it is a table by pattern: `[paths.\"dags/legacy/**\"]`");
        };
        for (pattern, value) in table {
            self.levels(&format!("{name}.{}", pattern.get_ref()), &scope(pattern.get_ref().to_string()), value);
        }
    }

    fn levels(&mut self, name: &str, scope: &Scope, value: &Spanned<DeValue>) {
        let Some(table) = value.get_ref().as_table() else {
            return self.refuse(name, value.span().start, "it is a table of levels by rule");
        };
        for (key, value) in table {
            let (rule, start) = (key.get_ref().to_string(), key.span().start);
            if !self.is_rule(&rule, name, start) {
                continue;
            }
            let level = match value.get_ref().as_str() {
                Some("off") => None,
                Some("info") => Some(Level::Info),
                Some("warn") => Some(Level::Warn),
                Some("block") => Some(Level::Block),
                _ => {
                    self.refuse(format!("{name}.{rule}"), start, "a level is off, info, warn or block");
                    continue;
                }
            };
            let at = self.at(start);
            self.choices.levels.push(LevelChoice { rule, scope: scope.clone(), level, at });
        }
    }

    fn is_rule(&mut self, rule: &str, where_: &str, start: usize) -> bool {
        if self.registry.get(rule).is_some() {
            return true;
        }
        let hint = self.registry.nearest(rule).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.refuse(format!("{where_}.{rule}"), start, format!("there is no such rule{hint}"));
        false
    }

    fn policy(&mut self, value: &Spanned<DeValue>) {
        let Some(table) = value.get_ref().as_table() else {
            return self.refuse("policy", value.span().start, "it is a table");
        };
        for (key, value) in table {
            let (name, start) = (key.get_ref().as_ref(), key.span().start);
            if name != "lock" {
                self.unknown(name, start, &["lock"]);
                continue;
            }
            let names: Option<Vec<String>> = value
                .get_ref()
                .as_array()
                .and_then(|items| items.iter().map(|item| item.get_ref().as_str().map(str::to_string)).collect());
            let Some(names) = names else {
                self.refuse("policy.lock", start, "it is a list of rules");
                continue;
            };
            let mut lock = BTreeSet::new();
            for rule in names {
                if self.is_rule(&rule, "policy.lock", start) {
                    lock.insert(rule);
                }
            }
            self.choices.lock = Some(lock);
        }
    }

    fn accepts(&mut self, value: &Spanned<DeValue>) {
        let Some(items) = value.get_ref().as_array() else {
            return self.refuse("accept", value.span().start, "each is a table: `[[accept]]`");
        };
        for item in items {
            match item.get_ref().as_table() {
                Some(table) => self.accept(table, item.span().start),
                None => self.refuse("accept", item.span().start, "each is a table: `[[accept]]`"),
            }
        }
    }

    fn accept(&mut self, table: &DeTable, start: usize) {
        for (key, _) in table {
            if !OF_ACCEPT.contains(&key.get_ref().as_ref()) {
                // An acceptance of which a part is not understood could mean less than is taken.
                return self.unknown(key.get_ref(), key.span().start, &OF_ACCEPT);
            }
        }
        let text = |name: &str| get(table, name).and_then(|value| value.get_ref().as_str());
        let Some(fingerprint) = text("fingerprint") else {
            return self.refuse("accept", start, "it needs `fingerprint`, as the message shows it");
        };
        let until = match get(table, "until") {
            None => None,
            Some(value) => match date(value.get_ref()) {
                Some(date) => Some(date),
                None => return self.refuse("accept.until", value.span().start, "it is a day: `2027-01-31`"),
            },
        };
        let reason = text("reason").unwrap_or_default();
        if reason.trim().is_empty() && self.path.is_none() {
            return self.refuse("accept", start, "it needs a `reason`");
        }
        let at = self.at(start);
        self.choices.accept.push(of_config(at, fingerprint, reason, until));
    }
}

/// A day, as a date of TOML or as a text.
fn date(value: &DeValue) -> Option<jiff::civil::Date> {
    let text = match value {
        DeValue::Datetime(moment) if moment.time.is_none() => moment.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => return None,
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests;
