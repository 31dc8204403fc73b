//! A signed request that has been changed, and what is said of it.

use ably_auth::options::ApiKey;
use ably_auth::sign::{LikelyChange, VerifyError, mac, verify};
use ably_auth::wire::TokenRequest;
use serde_json::json;

use crate::common::*;

const CAPABILITY: &str = r#"{"a":["publish","subscribe"],"b,c:\"d\\":["*"]}"#;

fn key() -> ApiKey {
    KEY.parse().unwrap()
}

/// A request with these changes, signed.
fn signed(change: impl FnOnce(&mut TokenRequest)) -> TokenRequest {
    let mut request = token_request(json!({
        "keyName": key().name(), "ttl": 60_000, "capability": CAPABILITY, "timestamp": 1_700_000_000_000_i64,
        "nonce": "0123456789abcdef",
    }));
    change(&mut request);
    request.mac = Some(mac(&key(), &request));
    request
}

#[track_caller]
fn assert_likely(expected: LikelyChange, signed: &TokenRequest, change: impl FnOnce(&mut TokenRequest)) {
    assert_eq!(verify(&key(), signed), Ok(()));
    let mut request = signed.clone();
    change(&mut request);
    assert_eq!(verify(&key(), &request), Err(VerifyError::MacMismatch { likely: expected }));
}

#[test]
fn what_the_machine_signs_is_verified() {
    let mut client = Client::new(json!({"key": KEY}));
    let params = json!({"ttl": 60_000, "capability": CAPABILITY, "clientId": "me"});

    let signing = client.create_token_request(token_params(params), None);

    assert_eq!(verify(&key(), &client.expect_token_request(signing)), Ok(()));
}

#[test]
fn a_request_of_another_key_or_without_a_mac_is_refused() {
    let mut request = signed(|_| {});
    request.mac = None;
    assert_eq!(verify(&key(), &request), Err(VerifyError::MacMissing));
    request.key_name = "another.key".into();
    assert_eq!(verify(&key(), &request), Err(VerifyError::KeyNameMismatch));
}

#[test]
fn a_ttl_that_was_added_is_found() {
    let request = signed(|request| request.ttl = None);
    assert_likely(LikelyChange::TtlInjected, &request, |request| request.ttl = Some(3_600_000));
}

#[test]
fn seconds_in_place_of_milliseconds_are_found_and_the_other_way_round() {
    let change = LikelyChange::SecondsForMilliseconds;
    let (ms, s) = (1_700_000_000_000, 1_700_000_000);
    let in_ms = signed(|_| {});
    assert_likely(change, &in_ms, |request| request.ttl = Some(60));
    assert_likely(change, &in_ms, |request| request.timestamp = Some(s));
    assert_likely(change, &in_ms, |request| (request.ttl, request.timestamp) = (Some(60), Some(s)));
    let in_s = signed(|request| (request.ttl, request.timestamp) = (Some(60), Some(s)));
    assert_likely(change, &in_s, |request| request.ttl = Some(60_000));
    assert_likely(change, &in_s, |request| request.timestamp = Some(ms));
    assert_likely(change, &in_s, |request| (request.ttl, request.timestamp) = (Some(60_000), Some(ms)));
}

#[test]
fn a_capability_that_was_written_anew_is_found() {
    let change = LikelyChange::CapabilityReordered;
    let reordered = r#"{ "b,c:\"d\\": ["*"], "a": ["subscribe", "publish"] }"#;
    assert_likely(change, &signed(|_| {}), |request| request.capability = Some(reordered.into()));
    let of_python = r#"{"a": ["publish", "subscribe"], "b,c:\"d\\": ["*"]}"#;
    let request = signed(|request| request.capability = Some(of_python.into()));
    assert_likely(change, &request, |request| request.capability = Some(CAPABILITY.into()));
}

#[test]
fn a_client_id_that_was_added_is_found() {
    assert_likely(LikelyChange::ClientIdChanged, &signed(|_| {}), |request| request.client_id = Some("me".into()));
}

#[test]
fn for_what_cannot_be_guessed_the_secret_is_blamed() {
    assert_likely(LikelyChange::WrongSecret, &signed(|_| {}), |request| request.nonce = None);
    assert_likely(LikelyChange::WrongSecret, &signed(|_| {}), |request| request.mac = Some("no base64!".into()));
}

#[test]
fn a_reason_can_be_read() {
    let mismatch = |likely| VerifyError::MacMismatch { likely };
    for (error, says) in [
        (VerifyError::KeyNameMismatch, "the request names another key"),
        (VerifyError::MacMissing, "the request is not signed"),
        (mismatch(LikelyChange::TtlInjected), "the ttl was added after signing"),
        (mismatch(LikelyChange::SecondsForMilliseconds), "seconds and milliseconds were mixed up after signing"),
        (mismatch(LikelyChange::CapabilityReordered), "the capability's text was rewritten after signing"),
        (mismatch(LikelyChange::ClientIdChanged), "the clientId was changed after signing"),
        (mismatch(LikelyChange::WrongSecret), "it was signed with another secret"),
    ] {
        let text = error.to_string();
        assert!(text.ends_with(says), "{text}");
        let is_mismatch = matches!(error, VerifyError::MacMismatch { .. });
        assert_eq!(text.starts_with("the mac does not match; most likely "), is_mismatch, "{text}");
    }
}
