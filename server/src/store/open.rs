//! Opens a log: database, committer, rings.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::agreement::{FORMAT, OLDEST_READER};
use super::away::Away;
use super::committer::{Committer, Inbox, QUEUE};
use super::error::Error;
use super::log::{Commits, Log};
use super::reader::Reader;
use super::ring::{Limit, Ring};
use super::sql::{Db, Value};
use super::stats::Stats;
use super::writer::Writer;
use super::{late, postgres, sqlite};

/// Records kept in memory for followers.
const RECORDS: Limit = Limit { items: 65_536, bytes: 32 << 20 };

/// Lines kept in memory for followers.
const LINES: Limit = Limit { items: 16_384, bytes: 8 << 20 };

/// The most requests for lines that wait.
const LINE_QUEUE: usize = 256;

/// Opens a log for appends.
pub(super) async fn writing(url: Option<&str>, data_dir: &Path) -> Result<Arc<Log>, Error> {
    let stats = Arc::new(Stats::default());
    let wake = Arc::new(Notify::new());
    let (db, beside, writer, description, file) = match url {
        Some(url) => {
            let options = postgres::options(url)?;
            let version = postgres::migrate(&options, true).await?;
            let description = format!("PostgreSQL {version} at {}", postgres::place(&options));
            let away = Away::default();
            let writer = postgres::Writer::new(options.clone(), away.clone());
            let leases = Db::Postgres(postgres::leases(options.clone()), Away::default());
            let beside = (leases, Some(postgres::sweeper(options.clone())));
            (
                Db::Postgres(postgres::readers(options, postgres::READ_STATEMENT), away),
                beside,
                Writer::Postgres(Box::new(writer)),
                description,
                None,
            )
        }
        None => {
            let lock = sqlite::lock(data_dir).await?;
            let file = data_dir.join(sqlite::FILE);
            sqlite::migrate(&file).await?;
            let writer = sqlite::Writer::new(file.clone(), lock);
            let db = Db::Sqlite(sqlite::readers(&file).await?, Away::default());
            let description = describe_sqlite(&db, &file).await?;
            (db.clone(), (db, None), Writer::Sqlite(Box::new(writer)), description, Some(file))
        }
    };
    check_format(&db, &description).await?;
    let reader = reader(db, stats.clone());
    let (requests, request_inbox) = mpsc::channel(QUEUE);
    let (lines, line_inbox) = mpsc::channel(LINE_QUEUE);
    let inbox = Inbox { requests: request_inbox, lines: line_inbox, wake: wake.clone() };
    let mut committer = Committer::new(writer, inbox, reader.records.clone(), reader.lines.clone(), stats);
    committer.start().await?;
    let mut tasks = Vec::new();
    if let Db::Postgres(pool, away) = &reader.db {
        let node = Uuid::now_v7();
        let heads = [reader.records.watch(), reader.lines.watch()];
        tasks.push(tokio::spawn(postgres::notify(pool.clone(), node, heads)));
        tasks.push(tokio::spawn(postgres::listen(pool.clone(), node, wake, away.clone())));
    }
    let (leases, sweeper) = beside;
    // Not among the aborted tasks: it ends once it has written everything it was given.
    tokio::spawn(committer.run());
    let log = Log {
        reader,
        description,
        commits: Some(Commits { requests, lines }),
        file,
        leases,
        sweeper,
        swept: Mutex::default(),
        seal_key: OnceLock::new(),
        tasks,
    };
    late::fill(&log.writing().await?).await?;
    Ok(Arc::new(log))
}

/// Opens a log for reading only.
pub(super) async fn reading(url: Option<&str>, data_dir: &Path) -> Result<Arc<Log>, Error> {
    let (db, description) = match url {
        Some(url) => {
            let options = postgres::options(url)?;
            let version = postgres::migrate(&options, false).await?;
            let description = format!("PostgreSQL {version} at {}", postgres::place(&options));
            (Db::Postgres(postgres::readers(options, postgres::READ_STATEMENT), Away::default()), description)
        }
        None => {
            let file = data_dir.join(sqlite::FILE);
            if !file.exists() {
                return Err(Error::Unavailable(format!("there is no event log at {}", file.display())));
            }
            let db = Db::Sqlite(sqlite::readers(&file).await?, Away::default());
            let description = describe_sqlite(&db, &file).await?;
            (db, description)
        }
    };
    check_format(&db, &description).await?;
    let reader = reader(db, Arc::new(Stats::default()));
    let leases = reader.db.clone();
    Ok(Arc::new(Log {
        reader,
        description,
        commits: None,
        file: None,
        leases,
        sweeper: None,
        swept: Mutex::default(),
        seal_key: OnceLock::new(),
        tasks: Vec::new(),
    }))
}

/// Refuses a database in which newer servers have written something that this one would mishandle.
async fn check_format(db: &Db, description: &str) -> Result<(), Error> {
    let name = [Value::Text(OLDEST_READER.into())];
    let rows = db.fetch("SELECT value FROM installation WHERE name = $1", &name).await?;
    let needed = rows.first().map(|row| row.cells().text()).transpose()?;
    let needed: u32 = needed.and_then(|text| text.parse().ok()).unwrap_or_default();
    if needed <= FORMAT {
        return Ok(());
    }
    let version = env!("CARGO_PKG_VERSION");
    Err(Error::Newer(format!(
        "a newer EventFlow has written to {description}: what is there needs format {needed}, and this program (version \
         {version}) reads up to format {FORMAT}. Install the newer program, or restore the backup from before the upgrade into \
         another database"
    )))
}

fn reader(db: Db, stats: Arc<Stats>) -> Arc<Reader> {
    let (records, lines) = (Arc::new(Ring::new(RECORDS, stats.clone())), Arc::new(Ring::new(LINES, stats.clone())));
    Arc::new(Reader { db, records, lines, stats, cut: AtomicU64::new(0) })
}

async fn describe_sqlite(db: &Db, file: &Path) -> Result<String, Error> {
    let rows = db.fetch("SELECT sqlite_version()", &[]).await?;
    let version = rows.first().map(|row| row.cells().text()).transpose()?.unwrap_or_default();
    Ok(format!("SQLite {version} at {}", file.display()))
}
