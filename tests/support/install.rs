//! Installs a release of Airflow once, with the tools that Python itself brings.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A release of Airflow that tests run on, and how it installs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) version: &'static str,
    /// Minor versions of Python 3 that it runs on.
    pythons: std::ops::RangeInclusive<u32>,
    requirements: &'static [&'static str],
    /// Dependencies are resolved as of this day: later ones do not fit together any more.
    as_of: &'static str,
    /// Airflow 3 with users and roles of the provider FAB, in place of its own auth manager.
    pub(crate) fab: bool,
}

impl Release {
    /// Whether it stays installed.
    pub(crate) fn stays(&self) -> bool {
        RELEASES.contains(&self)
    }

    /// What its folder and its cases are called.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.version, if self.fab { "-fab" } else { "" })
    }

    /// Whether it has roles that can be limited to some DAGs: a part of Airflow 2 itself, for which
    /// Airflow 3 needs the provider.
    pub(crate) fn has_roles(&self) -> bool {
        self.major() == 2 || self.fab
    }

    /// 2 or 3.
    pub(crate) fn major(&self) -> u32 {
        if self.version.starts_with("2.") { 2 } else { 3 }
    }
}

/// API v1, the oldest that is supported.
pub(crate) static AIRFLOW_2_6: Release = Release {
    version: "2.6.2",
    pythons: 8..=11,
    requirements: &["apache-airflow==2.6.2", "pydantic<2"],
    as_of: "2023-06-25",
    fab: false,
};
/// API v1, the last.
pub(crate) static AIRFLOW_2_11: Release = Release {
    version: "2.11.2",
    pythons: 9..=12,
    requirements: &["apache-airflow==2.11.2"],
    as_of: "2026-04-01",
    fab: false,
};
/// API v2.
pub(crate) static AIRFLOW_3: Release = Release {
    version: "3.3.2",
    pythons: 10..=13,
    requirements: &["apache-airflow==3.3.2"],
    as_of: "2026-10-15",
    fab: false,
};

/// API v2 with roles. The day gives version 3.10.1 of the provider.
pub(crate) static AIRFLOW_3_FAB: Release = Release {
    version: "3.3.2",
    pythons: 10..=13,
    requirements: &["apache-airflow==3.3.2", "apache-airflow-providers-fab"],
    as_of: "2026-10-15",
    fab: true,
};

/// Those that every case runs on.
pub(crate) static RELEASES: [&Release; 3] = [&AIRFLOW_2_6, &AIRFLOW_2_11, &AIRFLOW_3];

/// Releases between them, on which the REST edge alone runs, and only where that is asked for.
pub(crate) static OTHERS: [&Release; 5] = [
    &Release {
        version: "2.3.4",
        pythons: 8..=10,
        requirements: &["apache-airflow==2.3.4"],
        as_of: "2022-09-10",
        fab: false,
    },
    &Release {
        version: "2.8.4",
        pythons: 8..=11,
        requirements: &["apache-airflow==2.8.4"],
        as_of: "2024-04-10",
        fab: false,
    },
    &Release {
        version: "2.10.5",
        pythons: 8..=12,
        requirements: &["apache-airflow==2.10.5"],
        as_of: "2025-02-20",
        fab: false,
    },
    &Release {
        version: "3.0.6",
        pythons: 9..=12,
        requirements: &["apache-airflow==3.0.6"],
        as_of: "2025-09-15",
        fab: false,
    },
    &Release {
        version: "3.1.3",
        pythons: 10..=13,
        requirements: &["apache-airflow==3.1.3"],
        as_of: "2025-12-01",
        fab: false,
    },
];

/// Installs and resolves packages much faster than pip; from the package index like the rest.
const UV: &str = "uv==0.13.8";
/// Debian's package without which `python3 -m venv` does not work.
const VENV_PACKAGE: &str = "python3-venv";

/// An installed release, with an initialised database to copy.
#[derive(Debug, Clone)]
pub(crate) struct Venv {
    pub(crate) release: &'static Release,
    pub(crate) root: PathBuf,
    /// How long it took now; none if it was there.
    pub(crate) installed_in: Option<Duration>,
}

