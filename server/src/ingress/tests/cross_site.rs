//! What a page of a stranger can do with the session of who looks at it: nothing.

use super::rest::error;
use super::*;

const STRANGERS: [&str; 3] = ["https://evil.example", "http://127.0.0.1:1", "null"];

/// The session's cookie as a browser sends it, and its attributes.
async fn session(house: &House, scheme: Option<&str>) -> (String, String) {
    let request = house.request(Method::POST, "/auth/token?cookie=true");
    let request = match scheme {
        Some(scheme) => request.header("x-forwarded-proto", scheme),
        None => request,
    };
    let answer = request.json(&json!({ "username": "admin", "password": "admin" })).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    (cookie.split(';').next().unwrap().to_owned(), cookie)
}

#[actix_web::test]
async fn the_cookie_is_kept_from_scripts_and_strangers() {
    let house = House::new().await;
    // Nobody is believed to be a proxy in front of TLS who is not configured to be one.
    for scheme in [None, Some("http"), Some("https")] {
        let (_, cookie) = session(&house, scheme).await;
        for part in ["eventflow_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Secure"), "{scheme:?}: {cookie}");
    }
}

#[actix_web::test]
async fn a_page_of_a_stranger_changes_nothing_with_the_cookie() {
    let house = House::new().await;
    let (cookie, _) = session(&house, None).await;
    let query = json!({ "query": "mutation { publishEvent(input: { type: \"a.b\" }) { event { id } } }" }).to_string();
    let ways = [
        (Method::POST, "/graphql"),
        (Method::POST, "/v1/events"),
        (Method::POST, "/v1/functions"),
        (Method::DELETE, "/v1/functions/hello"),
        (Method::POST, "/v1/bundles"),
        (Method::POST, "/v1/functions/hello:invoke"),
        (Method::POST, "/function/hello"),
        (Method::POST, "/async-function/hello"),
    ];
    // Those that a form, or a script without asking first, can send; and what is sent by who may ask.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json"] {
        for (method, path) in &ways {
            let ask = || {
                let request = house.request(method.clone(), path).header("cookie", &cookie);
                request.header("content-type", kind).body(query.clone())
            };
            for origin in STRANGERS {
                let answer = ask().header("origin", origin).header("x-requested-with", "x").send().await.unwrap();
                assert_eq!(error(answer, StatusCode::FORBIDDEN).await, "cross_site", "{method} {path} {kind} {origin}");
            }
            for site in ["cross-site", "same-site"] {
                let answer = ask().header("sec-fetch-site", site).send().await.unwrap();
                assert_eq!(error(answer, StatusCode::FORBIDDEN).await, "cross_site", "{method} {path} {kind} {site}");
            }
            let answer = ask().send().await.unwrap();
            assert_eq!(error(answer, StatusCode::FORBIDDEN).await, "cross_site", "{method} {path} {kind}");
        }
    }
    // A link changes nothing either.
    let link = "/graphql?query=mutation%7BpublishEvent(input:%7Btype:%22a.b%22%7D)%7Bevent%7Bid%7D%7D%7D";
    let answer = house.request(Method::GET, link).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let events = house.request(Method::GET, "/graphql?query=%7Bevents%7BtotalCount%7D%7D").header("cookie", &cookie);
    let events = json_of(events.send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(events["data"]["events"]["totalCount"], 0);
}

#[actix_web::test]
async fn a_socket_that_a_strangers_page_opens_is_nobodys() {
    let house = House::new().await;
    let (cookie, _) = session(&house, None).await;
    let own = house.url.clone();
    for (origin, let_in) in STRANGERS.into_iter().map(|one| (one, false)).chain([(own.as_str(), true)]) {
        let mut request = format!("{}/graphql", house.url.replace("http", "ws")).into_client_request().unwrap();
        for (name, value) in
            [("sec-websocket-protocol", "graphql-transport-ws"), ("cookie", cookie.as_str()), ("origin", origin)]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (inner, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Socket { inner };
        socket.send(json!({ "type": "connection_init" })).await;
        let first = socket.inner.next().await.unwrap().unwrap();
        assert_eq!(first.to_text().is_ok_and(|text| text.contains("connection_ack")), let_in, "{origin}: {first:?}");
    }
}

#[actix_web::test]
async fn every_answer_forbids_scripts_that_are_not_files_of_this_server() {
    let house = House::new().await;
    for path in ["/", "/functions", "/sign-in", "/graphql", "/nothing", "/v1/functions", "/healthz"] {
        let answer = house.request(Method::GET, path).header("accept", "text/html").send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let part = |name: &str| {
            let found = policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(name));
            found.unwrap_or_else(|| panic!("{path}: {name} is missing: {policy}")).trim().to_owned()
        };
        assert_eq!(part("script-src "), "'self'", "{path}");
        assert_eq!(part("default-src "), "'self'", "{path}");
        assert_eq!(part("connect-src "), "'self'", "{path}");
        for name in ["object-src ", "base-uri ", "frame-ancestors "] {
            assert_eq!(part(name), "'none'", "{path}");
        }
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}

#[actix_web::test]
async fn nobody_is_signed_in_or_out_by_a_page_of_a_stranger() {
    let house = House::new().await;
    let sign_in = |origin: String| {
        let request = house.post("/auth/token?cookie=true").header("origin", origin);
        request.json(&json!({ "username": "admin", "password": "admin" })).send()
    };
    assert_eq!(
        code_of(sign_in("https://evil.example".into()).await.unwrap(), StatusCode::FORBIDDEN).await,
        "cross_site"
    );
    assert_eq!(sign_in(house.url.clone()).await.unwrap().status(), StatusCode::OK);
    let sign_out = |site: &'static str| house.post("/auth/logout").header("sec-fetch-site", site).send();
    assert_eq!(code_of(sign_out("cross-site").await.unwrap(), StatusCode::FORBIDDEN).await, "cross_site");
    assert_eq!(sign_out("same-origin").await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[actix_web::test]
async fn a_browser_at_an_address_where_nothing_is_gets_a_page_and_a_program_gets_json() {
    let house = House::new().await;
    let answer = house.request(Method::GET, "/nope").header("accept", "text/html").send().await.unwrap();
    assert!(matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE));
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let answer = house.request(Method::GET, "/nope").send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::NOT_FOUND).await, "not_found");
}
