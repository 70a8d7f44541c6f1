//! Paths as texts: what `os.path` and `pathlib` compute without looking at a disk.

use std::cmp::Ordering;
use std::rc::Rc;

/// A path whose text is known, or known from the home folder on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathText {
    home: bool,
    /// What follows the home folder (empty, or with a slash first); else the whole.
    text: Rc<str>,
}

impl PathText {
    /// A path whose whole text is known.
    pub(crate) fn plain(text: impl Into<Rc<str>>) -> Self {
        Self { home: false, text: text.into() }
    }

    /// A path below the home folder, by what follows it.
    pub(crate) fn of_home(rest: impl Into<Rc<str>>) -> Self {
        Self { home: true, text: rest.into() }
    }

    /// Whether it begins at the home folder.
    pub(crate) fn home(&self) -> bool {
        self.home
    }

    /// The text, or what follows the home folder.
    pub(crate) fn text(&self) -> &Rc<str> {
        &self.text
    }

    /// Whether it says where it begins.
    pub(crate) fn absolute(&self) -> bool {
        self.home || self.text.starts_with('/')
    }

    fn with(&self, text: impl Into<Rc<str>>) -> Self {
        Self { home: self.home, text: text.into() }
    }

    /// `os.path.join` of two.
    pub(crate) fn join(&self, other: &Self) -> Self {
        if other.absolute() || self.text.is_empty() && !self.home {
            other.clone()
        } else if self.text.ends_with('/') {
            self.with(format!("{}{}", self.text, other.text))
        } else {
            self.with(format!("{}/{}", self.text, other.text))
        }
    }

    /// `os.path.dirname`; none above the home folder.
    pub(crate) fn dirname(&self) -> Option<Self> {
        let Some(slash) = self.text.rfind('/') else {
            return (!self.home).then(|| Self::plain(""));
        };
        let head = &self.text[..=slash];
        let trimmed = head.trim_end_matches('/');
        Some(if trimmed.is_empty() && !self.home { self.with(head) } else { self.with(trimmed) })
    }

    /// `os.path.basename`; none of the home folder itself.
    pub(crate) fn basename(&self) -> Option<&str> {
        match self.text.rfind('/') {
            Some(slash) => Some(&self.text[slash + 1..]),
            None => (!self.home).then_some(&self.text),
        }
    }

    /// `os.path.normpath`; none if it leads out of the home folder.
    pub(crate) fn normal(&self) -> Option<Self> {
        let root = !self.home && self.text.starts_with('/');
        let mut parts: Vec<&str> = Vec::new();
        for part in self.text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part != ".." {
                parts.push(part);
            } else if parts.last().is_some_and(|last| *last != "..") {
                parts.pop();
            } else if self.home {
                return None;
            } else if !root {
                parts.push("..");
            }
        }
        let joined = parts.join("/");
        Some(match (self.home, root, joined.is_empty()) {
            (true, _, true) => self.with(""),
            (true, ..) | (_, true, _) => self.with(format!("/{joined}")),
            (_, _, true) => self.with("."),
            _ => self.with(joined),
        })
    }

    /// As `pathlib` keeps it: without empty and `.` parts.
    pub(crate) fn lexical(&self) -> Self {
        let root = !self.home && self.text.starts_with('/');
        let parts: Vec<&str> = self.text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let joined = parts.join("/");
        match (self.home, root, joined.is_empty()) {
            (true, _, true) => self.with(""),
            (true, ..) | (_, true, _) => self.with(format!("/{joined}")),
            (_, _, true) => self.with("."),
            _ => self.with(joined),
        }
    }

    /// The path below the home folder, as the tree names it; empty for the home folder itself.
    pub(crate) fn in_tree(&self) -> Option<String> {
        let normal = self.normal()?;
        normal.home.then(|| normal.text.trim_start_matches('/').to_owned())
    }

    /// `os.path.splitext`.
    pub(crate) fn splitext(&self) -> (Self, String) {
        let (stem, extension) = split_extension(&self.text);
        (self.with(stem), extension.to_owned())
    }

    /// `Path.name`; none of the home folder itself.
    pub(crate) fn name(&self) -> Option<&str> {
        let text = if &*self.text == "." { "" } else { self.text.trim_end_matches('/') };
        match text.rfind('/') {
            Some(slash) => Some(&text[slash + 1..]),
            None => (!self.home).then_some(text),
        }
    }

    /// `Path.parent`; none above the home folder.
    pub(crate) fn parent(&self) -> Option<Self> {
        match self.text.rfind('/') {
            Some(0) if self.home => Some(self.with("")),
            Some(0) => Some(self.with("/")),
            Some(slash) => Some(self.with(&self.text[..slash])),
            None if self.home => None,
            None => Some(self.with(".")),
        }
    }

    /// The same folder with another name in it.
    pub(crate) fn with_name(&self, name: &str) -> Option<Self> {
        if self.name()?.is_empty() {
            return None;
        }
        Some(match self.text.rfind('/') {
            Some(slash) => self.with(format!("{}{name}", &self.text[..=slash])),
            None => self.with(name),
        })
    }

    /// `Path.relative_to`, `os.path.relpath` where no `..` is needed.
    pub(crate) fn relative_to(&self, other: &Self) -> Option<Self> {
        let (this, base) = (self.lexical(), other.lexical());
        if this.home != base.home {
            return None;
        }
        if this == base {
            return Some(Self::plain("."));
        }
        if !this.home && &*base.text == "." && !this.text.starts_with('/') {
            return Some(Self::plain(&*this.text));
        }
        let base = base.text.trim_end_matches('/');
        this.text.strip_prefix(base)?.strip_prefix('/').map(Self::plain)
    }

    /// The order of `pathlib`, part by part.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        (self.home == other.home).then(|| self.text.split('/').cmp(other.text.split('/')))
    }
}

