//! The access log: a line for each request, written when its answer was sent or aborted.
//!
//! Queries are omitted, since they may contain tokens; everything chosen by a caller is truncated.

use std::net::IpAddr;
use std::time::Instant;

use actix_http::header::HeaderMap;
use actix_http::{Method, StatusCode};
use actix_web::dev::RequestHead;
use actix_web::http::header;

use super::origin::Origin;
use super::request_id::REQUEST_ID;
use crate::config::Edge;
use crate::telemetry::ACCESS;

/// The longest text from a caller in a line, in bytes; longer ones are cut.
const MAX_TEXT: usize = 512;

/// The header of a function's answer that names its run.
const CALL_ID: header::HeaderName = header::HeaderName::from_static("x-call-id");

/// The status logged for a request that was not answered because its caller left.
const LEFT: u16 = 499;

/// A request; its line is written on drop.
#[derive(Debug)]
pub(super) struct Entry {
    method: Method,
    path: String,
    host: Option<String>,
    address: Option<IpAddr>,
    agent: Option<String>,
    request: Option<String>,
    run: Option<String>,
    began: Instant,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Entry {
    /// Starts the line of a request whose head is complete.
    pub(super) fn of(head: &RequestHead, edge: &Edge) -> Self {
        let origin = Origin::of_head(head, edge);
        Self {
            method: head.method.clone(),
            path: cut(head.uri.path()),
            host: origin.host.map(cut),
            address: origin.address,
            agent: text(&head.headers, header::USER_AGENT),
            request: None,
            run: None,
            began: Instant::now(),
            status: None,
            bytes: 0,
        }
    }

    /// Notes the status and headers of the answer.
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        self.request = text(headers, REQUEST_ID);
        self.run = text(headers, CALL_ID);
    }

    /// Counts a part of the answer that was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        tracing::info!(
            target: ACCESS,
            method = self.method.as_str(),
            path = self.path,
            status = self.status.map_or(LEFT, |status| status.as_u16()),
            bytes = self.bytes,
            duration_ms = self.began.elapsed().as_secs_f64() * 1000.0,
            address = self.address.map(tracing::field::display),
            host = self.host,
            agent = self.agent,
            request = self.request,
            run = self.run,
            "answered"
        );
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| cut(&String::from_utf8_lossy(value.as_bytes())))
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
}
