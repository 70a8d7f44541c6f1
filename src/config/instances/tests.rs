use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())))
}

fn text(text: &str) -> ConfigText {
    ConfigText { name: "operator.toml".to_string(), text: text.to_string() }
}

fn url(url: &str) -> InstanceArguments {
    InstanceArguments { airflow_url: Some(url.to_string()), ..InstanceArguments::default() }
}

fn value(text: &str) -> SecretSource {
    SecretSource::Value(Secret::new(text))
}

#[test]
fn one_url_is_the_instance_default_with_its_variables() {
    let variables = [("DAGGUARD_AIRFLOW_USERNAME", "viewer"), ("DAGGUARD_AIRFLOW_PASSWORD", "hunter2")];
    let found = instances(&url("http://airflow:8080"), &environment(&variables), &[]).unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.name.as_str(), one.url.as_str()), ("default", "http://airflow:8080"));
    let login = Login::Password { username: value("viewer"), password: value("hunter2"), kind: PasswordKind::Auto };
    assert_eq!(one.login, login);
    assert!(!format!("{found:?}").contains("hunter2"));
    assert!(instances(&InstanceArguments::default(), &environment(&variables), &[]).unwrap().is_empty());
}

#[test]
fn several_instances_have_their_own_credentials() {
    let operator = text(
        r#"
        [instance.prod]
        url = "https://prod.example/airflow"
        username = "viewer"
        password-file = "/run/secrets/prod"
        login = "session"
        ca-bundle = "/etc/ca.pem"
        answer-timeout = 2.5

        [instance.new-platform]
        url = "https://new.example"
        credential-command = ["gcloud", "auth", "print-access-token"]
        "#,
    );
    let variables = [
        ("DAGGUARD_INSTANCE_NEW_PLATFORM_PROXY", "http://u:hunter2@proxy:3128"),
        ("DAGGUARD_INSTANCE_THIRD_URL", "http://third"),
        ("DAGGUARD_INSTANCE_THIRD_TOKEN_FILE", "/run/secrets/third"),
        // They are the default's alone: no credential goes to a server that it is not meant for.
        ("DAGGUARD_AIRFLOW_USERNAME", "other"),
        ("DAGGUARD_AIRFLOW_PASSWORD", "other"),
    ];
    let found = instances(&InstanceArguments::default(), &environment(&variables), &[operator]).unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["new-platform", "prod", "third"]);
    assert_eq!(found[0].login, Login::Command(["gcloud", "auth", "print-access-token"].map(String::from).to_vec()));
    assert_eq!(found[0].proxy, Some(Secret::new("http://u:hunter2@proxy:3128")));
    let login = Login::Password {
        username: value("viewer"),
        password: SecretSource::File("/run/secrets/prod".into()),
        kind: PasswordKind::Session,
    };
    assert_eq!(found[1].login, login);
    assert_eq!(
        (found[1].ca_bundle.clone(), found[1].answer_timeout),
        (Some("/etc/ca.pem".into()), Some(Duration::from_millis(2500)))
    );
    assert_eq!(found[2].login, Login::Token(SecretSource::File("/run/secrets/third".into())));
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn a_variable_wins_over_the_file_and_what_was_typed_over_both() {
    let operator = text("[instance.default]\nurl = \"http://file\"\n[instance.a]\nurl = \"http://file\"");
    let variables = [("DAGGUARD_INSTANCE_A_URL", "http://variable"), ("DAGGUARD_AIRFLOW_TOKEN", "t")];
    let found = instances(&url("http://typed"), &environment(&variables), &[operator]).unwrap();
    let urls: Vec<&str> = found.iter().map(|one| one.url.as_str()).collect();
    assert_eq!(urls, ["http://variable", "http://typed"]);
    assert_eq!(found[1].login, Login::Token(value("t")));
}

