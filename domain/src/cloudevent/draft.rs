//! A sender's event under validation: collects everything that is wrong with it, so that all faults are reported at
//! once.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attribute::Attribute;
use super::data::{Data, Sender};
use crate::event::source;
use crate::json::{self, Json};

/// The maximum number of attributes of an event.
const MAX_ATTRIBUTES: usize = 64;

/// An event that conforms to the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudEvent {
    /// Its `id`.
    pub id: String,
    /// Its `source`.
    pub source: String,
    /// Its `type`.
    pub kind: String,
    /// Its `subject`.
    pub subject: Option<String>,
    /// The whole event in the JSON format.
    pub json: Json,
}

/// One violation of the specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The attribute concerned, or `data`; empty if the fault concerns the whole event.
    pub attribute: String,
    /// What is wrong, as a message.
    pub message: String,
}

impl Fault {
    /// A fault of one attribute.
    pub fn new(attribute: &str, message: impl Into<String>) -> Self {
        Self { attribute: attribute.to_owned(), message: message.into() }
    }

    fn twice(name: &str, what: &str) -> Self {
        Self::new(name, format!("the {what} `{name}` is there twice"))
    }
}

/// Where an event's attributes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The sender, which may not use names reserved for EventFlow.
    Sender,
    /// The entry point that the event came in by.
    EntryPoint,
}

/// The parts of an event under validation: its attributes, each once and in order of arrival, and its data.
#[derive(Debug, Default)]
pub struct Draft {
    attributes: Vec<(String, Attribute)>,
    data: Option<Data>,
    faults: Vec<Fault>,
}

/// Validates an event in the JSON format (structured mode).
///
/// # Errors
/// All faults, at least one.
pub fn structured(text: &str) -> Result<CloudEvent, Vec<Fault>> {
    let Ok(Members(members)) = serde_json::from_str(text) else {
        return Err(vec![Fault::new("", "the event must be a JSON object")]);
    };
    let (mut draft, mut encoded) = (Draft::default(), None);
    for (name, value) in members {
        match name.as_str() {
            "data" if draft.data.is_some() => draft.faults.push(Fault::twice("data", "member")),
            "data" => match json::carried(value.get().as_bytes()) {
                Ok(json) => draft.data = Some(Data::Json(json)),
                Err(error) => draft.fault(Fault::new("data", format!("it cannot be read: {error}"))),
            },
            "data_base64" if encoded.is_some() => draft.faults.push(Fault::twice("data_base64", "member")),
            "data_base64" => encoded = Some(value),
            // No attribute is a list or an object, so these are not parsed.
            _ if value.get().starts_with(['[', '{']) => draft.add(&name, Attribute::Other, "attribute"),
            _ => match serde_json::from_str(value.get()) {
                // In the JSON format, null means absent.
                Ok(Value::Null) => {}
                Ok(value) => draft.add(&name, Attribute::from(value), "attribute"),
                Err(error) => draft.fault(Fault::new(&name, format!("`{name}` cannot be read: {error}"))),
            },
        }
    }
    match encoded.map(|encoded| serde_json::from_str(encoded.get()).unwrap_or(Value::Bool(false))) {
        None | Some(Value::Null) => {}
        Some(_) if draft.data.is_some() => {
            draft.fault(Fault::new("data_base64", "there is `data` as well; only one of the two may be there"));
        }
        Some(Value::String(text)) => match STANDARD.decode(&text) {
            Ok(bytes) => draft.data = Some(Data::Bytes(bytes)),
            Err(_) => draft.fault(Fault::new("data_base64", "this is not base64 text")),
        },
        Some(_) => draft.fault(Fault::new("data_base64", "this is not base64 text")),
    }
    draft.finish(Origin::Sender)
}

impl Draft {
    /// Adds an attribute unless it is already present, which is a fault. `what` is the protocol's word for it.
    pub fn add(&mut self, name: &str, value: Attribute, what: &str) {
        if self.attributes.len() > MAX_ATTRIBUTES {
            return;
        }
        match self.attributes.iter().any(|(known, _)| known == name) {
            true => self.faults.push(Fault::twice(name, what)),
            false => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// Adds a fault found by the caller.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Sorts the attributes by name, for protocols in which their order has no meaning: equal events then have equal
    /// texts.
    pub fn sort(&mut self) {
        self.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    /// Adds the body of a request as the event's data.
    #[must_use]
    pub fn with_body(mut self, kind: Option<&str>, body: &[u8]) -> Self {
        // In binary mode the body holds the data, and the protocol's own header its media type.
        for name in ["data", "data_base64"] {
            if self.remove(name).is_some() {
                self.fault(Fault::new(name, format!("`{name}` is no attribute: data belongs into the body")));
            }
        }
        let named = self.remove("datacontenttype");
        let named = named.as_ref().and_then(Attribute::as_text);
        if let (Some(named), Some(kind)) = (named, kind)
            && named != kind
        {
            let message =
                format!("datacontenttype is `{named}`, and the content type is `{kind}`: send the latter alone");
            self.fault(Fault::new("datacontenttype", message));
        }
        let kind = kind.or(named);
        if let Some(kind) = kind {
            self.attributes.push(("datacontenttype".to_owned(), Attribute::Text(kind.to_owned())));
        }
        match Data::of(Sender::Publisher, kind, body) {
            Ok(data) => self.data = data,
            Err(error) => self.fault(Fault::new("data", format!("the body is not JSON: {error}"))),
        }
        self
    }

    fn remove(&mut self, name: &str) -> Option<Attribute> {
        let index = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.remove(index).1)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name)?.1.as_text()
    }

    /// Finishes validation.
    ///
    /// # Errors
    /// All faults, at least one.
    pub fn finish(mut self, origin: Origin) -> Result<CloudEvent, Vec<Fault>> {
        let mut faults = std::mem::take(&mut self.faults);
        let wrong = self.attributes.iter().filter_map(|(name, value)| Some(Fault::new(name, value.fault(name)?)));
        faults.extend(wrong);
        if let (Origin::Sender, Some(text)) = (origin, self.text("source"))
            && source::is_reserved(text)
        {
            let message =
                format!("source `{text}` is one that only EventFlow names; name your own, such as /shop/orders");
            faults.push(Fault::new("source", message));
        }
        for name in ["specversion", "id", "source", "type"] {
            if self.text(name).is_none() && !faults.iter().any(|fault| fault.attribute == name) {
                faults.push(Fault::new(name, format!("the attribute `{name}` is missing")));
            }
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            let message = format!("the event has more than {MAX_ATTRIBUTES} attributes, the most that is taken");
            faults.push(Fault::new("", message));
        }
        if !faults.is_empty() {
            faults.sort_by(|a, b| a.attribute.cmp(&b.attribute));
            return Err(faults);
        }
        let text = |name: &str| self.text(name).map(str::to_owned);
        Ok(CloudEvent {
            id: text("id").unwrap_or_default(),
            source: text("source").unwrap_or_default(),
            kind: text("type").unwrap_or_default(),
            subject: text("subject"),
            json: Json::of(&self).expect("attributes and data always serialise"),
        })
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            event.serialize_entry(name, value)?;
        }
        if let Some(data) = &self.data {
            data.serialize(&mut event)?;
        }
        event.end()
    }
}

/// The members of a JSON object in order, with unparsed values.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
