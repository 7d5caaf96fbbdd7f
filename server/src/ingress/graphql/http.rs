//! GraphQL over HTTP: `POST /graphql`, `GET /graphql?query=` for looking, GraphiQL for a browser, a socket on upgrade.

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use super::{BaseUrl, Schema, limits, socket};
use crate::ingress::Services;
use crate::ingress::error::HttpError;
use crate::ingress::http::pages;
use crate::ingress::http::{base_url, body, caller, wants_html};

pub(in crate::ingress) fn configure(config: &mut ServiceConfig, schema: &Schema) {
    let resource = web::resource("/graphql")
        .app_data(web::Data::new(schema.clone()))
        .route(web::post().to(post))
        .route(web::get().to(get))
        .default_service(web::to(other));
    config.service(resource);
}

/// A request as GraphQL over HTTP has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Value>,
}

/// The same in a URL, where variables are text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedInUrl {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
}

async fn post(
    request: HttpRequest,
    payload: web::Payload,
    schema: web::Data<Schema>,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    let bytes = body::read(&request, payload, services.settings.limits.body).await?;
    let value: Value = body::json(&bytes)?;
    if value.is_array() {
        return Err(HttpError::bad_request(
            "bad_request",
            "several queries in one request are not taken: send one object, with several fields in its query",
        ));
    }
    let asked: Asked = serde_json::from_value(value)
        .map_err(|error| HttpError::bad_request("bad_json", format!("the body is not a GraphQL request: {error}")))?;
    let asked = asked.into_request()?.data(caller).data(BaseUrl(base_url(&request)));
    Ok(answer(&request, schema.execute(asked).await))
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
        .map_err(|error| HttpError::bad_request("bad_request", error.to_string()))?
        .into_inner();
    if asked.query.is_none() && wants_html(&request) {
        return Ok(pages::page(&request, "graphiql.html"));
    }
    let caller = caller(&request, &services)?;
    let variables = asked.variables.as_deref().filter(|text| !text.is_empty()).map(serde_json::from_str).transpose();
    let variables =
        variables.map_err(|error| HttpError::bad_request("bad_json", format!("variables is not JSON: {error}")))?;
    let asked = Asked { query: asked.query, operation_name: asked.operation_name, variables };
    let mut asked = asked.into_request()?;
    // What cannot be read is answered by the schema, in GraphQL's own shape.
    if let Ok(false) = limits::only_reads(&mut asked, &services.settings.limits) {
        let message = "a GET only looks: send a mutation by POST, and a subscription over a WebSocket";
        return Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message));
    }
    let asked = asked.data(caller).data(BaseUrl(base_url(&request)));
    Ok(answer(&request, schema.execute(asked).await))
}

async fn other(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    if *request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, "GET, POST")).finish());
    }
    Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "/graphql takes GET and POST"))
}

impl Asked {
    fn into_request(self) -> Result<Request, HttpError> {
        let query = self.query.ok_or_else(|| HttpError::bad_request("bad_request", "`query` is missing"))?;
        let mut request = Request::new(query);
        if let Some(name) = self.operation_name.filter(|name| !name.is_empty()) {
            request = request.operation_name(name);
        }
        match self.variables {
            None | Some(Value::Null) => {}
            Some(variables @ Value::Object(_)) => {
                request = request.variables(async_graphql::Variables::from_json(variables))
            }
            Some(_) => return Err(HttpError::bad_request("bad_request", "`variables` must be an object")),
        }
        Ok(request)
    }
}

fn answer(request: &HttpRequest, response: Response) -> HttpResponse {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = match accepts.contains("application/graphql-response+json") {
        true => "application/graphql-response+json",
        false => "application/json",
    };
    let bytes = serde_json::to_vec(&response).unwrap_or_default();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, HeaderValue::from_static(kind))).body(bytes)
}
