//! What `createTokenRequest` does with ttl and capability.

use ably_auth::wire::TokenRequest;
use serde_json::{Value, json};

use crate::common::*;

/// The token request for these params of a client with these defaults.
#[track_caller]
fn signed(defaults: Value, params: Value) -> TokenRequest {
    let mut client = Client::new(json!({"key": KEY, "defaultTokenParams": defaults}));
    let params = (!params.is_null()).then(|| token_params(params));
    let signing = client.create_token_request(params, None);
    let request = client.expect_token_request(signing);
    assert_eq!(request.key_name, "appId.keyId");
    assert_eq!(client.requests.len(), 0);
    request
}

// uts: rest/unit/RSA5/ttl-null-when-unspecified-0
#[test]
fn a_ttl_that_is_not_given_stays_absent() {
    let request = signed(Value::Null, Value::Null);

    assert_eq!(request.ttl, None);
    assert_eq!(serde_json::to_value(&request).unwrap().get("ttl"), None);
}

// uts: rest/unit/RSA5b/explicit-ttl-preserved-0
#[test]
fn a_given_ttl_is_signed() {
    assert_eq!(signed(Value::Null, json!({"ttl": 7_200_000})).ttl, Some(7_200_000));
}

// uts: rest/unit/RSA5c/ttl-from-default-params-0
#[test]
fn the_ttl_of_the_default_params_is_signed() {
    assert_eq!(signed(json!({"ttl": 1_800_000}), Value::Null).ttl, Some(1_800_000));
}

// uts: rest/unit/RSA5d/explicit-ttl-overrides-default-0
#[test]
fn a_given_ttl_goes_before_that_of_the_default_params() {
    assert_eq!(signed(json!({"ttl": 1_800_000}), json!({"ttl": 600_000})).ttl, Some(600_000));
}

// uts: rest/unit/RSA6/capability-null-when-unspecified-0
#[test]
fn a_capability_that_is_not_given_stays_absent() {
    let request = signed(Value::Null, Value::Null);

    assert_eq!(request.capability, None);
    assert_eq!(serde_json::to_value(&request).unwrap().get("capability"), None);
}

// uts: rest/unit/RSA6b/explicit-capability-preserved-0
#[test]
fn a_given_capability_is_signed() {
    const CAPABILITY: &str = r#"{"channel-a":["publish","subscribe"]}"#;
    let request = signed(Value::Null, json!({ "capability": CAPABILITY }));

    assert_eq!(request.capability.as_deref(), Some(CAPABILITY));
}

// uts: rest/unit/RSA6c/capability-from-default-params-0
#[test]
fn the_capability_of_the_default_params_is_signed() {
    const CAPABILITY: &str = r#"{"*":["subscribe"]}"#;
    let request = signed(json!({ "capability": CAPABILITY }), Value::Null);

    assert_eq!(request.capability.as_deref(), Some(CAPABILITY));
}

// uts: rest/unit/RSA6d/explicit-capability-overrides-default-0
#[test]
fn a_given_capability_goes_before_that_of_the_default_params() {
    const CAPABILITY: &str = r#"{"channel-x":["publish"]}"#;
    let request = signed(json!({"capability": r#"{"*":["subscribe"]}"#}), json!({ "capability": CAPABILITY }));

    assert_eq!(request.capability.as_deref(), Some(CAPABILITY));
}
