//! When a pattern is due, on ordinary days and at clock changes.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// The first due times after a time, in local time.
fn local(pattern: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
    let timetable = Timetable::parse(pattern, timezone).unwrap();
    let times = timetable.due_between(utc(after), DateTime::<Utc>::MAX_UTC, count);
    times.iter().map(|time| time.with_timezone(&timetable.timezone).format("%m-%d %H:%M %Z").to_string()).collect()
}

fn berlin(pattern: &str, after: &str, count: usize) -> Vec<String> {
    local(pattern, "Europe/Berlin", after, count)
}

#[test]
fn a_pattern_fires_so_often_in_a_minute_at_most() {
    for (pattern, times) in [
        ("* * * * *", 1),
        ("@daily", 1),
        ("* * * * * *", 60),
        ("*/5 * * * * *", 12),
        ("58-2 0 0 1 1 *", 5),
        ("@every 1s", 60),
        ("@every 7s", 9),
        ("@every 5m", 1),
        ("x", 0),
    ] {
        assert_eq!(firings_a_minute(pattern), times, "{pattern}");
    }
}

#[test]
fn a_pattern_is_read_in_its_time_zone() {
    assert_eq!(berlin("0 9 * * MON-FRI", "2026-01-02T12:00:00Z", 2), ["01-05 09:00 CET", "01-06 09:00 CET"]);
    let timetable = Timetable::parse("0 9 * * *", "Asia/Kolkata").unwrap();
    assert_eq!(timetable.next_after(utc("2026-01-01T00:00:00Z")), Some(utc("2026-01-01T03:30:00Z")));
}

#[test]
fn six_fields_have_seconds_in_front() {
    let timetable = Timetable::parse("*/20 * * * * *", "UTC").unwrap();
    let due = timetable.due_between(utc("2026-01-01T00:00:00.7Z"), utc("2026-01-01T00:01:00Z"), 10);
    let at = |second| utc("2026-01-01T00:00:00Z") + TimeDelta::seconds(second);
    assert_eq!(due, [at(20), at(40), at(60)]);
}

#[test]
fn nicknames_are_patterns() {
    for (nickname, pattern) in [
        ("@yearly", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ] {
        assert_eq!(cron_fault(nickname), None);
        let after = "2026-05-05T05:05:05Z";
        assert_eq!(berlin(nickname, after, 3), berlin(pattern, after, 3), "{nickname}");
    }
}

#[test]
fn an_interval_is_due_at_its_multiples() {
    for (pattern, seconds) in [
        ("@every 5m", 300),
        ("@EVERY 90s", 90),
        (" @every  1h30m ", 5400),
        ("@every 1d", 86_400),
        ("@every 1.5h", 5400),
        ("@every 1h 30 min", 5400),
        ("@every 1w", 604_800),
    ] {
        assert_eq!(cron_fault(pattern), None, "{pattern}");
        let timetable = Timetable::parse(pattern, "Europe/Berlin").unwrap();
        // Across the hour that is skipped in spring.
        let from = utc("2026-03-28T23:00:00.5Z");
        let due = timetable.due_between(from, from + TimeDelta::days(30), 10);
        assert!(due.iter().all(|due| due.timestamp() % seconds == 0), "{pattern}: {due:?}");
        assert!(due.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::seconds(seconds)), "{pattern}: {due:?}");
        assert!(due[0] > from && due[0] - from <= TimeDelta::seconds(seconds));
        assert_eq!(timetable.next_after(due[0]), Some(due[1]), "a due time is not found again");
    }
    for pattern in [
        "@every",
        "@every 5",
        "@every m",
        "@every 0s",
        "@every -5m",
        "@every 5x",
        "@every 367d",
        "@every 1500ms",
        "@every 1month",
    ] {
        assert!(cron_fault(pattern).unwrap_or_default().contains("is no interval"), "{pattern}");
    }
    let fault = cron_fault("@every 5").unwrap();
    assert!(fault.contains("`5` has no unit; write 5s, 5m or 5h; allowed are whole seconds"), "{fault}");
    let endless = format!("@every {}h", "9".repeat(60));
    assert!(cron_fault(&endless).is_some());
}

