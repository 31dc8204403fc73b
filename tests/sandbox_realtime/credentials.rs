//! Credentials of live connections: sandbox rows 5.3.

use super::*;

fn auth() -> Value {
    json!({ "action": action::AUTH })
}

#[test]
fn a_client_is_asked_30_seconds_before_its_token_expires() {
    let mut world = World::new();
    let day = 24 * HOUR;
    let token = world.token(0, day, &json!({}));
    let connected = world.connect_with_token(&token, "");
    world.pass(day - 30 * SECOND - 1);
    world.nothing(connected.transport);
    world.pass(1);
    assert_eq!(world.next(connected.transport), auth());
    world.pass(30 * SECOND - 1);
    world.nothing(connected.transport);
    world.pass(1);
    assert_eq!(world.ends_with_disconnected(&connected), (40142, 401));
}

#[test]
fn what_a_short_lived_token_gets() {
    for (ttl, is_asked_at_once) in [(30_001, false), (30_000, true), (5_501, true)] {
        let mut world = World::new();
        let token = world.token(0, ttl, &json!({}));
        let connected = world.connect_with_token(&token, "");
        if !is_asked_at_once {
            world.nothing(connected.transport);
            world.pass(ttl - 30_000);
        }
        assert_eq!(world.next(connected.transport), auth(), "{ttl}");
    }
    for ttl in [5_500, 1] {
        let mut world = World::new();
        let token = world.token(0, ttl, &json!({}));
        let connected = world.connect_with_token(&token, "");
        world.pass(ttl - 1);
        world.nothing(connected.transport);
        world.pass(1);
        assert_eq!(world.ends_with_disconnected(&connected), (40142, 401));
    }
}

#[test]
fn what_expiry_looks_like() {
    let mut world = World::new();
    let token = world.token(0, SECOND, &json!({}));
    let connected = world.connect_with_token(&token, "");
    world.pass(SECOND);
    let message = world.next(connected.transport);
    assert_eq!(message["error"]["message"], "Token expired");
    assert_eq!(message["error"]["statusCode"], 401);
}

#[test]
fn a_key_never_expires() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    world.pass(1_000 * HOUR);
    world.nothing(connected.transport);
    assert!(world.connection(&connected).unwrap().transport.is_some());
}

#[test]
fn another_token_upgrades_the_connection_again_and_again() {
    let mut world = World::new();
    let token = world.token(0, 35 * SECOND, &json!({ "clientId": "bob" }));
    let connected = world.connect_with_token(&token, "");
    for _ in 0..5 {
        world.pass(5 * SECOND);
        assert_eq!(world.next(connected.transport), auth());
        let token = world.token(0, 35 * SECOND, &json!({ "clientId": "bob" }));
        world.reauthenticate(connected.transport, &token);
        let updated = world.next(connected.transport);
        assert_eq!(updated["action"], action::CONNECTED);
        assert_eq!(updated["connectionId"], connected.id());
        assert_eq!(updated["connectionDetails"], *connected.details());
        world.nothing(connected.transport);
    }
    assert_eq!(world.connection(&connected).unwrap().expires, Some(world.now + 35 * SECOND));
}

#[test]
fn a_client_may_authenticate_unasked() {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({}));
    let connected = world.connect_with_token(&token, "");
    let other = world.token(0, 10 * SECOND, &json!({}));
    world.reauthenticate(connected.transport, &other);
    assert_eq!(world.next(connected.transport)["action"], action::CONNECTED);
    assert_eq!(world.next(connected.transport), auth(), "the new one ends soon");
    world.pass(10 * SECOND);
    assert_eq!(world.ends_with_disconnected(&connected), (40142, 401));
}

/// A connection with a token of the first key for bob, and what it is told to an AUTH message.
fn told(change: impl FnOnce(&mut World) -> Value) -> (u64, u64) {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({ "clientId": "bob" }));
    let connected = world.connect_with_token(&token, "");
    let message = change(&mut world);
    world.send(connected.transport, &message);
    let error = world.ends_with_error(connected.transport);
    assert!(world.connection(&connected).is_none());
    error
}

fn told_to_token(token: impl FnOnce(&mut World) -> String) -> (u64, u64) {
    told(|world| json!({ "action": action::AUTH, "auth": { "accessToken": token(world) } }))
}

