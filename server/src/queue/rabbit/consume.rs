//! Consumes messages from a queue on a channel of its own, and acknowledges them in batches.
//!
//! One task for each consumer maintains its subscription: when the connection breaks it subscribes again, and
//! unacknowledged messages are redelivered by the broker. Acknowledgements for deliveries of a broken channel are
//! dropped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::mpsc;

use super::connection::Link;
use super::error::error;
use super::topology::{BrokerQueue, SILENCES};
use crate::queue::Error;

/// The delay before subscribing again after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// The time limit for subscribing.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

/// Converts a message into what is delivered.
pub(super) type Parse<T> = Arc<dyn Fn(Delivery) -> Result<T, String> + Send + Sync>;

/// The messages of one queue.
pub(super) struct Messages<T> {
    inbox: mpsc::UnboundedReceiver<Result<(T, Ticket), Error>>,
}

/// The reply to the broker about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Acknowledge: it is done.
    Done,
    /// Requeue: it comes again.
    Again,
    /// Reject: it goes to the dead-letter queue.
    Refused,
}

/// The obligation to reply about one message; if dropped, the message is requeued.
pub(super) struct Ticket {
    tag: u64,
    answers: mpsc::UnboundedSender<(u64, Answer)>,
    answered: bool,
}

impl Ticket {
    /// Acknowledges the message.
    pub(super) fn done(self) {
        self.answer(Answer::Done);
    }

    /// Rejects the message, which goes to the dead-letter queue.
    pub(super) fn refuse(self) {
        self.answer(Answer::Refused);
    }

    fn answer(mut self, answer: Answer) {
        self.answered = true;
        let _ = self.answers.send((self.tag, answer));
    }

    /// Whether its channel is gone, so that the message comes again whatever is replied.
    fn is_stale(&self) -> bool {
        self.answers.is_closed()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            let _ = self.answers.send((self.tag, Answer::Again));
        }
    }
}

impl<T: Send + 'static> Messages<T> {
    /// Subscribes, now or as soon as the broker is available.
    pub(super) fn subscribe(link: Arc<Link>, queue: BrokerQueue, prefetch: u16, parse: Parse<T>) -> Self {
        // Bounded by the prefetch: the broker sends no more unacknowledged messages.
        let (outbox, inbox) = mpsc::unbounded_channel();
        tokio::spawn(keep(link, queue, prefetch, parse, outbox));
        Self { inbox }
    }

    /// Waits for the next message, also while the broker is not available. Cancel-safe.
    ///
    /// # Errors
    /// If the queue was deleted. No message follows then.
    pub(super) async fn next(&mut self) -> Result<(T, Ticket), Error> {
        loop {
            match self.inbox.recv().await {
                Some(Ok((_, ticket))) if ticket.is_stale() => {}
                Some(next) => return next,
                None => return Err(Error("the queue was deleted".to_owned())),
            }
        }
    }
}

type Outbox<T> = mpsc::UnboundedSender<Result<(T, Ticket), Error>>;

async fn keep<T>(link: Arc<Link>, queue: BrokerQueue, prefetch: u16, parse: Parse<T>, outbox: Outbox<T>) {
    let mut silences = 0;
    loop {
        let connection = tokio::select! {
            connection = link.up() => connection,
            () = outbox.closed() => return,
        };
        let subscribing = async {
            let channel = connection.create_channel().await.map_err(error)?;
            link.declare(queue, &channel).await?;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(error)?;
            let consuming = channel.basic_consume(
                queue.name().into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            let deliveries = consuming.await.map_err(error)?;
            Ok((channel, deliveries))
        };
        let subscribed = match tokio::time::timeout(SUBSCRIBED_WITHIN, subscribing).await {
            Ok(subscribed) => subscribed,
            Err(_) => {
                silences += 1;
                if silences >= SILENCES {
                    silences = 0;
                    queue.mend(&connection).await;
                }
                Err(Error("RabbitMQ did not answer in time".to_owned()))
            }
        };
        match subscribed {
            Ok((channel, deliveries)) => {
                silences = 0;
                let subscription = Subscription::new(channel, queue);
                match subscription.run(deliveries, &parse, &outbox).await {
                    Ended::Left => return,
                    Ended::Deleted => {
                        let _ = outbox.send(Err(Error(format!("the queue {} was deleted", queue.name()))));
                        return;
                    }
                    Ended::Broken(why) => tracing::debug!(queue = queue.name(), error = why, "subscription lost"),
                }
            }
            Err(error) => tracing::warn!(queue = queue.name(), %error, "not subscribed"),
        }
        drop(connection);
        tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.2..1.0))).await;
    }
}

/// How a subscription ended.
enum Ended {
    /// The receiver was dropped, and every message is replied to.
    Left,
    /// The queue was deleted.
    Deleted,
    /// The channel broke.
    Broken(String),
}

struct Subscription {
    channel: Channel,
    queue: BrokerQueue,
    /// Delivered and not replied to.
    open: BTreeSet<u64>,
    answers: mpsc::UnboundedReceiver<(u64, Answer)>,
    answer: mpsc::UnboundedSender<(u64, Answer)>,
}

