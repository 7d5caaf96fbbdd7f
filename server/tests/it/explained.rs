//! What people look at to understand: whom an event reached, what a version is made of, numbers by time, a call in detail.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{TestApp, json_of};
use crate::story::GREETER;

const HANDLER: &str = "functions/greeter/index.js";

async fn event_of(app: &TestApp, id: &str) -> Value {
    let query = "{ events { nodes { id eventId reach { function { name } reached reason run { id state replayedFrom { id } } } } } }";
    let data = app.graphql(query, json!({})).await;
    let events = data["events"]["nodes"].as_array().unwrap();
    events.iter().find(|event| event["eventId"] == id).unwrap_or_else(|| panic!("no event {id}: {data:#}")).clone()
}

#[tokio::test]
async fn an_event_says_whom_it_reached_and_why_not_and_can_be_sent_to_those_as_well() {
    let app = TestApp::start().await;
    let greeter = app.running("greeter", &[("function.json", GREETER[0].1), ("index.js", GREETER[1].1)]).await;
    app.register_git("idle", &app.repository("idle", GREETER).await, Some("functions/greeter")).await;
    assert_eq!(app.publish("file.uploaded", "v", json!({ "kind": "video" })).await.status(), StatusCode::ACCEPTED);
    assert_eq!(app.publish("file.uploaded", "i", json!({ "kind": "image" })).await.status(), StatusCode::ACCEPTED);
    app.run_where(&greeter, |run| run["trigger"] == "file.uploaded" && run["state"] == "SUCCEEDED").await;

    let image = event_of(&app, "i").await;
    let first = &image["reach"][0];
    assert_eq!((&first["function"]["name"], &first["reached"]), (&json!("greeter"), &json!(true)));
    let reason = "Its trigger `file.uploaded` matches the type, and the content meets its filter.";
    assert_eq!((&first["reason"], &first["run"]["state"]), (&json!(reason), &json!("SUCCEEDED")));

    let video = event_of(&app, "v").await;
    let reasons: Vec<_> = video["reach"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reach| (reach["function"]["name"].as_str().unwrap(), reach["reason"].as_str().unwrap()))
        .collect();
    assert!(reasons.contains(&("greeter", "Its trigger `file.uploaded` matches the type, but its filter asks for \"image\" at `data.kind`: there was \"video\".")), "{reasons:#?}");
    assert!(reasons.contains(&("idle", "It did not run when the event came in: it was REGISTERED.")), "{reasons:#?}");
    assert!(video["reach"].as_array().unwrap().iter().all(|reach| reach["reached"] == false), "{video:#}");

    // The event that did not fit is sent all the same.
    let replay = async |event: &Value| {
        let arguments = "id: $id, function: $function, version: 1";
        let selection = "run { id trigger version replayedFrom { id } }";
        let variables = json!({ "id": event["id"], "function": greeter });
        app.mutate("replayEvent", arguments, selection, variables, "$id: ID!, $function: ID!").await["run"].take()
    };
    let run = replay(&video).await;
    assert_eq!(
        (&run["trigger"], &run["version"], &run["replayedFrom"]),
        (&json!("file.uploaded"), &json!(1), &Value::Null)
    );
    let run = app.run_where(&greeter, |one| one["id"] == run["id"] && one["state"] == "SUCCEEDED").await;
    assert_eq!(run["output"]["data"], json!({ "kind": "video" }));
    let reach = event_of(&app, "v").await["reach"][0].clone();
    assert_eq!(
        (&reach["function"]["name"], &reach["reached"], &reach["run"]["id"]),
        (&json!("greeter"), &json!(false), &run["id"])
    );
    // One that did is repeated, and says what it repeats; the first one knows.
    let again = replay(&image).await;
    assert_eq!(again["replayedFrom"]["id"], first["run"]["id"]);
    let query = "query($id: ID!) { run(id: $id) { replays { totalCount nodes { id } } } }";
    let data = app.graphql(query, json!({ "id": first["run"]["id"] })).await;
    assert_eq!(data["run"]["replays"], json!({ "totalCount": 1, "nodes": [{ "id": again["id"] }] }));

    for (event, version, code) in
        [(greeter.as_str(), 1, "event_not_found"), (video["id"].as_str().unwrap(), 9, "version_not_found")]
    {
        let query = "mutation($id: ID!, $function: ID!, $version: Int) { replayEvent(id: $id, function: $function, version: $version) { userErrors { code } } }";
        let data = app.graphql(query, json!({ "id": event, "function": greeter, "version": version })).await;
        assert_eq!(data["replayEvent"]["userErrors"][0]["code"], code);
    }
}

