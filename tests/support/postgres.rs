//! PostgreSQL for one server, where many tasks run at once: SQLite lets Airflow 2 run one.

use super::install::{self, LeftOut, output};
use super::processes;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A database server on loopback; it ends with this value.
pub(crate) struct Postgres {
    bin: PathBuf,
    port: u16,
    process: Child,
    /// Beside the other folders of the machine's temporary ones: its user must reach it.
    folder: TempDir,
}

impl Postgres {
    /// Starts a server with an empty database `airflow`.
    pub(crate) fn start() -> Result<Self, LeftOut> {
        let folder = tempfile::Builder::new().prefix("dagguard-postgres-").tempdir();
        let folder = folder.map_err(|error| LeftOut(error.to_string()))?;
        processes::note_folder(folder.path());
        let user = user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).map_err(|error| LeftOut(error.to_string()))?;
        }
        let bin = match programs() {
            Some(bin) => bin,
            None => beside(folder.path())?,
        };
        let data = folder.path().join("data");
        let as_user = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(folder.path()).env("LC_ALL", "C");
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let mut init = as_user("initdb");
        init.arg("-D").arg(&data).args(["-U", "airflow", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        output(&mut init, "initdb")?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| LeftOut(error.to_string()))?;
        let port = listener.local_addr().map_err(|error| LeftOut(error.to_string()))?.port();
        drop(listener);
        let mut postgres = as_user("postgres");
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=400",
        ] {
            postgres.args(["-c", setting]);
        }
        let process =
            postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
        let process = process.map_err(|error| LeftOut(format!("postgres: {error}")))?;
        processes::note(&process, folder.path());
        let server = Self { bin, port, process, folder };
        let end = Instant::now() + Duration::from_secs(30);
        while let Err(error) = server.psql("postgres", "create database airflow") {
            if Instant::now() > end {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(server)
    }

    /// The database, for SQLAlchemy with that driver.
    pub(crate) fn url(&self, driver: &str) -> String {
        format!("postgresql+{driver}://airflow@127.0.0.1:{}/airflow", self.port)
    }

    /// The one value that the query gives, as JSON.
    pub(crate) fn ask(&self, query: &str) -> Value {
        let text = self.psql("airflow", query).unwrap_or_else(|why| panic!("{query}: {}", why.0));
        serde_json::from_str(text.trim()).unwrap_or(Value::Null)
    }

    fn psql(&self, database: &str, query: &str) -> Result<String, LeftOut> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-U", "airflow", "-d", database, "-c", query]);
        psql.args(["-p", &self.port.to_string()]).env("LC_ALL", "C");
        Ok(String::from_utf8_lossy(&output(&mut psql, "psql")?.stdout).into_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, but so that it gives back what it shares.
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::QUIT);
        }
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        processes::end(&mut self.process, self.folder.path());
    }
}

/// Where its programs are: Debian keeps them off PATH.
fn programs() -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&search).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    folders.into_iter().find(has_all)
}

/// The programs of an installation of our own, copied to where the server's user can read them.
fn beside(folder: &Path) -> Result<PathBuf, LeftOut> {
    let copy = folder.join("postgres");
    output(Command::new("cp").arg("-r").arg(install::postgres()?).arg(&copy), "copying PostgreSQL")?;
    output(Command::new("chmod").args(["-R", "a+rX,u+x"]).arg(&copy), "making PostgreSQL readable")?;
    let bin = copy.join("pgserver/pginstall/bin");
    output(Command::new("chmod").args(["-R", "a+x"]).arg(&bin), "making PostgreSQL executable")?;
    Ok(bin)
}

/// It does not run as root: the user that its package makes, then, or the one that owns nothing.
fn user() -> Result<Option<(u32, u32)>, LeftOut> {
    let number = |args: &[&str]| -> Result<u32, LeftOut> {
        let told = output(Command::new("id").args(args), "id")?;
        String::from_utf8_lossy(&told.stdout).trim().parse().map_err(|_| LeftOut("id gives no number".to_string()))
    };
    if number(&["-u"])? != 0 {
        return Ok(None);
    }
    let of = |name: &str| Ok((number(&["-u", name])?, number(&["-g", name])?));
    of("postgres").or_else(|_: LeftOut| of("nobody")).map(Some)
}
