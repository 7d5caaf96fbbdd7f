//! Lists as SQL: conditions, orders, and keyset pagination, so that new rows do not shift pages.

use super::columns;
use super::error::Error;
use super::page;
use super::sql::{Db, Row, Value, int};

/// The columns that hold payloads, by table.
pub(super) const PAYLOADS: [(&str, &str); 4] =
    [("log", "data"), ("functions", "manifest"), ("versions", "manifest"), ("builds", "manifest")];

/// Rows of a table in the order of some columns, up to a total size of their payloads.
///
/// The rows are chosen by their sizes alone: if the database sorted rows with their payloads, it would read gigabytes
/// to return one megabyte.
pub(super) struct Bounded<'a> {
    pub table: &'a str,
    /// The columns that are read.
    pub names: &'a str,
    /// Which rows: `WHERE …`, or nothing.
    pub filter: &'a str,
    /// Columns that identify a row by an index.
    pub key: &'a [&'a str],
    /// The columns that sort the rows, with `ASC` or `DESC`.
    pub order: &'a [(&'a str, &'a str)],
    /// The most rows: a number or a parameter.
    pub limit: &'a str,
    /// The column whose size counts.
    pub payload: &'a str,
    /// The most bytes; the first row is returned whatever its size.
    pub bytes: usize,
}

impl<'a> Bounded<'a> {
    /// Records or lines by position.
    pub fn by_position(table: &'a str, names: &'a str, filter: &'a str, limit: &'a str) -> Self {
        let payload = if table == columns::LINES.name { "text" } else { "data" };
        let (key, order) = (&["position"], &[("position", "ASC")]);
        Self { table, names, filter, key, order, limit, payload, bytes: page::MAX_PAGE_BYTES }
    }

    /// The query. It also has the columns `page_rows` (how many rows match the filter and the limit), and `page_order0`
    /// and so
    /// on, for callers that select by `and`.
    pub fn sql(&self, and: &str) -> String {
        let Self { table, names, filter, key, order, limit, payload, bytes } = self;
        let list = |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(", ");
        let keys = list(&mut (0..key.len()).map(|n| format!("page_key{n}")));
        let orders = list(&mut (0..order.len()).map(|n| format!("page_order{n}")));
        let found = list(&mut key.iter().enumerate().map(|(n, column)| format!("{column} AS page_key{n}")));
        let ordered = list(&mut order.iter().enumerate().map(|(n, (column, _))| format!("{column} AS page_order{n}")));
        let inner = list(&mut order.iter().map(|(column, direction)| format!("{column} {direction}")));
        let outer = list(&mut order.iter().enumerate().map(|(n, (_, direction))| format!("page_order{n} {direction}")));
        let same: Vec<_> =
            key.iter().enumerate().map(|(n, column)| format!("{table}.{column} = page.page_key{n}")).collect();
        format!(
            "SELECT {names}{and} FROM (SELECT {keys}, {orders}, page_rows FROM (SELECT {keys}, {orders}, count(*) OVER () AS page_rows, \
             sum(payload_bytes) OVER (ORDER BY {outer} ROWS UNBOUNDED PRECEDING) - payload_bytes AS bytes_before \
             FROM (SELECT {found}, {ordered}, coalesce(octet_length({payload}), 0) AS payload_bytes FROM {table} {filter} \
             ORDER BY {inner} LIMIT {limit}) AS sizes) AS sums WHERE bytes_before < {bytes}) AS page \
             JOIN {table} ON {} ORDER BY {outer}",
            same.join(" AND ")
        )
    }
}

/// Conditions of a query with their values.
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

/// The order of a list, by columns that are unique together.
pub(super) struct Order {
    pub keys: &'static [Key],
    pub descending: bool,
}

/// A column of the order.
pub(super) enum Key {
    /// A number that is never negative.
    Number(&'static str),
    /// A text without line breaks.
    Text(&'static str),
}

/// The rows on one side of a cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    After,
    Before,
}

impl Key {
    pub fn column(&self) -> &'static str {
        match self {
            Self::Number(column) | Self::Text(column) => column,
        }
    }
}

impl Order {
    /// Functions, by namespace and name.
    pub const BY_NAME: Self =
        Self { keys: &[Key::Text("namespace"), Key::Text("name"), Key::Number("generation")], descending: false };
    /// Functions by state.
    pub const BY_STATE: Self = Self {
        keys: &[Key::Text("state"), Key::Text("namespace"), Key::Text("name"), Key::Number("generation")],
        descending: false,
    };
    /// Functions by the time when something last happened to them.
    pub const BY_UPDATE: Self =
        Self { keys: &[Key::Number("updated_at"), Key::Number("created_position")], descending: false };
    /// By position in the log.
    pub const OLDEST_FIRST: Self = Self { keys: &[Key::Number("position")], descending: false };
    /// By position in the log, newest first.
    pub const NEWEST_FIRST: Self = Self { keys: &[Key::Number("position")], descending: true };
    /// By the position in the log where it was created, newest first.
    pub const NEWEST_CREATED_FIRST: Self = Self { keys: &[Key::Number("created_position")], descending: true };
    /// Versions of one function.
    pub const HIGHEST_NUMBER_FIRST: Self = Self { keys: &[Key::Number("number")], descending: true };

    /// The same order, reversed if `around`.
    pub fn turned(self, around: bool) -> Self {
        Self { descending: self.descending != around, ..self }
    }

    /// The columns with their direction.
    pub fn text(&self, backward: bool) -> String {
        let direction = if self.descending != backward { "DESC" } else { "ASC" };
        let columns = self.keys.iter().map(|key| format!("{} {direction}", key.column()));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Adds the condition that rows are on one side of a cursor. `with`: including the cursor's own row.
    pub fn bound(&self, filter: &mut Where, cursor: &str, side: Side, with: bool) -> Result<(), Error> {
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
    pub fn cursor(&self, row: &Row) -> Result<String, Error> {
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

/// The longest type, or pattern of types, that can be searched, in bytes. No event's type is longer, and a pattern
/// becomes
/// a regular expression, whose length databases limit.
const MAX_KIND: usize = 1024;

pub(super) fn check_kind(kind: &str) -> Result<(), Error> {
    if kind.len() > MAX_KIND {
        let message = format!("the type has {} bytes, and none has more than {MAX_KIND}", kind.len());
        return Err(Error::Unfit(message));
    }
    Ok(())
}
