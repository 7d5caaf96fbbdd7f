//! Asynchronous calls and idempotency keys. There is no worker: the tests do what one does.

use std::time::Instant;

use domain::recorded::Fact;

use super::*;
use crate::store::{EventFilter, PageRequest, RunFilter};

impl House {
    pub(super) async fn whole_run(&self, id: &str) -> run::Run {
        let stream = domain::Stream::run(id.parse().unwrap());
        let loaded = self.commands.writer().load::<run::Aggregate>(&stream).await.unwrap();
        loaded.state.unwrap()
    }

    pub(super) async fn events(&self) -> u64 {
        let first = PageRequest::first(1).counted();
        self.store.events(&EventFilter::default(), &first).await.unwrap().total
    }

    /// Waits for the only run that there is.
    async fn only_run(&self) -> run::Id {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = PageRequest::first(2).counted();
            let runs = self.store.runs(&RunFilter::default(), &page).await.unwrap();
            if let [(_, run)] = &*runs.rows {
                return run.id;
            }
            assert!(Instant::now() < deadline && runs.total < 2, "{} runs", runs.total);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn start(&self, run: run::Id) {
        let start = run::Command::Start { version: 1, node: "node-1".into(), lost: None, at: clock::now() };
        self.commands.run(run, start, cause()).await.unwrap();
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn accepted(answer: Response) -> String {
    let location = header(&answer, "location").map(str::to_owned);
    let call = header(&answer, "x-call-id").map(str::to_owned);
    let id = json_of(answer, StatusCode::ACCEPTED).await["run_id"].as_str().unwrap().to_owned();
    assert_eq!(location, Some(format!("/v1/runs/{id}")));
    assert!(call.is_none_or(|call| call == id));
    id
}

#[actix_web::test]
async fn a_door_records_a_run_as_the_relay_would() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let first = async |stream: &domain::Stream| house.store.stream(stream, 0, 1).await.unwrap().remove(0);
    for path in ["/v1/functions/f:invoke", "/async-function/f"] {
        // The second time under the key nothing is taken, and the run is asked for all the same.
        for _ in 0..2 {
            let request = house.post(path).header("idempotency-key", "k").header("content-type", "application/json");
            let answer = json_of(request.body("{}").send().await.unwrap(), StatusCode::ACCEPTED).await;
            let run: run::Id = serde_json::from_value(answer["run_id"].clone()).unwrap();
            let recorded = first(&domain::Stream::run(run)).await;
            let Ok(Fact::Run(_, run::Event::Requested(requested))) = recorded.fact() else { panic!("{recorded:?}") };
            let taken = first(&domain::Stream::event(requested.request.event.unwrap())).await;
            let Ok(Fact::Event(_, event::Event::Received(received))) = taken.fact() else { panic!("{taken:?}") };
            // The version that is current where the relay comes to the event may be another than the one that was called.
            let other = domain::retry::Policy { max_attempts: 77, ..Default::default() };
            let asked = run::RunRequest::by_event(&received, taken.id, &taken.cause, function, other);
            assert_eq!((requested, recorded.cause), (asked.requested, asked.cause), "{path}");
        }
    }
}

#[actix_web::test]
async fn an_asynchronous_call_is_an_event_for_one_function() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    house.running("team", "g").await;
    let answer = house
        .request(Method::PUT, "/async-function/f/a/b?x=1&x=2&y=3")
        .bearer_auth("dev-token")
        .header("content-type", "application/json")
        .header("x-callback-url", "https://example.com/done")
        .header("x-own", "7")
        .header("cookie", "secret=1")
        .body(r#"{"n":1.0}"#)
        .send()
        .await
        .unwrap();
    assert!(header(&answer, "x-call-id").is_some());
    let id = accepted(answer).await;

    let run = house.whole_run(&id).await;
    assert_eq!((run.request.function, run.request.trigger.as_str()), (function, "http.invoke"));
    assert_eq!(run.request.callback.as_deref(), Some("https://example.com/done"));
    assert_eq!(run.delivery, Delivery::Retried(domain::retry::Policy::default()));
    let input = run.request.input.value();
    assert_eq!((&input["type"], &input["data"]), (&json!("http.invoke"), &json!({ "n": 1.0 })));
    assert_eq!((&input["http"]["method"], &input["http"]["path"]), (&json!("PUT"), &json!("/a/b")));
    assert_eq!(input["http"]["query"], json!({ "x": ["1", "2"], "y": "3" }));
    let headers = input["http"]["headers"].as_object().unwrap();
    assert_eq!(headers["x-own"], "7");
    assert!(
        !["cookie", "authorization", "x-callback-url"].iter().any(|name| headers.contains_key(*name)),
        "{headers:?}"
    );
    let event = run.request.event.unwrap();
    let stream = domain::Stream::event(event);
    let received = house.commands.writer().load::<domain::event::Aggregate>(&stream).await.unwrap();
    let received = received.state.unwrap();
    assert!(received.asynchronous && received.target == Some(function) && received.callback == run.request.callback);

    let status = json_of(house.get(&format!("/v1/runs/{id}")).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(status["state"], "QUEUED");
    house.succeed(id.parse().unwrap(), json!({ "done": true })).await;
    let status = json_of(house.get(&format!("/v1/runs/{id}")).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!((&status["state"], &status["output"]), (&json!("SUCCEEDED"), &json!({ "done": true })));

    // In a namespace of its own, and text.
    let answer = house.post("/async-function/team/g/x").body("hello").send().await.unwrap();
    let run = house.whole_run(&accepted(answer).await).await;
    assert_eq!((run.request.namespace.as_str(), &run.request.input.value()["http"]["path"]), ("team", &json!("/x")));
    assert_eq!(run.request.input.value()["data"], "hello");

    // What says to be JSON and is not stays what it is.
    let broken =
        house.post("/async-function/f").header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(house.whole_run(&accepted(broken).await).await.request.input.value()["data_base64"], "ew==");
}

#[actix_web::test]
async fn a_caller_may_prefer_not_to_wait() {
    let house = House::new().await;
    house.running("default", "f").await;
    let answer = house.post("/function/f").header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(header(&answer, "preference-applied"), Some("respond-async"));
    accepted(answer).await;
    let answer = house.post("/async-function/f").send().await.unwrap();
    assert_eq!(header(&answer, "preference-applied"), None);
    accepted(answer).await;
}

#[actix_web::test]
async fn what_cannot_be_done_is_refused_before_anything_is_accepted() {
    let house = House::with(|limits| limits.event = 4096).await;
    house.running("default", "f").await;
    let stopped = house.running("default", "stopped").await;
    house.command(stopped, Command::Stop { reason: None, at: clock::now() }).await;
    let answer = house.post("/async-function/none").send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::NOT_FOUND).await, "function_not_found");
    let answer = house.post("/async-function/stopped").send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::SERVICE_UNAVAILABLE).await, "function_not_running");
    let answer = house.post("/async-function/f").body("x".repeat(5000)).send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::PAYLOAD_TOO_LARGE).await, "payload_too_large");
    let answer = house.request(Method::POST, "/async-function/f").send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::UNAUTHORIZED).await, "unauthenticated");
    for url in [
        "/done",
        "ftp://example.com",
        "https://a:b@example.com/",
        "http://10.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
    ] {
        for path in ["/async-function/f", "/v1/functions/f:invoke"] {
            let answer = house.post(path).header("x-callback-url", url).send().await.unwrap();
            assert_eq!(code_of(answer, StatusCode::UNPROCESSABLE_ENTITY).await, "bad_callback", "{path} {url}");
        }
    }
    let answer = house.post("/async-function/f").header("idempotency-key", "k".repeat(256)).send().await.unwrap();
    assert_eq!(code_of(answer, StatusCode::BAD_REQUEST).await, "bad_idempotency_key");
    assert_eq!(house.events().await, 0);
}

