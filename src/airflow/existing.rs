//! Which pools, Variables and connections exist, by name; optional, a verdict can do without.
//!
//! Each name is asked for alone: a list would hold the values of all others. The value of the one
//! that is there comes along on the wire and is dropped unread; of a pool the number of its slots is kept.

use super::client::Client;
use super::error::Error;
use crate::facts::{Answer, Names};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// Those of the names asked for that exist.
pub(super) struct Existing {
    pub(super) pools: Answer<BTreeSet<String>>,
    /// Slots of the pools that exist.
    pub(super) slots: BTreeMap<String, i64>,
    pub(super) variables: Answer<BTreeSet<String>>,
    pub(super) connections: Answer<BTreeSet<String>>,
}

impl Existing {
    /// No question was put, for this reason.
    pub(super) fn not_checked(reason: &str) -> Self {
        let answer = || Answer::NotChecked(reason.into());
        Self { pools: answer(), slots: BTreeMap::new(), variables: answer(), connections: answer() }
    }

    pub(super) async fn ask(client: &mut Client<'_>, names: &Names) -> Self {
        let pools = existing::<Pool>(client, "pools", &names.pools).await;
        let mut slots = BTreeMap::new();
        if let Answer::Checked(found) = &pools {
            slots.extend(found.iter().filter_map(|(name, pool)| Some((name.clone(), pool.slots?))));
        }
        Self {
            pools: these(pools),
            slots,
            variables: these(existing::<Something>(client, "variables", &names.variables).await),
            connections: these(existing::<Something>(client, "connections", &names.connections).await),
        }
    }
}

/// Anything at all: no member of it is read.
#[derive(Deserialize)]
struct Something {}

#[derive(Deserialize)]
struct Pool {
    slots: Option<i64>,
}

fn these<T>(found: Answer<BTreeMap<String, T>>) -> Answer<BTreeSet<String>> {
    match found {
        Answer::Checked(found) => Answer::Checked(found.into_keys().collect()),
        Answer::NotChecked(reason) => Answer::NotChecked(reason),
    }
}

async fn existing<T: DeserializeOwned>(
    client: &mut Client<'_>,
    kind: &str,
    names: &BTreeSet<String>,
) -> Answer<BTreeMap<String, T>> {
    if names.is_empty() {
        return Answer::NotChecked("not asked".into());
    }
    let mut found = BTreeMap::new();
    for name in names {
        match client.get::<T>(&[kind, name], &[]).await {
            Ok(answer) => {
                found.insert(name.clone(), answer);
            }
            Err(Error::Missing { .. }) => {}
            Err(Error::Forbidden { .. }) => {
                return Answer::NotChecked(format!("these credentials may not read {kind}").into());
            }
            Err(error) => return Answer::NotChecked(error.reason().into()),
        }
    }
    Answer::Checked(found)
}
