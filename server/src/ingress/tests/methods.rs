//! HEAD, OPTIONS and 405 on every route of the platform (RFC 9110, sections 9.3.2, 9.3.7, 15.5.6).

use domain::manifest::http::path_fault;

use super::*;
use crate::ingress::openapi;

/// Every route, as the description has it, with something in the place of each parameter; and its methods.
fn routes() -> Vec<(String, Vec<String>)> {
    let description: Value = serde_json::from_str(&openapi()).unwrap();
    let described = description["paths"].as_object().unwrap().iter().map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase());
        (path.clone(), methods.collect())
    });
    let others = [("/graphql", vec!["GET", "POST"]), ("/openapi.json", vec!["GET"]), ("/", vec!["GET"])];
    let others = others.map(|(path, methods)| (path.to_owned(), methods.into_iter().map(str::to_owned).collect()));
    let mut all: Vec<(String, Vec<String>)> = described.chain(others).collect();
    for (path, _) in &mut all {
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "01890000-0000-7000-8000-000000000000");
        }
    }
    all
}

#[actix_web::test]
async fn every_route_says_which_methods_it_takes() {
    let house = House::new().await;
    let routes = routes();
    assert!(routes.len() > 20, "{}", routes.len());
    for (path, methods) in routes {
        let options = house.request(Method::OPTIONS, &path).send().await.unwrap();
        // A route may have an answer of its own to OPTIONS.
        assert!(options.status().is_success(), "OPTIONS {path}: {}", options.status());
        let wrong = house.request(Method::from_bytes(b"PURGE").unwrap(), &path).send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allow = wrong.headers()["allow"].to_str().unwrap().to_owned();
        for method in methods {
            assert!(allow.split(", ").any(|allowed| allowed == method), "{path}: {allow} lacks {method}");
        }
        let error: Value = wrong.json().await.unwrap();
        assert_eq!(error["error"]["code"], "method_not_allowed", "{path}");
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let house = House::new().await;
    house.running("default", "f").await;
    let readable = [
        "/healthz",
        "/openapi.json",
        "/schemas/function.json",
        "/v1/functions",
        "/v1/functions/f",
        "/v1/functions/nobody",
        "/auth/methods",
        "/v1/dead-letters",
    ];
    for path in readable {
        let get = house.get(path).send().await.unwrap();
        let (status, length) = (get.status(), get.headers()["content-length"].clone());
        assert_eq!(length.to_str().unwrap().parse::<usize>().unwrap(), get.bytes().await.unwrap().len(), "{path}");
        let head = house.request(Method::HEAD, path).bearer_auth("dev-token").send().await.unwrap();
        assert_eq!((head.status(), &head.headers()["content-length"]), (status, &length), "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
    }
    let head = house.request(Method::HEAD, "/v1/bundles").bearer_auth("dev-token").send().await.unwrap();
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[actix_web::test]
async fn no_function_can_have_a_path_of_the_platforms() {
    for (path, _) in routes().into_iter().filter(|(path, _)| path != "/") {
        let first = path.split(['/', ':']).nth(1).unwrap().to_owned();
        let fault = path_fault(&format!("/{first}/*"));
        assert!(fault.is_some_and(|fault| fault.contains("platform's own")), "{first} must be among the reserved");
    }
    for first in
        ["function", "async-function", "functions", "runs", "events", "dead-letters", "sign-in", "system", "assets"]
    {
        assert!(path_fault(&format!("/{first}")).is_some(), "{first}");
    }
}
