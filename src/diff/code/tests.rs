//! What the code of tasks meets, case by case: `testdata/code/contracts.txt`.

use crate::content::{ContentPath, File, Layout, Revision, Snapshot};
use crate::dag;
use crate::diff::{self, Kind, Side};
use crate::ids::AirflowVersion;

struct Case {
    title: String,
    /// `=== title @ 3.3.2`: the release that it is built for.
    airflow: Option<AirflowVersion>,
    deployed: Snapshot,
    proposed: Snapshot,
    expected: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../testdata/code/contracts.txt");
    let mut cases = Vec::new();
    for block in text.split("\n=== ").skip(1) {
        let (title, rest) = block.split_once('\n').unwrap();
        let tree = |name: &str| Snapshot::empty(Revision::new(name));
        let mut case = Case {
            title: title.into(),
            airflow: title.split_once(" @ ").and_then(|(_, version)| AirflowVersion::parse(version)),
            deployed: tree("deployed"),
            proposed: tree("proposed"),
            expected: Vec::new(),
        };
        for part in format!("\n{rest}").split("\n--- ").skip(1) {
            let (head, body) = part.split_once('\n').unwrap_or((part, ""));
            let (side, path) = head.split_once(' ').unwrap();
            let mut source = String::new();
            for line in body.lines() {
                match line.strip_prefix(">>> ") {
                    Some(expected) => case.expected.push(expected.into()),
                    None => source = format!("{source}{line}\n"),
                }
            }
            for (name, tree) in [("deployed", &mut case.deployed), ("proposed", &mut case.proposed)] {
                if side == name || side == "both" {
                    let file = File::regular(&Revision::new(name), source.as_bytes());
                    tree.insert(ContentPath::new(path).unwrap(), file);
                }
            }
        }
        cases.push(case);
    }
    assert!(cases.len() > 50, "the cases were not read");
    cases
}

fn said(deployed: &Snapshot, proposed: &Snapshot, airflow: Option<AirflowVersion>) -> Vec<String> {
    let build = |tree: &Snapshot| dag::build(tree, Layout::Content, airflow);
    let (before, after) = (build(deployed), build(proposed));
    let errors: Vec<_> = before.errors.iter().chain(&after.errors).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let sides = (Side { snapshot: deployed, model: &before }, Side { snapshot: proposed, model: &after });
    let mut said = Vec::new();
    for change in diff::changes(sides.0, sides.1, Layout::Content) {
        let Kind::Code(code) = &change.kind else { continue };
        let tasks: Vec<_> = code.tasks().iter().map(ToString::to_string).collect();
        said.push(format!("{} {}: {}", change.kind.word(), tasks.join(" "), change.kind.after()));
    }
    said.sort();
    said
}

#[test]
fn what_the_code_of_tasks_meets_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in cases() {
        let said = said(&case.deployed, &case.proposed, case.airflow);
        if said != case.expected {
            wrong.push(format!("{}\n  expected {:?}\n  said     {said:?}", case.title, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn equal_sides_meet_nothing() {
    for case in cases() {
        for side in [&case.deployed, &case.proposed] {
            assert_eq!(said(side, side, case.airflow), Vec::<String>::new(), "{}", case.title);
        }
    }
}
