//! What was built or uploaded goes when nothing needs it, and nothing else does.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Options, TestApp, json_of};

/// Lets everything in these folders look as if nothing had needed it for two days; how much there is.
fn long_ago(data: &Path) -> [usize; 2] {
    ["artifacts", "bundles"].map(|inner| {
        let entries: Vec<_> = fs::read_dir(data.join(inner)).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in &entries {
            let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
            File::open(path).unwrap().set_modified(two_days_ago).unwrap();
        }
        entries.len()
    })
}

async fn upload(app: &TestApp, content: &str) -> String {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in [("index.js", content), ("function.json", r#"{ "runtime": "node" }"#)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let bundle = tar.into_inner().unwrap().finish().unwrap();
    let uploaded = app.post("/v1/bundles").body(bundle).send().await.unwrap();
    json_of(uploaded, StatusCode::CREATED).await["digest"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_nothing_needs_goes_and_a_running_function_loses_nothing() {
    let mut app = TestApp::start_with(Options::default().env("EVENTFLOW_KEEP_VERSIONS", "1")).await;
    let code = |answer: &str| format!("exports.handler = () => '{answer}';");
    let used = upload(&app, &code("one")).await;
    let input = json!({ "input": { "name": "kept", "source": { "bundle": { "digest": used } } } });
    let types = "$input: RegisterFunctionInput!";
    let registered = app.mutate("registerFunction", "input: $input", "function { id }", input, types).await;
    let id = registered["function"]["id"].as_str().unwrap().to_owned();
    app.build(&id).await;
    let two = upload(&app, &code("two")).await;
    let second = json!({ "input": { "id": id, "source": { "bundle": { "digest": two } } } });
    app.mutate("updateFunction", "input: $input", "function { id }", second, "$input: UpdateFunctionInput!").await;
    assert_eq!(app.build(&id).await, 2);
    app.start_function(&id).await;
    app.eventually("the second version takes the calls", async || {
        let answer = app.get("/function/kept").bearer_auth("dev-token").send().await.unwrap();
        answer.text().await.unwrap().contains("two").then_some(())
    })
    .await;
    upload(&app, &code("nobody's")).await;

    let data = app.data_dir();
    let [artifacts, bundles] = long_ago(&data);
    // The first version and what it was made of, and the bundle that nothing was made of. The rest is the demo's.
    let expected = [artifacts - 1, bundles - 2];
    app.kill_and_restart().await;
    app.eventually("what nothing needs is gone", async || {
        let count = |inner: &str| fs::read_dir(app.data_dir().join(inner)).unwrap().count();
        ([count("artifacts"), count("bundles")] == expected).then_some(())
    })
    .await;
    let answer = app.get("/function/kept").bearer_auth("dev-token").send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("two"));
    let query = "mutation($id: ID!) { rollbackFunction(id: $id, version: 1) { userErrors { code message } } }";
    let refused = app.graphql(query, json!({ "id": id })).await;
    let error = &refused["rollbackFunction"]["userErrors"][0];
    assert_eq!(error["code"], "version_not_kept", "{refused}");
    assert!(error["message"].as_str().unwrap().contains("EVENTFLOW_KEEP_VERSIONS"), "{refused}");
}

#[tokio::test]
async fn versions_run_from_copies_where_that_is_wanted_and_those_that_run_nothing_go() {
    // Room for nothing: what is in use stays all the same.
    let app = TestApp::start_with(Options::default().env("EVENTFLOW_ARTIFACT_CACHE", "1")).await;
    let where_it_is = "exports.handler = () => require('fs').readFileSync(__filename, 'utf8').length;";
    let id = app.running("copied", &[("index.js", where_it_is)]).await;
    let answer = app.get("/function/copied").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), where_it_is.len().to_string());
    let query = "query($id: ID!) { function(id: $id) { currentVersion { digest } } }";
    let data = app.graphql(query, json!({ "id": id })).await;
    let digest = data["function"]["currentVersion"]["digest"].as_str().unwrap().trim_start_matches("sha256:");
    let copy = app.data_dir().join("copies").join(digest);
    assert!(copy.is_dir());
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("nothing runs from the copy, and it goes", async || (!copy.exists()).then_some(())).await;
    app.start_function(&id).await;
    let answer = app.get("/function/copied").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), where_it_is.len().to_string());
    assert!(copy.is_dir());
}
