//! Limits on the cost of a query, checked before the library processes it.
//!
//! The library traverses a query along its fragments repeatedly before executing it; a query of 1 KB can make that
//! endless. So everything is weighed first, in time linear in the length of the text: [`text`] examines the text before
//! a recursive parser does, and [`weigh`] the result of parsing. What passes is small enough that everything the
//! library does with it is bounded by the numbers here.

mod bounds;
mod introspection;
mod refusals;
mod text;
mod weigh;

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest, NextValidation,
};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Data, Request, Response, ServerError, ServerResult, ValidationResult, Variables};
use async_trait::async_trait;

pub(super) use bounds::{MAX_DIRECTIVES, MAX_RECURSION};
pub(super) use introspection::Shape;
use refusals::too_deep;
pub(super) use refusals::{code, coded};
pub(super) use weigh::held;
use weigh::{Refused, weigh};

use super::budget::Budget;
use super::execution::operation;
use super::loader::Whole;
use crate::config;
use crate::edge::Services;
use crate::operations::Caller;
use crate::store::lane;

/// Faults of one query that are answered; a query of many small faults has an answer of many kilobytes for each.
const MAX_FAULTS: usize = 20;

/// Refuses what costs too much, and gives every refusal a code.
pub(super) struct Limits {
    depth: usize,
    cost: usize,
    shape: Arc<Shape>,
}

impl Limits {
    pub(super) fn new(limits: &config::Limits, shape: Shape) -> Self {
        Self { depth: limits.depth, cost: limits.complexity, shape: Arc::new(shape) }
    }

    /// Refuses a query that would cost too much.
    fn check(&self, document: &ExecutableDocument, variables: &Variables) -> ServerResult<()> {
        let weighed = weigh(document, variables, &self.shape).map_err(|refused| match refused {
            Refused::TooDeep => coded("query_too_deep", too_deep(self.depth, None)),
            Refused::TooMuch(message) => coded("query_too_complex", message),
            Refused::Wrong(message) => coded("bad_query", message),
        })?;
        for spent in weighed {
            if spent.depth > self.depth {
                return Err(coded("query_too_deep", too_deep(self.depth, Some(spent.depth))));
            }
            if spent.cost > self.cost {
                let message = format!(
                    "the query costs {} and the most that is taken is {}: ask for fewer fields, or for smaller pages \
                     (a page of {} costs as much as one of what it holds)",
                    spent.cost,
                    self.cost,
                    weigh::PAGE_UNIT
                );
                return Err(coded("query_too_complex", message));
            }
            if spent.schema > introspection::MAX_COST {
                let message = format!(
                    "the query asks for some {} values about the schema and the most that is taken is {}: ask for the \
                     schema once, and for less of it",
                    spent.schema,
                    introspection::MAX_COST
                );
                return Err(coded("query_too_complex", message));
            }
        }
        Ok(())
    }
}

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { shape: self.shape.clone(), ..*self })
    }
}

#[async_trait]
impl Extension for Limits {
    /// Comes first of all: whatever is asked by HTTP or a socket passes here before the library looks at it.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        text::check(&request.query, self.depth)?;
        let variables = std::mem::take(&mut request.variables);
        let document = request.parsed_query().map_err(unreadable)?;
        self.check(document, &variables)?;
        request.variables = variables;
        next.run(ctx, request).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(ctx, query, variables).await.map_err(|error| code(error, "bad_query"))
    }

    /// Each answer has a budget of its own, those of a subscription as well. What is read for it goes through the
    /// lane of the caller.
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut data = Data::default();
        data.insert(Budget::default());
        if let (Some(services), Some(caller)) = (ctx.data_opt::<Services>(), ctx.data_opt::<Caller>()) {
            data.insert(Whole::new(services, &caller.viewer.subject));
        }
        let answer = next.run_with_data(ctx, operation_name, data);
        match ctx.data_opt::<Caller>() {
            Some(caller) => lane::within(&caller.viewer.subject, answer).await,
            None => answer.await,
        }
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let faults = match next.run(ctx).await {
            Ok(result) => return Ok(result),
            Err(faults) => faults,
        };
        let left_out = faults.len().saturating_sub(MAX_FAULTS);
        let mut reported: Vec<_> = faults.into_iter().take(MAX_FAULTS).map(|error| code(error, "bad_query")).collect();
        if left_out > 0 {
            reported.push(coded("bad_query", format!("{left_out} more faults of this query are left out")));
        }
        Err(reported)
    }
}

/// Whether a request only reads. Its query is parsed, once for all: the schema takes what was parsed. A request that does
/// not say which of several operations it means does nothing.
///
/// # Errors
/// When it cannot be read.
pub(super) fn only_reads(request: &mut Request, limits: &config::Limits) -> Result<bool, ServerError> {
    text::check(&request.query, limits.depth)?;
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(unreadable)?;
    Ok(operation(document, name.as_deref()).is_none_or(|operation| operation.ty == OperationType::Query))
}

fn unreadable(mut error: ServerError) -> ServerError {
    if error.message.contains("recursion limit") {
        return coded(
            "query_too_deep",
            format!("the query is more than {MAX_RECURSION} levels deep; split it into several"),
        );
    }
    error.message = format!("the query cannot be read: {}", error.message.trim());
    code(error, "bad_query")
}
