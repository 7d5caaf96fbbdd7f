//! Functions that everybody may call, paths of their own, and pages of other origins: off unless the server's owner allows
//! them, and nobody gets more by them than the function.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;

const MIRROR: &str = "exports.handler = async (event) => ({ path: event.http.path, headers: event.http.headers });";

fn allowing(namespaces: &str) -> Options {
    Options::default().env("EVENTFLOW_PUBLIC_FUNCTIONS", namespaces)
}

fn manifest(triggers: Value) -> String {
    json!({ "runtime": "node", "triggers": triggers }).to_string()
}

/// Registers and builds; the build.
async fn build(app: &TestApp, name: &str, triggers: Value) -> Value {
    let files = [("function.json", manifest(triggers)), ("index.js", MIRROR.to_owned())];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let repository = app.repository(name, &files).await;
    let id = app.register_git(name, &repository, None).await;
    let mut build = app.try_build(&id).await;
    build["function"] = json!(id);
    build
}

async fn running(app: &TestApp, name: &str, triggers: Value) -> String {
    let build = build(app, name, triggers).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let id = build["function"].as_str().unwrap().to_owned();
    app.start_function(&id).await;
    id
}

/// Asks without a token until the function answers: its door is known a moment after it was started.
async fn open(app: &TestApp, path: &str) -> Value {
    let what = format!("{path} is open");
    let answer = app
        .eventually(&what, async || {
            let answer = app.request(Method::GET, path).send().await.unwrap();
            (answer.status() == StatusCode::OK).then_some(answer)
        })
        .await;
    answer.json().await.unwrap()
}

