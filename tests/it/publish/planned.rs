//! `dagguard plan`, `dagguard status`, and the guards as the log tells them.

use super::{once, recorded, run, tree};
use crate::repositories::{Scripted, write};
use serde_json::Value;
use std::fs;
use std::path::Path;

const DAG: &str = "from airflow import DAG\nfrom datetime import datetime\n\nwith DAG('a', start_date=datetime(2025, 1, 1), schedule=None):\n    pass\n";

fn branch() -> Scripted {
    Scripted::with(&[
        ("dags/a.py", DAG),
        ("dags/old.py", "x = 1\n"),
        ("plugins/operators/o.py", "o = 1\n"),
        ("shared/etl/d.py", "d = 1\n"),
    ])
}

fn lines(stderr: &str) -> Vec<Value> {
    stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_plan_says_what_sync_would_do_and_writes_nothing() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    branch.remove(&["dags/old.py"]);
    branch.write(&[
        ("plugins/operators/o.py", "o = 2\n"),
        ("shared/etl/new.py", "n = 1\n"),
        ("dags/b.py", &DAG.replace("'a'", "'b'")),
    ]);
    let proposed = branch.push("second");
    write(&home, &[("dags/stray.py", "s = 1\n")]);
    let before = tree(&home);
    let output = run(&branch, &home, &["plan"], &[]);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let plan = output.stdout.split("\n\n").next().unwrap();
    let first = recorded(&home);
    assert_eq!(
        plan,
        format!(
            "deployed: {first}\nproposed: {proposed}\ndrift: dags/stray.py stray\n\
             3 files written, 2 taken away, in this order:\n  operators\n    + plugins/operators/o.py\n  shared\n    \
             + plugins/etl/new.py\n  dags\n    + dags/b.py\n    - dags/stray.py\n    - dags/old.py"
        )
    );
    assert_eq!((tree(&home), recorded(&home)), (before, first.clone()));
    // The other order, as a document; and a work tree, without any network.
    branch.write(&[("plugins/operators/n.py", "n = 1\n")]);
    let arguments = ["plan", "work", "--order", "additions-first", "--output-format", "json", "--drift", "ignore"];
    let output = run(&branch, &home, &arguments, &[("CONTENT_SYNCER_GIT_REPO_SOURCE", "/nowhere")]);
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let steps: Vec<String> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| format!("{} {}", step["operation"].as_str().unwrap(), step["path"].as_str().unwrap()))
        .collect();
    assert_eq!(
        steps,
        [
            "write plugins/operators/n.py",
            "write plugins/etl/new.py",
            "write plugins/operators/o.py",
            "write dags/b.py",
            "remove dags/old.py"
        ]
    );
    assert_eq!(
        (document["deployed"].as_str().unwrap(), &document["report"]["verdict"]),
        (first.as_str(), &"allow".into())
    );
}

#[test]
fn a_plan_that_is_refused_or_blocked_is_exit_1() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    branch.remove(&["plugins/operators/o.py"]);
    branch.push("no operators");
    let output = run(&branch, &home, &["plan"], &[]);
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("refused: `operators` would lose all of its files"), "{}", output.stdout);
    branch.write(&[
        ("plugins/operators/o.py", "o = 1\n"),
        ("dags/a.py", &DAG.replace("schedule=None)", "schedule=None")),
    ]);
    branch.push("broken");
    let output = run(&branch, &home, &["plan"], &[]);
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("syntax-error"), "{}", output.stdout);
}

