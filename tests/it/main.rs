//! One binary of integration tests.

mod accept;
mod airflow;
mod cache;
mod check;
mod costs;
mod delivery;
mod hook;
mod hostile;
mod house;
#[path = "../support/http.rs"]
mod http;
mod libraries;
mod metamorphic;
mod model;
mod mutation;
mod oracle;
mod program;
mod publish;
mod readme;
mod remotes;
mod repositories;
mod requirements;
mod shared;
mod source;
mod sync;
mod syntax;
mod tricky;
