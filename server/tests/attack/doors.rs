//! Doors: what comes in by one of them cannot pretend to have come by another, and who proves nothing learns nothing.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;

const HOOKED: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "node", "handler": "index.handler",
             "triggers": [ { "type": "http" },
                           { "type": "webhook", "name": "github", "scheme": "github", "secret": "HOOK_SECRET" },
                           { "type": "webhook", "name": "unset", "scheme": "github", "secret": "NOT_SET" } ] }"#,
    ),
    ("index.js", "exports.handler = async (event) => ({ headers: event.http?.headers ?? null });"),
];

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

async fn hooked() -> (TestApp, String) {
    let app = victim(Options::default()).await;
    let variables = json!({ "name": "HOOK_SECRET", "value": SECRET });
    let arguments = "namespace: \"default\", name: $name, value: $value";
    app.mutate("setSecret", arguments, "secret { name }", variables, "$name: String!, $value: String!").await;
    let id = app.running("shop", HOOKED).await;
    (app, id)
}

fn deliver(app: &TestApp, id: &str) -> RequestBuilder {
    let request = app.request(Method::POST, "/hooks/default/shop/github").body(BODY);
    request.header("x-github-delivery", id).header("x-hub-signature-256", SIGNATURE)
}

#[tokio::test]
async fn a_delivery_cannot_be_claimed_by_who_publishes_events() {
    let (app, id) = hooked().await;
    for source in ["/hooks/default/shop/github", "hooks/default/shop/github", "/%68ooks/default/shop/github"] {
        let event = json!({ "specversion": "1.0", "id": "d-1", "source": source, "type": "webhook.received" });
        let request = app.post("/v1/events").header("content-type", "application/cloudevents+json");
        let refused = request.body(event.to_string()).send().await.unwrap();
        assert_eq!(json_of(refused, StatusCode::BAD_REQUEST).await["error"]["code"], "bad_event", "{source}");
    }
    let request =
        app.post("/v1/events").header("ce-specversion", "1.0").header("ce-id", "d-1").header("ce-type", "a.b");
    let refused = request.header("ce-source", "/hooks/default/shop/github").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let first = json_of(deliver(&app, "d-1").send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(first["duplicate"], false);
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(run["id"], first["run_id"]);
    let again = json_of(deliver(&app, "d-1").send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!((&again["duplicate"], &again["run_id"]), (&json!(true), &first["run_id"]));
}

/// An answer without what differs from one request to the next.
async fn answer_to(request: RequestBuilder) -> (StatusCode, Vec<(String, String)>, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let headers = answer.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    let mut body: Value = answer.json().await.unwrap();
    body["error"].as_object_mut().unwrap().remove("request_id").expect("every error has one");
    (status, headers, body)
}

#[tokio::test]
async fn hooks_tell_who_proves_nothing_not_what_is_there() {
    let (app, id) = hooked().await;
    let wrong = SIGNATURE.replace('7', "8");
    let paths = [
        "/hooks/default/shop/github",
        "/hooks/default/shop/unset",
        "/hooks/default/shop/nothing",
        "/hooks/default/nobody/github",
        "/hooks/nowhere/shop/github",
        "/hooks/default/%00/%25",
    ];
    for stopped in [false, true] {
        if stopped {
            app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
        }
        for (signature, event) in [(None, "push"), (Some(wrong.as_str()), "push"), (Some(wrong.as_str()), "ping")] {
            let ask = |path: &str| {
                let request = app.request(Method::POST, path).body(BODY).header("x-github-event", event);
                answer_to(
                    signature.into_iter().fold(request, |request, value| request.header("x-hub-signature-256", value)),
                )
            };
            let expected = ask("/hooks/nowhere/nobody/nothing").await;
            assert_eq!(expected.0, StatusCode::UNAUTHORIZED);
            for path in paths {
                assert_eq!(ask(path).await, expected, "{path}, stopped: {stopped}");
            }
        }
    }
    // Who knows the secret learns why.
    let refused = json_of(deliver(&app, "1").send().await.unwrap(), StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(refused["error"]["code"], "function_not_running");
}

#[tokio::test]
async fn credentials_of_a_request_are_in_no_record_of_it() {
    let (app, id) = hooked().await;
    let headers = [
        ("cookie", "eventflow_session=hush"),
        ("x-api-key", "hush"),
        ("x-amz-security-token", "hush"),
        ("x-auth-token", "hush"),
        ("proxy-authorization", "Basic hush"),
        ("x-own", "kept"),
    ];
    let with =
        |request: RequestBuilder| headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    for request in [
        app.post("/v1/functions/shop:invoke").json(&json!({})),
        app.post("/function/shop").json(&json!({})),
        app.post("/async-function/shop").json(&json!({})),
        app.post("/function/shop").json(&json!({})).header("idempotency-key", "1"),
        deliver(&app, "1"),
    ] {
        assert!(with(request).send().await.unwrap().status().is_success());
    }
    let runs = app
        .eventually("five runs", async || {
            let runs = app.runs(&id).await;
            (runs.len() == 5 && runs.iter().all(|run| run["state"] == "SUCCEEDED")).then_some(runs)
        })
        .await;
    for run in &runs {
        let input = run["input"].to_string();
        assert_eq!(run["input"]["http"]["headers"]["x-own"], "kept", "{input}");
        assert!(!input.contains("hush") && !input.contains("dev-token") && !input.contains("757107ea"), "{input}");
    }
    // Nor does the log itself have them.
    let log = app.graphql("{ history(first: 100, newestFirst: true) { nodes { data } } }", json!({})).await.to_string();
    assert!(log.contains("kept") && !log.contains("dev-token"));
    // The function's answer to a direct call says what it saw, and that is its own matter; what was asked is not.
    assert!(!log.contains("Basic hush"));
}

#[tokio::test]
async fn a_function_cannot_be_named_so_that_it_gets_the_calls_of_a_namespace() {
    let app = victim(Options::default()).await;
    let register = async |namespace: &str, name: &str| {
        let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code } } }";
        let source = json!({ "git": { "url": "https://example.com/a" } });
        let input = json!({ "namespace": namespace, "name": name, "source": source });
        app.graphql(query, json!({ "input": input })).await["registerFunction"].clone()
    };
    assert_eq!(register("team-a", "shop").await["userErrors"], json!([]));
    assert_eq!(register("default", "team-a").await["userErrors"][0]["code"], "name_is_a_namespace");
    assert_eq!(register("default", "shop").await["userErrors"], json!([]));
    assert_eq!(register("shop", "cart").await["userErrors"][0]["code"], "namespace_is_a_function");
    assert_eq!(register("team-a", "cart").await["userErrors"], json!([]));
}
