//! Errors as plain text.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::edge::HttpError;

/// Answers an error with its message alone: OpenFaaS' clients show the body as it is.
pub(super) async fn errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let text = response.response().error().and_then(|error| error.as_error::<HttpError>()).map(text);
    Ok(match text {
        Some(text) => response.into_response(text),
        None => response,
    })
}

fn text(error: &HttpError) -> HttpResponse {
    error.head().content_type("text/plain; charset=utf-8").body(format!("{}\n", error.message))
}
