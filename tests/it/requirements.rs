//! What the founding document asks of a delivery, number by number: which tests show it, and that
//! they would see it missing.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the sources, runs cargo and may panic"
)]

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    says: String,
    tests: Vec<String>,
    switch: String,
}

fn requirements() -> BTreeMap<String, Requirement> {
    toml::from_str(include_str!("requirements.toml")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source of a test as the list names it, `lib a::b::name`: the file that holds it, by the
/// longest path that there is, and the lines before its function.
fn attributes(test: &str) -> Option<String> {
    let (binary, path) = test.split_once(' ')?;
    let base = root().join(match binary {
        "lib" => "src",
        "it" => "tests/it",
        _ => return None,
    });
    let mut modules: Vec<&str> = path.split("::").collect();
    let function = modules.pop()?;
    while !modules.is_empty() {
        let file = base.join(modules.join("/")).with_extension("rs");
        let found = fs::read_to_string(file).ok().and_then(|text| {
            let at = text.find(&format!("fn {function}("))?;
            // What stands between the item before and this one.
            let before = &text[..at];
            let begin = before.rfind("\n\n").unwrap_or(0);
            Some(before[begin..].to_string())
        });
        if found.is_some() {
            return found;
        }
        modules.pop();
    }
    None
}

#[test]
fn each_requirement_of_a_delivery_has_tests_that_run_and_a_switch() {
    let requirements = requirements();
    let named: BTreeSet<String> = requirements.keys().cloned().collect();
    let wanted: BTreeSet<String> = (1..=33).chain([39]).map(|number| format!("R{number}")).collect();
    assert_eq!(named, wanted);
    let mut faults = Vec::new();
    for (number, requirement) in &requirements {
        if requirement.says.len() < 20 || requirement.tests.is_empty() {
            faults.push(format!("{number} says nothing"));
        }
        for test in &requirement.tests {
            match attributes(test) {
                None => faults.push(format!("{number}: there is no test `{test}`")),
                Some(text) if !text.contains("#[test]") => faults.push(format!("{number}: `{test}` is no test")),
                Some(text) if text.contains("#[ignore") => faults.push(format!("{number}: `{test}` is not run")),
                Some(_) => {}
            }
        }
        let text = fs::read_to_string(root().join(&requirement.switch)).unwrap_or_default();
        if !text.contains(&format!("off(\"{number}\")")) {
            faults.push(format!("{number}: no switch in `{}`", requirement.switch));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The tests below a folder that are not run each time, by the names of their modules.
fn ignored(binary: &str, folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder_) = open.pop() {
        for entry in fs::read_dir(&folder_).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let below = path.strip_prefix(root().join(folder)).unwrap().with_extension("");
            let module = below.to_str().unwrap().replace('/', "::");
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let attribute = ["#[", "ignore"].concat();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(&attribute)) {
                let name = lines[at..].iter().find_map(|line| line.strip_prefix("fn ")).unwrap();
                found.insert(format!("{binary} {module}::{}", name.split('(').next().unwrap()));
            }
        }
    }
    found
}

#[test]
fn what_is_not_run_each_time_is_listed() {
    let listed: BTreeSet<String> = include_str!("ignored.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_string)
        .collect();
    let found: BTreeSet<String> = ignored("lib", "src").into_iter().chain(ignored("it", "tests/it")).collect();
    assert!(found.len() > 5, "they were not found");
    assert_eq!(found, listed, "tests/it/ignored.txt");
}

/// The test binaries of a build whose requirements can be switched off.
fn switched() -> BTreeMap<&'static str, PathBuf> {
    let target = root().join("target/switched-requirements");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--features", "switch-off", "--lib", "--test", "it", "--no-run"])
        .args(["--message-format", "json", "--target-dir"])
        .arg(target)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut found = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let Some(file) = message["executable"].as_str()
            && message["profile"]["test"] == true
        {
            let kind = if message["target"]["name"] == "it" { "it" } else { "lib" };
            found.insert(kind, PathBuf::from(file));
        }
    }
    found
}

#[test]
#[ignore = "takes many minutes: builds everything once more"]
fn with_its_switch_on_each_requirement_is_red() {
    let binaries = switched();
    let mut faults = Vec::new();
    for (number, requirement) in requirements() {
        let red = |switch: &str| {
            requirement.tests.iter().any(|test| {
                let (binary, name) = test.split_once(' ').unwrap();
                let mut command = Command::new(&binaries[binary]);
                command.args(["--exact", name]).current_dir(root()).env("DAGGUARD_TEST_SWITCH", switch);
                !command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
            })
        };
        if red("") {
            faults.push(format!("{number} is red without a switch"));
        } else if !requirement.switch.is_empty() && !red(&number) {
            faults.push(format!("{number} is green with its switch on"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
