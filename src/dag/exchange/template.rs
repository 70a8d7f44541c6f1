//! Jinja templates: what they pull and which parameters of the run they read.

use super::{Indexes, Need, ParamRead, Pull, Step, Use, What};
use crate::content::Location;
use crate::ids::AirflowVersion;
use crate::python::names::children;
use crate::python::parse::parse;
use crate::python::syntax::{Arg, BinaryOp, Clause, CompareOp, Expr, ExprKind, Module, StmtKind};
use std::collections::BTreeSet;

/// What a template exchanges with other tasks and with its run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// XComs that it pulls.
    pub pulls: Vec<Pull>,
    /// Parameters of the run that it reads.
    pub params: Vec<ParamRead>,
}

/// Expressions that are looked at in one text; generated SQL can hold thousands.
const EXPRESSIONS: usize = 200;

/// Reads the templates in an argument, given in canonical text; `at` is where that stands, and `lenient` whether
/// their DAG takes what is not there for empty ([`Dag::takes_undefined`](crate::dag::Dag::takes_undefined)).
pub fn read(canonical: &str, at: &Location, lenient: bool) -> Template {
    let mut template = Template::default();
    let (tested, weighed) = (BTreeSet::new(), BTreeSet::new());
    let mut reader = Reader { at, template: &mut template, tested, weighed };
    each_template(canonical, &mut |text, statement| reader.expression(text, statement));
    let Reader { tested, weighed, .. } = reader;
    for read in &mut template.params {
        read.required &= !lenient && !tested.contains(&read.name);
        // Which statements stand under which test is not followed.
        if weighed.contains(&read.name) {
            read.usage.needs.clear();
        }
    }
    if lenient {
        let pulled = template.pulls.iter_mut().map(|pull| &mut pull.usage);
        for usage in pulled.chain(template.params.iter_mut().map(|read| &mut read.usage)) {
            usage.needs.retain(|need| !matches!(need.what, What::Key(_) | What::Index(_)));
        }
    }
    template
}

/// Visits the expressions of the templates in an argument, given in canonical text.
pub(in crate::dag) fn each_expression(canonical: &str, visit: &mut dyn FnMut(&Expr)) {
    each_template(canonical, &mut |text, statement| {
        if let Some((module, _)) = parsed(text, statement)
            && let [stmt] = module.body.as_slice()
            && let StmtKind::Expr(expr) = &stmt.kind
        {
            visit(expr);
        }
    });
}

/// Ends of names by which operators mostly know that a text is the name of a template file.
const FILES: [&str; 13] =
    [".sql", ".hql", ".sh", ".bash", ".html", ".json", ".yaml", ".yml", ".j2", ".jinja", ".jinja2", ".txt", ".xml"];

/// Whether a text holds what Jinja would replace.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Whether a text may be the name of a template file.
pub fn is_file_name(text: &str) -> bool {
    FILES.iter().any(|end| text.ends_with(end))
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '{' | '}'))
}

/// Names that Jinja itself knows.
const OF_JINJA: [&str; 16] = [
    "range",
    "dict",
    "lipsum",
    "cycler",
    "joiner",
    "namespace",
    "loop",
    "self",
    "super",
    "caller",
    "varargs",
    "kwargs",
    "true",
    "false",
    "none",
    "_",
];

/// Filters of Jinja 3 and of Airflow.
const FILTERS: &str = " abs attr batch capitalize center count d default dictsort e escape filesizeformat first float \
forceescape format groupby indent int items join last length list lower map max min pprint random reject rejectattr \
replace reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper \
urlencode urlize wordcount wordwrap xmlattr ds ds_nodash ts ts_nodash ts_nodash_with_tz ";

/// Why a template in an argument, given in canonical text, cannot be read at all.
pub fn unreadable(canonical: &str) -> Option<&'static str> {
    let (mut ifs, mut fors, mut open) = (0_i32, 0_i32, canonical.contains("{#"));
    let closed =
        each_template(canonical, &mut |text, statement| match text.split_whitespace().next().unwrap_or_default() {
            _ if !statement => {}
            "if" => ifs += 1,
            "endif" => ifs -= 1,
            "for" => fors += 1,
            "endfor" => fors -= 1,
            "elif" | "else" | "set" | "endset" => {}
            _ => open = true,
        });
    match (open, closed, ifs, fors) {
        (true, ..) | (_, true, 0, 0) => None,
        (_, false, ..) => Some("braces that are opened are not closed"),
        (_, _, 0, _) => Some("a `for` and `endfor` do not go together"),
        _ => Some("an `if` and `endif` do not go together"),
    }
}

