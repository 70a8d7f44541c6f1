//! Values that pass between tasks: what each proposed reader finds wrong with what the deployed
//! producer has stored, and with what the proposed one will store.

mod read;
mod value;

use super::kind::{Counted, Handover, Hurt, Reach, Usage};
use super::{Certainty, Change, Data, Kind, Notice, Side, templates};
use crate::content::Location;
use crate::dag::Step;
use crate::dag::exchange::{Fit, Indexes, Need, Use, What};
use crate::dag::{Dag, Shape, Task};
use crate::ids::{DagId, TaskId};
pub(super) use read::codes;
use read::{Read, Way};
use std::collections::BTreeSet;
use value::Value;
pub(super) use value::returned;

/// Values that a task of the proposed DAG cannot use as it does, or does not find.
pub(super) fn changes((deployed, dag): (Side, &Dag), (proposed, other): (Side, &Dag)) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for consumer in &other.tasks {
        let Some(consumer_id) = consumer.task_id.exact() else { continue };
        let of = |side: &Side, dag: &Dag, task| read::of(dag, task, &templates::texts(side.snapshot, dag, task));
        let reads_before: Vec<Read> = dag.task(consumer_id).map(|task| of(&deployed, dag, task)).unwrap_or_default();
        let reads = of(&proposed, other, consumer);
        for read in &reads {
            let before = reads_before.iter().find(|before| before.same_source(read));
            if let Some(found) = taken_whole((dag, other), consumer, read, before)
                && !changes.iter().any(|known: &Change| known.kind == found.kind)
            {
                changes.push(found);
            }
            for (at, producer) in read.producers.iter().enumerate() {
                let read = &of_one(read, at);
                let before = before.map(|before| of_one(before, at));
                if read.prior && !is_behind(other, consumer, producer) {
                    // What an earlier run stored is read.
                    continue;
                }
                let meeting = Meeting { dag, other, consumer, read, before: before.as_ref() };
                let found = match &read.dag_id {
                    Some(id) if other.dag_id.exact().is_none_or(|own| own.as_str() != id) => {
                        elsewhere((deployed, proposed), (consumer, read, before.as_ref()), id, producer)
                    }
                    _ => {
                        let knew = || reads_before.iter().any(|known| known.producers.contains(producer));
                        meeting.not_before(producer).filter(|_| !knew()).or_else(|| meeting.change(producer))
                    }
                };
                for found in found.into_iter().chain(meeting.pair_changed(producer)) {
                    if !changes.iter().any(|known| known.kind == found.kind) {
                        changes.push(found);
                    }
                }
            }
            changes.extend(renamed(dag, other, consumer, (&reads_before, read)));
        }
    }
    changes
}

/// Of the readers that ask more of a task of which the text does not say what it returned, keeps those alone whose
/// producer runs other code than before: a producer that is as it was will return what it returned.
pub(super) fn keep_pairs(changes: &mut Vec<Change>) {
    let other_code = changes.iter().filter_map(|change| match &change.kind {
        Kind::Notice(Notice::BodyChanged { tasks, .. }) => Some((change.dags.clone(), tasks.clone())),
        _ => None,
    });
    let other_code: Vec<_> = other_code.collect();
    changes.retain(|change| match &change.kind {
        Kind::Data(Data::PairChanged { handover }) => {
            other_code.iter().any(|(dags, tasks)| *dags == change.dags && tasks.contains(&handover.producer))
        }
        _ => true,
    });
}

