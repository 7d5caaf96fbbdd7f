//! The cases of W3C Trace Context, level 2, and of its test suite, as tables.

use super::*;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

fn read(parents: &[&str], states: &[&str]) -> Option<Context> {
    Context::read(parents.iter().map(|text| text.as_bytes()), states.iter().map(|text| text.as_bytes()))
}

/// The `tracestate` that is passed on with a valid `traceparent`.
fn passed(states: &[&str]) -> Option<String> {
    read(&[PARENT], states).expect("a tracestate never costs the trace").state().map(str::to_owned)
}

#[test]
fn a_traceparent_is_valid_or_the_trace_starts_again() {
    let table: &[(&str, bool)] = &[
        (PARENT, true),
        // Whitespace around a field's value is not a part of it.
        (" \t00-12345678901234567890123456789012-1234567890123456-01\t ", true),
        // Version 00 ends after the flags.
        ("00-12345678901234567890123456789012-1234567890123456-01.", false),
        ("00-12345678901234567890123456789012-1234567890123456-01-", false),
        ("00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like", false),
        // Later versions may go on, after a dash.
        ("cc-12345678901234567890123456789012-1234567890123456-01", true),
        ("cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like", true),
        ("cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like", false),
        ("fe-12345678901234567890123456789012-1234567890123456-01", true),
        ("ff-12345678901234567890123456789012-1234567890123456-01", false),
        ("FE-12345678901234567890123456789012-1234567890123456-01", false),
        (".0-12345678901234567890123456789012-1234567890123456-01", false),
        ("0.-12345678901234567890123456789012-1234567890123456-01", false),
        ("000-12345678901234567890123456789012-1234567890123456-01", false),
        ("0000-12345678901234567890123456789012-1234567890123456-01", false),
        ("0-12345678901234567890123456789012-1234567890123456-01", false),
        // The id of the trace.
        ("00-00000000000000000000000000000000-1234567890123456-01", false),
        ("00-.2345678901234567890123456789012-1234567890123456-01", false),
        ("00-1234567890123456789012345678901.-1234567890123456-01", false),
        ("00-123456789012345678901234567890123-1234567890123456-01", false),
        ("00-1234567890123456789012345678901-1234567890123456-01", false),
        ("00-1234567890123456789012345678901A-1234567890123456-01", false),
        // The id of the parent.
        ("00-12345678901234567890123456789012-0000000000000000-01", false),
        ("00-12345678901234567890123456789012-.234567890123456-01", false),
        ("00-12345678901234567890123456789012-123456789012345.-01", false),
        ("00-12345678901234567890123456789012-12345678901234567-01", false),
        ("00-12345678901234567890123456789012-123456789012345-01", false),
        // The flags.
        ("00-12345678901234567890123456789012-1234567890123456-.0", false),
        ("00-12345678901234567890123456789012-1234567890123456-0.", false),
        ("00-12345678901234567890123456789012-1234567890123456-001", false),
        ("00-12345678901234567890123456789012-1234567890123456-1", false),
        ("00-12345678901234567890123456789012-1234567890123456-0F", false),
        // Something else.
        ("00_12345678901234567890123456789012_1234567890123456_01", false),
        ("00-12345678901234567890123456789012-1234567890123456", false),
        ("00-12345678901234567890123456789012-1234567890123456 01", false),
        ("00-ä2345678901234567890123456789012-123456789012345-01", false),
        ("", false),
        ("-", false),
    ];
    for (text, valid) in table {
        let context = read(&[text], &["a=1"]);
        assert_eq!(context.is_some(), *valid, "{text}");
        if let Some(context) = context {
            assert_eq!((format!("{:032x}", context.trace()).as_str(), context.state()), (TRACE, Some("a=1")), "{text}");
        }
    }
}

#[test]
fn one_traceparent_is_a_parent_and_two_are_none() {
    assert_eq!(read(&[], &["a=1"]), None);
    assert_eq!(read(&[PARENT, PARENT], &["a=1"]), None);
    assert_eq!(read(&[&format!("{PARENT},{PARENT}")], &[]), None);
}

#[test]
fn the_next_hop_gets_version_00_the_known_flags_and_the_new_parent() {
    for (flags, passed) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("09", "01"), ("ff", "03")] {
        let text = format!("cc-{TRACE}-1234567890123456-{flags}-x");
        let context = read(&[&text], &[]).unwrap().child(0xabc);
        assert_eq!(context.parent(), format!("00-{TRACE}-0000000000000abc-{passed}"));
    }
}

