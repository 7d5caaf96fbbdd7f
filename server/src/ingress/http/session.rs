//! Signing in and out.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::incoming::{query, wrong_method};
use crate::edge::origin::Origin;
use crate::edge::{HttpError, Services, auth, body};

/// The size limit of a sign-in, in bytes.
const MAX_SIGN_IN: usize = 4 << 10;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/auth/methods").route(web::get().to(methods)).default_service(web::to(wrong_method)))
        .service(web::resource("/auth/token").route(web::post().to(token)).default_service(web::to(wrong_method)))
        .service(web::resource("/auth/logout").route(web::post().to(logout)).default_service(web::to(wrong_method)));
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    username: String,
    #[schema(format = Password)]
    password: String,
}

/// A token, good until it expires.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    /// For the header `Authorization: Bearer TOKEN`.
    token: String,
    expires_at: DateTime<Utc>,
}

/// How to sign in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Whether to set the session's cookie, too (for pages in a browser).
    #[serde(default)]
    cookie: bool,
}

/// What one can sign in with.
#[derive(Serialize, ToSchema)]
pub(super) struct Methods {
    /// `password`; also `dev_token` if the server accepts the token of `--dev`.
    methods: Vec<&'static str>,
}

/// Ways to sign in
///
/// The ways to sign in that this server offers, for a page that shows them before anybody has signed in.
#[utoipa::path(get, path = "/auth/methods", operation_id = "listSignInMethods", tag = "auth", security(()), responses(
    (status = 200, description = "The ways to sign in", body = Methods),
))]
pub(super) async fn methods(services: web::Data<Services>) -> HttpResponse {
    let mut methods = vec!["password"];
    if services.auth.takes_dev_token() {
        methods.push("dev_token");
    }
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Methods { methods })
}

/// Sign in
///
/// Issues a token for a user name and a password; with `--dev`, also without a body.
#[utoipa::path(post, path = "/auth/token", operation_id = "createToken", tag = "auth", security(()), params(How), request_body = Option<Credentials>, responses(
    (status = 200, description = "A token, valid for twelve hours", body = Token),
    (status = 401, description = "`unauthenticated`: the user name or the password is wrong"),
    (status = 403, description = "`cross_site`: a page of another origin sent the request"),
    (status = 429, description = "`too_many_requests`: there were too many wrong passwords"),
))]
pub(super) async fn token(
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, HttpError> {
    // Checked before anything is counted, so that no page can make its visitors guess passwords.
    auth::not_from_elsewhere(&request)?;
    let how: How = query(&request)?;
    // The sender counts as unproved until the password has been compared, however long that waits for its turn.
    let (bytes, _held) = body::read_unproved(&request, payload, MAX_SIGN_IN, &services).await?;
    let origin = Origin::of(&request);
    let without_credentials = if bytes.is_empty() { services.auth.issue_dev_token() } else { None };
    let (token, expires_at) = match without_credentials {
        Some(issued) => issued,
        None => {
            let credentials: Credentials = body::json(&bytes)?;
            services.auth.sign_in(&credentials.username, credentials.password, origin.address).await?
        }
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if how.cookie {
        response.cookie(auth::carrying(token.clone(), origin.secure));
    }
    Ok(response.json(Token { token, expires_at }))
}

/// Sign out
///
/// Ends the session of the cookie, or of the token in `Authorization`. Its token is valid nowhere afterwards, and its
/// open
/// streams end. With 503 the session has ended on this server, but others could not be notified.
#[utoipa::path(post, path = "/auth/logout", operation_id = "signOut", tag = "auth", security(()), responses(
    (status = 204, description = "The session is over, or there was none"),
    (status = 403, description = "`cross_site`: a page of another origin sent the request"),
))]
pub(super) async fn logout(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, HttpError> {
    auth::not_from_elsewhere(&request)?;
    if let Some(session) = services.auth.leaving(&request) {
        services.auth.end(&services, &session).await?;
    }
    Ok(HttpResponse::NoContent().cookie(auth::gone(Origin::of(&request).secure)).finish())
}
