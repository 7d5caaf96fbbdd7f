//! Functions whose source is a Dockerfile, on a real engine: what `scripts/with-docker` starts, or `TEST_DOCKER_HOST` names.

use std::net::TcpListener;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp};
use crate::executor::docker::{BUSYBOX, docker, host, registry, server_name};

/// Serves what is in `www`, and says when it was built.
const SITE: &str = "FROM eventflow-test/busybox:1\n\
    RUN mkdir -p /www/made && \\\n    echo made > /www/made/index.html && echo 'it is made'\n\
    COPY www /www\n\
    EXPOSE 8000\n\
    CMD [\"httpd\", \"-f\", \"-p\", \"8000\", \"-h\", \"/www\"]\n";

async fn with_engine(options: Options) -> TestApp {
    TestApp::start_with(options.env("DOCKER_HOST", host())).await
}

fn log_of(build: &Value) -> String {
    let lines = build["log"].as_array().into_iter().flatten().filter_map(|line| line["text"].as_str());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Why the build of these files fails, and its log.
async fn refusal(app: &TestApp, name: &str, files: &[(&str, &str)]) -> String {
    let repository = app.repository(name, files).await;
    let id = app.register_git(name, &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED", "{build:#}");
    build["error"].as_str().unwrap().to_owned()
}

/// The same for a Dockerfile alone.
async fn refused(app: &TestApp, name: &str, dockerfile: &str) -> String {
    refusal(app, name, &[("Dockerfile", dockerfile)]).await
}

async fn text_of(app: &TestApp, path: &str) -> String {
    let answer = app.call(path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{text}");
    text
}

/// The digests of a function's versions, newest first.
async fn digests(app: &TestApp, id: &str) -> Vec<String> {
    let query = "query($id: ID!) { function(id: $id) { versions { nodes { number digest } } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    let nodes = found["function"]["versions"]["nodes"].as_array().unwrap();
    let mut nodes: Vec<_> = nodes.iter().collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(node["number"].as_u64()));
    nodes.iter().map(|node| node["digest"].as_str().unwrap().to_owned()).collect()
}

/// The ids of containers that run a command with this word.
fn running(word: &str) -> Vec<String> {
    let all = docker(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Command}}"]);
    let lines = all.lines().filter(|line| line.contains(word));
    lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_dockerfile_is_built_called_and_built_again_when_a_file_changes() {
    let app = with_engine(Options::default()).await;
    let files = [("Dockerfile", SITE), ("www/index.html", "one")];
    let repository = app.repository("site", &files).await;
    let id = app.register_git("site", &repository, None).await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    for part in [
        "Found a Dockerfile",
        "Step 1/5 FROM eventflow-test/busybox:1",
        "Step 2/5 RUN mkdir -p",
        "it is made",
        "Step 2/5 took ",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert!(log.contains("listens on port 8000") && log.contains("It answers"), "{log}");
    app.start_function(&id).await;
    assert_eq!(text_of(&app, "site/").await, "one");
    assert_eq!(text_of(&app, "site/made/").await, "made\n");

    app.commit(&repository, &[("www/index.html", "two")]).await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert!(log.contains("Step 2/5 was there from an earlier build") && log.contains("Step 3/5 took "), "{log}");
    app.eventually("the new version answers", async || {
        let answer = app.call("site/").await;
        (answer.status() == StatusCode::OK && answer.text().await.unwrap() == "two").then_some(())
    })
    .await;
    let made = digests(&app, &id).await;
    assert!(made.len() == 2 && made[0] != made[1] && made[0].starts_with("sha256:"), "{made:?}");

    let kept = async || {
        let found = app.graphql("{ viewer { server { engineImages { id fate reason } } } }", json!({})).await;
        let images = found["viewer"]["server"]["engineImages"].as_array().unwrap().clone();
        made.iter().filter_map(|made| images.iter().find(|image| image["id"] == made[..]).cloned()).collect::<Vec<_>>()
    };
    let fates = |images: Vec<Value>| images.iter().map(|image| image["fate"].clone()).collect::<Vec<_>>();
    assert_eq!(fates(kept().await), ["NEEDED", "NEEDED"]);
    app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    app.eventually("what was built is not needed any more", async || {
        (fates(kept().await) == ["GOES", "GOES"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_dockerfile_is_told_with_its_line() {
    let app = with_engine(Options::default()).await;
    let error = refused(&app, "unknown", "FROM eventflow-test/busybox:1\n\nRUNN true\n").await;
    assert_eq!(error, "Dockerfile, line 3: there is no instruction `RUNN`: did you mean `RUN`?");
    // One that the engine would see, and say without the line.
    let error =
        refused(&app, "syntax", "FROM eventflow-test/busybox:1\n# none\nRUN true && \\\n  true\nENV one\n").await;
    assert!(error.starts_with("Dockerfile, line 5: ") && error.contains("ENV"), "{error}");
    let error = refused(&app, "fails", "FROM eventflow-test/busybox:1\nRUN echo no luck && exit 3\n").await;
    assert_eq!(
        error,
        "Dockerfile, line 2 (step 2/2, `RUN echo no luck && exit 3`): it ended with exit code 3; its last lines: no luck"
    );
    let error = refused(&app, "missing", "FROM eventflow-test/busybox:1\nCOPY not-there /\n").await;
    assert!(error.starts_with("Dockerfile, line 2 (step 2/2, ") && error.contains("not-there"), "{error}");
    let doubled = format!("FROM eventflow-test/busybox:1\nENV A=0123456789\n{}", "ENV A=$A$A\n".repeat(30));
    let error = refused(&app, "doubled", &doubled).await;
    assert!(error.starts_with("Dockerfile, line 1") && error.contains("doubles it"), "{error}");
    let label = |number: u8| format!("LABEL at-{}-{number}={}\n", app.pid(), "x".repeat(20_000));
    let labels = format!("FROM eventflow-test/busybox:1\n{}", (1..=4).map(label).collect::<String>());
    let error = refused(&app, "labels", &labels).await;
    assert!(error.starts_with("the image that was built has ") && error.contains("bytes of labels"), "{error}");
    assert_eq!(docker(&["images", "-aq", "--filter", &format!("label=at-{}-4", app.pid())]), "", "it is removed");
    let error = refusal(&app, "none", &[("function.json", r#"{ "runtime": "docker" }"#)]).await;
    assert!(error.contains("there is no Dockerfile") && error.contains("`image`"), "{error}");
}

#[tokio::test]
async fn the_stage_that_is_named_is_built_of_the_dockerfile_that_is_named() {
    let app = with_engine(Options::default()).await;
    let dockerfile = "FROM eventflow-test/busybox:1 AS files\nCOPY www /made\nRUN echo more >> /made/index.html\n\
        FROM eventflow-test/busybox:1 AS checks\nRUN echo these checks fail && exit 1\n\
        FROM eventflow-test/busybox:1 AS Run\nCOPY --from=files /made /www\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n\
        FROM not.there.invalid/image:1 AS later\nRUN true\n";
    let manifest = |target: &str| {
        let build = json!({ "dockerfile": "docker/Dockerfile.prod", "target": target });
        json!({ "runtime": "docker", "build": build }).to_string()
    };
    let run = manifest("run");
    let files = [
        ("function.json", run.as_str()),
        ("docker/Dockerfile.prod", dockerfile),
        // Of this Dockerfile alone.
        ("docker/Dockerfile.prod.dockerignore", "www/left-out\n"),
        (".dockerignore", "www\n"),
        ("Dockerfile", "this is none"),
        ("www/index.html", "one\n"),
        ("www/left-out", "x"),
    ];
    let repository = app.repository("staged", &files).await;
    let id = app.register_git("staged", &repository, None).await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(!log.contains("these checks fail") && log.contains("Step 1/6 FROM"), "{log}");
    app.start_function(&id).await;
    assert_eq!(text_of(&app, "staged/").await, "one\nmore\n");
    assert_eq!(app.call("staged/left-out").await.status(), StatusCode::NOT_FOUND);

    app.commit(&repository, &[("function.json", &manifest("checks"))]).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(error.starts_with("docker/Dockerfile.prod, line 5 (step 2/2, "), "{error}");
    app.commit(&repository, &[("function.json", &manifest("none"))]).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("`none`") && error.contains("files, checks, Run, later"), "{error}");

    let elsewhere = r#"{ "runtime": "docker", "build": { "dockerfile": "link/Dockerfile.prod" } }"#;
    std::os::unix::fs::symlink("docker", repository.join("link")).unwrap();
    app.commit(&repository, &[("function.json", elsewhere)]).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("there is no link/Dockerfile.prod") && error.contains("`dockerfile` of `build`"), "{error}");
}

#[tokio::test]
async fn a_build_that_never_ends_is_ended_with_its_command_at_the_engine() {
    let app = with_engine(Options::default().env("EVENTFLOW_BUILD_TIMEOUT", "10s")).await;
    // Names that no other test runs.
    let (cancelled, timed_out) = (format!("{}1", app.pid()), format!("{}2", app.pid()));
    let endless = |seconds: &str| format!("FROM eventflow-test/busybox:1\nRUN sleep {seconds}\n");
    let error = refused(&app, "timed-out", &endless(&timed_out)).await;
    assert!(error.contains("more than 10 s") && error.contains("EVENTFLOW_BUILD_TIMEOUT"), "{error}");
    app.eventually("its command has ended", async || running(&timed_out).is_empty().then_some(())).await;

    let repository = app.repository("cancelled", &[("Dockerfile", &endless(&cancelled))]).await;
    let id = app.register_git("cancelled", &repository, None).await;
    let payload = app.mutate("buildFunction", "id: $id", "build { id }", json!({ "id": id }), "$id: ID!").await;
    let container = app.eventually("its command runs", async || running(&cancelled).pop()).await;
    let limits = docker(&[
        "inspect",
        "-f",
        "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.CpuQuota}} {{.HostConfig.NetworkMode}}",
        &container,
    ]);
    let limits: Vec<&str> = limits.split(' ').collect();
    assert!(limits[0] != "0" && limits[0] == limits[1] && limits[2] != "0", "{limits:?}");
    assert!(limits[3].starts_with("eventflow-") && limits[3].ends_with("-default-open"), "{limits:?}");
    let build = &payload["build"]["id"];
    let done = app.mutate("cancelBuild", "id: $id", "build { state }", json!({ "id": build }), "$id: ID!").await;
    assert_eq!(done["build"]["state"], "CANCELLED");
    app.eventually("its command has ended", async || running(&cancelled).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_builds_command_forks_no_further_than_its_limit() {
    let app = with_engine(Options::default()).await;
    let forks = "FROM eventflow-test/busybox:1\nRUN i=0; while [ $i -lt 3000 ]; do sleep 600 & i=$((i+1)); done\n";
    let error = refused(&app, "forks", forks).await;
    assert!(error.contains("can't fork"), "{error}");
    // An image that says it is a server's instance is none.
    let (base, made) = (format!("eventflow-test/says-{}:1", app.pid()), format!("says-{}", app.pid()));
    docker(&["create", "--name", &made, BUSYBOX]);
    docker(&["commit", "--change", "LABEL io.eventflow.server=some", &made, &base]);
    let error = refused(&app, "says", &forks.replace("eventflow-test/busybox:1", &base)).await;
    docker(&["rm", &made]);
    docker(&["rmi", &base]);
    assert!(error.contains("can't fork"), "{error}");
    // What it does in the moment before the limit is there harms nobody either.
    let bomb = "FROM eventflow-test/busybox:1\nRUN bomb() { bomb | bomb & }; bomb; sleep 3; exit 7\n";
    let error = refused(&app, "bomb", bomb).await;
    assert!(error.contains("exit code 7") || error.contains("can't fork"), "{error}");
}

#[tokio::test]
async fn a_build_that_writes_too_much_is_ended_wherever_it_writes() {
    let app = with_engine(Options::default().env("EVENTFLOW_MAX_BUILD_DISK", "20MiB")).await;
    let seconds = |n: u8| format!("{}{n}", app.pid());
    let (alone, volume) = (seconds(3), seconds(4));
    let write = |to: &str| format!("dd if=/dev/zero of={to} bs=1M count=40");
    for (name, dockerfile, seconds) in [
        ("at-once", format!("FROM {BUSYBOX}\nRUN {}; sleep {alone}\n", write("/x")), Some(&alone)),
        ("in-a-volume", format!("FROM {BUSYBOX}\nVOLUME /v\nRUN {}; sleep {volume}\n", write("/v/x")), Some(&volume)),
        // Each is over before anybody looks.
        ("in-steps", format!("FROM {BUSYBOX}\nRUN {}\nRUN {}\n", write("/x"), write("/y")), None),
    ] {
        let error = refused(&app, name, &dockerfile).await;
        assert!(error.contains("EVENTFLOW_MAX_BUILD_DISK") && error.contains("20"), "{name}: {error}");
        if let Some(seconds) = seconds {
            app.eventually("its command has ended", async || running(seconds).is_empty().then_some(())).await;
        }
    }
    // As much as is allowed is built.
    let fits = format!(
        "FROM {BUSYBOX}\nRUN dd if=/dev/zero of=/x bs=1M count=10\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\"]\n"
    );
    let repository = app.repository("fits", &[("Dockerfile", &fits)]).await;
    let id = app.register_git("fits", &repository, None).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
}

#[tokio::test]
async fn a_context_over_its_limit_is_refused_before_it_is_sent() {
    let app = with_engine(Options::default().env("EVENTFLOW_MAX_BUILD_CONTEXT", "10KiB")).await;
    let large = "x".repeat(20 << 10);
    let dockerfile =
        "FROM eventflow-test/busybox:1\nCOPY . /all\nRUN ls -a /all\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\"]\n";
    let repository = app.repository("large", &[("Dockerfile", dockerfile), ("large", &large), ("small", "x")]).await;
    let id = app.register_git("large", &repository, None).await;
    let build = app.try_build(&id).await;
    let error = build["error"].as_str().unwrap();
    assert!(
        error.contains("10 KiB") && error.contains(".dockerignore") && error.contains("EVENTFLOW_MAX_BUILD_CONTEXT"),
        "{error}"
    );
    assert!(!log_of(&build).contains("Step 1"), "{build:#}");
    app.commit(&repository, &[(".dockerignore", "lar*\n.dockerignore\n")]).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    let lines: Vec<_> = build["log"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let at = lines.iter().position(|line| *line == "..").unwrap();
    assert_eq!(lines[at + 1..at + 3], ["Dockerfile", "small"], "{lines:?}");
}

#[tokio::test]
async fn what_is_built_is_pushed_and_pulled_from_there_when_it_is_gone() {
    let host = registry("TEST_LOGIN_REGISTRY");
    let folder = format!("built-{}", server_name());
    let setting = format!("http://eventflow:let-me-in@{host}/{folder}");
    let app = with_engine(Options::default().env("EVENTFLOW_REGISTRY", setting)).await;
    let repository = app.repository("pushed", &[("Dockerfile", SITE), ("www/index.html", "pushed")]).await;
    let id = app.register_git("pushed", &repository, None).await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(log.contains(&format!("Pushing {host}/{folder}/default/pushed:")) && !log.contains("let-me-in"), "{log}");
    let name = format!("{host}/{folder}/default/pushed@{}", digests(&app, &id).await[0]);
    let image = docker(&["inspect", "-f", "{{.Id}}", &name]);
    docker(&["rmi", "-f", &image]);
    app.start_function(&id).await;
    assert_eq!(text_of(&app, "pushed/").await, "pushed");
    // Nobody names it, however it is written.
    let error = refused(&app, "thief", &format!("FROM {name}\n")).await;
    assert!(error.contains("an image that EventFlow builds"), "{error}");
}

#[tokio::test]
async fn a_registry_that_does_not_let_the_server_in_fails_the_build_and_says_so() {
    let host = registry("TEST_LOGIN_REGISTRY");
    let setting = format!("http://eventflow:wrong-word@{host}/x");
    let app = with_engine(Options::default().env("EVENTFLOW_REGISTRY", setting)).await;
    let error = refused(&app, "unwanted", "FROM eventflow-test/busybox:1\nCMD [\"true\"]\n").await;
    assert!(error.contains("EVENTFLOW_REGISTRY") && !error.contains("wrong-word"), "{error}");
}

#[tokio::test]
async fn a_dockerfile_uses_no_image_that_its_namespace_may_not_have() {
    let app = with_engine(Options::default()).await;
    let private = format!("{}/eventflow-test/busybox:1", registry("TEST_LOGIN_REGISTRY"));
    let secret = format!("registry-{}", registry("TEST_LOGIN_REGISTRY"));
    let dockerfile =
        format!("FROM eventflow-test/busybox:1\nCOPY --from={private} /bin/busybox /other\nCMD [\"true\"]\n");
    let error = refused(&app, "early", &dockerfile).await;
    assert!(error.starts_with("Dockerfile, line 2: ") && error.contains(&secret), "{error}");
    let arguments = "namespace: \"default\", name: $name, value: \"eventflow:let-me-in\"";
    app.mutate("setSecret", arguments, "secret { name }", json!({ "name": secret }), "$name: String!").await;
    let job = r#"{ "mode": "job" }"#;
    let repository = app.repository("private", &[("Dockerfile", &dockerfile), ("function.json", job)]).await;
    let id = app.register_git("private", &repository, None).await;
    app.build(&id).await;
    let digest = digests(&app, &id).await.remove(0);

    // A stage is not known before it has ended: its name would mean any image that the engine has.
    for (name, from) in [("itself", "private"), ("numbered", "0"), ("far", "00000000000000000009")] {
        let error = refused(&app, name, &format!("FROM {BUSYBOX} AS private\nCOPY --from={from} / /loot\n")).await;
        assert!(error.starts_with("Dockerfile, line 2: "), "{error}");
    }

    // The engine has both now: the private image, and what was built of it.
    let own = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "eventflow.invalid/default/private"]);
    assert!(own.starts_with("eventflow.invalid/default/private:"), "{own}");
    let private_id = docker(&["inspect", "-f", "{{.Id}}", &private]);
    for (name, image) in [
        ("other-login", private.as_str()),
        ("other-name", own.lines().next().unwrap()),
        ("other-id", private_id.as_str()),
        ("other-digest", &format!("x/y@{digest}")),
    ] {
        for text in [format!("FROM {image}\nCMD [\"true\"]\n"), format!("FROM {BUSYBOX}\nCOPY --from={image} / /x\n")] {
            let name = format!("{name}-{}", text.len());
            let repository = app.repository(&name, &[("Dockerfile", &text), ("function.json", job)]).await;
            let input = json!({ "namespace": "team", "name": name, "source": { "git": { "url": repository } } });
            let made = app
                .mutate(
                    "registerFunction",
                    "input: $input",
                    "function { id }",
                    json!({ "input": input }),
                    "$input: RegisterFunctionInput!",
                )
                .await;
            let build = app.try_build(made["function"]["id"].as_str().unwrap()).await;
            assert_eq!(build["state"], "FAILED", "{text}: {build:#}");
            let error = build["error"].as_str().unwrap();
            // By its digest, it is asked for at its registry, which is not there.
            let refused = error.starts_with("Dockerfile, line ") || error.contains("does not answer");
            assert!(refused, "{text}: {build:#}");
        }
    }
}

#[tokio::test]
async fn a_builds_command_does_not_reach_what_listens_on_the_host() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = with_engine(Options::default()).await;
    let script = format!(
        "host=$(ip route | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p'); echo the host is $host; \
         nc -w 3 $host {port} < /dev/null && echo reached || echo closed"
    );
    let dockerfile = format!("FROM eventflow-test/busybox:1\nRUN {script}\nCMD [\"true\"]\n");
    let files = [("Dockerfile", dockerfile.as_str()), ("function.json", r#"{ "mode": "job" }"#)];
    let repository = app.repository("curious", &files).await;
    let id = app.register_git("curious", &repository, None).await;
    let build = app.try_build(&id).await;
    let log = log_of(&build);
    assert_eq!(build["state"], "SUCCEEDED", "{build:#}");
    assert!(log.contains("the host is 10.") && log.contains("\nclosed\n") && !log.contains("\nreached\n"), "{log}");
}

#[tokio::test]
async fn arguments_are_given_and_secrets_are_not_by_the_engines_own_builder() {
    let app = with_engine(Options::default()).await;
    let dockerfile =
        "ARG BASE=none\nFROM eventflow-test/${BASE}:1\nARG WORD\nRUN echo the word is $WORD\nCMD [\"true\"]\n";
    let manifest =
        r#"{ "runtime": "docker", "mode": "job", "build": { "env": { "BASE": "busybox", "WORD": "plain" } } }"#;
    let repository = app.repository("given", &[("Dockerfile", dockerfile), ("function.json", manifest)]).await;
    let id = app.register_git("given", &repository, None).await;
    let build = app.try_build(&id).await;
    assert!(build["state"] == "SUCCEEDED" && log_of(&build).contains("the word is plain"), "{build:#}");
    let arguments = "namespace: \"default\", name: \"TOKEN\", value: \"hidden\"";
    app.mutate("setSecret", arguments, "secret { name }", json!({}), "").await;
    let manifest = r#"{ "runtime": "docker", "build": { "secrets": ["TOKEN"] } }"#;
    let error = refusal(&app, "secret", &[("Dockerfile", dockerfile), ("function.json", manifest)]).await;
    assert!(error.contains("`TOKEN`") && error.contains("EVENTFLOW_BUILDKIT"), "{error}");
}
