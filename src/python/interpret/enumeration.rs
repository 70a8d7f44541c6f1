//! Enumerations: their members, look-ups and texts.
//!
//! Measured on CPython 3.8 to 3.14; what differs between these is not known.

use super::{Host, Interp};
use crate::python::syntax::Name;
use crate::python::value::{Args, At, ClassObject, Dict, Instance, Key, Members, Object, Ref, Stop, Unknown, Value};
use std::rc::Rc;

const ENUMS: [&str; 5] = ["enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"];

/// What the members are besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixed {
    Nothing,
    Text,
    Number,
    /// Something that is not followed.
    Other,
}

/// What the text of a member is made of.
pub(super) enum MemberText {
    Of(Value),
    /// That depends on the release of Python, or a method of its class says it.
    Open,
}

/// Whether a name of the body becomes a member.
enum Membership {
    Member,
    No,
    /// That depends on the release of Python.
    Open,
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn is_enum(&self, class: Ref) -> bool {
        self.outside_bases(class).iter().any(|base| ENUMS.contains(&&**base))
    }

    fn derives(&self, class: Ref, base: &str) -> bool {
        self.outside_bases(class).iter().any(|path| &**path == base)
    }

    fn is_flag(&self, class: Ref) -> bool {
        self.derives(class, "enum.Flag") || self.derives(class, "enum.IntFlag")
    }

    fn mixed(&self, class: Ref) -> Mixed {
        let mut mixed = Mixed::Nothing;
        for base in self.outside_bases(class) {
            mixed = match (&*base, mixed) {
                ("builtins.str" | "enum.StrEnum", Mixed::Nothing | Mixed::Text) => Mixed::Text,
                ("builtins.int" | "enum.IntEnum", Mixed::Nothing | Mixed::Number) => Mixed::Number,
                ("enum.Enum" | "enum.Flag" | "builtins.object" | "abc.ABC", mixed) => mixed,
                _ => Mixed::Other,
            };
        }
        if self.field_names(class).is_some() { Mixed::Other } else { mixed }
    }

    /// The members of an enumeration without its aliases, or why they are not known; `None` for
    /// other classes.
    pub(super) fn enum_members(&self, class: Ref) -> Option<Result<Vec<Value>, Rc<Unknown>>> {
        let Object::Class(object) = self.object(class) else { return None };
        let members = object.members.as_ref()?;
        if let Some(why) = &members.unsure {
            return Some(Err(why.clone()));
        }
        let mut distinct: Vec<Value> = Vec::new();
        for (_, member) in &members.all {
            if !distinct.iter().any(|other| self.same(other, member)) {
                distinct.push(member.clone());
            }
        }
        Some(Ok(distinct))
    }

    /// `Class.__members__`, aliases included.
    pub(super) fn members_by_name(&mut self, class: Ref) -> Option<Value> {
        let Object::Class(object) = self.object(class) else { return None };
        let members = object.members.as_ref().filter(|members| members.unsure.is_none())?;
        let mut dict = Dict::default();
        for (name, member) in &members.all {
            dict.insert(Key::Str(name.clone()), Value::str(name.clone()), member.clone());
        }
        Some(self.new_object(Object::Dict(dict)))
    }

    /// Makes the members of a class whose body has run.
    pub(super) fn make_members(&mut self, class: Ref, at: At) -> Result<(), Stop> {
        if !self.is_enum(class) {
            return Ok(());
        }
        let Object::Class(object) = self.object(class) else { return Ok(()) };
        let (fields, names, path) = (object.fields.clone(), object.names.clone(), object.path.clone());
        let unsure = |reason: &str| Some(Rc::new(Unknown::new(reason, at, format!("members of {path}"))));
        let mut members = Members::default();
        if matches!(self.find_in_class(class, "__new__", None), Some((Ok(_), _))) {
            members.unsure = unsure("an enumeration with a `__new__` of its own is not followed");
        }
        let ignored = self.ignored_names(names.get("_ignore_"));
        let mut given: Vec<Value> = Vec::new();
        for name in fields {
            let Some(value) = names.get(&name).filter(|_| !ignored.contains(&name)) else { continue };
            match self.membership(&name, value) {
                Membership::Member => {}
                Membership::No => continue,
                Membership::Open => {
                    members.unsure = unsure("whether a name is a member depends on the release of Python");
                    continue;
                }
            }
            let value = if is_auto(value) { self.next_value_of(class, &name, &given, at)? } else { value.clone() };
            given.push(value.clone());
            self.add_member(class, &mut members, &name, value, at)?;
        }
        if self.is_flag(class) && !given.iter().all(|value| value.as_int().is_some_and(|bits| bits.count_ones() == 1)) {
            members.unsure = unsure("whether a flag of several bits is iterated depends on the release of Python");
        }
        if members.all.is_empty() && members.unsure.is_none() {
            return Ok(());
        }
        if let Object::Class(object) = self.change(class) {
            for (name, member) in &members.all {
                object.names.insert(name.clone(), member.clone());
            }
            object.members = Some(members);
        }
        Ok(())
    }

