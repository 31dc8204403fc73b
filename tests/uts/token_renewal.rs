//! Renewal of tokens that are rejected or known to have expired.

use ably_auth::NoticeKind;
use serde_json::{Value, json};

use crate::common::*;

fn body_of(response: &ably_auth::Response) -> Value {
    serde_json::from_slice(response.response.body()).expect("a body of JSON")
}

// uts: rest/unit/RSA4b/renewal-on-40142-0
#[test]
fn a_request_with_an_expired_token_is_sent_again_with_a_new_one() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match http.id.as_u64() {
        1 => token_expired(),
        _ => ok(json!([{"channel": "test"}])),
    });

    let request = client.request("GET", "/channels/test/messages");

    let response = client.expect_response(request);
    assert_eq!(response.response.status, 200);
    assert_eq!(body_of(&response), json!([{"channel": "test"}]));
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations(), ["Bearer token-1", "Bearer token-2"]);
}

// uts: rest/unit/RSA4b/renewal-on-40140-1
#[test]
fn every_token_error_renews() {
    for code in 40140..40150 {
        let mut client = Client::with_numbered_tokens(json!({}));
        client.on_http(move |http| match http.id.as_u64() {
            1 => ably_error(401, code, "Token error"),
            _ => ok(json!([])),
        });

        let request = client.request("GET", "/channels/test/messages");

        assert_eq!(client.expect_response(request).response.status, 200);
        assert_eq!((client.callbacks.len(), client.requests.len()), (2, 2), "{code}");
    }
}

// uts: rest/unit/RSA4b1/preemptive-renewal-0
#[test]
fn a_token_known_to_have_expired_is_renewed_before_the_request() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => token_details(json!({"token": "expired-token", "expires": UNIX_START - 1_000})),
        _ => token("fresh-token"),
    });
    client.on_http(|_| ok(json!([])));

    let authorize = client.authorize(None, None);
    assert_eq!(client.expect_token(authorize).token.expose(), "expired-token");
    let request = client.request("GET", "/channels/test/messages");

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations(), ["Bearer fresh-token"]);
}

// uts: rest/unit/RSA4a2/no-renewal-without-callback-0
#[test]
fn without_a_way_to_renew_a_rejection_is_final() {
    let mut client = Client::new(json!({"token": "static-token"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| token_expired());

    let request = client.request("GET", "/channels/test/messages");

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40171, 403));
    assert_eq!(error.cause().map(codes), Some((40142, 401)));
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.token_details(), None);
}

// uts: rest/unit/RSA4b/renewal-via-authurl-2
#[test]
fn an_auth_url_renews_as_a_callback_does() {
    let mut client = Client::new(json!({"authUrl": "https://example.com/auth"}));
    client.on_http(|http| match (http.host(), http.id.as_u64()) {
        ("example.com", 1) => ok(json!({"token": "first-token", "expires": UNIX_START + HOUR})),
        ("example.com", _) => ok(json!({"token": "second-token", "expires": UNIX_START + HOUR})),
        (_, 2) => respond(401, json!({"error": {"code": 40142, "message": "Token expired"}})),
        _ => ok(json!([])),
    });

    let request = client.request("GET", "/channels/test/messages");

    assert_eq!(client.expect_response(request).response.status, 200);
    let (auth, api): (Vec<_>, Vec<_>) = client.requests.iter().partition(|http| http.host() == "example.com");
    assert_eq!((auth.len(), api.len()), (2, 2));
    assert_eq!(client.authorizations(), ["Bearer first-token", "Bearer second-token"]);
}

// uts: rest/unit/RSA4b/renewal-limit-no-loop-3
#[test]
fn a_request_renews_once_at_most() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| respond(401, json!({"error": {"code": 40142, "message": "Token expired"}})));

    let request = client.request("GET", "/channels/test/messages");

    assert_eq!(codes(&client.expect_error(request)), (40142, 401));
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations(), ["Bearer token-1", "Bearer token-2"]);
}

// uts: rest/unit/RSC10/request-retried-after-renewal-0
#[test]
fn the_caller_does_not_see_the_renewal() {
    let status = json!({
        "channelId": "test", "status": {"isActive": true, "occupancy": {"metrics": {"connections": 0}}},
    });
    let mut client = Client::with_numbered_tokens(json!({}));
    let answered = status.clone();
    client.on_http(move |http| match http.authorization() {
        Some("Bearer token-1") => token_expired(),
        _ => ok(answered.clone()),
    });

    let request = client.request("GET", "/channels/test");

    let response = client.expect_response(request);
    assert_eq!((response.response.status, body_of(&response)), (200, status));
    assert!(client.requests.iter().all(|http| http.path() == "/channels/test"));
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations(), ["Bearer token-1", "Bearer token-2"]);
}

// `request` completes with the response, whatever its status (HP1); the error is in it.
// uts: rest/unit/RSC10b/non-token-401-no-renewal-0
#[test]
fn another_401_does_not_renew() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| ably_error(401, 40100, "Unauthorized"));

    let request = client.request("GET", "/channels/test");

    let response = client.expect_response(request);
    assert_eq!((response.response.status, response.error_code), (401, Some(40100)));
    assert_eq!(response.error_message.as_deref(), Some("Unauthorized"));
    assert_eq!((client.callbacks.len(), client.requests.len()), (1, 1));
    assert_eq!(client.token(), Some("token-1"));
}

// uts: rest/unit/RSA4b/renewal-msgpack-response-4: does not apply: MessagePack is not spoken, nor asked for. The
// headers, which the service sends with every error, carry the code all the same, so that the renewal happens.
#[test]
fn a_token_error_is_known_by_its_headers_where_the_body_is_of_another_type() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match http.id.as_u64() {
        1 => respond_raw(
            401,
            &[
                ("Content-Type", "application/x-msgpack"),
                ("X-Ably-Errorcode", "40142"),
                ("X-Ably-Errormessage", "Token expired"),
            ],
            &[0x81, 0xa5, b'e', b'r', b'r', b'o', b'r', 0xc0],
        ),
        _ => ok(json!([])),
    });

    let request = client.request("GET", "/channels/test/messages");

    assert_eq!(client.expect_response(request).response.status, 200);
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations(), ["Bearer token-1", "Bearer token-2"]);
}
