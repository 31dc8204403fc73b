//! Attempts to connect, failures and what follows them (RTN14, RTN15, RTB1).

use ably_auth::http::HttpFailureKind;
use ably_auth::options::ClientOptions;
use ably_auth::{ConnectionMachine, ConnectionState, Now, Session, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client without other hosts that is connected, and how it can lose the connection.
fn connected_client() -> (Client, Socket) {
    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 3_000, "fallbackHosts": []}));
    let details = json!({"maxIdleInterval": 5_000, "connectionStateTtl": 120_000});
    let socket = client.connect_up_as(connected_with("connection-1", "key-1", details));
    (client, socket)
}

#[test]
fn however_a_connection_is_lost_it_is_disconnected_and_connects_at_once() {
    type Loss = fn(&mut Client, &Socket);
    let losses: [(Loss, bool); 4] = [
        (|client, socket| client.socket_closed(socket), false),
        (|client, socket| client.receive(socket, disconnected_frame(80003, 400, "Bye")), true),
        (|client, _| client.network(false), true),
        (|client, _| client.advance_to(15_000, TimerKind::Idle), true),
    ];
    for (lose, is_closed_by_us) in losses {
        let (mut client, first) = connected_client();
        lose(&mut client, &first);
        if is_closed_by_us {
            client.expect_close_socket(&first);
        }
        let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        assert_eq!(change.previous, ConnectionState::Connected);
        // Of the first retry, although that is made at once.
        assert!((2_400..=3_000).contains(&change.retry_in.expect("a time")), "{:?}", change.retry_in);
        let second = client.expect_attempt();

        // The second retry waits.
        client.refuse_socket(&second);
        let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        let retry_in = change.retry_in.expect("a time");
        assert!((3_200..=4_000).contains(&retry_in), "{retry_in}");
        client.advance_to(retry_in, TimerKind::Retry);
        client.expect_attempt();
    }
}

#[test]
fn a_connection_that_was_up_starts_counting_anew() {
    let (mut client, first) = connected_client();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.refuse_socket(&second);
    client.expect_change(ConnectionState::Disconnected);
    for _ in 0..5 {
        client.retry_in_vain();
        client.expect_change(ConnectionState::Disconnected);
    }
    client.advance_to_timeout();
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-1", "key-1"));

    client.socket_closed(&socket);

    let change = client.expect_change(ConnectionState::Disconnected);
    assert!((2_400..=3_000).contains(&change.retry_in.expect("a time")), "{:?}", change.retry_in);
    client.expect_attempt();
}

#[test]
fn a_server_that_connects_and_drops_makes_no_hot_loop() {
    let (mut client, mut socket) = connected_client();
    client.socket_closed(&socket);
    socket = client.expect_reconnect(80003, 400);
    client.come_up(&socket, connected("connection-1", "key-1"));

    for _ in 0..10 {
        client.advance(400);
        client.socket_closed(&socket);
        client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        client.expect_change(ConnectionState::Connecting);
        client.expect_silence();
        client.advance_to(600, TimerKind::ReconnectPause);
        socket = client.expect_socket();
        client.come_up(&socket, connected("connection-1", "key-1"));
    }
}

#[test]
fn a_connection_that_held_for_a_second_is_made_again_without_a_pause() {
    let (mut client, first) = connected_client();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-1"));
    client.advance(1_000);

    client.socket_closed(&second);

    client.expect_reconnect(80003, 400);
}

#[test]
fn the_network_going_during_the_pause_ends_it() {
    let (mut client, first) = connected_client();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-1"));
    client.socket_closed(&second);
    client.expect_change(ConnectionState::Disconnected);
    client.expect_change(ConnectionState::Connecting);

    client.network(false);

    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
    client.expect_attempt();
}

#[test]
fn a_token_at_hand_is_used_for_every_attempt() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect_in_vain();

    for _ in 0..5 {
        client.retry_in_vain();
        client.expect_change(ConnectionState::Disconnected);
    }

    assert_eq!((client.callbacks.len(), client.sockets.len()), (1, 6));
    assert!(client.sockets.iter().all(|socket| socket.access_token().as_deref() == Some("token-1")));
}

#[test]
fn a_token_that_is_got_after_the_attempt_has_ended_waits_for_the_next_one() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.network(false);
    let retry_in = client.expect_change(ConnectionState::Disconnected).retry_in.expect("a time");

    client.callback_returns(&callback, token("token-1"));

    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
    client.advance_to(retry_in, TimerKind::Retry);
    assert_eq!(client.expect_attempt().access_token().as_deref(), Some("token-1"));
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn connecting_while_a_token_is_being_got_joins_in() {
    let mut client = Client::new(json!({"authCallback": true}));
    let credentials = client.credentials();
    let callback = client.expect_callback();

    client.connect();
    client.expect_change(ConnectionState::Connecting);
    client.callback_returns(&callback, token("token-1"));

    let socket = client.expect_socket();
    assert!(client.expect_complete(credentials).is_ok());
    client.come_up(&socket, connected("connection-1", "key-1"));
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn the_time_for_a_token_is_bounded_as_a_whole() {
    let options = json!({"useTokenAuth": true, "queryTime": true, "httpRequestTimeout": 60_000});
    let mut client = Client::with_key(options);
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let time = client.expect_http();
    client.advance(9_000);
    client.answer(&time, ok(json!([UNIX_START])));
    let exchange = client.expect_http();

    client.advance_to(1_000, TimerKind::ConnectionAuth);

    client.expect_abort(&exchange);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40170, 401)));
    assert_eq!(client.sockets.len(), 0);
}

