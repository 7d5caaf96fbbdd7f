//! Calls an address that somebody else wrote, if it leads where the server may be sent.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, Request, Response};
use tokio_rustls::rustls::RootCertStore;

use crate::outbound::{self, Checking, Outward, trust};

/// A connection takes no longer, from the name's resolution on.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Caller {
    client: Client,
    /// Why nobody can be called in secret.
    untrusting: Option<String>,
}

impl Caller {
    /// # Errors
    /// For people: the library cannot.
    pub(super) fn new(outward: Outward) -> Result<Self, String> {
        match trust::trusted([]) {
            Ok(roots) => Self::trusting(roots, outward),
            // Addresses that begin with http:// can be called all the same.
            Err(why) => Ok(Self { untrusting: Some(why), ..Self::trusting(RootCertStore::empty(), outward)? }),
        }
    }

    /// A caller that believes these certificates.
    pub(super) fn trusting(roots: RootCertStore, outward: Outward) -> Result<Self, String> {
        let client = outbound::client(trust::client(roots)?, CONNECT_WITHIN)
            .dns_resolver(Checking(outward))
            // An idle connection may be closed by the other side just as the next outcome is sent.
            .pool_max_idle_per_host(0)
            .build();
        Ok(Self { client: client.map_err(reason)?, untrusting: None })
    }

    /// The answer's head; nobody reads its body. The URL was checked: no name is resolved for an address in it.
    pub(super) async fn call(&self, request: Request) -> Result<Response, String> {
        match &self.untrusting {
            Some(why) if request.url().scheme() == "https" => return Err(why.clone()),
            _ => {}
        }
        self.client.execute(request).await.map_err(|error| match error.is_connect() {
            true => format!("no connection: {}", reason(error)),
            false => format!("no answer: {}", reason(error)),
        })
    }
}

/// What is behind an error: the library's own words name the URL, which the log has, and hide the rest.
fn reason(error: reqwest::Error) -> String {
    let mut inner: &dyn Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    async fn error_of(allowed: &str, url: &str) -> String {
        let caller = Caller::trusting(RootCertStore::empty(), Outward::parse(allowed).unwrap()).unwrap();
        caller.call(Request::new(Method::POST, url.parse().unwrap())).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_name_is_resolved_before_it_is_believed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        // The check of the URL would refuse this name by itself; the addresses that it has are refused, too.
        assert!(error_of("", &url).await.contains("not a public address"));
        let reached = tokio::select! {
            reached = listener.accept() => reached.is_ok(),
            error = error_of("127.0.0.0/8,::1", &url) => panic!("not called: {error}"),
        };
        assert!(reached);
    }

    #[tokio::test]
    async fn the_reason_why_nobody_was_called_is_reported() {
        let error = error_of("", "http://does-not-exist.invalid/").await;
        assert!(error.starts_with("no connection: the host `does-not-exist.invalid` is not found"), "{error}");
        let error = error_of("127.0.0.0/8", "http://127.0.0.1:1/").await;
        assert!(error.starts_with("no connection: ") && error.contains("refused"), "{error}");
    }
}