/// The names that templates ask for and that Airflow itself does not give.
#[derive(Debug, Default)]
pub struct Asks {
    /// Names of values and functions.
    pub names: BTreeSet<String>,
    /// Names of filters.
    pub filters: BTreeSet<String>,
}

/// What the templates in an argument, given in canonical text, ask for by name. Nothing is said of those that
/// are ready to find nothing, or that bind names in ways that are not read.
pub fn names(canonical: &str, airflow: Option<AirflowVersion>) -> Asks {
    let mut asks = Asks::default();
    let mut bound = BTreeSet::new();
    let mut open = canonical.contains("default(") || canonical.contains("defined");
    each_template(canonical, &mut |text, statement| {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let targets = match word {
            _ if !statement => "",
            "set" => rest.split('=').next().unwrap_or_default(),
            "for" => rest.split(" in ").next().unwrap_or_default(),
            "if" | "elif" | "else" | "endif" | "endfor" | "endset" => "",
            _ => {
                open = true;
                ""
            }
        };
        let names = targets.split(|c: char| !c.is_alphanumeric() && c != '_');
        bound.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    });
    if !open {
        each_expression(canonical, &mut |expr| asked(expr, &mut asks));
    }
    let known = |name: &str| OF_JINJA.contains(&name) || !crate::dag::known::no_context_key(name, airflow);
    asks.names.retain(|name| !bound.contains(name) && !known(name));
    asks.filters.retain(|name| !name.is_empty() && !FILTERS.contains(&format!(" {name} ")));
    asks
}

/// A call of a function, or the use of a filter, that a template makes with arguments given by place alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Called {
    /// The name of the function or filter.
    pub name: String,
    /// Whether it is a filter, whose first argument is what it is applied to.
    pub filter: bool,
    /// How many arguments it is given.
    pub given: usize,
}

/// The calls of the templates in an argument, given in canonical text.
pub fn called(canonical: &str) -> BTreeSet<Called> {
    let mut all = BTreeSet::new();
    each_expression(canonical, &mut |expr| calls(expr, &mut all));
    all
}

fn calls(expr: &Expr, all: &mut BTreeSet<Called>) {
    let count = |args: &[Arg]| args.iter().all(|arg| matches!(arg, Arg::Positional(_))).then_some(args.len());
    match &expr.kind {
        ExprKind::Call(callee, args) => {
            if let (ExprKind::Name(name), Some(given)) = (&callee.kind, count(args)) {
                all.insert(Called { name: name.to_string(), filter: false, given });
            }
            children(expr, &mut |child| calls(child, all));
        }
        ExprKind::Binary(first, rest) => {
            calls(first, all);
            for (op, value) in rest {
                match (op, &value.kind) {
                    (BinaryOp::Or, ExprKind::Name(name)) => {
                        all.insert(Called { name: name.to_string(), filter: true, given: 1 });
                    }
                    (BinaryOp::Or, ExprKind::Call(callee, args)) => {
                        if let Some(given) = count(args) {
                            all.insert(Called { name: name_of(callee).to_owned(), filter: true, given: given + 1 });
                        }
                        for arg in args {
                            if let Arg::Positional(value) | Arg::Keyword(_, value) = arg {
                                calls(value, all);
                            }
                        }
                    }
                    _ => calls(value, all),
                }
            }
        }
        _ => children(expr, &mut |child| calls(child, all)),
    }
}

fn asked(expr: &Expr, asks: &mut Asks) {
    match &expr.kind {
        ExprKind::Name(name) => {
            asks.names.insert(name.to_string());
        }
        ExprKind::Binary(first, rest) => {
            asked(first, asks);
            for (op, value) in rest {
                match (op, &value.kind) {
                    (BinaryOp::Or, ExprKind::Name(name)) => {
                        asks.filters.insert(name.to_string());
                    }
                    (BinaryOp::Or, ExprKind::Call(callee, args)) => {
                        asks.filters.insert(name_of(callee).to_owned());
                        for arg in args {
                            if let Arg::Positional(value) | Arg::Keyword(_, value) = arg {
                                asked(value, asks);
                            }
                        }
                    }
                    _ => asked(value, asks),
                }
            }
        }
        // What comes behind `is` is the name of a test.
        ExprKind::Compare(first, rest) if rest.iter().all(|(op, _)| matches!(op, CompareOp::Is | CompareOp::IsNot)) => {
            asked(first, asks);
        }
        _ => children(expr, &mut |child| asked(child, asks)),
    }
}

