//! Stream names: `function-{id}`, `run-{id}`, `event-{id}`, `namespace-{name}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{event, function, run};

/// The name of a stream of the log. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(Arc<str>);

/// The aggregate that a stream belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A function.
    Function(function::Id),
    /// A run.
    Run(run::Id),
    /// A trigger event.
    Event(event::Id),
    /// A namespace, by name.
    Namespace(String),
}

/// The text is not a valid stream name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stream: expected function-{{id}}, run-{{id}}, event-{{id}} or namespace-{{name}}")]
pub struct Unknown(String);

impl Stream {
    /// The stream of a function.
    pub fn function(id: function::Id) -> Self {
        Self(format!("function-{id}").into())
    }

    /// The stream of a run.
    pub fn run(id: run::Id) -> Self {
        Self(format!("run-{id}").into())
    }

    /// The stream of a trigger event.
    pub fn event(id: event::Id) -> Self {
        Self(format!("event-{id}").into())
    }

    /// The stream of a namespace.
    pub fn namespace(name: &str) -> Self {
        Self(format!("namespace-{name}").into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of stream: `function`, `run`, `event` or `namespace`.
    pub fn kind(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(kind, _)| kind)
    }

    /// The aggregate that the stream belongs to.
    ///
    /// # Errors
    /// If the name is not one of EventFlow's.
    pub fn subject(&self) -> Result<Subject, Unknown> {
        let unknown = || Unknown(self.0.to_string());
        let (kind, rest) = self.0.split_once('-').ok_or_else(unknown)?;
        let uuid = || Uuid::parse_str(rest).map_err(|_| unknown());
        Ok(match kind {
            "function" => Subject::Function(uuid()?.into()),
            "run" => Subject::Run(uuid()?.into()),
            "event" => Subject::Event(uuid()?.into()),
            "namespace" if !rest.is_empty() => Subject::Namespace(rest.to_owned()),
            _ => return Err(unknown()),
        })
    }
}

impl FromStr for Stream {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A UUID has several spellings, but a stream has one name.
        Ok(match Self(text.into()).subject()? {
            Subject::Function(id) => Self::function(id),
            Subject::Run(id) => Self::run(id),
            Subject::Event(id) => Self::event(id),
            Subject::Namespace(name) => Self::namespace(&name),
        })
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_stream_knows_its_subject() {
        let uuid = Uuid::from_u128(7);
        let table = [
            (Stream::function(uuid.into()), "function", Subject::Function(uuid.into())),
            (Stream::run(uuid.into()), "run", Subject::Run(uuid.into())),
            (Stream::event(uuid.into()), "event", Subject::Event(uuid.into())),
            (Stream::namespace("team-a"), "namespace", Subject::Namespace("team-a".into())),
        ];
        for (stream, kind, subject) in table {
            assert_eq!(stream.kind(), kind);
            assert_eq!(stream.subject(), Ok(subject));
            assert_eq!(stream.as_str().parse(), Ok(stream));
        }
    }

    #[test]
    fn every_spelling_of_a_uuid_names_the_same_stream() {
        let id = "6F4B2F0E52C55D0A9A3E0D6A77C1E5F1";
        let stream: Stream = format!("run-{id}").parse().unwrap();
        assert_eq!(stream.as_str(), "run-6f4b2f0e-52c5-5d0a-9a3e-0d6a77c1e5f1");
    }

    #[test]
    fn text_that_is_no_stream_is_refused() {
        for text in ["", "run", "run-", "run-7", "namespace-", "build-6f4b2f0e-52c5-5d0a-9a3e-0d6a77c1e5f1"] {
            let error = text.parse::<Stream>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}` is not a stream")), "{error}");
        }
    }
}