impl Venv {
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// A home with a migrated SQLite database and the users of [`super::server`].
    pub(crate) fn template(&self) -> PathBuf {
        self.root.join("template")
    }
}

/// Why a release is not there; one line, with what to install.
#[derive(Debug)]
pub(crate) struct LeftOut(pub(crate) String);

/// Where servers and their releases live.
pub(crate) fn root() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp).join("airflow")
}

/// The file that an installation which came to its end leaves, with what was installed.
const STAMP: &str = "complete";

fn stamp(release: &Release) -> String {
    format!("{:?} {} {}\n", release.requirements, release.as_of, super::server::TEMPLATE)
}

/// Whether the release is there as it is wanted now.
pub(crate) fn is_installed(release: &Release) -> bool {
    fs::read_to_string(root().join(release.name()).join(STAMP)).is_ok_and(|found| found == stamp(release))
}

/// Installs the release, unless it is there. Safe against another process that installs at the
/// same time, and against one that was interrupted.
pub(crate) fn install(release: &'static Release) -> Result<Venv, LeftOut> {
    let airflow = root();
    fs::create_dir_all(&airflow).map_err(|error| failed(&airflow.display().to_string(), &error))?;
    let lock = File::create(airflow.join("install.lock")).map_err(|error| failed("lock file", &error))?;
    lock.lock().map_err(|error| failed("lock file", &error))?;

    let root = airflow.join(release.name());
    if is_installed(release) {
        return Ok(Venv { release, root, installed_in: None });
    }
    let begin = Instant::now();
    let python = find_python(release)?;
    let uv = tools(&airflow)?;
    if root.exists() {
        fs::remove_dir_all(&root).map_err(|error| failed("half an installation", &error))?;
    }
    let run = |args: &[&str]| {
        let mut command = Command::new(&uv);
        command.args(args).env("UV_CACHE_DIR", airflow.join("cache")).env("UV_PYTHON_DOWNLOADS", "never");
        command.env_remove("VIRTUAL_ENV");
        output(&mut command, &format!("installation of Airflow {}", release.name()))
    };
    let target = root.to_string_lossy().into_owned();
    run(&["venv", "--quiet", "--python", &python.to_string_lossy(), &target])?;
    let mut install = vec!["pip", "install", "--quiet", "--python", &target, "--exclude-newer", release.as_of];
    install.extend(release.requirements);
    run(&install)?;
    let complete = root.join(STAMP);
    let venv = Venv { release, root, installed_in: None };
    // An Airflow that is installed and does not work is a fault, not a reason to leave it out.
    super::server::make_template(&venv).unwrap_or_else(|error| panic!("{error}"));
    fs::write(complete, stamp(release)).map_err(|error| failed("stamp", &error))?;
    Ok(Venv { installed_in: Some(begin.elapsed()), ..venv })
}

/// A folder of packages beside the release, for the servers that run many tasks at once: what Airflow
/// speaks to PostgreSQL with, and on Airflow 3 git bundles. Installed once.
pub(crate) fn drivers(release: &Release) -> Result<PathBuf, LeftOut> {
    let airflow = root();
    let lock = File::create(airflow.join("install.lock")).map_err(|error| failed("lock file", &error))?;
    lock.lock().map_err(|error| failed("lock file", &error))?;
    let folder = airflow.join(format!("drivers-{}", release.name()));
    let packages: &[&str] = if release.major() == 2 {
        &["psycopg2-binary"]
    } else {
        &["psycopg2-binary", "asyncpg", "apache-airflow-providers-git", "GitPython", "gitdb", "smmap"]
    };
    let wanted = format!("{packages:?} {}\n", release.as_of);
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| failed("half an installation", &error))?;
    }
    let python = find_python(release)?;
    let mut command = Command::new(tools(&airflow)?);
    command.args(["pip", "install", "--quiet", "--no-deps", "--exclude-newer", release.as_of, "--python"]).arg(python);
    command.arg("--target").arg(&folder).args(packages);
    command.env("UV_CACHE_DIR", airflow.join("cache")).env("UV_PYTHON_DOWNLOADS", "never").env_remove("VIRTUAL_ENV");
    output(&mut command, &format!("installation of the drivers for Airflow {}", release.name()))?;
    fs::write(folder.join(STAMP), wanted).map_err(|error| failed("stamp", &error))?;
    Ok(folder)
}

