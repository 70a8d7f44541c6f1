//! What each kind of change claims about the instances of a run, one vocabulary a file.

pub(super) mod code;
pub(super) mod data;
pub(super) mod file;
pub(super) mod graph;
pub(super) mod identity;
pub(super) mod mapping;
pub(super) mod reference;
pub(super) mod settings;
