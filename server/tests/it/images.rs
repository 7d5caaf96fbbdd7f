//! Functions that are container images, on a real engine: what `scripts/with-docker` starts, or `TEST_DOCKER_HOST` names.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Options, TestApp, json_of};
use crate::executor::docker::{BUSYBOX, docker, host, publish, registry};

/// A server on the engine of the tests.
async fn with_engine() -> TestApp {
    TestApp::start_with(Options::default().env("DOCKER_HOST", host())).await
}

/// Registers an image: the function's id.
pub async fn registered(app: &TestApp, name: &str, image: &str, manifest: Value) -> String {
    let input = json!({ "input": { "name": name, "source": { "image": { "image": image } }, "manifest": manifest } });
    let made = app
        .mutate("registerFunction", "input: $input", "function { id }", input, "$input: RegisterFunctionInput!")
        .await;
    made["function"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

#[tokio::test]
async fn an_image_with_replicas_is_all_that_a_program_asks_for() {
    let app = with_engine().await;
    let image = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let script =
        "mkdir /tmp/www && echo hello > /tmp/www/index.html && echo ready && exec httpd -f -p $PORT -h /tmp/www";
    let new = json!({ "name": "web", "image": image, "replicas": 2, "command": ["/bin/sh", "-c", script], "env": { "LEVEL": "info" } });
    let made = json_of(app.post("/v1/functions").json(&new).send().await.unwrap(), StatusCode::CREATED).await;
    assert_eq!((&made["image"], &made["replicas"]), (&json!(image), &json!(2)), "{made}");
    let web = app
        .eventually("two replicas are ready", async || {
            let web = json_of(app.get("/v1/functions/web").send().await.unwrap(), StatusCode::OK).await;
            assert_ne!(web["build"]["status"], "FAILED", "{web}");
            (web["ready_replicas"] == 2).then_some(web)
        })
        .await;
    assert_eq!(
        (&web["status"], &web["available_replicas"], &web["updated_replicas"]),
        (&json!("RUNNING"), &json!(2), &json!(2))
    );
    let answer = app.get("/function/web/").send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "hello\n"));
    app.eventually("both say a line", async || {
        let log = app.get("/v1/functions/web/logs").send().await.unwrap().text().await.unwrap();
        (log.matches("ready").count() >= 2).then_some(())
    })
    .await;
    let id = app.function_id("web").await;
    let label =
        ["ps", "-q", "--filter", "label=io.eventflow.function=web", "--filter", "label=io.eventflow.namespace=default"];
    assert!(docker(&label).lines().count() >= 2);
    let versions =
        app.graphql("query($id: ID!) { function(id: $id) { currentVersion { digest } } }", json!({ "id": id })).await;
    let digest = versions["function"]["currentVersion"]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");

    let gone = app.request(Method::DELETE, "/v1/functions/web").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let own = format!("label=io.eventflow.server={}", server_of(&app).await);
    app.eventually("its containers are gone", async || {
        docker(&["ps", "-aq", "--filter", &own]).is_empty().then_some(())
    })
    .await;
}

/// The name that a server's containers carry.
async fn server_of(app: &TestApp) -> String {
    let found = app.graphql("{ viewer { server { nodes } } }", json!({})).await;
    found["viewer"]["server"]["nodes"][0].as_str().unwrap_or_else(|| panic!("{found}")).to_owned()
}

/// A program that answers on its port.
const ANSWERS: &str = "mkdir /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www";

#[tokio::test]
async fn an_instance_shows_its_container_what_it_uses_and_how_often_it_was_restarted() {
    let app = with_engine().await;
    let manifest = json!({
        "runtime": "docker", "command": ["/bin/sh", "-c", ANSWERS],
        "scaling": { "min": 1, "max": 1 }, "resources": { "memory_mb": 64 },
    });
    let id = registered(&app, "seen", BUSYBOX, manifest).await;
    app.build(&id).await;
    app.start_function(&id).await;
    let query = "query($id: ID!) { function(id: $id) { instances {
        id containerId node address restarts usage { at cpu memory memoryLimit } } } }";
    let one = async |restarts: u64| {
        app.eventually("it uses something", async || {
            let found = app.graphql(query, json!({ "id": id })).await;
            let [one] = found["function"]["instances"].as_array().unwrap().as_slice() else { return None };
            (one["restarts"] == restarts && one["usage"]["memory"].as_f64() > Some(0.0)).then(|| one.clone())
        })
        .await
    };
    let first = one(0).await;
    let label = format!("label=io.eventflow.instance={}", first["id"].as_str().unwrap());
    let container = docker(&["ps", "-q", "--no-trunc", "--filter", &label]);
    assert_eq!(first["containerId"], container, "{first}");
    assert_eq!(first["node"], docker(&["info", "--format", "{{.Name}}"]), "{first}");
    assert!(first["address"].as_str().unwrap().ends_with(":8080"), "{first}");
    assert_eq!(first["usage"]["memoryLimit"].as_f64(), Some(f64::from(64 << 20)), "{first}");
    assert!(first["usage"]["cpu"].as_f64() >= Some(0.0), "{first}");

    docker(&["kill", &container]);
    let second = one(1).await;
    assert_ne!(first["containerId"], second["containerId"]);
}

