//! What every log must keep: one list of promises, tried on SQLite and on PostgreSQL.

mod cut;
mod erasing;
mod given;
pub(crate) mod home;
mod lease;
mod log;
mod needed;
mod pages;
mod revocation;
mod seal;
mod searched;
mod tables;
mod trouble;

mod on_postgres;
mod on_sqlite;