/// Visits what stands between braces, and whether as a statement; comments are passed over. Says whether all
/// braces are closed, as far as was looked.
fn each_template(canonical: &str, visit: &mut dyn FnMut(&str, bool)) -> bool {
    if !is_template(canonical) {
        return true;
    }
    let text = canonical.replace("\\\"", "\"").replace("\\'", "'").replace("\\n", " ").replace("\\t", " ");
    let mut rest = text.as_str();
    for _ in 0..EXPRESSIONS {
        let Some(start) = rest.find('{') else { break };
        let close = match rest.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                rest = &rest[start + 1..];
                continue;
            }
        };
        let inner = &rest[start + 2..];
        let Some(end) = inner.find(close) else { return false };
        rest = &inner[end + 2..];
        if close != "#}" {
            let inside = inner[..end].trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
            if inside == "raw" && close == "%}" {
                // What stands there is text.
                let Some(end) = rest.find("endraw") else { return false };
                rest = &rest[end..];
                rest = rest.find(close).map_or("", |end| &rest[end + 2..]);
                continue;
            }
            visit(inside, close == "%}");
        }
    }
    true
}

/// The Python that a template's expression or statement holds, and whether its value is shown.
fn parsed(text: &str, statement: bool) -> Option<(Module, bool)> {
    let of_statement = || {
        let (word, rest) = text.split_once(char::is_whitespace)?;
        match word {
            "if" | "elif" => Some((rest, false)),
            "for" => rest.split_once(" in ").map(|(_, iterated)| (iterated, false)),
            "set" => rest.split_once('=').map(|(_, value)| (value.trim(), true)),
            _ => None,
        }
    };
    let (text, shown) = (if statement { of_statement() } else { Some((text, true)) })?;
    Some((parse(text.as_bytes()).ok()?, shown))
}

struct Reader<'a> {
    at: &'a Location,
    template: &'a mut Template,
    /// Parameters of which it is asked whether they are there.
    tested: BTreeSet<String>,
    /// Parameters of which anything is asked by a test, or that have a default.
    weighed: BTreeSet<String>,
}

/// What an expression may find in place of a value.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Ready {
    /// There has to be one.
    #[default]
    No,
    /// `None`: it is only tested. A test of what is not defined raises (`StrictUndefined`, which is what a DAG takes by
    /// itself; measured on 2.6.2, 2.11.2 and 3.3.2).
    ForNone,
    /// Nothing that is defined: a default is given, or it is asked whether it is defined.
    ForNothing,
}

/// How the value of an expression goes on.
#[derive(Clone, Default)]
struct Onward {
    path: Vec<Step>,
    needs: Vec<(Vec<Step>, What)>,
    /// For what it is ready.
    ready: Ready,
    /// It ends in the text as it is.
    shown: bool,
    open: bool,
}

