//! Names that mean two things below `/function/`, asked for at the same moment and on several servers.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, database, json_of};
use crate::people::{known_key, member, owner};
use crate::victim::victim;

/// How many pairs are registered.
const PAIRS: usize = 24;

/// The error of a registration; nothing where it is done.
async fn errors(app: &TestApp, token: String, namespace: &str, name: &str) -> Vec<Value> {
    let query = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { userErrors { code message field } } }";
    let source = json!({ "git": { "url": "https://example.com/nothing.git" } });
    let input = json!({ "namespace": namespace, "name": name, "source": source });
    let request = app.request(Method::POST, "/graphql").bearer_auth(token);
    let request = request.json(&json!({ "query": query, "variables": { "input": input } }));
    let answer = json_of(request.send().await.unwrap(), StatusCode::OK).await;
    answer["data"]["registerFunction"]["userErrors"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

/// Registers a function: whether it was refused for its name.
async fn register(app: &TestApp, namespace: &str, name: &str) -> bool {
    let errors = errors(app, owner(), namespace, name).await;
    for error in &errors {
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

#[tokio::test]
async fn a_refused_name_does_not_tell_which_namespaces_there_are_and_a_reserved_one_cannot_be_squatted() {
    let options = known_key().env("EVENTFLOW_RESERVED_NAMES", "team-b, team-c");
    let app = victim(Options { without_dev: true, ..options }).await;
    assert_eq!(errors(&app, owner(), "team-a", "shop").await, [] as [Value; 0]);
    // A name that is in use and one that is only kept look the same to those who do not see the namespace.
    let error_of = async |name: &str| {
        let errors = errors(&app, member("default"), "default", name).await;
        Value::from(errors).to_string().replace(name, "NAME")
    };
    let (used, kept) = (error_of("team-a").await, error_of("team-b").await);
    assert!(used.contains("name_reserved"), "{used}");
    assert_eq!(used, kept);
    // Its team may use what was kept for it.
    assert_eq!(errors(&app, member("team-b"), "team-b", "shop").await, [] as [Value; 0]);
    assert_eq!(errors(&app, owner(), "default", "team-a").await[0]["code"], "name_is_a_namespace");
    assert_eq!(errors(&app, owner(), "default", "team-c").await[0]["code"], "name_reserved");
    // The other way round.
    assert_eq!(errors(&app, owner(), "default", "cart").await, [] as [Value; 0]);
    assert_eq!(errors(&app, member("cart"), "cart", "f").await[0]["code"], "name_reserved");
    assert_eq!(errors(&app, owner(), "cart", "f").await[0]["code"], "namespace_is_a_function");
}
