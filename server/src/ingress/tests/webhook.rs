//! Webhooks: what is taken, what is not, and what a sender gets as an answer.

use domain::manifest::{Reply, SignatureEncoding, Trigger, Webhook, WebhookPreset, WebhookScheme};
use futures::FutureExt;
use hmac::{KeyInit, Mac};

use super::*;

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const PATH: &str = "/hooks/default/f/hook";

fn webhook(scheme: WebhookScheme) -> Trigger {
    Trigger::Webhook(Webhook {
        name: "hook".into(),
        scheme: Some(scheme),
        secret: (scheme != WebhookScheme::None).then(|| "HOOK_SECRET".into()),
        ..Webhook::default()
    })
}

impl House {
    /// A function that runs, as far as the log knows, and has this trigger alone.
    async fn hooked(&self, trigger: Trigger, secret: &str) -> function::Id {
        let id = self.registered("default", "f").await;
        let build = clock::new_id();
        self.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
        self.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        let manifest = Box::new(Manifest { triggers: vec![trigger], ..Manifest::of(Runtime::Node) });
        let made = Made::artifact(format!("sha256:{build}"), 1);
        let built = Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() };
        self.command(id, built).await;
        self.command(id, Command::Start { at: clock::now() }).await;
        if !secret.is_empty() {
            self.set_secret("default", "HOOK_SECRET", secret).await;
        }
        id
    }

    /// A delivery, without a token.
    fn deliver(&self, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.request(Method::POST, PATH).body(body);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    /// The trigger event as the log has it.
    async fn taken(&self, id: &Value) -> event::Received {
        let stream = domain::Stream::event(id.as_str().unwrap().parse().unwrap());
        let loaded = self.commands.writer().load::<event::Aggregate>(&stream).await.unwrap();
        loaded.state.expect("the event was taken")
    }
}

async fn refused(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    let (status, retry) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(retry, status == 503, "{body}");
    let text = body.to_string();
    assert!(!text.contains(SECRET) && !text.contains("HOOK_SECRET"), "{text}");
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[actix_web::test]
async fn a_github_delivery_becomes_one_event_for_its_function() {
    let house = House::new().await;
    let function = house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let headers = [
        ("x-hub-signature-256", SIGNATURE),
        ("x-hub-signature", "sha1=abc"),
        ("x-github-delivery", "72d3162e"),
        ("x-github-event", "push"),
        ("authorization", "Basic Zm9v"),
        ("content-type", "text/plain"),
    ];
    let sent = || async { json_of(house.deliver(&headers, BODY).send().await.unwrap(), StatusCode::ACCEPTED).await };
    let first = sent().await;
    assert_eq!(first["duplicate"], false);
    let taken = house.taken(&first["event_id"]).await;
    assert_eq!(taken.id, event::delivered("default", PATH, "72d3162e"));
    assert_eq!((taken.target, taken.asynchronous, &*taken.kind), (Some(function), true, "webhook.received"));
    assert_eq!(first["run_id"], run::id(taken.id, function).to_string());
    let event = taken.event.value();
    assert_eq!((&event["id"], &event["source"]), (&json!("72d3162e"), &json!(PATH)));
    assert_eq!((&event["type"], &event["data"]), (&json!("webhook.received"), &json!(BODY)));
    let http = &event["http"];
    assert_eq!((&http["method"], &http["path"], &http["query"]), (&json!("POST"), &json!(PATH), &json!({})));
    assert_eq!(http["headers"]["x-github-event"], "push");
    for name in ["x-hub-signature-256", "x-hub-signature", "authorization"] {
        assert_eq!(http["headers"].get(name), None, "{name}");
    }

    // The same delivery again gets the first answer again, and changes nothing.
    let head = house.store.head().await.unwrap();
    let again = sent().await;
    assert_eq!(again, json!({ "event_id": first["event_id"], "run_id": first["run_id"], "duplicate": true }));
    assert_eq!(house.store.head().await.unwrap(), head);
    // Also when the function has been stopped meanwhile; a new one is not accepted then.
    house.command(function, Command::Stop { reason: None, at: clock::now() }).await;
    assert_eq!(sent().await, again);
    let new = house.deliver(&[("x-hub-signature-256", SIGNATURE), ("x-github-delivery", "2")], BODY);
    assert_eq!(refused(new).await, is(503, "function_not_running"));
    assert_eq!(house.events().await, 1);
}

#[actix_web::test]
async fn deliveries_that_arrive_together_are_one_event() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let headers = [("x-hub-signature-256", SIGNATURE), ("x-github-delivery", "1")];
    let sent = futures::future::join_all((0..8).map(|_| house.deliver(&headers, BODY).send())).await;
    let mut duplicates = 0;
    for answer in sent {
        let answer = json_of(answer.unwrap(), StatusCode::ACCEPTED).await;
        duplicates += usize::from(answer["duplicate"].as_bool().unwrap());
    }
    assert_eq!((duplicates, house.events().await), (7, 1));
}

