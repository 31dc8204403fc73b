//! JSON Web Tokens.

use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

const NOW_S: i64 = NOW / 1_000;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let secret = EncodingKey::from_secret(secret.as_bytes());
    format!("{message}.{}", crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap())
}

/// Claims that live for an hour from now, with these changes; null takes a claim away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({ "iat": NOW_S, "exp": NOW_S + 3_600 });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

impl World {
    /// A JWT that a key of the app has signed.
    fn jwt(&self, key: usize, changes: &Value) -> String {
        let key = &self.keys[key];
        signed(&json!({ "typ": "JWT", "alg": "HS256", "kid": key.name() }), &claims(changes), key.secret())
    }

    /// What the service says to a JWT with these claims of the first key's; 200 and no code where it is good.
    fn says(&mut self, changes: &Value) -> (u64, u16) {
        let jwt = self.jwt(0, changes);
        self.outcome(&jwt)
    }

    fn outcome(&mut self, token: &str) -> (u64, u16) {
        let answer = self.probe_token(token);
        if answer.status == 200 { (0, 200) } else { answer.error() }
    }
}

#[test]
fn a_jwt_is_accepted_wherever_a_token_is() {
    let mut world = World::new();
    let jwt = world.jwt(0, &json!({}));
    let encoded = STANDARD.encode(&jwt);
    assert_eq!(world.outcome(&jwt), (0, 200));
    assert_eq!(world.outcome(&encoded), (0, 200));
    for name in ["accessToken", "access_token"] {
        let request = Request::new("GET", &format!("/channels/probe?{name}={jwt}")).over_plain_http();
        assert_eq!(world.send(&request).status, 200);
    }
}