#[test]
fn bad_tokens_end_the_connection() {
    let bob = json!({ "clientId": "bob" });
    let invalid = (40101, 401);
    assert_eq!(told(|_| auth()), invalid);
    assert_eq!(told(|_| json!({ "action": 17, "auth": {} })), invalid);
    assert_eq!(told(|_| json!({ "action": 17, "auth": { "accessToken": 5 } })), invalid);
    assert_eq!(told_to_token(|_| "rubbish".into()), invalid);
    assert_eq!(told_to_token(|world| format!("{}x", world.token(0, HOUR, &bob))), invalid);
    assert_eq!(told_to_token(|_| "e30.e30.x".into()), invalid);
    assert_eq!(told_to_token(|world| world.token(0, HOUR, &json!({ "clientId": "eve" }))), (40102, 401));
    assert_eq!(told_to_token(|world| world.token(0, HOUR, &json!({}))), (40102, 401));
    assert_eq!(told_to_token(|world| world.token(1, HOUR, &bob)), (40102, 401));
    let of_another_app = |world: &mut World| {
        let key = world.service.add_app([KeySpec::full()]).unwrap().remove(0);
        let mut wanted = TokenRequest::new(key.name());
        wanted.client_id = Some("bob".into());
        world.service.issue_token(&wanted, world.now).unwrap().token.expose().to_owned()
    };
    assert_eq!(told_to_token(of_another_app), (40102, 401));
    let of_no_app = |_: &mut World| "noapp1.sometoken".to_owned();
    assert_eq!(told_to_token(of_no_app), (40102, 401));
    let expired = |world: &mut World| {
        let token = world.token(0, 10, &bob);
        world.pass(10);
        token
    };
    assert_eq!(told_to_token(expired), (40142, 401));
    let excessive = |world: &mut World| {
        let mut wanted = TokenRequest::new(world.keys[0].name());
        wanted.ttl = Some(25 * HOUR);
        world.service.issue_jwt(&wanted, None, world.now).unwrap().expose().to_owned()
    };
    assert_eq!(told_to_token(excessive), (40003, 400));
}

#[test]
fn a_connection_with_a_key_can_go_on_with_a_token() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let anybody = world.token(0, MINUTE, &json!({ "clientId": "*" }));
    world.reauthenticate(connected.transport, &anybody);
    assert_eq!(world.next(connected.transport)["action"], action::CONNECTED);
    world.pass(MINUTE - 30 * SECOND);
    assert_eq!(world.next(connected.transport), auth());
    world.pass(30 * SECOND);
    assert_eq!(world.ends_with_disconnected(&connected), (40142, 401));

    let connected = world.connect_with_key(0, "");
    let bob = world.token(0, MINUTE, &json!({ "clientId": "bob" }));
    world.reauthenticate(connected.transport, &bob);
    assert_eq!(world.ends_with_error(connected.transport), (40102, 401));

    let connected = world.connect_with_key(0, "clientId=bob");
    for client_id in ["bob", "*"] {
        let token = world.token(0, MINUTE, &json!({ "clientId": client_id }));
        world.reauthenticate(connected.transport, &token);
        assert_eq!(world.next(connected.transport)["connectionDetails"]["clientId"], "bob");
    }
}

#[test]
fn a_jwt_upgrades_a_connection_too() {
    let mut world = World::new();
    let mut wanted = TokenRequest::new(world.keys[0].name());
    wanted.ttl = Some(35 * SECOND);
    let jwt = world.service.issue_jwt(&wanted, None, world.now).unwrap();
    let connected = world.connect_with_token(jwt.expose(), "");
    world.pass(5 * SECOND);
    assert_eq!(world.next(connected.transport), auth());
    let jwt = world.service.issue_jwt(&wanted, None, world.now).unwrap();
    world.reauthenticate(connected.transport, jwt.expose());
    assert_eq!(world.next(connected.transport)["action"], action::CONNECTED);
    world.pass(5 * SECOND);
    assert_eq!(world.next(connected.transport), auth());
}

#[test]
fn a_jump_in_time_misses_nothing() {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({}));
    let connected = world.connect_with_token(&token, "heartbeats=true");
    world.now += 100 * HOUR;
    world.service.handle_timeout(world.now);
    assert_eq!(world.next(connected.transport), auth());
    assert_eq!(world.next(connected.transport)["action"], action::DISCONNECTED);
    // It was lost now, and is kept from now on.
    assert_eq!(world.service.poll_timeout(), Some(world.now + 2 * MINUTE));
}
