//! `revokeTokens`.

use ably_auth::wire::{TokenRevocationResult, TokenRevocationTargetSpecifier as Target};
use ably_auth::{NoticeKind, Revocation};
use serde_json::{Value, json};

use crate::common::*;

fn client_answering(status: u16, body: Value) -> Client {
    let mut client = Client::new(json!({"key": "appId.keyName:keySecret"}));
    client.on_http(move |_| respond(status, body.clone()));
    client
}

/// A client whose service revokes every target.
fn client() -> Client {
    let mut client = Client::new(json!({"key": "appId.keyName:keySecret"}));
    client.on_http(|http| {
        let targets = http.json()["targets"].as_array().expect("targets").clone();
        let results = targets.iter().map(|target| success(target.as_str().unwrap()));
        respond(200, results.collect())
    });
    client
}

fn success(target: &str) -> Value {
    json!({"target": target, "issuedBefore": UNIX_START, "appliesAt": UNIX_START + 1_000})
}

fn failure(target: &str) -> Value {
    let error = json!({"code": 40000, "statusCode": 400, "message": "Invalid target type"});
    json!({"target": target, "error": error})
}

fn alice() -> Revocation {
    Revocation::new([Target::client_id("alice")])
}

// uts: rest/unit/RSA17g/sends-post-correct-path-0
#[test]
fn revocations_are_posted_to_the_path_of_the_key() {
    let mut client = client();

    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests.len(), 1);
    let request = &client.requests[0];
    assert_eq!((request.method(), request.path()), ("POST", "/keys/appId.keyName/revokeTokens"));
}

// uts: rest/unit/RSA17b/single-specifier-targets-0
#[test]
fn one_target_is_sent_as_an_array() {
    let mut client = client();

    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests[0].json(), json!({"targets": ["clientId:alice"]}));
}

// uts: rest/unit/RSA17b/multiple-specifier-types-1
#[test]
fn targets_of_several_types_are_sent_in_order() {
    let mut client = client();
    let targets = [Target::client_id("alice"), Target::revocation_key("group-1"), Target::channel("secret")];

    let revocation = client.revoke_tokens(Revocation::new(targets));

    assert_eq!(client.expect_batch(revocation).success_count, 3);
    assert_eq!(
        client.requests[0].json(),
        json!({"targets": ["clientId:alice", "revocationKey:group-1", "channel:secret"]})
    );
}

// uts: rest/unit/RSA17c/all-success-result-0
#[test]
fn a_bare_array_of_successes_is_counted() {
    let mut client = client_answering(200, json!([success("clientId:alice"), success("clientId:bob")]));
    let targets = [Target::client_id("alice"), Target::client_id("bob")];

    let revocation = client.revoke_tokens(Revocation::new(targets));

    let result = client.expect_batch(revocation);
    assert_eq!((result.success_count, result.failure_count, result.results.len()), (2, 0, 2));
}

// uts: rest/unit/RSA17c/mixed-success-failure-1
#[test]
fn successes_and_failures_are_one_result() {
    let results = [success("clientId:alice"), failure("invalidType:abc")];
    let mut client = client_answering(200, json!({"successCount": 1, "failureCount": 1, "results": results}));
    let targets = [Target::client_id("alice"), Target::new("invalidType", "abc")];

    let revocation = client.revoke_tokens(Revocation::new(targets));

    let result = client.expect_batch(revocation);
    assert_eq!((result.success_count, result.failure_count), (1, 1));
    assert!(
        matches!(&result.results[..], [TokenRevocationResult::Success(_), TokenRevocationResult::Failure(_)]),
        "{:?}",
        result.results
    );
}

// uts: rest/unit/RSA17c/all-failure-result-2
#[test]
fn failures_alone_are_a_result_too() {
    let results = [failure("invalidType:foo"), failure("invalidType:bar")];
    let mut client = client_answering(200, json!({"successCount": 0, "failureCount": 2, "results": results}));
    let targets = [Target::new("invalidType", "foo"), Target::new("invalidType", "bar")];

    let revocation = client.revoke_tokens(Revocation::new(targets));

    let result = client.expect_batch(revocation);
    assert_eq!((result.success_count, result.failure_count, result.results.len()), (0, 2, 2));
}

// uts: rest/unit/TRS2/success-result-attributes-0
#[test]
fn a_success_says_from_when_on_which_tokens_are_hit() {
    let mut client = client_answering(200, json!([success("clientId:alice")]));

    let revocation = client.revoke_tokens(alice());

    let result = client.expect_batch(revocation);
    let [TokenRevocationResult::Success(success)] = &result.results[..] else { panic!("{:?}", result.results) };
    assert_eq!(success.target, "clientId:alice");
    assert_eq!(success.issued_before, 1_700_000_000_000);
    assert_eq!(success.applies_at, 1_700_000_001_000);
}

