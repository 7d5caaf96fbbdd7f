//! How BuildKit's program is called, and what becomes of what it says: a script stands in for it, which gives an image of the real engine
//! that `scripts/with-docker` starts. Those with the real one are for `make test-containers`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::executor::docker::{BUSYBOX, docker, host, registry};

const DOCKERFILE: &str = "# syntax=other/frontend\nFROM private.example/base:1 AS run\nRUN true\nCMD [\"true\"]\n";

/// What the stand-in does before it gives the image.
const SPEAKS: &str = "printf '#1 [internal] load build definition from Dockerfile\\n#1 DONE 0.0s\\n#5 [2/2] RUN true\\n#5 0.1 hello\\n#5 DONE 0.1s\\n' >&2";

/// A server whose `buildctl` is a script, and the folder of the script.
async fn with_stand_in(script: &str) -> (TestApp, tempfile::TempDir) {
    with_stand_in_and(script, Options::default()).await
}

async fn with_stand_in_and(script: &str, options: Options) -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    let image = docker(&["inspect", "-f", "{{.Id}}", BUSYBOX]);
    docker(&["save", "-o", &format!("{here}/image.tar"), &image]);
    let program = folder.path().join("buildctl");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {here}/arguments\nenv > {here}/environment\ncat $DOCKER_CONFIG/config.json > {here}/config\n\
         for word in \"$@\"; do case $word in id=*,src=*) cat ${{word##*src=}} > {here}/secret;; esac; done\necho $$ > {here}/pid\n{script}\n"
    );
    std::fs::write(&program, text.replace("HERE", &here.to_string())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{here}:{}", std::env::var("PATH").unwrap());
    let options = options.env("DOCKER_HOST", host()).env("PATH", path);
    (TestApp::start_with(options.env("EVENTFLOW_BUILDKIT", "unix:///nowhere/buildkit.sock")).await, folder)
}

async fn registered(app: &TestApp, name: &str, manifest: Value) -> String {
    let dockerfile = manifest["build"]["dockerfile"].as_str().unwrap_or("Dockerfile");
    let files = [(dockerfile, DOCKERFILE), ("function.json", &manifest.to_string())];
    let repository = app.repository(name, &files).await;
    app.register_git(name, &repository, None).await
}

async fn set_secret(app: &TestApp, name: &str, value: &str) {
    let types = "$name: String!, $value: String!";
    let arguments = "namespace: \"default\", name: $name, value: $value";
    app.mutate("setSecret", arguments, "secret { name }", json!({ "name": name, "value": value }), types).await;
}

