//! A manifest that asks for more than the host has.

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::victim::victim;

fn greedy() -> Value {
    json!({
        "runtime": "node",
        "resources": { "memory_mb": 1 << 20, "cpu": 1024, "timeout_s": 86400 },
        "scaling": { "max": 1000, "concurrency": 10000 },
    })
}

/// The user errors of a mutation, as field and message.
async fn errors(app: &TestApp, query: &str, field: &str, variables: Value) -> Vec<(String, String)> {
    let data = app.graphql(query, variables).await;
    let errors = data[field]["userErrors"].as_array().unwrap().clone();
    errors.iter().map(|error| (error["field"].to_string(), error["message"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_thousand_instances_of_a_tebibyte_are_refused_at_every_door() {
    let app = victim(Options::default()).await;
    let code = ("index.js", "exports.handler = async () => 1;");
    let repository = app.repository("greedy", &[code, ("function.json", &greedy().to_string())]).await;

    let register =
        "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { userErrors { field message } } }";
    let source = json!({ "git": { "url": repository } });
    let input = json!({ "input": { "name": "greedy", "source": source, "manifest": greedy() } });
    let found = errors(&app, register, "registerFunction", input).await;
    let names = ["memory_mb", "cpu", "concurrency", "max"];
    for name in names {
        assert!(found.iter().any(|(field, _)| field.contains(name)), "{name}: {found:?}");
    }
    assert!(found.iter().any(|(_, message)| message.contains("on this host")), "{found:?}");

    let id = app.register_git("greedy", &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED");
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("/resources/memory_mb") && error.contains("on this host"), "{error}");

    let update =
        "mutation($input: UpdateFunctionInput!) { updateFunction(input: $input) { userErrors { field message } } }";
    let found = errors(&app, update, "updateFunction", json!({ "input": { "id": id, "manifest": greedy() } })).await;
    assert!(found.iter().any(|(field, _)| field.contains("memory_mb")), "{found:?}");
}

#[tokio::test]
async fn settings_say_what_a_function_may_ask_for() {
    let options = Options::default().env("EVENTFLOW_MAX_FUNCTION_MEMORY", "100").env("EVENTFLOW_MAX_INSTANCES", "3");
    let app = victim(options).await;
    let code = ("index.js", "exports.handler = async () => 1;");
    let manifest = json!({ "runtime": "node", "resources": { "memory_mb": 128 }, "scaling": { "max": 2 } });
    let repository = app.repository("small", &[code, ("function.json", &manifest.to_string())]).await;
    let id = app.register_git("small", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("128 MiB are more than one instance may have on this host: 100 MiB"), "{error}");
}
