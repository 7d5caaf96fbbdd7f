//! What a build gets and its function does not: variables and secrets that `build` of the manifest names.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};

const TOKEN: &str = "npm_0123456789abcdef";

const MANIFEST: &str = r#"{ "runtime": "node", "handler": "index.handler",
    "build": { "env": { "LEVEL": "high" }, "secrets": ["NPM_TOKEN"] } }"#;

/// Prints all that it was given, and leaves what it got in a file.
const BUILD: &str = "const { readFileSync, writeFileSync } = require('node:fs');\n\
    console.log('level', process.env.LEVEL, 'token', process.env.NPM_TOKEN);\n\
    console.log(readFileSync(process.env.NPM_CONFIG_USERCONFIG, 'utf8').trim());\n\
    writeFileSync('made.json', JSON.stringify({ characters: process.env.NPM_TOKEN.length, file: process.env.NPM_CONFIG_USERCONFIG }));";

const HANDLER: &str = "const made = require('./made.json');\n\
    exports.handler = async () => ({ characters: made.characters, there: require('node:fs').existsSync(made.file),\n  \
    now: [process.env.NPM_TOKEN ?? null, process.env.LEVEL ?? null] });";

fn log_of(build: &Value) -> String {
    let lines = build["log"].as_array().into_iter().flatten().filter_map(|line| line["text"].as_str());
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_builds_secrets_are_there_for_its_commands_and_nowhere_else() {
    let app = TestApp::start_with(Options::default()).await;
    let files = [
        ("function.json", MANIFEST),
        ("package.json", r#"{ "private": true, "scripts": { "build": "node build.js" } }"#),
        ("build.js", BUILD),
        ("index.js", HANDLER),
    ];
    let repository = app.repository("given", &files).await;
    let id = app.register_git("given", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap_or_default();
    assert!(error.contains("`secrets` of `build`") && error.contains("`NPM_TOKEN`"), "{build:#}");

    let arguments = "namespace: \"default\", name: \"NPM_TOKEN\", value: $value";
    app.mutate("setSecret", arguments, "secret { name }", json!({ "value": TOKEN }), "$value: String!").await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(log.contains("level high token ***") && log.contains("_authToken=${NPM_TOKEN}"), "{log}");
    assert!(!log.contains(TOKEN), "{log}");
    app.start_function(&id).await;
    let answer = json_of(app.call("given").await, StatusCode::OK).await;
    assert_eq!(answer, json!({ "characters": TOKEN.len(), "there": false, "now": [null, null] }));

    app.commit(&repository, &[("build.js", "require('fs').writeFileSync('made.json', process.env.NPM_TOKEN)")]).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap_or_default();
    assert!(error.contains("left the secret `NPM_TOKEN` in made.json") && !error.contains(TOKEN), "{build:#}");
}