    fn ignored_names(&self, value: Option<&Value>) -> Vec<Name> {
        match value {
            Some(Value::Str(text)) => text.text.replace(',', " ").split_whitespace().map(Into::into).collect(),
            Some(list) => self.items(list).unwrap_or_default().iter().filter_map(Value::as_str).cloned().collect(),
            None => Vec::new(),
        }
    }

    fn membership(&self, name: &str, value: &Value) -> Membership {
        let sunder = name.len() > 2 && name.starts_with('_') && name.ends_with('_');
        if sunder {
            return Membership::No;
        }
        if let Value::Object(object) = value {
            match self.object(*object) {
                Object::Function(_)
                | Object::ContextFunction(_)
                | Object::Property { .. }
                | Object::CachedProperty(_)
                | Object::StaticMethod(_)
                | Object::ClassMethod(_) => return Membership::No,
                Object::Class(_) | Object::Partial { .. } | Object::Bound { .. } | Object::Instance(_) => {
                    return Membership::Open;
                }
                _ => {}
            }
        }
        // Private names were members once.
        if name.starts_with("__") { Membership::Open } else { Membership::Member }
    }

    /// What `auto()` stands for.
    fn next_value_of(&mut self, class: Ref, name: &Name, given: &[Value], at: At) -> Result<Value, Stop> {
        if let Some((Ok(own), _)) = self.find_in_class(class, "_generate_next_value_", None) {
            let last = self.new_list(given.to_vec());
            let count = Value::Int(i64::try_from(given.len()).unwrap_or(i64::MAX));
            let function = match &own {
                Value::Object(object) => match self.object(*object) {
                    Object::StaticMethod(inner) => inner.clone(),
                    _ => own,
                },
                _ => own,
            };
            return self.call_with(&function, vec![Value::str(name.clone()), Value::Int(1), count, last], at);
        }
        if self.derives(class, "enum.StrEnum") {
            return Ok(Self::text_value(name.to_lowercase(), at));
        }
        let numbers: Option<Vec<i64>> = given.iter().map(Value::as_int).collect();
        let ascending = numbers.filter(|numbers| numbers.windows(2).all(|pair| pair[0] <= pair[1]));
        let next = match ascending.as_deref() {
            Some([]) => Some(1),
            Some([.., last]) if self.is_flag(class) => {
                last.checked_ilog2().and_then(|bit| 1_i64.checked_shl(bit + 1)).filter(|bits| *bits > 0)
            }
            Some([.., last]) => last.checked_add(1),
            None => None,
        };
        Ok(next.map_or_else(|| self.unknown_from(given, "auto", at), Value::Int))
    }

