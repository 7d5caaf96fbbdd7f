//! Queries for functions.

use domain::manifest::Mode;
use domain::{function, trigger};

use super::columns;
use super::error::Error;
use super::listing::{Order, Where, check_kind};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::sql::{Value, int};
use super::table::{Stored, mode_name};
use super::tables::{FUNCTIONS, FunctionRow, RunningFunction};

/// A filter for functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionFilter {
    /// Only in these namespaces; `None` is all.
    pub namespaces: Option<Vec<String>>,
    /// Only in this state; `None` is every state but `Deregistered`.
    pub state: Option<function::Status>,
    /// Only names that contain this.
    pub search: Option<String>,
    /// Only those registered before this position of the log.
    pub registered_before: Option<u64>,
    /// Only those whose current version has this mode.
    pub mode: Option<Mode>,
    /// Only those whose current version has this runtime (`node`).
    pub runtime: Option<String>,
    /// Only those whose current version has a trigger of this kind.
    pub trigger: Option<trigger::index::Kind>,
    /// Only those whose current version has an event trigger with a pattern that matches this type. The trigger's
    /// filters are
    /// not evaluated.
    pub event_type: Option<String>,
    /// Only those whose newest build failed, or only the others.
    pub build_failed: Option<bool>,
    /// The order of the list.
    pub order: FunctionOrder,
    /// Reverses the order.
    pub descending: bool,
}

/// The order of a list of functions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FunctionOrder {
    /// Namespace and name.
    #[default]
    Name,
    /// State, then namespace and name.
    State,
    /// Time of their last change.
    Updated,
}

/// Starts a condition on a function's current version `v`.
const OF_CURRENT: &str =
    "EXISTS (SELECT 1 FROM versions v WHERE v.function = functions.id AND v.number = functions.current_version AND";

/// The state of a function's newest build, found by one index look-up.
const STATE_OF_NEWEST_BUILD: &str =
    "(SELECT b.state FROM builds b WHERE b.function = functions.id ORDER BY b.created_position DESC LIMIT 1)";

impl Log {
    /// A function by id.
    pub async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Error> {
        Ok(self.functions_by_id(&[id]).await?.pop())
    }

    /// Functions by id, in any order; unknown ids are left out.
    pub async fn functions_by_id(&self, ids: &[function::Id]) -> Result<Vec<FunctionRow>, Error> {
        self.reader.by_id(ids).await
    }

    /// The newest generation of a name, even if it is deregistered.
    pub async fn function_named(&self, namespace: &str, name: &str) -> Result<Option<FunctionRow>, Error> {
        let sql = format!(
            "SELECT {} FROM functions WHERE namespace = $1 AND name = $2 ORDER BY generation DESC LIMIT 1",
            FUNCTIONS.names("")
        );
        let values = [Value::Text(namespace.into()), Value::Text(name.into())];
        Ok(self.reader.select(&sql, &values, FunctionRow::read).await?.pop())
    }

    /// Which of these names are taken by functions of the namespace that are not deregistered.
    pub async fn names_taken(&self, namespace: &str, names: &[String]) -> Result<Vec<String>, Error> {
        let sql = format!(
            "SELECT DISTINCT name FROM functions WHERE namespace = $1 AND {} AND state <> 'DEREGISTERED' ORDER BY name",
            self.reader.db.dialect().any("name", 2)
        );
        let values = [Value::Text(namespace.into()), Value::Texts(names.to_vec())];
        self.reader.select(&sql, &values, |row| row.cells().text()).await
    }

    /// The functions of a namespace that are not deregistered and whose code comes from one of these sources; only one
    /// per
    /// source.
    pub async fn functions_from(
        &self,
        namespace: &str,
        sources: &[function::event::Source],
    ) -> Result<Vec<(function::event::Source, function::Id)>, Error> {
        let sql = format!(
            "SELECT source, min(id) AS id FROM functions WHERE namespace = $1 AND {} AND state <> 'DEREGISTERED' \
             GROUP BY source ORDER BY source",
            self.reader.db.dialect().any("source", 2)
        );
        let sources = sources.iter().map(|source| serde_json::to_string(source).expect("sources serialise")).collect();
        let values = [Value::Text(namespace.into()), Value::Texts(sources)];
        self.reader.select(&sql, &values, columns::source_of).await
    }

