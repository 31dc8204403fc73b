//! Who the client is, as the connection tells (RSA7, RSA12, RSA15).

use ably_auth::ConnectionState;
use serde_json::{Value, json};

use crate::common::*;

fn connected_as(client_id: Value) -> Value {
    connected_with("connection-1", "key-1", json!({"maxIdleInterval": 15_000, "clientId": client_id}))
}

#[test]
fn connected_tells_who_the_client_is() {
    for client_id in ["me", "*"] {
        let mut client = Client::with_key(json!({}));
        assert_eq!(client.client_id(), None);

        client.connect_up_as(connected_as(client_id.into()));

        assert_eq!(client.client_id(), Some(client_id));
    }
}

#[test]
fn it_is_forgotten_when_the_connection_is_no_longer_up() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let first = client.connect_up_as(connected_as("me".into()));

    client.socket_closed(&first);

    let second = client.expect_reconnect(80003, 400);
    assert_eq!(client.client_id(), None);
    client.come_up(&second, connected_as("you".into()));
    assert_eq!(client.client_id(), Some("you"));
    client.close();
    client.expect_frame(&second);
    client.expect_change(ConnectionState::Closing);
    assert_eq!(client.client_id(), None);
}

#[test]
fn it_is_forgotten_when_there_is_another_token() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up_as(connected_as("me".into()));
    assert_eq!(client.client_id(), Some("me"));

    client.receive(&socket, reauth());
    client.expect_frame(&socket);
    assert_eq!(client.client_id(), None);
    client.receive(&socket, connected_as("you".into()));

    client.expect_update();
    assert_eq!(client.client_id(), Some("you"));
}

#[test]
fn the_token_goes_before_connected() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token_details(json!({"token": "token-1", "clientId": "of-the-token"})));

    client.connect_up_as(connected_as("of-the-connection".into()));

    assert_eq!(client.client_id(), Some("of-the-token"));
}

#[test]
fn the_options_stay_whatever_connected_says_that_does_not_contradict() {
    for client_id in [json!("me"), json!("*"), json!(null)] {
        let mut client = Client::with_key(json!({"clientId": "me"}));

        client.connect_up_as(connected_as(client_id));

        assert_eq!(client.client_id(), Some("me"));
    }
}

#[test]
fn a_connected_that_contradicts_the_options_fails_the_connection() {
    let mut client = Client::with_numbered_tokens(json!({"clientId": "me"}));
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, connected_as("you".into()));

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40102, 401);
    assert_eq!(change.previous, ConnectionState::Connecting);
    assert_eq!((client.client_id(), client.connection_id(), client.deadline()), (Some("me"), None, None));
}

#[test]
fn an_update_that_contradicts_the_options_fails_the_connection_and_authorize() {
    let mut client = Client::with_numbered_tokens(json!({"clientId": "me"}));
    let socket = client.connect_up_as(connected_as("me".into()));
    let authorize = client.authorize(None, None);
    client.expect_frame(&socket);

    client.receive(&socket, connected_as("you".into()));

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40102, 401);
    assert_eq!(Some(client.expect_error(authorize)), change.reason);
    assert_eq!(client.changes.len(), 3, "no update");
}

#[test]
fn a_token_of_another_client_fails_the_connection_before_any_socket() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|_| token_details(json!({"token": "others", "clientId": "you"})));

    client.connect();

    client.expect_change(ConnectionState::Connecting);
    client.expect_change_because(ConnectionState::Failed, 40102, 401);
    assert_eq!((client.sockets.len(), client.token()), (0, None));
}

#[test]
fn a_token_of_another_client_at_a_server_initiated_renewal_fails_the_connection() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|callback| match callback.number() {
        1 => token("token-1"),
        _ => token_details(json!({"token": "others", "clientId": "you"})),
    });
    let socket = client.connect_up();

    client.receive(&socket, reauth());

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40102, 401);
    assert_eq!(client.token(), Some("token-1"));
}
