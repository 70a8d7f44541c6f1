//! Notices that a file was saved in a developer's folder, or changed by others in the delivered ones,
//! so that a pass need not wait for its hour.

use crate::publish::Places;
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
const NOISE: [&str; 3] = [".git", "__pycache__", ".dagguard"];

/// What others change in the delivered folders leads to a pass this long after the last one at the
/// earliest: whoever writes there all the time does not make the branch be asked all the time.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches a folder as long as it lives.
pub(super) struct Watch {
    changed: Arc<Notify>,
    _watcher: notify::RecommendedWatcher,
}

impl Watch {
    /// Begins to watch; what happens below `except` does not count, as it is this program's own doing.
    pub(super) fn new(folder: &Path, except: &Path) -> Result<Self, String> {
        let changed = Arc::new(Notify::new());
        let (notify, watched, except) = (Arc::clone(&changed), folder.to_path_buf(), except.to_path_buf());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Of events that were lost nobody knows what they were: that is a reason to look.
            if event.map_or(true, |event| matters(&event, &watched, &except)) {
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

/// The delivered folders of a home, from the end of one delivery on to the next one.
pub(super) struct Delivered(Vec<Watch>);

impl Delivered {
    /// Begins to watch. A folder that cannot be watched is looked at each interval alone.
    pub(super) fn new(places: &Places) -> Self {
        let roots = ["dags", "plugins"].map(|root| places.at(root));
        let watch = |root: &PathBuf| {
            let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.clone());
            Watch::new(&real, &places.home().join(".dagguard/stage"))
                .inspect_err(|error| tracing::debug!(folder = %root.display(), error, "not watched"))
                .ok()
        };
        Self(roots.iter().filter_map(watch).collect())
    }

    /// Watches nothing.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Ready when others have changed something; never where nothing is watched.
    pub(super) async fn changed(&self) {
        tokio::time::sleep(PAUSE).await;
        match &self.0[..] {
            [one, other] => tokio::select! {
                () = one.changed() => {}
                () = other.changed() => {}
            },
            [one] => one.changed().await,
            _ => std::future::pending().await,
        }
    }
}

fn matters(event: &notify::Event, folder: &Path, except: &Path) -> bool {
    let is_noise = |path: &PathBuf| {
        // Below what is watched: that may lie in a state folder itself, as trees do.
        let below = path.strip_prefix(folder).unwrap_or(path);
        path.starts_with(except) || below.components().any(|part| NOISE.iter().any(|noise| part.as_os_str() == *noise))
    };
    !matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(is_noise)
}
