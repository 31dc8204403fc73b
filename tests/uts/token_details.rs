//! The view of the token in use.

use ably_auth::NoticeKind;
use ably_auth::options::AuthScheme;
use serde_json::{Value, json};

use crate::common::*;

fn channel_status() -> Answer {
    ok(json!({"channelId": "test", "status": {"isActive": true}}))
}

/// A client whose callback always returns the same, and whose service takes everything.
fn client_with_callback(returned: Value) -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(move |_| returned.clone()).on_http(|_| channel_status());
    client
}

/// A client whose callback returns `token-v1`, `token-v2` and so on, each valid for so long.
fn client_with_versions(lifetime: i64) -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(move |callback| {
        let number = callback.number();
        let (token, client_id) = (format!("token-v{number}"), format!("client-v{number}"));
        token_details(json!({"token": token, "expires": UNIX_START + lifetime * number as i64, "clientId": client_id}))
    });
    client.on_http(|_| channel_status());
    client
}

#[track_caller]
fn get_channel(client: &mut Client) {
    let request = client.request("GET", "/channels/test");
    assert_eq!(client.expect_response(request).response.status, 200);
}

#[track_caller]
fn authorize(client: &mut Client) {
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
}

// uts: rest/unit/RSA16a/token-from-callback-0
#[test]
fn the_view_shows_the_token_of_a_callback() {
    let details = json!({
        "token": "callback-token-abc", "expires": UNIX_START + HOUR, "issued": UNIX_START, "clientId": "my-client",
    });
    let mut client = client_with_callback(details.clone());

    get_channel(&mut client);

    assert_eq!(client.token_details(), Some(&token_details(details)));
}

// uts: rest/unit/RSA16a/token-from-request-token-1
#[test]
fn the_view_shows_the_token_of_an_exchange() {
    let details = json!({
        "token": "requested-token-xyz", "expires": UNIX_START + HOUR, "issued": UNIX_START,
        "keyName": "appId.keyId", "clientId": "token-client",
    });
    let mut client = Client::new(json!({"key": KEY}));
    let answered = details.clone();
    client.on_http(move |_| ok(answered.clone()));

    authorize(&mut client);

    assert_eq!(client.token_details(), Some(&token_details(details)));
    assert_eq!(client.requests.len(), 1);
}

