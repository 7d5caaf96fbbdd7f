//! Erasing one person's data: the records stay, and say that they were erased.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, json_of};

const SECRET: &str = "Ada Lovelace";

async fn code(answer: reqwest::Response, status: StatusCode) -> String {
    json_of(answer, status).await["error"]["code"].as_str().unwrap_or_default().to_owned()
}

async fn erase(app: &TestApp, path: &str) -> reqwest::Response {
    app.request(Method::DELETE, &format!("/v1/{path}/payload")).bearer_auth("dev-token").send().await.unwrap()
}

/// What GraphQL shows of an event, of its runs, and of their records.
async fn shown(app: &TestApp, event: &str, run: &str) -> Value {
    let query = "query($event: ID!, $run: ID!) {
        event: node(id: $event) { ... on Event { erasedAt subject data cloudEvent } }
        run: node(id: $run) { ... on Run { state erasedAt input inputCut output error log { text } } }
        received: history(stream: $event, first: 10) { nodes { type data } }
        happened: history(stream: $run, first: 10) { nodes { type data } } }";
    app.graphql(query, json!({ "event": event, "run": run })).await
}

#[tokio::test]
async fn an_erased_event_is_shown_as_erased_and_cannot_be_sent_again() {
    let mut app = TestApp::start().await;
    let manifest =
        r#"{ "runtime": "node", "mode": "job", "triggers": [{ "type": "event", "pattern": "person.moved" }] }"#;
    let code_of_function =
        "exports.handler = async (event) => { console.log('hello', event.data.name); return event.data; };";
    let function = app.running("greet", &[("function.json", manifest), ("index.js", code_of_function)]).await;
    let published = app.publish("person.moved", "1", json!({ "name": SECRET })).await;
    let event = json_of(published, StatusCode::ACCEPTED).await["events"][0]["id"].as_str().unwrap().to_owned();
    let run = app.run_where(&function, |run| run["state"] == "SUCCEEDED").await["id"].as_str().unwrap().to_owned();
    let before = app
        .eventually("what it printed is there", async || {
            let shown = shown(&app, &event, &run).await;
            (shown["run"]["log"].as_array().is_some_and(|log| !log.is_empty())).then_some(shown)
        })
        .await;
    assert!(before.to_string().matches(SECRET).count() >= 6, "{before:#}");
    assert_eq!((&before["event"]["erasedAt"], &before["run"]["erasedAt"]), (&Value::Null, &Value::Null));

    let nothing = "00000000-0000-7000-8000-000000000000";
    for (path, expected) in [("events", "event_not_found"), ("runs", "run_not_found")] {
        assert_eq!(code(erase(&app, &format!("{path}/{nothing}")).await, StatusCode::NOT_FOUND).await, expected);
    }
    // Asked twice, it is done once.
    for _ in 0..2 {
        assert_eq!(erase(&app, &format!("events/{event}")).await.status(), StatusCode::NO_CONTENT);
    }
    let after = shown(&app, &event, &run).await;
    assert!(!after.to_string().contains("Ada"), "{after:#}");
    assert!(after["event"]["erasedAt"].is_string() && after["run"]["erasedAt"].is_string(), "{after:#}");
    assert_eq!((&after["event"]["data"], &after["run"]["input"]), (&json!("erased"), &json!("erased")));
    assert_eq!((&after["run"]["state"], &after["run"]["log"]), (&json!("SUCCEEDED"), &json!([])));
    let kinds =
        |nodes: &Value| nodes["nodes"].as_array().unwrap().iter().map(|node| node["type"].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&after["received"]), ["Received", "Erased"]);
    assert_eq!(kinds(&after["happened"]), ["Requested", "Started", "Succeeded", "Erased"]);
    let rest = json_of(app.get(&format!("/v1/runs/{run}")).send().await.unwrap(), StatusCode::OK).await;
    assert!(rest["erased_at"].is_string() && rest.get("output").is_none(), "{rest}");

    let replay = "mutation($run: ID!, $event: ID!, $function: ID!) {
        replayRun(id: $run) { userErrors { code message } }
        replayEvent(id: $event, function: $function) { userErrors { code } }
        given: replayRun(id: $run, payload: \"a new one\") { run { id } userErrors { code } } }";
    let variables = json!({ "run": run, "event": event, "function": function });
    let refused = app.graphql(replay, variables).await;
    assert_eq!(refused["replayRun"]["userErrors"][0]["code"], "payload_erased", "{refused}");
    assert!(refused["replayRun"]["userErrors"][0]["message"].as_str().unwrap().contains("was erased"), "{refused}");
    assert_eq!(refused["replayEvent"]["userErrors"][0]["code"], "payload_erased", "{refused}");
    assert!(refused["given"]["run"]["id"].is_string(), "{refused}");

    app.kill_and_restart().await;
    let again = shown(&app, &event, &run).await;
    assert_eq!(again, after);
    assert_eq!(app.runs(&function).await.len(), 2, "the erased event asks for no run");
    app.terminate().await;
    let (fine, text) = app.verb("verify").await;
    assert!(fine && text.contains("Everything fits"), "{text}");
    let (fine, text) = app.verb("rebuild").await;
    assert!(fine, "{text}");
    let (fine, text) = app.verb("verify").await;
    assert!(fine && text.contains("Everything fits"), "{text}");
}

