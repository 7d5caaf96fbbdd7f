//! The names of streams: `function-{id}`, `run-{id}`, `event-{id}`, `namespace-{name}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{event, function, run};

/// The name of a stream of the log. Cloning it is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(Arc<str>);

/// What a stream is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The life of a function.
    Function(function::Id),
    /// One invocation.
    Run(run::Id),
    /// A trigger event.
    Event(event::Id),
    /// A namespace, by name.
    Namespace(String),
}

/// The text is not the name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stream: expected function-{{id}}, run-{{id}}, event-{{id}} or namespace-{{name}}")]
pub struct Unknown(String);

impl Stream {
    /// The stream of a function's life.
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

    /// What kind of stream it is: `function`, `run`, `event` or `namespace`.
    pub fn kind(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(kind, _)| kind)
    }

    /// What the stream is about.
    ///
    /// # Errors
    /// When the name is not one of EventFlow's.
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
        let stream = Self(text.into());
        stream.subject().map(|_| stream)
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
