//! Relay connections: pages with opaque cursors.

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, OutputType, TypeName};

use crate::ingress::error::{Problem, Refusal};
use crate::store::page::MAX_PAGE;
use crate::store::{Page, PageRequest};

/// Rows of a page whose size nobody gave.
pub(in crate::ingress) const DEFAULT_PAGE: u32 = 20;

/// The page that is asked for.
///
/// # Errors
/// `page_too_large`, `bad_page`.
pub(super) fn page(ctx: &Context<'_>, first: Option<i32>, after: Option<String>) -> Result<PageRequest, Refusal> {
    let counted = ctx.look_ahead().field("totalCount").exists();
    Ok(PageRequest { counted, first: size(first, DEFAULT_PAGE)?, after })
}

/// Whether a page is the newest row alone, and nothing is asked about those behind it: then the pages of many objects
/// are one question.
pub(super) fn is_newest_alone(ctx: &Context<'_>, request: &PageRequest) -> bool {
    let asked = |field| ctx.look_ahead().field(field).exists();
    request.first == 1 && request.after.is_none() && !request.counted && !asked("pageInfo") && !asked("edges")
}

/// The page of the newest row alone.
pub(super) fn alone<T>(row: Option<T>) -> Page<T> {
    Page { rows: row.map(|row| (String::new(), row)).into_iter().collect(), has_next: false, total: 0 }
}

/// The size of a page.
///
/// # Errors
/// `page_too_large`, `bad_page`.
pub(in crate::ingress) fn size(first: Option<i32>, default: u32) -> Result<u32, Refusal> {
    let Some(first) = first else { return Ok(default) };
    match u32::try_from(first) {
        Ok(0) | Err(_) => {
            Err(Problem::new("bad_page", format!("first is {first}; it must be 1 to {MAX_PAGE}")).at(["first"]).into())
        }
        Ok(first) if first > MAX_PAGE => {
            let message =
                format!("first is {first}, the most that one page holds is {MAX_PAGE}; go on with after: endCursor");
            Err(Problem::new("page_too_large", message).at(["first"]).into())
        }
        Ok(first) => Ok(first),
    }
}

/// A page of `T`.
pub(super) struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_previous: bool,
    has_next: bool,
    total: u64,
}

/// One row of a page, with its cursor.
pub(super) struct Edge<T> {
    cursor: String,
    node: T,
}

impl<T> Connection<T> {
    /// The page of objects that a page of rows is. `request` is what was asked for.
    pub(super) fn of<R>(page: Page<R>, request: &PageRequest, object: impl Fn(R) -> T) -> Self {
        let edges = page.rows.into_iter().map(|(cursor, row)| Edge { cursor, node: object(row) }).collect();
        Self { edges, has_previous: request.after.is_some(), has_next: page.has_next, total: page.total }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The rows, without their cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// The rows, with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// How to go on.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }

    /// Rows on all pages together.
    async fn total_count(&self) -> u64 {
        self.total
    }
}

/// A row of a page.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// Opaque; as `after` it asks for what follows.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}
