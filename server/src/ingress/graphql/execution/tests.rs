//! The specification's examples, sections 3, 5.6, 6 and 7, on a schema of their own.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use async_graphql::{
    Context, Enum, ID, InputObject, Object, OneofObject, Request, Result, Schema, Subscription, Variables,
};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::*;
use crate::ingress::graphql::position::Position;

struct Query;
struct Mutation;
struct Events;

/// A hero whose fields fail.
struct Hero;
struct Friend(i32);

#[derive(Default)]
struct Done(AtomicUsize);

#[derive(InputObject)]
struct Example {
    a: Option<String>,
    b: i32,
}

#[derive(OneofObject)]
enum OneOf {
    A(String),
    B(i32),
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum Episode {
    Newhope,
    Empire,
}

#[Object]
impl Hero {
    async fn id(&self) -> ID {
        ID("1".into())
    }

    /// A mebibyte.
    async fn long(&self) -> String {
        "x".repeat(1 << 20)
    }

    async fn nullable(&self) -> Result<Option<String>> {
        Err("it failed".into())
    }

    async fn strict(&self) -> Result<String> {
        Err("it failed".into())
    }

    async fn friends(&self) -> Vec<Option<Friend>> {
        (1..=3).map(|number| Some(Friend(number))).collect()
    }

    async fn strict_friends(&self) -> Option<Vec<Friend>> {
        Some((1..=3).map(Friend).collect())
    }

    async fn only_strict_friends(&self) -> Vec<Friend> {
        (1..=3).map(Friend).collect()
    }

    async fn large(&self) -> u64 {
        1 << 31
    }

    async fn large_or_null(&self) -> Option<u64> {
        Some(1 << 31)
    }

    async fn place(&self) -> Position {
        Position(1 << 31)
    }
}

#[Object]
impl Friend {
    async fn id(&self) -> i32 {
        self.0
    }

    /// The second has none.
    async fn name(&self) -> Result<Option<String>> {
        Ok(Some(self.strict_name_of()?))
    }

    async fn strict_name(&self) -> Result<String> {
        self.strict_name_of()
    }
}

impl Friend {
    fn strict_name_of(&self) -> Result<String> {
        if self.0 == 2 { Err("it has no name".into()) } else { Ok(format!("friend {}", self.0)) }
    }
}

#[Object]
impl Query {
    async fn hero(&self) -> Option<Hero> {
        Some(Hero)
    }

    async fn strict_hero(&self) -> Hero {
        Hero
    }

    async fn slow(&self) -> i32 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        1
    }

    async fn fast(&self) -> i32 {
        2
    }

    async fn echo(&self, value: Option<i32>) -> Option<i32> {
        value
    }

    async fn list(&self, of: Option<Vec<Option<i32>>>) -> Option<Vec<Option<i32>>> {
        of
    }

    async fn lists(&self, of: Option<Vec<Option<Vec<Option<i32>>>>>) -> Option<Vec<Option<Vec<Option<i32>>>>> {
        of
    }

    async fn example(&self, input: Option<Example>) -> Option<String> {
        input.map(|input| format!("{:?} {}", input.a, input.b))
    }

    async fn one_of(&self, input: Option<OneOf>) -> Option<String> {
        input.map(|input| match input {
            OneOf::A(a) => a,
            OneOf::B(b) => b.to_string(),
        })
    }

    #[allow(clippy::too_many_arguments)] // one argument for each type
    async fn typed(
        &self,
        id: Option<ID>,
        text: Option<String>,
        flag: Option<bool>,
        ratio: Option<f64>,
        at: Option<DateTime<Utc>>,
        episode: Option<Episode>,
        place: Option<Position>,
    ) -> bool {
        let _ = (id, text, flag, ratio, at, episode, place);
        true
    }
}

#[Object]
impl Mutation {
    /// How many were done before.
    async fn act(&self, ctx: &Context<'_>, value: Option<i32>) -> usize {
        let _ = value;
        ctx.data_unchecked::<Done>().0.fetch_add(1, Ordering::SeqCst)
    }

