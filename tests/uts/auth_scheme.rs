//! Which scheme the options ask for, and how it looks in a header.

use ably_auth::NoticeKind;
use ably_auth::options::AuthScheme;
use serde_json::json;

use crate::common::*;

// uts: rest/unit/RSA4/basic-auth-key-only-0
#[test]
fn a_key_alone_means_basic_auth() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.auth_method(), AuthScheme::Basic);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some(KEY_AS_BASIC));
}

// uts: rest/unit/RSA3/token-auth-explicit-token-0
#[test]
fn a_token_string_is_sent_as_it_is() {
    let mut client = Client::new(json!({"token": "explicit-token-string"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.auth_method(), AuthScheme::Token);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some("Bearer explicit-token-string"));
}

// uts: rest/unit/RSA3/token-auth-token-details-1
#[test]
fn the_token_of_token_details_is_sent() {
    let details = json!({"token": "token-from-details", "expires": UNIX_START + HOUR});
    let mut client = Client::new(json!({"tokenDetails": details}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some("Bearer token-from-details"));
}

// uts: rest/unit/RSA4/use-token-auth-forced-1
#[test]
fn use_token_auth_exchanges_the_key_for_a_token() {
    let mut client = Client::new(json!({"key": KEY, "useTokenAuth": true}));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "obtained-token", "expires": UNIX_START + HOUR})),
        false => ok(json!({"channelId": "test"})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.auth_method(), AuthScheme::Token);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[0].path(), "/keys/appId.keyId/requestToken");
    assert_eq!(client.requests[1].authorization(), Some("Bearer obtained-token"));
}

// uts: rest/unit/RSA4/auth-callback-triggers-token-2
#[test]
fn a_callback_means_token_auth() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token("callback-token")).on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.auth_method(), AuthScheme::Token);
    assert_eq!(client.requests[0].authorization(), Some("Bearer callback-token"));
}

// uts: rest/unit/RSA4/authurl-triggers-token-3
#[test]
fn an_auth_url_means_token_auth() {
    let mut client = Client::new(json!({"authUrl": "https://auth.example.com/token"}));
    client.on_http(|http| match http.host() {
        "auth.example.com" => ok(json!({"token": "authurl-token", "expires": UNIX_START + HOUR})),
        _ => ok(json!({"channelId": "test"})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.auth_method(), AuthScheme::Token);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[1].authorization(), Some("Bearer authurl-token"));
}

// uts: rest/unit/RSC1b/no-auth-method-error-0
#[test]
fn options_without_any_means_are_refused() {
    let error = Client::refusal(json!({}));

    assert_eq!(codes(&error), (40106, 401));
}

// uts: rest/unit/RSA4a2/expired-token-no-renewal-0
#[test]
fn an_expired_token_that_cannot_be_renewed_fails_the_request_unsent() {
    let details = json!({"token": "expired-token", "expires": UNIX_START - 1_000});
    let mut client = Client::new(json!({"tokenDetails": details}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    let request = client.request("GET", "/channels/test");

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40171, 403));
    assert_eq!(client.requests.len(), 0);
    assert_eq!(client.token_details(), None);
}

// uts: rest/unit/RSA1/token-auth-takes-precedence-0
#[test]
fn a_callback_beside_a_key_means_token_auth_by_the_callback() {
    let mut client = Client::new(json!({"key": KEY, "authCallback": true}));
    client.on_callback(|_| token("callback-token")).on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some("Bearer callback-token"));
}

// uts: rest/unit/RSA2/basic-auth-header-format-0
#[test]
fn basic_auth_is_the_key_in_base64() {
    let mut client = Client::new(json!({"key": "app123.key456:secretXYZ"}));
    client.on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests[0].authorization(), Some("Basic YXBwMTIzLmtleTQ1NjpzZWNyZXRYWVo="));
}

// uts: rest/unit/RSC18/token-auth-over-non-tls-0
#[test]
fn a_token_may_go_over_plain_http() {
    let mut client = Client::new(json!({"token": "explicit-token", "tls": false}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ok(json!({"channelId": "test", "status": {"isActive": true}})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].scheme(), "http");
    assert_eq!(client.requests[0].authorization(), Some("Bearer explicit-token"));
}