#[test]
fn a_root_that_becomes_empty_is_held_until_that_revision_is_confirmed() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    let before = tree(&home);
    branch.remove(&["plugins/operators/o.py"]);
    let revision = branch.push("no operators");
    let output = run(&branch, &home, &["sync", "--once=strict"], &[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("would lose all of its files") && output.stderr.contains("confirm"),
        "{}",
        output.stderr
    );
    assert_eq!(tree(&home), before);
    // What is held, since when, and why.
    let status = run(&branch, &home, &["status"], &[]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(status.stdout.contains(&format!("held: {revision} since ")), "{}", status.stdout);
    let output = run(&branch, &home, &["sync", "--once=strict"], &[("DAGGUARD_CONFIRM", &revision[..10])]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(!home.join("plugins/operators/o.py").exists() && home.join("plugins/operators").is_dir());
    let status = run(&branch, &home, &["status", "--output-format", "json"], &[]);
    let document: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(document["home"]["deployed"]["revision"], revision.as_str());
    assert!(document["home"]["held"].is_null());
    let last = document["home"]["deliveries"].as_array().unwrap().last().unwrap();
    assert_eq!((last["sequence"].as_u64(), last["removals"].as_u64()), (Some(2), Some(1)));
    assert!(last["waited"]["reasons"][0].as_str().unwrap().contains("would lose all"), "{last}");
}

#[test]
fn drift_is_repaired_reported_or_ignored_as_it_was_asked() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    let disturb = || {
        write(
            &home,
            &[("dags/stray.py", "s = 1\n"), ("shared-not-ours.txt", "x"), ("plugins/foreign/f.py", "f = 1\n")],
        );
        fs::write(home.join("dags/old.py"), "by hand\n").unwrap();
        fs::remove_file(home.join("plugins/etl/d.py")).ok();
    };
    let drift = |stderr: &str| stderr.matches("a delivered folder was changed by somebody else").count();
    disturb();
    let disturbed = tree(&home);
    for (what, said) in [("ignore", 0), ("report", 3)] {
        let output = run(&branch, &home, &["once"], &[("DAGGUARD_DRIFT", what)]);
        assert_eq!((output.code, drift(&output.stderr)), (0, said), "{what}: {}", output.stderr);
        assert_eq!(tree(&home), disturbed, "{what}");
    }
    // A new commit changes what it changes, and what others did stays, known as what it is.
    branch.write(&[("dags/a.py", &format!("{DAG}# more\n"))]);
    branch.push("second");
    for pass in ["first", "again"] {
        let output = run(&branch, &home, &["once"], &[("DAGGUARD_DRIFT", "report")]);
        assert_eq!((output.code, drift(&output.stderr)), (0, 3), "{pass}: {}", output.stderr);
    }
    let found = tree(&home);
    assert!(found["dags/a.py"].ends_with("# more\n") && found["dags/old.py"] == "by hand\n");
    assert!(found.contains_key("dags/stray.py") && !found.contains_key("plugins/etl/d.py"));
    // The branch changes the edited file: it is written.
    branch.write(&[("dags/old.py", "x = 2\n")]);
    branch.push("third");
    assert_eq!(run(&branch, &home, &["once"], &[("DAGGUARD_DRIFT", "report")]).code, 0);
    assert_eq!(tree(&home)["dags/old.py"], "x = 2\n");
    let output = run(&branch, &home, &["once"], &[]);
    assert_eq!(drift(&output.stderr), 2, "{}", output.stderr);
    let found = tree(&home);
    assert!(!found.contains_key("dags/stray.py") && found["plugins/etl/d.py"] == "d = 1\n");
    assert_eq!(found["plugins/foreign/f.py"], "f = 1\n", "what was never delivered stays");
}

#[test]
fn what_others_change_is_put_back_before_the_next_poll() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    let before = tree(&home);
    let mut own = super::variables(&branch, &home);
    own.push(("CONTENT_SYNCER_INTERVAL".to_string(), "3600".to_string()));
    let variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let log = fs::File::create(branch.root().join("log")).unwrap();
    let mut child = crate::program::command(branch.root(), &["sync"], &variables).stderr(log).spawn().unwrap();
    let wait = |what: &str, mut true_now: Box<dyn FnMut() -> bool + '_>| {
        let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while !true_now() {
            assert!(std::time::Instant::now() < end, "waited for {what}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    let log = || fs::read_to_string(branch.root().join("log")).unwrap();
    wait("the first pass", Box::new(|| log().contains("pass over")));
    // It begins to watch in the same moment.
    std::thread::sleep(std::time::Duration::from_secs(1));
    fs::remove_file(home.join("plugins/etl/d.py")).unwrap();
    write(&home, &[("dags/old.py", "by hand\n")]);
    let begun = std::time::Instant::now();
    wait("the repair", Box::new(|| tree(&home) == before));
    println!("put back after {:.1} s, polling every hour", begun.elapsed().as_secs_f64());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_deployed_is_put_back_also_while_a_newer_commit_is_held() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    let (before, first) = (tree(&home), recorded(&home));
    branch.write(&[("dags/a.py", &DAG.replace("schedule=None)", "schedule=None"))]);
    branch.push("broken");
    fs::remove_file(home.join("plugins/etl/d.py")).unwrap();
    write(&home, &[("dags/old.py", "by hand\n")]);
    let output = run(&branch, &home, &["once"], &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("syntax-error"), "{}", output.stderr);
    assert_eq!((tree(&home), recorded(&home)), (before, first));
}

#[test]
fn modules_that_airflow_has_loaded_are_reported_as_needing_a_restart() {
    let plugin = "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin):\n    name = 'p'\n";
    let branch = branch();
    branch.write(&[("shared/ui/p.py", plugin)]);
    branch.push("with a plugin");
    let home = branch.root().join("home");
    write(&home, &[("plugins/.airflowignore", "theirs\n")]);
    once(&branch, &home);
    let ignore = || fs::read_to_string(home.join("plugins/.airflowignore")).unwrap();
    assert!(ignore().starts_with("theirs\n") && ignore().contains("^etl/\netl/*[!:]\n") && !ignore().contains("ui"));
    branch.write(&[("shared/ui/p.py", &format!("{plugin}# more\n")), ("shared/etl/d.py", "d = 2\n")]);
    branch.push("both change");
    let restarts = |stderr: &str| -> Vec<String> {
        let said = lines(stderr)
            .into_iter()
            .filter(|line| line["message"].as_str().is_some_and(|message| message.contains("until a restart")));
        said.map(|line| line["path"].as_str().unwrap().to_string()).collect()
    };
    let output = run(&branch, &home, &["once"], &[]);
    assert_eq!(restarts(&output.stderr), ["plugins/ui/p.py"], "{}", output.stderr);
    // Switched off, our part of the file goes at once, and from then on every module of plugins
    // needs a restart.
    let off = [("DAGGUARD_NO_PLUGINS_IGNORE", "1")];
    let output = run(&branch, &home, &["once"], &off);
    assert_eq!((output.code, ignore()), (0, "theirs\n".to_string()), "{}", output.stderr);
    assert!(!output.stderr.contains("Updat"), "{}", output.stderr);
    let output = run(&branch, &home, &["once"], &off);
    assert!(output.stderr.contains("\"outcome\":\"noop\""), "{}", output.stderr);
    branch.write(&[("shared/etl/d.py", "d = 3\n")]);
    branch.push("again");
    let output = run(&branch, &home, &["once"], &off);
    assert_eq!((restarts(&output.stderr), ignore()), (vec!["plugins/etl/d.py".to_string()], "theirs\n".to_string()));
    // On again, at once, and also where the newest commit is held; and somebody takes it away: it
    // is put back.
    once(&branch, &home);
    assert!(ignore().contains("^etl/\n"));
    branch.write(&[("dags/a.py", "from airflow import DAG\n\ndef broken(:\n")]);
    branch.push("held");
    let output = run(&branch, &home, &["once"], &off);
    assert!(output.stderr.contains("\"outcome\":\"blocked\""), "{}", output.stderr);
    assert_eq!(ignore(), "theirs\n", "{}", output.stderr);
    once(&branch, &home);
    assert!(ignore().contains("^etl/\n"));
    fs::remove_file(home.join("plugins/.airflowignore")).unwrap();
    once(&branch, &home);
    assert!(ignore().contains("^etl/\n"));
}

#[test]
fn files_beside_the_content_are_named_once_and_not_delivered() {
    let branch = branch();
    branch.write(&[
        ("plugins/listener.py", "x = 1\n"),
        ("plugins/hooks/h.py", "h = 1\n"),
        ("shared/loose.py", "l = 1\n"),
    ]);
    branch.push("files beside");
    let home = branch.root().join("home");
    let said = |stderr: &str| -> Vec<String> {
        let said = lines(stderr)
            .into_iter()
            .filter(|line| line["message"].as_str().is_some_and(|message| message.starts_with("not delivered")));
        said.map(|line| line["path"].as_str().unwrap().to_string()).collect()
    };
    let output = run(&branch, &home, &["once"], &[]);
    assert_eq!(said(&output.stderr), ["plugins/hooks", "plugins/listener.py", "shared/loose.py"], "{}", output.stderr);
    assert_eq!(tree(&home).len(), 4);
    assert_eq!(said(&run(&branch, &home, &["once"], &[]).stderr), Vec::<String>::new());
}

#[test]
fn the_clone_lies_where_its_variable_says() {
    let branch = branch();
    let home = branch.root().join("home");
    once(&branch, &home);
    assert!(branch.root().join("store").is_dir() && !home.join(".dagguard/git").exists());
    let other = branch.root().join("other");
    let output = run(&branch, &other, &["once"], &[("CONTENT_SYNCER_GIT_REPO_FOLDER", "")]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(other.join(".dagguard/git").is_dir(), "beside the record where no place is named");
}

#[test]
fn two_syncers_with_two_homes_share_nothing() {
    let branch = branch();
    let (one, other) = (branch.root().join("one"), branch.root().join("other"));
    let store = |name: &str| branch.root().join(name).to_string_lossy().into_owned();
    let (first, second) = (store("store-one"), store("store-other"));
    std::thread::scope(|scope| {
        for (home, store) in [(&one, &first), (&other, &second)] {
            let branch = &branch;
            scope.spawn(move || {
                for _ in 0..3 {
                    let output = run(branch, home, &["once"], &[("CONTENT_SYNCER_GIT_REPO_FOLDER", store)]);
                    assert_eq!(output.code, 0, "{}", output.stderr);
                }
            });
        }
    });
    assert_eq!((tree(&one), recorded(&one)), (tree(&other), recorded(&other)));
    assert_eq!(tree(&one).len(), 4);
}

#[test]
fn both_modes_deliver_the_same_and_a_tree_follows_a_delivery_in_place() {
    let branch = branch();
    let home = branch.root().join("home");
    let linked = [("DAGGUARD_MODE", "symlink")];
    once(&branch, &home);
    branch.remove(&["dags/old.py"]);
    branch.write(&[("shared/etl/new.py", "n = 1\n")]);
    branch.push("second");
    let output = run(&branch, &home, &["once"], &linked);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(fs::symlink_metadata(home.join("dags")).unwrap().is_symlink());
    let other = branch.root().join("in-place");
    once(&branch, &other);
    assert_eq!(tree(&home), tree(&other));
    let again = run(&branch, &home, &["once"], &linked);
    assert!(again.stderr.contains("\"outcome\":\"noop\""), "{}", again.stderr);
    let plan = run(&branch, &home, &["plan"], &linked);
    assert!(plan.stdout.contains("no file changes"), "{}{}", plan.stdout, plan.stderr);
    // And back: what is there stays as it is, and is looked at before it is taken out of its tree.
    let times = |home: &Path| -> Vec<_> {
        let time = |path: &&str| fs::metadata(home.join(path)).unwrap().modified().unwrap();
        ["dags/a.py", "plugins/etl/new.py"].iter().map(time).collect()
    };
    let before = times(&home);
    let plan = run(&branch, &home, &["plan"], &[]);
    assert!(plan.stdout.contains("no file changes"), "{}{}", plan.stdout, plan.stderr);
    let back = run(&branch, &home, &["once"], &[]);
    assert!(back.code == 0 && back.stderr.contains("\"outcome\":\"noop\""), "{}", back.stderr);
    assert!(fs::symlink_metadata(home.join("dags")).unwrap().is_dir());
    assert_eq!((tree(&home), times(&home)), (tree(&other), before));
}
