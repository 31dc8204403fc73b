//! Faults on demand, as WebSockets and frames meet them.

use super::*;

fn once(trigger: Trigger, effect: Effect) -> Fault {
    Fault::new(trigger, effect)
}

#[test]
fn connecting_is_refused_on_demand() {
    let mut world = World::new();
    let key = format!("key={}", world.keys[0].expose());
    world.service.inject(once(Trigger::WebSocket, Effect::Refuse { error: any_error() })).unwrap();
    assert_eq!(world.refused(&key), (80003, 500));
    world.service.inject(once(Trigger::WebSocket, Effect::Disconnect { error: any_error() })).unwrap();
    let transport = world.open(&key);
    assert_eq!(world.next(transport)["action"], action::DISCONNECTED);
    assert_eq!(world.next(transport), json!({ "close": 1_000 }));
    for (effect, status, delivery) in [
        (Effect::Status { status: 503 }, 503, Delivery::Whole),
        (Effect::Drop, 0, Delivery::Drop),
        (Effect::Hang, 0, Delivery::Never),
    ] {
        world.service.inject(once(Trigger::WebSocket, effect)).unwrap();
        let request = Request::new("GET", &format!("/?v=6&{key}"));
        let reply = world.service.connect(&request, NOW).unwrap_err();
        assert_eq!((reply.response.status, reply.delivery), (status, delivery));
    }
    world.connect(&key);
}

#[test]
fn auth_is_refused_on_demand() {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({}));
    for (effect, is_kept) in
        [(Effect::Refuse { error: any_error() }, false), (Effect::Disconnect { error: any_error() }, true)]
    {
        let connected = world.connect_with_token(&token, "");
        world.service.inject(once(Trigger::frame(action::AUTH), effect)).unwrap();
        world.send(connected.transport, &json!({ "action": action::HEARTBEAT }));
        assert_eq!(world.next(connected.transport)["action"], action::HEARTBEAT);
        world.reauthenticate(connected.transport, &token);
        if is_kept {
            assert_eq!(world.ends_with_disconnected(&connected), (80003, 500));
        } else {
            assert_eq!(world.ends_with_error(connected.transport), (80003, 500));
        }
    }
    let connected = world.connect_with_token(&token, "");
    world.reauthenticate(connected.transport, &token);
    assert_eq!(world.next(connected.transport)["action"], action::CONNECTED);
}

#[test]
fn channels_are_refused_on_demand() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let refuse = |action: i64| once(Trigger::frame(action), Effect::Refuse { error: any_error() });
    for (action, answer) in
        [(action::ATTACH, action::ERROR), (action::MESSAGE, action::NACK), (action::PRESENCE, action::NACK)]
    {
        world.service.inject(refuse(action)).unwrap();
        world.send(connected.transport, &json!({ "action": action, "channel": "a", "msgSerial": 3 }));
        let message = world.next(connected.transport);
        assert_eq!((message["action"].as_i64(), error_of(&message)), (Some(answer), (80003, 500)));
    }
    assert!(world.connection(&connected).unwrap().transport.is_some());
}

#[test]
fn frames_are_late_or_lost() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let heartbeat = |id: &str| json!({ "action": action::HEARTBEAT, "id": id });
    let on_heartbeat = |effect| once(Trigger::frame(action::HEARTBEAT), effect);
    world.service.inject(on_heartbeat(Effect::Delay { milliseconds: 1_000 })).unwrap();
    world.send(connected.transport, &heartbeat("first"));
    world.send(connected.transport, &heartbeat("second"));
    assert_eq!(world.next(connected.transport), heartbeat("second"));
    world.pass(999);
    world.nothing(connected.transport);
    world.pass(1);
    assert_eq!(world.next(connected.transport), heartbeat("first"));

    world.service.inject(on_heartbeat(Effect::Hang)).unwrap();
    world.send(connected.transport, &heartbeat("third"));
    world.nothing(connected.transport);
    world.service.inject(on_heartbeat(Effect::Delay { milliseconds: 1_000 })).unwrap();
    world.send(connected.transport, &heartbeat("fourth"));
    world.service.inject(Fault::new(Trigger::Frame { action: None }, Effect::Drop)).unwrap();
    world.send(connected.transport, &heartbeat("fifth"));
    assert_eq!(world.next(connected.transport), json!("drop"));
    world.pass(1_000);
    world.nothing(connected.transport);
}
