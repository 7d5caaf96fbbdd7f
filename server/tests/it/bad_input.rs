//! Bad input gets a clear error, and nothing is lost.

use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp, json_of};

#[tokio::test]
async fn a_repository_ref_or_folder_that_is_not_there_is_named() {
    let app = TestApp::start().await;
    let repository = app.repository("real", &[("index.js", "exports.handler = async () => 1;")]).await;
    let missing = app.folder().join("no-such-repository");
    let unknown = [
        ("one", json!({ "url": missing }), "no-such-repository"),
        ("two", json!({ "url": repository, "ref": "no-such-branch" }), "no-such-branch"),
        ("three", json!({ "url": repository, "path": "no/such/folder" }), "no/such/folder"),
    ];
    for (name, git, named) in unknown {
        let input = json!({ "name": name, "source": { "git": git } });
        let payload = app
            .mutate(
                "registerFunction",
                "input: $input",
                "function { id }",
                json!({ "input": input }),
                "$input: RegisterFunctionInput!",
            )
            .await;
        let build = app.try_build(payload["function"]["id"].as_str().unwrap()).await;
        assert_eq!(build["state"], "FAILED");
        assert!(build["error"].as_str().unwrap().contains(named), "{build:#}");
    }
}

#[tokio::test]
async fn a_manifest_that_does_not_fit_shows_all_its_faults() {
    let app = TestApp::start().await;
    let manifest = r#"{ "runtime": "cobol", "resources": { "memory_mb": -1 }, "triggers": [ { "type": "event", "pattern": "a..b" } ], "colour": "red" }"#;
    let repository = app.repository("wrong", &[("function.json", manifest), ("index.js", "")]).await;
    let id = app.register_git("wrong", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    for pointer in ["/runtime", "/resources/memory_mb", "colour"] {
        assert!(error.contains(pointer), "{pointer} in {error}");
    }
}

#[tokio::test]
async fn functions_that_cannot_run_say_why() {
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_READY_TIMEOUT", "2")).await;
    let command = |script: &str| {
        json!({ "runtime": "command", "command": ["sh", "-c", script], "start_test": false }).to_string()
    };
    let (exits, deaf) = (command("echo no luck >&2; exit 3"), command("sleep 1000"));
    for (name, manifest, expected) in [("exits", &exits, "code 3"), ("deaf", &deaf, "")] {
        let id = app.running(name, &[("function.json", manifest)]).await;
        let body = json_of(app.call(name).await, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(body["error"]["code"], "function_unhealthy", "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(expected), "{body}");
        let found = app
            .eventually("the function says why", async || {
                let found = app
                    .graphql("query($id: ID!) { function(id: $id) { state stateReason } }", json!({ "id": id }))
                    .await;
                found["function"]["stateReason"].is_string().then(|| found["function"].clone())
            })
            .await;
        assert_eq!(found["state"], "RUNNING");
    }
    // The others go on.
    assert_eq!(app.call("hello").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn garbage_instead_of_http_is_a_bad_gateway() {
    let app = TestApp::start().await;
    let code = "require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.on('data', () => socket.end('what is HTTP?\\n')); }).listen(process.env.PORT);";
    let manifest = r#"{ "runtime": "command", "command": ["node", "garbage.js"] }"#;
    let id = app.running("garbage", &[("function.json", manifest), ("garbage.js", code)]).await;
    let body = json_of(app.call("garbage").await, StatusCode::BAD_GATEWAY).await;
    assert_eq!(body["error"]["code"], "not_http", "{body}");
    app.run_where(&id, |run| run["state"] == "FAILED").await;
}

#[tokio::test]
async fn a_function_that_eats_memory_or_forks_without_end_hurts_nobody_else() {
    let app = TestApp::start().await;
    let hog = "exports.handler = async () => { const all = []; for (;;) all.push(Buffer.alloc(10 << 20, 1)); };";
    let id = app
        .running(
            "hog",
            &[("function.json", r#"{ "runtime": "node", "resources": { "memory_mb": 64 } }"#), ("index.js", hog)],
        )
        .await;
    let body = json_of(app.call("hog").await, StatusCode::BAD_GATEWAY).await;
    assert!(body["error"]["message"].as_str().unwrap().contains("memory"), "{body}");
    app.run_where(&id, |run| run["state"] == "FAILED").await;
    let bomb = r#"{ "runtime": "command", "mode": "job", "command": ["sh", "-c", "f() { f | f & }; f; sleep 1; exit 4"], "resources": { "pids": 32, "timeout_s": 5 }, "triggers": [ { "type": "http" } ] }"#;
    app.running("bomb", &[("function.json", bomb)]).await;
    let answer = app.call("bomb").await;
    assert!(answer.status().is_server_error(), "{}", answer.status());
    assert_eq!(app.call("hello").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_anything_is_done() {
    let app = TestApp::start().await;
    for path in ["/function/hello", "/v1/events", "/graphql", "/v1/functions"] {
        let answer =
            app.post(path).header("content-type", "application/json").body(vec![b' '; 7 << 20]).send().await.unwrap();
        let body = json_of(answer, StatusCode::PAYLOAD_TOO_LARGE).await;
        assert_eq!(body["error"]["code"], "payload_too_large", "{path}: {body}");
    }
    assert_eq!(app.call("hello").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_bad_event_is_refused_with_what_is_wrong() {
    let app = TestApp::start().await;
    for (event, named) in [
        (json!({ "specversion": "1.0", "id": "1", "type": "a.b" }), "source"),
        (json!({ "specversion": "0.3", "id": "1", "source": "/", "type": "a.b" }), "specversion"),
        (json!({ "specversion": "1.0", "id": "", "source": "/", "type": "a.b" }), "id"),
        (json!([1, 2]), ""),
    ] {
        let answer = app
            .post("/v1/events")
            .header("content-type", "application/cloudevents+json")
            .body(event.to_string())
            .send()
            .await
            .unwrap();
        let body = json_of(answer, StatusCode::BAD_REQUEST).await;
        assert_eq!(body["error"]["code"], "bad_event", "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(named), "{body}");
    }
}

#[tokio::test]
async fn a_broken_token_opens_nothing() {
    let app = TestApp::start().await;
    for token in ["not.a.token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0.", ""] {
        for path in ["/function/hello", "/v1/functions"] {
            let answer = app.request(reqwest::Method::GET, path).bearer_auth(token).send().await.unwrap();
            assert!(answer.headers().contains_key("www-authenticate"));
            assert_eq!(json_of(answer, StatusCode::UNAUTHORIZED).await["error"]["code"], "unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_query_of_fifty_levels_is_refused() {
    let app = TestApp::start().await;
    let query = format!(
        "{{ functions {{ nodes {} }} }}",
        "{ runs { nodes { function ".repeat(17) + "{ id }" + &"} } }".repeat(17)
    );
    let answer = app.try_graphql(&query, json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().to_lowercase().contains("deep"), "{answer:#}");
}

#[tokio::test]
async fn without_dev_there_is_no_default_credential_and_the_first_start_prints_a_password_once() {
    let mut app = TestApp::start_with(Options { without_dev: true, ..Options::default() }).await;
    let line = app.output.lines().find(|line| line.contains("password")).expect("the password is printed").to_owned();
    let password = line.split("password ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let sign_in = async |app: &TestApp, password: &str| {
        app.request(reqwest::Method::POST, "/auth/token")
            .json(&json!({ "username": "admin", "password": password }))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(sign_in(&app, "admin").await.status(), StatusCode::UNAUTHORIZED);
    let nobody = app.request(reqwest::Method::POST, "/auth/token").send().await.unwrap();
    assert_eq!(
        json_of(nobody, StatusCode::BAD_REQUEST).await["error"]["code"],
        "bad_json",
        "only --dev knows everybody"
    );
    assert_eq!(
        app.get("/v1/functions").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED,
        "dev-token is not good"
    );
    let token = json_of(sign_in(&app, &password).await, StatusCode::OK).await["token"].as_str().unwrap().to_owned();
    let answer = app.request(reqwest::Method::GET, "/v1/functions").bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    app.terminate().await;
    app.restart().await;
    assert!(!app.output.contains("password"), "{}", app.output);
    assert_eq!(sign_in(&app, &password).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start_with_one_line() {
    let output =
        tokio::process::Command::new(env!("CARGO_BIN_EXE_eventflow")).env("PORT", "http").output().await.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains("PORT") && text.contains("http") && text.contains("0 to 65535"), "{text}");
}
