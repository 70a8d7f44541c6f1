//! Parameters of runs: which there are, what they take, and which tasks read them.

use super::xcom::{codes, differs};
use super::{Certainty, Change, Counted, Data, Hurt, Kind, ParamRule, Side, Usage, templates};
use crate::content::Location;
use crate::dag::exchange::{Fit, ParamRead, Use, template};
use crate::dag::{Dag, Mapping, Shape, Task};
use crate::ids::TaskId;
use crate::python::literal;
use crate::python::syntax::{Arg, Expr, ExprKind};
use crate::python::value::last_name;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of a schema that can refuse a value.
const REFUSING: [&str; 12] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
];

/// Parameters that are gone although tasks read them, those that they cannot use as they are, and those that
/// take less than before.
pub(super) fn changes((deployed, dag): (Side, &Dag), (proposed, other): (Side, &Dag)) -> Vec<Change> {
    let (was, is) = (Readers::of(deployed, dag), Readers::of(proposed, other));
    let mut changes = not_given(&was, &is);
    changes.extend(unfit(&was, &is));
    changes.extend(asks_more(&was, &is));
    changes.extend(renamed(&was, &is));
    let Some(after) = rules(other) else { return changes };
    let before = rules(dag);
    changes.extend(missing(&was, &is, before.as_ref(), &after));
    let Some(before) = before else { return changes };
    for (name, rule) in &after {
        let was = before.get(name);
        let takes_all = rule.schema.is_empty() && rule.default.is_some();
        if was == Some(rule) || takes_all || was.is_some_and(|was| wider(was, rule)) {
            continue;
        }
        changes.push(change(
            dag,
            Data::ParamTightened { name: name.clone(), before: was.cloned(), after: rule.clone() },
            dag.params_at.clone(),
            other.params_at.clone(),
        ));
    }
    changes
}

/// The tasks of a DAG, and the parameters that each of them reads.
struct Readers<'d> {
    dag: &'d Dag,
    reads: Vec<Vec<ParamRead>>,
}

impl<'d> Readers<'d> {
    fn of(side: Side, dag: &'d Dag) -> Self {
        Self { dag, reads: dag.tasks.iter().map(|task| reads(side, dag, task)).collect() }
    }

    fn each(&self) -> impl Iterator<Item = (&'d Task, &[ParamRead])> {
        self.dag.tasks.iter().zip(self.reads.iter().map(Vec::as_slice))
    }

    /// All names that are read.
    fn names(&self) -> BTreeSet<&str> {
        self.reads.iter().flatten().map(|read| &*read.name).collect()
    }

    /// The task of the same id.
    fn same(&self, task: &Task) -> Option<(&'d Task, &[ParamRead])> {
        let id = task.task_id.exact()?;
        self.each().find(|(task, _)| task.task_id.exact() == Some(id))
    }
}

fn change(dag: &Dag, data: Data, deployed: Option<Location>, proposed: Option<Location>) -> Change {
    Change {
        kind: Kind::Data(data),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: deployed.or_else(|| Some(dag.at.clone())),
        proposed,
    }
}

/// Whether the proposed rule takes all that the deployed one takes, for all that can be seen without
/// a value.
fn wider(before: &ParamRule, after: &ParamRule) -> bool {
    let default = before.default.is_none() || after.default.is_some();
    let allows = |key: &String, values: &Vec<String>| match before.schema.get(key) {
        None => false,
        Some(known) if matches!(key.as_str(), "type" | "enum") => known.iter().all(|value| values.contains(value)),
        Some(known) => known == values,
    };
    default && after.schema.iter().all(|(key, values)| allows(key, values))
}

/// Parameters that tasks read and that the proposed DAG does not have.
fn missing(
    was: &Readers,
    is: &Readers,
    before: Option<&BTreeMap<String, ParamRule>>,
    after: &BTreeMap<String, ParamRule>,
) -> Vec<Change> {
    let mut readers: BTreeMap<String, Vec<(&Task, &ParamRead)>> = BTreeMap::new();
    for (task, reads) in is.each() {
        let own = own_params(is.dag, task);
        for read in reads.iter().filter(|read| !read.conf) {
            let known = after.contains_key(&read.name) || own.as_ref().is_none_or(|own| own.contains(&read.name));
            if known || !read.required || !newly_missing(was, task, before, &read.name) {
                continue;
            }
            let all = readers.entry(read.name.clone()).or_default();
            if !all.iter().any(|(reader, _)| std::ptr::eq(*reader, task)) {
                all.push((task, read));
            }
        }
    }
    readers
        .into_iter()
        .filter_map(|(name, readers)| {
            let proposed = readers.first().map(|(_, read)| read.at.clone());
            let ids: Vec<_> = readers.iter().filter_map(|(task, _)| task.task_id.exact().cloned()).collect();
            let data = Data::ParamMissing { name, conf: false, readers: ids };
            proposed.map(|at| change(was.dag, data, was.dag.params_at.clone(), Some(at)))
        })
        .collect()
}

