//! Files of the tree as values: `open`, and the readers of YAML, JSON, TOML, CSV and INI.

use super::super::{Host, Interp};
use crate::content::Span;
use crate::python::data::{self, Document, Fault, Kind, csv, yaml};
use crate::python::standard::moment::Moment;
use crate::python::standard::path::PathText;
use crate::python::standard::{OpenFile, Standard};
use crate::python::value::{Args, At, Dict, Object, Ref, Stop, Text, Unknown, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// A value that is not known because a file is not, and whose reading may fail.
    pub(super) fn unread(&mut self, reason: impl Into<Rc<str>>, what: &str, at: At) -> Value {
        self.may_raise(at);
        let mut unknown = Unknown::new(reason, at, format!("file {what}"));
        unknown.root = Some("builtins.open".into());
        unknown.value()
    }

    /// `open(path, mode)`; none if it is opened to be written, or its path is not known.
    pub(in super::super) fn open(&mut self, path: &PathText, args: &Args, first: usize, at: At) -> Option<Value> {
        let mode = match args.value(first, "mode") {
            None => "r",
            Some(Value::Str(mode)) => &*mode.text.clone(),
            Some(_) => return None,
        };
        if mode.contains(['w', 'a', 'x', '+']) {
            return None;
        }
        let file = match self.tree_file(path) {
            Ok(file) => file,
            Err(reason) => return Some(self.unread(reason, path.text(), at)),
        };
        let binary = mode.contains('b');
        let encoding = args.value(first + 2, "encoding").cloned();
        let newline = args.value(first + 4, "newline").cloned();
        let text = match self.file_text(file, encoding.as_ref(), newline.as_ref(), binary) {
            Ok(text) => text,
            Err(reason) => return Some(self.unread(reason, path.text(), at)),
        };
        Some(self.new_object(Object::Standard(Standard::File(OpenFile { file, binary, text, read: 0 }))))
    }

    /// The file of the tree that a path leads to; else why there is none.
    pub(super) fn tree_file(&mut self, path: &PathText) -> Result<usize, String> {
        let Some(home) = path.in_tree() else { return Err(Self::not_in_tree(path)) };
        match self.tree.find(&home) {
            Some(file) => {
                self.read.insert(file);
                Ok(file)
            }
            None => Err(format!("the file `{home}` is not in the tree")),
        }
    }

    /// Why a path leads to nothing that is known.
    pub(super) fn not_in_tree(path: &PathText) -> String {
        if path.absolute() {
            format!("the file `{}` is not in the tree", path.text())
        } else {
            format!("where `{}` lies depends on the working directory", path.text())
        }
    }

    /// The text of a file as `open` would decode it.
    fn file_text(
        &self,
        file: usize,
        encoding: Option<&Value>,
        newline: Option<&Value>,
        binary: bool,
    ) -> Result<Rc<str>, &'static str> {
        /// Larger files are no configuration.
        const LARGEST: usize = 8 << 20;
        let bytes = self.tree.bytes(file);
        if bytes.len() > LARGEST {
            return Err("a data file too large to evaluate");
        }
        if binary {
            // Bytes that are no text are only ever handed on.
            return Ok(String::from_utf8_lossy(bytes).into());
        }
        let name = match encoding {
            None | Some(Value::None) => "utf-8".to_owned(),
            Some(Value::Str(name)) => name.text.to_lowercase().replace('_', "-"),
            Some(_) => return Err("an encoding that is not known"),
        };
        let text = match name.as_str() {
            "utf-8" | "utf8" | "ascii" | "us-ascii" => std::str::from_utf8(bytes).ok().map(str::to_owned),
            "utf-8-sig" => {
                std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok().map(str::to_owned)
            }
            "latin-1" | "latin1" | "iso-8859-1" => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            _ => return Err("an encoding that is not held"),
        };
        let Some(text) = text.filter(|text| !name.contains("ascii") || text.is_ascii()) else {
            return Err("a file that is not written in its encoding");
        };
        if matches!(newline, Some(Value::Str(newline)) if newline.text.is_empty()) || !text.contains('\r') {
            return Ok(text.into());
        }
        Ok(text.replace("\r\n", "\n").replace('\r', "\n").into())
    }

    /// `path.read_text()`, `path.read_bytes()`.
    pub(super) fn read_path(&mut self, path: &PathText, binary: bool, args: &Args, at: At) -> Value {
        let file = match self.tree_file(path) {
            Ok(file) => file,
            Err(reason) => return self.unread(reason, path.text(), at),
        };
        if binary {
            return Value::Bytes(self.tree.bytes(file).to_vec().into());
        }
        match self.file_text(file, args.value(0, "encoding"), None, false) {
            Ok(text) => Value::Str(Text { text, at: Some(At::new(file, Span::FILE)), parts: None }),
            Err(reason) => self.unread(reason, path.text(), at),
        }
    }

    /// The lines of an open file that are still to be read; reads them.
    pub(in super::super) fn rest_lines(&mut self, object: Ref) -> Vec<Value> {
        let Object::Standard(Standard::File(open)) = self.object(object).clone() else { return Vec::new() };
        self.set_read(object, open.text.len());
        let whole = open.text.len() == self.tree.bytes(open.file).len();
        let mut start = open.read;
        let first = 1 + open.text[..open.read].matches('\n').count();
        let mut lines = Vec::new();
        for (number, line) in (first..).zip(open.text[open.read..].split_inclusive('\n')) {
            let line_number = u32::try_from(number).unwrap_or(u32::MAX);
            let span = if whole {
                Span::new(start, start + line.trim_end_matches('\n').len(), line_number)
            } else {
                Span { line: line_number, ..Span::FILE }
            };
            lines.push(if open.binary {
                Value::Bytes(line.as_bytes().into())
            } else {
                Self::text_value(line, At::new(open.file, span))
            });
            start += line.len();
        }
        lines
    }

    fn set_read(&mut self, object: Ref, read: usize) {
        if let Object::Standard(Standard::File(open)) = self.change(object) {
            open.read = read;
        }
    }

    /// A method of an open file.
    pub(in super::super) fn file_method(
        &mut self,
        object: Ref,
        open: &OpenFile,
        name: &str,
        args: &Args,
    ) -> Option<Value> {
        Some(match name {
            "read" if args.positional.is_empty() => {
                self.set_read(object, open.text.len());
                if open.binary {
                    if open.read > 0 {
                        return None;
                    }
                    return Some(Value::Bytes(self.tree.bytes(open.file).to_vec().into()));
                }
                let span = Span::FILE;
                Value::Str(Text {
                    text: open.text[open.read..].into(),
                    at: Some(At::new(open.file, span)),
                    parts: None,
                })
            }
            "readlines" if args.positional.is_empty() => {
                let lines = self.rest_lines(object);
                self.new_list(lines)
            }
            "readline" if args.positional.is_empty() => {
                let line = open.text[open.read..].split_inclusive('\n').next().unwrap_or_default();
                self.set_read(object, open.read + line.len());
                Value::str(line)
            }
            "seek" if matches!(args.value(0, "offset"), Some(Value::Int(0))) && args.positional.len() == 1 => {
                self.set_read(object, 0);
                Value::Int(0)
            }
            "close" => Value::None,
            "__enter__" => Value::Object(object),
            _ => return None,
        })
    }

    /// The text that a reader is given: a text, bytes, an open file or (for ruamel) a path.
    pub(super) fn reader_input(&mut self, value: &Value) -> Option<Input> {
        match value {
            Value::Str(text) => Some(Ok((text.text.clone(), text.at.filter(|at| at.span == Span::FILE).map(At::file)))),
            Value::Bytes(bytes) => Some(Ok((std::str::from_utf8(bytes).ok()?.into(), None))),
            Value::Unknown(_) => Some(Err(value.clone())),
            Value::Object(object) => {
                let Object::Standard(Standard::File(open)) = self.object(*object).clone() else { return None };
                self.set_read(*object, open.text.len());
                Some(Ok((open.text[open.read..].into(), Some(open.file))))
            }
            _ => None,
        }
    }

    /// `yaml.safe_load`, `json.load` and the like.
    pub(super) fn load_data(&mut self, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let names = ["stream", "s", "fp", "f"];
        let first = args.positional.first().map(|arg| &arg.value);
        let given = first.or_else(|| names.iter().find_map(|name| args.keyword(name)).map(|arg| &arg.value)).cloned();
        let Some(reader) = Reader::of(path, args) else { return Ok(None) };
        let Some(given) = given else { return Ok(None) };
        // `toml.load` also takes a path.
        let given = match (reader, self.path_of(&given)) {
            (Reader::Toml { opens: true }, Some(path)) => self.read_path(&path, false, &Args::default(), at),
            _ => given,
        };
        let (text, file) = match self.reader_input(&given) {
            Some(Ok(input)) => input,
            // What could not be opened stays what it is.
            Some(Err(unknown)) => return Ok(Some(self.unknown_from(&[unknown], path, at))),
            None => return Ok(None),
        };
        self.work(text.len(), at)?;
        let documents = match reader {
            Reader::Json => data::json::document(&text).map(|document| vec![document]),
            Reader::Toml { .. } => data::toml::document(&text).map(|document| vec![document]),
            Reader::Yaml(dialect) | Reader::AllYaml(dialect) => yaml::documents(&text, dialect),
        };
        let mut documents = match documents {
            Ok(documents) => documents,
            Err(Fault::Raises(class, message)) => return self.raise(class, message, at),
            Err(Fault::Unclear(reason)) => return Ok(Some(self.unread(reason, path, at))),
        };
        if let Reader::AllYaml(_) = reader {
            let mut values = Vec::new();
            for document in &documents {
                values.push(self.document_value(document, file, at)?);
            }
            return Ok(Some(self.new_list(values)));
        }
        match (documents.pop(), documents.is_empty()) {
            (Some(document), true) => self.document_value(&document, file, at).map(Some),
            (None, _) => Ok(Some(Value::None)),
            (Some(_), false) => self.raise("ComposerError", "expected a single document in the stream", at),
        }
    }

    fn document_value(&mut self, document: &Document, file: Option<usize>, at: At) -> Result<Value, Stop> {
        self.work(document.nodes.len(), at)?;
        if document.nodes.is_empty() {
            return Ok(Value::None);
        }
        let mut made = BTreeMap::new();
        self.node_value(document, document.root, file, at, &mut made)
    }

    /// The value of a node; what two aliases share is one object.
    fn node_value(
        &mut self,
        document: &Document,
        number: usize,
        file: Option<usize>,
        at: At,
        made: &mut BTreeMap<usize, Value>,
    ) -> Result<Value, Stop> {
        if let Some(value) = made.get(&number) {
            return Ok(value.clone());
        }
        let Some(node) = document.nodes.get(number) else { return Ok(Value::None) };
        let here = match (file, node.span) {
            (Some(file), Some(span)) => At::new(file, self.span_in(file, span)),
            (Some(file), None) => At::new(file, Span::FILE),
            (None, _) => at,
        };
        let value = match &node.kind {
            Kind::None => Value::None,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => Value::Int(*value),
            Kind::Float(value) => Value::Float(*value),
            Kind::Text(text) => Self::text_value(text.as_str(), here),
            Kind::Date(date) => self.new_object(Object::Standard(Standard::Moment(Moment::Date(*date)))),
            Kind::DateTime(local) => {
                let moment = Moment::DateTime { local: *local, zone: None, pendulum: false };
                self.new_object(Object::Standard(Standard::Moment(moment)))
            }
            Kind::Opaque(reason) => Unknown::new(*reason, here, format!("{reason} {number}")).value(),
            Kind::List(items) => {
                let mut values = Vec::new();
                for item in items {
                    values.push(self.node_value(document, *item, file, at, made)?);
                }
                self.new_list(values)
            }
            Kind::Map(pairs) => {
                let mut dict = Dict::default();
                let mut hazy = None;
                for (key, value) in pairs {
                    let written = self.node_value(document, *key, file, at, made)?;
                    let value = self.node_value(document, *value, file, at, made)?;
                    match (self.key(&written), &written) {
                        (Some(_), Value::Object(object)) if !matches!(self.object(*object), Object::Standard(_)) => {
                            return self.raise("ConstructorError", "found unhashable key", here);
                        }
                        (Some(key), _) => dict.insert(key, written, value),
                        (None, _) => hazy = Some(self.why(&written, here)),
                    }
                }
                let value = self.new_object(Object::Dict(dict));
                if let (Some(why), Value::Object(object)) = (hazy, &value) {
                    self.set_hazy(*object, why);
                }
                value
            }
        };
        made.insert(number, value.clone());
        Ok(value)
    }

    /// A place within a file; only the line where the text was not taken byte by byte.
    fn span_in(&self, file: usize, span: Span) -> Span {
        let bytes = self.tree.bytes(file);
        let exact = !bytes.contains(&b'\r') && !bytes.starts_with(b"\xef\xbb\xbf") && span.bytes().end <= bytes.len();
        if exact { span } else { Span { line: span.line, ..Span::FILE } }
    }

    /// `csv.reader`, `csv.DictReader`, over an open file or a list of lines.
    pub(super) fn read_rows(&mut self, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let Some(given) = args.positional.first().map(|arg| arg.value.clone()) else { return Ok(None) };
        let Some(style) = csv_style(path, args) else { return Ok(None) };
        let lines = match &given {
            Value::Object(object) if matches!(self.object(*object), Object::Standard(Standard::File(_))) => {
                self.rest_lines(*object)
            }
            _ => match self.iterate(&given, at)? {
                Ok(lines) => lines,
                Err(_) => return Ok(None),
            },
        };
        let mut text = String::new();
        let mut places = Vec::new();
        for line in &lines {
            let Value::Str(line) = line else { return Ok(None) };
            text.push_str(&line.text);
            if !line.text.ends_with('\n') {
                text.push('\n');
            }
            places.push(line.at.unwrap_or(at));
        }
        self.work(text.len(), at)?;
        let rows = csv::rows(&text, style);
        // Places are only told where a row is a line.
        let place = |row: usize| if rows.len() == places.len() { places[row] } else { at };
        let mut rows_of_values: Vec<Vec<Value>> = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            rows_of_values.push(row.iter().map(|field| Self::text_value(field.as_str(), place(number))).collect());
        }
        if path == "csv.reader" {
            let mut items = Vec::new();
            for row in rows_of_values {
                items.push(self.new_list(row));
            }
            return Ok(Some(self.new_list(items)));
        }
        self.dict_rows(rows_of_values, args, at)
    }

    /// Rows by the names of their columns.
    fn dict_rows(&mut self, rows: Vec<Vec<Value>>, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let mut rows = rows.into_iter();
        let names = match args.value(1, "fieldnames").cloned() {
            None | Some(Value::None) => rows.next().unwrap_or_default(),
            Some(names) => match self.iterate(&names, at)? {
                Ok(names) => names,
                Err(_) => return Ok(None),
            },
        };
        let mut items = Vec::new();
        for row in rows.filter(|row| !row.is_empty()) {
            if row.len() > names.len() {
                return Ok(None);
            }
            let mut dict = Dict::default();
            for (index, name) in names.iter().enumerate() {
                let Some(key) = self.key(name) else { return Ok(None) };
                let value = match row.get(index) {
                    Some(value) => value.clone(),
                    None => args.keyword("restval").map_or(Value::None, |arg| arg.value.clone()),
                };
                dict.insert(key, name.clone(), value);
            }
            items.push(self.new_object(Object::Dict(dict)));
        }
        Ok(Some(self.new_list(items)))
    }
}