#[actix_web::test]
async fn a_ping_is_answered_once_it_has_proved_where_it_is_from() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let ping = [("x-hub-signature-256", SIGNATURE), ("x-github-event", "ping"), ("x-github-delivery", "1")];
    let answer = house.deliver(&ping, BODY).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!({ "pong": true }));
    assert_eq!(refused(house.deliver(&ping[1..], BODY)).await, is(401, "bad_signature"));
    assert_eq!(house.events().await, 0);
}

#[actix_web::test]
async fn what_does_not_prove_where_it_is_from_is_not_taken() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let wrong = SIGNATURE.replace('7', "8");
    for (headers, body) in [
        (vec![], BODY),
        (vec![("x-hub-signature-256", wrong.as_str())], BODY),
        (vec![("x-hub-signature-256", SIGNATURE)], "Hello, World?"),
        (vec![("authorization", "Bearer dev-token")], BODY),
    ] {
        assert_eq!(refused(house.deliver(&headers, body)).await, is(401, "bad_signature"));
    }
    assert_eq!(house.events().await, 0);
}

#[actix_web::test]
async fn a_standard_webhook_is_taken_while_it_is_fresh() {
    const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::StandardWebhooks), KEY).await;
    let body = r#"{"email":"test@example.com","username":"test_user"}"#;
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    // The specification's vector: its signature is right, its time is long ago.
    let signature = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    let old = [("webhook-id", id), ("webhook-timestamp", "1649367553"), ("webhook-signature", signature)];
    assert_eq!(refused(house.deliver(&old, body)).await, is(401, "stale_timestamp"));
    let wrong = [("webhook-id", "msg_2"), ("webhook-timestamp", "1649367553"), ("webhook-signature", signature)];
    assert_eq!(refused(house.deliver(&wrong, body)).await, is(401, "bad_signature"));

    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let now = clock::now().timestamp().to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&base64.decode(&KEY[6..]).unwrap()).unwrap();
    mac.update(format!("{id}.{now}.{body}").as_bytes());
    let signature = format!("v1,{}", base64.encode(mac.finalize().into_bytes()));
    let fresh = [
        ("webhook-id", id),
        ("webhook-timestamp", now.as_str()),
        ("webhook-signature", signature.as_str()),
        ("content-type", "application/json"),
    ];
    let answer = json_of(house.deliver(&fresh, body).send().await.unwrap(), StatusCode::ACCEPTED).await;
    let event = house.taken(&answer["event_id"]).await.event.value();
    assert_eq!((&event["id"], &event["data"]["username"]), (&json!(id), &json!("test_user")));
    assert_eq!(event["http"]["headers"].get("webhook-signature"), None);
    let again = json_of(house.deliver(&fresh, body).send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!((&again["duplicate"], &again["run_id"]), (&json!(true), &answer["run_id"]));
}

