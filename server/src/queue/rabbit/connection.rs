//! A connection that is made again for as long as it is wanted.
//!
//! Knows the broker's address, not what goes over the connection.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::refusals::Refusals;
use super::topology::{self, Place};
use crate::backoff::Backoff;
use crate::queue::Error;

/// Longer than this an attempt to connect does not take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The pause after the first attempt that failed; it doubles …
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// … up to this.
const LAST_PAUSE: Duration = Duration::from_secs(3);

/// How often a connection is looked at, beside being told that it broke.
const LOOK: Duration = Duration::from_secs(1);

/// Seconds between heartbeats: a broker that says nothing for twice as long is gone.
const HEARTBEAT_S: u16 = 10;

/// Where the broker is.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
}

impl Address {
    /// Takes a URL; what is wrong with it is told without repeating it, for it holds a password.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|_| Error("the broker's URL must look like amqp://user:password@host:5672/vhost".to_owned()))?;
        // `amqp://host/` means the virtual host without a name to the letter; people mean the default one.
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

/// A connection that is made again when it breaks. Ends when it is dropped.
pub(super) struct Link {
    address: Address,
    state: watch::Receiver<State>,
    refusals: Refusals,
    _end: DropGuard,
}

#[derive(Clone)]
enum State {
    /// Nothing is known yet, or why there is no connection.
    Down(Option<String>),
    Up(Arc<Connection>),
}

impl Link {
    /// Begins to connect; `name` is shown by the broker.
    pub(super) fn start(address: Address, name: String) -> Arc<Self> {
        let (sender, state) = watch::channel(State::Down(None));
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(keep(address.clone(), name, sender)));
        Arc::new(Self { address, state, refusals: Refusals::default(), _end: end.drop_guard() })
    }

    /// The connection.
    ///
    /// # Errors
    /// When there is none now.
    pub(super) fn now(&self) -> Result<Arc<Connection>, Error> {
        match &*self.state.borrow() {
            State::Up(connection) if connection.status().connected() => Ok(connection.clone()),
            State::Up(_) => Err(self.away("the connection broke")),
            State::Down(why) => Err(self.away(why.as_deref().unwrap_or("not connected yet"))),
        }
    }

    /// The connection, as soon as there is one.
    pub(super) async fn up(&self) -> Arc<Connection> {
        let mut state = self.state.clone();
        loop {
            // Marked before looking, so that what comes in between wakes again.
            state.mark_unchanged();
            if let Ok(connection) = self.now() {
                return connection;
            }
            if state.changed().await.is_err() {
                // The link is being dropped, and whoever waits with it.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Makes a queue, unless it is there. One that makes the broker close the connection is left alone for a while.
    ///
    /// # Errors
    /// When the broker does not make it, or refused it a moment ago.
    pub(super) async fn declare(&self, place: Place, channel: &Channel) -> Result<(), Error> {
        self.refusals.check(place)?;
        self.refusals.note(place, place.declare(channel).await)
    }

    /// Returns when the first attempt to connect is over.
    pub(super) async fn tried(&self) {
        let _ = self.state.clone().wait_for(|state| !matches!(state, State::Down(None))).await;
    }

    /// Why nothing can be sent, for people.
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

/// Returns, with the reason, when a connection is of no use any more.
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
