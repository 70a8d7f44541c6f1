//! What a run of the program leaves for the next one, as files in a folder.
//!
//! Invariants: nothing here is needed. What cannot be read is not there, what cannot be written is not
//! written, and neither is an error. A file is replaced as a whole, so that who reads it has one or the
//! other; the files of another build are let alone until they are old.

#![expect(clippy::disallowed_methods, reason = "an edge: reads and writes the files that are kept")]

use crate::content::{Fingerprint, Kept, Written};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Set by the build script.
const HEX: &str = env!("BUILD_OF_DAGGUARD");

/// The large part of what is kept, and the small one.
const PARTS: [&str; 2] = ["whole", "recent"];

/// The model of a tree.
const MODEL: &str = "model";

/// Sizes of contents.
const SIZES: &str = "sizes";

/// Builds whose files are let alone, beside this one.
const OTHERS: usize = 3;

/// A file that somebody is writing is not older.
const WRITING: Duration = Duration::from_hours(1);

/// A folder of files that are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// A file that is kept, open.
#[derive(Debug)]
struct OnDisk {
    file: File,
    length: u64,
}

impl Kept for OnDisk {
    fn read(&self, from: u64, length: usize) -> Option<Vec<u8>> {
        // A length that a damaged file gives is not asked of the memory.
        if from.checked_add(u64::try_from(length).ok()?)? > self.length {
            return None;
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, from).ok()?;
        Some(bytes)
    }

    fn length(&self) -> u64 {
        self.length
    }
}

/// What tells this build of the program from all others.
pub fn build() -> Fingerprint {
    let mut fingerprint = [0; 16];
    for (byte, digits) in fingerprint.iter_mut().zip(HEX.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    Fingerprint(fingerprint)
}

impl Cache {
    /// A folder that was named, made when something is written.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The folder of a repository's own, beside its objects.
    pub fn of_repository(git_dir: &Path) -> Self {
        Self { folder: git_dir.join("dagguard") }
    }

    /// What this build has kept here, the large part first, the model of a tree last.
    pub fn kept(&self) -> Vec<Arc<dyn Kept>> {
        let open = |part| open(&self.path(part)).unwrap_or_else(|| Arc::new(Vec::new()));
        let [whole, recent] = PARTS;
        [whole, recent, MODEL].map(open).to_vec()
    }

    /// Keeps what the next run is to find, as well as that goes.
    pub fn keep(&self, written: &Written) {
        if let Err(error) = self.try_keep(written) {
            tracing::debug!(%error, folder = %self.folder.display(), "nothing is kept");
        }
    }

    /// What this build has kept of the sizes of contents.
    pub fn sizes(&self) -> Arc<dyn Kept> {
        open(&self.path(SIZES)).unwrap_or_else(|| Arc::new(Vec::new()))
    }

    /// Keeps them.
    pub fn keep_sizes(&self, bytes: &[u8]) {
        self.keep_part(SIZES, bytes);
    }

    /// Keeps the model of a tree.
    pub fn keep_model(&self, bytes: &[u8]) {
        self.keep_part(MODEL, bytes);
    }

    fn keep_part(&self, part: &str, bytes: &[u8]) {
        if let Err(error) = self.make().and_then(|rights| replace(&self.path(part), bytes, &rights)) {
            tracing::debug!(%error, folder = %self.folder.display(), "nothing is kept");
        }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{HEX}.{part}"))
    }

    fn try_keep(&self, written: &Written) -> io::Result<()> {
        let rights = self.make()?;
        let [whole, recent] = PARTS.map(|part| self.path(part));
        match written {
            Written::Recent(bytes) => replace(&recent, bytes, &rights),
            Written::Whole(bytes) => {
                replace(&whole, bytes, &rights)?;
                // What it held is in the other now.
                fs::remove_file(&recent).ok();
                self.sweep();
                Ok(())
            }
        }
    }

    /// The folder, made with the rights of the one around it: in a repository that a group shares, each of
    /// the group has a part in it. Gives the rights of a file there.
    fn make(&self) -> io::Result<Permissions> {
        let around = self.folder.parent().unwrap_or(Path::new("."));
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder)?;
            fs::set_permissions(&self.folder, fs::metadata(around)?.permissions())?;
        }
        let mode = fs::metadata(&self.folder)?.permissions().mode();
        Ok(Permissions::from_mode(mode & 0o666))
    }

    /// Removes what builds that are not in use any more have left, and what was never finished.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut wholes: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(modified) = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()) else { continue };
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("whole") if path != self.path("whole") => wholes.push((modified, path)),
                Some("unfinished") if modified.elapsed().is_ok_and(|age| age > WRITING) => {
                    fs::remove_file(path).ok();
                }
                _ => {}
            }
        }
        wholes.sort();
        for (_, path) in wholes.iter().rev().skip(OTHERS) {
            fs::remove_file(path.with_extension("recent")).ok();
            fs::remove_file(path.with_extension(SIZES)).ok();
            fs::remove_file(path.with_extension(MODEL)).ok();
            fs::remove_file(path).ok();
        }
    }
}