fn read(folder: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

#[tokio::test]
async fn buildkit_gets_the_namespaces_logins_and_its_image_goes_to_the_engine() {
    let (app, folder) = with_stand_in(&format!("{SPEAKS}\ncat HERE/image.tar")).await;
    set_secret(&app, "registry-private.example", "me:pass-word").await;
    set_secret(&app, "registry-other.example", "me:other-word").await;
    set_secret(&app, "TOKEN", "hidden-word").await;
    let manifest =
        json!({ "runtime": "docker", "mode": "job", "build": { "env": { "LEVEL": "a=b" }, "secrets": ["TOKEN"] } });
    let id = registered(&app, "kit", manifest).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let log: Vec<_> = build["log"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    for line in ["Step 2/2 RUN true", "hello", "Step 2/2 took 0.1 s"] {
        assert!(log.contains(&line), "{log:?}");
    }
    assert!(log.iter().any(|line| line.contains("BuildKit at unix:///nowhere/buildkit.sock")), "{log:?}");
    let arguments = read(&folder, "arguments");
    for line in [
        "unix:///nowhere/buildkit.sock",
        "cmdline=eventflow",
        "build-arg:BUILDKIT_CACHE_MOUNT_NS=default",
        "hostname=default",
        "build-arg:LEVEL=a=b",
        "filename=Dockerfile",
    ] {
        assert!(arguments.lines().any(|argument| argument == line), "{line}: {arguments}");
    }
    let config = read(&folder, "config");
    assert!(config.contains("private.example") && !config.contains("other.example"), "{config}");
    assert!(!arguments.contains("hidden-word") && read(&folder, "secret") == "hidden-word");
    let environment = read(&folder, "environment");
    assert!(!environment.contains("EVENTFLOW") && !environment.contains("DOCKER_HOST"), "{environment}");
    let secrets = arguments.lines().find_map(|argument| argument.split_once("src=")).unwrap().1;
    app.eventually("its files are gone", async || (!Path::new(secrets).exists()).then_some(())).await;
    let name = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "eventflow.invalid/default/kit"]);
    let (found, expected) =
        (docker(&["inspect", "-f", "{{.Id}}", &name]), docker(&["inspect", "-f", "{{.Id}}", BUSYBOX]));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn buildkit_is_told_the_dockerfile_and_the_stage() {
    let (app, folder) = with_stand_in(&format!("{SPEAKS}\ncat HERE/image.tar")).await;
    let build = json!({ "dockerfile": "docker/Dockerfile.prod", "target": "run" });
    let id = registered(&app, "kit", json!({ "runtime": "docker", "mode": "job", "build": build })).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let arguments: Vec<String> = read(&folder, "arguments").lines().map(str::to_owned).collect();
    for option in ["filename=Dockerfile.prod", "target=run"] {
        assert!(arguments.iter().any(|argument| argument == option), "{option}: {arguments:?}");
    }
    let local = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name)).unwrap().to_owned();
    assert_eq!(local("dockerfile="), format!("{}/docker", local("context=")));
}