/// Pulls of DAGs that are as they were from tasks that changed DAGs do not have any more.
pub(super) fn changes_of_others(deployed: Side, proposed: Side, changed: &[(&Dag, &Dag)]) -> Vec<Change> {
    let gone = changed.iter().filter_map(|(dag, other)| {
        let lacks = |task: &Task| task.task_id.exact().is_some_and(|id| other.task(id).is_none());
        dag.dag_id.exact().filter(|_| dag.tasks.iter().any(lacks))
    });
    let gone: Vec<&DagId> = gone.collect();
    let mut changes: Vec<Change> = Vec::new();
    let is_as_it_was = |own: &Dag| !changed.iter().any(|(_, other)| std::ptr::eq(*other, own));
    let names = |own: &Dag| gone.iter().any(|id| own.may_quote(id.as_str()));
    for own in proposed.model.dags.iter().filter(|own| is_as_it_was(own) && names(own)) {
        for consumer in &own.tasks {
            for read in read::of(own, consumer, &templates::texts(proposed.snapshot, own, consumer)) {
                let Some(id) = read.dag_id.as_ref().filter(|id| gone.iter().any(|gone| gone.as_str() == **id)) else {
                    continue;
                };
                for (at, producer) in read.producers.iter().enumerate() {
                    let read = &of_one(&read, at);
                    let found = elsewhere((deployed, proposed), (consumer, read, Some(read)), id, producer);
                    let new = |found: &Change| !changes.iter().any(|known| known.kind == found.kind);
                    changes.extend(found.filter(new));
                }
            }
        }
    }
    changes
}

/// Whether a task runs after that one.
pub(super) fn is_behind(dag: &Dag, task: &Task, producer: &str) -> bool {
    let mut open: Vec<&TaskId> = task.upstream.iter().collect();
    let mut known: BTreeSet<&TaskId> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        if id.as_str() == producer {
            return true;
        }
        let above = dag.task(id).into_iter().flat_map(|task| &task.upstream);
        open.extend(above.filter(|id| known.insert(id)));
    }
    false
}

/// A list that is asked of tasks and used as if it were the value of one: it was one, or was used as a list.
fn taken_whole((dag, other): (&Dag, &Dag), consumer: &Task, read: &Read, before: Option<&Read>) -> Option<Change> {
    let list = Shape::list(Shape::Any);
    let Fit::Fails(why, _) = read.usage.fits(&list) else { return None };
    if !read.many || read.dag_id.is_some() || before.is_some_and(|had| had.many && had.usage.fits(&list).fails()) {
        return None;
    }
    let producer = TaskId::new(read.producers.first()?.as_str());
    let had = dag.task(&producer).map(|task| Value::of(task, dag, &read.key, consumer));
    let meeting = Meeting { dag, other, consumer, read, before };
    let wrong = || Some((hurt(why.clone(), true), Certainty::Certain));
    let handover = meeting.handover(producer.clone(), had.as_ref(), (wrong(), wrong()));
    Some(Change {
        kind: Kind::Data(Data::TypeChanged { before: handover.had.clone(), after: list, handover }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: dag.task(&producer).map(returned_at),
        proposed: Some(read.at.clone()),
    })
}

/// The read of one of the tasks that a list is asked of.
fn of_one(read: &Read, at: usize) -> Read {
    if !read.many {
        return read.clone();
    }
    let usage = read.usage.of_part(&[Step::Index(at)]);
    Read { usage, many: false, producers: read.producers.clone(), ..read.clone() }
}

/// A reader of the proposed DAG and one read of it.
struct Meeting<'a> {
    dag: &'a Dag,
    other: &'a Dag,
    consumer: &'a Task,
    read: &'a Read,
    /// The same read in the deployed code.
    before: Option<&'a Read>,
}

/// What a reader finds wrong, and whether the text proves it.
type Wrong = (Hurt, Certainty);

