//! Operators, truth, iteration, subscripts, and the canonical text of values.

use super::{BOUNDS, Host, Interp};
use crate::python::syntax::{BinaryOp, CompareOp};
use crate::python::value::{At, Dict, Object, Ref, Sequence, Stop, Text, Unknown, Value, short};
use std::cmp::Ordering;
use std::rc::Rc;

/// Either the items, or why they are not known and what one of them would be.
pub(crate) type Items = Result<Vec<Value>, (Rc<Unknown>, Value)>;

impl<H: Host> Interp<'_, H> {
    /// Why a value is not known; for one that is, that it cannot be used so.
    pub(crate) fn why(&self, value: &Value, at: At) -> Rc<Unknown> {
        if let Value::Object(object) = value
            && let Some(why) = self.hazy(*object)
        {
            let mut unknown = Unknown::clone(&why);
            unknown.text = short(format!("object@{}", why.text));
            return Rc::new(unknown);
        }
        match value {
            Value::Unknown(unknown) => unknown.clone(),
            Value::Outside(path) => {
                let mut unknown = Unknown::new(format!("`{path}` is outside the tree"), at, path.clone());
                unknown.root = Some(path.clone());
                Rc::new(unknown)
            }
            Value::OneOf(values) => {
                let inner = values.iter().find_map(Value::unknown);
                let reason = inner.map_or_else(|| "one of several values".into(), |inner| inner.reason.clone());
                Rc::new(Unknown::new(reason, at, self.text(value)))
            }
            other => Rc::new(Unknown::new("a value that is not evaluated", at, self.text(other))),
        }
    }

    /// A value made of others by something that is not evaluated.
    pub(crate) fn unknown_from(&self, parts: &[Value], how: &str, at: At) -> Value {
        let texts: Vec<_> = parts.iter().map(|part| self.text(part)).collect();
        let text = format!("{how}({})", texts.join(", "));
        let mut unknown = match parts.iter().find_map(Value::unknown) {
            Some(inner) => Unknown { affix: None, text: short(text), ..Unknown::clone(&inner) },
            None => match parts.iter().find_map(Value::outside_path) {
                Some(path) => {
                    let mut unknown = Unknown::new(format!("`{path}` is outside the tree"), at, text);
                    unknown.root = Some(path.clone());
                    unknown
                }
                None => Unknown::new(format!("`{how}` is not evaluated"), at, text),
            },
        };
        unknown.tail = None;
        if unknown.root.is_none() && parts.iter().any(|part| self.is_path(part)) {
            unknown.root = Some("pathlib.Path".into());
        }
        unknown.hosts = self.hosts_in_all(parts);
        unknown.value()
    }

    fn is_path(&self, value: &Value) -> bool {
        match value {
            Value::Object(object) => match self.object(*object) {
                Object::Instance(instance) => instance.attributes.contains_key("__path__"),
                _ => false,
            },
            _ => false,
        }
    }

    /// The host objects in a value, through containers.
    pub(crate) fn hosts_in(&self, value: &Value) -> Vec<super::HostRef> {
        let mut found = Vec::new();
        self.collect_hosts(value, 12, &mut found);
        found.sort();
        found.dedup();
        found
    }

    fn hosts_in_all(&self, values: &[Value]) -> Vec<super::HostRef> {
        let mut found = Vec::new();
        for value in values {
            self.collect_hosts(value, 12, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    fn collect_hosts(&self, value: &Value, depth: usize, found: &mut Vec<super::HostRef>) {
        if depth == 0 || found.len() > 4096 {
            return;
        }
        match value {
            Value::Unknown(unknown) => found.extend(unknown.hosts.iter().copied()),
            Value::OneOf(values) => values.iter().for_each(|value| self.collect_hosts(value, depth - 1, found)),
            Value::Object(object) => match self.object(*object) {
                Object::List(items) | Object::Tuple(items) => {
                    items.items.iter().for_each(|item| self.collect_hosts(item, depth - 1, found));
                }
                Object::Set(items) => items.iter().for_each(|item| self.collect_hosts(item, depth - 1, found)),
                Object::Dict(dict) => {
                    dict.pairs().iter().for_each(|(_, value)| self.collect_hosts(value, depth - 1, found));
                }
                Object::Instance(instance) => match instance.host {
                    Some(host) => found.push(host),
                    None => instance.attributes.values().for_each(|value| self.collect_hosts(value, depth - 1, found)),
                },
                Object::Partial { args, .. } => {
                    args.all().for_each(|arg| self.collect_hosts(&arg.value, depth - 1, found));
                }
                Object::Bound { receiver, .. } | Object::Method { receiver, .. } => {
                    self.collect_hosts(receiver, depth - 1, found);
                }
                _ => {}
            },
            Value::Host(host) => found.push(*host),
            _ => {}
        }
    }

    // --- truth ---

    pub(crate) fn truth(&self, value: &Value, at: At) -> Result<bool, Rc<Unknown>> {
        Ok(match value {
            Value::None => false,
            Value::Ellipsis | Value::Module(_) | Value::Host(_) => true,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::Unknown(unknown) => match &unknown.affix {
                Some((prefix, suffix)) if !prefix.is_empty() || !suffix.is_empty() => true,
                _ => return Err(unknown.clone()),
            },
            Value::OneOf(values) => {
                let mut truths = values.iter().map(|value| self.truth(value, at));
                let first = truths.next().unwrap_or(Ok(false)).map_err(|_| self.why(value, at))?;
                if truths.any(|truth| !matches!(truth, Ok(truth) if truth == first)) {
                    return Err(self.why(value, at));
                }
                first
            }
            // A class or function of a library; constants like `sys.platform` are not known.
            Value::Outside(path) => match path.strip_prefix("builtins.") {
                Some(_) => true,
                None if path
                    .rsplit('.')
                    .next()
                    .is_some_and(|name| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)) =>
                {
                    true
                }
                None => return Err(self.why(value, at)),
            },
            Value::Object(object) => match (self.hazy(*object), self.object(*object)) {
                (None, Object::List(items) | Object::Tuple(items)) => !items.items.is_empty(),
                (None, Object::Set(items)) => !items.is_empty(),
                (None, Object::Dict(dict)) => dict.len() > 0,
                (Some(why), Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_)) => return Err(why),
                _ => true,
            },
        })
    }

    // --- iteration ---

    pub(crate) fn iterate(&mut self, value: &Value, at: At) -> Result<Items, Stop> {
        if let Some(items) = self.items(value) {
            let items = items.to_vec();
            self.work(items.len(), at)?;
            return Ok(Ok(items));
        }
        if let Some(pairs) = self.dict_pairs(value) {
            return Ok(Ok(pairs.into_iter().map(|(key, _)| key).collect()));
        }
        match value {
            Value::Str(text) => {
                return Ok(Ok(text.text.chars().map(|c| Self::text_value(c.to_string(), at)).collect()));
            }
            Value::Object(object) => {
                if let Object::Class(_) = self.object(*object)
                    && let Some(members) = self.enum_members(*object)
                {
                    return Ok(Ok(members));
                }
                if let Some(host) = self.host_of(value)
                    && let Some(items) = H::iterate(self, host)
                {
                    return Ok(Ok(items));
                }
                if let Object::Instance(_) = self.object(*object)
                    && let Some(method) = self.find_method(value, "__iter__")
                {
                    let items = self.call_with(&method, Vec::new(), at)?;
                    if self.items(&items).is_some() {
                        return self.iterate(&items, at);
                    }
                }
            }
            Value::Host(host) => {
                if let Some(items) = H::iterate(self, *host) {
                    return Ok(Ok(items));
                }
            }
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                return self.raise("TypeError", "not iterable", at);
            }
            _ => {}
        }
        let why = self.why(value, at);
        let mut element = Unknown::clone(&why);
        element.text = short(format!("each of {}", why.text));
        element.affix = None;
        Ok(Err((why, element.value())))
    }

    // --- operators ---

    pub(crate) fn binary(&mut self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<Value, Stop> {
        if matches!(op, BinaryOp::LeftShift | BinaryOp::RightShift | BinaryOp::Or | BinaryOp::And)
            && !(matches!(left, Value::Int(_)) && matches!(right, Value::Int(_)))
            && let Some(value) = H::binary(self, op, left, right, at)?
        {
            return Ok(value);
        }
        if let Some(value) = self.of_each(left, right, at, |run, left, right| run.binary(op, left, right, at))? {
            return Ok(value);
        }
        if let Some(value) = numbers(op, left, right) {
            return Ok(value);
        }
        if let Some(value) = self.texts_and_lists(op, left, right, at)? {
            return Ok(value);
        }
        if let Some(value) = self.operator_method(op, left, right, at)? {
            return Ok(value);
        }
        Ok(self.unknown_from(&[left.clone(), right.clone()], &format!("{op:?}"), at))
    }

    fn operator_method(&mut self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        let name = match op {
            BinaryOp::Add => "__add__",
            BinaryOp::RightShift => "__rshift__",
            BinaryOp::LeftShift => "__lshift__",
            BinaryOp::Or => "__or__",
            BinaryOp::Div => "__truediv__",
            _ => return Ok(None),
        };
        match self.find_method(left, name) {
            Some(method) => self.call_with(&method, vec![right.clone()], at).map(Some),
            None => Ok(None),
        }
    }

    fn texts_and_lists(&mut self, op: BinaryOp, left: &Value, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        Ok(match (op, left, right) {
            (BinaryOp::Add, a, b)
                if super::format::affix(a).is_some()
                    && super::format::affix(b).is_some()
                    && (a.as_str().is_some() || b.as_str().is_some() || is_pattern(a)) =>
            {
                Some(self.concat(&[a.clone(), b.clone()], at))
            }
            (BinaryOp::Mod, Value::Str(text), value) => Some(self.percent(&text.text.clone(), value, at)?),
            (BinaryOp::Mul, Value::Str(text), Value::Int(times))
            | (BinaryOp::Mul, Value::Int(times), Value::Str(text)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                if text.text.len().saturating_mul(times) > BOUNDS.size {
                    return Err(self.limit("a text too long to evaluate", at));
                }
                Some(Self::text_value(text.text.repeat(times), at))
            }
            (BinaryOp::Add | BinaryOp::Mul, Value::Object(a), _) => self.join_lists(op, *a, right, at)?,
            (BinaryOp::Or, Value::Object(_), Value::Object(_)) => match (self.dict_pairs(left), self.dict_pairs(right))
            {
                (Some(a), Some(b)) => {
                    let mut dict = Dict::default();
                    for (written, value) in a.into_iter().chain(b) {
                        if let Some(key) = self.key(&written) {
                            dict.insert(key, written, value);
                        }
                    }
                    Some(self.new_object(Object::Dict(dict)))
                }
                _ => self.sets(op, left, right),
            },
            (BinaryOp::And | BinaryOp::Sub | BinaryOp::Xor, Value::Object(_), Value::Object(_)) => {
                self.sets(op, left, right)
            }
            _ => None,
        })
    }

    fn sets(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        let (Value::Object(a), Value::Object(b)) = (left, right) else { return None };
        if !matches!((self.object(*a), self.object(*b)), (Object::Set(_), Object::Set(_))) {
            return None;
        }
        let (a, b) = (self.items(left)?.to_vec(), self.items(right)?.to_vec());
        let has = |interp: &Self, all: &[Value], one: &Value| {
            let key = interp.key(one);
            all.iter().any(|other| interp.key(other) == key)
        };
        let items = match op {
            BinaryOp::Or => a.into_iter().chain(b).collect(),
            BinaryOp::And => a.into_iter().filter(|one| has(self, &b, one)).collect(),
            BinaryOp::Sub => a.into_iter().filter(|one| !has(self, &b, one)).collect(),
            _ => return None,
        };
        Some(self.new_set(items))
    }

    fn join_lists(&mut self, op: BinaryOp, left: Ref, right: &Value, at: At) -> Result<Option<Value>, Stop> {
        let (Object::List(a) | Object::Tuple(a)) = self.object(left).clone() else { return Ok(None) };
        let tuple = matches!(self.object(left), Object::Tuple(_));
        if let Some(why) = self.hazy(left) {
            return Ok(Some(Unknown { affix: None, ..Unknown::clone(&why) }.value()));
        }
        let joined = match (op, right) {
            (BinaryOp::Add, Value::Object(b)) => {
                let (Object::List(b_items) | Object::Tuple(b_items)) = self.object(*b).clone() else { return Ok(None) };
                if let Some(why) = self.hazy(*b) {
                    return Ok(Some(Unknown { affix: None, ..Unknown::clone(&why) }.value()));
                }
                Sequence { items: [a.items, b_items.items].concat(), at: [a.at, b_items.at].concat() }
            }
            (BinaryOp::Mul, Value::Int(times)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                if a.items.len().saturating_mul(times) > BOUNDS.size {
                    return Err(self.limit("a list too long to evaluate", at));
                }
                let items = (0..times).flat_map(|_| a.items.iter().cloned()).collect();
                Sequence { items, at: a.at.repeat(times) }
            }
            _ => return Ok(None),
        };
        Ok(Some(self.new_object(if tuple { Object::Tuple(joined) } else { Object::List(joined) })))
    }

    /// Where one side may be one of several values: what comes of each, as one value.
    fn of_each(
        &mut self,
        left: &Value,
        right: &Value,
        at: At,
        mut operate: impl FnMut(&mut Self, &Value, &Value) -> Result<Value, Stop>,
    ) -> Result<Option<Value>, Stop> {
        for (one, other, first) in [(left, right, true), (right, left, false)] {
            let Value::OneOf(values) = one else { continue };
            let mut results = Vec::new();
            for value in values.clone().iter() {
                let result = if first { operate(self, value, other)? } else { operate(self, other, value)? };
                results.push(Some(result));
            }
            let why = self.why(one, at);
            return Ok(Some(self.merge(&results, &why)));
        }
        Ok(None)
    }

    // --- comparison ---

    pub(crate) fn compare(&mut self, op: CompareOp, left: &Value, right: &Value, at: At) -> Result<Value, Stop> {
        if let Some(value) = self.of_each(left, right, at, |run, left, right| run.compare(op, left, right, at))? {
            return Ok(value);
        }
        let known = match op {
            CompareOp::Eq => self.equality(left, right, 16),
            CompareOp::NotEq => self.equality(left, right, 16).map(|equal| !equal),
            CompareOp::Is => self.identity(left, right),
            CompareOp::IsNot => self.identity(left, right).map(|same| !same),
            CompareOp::In => self.contains(right, left),
            CompareOp::NotIn => self.contains(right, left).map(|inside| !inside),
            CompareOp::Less => self.order(left, right).map(|order| order == Ordering::Less),
            CompareOp::LessEq => self.order(left, right).map(|order| order != Ordering::Greater),
            CompareOp::Greater => self.order(left, right).map(|order| order == Ordering::Greater),
            CompareOp::GreaterEq => self.order(left, right).map(|order| order != Ordering::Less),
        };
        Ok(match known {
            Some(known) => Value::Bool(known),
            None => self.unknown_from(&[left.clone(), right.clone()], &format!("{op:?}"), at),
        })
    }

    fn identity(&self, left: &Value, right: &Value) -> Option<bool> {
        match (left, right) {
            (Value::None, Value::None) => Some(true),
            (Value::Unknown(unknown), Value::None) | (Value::None, Value::Unknown(unknown)) => {
                unknown.affix.is_some().then_some(false)
            }
            (Value::None, Value::Outside(_)) | (Value::Outside(_), Value::None) => None,
            (Value::None, _) | (_, Value::None) => Some(false),
            (Value::Object(a), Value::Object(b)) => Some(a == b),
            (Value::Host(a), Value::Host(b)) => Some(a == b),
            (Value::Outside(a), Value::Outside(b)) if a == b => Some(true),
            _ => self.equality(left, right, 4),
        }
    }

    fn equality(&self, left: &Value, right: &Value, depth: usize) -> Option<bool> {
        match (left, right) {
            (Value::Unknown(unknown), other) | (other, Value::Unknown(unknown)) => {
                // A text that begins or ends otherwise is another text.
                let (prefix, suffix) = unknown.affix.as_ref()?;
                match other {
                    Value::Str(text) if !text.text.starts_with(&**prefix) || !text.text.ends_with(&**suffix) => {
                        Some(false)
                    }
                    Value::None => Some(false),
                    _ => None,
                }
            }
            (Value::Outside(a), Value::Outside(b)) => (a == b).then_some(true),
            (Value::OneOf(_) | Value::Outside(_), _) | (_, Value::OneOf(_) | Value::Outside(_)) => None,
            (Value::Int(_) | Value::Float(_) | Value::Bool(_), Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
                Some(
                    float(left)?.total_cmp(&float(right)?).is_eq()
                        || float(left)?.partial_cmp(&float(right)?) == Some(Ordering::Equal),
                )
            }
            (Value::Host(a), Value::Host(b)) => (a == b).then_some(true),
            (Value::Object(a), Value::Object(b)) if a == b => Some(true),
            (Value::Object(a), Value::Object(b)) => {
                if depth == 0 {
                    return None;
                }
                self.equal_objects(*a, *b, left, right, depth)
            }
            (Value::Object(object), _) | (_, Value::Object(object)) => match self.object(*object) {
                Object::Instance(_) => None,
                _ => Some(false),
            },
            _ => Some(self.text(left) == self.text(right)),
        }
    }

    fn equal_objects(&self, a: Ref, b: Ref, left: &Value, right: &Value, depth: usize) -> Option<bool> {
        match (self.object(a), self.object(b)) {
            (Object::List(_), Object::List(_)) | (Object::Tuple(_), Object::Tuple(_)) => {
                let (x, y) = (self.items(left)?, self.items(right)?);
                if x.len() != y.len() {
                    return Some(false);
                }
                let mut all = Some(true);
                for (x, y) in x.iter().zip(y) {
                    match self.equality(x, y, depth - 1) {
                        Some(false) => return Some(false),
                        None => all = None,
                        Some(true) => {}
                    }
                }
                all
            }
            (Object::Dict(_), Object::Dict(_)) => {
                let (x, y) = (self.dict_pairs(left)?, self.dict_pairs(right)?);
                if x.len() != y.len() {
                    return Some(false);
                }
                let mut all = Some(true);
                for (key, value) in x {
                    let key = self.key(&key)?;
                    let other = y.iter().find(|(other, _)| self.key(other).as_ref() == Some(&key));
                    match other {
                        None => return Some(false),
                        Some((_, other)) => match self.equality(&value, other, depth - 1) {
                            Some(false) => return Some(false),
                            None => all = None,
                            Some(true) => {}
                        },
                    }
                }
                all
            }
            (Object::Instance(_), _) | (_, Object::Instance(_)) | (Object::Set(_), Object::Set(_)) => None,
            _ => Some(false),
        }
    }

    fn contains(&self, container: &Value, value: &Value) -> Option<bool> {
        if let (Value::Str(text), Value::Str(part)) = (container, value) {
            return Some(text.text.contains(&*part.text));
        }
        if let Value::Object(object) = container {
            match self.object(*object) {
                Object::Globals(scope) => {
                    let name = value.as_str()?;
                    return Some(self.names(*scope).contains_key(name));
                }
                Object::Dict(dict) if self.hazy(*object).is_none() => {
                    return Some(dict.get(&self.key(value)?).is_some());
                }
                _ => {}
            }
        }
        let mut all = Some(false);
        for item in self.items(container)? {
            match self.equality(item, value, 8) {
                Some(true) => return Some(true),
                None => all = None,
                Some(false) => {}
            }
        }
        all
    }

    pub(crate) fn order(&self, left: &Value, right: &Value) -> Option<Ordering> {
        match (left, right) {
            (Value::Str(a), Value::Str(b)) => Some(a.text.cmp(&b.text)),
            (Value::Object(_), Value::Object(_)) => {
                let (a, b) = (self.items(left)?, self.items(right)?);
                for (a, b) in a.iter().zip(b) {
                    match self.order(a, b)? {
                        Ordering::Equal => {}
                        order => return Some(order),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            _ => float(left)?.partial_cmp(&float(right)?),
        }
    }

    // --- subscripts ---

    pub(crate) fn subscript(&mut self, object: &Value, index: &Value, at: At) -> Result<Value, Stop> {
        if let Some(host) = self.host_of(object)
            && let Some(value) = H::subscript(self, host, index, at)?
        {
            return Ok(value);
        }
        if let Value::OneOf(values) = object {
            let mut results = Vec::new();
            for value in values.clone().iter() {
                results.push(Some(self.subscript(value, index, at)?));
            }
            let why = self.why(object, at);
            return Ok(self.merge(&results, &why));
        }
        if let (Some(items), Some(index)) = (self.items(object), index.as_int()) {
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let position = if index < 0 { index + length } else { index };
            return match usize::try_from(position).ok().and_then(|position| items.get(position)) {
                Some(item) => Ok(item.clone()),
                None => self.raise("IndexError", "index out of range", at),
            };
        }
        match object {
            Value::Unknown(unknown) => {
                if let (Some(tail), Some(index)) = (&unknown.tail, index.as_int())
                    && index < 0
                    && let Some(value) = usize::try_from(-index)
                        .ok()
                        .and_then(|back| tail.len().checked_sub(back))
                        .and_then(|at| tail.get(at))
                {
                    return Ok(value.clone());
                }
            }
            Value::Str(text) => {
                if let Some(index) = index.as_int() {
                    let letters: Vec<char> = text.text.chars().collect();
                    let length = i64::try_from(letters.len()).unwrap_or(i64::MAX);
                    let position = if index < 0 { index + length } else { index };
                    return match usize::try_from(position).ok().and_then(|position| letters.get(position)) {
                        Some(letter) => Ok(Self::text_value(letter.to_string(), at)),
                        None => self.raise("IndexError", "index out of range", at),
                    };
                }
            }
            Value::Object(object) => match self.object(*object) {
                Object::Dict(_) => {
                    if let Some(value) = self.dict_item(*object, index, at)? {
                        return Ok(value);
                    }
                }
                Object::Globals(scope) => {
                    if let Some(value) = index.as_str().and_then(|name| self.names(*scope).get(name)) {
                        return Ok(value.clone());
                    }
                }
                Object::Class(_) => {
                    if let Some(name) = index.as_str()
                        && self.enum_members(*object).is_some()
                    {
                        return self.attribute(&Value::Object(*object), name, at);
                    }
                }
                Object::Instance(_) => {
                    if let Some(method) = self.find_method(&Value::Object(*object), "__getitem__") {
                        return self.call_with(&method, vec![index.clone()], at);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        Ok(self.unknown_from(&[object.clone(), index.clone()], "item", at))
    }

    fn dict_item(&mut self, object: Ref, index: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Some(key) = self.key(index) else { return Ok(None) };
        let Object::Dict(dict) = self.object(object) else { return Ok(None) };
        if let Some(value) = dict.get(&key) {
            return Ok(self.hazy(object).is_none().then(|| value.clone()));
        }
        if self.hazy(object).is_some() {
            return Ok(None);
        }
        if let Some(default) = dict.default.clone() {
            let value = self.call_with(&default, Vec::new(), at)?;
            if let Object::Dict(dict) = self.change(object) {
                dict.insert(key, index.clone(), value.clone());
            }
            return Ok(Some(value));
        }
        self.raise("KeyError", self.text(index), at)
    }

    pub(super) fn slice(&mut self, object: &Value, bounds: [Option<i64>; 3], at: At) -> Value {
        let pick = |length: usize| slice_positions(length, bounds);
        match object {
            Value::Str(text) => {
                let letters: Vec<char> = text.text.chars().collect();
                let text: String = pick(letters.len()).into_iter().map(|index| letters[index]).collect();
                Self::text_value(text, at)
            }
            Value::Object(reference) if self.items(object).is_some() => {
                let tuple = matches!(self.object(*reference), Object::Tuple(_));
                let items = self.items(object).unwrap_or_default();
                let items: Vec<Value> = pick(items.len()).into_iter().map(|index| items[index].clone()).collect();
                if tuple { self.new_tuple(items) } else { self.new_list(items) }
            }
            _ => self.unknown_from(std::slice::from_ref(object), &format!("slice{bounds:?}"), at),
        }
    }

    pub(super) fn set_item(&mut self, object: &Value, index: &Value, value: Value, at: At) -> Result<(), Stop> {
        let Value::Object(reference) = object else { return Ok(()) };
        let key = self.key(index);
        let why = self.why(index, at);
        match self.object(*reference) {
            Object::Dict(_) => match key {
                Some(key) => {
                    if let Object::Dict(dict) = self.change(*reference) {
                        dict.insert(key, index.clone(), value);
                    }
                }
                None => self.set_hazy(*reference, why),
            },
            Object::List(items) => {
                let count = items.items.len();
                let length = i64::try_from(count).unwrap_or(i64::MAX);
                let position = index.as_int().map(|index| if index < 0 { index + length } else { index });
                match position.and_then(|position| usize::try_from(position).ok()) {
                    Some(position) if position < count => {
                        if let Object::List(items) = self.change(*reference) {
                            items.items[position] = value;
                        }
                    }
                    _ => self.set_hazy(*reference, why),
                }
            }
            Object::Globals(scope) => {
                // A name that is not known is still a global.
                let scope = *scope;
                let name = index.as_str().cloned().unwrap_or_else(|| format!("<{}>", self.text(index)).into());
                self.set_in(scope, &name, value);
            }
            Object::Instance(_) => {
                if let Some(method) = self.find_method(object, "__setitem__") {
                    self.call_with(&method, vec![index.clone(), value], at)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn delete_item(&mut self, object: &Value, index: &Value, at: At) {
        let Value::Object(reference) = object else { return };
        match (self.key(index), self.object(*reference)) {
            (Some(key), Object::Dict(_)) => {
                if let Object::Dict(dict) = self.change(*reference) {
                    dict.remove(&key);
                }
            }
            (_, Object::Dict(_) | Object::List(_)) => {
                let why = self.why(index, at);
                self.set_hazy(*reference, why);
            }
            _ => {}
        }
    }

    pub(crate) fn new_set(&mut self, items: Vec<Value>) -> Value {
        let mut seen = std::collections::BTreeSet::new();
        let mut distinct = Vec::new();
        let mut hazy = None;
        for item in items {
            match self.key(&item) {
                Some(key) => {
                    if seen.insert(key) {
                        distinct.push(item);
                    }
                }
                None => hazy = item.unknown(),
            }
        }
        // The order of a set is not Python's to promise; sorted, it is at least ours.
        distinct.sort_by(|a, b| self.order(a, b).unwrap_or(Ordering::Equal));
        let value = self.new_object(Object::Set(distinct));
        if let (Some(why), Value::Object(object)) = (hazy, &value) {
            self.heap[object.0].hazy = Some(why);
        }
        value
    }

    // --- text ---

    /// Canonical text: equal values of equal text, whatever they are called.
    pub(crate) fn text(&self, value: &Value) -> String {
        let mut out = String::new();
        self.write_text(value, 10, &mut out);
        out
    }

    fn write_text(&self, value: &Value, depth: usize, out: &mut String) {
        use std::fmt::Write as _;
        if depth == 0 || out.len() > 64 * 1024 {
            out.push('…');
            return;
        }
        match value {
            Value::None => out.push_str("None"),
            Value::Ellipsis => out.push_str("..."),
            Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
            Value::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Float(value) => {
                let _ = write!(out, "{value:?}");
            }
            Value::Str(Text { text, .. }) => {
                let _ = write!(out, "{text:?}");
            }
            Value::Bytes(bytes) => {
                let _ = write!(out, "b{:?}", String::from_utf8_lossy(bytes));
            }
            Value::Module(key) => {
                let _ = write!(out, "module {key:?}");
            }
            Value::Outside(path) => out.push_str(path),
            Value::Host(host) => out.push_str(&H::text(self, *host)),
            Value::OneOf(values) => {
                out.push_str("one of ");
                self.write_texts(values, "(", ")", depth, out);
            }
            Value::Unknown(unknown) => out.push_str(&unknown.text),
            Value::Object(object) => self.write_object(*object, depth, out),
        }
    }

    fn write_texts(&self, values: &[Value], open: &str, close: &str, depth: usize, out: &mut String) {
        out.push_str(open);
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.write_text(value, depth - 1, out);
        }
        out.push_str(close);
    }

    fn write_object(&self, object: Ref, depth: usize, out: &mut String) {
        if let Some(why) = self.hazy(object) {
            out.push_str("partly ");
            out.push_str(&why.text);
            out.push(' ');
        }
        match self.object(object) {
            Object::List(items) => self.write_texts(&items.items, "[", "]", depth, out),
            Object::Tuple(items) => self.write_texts(&items.items, "(", ")", depth, out),
            Object::Set(items) => self.write_texts(items, "{", "}", depth, out),
            Object::Dict(dict) => {
                out.push('{');
                for (index, (key, value)) in dict.pairs().iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    self.write_text(key, depth - 1, out);
                    out.push_str(": ");
                    self.write_text(value, depth - 1, out);
                }
                out.push('}');
            }
            Object::Function(function) => {
                out.push_str("function ");
                out.push_str(&crate::python::canonical::function(&function.def));
            }
            Object::Class(class) => {
                out.push_str("class ");
                out.push_str(&class.path);
            }
            Object::Instance(instance) => {
                if let Some(host) = instance.host {
                    out.push_str(&H::text(self, host));
                } else {
                    if let Object::Class(class) = self.object(instance.class) {
                        out.push_str(&class.path);
                    }
                    let values: Vec<Value> = instance.attributes.values().cloned().collect();
                    self.write_texts(&values, "(", ")", depth, out);
                }
            }
            Object::Bound { receiver, function } => {
                self.write_text(receiver, depth - 1, out);
                out.push('.');
                if let Object::Function(function) = self.object(*function) {
                    out.push_str(&function.def.name);
                }
            }
            Object::Method { receiver, name } => {
                self.write_text(receiver, depth - 1, out);
                out.push('.');
                out.push_str(name);
            }
            Object::Partial { function, args } => {
                out.push_str("partial ");
                self.write_text(function, depth - 1, out);
                let values: Vec<Value> = args.all().map(|arg| arg.value.clone()).collect();
                self.write_texts(&values, "(", ")", depth, out);
            }
            Object::Super { .. } => out.push_str("super()"),
            Object::Globals(_) => out.push_str("globals()"),
            Object::Property(value) | Object::StaticMethod(value) | Object::ClassMethod(value) => {
                self.write_text(value, depth - 1, out);
            }
        }
    }
}

fn is_pattern(value: &Value) -> bool {
    matches!(value, Value::Unknown(unknown) if unknown.affix.is_some())
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "as Python compares, up to 2^53")]
        other => other.as_int().map(|value| value as f64),
    }
}

fn numbers(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        return Some(Value::Int(match op {
            BinaryOp::Add => a.checked_add(b)?,
            BinaryOp::Sub => a.checked_sub(b)?,
            BinaryOp::Mul => a.checked_mul(b)?,
            BinaryOp::FloorDiv => {
                let quotient = a.checked_div(b)?;
                if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
            }
            BinaryOp::Mod => {
                let remainder = a.checked_rem(b)?;
                if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }
            }
            BinaryOp::Pow => a.checked_pow(u32::try_from(b).ok()?)?,
            BinaryOp::LeftShift if (0..63).contains(&b) => a.checked_mul(1_i64.checked_shl(u32::try_from(b).ok()?)?)?,
            BinaryOp::RightShift if (0..64).contains(&b) => a >> b,
            BinaryOp::And => a & b,
            BinaryOp::Or => a | b,
            BinaryOp::Xor => a ^ b,
            BinaryOp::Div if b != 0 => return Some(Value::Float(float(left)? / float(right)?)),
            _ => return None,
        }));
    }
    let (a, b) = (float(left)?, float(right)?);
    Some(Value::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div if b != 0.0 => a / b,
        BinaryOp::FloorDiv if b != 0.0 => (a / b).floor(),
        BinaryOp::Pow => a.powf(b),
        _ => return None,
    }))
}

/// The positions that `[start:stop:step]` picks.
fn slice_positions(length: usize, [start, stop, stride]: [Option<i64>; 3]) -> Vec<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let stride = stride.unwrap_or(1);
    if stride == 0 {
        return Vec::new();
    }
    let clamp = |value: i64, low: i64, high: i64| (if value < 0 { value + length } else { value }).clamp(low, high);
    let (mut at, end) = if stride > 0 {
        (start.map_or(0, |v| clamp(v, 0, length)), stop.map_or(length, |v| clamp(v, 0, length)))
    } else {
        (start.map_or(length - 1, |v| clamp(v, -1, length - 1)), stop.map_or(-1, |v| clamp(v, -1, length - 1)))
    };
    let mut positions = Vec::new();
    while if stride > 0 { at < end } else { at > end } {
        positions.extend(usize::try_from(at));
        at += stride;
    }
    positions
}