impl Reader<'_> {
    fn expression(&mut self, text: &str, statement: bool) {
        let Some((module, shown)) = parsed(text, statement) else { return };
        if let [stmt] = module.body.as_slice()
            && let StmtKind::Expr(expr) = &stmt.kind
        {
            let onward = match (statement, text.starts_with("for")) {
                (false, _) => Onward { shown, ..Onward::default() },
                (true, false) => Onward { ready: Ready::ForNone, shown, ..Onward::default() },
                (true, true) => asks(&Onward { open: true, ..Onward::default() }, What::Iterate),
            };
            self.walk(expr, &onward, 0);
        }
    }

    fn walk(&mut self, expr: &Expr, onward: &Onward, depth: usize) {
        /// Nobody writes templates that are deeper.
        const DEEP: usize = 40;
        if depth > DEEP {
            return;
        }
        let next = depth + 1;
        let open = Onward { open: true, ..Onward::default() };
        match &expr.kind {
            ExprKind::Call(callee, args) => self.call(callee, args, onward, next),
            ExprKind::Subscript(object, index) => {
                if let (Some(conf), ExprKind::Str(name)) = (is_conf(object), &index.kind) {
                    self.param((name, conf), onward);
                    return;
                }
                self.walk(index, &open, next);
                let (step, what) = match &index.kind {
                    ExprKind::Str(key) => (Step::Key(key.to_string()), Some(What::Key(key.to_string()))),
                    ExprKind::Int(at) => {
                        let at = usize::try_from(*at).unwrap_or(0);
                        (Step::Index(at), Some(What::Index(at)))
                    }
                    _ => (Step::Element, None),
                };
                self.walk(object, &through(onward, &step, what), next);
            }
            ExprKind::Attribute(object, name) => {
                if let Some(conf) = is_conf(object) {
                    self.param((name, conf), onward);
                    return;
                }
                // `value.key` finds a key as well as an attribute.
                self.walk(
                    object,
                    &through(onward, &Step::Key(name.to_string()), Some(What::Key(name.to_string()))),
                    next,
                );
            }
            ExprKind::Binary(first, rest) => self.piped(first, rest, onward, next),
            ExprKind::Or(parts) | ExprKind::And(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let ready = if at > 0 { Ready::ForNothing } else { Ready::ForNone };
                    let onward = Onward { ready, ..onward.clone() };
                    self.walk(part, &onward, next);
                }
            }
            ExprKind::Conditional { test, then, orelse } => {
                let tested = Onward { ready: Ready::ForNone, ..Onward::default() };
                self.walk(test, &tested, next);
                for part in [then, orelse] {
                    self.walk(part, &Onward { ready: Ready::ForNothing, ..onward.clone() }, next);
                }
            }
            ExprKind::Compare(first, rest) => {
                self.note_test(first, rest);
                let is = rest.iter().all(|(op, _)| matches!(op, CompareOp::Is | CompareOp::IsNot));
                let ready = if is { Ready::ForNothing } else { Ready::ForNone };
                let tested = Onward { ready, ..Onward::default() };
                self.walk(first, &tested, next);
                for (op, value) in rest {
                    let asked = match op {
                        CompareOp::In | CompareOp::NotIn => asks(&Onward::default(), What::Contain),
                        _ => tested.clone(),
                    };
                    self.walk(value, &asked, next);
                }
            }
            ExprKind::Unary(_, value) => {
                self.walk(value, &Onward { ready: Ready::ForNone, ..Onward::default() }, next);
            }
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    self.walk(item, &open, next);
                }
            }
            ExprKind::Comprehension(all) => {
                for clause in &all.clauses {
                    if let Clause::For(_, iter) = clause {
                        self.walk(iter, &asks(&Onward::default(), What::Iterate), next);
                    }
                }
                self.walk(&all.element, &open, next);
            }
            _ => {}
        }
    }

    /// A filter (`value | join(',')`), or a calculation.
    fn piped(&mut self, first: &Expr, rest: &[(BinaryOp, Expr)], onward: &Onward, depth: usize) {
        let mut inner = Onward { shown: false, open: true, ..Onward::default() };
        if let Some((BinaryOp::Or, filter)) = rest.first() {
            let name = match &filter.kind {
                ExprKind::Call(callee, _) => name_of(callee),
                _ => name_of(filter),
            };
            inner = match name {
                "default" | "d" => Onward { ready: Ready::ForNothing, ..onward.clone() },
                "join" | "list" | "sum" | "sort" | "first" | "last" | "map" | "unique" => {
                    asks(&Onward::default(), What::Iterate)
                }
                "length" | "count" => asks(&Onward::default(), What::Length),
                "int" | "float" | "round" | "abs" => asks(&Onward::default(), What::Number),
                "items" | "dictsort" => asks(&Onward::default(), What::Attribute("items".to_owned())),
                _ => inner,
            };
        } else if rest.iter().any(|(op, _)| matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div))
        {
            inner = Onward { open: true, ..asks(&Onward::default(), What::Calculate(crate::dag::Shape::Any)) };
        }
        self.walk(first, &inner, depth);
        for (op, value) in rest.iter().filter(|(op, _)| *op != BinaryOp::Or) {
            let _ = op;
            self.walk(value, &inner, depth);
        }
    }

    fn call(&mut self, callee: &Expr, args: &[Arg], onward: &Onward, depth: usize) {
        let open = Onward { open: true, ..Onward::default() };
        if let ExprKind::Attribute(object, method) = &callee.kind {
            if let (Some(conf), "get") = (is_conf(object), &**method) {
                if let Some(name) = args.first().and_then(positional).and_then(text) {
                    self.param((name, conf), &Onward { ready: Ready::ForNothing, ..Onward::default() });
                    // Nobody asks a statement for it but to know whether it is there.
                    if onward.ready > Ready::No {
                        self.tested.insert(name.to_owned());
                    }
                }
                return;
            }
            match (name_of(object), &**method) {
                ("ti" | "task_instance", "xcom_pull") => return self.pull(args, onward),
                (_, "get") => {
                    let step = match args.first().and_then(positional).and_then(text) {
                        Some(key) => Step::Key(key.to_owned()),
                        None => Step::Element,
                    };
                    let inner = through(&Onward { ready: Ready::ForNone, ..onward.clone() }, &step, None);
                    let mut inner = asks(&inner, What::Attribute("get".to_owned()));
                    inner.ready = Ready::No;
                    inner.shown = false;
                    self.walk(object, &inner, depth);
                }
                (_, method) => {
                    let mut inner = asks(&Onward::default(), What::Attribute(method.to_owned()));
                    inner.open = true;
                    self.walk(object, &inner, depth);
                }
            }
        }
        for arg in args {
            if let Arg::Positional(value) | Arg::Keyword(_, value) = arg {
                self.walk(value, &open, depth);
            }
        }
    }

    fn pull(&mut self, args: &[Arg], onward: &Onward) {
        let named = |name: &str| {
            args.iter().find_map(|arg| match arg {
                Arg::Keyword(given, value) if &**given == name => Some(value),
                _ => None,
            })
        };
        let get = |position: usize, name: &str| named(name).or_else(|| args.get(position).and_then(positional));
        let ids = get(0, "task_ids");
        let task_ids = ids.and_then(|ids| match &ids.kind {
            ExprKind::Str(id) => Some(vec![id.to_string()]),
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                items.iter().map(|item| text(item).map(str::to_owned)).collect()
            }
            _ => None,
        });
        let key = match get(2, "key") {
            None => Some("return_value".to_owned()),
            Some(key) => text(key).map(str::to_owned),
        };
        let dag_id = get(1, "dag_id").filter(|value| !matches!(value.kind, ExprKind::None));
        let usage = onward.usage(self.at);
        self.template.pulls.push(Pull {
            task_ids: task_ids.filter(|_| dag_id.is_none_or(|id| text(id).is_some())),
            many: ids.is_some_and(|ids| matches!(ids.kind, ExprKind::List(_) | ExprKind::Tuple(_))),
            indexes: Indexes::of(named("map_indexes")),
            dag_id: dag_id.and_then(text).map(str::to_owned),
            key,
            default: named("default").map(|_| crate::dag::Shape::Any),
            prior: get(3, "include_prior_dates").is_some(),
            usage,
            at: self.at.clone(),
        });
    }

    /// Notes of which parameter it is asked whether it is there: `params.x is defined`, `'x' in params`.
    fn note_test(&mut self, first: &Expr, rest: &[(CompareOp, Expr)]) {
        let [(op, value)] = rest else { return };
        let name = match (op, &first.kind) {
            (CompareOp::In | CompareOp::NotIn, ExprKind::Str(name)) if is_conf(value).is_some() => Some(name),
            (CompareOp::Is | CompareOp::IsNot, ExprKind::Attribute(object, name))
                if is_conf(object).is_some() && matches!(name_of(value), "defined" | "undefined") =>
            {
                Some(name)
            }
            (CompareOp::Is | CompareOp::IsNot, ExprKind::Subscript(object, index))
                if is_conf(object).is_some() && matches!(name_of(value), "defined" | "undefined") =>
            {
                match &index.kind {
                    ExprKind::Str(name) => Some(name),
                    _ => None,
                }
            }
            _ => None,
        };
        self.tested.extend(name.map(ToString::to_string));
    }

    fn param(&mut self, (name, conf): (&str, bool), onward: &Onward) {
        if onward.ready > Ready::No {
            self.weighed.insert(name.to_owned());
        }
        let read = ParamRead {
            name: name.to_owned(),
            conf,
            required: onward.ready < Ready::ForNothing,
            usage: onward.usage(self.at),
            at: self.at.clone(),
        };
        if !self.template.params.contains(&read) {
            self.template.params.push(read);
        }
    }
}

