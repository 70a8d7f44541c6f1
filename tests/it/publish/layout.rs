//! Content by the operator's word: other folders, places and order than the usual ones.

use super::{recorded, run, tree};
use crate::repositories::{Scripted, write};
use std::fs;
use std::path::Path;

const DAG: &str = "from airflow import DAG\nfrom datetime import datetime\nfrom etl.d import d\n\nwith DAG('a', start_date=datetime(2025, 1, 1), schedule=None):\n    pass\n";

/// The layout that the README shows, as the operator's file.
fn layout(folder: &Path) -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let block = readme.split("```toml\n[[layout]]").nth(1).unwrap().split("```").next().unwrap();
    write(folder, &[("layout.toml", &format!("[[layout]]{block}"))]);
    folder.join("layout.toml").to_str().unwrap().to_string()
}

fn branch() -> Scripted {
    Scripted::with(&[
        ("airflow/dags/a.py", DAG),
        ("airflow/plugins/listener.py", "l = 1\n"),
        ("libs/etl/d.py", "d = 1\n"),
        ("libs/loose.py", "x = 1\n"),
        ("dags/not_content.py", "x = 1\n"),
        ("plugins/operators/not_content.py", "x = 1\n"),
    ])
}

fn names(home: &Path) -> Vec<String> {
    tree(home).into_keys().collect()
}

#[test]
fn other_folders_go_to_other_places_in_the_order_that_was_named() {
    let branch = branch();
    let config = layout(branch.root());
    for mode in ["in-place", "symlink"] {
        let home = branch.root().join(mode);
        let named = [("DAGGUARD_CONFIG", config.as_str()), ("DAGGUARD_MODE", mode)];
        let output = run(&branch, &home, &["once"], &named);
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(names(&home), ["dags/a.py", "plugins/etl/d.py", "plugins/listener.py"]);
        assert!(output.stderr.contains("\"path\":\"plugins/operators\""), "{}", output.stderr);
        let output = run(&branch, &home, &["once"], &named);
        assert!(output.stderr.contains("\"outcome\":\"noop\""), "{}", output.stderr);
        // What lies in the delivered folders is the syncer's, here all of `plugins`.
        write(&home, &[("plugins/stray.py", "s = 1\n")]);
        let output = run(&branch, &home, &["once"], &named);
        assert!(output.stderr.contains("plugins/stray.py") && names(&home).len() == 3, "{}", output.stderr);
    }
    branch.remove(&["airflow/plugins/listener.py"]);
    branch.write(&[
        ("libs/etl/d.py", "d = 2\n"),
        ("airflow/dags/b.py", "x = 1\n"),
        ("airflow/plugins/p.py", "p = 1\n"),
    ]);
    let proposed = branch.push("more");
    let home = branch.root().join("in-place");
    let named = [("DAGGUARD_CONFIG", config.as_str())];
    let plan = run(&branch, &home, &["plan"], &named);
    let at = |path: &str| plan.stdout.find(path).unwrap_or_else(|| panic!("{path}: {}{}", plan.stdout, plan.stderr));
    let order = ["+ plugins/etl/d.py", "+ plugins/p.py", "+ dags/b.py", "- plugins/listener.py"];
    assert!(order.windows(2).all(|two| at(two[0]) < at(two[1])), "{}", plan.stdout);
    let output = run(&branch, &home, &["once"], &named);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!((recorded(&home), names(&home).len()), (proposed, 4));
    // The tree that is judged as deployed is this one: its DAG's import is found.
    assert!(!output.stderr.contains("import-error"), "{}", output.stderr);
}

#[test]
fn a_home_follows_another_layout_and_files_of_others_beside_it_stay() {
    let branch = branch();
    let home = branch.root().join("home");
    write(&home, &[("plugins/theirs.py", "t = 1\n"), ("dags/other/theirs.py", "t = 1\n")]);
    let team = "[[layout]]\nfrom = \"airflow/dags\"\nto = \"dags/team\"\n";
    write(branch.root(), &[("team.toml", team)]);
    let config = branch.root().join("team.toml").to_str().unwrap().to_string();
    let named = [("DAGGUARD_CONFIG", config.as_str())];
    let output = run(&branch, &home, &["once"], &named);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(names(&home), ["dags/other/theirs.py", "dags/team/a.py", "plugins/theirs.py"]);
    // A tree behind links would hide the files of others.
    let linked = [("DAGGUARD_CONFIG", config.as_str()), ("DAGGUARD_MODE", "symlink")];
    branch.write(&[("airflow/dags/a.py", &format!("# more\n{DAG}"))]);
    branch.push("more");
    let output = run(&branch, &home, &["once"], &linked);
    assert!(output.stderr.contains("is to become a link"), "{}", output.stderr);
    assert_eq!(run(&branch, &home, &["once"], &named).code, 0);
    // Another place: what was delivered moves, and nothing else does.
    write(branch.root(), &[("team.toml", &team.replace("dags/team", "dags/moved"))]);
    branch.write(&[("airflow/dags/a.py", DAG)]);
    branch.push("again");
    let output = run(&branch, &home, &["once"], &[("DAGGUARD_CONFIG", config.as_str()), ("DAGGUARD_MOST_LOSS", "100")]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(names(&home), ["dags/moved/a.py", "dags/other/theirs.py", "plugins/theirs.py"]);
}

#[test]
fn a_layout_that_is_none_ends_the_program_and_the_tree_cannot_set_one() {
    let branch = branch();
    let home = branch.root().join("home");
    let output = run(&branch, &home, &["once"], &[("DAGGUARD_CONFIG", "layout=[{from=\"libs\"}]")]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("`libs` is neither `dags` nor `plugins` nor below them"), "{}", output.stderr);
    branch.write(&[("dagguard.toml", "[[layout]]\nfrom = \"airflow/dags\"\nto = \"dags\"\n")]);
    branch.push("a layout of its own");
    let output = run(&branch, &home, &["once"], &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(names(&home), ["dags/not_content.py", "plugins/operators/not_content.py"]);
}

#[test]
fn a_check_follows_the_operators_layout_and_else_that_of_the_tree() {
    let branch = branch();
    branch.git(&["fetch", "-q", "origin"]);
    let config = layout(branch.root());
    // The DAG goes, from where by default nothing is content.
    branch.remove(&["airflow/dags/a.py"]);
    let check = |more: &[&str]| {
        let arguments = [&["check", ".", "--against", "HEAD", "--no-cache"], more].concat();
        crate::program::with(&branch.work(), &arguments, &[], "")
    };
    assert!(!check(&[]).stdout.contains("dag-id-removed"));
    let output = check(&["--config", &config]);
    assert!(output.stdout.contains("dag-id-removed"), "{}{}", output.stdout, output.stderr);
    // The tree says it: from now on it is followed, and a change of it is a question.
    branch.git(&["reset", "-q", "--hard", "HEAD"]);
    let own = fs::read_to_string(&config).unwrap();
    branch.write(&[("dagguard.toml", &own)]);
    let output = check(&[]);
    assert_eq!(output.code, 2, "what was deployed by another layout: {}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("the layout is another one"), "{}", output.stderr);
    assert!(!check(&["--config", &config]).stderr.contains("the layout is another one"));
    branch.push("a layout of its own");
    branch.remove(&["airflow/dags/a.py"]);
    let output = check(&[]);
    assert!(output.stdout.contains("dag-id-removed"), "{}{}", output.stdout, output.stderr);
    branch.write(&[("dagguard.toml", &own.replace("libs/*", "lib/*"))]);
    let output = check(&[]);
    assert_eq!(output.code, 2, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("the layout is another one"), "{}", output.stderr);
}