#[test]
fn an_auth_url_and_an_exchange_that_answer_403_fail_the_connection() {
    for options in [json!({"authUrl": "https://example.com/auth"}), json!({"key": KEY, "useTokenAuth": true})] {
        let mut client = Client::new(options);
        client.connect();
        client.expect_change(ConnectionState::Connecting);
        let request = client.expect_http();

        client.answer(&request, respond_text(403, "text/plain", "no"));

        let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
        assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40300, 403)));
        assert_eq!((client.sockets.len(), client.deadline()), (0, None));
    }
}

#[test]
fn connect_ends_the_wait_for_the_next_attempt() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();

    client.connect();

    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-1", "key-1"));
    assert_eq!(client.deadline(), Some((25_000, TimerKind::Idle)));
}

#[test]
fn connect_while_connecting_or_connected_does_nothing() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.connect();
    client.expect_silence();
    client.come_up(&socket, connected("connection-1", "key-1"));

    client.connect();

    client.expect_silence();
    assert_eq!(client.sockets.len(), 1);
}

#[test]
fn connect_from_failed_clears_the_reason_and_resumes_nothing() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();
    client.receive(&socket, error_frame(80000, 400, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Failed);
    assert!(client.error_reason().is_some());

    client.connect();

    let socket = client.expect_attempt();
    assert_eq!((client.error_reason(), socket.param("resume")), (None, None));
}

#[test]
fn connect_from_closed_clears_the_reason_and_the_numbers() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let socket = client.connect_up();
    client.receive(&socket, attached("test", "serial"));
    client.expect_received();
    client.send(json!({"action": 15, "channel": "test", "msgSerial": 3})).expect("it is connected");
    client.expect_frame(&socket);
    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);
    client.close();
    client.expect_change(ConnectionState::Closed);
    assert!(client.error_reason().is_some());

    let socket = client.connect_up_as(connected("connection-2", "key-2"));

    assert_eq!((client.error_reason(), socket.param("resume")), (None, None));
    let expected = json!({"connectionKey": "key-2", "msgSerial": 0, "channelSerials": {}});
    assert_eq!(client.recovery_key(), Some(expected));
}

#[test]
fn a_connection_that_is_resumed_keeps_the_numbers() {
    let (mut client, first) = connected_client();
    client.receive(&first, attached("kept", "serial-1"));
    client.receive(&first, attached("left", "serial-2"));
    client.receive(&first, json!({"action": 13, "channel": "left"}));
    client.receive(&first, json!({"action": 15, "channel": "kept", "channelSerial": "serial-3"}));
    for _ in 0..4 {
        client.expect_received();
    }
    client.send(json!({"action": 15, "channel": "kept", "msgSerial": 3})).expect("it is connected");
    client.expect_frame(&first);
    // An update is no loss of continuity, not even one with an error (RTN24).
    client.receive(&first, because_of(connected("connection-1", "key-1"), 40142, 401, "Token expired; renewed"));
    client.expect_update();

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-2"));

    let expected = json!({"connectionKey": "key-2", "msgSerial": 4, "channelSerials": {"kept": "serial-3"}});
    assert_eq!(client.recovery_key(), Some(expected));
}

#[test]
fn every_kind_of_failure_says_what_happened() {
    use HttpFailureKind::{Closed, Connect, Dns, Other, Timeout, Tls};
    let mut messages = std::collections::BTreeSet::new();
    for kind in [Dns, Connect, Tls, Timeout, Closed, Other] {
        let mut client = Client::with_key(json!({"fallbackHosts": []}));
        client.connect();
        let socket = client.expect_attempt();
        client.socket_gone(&socket, kind);
        let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        messages.insert(change.reason.expect("a reason").message().to_owned());
    }
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_upgrade(&socket, 418);
    let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    let message = change.reason.expect("a reason").message().to_owned();
    assert!(message.contains("418"), "{message}");
    messages.insert(message);
    assert_eq!(messages.len(), 7, "{messages:#?}");
}

#[test]
fn the_server_closing_before_it_connects_is_a_failed_attempt() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, closed());

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
}

#[test]
fn a_disconnected_without_a_reason_is_80003() {
    let (mut client, socket) = connected_client();
    client.receive(&socket, json!({"action": 6}));
    client.expect_close_socket(&socket);
    client.expect_reconnect(80003, 400);

    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();
    client.open_and_receive(&socket, json!({"action": 6}));
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
}

#[test]
fn a_connection_machine_that_gets_no_credentials_gives_the_attempt_up() {
    let at = |mono| Now::new(mono, 1_700_000_000_000);
    let options = ClientOptions::new("app.key:secret").expect("a key");
    let mut connection = ConnectionMachine::new(&options, [7; 32], at(0));
    connection.connect(at(0));
    assert_eq!(connection.poll_timeout(), Some((10_000, TimerKind::ConnectionAuth)));

    connection.handle_timeout(at(10_000));

    assert_eq!(connection.state(), ConnectionState::Disconnected);
    let reason = connection.error_reason().expect("a reason");
    assert_eq!((reason.code(), reason.status_code()), (80019, 401));
}

#[test]
fn timeouts_of_nothing_make_no_endless_loop() {
    let now = Now::new(1_000, 1_700_000_000_000);
    let options = ClientOptions::from_json(&json!({
        "authCallback": true,
        "realtimeRequestTimeout": 0,
        "httpRequestTimeout": 0,
        "disconnectedRetryTimeout": 0,
        "suspendedRetryTimeout": 0,
    }));
    let mut session = Session::new(options.expect("options"), [7; 32], now).expect("a session");
    session.connect(now);

    session.handle_timeout(now);

    let actions = std::iter::from_fn(|| session.poll_action()).count();
    assert!(actions < 10, "{actions} actions");
    assert!(session.poll_timeout().is_some_and(|(at, _)| at > now.mono));
}
