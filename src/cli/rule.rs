//! `dagguard rule`: the rules' own pages, offline.

use super::{Exit, Failure, stdout};
use crate::rules::{Rule, registry};
use std::fmt::Write;

pub(super) fn run(id: Option<&str>) -> Result<Exit, Failure> {
    let text = match id {
        None => registry().all().fold(String::new(), |mut list, rule| {
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{:<24} {:<6} {}", rule.id, rule.level, first_sentence(rule));
            list
        }),
        Some(id) => {
            let rule = registry()
                .get(id)
                .ok_or_else(|| Failure::usage(format!("no such rule: `{id}`")).hint("`dagguard rule` lists them"))?;
            format!("# {}\n\n{}\n", rule.id, rule.page)
        }
    };
    stdout(&text).map(|()| Exit::Completed)
}

fn first_sentence(rule: &Rule) -> String {
    let what = rule.page.split("## What it checks").nth(1).unwrap_or_default();
    let paragraph = what.split("\n## ").next().unwrap_or_default().replace('\n', " ");
    let sentence = paragraph.trim().split(". ").next().unwrap_or_default();
    sentence.trim_end_matches('.').to_string()
}
