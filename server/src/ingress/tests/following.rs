//! Logs that are followed over HTTP: how many there may be.

use super::*;
use crate::edge::subscribers::MAX_FOLLOWERS;

impl House {
    async fn followed(&self, path: &str) -> Response {
        self.get(path).send().await.unwrap()
    }
}

#[actix_web::test]
async fn one_viewer_follows_so_many_logs_by_either_door_and_another_all_the_same() {
    let house = House::new().await;
    house.registered("default", "hello").await;
    let (rest, openfaas) = ("/v1/functions/hello/logs?follow=true", "/system/logs?name=hello&follow=1");
    let mut followed = Vec::new();
    for index in 0..MAX_FOLLOWERS.0 {
        let answer = house.followed(if index % 2 == 0 { rest } else { openfaas }).await;
        assert_eq!(answer.status(), StatusCode::OK, "{index}");
        followed.push(answer);
    }
    for path in [rest, openfaas] {
        let refused = house.followed(path).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "1");
        let why = refused.text().await.unwrap();
        assert!(why.contains("you follow 64 logs over HTTP"), "{why}");
    }
    let admin = house.token(&["default"], false);
    let other = house.request(Method::GET, rest).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK, "another viewer has places of its own");
    let page = house.get("/v1/functions/hello/logs").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "a page of the log takes no place");
}
