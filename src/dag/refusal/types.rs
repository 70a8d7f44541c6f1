//! Of which types Airflow takes its arguments. Measured on 2.6.2, 2.11.2 and 3.3.2; what the releases
//! between two of these refuse is not held, and nothing is refused there.

use super::super::names::at_least;
use super::super::world::Run;
use crate::ids::AirflowVersion;
use crate::python::standard::Standard;
use crate::python::value::{Args, At, Object, Value};

/// What a value certainly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Text,
    Bytes,
    Bool,
    Int,
    Float,
    List,
    Tuple,
    Set,
    Dict,
    Function,
    Delta,
}

use Kind::{Bool, Bytes, Delta, Dict, Float, Function, Int, List, Set, Text, Tuple};

fn kind(run: &Run, value: &Value) -> Option<Kind> {
    Some(match value {
        Value::None => Kind::None,
        Value::Str(_) => Text,
        Value::Bytes(_) => Bytes,
        Value::Bool(_) => Bool,
        Value::Int(_) => Int,
        Value::Float(_) => Float,
        Value::Object(object) => match run.object(*object) {
            Object::List(_) => List,
            Object::Tuple(_) => Tuple,
            Object::Set(_) => Set,
            Object::Dict(_) => Dict,
            Object::Function(_) => Function,
            Object::Standard(Standard::Delta(_)) => Delta,
            _ => return None,
        },
        _ => return None,
    })
}

/// Which releases check an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    All,
    /// 2.11.2.
    Two,
    /// 2.11.2 and 3.3.2.
    Later,
    /// 3.3.2.
    Three,
}

impl By {
    fn holds(self, version: Option<AirflowVersion>) -> bool {
        let Some(version) = version else { return self == Self::All };
        let two = at_least(version, 2, 11) && !at_least(version, 3, 0);
        let three = at_least(version, 3, 3) && !at_least(version, 3, 4);
        match self {
            Self::All => true,
            Self::Two => two,
            Self::Later => two || three,
            Self::Three => three,
        }
    }
}

/// An argument, who checks it, and what it may be besides `None`.
type Row = (&'static str, By, &'static [Kind]);

const DAG: &[Row] = &[
    ("default_args", By::All, &[Dict]),
    ("params", By::All, &[Dict]),
    ("doc_md", By::All, &[Text]),
    ("owner_links", By::All, &[Dict]),
    ("access_control", By::All, &[Dict]),
    ("description", By::Later, &[Text]),
    ("max_active_tasks", By::Later, &[Int, Bool]),
    ("max_active_runs", By::Later, &[Int, Bool]),
    ("max_consecutive_failed_dag_runs", By::Later, &[Int, Bool]),
    ("dagrun_timeout", By::Later, &[Delta]),
    ("dag_display_name", By::Later, &[Text]),
    ("default_view", By::Two, &[Text]),
    ("orientation", By::Two, &[Text]),
    ("catchup", By::Two, &[Bool]),
    ("is_paused_upon_creation", By::Two, &[Bool]),
    ("render_template_as_native_obj", By::Two, &[Bool]),
    ("tags", By::Two, &[List]),
    ("auto_register", By::Two, &[Bool]),
    ("fail_stop", By::Two, &[Bool]),
];

const OPERATOR: &[Row] = &[
    ("default_args", By::All, &[Dict]),
    ("params", By::All, &[Dict]),
    ("priority_weight", By::All, &[Int, Bool]),
    ("email", By::Two, &[Text, Bytes, List, Tuple, Set, Dict]),
    ("email", By::Three, &[Text, Bytes, List, Tuple]),
    ("email_on_retry", By::Later, &[Bool]),
    ("email_on_failure", By::Later, &[Bool]),
    ("retry_exponential_backoff", By::Two, &[Bool]),
    ("retry_exponential_backoff", By::Three, &[Bool, Int, Float]),
    ("depends_on_past", By::Later, &[Bool]),
    ("ignore_first_depends_on_past", By::Later, &[Bool]),
    ("wait_for_past_depends_before_skipping", By::Later, &[Bool]),
    ("wait_for_downstream", By::Later, &[Bool]),
    ("queue", By::Later, &[Text]),
    ("pool", By::Later, &[Text]),
    ("pool_slots", By::Later, &[Int, Bool]),
    ("run_as_user", By::Later, &[Text]),
    ("map_index_template", By::Later, &[Text]),
    ("max_active_tis_per_dag", By::Later, &[Int, Bool]),
    ("max_active_tis_per_dagrun", By::Later, &[Int, Bool]),
    ("executor", By::Later, &[Text]),
    ("do_xcom_push", By::Later, &[Bool]),
    ("multiple_outputs", By::Later, &[Bool]),
    ("doc", By::Later, &[Text]),
    ("doc_md", By::Later, &[Text]),
    ("doc_json", By::Later, &[Text]),
    ("doc_yaml", By::Later, &[Text]),
    ("doc_rst", By::Later, &[Text]),
    ("task_display_name", By::Later, &[Text]),
    ("allow_nested_operators", By::Later, &[Bool]),
];

