//! Where the log goes and in which form.

use crate::config::{Command, Environment, LogFormat};
use std::io::{self, IsTerminal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to stderr: text on a terminal, JSON lines otherwise, or as `--log-format` says.
///
/// `sync` reports its passes at `info`; the other commands answer on stdout and log only what
/// works worse than it should.
pub(super) fn start(command: &Command, verbose: u8, quiet: bool, environment: &Environment) {
    let format = match command {
        Command::Sync(sync) | Command::Once(sync) => sync.log_format,
        _ => Some(LogFormat::Text),
    };
    let usual = match command {
        Command::Sync(_) | Command::Once(_) => LevelFilter::INFO,
        _ => LevelFilter::ERROR,
    };
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => usual,
        (_, 1) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Libraries speak only when asked twice.
    let libraries = if verbose > 1 { LevelFilter::DEBUG } else { LevelFilter::OFF };
    let filter = Targets::new().with_default(libraries).with_target("dagguard", level);
    let terminal = io::stderr().is_terminal();
    let json = format.map_or(!terminal, |format| format == LogFormat::Json);
    let plain = !terminal || environment.get("NO_COLOR").is_some();
    let started = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    // A second start (tests of this room) keeps the first.
    let _ = if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
        started.with(lines).try_init()
    } else {
        started.with(lines.with_ansi(!plain)).try_init()
    };
}
