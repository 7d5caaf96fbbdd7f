//! Secrets: listed by name, set, removed. Values are never returned.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::access::Action;
use domain::{function, namespace};

use super::caller::{Query, caller, json, namespace, query};
use super::names;
use super::types::{Secret, SecretName};
use crate::edge::{HttpError, Services};
use crate::operations::{self, Caller, Refusal};
use crate::vault::Value;

pub(super) async fn list(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let namespace = namespace(query::<Query>(&request)?.namespace, &request, &services)?;
    let secrets = operations::secrets(&services, &caller.viewer, Some(&namespace)).await?;
    let of_people = secrets.into_iter().filter(|secret| !function::is_reserved_secret(&secret.name));
    let names: Vec<_> = of_people
        .map(|secret| SecretName { name: names::secret(&secret.name).into_owned(), namespace: secret.namespace })
        .collect();
    Ok(HttpResponse::Ok().json(names))
}

pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Secret = json(&request, payload, &services).await?;
    let namespace = namespace(asked.namespace.clone(), &request, &services)?;
    let name = names::variable(&asked.name)?.into_owned();
    if is_set(&services, &caller, &namespace, &name).await? {
        let message = format!("the namespace has a secret `{}` already; update it", asked.name);
        return Err(HttpError::new(StatusCode::CONFLICT, "secret_exists", message));
    }
    operations::set_secret(&services, &caller, &namespace, &name, value(asked)?).await?;
    Ok(HttpResponse::Created().finish())
}

pub(super) async fn update(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Secret = json(&request, payload, &services).await?;
    let namespace = namespace(asked.namespace.clone(), &request, &services)?;
    let name = names::variable(&asked.name)?.into_owned();
    if !is_set(&services, &caller, &namespace, &name).await? {
        return Err(Refusal::from(namespace::Error::NoSuchSecret(asked.name)).into());
    }
    operations::set_secret(&services, &caller, &namespace, &name, value(asked)?).await?;
    Ok(HttpResponse::Accepted().finish())
}

pub(super) async fn remove(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let asked: Secret = json(&request, payload, &services).await?;
    let namespace = namespace(asked.namespace, &request, &services)?;
    let name = names::variable(&asked.name)?;
    // Who removes a secret that was removed is told so.
    if !is_set(&services, &caller, &namespace, &name).await? {
        return Err(Refusal::from(namespace::Error::NoSuchSecret(asked.name)).into());
    }
    operations::remove_secret(&services, &caller, &namespace, &name).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Whether a secret is set, for somebody who may set it.
async fn is_set(services: &Services, caller: &Caller, namespace: &str, name: &str) -> Result<bool, HttpError> {
    caller.viewer.may(Action::Deploy, namespace)?;
    let secrets = operations::secrets(services, &caller.viewer, Some(namespace)).await?;
    Ok(secrets.iter().any(|secret| secret.name == name))
}

/// The value. `rawValue` is what a file holds, and `value` the same as text, which it may not be.
fn value(asked: Secret) -> Result<Value, HttpError> {
    let refused = |message: &str| HttpError::bad_request("bad_secret", message);
    let raw = match asked.raw_value.filter(|raw| !raw.is_empty()) {
        Some(raw) => {
            let bytes = STANDARD.decode(&*raw).map_err(|_| refused("rawValue is not base64"))?;
            let text = String::from_utf8(bytes);
            Some(
                text.map_err(|_| refused("the value is not text: functions get secrets as variables, which are text"))?,
            )
        }
        None => None,
    };
    let text = asked.value.filter(|text| !text.is_empty()).or(raw);
    text.map(Value::new).ok_or_else(|| refused("the value is empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Option<&str>, raw: Option<&[u8]>) -> Result<String, String> {
        let secret = Secret {
            name: "a".into(),
            namespace: None,
            value: text.map(str::to_owned),
            raw_value: raw.map(|raw| STANDARD.encode(raw)),
        };
        value(secret).map(|value| value.to_string()).map_err(|error| error.message)
    }

    #[test]
    fn the_value_is_the_text_or_else_what_the_file_holds() {
        assert_eq!(read(Some("a"), None).unwrap(), "a");
        assert_eq!(read(None, Some(b"a\n")).unwrap(), "a\n");
        assert_eq!(read(Some("a"), Some(b"a\n")).unwrap(), "a", "faas-cli trims the text alone");
        assert_eq!(read(Some(""), Some(b"a")).unwrap(), "a");
    }

    #[test]
    fn what_is_not_text_is_refused_though_a_client_made_some_of_it() {
        assert!(read(Some("\u{fffd}"), Some(b"\xff")).unwrap_err().contains("not text"));
        assert!(read(None, None).unwrap_err().contains("empty"));
        assert!(read(Some(""), Some(b"")).unwrap_err().contains("empty"));
        let broken = Secret { name: "a".into(), namespace: None, value: None, raw_value: Some("?".into()) };
        assert!(value(broken).unwrap_err().message.contains("base64"));
    }
}