#[test]
fn a_command_is_words_or_a_list_and_never_a_shell_line() {
    let login = |command: &str| {
        let variables = [("DAGGUARD_AIRFLOW_CREDENTIAL_COMMAND", command)];
        instances(&url("http://a"), &environment(&variables), &[]).map(|found| found[0].login.clone())
    };
    let command = |argv: &[&str]| Login::Command(argv.iter().map(ToString::to_string).collect());
    assert_eq!(login("print-token --for 'x y'").unwrap(), command(&["print-token", "--for", "'x", "y'"]));
    assert_eq!(login(r#"["print token", "$HOME"]"#).unwrap(), command(&["print token", "$HOME"]));
    for wrong in ["[1]", "[\"", "[]"] {
        let message = login(wrong).unwrap_err().to_string();
        assert!(message.contains("command"), "{message}");
    }
}

#[test]
fn what_is_wrong_names_the_setting_and_no_secret() {
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(&str, Variables, &str); 11] = [
        ("[instance.a]\npassword = \"hunter2\"", &[], "a secret does not belong in the file"),
        ("[instance.a]\ntoken = \"hunter2\"", &[], "a secret does not belong in the file"),
        ("[instance.a]\nurl = 3", &[], "`operator.toml:2`"),
        ("[instances.a]", &[], "unknown field `instances`"),
        ("[instance.\"a b\"]\nurl = \"x\"", &[], "letters, digits"),
        ("[instance.a]\nusername = \"x\"", &[], "set `DAGGUARD_INSTANCE_A_URL`"),
        (
            "[instance.a]\nurl = \"x\"",
            &[("DAGGUARD_INSTANCE_A_LOGIN", "kerberos")],
            "auto, basic or session: `kerberos`",
        ),
        ("[instance.a]\nurl = \"x\"\nanswer-timeout = 0", &[], "`DAGGUARD_INSTANCE_A_ANSWER_TIMEOUT` is a number"),
        (
            "[instance.a]\nurl = \"x\"",
            &[("DAGGUARD_INSTANCE_A_TOKEN", "hunter2"), ("DAGGUARD_INSTANCE_A_PASSWORD", "hunter2")],
            "more than one log-in is set for `a`",
        ),
        (
            "[instance.a]\nurl = \"x\"",
            &[("DAGGUARD_INSTANCE_A_PASSWORD", "hunter2"), ("DAGGUARD_INSTANCE_A_PASSWORD_FILE", "f")],
            "both are set",
        ),
        ("[instance.a-b]\nurl = \"x\"\n[instance.a_b]\nurl = \"x\"", &[], "two instances share their variables"),
    ];
    for (operator, variables, words) in cases {
        let error = instances(&InstanceArguments::default(), &environment(variables), &[text(operator)]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn the_schema_names_what_the_file_may_hold() {
    use crate::report::schema::{Shape, schema, tests::faults};
    let schema: serde_json::Value = serde_json::from_str(schema(Shape::Config)).unwrap();
    let members = |at: &str| -> Vec<String> {
        let mut names: Vec<String> = schema.pointer(at).unwrap().as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    // The reader itself says which settings there are.
    let expected = |toml: &str| -> Vec<String> {
        let Err(error) = instances(&InstanceArguments::default(), &environment(&[]), &[text(toml)]) else {
            panic!("`{toml}` was read")
        };
        let error = error.to_string();
        let expected = error.split_once("expected ").unwrap().1;
        let mut names: Vec<String> =
            expected.split(": `").next().unwrap().split('`').skip(1).step_by(2).map(str::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(members("/$defs/instance/properties"), expected("[instance.a]\nno-such-setting = 1"));
    assert_eq!(members("/properties"), expected("no-such-table = 1"));
    // What is read fits it, and what is not is a fault.
    let good = r#"
        [instance.prod]
        url = "https://prod.example/airflow"
        username = "viewer"
        password-file = "/run/secrets/prod"
        login = "session"
        connect-timeout = 2.5
        [instance.cloud]
        url = "https://cloud.example"
        credential-command = ["print", "token"]
    "#;
    let json = |toml: &str| toml::from_str::<serde_json::Value>(toml).unwrap();
    assert_eq!(faults(Shape::Config, &json(good)), Vec::<String>::new());
    instances(&InstanceArguments::default(), &environment(&[]), &[text(good)]).unwrap();
    for bad in ["[instance.a]\npassword = 'x'", "[instance.a]\nlogin = 'magic'", "[instance.a]\nurl = 1"] {
        assert!(!faults(Shape::Config, &json(bad)).is_empty(), "{bad}");
        assert!(instances(&InstanceArguments::default(), &environment(&[]), &[text(bad)]).is_err(), "{bad}");
    }
}
