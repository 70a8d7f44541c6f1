//! `functools.lru_cache` and `functools.cache`: what was made for the same arguments before is
//! given again, so that a task is made once.

use super::branch::Join;
use super::{Flow, Host, Interp, Key};
use crate::python::syntax::Name;
use crate::python::value::{Args, At, Object, Ref, Stop, Value};

/// The arguments of a call, as far as they decide whether it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    positional: Vec<Key>,
    keywords: Vec<(Name, Key)>,
    /// Whether one of them is not known: others may be equal to it.
    open: bool,
}

/// A function behind a cache.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) function: Value,
    /// How many results are kept.
    limit: Option<usize>,
    /// The results, the one that was used last at the end.
    results: Vec<(Arguments, Value)>,
}

impl Cached {
    /// Forgets all results.
    pub(super) fn clear(&mut self) {
        self.results.clear();
    }
}

impl<H: Host> Interp<'_, H> {
    /// What a decorator of `functools` that caches makes of a function; `decorator` is its text.
    pub(super) fn new_cached(&mut self, function: Value, decorator: &str) -> Value {
        /// What `lru_cache` keeps where nothing is said.
        const USUAL: usize = 128;
        let given = decorator.split_once('(').map(|(_, given)| given.trim_end_matches([')', ',', ' ']));
        let size = given.map(|given| given.split(',').next().unwrap_or(given).trim_start_matches("maxsize="));
        let limit = match size {
            _ if decorator.starts_with("functools.cache") => None,
            Some("None") => None,
            size => Some(size.and_then(|size| size.parse().ok()).unwrap_or(USUAL)),
        };
        self.new_object(Object::Cached(Box::new(Cached { function, limit, results: Vec::new() })))
    }

    /// An attribute of a cached function, which but for `cache_clear` and its kin is the function's own.
    pub(super) fn cached_attribute(&mut self, cached: &Cached, name: &Name, at: At) -> Result<Value, Stop> {
        match &**name {
            "__wrapped__" => Ok(cached.function.clone()),
            _ => self.attribute(&cached.function, name, at),
        }
    }

    fn cache_arguments(&self, args: &Args) -> Arguments {
        let mut open = args.unknown.is_some();
        let mut key = |value: &Value| {
            self.key(value).unwrap_or_else(|| {
                open = true;
                Key::Other(self.text(value).into())
            })
        };
        let positional = args.positional.iter().map(|argument| key(&argument.value)).collect();
        let keywords = args.keywords.iter().map(|(name, argument)| (name.clone(), key(&argument.value))).collect();
        Arguments { positional, keywords, open }
    }

    pub(super) fn call_cached(&mut self, object: Ref, cached: &Cached, args: Args, at: At) -> Result<Value, Stop> {
        let wanted = self.cache_arguments(&args);
        let found = cached.results.iter().position(|(arguments, _)| *arguments == wanted);
        let sure = self.hazy(object).is_none();
        if let (Some(found), true) = (found, sure) {
            let mut value = Value::None;
            if let Object::Cached(cached) = self.change(object) {
                let entry = cached.results.remove(found);
                value = entry.1.clone();
                cached.results.push(entry);
            }
            return Ok(value);
        }
        let open = wanted.open || cached.results.iter().any(|(arguments, _)| arguments.open);
        let value = if sure && (cached.results.is_empty() || !open) {
            self.call(&cached.function, args, at)?
        } else {
            // It may have been called so before.
            let why = self.why(&Value::Object(object), at);
            let mut value = None;
            let outcome = self.branch(&why, |run| {
                value = Some(run.call(&cached.function, args, at)?);
                Ok(Flow::Next)
            })?;
            self.join(outcome.into_iter().collect(), true, Join::OneOf, &why);
            let before = cached.results.iter().map(|(_, value)| Some(value.clone()));
            let values: Vec<Option<Value>> = before.chain([value]).collect();
            self.merge(&values, &why)
        };
        if let Object::Cached(cached) = self.change(object) {
            cached.results.push((wanted, value.clone()));
            if cached.limit.is_some_and(|limit| cached.results.len() > limit) {
                cached.results.remove(0);
            }
        }
        Ok(value)
    }
}
