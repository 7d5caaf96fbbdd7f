//! The viewer, and the server.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use domain::access::Action;

use super::engine_image::EngineImage;
use crate::ingress::graphql::position::Position;
use crate::ingress::graphql::{OrFail, namespace_or_default, services, viewer};
use crate::operations::{self, Viewer};
use crate::store;
use crate::turns::Turns;

/// Looks at the engine's images at a time, each of which asks the engine for every one of them. Viewers take turns.
static LOOKS: LazyLock<Turns> = LazyLock::new(|| Turns::new(1));

/// The viewer.
pub(in crate::ingress::graphql) struct ViewerObject(pub Viewer);

/// The server that answers.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::ingress::graphql) struct Server {
    /// EventFlow's version.
    version: &'static str,
    /// The log.
    store: String,
    /// How runs are delivered.
    queue: String,
    /// Where functions run.
    executor: String,
    /// Warnings, such as missing isolation.
    warnings: Vec<String>,
}

#[ComplexObject]
impl Server {
    /// What does not work at present, in words; empty if everything does.
    async fn degraded(&self, ctx: &Context<'_>) -> Vec<String> {
        let services = services(ctx);
        let vitals = services.vitals();
        let store = vitals.ready().await.err().map(|error| error.to_string());
        let held = services.watchdog.held().into_iter().map(|held| held.to_string());
        let ground = services.keeping.prepare_host().await.err();
        let mut unfit = vitals.differences().await.unwrap_or_default();
        unfit.extend(services.vault.foreign().await.ok().flatten());
        unfit.extend(vitals.stats().seal_fault());
        unfit.extend(vitals.stats().unreadable());
        let broken = services.keeping.faults().await;
        let queue = services.queue.fault();
        let away = services.keeping.executor_fault();
        store.into_iter().chain(queue).chain(held).chain(ground).chain(away).chain(broken).chain(unfit).collect()
    }

    /// The images that were pulled for functions to its engine, and what becomes of them; nothing is removed by asking. Null
    /// without an engine. For those who see all namespaces.
    async fn engine_images(&self, ctx: &Context<'_>) -> Result<Option<Vec<EngineImage>>> {
        let viewer = viewer(ctx)?;
        let _place = LOOKS.take(&viewer.subject, "").await;
        let images = operations::engine_images(services(ctx), viewer).await.or_fail()?;
        Ok(images.map(|images| images.into_iter().map(EngineImage::from).collect()))
    }

    /// The position of the log's newest record.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `headPosition`")]
    async fn log_position(&self, ctx: &Context<'_>) -> Result<u64> {
        services(ctx).vitals().head().await.or_fail()
    }

    /// The position of the log's newest record.
    async fn head_position(&self, ctx: &Context<'_>) -> Result<Position> {
        services(ctx).vitals().head().await.map(Position).or_fail()
    }

    /// How far the log is relayed.
    #[graphql(deprecation = "an `Int` holds 32 bits: use `relayedPosition`")]
    async fn relay_position(&self, ctx: &Context<'_>) -> Result<u64> {
        services(ctx).vitals().relayed().await.or_fail()
    }

    /// How far the log is relayed.
    async fn relayed_position(&self, ctx: &Context<'_>) -> Result<Position> {
        services(ctx).vitals().relayed().await.map(Position).or_fail()
    }

    /// The names of the live servers.
    async fn nodes(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let holders = services(ctx).vitals().holders(store::NODE_LEASE).await.or_fail()?;
        Ok(holders.into_iter().map(|(_, node)| node).collect())
    }

    /// The leading server; null if there is none.
    async fn leader(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let holders = services(ctx).vitals().holders(store::LEADER_LEASE).await.or_fail()?;
        Ok(holders.into_iter().next().map(|(_, node)| node))
    }
}

/// The viewer.
#[Object(name = "Viewer")]
impl ViewerObject {
    /// The actor's name in the log: `user:admin`, `token:dev`.
    async fn name(&self) -> &str {
        &self.0.subject
    }

    /// The namespaces that they see; null: all.
    async fn namespaces(&self) -> Option<Vec<String>> {
        self.0.sight().namespaces().map(<[String]>::to_vec)
    }

    /// The default namespace: that of the request's header `X-Namespace`, or else the server's.
    async fn default_namespace(&self, ctx: &Context<'_>) -> String {
        namespace_or_default(ctx, None)
    }

    /// Whether they may change anything.
    async fn may_write(&self) -> bool {
        self.0.may_somewhere(Action::Invoke)
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
