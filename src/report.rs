//! Results as text for people and tools.

pub mod model;
