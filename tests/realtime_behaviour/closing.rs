//! `close` (RTN12).

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client that waits for CLOSED.
fn closing_client() -> (Client, Socket) {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let socket = client.connect_up();
    client.close();
    assert_eq!(client.expect_frame(&socket), close_frame());
    client.expect_change(ConnectionState::Closing);
    assert_eq!(client.deadline(), Some((10_000, TimerKind::Close)));
    (client, socket)
}

#[test]
fn before_anything_else_it_is_closed_at_once() {
    let mut client = Client::with_key(json!({}));

    client.close();

    let change = client.expect_change(ConnectionState::Closed);
    assert_eq!(change.previous, ConnectionState::Initialized);
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_failed_connection_stays_so() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();
    client.receive(&socket, error_frame(80000, 400, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Failed);

    client.close();

    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Failed);
}

#[test]
fn closing_twice_is_closing_once() {
    let (mut client, socket) = closing_client();
    client.advance(1_000);

    client.close();

    client.expect_silence();
    assert_eq!(client.deadline(), Some((9_000, TimerKind::Close)));
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    client.close();
    client.expect_silence_for(20_000);
}

#[test]
fn without_an_answer_it_is_closed_in_the_end() {
    let (mut client, socket) = closing_client();

    client.advance(10_000);

    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_socket_that_is_gone_is_closed() {
    let (mut client, socket) = closing_client();

    client.socket_closed(&socket);

    client.expect_change(ConnectionState::Closed);
    assert_eq!(client.deadline(), None);
}

#[test]
fn whatever_ends_the_connection_closes_it() {
    for frame in [token_disconnected(), token_error(), error_frame(80000, 400, "Fatal error")] {
        let (mut client, socket) = closing_client();

        client.receive(&socket, frame);

        client.expect_close_socket(&socket);
        let change = client.expect_change(ConnectionState::Closed);
        assert_eq!(change.previous, ConnectionState::Closing);
        assert_eq!(client.deadline(), None);
    }
}

#[test]
fn anything_else_is_ignored_while_closing() {
    let (mut client, socket) = closing_client();

    for frame in [heartbeat(), reauth(), attached("test", "serial"), connected("connection-1", "key-1")] {
        client.receive(&socket, frame);
    }
    client.ping(&socket);
    client.network(false);
    client.network(true);

    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Closing);
    assert_eq!(client.deadline(), Some((10_000, TimerKind::Close)));
}

#[test]
fn while_connecting_it_is_closed_properly_once_it_is_up() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);

    client.close();
    client.expect_change(ConnectionState::Closing);
    client.receive(&socket, connected("connection-1", "key-1"));
    assert_eq!(client.expect_frame(&socket), close_frame());
    assert_eq!(client.connection_id(), None);
    client.receive(&socket, closed());

    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
}

#[test]
fn while_connecting_an_attempt_that_fails_closes_it() {
    type Failure = fn(&mut Client, &Socket);
    let failures: [(Failure, bool); 5] = [
        (|client, socket| client.refuse_socket(socket), false),
        (|client, socket| client.open_and_receive(socket, error_frame(40005, 400, "Invalid key")), true),
        (|client, socket| client.open_and_receive(socket, token_error()), true),
        (|client, socket| client.open_and_receive(socket, disconnected_frame(50003, 503, "Unwell")), true),
        (|client, _| client.advance_to(10_000, TimerKind::Close), true),
    ];
    for (fail, is_closed_by_us) in failures {
        let mut client = Client::with_numbered_tokens(json!({}));
        client.connect();
        let socket = client.expect_attempt();
        client.close();
        client.expect_change(ConnectionState::Closing);

        fail(&mut client, &socket);

        if is_closed_by_us {
            client.expect_close_socket(&socket);
        }
        client.expect_change(ConnectionState::Closed);
        assert_eq!((client.deadline(), client.sockets.len(), client.requests.len()), (None, 1, 0));
    }
}

#[test]
fn while_a_token_is_being_got_there_is_nothing_to_close() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();

    client.close();

    client.expect_change(ConnectionState::Closing);
    client.expect_change(ConnectionState::Closed);
    client.callback_returns(&callback, token("token-1"));
    client.expect_silence();
    assert_eq!(client.sockets.len(), 0);
}

#[test]
fn while_looking_for_a_network_the_search_is_given_up() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();

    client.close();

    client.expect_abort(&check);
    client.expect_change(ConnectionState::Closing);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(client.deadline(), None);
}

#[test]
fn while_waiting_for_the_next_attempt_it_is_closed_at_once() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.close();
    client.expect_change(ConnectionState::Closed);
    client.expect_silence_for(HOUR as u64);

    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.retry_until_suspended();
    client.close();
    client.expect_change(ConnectionState::Closed);
    client.expect_silence_for(HOUR as u64);
}

#[test]
fn in_the_pause_before_a_reconnect_it_is_closed_at_once() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let first = client.connect_up();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-1"));
    client.socket_closed(&second);
    client.expect_change(ConnectionState::Disconnected);
    client.expect_change(ConnectionState::Connecting);

    client.close();

    client.expect_change(ConnectionState::Closing);
    client.expect_change(ConnectionState::Closed);
    client.expect_silence_for(HOUR as u64);
    assert_eq!(client.sockets.len(), 2);
}

#[test]
fn connect_while_closing_makes_a_new_connection() {
    let (mut client, first) = closing_client();

    client.connect();

    client.expect_close_socket(&first);
    let second = client.expect_attempt();
    assert_eq!(second.param("resume"), None);
    client.receive(&first, closed());
    assert_eq!(client.ignored(), 1);
    client.come_up(&second, connected("connection-2", "key-2"));
    assert_eq!(client.connection_id(), Some("connection-2"));
}

#[test]
fn a_server_that_closes_by_itself_closes_it() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    client.receive(&socket, closed());

    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(client.deadline(), None);
}
