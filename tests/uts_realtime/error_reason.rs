//! `errorReason`. Beyond what each test says, the harness compares it with the reason of every change to
//! disconnected, suspended and failed.

use ably_auth::{ConnectionState, NoticeKind};
use serde_json::json;

use crate::common::*;

/// A client with the key whose first attempt ends with this frame.
fn failed_with(frame: serde_json::Value) -> Client {
    let mut client = Client::with_key(json!({}));
    assert_eq!(client.error_reason(), None);
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(client.error_reason(), None);
    client.open_and_receive(&socket, frame);
    client.expect_close_socket(&socket);
    client
}

// uts: realtime/unit/RTN25/error-reason-on-failed-0
#[test]
fn it_says_why_the_connection_failed() {
    let mut client = failed_with(error_frame(40005, 400, "Invalid API key"));

    client.expect_change(ConnectionState::Failed);

    let reason = client.error_reason().expect("a reason");
    assert_eq!(codes(reason), (40005, 400));
    assert_eq!(reason.message(), "Invalid API key");
}

// uts: realtime/unit/RTN25/error-reason-disconnected-1
#[test]
fn it_says_why_the_connection_is_disconnected() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));

    client.connect_in_vain();

    let reason = client.error_reason().expect("a reason");
    assert_eq!(codes(reason), (80003, 400));
    assert_says(reason, &["no connection could be made"]);
}

// uts: realtime/unit/RTN25/error-reason-suspended-2
#[test]
fn it_says_why_the_connection_is_suspended() {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 500, "fallbackHosts": []}));
    client.connect_in_vain();

    let change = client.retry_until_suspended();

    let reason = client.error_reason().expect("a reason");
    assert_eq!(Some(reason), change.reason.as_ref());
    assert!([(80002, 400), (80003, 400)].contains(&codes(reason)), "{reason}");
    assert!(!reason.message().is_empty());
}

// uts: realtime/unit/RTN25/error-reason-token-error-3
#[test]
fn it_says_that_there_is_no_way_to_renew() {
    let mut client = Client::new(json!({"token": "expired_token"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, token_error());

    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Failed);
    let reason = client.error_reason().expect("a reason");
    assert_eq!(codes(reason), (40171, 403));
    assert_eq!(reason.href(), "https://help.ably.io/error/40171");
}

// uts: realtime/unit/RTN25/error-reason-cleared-on-connect-4
// Of the two ways it allows, the first.
#[test]
fn a_connection_that_is_up_has_none() {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 100, "fallbackHosts": []}));
    client.connect_in_vain();
    assert!(client.error_reason().is_some());

    client.advance_to_timeout();
    let socket = client.expect_attempt();
    assert!(client.error_reason().is_some());
    client.come_up(&socket, connected("connection-id", "connection-key"));

    assert_eq!(client.error_reason(), None);
}

// uts: realtime/unit/RTN25/error-reason-protocol-error-5
#[test]
fn it_is_the_servers_error() {
    let mut frame = error_frame(50000, 500, "Internal server error");
    frame["channel"] = json!(null);
    let mut client = failed_with(frame);

    client.expect_change(ConnectionState::Failed);

    let reason = client.error_reason().expect("a reason");
    assert_eq!(codes(reason), (50000, 500));
    assert_eq!(reason.message(), "Internal server error");
}

// uts: realtime/unit/RTN25/error-reason-in-state-change-6
#[test]
fn it_is_the_reason_of_the_change() {
    let mut client = failed_with(error_frame(40003, 400, "Access token invalid"));

    let change = client.expect_change(ConnectionState::Failed);

    let reason = change.reason.expect("a reason");
    assert_eq!(codes(&reason), (40003, 400));
    assert_eq!(reason.message(), "Access token invalid");
    assert_eq!(client.error_reason(), Some(&reason));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Failed]);
}