#[actix_web::test]
async fn an_asynchronous_call_is_called_off_waiting_or_running() {
    let house = House::new().await;
    house.running("default", "f").await;
    for running in [false, true] {
        let id = accepted(house.post("/async-function/f").send().await.unwrap()).await;
        if running {
            house.start(id.parse().unwrap()).await;
        }
        let cancel = || house.request(Method::DELETE, &format!("/v1/runs/{id}")).bearer_auth("dev-token").send();
        for _ in 0..2 {
            assert_eq!(json_of(cancel().await.unwrap(), StatusCode::OK).await["state"], "CANCELLED");
        }
    }
}

#[actix_web::test]
async fn a_call_under_a_key_is_made_once() {
    let house = House::new().await;
    house.running("default", "f").await;
    let ask = |path: &str, body: &'static str| {
        house.post(path).header("idempotency-key", "key-1").header("content-type", "application/json").body(body)
    };
    for path in ["/async-function/f/x?y=1", "/v1/functions/f:invoke"] {
        let (name, other) = if path.contains("async") { ("a", "b") } else { ("c", "d") };
        let same = |request: RequestBuilder| request.header("idempotency-key", name);
        let post = |body: &'static str| house.post(path).header("content-type", "application/json").body(body);
        let first = same(post("1")).send().await.unwrap();
        assert_eq!(header(&first, "idempotency-replayed"), None);
        let first = accepted(first).await;
        let again = same(post("1")).send().await.unwrap();
        assert_eq!(header(&again, "idempotency-replayed"), Some("true"));
        assert_eq!(accepted(again).await, first);
        let changed = same(post("2")).send().await.unwrap();
        assert_eq!(code_of(changed, StatusCode::UNPROCESSABLE_ENTITY).await, "idempotency_key_reused");
        let changed = same(post("1")).header("x-callback-url", "https://example.com/").send().await.unwrap();
        assert_eq!(code_of(changed, StatusCode::UNPROCESSABLE_ENTITY).await, "idempotency_key_reused");
        let fresh = post("1").header("idempotency-key", other).send().await.unwrap();
        assert_ne!(accepted(fresh).await, first);
        // The key is its user's.
        let ada = house.request(Method::POST, path).bearer_auth(house.token(&["default"], true));
        let ada = same(ada.header("content-type", "application/json").body("1")).send().await.unwrap();
        assert_ne!(accepted(ada).await, first);
        // What came of it does not change what is answered.
        house.succeed(first.parse().unwrap(), json!(1)).await;
        assert_eq!(accepted(same(post("1")).send().await.unwrap()).await, first);
    }
    let first = accepted(ask("/async-function/f/x?y=1", "1").send().await.unwrap()).await;
    for path in ["/async-function/f/x?y=2", "/async-function/f/z?y=1"] {
        let changed = ask(path, "1").send().await.unwrap();
        assert_eq!(code_of(changed, StatusCode::UNPROCESSABLE_ENTITY).await, "idempotency_key_reused", "{path}");
    }
    let preferred = ask("/function/f/x?y=1", "1").header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(accepted(preferred).await, first);
}