    async fn acted(&self, ctx: &Context<'_>) -> Acted {
        ctx.data_unchecked::<Done>().0.fetch_add(1, Ordering::SeqCst);
        Acted
    }

    async fn fail(&self) -> Result<i32> {
        Err("it failed".into())
    }
}

struct Acted;

#[Object]
impl Acted {
    async fn one(&self) -> i32 {
        1
    }

    async fn two(&self) -> i32 {
        2
    }
}

#[Subscription]
impl Events {
    async fn heroes(&self) -> impl Stream<Item = Hero> {
        stream::iter([Hero, Hero])
    }

    async fn refused(&self) -> Result<impl Stream<Item = Hero> + use<>> {
        Err::<stream::Empty<Hero>, _>("it does not begin".into())
    }
}

type House = Schema<Query, Mutation, Events>;

fn house() -> House {
    let bare = Schema::build(Query, Mutation, Events);
    let types = Types::of(&Schema::build(Query, Mutation, Events).finish().sdl());
    bare.extension(Execution::new(types)).data(Done::default()).finish()
}

fn done(house: &House) -> usize {
    house.data::<Done>().unwrap().0.load(Ordering::SeqCst)
}

async fn ask_of(house: &House, query: &str, variables: Value) -> Answer {
    execute(house, Request::new(query).variables(Variables::from_json(variables))).await
}

async fn ask(query: &str, variables: Value) -> Value {
    serde_json::to_value(ask_of(&house(), query, variables).await).unwrap()
}

fn paths(answer: &Value) -> Value {
    answer["errors"].as_array().into_iter().flatten().map(|error| error["path"].clone()).collect()
}

/// Section 6.4.4: a field that fails is null; where it may not be null its parent is, and so on.
#[tokio::test]
async fn a_failure_makes_null_of_what_may_be_null_and_of_nothing_else() {
    let friends =
        |name: &str, second: Value| json!([{ "id": 1, name: "friend 1" }, second, { "id": 3, name: "friend 3" }]);
    let table = [
        ("{ hero { id nullable } }", json!({ "hero": { "id": "1", "nullable": null } }), json!([["hero", "nullable"]])),
        (
            "{ strictHero { nullable id } }",
            json!({ "strictHero": { "nullable": null, "id": "1" } }),
            json!([["strictHero", "nullable"]]),
        ),
        ("{ hero { id strict } fast }", json!({ "hero": null, "fast": 2 }), json!([["hero", "strict"]])),
        ("{ strictHero { id strict } fast }", json!(null), json!([["strictHero", "strict"]])),
        (
            "{ hero { friends { id name } } }",
            json!({ "hero": { "friends": friends("name", json!({ "id": 2, "name": null })) } }),
            json!([["hero", "friends", 1, "name"]]),
        ),
        (
            "{ hero { friends { id strictName } } }",
            json!({ "hero": { "friends": friends("strictName", json!(null)) } }),
            json!([["hero", "friends", 1, "strictName"]]),
        ),
        (
            "{ hero { id strictFriends { strictName } } }",
            json!({ "hero": { "id": "1", "strictFriends": null } }),
            json!([["hero", "strictFriends", 1, "strictName"]]),
        ),
        (
            "{ hero { id onlyStrictFriends { strictName } } }",
            json!({ "hero": null }),
            json!([["hero", "onlyStrictFriends", 1, "strictName"]]),
        ),
        (
            "{ strictHero { onlyStrictFriends { strictName } } }",
            json!(null),
            json!([["strictHero", "onlyStrictFriends", 1, "strictName"]]),
        ),
        // All of an object's fields may fail, and it is an object still.
        ("{ hero { nullable } }", json!({ "hero": { "nullable": null } }), json!([["hero", "nullable"]])),
        (
            "{ a: hero { nullable } b: hero { strict } }",
            json!({ "a": { "nullable": null }, "b": null }),
            json!([["a", "nullable"], ["b", "strict"]]),
        ),
    ];
    for (query, data, at) in table {
        let answer = ask(query, json!({})).await;
        assert_eq!(answer["data"], data, "{query}: {answer:#}");
        let mut found: Vec<_> = paths(&answer).as_array().unwrap().iter().map(Value::to_string).collect();
        found.sort();
        let expected: Vec<_> = at.as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(found, expected, "{query}");
        for error in answer["errors"].as_array().unwrap() {
            assert!(error["extensions"]["code"].is_string(), "{query}: {error}");
        }
    }
}