impl Meeting<'_> {
    fn change(&self, producer: &str) -> Option<Change> {
        let producer = TaskId::new(producer);
        let of_deployed = self.dag.task(&producer);
        let of_proposed = self.other.task(&producer);
        let key = self.read.key.as_str();
        let value = |task: &Task, dag: &Dag| Value::of(task, dag, key, self.consumer);
        let had = of_deployed.map(|task| value(task, self.dag));
        let Some(task) = of_proposed else { return self.missing(producer, of_deployed, had.as_ref()) };
        let has = value(task, self.other);
        let stored = self.stored(had.as_ref(), &has).or_else(|| self.miscounted_stored(had.as_ref()));
        let coming = self.coming(had.as_ref(), &has).or_else(|| self.miscounted(had.as_ref(), &has));
        let Some(certainty) = certainty(stored.as_ref(), coming.as_ref()) else {
            let was = of_deployed?;
            return self
                .unrecorded(&producer, was, had.as_ref())
                .or_else(|| self.read_changed(producer, was, had.as_ref()));
        };
        let handover = self.handover(producer, had.as_ref(), (stored, coming));
        Some(self.worded(handover, certainty, (of_deployed, had.as_ref()), (task, &has)))
    }

    /// A pull from a task that the DAG has, and that has not run when the reader starts, or need not have.
    fn not_before(&self, producer: &str) -> Option<Change> {
        let (id, own) = (TaskId::new(producer), self.consumer.task_id.exact()?);
        let task = self.other.task(&id)?;
        let of_itself = id == *own;
        // The instances of a mapped task store what the others can pull; a sensor may wait for the value.
        let is_mapped = self.consumer.mapped.is_some() || self.consumer.group.is_some();
        let waits =
            self.consumer.operator.contains("Sensor") || self.consumer.methods.iter().any(|code| code.name == "poke");
        if self.read.way != Way::Pull
            || of_itself && is_mapped
            || waits
            || is_behind(self.other, self.consumer, producer)
        {
            return None;
        }
        let (hurt, _) = self.absent()?;
        let certainty = if !self.other.complete() {
            Certainty::Possible(super::reason(self.other.unknown.first()?))
        } else if of_itself || is_behind(self.other, task, own.as_str()) {
            Certainty::Certain
        } else {
            Certainty::Possible("which of the two runs first is left to Airflow".to_owned())
        };
        let of_deployed = self.dag.task(&id)?;
        let had = Value::of(of_deployed, self.dag, &self.read.key, self.consumer);
        let has = Value::of(task, self.other, &self.read.key, self.consumer);
        let stored = self.stored(Some(&had), &has);
        let coming = Some((hurt, certainty.clone()));
        Some(Change {
            kind: Kind::Data(Data::ProducerNotBefore { handover: self.handover(id, Some(&had), (stored, coming)) }),
            dags: vec![self.dag.dag_id.clone()],
            certainty,
            deployed: Some(of_deployed.id_at.clone()),
            proposed: Some(self.read.at.clone()),
        })
    }

    fn handover(
        &self,
        producer: TaskId,
        had: Option<&Value>,
        (stored, coming): (Option<Wrong>, Option<Wrong>),
    ) -> Handover {
        Handover {
            producer,
            dag_id: None,
            consumer: self.consumer.task_id.exact().cloned().unwrap_or_else(|| TaskId::new("?")),
            key: self.read.key.clone(),
            stored: stored.map(|(hurt, _)| hurt),
            coming: coming.map(|(hurt, _)| hurt),
            usage: Usage(Box::new(self.read.usage.clone())),
            had: match had.map(|had| had.at(&self.read.indexes)) {
                Some(Value::Known(shape, _)) => shape.unmeasured(),
                Some(Value::Absent) => Shape::None,
                Some(Value::NotKnown) | None => Shape::Any,
            },
            reach: Reach::default(),
        }
    }

    /// A reader of a key that it did not read before, of a task whose keys the text does not say, that fails where
    /// that is not stored.
    fn unrecorded(&self, producer: &TaskId, was: &Task, had: Option<&Value>) -> Option<Change> {
        let of_one = !self.read.of_result() && !self.read.many;
        if had != Some(&Value::NotKnown) || !of_one || !self.changed() {
            return None;
        }
        let missing = self.absent().filter(|(hurt, _)| hurt.fails);
        missing.as_ref()?;
        let handover = self.handover(producer.clone(), had, (missing, None));
        Some(Change {
            kind: Kind::Data(Data::KeyUnrecorded { handover }),
            dags: vec![self.dag.dag_id.clone()],
            certainty: Certainty::Certain,
            deployed: Some(defined_at(was)),
            proposed: Some(self.read.at.clone()),
        })
    }

    /// A reader that asks more than before of a value whose type the text does not say.
    fn read_changed(&self, producer: TaskId, was: &Task, had: Option<&Value>) -> Option<Change> {
        let one = self.before.is_some() && self.read.of_result() && !self.read.many;
        if had != Some(&Value::NotKnown) || !one || !self.changed() || self.read.usage.needs.is_empty() {
            return None;
        }
        Some(Change {
            kind: Kind::Data(Data::ReadChanged { handover: self.handover(producer, had, (None, None)) }),
            dags: vec![self.dag.dag_id.clone()],
            certainty: Certainty::Certain,
            deployed: Some(returned_at(was)),
            proposed: Some(self.read.at.clone()),
        })
    }

    /// A reader that asks more than before of a task of which the text does not say what it returned: if that is
    /// changed too (see [`keep_pairs`]), what it will return may be made for the reader, and what is stored is not.
    fn pair_changed(&self, producer: &str) -> Option<Change> {
        let id = TaskId::new(producer);
        let (was, task) = (self.dag.task(&id)?, self.other.task(&id)?);
        let value = |task: &Task, dag: &Dag| Value::of(task, dag, &self.read.key, self.consumer);
        let (had, has) = (value(was, self.dag), value(task, self.other).at(&self.read.indexes));
        let asks_more = self.before.is_none_or(|before| self.read.usage.asks_more_than(&before.usage));
        let one = self.read.of_result() && self.read.dag_id.is_none() && !self.read.many;
        let suits = match has {
            Value::Known(shape, _) => !self.read.usage.fits(&shape).fails(),
            Value::NotKnown => true,
            Value::Absent => false,
        };
        if had != Value::NotKnown || !one || !suits || !asks_more || self.read.usage.needs.is_empty() {
            return None;
        }
        let why = format!("the text does not say what the deployed `{producer}` returned");
        let lacks = "part of what it now asks for is missing".to_owned();
        let stored = Some((hurt(lacks, true), Certainty::Possible(why.clone())));
        Some(Change {
            kind: Kind::Data(Data::PairChanged { handover: self.handover(id, Some(&had), (stored, None)) }),
            dags: vec![self.dag.dag_id.clone()],
            certainty: Certainty::Possible(why),
            deployed: Some(returned_at(was)),
            proposed: Some(self.read.at.clone()),
        })
    }

    /// What the proposed reader finds wrong with what the proposed producer will store.
    fn coming(&self, had: Option<&Value>, has: &Value) -> Option<Wrong> {
        let had_at = had.map(|had| had.at(&self.read.indexes));
        match has.at(&self.read.indexes) {
            Value::NotKnown => None,
            Value::Absent if had_at == Some(Value::Absent) && self.before.is_some() => None,
            Value::Absent => self.absent(),
            Value::Known(shape, _) => {
                let base = self.base(had);
                match self.read.usage.fits(&shape) {
                    Fit::Fails(..) | Fit::Alters(..) if base.as_ref().is_some_and(|base| !base.passes()) => None,
                    Fit::Fails(why, _) => Some((hurt(why, true), Certainty::Certain)),
                    Fit::Alters(why, _) => Some((hurt(why, false), Certainty::Certain)),
                    Fit::May(..) if base.as_ref().is_some_and(|base| !base.passes()) => None,
                    Fit::May(why, _) => Some((hurt(why.clone(), true), Certainty::Possible(why))),
                    Fit::Fits => {
                        let Some(Value::Known(known, _)) = had_at.filter(|_| !self.rewritten()) else { return None };
                        let why = self.read.usage.misreads(&known, &shape)?;
                        Some((hurt(why.clone(), false), Certainty::Possible(why)))
                    }
                    Fit::Open(_) => {
                        let Some(Value::Known(known, _)) = had_at else { return None };
                        if self.rewritten() {
                            // Both sides change together, and nothing that is followed speaks against it.
                            return None;
                        }
                        let why = format!("it was written for {}, and gets {}", known.shown(), shape.shown());
                        let parts = self.read.usage.open_in(&known, &shape);
                        let certainty = parts.iter().filter_map(|(a, b)| differs(a, b)).min()?;
                        Some((hurt(why, true), certainty))
                    }
                }
            }
        }
    }

    /// What the proposed reader finds wrong with what the deployed producer has stored.
    fn stored(&self, had: Option<&Value>, has: &Value) -> Option<Wrong> {
        if !self.changed() {
            return None;
        }
        match had?.at(&self.read.indexes) {
            Value::NotKnown => None,
            Value::Absent => self.absent(),
            Value::Known(shape, _) => {
                let base = self.base(had);
                match self.read.usage.fits(&shape) {
                    Fit::Fails(..) | Fit::Alters(..) | Fit::May(..)
                        if base.as_ref().is_some_and(|base| !base.passes()) =>
                    {
                        None
                    }
                    Fit::Fails(why, _) => Some((hurt(why, true), Certainty::Certain)),
                    Fit::Alters(why, _) => Some((hurt(why, false), Certainty::Certain)),
                    Fit::May(why, _) => Some((hurt(why.clone(), true), Certainty::Possible(why))),
                    Fit::Fits => None,
                    Fit::Open(at) => {
                        let Value::Known(new, _) = has.at(&self.read.indexes) else { return None };
                        if differs(&shape, &new)? != Certainty::Certain {
                            return None;
                        }
                        let why =
                            format!("the value goes on to code that is not followed ({}:{})", at.path, at.span.line);
                        let sentence = format!("it is written for {}, and gets {}", new.shown(), shape.shown());
                        Some((hurt(sentence, true), Certainty::Possible(why)))
                    }
                }
            }
        }
    }

    /// How the deployed reader goes with what the deployed producer stores.
    fn base(&self, had: Option<&Value>) -> Option<Fit> {
        let before = self.before?;
        match had?.at(&before.indexes) {
            Value::Known(shape, _) => Some(before.usage.fits(&shape)),
            _ => None,
        }
    }

    /// What the proposed reader finds wrong with how many values the proposed producer will store.
    fn miscounted(&self, had: Option<&Value>, has: &Value) -> Option<Wrong> {
        let (why, counted) = miscounted(self.read, has)?;
        if self.before.zip(had).is_some_and(|(before, had)| miscounted(before, had).is_some()) {
            return None;
        }
        Some((Hurt { why, fails: true, nothing: false, counted }, Certainty::Certain))
    }

    /// The same of those that the deployed producer has stored.
    fn miscounted_stored(&self, had: Option<&Value>) -> Option<Wrong> {
        self.changed().then(|| self.miscounted(had, had?)).flatten()
    }

    /// Whether the reader asks something that it did not ask before.
    fn changed(&self) -> bool {
        self.before.is_none_or(|before| {
            self.read.usage.asks_more_than(&before.usage)
                || before.way != self.read.way
                || before.indexes != self.read.indexes
        })
    }

    /// Whether the reader does anything else with the value than before.
    fn rewritten(&self) -> bool {
        self.changed()
            || self.before.is_some_and(|before| {
                let usage = &self.read.usage;
                before.usage.asks_more_than(usage) || before.usage.open_parts != usage.open_parts
            })
    }

    /// What becomes of the reader if nothing is stored.
    fn absent(&self) -> Option<Wrong> {
        let read = self.read;
        if read.prior {
            // Earlier runs may have stored something.
            return None;
        }
        if read.way == Way::Argument && !read.of_result() {
            // Where the proposed producer has `multiple_outputs`, Airflow 2.11 and 3 give `None`.
            let why = format!("key `{}` is not stored", read.key);
            let lenient = self.producer_splits() && !read.usage.fits(&Shape::None).fails();
            let hurt = Hurt { why, fails: !lenient, nothing: true, counted: Counted::No };
            return Some((hurt, Certainty::Certain));
        }
        let given = read.default.clone().unwrap_or(Shape::None);
        let nothing = |why: String, fails: bool| {
            Some((Hurt { why, fails, nothing: true, counted: Counted::No }, Certainty::Certain))
        };
        match read.usage.fits(&given) {
            Fit::Fails(why, _) => nothing(why, true),
            _ if read.default.is_some() || read.usage.expects_none || read.usage == Use::default() => None,
            Fit::Alters(why, _) => nothing(why, false),
            _ => nothing("it finds nothing there".to_owned(), false),
        }
    }

    fn producer_splits(&self) -> bool {
        let producers = self.read.producers.iter().filter_map(|id| self.other.task(&TaskId::new(id.as_str())));
        producers.into_iter().any(|task| task.multiple_outputs == Some(true))
    }

    /// The proposed DAG does not have the task that is pulled from.
    fn missing(&self, producer: TaskId, was: Option<&Task>, had: Option<&Value>) -> Option<Change> {
        if was.is_none() && self.before.is_some() {
            // So it was before.
            return None;
        }
        let stored = self.stored(had, &Value::NotKnown);
        let coming = self.absent();
        certainty(stored.as_ref(), coming.as_ref())?;
        let certainty = match self.other.unknown.first() {
            Some(unknown) => Certainty::Possible(super::reason(unknown)),
            None => Certainty::Certain,
        };
        Some(Change {
            kind: Kind::Data(Data::ProducerMissing { handover: self.handover(producer, had, (stored, coming)) }),
            dags: vec![self.dag.dag_id.clone()],
            certainty,
            deployed: was.map(|task| task.id_at.clone()).or_else(|| Some(self.dag.at.clone())),
            proposed: Some(self.read.at.clone()),
        })
    }

    /// The change under the name of what is wrong.
    fn worded(
        &self,
        handover: Handover,
        certainty: Certainty,
        (was, had): (Option<&Task>, Option<&Value>),
        (task, has): (&Task, &Value),
    ) -> Change {
        let nothing = [&handover.stored, &handover.coming].into_iter().flatten().any(|hurt| hurt.nothing);
        let counted =
            [&handover.stored, &handover.coming].into_iter().flatten().any(|hurt| hurt.counted != Counted::No);
        let shape = |value: Option<&Value>| match value.map(|value| value.at(&self.read.indexes)) {
            Some(Value::Known(Shape::List(one, _), Some(count))) if counted => Shape::Tuple(vec![*one; count]),
            Some(Value::Known(shape, _)) => shape,
            Some(Value::Absent) => Shape::None,
            _ => Shape::Any,
        };
        let (mut before, mut after) = (shape(had), shape(Some(has)));
        if before.unmeasured() != after.unmeasured() {
            (before, after) = (before.unmeasured(), after.unmeasured());
        }
        let splits = |task: Option<&Task>| task.is_some_and(|task| task.multiple_outputs == Some(true));
        let (split_before, split_after) = (splits(was), splits(Some(task)));
        let key = handover.key.clone();
        let (data, deployed, proposed) = if nothing && !self.read.of_result() && split_before != split_after {
            let data = Data::LayoutChanged { handover, before: split_before, after: split_after };
            (data, was.map(defined_at), Some(defined_at(task)))
        } else if nothing && !self.read.of_result() {
            (Data::KeyChanged { handover }, was.and_then(|task| pushed_at(task, &key)), Some(self.read.at.clone()))
        } else if nothing {
            (Data::PushDisabled { handover }, was.map(returned_at), Some(returned_at(task)))
        } else {
            let data = if [&before, &after].into_iter().all(is_dict) {
                Data::KeysChanged { handover, before, after }
            } else {
                Data::TypeChanged { handover, before, after }
            };
            (data, was.map(returned_at), Some(returned_at(task)))
        };
        Change {
            kind: Kind::Data(data),
            dags: vec![self.dag.dag_id.clone()],
            certainty,
            deployed: deployed.or_else(|| was.map(|task| task.at.clone())).or_else(|| Some(self.dag.at.clone())),
            proposed,
        }
    }
}

