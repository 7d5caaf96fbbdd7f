//! Functions that come as files and become images, on a real engine: what `scripts/with-docker` starts. Their packages come with
//! them, so that no registry is needed.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::executor::docker::{NODE, docker, host, registry};

const PYTHON: &str = "eventflow-test/python:1";

/// Installing takes a while on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(180);

const NODE_MANIFEST: &str = r#"{ "runtime": "node", "handler": "index.handler", "secrets": ["WORD"] }"#;

const NODE_HANDLER: &str = "const greet = require('greet');\n\
    exports.handler = async (event) => { console.log('called'); return { says: greet(event.http.query.name), word: process.env.WORD, \
    user: process.getuid(), here: __dirname }; };";

const PACKAGE: &str = r#"{ "name": "f", "version": "1.0.0", "dependencies": { "greet": "file:greet" } }"#;

const LOCK: &str = r#"{ "name": "f", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
    "": { "name": "f", "version": "1.0.0", "dependencies": { "greet": "file:greet" } },
    "greet": { "version": "1.0.0" },
    "node_modules/greet": { "resolved": "greet", "link": true } } }"#;

const DEPENDENCY: [(&str, &str); 2] = [
    ("greet/package.json", r#"{ "name": "greet", "version": "1.0.0" }"#),
    ("greet/index.js", "module.exports = (name) => `hello ${name}`;"),
];

fn on_images(options: Options) -> Options {
    options.env("EVENTFLOW_IMAGE_NODE", NODE).env("EVENTFLOW_IMAGE_PYTHON", PYTHON)
}

async fn with_images(options: Options) -> TestApp {
    TestApp::start_with(on_images(options).env("DOCKER_HOST", host()).env("EVENTFLOW_BUILD", "image")).await
}

fn log_of(build: &Value) -> String {
    let lines = build["log"].as_array().into_iter().flatten().filter_map(|line| line["text"].as_str());
    lines.map(|line| format!("{line}\n")).collect()
}

async fn set_secret(app: &TestApp, name: &str, value: &str) {
    let types = "$name: String!, $value: String!";
    let arguments = "namespace: \"default\", name: $name, value: $value";
    app.mutate("setSecret", arguments, "secret { name }", json!({ "name": name, "value": value }), types).await;
}

async fn built(app: &TestApp, id: &str) -> Value {
    let build = app.try_build_within(PATIENCE, id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    build
}

/// The digest of a function's newest version.
async fn digest(app: &TestApp, id: &str) -> String {
    let query = "query($id: ID!) { function(id: $id) { versions { nodes { number digest } } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    let nodes = found["function"]["versions"]["nodes"].as_array().unwrap();
    let newest = nodes.iter().max_by_key(|node| node["number"].as_u64()).unwrap();
    newest["digest"].as_str().unwrap().to_owned()
}

async fn refusal(app: &TestApp, name: &str, files: &[(&str, &str)]) -> (String, String) {
    let repository = app.repository(name, files).await;
    let id = app.register_git(name, &repository, None).await;
    let build = app.try_build_within(PATIENCE, &id).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
    (build["error"].as_str().unwrap().to_owned(), log_of(&build))
}

#[tokio::test]
async fn a_node_function_is_built_called_and_built_again_as_an_image() {
    let app = with_images(Options::default()).await;
    set_secret(&app, "WORD", "let-me-in").await;
    let mut files = vec![
        ("function.json", NODE_MANIFEST),
        ("package.json", PACKAGE),
        ("package-lock.json", LOCK),
        ("index.js", NODE_HANDLER),
    ];
    files.extend(DEPENDENCY);
    let repository = app.repository("greeter", &files).await;
    let id = app.register_git("greeter", &repository, None).await;
    let build = built(&app, &id).await;
    let log = log_of(&build);
    for part in [
        "There is no Dockerfile",
        "EVENTFLOW_IMAGE_NODE",
        "RUN npm ci",
        " took ",
        "COPY eventflow",
        "It answers",
        "Built sha256:",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert!(!log.contains("let-me-in"), "{log}");
    app.start_function(&id).await;
    let answer = json_of(app.call("greeter?name=you").await, StatusCode::OK).await;
    assert_eq!(answer, json!({ "says": "hello you", "word": "let-me-in", "user": 65534, "here": "/app" }));
    let labels = ["ps", "--format", "{{.Image}}", "--filter", "label=io.eventflow.function=greeter"];
    assert!(!docker(&labels).is_empty(), "it runs in a container");
    app.eventually("its line is there with its run", async || {
        let runs = app.runs(&id).await;
        let mut lines = runs.iter().flat_map(|run| run["log"].as_array().unwrap().clone());
        lines.any(|line| line["text"] == "called").then_some(())
    })
    .await;
    let one = digest(&app, &id).await;

    // The same source is the same image, as the engine has the steps still.
    let again = log_of(&built(&app, &id).await);
    assert!(again.contains("was there from an earlier build") && digest(&app, &id).await == one, "{again}");

    app.commit(&repository, &[("greet/index.js", "module.exports = (name) => `goodbye ${name}`;")]).await;
    built(&app, &id).await;
    assert_ne!(digest(&app, &id).await, one);
    app.eventually("the new version answers", async || {
        let answer = app.call("greeter?name=you").await;
        (answer.status() == StatusCode::OK && answer.text().await.unwrap().contains("goodbye")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_job_of_files_runs_by_an_event_in_a_container() {
    let app = with_images(Options::default()).await;
    let manifest = r#"{ "runtime": "node", "mode": "job", "handler": "index.handler", "triggers": [{ "type": "event", "pattern": "thing.made" }] }"#;
    let code = "exports.handler = async (event) => { console.log('at work'); if (event.data.fails) throw new Error('no luck'); return event.data; };";
    let repository = app.repository("worker", &[("function.json", manifest), ("index.js", code)]).await;
    let id = app.register_git("worker", &repository, None).await;
    let log = log_of(&built(&app, &id).await);
    assert!(log.contains("It can be loaded"), "{log}");
    app.start_function(&id).await;
    assert_eq!(app.publish("thing.made", "one", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(run["output"]["n"], 1, "{run:#}");
    assert!(run["log"].as_array().unwrap().iter().any(|line| line["text"] == "at work"), "{run:#}");
    app.publish("thing.made", "two", json!({ "fails": true })).await;
    let failed = app.run_where(&id, |run| !run["error"].is_null()).await;
    assert!(failed["error"].to_string().contains("no luck"), "{failed:#}");
}

#[tokio::test]
async fn python_functions_and_flask_apps_become_images_with_what_they_require() {
    let app = with_images(Options::default()).await;
    // What pip installs without a registry, and without a tool that it would have to fetch.
    let package = [
        ("requirements.txt", "--no-index\n./greet\n"),
        ("greet/pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = \"made\"\nbackend-path = [\".\"]\n"),
        ("greet/made.py", BACKEND),
    ];
    let code = "import greet, os\ndef handler(event, context):\n    print('called')\n    \
        return {'says': greet.hello(event['http']['query']['name']), 'user': os.getuid()}\n";
    let mut files = vec![("function.json", r#"{ "runtime": "python", "handler": "main.handler" }"#), ("main.py", code)];
    files.extend(package);
    let repository = app.repository("snake", &files).await;
    let id = app.register_git("snake", &repository, None).await;
    let log = log_of(&built(&app, &id).await);
    assert!(log.contains("-m pip install --requirement requirements.txt"), "{log}");
    app.start_function(&id).await;
    let answer = json_of(app.call("snake?name=you").await, StatusCode::OK).await;
    assert_eq!(answer, json!({ "says": "hello you", "user": 65534 }));

    let code = "import greet\ndef app(environ, start):\n    start('200 OK', [('content-type', 'text/plain')])\n    \
        return [greet.hello(environ['PATH_INFO']).encode()]\n";
    let mut files = vec![("function.json", r#"{ "runtime": "python-flask" }"#), ("app.py", code)];
    files.extend(package);
    let repository = app.repository("flask", &files).await;
    let id = app.register_git("flask", &repository, None).await;
    built(&app, &id).await;
    app.start_function(&id).await;
    assert_eq!(app.call("flask/you").await.text().await.unwrap(), "hello /you");
}

/// What makes a wheel of a package, by the words of PEP 517.
const BACKEND: &str = r"
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = 'greet-1.0-py3-none-any.whl'
    with zipfile.ZipFile(folder + '/' + name, 'w') as wheel:
        wheel.writestr('greet.py', 'def hello(name):\n    return f\'hello {name}\'\n')
        wheel.writestr('greet-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n')
        wheel.writestr('greet-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr('greet-1.0.dist-info/RECORD', 'greet.py,,\ngreet-1.0.dist-info/METADATA,,\ngreet-1.0.dist-info/WHEEL,,\ngreet-1.0.dist-info/RECORD,,\n')
    return name
";

#[tokio::test]
async fn a_job_in_python_runs_by_an_event_in_a_container() {
    let app = with_images(Options::default()).await;
    let manifest = r#"{ "runtime": "python", "mode": "job", "handler": "main.handler", "triggers": [{ "type": "event", "pattern": "thing.made" }] }"#;
    let code = "import os\ndef handler(event, context):\n    print('at work')\n    if event['data'].get('fails'):\n        raise ValueError('no luck')\n    \
        return {**event['data'], 'user': os.getuid()}\n";
    let repository = app.repository("digger", &[("function.json", manifest), ("main.py", code)]).await;
    let id = app.register_git("digger", &repository, None).await;
    let log = log_of(&built(&app, &id).await);
    assert!(log.contains("It can be loaded"), "{log}");
    app.start_function(&id).await;
    assert_eq!(app.publish("thing.made", "one", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!(run["output"], json!({ "n": 1, "user": 65534 }), "{run:#}");
    assert!(run["log"].as_array().unwrap().iter().any(|line| line["text"] == "at work"), "{run:#}");
    app.publish("thing.made", "two", json!({ "fails": true })).await;
    let failed = app.run_where(&id, |run| !run["error"].is_null()).await;
    assert!(failed["error"].to_string().contains("no luck"), "{failed:#}");
}

#[tokio::test]
async fn what_is_wrong_with_files_is_told_as_the_author_knows_them() {
    let app = with_images(Options::default().env("EVENTFLOW_MAX_BUILD_CONTEXT", "1MiB")).await;
    let handler = ("index.js", "exports.handler = async () => 1;");
    let manifest = ("function.json", r#"{ "runtime": "node", "handler": "index.handler" }"#);
    let package = ("package.json", r#"{ "name": "f", "version": "1.0.0", "dependencies": { "greet": "file:greet" } }"#);
    let lock = ("package-lock.json", r#"{ "name": "f", "lockfileVersion": 3, "packages": { "": { "name": "f" } } }"#);
    let mut files = vec![manifest, handler, package, lock];
    files.extend(DEPENDENCY);
    let (error, log) = refusal(&app, "out-of-step", &files).await;
    assert!(
        error.contains("`npm ci` failed: package.json and package-lock.json do not fit together"),
        "{error}\n{log}"
    );
    assert!(log.contains("Missing: greet") || log.contains("in sync"), "{log}");

    let large = "x".repeat(2 << 20);
    let (error, log) = refusal(&app, "large", &[manifest, handler, ("large.txt", &large)]).await;
    assert!(error.contains("more than 1 MiB") && error.contains("EVENTFLOW_MAX_BUILD_CONTEXT"), "{error}");
    assert!(!error.contains(".dockerignore") && !log.contains("Step 1"), "{error}\n{log}");

    let (error, _) = refusal(&app, "no-handler", &[manifest]).await;
    assert!(error.contains("the handler `index.handler` needs one of these files"), "{error}");

    let (error, _) = refusal(&app, "does-not-load", &[manifest, ("index.js", "require('nowhere')")]).await;
    assert!(error.contains("what was built does not start") && error.contains("nowhere"), "{error}");

    let secret = r#"{ "runtime": "node", "handler": "index.handler", "build": { "secrets": ["NPM_TOKEN"] } }"#;
    set_secret(&app, "NPM_TOKEN", "npm_0123456789").await;
    let (error, _) = refusal(&app, "secret", &[("function.json", secret), handler]).await;
    assert!(error.contains("EVENTFLOW_BUILDKIT") && !error.contains("npm_0123456789"), "{error}");
}

#[tokio::test]
async fn a_base_image_that_is_not_there_is_named_with_its_setting() {
    let options = Options::default().env("EVENTFLOW_IMAGE_NODE", "eventflow-test/nowhere:1");
    let options = options.env("DOCKER_HOST", host()).env("EVENTFLOW_BUILD", "image");
    let app = TestApp::start_with(options).await;
    let files = [("function.json", r#"{ "runtime": "node" }"#), ("index.js", "exports.handler = async () => 1;")];
    let (error, _) = refusal(&app, "baseless", &files).await;
    assert!(error.contains("eventflow-test/nowhere:1"), "{error}");
    assert!(error.contains("EVENTFLOW_IMAGE_NODE") || error.contains("registry"), "{error}");
}

#[tokio::test]
async fn with_containers_alone_nothing_runs_in_the_sandbox() {
    let files = [("function.json", r#"{ "runtime": "node" }"#), ("index.js", "exports.handler = async () => 'one';")];
    let mut app = TestApp::start_with(on_images(Options::default()).env("DOCKER_HOST", host())).await;
    let id = app.running("moves", &files).await;
    assert_eq!(app.call("moves").await.text().await.unwrap(), "\"one\"");

    app.set_env("EVENTFLOW_EXECUTOR", "docker");
    app.kill_and_restart().await;
    // What was built as files says what to do.
    app.eventually("its instances say what is wrong", async || {
        let answer = app.call("moves").await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status != StatusCode::OK && text.contains("Build the function again")).then_some(())
    })
    .await;
    built(&app, &id).await;
    app.eventually("the image answers", async || {
        let answer = app.call("moves").await;
        (answer.status() == StatusCode::OK && answer.text().await.unwrap() == "\"one\"").then_some(())
    })
    .await;
    let labels = ["ps", "--format", "{{.Image}}", "--filter", "label=io.eventflow.function=moves"];
    assert!(!docker(&labels).is_empty(), "it runs in a container");

    let command = r#"{ "runtime": "command", "command": ["node", "index.js"] }"#;
    let (error, _) = refusal(&app, "program", &[("function.json", command), ("index.js", "")]).await;
    assert!(error.contains("add a Dockerfile") && error.contains("`docker`"), "{error}");
}

#[tokio::test]
async fn without_an_engine_a_server_of_containers_starts_and_says_what_is_missing() {
    let options =
        Options::default().env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("EVENTFLOW_EXECUTOR", "docker");
    let app = TestApp::start_with(options).await;
    let files = [("function.json", r#"{ "runtime": "node" }"#), ("index.js", "exports.handler = async () => 1;")];
    let (error, _) = refusal(&app, "engineless", &files).await;
    assert!(error.contains("no container engine") && error.contains("DOCKER_HOST"), "{error}");
}

#[tokio::test]
#[ignore = "needs a BuildKit: make test-containers"]
async fn a_real_buildkit_makes_the_same_image_of_the_same_files() {
    let address = std::env::var("TEST_BUILDKIT").expect("scripts/with-buildkit starts one");
    let base = format!("{}/{NODE}", registry("TEST_REGISTRY"));
    docker(&["tag", NODE, &base]);
    docker(&["push", "-q", &base]);
    let options = Options::default().env("EVENTFLOW_IMAGE_NODE", base).env("EVENTFLOW_BUILDKIT", &address);
    let app = TestApp::start_with(options.env("DOCKER_HOST", host()).env("EVENTFLOW_BUILD", "image")).await;
    set_secret(&app, "BUILD_WORD", "hidden-word").await;
    let manifest = r#"{ "runtime": "node", "handler": "index.handler", "build": { "secrets": ["BUILD_WORD"] } }"#;
    let package = r#"{ "name": "f", "version": "1.0.0", "dependencies": { "greet": "file:greet" },
        "scripts": { "build": "node -e 'require(\"fs\").writeFileSync(\"made\", String(process.env.BUILD_WORD.length))'" } }"#;
    let code = "exports.handler = async () => [require('fs').readFileSync('made', 'utf8'), require('greet')('you')];";
    let mut files =
        vec![("function.json", manifest), ("package.json", package), ("package-lock.json", LOCK), ("index.js", code)];
    files.extend(DEPENDENCY);
    let repository = app.repository("same", &files).await;
    let id = app.register_git("same", &repository, None).await;
    let log = log_of(&built(&app, &id).await);
    assert!(!log.contains("hidden-word") && log.contains("npm run build"), "{log}");
    let one = digest(&app, &id).await;
    let pruned = std::process::Command::new("buildctl").args(["--addr", &address, "prune", "--all"]).output().unwrap();
    assert!(pruned.status.success(), "{pruned:?}");
    let again = log_of(&built(&app, &id).await);
    assert!(!again.contains("was there from an earlier build"), "{again}");
    assert_eq!(digest(&app, &id).await, one);
    app.start_function(&id).await;
    assert_eq!(json_of(app.call("same").await, StatusCode::OK).await, json!(["11", "hello you"]));
}
