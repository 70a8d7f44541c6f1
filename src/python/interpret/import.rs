//! Imports, as the worker resolves them after delivery.

use super::{Frame, Host, Interp, Loaded, Loading};
use crate::content::Span;
use crate::python::syntax::{Expr, ExprKind, Module, Name, Stmt, StmtKind};
use crate::python::tree::Located;
use crate::python::value::{At, ModuleKey, ScopeRef, Stop, Unknown, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Modules that come with Python: they win over the tree, and importing one cannot fail.
const STANDARD: &str = " __future__ abc argparse array ast asyncio atexit base64 binascii bisect builtins bz2 calendar cmath \
codecs collections colorsys concurrent configparser contextlib contextvars copy copyreg csv ctypes dataclasses datetime \
dbm decimal difflib dis doctest email enum errno fcntl filecmp fileinput fnmatch fractions ftplib functools gc getpass \
gettext glob graphlib gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword \
linecache locale logging lzma mailbox marshal math mimetypes mmap multiprocessing netrc numbers operator os pathlib \
pickle pkgutil platform plistlib poplib posixpath pprint profile pwd queue quopri random re reprlib resource runpy \
sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics \
string stringprep struct subprocess sys sysconfig syslog tarfile tempfile textwrap threading time timeit token tokenize \
tomllib trace traceback tracemalloc types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser \
xml xmlrpc zipapp zipfile zipimport zlib zoneinfo ";

/// Packages that every release of Airflow installs, by itself or through what it needs: what is
/// installed wins over the tree. Those that 2.6.2, 2.11.2 and 3.3.2 have in common.
const INSTALLED: &str = " alembic anyio argcomplete asgiref attr attrs babel certifi cffi charset_normalizer click \
colorlog cron_descriptor croniter cryptography daemon dateutil deprecated dill dns email_validator greenlet h11 httpcore \
httpx idna itsdangerous jinja2 jsonschema jwt lazy_object_proxy linkify_it lockfile mako markdown_it markupsafe mdurl \
packaging pathspec pendulum pluggy psutil pycparser pygments requests rich rich_argparse setproctitle six slugify \
sqlalchemy sqlparse tabulate tenacity termcolor text_unidecode typing_extensions urllib3 wrapt yaml ";

/// Packages that several distributions share: a part that is not in the tree may be installed.
const SHARED_NAMESPACES: [&str; 12] = [
    "airflow",
    "azure",
    "backports",
    "dbt",
    "google",
    "jaraco",
    "opentelemetry",
    "ruamel",
    "snowflake",
    "sphinxcontrib",
    "zope",
    "mpl_toolkits",
];

/// [`STANDARD`] and [`INSTALLED`], to be looked up: every import asks.
static PREFERRED: LazyLock<BTreeMap<&str, bool>> = LazyLock::new(|| {
    let standard = STANDARD.split_whitespace().map(|name| (name, true));
    INSTALLED.split_whitespace().map(|name| (name, false)).chain(standard).collect()
});

/// Whether a top-level module comes with Python.
pub(crate) fn is_standard(top: &str) -> bool {
    PREFERRED.get(top).is_some_and(|standard| *standard)
}

/// Whether a top-level module of that name is imported from outside the tree, whatever the tree has.
pub(crate) fn is_preferred(top: &str) -> bool {
    top == "airflow" || PREFERRED.contains_key(top)
}

/// Whether several distributions put modules below that name, so that a part that is not in the tree
/// may be installed.
pub(crate) fn is_shared_namespace(top: &str) -> bool {
    SHARED_NAMESPACES.contains(&top)
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn import(&mut self, names: &[(Name, Option<Name>)], at: At) -> Result<(), Stop> {
        for (dotted, alias) in names {
            let module = self.import_module(dotted, at)?;
            if let Some(alias) = alias {
                self.set_name(alias, module);
            } else {
                let top = dotted.split('.').next().unwrap_or(dotted);
                let value = if top == &**dotted { module } else { self.import_module(top, at)? };
                self.set_name(&top.into(), value);
            }
        }
        Ok(())
    }

    pub(super) fn import_from(
        &mut self,
        level: usize,
        module: &str,
        names: &[(Name, Option<Name>, Span)],
        star: bool,
        at: At,
    ) -> Result<(), Stop> {
        let dotted = if level == 0 { module.to_owned() } else { self.absolute(level, module, at)? };
        let value = self.import_module(&dotted, at)?;
        if star {
            self.importing(&value, None, at);
            self.import_star(&value);
            return Ok(());
        }
        for (name, alias, span) in names {
            let at = At { span: *span, ..at };
            let imported = self.import_name(&value, &dotted, name, at)?;
            self.importing(&value, Some(name), at);
            self.set_name(alias.as_ref().unwrap_or(name), imported);
        }
        Ok(())
    }

    fn absolute(&mut self, level: usize, module: &str, at: At) -> Result<String, Stop> {
        let file = self.frames.last().map_or(0, |frame| frame.file);
        let name = self.module_name(file);
        let mut parts: Vec<&str> = name.split('.').collect();
        let up = if self.tree.is_package(file) { level - 1 } else { level };
        let entry = self.frames.first().is_some_and(|frame| frame.file == file);
        // A DAG file is loaded without a package: a relative import fails there.
        if entry || up >= parts.len() {
            return self.raise("ImportError", "attempted relative import with no known parent package", at);
        }
        parts.truncate(parts.len() - up);
        if !module.is_empty() {
            parts.push(module);
        }
        Ok(parts.join("."))
    }

    fn import_name(&mut self, module: &Value, dotted: &str, name: &Name, at: At) -> Result<Value, Stop> {
        match module {
            Value::Module(key) => {
                if let Some(loaded) = self.modules.get(key)
                    && let Some(value) = self.names(loaded.scope).get(name)
                {
                    return Ok(value.clone());
                }
                let submodule = format!("{dotted}.{name}");
                match self.locate(&submodule) {
                    Located::File(_) | Located::Namespace => self.import_module(&submodule, at),
                    _ if self.lacks(key, name) => {
                        self.fail_import(format!("cannot import name `{name}` from `{dotted}`"), at)
                    }
                    _ => Ok(Value::outside(submodule)),
                }
            }
            Value::Outside(path) => {
                if let (true, Some(value)) = (&**path == "sys" && &**name == "path", &self.search_path) {
                    return Ok(value.clone());
                }
                if let Some(value) = super::library::constant(path, name) {
                    return Ok(value);
                }
                let full = format!("{path}.{name}");
                match self.host.offers(&full) {
                    Some(true) => {}
                    Some(false) => return self.fail_import(format!("cannot import name `{name}` from `{path}`"), at),
                    None => self.may_raise(at),
                }
                Ok(self.host.constant(&full).unwrap_or_else(|| Value::outside(full)))
            }
            other => self.attribute(other, name, at),
        }
    }

    /// Whether a module of the tree certainly does not have a name, now: it may still be running,
    /// where imports go in a circle.
    pub(super) fn lacks(&self, key: &ModuleKey, name: &str) -> bool {
        let Some(loaded) = self.modules.get(key) else { return false };
        let names = self.names(loaded.scope);
        // Names that are not seen: of a star import of something outside, of a text that is not
        // known in `globals()`, of `exec`.
        let open = self.open_names
            || names.contains_key("*")
            || names.contains_key("__getattr__")
            || names.keys().any(|name| name.starts_with('<'));
        // Airflow loads a DAG file by another name: who imports it runs it once more.
        let entry = self.frames.first().map(|frame| ModuleKey::File(frame.file));
        if open || name.starts_with("__") || entry.as_ref() == Some(key) || names.contains_key(name) {
            return false;
        }
        let dotted = match key {
            ModuleKey::File(file) => self.module_name(*file),
            ModuleKey::Namespace(dotted) => dotted.to_string(),
        };
        let top = dotted.split('.').next().unwrap_or_default();
        if SHARED_NAMESPACES.contains(&top) {
            return false;
        }
        match self.locate(&format!("{dotted}.{name}")) {
            Located::File(_) | Located::Namespace | Located::Either(..) => false,
            Located::Missing(_, closed) => closed || matches!(key, ModuleKey::File(_)),
            Located::Outside => matches!(key, ModuleKey::File(_)),
        }
    }

    fn fail_import<T>(&self, message: String, at: At) -> Result<T, Stop> {
        self.raise("ImportError", message, at)
    }

    fn import_star(&mut self, module: &Value) {
        let Value::Module(key) = module else {
            // Any name may come from there.
            self.set_name(&"*".into(), module.clone());
            return;
        };
        let Some(loaded) = self.modules.get(key) else { return };
        let names = self.names(loaded.scope).clone();
        let listed: Option<BTreeSet<Name>> = names
            .get("__all__")
            .and_then(|all| self.items(all))
            .map(|items| items.iter().filter_map(|item| item.as_str().cloned()).collect());
        for (name, value) in names {
            let public = match &listed {
                Some(listed) => listed.contains(&name),
                None => !name.starts_with('_'),
            };
            if public || &*name == "*" {
                self.set_name(&name, value);
            }
        }
    }

    /// Imports a module and all packages above it; gives the last.
    pub(crate) fn import_module(&mut self, dotted: &str, at: At) -> Result<Value, Stop> {
        let top = dotted.split('.').next().unwrap_or(dotted);
        if let Some(value) = self.found_by_chance(dotted, at) {
            return Ok(value);
        }
        if is_preferred(top) {
            return self.import_outside(dotted, at);
        }
        match self.locate(dotted) {
            Located::File(file) => {
                self.import_parents(dotted, at)?;
                if !self.tree.is_module_name(file, dotted) {
                    self.imported_as.entry(file).or_insert_with(|| dotted.to_owned());
                }
                self.load_file(file)?;
                Ok(Value::Module(ModuleKey::File(file)))
            }
            Located::Namespace => {
                self.import_parents(dotted, at)?;
                let key = ModuleKey::Namespace(dotted.into());
                if !self.modules.contains_key(&key) {
                    let scope = self.new_scope(None, false);
                    self.modules.insert(key.clone(), Loaded { scope, state: Loading::Done });
                }
                Ok(Value::Module(key))
            }
            Located::Missing(found, true) => {
                let parts: Vec<&str> = dotted.split('.').collect();
                let known = parts[..found].join(".");
                if SHARED_NAMESPACES.contains(&top) {
                    return self.import_outside(dotted, at);
                }
                // The package itself is imported first, and may fail by itself.
                self.import_module(&known, at)?;
                let missing = parts[..=found.min(parts.len() - 1)].join(".");
                self.raise("ModuleNotFoundError", format!("no module named `{missing}`"), at)
            }
            Located::Either(one, other) => {
                let path = |file| self.tree.path(file);
                let reason = format!(
                    "`{dotted}` is imported from `{}` or from `{}`, depending on the release of Airflow",
                    path(one),
                    path(other)
                );
                let mut unknown = Unknown::new(reason, at, dotted);
                unknown.root = Some(dotted.into());
                Ok(unknown.value())
            }
            Located::Outside | Located::Missing(_, false) => self.import_outside(dotted, at),
        }
    }

    fn import_parents(&mut self, dotted: &str, at: At) -> Result<(), Stop> {
        match dotted.rsplit_once('.') {
            Some((parent, _)) => self.import_module(parent, at).map(|_| ()),
            None => Ok(()),
        }
    }

    fn import_outside(&mut self, dotted: &str, at: At) -> Result<Value, Stop> {
        let top = dotted.split('.').next().unwrap_or(dotted);
        if !is_standard(top) {
            match self.host.exists(dotted) {
                Some(true) => {}
                Some(false) => return self.raise("ModuleNotFoundError", format!("no module named `{dotted}`"), at),
                None => self.may_raise(at),
            }
        }
        Ok(Value::outside(dotted))
    }

    /// The submodule of a package that has been imported.
    pub(super) fn loaded_submodule(&self, key: &ModuleKey, name: &str) -> Option<Value> {
        let parent = match key {
            ModuleKey::File(file) => self.module_name(*file),
            ModuleKey::Namespace(dotted) => dotted.to_string(),
        };
        let key = match self.locate(&format!("{parent}.{name}")) {
            Located::File(file) => ModuleKey::File(file),
            Located::Namespace => ModuleKey::Namespace(format!("{parent}.{name}").into()),
            _ => return None,
        };
        self.modules.contains_key(&key).then_some(Value::Module(key))
    }

    fn own_name(&self, file: usize) -> Value {
        Value::str(self.module_name(file))
    }

    /// The `__name__` of the file that Airflow loads itself: `unusual_prefix_`, a hash of where it
    /// lies, and its name (the same in 2.6.2, 2.11.2 and 3.3.2).
    fn loaded_name(&self, file: usize, at: At) -> Value {
        let home = self.tree.home(file).to_string();
        let name = home.rsplit('/').next().unwrap_or(&home);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let mut unknown = Unknown::new("the name that Airflow loads a file by", at, "__name__");
        unknown.affix = Some(("unusual_prefix_".into(), format!("_{stem}").into()));
        unknown.value()
    }

    /// Runs a file once; a circular import gets what there is so far.
    pub(super) fn load_file(&mut self, file: usize) -> Result<ScopeRef, Stop> {
        let key = ModuleKey::File(file);
        if let Some(loaded) = self.modules.get(&key) {
            return Ok(loaded.scope);
        }
        let at = At::new(file, Span::FILE);
        let syntax = self.tree.syntax(file);
        let module = match syntax.as_ref() {
            Ok(module) => module,
            Err(error) => {
                let at = At::new(file, error.span);
                return self.raise("SyntaxError", error.message.clone(), at);
            }
        };
        let scope = self.new_scope(None, false);
        self.run_module(file, scope, module, at).map(|()| scope)
    }

    /// `importlib.reload`: runs a module once more, over the names that it has.
    pub(super) fn reload(&mut self, key: &ModuleKey, at: At) -> Result<Value, Stop> {
        if let ModuleKey::File(file) = key
            && let Some(scope) = self.modules.get(key).map(|loaded| loaded.scope)
            && let Ok(module) = self.tree.syntax(*file).as_ref()
        {
            self.work(module.body.len(), at)?;
            self.run_module(*file, scope, module, at)?;
        }
        Ok(Value::Module(key.clone()))
    }

    fn run_module(&mut self, file: usize, scope: ScopeRef, module: &Module, at: At) -> Result<(), Stop> {
        let key = ModuleKey::File(file);
        let name = if self.modules.is_empty() { self.loaded_name(file, at) } else { self.own_name(file) };
        self.modules.insert(key.clone(), Loaded { scope, state: Loading::Running });
        for (name, value) in [
            ("__name__", name),
            ("__file__", super::library::path::home_text(&format!("/{}", self.tree.home(file)), at)),
            ("__doc__", docstring(&module.body)),
        ] {
            self.scopes[scope.0].names.insert(name.into(), value);
        }
        self.frames.push(Frame {
            scope,
            file,
            class: None,
            receiver: None,
            globals: BTreeSet::new(),
            nonlocals: BTreeSet::new(),
            returns: Vec::new(),
            fields: Vec::new(),
            annotated: BTreeMap::new(),
            called_at: at,
        });
        let result = self.block(&module.body);
        self.frames.pop();
        if let Some(loaded) = self.modules.get_mut(&key) {
            loaded.state = Loading::Done;
        }
        result.map(|_| ())
    }
}

/// The text that a module, class or function begins with.
fn docstring(body: &[Stmt]) -> Value {
    match body.first().map(|stmt| &stmt.kind) {
        Some(StmtKind::Expr(Expr { kind: ExprKind::Str(text), .. })) => Value::str(text.clone()),
        _ => Value::None,
    }
}
