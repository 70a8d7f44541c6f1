//! Every way to be let in, what happens when it has run out, and that no secret is seen anywhere.

use super::super::{Access, CredentialCommand, Credentials, PasswordLogin, ask};
use super::conversation::{about, airflow_3, known, missing, run, runs, task, tasks, unavailable, version};
use super::play::{Asked, Play, Reply, password};
use crate::secret::{Secret, SecretSource};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(super) const FORM: &str = r#"<!DOCTYPE html><form method="post" name="login">
<input id="csrf_token" name="csrf_token" type="hidden" value="IjAx.token">
<input id="username" name="username" type="text"><input id="password" name="password" type="password"></form>"#;

/// An Airflow 2 whose API takes web sessions (`session` or `sessionN` of the N-th log-in, where
/// `lives` calls are let in by each) and, if it is said so, basic authentication.
fn airflow_2(basic: bool, sessions: bool, lives: usize) -> Play {
    let logins = AtomicUsize::new(0);
    let used = AtomicUsize::new(0);
    Play::start(move |asked: &Asked, _| {
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/api/v1/version") => return version("2.11.2"),
            ("GET", "/login/") => {
                return Reply::With(200, &[("Set-Cookie", "session=before; HttpOnly; Path=/")], FORM.to_string());
            }
            ("POST", "/login/") => {
                let form = asked.body.as_str().unwrap_or_default();
                let right = form == "username=viewer&password=hunter2&csrf_token=IjAx.token"
                    && asked.cookie.as_deref() == Some("session=before");
                if !right {
                    return Reply::With(302, &[("Location", "/login/?next=x")], String::new());
                }
                logins.fetch_add(1, Ordering::SeqCst);
                used.store(0, Ordering::SeqCst);
                return Reply::With(
                    302,
                    &[("Location", "/home"), ("Set-Cookie", "session=after-log-in; Path=/; SameSite=Lax")],
                    String::new(),
                );
            }
            _ => {}
        }
        let by_session = sessions
            && asked.cookie.as_deref() == Some("session=after-log-in")
            && used.fetch_add(1, Ordering::SeqCst) < lives;
        let by_basic = basic && asked.authorization.as_deref() == Some("Basic dmlld2VyOmh1bnRlcjI=");
        if !by_session && !by_basic {
            // As 2.11.2 does: nobody in particular is a legal user, without permissions.
            return Reply::Json(403, json!({ "detail": null, "status": 403, "title": "Forbidden" }));
        }
        match asked.path.trim_start_matches("/api/v1/") {
            "dags/~/dagRuns/list" => runs(&[run("r")]),
            "dags/~/dagRuns/~/taskInstances/list" => tasks(&[task("r", "t")]),
            "dags/d" => Reply::Json(200, json!({ "dag_id": "d" })),
            "dags/private" => Reply::Json(403, json!({ "detail": null })),
            _ => missing(),
        }
    })
}

fn with(server: &Play, credentials: Credentials) -> Access {
    Access { credentials, ..server.access() }
}

fn command(argv: &[&str]) -> Credentials {
    let argv = argv.iter().map(ToString::to_string).collect();
    Credentials::Command(CredentialCommand { argv, limit: Duration::from_secs(5) })
}

#[tokio::test]
async fn a_web_session_costs_two_calls_and_no_password_at_each() {
    let server = airflow_2(true, true, usize::MAX);
    let access = with(&server, password(PasswordLogin::Auto));
    assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    assert!(server.asked().iter().all(|asked| asked.authorization.is_none()), "no basic authentication");
    assert_eq!(server.count("/login/"), 2);
    // The next pass knows the server, and asks for its version once.
    known(&ask(&access, &about(&["d"])).await);
    assert_eq!(server.count("/api/v2/version"), 1);
}

#[tokio::test]
async fn a_server_that_takes_no_sessions_gets_basic_authentication_and_is_remembered() {
    let server = airflow_2(true, false, 0);
    let access = with(&server, password(PasswordLogin::Auto));
    for _ in 0..2 {
        assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    }
    assert_eq!(server.count("/login/"), 2, "the second pass does not try again");
    // A server without a form: single sign-on before it.
    let server = super::conversation::airflow("2.6.2", |asked, _| asked.path.ends_with("/login/").then(missing));
    known(&ask(&with(&server, password(PasswordLogin::Auto)), &about(&["d"])).await);
}

#[tokio::test]
async fn the_chosen_kind_is_used_alone() {
    let server = airflow_2(true, true, usize::MAX);
    known(&ask(&with(&server, password(PasswordLogin::Basic)), &about(&["d"])).await);
    assert_eq!(server.count("/login/"), 0);
    let server = airflow_2(true, false, 0);
    let reason = unavailable(&ask(&with(&server, password(PasswordLogin::Session)), &about(&["d"])).await);
    assert!(reason.contains("403"), "{reason}");
    assert!(server.asked().iter().all(|asked| asked.authorization.is_none()));
}

