//! The web pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, Encoding, Header, HeaderValue, Preference, Quality};
use actix_web::{HttpRequest, HttpResponse};

use crate::ingress::assets::{self, Asset, Coding};

/// First segments of the web UI's own addresses (`frontend/src/app/router.tsx`), at all of which its single page is
/// served.
const UI: &[&str] = &["dead-letters", "events", "functions", "runs", "sign-in", "system"];

/// Whether a path is an address of the web UI.
pub(in crate::ingress) fn is_of_the_ui(path: &str) -> bool {
    path.trim_start_matches('/').split('/').next().is_some_and(|first| UI.contains(&first))
}

/// Whether there is a file of the web UI or the guide at a path.
pub(in crate::ingress) fn exists(path: &str) -> bool {
    path == "/" || below_the_guide(path).is_some() || assets::get(path, &[]).is_some()
}

/// Whether a path belongs to the platform, so that it cannot lead to a function.
pub fn is_taken(path: &str) -> bool {
    is_of_the_ui(path) || exists(path)
}

/// Where the guide is served.
const GUIDE: &str = "/docs";

/// The path within the guide, if it is one of its addresses.
fn below_the_guide(path: &str) -> Option<&str> {
    path.strip_prefix(GUIDE).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Serves a page or file of the guide.
fn guide(request: &HttpRequest, path: &str) -> HttpResponse {
    // The guide's pages link to each other relative to their folder.
    if path.is_empty() {
        return HttpResponse::PermanentRedirect().insert_header((header::LOCATION, format!("{GUIDE}/"))).finish();
    }
    if let Some(asset) = assets::guide(path) {
        return answer(request, &asset, StatusCode::OK);
    }
    match assets::guide("/") {
        Some(_) => nothing(request),
        None => answer(request, &assets::missing_guide(), StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// A page, or the one that explains why it is missing.
pub(in crate::ingress) fn page(request: &HttpRequest, name: &str) -> HttpResponse {
    match assets::get(name, &codings(request)) {
        Some(asset) => answer(request, &asset, StatusCode::OK),
        None => answer(request, &assets::missing(), StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The page for an address that does not exist.
pub(super) fn nothing(request: &HttpRequest) -> HttpResponse {
    let asset = assets::get("index.html", &codings(request)).unwrap_or_else(assets::missing);
    answer(request, &asset, StatusCode::NOT_FOUND)
}

/// The file at a request's path.
pub(super) fn file(request: &HttpRequest) -> Option<HttpResponse> {
    if request.path() == "/" {
        return Some(page(request, "index.html"));
    }
    if let Some(path) = below_the_guide(request.path()) {
        return Some(guide(request, path));
    }
    assets::get(request.path(), &codings(request)).map(|asset| answer(request, &asset, StatusCode::OK))
}

/// The compressions that the client accepts, best first.
fn codings(request: &HttpRequest) -> Vec<Coding> {
    let Ok(accepted) = header::AcceptEncoding::parse(request) else { return Vec::new() };
    let taken = |encoding: &Encoding| {
        let names = |item: &Preference<Encoding>| matches!(item, Preference::Specific(one) if one == encoding);
        accepted.iter().any(|one| names(&one.item) && one.quality > Quality::ZERO)
    };
    let both = [(Coding::Brotli, Encoding::brotli()), (Coding::Gzip, Encoding::gzip())];
    both.into_iter().filter(|(_, encoding)| taken(encoding)).map(|(coding, _)| coding).collect()
}

fn answer(request: &HttpRequest, asset: &Asset, status: StatusCode) -> HttpResponse {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = status == StatusCode::OK && known.is_some_and(|known| asset.matches(known));
    let mut response = HttpResponse::build(if fresh { StatusCode::NOT_MODIFIED } else { status });
    response
        .insert_header((header::ETAG, asset.etag.clone()))
        .insert_header((header::VARY, HeaderValue::from_static("accept-encoding")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control())));
    if fresh {
        return response.finish();
    }
    if let Some(coding) = asset.coding {
        response.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static(coding.name())));
    }
    response.insert_header((header::CONTENT_TYPE, asset.content_type.clone())).body(asset.bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_takes_and_nothing_else() {
        use actix_web::test::TestRequest;
        let table: [(&str, &[Coding]); 6] = [
            ("gzip, deflate, br, zstd", &[Coding::Brotli, Coding::Gzip]),
            ("gzip", &[Coding::Gzip]),
            ("br;q=0, gzip;q=0.5", &[Coding::Gzip]),
            ("identity", &[]),
            ("*", &[]),
            ("nonsense;;", &[]),
        ];
        for (accepted, expected) in table {
            let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, accepted)).to_http_request();
            assert_eq!(codings(&request), expected, "{accepted}");
        }
        assert_eq!(codings(&TestRequest::default().to_http_request()), []);
    }

    #[test]
    fn the_uis_addresses_are_told_from_the_apis() {
        for path in ["/functions", "/functions/0190/logs", "/runs/1", "/sign-in", "/dead-letters"] {
            assert!(is_of_the_ui(path), "{path}");
        }
        for path in ["/", "/function/hello", "/v1/functions", "/runsome", "/auth/none", "/assets/gone.js"] {
            assert!(!is_of_the_ui(path), "{path}");
        }
    }
}
