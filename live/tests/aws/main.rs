//! AWS, asked by the real client: of a stand-in at the wire, whose every request and answer AWS's own models judge, and
//! of moto. What a Region has, what an account has, and what of each failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_push_string,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod accounts;
mod actions;
mod cloud;
mod files;
mod images;
mod moto;
mod regions;
mod standin;
mod usual;
mod who;

#[path = "../../../tests/leaks/mod.rs"]
mod leaks;
#[path = "../../../tests/needs/mod.rs"]
mod needs;

needs::tests! {
    accounts::an_account_is_read_and_every_call_is_one_of_awss_own,
    accounts::each_denied_action_is_named_and_the_rest_is_told,
    accounts::what_is_throttled_slow_or_broken_is_told_and_never_as_missing,
    accounts::pages_end_and_requests_are_few,
    accounts::names_resolve_where_they_are,
    accounts::jumpstart_ids_are_those_of_hugging_face,
    actions::every_action_is_called_and_every_call_is_an_action,
    actions::each_permission_is_tried_by_a_call_of_awss_own,
    actions::the_documents_list_every_action,
    actions::hosts_are_those_of_the_endpoint_rules,
    files::files_are_told_as_they_are,
    files::a_bucket_elsewhere_is_asked_there_once,
    files::who_may_not_list_may_still_read,
    images::images_of_ecr_are_read_and_tags_that_are_missing_are_told,
    images::what_ecr_denies_is_named_and_the_rest_is_told,
    images::what_ecr_says_is_held_to_digests_and_hosts,
    moto::an_emulated_account_is_read,
    regions::prices_of_a_region_are_its_own,
    regions::quotas_are_read_within_the_errand,
    regions::endpoints_are_counted_question_by_question,
    regions::each_failure_is_told_as_what_it_is,
    regions::a_wrong_clock_is_put_right,
    who::a_region_that_is_slow_holds_up_no_other,
    who::wrong_keys_are_told_as_such_where_every_account_is,
    who::a_program_for_credentials_is_one_for_all_and_told_where_it_is_slow,
    who::a_region_that_is_not_enabled_is_no_bad_key,
    who::who_asks_is_told_in_words_without_secrets,
    who::profiles_are_those_that_were_allowed,
    regions::the_wire_is_botocores,
    leaks::a_planted_leak_is_found,
}

/// The keys of whoever asks.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI0K7MDENG0bPxRfiCYEXAMPLEKEY";
