//! Connections that cannot be opened.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTN14a/invalid-key-failed-0
#[test]
fn a_key_that_is_refused_fails_the_connection() {
    let mut client = Client::new(json!({"key": "invalid.key:secret"}));
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(socket.param("key").as_deref(), Some("invalid.key:secret"));

    client.open_and_receive(&socket, error_frame(40005, 400, "Invalid key"));

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40005, 400);
    assert_eq!((client.connection_id(), client.connection_key()), (None, None));
    assert_eq!(client.deadline(), None);

    // That the server closes the socket, too, is no news.
    client.socket_closed(&socket);
    assert_eq!(client.sockets.len(), 1);
}

// uts: realtime/unit/RTN14b/token-error-with-renewal-0
// Derived with `useTokenAuth`: with the key alone there is no token.
#[test]
fn a_token_error_renews_once_and_tries_again() {
    let mut client = Client::with_key_and_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    assert_eq!(first.access_token().as_deref(), Some("token-1"));

    client.open_and_receive(&first, token_error());

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-id", "connection-key"));
    // No DISCONNECTED shows in between.
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
    assert_eq!((client.requests.len(), client.sockets.len()), (2, 2));
    assert_eq!(client.error_reason(), None);
}

// uts: realtime/unit/RTN14b/token-renewal-fails-1
#[test]
fn a_renewal_that_fails_disconnects() {
    let cause = error(json!({"code": 40171, "statusCode": 401, "message": "Unable to renew token"}));
    let reported = cause.clone();
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(move |callback| match callback.number() {
        1 => Reply::from(token("initial-token")),
        _ => cause.clone().into(),
    });
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, token_error());

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()), Some(&reported));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 1));
    assert_eq!(client.token(), None);
}

// uts: realtime/unit/RSA4a/token-error-no-renewal-0
#[test]
fn a_token_error_without_a_way_to_renew_fails() {
    let mut client = Client::new(json!({"token": "expired_token_string"}));
    client.expect_notice(ably_auth::NoticeKind::TokenNotRenewable);
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, token_error());

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40171, 403);
    assert_eq!(change.previous, ConnectionState::Connecting);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40142, 401)));
    assert_eq!(client.sockets.len(), 1);
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RTN14c/connection-timeout-0
// Without fallback hosts, which would be tried first.
#[test]
fn a_connection_that_is_not_made_in_time_disconnects() {
    let mut client = Client::with_key(json!({"realtimeRequestTimeout": 1_000, "fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);

    client.advance_to(1_000, TimerKind::Connect);

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    assert_says(change.reason.as_ref().expect("a reason"), &["in time"]);
    client.receive(&socket, connected("late", "late"));
    assert_eq!(client.ignored(), 1);
}

// uts: realtime/unit/RTN14d/retry-recoverable-failure-0
#[test]
fn a_failure_that_may_pass_is_tried_again() {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 1_000, "fallbackHosts": []}));

    let change = client.connect_in_vain();

    assert_eq!(change.reason.as_ref().map(codes), Some((80003, 400)));
    let retry_in = change.retry_in.expect("it is tried again");
    assert!((800..=1_000).contains(&retry_in), "{retry_in}");
    client.advance_to(retry_in, TimerKind::Retry);
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-id", "connection-key"));
    assert_eq!(client.sockets.len(), 2);
    assert_eq!(client.error_reason(), None);
}

// uts: realtime/unit/RTN14e/disconnected-to-suspended-0
#[test]
fn disconnected_for_too_long_is_suspended() {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 1_000, "fallbackHosts": []}));
    client.connect();
    let started = client.sockets.len();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    // Two minutes from the first CONNECTING on: the default of connectionStateTtl.
    let mut elapsed = 0;
    while client.state() != ConnectionState::Suspended {
        let (ms, kind) = client.deadline().expect("it leaves the state");
        elapsed += ms;
        client.advance(ms);
        if kind == TimerKind::Retry {
            let socket = client.expect_attempt();
            client.refuse_socket(&socket);
        }
        let change = client.expect_change(client.state());
        assert!(change.reason.is_some());
    }

    assert_eq!(elapsed, 120_000);
    assert_eq!(client.error_reason().map(codes), Some((80002, 400)));
    assert_eq!(client.error_reason().and_then(|reason| reason.cause()).map(codes), Some((80003, 400)));
    // At most 1,000 ms, then 4/3 and 5/3 of it, then twice as long each time, or 0.8 of that.
    let attempts = client.sockets.len() - started;
    assert!((60..=77).contains(&attempts), "{attempts}");
    assert_eq!(client.deadline(), Some((30_000, TimerKind::Retry)));
}

// uts: realtime/unit/RTN14f/suspended-retries-indefinitely-0
#[test]
fn suspended_is_tried_again_without_end() {
    let options = json!({"disconnectedRetryTimeout": 500, "suspendedRetryTimeout": 1_000, "fallbackHosts": []});
    let mut client = Client::with_key(options);
    client.connect_in_vain();
    let change = client.retry_until_suspended();
    assert_eq!(change.retry_in, Some(1_000));

    for _ in 0..100 {
        client.advance_to(1_000, TimerKind::Retry);
        let socket = client.expect_attempt();
        client.refuse_socket(&socket);
        let change = client.expect_change_because(ConnectionState::Suspended, 80003, 400);
        assert_eq!((change.previous, change.retry_in), (ConnectionState::Connecting, Some(1_000)));
    }

    client.advance_to(1_000, TimerKind::Retry);
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-id", "connection-key"));
    assert_eq!(client.error_reason(), None);
}

// uts: realtime/unit/RTN14g/error-empty-channel-failed-0
#[test]
fn an_error_without_a_channel_fails() {
    for channel in [json!(null), json!("")] {
        let mut client = Client::with_key(json!({}));
        client.connect();
        let socket = client.expect_attempt();

        let mut frame = error_frame(50000, 500, "Internal server error");
        frame["channel"] = channel;
        client.open_and_receive(&socket, frame);

        client.expect_close_socket(&socket);
        let change = client.expect_change_because(ConnectionState::Failed, 50000, 500);
        assert_eq!(change.reason.as_ref().map(|reason| reason.message()), Some("Internal server error"));
        assert_eq!(client.deadline(), None);
    }
}
