use std::collections::VecDeque;
use std::time::Instant;

use domain::run::event::{Delivery, Failure, Outcome, Request as Asked};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::{RootCertStore, crypto};

use super::*;
use crate::actors::Loaded;
use crate::dispatch::callbacks::Secret;
use crate::outbound::Outward;

/// The time limit for everything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A log with a callback sender.
struct World {
    notifier: Notifier,
    _data: TempDir,
}

impl World {
    async fn new(allowed: &str) -> Self {
        let data = TempDir::new().unwrap();
        let store = store::open(None, data.path()).await.unwrap();
        let outward = Outward::parse(allowed).unwrap();
        let secret: Secret = Arc::new(|namespace| Box::pin(std::future::ready(Ok(namespace.as_bytes().to_vec()))));
        let notifier = Notifier {
            writer: Writer::new(store.clone()),
            store,
            callbacks: Callbacks { outward, secret },
            cause: Cause::default(),
            policy: Policy { max_attempts: 3, backoff_s: 0.0, backoff_max_s: 0.0 },
            caller: Arc::default(),
        };
        Self { notifier, _data: data }
    }

    async fn command(&self, run: run::Id, command: Command) {
        let stream = Stream::run(run);
        self.notifier
            .writer
            .execute::<run::Aggregate>(&stream, Loaded::unknown(), command, Cause::default())
            .await
            .unwrap();
    }

    /// A run that is over and whose outcome is due at this URL.
    async fn ended(&self, url: &str) -> run::Id {
        let run = clock::new_id();
        let request = Asked {
            run,
            function: clock::new_id(),
            namespace: "team".into(),
            trigger: "http.invoke".into(),
            event: None,
            input: Json::null(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: Some(url.into()),
        };
        self.command(run, Command::Request { request, delivery: Delivery::Once, at: clock::now() }).await;
        self.command(run, Command::Start { version: 1, node: "a".into(), lost: None, at: clock::now() }).await;
        let output = Some(Json::of(&json!({ "n": 1 })).unwrap());
        let outcome = Outcome { output, http_status: Some(500), ..Outcome::default() };
        let failure = Failure { error: "no".into(), timed_out: false, outcome };
        let fail = Command::Fail {
            begun: true,
            attempt: 1,
            failure,
            retryable: true,
            retry_after_s: None,
            jitter: 0.0,
            at: clock::now(),
        };
        self.command(run, fail).await;
        run
    }

    async fn callback(&self, run: run::Id) -> Callback {
        let loaded = self.notifier.writer.load::<run::Aggregate>(&Stream::run(run)).await.unwrap();
        loaded.state.unwrap().callback.unwrap()
    }

    /// Waits until a callback is over, while everything that is due is sent.
    async fn settled(&self, run: run::Id) -> Callback {
        let sending = tokio::spawn(self.notifier.clone().forever());
        let deadline = Instant::now() + PATIENCE;
        let over = loop {
            let callback = self.callback(run).await;
            if matches!(callback, Callback::Delivered { .. } | Callback::GivenUp { .. }) {
                break callback;
            }
            assert!(Instant::now() < deadline, "still {callback:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        sending.abort();
        over
    }
}

/// What a receiver got: head and body.
type Got = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Starts a receiver that gives these answers, repeating the last one. Returns its port.
async fn receiver(answers: &[&str]) -> (u16, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Got::default();
    let mut answers: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let seen = got.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let (head, body) = loop {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                // The caller disconnected, or begins a TLS handshake.
                if read == 0 || bytes.is_empty() && buffer[0] == 0x16 {
                    break (String::new(), Vec::new());
                }
                bytes.extend_from_slice(&buffer[..read]);
                let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
                let length: usize = header(&head, "content-length").parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    break (head, bytes[end + 4..].to_vec());
                }
            };
            seen.lock().push((head, body));
            let answer = match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            };
            let _ = stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    });
    (port, got)
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

