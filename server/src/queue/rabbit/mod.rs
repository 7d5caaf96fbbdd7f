//! RabbitMQ behind the wall of [`Queue`], and the exchange by which other programs send events.
//!
//! One connection publishes, another consumes: a broker that is short of memory stops the first and leaves the second
//! alone. Both are made again for ever; the server starts and takes events while the broker is away.
//!
//! | file | |
//! | --- | --- |
//! | `topology` | names and arguments of exchanges and queues |
//! | `connection` | a connection that comes back |
//! | `publish` | many requests at once, each confirmed |
//! | `consume` | deliveries, answered for in groups |
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
use self::topology::Place;
use super::{Consumer, Delivery, Error, Queue, Receipt, Request};

pub use inbox::{Inbox, Letter, Message, too_large};

/// The start waits this long for the broker before it goes on without.
const FIRST_TRY: Duration = Duration::from_secs(3);

/// A question that the broker does not answer in this time has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Messages of other programs that one server has in its hands, at most …
const INBOX_MESSAGES: usize = 200;

/// … and bytes of them, if each is as large as it may be: the broker counts messages, not bytes. A few go side by side
/// all the same, of whatever size.
const INBOX_BYTES: usize = 128 << 20;
const INBOX_LEAST: usize = 4;

/// How many messages of at most so many bytes each the broker may send before the first is answered for.
fn inbox_prefetch(most: usize) -> u16 {
    let messages = (INBOX_BYTES / most.max(1)).clamp(INBOX_LEAST, INBOX_MESSAGES);
    u16::try_from(messages).unwrap_or(u16::MAX)
}

/// RabbitMQ. Cloning it is cheap.
#[derive(Clone)]
pub struct Rabbit {
    address: Address,
    publishing: Arc<Link>,
    consuming: Arc<Link>,
    publisher: Arc<Publisher>,
    /// The channel for questions; one about a queue that is not there breaks it.
    questions: Arc<Mutex<Option<Channel>>>,
}

impl Rabbit {
    /// Connects to the broker at `url` (`amqp://` or `amqps://`); `name` is shown in its list of connections. When the
    /// broker is away, this returns all the same after a few seconds, and it is connected to when it is back.
    ///
    /// # Errors
    /// When the URL is none.
    pub async fn connect(url: &str, name: &str) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let publishing = Link::start(address.clone(), format!("{name} publishing"));
        let consuming = Link::start(address.clone(), format!("{name} consuming"));
        let both = futures::future::join(publishing.tried(), consuming.tried());
        let _ = tokio::time::timeout(FIRST_TRY, both).await;
        let publisher = Arc::new(Publisher::new(publishing.clone()));
        Ok(Self { address, publishing, consuming, publisher, questions: Arc::default() })
    }

    /// Takes events that other programs publish to the exchange `eventflow.ingress`. A message with a body of more than
    /// `most` bytes goes to the dead queue.
    pub fn inbox(&self, most: usize) -> Inbox {
        let link = self.consuming.clone();
        let read = move |delivery: lapin::message::Delivery| inbox::read(delivery, most);
        Inbox { messages: Messages::subscribe(link, Place::Ingress, inbox_prefetch(most), Arc::new(read)) }
    }

    /// The user as whom the server is known to the broker.
    pub fn user(&self) -> &str {
        self.address.user()
    }

    async fn length(&self, queue: &str) -> Result<u64, Error> {
        let asking = tokio::time::timeout(ANSWER_WITHIN, self.count(queue));
        asking.await.unwrap_or_else(|_| Err(Error("RabbitMQ did not tell a queue's length in time".to_owned())))
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
            // The broker closed the channel over it; the next question gets another one.
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

    /// Returns at once, also while the broker is away: the consumer subscribes, and subscribes again, by itself. Its
    /// `next` fails only when the queue was deleted.
    async fn consume(&self, function: function::Id, prefetch: usize) -> Result<Box<dyn Consumer>, Error> {
        let prefetch = u16::try_from(prefetch.max(1)).unwrap_or(u16::MAX);
        let read = |delivery: lapin::message::Delivery| wire::read(&delivery.data);
        let messages = Messages::subscribe(self.consuming.clone(), Place::Runs(function), prefetch, Arc::new(read));
        Ok(Box::new(RabbitConsumer { messages }))
    }

    async fn depth(&self, function: function::Id) -> Result<u64, Error> {
        self.length(&Place::Runs(function).queue()).await
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
