//! What is in no image that is built here, in no layer, and neither in its history nor in its settings: secrets, logins of registries, the
//! variables of the function, and the server's own. On a real engine.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::json;

use crate::app::{Options, TestApp};
use crate::executor::docker::{NODE, docker, host, registry, server_name};

/// What must not be there: of the function, of its build, of the server.
const FUNCTION_SECRET: &str = "secret-of-the-function";
const FUNCTION_VARIABLE: &str = "variable-of-the-function";
const BUILD_SECRET: &str = "secret-of-the-build";
const UNASKED_ARGUMENT: &str = "argument-that-nothing-asks-for";
const SERVERS: &str = "variable-of-the-server";
const PASSWORD: &str = "let-me-in";

/// What is there, so that the search is seen to find: in a layer, in the settings, and in the history, where whoever has the image reads the
/// values of the arguments that its Dockerfile asks for.
const MARKS: [&str; 3] = ["mark-of-a-layer", "mark-of-the-settings", "argument-that-is-asked-for"];

/// Writes into a layer what a command is given, and what it finds where programs keep logins.
const CURIOUS: &str = "mkdir -p /found && env > /found/env && cat /proc/self/environ /proc/1/environ /proc/self/mountinfo > /found/told; \
    (cat /root/.docker/* /.docker/* /kaniko/* /etc/docker/* || true) > /found/logins 2>&1";

/// A server with something to hide, whose images are pushed to a registry that wants a login, and the folder there.
async fn with_something_to_hide(options: Options) -> (TestApp, String) {
    let host_of_registry = registry("TEST_LOGIN_REGISTRY");
    let folder = format!("{host_of_registry}/leaks-{}", server_name());
    let options = options
        .env("DOCKER_HOST", host())
        .env("EVENTFLOW_BUILD", "image")
        .env("EVENTFLOW_REGISTRY", format!("http://eventflow:{PASSWORD}@{folder}"))
        .env("OF_THE_SERVER", SERVERS);
    let app = TestApp::start_with(options).await;
    let login = format!("registry-{host_of_registry}");
    for (name, value) in
        [(login.as_str(), "eventflow:let-me-in"), ("API_KEY", FUNCTION_SECRET), ("BUILD_KEY", BUILD_SECRET)]
    {
        let arguments = "namespace: \"default\", name: $name, value: $value";
        let types = "$name: String!, $value: String!";
        app.mutate("setSecret", arguments, "secret { name }", json!({ "name": name, "value": value }), types).await;
    }
    (app, folder)
}

/// Builds a function of these files; the name of its image.
async fn built(app: &TestApp, folder: &str, name: &str, files: &[(&str, &str)]) -> String {
    let repository = app.repository(name, files).await;
    let id = app.register_git(name, &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(!build.to_string().contains(BUILD_SECRET) && !build.to_string().contains(PASSWORD), "{build:#}");
    let named = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", &format!("{folder}/default/{name}")]);
    named.lines().next().unwrap_or_else(|| panic!("{name} has no image")).to_owned()
}

/// All bytes of an image: its layers, its settings and its history.
fn bytes_of(image: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    docker(&["save", "-o", file.to_str().unwrap(), image]);
    let mut bytes = Vec::new();
    let mut archive = tar::Archive::new(std::fs::File::open(file).unwrap());
    for entry in archive.entries().unwrap() {
        let mut content = Vec::new();
        entry.unwrap().read_to_end(&mut content).unwrap();
        // Newer engines keep layers packed.
        if content.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(&content[..]).read_to_end(&mut bytes).unwrap();
        }
        bytes.append(&mut content);
    }
    bytes.extend(docker(&["history", "--no-trunc", image]).into_bytes());
    bytes.extend(docker(&["inspect", image]).into_bytes());
    bytes
}