#[test]
fn a_range_may_go_past_the_end_of_its_field() {
    for (wrapped, written_out) in [
        ("0 22-2 * * *", "0 22,23,0,1,2 * * *"),
        ("50-10/10 * * * *", "50,0,10 * * * *"),
        ("58-1 * * * * *", "58,59,0,1 * * * * *"),
        ("0 0 30-2 * *", "0 0 30,31,1,2 * *"),
        ("0 0 1 NOV-FEB *", "0 0 1 11,12,1,2 *"),
        ("0 0 * * FRI-MON", "0 0 * * FRI,SAT,SUN,MON"),
        ("0 0 * * sat-sun", "0 0 * * SAT,SUN"),
        ("0 0 * * 6-1", "0 0 * * 6,0,1"),
        ("0 8,22-2,12 * * *", "0 8,12,22,23,0,1,2 * * *"),
    ] {
        assert_eq!(cron_fault(wrapped), None, "{wrapped}");
        let after = "2026-01-01T00:00:00Z";
        assert_eq!(berlin(wrapped, after, 40), berlin(written_out, after, 40), "{wrapped}");
    }
    // Anything that is not such a range is left unchanged.
    for (pattern, after) in
        [("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"), ("0 9-17 * * *", "0 9,10,11,12,13,14,15,16,17 * * *")]
    {
        assert_eq!(berlin(pattern, "2026-01-01T00:00:00Z", 20), berlin(after, "2026-01-01T00:00:00Z", 20));
    }
    assert!(cron_fault("0 25-2 * * *").is_some());
}

#[test]
fn a_step_that_is_longer_than_its_field_is_a_fault_of_a_new_pattern() {
    for (pattern, part) in [
        ("*/61 * * * *", "the minute `*/61`"),
        ("0 */25 * * *", "the hour `*/25`"),
        ("0 0 */32 * *", "the day `*/32`"),
        ("0 0 1 */13 *", "the month `*/13`"),
        ("*/90 * * * * *", "the second `*/90`"),
    ] {
        let fault = cron_fault(pattern).unwrap_or_default();
        assert!(fault.contains(part) && fault.contains("@every"), "{pattern}: {fault}");
        assert!(Timetable::parse(pattern, "UTC").is_ok(), "one that is stored fires as it did");
    }
    for pattern in ["*/60 * * * *", "0 */24 * * *", "*/7 * * * *", "5-55/10 * * * *"] {
        assert_eq!(cron_fault(pattern), None, "{pattern}");
    }
}

#[test]
fn a_daily_time_that_the_spring_leaves_out_fires_when_the_gap_is_over() {
    // On 2026-03-29 the clocks go from 02:00 to 03:00.
    let expected = ["03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST"];
    assert_eq!(berlin("30 2 * * *", "2026-03-27T12:00:00Z", 3), expected);
}

#[test]
fn a_daily_time_that_the_autumn_repeats_fires_the_first_time() {
    // On 2026-10-25 the clocks go from 03:00 back to 02:00.
    let expected = ["10-24 02:30 CEST", "10-25 02:30 CEST", "10-26 02:30 CET"];
    assert_eq!(berlin("30 2 * * *", "2026-10-23T12:00:00Z", 3), expected);
    // Also if the search begins between the two.
    assert_eq!(berlin("30 2 * * *", "2026-10-25T01:10:00Z", 1), ["10-26 02:30 CET"]);
}

#[test]
fn a_daily_time_fires_once_on_every_day_of_a_year() {
    let timetable = Timetable::parse("30 2 * * *", "Europe/Berlin").unwrap();
    let due = timetable.due_between(utc("2025-12-31T23:00:00Z"), utc("2026-12-31T23:00:00Z"), 1000);
    let days: std::collections::BTreeSet<_> =
        due.iter().map(|time| time.with_timezone(&timetable.timezone).date_naive()).collect();
    assert_eq!((due.len(), days.len()), (365, 365));
}

