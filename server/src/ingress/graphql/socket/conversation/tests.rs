//! Tests of the protocol without a socket.

use std::collections::VecDeque;

use async_graphql::{EmptyMutation, Object, Schema, Subscription};
use bytes::Bytes;
use domain::access::{Grants, Role};
use futures::stream;
use serde_json::json;

use super::*;
use crate::config::Limits;
use crate::ingress::graphql::execution::execute_stream;
use crate::operations::Viewer;

struct Query;
struct Events;

#[Object]
impl Query {
    async fn one(&self) -> i32 {
        1
    }
}

#[Subscription]
impl Events {
    async fn endless(&self) -> impl Stream<Item = i32> {
        stream::repeat(1)
    }

    async fn silent(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }

    async fn twice(&self) -> impl Stream<Item = i32> {
        stream::iter([1, 2])
    }
}

/// Lets in who says so.
struct Door(Schema<Query, EmptyMutation, Events>, subscribers::Subscribers);

impl Host for Door {
    fn greet(&mut self, payload: &Value) -> Result<Data, String> {
        if payload["stranger"] == true { Err("who are you?".to_owned()) } else { Ok(Data::default()) }
    }

    fn over(&self) -> Option<ServerError> {
        None
    }

    fn is_turn(&self, _: &Context<'_>) -> bool {
        true
    }

    fn slot(&self) -> Result<SubscriberSlot, ServerError> {
        Ok(self.1.take(&Viewer::of_installation("user:test", &Grants::everywhere(Role::Owner))).unwrap())
    }

    fn answers(&self, request: Request, session: Arc<Data>) -> BoxStream<'static, Answer> {
        execute_stream(&self.0, request, session)
    }
}

/// Messages that a test gives in between.
#[derive(Clone, Default)]
struct Given(std::rc::Rc<std::cell::RefCell<VecDeque<Heard>>>);

impl Stream for Given {
    type Item = Heard;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Heard>> {
        self.0.borrow_mut().pop_front().map_or(Poll::Pending, |heard| Poll::Ready(Some(heard)))
    }
}

struct Talk {
    given: Given,
    conversation: Conversation<Given, Door>,
}

impl Talk {
    fn new(dialect: Dialect, limit: usize) -> Self {
        let given = Given::default();
        let door = Door(Schema::new(Query, EmptyMutation, Events), subscribers::Subscribers::new(&Limits::default()));
        Self { given: given.clone(), conversation: Conversation::new(given, door, dialect, limit) }
    }

    /// One that is greeted.
    fn greeted(dialect: Dialect, limit: usize) -> Self {
        let mut talk = Self::new(dialect, limit);
        assert_eq!(talk.say(json!({ "type": "connection_init" })), [text(json!({ "type": "connection_ack" }))]);
        talk
    }

    fn heard(&mut self, heard: Heard) -> Vec<ServerMessage> {
        self.given.0.borrow_mut().push_back(heard);
        self.all(20)
    }

    fn say(&mut self, message: Value) -> Vec<ServerMessage> {
        self.heard(Heard::Message(Bytes::from(message.to_string())))
    }

    fn subscribe(&mut self, id: &str, query: &str) -> Vec<ServerMessage> {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } }))
    }

    /// All messages that are ready, so many at most.
    fn all(&mut self, most: usize) -> Vec<ServerMessage> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut sent = Vec::new();
        while sent.len() < most
            && let Poll::Ready(Some(one)) = self.conversation.poll_next_unpin(&mut cx)
        {
            sent.push(one);
        }
        sent
    }
}

fn text(message: Value) -> ServerMessage {
    ServerMessage::Text(message.to_string())
}

fn kinds(sent: &[ServerMessage]) -> Vec<String> {
    sent.iter()
        .map(|message| match message {
            ServerMessage::Text(text) => {
                serde_json::from_str::<Value>(text).unwrap()["type"].as_str().unwrap().to_owned()
            }
            ServerMessage::Close(code, _) => code.to_string(),
        })
        .collect()
}

#[test]
fn a_query_has_one_answer_and_an_end() {
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    assert_eq!(
        talk.subscribe("1", "{ one }"),
        [
            ServerMessage::Text("{\"id\":\"1\",\"type\":\"next\",\"payload\":{\"data\":{\"one\":1}}}".to_owned()),
            ServerMessage::Text("{\"id\":\"1\",\"type\":\"complete\"}".to_owned()),
        ]
    );
    // Its id is free again.
    assert_eq!(kinds(&talk.subscribe("1", "subscription { twice }")), ["next", "next", "complete"]);
}

