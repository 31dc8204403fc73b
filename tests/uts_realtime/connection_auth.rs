//! Tokens for connecting: when they are got, what with, and what comes of failures.

use ably_auth::{ConnectionState, NoticeKind};
use serde_json::json;

use crate::common::*;

fn unavailable() -> ably_auth::Error {
    error(json!({"code": 50000, "statusCode": 500, "message": "Auth server unavailable"}))
}

// uts: realtime/unit/RTN2e/token-before-websocket-0
#[test]
fn a_token_is_there_before_the_socket() {
    let mut client = Client::new(json!({"authCallback": true}));

    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.expect_silence_for(5_000);
    client.callback_returns(&callback, token("callback-provided-token"));

    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("callback-provided-token"));
    assert_eq!(socket.param("key"), None);
    client.come_up(&socket, connected("connection-id", "connection-key"));
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!((client.callbacks.len(), client.sockets.len(), client.requests.len()), (1, 1, 0));
}

// uts: realtime/unit/RTN2e/callback-error-prevents-connect-1
#[test]
fn without_a_token_no_socket_is_opened() {
    let mut client = Client::new(json!({"authCallback": true}));

    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("Auth callback failed"));

    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    let reason = change.reason.expect("a reason");
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    assert_says(&reason, &["Auth callback failed"]);
    assert_eq!(client.sockets.len(), 0);
}

// uts: realtime/unit/RTN2e/callback-params-include-clientid-2
#[test]
fn the_callback_is_told_the_client_id() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "my-client-id"}));

    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    assert_eq!(json!(callback.params), json!({"clientId": "my-client-id"}));
    let details = json!({"token": "token-for-client", "expires": UNIX_START + HOUR, "clientId": "my-client-id"});
    client.callback_returns(&callback, token_details(details));

    let socket = client.expect_socket();
    assert_eq!(socket.param("clientId").as_deref(), Some("my-client-id"));
    client.come_up(&socket, json!({"action": 4, "connectionId": "connection-id", "connectionKey": "connection-key"}));
    assert_eq!(client.client_id(), Some("my-client-id"));
}

// uts: realtime/unit/RTN2e/reuse-valid-token-3
#[test]
fn a_valid_token_is_used_again() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();

    client.close();
    assert_eq!(client.expect_frame(&socket), close_frame());
    client.expect_change(ConnectionState::Closing);
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    let socket = client.connect_up();

    assert_eq!(socket.access_token().as_deref(), Some("token-1"));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (1, 2));
}

// uts: realtime/unit/RSA4c2/callback-error-causes-disconnected-0
#[test]
fn an_error_of_the_callback_disconnects() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(unavailable()),
        number => token(&format!("valid-token-{number}")).into(),
    });

    client.connect();

    client.expect_change(ConnectionState::Connecting);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    let reason = change.reason.expect("a reason");
    assert_eq!(reason.cause(), Some(&unavailable()));
    assert_eq!(client.error_reason(), Some(&reason));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (1, 0));
}

// uts: realtime/unit/RSA4c3/callback-error-stays-connected-0
// It expects errorReason to be set, which realtime/unit/RSA4c3/callback-error-connected-stays-0 forbids: the connection
// is healthy, so errorReason stays as it is (specification issue 466). The error is told by a notice.
#[test]
fn an_error_of_the_callback_leaves_a_connection_as_it_is() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(token("initial-token")),
        _ => unavailable().into(),
    });
    let socket = client.connect_up();

    client.receive(&socket, reauth());

    let notice = client.expect_notice(NoticeKind::RenewalFailed);
    let told = notice.error.expect("an error");
    assert_eq!(codes(&told), (80019, 401));
    assert_eq!(told.cause(), Some(&unavailable()));
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.error_reason(), None);
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 1));
}

// uts: realtime/unit/RSA4d/callback-403-causes-failed-0
#[test]
fn a_403_of_the_callback_fails_the_connection() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| error(json!({"code": 40300, "statusCode": 403, "message": "Account disabled"})));

    client.connect();

    client.expect_change(ConnectionState::Connecting);
    let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40300, 403)));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (1, 0));
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RSA4d/callback-403-reauth-causes-failed-1
#[test]
fn a_403_of_the_callback_fails_a_connection_that_is_up() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(token("initial-token")),
        _ => error(json!({"code": 40300, "statusCode": 403, "message": "Account suspended"})).into(),
    });
    let socket = client.connect_up();

    client.receive(&socket, reauth());

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40300, 403)));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 1));
    assert_eq!(client.deadline(), None);
}
