//! Selects the operation of a document.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};

/// The operation that a request asks for; `None` when it does not say which, or one that is not there: the library
/// refuses it.
pub(in crate::ingress::graphql) fn operation<'q>(
    document: &'q ExecutableDocument,
    name: Option<&str>,
) -> Option<&'q OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => Some(&operations.get(name)?.node),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next().map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(_), None) => None,
    }
}
