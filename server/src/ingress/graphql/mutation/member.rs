//! The members of namespaces.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::Role;
use crate::ingress::graphql::payload::MemberPayload;
use crate::ingress::graphql::{caller, services};
use crate::operations;

#[derive(Default)]
pub(super) struct Mutation;

#[Object(name = "MemberMutation")]
impl Mutation {
    /// Gives a subject a role in a namespace; without `role`, removes the subject. Takes effect immediately, on open connections
    /// as well.
    async fn set_member(
        &self,
        ctx: &Context<'_>,
        namespace: String,
        #[graphql(desc = "The subject's name in the log: `user:ada`.")] subject: String,
        role: Option<Role>,
    ) -> Result<MemberPayload> {
        let (services, caller) = (services(ctx), caller(ctx)?);
        let set = operations::set_member(services, caller, &namespace, &subject, role.map(Into::into)).await;
        MemberPayload::of(set.map(|member| member.map(Into::into)))
    }
}