#[actix_web::test]
async fn a_sender_of_its_own_kind_is_checked_as_its_webhook_says() {
    let house = House::new().await;
    let trigger = Trigger::Webhook(Webhook {
        name: "hook".into(),
        scheme: Some(WebhookScheme::HmacSha256),
        secret: Some("HOOK_SECRET".into()),
        header: Some("X-Shop-Signature".into()),
        encoding: SignatureEncoding::Base64,
        prefix: Some("v1=".into()),
        ..Webhook::default()
    });
    house.hooked(trigger, SECRET).await;
    use base64::Engine as _;
    let mac = hex::decode(SIGNATURE.trim_start_matches("sha256=")).unwrap();
    let signature = format!("v1={}", base64::engine::general_purpose::STANDARD.encode(mac));
    let signed = ("x-shop-signature", signature.as_str());
    let accepted = async |headers: &[(&str, &str)]| {
        json_of(house.deliver(headers, BODY).send().await.unwrap(), StatusCode::ACCEPTED).await
    };
    let (one, two) = (accepted(&[signed]).await, accepted(&[signed]).await);
    assert_ne!(one["event_id"], two["event_id"], "who does not name deliveries means each call as one");
    let named = [signed, ("x-delivery-id", "7")];
    assert_eq!(accepted(&named).await["duplicate"], false);
    assert_eq!(accepted(&named).await["duplicate"], true);
    assert_eq!(refused(house.deliver(&[signed, ("x-delivery-id", "")], BODY)).await, is(400, "bad_delivery_id"));
    assert_eq!(refused(house.deliver(&[("x-signature-256", &signature)], BODY)).await, is(401, "bad_signature"));
}

#[actix_web::test]
async fn a_token_is_enough_where_the_webhook_says_so() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Token), "hunter2").await;
    for (name, value) in [("x-webhook-token", "hunter2"), ("authorization", "Bearer hunter2")] {
        let answer = house.deliver(&[(name, value)], "{}").send().await.unwrap();
        let taken = house.taken(&json_of(answer, StatusCode::ACCEPTED).await["event_id"]).await;
        assert!(!taken.event.get().contains("hunter2"));
    }
    assert_eq!(refused(house.deliver(&[("x-webhook-token", "hunter")], "{}")).await, is(401, "bad_signature"));
    // A secret that was set anew counts from then on.
    house.set_secret("default", "HOOK_SECRET", "hunter3").await;
    assert_eq!(refused(house.deliver(&[("x-webhook-token", "hunter2")], "{}")).await, is(401, "bad_signature"));
    let answer = house.deliver(&[("x-webhook-token", "hunter3")], "{}").send().await.unwrap();
    json_of(answer, StatusCode::ACCEPTED).await;
}

#[actix_web::test]
async fn without_its_secret_a_webhook_takes_nothing_and_says_nothing() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), "").await;
    let signed = [("x-hub-signature-256", SIGNATURE)];
    assert_eq!(refused(house.deliver(&signed, BODY)).await, is(401, "bad_signature"));
    house.set_secret("default", "HOOK_SECRET", SECRET).await;
    json_of(house.deliver(&signed, BODY).send().await.unwrap(), StatusCode::ACCEPTED).await;
}

#[actix_web::test]
async fn what_is_not_there_too_large_or_asked_otherwise_is_refused() {
    let house = House::with(|limits| limits.event = 2048).await;
    house.hooked(webhook(WebhookScheme::None), "").await;
    for path in ["/hooks/default/nobody/hook", "/hooks/elsewhere/f/hook", "/hooks/default/f/nobody"] {
        assert_eq!(refused(house.request(Method::POST, path)).await, is(401, "bad_signature"), "{path}");
    }
    assert_eq!(refused(house.request(Method::POST, "/hooks/default/f")).await, is(404, "not_found"));
    let answer = house.request(Method::GET, PATH).send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "POST");
    let body = json_of(answer, StatusCode::METHOD_NOT_ALLOWED).await;
    assert!(body["error"]["message"].as_str().unwrap().contains("POST"), "{body}");
    assert!(!body["error"]["request_id"].as_str().unwrap().is_empty());
    // Longer than it may be: by its own length, by what comes, and by what it would become.
    assert_eq!(refused(house.deliver(&[], "x".repeat(2049))).await, is(413, "payload_too_large"));
    let parts = futures::stream::iter((0..30).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    assert_eq!(refused(house.deliver(&[], reqwest::Body::wrap_stream(parts))).await, is(413, "payload_too_large"));
    assert_eq!(refused(house.deliver(&[], "\"".repeat(1500))).await, is(413, "payload_too_large"));
    assert_eq!(house.events().await, 0);
    json_of(house.deliver(&[], "{}").send().await.unwrap(), StatusCode::ACCEPTED).await;

    // Before its first build nobody knows what a function will take.
    house.registered("default", "new").await;
    assert_eq!(refused(house.request(Method::POST, "/hooks/default/new/hook")).await, is(401, "bad_signature"));
}

