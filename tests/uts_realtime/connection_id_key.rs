//! The id and the key of a connection.

use ably_auth::ConnectionState;
use serde_json::json;

use crate::common::*;

/// A client that is connected as `conn-id-1` with `conn-key-1`.
fn connected_client() -> (Client, Socket) {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(connected("conn-id-1", "conn-key-1"));
    assert_eq!((client.connection_id(), client.connection_key()), (Some("conn-id-1"), Some("conn-key-1")));
    (client, socket)
}

fn closed_client() -> Client {
    let (mut client, socket) = connected_client();
    client.close();
    client.expect_frame(&socket);
    client.expect_change(ConnectionState::Closing);
    assert_eq!((client.connection_id(), client.connection_key()), (None, None));
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    client
}

// uts: realtime/unit/RTN8a/id-unset-until-connected-0
#[test]
fn there_is_no_id_before_it_is_connected() {
    let mut client = Client::with_key(json!({}));
    assert_eq!(client.connection_id(), None);
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(client.connection_id(), None);
    client.open(&socket);
    assert_eq!(client.connection_id(), None);

    client.receive(&socket, connected("unique-conn-id-1", "conn-key-1"));

    client.expect_change(ConnectionState::Connected);
    assert_eq!(client.connection_id(), Some("unique-conn-id-1"));
}

// uts: realtime/unit/RTN9a/key-unset-until-connected-0
#[test]
fn there_is_no_key_before_it_is_connected() {
    let mut client = Client::with_key(json!({}));
    assert_eq!(client.connection_key(), None);
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(client.connection_key(), None);
    client.open(&socket);
    assert_eq!(client.connection_key(), None);

    client.receive(&socket, connected("unique-conn-id-1", "conn-key-1"));

    client.expect_change(ConnectionState::Connected);
    assert_eq!(client.connection_key(), Some("conn-key-1"));
}

// uts: realtime/unit/RTN8b/id-unique-per-connection-0
#[test]
fn each_connection_has_the_id_it_was_given() {
    let (mut one, mut other) = (Client::with_key(json!({})), Client::with_key(json!({})));

    one.connect_up_as(connected("conn-id-1", "conn-key-1"));
    other.connect_up_as(connected("conn-id-2", "conn-key-2"));

    assert_eq!(one.connection_id(), Some("conn-id-1"));
    assert_eq!(other.connection_id(), Some("conn-id-2"));
}

// uts: realtime/unit/RTN9b/key-unique-per-connection-0
#[test]
fn each_connection_has_the_key_it_was_given() {
    let (mut one, mut other) = (Client::with_key(json!({})), Client::with_key(json!({})));

    one.connect_up_as(connected("conn-id-1", "conn-key-1"));
    other.connect_up_as(connected("conn-id-2", "conn-key-2"));

    assert_eq!(one.connection_key(), Some("conn-key-1"));
    assert_eq!(other.connection_key(), Some("conn-key-2"));
}

// uts: realtime/unit/RTN8c/id-null-after-closed-0
// RTN8c has been replaced by RTN8d since version 6.1.0; for closed and failed they say the same.
#[test]
fn a_closed_connection_has_no_id() {
    assert_eq!(closed_client().connection_id(), None);
}

// uts: realtime/unit/RTN9c/key-null-after-closed-0
#[test]
fn a_closed_connection_has_no_key() {
    assert_eq!(closed_client().connection_key(), None);
}

// uts: realtime/unit/RTN8c/id-key-null-after-failed-1
#[test]
fn a_failed_connection_has_neither() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open_and_receive(&socket, error_frame(80000, 400, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80000, 400);
    assert_eq!((client.connection_id(), client.connection_key()), (None, None));

    // Nor does one that had them.
    let (mut client, socket) = connected_client();
    client.receive(&socket, error_frame(80000, 400, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80000, 400);
    assert_eq!((client.connection_id(), client.connection_key()), (None, None));
}

// uts: realtime/unit/RTN8c/id-key-null-after-suspended-2
// By RTN8d and RTN9d a suspended connection keeps both, to resume with (RTN14h). One that never had any has none.
#[test]
fn a_suspended_connection_keeps_what_it_had() {
    let options = json!({"disconnectedRetryTimeout": 1_000, "suspendedRetryTimeout": 100, "fallbackHosts": []});
    let mut client = Client::with_key(options.clone());
    client.connect_in_vain();
    client.retry_until_suspended();
    assert_eq!((client.connection_id(), client.connection_key()), (None, None));

    let mut client = Client::with_key(options);
    let socket = client.connect_up_as(connected("conn-id-1", "conn-key-1"));
    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);
    client.retry_until_suspended();
    assert_eq!((client.connection_id(), client.connection_key()), (Some("conn-id-1"), Some("conn-key-1")));
}
