//! What capabilities mean to the sandbox: grammar, matching and intersection.
#![cfg(feature = "sandbox")]

use ably_auth::sandbox::{Grant, KeySpec};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

fn grant(text: &str) -> Grant {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn key(index: usize) -> Grant {
    let [full, ..] = KeySpec::test_app();
    assert_eq!(full.capability, None);
    KeySpec::test_app()[index].capability.as_deref().map_or_else(Grant::all, grant)
}

#[test]
fn every_documented_operation_is_known() {
    for operation in [
        "subscribe",
        "publish",
        "presence",
        "object-subscribe",
        "object-publish",
        "annotation-subscribe",
        "annotation-publish",
        "message-update-own",
        "message-update-any",
        "message-delete-own",
        "message-delete-any",
        "history",
        "stats",
        "push-subscribe",
        "push-admin",
        "channel-metadata",
        "privileged-headers",
        "message-subscribe",
        "presence-subscribe",
        "channel-metadata:publishers",
        "list-channels",
        "connection-metadata",
        "*",
    ] {
        grant(&format!(r#"{{"a":["{operation}"]}}"#));
    }
}

#[test]
fn what_is_no_capability_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "5",
        r#""text""#,
        r#"{"a":[]}"#,
        r#"{"a":"*"}"#,
        r#"{"a":[5]}"#,
        r#"{"a":["*","publish"]}"#,
        r#"{"a":["*","*"]}"#,
        r#"{"a":["Publish"]}"#,
        r#"{"a":["publish"],"b":[]}"#,
    ] {
        let error = text.parse::<Grant>().unwrap_err();
        assert_eq!((error.code(), error.status_code()), (40000, 400), "{text}");
    }
    assert!(grant("{}").is_empty());
}

#[test]
fn patterns_match_names() {
    for (pattern, name, matches) in [
        ("foo", "foo", true),
        ("foo", "Foo", false),
        ("foo", "foo:bar", false),
        ("*", "foo", true),
        ("*", "foo:bar:baz", true),
        ("foo*", "foobar", false),
        ("foo*", "foo*", true),
        ("foo:*", "foo", true),
        ("foo:*", "foo:bar", true),
        ("foo:*", "foo:bar:baz", true),
        ("foo:*", "food:bar", false),
        ("foo:*:baz", "foo:bar:baz", true),
        ("foo:*:baz", "foo:baz", false),
        ("foo:*:baz", "foo:a:b:baz", false),
        ("*:bar", "foo:bar", true),
        ("*:bar", "bar", false),
        ("*", "[queue]foo", false),
        ("*", "[meta]log", false),
        ("[meta]*", "[meta]log", true),
        ("[meta]*", "log", false),
        ("[*]*", "log", true),
        ("[*]*", "[queue]foo:bar", true),
        ("[*]foo", "[queue]bar", false),
        ("*", "[?rewind=1]foo", true),
        ("[filter]foo", "[filter=abc]foo", true),
        ("[filter=abc]foo", "[filter=def]foo", true),
        ("*", "[filter=abc]foo", false),
    ] {
        let grant = grant(&serde_json::json!({ pattern: ["publish"] }).to_string());
        assert_eq!(grant.permits(name, "publish"), matches, "{pattern} {name}");
        assert!(!grant.permits(name, "subscribe"));
    }
}

#[test]
fn intersections_are_those_measured_on_the_service() {
    for (key, requested, granted) in [
        (key(2), r#"{"channel2":["presence","subscribe"]}"#, r#"{"channel2":["subscribe"]}"#),
        (key(2), r#"{"channel2":["*"]}"#, r#"{"channel2":["publish","subscribe"]}"#),
        (key(2), r#"{"channel6":["publish","subscribe"]}"#, r#"{"channel6":["publish","subscribe"]}"#),
        (key(3), r#"{"cansubscribe:*":["subscribe"]}"#, r#"{"cansubscribe:*":["subscribe"]}"#),
        (key(1), r#"{"canpublish:test":["subscribe"]}"#, "{}"),
        (key(1), &key(1).to_string(), &key(1).to_string()),
        (
            grant(
                r#"{"ns:*":["publish","subscribe","presence"],"notifications":["subscribe","history"],"alerts":["subscribe"]}"#,
            ),
            r#"{"ns:user-123":["subscribe"],"notifications":["*"],"private":["publish","subscribe"]}"#,
            r#"{"notifications":["history","subscribe"],"ns:user-123":["subscribe"]}"#,
        ),
        (Grant::all(), "{}", "{}"),
    ] {
        assert_eq!(key.intersect(&grant(requested)).to_string(), granted, "{key} {requested}");
    }
}

#[test]
fn paths_intersect_segment_by_segment() {
    for (ours, theirs, common) in [
        ("foo:*", "*:bar", Some("foo:bar")),
        ("foo:*", "*:bar:baz", Some("foo:bar:baz")),
        ("*", "a:b:*", Some("a:b:*")),
        ("a:*:c", "a:b:*", Some("a:b:c")),
        ("a:*", "a", None),
        ("a:b", "a:b:*", None),
        ("a:b", "a:b:c", None),
        ("[*]*", "[meta]log", Some("[meta]log")),
        ("[*]*", "a", Some("a")),
        ("[*]*", "[*]*", Some("[*]*")),
        ("*", "[meta]log", None),
        ("[queue]*", "[meta]*", None),
    ] {
        let of = |resource: &str| grant(&serde_json::json!({ resource: ["publish"] }).to_string());
        let expected = common.map_or_else(|| grant("{}"), of);
        assert_eq!(of(ours).intersect(&of(theirs)), expected, "{ours} {theirs}");
        assert_eq!(of(theirs).intersect(&of(ours)), expected, "{theirs} {ours}");
    }
}

#[test]
fn operations_from_several_pairs_add_up() {
    let ours = grant(r#"{"*":["subscribe"],"a":["publish","history"]}"#);
    let theirs = grant(r#"{"a":["publish","subscribe"],"b":["*"]}"#);
    assert_eq!(ours.intersect(&theirs).to_string(), r#"{"a":["publish","subscribe"],"b":["subscribe"]}"#);
}

const OPERATIONS: [&str; 3] = ["publish", "subscribe", "history"];

fn resource() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("*"), Just("a"), Just("b")];
    let qualifier = prop_oneof![4 => Just(""), 1 => Just("[meta]"), 1 => Just("[*]")];
    (qualifier, vec(segment, 1..4)).prop_map(|(qualifier, path)| format!("{qualifier}{}", path.join(":")))
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let operations = prop_oneof![
        1 => Just(vec!["*"]),
        4 => btree_set(prop::sample::select(&OPERATIONS[..]), 1..4).prop_map(|set| set.into_iter().collect()),
    ];
    btree_map(resource(), operations, 0..5).prop_map(|map| grant(&serde_json::json!(map).to_string()))
}

/// Names of every shape that the patterns can tell apart.
fn names() -> Vec<String> {
    let segments = ["a", "b", "c"];
    let mut paths: Vec<String> = segments.map(String::from).into();
    for length in 1..=3 {
        let longer: Vec<String> = paths
            .iter()
            .filter(|path| path.split(':').count() == length)
            .flat_map(|path| segments.map(|segment| format!("{path}:{segment}")))
            .collect();
        paths.extend(longer);
    }
    paths.iter().flat_map(|path| ["", "[meta]", "[queue]"].map(|qualifier| format!("{qualifier}{path}"))).collect()
}

fn permitted(grant: &Grant, names: &[String]) -> Vec<bool> {
    names.iter().flat_map(|name| OPERATIONS.map(|operation| grant.permits(name, operation))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intersection_never_grants_more_than_either_side(ours in any_grant(), theirs in any_grant()) {
        let names = names();
        let (both, ours, theirs) = (permitted(&ours.intersect(&theirs), &names), permitted(&ours, &names), permitted(&theirs, &names));
        for ((both, ours), theirs) in both.into_iter().zip(ours).zip(theirs) {
            prop_assert!(!both || (ours && theirs));
        }
    }

    #[test]
    fn intersection_is_commutative(ours in any_grant(), theirs in any_grant()) {
        prop_assert_eq!(ours.intersect(&theirs), theirs.intersect(&ours));
    }

    #[test]
    fn intersection_is_idempotent(grant in any_grant()) {
        let names = names();
        prop_assert_eq!(permitted(&grant.intersect(&grant), &names), permitted(&grant, &names));
    }

    #[test]
    fn everything_leaves_channels_as_they_are(grant in any_grant()) {
        let all: Grant = r#"{"[*]*":["*"]}"#.parse().unwrap();
        prop_assert_eq!(all.intersect(&grant), grant);
    }

    #[test]
    fn text_and_value_are_the_same(grant in any_grant()) {
        prop_assert_eq!(grant.to_string().parse::<Grant>().unwrap(), grant);
    }

    #[test]
    fn no_text_panics(text in ".*", name in ".*") {
        if let Ok(grant) = text.parse::<Grant>() {
            grant.permits(&name, "publish");
        }
        Grant::all().permits(&name, "publish");
    }
}

#[test]
fn brackets_without_a_qualifier_hide_none() {
    for name in ["[][meta]a", "[=x][meta]a", "[?][*]*"] {
        let text = format!(r#"{{"{name}":["publish"]}}"#);
        let grant: Grant = text.parse().unwrap();
        assert_eq!(grant.to_string(), text);
        assert!(grant.permits(name, "publish") && !grant.permits("[meta]a", "publish"));
        assert!(!grant.to_string().parse::<Grant>().unwrap().permits("[meta]a", "publish"));
    }
}

#[test]
fn brackets_of_two_grants_make_no_qualifier() {
    let ours: Grant = r#"{"[x:*":["publish"]}"#.parse().unwrap();
    let theirs: Grant = r#"{"*:y]z":["publish"]}"#.parse().unwrap();
    let nothing: Grant =
        r#"{"a":["publish"]}"#.parse::<Grant>().unwrap().intersect(&r#"{"b":["publish"]}"#.parse().unwrap());

    for common in [ours.intersect(&theirs), theirs.intersect(&ours)] {
        assert_eq!(common, nothing);
        assert!(!common.permits("[x:y]z", "publish") && !common.permits("z", "publish"));
    }
}
