//! Texts that a database might take for something else: they are looked for, and nothing breaks.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::Options;
use crate::victim::victim;

fn texts() -> Vec<String> {
    let odd = ["\0", "a\0b", "%", "_", "\\", "%00", "'", "\"", "\u{1f600}", "\u{202e}", "[", "(?i", "*.\0", "\0.**"];
    let long = ["x", "%", "*.", "\0"].map(|text| text.repeat(60_000));
    odd.map(str::to_owned).into_iter().chain(long).collect()
}

/// A text in a URL, every byte of it escaped.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whether an answer is one to the caller: found, not found, or refused for what it says.
fn is_an_answer(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 400 | 401 | 403 | 404 | 405 | 409 | 413 | 414 | 422 | 431)
}

#[tokio::test]
async fn what_is_searched_is_searched_and_no_outage() {
    let app = victim(Options::default()).await;
    let code = "exports.handler = async () => { console.log('zero \\0 byte'); return { text: 'a\\0b' }; };";
    let id = app.running("odd", &[("index.js", code)]).await;
    let published = app.publish("a.b", "1", json!({ "text": "a\0b", "%": "_" })).await;
    assert_eq!(published.status(), StatusCode::ACCEPTED);
    assert_eq!(app.call("odd").await.status(), StatusCode::OK);
    app.run_where(&id, |run| run["state"] == "SUCCEEDED" && run["output"]["text"] == "a\0b").await;
    app.eventually("a line with a zero byte is kept", async || {
        let text = app.get("/v1/functions/odd/logs").send().await.unwrap().text().await.unwrap();
        text.contains("zero \u{fffd} byte").then_some(())
    })
    .await;

    let queries = [
        "query($t: String!) { functions(search: $t) { totalCount nodes { name } } }",
        "query($t: String!) { events(type: $t) { totalCount } }",
        "query($t: String!) { runs(trigger: $t) { totalCount } }",
        "query($t: String!) { runs(namespace: $t) { totalCount } }",
        "query($t: String!) { functions(namespace: $t) { totalCount } }",
        "query($t: String!) { functions(after: $t) { totalCount } }",
        "query($t: String!) { history(type: $t) { totalCount } }",
        "query($t: String!) { history(after: $t) { totalCount } }",
        "query($t: String!) { function(namespace: $t, name: $t) { id } }",
        "query($t: String!) { secrets(namespace: $t) { name } }",
        "query($t: ID!) { history(stream: $t) { totalCount } }",
        "query($t: ID!) { run(id: $t) { id } }",
        "mutation($t: String!) { setSecret(namespace: $t, name: $t, value: $t) { userErrors { code } } }",
        "mutation($t: String!) { removeSecret(namespace: $t, name: $t) { userErrors { code } } }",
        "mutation($t: String!) { publishEvent(input: { type: $t, source: $t, id: $t, subject: $t }) { userErrors { code } } }",
        "mutation($t: String!) { registerFunction(input: { name: $t, source: { git: { url: $t, ref: $t, path: $t } } }) { userErrors { code } } }",
    ];
    for text in texts() {
        let shown: String = text.chars().take(12).collect();
        for query in queries {
            let answer = app.try_graphql(query, json!({ "t": text })).await;
            for error in answer["errors"].as_array().into_iter().flatten() {
                let code = error["extensions"]["code"].as_str().unwrap_or_default();
                assert!(!matches!(code, "unavailable" | "internal" | "INTERNAL"), "{shown:?} in {query}: {error}");
            }
        }
        if text.len() > 1000 {
            continue;
        }
        let text = escaped(&text);
        for (method, path) in [
            (Method::GET, format!("/v1/functions?search={text}&status={text}")),
            (Method::GET, format!("/v1/functions?namespace={text}")),
            (Method::GET, format!("/v1/functions?after={text}")),
            (Method::GET, format!("/v1/functions/{text}")),
            (Method::DELETE, format!("/v1/functions/{text}")),
            (Method::POST, format!("/v1/functions/{text}:invoke")),
            (Method::GET, format!("/v1/functions/{text}/logs?run={text}&since={text}")),
            (Method::GET, format!("/v1/functions/odd/logs?run={text}")),
            (Method::GET, format!("/v1/runs/{text}")),
            (Method::GET, format!("/v1/runs/{text}?function={text}&namespace={text}")),
            (Method::GET, format!("/v1/dead-letters?namespace={text}&after={text}")),
            (Method::GET, format!("/function/{text}/{text}")),
            (Method::POST, format!("/async-function/{text}")),
            (Method::POST, format!("/hooks/{text}/{text}/{text}")),
        ] {
            let answer = app.request(method.clone(), &path).bearer_auth("dev-token").send().await.unwrap();
            assert!(is_an_answer(answer.status()), "{method} {path}: {}", answer.status());
        }
    }
    // Halves of a surrogate pair, and bytes that are no text.
    for (body, kind) in [
        (
            br#"{"query":"query($t: String!) { functions(search: $t) { totalCount } }","variables":{"t":"\ud800"}}"#
                .to_vec(),
            "application/json",
        ),
        (b"{\"query\":\"{ functions(search: \\\"\xff\\\") { totalCount } }\"}".to_vec(), "application/json"),
    ] {
        let answer = app.post("/graphql").header("content-type", kind).body(body).send().await.unwrap();
        assert!(is_an_answer(answer.status()), "{}", answer.status());
    }
    let event = br#"{"specversion":"1.0","id":"2","source":"/shop","type":"a.b","data":"\ud800"}"#.to_vec();
    let answer = app.post("/v1/events").header("content-type", "application/cloudevents+json").body(event);
    assert!(is_an_answer(answer.send().await.unwrap().status()));

    // Nothing was found that is not there, what is there is found, and the server is well.
    let names = async |search: &str| {
        let query = "query($t: String!) { functions(search: $t) { nodes { name } } }";
        app.graphql(query, json!({ "t": search })).await["functions"]["nodes"].take()
    };
    assert_eq!(names("%").await, json!([]));
    assert_eq!(names("_").await, json!([]));
    assert_eq!(names("\0").await, json!([]));
    assert_eq!(names("OD").await, json!([{ "name": "odd" }]));
    assert_eq!(app.get("/readyz").send().await.unwrap().status(), StatusCode::OK);
    let (fine, output) = app.verb("verify").await;
    assert!(fine, "{output}");
}
