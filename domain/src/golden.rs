//! Golden files: one for each event schema that was ever stored, in `domain/golden/`, which must stay readable for
//! ever.
//!
//! `UPDATE_GOLDEN=1 cargo test -p domain golden` writes missing files. It never touches an existing one: if a test
//! reports that today's bytes differ from a file, the schema has changed and needs a step in the event's `upcast`
//! calls, which makes it the next version with a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::aggregate::Payload;
use crate::json::Json;
use crate::manifest::{
    Build, HttpTrigger, Manifest, Mode, Network, Resources, Runtime, Scaling, Schedule, Trigger, Webhook, WebhookScheme,
};
use crate::testing::at;
use crate::{event, function, namespace, retry, run};

/// One of each event: `next(None)`, the one after that, and so on. The matches are exhaustive, so a new event does not
/// compile until it is added here.
fn chain<E>(next: impl Fn(Option<&E>) -> Option<E>) -> Vec<E> {
    let mut samples: Vec<E> = Vec::new();
    while let Some(sample) = next(samples.last()) {
        samples.push(sample);
    }
    samples
}

fn function_id() -> function::Id {
    function::id("default", "thumbnails", 1)
}

fn build_id() -> function::BuildId {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00b1).into()
}

fn event_id() -> event::Id {
    event::id("default", "/shop", "order-7")
}

fn manifest() -> Manifest {
    let mut filter = Map::new();
    filter.insert("data.kind".into(), json!("image"));
    Manifest {
        name: Some("thumbnails".into()),
        runtime: Runtime::Node,
        mode: Mode::Job,
        handler: Some("index.handler".into()),
        adapter: None,
        command: Some(vec!["node".into(), "index.js".into()]),
        image: None,
        port: None,
        health: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        triggers: vec![
            Trigger::Http(HttpTrigger::default()),
            Trigger::Event { pattern: "file.*".into(), filter },
            Trigger::Schedule(Schedule::new("*/5 * * * *", "Europe/Berlin")),
            Trigger::Webhook(Webhook {
                name: "github".into(),
                scheme: Some(WebhookScheme::Github),
                secret: Some("GITHUB_WEBHOOK_SECRET".into()),
                ..Webhook::default()
            }),
        ],
        env: [("LEVEL".to_owned(), "info".to_owned())].into(),
        secrets: vec!["API_KEY".into()],
        resources: Resources { memory_mb: 512, cpu: 0.5, timeout_s: 12.5, pids: 64, network: Network::Open },
        scaling: Scaling { min: 1, max: 8, concurrency: 20, idle_s: 60, prewarm: 0 },
        retry: retry::Policy { max_attempts: 3, backoff_s: 0.25, backoff_max_s: 60.0 },
        watch_paths: vec!["functions/thumbnails/**".into()],
        start_test: true,
        submodules: false,
        lfs: false,
        build: Build::default(),
    }
}

fn raw(text: &str) -> Json {
    Json::parse(text).expect("it is JSON")
}