/// PostgreSQL's programs as a package of Python brings them, for a machine that has none of its own.
const POSTGRES: &str = "pgserver==0.1.4";

/// The folder that [`POSTGRES`] is in, with the libraries beside it. Installed once.
pub(crate) fn postgres() -> Result<PathBuf, LeftOut> {
    let airflow = root();
    let lock = File::create(airflow.join("install.lock")).map_err(|error| failed("lock file", &error))?;
    lock.lock().map_err(|error| failed("lock file", &error))?;
    let folder = airflow.join("postgres");
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == POSTGRES) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| failed("half an installation", &error))?;
    }
    // Nothing of Python in it is used: any of the versions that it is packed for will do.
    let mut command = Command::new(tools(&airflow)?);
    command.args(["pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", "3.12"]);
    command.arg("--target").arg(&folder).arg(POSTGRES);
    command.env("UV_CACHE_DIR", airflow.join("cache")).env("UV_PYTHON_DOWNLOADS", "never").env_remove("VIRTUAL_ENV");
    output(
        &mut command,
        "installation of PostgreSQL, as there is none here (on Debian: install the package postgresql)",
    )?;
    fs::write(folder.join(STAMP), POSTGRES).map_err(|error| failed("stamp", &error))?;
    Ok(folder)
}

/// `uv`, in an environment of its own.
fn tools(airflow: &Path) -> Result<PathBuf, LeftOut> {
    let root = airflow.join("tools");
    let uv = root.join("bin/uv");
    let stamp = root.join("complete");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == UV) {
        return Ok(uv);
    }
    if root.exists() {
        fs::remove_dir_all(&root).map_err(|error| failed("half an installation", &error))?;
    }
    let python = python_in(8..=99).ok_or_else(|| LeftOut("no Python 3: install the package python3".to_string()))?;
    let mut venv = Command::new(&python);
    venv.args(["-m", "venv"]).arg(&root);
    output(&mut venv, &format!("`{} -m venv` (on Debian: install {VENV_PACKAGE})", python.display()))?;
    let mut pip = Command::new(root.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV]);
    output(&mut pip, "pip install uv")?;
    fs::write(&stamp, UV).map_err(|error| failed("stamp", &error))?;
    Ok(uv)
}

fn find_python(release: &Release) -> Result<PathBuf, LeftOut> {
    let pythons = release.pythons.clone();
    python_in(pythons.clone()).ok_or_else(|| {
        LeftOut(format!(
            "Airflow {} needs Python 3.{} to 3.{}, and none is on PATH: install the package python3.{}",
            release.version,
            pythons.start(),
            pythons.end(),
            pythons.end()
        ))
    })
}

/// The first interpreter on PATH of such a minor version. A name alone is no proof: version
/// managers put names on PATH that only say that they are not there.
fn python_in(minors: std::ops::RangeInclusive<u32>) -> Option<PathBuf> {
    let names = ["python3".to_string()].into_iter().chain((8..=14).rev().map(|minor| format!("python3.{minor}")));
    names.into_iter().find_map(|name| {
        let script = "import sys; print(sys.version_info[1]); print(sys.executable)";
        let output = Command::new(name).args(["-c", script]).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (minor, path) = text.trim().split_once('\n')?;
        (output.status.success() && minors.contains(&minor.trim().parse().ok()?)).then(|| PathBuf::from(path.trim()))
    })
}

/// Runs it to its end; its last words if it fails.
pub(crate) fn output(command: &mut Command, what: &str) -> Result<Output, LeftOut> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(what, &error))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = [output.stderr.as_slice(), output.stdout.as_slice()].concat();
    let words = String::from_utf8_lossy(&words);
    let last: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).rev().take(3).collect();
    Err(LeftOut(format!("{what} failed: {}", last.into_iter().rev().collect::<Vec<_>>().join(" | "))))
}

fn failed(what: &str, error: &std::io::Error) -> LeftOut {
    LeftOut(format!("{what}: {error}"))
}
