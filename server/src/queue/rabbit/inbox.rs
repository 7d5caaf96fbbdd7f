//! Receives messages that other programs publish to the exchange `eventflow.ingress`.

use std::collections::BTreeMap;

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::consume::{Messages, Ticket};
use crate::queue::Error;

/// Consumes messages of other programs. If several servers do, each message goes to one of them.
pub struct Inbox {
    pub(super) messages: Messages<Message>,
}

/// A message of another program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The exchange to which it was published.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// The property `message-id`.
    pub id: Option<String>,
    /// The property `content-type`.
    pub content_type: Option<String>,
    /// The property `user-id`, verified by the broker.
    pub user: Option<String>,
    /// The headers that can be represented as text.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A message that must be replied to. If dropped without a reply, it comes again.
pub struct InboxMessage {
    /// The message.
    pub message: Message,
    ticket: Ticket,
}

impl Inbox {
    /// Waits for the next message, also while the broker is not available. Cancel-safe.
    ///
    /// # Errors
    /// If the queue was deleted. No message follows then.
    pub async fn next(&mut self) -> Result<InboxMessage, Error> {
        self.messages.next().await.map(|(message, ticket)| InboxMessage { message, ticket })
    }
}

impl InboxMessage {
    /// Acknowledges the message after it was recorded: it will not come again.
    pub fn acknowledge(self) {
        self.ticket.done();
    }

    /// Rejects the message permanently: it goes to the dead-letter queue.
    pub fn refuse(self) {
        self.ticket.refuse();
    }
}

pub(super) fn read(delivery: Delivery, most: usize) -> Result<Message, String> {
    if delivery.data.len() > most {
        return Err(too_large(delivery.data.len(), most));
    }
    let properties = &delivery.properties;
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string).filter(|text| !text.is_empty());
    Ok(Message {
        exchange: delivery.exchange.to_string(),
        routing_key: delivery.routing_key.to_string(),
        id: text(properties.message_id()),
        content_type: text(properties.content_type()),
        user: text(properties.user_id()),
        headers: properties.headers().as_ref().map(headers).unwrap_or_default(),
        body: delivery.data,
    })
}

/// The error for a message of this many bytes.
pub fn too_large(bytes: usize, most: usize) -> String {
    format!("the message has {bytes} bytes, the most that is taken is {most}")
}

fn headers(table: &FieldTable) -> BTreeMap<String, String> {
    table.into_iter().filter_map(|(name, value)| Some((name.to_string(), as_text(value)?))).collect()
}

fn as_text(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok()?.to_owned(),
        AMQPValue::ShortString(text) => text.to_string(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(number) => number.to_string(),
        AMQPValue::ShortShortUInt(number) => number.to_string(),
        AMQPValue::ShortInt(number) => number.to_string(),
        AMQPValue::ShortUInt(number) => number.to_string(),
        AMQPValue::LongInt(number) => number.to_string(),
        AMQPValue::LongUInt(number) => number.to_string(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        AMQPValue::Timestamp(seconds) => {
            chrono::DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)?.to_rfc3339()
        }
        _ => return None,
    })
}
