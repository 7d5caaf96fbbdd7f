//! The contract test, in process.

use super::promises;
use crate::queue::local::Local;

#[tokio::test]
async fn requests_of_a_function_come_in_order() {
    promises::requests_of_a_function_come_in_order(&Local::new()).await;
}

#[tokio::test]
async fn what_is_asked_survives_the_way() {
    promises::what_is_asked_survives_the_way(&Local::new()).await;
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again() {
    promises::what_is_not_acknowledged_comes_again(&Local::new()).await;
}

#[tokio::test]
async fn what_a_consumer_leaves_behind_comes_to_the_next() {
    promises::what_a_consumer_leaves_behind_comes_to_the_next(&Local::new()).await;
}

#[tokio::test]
async fn a_consumer_has_no_more_in_its_hands_than_it_asked_for() {
    promises::a_consumer_has_no_more_in_its_hands_than_it_asked_for(&Local::new()).await;
}

#[tokio::test]
async fn a_slow_run_holds_up_no_acknowledgement() {
    promises::a_slow_run_holds_up_no_acknowledgement(&Local::new()).await;
}

#[tokio::test]
async fn functions_do_not_wait_for_each_other() {
    promises::functions_do_not_wait_for_each_other(&Local::new()).await;
}

#[tokio::test]
async fn consumers_share_the_work() {
    promises::consumers_share_the_work(&Local::new()).await;
}

#[tokio::test]
async fn many_are_published_at_once() {
    promises::many_are_published_at_once(&Local::new()).await;
}

#[tokio::test]
async fn the_depth_is_what_nobody_has_in_hand() {
    promises::the_depth_is_what_nobody_has_in_hand(&Local::new()).await;
}

#[tokio::test]
async fn a_function_is_forgotten_with_what_waits() {
    promises::a_function_is_forgotten_with_what_waits(&Local::new()).await;
}