#[tokio::test]
async fn a_version_says_which_image_it_is_and_how_it_was_pulled() {
    let app = with_engine().await;
    let image = format!("{}/eventflow-test/busybox:1", registry("TEST_REGISTRY"));
    let manifest = json!({ "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", "true"] });
    let id = registered(&app, "pulled", &image, manifest).await;
    app.build(&id).await;
    let query = "query($id: ID!) { function(id: $id) { currentVersion { digest size
        image { reference digest size layers platform pulledAt pullDurationMs } } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    let version = &found["function"]["currentVersion"];
    let (made, is) =
        (&version["image"], docker(&["image", "inspect", "--format", "{{.Size}} {{.Os}}/{{.Architecture}}", &image]));
    assert_eq!((&made["reference"], &made["digest"]), (&json!(image), &version["digest"]), "{found}");
    let shown = format!("{} {}", made["size"].as_f64().unwrap(), made["platform"].as_str().unwrap());
    assert_eq!((shown, &made["layers"], &version["size"]), (is, &json!(1), &Value::Null), "{found}");
    assert!(made["pulledAt"].is_string() && made["pullDurationMs"].as_f64() > Some(0.0), "{found}");
}

#[tokio::test]
async fn an_image_that_nothing_needs_any_more_is_shown_before_it_goes() {
    let app = with_engine().await;
    let name = format!("{}/unneeded/{}:1", registry("TEST_REGISTRY"), Uuid::new_v4().simple());
    publish(&name);
    let manifest = json!({ "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", "true"] });
    let id = registered(&app, "leaves", &name, manifest.clone()).await;
    app.build(&id).await;
    let other = registered(&app, "stays", BUSYBOX, manifest).await;
    app.build(&other).await;
    let query = "{ viewer { server { engineImages { id tags digests size neededAt fate reason goesAt } } } }";
    let shown = async || {
        let found = app.graphql(query, json!({})).await;
        let [one] = found["viewer"]["server"]["engineImages"].as_array().unwrap().as_slice() else {
            panic!("what was on the engine before is not ours: {found}")
        };
        one.clone()
    };
    let needed = shown().await;
    assert_eq!((&needed["fate"], &needed["goesAt"], &needed["tags"]), (&json!("NEEDED"), &Value::Null, &json!([name])));
    app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": id }), "$id: ID!").await;
    let goes = shown().await;
    let time = |field: &str| chrono::DateTime::parse_from_rfc3339(goes[field].as_str().unwrap()).unwrap();
    assert_eq!((&goes["fate"], (time("goesAt") - time("neededAt")).num_hours()), (&json!("GOES"), 24), "{goes}");
    docker(&["tag", &name, &format!("{name}-mine")]);
    let used = shown().await;
    assert_eq!(used["reason"], format!("somebody has named it {name}-mine"), "{used}");
    // Nobody's name becomes a pull's because a function asks for it.
    let manifest = json!({ "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", "true"] });
    let taker = registered(&app, "taker", &format!("{name}-mine"), manifest).await;
    assert_eq!(app.try_build(&taker).await["state"], "FAILED", "no registry has it");
    app.mutate("deregisterFunction", "id: $id", "function { state }", json!({ "id": taker }), "$id: ID!").await;
    assert_eq!(shown().await["reason"], used["reason"]);
    docker(&["rmi", &format!("{name}-mine"), &name]);
}