#[test]
fn the_codes_of_claims() {
    let mut world = World::new();
    for (changes, code) in [
        (json!({ "exp": NOW_S + 1, "iat": NOW_S - 10 }), (0, 200)),
        (json!({ "exp": NOW_S as f64 + 0.5 }), (0, 200)),
        (json!({ "exp": NOW_S, "iat": NOW_S - 10 }), (40142, 401)),
        (json!({ "exp": NOW_S - 5, "iat": NOW_S - 5 }), (40142, 401)),
        // A negative lifetime is seen before the expiry.
        (json!({ "exp": NOW_S - 20, "iat": NOW_S - 10 }), (40003, 400)),
        (json!({ "exp": NOW_S + 86_400 }), (0, 200)),
        (json!({ "exp": NOW_S + 86_401 }), (40003, 400)),
        (json!({ "exp": 1e300 }), (40003, 400)),
        (json!({ "exp": i64::MAX, "iat": i64::MIN }), (40003, 400)),
        (json!({ "iat": null }), (40144, 400)),
        (json!({ "exp": null }), (40144, 400)),
        (json!({ "exp": "soon" }), (40144, 400)),
        (json!({ "iat": NOW_S + 60 }), (0, 200)),
        (json!({ "iat": NOW_S + 61 }), (40101, 401)),
        (json!({ "x-ably-clientId": "bob" }), (0, 200)),
        (json!({ "x-ably-clientId": "*" }), (0, 200)),
        (json!({ "x-ably-clientId": 5 }), (40012, 400)),
        (json!({ "x-ably-clientId": "" }), (40012, 400)),
        (json!({ "x-ably-capability": "" }), (40144, 401)),
        (json!({ "x-ably-capability": "{" }), (40144, 401)),
        (json!({ "x-ably-capability": { "*": ["*"] } }), (40144, 401)),
        (json!({ "x-ably-capability": r#"{"probe":["channel-metadata"]}"# }), (0, 200)),
        (json!({ "x-ably-capability": r#"{"other":["*"]}"# }), (40160, 401)),
        (json!({ "x-ably-capability": "{}" }), (40160, 401)),
        (json!({ "x-ably-revocation-key": "" }), (40144, 401)),
        (json!({ "x-ably-revocation-key": 5 }), (40144, 401)),
        (json!({ "x-ably-unheard-of": 5 }), (0, 200)),
    ] {
        assert_eq!(world.says(&changes), code, "{changes}");
    }
    let missing = world.jwt(0, &json!({ "iat": null }));
    assert_eq!(world.probe_token(&missing).message(), "Invalid token; iat must be specified");
}

#[test]
fn the_codes_of_headers_and_signatures() {
    let mut world = World::new();
    let key = world.keys[0].clone();
    let good = json!({ "alg": "HS256", "kid": key.name() });
    let claims = claims(&json!({}));
    for (header, secret, code) in [
        (good.clone(), key.secret(), (0, 200)),
        (good.clone(), "another secret", (40144, 401)),
        (with(good.clone(), "alg", "none"), key.secret(), (40144, 401)),
        (with(good.clone(), "alg", "HS512"), key.secret(), (40144, 401)),
        (json!({ "kid": key.name() }), key.secret(), (40144, 401)),
        (json!({ "alg": "HS256" }), key.secret(), (40144, 401)),
        (with(good.clone(), "kid", "name"), key.secret(), (40144, 401)),
        (with(good.clone(), "kid", "invalid.invalid"), key.secret(), (40400, 404)),
        (with(good.clone(), "kid", format!("{}.unknown", world.app_id())), key.secret(), (40144, 401)),
    ] {
        let jwt = signed(&header, &claims, secret);
        assert_eq!(world.outcome(&jwt), code, "{header}");
    }

    let jwt = signed(&good, &claims, key.secret());
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    for (broken, code) in [
        (format!("{message}."), (40144, 401)),
        (format!("{message}.{signature}x"), (40144, 401)),
        (format!("{header}.{}.{signature}", part(&json!({}))), (40144, 401)),
        (format!("{header}.%.{signature}"), (40144, 401)),
        (format!("{header}.{payload}.{signature}.x"), (40005, 400)),
        (format!("{header}.a.b.c.d"), (40144, 401)),
        ("a.b.c".to_owned(), (40005, 400)),
        (format!("{}.b.c", part(&json!([]))), (40005, 400)),
    ] {
        assert_eq!(world.outcome(&broken), code, "{broken}");
    }
    let not_json = signed(&good, &json!([]), key.secret());
    assert_eq!(world.outcome(&not_json), (40144, 401));
}

#[test]
fn a_jwt_has_no_more_than_its_key() {
    let mut world = World::new();
    let all = json!({ "x-ably-capability": r#"{"*":["*"]}"# });
    let narrow = world.jwt(3, &all);
    assert_eq!(world.outcome(&narrow), (40160, 401), "the key may only subscribe");
    let of_the_key = world.jwt(0, &json!({}));
    assert_eq!(world.outcome(&of_the_key), (0, 200));
}

#[test]
fn a_revocable_keys_jwts_live_for_an_hour() {
    let mut world = World::new();
    for (ttl, code) in [(3_600, (0, 200)), (3_601, (40003, 400))] {
        let jwt = world.jwt(4, &json!({ "exp": NOW_S + ttl }));
        assert_eq!(world.outcome(&jwt), code);
    }
}

#[test]
fn jwts_are_revoked_by_revocation_key_and_the_rest() {
    let mut world = World::new();
    let jwts = [
        (4, json!({ "iat": NOW_S - 1, "exp": NOW_S + 60, "x-ably-revocation-key": "group" })),
        (4, json!({ "iat": NOW_S - 1, "exp": NOW_S + 60, "x-ably-revocation-key": "other" })),
        (4, json!({ "iat": NOW_S - 1, "exp": NOW_S + 60, "x-ably-clientId": "bob" })),
        (4, json!({ "iat": NOW_S, "exp": NOW_S + 60, "x-ably-revocation-key": "group" })),
        (0, json!({ "iat": NOW_S - 1, "exp": NOW_S + 60, "x-ably-revocation-key": "group" })),
    ];
    let jwts = jwts.map(|(key, claims)| world.jwt(key, &claims));
    let order = json!({ "targets": ["revocationKey:group"], "issuedBefore": NOW });
    assert_eq!(world.revoke(&order).body["successCount"], 1);
    let outcomes = jwts.each_ref().map(|jwt| world.outcome(jwt));
    let revoked = (40141, 401);
    assert_eq!(outcomes, [revoked, (0, 200), (0, 200), (0, 200), (0, 200)]);
    world.revoke(&json!({ "targets": ["clientId:bob", format!("token:{}", jwts[1])] }));
    assert_eq!(world.outcome(&jwts[1]), revoked);
    assert_eq!(world.outcome(&jwts[2]), revoked);
}

#[test]
fn a_revoked_keys_jwts_end_with_it() {
    let mut world = World::new();
    let jwt = world.jwt(0, &json!({}));
    let name = world.key_name(0);
    world.service.set_key_status(&name, KeyStatus::Revoked, NOW);
    assert_eq!(world.outcome(&jwt), (40131, 401));
}

#[test]
fn tokens_are_carried_in_the_header_or_the_payload() {
    let mut world = World::new();
    let ably = world.token(0, &TokenParams::default());
    let jwt = world.jwt(0, &json!({}));
    let foreign = json!({ "alg": "RS256", "kid": "theirs" });
    let mut expiring = claims(&json!({ "exp": NOW_S + 3_600 }));
    for inner in [&ably, &jwt] {
        let in_header = with(foreign.clone(), "x-ably-token", inner.as_str());
        let in_payload = with(json!({}), "x-ably-token", inner.as_str());
        for token in [
            format!("{}.{}.signature", part(&in_header), part(&json!({}))),
            format!("{}.unreadable.signature", part(&in_header)),
            format!("{}.{}.signature", part(&in_header), part(&expiring)),
            format!("{}.key.iv.text.tag", part(&in_header)),
            format!("{}.{}.signature", part(&foreign), part(&in_payload)),
        ] {
            assert_eq!(world.outcome(&token), (0, 200), "{token}");
        }
    }

    let in_header = with(foreign.clone(), "x-ably-token", ably.as_str());
    expiring["exp"] = json!(NOW_S + 3_601);
    let outliving = format!("{}.{}.signature", part(&in_header), part(&expiring));
    assert_eq!(world.outcome(&outliving), (40144, 401));
    expiring["exp"] = json!(NOW_S + 60);
    let ending_earlier = format!("{}.{}.signature", part(&in_header), part(&expiring));
    assert_eq!(world.outcome(&ending_earlier), (0, 200));
    world.now += 60_000;
    assert_eq!(world.outcome(&ending_earlier), (40142, 401));
    assert_eq!(world.outcome(&ably), (0, 200));
}

#[test]
fn what_is_carried_is_checked_once() {
    let mut world = World::new();
    let carry = |inner: &Value| {
        let header = json!({ "alg": "none", "x-ably-token": inner });
        format!("{}.{}.s", part(&header), part(&json!({})))
    };
    let jwt = world.jwt(0, &json!({}));
    let forged = signed(&json!({ "alg": "HS256", "kid": world.key_name(0) }), &claims(&json!({})), "guess");
    let once = carry(&json!(jwt));
    for (token, code) in [
        (once.clone(), (0, 200)),
        (carry(&json!(once)), (40144, 401)),
        (carry(&json!(5)), (40144, 401)),
        (carry(&json!("")), (40005, 400)),
        (carry(&json!(forged)), (40144, 401)),
        (carry(&json!(format!("{}.unheard-of", world.app_id()))), (40143, 401)),
    ] {
        assert_eq!(world.outcome(&token), code);
    }
}

#[test]
fn the_sandbox_issues_jwts_itself() {
    let mut world = World::new();
    let mut wanted = TokenRequest::new(world.keys[4].name());
    wanted.ttl = Some(1_500);
    wanted.client_id = Some("bob".into());
    let jwt = world.service.issue_jwt(&wanted, Some("group"), world.now).unwrap();
    let other = world.service.issue_jwt(&wanted, None, world.now).unwrap();
    assert_eq!(world.outcome(jwt.expose()), (0, 200));
    world.revoke(&json!({ "targets": ["revocationKey:group"] }));
    assert_eq!(world.outcome(jwt.expose()), (40141, 401));
    let later = world.service.issue_jwt(&wanted, Some("group"), world.now).unwrap();
    assert_eq!(world.outcome(later.expose()), (0, 200), "issued after it was revoked");
    world.now += 1_499;
    assert_eq!(world.outcome(other.expose()), (0, 200));
    world.now += 1;
    assert_eq!(world.outcome(other.expose()), (40142, 401));
    wanted.key_name = "no.key".into();
    assert_eq!(world.service.issue_jwt(&wanted, None, world.now).unwrap_err().code(), 40400);
}

#[test]
fn the_auth_url_answers_with_a_jwt() {
    let mut world = World::new();
    let reply = world.service.handle(&Request::new("GET", "/auth-url/jwt?clientId=bob&ttl=5000"), NOW);
    let jwt = String::from_utf8(reply.response.body().to_vec()).unwrap();
    assert_eq!(jwt.split('.').count(), 3);
    assert_eq!(world.outcome(&jwt), (0, 200));
    world.now += 5_000;
    assert_eq!(world.outcome(&jwt), (40142, 401));
}
