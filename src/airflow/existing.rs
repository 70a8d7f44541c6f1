//! Which pools, Variables and connections exist, by name; optional, a verdict can do without.
//!
//! Each name is asked for alone: a list would hold the values of all others. The value of the one
//! that is there comes along on the wire and is dropped unread.

use super::client::Client;
use super::error::Error;
use crate::facts::{Answer, Names};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Those of the names asked for that exist.
pub(super) struct Existing {
    pub(super) pools: Answer<BTreeSet<String>>,
    pub(super) variables: Answer<BTreeSet<String>>,
    pub(super) connections: Answer<BTreeSet<String>>,
}

impl Existing {
    /// No question was put, for this reason.
    pub(super) fn not_checked(reason: &str) -> Self {
        let answer = || Answer::NotChecked(reason.into());
        Self { pools: answer(), variables: answer(), connections: answer() }
    }

    pub(super) async fn ask(client: &mut Client<'_>, names: &Names) -> Self {
        Self {
            pools: existing(client, "pools", &names.pools).await,
            variables: existing(client, "variables", &names.variables).await,
            connections: existing(client, "connections", &names.connections).await,
        }
    }
}

/// Anything at all: no member of it is read.
#[derive(Deserialize)]
struct Something {}

async fn existing(client: &mut Client<'_>, kind: &str, names: &BTreeSet<String>) -> Answer<BTreeSet<String>> {
    if names.is_empty() {
        return Answer::NotChecked("not asked".into());
    }
    let mut found = BTreeSet::new();
    for name in names {
        match client.get::<Something>(&[kind, name], &[]).await {
            Ok(Something {}) => {
                found.insert(name.clone());
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
