//! `dagguard rule`: the rules' own pages, offline.

use super::{Exit, Failure, judge, stdout};
use crate::rules::{Rule, registry, source};
use std::fmt::Write;
use std::path::Path;

pub(super) fn run(id: Option<&str>, whole: bool, dir: Option<&Path>) -> Result<Exit, Failure> {
    let own = dir.map(judge::rules_of).transpose()?;
    let rules = own.as_ref().unwrap_or_else(|| registry());
    let text = match id {
        None => rules.all().fold(String::new(), |mut list, rule| {
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{:<26} {:<6} {}", rule.id, rule.level, first_sentence(rule));
            list
        }),
        Some(id) => {
            let none = || {
                let failure = Failure::usage(format!("no such rule: `{id}`"));
                match rules.nearest(id) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("`dagguard rule` lists them"),
                }
            };
            let rule = rules.get(id).ok_or_else(none)?;
            match source(id).filter(|_| whole) {
                Some(text) => text.to_string(),
                None => format!("# {}\n\n{}\n", rule.id, rule.page),
            }
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