/// A text and the file that it is the whole of, or what could not be read.
pub(super) type Input = Result<(Rc<str>, Option<usize>), Value>;

/// Which reader a library function is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Json,
    Toml {
        /// Whether it takes a path.
        opens: bool,
    },
    Yaml(yaml::Dialect),
    AllYaml(yaml::Dialect),
}

impl Reader {
    fn of(path: &str, args: &Args) -> Option<Self> {
        use yaml::Dialect::{Base, PyYaml};
        let only = |count: usize| args.positional.len() <= count && args.keywords.is_empty();
        Some(match path {
            // `object_hook`, `parse_float` and the like give other values.
            "json.load" | "json.loads" if args.positional.len() + args.keywords.len() == 1 => Self::Json,
            "tomllib.load" | "tomllib.loads" | "tomli.load" | "tomli.loads" | "toml.loads" if only(1) => {
                Self::Toml { opens: false }
            }
            "toml.load" if only(1) => Self::Toml { opens: true },
            "yaml.safe_load" | "yaml.full_load" | "yaml.unsafe_load" => Self::Yaml(PyYaml),
            "yaml.safe_load_all" | "yaml.full_load_all" | "yaml.unsafe_load_all" => Self::AllYaml(PyYaml),
            "yaml.load" | "yaml.load_all" => {
                let loader = args.value(1, "Loader").and_then(Value::outside_path)?;
                let dialect = match loader.rsplit('.').next()?.trim_start_matches('C') {
                    "SafeLoader" | "FullLoader" | "Loader" | "UnsafeLoader" => PyYaml,
                    "BaseLoader" => Base,
                    _ => return None,
                };
                if path == "yaml.load" { Self::Yaml(dialect) } else { Self::AllYaml(dialect) }
            }
            "ruamel.yaml.YAML().load" => Self::Yaml(yaml::Dialect::Ruamel),
            "ruamel.yaml.YAML().load_all" => Self::AllYaml(yaml::Dialect::Ruamel),
            _ => return None,
        })
    }
}

fn csv_style(path: &str, args: &Args) -> Option<csv::Style> {
    let mut style = csv::Style::default();
    for (name, arg) in &args.keywords {
        let letter = || {
            let text = arg.value.as_str()?;
            let mut letters = text.chars();
            letters.next().filter(|_| letters.next().is_none())
        };
        match &**name {
            "delimiter" => style.delimiter = letter()?,
            "quotechar" => style.quote = letter()?,
            "skipinitialspace" => match arg.value {
                Value::Bool(skip) => style.skip_spaces = skip,
                _ => return None,
            },
            "fieldnames" | "restval" if path == "csv.DictReader" => {}
            _ => return None,
        }
    }
    (args.positional.len() <= if path == "csv.reader" { 1 } else { 2 }).then_some(style)
}
