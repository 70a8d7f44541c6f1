//! What models remember, as bytes that outlive a run of the program.
//!
//! Invariants: only what the same build of the program has written is read, and only if it is whole.
//! A part that was read says for itself what it depends on, as everything in the memory does, so that
//! nothing here can be out of date; what is missing is evaluated.

use super::super::inside::{At, Held, Names, Place, in_list, of_list, sum};
use super::super::words::Words;
use super::super::{Dag, FileError, Id, Reaches, Unknown};
use super::{Facts, Key, Memory, Origin, Read, Used};
use crate::content::{BlobId, ContentPath, Fingerprint, Kept, Layout, Location, Written};
use crate::dag::collect::Evaluation;
use crate::dag::discover::{self, Import, Statements};
use crate::ids::DagId;
use crate::python::parse::SyntaxError;
use crate::python::tree::{Answered, Trace};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Parts of what is remembered.
const PARTS: usize = 2;

/// With what the bytes begin, before the fingerprint of the build.
const MAGIC: [u8; 8] = *b"dagguard";
/// Magic, fingerprint, length and sum of the index.
const HEADER: usize = 8 + 16 + 8 + 8;
/// An index is no longer than this.
const LONGEST_INDEX: u64 = 256 << 20;

/// Evaluations in the small part at most; with more of them the large one is written.
const MOST_RECENT: usize = if cfg!(test) { 8 } else { 64 };
/// All that is written at most, beside the index; what was not used for long goes first.
const MOST_BYTES: usize = 64 << 20;
/// So often the large part is written before what nobody has used in between is left out.
const OLDEST: u32 = 8;
/// Evaluations of one file: branches differ, and go.
const MOST_OF_ONE: usize = 6;

/// Where the memory comes from.
#[derive(Debug)]
pub(super) struct Stored {
    build: Fingerprint,
    lost: Arc<AtomicBool>,
    /// The large part, and the small one.
    parts: Vec<Arc<dyn Kept>>,
    /// The model of a tree.
    model: Option<Arc<dyn Kept>>,
}

/// What stands before the insides.
#[derive(Default, Serialize, Deserialize)]
struct Index {
    imports: Vec<Arc<Import>>,
    /// Statements of files, by number.
    statements: Vec<Vec<u32>>,
    facts: Vec<(BlobId, OfFile)>,
    archives: Vec<(BlobId, bool, u32)>,
    answered: Vec<Answered>,
    /// Sets of the names of arguments.
    names: Vec<Names>,
    evaluations: Vec<OfKey>,
}

/// [`Facts`], the statements by number.
#[derive(Serialize, Deserialize)]
struct OfFile {
    words: discover::Words,
    imports: Result<u32, SyntaxError>,
    age: u32,
}

/// An evaluation and what it depends on, its questions by number.
#[derive(Serialize, Deserialize)]
struct OfKey {
    key: Key,
    trace: Vec<u32>,
    errors: Vec<FileError>,
    data: Arc<BTreeSet<ContentPath>>,
    dags: Vec<Head>,
    age: u32,
}

/// A DAG without its inside.
#[derive(Serialize, Deserialize)]
struct Head {
    dag_id: Id<DagId>,
    file: ContentPath,
    at: Location,
    id_at: Location,
    id_parts: Vec<Location>,
    unknown: Vec<Unknown>,
    names: u32,
    words: Option<Words>,
    inside: At,
}

impl Stored {
    /// What these hold, the large part first, the model last.
    pub(super) fn of(kept: &[Arc<dyn Kept>], build: Fingerprint) -> Self {
        let (parts, model) = kept.split_at(kept.len().min(PARTS));
        Self { build, lost: Arc::default(), parts: parts.to_vec(), model: model.first().cloned() }
    }

    /// Reads what is to be remembered, once.
    pub(super) fn read(&self, memory: &mut Memory) {
        if memory.read.is_some() {
            return;
        }
        let mut whole = false;
        for (number, kept) in self.parts.iter().enumerate() {
            let Some((index, insides)) = index(kept.as_ref(), self.build) else { continue };
            whole |= number == 0;
            let recent = number > 0;
            self.take(index, kept, insides, recent, memory);
        }
        memory.read = Some(Read { whole });
    }