#[test]
fn a_trace_that_begins_here_has_ids_and_says_whether_they_were_drawn() {
    assert_eq!(Context::begin(0x10, 0x20, true).parent(), format!("00-{:032x}-{:016x}-03", 0x10, 0x20));
    assert_eq!(Context::begin(0, 0, false).parent(), format!("00-{:032x}-{:016x}-01", 1, 1));
}

#[test]
fn a_tracestate_is_passed_on_as_one_list_or_not_at_all() {
    let long = |key: usize, value: usize| format!("{}={}", "z".repeat(key), "v".repeat(value));
    let many = |count: usize| (1..=count).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
    let table: Vec<(Vec<String>, Option<String>)> = vec![
        (vec!["foo=1,bar=2".into()], Some("foo=1,bar=2".into())),
        // Several fields are one list.
        (
            vec!["foo=1,bar=2".into(), "rojo=1,congo=2".into(), "baz=3".into()],
            Some("foo=1,bar=2,rojo=1,congo=2,baz=3".into()),
        ),
        (vec!["foo=1".into(), String::new()], Some("foo=1".into())),
        (vec![String::new(), "foo=1".into()], Some("foo=1".into())),
        (vec![String::new()], None),
        (vec![",, \t ,".into()], None),
        (vec!["foo=1,".into(), ",bar=2".into()], Some("foo=1,bar=2".into())),
        // Whitespace around members is ignored; before a value it belongs to it.
        (vec!["foo=1 \t , \t bar=2, \t baz=3".into()], Some("foo=1,bar=2,baz=3".into())),
        (vec![" foo=1".into(), "\tbar=2 ".into()], Some("foo=1,bar=2".into())),
        (vec!["foo= 1".into()], Some("foo= 1".into())),
        (vec!["foo=a b".into()], Some("foo=a b".into())),
        (vec!["foo =1".into()], None),
        // Of duplicate keys the first one counts, which is the newest.
        (vec!["foo=1,bar=2,foo=3".into()], Some("foo=1,bar=2".into())),
        (vec!["foo=1".into(), "foo=1".into()], Some("foo=1".into())),
        // Keys.
        (vec!["FOO=1".into()], None),
        (vec!["foo.bar=1".into()], None),
        (vec!["foo$=1".into()], None),
        (vec!["fö=1".into()], None),
        (vec!["=1".into()], None),
        (vec!["@foo=1".into()], None),
        (vec!["_foo=1".into()], None),
        (vec!["0foo=1".into()], Some("0foo=1".into())),
        (vec!["foo@bar=1".into()], Some("foo@bar=1".into())),
        (vec!["foo@=1,0@b@c=2".into()], Some("foo@=1,0@b@c=2".into())),
        (
            vec!["abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1".into()],
            Some("abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1".into()),
        ),
        (vec![long(256, 1)], Some(long(256, 1))),
        (vec![long(257, 1)], None),
        // Values.
        (vec!["foo=".into()], None),
        (vec!["foo".into()], None),
        (vec!["foo=bar=baz".into()], None),
        (vec!["foo=\u{7f}".into()], None),
        (vec!["foo=ä".into()], None),
        (vec!["foo=a\tb".into()], None),
        (vec!["foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~".into()], Some("foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~".into())),
        (vec![long(1, 256)], Some(long(1, 256))),
        (vec![long(1, 257)], None),
        // Members: 32, and empty ones are not counted.
        (vec![many(32)], Some(many(32))),
        (vec![many(32) + ",,,"], Some(many(32))),
        (vec![many(33)], None),
        (vec![many(30), "x=1,y=2,z=3".into()], None),
        // One invalid member invalidates the list.
        (vec!["foo=1,bar".into()], None),
    ];
    for (fields, expected) in table {
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        assert_eq!(passed(&fields), expected, "{fields:?}");
    }
    assert_eq!(passed(&[&",".repeat(MAX_ITEMS + 1)]), None);
    let not_text = Context::read([PARENT.as_bytes()], [b"foo=\xff" as &[u8]]).unwrap();
    assert_eq!(not_text.state(), None);
}

#[test]
fn without_a_trace_there_is_no_state() {
    assert_eq!(read(&["00-00000000000000000000000000000000-1234567890123456-01"], &["foo=1"]), None);
    assert_eq!(Context::begin(1, 1, false).state(), None);
}
