//! The members of namespaces and their roles.

use domain::access::{Action, Role};
use domain::{Stream, namespace};

use super::{Caller, Problem, Refusal, Services};
use crate::clock;

/// The longest name of a subject, in bytes.
const MAX_SUBJECT: usize = 200;

/// A member of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// The member's name in the log: `user:ada`, `amqp:orders`.
    pub subject: String,
    /// The member's role.
    pub role: Role,
}

/// Gives a subject a role in a namespace, or removes the subject (`None`). In effect on this server when this returns, and on the
/// others as soon as they have read the log.
///
/// # Errors
/// `forbidden`, `bad_namespace`, `bad_subject`, `member_not_found`, `last_owner`, or when the log is away.
pub async fn set_member(
    services: &Services,
    caller: &Caller,
    namespace: &str,
    subject: &str,
    role: Option<Role>,
) -> Result<Option<MemberInfo>, Refusal> {
    caller.viewer.may(Action::Administer, namespace).map_err(|refusal| refusal.at(&["namespace"]))?;
    if !fits(subject) {
        let message = format!(
            "`{subject}` names nobody: give a kind and a name, such as `user:ada`, of at most {MAX_SUBJECT} bytes and without spaces"
        );
        return Err(Problem::new("bad_subject", message).at(["subject"]).into());
    }
    let (member, at) = (subject.to_owned(), clock::now());
    let command = match role {
        Some(role) => {
            // Until now it may be there only as a part of functions' names.
            let create = namespace::Command::Create { name: namespace.to_owned(), at };
            let created = services.guarded.commands.namespace(namespace, create, caller.cause()).await;
            created.map_err(|error| Refusal::from(error).at(&["namespace"]))?;
            namespace::Command::AddMember { member, role, at }
        }
        None => namespace::Command::RemoveMember { member, at },
    };
    services.guarded.commands.namespace(namespace, command, caller.cause()).await.map_err(|error| {
        let field = if matches!(error, crate::actors::Error::Refused(namespace::Error::NotFound)) {
            "namespace"
        } else {
            "subject"
        };
        Refusal::from(error).at(&[field])
    })?;
    services.roster.caught_up(&services.guarded.store).await?;
    Ok(role.map(|role| MemberInfo { subject: subject.to_owned(), role }))
}

/// The members of a namespace, sorted by subject.
///
/// # Errors
/// `forbidden`, or when the log is away.
pub async fn members(services: &Services, caller: &Caller, namespace: &str) -> Result<Vec<MemberInfo>, Refusal> {
    caller.viewer.may(Action::View, namespace)?;
    let loaded = services.guarded.commands.writer().load::<namespace::Aggregate>(&Stream::namespace(namespace)).await?;
    let members = loaded.state.map(|state| state.members).unwrap_or_default();
    Ok(members.into_iter().map(|(subject, role)| MemberInfo { subject, role }).collect())
}

/// Whether a text is a valid subject: a kind, a colon and a name.
fn fits(subject: &str) -> bool {
    let (kind, name) = subject.split_once(':').unwrap_or_default();
    let is_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    is_kind
        && !name.is_empty()
        && subject.len() <= MAX_SUBJECT
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_kind_and_a_name() {
        for fine in ["user:ada", "amqp:orders", "token:ci:1", "user:Ada.Lovelace@example.com"] {
            assert!(fits(fine), "{fine}");
        }
        let long = format!("user:{}", "x".repeat(MAX_SUBJECT));
        for bad in ["", "ada", ":ada", "user:", "User:ada", "user:a b", "user:a\n", long.as_str()] {
            assert!(!fits(bad), "{bad:?}");
        }
    }
}
