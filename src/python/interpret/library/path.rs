//! `os.path`, `pathlib`, `glob`, `fnmatch`, and what of `os` is about files of the tree.

use super::super::{Host, Interp, LISTED};
use crate::python::standard::Standard;
use crate::python::standard::path::{PathText, fnmatch, has_magic, suffix};
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, At, Object, Ref, Unknown, Value, short};
use std::collections::BTreeSet;

/// A text below the home folder, by what follows that.
pub(crate) fn home_text(rest: &str, at: At) -> Value {
    let mut unknown = Unknown::new("where the home folder lies", at, short(format!("$AIRFLOW_HOME{rest}")));
    unknown.affix = Some(("/".into(), rest.into()));
    unknown.home = true;
    unknown.root = Some("pathlib.Path".into());
    unknown.value()
}

/// What a folder holds: names, and whether each is a folder.
type Listing = Vec<(String, bool)>;

/// The folder in which Python keeps what it made of the files beside it.
const CACHE: &str = "__pycache__";
/// A file there.
const CACHED: &str = "module.cpython-311.pyc";

impl<H: Host> Interp<'_, H> {
    /// The path that a value is.
    pub(in super::super) fn path_of(&self, value: &Value) -> Option<PathText> {
        match value {
            Value::Str(text) => Some(PathText::plain(text.text.clone())),
            Value::Unknown(unknown) => unknown.below_home().map(|rest| PathText::of_home(rest.clone())),
            _ => match self.standard(value)? {
                Standard::Path(path) | Standard::Entry(path) => Some(path.clone()),
                _ => None,
            },
        }
    }

    /// A path as a text.
    pub(in super::super) fn path_text(path: &PathText, at: At) -> Value {
        if path.home() { home_text(path.text(), at) } else { Self::text_value(path.text().clone(), at) }
    }

    /// A `pathlib.Path`.
    pub(in super::super) fn new_path(&mut self, path: &PathText) -> Value {
        self.new_object(Object::Standard(Standard::Path(path.lexical())))
    }

    fn maybe_text(path: Option<PathText>, at: At) -> Option<Value> {
        path.map(|path| Self::path_text(&path, at))
    }

    pub(super) fn call_path(&mut self, path: &str, args: &Args, at: At) -> Option<Value> {
        let paths: Option<Vec<PathText>> = args.positional.iter().map(|arg| self.path_of(&arg.value)).collect();
        let first = args.positional.first().map(|arg| arg.value.clone());
        let Some(paths) = paths else {
            return Self::path_end(path, &first?, at);
        };
        let joined = || paths.iter().skip(1).fold(paths.first().cloned(), |all, one| Some(all?.join(one)));
        let Some(this) = paths.first().cloned() else {
            return match path {
                "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" => Some(self.new_path(&PathText::plain("."))),
                _ => None,
            };
        };
        match path {
            "os.path.join" => Self::maybe_text(joined(), at),
            "os.path.dirname" => Self::maybe_text(this.dirname(), at),
            "os.path.basename" => this.basename().map(|name| Self::text_value(name, at)),
            "os.path.normpath" => Self::maybe_text(this.normal(), at),
            "os.path.abspath" | "os.path.realpath" if this.absolute() => Self::maybe_text(this.normal(), at),
            "os.path.expanduser" if !this.text().starts_with('~') => Some(Self::path_text(&this, at)),
            "os.path.expandvars" if !this.text().contains('$') => Some(Self::path_text(&this, at)),
            "os.fspath" => Some(Self::path_text(&this, at)),
            "os.path.isabs" => Some(Value::Bool(this.absolute())),
            "os.path.splitext" => {
                let (stem, extension) = this.splitext();
                let parts = vec![Self::path_text(&stem, at), Self::text_value(extension, at)];
                Some(self.new_tuple(parts))
            }
            "os.path.split" => match (this.dirname(), this.basename()) {
                (Some(head), Some(tail)) => {
                    let parts = vec![Self::path_text(&head, at), Self::text_value(tail, at)];
                    Some(self.new_tuple(parts))
                }
                _ => None,
            },
            "os.path.relpath" if paths.len() == 2 => match (this.normal(), paths[1].normal()) {
                (Some(this), Some(base)) => Self::maybe_text(this.relative_to(&base), at),
                _ => None,
            },
            "os.path.exists" | "os.path.isfile" | "os.path.isdir" | "os.path.lexists" => {
                let what = path.strip_prefix("os.path.").unwrap_or(path);
                Some(self.is_there(&this, what, at))
            }
            "os.listdir" => Some(self.list_names(&this, at)),
            "os.scandir" => Some(self.list_entries(&this, true, at)),
            "os.walk" => Some(self.walk(&this, at)),
            "glob.glob" | "glob.iglob" => Some(self.glob_text(&this, args, at)),
            "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath" => {
                joined().map(|path| self.new_path(&path))
            }
            "fnmatch.fnmatch" | "fnmatch.fnmatchcase" if paths.len() == 2 && !paths[1].home() => (!this.home()
                || paths[1].text().starts_with('*'))
            .then(|| Value::Bool(fnmatch(this.text(), paths[1].text()))),
            _ => None,
        }
    }

    /// Parts that the end of a text decides, of which the beginning is not known.
    fn path_end(path: &str, value: &Value, at: At) -> Option<Value> {
        let Value::Unknown(unknown) = value else { return None };
        let (prefix, end) = unknown.affix.clone()?;
        let (parent, name) = end.rsplit_once('/')?;
        match path {
            "os.path.basename" => Some(Self::text_value(name, at)),
            "os.path.dirname" => {
                let mut folder = Unknown::clone(unknown);
                folder.text = short(format!("dirname({})", unknown.text));
                folder.affix = Some((prefix, parent.into()));
                Some(folder.value())
            }
            _ => None,
        }
    }

    /// `exists` and its kin. What is not in the tree may still be there: not all that lies on a
    /// worker's disk is delivered.
    fn is_there(&mut self, path: &PathText, what: &str, at: At) -> Value {
        if let Some(folder) = self.is_cache(path) {
            return Value::Bool(match what {
                "isdir" | "is_dir" => folder,
                "isfile" | "is_file" => !folder,
                _ => true,
            });
        }
        let found = path.in_tree().map(|home| (self.tree.find(&home), self.is_folder(&home), home));
        match found {
            Some((Some(file), ..)) => {
                self.read.insert(file);
                Value::Bool(!matches!(what, "isdir" | "is_dir"))
            }
            Some((None, true, _)) => Value::Bool(!matches!(what, "isfile" | "is_file")),
            Some((None, false, home)) => Unknown::new(
                format!("whether `{home}` exists is not known: it is not in the tree"),
                at,
                format!("exists {home}"),
            )
            .value(),
            None => {
                let text = format!("exists {}", path.text());
                Unknown::new(Self::not_in_tree(path), at, text).value()
            }
        }
    }

    /// Of what [`Interp::cached`] puts in listings: whether that is the folder or the file in it.
    fn is_cache(&self, path: &PathText) -> Option<bool> {
        let home = path.in_tree().filter(|_| self.variation > 0)?;
        let below = home.strip_suffix(CACHED).and_then(|folder| folder.strip_suffix('/'));
        let folder = below.unwrap_or(&home);
        (folder.ends_with(CACHE) && self.tree.listing(folder).is_none()).then_some(below.is_none())
    }

    // --- listings ---

    /// Whether the tree has such a folder; the home folder itself is there.
    fn is_folder(&self, home: &str) -> bool {
        home.is_empty() || self.tree.listing(home).is_some()
    }

    /// Why a folder cannot be listed, or where it lies.
    fn listed(&self, path: &PathText) -> Result<String, String> {
        let Some(home) = path.in_tree() else { return Err(Self::not_in_tree(path)) };
        if home.is_empty() {
            return Err("the home folder holds more than the tree".to_owned());
        }
        if self.is_folder(&home) { Ok(home) } else { Err(format!("the folder `{home}` is not in the tree")) }
    }

    fn listing(&mut self, path: &PathText, at: At) -> Result<Listing, String> {
        if self.is_cache(path) == Some(true) {
            return Ok(vec![(CACHED.to_owned(), false)]);
        }
        let home = self.listed(path)?;
        let mut entries = self.tree.listing(&home).unwrap_or_default();
        for (name, folder) in &entries {
            if !folder {
                let file = self.tree.find(&format!("{home}/{name}"));
                self.read.extend(file);
            }
        }
        if entries.iter().any(|(name, folder)| !folder && name.ends_with(".py")) && self.cached(at) {
            entries.push((CACHE.to_owned(), true));
        }
        Ok(entries)
    }

    /// The paths of all files below a folder, in order.
    fn files_below(&self, home: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![String::new()];
        while let Some(folder) = open.pop() {
            let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let here = if folder.is_empty() { home.to_owned() } else { format!("{home}/{folder}") };
            for (name, is_folder) in self.tree.listing(&here).unwrap_or_default() {
                if is_folder {
                    open.push(below(&name));
                } else {
                    files.push(below(&name));
                }
            }
        }
        files.sort();
        files
    }

    /// A listing whose content is known. Its order is the disk's; two entries have none here.
    fn unordered(&mut self, items: Vec<Value>, at: At) -> Value {
        let several = items.len() > 1;
        let list = self.new_list(items);
        if let (Value::Object(object), true) = (&list, several) {
            self.set_unordered(*object, at);
        }
        list
    }

    /// Whether what Python makes of the files that it runs lies beside them, in this evaluation.
    fn cached(&mut self, at: At) -> bool {
        self.chances.insert((at, LISTED));
        self.variation > 0
    }

    fn list_names(&mut self, path: &PathText, at: At) -> Value {
        match self.listing(path, at) {
            Ok(listing) => {
                let items = listing.into_iter().map(|(name, _)| Self::text_value(name, at)).collect();
                self.unordered(items, at)
            }
            Err(reason) => self.unread(reason, path.text(), at),
        }
    }

    /// `os.scandir`, `Path.iterdir`.
    pub(super) fn list_entries(&mut self, path: &PathText, entries: bool, at: At) -> Value {
        match self.listing(path, at) {
            Ok(listing) => {
                let mut items = Vec::new();
                for (name, _) in listing {
                    let below = path.join(&PathText::plain(name)).lexical();
                    let made = if entries { Standard::Entry(below) } else { Standard::Path(below) };
                    items.push(self.new_object(Object::Standard(made)));
                }
                self.unordered(items, at)
            }
            Err(reason) => self.unread(reason, path.text(), at),
        }
    }

    fn walk(&mut self, path: &PathText, at: At) -> Value {
        /// More folders than this are not walked.
        const FOLDERS: usize = 2000;
        let mut rows = Vec::new();
        let mut open = vec![path.clone()];
        while let Some(folder) = open.pop() {
            let listing = match self.listing(&folder, at) {
                Ok(listing) => listing,
                Err(reason) => return self.unread(reason, path.text(), at),
            };
            if rows.len() > FOLDERS {
                return self.unread("too many folders to walk", path.text(), at);
            }
            let (folders, files): (Vec<_>, Vec<_>) = listing.into_iter().partition(|(_, folder)| *folder);
            for (name, _) in folders.iter().rev() {
                open.push(folder.join(&PathText::plain(name.as_str())));
            }
            let several = folders.len() > 1;
            let mut names = |entries: Vec<(String, bool)>| {
                let items = entries.into_iter().map(|(name, _)| Self::text_value(name, at)).collect();
                self.unordered(items, at)
            };
            let (folders, files) = (names(folders), names(files));
            let row = vec![Self::path_text(&folder, at), folders, files];
            rows.push((self.new_tuple(row), several));
        }
        let branching = rows.iter().any(|(_, several)| *several);
        let items: Vec<Value> = rows.into_iter().map(|(row, _)| row).collect();
        if branching { self.unordered(items, at) } else { self.new_list(items) }
    }

    fn glob_text(&mut self, pattern: &PathText, args: &Args, at: At) -> Value {
        let recursive = matches!(args.keyword("recursive").map(|arg| &arg.value), Some(Value::Bool(true)));
        if args.keywords.iter().any(|(name, _)| &**name != "recursive") || args.positional.len() > 1 {
            return self.unread("`glob` with arguments that are not evaluated", pattern.text(), at);
        }
        // The folder is what stands before the first part with a pattern.
        let text = pattern.text();
        let parts: Vec<&str> = text.split('/').collect();
        let fixed = parts.iter().position(|part| has_magic(part)).unwrap_or(parts.len().saturating_sub(1));
        let base = if pattern.home() {
            PathText::of_home(parts[..fixed].join("/"))
        } else {
            PathText::plain(parts[..fixed].join("/"))
        };
        let rest: Vec<&str> = parts[fixed..].to_vec();
        match self.globbed(&base, &rest, Hidden { skipped: true, recursive }, at) {
            Ok(found) => {
                let items = found.into_iter().map(|below| Self::path_text(&base.join(&PathText::plain(below)), at));
                let items = items.collect();
                self.unordered(items, at)
            }
            Err(reason) => self.unread(reason, pattern.text(), at),
        }
    }

    /// `Path.glob`, `Path.rglob`.
    pub(super) fn glob_path(&mut self, base: &PathText, pattern: &str, recursive: bool, at: At) -> Value {
        let mut parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        if recursive {
            parts.insert(0, "**");
        }
        match self.globbed(base, &parts, Hidden { skipped: false, recursive: true }, at) {
            Ok(found) => {
                let mut items = Vec::new();
                for below in found {
                    items.push(self.new_path(&base.join(&PathText::plain(below))));
                }
                self.unordered(items, at)
            }
            Err(reason) => self.unread(reason, base.text(), at),
        }
    }

    /// What of a folder's content a pattern takes, in order of name.
    fn globbed(&mut self, base: &PathText, pattern: &[&str], hidden: Hidden, at: At) -> Result<Vec<String>, String> {
        let home = self.listed(base)?;
        // `pathlib` takes folders only for a last `**`, `glob` files too.
        let open_end = pattern.last() == Some(&"**");
        if open_end
            || pattern.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains("**") && *part != "**")
        {
            return Err("a pattern of paths that is not evaluated".to_owned());
        }
        let mut found = BTreeSet::new();
        let mut made_by_python = BTreeSet::new();
        for below in self.files_below(&home) {
            let parts: Vec<&str> = below.split('/').collect();
            for depth in 1..parts.len() {
                if takes(pattern, &parts[..depth], hidden) {
                    found.insert(parts[..depth].join("/"));
                }
            }
            if takes(pattern, &parts, hidden) {
                found.insert(below.clone());
                let file = self.tree.find(&format!("{home}/{below}"));
                self.read.extend(file);
            }
            if below.ends_with(".py") {
                made_by_python.insert(parts[..parts.len() - 1].join("/"));
            }
        }
        for folder in made_by_python {
            let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for made in [CACHE, CACHED] {
                parts.push(made);
                if takes(pattern, &parts, hidden) && self.cached(at) {
                    found.insert(parts.join("/"));
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    // --- `pathlib.Path` ---

    pub(super) fn path_attribute(&mut self, path: &PathText, name: &str, at: At) -> Option<Value> {
        let text = |text: &str| Some(Self::text_value(text, at));
        match name {
            "name" => path.name().and_then(text),
            "stem" => path.name().and_then(|name| text(name.strip_suffix(suffix(name)).unwrap_or(name))),
            "suffix" => path.name().and_then(|name| text(suffix(name))),
            "suffixes" => {
                let name = path.name()?.trim_start_matches('.');
                if name.ends_with('.') {
                    return None;
                }
                let parts = name.split('.').skip(1).map(|part| Self::text_value(format!(".{part}"), at)).collect();
                Some(self.new_list(parts))
            }
            "parent" => path.parent().map(|parent| self.new_path(&parent)),
            "parents" => {
                let mut parents = Vec::new();
                let mut folder = path.clone();
                while let Some(parent) = folder.parent().filter(|parent| *parent != folder) {
                    parents.push(self.new_path(&parent));
                    folder = parent;
                }
                if path.home() {
                    // There are more, above the home folder.
                    parents.extend((0..8).map(|_| Unknown::new("where the home folder lies", at, "parents").value()));
                }
                Some(self.new_tuple(parents))
            }
            "parts" if !path.absolute() => {
                let parts = path.text().split('/').map(|part| Self::text_value(part, at)).collect();
                Some(self.new_tuple(parts))
            }
            _ => None,
        }
    }

    pub(super) fn path_method(&mut self, path: &PathText, name: &str, args: &Args, at: At) -> Option<Value> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        let given = first.as_ref().and_then(|value| self.path_of(value));
        let word = first.as_ref().and_then(Value::as_str).cloned();
        match (name, args.positional.len()) {
            ("joinpath", _) => {
                let mut all = Some(path.clone());
                for arg in &args.positional {
                    let part = self.path_of(&arg.value);
                    all = all.zip(part).map(|(all, part)| all.join(&part));
                }
                all.map(|path| self.new_path(&path))
            }
            ("resolve" | "absolute", 0) if path.absolute() => path.normal().map(|path| self.new_path(&path)),
            ("expanduser", 0) if !path.text().starts_with('~') => Some(self.new_path(path)),
            ("as_posix" | "__str__" | "__fspath__", 0) => Some(Self::path_text(path, at)),
            ("is_absolute", 0) => Some(Value::Bool(path.absolute())),
            ("exists" | "is_file" | "is_dir", 0) => Some(self.is_there(path, name, at)),
            ("with_suffix", 1) => word.and_then(|word| {
                let name = path.name()?;
                let stem = name.strip_suffix(suffix(name)).unwrap_or(name);
                let renamed = path.with_name(&format!("{stem}{word}"))?;
                Some(self.new_path(&renamed))
            }),
            ("with_stem", 1) => word.and_then(|word| {
                let renamed = path.with_name(&format!("{word}{}", suffix(path.name()?)))?;
                Some(self.new_path(&renamed))
            }),
            ("with_name", 1) => word.and_then(|word| path.with_name(&word)).map(|path| self.new_path(&path)),
            ("relative_to", 1) => given.and_then(|base| path.relative_to(&base)).map(|path| self.new_path(&path)),
            ("is_relative_to", 1) => given
                .filter(|base| base.home() == path.home())
                .map(|base| Value::Bool(path.relative_to(&base).is_some())),
            ("match", 1) => {
                word.filter(|word| !word.contains('/')).and_then(|word| Some(Value::Bool(fnmatch(path.name()?, &word))))
            }
            ("read_text", _) => Some(self.read_path(path, false, args, at)),
            ("read_bytes", 0) => Some(self.read_path(path, true, args, at)),
            ("open", _) => self.open(path, args, 0, at),
            ("iterdir", 0) => Some(self.list_entries(path, false, at)),
            ("glob" | "rglob", 1) if args.keywords.is_empty() => {
                word.map(|word| self.glob_path(path, &word, name == "rglob", at))
            }
            _ => None,
        }
    }

    pub(super) fn entry_attribute(path: &PathText, name: &str, at: At) -> Option<Value> {
        match name {
            "name" => path.name().map(|name| Self::text_value(name, at)),
            "path" => Some(Self::path_text(path, at)),
            _ => None,
        }
    }

    /// `path / "name"`.
    pub(super) fn path_binary(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        if op != BinaryOp::Div {
            return None;
        }
        let is_path = |interp: &Self, value: &Value| matches!(interp.standard(value), Some(Standard::Path(_)));
        if !is_path(self, left) && !is_path(self, right) {
            return None;
        }
        let joined = self.path_of(left)?.join(&self.path_of(right)?);
        Some(self.new_path(&joined))
    }

    /// The lines, entries or files that iterating an object of the library gives.
    pub(in super::super) fn standard_items(&mut self, object: Ref) -> Option<Vec<Value>> {
        match self.object(object) {
            Object::Standard(Standard::File(_)) => Some(self.rest_lines(object)),
            _ => None,
        }
    }
}

/// What a pattern does with names that begin with a dot, and with `**`.
#[derive(Clone, Copy)]
struct Hidden {
    skipped: bool,
    recursive: bool,
}

/// Whether a pattern takes a path, part by part.
fn takes(pattern: &[&str], path: &[&str], hidden: Hidden) -> bool {
    let Some((part, rest)) = pattern.split_first() else { return path.is_empty() };
    if *part == "**" && hidden.recursive {
        let free = |path: &[&str]| path.first().is_some_and(|name| !hidden.skipped || !name.starts_with('.'));
        return takes(rest, path, hidden) || free(path) && takes(pattern, &path[1..], hidden);
    }
    let Some((name, below)) = path.split_first() else { return false };
    let visible = !hidden.skipped || !name.starts_with('.') || part.starts_with('.');
    visible && fnmatch(name, part) && takes(rest, below, hidden)
}