#[tokio::test]
async fn the_base_of_a_build_that_failed_goes() {
    let app = with_engine().await;
    let name = format!("{}/base/{}:1", registry("TEST_REGISTRY"), Uuid::new_v4().simple());
    publish(&name);
    let dockerfile = format!("FROM {name}\nRUN exit 3\n");
    let repository = app.repository("based", &[("Dockerfile", &dockerfile)]).await;
    let id = app.register_git("based", &repository, None).await;
    assert_eq!(app.try_build(&id).await["state"], "FAILED");
    let query = "{ viewer { server { engineImages { tags fate } } } }";
    let found = app.graphql(query, json!({})).await;
    assert_eq!(found["viewer"]["server"]["engineImages"], json!([{ "tags": [name], "fate": "GOES" }]));
    docker(&["rmi", &name]);
}

#[tokio::test]
async fn an_event_runs_a_job_in_a_container() {
    let app = with_engine().await;
    let script = "read event; echo got it; echo '{\"n\":2}' > $EVENTFLOW_RESULT";
    let manifest = json!({
        "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", script],
        "triggers": [{ "type": "event", "pattern": "file.uploaded" }],
    });
    let id = registered(&app, "job", BUSYBOX, manifest).await;
    app.build(&id).await;
    app.start_function(&id).await;
    assert_eq!(app.publish("file.uploaded", "1", json!({ "n": 1 })).await.status(), StatusCode::ACCEPTED);
    let run = app.run_where(&id, |run| run["state"] == "SUCCEEDED").await;
    assert_eq!((&run["output"], &run["exitCode"]), (&json!({ "n": 2 }), &json!(0)), "{run}");
    assert_eq!(run["log"][0]["text"], "got it", "{run}");
}

#[tokio::test]
async fn a_tag_that_names_another_image_is_another_version_when_it_is_built_again() {
    let app = with_engine().await;
    let name = format!("{}/moves/{}:1", registry("TEST_REGISTRY"), Uuid::new_v4().simple());
    publish(&name);
    let manifest = json!({ "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", "true"] });
    let id = registered(&app, "moves", &name, manifest).await;
    assert_eq!(app.build(&id).await, 1);
    publish(&name);
    assert_eq!(app.build(&id).await, 2);
    let query = "query($id: ID!) { function(id: $id) { versions { nodes { digest } } } }";
    let found = app.graphql(query, json!({ "id": id })).await;
    let nodes = found["function"]["versions"]["nodes"].as_array().unwrap();
    assert_ne!(nodes[0]["digest"], nodes[1]["digest"], "{found}");
}

#[tokio::test]
async fn a_private_image_is_pulled_with_the_login_of_its_namespace() {
    let app = with_engine().await;
    let host = registry("TEST_LOGIN_REGISTRY");
    let manifest = json!({ "runtime": "docker", "mode": "job", "command": ["/bin/sh", "-c", "true"] });
    let id = registered(&app, "private", &format!("{host}/eventflow-test/busybox:1"), manifest).await;
    let secret = format!("registry-{host}");
    let refused = app.try_build(&id).await;
    assert_eq!(refused["state"], "FAILED");
    assert!(refused["error"].as_str().unwrap().contains(&secret), "{refused:#}");
    let set = async |value: &str| {
        let variables = json!({ "name": secret, "value": value });
        let types = "$name: String!, $value: String!";
        let done = app
            .mutate(
                "setSecret",
                "namespace: \"default\", name: $name, value: $value",
                "secret { name }",
                variables,
                types,
            )
            .await;
        assert_eq!(done["secret"]["name"], json!(secret), "{done}");
    };
    set("eventflow:wrong").await;
    assert_eq!(app.try_build(&id).await["state"], "FAILED");
    set("let-me-in").await;
    let shapeless = app.try_build(&id).await;
    assert!(shapeless["error"].as_str().unwrap().contains("USER:PASSWORD"), "{shapeless:#}");
    set("eventflow:let-me-in").await;
    assert_eq!(app.build(&id).await, 1);
}

#[tokio::test]
async fn an_image_without_an_engine_is_refused_with_what_to_do() {
    let app = TestApp::start().await;
    let id = registered(&app, "nowhere", "nginx:alpine", json!({ "runtime": "docker" })).await;
    let build = app.try_build(&id).await;
    assert_eq!(build["state"], "FAILED");
    let error = build["error"].as_str().unwrap();
    assert!(error.contains("DOCKER_HOST"), "{error}");
}
