//! Mutations, one file for each entity. A refusal appears in a payload's `userErrors`.

mod dead_letter;
mod event;
mod function;
mod member;
mod run;
mod secret;

use async_graphql::MergedObject;

/// All mutations.
#[derive(Default, MergedObject)]
pub(in crate::ingress) struct Mutation(
    function::Mutation,
    run::Mutation,
    dead_letter::Mutation,
    event::Mutation,
    secret::Mutation,
    member::Mutation,
);
