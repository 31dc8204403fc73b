//! Taking a connection over into another life of the application.
//!
//! Channels and the numbers of frames are the application's. What a recovery key says of them is read out of it with
//! [`RecoveryKey::parse`]; what goes into one is read from the frames that the session sees.

use ably_auth::connection::RecoveryKey;
use ably_auth::{ConnectionState, NoticeKind, NoticeLevel};
use serde_json::json;

use crate::common::*;

/// A client with the key that recovers.
fn recovering(recovery_key: &str) -> Client {
    Client::with_key(json!({"recover": recovery_key, "fallbackHosts": []}))
}

// uts: realtime/unit/RTN16g/recovery-key-structure-0
#[test]
fn a_recovery_key_holds_the_key_the_number_and_the_channels() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(connected("connection-1", "key-abc-123"));
    for (channel, serial) in [("channel-alpha", "serial-a-001"), ("channel-éàü-世界", "serial-b-002")] {
        client.receive(&socket, attached(channel, serial));
        client.expect_received();
    }

    let channels = json!({"channel-alpha": "serial-a-001", "channel-éàü-世界": "serial-b-002"});
    let expected = json!({"connectionKey": "key-abc-123", "msgSerial": 0, "channelSerials": channels});
    assert_eq!(client.recovery_key(), Some(expected));

    let text = client.session().connection().create_recovery_key().expect("it is connected");
    let key = RecoveryKey::parse(text.expose()).expect("it can be read");
    assert_eq!(key.connection_key.expose(), "key-abc-123");
    assert_eq!(key.msg_serial, 0);
    assert_eq!(json!(key.channel_serials), channels);
}

// uts: realtime/unit/RTN16g2/recovery-key-null-inactive-0
#[test]
fn there_is_no_recovery_key_where_there_is_nothing_to_recover() {
    let mut client = Client::with_key(json!({}));
    assert_eq!(client.recovery_key(), None);
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(client.recovery_key(), None);
    client.come_up(&socket, connected("connection-1", "key-1"));
    assert!(client.recovery_key().is_some());
    client.close();
    client.expect_frame(&socket);
    client.expect_change(ConnectionState::Closing);
    assert_eq!(client.recovery_key(), None);
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(client.recovery_key(), None);

    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up_as(connected("conn-f", "key-f"));
    client.receive(&socket, error_frame(50000, 500, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Failed);
    assert_eq!(client.recovery_key(), None);

    let mut client = Client::with_key(json!({"disconnectedRetryTimeout": 500, "fallbackHosts": []}));
    let details = json!({"maxIdleInterval": 15_000, "connectionStateTtl": 2_000});
    let socket = client.connect_up_as(connected_with("conn-s", "key-s", details));
    client.socket_closed(&socket);
    let socket = client.expect_reconnect(80003, 400);
    assert!(client.recovery_key().is_some());
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);
    assert!(client.recovery_key().is_some());
    client.retry_until_suspended();
    assert_eq!(client.recovery_key(), None);
}

