//! Processes that never become ready do not take every turn to start one.

use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;

/// Functions that never listen, and instances that each of them wants.
const SILENT: usize = 40;
const INSTANCES: usize = 2;

/// How the instances are known among all processes of the host.
const FOREVER: &str = "1000003";

async fn registered(app: &TestApp, namespace: &str, name: &str, digest: &Value, manifest: Value) -> String {
    let source = json!({ "bundle": { "digest": digest } });
    let input = json!({ "input": { "namespace": namespace, "name": name, "source": source, "manifest": manifest } });
    let types = "$input: RegisterFunctionInput!";
    let registered = app.mutate("registerFunction", "input: $input", "function { id }", input, types).await;
    let id = registered["function"]["id"].as_str().unwrap().to_owned();
    app.build(&id).await;
    id
}

/// How many of the silent instances have been started.
fn begun() -> usize {
    let silent = format!("/bin/sleep\0{FOREVER}\0");
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    processes.filter(|line| line == silent.as_bytes()).count()
}

#[tokio::test]
async fn functions_that_never_listen_leave_turns_to_other_namespaces() {
    // None of them is given up while the test looks.
    let app = victim(Options::default().env("EVENTFLOW_READY_TIMEOUT", "120")).await;
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "x", &b"1"[..]).unwrap();
    let bundle = tar.into_inner().unwrap().finish().unwrap();
    let uploaded = app.post("/v1/bundles").body(bundle).send().await.unwrap();
    let digest = json_of(uploaded, StatusCode::CREATED).await["digest"].take();
    let quiet =
        json!({ "runtime": "command", "command": ["/bin/true"], "mode": "job", "triggers": [{ "type": "http" }] });
    let quiet = registered(&app, "quiet", "job", &digest, quiet).await;
    app.start_function(&quiet).await;
    let silent = json!({
        "runtime": "command", "command": ["/bin/sleep", FOREVER], "resources": { "memory_mb": 32 },
        "scaling": { "min": INSTANCES, "max": INSTANCES }, "start_test": false,
    });
    let names = futures::stream::iter((0..SILENT).map(|number| format!("silent-{number}")));
    let ids = names.map(|name| {
        let (app, digest, silent) = (&app, &digest, silent.clone());
        async move { registered(app, "loud", &name, digest, silent).await }
    });
    let ids: Vec<_> = ids.buffer_unordered(4).collect().await;
    for id in &ids {
        app.start_function(id).await;
    }
    app.eventually("they are being started", async || (begun() > 0).then_some(())).await;
    // Its turn comes between theirs, not behind all of them.
    let answer = app.post("/function/quiet/job").body("1").send().await.unwrap();
    let before = begun();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap_or_default());
    assert!(before < SILENT * INSTANCES * 3 / 4, "{before} of {} had been started before it", SILENT * INSTANCES);
}
