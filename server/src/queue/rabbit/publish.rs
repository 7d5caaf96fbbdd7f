//! Publishes run requests to their queues, many at once, each confirmed by the broker.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::function;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Channel, Confirmation};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use super::connection::Link;
use super::error::error;
use super::topology::{BrokerQueue, RUNS, SILENCES};
use super::wire;
use crate::queue::{Error, Request};

/// Maximum number of unconfirmed requests.
pub(super) const WINDOW: usize = 1000;

/// The time limit for a confirmation.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);

/// How often a request is sent if its queue does not exist.
const TRIES: usize = 3;

/// The delivery mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// Publishes over one connection.
pub(super) struct Publisher {
    link: Arc<Link>,
    window: Semaphore,
    lane: RwLock<Option<Arc<Lane>>>,
    /// Held while a lane is being opened.
    making: tokio::sync::Mutex<()>,
    /// Functions whose queue did not confirm, and how often in a row.
    silent: Mutex<HashMap<function::Id, u32>>,
}

/// The channels of one connection: one for messages and one for queues, so that a queue that cannot be declared breaks
/// nothing else.
struct Lane {
    messages: Channel,
    queues: tokio::sync::Mutex<Channel>,
    /// Functions whose queue was declared over this connection.
    declared: Mutex<HashSet<function::Id>>,
}

impl Publisher {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            window: Semaphore::new(WINDOW),
            lane: RwLock::default(),
            making: tokio::sync::Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// Publishes a request; returns once it is on the broker's disk.
    pub(super) async fn publish(self: &Arc<Self>, request: &Request) -> Result<(), Error> {
        let body = wire::write(request)?;
        match tokio::time::timeout(CONFIRM_WITHIN, self.send(request, &body)).await {
            Ok(done) => {
                let mut silent = self.silent.lock();
                if done.is_ok() && !silent.is_empty() {
                    silent.remove(&request.function);
                }
                done
            }
            Err(_) => {
                // The next request opens new channels.
                *self.lane.write() = None;
                self.mend(request.function);
                Err(Error(format!("RabbitMQ did not answer for a message within {} s", CONFIRM_WITHIN.as_secs())))
            }
        }
    }

    /// Counts a missing confirmation of a function's queue. After several, the queue is examined.
    fn mend(&self, function: function::Id) {
        let mut silent = self.silent.lock();
        let count = silent.entry(function).or_default();
        *count += 1;
        if *count < SILENCES {
            return;
        }
        silent.remove(&function);
        if let Ok(connection) = self.link.now() {
            tokio::spawn(async move { BrokerQueue::Runs(function).mend(&connection).await });
        }
    }

    async fn send(self: &Arc<Self>, request: &Request, body: &[u8]) -> Result<(), Error> {
        let _place = self.window.acquire().await.expect("nobody closes the window");
        let lane = self.lane().await?;
        for _ in 0..TRIES {
            self.declare(&lane, request.function).await?;
            match lane.publish(request, body).await? {
                Confirmation::Ack(None) => return Ok(()),
                Confirmation::Ack(Some(returned)) if is_for(&returned, request) => {
                    // Somebody deleted the queue.
                    lane.declared.lock().remove(&request.function);
                }
                Confirmation::Ack(Some(returned)) => {
                    self.rescue(returned);
                    return Ok(());
                }
                Confirmation::Nack(returned) => {
                    if let Some(returned) = returned.filter(|returned| !is_for(returned, request)) {
                        self.rescue(returned);
                    }
                    return Err(Error("RabbitMQ refused a message; its own log says why".to_owned()));
                }
                Confirmation::NotRequested => {
                    return Err(Error("RabbitMQ was not asked to answer for a message".to_owned()));
                }
            }
        }
        Err(Error(format!("the queue of function {} is deleted as often as it is made", request.function)))
    }

    /// Sends a returned message again. The broker reports returns alongside the next confirmation, whichever message
    /// that belongs to; the returned message itself was confirmed.
    fn rescue(self: &Arc<Self>, returned: BasicReturnMessage) {
        let request = match wire::read(&returned.delivery.data) {
            Ok(request) => request,
            Err(error) => return tracing::error!(error, "returned message cannot be read"),
        };
        let this = self.clone();
        tokio::spawn(async move {
            if let Some(lane) = &*this.lane.read() {
                lane.declared.lock().remove(&request.function);
            }
            if let Err(error) = this.publish(&request).await {
                tracing::warn!(run = %request.run, %error, "returned request not published again; the sweep will do so");
            }
        });
    }

    /// Deletes a function's queue with everything in it.
    pub(super) async fn forget(&self, function: function::Id) -> Result<(), Error> {
        let lane = self.lane().await?;
        let deleting = async {
            let queues = self.queues(&lane).await?;
            queues
                .queue_delete(BrokerQueue::Runs(function).name().into(), QueueDeleteOptions::default())
                .await
                .map_err(error)
        };
        lane.declared.lock().remove(&function);
        match tokio::time::timeout(CONFIRM_WITHIN, deleting).await {
            Ok(deleted) => deleted.map(drop),
            Err(_) => Err(Error("RabbitMQ did not delete a queue in time".to_owned())),
        }
    }

    async fn declare(&self, lane: &Lane, function: function::Id) -> Result<(), Error> {
        if lane.declared.lock().contains(&function) {
            return Ok(());
        }
        let queues = self.queues(lane).await?;
        if lane.declared.lock().contains(&function) {
            return Ok(());
        }
        self.link.declare(BrokerQueue::Runs(function), &queues).await?;
        lane.declared.lock().insert(function);
        Ok(())
    }

    /// Exclusive access to the channel for queues.
    async fn queues<'a>(&self, lane: &'a Lane) -> Result<tokio::sync::MutexGuard<'a, Channel>, Error> {
        let mut queues = lane.queues.lock().await;
        if !queues.status().connected() {
            *queues = self.link.now()?.create_channel().await.map_err(error)?;
        }
        Ok(queues)
    }

    async fn lane(&self) -> Result<Arc<Lane>, Error> {
        if let Some(lane) = self.usable() {
            return Ok(lane);
        }
        let connection = self.link.now()?;
        let _making = self.making.lock().await;
        if let Some(lane) = self.usable() {
            return Ok(lane);
        }
        let messages = connection.create_channel().await.map_err(error)?;
        messages.confirm_select(ConfirmSelectOptions::default()).await.map_err(error)?;
        let queues = tokio::sync::Mutex::new(connection.create_channel().await.map_err(error)?);
        let lane = Arc::new(Lane { messages, queues, declared: Mutex::default() });
        *self.lane.write() = Some(lane.clone());
        Ok(lane)
    }

    fn usable(&self) -> Option<Arc<Lane>> {
        self.lane.read().as_ref().filter(|lane| lane.messages.status().connected()).cloned()
    }
}

impl Lane {
    async fn publish(&self, request: &Request, body: &[u8]) -> Result<Confirmation, Error> {
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into())
            .with_message_id(request.run.to_string().into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let key = request.function.to_string();
        let sent = self.messages.basic_publish(RUNS.into(), key.into(), options, body, properties).await;
        sent.map_err(error)?.await.map_err(error)
    }
}

fn is_for(returned: &BasicReturnMessage, request: &Request) -> bool {
    let id = returned.delivery.properties.message_id().as_ref();
    id.is_some_and(|id| id.as_str() == request.run.to_string())
}
