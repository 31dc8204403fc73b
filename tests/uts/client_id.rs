//! Who the client is, and what goes together.

use ably_auth::NoticeKind;
use serde_json::{Value, json};

use crate::common::*;

/// A client of a token that cannot be renewed.
fn client_with_token(client_id: Value, token_client_id: Value) -> Client {
    let mut client = Client::new(options_with_token(client_id, token_client_id));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client
}

fn options_with_token(client_id: Value, token_client_id: Value) -> Value {
    let details = json!({"token": "the-token", "expires": UNIX_START + HOUR, "clientId": token_client_id});
    json!({"clientId": client_id, "tokenDetails": details})
}

// uts: rest/unit/RSA7a/clientid-from-options-0
#[test]
fn the_client_id_of_the_options_is_the_clients() {
    let client = Client::new(json!({"key": KEY, "clientId": "my-client-id"}));

    assert_eq!(client.client_id(), Some("my-client-id"));
}

// uts: rest/unit/RSA7b/clientid-from-token-details-0
#[test]
fn the_client_id_of_given_token_details_is_the_clients() {
    let client = client_with_token(Value::Null, json!("token-client-id"));

    assert_eq!(client.client_id(), Some("token-client-id"));
}

// uts: rest/unit/RSA7b/clientid-from-callback-token-1
#[test]
fn the_client_id_of_a_callbacks_token_is_the_clients() {
    let mut client = Client::new(json!({"authCallback": true}));
    let details = json!({"token": "t", "expires": UNIX_START + HOUR, "clientId": "callback-client-id"});
    client.on_callback(move |_| token_details(details.clone())).on_http(|_| ok(json!({"channelId": "test"})));
    assert_eq!(client.client_id(), None);

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.client_id(), Some("callback-client-id"));
}

// uts: rest/unit/RSA7c/clientid-null-unidentified-0
#[test]
fn a_key_alone_identifies_nobody() {
    let client = Client::new(json!({"key": KEY}));

    assert_eq!(client.client_id(), None);
}

// uts: rest/unit/RSA7c/clientid-null-unidentified-token-1
#[test]
fn a_token_without_client_id_identifies_nobody() {
    let client = client_with_token(Value::Null, Value::Null);

    assert_eq!(client.client_id(), None);
}

// uts: rest/unit/RSA12a/clientid-passed-to-callback-0
#[test]
fn a_callback_is_asked_for_the_client_id_of_the_options() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "library-client-id"}));
    client.on_callback(|_| token("tok")).on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.callbacks[0].params, token_params(json!({"clientId": "library-client-id"})));
}

// uts: rest/unit/RSA12b/clientid-sent-to-authurl-0
#[test]
fn an_auth_url_is_asked_for_the_client_id_of_the_options() {
    for method in ["GET", "POST"] {
        let url = "https://auth.example.com/token";
        let mut client = Client::new(json!({"authUrl": url, "authMethod": method, "clientId": "url-client-id"}));
        client.on_http(|http| match http.host() {
            "auth.example.com" => ok(json!({"token": "url-token", "expires": UNIX_START + HOUR})),
            _ => ok(json!({"channelId": "test"})),
        });

        let request = client.request("GET", "/channels/test");

        client.expect_response(request);
        let auth = &client.requests[0];
        assert_eq!((auth.host(), auth.method()), ("auth.example.com", method));
        let params = if method == "GET" { auth.query() } else { auth.form() };
        assert_eq!(params["clientId"], "url-client-id");
    }
}

// uts: rest/unit/RSA7/clientid-updated-after-authorize-0
#[test]
fn a_new_token_brings_its_own_client_id() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| {
        let number = callback.number();
        token_details(json!({
            "token": format!("token-{number}"), "expires": UNIX_START + HOUR, "clientId": format!("client-{number}"),
        }))
    });
    client.on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");
    client.expect_response(request);
    assert_eq!(client.client_id(), Some("client-1"));
    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.client_id(), Some("client-2"));
}

// uts: rest/unit/RSA12/wildcard-clientid-0
#[test]
fn the_wildcard_of_a_token_is_kept() {
    let client = client_with_token(Value::Null, json!("*"));

    assert_eq!(client.client_id(), Some("*"));
}

// uts: rest/unit/RSA7/clientid-mismatch-error-1
#[test]
fn the_client_id_of_the_options_goes_with_that_of_the_token_or_is_refused() {
    for (options, token, expected) in [
        (json!("client-a"), json!("client-a"), Ok("client-a")),
        (json!("client-a"), json!("client-b"), Err((40102, 401))),
        (json!("client-a"), Value::Null, Ok("client-a")),
        (json!("client-a"), json!("*"), Ok("client-a")),
        (Value::Null, json!("client-b"), Ok("client-b")),
    ] {
        match expected {
            Ok(client_id) => {
                let mut client = client_with_token(options, token);
                client.on_http(|_| ok(json!({"channelId": "test"})));
                let request = client.request("GET", "/channels/test");
                client.expect_response(request);
                assert_eq!(client.client_id(), Some(client_id));
            }
            Err(expected) => {
                let error = Client::refusal(options_with_token(options, token));
                assert_eq!(codes(&error), expected);
                assert_says(&error, &["clientId", "mismatch"]);
            }
        }
    }
}

// uts: rest/unit/RSA15a/token-clientid-must-match-0
#[test]
fn a_given_token_of_another_client_is_refused_at_construction() {
    let matching = client_with_token(json!("my-client"), json!("my-client"));
    assert_eq!(matching.client_id(), Some("my-client"));

    let error = Client::refusal(options_with_token(json!("my-client"), json!("other-client")));

    assert_eq!(codes(&error), (40102, 401));
}

// uts: rest/unit/RSA15b/wildcard-token-permits-any-0
#[test]
fn a_token_for_any_client_goes_with_the_options_client_id() {
    let client = client_with_token(json!("any-client"), json!("*"));

    assert_eq!(client.client_id(), Some("any-client"));
}

// The REST case; that of a connection is in the behaviour tests of an attached connection.
// uts: rest/unit/RSA15c/incompatible-clientid-error-0
#[test]
fn a_token_of_another_client_fails_the_request_it_was_got_for() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "my-client"}));
    let details = json!({"token": "mismatched-token", "expires": UNIX_START + HOUR, "clientId": "other-client"});
    client.on_callback(move |_| token_details(details.clone()));

    let request = client.request("GET", "/channels/test");

    assert_eq!(codes(&client.expect_error(request)), (40102, 401));
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.requests.len(), 0);
    assert_eq!(client.token_details(), None);
    assert_eq!(client.client_id(), Some("my-client"));
}
