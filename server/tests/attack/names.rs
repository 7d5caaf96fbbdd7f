//! Names that mean two things below `/function/`, asked for at the same moment and on several servers.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{Options, TestApp, database, json_of};
use crate::people::{known_key, owner};

/// How many pairs are registered.
const PAIRS: usize = 24;

/// Registers a function: whether it was refused for its name.
async fn register(app: &TestApp, namespace: &str, name: &str) -> bool {
    let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { userErrors { code } } }";
    let source = json!({ "git": { "url": "https://example.com/nothing.git" } });
    let input = json!({ "namespace": namespace, "name": name, "source": source });
    let request = app.request(Method::POST, "/graphql").bearer_auth(owner());
    let request = request.json(&json!({ "query": query, "variables": { "input": input } }));
    let answer = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    let errors = answer["data"]["registerFunction"]["userErrors"].as_array().unwrap();
    for error in errors {
        assert!(
            ["name_is_a_namespace", "namespace_is_a_function"].iter().any(|code| error["code"] == *code),
            "{error}"
        );
    }
    !errors.is_empty()
}

#[tokio::test]
async fn two_registrations_at_one_moment_never_make_an_ambiguous_name() {
    let url = database().await;
    let options = || Options { without_dev: true, ..known_key().env("DATABASE_URL", url.clone()) };
    let (one, other) = tokio::join!(TestApp::start_with(options()), TestApp::start_with(options()));
    let pairs = (0..PAIRS).map(|number| {
        let (one, other, name) = (&one, &other, format!("n{number}"));
        // Every other pair comes to one server.
        let other = if number % 2 == 0 { other } else { one };
        async move { tokio::join!(register(one, "default", &name), register(other, &name, "f")) }
    });
    for (number, refused) in join_all(pairs).await.into_iter().enumerate() {
        assert!(refused.0 || refused.1, "n{number} is a function and a namespace");
    }
    let query = "{ functions(first: 100) { nodes { namespace name } totalCount } }";
    let request = one.request(Method::POST, "/graphql").bearer_auth(owner()).json(&json!({ "query": query }));
    let found = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    let functions = found["data"]["functions"]["nodes"].as_array().unwrap();
    let is_there = |namespace: &str, name: &str| {
        functions.iter().any(|function| function["namespace"] == namespace && function["name"] == name)
    };
    for number in 0..PAIRS {
        let name = format!("n{number}");
        assert!(is_there("default", &name) != is_there(&name, "f"), "{name}: one of the two is there");
    }
}
