//! One binary of integration tests.

mod delivery;
mod remotes;
mod repositories;
