//! The API of OpenFaaS, as faas-cli speaks it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// The answer's text, which is what faas-cli shows.
async fn text(response: Response, status: StatusCode) -> String {
    let found = response.status();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(kind.as_deref(), Some("text/plain; charset=utf-8"), "{text}");
    }
    text
}

impl House {
    async fn system(&self, method: Method, path: &str, body: Value) -> Response {
        self.system_as("dev-token", method, path, body).await
    }

    /// As faas-cli does after a login.
    async fn system_as(&self, token: &str, method: Method, path: &str, body: Value) -> Response {
        let request = self.request(method, &format!("/system/{path}")).basic_auth("admin", Some(token));
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap()
    }

    async fn deploy(&self, deployment: Value) {
        let answer = self.system(Method::POST, "functions", deployment).await;
        assert_eq!(text(answer, StatusCode::ACCEPTED).await, "");
    }

    async fn described(&self, name: &str) -> Value {
        json_of(self.system(Method::GET, &format!("function/{name}?usage=1"), Value::Null).await, StatusCode::OK).await
    }

    async fn functions_in(&self, namespace: &str) -> Vec<Value> {
        let answer = self.system(Method::GET, &format!("functions?namespace={namespace}"), Value::Null).await;
        json_of(answer, StatusCode::OK).await.as_array().unwrap().clone()
    }

    /// What a server that builds does with the newest build of a function of an image.
    async fn image_built(&self, namespace: &str, name: &str) {
        let id = function::id(namespace, name, 1);
        let query = "{ function(namespace: $ns, name: $name) { builds(first: 1) { nodes { id } } } }";
        let query = format!("query($ns: String!, $name: String!) {query}");
        let data = self.graphql(&query, json!({ "ns": namespace, "name": name })).await;
        let build: BuildId = data["function"]["builds"]["nodes"][0]["id"].as_str().unwrap().parse().unwrap();
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        let row = self.store.function(id).await.unwrap().unwrap();
        let manifest = builder::manifest::parse(&row.manifest.unwrap().value()).unwrap();
        let made = Made::artifact(format!("sha256:{build}"), 1);
        let succeed =
            Command::SucceedBuild { build, made, manifest: Box::new(manifest), commit: None, at: clock::now() };
        self.command(id, succeed).await;
    }

