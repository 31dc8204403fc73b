//! What becomes of a connection whose callback fails.

use ably_auth::{ConnectionState, ErrorKind, NoticeKind, TimerKind};
use serde_json::json;

use crate::common::*;

fn unavailable() -> ably_auth::Error {
    error(json!({"code": 50000, "statusCode": 500, "message": "Auth server unavailable"}))
}

fn forbidden(message: &str) -> ably_auth::Error {
    error(json!({"code": 40300, "statusCode": 403, "message": message}))
}

/// A client that is connecting and waits for what its callback returns.
fn connecting() -> (Client, Callback) {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    (client, callback)
}

/// A client that is connected with `initial-token`, and whose callback is asked again by order of the server.
fn reauthenticating() -> (Client, Socket, Callback) {
    let (mut client, callback) = connecting();
    client.callback_returns(&callback, token("initial-token"));
    let socket = client.expect_socket();
    client.come_up(&socket, connected("connection-id", "connection-key"));
    client.receive(&socket, reauth());
    let callback = client.expect_callback();
    (client, socket, callback)
}

// uts: realtime/unit/RSA4c2/callback-error-connecting-disconnected-0
#[test]
fn an_error_while_connecting_disconnects() {
    let (mut client, callback) = connecting();

    client.callback_returns(&callback, unavailable());

    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.previous, ConnectionState::Connecting);
    let reason = change.reason.expect("a reason");
    assert_eq!(reason.cause(), Some(&unavailable()));
    assert_eq!(client.error_reason(), Some(&reason));
    assert_eq!(client.sockets.len(), 0);
    client.expect_silence();

    // It is tried again, and the callback asked again.
    assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("valid-token-2"));
    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("valid-token-2"));
    client.come_up(&socket, connected("connection-id", "connection-key"));
    assert_eq!(client.error_reason(), None);
    assert_eq!(client.callbacks.len(), 2);
}

// uts: realtime/unit/RSA4c2/callback-timeout-connecting-disconnected-1
#[test]
fn a_callback_that_never_returns_disconnects() {
    let (mut client, callback) = connecting();

    client.advance_to(10_000, TimerKind::Callback);

    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    let reason = change.reason.expect("a reason");
    assert_eq!(reason.kind(), ErrorKind::Transport);
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    assert_eq!(client.error_reason(), Some(&reason));
    assert_eq!(client.sockets.len(), 0);

    // What it returns after all comes too late.
    client.callback_returns(&callback, token("late"));
    assert_eq!(client.ignored(), 1);
    assert_eq!(client.token(), None);
}

// uts: realtime/unit/RSA4c3/callback-error-connected-stays-0
#[test]
fn an_error_while_connected_changes_nothing() {
    let (mut client, socket, callback) = reauthenticating();

    client.callback_returns(&callback, unavailable());

    let notice = client.expect_notice(NoticeKind::RenewalFailed);
    let told = notice.error.expect("an error");
    assert_eq!(codes(&told), (80019, 401));
    assert_eq!(told.cause(), Some(&unavailable()));
    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.error_reason(), None);
    assert_eq!(client.token(), Some("initial-token"));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 1));

    // The connection is as good as before.
    client.receive(&socket, json!({"action": 15, "channel": "test"}));
    client.expect_received();
}

// uts: realtime/unit/RSA4d/callback-403-connecting-failed-0
#[test]
fn a_403_while_connecting_fails() {
    let (mut client, callback) = connecting();

    client.callback_returns(&callback, forbidden("Account disabled"));

    let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
    assert_eq!(change.previous, ConnectionState::Connecting);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()), Some(&forbidden("Account disabled")));
    assert_eq!(client.sockets.len(), 0);
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RSA4d/callback-403-reauth-failed-1
#[test]
fn a_403_while_connected_fails() {
    let (mut client, socket, callback) = reauthenticating();

    client.callback_returns(&callback, forbidden("Account suspended"));

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
    assert_eq!(change.previous, ConnectionState::Connected);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()), Some(&forbidden("Account suspended")));
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RSA4f/callback-invalid-type-format-0
#[test]
fn a_value_that_is_no_token_disconnects() {
    for value in [json!(12345), json!(true), json!(["token"]), json!({"neither": "token nor keyName"}), json!(null)] {
        let (mut client, callback) = connecting();

        client.callback_returns(&callback, value.clone());

        let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
        assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40170, 401)), "{value}");
        assert_eq!(client.sockets.len(), 0);
    }
}

// uts: realtime/unit/RSA4f/callback-oversized-token-format-1
#[test]
fn a_token_of_more_than_128_kib_disconnects() {
    let (mut client, callback) = connecting();

    client.callback_returns(&callback, "x".repeat(131_073).as_str());

    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40170, 401)));
    assert_eq!((client.sockets.len(), client.token()), (0, None));

    // One byte less is a token.
    let (mut client, callback) = connecting();
    client.callback_returns(&callback, "x".repeat(131_072).as_str());
    assert_eq!(client.expect_socket().access_token().map(|token| token.len()), Some(131_072));
}

// uts: realtime/unit/RSA4e/rest-callback-error-40170-0
// A session that does not connect stands in for the REST client: the request fails, and only it.
#[test]
fn an_error_during_a_rest_request_is_the_requests() {
    let mut client = Client::new(json!({"authCallback": true}));

    let request = client.request("GET", "/channels/test-channel");
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("Network failure connecting to auth server"));

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40170, 401));
    assert_says(&error, &["authCallback", "Network failure connecting to auth server"]);
    assert_eq!(client.requests.len(), 0);
    assert_eq!(client.state(), ConnectionState::Initialized);
}
