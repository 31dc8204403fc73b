//! Signs of life, hostile frames, and what a test can do to connections.

use super::*;

#[test]
fn an_idle_client_gets_heartbeats_if_it_wants_them() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "heartbeats=true");
    world.pass(15 * SECOND - 1);
    assert!(world.received(connected.transport).is_empty());
    world.pass(1);
    assert_eq!(world.received(connected.transport), [json!({ "action": action::HEARTBEAT })]);
    world.pass(10 * SECOND);
    world.send(connected.transport, &json!({ "action": action::HEARTBEAT, "id": "ping" }));
    assert_eq!(world.received(connected.transport), [json!({ "action": action::HEARTBEAT, "id": "ping" })]);
    world.pass(15 * SECOND - 1);
    assert!(world.received(connected.transport).is_empty(), "not idle for long enough");
    world.pass(1);
    assert_eq!(world.received(connected.transport).len(), 1);
}

#[test]
fn an_idle_client_gets_pings_otherwise() {
    let mut world = World::new();
    for query in ["heartbeats=false", ""] {
        let connected = world.connect_with_key(0, query);
        world.pass(15 * SECOND);
        assert_eq!(world.received(connected.transport), [json!("ping")]);
    }
}

#[test]
fn a_client_chooses_how_long_silence_may_be() {
    let mut world = World::new();
    for (asked, interval) in [("5000", 5_000), ("1800000", 1_800_000), ("1", 5_000), ("9999999", 1_800_000)] {
        let connected = world.connect_with_key(0, &format!("heartbeats=true&heartbeatInterval={asked}"));
        assert_eq!(connected.details()["maxIdleInterval"], interval);
        world.pass(interval - 1);
        assert!(world.received(connected.transport).is_empty());
        world.pass(1);
        assert_eq!(world.received(connected.transport).len(), 1);
        world.send(connected.transport, &json!({ "action": action::CLOSE }));
    }
    assert_eq!(world.connect_with_key(0, "heartbeatInterval=often").details()["maxIdleInterval"], 15_000);
}

#[test]
fn a_heartbeat_is_answered_with_its_id_or_without() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.send(connected.transport, &json!({ "action": action::HEARTBEAT }));
    assert_eq!(world.next(connected.transport), json!({ "action": action::HEARTBEAT }));
}

#[test]
fn unknown_actions_are_ignored() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    for message in
        [json!({}), json!({ "action": 99 }), json!({ "action": "x" }), json!({ "action": action::CONNECTED })]
    {
        world.send(connected.transport, &message);
        world.nothing(connected.transport);
    }
}

#[test]
fn what_is_no_frame_fails_the_connection() {
    let huge = format!(r#"{{"action":0,"id":"{}"}}"#, "x".repeat(MAX_FRAME_SIZE));
    let deep = "[".repeat(100_000);
    for (frame, code) in [
        ("", (40000, 400)),
        ("{", (40000, 400)),
        ("[]", (40000, 400)),
        ("null", (40000, 400)),
        (r#"{"action":10}"#, (40000, 400)),
        (deep.as_str(), (40000, 400)),
        (huge.as_str(), (40009, 413)),
    ] {
        let mut world = World::new();
        let connected = world.connect_with_key(0, "");
        world.service.handle_frame(connected.transport, frame.as_bytes(), world.now);
        assert_eq!(world.ends_with_error(connected.transport), code);
        let malformed = FrameEvent::Malformed { length: frame.len() };
        assert!(world.service.frames().any(|record| record.event == malformed) || frame.contains("action\":10"));
    }
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.service.handle_frame(connected.transport, &[0xff, 0xfe], world.now);
    assert_eq!(world.ends_with_error(connected.transport), (40000, 400));
}

#[test]
fn a_client_may_give_its_transport_up() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.send(connected.transport, &json!({ "action": action::DISCONNECT }));
    assert_eq!(world.next(connected.transport), json!({ "close": 1_000 }));
    let resumed = world.connect_with_key(0, &format!("resume={}", connected.key()));
    assert_eq!(resumed.id(), connected.id());
}

#[test]
fn connections_can_be_ended_at_will() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let id = connected.id().to_owned();
    assert!(world.service.disconnect(&id, any_error(), NOW));
    assert_eq!(world.ends_with_disconnected(&connected), (80003, 500));
    assert!(!world.service.disconnect(&id, any_error(), NOW), "it is not open");

    let resumed = world.connect_with_key(0, &format!("resume={}", connected.key()));
    assert!(world.service.drop_transport(&id, NOW));
    assert_eq!(world.next(resumed.transport), json!("drop"));
    let resumed = world.connect_with_key(0, &format!("resume={}", resumed.key()));
    assert!(world.service.fail(&id, any_error(), NOW));
    assert_eq!(world.ends_with_error(resumed.transport), (80003, 500));
    assert!(!world.service.send(&id, ProtocolMessage::new(99), NOW));
}

#[test]
fn all_can_be_asked_or_dropped_at_once() {
    let mut world = World::new();
    let connections = [(); 3].map(|()| world.connect_with_key(0, ""));
    assert_eq!(world.service.request_reauth_of_all(NOW), 3);
    assert!(world.service.request_reauth(connections[0].id(), NOW));
    assert!(world.service.send(connections[0].id(), ProtocolMessage::new(99), NOW));
    for connected in &connections {
        assert_eq!(world.next(connected.transport), json!({ "action": action::AUTH }));
    }
    assert_eq!(world.next(connections[0].transport), json!({ "action": action::AUTH }));
    assert_eq!(world.next(connections[0].transport), json!({ "action": 99 }));
    assert_eq!(world.service.drop_all_transports(NOW), 3);
    for connected in &connections {
        assert_eq!(world.next(connected.transport), json!("drop"));
    }
    assert_eq!(world.service.request_reauth_of_all(NOW), 0);
}

#[test]
fn the_log_is_bounded_by_number_and_by_size() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    for _ in 0..2_000 {
        world.send(connected.transport, &json!({ "action": 99 }));
    }
    assert_eq!(world.service.frames().count(), 1_000);
    let items: Vec<i64> = vec![0; 200_000];
    for _ in 0..10 {
        world.send(connected.transport, &json!({ "action": 99, "items": items }));
    }
    let frames = world.service.frames().count();
    assert!((1..10).contains(&frames), "{frames}");
    world.service.forget_traffic();
    assert_eq!(world.service.frames().count(), 0);
}

#[test]
fn the_end_of_time_is_survived() {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({}));
    let [by_key, by_token] = [world.connect_with_key(0, ""), world.connect_with_token(&token, "")];
    world.service.handle_timeout(i64::MAX);
    world.now = i64::MAX;
    assert_eq!(world.received(by_key.transport), [json!("ping")]);
    assert_eq!(world.received(by_token.transport)[1]["error"]["code"], 40142);
    assert_eq!(world.service.poll_timeout(), None, "nothing is due any more");
}