// uts: rest/unit/TRF2/failure-result-attributes-0
#[test]
fn a_failure_says_why() {
    let results = [failure("invalidType:abc")];
    let mut client = client_answering(200, json!({"successCount": 0, "failureCount": 1, "results": results}));

    let revocation = client.revoke_tokens(Revocation::new([Target::new("invalidType", "abc")]));

    let result = client.expect_batch(revocation);
    let [TokenRevocationResult::Failure(failure)] = &result.results[..] else { panic!("{:?}", result.results) };
    assert_eq!(failure.target, "invalidType:abc");
    assert_eq!(codes(&failure.error), (40000, 400));
    assert_says(&failure.error, &["Invalid target type"]);
}

// uts: rest/unit/RSA17d/token-auth-revoke-rejected-0
#[test]
fn a_client_with_a_token_cannot_revoke() {
    let mut client = Client::new(json!({"token": "a.token.string"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    let revocation = client.revoke_tokens(alice());

    assert_eq!(codes(&client.expect_error(revocation)), (40162, 401));
    assert_eq!(client.requests.len(), 0);
}

// uts: rest/unit/RSA17d/use-token-auth-revoke-rejected-1
#[test]
fn a_client_with_a_key_that_uses_token_auth_cannot_revoke() {
    let mut client = Client::new(json!({"key": "appId.keyName:keySecret", "useTokenAuth": true}));

    let revocation = client.revoke_tokens(alice());

    assert_eq!(codes(&client.expect_error(revocation)), (40162, 401));
    assert_eq!(client.requests.len(), 0);
}

// uts: rest/unit/RSA17e/issued-before-included-0
#[test]
fn issued_before_is_sent_where_it_is_given() {
    let mut client = client();
    let mut revocation = alice();
    revocation.issued_before = Some(1_699_999_000_000);

    let revocation = client.revoke_tokens(revocation);

    client.expect_batch(revocation);
    assert_eq!(
        client.requests[0].json(),
        json!({"targets": ["clientId:alice"], "issuedBefore": 1_699_999_000_000_i64})
    );
}

// uts: rest/unit/RSA17e/issued-before-omitted-1
#[test]
fn issued_before_is_left_out_where_it_is_not_given() {
    let mut client = client();

    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests[0].json().get("issuedBefore"), None);
}

// uts: rest/unit/RSA17f/reauth-margin-included-0
#[test]
fn the_margin_is_sent_where_it_is_given() {
    for margin in [true, false] {
        let mut client = client();
        let mut revocation = alice();
        revocation.allow_reauth_margin = Some(margin);

        let revocation = client.revoke_tokens(revocation);

        client.expect_batch(revocation);
        assert_eq!(client.requests[0].json(), json!({"targets": ["clientId:alice"], "allowReauthMargin": margin}));
    }
}

// uts: rest/unit/RSA17f/reauth-margin-omitted-1
#[test]
fn the_margin_is_left_out_where_it_is_not_given() {
    let mut client = client();

    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests[0].json().get("allowReauthMargin"), None);
}

// uts: rest/unit/RSA17f/both-options-together-2
#[test]
fn issued_before_and_the_margin_go_together() {
    let mut client = client();
    let mut revocation = alice();
    revocation.issued_before = Some(1_699_999_000_000);
    revocation.allow_reauth_margin = Some(true);

    let revocation = client.revoke_tokens(revocation);

    client.expect_batch(revocation);
    assert_eq!(
        client.requests[0].json(),
        json!({"targets": ["clientId:alice"], "issuedBefore": 1_699_999_000_000_i64, "allowReauthMargin": true})
    );
}

// A 500 qualifies for the next host; every host says the same.
// uts: rest/unit/RSA17/server-error-propagated-0
#[test]
fn an_error_of_the_service_fails_the_revocation() {
    let error = json!({"error": {"code": 50000, "statusCode": 500, "message": "Internal error"}});
    let mut client = client_answering(500, error);

    let revocation = client.revoke_tokens(alice());

    let error = client.expect_error(revocation);
    assert_eq!(codes(&error), (50000, 500));
    assert_eq!(error.message(), "Internal error");
    assert_eq!(client.requests.len(), 4);
}

// uts: rest/unit/RSA17/request-uses-basic-auth-0
#[test]
fn a_revocation_uses_basic_auth() {
    let mut client = client();

    let revocation = client.revoke_tokens(alice());

    client.expect_batch(revocation);
    assert_eq!(client.requests[0].authorization(), Some("Basic YXBwSWQua2V5TmFtZTprZXlTZWNyZXQ="));
}