    pub(super) fn lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn take(&self, index: Index, kept: &Arc<dyn Kept>, insides: u64, recent: bool, memory: &mut Memory) {
        let Index { imports, statements, facts, archives, answered, names, evaluations } = index;
        let of_file = |own: Vec<u32>| own.into_iter().map(|at| of(&imports, at)).collect::<Option<Statements>>();
        let statements: Vec<Option<Statements>> = statements.into_iter().map(of_file).collect();
        let origin = |age| if recent { Origin::Recent } else { Origin::Whole(age) };
        for (id, OfFile { words, imports: own, age }) in facts {
            let imports = match own.map(|own| of(&statements, own).flatten()) {
                Ok(Some(statements)) => Ok(statements),
                // A number of nothing: what the bytes say is not what was written.
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            let what = Arc::new(Facts { words, imports });
            memory.facts.entry(id).or_insert(Used { what, last: 0, origin: origin(age) });
        }
        for (id, what, age) in archives {
            memory.archives.entry(id).or_insert(Used { what, last: 0, origin: origin(age) });
        }
        for OfKey { key, trace, errors, data, dags, age } in evaluations {
            let Some(trace) = trace.into_iter().map(|at| of(&answered, at)).collect::<Option<_>>() else { continue };
            let trace = Trace::of(trace);
            let of_key = memory.evaluations.entry(key).or_insert_with(|| Vec::with_capacity(1));
            if of_key.iter().any(|known| known.what.0 == trace) {
                continue;
            }
            let dags = dags.into_iter().map(|head| self.dag(head, &names, kept, insides)).collect::<Option<_>>();
            let Some(dags) = dags else { continue };
            let what = (trace, Evaluation::new(dags, errors, data));
            of_key.push(Used { what, last: 0, origin: origin(age) });
        }
    }

    fn dag(&self, head: Head, names: &[Names], kept: &Arc<dyn Kept>, insides: u64) -> Option<Arc<Dag>> {
        let Head { dag_id, file, at, id_at, id_parts, unknown, names: own, words, inside } = head;
        let inside = At { from: insides.checked_add(inside.from)?, ..inside };
        let place = Place { store: kept.clone(), at: inside, lost: self.lost.clone() };
        let reaches = Reaches::only(&file);
        let inside = Held::kept(place, of(names, own)?, words);
        Some(Arc::new(Dag { dag_id, file, at, id_at, id_parts, unknown, reaches, inside }))
    }

    /// What is to be written, if anything was learnt that is not kept.
    pub(super) fn to_keep(&self, memory: &Memory) -> Option<Written> {
        // What little was learnt beside a model that was kept is learnt anew as soon as it is read.
        let Read { whole } = memory.read?;
        let evaluations = || memory.evaluations.values().flatten().map(|known| known.origin);
        let archives = memory.archives.values().map(|known| known.origin);
        let facts = || memory.facts.values().map(|known| known.origin).chain(archives.clone());
        if self.lost() || !evaluations().chain(facts()).any(|origin| origin == Origin::Learnt) {
            return None;
        }
        let is_recent = |origin: &Origin| matches!(origin, Origin::Learnt | Origin::Recent);
        let fits = |all: usize| all <= MOST_RECENT;
        let small = fits(evaluations().filter(is_recent).count()) && fits(facts().filter(is_recent).count());
        if whole && small {
            self.bytes(memory, |_, origin| is_recent(&origin).then_some(0)).map(Written::Recent)
        } else {
            let age = |last: u64, origin: Origin| match origin {
                Origin::Whole(age) if last == 0 => Some(age + 1).filter(|age| *age <= OLDEST),
                _ => Some(0),
            };
            self.bytes(memory, age).map(Written::Whole)
        }
    }

    /// Everything to which an age is given.
    fn bytes(&self, memory: &Memory, age: impl Fn(u64, Origin) -> Option<u32>) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        for (id, known) in &memory.facts {
            if let Some(age) = age(known.last, known.origin) {
                let imports = known.what.imports.as_ref().map_err(Clone::clone);
                let imports = imports.map(|statements| writer.statements(statements));
                writer.index.facts.push((*id, OfFile { words: known.what.words, imports, age }));
            }
        }
        for (id, known) in &memory.archives {
            writer.index.archives.extend(age(known.last, known.origin).map(|age| (*id, known.what, age)));
        }
        let mut all: Vec<(u32, &Key, &(Trace, Evaluation))> = Vec::new();
        for (key, of_key) in &memory.evaluations {
            let aged = of_key.iter().filter_map(|known| Some((age(known.last, known.origin)?, key, &known.what)));
            let mut aged: Vec<_> = aged.collect();
            aged.sort_by_key(|(age, _, _)| *age);
            all.extend(aged.into_iter().take(MOST_OF_ONE));
        }
        // What was used goes first, so that it is not that for which there is no room.
        all.sort_by_key(|(age, _, _)| *age);
        for (age, key, (trace, evaluation)) in all {
            writer.add(age, key, trace, evaluation);
        }
        let Writer { mut index, insides, imports, statements, answered, names, .. } = writer;
        index.imports = imports.all;
        index.statements = statements.all;
        index.answered = answered.all;
        index.names = names.all;
        let index = in_list(&index)?;
        let mut bytes = Vec::with_capacity(HEADER + index.len() + insides.len());
        bytes.extend(MAGIC);
        bytes.extend(self.build.0);
        bytes.extend((index.len() as u64).to_le_bytes());
        bytes.extend(sum(&index).to_le_bytes());
        bytes.extend(index);
        bytes.extend(insides);
        Some(bytes)
    }
}

