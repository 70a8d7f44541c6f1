//! The `dagguard` program: hands the process's arguments, variables and directory over, and
//! returns the exit code.

#![expect(clippy::disallowed_methods, reason = "`main` alone reads the environment")]

use dagguard::cli::{Exit, Process, run};
use dagguard::config::Environment;

/// Gives memory back to the system while the program is idle, which it is nearly always.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Exit {
    // A variable that is not UTF-8 cannot be one of ours.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    run(Process {
        args: std::env::args_os().collect(),
        environment: Environment::new(variables),
        directory: std::env::current_dir().unwrap_or_else(|_| ".".into()),
    })
}
