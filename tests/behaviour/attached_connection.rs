//! A connection that the environment owns, and that the machine gives credentials to.

use ably_auth::options::AuthScheme;
use ably_auth::{ConnectionEvent, ConnectionState, Error, Event, NoticeKind, TimerKind};
use serde_json::json;

use crate::common::*;

pub(crate) fn token_error() -> Error {
    error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}))
}

/// A client whose connection is up with `token-1`, and which answers no callback by itself.
pub(crate) fn connected_client() -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-1"));
    client.expect_open();
    client.connection(ConnectionState::Connected);
    client
}

#[track_caller]
pub(crate) fn access_token(client: &mut Client) -> String {
    let credentials = client.credentials();
    client.expect_credentials(credentials).access_token().expect("token auth").to_owned()
}

#[test]
fn a_connection_waits_for_a_token_and_then_opens() {
    let mut client = Client::new(json!({"authCallback": true}));

    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.expect_silence();
    client.callback_returns(&callback, token("token-1"));

    client.expect_open();
    assert_eq!(access_token(&mut client), "token-1");
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn a_connection_opens_at_once_with_a_token_in_hand_or_the_key() {
    for options in [json!({"key": KEY}), json!({"token": "t", "authCallback": true})] {
        let mut client = Client::new(options);

        client.connection(ConnectionState::Connecting);

        client.expect_open();
        assert_eq!(client.callbacks.len(), 0);
    }
}

#[test]
fn a_token_in_hand_is_used_again_for_every_attempt() {
    let mut client = connected_client();

    for _ in 0..3 {
        client.connection(ConnectionState::Disconnected);
        client.expect_silence();
        client.connection(ConnectionState::Connecting);
        client.expect_open();
    }

    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn an_expired_token_is_renewed_before_the_connection_opens() {
    let mut client = connected_client();
    client.connection(ConnectionState::Disconnected);
    client.advance(HOUR as u64);

    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, "token-2");

    client.expect_open();
    assert_eq!(access_token(&mut client), "token-2");
}

#[test]
fn an_attempt_that_gets_no_token_is_dropped() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| plain_error("no"));

    client.connection(ConnectionState::Connecting);

    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    client.connection_because(ConnectionState::Disconnected, reason);
    client.expect_silence();
}

#[test]
fn an_attempt_that_is_forbidden_fails() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| error(json!({"message": "no", "statusCode": 403})));

    client.connection(ConnectionState::Connecting);

    let reason = client.expect_fail();
    assert_eq!(codes(&reason), (80019, 403));
    assert_eq!(reason.cause().map(codes), Some((40300, 403)));
}

