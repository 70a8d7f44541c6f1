//! Whether the arguments of a call fit the parameters of what it calls.

use crate::python::syntax::{Arg, Function, Name, Parameter, ParameterKind};
use std::collections::BTreeSet;

/// The arguments of a call, as far as they decide whether it fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The number of positional ones.
    pub(crate) positional: usize,
    /// The names of the others.
    pub(crate) keywords: Vec<Name>,
    /// Whether there may be more positional ones.
    pub(crate) star: bool,
    /// Whether there may be more by name.
    pub(crate) double_star: bool,
}

impl Given {
    /// Those of a call.
    pub(crate) fn of(args: &[Arg]) -> Self {
        let mut given = Self::default();
        for arg in args {
            match arg {
                Arg::Positional(_) => given.positional += 1,
                Arg::Keyword(name, _) => given.keywords.push(name.clone()),
                Arg::Star(_) => given.star = true,
                Arg::DoubleStar(_) => given.double_star = true,
            }
        }
        given
    }

    /// The same with so many positional arguments before them.
    pub(crate) fn behind(mut self, more: usize) -> Self {
        self.positional += more;
        self
    }
}

/// Why the arguments do not fit, as Python says it; none if they do, or if that cannot be said.
pub(crate) fn misfit(function: &Function, given: &Given) -> Option<String> {
    let of = |kind| function.parameters.iter().filter(move |parameter: &&Parameter| parameter.kind == kind);
    let plain: Vec<&Parameter> = function.parameters.iter().filter(|parameter| parameter.kind.takes_place()).collect();
    let absorbs = of(ParameterKind::Star).next().is_some();
    let absorbs_names = of(ParameterKind::DoubleStar).next().is_some();
    if given.positional > plain.len() && !absorbs {
        let (least, most) = (given.positional, plain.len());
        return Some(format!("takes {most} positional arguments but {least} were given"));
    }
    let mut filled: BTreeSet<&str> = plain.iter().take(given.positional).map(|parameter| &*parameter.name).collect();
    for name in &given.keywords {
        let takes = |parameter: &Parameter| parameter.kind.takes_name() && parameter.name == *name;
        if !function.parameters.iter().any(takes) && !absorbs_names {
            return Some(format!("got an unexpected keyword argument `{name}`"));
        }
        if !filled.insert(name) {
            return Some(format!("got multiple values for argument `{name}`"));
        }
    }
    if given.double_star {
        return None;
    }
    let missing = |parameter: &&Parameter| {
        let open = match parameter.kind {
            ParameterKind::PositionalOnly | ParameterKind::Plain => !given.star,
            ParameterKind::KeywordOnly => true,
            ParameterKind::Star | ParameterKind::DoubleStar => false,
        };
        open && parameter.default.is_none() && !filled.contains(&*parameter.name)
    };
    let name = &function.parameters.iter().find(missing)?.name;
    Some(format!("missing a required argument: `{name}`"))
}
