//! Pages of a listing, found by the keys of their rows: what comes in between moves no page.

use super::Error;
use super::columns::Table;
use super::log::{Inner, int};
use super::page::{self, Page, PageRequest};
use super::sql::{Db, Row, Value};

/// The columns that hold payloads, by table.
const PAYLOADS: [(&str, &str); 4] =
    [("log", "data"), ("functions", "manifest"), ("versions", "manifest"), ("builds", "manifest")];

/// The rows of `page`, which are in the order `order`, without those that come after [`page::MAX_PAGE_BYTES`] of the column
/// `payload`.
pub(super) fn within_bytes(page: &str, order: &str, payload: &str) -> String {
    format!(
        "SELECT * FROM (SELECT page.*, count(*) OVER () AS page_rows, sum(octet_length({payload})) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) \
         - coalesce(octet_length({payload}), 0) AS bytes_before FROM ({page}) AS page) AS pages \
         WHERE coalesce(bytes_before, 0) < {} ORDER BY {order}",
        page::MAX_PAGE_BYTES
    )
}

/// Conditions of a query and the values that they compare with.
#[derive(Clone, Default)]
pub(super) struct Where {
    pub conditions: Vec<String>,
    pub values: Vec<Value>,
}

impl Where {
    /// Adds a condition on one value; `{}` stands for its parameter.
    pub fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.conditions.push(condition.replace("{}", &format!("${}", self.values.len())));
    }

    /// Adds a condition without a value.
    pub fn and_always(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    pub fn and_any(&mut self, db: &Db, column: &str, texts: &[String]) {
        self.values.push(Value::Texts(texts.to_vec()));
        self.conditions.push(db.dialect().any(column, self.values.len()));
    }

    pub fn text(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

/// The order of a listing: by columns that no two rows have in common.
pub(super) struct Order {
    keys: &'static [Key],
    descending: bool,
}

/// A column that a listing is in the order of.
enum Key {
    /// A number that is never negative.
    Number(&'static str),
    /// A text without line breaks.
    Text(&'static str),
}

/// Which rows a cursor leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    After,
    Before,
}

impl Key {
    fn column(&self) -> &'static str {
        match self {
            Self::Number(column) | Self::Text(column) => column,
        }
    }
}

impl Order {
    /// Functions, by namespace and name.
    pub const BY_NAME: Self =
        Self { keys: &[Key::Text("namespace"), Key::Text("name"), Key::Number("generation")], descending: false };
    /// By position in the log.
    pub const OLDEST_FIRST: Self = Self { keys: &[Key::Number("position")], descending: false };
    /// The other way around.
    pub const NEWEST_FIRST: Self = Self { keys: &[Key::Number("position")], descending: true };
    /// By the position in the log where something began.
    pub const NEWEST_CREATED_FIRST: Self = Self { keys: &[Key::Number("created_position")], descending: true };
    /// Versions of one function.
    pub const HIGHEST_NUMBER_FIRST: Self = Self { keys: &[Key::Number("number")], descending: true };

    /// The columns with their direction; `names` are what the columns are called.
    fn text(&self, backward: bool, names: impl Fn(usize, &Key) -> String) -> String {
        let direction = if self.descending != backward { "DESC" } else { "ASC" };
        let columns = self.keys.iter().enumerate().map(|(index, key)| format!("{} {direction}", names(index, key)));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Adds the condition that rows are on one side of a cursor. `with`: the cursor's own row may be among them.
    fn bound(&self, filter: &mut Where, cursor: &str, side: Side, with: bool) -> Result<(), Error> {
        let key = page::key(cursor)?;
        let parts: Vec<_> = key.split('\n').collect();
        if parts.len() != self.keys.len() {
            return Err(page::not_ours(cursor));
        }
        let mut parameters = Vec::with_capacity(parts.len());
        for (part, key) in parts.into_iter().zip(self.keys) {
            filter.values.push(match key {
                Key::Number(_) => int(part.parse().map_err(|_| page::not_ours(cursor))?),
                Key::Text(_) => Value::Text(part.to_owned()),
            });
            parameters.push(format!("${}", filter.values.len()));
        }
        let columns: Vec<_> = self.keys.iter().map(Key::column).collect();
        let relation = if (side == Side::After) != self.descending { ">" } else { "<" };
        let equal = if with { "=" } else { "" };
        filter.conditions.push(match columns.as_slice() {
            [column] => format!("{column} {relation}{equal} {}", parameters[0]),
            _ => format!("({}) {relation}{equal} ({})", columns.join(", "), parameters.join(", ")),
        });
        Ok(())
    }

    /// The cursor of a row whose last cells are its keys.
    fn cursor(&self, row: &Row) -> Result<String, Error> {
        let mut cells = row.last_cells(self.keys.len());
        let mut parts = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            parts.push(match key {
                Key::Number(_) => cells.number::<u64>()?.to_string(),
                Key::Text(_) => cells.text()?,
            });
        }
        Ok(page::cursor(&parts.join("\n")))
    }
}

impl Inner {
    /// A page of the rows of a table that fit.
    pub(super) async fn page<T>(
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
        let keys: Vec<_> =
            order.keys.iter().enumerate().map(|(index, key)| format!("{} AS page_key{index}", key.column())).collect();
        let mut sql = format!(
            "SELECT {names}, {} FROM {} {} ORDER BY {} LIMIT {}",
            keys.join(", "),
            table.name,
            within.text(),
            order.text(request.backward, |_, key| key.column().to_owned()),
            request.limit() + 1
        );
        let payload = PAYLOADS.iter().find(|(name, _)| *name == table.name);
        if let Some((_, payload)) = payload {
            let by = order.text(request.backward, |index, _| format!("page_key{index}"));
            let whole = within_bytes(&sql, &by, payload);
            let keys: Vec<_> = (0..order.keys.len()).map(|index| format!("page_key{index}")).collect();
            sql = format!("SELECT {names}, page_rows, {} FROM ({whole}) AS whole ORDER BY {by}", keys.join(", "));
        }
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
            order.text(!request.backward, |_, key| key.column().to_owned())
        );
        Ok(!self.db.fetch(&sql, &filter.values).await?.is_empty())
    }
}