#[tokio::test]
async fn a_wrong_password_is_never_idle_whatever_the_log_in() {
    for login in [PasswordLogin::Auto, PasswordLogin::Basic, PasswordLogin::Session] {
        let server = airflow_2(true, true, usize::MAX);
        let wrong = Credentials::Password { username: "viewer".into(), password: Secret::new("wr0ng").into(), login };
        let reason = unavailable(&ask(&with(&server, wrong), &about(&["d"])).await);
        assert!(reason.contains("DAGGUARD_AIRFLOW_PASSWORD") && !reason.contains("wr0ng"), "{login:?}: {reason}");
    }
}

#[tokio::test]
async fn a_session_that_runs_out_in_the_middle_is_renewed_once_for_each_time() {
    // Four calls a snapshot; each session lets two of them in.
    let server = airflow_2(false, true, 2);
    let instance = ask(&with(&server, password(PasswordLogin::Session)), &about(&["d"])).await;
    assert_eq!(known(&instance).runs.len(), 1);
    assert_eq!(server.count("/login/"), 4, "two log-ins");
    // One that lets in nothing is the end after one repetition.
    let server = airflow_2(false, true, 0);
    unavailable(&ask(&with(&server, password(PasswordLogin::Session)), &about(&["d"])).await);
    assert!(server.count("/login/") <= 4, "{}", server.count("/login/"));
}

#[tokio::test]
async fn a_missing_permission_does_not_look_like_a_session_that_has_run_out_for_ever() {
    let server = airflow_2(false, true, usize::MAX);
    let instance = ask(&with(&server, password(PasswordLogin::Session)), &about(&["d", "private", "private2"])).await;
    assert_eq!(known(&instance).runs.len(), 1);
    assert_eq!(instance.dag(&"private".into()), crate::facts::Seen::NotVisible);
    assert!(server.count("/login/") <= 4, "{}", server.count("/login/"));
}

#[tokio::test]
async fn a_token_of_a_file_is_read_again_when_it_has_run_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "old\n").expect("a writable folder");
    let renewed = path.clone();
    let server = Play::start(move |asked, _| {
        let token = asked.authorization.clone().unwrap_or_default();
        match asked.path.as_str() {
            "/api/v2/version" => version("3.3.2"),
            "/api/v2/dags/~/dagRuns/list" if token == "Bearer old" => {
                // Somebody renews it, as a sidecar of the cloud does.
                std::fs::write(&renewed, "new\n").expect("a writable folder");
                Reply::Json(401, json!({ "detail": "Not authenticated" }))
            }
            _ if token != "Bearer new" => Reply::Json(401, json!({ "detail": "Not authenticated" })),
            "/api/v2/dags/~/dagRuns/list" => runs(&[]),
            "/api/v2/dags" => Reply::Json(200, json!({ "dags": [], "total_entries": 0 })),
            _ => missing(),
        }
    });
    let access = with(&server, Credentials::Bearer(SecretSource::File(path.clone())));
    assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
    // Nothing new in the file: asked once, and given up.
    std::fs::write(&path, "stolen").expect("a writable folder");
    let before = server.count("dagRuns/list");
    unavailable(&ask(&access, &about(&["d"])).await);
    assert_eq!(server.count("dagRuns/list"), before + 1);
    std::fs::remove_file(&path).expect("the file");
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("credentials cannot be had"), "{reason}");
}

#[tokio::test]
async fn a_command_lets_in_and_is_started_again_when_that_has_run_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let counter = folder.path().join("count");
    let script = format!("echo x >> '{0}'; echo token$(wc -l < '{0}' | tr -d ' ')", counter.display());
    // The first token is no good any more.
    let server = airflow_3(&["token2"]);
    let access = with(&server, command(&["sh", "-c", &script]));
    assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
    assert_eq!(std::fs::read_to_string(&counter).expect("it ran").lines().count(), 2);
    assert_eq!(server.count("/auth/token"), 0);
    // A cookie, as single sign-on gives it.
    let server = airflow_2(false, true, usize::MAX);
    let access = with(&server, command(&["echo", "Cookie: session=after-log-in"]));
    assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    // Headers go along with the question for the version, too: a gateway may want them there.
    assert!(server.asked().iter().all(|asked| asked.cookie.is_some()));
}

#[tokio::test]
async fn tokens_that_run_out_again_and_again_end() {
    let server = Play::start(|asked, before| match asked.path.as_str() {
        "/auth/token" => Reply::Json(201, json!({ "access_token": format!("t{before}") })),
        "/api/v2/version" => version("3.3.2"),
        // Every second call finds the token run out, and the runs never stand still.
        _ if before % 2 == 1 => Reply::Json(401, json!({ "detail": "Not authenticated" })),
        path if path.ends_with("dagRuns/list") => runs(&[run(&format!("r{before}"))]),
        path if path.ends_with("taskInstances/list") => tasks(&[]),
        _ => missing(),
    });
    let _ = ask(&server.access(), &about(&["d"])).await;
    assert!(server.count("/auth/token") <= 5, "{}", server.count("/auth/token"));
}

