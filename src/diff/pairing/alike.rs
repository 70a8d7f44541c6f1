//! Tasks under other ids that are alike and not equal: renamed and edited at once.

use super::links::Links;
use super::{ALIKE, float, label};
use crate::content::{BlobId, Snapshot};
use crate::dag::{Callable, Task};
use crate::ids::TaskId;
use std::collections::{BTreeMap, BTreeSet};

/// Arguments longer than this (in bytes) are compared as a whole.
const LONGEST_COMPARED: usize = 2_000;

/// More pairs than this are not all compared: then only those that share a name or the code.
const MOST_PAIRS: usize = 10_000;

/// How far below the best pair another one may be to be settled along with it, before the
/// neighbours are looked at again.
const STEP: f64 = 0.1;

/// A pair, and how alike it is apart from what stands around it.
struct Candidate {
    from: usize,
    to: usize,
    alone: f64,
}

/// Settles what is gone and new and alike; with how alike it is, of 100.
pub(super) fn settle(links: &mut Links, deployed: &Snapshot, proposed: &Snapshot) -> Vec<(usize, usize, u8)> {
    let mut candidates: Vec<Candidate> = possible(links)
        .into_iter()
        .map(|(from, to)| {
            let alone = alone((deployed, links.deployed[from].task), (proposed, links.proposed[to].task));
            Candidate { from, to, alone }
        })
        .filter(|candidate| candidate.alone + 0.25 >= ALIKE)
        .collect();
    let nothing = BTreeSet::new();
    let mut found = Vec::new();
    // Each round settles one pair at least.
    while !candidates.is_empty() {
        let mut scores: Vec<(f64, usize, usize)> = candidates
            .iter()
            .map(|pair| (pair.alone + 0.25 * links.around(pair.from, pair.to, &nothing), pair.from, pair.to))
            .filter(|(score, _, _)| *score >= ALIKE)
            .collect();
        // The best pair first; among equals the earliest of both sides, so that a row of twins pairs
        // in its order.
        scores.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let Some(top) = scores.first().map(|(score, _, _)| *score) else { break };
        for (score, from, to) in scores.into_iter().take_while(|(score, _, _)| *score >= top - STEP) {
            if !links.is_settled(from) && !links.is_taken(to) {
                links.settle(from, to);
                found.push((from, to, percent(score)));
            }
        }
        candidates.retain(|pair| !links.is_settled(pair.from) && !links.is_taken(pair.to));
    }
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score is between 0 and 1")]
fn percent(score: f64) -> u8 {
    (score * 100.0).round().clamp(0.0, 100.0) as u8
}

/// The pairs that are compared.
fn possible(links: &Links) -> Vec<(usize, usize)> {
    let from = (0..links.deployed.len()).filter(|at| links.is_gone(*at) && !links.is_element_of_what_stays(*at));
    let to = (0..links.proposed.len()).filter(|at| links.is_fresh(*at));
    let (from, to): (Vec<usize>, Vec<usize>) = (from.collect(), to.collect());
    if from.len().saturating_mul(to.len()) <= MOST_PAIRS {
        return from.iter().flat_map(|from| to.iter().map(|to| (*from, *to))).collect();
    }
    // Of very many, those that share a mark which few others have.
    let mut places: BTreeMap<Mark, Vec<usize>> = BTreeMap::new();
    for at in &to {
        for mark in marks(links.proposed[*at].task) {
            places.entry(mark).or_default().push(*at);
        }
    }
    let mut pairs = BTreeSet::new();
    for at in &from {
        for mark in marks(links.deployed[*at].task) {
            let found = places.get(&mark).map(Vec::as_slice).unwrap_or_default();
            if found.len() <= 8 {
                pairs.extend(found.iter().map(|to| (*at, *to)));
            }
        }
    }
    pairs.into_iter().collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Mark<'a> {
    Label(&'a str),
    Function(&'a str),
    Code(&'a BlobId),
    Argument(&'a str),
}

fn marks(task: &Task) -> impl Iterator<Item = Mark<'_>> {
    let of_function =
        task.callable.iter().flat_map(|callable| [Mark::Function(&callable.name), Mark::Code(&callable.code)]);
    let id = task.task_id.exact().map(|id| Mark::Label(label(id)));
    id.into_iter().chain(of_function).chain(task.arguments.texts().map(Mark::Argument))
}

/// How alike two tasks are in what they do and are called, of .75; 0 for another operator.
fn alone((deployed, a): (&Snapshot, &Task), (proposed, b): (&Snapshot, &Task)) -> f64 {
    if a.work() != b.work() || a.mapped.is_some() != b.mapped.is_some() {
        return 0.0;
    }
    let arguments = same_arguments(a, b);
    let code = match (&a.callable, &b.callable) {
        (Some(x), Some(y)) if x.code == y.code && a.captured == b.captured => 1.0,
        // Of an operator without a function in the tree, the arguments are the work.
        (None, None) => arguments,
        (Some(a), Some(b)) => {
            let named = if a.name == b.name { 0.5 } else { 0.0 };
            same_lines((deployed, a), (proposed, b)).max(named)
        }
        _ => 0.0,
    };
    0.4 * code + 0.25 * arguments + 0.1 * spelling(a, b)
}

/// How much of two functions that are not equal is the same, of 1; 0 where that is less than most
/// of it, since any two functions share some words.
fn same_lines((deployed, a): (&Snapshot, &Callable), (proposed, b): (&Snapshot, &Callable)) -> f64 {
    // The line of the name says nothing here: that it differs is the question.
    let body = |snapshot: &Snapshot, callable: &Callable| {
        let text = crate::diff::text(snapshot, &callable.at);
        text.split_once('\n').map(|(_, body)| body.to_string()).unwrap_or_default()
    };
    let (a, b) = (body(deployed, a), body(proposed, b));
    if a.len().max(b.len()) > LONGEST_COMPARED {
        return 0.0;
    }
    let ratio = f64::from(similar::TextDiff::from_words(&a, &b).ratio());
    if ratio < ALIKE { 0.0 } else { ratio }
}

/// How much of the arguments is the same, of 1; a text that was edited counts by what is left of it.
fn same_arguments(a: &Task, b: &Task) -> f64 {
    let names: BTreeSet<&str> = a.arguments.names().chain(b.arguments.names()).collect();
    if names.is_empty() {
        return 1.0;
    }
    let alike: f64 = names
        .iter()
        .map(|name| match (a.arguments.get(name), b.arguments.get(name)) {
            (Some(a), Some(b)) if a == b => 1.0,
            (Some(x), Some(y)) if x.len().max(y.len()) <= LONGEST_COMPARED => {
                let words = similar::TextDiff::from_words(unquoted(x), unquoted(y));
                if follows_the_id(&words, a, b) { 0.0 } else { f64::from(words.ratio()) }
            }
            _ => 0.0,
        })
        .sum();
    alike / float(names.len())
}

/// A text in canonical form without the quotes around it, which are part of its first and last word.
fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

/// Whether an argument changes as the id does (`load_eu` with `load.sh eu`, `load_us` with
/// `load.sh us`): two tasks of one kind, each with work of its own.
fn follows_the_id<'a>(words: &similar::TextDiff<'a, 'a, str>, a: &Task, b: &Task) -> bool {
    let (Some(from), Some(to)) = (a.task_id.exact(), b.task_id.exact()) else { return false };
    let named = |tag: similar::ChangeTag, id: &TaskId| {
        words.iter_all_changes().filter(|change| change.tag() == tag).any(|change| {
            let word = change.value().trim_matches(|c: char| !c.is_alphanumeric());
            !word.is_empty() && id.as_str().contains(word)
        })
    };
    named(similar::ChangeTag::Delete, from) && named(similar::ChangeTag::Insert, to)
}

/// How alike the last parts of the two ids are spelt.
fn spelling(a: &Task, b: &Task) -> f64 {
    let (Some(a), Some(b)) = (a.task_id.exact(), b.task_id.exact()) else { return 0.0 };
    f64::from(similar::TextDiff::from_chars(label(a), label(b)).ratio())
}
