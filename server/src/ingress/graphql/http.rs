//! GraphQL over HTTP: `POST /graphql`, `GET /graphql?query=` for reading, GraphiQL for a browser, a socket on upgrade.

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::task::yield_now;

use super::execution::execute;
use super::slices::sliced;
use super::{AskedNamespace, BaseUrl, Schema, limits, media, request as asked, socket};
use crate::edge::error::ErrorBody;
use crate::edge::origin::base_url;
use crate::edge::request_id::RequestId;
use crate::edge::{HttpError, Services, body};
use crate::ingress::http::{caller, namespace, pages, wants_html};
use crate::ingress::unsent;
use crate::operations::Caller;

/// Methods that the door takes.
const METHODS: &str = "GET, POST, OPTIONS";

pub(in crate::ingress) fn configure(config: &mut ServiceConfig, schema: &Schema) {
    let resource = web::resource("/graphql")
        .app_data(web::Data::new(schema.clone()))
        .route(web::post().to(post))
        .route(web::get().to(get))
        .default_service(web::to(other));
    config.service(resource);
}

/// A request in a URL, where everything is text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedInUrl {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

async fn post(
    request: HttpRequest,
    payload: web::Payload,
    schema: web::Data<Schema>,
    services: web::Data<Services>,
) -> HttpResponse {
    match posted(&request, payload, &schema, &services).await {
        Ok(answer) => respond(&request, answer),
        Err(error) => refuse(&request, &error),
    }
}

async fn posted(
    request: &HttpRequest,
    payload: web::Payload,
    schema: &Schema,
    services: &Services,
) -> Result<Written, HttpError> {
    // Who asks comes first: a page of a stranger is refused for what it is, whatever it sends.
    let caller = caller(request, services)?;
    media::check_json(request)?;
    let bytes = body::read(request, payload, services.settings.limits.body).await?;
    let value: Value = body::json(&bytes)?;
    if value.is_array() {
        return Err(HttpError::bad_request(
            "bad_request",
            "several queries in one request are not taken: send one object, with several fields in its query",
        ));
    }
    let asked = asked::read(value).map_err(|message| HttpError::bad_request("bad_request", message))?;
    let namespace = AskedNamespace(namespace(None, request, services)?);
    Ok(answer(schema, asked, caller, BaseUrl(base_url(request)), namespace).await)
}

async fn get(
    request: HttpRequest,
    payload: web::Payload,
    schema: web::Data<Schema>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    if request.headers().contains_key(header::UPGRADE) {
        return socket::open(&request, payload, &schema, &services);
    }
    let asked = web::Query::<AskedInUrl>::from_query(request.query_string())
        .map_err(|error| HttpError::bad_request("bad_request", error.to_string()));
    let asked = match asked {
        Ok(asked) => asked.into_inner(),
        Err(error) => return Ok(refuse(&request, &error)),
    };
    if asked.query.is_none() && wants_html(&request) {
        return Ok(pages::page(&request, "graphiql.html"));
    }
    Ok(match got(&request, asked, &schema, &services).await {
        Ok(answer) => respond(&request, answer),
        Err(error) => refuse(&request, &error),
    })
}

async fn got(
    request: &HttpRequest,
    asked: AskedInUrl,
    schema: &Schema,
    services: &Services,
) -> Result<Written, HttpError> {
    let caller = caller(request, services)?;
    let mut asked = asked.read().map_err(|message| HttpError::bad_request("bad_request", message))?;
    // What cannot be read is answered by the schema, in GraphQL's own shape.
    if let Ok(false) = limits::only_reads(&mut asked, &services.settings.limits) {
        let message = "a GET only reads: send a mutation by POST, and a subscription over a WebSocket";
        return Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message));
    }
    let namespace = AskedNamespace(namespace(None, request, services)?);
    Ok(answer(schema, asked, caller, BaseUrl(base_url(request)), namespace).await)
}

impl AskedInUrl {
    fn read(self) -> Result<async_graphql::Request, String> {
        let mut whole = Map::new();
        for (name, text) in [("query", self.query), ("operationName", self.operation_name)] {
            whole.extend(text.map(|text| (name.to_owned(), Value::String(text))));
        }
        for (name, text) in [("variables", self.variables), ("extensions", self.extensions)] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                let value = crate::edge::json::read(text.as_bytes()).map_err(|error| format!("`{name}`: {error}"))?;
                whole.insert(name.to_owned(), value);
            }
        }
        asked::read(whole.into())
    }
}

async fn other(request: HttpRequest) -> HttpResponse {
    if *request.method() == Method::OPTIONS {
        return HttpResponse::NoContent().insert_header((header::ALLOW, METHODS)).finish();
    }
    let error = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "/graphql takes GET and POST");
    refuse(&request, &error)
}

/// The text of an answer.
struct Written {
    bytes: Vec<u8>,
    is_refused: bool,
}

/// Answers a request. One viewer's requests take turns.
async fn answer(
    schema: &Schema,
    asked: async_graphql::Request,
    caller: Caller,
    base: BaseUrl,
    namespace: AskedNamespace,
) -> Written {
    let subject = caller.viewer.subject.clone();
    let answer = async {
        let answer = execute(schema, asked.data(caller).data(base).data(namespace)).await;
        // To write it is a step of its own.
        yield_now().await;
        Written { bytes: serde_json::to_vec(&answer).unwrap_or_default(), is_refused: answer.refused().is_some() }
    };
    sliced(&subject, answer).await
}

/// An answer of the schema. Only a client that knows `application/graphql-response+json` expects a status to say how it
/// went.
fn respond(request: &HttpRequest, answer: Written) -> HttpResponse {
    let kind = media::answer(request);
    let status = if answer.is_refused && kind == media::GRAPHQL { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let body = match unsent::body(answer.bytes) {
        Ok(body) => body,
        Err(error) => return refuse(request, &error),
    };
    HttpResponse::build(status).insert_header((header::CONTENT_TYPE, HeaderValue::from_static(kind))).body(body)
}

/// The answer to a request that did not reach the schema.
#[derive(Serialize)]
struct Refused<'a> {
    errors: Value,
    #[serde(flatten)]
    body: ErrorBody<'a>,
}

/// A refusal before the schema was asked, in the shape of every other door and in GraphQL's own.
fn refuse(request: &HttpRequest, error: &HttpError) -> HttpResponse {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let errors = json!([{ "message": error.message, "extensions": { "code": error.code, "request_id": &*id } }]);
    let whole = Refused { errors, body: error.body(&id) };
    let mut response = error.head().json(whole);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::answer(request)));
    if error.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    }
    response
}
