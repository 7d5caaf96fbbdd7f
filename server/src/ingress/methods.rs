//! The methods of each route, from the API description (OpenAPI), for 405 and OPTIONS.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::http::header::HeaderValue;
use serde_json::Value;

use crate::ingress::http::openapi;

/// Routes that the OpenAPI description leaves out.
const OTHERS: [(&str, &[&str]); 3] =
    [("/graphql", &["GET", "POST"]), ("/openapi.json", &["GET"]), ("/schemas/function.json", &["GET"])];

/// OpenFaaS' own, which OpenFaaS describes.
const OF_OPENFAAS: [(&str, &[&str]); 9] = [
    ("/system/info", &["GET"]),
    ("/system/functions", &["GET", "POST", "PUT", "DELETE"]),
    ("/system/function/{name}", &["GET"]),
    ("/system/scale-function/{name}", &["POST"]),
    ("/system/logs", &["GET"]),
    ("/system/secrets", &["GET", "POST", "PUT", "DELETE"]),
    ("/system/namespaces", &["GET"]),
    ("/system/namespace/", &["POST"]),
    ("/system/namespace/{name}", &["GET", "POST", "PUT", "DELETE"]),
];

/// Methods of pages and files of the web UI, and of addresses without a route.
const PAGES: &str = "GET, HEAD, OPTIONS";

/// Keys of a path item that are methods; it may have others.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

static ALLOWED: LazyLock<HashMap<String, HeaderValue>> = LazyLock::new(|| {
    let description: Value = serde_json::from_str(&openapi()).expect("the description is JSON");
    let described = description["paths"].as_object().into_iter().flatten().map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten().map(|(method, _)| method);
        let methods = methods.filter(|method| METHODS.contains(&method.as_str()));
        (path.clone(), methods.map(|method| method.to_ascii_uppercase()).collect::<Vec<_>>())
    });
    let others = OTHERS.iter().chain(&OF_OPENFAAS).map(|(path, methods)| {
        ((*path).to_owned(), methods.iter().map(|method| (*method).to_owned()).collect::<Vec<_>>())
    });
    described.chain(others).map(|(path, methods)| (path, allowed(methods))).collect()
});

/// Builds `Allow`, adding what comes with GET and with every route.
fn allowed(mut methods: Vec<String>) -> HeaderValue {
    if let Some(get) = methods.iter().position(|method| method == "GET") {
        methods.insert(get + 1, "HEAD".to_owned());
    }
    methods.retain(|method| method != "OPTIONS");
    methods.dedup();
    methods.push("OPTIONS".to_owned());
    HeaderValue::try_from(methods.join(", ")).expect("names of methods are a valid header")
}

/// The `Allow` header of a route, given by its readable pattern; `None` is an address without a route.
pub(super) fn of(pattern: Option<&str>) -> HeaderValue {
    pattern.and_then(|pattern| ALLOWED.get(pattern)).cloned().unwrap_or_else(|| HeaderValue::from_static(PAGES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_route_takes_is_what_its_description_says() {
        for (pattern, expected) in [
            ("/v1/functions", "GET, HEAD, POST, OPTIONS"),
            ("/v1/functions/{name}", "DELETE, GET, HEAD, OPTIONS"),
            ("/v1/functions/{name}:invoke", "POST, OPTIONS"),
            ("/auth/token", "POST, OPTIONS"),
            ("/graphql", "GET, HEAD, POST, OPTIONS"),
            ("/openapi.json", "GET, HEAD, OPTIONS"),
            ("/system/functions", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ] {
            let found = of(Some(pattern));
            let sorted = |text: &str| {
                let mut names: Vec<_> = text.split(", ").map(str::to_owned).collect();
                names.sort();
                names
            };
            assert_eq!(sorted(found.to_str().unwrap()), sorted(expected), "{pattern}");
        }
        assert_eq!(of(None), PAGES);
    }
}
