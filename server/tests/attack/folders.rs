//! Folders that are nested deeper than any stack or path goes: by a function, and by a build.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::{Options, TestApp};
use crate::victim::{is_unprivileged, victim};

/// Deep enough to overflow the stack of a recursive removal, and longer as a path than the system takes.
const DEPTH: u32 = 20_000;

/// Just the latter, for folders that are on a disk: many disks take a minute to remove more.
const DEPTH_ON_DISK: u32 = 2500;

/// Nests as many folders as it may in its own folder, and in `/tmp`.
fn nesting() -> String {
    format!(
        "import os\n\ndef handler(event, context):\n    made = 0\n    for folder in ['/run/eventflow', '/tmp']:\n        \
         os.chdir(folder)\n        try:\n            for _ in range({DEPTH}):\n                os.mkdir('d')\n                \
         os.chdir('d')\n                made += 1\n        except OSError:\n            pass\n    return made\n"
    )
}

/// Folders of instances or builds in the data folder.
fn folders(app: &TestApp, of: &str) -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let of_servers = below(&app.data_dir().join(of)).into_iter().flat_map(|server| below(&server));
    of_servers.filter(|path| path.is_dir()).collect()
}

/// Whether an instance's folder with nested ones is there.
fn is_nested(app: &TestApp) -> bool {
    folders(app, "run").into_iter().any(|folder| folder.join("own/d").exists())
}

/// Calls the function, which a server that only watches its folder may end.
async fn nest(app: &TestApp) {
    let answer = app.call("nest").await;
    let nested = answer.status() == 200 && answer.text().await.unwrap().parse::<u32>().unwrap() > DEPTH;
    assert!(nested || app.output.contains("looked at once a second"));
}

#[tokio::test]
async fn a_function_that_nests_folders_is_removed_and_the_server_lives() {
    let mut app = victim(Options::default()).await;
    let id = app.running("nest", &[("main.py", &nesting()), ("function.json", r#"{"runtime": "python"}"#)]).await;
    nest(&app).await;
    app.mutate("stopFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("the folder is gone", async || (!is_nested(&app)).then_some(())).await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);

    app.start_function(&id).await;
    nest(&app).await;
    app.kill_and_restart().await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    app.eventually("one server's folder is there", async || {
        (std::fs::read_dir(app.data_dir().join("run")).unwrap().count() == 1).then_some(())
    })
    .await;
    assert!(app.terminate().await.success());
}

/// A build script that nests folders in the function's own.
fn deep_build(depth: u32, then: &str) -> Vec<(&'static str, String)> {
    let script = format!("for (let i = 0; i < {depth}; i++) {{ fs.mkdirSync('d'); process.chdir('d'); }} {then}");
    vec![
        ("index.js", "exports.handler = async () => 1;".to_owned()),
        ("nest.js", format!("const fs = require('fs');\n{script}")),
        ("package.json", json!({ "scripts": { "build": "node nest.js" } }).to_string()),
    ]
}

async fn register(app: &TestApp, name: &str, files: &[(&str, String)]) -> String {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let repository = app.repository(name, &files).await;
    app.register_git(name, &repository, None).await
}

#[tokio::test]
async fn a_build_that_nests_folders_fails_with_a_sentence_and_leaves_nothing() {
    // A disk that goes with the server, which is in memory.
    let disk = (!is_unprivileged()).then(|| "size=1g,nr_inodes=200000".to_owned());
    let app = victim(Options { disk, ..Options::default() }).await;
    let id = register(&app, "deep", &deep_build(if is_unprivileged() { DEPTH_ON_DISK } else { DEPTH }, "")).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED");
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("nested more than") && error.contains("deep"), "{error}");
    app.eventually("the build's folder is gone", async || folders(&app, "builds").is_empty().then_some(())).await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_server_that_is_killed_beside_a_nested_build_starts_again_and_removes_it() {
    let mut app = victim(Options::default()).await;
    let id = register(&app, "deep", &deep_build(DEPTH_ON_DISK, "setTimeout(() => {}, 1e6);")).await;
    let begin = async || app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    let newest = async |app: &TestApp| {
        let query = "query($id: ID!) { function(id: $id) { builds(first: 1) { nodes { state error } } } }";
        app.graphql(query, json!({ "id": id })).await["function"]["builds"]["nodes"][0].take()
    };
    begin().await;
    let inner = "/d".repeat(1500);
    let build = app
        .eventually("the folders are there", async || {
            let found = folders(&app, "builds")
                .into_iter()
                .find(|build| Path::new(&format!("{}/source{inner}", build.display())).exists());
            // What watches the folder was quicker than this test: once more.
            if found.is_none() && newest(&app).await["state"] == "FAILED" {
                begin().await;
            }
            found
        })
        .await;
    let before = build.parent().unwrap().file_name().unwrap().to_owned();
    app.kill_and_restart().await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    let builds = app.data_dir().join("builds");
    app.eventually("the folder of the killed server is gone", async || (!builds.join(&before).exists()).then_some(()))
        .await;
    // The build was taken up again, and what watches its folder ends it.
    app.eventually("the build has failed", async || {
        let build = newest(&app).await;
        (build["state"] == "FAILED" && build["error"].as_str()?.contains("nested more than")).then_some(())
    })
    .await;
    assert!(app.terminate().await.success());
}
