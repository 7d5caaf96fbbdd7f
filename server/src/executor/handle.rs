//! The owner's handle on a process or a container that runs: it ends what it holds, and learns how that ended.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Exit;
use super::lines::Tail;

/// What is to be done to it.
#[derive(Debug)]
pub(super) enum Order {
    /// Asked to end.
    Terminate,
    Kill,
}

/// A handle on what runs. When it is dropped, the orders end, and whoever receives them kills what is held.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) exit: watch::Receiver<Option<Exit>>,
    pub(super) tail: Arc<Tail>,
}

impl Handle {
    /// How it ended; `None` while it runs.
    pub(super) fn exited(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    pub(super) async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone().unwrap_or_else(lost),
            Err(_) => lost(),
        }
    }

    pub(super) fn terminate(&self) {
        let _ = self.orders.send(Order::Terminate);
    }

    pub(super) fn kill(&self) {
        let _ = self.orders.send(Order::Kill);
    }

    /// Asks it to end, and kills it after `grace`; returns when it is gone.
    pub(super) async fn stop(&self, grace: Duration) -> Exit {
        self.terminate();
        match timeout(grace, self.wait()).await {
            Ok(exit) => exit,
            Err(_) => {
                self.kill();
                self.wait().await
            }
        }
    }

    /// The last lines that it wrote to standard error.
    pub(super) fn stderr_tail(&self) -> Vec<String> {
        self.tail.lines()
    }
}

/// The executor ended before the end was seen: it was killed.
pub(super) fn lost() -> Exit {
    Exit { signal: Some(Signal::SIGKILL as i32), ..Exit::default() }
}