#[test]
fn every_five_minutes_is_even_also_when_the_clocks_change() {
    let timetable = Timetable::parse("*/5 * * * *", "Europe/Berlin").unwrap();
    for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
        let due = timetable.due_between(utc(day), utc(day) + TimeDelta::hours(6), 1000);
        assert_eq!(due.len(), 72, "{day}");
        assert!(due.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::minutes(5)), "{day}: {due:?}");
    }
}

#[test]
fn every_hour_is_even_also_when_the_clocks_change() {
    let expected = ["03-29 01:00 CET", "03-29 03:00 CEST", "03-29 04:00 CEST"];
    assert_eq!(berlin("0 * * * *", "2026-03-28T23:00:00Z", 3), expected);
    let expected = ["10-25 01:00 CEST", "10-25 02:00 CEST", "10-25 02:00 CET", "10-25 03:00 CET"];
    assert_eq!(berlin("0 * * * *", "2026-10-24T22:00:00Z", 4), expected);
}

#[test]
fn a_pattern_of_several_times_follows_the_wall_clock() {
    // Only a single time is moved out of the gap and prevented from repeating. Of several, those that the clock skips
    // are left out, and those that it shows twice fire twice. The crate does the same, and the guide says so.
    for pattern in ["0,30 2 * * *", "*/30 2 * * *"] {
        assert_eq!(berlin(pattern, "2026-03-28T23:00:00Z", 2), ["03-30 02:00 CEST", "03-30 02:30 CEST"], "{pattern}");
        let expected =
            ["10-25 02:00 CEST", "10-25 02:30 CEST", "10-25 02:00 CET", "10-25 02:30 CET", "10-26 02:00 CET"];
        assert_eq!(berlin(pattern, "2026-10-24T22:00:00Z", 5), expected, "{pattern}");
    }
    // An hour in the gap is skipped, and the next one is at its usual time.
    assert_eq!(berlin("30 */2 * * *", "2026-03-28T23:00:00Z", 2), ["03-29 00:30 CET", "03-29 04:30 CEST"]);
}

#[test]
fn a_leap_day_comes_every_fourth_year() {
    let timetable = Timetable::parse("0 0 29 2 *", "UTC").unwrap();
    let due = timetable.due_between(utc("2026-01-01T00:00:00Z"), utc("2040-01-01T00:00:00Z"), 10);
    assert_eq!(due, [2028, 2032, 2036].map(|year| utc(&format!("{year}-02-29T00:00:00Z"))));
}

#[test]
fn the_end_of_a_month_is_its_last_day_and_the_31st_is_not() {
    let expected = ["01-31 00:00 UTC", "02-28 00:00 UTC", "03-31 00:00 UTC", "04-30 00:00 UTC"];
    assert_eq!(local("0 0 L * *", "UTC", "2026-01-01T00:00:00Z", 4), expected);
    let expected = ["01-31 00:00 UTC", "03-31 00:00 UTC", "05-31 00:00 UTC"];
    assert_eq!(local("0 0 31 * *", "UTC", "2026-01-01T00:00:00Z", 3), expected);
}

#[test]
fn day_and_weekday_are_one_or_the_other_and_with_a_plus_both() {
    assert_eq!(local("0 0 1 * MON", "UTC", "2026-01-29T00:00:00Z", 2), ["02-01 00:00 UTC", "02-02 00:00 UTC"]);
    assert_eq!(local("0 0 1 * +MON", "UTC", "2026-01-29T00:00:00Z", 1), ["06-01 00:00 UTC"]);
}

