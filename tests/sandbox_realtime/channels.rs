//! Channels: what a capability allows, and what it no longer allows.

use super::*;

const RESUMED: i64 = 1 << 2;
const PRESENCE: i64 = 1 << 16;
const PUBLISH: i64 = 1 << 17;
const SUBSCRIBE: i64 = 1 << 18;
const PRESENCE_SUBSCRIBE: i64 = 1 << 19;

impl World {
    fn attach(&mut self, connected: &Connected, channel: &str) -> Value {
        self.send(connected.transport, &json!({ "action": action::ATTACH, "channel": channel }));
        self.next(connected.transport)
    }

    fn publish(&mut self, connected: &Connected, channel: &str, messages: Value) -> Value {
        let message = json!({ "action": 15, "msgSerial": 7, "channel": channel, "messages": messages });
        self.send(connected.transport, &message);
        let mut answer = self.next(connected.transport);
        if let Some(published) = answer["res"][0]["serials"].as_array() {
            assert_eq!(published.len(), message["messages"].as_array().unwrap().len());
            answer.as_object_mut().unwrap().remove("res");
        }
        answer
    }

    fn connect_for(&mut self, capability: &Value) -> Connected {
        let token = self.token(0, HOUR, &json!({ "capability": capability }));
        self.connect_with_token(&token, "")
    }

    fn reauthenticate_for(&mut self, connected: &Connected, capability: &Value) {
        let token = self.token(0, HOUR, &json!({ "capability": capability }));
        self.reauthenticate(connected.transport, &token);
        assert_eq!(self.next(connected.transport)["action"], action::CONNECTED);
    }
}

fn ack() -> Value {
    json!({ "action": 1, "msgSerial": 7, "count": 1 })
}

#[track_caller]
fn nack(answer: &Value) -> (u64, u64) {
    assert_eq!((answer["action"].as_i64(), answer["msgSerial"].as_i64()), (Some(2), Some(7)), "{answer}");
    error_of(answer)
}

#[test]
fn attaching_gives_the_modes_that_are_asked_for_and_permitted() {
    let mut world = World::new();
    let all = PRESENCE | PUBLISH | SUBSCRIBE | PRESENCE_SUBSCRIBE;
    let connected = world.connect_for(&json!({ "all": ["*"], "read": ["subscribe"], "write": ["publish", "history"] }));
    let attached = world.attach(&connected, "all");
    assert_eq!(attached, json!({ "action": action::ATTACHED, "channel": "all", "flags": all }));
    assert_eq!(world.attach(&connected, "read")["flags"], SUBSCRIBE | PRESENCE_SUBSCRIBE);
    assert_eq!(world.attach(&connected, "write")["flags"], PUBLISH);
    let asking = |channel: &str, flags: i64| json!({ "action": 10, "channel": channel, "flags": flags });
    world.send(connected.transport, &asking("all", SUBSCRIBE | 1 << 5));
    assert_eq!(world.next(connected.transport)["flags"], SUBSCRIBE | RESUMED, "it was attached already");
    world.send(connected.transport, &asking("all", 1 << 24));
    assert_eq!(world.next(connected.transport)["flags"], 1 << 24 | RESUMED);
    world.send(connected.transport, &asking("read", PUBLISH));
    assert_eq!(error_of(&world.next(connected.transport)), (40160, 401));
}

#[test]
fn attaching_without_capability_fails_the_channel_alone() {
    let mut world = World::new();
    let connected = world.connect_for(&json!({ "other": ["*"] }));
    let answer = world.attach(&connected, "secret");
    assert_eq!((answer["action"].as_i64(), answer["channel"].as_str()), (Some(action::ERROR), Some("secret")));
    assert_eq!(error_of(&answer), (40160, 401));
    assert_eq!(world.attach(&connected, "other")["action"], action::ATTACHED);
    assert_eq!(world.connection(&connected).unwrap().channels, ["other"]);
}

#[test]
fn detaching() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.attach(&connected, "a");
    for _ in 0..2 {
        world.send(connected.transport, &json!({ "action": action::DETACH, "channel": "a" }));
        assert_eq!(world.next(connected.transport), json!({ "action": action::DETACHED, "channel": "a" }));
        assert!(world.connection(&connected).unwrap().channels.is_empty());
    }
}

