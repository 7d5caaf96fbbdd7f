//! The parts of execution in the specification (sections 5.6, 6.1.2, 6.3 and 6.4) that the library lacks.
//!
//! The library executes fields concurrently, joins them in the order of the query, and propagates the failure of a
//! field to its parent, even if the field is nullable; that is corrected here. Here, too, values are checked and fields
//! merged before anything is executed, and every error gets a code.

mod answer;
mod merge;
mod operation;
mod types;
mod variables;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextRequest, NextResolve,
    NextSubscribe, NextValidation, ResolveInfo,
};
use async_graphql::parser::types::OperationType;
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Request, Response, ServerError, ServerResult, ValidationResult, Value,
};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;

use answer::Began;
pub(super) use answer::{Answer, execute, execute_stream};
pub(super) use types::Types;

use super::limits::code;
pub(super) use operation::operation;

/// How the library begins to say that a value does not fit.
const MISFIT: &str = "Invalid value for argument";

/// Bytes of the texts in one answer. A row is loaded once and paid for once, but a query may ask for its texts under many names.
const MAX_TEXTS: usize = 16 << 20;

/// The same of one message of a subscription. Messages wait in memory until their client reads them.
const MAX_TEXTS_OF_MESSAGE: usize = 4 << 20;

/// Bytes of the texts of all answers and messages that are being made; as values they take about three times as much. What is made and waits for its reader is counted where it waits.
const MAX_TEXTS_TOGETHER: usize = 256 << 20;

/// So many bytes of each answer are not counted: a small answer is made however many large ones there are.
const SMALL: usize = 256 << 10;

/// What is left for all of them.
static TOGETHER: AtomicUsize = AtomicUsize::new(MAX_TEXTS_TOGETHER);

/// Errors that are reported of fields that are null instead. A query may name thousands of them.
const MAX_ERRORS: usize = 1_000;

/// Bytes that a value takes in an answer beside its text.
const VALUE: usize = 32;

/// The rules of execution that the library does not know. One for each request.
pub(super) struct Execution {
    types: Arc<Types>,
    /// Bytes that the answer, or the current message, may still have.
    texts: AtomicUsize,
    /// Bytes that it has taken from [`TOGETHER`].
    taken: AtomicUsize,
    /// Whether there is a single answer: nothing can be followed by it.
    single: AtomicBool,
    /// What does not fit in the request: known before the query is validated, reported after.
    misfits: OnceLock<Vec<ServerError>>,
    /// Failures of fields that are null instead.
    nulled: Mutex<Vec<ServerError>>,
}

impl Execution {
    pub(super) fn new(types: Types) -> Self {
        Self::with(Arc::new(types))
    }

    fn with(types: Arc<Types>) -> Self {
        let texts = AtomicUsize::new(MAX_TEXTS_OF_MESSAGE);
        let taken = AtomicUsize::new(0);
        Self { types, texts, taken, single: AtomicBool::new(false), misfits: OnceLock::new(), nulled: Mutex::default() }
    }

    /// Takes from what the answer may have what a value of a field has: a payload with all that is in it, objects by their own
    /// fields.
    fn afford(&self, value: &Value, is_payload: bool) -> Result<(), &'static str> {
        let bytes = if is_payload { bytes_of(value) } else { bytes_of_leaf(value) };
        let Some(left) = take(&self.texts, bytes) else {
            return Err("the texts of this answer take too much memory: ask for fewer rows or texts at a time");
        };
        let before = self.most().saturating_sub(left);
        let counted = (before + bytes).saturating_sub(SMALL) - before.saturating_sub(SMALL);
        if take(&TOGETHER, counted).is_none() {
            return Err("too many large answers are being made at the same time: try again later");
        }
        self.taken.fetch_add(counted, Ordering::Relaxed);
        Ok(())
    }

    /// Bytes that the answer, or each message, may have.
    fn most(&self) -> usize {
        if self.single.load(Ordering::Relaxed) { MAX_TEXTS } else { MAX_TEXTS_OF_MESSAGE }
    }

    /// Gives back what the answer or message took.
    fn give_back(&self) {
        TOGETHER.fetch_add(self.taken.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// When an answer is complete, its worker writes it as text before it does anything else.
impl Drop for Execution {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Takes from what is left, and returns what that was; `None` if it is too little.
fn take(from: &AtomicUsize, bytes: usize) -> Option<usize> {
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).ok()
}

impl ExtensionFactory for Execution {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self::with(self.types.clone()))
    }
}

