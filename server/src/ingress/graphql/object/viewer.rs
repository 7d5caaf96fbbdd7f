//! Who asks, and what answers.

use async_graphql::{Context, Object, SimpleObject};

use crate::ingress::auth::Viewer;
use crate::ingress::graphql::services;

/// Who asks.
pub(in crate::ingress::graphql) struct ViewerObject(pub Viewer);

/// The server that answers.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Server {
    /// EventFlow's version.
    version: &'static str,
    /// The log.
    store: String,
    /// How runs are delivered.
    queue: String,
    /// Where functions run.
    executor: String,
    /// What to know of it, such as missing isolation.
    warnings: Vec<String>,
}

/// Who asks.
#[Object(name = "Viewer")]
impl ViewerObject {
    /// As the log names them: `user:admin`, `token:dev`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The namespaces that they see; null: all.
    async fn namespaces(&self) -> Option<&[String]> {
        self.0.namespaces.as_deref()
    }

    /// Whether they may change anything.
    async fn may_write(&self) -> bool {
        self.0.may_write
    }

    /// The server that answers.
    async fn server(&self, ctx: &Context<'_>) -> Server {
        let about = services(ctx).about.clone();
        Server {
            version: env!("CARGO_PKG_VERSION"),
            store: about.store.clone(),
            queue: about.queue.clone(),
            executor: about.executor.clone(),
            warnings: about.warnings.clone(),
        }
    }
}
