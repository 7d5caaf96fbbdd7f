//! Names and addresses that a request claims: the header Host, and what proxies say.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;
use crate::wire::Wire;

/// The password that the first start printed.
fn password(app: &TestApp) -> String {
    app.output.split("with the password ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

async fn code_of(answer: reqwest::Response, status: u16) -> String {
    let body: Value = json_of(answer, StatusCode::from_u16(status).unwrap()).await;
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_that_rebinds_its_name_reaches_no_developers_server() {
    let app = victim(Options::default()).await;
    let ways = [
        (Method::GET, "/"),
        (Method::GET, "/v1/functions"),
        (Method::POST, "/graphql"),
        (Method::POST, "/auth/token"),
        (Method::POST, "/function/hello"),
        (Method::POST, "/async-function/hello"),
        (Method::POST, "/hooks/default/hello/x"),
        (Method::GET, "/nothing"),
        (Method::GET, "/healthz/"),
    ];
    for (method, path) in ways {
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "192.0.2.1", "0.0.0.0"] {
            let request = app.request(method.clone(), path).bearer_auth("dev-token").header("host", host);
            assert_eq!(code_of(request.send().await.unwrap(), 421).await, "wrong_host", "{path} {host}");
        }
    }
    for host in ["localhost", "LocalHost:1234", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(app.get("/v1/functions").header("host", host).send().await.unwrap().status(), 200, "{host}");
    }
    // What load balancers and Prometheus ask for answers at any address.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(app.get(path).header("host", "10.1.2.3:8080").send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_request_calls_one_host() {
    let app = victim(Options::default()).await;
    for head in [
        "GET / HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\n",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
    ] {
        let text = Wire::sending(&app, &format!("{head}\r\n")).await.answer().await;
        assert!(text.contains(" 400 "), "{head}: {text}");
    }
}

#[tokio::test]
async fn with_a_public_url_only_its_name_counts_and_links_have_it() {
    let options =
        Options { without_dev: true, ..Options::default() }.env("EVENTFLOW_PUBLIC_URL", "https://flow.example.com");
    let app = victim(options).await;
    let password = password(&app);
    let sign_in = |host: &'static str| {
        let credentials = json!({ "username": "admin", "password": password });
        app.request(Method::POST, "/auth/token?cookie=true").header("host", host).json(&credentials).send()
    };
    assert_eq!(code_of(sign_in("evil.example").await.unwrap(), 421).await, "wrong_host");
    let answer = sign_in("flow.example.com").await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-eventflow_session="), "{cookie}");
    assert!(cookie.contains("Secure") && cookie.contains("Path=/") && !cookie.contains("Domain"), "{cookie}");
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let with = |host: &str, cookie: String| {
        app.request(Method::GET, "/v1/functions").header("host", host).header("cookie", cookie).send()
    };
    assert_eq!(with("flow.example.com", format!("__Host-eventflow_session={token}")).await.unwrap().status(), 200);
    // Any host of the domain, and any page in plain text, could have set one without the prefix.
    assert_eq!(with("flow.example.com", format!("eventflow_session={token}")).await.unwrap().status(), 401);
    // Without TLS, on the machine itself, there is no other.
    let local = sign_in("127.0.0.1").await.unwrap();
    assert!(local.headers()["set-cookie"].to_str().unwrap().starts_with("eventflow_session="));
    // Links name the public URL, whatever the caller says.
    let asked = json!({ "name": "linked", "image": "example/image" });
    let request = app.request(Method::POST, "/v1/functions").bearer_auth(&token).header("host", "127.0.0.1");
    let body: Value = request.json(&asked).send().await.unwrap().json().await.unwrap();
    assert_eq!(body["url"], "https://flow.example.com/function/linked", "{body}");
}

/// Signs in with a wrong password, as somebody's; the status.
async fn guess(app: &TestApp, forwarded: &str) -> StatusCode {
    let request = app.request(Method::POST, "/auth/token").header("x-forwarded-for", forwarded);
    let request = request.header("forwarded", format!("for={forwarded}"));
    request.json(&json!({ "username": "admin", "password": "wrong" })).send().await.unwrap().status()
}

#[tokio::test]
async fn nobody_gets_more_guesses_by_claiming_other_addresses() {
    let app = victim(Options::default()).await;
    let mut statuses = Vec::new();
    for n in 0..12 {
        statuses.push(guess(&app, &format!("192.0.2.{n}")).await);
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn a_trusted_proxy_says_who_calls_and_how() {
    let app = victim(Options::default().env("EVENTFLOW_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")).await;
    for _ in 0..12 {
        guess(&app, "192.0.2.1").await;
    }
    assert_eq!(guess(&app, "192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(guess(&app, "192.0.2.2").await, StatusCode::UNAUTHORIZED, "who calls through the proxy, too");
    // What the caller put before the proxy's own entry does not count.
    assert_eq!(guess(&app, "203.0.113.9, 192.0.2.1, 10.0.0.1").await, StatusCode::TOO_MANY_REQUESTS);
    let sign_in = app.request(Method::POST, "/auth/token?cookie=true").header("x-forwarded-proto", "https");
    let answer =
        sign_in.header("x-forwarded-for", "192.0.2.3").json(&json!({ "username": "admin", "password": "admin" }));
    let answer = answer.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().starts_with("__Host-eventflow_session="));
    // And whom: the names that a developer's server has do not become more by it.
    let rebound = app.get("/v1/functions").header("x-forwarded-host", "evil.example").send().await.unwrap();
    assert_eq!(code_of(rebound, 421).await, "wrong_host");
}

#[tokio::test]
async fn a_stranger_does_not_become_this_server_by_saying_so() {
    let app = victim(Options::default()).await;
    let credentials = json!({ "username": "admin", "password": "admin" });
    let answer =
        app.request(Method::POST, "/auth/token?cookie=true").header("x-forwarded-proto", "https").json(&credentials);
    let answer = answer.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("eventflow_session="), "nobody who is trusted claims TLS: {cookie}");
    for claim in [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")] {
        let request = app.request(Method::POST, "/graphql").header("cookie", &cookie).header(claim.0, claim.1);
        let request = request.header("origin", "https://evil.example").json(&json!({ "query": "{ viewer { name } }" }));
        assert_eq!(code_of(request.send().await.unwrap(), 403).await, "cross_site", "{claim:?}");
    }
}
