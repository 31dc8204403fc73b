//! Asking for tokens: every row of the service's checks.

use super::*;

#[test]
fn a_signed_request_gets_a_token() {
    let mut world = World::new();
    let body = world.signed(0, &TokenParams::default());
    let answer = world.request_token(0, &body);
    assert_eq!(answer.status, 200);
    let token = answer.body["token"].as_str().unwrap();
    assert!(token.starts_with(&format!("{}.", world.app_id())) && token.len() <= 65);
    let expected = json!({
        "token": token, "keyName": world.key_name(0), "issued": NOW, "expires": NOW + HOUR,
        "capability": r#"{"*":["*"]}"#,
    });
    assert_eq!(answer.body, expected);
    assert_eq!(world.probe_token(token).status, 200);
}

#[test]
fn the_token_is_what_was_asked_for() {
    let mut world = World::new();
    let wanted = json!({ "ttl": 123, "clientId": "bob", "capability": { "b": ["subscribe", "publish"], "a": ["*"] } });
    let body = world.signed(0, &params(wanted));
    let answer = world.request_token(0, &body);
    assert_eq!(answer.body["expires"], NOW + 123);
    assert_eq!(answer.body["clientId"], "bob");
    assert_eq!(answer.body["capability"], r#"{"a":["*"],"b":["publish","subscribe"]}"#);
}

#[test]
fn any_client_id_can_be_asked_for() {
    let mut world = World::new();
    let body = world.signed(0, &params(json!({ "clientId": "*" })));
    assert_eq!(world.request_token(0, &body).body["clientId"], "*");
}

#[test]
fn a_ttl_of_zero_is_the_default() {
    let mut world = World::new();
    let body = resign(&world.keys[0].clone(), &with(world.signed(0, &TokenParams::default()), "ttl", 0));
    assert_eq!(world.request_token(0, &body).body["expires"], NOW + HOUR);
}

#[test]
fn numbers_may_come_as_text() {
    let mut world = World::new();
    let body = world.signed(0, &params(json!({ "ttl": 5000 })));
    let body = with(with(body, "ttl", "5000"), "timestamp", NOW.to_string());
    assert_eq!(world.request_token(0, &body).status, 200);
}

#[test]
fn the_mac_covers_the_capability_as_it_was_sent() {
    let mut world = World::new();
    let odd = r#"{ "b": ["publish"], "a":["subscribe"] }"#;
    let body = with(world.signed(0, &TokenParams::default()), "capability", odd);
    let body = resign(&world.keys[0].clone(), &body);
    let answer = world.request_token(0, &body);
    assert_eq!(answer.body["capability"], r#"{"a":["subscribe"],"b":["publish"]}"#);
}

#[test]
fn row_1_the_body_must_be_readable() {
    let mut world = World::new();
    let good = world.signed(0, &TokenParams::default());
    let path = format!("/keys/{}/requestToken", world.key_name(0));
    for body in ["", "[]", "{", "\"text\"", "null"] {
        let request = Request::new("POST", &path).with_body(body);
        assert_eq!(world.send(&request).error(), (40001, 400), "{body}");
    }
    let wrong = [
        with(good.clone(), "ttl", "notanumber"),
        with(good.clone(), "ttl", true),
        with(good.clone(), "ttl", 1.5),
        with(good.clone(), "timestamp", Value::Null),
        with(good.clone(), "timestamp", "soon"),
        with(good.clone(), "keyName", Value::Null),
        with(good.clone(), "keyName", 5),
        with(good.clone(), "capability", json!({ "*": ["*"] })),
        with(good.clone(), "nonce", 5),
        with(good.clone(), "mac", 5),
    ];
    for body in wrong {
        assert_eq!(world.request_token(0, &body).error(), (40001, 400), "{body}");
    }
    let form = Request::new("POST", &path).with_header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(world.send(&form.with_body(good.to_string())).error(), (40001, 400));
    let text = Request::new("POST", &path).with_header("Content-Type", "text/plain; charset=utf-8");
    assert_eq!(world.send(&text.with_body(good.to_string())).status, 200);
}

#[test]
fn row_2_path_and_body_name_the_same_key() {
    let mut world = World::new();
    let body = world.signed(0, &TokenParams::default());
    assert_eq!(world.request_token(1, &body).error(), (40000, 400));
}

#[test]
fn row_3_the_capability_must_be_one() {
    let mut world = World::new();
    let good = world.signed(0, &TokenParams::default());
    for capability in ["nonsense", "[]", r#"{"a":[]}"#, r#"{"a":["*","publish"]}"#, r#"{"a":["fly"]}"#, r#"{"a":"*"}"#]
    {
        let answer = world.request_token(0, &with(good.clone(), "capability", capability));
        assert_eq!(answer.error(), (40000, 400), "{capability}");
        assert_eq!(answer.message(), "invalid capability");
    }
}

#[test]
fn rows_4_to_6_the_ttl_has_limits() {
    let mut world = World::new();
    let full = world.signed(0, &TokenParams::default());
    let revocable = world.signed(4, &TokenParams::default());
    for (key, body, ttl, message) in [
        (0, &full, -1, "Invalid value for ttl"),
        (0, &full, 24 * HOUR + 1, "Excessive value for TTL"),
        (0, &full, i64::MAX, "Excessive value for TTL"),
        (4, &revocable, HOUR + 1, "Excessive value for TTL (revocation is enabled on this key)"),
    ] {
        let answer = world.request_token(key, &with(body.clone(), "ttl", ttl));
        assert_eq!((answer.error(), answer.message()), ((40003, 400), message), "{ttl}");
    }
    world.token(0, &params(json!({ "ttl": 24 * HOUR })));
    world.token(4, &params(json!({ "ttl": HOUR })));
}

#[test]
fn row_7_the_client_id_is_a_non_empty_string() {
    let mut world = World::new();
    let good = world.signed(0, &TokenParams::default());
    for client_id in [json!(""), json!(5), json!(true), json!({})] {
        assert_eq!(world.request_token(0, &with(good.clone(), "clientId", client_id)).error(), (40012, 400));
    }
}

#[test]
fn rows_8_and_9_app_and_key_exist() {
    let mut world = World::new();
    for (name, expected) in
        [("nosuch.keyId".to_owned(), (40400, 404)), (format!("{}.nosuch", world.app_id()), (40400, 401))]
    {
        let key: ApiKey = format!("{name}:secret").parse().unwrap();
        let body = json!(sign::sign(&key, &TokenParams::default(), NOW, NONCE).unwrap());
        let answer = world.send(&post(&format!("/keys/{name}/requestToken"), &body));
        assert_eq!(answer.error(), expected);
    }
}

#[test]
fn rows_10_to_12_app_and_key_work() {
    let mut world = World::new();
    let (key, app) = (world.key_name(0), world.app_id());
    let old = world.token(0, &TokenParams::default());
    let body = world.signed(0, &TokenParams::default());
    world.service.set_key_status(&key, KeyStatus::Revoked, NOW);
    assert_eq!(world.request_token(0, &body).error(), (40131, 401));
    assert_eq!(world.probe_token(&old).error(), (40131, 401));
    world.service.set_key_status(&key, KeyStatus::Expired, NOW);
    assert_eq!(world.request_token(0, &body).error(), (40132, 401));
    world.service.set_key_status(&key, KeyStatus::Active, NOW);
    world.service.set_app_status(&app, AppStatus::Disabled, NOW);
    assert_eq!(world.request_token(0, &body).error(), (40120, 401));
    world.service.set_app_status(&app, AppStatus::AccountDisabled, NOW);
    assert_eq!(world.request_token(0, &body).error(), (40110, 401));
    world.service.set_app_status(&app, AppStatus::Enabled, NOW);
    assert_eq!(world.request_token(0, &body).status, 200);
}

#[test]
fn row_13_the_mac_must_match() {
    let mut world = World::new();
    let good = world.signed(0, &params(json!({ "ttl": 5000, "clientId": "bob" })));
    let other = world.signed(1, &TokenParams::default());
    for (name, value) in [
        ("ttl", json!(6000)),
        ("ttl", json!(0)),
        ("clientId", json!("eve")),
        ("capability", json!(r#"{"a":["*"]}"#)),
        ("timestamp", json!(NOW + 1)),
        ("nonce", json!("another nonce of mine")),
        ("mac", json!("not base64!")),
        ("mac", other["mac"].clone()),
    ] {
        let answer = world.request_token(0, &with(good.clone(), name, value));
        assert_eq!((answer.error(), answer.message()), ((40101, 401), "Request mac does not match"), "{name}");
    }
    assert_eq!(world.request_token(0, &good).status, 200, "the refused ones have not used the nonce up");
}

#[test]
fn the_log_says_what_was_changed_after_signing() {
    let mut world = World::new();
    let body = with(world.signed(0, &TokenParams::default()), "ttl", HOUR);
    world.request_token(0, &body);
    let record = world.service.requests().next_back().unwrap();
    assert_eq!(record.note.as_deref(), Some("most likely the ttl was added after signing"));
    assert_eq!((record.credentials, record.code), (CredentialsKind::Signature, Some(40101)));
}

#[test]
fn row_14_unsigned_needs_the_key_itself() {
    let mut world = World::new();
    let unsigned = json!({ "keyName": world.key_name(0), "timestamp": NOW });
    assert_eq!(world.request_token(0, &unsigned).error(), (40101, 401));

    let path = format!("/keys/{}/requestToken", world.key_name(0));
    let request = post(&path, &unsigned);
    let by = |credentials: String| request.clone().with_header("Authorization", credentials);
    let (same, other) = (basic(world.keys[0].expose()), basic(world.keys[1].expose()));
    assert_eq!(world.send(&by(same.clone())).status, 200);
    assert_eq!(world.send(&by(same.clone())).status, 200, "there is no nonce to replay");
    assert_eq!(world.send(&by(other)).error(), (40101, 401));
    assert_eq!(world.send(&by(same).over_plain_http()).error(), (40103, 401));
    let token = world.token(0, &TokenParams::default());
    assert_eq!(world.send(&by(format!("Bearer {token}"))).error(), (40106, 401));
}

#[test]
fn row_15_the_timestamp_must_be_current() {
    let mut world = World::new();
    for (offset, is_current) in
        [(-120_001, false), (-120_000, true), (120_000, true), (120_001, false), (-30 * 60_000, false)]
    {
        let body = world.signed(0, &params(json!({ "timestamp": NOW + offset })));
        let answer = world.request_token(0, &body);
        assert_eq!(answer.status == 200, is_current, "{offset}");
        if !is_current {
            assert_eq!((answer.error(), answer.message()), ((40104, 401), "Timestamp not current"));
        }
    }
}

#[test]
fn row_16_a_nonce_is_good_once() {
    let mut world = World::new();
    let ahead = world.signed(0, &params(json!({ "timestamp": NOW + 120_000, "nonce": NONCE })));
    assert_eq!(world.request_token(0, &ahead).status, 200);
    for _ in 0..4 {
        let answer = world.request_token(0, &ahead);
        assert_eq!((answer.error(), answer.message()), ((40105, 401), "Nonce value replayed"));
        world.now += 60_000;
    }
    assert_eq!(world.request_token(0, &ahead).error(), (40105, 401), "current for as long as it is remembered");
    world.now += 1;
    assert_eq!(world.request_token(0, &ahead).error(), (40104, 401));
    let other_key = world.signed(1, &params(json!({ "nonce": NONCE })));
    assert_eq!(world.request_token(1, &other_key).status, 200, "a nonce counts for its key");
}

#[test]
fn a_signed_request_needs_a_nonce() {
    let mut world = World::new();
    let key = world.keys[0].clone();
    let body = with(world.signed(0, &TokenParams::default()), "nonce", Value::Null);
    assert_eq!(world.request_token(0, &resign(&key, &body)).error(), (40105, 401));
}

#[test]
fn nonces_are_forgotten_once_they_do_not_matter() {
    let mut world = World::new();
    for _ in 0..50 {
        world.token(0, &TokenParams::default());
    }
    assert_eq!(world.service.nonce_count(), 50);
    world.now += 120_001;
    world.token(0, &TokenParams::default());
    assert_eq!(world.service.nonce_count(), 1);
}

#[test]
fn row_17_the_key_must_have_some_of_the_capability() {
    let mut world = World::new();
    for capability in [r#"{"canpublish:test":["subscribe"]}"#, r#"{"elsewhere":["*"]}"#, "{}"] {
        let body = world.signed(1, &params(json!({ "capability": capability })));
        assert_eq!(world.request_token(1, &body).error(), (40160, 401), "{capability}");
    }
}

#[test]
fn without_a_capability_the_keys_own_text_is_granted() {
    let mut world = World::new();
    let text = r#"{ "zoo": ["subscribe", "publish"] }"#;
    let key: ApiKey = "appId1.keyId:secret:with:colons".parse().unwrap();
    world.service.add_key(key.clone(), KeySpec::with_capability(text)).unwrap();
    world.keys.push(key);
    let body = world.signed(6, &TokenParams::default());
    assert_eq!(world.request_token(6, &body).body["capability"], text);
}

#[test]
fn only_post_exists() {
    let mut world = World::new();
    let path = format!("/keys/{}/requestToken", world.key_name(0));
    assert_eq!(world.send(&Request::new("GET", &path)).error(), (40400, 404));
}

#[test]
fn open_points_can_be_decided_otherwise() {
    let mut choices = Choices::default();
    choices.request_token_status = 201;
    choices.request_token_key_mismatch = Code::new(40101, 401);
    choices.zero_ttl_is_default = false;
    let mut world = World::with_choices(choices);
    let body = world.signed(0, &TokenParams::default());
    assert_eq!(world.request_token(1, &body).error(), (40101, 401));
    assert_eq!(world.request_token(0, &with(body.clone(), "ttl", 0)).error(), (40003, 400));
    assert_eq!(world.request_token(0, &body).status, 201);
}
