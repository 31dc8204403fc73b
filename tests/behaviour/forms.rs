//! What the types read and write, and what they say of themselves.

use std::hash::{DefaultHasher, Hash, Hasher};

use ably_auth::http::{Headers, HttpResponse};
use ably_auth::options::{ApiKey, AuthOptions, ClientOptions, Endpoint, TokenOption};
use ably_auth::wire::{Capability, TokenDetails, TokenParams, TokenRevocationSuccessResult};
use ably_auth::{ConnectionEvent, ConnectionState, OpaqueJson, RestRequest};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::common::*;

#[track_caller]
fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn options_and_params_are_read_as_part_of_types_of_ones_own() {
    #[derive(serde::Deserialize)]
    struct Mine {
        auth: AuthOptions,
        params: TokenParams,
        capability: Capability,
    }

    let mine: Mine = read(json!({
        "auth": {"key": KEY},
        "params": {"ttl": "60000"},
        "capability": {"b": ["subscribe", "publish"], "a": ["*"]},
    }));

    assert_eq!(mine.auth.key.unwrap().expose(), KEY);
    assert_eq!(mine.params.ttl, Some(60_000));
    assert_eq!(mine.capability.to_string(), r#"{"a":["*"],"b":["publish","subscribe"]}"#);
    assert!(serde_json::from_value::<AuthOptions>(json!({"key": "no key"})).is_err());
    assert!(serde_json::from_value::<TokenParams>(json!({"ttl": "soon"})).is_err());
    assert!(serde_json::from_value::<Capability>(json!({"a": "*"})).is_err());
}

#[test]
fn options_are_written_as_they_are_read() {
    for endpoint in ["main", "acme", "nonprod:sandbox", "rest.example.com", "[::1]"] {
        let options = ClientOptions::from_json(&json!({"key": KEY, "endpoint": endpoint})).unwrap();

        let written = serde_json::to_value(&options).unwrap();

        assert_eq!(ClientOptions::from_json(&written).unwrap(), options, "{written}");
        assert_eq!(read::<ClientOptions>(written), options);
        assert_eq!(serde_json::to_value(endpoint.parse::<Endpoint>().unwrap()).unwrap(), endpoint);
    }
}

#[test]
fn a_token_of_which_only_the_text_is_known_is_written_as_that_text() {
    for token in [json!("text"), json!({"token": "text", "clientId": "me"})] {
        let options = auth_options(json!({"token": token}));

        assert_eq!(serde_json::to_value(&options).unwrap()["token"], token);
    }
}

#[test]
fn params_are_an_object_or_pairs_and_written_as_pairs_where_an_object_would_lose_their_order() {
    for (read, written) in [
        (json!({"a": "1", "b": "2"}), json!({"a": "1", "b": "2"})),
        (json!([["a", "1"], ["b", "2"]]), json!({"a": "1", "b": "2"})),
        (json!([["b", "2"], ["a", "1"]]), json!([["b", "2"], ["a", "1"]])),
        (json!([["a", "1"], ["a", "2"]]), json!([["a", "1"], ["a", "2"]])),
    ] {
        let options = auth_options(json!({"authUrl": "https://auth.example.com/", "authParams": read}));

        assert_eq!(serde_json::to_value(&options).unwrap()["authParams"], written);
    }
}

#[test]
fn a_requests_params_take_numbers_and_booleans_as_text_and_nothing_that_is_null() {
    for (params, written) in [
        (json!({"a": "text", "b": 1, "c": true, "d": null}), json!({"a": "text", "b": "1", "c": "true"})),
        (json!([["b", 1], ["a", null], ["a", "text"]]), json!([["b", "1"], ["a", "text"]])),
    ] {
        let request: RestRequest = read(json!({"method": "GET", "path": "/time", "params": params}));

        assert_eq!(serde_json::to_value(&request).unwrap()["params"], written);
    }
    let wrong = json!({"method": "GET", "path": "/time", "params": {"a": ["text"]}});
    assert!(serde_json::from_value::<RestRequest>(wrong).is_err());
}

#[test]
fn a_connection_event_says_only_of_an_update_that_it_is_one() {
    let mut event = ConnectionEvent::new(ConnectionState::Connected);
    assert_eq!(serde_json::to_value(&event).unwrap(), json!({"state": "connected"}));
    event.update = true;
    assert_eq!(serde_json::to_value(&event).unwrap(), json!({"state": "connected", "update": true}));
}

#[test]
fn a_key_shows_its_name_alone_and_a_callbacks_value_nothing() {
    let key: ApiKey = "appId.keyId:top:secret".parse().unwrap();

    assert_eq!(format!("{key:?}"), "ApiKey(appId.keyId:[redacted])");
    assert_eq!(format!("{:?}", OpaqueJson(json!({"token": "t"}))), "[redacted]");
}

#[test]
fn the_production_service_is_written_by_its_name() {
    assert_eq!(serde_json::to_value(Endpoint::default()).unwrap(), "main");
}

#[test]
fn a_capability_is_text_an_object_or_absent() {
    let capability = |value: Value| {
        let details = json!({"token": "token", "capability": value});
        serde_json::from_value::<TokenDetails>(details).map(|details| details.capability)
    };
    assert_eq!(capability(json!(null)).unwrap(), None);
    assert_eq!(capability(json!(r#"{"a": ["*"]}"#)).unwrap().as_deref(), Some(r#"{"a": ["*"]}"#));
    assert_eq!(capability(json!({"a": ["*"]})).unwrap().as_deref(), Some(r#"{"a":["*"]}"#));
    assert!(capability(json!(5)).is_err());
}

#[test]
fn a_revocation_says_from_when_on_it_holds() {
    let result = |value: Value| serde_json::from_value::<TokenRevocationSuccessResult>(value);
    let whole = json!({"target": "clientId:me", "issuedBefore": "1700000000000", "appliesAt": 1_700_000_000_001_i64});

    let read = result(whole).unwrap();

    assert_eq!((read.issued_before, read.applies_at), (1_700_000_000_000, 1_700_000_000_001));
    assert!(result(json!({"target": "clientId:me", "issuedBefore": null, "appliesAt": 1})).is_err());
    assert!(result(json!({"target": "clientId:me", "issuedBefore": 1})).is_err());
}

#[test]
fn a_token_option_is_text_or_an_object() {
    for value in [json!(5), json!(true), json!(["token"]), json!(null)] {
        assert_eq!(codes(&TokenOption::from_json(&value).unwrap_err()), (40_000, 400), "{value}");
    }
}

#[test]
fn a_response_has_one_body_and_is_hashed_with_it() {
    let response = |body: &str| HttpResponse::new(200, Headers::new(), body);
    let both = json!({"status": 200, "body": "text", "bodyBase64": "dGV4dA=="});

    assert!(serde_json::from_value::<HttpResponse>(both).is_err());
    let hash = |body: &str| {
        let mut hasher = DefaultHasher::new();
        response(body).hash(&mut hasher);
        hasher.finish()
    };
    assert_eq!(hash("a"), hash("a"));
    assert_ne!(hash("a"), hash("b"));
}
