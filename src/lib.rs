//! **dagguard** stands between a git branch and live Airflow instances.

pub mod airflow;
pub mod content;
pub mod dag;
pub mod facts;
pub mod ids;
pub mod secret;