fn is_in(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn check(image: &str, marks: &[&str]) {
    let bytes = bytes_of(image);
    for mark in marks {
        assert!(is_in(&bytes, mark), "{image}: {mark} is not found");
    }
    let login = STANDARD.encode(format!("eventflow:{PASSWORD}"));
    for text in [FUNCTION_SECRET, FUNCTION_VARIABLE, BUILD_SECRET, UNASKED_ARGUMENT, SERVERS, PASSWORD, &login] {
        assert!(!is_in(&bytes, text), "{image}: {text} is in it");
    }
}

/// Of a Dockerfile that copies all that there is, and what an earlier stage has seen. `mount`: before its commands.
async fn dockerfile_leaks_nothing(app: &TestApp, folder: &str, mount: &str, secrets: &[&str]) {
    let base = format!("{}/eventflow-test/busybox:1", registry("TEST_LOGIN_REGISTRY"));
    let dockerfile = format!(
        "FROM {base} AS early\nRUN {mount}{CURIOUS}\nFROM {base}\nARG LEVEL\nENV MARK=mark-of-the-settings\nCOPY . /all\n\
         RUN {mount}{CURIOUS}; echo mark-of-'a-layer' > /found/mark\nCOPY --from=early /found /early\nCMD [\"true\"]\n"
    );
    let manifest = json!({
        "runtime": "docker", "mode": "job", "secrets": ["API_KEY"], "env": { "OF_THE_FUNCTION": FUNCTION_VARIABLE },
        "build": { "env": { "LEVEL": "argument-that-is-asked-for", "OTHER": UNASKED_ARGUMENT }, "secrets": secrets },
    });
    // What the repository itself has is the author's: the manifest stays out of the context.
    let files = [
        ("Dockerfile", dockerfile.as_str()),
        ("function.json", &manifest.to_string()),
        (".dockerignore", "function.json\n"),
    ];
    check(&built(app, folder, "of-dockerfile", &files).await, &MARKS);
}

/// Of files, whose build script does the same.
async fn files_leak_nothing(app: &TestApp, folder: &str, secrets: &[&str]) {
    // A secret of the build is a variable of its commands: it is theirs to keep out of what they write.
    let script = "require('fs').writeFileSync('found', ['mark-of', 'a-layer'].join('-') + JSON.stringify({ ...process.env, BUILD_KEY: '' }))";
    let package = json!({ "name": "f", "version": "1.0.0", "scripts": { "build": format!("node -e \"{script}\"") } });
    let manifest = json!({ "runtime": "node", "handler": "index.handler", "secrets": ["API_KEY"], "start_test": false,
        "build": { "env": { "LEVEL": "argument-that-is-asked-for" }, "secrets": secrets } });
    let files = [
        ("function.json", manifest.to_string()),
        ("package.json", package.to_string()),
        ("index.js", "exports.handler = async () => 1;".to_owned()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    check(&built(app, folder, "of-files", &files).await, &["mark-of-a-layer", "argument-that-is-asked-for"]);
}

#[tokio::test]
#[ignore = "takes a while: make test-containers"]
async fn an_image_of_a_real_engines_builder_has_nothing_that_is_to_be_hidden() {
    // The tests of BuildKit push the other one, whose registry is asked for it from then on.
    let base = "eventflow-test/node-apart:1";
    let container = docker(&["create", NODE]);
    docker(&["commit", &container, base]);
    docker(&["rm", &container]);
    let (app, folder) = with_something_to_hide(Options::default().env("EVENTFLOW_IMAGE_NODE", base)).await;
    dockerfile_leaks_nothing(&app, &folder, "", &[]).await;
    files_leak_nothing(&app, &folder, &[]).await;
}

#[tokio::test]
#[ignore = "needs a BuildKit: make test-containers"]
async fn an_image_of_a_real_buildkit_has_nothing_that_is_to_be_hidden() {
    let address = std::env::var("TEST_BUILDKIT").expect("scripts/with-buildkit starts one");
    let base = format!("{}/{NODE}", registry("TEST_REGISTRY"));
    docker(&["tag", NODE, &base]);
    docker(&["push", "-q", &base]);
    let options = Options::default().env("EVENTFLOW_BUILDKIT", address).env("EVENTFLOW_IMAGE_NODE", base);
    let (app, folder) = with_something_to_hide(options).await;
    let mount = "--mount=type=secret,id=BUILD_KEY test $(wc -c < /run/secrets/BUILD_KEY) = 19 && ";
    dockerfile_leaks_nothing(&app, &folder, mount, &["BUILD_KEY"]).await;
    files_leak_nothing(&app, &folder, &["BUILD_KEY"]).await;
}
