//! The edge against recorded answers of real servers, and against a server that misbehaves.

mod conversation;
mod play;
mod recorded;
