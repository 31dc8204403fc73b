//! Connections that are lost.

use ably_auth::{ConnectionState, NoticeKind};
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTN15h1/token-error-no-renew-0
#[test]
fn a_token_error_without_a_way_to_renew_fails() {
    let mut client = Client::new(json!({"token": "some_token_string"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    let socket = client.connect_up();

    client.receive(&socket, token_disconnected());

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!(change.previous, ConnectionState::Connected);
    client.expect_change_because(ConnectionState::Failed, 40142, 401);
    assert_eq!(client.deadline(), None);
    client.socket_closed(&socket);
    assert_eq!((client.sockets.len(), client.token()), (1, None));
}

// uts: realtime/unit/RTN15h2/token-error-renew-success-0
// Derived with `useTokenAuth`: with the key alone there is no token.
#[test]
fn a_token_error_renews_and_resumes() {
    let mut client = Client::with_key_and_tokens(json!({}));
    let first = client.connect_up();

    client.receive(&first, token_disconnected());

    client.expect_close_socket(&first);
    let second = client.expect_reconnect(40142, 401);
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    client.come_up(&second, connected("connection-1", "key-1-renewed"));
    assert_eq!(client.connection_id(), Some("connection-1"));
    assert_eq!(client.connection_key(), Some("key-1-renewed"));
    assert_eq!((client.requests.len(), client.sockets.len()), (2, 2));
}

// uts: realtime/unit/RTN15h2/token-error-renew-fails-1
// Derived with `useTokenAuth`, and a first token that can be had.
#[test]
fn a_renewal_that_fails_disconnects() {
    let mut client = Client::with_key(json!({"useTokenAuth": true}));
    client.on_http(|http| match http.id.as_u64() {
        1 => ok(json!(token("token-1"))),
        _ => ably_error(401, 40101, "Invalid credentials"),
    });
    let first = client.connect_up();

    client.receive(&first, token_disconnected());

    client.expect_close_socket(&first);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change(ConnectionState::Connecting);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40101, 401)));
    assert_eq!((client.requests.len(), client.sockets.len()), (2, 1));
}

// uts: realtime/unit/RTN15h3/non-token-error-resume-0
#[test]
fn any_other_error_resumes_at_once() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();

    client.receive(&first, disconnected_frame(80003, 503, "Service unavailable"));

    client.expect_close_socket(&first);
    let second = client.expect_reconnect(80003, 503);
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    assert_eq!(second.host(), first.host());
    client.come_up(&second, connected("connection-1", "key-1"));
    assert_eq!(client.connection_id(), Some("connection-1"));
    assert_eq!((client.requests.len(), client.sockets.len()), (0, 2));
}

// uts: realtime/unit/RTN15j/error-empty-channel-failed-0
#[test]
fn an_error_without_a_channel_fails() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    let mut frame = error_frame(50000, 500, "Internal error");
    frame["channel"] = json!(null);
    client.receive(&socket, frame);

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 50000, 500);
    assert_eq!(change.previous, ConnectionState::Connected);
    assert_eq!(client.deadline(), None);
    assert_eq!(client.sockets.len(), 1);
}

// uts: realtime/unit/RTN15a/unexpected-transport-disconnect-0
#[test]
fn a_socket_that_is_lost_resumes_at_once() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();

    client.socket_closed(&first);

    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-1"));
    assert_eq!(client.connection_id(), Some("connection-1"));
    assert_eq!(client.sockets.len(), 2);
    use ConnectionState::{Connected, Connecting, Disconnected};
    assert_eq!(client.states(), [Connecting, Connected, Disconnected, Connecting, Connected]);
}

// uts: realtime/unit/RTN15b/successful-resume-0
// uts: realtime/unit/RTN15e/connection-key-updated-0
#[test]
fn a_connection_that_is_resumed_keeps_its_id_and_gets_a_new_key() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();
    assert_eq!(first.param("resume"), None);

    client.socket_closed(&first);

    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    client.open(&second);
    client.receive(&second, connected("connection-1", "key-1-updated"));
    let change = client.expect_change(ConnectionState::Connected);
    assert_eq!(change.reason, None);
    assert_eq!(client.connection_id(), Some("connection-1"));
    assert_eq!(client.connection_key(), Some("key-1-updated"));
    assert_eq!(client.sockets.len(), 2);

    // The next time it resumes with the key that it has then (RTN15b1).
    client.advance(1_000);
    client.socket_closed(&second);
    let third = client.expect_reconnect(80003, 400);
    assert_eq!(third.param("resume").as_deref(), Some("key-1-updated"));
}

