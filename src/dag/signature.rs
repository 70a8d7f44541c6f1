//! Whether a call of a decorated function fits its parameters: Airflow binds them when the task
//! is made.

use super::known;
use super::refusal::older;
use crate::ids::AirflowVersion;
use crate::python::syntax::{Function, Parameter, ParameterKind};
use crate::python::value::Args;

/// Why the arguments do not fit, as Python says it; none if they do, or if that cannot be said.
pub(super) fn misfit(function: &Function, args: &[&Args], version: Option<AirflowVersion>) -> Option<String> {
    if args.iter().any(|args| args.unknown.is_some()) {
        return None;
    }
    let mut filled: Vec<&str> = Vec::new();
    let positional = args.iter().flat_map(|args| args.positional.iter());
    let plain: Vec<&Parameter> = function.parameters.iter().filter(|parameter| parameter.kind.takes_place()).collect();
    for (index, _) in positional.enumerate() {
        match plain.get(index) {
            Some(parameter) => filled.push(&parameter.name),
            None if function.parameters.iter().any(|parameter| parameter.kind == ParameterKind::Star) => break,
            None => return Some("too many positional arguments".to_owned()),
        }
    }
    for (name, _) in args.iter().flat_map(|args| args.keywords.iter()) {
        if filled.contains(&&**name) {
            return Some(format!("multiple values for argument `{name}`"));
        }
        if !takes(function, name) {
            return Some(format!("got an unexpected keyword argument `{name}`"));
        }
        filled.push(name);
    }
    function
        .parameters
        .iter()
        .filter(|parameter| parameter.kind.takes_name() || parameter.kind.takes_place())
        .find(|parameter| {
            let context = !known::no_context_key(&parameter.name, version) && !older(version, 2, 7);
            parameter.default.is_none() && !context && !filled.contains(&&*parameter.name)
        })
        .map(|parameter| format!("missing a required argument: `{}`", parameter.name))
}

/// Whether a keyword argument of that name has a place.
pub(super) fn takes(function: &Function, name: &str) -> bool {
    function.parameters.iter().any(|parameter| match parameter.kind {
        ParameterKind::DoubleStar => true,
        kind => kind.takes_name() && &*parameter.name == name,
    })
}