    fn add_member(&mut self, class: Ref, members: &mut Members, name: &Name, value: Value, at: At) -> Result<(), Stop> {
        let given = value;
        let (value, held) = match (self.mixed(class), &given) {
            // For `Other`, only the number or the value that it stands for is not followed.
            (Mixed::Nothing, _) | (Mixed::Other, Value::Int(_) | Value::Str(_)) => (given.clone(), None),
            (Mixed::Text, Value::Str(_) | Value::Unknown(_)) | (Mixed::Number, Value::Int(_) | Value::Unknown(_)) => {
                (given.clone(), Some(given.clone()))
            }
            (Mixed::Text, Value::Int(number)) => {
                let text = Self::text_value(number.to_string(), at);
                (text.clone(), Some(text))
            }
            (Mixed::Number, Value::Bool(_)) => {
                let number = given.as_int().map_or(Value::None, Value::Int);
                (number.clone(), Some(number))
            }
            _ => (self.unknown_from(std::slice::from_ref(&given), "member", at), None),
        };
        for (_, member) in members.all.clone() {
            let Some(other) = self.member_value(&member) else { continue };
            match self.equal(&other, &value, at)? {
                Some(true) => {
                    members.all.push((name.clone(), member));
                    return Ok(());
                }
                Some(false) => {}
                None => members.unsure = Some(self.why(&value, at)),
            }
        }
        let mut instance = Instance::of(class);
        instance.held = held;
        for (own, value) in [("_name_", Value::str(name.clone())), ("_value_", value.clone())] {
            instance.attributes.insert(own.into(), value);
        }
        for (own, value) in [("name", Value::str(name.clone())), ("value", value)] {
            if !matches!(self.find_in_class(class, own, None), Some((Ok(_), _))) {
                instance.attributes.insert(own.into(), value);
            }
        }
        let member = self.new_object(Object::Instance(instance));
        members.all.push((name.clone(), member.clone()));
        if let Value::Object(reference) = member
            && matches!(self.find_in_class(class, "__init__", None), Some((Ok(_), _)))
        {
            let tuple = matches!(&given, Value::Object(object) if matches!(self.object(*object), Object::Tuple(_)));
            let values = match self.items(&given).filter(|_| tuple) {
                Some(items) => items.to_vec(),
                None => vec![given],
            };
            self.initialise(reference, class, None, &Args::positional(values, at), at)?;
        }
        Ok(())
    }

    fn member_value(&self, member: &Value) -> Option<Value> {
        let Value::Object(object) = member else { return None };
        match self.object(*object) {
            Object::Instance(instance) => instance.attributes.get("_value_").cloned(),
            _ => None,
        }
    }

    /// `Class(value)`.
    pub(super) fn member_of_value(&mut self, class: Ref, args: &Args, at: At) -> Result<Value, Stop> {
        let wanted = args.value(0, "value").cloned().unwrap_or(Value::None);
        let unknown = |run: &mut Self| Ok(run.unknown_from(&[Value::Object(class), wanted.clone()], "enum", at));
        let Some(Ok(members)) = self.enum_members(class) else { return unknown(self) };
        if members.iter().any(|member| self.same(member, &wanted)) {
            return Ok(wanted);
        }
        for member in members {
            let Some(value) = self.member_value(&member) else { continue };
            match self.equal(&value, &wanted, at)? {
                Some(true) => return Ok(member),
                Some(false) => {}
                None => return unknown(self),
            }
        }
        if self.is_flag(class) || self.mixed(class) == Mixed::Other || args.positional.len() > 1 {
            return unknown(self);
        }
        if let Some((Ok(missing), _)) = self.find_in_class(class, "_missing_", None) {
            let missing = self.bind_class_attribute(&missing, &Value::Object(class));
            let found = self.call_with(&missing, vec![wanted.clone()], at)?;
            match found {
                Value::None => {}
                Value::Object(object) if matches!(self.object(object), Object::Instance(found) if found.class == class) =>
                {
                    return Ok(found);
                }
                _ => return unknown(self),
            }
        }
        self.raise("ValueError", format!("{} is not a valid {}", self.text(&wanted), self.class_name(class)), at)
    }

    /// `Class[name]`.
    pub(super) fn member_of_name(&mut self, class: Ref, name: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Object::Class(object) = self.object(class) else { return Ok(None) };
        let Some(members) = &object.members else { return Ok(None) };
        let Some(name) = name.as_str() else { return Ok(None) };
        match members.all.iter().find(|(own, _)| own == name) {
            Some((_, member)) => Ok(Some(member.clone())),
            None if members.unsure.is_some() => Ok(None),
            None => self.raise("KeyError", name.to_string(), at),
        }
    }

    fn class_name(&self, class: Ref) -> String {
        match self.object(class) {
            Object::Class(object) => object.name.to_string(),
            _ => String::new(),
        }
    }