#[test]
fn a_signature_is_that_of_the_specification() {
    let key = key_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let signature = signature("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553, body, &key);
    assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    assert_eq!(key_of("plain"), b"plain");
}

#[tokio::test]
async fn an_outcome_is_told_again_until_it_is_taken() {
    let world = World::new("127.0.0.0/8").await;
    let (port, got) = receiver(&["500 Oops", "204 Fine"]).await;
    let run = world.ended(&format!("http://127.0.0.1:{port}/done?of=run")).await;
    assert!(matches!(world.settled(run).await, Callback::Delivered { .. }));

    let got = got.lock().clone();
    assert_eq!(got.len(), 2);
    for (head, body) in &got {
        assert!(head.starts_with("post /done?of=run http/1.1"), "{head}");
        assert_eq!(header(head, "host"), format!("127.0.0.1:{port}"));
        assert_eq!(header(head, "content-type"), "application/json");
        let (id, timestamp) = (header(head, "webhook-id"), header(head, "webhook-timestamp"));
        assert_eq!(id, run.to_string());
        assert!((clock::now().timestamp() - timestamp.parse::<i64>().unwrap()).abs() < 60);
        // The signature as a receiver verifies it: over what arrived, with the namespace's key.
        let mut mac = Hmac::<Sha256>::new_from_slice(b"team").unwrap();
        mac.update(&[format!("{id}.{timestamp}.").as_bytes(), body].concat());
        let expected = STANDARD.encode(mac.finalize().into_bytes()).to_ascii_lowercase();
        assert_eq!(header(head, "webhook-signature"), format!("v1,{expected}"));
        let notification: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(notification["run_id"], json!(run));
        assert_eq!(
            (&notification["state"], &notification["namespace"], &notification["attempts"]),
            (&json!("FAILED"), &json!("team"), &json!(1))
        );
        assert_eq!(
            (&notification["http_status"], &notification["error"], &notification["output"]["n"]),
            (&json!(500), &json!("no"), &json!(1))
        );
    }
}

#[tokio::test]
async fn who_never_takes_an_outcome_is_given_up() {
    let world = World::new("127.0.0.0/8").await;
    let (port, got) = receiver(&["503 Later"]).await;
    let run = world.ended(&format!("http://127.0.0.1:{port}/")).await;
    let Callback::GivenUp { error, .. } = world.settled(run).await else { panic!("it was delivered") };
    assert!(error.contains("503"), "{error}");
    assert_eq!(got.lock().len(), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::new("127.0.0.0/8").await;
    let (inside, got) = receiver(&["200 OK"]).await;
    let (port, _) = receiver(&[&format!("307 Go\r\nlocation: http://127.0.0.1:{inside}/secret")]).await;
    let run = world.ended(&format!("http://127.0.0.1:{port}/")).await;
    let Callback::GivenUp { error, .. } = world.settled(run).await else { panic!("it was delivered") };
    assert!(error.contains("redirects are not followed"), "{error}");
    assert_eq!(got.lock().len(), 0);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_called() {
    let world = World::new("10.0.0.0/8").await;
    let (port, got) = receiver(&["200 OK"]).await;
    // A literal address, and names that lead to this machine: one by definition, one by name resolution.
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let run = world.ended(&format!("http://{host}:{port}/")).await;
        let Callback::GivenUp { error, .. } = world.settled(run).await else { panic!("it was delivered") };
        assert!(error.contains("not a public address"), "{host}: {error}");
    }
    assert_eq!(got.lock().len(), 0);
}

#[tokio::test]
async fn a_secure_address_is_never_called_in_the_clear() {
    let world = World::new("127.0.0.0/8").await;
    let (port, got) = receiver(&["200 OK"]).await;
    let run = world.ended(&format!("https://127.0.0.1:{port}/")).await;
    let Callback::GivenUp { error, .. } = world.settled(run).await else { panic!("it was delivered") };
    assert!(error.contains("no connection") || error.contains("certificates"), "{error}");
    assert!(got.lock().iter().all(|(head, _)| head.is_empty()));
}

#[tokio::test]
async fn what_is_due_survives_who_was_to_tell_it() {
    let world = World::new("127.0.0.0/8").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let run = world.ended(&format!("http://{}/", listener.local_addr().unwrap())).await;
    // The receiver is called, and the sender is gone before the answer.
    let sending = tokio::spawn(world.notifier.clone().forever());
    let (connection, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    drop((connection, listener));
    assert!(matches!(world.callback(run).await, Callback::Due { attempts: 0, .. }));
    // Nobody listens there any more: the next one tries, and gives up in the end.
    assert!(matches!(world.settled(run).await, Callback::GivenUp { .. }));
}

/// A receiver with TLS that accepts everything, with a certificate of its own for `localhost`.
async fn secure_receiver() -> (u16, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A caller that does not trust the certificate disconnects.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..read].starts_with(b"POST /done HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").await.unwrap();
        }
    });
    (port, roots)
}

#[tokio::test]
async fn a_secure_receiver_must_be_who_it_says() {
    let mut world = World::new("127.0.0.0/8,::1").await;
    let (port, roots) = secure_receiver().await;
    let trusting = |roots, world: &World| {
        Arc::new(std::sync::OnceLock::from(Caller::trusting(roots, world.notifier.callbacks.outward.clone())))
    };
    world.notifier.caller = trusting(roots, &world);
    let run = world.ended(&format!("https://localhost:{port}/done")).await;
    assert!(matches!(world.settled(run).await, Callback::Delivered { .. }));

    // The right address by another name, and a certificate that nobody trusts.
    let by_address = world.ended(&format!("https://127.0.0.1:{port}/done")).await;
    let Callback::GivenUp { error, .. } = world.settled(by_address).await else { panic!("it was delivered") };
    assert!(error.contains("certificate"), "{error}");
    let (_, others) = secure_receiver().await;
    world.notifier.caller = trusting(others, &world);
    let untrusted = world.ended(&format!("https://localhost:{port}/done")).await;
    let Callback::GivenUp { error, .. } = world.settled(untrusted).await else { panic!("it was delivered") };
    assert!(error.contains("certificate"), "{error}");
}