/// What tasks need of what their run was given, and did not need before.
fn not_given(was: &Readers, is: &Readers) -> Vec<Change> {
    let mut needed: BTreeMap<&str, (Vec<TaskId>, &Location)> = BTreeMap::new();
    for (task, reads) in is.each() {
        let Some((id, (_, before))) = task.task_id.exact().zip(was.same(task)) else { continue };
        let needs = |read: &&ParamRead| read.conf && read.required;
        let known: BTreeSet<&str> = before.iter().filter(needs).map(|read| &*read.name).collect();
        for read in reads.iter().filter(needs).filter(|read| !known.contains(&*read.name)) {
            let (readers, _) = needed.entry(&read.name).or_insert((Vec::new(), &read.at));
            if readers.last() != Some(id) {
                readers.push(id.clone());
            }
        }
    }
    let each = needed.into_iter().map(|(name, (readers, at))| {
        let data = Data::ParamMissing { name: name.to_owned(), conf: true, readers };
        change(was.dag, data, None, Some(at.clone()))
    });
    each.collect()
}

/// A parameter that cannot be used as it is used.
#[derive(PartialEq)]
struct Misfit<'r> {
    name: &'r str,
    before: Shape,
    after: Shape,
    hurt: Hurt,
    certainty: Certainty,
}

/// Parameters whose value their readers cannot use, where they could use what it was.
fn unfit(was: &Readers, is: &Readers) -> Vec<Change> {
    let mut found: Vec<(Misfit, Vec<TaskId>, &Location)> = Vec::new();
    for (task, reads) in is.each() {
        let Some((id, (twin, known))) = task.task_id.exact().zip(was.same(task)) else { continue };
        for read in reads.iter().filter(|read| !read.conf) {
            let values = value(was.dag, twin, &read.name).zip(value(is.dag, task, &read.name));
            let Some(((before, _), (after, empty))) = values else { continue };
            if empty && read.usage.tests_truth() {
                continue;
            }
            let known: Vec<_> = known.iter().filter(|known| !known.conf && known.name == read.name).collect();
            let Some((hurt, certainty)) = wrong(&known, read, (&before, &after)) else { continue };
            let misfit = Misfit { name: &read.name, before, after, hurt, certainty };
            match found.iter_mut().find(|(known, ..)| *known == misfit) {
                Some((_, readers, _)) if readers.last() == Some(id) => {}
                Some((_, readers, _)) => readers.push(id.clone()),
                None => found.push((misfit, vec![id.clone()], &read.at)),
            }
        }
    }
    let each = found.into_iter().map(|(Misfit { name, before, after, hurt, certainty }, readers, at)| {
        let data = Data::ParamUnfit { name: name.to_owned(), before, after, readers, hurt };
        Change { certainty, ..change(was.dag, data, was.dag.params_at.clone(), Some(at.clone())) }
    });
    each.collect()
}

/// Tasks that ask more of a parameter than before: what a run was given says whether it has that.
fn asks_more(was: &Readers, is: &Readers) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (task, reads) in is.each() {
        let Some((id, (_, known))) = task.task_id.exact().zip(was.same(task)) else { continue };
        for read in reads.iter().filter(|read| !read.usage.needs.is_empty()) {
            let known = known.iter().filter(|known| known.conf == read.conf && known.name == read.name);
            let known: Vec<&Use> = known.map(|known| &known.usage).collect();
            if known.iter().any(|known| !read.usage.asks_more_than(known)) {
                continue;
            }
            let before = Usage(Box::new(known.first().map_or_else(Use::default, |usage| (*usage).clone())));
            let after = Usage(Box::new(read.usage.clone()));
            let data = Data::ParamReadChanged { name: read.name.clone(), reader: id.clone(), before, after };
            changes.push(change(was.dag, data, was.dag.params_at.clone(), Some(read.at.clone())));
        }
    }
    changes
}

