//! Away for too long (RTN14e, RTN14f, RTN14h).

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client that tries every 1,000 seconds, so that the time until it is suspended is what is seen.
fn patient_client() -> Client {
    Client::with_key(json!({"disconnectedRetryTimeout": 1_000_000, "fallbackHosts": []}))
}

#[test]
fn the_time_runs_from_the_first_attempt() {
    let mut client = patient_client();
    client.connect();
    let socket = client.expect_attempt();
    client.advance(5_000);
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    client.advance_to(115_000, TimerKind::Suspend);

    let change = client.expect_change_because(ConnectionState::Suspended, 80002, 400);
    assert_eq!(change.retry_in, Some(30_000));
}

#[test]
fn the_time_runs_from_the_loss_of_the_connection() {
    let mut client = patient_client();
    let first = client.connect_up();
    client.advance(20_000);
    client.ping(&first);
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.advance(5_000);
    client.refuse_socket(&second);
    client.expect_change(ConnectionState::Disconnected);

    client.advance_to(115_000, TimerKind::Suspend);

    client.expect_change_because(ConnectionState::Suspended, 80002, 400);
}

#[test]
fn the_time_is_what_the_server_says() {
    let mut client = patient_client();
    let details = json!({"maxIdleInterval": 15_000, "connectionStateTtl": 7_000});
    let socket = client.connect_up_as(connected_with("connection-1", "key-1", details));
    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    client.advance_to(7_000, TimerKind::Suspend);

    client.expect_change_because(ConnectionState::Suspended, 80002, 400);
}

#[test]
fn an_attempt_under_way_is_waited_for() {
    let mut client = patient_client();
    client.connect_in_vain();
    client.advance(115_000);
    client.connect();
    let socket = client.expect_attempt();

    client.expect_silence_for(9_999);
    client.advance(1);

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Suspended, 80003, 400);
    assert_eq!(change.previous, ConnectionState::Connecting);
}

#[test]
fn no_credentials_for_too_long_are_a_reason_as_well() {
    let mut client = Client::new(json!({"authCallback": true, "disconnectedRetryTimeout": 1_000_000}));
    client.on_callback(|_| plain_error("no"));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    client.advance_to(120_000, TimerKind::Suspend);
    let change = client.expect_change_because(ConnectionState::Suspended, 80002, 400);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((80019, 401)));

    client.advance_to(30_000, TimerKind::Retry);

    client.expect_change(ConnectionState::Connecting);
    client.expect_change_because(ConnectionState::Suspended, 80019, 401);
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn an_attempt_by_hand_that_fails_returns_to_it() {
    let mut client = patient_client();
    client.connect_in_vain();
    client.retry_until_suspended();

    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);

    let change = client.expect_change_because(ConnectionState::Suspended, 80003, 400);
    assert_eq!(change.retry_in, Some(30_000));
    assert_eq!(client.deadline(), Some((30_000, TimerKind::Retry)));
}

#[test]
fn a_connection_that_comes_up_again_has_all_the_time_again() {
    let mut client = patient_client();
    client.connect_in_vain();
    client.retry_until_suspended();
    client.advance_to_timeout();
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-1", "key-1"));

    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.refuse_socket(&socket);

    client.expect_change(ConnectionState::Disconnected);
    assert_eq!(client.deadline(), Some((120_000, TimerKind::Suspend)));
}

#[test]
fn a_new_connection_has_all_the_time_again() {
    type Restart = fn(&mut Client);
    let restarts: [Restart; 2] = [
        |client| {
            // Closed, and connected again.
            client.close();
            client.expect_change(ConnectionState::Closed);
            client.connect();
        },
        |client| {
            // Connected again while still closing (RTN11b).
            client.connect();
            let socket = client.expect_attempt();
            client.close();
            client.expect_change(ConnectionState::Closing);
            client.connect();
            client.expect_close_socket(&socket);
        },
    ];
    for restart in restarts {
        let mut client = patient_client();
        client.connect_in_vain();
        client.advance(100_000);

        restart(&mut client);

        let socket = client.expect_attempt();
        assert_eq!(client.error_reason(), None);
        client.refuse_socket(&socket);
        client.expect_change(ConnectionState::Disconnected);
        assert_eq!(client.deadline(), Some((120_000, TimerKind::Suspend)));
    }
}

#[test]
fn a_token_error_renews_there_as_well() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.retry_until_suspended();
    client.advance_to_timeout();
    let first = client.expect_attempt();
    assert_eq!(first.access_token().as_deref(), Some("token-1"));

    client.open_and_receive(&first, token_error());
    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.open_and_receive(&second, token_error());

    client.expect_close_socket(&second);
    client.expect_change_because(ConnectionState::Suspended, 40142, 401);
    // A rejected token is not tried again.
    assert_eq!(client.token(), None);
    client.advance_to_timeout();
    let third = client.expect_attempt();
    assert_eq!(third.access_token().as_deref(), Some("token-3"));
    assert_eq!(client.callbacks.len(), 3);
}