const GROUP: &[Row] = &[
    ("prefix_group_id", By::Two, &[Bool]),
    ("tooltip", By::Later, &[Text]),
    ("ui_color", By::Later, &[Text]),
    ("ui_fgcolor", By::Later, &[Text]),
];

/// Arguments that may be anything else, but not this.
type Refused = (&'static str, By, &'static [Kind]);

const NO_DAG: &[Refused] = &[("default_args", By::Three, &[Kind::None]), ("owner_links", By::Three, &[Kind::None])];

const NO_OPERATOR: &[Refused] = &[
    ("pool_slots", By::All, &[Text, Kind::None]),
    ("trigger_rule", By::All, &[Int, Float, Bool]),
    ("priority_weight", By::Three, &[Kind::None]),
    ("start_date", By::Three, &[Text, Int, Float, Bool]),
    ("end_date", By::All, &[Int, Float, Bool]),
];

const NO_GROUP: &[Refused] = &[("dag", By::Three, &[Kind::None])];

fn wrong(run: &Run, args: &Args, rows: &[Row], refused: &[Refused]) -> Option<(String, At)> {
    let version = run.host.version;
    args.keywords.iter().find_map(|(name, argument)| {
        let rows = rows.iter().filter(|row| *row.0 == **name && row.1.holds(version));
        let refused = refused.iter().filter(|row| *row.0 == **name && row.1.holds(version));
        let (mut rows, mut refused) = (rows.peekable(), refused.peekable());
        if rows.peek().is_none() && refused.peek().is_none() {
            return None;
        }
        let kind = kind(run, &argument.value)?;
        let bad =
            kind != Kind::None && rows.any(|row| !row.2.contains(&kind)) || refused.any(|row| row.2.contains(&kind));
        bad.then(|| (name.to_string(), argument.at))
    })
}

/// The argument of a DAG that is of no type which it takes.
pub(super) fn of_dag(run: &Run, args: &Args) -> Option<(String, At)> {
    let wrong = wrong(run, args, DAG, NO_DAG);
    wrong.or_else(|| {
        args.keyword("tags").filter(|tags| has_wrong_tag(run, &tags.value)).map(|tags| ("tags".into(), tags.at))
    })
}

/// The argument of an operator that is of no type which it takes.
pub(super) fn of_operator(run: &Run, args: &Args) -> Option<(String, At)> {
    wrong(run, args, OPERATOR, NO_OPERATOR)
}

/// The argument of a group that is of no type which it takes.
pub(super) fn of_group(run: &Run, args: &Args) -> Option<(String, At)> {
    wrong(run, args, GROUP, NO_GROUP)
}

/// Whether one of the tags is no text, or longer than every release takes.
fn has_wrong_tag(run: &Run, tags: &Value) -> bool {
    /// The longest tag.
    const LONGEST: usize = 100;
    run.items(tags).is_some_and(|tags| {
        tags.iter().any(|tag| match tag {
            Value::Str(text) => text.text.chars().count() > LONGEST,
            tag => super::no_text(tag) && !matches!(tag, Value::Bytes(_)),
        })
    })
}

/// Whether a schedule is certainly none: of the wrong type, or a list of what is no asset.
pub(super) fn no_schedule(run: &Run, value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => true,
        Value::Object(object) if run.hazy(*object).is_none() => match run.object(*object) {
            Object::List(items) | Object::Tuple(items) => {
                items.items.iter().any(|item| super::no_text(item) || item.as_str().is_some())
            }
            Object::Dict(dict) => dict.len() > 0,
            _ => false,
        },
        _ => false,
    }
}
