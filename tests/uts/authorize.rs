//! `authorize`.

use serde_json::json;

use crate::common::*;

// uts: rest/unit/RSA10a/authorize-default-params-0
#[test]
fn authorize_of_a_basic_client_gets_a_token_that_is_used_from_then_on() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "obtained-token", "expires": UNIX_START + HOUR, "keyName": "appId.keyId"})),
        false => ok(json!({"channelId": "test", "status": {"isActive": true}})),
    });

    let authorize = client.authorize(None, None);
    assert_eq!(client.expect_token(authorize).token.expose(), "obtained-token");
    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 2);
    assert_eq!((client.requests[0].method(), client.requests[0].path()), ("POST", "/keys/appId.keyId/requestToken"));
    assert_eq!(client.requests[1].authorization(), Some("Bearer obtained-token"));
}

// uts: rest/unit/RSA10b/authorize-explicit-params-0
#[test]
fn token_params_of_authorize_override_the_defaults() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "default-client"}));
    client.on_callback(|_| token("callback-token"));
    let params = json!({"clientId": "override-client", "ttl": 7_200_000});

    let authorize = client.authorize(token_params(params.clone()), None);

    client.expect_token(authorize);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.callbacks[0].params, token_params(params));
}

// uts: rest/unit/RSA10e/authorize-saves-params-0
#[test]
fn token_params_of_authorize_are_used_again() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let params = json!({"clientId": "saved-client", "ttl": HOUR});

    let first = client.authorize(token_params(params.clone()), None);
    let second = client.authorize(None, None);

    assert_eq!(client.expect_token(first).token.expose(), "token-1");
    assert_eq!(client.expect_token(second).token.expose(), "token-2");
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.callbacks[1].params, token_params(params));
}

// uts: rest/unit/RSA10g/authorize-updates-token-details-0
#[test]
fn authorize_sets_the_token_details() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| {
        ok(json!({
            "token": "new-token", "expires": UNIX_START + HOUR, "keyName": "appId.keyId", "clientId": "token-client",
        }))
    });
    assert_eq!(client.token_details(), None);

    let authorize = client.authorize(None, None);

    let result = client.expect_token(authorize);
    assert_eq!(result.token.expose(), "new-token");
    assert_eq!(result.client_id.as_deref(), Some("token-client"));
    assert_eq!(client.token_details(), Some(&result));
    assert_eq!(client.token_changes, [Some(result)]);
}

// uts: rest/unit/RSA10h/authorize-replaces-auth-options-0
#[test]
fn auth_options_of_authorize_replace_those_in_use() {
    let mut client = Client::new(json!({"authCallback": "original"}));
    client.on_callback(|callback| token(&callback.name));

    let authorize = client.authorize(None, auth_options(json!({"authCallback": "new"})));

    assert_eq!(client.expect_token(authorize).token.expose(), "new");
    assert_eq!(client.callbacks.len(), 1);
}

// The answer of the authUrl, which the specified mock leaves out, is a TokenDetails.
// uts: rest/unit/RSA10i/authorize-preserves-key-0
#[test]
fn the_key_of_the_constructor_can_sign_after_authorize_with_other_means() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.host() {
        "new-auth.example.com" => ok(json!({"token": "token-via-url", "expires": UNIX_START + HOUR})),
        _ => ok(json!({"channelId": "test"})),
    });

    let authorize = client.authorize(None, auth_options(json!({"authUrl": "https://new-auth.example.com/token"})));
    assert_eq!(client.expect_token(authorize).token.expose(), "token-via-url");
    let signing = client.create_token_request(None, None);

    assert_eq!(client.expect_token_request(signing).key_name, "appId.keyId");
    assert_eq!(client.requests.len(), 1);
}

// uts: rest/unit/RSA10j/authorize-replaces-existing-token-0
#[test]
fn authorize_gets_a_new_token_although_there_is_a_valid_one() {
    let mut client = Client::with_numbered_tokens(json!({}));

    let first = client.authorize(None, None);
    assert_eq!(client.expect_token(first).token.expose(), "token-1");
    let second = client.authorize(None, None);

    assert_eq!(client.expect_token(second).token.expose(), "token-2");
    assert_eq!(client.token(), Some("token-2"));
    assert_eq!(client.callbacks.len(), 2);
}

// uts: rest/unit/RSA10k/authorize-query-time-0
#[test]
fn query_time_asks_for_the_time_before_signing() {
    const SERVER_TIME: i64 = 1_234_567_890_000;
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.path() {
        "/time" => ok(json!({"time": SERVER_TIME})),
        _ => ok(json!({"token": "time-synced-token", "expires": SERVER_TIME + HOUR})),
    });

    let authorize = client.authorize(None, auth_options(json!({"queryTime": true})));

    assert_eq!(client.expect_token(authorize).token.expose(), "time-synced-token");
    let [time, exchange] = &client.requests[..] else { panic!("two requests") };
    assert_eq!((time.method(), time.path()), ("GET", "/time"));
    assert_eq!(exchange.json()["timestamp"], SERVER_TIME);
}

// uts: rest/unit/RSA10l/authorize-error-propagated-0
#[test]
fn authorize_fails_with_the_error_of_the_service() {
    let mut client = Client::new(json!({"key": "invalid.key:secret"}));
    client.on_http(|_| ably_error(401, 40100, "Unauthorized"));

    let authorize = client.authorize(None, None);

    let error = client.expect_error(authorize);
    assert_eq!(codes(&error), (40100, 401));
    assert_eq!(error.message(), "Unauthorized");
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.token_details(), None);
}
