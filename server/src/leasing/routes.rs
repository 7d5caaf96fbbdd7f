//! The routes known on this server.

use std::collections::HashMap;
use std::sync::Arc;

use domain::function;

use super::route::Route;

/// Routes by namespace and name, and by function. A missing function may still be running: nobody has asked for it yet.
#[derive(Default)]
pub(super) struct Routes {
    by_name: HashMap<Arc<str>, HashMap<Arc<str>, Arc<Route>>>,
    by_function: HashMap<function::Id, Arc<Route>>,
}

impl Routes {
    pub(super) fn named(&self, namespace: &str, name: &str) -> Option<&Arc<Route>> {
        self.by_name.get(namespace)?.get(name)
    }

    pub(super) fn of(&self, function: function::Id) -> Option<&Arc<Route>> {
        self.by_function.get(&function)
    }

    pub(super) fn insert(&mut self, route: Arc<Route>) {
        self.by_function.insert(route.function, route.clone());
        self.by_name.entry(route.namespace.clone()).or_default().insert(route.name.clone(), route);
    }

    pub(super) fn remove(&mut self, function: function::Id) {
        let Some(route) = self.by_function.remove(&function) else { return };
        if let Some(names) = self.by_name.get_mut(&route.namespace)
            && names.get(&route.name).is_some_and(|other| other.function == function)
        {
            names.remove(&route.name);
        }
    }
}
