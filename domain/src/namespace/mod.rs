//! A namespace: its members, tokens, secrets and quotas.
//!
//! The log records that a secret was set, but never its value; that a token was created, but never the token.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::Role;
use crate::aggregate::Payload;
use crate::{name, upcast};

#[cfg(test)]
mod tests;

/// Members of a namespace.
pub const MAX_MEMBERS: usize = 1_000;

/// Secrets of a namespace, beside the credentials of its functions' repositories.
pub const MAX_SECRETS: usize = 1_000;

/// Names of each kind that are remembered after they were removed.
pub const MAX_FORMER: usize = 1_000;

/// Nothing, or a namespace.
pub type State = Option<Namespace>;

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// The unique name.
    pub name: String,
    /// The members with their roles.
    pub members: BTreeMap<String, Role>,
    /// Valid tokens: ids and names.
    pub tokens: BTreeMap<Uuid, String>,
    /// Former members: removing one of them again does nothing.
    pub former_members: BTreeSet<String>,
    /// Revoked tokens. Their ids cannot be used again.
    pub revoked_tokens: BTreeSet<Uuid>,
    /// Names of secrets, and how often each was set.
    pub secrets: BTreeMap<String, u32>,
    /// Removed secrets: removing one of them again does nothing.
    pub former_secrets: BTreeSet<String>,
    /// Limits by name.
    pub quotas: BTreeMap<String, u64>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// An event in the life of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)] // the names say it
pub enum Event {
    Created { name: String, at: DateTime<Utc> },
    MemberAdded { member: String, role: Role, at: DateTime<Utc> },
    RoleChanged { member: String, role: Role, at: DateTime<Utc> },
    MemberRemoved { member: String, at: DateTime<Utc> },
    TokenCreated { token: Uuid, name: String, at: DateTime<Utc> },
    TokenRevoked { token: Uuid, at: DateTime<Utc> },
    SecretSet { secret: String, at: DateTime<Utc> },
    SecretRemoved { secret: String, at: DateTime<Utc> },
    QuotaSet { quota: String, limit: u64, at: DateTime<Utc> },
}

/// A command to a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Command {
    Create { name: String, at: DateTime<Utc> },
    AddMember { member: String, role: Role, at: DateTime<Utc> },
    RemoveMember { member: String, at: DateTime<Utc> },
    CreateToken { token: Uuid, name: String, at: DateTime<Utc> },
    RevokeToken { token: Uuid, at: DateTime<Utc> },
    SetSecret { secret: String, at: DateTime<Utc> },
    RemoveSecret { secret: String, at: DateTime<Utc> },
    SetQuota { quota: String, limit: u64, at: DateTime<Utc> },
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error("there is no such namespace")]
    NotFound,
    #[error(
        "the name `{0}` does not fit: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen"
    )]
    BadName(String),
    #[error("`{0}` is not a member")]
    NoSuchMember(String),
    #[error("the namespace has no token {0}")]
    NoSuchToken(Uuid),
    #[error(
        "a secret cannot be called `{0}`: 1 to 128 letters, digits and underscores, not beginning with a digit, as variables are; or `registry-` and a host, for \
         the login of a registry"
    )]
    BadSecretName(String),
    #[error("the namespace has no secret `{0}`")]
    NoSuchSecret(String),
    #[error("the namespace has {MAX_MEMBERS} members, which is the limit: remove somebody first")]
    TooManyMembers,
    #[error("the namespace has {MAX_SECRETS} secrets, which is the limit: remove one that is not needed")]
    TooManySecrets,
    #[error("the last owner can neither leave nor get another role: make somebody else an owner first")]
    LastOwner,
}

impl Error {
    /// A stable error code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "namespace_not_found",
            Self::BadName(_) => "bad_namespace",
            Self::NoSuchMember(_) => "member_not_found",
            Self::NoSuchToken(_) => "token_not_found",
            Self::BadSecretName(_) => "bad_secret_name",
            Self::NoSuchSecret(_) => "secret_not_found",
            Self::TooManyMembers => "too_many_members",
            Self::TooManySecrets => "too_many_secrets",
            Self::LastOwner => "last_owner",
        }
    }
}