impl Onward {
    /// The use of a value that goes on so.
    fn usage(&self, at: &Location) -> Use {
        let need = |path: &Vec<Step>, what: &What| {
            let guards = Vec::new();
            Need { path: path.clone(), what: what.clone(), guards, at: at.clone() }
        };
        // A default takes the place of what is missing in any part of it, and a test of it is one.
        let asked = self.needs.iter().filter(|_| self.ready == Ready::No);
        let mut needs: Vec<Need> = asked.map(|(path, what)| need(path, what)).collect();
        if self.shown && self.ready == Ready::No {
            needs.push(need(&self.path, &What::Text));
        }
        let needs: BTreeSet<Need> = needs.into_iter().collect();
        Use {
            needs: needs.into_iter().collect(),
            open: self.open.then(|| at.clone()),
            open_parts: self.open.then(|| self.path.clone()).into_iter().collect(),
            expects_none: self.ready > Ready::No,
        }
    }
}

/// The way on from an object whose part goes on so.
fn through(onward: &Onward, step: &Step, what: Option<What>) -> Onward {
    let prefixed = |path: &[Step]| -> Vec<Step> { std::iter::once(step.clone()).chain(path.iter().cloned()).collect() };
    let mut needs: Vec<_> = onward.needs.iter().map(|(path, what)| (prefixed(path), what.clone())).collect();
    needs.extend(what.map(|what| (Vec::new(), what)));
    Onward { path: prefixed(&onward.path), needs, ready: onward.ready.min(Ready::ForNone), ..onward.clone() }
}

