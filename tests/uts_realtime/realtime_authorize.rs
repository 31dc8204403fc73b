//! `authorize` on a realtime client.

use ably_auth::ConnectionState;
use serde_json::json;

use crate::common::*;

/// A client that is connected with `token-1` as `connection-id`.
fn connected_client() -> (Client, Socket) {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up_as(connected("connection-id", "connection-key"));
    (client, socket)
}

// uts: realtime/unit/RTC8a/authorize-connected-sends-auth-0
#[test]
fn while_connected_the_new_token_is_sent() {
    let (mut client, socket) = connected_client();

    let authorize = client.authorize(None, None);

    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    client.receive(&socket, connected("connection-id", "connection-key-2"));
    client.expect_update();
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!((client.callbacks.len(), client.sockets.len(), client.requests.len()), (2, 1, 0));
}

// uts: realtime/unit/RTC8a1/successful-reauth-update-event-0
#[test]
fn a_token_that_is_accepted_is_an_update() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();

    let authorize = client.authorize(None, None);
    client.expect_frame(&socket);
    let details = json!({"maxIdleInterval": 20_000, "connectionStateTtl": 180_000});
    client.receive(&socket, connected_with("connection-id-2", "connection-key-2", details));

    let update = client.expect_update();
    assert_eq!(update.reason, None);
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.connection_id(), Some("connection-id-2"));
    assert_eq!(client.connection_key(), Some("connection-key-2"));
    // The new details hold: so long may it be silent.
    assert_eq!(client.deadline().map(|(ms, _)| ms), Some(20_000 + 10_000));
}

// uts: realtime/unit/RTC8a1/capability-downgrade-channel-failed-1
// Channels are the application's: it gets the frame that fails one.
#[test]
fn a_channel_that_fails_for_the_new_token_is_the_applications() {
    let (mut client, socket) = connected_client();
    client.send(json!({"action": 10, "channel": "private-channel"})).expect("it is connected");
    client.expect_frame(&socket);
    client.receive(&socket, attached("private-channel", "serial"));
    client.expect_received();

    let authorize = client.authorize(None, None);
    client.expect_frame(&socket);
    client.receive(&socket, connected("connection-id", "connection-key-2"));
    client.expect_update();
    client.expect_token_text(authorize, "token-2");
    let mut refusal = error_frame(40160, 401, "Channel denied access based on given capability");
    refusal["channel"] = "private-channel".into();
    client.receive(&socket, refusal.clone());

    assert_eq!(client.expect_received(), refusal);
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.error_reason(), None);
}

// uts: realtime/unit/RTC8a2/failed-reauth-connection-failed-0
#[test]
fn a_token_that_is_refused_fails_the_connection() {
    let (mut client, socket) = connected_client();

    let authorize = client.authorize(None, None);
    client.expect_frame(&socket);
    client.receive(&socket, error_frame(40012, 400, "Incompatible clientId"));

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40012, 400);
    assert_eq!(change.previous, ConnectionState::Connected);
    assert_eq!(Some(client.expect_error(authorize)), change.reason);
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RTC8a3/authorize-completes-after-response-0
#[test]
fn authorize_ends_with_the_servers_answer() {
    let (mut client, socket) = connected_client();

    let authorize = client.authorize(None, None);
    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    client.expect_silence_for(9_999);
    assert!(client.is_running(authorize));
    client.receive(&socket, connected("connection-id", "connection-key-2"));

    client.expect_update();
    client.expect_token_text(authorize, "token-2");
}

// uts: realtime/unit/RTC8b/authorize-connecting-halts-attempt-0
#[test]
fn while_connecting_the_attempt_is_halted_and_another_made() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.open(&first);

    let authorize = client.authorize(None, None);

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-id", "connection-key"));
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
    assert_eq!((client.callbacks.len(), client.sockets.len()), (2, 2));

    // Nothing of the first attempt matters any more.
    client.receive(&first, connected("other", "other"));
    assert_eq!((client.ignored(), client.connection_id()), (1, Some("connection-id")));
}

// uts: realtime/unit/RTC8b1/authorize-connecting-fails-on-failed-0
#[test]
fn while_connecting_it_fails_with_the_connection() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.open(&first);

    let authorize = client.authorize(None, None);
    client.expect_close_socket(&first);
    let second = client.expect_socket();
    client.open_and_receive(&second, error_frame(40101, 401, "Invalid credentials"));

    client.expect_close_socket(&second);
    let change = client.expect_change_because(ConnectionState::Failed, 40101, 401);
    assert_eq!(Some(client.expect_error(authorize)), change.reason);
    assert_eq!(client.deadline(), None);
}

// uts: realtime/unit/RTC8c/authorize-disconnected-initiates-connection-0
#[test]
fn while_not_connected_it_connects() {
    let mut client = Client::with_numbered_tokens(json!({}));

    let authorize = client.authorize(None, None);

    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("token-1"));
    assert!(client.is_running(authorize));
    client.come_up(&socket, connected("connection-id", "connection-key"));
    client.expect_token_text(authorize, "token-1");

    // From DISCONNECTED, too.
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    let authorize = client.authorize(None, None);
    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));
    client.come_up(&socket, connected("connection-id", "connection-key"));
    client.expect_token_text(authorize, "token-2");
}

// uts: realtime/unit/RTC8c/authorize-failed-initiates-connection-1
#[test]
fn it_brings_a_failed_connection_back() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.open_and_receive(&first, error_frame(40101, 401, "Invalid credentials"));
    client.expect_close_socket(&first);
    client.expect_change_because(ConnectionState::Failed, 40101, 401);

    let authorize = client.authorize(None, None);

    let second = client.expect_attempt();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    assert_eq!(client.error_reason(), None);
    client.come_up(&second, connected("connection-id", "connection-key"));
    client.expect_token_text(authorize, "token-2");
}

// uts: realtime/unit/RTC8c/authorize-closed-initiates-connection-2
#[test]
fn it_opens_a_closed_connection_again() {
    let (mut client, first) = connected_client();
    client.close();
    client.expect_frame(&first);
    client.expect_change(ConnectionState::Closing);
    client.receive(&first, closed());
    client.expect_close_socket(&first);
    client.expect_change(ConnectionState::Closed);

    let authorize = client.authorize(None, None);

    let second = client.expect_attempt();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    assert_eq!(second.param("resume"), None);
    client.come_up(&second, connected("connection-id-2", "connection-key-2"));
    client.expect_token_text(authorize, "token-2");
}
