use super::*;
use std::path::PathBuf;

fn read_with(args: &str, variables: &[(&str, &str)]) -> Result<(Arguments, Vec<String>), ConfigError> {
    let args = std::iter::once("dagguard").chain(args.split_whitespace()).map(OsString::from).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
    read(args, &Environment::new(variables))
}

fn sync(args: &str, variables: &[(&str, &str)]) -> SyncArguments {
    match read_with(args, variables).unwrap().0.command {
        Command::Sync(sync) | Command::Once(sync) => sync,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_five_variables_of_the_reference_script_set_sync() {
    let variables = [
        ("AIRFLOW_HOME", "/srv/airflow"),
        ("CONTENT_SYNCER_GIT_REPO_SOURCE", "https://x@git.example/r.git"),
        ("CONTENT_SYNCER_GIT_REPO_BRANCH", "live"),
        ("CONTENT_SYNCER_GIT_REPO_FOLDER", "/tmp/clone"),
        ("CONTENT_SYNCER_INTERVAL", "60"),
    ];
    for command in ["sync", "once"] {
        let sync = sync(command, &variables);
        assert_eq!(sync.home, PathBuf::from("/srv/airflow"));
        assert_eq!(sync.source.as_deref(), Some("https://x@git.example/r.git"));
        assert_eq!((sync.branch.as_str(), sync.folder, sync.interval), ("live", Some(PathBuf::from("/tmp/clone")), 60));
    }
    let defaults = sync("sync", &[]);
    assert_eq!(
        (defaults.home, defaults.branch, defaults.interval),
        (PathBuf::from("/opt/airflow"), "main".into(), 300)
    );
}

#[test]
fn what_was_typed_wins_over_a_variable() {
    let sync =
        sync("sync --branch typed", &[("DAGGUARD_BRANCH", "ours"), ("CONTENT_SYNCER_GIT_REPO_BRANCH", "theirs")]);
    assert_eq!(sync.branch, "typed");
}

#[test]
fn every_flag_has_a_variable() {
    let (arguments, _) =
        read_with("check", &[("DAGGUARD_AGAINST", "main"), ("DAGGUARD_EXIT_ZERO", "1"), ("DAGGUARD_SELECT", "a,b")])
            .unwrap();
    let Command::Check(check) = arguments.command else { panic!() };
    assert_eq!(check.against, "main");
    assert!(check.reported.exit_zero);
    assert_eq!(check.judge.select, ["a", "b"]);
}

#[test]
fn an_unknown_variable_is_an_error_in_check_and_a_warning_in_sync() {
    let wrong = [("DAGGUARD_AIRFLOW_ULR", "x")];
    let error = read_with("check --against main", &wrong).unwrap_err();
    assert!(
        matches!(&error, ConfigError::UnknownVariable { nearest: Some(near), .. } if near == "DAGGUARD_AIRFLOW_URL"),
        "{error:?}"
    );
    assert_eq!(
        read_with("sync", &wrong).unwrap().1,
        ["unknown variable, ignored: `DAGGUARD_AIRFLOW_ULR`; did you mean `DAGGUARD_AIRFLOW_URL`?"]
    );
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_are_not_ours() {
    let kubernetes = [
        ("DAGGUARD_SERVICE_HOST", "10.0.0.1"),
        ("DAGGUARD_SERVICE_PORT", "80"),
        ("DAGGUARD_SERVICE_PORT_HTTP", "80"),
        ("DAGGUARD_PORT", "tcp://10.0.0.1:80"),
        ("DAGGUARD_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("DAGGUARD_TEST_LIVE", "available"),
    ];
    assert!(read_with("check --against main", &kubernetes).unwrap().1.is_empty());
}

#[test]
fn a_login_is_a_token_or_a_password_and_never_shows() {
    let url = InstanceArguments { airflow_url: Some("http://a".into()), ..InstanceArguments::default() };
    let environment = |variables: &[(&str, &str)]| {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())))
    };
    let both = environment(&[
        ("DAGGUARD_AIRFLOW_USERNAME", "admin"),
        ("DAGGUARD_AIRFLOW_PASSWORD", "hunter2"),
        ("DAGGUARD_AIRFLOW_TOKEN", "t0ken"),
    ]);
    let message = instances(&url, &both, &[]).unwrap_err().to_string();
    assert!(message.contains("`DAGGUARD_AIRFLOW_TOKEN`"), "{message}");
    assert!(!message.contains("hunter2") && !message.contains("t0ken"), "{message}");
    let one = environment(&[("DAGGUARD_AIRFLOW_USERNAME", "admin"), ("DAGGUARD_AIRFLOW_PASSWORD", "hunter2")]);
    let found = instances(&url, &one, &[]).unwrap();
    assert!(!format!("{found:?} {both:?}").contains("hunter2"));
}

#[test]
fn variables_of_an_instance_are_known_and_a_wrong_part_of_one_is_not() {
    let good =
        [("DAGGUARD_INSTANCE_PROD_URL", "x"), ("DAGGUARD_INSTANCE_A_B_TOKEN_FILE", "x"), ("DAGGUARD_CONFIG", "a")];
    assert!(read_with("check --against main", &good).unwrap().1.is_empty());
    assert!(read_with("check --against main", &[("DAGGUARD_INSTANCE_PROD_ULR", "x")]).is_err());
}

#[test]
fn a_proxy_with_a_password_is_not_shown_in_the_help() {
    let error = read_with("check --help", &[("DAGGUARD_AIRFLOW_PROXY", "http://u:hunter2@p:1")]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
