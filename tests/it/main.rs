//! One binary of integration tests.

mod house;
mod remotes;
mod repositories;
