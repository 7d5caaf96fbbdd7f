//! The migrations of both databases, as they were when the server was compiled (`build.rs` lists them).
//!
//! sqlx applies them and remembers each by its version and the digest of its text: a file that was once released never
//! changes, or every database that has it is refused.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Names of files, without `.sql`, and what they say.
type Files = &'static [(&'static str, &'static str)];

const POSTGRES: Files = include!(concat!(env!("OUT_DIR"), "/postgres.rs"));
const SQLITE: Files = include!(concat!(env!("OUT_DIR"), "/sqlite.rs"));

/// Brings a PostgreSQL database up to date.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// Brings an SQLite database up to date.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

fn migrator(files: Files) -> Migrator {
    let mut migrator = Migrator::with_migrations(files.iter().map(|(name, text)| migration(name, text)).collect());
    // Those of newer servers: `OLDEST_READER` has which of them an older one cannot live with.
    migrator.set_ignore_missing(true);
    migrator
}

/// Reads a file as sqlx reads one in a folder: `0012_log_readable` is version 12, "log readable".
fn migration(name: &'static str, text: &'static str) -> Migration {
    let (version, description) = name.split_once('_').unwrap_or((name, ""));
    let version = version.parse().expect("a migration's name begins with its version, as a test says");
    // PostgreSQL makes and drops some indexes outside of transactions only.
    let is_outside_transactions = text.starts_with("-- no-transaction");
    let description = Cow::Owned(description.replace('_', " "));
    Migration::new(version, description, MigrationType::Simple, SqlStr::from_static(text), is_outside_transactions)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// All that a database remembers of them, and what is done.
    fn contents(migrator: &Migrator) -> Vec<impl PartialEq + std::fmt::Debug> {
        let content = |one: &Migration| {
            let sql = one.sql.as_str().to_owned();
            (one.version, one.description.clone(), one.migration_type, one.checksum.clone(), sql, one.no_tx)
        };
        migrator.iter().map(content).collect()
    }

    /// Databases remember what sqlx itself made of the files.
    #[tokio::test]
    async fn the_migrations_are_those_that_sqlx_finds_in_the_folders() {
        for (folder, ours) in [("../migrations/postgres", postgres()), ("../migrations/sqlite", sqlite())] {
            let theirs = Migrator::new(Path::new(folder)).await.unwrap();
            assert_eq!(contents(&ours), contents(&theirs), "{folder}");
        }
    }

    /// Two files of one version would be one to a database.
    #[test]
    fn each_version_is_there_once() {
        for migrator in [postgres(), sqlite()] {
            let versions: Vec<i64> = migrator.iter().map(|migration| migration.version).collect();
            assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        }
    }
}
