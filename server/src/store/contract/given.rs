//! Things that have happened, as appends.

use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregate::{Aggregate, Payload};
use domain::function::event::{
    BuildRequested, BuildStarted, BuildSucceeded, Deregistered, Registered, Source, Started, Stopped, VersionPromoted,
};
use domain::manifest::{Manifest, Runtime};
use domain::run::event::{
    Answered, AttemptFailed, DeadLettered, Delivery, Ending, Failure, Outcome, Request, Requested, Succeeded,
};
use domain::{Cause, Json, Stream, event, function, namespace, run};
use uuid::Uuid;

use crate::store::{Append, LineStream, NewEvent, NewLine, Row, tables};

/// A fixed moment, and `seconds` after it.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap() + TimeDelta::seconds(seconds)
}

/// An aggregate that a test writes.
pub struct Subject<A: Aggregate> {
    pub stream: Stream,
    pub state: A::State,
    pub version: u64,
    rows: fn(&A::State, &A::Event) -> Vec<Row>,
}

impl<A: Aggregate> Subject<A> {
    /// The append of what happens next.
    pub fn append(&mut self, events: Vec<A::Event>) -> Append {
        let expected = self.version;
        let mut rows: Vec<Row> = Vec::new();
        let mut new = Vec::new();
        for event in events {
            self.state = A::evolve(std::mem::take(&mut self.state), &event);
            for row in (self.rows)(&self.state, &event) {
                rows.retain(|earlier| !earlier.same_key(&row));
                rows.push(row);
            }
            new.push(NewEvent { id: Uuid::now_v7(), kind: event.kind(), data: event.encode(), at: event.at() });
            self.version += 1;
        }
        let cause = Cause {
            actor: Some("user:ada".into()),
            causation: Some(Uuid::from_u128(7)),
            correlation: Some(Uuid::from_u128(8)),
        };
        Append { stream: self.stream.clone(), expected, events: new, cause, rows }
    }
}

pub fn function(namespace: &str, name: &str) -> Subject<function::Aggregate> {
    let id = function::id(namespace, name, 1);
    Subject {
        stream: Stream::function(id),
        state: None,
        version: 0,
        rows: |state, event| state.as_ref().map(|state| tables::of_function(state, event)).unwrap_or_default(),
    }
}

pub fn namespace(name: &str) -> Subject<namespace::Aggregate> {
    Subject { stream: Stream::namespace(name), state: None, version: 0, rows: |_, _| Vec::new() }
}

fn source() -> Source {
    Source::Git { url: "/srv/it's \"quoted\".git".into(), git_ref: Some("main".into()), path: None }
}