#[test]
fn a_pattern_that_never_fires_is_a_fault() {
    for pattern in [
        "0 0 31 2 *",
        "0 0 30 FEB *",
        "0 0 31 4,6,9,11 *",
        "* * * * * +",
        "0 0 31W 2 *",
        "0 0 8-31 * +MON#1",
        ", * * * *",
        "0 ,, * * *",
        ", 0 0 * * *",
        "0 0 , * *",
        "0 0 1 , *",
        "0 0 * , ,",
    ] {
        let fault = cron_fault(pattern).unwrap_or_default();
        assert!(fault.contains("never fires"), "{pattern}: {fault}");
        assert!(matches!(Timetable::parse(pattern, "UTC"), Err(Fault::Cron(_))), "{pattern}");
    }
    for pattern in ["0 0 29 2 *", "0 0 29 2 +MON", "0 0 31 * *", "0 0 L 2 *"] {
        assert_eq!(cron_fault(pattern), None);
    }
}

#[test]
fn a_fault_of_a_pattern_names_the_field() {
    for (pattern, part) in [
        ("61 * * * *", "the minute `61`: number out of bounds"),
        ("0 0 32 * *", "the day `32`"),
        ("* 61 * * * *", "the minute `61`"),
        ("99 * * * * *", "the second `99`"),
        ("* 25 * * *", "the hour `25`"),
        ("* * * 13 *", "the month `13`"),
        ("* * * * 8", "the weekday `8`"),
        ("0/10 * * * *", "use \"*/10\""),
        ("5-61 * * * *", "the minute `5-61`"),
        ("*/0 * * * *", "step cannot be zero"),
        ("x * * * *", "the minute `x`"),
        ("* * *", "must have 5 fields"),
        ("* * * * * * *", "must have 5 fields"),
        ("", "must have 5 fields"),
        ("@reboot", "no nickname"),
    ] {
        let fault = cron_fault(pattern).unwrap_or_default();
        assert!(fault.contains(part), "{pattern}: {fault}");
        assert!(fault.contains(&format!("`{pattern}`")), "{pattern}: {fault}");
    }
}

#[test]
fn a_fault_of_a_time_zone_names_the_nearest() {
    assert_eq!(timezone_fault("Europe/Berlin"), None);
    assert_eq!(timezone_fault("UTC"), None);
    assert!(timezone_fault("europe/berlin").unwrap().contains("did you mean `Europe/Berlin`?"));
    assert!(timezone_fault("Europe/Entenhausen").unwrap().contains("IANA"));
}

#[test]
fn the_newest_due_times_are_found_without_counting_all() {
    let timetable = Timetable::parse("* * * * * *", "Europe/Berlin").unwrap();
    let (from, to) = (utc("2020-01-01T00:00:00Z"), utc("2026-01-01T00:00:00.5Z"));
    let newest = timetable.newest_between(from, to, 3);
    assert_eq!(newest, [-2, -1, 0].map(|second| utc("2026-01-01T00:00:00Z") + TimeDelta::seconds(second)));
    assert!(timetable.newest_between(to, to, 3).is_empty());
    assert!(timetable.newest_between(from, to, 0).is_empty());
}

#[test]
fn what_is_late_by_less_than_the_grace_was_not_missed() {
    let timetable = Timetable::parse("* * * * *", "UTC").unwrap();
    let (after, now) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-01T00:01:30Z"));
    let one = |policy| firing(&timetable, policy, after, now).unwrap();
    for policy in [CatchUp::None, CatchUp::Last, CatchUp::All] {
        let due = utc("2026-01-01T00:01:00Z");
        assert_eq!(one(policy), Firing { times: vec![due], left_out: None, through: due });
    }
    assert_eq!(firing(&timetable, CatchUp::All, after, utc("2026-01-01T00:00:59Z")), None);
}