#[tokio::test]
async fn files_become_an_image_whose_times_are_left_out() {
    let options =
        Options::default().env("EVENTFLOW_BUILD", "image").env("EVENTFLOW_IMAGE_NODE", "private.example/node:1");
    let (app, folder) = with_stand_in_and("cat HERE/image.tar", options).await;
    // What the stand-in gives cannot be started.
    let manifest = json!({ "runtime": "node", "start_test": false }).to_string();
    let files = [("function.json", manifest.as_str()), ("index.js", "exports.handler = async () => 1;")];
    let repository = app.repository("files", &files).await;
    let id = app.register_git("files", &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let arguments = read(&folder, "arguments");
    for line in ["build-arg:SOURCE_DATE_EPOCH=0", "type=docker,dest=-,rewrite-timestamp=true"] {
        assert!(arguments.lines().any(|argument| argument == line), "{line}: {arguments}");
    }
    let log = build["log"].as_array().unwrap();
    assert!(log.iter().any(|line| line["text"] == "  FROM private.example/node:1"), "{build:#}");
}

#[tokio::test]
async fn what_buildkit_says_is_what_the_author_hears() {
    let script = "printf '#5 [2/2] RUN true\\n#5 0.1 no luck\\n#5 ERROR: process \"x\" did not complete successfully: exit code: 3\\nDockerfile:3\\n\
        error: failed to solve: process \"x\" did not complete successfully: exit code: 3\\n' >&2; exit 1";
    let (app, _folder) = with_stand_in(script).await;
    let id = registered(&app, "fails", json!({ "runtime": "docker" })).await;
    let build = app.try_build(&id).await;
    assert_eq!(
        build["error"], "Dockerfile, line 3 (step 2/2): it ended with exit code 3; its last lines: no luck",
        "{build:#}"
    );
    let script = "echo 'error: failed to list workers: Unavailable: connection error: dial unix /nowhere/buildkit.sock: connect: no such file or directory' >&2; exit 1";
    let (app, _folder) = with_stand_in(script).await;
    let id = registered(&app, "away", json!({ "runtime": "docker" })).await;
    let build = app.try_build(&id).await;
    assert!(
        build["error"].as_str().unwrap().contains("BuildKit at unix:///nowhere/buildkit.sock does not answer"),
        "{build:#}"
    );
    let script = "head -c 4000000 /dev/zero";
    let (app, _folder) = with_stand_in(script).await;
    let id = registered(&app, "rubbish", json!({ "runtime": "docker" })).await;
    assert_eq!(app.try_build(&id).await["state"], "FAILED");
}

#[tokio::test]
async fn a_build_that_is_cancelled_ends_buildkits_program() {
    let (app, folder) = with_stand_in("exec sleep 600").await;
    let id = registered(&app, "endless", json!({ "runtime": "docker" })).await;
    let payload = app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    let process: PathBuf = app
        .eventually("it runs", async || {
            let pid = std::fs::read_to_string(folder.path().join("pid")).ok()?;
            Some(Path::new("/proc").join(pid.trim())).filter(|_| pid.ends_with('\n'))
        })
        .await;
    let build = &payload["build"]["id"];
    app.mutate("cancelBuild", "id: $id", "build { state }", json!({ "id": build }), "$id: ID!").await;
    app.eventually("it has ended", async || (!process.exists()).then_some(())).await;
}

#[tokio::test]
async fn an_argument_of_buildkits_own_is_refused() {
    let (app, _folder) = with_stand_in("exit 1").await;
    let manifest = json!({ "runtime": "docker", "build": { "env": { "BUILDKIT_SYNTAX": "other/frontend" } } });
    let id = registered(&app, "own", manifest).await;
    let build = app.try_build(&id).await;
    assert!(build["error"].as_str().unwrap().contains("`BUILDKIT_SYNTAX`"), "{build:#}");
}

#[tokio::test]
async fn without_the_program_the_server_says_what_is_missing() {
    let mut app = TestApp::start_with(Options::default().env("DOCKER_HOST", host())).await;
    app.kill().await;
    let path = std::env::var_os("PATH").unwrap();
    let without = std::env::split_paths(&path).filter(|folder| !folder.join("buildctl").exists());
    app.set_env("PATH", std::env::join_paths(without).unwrap().into_string().unwrap());
    app.set_env("EVENTFLOW_BUILDKIT", "unix:///nowhere/buildkit.sock");
    let error = app.try_restart().await.unwrap_err();
    assert!(error.contains("`buildctl`") && error.contains("EVENTFLOW_BUILDKIT"), "{error}");
}

/// A server with the BuildKit of `scripts/with-buildkit`.
async fn with_buildkit() -> TestApp {
    let address = std::env::var("TEST_BUILDKIT").expect("scripts/with-buildkit starts one");
    TestApp::start_with(Options::default().env("DOCKER_HOST", host()).env("EVENTFLOW_BUILDKIT", address)).await
}

async fn built(app: &TestApp, namespace: &str, name: &str, dockerfile: &str, manifest: Value) -> Value {
    let files = [("Dockerfile", dockerfile), ("function.json", &manifest.to_string())];
    let repository = app.repository(&format!("{namespace}-{name}"), &files).await;
    let input = json!({ "namespace": namespace, "name": name, "source": { "git": { "url": repository } } });
    let types = "$input: RegisterFunctionInput!";
    let made =
        app.mutate("registerFunction", "input: $input", "function { id }", json!({ "input": input }), types).await;
    let id = made["function"]["id"].as_str().unwrap();
    let build = app.try_build(id).await;
    if build["state"] == "SUCCEEDED" && manifest["mode"] != "job" {
        app.start_function(id).await;
    }
    build
}

fn log_of(build: &Value) -> String {
    let lines = build["log"].as_array().into_iter().flatten().filter_map(|line| line["text"].as_str());
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
#[ignore = "needs a BuildKit: make test-containers"]
async fn a_real_buildkit_builds_with_secrets_and_says_what_is_wrong() {
    let app = with_buildkit().await;
    set_secret(&app, "TOKEN", "hidden-word").await;
    let base = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let dockerfile = format!(
        "# syntax=not.there/frontend:1\nFROM {base} AS build\nRUN --mount=type=secret,id=TOKEN mkdir /www && wc -c < /run/secrets/TOKEN > /www/index.html\n\
         RUN <<END\necho a document\nEND\nFROM {base}\nCOPY --from=build /www /www\nEXPOSE 8000\n\
         CMD [\"httpd\", \"-f\", \"-p\", \"8000\", \"-h\", \"/www\"]\n"
    );
    let build =
        built(&app, "default", "real", &dockerfile, json!({ "runtime": "docker", "build": { "secrets": ["TOKEN"] } }))
            .await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(
        log.contains("a document") && log.contains("Step build 2/3 took ") && !log.contains("hidden-word"),
        "{log}"
    );
    assert_eq!(app.call("real/").await.text().await.unwrap().trim(), "11");

    let job = json!({ "runtime": "docker", "mode": "job" });
    let fails =
        built(&app, "default", "fails", &format!("FROM {base}\n\nRUN echo no luck && exit 3\n"), job.clone()).await;
    assert_eq!(
        fails["error"], "Dockerfile, line 3 (step 2/2): it ended with exit code 3; its last lines: no luck",
        "{fails:#}"
    );
    let staged =
        format!("FROM {base} AS checks\nRUN exit 1\nFROM {base} AS run\nCMD [\"true\"]\nFROM {base}\nRUN exit 2\n");
    let target = json!({ "runtime": "docker", "mode": "job", "build": { "target": "run" } });
    let staged = built(&app, "default", "staged", &staged, target).await;
    assert_eq!(staged["state"], "SUCCEEDED", "{staged:#}");
    let syntax = built(&app, "default", "syntax", &format!("FROM {base}\nCOPY --never=1 a b\n"), job).await;
    assert!(syntax["error"].as_str().unwrap().starts_with("Dockerfile, line 2: "), "{syntax:#}");
}

#[tokio::test]
#[ignore = "needs a BuildKit: make test-containers"]
async fn a_real_buildkit_gives_a_namespace_what_its_own_login_gives() {
    let app = with_buildkit().await;
    let private = format!("{}/eventflow-test/busybox:1", registry("TEST_LOGIN_REGISTRY"));
    let dockerfile = format!(
        "FROM {private}\nRUN --mount=type=cache,target=/kept cat /kept/* ; echo of the first > /kept/x\nCMD [\"true\"]\n"
    );
    let job = json!({ "runtime": "docker", "mode": "job" });
    set_secret(&app, &format!("registry-{}", registry("TEST_LOGIN_REGISTRY")), "eventflow:let-me-in").await;
    let own = built(&app, "default", "own", &dockerfile, job.clone()).await;
    assert_eq!(own["state"], "SUCCEEDED", "{own:#}");
    let others = built(&app, "team", "others", &dockerfile, job.clone()).await;
    assert_eq!(others["state"], "FAILED", "{others:#}");
    // With a base that both may have, what is kept between commands is a namespace's own all the same.
    let open = dockerfile.replace(&private, &format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY")));
    let again = open.replace("cat /kept/*", "cat /kept/* /kept/x");
    for (namespace, name, text, has) in
        [("default", "first", &open, false), ("default", "second", &again, true), ("team", "third", &again, false)]
    {
        let build = built(&app, namespace, name, text, job.clone()).await;
        assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
        assert_eq!(log_of(&build).contains("\nof the first\n"), has, "{name}: {build:#}");
    }
}

#[tokio::test]
#[ignore = "needs a BuildKit: make test-containers"]
async fn a_real_buildkit_ends_a_build_that_is_cancelled() {
    let app = with_buildkit().await;
    let seconds = format!("{}3", app.pid());
    let base = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let files = [("Dockerfile", format!("FROM {base}\nRUN sleep {seconds}\n"))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let repository = app.repository("endless", &files).await;
    let id = app.register_git("endless", &repository, None).await;
    let sleeps = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let command =
            |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        processes.map(command).any(|command| command == format!("sleep\0{seconds}\0"))
    };
    let payload = app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("its command runs", async || sleeps().then_some(())).await;
    let build = &payload["build"]["id"];
    app.mutate("cancelBuild", "id: $id", "build { state }", json!({ "id": build }), "$id: ID!").await;
    app.eventually("its command has ended", async || (!sleeps()).then_some(())).await;
}