#[tokio::test]
async fn without_the_owners_word_no_function_is_public_and_none_has_a_path() {
    let app = victim(Options::default()).await;
    for (name, triggers) in [
        ("public", json!([{ "type": "http", "auth": "none" }])),
        ("shop", json!([{ "type": "http", "path": "/shop/*" }])),
    ] {
        let build = build(&app, name, triggers).await;
        assert_eq!(build["state"], "FAILED", "{build:#}");
        assert!(build["error"].as_str().unwrap().contains("EVENTFLOW_PUBLIC_FUNCTIONS"), "{build:#}");
    }
    // Pages of other origins need no word: their callers still need a token.
    running(&app, "page", json!([{ "type": "http", "cors": { "origins": ["https://shop.example"] } }])).await;
    assert_eq!(app.request(Method::GET, "/function/page").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    // Another namespace's permission is not this one's.
    let app = victim(allowing("team")).await;
    let build = build(&app, "public", json!([{ "type": "http", "auth": "none" }])).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
}

#[tokio::test]
async fn a_public_function_is_called_by_everybody_and_knows_nobodys_token() {
    let app = victim(allowing("default")).await;
    let id = running(&app, "public", json!([{ "type": "http", "auth": "none" }])).await;
    running(&app, "closed", json!([{ "type": "http" }])).await;
    let body = open(&app, "/function/public/a").await;
    assert_eq!(body["path"], "/a");
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(run["trigger"], "http.invoke");
    for path in ["/function/closed", "/async-function/public", "/function/nobody", "/v1/functions/public"] {
        let answer = app.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    // Credentials of the function's own users reach it; those of the platform's do not, whoever sends them along.
    let call = || app.request(Method::GET, "/function/public");
    let got = async |request: reqwest::RequestBuilder| {
        json_of(request.send().await.unwrap(), StatusCode::OK).await["headers"]["authorization"].take()
    };
    assert_eq!(got(call().header("authorization", "Bearer of-its-own")).await, "Bearer of-its-own");
    assert_eq!(got(call().header("authorization", "Basic dTpw")).await, "Basic dTpw");
    assert_eq!(got(call().bearer_auth("dev-token")).await, Value::Null);
    assert_eq!(got(call().basic_auth("admin", Some("dev-token"))).await, Value::Null, "as /system takes them");
    assert_eq!(got(call().basic_auth("dev-token", Some(""))).await, Value::Null);
    let credentials = json!({ "username": "admin", "password": "admin" });
    let signed_in = app.request(Method::POST, "/auth/token?cookie=true").json(&credentials).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let token: Value = signed_in.json().await.unwrap();
    let token = token["token"].as_str().unwrap();
    assert_eq!(got(call().bearer_auth(token)).await, Value::Null);
    assert_eq!(got(call().basic_auth("admin", Some(token))).await, Value::Null);
    app.request(Method::POST, "/auth/logout").bearer_auth(token).send().await.unwrap();
    assert_eq!(got(call().bearer_auth(token)).await, Value::Null, "also when it was signed out");
    let body = json_of(call().header("cookie", cookie).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(body["headers"].get("cookie"), None);
    // What is recorded for one stranger is given to no other; nor does a stranger name anybody's run.
    let keyed = async || {
        let answer =
            call().header("idempotency-key", "k").header("prefer", "respond-async").header("x-call-id", "mine");
        let answer = answer.send().await.unwrap();
        assert_eq!((answer.status(), answer.headers().contains_key("idempotency-replayed")), (StatusCode::OK, false));
        answer.headers()["x-call-id"].to_str().unwrap().to_owned()
    };
    assert_ne!(keyed().await, keyed().await);
    let named = app.get("/v1/runs/mine?function=public").send().await.unwrap();
    assert_eq!(named.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_path_leads_to_its_function_and_never_to_what_is_the_platforms_or_anothers() {
    let app = victim(allowing("*")).await;
    let shop = json!([{ "type": "http", "path": "/shop/*", "auth": "none" }, { "type": "http", "path": "/till" }]);
    let id = running(&app, "shop", shop).await;
    let body = open(&app, "/shop/cart/7").await;
    assert_eq!((&body["path"], &body["headers"]["x-forwarded-prefix"]), (&json!("/cart/7"), &json!("/shop")));
    assert_eq!(open(&app, "/shop").await["path"], "/");
    // Each path by its own trigger: this one wants a token.
    assert_eq!(app.request(Method::GET, "/till").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json_of(app.get("/till").send().await.unwrap(), StatusCode::OK).await["path"], "/");
    assert_eq!(app.get("/till/more").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let answer = app.request(Method::GET, "/shop").send().await.unwrap();
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"), "it shares our origin");
    // What is the platform's is refused when it is built, as is what is another function's.
    for path in ["/graphql", "/v1/*", "/auth/token", "/function/hello", "/sign-in", "/assets/*", "/*", "/", "/a/../v1"]
    {
        let refused = build(&app, "evil", json!([{ "type": "http", "path": path }])).await;
        assert_eq!(refused["state"], "FAILED", "{path}: {refused:#}");
        app.mutate(
            "deregisterFunction",
            "id: $id",
            "function { id }",
            json!({ "id": refused["function"] }),
            "$id: ID!",
        )
        .await;
    }
    for path in ["/shop/*", "/shop", "/shop/admin", "/till/*"] {
        let refused = build(&app, "thief", json!([{ "type": "http", "path": path, "auth": "none" }])).await;
        assert!(refused["error"].as_str().is_some_and(|error| error.contains("is taken")), "{path}: {refused:#}");
        app.mutate(
            "deregisterFunction",
            "id: $id",
            "function { id }",
            json!({ "id": refused["function"] }),
            "$id: ID!",
        )
        .await;
    }
    // The paths are free again with the function.
    app.mutate("deregisterFunction", "id: $id", "function { id }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("nothing is there", async || {
        let answer = app.request(Method::GET, "/shop/cart").send().await.unwrap();
        (answer.status() == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    running(&app, "heir", json!([{ "type": "http", "path": "/shop/*", "auth": "none" }])).await;
    assert_eq!(open(&app, "/shop/x").await["path"], "/x");
}

#[tokio::test]
async fn pages_of_other_origins_call_what_allows_them_and_nothing_else() {
    let app = victim(Options::default()).await;
    let cors = json!({ "origins": ["https://shop.example"], "methods": ["GET", "PUT"], "headers": ["authorization", "x-own"], "max_age_s": 60 });
    running(&app, "page", json!([{ "type": "http", "cors": cors }])).await;
    running(&app, "plain", json!([{ "type": "http" }])).await;
    let asked = |path: &str, origin: &str| {
        let request = app.request(Method::OPTIONS, path).header("origin", origin);
        request.header("access-control-request-method", "PUT").header("access-control-request-headers", "x-own")
    };
    // The browser's question comes without a token.
    let answer = app
        .eventually("the question is answered", async || {
            let answer = asked("/function/page/a", "https://shop.example").send().await.unwrap();
            (answer.status() == StatusCode::NO_CONTENT).then_some(answer)
        })
        .await;
    for (name, value) in [
        ("access-control-allow-origin", "https://shop.example"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "authorization, x-own"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    let stranger = asked("/function/page", "https://evil.example").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    assert!(!stranger.headers().contains_key("access-control-allow-origin"));
    // What allows nobody looks like what is not there.
    for path in ["/function/plain", "/function/nobody", "/v1/functions", "/graphql"] {
        let answer = asked(path, "https://shop.example").send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    // Every answer says who may read it, an error as well.
    for (token, status) in [(Some("dev-token"), StatusCode::OK), (None, StatusCode::UNAUTHORIZED)] {
        let request = app.request(Method::GET, "/function/page").header("origin", "https://shop.example");
        let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
        assert!(answer.headers().get_all("vary").iter().any(|value| value == "Origin"));
    }
    // The session's cookie is no way in for another origin, whatever a trigger allows.
    let credentials = json!({ "username": "admin", "password": "admin" });
    let signed_in = app.request(Method::POST, "/auth/token?cookie=true").json(&credentials).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = app.request(Method::GET, "/function/page").header("origin", "https://shop.example");
    assert_eq!(request.header("cookie", cookie).send().await.unwrap().status(), StatusCode::FORBIDDEN);
}
