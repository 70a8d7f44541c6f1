//! Names across the files of a tree, read off its text without running it: what a call in the body
//! of a function would reach, once somebody runs it.
//!
//! Invariants: [`Target::Missing`] is certain, and every other target is what the name stands for
//! in every run of the text; whatever cannot be read off is [`Target::Unknown`]. Chains of names
//! are followed [`LINKS`] deep.

mod class;
mod decorated;
mod fit;

pub(crate) use class::{ClassRef, Constructor, keeps_signature};
pub(crate) use decorated::is_wraps;
pub(crate) use fit::{Given, misfit};

use super::interpret::{is_builtin, is_preferred, is_shared_namespace};
use super::names::{Binding, Names};
use super::syntax::{Function, Name};
use super::tree::{Delivered, Located, Tree};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// How many names are followed from one to the next.
const LINKS: usize = 24;

/// A function and where its names are looked up.
#[derive(Clone, Debug)]
pub(crate) struct FunctionRef {
    pub(crate) file: usize,
    pub(crate) def: Rc<Function>,
    pub(crate) decorators: Rc<[Name]>,
    /// The scopes of the functions around it, the outermost first.
    pub(crate) around: Around,
}

/// The scopes of the functions around something, the outermost first.
pub(crate) type Around = Rc<[Rc<Names>]>;