impl Subscription {
    fn new(channel: Channel, queue: BrokerQueue) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        Self { channel, queue, open: BTreeSet::new(), answers, answer }
    }

    async fn run<T>(mut self, mut deliveries: lapin::Consumer, parse: &Parse<T>, outbox: &Outbox<T>) -> Ended {
        let mut leaving = false;
        loop {
            if leaving && self.open.is_empty() {
                return Ended::Left;
            }
            tokio::select! {
                biased;
                first = self.answers.recv() => {
                    let Some(first) = first else { return Ended::Left };
                    // Lets replies that are made at the same time go out together.
                    tokio::task::yield_now().await;
                    let mut batch = vec![first];
                    while let Ok(next) = self.answers.try_recv() {
                        batch.push(next);
                    }
                    if let Err(failed) = self.reply(batch).await {
                        return Ended::Broken(failed.to_string());
                    }
                }
                () = outbox.closed(), if !leaving => {
                    leaving = true;
                    let tag = deliveries.tag();
                    if let Err(failed) = self.channel.basic_cancel(tag, BasicCancelOptions::default()).await {
                        return Ended::Broken(failed.to_string());
                    }
                }
                delivery = deliveries.next(), if !leaving => match delivery {
                    Some(Ok(delivery)) => self.hand_on(delivery, parse, outbox),
                    Some(Err(failed)) => return Ended::Broken(failed.to_string()),
                    None if self.channel.status().connected() => return Ended::Deleted,
                    None => return Ended::Broken("the channel ended".to_owned()),
                },
                // Messages that the broker sent before it learned of the end are requeued with the channel.
                () = broken(&self.channel), if leaving => return Ended::Broken("the channel ended".to_owned()),
            }
        }
    }

    fn hand_on<T>(&mut self, delivery: Delivery, parse: &Parse<T>, outbox: &Outbox<T>) {
        let tag = delivery.delivery_tag;
        self.open.insert(tag);
        let ticket = Ticket { tag, answers: self.answer.clone(), answered: false };
        match parse(delivery) {
            // If the receiver was dropped, the ticket is dropped, too, and the message is requeued.
            Ok(message) => drop(outbox.send(Ok((message, ticket)))),
            Err(why) => {
                tracing::error!(queue = self.queue.name(), error = why, "message rejected to the dead-letter queue");
                ticket.refuse();
            }
        }
    }

    /// Sends the replies to the broker: the oldest acknowledgements as a single one, all others one by one, so that no
    /// reply waits for an earlier message that is still in progress.
    async fn reply(&mut self, batch: Vec<(u64, Answer)>) -> lapin::Result<()> {
        let replies = answer(&mut self.open, batch);
        let channel = &self.channel;
        let nack = |tag: u64, requeue: bool| channel.basic_nack(tag, BasicNackOptions { multiple: false, requeue });
        let back = replies.again.iter().map(|tag| nack(*tag, true));
        let refused = replies.refused.iter().map(|tag| nack(*tag, false));
        // These come first: the combined acknowledgement of the oldest would include them.
        first_error(join_all(back.chain(refused)).await)?;
        if let Some(upto) = replies.done_up_to {
            channel.basic_ack(upto, BasicAckOptions { multiple: true }).await?;
        }
        let single = replies.done.iter().map(|tag| channel.basic_ack(*tag, BasicAckOptions { multiple: false }));
        first_error(join_all(single).await)
    }
}

async fn broken(channel: &Channel) {
    while channel.status().connected() {
        tokio::time::sleep(PAUSE).await;
    }
}

fn first_error(results: Vec<lapin::Result<()>>) -> lapin::Result<()> {
    results.into_iter().collect()
}

/// The replies of a batch, in the order in which they are sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Replies {
    again: Vec<u64>,
    refused: Vec<u64>,
    /// Acknowledges all open messages up to this one.
    done_up_to: Option<u64>,
    done: Vec<u64>,
}

fn answer(open: &mut BTreeSet<u64>, batch: Vec<(u64, Answer)>) -> Replies {
    let mut replies = Replies::default();
    let mut done = BTreeSet::new();
    for (tag, answer) in batch {
        if !open.remove(&tag) {
            continue;
        }
        match answer {
            Answer::Done => _ = done.insert(tag),
            Answer::Again => replies.again.push(tag),
            Answer::Refused => replies.refused.push(tag),
        }
    }
    let mut prefix: Vec<u64> = Vec::new();
    for tag in done {
        match open.first() {
            Some(oldest) if *oldest < tag => replies.done.push(tag),
            _ => prefix.push(tag),
        }
    }
    match prefix.as_slice() {
        [] => {}
        [one] => replies.done.insert(0, *one),
        [.., last] => replies.done_up_to = Some(*last),
    }
    replies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(tags: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
        tags.into_iter().collect()
    }

    fn done(tags: impl IntoIterator<Item = u64>) -> Vec<(u64, Answer)> {
        tags.into_iter().map(|tag| (tag, Answer::Done)).collect()
    }

    #[test]
    fn the_oldest_that_are_done_are_answered_in_one_word() {
        let mut tags = open(1..=10);
        assert_eq!(answer(&mut tags, done([3, 1, 2])), Replies { done_up_to: Some(3), ..Replies::default() });
        assert_eq!(tags, open(4..=10));
    }

    #[test]
    fn a_slow_message_holds_up_no_answer() {
        let mut tags = open(1..=5);
        assert_eq!(answer(&mut tags, done([2, 3])), Replies { done: vec![2, 3], ..Replies::default() });
        assert_eq!(answer(&mut tags, done([1, 5])), Replies { done: vec![1, 5], ..Replies::default() });
        assert_eq!(tags, open([4]));
    }

    #[test]
    fn what_goes_back_is_not_among_those_that_are_done() {
        let mut tags = open(1..=4);
        let batch = vec![(1, Answer::Done), (2, Answer::Again), (3, Answer::Refused), (4, Answer::Done)];
        let replies = answer(&mut tags, batch);
        assert_eq!(replies, Replies { again: vec![2], refused: vec![3], done_up_to: Some(4), done: vec![] });
    }

    #[test]
    fn a_message_is_answered_for_once() {
        let mut tags = open([1]);
        assert_eq!(answer(&mut tags, done([1, 1])), Replies { done: vec![1], ..Replies::default() });
        assert_eq!(answer(&mut tags, done([1])), Replies::default());
    }
}