/// Section 7.2.2: keys come in the order of the query, however long each takes.
#[tokio::test]
async fn keys_come_in_the_order_of_the_query() {
    let table = [
        ("{ slow fast }", "{\"slow\":1,\"fast\":2}"),
        ("{ fast slow }", "{\"fast\":2,\"slow\":1}"),
        ("{ slow ...F last: fast } fragment F on Query { a: slow b: fast }", "{\"slow\":1,\"a\":1,\"b\":2,\"last\":2}"),
        ("{ x: slow ... { fast y: slow } z: fast }", "{\"x\":1,\"fast\":2,\"y\":1,\"z\":2}"),
        // Section 6.3.2: a field that comes again stands where it stood first.
        ("{ slow fast slow }", "{\"slow\":1,\"fast\":2}"),
        (
            "{ hero { friends { id } nullable id } }",
            "{\"hero\":{\"friends\":[{\"id\":1},{\"id\":2},{\"id\":3}],\"nullable\":null,\"id\":\"1\"}}",
        ),
    ];
    for (query, data) in table {
        let text = serde_json::to_string(&ask_of(&house(), query, json!({})).await).unwrap();
        assert!(text.contains(&format!("\"data\":{data}")), "{query}: {text}");
    }
}

/// Sections 6.1.2 and 3.10 to 3.12, as their tables have it: what is sent, what it is sent with, whether it fits.
#[tokio::test]
async fn values_are_what_their_types_say() {
    let example =
        |literal: &str, declared: &str| format!("query({declared}) {{ example(input: {literal}) }}").replace("()", "");
    let one_of =
        |literal: &str, declared: &str| format!("query({declared}) {{ oneOf(input: {literal}) }}").replace("()", "");
    let whole = "$var: Example";
    let choice = "$var: OneOf";
    let list = "query($var: [Int]) { list(of: $var) }".to_owned();
    let lists = "query($var: [[Int]]) { lists(of: $var) }".to_owned();
    let typed = |name: &str, ty: &str| format!("query($var: {ty}) {{ typed({name}: $var) }}");
    let var = |value: Value| json!({ "var": value });
    let table = [
        // Input objects.
        (example("{ a: \"abc\", b: 123 }", ""), json!({}), true),
        (example("{ a: null, b: 123 }", ""), json!({}), true),
        (example("{ b: 123 }", ""), json!({}), true),
        (example("{ a: $var, b: 123 }", "$var: String"), var(json!(null)), true),
        (example("{ a: $var, b: 123 }", "$var: String"), json!({}), true),
        (example("{ b: $var }", "$var: Int!"), var(json!(123)), true),
        (example("$var", whole), var(json!({ "b": 123 })), true),
        (example("\"abc123\"", ""), json!({}), false),
        (example("$var", whole), var(json!("abc123")), false),
        (example("{ a: \"abc\", b: \"123\" }", ""), json!({}), false),
        (example("{ a: \"abc\" }", ""), json!({}), false),
        (example("{ b: $var }", "$var: Int!"), json!({}), false),
        (example("$var", whole), var(json!({ "a": "abc" })), false),
        (example("{ a: \"abc\", b: null }", ""), json!({}), false),
        (example("{ b: $var }", "$var: Int!"), var(json!(null)), false),
        (example("{ b: $var }", "$var: Int"), var(json!(1)), false),
        (example("{ b: 123, c: \"xyz\" }", ""), json!({}), false),
        (example("$var", whole), var(json!({ "b": 123, "c": "xyz" })), false),
        // Input objects of which one field is given.
        (one_of("{ a: \"abc\", b: 123 }", ""), json!({}), false),
        (one_of("{ a: null, b: 123 }", ""), json!({}), false),
        (one_of("{ a: null }", ""), json!({}), false),
        (one_of("{ b: 123 }", ""), json!({}), true),
        (one_of("{ a: $var }", "$var: String!"), var(json!("abc")), true),
        (one_of("{ a: $var }", "$var: String"), var(json!(null)), false),
        (one_of("{ a: $var }", "$var: String"), json!({}), false),
        (one_of("{ b: $var }", "$var: Int!"), var(json!(123)), true),
        (one_of("$var", choice), var(json!({ "b": 123 })), true),
        (one_of("$var", choice), var(json!({ "a": "abc", "b": 123 })), false),
        (one_of("$var", choice), var(json!({ "a": null })), false),
        (one_of("$var", choice), var(json!({})), false),
        (one_of("$var", choice), var(json!("abc123")), false),
        (one_of("{}", ""), json!({}), false),
        // Lists.
        (list.clone(), var(json!([1, 2, 3])), true),
        (list.clone(), var(json!([1, null, 3])), true),
        (list.clone(), var(json!([1, "b", true])), false),
        (list.clone(), var(json!(1)), true),
        (list.clone(), var(json!(null)), true),
        (lists.clone(), var(json!([[1], [2, 3]])), true),
        (lists.clone(), var(json!([1, 2, 3])), true),
        (lists.clone(), var(json!([[1], ["b"]])), false),
        (lists.clone(), var(json!(1)), true),
        (lists, var(json!(null)), true),
        ("query($var: [Int!]) { list(of: $var) }".to_owned(), var(json!([1, null])), false),
        ("query($var: [Int]!) { list(of: $var) }".to_owned(), var(json!(null)), false),
        // Scalars and enums.
        (typed("id", "ID"), var(json!("abc")), true),
        (typed("id", "ID"), var(json!(7)), true),
        (typed("id", "ID"), var(json!(7.5)), false),
        (typed("id", "ID"), var(json!(true)), false),
        (typed("text", "String"), var(json!("abc")), true),
        (typed("text", "String"), var(json!(7)), false),
        (typed("flag", "Boolean"), var(json!(false)), true),
        (typed("flag", "Boolean"), var(json!("true")), false),
        (typed("flag", "Boolean"), var(json!(1)), false),
        (typed("ratio", "Float"), var(json!(7)), true),
        (typed("ratio", "Float"), var(json!(7.5)), true),
        (typed("ratio", "Float"), var(json!("7.5")), false),
        (typed("at", "DateTime"), var(json!("2026-01-31T12:00:00Z")), true),
        (typed("at", "DateTime"), var(json!("yesterday")), false),
        (typed("at", "DateTime"), var(json!(1_700_000_000)), false),
        (typed("episode", "Episode"), var(json!("EMPIRE")), true),
        (typed("episode", "Episode"), var(json!("JEDI")), false),
        (typed("episode", "Episode"), var(json!(1)), false),
        (typed("place", "Position"), var(json!(1u64 << 40)), true),
        (typed("place", "Position"), var(json!("1099511627776")), true),
        (typed("place", "Position"), var(json!(-1)), false),
        (typed("place", "Position"), var(json!("-1")), false),
        (typed("place", "Position"), var(json!("")), false),
        ("query($var: Int) { echo(value: $var) }".to_owned(), var(json!(i32::MAX)), true),
        ("query($var: Int) { echo(value: $var) }".to_owned(), var(json!(1i64 << 31)), false),
        ("query($var: Int) { echo(value: $var) }".to_owned(), var(json!(1.5)), false),
        ("query($var: Int) { echo(value: $var) }".to_owned(), var(json!("1")), false),
        ("query($var: Int = 7) { echo(value: $var) }".to_owned(), json!({}), true),
        ("query($var: Int!) { echo(value: $var) }".to_owned(), json!({}), false),
        ("query($var: Int!) { fast }".to_owned(), json!({ "var": 1 }), false),
        ("{ typed(episode: EMPIRE) }".to_owned(), json!({}), true),
        ("{ typed(episode: \"EMPIRE\") }".to_owned(), json!({}), false),
        ("{ typed(at: \"yesterday\") }".to_owned(), json!({}), false),
        ("{ echo(value: 2147483648) }".to_owned(), json!({}), false),
        ("{ ... on Query { ...F } } fragment F on Query { typed(at: 7) }".to_owned(), json!({}), false),
    ];
    for (query, variables, fits) in table {
        let answer = ask(&query, variables.clone()).await;
        assert_eq!(answer.get("errors").is_none(), fits, "{query} with {variables}: {answer:#}");
        if !fits {
            assert!(answer.get("data").is_none(), "{query} with {variables} was executed: {answer}");
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            assert!(matches!(code, Some("bad_input" | "bad_query")), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_misfit_says_where_it_is() {
    let answer = ask("query($v: Example!) { example(input: $v) }", json!({ "v": { "b": "x" } })).await;
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("`$v.b`") && message.contains("`Int`"), "{message}");
    assert_eq!(answer["errors"][0]["locations"], json!([{ "line": 1, "column": 7 }]));
    let answer = ask("query($v: [Int]) { list(of: $v) }", json!({ "v": [1, "x"] })).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("`$v[1]`"), "{answer}");
    let many = format!("query({}) {{ fast }}", (0..50).map(|i| format!("$v{i}: Int! ")).collect::<String>());
    assert!(ask(&many, json!({})).await["errors"].as_array().unwrap().len() <= 70);
}

/// The known instance: the first field of a mutation was executed, and the second failed by its variable.
#[tokio::test]
async fn a_request_that_does_not_fit_runs_nothing() {
    let house = house();
    let table = [
        ("mutation($v: Int!) { a: act b: act(value: $v) }", json!({})),
        ("mutation($v: Int!) { a: act b: act(value: $v) }", json!({ "v": null })),
        ("mutation($v: Int) { a: act b: act(value: $v) }", json!({ "v": "x" })),
        ("mutation { a: act b: act(value: 2147483648) }", json!({})),
        ("mutation { a: act b: act(value: \"x\") }", json!({})),
        ("mutation { a: act ...F } fragment F on Mutation { a: act }", json!({})),
        ("mutation A { act } mutation B { act }", json!({})),
        ("mutation { act nonsense }", json!({})),
    ];
    for (query, variables) in table {
        let answer = serde_json::to_value(ask_of(&house, query, variables).await).unwrap();
        assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{query}: {answer}");
        assert!(answer.get("data").is_none(), "{query}: {answer}");
        assert_eq!(done(&house), 0, "{query}");
    }
}

/// Sections 5.3.2 and 6.3.2: fields that can be merged are one field.
#[tokio::test]
async fn what_is_asked_twice_is_done_once() {
    let house = house();
    let query =
        "mutation { acted { one } acted { two } ... on Mutation { acted { one } ... { acted { again: one } } } }";
    let answer = serde_json::to_value(ask_of(&house, query, json!({})).await).unwrap();
    assert_eq!(answer["data"], json!({ "acted": { "one": 1, "two": 2, "again": 1 } }), "{answer}");
    assert_eq!(done(&house), 1);
    // What asks for something else under the same name is refused.
    let answer = ask("{ a: echo(value: 1) a: echo(value: 2) }", json!({})).await;
    assert!(answer.get("data").is_none(), "{answer}");
    // A mutation's fields are done one after the other (6.2.2), and nothing after one that makes everything null.
    let house = self::house();
    let answer =
        serde_json::to_value(ask_of(&house, "mutation { a: act b: act fail c: act }", json!({})).await).unwrap();
    assert_eq!((&answer["data"], paths(&answer)), (&json!(null), json!([["fail"]])));
    assert!(answer.as_object().unwrap().contains_key("data"));
    assert_eq!(done(&house), 2);
}

/// Section 3.5.1: what is no 32-bit number is no `Int`.
#[tokio::test]
async fn an_int_does_not_overflow() {
    let answer = ask("{ hero { id largeOrNull place } }", json!({})).await;
    assert_eq!(answer["data"], json!({ "hero": { "id": "1", "largeOrNull": null, "place": 1u64 << 31 } }));
    assert_eq!(answer["errors"][0]["path"], json!(["hero", "largeOrNull"]));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "int_overflow");
    assert_eq!(ask("{ hero { large } }", json!({})).await["data"], json!({ "hero": null }));
}

#[tokio::test]
async fn a_subscription_keeps_the_same_rules() {
    let answers = |query: &'static str| async move {
        let answers = execute_stream(&house(), Request::new(query), Default::default());
        let answers: Vec<_> = answers.map(|answer| serde_json::to_value(answer).unwrap()).collect().await;
        answers
    };
    let all = answers("subscription { heroes { id nullable } }").await;
    assert_eq!(all.len(), 2);
    for answer in &all {
        assert_eq!(answer["data"], json!({ "heroes": { "id": "1", "nullable": null } }), "{answer}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "each has its own errors");
    }
    let all = answers("subscription { heroes { strict } }").await;
    assert_eq!((all.len(), &all[0]["data"]), (2, &json!(null)));
    assert!(all[0].as_object().unwrap().contains_key("data"), "{}", all[0]);
    // Fragments at the top.
    for query in [
        "subscription { ...F } fragment F on Events { heroes { id } }",
        "subscription { ... on Events { heroes { id } } }",
        "subscription { ... { heroes { id } } }",
    ] {
        let all = answers(query).await;
        assert_eq!((all.len(), &all[0]["data"]), (2, &json!({ "heroes": { "id": "1" } })), "{query}");
    }
    // What is refused before it begins has no data, and a code.
    for query in
        ["subscription { refused { id } }", "subscription { nonsense }", "subscription($v: Int!) { heroes { id } }"]
    {
        let all = answers(query).await;
        assert_eq!(all.len(), 1, "{query}");
        assert!(all[0].get("data").is_none(), "{query}: {}", all[0]);
        assert!(all[0]["errors"][0]["extensions"]["code"].is_string(), "{query}: {}", all[0]);
    }
}

#[tokio::test]
async fn every_error_has_a_code() {
    let table = [
        "{",
        "",
        "{ nonsense }",
        "query A { fast } query B { fast }",
        "{ hero }",
        "{ fast { x } }",
        "{ ...F }",
        "{ hero { nullable strict } }",
        "{ echo(value: \"x\") }",
        "subscription { heroes { id } }",
    ];
    for query in table {
        let answer = ask(query, json!({})).await;
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
        assert!(errors.iter().all(|error| error["extensions"]["code"].is_string()), "{query}: {answer}");
    }
    let request = Request::new("query A { fast }").operation_name("B");
    let answer = serde_json::to_value(execute(&house(), request).await).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "bad_query", "{answer}");
}

