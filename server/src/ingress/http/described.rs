//! Parts of the API description that no type of a route expresses.

use utoipa::{IntoParams, ToSchema};

/// What functions and namespaces may be called: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and
/// not ending with a hyphen.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[a-z]([a-z0-9-]*[a-z0-9])?$", min_length = 1, max_length = 63)]
#[allow(dead_code)] // only described
pub(super) struct Name(String);

/// Bytes of any kind.
#[derive(ToSchema)]
#[schema(as = Bytes, value_type = String, format = Binary)]
#[allow(dead_code)] // only described
pub(super) struct AnyBytes(Vec<u8>);

/// The header by which a request says its namespace.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // only described
pub(super) struct NamespaceHeader {
    /// The namespace, if the query does not name one.
    #[param(rename = "X-Namespace", value_type = Option<Name>)]
    namespace: Option<String>,
}

/// An event of CloudEvents 1.0 in the JSON format; `overlay.json` has the whole of it.
#[derive(ToSchema)]
#[schema(as = CloudEvent)]
#[allow(dead_code)] // only described
pub(super) struct CloudEventBody {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
}
