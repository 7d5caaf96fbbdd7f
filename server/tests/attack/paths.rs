//! Paths of functions: whoever was first to claim one keeps it until it gives it up, and nobody slows down the look-up.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, database};
use crate::victim::victim;

/// Functions that claim one path at once.
const AT_ONCE: usize = 4;

fn code(says: &str) -> String {
    format!("exports.handler = async () => '{says}';")
}

fn manifest(paths: &[&str]) -> String {
    let paths = paths.iter().map(|path| json!({ "type": "http", "path": path, "auth": "none" }));
    let triggers: Vec<Value> = [json!({ "type": "http" })].into_iter().chain(paths).collect();
    json!({ "runtime": "node", "triggers": triggers }).to_string()
}

/// A function with a version for each list of paths, the newest of which is the current one; its id.
async fn built(app: &TestApp, name: &str, versions: &[&[&str]]) -> String {
    let (code, first) = (code(name), manifest(versions[0]));
    let repository = app.repository(name, &[("index.js", &code), ("function.json", &first)]).await;
    let id = app.register_git(name, &repository, None).await;
    app.build(&id).await;
    for paths in &versions[1..] {
        app.commit(&repository, &[("function.json", &manifest(paths))]).await;
        app.build(&id).await;
    }
    id
}

/// The code of the refusal of a mutation that takes a function's id, if there is one.
async fn refusal(app: &TestApp, field: &str, id: &str, version: Option<u32>) -> Option<String> {
    let version = version.map(|version| format!(", version: {version}")).unwrap_or_default();
    let query = format!("mutation($id: ID!) {{ {field}(id: $id{version}) {{ userErrors {{ code message }} }} }}");
    let answer = app.graphql(&query, json!({ "id": id })).await;
    answer[field]["userErrors"][0]["code"].as_str().map(str::to_owned)
}

/// What a stranger gets at a path; `None` when it is no answer of a function.
async fn stranger(app: &TestApp, path: &str) -> Option<String> {
    let answer = app.request(Method::GET, path).send().await.unwrap();
    match answer.status() {
        StatusCode::OK => Some(answer.text().await.unwrap().trim_matches('"').to_owned()),
        _ => None,
    }
}

async fn is_answered_by(app: &TestApp, path: &str, name: &str) {
    let what = format!("{path} is answered by {name}");
    app.eventually(&what, async || stranger(app, path).await.filter(|answer| answer == name)).await;
}

fn allowing_all() -> Options {
    Options::default().env("EVENTFLOW_PUBLIC_FUNCTIONS", "*")
}

#[tokio::test]
async fn a_path_that_was_given_up_does_not_come_back_by_a_rollback() {
    let app = victim(allowing_all()).await;
    let thief = built(&app, "thief", &[&["/pay/*"], &[]]).await;
    let shop = built(&app, "shop", &[&["/pay/*"]]).await;
    for id in [&thief, &shop] {
        app.start_function(id).await;
    }
    is_answered_by(&app, "/pay/x", "shop").await;
    assert_eq!(refusal(&app, "rollbackFunction", &thief, Some(1)).await.as_deref(), Some("path_taken"));
    // Its owner builds on: one more path, with which the first one does not become younger.
    let repository = app.folder().join("repositories/shop");
    app.commit(&repository, &[("function.json", &manifest(&["/pay/*", "/payments"]))]).await;
    app.build(&shop).await;
    is_answered_by(&app, "/payments", "shop").await;
    // While it does not run, the path is still nobody else's.
    assert_eq!(refusal(&app, "stopFunction", &shop, None).await, None);
    assert_eq!(refusal(&app, "rollbackFunction", &thief, Some(1)).await.as_deref(), Some("path_taken"));
    app.eventually("nobody answers", async || stranger(&app, "/pay/x").await.is_none().then_some(())).await;
    app.start_function(&shop).await;
    // Both of its versions have the path.
    assert_eq!(refusal(&app, "rollbackFunction", &shop, Some(1)).await, None);
    is_answered_by(&app, "/pay/x", "shop").await;
    // What it gives up is free.
    app.mutate("deregisterFunction", "id: $id", "function { id }", json!({ "id": shop }), "$id: ID!").await;
    assert_eq!(refusal(&app, "rollbackFunction", &thief, Some(1)).await, None);
    is_answered_by(&app, "/pay/x", "thief").await;
}

#[tokio::test]
async fn of_many_that_claim_a_path_at_once_one_has_it() {
    let app = victim(allowing_all()).await;
    let mut ids = Vec::new();
    for number in 0..AT_ONCE {
        // Each had the path, and gave it up.
        ids.push(built(&app, &format!("f{number}"), &[&["/one/*"], &[]]).await);
    }
    let back = ids.iter().map(|id| refusal(&app, "rollbackFunction", id, Some(1)));
    let answers = futures::future::join_all(back).await;
    let let_through = answers.iter().filter(|answer| answer.is_none()).count();
    assert_eq!(let_through, 1, "{answers:?}");
    let refused = answers.iter().filter(|answer| answer.as_deref() == Some("path_taken")).count();
    assert_eq!(refused, AT_ONCE - 1, "{answers:?}");
}

#[tokio::test]
async fn of_many_that_claim_a_path_at_once_on_two_servers_one_has_it() {
    let url = database().await;
    let options = || allowing_all().env("DATABASE_URL", url.clone());
    let (one, other) = tokio::join!(TestApp::start_with(options()), TestApp::start_with(options()));
    let mut ids = Vec::new();
    for number in 0..AT_ONCE {
        ids.push(built(&one, &format!("f{number}"), &[&["/one/*"], &[]]).await);
    }
    let back = ids.iter().enumerate().map(|(number, id)| {
        let app = if number % 2 == 0 { &one } else { &other };
        refusal(app, "rollbackFunction", id, Some(1))
    });
    let answers = futures::future::join_all(back).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 1, "{answers:?}");
    let refused = answers.iter().filter(|answer| answer.as_deref() == Some("path_taken")).count();
    assert_eq!(refused, AT_ONCE - 1, "{answers:?}");
}

#[tokio::test]
async fn a_namespace_has_no_more_paths_than_it_may_and_others_have_theirs_at_once() {
    let app = victim(allowing_all()).await;
    let paths: Vec<_> = (0..1_000).map(|number| format!("/zz/{number}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    // A function has 50 triggers at most, one of which is without a path here.
    let names: Vec<_> = (0..21).map(|number| format!("many-{number}")).collect();
    let chunks: Vec<_> = paths.chunks(49).map(|paths| [paths]).collect();
    let made = names.iter().zip(&chunks).map(|(name, versions)| built(&app, name, versions));
    let ids = futures::future::join_all(made).await;
    app.start_function(&ids[20]).await;
    let repository =
        app.repository("over", &[("index.js", &code("over")), ("function.json", &manifest(&["/z"]))]).await;
    let over = app.register_git("over", &repository, None).await;
    let build = app.try_build(&over).await;
    assert!(build["error"].as_str().is_some_and(|error| error.contains("at most 1000 paths")), "{build:#}");
    is_answered_by(&app, "/zz/999", "many-20").await;
}