/// Tasks that read another name in place of one that nobody reads any more: what a run was given under that is lost.
fn renamed(was: &Readers, is: &Readers) -> Vec<Change> {
    let (known, still) = (was.names(), is.names());
    let more = is.dag.tasks.iter().flat_map(codes).find_map(|code| code.exchange.params_more.as_ref());
    let more = more.map(|at| format!("`{}:{}` may read any name", at.path, at.span.line));
    let mut changes: Vec<Change> = Vec::new();
    for (task, reads) in is.each() {
        let Some((id, (_, before))) = task.task_id.exact().zip(was.same(task)) else { continue };
        let left: BTreeSet<&str> = before.iter().map(|read| &*read.name).filter(|name| !still.contains(name)).collect();
        let new: BTreeSet<&str> = reads.iter().map(|read| &*read.name).filter(|name| !known.contains(name)).collect();
        for from in left.iter().filter(|_| !new.is_empty()) {
            let had = default(was.dag, from);
            let same: Vec<&&str> = new.iter().filter(|to| had.is_some() && default(is.dag, to) == had).collect();
            let (to, certainty) = if let [one] = same.as_slice() {
                let certainty = more.as_ref().map_or(Certainty::Certain, |why| Certainty::Possible(why.clone()));
                (vec![(**one).to_owned()], certainty)
            } else {
                let why = format!("the text does not say what stands for `{from}` now");
                (new.iter().map(|name| (*name).to_owned()).collect(), Certainty::Possible(why))
            };
            let at = reads.iter().find(|read| to.contains(&read.name)).map(|read| read.at.clone());
            let data = Data::ParamRenamed { from: (*from).to_owned(), to, reader: id.clone() };
            changes.push(Change { certainty, ..change(was.dag, data, was.dag.params_at.clone(), at) });
        }
    }
    changes
}

/// The default of a parameter of a DAG.
fn default(dag: &Dag, name: &str) -> Option<String> {
    let params = dag.params.as_ref()?;
    params.names().zip(params.texts()).find(|(known, _)| *known == name).and_then(|(_, text)| rule(text).default)
}

/// What is wrong with a value for who reads it, where the deployed task could do with the deployed value.
fn wrong(before: &[&ParamRead], read: &ParamRead, (had, has): (&Shape, &Shape)) -> Option<(Hurt, Certainty)> {
    if before.iter().any(|before| !before.usage.fits(had).passes()) {
        return None;
    }
    let hurt = |why: &str, fails| Hurt { why: why.to_owned(), fails, nothing: false, counted: Counted::No };
    // Where the reader is changed with the value, nothing that is followed speaks against it.
    let same = || before.iter().any(|known| !read.usage.asks_more_than(&known.usage));
    Some(match read.usage.fits(has) {
        Fit::Fits => {
            let why = read.usage.misreads(had, has).filter(|_| same())?;
            (hurt(&why, false), Certainty::Possible(why))
        }
        Fit::Fails(why, _) => (hurt(&why, true), Certainty::Certain),
        Fit::Alters(why, _) => (hurt(&why, false), Certainty::Certain),
        Fit::May(why, _) => (hurt(&why, true), Certainty::Possible(why)),
        Fit::Open(at) => {
            // A default is often made another kind of number, or given at all: that says nothing yet.
            let is_other = |(had, has): &(Shape, Shape)| match differs(had, has) {
                Some(Certainty::Possible(_)) => matches!((had, has), (Shape::Dict(_), Shape::Dict(_))),
                found => found.is_some(),
            };
            if !same() || !read.usage.open_in(had, has).iter().any(is_other) {
                return None;
            }
            let why = format!("it goes on to code that is not followed ({}:{})", at.path, at.span.line);
            (
                hurt(&format!("it was written for {}, and gets {}", had.shown(), has.shown()), true),
                Certainty::Possible(why),
            )
        }
    })
}

/// What a parameter is to a task, if the run is given no other value, and whether it is false in a test although its
/// shape does not say so; none where that is not known, or there is none.
fn value(dag: &Dag, task: &Task, name: &str) -> Option<(Shape, bool)> {
    let each_own = |mapped: &Mapping| mapped.kwargs || mapped.over.iter().any(|over| over.arg == "params");
    if task.mapped.as_ref().is_some_and(each_own) {
        return None;
    }
    let of_dag = dag.options.get("default_args.params");
    for text in [task.arguments.get("params"), dag.option(task, "params"), of_dag].into_iter().flatten() {
        let own = if text == "None" { Vec::new() } else { literal::keys(text)? };
        if own.iter().any(|own| own == name) {
            return shape(&literal::member(text, name)?);
        }
    }
    let params = dag.params.as_ref()?;
    params.names().zip(params.texts()).find(|(known, _)| *known == name).and_then(|(_, text)| shape(text))
}

