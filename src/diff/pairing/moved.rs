//! Work that is on the proposed side under the id of other work: ids that were swapped, or that count up
//! (`f"step_{index}"`) and now begin to count elsewhere.

use super::family::Shift;
use super::links::Links;
use std::collections::{BTreeMap, BTreeSet};

/// Settles equal work under another id: renames of a task that is gone, each with its ids, and chains of
/// ids that mean other work.
pub(super) fn settle(links: &mut Links) -> (Vec<(usize, usize)>, Vec<Shift>) {
    let candidates = candidates(links);
    let mut renamed = Vec::new();
    let mut moves = Vec::new();
    for (from, to) in candidates {
        let stays = links.proposed_at(links.deployed[from].id).is_some();
        let known = links.deployed_at(links.proposed[to].id).is_some();
        if stays || known {
            moves.push((from, to));
        } else {
            links.settle(from, to);
            renamed.push((from, to));
        }
    }
    let shifts = chains(links, &moves).into_iter().filter_map(|chain| shift(links, &chain)).collect();
    (renamed, shifts)
}

/// Pairs of equal work under two ids, of tasks that are not what they were under their own.
fn candidates(links: &Links) -> Vec<(usize, usize)> {
    let changed = |key: u64, other: Option<u64>| other != Some(key);
    let mut buckets: BTreeMap<u64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    let mut before: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, work) in links.deployed.iter().enumerate() {
        *before.entry(work.key).or_default() += 1;
        let same = links.proposed_at(work.id).map(|to| links.proposed[to].key);
        if !links.is_settled(at) && work.says_something && changed(work.key, same) {
            buckets.entry(work.key).or_default().0.push(at);
        }
    }
    for (at, work) in links.proposed.iter().enumerate() {
        let same = links.deployed_at(work.id).map(|from| links.deployed[from].key);
        if !links.is_taken(at)
            && changed(work.key, same)
            && let Some((_, to)) = buckets.get_mut(&work.key)
        {
            to.push(at);
        }
    }
    let mut pairs = Vec::new();
    for (key, (mut from, mut to)) in buckets {
        // What is gone goes on as what is new, before ids that both sides have.
        from.sort_by_key(|at| links.proposed_at(links.deployed[*at].id).is_some());
        to.sort_by_key(|at| links.deployed_at(links.proposed[*at].id).is_some());
        by_label(links, &mut from, &mut to, &mut pairs);
        // Of tasks that one call makes, work that several do says nothing about which is which.
        let alone = before.get(&key) == Some(&1);
        from.retain(|at| alone || !links.is_element_of_what_stays(*at));
        pairs.extend(from.into_iter().zip(to));
    }
    pairs.sort_unstable();
    pairs
}

/// Pairs those whose ids differ by the prefixes of their groups alone.
fn by_label(links: &Links, from: &mut Vec<usize>, to: &mut Vec<usize>, pairs: &mut Vec<(usize, usize)>) {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in to.iter().rev() {
        places.entry(super::label(links.proposed[*at].id)).or_default().push(*at);
    }
    from.retain(|at| {
        let found = places.get_mut(super::label(links.deployed[*at].id)).and_then(Vec::pop);
        if let Some(found) = found {
            pairs.push((*at, found));
            to.retain(|open| *open != found);
        }
        found.is_none()
    });
}

/// Moves that hang together: the id that one leaves is the id that the next one takes.
fn chains(links: &Links, moves: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    let by_source: BTreeMap<&str, usize> =
        moves.iter().enumerate().map(|(at, (from, _))| (links.deployed[*from].id.as_str(), at)).collect();
    let by_target: BTreeMap<&str, usize> =
        moves.iter().enumerate().map(|(at, (_, to))| (links.proposed[*to].id.as_str(), at)).collect();
    let mut seen = BTreeSet::new();
    let mut chains = Vec::new();
    for start in 0..moves.len() {
        let mut open = vec![start];
        let mut chain = Vec::new();
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                let (from, to) = moves[at];
                chain.push((from, to));
                open.extend(by_target.get(links.deployed[from].id.as_str()));
                open.extend(by_source.get(links.proposed[to].id.as_str()));
            }
        }
        if !chain.is_empty() {
            chain.sort_unstable();
            chains.push(chain);
        }
    }
    chains
}

/// The chain as a shift. A single value that one task now has and another had before is no proof that
/// they changed places: both may just have been edited.
fn shift(links: &mut Links, chain: &[(usize, usize)]) -> Option<Shift> {
    if let [(from, to)] = chain {
        let both_stay = links.proposed_at(links.deployed[*from].id).is_some()
            && links.deployed_at(links.proposed[*to].id).is_some();
        let taken_over = links.deployed_at(links.proposed[*to].id);
        let one_call = taken_over.is_some_and(|over| links.deployed[over].task.at == links.deployed[*from].task.at);
        if both_stay && !one_call {
            return None;
        }
    }
    let mut shift = Shift::default();
    for (from, to) in chain {
        links.settle(*from, *to);
        shift.moved.push((links.deployed[*from].id.clone(), links.proposed[*to].id.clone()));
    }
    // What stood behind an id that was taken over, and what stands behind one that was left.
    for (from, to) in chain {
        if let Some(over) = links.deployed_at(links.proposed[*to].id)
            && !links.is_settled(over)
        {
            links.end(over);
            shift.ended.push(links.deployed[over].id.clone());
        }
        if let Some(left) = links.proposed_at(links.deployed[*from].id)
            && !links.is_taken(left)
        {
            links.begin(left);
            shift.fresh.push(links.proposed[left].id.clone());
        }
    }
    Some(shift)
}
