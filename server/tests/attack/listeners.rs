//! Jobs that all listen for the same events.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{TestApp, json_of};

/// The type of the events that the jobs listen for.
pub const EVENT: &str = "a.b";

/// The digest of an uploaded bundle with one small file.
pub async fn bundle(app: &TestApp) -> Value {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "x", &b"1"[..]).unwrap();
    let bundle = tar.into_inner().unwrap().finish().unwrap();
    let uploaded = app.post("/v1/bundles").body(bundle).send().await.unwrap();
    json_of(uploaded, StatusCode::CREATED).await["digest"].take()
}

/// A job that runs a command for each event of its namespace, built and started: its id.
pub async fn registered(app: &TestApp, namespace: &str, name: &str, digest: &Value, command: &[&str]) -> String {
    let manifest = json!({
        "runtime": "command", "command": command, "mode": "job", "scaling": { "max": 1 },
        "triggers": [{ "type": "event", "pattern": EVENT }, { "type": "http" }],
    });
    let source = json!({ "bundle": { "digest": digest } });
    let input = json!({ "input": { "namespace": namespace, "name": name, "source": source, "manifest": manifest } });
    let types = "$input: RegisterFunctionInput!";
    let registered = app.mutate("registerFunction", "input: $input", "function { id }", input, types).await;
    let id = registered["function"]["id"].as_str().unwrap().to_owned();
    app.build(&id).await;
    app.start_function(&id).await;
    id
}
