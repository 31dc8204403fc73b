//! Revoking tokens and keys under live connections: sandbox rows 4.4.

use super::*;

impl World {
    pub(super) fn revoke(&mut self, order: &Value) -> Value {
        let key = &self.keys[4];
        let request = Request::new("POST", &format!("/keys/{}/revokeTokens", key.name()))
            .with_header("Authorization", format!("Basic {}", STANDARD.encode(key.expose())))
            .with_header("X-Ably-Version", "6")
            .with_body(order.to_string());
        let reply = self.service.handle(&request, self.now);
        serde_json::from_slice(reply.response.body()).unwrap()
    }

    /// A connection with a token for bob of the key whose tokens can be revoked.
    fn bob(&mut self) -> (String, Connected) {
        let token = self.token(4, HOUR, &json!({ "clientId": "bob" }));
        let connected = self.connect_with_token(&token, "");
        (token, connected)
    }
}

const OF_BOB: &str = "clientId:bob";

#[test]
fn live_connections_end_at_once() {
    let mut world = World::new();
    let (token, hit) = world.bob();
    let eve = world.token(4, HOUR, &json!({ "clientId": "eve" }));
    let spared = [
        world.connect_with_token(&eve, ""),
        world.connect_with_key(4, "clientId=bob"),
        world.connect_with_key(0, "clientId=bob"),
    ];
    world.revoke(&json!({ "targets": [OF_BOB] }));
    let message = world.next(hit.transport);
    assert_eq!((message["action"].as_i64(), error_of(&message)), (Some(action::DISCONNECTED), (40141, 401)));
    assert_eq!(message["error"]["message"], "token revoked");
    assert_eq!(world.next(hit.transport), json!({ "close": 1_000 }));
    for connected in &spared {
        world.nothing(connected.transport);
    }
    // It cannot come back, nor can the token be used for another connection.
    assert_eq!(world.refused(&format!("access_token={token}")), (40141, 401));
    assert_eq!(world.refused(&format!("access_token={token}&resume={}", hit.key())), (40141, 401));
    // A token that is issued later resumes it.
    let later = world.token(4, HOUR, &json!({ "clientId": "bob" }));
    assert_eq!(world.connect_with_token(&later, &format!("resume={}", hit.key())).id(), hit.id());
}

#[test]
fn a_revocation_key_hits_jwts() {
    let mut world = World::new();
    let wanted = TokenRequest::new(world.keys[4].name());
    let jwts = [Some("group"), Some("other")].map(|key| world.service.issue_jwt(&wanted, key, NOW).unwrap());
    let [hit, spared] = jwts.map(|jwt| world.connect_with_token(jwt.expose(), ""));
    world.now += 1;
    world.revoke(&json!({ "targets": ["revocationKey:group"] }));
    assert_eq!(world.ends_with_disconnected(&hit), (40141, 401));
    world.nothing(spared.transport);
}

#[test]
fn a_margin_gives_time_to_authenticate_anew() {
    let mut world = World::new();
    let (token, idle) = world.bob();
    let (_, busy) = world.bob();
    world.pass(1);
    let order = json!({ "targets": [OF_BOB], "allowReauthMargin": true });
    let applies_at = world.revoke(&order)["results"][0]["appliesAt"].as_i64().unwrap();
    for connected in [&idle, &busy] {
        assert_eq!(world.next(connected.transport), json!({ "action": action::AUTH }));
    }
    // Until then the token is good everywhere.
    let latecomer = world.connect_with_token(&token, "");
    world.reauthenticate(idle.transport, &token);
    assert_eq!(world.next(idle.transport)["action"], action::CONNECTED);
    let other = world.token(4, HOUR, &json!({ "clientId": "bob" }));
    world.reauthenticate(busy.transport, &other);
    assert_eq!(world.next(busy.transport)["action"], action::CONNECTED);

    world.pass(applies_at - world.now - 1);
    world.nothing(idle.transport);
    world.pass(1);
    assert_eq!(world.ends_with_disconnected(&idle), (40141, 401));
    assert_eq!(world.ends_with_disconnected(&latecomer), (40141, 401));
    world.nothing(busy.transport);
    assert_eq!(world.refused(&format!("access_token={token}")), (40141, 401));
    world.reauthenticate(busy.transport, &token);
    assert_eq!(world.ends_with_error(busy.transport), (40141, 401));
}

#[test]
fn a_revocation_without_a_margin_overtakes_one_with() {
    let mut world = World::new();
    let (_, connected) = world.bob();
    world.pass(1);
    world.revoke(&json!({ "targets": [OF_BOB], "allowReauthMargin": true }));
    assert_eq!(world.next(connected.transport), json!({ "action": action::AUTH }));
    world.revoke(&json!({ "targets": [OF_BOB], "allowReauthMargin": true }));
    world.nothing(connected.transport);
    world.revoke(&json!({ "targets": [OF_BOB] }));
    assert_eq!(world.ends_with_disconnected(&connected), (40141, 401));
}

#[test]
fn the_hint_can_be_switched_off() {
    let mut choices = Choices::default();
    choices.reauth_hint_on_revocation = false;
    let mut world = World::with_choices(choices);
    let (_, connected) = world.bob();
    world.pass(1);
    world.revoke(&json!({ "targets": [OF_BOB], "allowReauthMargin": true }));
    world.nothing(connected.transport);
}

#[test]
fn a_revoked_key_takes_its_connections_with_it() {
    let mut world = World::new();
    let name = world.keys[0].name().to_owned();
    let token = world.token(0, HOUR, &json!({}));
    let by_token = world.connect_with_token(&token, "");
    let by_key = world.connect_with_key(0, "");
    let other = world.connect_with_key(1, "");
    assert!(world.service.set_key_status(&name, KeyStatus::Revoked, world.now));
    for connected in [&by_token, &by_key] {
        assert_eq!(world.ends_with_error(connected.transport), (40131, 401));
    }
    world.nothing(other.transport);
    assert_eq!(world.refused(&format!("access_token={token}")), (40131, 401));

    let name = world.keys[1].name().to_owned();
    world.service.choices_mut().revoked_key_fails_connections = false;
    world.service.set_key_status(&name, KeyStatus::Expired, world.now);
    assert_eq!(world.ends_with_disconnected(&other), (40132, 401));
}
