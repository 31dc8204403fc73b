//! Resuming: sandbox rows 5.5.

use super::*;

#[test]
fn a_lost_connection_goes_on_with_its_id_and_another_key() {
    let mut world = World::new();
    for param in ["resume", "recover"] {
        let connected = world.connect_with_key(0, "clientId=bob");
        world.send(connected.transport, &json!({ "action": action::ATTACH, "channel": "a" }));
        world.service.handle_closed(connected.transport, world.now);
        world.pass(2 * MINUTE - 1);
        let resumed = world.connect_with_key(0, &format!("clientId=bob&{param}={}", connected.key()));
        assert_eq!(resumed.id(), connected.id());
        assert_ne!(resumed.key(), connected.key());
        assert!(resumed.message.get("error").is_none());
        // Channels are the client's to attach again.
        assert!(world.connection(&resumed).unwrap().channels.is_empty());
    }
    assert_eq!(world.service.connections().count(), 2);
}

#[test]
fn the_answer_to_a_resumption_may_be_lost() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let first = connected.key().to_owned();
    let mut last = connected;
    for _ in 0..3 {
        world.service.handle_closed(last.transport, world.now);
        let resumed = world.connect_with_key(0, &format!("resume={first}"));
        assert_eq!(resumed.id(), last.id());
        last = resumed;
    }
    let resumed = world.connect_with_key(0, &format!("resume={}", last.key()));
    assert_eq!(resumed.id(), last.id());
    // Now the client is known to have got the later key.
    let stale = world.connect_with_key(0, &format!("resume={first}"));
    assert_eq!(error_of(&stale.message), (80018, 400));
}

#[test]
fn unknown_keys_make_another_connection() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.service.handle_closed(connected.transport, world.now);
    for key in ["malformed", "", "!", "_____!ablyjs_test_fake-key____", &format!("{}!guess", connected.id())] {
        let other = world.connect_with_key(0, &format!("resume={key}"));
        assert_ne!(other.id(), connected.id());
        assert_eq!(error_of(&other.message), (80018, 400));
        assert!(world.connection(&other).unwrap().transport.is_some());
    }
    assert!(world.connection(&connected).is_some());
}

#[test]
fn a_lost_connection_is_kept_for_two_minutes() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.service.handle_closed(connected.transport, world.now);
    world.pass(2 * MINUTE);
    assert!(world.connection(&connected).is_none());
    let other = world.connect_with_key(0, &format!("resume={}", connected.key()));
    assert_eq!(error_of(&other.message), (80018, 400));
    assert_ne!(other.id(), connected.id());
}

#[test]
fn a_half_open_transport_is_given_up() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let resumed = world.connect_with_key(0, &format!("resume={}", connected.key()));
    assert_eq!(resumed.id(), connected.id());
    assert_eq!(world.next(connected.transport), json!({ "close": 1_000 }));
    // What still comes over it concerns nobody.
    world.send(connected.transport, &json!({ "action": action::CLOSE }));
    world.service.handle_closed(connected.transport, world.now);
    world.nothing(connected.transport);
    assert_eq!(world.connection(&resumed).unwrap().transport, Some(resumed.transport));
}

#[test]
fn an_expired_connection_is_resumed_with_another_token() {
    let mut world = World::new();
    let token = world.token(0, SECOND, &json!({ "clientId": "bob" }));
    let connected = world.connect_with_token(&token, "");
    world.pass(SECOND);
    assert_eq!(world.ends_with_disconnected(&connected), (40142, 401));
    assert_eq!(world.refused(&format!("access_token={token}&resume={}", connected.key())), (40142, 401));
    let token = world.token(0, HOUR, &json!({ "clientId": "bob" }));
    let resumed = world.connect_with_token(&token, &format!("resume={}", connected.key()));
    assert_eq!(resumed.id(), connected.id());
}

#[test]
fn other_credentials_cannot_resume() {
    let mut world = World::new();
    let bob = json!({ "clientId": "bob" });
    let token = world.token(0, HOUR, &bob);
    let connected = world.connect_with_token(&token, "");
    world.service.handle_closed(connected.transport, world.now);
    let resume = format!("&resume={}", connected.key());
    let eve = world.token(0, HOUR, &json!({ "clientId": "eve" }));
    assert_eq!(world.refused(&format!("access_token={eve}{resume}")), (40102, 401));
    let foreign = world.service.add_app([KeySpec::full()]).unwrap().remove(0);
    assert_eq!(world.refused(&format!("key={}&clientId=bob{resume}", foreign.expose())), (40102, 401));
    // Another key of the same app, for the same client, can.
    let resumed = world.connect_with_key(1, &format!("clientId=bob{resume}"));
    assert_eq!(resumed.id(), connected.id());
}

#[test]
fn a_closed_connection_cannot_be_resumed() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.send(connected.transport, &json!({ "action": action::CLOSE }));
    assert_eq!(world.next(connected.transport), json!({ "action": action::CLOSED }));
    assert_eq!(world.next(connected.transport), json!({ "close": 1_000 }));
    let other = world.connect_with_key(0, &format!("resume={}", connected.key()));
    assert_eq!(error_of(&other.message), (80018, 400));
}
