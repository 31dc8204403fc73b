//! `createTokenRequest`: what is signed, and what is refused before.

use std::collections::BTreeSet;

use ably_auth::options::{ApiKey, AuthOptions};
use ably_auth::sign::verify;
use ably_auth::wire::{Capability, TokenParams, TokenRequest};
use serde_json::{Value, json};

use crate::common::*;

#[track_caller]
fn sign(client: &mut Client, params: Value) -> TokenRequest {
    let signing = client.create_token_request(token_params(params), None);
    let request = client.expect_token_request(signing);
    assert_eq!(verify(&KEY.parse::<ApiKey>().unwrap(), &request), Ok(()));
    request
}

fn client() -> Client {
    Client::new(json!({"key": KEY}))
}

#[test]
fn nonces_are_long_and_never_the_same() {
    let mut client = client();

    let nonces: BTreeSet<_> = (0..1_000).map(|_| sign(&mut client, json!({})).nonce.unwrap()).collect();

    assert_eq!(nonces.len(), 1_000);
    assert!(nonces.iter().all(|nonce| nonce.len() >= 22), "128 bits of base64 are 22 characters");
}

#[test]
fn nonces_follow_from_the_seed() {
    let nonce = |seed: u8| {
        let mut client = Client::with_seed(json!({"key": KEY}), [seed; 32]);
        sign(&mut client, json!({})).nonce
    };

    assert_eq!(nonce(1), nonce(1));
    assert_ne!(nonce(1), nonce(2));
}

#[test]
fn a_given_nonce_and_timestamp_are_signed() {
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));

    let request = sign(&mut client, json!({"nonce": "0123456789abcdef", "timestamp": 5}));

    assert_eq!((request.nonce.as_deref(), request.timestamp), (Some("0123456789abcdef"), Some(5)));
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn the_wall_clock_gives_the_timestamp_where_the_servers_time_is_unknown() {
    let mut client = client();
    client.advance(1_234);

    assert_eq!(sign(&mut client, json!({})).timestamp, Some(UNIX_START + 1_234));
}

#[test]
fn the_issued_of_a_token_is_no_source_for_timestamps() {
    let mut client = Client::new(json!({"key": KEY, "useTokenAuth": true}));
    client.on_http(|_| ok(json!({"token": "t", "issued": UNIX_START + HOUR, "expires": UNIX_START + 2 * HOUR})));
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);

    assert_eq!(sign(&mut client, json!({})).timestamp, Some(UNIX_START));
}

#[test]
fn query_time_has_the_service_asked_before_signing() {
    let mut client = client();
    let options = auth_options(json!({"key": KEY, "queryTime": true}));

    let signing = client.create_token_request(None, options);
    let http = client.expect_http();
    assert_eq!((http.method(), http.path(), http.authorization()), ("GET", "/time", None));
    assert!(client.is_running(signing));
    client.respond(&http, 200, json!([5_000]));

    assert_eq!(client.expect_token_request(signing).timestamp, Some(5_000));
}

#[test]
fn a_failed_query_for_the_time_fails_the_signing() {
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));
    client.on_http(|_| ably_error(400, 40099, "no time"));

    let signing = client.create_token_request(None, None);

    assert_eq!(codes(&client.expect_error(signing)), (40099, 400));
}

#[test]
fn params_that_are_given_replace_the_default_ones_wholly() {
    let mut client =
        Client::new(json!({"key": KEY, "defaultTokenParams": {"ttl": 60_000, "capability": {"a": ["*"]}}}));

    let request = sign(&mut client, json!({"ttl": 30_000}));

    assert_eq!((request.ttl, request.capability), (Some(30_000), None));
}

#[test]
fn bad_params_fail_the_command_before_any_request() {
    let mut client = Client::with_numbered_tokens(json!({"key": KEY}));
    for (params, expected) in [
        (TokenParams { ttl: Some(0), ..TokenParams::default() }, (40003, 400)),
        (TokenParams { ttl: Some(-1), ..TokenParams::default() }, (40003, 400)),
        (TokenParams { client_id: Some(String::new()), ..TokenParams::default() }, (40012, 400)),
    ] {
        let operations = [
            client.create_token_request(params.clone(), None),
            client.request_token(params.clone(), None),
            client.authorize(params, None),
        ];
        for operation in operations {
            assert_eq!(codes(&client.expect_error(operation)), expected);
        }
    }
    assert_eq!((client.callbacks.len(), client.requests.len()), (0, 0));

    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    assert_eq!(client.callbacks[0].params, TokenParams::default(), "refused params are not stored");
}

