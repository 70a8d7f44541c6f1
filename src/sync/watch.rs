//! Notices that a file of a developer's folder was saved, so that a pass need not wait for its hour.

use notify::{EventKind, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// An editor saves in several steps; the folder is looked at when it has been quiet for so long,
const QUIET: Duration = Duration::from_millis(150);
/// or at the latest so long after the first step.
const LATEST: Duration = Duration::from_millis(800);

/// Folders in which nothing is content, however much happens there.
const NOISE: [&str; 2] = [".git", "__pycache__"];

/// Watches a folder as long as it lives.
pub(super) struct Watch {
    changed: Arc<Notify>,
    _watcher: notify::RecommendedWatcher,
}

impl Watch {
    /// Begins to watch; what happens below `except` does not count, as it is this program's own doing.
    pub(super) fn new(folder: &Path, except: &Path) -> Result<Self, String> {
        let changed = Arc::new(Notify::new());
        let (notify, except) = (Arc::clone(&changed), except.to_path_buf());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Of events that were lost nobody knows what they were: that is a reason to look.
            if event.map_or(true, |event| matters(&event, &except)) {
                notify.notify_one();
            }
        })
        .map_err(|error| error.to_string())?;
        watcher.watch(folder, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
        Ok(Self { changed, _watcher: watcher })
    }

    /// Ready when something was saved, and the saving is over. What happened since the last time
    /// counts too.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
        let latest = Instant::now() + LATEST;
        while Instant::now() < latest && timeout(QUIET, self.changed.notified()).await.is_ok() {}
    }
}

fn matters(event: &notify::Event, except: &Path) -> bool {
    let is_noise = |path: &PathBuf| {
        path.starts_with(except) || path.components().any(|part| NOISE.iter().any(|noise| part.as_os_str() == *noise))
    };
    !matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(is_noise)
}