#[tokio::test]
async fn an_answer_has_no_more_texts_than_it_may() {
    let under = |names: usize| (0..names).map(|n| format!("a{n}: long ")).collect::<String>();
    let most = MAX_TEXTS >> 20;
    let answer = ask(&format!("{{ hero {{ {} }} }}", under(most / 2)), json!({})).await;
    assert_eq!(answer["data"]["hero"].as_object().unwrap().len(), most / 2, "{:?}", answer["errors"]);
    let answer = ask(&format!("{{ hero {{ {} }} }}", under(most + 1)), json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "answer_too_large");
    assert!(answer.to_string().len() < 1 << 20, "nothing of it stays");
}

#[test]
fn an_operation_is_chosen_as_the_specification_says() {
    let parse = |query: &str| async_graphql::parser::parse_query(query).unwrap();
    let of = |query: &str, name: Option<&str>| operation(&parse(query), name).map(|operation| operation.ty);
    assert_eq!(of("{ a }", None), Some(OperationType::Query));
    assert_eq!(of("{ a }", Some("A")), None);
    assert_eq!(of("mutation A { a }", None), Some(OperationType::Mutation));
    assert_eq!(of("query A { a } mutation B { a }", Some("A")), Some(OperationType::Query));
    assert_eq!(of("query A { a } mutation B { a }", Some("C")), None);
    assert_eq!(of("query A { a } mutation B { a }", None), None);
}
