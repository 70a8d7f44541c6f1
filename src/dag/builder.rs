//! Calls of libraries whose DAGs the text does not hold.

use super::make;
use super::opaque::{self, Makes};
use super::world::{Doubt, Run, Thing};
use crate::python::value::{Args, Argument, At, Stop, Unknown, Value};

/// Calls such a library.
pub(super) fn call(run: &mut Run, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
    let Some((builder, makes)) = opaque::find(path) else { return Ok(None) };
    let reason = format!("`{}` builds it from {}, which is not described", builder.package, builder.from);
    // Only the id counts; what else is given is the library's own.
    let named = |name: &str| {
        let why = Unknown::new(format!("`{}` chooses it", builder.package), at, name);
        let mut own = Args::default();
        let given = args.keyword(name).cloned();
        let argument = given.unwrap_or_else(|| Argument { value: why.value(), at });
        own.keywords.push((name.into(), argument));
        own
    };
    match makes {
        Makes::Dag => {
            let value = make::dag(run, &named("dag_id"), at)?;
            if let Some(Thing::Dag(dag)) = run.host_of(&value).map(|host| run.host.thing(host).clone()) {
                run.host.doubt(dag, at, reason);
                run.host.dags[dag].more_ids = true;
            }
            Ok(Some(value))
        }
        Makes::Group => {
            let value = make::group(run, &named("group_id"), false, at)?;
            if let Some(Thing::Group(group)) = run.host_of(&value).map(|host| run.host.thing(host).clone())
                && let Some(dag) = run.host.groups[group].dag
            {
                run.host.doubt(dag, at, reason);
                run.host.dags[dag].more_ids = true;
            }
            Ok(Some(value))
        }
        Makes::Dags => {
            run.host.doubts.insert(Doubt { at, reason: reason.into() });
            Ok(Some(run.host.add(Thing::Opaque(path.into()))))
        }
    }
}