#[test]
fn messages_reach_those_who_may_get_them() {
    let mut world = World::new();
    let publisher = world.connect_with_key(0, "clientId=bob");
    let quiet = world.connect_with_key(0, "echo=false");
    let reader = world.connect_for(&json!({ "a": ["subscribe"] }));
    let writer = world.connect_for(&json!({ "a": ["publish"] }));
    let stranger = world.connect_with_key(0, "");
    for connected in [&publisher, &quiet, &reader, &writer] {
        world.attach(connected, "a");
    }
    let messages = json!([{ "name": "greeting", "data": "hello" }, { "data": "again", "clientId": "bob" }]);
    assert_eq!(world.publish(&publisher, "a", messages), ack());
    for connected in [&publisher, &quiet, &reader] {
        let delivery = world.next(connected.transport);
        assert_eq!(delivery["action"], action::MESSAGE);
        assert_eq!(delivery["channel"], "a");
        assert_eq!(delivery["connectionId"], publisher.id());
        assert_eq!(delivery["timestamp"], NOW);
        assert!(delivery["id"].as_str().is_some_and(|id| !id.is_empty()));
        let greeting = &delivery["messages"][0];
        assert_eq!((&greeting["name"], &greeting["data"]), (&json!("greeting"), &json!("hello")));
        for (index, message) in delivery["messages"].as_array().unwrap().iter().enumerate() {
            assert_eq!(message["clientId"], "bob");
            assert_eq!(message["connectionId"], publisher.id());
            assert_eq!(message["id"], format!("{}:{index}", delivery["id"].as_str().unwrap()));
            assert_eq!((&message["timestamp"], &message["action"]), (&json!(NOW), &json!(0)));
            assert!(message["serial"].is_string());
        }
    }
    world.nothing(writer.transport);
    world.nothing(stranger.transport);

    assert_eq!(world.publish(&quiet, "a", json!([{ "data": 1 }])), ack());
    world.nothing(quiet.transport);
    assert_eq!(world.next(reader.transport)["messages"][0]["data"], 1);
}

#[test]
fn publishing_needs_the_capability() {
    let mut world = World::new();
    let connected = world.connect_for(&json!({ "a": ["subscribe"], "b": ["publish"] }));
    assert_eq!(nack(&world.publish(&connected, "a", json!([{}]))), (40160, 401));
    assert_eq!(world.publish(&connected, "b", json!([{}])), ack());
}

#[test]
fn bad_publications_are_refused() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let large = "x".repeat(65_536);
    for (channel, messages, code) in [
        ("a", json!("text"), (40000, 400)),
        ("a", json!([5]), (40000, 400)),
        ("a", json!(null), (40000, 400)),
        ("a", json!([{ "data": large }]), (40009, 413)),
        ("", json!([{}]), (40010, 400)),
        (&"x".repeat(2_049), json!([{}]), (40010, 400)),
    ] {
        assert_eq!(nack(&world.publish(&connected, channel, messages)), code);
    }
}

#[test]
fn whose_message_it_is() {
    let mut world = World::new();
    let anonymous = world.connect_for(&json!({ "*": ["*"] }));
    let anybody = world.connect_with_key(0, "");
    let bob = world.connect_with_key(0, "clientId=bob");
    let invalid = (40012, 400);
    let message = |client_id: &str| json!([{ "clientId": client_id }]);
    assert_eq!(world.publish(&anonymous, "a", json!([{ "clientId": null }])), ack());
    assert_eq!(nack(&world.publish(&anonymous, "a", message("bob"))), invalid);
    assert_eq!(world.publish(&anybody, "a", message("bob")), ack());
    assert_eq!(world.publish(&anybody, "a", json!([{}])), ack());
    assert_eq!(nack(&world.publish(&anybody, "a", message("*"))), invalid);
    assert_eq!(world.publish(&bob, "a", message("bob")), ack());
    assert_eq!(nack(&world.publish(&bob, "a", message("eve"))), invalid);
    assert_eq!(nack(&world.publish(&bob, "a", message(""))), invalid);
    assert_eq!(nack(&world.publish(&bob, "a", json!([{ "clientId": 5 }]))), invalid);
}

#[test]
fn a_downgrade_fails_channels_that_have_no_mode_left() {
    let mut world = World::new();
    let connected = world.connect_for(&json!({ "a": ["*"], "b": ["*"] }));
    world.attach(&connected, "a");
    world.attach(&connected, "b");
    world.reauthenticate_for(&connected, &json!({ "b": ["subscribe"] }));
    let message = world.next(connected.transport);
    assert_eq!((message["action"].as_i64(), message["channel"].as_str()), (Some(action::ERROR), Some("a")));
    assert_eq!(error_of(&message), (40160, 401));
    world.nothing(connected.transport);
    assert_eq!(world.connection(&connected).unwrap().channels, ["b"]);
    // Part of the capability is gone without a word, until it is needed.
    assert_eq!(nack(&world.publish(&connected, "b", json!([{}]))), (40160, 401));
}

