//! **dagguard** stands between a git branch and live Airflow instances.

pub mod content;
pub mod dag;
pub mod facts;
pub mod ids;
pub mod python;
pub mod report;
pub mod secret;
