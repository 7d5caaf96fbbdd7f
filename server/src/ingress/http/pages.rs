//! The web pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use crate::ingress::assets::{self, Asset};

/// A page, or the one that says why there is none.
pub(in crate::ingress) fn page(request: &HttpRequest, name: &str) -> HttpResponse {
    match assets::get(name) {
        Some(asset) => answer(request, &asset, StatusCode::OK),
        None => answer(request, &assets::missing(), StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The file at a request's path.
pub(super) fn file(request: &HttpRequest) -> Option<HttpResponse> {
    if request.path() == "/" {
        return Some(page(request, "index.html"));
    }
    assets::get(request.path()).map(|asset| answer(request, &asset, StatusCode::OK))
}

fn answer(request: &HttpRequest, asset: &Asset, status: StatusCode) -> HttpResponse {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = status == StatusCode::OK && known.is_some_and(|known| asset.matches(known));
    let mut response = HttpResponse::build(if fresh { StatusCode::NOT_MODIFIED } else { status });
    response
        .insert_header((header::ETAG, asset.etag.clone()))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control())));
    if fresh {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, asset.content_type.clone())).body(asset.bytes.clone())
}
