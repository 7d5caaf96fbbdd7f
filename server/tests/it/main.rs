//! EventFlow as its users meet it: the real binary, real functions, real databases.
#![allow(missing_docs, clippy::unwrap_used)]

mod amqp;
mod app;
mod asynchronous;
mod bad_input;
#[path = "../../src/queue/testing.rs"]
mod broker;
mod build_secrets;
mod buildkit;
mod bytes;
mod circles;
mod cluster;
mod corpora;
mod database;
mod dockerfile;
mod ending;
mod engine_faults;
mod engine_proxy;
mod erasure;
mod executor;
mod explained;
mod failures;
mod floors;
mod frameworks;
mod framing;
mod ground;
mod hooks;
mod http2;
mod image_leaks;
mod images;
mod kill;
mod leaving;
#[path = "../attack/listeners.rs"]
mod listeners;
mod log_fields;
mod logs;
mod nodes;
mod offers;
mod openfaas;
mod openfaas_images;
mod operate;
mod packed;
mod pages;
mod places;
mod poison;
#[path = "../chaos/postgres.rs"]
mod postgres;
mod replaced;
mod rest;
mod runsc;
mod schedule;
mod settings;
mod sockets;
mod story;
mod synchronous;
mod trouble;
mod unneeded;
#[allow(dead_code)] // not every verb is needed here
#[path = "../attack/wire.rs"]
mod wire;
