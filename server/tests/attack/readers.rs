//! Who may only look, and whoever is led here by another site: neither makes anything run.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::people::{Socket, cookie, known_key, member, token};
use crate::victim::victim;

async fn runs(app: &TestApp) -> u64 {
    app.graphql("{ runs { totalCount } }", Value::Null).await["runs"]["totalCount"].as_u64().unwrap()
}

#[tokio::test]
async fn who_may_only_look_calls_nothing() {
    let app = victim(known_key()).await;
    let before = runs(&app).await;
    let reader = token(false, Duration::from_secs(600), true);
    for path in [
        "/function/hello",
        "/function/default/hello",
        "/function/hello/a/b?c",
        "/async-function/hello",
        "/v1/functions/hello:invoke",
        "/v1/events",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
            if path.starts_with("/v1") && method != Method::POST {
                continue;
            }
            let request = app.request(method.clone(), path).bearer_auth(&reader);
            let event = json!({ "specversion": "1.0", "id": "1", "source": "/", "type": "a.b" });
            let request = request.header("content-type", "application/cloudevents+json").body(event.to_string());
            assert_eq!(request.send().await.unwrap().status(), 403, "{method} {path}");
        }
    }
    for header in [("prefer", "respond-async"), ("idempotency-key", "a")] {
        let request = app.request(Method::POST, "/function/hello").bearer_auth(&reader).header(header.0, header.1);
        assert_eq!(request.send().await.unwrap().status(), 403, "{header:?}");
    }
    // What they may see they see.
    let logs = app.request(Method::GET, "/v1/functions/hello/logs").bearer_auth(&reader).send().await.unwrap();
    assert_eq!(logs.status(), 200);
    assert_eq!(runs(&app).await, before);
    let writer = token(true, Duration::from_secs(600), true);
    let call = app.request(Method::GET, "/function/hello").bearer_auth(&writer).send().await.unwrap();
    assert_eq!(call.status(), 200);
}

#[tokio::test]
async fn who_may_only_look_deploys_nothing_as_openfaas_does() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    let stranger = member("team");
    let history = "{ history { totalCount } }";
    app.graphql(
        "mutation { setSecret(namespace: \"default\", name: \"A\", value: \"b\") { userErrors { code } } }",
        Value::Null,
    )
    .await;
    let before = app.graphql(history, Value::Null).await;
    let image = "docker.io/functions/alpine:latest";
    // What is refused to whoever sees the function, and what is not there for whoever does not.
    for (method, path, body, reader_gets, stranger_gets) in [
        (Method::POST, "functions", json!({ "service": "mine", "image": image }), 403, 403),
        (Method::PUT, "functions", json!({ "service": "hello", "image": image }), 403, 404),
        (Method::DELETE, "functions", json!({ "functionName": "hello" }), 403, 404),
        (Method::POST, "scale-function/hello", json!({ "replicas": 9 }), 403, 404),
        (Method::GET, "function/hello", Value::Null, 200, 404),
        (Method::GET, "function/hello.default", Value::Null, 200, 404),
        (Method::GET, "functions", Value::Null, 200, 403),
        (Method::GET, "logs?name=hello", Value::Null, 200, 404),
        (Method::GET, "logs?name=hello&follow=true", Value::Null, 200, 404),
        (Method::GET, "secrets", Value::Null, 200, 403),
        (Method::POST, "secrets", json!({ "name": "a", "value": "x" }), 403, 403),
        (Method::PUT, "secrets", json!({ "name": "A", "value": "x" }), 403, 403),
        (Method::DELETE, "secrets", json!({ "name": "A" }), 403, 403),
        (Method::POST, "namespace/", json!({ "name": "mine" }), 403, 403),
        (Method::GET, "namespace/default", Value::Null, 200, 404),
    ] {
        for (who, token, expected) in [("reader", &reader, reader_gets), ("stranger", &stranger, stranger_gets)] {
            let request = app.request(method.clone(), &format!("/system/{path}")).basic_auth(who, Some(token));
            let request = if body.is_null() { request } else { request.json(&body) };
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), expected, "{who}: {method} {path}");
        }
    }
    let seen = app.request(Method::GET, "/system/namespaces").basic_auth("", Some(&stranger)).send().await.unwrap();
    assert_eq!(seen.json::<Value>().await.unwrap(), json!([]));
    assert_eq!(app.graphql(history, Value::Null).await, before);
}