/// What a name leads to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Function(FunctionRef),
    Class(ClassRef),
    /// An instance of exactly that class.
    Instance(ClassRef),
    /// A method with its first argument given, and the class of that.
    Method(FunctionRef, ClassRef),
    /// What a property of an instance gives: its function, and the class of the instance.
    Property(FunctionRef, ClassRef),
    /// A file of the tree.
    Module(usize),
    /// A literal text.
    Text(Name),
    /// A value of that type: a literal, a generator, or what `@contextmanager` makes.
    Plain(&'static str),
    /// Something outside the tree, by its qualified name.
    Outside(Name),
    /// Certainly not there: the class of the exception, and what it says.
    Missing(&'static str, String),
    /// Something that cannot be read off.
    Unknown,
}

/// Whether a class outside the tree has an attribute; `None` if that is not known.
pub(crate) type HasAttribute = fn(class: &str, name: &str) -> Option<bool>;

/// A tree whose names are looked up.
pub(crate) struct Program {
    tree: Tree,
    has_attribute: HasAttribute,
    modules: RefCell<BTreeMap<usize, Option<Rc<Names>>>>,
    classes: RefCell<BTreeMap<class::Key, Rc<class::Members>>>,
}

impl Program {
    /// Over what is delivered.
    pub(crate) fn new(delivered: Arc<Delivered>, has_attribute: HasAttribute) -> Self {
        Self { tree: Tree::new(delivered), has_attribute, modules: RefCell::default(), classes: RefCell::default() }
    }

    /// The tree.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The names of a module; none if it does not parse.
    pub(crate) fn names(&self, file: usize) -> Option<Rc<Names>> {
        if let Some(known) = self.modules.borrow().get(&file) {
            return known.clone();
        }
        let names = self.tree.syntax(file).as_ref().as_ref().ok().map(|module| Rc::new(Names::of_module(&module.body)));
        self.modules.borrow_mut().insert(file, names.clone());
        names
    }

    /// What a name in a function's body leads to: `inner` are the scopes around the place, the
    /// outermost first.
    pub(crate) fn name(&self, file: usize, inner: &[Rc<Names>], name: &str) -> Target {
        self.look_up(file, inner, name, LINKS)
    }

    /// What a dotted name in a function's body leads to.
    pub(crate) fn dotted(&self, file: usize, inner: &[Rc<Names>], parts: &[Name]) -> Target {
        self.follow(file, inner, parts, LINKS)
    }

    fn follow(&self, file: usize, inner: &[Rc<Names>], parts: &[Name], links: usize) -> Target {
        let Some((first, rest)) = parts.split_first() else { return Target::Unknown };
        let mut target = self.look_up(file, inner, first, links);
        for name in rest {
            target = match target {
                missing @ Target::Missing(..) => return missing,
                target => self.member(&target, name, file, links),
            };
        }
        target
    }

    fn look_up(&self, file: usize, inner: &[Rc<Names>], name: &str, links: usize) -> Target {
        for (index, names) in inner.iter().enumerate().rev() {
            if let Some(binding) = names.bound.get(name) {
                return certain(self.binding(file, &inner[..=index], binding, links));
            }
            if names.open && !names.outer.contains(name) {
                return Target::Unknown;
            }
        }
        let Some(names) = self.names(file) else { return Target::Unknown };
        if let Some(binding) = names.bound.get(name) {
            return certain(self.binding(file, &[], binding, links));
        }
        match self.star(file, &names, name, links) {
            Some(target) => target,
            None if names.open || name.starts_with("__") => Target::Unknown,
            None if is_builtin(name) => Target::Outside(format!("builtins.{name}").into()),
            None => Target::Missing("NameError", format!("name `{name}` is not defined")),
        }
    }

    /// A name that `from … import *` may bring.
    fn star(&self, file: usize, names: &Names, name: &str, links: usize) -> Option<Target> {
        if links == 0 && !names.stars.is_empty() {
            return Some(Target::Unknown);
        }
        for (level, module) in &names.stars {
            let module = match self.absolute(file, *level, module) {
                Some(dotted) => self.module(&dotted, file),
                None => Target::Unknown,
            };
            let Target::Module(other) = module else { return Some(Target::Unknown) };
            let Some(others) = self.names(other) else { return Some(Target::Unknown) };
            // What `__all__` leaves out is not worth a claim.
            if let Some(binding) = others.bound.get(name) {
                return Some(certain(self.binding(other, &[], binding, links - 1)));
            }
            if let Some(target) = self.star(other, &others, name, links - 1) {
                return Some(target);
            }
            if others.open {
                return Some(Target::Unknown);
            }
        }
        None
    }

    fn binding(&self, file: usize, around: &[Rc<Names>], binding: &Binding, links: usize) -> Target {
        let Some(links) = links.checked_sub(1) else { return Target::Unknown };
        match binding {
            Binding::Function(def, decorators) => Target::Function(FunctionRef {
                file,
                def: def.clone(),
                decorators: decorators.clone(),
                around: around.into(),
            }),
            Binding::Class(def, decorators) => Target::Class(ClassRef {
                file,
                def: def.clone(),
                decorators: decorators.clone(),
                around: around.into(),
            }),
            Binding::Import(dotted) => self.module(dotted, file),
            Binding::From { level, module, name } => self.import_from(file, *level, module, name, links),
            Binding::Made(parts) => match self.follow(file, around, parts, links) {
                Target::Class(class) => Target::Instance(class),
                Target::Function(function) => self.given_by(&function, links),
                _ => Target::Unknown,
            },
            Binding::Entered(parts) => match self.follow(file, around, parts, links) {
                Target::Class(class) if self.enters_itself(&class) => Target::Instance(class),
                _ => Target::Unknown,
            },
            Binding::Alias(parts) => self.follow(file, around, parts, links),
            Binding::Text(text) => Target::Text(text.clone()),
            Binding::Plain(kind) => Target::Plain(kind),
            Binding::Value | Binding::Several => Target::Unknown,
        }
    }

    /// What `import a.b` of a file reaches.
    pub(crate) fn module(&self, dotted: &str, from: usize) -> Target {
        let top = dotted.split('.').next().unwrap_or(dotted);
        if is_preferred(top) {
            return Target::Outside(dotted.into());
        }
        match self.tree.locate(dotted, from) {
            Located::File(file) => Target::Module(file),
            Located::Outside => Target::Outside(dotted.into()),
            Located::Missing(found, true) if !is_shared_namespace(top) => {
                let parts: Vec<&str> = dotted.split('.').collect();
                let missing = parts[..=found.min(parts.len() - 1)].join(".");
                Target::Missing("ModuleNotFoundError", format!("no module named `{missing}`"))
            }
            Located::Missing(..) | Located::Namespace | Located::Either(..) => Target::Unknown,
        }
    }

    /// What `from module import name` of a file reaches.
    pub(crate) fn imported(&self, file: usize, level: usize, module: &str, name: &str) -> Target {
        self.import_from(file, level, module, name, LINKS)
    }

    fn import_from(&self, file: usize, level: usize, module: &str, name: &str, links: usize) -> Target {
        let Some(dotted) = self.absolute(file, level, module) else { return Target::Unknown };
        match self.module(&dotted, file) {
            Target::Module(other) => match self.member_of_module(other, name, file, links) {
                Target::Missing("AttributeError", _) => {
                    Target::Missing("ImportError", format!("cannot import name `{name}` from `{dotted}`"))
                }
                target => target,
            },
            Target::Outside(path) => Target::Outside(format!("{path}.{name}").into()),
            missing @ Target::Missing(..) => missing,
            _ => self.module(&format!("{dotted}.{name}"), file),
        }
    }

    /// The dotted name of an import; none where it depends on how the file was loaded.
    fn absolute(&self, file: usize, level: usize, module: &str) -> Option<String> {
        if level == 0 {
            return Some(module.to_owned());
        }
        let name = self.tree.module_name(file);
        let parts: Vec<&str> = name.split('.').collect();
        let up = if self.tree.is_package(file) { level - 1 } else { level };
        let kept = parts.len().checked_sub(up).filter(|kept| *kept > 0)?;
        let mut dotted = parts[..kept].join(".");
        if !module.is_empty() {
            dotted = format!("{dotted}.{module}");
        }
        Some(dotted)
    }

    fn member_of_module(&self, module: usize, name: &str, from: usize, links: usize) -> Target {
        let Some(names) = self.names(module) else { return Target::Unknown };
        if let Some(binding) = names.bound.get(name) {
            return certain(self.binding(module, &[], binding, links));
        }
        let dotted = self.tree.module_name(module);
        match self.tree.locate(&format!("{dotted}.{name}"), from) {
            Located::File(file) => return Target::Module(file),
            Located::Namespace | Located::Either(..) => return Target::Unknown,
            Located::Missing(..) | Located::Outside => {}
        }
        let top = dotted.split('.').next().unwrap_or_default();
        let open = names.open || names.bound.contains_key("__getattr__") || name.starts_with("__");
        match self.star(module, &names, name, links) {
            Some(target) => target,
            None if open || is_shared_namespace(top) => Target::Unknown,
            None => Target::Missing("AttributeError", format!("module `{dotted}` has no attribute `{name}`")),
        }
    }

    /// What `target.name` leads to, in a file.
    pub(crate) fn attribute(&self, target: &Target, name: &str, file: usize) -> Target {
        self.member(target, name, file, LINKS)
    }

    fn member(&self, target: &Target, name: &str, file: usize, links: usize) -> Target {
        match target {
            Target::Module(module) => self.member_of_module(*module, name, file, links),
            Target::Class(class) => self.member_of_class(class, name, false, links),
            Target::Instance(class) => self.member_of_class(class, name, true, links),
            Target::Outside(path) => Target::Outside(format!("{path}.{name}").into()),
            missing @ Target::Missing(..) => missing.clone(),
            Target::Method(method, class) if is_plain_method(method, name) => {
                let what = format!("method `{}.{}` has no attribute `{name}`", class.def.name, method.def.name);
                Target::Missing("AttributeError", what)
            }
            Target::Property(function, _) if links > 0 => match self.given_by(function, links - 1) {
                Target::Unknown => Target::Unknown,
                given => self.member(&given, name, file, links - 1),
            },
            Target::Plain(kind @ class::MANAGER) if !name.starts_with('_') && !class::OF_MANAGER.contains(&name) => {
                Target::Missing("AttributeError", format!("a {kind} has no attribute `{name}`"))
            }
            Target::Function(_)
            | Target::Method(..)
            | Target::Property(..)
            | Target::Text(_)
            | Target::Plain(_)
            | Target::Unknown => Target::Unknown,
        }
    }

    /// What a qualified name leads to, as an import of it would find it; `from` is any file whose
    /// imports take the same search path.
    pub(crate) fn qualified(&self, path: &str, from: usize) -> Target {
        let Some((module, name)) = path.rsplit_once('.') else { return Target::Unknown };
        match self.module(module, from) {
            Target::Module(file) => self.member_of_module(file, name, from, LINKS),
            Target::Outside(path) => Target::Outside(format!("{path}.{name}").into()),
            missing @ Target::Missing(..) => missing,
            _ => Target::Unknown,
        }
    }

    /// The qualified name of something that a module defines.
    pub(crate) fn path_of(&self, file: usize, name: &str) -> String {
        format!("{}.{name}", self.tree.module_name(file))
    }
}

/// Whether a method has nothing of that name: it is one as it is defined.
fn is_plain_method(method: &FunctionRef, name: &str) -> bool {
    method.decorators.is_empty() && !name.starts_with('_')
}

/// A name that is bound is there; that what it was bound to is missing is told where it is bound.
fn certain(target: Target) -> Target {
    match target {
        Target::Missing(..) => Target::Unknown,
        target => target,
    }
}
