//! A member of a namespace.

use async_graphql::{Enum, SimpleObject};
use domain::access;

use crate::operations::MemberInfo;

/// A role in a namespace. Each role allows everything the one before it allows, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Role")]
pub(in crate::ingress::graphql) enum Role {
    /// Reads functions, builds, runs, events, log lines and metrics.
    Viewer,
    /// Also calls functions, publishes events, and starts, stops, cancels and replays.
    Operator,
    /// Also registers, builds and changes functions, and sets secrets.
    Developer,
    /// Also erases payloads and manages the members of the namespace.
    Owner,
}

/// A member of a namespace.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Member {
    /// The member's name in the log: `user:ada`.
    subject: String,
    /// The member's role.
    role: Role,
}

impl From<MemberInfo> for Member {
    fn from(info: MemberInfo) -> Self {
        Self { subject: info.subject, role: info.role.into() }
    }
}
