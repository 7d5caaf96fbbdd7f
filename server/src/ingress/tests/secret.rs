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
    assert_eq!(house.services.store.head().await.unwrap(), 0);
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