#[tokio::test]
async fn no_reason_and_no_debug_output_holds_a_secret() {
    let sources: [fn() -> Play; 4] = [
        || airflow_2(true, true, usize::MAX),
        || airflow_3(&[]),
        || Play::start(|_, _| Reply::Html(500)),
        || {
            // A server that repeats whatever it was sent.
            Play::start(|asked, _| match asked.path.as_str() {
                "/api/v2/version" => version("3.3.2"),
                _ => Reply::Json(
                    422,
                    json!({ "detail": [{ "loc": ["x"], "msg": "no", "input": format!("{asked:?}") }] }),
                ),
            })
        },
    ];
    let wrong =
        |login| Credentials::Password { username: "viewer".into(), password: Secret::new("hunter2x").into(), login };
    for start in sources {
        for credentials in [
            wrong(PasswordLogin::Auto),
            wrong(PasswordLogin::Session),
            Credentials::Bearer(Secret::new("hunter2x").into()),
            Credentials::Bearer(Secret::new("hunter2x\n\u{1}").into()),
            command(&["echo", "Cookie: session=hunter2x"]),
            command(&["echo", "this is hunter2x not a header"]),
            command(&["sh", "-c", "echo hunter2x; exit 1"]),
        ] {
            let server = start();
            let mut access = with(&server, credentials);
            access.transport.proxy = None;
            let instance = ask(&access, &about(&["d"])).await;
            let shown = format!("{access:?} {instance:?}");
            assert!(!shown.contains("hunter2x"), "{shown}");
        }
    }
    let mut access = super::play::access("http://127.0.0.1:1");
    for proxy in ["http://u:hunter2x@127.0.0.1:1", "u:hunter2x@", "http://u:hunter2x@[", "hunter2x"] {
        access.transport.proxy = Some(Secret::new(proxy));
        let instance = ask(&access, &about(&["d"])).await;
        assert!(!format!("{access:?} {instance:?}").contains("hunter2x"), "{instance:?}");
        let reason = unavailable(&instance);
        assert!(reason.contains("--airflow-proxy"), "{proxy}: {reason}");
    }
}

#[tokio::test]
async fn the_next_pass_is_let_in_as_the_last_one_was() {
    let server = airflow_2(false, true, usize::MAX);
    let access = with(&server, password(PasswordLogin::Auto));
    for _ in 0..3 {
        assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    }
    assert_eq!(server.count("/login/"), 2, "one log-in for all of them");
    // Another password is another log-in, and a wrong one lets nobody in by the session of the right.
    let wrong = Credentials::Password {
        username: "viewer".into(),
        password: Secret::new("wr0ng").into(),
        login: PasswordLogin::Session,
    };
    unavailable(&ask(&Access { credentials: wrong, ..access.clone() }, &about(&["d"])).await);
    assert!(!format!("{:?}", access.memory).contains("after-log-in"));
    let server = airflow_3(&["token1"]);
    let access = server.access();
    for _ in 0..2 {
        assert!(known(&ask(&access, &about(&["d"])).await).runs.is_empty());
    }
    assert_eq!(server.count("/auth/token"), 1);
}

#[tokio::test]
async fn a_session_that_ends_between_two_passes_is_renewed() {
    // Six calls, and no more; a pass makes four.
    let server = airflow_2(false, true, 6);
    let access = with(&server, password(PasswordLogin::Session));
    for _ in 0..4 {
        assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    }
    assert!(server.count("/login/") >= 4, "it was renewed");
}

#[tokio::test]
async fn too_many_log_ins_are_not_made_more_and_basic_authentication_takes_their_place() {
    // Airflow 2.6.2: five log-ins in 40 seconds, then 429 (seen on a real server).
    let server = super::conversation::airflow("2.6.2", |asked, _| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/login/") => Some(Reply::With(200, &[], FORM.to_string())),
        ("POST", "/login/") => Some(Reply::Html(429)),
        _ => None,
    });
    let access = with(&server, password(PasswordLogin::Auto));
    assert_eq!(known(&ask(&access, &about(&["d"])).await).runs.len(), 1);
    assert_eq!(server.count("/login/"), 2, "asked once");
    assert!(server.asked().iter().any(|asked| asked.authorization.is_some()));
    let access = with(&server, password(PasswordLogin::Session));
    let reason = unavailable(&ask(&access, &about(&["d"])).await);
    assert!(reason.contains("asked too often (status 429"), "{reason}");
}
