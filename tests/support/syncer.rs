//! `dagguard sync` as a process of its own, and what it says in its log.

use super::processes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running `dagguard sync`; it ends with this value.
pub(crate) struct Syncer {
    child: Child,
    home: PathBuf,
    lines: Arc<Mutex<Vec<Line>>>,
}

/// One line of its log.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) Value);

impl Line {
    /// `INFO`, `WARN`, …
    pub(crate) fn level(&self) -> &str {
        self.0["level"].as_str().unwrap_or_default()
    }

    /// The constant message.
    pub(crate) fn message(&self) -> String {
        self.field("message").unwrap_or_default()
    }

    /// A field of the event, or of a span that it is in.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let span = &self.0["span"];
        let found = [&self.0["fields"][name], &self.0[name], &span[name]].into_iter().find(|value| !value.is_null())?;
        Some(found.as_str().map_or_else(|| found.to_string(), str::to_string))
    }

    /// Whether it closes a pass over this revision with this outcome, or one of several (`a|b`).
    fn is_end_of(&self, revision: &str, outcome: &str) -> bool {
        self.field("outcome").is_some_and(|said| outcome.split('|').any(|outcome| said == outcome))
            && self.field("revision").is_some_and(|said| !said.is_empty() && revision.starts_with(&said))
    }

    /// Everything but message and time, as `name=value`.
    pub(crate) fn rest(&self) -> String {
        let fields = self.0["fields"].as_object().or_else(|| self.0.as_object()).into_iter().flatten();
        let shown: Vec<String> = fields
            .filter(|(name, value)| {
                !value.is_object() && !matches!(name.as_str(), "message" | "timestamp" | "level" | "target")
            })
            .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_string)))
            .collect();
        shown.join(" ")
    }
}

impl Syncer {
    /// Starts it with these variables; `home` is the folder that tells what belongs together.
    pub(crate) fn start(home: &Path, variables: &BTreeMap<&'static str, String>) -> Self {
        processes::end_all_on_interrupt();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dagguard"));
        for (name, _) in std::env::vars_os() {
            let ours = ["DAGGUARD_", "CONTENT_SYNCER_", "AIRFLOW"];
            if name.to_str().is_some_and(|name| ours.iter().any(|prefix| name.starts_with(prefix))) {
                command.env_remove(name);
            }
        }
        let mut child = command
            .arg("sync")
            .envs(variables)
            .env("DAGGUARD_LOG_FORMAT", "json")
            .current_dir(home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built for this test");
        processes::note(&child, home);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (said, log) = (child.stderr.take().expect("piped above"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                log.lock().expect("no panic holds it").push(Line(line));
            }
        });
        Self { child, home: home.to_path_buf(), lines }
    }

    /// All that it has said so far.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.lock().expect("no panic holds it").clone()
    }

    /// Waits for the end of a pass with this outcome (or one of several, `a|b`) over this revision;
    /// what was said before `after` lines does not count. Returns the lines from there to that one.
    pub(crate) fn wait_for_pass(&mut self, after: usize, revision: &str, outcome: &str, limit: Duration) -> Vec<Line> {
        let end = Instant::now() + limit;
        loop {
            let lines = self.lines();
            let found = lines.iter().skip(after).position(|line| line.is_end_of(revision, outcome));
            if let Some(found) = found {
                return lines[after..=after + found].to_vec();
            }
            // What was to be held and has been delivered will not be held any more.
            let too_late =
                outcome == "blocked" && lines.iter().skip(after).any(|line| line.is_end_of(revision, "success"));
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                !too_late && ended.is_none() && Instant::now() < end,
                "waited for outcome {outcome} of {revision} (ended: {ended:?}); it said:\n{}",
                last_words(&lines[after.min(lines.len())..])
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The last lines that are not about a pass that found nothing to do.
fn last_words(lines: &[Line]) -> String {
    let told: Vec<String> = lines
        .iter()
        .filter(|line| line.field("outcome").as_deref() != Some("noop"))
        .map(|line| line.0.to_string())
        .collect();
    told[told.len().saturating_sub(20)..].join("\n")
}

impl Drop for Syncer {
    fn drop(&mut self) {
        processes::end(&mut self.child, &self.home);
    }
}