/// An answer without what differs from one request to the next.
async fn answer_to(request: RequestBuilder) -> (u16, Vec<(String, String)>, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    let mut body: Value = answer.json().await.unwrap();
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("request_id").expect("every error has one");
    }
    (status, headers, body)
}

/// A request to a webhook: method, headers, body.
type Asked<'a> = (Method, &'a [(&'a str, &'a str)], &'a str);

#[actix_web::test]
async fn whoever_proves_nothing_does_not_learn_what_is_there() {
    let house = House::new().await;
    house.set_secret("default", "HOOK_SECRET", SECRET).await;
    house.registered("default", "new").await;
    let build = async |name: &str, trigger: Trigger| {
        let id = house.registered("default", name).await;
        let build = clock::new_id();
        house.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
        house.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
        let manifest = Box::new(Manifest { triggers: vec![trigger], ..Manifest::of(Runtime::Node) });
        let made = Made::artifact(format!("sha256:{build}"), 1);
        let built = Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() };
        house.command(id, built).await;
        house.command(id, Command::Start { at: clock::now() }).await;
        id
    };
    let named = |scheme, secret: &str| {
        let secret = Some(secret.into());
        Trigger::Webhook(Webhook { name: "hook".into(), scheme: Some(scheme), secret, ..Webhook::default() })
    };
    build("github", named(WebhookScheme::Github, "HOOK_SECRET")).await;
    build("standard", named(WebhookScheme::StandardWebhooks, "HOOK_SECRET")).await;
    build("hmac", named(WebhookScheme::HmacSha256, "HOOK_SECRET")).await;
    build("token", named(WebhookScheme::Token, "HOOK_SECRET")).await;
    build("unset", named(WebhookScheme::Github, "NOT_SET")).await;
    let stopped = build("stopped", named(WebhookScheme::Github, "HOOK_SECRET")).await;
    house.command(stopped, Command::Stop { reason: None, at: clock::now() }).await;
    let gone = build("gone", named(WebhookScheme::Github, "HOOK_SECRET")).await;
    house.command(gone, Command::Deregister { at: clock::now() }).await;
    let nobody = "/hooks/nowhere/nobody/nothing";
    let paths = [
        "/hooks/default/github/hook",
        "/hooks/default/github/nothing",
        "/hooks/default/standard/hook",
        "/hooks/default/hmac/hook",
        "/hooks/default/token/hook",
        "/hooks/default/unset/hook",
        "/hooks/default/stopped/hook",
        "/hooks/default/gone/hook",
        "/hooks/default/new/hook",
        "/hooks/default/nobody/hook",
        "/hooks/default/a%00b/%00",
        "/hooks/nowhere/github/hook",
    ];
    let wrong = SIGNATURE.replace('7', "8");
    let now = clock::now().timestamp().to_string();
    let large = "x".repeat(300 << 10);
    let requests: &[Asked<'_>] = &[
        (Method::POST, &[], ""),
        (Method::POST, &[], BODY),
        (Method::POST, &[("x-hub-signature-256", &wrong), ("x-github-event", "ping")], BODY),
        (Method::POST, &[("x-hub-signature-256", &wrong), ("x-github-delivery", "a b")], BODY),
        (Method::POST, &[("x-signature-256", &wrong[7..]), ("x-webhook-token", "no")], BODY),
        (
            Method::POST,
            &[("webhook-id", "1"), ("webhook-timestamp", &now), ("webhook-signature", "v1,bm9wZQ== v1,bm9wZQ==")],
            BODY,
        ),
        (Method::POST, &[("authorization", "Bearer dev-token")], BODY),
        (Method::POST, &[], &large),
        (Method::GET, &[], ""),
        (Method::PUT, &[], BODY),
    ];
    for (method, headers, body) in requests {
        let ask = |path: &str| {
            let request = house.request(method.clone(), path).body((*body).to_owned());
            answer_to(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        };
        let expected = ask(nobody).await;
        assert!(matches!(expected.0, 401 | 405 | 413), "{expected:?}");
        for path in paths {
            assert_eq!(ask(path).await, expected, "{method} {path} {headers:?}");
        }
    }
    assert_eq!(house.events().await, 0);
}

