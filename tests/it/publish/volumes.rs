//! Folders that are volumes of their own: tmpfs mounts in a user namespace, so that no right is
//! needed that a developer does not have.

use super::{recorded, run, tree};
use crate::program::Output;
use crate::repositories::Scripted;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const FIRST: [(&str, &str); 4] = [
    ("dags/a.py", "a = 1\n"),
    ("dags/b.py", "b = 1\n"),
    ("plugins/operators/o.py", "o = 1\n"),
    ("shared/etl/d.py", "d = 1\n"),
];

/// Runs a script in a namespace of its own, where it may mount; what it mounts ends with it.
fn in_a_namespace(branch: &Scripted, script: &str) -> Output {
    let home = branch.root().join("home");
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-euc", script]).current_dir(branch.root());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", branch.root());
    command.envs(super::variables(branch, &home)).env("DAGGUARD", env!("CARGO_BIN_EXE_dagguard"));
    let output = command.output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether this machine lets a user mount in a namespace. Where it does not, that is a failure, unless
/// what the machine lacks is to be left out, and then it is said.
fn may_mount(branch: &Scripted) -> bool {
    let probe = in_a_namespace(branch, "mkdir -p probe; mount -t tmpfs none probe");
    if probe.code != 0 {
        let why = probe.stderr.trim();
        let lenient = std::env::var("DAGGUARD_TEST_LIVE").is_ok_and(|value| value == "available");
        assert!(lenient, "this test needs mounts in user namespaces, or DAGGUARD_TEST_LIVE=available: {why}");
        writeln!(std::io::stderr(), "not run: volumes that are mounted, which are not allowed here: {why}").ok();
    }
    probe.code == 0
}

#[test]
fn two_volumes_each_wiped_alone_are_filled_again() {
    let branch = Scripted::with(&FIRST);
    if !may_mount(&branch) {
        return;
    }
    let script = r#"
        mkdir -p home/dags home/plugins
        mount -t tmpfs none home/dags; mount -t tmpfs none home/plugins
        "$DAGGUARD" once 2>log1
        test -f home/dags/.dagguard/deployed; cmp home/dags/.dagguard/deployed home/plugins/.dagguard/deployed
        test ! -e home/.dagguard/deployed
        test -z "$(ls -A home/dags/.dagguard/stage)"; test -z "$(ls -A home/plugins/.dagguard/stage)"
        for volume in dags plugins; do
            umount home/$volume; mount -t tmpfs none home/$volume
            "$DAGGUARD" once 2>log-$volume
            cmp home/dags/.dagguard/deployed home/plugins/.dagguard/deployed
        done
        mkdir seen; cp -a home/dags home/plugins seen/
    "#;
    let output = in_a_namespace(&branch, script);
    let log = |name: &str| std::fs::read_to_string(branch.root().join(name)).unwrap_or_default();
    assert_eq!(output.code, 0, "{}\n{}\n{}", output.stderr, log("log1"), log("log-dags"));
    for volume in ["dags", "plugins"] {
        let said = log(&format!("log-{volume}"));
        assert!(said.contains("the record was not the same on all volumes"), "{volume}: {said}");
        assert!(said.contains("putting files back as they were delivered"), "{volume}: {said}");
    }
    let seen = branch.root().join("seen");
    let wanted = FIRST.map(|(path, text)| (path.replace("shared/", "plugins/"), text.to_string()));
    assert_eq!(tree(&seen), wanted.into_iter().collect());
    assert_eq!(recorded(&seen), branch.git(&["rev-parse", "HEAD"]));
}

#[test]
fn folders_of_one_file_system_that_are_mounted_one_by_one_are_volumes_too() {
    // As the sub-paths of one volume claim are: the device is the same, a rename between them fails.
    let branch = Scripted::with(&FIRST);
    if !may_mount(&branch) {
        return;
    }
    let script = r#"
        mkdir -p home/dags home/plugins volume/dags volume/plugins
        mount --bind volume/dags home/dags; mount --bind volume/plugins home/plugins
        "$DAGGUARD" once 2>log
    "#;
    let output = in_a_namespace(&branch, script);
    let log = std::fs::read_to_string(branch.root().join("log")).unwrap_or_default();
    assert_eq!(output.code, 0, "{}\n{log}", output.stderr);
    let wanted = FIRST.map(|(path, text)| (path.replace("shared/", "plugins/"), text.to_string()));
    assert_eq!(tree(&branch.root().join("volume")), wanted.into_iter().collect());
}

#[test]
fn a_full_volume_is_told_before_anything_is_written() {
    let branch = Scripted::with(&FIRST);
    if !may_mount(&branch) {
        return;
    }
    let big = "x".repeat(3_000_000);
    branch.write(&[("dags/big.sql", &big)]);
    let script = |pass: &str| {
        format!(
            r#"mkdir -p home; mount -t tmpfs -o size=2m none home
            git -C work push -qf ../content.git HEAD~:main; "$DAGGUARD" once 2>log1
            find home -path home/.dagguard/git -prune -o -type f -print | sort > before
            git -C work push -qf ../content.git HEAD:main; "$DAGGUARD" once 2>log2 || true
            find home -path home/.dagguard/git -prune -o -type f -print | sort > after
            cat home/dags/a.py > {pass}; cat home/.dagguard/deployed > {pass}.deployed"#
        )
    };
    let newer = branch.push("too large");
    let output = in_a_namespace(&branch, &script("text"));
    let read =
        |name: &str| String::from_utf8_lossy(&std::fs::read(branch.root().join(name)).unwrap_or_default()).into_owned();
    assert_eq!(output.code, 0, "{}\n{}\n{}", output.stderr, read("log1"), read("log2"));
    assert!(read("log2").contains("more bytes, this delivery takes"), "{}", read("log2"));
    assert_eq!((read("text").as_str(), read("text.deployed").contains(&newer)), ("a = 1\n", false));
    // But for the note of the hold.
    let files =
        |name: &str| read(name).lines().filter(|line| !line.ends_with("/hold")).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(files("before"), files("after"));
}

#[test]
fn dags_and_plugins_lie_where_airflow_has_them() {
    let branch = Scripted::with(&FIRST);
    let home = branch.root().join("home");
    let elsewhere = branch.root().join("elsewhere");
    std::fs::create_dir_all(&home).unwrap();
    let config = format!("[core]\ndags_folder = {}/dags\n", elsewhere.display());
    std::fs::write(home.join("airflow.cfg"), config).unwrap();
    let plugins = elsewhere.join("plugins");
    let variable = [("AIRFLOW__CORE__PLUGINS_FOLDER", plugins.to_str().unwrap())];
    for pass in ["first", "again"] {
        let output = run(&branch, &home, &["once"], &variable);
        assert_eq!(output.code, 0, "{pass}: {}", output.stderr);
        assert!(output.stderr.contains("the DAGs folder is where Airflow's configuration has it"), "{}", output.stderr);
    }
    assert_eq!(tree(&elsewhere).len(), 4);
    assert!(!Path::new(&home).join("dags").exists() && !home.join("plugins").exists());
}
