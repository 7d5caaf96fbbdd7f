//! Secrets: what goes in never comes out.

use super::*;

const SET: &str = "mutation($ns: String!, $name: String!, $value: String!) { setSecret(namespace: $ns, name: $name, value: $value) { secret { namespace name setAt } userErrors { code message field } } }";
const REMOVE: &str = "mutation($ns: String!, $name: String!) { removeSecret(namespace: $ns, name: $name) { secret { name } userErrors { code message field } } }";

impl House {
    pub(super) async fn set_secret(&self, namespace: &str, name: &str, value: &str) -> Value {
        self.graphql(SET, json!({ "ns": namespace, "name": name, "value": value })).await["setSecret"].take()
    }

    async fn remove_secret(&self, namespace: &str, name: &str) -> Value {
        self.graphql(REMOVE, json!({ "ns": namespace, "name": name })).await["removeSecret"].take()
    }

    async fn secret_names(&self, query: &str) -> Value {
        let mut data = self.graphql(query, json!({})).await;
        data["secrets"].take().as_array().unwrap().iter().map(|secret| secret["name"].clone()).collect()
    }
}

#[actix_web::test]
async fn a_secret_is_set_listed_and_removed() {
    let house = House::new().await;
    let set = house.set_secret("default", "API_KEY", "hunter2").await;
    assert_eq!(set["userErrors"], json!([]));
    assert_eq!((&set["secret"]["namespace"], &set["secret"]["name"]), (&json!("default"), &json!("API_KEY")));
    assert!(set["secret"]["setAt"].is_string());
    house.set_secret("team", "TOKEN", "x").await;
    house.set_secret("default", "API_KEY", "hunter3").await;
    assert_eq!(house.secret_names("{ secrets { name } }").await, json!(["API_KEY", "TOKEN"]));
    assert_eq!(house.secret_names("{ secrets(namespace: \"team\") { name } }").await, json!(["TOKEN"]));
    assert_eq!(*house.services.vault.secret("default", "API_KEY").await.unwrap().value, "hunter3");

    assert_eq!(house.remove_secret("default", "API_KEY").await, json!({ "secret": null, "userErrors": [] }));
    assert_eq!(house.remove_secret("default", "API_KEY").await["userErrors"], json!([]));
    assert!(house.services.vault.secret("default", "API_KEY").await.is_err());
    assert_eq!(house.secret_names("{ secrets { name } }").await, json!(["TOKEN"]));

    let query = "{ history(first: 20) { nodes { type stream actor } } }";
    let history = house.graphql(query, json!({})).await["history"]["nodes"].take();
    let kinds: Vec<_> = history.as_array().unwrap().iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Created", "SecretSet", "Created", "SecretSet", "SecretSet", "SecretRemoved"]);
    assert_eq!(history[1]["stream"], "namespace-default");
    assert_eq!(history[1]["actor"], "token:dev");
}

#[actix_web::test]
async fn a_value_stands_nowhere_in_the_clear() {
    let house = House::new().await;
    let value = "a-value-that-nobody-else-writes";
    house.set_secret("default", "API_KEY", value).await;
    let found = house.graphql("{ history(first: 20) { nodes { data } } }", json!({})).await.to_string();
    assert!(found.contains("API_KEY") && !found.contains(value), "{found}");
    let (mut files, mut key) = (0, false);
    for entry in walkdir::WalkDir::new(house._data.path()).into_iter().flatten() {
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        files += 1;
        key |= entry.file_name() == "secret.key";
        assert!(!bytes.windows(value.len()).any(|part| part == value.as_bytes()), "{}", entry.path().display());
    }
    assert!(files > 2 && key);
}

#[actix_web::test]
async fn what_cannot_be_a_secret_is_refused_with_its_place() {
    let house = House::new().await;
    for (namespace, name, value, code, field) in [
        ("default", "API-KEY", "x", "bad_secret_name", "name"),
        ("default", "", "x", "bad_secret_name", "name"),
        ("default", "API_KEY", "", "bad_secret", "value"),
        ("default", "API_KEY", &"x".repeat(70_000), "bad_secret", "value"),
        ("No Namespace", "API_KEY", "x", "bad_namespace", "namespace"),
    ] {
        let refused = house.set_secret(namespace, name, value).await;
        assert_eq!(refused["secret"], Value::Null);
        assert_eq!(
            (&refused["userErrors"][0]["code"], &refused["userErrors"][0]["field"]),
            (&json!(code), &json!([field]))
        );
    }
    assert_eq!(house.store.head().await.unwrap(), 0);
    for namespace in ["default", "elsewhere"] {
        assert_eq!(house.remove_secret(namespace, "API_KEY").await["userErrors"][0]["code"], "secret_not_found");
        house.set_secret("default", "OTHER", "x").await;
    }
}

