//! What every queue must keep: one list of promises, tried in process and on RabbitMQ.

pub(super) mod promises;

mod on_local;
mod on_rabbit;
mod rabbit_alone;
