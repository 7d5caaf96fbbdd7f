//! `runtimes/conformance.json` against every runtime, in the sandbox, as service and as job.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use server::executor::{Executor, JobCall, Line, Runtime, Spec};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Fixture, GRACE, Log, READY_WITHIN, ask, call};

#[tokio::test]
async fn node_services_conform() {
    services("node").await;
}

#[tokio::test]
async fn python_services_conform() {
    services("python").await;
}

#[tokio::test]
async fn python_flask_services_conform() {
    services("python-flask").await;
}

#[tokio::test]
async fn command_services_conform() {
    services("command").await;
}

#[tokio::test]
async fn node_jobs_conform() {
    jobs("node").await;
}

#[tokio::test]
async fn python_jobs_conform() {
    jobs("python").await;
}

#[tokio::test]
async fn command_jobs_conform() {
    jobs("command").await;
}

fn runtimes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtimes").canonicalize().unwrap()
}

fn cases(kind: &str, runtime: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(runtimes().join("conformance.json")).unwrap();
    let table: Value = serde_json::from_str(&text).unwrap();
    let cases: Vec<Value> = table[kind].as_array().unwrap().clone();
    let own: Vec<_> =
        cases.into_iter().filter(|case| case["runtimes"].as_array().unwrap().contains(&runtime.into())).collect();
    assert!(own.len() >= 3, "{runtime} has hardly any {kind}");
    own
}

/// The conformance function, copied: the checkout may be closed to others.
fn function(fixture: &Fixture, runtime: &str, job: bool) -> Spec {
    let folder = runtimes().join("conformance").join(runtime);
    let files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    let runtime = match runtime {
        "node" => Runtime::Node { handler: "index.handler".into() },
        "python" => Runtime::Python { handler: "main.handler".into() },
        "python-flask" => Runtime::PythonFlask,
        _ => {
            let mut command = vec!["python3".to_owned(), "server.py".into()];
            command.extend(job.then(|| "job".to_owned()));
            Runtime::Command(command)
        }
    };
    fixture.spec(runtime, &files)
}

async fn services(runtime: &str) {
    let fixture = Fixture::new();
    let spec = function(&fixture, runtime, false);
    let name = spec.function.clone();
    // Room for all lines of all cases: a process whose lines nobody takes waits.
    let (lines, mut received) = mpsc::channel(100_000);
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let mut earlier = Vec::new();
    for case in cases("services", runtime) {
        let title = format!("{runtime}: {}", case["name"].as_str().unwrap());
        let run = Uuid::now_v7();
        let expect = &case["expect"];
        if let Some(code) = expect["ends"].as_i64() {
            ends(function(&fixture, runtime, false), &case, code, &title).await;
            continue;
        }
        let answer =
            ask(&instance, request(&case["request"], run)).await.unwrap_or_else(|error| panic!("{title}: {error}"));

        assert_eq!(Value::from(answer.status), expect["status"], "{title}: {}", answer.text());
        for (name, value) in expect["headers"].as_object().into_iter().flatten() {
            let wanted = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
            let got: Vec<_> = answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(got, wanted, "{title}: {name}");
        }
        for words in expect["text_contains"].as_array().into_iter().flatten() {
            assert!(answer.text().contains(words.as_str().unwrap()), "{title}: {}", answer.text());
        }
        if let Some(encoded) = expect["body_base64"].as_str() {
            assert_eq!(STANDARD.encode(&answer.body), encoded, "{title}");
        }
        if let Some(text) = expect["text"].as_str() {
            assert_eq!(answer.text(), text, "{title}");
        }
        if let Some(json) = expect.get("json") {
            let answer = answer.json();
            contained(&filled(json, &name, run), &answer, &title);
            for path in expect["absent"].as_array().into_iter().flatten() {
                let pointer = format!("/{}", path.as_str().unwrap().replace('.', "/"));
                assert_eq!(answer.pointer(&pointer), None, "{title}: {path}");
            }
        }
        let marked = (runtime != "command").then_some(run);
        let next = async || {
            loop {
                // What is left of a stack of an earlier case's is no part of this one.
                match received.recv().await {
                    Some(line) if earlier.contains(&line.run) => {}
                    // The event loop says by itself what was raised out of it.
                    Some(line) if marked.is_some() && line.run.is_none() => {}
                    other => return other,
                }
            }
        };
        check_lines(&case, &title, marked, next).await;
        earlier.extend(marked.map(Some));
    }
    let exit = instance.stop(GRACE).await;
    match runtime {
        // It has no handler for SIGTERM.
        "command" => assert!(exit.signal == Some(15), "{exit:?}"),
        _ => assert!(super::clean(&exit), "{exit:?}"),
    }
}

