//! Functions, in their current and past states.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{Recorded, function};

use crate::actors::writer::until;
use crate::ingress::graphql::object::{Function, FunctionMode, FunctionOrder, FunctionState, TriggerType};
use crate::ingress::graphql::position::{self, Position};
use crate::ingress::graphql::relay::{Connection, PageArguments};
use crate::ingress::graphql::{OrFail, budget, id as parse_id, loader, namespace_or_default, services, viewer};
use crate::operations::{self, Refusal, Viewer};
use crate::store::FunctionFilter;

#[derive(Default)]
pub(super) struct Query;

#[Object(name = "FunctionQuery")]
impl Query {
    /// Functions, by default ordered by namespace and name; deregistered ones only if that state is requested.
    #[allow(clippy::too_many_arguments)] // one argument for each condition
    async fn functions(
        &self,
        ctx: &Context<'_>,
        namespace: Option<String>,
        state: Option<FunctionState>,
        #[graphql(desc = "Only names that contain this.")] search: Option<String>,
        #[graphql(desc = "Only functions whose current version is this.")] mode: Option<FunctionMode>,
        #[graphql(desc = "Only functions whose current version has this runtime: `node`, `python` …")] runtime: Option<
            String,
        >,
        #[graphql(desc = "Only functions whose current version has a trigger of this type.")] trigger: Option<
            TriggerType,
        >,
        #[graphql(
            desc = "Only those whose current version has an event trigger with a pattern that matches this type. What its \
                    filter asks for is not looked at."
        )]
        event_type: Option<String>,
        #[graphql(desc = "Only functions whose latest build failed; `false`: only the others.")] build_failed: Option<
            bool,
        >,
        #[graphql(desc = "The order; by default namespace and name.")] order_by: Option<FunctionOrder>,
        #[graphql(desc = "The reverse order.")] descending: Option<bool>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Function>> {
        let filter = FunctionFilter {
            namespaces: None,
            state: state.map(Into::into),
            search,
            mode: mode.map(Into::into),
            runtime,
            trigger: trigger.map(Into::into),
            event_type,
            build_failed,
            order: order_by.map(Into::into).unwrap_or_default(),
            descending: descending.unwrap_or_default(),
            registered_before: None,
        };
        let view = services(ctx).view_of(viewer(ctx)?, namespace.as_deref()).or_fail()?;
        Function::page(ctx, &view, &filter, PageArguments { first, after, last, before }).await
    }

    /// A function by id, or the newest one of a name; as it was at a time, or after a position of the log. Null when
    /// there is none, or was none then.
    #[allow(clippy::too_many_arguments)] // one argument for each way to name it
    async fn function(
        &self,
        ctx: &Context<'_>,
        id: Option<ID>,
        namespace: Option<String>,
        name: Option<String>,
        as_of: Option<DateTime<Utc>>,
        #[graphql(deprecation = "an `Int` holds 32 bits: use `asOfLogPosition`")] as_of_position: Option<u64>,
        as_of_log_position: Option<Position>,
    ) -> Result<Option<Function>> {
        let as_of_position = position::given(as_of_log_position, as_of_position);
        let viewer = viewer(ctx)?;
        let was = |recorded: &Recorded| {
            as_of.is_none_or(|time| until(time)(recorded))
                && as_of_position.is_none_or(|position| recorded.position <= position)
        };
        let then = as_of.is_some() || as_of_position.is_some();
        match (id, name) {
            (Some(id), None) => {
                let id = parse_id(&id, "id").or_fail()?;
                let row = budget::load(ctx, loader(ctx)?.function(id)).await?;
                match (row, then) {
                    (Some(row), true) => as_it_was(ctx, row.id, &was).await,
                    (row, _) => Ok(row.map(Function::from)),
                }
            }
            (None, Some(name)) => {
                let namespace = namespace_or_default(ctx, namespace);
                named(ctx, viewer, &namespace, &name, then, &was).await
            }
            _ => Err(Refusal::problem("bad_request", "give either id, or name (and namespace)")).or_fail(),
        }
    }
}

async fn named(
    ctx: &Context<'_>,
    viewer: &Viewer,
    namespace: &str,
    name: &str,
    then: bool,
    was: &(dyn Fn(&Recorded) -> bool + Send + Sync),
) -> Result<Option<Function>> {
    let view = services(ctx).view(viewer);
    let Some(row) = budget::load(ctx, view.function_named(namespace, name)).await? else { return Ok(None) };
    if !then {
        return Ok(Some(row.into()));
    }
    // The name may have been another function's then: the newest that was there. Each was registered after the one before,
    // and of each only the first record is looked at: a name that was used a thousand times costs ten looks.
    let (mut from, mut to) = (0, row.generation);
    while from < to {
        let middle = from + (to - from).div_ceil(2);
        let generation = (namespace, name, middle);
        if operations::was_registered(services(ctx), viewer, generation, was).await.or_fail()? {
            from = middle;
        } else {
            to = middle - 1;
        }
    }
    as_it_was(ctx, function::id(namespace, name, from.max(1)), was).await
}

async fn as_it_was(
    ctx: &Context<'_>,
    id: function::Id,
    was: &(dyn Fn(&Recorded) -> bool + Send + Sync),
) -> Result<Option<Function>> {
    let viewer = viewer(ctx)?;
    let mut newest = None;
    let state = budget::load(ctx, async {
        let found = operations::function_as_of(services(ctx), viewer, id, was).await?;
        let (state, last) = found.unzip();
        newest = last;
        Ok::<_, Refusal>(state)
    });
    let state = state.await?;
    Ok(state.zip(newest).and_then(|(state, last)| Function::as_of(state, &last)))
}
