//! What kind of a call a request is: read once, from the way that it came and from its headers.

use actix_web::HttpRequest;

use super::target::Way;
use crate::edge::call_options;

/// How a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With what the function answers, and recorded afterwards.
    Now,
    /// With what the function answered the first request under its `Idempotency-Key`: recorded first.
    Once,
    /// As soon as it is recorded.
    Later {
        /// The caller asked for that by `Prefer: respond-async` (RFC 7240), and the answer confirms it.
        preferred: bool,
    },
}

impl Kind {
    /// `public`: nobody knows who calls. What is recorded first is for callers that are known: they may ask for it again, and
    /// nobody else may.
    pub(super) fn of(request: &HttpRequest, way: Way, public: bool) -> Self {
        let headers = request.headers();
        match way {
            Way::Later => Self::Later { preferred: false },
            Way::Call | Way::Host | Way::Path if public => Self::Now,
            Way::Call | Way::Host | Way::Path if call_options::prefers_async(headers) => {
                Self::Later { preferred: true }
            }
            Way::Call | Way::Host | Way::Path if headers.contains_key("idempotency-key") => Self::Once,
            Way::Call | Way::Host | Way::Path => Self::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_way_and_the_headers_say_how_a_call_is_answered() {
        let request = |headers: &[(&'static str, &'static str)]| {
            headers
                .iter()
                .fold(TestRequest::default(), |request, header| request.insert_header(*header))
                .to_http_request()
        };
        let (prefers, key) = (("prefer", "respond-async"), ("idempotency-key", "k"));
        for way in [Way::Call, Way::Host, Way::Path] {
            assert_eq!(Kind::of(&request(&[]), way, false), Kind::Now);
            assert_eq!(Kind::of(&request(&[key]), way, false), Kind::Once);
            // Under a key as well: the run is the first request's.
            assert_eq!(Kind::of(&request(&[key, prefers]), way, false), Kind::Later { preferred: true });
            assert_eq!(Kind::of(&request(&[key, prefers]), way, true), Kind::Now);
        }
        assert_eq!(Kind::of(&request(&[prefers, key]), Way::Later, false), Kind::Later { preferred: false });
    }
}
