//! The parts of Python's library that structure is commonly made with.

use super::{Host, Interp};
use crate::python::value::{Args, At, Dict, Object, Stop, Unknown, Value, short};

/// The value of `__file__`: only its end is known.
pub(super) fn file_path(home: &str, at: At) -> Value {
    let mut unknown = Unknown::new("where the home folder lies", at, "__file__");
    unknown.affix = Some(("/".into(), format!("/{home}").into()));
    unknown.value()
}

/// Constants of library modules.
pub(super) fn constant(path: &str, name: &str) -> Option<Value> {
    Some(match (path, name) {
        ("os" | "os.path", "sep") => Value::str("/"),
        ("typing", "TYPE_CHECKING") => Value::Bool(false),
        ("string", "ascii_lowercase") => Value::str("abcdefghijklmnopqrstuvwxyz"),
        ("string", "ascii_uppercase") => Value::str("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        _ => return None,
    })
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn call_library(&mut self, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        if args.unknown.is_some() {
            return Ok(None);
        }
        Ok(match (path, first) {
            ("functools.partial", Some(function)) => {
                let mut rest = args.clone();
                rest.positional.remove(0);
                Some(self.new_object(Object::Partial { function, args: rest }))
            }
            ("os.getenv" | "os.environ.get", Some(name)) => {
                let text = format!(
                    "environment({}, {})",
                    self.text(&name),
                    args.value(1, "default").map_or_else(String::new, |v| self.text(v))
                );
                let name = name.as_str().map_or_else(|| "of some name".to_owned(), |name| format!("`{name}`"));
                let mut unknown = Unknown::new(format!("environment variable {name} is not known"), at, text);
                unknown.root = Some(path.into());
                Some(unknown.value())
            }
            ("os.path.basename", Some(value)) => {
                Self::file_part(&value, at, |path| path.rsplit('/').next().unwrap_or(path).to_owned())
            }
            ("os.path.dirname", Some(value)) => Self::file_parent(&value, at),
            ("os.path.abspath" | "os.path.realpath" | "os.fspath" | "os.path.normpath", Some(value))
                if super::format::affix(&value).is_some() =>
            {
                Some(value)
            }
            ("pathlib.Path" | "pathlib.PurePath", Some(value)) if args.positional.len() == 1 => self.path(&value, at),
            ("os.path.splitext", Some(Value::Str(text))) => {
                let dot = text.text.rfind('.').filter(|dot| *dot > text.text.rfind('/').map_or(0, |slash| slash + 1));
                let (stem, extension) = text.text.split_at(dot.unwrap_or(text.text.len()));
                let parts = vec![Self::text_value(stem, at), Self::text_value(extension, at)];
                Some(self.new_tuple(parts))
            }
            ("functools.reduce", Some(function)) => {
                let Some(items) = args.positional.get(1).map(|arg| arg.value.clone()) else { return Ok(None) };
                let Ok(items) = self.iterate(&items, at)? else { return Ok(None) };
                let mut items = args.positional.get(2).map(|arg| arg.value.clone()).into_iter().chain(items);
                let Some(mut total) = items.next() else { return Ok(None) };
                for item in items {
                    total = self.call_with(&function, vec![total, item], at)?;
                }
                Some(total)
            }
            ("itertools.chain", _) => {
                let mut all = Vec::new();
                for arg in &args.positional {
                    match self.iterate(&arg.value.clone(), at)? {
                        Ok(items) => all.extend(items),
                        Err(_) => return Ok(None),
                    }
                }
                Some(self.new_list(all))
            }
            ("itertools.chain.from_iterable", Some(value)) => {
                let mut all = Vec::new();
                let Ok(lists) = self.iterate(&value, at)? else { return Ok(None) };
                for list in lists {
                    match self.iterate(&list, at)? {
                        Ok(items) => all.extend(items),
                        Err(_) => return Ok(None),
                    }
                }
                Some(self.new_list(all))
            }
            ("itertools.product", _) => self.product(args, at)?,
            ("collections.OrderedDict", _) => self.dict(args, at)?,
            ("collections.defaultdict", first) => {
                let dict = Dict::with_default(first.filter(|first| !matches!(first, Value::None)).map(Box::new));
                (args.positional.len() <= 1).then(|| self.new_object(Object::Dict(dict)))
            }
            ("copy.copy" | "copy.deepcopy", Some(value)) if self.host_of(&value).is_none() => {
                Some(self.copied(&value, if path == "copy.copy" { 1 } else { 12 }))
            }
            ("typing.cast", Some(_)) => args.positional.get(1).map(|arg| arg.value.clone()),
            ("dataclasses.field", _) => match args.keyword("default_factory") {
                Some(factory) => Some(self.call_with(&factory.value.clone(), Vec::new(), at)?),
                None => args.keyword("default").map(|arg| arg.value.clone()),
            },
            ("importlib.import_module", Some(Value::Str(name))) => Some(self.import_module(&name.text.clone(), at)?),
            _ => None,
        })
    }

    /// A part of a path that its end decides.
    fn file_part(value: &Value, at: At, part: impl Fn(&str) -> String) -> Option<Value> {
        match value {
            Value::Str(text) => Some(Self::text_value(part(&text.text), at)),
            Value::Unknown(unknown) => {
                let (_, suffix) = unknown.affix.as_ref()?;
                suffix.contains('/').then(|| Self::text_value(part(suffix), at))
            }
            _ => None,
        }
    }

    /// The folder of a path, as far as its end tells.
    fn file_parent(value: &Value, at: At) -> Option<Value> {
        match value {
            Value::Str(text) => Some(Self::text_value(text.text.rsplit_once('/').map_or("", |(parent, _)| parent), at)),
            Value::Unknown(unknown) => {
                let (prefix, suffix) = unknown.affix.clone()?;
                let (parent, _) = suffix.rsplit_once('/')?;
                let mut parent_of = Unknown::clone(unknown);
                parent_of.text = short(format!("dirname({})", unknown.text));
                parent_of.affix = Some((prefix, parent.into()));
                parent_of.root = Some("pathlib.Path".into());
                Some(parent_of.value())
            }
            _ => None,
        }
    }

    /// A `pathlib.Path`: an instance of nothing, with the attributes that names are made of.
    fn path(&mut self, value: &Value, at: At) -> Option<Value> {
        let name = Self::file_part(value, at, |path| path.rsplit('/').next().unwrap_or(path).to_owned())?;
        let text = name.as_str()?.to_string();
        let dot = text.rfind('.').filter(|dot| *dot > 0).unwrap_or(text.len());
        let attributes = std::collections::BTreeMap::from([
            ("name".into(), name),
            ("stem".into(), Self::text_value(&text[..dot], at)),
            ("suffix".into(), Self::text_value(&text[dot..], at)),
            ("parent".into(), Self::file_parent(value, at)?),
            ("__path__".into(), value.clone()),
        ]);
        let class = self.new_object(Object::Class(crate::python::value::ClassObject {
            name: "Path".into(),
            path: "pathlib.Path".into(),
            order: Vec::new(),
            names: std::collections::BTreeMap::new(),
            fields: Vec::new(),
            dataclass: false,
        }));
        let Value::Object(class) = class else { return None };
        Some(self.new_object(Object::Instance(crate::python::value::Instance { class, attributes, host: None })))
    }

    fn product(&mut self, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        if !args.keywords.is_empty() {
            return Ok(None);
        }
        let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
        for arg in &args.positional {
            let Ok(items) = self.iterate(&arg.value.clone(), at)? else { return Ok(None) };
            if rows.len().saturating_mul(items.len()) > super::BOUNDS.turns {
                return Err(self.limit("a product too long to evaluate", at));
            }
            rows = rows
                .iter()
                .flat_map(|row| items.iter().map(|item| row.iter().cloned().chain([item.clone()]).collect::<Vec<_>>()))
                .collect();
        }
        let mut tuples = Vec::new();
        for row in rows {
            tuples.push(self.new_tuple(row));
        }
        Ok(Some(self.new_list(tuples)))
    }

    fn copied(&mut self, value: &Value, depth: usize) -> Value {
        let Value::Object(object) = value else { return value.clone() };
        if depth == 0 {
            return value.clone();
        }
        let hazy = self.hazy(*object);
        let copy = match self.object(*object).clone() {
            Object::List(mut items) => {
                items.items = items.items.iter().map(|item| self.copied(item, depth - 1)).collect();
                self.new_object(Object::List(items))
            }
            Object::Dict(dict) => {
                let mut copy = Dict::with_default(dict.default.clone());
                for (written, value) in dict.pairs() {
                    if let Some(key) = self.key(&written) {
                        let value = self.copied(&value, depth - 1);
                        copy.insert(key, written, value);
                    }
                }
                self.new_object(Object::Dict(copy))
            }
            Object::Instance(instance) if instance.host.is_none() => self.new_object(Object::Instance(instance)),
            _ => return value.clone(),
        };
        if let (Some(why), Value::Object(copy)) = (hazy, &copy) {
            self.set_hazy(*copy, why);
        }
        copy
    }

    /// What `with` binds for something that is no host object.
    pub(super) fn enter_value(&mut self, value: &Value, at: At) -> Result<Value, Stop> {
        if let Some(method) = self.find_method(value, "__enter__") {
            return self.call_with(&method, Vec::new(), at);
        }
        Ok(match value {
            Value::Unknown(unknown) => {
                let text = format!("with {}", unknown.text);
                Unknown { text: short(text), ..Unknown::clone(unknown) }.value()
            }
            other => self.unknown_from(std::slice::from_ref(other), "with", at),
        })
    }
}
