//! Metrics.

use async_graphql::{Context, ID, Object, Result};

use crate::ingress::graphql::object::{Metrics, Window};
use crate::ingress::graphql::{OrFail, id as parse_id, services, viewer};
use crate::{clock, operations};

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "MetricsQuery")]
impl Query {
    /// Metrics of a function, or of all that the viewer sees, over a window that ends now.
    async fn metrics(&self, ctx: &Context<'_>, function: Option<ID>, window: Window) -> Result<Metrics> {
        let (services, viewer) = (services(ctx), viewer(ctx)?);
        let function = match function {
            Some(id) => {
                let id = parse_id(&id, "function").or_fail()?;
                Some(operations::visible(services, viewer, id).await.or_fail()?.id)
            }
            None => None,
        };
        let span = window.span(clock::now());
        let numbers = services.view(viewer).metrics(function, &span).await.or_fail()?;
        Ok(Metrics::of(span, numbers))
    }
}
