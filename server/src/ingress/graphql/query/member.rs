//! The members of namespaces.

use async_graphql::{Context, Object, Result};

use crate::ingress::graphql::object::Member;
use crate::ingress::graphql::{budget, caller, services};
use crate::operations;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "MemberQuery")]
impl Query {
    /// The members of a namespace, sorted by subject. The administrator of the installation has access to every namespace and is
    /// not listed.
    async fn members(&self, ctx: &Context<'_>, namespace: String) -> Result<Vec<Member>> {
        let found = budget::list(ctx, operations::members(services(ctx), caller(ctx)?, &namespace)).await?;
        Ok(found.into_iter().map(Member::from).collect())
    }
}
