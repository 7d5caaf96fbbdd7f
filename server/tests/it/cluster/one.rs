//! Several servers are one system: one password, one set of keys, one answer to what is wrong.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, database, json_of};

async fn reasons(app: &TestApp) -> Vec<String> {
    let said = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    let reasons = said["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|reason| reason.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn servers_whose_keys_and_folders_differ_say_so_and_all_say_the_same() {
    let options = Options::default().env("DATABASE_URL", database().await);
    let first = TestApp::start_with(options.clone()).await;
    assert_eq!(reasons(&first).await, Vec::<String>::new());
    let mut second = TestApp::start_with(options.clone()).await;
    assert!(second.said.contains("WARNING") && second.said.contains("JWT_SECRET"), "{}", second.said);
    // Each server says beside that which artifacts it misses itself.
    let common = async |app: &TestApp| {
        let all = reasons(app).await.into_iter();
        all.filter(|reason| reason.starts_with("the servers on this database")).collect::<Vec<_>>()
    };
    let told = common(&second).await;
    for name in ["JWT_SECRET", "EVENTFLOW_SECRET_KEY", "EVENTFLOW_ARTIFACTS"] {
        assert!(told.iter().any(|reason| reason.contains(name)), "{name}: {told:?}");
    }
    assert_eq!(common(&first).await, told);
    let stranger = first.request(Method::GET, "/readyz").send().await.unwrap().text().await.unwrap();
    assert!(stranger.contains("degraded") && !stranger.contains("JWT_SECRET"), "{stranger}");
    // One that is gone is not compared with.
    second.terminate().await;
    first.eventually("the other one is gone", async || reasons(&first).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn all_servers_on_a_database_have_one_password() {
    let options = Options { without_dev: true, ..Options::default() }
        .env("DATABASE_URL", database().await)
        .env("JWT_SECRET", "of-all-servers-on-this-database-together");
    let first = TestApp::start_with(options.clone()).await;
    let password = first.said.split("with the password ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let second = TestApp::start_with(options).await;
    assert!(!second.said.contains("with the password"), "{}", second.said);
    for app in [&first, &second] {
        let signed =
            app.request(Method::POST, "/auth/token").json(&json!({ "username": "admin", "password": password }));
        let token = json_of(signed.send().await.unwrap(), StatusCode::OK).await["token"].take();
        // And what one has signed the other one knows.
        for other in [&first, &second] {
            let asked = other.request(Method::GET, "/v1/functions").bearer_auth(token.as_str().unwrap());
            assert_eq!(asked.send().await.unwrap().status(), StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn secrets_that_another_key_has_sealed_are_told_at_the_start_and_by_readiness() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_SECRET_KEY", "ab".repeat(32))).await;
    let variables = json!({ "namespace": "default", "name": "API_KEY", "value": "hunter2" });
    let types = "$namespace: String!, $name: String!, $value: String!";
    app.mutate("setSecret", "namespace: $namespace, name: $name, value: $value", "secret { name }", variables, types)
        .await;
    assert_eq!(reasons(&app).await, Vec::<String>::new());
    app.terminate().await;
    app.set_env("EVENTFLOW_SECRET_KEY", "cd".repeat(32));
    app.restart().await;
    assert!(app.said.contains("sealed under another key"), "{}", app.said);
    let told = reasons(&app).await;
    // The secret, and the key of the log's seals.
    let each = told.iter().all(|reason| reason.contains("EVENTFLOW_SECRET_KEY") && !reason.contains("hunter2"));
    assert!(told.len() == 2 && each, "{told:?}");
    let shown: Value = app.graphql("{ functions { totalCount } }", json!({})).await;
    assert_ne!(shown["functions"]["totalCount"], 0, "everything else goes on");
}
