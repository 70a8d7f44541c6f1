#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    dead_code,
    reason = "test support: it starts real servers, and each test program uses a part of it"
)]

//! Real Airflow servers for tests and the demo.
//!
//! Everything lies below the build's target directory; nothing else on the machine is touched.
//! Servers listen on loopback only and end with the value that holds them, also on Ctrl-C.

pub(crate) mod anew;
pub(crate) mod branch;
pub(crate) mod dagbag;
pub(crate) mod http;
pub(crate) mod install;
pub(crate) mod postgres;
pub(crate) mod processes;
pub(crate) mod relay;
#[path = "../it/repositories.rs"]
pub(crate) mod repositories;
pub(crate) mod rest;
pub(crate) mod server;
pub(crate) mod syncer;
pub(crate) mod tricky;
pub(crate) mod verdict;
