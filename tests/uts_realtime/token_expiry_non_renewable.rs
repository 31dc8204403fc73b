//! A token without any way to get another.

use ably_auth::{ConnectionState, NoticeKind, NoticeLevel};
use serde_json::json;

use crate::common::*;

fn with_token(token: &str) -> Client {
    let mut client = Client::new(json!({"token": token}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client
}

// uts: realtime/unit/RSA4a1/non-renewable-token-logs-warning-0
#[test]
fn a_notice_says_at_once_that_the_token_cannot_be_renewed() {
    let mut client = Client::new(json!({"token": "non-renewable-token"}));

    let notice = client.expect_notice(NoticeKind::TokenNotRenewable);

    assert_eq!(notice.level, NoticeLevel::Info);
    assert!(notice.message.contains("40171"));
    assert!(notice.message.contains("https://help.ably.io/error/40171"));
    assert_eq!(client.state(), ConnectionState::Initialized);
}

// uts: realtime/unit/RSA4a2/token-error-non-renewable-failed-0
#[test]
fn a_token_error_fails_the_connection() {
    let mut client = with_token("expired-token");
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("expired-token"));

    client.open_and_receive(&socket, token_error());

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40171, 403);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40142, 401)));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Failed]);
    assert_eq!(client.token(), None);
}

// uts: realtime/unit/RSA4a2/token-error-non-renewable-no-retry-1
#[test]
fn a_token_error_is_not_tried_again() {
    let mut client = with_token("non-renewable-token");
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, error_frame(40140, 401, "Token error"));

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40171, 403);
    assert_eq!(client.deadline(), None);
    client.expect_silence_for(HOUR as u64);
    assert_eq!(client.sockets.len(), 1);

    // The error is final: it is repeated until somebody finds a way out.
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    client.expect_change_because(ConnectionState::Failed, 40171, 403);
    assert_eq!(client.sockets.len(), 1);
}