#[test]
fn params_of_a_wrong_type_are_refused() {
    for (params, expected) in [
        (json!({"ttl": 0}), (40003, 400)),
        (json!({"ttl": -5}), (40003, 400)),
        (json!({"ttl": "soon"}), (40003, 400)),
        (json!({"ttl": 1.5}), (40003, 400)),
        (json!({"clientId": ""}), (40012, 400)),
        (json!({"clientId": 5}), (40012, 400)),
        (json!({"timestamp": "soon"}), (40000, 400)),
        (json!({"nonce": 5}), (40000, 400)),
        (json!({"capability": "not json"}), (40000, 400)),
        (json!({"capability": "[]"}), (40000, 400)),
        (json!({"capability": {"a": "b"}}), (40000, 400)),
        (json!({"capability": {"a": [1]}}), (40000, 400)),
        (json!({"capability": {"a": []}}), (40000, 400)),
        (json!({"capability": 5}), (40000, 400)),
        (json!([]), (40000, 400)),
    ] {
        let error = TokenParams::from_json(&params).expect_err(&params.to_string());
        assert_eq!(codes(&error), expected, "{params}");
    }
}

#[test]
fn absent_null_and_empty_params_stay_absent_and_unknown_ones_are_ignored() {
    let mut client = client();

    let params = json!({"ttl": null, "capability": "", "clientId": null, "nonce": null, "unknown": 5});

    let request = sign(&mut client, params);
    assert_eq!((request.ttl, request.capability, request.client_id), (None, None, None));
}

#[test]
fn numeric_strings_are_numbers() {
    let request = sign(&mut client(), json!({"ttl": "60000", "timestamp": "5"}));

    assert_eq!((request.ttl, request.timestamp), (Some(60_000), Some(5)));
}

#[test]
fn an_empty_capability_object_is_sent() {
    assert_eq!(sign(&mut client(), json!({"capability": {}})).capability.as_deref(), Some("{}"));
    assert_eq!(sign(&mut client(), json!({"capability": "{}"})).capability.as_deref(), Some("{}"));
}

#[test]
fn a_capability_is_canonical_whether_given_as_value_or_text() {
    const CANONICAL: &str = r#"{"10":["a"],"9":["a"],"B":["x","y"],"a":["*"],"é":["ä"],"\"q\"":["b"]}"#;
    const TEXT: &str =
        r#" { "é" : ["ä"], "a": ["first"], "9":["a"], "10":["a"], "B": ["y", "x", "y"], "\"q\"": ["b"], "a": ["*"] } "#;
    let expected: Capability = CANONICAL.parse().unwrap();

    let of_text = sign(&mut client(), json!({ "capability": TEXT })).capability.unwrap();

    assert_eq!(of_text, expected.as_str());
    assert_eq!(of_text, r#"{"\"q\"":["b"],"10":["a"],"9":["a"],"B":["x","y"],"a":["*"],"é":["ä"]}"#);
    let value: Value = serde_json::from_str(TEXT).unwrap();
    assert_eq!(sign(&mut client(), json!({ "capability": value })).capability.unwrap(), of_text);
}

#[test]
fn resources_are_sorted_by_code_point_and_not_by_utf_16_unit() {
    let request = sign(&mut client(), json!({"capability": {"\u{1F600}": ["a"], "\u{FB01}": ["a"]}}));

    assert_eq!(request.capability.as_deref(), Some("{\"\u{FB01}\":[\"a\"],\"\u{1F600}\":[\"a\"]}"));
}

#[test]
fn a_key_without_name_or_secret_is_refused_where_it_is_used() {
    for key in ["", "name", ":secret", "name:"] {
        assert_eq!(codes(&AuthOptions::with_key(key).unwrap_err()), (40101, 403));
        assert_eq!(codes(&AuthOptions::from_json(&json!({ "key": key })).unwrap_err()), (40101, 403));
    }
}

#[test]
fn without_a_key_nothing_can_be_signed() {
    let mut client = Client::with_numbered_tokens(json!({}));

    let signing = client.create_token_request(None, None);
    assert_eq!(codes(&client.expect_error(signing)), (40101, 403));
    let signing = client.create_token_request(None, auth_options(json!({"queryTime": true})));
    assert_eq!(codes(&client.expect_error(signing)), (40101, 403));

    assert_eq!((client.callbacks.len(), client.requests.len()), (0, 0));
}

#[test]
fn a_key_among_the_options_of_the_call_signs() {
    let mut client = client();

    let signing = client.create_token_request(None, auth_options(json!({"key": "other.key:other-secret"})));

    let request = client.expect_token_request(signing);
    assert_eq!(request.key_name, "other.key");
    assert_eq!(verify(&"other.key:other-secret".parse::<ApiKey>().unwrap(), &request), Ok(()));
}
