//! RabbitMQ alone, as the benches have it beside EventFlow: the same client library, the same kind of queue.
//!
//! `yardstick_amqp publish SECONDS` publishes messages one by one, each confirmed, and prints `p50_ms NUMBER`;
//! `yardstick_amqp through SECONDS` publishes with a window of confirmations, consumes and acknowledges at the same time,
//! and prints `rate NUMBER cores NUMBER`: messages through per second, and how many of the machine's cores were busy.
//! The broker is the one that `TEST_AMQP_URL` names.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::Semaphore;

/// Bytes of a message: about those of a run request with a small event in it.
const SIZE: usize = 900;

/// Messages that wait for their confirmation, and deliveries that wait for their acknowledgement, at a time.
const WINDOW: usize = 1000;

/// A message that outlives the broker.
const PERSISTENT: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let seconds = arguments.get(1).and_then(|text| text.parse().ok()).map(Duration::from_secs_f64);
    let (Some(what), Some(seconds), Ok(url)) = (arguments.first(), seconds, std::env::var("TEST_AMQP_URL")) else {
        eprintln!("usage: TEST_AMQP_URL=amqp://… yardstick_amqp publish|through SECONDS");
        return ExitCode::from(64);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let done = runtime.block_on(async {
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let queue = format!("eventflow.yardstick.{}", uuid::Uuid::new_v4());
        let channel = channel(&connection).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(LongString::from("quorum")));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
        let line = match what.as_str() {
            "publish" => one_by_one(&channel, &queue, seconds).await,
            _ => through(&connection, &channel, &queue, seconds).await,
        };
        channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
        line
    });
    match done {
        Ok(line) => println!("{line}"),
        Err(error) => {
            eprintln!("yardstick_amqp: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn channel(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Returns when the broker has confirmed the message.
async fn publish(channel: &Channel, queue: &str) -> lapin::Result<()> {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let sent =
        channel.basic_publish("".into(), queue.into(), BasicPublishOptions::default(), &[b'x'; SIZE], properties);
    sent.await?.await.map(drop)
}

async fn one_by_one(channel: &Channel, queue: &str, seconds: Duration) -> lapin::Result<String> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < seconds {
        let since = Instant::now();
        publish(channel, queue).await?;
        times.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(format!("p50_ms {:.4}", times[times.len() / 2]))
}

async fn through(connection: &Connection, channel: &Channel, queue: &str, seconds: Duration) -> lapin::Result<String> {
    let taker = connection.create_channel().await?;
    taker.basic_qos(u16::try_from(WINDOW).expect("a small window"), BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut deliveries = taker.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let consumer = tokio::spawn(async move {
        while let Some(Ok(delivery)) = deliveries.next().await {
            if delivery.ack(BasicAckOptions::default()).await.is_err() {
                return;
            }
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let window = Arc::new(Semaphore::new(WINDOW));
    let publisher = tokio::spawn({
        let (channel, queue) = (channel.clone(), queue.to_owned());
        async move {
            loop {
                let place = window.clone().acquire_owned().await.expect("nobody closes the window");
                let (channel, queue) = (channel.clone(), queue.clone());
                tokio::spawn(async move {
                    let published = publish(&channel, &queue).await;
                    drop(place);
                    published
                });
            }
        }
    });
    // Until it is at its pace.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (began, before, busy) = (Instant::now(), count.load(Ordering::Relaxed), busy());
    tokio::time::sleep(seconds).await;
    let (elapsed, after) = (began.elapsed().as_secs_f64(), count.load(Ordering::Relaxed));
    let cores = (self::busy() - busy) / elapsed;
    publisher.abort();
    consumer.abort();
    Ok(format!("rate {:.0} cores {cores:.2}", (after - before) as f64 / elapsed))
}

/// Seconds that the machine's processors have worked so far, all together.
fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first.split_whitespace().skip(1).filter_map(|number| number.parse().ok()).collect();
    // user nice system idle iowait irq softirq; Linux counts a hundred ticks a second.
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    (ticks.iter().take(8).sum::<f64>() - idle) / 100.0
}