#[actix_web::test]
async fn requests_at_once_under_a_key_make_one_run() {
    let house = House::new().await;
    house.running("default", "f").await;
    let ask = || async {
        accepted(house.post("/async-function/f").header("idempotency-key", "k").send().await.unwrap()).await
    };
    let runs = futures::future::join_all((0..16).map(|_| ask())).await;
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
    assert_eq!((house.only_run().await.to_string(), house.events().await), (runs[0].clone(), 1));
}

#[actix_web::test]
async fn a_key_outlives_the_function_that_was_stopped() {
    let house = House::new().await;
    let function = house.running("default", "f").await;
    let ask = |key: &'static str| house.post("/v1/functions/f:invoke").header("idempotency-key", key).send();
    let first = accepted(ask("k").await.unwrap()).await;
    house.command(function, Command::Stop { reason: None, at: clock::now() }).await;
    assert_eq!(accepted(ask("k").await.unwrap()).await, first);
    assert_eq!(code_of(ask("l").await.unwrap(), StatusCode::CONFLICT).await, "function_not_running");
}

#[actix_web::test]
async fn a_synchronous_call_under_a_key_is_answered_from_its_record() {
    let house = House::new().await;
    house.running("default", "f").await;
    let ask = || house.post("/function/f/x").header("idempotency-key", "k").body("hi").send();
    // Two at once wait for the same run.
    let work = async {
        let run = house.only_run().await;
        assert_eq!(house.whole_run(&run.to_string()).await.delivery, Delivery::Once);
        house.start(run).await;
        let outcome = Outcome {
            output: Some(Json::of("not here").unwrap()),
            encoding: domain::run::event::Encoding::Text,
            content_type: Some("text/plain".into()),
            http_status: Some(404),
            ..Outcome::default()
        };
        let command = run::Command::Succeed { attempt: 1, outcome, at: clock::now() };
        house.commands.run(run, command, cause()).await.unwrap();
        run
    };
    let (first, second, run) = tokio::join!(ask(), ask(), work);
    let (first, second) = (first.unwrap(), second.unwrap());
    let replayed = |answer: &Response| header(answer, "idempotency-replayed") == Some("true");
    assert!(replayed(&first) != replayed(&second));
    for answer in [first, second, ask().await.unwrap()] {
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(header(&answer, "content-type"), Some("text/plain"));
        assert_eq!(header(&answer, "x-call-id"), Some(&*run.to_string()));
        assert_eq!(header(&answer, "x-function-version"), Some("1"));
        assert_eq!(answer.text().await.unwrap(), "not here");
    }
    let changed = house.post("/function/f/x").header("idempotency-key", "k").body("ho").send().await.unwrap();
    assert_eq!(code_of(changed, StatusCode::UNPROCESSABLE_ENTITY).await, "idempotency_key_reused");
}

