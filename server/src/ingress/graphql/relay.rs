//! Relay connections: pages with opaque cursors.

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, OutputType, TypeName};

use crate::operations::{Problem, Refusal};
use crate::store::page::{MAX_PAGE, not_ours};
use crate::store::{Page, PageRequest};

/// Rows of a page whose size nobody gave.
pub(super) const DEFAULT_PAGE: u32 = 20;

/// What is asked of a connection.
#[derive(Debug)]
pub(in crate::ingress) struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArguments {
    /// The page that it means. Without `first` and `last` it is one from the beginning; but where there is only `before`, it is
    /// the page that ends there.
    ///
    /// # Errors
    /// `page_too_large`, `bad_page`.
    pub(in crate::ingress) fn request(self) -> Result<PageRequest, Refusal> {
        let Self { first, after, last, before } = self;
        let request = match (first, last) {
            (Some(_), Some(_)) => {
                let message = "first and last are both given; give first (and after) for a page from the beginning, or last \
                               (and before) for one from the end";
                return Err(Problem::new("bad_page", message).at(["last"]).into());
            }
            (None, Some(last)) => PageRequest::last(size("last", last)?),
            (Some(first), None) => PageRequest::first(size("first", first)?),
            (None, None) if before.is_some() && after.is_none() => PageRequest::last(DEFAULT_PAGE),
            (None, None) => PageRequest::first(DEFAULT_PAGE),
        };
        Ok(request.after(after).before(before))
    }
}

/// The page that is asked for.
///
/// # Errors
/// `page_too_large`, `bad_page`.
pub(super) fn page(ctx: &Context<'_>, asked: PageArguments) -> Result<PageRequest, Refusal> {
    let request = asked.request()?;
    let far = if request.backward { "hasNextPage" } else { "hasPreviousPage" };
    let (counted, both_sides) =
        (ctx.look_ahead().field("totalCount").exists(), ctx.look_ahead().field("pageInfo").field(far).exists());
    Ok(PageRequest { counted, both_sides, ..request })
}

/// Whether a page is the newest row alone, and nothing is asked about those behind it: then the pages of many objects
/// are one question.
pub(super) fn is_newest_alone(ctx: &Context<'_>, request: &PageRequest) -> bool {
    let asked = |field| ctx.look_ahead().field(field).exists();
    *request == PageRequest::first(1) && !asked("pageInfo") && !asked("edges")
}

/// The page of the newest row alone.
pub(super) fn alone<T>(row: Option<T>) -> Page<T> {
    let rows = row.map(|row| (String::new(), row)).into_iter().collect();
    Page { rows, has_previous: false, has_next: false, total: 0 }
}

/// A page of what is in memory; its cursors are places in the list.
///
/// # Errors
/// `bad_page` for a cursor that is no place.
pub(super) fn in_memory<T>(rows: Vec<T>, request: &PageRequest) -> Result<Page<T>, Refusal> {
    let total = rows.len();
    let place = |cursor: &Option<String>| {
        let place = |cursor: &String| cursor.parse::<usize>().map_err(|_| not_ours(cursor));
        cursor.as_ref().map(place).transpose()
    };
    let start = place(&request.after)?.map_or(0, |place| place.saturating_add(1)).min(total);
    let end = place(&request.before)?.unwrap_or(total).clamp(start, total);
    let limit = (request.rows as usize).min(end - start);
    let (from, to) = if request.backward { (end - limit, end) } else { (start, start + limit) };
    let rows = rows.into_iter().enumerate().take(to).skip(from).map(|(place, row)| (place.to_string(), row)).collect();
    // As in the store: the cursor that a page does not begin at is where the list ends.
    let (has_previous, has_next) = if request.backward { (from > start, end < total) } else { (start > 0, to < end) };
    Ok(Page { rows, has_previous, has_next, total: total as u64 })
}

/// The size of a page of lines.
///
/// # Errors
/// `page_too_large`, `bad_page`.
pub(super) fn page_size(first: Option<i32>, default: u32) -> Result<u32, Refusal> {
    first.map_or(Ok(default), |first| size("first", first))
}

/// The size of a page, from the argument `name`.
fn size(name: &str, given: i32) -> Result<u32, Refusal> {
    match u32::try_from(given) {
        Ok(0) | Err(_) => {
            let message = format!("{name} is {given}; it must be 1 to {MAX_PAGE}");
            Err(Problem::new("bad_page", message).at([name]).into())
        }
        Ok(rows) if rows > MAX_PAGE => {
            let next = if name == "last" { "before: startCursor" } else { "after: endCursor" };
            let message = format!("{name} is {given}, the most that one page holds is {MAX_PAGE}; go on with {next}");
            Err(Problem::new("page_too_large", message).at([name]).into())
        }
        Ok(rows) => Ok(rows),
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
    /// The page of objects that a page of rows is.
    pub(super) fn of<R>(page: Page<R>, object: impl Fn(R) -> T) -> Self {
        let Page { rows, has_previous, has_next, total } = page;
        let edges = rows.into_iter().map(|(cursor, row)| Edge { cursor, node: object(row) }).collect();
        Self { edges, has_previous, has_next, total }
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

    /// How to continue.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }

    /// The total number of rows on all pages.
    async fn total_count(&self) -> u64 {
        self.total
    }
}

/// A row of a page.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// Opaque; pass it as `after` to get the rows that follow, as `before` for those that precede.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}
