//! A repository with many functions: what a build that fails offers, and what becomes of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, PATIENCE, TestApp, command, json_of};

const NODE: &str = "exports.handler = async (event, context) => 'node';";
const PYTHON: &str = "def handler(event, context):\n    return 'python'\n";

const OFFERED: &str = "query($id: ID!, $at: Position) { function(id: $id, asOfLogPosition: $at) { logPosition builds(first: 1) { nodes { \
    state error source { url ref path } offeredFolders { path recognizedAs suggestedName function { name } } } } } }";

/// The newest build, with what it offers.
async fn newest_build(app: &TestApp, id: &str) -> Value {
    let mut data = app.graphql(OFFERED, json!({ "id": id, "at": null })).await;
    data["function"]["builds"]["nodes"][0].take()
}

/// Registers a folder as it was offered; its id.
async fn register(app: &TestApp, source: &Value, offer: &Value, of: &str) -> String {
    let git = json!({ "url": source["url"], "ref": source["ref"], "path": offer["path"] });
    let input = json!({ "name": offer["suggestedName"], "source": { "git": git }, "credentialsOf": of });
    let types = "$input: RegisterFunctionInput!";
    let payload =
        app.mutate("registerFunction", "input: $input", "function { id }", json!({ "input": input }), types).await;
    payload["function"]["id"].as_str().unwrap().to_owned()
}

async fn succeeds(app: &TestApp, verb: &str) {
    let run = command(app.folder(), &Options::default()).arg(verb).output();
    let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{verb}: {output:?}");
}

#[tokio::test]
async fn a_build_of_a_root_offers_its_folders_which_can_be_registered_as_they_are() {
    let mut app = TestApp::start().await;
    let files = [
        ("README.md", "functions"),
        ("functions/many/index.js", NODE),
        ("functions/Send_Mail/main.py", PYTHON),
        ("functions/third/index.js", NODE),
    ];
    let repository = app.repository("many", &files).await;
    let id = app.register_git("many", &repository, None).await;
    assert_eq!(app.try_build(&id).await["state"], "FAILED");
    let build = newest_build(&app, &id).await;
    let offered = json!([
        { "path": "functions/Send_Mail", "recognizedAs": "a handler in main.py", "suggestedName": "send-mail", "function": null },
        // The function itself has the name of this folder.
        { "path": "functions/many", "recognizedAs": "a handler in index.js", "suggestedName": "functions-many", "function": null },
        { "path": "functions/third", "recognizedAs": "a handler in index.js", "suggestedName": "third", "function": null },
    ]);
    assert_eq!(build["offeredFolders"], offered, "{build:#}");
    assert_eq!(build["source"], json!({ "url": repository, "ref": null, "path": null }));
    assert!(build["error"].as_str().unwrap().contains("`functions/third` ("), "{build:#}");

    // As it was, which is made of the log, and as programs of the older platforms see it.
    let now = app.graphql(OFFERED, json!({ "id": id, "at": null })).await["function"]["logPosition"].take();
    let then = app.graphql(OFFERED, json!({ "id": id, "at": now })).await;
    assert_eq!(then["function"]["builds"]["nodes"][0]["offeredFolders"], offered, "{then:#}");
    let rest = json_of(app.get("/v1/functions/many").send().await.unwrap(), StatusCode::OK).await;
    let first = json!({ "path": "functions/Send_Mail", "recognized_as": "a handler in main.py", "suggested_name": "send-mail" });
    assert_eq!(rest["build"]["offered_folders"][0], first, "{rest:#}");
    assert_eq!(rest["build"]["offered_folders"].as_array().unwrap().len(), 3);
    let list = json_of(app.get("/v1/functions?search=many").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!((&list[0]["name"], &list[0]["build"]["offered_folders"]), (&json!("many"), &Value::Null), "{list:#}");

    // The tables can be made again from the log.
    app.terminate().await;
    for verb in ["verify", "rebuild", "verify"] {
        succeeds(&app, verb).await;
    }
    app.restart().await;
    assert_eq!(newest_build(&app, &id).await["offeredFolders"], offered);

    for (offer, answer) in [(&offered[0], "python"), (&offered[1], "node")] {
        let made = register(&app, &build["source"], offer, &id).await;
        app.build(&made).await;
        app.start_function(&made).await;
        let name = offer["suggestedName"].as_str().unwrap();
        assert_eq!(json_of(app.call(name).await, StatusCode::OK).await, answer, "{name}");
    }
    // What is taken is not suggested again, and a function that has found its folder offers nothing.
    let offers = newest_build(&app, &id).await["offeredFolders"].take();
    let names: Value = offers
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| json!([offer["suggestedName"], offer["function"]["name"]]))
        .collect();
    assert_eq!(names, json!([["functions-send-mail", "send-mail"], ["many-2", "functions-many"], ["third", null]]));
    let rest = json_of(app.get("/v1/functions/many").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(rest["build"]["offered_folders"][1]["function"], "functions-many", "{rest:#}");
    let source = json!({ "git": { "url": repository, "path": "functions/third" } });
    let input = json!({ "input": { "id": id, "source": source } });
    app.mutate("updateFunction", "input: $input", "function { id }", input, "$input: UpdateFunctionInput!").await;
    app.build(&id).await;
    assert_eq!(newest_build(&app, &id).await["offeredFolders"], json!([]));
}

#[tokio::test]
async fn a_list_offers_its_functions_with_their_names() {
    let app = TestApp::start().await;
    let list = r#"{ "functions": [
        { "name": "mailer", "path": "mail" }, { "name": "hello", "path": "greet" }, { "name": "gone", "path": "nowhere" } ] }"#;
    let files =
        [("eventflow.json", list), ("mail/index.js", NODE), ("greet/main.py", PYTHON), ("other/index.js", NODE)];
    let repository = app.repository("listed", &files).await;
    let id = app.register_git("listed", &repository, None).await;
    let failed = app.try_build(&id).await;
    let error = failed["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("eventflow.json lists no function `listed`") && error.contains("`mail` as `mailer` ("),
        "{failed:#}"
    );
    let build = newest_build(&app, &id).await;
    // The demo function is called `hello` already.
    let offered = json!([
        { "path": "greet", "recognizedAs": "a handler in main.py", "suggestedName": "hello-2", "function": null },
        { "path": "mail", "recognizedAs": "a handler in index.js", "suggestedName": "mailer", "function": null },
    ]);
    assert_eq!(build["offeredFolders"], offered, "{build:#}");
    let made = register(&app, &build["source"], &offered[1], &id).await;
    app.build(&made).await;
    app.start_function(&made).await;
    assert_eq!(json_of(app.call("mailer").await, StatusCode::OK).await, "node");
}

#[tokio::test]
async fn a_build_that_fails_for_another_reason_offers_nothing() {
    let app = TestApp::start().await;
    let repository = app.repository("bare", &[("README.md", "nothing"), ("docs/index.js", NODE)]).await;
    let id = app.register_git("bare", &repository, None).await;
    assert_eq!(app.try_build(&id).await["state"], "FAILED");
    assert_eq!(newest_build(&app, &id).await["offeredFolders"], json!([]));
    let rest = json_of(app.get("/v1/functions/bare").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(rest["build"]["offered_folders"], Value::Null, "{rest:#}");
}
