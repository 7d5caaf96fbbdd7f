//! The contract test, on the RabbitMQ that `TEST_AMQP_URL` names.

use super::promises;
use crate::queue::rabbit::Rabbit;

/// A connection for one test, which uses functions, and thus queues, of its own.
async fn rabbit() -> Rabbit {
    let Ok(url) = std::env::var("TEST_AMQP_URL") else {
        panic!("TEST_AMQP_URL is not set: run through `make test` or scripts/with-rabbitmq");
    };
    Rabbit::connect(&url, "contract").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_function_come_in_order() {
    promises::requests_of_a_function_come_in_order(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_survives_the_way() {
    promises::what_is_asked_survives_the_way(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_comes_again() {
    promises::what_is_not_acknowledged_comes_again(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_leaves_behind_comes_to_the_next() {
    promises::what_a_consumer_leaves_behind_comes_to_the_next(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_has_no_more_in_its_hands_than_it_asked_for() {
    promises::a_consumer_has_no_more_in_its_hands_than_it_asked_for(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_run_holds_up_no_acknowledgement() {
    promises::a_slow_run_holds_up_no_acknowledgement(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_do_not_wait_for_each_other() {
    promises::functions_do_not_wait_for_each_other(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_share_the_work() {
    promises::consumers_share_the_work(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_published_at_once() {
    promises::many_are_published_at_once(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_depth_is_what_nobody_has_in_hand() {
    promises::the_depth_is_what_nobody_has_in_hand(&rabbit().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_forgotten_with_what_waits() {
    promises::a_function_is_forgotten_with_what_waits(&rabbit().await).await;
}
