//! The RabbitMQ implementation of [`Queue`], and the exchange to which other programs publish events.
//!
//! One connection publishes and another one consumes, because a broker that is short of memory blocks the first kind
//! but not the second. Both are re-established for as long as the server runs, which starts and accepts events even
//! while the broker is not available.
//!
//! | file | contents |
//! | --- | --- |
//! | `topology` | names and arguments of exchanges and queues |
//! | `connection` | a connection that is re-established |
//! | `publish` | many requests at once, each confirmed |
//! | `consume` | deliveries, acknowledged in batches |
//! | `inbox` | events of other programs |
//! | `wire` | a run request as a message |

mod connection;
mod consume;
mod error;
mod inbox;
mod publish;
mod refusals;
mod topology;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::function;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind};
use tokio::sync::Mutex;

use self::connection::{Address, Link};
use self::consume::{Messages, Ticket};
use self::publish::Publisher;
use self::topology::BrokerQueue;
use super::{Consumer, Delivery, Error, Queue, Receipt, Request};

pub use inbox::{Inbox, InboxMessage, Message, too_large};

/// How long the server's start waits for the broker before continuing without it.
const FIRST_TRY: Duration = Duration::from_secs(3);

/// The time limit for the broker's reply to a query.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Maximum number of unacknowledged messages of other programs on one server.
const INBOX_MESSAGES: usize = 200;

/// Maximum bytes of these messages, if each is as large as allowed: the broker counts messages, not bytes. A few are
/// always allowed, whatever their size.
const INBOX_BYTES: usize = 128 << 20;
const INBOX_LEAST: usize = 4;

/// The prefetch count for messages of at most `most` bytes.
fn inbox_prefetch(most: usize) -> u16 {
    let messages = (INBOX_BYTES / most.max(1)).clamp(INBOX_LEAST, INBOX_MESSAGES);
    u16::try_from(messages).unwrap_or(u16::MAX)
}

/// A RabbitMQ broker. Cheap to clone.
#[derive(Clone)]
pub struct Rabbit {
    address: Address,
    publishing: Arc<Link>,
    consuming: Arc<Link>,
    publisher: Arc<Publisher>,
    /// The channel for queries. A query about a missing queue breaks it.
    questions: Arc<Mutex<Option<Channel>>>,
}

impl Rabbit {
    /// Connects to the broker at `url` (`amqp://` or `amqps://`); the broker shows `name` in its list of connections.
    /// If the broker is not available, this returns after a few seconds nevertheless, and the connection is made later.
    ///
    /// # Errors
    /// If the URL is invalid.
    pub async fn connect(url: &str, name: &str) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let publishing = Link::start(address.clone(), format!("{name} publishing"));
        let consuming = Link::start(address.clone(), format!("{name} consuming"));
        let both = futures::future::join(publishing.tried(), consuming.tried());
        let _ = tokio::time::timeout(FIRST_TRY, both).await;
        let publisher = Arc::new(Publisher::new(publishing.clone()));
        Ok(Self { address, publishing, consuming, publisher, questions: Arc::default() })
    }

    /// Consumes the events that other programs publish to the exchange `eventflow.ingress`. A message with a body of
    /// more than `most` bytes goes to the dead-letter queue.
    pub fn inbox(&self, most: usize) -> Inbox {
        let link = self.consuming.clone();
        let read = move |delivery: lapin::message::Delivery| inbox::read(delivery, most);
        Inbox { messages: Messages::subscribe(link, BrokerQueue::Ingress, inbox_prefetch(most), Arc::new(read)) }
    }

    /// The name of the server's user at the broker.
    pub fn user(&self) -> &str {
        self.address.user()
    }

    async fn length(&self, queue: &str) -> Result<u64, Error> {
        let asking = tokio::time::timeout(ANSWER_WITHIN, self.count(queue));
        asking.await.unwrap_or_else(|_| Err(Error("RabbitMQ did not report a queue's length in time".to_owned())))
    }

    async fn count(&self, queue: &str) -> Result<u64, Error> {
        let mut questions = self.questions.lock().await;
        let channel = match questions.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.consuming.now()?.create_channel().await.map_err(error::error)?,
        };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
            Ok(queue) => {
                *questions = Some(channel);
                Ok(u64::from(queue.message_count()))
            }
            // The broker closed the channel because of it; the next query opens another one.
            Err(error) if is_not_found(&error) => Ok(0),
            Err(error) => Err(error::error(error)),
        }
    }
}

fn is_not_found(error: &lapin::Error) -> bool {
    const NOT_FOUND: u16 = 404;
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}

#[async_trait]
impl Queue for Rabbit {
    fn describe(&self) -> String {
        format!("RabbitMQ at {}", self.address)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        self.publishing.fault().or_else(|| self.consuming.fault())
    }

    async fn publish(&self, request: Request) -> Result<(), Error> {
        self.publisher.publish(&request).await
    }

    /// Returns immediately, also while the broker is not available: the consumer subscribes in the background. Its
    /// `next` fails only if the queue was deleted.
    async fn consume(&self, function: function::Id, prefetch: usize) -> Result<Box<dyn Consumer>, Error> {
        let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(u16::MAX);
        let read = |delivery: lapin::message::Delivery| wire::read(&delivery.data);
        let messages =
            Messages::subscribe(self.consuming.clone(), BrokerQueue::Runs(function), prefetch, Arc::new(read));
        Ok(Box::new(RabbitConsumer { messages }))
    }

    async fn depth(&self, function: function::Id) -> Result<u64, Error> {
        self.length(&BrokerQueue::Runs(function).name()).await
    }

    async fn dead(&self) -> Result<Option<u64>, Error> {
        self.length(topology::DEAD).await.map(Some)
    }

    async fn forget(&self, function: function::Id) -> Result<(), Error> {
        self.publisher.forget(function).await
    }
}

struct RabbitConsumer {
    messages: Messages<Request>,
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        let (request, ticket) = self.messages.next().await?;
        Ok(Delivery::new(request, Box::new(ticket)))
    }
}

impl Receipt for Ticket {
    fn acknowledge(self: Box<Self>) {
        self.done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_broker_sends_before_an_answer_is_bounded_in_bytes() {
        for most in [1, 16 << 10, 256 << 10, 6 << 20, 32 << 20] {
            let messages = usize::from(inbox_prefetch(most));
            assert!(messages * most <= INBOX_BYTES && (INBOX_LEAST..=INBOX_MESSAGES).contains(&messages), "{most}");
        }
        assert_eq!(inbox_prefetch(usize::MAX), 4);
        assert_eq!(inbox_prefetch(6 << 20), 21);
    }
}
