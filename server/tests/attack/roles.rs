//! Roles: what somebody may in a namespace is what the log says now, whatever their token says, on connections that are open
//! as well.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, PATIENCE, TestApp, json_of};
use crate::listeners::{bundle, registered};
use crate::people::{Socket, known_key, of};
use crate::victim::victim;

const ADA: &str = "user:ada";

/// Gives Ada a role in the namespace, or takes it.
async fn set(app: &TestApp, token: &str, role: Option<&str>) -> Value {
    let query = "mutation($role: Role) { setMember(namespace: \"team\", subject: \"user:ada\", role: $role) { \
                 member { role } userErrors { code } } }";
    ask(app, token, query, json!({ "role": role })).await["setMember"].take()
}

async fn ask(app: &TestApp, token: &str, query: &str, variables: Value) -> Value {
    let request = app.request(Method::POST, "/graphql").bearer_auth(token);
    let answer = request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
    let mut answer = json_of(answer, StatusCode::OK).await;
    assert!(answer["data"].is_object(), "{answer}");
    answer["data"].take()
}

/// The code of the only refusal of a mutation; `null` when it was done.
async fn refused(app: &TestApp, mutation: &str) -> Value {
    let query = format!("mutation {{ m: {mutation} {{ userErrors {{ code }} }} }}");
    let answer = ask(app, &of(ADA), &query, Value::Null).await;
    answer["m"]["userErrors"][0]["code"].clone()
}

#[tokio::test]
async fn what_somebody_may_is_what_the_log_says_whatever_the_token_says() {
    let app = victim(known_key()).await;
    let digest = bundle(&app).await;
    let id = registered(&app, "team", "job", &digest, &["/bin/true"]).await;
    let forbidden = Value::from("forbidden");
    let (call, stop, register, erase, member) = (
        format!("invokeFunction(id: \"{id}\")"),
        format!("stopFunction(id: \"{id}\")"),
        format!(
            "registerFunction(input: {{ namespace: \"team\", name: \"mine\", source: {{ bundle: {{ digest: {digest} }} }} }})"
        ),
        "eraseRun(id: \"RUN\")".to_owned(),
        "setMember(namespace: \"team\", subject: \"user:eve\", role: VIEWER)".to_owned(),
    );
    // A token of the server's own making, for somebody who belongs nowhere.
    let seen = ask(&app, &of(ADA), "{ functions { totalCount } namespaces { name } }", Value::Null).await;
    assert_eq!(seen, json!({ "functions": { "totalCount": 0 }, "namespaces": [] }));
    assert_eq!(refused(&app, &call).await, "function_not_found");
    let called = app.request(Method::POST, "/function/team/job").bearer_auth(of(ADA)).send().await.unwrap();
    assert_eq!(called.status(), StatusCode::NOT_FOUND);

    // One role after the other: each may do what the one before it may, and one thing more.
    set(&app, "dev-token", Some("VIEWER")).await;
    let seen = ask(&app, &of(ADA), "{ functions { totalCount } namespaces { name } }", Value::Null).await;
    assert_eq!(seen, json!({ "functions": { "totalCount": 1 }, "namespaces": [{ "name": "team" }] }));
    assert_eq!(refused(&app, &call).await, forbidden);
    let called = app.request(Method::POST, "/function/team/job").bearer_auth(of(ADA)).send().await.unwrap();
    let message = json_of(called, StatusCode::FORBIDDEN).await["error"]["message"].to_string();
    assert!(message.contains("you need the role operator; yours is viewer"), "{message}");

    set(&app, "dev-token", Some("OPERATOR")).await;
    assert_eq!(refused(&app, &call).await, Value::Null);
    assert_eq!(refused(&app, &register).await, forbidden);
    set(&app, "dev-token", Some("DEVELOPER")).await;
    assert_eq!(refused(&app, &register).await, Value::Null);
    let runs = ask(&app, &of(ADA), "{ runs(first: 1) { nodes { id } } }", Value::Null).await;
    let run = runs["runs"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    let erase = erase.replace("RUN", &run);
    assert_eq!(refused(&app, &erase).await, forbidden);
    assert_eq!(refused(&app, &member).await, forbidden);
    set(&app, "dev-token", Some("OWNER")).await;
    assert_eq!(refused(&app, &erase).await, Value::Null);
    assert_eq!(refused(&app, &member).await, Value::Null);
    let members = ask(&app, &of(ADA), "{ members(namespace: \"team\") { subject role } }", Value::Null).await;
    let expected = json!([{ "subject": ADA, "role": "OWNER" }, { "subject": "user:eve", "role": "VIEWER" }]);
    assert_eq!(members["members"], expected);
    // Nobody locks a namespace by leaving it last.
    assert_eq!(set(&app, &of(ADA), None).await["userErrors"][0]["code"], "last_owner");
    // And nothing of it holds elsewhere.
    let elsewhere = "setMember(namespace: \"default\", subject: \"user:ada\", role: OWNER)";
    assert_eq!(refused(&app, elsewhere).await, forbidden);
    assert_eq!(refused(&app, &stop).await, Value::Null);
}

#[tokio::test]
async fn a_role_that_is_taken_is_gone_on_open_connections_and_other_servers() {
    let mut app = victim(known_key()).await;
    let digest = bundle(&app).await;
    set(&app, "dev-token", Some("OPERATOR")).await;
    let mut socket = Socket::open(&app, &of(ADA)).await;
    socket.subscribe("1", "subscription { functionChanged { function { name } } }").await;
    socket.subscribe("2", "subscription { history { type } }").await;
    let mut both = Vec::new();
    registered(&app, "team", "first", &digest, &["/bin/true"]).await;
    while both.len() < 2 {
        let message = socket.message().await.unwrap();
        assert_eq!(message["type"], "next", "{message}");
        let id = message["id"].as_str().unwrap().to_owned();
        if !both.contains(&id) {
            both.push(id);
        }
    }
    assert_eq!(set(&app, "dev-token", None).await["userErrors"], json!([]));
    let second = registered(&app, "team", "second", &digest, &["/bin/true"]).await;
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": second }), "$id: ID!").await;
    // A question on the same socket is answered after what came before it.
    socket.subscribe("3", "{ functions { totalCount } }").await;
    loop {
        let message = socket.message().await.unwrap();
        assert!(!message.to_string().contains("second"), "{message}");
        if message["id"] == "3" {
            assert_eq!(message["payload"]["data"]["functions"]["totalCount"], 0, "{message}");
            break;
        }
    }
    app.kill_and_restart().await;
    assert_eq!(
        ask(&app, &of(ADA), "{ functions { totalCount } }", Value::Null).await["functions"]["totalCount"],
        0,
        "after a restart"
    );
}

#[tokio::test]
async fn lines_that_are_followed_end_with_the_role() {
    let app = victim(known_key()).await;
    let digest = bundle(&app).await;
    let id = registered(&app, "team", "writer", &digest, &["/bin/echo", "a line of the team"]).await;
    set(&app, "dev-token", Some("VIEWER")).await;
    let mut socket = Socket::open(&app, &of(ADA)).await;
    socket.subscribe("lines", &format!("subscription {{ logs(function: \"{id}\", after: 0) {{ text }} }}")).await;
    let events = app.request(Method::GET, "/v1/functions/writer/logs?namespace=team").bearer_auth(of(ADA));
    let mut events = events.header("accept", "text/event-stream").send().await.unwrap();
    let invoke = format!("mutation {{ invokeFunction(id: \"{id}\", wait: true) {{ userErrors {{ code }} }} }}");

    ask(&app, "dev-token", &invoke, Value::Null).await;
    assert_eq!(socket.message().await.unwrap()["payload"]["data"]["logs"]["text"], "a line of the team");
    let first = events.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("a line of the team"), "{first:?}");

    assert_eq!(set(&app, "dev-token", None).await["userErrors"], json!([]));
    ask(&app, "dev-token", &invoke, Value::Null).await;
    let last = socket.message().await.unwrap();
    assert_eq!((&last["type"], &last["id"]), (&json!("complete"), &json!("lines")), "{last}");
    while let Some(rest) = events.chunk().await.unwrap() {
        assert!(!String::from_utf8_lossy(&rest).contains("a line of the team"), "{rest:?}");
    }
}

