//! Writes rows of a table over any connection.

use super::error::Error;
use super::sql::{self, Conn};
use super::table::{Cell, Table};
use super::{postgres, sqlite};

/// Inserts rows, cell by cell, many at a time.
pub(super) async fn insert(conn: &mut Conn, table: &'static Table, cells: Vec<Cell<'_>>) -> Result<(), Error> {
    if cells.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(conn) => sqlite::insert(conn, &mut Default::default(), table, cells).await,
        Conn::Postgres(conn) => postgres::insert(conn, table, &cells).await,
    }
    .map_err(sql::unavailable)
}