#[actix_web::test]
async fn a_delivery_cannot_be_claimed_beforehand() {
    let house = House::new().await;
    let function = house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let event = json!({ "specversion": "1.0", "id": "d-1", "source": PATH, "type": "a.b" });
    let post = house.post("/v1/events").header("content-type", "application/cloudevents+json");
    assert_eq!(code_of(post.body(event.to_string()).send().await.unwrap(), StatusCode::BAD_REQUEST).await, "bad_event");
    let batch = json!([{ "specversion": "1.0", "id": "d-0", "source": "/shop", "type": "a.b" }, event]);
    let post = house.post("/v1/events").header("content-type", "application/cloudevents-batch+json");
    assert_eq!(code_of(post.body(batch.to_string()).send().await.unwrap(), StatusCode::BAD_REQUEST).await, "bad_event");
    let query = "mutation($input: PublishEventInput!) { publishEvent(input: $input) { userErrors { code field } } }";
    let input = json!({ "id": "d-1", "source": PATH, "type": "a.b" });
    let answer = house.graphql(query, json!({ "input": input })).await;
    let errors = json!([{ "code": "bad_event", "field": ["input", "source"] }]);
    assert_eq!(answer["publishEvent"]["userErrors"], errors);
    assert_eq!(house.events().await, 0, "nothing of a batch with a fault is taken");

    // What was published under the delivery's source and id before that was refused is not taken for the delivery.
    let received = |id, target, kind: &str| event::Received {
        id,
        namespace: "default".into(),
        kind: kind.into(),
        source: PATH.into(),
        event_id: "d-1".into(),
        subject: None,
        event: Json::of(&json!({ "specversion": "1.0", "id": "d-1", "source": PATH, "type": kind })).unwrap(),
        target,
        asynchronous: target.is_some(),
        retry: None,
        callback: None,
        erased_at: None,
        at: clock::now(),
    };
    let claimed = received(event::id("default", PATH, "d-1"), None, "webhook.received");
    house.commands.receive(claimed, cause()).await.unwrap();
    let signed = |id: &'static str| [("x-hub-signature-256", SIGNATURE), ("x-github-delivery", id)];
    let answer = house.deliver(&signed("d-1"), BODY).send().await.unwrap();
    let body = json_of(answer, StatusCode::ACCEPTED).await;
    assert_eq!(body["duplicate"], false);
    assert_eq!(house.taken(&body["event_id"]).await.target, Some(function));

    // A delivery that was taken before deliveries had ids of their own is still known.
    let older = event::id("default", PATH, "d-2");
    house.commands.receive(received(older, Some(function), "webhook.received"), cause()).await.unwrap();
    let answer = house.deliver(&signed("d-2"), BODY).send().await.unwrap();
    let known = json!({ "event_id": older.uuid(), "run_id": run::id(older, function).uuid(), "duplicate": true });
    assert_eq!(json_of(answer, StatusCode::ACCEPTED).await, known);
}

#[actix_web::test]
async fn a_log_that_is_away_is_never_a_false_202() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::None), "").await;
    house.store.set_writable(false).await;
    assert_eq!(refused(house.deliver(&[("x-delivery-id", "1")], "{}")).await, is(503, "unavailable"));
    house.store.set_writable(true).await;
    let answer = house.deliver(&[("x-delivery-id", "1")], "{}").send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::ACCEPTED).await["duplicate"], false);
}