#[tokio::test]
async fn an_answer_that_a_function_streams_ends_with_the_role() {
    let app = victim(known_key()).await;
    let code = "require('node:http').createServer((_, answer) => { answer.write('x'); setInterval(() => answer.write('x'), 50); }).listen(process.env.PORT);";
    let manifest = json!({ "runtime": "command", "command": ["node", "server.js"], "resources": { "timeout_s": 300 } });
    app.running("endless", &[("server.js", code), ("function.json", &manifest.to_string())]).await;
    let role = async |role: Value| {
        let query = "mutation($role: Role) { setMember(namespace: \"default\", subject: \"user:ada\", role: $role) { userErrors { code } } }";
        let answer = ask(&app, "dev-token", query, json!({ "role": role })).await;
        assert_eq!(answer["setMember"]["userErrors"], json!([]));
    };
    role("OPERATOR".into()).await;
    let mut answer = app.request(Method::GET, "/function/endless").bearer_auth(of(ADA)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.chunk().await.unwrap().is_some());
    // Less than what a call needs ends it, as if the role were removed.
    role("VIEWER".into()).await;
    let broken = async { while let Ok(Some(_)) = answer.chunk().await {} };
    tokio::time::timeout(PATIENCE, broken).await.expect("it is cut off");
}

#[tokio::test]
async fn subjects_and_their_number_have_limits() {
    let app = victim(Options::default()).await;
    let code = async |subject: &str| {
        let query = "mutation($subject: String!) { setMember(namespace: \"team\", subject: $subject, role: VIEWER) { userErrors { code } } }";
        let answer = ask(&app, "dev-token", query, json!({ "subject": subject })).await;
        answer["setMember"]["userErrors"][0]["code"].clone()
    };
    assert_eq!(code("ada").await, "bad_subject");
    assert_eq!(code(&format!("user:{}", "x".repeat(1000))).await, "bad_subject");
    assert_eq!(code("user:ada").await, Value::Null);
}
