//! The parts of Python's library that structure is commonly made with.

use super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, At, Dict, Object, Ref, Stop, Unknown, Value};

mod config;
mod counter;
mod digest;
mod file;
pub(super) mod moment;
pub(super) mod path;
mod regular;
mod sequence;
mod template;
pub(crate) mod version;

/// Constants of library modules.
pub(super) fn constant(path: &str, name: &str) -> Option<Value> {
    Some(match (path, name) {
        ("os" | "os.path", "sep") => Value::str("/"),
        ("typing", "TYPE_CHECKING") => Value::Bool(false),
        ("string", "ascii_lowercase") => Value::str("abcdefghijklmnopqrstuvwxyz"),
        ("string", "ascii_uppercase") => Value::str("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("string", "ascii_letters") => Value::str("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("string", "digits") => Value::str("0123456789"),
        ("string", "hexdigits") => Value::str("0123456789abcdefABCDEF"),
        ("string", "punctuation") => Value::str("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("math", "pi") => Value::Float(std::f64::consts::PI),
        ("math", "inf") => Value::Float(f64::INFINITY),

        _ => return None,
    })
}

/// Whether that is the `Literal` of type annotations.
pub(super) fn is_literal(path: &str) -> bool {
    matches!(path, "typing.Literal" | "typing_extensions.Literal")
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn call_library(&mut self, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let first = args.positional.first().map(|arg| arg.value.clone());
        if args.unknown.is_some() {
            return Ok(None);
        }
        let top = path.split('.').next().unwrap_or(path);
        match top {
            "os" | "pathlib" | "glob" | "fnmatch" => {
                if let Some(value) = self.call_path(path, args, at) {
                    return Ok(Some(value));
                }
            }
            "json" | "yaml" | "tomllib" | "tomli" | "toml" => {
                if let Some(value) = self.load_data(path, args, at)? {
                    return Ok(Some(value));
                }
            }
            "datetime" | "pendulum" | "calendar" => {
                if let Some(value) = self.call_moment(path, args, at)? {
                    return Ok(Some(value));
                }
            }
            "enum" if matches!(path, "enum.Enum" | "enum.IntEnum" | "enum.StrEnum") => {
                return self.enum_of_names(path, args, at);
            }
            "dataclasses" if !Self::decorates_data_class(path) && path != "dataclasses.field" => {
                return self.call_dataclasses(path.strip_prefix("dataclasses.").unwrap_or(path), args, at);
            }
            "typing" if path == "typing.NamedTuple" => return Ok(self.named_tuple(path, args, at)),
            "configparser" if matches!(path, "configparser.ConfigParser" | "configparser.RawConfigParser") => {
                return Ok(self.new_config(args));
            }
            "itertools" => return self.call_itertools(path.strip_prefix("itertools.").unwrap_or(path), args, at),
            "operator" | "collections" | "re" if args.unknown.is_none() => {
                let name = path.split_once('.').map_or(path, |(_, name)| name);
                let value = match (top, name) {
                    ("operator", "itemgetter" | "attrgetter" | "methodcaller") => {
                        let getter = Standard::Getter(name.into(), Box::new(args.clone()));
                        Some(self.new_object(Object::Standard(getter)))
                    }
                    ("operator", _) => self.call_operator(name, args, at)?,
                    ("collections", "namedtuple") => self.named_tuple(path, args, at),
                    ("collections", _) => self.call_collections(name, args, at)?,
                    _ => self.call_regular(name, args, at)?,
                };
                if value.is_some() {
                    return Ok(value);
                }
            }
            "hashlib" | "base64" | "uuid" | "textwrap" | "math" => {
                if let Some(value) = self.call_digest(path, args, at) {
                    return Ok(Some(value));
                }
            }
            "packaging" | "pkg_resources" => return Ok(self.call_version(path, args)),
            "pydantic" if path == "pydantic.ConfigDict" => return self.dict(args, at),
            "csv" if matches!(path, "csv.reader" | "csv.DictReader") => return self.read_rows(path, args, at),
            _ => {}
        }
        Ok(match (path, first) {
            ("functools.partial", Some(function)) => {
                let mut rest = args.clone();
                rest.positional.remove(0);
                Some(self.new_object(Object::Partial { function, args: Box::new(rest) }))
            }
            ("os.getenv" | "os.environ.get", Some(name)) => Some(self.environment(&name, args.value(1, "default"), at)),
            ("json.dumps", Some(value)) => self.json_dumps(&value, args, at)?,
            ("functools.reduce", Some(function)) => self.reduce(&function, args, at)?,
            ("copy.copy" | "copy.deepcopy", Some(value)) if self.host_of(&value).is_none() => {
                Some(self.copied(&value, if path == "copy.copy" { 1 } else { 12 }))
            }
            ("contextlib.nullcontext" | "contextlib.closing" | "contextlib.suppress" | "contextlib.ExitStack", _) => {
                self.manager(path, args)
            }
            ("sys.exit", first) => {
                let message = first.map_or_else(String::new, |code| self.text(&code));
                return self.raise("SystemExit", message, at);
            }
            ("types.SimpleNamespace", _) => self.namespace(args, at),
            ("site.addsitedir", Some(folder)) => {
                if let Some(Value::Object(list)) = self.search_path.clone()
                    && let Object::List(list) = self.change(list)
                {
                    list.at.clear();
                    list.items.push(folder);
                }
                Some(Value::None)
            }
            ("string.Template", Some(Value::Str(text))) if args.keywords.is_empty() && args.positional.len() == 1 => {
                Some(self.new_object(Object::Standard(Standard::Template(text.text.clone()))))
            }
            ("typing.cast", Some(_)) => args.positional.get(1).map(|arg| arg.value.clone()),
            // Read when an instance is made, or a function is decorated.
            _ if Self::decorates_data_class(path) && args.positional.is_empty() => Some(self.kept_call(path, args)),
            (
                "functools.wraps" | "dataclasses.field" | "pydantic.Field" | "attr.ib" | "attrs.field" | "attr.field",
                _,
            ) => Some(self.kept_call(path, args)),
            (path, first) => return self.call_by_text(path, first, args, at),
        })
    }

    /// What is given a text, a type or the name of something.
    fn call_by_text(&mut self, path: &str, first: Option<Value>, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        Ok(match (path, first) {
            // Its lines, which are iterated once; nothing else of it is followed.
            ("io.StringIO", Some(Value::Str(text))) if args.positional.len() == 1 && args.keywords.is_empty() => {
                let lines = text.text.split_inclusive('\n').map(|line| Self::text_value(line, at)).collect();
                Some(self.new_object(Object::Lazy(crate::python::value::Lazy::Items { items: lines, next: 0 })))
            }
            ("typing.get_args" | "typing_extensions.get_args", Some(given)) => self.literals(&given, at),
            ("pydoc.locate" | "airflow.utils.module_loading.import_string", Some(Value::Str(name)))
                if args.positional.len() == 1 && args.keywords.is_empty() =>
            {
                self.import_dotted(&name.text.clone(), at)?
            }
            ("importlib.reload", Some(Value::Module(key))) => Some(self.reload(&key, at)?),
            ("importlib.import_module", Some(Value::Str(name))) => Some(self.import_module(&name.text.clone(), at)?),
            _ => None,
        })
    }

    /// What a dotted name stands for: an attribute of a module.
    fn import_dotted(&mut self, dotted: &str, at: At) -> Result<Option<Value>, Stop> {
        let Some((module, name)) = dotted.rsplit_once('.') else { return Ok(None) };
        match self.import_module(module, at)? {
            module @ (Value::Module(_) | Value::Outside(_)) => self.attribute(&module, &name.into(), at).map(Some),
            _ => Ok(None),
        }
    }

    /// `functools.reduce(function, items, start)`.
    fn reduce(&mut self, function: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(items) = args.positional.get(1).map(|arg| arg.value.clone()) else { return Ok(None) };
        let Ok(items) = self.iterate(&items, at)? else { return Ok(None) };
        let mut items = args.positional.get(2).map(|arg| arg.value.clone()).into_iter().chain(items);
        let Some(mut total) = items.next() else { return Ok(None) };
        for item in items {
            total = self.call_with(function, vec![total, item], at)?;
        }
        Ok(Some(total))
    }

    /// `Literal[…]`, with what stands in the brackets.
    pub(super) fn literal(&mut self, path: &str, index: &Value, at: At) -> Value {
        let values = match index {
            Value::Object(tuple) if matches!(self.object(*tuple), Object::Tuple(_)) => {
                self.items(index).unwrap_or_default().to_vec()
            }
            one => vec![one.clone()],
        };
        self.kept_call(path, &Args::positional(values, at))
    }

    /// `typing.get_args(Literal[…])`: its values, each once.
    pub(super) fn literals(&mut self, given: &Value, at: At) -> Option<Value> {
        let values = self.flat_literals(given, 8)?;
        let mut distinct: Vec<Value> = Vec::new();
        for value in values {
            self.work(distinct.len(), at).ok()?;
            if !distinct.iter().any(|other| self.same(other, &value)) {
                distinct.push(value);
            }
        }
        Some(self.new_tuple(distinct))
    }

    fn flat_literals(&self, given: &Value, depth: usize) -> Option<Vec<Value>> {
        let Value::Object(object) = given else { return None };
        let Object::Partial { function: Value::Outside(path), args } = self.object(*object) else { return None };
        if !is_literal(path) || depth == 0 {
            return None;
        }
        let mut values = Vec::new();
        for arg in &args.positional {
            match &arg.value {
                Value::Object(_) => values.extend(self.flat_literals(&arg.value, depth - 1)?),
                Value::Unknown(_) | Value::OneOf(_) => return None,
                value => values.push(value.clone()),
            }
        }
        Some(values)
    }

    /// A call whose arguments are looked at later.
    fn kept_call(&mut self, path: &str, args: &Args) -> Value {
        self.new_object(Object::Partial { function: Value::outside(path), args: Box::new(args.clone()) })
    }

    /// A variable of the environment. `$AIRFLOW_HOME` says where the home folder is.
    pub(super) fn environment(&self, name: &Value, default: Option<&Value>, at: At) -> Value {
        if name.as_str().is_some_and(|name| &**name == "AIRFLOW_HOME") {
            return path::home_text("", at);
        }
        let given = default.map_or_else(String::new, |value| self.text(value));
        let text = format!("environment({}, {given})", self.text(name));
        let name = name.as_str().map_or_else(|| "of some name".to_owned(), |name| format!("`{name}`"));
        let mut unknown = Unknown::new(format!("environment variable {name} is not known"), at, text);
        unknown.root = Some("os.environ.get".into());
        unknown.value()
    }

    /// An attribute of an object of the library that is no method.
    pub(super) fn standard_attribute(&mut self, standard: &Standard, name: &str, at: At) -> Option<Value> {
        match standard {
            Standard::Path(path) => self.path_attribute(path, name, at),
            Standard::Entry(path) => Self::entry_attribute(path, name, at),
            Standard::File(open) => match name {
                "name" => Some(path::home_text(&format!("/{}", self.tree.home(open.file)), at)),
                _ => None,
            },
            Standard::Moment(moment) => Self::moment_attribute(moment, name),
            Standard::Delta(delta) => Self::delta_attribute(*delta, name),
            Standard::Uuid(bytes) => Self::uuid_attribute(bytes, name, at),
            Standard::Version(release) => self.version_attribute(release, name, at),
            Standard::Template(text) if name == "template" => Some(Self::text_value(&**text, at)),
            Standard::Pattern(pattern) if name == "pattern" => {
                let source = pattern.source.rsplit_once('/').map_or("", |(source, _)| source);
                Some(Self::text_value(source, at))
            }
            _ => None,
        }
    }

    /// Calls a method of an object of the library.
    pub(super) fn standard_method(
        &mut self,
        object: Ref,
        standard: &Standard,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        if args.unknown.is_some() {
            return Ok(None);
        }
        match standard {
            Standard::Path(path) | Standard::Entry(path) => Ok(self.path_method(path, name, args, at)),
            Standard::File(open) => Ok(self.file_method(object, open, name, args)),
            Standard::Moment(moment) => Ok(self.moment_method(moment, name, args, at)),
            Standard::Delta(delta) => Ok(Self::delta_method(*delta, name)),
            Standard::Config(_) | Standard::Section(..) if self.hazy(object).is_some() => Ok(None),
            Standard::Pattern(pattern) => self.regular_method(pattern, name, args, at),
            Standard::Match(found) => Ok(self.match_method(found, name, args, at)),
            Standard::Template(text) => self.template_method(text, name, args, at),
            Standard::Digest(kind, given) => Ok(self.digest_method(object, (kind, given), name, args, at)),
            Standard::Uuid(_) | Standard::Getter(..) | Standard::Version(_) => Ok(None),
            Standard::Config(sections) => self.config_method(object, sections, name, args, at),
            Standard::Section(sections, section) => self.section_method((sections, section), name, args, at),
        }
    }

    /// An operator with an object of the library on either side.
    pub(super) fn standard_binary(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        self.path_binary(op, left, right).or_else(|| self.moment_binary(op, left, right))
    }

    /// `str(…)` of an object of the library.
    pub(super) fn standard_str(standard: &Standard, at: At) -> Option<Value> {
        match standard {
            Standard::Path(path) => Some(Self::path_text(path, at)),
            Standard::Moment(moment) => moment.str().map(|text| Self::text_value(text, at)),
            Standard::Delta(delta) => delta.str().map(|text| Self::text_value(text, at)),
            Standard::Version(release) => Some(Self::text_value(release.text(), at)),
            Standard::Uuid(bytes) => Some(Self::text_value(crate::python::standard::uuid_text(bytes), at)),
            _ => None,
        }
    }

    fn json_dumps(&mut self, value: &Value, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let truth = |name: &str, default: bool| match args.keyword(name).map(|arg| &arg.value) {
            None => Some(default),
            Some(Value::Bool(value)) => Some(*value),
            Some(_) => None,
        };
        let indent = match args.keyword("indent").map(|arg| &arg.value) {
            None | Some(Value::None) => None,
            Some(Value::Int(width @ 0..=64)) => Some(" ".repeat(usize::try_from(*width).unwrap_or(0))),
            Some(Value::Str(text)) => Some(text.text.to_string()),
            Some(_) => return Ok(None),
        };
        let separators = match args.keyword("separators").map(|arg| arg.value.clone()) {
            None | Some(Value::None) => None,
            Some(given) => match self.items(&given) {
                Some([Value::Str(comma), Value::Str(colon)]) => Some((comma.text.to_string(), colon.text.to_string())),
                _ => return Ok(None),
            },
        };
        let known = ["indent", "separators", "sort_keys", "ensure_ascii", "default"];
        let (Some(sorted), Some(ascii)) = (truth("sort_keys", false), truth("ensure_ascii", true)) else {
            return Ok(None);
        };
        if args.positional.len() != 1 || args.keywords.iter().any(|(name, _)| !known.contains(&&**name)) {
            return Ok(None);
        }
        let comma = if indent.is_some() { "," } else { ", " };
        let (comma, colon) = separators.unwrap_or_else(|| (comma.to_owned(), ": ".to_owned()));
        let style = super::repr::JsonStyle { comma, colon, indent, sorted, ascii };
        self.work(16, at)?;
        Ok(self.json(value, &style, 0).map(|text| Self::text_value(text, at)))
    }

    pub(super) fn copied(&mut self, value: &Value, depth: usize) -> Value {
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
}