// uts: realtime/unit/RTN15c7/failed-resume-new-id-0
// What it says of the internal msgSerial shows in the recovery key: the application numbers its own frames.
#[test]
fn a_connection_that_is_not_resumed_is_up_with_an_error() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();
    client.send(json!({"action": 15, "channel": "test", "msgSerial": 6})).expect("it is connected");
    client.expect_frame(&first);
    assert_eq!(client.recovery_key().expect("it is connected")["msgSerial"], 7);

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    let frame = because_of(connected("connection-2", "key-2"), 80008, 400, "Unable to recover connection");
    client.open_and_receive(&second, frame);

    let change = client.expect_change_because(ConnectionState::Connected, 80008, 400);
    assert_eq!(client.error_reason(), change.reason.as_ref());
    assert_eq!(client.connection_id(), Some("connection-2"));
    assert_eq!(client.connection_key(), Some("key-2"));
    assert_eq!(client.recovery_key().expect("it is connected")["msgSerial"], 0);
    assert_eq!(client.sockets.len(), 2);
}

// uts: realtime/unit/RTN15g/state-cleared-after-ttl-0
// RTN15g has been replaced by RTN14h since version 6.1.0: it resumes however long it has been away. Whether there is
// anything to resume is for the server to say.
#[test]
fn a_connection_that_was_away_for_too_long_resumes_all_the_same() {
    let options = json!({"disconnectedRetryTimeout": 1_000, "suspendedRetryTimeout": 2_000, "fallbackHosts": []});
    let mut client = Client::with_key(options);
    let details = json!({"maxIdleInterval": 15_000, "connectionStateTtl": 5_000});
    let first = client.connect_up_as(connected_with("connection-1", "key-1", details));

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.refuse_socket(&second);
    client.expect_change(ConnectionState::Disconnected);
    client.retry_until_suspended();
    assert_eq!(client.connection_id(), Some("connection-1"));
    client.advance_to_timeout();
    let last = client.expect_attempt();

    assert!(client.sockets[1..].iter().all(|socket| socket.param("resume").as_deref() == Some("key-1")));
    client.come_up(&last, connected("connection-2", "key-2"));
    assert_eq!(client.connection_id(), Some("connection-2"));
    assert_eq!(client.connection_key(), Some("key-2"));
}

// uts: realtime/unit/RTN15c5/token-error-during-resume-0
// Derived with `useTokenAuth`: with the key alone there is no token.
#[test]
fn a_token_error_while_resuming_renews_and_resumes() {
    let mut client = Client::with_key_and_tokens(json!({}));
    let first = client.connect_up();

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.access_token().as_deref(), Some("token-1"));
    client.open_and_receive(&second, token_error());

    client.expect_close_socket(&second);
    let third = client.expect_socket();
    assert_eq!(third.access_token().as_deref(), Some("token-2"));
    assert_eq!(third.param("resume").as_deref(), Some("key-1"));
    client.come_up(&third, connected("connection-2", "key-2"));
    assert_eq!((client.requests.len(), client.sockets.len()), (2, 3));
    use ConnectionState::{Connected, Connecting, Disconnected};
    assert_eq!(client.states(), [Connecting, Connected, Disconnected, Connecting, Connected]);
}

// uts: realtime/unit/RTN15c4/fatal-error-during-resume-0
#[test]
fn any_other_error_while_resuming_fails() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.open_and_receive(&second, error_frame(50000, 500, "Internal server error"));

    client.expect_close_socket(&second);
    client.expect_change_because(ConnectionState::Failed, 50000, 500);
    assert_eq!(client.deadline(), None);
    assert_eq!(client.sockets.len(), 2);
}