pub fn registered(namespace: &str, name: &str) -> function::Event {
    function::Event::Registered(Registered {
        id: function::id(namespace, name, 1),
        namespace: namespace.into(),
        name: name.into(),
        generation: 1,
        source: source(),
        manifest: Some(Json::parse(r#"{"runtime": "node"}"#).unwrap()),
        at: at(0),
    })
}

pub fn build_requested(build: function::BuildId) -> function::Event {
    function::Event::BuildRequested(BuildRequested { build, source: source(), manifest: None, at: at(1) })
}

pub fn build_started(build: function::BuildId) -> function::Event {
    function::Event::BuildStarted(BuildStarted { build, node: "node-1".into(), at: at(2) })
}

pub fn build_succeeded(build: function::BuildId, version: u32) -> function::Event {
    function::Event::BuildSucceeded(BuildSucceeded {
        build,
        version,
        made: function::Made::artifact(format!("sha256:{version}"), 4096),
        manifest: Box::new(Manifest::of(Runtime::Node)),
        commit: Some("0123abcd".into()),
        at: at(3),
    })
}

pub fn promoted(version: u32, previous: u32) -> function::Event {
    function::Event::VersionPromoted(VersionPromoted { version, previous, reason: Some("newer".into()), at: at(3) })
}

pub fn started(version: u32) -> function::Event {
    function::Event::Started(Started { version, at: at(4) })
}

pub fn stopped() -> function::Event {
    function::Event::Stopped(Stopped { reason: Some("enough".into()), at: at(5) })
}

pub fn deregistered() -> function::Event {
    function::Event::Deregistered(Deregistered { at: at(6) })
}

pub fn a_run() -> Subject<run::Aggregate> {
    run_with(run::Id::new(Uuid::now_v7()))
}

pub fn run_with(id: run::Id) -> Subject<run::Aggregate> {
    Subject {
        stream: Stream::run(id),
        state: None,
        version: 0,
        rows: |state, _| state.as_ref().map(tables::of_run).into_iter().collect(),
    }
}

pub fn request(subject: &Subject<run::Aggregate>, function: function::Id) -> Request {
    let domain::stream::Subject::Run(run) = subject.stream.subject().unwrap() else { panic!("not a run") };
    Request {
        run,
        function,
        namespace: "default".into(),
        trigger: "http.invoke".into(),
        event: None,
        input: Json::parse(r#"{"data": [1, 2, 3]}"#).unwrap(),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: None,
    }
}

pub fn requested(subject: &Subject<run::Aggregate>, function: function::Id) -> run::Event {
    let request = request(subject, function);
    run::Event::Requested(Requested { request, delivery: Delivery::Once, at: at(10) })
}

pub fn run_started() -> run::Event {
    run::Event::Started(run::event::Started { attempt: 1, version: 1, node: "node-1".into(), at: at(11) })
}

pub fn run_succeeded() -> run::Event {
    run::Event::Succeeded(Succeeded { outcome: Outcome { http_status: Some(200), ..Outcome::default() }, at: at(12) })
}

pub fn answered(subject: &Subject<run::Aggregate>, function: function::Id) -> run::Event {
    run::Event::Answered(Box::new(Answered {
        request: request(subject, function),
        ran: 1,
        ending: Ending::Succeeded,
        error: None,
        outcome: Outcome {
            output: Some(Json::parse(r#"{"hello":"world"}"#).unwrap()),
            http_status: Some(200),
            instance: Some("i-1".into()),
            ..Outcome::default()
        },
        queued_at: at(10),
        started_at: Some(at(10)),
        at: at(11),
    }))
}

/// A run that is to be tried again, and whose outcome somebody waits for.
pub fn requested_for(subject: &Subject<run::Aggregate>, function: function::Id, callback: Option<&str>) -> run::Event {
    let request = Request { callback: callback.map(Into::into), ..request(subject, function) };
    let delivery = Delivery::Retried(domain::retry::Policy::default());
    run::Event::Requested(Requested { request, delivery, at: at(10) })
}

fn failure() -> Failure {
    Failure { error: "it broke".into(), timed_out: false, outcome: Outcome::default() }
}

pub fn attempt_failed(seconds: i64) -> run::Event {
    run::Event::AttemptFailed(AttemptFailed { attempt: 1, failure: failure(), due: at(seconds), at: at(12) })
}

pub fn dead_lettered() -> run::Event {
    run::Event::DeadLettered(DeadLettered { failure: failure(), at: at(13) })
}

/// One finished run as one append.
pub fn a_call(function: function::Id) -> Append {
    let mut subject = a_run();
    let event = answered(&subject, function);
    subject.append(vec![event])
}

/// An event that came in.
pub fn received(namespace: &str, kind: &str, id: &str) -> event::Received {
    event::Received {
        id: event::id(namespace, "/test", id),
        namespace: namespace.into(),
        kind: kind.into(),
        source: "/test".into(),
        event_id: id.into(),
        subject: Some("it".into()),
        event: Json::parse(r#"{"specversion":"1.0"}"#).unwrap(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(20),
    }
}

/// Its stream.
pub fn event(received: &event::Received) -> Subject<event::Aggregate> {
    Subject {
        stream: Stream::event(received.id),
        state: None,
        version: 0,
        rows: |state, _| state.as_ref().map(tables::of_event).into_iter().collect(),
    }
}

pub fn trigger_event(namespace: &str, kind: &str, id: &str) -> Append {
    let received = received(namespace, kind, id);
    event(&received).append(vec![event::Event::Received(Box::new(received))])
}

pub fn line(function: function::Id, text: &str) -> NewLine {
    NewLine {
        function,
        namespace: "default".into(),
        build: None,
        run: None,
        instance: Some("i-1".into()),
        stream: LineStream::Stdout,
        at: at(30),
        text: text.into(),
    }
}