fn asks(onward: &Onward, what: What) -> Onward {
    let mut onward = onward.clone();
    onward.needs.push((Vec::new(), what));
    onward
}

fn name_of(expr: &Expr) -> &str {
    match &expr.kind {
        ExprKind::Name(name) => name,
        _ => "",
    }
}

/// Whether it is what the run was given (`dag_run.conf`), or what it was given or the DAG gives (`params`); none if it
/// is neither.
fn is_conf(expr: &Expr) -> Option<bool> {
    match &expr.kind {
        ExprKind::Name(name) if &**name == "params" => Some(false),
        ExprKind::Attribute(object, name) if name_of(object) == "dag_run" && &**name == "conf" => Some(true),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}

fn positional(arg: &Arg) -> Option<&Expr> {
    match arg {
        Arg::Positional(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentPath, Span};

    fn of(text: &str) -> Template {
        let at = Location { path: ContentPath::new("dags/d.py").unwrap(), span: Span::FILE };
        read(&format!("{text:?}"), &at, false)
    }

    #[test]
    fn pulls_are_read_with_what_is_asked_of_them() {
        let template =
            of("load.sh {{ ti.xcom_pull('x')['k'] }} {{ task_instance.xcom_pull(task_ids=\"y\", key='n') }}");
        let ids: Vec<_> = template.pulls.iter().map(|pull| (pull.task_ids.clone(), pull.key.clone())).collect();
        let one = |id: &str| Some(vec![id.to_owned()]);
        assert_eq!(ids, [(one("x"), Some("return_value".into())), (one("y"), Some("n".into()))]);
        let needs: Vec<_> = template.pulls[0].usage.needs.iter().map(|need| (&need.path[..], &need.what)).collect();
        let key = Step::Key("k".into());
        assert_eq!(needs, [(&[][..], &What::Key("k".into())), (&[key][..], &What::Text)]);
    }

    #[test]
    fn a_default_takes_the_place_of_what_is_missing() {
        let template = of(
            "{{ ti.xcom_pull('x') | default('y') }} {{ params.a }} {{ params.get('b') }} {{ params['c'] | default(1) }}",
        );
        assert!(template.pulls[0].usage.expects_none);
        let params: Vec<_> = template.params.iter().map(|read| (read.name.as_str(), read.required)).collect();
        assert_eq!(params, [("a", true), ("b", false), ("c", false)]);
    }

    #[test]
    fn statements_and_what_is_no_template_are_read_past() {
        let template = of("{% for f in ti.xcom_pull('files') %}{{ f }}{% endfor %}{ not {{ '{{' }} {{ broken(");
        assert_eq!(template.pulls.len(), 1);
        assert_eq!(template.pulls[0].task_ids, Some(vec!["files".to_owned()]));
    }
}