#[test]
fn what_does_not_begin_is_an_error_and_nothing_else() {
    let mut talk = Talk::greeted(Dialect::Transport, 2);
    for query in ["{", "{ nonsense }", "query A { one } query B { one }", "query($v: Int!) { one }"] {
        let sent = talk.subscribe("1", query);
        assert_eq!(kinds(&sent), ["error"], "{query}");
        let ServerMessage::Text(text) = &sent[0] else { panic!("{sent:?}") };
        let message: Value = serde_json::from_str(text).unwrap();
        assert!(message["id"] == "1" && message["payload"][0]["message"].is_string(), "{message}");
    }
    // More than the connection may have.
    for id in ["a", "b"] {
        assert!(talk.subscribe(id, "subscription { silent }").is_empty());
    }
    let sent = talk.subscribe("c", "subscription { silent }");
    assert_eq!(kinds(&sent), ["error"]);
    assert!(format!("{sent:?}").contains("too_many_subscriptions"));
    assert!(talk.say(json!({ "type": "complete", "id": "a" })).is_empty());
    assert!(talk.subscribe("c", "subscription { silent }").is_empty());
}

#[test]
fn nothing_is_said_of_what_the_client_has_ended() {
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    assert_eq!(talk.subscribe("1", "subscription { endless }").len(), 20);
    assert_eq!(talk.say(json!({ "type": "complete", "id": "1" })), []);
    // What is not there may be ended, too: both ends may do so at once.
    assert_eq!(talk.say(json!({ "type": "complete", "id": "1" })), []);
    let mut talk = Talk::greeted(Dialect::Legacy, 10);
    let payload = json!({ "query": "subscription { silent }" });
    assert_eq!(talk.say(json!({ "type": "start", "id": "1", "payload": payload })), []);
    assert_eq!(kinds(&talk.say(json!({ "type": "stop", "id": "1" }))), ["complete"]);
}

#[test]
fn a_ping_is_answered_with_what_it_carries() {
    // Also before the client is known.
    let mut talk = Talk::new(Dialect::Transport, 10);
    assert_eq!(talk.say(json!({ "type": "ping" })), [text(json!({ "type": "pong" }))]);
    let payload = json!({ "n": [1, "x"] });
    assert_eq!(
        talk.say(json!({ "type": "ping", "payload": payload })),
        [text(json!({ "type": "pong", "payload": payload }))]
    );
    assert_eq!(talk.say(json!({ "type": "pong", "payload": payload })), []);
}

#[test]
fn each_breach_of_the_protocol_has_its_code() {
    let init = || json!({ "type": "connection_init" });
    let subscribe = |kind: &str| json!({ "type": kind, "id": "1", "payload": { "query": "subscription { silent }" } });
    let table = [
        // Messages, and the code that the last one is answered with.
        (vec![subscribe("subscribe")], "4401"),
        (vec![init(), init()], "4429"),
        (vec![json!({ "type": "connection_init", "payload": { "stranger": true } })], "4403"),
        (vec![init(), subscribe("subscribe"), subscribe("subscribe")], "4409"),
        (vec![init(), subscribe("start")], "4400"),
        (vec![init(), json!({ "type": "stop", "id": "1" })], "4400"),
        (vec![init(), json!({ "type": "connection_terminate" })], "4400"),
        (vec![init(), json!({ "type": "nonsense" })], "4400"),
        (vec![init(), json!({ "id": "1" })], "4400"),
        (vec![init(), json!([])], "4400"),
        (vec![init(), json!({ "type": "subscribe", "id": "1" })], "4400"),
        (vec![init(), json!({ "type": "subscribe", "payload": { "query": "{ one }" } })], "4400"),
        (vec![init(), json!({ "type": "complete" })], "4400"),
    ];
    for (messages, code) in table {
        let mut talk = Talk::new(Dialect::Transport, 10);
        let sent: Vec<_> = messages.iter().flat_map(|message| talk.say(message.clone())).collect();
        assert_eq!(kinds(&sent).last().map(String::as_str), Some(code), "{messages:?}");
        assert!(talk.say(json!({ "type": "ping" })).is_empty(), "nothing is sent after the end: {messages:?}");
    }
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    assert_eq!(kinds(&talk.heard(Heard::TooLong)), ["1009"]);
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    assert_eq!(kinds(&talk.heard(Heard::Broken)), ["1002"]);
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    assert_eq!(kinds(&talk.heard(Heard::Message(Bytes::from_static(b"{")))), ["4400"]);
    let mut talk = Talk::new(Dialect::Legacy, 10);
    let stranger = json!({ "type": "connection_init", "payload": { "stranger": true } });
    assert_eq!(kinds(&talk.say(stranger)), ["connection_error", "4403"]);
}

#[test]
fn a_taken_id_is_named() {
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    talk.subscribe("the id", "subscription { silent }");
    let sent = talk.subscribe("the id", "{ one }");
    assert_eq!(sent, [ServerMessage::Close(4409, "Subscriber for the id already exists".into())]);
}

#[test]
fn a_subscription_that_never_rests_keeps_no_other_waiting() {
    let mut talk = Talk::greeted(Dialect::Transport, 10);
    talk.subscribe("busy", "subscription { endless }");
    talk.subscribe("other", "subscription { endless }");
    let sent = format!("{:?}", talk.all(10));
    assert!(sent.contains("busy") && sent.contains("other"), "{sent}");
    assert_eq!(kinds(&talk.subscribe("query", "{ one }")).iter().filter(|kind| *kind == "complete").count(), 1);
}
