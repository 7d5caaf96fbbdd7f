//! The exchanges and queues declared on the broker: names, kinds and arguments, valid for RabbitMQ 3.10 and later.

use std::time::Duration;

use domain::function;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, Connection, ExchangeKind};

/// The direct exchange for run requests; the routing key is the function's id.
pub(super) const RUNS: &str = "eventflow.runs";

/// The topic exchange, and its queue, to which other programs publish events.
pub(super) const INGRESS: &str = "eventflow.ingress";

/// The exchange, and its queue, for messages that were rejected or redelivered too often.
pub(super) const DEAD: &str = "eventflow.dead";

/// Deliveries of one message without an acknowledgement before it moves to the dead-letter queue. This is the default
/// of newer brokers; older ones need it declared.
const DELIVERY_LIMIT: i32 = 20;

/// Maximum length of the dead-letter queue: the oldest messages are dropped.
const DEAD_LIMIT: i32 = 100_000;

/// The time limit for an acknowledgement in milliseconds, on brokers that let the queue define it (3.12 and newer).
const CONSUMER_TIMEOUT_MS: i32 = 24 * 60 * 60 * 1000;

/// A healthy broker reports the length of a queue within this time.
const PROBED_WITHIN: Duration = Duration::from_secs(3);

/// The time limit for deleting a queue, even one without a leader.
const DELETED_WITHIN: Duration = Duration::from_secs(30);

/// After this many missing confirmations in a row, a queue is examined by [`BrokerQueue::mend`].
pub(super) const SILENCES: u32 = 3;

/// A queue that EventFlow consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum BrokerQueue {
    /// The run requests of a function.
    Runs(function::Id),
    /// Events of other programs.
    Ingress,
}

impl BrokerQueue {
    /// The name of the queue.
    pub(super) fn name(self) -> String {
        match self {
            Self::Runs(function) => format!("{RUNS}.{function}"),
            Self::Ingress => INGRESS.to_owned(),
        }
    }

    /// Declares the queue.
    pub(super) async fn declare(self, channel: &Channel) -> lapin::Result<()> {
        let queue = self.name();
        let mut arguments = quorum();
        arguments.insert("x-dead-letter-exchange".into(), text(DEAD));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongInt(CONSUMER_TIMEOUT_MS));
        channel.queue_declare(queue.as_str().into(), durable(), arguments).await?;
        let (exchange, key) = match self {
            Self::Runs(function) => (RUNS, function.to_string()),
            Self::Ingress => (INGRESS, "#".to_owned()),
        };
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
    }
}

impl BrokerQueue {
    /// Deletes a queue that does not respond although its broker does. A quorum queue that was created less than a
    /// second before its only broker was killed comes back without its log and never elects a leader: nothing can be
    /// published or consumed, and its contents are lost. The sweep publishes them again from EventFlow's own log.
    pub(super) async fn mend(self, connection: &Connection) {
        let Ok(channel) = connection.create_channel().await else { return };
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let probe = channel.queue_declare(DEAD.into(), passive, FieldTable::default());
        if !matches!(tokio::time::timeout(PROBED_WITHIN, probe).await, Ok(Ok(_))) {
            return;
        }
        let deleting = channel.queue_delete(self.name().into(), QueueDeleteOptions::default());
        match tokio::time::timeout(DELETED_WITHIN, deleting).await {
            Ok(Ok(_)) => tracing::error!(queue = self.name(), "deleted a queue without a leader"),
            Ok(Err(error)) => tracing::error!(queue = self.name(), %error, "queue does not respond"),
            Err(_) => tracing::error!(queue = self.name(), "queue does not respond and cannot be deleted"),
        }
    }
}

/// Declares the exchanges and queues that do not depend on any function.
pub(super) async fn declare(channel: &Channel) -> lapin::Result<()> {
    let exchange = async |name: &str, kind| {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
    };
    exchange(DEAD, ExchangeKind::Fanout).await?;
    let mut arguments = quorum();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(DEAD_LIMIT));
    channel.queue_declare(DEAD.into(), durable(), arguments).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
    exchange(RUNS, ExchangeKind::Direct).await?;
    exchange(INGRESS, ExchangeKind::Topic).await?;
    BrokerQueue::Ingress.declare(channel).await
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn durable() -> QueueDeclareOptions {
    QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}