#[test]
fn a_callback_that_never_returns_drops_the_attempt() {
    let mut client = Client::new(json!({"authCallback": true, "realtimeRequestTimeout": 3_000}));
    client.connection(ConnectionState::Connecting);
    client.expect_callback();

    client.advance(2_999);
    client.expect_silence();
    client.advance(1);

    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_connection_waits_for_the_whole_of_getting_a_token_only_so_long() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.advance(9_000);
    let signed = json!({"keyName": "app.key", "timestamp": 1, "nonce": "0123456789abcdef", "mac": "m"});
    client.callback_returns(&callback, token_request(signed));
    let exchange = client.expect_http();
    assert_eq!(client.deadline(), Some((1_000, TimerKind::ConnectionAuth)));

    client.advance(1_000);

    client.expect_abort(&exchange);
    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_token_error_renews_once_and_opens_at_once() {
    let mut client = connected_client();

    client.connection_because(ConnectionState::Disconnected, token_error());
    assert_eq!(client.token_details(), None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.expect_open();
    client.connection(ConnectionState::Connecting);
    client.expect_silence();
    assert_eq!(access_token(&mut client), "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_second_token_error_before_connected_waits_for_the_next_attempt() {
    let mut client = connected_client();
    client.connection_because(ConnectionState::Disconnected, token_error());
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    client.connection(ConnectionState::Connecting);

    client.connection_because(ConnectionState::Disconnected, token_error());
    client.expect_silence();
    assert_eq!(client.token_details(), None);
    client.advance(15_000);
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-3"));

    client.expect_open();
    assert_eq!(client.callbacks.len(), 3);
}

#[test]
fn connected_clears_the_latch_so_that_successive_expiries_renew_once_each() {
    let mut client = connected_client();

    for number in 2..=6 {
        client.connection_because(ConnectionState::Disconnected, token_error());
        let callback = client.expect_callback();
        client.callback_returns(&callback, token(&format!("token-{number}")));
        client.expect_open();
        client.connection(ConnectionState::Connecting);
        client.connection(ConnectionState::Connected);
        client.expect_silence();
    }

    assert_eq!(client.callbacks.len(), 6);
}

#[test]
fn a_token_error_of_a_token_that_was_replaced_meanwhile_opens_with_the_current_one() {
    let mut client = connected_client();
    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.event(Event::TokenExpired {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.connection_because(ConnectionState::Disconnected, token_error());

    client.expect_open();
    assert_eq!(client.token(), Some("token-2"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_token_error_while_a_signed_request_is_exchanged_waits_for_its_token() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);
    let signed = json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "mac"});
    let authorize = client.authorize(None, auth_options(json!({"token": signed})));
    let exchange = client.expect_http();

    client.connection_because(ConnectionState::Disconnected, token_error());
    client.expect_silence();
    client.respond(&exchange, 200, json!({"token": "exchanged"}));

    client.expect_open();
    client.connection(ConnectionState::Connecting);
    client.connection(ConnectionState::Connected);
    assert_eq!(client.expect_token(authorize).token.expose(), "exchanged");
}

#[test]
fn a_token_error_without_a_way_to_renew_fails_the_connection() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();

    client.connection_because(ConnectionState::Disconnected, token_error());

    let reason = client.expect_fail();
    assert_eq!(codes(&reason), (40171, 403));
    assert_eq!(reason.cause().map(codes), Some((40142, 401)));
    client.connection(ConnectionState::Connecting);
    assert_eq!(codes(&client.expect_fail()), (40171, 403));
}

#[test]
fn a_connected_token_error_without_a_way_to_renew_fails_the_connection_with_the_servers_error() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.connection_because(ConnectionState::Disconnected, token_error());

    assert_eq!(client.expect_fail(), token_error());
    assert_eq!(client.token_details(), None);
}

#[test]
fn a_token_error_of_a_basic_connection_is_as_any_other() {
    let mut client = Client::new(json!({"key": KEY}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.connection_because(ConnectionState::Disconnected, token_error());
    client.expect_silence();
    client.connection(ConnectionState::Connecting);

    client.expect_open();
    assert_eq!(client.auth_method(), AuthScheme::Basic);
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn another_error_renews_nothing() {
    let mut client = connected_client();

    let reason = error(json!({"code": 80003, "statusCode": 400, "message": "lost"}));
    client.connection_because(ConnectionState::Disconnected, reason);

    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_failed_renewal_after_a_token_error_drops_the_attempt() {
    let mut client = connected_client();

    client.connection_because(ConnectionState::Disconnected, token_error());
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    assert_eq!(codes(&client.expect_drop()), (80019, 401));
    assert_eq!(client.token_details(), None);
}

#[test]
fn an_update_that_the_server_sends_by_itself_asks_for_nothing() {
    let mut client = connected_client();
    let mut update = ConnectionEvent::new(ConnectionState::Connected);
    update.update = true;

    client.event(Event::Connection(update));

    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn states_that_ask_for_nothing_get_nothing() {
    for state in [
        ConnectionState::Initialized,
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(state);
        client.expect_silence();

        let mut client = connected_client();
        client.connection(state);
        client.expect_silence();
        assert_eq!(client.token(), Some("token-1"));
    }
}

#[test]
fn a_connection_that_no_longer_connects_is_not_opened_with_the_token_it_waited_for() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(ConnectionState::Connecting);
        let callback = client.expect_callback();

        client.connection(state);
        client.callback_returns(&callback, token("token-1"));

        client.expect_silence();
        assert_eq!(client.token(), Some("token-1"), "{state:?}");
    }
}

#[test]
fn a_connection_that_no_longer_connects_is_not_dropped_where_the_token_it_waited_for_fails() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(ConnectionState::Connecting);
        let callback = client.expect_callback();

        client.connection(state);
        client.callback_returns(&callback, plain_error("no"));

        assert_eq!(client.token(), None, "{state:?}");
        client.expect_silence();
    }
}

#[test]
fn requests_share_the_token_that_a_connection_waits_for() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    let request = client.request("GET", "/channels/test");
    client.on_http(|_| ok(json!({})));

    client.callback_returns(&callback, token("token-1"));

    client.expect_open();
    client.expect_response(request);
    assert_eq!(client.authorizations(), ["Bearer token-1"]);
    assert_eq!(client.callbacks.len(), 1);
}