/// One of each event of a function.
pub fn functions() -> Vec<function::Event> {
    use function::Event;
    use function::event::*;

    let git = || Source::Git {
        url: "https://github.com/example/functions".into(),
        git_ref: Some("main".into()),
        path: Some("functions/thumbnails".into()),
    };
    chain(|last| {
        Some(match last {
            None => Event::Registered(Registered {
                id: function_id(),
                namespace: "default".into(),
                name: "thumbnails".into(),
                generation: 1,
                source: git(),
                manifest: Some(raw(r#"{"runtime":"node"}"#)),
                at: at(1),
            }),
            Some(Event::Registered(_)) => Event::Updated(Updated {
                source: Source::Image { image: "example/thumbnails:2".into(), command: Some(vec!["./server".into()]) },
                manifest: Some(raw(r#"{"runtime":"docker"}"#)),
                at: at(2),
            }),
            Some(Event::Updated(_)) => Event::BuildRequested(BuildRequested {
                build: build_id(),
                source: Source::Bundle { digest: "sha256:00ff".into() },
                manifest: Some(raw(r#"{"runtime":"node"}"#)),
                at: at(3),
            }),
            Some(Event::BuildRequested(_)) => {
                Event::BuildStarted(BuildStarted { build: build_id(), node: "node-1".into(), at: at(4) })
            }
            Some(Event::BuildStarted(_)) => Event::BuildSucceeded(BuildSucceeded {
                build: build_id(),
                version: 1,
                made: function::Made::artifact("sha256:00ff", 123_456),
                manifest: Box::new(manifest()),
                commit: Some("0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c".into()),
                at: at(5),
            }),
            Some(Event::BuildSucceeded(_)) => Event::BuildFailed(BuildFailed {
                build: build_id(),
                error: "npm ci: exit code 1".into(),
                offered: Vec::new(),
                at: at(6),
            }),
            Some(Event::BuildFailed(_)) => Event::BuildCancelled(BuildCancelled { build: build_id(), at: at(7) }),
            Some(Event::BuildCancelled(_)) => Event::Started(Started { version: 1, at: at(8) }),
            Some(Event::Started(_)) => Event::Stopped(Stopped { reason: Some("for the night".into()), at: at(9) }),
            Some(Event::Stopped(_)) => Event::VersionPromoted(VersionPromoted {
                version: 2,
                previous: 1,
                reason: Some("healthy".into()),
                at: at(10),
            }),
            Some(Event::VersionPromoted(_)) => Event::TrafficShifted(TrafficShifted {
                split: vec![Share { version: 1, percent: 90 }, Share { version: 2, percent: 10 }],
                at: at(11),
            }),
            Some(Event::TrafficShifted(_)) => Event::InstanceFailed(InstanceFailed {
                version: 2,
                instance: "thumbnails-2-a".into(),
                error: "exited with code 1".into(),
                at: at(12),
            }),
            Some(Event::InstanceFailed(_)) => Event::InstanceRecovered(InstanceRecovered {
                version: 2,
                instance: "thumbnails-2-b".into(),
                at: at(13),
            }),
            Some(Event::InstanceRecovered(_)) => Event::Deregistered(Deregistered { at: at(13) }),
            Some(Event::Deregistered(_)) => return None,
        })
    })
}

/// Events of a function with additional files for their schema: those with members that were added later (`extended`),
/// and other variants. Adding members does not change the version of a schema: older servers ignore them, and events
/// stored without them are read as before.
fn other_functions() -> Vec<(&'static str, function::Event)> {
    let offered = vec![function::OfferedFolder {
        path: "functions/thumbnails".into(),
        recognized_as: "a handler in index.js".into(),
        name: Some("thumbnails".into()),
    }];
    let error = "there is nothing here that runs".into();
    let failed = function::event::BuildFailed { build: build_id(), error, offered, at: at(6) };
    let image = function::event::BuildSucceeded {
        build: build_id(),
        version: 1,
        made: function::Made::Image {
            reference: "registry.example/team/thumbnails:2".into(),
            digest: "sha256:00ff".into(),
            facts: None,
        },
        manifest: Box::new(Manifest::of(Runtime::Docker)),
        commit: None,
        at: at(5),
    };
    let facts = function::made::ImageFacts {
        size: 44_000_000,
        layers: 3,
        platform: "linux/amd64".into(),
        pulled_at: Some(at(4)),
        pull_ms: Some(1_250),
    };
    let pulled = function::event::BuildSucceeded {
        made: function::Made::Image {
            reference: "registry.example/team/thumbnails:2".into(),
            digest: "sha256:00ff".into(),
            facts: Some(facts),
        },
        manifest: Box::new(Manifest {
            image: Some("registry.example/team/thumbnails:2".into()),
            port: Some(8081),
            health: Some("/healthz".into()),
            ..Manifest::of(Runtime::Docker)
        }),
        ..image.clone()
    };
    vec![
        ("extended", function::Event::BuildFailed(failed)),
        ("image", function::Event::BuildSucceeded(image)),
        ("pulled", function::Event::BuildSucceeded(pulled)),
    ]
}

fn payloads() -> Vec<crate::erasure::Payload> {
    vec![crate::erasure::Payload { version: 1, digest: "00ff".into() }]
}

/// One of each event of a run.
pub fn runs() -> Vec<run::Event> {
    use run::Event;
    use run::event::*;

    let request = || Request {
        run: run::id(event_id(), function_id()),
        function: function_id(),
        namespace: "default".into(),
        trigger: "file.uploaded".into(),
        event: Some(event_id()),
        input: raw(r#"{"id":"order-7","type":"file.uploaded"}"#),
        input_cut: true,
        version: Some(2),
        replayed_from: Some(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a1).into()),
        callback: None,
    };
    let outcome = || Outcome {
        output: Some(raw(r#"{"width":100}"#)),
        output_cut: true,
        http_status: Some(200),
        exit_code: Some(-1),
        instance: Some("thumbnails-2-a".into()),
        cold_start: true,
        ..Outcome::default()
    };
    let failure = |timed_out| Failure { error: "it broke".into(), timed_out, outcome: outcome() };
    chain(|last| {
        Some(match last {
            None => Event::Requested(Requested {
                request: request(),
                delivery: Delivery::Retried(retry::Policy { max_attempts: 3, backoff_s: 0.25, backoff_max_s: 60.0 }),
                at: at(1),
            }),
            Some(Event::Requested(_)) => {
                Event::Started(Started { attempt: 1, version: 2, node: "node-1".into(), at: at(2) })
            }
            Some(Event::Started(_)) => {
                Event::AttemptFailed(AttemptFailed { attempt: 1, failure: failure(false), due: at(13), at: at(3) })
            }
            Some(Event::AttemptFailed(_)) => Event::Succeeded(Succeeded { outcome: outcome(), at: at(4) }),
            Some(Event::Succeeded(_)) => Event::Failed(Failed { failure: failure(false), at: at(5) }),
            Some(Event::Failed(_)) => Event::TimedOut(TimedOut { failure: failure(true), at: at(6) }),
            Some(Event::TimedOut(_)) => Event::Cancelled(Cancelled { at: at(7) }),
            Some(Event::Cancelled(_)) => Event::DeadLettered(DeadLettered { failure: failure(false), at: at(8) }),
            Some(Event::DeadLettered(_)) => {
                Event::Deferred(Deferred { attempt: Some(1), reason: "no instance can be started".into(), at: at(15) })
            }
            Some(Event::Deferred(_)) => Event::Answered(Box::new(Answered {
                request: request(),
                ran: 2,
                ending: Ending::TimedOut,
                error: Some("no answer in 30 s".into()),
                outcome: outcome(),
                queued_at: at(9),
                started_at: Some(at(10)),
                at: at(11),
            })),
            Some(Event::Answered(_)) => Event::Redriven(Redriven {
                run: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a2).into(),
                retry: None,
                at: at(12),
            }),
            Some(Event::Redriven(_)) => Event::Purged(Purged { at: at(13) }),
            Some(Event::Purged(_)) => Event::CallbackFailed(CallbackFailed {
                attempt: 1,
                error: "the address answered 500".into(),
                due: Some(at(20)),
                at: at(14),
            }),
            Some(Event::CallbackFailed(_)) => Event::CallbackDelivered(CallbackDelivered { attempt: 2, at: at(20) }),
            Some(Event::CallbackDelivered(_)) => Event::Erased(Erased { payloads: payloads(), at: at(21) }),
            Some(Event::Erased(_)) => return None,
        })
    })
}

fn policy() -> retry::Policy {
    retry::Policy { max_attempts: 3, backoff_s: 0.5, backoff_max_s: 60.0 }
}

/// Events of a run with members that older servers do not know.
fn extended_runs() -> Vec<(&'static str, run::Event)> {
    let run = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a2).into();
    vec![("extended", run::Event::Redriven(run::event::Redriven { run, retry: Some(policy()), at: at(12) }))]
}

/// Events of a trigger event with members that older servers do not know.
fn extended_events() -> Vec<(&'static str, event::Event)> {
    let mut received = events().remove(0);
    if let event::Event::Received(received) = &mut received {
        received.asynchronous = true;
        received.retry = Some(policy());
        received.callback = Some("https://example.com/outcomes".into());
    }
    vec![("extended", received)]
}

/// One of each event of a trigger event.
pub fn events() -> Vec<event::Event> {
    chain(|last| {
        Some(match last {
            None => event::Event::Received(Box::new(event::Received {
                id: event_id(),
                namespace: "default".into(),
                kind: "file.uploaded".into(),
                source: "/shop".into(),
                event_id: "order-7".into(),
                subject: Some("cat.png".into()),
                event: raw(r#"{"specversion":"1.0","id":"order-7","data":{"kind":"image"}}"#),
                target: Some(function_id()),
                asynchronous: false,
                retry: None,
                callback: None,
                erased_at: None,
                at: at(1),
            })),
            Some(event::Event::Received(_)) => event::Event::Erased(event::Erased { payloads: payloads(), at: at(2) }),
            Some(event::Event::Erased(_)) => return None,
        })
    })
}

/// One of each event of a namespace.
pub fn namespaces() -> Vec<namespace::Event> {
    use crate::access::Role;
    use namespace::Event;

    let member = || "user:ada".to_owned();
    let token = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00c1);
    chain(|last| {
        Some(match last {
            None => Event::Created { name: "default".into(), at: at(1) },
            Some(Event::Created { .. }) => Event::MemberAdded { member: member(), role: Role::Viewer, at: at(2) },
            Some(Event::MemberAdded { .. }) => Event::RoleChanged { member: member(), role: Role::Owner, at: at(3) },
            Some(Event::RoleChanged { .. }) => Event::MemberRemoved { member: member(), at: at(4) },
            Some(Event::MemberRemoved { .. }) => Event::TokenCreated { token, name: "ci".into(), at: at(5) },
            Some(Event::TokenCreated { .. }) => Event::TokenRevoked { token, at: at(6) },
            Some(Event::TokenRevoked { .. }) => Event::SecretSet { secret: "API_KEY".into(), at: at(7) },
            Some(Event::SecretSet { .. }) => Event::SecretRemoved { secret: "API_KEY".into(), at: at(9) },
            Some(Event::SecretRemoved { .. }) => Event::QuotaSet { quota: "functions".into(), limit: 100, at: at(8) },
            Some(Event::QuotaSet { .. }) => return None,
        })
    })
}

/// Today's bytes equal the file of the current version; the files of all versions decode to the sample. Extended events
/// and other variants have files, too.
fn check<E: Payload + Debug + PartialEq>(room: &str, samples: Vec<E>, others: Vec<(&str, E)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(room);
    let mut known: BTreeSet<PathBuf> = BTreeSet::new();
    for sample in samples {
        let today = sample.encode();
        let text = std::str::from_utf8(&today).expect("a payload is JSON");
        let newest = shape(text);
        let file = |version: u64| folder.join(format!("{}.v{version}.json", snake_case(sample.kind())));
        let path = file(newest);
        write_missing(&path, text);
        for version in 1..=newest {
            let path = file(version);
            let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| {
                panic!("{}: {e}; `UPDATE_GOLDEN=1 cargo test -p domain golden` writes what is missing", path.display())
            });
            assert_eq!(shape(&stored), version, "{}", path.display());
            let read =
                E::decode(sample.kind(), stored.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(read, sample, "{}", path.display());
            known.insert(path);
        }
        let stored = std::fs::read_to_string(&path).expect("it was read above");
        assert_eq!(text, stored.trim_end(), "the shape of `{}` changed: it needs an upcasting step", sample.kind());
    }
    for (name, sample) in others {
        let today = sample.encode();
        let text = std::str::from_utf8(&today).expect("a payload is JSON");
        let path = folder.join(format!("{}.v{}.{name}.json", snake_case(sample.kind()), shape(text)));
        write_missing(&path, text);
        let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(text, stored.trim_end(), "the shape of `{}` changed: it needs an upcasting step", sample.kind());
        let read = E::decode(sample.kind(), stored.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(read, sample, "{}", path.display());
        known.insert(path);
    }
    let there = std::fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    assert_eq!(there.collect::<BTreeSet<_>>(), known, "a file that no event accounts for, or the other way round");
}

fn write_missing(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
        std::fs::write(path, format!("{text}\n")).expect("the file can be written");
    }
}

/// The number in `{"v":1,…`.
fn shape(text: &str) -> u64 {
    let value: Value = serde_json::from_str(text).expect("a payload is JSON");
    value["v"].as_u64().expect("a payload says its version")
}

fn snake_case(kind: &str) -> String {
    let mut out = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_stored_shape_of_a_functions_events_is_read() {
    check("function", functions(), other_functions());
}

#[test]
fn every_stored_shape_of_a_runs_events_is_read() {
    check("run", runs(), extended_runs());
}

#[test]
fn every_stored_shape_of_a_trigger_event_is_read() {
    check("event", events(), extended_events());
}

#[test]
fn every_stored_shape_of_a_namespaces_events_is_read() {
    check("namespace", namespaces(), Vec::new());
}

#[test]
fn there_is_a_sample_of_every_type_that_the_contract_names() {
    fn kinds<E: Payload>(samples: Vec<E>) -> Vec<&'static str> {
        samples.iter().map(Payload::kind).collect()
    }
    assert_eq!(
        kinds(functions()).join(" "),
        "Registered Updated BuildRequested BuildStarted BuildSucceeded BuildFailed BuildCancelled Started Stopped \
         VersionPromoted TrafficShifted InstanceFailed InstanceRecovered Deregistered"
    );
    assert_eq!(
        kinds(runs()).join(" "),
        "Requested Started AttemptFailed Succeeded Failed TimedOut Cancelled DeadLettered Deferred Answered Redriven Purged \
         CallbackFailed CallbackDelivered Erased"
    );
    assert_eq!(kinds(events()).join(" "), "Received Erased");
    assert_eq!(
        kinds(namespaces()).join(" "),
        "Created MemberAdded RoleChanged MemberRemoved TokenCreated TokenRevoked SecretSet SecretRemoved QuotaSet"
    );
}

#[test]
fn a_type_that_no_one_knows_is_named() {
    fn unknown<E: Payload + Debug>() {
        for kind in ["", "registered", "Exploded"] {
            let error = E::decode(kind, br#"{"v":1,"at":"2026-01-01T00:00:00Z"}"#).expect_err("it is not known");
            assert!(error.to_string().contains(&format!("unknown event type `{kind}`")), "{error}");
        }
    }
    unknown::<function::Event>();
    unknown::<run::Event>();
    unknown::<event::Event>();
    unknown::<namespace::Event>();
}

#[test]
fn a_payload_that_lost_a_member_is_not_guessed() {
    fn strip<E: Payload + Debug>(samples: Vec<E>) {
        for sample in samples {
            let kind = sample.kind();
            let error = E::decode(kind, br#"{"v":1}"#).expect_err("everything is missing");
            assert!(error.to_string().starts_with(&format!("the payload of `{kind}` cannot be read")), "{error}");
        }
    }
    strip(functions());
    strip(runs());
    strip(events());
    strip(namespaces());
}

#[test]
fn a_namespaces_payload_without_its_own_member_names_what_is_missing() {
    for sample in namespaces() {
        let error = namespace::Event::decode(sample.kind(), br#"{"v":1,"at":"2026-01-01T00:00:00Z"}"#)
            .expect_err("all but the time is missing");
        assert!(error.to_string().contains("is missing"), "{error}");
    }
}
