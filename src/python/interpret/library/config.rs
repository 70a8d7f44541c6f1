//! `configparser` over files of the tree.

use super::super::{Host, Interp};
use crate::python::data::{Fault, ini};
use crate::python::standard::Standard;
use crate::python::value::{Args, At, Object, Ref, Stop, Unknown, Value};
use std::rc::Rc;

impl<H: Host> Interp<'_, H> {
    /// `ConfigParser()`; one with arguments reads in another way.
    pub(super) fn new_config(&mut self, args: &Args) -> Option<Value> {
        (args.positional.is_empty() && args.keywords.is_empty())
            .then(|| self.new_object(Object::Standard(Standard::Config(Rc::new(Vec::new())))))
    }

    pub(super) fn config_method(
        &mut self,
        object: Ref,
        sections: &Rc<Vec<ini::Section>>,
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let word = |index: usize, name: &str| args.value(index, name).and_then(Value::as_str).cloned();
        Ok(match name {
            "read" | "read_file" | "read_string" => {
                let Some(given) = args.positional.first().map(|arg| arg.value.clone()) else { return Ok(None) };
                return self.read_config(object, sections, name, &given, at);
            }
            "sections" => {
                let names = sections.iter().filter(|(name, _)| name != "DEFAULT");
                let names = names.map(|(name, _)| Self::text_value(name.as_str(), at)).collect();
                Some(self.new_list(names))
            }
            "has_section" => {
                word(0, "section").map(|wanted| Value::Bool(sections.iter().any(|(name, _)| *name == *wanted)))
            }
            "get" | "getint" | "getboolean" | "getfloat" => {
                let (Some(section), Some(option)) = (word(0, "section"), word(1, "option")) else { return Ok(None) };
                let fallback = args.keyword("fallback").map(|arg| arg.value.clone());
                return self.option(sections, &section, &option, name, fallback, at);
            }
            "items" => {
                let Some(section) = word(0, "section") else { return Ok(None) };
                let section = sections.iter().find(|(name, _)| *name == *section);
                let plain = !sections.iter().any(|(name, _)| name == "DEFAULT");
                let Some((_, options)) = section.filter(|_| plain) else { return Ok(None) };
                let mut pairs = Vec::new();
                for (name, value) in options.clone() {
                    let Some(value) = value.filter(|value| !value.contains('%')) else { return Ok(None) };
                    let pair = vec![Self::text_value(name, at), Self::text_value(value, at)];
                    pairs.push(self.new_tuple(pair));
                }
                Some(self.new_list(pairs))
            }
            _ => None,
        })
    }

    fn read_config(
        &mut self,
        object: Ref,
        sections: &Rc<Vec<ini::Section>>,
        how: &str,
        given: &Value,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let input = match (how, self.path_of(given)) {
            ("read", Some(path)) => self.read_path(&path, false, &Args::default(), at),
            ("read", None) => return Ok(None),
            _ => given.clone(),
        };
        let text = match self.reader_input(&input) {
            Some(Ok((text, _))) if sections.is_empty() => text,
            Some(Err(Value::Unknown(why))) => {
                self.set_hazy(object, why);
                return Ok(Some(Value::None));
            }
            _ => return Ok(None),
        };
        match ini::sections(&text) {
            Ok(read) => {
                if let Object::Standard(Standard::Config(sections)) = self.change(object) {
                    *sections = Rc::new(read);
                }
                Ok(Some(self.new_list(vec![given.clone()])))
            }
            Err(Fault::Raises(class, message)) => self.raise(class, message, at),
            Err(Fault::Unclear(reason)) => {
                let why = Unknown::new(reason, at, "config");
                self.set_hazy(object, Rc::new(why));
                Ok(Some(Value::None))
            }
        }
    }

    fn option(
        &mut self,
        sections: &Rc<Vec<ini::Section>>,
        section: &str,
        option: &str,
        how: &str,
        fallback: Option<Value>,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let option = option.to_lowercase();
        let of = |wanted: &str| sections.iter().find(|(name, _)| name == wanted).map(|(_, options)| options);
        let find = |wanted: &str| of(wanted)?.iter().find(|(name, _)| *name == option).map(|(_, value)| value.clone());
        let Some(value) = of(section).and_then(|_| find(section).or_else(|| find("DEFAULT"))) else {
            return match fallback {
                Some(value) => Ok(Some(value)),
                None if of(section).is_none() => self.raise("NoSectionError", format!("no section: {section:?}"), at),
                None => self.raise("NoOptionError", format!("no option {option:?}"), at),
            };
        };
        let Some(value) = value.filter(|value| !value.contains('%')) else { return Ok(None) };
        Ok(match how {
            "getint" => value.trim().parse().ok().map(Value::Int),
            "getfloat" => value.trim().parse().ok().map(Value::Float),
            "getboolean" => match value.to_lowercase().as_str() {
                "1" | "yes" | "true" | "on" => Some(Value::Bool(true)),
                "0" | "no" | "false" | "off" => Some(Value::Bool(false)),
                _ => return self.raise("ValueError", "not a boolean", at),
            },
            _ => Some(Self::text_value(value, at)),
        })
    }

    /// `config[section]`, `config[section][option]`.
    pub(in super::super) fn config_item(&mut self, object: Ref, index: &Value, at: At) -> Result<Option<Value>, Stop> {
        let Some(name) = index.as_str().cloned() else { return Ok(None) };
        if self.hazy(object).is_some() {
            return Ok(None);
        }
        let Object::Standard(standard) = self.object(object).clone() else { return Ok(None) };
        match standard {
            Standard::Config(sections) if sections.iter().any(|(section, _)| *section == *name) => {
                Ok(Some(self.new_object(Object::Standard(Standard::Section(sections, name)))))
            }
            Standard::Config(_) => self.raise("KeyError", name.to_string(), at),
            Standard::Section(sections, section) => {
                let fallback = Unknown::new("no such option", at, "option").value();
                match self.option(&sections, &section, &name, "get", Some(fallback), at)? {
                    Some(Value::Unknown(_)) => self.raise("KeyError", name.to_string(), at),
                    value => Ok(value),
                }
            }
            _ => Ok(None),
        }
    }

    pub(super) fn section_method(
        &mut self,
        (sections, section): (&Rc<Vec<ini::Section>>, &str),
        name: &str,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        let Some(option) = args.positional.first().and_then(|arg| arg.value.as_str().cloned()) else { return Ok(None) };
        if !matches!(name, "get" | "getint" | "getboolean" | "getfloat") {
            return Ok(None);
        }
        let fallback = args.value(1, "fallback").cloned().or(Some(Value::None));
        self.option(sections, section, &option, name, fallback, at)
    }
}
