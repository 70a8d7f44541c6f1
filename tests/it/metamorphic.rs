//! A tree that is written anew and means what it meant gives no finding, whatever might be in flight.
//! The same over DAGs of others, with what real Airflows build of them: `tests/live/anew.rs`.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test writes files and may panic")]

#[path = "../support/anew.rs"]
mod anew;

use crate::shared::shared;
use anew::{folders, said};
use std::path::{Path, PathBuf};

#[test]
fn a_tricky_case_written_anew_gives_no_finding() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/model");
    let said = said(&cases, &folders(&cases), 150);
    assert!(said.is_empty(), "{} findings\n{}", said.len(), said.join("\n"));
}

#[test]
fn a_scenario_written_anew_gives_no_finding() {
    let Some(shared) = shared() else { return };
    let scenarios = shared.join("oracle/scenarios");
    let before: Vec<PathBuf> = folders(&scenarios).into_iter().map(|scenario| scenario.join("before")).collect();
    let said = said(&scenarios, &before, 200);
    assert!(said.is_empty(), "{} findings\n{}", said.len(), said.join("\n"));
}
