//! Columns added to tables that already had rows, filled from the rest of the row.

use super::error::Error;
use super::sql::{Conn, Db, Row, Value, int};
use super::tables::triggers;

/// Rows filled in per commit.
const ROWS: usize = 100;

/// Fills in late columns that are empty: in rows from before the column existed, and in rows that an older server
/// wrote.
pub(super) async fn fill(db: &Db) -> Result<(), Error> {
    let sql = format!(
        "SELECT function, number, manifest FROM versions WHERE triggers IS NULL ORDER BY function, number LIMIT {ROWS}"
    );
    loop {
        let rows = db.fetch(&sql, &[]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut conn = db.acquire().await?;
        conn.execute("BEGIN", &[]).await?;
        let filled = fill_rows(&mut conn, &rows).await;
        let ended = conn.execute(if filled.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[]).await;
        filled?;
        ended?;
    }
}

async fn fill_rows(conn: &mut Conn, rows: &[Row]) -> Result<(), Error> {
    let sql = "UPDATE versions SET triggers = $3 WHERE function = $1 AND number = $2";
    for row in rows {
        let mut cells = row.cells();
        let (function, number, manifest) = (cells.text()?, cells.number()?, cells.str()?);
        let values = [Value::Text(function), int(number), Value::Text(triggers(manifest))];
        conn.execute(sql, &values).await?;
    }
    Ok(())
}
