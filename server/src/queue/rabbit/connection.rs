//! A connection that is re-established whenever it breaks.
//!
//! Knows the broker's address, not what is sent over the connection.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::refusals::Refusals;
use super::topology::{self, BrokerQueue};
use crate::backoff::Backoff;
use crate::queue::Error;

/// The time limit for connecting.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The delay after the first failed attempt; doubles each time up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The maximum delay between attempts.
const LAST_PAUSE: Duration = Duration::from_secs(3);

/// How often a connection is checked, in addition to its own error notification.
const LOOK: Duration = Duration::from_secs(1);

/// Seconds between heartbeats. A broker that is silent for twice as long is considered gone.
const HEARTBEAT_S: u16 = 10;

/// The address of the broker.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
}

impl Address {
    /// Parses a URL. Errors do not repeat it, because it contains a password.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|_| Error("the broker's URL must look like amqp://user:password@host:5672/vhost".to_owned()))?;
        // `amqp://host/` literally means the virtual host with an empty name, but people mean the default one.
        if uri.vhost.is_empty() {
            uri.vhost = "/".to_owned();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(Self { uri })
    }

    /// The user that connects.
    pub(super) fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let authority = &self.uri.authority;
        write!(f, "{}:{}", authority.host, authority.port)?;
        if self.uri.vhost != "/" {
            write!(f, " (virtual host {})", self.uri.vhost)?;
        }
        if self.uri.scheme == AMQPScheme::AMQPS {
            write!(f, " over TLS")?;
        }
        Ok(())
    }
}

/// A connection that is re-established when it breaks. Closed when dropped.
pub(super) struct Link {
    address: Address,
    state: watch::Receiver<State>,
    refusals: Refusals,
    _end: DropGuard,
}

#[derive(Clone)]
enum State {
    /// Not known yet, or the reason why there is no connection.
    Down(Option<String>),
    Up(Arc<Connection>),
}

impl Link {
    /// Starts connecting; the broker shows `name` in its list of connections.
    pub(super) fn start(address: Address, name: String) -> Arc<Self> {
        let (sender, state) = watch::channel(State::Down(None));
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(keep(address.clone(), name, sender)));
        Arc::new(Self { address, state, refusals: Refusals::default(), _end: end.drop_guard() })
    }

    /// The current connection.
    ///
    /// # Errors
    /// If there is none at present.
    pub(super) fn now(&self) -> Result<Arc<Connection>, Error> {
        match &*self.state.borrow() {
            State::Up(connection) if connection.status().connected() => Ok(connection.clone()),
            State::Up(_) => Err(self.away("the connection broke")),
            State::Down(why) => Err(self.away(why.as_deref().unwrap_or("not connected yet"))),
        }
    }

    /// Waits for a connection.
    pub(super) async fn up(&self) -> Arc<Connection> {
        let mut state = self.state.clone();
        loop {
            // Marked before looking, so that a change in between wakes the waiter again.
            state.mark_unchanged();
            if let Ok(connection) = self.now() {
                return connection;
            }
            if state.changed().await.is_err() {
                // The link is being dropped together with its waiters.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Declares a queue. If that makes the broker close the connection, the queue is left alone for a while.
    ///
    /// # Errors
    /// If the broker does not declare it, or refused to a moment ago.
    pub(super) async fn declare(&self, queue: BrokerQueue, channel: &Channel) -> Result<(), Error> {
        self.refusals.check(queue)?;
        self.refusals.note(queue, queue.declare(channel).await)
    }

    /// Waits until the first attempt to connect is over.
    pub(super) async fn tried(&self) {
        let _ = self.state.clone().wait_for(|state| !matches!(state, State::Down(None))).await;
    }

    /// Why nothing can be sent, as a message.
    pub(super) fn fault(&self) -> Option<String> {
        match self.now() {
            Err(error) => Some(error.0),
            Ok(connection) if connection.status().blocked() => {
                Some(format!("RabbitMQ at {} takes no messages: it is short of memory or disk", self.address))
            }
            Ok(_) => None,
        }
    }

    fn away(&self, why: &str) -> Error {
        Error(format!("RabbitMQ at {}: {why}", self.address))
    }
}

async fn keep(address: Address, name: String, state: watch::Sender<State>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
    loop {
        let pause = match connect(&address, &name).await {
            Ok(connection) => {
                tracing::info!(broker = %address, connection = name, "connected");
                backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
                let connection = Arc::new(connection);
                state.send_replace(State::Up(connection.clone()));
                let why = broken(&connection).await;
                tracing::warn!(broker = %address, connection = name, error = why, "connection lost");
                state.send_replace(State::Down(Some(why)));
                backoff.next_pause()
            }
            Err(why) => {
                let pause = backoff.next_pause();
                tracing::warn!(broker = %address, connection = name, error = why, retry_in = ?pause, "not connected");
                state.send_replace(State::Down(Some(why)));
                pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn connect(address: &Address, name: &str) -> Result<Connection, String> {
    let properties = ConnectionProperties::default().with_connection_name(format!("eventflow {name}").into());
    let connecting = async {
        let connection = Connection::connect_uri(address.uri.clone(), properties).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel).await?;
        Ok(connection)
    };
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(connected) => connected.map_err(|error: lapin::Error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT_WITHIN.as_secs())),
    }
}

/// Waits until a connection is no longer usable, and returns the reason.
async fn broken(connection: &Connection) -> String {
    let mut events = Box::pin(connection.events_listener());
    loop {
        match tokio::time::timeout(LOOK, events.next()).await {
            Ok(Some(Event::Error(error))) if !connection.status().connected() => return error.to_string(),
            Ok(Some(_)) => {}
            Ok(None) => return "the connection ended".to_owned(),
            Err(_) if connection.status().connected() => {}
            Err(_) => return "the connection broke".to_owned(),
        }
    }
}
