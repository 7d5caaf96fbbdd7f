//! Storage of sealed secrets.

use super::columns::{self, SECRETS};
use super::error::Error;
use super::listing::Where;
use super::log::Log;
use super::sql::Value;
use super::table::Stored;
use super::tables::{SecretInfo, SecretRow};

impl Log {
    /// Secrets of a namespace by name, sorted; those that are not set are left out.
    pub async fn secrets(&self, namespace: &str, names: &[String]) -> Result<Vec<SecretRow>, Error> {
        let sql = format!(
            "SELECT {} FROM secrets WHERE namespace = $1 AND sealed IS NOT NULL AND {} ORDER BY name",
            SECRETS.names(""),
            self.reader.db.dialect().any("name", 2)
        );
        self.reader.select(&sql, &[Value::Text(namespace.into()), Value::Texts(names.to_vec())], SecretRow::read).await
    }

    /// The secrets set in these namespaces (`None`: in all), sorted by namespace and name.
    pub async fn secret_infos(&self, namespaces: Option<&[String]>) -> Result<Vec<SecretInfo>, Error> {
        let mut filter = Where::default();
        filter.and_always("sealed IS NOT NULL");
        if let Some(namespaces) = namespaces {
            filter.and_any(&self.reader.db, "namespace", namespaces);
        }
        let sql = format!("SELECT namespace, name, set_at FROM secrets {} ORDER BY namespace, name", filter.text());
        self.reader.select(&sql, &filter.values, columns::secret_info).await
    }

    /// The number of secrets sealed under each key, by the key's id.
    pub async fn secrets_by_key(&self) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT key_id, count(*) FROM secrets WHERE key_id IS NOT NULL GROUP BY key_id ORDER BY key_id";
        self.reader
            .select(sql, &[], |row| {
                let mut cells = row.cells();
                Ok((cells.text()?, cells.number()?))
            })
            .await
    }
}
