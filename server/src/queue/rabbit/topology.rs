//! What is declared on the broker: names, kinds and arguments. The same on RabbitMQ 3.10 and later.

use domain::function;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, ExchangeKind};

/// The direct exchange to which run requests go; the routing key is the function's id.
pub(super) const RUNS: &str = "eventflow.runs";

/// The topic exchange, and its queue, to which other programs publish events.
pub(super) const INGRESS: &str = "eventflow.ingress";

/// The exchange, and its queue, for what was refused or came too often.
pub(super) const DEAD: &str = "eventflow.dead";

/// The fan-out exchange by which servers tell each other of new log lines.
pub(super) const LINES: &str = "eventflow.lines";

/// Deliveries of one message without an acknowledgement, after which it is moved to the dead queue. Newer brokers have
/// this number as their default; older ones get it said.
const DELIVERY_LIMIT: i32 = 20;

/// Messages that the dead queue keeps: the oldest make room.
const DEAD_LIMIT: i32 = 100_000;

/// Milliseconds that a delivery may wait for its acknowledgement, where the broker (3.12 and newer) lets the queue say it.
const CONSUMER_TIMEOUT_MS: i32 = 24 * 60 * 60 * 1000;

/// A queue that is consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The run requests of a function.
    Runs(function::Id),
    /// Events of other programs.
    Ingress,
}

impl Place {
    /// The queue's name.
    pub(super) fn queue(self) -> String {
        match self {
            Self::Runs(function) => format!("{RUNS}.{function}"),
            Self::Ingress => INGRESS.to_owned(),
        }
    }

    /// Makes the queue, unless it is there.
    pub(super) async fn declare(self, channel: &Channel) -> lapin::Result<()> {
        let queue = self.queue();
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

/// Makes what does not depend on any function, unless it is there.
pub(super) async fn declare(channel: &Channel) -> lapin::Result<()> {
    let exchange = async |name: &str, kind, durable| {
        let options = ExchangeDeclareOptions { durable, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
    };
    exchange(DEAD, ExchangeKind::Fanout, true).await?;
    let mut arguments = quorum();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(DEAD_LIMIT));
    channel.queue_declare(DEAD.into(), durable(), arguments).await?;
    channel.queue_bind(DEAD.into(), DEAD.into(), "".into(), QueueBindOptions::default(), FieldTable::default()).await?;
    exchange(RUNS, ExchangeKind::Direct, true).await?;
    exchange(INGRESS, ExchangeKind::Topic, true).await?;
    Place::Ingress.declare(channel).await?;
    exchange(LINES, ExchangeKind::Fanout, false).await
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