    /// The class and the name of a member.
    fn member_name(&self, member: &Value) -> Option<(Ref, String)> {
        let Value::Object(object) = member else { return None };
        let Object::Instance(instance) = self.object(*object) else { return None };
        if !self.is_enum(instance.class) {
            return None;
        }
        let name = instance.attributes.get("_name_")?.as_str()?;
        Some((instance.class, format!("{}.{name}", self.class_name(instance.class))))
    }

    /// `str(member)`, with what stands for it; `None` for what is no member.
    pub(super) fn member_str(&self, member: &Value, at: At) -> Option<MemberText> {
        let (class, name) = self.member_name(member)?;
        if let Some((Ok(own), _)) = self.find_in_class(class, "__str__", None) {
            let of_text = own.outside_path().is_some_and(|path| &**path == "builtins.str.__str__");
            return Some(if of_text && self.mixed(class) == Mixed::Text {
                MemberText::Of(self.plain(member))
            } else {
                MemberText::Open
            });
        }
        if self.derives(class, "enum.StrEnum") {
            return Some(MemberText::Of(self.plain(member)));
        }
        let changed = self.derives(class, "enum.IntEnum") || self.is_flag(class) || self.mixed(class) == Mixed::Other;
        Some(if changed { MemberText::Open } else { MemberText::Of(Self::text_value(name, at)) })
    }

    /// What of a member is formatted where its class does not say: its text or what it holds.
    pub(super) fn member_format(&self, member: &Value, at: At) -> Option<MemberText> {
        let (class, _) = self.member_name(member)?;
        if self.derives(class, "enum.IntEnum") {
            return Some(MemberText::Of(self.plain(member)));
        }
        let own = matches!(self.find_in_class(class, "__str__", None), Some((Ok(_), _)));
        if own || self.derives(class, "enum.StrEnum") || self.mixed(class) == Mixed::Nothing {
            return self.member_str(member, at);
        }
        Some(MemberText::Open)
    }

    /// `<Class.NAME: value>`, with what stands for the value.
    pub(super) fn member_repr(&self, member: &Value) -> Option<(String, Value)> {
        let (class, name) = self.member_name(member)?;
        if self.is_flag(class) || self.mixed(class) == Mixed::Other {
            return None;
        }
        Some((name, self.member_value(member)?))
    }

    /// `Enum(name, members)`.
    pub(super) fn enum_of_names(&mut self, base: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let [name, members] = args.positional.as_slice() else { return Ok(None) };
        let Some(name) = name.value.as_str().cloned().filter(|_| args.keywords.is_empty()) else { return Ok(None) };
        let mut pairs = Vec::new();
        if let Some(text) = members.value.as_str() {
            let names = text.replace(',', " ");
            pairs.extend(names.split_whitespace().map(|name| (Value::str(name), None)));
        } else if let Some(dict) = self.dict_pairs(&members.value) {
            pairs.extend(dict.into_iter().map(|(name, value)| (name, Some(value))));
        } else {
            let Some(items) = self.items(&members.value).map(<[Value]>::to_vec) else { return Ok(None) };
            for item in items {
                match self.items(&item) {
                    Some([name, value]) => pairs.push((name.clone(), Some(value.clone()))),
                    Some(_) => return Ok(None),
                    None => pairs.push((item, None)),
                }
            }
        }
        let frame = self.frames.last().map_or(0, |frame| frame.file);
        let path = format!("{}.{name}", self.tree.module_name(frame)).into();
        let mut class = ClassObject::named(name, path);
        let auto = Unknown { root: Some(AUTO.into()), ..Unknown::new("a value of its own", at, format!("{AUTO}()")) };
        let auto = auto.value();
        for (name, value) in pairs {
            let Some(name) = name.as_str().cloned() else { return Ok(None) };
            class.names.insert(name.clone(), value.unwrap_or_else(|| auto.clone()));
            class.fields.push(name);
        }
        let made = self.new_class(class, &[Value::outside(base)], at);
        if let Value::Object(class) = made {
            self.make_members(class, at)?;
        }
        Ok(Some(made))
    }
}

const AUTO: &str = "enum.auto";

fn is_auto(value: &Value) -> bool {
    matches!(value, Value::Unknown(call) if call.root.as_deref() == Some(AUTO) && call.text.starts_with("enum.auto("))
}
