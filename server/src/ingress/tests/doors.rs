//! What http triggers say beyond that a function is called, in GraphQL.

use domain::manifest::Trigger;

use super::*;

#[actix_web::test]
async fn an_http_trigger_shows_who_may_call_and_where() {
    let house = House::new().await;
    let url = &house.url;
    let shown = async |name: &str| {
        let query = format!(
            "{{ function(name: \"{name}\") {{ triggers {{
                type url auth path pathUrl cors {{ origins methods headers credentials maxAgeS }} }} }} }}"
        );
        house.graphql(&query, json!({})).await["function"]["triggers"].take()
    };
    house.running("default", "f").await;
    let plain = json!({ "type": "http", "url": format!("{url}/function/f"), "auth": "TOKEN", "path": null, "pathUrl": null, "cors": null });
    assert_eq!(shown("f").await, json!([plain]));

    let id = house.registered("default", "g").await;
    let triggers: Vec<Trigger> = serde_json::from_value(json!([
        { "type": "http", "auth": "none", "path": "/shop/*", "cors": { "origins": ["https://shop.example.com"], "methods": ["GET"] } },
        { "type": "event", "pattern": "order.placed" },
    ]))
    .unwrap();
    let (build, manifest) = (clock::new_id(), Box::new(Manifest { triggers, ..Manifest::of(Runtime::Node) }));
    house.command(id, Command::RequestBuild { build, git_ref: None, at: clock::now() }).await;
    house.command(id, Command::StartBuild { build, node: "node-1".into(), at: clock::now() }).await;
    let made = Made::artifact(format!("sha256:{build}"), 1);
    let built = Command::SucceedBuild { build, made, manifest, commit: None, at: clock::now() };
    house.command(id, built).await;
    let cors = json!({ "origins": ["https://shop.example.com"], "methods": ["GET"],
                       "headers": ["authorization", "content-type"], "credentials": false, "maxAgeS": 600 });
    let http = json!({ "type": "http", "url": format!("{url}/function/g"), "auth": "NONE", "path": "/shop/*",
                       "pathUrl": format!("{url}/shop"), "cors": cors });
    let event = json!({ "type": "event", "url": null, "auth": null, "path": null, "pathUrl": null, "cors": null });
    assert_eq!(shown("g").await, json!([http, event]));
}
