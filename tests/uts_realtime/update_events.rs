//! CONNECTED while connected.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::{Value, json};

use crate::common::*;

fn details(max_idle_interval: u64, client_id: &str) -> Value {
    let details = json!({
        "maxIdleInterval": max_idle_interval, "connectionStateTtl": 120_000, "clientId": client_id,
    });
    connected_with("connection-id-1", "connection-key-1", details)
}

// uts: realtime/unit/RTN24/connected-emits-update-0
#[test]
fn it_is_an_update_and_no_change_of_the_state() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(details(15_000, "client-123"));

    client.receive(&socket, details(20_000, "client-123"));

    let update = client.expect_update();
    assert_eq!((update.reason, update.retry_in), (None, None));
    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.connection_id(), Some("connection-id-1"));
    assert_eq!(client.connection_key(), Some("connection-key-1"));
    assert_eq!(client.client_id(), Some("client-123"));
}

// uts: realtime/unit/RTN24/update-event-with-error-1
#[test]
fn its_error_is_the_reason() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(connected("connection-id-1", "connection-key-1"));

    let frame = connected("connection-id-1", "connection-key-1");
    client.receive(&socket, because_of(frame, 40142, 401, "Token expired; renewed automatically"));

    let reason = client.expect_update().reason.expect("a reason");
    assert_eq!(codes(&reason), (40142, 401));
    assert_says(&reason, &["Token expired"]);
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.sockets.len(), 1);
}

// uts: realtime/unit/RTN24/connection-details-override-2
#[test]
fn its_details_replace_those_there_were() {
    let mut client = Client::with_key(json!({"fallbackHosts": [], "disconnectedRetryTimeout": 100_000}));
    let first = json!({
        "maxIdleInterval": 10_000, "connectionStateTtl": 60_000, "maxMessageSize": 16_384, "serverId": "server-1",
        "clientId": "client-original",
    });
    let socket = client.connect_up_as(connected_with("connection-id-1", "connection-key-1", first));
    assert_eq!(client.client_id(), Some("client-original"));
    assert_eq!(client.deadline(), Some((20_000, TimerKind::Idle)));

    let second = json!({
        "maxIdleInterval": 20_000, "connectionStateTtl": 110_000, "maxMessageSize": 32_768, "serverId": "server-2",
        "clientId": "client-updated",
    });
    client.receive(&socket, connected_with("connection-id-1", "connection-key-1", second));

    client.expect_update();
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.connection_id(), Some("connection-id-1"));
    assert_eq!(client.connection_key(), Some("connection-key-1"));
    assert_eq!(client.client_id(), Some("client-updated"));
    assert_eq!(client.deadline(), Some((30_000, TimerKind::Idle)));
    // And so long it may be away.
    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);
    client.advance_to(110_000, TimerKind::Suspend);
    client.expect_change(ConnectionState::Suspended);
}

// uts: realtime/unit/RTN24/no-duplicate-connected-event-3
#[test]
fn each_one_is_an_update() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(connected("connection-id-1", "connection-key-1"));

    for _ in 0..3 {
        client.receive(&socket, connected("connection-id-1", "connection-key-1"));
        client.expect_update();
        client.expect_silence();
        client.advance(50);
    }

    assert_eq!(client.changes.len(), 2 + 3);
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}
