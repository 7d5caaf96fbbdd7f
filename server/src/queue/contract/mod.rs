//! The contract test of queues: the same promises in process and on RabbitMQ.

pub(super) mod promises;

mod on_local;
mod on_rabbit;
mod rabbit_alone;