impl Namespace {
    /// Whether it has no room for another secret of this name. Those with the credentials of repositories are as many as the
    /// functions, which have a limit of their own.
    fn is_full_for(&self, secret: &str) -> bool {
        let counts = |name: &str| !crate::function::is_reserved_secret(name);
        counts(secret)
            && !self.secrets.contains_key(secret)
            && self.secrets.keys().filter(|name| counts(name)).count() >= MAX_SECRETS
    }
}

/// Notes a name that is gone, so that removing it once more is no error. Of more than [`MAX_FORMER`] one is forgotten.
fn remember(former: &mut BTreeSet<String>, name: &str) {
    former.insert(name.to_owned());
    if former.len() > MAX_FORMER {
        let other = former.iter().find(|other| *other != name).cloned();
        other.map(|other| former.remove(&other));
    }
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Aggregate;

impl crate::Aggregate for Aggregate {
    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    const KIND: &'static str = "namespace";
    const STATE_SHAPE: u32 = 3;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        let Some(namespace) = state else {
            return match command {
                Command::Create { name, .. } if !name::fits(&name) => Err(Error::BadName(name)),
                Command::Create { name, at } => Ok(vec![Event::Created { name, at }]),
                _ => Err(Error::NotFound),
            };
        };
        let last_owner = |member: &str| {
            let mut owners = namespace.members.iter().filter(|(_, role)| **role == Role::Owner);
            owners.next().is_some_and(|(only, _)| only == member) && owners.next().is_none()
        };
        Ok(match command {
            Command::Create { .. } => Vec::new(),
            Command::AddMember { member, role, at } => match namespace.members.get(&member) {
                None if namespace.members.len() >= MAX_MEMBERS => return Err(Error::TooManyMembers),
                None => vec![Event::MemberAdded { member, role, at }],
                Some(is) if *is == role => Vec::new(),
                Some(_) if last_owner(&member) => return Err(Error::LastOwner),
                Some(_) => vec![Event::RoleChanged { member, role, at }],
            },
            Command::RemoveMember { member, .. } if last_owner(&member) => return Err(Error::LastOwner),
            Command::RemoveMember { member, at } if namespace.members.contains_key(&member) => {
                vec![Event::MemberRemoved { member, at }]
            }
            Command::RemoveMember { member, .. } if namespace.former_members.contains(&member) => Vec::new(),
            Command::RemoveMember { member, .. } => return Err(Error::NoSuchMember(member)),
            Command::CreateToken { token, .. } if namespace.tokens.contains_key(&token) => Vec::new(),
            Command::CreateToken { token, .. } | Command::RevokeToken { token, .. }
                if namespace.revoked_tokens.contains(&token) =>
            {
                Vec::new()
            }
            Command::CreateToken { token, name, at } => vec![Event::TokenCreated { token, name, at }],
            Command::RevokeToken { token, at } if namespace.tokens.contains_key(&token) => {
                vec![Event::TokenRevoked { token, at }]
            }
            Command::RevokeToken { token, .. } => return Err(Error::NoSuchToken(token)),
            Command::SetSecret { secret, .. } if !name::fits_secret(&secret) => {
                return Err(Error::BadSecretName(secret));
            }
            Command::SetSecret { secret, .. } if namespace.is_full_for(&secret) => return Err(Error::TooManySecrets),
            // Setting a secret is always recorded: the value may differ, and the log does not know it.
            Command::SetSecret { secret, at } => vec![Event::SecretSet { secret, at }],
            Command::RemoveSecret { secret, at } if namespace.secrets.contains_key(&secret) => {
                vec![Event::SecretRemoved { secret, at }]
            }
            Command::RemoveSecret { secret, .. } if namespace.former_secrets.contains(&secret) => Vec::new(),
            Command::RemoveSecret { secret, .. } => return Err(Error::NoSuchSecret(secret)),
            Command::SetQuota { quota, limit, .. } if namespace.quotas.get(&quota) == Some(&limit) => Vec::new(),
            Command::SetQuota { quota, limit, at } => vec![Event::QuotaSet { quota, limit, at }],
        })
    }

    fn evolve(state: State, event: &Event) -> State {
        let Some(mut namespace) = state else {
            return match event {
                Event::Created { name, at } => Some(Namespace {
                    name: name.clone(),
                    members: BTreeMap::new(),
                    tokens: BTreeMap::new(),
                    former_members: BTreeSet::new(),
                    revoked_tokens: BTreeSet::new(),
                    secrets: BTreeMap::new(),
                    former_secrets: BTreeSet::new(),
                    quotas: BTreeMap::new(),
                    created_at: *at,
                }),
                _ => None,
            };
        };
        match event {
            Event::Created { .. } => {}
            Event::MemberAdded { member, role, .. } | Event::RoleChanged { member, role, .. } => {
                namespace.members.insert(member.clone(), *role);
                namespace.former_members.remove(member);
            }
            Event::MemberRemoved { member, .. } => {
                if namespace.members.remove(member).is_some() {
                    remember(&mut namespace.former_members, member);
                }
            }
            Event::TokenCreated { token, name, .. } => {
                if !namespace.revoked_tokens.contains(token) {
                    namespace.tokens.insert(*token, name.clone());
                }
            }
            Event::TokenRevoked { token, .. } => {
                namespace.tokens.remove(token);
                namespace.revoked_tokens.insert(*token);
            }
            Event::SecretSet { secret, .. } => {
                *namespace.secrets.entry(secret.clone()).or_default() += 1;
                namespace.former_secrets.remove(secret);
            }
            Event::SecretRemoved { secret, .. } => {
                if namespace.secrets.remove(secret).is_some() {
                    remember(&mut namespace.former_secrets, secret);
                }
            }
            Event::QuotaSet { quota, limit, .. } => {
                namespace.quotas.insert(quota.clone(), *limit);
            }
        }
        Some(namespace)
    }
}