fn open(path: &Path) -> Option<Arc<dyn Kept>> {
    // Whatever else stands there might never answer.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    Some(Arc::new(OnDisk { file, length }))
}

fn replace(path: &Path, bytes: &[u8], rights: &Permissions) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.unfinished", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.set_permissions(rights.clone())?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&aside, path)
    };
    // One that a process of this number has left may be in the way.
    let written = match write() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&aside)?;
            write()
        }
        written => written,
    };
    if written.is_err() {
        fs::remove_file(&aside).ok();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::of_repository(dir.path());
        let found = || cache.kept().iter().map(|kept| kept.read(0, 3)).collect::<Vec<_>>();
        assert_eq!(found(), [None, None, None]);
        cache.keep(&Written::Whole(b"one".to_vec()));
        cache.keep(&Written::Recent(b"two and more".to_vec()));
        let before = cache.kept();
        cache.keep_model(b"mod");
        assert_eq!(found(), [Some(b"one".to_vec()), Some(b"two".to_vec()), Some(b"mod".to_vec())]);
        assert_eq!(before[1].read(0, 13), None, "longer than it is");
        assert_eq!(before[1].read(u64::MAX, 2), None);
        cache.keep(&Written::Whole(b"three".to_vec()));
        assert_eq!(found(), [Some(b"thr".to_vec()), None, Some(b"mod".to_vec())]);
        assert_eq!(before[1].read(0, 3), Some(b"two".to_vec()), "who has it open goes on reading it");
        assert_eq!(fs::read_dir(dir.path().join("dagguard")).unwrap().count(), 2);
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("dagguard"), "a file").unwrap();
        let cache = Cache::of_repository(dir.path());
        cache.keep(&Written::Whole(b"one".to_vec()));
        assert!(cache.kept().iter().all(|kept| kept.length() == 0));
        Cache::at(Path::new("/proc/none")).keep(&Written::Recent(b"one".to_vec()));
    }

    #[test]
    fn a_group_that_shares_a_repository_shares_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, of_file) in [(0o755, 0o644), (0o2775, 0o664), (0o700, 0o600)] {
            let git_dir = dir.path().join(format!("{mode:o}"));
            fs::create_dir(&git_dir).unwrap();
            fs::set_permissions(&git_dir, Permissions::from_mode(mode)).unwrap();
            let cache = Cache::of_repository(&git_dir);
            cache.keep(&Written::Whole(b"one".to_vec()));
            let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!((mode_of(&cache.folder), mode_of(&cache.path("whole"))), (mode, of_file));
        }
    }

    #[test]
    fn files_of_other_builds_do_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        for build in 0..9 {
            fs::write(dir.path().join(format!("{build}.whole")), "").unwrap();
            fs::write(dir.path().join(format!("{build}.recent")), "").unwrap();
        }
        cache.keep(&Written::Whole(b"one".to_vec()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2 * OTHERS + 1);
    }
}