#[actix_web::test]
async fn an_answer_that_was_not_kept_is_not_made_up() {
    let house = House::new().await;
    house.running("default", "f").await;
    let ask = || house.post("/function/f").header("idempotency-key", "k").send();
    let work = async {
        let run = house.only_run().await;
        house.start(run).await;
        let output = Some(Json::of("the beginning").unwrap());
        let outcome = Outcome { output, output_cut: true, http_status: Some(200), ..Outcome::default() };
        let command = run::Command::Succeed { attempt: 1, outcome, at: clock::now() };
        house.commands.run(run, command, cause()).await.unwrap();
        run
    };
    let (answer, run) = tokio::join!(ask(), work);
    let answer = json_of(answer.unwrap(), StatusCode::CONFLICT).await;
    assert_eq!(answer["error"]["code"], "answer_not_kept");
    assert!(answer["error"]["message"].as_str().unwrap().contains(&run.to_string()));
}

#[actix_web::test]
async fn a_call_that_takes_too_long_goes_on_under_its_key() {
    let house = House::new().await;
    house.running("default", "f").await;
    let ask = || house.post("/function/f").header("idempotency-key", "k").header("x-timeout", "1ms").send();
    assert_eq!(code_of(ask().await.unwrap(), StatusCode::GATEWAY_TIMEOUT).await, "timed_out");
    let run = house.only_run().await;
    house.succeed(run, json!({ "late": true })).await;
    assert_eq!(json_of(ask().await.unwrap(), StatusCode::OK).await, json!({ "late": true }));
}

#[actix_web::test]
async fn a_log_that_is_away_accepts_nothing() {
    let house = House::new().await;
    house.running("default", "f").await;
    accepted(house.post("/async-function/f").send().await.unwrap()).await;
    house.set_log_away(true).await;
    let answer = house.post("/async-function/f").send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(code_of(answer, StatusCode::SERVICE_UNAVAILABLE).await, "unavailable");
    house.set_log_away(false).await;
    assert_eq!(house.events().await, 1);
}

#[actix_web::test]
async fn every_answer_for_a_function_names_its_request() {
    let house = House::new().await;
    house.registered("default", "stopped").await;
    for path in ["/function/nobody", "/function/stopped", "/async-function/nobody"] {
        let answer = house.get(path).send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["request_id"], id, "{path}");
        let answer = house.get(path).header("x-request-id", "mine-1").send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], "mine-1", "{path}");
        // What is too long to be an id, is none.
        let answer = house.get(path).header("x-request-id", "x".repeat(200)).send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"].len(), 36, "{path}");
    }
}