/// What a parameter is that is written so: a value, or `Param(value, …)`.
fn shape(text: &str) -> Option<(Shape, bool)> {
    let of = |expr: &Expr| (Shape::of_literal(expr), is_empty(expr));
    let found = literal::expression(text, |expr| {
        let ExprKind::Call(callee, args) = &expr.kind else { return Some(of(expr)) };
        let default = args.iter().enumerate().find_map(|(at, arg)| match arg {
            Arg::Positional(value) if at == 0 => Some(value),
            Arg::Keyword(name, value) if &**name == "default" => Some(value),
            _ => None,
        });
        default.filter(|_| last_name(callee) == Some("Param")).map(of)
    })?;
    (found.0 != Shape::Any).then_some(found)
}

/// Whether a literal is false in a test although its shape does not say so.
fn is_empty(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::False | ExprKind::Int(0) => true,
        ExprKind::Float(value) => *value == 0.0,
        ExprKind::Str(text) => text.is_empty(),
        ExprKind::List(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether the deployed side had the parameter for that task, or did not read it there.
fn newly_missing(was: &Readers, task: &Task, before: Option<&BTreeMap<String, ParamRule>>, name: &str) -> bool {
    let Some(before) = before else { return false };
    let Some((twin, reads)) = was.same(task) else {
        // A task that is new, or has a new id, reads what its DAG may never have had.
        return before.contains_key(name);
    };
    let own = own_params(was.dag, twin);
    before.contains_key(name)
        || own.is_none_or(|own| own.contains(name))
        || !reads.iter().any(|read| read.name == name && read.required && !read.conf)
}

fn reads(side: Side, dag: &Dag, task: &Task) -> Vec<ParamRead> {
    let given = gives_params(task);
    let in_code = codes(task).flat_map(|code| code.exchange.params.iter().filter(|read| read.conf || !given).cloned());
    let (lenient, files) = (dag.takes_undefined(), templates::texts(side.snapshot, dag, task));
    let texts = task.templates().chain(files.iter().map(AsRef::as_ref));
    let in_templates = texts.flat_map(|text| template::read(text, &task.at, lenient).params);
    in_code.chain(in_templates).chain(in_arguments(task)).collect()
}

/// Parameters that are given as arguments: those of a `@dag` function, and `dag.param("x")`.
fn in_arguments(task: &Task) -> impl Iterator<Item = ParamRead> {
    let all = task.arguments.names().zip(task.arguments.texts()).filter(|(_, text)| text.contains("dag.param("));
    all.flat_map(move |(argument, text)| {
        let whole =
            argument.strip_suffix("()").filter(|_| literal::call(text).is_some_and(|call| call.name == "param"));
        let usage = whole.and_then(|name| task.callable.as_deref()?.exchange.usage(name)).cloned().unwrap_or_default();
        let names = literal::given_to(text, &["param"], &[]).into_iter();
        let read =
            move |name| ParamRead { name, conf: false, required: true, usage: usage.clone(), at: task.at.clone() };
        names.map(read)
    })
}

/// Whether the call of the task gives its function a `params` of its own, which stands before that of the run.
fn gives_params(task: &Task) -> bool {
    let by_name = |text: &str| literal::keys(text).is_some_and(|keys| keys.iter().any(|key| key == "params"));
    task.arguments.get("params()").is_some() || task.arguments.get("op_kwargs").is_some_and(by_name)
}

/// The parameters that a task brings itself, with those that `default_args` give it; none if they are not known.
fn own_params(dag: &Dag, task: &Task) -> Option<BTreeSet<String>> {
    let of_dag = dag.options.get("default_args.params");
    let mut all = BTreeSet::new();
    for text in [task.arguments.get("params"), of_dag, dag.option(task, "params")].into_iter().flatten() {
        all.extend(if text == "None" { Vec::new() } else { literal::keys(text)? });
    }
    Some(all)
}

/// What each parameter of a DAG takes.
fn rules(dag: &Dag) -> Option<BTreeMap<String, ParamRule>> {
    let params = dag.params.as_ref()?;
    Some(params.names().zip(params.texts()).map(|(name, text)| (name.to_owned(), rule(text))).collect())
}

fn rule(text: &str) -> ParamRule {
    let plain =
        |text: &str| ParamRule { default: (text != "NOTSET").then(|| text.to_owned()), schema: BTreeMap::new() };
    let Some(call) = text.contains("Param(").then(|| literal::call(text)).flatten() else { return plain(text) };
    if call.name != "Param" && call.name != "DagParam" {
        return plain(text);
    }
    let named = call.named.get("default").map(|values| values.join(", "));
    let default = call.positional.first().cloned().or(named).filter(|text| text != "NOTSET");
    let schema = call.named.into_iter().filter(|(key, _)| REFUSING.contains(&key.as_str())).collect();
    ParamRule { default, schema }
}
