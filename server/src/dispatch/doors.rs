//! Whether a version may have the callers and the paths that its http triggers name.

use domain::doors::Table;
use domain::function::Id;
use domain::manifest::{HttpAuth, Manifest};
use domain::recorded::Fact;

use crate::config::Namespaces;
use crate::store::{self, Store};

/// Records of functions read at a time.
const PAGE: u32 = 4096;

/// Why a version of a function is refused, for people; `None` when it is not.
///
/// # Errors
/// When the log is away.
pub(super) async fn refusal(
    store: &Store,
    public: &Namespaces,
    id: Id,
    namespace: &str,
    manifest: &Manifest,
) -> Result<Option<String>, store::Error> {
    let wish = manifest.http_triggers().find_map(|http| match &http.path {
        Some(path) => Some(format!("the path `{path}`")),
        None => (http.auth == HttpAuth::None).then(|| "`\"auth\": \"none\"`".to_owned()),
    });
    let Some(wish) = wish else { return Ok(None) };
    if !public.contain(namespace) {
        return Ok(Some(format!(
            "its http trigger asks for {wish}, which the namespace `{namespace}` does not allow: the server's owner names \
             the namespaces that do in EVENTFLOW_PUBLIC_FUNCTIONS"
        )));
    }
    if manifest.http_triggers().all(|http| http.path.is_none()) {
        return Ok(None);
    }
    Ok(table(store).await?.conflict(id, manifest).map(|conflict| {
        // What is in another namespace is nobody's business in this one.
        let whose = match conflict.namespace == namespace {
            true => format!("`{}` leads to the function `{}`", conflict.other, conflict.name),
            false => "it leads to a function of another namespace".to_owned(),
        };
        format!("its path `{}` is taken: {whose}; choose another path, or deregister that function", conflict.path)
    }))
}

/// The doors of all functions as they are now.
async fn table(store: &Store) -> Result<Table, store::Error> {
    let head = store.head().await?;
    let (mut table, mut after) = (Table::default(), 0);
    loop {
        let page = store.function_log(after, head, PAGE).await?;
        let Some(last) = page.last() else { return Ok(table) };
        after = last.position;
        for recorded in &page {
            if let Ok(Fact::Function(id, event)) = recorded.fact() {
                table.evolve(id, &event);
            }
        }
    }
}