fn hurt(why: String, fails: bool) -> Hurt {
    Hurt { why, fails, nothing: false, counted: Counted::No }
}

/// Why the number of the values that a mapped task stores is wrong for a reader, if it is.
fn miscounted(read: &Read, value: &Value) -> Option<(String, Counted)> {
    let Value::Known(Shape::List(one, _), Some(count)) = value.at(&read.indexes) else { return None };
    let asks = |need: &&Need| need.path.is_empty() && matches!(need.what, What::Index(_) | What::Unpack(..));
    let usage = Use { needs: read.usage.needs.iter().filter(asks).cloned().collect(), ..Use::default() };
    let fault = |count: usize| match usage.fits(&Shape::Tuple(vec![(*one).clone(); count])) {
        Fit::Fails(why, _) => Some(why),
        _ => None,
    };
    let why = fault(count)?;
    // Airflow 2 leaves out what is not there.
    let fits_three = matches!(&read.indexes, Indexes::These(all) if fault(all.len()).is_none());
    Some((why, if fits_three { Counted::OnTwo } else { Counted::Yes }))
}

/// Whether anything is wrong, and is so for certain.
fn certainty(stored: Option<&Wrong>, coming: Option<&Wrong>) -> Option<Certainty> {
    [stored, coming].into_iter().flatten().map(|(_, certainty)| certainty.clone()).min()
}