#[actix_web::test]
async fn a_function_shows_where_its_webhooks_are() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    let query = "{ function(name: \"f\") { triggers { type name scheme secret url } } }";
    let found = house.graphql(query, json!({})).await;
    let url = format!("{}{PATH}", house.url);
    let expected =
        json!({ "type": "webhook", "name": "hook", "scheme": "github", "secret": "HOOK_SECRET", "url": url });
    assert_eq!(found["function"]["triggers"], json!([expected]));
}

impl House {
    /// The text of the event that a delivery became.
    async fn event_of(&self, answer: reqwest::Response) -> String {
        let answer = json_of(answer, StatusCode::ACCEPTED).await;
        self.taken(&answer["event_id"]).await.event.get().to_owned()
    }
}

#[actix_web::test]
async fn a_body_reaches_the_function_byte_for_byte() {
    use base64::Engine as _;
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::None), "").await;
    let odd = r#"{"z":123456789012345678901234567890,"a":9007199254740993,"m":1.0,"l":[1e2, -0]}"#;
    let json = [("content-type", "application/json")];
    let event = house.event_of(house.deliver(&json, odd).send().await.unwrap()).await;
    assert!(event.contains(&format!("\"data\":{odd}")) && !event.contains("rawBody"), "{event}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let escaped: String = url::form_urlencoded::byte_serialize(odd.as_bytes()).collect();
    for (headers, body, data) in [
        (&json, format!(" {odd}\r\n"), odd.to_owned()),
        (&form, format!("payload={escaped}"), odd.to_owned()),
        (&json, "{".to_owned(), "\"{\"".to_owned()),
    ] {
        let event = house.event_of(house.deliver(headers, body.clone()).send().await.unwrap()).await;
        let raw = base64::engine::general_purpose::STANDARD.encode(&body);
        assert!(event.contains(&format!("\"data\":{data}")), "{event}");
        assert!(event.contains(&format!("\"rawBody\":\"{raw}\"")), "{event}");
    }
    // That a form stands in the event twice takes nothing from what it may have.
    let large = format!("payload=%5B%22{}%22%5D", "x".repeat(250 << 10));
    assert_eq!(house.deliver(&form, large).send().await.unwrap().status(), StatusCode::ACCEPTED);
}

