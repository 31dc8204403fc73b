//! The operating system says that the network is gone, or is there.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTN20a/network-loss-connected-disconnects-0
#[test]
fn while_connected_its_loss_disconnects_and_it_connects_again() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();

    client.network(false);

    client.expect_close_socket(&first);
    let second = client.expect_reconnect(80003, 400);
    assert_says(client.error_reason().expect("a reason"), &["no network"]);
    client.come_up(&second, connected("connection-2", "key-2"));
    use ConnectionState::{Connected, Connecting, Disconnected};
    assert_eq!(client.states(), [Connecting, Connected, Disconnected, Connecting, Connected]);
    assert_eq!(client.sockets.len(), 2);
}

// uts: realtime/unit/RTN20a/network-loss-connecting-disconnects-1
#[test]
fn while_connecting_its_loss_disconnects() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let first = client.expect_attempt();

    client.network(false);

    client.expect_close_socket(&first);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    let retry_in = change.retry_in.expect("it is tried again");
    client.advance_to(retry_in, TimerKind::Retry);
    let second = client.expect_attempt();
    client.come_up(&second, connected("connection-id", "connection-key"));
    use ConnectionState::{Connected, Connecting, Disconnected};
    assert_eq!(client.states(), [Connecting, Disconnected, Connecting, Connected]);
    assert_eq!((client.sockets.len(), client.requests.len()), (2, 0));
}

// uts: realtime/unit/RTN20b/network-available-disconnected-connects-0
#[test]
fn while_disconnected_it_is_tried_at_once() {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 30_000, "fallbackHosts": []}));
    let first = client.connect_up();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.refuse_socket(&second);
    client.expect_change(ConnectionState::Disconnected);
    client.expect_silence_for(1_000);

    client.network(true);

    let third = client.expect_attempt();
    assert_eq!(third.param("resume").as_deref(), Some("key-1"));
    client.come_up(&third, connected("connection-2", "key-2"));
    // The retry that was to come does not come on top.
    assert_eq!(client.deadline(), Some((25_000, TimerKind::Idle)));
    assert_eq!(client.sockets.len(), 3);

    // While suspended, too.
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.retry_until_suspended();
    client.network(true);
    client.expect_attempt();
}

// uts: realtime/unit/RTN20c/network-available-connecting-restarts-0
#[test]
fn while_connecting_the_attempt_starts_again() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.advance(9_000);

    client.network(true);

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(client.deadline(), Some((10_000, TimerKind::Connect)));
    client.come_up(&second, connected("connection-id", "connection-key"));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
    assert_eq!(client.sockets.len(), 2);
}