impl Payload for Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "Created",
            Self::MemberAdded { .. } => "MemberAdded",
            Self::RoleChanged { .. } => "RoleChanged",
            Self::MemberRemoved { .. } => "MemberRemoved",
            Self::TokenCreated { .. } => "TokenCreated",
            Self::TokenRevoked { .. } => "TokenRevoked",
            Self::SecretSet { .. } => "SecretSet",
            Self::SecretRemoved { .. } => "SecretRemoved",
            Self::QuotaSet { .. } => "QuotaSet",
        }
    }

    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Created { at, .. }
            | Self::MemberAdded { at, .. }
            | Self::RoleChanged { at, .. }
            | Self::MemberRemoved { at, .. }
            | Self::TokenCreated { at, .. }
            | Self::TokenRevoked { at, .. }
            | Self::SecretSet { at, .. }
            | Self::SecretRemoved { at, .. }
            | Self::QuotaSet { at, .. } => *at,
        }
    }

    fn encode(&self) -> Vec<u8> {
        upcast::encode(self, &[])
    }

    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error> {
        // Untagged shapes overlap (adding a member and changing a role look alike), so the type decides which one it
        // is.
        #[derive(Deserialize)]
        struct Fields {
            at: DateTime<Utc>,
            name: Option<String>,
            member: Option<String>,
            role: Option<Role>,
            token: Option<Uuid>,
            secret: Option<String>,
            quota: Option<String>,
            limit: Option<u64>,
        }
        let fields: Fields = upcast::decode(kind, data, &[])?;
        let at = fields.at;
        let missing =
            |field: &str| upcast::Error::Malformed { kind: kind.to_owned(), message: format!("`{field}` is missing") };
        let name = fields.name.ok_or_else(|| missing("name"));
        let member = fields.member.ok_or_else(|| missing("member"));
        let role = fields.role.ok_or_else(|| missing("role"));
        let token = fields.token.ok_or_else(|| missing("token"));
        let secret = fields.secret.ok_or_else(|| missing("secret"));
        Ok(match kind {
            "Created" => Self::Created { name: name?, at },
            "MemberAdded" => Self::MemberAdded { member: member?, role: role?, at },
            "RoleChanged" => Self::RoleChanged { member: member?, role: role?, at },
            "MemberRemoved" => Self::MemberRemoved { member: member?, at },
            "TokenCreated" => Self::TokenCreated { token: token?, name: name?, at },
            "TokenRevoked" => Self::TokenRevoked { token: token?, at },
            "SecretSet" => Self::SecretSet { secret: secret?, at },
            "SecretRemoved" => Self::SecretRemoved { secret: secret?, at },
            "QuotaSet" => Self::QuotaSet {
                quota: fields.quota.ok_or_else(|| missing("quota"))?,
                limit: fields.limit.ok_or_else(|| missing("limit"))?,
                at,
            },
            _ => return Err(upcast::Error::Unknown { kind: kind.to_owned() }),
        })
    }
}
