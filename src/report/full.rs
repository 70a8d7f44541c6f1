//! `--output-format full`: for people. Each finding shows both sides, the runs that it hits and
//! the safe way; the last line says of what the verdict speaks.

use super::{Live, Report, Verdict, clean};
use crate::content::Location;
use crate::rules::{Finding, Level};
use std::collections::BTreeMap;
use std::io;

/// Whether escape sequences for colour are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Off,
    /// With escape sequences.
    On,
}

/// At most this many runs of a finding are shown; their number always is.
const SHOWN_RUNS: usize = 3;

/// Writes the report.
pub fn write(report: &Report, colour: Colour, to: &mut dyn io::Write) -> io::Result<()> {
    let paint = Paint(colour);
    for finding in &report.findings {
        one(report, finding, paint, to)?;
    }
    for note in &report.notes {
        writeln!(to, "{} {}\n", paint.dim("note:"), clean(note))?;
    }
    summary(report, paint, to)
}

fn one(report: &Report, finding: &Finding, paint: Paint, to: &mut dyn io::Write) -> io::Result<()> {
    writeln!(to, "{}: {}", paint.level(finding.level, &finding.rule), clean(&finding.message))?;
    let width = [&finding.deployed, &finding.proposed]
        .iter()
        .filter_map(|at| at.as_ref().map(|at| at.span.line.to_string().len()))
        .max()
        .unwrap_or(1);
    side("deployed", finding.deployed.as_ref(), &report.lines.deployed, width, paint, to)?;
    side("proposed", finding.proposed.as_ref(), &report.lines.proposed, width, paint, to)?;
    for run in finding.runs.iter().take(SHOWN_RUNS) {
        writeln!(
            to,
            "   {} {} of `{}` on {}: {}",
            paint.dim("run"),
            clean(run.run_id.as_str()),
            clean(run.dag_id.as_str()),
            clean(run.instance.as_str()),
            clean(&run.effect)
        )?;
    }
    if finding.runs.len() > SHOWN_RUNS {
        writeln!(to, "   {} {} more", paint.dim("run"), finding.runs.len() - SHOWN_RUNS)?;
    }
    writeln!(to, "   {} {}", paint.dim("safe:"), clean(&finding.remedy))?;
    if let Some(accepted) = &finding.accepted {
        writeln!(to, "   {} by {}: {}", paint.dim("accepted"), clean(&accepted.by), clean(&accepted.reason))?;
    } else if finding.level == Level::Block {
        let ways = super::accept::Ways::of(finding);
        writeln!(to, "   {} {}", paint.dim("accept:"), clean(&ways.sentence()))?;
    }
    writeln!(to, "   {} {} · `dagguard rule {}`\n", paint.dim("id:"), finding.fingerprint, finding.rule)
}

fn side(
    name: &str,
    at: Option<&Location>,
    lines: &BTreeMap<Location, String>,
    width: usize,
    paint: Paint,
    to: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(at) = at else { return Ok(()) };
    writeln!(to, "  {} {}:{} ({name})", paint.dim("-->"), clean(at.path.as_str()), at.span.line)?;
    if let Some(line) = lines.get(at) {
        writeln!(to, "   {:>width$} {} {}", at.span.line, paint.dim("|"), clean(line))?;
    }
    Ok(())
}

fn summary(report: &Report, paint: Paint, to: &mut dyn io::Write) -> io::Result<()> {
    let coverage = &report.coverage;
    let verdict = match report.verdict {
        Verdict::Allow => paint.code("32", "allow"),
        Verdict::Block => paint.code("31", "block"),
        Verdict::Undecided => paint.code("33", "undecided"),
    };
    writeln!(
        to,
        "{verdict}: {} block, {} warn, {} info; deployed {}, proposed {}",
        report.count(Level::Block),
        report.count(Level::Warn),
        report.count(Level::Info),
        short(report.deployed.as_str()),
        short(report.proposed.as_str()),
    )?;
    let dags = coverage.dags_exact + coverage.dags_partial + coverage.dags_opaque;
    let live = match coverage.live {
        Live::Known if coverage.runs_seen == 1 => "1 run in flight seen".to_string(),
        Live::Known => format!("{} runs in flight seen", coverage.runs_seen),
        Live::Assumed => "runs in flight not looked up".to_string(),
        Live::Unavailable => format!("runs in flight not known: {}", clean(&report.unavailable.join("; "))),
    };
    writeln!(
        to,
        "{} of {dags} DAGs fully known, {} partly, {} not; {live}",
        coverage.dags_exact, coverage.dags_partial, coverage.dags_opaque
    )
}

/// A commit id as people quote it; any other name as it is.
fn short(revision: &str) -> &str {
    let commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit { &revision[..12] } else { revision }
}

#[derive(Clone, Copy)]
struct Paint(Colour);

impl Paint {
    fn code(self, code: &str, text: &str) -> String {
        match self.0 {
            Colour::Off => text.to_string(),
            Colour::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    fn level(self, level: Level, rule: &str) -> String {
        let code = match level {
            Level::Block => "1;31",
            Level::Warn => "1;33",
            Level::Info => "1;34",
        };
        format!("{}[{rule}]", self.code(code, level.word()))
    }
}
