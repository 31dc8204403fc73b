//! The server asks for a new token.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTN22/server-auth-triggers-reauth-0
#[test]
fn the_server_asks_and_gets_a_new_token() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up_as(connected("connection-id", "connection-key"));

    client.receive(&socket, reauth());

    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    assert_eq!(client.deadline(), Some((10_000, TimerKind::ConnectionUpgrade)));
    client.receive(&socket, connected("connection-id", "connection-key-2"));
    let update = client.expect_update();
    assert_eq!(update.reason, None);
    assert_eq!(client.connection_key(), Some("connection-key-2"));
    assert_eq!(client.token(), Some("token-2"));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 1));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}

// uts: realtime/unit/RTN22/stays-connected-during-reauth-1
#[test]
fn the_connection_stays_up_while_a_token_is_got() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token("reauth-token-1"));
    let socket = client.connect_up_as(connected("conn-1", "key-1"));
    client.hold_callbacks();

    client.receive(&socket, reauth());

    let callback = client.expect_callback();
    client.expect_silence_for(1_000);
    assert_eq!(client.state(), ConnectionState::Connected);
    client.callback_returns(&callback, token("reauth-token-2"));
    assert_eq!(client.expect_frame(&socket), auth_frame("reauth-token-2"));
    client.receive(&socket, connected("conn-1", "key-1-updated"));
    client.expect_update();
    client.expect_silence();
    assert_eq!(client.changes.len(), 3);
    assert_eq!(client.connection_key(), Some("key-1-updated"));
}

// uts: realtime/unit/RTN22a/forced-disconnect-reauth-failure-0
#[test]
fn a_connection_that_does_not_renew_is_made_again_with_a_new_token() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up_as(connected("conn-1", "key-1"));

    client.receive(&first, token_disconnected());

    client.expect_close_socket(&first);
    let change = client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!(change.previous, ConnectionState::Connected);
    let second = client.expect_attempt();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    client.come_up(&second, connected("conn-1", "key-1"));
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 2));
}