// uts: rest/unit/RSA16b/token-string-in-options-0
#[test]
fn of_a_token_string_in_the_options_only_the_text_is_known() {
    let mut client = Client::new(json!({"token": "standalone-token-string"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    assert_eq!(client.token_details(), Some(&token_details(json!({"token": "standalone-token-string"}))));
}

// uts: rest/unit/RSA16b/token-string-from-callback-1
#[test]
fn of_a_token_string_of_a_callback_only_the_text_is_known() {
    let mut client = client_with_callback(json!("just-a-token-string"));

    get_channel(&mut client);

    assert_eq!(client.token_details(), Some(&token_details(json!({"token": "just-a-token-string"}))));
}

// uts: rest/unit/RSA16c/set-on-instantiation-0
#[test]
fn the_view_shows_given_token_details_at_once() {
    let details = json!({
        "token": "initial-token", "expires": UNIX_START + HOUR, "issued": UNIX_START, "clientId": "initial-client",
    });
    let mut client = Client::new(json!({"tokenDetails": details}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    assert_eq!(client.token_details(), Some(&token_details(details)));
}

// uts: rest/unit/RSA16c/updated-after-authorize-1
#[test]
fn each_authorize_changes_the_view() {
    let mut client = client_with_versions(HOUR);

    for number in 1..=2 {
        authorize(&mut client);
        let details = client.token_details().expect("a token");
        assert_eq!(details.token.expose(), format!("token-v{number}"));
        assert_eq!(details.client_id, Some(format!("client-v{number}")));
    }
    assert_eq!(client.token_changes.len(), 2);
}

// The wall clock decides, since no server time is known.
// uts: rest/unit/RSA16c/updated-after-expiry-renewal-2
#[test]
fn the_renewal_of_an_expired_token_changes_the_view() {
    let mut client = client_with_versions(10_000);

    get_channel(&mut client);
    assert_eq!(client.token(), Some("token-v1"));
    client.advance(11_000);
    get_channel(&mut client);

    assert_eq!(client.token(), Some("token-v2"));
    assert_eq!(client.callbacks.len(), 2);
    let authorizations: Vec<_> = client.requests.iter().map(|http| http.authorization().unwrap()).collect();
    assert_eq!(authorizations, ["Bearer token-v1", "Bearer token-v2"]);
}

// uts: rest/unit/RSA16c/updated-after-40142-renewal-3
#[test]
fn the_renewal_of_a_rejected_token_changes_the_view() {
    let mut client = client_with_versions(HOUR);
    client.on_http(|http| match http.authorization() {
        Some("Bearer token-v1") => token_expired(),
        _ => channel_status(),
    });

    authorize(&mut client);
    assert_eq!(client.token(), Some("token-v1"));
    get_channel(&mut client);

    assert_eq!(client.token(), Some("token-v2"));
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.requests.len(), 2);
}

// uts: rest/unit/RSA16d/null-with-basic-auth-0
#[test]
fn there_is_no_token_with_basic_auth() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| channel_status());

    get_channel(&mut client);

    assert_eq!(client.token_details(), None);
    assert!(client.token_changes.is_empty());
}

// uts: rest/unit/RSA16d/null-before-token-obtained-1
#[test]
fn there_is_no_token_before_one_is_needed() {
    let client = client_with_callback(json!({"token": "my-token", "expires": UNIX_START + HOUR}));

    assert_eq!(client.token_details(), None);
    assert_eq!(client.callbacks.len(), 0);
}

// uts: rest/unit/RSA16d/null-after-invalidation-2
#[test]
fn there_is_no_token_after_a_rejection_and_a_failed_renewal() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(token("first-token")),
        _ => Reply::from(plain_error("Cannot obtain new token")),
    });
    client.on_http(|_| token_expired());

    authorize(&mut client);
    assert_eq!(client.token(), Some("first-token"));
    let request = client.request("GET", "/channels/test");

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40170, 401));
    assert_says(&error, &["Cannot obtain new token"]);
    assert_eq!(client.token_details(), None);
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.requests.len(), 1);
}

// uts: rest/unit/RSA16d/null-after-switch-to-basic-3
#[test]
fn there_is_no_token_after_a_switch_to_basic_auth() {
    let mut client = client_with_callback(json!({"token": "my-token", "expires": UNIX_START + HOUR}));
    authorize(&mut client);
    assert_eq!(client.token(), Some("my-token"));

    let switch = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));

    client.expect_no_token(switch);
    assert_eq!(client.token_details(), None);
    assert_eq!(client.auth_method(), AuthScheme::Basic);
    get_channel(&mut client);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some(KEY_AS_BASIC));
}

// uts: rest/unit/RSA16a/preserved-across-requests-0
#[test]
fn a_token_stays_over_many_requests() {
    let mut client = client_with_callback(
        json!({"token": "stable-token", "expires": UNIX_START + HOUR, "clientId": "stable-client"}),
    );

    for _ in 0..3 {
        get_channel(&mut client);
        assert_eq!(client.token(), Some("stable-token"));
    }
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.token_changes.len(), 1);
}

// uts: rest/unit/RSA16a/reflects-capability-1
#[test]
fn the_capability_of_a_token_is_shown_as_it_came() {
    const CAPABILITY: &str = r#"{"channel1":["publish","subscribe"],"channel2":["subscribe"]}"#;
    let mut client =
        client_with_callback(json!({"token": "capable-token", "expires": UNIX_START + HOUR, "capability": CAPABILITY}));

    get_channel(&mut client);

    assert_eq!(client.token_details().and_then(|details| details.capability.as_deref()), Some(CAPABILITY));
}
