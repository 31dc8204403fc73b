//! Renewal of the token that a connection is up with.

use ably_auth::{ConnectionState, Event, NoticeKind, TimerKind};
use serde_json::json;

use crate::attached_connection::{access_token, connected_client, token_error};
use crate::common::*;

#[test]
fn the_server_may_ask_for_new_authentication() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    assert_eq!(client.token(), Some("token-1"));
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.token(), Some("token-2"));
    client.connection(ConnectionState::Connected);
    client.expect_silence();
    assert_eq!(client.deadline(), None);
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn the_server_may_ask_for_new_authentication_whatever_the_source_of_tokens() {
    let mut client = Client::new(json!({"key": KEY, "useTokenAuth": true}));
    client.on_http(|http| ok(json!({"token": format!("token-{}", http.id.as_u64())})));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.event(Event::ReauthRequested {});

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.requests.len(), 2);
    client.connection(ConnectionState::Connected);
}

#[test]
fn new_authentication_that_is_asked_for_during_a_renewal_joins_it() {
    let mut client = connected_client();

    for _ in 0..3 {
        client.event(Event::ReauthRequested {});
    }
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.callbacks.len(), 2);
    client.connection(ConnectionState::Connected);
    client.expect_silence();
}

#[test]
fn new_authentication_that_cannot_be_given_is_a_notice() {
    let mut basic = Client::new(json!({"key": KEY}));
    let mut token_only = Client::new(json!({"token": "static"}));
    token_only.expect_notice(NoticeKind::TokenNotRenewable);
    for client in [&mut basic, &mut token_only] {
        client.connection(ConnectionState::Connecting);
        client.expect_open();
        client.connection(ConnectionState::Connected);

        client.event(Event::ReauthRequested {});

        client.expect_notice(NoticeKind::ReauthNotPossible);
        client.expect_silence();
    }
    assert_eq!(token_only.token(), Some("static"));
}

#[test]
fn a_failed_renewal_leaves_the_connection_up() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    let notice = client.expect_notice(NoticeKind::RenewalFailed);
    assert_eq!(notice.error.as_ref().map(codes), Some((80019, 401)));
    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_forbidden_renewal_fails_the_connection() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, error(json!({"message": "no", "statusCode": 403})));

    assert_eq!(codes(&client.expect_fail()), (80019, 403));
}

#[test]
fn a_token_that_a_request_finds_rejected_is_renewed_and_sent_over_the_connection() {
    let mut client = connected_client();
    client.on_http(|http| match http.authorization() {
        Some("Bearer token-1") => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.expect_response(request);
    assert_eq!(client.expect_upgrade(), "token-2");
    client.connection(ConnectionState::Connected);
}

#[test]
fn a_token_known_to_be_invalid_is_renewed_at_once_where_a_connection_is_attached() {
    for event in [Event::TokenExpired {}, Event::TokenRejected { token: "token-1".into(), error: token_error() }] {
        let mut client = connected_client();

        client.event(event);
        assert_eq!(client.token_details(), None);
        let callback = client.expect_callback();
        client.callback_returns(&callback, token("token-2"));

        assert_eq!(client.expect_upgrade(), "token-2");
        client.connection(ConnectionState::Connected);
    }
}

#[test]
fn a_token_that_is_sent_and_not_answered_loses_the_connection() {
    let mut client = connected_client();
    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));
    client.expect_upgrade();
    assert_eq!(client.deadline(), Some((10_000, TimerKind::ConnectionUpgrade)));

    client.advance(10_000);

    assert_eq!(codes(&client.expect_drop()), (80003, 400));
    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    assert_eq!(access_token(&mut client), "token-2");
}

#[test]
fn a_renewed_token_of_another_client_fails_the_connection() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|callback| match callback.number() {
        1 => token_details(json!({"token": "mine", "clientId": "me"})),
        _ => token_details(json!({"token": "yours", "clientId": "you"})),
    });
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.event(Event::ReauthRequested {});

    assert_eq!(codes(&client.expect_fail()), (40102, 401));
    assert_eq!(client.token(), Some("mine"));
}

#[test]
fn a_late_rejection_of_the_last_token_disturbs_no_attempt_that_waits_for_the_next_one() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let credentials = client.credentials();
    client.expect_credentials(credentials);
    let request = client.request("GET", "/channels/a");
    let http = client.expect_http();
    client.hold_callbacks();
    client.reject_token("token-1");
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();

    client.answer(&http, token_expired());

    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    let again = client.expect_http();
    client.respond(&again, 200, json!({}));
    client.expect_response(request);
}
