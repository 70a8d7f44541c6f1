//! Accepting a finding from the outside: what a message shows is pasted, and the verdict changes.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test makes files, runs git and may panic")]

use crate::check::{ETL, RUNS};
use crate::program::{Output, dagguard, with};
use crate::repositories::Scripted;
use serde_json::Value;
use std::fs;

/// A repository with a commit that renames a task under a run, on top of what is deployed.
fn renamed() -> Scripted {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["tag", "deployed"]);
    repository.write(&[("dags/etl.py", &renamed_text())]);
    repository.push("rename");
    fs::write(repository.root().join("runs.json"), RUNS).unwrap();
    repository
}

fn renamed_text() -> String {
    ETL.replace("\"load\"", "\"load_all\"")
}

fn judged(repository: &Scripted, more: &[&str]) -> Output {
    let args = ["check", "HEAD", "--against", "deployed", "--runs", "../runs.json", "--output-format", "json"];
    dagguard(&repository.work(), &[&args[..], more].concat())
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.shown()))
}

/// The line that accepts the finding of a blocked check, with a reason in the place of `<reason>`.
fn way(repository: &Scripted, carrier: &str) -> String {
    let output = judged(repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    let report = report(&output);
    let line = report["findings"][0]["accept"][carrier].as_str().unwrap();
    assert!(line.contains("<reason>"), "{line}");
    line.replace("<reason>", "the table is empty until May")
}

#[track_caller]
fn accepted(output: &Output, by: &str) {
    assert_eq!(output.code, 0, "{}", output.shown());
    let report = report(output);
    assert_eq!(report["verdict"], "allow");
    let finding = &report["findings"][0];
    assert_eq!((&finding["rule"], &finding["level"]), (&"task-id-renamed".into(), &"info".into()), "{report}");
    assert!(finding["accepted"]["by"].as_str().unwrap().starts_with(by), "{finding}");
    assert_eq!(finding["accepted"]["reason"], "the table is empty until May");
    assert_eq!(finding["runs"].as_array().unwrap().len(), 1, "what will happen is still said: {finding}");
}

#[test]
fn the_line_of_the_message_accepts_by_a_commit_trailer() {
    let repository = renamed();
    let trailer = way(&repository, "trailer");
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\n{trailer}")]);
    accepted(&judged(&repository, &[]), "commit ");
    // A reason is required, and what the message shows in its place is none.
    let repository = renamed();
    let bare = trailer.replace("the table is empty until May", "<reason>");
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say nothing\n\n{bare}")]);
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("suppression-without-reason"), "{}", output.stdout);
}

#[test]
fn a_trailer_counts_on_a_merged_branch_and_not_below_what_is_deployed() {
    let repository = renamed();
    let trailer = way(&repository, "trailer");
    repository.git(&["checkout", "-qb", "side", "deployed"]);
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\n{trailer}")]);
    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    accepted(&judged(&repository, &[]), "commit ");
    // The same words in a commit that is deployed already were about another change.
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\n{trailer}")]);
    repository.git(&["tag", "deployed"]);
    repository.write(&[("dags/etl.py", &renamed_text())]);
    repository.push("rename");
    fs::write(repository.root().join("runs.json"), RUNS).unwrap();
    assert_eq!(judged(&repository, &[]).code, 1);
}

#[test]
fn the_working_tree_stands_on_the_commits_that_are_checked_out() {
    let repository = renamed();
    let trailer = way(&repository, "trailer");
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\n{trailer}")]);
    let args = ["check", "--against", "deployed", "--runs", "../runs.json", "--output-format", "json"];
    accepted(&dagguard(&repository.work(), &args), "commit ");
}

#[test]
fn the_line_of_the_message_accepts_by_a_comment() {
    let repository = renamed();
    let comment = way(&repository, "comment");
    let line = r#"    load = BashOperator(task_id="load_all", bash_command="true")"#;
    for text in [format!("{line}  {comment}"), format!("    {comment}\n{line}")] {
        repository.write(&[("dags/etl.py", &renamed_text().replace(line, &text))]);
        repository.push("say why");
        accepted(&judged(&repository, &[]), "a comment (dags/etl.py:8)");
    }
    // Elsewhere it accepts nothing, and says so.
    repository.write(&[("dags/etl.py", &format!("{comment}\n{}", renamed_text()))]);
    repository.push("in the wrong place");
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("unused-suppression"), "{}", output.stdout);
}

