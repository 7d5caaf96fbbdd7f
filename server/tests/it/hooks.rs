//! Secrets and webhooks as their users meet them: a real function that gets both.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

/// Shows what it was given: the run's output is what it says.
const KEEPER: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "node", "handler": "index.handler", "secrets": ["API_KEY"],
             "triggers": [ { "type": "http" },
                           { "type": "webhook", "name": "github", "scheme": "github", "secret": "HOOK_SECRET" } ] }"#,
    ),
    (
        "index.js",
        r#"exports.handler = async (event) => ({
             type: event.type, data: event.data ?? null, kind: event.http?.headers["x-github-event"] ?? null,
             proof: event.http?.headers["x-hub-signature-256"] ?? null,
             key: process.env.API_KEY ?? null, hook: process.env.HOOK_SECRET ?? null, pid: process.pid,
           });"#,
    ),
];

/// The same as a process for each run.
const JOB: &[(&str, &str)] = &[
    ("function.json", r#"{ "runtime": "node", "mode": "job", "handler": "index.handler", "secrets": ["API_KEY"] }"#),
    ("index.js", "exports.handler = async () => ({ key: process.env.API_KEY ?? null });"),
];

const SECRET: &str = "It's a Secret to Everybody";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

async fn set_secret(app: &TestApp, name: &str, value: &str) {
    let variables = json!({ "name": name, "value": value });
    let arguments = "namespace: \"default\", name: $name, value: $value";
    app.mutate("setSecret", arguments, "secret { name }", variables, "$name: String!, $value: String!").await;
}

async fn deliver(app: &TestApp, id: &str) -> Value {
    let request = app.request(Method::POST, "/hooks/default/keeper/github").body("Hello, World!");
    let request = request.header("x-github-delivery", id).header("x-github-event", "push");
    json_of(request.header("x-hub-signature-256", SIGNATURE).send().await.unwrap(), StatusCode::ACCEPTED).await
}

#[tokio::test]
async fn a_function_gets_its_webhook_and_its_secret() {
    with_webhook_and_secret(TestApp::start().await).await;
}

#[tokio::test]
async fn a_function_gets_its_webhook_and_its_secret_on_postgres() {
    with_webhook_and_secret(TestApp::on_postgres().await).await;
}

async fn with_webhook_and_secret(mut app: TestApp) {
    set_secret(&app, "API_KEY", "key-one").await;
    set_secret(&app, "HOOK_SECRET", SECRET).await;
    let id = app.running("keeper", KEEPER).await;
    let first = deliver(&app, "1").await;
    assert_eq!(first["duplicate"], false);
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!((&run["id"], &run["trigger"]), (&first["run_id"], &json!("webhook.received")));
    assert_eq!(run["event"]["id"], first["event_id"]);
    let output = &run["output"];
    assert_eq!((&output["type"], &output["data"]), (&json!("webhook.received"), &json!("Hello, World!")));
    assert_eq!((&output["kind"], &output["proof"]), (&json!("push"), &Value::Null));
    // It gets the secrets that it names as its own, and not the one that only its webhook names.
    assert_eq!((&output["key"], &output["hook"]), (&json!("key-one"), &Value::Null));

    // The server is killed: the delivery stays the same, the secret opens, and both are where they were.
    app.kill_and_restart().await;
    assert_eq!(
        deliver(&app, "1").await,
        json!({ "event_id": first["event_id"], "run_id": first["run_id"], "duplicate": true })
    );
    assert_eq!(json_of(app.call("keeper").await, StatusCode::OK).await["key"], "key-one");
    assert_eq!(app.runs(&id).await.iter().filter(|run| run["trigger"] == "webhook.received").count(), 1);
    let (fine, output) = app.verb("verify").await;
    assert!(fine, "{output}");
    let log = std::fs::read_to_string(app.folder().join("server.log")).unwrap();
    assert!(!log.contains("key-one") && !log.contains(SECRET));
}

#[tokio::test]
async fn a_secret_that_is_set_anew_reaches_a_running_function_and_no_call_fails() {
    let app = TestApp::start().await;
    set_secret(&app, "API_KEY", "key-one").await;
    set_secret(&app, "HOOK_SECRET", SECRET).await;
    app.running("keeper", KEEPER).await;
    let before = json_of(app.call("keeper").await, StatusCode::OK).await;
    set_secret(&app, "API_KEY", "key-two").await;
    let after = app
        .eventually("the function has the new secret", async || {
            let answer = json_of(app.call("keeper").await, StatusCode::OK).await;
            (answer["key"] == "key-two").then_some(answer)
        })
        .await;
    assert_eq!(before["key"], "key-one");
    // One that it does not name changes nothing: the same process goes on.
    let found = "{ function(name: \"keeper\") { instances { id } } }";
    app.eventually("the old instance is gone", async || {
        let data = app.graphql(found, json!({})).await;
        (data["function"]["instances"].as_array()?.len() == 1).then_some(())
    })
    .await;
    set_secret(&app, "OTHER", "x").await;
    set_secret(&app, "API_KEY", "key-three").await;
    app.eventually("the third one, too", async || {
        let answer = json_of(app.call("keeper").await, StatusCode::OK).await;
        (answer["key"] == "key-three").then_some(())
    })
    .await;
    assert_eq!(after["type"], "http.invoke");
}

#[tokio::test]
async fn without_its_secret_a_function_says_which_one_is_missing_and_runs_once_it_is_set() {
    let app = TestApp::start().await;
    let id = app.running("keeper", KEEPER).await;
    let answer = app.call("keeper").await;
    assert!(answer.status().is_server_error() || answer.status() == StatusCode::CONFLICT, "{}", answer.status());
    let text = answer.text().await.unwrap();
    assert!(text.contains("`API_KEY`") && text.contains("setSecret"), "{text}");
    app.eventually("the function says so itself", async || {
        let query = "query($id: ID!) { function(id: $id) { stateReason } }";
        let data = app.graphql(query, json!({ "id": id })).await;
        data["function"]["stateReason"].as_str()?.contains("`API_KEY`").then_some(())
    })
    .await;
    set_secret(&app, "API_KEY", "key-one").await;
    app.eventually("it runs", async || {
        let answer = app.call("keeper").await;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_value_stands_in_no_file_while_its_function_runs() {
    let app = TestApp::start().await;
    let value = "a-value-that-nobody-else-writes";
    set_secret(&app, "API_KEY", value).await;
    let code = "exports.handler = async () => ({ length: process.env.API_KEY.length });";
    app.running("quiet", &[KEEPER[0], ("index.js", code)]).await;
    assert_eq!(json_of(app.call("quiet").await, StatusCode::OK).await["length"], value.len());
    let (mut folders, mut files) = (vec![app.folder().to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files += 1;
                let bytes = std::fs::read(&path).unwrap_or_default();
                assert!(!bytes.windows(value.len()).any(|part| part == value.as_bytes()), "{}", path.display());
            }
        }
    }
    assert!(files > 10);
}

#[tokio::test]
async fn a_job_gets_its_secret_at_each_run() {
    let app = TestApp::start().await;
    let id = app.running("job", JOB).await;
    let invoke = async |expected: &str| {
        let answer = app.post("/v1/functions/job:invoke?wait=30s").json(&json!({})).send().await.unwrap();
        let body = json_of(answer, StatusCode::OK).await;
        assert_eq!(body["state"], expected, "{body}");
        body
    };
    assert!(invoke("FAILED").await["error"].as_str().unwrap().contains("`API_KEY`"));
    for key in ["key-one", "key-two"] {
        set_secret(&app, "API_KEY", key).await;
        assert_eq!(invoke("SUCCEEDED").await["output"], json!({ "key": key }));
    }
    assert_eq!(app.runs(&id).await.len(), 3);
}

#[tokio::test]
async fn under_another_key_a_secret_stays_shut_and_the_server_says_how_to_open_it() {
    let key = |byte: u8| format!("{byte:02x}").repeat(32);
    let database = crate::app::database().await;
    let artifacts = tempfile::tempdir().unwrap();
    let with = |byte| {
        let options = Options::default().env("DATABASE_URL", database.clone()).env("EVENTFLOW_SECRET_KEY", key(byte));
        options.env("EVENTFLOW_ARTIFACTS", artifacts.path().to_str().unwrap())
    };
    let sealer = TestApp::start_with(with(1)).await;
    set_secret(&sealer, "HOOK_SECRET", SECRET).await;
    set_secret(&sealer, "API_KEY", "key-one").await;
    sealer.running("keeper", KEEPER).await;
    assert_eq!(json_of(sealer.call("keeper").await, StatusCode::OK).await["key"], "key-one");
    let other = TestApp::start_with(with(2)).await;
    let request = other.request(Method::POST, "/hooks/default/keeper/github").body("Hello, World!");
    let answer = request.header("x-hub-signature-256", SIGNATURE).send().await.unwrap();
    let body = json_of(answer, StatusCode::UNAUTHORIZED).await;
    assert_eq!(body["error"]["code"], "bad_signature");
    assert!(!body.to_string().contains("key"), "{body}");
    let log = std::fs::read_to_string(other.folder().join("server.log")).unwrap();
    assert!(log.contains("sealed under another key") && log.contains("EVENTFLOW_SECRET_KEY"), "{log}");
    assert!(!log.contains(&key(1)) && !log.contains(&key(2)));
}

/// Repeats the data as Python reads it, which knows whole numbers of any size and keeps the order of keys.
const REPEATS: &[(&str, &str)] = &[
    (
        "function.json",
        r#"{ "runtime": "python", "handler": "main.handler",
             "triggers": [ { "type": "http" }, { "type": "event", "pattern": "odd.number" },
                           { "type": "webhook", "name": "open", "scheme": "none" },
                           { "type": "webhook", "name": "waits", "scheme": "none", "reply": "sync" } ] }"#,
    ),
    (
        "main.py",
        r#"import json
def handler(event, context):
    text = json.dumps(event["data"], separators=(",", ":"))
    if event.get("source", "").endswith("/waits"):
        return {"statusCode": 201, "headers": {"content-type": "text/xml"}, "body": "<data>" + text + "</data>"}
    if event["type"] == "webhook.received":
        return text + event["http"]["rawBody"].decode()
    return text
"#,
    ),
];

#[tokio::test]
async fn what_was_sent_is_what_the_function_gets_by_every_door() {
    const ODD: &str = r#"{"z":123456789012345678901234567890,"a":9007199254740993,"m":1.0,"l":[18446744073709551616]}"#;
    let app = TestApp::start().await;
    let id = app.running("repeats", REPEATS).await;
    let invoked = app.post("/v1/functions/repeats:invoke?wait=60s").header("content-type", "application/json");
    let invoked = json_of(invoked.body(ODD).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(invoked["output"], ODD, "{invoked}");

    let event = format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"odd.number","data":{ODD}}}"#);
    let sent = app.post("/v1/events").header("content-type", "application/cloudevents+json").body(event);
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
    // With space around it, which is no part of the data, and a part of the body.
    let spaced = format!("\r\n {ODD}\n");
    let delivery = app.request(Method::POST, "/hooks/default/repeats/open").body(spaced.clone());
    let delivery = delivery.header("content-type", "application/json");
    assert_eq!(delivery.send().await.unwrap().status(), StatusCode::ACCEPTED);
    for (trigger, output) in [("odd.number", ODD.to_owned()), ("webhook.received", format!("{ODD}{spaced}"))] {
        let run = app.run_where(&id, |run| run["trigger"] == trigger && run["state"] == "SUCCEEDED").await;
        assert_eq!(run["output"], output, "{trigger}");
    }

    // A sender that waits gets the function's own answer: its status, its type, its text.
    let escaped = ODD.replace('{', "%7B").replace('}', "%7D");
    let request = app.request(Method::POST, "/hooks/default/repeats/waits").body(format!("payload={escaped}"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::CREATED, &"text/xml".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), format!("<data>{ODD}</data>"));
}