#[tokio::test]
async fn what_a_function_prints_long_after_its_answer_is_under_no_run() {
    let app = TestApp::start().await;
    let code_of_function = "exports.handler = () => {
        let count = 0;
        const timer = setInterval(() => { console.log(`late ${++count}`); if (count === 50) clearInterval(timer); }, 200);
        return 'at once';
    };";
    let manifest = r#"{ "runtime": "node", "scaling": { "min": 1 } }"#;
    let function = app.running("chatty", &[("function.json", manifest), ("index.js", code_of_function)]).await;
    let call = app.request(Method::POST, "/function/chatty").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(call.status(), StatusCode::OK);
    let run = app.run_where(&function, |run| run["state"] == "SUCCEEDED").await["id"].as_str().unwrap().to_owned();
    assert_eq!(erase(&app, &format!("runs/{run}")).await.status(), StatusCode::OK);
    let query = "query($function: ID!, $run: ID!) {
        function(id: $function) { log(last: 200) { text } }
        run: node(id: $run) { ... on Run { log { text } } } }";
    let shown = app
        .eventually("the last line is there", async || {
            let shown = app.graphql(query, json!({ "function": function, "run": run })).await;
            shown["function"].to_string().contains("late 50").then_some(shown)
        })
        .await;
    assert_eq!(shown["run"]["log"], json!([]), "{shown}");
}

#[tokio::test]
async fn what_is_not_over_is_not_erased() {
    let app = TestApp::start().await;
    let code_of_function = "exports.handler = () => new Promise(() => setInterval(() => {}, 1000));";
    let function =
        app.running("slow", &[("function.json", r#"{ "runtime": "node" }"#), ("index.js", code_of_function)]).await;
    let asked = app
        .request(Method::POST, "/v1/functions/slow:invoke")
        .bearer_auth("dev-token")
        .body(r#"{"name":"Ada Lovelace"}"#)
        .send()
        .await
        .unwrap();
    let run = json_of(asked, StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned();
    app.run_where(&function, |run| run["state"] == "RUNNING").await;
    assert_eq!(code(erase(&app, &format!("runs/{run}")).await, StatusCode::CONFLICT).await, "run_not_over");
    let cancelled =
        app.request(Method::DELETE, &format!("/v1/runs/{run}")).bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(cancelled.status(), StatusCode::OK);
    let erased = app
        .graphql(
            "mutation($id: ID!) { eraseRun(id: $id) { run { state erasedAt input } userErrors { code } } }",
            json!({ "id": run }),
        )
        .await;
    let left = &erased["eraseRun"]["run"];
    assert_eq!((&left["state"], &left["input"]), (&json!("CANCELLED"), &json!("erased")), "{erased}");
}

#[tokio::test]
async fn all_runs_of_a_function_are_erased_page_by_page() {
    let app = TestApp::start().await;
    let code_of_function = "exports.handler = async (event) => ({ hello: event.data.name });";
    let function = app
        .running("hello-ada", &[("function.json", r#"{ "runtime": "node" }"#), ("index.js", code_of_function)])
        .await;
    for number in 0..105 {
        let path = if number % 50 == 0 { "/v1/functions/hello-ada:invoke?wait=30s" } else { "/function/hello-ada" };
        let call = app.request(Method::POST, path).bearer_auth("dev-token");
        let answer = call.json(&json!({ "name": SECRET })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    app.eventually("every call is recorded", async || (app.runs(&function).await.len() >= 100).then_some(())).await;
    let (mut erased, mut after, mut pages) = (0, String::new(), 0);
    loop {
        let request = app.request(Method::DELETE, &format!("/v1/functions/hello-ada/payloads{after}"));
        let page = json_of(request.bearer_auth("dev-token").send().await.unwrap(), StatusCode::OK).await;
        (erased, pages) = (erased + page["erased"].as_u64().unwrap(), pages + 1);
        let Some(next) = page["next"].as_str() else { break };
        after = format!("?after={next}");
    }
    assert_eq!((erased, pages), (105, 2));
    let query = "query($id: ID!) { runs(function: $id, first: 100) { nodes { input output event { data } } }
        events(first: 100) { nodes { cloudEvent } } }";
    let left = app.graphql(query, json!({ "id": function })).await.to_string();
    assert!(!left.contains("Ada") && left.contains("erased"), "{left}");
}