#[test]
fn the_table_of_the_message_accepts_in_the_trees_and_in_the_operators_configuration() {
    let repository = renamed();
    let table = way(&repository, "config");
    fs::write(repository.root().join("operator.toml"), &table).unwrap();
    accepted(&judged(&repository, &["--config", "../operator.toml"]), "the operator's configuration");
    repository.write(&[("dagguard.toml", &table)]);
    repository.push("say why");
    accepted(&judged(&repository, &[]), "`[[accept]]` (dagguard.toml:1)");
    repository.write(&[("dagguard.toml", &format!("{table}until = 2020-01-31\n"))]);
    repository.push("too late");
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("expired-acceptance"), "{}", output.stdout);
}

#[test]
fn a_locked_rule_is_accepted_by_the_operator_alone() {
    let repository = Scripted::with(&[("dags/etl.py", ETL), ("dags/other.py", "x = 1\n")]);
    repository.git(&["tag", "deployed"]);
    repository.remove(&["dags/etl.py"]);
    repository.push("remove");
    fs::write(repository.root().join("runs.json"), RUNS).unwrap();
    let output = judged(&repository, &[]);
    let report = report(&output);
    let accept = &report["findings"][0]["accept"];
    assert_eq!((output.code, &accept["trailer"], &accept["comment"]), (1, &Value::Null, &Value::Null), "{report}");
    let table = accept["config"].as_str().unwrap().replace("<reason>", "it was a test");
    let fingerprint = report["findings"][0]["fingerprint"].as_str().unwrap();
    // Neither the change's own words, nor a lock that it takes away, nor a level that it lowers.
    let policy = format!("{table}\n[policy]\nlock = []\n[levels]\ndag-id-removed = \"off\"\n");
    repository.write(&[("dagguard.toml", &policy)]);
    repository.push(&format!("disarm\n\nDagguard-Accept: {fingerprint} it was a test"));
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("\"self-disarm\""), "{}", output.stdout);
    repository.remove(&["dagguard.toml"]);
    repository.push("as it was");
    fs::write(repository.root().join("operator.toml"), table).unwrap();
    let output = judged(&repository, &["--config", "../operator.toml"]);
    assert_eq!(output.code, 0, "{}", output.shown());
}

#[test]
fn the_message_for_people_shows_how_it_is_accepted() {
    let repository = renamed();
    let args = ["check", "HEAD", "--against", "deployed", "--runs", "../runs.json"];
    let output = dagguard(&repository.work(), &args);
    let line = output.stdout.lines().find(|line| line.trim_start().starts_with("accept:")).unwrap().trim();
    assert_eq!(
        line,
        "accept: `Dagguard-Accept: 23db59697c3ee014 <reason>` in a commit message, or \
         `# dagguard: ignore[task-id-renamed] <reason>` on the line"
    );
    repository.git(&["commit", "-q", "--allow-empty", "-m", "why\n\nDagguard-Accept: 23db59697c3ee014 it is empty"]);
    let output = dagguard(&repository.work(), &args);
    assert!(
        output.stdout.contains("accepted by commit ") && output.stdout.contains(": it is empty"),
        "{}",
        output.stdout
    );
}

#[test]
fn the_hook_takes_a_trailer_of_the_commits_that_are_pushed() {
    let repository = renamed();
    let trailer = way(&repository, "trailer");
    let push = |repository: &Scripted| {
        let (old, new) = (repository.git(&["rev-parse", "deployed"]), repository.git(&["rev-parse", "HEAD"]));
        let line = format!("refs/heads/main {new} refs/heads/main {old}\n");
        with(&repository.work(), &["hook", "pre-push", "origin"], &[], &line)
    };
    assert_eq!(push(&repository).code, 1);
    repository.git(&["commit", "-q", "--allow-empty", "-m", &format!("say why\n\n{trailer}")]);
    let output = push(&repository);
    assert_eq!(output.code, 0, "{}", output.shown());
}