#[tokio::test]
async fn versions_can_be_compared_by_their_files() {
    let app = TestApp::start().await;
    let repository = app.repository("shop", GREETER).await;
    let id = app.register_git("greeter", &repository, Some("functions/greeter")).await;
    app.build(&id).await;
    app.commit(&repository, &[(HANDLER, "exports.handler = async () => 2;\n"), ("functions/greeter/new.txt", "new")])
        .await;
    app.build(&id).await;
    let query = "query($id: ID!) { function(id: $id) { versions { nodes { number files { path size sha256 } file(path: \"index.js\") { text } gone: file(path: \"../secret.key\") { text } } } } }";
    let data = app.graphql(query, json!({ "id": id })).await;
    let versions = data["function"]["versions"]["nodes"].as_array().unwrap();
    let paths = |version: &Value| {
        version["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(&versions[0]), ["function.json", "index.js", "new.txt"]);
    assert_eq!(paths(&versions[1]), ["function.json", "index.js"]);
    assert_eq!(versions[0]["file"]["text"], "exports.handler = async () => 2;\n");
    assert_eq!(versions[0]["files"][0]["sha256"], versions[1]["files"][0]["sha256"]);
    assert_ne!(versions[0]["files"][1]["sha256"], versions[1]["files"][1]["sha256"]);
    assert_eq!(versions[0]["gone"], Value::Null);
}

#[tokio::test]
async fn an_invocation_by_hand_says_what_a_call_says() {
    let app = TestApp::start().await;
    let echo = "exports.handler = async (event) => event.http;";
    let id = app
        .running("echo", &[("function.json", r#"{"runtime":"node","handler":"index.handler"}"#), ("index.js", echo)])
        .await;
    let query = "mutation($id: ID!, $http: HttpInput) { invokeFunction(id: $id, http: $http, wait: true) { run { state output } userErrors { code field message } } }";
    let http = json!({ "method": "PUT", "path": "/a/b", "query": "x=1&x=2&y=%20", "headers": [{ "name": "X-Color", "value": "red" }] });
    let data = app.graphql(query, json!({ "id": id, "http": http })).await;
    let output = &data["invokeFunction"]["run"]["output"];
    assert_eq!((&output["method"], &output["path"]), (&json!("PUT"), &json!("/a/b")), "{data:#}");
    assert_eq!(
        (&output["query"], &output["headers"]["x-color"]),
        (&json!({ "x": ["1", "2"], "y": " " }), &json!("red"))
    );

    let header = |name: &str, value: &str| json!({ "headers": [{ "name": name, "value": value }] });
    for (http, field) in [
        (json!({ "method": "NO METHOD" }), "method"),
        (json!({ "path": "/a?b" }), "path"),
        (header("no header", "x"), "headers"),
        (header("x", "a\nb"), "headers"),
        (header("Authorization", "Bearer x"), "headers"),
        (header("Host", "x"), "headers"),
    ] {
        let data = app.graphql(query, json!({ "id": id, "http": http })).await;
        let error = &data["invokeFunction"]["userErrors"][0];
        assert_eq!((&error["code"], &error["field"]), (&json!("bad_request"), &json!(["http", field])), "{http}");
    }
}

#[tokio::test]
async fn calls_and_lines_of_a_function_are_there_by_time_and_newest_first() {
    let app = TestApp::start().await;
    let counts = "let n = 0; exports.handler = async (event) => { n += 1; console.log(`line ${n}`); if (event.data === 'bad') throw new Error('no'); return n; };";
    let id = app
        .running(
            "counter",
            &[("function.json", r#"{"runtime":"node","handler":"index.handler"}"#), ("index.js", counts)],
        )
        .await;
    for body in ["1", "2", "3"] {
        app.post("/function/counter").body(body).send().await.unwrap();
    }
    app.post("/function/counter").json(&json!("bad")).send().await.unwrap();
    let query = "query($id: ID!) { function(id: $id) { calls(window: FIVE_MINUTES) { at calls errors } log(last: 2) { position text } }
        metrics(function: $id, window: HOUR) { invocations errors since waiting running points { at invocations errors p50Ms running } } }";
    let data = app
        .eventually("four calls are counted and their lines stored", async || {
            let data = app.graphql(query, json!({ "id": id })).await;
            let lines = data["function"]["log"].as_array().unwrap();
            (data["metrics"]["invocations"] == 4 && lines.len() == 2).then_some(data)
        })
        .await;
    let sum = |points: &Value, name: &str| {
        points.as_array().unwrap().iter().map(|point| point[name].as_u64().unwrap()).sum::<u64>()
    };
    let calls = &data["function"]["calls"];
    assert_eq!((calls.as_array().unwrap().len(), sum(calls, "calls"), sum(calls, "errors")), (61, 4, 1));
    let points = &data["metrics"]["points"];
    assert_eq!((points.as_array().unwrap().len(), sum(points, "invocations"), sum(points, "errors")), (61, 4, 1));
    assert_eq!(points[0]["at"], data["metrics"]["since"]);
    assert_eq!((&data["metrics"]["waiting"], &data["metrics"]["running"]), (&json!(0), &json!(0)));

    let query =
        "query($id: ID!, $before: Int) { function(id: $id) { log(last: 1, before: $before) { position text } } }";
    let before = &data["function"]["log"][0]["position"];
    let older = app.graphql(query, json!({ "id": id, "before": before })).await;
    assert!(older["function"]["log"][0]["position"].as_u64() < before.as_u64(), "{older}");
    let answer = app
        .try_graphql("query($id: ID!) { function(id: $id) { log(last: 1001) { text } } }", json!({ "id": id }))
        .await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "bad_page");

    let query = "query($id: ID!, $version: Int, $trigger: String, $until: DateTime) { runs(function: $id, version: $version, trigger: $trigger, until: $until) { totalCount } }";
    for (filter, count) in [
        (json!({ "version": 1 }), 4),
        (json!({ "version": 2 }), 0),
        (json!({ "trigger": "http.invoke" }), 4),
        (json!({ "trigger": "file.uploaded" }), 0),
        (json!({ "until": data["metrics"]["since"] }), 0),
    ] {
        let mut variables = filter.clone();
        variables["id"] = json!(id);
        assert_eq!(app.graphql(query, variables).await["runs"]["totalCount"], count, "{filter}");
    }
    let counts = app.graphql("query($id: ID!) { runCounts(function: $id) { state count } }", json!({ "id": id })).await;
    let expected = json!([{ "state": "FAILED", "count": 1 }, { "state": "SUCCEEDED", "count": 3 }]);
    assert_eq!(counts["runCounts"], expected);
    let query = "query($id: ID!) { history(stream: $id, newestFirst: true) { nodes { type } } }";
    let history = app.graphql(query, json!({ "id": id })).await;
    let types: Vec<_> =
        history["history"]["nodes"].as_array().unwrap().iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!((types.first(), types.last()), (Some(&"Started"), Some(&"Registered")));
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_told_how_to() {
    let app = TestApp::start().await;
    let answer = json_of(reqwest::get(format!("{}/auth/methods", app.url)).await.unwrap(), StatusCode::OK).await;
    assert_eq!(answer, json!({ "methods": ["password", "dev_token"] }));
}

#[tokio::test]
async fn a_manifest_that_was_given_can_be_dropped_again() {
    let app = TestApp::start().await;
    let repository = app.repository("shop", GREETER).await;
    let id = app.register_git("greeter", &repository, Some("functions/greeter")).await;
    let query = "mutation($input: UpdateFunctionInput!) { updateFunction(input: $input) { function { manifestOverride } userErrors { code field } } }";
    let update = async |change: Value| {
        let mut input = change;
        input["id"] = json!(id);
        app.graphql(query, json!({ "input": input })).await["updateFunction"].take()
    };
    let manifest = json!({ "runtime": "node", "handler": "index.handler", "mode": "job" });
    assert_eq!(update(json!({ "manifest": manifest })).await["function"]["manifestOverride"], manifest);
    assert_eq!(update(json!({ "source": null })).await["function"]["manifestOverride"], manifest);
    let both = update(json!({ "manifest": manifest, "dropManifest": true })).await;
    assert_eq!(both["userErrors"], json!([{ "code": "bad_request", "field": ["input", "dropManifest"] }]));
    assert_eq!(update(json!({ "dropManifest": true })).await["function"]["manifestOverride"], Value::Null);
    app.build(&id).await;
    let data = app.graphql("query($id: ID!) { function(id: $id) { mode } }", json!({ "id": id })).await;
    assert_eq!(data["function"]["mode"], "SERVICE");
}

#[tokio::test]
async fn a_schedule_tells_when_it_would_fire_before_anybody_has_it() {
    let app = TestApp::start().await;
    let query = "query($cron: String!, $zone: String!) { fireTimes(cron: $cron, timezone: $zone, count: 3) }";
    let times = app.graphql(query, json!({ "cron": "0 12 * * *", "zone": "Europe/Berlin" })).await;
    let times: Vec<_> = times["fireTimes"].as_array().unwrap().iter().map(|time| time.as_str().unwrap()).collect();
    assert!(times.len() == 3 && times.is_sorted() && times.iter().all(|time| time.contains(":00:00")), "{times:?}");
    for (cron, zone, code) in [("every day", "UTC", "bad_cron"), ("@daily", "Europe/Nowhere", "bad_timezone")] {
        let answer = app.try_graphql(query, json!({ "cron": cron, "zone": zone })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
}
