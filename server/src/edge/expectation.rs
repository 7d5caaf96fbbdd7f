//! Bodies that a caller holds back until asked (`Expect: 100-continue`, RFC 9110, section 10.1.1): a request that would
//! be refused is refused at once, and its body is never sent.

use std::sync::Arc;

use actix_http::{Request, Response};
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::RequestHead;
use futures::future::LocalBoxFuture;

use super::host::FunctionHost;
use super::request_policy::RequestPolicy;
use super::{HttpError, refusal};

/// Decides by its head, and by the function whose host it calls, whether a request's body is wanted.
pub type Wants =
    Arc<dyn Fn(&RequestHead, Option<FunctionHost>) -> LocalBoxFuture<'static, Result<(), HttpError>> + Send + Sync>;

/// The answer to a request whose body is not wanted.
pub(super) struct NotWanted(HttpResponse);

impl From<NotWanted> for Response<BoxBody> {
    fn from(refused: NotWanted) -> Self {
        refused.0.into()
    }
}

/// Lets a request go on if its body is wanted; only then is the caller asked for it.
pub(super) async fn check(
    policy: Arc<RequestPolicy>,
    wants: Option<Wants>,
    request: Request,
) -> Result<Request, NotWanted> {
    let refused = |request: &Request, error: &HttpError| NotWanted(refusal::answer(request.head(), error));
    let host = match refusal::admit(request.head(), &policy.names, &policy.settings.edge) {
        Ok(host) => host,
        Err(error) => return Err(refused(&request, &error)),
    };
    if let Some(wants) = wants {
        let wanted = wants(request.head(), host).await;
        wanted.map_err(|error| refused(&request, &error))?;
    }
    Ok(request)
}