fn returned_at(task: &Task) -> Location {
    let execute = task.methods.iter().find(|method| method.name == "execute");
    task.callable.as_ref().or(execute).map_or_else(|| task.at.clone(), |code| code.returns_at.clone())
}

fn defined_at(task: &Task) -> Location {
    task.callable.as_ref().map_or_else(|| task.at.clone(), |code| code.at.clone())
}

fn pushed_at(task: &Task, key: &str) -> Option<Location> {
    let mut pushes = read::codes(task).flat_map(|code| &code.exchange.pushes);
    pushes.find(|push| push.key == key).map(|push| push.at.clone())
}

/// A pull from a task of another DAG that the proposed tree does not have any more.
fn elsewhere(
    (deployed, proposed): (Side, Side),
    (consumer, read, before): (&Task, &Read, Option<&Read>),
    dag_id: &str,
    producer: &str,
) -> Option<Change> {
    let has = |side: Side| super::reference::has_task(side.model, dag_id, producer);
    let (Some(true), Some(false)) = (has(deployed), has(proposed)) else { return None };
    let own = proposed.model.dags.iter().find(|dag| dag.holds(consumer))?;
    let meeting = Meeting { dag: own, other: own, consumer, read, before };
    let coming = meeting.absent()?;
    let handover = Handover {
        dag_id: Some(DagId::new(dag_id)),
        ..meeting.handover(TaskId::new(producer), None, (None, Some(coming)))
    };
    Some(Change {
        kind: Kind::Data(Data::ProducerMissing { handover }),
        dags: vec![own.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed: super::reference::task_at(deployed.model, dag_id, producer),
        proposed: Some(read.at.clone()),
    })
}

/// A pull by name that follows a task to an id under which the run has stored nothing yet.
fn renamed(dag: &Dag, other: &Dag, consumer: &Task, (before, read): (&[Read], &Read)) -> Option<Change> {
    let new = |id: &String| dag.task(&TaskId::new(id.as_str())).is_none();
    let to = read.producers.iter().find(|id| new(id) && other.task(&TaskId::new(id.as_str())).is_some())?;
    if read.way == Way::Argument
        || read.prior
        || read.dag_id.is_some()
        || before.iter().any(|known| known.same_source(read))
    {
        return None;
    }
    let from = before
        .iter()
        .filter(|known| known.key == read.key && known.way == Way::Pull)
        .flat_map(|known| &known.producers)
        .find(|id| other.task(&TaskId::new(id.as_str())).is_none())?;
    let from = TaskId::new(from.as_str());
    let deployed = dag.task(&from).map(|task| task.id_at.clone());
    Some(Change {
        kind: Kind::Data(Data::ProducerRenamed {
            from,
            to: TaskId::new(to.as_str()),
            consumer: consumer.task_id.exact()?.clone(),
        }),
        dags: vec![dag.dag_id.clone()],
        certainty: Certainty::Certain,
        deployed,
        proposed: Some(read.at.clone()),
    })
}

/// Whether code that knew `before` can stumble over `after`; `None` if not, or if nothing is
/// known about one of them. How many elements a list has is for the code to ask.
pub(super) fn differs(before: &Shape, after: &Shape) -> Option<Certainty> {
    of_another_type(&before.unmeasured(), &after.unmeasured())
}

fn of_another_type(before: &Shape, after: &Shape) -> Option<Certainty> {
    use Shape::{Any, Dict, List, Named, None as Nothing, Record, Tuple, Union};
    let possible = |what: &str| Some(Certainty::Possible(what.to_string()));
    match (before, after) {
        (Any, _) | (_, Any) => None,
        (a, b) if a == b => None,
        (Union(a), b) => {
            let new = alternatives(b).filter(|shape| !a.contains(shape)).count();
            if new == 0 || a.contains(&Any) { None } else { possible("it returns one of several types") }
        }
        (a, Union(b)) => {
            if b.contains(a) || b.contains(&Any) {
                possible("it returns one of several types")
            } else {
                Some(Certainty::Certain)
            }
        }
        (Dict(Some(a)), Dict(Some(b))) => {
            // More keys hurt nobody; a missing one hurts whoever reads it.
            if a.keys().any(|key| !b.contains_key(key)) {
                return possible("keys of the dict went; who reads them is not known");
            }
            let other = a.iter().any(|(key, a)| b.get(key).is_some_and(|b| of_another_type(a, b).is_some()));
            if other { possible("what a key of the dict holds is of another type") } else { None }
        }
        (Record(a, _), Record(b, _)) if a == b => possible("the fields of the class are others"),
        (List(a, _), List(b, _)) => match of_another_type(a, b) {
            Some(_) => possible("the elements are of another type"),
            None => None,
        },
        (Tuple(a), Tuple(b)) if a.len() == b.len() => {
            if a.iter().zip(b).any(|(a, b)| of_another_type(a, b).is_some()) {
                possible("the elements are of another type")
            } else {
                None
            }
        }
        (List(..), Named(set)) | (Named(set), List(..)) if &**set == "set" => {
            possible("a set and a list stand for each other")
        }
        // What is stored as JSON comes back as a list either way.
        (List(..), Tuple(_)) | (Tuple(_), List(..)) | (Dict(_), Dict(_)) => None,
        // Python's numbers stand in for each other nearly everywhere.
        (Named(a), Named(b)) if is_number(a) && is_number(b) => possible("one number type for another"),
        (Nothing, _) => possible("nothing was returned before"),
        _ => Some(Certainty::Certain),
    }
}

fn is_dict(shape: &Shape) -> bool {
    alternatives(shape).all(|shape| matches!(shape, Shape::Dict(_)))
}

fn is_number(name: &str) -> bool {
    matches!(name, "int" | "float" | "bool")
}

fn alternatives(shape: &Shape) -> Box<dyn Iterator<Item = &Shape> + '_> {
    match shape {
        Shape::Union(all) => Box::new(all.iter()),
        one => Box::new(std::iter::once(one)),
    }
}
