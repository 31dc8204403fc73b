//! Frames: what is the connection's own, what the application's, and what cannot be read.

use ably_auth::connection::{ConnectionInput, FrameContent};
use ably_auth::{ConnectionState, ErrorKind, NoticeKind, NoticeLevel, TimerKind};
use serde_json::json;

use crate::common::*;

#[test]
fn a_frame_that_cannot_be_read_is_told_and_ignored() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);
    for text in ["", "{", "[]", "\"text\"", "17", "null", "{\"action\":4}{}", "\u{0}", "{\"action\":1e999}"] {
        client.receive_text(&socket, text);
        let notice = client.expect_notice(NoticeKind::MalformedFrame);
        assert_eq!((notice.level, notice.spec), (NoticeLevel::Warn, Some("RTF1")), "{text:?}");
        assert!(text.len() < 2 || !notice.message.contains(text), "it is not quoted");
    }

    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_change(ConnectionState::Connected);
    client.receive_text(&socket, "{\"action\":");
    client.expect_notice(NoticeKind::MalformedFrame);
    assert_eq!(client.state(), ConnectionState::Connected);
}

#[test]
fn a_frame_that_cannot_be_read_is_activity_all_the_same() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();
    client.advance(20_000);

    client.receive_text(&socket, "{");

    client.expect_notice(NoticeKind::MalformedFrame);
    assert_eq!(client.deadline(), Some((25_000, TimerKind::Idle)));
}

#[test]
fn a_frame_that_is_read_already_is_as_good_as_its_text() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);
    let message = serde_json::from_value(connected("connection-1", "key-1")).expect("a frame");

    client.event(ConnectionInput::Frame { id: socket.id, content: FrameContent::Message(message) });

    client.expect_change(ConnectionState::Connected);
    assert_eq!((client.connection_id(), client.connection_key()), (Some("connection-1"), Some("key-1")));
}

#[test]
fn connected_without_details_has_the_key_of_the_frame_and_may_be_silent() {
    let mut client = Client::with_key(json!({}));
    let frame = json!({"action": 4, "connectionId": "connection-1", "connectionKey": "key-1"});
    let socket = client.connect_up_as(frame);

    assert_eq!((client.connection_id(), client.connection_key()), (Some("connection-1"), Some("key-1")));
    assert_eq!((client.client_id(), client.deadline()), (None, None));
    client.expect_silence_for(HOUR as u64);
    client.socket_closed(&socket);
    assert_eq!(client.expect_reconnect(80003, 400).param("resume").as_deref(), Some("key-1"));
}

#[test]
fn the_key_of_the_details_goes_before_that_of_the_frame() {
    let mut client = Client::with_key(json!({}));
    let mut frame = connected("connection-1", "of-the-details");
    frame["connectionKey"] = "of-the-frame".into();
    client.connect_up_as(frame);

    assert_eq!(client.connection_key(), Some("of-the-details"));
}

#[test]
fn a_max_idle_interval_of_0_means_as_long_as_it_likes() {
    let mut client = Client::with_key(json!({}));
    client.connect_up_as(connected_with("connection-1", "key-1", json!({"maxIdleInterval": 0})));

    client.expect_silence_for(HOUR as u64);
    assert_eq!(client.deadline(), None);
}

#[test]
fn details_that_make_no_sense_do_no_harm() {
    for details in [
        json!({"maxIdleInterval": -1, "connectionStateTtl": -1}),
        json!({"maxIdleInterval": i64::MAX, "connectionStateTtl": i64::MAX}),
        json!({"maxIdleInterval": "soon", "connectionStateTtl": [], "clientId": 7}),
        json!({"maxIdleInterval": 1.5e300}),
    ] {
        let mut client = Client::with_key(json!({"fallbackHosts": []}));
        let socket = client.connect_up_as(connected_with("connection-1", "key-1", details.clone()));
        client.expect_silence_for(1_000);
        assert_eq!(client.state(), ConnectionState::Connected, "{details}");
        client.socket_closed(&socket);
        client.expect_reconnect(80003, 400);
    }
}

