//! **dagguard** stands between a git branch and live Airflow instances.

pub mod content;
pub mod dag;
pub mod facts;
pub mod git;
pub mod ids;
pub mod publish;
pub mod secret;
pub mod sync;
