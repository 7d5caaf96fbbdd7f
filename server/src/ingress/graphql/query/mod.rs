//! Queries, one file for each entity.

mod event;
mod function;
mod history;
mod member;
mod metrics;
mod node;
mod run;
mod schedule;
mod secret;
mod viewer;

use async_graphql::MergedObject;

pub(super) use history::named_stream;

/// All queries.
#[derive(Default, MergedObject)]
pub(in crate::ingress) struct Query(
    viewer::Query,
    node::Query,
    function::Query,
    run::Query,
    event::Query,
    history::Query,
    metrics::Query,
    schedule::Query,
    secret::Query,
    member::Query,
);
