//! The promises, on SQLite.

use super::home::Home;
use super::{cut, erasing, lease, log, needed, pages, revocation, seal, searched, tables, trouble};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_appended_is_read_back() {
    log::what_is_appended_is_read_back(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_has_nothing() {
    log::an_empty_log_has_nothing(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_at_another_version_is_a_conflict() {
    log::an_append_at_another_version_is_a_conflict(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_told_twice_is_one_append() {
    log::an_append_told_twice_is_one_append(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_appends_to_one_stream_can_wait_together() {
    log::several_appends_to_one_stream_can_wait_together(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_answered_to_its_caller_only() {
    log::a_conflict_is_answered_to_its_caller_only(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    log::what_cannot_be_is_refused(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_never_lags_a_write() {
    log::a_read_never_lags_a_write(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_what_sixteen_writers_write_once_and_in_order() {
    log::a_follower_sees_what_sixteen_writers_write_once_and_in_order(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_page_by_page_costs_what_is_read() {
    log::reading_page_by_page_costs_what_is_read(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_when_it_is_large() {
    log::a_page_ends_when_it_is_large(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_begins_in_the_middle_and_goes_on() {
    log::a_feed_begins_in_the_middle_and_goes_on(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_lags_reads_on_from_the_log() {
    log::a_follower_that_lags_reads_on_from_the_log(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_reported() {
    log::a_gap_is_reported(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_followed_and_read() {
    log::lines_are_followed_and_read(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_run_are_those_of_its_function() {
    log::lines_of_a_run_are_those_of_its_function(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_looked_for_is_looked_for() {
    tables::whatever_is_looked_for_is_looked_for(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_lines_of_any_size_follow_each_other() {
    log::groups_of_lines_of_any_size_follow_each_other(Home::sqlite()).await;
}

#[tokio::test]
async fn many_lines_stay_in_order_beside_appends() {
    log::many_lines_stay_in_order_beside_appends(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_snapshot_is_kept() {
    log::the_newest_snapshot_is_kept(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_moves_only_from_where_it_is() {
    log::a_checkpoint_moves_only_from_where_it_is(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_have_a_history_of_their_own() {
    log::functions_have_a_history_of_their_own(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_are_told_apart() {
    log::many_streams_are_told_apart(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_with_the_events() {
    tables::rows_are_written_with_the_events(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_append_leaves_no_rows() {
    tables::a_refused_append_leaves_no_rows(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_written_with_its_event_and_nothing_else_knows_it() {
    tables::a_secret_is_written_with_its_event_and_nothing_else_knows_it(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_found_by_what_their_current_version_is() {
    searched::functions_are_found_by_what_their_current_version_is(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_type_is_looked_for_no_function_is_a_fault() {
    searched::whatever_type_is_looked_for_no_function_is_a_fault(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_found_by_how_their_newest_build_ended() {
    searched::functions_are_found_by_how_their_newest_build_ended(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_come_in_the_order_that_is_asked_for() {
    searched::functions_come_in_the_order_that_is_asked_for(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_an_event_asked_for_are_told_from_those_that_somebody_asked_for_later() {
    searched::runs_that_an_event_asked_for_are_told_from_those_that_somebody_asked_for_later(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_the_beginning_of_their_ids() {
    searched::runs_are_found_by_the_beginning_of_their_ids(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_beginning_of_many_ids_is_looked_for_among_the_last() {
    searched::a_short_beginning_of_many_ids_is_looked_for_among_the_last(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_server_left_out_is_filled_in_at_the_start() {
    searched::what_an_older_server_left_out_is_filled_in_at_the_start(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_found_and_paged() {
    tables::functions_are_found_and_paged(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_and_paged_newest_first() {
    tables::runs_are_found_and_paged_newest_first(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_runs_are_read_in_steps() {
    tables::open_runs_are_read_in_steps(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_and_what_is_due_are_found() {
    tables::dead_letters_and_what_is_due_are_found(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_events_are_found_and_paged() {
    tables::trigger_events_are_found_and_paged(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_filtered() {
    tables::the_history_is_filtered(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_when_what_came_and_went() {
    tables::metrics_tell_when_what_came_and_went(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_run_and_build_of_functions_are_found_together() {
    tables::the_newest_run_and_build_of_functions_are_found_together(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_ended() {
    tables::metrics_count_what_ended(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_function_is_not_running() {
    tables::a_stopped_function_is_not_running(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_tables_are_the_same() {
    tables::rebuilt_tables_are_the_same(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migrations_make_the_tables_that_are_declared() {
    tables::the_migrations_make_the_tables_that_are_declared(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_state_has_is_damage() {
    tables::a_name_that_no_state_has_is_damage(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_build_offers_is_kept_and_made_again() {
    tables::what_a_build_offers_is_kept_and_made_again(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken_are_told_from_those_that_are_free() {
    tables::names_that_are_taken_are_told_from_those_that_are_free(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_was_changed() {
    tables::verify_names_what_was_changed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_appends_until_there_is_room() {
    trouble::a_full_disk_refuses_appends_until_there_is_room(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_refuses_appends_until_it_is_writable() {
    trouble::a_read_only_database_refuses_appends_until_it_is_writable(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_folder_is_refused() {
    trouble::a_second_server_on_one_folder_is_refused(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_named() {
    trouble::a_folder_that_cannot_be_made_is_named(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_last_is_there_after_the_end() {
    trouble::what_is_written_last_is_there_after_the_end(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_runs_that_ended_long_after_they_were_asked_for() {
    tables::metrics_count_runs_that_ended_long_after_they_were_asked_for(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_held_by_one() {
    lease::a_lease_is_held_by_one(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_expires_is_taken_by_another() {
    lease::a_lease_that_expires_is_taken_by_another(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_given_back() {
    lease::a_lease_is_given_back(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_what_is_known() {
    lease::who_holds_what_is_known(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_and_nothing_else() {
    cut::what_is_old_goes_and_nothing_else(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_behind_keeps_nothing_of_the_others() {
    cut::a_namespace_that_is_behind_keeps_nothing_of_the_others(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registered_function_may_run_is_needed() {
    needed::what_a_registered_function_may_run_is_needed(Home::sqlite()).await;
}

#[tokio::test]
async fn an_image_is_a_version_and_none_of_the_artifacts() {
    needed::an_image_is_a_version_and_none_of_the_artifacts(Home::sqlite()).await;
}

#[tokio::test]
async fn versions_that_are_images_say_whether_they_are_needed() {
    needed::versions_that_are_images_say_whether_they_are_needed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_can_come_again() {
    cut::what_was_removed_can_come_again(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_pass_over_what_was_removed() {
    cut::followers_pass_over_what_was_removed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_go_on_while_they_are_removed_are_whole_or_gone() {
    cut::runs_that_go_on_while_they_are_removed_are_whole_or_gone(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn appends_are_measured_while_old_runs_are_removed() {
    cut::appends_are_measured_while_old_runs_are_removed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_kept_until_its_token_expires() {
    revocation::a_revocation_is_kept_until_its_token_expires(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_taken_from_either_end() {
    pages::pages_are_taken_from_either_end(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_outlives_its_row() {
    pages::a_cursor_outlives_its_row(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strange_cursor_is_refused_at_either_end() {
    pages::a_strange_cursor_is_refused_at_either_end(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_changed_with_all_its_hashes_is_found() {
    seal::a_record_that_was_changed_with_all_its_hashes_is_found(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_changed_places_are_found() {
    seal::records_that_changed_places_are_found(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_removed_as_if_it_were_old_is_found() {
    seal::a_record_that_was_removed_as_if_it_were_old_is_found(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_is_found_by_an_anchor_alone() {
    seal::an_end_that_was_cut_off_is_found_by_an_anchor_alone(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_that_were_taken_away_are_missed() {
    seal::seals_that_were_taken_away_are_missed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_when_it_is_old_leaves_the_rest_proved() {
    seal::what_is_removed_when_it_is_old_leaves_the_rest_proved(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_appending_and_removing_at_once_leave_everything_proved() {
    seal::sealing_appending_and_removing_at_once_leave_everything_proved(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_from_before_says_from_where_on_it_is_proved() {
    seal::a_log_from_before_says_from_where_on_it_is_proved(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_have_the_key_removes_nothing_that_is_sealed() {
    seal::who_does_not_have_the_key_removes_nothing_that_is_sealed(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_nowhere_and_its_record_is_there() {
    erasing::what_is_erased_is_nowhere_and_its_record_is_there(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_over_without_a_record_of_it_is_found() {
    erasing::what_was_written_over_without_a_record_of_it_is_found(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_newer_servers_is_refused_with_one_sentence_or_lived_with() {
    trouble::a_database_of_newer_servers_is_refused_with_one_sentence_or_lived_with(Home::sqlite()).await;
}
