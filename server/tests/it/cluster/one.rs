//! Several servers are one system: one password, one set of keys, one answer to what is wrong.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::app::{Options, TestApp, database, json_of};

async fn reasons(app: &TestApp) -> Vec<String> {
    let answer = json_of(app.get("/readyz").send().await.unwrap(), StatusCode::OK).await;
    let reasons = answer["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|reason| reason.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn servers_whose_keys_and_folders_differ_say_so_and_all_say_the_same() {
    let options = Options::default().env("DATABASE_URL", database().await);
    let first = TestApp::start_with(options.clone()).await;
    assert_eq!(reasons(&first).await, Vec::<String>::new());
    let mut second = TestApp::start_with(options.clone()).await;
    assert!(second.output.contains("WARNING") && second.output.contains("JWT_SECRET"), "{}", second.output);
    // Each server says beside that which artifacts it misses itself.
    let common = async |app: &TestApp| {
        let all = reasons(app).await.into_iter();
        all.filter(|reason| reason.starts_with("the servers on this database")).collect::<Vec<_>>()
    };
    let reported = common(&second).await;
    for name in ["JWT_SECRET", "EVENTFLOW_SECRET_KEY", "EVENTFLOW_ARTIFACTS"] {
        assert!(reported.iter().any(|reason| reason.contains(name)), "{name}: {reported:?}");
    }
    assert_eq!(common(&first).await, reported);
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
    let password = first.output.split("with the password ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let second = TestApp::start_with(options).await;
    assert!(!second.output.contains("with the password"), "{}", second.output);
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
    assert!(app.output.contains("sealed under another key"), "{}", app.output);
    let reported = reasons(&app).await;
    // The secret, and the key of the log's seals.
    let each = reported.iter().all(|reason| reason.contains("EVENTFLOW_SECRET_KEY") && !reason.contains("hunter2"));
    assert!(reported.len() == 2 && each, "{reported:?}");
    let shown: Value = app.graphql("{ functions { totalCount } }", json!({})).await;
    assert_ne!(shown["functions"]["totalCount"], 0, "everything else goes on");
}

#[tokio::test]
async fn builds_are_left_to_an_older_server_as_long_as_it_runs() {
    let app = TestApp::on_postgres().await;
    let demo = app
        .eventually("the demo runs", async || {
            let found = app.graphql("{ functions { nodes { id state } } }", json!({})).await;
            let running = found["functions"]["nodes"].as_array()?.iter().find(|node| node["state"] == "RUNNING")?;
            running["id"].as_str().map(str::to_owned)
        })
        .await;
    let mut connection = sqlx::PgConnection::connect(&app.setting("DATABASE_URL")).await.unwrap();
    // As if the demo had been built by the older server, which is alive and says what it understands: seals.
    let older = "DELETE FROM installation WHERE name = 'oldest_reader';
        INSERT INTO leases (name, holder, epoch, until) VALUES ('node-old', 'old', 1, 9000000000000000000),
        ('keys:old', '{\"session_key\":\"\",\"secret_key\":\"\",\"artifacts\":\"\",\"format\":1}', 1, 9000000000000000000)";
    sqlx::raw_sql(older).execute(&mut connection).await.unwrap();
    let handler = ("index.js", "exports.handler = async () => 1;");
    let repository = app.repository("waits", &[handler]).await;
    let id = app.register_git("waits", &repository, None).await;
    app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    let state = async || {
        let query = "query($id: ID!) { function(id: $id) { builds { nodes { state } } } }";
        app.graphql(query, json!({ "id": id })).await["function"]["builds"]["nodes"][0]["state"].take()
    };
    // An event that was accepted after it has led to its run, and that has ended: the build would have begun long ago.
    assert_eq!(app.publish("demo.thing", "1", json!({})).await.status(), StatusCode::ACCEPTED);
    app.run_where(&demo, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(state().await, "QUEUED");

    let ended = chrono::Utc::now();
    sqlx::raw_sql("DELETE FROM leases WHERE name IN ('node-old', 'keys:old')").execute(&mut connection).await.unwrap();
    app.eventually("it is built", async || (state().await == "SUCCEEDED").then_some(())).await;
    let built = app.history(&format!("function-{id}")).await;
    let (_, started) = built.iter().find(|(kind, _)| kind == "BuildStarted").unwrap();
    assert!(started["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap() > ended);
    let (_, succeeded) = built.iter().find(|(kind, _)| kind == "BuildSucceeded").unwrap();
    assert_eq!((&succeeded["v"], &succeeded["made"]["type"]), (&json!(2), &json!("artifact")));
    let (oldest,): (String,) = sqlx::query_as("SELECT value FROM installation WHERE name = 'oldest_reader'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(oldest, "2");
}