#[test]
fn an_upgrade_is_of_use_at_once() {
    let mut world = World::new();
    let connected = world.connect_for(&json!({ "a": ["publish"] }));
    world.attach(&connected, "a");
    assert_eq!(world.publish(&connected, "a", json!([{}])), ack());
    world.nothing(connected.transport);
    world.reauthenticate_for(&connected, &json!({ "a": ["publish", "subscribe"], "b": ["subscribe"] }));
    world.nothing(connected.transport);
    assert_eq!(world.publish(&connected, "a", json!([{}])), ack());
    assert_eq!(world.next(connected.transport)["action"], action::MESSAGE);
    assert_eq!(world.attach(&connected, "b")["action"], action::ATTACHED);
}

#[test]
fn attachments_are_bounded() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    for number in 0..200 {
        assert_eq!(world.attach(&connected, &format!("channel{number}"))["action"], action::ATTACHED);
    }
    assert_eq!(error_of(&world.attach(&connected, "one-more")), (90010, 400));
    assert_eq!(world.attach(&connected, "channel7")["action"], action::ATTACHED);
    assert_eq!(error_of(&world.attach(&connected, &"x".repeat(2_049))), (40010, 400));
}

#[test]
fn apps_have_their_own_channels() {
    let mut world = World::new();
    let other = world.service.add_app([KeySpec::full()]).unwrap().remove(0);
    let stranger = world.connect(&format!("key={}", other.expose()));
    let connected = world.connect_with_key(0, "");
    for connected in [&stranger, &connected] {
        world.attach(connected, "a");
    }
    assert_eq!(world.publish(&connected, "a", json!([{}])), ack());
    assert_eq!(world.next(connected.transport)["action"], action::MESSAGE);
    world.nothing(stranger.transport);
}

#[test]
fn a_message_with_a_known_id_is_there_already() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.attach(&connected, "a");
    let serials = [0, 1].map(|_| {
        let messages = json!([{ "id": "mine:0" }]);
        let message = json!({ "action": 15, "msgSerial": 7, "channel": "a", "messages": messages });
        world.send(connected.transport, &message);
        world.next(connected.transport)["res"][0]["serials"].clone()
    });
    // The first answer was followed by the message, which then came in place of the second one.
    assert_eq!(serials[1], Value::Null);
    assert_eq!(world.next(connected.transport)["res"][0]["serials"], serials[0]);
    world.nothing(connected.transport);
}

#[test]
fn entering_needs_the_capability_and_a_client_id() {
    let mut world = World::new();
    let enter = |channel: &str, client_id: Value| {
        let presence = json!([{ "action": 2, "clientId": client_id }]);
        json!({ "action": action::PRESENCE, "msgSerial": 7, "channel": channel, "presence": presence })
    };
    let bob = world.connect_with_key(0, "clientId=bob");
    let anybody = world.connect_with_key(0, "");
    let anonymous = world.connect_for(&json!({ "a": ["presence"], "b": ["subscribe"] }));
    for (connected, message) in
        [(&bob, enter("a", json!(null))), (&bob, enter("a", json!("bob"))), (&anybody, enter("a", json!("anybody")))]
    {
        world.send(connected.transport, &message);
        assert_eq!(world.next(connected.transport)["action"], action::ACK);
    }
    for (connected, message, error) in [
        (&bob, enter("a", json!("alice")), (40012, 400)),
        (&anybody, enter("a", json!(null)), (40012, 400)),
        (&anybody, enter("a", json!("*")), (40012, 400)),
        (&anonymous, enter("a", json!(null)), (40012, 400)),
        (&anonymous, enter("a", json!("bob")), (40012, 400)),
        (&anonymous, enter("b", json!(null)), (40160, 401)),
        (&bob, enter("", json!(null)), (40010, 400)),
        (&bob, json!({ "action": action::PRESENCE, "msgSerial": 7, "channel": "a" }), (40000, 400)),
    ] {
        world.send(connected.transport, &message);
        assert_eq!(nack(&world.next(connected.transport)), error);
    }
}
