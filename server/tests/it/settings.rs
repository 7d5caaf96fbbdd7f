//! Settings as an operator meets them: how they are given, refused, listed and described.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::app::{Options, PATIENCE, TestApp, command};

/// Runs the binary: whether it succeeded, its standard output, its standard error.
async fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String, String) {
    let options = variables.iter().fold(Options::default(), |options, (name, value)| options.env(name, *value));
    let output = timeout(PATIENCE, command(folder, &options).args(arguments).output()).await.expect("it ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Variables, arguments, and what the message names.
type Case<'c> = (&'c [(&'c str, &'c str)], &'c [&'c str], &'c [&'c str]);

#[tokio::test]
async fn what_is_no_setting_or_contradicts_another_stops_the_start_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let cases: [Case<'_>; 8] = [
        (&[("EVENTFLOW_MAX_BODDY", "1")], &[], &["EVENTFLOW_MAX_BODDY", "did you mean `EVENTFLOW_MAX_BODY`?"]),
        (&[("LOG_LEVEL", "inof")], &[], &["LOG_LEVEL is `inof`", "did you mean `info`?"]),
        (&[("LOG_LEVEL", "info,server=trase")], &[], &["`trase` is not a level", "did you mean `trace`?"]),
        (&[("EVENTFLOW_STOP_GRACE", "soon")], &[], &["EVENTFLOW_STOP_GRACE is `soon`", "such as 30s"]),
        (&[("METRICS_PORT", "18080")], &["--port", "18080"], &["METRICS_PORT and PORT are both 18080"]),
        (
            &[("EVENTFLOW_MAX_EVENT", "2MiB"), ("EVENTFLOW_MAX_BODY", "1 MiB")],
            &[],
            &["EVENTFLOW_MAX_EVENT is `2MiB`", "EVENTFLOW_MAX_BODY is `1 MiB`"],
        ),
        (&[("EVENTFLOW_PUBLIC_URL", "https://flow.example.com")], &["--dev"], &["EVENTFLOW_PUBLIC_URL", "--dev"]),
        (&[], &["--max-body", "lots"], &["EVENTFLOW_MAX_BODY is `lots` (from the command line)"]),
    ];
    for (variables, arguments, named) in cases {
        let (started, out, error) = run(folder.path(), arguments, variables).await;
        assert!(!started && out.is_empty(), "{variables:?}: {out}{error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
        assert!(named.iter().all(|part| error.contains(part)), "{named:?} in {error}");
        assert!(!folder.path().join("data").exists(), "{variables:?} made the data folder");
    }
}

#[tokio::test]
async fn a_port_for_metrics_that_is_taken_stops_the_start_before_a_password_is_made() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (started, out, error) = run(folder.path(), &[], &[("METRICS_PORT", &port)]).await;
    assert!(!started && error.contains("METRICS_PORT") && error.contains(&port), "{error}");
    assert!(!out.contains("password") && !folder.path().join("data/admin.json").exists(), "{out}");
}

#[tokio::test]
async fn sizes_and_times_with_units_count_on_the_command_line_in_the_environment_and_in_the_file() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("eventflow.toml"), "max_event = \"128 KiB\"\nhead_timeout = 7\nbuilds = 3\n")
        .unwrap();
    let variables = [
        ("EVENTFLOW_IDLE_TIMEOUT", "10 s"),
        ("EVENTFLOW_MAX_BODY", "1g"),
        ("JWT_SECRET", "a-secret-that-nobody-must-see-in-any-output"),
        ("EVENTFLOW_SECRET_KEY", "abababababababababababababababababababababababababababababababab"),
        ("DATABASE_URL", "postgres://me:hunter2@db.example/flow?sslmode=require&password=hunter2"),
    ];
    let arguments = ["config", "--json", "--max-body", "256k", "--retain-runs", "2w"];
    let (fine, out, error) = run(folder.path(), &arguments, &variables).await;
    assert!(fine, "{error}");
    let settings: Vec<Value> = serde_json::from_str(&out).unwrap();
    let found = |name: &str| {
        let one = settings.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} in {out}"));
        (one["value"].as_str().unwrap().to_owned(), one["from"].as_str().unwrap().to_owned())
    };
    for (name, value, from) in [
        ("EVENTFLOW_MAX_BODY", "256k", "the command line"),
        ("EVENTFLOW_RETAIN_RUNS", "2w", "the command line"),
        ("EVENTFLOW_IDLE_TIMEOUT", "10 s", "the environment"),
        ("EVENTFLOW_MAX_EVENT", "128 KiB", "eventflow.toml"),
        ("EVENTFLOW_BUILDS", "3", "eventflow.toml"),
        ("EVENTFLOW_MAX_BUNDLE", "50MiB", "the default"),
        ("JWT_SECRET", "…", "the environment"),
        ("EVENTFLOW_SECRET_KEY", "…", "the environment"),
        ("DATABASE_URL", "postgres://me@db.example/flow?sslmode=require&password=…", "the environment"),
    ] {
        assert_eq!(found(name), (value.to_owned(), from.to_owned()), "{name}");
    }
    let (_, table, _) = run(folder.path(), &["config", "--dev"], &variables).await;
    for text in [&out, &table] {
        assert!(!text.contains("hunter2") && !text.contains("nobody-must-see") && !text.contains("abab"), "{text}");
    }
    assert!(
        table.lines().any(|line| line.contains("ALLOW_LOCAL") && line.contains("true") && line.ends_with("--dev")),
        "{table}"
    );
    assert!(!folder.path().join("data").exists(), "looking changes nothing");
}

#[tokio::test]
async fn a_limit_with_a_unit_is_in_force() {
    let options = Options { args: vec!["--max-body=2k".into()], ..Options::default() };
    let app = TestApp::start_with(options.env("EVENTFLOW_READ_TIMEOUT", "1 m")).await;
    for (bytes, status) in [(2049, StatusCode::PAYLOAD_TOO_LARGE), (2048, StatusCode::OK)] {
        let call = app.post("/function/hello").header("content-type", "application/json");
        let answer = call.body(format!("{{}}{}", " ".repeat(bytes - 2))).timeout(Duration::from_secs(60)).send();
        assert_eq!(answer.await.unwrap().status(), status, "{bytes}");
    }
}

#[tokio::test]
async fn the_help_and_the_page_name_every_setting_and_the_page_is_current() {
    let folder = TempDir::new().unwrap();
    let (_, listed, _) = run(folder.path(), &["config", "--json"], &[]).await;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let (_, help, _) = run(folder.path(), &["--help"], &[]).await;
    let (_, page, _) = run(folder.path(), &["config", "--markdown"], &[]).await;
    assert!(listed.len() > 50);
    for setting in &listed {
        let name = setting["name"].as_str().unwrap();
        assert!(page.contains(&format!("`{name}`")), "{name} is not in the page");
        let by_flag = help.contains(&format!("[{name}; default"));
        assert!(by_flag || matches!(name, "JWT_SECRET" | "EVENTFLOW_SECRET_KEY"), "{name} is not in --help");
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/settings.md");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(
        kept == page,
        "docs/guide/settings.md is not current: `eventflow config --markdown > docs/guide/settings.md`"
    );
}
