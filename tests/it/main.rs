//! One binary of integration tests.

mod remotes;
mod repositories;
