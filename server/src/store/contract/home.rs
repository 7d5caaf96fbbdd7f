//! A database of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tempfile::TempDir;
use uuid::Uuid;

use crate::store::{Log, Store, open};

/// No test waits longer for anything.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Where a test's log lives.
pub struct Home {
    folder: TempDir,
    url: Option<String>,
}

impl Home {
    /// An empty folder.
    pub fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None }
    }

    /// An empty database on the server that `TEST_POSTGRES_URL` names.
    pub async fn postgres() -> Self {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            panic!("TEST_POSTGRES_URL is not set: run through `make test` or scripts/with-postgres");
        };
        let options: PgConnectOptions = server.parse().expect("TEST_POSTGRES_URL is a PostgreSQL URL");
        let name = format!("test_{}", Uuid::now_v7().simple());
        let mut admin = options.connect().await.expect("the server that TEST_POSTGRES_URL names answers");
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let url = with_database(&server, &name);
        Self { folder: tempfile::tempdir().unwrap(), url: Some(url) }
    }

    pub fn at(url: String) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: Some(url) }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.is_some()
    }

    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join(crate::store::sqlite::FILE)
    }

    pub(in crate::store) async fn log(&self) -> Arc<Log> {
        open::writing(self.url(), self.folder()).await.unwrap()
    }

    pub async fn open(&self) -> Store {
        self.log().await
    }

    /// Changes the database behind the store's back.
    pub async fn tamper(&self, sql: &str) {
        let changed = match self.url() {
            Some(url) => {
                let options: PgConnectOptions = url.parse().unwrap();
                let mut conn = options.connect().await.unwrap();
                conn.execute(AssertSqlSafe(sql.to_owned())).await.unwrap().rows_affected()
            }
            None => {
                let options = SqliteConnectOptions::new().filename(self.file()).busy_timeout(DEADLINE);
                let mut conn = options.connect().await.unwrap();
                let changed = conn.execute(AssertSqlSafe(sql.to_owned())).await.unwrap().rows_affected();
                conn.close().await.unwrap();
                changed
            }
        };
        assert_eq!(changed, 1, "{sql}");
    }
}

fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, ""), |(base, query)| (base, query));
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    let host = base[after_scheme..].find('/').map_or(base, |at| &base[..after_scheme + at]);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{host}/{name}{query}")
}

/// Waits until something is so.
pub async fn until<F, Fut>(what: &str, mut is_so: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A future that must come to its end in time.
pub async fn soon<T>(what: &str, doing: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, doing).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}