// uts: realtime/unit/RTN16k/recover-query-param-0
#[test]
fn the_first_connection_recovers_and_the_next_resume() {
    let mut client = recovering(r#"{"connectionKey": "recovered-key-xyz", "msgSerial": 5, "channelSerials": {}}"#);
    // An attempt that fails is no connection.
    client.connect();
    let first = client.expect_attempt();
    client.refuse_socket(&first);
    client.expect_change(ConnectionState::Disconnected);
    client.advance_to_timeout();
    let second = client.expect_attempt();
    client.come_up(&second, connected("recovered-conn-id", "new-key-after-recovery"));
    client.socket_closed(&second);
    let third = client.expect_reconnect(80003, 400);
    client.come_up(&third, connected("recovered-conn-id", "resumed-key"));

    for socket in [&first, &second] {
        assert_eq!(socket.param("recover").as_deref(), Some("recovered-key-xyz"));
        assert_eq!(socket.param("resume"), None);
    }
    assert_eq!(third.param("recover"), None);
    assert_eq!(third.param("resume").as_deref(), Some("new-key-after-recovery"));
}

// uts: realtime/unit/RTN16f/recover-initializes-msgserial-0
// The application numbers its frames: it goes on with what the recovery key says.
#[test]
fn the_number_of_the_recovery_key_is_gone_on_with() {
    let key = r#"{"connectionKey": "old-key", "msgSerial": 42, "channelSerials": {"test-channel": "ch-serial-1"}}"#;
    assert_eq!(RecoveryKey::parse(key).expect("it can be read").msg_serial, 42);
    let mut client = recovering(key);
    let socket = client.connect_up_as(connected("recovered-conn", "new-key"));
    client.receive(&socket, attached("test-channel", "ch-serial-updated"));
    client.expect_received();
    let serials = json!({"test-channel": "ch-serial-updated"});
    let expected = json!({"connectionKey": "new-key", "msgSerial": 42, "channelSerials": serials});
    assert_eq!(client.recovery_key(), Some(expected));

    let message = json!({"action": 15, "channel": "test-channel", "msgSerial": 42, "messages": [{"name": "event"}]});
    client.send(message.clone()).expect("it is connected");
    assert_eq!(client.expect_frame(&socket), message);
    let ack = json!({"action": 1, "msgSerial": 42, "count": 1});
    client.receive(&socket, ack.clone());
    assert_eq!(client.expect_received(), ack);
    assert_eq!(client.recovery_key().expect("it is connected")["msgSerial"], 43);

    // Where nothing could be recovered, it starts again (RTN15c7, RTN16l).
    let mut client = recovering(key);
    client.connect();
    let socket = client.expect_attempt();
    let frame = because_of(connected("other-conn", "other-key"), 80008, 400, "Unable to recover connection");
    client.open_and_receive(&socket, frame);
    let change = client.expect_change_because(ConnectionState::Connected, 80008, 400);
    assert_eq!(client.error_reason(), change.reason.as_ref());
    let expected = json!({"connectionKey": "other-key", "msgSerial": 0, "channelSerials": {}});
    assert_eq!(client.recovery_key(), Some(expected));
}

// uts: realtime/unit/RTN16f1/malformed-recovery-key-0
#[test]
fn a_recovery_key_that_cannot_be_read_is_told_and_ignored() {
    for malformed in ["this-is-not-valid-json!!!", "", "{}", "[]", r#"{"connectionKey": ""}"#, r#"{"msgSerial": 1}"#] {
        assert_eq!(RecoveryKey::parse(malformed), None);
        let mut client = recovering(malformed);
        let notice = client.expect_notice(NoticeKind::MalformedRecoveryKey);
        assert_eq!((notice.level, notice.spec), (NoticeLevel::Error, Some("RTN16f1")));

        let socket = client.connect_up_as(connected("fresh-conn", "fresh-key"));

        assert_eq!((socket.param("recover"), socket.param("resume")), (None, None));
        assert_eq!(client.connection_id(), Some("fresh-conn"));
        assert_eq!(client.connection_key(), Some("fresh-key"));
        assert_eq!(client.sockets.len(), 1);
    }
}

// uts: realtime/unit/RTN16j/recover-channel-serials-0
// Channels are the application's: it takes their serials from the recovery key, and attaches with them.
#[test]
fn the_channels_of_the_recovery_key_are_handed_out() {
    let serials = json!({
        "channel-one": "serial-1-abc", "channel-two": "serial-2-def", "channel-üñîçöðé": "serial-3-unicode",
    });
    let key = json!({"connectionKey": "old-key-abc", "msgSerial": 10, "channelSerials": serials}).to_string();
    assert_eq!(json!(RecoveryKey::parse(&key).expect("it can be read").channel_serials), serials);
    let mut client = recovering(&key);
    let socket = client.connect_up_as(connected("recovered-conn", "new-key"));
    // Nothing is attached by itself (RTN16i).
    client.expect_silence();

    let attach = json!({"action": 10, "channel": "channel-one", "channelSerial": "serial-1-abc"});
    client.send(attach.clone()).expect("it is connected");
    assert_eq!(client.expect_frame(&socket), attach);
    client.receive(&socket, attached("channel-one", "serial-1-abc-updated"));
    client.expect_received();

    let mut expected = serials;
    expected["channel-one"] = "serial-1-abc-updated".into();
    assert_eq!(client.recovery_key().expect("it is connected")["channelSerials"], expected);
}