#[actix_web::test]
async fn strangers_neither_set_nor_see_secrets() {
    let house = House::new().await;
    house.set_secret("default", "API_KEY", "x").await;
    let (stranger, reader) = (house.token(&["team"], true), house.token(&["default"], false));
    let variables = json!({ "ns": "default", "name": "API_KEY", "value": "y" });
    for token in [&stranger, &reader] {
        let set = house.answer_to(token, SET, variables.clone()).await;
        assert_eq!(set["data"]["setSecret"]["userErrors"][0]["code"], "forbidden", "{set}");
        let remove = house.answer_to(token, REMOVE, json!({ "ns": "default", "name": "API_KEY" })).await;
        assert_eq!(remove["data"]["removeSecret"]["userErrors"][0]["code"], "forbidden", "{remove}");
    }
    let listed = house.answer_to(&stranger, "{ secrets { name } }", json!({})).await;
    assert_eq!(listed["data"]["secrets"], json!([]));
    let listed = house.answer_to(&stranger, "{ secrets(namespace: \"default\") { name } }", json!({})).await;
    assert_eq!(listed["errors"][0]["extensions"]["code"], "forbidden");
    let listed = house.answer_to(&reader, "{ secrets { name } }", json!({})).await;
    assert_eq!(listed["data"]["secrets"], json!([{ "name": "API_KEY" }]));
    assert_eq!(*house.services.vault.secret("default", "API_KEY").await.unwrap().value, "x");
}

#[actix_web::test]
async fn a_function_gets_the_credentials_of_another_one_with_the_same_repository_alone() {
    const REGISTER: &str = "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code field } } }";
    let house = House::new().await;
    let whole = "https://ada:t0ken-of-one-repository@example.com/many.git";
    let source = |url: &str, path: &str| json!({ "git": { "url": url, "path": path } });
    let input = json!({ "name": "many", "source": source(whole, "a") });
    let many = house.graphql(REGISTER, json!({ "input": input })).await["registerFunction"]["function"]["id"].take();
    let plain = "https://example.com/many.git";
    let ask = async |name: &str, namespace: &str, url: &str, of: &Value| {
        let input = json!({ "name": name, "namespace": namespace, "source": source(url, "b"), "credentialsOf": of });
        house.graphql(REGISTER, json!({ "input": input })).await["registerFunction"].take()
    };
    let kept = async |name: &str| {
        let secret = function::credentials_secret(function::id("default", name, 1));
        house.services.vault.secret("default", &secret).await.map(|secret| secret.value.to_string()).ok()
    };
    assert_eq!(ask("one", "default", plain, &many).await["userErrors"], json!([]));
    // Asked again, it is done again.
    assert_eq!(ask("one", "default", plain, &many).await["userErrors"], json!([]));
    assert_eq!(kept("one").await.as_deref(), Some(whole));
    let other = "https://ada:another-token@example.com/many.git";
    assert_eq!(ask("two", "default", other, &many).await["userErrors"], json!([]));
    assert_eq!(kept("two").await.as_deref(), Some(other), "its own address counts");
    let body = json!({ "name": "three", "replicas": 0, "source": source(plain, "c"), "credentials_of": "many" });
    json_of(house.post("/v1/functions").json(&body).send().await.unwrap(), StatusCode::CREATED).await;
    assert_eq!(kept("three").await.as_deref(), Some(whole));

    let nobody = json!("0189f7e2-3c4d-7abc-8def-0123456789ab");
    for (namespace, url, of) in [
        ("default", "https://example.com/other.git", &many),
        ("default", "https://evil.example/many.git", &many),
        ("team", plain, &many),
        ("default", plain, &nobody),
    ] {
        let refused = ask("thief", namespace, url, of).await;
        let at = json!([{ "code": "bad_source", "field": ["input", "credentialsOf"] }]);
        assert_eq!((&refused["function"], &refused["userErrors"]), (&Value::Null, &at), "{namespace} {url}");
    }
    assert_eq!(kept("thief").await, None);
    let bad = ask("thief", "default", plain, &json!("many")).await;
    assert_eq!(bad["userErrors"][0]["code"], "bad_id", "{bad}");
    let body = json!({ "name": "four", "source": source(plain, "c"), "credentials_of": "nobody" });
    let answer = house.post("/v1/functions").json(&body).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::NOT_FOUND).await["error"]["code"], "function_not_found");
    // Who may not look into its namespace finds no function there.
    let stranger = house.token(&["team"], true);
    let input = json!({ "name": "thief", "namespace": "team", "source": source(plain, "b"), "credentialsOf": many });
    let answer = house.answer_to(&stranger, REGISTER, json!({ "input": input })).await;
    assert_eq!(answer["data"]["registerFunction"]["userErrors"][0]["code"], "bad_source", "{answer}");
}
