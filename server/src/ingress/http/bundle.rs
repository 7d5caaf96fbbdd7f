//! Uploads of bundles.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use domain::access::Action;
use futures::{Stream, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::described::AnyBytes;
use super::incoming::{caller, no_query, wrong_method};
use crate::edge::{HttpError, Services, body, is_late};
use crate::operations::Fault;

/// How many bytes a multipart form may add to the upload's size: the heads of its parts, and the parts without a file.
const FRAME: usize = 64 << 10;

/// The most parts of a form before the file.
const MAX_PARTS: usize = 32;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(web::resource("/v1/bundles").route(web::post().to(upload)).default_service(web::to(wrong_method)));
}

/// A bundle that is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Bundle {
    /// The digest for a function's source: `{"bundle":{"digest":"sha256:…"}}`.
    digest: String,
}

/// A form with a bundle.
#[derive(ToSchema)]
#[schema(as = BundleForm)]
#[allow(dead_code)] // only described
pub(super) struct Form {
    /// The archive; the part must have a file name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Upload a bundle
///
/// Takes a zip or tar.gz with a function's code, as the body or as a file in a form.
#[utoipa::path(post, path = "/v1/bundles", operation_id = "uploadBundle", tag = "bundles",
    params(("X-Request-Id" = Option<String>, Header, description = "The request's id in the server's log and in errors, instead of one of the server's own: 1 to 128 visible ASCII characters")),
    request_body(
        description = "The archive itself, or a form with it as a file",
        content((AnyBytes = "application/gzip"), (AnyBytes = "application/zip"), (AnyBytes = "application/octet-stream"), (Form = "multipart/form-data")),
    ),
    responses(
        (status = 201, description = "The bundle is on disk", body = Bundle),
        (status = 400, description = "`bad_bundle`: it is neither a zip nor a tar.gz, or the form has no file"),
        (status = 507, description = "`bundles_full`: all bundles together take as much room as they may"),
    ))]
pub(super) async fn upload(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    let caller = caller(&request, &services)?;
    no_query(&request)?;
    if !caller.viewer.may_somewhere(Action::Deploy) {
        let message = "to upload code you need the role developer in some namespace";
        return Err(HttpError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let limit = services.settings.limits.bundle;
    body::check_length(&request, limit + FRAME)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digest = if kind.starts_with("multipart/") {
        let framed = payload.scan(0, move |read, piece| {
            *read += piece.as_ref().map_or(0, Bytes::len);
            std::future::ready(Some(match *read > limit + FRAME {
                true => Err(PayloadError::Overflow),
                false => piece,
            }))
        });
        let mut form = Multipart::new(request.headers(), framed);
        let file = file_of(&mut form, limit + FRAME).await?;
        keep(&services, file, limit, is_form_late).await?
    } else {
        keep(&services, payload, limit, is_late).await?
    };
    Ok(HttpResponse::Created().json(Bundle { digest }))
}

/// Reads the file of a form, at most `most` bytes, and skips the other parts.
async fn file_of(form: &mut Multipart, most: usize) -> Result<Field, HttpError> {
    let mut skipped = 0;
    for _ in 0..MAX_PARTS {
        let field = form.next().await.ok_or_else(|| HttpError::bad_request("bad_bundle", "the form has no file"))?;
        let mut field = field.map_err(|error| unreadable(&error, most))?;
        if field.content_disposition().and_then(|part| part.get_filename()).is_some() {
            return Ok(field);
        }
        while let Some(part) = field.next().await {
            skipped += part.map_err(|error| unreadable(&error, most))?.len();
            if skipped > FRAME {
                return Err(HttpError::too_large("what the form has before its file", FRAME));
            }
        }
    }
    let message = format!("the form has {MAX_PARTS} parts and no file among them: put the file first");
    Err(HttpError::bad_request("bad_bundle", message))
}

/// Why a form cannot be read.
fn unreadable(error: &MultipartError, most: usize) -> HttpError {
    match error {
        MultipartError::Payload(PayloadError::Overflow) => HttpError::too_large("the form", most),
        error if is_form_late(error) => late(),
        error => HttpError::bad_request("bad_bundle", format!("the form cannot be read: {error}")),
    }
}

fn is_form_late(error: &MultipartError) -> bool {
    matches!(error, MultipartError::Payload(error) if is_late(error))
}

fn late() -> HttpError {
    HttpError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the bundle did not come in time")
}

async fn keep<E: std::fmt::Display>(
    services: &Services,
    stream: impl Stream<Item = Result<Bytes, E>>,
    limit: usize,
    is_late: fn(&E) -> bool,
) -> Result<String, HttpError> {
    let size = Arc::new(AtomicUsize::new(0));
    let timed_out = Arc::new(AtomicBool::new(false));
    let counted = stream.map({
        let (size, timed_out) = (size.clone(), timed_out.clone());
        move |piece| {
            let piece = piece.map_err(|error| {
                timed_out.store(is_late(&error), Ordering::Relaxed);
                error.to_string()
            })?;
            match size.fetch_add(piece.len(), Ordering::Relaxed) + piece.len() > limit {
                true => Err("it is too large".to_owned()),
                false => Ok(piece),
            }
        }
    });
    let kept = services.builder.artifacts().put_bundle(counted).await;
    if kept.is_err() && timed_out.load(Ordering::Relaxed) {
        return Err(late());
    }
    kept.map_err(|error| match size.load(Ordering::Relaxed) > limit {
        true => HttpError::too_large("the bundle", limit),
        false if error.is_full() => HttpError::new(StatusCode::INSUFFICIENT_STORAGE, "bundles_full", error.to_string()),
        false if error.is_refused() => HttpError::bad_request("bad_bundle", error.to_string()),
        false => {
            tracing::error!(%error, "bundle not kept");
            Fault::Unavailable(error.to_string()).into()
        }
    })
}