fn request(given: &Value, run: Uuid) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(given["method"].as_str().unwrap())
        .uri(given["path"].as_str().unwrap())
        .header("host", "test")
        .header("x-eventflow-run", run.to_string())
        .header("x-eventflow-attempt", "2")
        .header("x-eventflow-deadline", "2099-01-01T00:00:00.000Z");
    for (name, value) in given["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = match given["body_base64"].as_str() {
        Some(encoded) => STANDARD.decode(encoded).unwrap(),
        None => given["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    request.body(Full::new(body.into())).unwrap()
}

/// A request that ends its instance: there is no answer, and the process has this exit code.
async fn ends(spec: Spec, case: &Value, code: i64, title: &str) {
    let fixture = Fixture::new();
    let (lines, log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let answer = ask(&instance, request(&case["request"], Uuid::now_v7())).await;
    assert!(answer.is_err(), "{title}: it answered");
    let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
    assert_eq!(exit.code.map(i64::from), Some(code), "{title}: {exit:?}");
    drop(instance);
    let lines = log.all().await;
    for words in case["logs_contain"].as_array().into_iter().flatten() {
        let words = words.as_str().unwrap();
        assert!(lines.iter().any(|line| line.text.contains(words)), "{title}: {lines:?}");
    }
}

async fn jobs(runtime: &str) {
    let fixture = Fixture::new();
    for case in cases("jobs", runtime) {
        let title = format!("{runtime}: {}", case["name"].as_str().unwrap());
        let spec = function(&fixture, runtime, true);
        let name = spec.function.clone();
        let call = JobCall { event: case["event"].to_string().into(), ..call() };
        let run = call.run;
        let (lines, log) = Log::new();
        let outcome = fixture.sandbox.job(spec, call, lines).await.unwrap();
        let expect = &case["expect"];
        assert_eq!(
            Value::from(outcome.exit.code),
            expect["code"],
            "{title}: {:?} {:?}",
            outcome.exit,
            outcome.stderr_tail
        );
        if expect["no_result"] == true {
            assert_eq!(outcome.result, None, "{title}");
        }
        if let Some(json) = expect.get("json") {
            let result: Value = serde_json::from_slice(&outcome.result.expect(&title)).unwrap();
            contained(&filled(json, &name, run), &result, &title);
        }
        let mut all = log.all().await.into_iter();
        check_lines(&case, &title, Some(run), async || all.next()).await;
    }
}

/// Exactly the lines of `logs`, in any order; or lines until each of `logs_contain` was in one.
async fn check_lines(case: &Value, title: &str, run: Option<Uuid>, mut next: impl AsyncFnMut() -> Option<Line>) {
    let list = |key: &str| -> Vec<String> {
        case[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut next = async || {
        let line = tokio::time::timeout(READY_WITHIN, next()).await;
        let line = line
            .unwrap_or_else(|_| panic!("{title}: a line is missing"))
            .unwrap_or_else(|| panic!("{title}: a line is missing"));
        assert_eq!(line.run, run, "{title}: {line:?}");
        line.text
    };
    let (mut wanted, mut got) = (list("logs"), Vec::new());
    for _ in 0..wanted.len() {
        got.push(next().await);
    }
    wanted.sort();
    got.sort();
    assert_eq!(got, wanted, "{title}");
    for words in list("logs_contain") {
        while !next().await.contains(&words) {}
    }
}

/// The expectation with its names put in.
fn filled(expected: &Value, function: &str, run: Uuid) -> Value {
    let text = expected.to_string().replace("{function}", function).replace("{run}", &run.to_string());
    serde_json::from_str(&text).unwrap()
}

fn contained(expected: &Value, actual: &Value, title: &str) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                contained(
                    value,
                    actual.get(key).unwrap_or_else(|| panic!("{title}: {key} is missing in {actual:?}")),
                    title,
                );
            }
        }
        _ => assert_eq!(actual, expected, "{title}"),
    }
}
