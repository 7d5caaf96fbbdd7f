//! Reads pages of lists.

use super::error::Error;
use super::listing::{Bounded, Order, PAYLOADS, Side, Where};
use super::page::{self, Page, PageRequest};
use super::reader::Reader;
use super::sql::Row;
use super::table::Table;

impl Reader {
    /// A page of the matching rows of a table.
    pub async fn page<T>(
        &self,
        table: &Table,
        names: &str,
        order: &Order,
        filter: Where,
        request: &PageRequest,
        decode: fn(&Row) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let mut within = filter.clone();
        for (cursor, side) in [(&request.after, Side::After), (&request.before, Side::Before)] {
            if let Some(cursor) = cursor {
                order.bound(&mut within, cursor, side, false)?;
            }
        }
        let total = if request.counted { self.count(table, &filter).await? } else { 0 };
        let direction = if order.descending != request.backward { "DESC" } else { "ASC" };
        let columns: Vec<_> = order.keys.iter().map(|key| (key.column(), direction)).collect();
        let (limit, conditions) = ((request.limit() + 1).to_string(), within.text());
        let payload = PAYLOADS.iter().find(|(name, _)| *name == table.name);
        let sql = match payload {
            Some((_, payload)) => {
                let keys: Vec<_> = (0..columns.len()).map(|index| format!("page_order{index}")).collect();
                let page = Bounded {
                    table: table.name,
                    names,
                    filter: &conditions,
                    key: if table.key.is_empty() { &["position"] } else { table.key },
                    order: &columns,
                    limit: &limit,
                    payload,
                    bytes: page::MAX_PAGE_BYTES,
                };
                page.sql(&format!(", page_rows, {}", keys.join(", ")))
            }
            None => {
                let keys: Vec<_> = columns.iter().map(|(column, _)| format!("{column} AS page_key_{column}")).collect();
                let by = order.text(request.backward);
                format!(
                    "SELECT {names}, {} FROM {} {conditions} ORDER BY {by} LIMIT {limit}",
                    keys.join(", "),
                    table.name
                )
            }
        };
        let (mut rows, mut found) = (Vec::with_capacity(request.limit() + 1), 0usize);
        for row in self.db.fetch(&sql, &within.values).await? {
            if payload.is_some() {
                found = row.last_cells(order.keys.len() + 1).number()?;
            }
            rows.push((order.cursor(&row)?, decode(&row)?));
        }
        let more = found > rows.len();
        let across = request.both_sides && self.is_across(table, order, filter, request).await?;
        Ok(Page::of(rows, request, more, across, total))
    }

    /// Whether rows that fit are on the other side of the cursor that a page begins at, the cursor's own row among them: it
    /// may be gone by now.
    async fn is_across(
        &self,
        table: &Table,
        order: &Order,
        mut filter: Where,
        request: &PageRequest,
    ) -> Result<bool, Error> {
        let Some(cursor) = request.near() else { return Ok(false) };
        let side = if request.backward { Side::After } else { Side::Before };
        order.bound(&mut filter, cursor, side, true)?;
        let sql = format!(
            "SELECT {} FROM {} {} ORDER BY {} LIMIT 1",
            order.keys[0].column(),
            table.name,
            filter.text(),
            order.text(!request.backward)
        );
        Ok(!self.db.fetch(&sql, &filter.values).await?.is_empty())
    }
}