    async fn until_state(&self, name: &str, state: function::Status) {
        let id = function::id("default", name, 1);
        let seen = async {
            while self.store.function(id).await.unwrap().unwrap().state != state {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{name} is not {state:?}"));
    }
}

fn hello() -> Value {
    json!({
        "service": "hello", "image": "example/hello:1", "envProcess": "python index.py", "envVars": { "LEVEL": "info" },
        "labels": { "team": "shop", "com.openfaas.scale.min": "2" }, "annotations": { "topic": "orders" },
        "secrets": ["api-key"], "limits": { "memory": "5Mi", "cpu": "100m" }, "readOnlyRootFilesystem": true,
    })
}

#[actix_web::test]
async fn a_function_is_deployed_listed_described_and_removed() {
    let house = House::new().await;
    assert_eq!(house.functions_in("default").await, Vec::<Value>::new());
    house.deploy(hello()).await;
    let described = house.described("hello").await;
    let created = described["createdAt"].as_str().unwrap().to_owned();
    let expected = json!({
        "name": "hello", "namespace": "default", "image": "example/hello:1", "envProcess": "python index.py",
        "envVars": { "LEVEL": "info" }, "secrets": ["api-key"], "annotations": { "topic": "orders" },
        "labels": { "team": "shop", "com.openfaas.scale.min": "2", "faas_function": "hello" },
        "limits": { "memory": "5Mi", "cpu": "100m" },
        "invocationCount": 0, "replicas": 2, "availableReplicas": 0, "createdAt": created,
    });
    assert_eq!(described, expected);
    assert_eq!(house.described("hello.default").await, expected);
    assert_eq!(house.functions_in("default").await, [expected]);
    assert_eq!(house.functions_in("").await.len(), 1, "without a namespace it is the default one");

    // To deploy again is for PUT, which faas-cli tries first.
    let told = text(house.system(Method::POST, "functions", hello()).await, StatusCode::CONFLICT).await;
    assert!(told.contains("exists already"), "{told}");

    let removal = json!({ "functionName": "hello", "namespace": "" });
    text(house.system(Method::DELETE, "functions", removal.clone()).await, StatusCode::ACCEPTED).await;
    assert_eq!(house.functions_in("default").await, Vec::<Value>::new());
    let answer = house.system(Method::DELETE, "functions", removal).await;
    assert!(text(answer, StatusCode::NOT_FOUND).await.contains("there is no function `hello`"));
    text(house.system(Method::GET, "function/hello", Value::Null).await, StatusCode::NOT_FOUND).await;
}

#[actix_web::test]
async fn it_starts_when_its_image_is_there_and_runs_on_while_it_is_deployed_again() {
    let house = House::new().await;
    let put = |deployment: Value| house.system(Method::PUT, "functions", deployment);
    let answer = put(hello()).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "faas-cli then deploys it for the first time");
    house.deploy(hello()).await;
    house.image_built("default", "hello").await;
    house.until_state("hello", function::Status::Running).await;

    let second = json!({ "service": "hello", "image": "example/hello:2", "labels": null, "secrets": [] });
    text(put(second).await, StatusCode::ACCEPTED).await;
    let described = house.described("hello").await;
    assert_eq!((&described["image"], &described["replicas"]), (&json!("example/hello:2"), &json!(1)));
    assert_eq!((&described["envVars"], &described["limits"]), (&Value::Null, &Value::Null));
    house.image_built("default", "hello").await;
    let row = house.store.function(function::id("default", "hello", 1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.current_version), (function::Status::Running, Some(1)), "the second is being tried");

    // One that was stopped starts with its deployment, as it does there.
    let id = row.id;
    house.command(id, Command::Stop { reason: None, at: clock::now() }).await;
    assert_eq!(house.described("hello").await["replicas"], 0);
    text(put(hello()).await, StatusCode::ACCEPTED).await;
    house.image_built("default", "hello").await;
    house.until_state("hello", function::Status::Running).await;
}

#[actix_web::test]
async fn a_function_of_a_repository_is_shown_and_not_replaced_by_an_image() {
    let house = House::new().await;
    house.running("default", "shop").await;
    let described = house.described("shop").await;
    assert_eq!(
        (&described["image"], &described["labels"]["faas_function"]),
        (&json!("https://example.com/f"), &json!("shop"))
    );
    for (method, path, body) in [
        (Method::PUT, "functions", json!({ "service": "shop", "image": "example/shop:1" })),
        (Method::POST, "scale-function/shop", json!({ "replicas": 2 })),
    ] {
        let told = text(house.system(method, path, body).await, StatusCode::CONFLICT).await;
        assert!(told.contains("built from its source"), "{told}");
    }
    assert_eq!(house.store.function(function::id("default", "shop", 1)).await.unwrap().unwrap().manifest, None);
}

#[actix_web::test]
async fn as_many_replicas_are_wanted_as_were_asked_for() {
    let house = House::new().await;
    house.deploy(hello()).await;
    house.image_built("default", "hello").await;
    house.until_state("hello", function::Status::Running).await;
    let scale = |replicas: u64| {
        let body = json!({ "serviceName": "hello", "replicas": replicas });
        house.system(Method::POST, "scale-function/hello", body)
    };
    let builds = async || {
        let query = "{ function(name: \"hello\") { builds { totalCount } } }";
        house.graphql(query, Value::Null).await["function"]["builds"]["totalCount"].as_u64().unwrap()
    };
    for replicas in [30, 0, 3] {
        text(scale(replicas).await, StatusCode::ACCEPTED).await;
        assert_eq!(house.described("hello").await["replicas"], replicas);
    }
    let there = builds().await;
    text(scale(3).await, StatusCode::ACCEPTED).await;
    assert_eq!(builds().await, there, "nothing was to be done");
    let told = text(scale(1001).await, StatusCode::BAD_REQUEST).await;
    assert!(told.contains("1001") && told.contains("1000"), "{told}");
    text(scale(u64::MAX).await, StatusCode::BAD_REQUEST).await;
    let missing = house.system(Method::POST, "scale-function/none", json!({ "replicas": 1 })).await;
    text(missing, StatusCode::NOT_FOUND).await;
    // A function that was stopped comes back with its replicas.
    house.command(function::id("default", "hello", 1), Command::Stop { reason: None, at: clock::now() }).await;
    text(scale(0).await, StatusCode::ACCEPTED).await;
    text(scale(3).await, StatusCode::ACCEPTED).await;
    house.image_built("default", "hello").await;
    house.until_state("hello", function::Status::Running).await;
}

#[actix_web::test]
async fn a_long_list_is_one_answer() {
    let house = House::new().await;
    let count = crate::store::page::MAX_PAGE as usize * 2 + 7;
    for number in 0..count {
        house.registered("many", &format!("f{number:04}")).await;
    }
    let listed = house.functions_in("many").await;
    let names: Vec<_> = listed.iter().map(|status| status["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..count).map(|number| format!("f{number:04}")).collect::<Vec<_>>());
    assert_eq!(house.functions_in("default").await.len(), 0);
}

#[actix_web::test]
async fn calls_are_counted() {
    let house = House::new().await;
    let id = house.running("default", "shop").await;
    for _ in 0..3 {
        let run = house.queued(id, "default").await;
        house.succeed(run, json!(1)).await;
    }
    assert_eq!(house.described("shop").await["invocationCount"], 3);
    assert_eq!(house.functions_in("default").await[0]["invocationCount"], 3);
}

#[actix_web::test]
async fn secrets_are_set_listed_and_removed_and_never_told() {
    let house = House::new().await;
    let secret = |method: Method, body: Value| house.system(method, "secrets", body);
    let names = async || {
        let listed = json_of(secret(Method::GET, Value::Null).await, StatusCode::OK).await;
        assert!(!listed.to_string().contains("hunter"), "{listed}");
        listed.as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let raw = STANDARD.encode("hunter3\n");
    let create = json!({ "name": "api-key", "value": "hunter2" });
    text(secret(Method::POST, create.clone()).await, StatusCode::CREATED).await;
    assert_eq!(names().await, ["api-key"]);
    assert_eq!(*house.services.vault.secret("default", "api_key").await.unwrap().value, "hunter2");
    let told = text(secret(Method::POST, create).await, StatusCode::CONFLICT).await;
    assert!(told.contains("api-key") && !told.contains("hunter"), "{told}");
    text(secret(Method::PUT, json!({ "name": "api-key", "rawValue": raw })).await, StatusCode::ACCEPTED).await;
    assert_eq!(*house.services.vault.secret("default", "api_key").await.unwrap().value, "hunter3\n");
    text(secret(Method::PUT, json!({ "name": "other", "value": "a" })).await, StatusCode::NOT_FOUND).await;
    let told =
        text(secret(Method::POST, json!({ "name": "tls.crt", "value": "a" })).await, StatusCode::BAD_REQUEST).await;
    assert!(told.contains("tls.crt") && told.contains("variables"), "{told}");
    let binary = json!({ "name": "binary", "value": "\u{fffd}", "rawValue": STANDARD.encode([0xff, 0xfe]) });
    assert!(text(secret(Method::POST, binary).await, StatusCode::BAD_REQUEST).await.contains("not text"));
    house.set_secret("default", "UPPER_CASE", "x").await;
    house.set_secret("team", "elsewhere", "x").await;
    assert_eq!(names().await, ["UPPER_CASE", "api-key"]);
    text(secret(Method::DELETE, json!({ "name": "api-key" })).await, StatusCode::ACCEPTED).await;
    text(secret(Method::DELETE, json!({ "name": "api-key" })).await, StatusCode::NOT_FOUND).await;
    assert_eq!(names().await, ["UPPER_CASE"]);
}

#[actix_web::test]
async fn the_log_is_one_object_a_line() {
    let house = House::new().await;
    let id = house.running("default", "shop").await;
    house.lines(id, None, None, &["one", "two", "three"]).await;
    let read = async |query: &str| {
        let answer = house.system(Method::GET, &format!("logs?name=shop{query}"), Value::Null).await;
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let text = text(answer, StatusCode::OK).await;
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let texts =
        |lines: &[Value]| lines.iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = read("&follow=false&tail=-1").await;
    assert_eq!(texts(&all), ["one", "two", "three"]);
    assert_eq!(
        (&all[0]["name"], &all[0]["namespace"], &all[0]["instance"]),
        (&json!("shop"), &json!("default"), &json!(""))
    );
    assert!(chrono::DateTime::parse_from_rfc3339(all[0]["timestamp"].as_str().unwrap()).is_ok());
    assert_eq!(texts(&read("&tail=2").await), ["two", "three"]);
    assert_eq!(texts(&read("&since=2000-01-01T00:00:00Z").await).len(), 3);
    assert_eq!(texts(&read("&since=2100-01-01T00:00:00%2B02:00").await).len(), 0);
    assert_eq!(read("&instance=other").await.len(), 0);
    for (query, status) in [
        ("name=none", StatusCode::NOT_FOUND),
        ("", StatusCode::NOT_FOUND),
        ("name=shop&tail=x", StatusCode::BAD_REQUEST),
        ("name=shop&since=yesterday", StatusCode::BAD_REQUEST),
    ] {
        text(house.system(Method::GET, &format!("logs?{query}"), Value::Null).await, status).await;
    }

    let mut followed = house.system(Method::GET, "logs?name=shop&follow=true&tail=1", Value::Null).await;
    let mut next = async || {
        let chunk = tokio::time::timeout(PATIENCE, followed.chunk()).await.unwrap().unwrap()?;
        Some(serde_json::from_slice::<Value>(&chunk).unwrap()["text"].as_str().unwrap().to_owned())
    };
    assert_eq!(next().await.unwrap(), "three");
    house.lines(id, None, None, &["four"]).await;
    assert_eq!(next().await.unwrap(), "four");
    house.services.stopping.cancel();
    assert_eq!(next().await, None);
}

#[actix_web::test]
async fn a_followed_log_ends_with_the_session() {
    let house = House::new().await;
    house.running("default", "shop").await;
    let token = house.token(&["default"], false);
    let mut followed = house.system_as(&token, Method::GET, "logs?name=shop&follow=1", Value::Null).await;
    assert_eq!(followed.status(), StatusCode::OK);
    let answer = house.request(Method::POST, "/auth/logout").bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let last = tokio::time::timeout(PATIENCE, followed.chunk()).await.unwrap().unwrap().unwrap();
    let last: Value = serde_json::from_slice(&last).unwrap();
    assert!(last["text"].as_str().unwrap().contains("signed out"), "{last}");
    assert_eq!(tokio::time::timeout(PATIENCE, followed.chunk()).await.unwrap().unwrap(), None);
}

#[actix_web::test]
async fn namespaces_are_listed_and_created_and_stay() {
    let house = House::new().await;
    let all = async || json_of(house.system(Method::GET, "namespaces", Value::Null).await, StatusCode::OK).await;
    assert_eq!(all().await, json!(["default"]));
    // faas-cli creates with a path that ends there, other programs with the name in it.
    let create = |path: &'static str, name: &str| house.system(Method::POST, path, json!({ "name": name }));
    text(create("namespace/", "team").await, StatusCode::CREATED).await;
    text(create("namespace/other", "").await, StatusCode::CREATED).await;
    assert_eq!(all().await, json!(["default", "other", "team"]));
    assert!(text(create("namespace/", "team").await, StatusCode::CONFLICT).await.contains("already"));
    text(create("namespace/", "No!").await, StatusCode::BAD_REQUEST).await;
    let shown = house.system(Method::GET, "namespace/team", Value::Null).await;
    assert_eq!(json_of(shown, StatusCode::OK).await, json!({ "name": "team" }));
    text(house.system(Method::GET, "namespace/none", Value::Null).await, StatusCode::NOT_FOUND).await;
    for method in [Method::DELETE, Method::PUT] {
        let answer = house.system(method, "namespace/team", json!({ "name": "team" })).await;
        assert!(text(answer, StatusCode::NOT_IMPLEMENTED).await.contains("cannot be removed"));
    }
    assert_eq!(all().await, json!(["default", "other", "team"]));
}

#[actix_web::test]
async fn the_versions_that_clients_ask_for_are_told() {
    let house = House::new().await;
    let info = json_of(house.system(Method::GET, "info", Value::Null).await, StatusCode::OK).await;
    for version in [&info["version"], &info["provider"]["version"]] {
        assert_eq!(version["release"], env!("CARGO_PKG_VERSION"));
        assert!(!version["sha"].as_str().unwrap().is_empty());
    }
    assert_eq!(
        (&info["provider"]["provider"], &info["provider"]["orchestration"]),
        (&json!("eventflow"), &json!("eventflow"))
    );
}

/// Each route with a method that it takes.
const ROUTES: [(Method, &str); 17] = [
    (Method::GET, "info"),
    (Method::GET, "functions"),
    (Method::POST, "functions"),
    (Method::PUT, "functions"),
    (Method::DELETE, "functions"),
    (Method::GET, "function/shop"),
    (Method::POST, "scale-function/shop"),
    (Method::GET, "logs?name=shop"),
    (Method::GET, "secrets"),
    (Method::POST, "secrets"),
    (Method::PUT, "secrets"),
    (Method::DELETE, "secrets"),
    (Method::GET, "namespaces"),
    (Method::POST, "namespace/"),
    (Method::GET, "namespace/default"),
    (Method::PUT, "namespace/default"),
    (Method::DELETE, "namespace/default"),
];

#[actix_web::test]
async fn who_has_no_token_learns_nothing() {
    let house = House::new().await;
    house.running("default", "shop").await;
    let signed_in = house.request(Method::POST, "/auth/token?cookie=true").send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (method, path) in ROUTES {
        let request = || house.request(method.clone(), &format!("/system/{path}")).body("{");
        for (what, request) in [
            ("nothing", request()),
            ("another scheme", request().header("authorization", "Digest a=b")),
            ("no pair", request().header("authorization", "Basic YQ==")),
            ("no base64", request().header("authorization", "Basic ?")),
            ("a cookie", request().header("cookie", &cookie).header("origin", &house.url)),
            ("a broken token", request().bearer_auth("a.b.c")),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "a browser must not ask for a password: {what}");
            let told = text(answer, StatusCode::UNAUTHORIZED).await;
            assert!(!told.contains("shop"), "{method} {path} with {what}: {told}");
        }
        // A page of another site has a browser send what somebody typed into it.
        let led = request().basic_auth("admin", Some("dev-token")).header("origin", "https://evil.example");
        text(led.send().await.unwrap(), StatusCode::FORBIDDEN).await;
    }
}

#[actix_web::test]
async fn wrong_tokens_are_counted_and_keep_nobody_out_who_has_one() {
    let house = House::new().await;
    let guess = async |number: usize| {
        let request = house.request(Method::GET, "/system/functions");
        request.basic_auth("admin", Some(format!("guess-{number}"))).send().await.unwrap().status().as_u16()
    };
    let mut statuses = Vec::new();
    for number in 0..15 {
        statuses.push(guess(number).await);
    }
    let expected: Vec<u16> = std::iter::repeat_n(401, 10).chain(std::iter::repeat_n(429, 5)).collect();
    assert_eq!(statuses, expected);
    let body = json!({ "username": "admin", "password": "admin" });
    let sign_in = house.request(Method::POST, "/auth/token").json(&body).send().await.unwrap();
    assert_eq!(sign_in.status(), StatusCode::TOO_MANY_REQUESTS, "both count the same guesses");
    assert_eq!(house.functions_in("default").await.len(), 0, "a token opens");
}

#[actix_web::test]
async fn a_bearer_token_does_as_well() {
    let house = House::new().await;
    let answer = house.get("/system/functions").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!([]));
}

#[actix_web::test]
async fn a_viewer_changes_nothing_and_sees_no_other_namespace() {
    let house = House::new().await;
    house.running("default", "shop").await;
    house.running("team", "secret-shop").await;
    house.set_secret("team", "hidden", "x").await;
    let (viewer, member) = (house.token(&["default"], false), house.token(&["default"], true));
    let before = house.graphql("{ history { totalCount } }", Value::Null).await;
    for (method, path, body) in [
        (Method::POST, "functions", json!({ "service": "mine", "image": "example/mine:1" })),
        (Method::DELETE, "functions", json!({ "functionName": "shop" })),
        (Method::PUT, "functions", json!({ "service": "shop", "image": "example/shop:1" })),
        (Method::POST, "scale-function/shop", json!({ "replicas": 2 })),
        (Method::POST, "secrets", json!({ "name": "mine", "value": "x" })),
        (Method::PUT, "secrets", json!({ "name": "mine", "value": "x" })),
        (Method::DELETE, "secrets", json!({ "name": "mine" })),
        (Method::POST, "namespace/", json!({ "name": "mine" })),
    ] {
        let answer = house.system_as(&viewer, method.clone(), path, body).await;
        assert!(text(answer, StatusCode::FORBIDDEN).await.contains("you"), "{method} {path}");
    }
    for (method, path, body, status) in [
        (Method::GET, "functions?namespace=team", Value::Null, StatusCode::FORBIDDEN),
        (Method::GET, "secrets?namespace=team", Value::Null, StatusCode::FORBIDDEN),
        (Method::GET, "function/secret-shop?namespace=team", Value::Null, StatusCode::NOT_FOUND),
        (Method::GET, "function/secret-shop.team", Value::Null, StatusCode::NOT_FOUND),
        (Method::GET, "logs?name=secret-shop&namespace=team", Value::Null, StatusCode::NOT_FOUND),
        (Method::GET, "namespace/team", Value::Null, StatusCode::NOT_FOUND),
        (
            Method::DELETE,
            "functions",
            json!({ "functionName": "secret-shop", "namespace": "team" }),
            StatusCode::NOT_FOUND,
        ),
        (
            Method::PUT,
            "functions",
            json!({ "service": "secret-shop", "image": "a", "namespace": "team" }),
            StatusCode::NOT_FOUND,
        ),
        (
            Method::POST,
            "functions",
            json!({ "service": "mine", "image": "a", "namespace": "team" }),
            StatusCode::FORBIDDEN,
        ),
        (
            Method::POST,
            "scale-function/secret-shop",
            json!({ "replicas": 0, "namespace": "team" }),
            StatusCode::NOT_FOUND,
        ),
        (
            Method::POST,
            "secrets",
            json!({ "name": "hidden", "value": "x", "namespace": "team" }),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = house.system_as(&member, method.clone(), path, body).await;
        text(answer, status).await;
    }
    let seen = house.system_as(&member, Method::GET, "namespaces", Value::Null).await;
    assert_eq!(json_of(seen, StatusCode::OK).await, json!(["default"]));
    assert_eq!(house.graphql("{ history { totalCount } }", Value::Null).await, before);
}

#[actix_web::test]
async fn what_does_not_fit_is_refused_in_a_sentence() {
    let house = House::new().await;
    let with = |more: Value| {
        let mut all = hello();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (body, expected) in [
        (json!({}), "the name `` does not fit"),
        (json!("x"), "the body does not fit"),
        (with(json!({ "service": "Hello_World" })), "`Hello_World`"),
        (with(json!({ "image": "" })), "the image must be a reference"),
        (with(json!({ "image": "user:pass@host/x" })), "without user and password"),
        (with(json!({ "namespace": "No!" })), "`No!`"),
        (with(json!({ "envVars": { "a b": "x" } })), "a b"),
        (with(json!({ "envVars": { "PORT": "1" } })), "PORT"),
        (with(json!({ "envVars": { "api_key": "1" } })), "api_key"),
        (with(json!({ "envVars": { "a": 1 } })), "the body does not fit"),
        (with(json!({ "labels": { "a": "x".repeat(5000) } })), "labels"),
        (with(json!({ "annotations": { "a": "\u{0}" } })), "zero byte"),
        (with(json!({ "limits": { "memory": "9999Ti" } })), "memory_mb"),
        (with(json!({ "secrets": ["a-b", "a_b"] })), "secrets"),
        (with(json!({ "annotations": { "eventflow.io/network": "http://x" } })), "network"),
    ] {
        let told = text(house.system(Method::POST, "functions", body).await, StatusCode::BAD_REQUEST).await;
        assert!(told.contains(expected) && told.len() < 2000, "{told}");
    }
    let large = house.post("/system/functions").body(vec![b' '; 7 << 20]).send().await.unwrap();
    text(large, StatusCode::PAYLOAD_TOO_LARGE).await;
    let wrong = house.request(Method::PATCH, "/system/functions").send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    text(wrong, StatusCode::METHOD_NOT_ALLOWED).await;
    let pages = house.request(Method::GET, "/system").header("accept", "text/html").send().await.unwrap();
    assert!(pages.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "this is a page of the web UI");
    assert_eq!(house.functions_in("default").await.len(), 0);
}

#[actix_web::test]
async fn a_function_is_called_by_its_name_and_namespace_in_one() {
    let house = House::new().await;
    house.running("default", "shop").await;
    house.running("team", "shop").await;
    let call = async |path: &str, token: Option<&str>| {
        let request = house.request(Method::POST, path);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    let member = house.token(&["default"], true);
    for begin in ["/function", "/async-function"] {
        // Nobody can have these names: there is nothing to learn.
        for name in [".default", "shop.", "shop.de.fault", "Shop.default", "shop.txt!"] {
            assert_eq!(call(&format!("{begin}/{name}"), None).await, 404, "{name}");
        }
        for name in ["shop.default", "none.default", "shop.none"] {
            assert_eq!(call(&format!("{begin}/{name}"), None).await, 401, "{name}");
        }
        assert_eq!(call(&format!("{begin}/none.default"), Some("dev-token")).await, 404);
        assert_eq!(call(&format!("{begin}/shop.team"), Some(&member)).await, 404);
        assert_eq!(call(&format!("{begin}/none.openfaas-fn"), Some("dev-token")).await, 404);
    }
    // faas-cli says `openfaas-fn` where it was told no namespace.
    for name in ["shop.default", "shop.team", "shop.team/a/b", "shop.openfaas-fn"] {
        assert_eq!(call(&format!("/async-function/{name}"), Some("dev-token")).await, 202, "{name}");
    }
}
