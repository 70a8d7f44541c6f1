//! The subcommands: settings to edges, edges to the core, reports and errors to words, hints and
//! exit codes.
//!
//! Invariants: no logic here that deserves a unit test of its own; stdout carries the report
//! only, everything else goes to stderr; all wording of failures is in this room.

#![expect(clippy::disallowed_methods, reason = "the shell: reads the files that it is told to and writes the report")]

mod check;
mod delivery;
mod exit;
mod failure;
mod hook;
mod judge;
mod log;
mod model;
mod plan;
mod rule;
mod snapshot;
mod status;
mod sync;

pub use exit::Exit;

use crate::config::{self, Arguments, ColourChoice, Command, ConfigError, Environment};
use failure::Failure;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What the process was given: read once by `main`, so that nothing below it looks elsewhere.
#[derive(Debug)]
pub struct Process {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// The variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: PathBuf,
}

/// Runs the program and says how it ended.
pub fn run(process: Process) -> Exit {
    match command(process) {
        Ok(exit) => exit,
        Err(failure) => {
            // Nobody may be reading stderr any more; the exit code still says it.
            let _ = write!(io::stderr().lock(), "{failure}");
            failure.exit
        }
    }
}

fn command(process: Process) -> Result<Exit, Failure> {
    let Process { args, environment, directory } = process;
    let (arguments, warnings) = match config::read(args, &environment) {
        Ok(read) => read,
        Err(ConfigError::Usage(error)) if !error.use_stderr() => {
            // `--help` and `--version` are answers, not errors.
            return stdout(&error.to_string()).map(|()| Exit::Completed);
        }
        Err(error) => return Err(error.into()),
    };
    let colour = colour(arguments.color, &environment);
    let Arguments { command, verbose, quiet, .. } = arguments;
    let long_running = matches!(command, Command::Sync(_) | Command::Once(_));
    log::start(&command, verbose, quiet, &environment);
    for warning in warnings {
        if long_running {
            tracing::warn!(detail = warning, "configuration");
        } else {
            writeln!(io::stderr().lock(), "dagguard: warning: {warning}").ok();
        }
    }
    match command {
        Command::Check(arguments) => check::run(&arguments, &environment, &directory, colour),
        Command::Sync(arguments) => sync::run(arguments, &environment),
        Command::Once(mut arguments) => {
            arguments.once.get_or_insert(config::OnceArgument::Lenient);
            sync::run(arguments, &environment)
        }
        Command::Plan(arguments) => plan::run(&arguments, &environment, &directory, colour),
        Command::Hook(arguments) => hook::run(arguments.command, &environment, &directory, colour),
        Command::Model(arguments) => model::run(&arguments, &directory),
        Command::Schema { name } => schema(name),
        Command::Snapshot(arguments) => snapshot::run(&arguments, &environment),
        Command::Status(arguments) => status::run(&arguments, &environment),
        Command::Rule { id, whole, rules_dir } => rule::run(id.as_deref(), whole, rules_dir.as_deref()),
    }
}

fn schema(name: config::SchemaName) -> Result<Exit, Failure> {
    use crate::report::schema::{Shape, schema};
    let shape = match name {
        config::SchemaName::Report => Shape::Report,
        config::SchemaName::Model => Shape::Model,
        config::SchemaName::Explanation => Shape::Explanation,
        config::SchemaName::Snapshot => Shape::Snapshot,
        config::SchemaName::Status => Shape::Status,
        config::SchemaName::Config => Shape::Config,
        config::SchemaName::TreeConfig => Shape::TreeConfig,
    };
    stdout(schema(shape)).map(|()| Exit::Completed)
}

/// Whether the report is coloured: the flag, then `NO_COLOR`, `CLICOLOR_FORCE`/`FORCE_COLOR`,
/// `CLICOLOR=0`, then whether stdout is a terminal.
fn colour(choice: ColourChoice, environment: &Environment) -> crate::report::full::Colour {
    use crate::report::full::Colour;
    let set = |name| environment.get(name).is_some_and(|value| value != "0");
    let on = match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if environment.get("NO_COLOR").is_some() => false,
        ColourChoice::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        ColourChoice::Auto => environment.get("CLICOLOR") != Some("0") && io::stdout().is_terminal(),
    };
    if on { Colour::On } else { Colour::Off }
}

/// Writes to stdout; a reader that went away (`| head`) is no failure.
fn stdout(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a report to the file that was named for it, else to stdout.
fn write_out(text: &[u8], file: Option<&Path>) -> Result<(), Failure> {
    match file {
        None => stdout(&String::from_utf8_lossy(text)),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::incomplete(format!("the report cannot be written, {error}: `{}`", path.display()))
        }),
    }
}

/// A runtime for the async edges.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the async runtime cannot be started: {error}")))
}
