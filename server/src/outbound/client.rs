//! The HTTP client for addresses that somebody else chose.
//!
//! Every address that a name has is checked, and exactly a checked one is connected to: whoever owns the name may give it
//! another address with each answer.

use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, redirect};
use tokio_rustls::rustls::ClientConfig;

use super::outward::{Outward, refused};

/// A client that goes where it is sent and nowhere else: it follows no redirects, asks no proxy, and does not say where it
/// was before. Which addresses it connects to is the caller's matter: see [`Checking`].
pub fn client(tls: ClientConfig, connect_within: Duration) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("EventFlow/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_within)
}

/// Resolves names as the system does, and refuses those that lead where the server may not be sent.
pub struct Checking(pub Outward);

impl Resolve for Checking {
    fn resolve(&self, name: Name) -> Resolving {
        let outward = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| format!("the host `{}` is not found: {error}", name.as_str()))?;
            let found: Vec<_> = found.collect();
            match outward.first_closed(found.iter().map(|address| address.ip())) {
                Some(address) => Err(refused(address).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}
