//! The file operations that change something, one by one: between any two of them the process
//! may be killed, and the tests do that.

use super::record::Stamp;
use rustix::fs::{AtFlags, CWD, RenameFlags, StatxFlags, Timespec, Timestamps, utimensat};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// More files than this are waited for by their whole volume: one by one, a first delivery of
/// some thousand files would take minutes on a slow disk.
const SYNC_ONE_BY_ONE: usize = 32;

/// Paths with the same volume can be renamed into each other. The device alone does not say it: two
/// folders of one file system that are mounted one by one, as the sub-paths of a volume claim are,
/// have the same device and refuse the rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Volume {
    pub(super) device: u64,
    /// 0 where the kernel does not tell.
    pub(super) mount: u64,
}

/// What is free on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Size of the unit in which it is given out, in bytes.
    pub(super) block: u64,
    /// Free bytes for this user.
    pub(super) bytes: u64,
    /// Free places for files; none where they are not counted.
    pub(super) files: Option<u64>,
}

/// Every change that a delivery makes on disk. The second implementor counts and cuts off.
pub(super) trait Effects: Send + Sync {
    /// Makes one folder that its group may write (`__pycache__` is written by other users of
    /// the group, R28).
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a file that must not exist, readable by the group; answers by what it is known again.
    fn create(&self, path: &Path, bytes: &[u8], executable: bool) -> io::Result<Stamp>;
    /// Makes a symbolic link that must not exist.
    fn create_link(&self, path: &Path, target: &[u8]) -> io::Result<()>;
    /// Sets the modification time, in nanoseconds since 1970; of a link, its own.
    fn touch(&self, path: &Path, modified: i64) -> io::Result<()>;
    /// Moves a file over whatever file is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file another name; the new one must not exist.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Lets two names of one volume change places at one moment.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Waits until these files of one volume are on disk.
    fn sync_files(&self, files: &[PathBuf]) -> io::Result<()>;
    /// Waits until a folder's entries are on disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Which volume a path lies on; changes nothing, but the tests have several.
    fn volume(&self, path: &Path) -> io::Result<Volume>;
    /// What is free there.
    fn room(&self, path: &Path) -> io::Result<Room>;
    /// Nanoseconds since 1970.
    fn now(&self) -> i64;
}

/// The real thing.
pub(super) struct Disk;

impl Effects for Disk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)?;
        // A set-group-id bit that the new folder inherited must stay.
        let mode = fs::symlink_metadata(path)?.permissions().mode();
        fs::set_permissions(path, Permissions::from_mode(mode | 0o775))
    }

    fn create(&self, path: &Path, bytes: &[u8], executable: bool) -> io::Result<Stamp> {
        let mode = if executable { 0o775 } else { 0o664 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        let metadata = file.metadata()?;
        if metadata.permissions().mode() & 0o7777 == mode {
            return Ok(Stamp::of(&metadata));
        }
        // The process was told to make files less open.
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(Stamp::of(&file.metadata()?))
    }

    fn create_link(&self, path: &Path, target: &[u8]) -> io::Result<()> {
        symlink(std::ffi::OsStr::from_bytes(target), path)
    }

    fn touch(&self, path: &Path, modified: i64) -> io::Result<()> {
        let time = Timespec { tv_sec: modified.div_euclid(1_000_000_000), tv_nsec: modified.rem_euclid(1_000_000_000) };
        let times = Timestamps { last_access: time, last_modification: time };
        Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if crate::switch::off("R26") && to.is_file() {
            // As the reference script has it: the file is written where readers look at it.
            return fs::copy(from, to).and_then(|_| fs::remove_file(from));
        }
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_files(&self, files: &[PathBuf]) -> io::Result<()> {
        match files {
            [first, ..] if files.len() > SYNC_ONE_BY_ONE => Ok(rustix::fs::syncfs(File::open(first)?)?),
            files => files.iter().try_for_each(|path| File::open(path)?.sync_all()),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn volume(&self, path: &Path) -> io::Result<Volume> {
        let device = fs::metadata(path)?.dev();
        let statx = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID);
        Ok(Volume { device, mount: statx.map_or(0, |statx| statx.stx_mnt_id) })
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        let volume = rustix::fs::statvfs(path)?;
        let counted = volume.f_files > 0;
        Ok(Room {
            block: volume.f_frsize.max(1),
            bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
            files: counted.then_some(volume.f_favail),
        })
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }
}