#[actix_web::test]
async fn a_preset_is_checked_and_names_its_deliveries() {
    let house = House::new().await;
    let preset = |preset| {
        let secret = Some("HOOK_SECRET".into());
        Trigger::Webhook(Webhook { name: "hook".into(), preset: Some(preset), secret, ..Webhook::default() })
    };
    house.hooked(preset(WebhookPreset::Twilio), "12345").await;
    use base64::Engine as _;
    let url = format!("{}{PATH}?a=1", house.url);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(b"12345").unwrap();
    mac.update(format!("{url}BodyHello, World!From+1415").as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let send = |signature: &str| {
        let request = house.client.post(&url).header("x-twilio-signature", signature);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("i-twilio-idempotency-token", "t-1").body("From=%2B1415&Body=Hello%2C+World%21").send()
    };
    let taken = json_of(send(&signature).await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(house.taken(&taken["event_id"]).await.event_id, "t-1");
    assert_eq!(send("AAAA").await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn slacks_challenge_is_answered_once_it_is_signed() {
    let house = House::new().await;
    let trigger = Webhook {
        name: "hook".into(),
        preset: Some(WebhookPreset::Slack),
        secret: Some("HOOK_SECRET".into()),
        ..Webhook::default()
    };
    house.hooked(Trigger::Webhook(trigger), SECRET).await;
    let body = r#"{"type":"url_verification","challenge":"abc","token":"x"}"#;
    let at = clock::now().timestamp().to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    let signed = [("x-slack-signature", signature.as_str()), ("x-slack-request-timestamp", &at)];
    let answer = house.deliver(&signed, body).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!({ "challenge": "abc" }));
    assert_eq!(refused(house.deliver(&signed[1..], body)).await, is(401, "bad_signature"));
    assert_eq!(house.events().await, 0);
}

#[actix_web::test]
async fn a_delivery_may_be_named_by_a_header_of_the_webhooks_own() {
    let house = House::new().await;
    let delivery_header = Some("X-Shop-Id".into());
    let trigger = Webhook { name: "hook".into(), delivery_header, ..Webhook::default() };
    house.hooked(Trigger::Webhook(trigger), "").await;
    let headers = [("x-shop-id", "7"), ("x-delivery-id", "8")];
    let taken = json_of(house.deliver(&headers, BODY).send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(house.taken(&taken["event_id"]).await.event_id, "7");
}

#[actix_web::test]
async fn a_sender_that_waits_gets_what_the_function_answers() {
    let house = House::new().await;
    let trigger =
        Webhook { name: "hook".into(), scheme: Some(WebhookScheme::None), reply: Reply::Sync, ..Webhook::default() };
    let function = house.hooked(Trigger::Webhook(trigger), "").await;
    let answered = async |id: &str, status: u16, kind: &str, text: &str| {
        let run = run::id(event::delivered("default", PATH, id), function);
        let work = async {
            // As soon as the run is asked for, a worker does it.
            let start = || run::Command::Start { version: 1, node: "node-1".into(), lost: None, at: clock::now() };
            while house.commands.run(run, start(), cause()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let outcome = Outcome {
                output: Some(Json::of(text).unwrap()),
                encoding: domain::run::event::Encoding::Text,
                http_status: Some(status),
                content_type: Some(kind.into()),
                ..Outcome::default()
            };
            let done = run::Command::Succeed { attempt: 1, outcome, at: clock::now() };
            house.commands.run(run, done, cause()).await.unwrap();
        };
        let headers = [("x-delivery-id", id)];
        let sent = house.deliver(&headers, BODY).send();
        let (answer, ()) = futures::future::join(sent, tokio::time::timeout(PATIENCE, work).map(Result::unwrap)).await;
        answer.unwrap()
    };
    let check = async |answer: reqwest::Response, status: u16, kind: &str, text: &str| {
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], kind);
        assert_eq!(answer.headers()["content-security-policy"], "sandbox", "its pages run nothing");
        assert!(answer.headers().contains_key("x-call-id"));
        assert_eq!(answer.text().await.unwrap(), text);
    };
    const XML: &str = "<Response><Say>Hello</Say></Response>";
    check(answered("1", 200, "text/xml", XML).await, 200, "text/xml", XML).await;
    // The same delivery again gets the same answer, and nothing runs.
    let again = house.deliver(&[("x-delivery-id", "1")], BODY).send().await.unwrap();
    check(again, 200, "text/xml", XML).await;
    check(answered("2", 422, "text/plain", "no").await, 422, "text/plain", "no").await;
    assert_eq!(house.events().await, 2);
}

#[actix_web::test]
async fn the_handshake_of_webhooks_is_answered_alike_everywhere() {
    let house = House::new().await;
    house.hooked(webhook(WebhookScheme::Github), SECRET).await;
    for path in [PATH, "/hooks/nowhere/nobody/nothing", "/v1/events"] {
        let ask = |headers: &[(&str, &str)]| {
            let request = house.request(Method::OPTIONS, path);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
        };
        let origin = ("webhook-request-origin", "eventemitter.example.com");
        let answer = ask(&[origin, ("webhook-request-rate", "120")]).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["webhook-allowed-origin"], "eventemitter.example.com");
        assert_eq!(answer.headers()["webhook-allowed-rate"], "*");
        assert!(answer.headers()["allow"].to_str().unwrap().contains("POST"));
        let answer = ask(&[origin]).await.unwrap();
        assert!(!answer.headers().contains_key("webhook-allowed-rate"), "it was not asked for");
        for headers in [&[][..], &[("webhook-request-origin", "a b")], &[origin, origin]] {
            let answer = ask(headers).await.unwrap();
            assert!(!answer.headers().contains_key("webhook-allowed-origin"), "{headers:?}");
        }
    }
}
