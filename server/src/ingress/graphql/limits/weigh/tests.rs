//! What queries weigh.

use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::DocumentOperations;
use serde_json::json;

use super::*;
use crate::ingress::graphql::limits::introspection::MAX_COST;
use crate::ingress::graphql::sdl;

fn all(query: &str, variables: serde_json::Value) -> Result<Vec<Spent>, Refused> {
    weigh(&parse_query(query).unwrap(), &Variables::from_json(variables), &Shape::of(&sdl()))
}

fn spent(query: &str, variables: serde_json::Value) -> Spent {
    all(query, variables).unwrap()[0]
}

fn too_much(query: &str, variables: serde_json::Value) -> String {
    match all(query, variables) {
        Err(Refused::TooMuch(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_multiplies_what_it_holds() {
    let cost = |query, variables| spent(query, variables).cost;
    assert_eq!((spent("{ a { b c } }", json!({})).depth, cost("{ a { b c } }", json!({}))), (2, 3));
    assert_eq!(cost("{ a(first: 100) { nodes { b } } }", json!({})), 41);
    assert_eq!(cost("{ a { nodes { b } } }", json!({})), 9);
    assert_eq!(cost("query($n: Int) { a(first: $n) { nodes { b } } }", json!({"n": 50})), 21);
    assert_eq!(cost("query($n: Int = 10) { a(first: $n) { nodes { b } } }", json!({})), 5);
    // The same from the other end, also behind an argument that is null.
    assert_eq!(cost("{ a(last: 100, before: \"x\") { nodes { b } } }", json!({})), 41);
    assert_eq!(cost("{ a(first: null, last: 100) { nodes { b } } }", json!({})), 41);
    let either = "query($f: Int, $l: Int) { a(first: $f, last: $l) { nodes { b } } }";
    assert_eq!(cost(either, json!({"l": 100})), 41);
    assert_eq!(cost(either, json!({"f": 10, "l": null})), 5);
    assert_eq!(cost(either, json!({"f": 1, "l": 100})), 41);
    assert_eq!(cost(either, json!({})), 9);
    let lists = "{ a(first: 100) { nodes { b(first: 100) { nodes { log(first: 100) { text } } } } } }";
    assert!(cost(lists, json!({})) > 8000);
}

#[test]
fn what_looks_at_more_than_it_returns_has_a_price() {
    let cost = |query| spent(query, json!({})).cost;
    let plain = cost("{ functions(first: 5) { nodes { name } } }");
    assert_eq!(cost("{ functions(first: 5, eventType: \"a.b\") { nodes { name } } }"), plain + 20);
    assert_eq!(cost("{ functions(first: 5, eventType: \"a.b\", buildFailed: true) { nodes { name } } }"), plain + 40);
    assert_eq!(cost("{ runs(first: 5, idPrefix: \"01\") { nodes { name } } }"), plain + 20);
    let many = "{ events(first: 100) { nodes { reachTotals { reached } } } }";
    assert!(cost(many) > 200, "{}", cost(many));
}

/// Whole lists that are short whatever callers do, each with what bounds it.
const SHORT_LISTS: [(&str, &str); 16] = [
    ("calls", "the points of a window"),
    ("command", "a manifest"),
    ("degraded", "the parts of a server"),
    ("digests", "the repositories of an image"),
    ("field", "the depth of an input"),
    ("headers", "a manifest"),
    ("instances", "`scaling.max` of a manifest, and what drains"),
    ("methods", "a manifest"),
    ("origins", "a manifest"),
    ("points", "the points of a window"),
    ("reach", "REACH is its weight"),
    ("runCounts", "the states of a run"),
    ("tags", "the names of an image"),
    ("triggers", "a manifest"),
    ("userErrors", "the faults of one request"),
    ("warnings", "the start of a server"),
];

#[test]
fn a_list_that_comes_as_a_whole_is_known_to_be_short_or_weighs_what_it_may_have() {
    let shape = Shape::of(&sdl());
    for name in shape.whole_list_names() {
        let is_short = SHORT_LISTS.iter().any(|(short, _)| *short == name);
        let is_long = LONG_LISTS.iter().any(|(long, _)| *long == name);
        assert!(
            is_short != is_long,
            "`{name}` comes as a whole: say in LONG_LISTS how many rows it may have, or in SHORT_LISTS what bounds it"
        );
    }
    let cost = |query| spent(query, json!({})).cost;
    assert!(cost(r#"{ members(namespace: "a") { subject role } }"#) > 400);
    assert!(
        cost("{ function { instances { usage { cpu } } } }")
            > 2 * cost("{ function { instances { id state address } } }")
    );
    let many: String = (0..40).map(|n| format!(r#"a{n}: secrets(namespace: "a") {{ name }} "#)).collect();
    assert!(spent(&format!("{{ {many} }}"), json!({})).cost > crate::config::Limits::default().complexity);
}

/// What the user interface asks, each operation by itself.
fn documents_of_the_interface() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../frontend/src");
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let is_document = |entry: &walkdir::DirEntry| entry.path().extension().is_some_and(|end| end == "graphql");
    let is_example = |entry: &walkdir::DirEntry| entry.path().components().any(|part| part.as_os_str() == "examples");
    let files = files.filter(|entry| is_document(entry) && !is_example(entry));
    files.map(|entry| std::fs::read_to_string(entry.path()).unwrap() + "\n").collect()
}

#[test]
fn what_the_user_interface_asks_is_within_the_limits() {
    let limits = crate::config::Limits::default();
    let document = parse_query(documents_of_the_interface()).unwrap();
    let mut names = 0;
    for (name, operation) in document.operations.iter() {
        let alone = ExecutableDocument {
            operations: DocumentOperations::Single(operation.clone()),
            fragments: document.fragments.clone(),
        };
        // The largest page that the interface asks for by a variable.
        let variables = Variables::from_json(json!({ "first": 50, "last": 50, "count": 50 }));
        let spent = weigh(&alone, &variables, &Shape::of(&sdl())).unwrap()[0];
        assert!(spent.depth <= limits.depth && spent.cost <= limits.complexity, "{name:?}: {spent:?}");
        names += 1;
    }
    assert!(names > 20, "{names}");
}

#[test]
fn whole_payloads_cost_more_than_a_number() {
    assert_eq!(spent("{ a { input } }", json!({})).cost, 1 + PAYLOAD);
    let many: String = (0..30).map(|i| format!("r{i}: runs(first: 100) {{ nodes {{ input output }} }} ")).collect();
    assert!(spent(&format!("{{ {many} }}"), json!({})).cost > 10_000);
}

#[test]
fn the_rows_of_a_page_are_found_in_a_fragment_too() {
    assert_eq!(spent("{ a { ...p } } fragment p on C { nodes { b } }", json!({})).cost, 9);
    assert_eq!(spent("{ a { ... on C { nodes { b } } } }", json!({})).cost, 9);
}

#[test]
fn fragments_count_where_they_are_used() {
    let spent = spent("query { ...a x { ...a } } fragment a on Q { b { c } }", json!({}));
    assert_eq!((spent.depth, spent.cost), (3, 5));
    let mutations = |query| self::spent(query, json!({})).cost;
    assert_eq!(mutations("mutation { a b }"), 102);
    assert_eq!(mutations("mutation { ...m } fragment m on M { a b }"), 102);
}

/// What the issue found, and its neighbours: each would occupy the library for ever.
fn bombs() -> Vec<String> {
    let levels = |count: usize, body: &dyn Fn(usize) -> String, last: &str| {
        let mut query = "{...f0}".to_owned();
        for i in 0..count {
            query.push_str(&format!("fragment f{i} on Query{{{}}}", body(i + 1)));
        }
        query + &format!("fragment f{count} on Query{{{last}}}")
    };
    vec![
        levels(40, &|i| format!("...f{i} ...f{i}"), "__typename"),
        levels(40, &|i| format!("a{{...f{i}}}b{{...f{i}}}"), "c"),
        levels(40, &|i| format!("...{{...f{i}}}...{{...f{i}}}"), "c"),
        levels(8, &|i| format!("...f{i} ").repeat(50), "c"),
        // Directives are counted along the same ways.
        levels(40, &|i| format!("...f{i}@skip(if:true) ...f{i}@skip(if:true)"), "c"),
        // Nothing spreads it, and the library checks it all the same.
        levels(40, &|i| format!("...f{i} ...f{i}"), "c").replacen("{...f0}", "{a}", 1),
    ]
}

#[test]
fn fragments_that_multiply_are_refused_at_once() {
    for query in bombs() {
        assert!(query.len() < 8 << 10);
        let since = Instant::now();
        assert!(all(&query, json!({})).is_err(), "{}", &query[..80]);
        assert!(since.elapsed() < Duration::from_secs(2), "{}", &query[..80]);
    }
}

#[test]
fn a_fragment_that_contains_itself_is_refused() {
    for query in [
        "{ ...a } fragment a on Q { b { ...a } }",
        "{ ...a } fragment a on Q { ...b } fragment b on Q { ...a }",
        "{ x } fragment a on Q { ...a ...a }",
    ] {
        assert!(matches!(all(query, json!({})), Err(Refused::Wrong(message)) if message.contains("contains itself")));
    }
}

#[test]
fn a_chain_of_fragments_has_a_depth() {
    let mut chain = "{...f0}".to_owned();
    for i in 0..2000 {
        chain.push_str(&format!("fragment f{i} on Q{{...f{}}}", i + 1));
    }
    chain.push_str("fragment f2000 on Q{a}");
    assert_eq!(all(&chain, json!({})), Err(Refused::TooDeep));
}

#[test]
fn what_is_repeated_has_a_limit() {
    let wide = format!("{{{}}}", "a ".repeat(MAX_SIZE + 1));
    too_much(&wide, json!({}));
    too_much(&format!("{{a({})}}", "b:1 ".repeat(MAX_ARGUMENTS + 1)), json!({}));
    too_much(&format!("{{a {}}}", "@b".repeat(MAX_DIRECTIVES + 1)), json!({}));
    too_much(&format!("{{...f {}}} fragment f on Q{{a}}", "@b".repeat(MAX_DIRECTIVES + 1)), json!({}));
    too_much(&format!("query({}){{a}}", "$a:A ".repeat(MAX_VARIABLES + 1)), json!({}));
    let operations: String = (0..=MAX_OPERATIONS).map(|i| format!("query q{i}{{a}}")).collect();
    too_much(&operations, json!({}));
    // Many sets that each spread one long fragment.
    let long = format!("{{{}}} fragment f on Q{{{}}}", "a{...f}".repeat(1000), "b ".repeat(1000));
    too_much(&long, json!({}));
    // A long text counts as what it is.
    too_much(&format!("{{{}}} fragment f on Q{{a(b:\"{}\")}}", "...f ".repeat(100), "x".repeat(20_000)), json!({}));
}

#[test]
fn a_large_variable_is_copied_for_each_row_of_a_page() {
    let variables = json!({ "v": "x".repeat(400 << 10) });
    let query = |rows| format!("query($v: String) {{ a(first: {rows}) {{ nodes {{ b(after: $v) {{ c }} }} }} }}");
    assert!(all(&query(20), variables.clone()).is_ok());
    assert!(too_much(&query(100), variables).contains("variables"));
    let small = json!({ "v": "x".repeat(100) });
    assert!(all(&query(100), small).is_ok());
}

#[test]
fn a_large_variable_may_stand_in_a_few_places_only() {
    let large = json!({ "v": "x".repeat(6 << 20) });
    let query = |times: usize| format!("query($v: JSON) {{{}}}", "a(b: $v) ".repeat(times));
    assert!(all(&query(ALWAYS_COPIED), large.clone()).is_ok());
    assert!(too_much(&query(ALWAYS_COPIED + 1), large).contains("variables"));
    assert!(all(&query(1000), json!({ "v": "a small one" })).is_ok());
    let default = format!("query($v: JSON = \"{}\") {{{}}}", "x".repeat(30_000), "a(b:$v)".repeat(1000));
    too_much(&default, json!({}));
}

#[test]
fn a_subscription_follows_one_thing() {
    assert!(all("subscription { a }", json!({})).is_ok());
    for query in ["subscription { a b }", "subscription { ...f } fragment f on S { a b: a }"] {
        assert!(matches!(all(query, json!({})), Err(Refused::Wrong(_))), "{query}");
    }
}

/// What tools ask to know all of a schema.
fn introspection() -> String {
    let mut of_type = "kind name".to_owned();
    for _ in 0..9 {
        of_type = format!("kind name ofType {{ {of_type} }}");
    }
    format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
           types {{ ...FullType }} directives {{ name description locations args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL
           fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }} isDeprecated deprecationReason }}
           inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
           enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
         fragment TypeRef on __Type {{ {of_type} }}"
    )
}

#[test]
fn payloads_and_lists_without_pages_have_prices_whatever_they_are_called() {
    let shape = Shape::of(
        "scalar JSON scalar ID interface Node { id: ID! } \
         type Query implements Node { id: ID! tree: JSON! trees: [JSON] all: [Thing!]! ids: [ID!]! page(first: Int): [Thing!]! nodes: [Thing!]! } \
         type Thing { name: String }",
    );
    let named = |is: &dyn Fn(&str) -> bool| {
        ["id", "tree", "trees", "all", "ids", "page", "nodes", "name"]
            .into_iter()
            .filter(|name| is(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(named(&|name| shape.is_payload(name)), ["tree", "trees"]);
    assert_eq!(named(&|name| shape.is_whole_list(name)), ["all"]);
    let of_a_version = |fields: &str| spent(&format!("{{ f {{ currentVersion {{ {fields} }} }} }}"), json!({})).cost;
    assert_eq!(of_a_version("number"), 3);
    assert_eq!(of_a_version("manifest"), 22);
    assert_eq!(of_a_version("files { path text }"), 23);
    // As its folders, and names for them that are looked up.
    assert_eq!(spent("{ build { offeredFolders { path suggestedName } } }", json!({})).cost, 33);
    assert_eq!(spent("{ f { manifestOverride triggers { filter } } }", json!({})).cost, 62);
    assert_eq!(spent("{ fireTimes(cron: \"x\") }", json!({})).cost, 20);
    assert_eq!(
        spent("{ f { log { text } } }", json!({})).cost,
        spent("{ f { log(first: 20) { text } } }", json!({})).cost
    );
}

#[test]
fn a_question_about_the_schema_costs_what_it_is_answered_with() {
    let whole = spent(&introspection(), json!({}));
    assert!(whole.schema < MAX_COST, "{whole:?}");
    assert!(whole.schema > MAX_COST / 4, "{whole:?}");
    // Several of it at once are not needed by anybody.
    let several: String = (0..5).map(|i| format!("s{i}: __schema {{ types {{ ...FullType }} }} ")).collect();
    let fragments = introspection().split_once("fragment").unwrap().1.to_owned();
    assert!(spent(&format!("{{ {several} }} fragment {fragments}"), json!({})).schema > MAX_COST);
    // Types of fields of types of fields.
    let again = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert!(spent(again, json!({})).schema > MAX_COST);
    let one = "{ __type(name: \"Function\") { fields { name type { name } } } }";
    assert!(spent(one, json!({})).schema < 500, "{:?}", spent(one, json!({})));
    assert_eq!(spent("{ __schema { types { name } } a }", json!({})).cost, 2);
}
