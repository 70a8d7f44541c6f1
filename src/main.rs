//! The `dagguard` program.
fn main() {}
