//! Media types of requests and answers.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;

use crate::edge::HttpError;

/// The kind of answer whose status says how it went.
pub(super) const GRAPHQL: &str = "application/graphql-response+json";

/// The kind of answer that is 200 whenever the request could be read.
pub(super) const JSON: &str = "application/json";

/// Entries of an `Accept` header that are looked at.
const MAX_ACCEPTED: usize = 64;

/// Refuses a body that does not say that it is JSON in UTF-8.
///
/// # Errors
/// 415.
pub(super) fn check_json(request: &HttpRequest) -> Result<(), HttpError> {
    let refused =
        |message: String| Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    let Some(kind) = request.headers().get(header::CONTENT_TYPE) else {
        return refused(format!("the request has no Content-Type; it must be {JSON}"));
    };
    let text = kind.to_str().unwrap_or_default();
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    if !essence.trim().eq_ignore_ascii_case(JSON) {
        return refused(format!("the Content-Type is not {JSON}, which a GraphQL request must have"));
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    });
    match charset {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") => {
            refused("the body must be in UTF-8, and its Content-Type names another charset".to_owned())
        }
        _ => Ok(()),
    }
}

/// The kind of answer that a client prefers. One that wants neither gets JSON, which everybody can read.
pub(super) fn answer(request: &HttpRequest) -> &'static str {
    let accepts = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let entries = accepts.flat_map(|value| value.split(',')).take(MAX_ACCEPTED);
    let (mut graphql, mut json, mut any) = (None, None, None);
    for entry in entries {
        let mut parts = entry.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0));
        match kind.as_str() {
            GRAPHQL => graphql = Some(quality),
            JSON => json = Some(quality),
            "*/*" | "application/*" => any = Some(quality),
            _ => {}
        }
    }
    let of = |own: Option<f32>| own.or(any).unwrap_or(0.0);
    // Who names it knows it; who takes anything gets what everybody can read.
    match graphql.is_some_and(|quality| quality > 0.0 && quality >= of(json)) {
        true => GRAPHQL,
        false => JSON,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_preferred_kind_is_answered() {
        let table = [
            (None, JSON),
            (Some("*/*"), JSON),
            (Some("application/*"), JSON),
            (Some("text/html"), JSON),
            (Some("application/json"), JSON),
            (Some("application/graphql-response+json"), GRAPHQL),
            (Some("application/graphql-response+json; charset=utf-8, application/json; q=0.9"), GRAPHQL),
            (Some("application/graphql-response+json, application/json"), GRAPHQL),
            (Some("application/json, application/graphql-response+json;q=0.5"), JSON),
            (Some("application/graphql-response+json;q=0, */*"), JSON),
            (Some("Application/GraphQL-Response+JSON"), GRAPHQL),
            (Some("application/graphql-response+json;q=nonsense"), JSON),
        ];
        for (accept, kind) in table {
            let request = accept.map_or_else(TestRequest::default, |accept| {
                TestRequest::default().insert_header((header::ACCEPT, accept))
            });
            assert_eq!(answer(&request.to_http_request()), kind, "{accept:?}");
        }
    }

    #[test]
    fn a_body_says_that_it_is_json() {
        let table = [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=UTF-8"), true),
            (Some("application/json;charset=\"utf-8\""), true),
            (Some("application/json; charset=latin1"), false),
            (Some("text/plain"), false),
            (Some("application/jsonx"), false),
            (Some(""), false),
            (None, false),
        ];
        for (kind, good) in table {
            let request = kind.map_or_else(TestRequest::default, |kind| {
                TestRequest::default().insert_header((header::CONTENT_TYPE, kind))
            });
            assert_eq!(check_json(&request.to_http_request()).is_ok(), good, "{kind:?}");
        }
    }
}
