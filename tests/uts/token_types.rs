//! The types of tokens, token params and token requests.

use std::collections::BTreeMap;

use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest};
use serde_json::json;

use crate::common::*;

const CAPABILITY: &str = r#"{"*":["*"]}"#;

// uts: rest/unit/TD1/token-details-attributes-0
#[test]
fn token_details_hold_what_is_known_of_a_token() {
    let mut details = TokenDetails::new("test-token");
    assert_eq!(details.token.expose(), "test-token");
    assert_eq!((details.expires, details.issued), (None, None));
    assert_eq!((&details.capability, &details.client_id, &details.key_name), (&None, &None, &None));

    details.expires = Some(1_234_567_890_000);
    details.issued = Some(1_234_567_800_000);
    details.capability = Some(CAPABILITY.to_owned());
    details.client_id = Some("my-client".to_owned());

    assert_eq!(
        serde_json::to_value(&details).unwrap(),
        json!({
            "token": "test-token", "expires": 1_234_567_890_000_i64, "issued": 1_234_567_800_000_i64,
            "capability": CAPABILITY, "clientId": "my-client",
        })
    );
}

// uts: rest/unit/TD/token-details-from-json-0
#[test]
fn token_details_are_read_from_json() {
    let details = TokenDetails::from_json(&json!({
        "token": "deserialized-token", "expires": 1_234_567_890_000_i64, "issued": 1_234_567_800_000_i64,
        "capability": r#"{"channel-1":["publish"]}"#, "clientId": "json-client", "keyName": "appId.keyId",
    }))
    .unwrap();

    assert_eq!(details.token.expose(), "deserialized-token");
    assert_eq!(details.expires, Some(1_234_567_890_000));
    assert_eq!(details.issued, Some(1_234_567_800_000));
    assert_eq!(details.capability.as_deref(), Some(r#"{"channel-1":["publish"]}"#));
    assert_eq!(details.client_id.as_deref(), Some("json-client"));
    assert_eq!(details.key_name.as_deref(), Some("appId.keyId"));
}

// uts: rest/unit/TK1/token-params-attributes-0
#[test]
fn token_params_hold_what_is_asked_for() {
    let none = TokenParams::default();
    assert_eq!((none.ttl, none.timestamp), (None, None));
    assert_eq!((none.capability, none.client_id, none.nonce), (None, None, None));

    let params = TokenParams {
        ttl: Some(7_200_000),
        capability: Some(CAPABILITY.parse().unwrap()),
        client_id: Some("full-client".to_owned()),
        timestamp: Some(1_234_567_890_000),
        nonce: Some("full-nonce".to_owned()),
    };

    let json = json!({
        "ttl": 7_200_000, "capability": CAPABILITY, "clientId": "full-client",
        "timestamp": 1_234_567_890_000_i64, "nonce": "full-nonce",
    });
    assert_eq!(serde_json::to_value(&params).unwrap(), json);
    assert_eq!(TokenParams::from_json(&json).unwrap(), params);
}

// uts: rest/unit/TK/token-params-to-query-string-0
#[test]
fn token_params_become_params_of_a_query() {
    let params = token_params(json!({"ttl": HOUR, "clientId": "query-client", "capability": r#"{"ch":["pub"]}"#}));

    let query: BTreeMap<_, _> = params.to_query().into_iter().collect();

    let expected = [("capability", r#"{"ch":["pub"]}"#), ("clientId", "query-client"), ("ttl", "3600000")];
    assert_eq!(query, expected.map(|(name, value)| (name, value.to_owned())).into());
}

// uts: rest/unit/TE1/token-request-attributes-0
#[test]
fn token_requests_hold_what_is_signed() {
    let mut request = TokenRequest::new("appId.keyId");
    assert_eq!(request.key_name, "appId.keyId");
    assert_eq!((request.ttl, request.timestamp), (None, None));
    assert_eq!((&request.capability, &request.client_id, &request.nonce, &request.mac), (&None, &None, &None, &None));

    request.ttl = Some(HOUR);
    request.capability = Some(CAPABILITY.to_owned());
    request.client_id = Some("request-client".to_owned());
    request.timestamp = Some(1_234_567_890_000);
    request.nonce = Some("unique-nonce".to_owned());

    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({
            "keyName": "appId.keyId", "ttl": HOUR, "capability": CAPABILITY, "clientId": "request-client",
            "timestamp": 1_234_567_890_000_i64, "nonce": "unique-nonce",
        })
    );
}

// uts: rest/unit/TE/token-request-mac-signature-0
#[test]
fn token_requests_hold_their_signature() {
    let mut request = TokenRequest::new("appId.keyId");
    request.mac = Some("signature-base64".into());

    assert_eq!(request.mac.as_ref().map(|mac| mac.expose()), Some("signature-base64"));
    assert_eq!(serde_json::to_value(&request).unwrap()["mac"], "signature-base64");
}

// uts: rest/unit/TE/token-request-to-json-1
// uts: rest/unit/TE/token-request-from-json-2
#[test]
fn token_requests_are_read_from_json_and_written_to_it() {
    let json = json!({
        "keyName": "appId.keyId", "ttl": 7_200_000, "capability": r#"{"ch":["sub"]}"#,
        "clientId": "from-json-client", "timestamp": 1_234_567_899_999_i64, "nonce": "from-json-nonce",
        "mac": "from-json-mac",
    });

    let request = TokenRequest::from_json(&json).unwrap();

    assert_eq!(request.key_name, "appId.keyId");
    assert_eq!(request.ttl, Some(7_200_000));
    assert_eq!(request.capability.as_deref(), Some(r#"{"ch":["sub"]}"#));
    assert_eq!(request.client_id.as_deref(), Some("from-json-client"));
    assert_eq!(request.timestamp, Some(1_234_567_899_999));
    assert_eq!(request.nonce.as_deref(), Some("from-json-nonce"));
    assert_eq!(request.mac.as_ref().map(|mac| mac.expose()), Some("from-json-mac"));
    assert_eq!(serde_json::to_value(&request).unwrap(), json);
}
