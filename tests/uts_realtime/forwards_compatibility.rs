//! What is not known is passed on, and does no harm.

use ably_auth::ConnectionState;
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTF1/unrecognised-attributes-ignored-0
#[test]
fn unknown_members_of_a_frame_are_passed_on() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    let mut frame = connected("connection-id", "connection-key");
    frame["unknownField"] = json!([{"nested": true}]);
    frame["connectionDetails"]["unknownDetail"] = json!(1.5);
    client.come_up(&socket, frame);
    client.receive(&socket, attached("test", "serial"));
    client.expect_received();

    let message = json!({
        "action": 15,
        "channel": "test",
        "messages": [{"name": "test-event", "data": "hello", "serial": "msg-serial-1"}],
        "unknownField1": "some-future-value",
        "unknownField2": 42,
        "unknownNestedObject": {"nestedKey": "nestedValue"},
        "unknownArray": [1, 2, 3],
    });
    client.receive(&socket, message.clone());

    assert_eq!(client.expect_received(), message);
    assert_eq!(client.state(), ConnectionState::Connected);
    assert_eq!(client.connection_id(), Some("connection-id"));
}

// uts: realtime/unit/RTF1/unknown-action-handled-1
#[test]
fn frames_with_an_unknown_action_are_passed_on() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    for action in [json!(254), json!(-7), json!("future"), json!(null)] {
        let frame = json!({"action": action, "channel": "test", "unknownPayload": "future-feature-data"});
        client.receive(&socket, frame.clone());
        assert_eq!(client.expect_received(), frame);
    }
    client.receive(&socket, heartbeat());

    client.expect_silence_for(1_000);
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}

// uts: realtime/unit/RSF1/message-unrecognised-attrs-0
#[test]
fn unknown_members_of_messages_are_passed_on() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    let frame = json!({
        "action": 15,
        "channel": "test",
        "messages": [
            {
                "name": "event-1", "data": "payload-1", "serial": "serial-1", "futureField": "future-value",
                "futureNumber": 99, "futureObject": {"nested": true},
            },
            {"name": "event-2", "data": "payload-2", "serial": "serial-2", "anotherUnknownField": [1, 2, 3]},
        ],
    });
    client.receive(&socket, frame.clone());

    assert_eq!(client.expect_received(), frame);
    assert_eq!(client.state(), ConnectionState::Connected);
}
