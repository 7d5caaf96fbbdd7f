//! Entry point for fuzzing queries: everything that happens to a query before it is executed.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Request, Response, Variables};
use async_trait::async_trait;

use super::schema::{Schema, guarded};

/// Whatever a query says, it is refused or checked within this; a slow machine is given time.
const WITHIN: Duration = Duration::from_secs(5);

/// Bytes of all errors of one query.
const MAX_REFUSAL: usize = 64 << 10;

/// The schema, with all that stands before its resolvers, and nothing behind.
static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| guarded(&crate::config::Limits::default()).extension(Unanswered).finish());

struct Unanswered;

impl ExtensionFactory for Unanswered {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Unanswered {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}

/// A query, and after an empty line its variables.
pub(in crate::ingress) fn query(text: &str, variables: Option<&str>) {
    let began = Instant::now();
    let mut request = Request::new(text);
    if let Some(Ok(variables)) = variables.map(serde_json::from_str) {
        request = request.variables(Variables::from_json(variables));
    }
    let response = futures::executor::block_on(SCHEMA.execute(request));
    let took = began.elapsed();
    assert!(took < WITHIN, "a query of {} bytes took {took:?}", text.len());
    let bytes: usize = response.errors.iter().map(|error| error.message.len()).sum();
    assert!(bytes <= MAX_REFUSAL, "a query of {} bytes is refused with {bytes}", text.len());
    for error in &response.errors {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        assert!(code.is_some(), "a refusal has no code: {error:?}");
    }
}

/// A message on a socket: it is read or refused, and the answer to it is short.
pub(in crate::ingress) fn message(data: &[u8]) {
    super::socket::fuzz_message(data);
}