#[test]
fn what_was_missed_is_made_up_for_as_the_policy_says() {
    let timetable = Timetable::parse("0 * * * *", "UTC").unwrap();
    let hour = |hour: i64| utc("2026-01-01T00:00:00Z") + TimeDelta::hours(hour);
    let now = hour(5) + TimeDelta::minutes(10);
    let of = |policy| firing(&timetable, policy, hour(0), now).unwrap();
    assert_eq!(of(CatchUp::None), Firing { times: vec![], left_out: Some(hour(1)), through: now });
    assert_eq!(of(CatchUp::Last), Firing { times: vec![hour(5)], left_out: Some(hour(1)), through: hour(5) });
    let all = (1..=5).map(hour).collect();
    assert_eq!(of(CatchUp::All), Firing { times: all, left_out: None, through: hour(5) });
    // Of many more, the latest fire.
    let now = hour(1000);
    let all = firing(&timetable, CatchUp::All, hour(0), now).unwrap();
    assert_eq!(all.times, (901..=1000).map(hour).collect::<Vec<_>>());
    assert_eq!((all.left_out, all.through), (Some(hour(1)), hour(1000)));
}

#[test]
fn without_catching_up_at_most_one_late_time_fires() {
    let timetable = Timetable::parse("* * * * * *", "UTC").unwrap();
    let (after, now) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-01T00:00:40Z"));
    let of = |policy| firing(&timetable, policy, after, now).unwrap();
    let missed = Some(utc("2026-01-01T00:00:01Z"));
    assert_eq!(of(CatchUp::None), Firing { times: vec![now], left_out: missed, through: now });
    assert_eq!(of(CatchUp::All).times.len(), 40);
}

#[test]
fn a_trigger_keeps_its_name_when_triggers_are_reordered_and_another_function_has_others() {
    let (a, b, c) =
        (Schedule::new("@daily", "UTC"), Schedule::new("@daily", "Asia/Tokyo"), Schedule::new("@hourly", "UTC"));
    let (one, other) = (function::id("default", "f", 1), function::id("default", "f", 2));
    let first = keys(one, [&a, &b, &c]);
    let again = keys(one, [&c, &a, &b]);
    assert_eq!([first[0], first[1], first[2]], [again[1], again[2], again[0]]);
    let equal = keys(one, [&a, &a]);
    assert_eq!(equal[0], first[0]);
    assert_ne!(equal[0].trigger, equal[1].trigger);
    assert_ne!(keys(other, [&a])[0].trigger, first[0].trigger);
    // A fixed value: if it changed, due times could fire a second time.
    assert_eq!(first[0].trigger.to_string(), "7e0923acc6d6");
    assert_eq!(first[0].event(utc("2026-01-01T00:00:00Z")).to_string(), "3efcc8d9-20d5-556b-a411-3985ccb3f5c8");
}

proptest! {
    // A search without a result covers thirty centuries.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_field_makes_it_panic_and_what_has_no_fault_fires(field in "[0-9*/,L#W+?A-Z-]{0,6}") {
        for pattern in [format!("{field} * * * *"), format!("0 0 {field} * *"), format!("0 0 1 1 {field}")] {
            if cron_fault(&pattern).is_none() {
                let timetable = Timetable::parse(&pattern, "America/New_York").unwrap();
                let any = utc("2024-01-01T00:00:00Z");
                prop_assert!(timetable.next_after(any).is_some_and(|due| due > any), "{}", pattern);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = Timetable::parse(&text, &text);
        let _ = timezone_fault(&text);
    }

    #[test]
    fn the_newest_are_the_last_of_all(
        pattern in prop::sample::select(vec!["*/7 * * * *", "30 2 * * *", "0 */3 * * *", "0 0 * * 1,3", "15,45 2 * * *"]),
        start in 1_770_000_000i64..1_800_000_000, length in 0i64..2_000_000, cap in 0usize..20,
    ) {
        let timetable = Timetable::parse(pattern, "Europe/Berlin").unwrap();
        let from = DateTime::from_timestamp(start, 0).unwrap();
        let to = from + TimeDelta::seconds(length);
        let all = timetable.due_between(from, to, usize::MAX);
        let newest = timetable.newest_between(from, to, cap);
        prop_assert_eq!(&all[all.len().saturating_sub(cap)..], &newest[..]);
    }
}