    /// A page of functions, sorted by namespace and name unless the filter says otherwise.
    pub async fn functions(&self, filter: &FunctionFilter, page: &PageRequest) -> Result<Page<FunctionRow>, Error> {
        let reader = &self.reader;
        let mut conditions = Where::default();
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&reader.db, "namespace", namespaces);
        }
        match filter.state {
            Some(state) => conditions.and("state = {}", Value::Text(state.name().into())),
            None => conditions.and_always("state <> 'DEREGISTERED'"),
        }
        if let Some(position) = filter.registered_before {
            conditions.and("created_position < {}", int(position));
        }
        if let Some(search) = &filter.search {
            // Names are in lower case.
            conditions.values.push(Value::Text(search.to_lowercase()));
            let contains = reader.db.dialect().contains("name", conditions.values.len());
            conditions.and_always(&contains);
        }
        if let Some(mode) = filter.mode {
            conditions.and("mode = {}", Value::Text(mode_name(mode).into()));
        }
        if let Some(runtime) = &filter.runtime {
            conditions.and("runtime = {}", Value::Text(runtime.clone()));
        }
        if let Some(kind) = filter.trigger {
            conditions.values.push(Value::Text(trigger::index::mark(kind).into()));
            let contains = reader.db.dialect().contains("v.triggers", conditions.values.len());
            conditions.and_always(&format!("{OF_CURRENT} {contains})"));
        }
        if let Some(kind) = &filter.event_type {
            check_kind(kind)?;
            let Some(listening) = trigger::index::listening(kind) else {
                let message = format!("the type has more than {} segments", trigger::index::MAX_SEGMENTS);
                return Err(Error::Unfit(message));
            };
            conditions.values.push(Value::Text(listening));
            let fits = reader.db.dialect().fits("v.triggers", conditions.values.len());
            conditions.and_always(&format!("{OF_CURRENT} {fits})"));
        }
        if let Some(failed) = filter.build_failed {
            let relation = if failed { "=" } else { "<>" };
            conditions.and_always(&format!("coalesce({STATE_OF_NEWEST_BUILD}, '') {relation} 'FAILED'"));
        }
        let order = match filter.order {
            FunctionOrder::Name => Order::BY_NAME,
            FunctionOrder::State => Order::BY_STATE,
            FunctionOrder::Updated => Order::BY_UPDATE,
        };
        let order = order.turned(filter.descending);
        reader.page(&FUNCTIONS, &FUNCTIONS.names(""), &order, conditions, page, FunctionRow::read).await
    }

    /// Every function that is RUNNING, with its current version.
    pub async fn running_functions(&self) -> Result<Vec<RunningFunction>, Error> {
        let sql =
            "SELECT id, namespace, name, current_version, traffic FROM functions WHERE state = 'RUNNING' ORDER BY id";
        self.reader
            .select(sql, &[], |row| {
                let mut cells = row.cells();
                Ok(RunningFunction {
                    id: cells.id()?,
                    namespace: cells.text()?,
                    name: cells.text()?,
                    current_version: cells.opt_number()?,
                    traffic: cells.json()?,
                })
            })
            .await
    }

    /// The namespaces that have functions or were created, sorted by name.
    pub async fn namespaces(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT namespace AS name FROM functions
                   UNION SELECT substr(stream, 11) FROM log
                   WHERE stream >= 'namespace-' AND stream < 'namespace.' AND version = 1 ORDER BY name";
        self.reader.select(sql, &[], |row| row.cells().text()).await
    }

    /// Which of these namespaces have functions, including deregistered ones.
    pub async fn namespaces_among(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let any = self.reader.db.dialect().any("namespace", 1);
        let sql = format!("SELECT DISTINCT namespace AS name FROM functions WHERE {any} ORDER BY name");
        self.reader.select(&sql, &[Value::Texts(names.to_vec())], |row| row.cells().text()).await
    }
}