#[test]
fn an_error_that_says_nothing_fails_with_80000() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open_and_receive(&socket, json!({"action": 9}));
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80000, 400);

    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();
    client.receive(&socket, json!({"action": 9, "error": null}));
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80000, 400);
}

#[test]
fn an_error_of_a_channel_is_passed_on() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    // A token error, too: whether the channel's or the connection's token is meant, the connection is up.
    for (code, status) in [(40160, 401), (40142, 401), (90001, 500)] {
        let mut frame = error_frame(code, status, "of a channel");
        frame["channel"] = "test".into();
        client.receive(&socket, frame.clone());
        assert_eq!(client.expect_received(), frame);
    }

    assert_eq!((client.state(), client.error_reason()), (ConnectionState::Connected, None));
}

#[test]
fn heartbeats_are_the_connections_unless_they_answer_one() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();
    client.receive(&socket, heartbeat());
    client.expect_silence();

    client.send(json!({"action": 0, "id": "ping-1"})).expect("it is connected");
    assert_eq!(client.expect_frame(&socket), json!({"action": 0, "id": "ping-1"}));
    client.receive(&socket, json!({"action": 0, "id": "ping-1"}));

    assert_eq!(client.expect_received(), json!({"action": 0, "id": "ping-1"}));
}

#[test]
fn frames_come_in_the_order_in_which_they_came() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    for number in 0..10 {
        client.receive(&socket, json!({"action": 15, "channel": "test", "msgSerial": number}));
    }

    for number in 0..10 {
        assert_eq!(client.expect_received()["msgSerial"], number);
    }
}

#[test]
fn frames_for_the_application_that_come_before_connected_are_passed_on() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, attached("test", "serial"));

    assert_eq!(client.expect_received(), attached("test", "serial"));
    client.receive(&socket, heartbeat());
    client.receive(&socket, reauth());
    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Connecting);
}

#[test]
fn nothing_is_sent_while_it_is_not_connected() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let message = json!({"action": 15, "channel": "test"});
    for state in [ConnectionState::Initialized, ConnectionState::Connecting, ConnectionState::Disconnected] {
        match state {
            ConnectionState::Connecting => {
                client.connect();
                client.expect_attempt();
            }
            ConnectionState::Disconnected => {
                let socket = client.sockets[0].clone();
                client.refuse_socket(&socket);
                client.expect_change(ConnectionState::Disconnected);
            }
            _ => {}
        }
        let error = client.send(message.clone()).expect_err("it is not connected");
        assert_eq!((codes(&error), error.kind()), ((80003, 400), ErrorKind::Misuse), "{state:?}");
    }
}

#[test]
fn frames_that_are_the_connections_own_are_not_sent() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    for action in [3, 5, 7, 17] {
        let error = client.send(json!({"action": action})).expect_err("it is the connection's own");
        assert_eq!((codes(&error), error.kind()), ((40000, 400), ErrorKind::Misuse), "{action}");
    }
    client.expect_silence();

    let message = json!({"action": 15, "channel": "test", "unknown": {"kept": [1, null, "x"]}});
    client.send(message.clone()).expect("it is connected");
    assert_eq!(client.expect_frame(&socket), message);
}

#[test]
fn what_comes_for_another_socket_is_ignored_and_counted() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let first = client.connect_up();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);

    client.socket_closed(&first);
    client.open(&first);
    client.ping(&first);
    client.receive(&first, connected("stale", "stale"));
    let unknown = Socket { id: 99.into(), url: String::new() };
    client.socket_closed(&unknown);

    client.expect_silence();
    assert_eq!(client.ignored(), 5);
    client.come_up(&second, connected("connection-1", "key-1"));
}

#[test]
fn an_error_of_a_channel_ends_no_attempt() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);
    let mut frame = error_frame(40160, 401, "no permission");
    frame["channel"] = "news".into();

    client.receive(&socket, frame.clone());

    assert_eq!(client.state(), ConnectionState::Connecting);
    assert_eq!(client.expect_received(), frame);
}

#[test]
fn what_is_in_a_frame_does_not_show() {
    let shown = format!("{:?}", FrameContent::Text("{\"action\":17,\"auth\":\"secret\"}".into()));
    assert_eq!(shown, "Text(29 bytes)");
}
