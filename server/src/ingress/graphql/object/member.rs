//! Somebody who belongs to a namespace.

use async_graphql::{Enum, SimpleObject};
use domain::access;

use crate::operations::MemberInfo;

/// What somebody is in a namespace. Each role may do what the one before it may, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Role")]
pub(in crate::ingress::graphql) enum Role {
    /// Looks.
    Viewer,
    /// Calls functions, publishes events, starts, stops, cancels and replays.
    Operator,
    /// Registers, builds and changes functions, and sets secrets.
    Developer,
    /// Erases payloads, and says who belongs to the namespace.
    Owner,
}

/// Somebody who belongs to a namespace.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Member {
    /// As the log names them: `user:ada`.
    subject: String,
    /// What they are there.
    role: Role,
}

impl From<MemberInfo> for Member {
    fn from(info: MemberInfo) -> Self {
        Self { subject: info.subject, role: info.role.into() }
    }
}
