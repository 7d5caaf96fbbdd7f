//! The actor of a function: a mailbox, exclusive execution of one command at a time, and a cached state.

use std::time::Duration;

use actix::prelude::*;
use domain::{Cause, Stream, function};
use tokio::sync::oneshot;

use super::outcome::FunctionResult;
use super::writer::{Loaded, Writer};

/// Maximum number of commands waiting in a mailbox.
const MAILBOX: usize = 256;

/// A command to a function, with the channel for its result.
pub(super) struct Execute {
    pub command: function::Command,
    pub cause: Cause,
    pub reply: oneshot::Sender<FunctionResult>,
}

impl Message for Execute {
    type Result = ();
}

/// Called when an actor has stopped.
pub(super) type Forget = Box<dyn Fn(function::Id, &Addr<FunctionActor>) + Send>;

pub(super) struct FunctionActor {
    id: function::Id,
    /// `None` only while a command is being executed on it.
    loaded: Option<Loaded<function::Aggregate>>,
    writer: Writer,
    forget: Forget,
    idle: Duration,
    eviction: Option<SpawnHandle>,
}

impl FunctionActor {
    pub(super) fn new(id: function::Id, writer: Writer, forget: Forget, idle: Duration) -> Self {
        Self { id, loaded: None, writer, forget, idle, eviction: None }
    }

    fn evict_when_idle(&mut self, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.eviction.take() {
            ctx.cancel_future(earlier);
        }
        self.eviction = Some(ctx.run_later(self.idle, |_, ctx| ctx.stop()));
    }
}

impl Actor for FunctionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.evict_when_idle(ctx);
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        (self.forget)(self.id, &ctx.address());
    }
}

impl Handler<Execute> for FunctionActor {
    // An async handler alone would let commands overlap. `AtomicResponse` keeps the mailbox closed until this one has
    // finished.
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Execute, _: &mut Self::Context) -> Self::Result {
        let writer = self.writer.clone();
        let stream = Stream::function(self.id);
        let known = self.loaded.take().unwrap_or_else(Loaded::unknown);
        let Execute { command, cause, reply } = message;
        let work = async move {
            let result = writer.execute(&stream, known, command, cause).await;
            let loaded = result.as_ref().ok().cloned().map(Loaded::from);
            // The caller may be gone; the decision stands.
            let _ = reply.send(result);
            loaded
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|loaded, this, ctx| {
            // After a refusal or an error the state is read again, which is cheap and never stale.
            this.loaded = loaded;
            this.evict_when_idle(ctx);
        })))
    }
}