#[test]
fn a_level_that_the_tree_lowers_counts_one_delivery_later() {
    let repository = Scripted::with(&[("dags/etl.py", ETL)]);
    repository.git(&["tag", "deployed"]);
    repository.write(&[("dags/etl.py", &renamed_text()), ("dagguard.toml", "[levels]\ntask-id-renamed = \"info\"\n")]);
    repository.push("rename and lower");
    fs::write(repository.root().join("runs.json"), RUNS).unwrap();
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 1, "{}", output.shown());
    assert!(output.stdout.contains("counts from the next delivery on"), "{}", output.stdout);
    repository.git(&["tag", "-f", "deployed"]);
    repository.write(&[("dags/etl.py", &ETL.replace("\"load\"", "\"load_none\""))]);
    repository.push("rename again");
    let runs = RUNS.replace("\"load\"", "\"load_all\"");
    fs::write(repository.root().join("runs.json"), runs).unwrap();
    let output = judged(&repository, &[]);
    assert_eq!(output.code, 0, "{}", output.shown());
    assert_eq!(report(&output)["findings"][0]["level"], "info");
}

#[test]
fn rules_of_the_operators_own_are_read_from_a_folder_and_must_be_right() {
    let repository = renamed();
    let rules = repository.root().join("rules");
    fs::create_dir(&rules).unwrap();
    let source = dagguard(&repository.work(), &["rule", "task-id-renamed", "--whole"]).stdout;
    let own = source
        .replace("id = \"task-id-renamed\"", "id = \"ours-no-renames\"")
        .replace("message = \"", "message = \"ours: ")
        .replace("\nsupersedes", "\n# supersedes");
    fs::write(rules.join("ours-no-renames.md"), &own).unwrap();
    fs::write(rules.join("README.md"), "what these are").unwrap();
    let output = judged(&repository, &["--rules-dir", "../rules"]);
    assert_eq!(output.code, 1, "{}", output.shown());
    let findings = report(&output)["findings"].clone();
    let ours = findings.as_array().unwrap().iter().find(|finding| finding["rule"] == "ours-no-renames").unwrap();
    assert!(ours["message"].as_str().unwrap().starts_with("ours: task `load`"), "{ours}");
    fs::write(repository.root().join("operator.toml"), format!("rules.dir = {:?}\n", rules.display().to_string()))
        .unwrap();
    let by_file = judged(&repository, &["--config", "../operator.toml", "--select", "ours-no-renames"]);
    assert_eq!(report(&by_file)["findings"].as_array().unwrap().len(), 1, "{}", by_file.shown());
    let page = dagguard(&repository.work(), &["rule", "ours-no-renames", "--rules-dir", "../rules"]);
    assert!(page.stdout.starts_with("# ours-no-renames"), "{}", page.shown());

    let refused = |file: &str, text: &str| {
        fs::write(rules.join(file), text).unwrap();
        let output = judged(&repository, &["--rules-dir", "../rules"]);
        fs::remove_file(rules.join(file)).unwrap();
        assert_eq!(output.code, 2, "{}", output.shown());
        output.stderr.lines().next().unwrap_or_default().replace("dagguard: error: ", "")
    };
    assert_eq!(
        refused("task-id-renamed.md", &source),
        "there is a rule of that id already, `task-id-renamed`: `task-id-renamed.md`"
    );
    assert_eq!(refused("other.md", &own), "a rule file is named after its id, `ours-no-renames.md`: `other.md`");
    let wrong = own.replace("ours-no-renames", "ours-b").replace("on = [\"task-renamed\"", "on = [\"task-renamd\"");
    let said = refused("ours-b.md", &wrong);
    assert!(said.contains("`on` has an unknown word: `task-renamd`"), "{said}");
    let said = refused("ours-c.md", "no front matter");
    assert!(said.contains("no front matter between two `+++` lines"), "{said}");
    let output = judged(&repository, &["--rules-dir", "../nowhere"]);
    assert_eq!(output.code, 2, "{}", output.shown());
}