#[tokio::test]
async fn who_may_only_look_mutates_nothing() {
    let app = victim(known_key()).await;
    let reader = token(false, Duration::from_secs(600), true);
    let function = app.graphql("{ function(name: \"hello\") { id } }", Value::Null).await["function"]["id"].clone();
    let id = function.as_str().unwrap();
    // A run that is dead is another story than one that is not there; all are refused before that matters.
    let invoked = app.mutate("invokeFunction", &format!("id: \"{id}\""), "run { id }", Value::Null, "").await;
    let run = invoked["run"]["id"].as_str().unwrap().to_owned();
    let builds = "{ function(name: \"hello\") { builds(first: 1) { nodes { id } } } }";
    let build = app.graphql(builds, Value::Null).await["function"]["builds"]["nodes"][0]["id"].clone();
    let build = build.as_str().unwrap();
    let publish = "{ type: \"a.b\" }";
    let events = "{ events(first: 1) { nodes { id } } }";
    let event = app.graphql(events, Value::Null).await["events"]["nodes"][0]["id"].clone();
    let event = event.as_str().unwrap().to_owned();
    let of = |name: &str| -> String {
        match name {
            "registerFunction" => {
                "input: { name: \"x\", source: { git: { url: \"https://example.com/x\" } } }".to_owned()
            }
            "updateFunction" => format!("input: {{ id: \"{id}\" }}"),
            "buildFunction" | "startFunction" | "stopFunction" | "deregisterFunction" | "rollbackFunction"
            | "invokeFunction" => format!("id: \"{id}\""),
            "cancelBuild" => format!("id: \"{build}\""),
            "cancelRun" | "replayRun" | "redriveRun" | "purgeRun" | "eraseRun" => format!("id: \"{run}\""),
            "eraseEvent" => format!("id: \"{event}\""),
            "replayEvent" => format!("id: \"{event}\", function: \"{id}\""),
            "redriveDeadLetters" | "purgeDeadLetters" => "namespace: \"default\"".to_owned(),
            "publishEvent" => format!("input: {publish}"),
            "setSecret" => "namespace: \"default\", name: \"A\", value: \"b\"".to_owned(),
            "setMember" => "namespace: \"default\", subject: \"user:eve\", role: OWNER".to_owned(),
            "removeSecret" => "namespace: \"default\", name: \"A\"".to_owned(),
            other => panic!("the mutation {other} is new: say here what it is asked with"),
        }
    };
    let names = app.graphql("{ __type(name: \"Mutation\") { fields { name } } }", Value::Null).await;
    let before = app.graphql("{ history { totalCount } }", Value::Null).await;
    let mut socket = Socket::open(&app, &reader).await;
    for field in names["__type"]["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let mutation = format!("mutation {{ m: {name}({}) {{ userErrors {{ code message }} }} }}", of(name));
        let request = app.request(Method::POST, "/graphql").bearer_auth(&reader);
        let answer: Value = request.json(&json!({ "query": mutation })).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["m"]["userErrors"][0]["code"], "forbidden", "{name}: {answer:#}");
        socket.subscribe("1", &mutation).await;
        let answer = socket.message().await.unwrap();
        assert_eq!(answer["payload"]["data"]["m"]["userErrors"][0]["code"], "forbidden", "{name}: {answer:#}");
        assert_eq!(socket.message().await.unwrap()["type"], "complete");
    }
    // The run that was asked for above goes on; the reader added nothing.
    let actors = "{ history(first: 100, type: \"Registered\") { nodes { actor } } }";
    let actors = app.graphql(actors, Value::Null).await["history"]["nodes"].to_string();
    assert!(!actors.contains("user:admin"), "{actors}");
    assert!(before["history"]["totalCount"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn another_site_makes_nothing_run_with_the_cookie_of_who_looks_at_it() {
    let app = victim(Options::default()).await;
    let cookie = cookie(&app).await;
    let before = runs(&app).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let request = app.request(Method::GET, path).header("cookie", &cookie);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    };
    let paths = [
        "/function/hello",
        "/function/default/hello",
        "/async-function/hello",
        "/graphql?query=%7Bviewer%7Bname%7D%7D",
        "/v1/functions",
        "/v1/functions/hello/logs?follow=true",
    ];
    for path in paths {
        for headers in [
            // A picture, a frame, a link, and what an older browser says of them.
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")].as_slice(),
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            &[("referer", "https://evil.example/")],
            &[("origin", "null")],
        ] {
            let answer = ask(path, headers).await;
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
            let error: Value = answer.json().await.unwrap();
            assert_eq!(error["error"]["code"], "cross_site", "{path}");
            assert!(error["error"]["message"].as_str().unwrap().contains("another site"), "{error}");
        }
    }
    assert_eq!(runs(&app).await, before);

    // Its own pages, and who types the address, are served; and a link from elsewhere leads to the pages of the interface.
    for headers in [[("sec-fetch-site", "same-origin")], [("sec-fetch-site", "none")]] {
        assert_eq!(ask("/function/hello", &headers).await.status(), 200, "{headers:?}");
        assert_eq!(ask("/v1/functions", &headers).await.status(), 200, "{headers:?}");
    }
    for page in ["/", "/functions", "/sign-in"] {
        let led = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("accept", "text/html")];
        let status = ask(page, &led).await.status().as_u16();
        assert!([200, 503].contains(&status), "{page}: {status}; 503 where the pages are not built");
    }
}
