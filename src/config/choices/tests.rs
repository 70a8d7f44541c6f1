use super::*;
use crate::content::{File, Revision};
use crate::rules::registry;

fn of(name: &str, text: &str) -> Choices {
    let revision = Revision::new("r");
    let mut snapshot = Snapshot::empty(revision.clone());
    snapshot.configure(ContentPath::new(name).unwrap(), File::regular(&revision, text.as_bytes()));
    tree(&snapshot, registry())
}

fn refused(text: &str) -> Vec<String> {
    let line = |refused: &Refused| refused.at.as_ref().map_or(0, |at| at.span.line);
    of("dagguard.toml", text).refused.iter().map(|r| format!("{}: {}: {}", line(r), r.what, r.why)).collect()
}

#[test]
fn levels_locks_and_acceptances_are_read_from_either_file() {
    let text = "\
[levels]
task-id-renamed = \"warn\"

[paths.\"dags/legacy/**\"]
task-id-removed = \"off\"

[dags.\"etl_*\"]
task-id-removed = \"block\"

[policy]
lock = [\"syntax-error\"]

[[accept]]
fingerprint = \"0123456789ABCDEF\"
reason = \"the table is empty\"
until = 2027-01-31
";
    let own = of("dagguard.toml", text);
    assert_eq!(own.refused, []);
    assert_eq!(own.levels.len(), 3);
    let levels: Vec<_> = own.levels.iter().map(|choice| (&choice.scope, choice.level)).collect();
    assert!(levels.contains(&(&Scope::Path("dags/legacy/**".into()), None)), "{levels:?}");
    assert_eq!(own.lock, Some(["syntax-error".to_string()].into()));
    assert_eq!(own.accept[0].until.map(|day| day.to_string()).as_deref(), Some("2027-01-31"));
    let project = text.replace("[[accept]]", "[[tool.dagguard.accept]]").replace("[policy]", "[tool.dagguard.policy]");
    let project = project.replace("[levels]", "[project]\nname = \"x\"\n[tool.dagguard.levels]");
    let project = project.replace("[paths.", "[tool.dagguard.paths.").replace("[dags.", "[tool.dagguard.dags.");
    let project = of("pyproject.toml", &project);
    assert_eq!(project.refused, []);
    assert_eq!((project.levels.len(), &project.lock, project.accept.len()), (3, &own.lock, 1));
}

#[test]
fn what_a_tree_may_not_say_is_left_out_and_said_with_its_line() {
    let text = "\
level = 1
[instance.x]
url = \"https://evil\"
[levels]
task-id-renamd = \"warn\"
task-id-removed = \"low\"
[policy]
lock = 3
[[accept]]
reason = \"no fingerprint\"
[[accept]]
fingerprint = \"0123456789abcdef\"
reasn = \"x\"
";
    let mut said = refused(text);
    said.sort();
    assert_eq!(
        said,
        [
            "13: reasn: there is no such key; did you mean `reason`?",
            "1: level: there is no such key; did you mean `levels`?",
            "2: instance: only the operator's configuration may set it",
            "5: levels.task-id-renamd: there is no such rule; did you mean `task-id-renamed`?",
            "6: levels.task-id-removed: a level is off, info, warn or block",
            "8: policy.lock: it is a list of rules",
            "9: accept: it needs `fingerprint`, as the message shows it",
        ]
    );
    assert_eq!(refused("levels = [").len(), 1);
    assert_eq!(
        of("pyproject.toml", "[tool.other]\nx = 1\n"),
        Choices { at: of("pyproject.toml", "").at, ..Choices::default() }
    );
}

#[test]
fn the_schema_names_the_keys_that_are_read() {
    use crate::report::schema::{Shape, schema, tests::faults};
    let keys = |shape| {
        let schema: serde_json::Value = serde_json::from_str(schema(shape)).unwrap();
        schema["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>()
    };
    let own: BTreeSet<String> = OF_TREE.iter().map(ToString::to_string).collect();
    assert_eq!(keys(Shape::TreeConfig), own);
    assert_eq!(keys(Shape::Config), own.into_iter().chain(OF_OPERATOR.map(String::from)).collect());
    let good = serde_json::json!({
        "levels": {"task-added": "off"}, "paths": {"dags/**": {"task-added": "info"}}, "policy": {"lock": []},
        "accept": [{"fingerprint": "0123456789abcdef", "reason": "why", "until": "2027-01-31"}]
    });
    assert_eq!(faults(Shape::TreeConfig, &good), Vec::<String>::new());
    for bad in [serde_json::json!({"levels": {"x": "low"}}), serde_json::json!({"accept": [{"reason": "x"}]})] {
        assert!(!faults(Shape::TreeConfig, &bad).is_empty(), "{bad}");
    }
}

#[test]
fn the_operators_faults_are_errors() {
    let said = |text: &str| {
        let text = ConfigText { name: "op.toml".into(), text: text.into() };
        operator(std::slice::from_ref(&text), registry()).map(drop).and(rules_dir(&[text]).map(drop)).unwrap_err()
    };
    let wrong = said("[levels]\ntask-id-renamd = \"off\"").to_string();
    assert_eq!(wrong, "`levels.task-id-renamd`, there is no such rule; did you mean `task-id-renamed`?: `op.toml`");
    assert!(said("[[accept]]\nfingerprint = \"0123456789abcdef\"").to_string().contains("needs a `reason`"));
    assert!(said("[rules]\ndirectory = \"x\"").to_string().contains("the one key `dir`"));
    assert!(said("[levls]").to_string().contains("did you mean `levels`?"));
    let good = "[rules]\ndir = \"/etc/dagguard/rules\"\n[instance.prod]\nurl = \"https://x\"\n";
    let good = [ConfigText { name: "op.toml".into(), text: good.into() }];
    assert_eq!(operator(&good, registry()).unwrap(), Choices::default());
    assert_eq!(rules_dir(&good).unwrap(), Some(PathBuf::from("/etc/dagguard/rules")));
}
