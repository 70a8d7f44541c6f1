//! **dagguard** stands between a git branch and live Airflow instances: it judges what a change
//! does to the runs in flight, delivers what is safe in a fixed order, and holds the rest until
//! it no longer hurts.
//!
//! # The house
//!
//! ```text
//! shell │  main ─► cli ─► sync                                  async; says when
//!       │           └──────┴──► every edge, config, check, report
//! ──────┼──────────────────────────────────────────────────────────────────────
//! edges │  git ────► content        publish ──► content         IO; one outside thing
//!       │  airflow ─► facts         cache ────► content         each; no decisions
//! ──────┼──────────────────────────────────────────────────────────────────────
//! core  │  report ─► rules ─► diff ─► dag ─► python ─► content  pure, synchronous;
//!       │              └─► replay ─► facts                      says what
//!       │  config ─► rules          ids, secret ─► nothing
//! ```
//!
//! Rooms that later issues furnish and that are reserved by name: `decision` (the decision
//! record and who may do what), `record` (its carriers), `quality` (the configured commands),
//! `forge` (a forge's notes API), `server` (ready, live and metrics endpoints).
//!
//! # Invariants
//!
//! - The core does no IO, reads no clock, and cannot fail: broken Python is a normal input.
//! - The three uses (check, sync, hook) share one joint: [`questions`], whose answers the edges
//!   fetch, and [`check()`], which judges.
//! - Silence is never idleness: what could not be seen is never "nothing is running".
//! - What is deployed is what is on disk, path by path.

// The reader of the pages' examples is also a test program's: it names this crate as any other does.
#[cfg(test)]
extern crate self as dagguard;

pub mod airflow;
pub mod cache;
mod check;
pub mod cli;
pub mod config;
pub mod content;
pub mod dag;
pub mod diff;
pub mod facts;
pub mod git;
pub mod ids;
pub mod publish;
pub mod python;
pub mod replay;
pub mod report;
pub mod rules;
pub mod secret;
#[cfg(not(feature = "switch-off"))]
mod switch;
#[cfg(feature = "switch-off")]
pub mod switch;
pub mod sync;

pub use check::{Comparison, check, questions};
