//! One actor for each function that is being commanded: a mailbox, one command at a time, the state kept.

use std::time::Duration;

use actix::prelude::*;
use domain::{Cause, Stream, function};
use tokio::sync::oneshot;

use super::outcome::FunctionResult;
use super::writer::{Loaded, Writer};

/// Commands that may wait for one function.
const MAILBOX: usize = 256;

/// A command on its way to its function.
pub(super) struct Execute {
    pub command: function::Command,
    pub cause: Cause,
    pub reply: oneshot::Sender<FunctionResult>,
}

impl Message for Execute {
    type Result = ();
}

/// Told when an actor has stopped.
pub(super) type Forget = Box<dyn Fn(function::Id, &Addr<FunctionActor>) + Send>;

pub(super) struct FunctionActor {
    id: function::Id,
    /// `None` only while a command is being carried out on it.
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
    // An async handler alone would let commands overlap: this one keeps the mailbox closed until it is through.
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Execute, _: &mut Self::Context) -> Self::Result {
        let writer = self.writer.clone();
        let stream = Stream::function(self.id);
        let known = self.loaded.take().unwrap_or_else(Loaded::unknown);
        let Execute { command, cause, reply } = message;
        let work = async move {
            let result = writer.execute(&stream, known, command, cause).await;
            let loaded = result.as_ref().ok().cloned().map(Loaded::from);
            // Whoever asked may be gone; what was decided stands.
            let _ = reply.send(result);
            loaded
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|loaded, this, ctx| {
            // After a refusal or a failure the state is read again: it is cheap, and never stale.
            this.loaded = loaded;
            this.evict_when_idle(ctx);
        })))
    }
}
