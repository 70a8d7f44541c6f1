//! The edge against recorded answers of real servers, and against a server that misbehaves.

mod budget;
mod conversation;
mod details;
#[path = "../../tests/support/http.rs"]
mod http;
mod login;
mod permissions;
mod play;
mod recorded;
mod traps;
