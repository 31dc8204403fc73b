//! A connection that is silent for too long is lost.
//!
//! Whether the environment sees pings is the option `pingsVisible`; the cases for both are the same but for what
//! resets the timer.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::{Value, json};

use crate::common::*;

/// A client that may be silent for `maxIdleInterval` and as long as a request may take.
fn client(pings_visible: bool, request_timeout: u64) -> Client {
    Client::with_key(json!({
        "pingsVisible": pings_visible, "realtimeRequestTimeout": request_timeout, "disconnectedRetryTimeout": 500,
    }))
}

fn connected_for(number: u64, max_idle_interval: u64) -> Value {
    let details = json!({"maxIdleInterval": max_idle_interval, "connectionStateTtl": 120_000});
    connected_with(&format!("connection-id-{number}"), &format!("connection-key-{number}"), details)
}

/// The connection is lost after so many more milliseconds, and made again at once.
fn expect_loss(client: &mut Client, socket: &Socket, ms: u64) -> Socket {
    client.advance_to(ms, TimerKind::Idle);
    client.expect_close_socket(socket);
    let socket = client.expect_reconnect(80003, 400);
    client.come_up(&socket, connected_for(2, 5_000));
    assert_eq!(client.connection_id(), Some("connection-id-2"));
    assert_eq!(client.sockets.len(), 2);
    use ConnectionState::{Connected, Connecting, Disconnected};
    assert_eq!(client.states(), [Connecting, Connected, Disconnected, Connecting, Connected]);
    socket
}

// uts: realtime/unit/RTN23a/heartbeats-true-query-param-0
#[test]
fn heartbeats_are_asked_for_where_pings_are_not_seen() {
    let mut client = client(false, 10_000);
    assert_eq!(client.connect_up().param("heartbeats").as_deref(), Some("true"));
}

// uts: realtime/unit/RTN23b/heartbeats-false-query-param-0
#[test]
fn heartbeats_are_not_asked_for_where_pings_are_seen() {
    let mut client = client(true, 10_000);
    assert_eq!(client.connect_up().param("heartbeats").as_deref(), Some("false"));
}

// uts: realtime/unit/RTN23a/idle-timeout-reconnect-1
#[test]
fn without_heartbeats_the_connection_is_made_again() {
    let mut client = client(false, 2_000);
    let socket = client.connect_up_as(connected_for(1, 5_000));

    expect_loss(&mut client, &socket, 7_000);
}

// uts: realtime/unit/RTN23b/idle-timeout-reconnect-1
#[test]
fn without_pings_the_connection_is_made_again() {
    let mut client = client(true, 2_000);
    let socket = client.connect_up_as(connected_for(1, 5_000));

    expect_loss(&mut client, &socket, 7_000);
}

// uts: realtime/unit/RTN23a/heartbeat-resets-timer-2
#[test]
fn a_heartbeat_resets_the_timer() {
    let mut client = client(false, 1_000);
    let socket = client.connect_up_as(connected_for(1, 3_000));

    client.advance(2_000);
    client.receive(&socket, heartbeat());
    client.expect_silence_for(2_000);
    assert_eq!(client.state(), ConnectionState::Connected);

    expect_loss(&mut client, &socket, 2_000);
}

// uts: realtime/unit/RTN23b/ping-frame-resets-timer-2
#[test]
fn a_ping_resets_the_timer() {
    let mut client = client(true, 1_000);
    let socket = client.connect_up_as(connected_for(1, 3_000));

    client.advance(2_000);
    client.ping(&socket);
    client.expect_silence_for(2_000);
    assert_eq!(client.state(), ConnectionState::Connected);

    expect_loss(&mut client, &socket, 2_000);
}

// uts: realtime/unit/RTN23a/any-message-resets-timer-3
#[test]
fn any_frame_resets_the_timer() {
    let mut client = client(false, 1_000);
    let socket = client.connect_up_as(connected_for(1, 2_000));

    for frame in [
        json!({"action": 1, "msgSerial": 0}),
        json!({"action": 15, "channel": "test", "messages": [{"name": "event", "data": "data"}]}),
    ] {
        client.advance(1_500);
        client.receive(&socket, frame.clone());
        assert_eq!(client.expect_received(), frame);
    }
    client.expect_silence_for(1_500);
    // What the client sends does not count.
    client.send(json!({"action": 15, "channel": "test"})).expect("it is connected");
    client.expect_frame(&socket);
    assert_eq!(client.sockets.len(), 1);

    expect_loss(&mut client, &socket, 1_500);
}

// uts: realtime/unit/RTN23b/any-message-resets-timer-3
#[test]
fn pings_and_frames_reset_the_timer_alike() {
    let mut client = client(true, 1_000);
    let socket = client.connect_up_as(connected_for(1, 2_000));

    client.advance(1_500);
    client.ping(&socket);
    client.advance(1_500);
    client.receive(&socket, json!({"action": 15, "channel": "test"}));
    client.expect_received();
    client.advance(1_500);
    client.ping(&socket);
    client.expect_silence_for(1_500);
    assert_eq!(client.sockets.len(), 1);

    expect_loss(&mut client, &socket, 1_500);
}

// uts: realtime/unit/RTN23a/timeout-triggers-reconnect-4
#[test]
fn a_silent_connection_is_made_again_at_once() {
    let mut client = client(false, 1_000);
    let socket = client.connect_up_as(connected_for(1, 2_000));

    client.expect_silence_for(2_999);
    expect_loss(&mut client, &socket, 1);
}

// uts: realtime/unit/RTN23b/timeout-triggers-reconnect-4
#[test]
fn a_connection_without_pings_is_made_again_at_once() {
    let mut client = client(true, 1_000);
    let socket = client.connect_up_as(connected_for(1, 2_000));

    client.expect_silence_for(2_999);
    expect_loss(&mut client, &socket, 1);
}

// uts: realtime/unit/RTN23a/reconnect-uses-resume-5
#[test]
fn a_silent_connection_is_resumed() {
    let mut client = client(false, 1_000);
    let first = client.connect_up_as(connected_for(1, 2_000));

    let second = expect_loss(&mut client, &first, 3_000);

    assert_eq!(first.param("resume"), None);
    assert_eq!(second.param("resume").as_deref(), Some("connection-key-1"));
}

// uts: realtime/unit/RTN23b/reconnect-uses-resume-5
#[test]
fn a_connection_without_pings_is_resumed() {
    let mut client = client(true, 1_000);
    let first = client.connect_up_as(connected_for(1, 2_000));

    let second = expect_loss(&mut client, &first, 3_000);

    assert_eq!(first.param("resume"), None);
    assert_eq!(second.param("resume").as_deref(), Some("connection-key-1"));
}

// uts: realtime/unit/RTN23b/multiple-pings-keep-alive-6
#[test]
fn pings_keep_a_connection_up() {
    let mut client = client(true, 1_000);
    let socket = client.connect_up_as(connected_for(1, 2_000));

    for _ in 0..1_000 {
        client.expect_silence_for(2_999);
        client.ping(&socket);
        assert_eq!(client.state(), ConnectionState::Connected);
    }

    assert_eq!(client.sockets.len(), 1);
}
