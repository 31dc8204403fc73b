//! `revokeTokens` beyond the Universal Test Specifications.

use ably_auth::wire::TokenRevocationTargetSpecifier as Target;
use ably_auth::{Error, ErrorKind, Revocation};
use serde_json::json;

use crate::common::*;

#[track_caller]
fn revocation_error(answer: impl Fn() -> Answer + 'static) -> Error {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(move |_| answer());
    let revocation = client.revoke_tokens(Revocation::new([Target::client_id("alice")]));
    client.expect_error(revocation)
}

#[test]
fn a_target_may_be_of_any_type() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!([])));
    let targets = [
        Target::client_id("a"),
        Target::revocation_key("b"),
        Target::channel("c"),
        Target::token("d"),
        Target::new("future", "e:f"),
    ];

    let revocation = client.revoke_tokens(Revocation::new(targets));

    client.expect_batch(revocation);
    assert_eq!(
        client.requests[0].json()["targets"],
        json!(["clientId:a", "revocationKey:b", "channel:c", "token:d", "future:e:f"])
    );
}

#[test]
fn no_targets_are_refused_before_any_request() {
    let mut client = Client::new(json!({"key": KEY}));

    let revocation = client.revoke_tokens(Revocation::new([]));

    assert_eq!(codes(&client.expect_error(revocation)), (40000, 400));
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn a_400_with_the_results_of_the_batch_is_a_result() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| {
        respond(
            400,
            json!({
                "error": {"code": 40020, "statusCode": 400, "message": "Batched response includes errors"},
                "batchResponse": [
                    {"target": "clientId:a", "issuedBefore": 1, "appliesAt": 2},
                    {"target": "x:b", "error": {"code": 40000, "statusCode": 400, "message": "m"}},
                ],
            }),
        )
    });

    let revocation = client.revoke_tokens(Revocation::new([Target::client_id("a"), Target::new("x", "b")]));

    let result = client.expect_batch(revocation);
    assert_eq!((result.success_count, result.failure_count, result.results.len()), (1, 1, 2));
}

#[test]
fn the_answer_to_a_revocation_may_be_201() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| respond(201, json!({"successCount": 0, "failureCount": 0, "results": []})));

    let revocation = client.revoke_tokens(Revocation::new([Target::client_id("a")]));

    assert_eq!(client.expect_batch(revocation).results.len(), 0);
}

#[test]
fn a_client_that_has_switched_to_token_auth_cannot_revoke_and_one_that_has_switched_back_can() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "t"})),
        false => ok(json!([])),
    });
    let alice = || Revocation::new([Target::client_id("alice")]);

    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    let refused = client.revoke_tokens(alice());
    let error = client.expect_error(refused);
    assert_eq!((codes(&error), error.kind()), ((40162, 401), ErrorKind::Misuse));
    let back = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));
    client.expect_no_token(back);
    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[1].authorization(), Some(KEY_AS_BASIC));
}

#[test]
fn a_key_that_the_service_does_not_take_is_its_error_and_nothing_is_renewed() {
    let error = revocation_error(|| ably_error(401, 40142, "Token expired"));

    assert_eq!(codes(&error), (40142, 401));
}

#[test]
fn a_malformed_result_is_an_error_of_kind_malformed() {
    for body in [json!({}), json!([{}]), json!([{"target": "clientId:a"}]), json!(5)] {
        let error = revocation_error(move || ok(body.clone()));
        assert_eq!((codes(&error), error.kind()), ((50000, 500), ErrorKind::Malformed));
    }
    let error = revocation_error(|| respond_text(200, "text/html", "<html></html>"));
    assert_eq!((codes(&error), error.kind()), ((40013, 400), ErrorKind::Malformed));
}