fn of<T: Clone>(all: &[T], number: u32) -> Option<T> {
    all.get(usize::try_from(number).ok()?).cloned()
}

/// The index of what the same build has written, and where the insides begin.
fn index(kept: &dyn Kept, build: Fingerprint) -> Option<(Index, u64)> {
    let header = kept.read(0, HEADER)?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (of_build, rest) = rest.split_at(build.0.len());
    let (length, index_sum) = rest.split_at(8);
    if magic != MAGIC || of_build != build.0 {
        return None;
    }
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let insides = (HEADER as u64).checked_add(length)?;
    if length > LONGEST_INDEX || insides > kept.length() {
        return None;
    }
    let bytes = kept.read(HEADER as u64, usize::try_from(length).ok()?)?;
    if sum(&bytes).to_le_bytes() != index_sum {
        return None;
    }
    Some((of_list(&bytes)?, insides))
}

/// Values that stand once, by their numbers.
struct Numbered<T> {
    all: Vec<T>,
    numbers: BTreeMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> Numbered<T> {
    fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        // Far fewer than bytes of an index.
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }
}

#[derive(Default)]
struct Writer {
    index: Index,
    insides: Vec<u8>,
    imports: Numbered<Arc<Import>>,
    statements: Numbered<Vec<u32>>,
    answered: Numbered<Answered>,
    names: Numbered<Names>,
    known: BTreeMap<Key, BTreeSet<Vec<u32>>>,
}

impl Writer {
    fn statements(&mut self, statements: &Statements) -> u32 {
        let numbers = statements.iter().map(|one| self.imports.number(one)).collect();
        self.statements.number(&numbers)
    }

    /// Adds an evaluation, if it can be written and there is room.
    fn add(&mut self, age: u32, key: &Key, trace: &Trace, evaluation: &Evaluation) {
        if matches!(key.layout, Layout::Roots(_)) {
            return;
        }
        let insides: Option<Vec<Vec<u8>>> = evaluation.dags.iter().map(|dag| dag.inside.to_keep()).collect();
        let Some(insides) = insides else { return };
        let length = insides.iter().map(Vec::len).sum::<usize>();
        if self.insides.len() + length > MOST_BYTES {
            return;
        }
        let trace: Vec<u32> = trace.answered().iter().map(|answered| self.answered.number(answered)).collect();
        // Two trees that give the same answers give the same evaluation.
        if !self.known.entry(key.clone()).or_default().insert(trace.clone()) {
            return;
        }
        let mut dags = Vec::new();
        for (dag, bytes) in evaluation.dags.iter().zip(insides) {
            let Some(head) = self.head(dag, &bytes) else { return };
            dags.push(head);
        }
        let (errors, data) = (evaluation.errors.clone(), evaluation.data.clone());
        self.index.evaluations.push(OfKey { key: key.clone(), trace, errors, data, dags, age });
    }
}

impl Writer {
    /// Adds an inside, and gives what stands before it.
    fn head(&mut self, dag: &Dag, inside: &[u8]) -> Option<Head> {
        let length = u32::try_from(inside.len()).ok()?;
        let from = self.insides.len() as u64;
        self.insides.extend(inside);
        Some(Head {
            dag_id: dag.dag_id.clone(),
            file: dag.file.clone(),
            at: dag.at.clone(),
            id_at: dag.id_at.clone(),
            id_parts: dag.id_parts.clone(),
            unknown: dag.unknown.clone(),
            names: self.names.number(dag.inside.names()),
            words: dag.inside.words().cloned(),
            inside: At { from, length, sum: sum(inside) },
        })
    }
}

mod whole;

#[cfg(test)]
mod tests;