#[async_trait]
impl Extension for Execution {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        self.single.store(true, Ordering::Relaxed);
        // Refused by the library before anything was executed.
        with_codes(next.run(ctx).await, "bad_query")
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(ctx, stream).map(|response| with_codes(response, "bad_query")).boxed()
    }

    /// Comes after the query was weighed, and before it is validated.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let mut document = request.parsed_query()?.clone();
        merge::fold(&mut document, &self.types);
        if let Some(operation) = operation(&document, request.operation_name.as_deref()) {
            let mut misfits = variables::misfits(&self.types, &document, operation, &request.variables);
            if operation.ty == OperationType::Mutation {
                misfits.extend(merge::twice(&document, &operation.selection_set.node));
            }
            if operation.ty == OperationType::Subscription && self.single.load(Ordering::Relaxed) {
                let message = "a subscription has many answers: send it over a WebSocket";
                misfits.push(code(ServerError::new(message, None), "bad_query"));
            }
            // One request is prepared once.
            _ = self.misfits.set(misfits);
        }
        request.set_parsed_query(document);
        next.run(ctx, request).await
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await;
        let misfits = self.misfits.get().map(Vec::as_slice).unwrap_or_default();
        if misfits.is_empty() {
            return valid;
        }
        let mut faults: Vec<_> = misfits.iter().map(|misfit| code(misfit.clone(), "bad_input")).collect();
        // The library says the same of some of them, and does not say where in a variable.
        faults.extend(valid.err().into_iter().flatten().filter(|fault| !fault.message.starts_with(MISFIT)));
        Err(faults)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(began) = ctx.data_opt::<Began>() {
            began.set();
        }
        // Called for each message of a subscription.
        self.texts.store(self.most(), Ordering::Relaxed);
        let mut response = next.run(ctx, operation_name).await;
        response.errors.append(&mut self.nulled.lock());
        if !self.single.load(Ordering::Relaxed) {
            // The socket counts what waits for its reader.
            self.give_back();
        }
        // What a resolver refuses has a code: this is an argument that it could not read.
        with_codes(response, "bad_request")
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let (of, path, at) = (info.return_type, info.path_node, info.field.name.pos);
        let nullable = !of.ends_with('!');
        let is_int = of.trim_end_matches('!') == "Int";
        let is_payload = of.trim_end_matches('!') == "JSON";
        let result = match next.run(ctx, info).await {
            Ok(Some(Value::Number(number))) if is_int && !fits_int(&number) => {
                let message = format!("{number} is more than an `Int` holds, which has 32 bits");
                let mut error = ServerError::new(message, Some(at));
                error.path = path_of(path);
                Err(code(error, "int_overflow"))
            }
            Ok(Some(value)) => match self.afford(&value, is_payload) {
                Ok(()) => Ok(Some(value)),
                Err(message) => {
                    let mut error = ServerError::new(message, Some(at));
                    error.path = path_of(path);
                    Err(code(error, "answer_too_large"))
                }
            },
            result => result,
        };
        match result.map_err(|error| with_path(error, path)) {
            Err(error) if nullable => {
                let mut nulled = self.nulled.lock();
                if nulled.len() < MAX_ERRORS {
                    nulled.push(error);
                }
                Ok(Some(Value::Null))
            }
            result => result,
        }
    }
}

/// Gives every error a code that has none yet, and the path of the field that failed.
fn with_codes(mut response: Response, name: &str) -> Response {
    let whole = |mut error: ServerError| {
        if let Some(ErrorPath(path)) = error.source.as_ref().and_then(|source| source.downcast_ref()) {
            error.path = path.clone();
        }
        code(error, name)
    };
    response.errors = response.errors.into_iter().map(whole).collect();
    response
}

/// Where a field failed, kept with its error: the library gives it the path of each list that it passes through.
struct ErrorPath(Vec<PathSegment>);

fn with_path(mut error: ServerError, node: &QueryPathNode<'_>) -> ServerError {
    if !error.source.as_ref().is_some_and(|source| source.is::<ErrorPath>()) {
        let path = if error.path.is_empty() { path_of(node) } else { error.path.clone() };
        error.source = Some(Arc::new(ErrorPath(path)));
    }
    error
}

/// Bytes of a value without those of objects in it.
fn bytes_of_leaf(value: &Value) -> usize {
    match value {
        Value::String(text) => VALUE + text.len(),
        Value::Enum(name) => VALUE + name.len(),
        Value::Binary(bytes) => VALUE + bytes.len(),
        Value::List(items) => items.iter().map(bytes_of_leaf).sum(),
        Value::Null | Value::Number(_) | Value::Boolean(_) => VALUE,
        Value::Object(_) => 0,
    }
}

/// Bytes of a whole value. Payloads have a depth that is bounded.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(bytes_of).sum::<usize>() + VALUE,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + bytes_of(value)).sum::<usize>() + VALUE,
        leaf => bytes_of_leaf(leaf),
    }
}

fn fits_int(number: &async_graphql::Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn path_of(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path: Vec<_> = std::iter::once(node)
        .chain(node.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
            QueryPathSegment::Index(index) => PathSegment::Index(index),
        })
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