/// The text before its extension, and the extension with its dot; a leading dot begins none.
fn split_extension(text: &str) -> (&str, &str) {
    let name = text.rfind('/').map_or(0, |slash| slash + 1);
    let hidden = text[name..].len() - text[name..].trim_start_matches('.').len();
    match text[name + hidden..].rfind('.') {
        Some(dot) => text.split_at(name + hidden + dot),
        None => (text, ""),
    }
}

/// `Path.suffix`: no extension for a name that ends with a dot.
pub(crate) fn suffix(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if dot > 0 && dot + 1 < name.len() => &name[dot..],
        _ => "",
    }
}

/// `fnmatch.fnmatchcase`: `*`, `?` and `[…]`; a `*` also takes slashes and leading dots.
pub(crate) fn fnmatch(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut n, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p == pattern.len() && n == name.len() {
            return true;
        }
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') if n < name.len() => Some(p + 1),
            Some('[') if n < name.len() => match class_end(&pattern, p) {
                Some(end) => in_class(&pattern[p + 1..end], name[n]).then_some(end + 1),
                None => (name[n] == '[').then_some(p + 1),
            },
            Some(letter) if name.get(n) == Some(letter) => Some(p + 1),
            _ => None,
        };
        match (step, star) {
            (Some(next), _) => (p, n) = (next, n + 1),
            (None, Some((at, taken))) if taken < name.len() => {
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

/// Where the class that opens at `open` ends.
fn class_end(pattern: &[char], open: usize) -> Option<usize> {
    let mut at = open + 1;
    if pattern.get(at) == Some(&'!') {
        at += 1;
    }
    if pattern.get(at) == Some(&']') {
        at += 1;
    }
    pattern[at.min(pattern.len())..].iter().position(|c| *c == ']').map(|found| at + found)
}

fn in_class(class: &[char], letter: char) -> bool {
    let (negated, class) = match class {
        ['!', rest @ ..] => (true, rest),
        class => (false, class),
    };
    let mut rest = class;
    let mut found = false;
    loop {
        rest = match rest {
            [low, '-', high, rest @ ..] => {
                found |= (*low..=*high).contains(&letter);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == letter;
                rest
            }
            [] => return found != negated,
        };
    }
}

/// Whether a pattern has anything to match with.
pub(crate) fn has_magic(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::{PathText, fnmatch};

    #[test]
    fn a_name_matches_as_in_fnmatch() {
        for (name, pattern, matches) in [
            ("a.yaml", "*.yaml", true),
            ("a.yml", "*.y?ml", false),
            ("a.yaml", "*.y*ml", true),
            (".hidden.yaml", "*.yaml", true),
            ("x1", "x[0-9]", true),
            ("xa", "x[!0-9]", true),
            ("x]", "x[]]", true),
            ("abc", "a*c*", true),
            ("abc", "", false),
        ] {
            assert_eq!(fnmatch(name, pattern), matches, "{name} {pattern}");
        }
    }

    #[test]
    fn a_path_below_the_home_stays_there_or_is_not_known() {
        let file = PathText::of_home("/dags/team/x.py");
        let folder = file.dirname().unwrap();
        assert_eq!(folder.join(&PathText::plain("../config/a.yml")).in_tree().as_deref(), Some("dags/config/a.yml"));
        assert_eq!(folder.join(&PathText::plain("/etc/x")).in_tree(), None);
        assert_eq!(folder.join(&PathText::plain("../../../etc")).in_tree(), None);
        assert_eq!(PathText::of_home("/dags").dirname().unwrap().in_tree().as_deref(), Some(""));
        assert_eq!(PathText::of_home("").dirname(), None);
    }
}
